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

@test "--no-new-privileges narrows what was measured to need less with it" {
	while read -r runtime action count; do
		try g2s-profile --no-new-privileges --runtime="$runtime" --default-action="$action"
		ended 0
		names >narrow
		[ "$(wc -l <narrow)" -eq "$count" ]
		g2s-profile --runtime="$runtime" --default-action="$action" <app | names - >wide
		[ -z "$(comm -23 narrow wide)" ]
	done <<-END
		any errno 29
		any kill-process 33
		runc errno 17
		runc kill-process 19
		crun errno 19
		crun kill-process 23
		none errno 2
	END
	# crun's exec needs the same either way.
	g2s-profile --runtime=crun <app >wide
	g2s-profile --runtime=crun --no-new-privileges <app | cmp wide -
}

@test "--init adds what an init calls, to any runtime" {
	while read -r options count; do
		# shellcheck disable=SC2086 # options
		try g2s-profile ${options//,/ }
		ended 0
		[ "$(names | wc -l)" -eq "$count" ]
	done <<-END
		--init=tini 48
		--init=catatonit 48
		--init=tini,--init=catatonit 50
		--init=tini,--runtime=none 17
		--init=catatonit,--runtime=none 17
		--init=catatonit,--runtime=none,--default-action=trap 28
		--init=tini,--runtime=none,--default-action=kill-process 27
	END
	try g2s-profile --init=tini --runtime=none
	names | grep -qx rt_sigtimedwait
	try g2s-profile --init=dumb-init
	ended 2 'g2s-profile: no init "dumb-init"'
	wrote_nothing
}

@test "--list-baseline prints the evidence, and reads nothing" {
	input=/dev/null
	try g2s-profile --list-baseline
	ended 0
	cp try/out table
	[ "$(head -n 1 table)" = $'caller\tdefault action\tno-new-privileges\tneeded for\tnames\tmeasured on' ]
	[ "$(awk -F '\t' '{ print NF }' table | sort -u)" = 6 ]
	[ "$(sed 1d table | cut -f 1 | sort -u | tr '\n' ' ')" = 'any catatonit crun other runc tini ' ]
	[ "$(sed 1d table | cut -f 2 | sort -u | tr '\n' '/')" = 'any/kill or trap/' ]
	[ "$(sed 1d table | cut -f 3 | sort -u | tr '\n' ' ')" = 'any off on ' ]
	[ "$(sed 1d table | cut -f 4 | sort -u | tr '\n' '/')" = 'exec/start/start, exec/' ]
	# Every line says with which versions.
	[ -z "$(sed 1d table | cut -f 6 | grep -v '[0-9]')" ]
	grep -q 'runc 1.0.0-rc93, 1.1.5, 1.1.15, 1.2.9, 1.3.6, 1.4.3, 1.5.1$' table
	grep -q 'crun 0.17, 1.8.1, 1.21, 1.28$' table
	# What is in the table is what goes into profiles: all of it, for every runtime and init.
	# listed CALLER|... PRIVILEGES|... ACTION|...: the names of these lines.
	listed() {
		awk -F '\t' -v caller="^($1)\$" -v privileges="^($2)\$" -v action="^($3)\$" \
			'$1 ~ caller && $3 ~ privileges && $2 ~ action { print $5 }' table |
			tr ' ' '\n' | LC_ALL=C sort -u
	}
	stream '#binary app x86_64 - -' >empty
	baseline() {
		g2s-profile "$@" empty 2>/dev/null | names -
	}
	diff <(listed 'runc|crun|other|any' 'any|off' any) <(baseline)
	diff <(listed 'runc|crun|other|any' 'any|off' '.*') <(baseline --default-action=trap)
	diff <(listed 'runc|any' 'any|on' '.*') <(baseline --runtime=runc --no-new-privileges --default-action=trap)
	diff <(listed 'crun|any' 'any|on' any) <(baseline --runtime=crun --no-new-privileges)
	diff <(listed tini 'any|on' any) <(baseline --runtime=none --init=tini --no-new-privileges)
	diff <(listed catatonit any '.*') <(baseline --runtime=none --init=catatonit --default-action=kill-thread)
	# It goes where other output goes, and nowhere else.
	try g2s-profile --list-baseline -o file
	ended 0
	wrote_nothing
	cmp table file
	try g2s-profile --list-baseline app
	ended 2 "--list-baseline reads nothing"
	wrote_nothing
	outputs_to_stdout g2s-profile --list-baseline
}

@test "--allow adds names, once and sorted" {
	try g2s-profile --runtime=none --allow=ptrace,bind --allow ptrace --allow=write
	ended 0
	[ "$(names | tr '\n' ' ')" = 'bind ptrace read write ' ]
	[ "$(jq '.syscalls | length' try/out)" -eq 1 ]
	# A name of whichever architecture.
	try g2s-profile --runtime=none --allow=socketcall,arm_fadvise64_64
	ended 0
	[ "$(names | tr '\n' ' ')" = 'arm_fadvise64_64 read socketcall write ' ]
}

@test "--allow and --deny refuse what is no system call" {
	for option in --allow --deny; do
		while IFS=: read -r list name; do
			try g2s-profile "$option=$list"
			ended 2 "g2s-profile: no system call \"$name\""
			wrote_nothing
		done <<-END
			:
			reed:reed
			read,reed,write:reed
			read,:
			,read:
			read,,write:
			read, write: write
			Read:Read
			#1:#1
			1:1
			read write:read write
		END
	done
	try g2s-profile --allow=$'\e[31m'
	ended 2 'no system call "\x1b[31m"'
}

@test "a name that is allowed and denied is a usage error" {
	try g2s-profile --allow=read,bind --deny=write --deny=ptrace,bind
	ended 2 "bind is in --allow and in --deny"
	wrote_nothing
}

@test "--deny leaves names out, and says who needs them" {
	try g2s-profile --runtime=none --deny=read
	ended 0 'g2s-profile: warning: read is denied, but needed by app (main.main, main.go:4)'
	[ "$(names)" = write ]
	try g2s-profile --runtime=none --deny=write,read
	[ "$status" -eq 0 ]
	diff - try/err <<-'END'
		g2s-profile: warning: read is denied, but needed by app (main.main, main.go:4)
		g2s-profile: warning: write is denied, but needed by app (main.main, main.go:3, and 1 more site)
	END
	[ "$(jq -c .syscalls try/out)" = '[]' ]
	try g2s-profile --deny=futex
	ended 0 'warning: futex is denied, but needed by the baseline (runc)'
	[ "$(names | wc -l)" -eq 36 ]
	if names | grep -qx futex; then
		return 1
	fi
	try g2s-profile --deny=write
	ended 0 'needed by app (main.main, main.go:3, and 1 more site) and the baseline (runc, crun)'
	try g2s-profile --deny=exit_group --runtime=crun
	ended 0 'needed by the baseline (any)'
	# What nobody needs is not worth a word.
	try g2s-profile --deny=ptrace,bpf,mount
	ended 0
	[ "$(names | wc -l)" -eq 37 ]
	# It was decided, not forgotten.
	try g2s-profile --strict --deny=write
	ended 0 'write is denied'
	# What the program says about itself steers no terminal.
	stream 'app\\x1b x86_64 0x1 call 1 imm f\\x1b[2J s write' >in
	try g2s-profile --deny=write in
	ended 0 'needed by app\x1b (f\x1b[2J, s)'
	# However long it is.
	long=$(printf 'x%.0s' {1..3000})
	stream "$long x86_64 0x1 call 1 imm $long $long write" >in
	try g2s-profile --deny=write in
	ended 0 'and the baseline (runc, crun)'
}

# base JSON: writes it, with ' for ", as the file base.
base() {
	tr "'" '"' <<<"$1" >base
}

# decision NAME: what the profile that was written does with all calls of a name, as runtimes take it.
decision() {
	jq -r --arg name "$1" '.defaultAction as $default | [.syscalls[] | select(.names | index($name)) |
		select(.action != $default) | select(has("args") or has("includes") or has("excludes") | not)] |
		if length == 0 then $default else .[0].action end' try/out
}

