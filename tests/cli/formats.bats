#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# g2s-profile --format: what each writes, and what it refuses.

load helper

setup() {
	cli_setup
	stream '#binary bin/My_App x86_64 go1.22.12 id' 'bin/My_App x86_64 0x401000 call 1 imm main.main main.go:3 write' \
		'bin/My_App x86_64 0x401010 call 0 imm main.main main.go:4 read' >app
	stream '#binary a x86_64 - -' 'a x86_64 0x1 call 1 imm f s write' 'a x86 0x2 int80 102 imm f s socketcall' \
		'a x86_64 0x3 call 1073742344 imm f s execve' '#binary b aarch64 - -' 'b aarch64 0x1 svc 64 imm f s write' \
		'#binary c arm - -' 'c arm 0x1 svc 4 imm f s write' >many
	input=app
}

teardown() {
	cli_teardown
}

@test "oci is the default" {
	try g2s-profile
	ended 0
	cp try/out default
	try g2s-profile --format=oci
	ended 0
	cmp default try/out
}

@test "a format that there is not" {
	for format in '' json OCI ocispec; do
		try g2s-profile --format="$format"
		ended 2 "g2s-profile: no format \"$format\""
		wrote_nothing
	done
}

@test "names: one a line, those of the OCI profile" {
	try g2s-profile --format=names --runtime=none
	ended 0
	wrote $'read\nwrite'
	g2s-profile app | jq -r '.syscalls[].names[]' >wanted
	for action in errno log; do
		try g2s-profile --format=names --default-action=$action
		ended 0
		cmp wanted try/out
	done
	# Names of all architectures, each once.
	try g2s-profile --format=names --runtime=none many
	ended 0
	wrote $'execve\nsocketcall\nwrite'
	# No name is no line.
	stream '#binary app x86_64 - -' >empty
	try g2s-profile --format=names --runtime=none empty
	[ "$status" -eq 0 ]
	wrote_nothing
}

@test "spo: the Kubernetes object" {
	try g2s-profile --format=spo --runtime=none --default-action=kill-process
	ended 0
	wrote 'apiVersion: security-profiles-operator.x-k8s.io/v1beta1
kind: SeccompProfile
metadata:
  name: my-app
spec:
  defaultAction: SCMP_ACT_KILL_PROCESS
  architectures:
  - SCMP_ARCH_X86_64
  syscalls:
  - action: SCMP_ACT_ALLOW
    names:
    - read
    - write'
	# The first program gives the name; a part of a stream names it in its rows.
	try g2s-profile --format=spo many
	ended 0
	grep -qx '  name: a' try/out
	grep write app >rows
	try g2s-profile --format=spo --partial rows
	ended 0
	grep -qx '  name: my-app' try/out
	try g2s-profile --format=spo --partial /dev/null
	[ "$status" -eq 0 ]
	grep -qx '  name: profile' try/out
}

@test "spo: every default action, and no error but EPERM" {
	while read -r action written; do
		try g2s-profile --format=spo --default-action="$action"
		ended 0
		grep -qx "  defaultAction: SCMP_ACT_$written" try/out
	done <<-END
		errno ERRNO
		kill-process KILL_PROCESS
		kill-thread KILL_THREAD
		trap TRAP
		log LOG
	END
	try g2s-profile --format=spo --errno=EPERM
	ended 0
	try g2s-profile --format=spo --errno=ENOSYS
	ended 4 "g2s-profile: --format=spo cannot say this profile: the object has no defaultErrnoRet"
	wrote_nothing
}

@test "systemd: the drop-in" {
	try g2s-profile --format=systemd --runtime=none
	ended 0
	wrote '# Written by g2s-profile, for /etc/systemd/system/NAME.service.d/seccomp.conf
# systemd allows its set @default besides: systemd-analyze syscall-filter @default
[Service]
SystemCallArchitectures=
SystemCallArchitectures=x86-64
SystemCallFilter=
SystemCallFilter=read write
SystemCallErrorNumber=EPERM'
	try g2s-profile --format=systemd --runtime=none many
	ended 0
	grep -qx 'SystemCallArchitectures=x86-64 x86 x32 arm64 arm' try/out
	grep -qx 'SystemCallFilter=execve socketcall write' try/out
	# All of the names, in lines that can be read.
	try g2s-profile --format=systemd --default-action=kill-process
	ended 0
	sed -n 's/^SystemCallFilter=//p' try/out | tr ' ' '\n' | grep . >listed
	g2s-profile --format=names --default-action=kill-process app | diff - listed
	if grep -E '.{101}' try/out; then
		return 1
	fi
	[ "$(grep -c '^SystemCallFilter=.' try/out)" -gt 2 ]
}

