#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

load helper

setup() {
	cli_setup
	stream '#binary app x86_64 go1.22.12 id' 'app x86_64 0x401000 call 1 imm main.main main.go:3 write' \
		'app x86_64 0x401010 call 0 imm main.main main.go:4 read' \
		'app x86_64 0x401020 call 1 imm main.f main.go:9 write' >app
	input=app
}

teardown() {
	cli_teardown
}

names() {
	jq -r '.syscalls[].names[]' "${1:-try/out}"
}

@test "the JSON that runtimes know" {
	try g2s-profile --runtime=none
	ended 0
	wrote '{
    "defaultAction": "SCMP_ACT_ERRNO",
    "architectures": [
        "SCMP_ARCH_X86_64"
    ],
    "syscalls": [
        {
            "names": [
                "read",
                "write"
            ],
            "action": "SCMP_ACT_ALLOW"
        }
    ]
}'
}

@test "the baseline is added, once and sorted" {
	try g2s-profile
	ended 0
	[ "$(jq '.syscalls | length' try/out)" -eq 1 ]
	names >list
	LC_ALL=C sort -u list | diff - list
	[ "$(wc -l <list)" -eq 37 ]
	grep -qx restart_syscall list
	grep -qx exit_group list
	cp try/out default
	try g2s-profile --runtime=any --default-action=errno
	cmp default try/out
}

@test "each runtime has its own baseline, and a fatal default action more" {
	while read -r runtime action count; do
		try g2s-profile --runtime="$runtime" --default-action="$action"
		ended 0
		[ "$(names | wc -l)" -eq "$count" ]
	done <<-END
		any errno 37
		any log 37
		any kill-process 47
		any kill-thread 47
		any trap 47
		runc errno 30
		runc kill-process 39
		crun errno 19
		crun trap 23
		none errno 2
		none kill-process 2
	END
	# The sets of single runtimes lie within that for any.
	for action in errno kill-process; do
		g2s-profile --default-action=$action <app | names - >any
		for runtime in runc crun; do
			g2s-profile --runtime=$runtime --default-action=$action <app | names - >list
			[ -z "$(comm -13 any list)" ]
		done
	done
}

@test "--default-action" {
	while read -r action written; do
		try g2s-profile --default-action="$action"
		ended 0
		[ "$(jq -r .defaultAction try/out)" = "SCMP_ACT_$written" ]
		[ "$(jq .defaultErrnoRet try/out)" = null ]
	done <<-END
		errno ERRNO
		kill-process KILL_PROCESS
		kill-thread KILL_THREAD
		trap TRAP
		log LOG
	END
	for action in '' allow ERRNO kill; do
		try g2s-profile --default-action "$action"
		ended 2 "no default action \"$action\""
		wrote_nothing
	done
}

@test "--errno" {
	try g2s-profile --errno=ENOSYS
	ended 0
	[ "$(jq .defaultErrnoRet try/out)" = 38 ]
	[ "$(sed -n 3p try/out)" = '    "defaultErrnoRet": 38,' ]
	try g2s-profile --errno=EPERM --default-action=errno
	ended 0
	[ "$(jq .defaultErrnoRet try/out)" = 1 ]
	for error in 38 enosys EACCES ''; do
		try g2s-profile --errno="$error"
		ended 2 "no error \"$error\" to answer with"
	done
	try g2s-profile --errno=EPERM --default-action=trap
	ended 2 "--errno goes with --default-action=errno only"
	wrote_nothing
}

@test "--runtime refuses what it does not know" {
	try g2s-profile --runtime=docker
	ended 2 'g2s-profile: no runtime "docker"'
	wrote_nothing
}

@test "the order of the input does not matter" {
	{ head -n 2 app && sed -n '3,5p' app | tac && tail -n 1 app; } >turned
	g2s-profile app >one
	g2s-profile turned >two
	cmp one two
	cat app turned | g2s-profile >three
	cmp one three
}

@test "int 0x80 in a 64-bit program adds its architecture and its names" {
	stream '#binary app x86_64 - -' 'app x86_64 0x1 call 1 imm f s write' \
		'app x86 0x2 int80 102 imm f s socketcall' >in
	try g2s-profile --runtime=none in
	ended 0
	[ "$(jq -c .architectures try/out)" = '["SCMP_ARCH_X86_64","SCMP_ARCH_X86"]' ]
	[ "$(names | tr '\n' ' ')" = 'socketcall write ' ]
}