@test "--base keeps what it says and adds what is needed" {
	base "{'defaultAction':'SCMP_ACT_KILL_PROCESS','architectures':['SCMP_ARCH_S390X'],'flags':['SECCOMP_FILTER_FLAG_LOG'],
		'listenerPath':'/run/x','comment':'ours','syscalls':[
		{'names':['read','bind'],'action':'SCMP_ACT_ALLOW','comment':'c'},
		{'names':['ptrace','bpf'],'action':'SCMP_ACT_ERRNO','errnoRet':38},
		{'names':['personality'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':8,'op':'SCMP_CMP_EQ'}]}]}"
	try g2s-profile --runtime=none --base=base
	ended 0
	wrote '{
    "defaultAction": "SCMP_ACT_KILL_PROCESS",
    "architectures": [
        "SCMP_ARCH_S390X",
        "SCMP_ARCH_X86_64"
    ],
    "flags": [
        "SECCOMP_FILTER_FLAG_LOG"
    ],
    "listenerPath": "/run/x",
    "syscalls": [
        {
            "names": [
                "read",
                "bind"
            ],
            "action": "SCMP_ACT_ALLOW"
        },
        {
            "names": [
                "ptrace",
                "bpf"
            ],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": 38
        },
        {
            "names": [
                "personality"
            ],
            "action": "SCMP_ACT_ALLOW",
            "args": [
                {
                    "index": 0,
                    "value": 8,
                    "valueTwo": 0,
                    "op": "SCMP_CMP_EQ"
                }
            ]
        },
        {
            "names": [
                "write"
            ],
            "action": "SCMP_ACT_ALLOW"
        }
    ]
}'
	# Once more changes nothing.
	cp try/out base
	try g2s-profile --runtime=none --base=base -o base
	ended 0
	try cat base
	cp try/out once
	try g2s-profile --runtime=none --base=once
	ended 0
	cmp once try/out
	# Its default action kills, which asks for a larger baseline.
	try g2s-profile --base=base
	ended 0
	for name in read write tgkill epoll_ctl; do
		[ "$(decision $name)" = SCMP_ACT_ALLOW ]
	done
	[ "$(names | sort -u | wc -l)" -eq 51 ]
}

@test "--base: a profile of this tool takes another program" {
	g2s-profile app >base
	stream '#binary b x86 - -' 'b x86 0x1 int80 5 imm f s open' >b
	try g2s-profile --base=base b
	ended 0
	[ "$(jq -c .architectures try/out)" = '["SCMP_ARCH_X86_64","SCMP_ARCH_X86"]' ]
	# The same names as from both at once.
	names | sort >one
	g2s-profile app b | names - | sort | diff one -
	# From standard input.
	cp b stream
	input=base
	try g2s-profile --base=- stream
	ended 0
	names | sort | diff one -
	for operand in '' -; do
		# shellcheck disable=SC2086 # no operand, or one
		try g2s-profile --base - $operand
		ended 2 "standard input is either --base or a stream"
		wrote_nothing
	done
}

@test "--base: conditions are dropped for what is needed, with a warning" {
	base "{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[
		{'names':['write','bind'],'action':'SCMP_ACT_ALLOW','includes':{'caps':['CAP_BPF']}},
		{'names':['write'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':1,'op':'SCMP_CMP_EQ'}]},
		{'names':['read'],'action':'SCMP_ACT_LOG'}]}"
	try g2s-profile --runtime=none --base=base
	ended 0 'g2s-profile: warning: base: allows write under conditions, which are dropped: needed by app (main.main, main.go:3, and 1 more site)'
	[ "$(decision write)" = SCMP_ACT_ALLOW ]
	# The rest of such a rule stays; what is allowed and logged is allowed.
	[ "$(jq -c '[.syscalls[] | {names, action, includes}]' try/out)" = '[{"names":["bind"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_BPF"]}},{"names":["read"],"action":"SCMP_ACT_LOG","includes":null},{"names":["write"],"action":"SCMP_ACT_ALLOW","includes":null}]' ]
	# No condition is one that holds wherever the program runs.
	base "{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[
		{'names':['write'],'action':'SCMP_ACT_ALLOW','includes':{'arches':['amd64','x32']}},
		{'names':['read'],'action':'SCMP_ACT_ALLOW','excludes':{'arches':['s390']}},
		{'names':['read'],'action':'SCMP_ACT_ERRNO','errnoRet':38,'includes':{'arches':['s390']}}]}"
	try g2s-profile --runtime=none --base=base
	ended 0
	jq -S 'del(.architectures)' try/out | diff - <(jq -S . base)
	base "{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[
		{'names':['write'],'action':'SCMP_ACT_ALLOW','includes':{'caps':['CAP_BPF']}}]}"
	# Somebody who asks for it knows.
	try g2s-profile --runtime=none --base=base --allow=write
	ended 0
	[ "$(decision write)" = SCMP_ACT_ALLOW ]
	try g2s-profile --runtime=none --base=base --deny=write
	ended 0 'write is denied, but needed by app'
	[ -z "$(names | grep -x write || :)" ]
}

