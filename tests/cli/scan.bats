#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The command line of g2s-scan; what it finds in real programs is tried in tests/e2e.

load helper

setup() {
	cli_setup
	elf "$exits" >app
}

teardown() {
	cli_teardown
}

@test "the executable of these tests is one" {
	readelf -hlW app >text 2>complaints
	cat complaints
	[ ! -s complaints ]
	grep -q 'LOAD .* R E ' text
	chmod +x app
	try ./app
	ended 0
}

@test "a whole stream of what was found" {
	try g2s-scan app
	ended 0
	[ "$(head -n 1 try/out)" = "$(printf '#g2s-sites\t1\t%s' "$(g2s --version | cut -d ' ' -f 2)")" ]
	[ "$(sed -n 2p try/out)" = "$(printf '#binary\tapp\tx86_64\t-\t-')" ]
	[ "$(tail -n 1 try/out)" = "$(printf '#end\t1\t0')" ]
	[ "$(column 1)" = app ]
	[ "$(column 2)" = x86_64 ]
	[ "$(column 4)" = syscall ]
	[ "$(column 5)" = 60 ]
	[ "$(column 6)" = imm ]
	# The next stage is content with it.
	input=try/out
	cp try/out sites
	input=sites
	try g2s-resolve
	ended 0
	[ "$(column 9)" = exit ]
}

@test "what is not known is a row, and with --strict a status" {
	elf "$hides" >app
	try g2s-scan app
	[ "$status" -eq 0 ]
	[ "$(column 5)" = '?' ]
	[ "$(tail -n 1 try/out)" = "$(printf '#end\t1\t1')" ]
	cp try/out loose
	try g2s-scan --strict app
	ended 3 'g2s-scan: the result is incomplete: 1 unresolved'
	cmp loose try/out
	try g2s-scan --strict -o file app
	[ "$status" -eq 3 ]
	cmp loose file
	elf "$exits" >app
	try g2s-scan --strict app
	ended 0
}

@test "a program without system calls" {
	elf '\x90\xc3' >app
	try g2s-scan app
	[ "$status" -eq 0 ]
	[ "$(tail -n 1 try/out)" = "$(printf '#end\t0\t0')" ]
}

@test "--callers: a chain of calls in a tenth column, and nothing else changes" {
	elf "\xe8\x01\x00\x00\x00\xc3$exits" >app # call 0x40007e; ret
	try g2s-scan app
	ended 0
	cp try/out plain
	[ "$(grep -v '^#' plain | awk -F '\t' '{ print NF }')" = 8 ]
	try g2s-scan --callers app
	ended 0
	cp try/out sites
	[ "$(column 9-)" = "$(printf -- '-\t0x400078 > 0x40007e')" ]
	cut -f 1-8 sites | cmp plain -
	# What it says of itself is what it said before: whoever knows streams can read it.
	[ "$(head -n 1 sites)" = "$(head -n 1 plain)" ]
	# The next stage fills in the ninth and passes on the tenth; the last one is content with both.
	try g2s-resolve sites
	ended 0
	[ "$(column 9-)" = "$(printf 'exit\t0x400078 > 0x40007e')" ]
	cut -f 1-9 try/out >named
	g2s-resolve plain | cmp named -
	cp try/out resolved
	try g2s-profile resolved
	ended 0
	cp try/out profile
	g2s-resolve plain | g2s-profile | cmp profile -
	# With and without the column it is the same row.
	for order in 'plain sites' 'sites plain' 'sites sites plain'; do
		# shellcheck disable=SC2086 # a list of names
		cat $order | g2s-resolve | cmp resolved -
	done
}

@test "--callers: with several programs and other options" {
	cp app other
	try g2s-scan --callers --strict -o file app other
	ended 0
	[ "$(grep -v '^#' file | cut -f 1,9-)" = "$(printf 'app\t-\t0x400078\nother\t-\t0x400078')" ]
	elf "$hides" >other
	try g2s-scan --callers --strict app other
	[ "$status" -eq 3 ]
	[ "$(column 10 | wc -l)" -eq 2 ]
	echo text >text
	try g2s-scan --callers text app
	ended 4 "g2s-scan: text: "
	[ "$(column 10)" = 0x400078 ]
	elf '\x90\xc3' >app
	try g2s-scan --callers app
	ended 0
	[ "$(tail -n 1 try/out)" = "$(printf '#end\t0\t0')" ]
}

