#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

load helper

setup() {
	cli_setup
	denied=" (denied by Docker's default profile)"
	admin=" (allowed by Docker's default profile only with CAP_SYS_ADMIN)"
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

argument='{"index":0,"value":18,"valueTwo":2,"op":"SCMP_CMP_MASKED_EQ"}'

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
	wrote '+ aa'"$denied"'
+ openat
+ openat2
- write
+ zz'"$denied"
	try g2s-diff new old
	ended 1
	wrote '- aa'"$denied"'
- openat
- openat2
+ write
- zz'"$denied"
}

@test "the default action" {
	for pair in '"SCMP_ACT_KILL_PROCESS"|SCMP_ACT_KILL_PROCESS' '"SCMP_ACT_KILL"|SCMP_ACT_KILL_THREAD' \
		'"SCMP_ACT_ERRNO","defaultErrnoRet":38|SCMP_ACT_ERRNO 38' '"SCMP_ACT_LOG"|SCMP_ACT_LOG'; do
		sed "s/\"SCMP_ACT_ERRNO\"/${pair%|*}/" old >new
		try g2s-diff old new
		ended 1
		more=
		[[ $pair != *LOG ]] || more=' (lets more through)'
		wrote "~ default action: SCMP_ACT_ERRNO 1 -> ${pair#*|}$more"
		try g2s-diff new old
		ended 1
		wrote "~ default action: ${pair#*|} -> SCMP_ACT_ERRNO 1"
	done
	# By effect: what the default allows needs no rule.
	sed 's/"SCMP_ACT_ERRNO"/"SCMP_ACT_ALLOW"/; s/"write"/"mount"/' old >new
	try g2s-diff old new
	ended 1
	wrote '~ default action: SCMP_ACT_ERRNO 1 -> SCMP_ACT_ALLOW (lets more through)
+ mount'"$admin"
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
	docker=" (allowed by Docker's default profile only with CAP_SYS_ADMIN or with some arguments)"
	rules "$(rule read)" "$(rule write)" "$(rule clone '"args":['"$argument"',{"index":1,"value":255,"op":"SCMP_CMP_GT"}]')" >new
	try g2s-diff old new
	ended 1
	wrote '+ clone: SCMP_ACT_ALLOW if argument 0 & 0x12 == 0x2 and argument 1 > 0xff; else SCMP_ACT_ERRNO 1'"$docker"
	try g2s-diff new old
	ended 1
	wrote '- clone: SCMP_ACT_ALLOW if argument 0 & 0x12 == 0x2 and argument 1 > 0xff; else SCMP_ACT_ERRNO 1'"$docker"
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
	wrote '~ write: SCMP_ACT_ALLOW if argument 0 & 0x12 == 0x2; SCMP_ACT_ALLOW without architecture s390x; else SCMP_ACT_ERRNO 1 -> SCMP_ACT_ALLOW without architecture s390x; else SCMP_ACT_ERRNO 1'
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
	input=old
	try g2s-diff - -
	ended 2 "standard input can be one of the two only"
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
	wrote '+ \x1b[31m\xc2\x9b\x0a'"$denied"
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

# whole_profile: every construct of the default profiles of Docker and Podman.
whole_profile() {
	cat <<-'END'
	{
	    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "defaultErrno": "ENOSYS",
	    "archMap": [
	        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
	        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
	        {"architecture": "SCMP_ARCH_RISCV64", "subArchitectures": null}
	    ],
	    "syscalls": [
	        {"names": ["read", "write", "_llseek"], "action": "SCMP_ACT_ALLOW", "args": [], "comment": "", "includes": {}, "excludes": {}},
	        {"names": ["bdflush", "kexec_load"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "errno": "EPERM"},
	        {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
	        {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_PTRACE"]}},
	        {"name": "personality", "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 0, "valueTwo": 0, "op": "SCMP_CMP_EQ"}]},
	        {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
	        {"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "x32"]}},
	        {"names": ["mount", "clone"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
	        {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
	        {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"], "arches": ["s390", "s390x"]},
	         "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
	        {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390", "s390x"]}, "excludes": {"caps": ["CAP_SYS_ADMIN"]},
	         "args": [{"index": 1, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
	        {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22, "errno": "EINVAL", "excludes": {"caps": ["CAP_AUDIT_WRITE"]},
	         "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}, {"index": 2, "value": 9, "op": "SCMP_CMP_EQ"}]},
	        {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_AUDIT_WRITE"]}, "args": [{"index": 2, "value": 9, "op": "SCMP_CMP_NE"}]},
	        {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_AUDIT_WRITE"]}, "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_NE"}]},
	        {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_AUDIT_WRITE"]}}
	    ]
	}
	END
}

# differs NAME... [-- OPTION...]: the names of what the text lists, with their signs, in order.
differs() {
	local wanted=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		wanted+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	try g2s-diff "$@" old new
	printf '%s\n' "${wanted[@]}" | diff - <(grep -v '^    ' try/out | sed -E 's/^(.) ([a-zA-Z0-9_]+).*/\1\2/')
	[ "$status" -eq 1 ]
}

@test "every construct of Docker's and Podman's profiles: the same in other words" {
	whole_profile >old
	# The rules from the last to the first, each for one name; values and conditions said in another way.
	jq '.syscalls |= (map(if .name then .names = [.name] | del(.name) else . end) |
			map(. as $rule | .names[] | . as $name | $rule | .names = [$name]) | reverse) |
		.archMap |= reverse |
		(.syscalls[] | select(.names == ["socket"] and .action == "SCMP_ACT_ERRNO").args) |= reverse |
		(.syscalls[].args[]? | select(.value == 16 and .op == "SCMP_CMP_EQ")) |=
			{index, value: 18446744073709551615, op: "SCMP_CMP_MASKED_EQ", valueTwo: 16}' old >new
	# No number above 2^53 is taken from JSON, so that a mask of all bits is left to the unit test.
	try g2s-diff old new
	ended 4 "value: is not a whole number in its range"
	jq '.syscalls |= (map(if .name then .names = [.name] | del(.name) else . end) |
			map(. as $rule | .names[] | . as $name | $rule | .names = [$name]) | reverse) |
		.archMap |= reverse |
		(.syscalls[] | select(.names == ["socket"] and .action == "SCMP_ACT_ERRNO").args) |= reverse |
		(.syscalls[].args[]? | select(.value == 0 and .op == "SCMP_CMP_EQ")) |= {index, value: 1, op: "SCMP_CMP_LT"} |
		(.syscalls[] | select(.includes.arches == ["amd64", "x32"]).includes.arches) |= reverse' old >new
	for options in '' '--arch=amd64' '--arch=arm64 --cap=none' '--arch=s390x --kernel=4.7' '--cap=all --kernel=6.1'; do
		# shellcheck disable=SC2086 # a list of words
		try g2s-diff $options old new
		ended 0
		wrote_nothing
	done
}

@test "every construct of Docker's and Podman's profiles: each of them is seen to change" {
	whole_profile >old
	while IFS='|' read -r change wanted; do
		echo "$change"
		jq "$change" old >new
		# shellcheck disable=SC2086 # a list of words
		differs $wanted
	done <<-'END'
		.defaultErrnoRet = 1|~default ~arch_prctl ~clone ~personality ~ptrace
		del(.archMap[1])|-SCMP_ARCH_AARCH64 -SCMP_ARCH_ARM
		.archMap[1].architecture = "SCMP_ARCH_S390X"|-SCMP_ARCH_AARCH64 +SCMP_ARCH_S390X
		del(.syscalls[0])|-_llseek -read -write
		.syscalls[1].errnoRet = 2|~bdflush ~kexec_load
		.syscalls[2].includes.minKernel = "4.9"|~ptrace
		.syscalls[3].includes.caps = ["CAP_SYS_ADMIN"]|~ptrace
		.syscalls[4].args[0].value = 1|~personality
		del(.syscalls[6].includes)|~arch_prctl
		.syscalls[6].includes.arches += ["arm64"]|~arch_prctl
		.syscalls[7].action = "SCMP_ACT_LOG"|~clone -mount
		.syscalls[8].errnoRet = 38|~mount
		.syscalls[9].excludes.arches = ["s390"]|~clone
		.syscalls[9].args[0].valueTwo = 1073741824|~clone
		.syscalls[10].args[0].index = 2|~clone
		.syscalls[11].errnoRet = 1|~socket
		del(.syscalls[11].args[1])|~socket
		.syscalls[13].args[0].value = 17|~socket
		.syscalls[14].includes.caps += ["CAP_BPF"]|~socket
	END
}

@test "where a profile is loaded decides its conditions" {
	whole_profile >old
	jq 'del(.syscalls[] | select(.includes.caps == ["CAP_SYS_ADMIN"]))' old >new
	differs ~clone -mount
	differs -clone -mount -- --cap=SYS_ADMIN
	differs -clone -mount -- --cap=cap_sys_admin,CHOWN --cap=KILL
	for caps in none CHOWN CAP_SYS_PTRACE,CAP_SYSLOG; do
		try g2s-diff --cap=$caps old new
		ended 0
	done
	jq '.syscalls[2].includes.minKernel = "5.10"' old >new
	differs -ptrace -- --cap=none --kernel=5.9.99-generic
	differs -ptrace -- --cap none --kernel 4.8
	for options in '--kernel=5.10' '--kernel=6' '--kernel=4.7' '--cap=all'; do
		try g2s-diff --cap=none $options old new
		ended 0
	done
	jq 'del(.syscalls[6])' old >new
	for arch in amd64 x86_64; do
		differs -arch_prctl -- --arch=$arch
	done
	for arch in arm64 aarch64 riscv64 ppc64le s390x arm 386 loong64; do
		try g2s-diff --arch=$arch old new
		ended 0
	done
	# The host's own architecture is always in the filter, and archMap is the host's.
	jq 'del(.archMap)' old >new
	differs -SCMP_ARCH_X32 -SCMP_ARCH_X86 -_llseek -- --arch=amd64
	try g2s-diff --arch=riscv64 old new
	ended 0
	jq 'del(.archMap) | .architectures = ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]' old >new
	try g2s-diff --arch=amd64 old new
	ended 0
}

@test "options that are no such thing" {
	for option in --arch=amd46 --arch= --cap=CAP_SYS_ADMN --cap= --cap=KILL, --kernel=new --kernel=6. --kernel= --format=xml \
		--format= --fail-on=removed --fail-on=; do
		try g2s-diff "$option" old old
		ended 2 "(--help lists the options)"
		wrote_nothing
	done
	rules "$(rule read '"includes":{"minKernel":"new"}')" >new
	try g2s-diff old new
	ended 4 "g2s-diff: new: syscalls[0].includes.minKernel: is no version"
	rules "$(rule write)" "$(rule read '"excludes":{"minKernel":"4.x"}')" >new
	try g2s-diff new old
	ended 4 "g2s-diff: new: syscalls[1].excludes.minKernel: is no version"
}

@test "tests of arguments, by what they let through" {
	test_of() { printf '{"index":%s,"value":%s,"valueTwo":%s,"op":"SCMP_CMP_%s"}' "$1" "$2" "${4:-0}" "$3"; }
	arguments() {
		local IFS=,
		printf '"args":[%s]' "$*"
	}
	# One test or two rules for it.
	rules "$(rule read "$(arguments "$(test_of 0 7 NE)")")" >old
	rules "$(rule read "$(arguments "$(test_of 0 7 LT)")")" "$(rule read "$(arguments "$(test_of 0 7 GT)")")" >new
	try g2s-diff old new
	ended 0
	# Together they allow everything, as a rule without tests does.
	rules "$(rule read "$(arguments "$(test_of 0 7 LE)")")" "$(rule read "$(arguments "$(test_of 0 7 GT)")")" >new
	rules "$(rule read)" >old
	try g2s-diff old new
	ended 0
	# A test that never holds.
	rules "$(rule read "$(arguments "$(test_of 0 0 LT)")")" >new
	rules "$(rule write "$(arguments "$(test_of 0 0 LT)")")" >old
	try g2s-diff old new
	ended 0
	# An argument that is tested twice: either is enough, as runc and crun do it.
	rules "$(rule read "$(arguments "$(test_of 0 1 EQ)" "$(test_of 0 2 EQ)")")" >old
	rules "$(rule read "$(arguments "$(test_of 0 2 EQ)")")" "$(rule read "$(arguments "$(test_of 0 1 EQ)")")" >new
	try g2s-diff old new
	ended 0
	rules "$(rule read "$(arguments "$(test_of 0 2 EQ)")")" >new
	try g2s-diff old new
	ended 1
	wrote '~ read: SCMP_ACT_ALLOW if argument 0 == 0x1 or argument 0 == 0x2; else SCMP_ACT_ERRNO 1 -> SCMP_ACT_ALLOW if argument 0 == 0x2; else SCMP_ACT_ERRNO 1'
	try g2s-diff new old
	ended 1
	wrote '~ read: SCMP_ACT_ALLOW if argument 0 == 0x2; else SCMP_ACT_ERRNO 1 -> SCMP_ACT_ALLOW if argument 0 == 0x1 or argument 0 == 0x2; else SCMP_ACT_ERRNO 1 (lets more through)'
	# Far too many to try out: alike only when written alike.
	for i in $(seq 150); do
		rule read "$(arguments "$(test_of $((i % 6)) "$i" NE)" "$(test_of $(((i + 1) % 6)) "$i" GT)")"
		echo
	done >many
	mapfile -t list <many
	rules "${list[@]}" >old
	try g2s-diff old old
	ended 0
	mapfile -t list < <(tac many)
	rules "${list[@]}" >new
	try g2s-diff --fail-on=added --quiet old new
	ended 1
}

@test "calls that an architecture does not have" {
	profile '"read","write","_llseek","socketcall"' >new
	try g2s-diff old new
	ended 0
	profile '"read","write","fork"' >old
	# With the architecture comes what only it has; the rest was there.
	sed 's/"SCMP_ARCH_X86_64"/"SCMP_ARCH_X86_64","SCMP_ARCH_X86"/; s/"fork"/"fork","_llseek","socketcall"/' old >new
	differs +SCMP_ARCH_X86 +_llseek +socketcall
	sed 's/"SCMP_ARCH_X86_64"/"SCMP_ARCH_AARCH64"/' old >new
	differs +SCMP_ARCH_AARCH64 -SCMP_ARCH_X86_64 -fork
	# Of an architecture without a table nothing is known.
	sed 's/"SCMP_ARCH_X86_64"/"SCMP_ARCH_S390X"/; s/"fork"/"fork","_llseek"/' old >new
	differs +SCMP_ARCH_S390X -SCMP_ARCH_X86_64 +_llseek
}

@test "random pairs of profiles, against an evaluation that tries everything" {
	"$root/tests/cli/random-profiles" "$root/core/policy/syscalls" 1000 1 >counts
	cat counts
	read -r alike _ differing _ <counts
	[ "$alike" -ge 250 ]
	[ "$differing" -ge 250 ]
	[ $((alike + differing)) -eq 1000 ]
}

@test "as many rules as a profile may have are compared in 2 seconds of CPU" {
	local side
	for side in old new; do
		awk -v side=$side 'BEGIN {
			printf "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\"],\"syscalls\":["
			for (i = 0; i < 7800; i++) {
				printf "%s{\"names\":[\"%s%d\"],\"action\":\"SCMP_ACT_ALLOW\",", i == 0 ? "" : ",", side, i
				printf "\"args\":[{\"index\":0,\"value\":%d,\"op\":\"SCMP_CMP_EQ\"}]}", i
			}
			print "]}"
		}' >$side
	done
	try bash -c 'ulimit -t 2 && g2s-diff old new'
	ended 1
	[ "$(grep -c 'old[0-9]' try/out)" -eq 7800 ]
	[ "$(grep -c 'new[0-9]' try/out)" -eq 7800 ]
}

# --- streams -------------------------------------------------------------------------------------------

# mounting: a stream that makes some calls beyond those of old-stream.
mounting() {
	stream '#binary app x86_64 - -' 'app x86_64 0x1 call 1 imm main.say say.go:3 write' \
		'app x86_64 0x2 call 101 imm main.trace t.go:8 ptrace' 'app x86_64 0x3 call 165 imm main.mount m.go:20 mount' \
		'app x86_64 0x4 call 165 imm main.mount m.go:20 mount' 'app x86_64 0x5 call 165 imm main.again m.go:7 mount' \
		'app x86_64 0x6 call 165 imm - - mount' 'app x86_64 0x7 call 165 imm - - mount' \
		'app x86_64 0x8 call 165 imm main.last - mount' 'app x86_64 0x9 call 250 imm main.key k.go:1 keyctl'
}

@test "a stream stands for what it needs" {
	stream '#binary app x86_64 - -' 'app x86_64 0x1 call 1 imm main.say say.go:3 write' \
		'app x86_64 0x2 call 101 imm main.trace t.go:8 ptrace' 'app x86_64 0x3 call 41 imm main.talk n.go:1 socket' >old-stream
	mounting >new-stream
	places='    main.mount, m.go:20
    main.again, m.go:7
    0x6
    and 2 more places'
	wanted="+ keyctl$denied
    main.key, k.go:1
+ mount$admin
$places
- socket (allowed by Docker's default profile only with some arguments)"
	# With a stream or the profile of one as the old side, and with that as standard input.
	g2s-profile old-stream >old
	try g2s-diff old new-stream
	ended 1
	wrote "$wanted"
	try g2s-diff old-stream new-stream
	ended 1
	wrote "$wanted"
	input=new-stream
	try g2s-diff old -
	ended 1
	wrote "$wanted"
	# The other way round nothing is known of places.
	g2s-profile new-stream >new
	try g2s-diff old-stream new
	ended 1
	wrote "$(grep -v '^    ' <<<"$wanted")"
	# A stream and its own profile are alike, whatever that does with the rest.
	for options in '' --errno=ENOSYS --default-action=kill-process --default-action=log --runtime=runc --runtime=none; do
		# shellcheck disable=SC2086 # a list of words
		g2s-profile $options old-stream >old
		try g2s-diff old old-stream
		ended 0
		try g2s-diff old-stream old
		ended 0
	done
	# How the rest is denied, and by what flags and other hosts, is not the stream's business.
	jq '.flags = ["SECCOMP_FILTER_FLAG_LOG"] | .syscalls += [{names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38}] |
		.archMap = [{architecture: "SCMP_ARCH_X86_64", subArchitectures: []},
			{architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"]}] | del(.architectures)' old >new
	try g2s-diff new old-stream
	ended 0
	# A profile that lists no architecture is for that of the host.
	jq 'del(.architectures)' old >new
	try g2s-diff new old-stream
	ended 0
	# What it allows by default it need not name; what it denies by name may be needed.
	rules "$(rule mount '' ERRNO)" "$(rule reboot '' ERRNO)" | sed 's/"SCMP_ACT_ERRNO"/"SCMP_ACT_ALLOW"/' >old
	try g2s-diff old new-stream
	ended 1
	wrote "+ mount$admin
$places"
	# Only for some arguments is not enough.
	rules "$(rule write '"args":['"$argument"']')" "$(rule ptrace)" "$(rule socket)" >old
	try g2s-diff old old-stream
	ended 1
	wrote '~ write: SCMP_ACT_ALLOW if argument 0 & 0x12 == 0x2; else SCMP_ACT_ERRNO 1 -> SCMP_ACT_ALLOW (lets more through)
    main.say, say.go:3'
}

@test "a stream of several programs and architectures" {
	stream '#binary a x86_64 - -' '#binary b x86_64 - -' 'a x86_64 0x1 call 165 imm main.m m.go:1 mount' \
		'b x86_64 0x1 call 165 imm main.m m.go:1 mount' 'b x86_64 0x2 int80 21 imm main.n - mount' \
		'b x86 0x3 int80 21 imm main.o - mount' >new
	profile '"read"' >old
	try g2s-diff old new
	ended 1
	wrote "+ SCMP_ARCH_X86
+ mount$admin
    a: main.m, m.go:1
    b: main.m, m.go:1
    b: main.n, 0x2
    and 1 more place"
	# Each host has its own; nothing is decided for either.
	stream '#binary a x86_64 - -' 'a x86_64 0x1 call 1 imm f - write' >old
	stream '#binary a aarch64 - -' 'a aarch64 0x1 svc 64 imm f - write' >new
	differs +SCMP_ARCH_AARCH64 -SCMP_ARCH_X86_64
	stream '#binary a mips - -' >new
	try g2s-diff old new
	ended 4 "a: architecture mips is not known to profiles"
}

@test "a stream that is not whole" {
	stream '#binary app x86_64 - -' '#needs app libc.so.6' 'app x86_64 0x1 call 1 imm f s:1 write' \
		'app x86_64 0x2 call ? memory main.f x.go:9 ?' 'app x86_64 0x3 call 999 imm g - #999' >new
	profile '"write","getrandom"' >old
	try g2s-diff old new
	[ "$status" -eq 1 ]
	wrote '- getrandom'
	said "g2s-diff: warning: app: unresolved system call is not compared: memory (main.f, x.go:9)"
	said "g2s-diff: warning: app: number 999 of x86_64 has no name and is not compared (g, 0x3)"
	said "g2s-diff: warning: app: what its library libc.so.6 calls is not compared"
	[ "$(wc -l <try/err)" -eq 3 ]
	g2s-diff --format=json old new >json 2>/dev/null || :
	[ "$(jq -c '[.old.unresolved, .new.unresolved, .new.kind]' json)" = '[0,3,"stream"]' ]
	g2s-diff --format=markdown old new >markdown 2>/dev/null || :
	grep -qxF '**Incomplete:** 3 unresolved in `new`; what is called there is not compared.' markdown
	stream '#unread lib/app not_an_ELF_file' '#binary app x86_64 - -' 'app x86_64 0x1 call 1 imm f s:1 write' >new
	try g2s-diff old new
	ended 4 "lib/app: was not scanned: not_an_ELF_file"
	wrote_nothing
	stream '#binary app x86_64 - -' 'app x86_64 0x1 call 1 imm f s:1' >new
	try g2s-diff old new
	ended 4 "app: system calls have no names yet: pass the stream through g2s-resolve"
	stream '#binary app x86_64 - -' 'app x86_64 0x1 call 1 imm f s:1 write' | head -n 3 >new
	try g2s-diff old new
	ended 4 "new: line 4: "
	stream >new
	try g2s-diff old new
	[ "$status" -eq 1 ]
	said "warning: new: the stream has no system call"
}

# --- formats and statuses --------------------------------------------------------------------------------

@test "--fail-on=added and --quiet" {
	profile '"read","write","mount"' >new
	while read -r wanted options; do
		# shellcheck disable=SC2086 # a list of words
		try g2s-diff $options
		ended "$wanted"
		[[ $options != *-q* ]] || wrote_nothing
	done <<-'END'
		0 --fail-on=added old old
		1 --fail-on=added old new
		0 --fail-on=added new old
		1 --fail-on=any new old
		1 new old
		0 -q old old
		1 -q old new
		1 --quiet new old
		0 --quiet --fail-on=added new old
		1 --quiet --fail-on=added old new
	END
	# What is denied in another way is not let through.
	sed 's/"SCMP_ACT_ERRNO"/"SCMP_ACT_KILL"/' old >new
	for pair in 'old new' 'new old'; do
		# shellcheck disable=SC2086 # a list of words
		try g2s-diff --fail-on=added $pair
		ended 0
		[ -s try/out ]
	done
	sed 's/"SCMP_ARCH_X86_64"/"SCMP_ARCH_X86_64","SCMP_ARCH_X86"/' old >new
	try g2s-diff --fail-on=added old new
	ended 1
	try g2s-diff --fail-on=added new old
	ended 0
	# Nothing is written, so that nothing can fail to be.
	status=0
	g2s-diff -q old new >/dev/full 2>try/err || status=$?
	[ "$status" -eq 1 ]
	[ ! -s try/err ]
	try g2s-diff -q old missing
	ended 2 "missing: cannot open"
	echo text >new
	try g2s-diff -q old new
	ended 4 "not JSON"
}

@test "JSON as its page describes it" {
	mounting >new
	profile '"read","write","socket"' '"flags":["\u001b[2J"]' | sed 's/SCMP_ACT_ERRNO/SCMP_ACT_KILL/' >old
	try g2s-diff --format=json old new
	ended 1
	jq -e '.version == 1 and .differ and .wider and .old == {path: "old", kind: "profile", unresolved: 0} and
		.new == {path: "new", kind: "stream", unresolved: 0}' try/out
	[ "$(jq -c '.differences[] | [.about, .change, .wider, .name, .docker]' try/out)" = '["syscall","added",true,"keyctl","denied"]
["syscall","added",true,"mount","capability"]
["syscall","added",true,"ptrace","condition"]
["syscall","removed",false,"socket","condition"]' ]
	[ "$(jq -c '.differences[1] | [.old, .new, .dockerSays, .places[], .morePlaces]' try/out)" = \
		'["SCMP_ACT_KILL_THREAD","SCMP_ACT_ALLOW","allowed by Docker'"'"'s default profile only with CAP_SYS_ADMIN",'"$(
		)"'{"binary":"app","address":"0x3","function":"main.mount","source":"m.go:20"},'"$(
		)"'{"binary":"app","address":"0x5","function":"main.again","source":"m.go:7"},'"$(
		)"'{"binary":"app","address":"0x6","function":"-","source":"-"},2]' ]
	profile '"read","write"' >new
	try g2s-diff --format=json old new
	[ "$(jq -c '.differences[] | [.about, .change, .wider, .name, .old, .new]' try/out)" = \
'["defaultAction","changed",false,null,"SCMP_ACT_KILL_THREAD","SCMP_ACT_ERRNO 1"]
["flag","removed",false,"\u001b[2J",null,null]
["syscall","removed",false,"socket","SCMP_ACT_ALLOW","SCMP_ACT_ERRNO 1"]' ]
	# Each member is in the page, and each that the page has in its section is there.
	mounting >new
	g2s-diff --format=json old new | jq -r '[paths[] | strings] | unique[]' >members || :
	sed -n '/^\.Sh JSON/,/^\.Sh ENV/s/^\.\(It \)\{0,1\}Li //p' "$root/applets/g2s-diff.1" | tr -d ',' | tr ' ' '\n' |
		grep . | LC_ALL=C sort -u | diff - <(LC_ALL=C sort members)
	try g2s-diff --format=json new new
	ended 0
	jq -e '(.differ or .wider or .differences != []) | not' try/out
}

@test "Markdown that nothing in a file can break out of" {
	mounting >new
	profile '"read","write","socket"' >old
	try g2s-diff --format=markdown old new
	ended 1
	wrote "**System calls:** \`old\` → \`new\`, 3 added, 1 removed, 0 changed

| | What | Docker's default profile | Details |
|---|---|---|---|
| **added** | \`keyctl\` | denied | \`main.key, k.go:1\` |
| **added** | \`mount\` | only with CAP_SYS_ADMIN | \`main.mount, m.go:20\`<br>\`main.again, m.go:7\`<br>\`0x6\`<br>and 2 more |
| **added** | \`ptrace\` | only on Linux 4.8 or later or with CAP_SYS_PTRACE | \`main.trace, t.go:8\` |
| removed | \`socket\` | only with some arguments |  |"
	try g2s-diff --format=markdown old old
	ended 0
	wrote '**System calls:** `old` → `old`, no difference'
	# widened, changed, the default action, architectures and flags
	rules "$(rule read '"args":['"$argument"']')" "$(rule write '' LOG)" | sed 's/"architectures"/"flags":["A"],&/' >old
	rules "$(rule read)" "$(rule write '' KILL)" | sed 's/SCMP_ACT_ERRNO/SCMP_ACT_TRAP/; s/X86_64/X86/' >new
	try g2s-diff --format=markdown old new
	ended 1
	sed 1,4d try/out | diff - <(cat <<-'END'
		| changed | default action |  | `SCMP_ACT_ERRNO 1` → `SCMP_ACT_TRAP` |
		| **added** | architecture `SCMP_ARCH_X86` |  |  |
		| removed | architecture `SCMP_ARCH_X86_64` |  |  |
		| removed | flag `A` |  |  |
		| **widened** | `read` | allowed | `SCMP_ACT_ALLOW if argument 0 & 0x12 == 0x2; else SCMP_ACT_ERRNO 1` → `SCMP_ACT_ALLOW` |
		| changed | `write` | allowed | `SCMP_ACT_LOG` → `SCMP_ACT_KILL_THREAD` |
	END
	)
	profile '"read","write"' >old
	profile '"read","write","a|b`c`<b>@you #1\n\u001b[1m\\","ünï"' >new
	cp new 'n|<x>'
	try g2s-diff --format=markdown old 'n|<x>'
	ended 1
	head -n 1 try/out | grep -qF '→ <code>n&#124;&#60;x&#62;</code>, 2 added'
	bad='<code>a&#124;b&#96;c&#96;&#60;b&#62;&#64;you &#35;1&#92;x0a&#92;x1b&#91;1m&#92;</code>'
	sed 1,4d try/out | diff - <(printf '| **added** | %s | denied |  |\n' "$bad" '<code>ünï</code>')
}

@test "colour at a terminal only" {
	profile '"read","mount"' '"flags":["A"]' | sed 's/SCMP_ACT_ERRNO/SCMP_ACT_LOG/' >new
	at_terminal() {
		# Its exit status is not that of the command; the output has carriage returns.
		env -u NO_COLOR TERM=xterm "$@" script -qec "g2s-diff $options old new" /dev/null </dev/null | tr -d '\r'
	}
	options=
	at_terminal >shown
	diff shown - <<-END
		$(printf '\033')[33m~ default action: SCMP_ACT_ERRNO 1 -> SCMP_ACT_LOG (lets more through)$(printf '\033')[m
		$(printf '\033')[32m+ A$(printf '\033')[m
		$(printf '\033')[32m+ mount$admin$(printf '\033')[m
		$(printf '\033')[31m- write$(printf '\033')[m
	END
	try g2s-diff old new
	for variable in NO_COLOR=1 TERM=dumb TERM=; do
		at_terminal "$variable" >shown
		[ "$variable" = TERM= ] || diff try/out shown
	done
	at_terminal NO_COLOR= | grep -q $'\033'
	for options in --format=markdown --format=json; do
		at_terminal >shown
		! grep -q $'\033' shown
	done
	# Nothing that a file says can steer it.
	mounting | sed 's/main.key/main.\\x1b[2J/' >new
	options=
	at_terminal >shown
	grep -qF 'main.\x1b[2J, k.go:1' shown
}

@test "the version of Docker's profile that the page names is that of the data" {
	version=$(sed -n '1s/.*(\(moby[^,]*\),.*/\1/p' "$root/core/policy/docker.tsv")
	[ -n "$version" ]
	grep -qF "($version)" "$root/applets/g2s-diff.1"
	for value in text markdown json any added all none; do
		grep -qE "^\.Cm $value( |\$)" "$root/applets/g2s-diff.1"
	done
}

@test "output of each format: full disk, closed, broken pipe" {
	profile '"read"' >new
	fine=1
	for format in text markdown json; do
		outputs_to_stdout g2s-diff --format=$format old new
		rm pipe
	done
}