@test "--base: what it refuses is decided by --allow or --deny" {
	for rules in "{'names':['write','bpf'],'action':'SCMP_ACT_KILL'}" \
		"{'names':['write','bpf'],'action':'SCMP_ACT_ERRNO'}" \
		"{'names':['write','bpf'],'action':'SCMP_ACT_TRAP'},{'names':['write'],'action':'SCMP_ACT_ALLOW'}" \
		"{'names':['write','bpf'],'action':'SCMP_ACT_ERRNO','errnoRet':38,'excludes':{'caps':['CAP_BPF']}}"; do
		base "{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[$rules]}"
		echo old >file
		try g2s-profile --runtime=none --base=base -o file
		ended 4 'g2s-profile: base: refuses write (--allow=write or --deny=write decides): needed by app (main.main, main.go:3, and 1 more site)'
		wrote_nothing
		[ "$(cat file)" = old ]
		try g2s-profile --runtime=none --base=base --allow=write
		ended 0
		[ "$(decision write)" = SCMP_ACT_ALLOW ]
		names | grep -qx bpf
		try g2s-profile --runtime=none --base=base --deny=write
		ended 0 'warning: write is denied, but needed by app'
		[ "$(decision write)" != SCMP_ACT_ALLOW ]
		[ "$(decision read)" = SCMP_ACT_ALLOW ]
	done
	# All of them at once.
	base "{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['write','read','futex'],'action':'SCMP_ACT_KILL'}]}"
	try g2s-profile --base=base
	[ "$status" -eq 4 ]
	[ "$(wc -l <try/err)" -eq 3 ]
	said 'refuses futex (--allow=futex or --deny=futex decides): needed by the baseline (runc)'
	# A list of what is refused: all else is allowed already.
	base "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['write','bpf'],'action':'SCMP_ACT_KILL'}]}"
	try g2s-profile --base=base
	ended 4 "refuses write"
	try g2s-profile --base=base --allow=write --deny=bind,bpf
	ended 0
	[ "$(decision write)$(decision read)$(decision reboot)" = SCMP_ACT_ALLOWSCMP_ACT_ALLOWSCMP_ACT_ALLOW ]
	[ "$(decision bpf) $(decision bind)" = 'SCMP_ACT_KILL_THREAD SCMP_ACT_ERRNO' ]
	[ "$(jq '.syscalls | length' try/out)" -eq 2 ]
}