@test "systemd: every default action" {
	while read -r option line; do
		try g2s-profile --format=systemd "$option"
		ended 0
		[ "$(tail -n 1 try/out)" = "SystemCallErrorNumber=$line" ]
	done <<-END
		--default-action=errno EPERM
		--errno=EPERM EPERM
		--errno=ENOSYS ENOSYS
		--default-action=kill-process kill
	END
	try g2s-profile --format=systemd --default-action=log --runtime=none
	ended 0
	[ "$(tail -n 2 try/out)" = $'SystemCallLog=\nSystemCallLog=~read write' ]
	if grep -qE 'SystemCallFilter|SystemCallErrorNumber' try/out; then
		return 1
	fi
	for action in trap kill-thread; do
		try g2s-profile --format=systemd --default-action=$action
		ended 4 "--format=systemd cannot say this profile: systemd has no default action SCMP_ACT_"
		wrote_nothing
	done
	# An empty list would be none.
	stream '#binary app x86_64 - -' >empty
	try g2s-profile --format=systemd --runtime=none empty
	[ "$status" -eq 0 ]
	grep -qx 'SystemCallFilter=@default' try/out
	try g2s-profile --format=systemd --runtime=none --default-action=log empty
	[ "$status" -eq 4 ]
	said "there is no name to leave out"
	wrote_nothing
}

# instructions: try/out as "code jt jf k" a line, in decimal.
instructions() {
	od -An -v -t u1 -w8 try/out |
		awk '{ printf "%d %d %d %.0f\n", $1 + 256 * $2, $3, $4, $5 + 256 * $6 + 65536 * $7 + 16777216 * $8 }'
}

@test "bpf: the program, and a note of its length" {
	try g2s-profile --format=bpf --runtime=none
	ended 0 "g2s-profile: standard output: 11 instructions"
	# Load the architecture; x86_64? load the number; x32? 0 and 1 are allowed, others EPERM.
	diff - <(instructions) <<-END
		32 0 0 4
		21 0 8 3221225534
		32 0 0 0
		53 3 0 1073741824
		53 1 0 2
		6 0 0 2147418112
		6 0 0 327681
		53 1 0 4294967295
		6 0 0 2147483648
		6 0 0 327681
		6 0 0 2147483648
	END
}

@test "bpf: the note names the file, and several architectures are one program" {
	try g2s-profile --format=bpf -o out.bpf many
	[ "$status" -eq 0 ]
	wrote_nothing
	[ "$(cat try/err)" = "g2s-profile: out.bpf: $(($(stat -c %s out.bpf) / 8)) instructions" ]
	cp out.bpf try/out
	# x86_64, x86, aarch64, arm
	[ "$(instructions | awk '$1 == 21 { print $4 }' | tr '\n' ' ')" = "3221225534 1073741827 3221225655 1073741864 " ]
}

@test "bpf: the default action is what the program returns" {
	while read -r option value; do
		try g2s-profile --format=bpf --runtime=none "$option"
		[ "$status" -eq 0 ]
		[ "$(instructions | sed -n 7p)" = "6 0 0 $value" ]
	done <<-END
		--default-action=errno $((0x00050001))
		--errno=ENOSYS $((0x00050026))
		--default-action=kill-process $((0x80000000))
		--default-action=kill-thread 0
		--default-action=trap $((0x00030000))
		--default-action=log $((0x7ffc0000))
	END
}

@test "bpf: a stream of no architecture is refused" {
	try g2s-profile --format=bpf --partial /dev/null
	[ "$status" -eq 4 ]
	said "--format=bpf cannot say this profile: no architecture is named"
	wrote_nothing
}

@test "bpf: never to a terminal" {
	command -v script >/dev/null || skip "there is no script(1) to make a terminal with"
	status=0
	script -qec "g2s-profile --format=bpf app" typescript >try/out 2>&1 </dev/null || status=$?
	[ "$status" -eq 2 ]
	grep -qF 'g2s-profile: --format=bpf is binary, and standard output is a terminal: give -o FILE' try/out
	[ "$(wc -l <try/out)" -eq 1 ]
	# A file and text are another thing.
	script -qec "g2s-profile --format=bpf -o file app" typescript >try/out 2>&1 </dev/null
	[ -s file ]
	script -qec "g2s-profile --format=names app" typescript >try/out 2>&1 </dev/null
	grep -q write try/out
}

# base FILTER: a profile of others as base.json, changed by a jq filter.
base() {
	echo '{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"],
		"syscalls": [{"names": ["getpid"], "action": "SCMP_ACT_ALLOW"}]}' | jq "$1" >base.json
}