@test "several programs, in their order" {
	cp app b
	cp app a
	try g2s-scan b a
	ended 0
	[ "$(column 1 | tr '\n' ' ')" = 'b a ' ]
	[ "$(grep -c '^#end' try/out)" -eq 1 ]
	[ "$(tail -n 1 try/out)" = "$(printf '#end\t2\t0')" ]
}

@test "a program has to be given" {
	try g2s-scan
	ended 2 "g2s-scan: no program given"
	wrote_nothing
	try g2s-scan --strict
	ended 2 "no program given"
}

@test "files that cannot be read" {
	try g2s-scan missing
	ended 2 "g2s-scan: missing: cannot open: No such file or directory"
	try g2s-scan .
	ended 2 "g2s-scan: .: is a directory"
	try g2s-scan /dev/null
	ended 2 "/dev/null: is not a regular file"
	mkfifo fifo
	try timeout 10 g2s-scan fifo
	ended 2 "fifo: is not a regular file"
	try g2s-scan $'\e[2J\n'
	ended 2 '\x1b[2J\x0a: cannot open'
	wrote_nothing
	cp "$dist/g2s" g2s
	chmod 000 app
	try as_nobody ./g2s scan app
	ended 2 "app: cannot open: Permission denied"
}

@test "one file that cannot be read: it is named, and the others are written" {
	echo text >text
	elf "$hides" >other
	try g2s-scan app missing text other
	[ "$status" -eq 4 ]
	printf '%s\n' 'g2s-scan: missing: cannot open: No such file or directory' \
		'g2s-scan: text: not an ELF file' | diff - try/err
	[ "$(grep '^#unread' try/out)" = "$(printf '#unread\t%s\t%s\n' \
		missing 'cannot open: No such file or directory' text 'not an ELF file')" ]
	[ "$(column 1 | tr '\n' ' ')" = 'app other ' ]
	[ "$(tail -n 1 try/out)" = "$(printf '#end\t2\t3')" ]
	try g2s-scan missing app
	ended 2 "missing"
	[ "$(sed -n 2p try/out)" = "$(printf '#unread\tmissing\tcannot open: No such file or directory')" ]
	# What is unresolved beside it does not hide it.
	try g2s-scan --strict other missing
	ended 2 "missing"
	try g2s-scan -o file text app
	ended 4 "text"
	[ "$(head -n 3 file | cut -f 1 | tr '\n' ' ')" = '#g2s-sites #unread #binary ' ]
	# An output that fails is worse.
	try g2s-scan -o /dev/full text app
	[ "$status" -eq 5 ]
	# Nothing but failures is no stream.
	try g2s-scan missing text missing
	[ "$status" -eq 4 ]
	[ "$(wc -l <try/err)" -eq 3 ]
	wrote_nothing
}

@test "a file that was not scanned never becomes part of a profile in silence" {
	echo text >$'x\ty'
	try bash -c 'g2s-scan app "$1" | g2s-resolve | g2s-profile' - $'x\ty'
	[ "$status" -eq 4 ]
	wrote_nothing
	said 'g2s-profile: x\x09y: was not scanned: not an ELF file (--partial makes a profile without)'
	try bash -c 'g2s-scan app "$1" 2>/dev/null | g2s-resolve | g2s-profile --partial --runtime=none' - $'x\ty'
	ended 0 'g2s-profile: warning: x\x09y: what it calls is not in the profile: not an ELF file'
	[ "$(jq -c .syscalls try/out)" = '[{"names":["exit"],"action":"SCMP_ACT_ALLOW"}]' ]
}

@test "a file of debug information is not taken for a program without system calls" {
	printf '%s\n' 'int main(void)' '{' 'return 0;' '}' >main.c
	for how in -Wl,-z,separate-code -Wl,-z,noseparate-code -static; do
		echo "$how"
		gcc -g "$how" -o main main.c
		objcopy --only-keep-debug main main.debug
		try g2s-scan main.debug
		ended 4 "main.debug: its code is not in the file (separate debug information?)"
		wrote_nothing
		# What it was made from has its code.
		try g2s-scan main
		[ "$status" -eq 0 ]
	done
}

@test "what is no program" {
	: >empty
	try g2s-scan empty
	ended 4 "g2s-scan: empty: "
	for text in x text $'\x7fELF' '#!/bin/sh'; do
		echo "$text" >file
		try g2s-scan file
		ended 4 "g2s-scan: file: "
		wrote_nothing
	done
	head -c 100000 /dev/urandom >file
	try g2s-scan file
	ended 4 "g2s-scan: file: "
}