@test "--base: what a supervisor decides stays with it, with a warning" {
	for action in NOTIFY TRACE; do
		base "{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['write'],'action':'SCMP_ACT_$action'}]}"
		try g2s-profile --runtime=none --base=base
		ended 0 'warning: base: leaves write to a tracer or supervisor, as before (--allow=write allows it): needed by app'
		[ "$(decision write)" = SCMP_ACT_$action ]
		try g2s-profile --runtime=none --base=base --allow=write
		ended 0
		[ "$(decision write)" = SCMP_ACT_ALLOW ]
		try g2s-profile --runtime=none --base=base --deny=write
		[ "$status" -eq 0 ]
		[ "$(decision write)" = SCMP_ACT_ERRNO ]
	done
}

@test "--base: Docker's archMap takes the architectures" {
	base "{'defaultAction':'SCMP_ACT_ERRNO','archMap':[{'architecture':'SCMP_ARCH_X86_64','subArchitectures':['SCMP_ARCH_X86']}],
		'syscalls':[]}"
	stream '#binary b aarch64 - -' '#binary c x86_64 - -' 'c x86_64 0x1 call 1073741825 imm f s write' >in
	try g2s-profile --runtime=none --base=base in
	ended 0
	[ "$(jq -c '[.architectures, .archMap]' try/out)" = '[null,[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"]},{"architecture":"SCMP_ARCH_AARCH64","subArchitectures":[]}]]' ]
}

