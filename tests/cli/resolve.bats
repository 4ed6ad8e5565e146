#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

load helper

setup() {
	cli_setup
	version=$(g2s --version | cut -d ' ' -f 2)
}

teardown() {
	cli_teardown
}

# resolved LINE...: what g2s-resolve must have written, in the manner of stream.
resolved() {
	stream "$@" | sed "1s/[^\t]*\$/$version/" >try/wanted
	diff try/wanted try/out
}

@test "numbers get the names of their architecture" {
	stream '#binary app x86_64 go1.22.12 id' 'app x86_64 0x401000 call 1 imm main.main main.go:3' \
		'app x86 0x401010 int80 4 imm main.old main.go:9' \
		'app aarch64 0x401020 svc 64 data - -' 'app arm 0x401030 svc 983042 arg f s' >in
	input=in
	try g2s-resolve
	ended 0
	resolved '#binary app x86_64 go1.22.12 id' \
		'app x86_64 0x401000 call 1 imm main.main main.go:3 write' \
		'app x86 0x401010 int80 4 imm main.old main.go:9 write' \
		'app aarch64 0x401020 svc 64 data - - write' 'app arm 0x401030 svc 983042 arg f s cacheflush'
}

@test "what is not known stays so" {
	stream '#needs app libc.so.6' 'app x86_64 0x1 syscall ? memory main.f main.go:3' >in
	input=in
	try g2s-resolve
	ended 0
	resolved '#needs app libc.so.6' 'app x86_64 0x1 syscall ? memory main.f main.go:3 ?'
}

@test "a number without a name is marked, and a warning" {
	stream 'app x86_64 0x1 call 9999 imm main.f main.go:3' 'app riscv64 0x2 syscall 1 imm - -' \
		'app x86_64 0x3 call 4294967297 imm f -' >in
	input=in
	try g2s-resolve
	[ "$status" -eq 0 ]
	resolved 'app x86_64 0x1 call 9999 imm main.f main.go:3 #9999' 'app riscv64 0x2 syscall 1 imm - - #1' \
		'app x86_64 0x3 call 4294967297 imm f - #4294967297'
	printf '%s\n' \
		'g2s-resolve: warning: app: x86_64 has no system call of number 9999 (main.f, main.go:3)' \
		'g2s-resolve: warning: app: riscv64 has no system call of number 1 (0x2)' \
		'g2s-resolve: warning: app: x86_64 has no system call of number 4294967297 (f, 0x3)' |
		diff - try/err
}

@test "the x32 bit is recognised and said" {
	stream 'app x86_64 0x1 call 1073741825 imm main.f main.go:3' \
		'app x86_64 0x2 call 1073742344 imm main.g main.go:4' >in
	input=in
	try g2s-resolve
	[ "$status" -eq 0 ]
	resolved 'app x86_64 0x1 call 1073741825 imm main.f main.go:3 write' \
		'app x86_64 0x2 call 1073742344 imm main.g main.go:4 execve'
	said "number 1073741825 is write of the x32 ABI (main.f, main.go:3)"
	said "number 1073742344 is execve of the x32 ABI (main.g, main.go:4)"
}

@test "resolving again changes nothing, and names are made from numbers alone" {
	stream '#binary app x86_64 - -' 'app x86_64 0x1 call 1 imm f s' 'app x86_64 0x2 call 9999 imm f s' \
		'app x86_64 0x3 call ? memory f s' >in
	g2s-resolve in >once 2>err
	g2s-resolve once >twice 2>err
	cmp once twice
	sed 's/write/read/' once >changed
	g2s-resolve changed >again 2>err
	cmp once again
	# With names or without, a row is the same row.
	g2s-resolve in changed once >again 2>err
	cmp once again
}

@test "a file that was not scanned is passed on" {
	stream '#binary a x86_64 - -' '#unread lib/b\tc cannot' 'a x86_64 0x1 call 1 imm f s' '#unread a why' >in
	try g2s-resolve in
	ended 0
	resolved '#binary a x86_64 - -' '#unread a why' 'a x86_64 0x1 call 1 imm f s write' '#unread lib/b\tc cannot'
	# Also of a part, where it does not become whole by that.
	grep '^#unread' in >part
	try g2s-resolve --partial part
	ended 0
	resolved '#unread lib/b\tc cannot' '#unread a why'
}

@test "further columns are passed on" {
	printf '#g2s-sites\t1\tx\na\tx86_64\t0x1\tcall\t1\timm\tf\ts\t-\tmain.main > f\tx\\ty\n#end\t1\t0\n' >in
	try g2s-resolve in
	ended 0
	[ "$(sed -n 2p try/out)" = "$(printf 'a\tx86_64\t0x1\tcall\t1\timm\tf\ts\twrite\tmain.main > f\tx\\ty')" ]
}

@test "several streams become one, however they come" {
	stream '#binary a x86_64 - -' '#needs a libc.so.6' 'a x86_64 0x2 call 1 imm f s' \
		'a x86_64 0x1 call 0 imm f s' >a
	stream '#binary b x86_64 - -' 'b x86_64 0x1 call 1 imm f s' >b
	cat a b a >all
	input=all
	try g2s-resolve
	ended 0
	resolved '#binary a x86_64 - -' '#needs a libc.so.6' 'a x86_64 0x1 call 0 imm f s read' \
		'a x86_64 0x2 call 1 imm f s write' '#binary b x86_64 - -' 'b x86_64 0x1 call 1 imm f s write'
	cp try/out wanted
	try g2s-resolve a b
	cmp wanted try/out
	input=b
	try g2s-resolve a -
	cmp wanted try/out
	# Each file must be whole by itself.
	head -n 2 a >half
	try g2s-resolve half b
	ended 4 "half: line 3: the stream ends without its #end line"
	wrote_nothing
}