@test "a base is said exactly" {
	base '.syscalls += [{"names": ["getuid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]'
	try g2s-profile --base=base.json --runtime=none --format=names
	ended 0
	wrote $'getpid\nread\nwrite'
	try g2s-profile --base=base.json --runtime=none --format=systemd
	ended 0
	grep -qx 'SystemCallFilter=getpid read write' try/out
	# Other actions and arguments, where the format has them.
	base '.syscalls += [{"names": ["getuid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]'
	try g2s-profile --base=base.json --runtime=none --format=bpf
	[ "$status" -eq 0 ]
	instructions | grep -qx "6 0 0 $((0x00050026))"
	base '.syscalls += [{"names": ["clone"], "action": "SCMP_ACT_ALLOW",
		"args": [{"index": 0, "value": 7, "op": "SCMP_CMP_EQ"}]}]'
	try g2s-profile --base=base.json --runtime=none --format=spo
	ended 0
	grep -A 3 '^    args:' try/out | diff - <(printf '    %s\n' args: '- index: 0' '  op: SCMP_CMP_EQ' '  value: 7')
	# A name that no table has.
	base '.syscalls[0].names += ["brand_new"]'
	try g2s-profile --base=base.json --runtime=none --format=bpf
	[ "$status" -eq 0 ]
	said "warning: brand_new is a system call of no architecture that g2s knows, and is not in the program"
}

@test "a base that the format cannot say is refused, with the reason" {
	echo old >there
	while IFS='@' read -r formats change words; do
		base "$change"
		for format in $formats; do
			try g2s-profile --base=base.json --runtime=none --format="$format" -o there
			[ "$status" -eq 4 ]
			said "--format=$format cannot say this profile: "
			said "$words"
			[ "$(cat there)" = old ]
		done
		try g2s-profile --base=base.json --runtime=none
		[ "$status" -eq 0 ]
	done <<-'END'
		names systemd bpf@.syscalls[0].args = [{"index": 0, "value": 7, "op": "SCMP_CMP_EQ"}]@getpid has a rule that depends on the call's arguments
		names spo systemd bpf@.syscalls[0].includes.caps = ["CAP_SYS_ADMIN"]@getpid has a rule that depends on the host or on capabilities
		names systemd@.syscalls[0].action = "SCMP_ACT_KILL_PROCESS"@getpid has an action of its own, SCMP_ACT_KILL_PROCESS
		spo systemd bpf@del(.architectures) | .archMap = [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []}]@(archMap)
		systemd bpf@.architectures += ["SCMP_ARCH_S390X"]@SCMP_ARCH_S390X
		systemd bpf@.flags = ["SECCOMP_FILTER_FLAG_LOG"]@SECCOMP_FILTER_FLAG_LOG
		spo bpf@.syscalls[0].action = "SCMP_ACT_NOTIFY"@SCMP_ACT_NOTIFY
		names systemd@.syscalls[0].names = ["a b"]@"a b" is no name of a system call
	END
}

@test "what is missing is told in every format, and counts for --strict" {
	stream '#binary app x86_64 - -' 'app x86_64 0x1 call 1 imm f s write' \
		'app x86_64 0x2 syscall ? memory main.run main.go:9 ?' >in
	for format in oci names spo systemd bpf; do
		try g2s-profile --format=$format --strict in
		[ "$status" -eq 3 ]
		said "warning: app: unresolved system call: memory (main.run, main.go:9)"
		said "the profile is incomplete: 1 unresolved"
		[ -s try/out ]
	done
}

@test "a failure leaves the old file" {
	for format in oci names spo systemd bpf; do
		echo old >there
		head -n 2 app >cut
		try g2s-profile --format=$format -o there cut
		[ "$status" -eq 4 ]
		[ "$(cat there)" = old ]
	done
	try g2s-profile --format=spo --errno=ENOSYS -o there
	[ "$status" -eq 4 ]
	[ "$(cat there)" = old ]
}

@test "the same input gives the same bytes" {
	{ head -n 2 app && sed -n '3,4p' app | tac && tail -n 1 app; } >turned
	for format in oci names spo systemd bpf; do
		g2s-profile --format=$format app >one 2>/dev/null
		g2s-profile --format=$format turned >two 2>/dev/null
		cmp one two
	done
}

@test "output to stdout: full disk, closed, broken pipe" {
	outputs_to_stdout g2s-profile --format=bpf
}

@test "output to a file: text" {
	outputs_to_file g2s-profile --format=systemd
}

@test "output to a file: a program" {
	outputs_to_file g2s-profile --format=bpf
}