@test "--base: what is no profile is refused, and what contradicts it" {
	for option in --default-action=errno --errno=EPERM; do
		try g2s-profile --base=app "$option"
		ended 2 "--base has a default action of its own: ${option%%=*} does not go with it"
		wrote_nothing
	done
	try g2s-profile --base=missing
	ended 2 "g2s-profile: missing: cannot open: No such file or directory"
	echo '{"defaultAction":7}' >bad
	try g2s-profile --base=bad
	ended 4 "g2s-profile: bad: defaultAction: is not a string"
	wrote_nothing
	try g2s-profile --base=app
	ended 4 "g2s-profile: app: line 1: "
	wrote_nothing
	# A failed stage before it is no empty program.
	g2s-profile app >base
	input=/dev/null
	try g2s-profile --base=base
	ended 4 "empty input instead of a stream"
	wrote_nothing
}

# explained NAME: the line of the table that is about it, without the name.
explained() {
	sed -n "s/^$1	//p" try/out
}

@test "--explain says why each name is allowed, instead of allowing it" {
	try g2s-profile --runtime=none --explain
	ended 0
	wrote $'name\twhy\tsites\tdocker default
read\tapp: main.main, main.go:4\t1\tallowed
write\tapp: main.main, main.go:3; app: main.f, main.go:9\t2\tallowed'
	# With every kind of reason.
	try g2s-profile --explain --allow=bpf,mount,read,clone
	ended 0
	runc='baseline: runc 1.0.0-rc93, 1.1.5, 1.1.15, 1.2.9, 1.3.6, 1.4.3, 1.5.1'
	crun='baseline: crun 0.17, 1.8.1, 1.21, 1.28'
	[ "$(explained read)" = "app: main.main, main.go:4; $runc; $crun; --allow"$'\t1\tallowed' ]
	[ "$(explained futex)" = "$runc"$'\t0\tallowed' ]
	[ "$(explained select)" = "$crun"$'\t0\tallowed' ]
	[ "$(explained close_range)" = "$runc, ${crun#*: }"$'\t0\tallowed' ]
	[ "$(explained restart_syscall)" = $'baseline: kernel 6.18\t0\tallowed' ]
	[ "$(explained mount)" = $'--allow\t0\tonly with CAP_SYS_ADMIN' ]
	[[ $(explained bpf) == $'--allow\t0\tonly with CAP_'*CAP_* ]]
	[[ $(explained clone) == $'--allow\t0\tonly with '*'some arguments'* ]]
	# The names are those of the profile, sorted.
	sed 1d try/out | cut -f 1 >list
	LC_ALL=C sort -uc list
	g2s-profile --allow=bpf,mount,read,clone app | names - | diff - list
	[ "$(awk -F '\t' '{ print NF }' try/out | sort -u)" = 4 ]
	# Only the runtime that was chosen is a reason.
	try g2s-profile --explain --runtime=crun --no-new-privileges
	[ "$(explained read)" = "app: main.main, main.go:4; $crun"$'\t1\tallowed' ]
	try g2s-profile --explain --runtime=none --init=tini --deny=write
	ended 0 "write is denied, but needed by app"
	[ "$(explained getpid)" = $'baseline: tini 0.19.0\t0\tallowed' ]
	[ -z "$(explained write)" ]
}