@test "each architecture of the stream is listed" {
	stream '#binary app x86_64 - -' 'app x86_64 0x1 call 1073741825 imm f s write' >in
	try g2s-profile --runtime=none in
	ended 0
	[ "$(jq -c .architectures try/out)" = '["SCMP_ARCH_X86_64","SCMP_ARCH_X32"]' ]
	stream '#binary b arm - -' 'b arm 0x1 svc 4 imm f s write' '#binary a aarch64 - -' \
		'a aarch64 0x1 svc 64 imm f s write' '#binary c x86 - -' >in
	try g2s-profile --runtime=none in
	ended 0
	[ "$(jq -c .architectures try/out)" = '["SCMP_ARCH_X86","SCMP_ARCH_AARCH64","SCMP_ARCH_ARM"]' ]
	stream '#binary b riscv64 - -' >in
	try g2s-profile in
	ended 4 "b: architecture riscv64 is not known to profiles"
	wrote_nothing
}

@test "every thing that is missing is one warning" {
	stream '#binary app x86_64 - -' '#needs app libc.so.6' '#needs app libm.so.6' \
		'app x86_64 0x1 call 1 imm f s write' 'app x86_64 0x2 syscall ? memory main.run main.go:9 ?' \
		'app x86_64 0x3 syscall ? indirect - - ?' \
		'app x86_64 0x4 call 9999 imm main.new main.go:12 #9999' >in
	try g2s-profile --runtime=none in
	[ "$status" -eq 0 ]
	cp try/out loose
	[ "$(names)" = write ]
	LC_ALL=C sort >try/wanted <<-END
		g2s-profile: warning: app: unresolved system call: memory (main.run, main.go:9)
		g2s-profile: warning: app: unresolved system call: indirect (0x3)
		g2s-profile: warning: app: number 9999 of x86_64 has no name and is not allowed (main.new, main.go:12)
		g2s-profile: warning: app: what its library libc.so.6 calls is not in the profile
		g2s-profile: warning: app: what its library libm.so.6 calls is not in the profile
	END
	LC_ALL=C sort try/err | diff try/wanted -
	# With --strict the same is written, and the status tells.
	try g2s-profile --runtime=none --strict in
	[ "$status" -eq 3 ]
	cmp loose try/out
	said "the profile is incomplete: 5 unresolved"
	[ "$(wc -l <try/err)" -eq 6 ]
	try g2s-profile --runtime=none --strict -o file in
	[ "$status" -eq 3 ]
	cmp loose file
}

@test "--strict counts each kind of what is missing, and minds nothing else" {
	try g2s-profile --strict
	ended 0
	for line in '#needs app libc.so.6' 'app x86_64 0x2 syscall ? memory f s ?' \
		'app x86_64 0x4 call 9999 imm f s #9999'; do
		stream '#binary app x86_64 - -' 'app x86_64 0x1 call 1 imm f s write' "$line" >in
		try g2s-profile --strict in
		[ "$status" -eq 3 ]
		[ -s try/out ]
		try g2s-profile in
		[ "$status" -eq 0 ]
	done
}

