#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# go2seccomp: the command line and the lines of the older tool, the profile of the pipeline.

load helper

setup() {
	cli_setup
	elf "$exits" >app
}

teardown() {
	cli_teardown
}

# pipeline PROGRAM: the profile of the three stages.
pipeline() {
	g2s-scan "$1" 2>/dev/null | g2s-resolve 2>/dev/null | g2s-profile 2>/dev/null
}

@test "the profile is the pipeline's, and stdout tells what the older tool told" {
	pipeline app >wanted
	try go2seccomp app profile.json
	ended 0
	cmp wanted profile.json
	wrote "Arch :  SCMP_ARCH_X86_64
Syscalls detected (total: $(jq '.syscalls[0].names | length' wanted)): [$(jq -r '.syscalls[0].names | join(" ")' wanted)]
Saved seccomp profile at profile.json"
	# The fields of the older tool's profiles, and no other.
	[ "$(jq -c 'keys' profile.json)" = '["architectures","defaultAction","syscalls"]' ]
	[ "$(jq -c '.syscalls[0] | keys' profile.json)" = '["action","names"]' ]
	jq -e '.syscalls[0].names | index("exit") and index("execve") and index("futex")' profile.json
	# By the name of the applet it is the same, and an old file is replaced.
	cp try/out by-link
	echo old >profile.json
	try g2s go2seccomp app profile.json
	ended 0
	cmp by-link try/out
	cmp wanted profile.json
	(cd / && "$dist/go2seccomp" "$scratch/app" "$scratch/absolute.json" >/dev/null)
	cmp wanted absolute.json
}

@test "its warnings are signed by it, one for each thing that is missing" {
	elf "$exits$hides" >app
	pipeline app >wanted
	try go2seccomp app profile.json
	[ "$status" -eq 0 ]
	[ "$(wc -l <try/err)" -eq 1 ]
	said "go2seccomp: warning: app: unresolved system call: computed (0x"
	cmp wanted profile.json
	# A program whose library is not there, and no interpreter: one warning for each.
	printf '.globl f\nf: ret\n' >x.s
	gcc -nostdlib -shared -o libx.so x.s
	printf '.globl _start\n_start: call f@PLT\nmov $60, %%eax\nsyscall\n' >p.s
	gcc -nostdlib -Wl,--dynamic-linker=/nowhere/ld.so -o app p.s libx.so
	rm libx.so
	needed=$(g2s-scan app 2>/dev/null | grep -c '^#needs')
	[ "$needed" -ge 2 ]
	try go2seccomp app profile.json
	[ "$status" -eq 0 ]
	[ "$(grep -c ' its library ' try/err)" -eq "$needed" ]
	[ "$(grep -cv '^go2seccomp: warning: ' try/err)" -eq 0 ]
}

@test "what cannot be scanned leaves the old profile" {
	echo old >profile.json
	echo text >text
	try go2seccomp text profile.json
	ended 4 "go2seccomp: text: "
	wrote_nothing
	try go2seccomp missing profile.json
	ended 2 "go2seccomp: missing: cannot open: No such file or directory"
	wrote_nothing
	try go2seccomp app
	ended 2 "go2seccomp: two operands are needed, BINARY and PROFILE"
	try go2seccomp
	ended 2 "two operands are needed"
	try go2seccomp app profile.json more
	ended 2 "two operands are needed"
	try go2seccomp -o app profile.json
	ended 2 "go2seccomp: unknown option -o"
	[ "$(cat profile.json)" = old ]
	try go2seccomp missing new.json
	[ "$status" -eq 2 ]
	[ ! -e new.json ]
	[ "$(ls)" = "$(printf '%s\n' app profile.json text try)" ]
}

@test "what cannot be written" {
	try go2seccomp app missing/profile.json
	ended 5 "go2seccomp: missing/profile.json: cannot write: No such file or directory"
	wrote_nothing
	try go2seccomp app /dev/full
	ended 5 "go2seccomp: /dev/full: cannot write: No space left on device"
	wrote_nothing
	# The profile is whole before anything is told of it.
	status=0
	go2seccomp app profile.json >/dev/full 2>try/err || status=$?
	[ "$status" -eq 5 ]
	said "go2seccomp: standard output: cannot write: No space left on device"
	pipeline app | cmp - profile.json
	try go2seccomp app /dev/stdout
	ended 0
	grep -q SCMP_ACT_ALLOW try/out
}