# oci_faults FILE: what the OCI runtime specification (config-linux.md, "Seccomp") does not allow in it.
oci_faults() {
	jq -r '
		def only($allowed): (keys - $allowed)[] | "unknown field \(.)";
		def among($words; $what): select(IN($words[]) | not) | "\($what) \(.)";
		def number($max): type == "number" and . == floor and . >= 0 and . <= $max;
		def actions: ["KILL", "KILL_PROCESS", "KILL_THREAD", "TRAP", "ERRNO", "TRACE", "ALLOW", "LOG", "NOTIFY"]
			| map("SCMP_ACT_" + .);
		def arches: ["X86", "X86_64", "X32", "ARM", "AARCH64", "MIPS", "MIPS64", "MIPS64N32", "MIPSEL", "MIPSEL64",
			"MIPSEL64N32", "PPC", "PPC64", "PPC64LE", "S390", "S390X", "PARISC", "PARISC64", "RISCV64"]
			| map("SCMP_ARCH_" + .);
		def flags: ["TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV"] | map("SECCOMP_FILTER_FLAG_" + .);
		def ops: ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"] | map("SCMP_CMP_" + .);
		def errno($action; $value): $value | select(. != null) |
			(select(number(4294967295) | not) | "errno \(.)"),
			(select(["SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"] | index($action) | not) | "errno with \($action)");
		def argument: only(["index", "value", "valueTwo", "op"]),
			(.index | select(number(5) | not) | "index \(.)"),
			(.value | select(number(18446744073709551615) | not) | "value \(.)"),
			(.valueTwo | select(. != null) | select(number(18446744073709551615) | not) | "valueTwo \(.)"),
			(.op | among(ops; "operator"));
		def rule: only(["names", "action", "errnoRet", "args"]),
			(.names | select((type != "array") or length == 0) | "no names"),
			(.names[]? | select((type != "string") or length == 0) | "name \(.)"),
			(.action | among(actions; "action")),
			errno(.action; .errnoRet),
			(.args[]? | argument);
		only(["defaultAction", "defaultErrnoRet", "architectures", "flags", "listenerPath", "listenerMetadata",
			"syscalls"]),
		(.defaultAction | among(actions; "default action")),
		errno(.defaultAction; .defaultErrnoRet),
		(.architectures[]? | among(arches; "architecture")),
		(.flags[]? | among(flags; "flag")),
		(select(.listenerMetadata != null and .listenerPath == null) | "listenerMetadata alone"),
		(.syscalls[]? | rule)' "$1"
}

@test "oci: the runtime specification allows what is written" {
	for action in errno kill-process kill-thread trap log; do
		for runtime in any runc crun none; do
			for in in app many; do
				g2s-profile --default-action=$action --runtime=$runtime $in >profile.json
				oci_faults profile.json >faults
				cat faults
				[ ! -s faults ]
			done
		done
	done
	g2s-profile --errno=ENOSYS app >profile.json
	[ -z "$(oci_faults profile.json)" ]
	stream '#binary app x86_64 - -' >empty
	g2s-profile --runtime=none empty >profile.json 2>/dev/null
	[ -z "$(oci_faults profile.json)" ]
}

@test "oci: what the specification does not allow would be seen" {
	g2s-profile app >profile.json
	while IFS='@' read -r change words; do
		jq "$change" profile.json >wrong.json
		oci_faults wrong.json >faults
		echo "$change: $(cat faults)"
		grep -qF "$words" faults
	done <<-'END'
		.archMap = []@unknown field archMap
		del(.defaultAction)@default action null
		.defaultAction = "ERRNO"@default action ERRNO
		.defaultErrnoRet = -1@errno -1
		.defaultAction = "SCMP_ACT_LOG" | .defaultErrnoRet = 1@errno with SCMP_ACT_LOG
		.architectures += ["X86"]@architecture X86
		.flags = ["LOG"]@flag LOG
		.listenerMetadata = "x"@listenerMetadata alone
		.syscalls += [{"action": "SCMP_ACT_ALLOW"}]@no names
		.syscalls[0].names = []@no names
		.syscalls[0].names[0] = ""@name
		.syscalls[0].comment = ""@unknown field comment
		.syscalls[0].action = "allow"@action allow
		.syscalls[0].errnoRet = 1@errno with SCMP_ACT_ALLOW
		.syscalls[0].args = [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]@index 6
		.syscalls[0].args = [{"index": 0, "value": 1, "op": "EQ"}]@operator EQ
		.syscalls[0].args = [{"index": 0, "op": "SCMP_CMP_EQ"}]@value null
	END
}
