#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

load helper

setup() {
	cli_setup
	profile '"read","write"' >old
}

teardown() {
	cli_teardown
}

# profile NAMES [MEMBERS]: a profile that allows NAMES, with further members at its top.
profile() {
	printf '{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],%s"syscalls":[' "${2:+$2,}"
	printf '{"names":[%s],"action":"SCMP_ACT_ALLOW"}]}\n' "$1"
}

# rules RULE...: a profile of these rules.
rules() {
	local IFS=,
	printf '{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],"syscalls":[%s]}\n' "$*"
}

# rule NAME [MEMBERS] [ACTION]
rule() {
	printf '{"names":["%s"],"action":"SCMP_ACT_%s"%s}' "$1" "${3:-ALLOW}" "${2:+,$2}"
}

argument='{"index":0,"value":16,"valueTwo":2,"op":"SCMP_CMP_MASKED_EQ"}'

@test "profiles that decide alike" {
	try g2s-diff old old
	ended 0
	wrote_nothing
	# Order, repetition, grouping, spelling and what the default action says anyway.
	rules "$(rule write)" "$(rule read)" "$(rule read)" "$(rule mount '' ERRNO)" \
		"$(rule read '' KILL)" "$(rule write '"args":['"$argument"']')" >new
	try g2s-diff old new
	ended 0
	wrote_nothing
	try g2s-diff new old
	ended 0
	# A written EPERM is the default.
	profile '"write","read"' '"defaultErrnoRet":1' >new
	try g2s-diff old new
	ended 0
	rules "$(rule clone '"args":['"$argument"']')" "$(rule clone '"args":[],"errnoRet":3' ERRNO)" >old
	rules "$(rule clone '"errnoRet":3' ERRNO)" >new
	try g2s-diff old new
	ended 0
}

@test "names added and removed, sorted" {
	profile '"zz","read","aa","openat2","openat"' >new
	try g2s-diff old new
	ended 1
	wrote '+ aa
+ openat
+ openat2
- write
+ zz'
	try g2s-diff new old
	ended 1
	wrote '- aa
- openat
- openat2
+ write
- zz'
}

@test "the default action" {
	for pair in '"SCMP_ACT_KILL_PROCESS"|SCMP_ACT_KILL_PROCESS' '"SCMP_ACT_KILL"|SCMP_ACT_KILL_THREAD' \
		'"SCMP_ACT_ERRNO","defaultErrnoRet":38|SCMP_ACT_ERRNO 38' '"SCMP_ACT_LOG"|SCMP_ACT_LOG'; do
		sed "s/\"SCMP_ACT_ERRNO\"/${pair%|*}/" old >new
		try g2s-diff old new
		ended 1
		wrote "~ default action: SCMP_ACT_ERRNO 1 -> ${pair#*|}"
		try g2s-diff new old
		ended 1
		wrote "~ default action: ${pair#*|} -> SCMP_ACT_ERRNO 1"
	done
	# By effect: what the default allows needs no rule.
	sed 's/"SCMP_ACT_ERRNO"/"SCMP_ACT_ALLOW"/; s/"write"/"mount"/' old >new
	try g2s-diff old new
	ended 1
	wrote '~ default action: SCMP_ACT_ERRNO 1 -> SCMP_ACT_ALLOW
+ mount'
}

@test "architectures and flags" {
	sed 's/"SCMP_ARCH_X86_64"/"SCMP_ARCH_X86","SCMP_ARCH_X86_64","SCMP_ARCH_ARM"/' old >new
	try g2s-diff old new
	ended 1
	wrote '+ SCMP_ARCH_ARM
+ SCMP_ARCH_X86'
	sed 's/"architectures":\[[^]]*\]/"archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":[]}]/' old >new
	try g2s-diff old new
	ended 0
	profile '"read","write"' '"flags":["SECCOMP_FILTER_FLAG_LOG"]' >new
	try g2s-diff old new
	ended 1
	wrote '+ SECCOMP_FILTER_FLAG_LOG'
}

@test "calls that are treated differently" {
	rules "$(rule read)" "$(rule write)" "$(rule mount '"errnoRet":38' ERRNO)" >new
	try g2s-diff old new
	ended 1
	wrote '~ mount: SCMP_ACT_ERRNO 1 -> SCMP_ACT_ERRNO 38'
	rules "$(rule read)" "$(rule write)" "$(rule mount '' KILL_PROCESS)" >new
	try g2s-diff new old
	ended 1
	wrote '~ mount: SCMP_ACT_KILL_PROCESS -> SCMP_ACT_ERRNO 1'
}