@test "what is not whole is refused, and nothing is written" {
	stream '#binary app x86_64 - -' 'app x86_64 0x1 call 1 imm f s' >whole
	for lines in 0 1 2 3; do
		head -n "$lines" whole >cut
		input=cut
		try g2s-resolve
		ended 4 "g2s-resolve: standard input: line $((lines + 1)): "
		wrote_nothing
	done
	head -c -1 whole >cut
	try g2s-resolve
	ended 4 "has no newline"
	wrote_nothing
	# A failed stage before it.
	input=/dev/null
	try bash -c 'g2s-scan missing 2>/dev/null | g2s-resolve'
	ended 4 "empty input instead of a stream"
	wrote_nothing
}

@test "what is no stream is refused" {
	for bad in 'text' '{"defaultAction":"SCMP_ACT_ALLOW"}' $'#g2s-sites\t2\t9.0\n#end\t0\t0'; do
		printf '%s\n' "$bad" >in
		try g2s-resolve in
		ended 4 "g2s-resolve: in: line 1: "
		wrote_nothing
	done
	try g2s-resolve "$dist/g2s"
	ended 4 "not a g2s stream"
	wrote_nothing
	stream 'app x86_64 0x1 call 1 imm f s' | sed 's/$/\r/' >in
	try g2s-resolve in
	ended 4 "in: line 1: "
	# A line without an end is not read to its end: the sanitizers' own memory has no such bound.
	head -c 300000000 /dev/zero | tr '\0' 'x' >in
	bound=200000
	[ -z "${ASAN_OPTIONS:-}" ] || bound=unlimited
	try timeout 20 bash -c 'ulimit -v "$1" && g2s-resolve --partial in' - "$bound"
	ended 4 "in: line 1: line longer than 262144 bytes"
}

@test "--partial accepts a part, and not what is malformed" {
	stream '#binary app x86_64 - -' 'app x86_64 0x1 call 1 imm f s' 'app x86_64 0x2 call 2 imm g s' >whole
	grep -w g whole >part
	input=part
	try g2s-resolve
	ended 4 "not a g2s stream"
	try g2s-resolve --partial
	ended 0
	resolved 'app x86_64 0x2 call 2 imm g s open'
	# Its output is whole again.
	g2s-resolve --partial part | g2s-resolve >again
	cmp try/out again
	head -n 2 whole >part
	try g2s-resolve --partial
	ended 0
	resolved '#binary app x86_64 - -'
	head -c 60 whole >part
	try g2s-resolve --partial
	ended 4 "cut short"
	wrote_nothing
	input=/dev/null
	try g2s-resolve --partial
	ended 0
	resolved
}

@test "files that cannot be read" {
	try g2s-resolve missing
	ended 2 "g2s-resolve: missing: cannot open: No such file or directory"
	try g2s-resolve .
	ended 2 "g2s-resolve: .: cannot read: Is a directory"
	wrote_nothing
	try g2s-resolve $'\e]0;x\a'
	ended 2 '\x1b]0;x\x07: cannot open'
}

@test "text of a stream is never shown raw" {
	printf '#g2s-sites\t1\tx\n\\x1b[2Ja\tx86_64\t0x1\tcall\t999\timm\tmain.\\x9b\\nf\ts\xc2\xa0\n#end\t1\t0\n' >in
	try g2s-resolve in
	[ "$status" -eq 0 ]
	[ "$(wc -l <try/err)" -eq 1 ]
	said 'warning: \x1b[2Ja: '
	said '(main.\x9b\x0af, s'
	printf '#g2s-sites\t1\tx\n#\\x1b[2J\n#end\t0\t0\n' >in
	try g2s-resolve in
	ended 4 'unknown keyword "#\x1b[2J"'
}

@test "output to stdout: full disk, closed, broken pipe" {
	stream '#binary app x86_64 - -' 'app x86_64 0x1 call 1 imm f s' >in
	input=in
	outputs_to_stdout g2s-resolve
}

@test "output to a file" {
	stream '#binary app x86_64 - -' 'app x86_64 0x1 call 1 imm f s' >in
	input=in
	outputs_to_file g2s-resolve
}

@test "output where nothing may be written" {
	stream '#binary app x86_64 - -' 'app x86_64 0x1 call 1 imm f s' >in
	input=in
	outputs_without_rights g2s-resolve
}

@test "an output that cannot be is known before the input" {
	try g2s-resolve -o missing/file
	ended 5 "missing/file: cannot write"
	stream 'app x86_64 0x1 call 1 imm f s' >in
	try g2s-resolve in -o missing/file missing
	ended 5 "missing/file: cannot write"
}

@test "a failure leaves the old output" {
	mkdir there
	echo old >there/file
	printf '#g2s-sites\t1\tx\n' >in
	input=in
	try g2s-resolve -o there/file
	[ "$status" -eq 4 ]
	[ "$(cat there/file)" = old ]
	[ "$(ls -A there)" = file ]
	# It can be its own input.
	stream 'app x86_64 0x1 call 1 imm f s' >there/file
	try g2s-resolve -o there/file there/file
	ended 0
	grep -q write there/file
}