@test "--explain shows three sites, and says how many more" {
	for number in 1 2 3 4 5; do
		printf 'app x86_64 0x%s call 169 imm main.f%s f.go:%s reboot\n' "$number" "$number" "$number"
	done >rows
	mapfile -t rows <rows
	stream "${rows[@]:0:3}" >in
	try g2s-profile --runtime=none --explain in
	ended 0
	[ "$(explained reboot)" = $'app: main.f1, f.go:1; app: main.f2, f.go:2; app: main.f3, f.go:3\t3\tonly with CAP_SYS_BOOT' ]
	stream "${rows[@]}" 'b x86_64 0x9 call 169 imm - - reboot' 'b x86_64 0x9 call 171 imm g - setdomainname' >in
	try g2s-profile --runtime=none --explain in
	ended 0
	[ "$(explained reboot)" = $'app: main.f1, f.go:1; app: main.f2, f.go:2; app: main.f3, f.go:3; and 3 more\t6\tonly with CAP_SYS_BOOT' ]
	[[ $(explained setdomainname) == $'b: g, 0x9\t1\t'* ]]
	# A place that several sites have is told once.
	stream 'app x86_64 0x1 call 169 imm f f.go:1 reboot' 'app x86_64 0x2 call 169 imm f f.go:1 reboot' \
		'app x86_64 0x3 call 169 imm f f.go:2 reboot' 'b x86_64 0x1 call 169 imm f f.go:1 reboot' >in
	try g2s-profile --runtime=none --explain in
	ended 0
	[ "$(explained reboot)" = $'app: f, f.go:1; app: f, f.go:2; b: f, f.go:1\t4\tonly with CAP_SYS_BOOT' ]
}

@test "--explain: what Docker says depends on the architecture" {
	stream 'app x86_64 0x1 call 158 imm f s arch_prctl' 'app x86_64 0x2 call 205 imm f s set_thread_area' \
		'app x86_64 0x3 call 180 imm f s nfsservctl' >in
	try g2s-profile --runtime=none --explain in
	ended 0
	[[ $(explained arch_prctl) == *$'\tallowed' ]]
	[[ $(explained nfsservctl) == *$'\tdenied' ]]
	stream 'app aarch64 0x1 svc 1 imm f s arch_prctl' >in
	try g2s-profile --runtime=none --explain in
	ended 0
	[[ $(explained arch_prctl) == *$'\tdenied' ]]
}

@test "--explain with --base tells what comes from there" {
	base "{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[
		{'names':['read','bind'],'action':'SCMP_ACT_ALLOW'},
		{'names':['bpf'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':8,'op':'SCMP_CMP_EQ'}]},
		{'names':['reboot'],'action':'SCMP_ACT_KILL'}]}"
	try g2s-profile --runtime=none --explain --base=base
	ended 0
	wrote $'name\twhy\tsites\tdocker default
bind\t--base: base\t0\tallowed
bpf\t--base: base, under conditions\t0\tonly with CAP_SYS_ADMIN or with CAP_BPF
read\tapp: main.main, main.go:4; --base: base\t1\tallowed
write\tapp: main.main, main.go:3; app: main.f, main.go:9\t2\tallowed'
}

@test "--explain and --list-baseline have no format" {
	for option in explain list-baseline; do
		try g2s-profile "--$option" --format=names
		ended 2 "--$option writes a table: --format does not go with it"
		wrote_nothing
	done
}

@test "--explain keeps the rules of the stream and of --strict" {
	# What it shows of names steers no terminal, and no name breaks a line apart.
	printf '#g2s-sites\t1\tx\na\\tb\tx86_64\t0x1\tcall\t1\timm\t\\x1b[31mf\\n\t\\xff\twrite\n#end\t1\t0\n' >in
	try g2s-profile --runtime=none --explain in
	ended 0
	[ "$(sed 1d try/out)" = $'write\t''a\tb: \x1b[31mf\n, \xff'$'\t1\tallowed' ]
	stream 'app x86_64 0x1 call 1 imm f s write' 'app x86_64 0x1 call ? memory f s ?' >in
	try g2s-profile --runtime=none --explain --strict in
	[ "$status" -eq 3 ]
	[ "$(explained write)" = $'app: f, s\t1\tallowed' ]
	outputs_to_stdout g2s-profile --explain app
	rm -rf pipe
	outputs_to_file g2s-profile --explain app
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