@test "conditions" {
	rules "$(rule read)" "$(rule write)" "$(rule clone '"args":['"$argument"',{"index":1,"value":255,"op":"SCMP_CMP_GT"}]')" >new
	try g2s-diff old new
	ended 1
	wrote '+ clone: SCMP_ACT_ALLOW if argument 0 & 0x10 == 0x2 and argument 1 > 0xff; else SCMP_ACT_ERRNO 1'
	try g2s-diff new old
	ended 1
	wrote '- clone: SCMP_ACT_ALLOW if argument 0 & 0x10 == 0x2 and argument 1 > 0xff; else SCMP_ACT_ERRNO 1'
	rules "$(rule read)" "$(rule write '"includes":{"caps":["CAP_A","CAP_B"],"minKernel":"4.8"}')" >new
	try g2s-diff old new
	ended 1
	wrote '~ write: SCMP_ACT_ALLOW -> SCMP_ACT_ALLOW with capability CAP_A, CAP_B with kernel 4.8 or later; else SCMP_ACT_ERRNO 1'
	# The order of rules with conditions does not matter.
	one=$(rule write '"excludes":{"arches":["s390x"]}')
	two=$(rule write '"args":['"$argument"']')
	rules "$(rule read)" "$one" "$two" >old
	rules "$two" "$one" "$(rule read)" "$one" >new
	try g2s-diff old new
	ended 0
	rules "$(rule read)" "$one" >new
	try g2s-diff old new
	ended 1
	wrote '~ write: SCMP_ACT_ALLOW if argument 0 & 0x10 == 0x2; SCMP_ACT_ALLOW without architecture s390x; else SCMP_ACT_ERRNO 1 -> SCMP_ACT_ALLOW without architecture s390x; else SCMP_ACT_ERRNO 1'
}

@test "what g2s-profile writes can be compared" {
	stream '#binary app x86_64 - -' 'app x86_64 0x1 call 101 imm f s ptrace' >app
	g2s-profile app >one
	input=one
	try g2s-diff one -
	ended 0
	g2s-profile --runtime=none app >two
	try g2s-diff two -
	ended 1
	[ "$(grep -c '^+ ' try/out)" -eq 37 ]
	[ "$(wc -l <try/out)" -eq 37 ]
	try g2s-diff - two
	[ "$(grep -c '^- ' try/out)" -eq 37 ]
}

@test "two profiles are needed" {
	try g2s-diff
	ended 2 "g2s-diff: needs two profiles, not 0"
	try g2s-diff old
	ended 2 "needs two profiles, not 1"
	try g2s-diff old old old
	ended 2 "needs two profiles, not 3"
	try g2s-diff old missing
	ended 2 "g2s-diff: missing: cannot open: No such file or directory"
	try g2s-diff . old
	ended 2 "g2s-diff: .: cannot read: Is a directory"
	wrote_nothing
}

@test "what is no profile is refused" {
	for bad in '' '{' '[]' '{}' 'text' '{"defaultAction":"SCMP_ACT_ALOW"}' '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":{}}'; do
		printf '%s' "$bad" >new
		try g2s-diff old new
		ended 4 "g2s-diff: new: "
		wrote_nothing
		try g2s-diff new old
		ended 4 "g2s-diff: new: "
	done
	printf '{\n"defaultAction": "SCMP_ACT_ERRNO",\n}' >new
	try g2s-diff old new
	ended 4 "g2s-diff: new: line 3: not JSON"
	head -c 4096 "$dist/g2s" >new
	try g2s-diff old new
	ended 4 "g2s-diff: new: line 1: not JSON"
	head -c 1048577 /dev/zero | tr '\0' ' ' >new
	try g2s-diff old new
	ended 4 "new: longer than 1048576 bytes"
}

@test "names of a profile are never shown raw" {
	profile '"read","write","\u001b[31m\u009b\n"' >new
	try g2s-diff old new
	ended 1
	wrote '+ \x1b[31m\xc2\x9b\x0a'
	profile '"read","write"' '"flags":[{"\u001b":1}]' >new
	try g2s-diff old new
	ended 4 "flags: is not a list of names"
	rules "$(rule read '"includes":{"caps":["\u001b[2J"]}')" "$(rule write)" >new
	try g2s-diff old new
	ended 1
	grep -qF 'capability \x1b[2J' try/out
}

@test "output to stdout: full disk, closed, broken pipe" {
	profile '"read"' >new
	fine=1
	outputs_to_stdout g2s-diff old new
}