@test "a file that was not scanned: no profile, or a warning with --partial" {
	stream '#binary app x86_64 - -' 'app x86_64 0x1 call 1 imm f s write' \
		'#unread lib/a\tb cannot' '#unread bad damaged' '#unread bad \\x1b[2J' >in
	for option in '' --strict --runtime=none; do
		# shellcheck disable=SC2086 # no option, or one
		try g2s-profile $option in
		ended 4 'g2s-profile: lib/a\x09b: was not scanned: cannot; nor were 2 more (--partial makes a profile without)'
		wrote_nothing
	done
	echo old >there
	try g2s-profile -o there in
	ended 4 "was not scanned"
	[ "$(cat there)" = old ]
	try g2s-profile --partial --runtime=none in
	[ "$status" -eq 0 ]
	[ "$(names)" = write ]
	diff - try/err <<-'END'
		g2s-profile: warning: lib/a\x09b: what it calls is not in the profile: cannot
		g2s-profile: warning: bad: what it calls is not in the profile: \x1b[2J
		g2s-profile: warning: bad: what it calls is not in the profile: damaged
	END
	try g2s-profile --partial --strict --runtime=none in
	[ "$status" -eq 3 ]
	[ "$(names)" = write ]
	said "the profile is incomplete: 3 unresolved"
	# In another stream, in one that was resolved, and alone.
	stream '#unread bad damaged' >bad
	g2s-resolve bad >resolved
	for other in bad resolved; do
		try g2s-profile "$other" app
		ended 4 "g2s-profile: bad: was not scanned: damaged (--partial makes a profile without)"
		wrote_nothing
	done
}

@test "a stream without names is refused" {
	stream '#binary app x86_64 - -' 'app x86_64 0x1 call 1 imm f s' >in
	try g2s-profile in
	ended 4 "g2s-profile: app: system calls have no names yet: pass the stream through g2s-resolve"
	wrote_nothing
	stream 'app x86_64 0x1 call 1 imm f s - chain' >in
	try g2s-profile in
	ended 4 "no names yet"
	stream 'app x86_64 0x1 call ? memory f s' >in
	try g2s-profile in
	ended 4 "no names yet"
	g2s-resolve in >resolved
	try g2s-profile resolved
	ended 0 "unresolved system call: memory (f, s)"
}

@test "a stream with no system call is a warning" {
	stream '#binary app x86_64 - -' >in
	try g2s-profile --strict in
	ended 0 "warning: the stream has no system call"
	[ "$(names | wc -l)" -eq 37 ]
	try g2s-profile --runtime=none in
	[ "$status" -eq 0 ]
	[ "$(jq -c .syscalls try/out)" = '[]' ]
	input=/dev/null
	try g2s-profile --partial --runtime=none
	[ "$status" -eq 0 ]
	[ "$(jq -c . try/out)" = '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[]}' ]
}

@test "what is not whole is refused, and --partial accepts a part" {
	head -n -1 app >cut
	input=cut
	try g2s-profile
	ended 4 "standard input: line 6: the stream ends without its #end line"
	wrote_nothing
	try g2s-profile --partial --runtime=none
	ended 0
	[ "$(names | tr '\n' ' ')" = 'read write ' ]
	grep -w read app >part
	input=part
	try g2s-profile
	ended 4 "not a g2s stream"
	try g2s-profile --partial --runtime=none
	ended 0
	[ "$(names)" = read ]
	# A failed stage before it never becomes a profile.
	input=/dev/null
	try bash -c 'g2s-scan missing 2>/dev/null | g2s-resolve 2>/dev/null | g2s-profile'
	ended 4 "empty input instead of a stream"
	wrote_nothing
}

@test "several files are one profile" {
	stream '#binary b x86_64 - -' 'b x86_64 0x1 call 2 imm f s open' >b
	try g2s-profile --runtime=none app b
	ended 0
	[ "$(names | tr '\n' ' ')" = 'open read write ' ]
	try g2s-profile --runtime=none - b
	ended 0
	[ "$(names | tr '\n' ' ')" = 'open read write ' ]
	try g2s-profile missing
	ended 2 "g2s-profile: missing: cannot open: No such file or directory"
}

@test "text of a stream is never shown raw" {
	printf '#g2s-sites\t1\tx\n#needs\t\\x1b[2Ja\tlib\\x07\nb\tx86_64\t0x1\tcall\t?\tmemory\t\\x1b[31mf\t\\xff\t?\n#end\t1\t2\n' >in
	try g2s-profile in
	[ "$status" -eq 0 ]
	said '\x1b[2Ja: what its library lib\x07 calls'
	said '(\x1b[31mf, \xff)'
}

@test "output to stdout: full disk, closed, broken pipe" {
	outputs_to_stdout g2s-profile
}

@test "output to a file" {
	outputs_to_file g2s-profile
}

@test "output where nothing may be written" {
	outputs_without_rights g2s-profile
}

@test "a failure leaves the old profile" {
	mkdir there
	echo old >there/profile.json
	head -n 3 app >cut
	try g2s-profile -o there/profile.json cut
	[ "$status" -eq 4 ]
	try g2s-profile -o there/profile.json missing
	[ "$status" -eq 2 ]
	try g2s-profile -o there/profile.json --runtime=x
	[ "$status" -eq 2 ]
	[ "$(cat there/profile.json)" = old ]
	[ "$(ls -A there)" = profile.json ]
	# The status of an output that failed is not hidden by --strict.
	stream 'app x86_64 0x1 call ? memory f s ?' >in
	try g2s-profile --strict -o /dev/full in
	[ "$status" -eq 5 ]
}