@test "a program cut at every byte" {
	size=$(stat -c %s app)
	for ((i = 0; i < size; i++)); do
		head -c "$i" app >cut
		status=0
		timeout 10 g2s-scan cut >try/out 2>try/err || status=$?
		case $status in
		0) grep -q '^#end' try/out ;; # a segment that ends early is no reason to refuse
		4)
			wrote_nothing
			[ "$(wc -l <try/err)" -eq 1 ]
			;;
		*)
			show
			return 1
			;;
		esac
		if [ "$i" -lt 120 ]; then
			[ "$status" -eq 4 ]
		fi
	done
}

@test "programs for machines that are not known" {
	# e_machine, and the class of a 32-bit file.
	for change in '18 \xf3' '4 \x03' '5 \x03' '5 \x00'; do
		cp app other
		# shellcheck disable=SC2059 # escapes
		printf "${change#* }" | dd of=other bs=1 seek="${change% *}" conv=notrunc status=none
		try g2s-scan other
		ended 4 "g2s-scan: other: "
		wrote_nothing
	done
}

@test "names like options, and names that a stream has to escape" {
	cp app ./--strict
	try g2s-scan -- --strict
	ended 0
	[ "$(column 1)" = --strict ]
	try g2s-scan ./--strict
	ended 0
	for name in '#app' $'a\tb\nc' $'\e[31m\xff' 'a\b'; do
		cp app "$name"
		try g2s-scan "$name"
		ended 0
		[ "$(wc -l <try/out)" -eq 4 ]
		cp try/out sites
		try g2s-resolve sites
		ended 0
		sed 's/\texit$//' try/out | cmp sites -
	done
}

@test "the same bytes every time" {
	g2s-scan "$dist/g2s" >one
	g2s-scan "$dist/g2s" >two
	[ -s one ]
	cmp one two
	g2s-scan --callers "$dist/g2s" >two
	cut -f 1-8 two | cmp one -
	g2s-scan --callers "$dist/g2s" | cmp two -
}

@test "output to stdout: full disk, closed, broken pipe" {
	outputs_to_stdout g2s-scan app
}

@test "output to a file" {
	outputs_to_file g2s-scan app
}

@test "output where nothing may be written" {
	outputs_without_rights g2s-scan app
}

@test "a failure leaves the old output" {
	mkdir there
	echo old >there/file
	echo text >text
	try g2s-scan -o there/file text
	[ "$status" -eq 4 ]
	try g2s-scan -o there/file missing
	[ "$status" -eq 2 ]
	[ "$(cat there/file)" = old ]
	[ "$(ls -A there)" = file ]
}

@test "from a program to a profile" {
	try bash -c 'g2s-scan app | g2s-resolve | g2s-profile --runtime=none --strict'
	ended 0
	[ "$(jq -c .syscalls try/out)" = '[{"names":["exit"],"action":"SCMP_ACT_ALLOW"}]' ]
	[ "$(jq -c .architectures try/out)" = '["SCMP_ARCH_X86_64"]' ]
	# A stage that failed leaves nothing to take for a profile.
	try bash -c 'g2s-scan missing | g2s-resolve | g2s-profile'
	[ "$status" -eq 4 ]
	wrote_nothing
}

@test "a very long name is cut, between two characters, and has a mark" {
	local long
	long=a$(printf 'é%.0s' {1..600})
	printf '%s\n' '.globl _start' "\"$long\":" _start: 'mov $60, %eax' syscall >long.s
	printf '.type "%s", @function\n.size "%s", .-"%s"\n' "$long" "$long" "$long" >>long.s
	gcc -nostdlib -static -o long long.s
	strip -N _start long
	try g2s-scan long
	ended 0
	[ "$(column 7)" = "a$(printf 'é%.0s' {1..499})..." ]
}

@test "--sysroot is a directory, --dlopen a name" {
	mkdir root
	for options in '--sysroot=root' '--sysroot root/..' '--dlopen=libx.so --dlopen /lib/y.so'; do
		# shellcheck disable=SC2086 # words
		try g2s-scan $options app
		ended 0
	done
	try g2s-scan --sysroot=nowhere app
	ended 2 "nowhere: cannot open the root file system: No such file or directory"
	try g2s-scan --dlopen= app
	ended 2 "--dlopen needs the name of a library"
	wrote_nothing
}
