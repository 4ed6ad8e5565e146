#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # common.bash's variables
#
# The formats of g2s-profile on those that take them: bubblewrap and crun (BPF), libseccomp's simulator (BPF, number by
# number), systemd-analyze (drop-in), a YAML parser (Kubernetes object).

load common

# The version that the programs are built with.
go=1.24

# What a container of ours is called; crun keeps its state by name.
container=g2s-formats-$$

# stream_of PROGRAM: leaves its stream in $work/stream.
stream_of() {
	fixture $go "$1" stripped || verdict
	scan "$1" "$program" || verdict
}

# profile FORMAT OPTION...: leaves the profile of $work/stream in $work/profile.
profile() {
	"$dist/g2s-profile" --format="$1" "${@:2}" -o "$work/profile" <"$work/stream" 2>"$work/err" ||
		fault "g2s-profile --format=$*: status $?: $(cat "$work/err")"
}

# without_write: takes write out of $work/stream, and puts execve in, which the baseline would bring, and write with it.
without_write() {
	grep -q "$(printf '\twrite$')" "$work/stream" || fault "write was not in the stream"
	{
		grep -v "$(printf '\twrite$')" "$work/stream" | grep -v '^#'
		printf 'app\tx86_64\t0x1\tcall\t59\timm\tf\ts\texecve\n'
	} >"$work/less"
	mv "$work/less" "$work/stream"
}

# --- bubblewrap ---------------------------------------------------------------------------------------

# sandboxed OPTION...: runs $program under $work/profile; without one, runs it freely.
sandboxed() {
	if [ -f "$work/profile" ]; then
		run timeout -k 2 20 bwrap "$@" --ro-bind "$program" /program --proc /proc --dev /dev \
			--seccomp 9 /program 9<"$work/profile" </dev/null
	else
		run timeout -k 2 20 bwrap "$@" --ro-bind "$program" /program --proc /proc --dev /dev \
			/program </dev/null
	fi
}

# needs_bwrap WORD: $program runs in bubblewrap, where nothing is learned about programs otherwise.
needs_bwrap() {
	command -v bwrap >/dev/null || skip "bubblewrap is not installed"
	sandboxed
	[ "$status $output" = "0 $1" ] || skip "bubblewrap cannot run a program here: $(head -n 1 <<<"$output")"
}

# sandbox_starts PROGRAM WORD: it runs under its BPF, whatever the default action, and in a sandbox of its own.
sandbox_starts() {
	stream_of "$1"
	needs_bwrap "$2"
	local action option
	for action in errno kill-process log; do
		profile bpf --default-action=$action
		for option in --die-with-parent "--unshare-ipc --unshare-uts" "--unshare-pid --as-pid-1"; do
			# shellcheck disable=SC2086 # words
			sandboxed $option
			[ "$status $output" = "0 $2" ] ||
				fault "$1, $action, $option: status $status: $(head -n 3 <<<"$output")"
		done
	done
	verdict
}

@test "bubblewrap: hello runs under its BPF" {
	sandbox_starts hello "Hello, world"
}

@test "bubblewrap: web runs under its BPF" {
	sandbox_starts web served
}

# sandbox_fails PROGRAM WORD: without write it does not.
sandbox_fails() {
	stream_of "$1"
	needs_bwrap "$2"
	without_write
	profile bpf --partial --runtime=none
	sandboxed
	[[ $output != *"$2"* ]] || fault "$1 wrote without write: the program was not applied"
	profile bpf --partial --runtime=none --default-action=kill-process
	sandboxed
	# SIGSYS
	[ "$status" -eq 159 ] || fault "$1 without write: status $status and not 159"
	[[ $output != *"$2"* ]] || fault "$1 wrote without write under KILL_PROCESS"
	# Nothing is let through where only the log is asked for, and all of it.
	profile bpf --partial --runtime=none --default-action=log
	sandboxed
	[ "$status $output" = "0 $2" ] || fault "$1 without write under LOG: status $status: $output"
	verdict
}

@test "bubblewrap: hello without write fails" {
	sandbox_fails hello "Hello, world"
}

@test "bubblewrap: web without write fails" {
	sandbox_fails web served
}

# --- crun ---------------------------------------------------------------------------------------------

# run_crun: sets $status and $output.  crun refuses hybrid cgroups, so that it sees a fresh cgroup2.
run_crun() {
	run unshare -m --propagation private sh -c "mount -t cgroup2 none /sys/fs/cgroup && cd '$work/bundle' &&
		exec timeout -k 2 20 crun --root '$work/state' run $container" </dev/null
}

# crun_with FILE: the container's filter is that BPF program.
crun_with() {
	jq --arg data "$(base64 -w 0 "$1")" '.annotations["run.oci.seccomp_bpf_data"] = $data' \
		"$work/config" >"$work/bundle/config.json"
	run_crun
}

@test "crun: hello runs under its BPF in an annotation, and fails without write" {
	[ "$(id -u)" -eq 0 ] || skip "crun needs root here"
	command -v crun >/dev/null || skip "crun is not installed"
	stream_of hello
	mkdir -p "$work/bundle/rootfs"
	cp "$program" "$work/bundle/rootfs/program"
	(cd "$work/bundle" && crun spec)
	jq '.process.args = ["/program"] | .process.terminal = false | del(.linux.resources, .linux.seccomp)' \
		"$work/bundle/config.json" >"$work/config"
	cp "$work/config" "$work/bundle/config.json"
	run_crun
	[ "$status $output" = "0 Hello, world" ] ||
		skip "crun cannot run a container here: $(head -n 1 <<<"$output")"
	for action in errno kill-process; do
		profile bpf --runtime=crun --default-action=$action
		crun_with "$work/profile"
		[ "$status $output" = "0 Hello, world" ] ||
			fault "$action: status $status: $(head -n 3 <<<"$output")"
	done
	without_write
	profile bpf --partial --runtime=none --default-action=kill-process
	crun_with "$work/profile"
	[ "$status" -ne 0 ] && [[ $output != *"Hello, world"* ]] ||
		fault "it wrote without write: the annotation was not obeyed"
	verdict
}

# --- libseccomp's simulator ---------------------------------------------------------------------------

# needs_sim: sets $sim and $numbers, libseccomp's own table.
needs_sim() {
	local status=0
	sim=$("$here/build-sim" "$here/../../.build/sim" 2>"$work/why") || status=$?
	[ "$status" -ne 77 ] || skip "scmp_bpf_sim cannot be had: $(tail -n 1 "$work/why")"
	[ "$status" -eq 0 ] || {
		cat "$work/why"
		return 1
	}
	numbers=$here/../../.build/sim/libseccomp/src/syscalls.csv
	built=1
}

# stream_with NAMES ARCH...: a stream in $work/stream of those names under each architecture that has them.
stream_with() {
	local names=$1 arch
	shift
	printf '#g2s-sites\t1\t0.1.0\n' >"$work/stream"
	for arch in "$@"; do
		[ "$arch" = x32 ] || printf '#binary\tapp-%s\t%s\t-\t-\n' "$arch" "$arch" >>"$work/stream"
	done
	for arch in "$@"; do
		awk -F , -v arch="$arch" -v names="$names" '
			BEGIN {
				count = split(names, list, " ")
				for (i = 1; i <= count; i++)
					wanted[list[i]]
			}
			NR == 1 {
				for (i = 1; i <= NF; i++)
					if ($i == arch)
						column = i
				next
			}
			$1 in wanted && $column != "PNR" {
				number = $column + (arch == "x32" ? 1073741824 : 0)
				printf "app-%s\t%s\t0x%x\tcall\t%d\timm\tf\ts\t%s\n",
					arch, arch == "x32" ? "x86_64" : arch, NR, number, $1
			}' "$numbers"
	done >"$work/lines"
	cat "$work/lines" >>"$work/stream"
	printf '#end\t%d\t0\n' "$(wc -l <"$work/lines")" >>"$work/stream"
}

# wanted NAMES ARCH ACTION LISTED: what libseccomp's table says the simulator must answer for 0 to 600, one a line.
# The names of an OCI profile count on every architecture that it lists.
wanted() {
	awk -F , -v arch="$2" -v names="$1" -v other="$3" -v listed="$4" '
		BEGIN {
			count = split(names, list, " ")
			for (i = 1; i <= count; i++)
				allowed[list[i]]
		}
		NR == 1 {
			for (i = 1; i <= NF; i++)
				if ($i == arch)
					column = i
			next
		}
		$1 in allowed && $column != "PNR" { number[$column] }
		END {
			for (i = 0; i <= 600; i++)
				print i, !listed ? "KILL_PROCESS" : i in number ? "ALLOW" : other
		}' "$numbers"
}

# simulated ARCH: what the simulator answers for them.
simulated() {
	local i first=0
	[ "$1" != x32 ] || first=1073741824
	for ((i = 0; i <= 600; i++)); do
		printf '%d ' "$i"
		"$sim" -f "$work/profile" -a "$1" -s $((first + i)) || echo "status $?"
	done
}

# judged NAMES ACTION ARCH...: the simulator agrees with libseccomp's table under every architecture, with those of the
# profile and those that are not.
judged() {
	local names=$1 other=$2 arch listed
	shift 2
	for arch in x86_64 x86 x32 aarch64 arm; do
		listed=0
		[[ " $* " != *" $arch "* ]] || listed=1
		wanted "$names" "$arch" "$other" "$listed" >"$work/wanted"
		simulated "$arch" >"$work/simulated"
		[ "$(wc -l <"$work/simulated")" -eq 601 ] || fault "$arch: the simulator stopped"
		diff "$work/wanted" "$work/simulated" >"$work/difference" ||
			fault "$arch: $(grep -c '^>' "$work/difference") numbers: $(head -n 3 "$work/difference")"
		echo "$arch: $(grep -c ALLOW "$work/simulated") of 601 numbers are allowed"
	done
}

@test "simulator: hello's BPF decides every number under every architecture as its profile says" {
	needs_sim
	stream_of hello
	profile names
	names=$(tr '\n' ' ' <"$work/profile")
	profile bpf
	judged "$names" "ERRNO(1)" x86_64
	verdict
}

# Names by the number of letters in them: as good as chance, and the same everywhere.
some_names() {
	cut -d , -f 1 "$numbers" | awk '!/^#/ && length($0) % 3 == 0' | tr '\n' ' '
}

@test "simulator: five architectures in one program" {
	needs_sim
	names=$(some_names)
	stream_with "$names" x86_64 x86 x32 aarch64 arm
	profile bpf --runtime=none --default-action=kill-thread
	grep -q 'instructions$' "$work/err" || fault "no length was told"
	judged "$names" KILL x86_64 x86 x32 aarch64 arm
	# The numbers of arm's own calls lie far from the others.
	count=0
	while read -r name number; do
		count=$((count + 1))
		answer=$("$sim" -f "$work/profile" -a arm -s "$number")
		[[ " $names " == *" $name "* ]] && expected=ALLOW || expected=KILL
		[ "$answer" = $expected ] || fault "$name of arm: $answer and not $expected"
	done < <(awk -F , 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "arm") c = i } /^#/ { next } $c != "PNR" && $c > 1000 { print $1, $c }' \
		"$numbers")
	[ "$count" -ge 5 ] || fault "arm has only $count calls of its own"
	verdict
}

@test "simulator: two architectures, and the others are foreign" {
	needs_sim
	names=$(some_names)
	stream_with "$names" aarch64 arm
	profile bpf --runtime=none --errno=ENOSYS
	judged "$names" "ERRNO(38)" aarch64 arm
	verdict
}

# --- systemd ------------------------------------------------------------------------------------------

# unit LINE...: a service app in $work/units whose section holds these lines, with $work/profile as a drop-in.
unit() {
	mkdir -p "$work/units/app.service.d"
	printf '%s\n' '[Service]' 'ExecStart=/bin/true' "$@" >"$work/units/app.service"
	cp "$work/profile" "$work/units/app.service.d/seccomp.conf"
}

analyze() {
	SYSTEMD_UNIT_PATH=$work/units: timeout 60 systemd-analyze --no-pager "$@"
}

needs_analyze() {
	command -v systemd-analyze >/dev/null || skip "systemd-analyze is not installed"
	unit
	analyze verify app.service >"$work/verified" 2>&1 ||
		skip "systemd-analyze cannot verify a unit here: $(head -n 1 "$work/verified")"
}

# verified LABEL: systemd reads the unit and has nothing to say about it.
verified() {
	analyze verify app.service >"$work/verified" 2>&1 || fault "$1: verify says $?"
	[ ! -s "$work/verified" ] || fault "$1: $(head -n 3 "$work/verified")"
}

@test "systemd: the drop-in is one, whatever the default action" {
	: >"$work/profile"
	needs_analyze
	for name in hello web; do
		stream_of $name
		for action in errno kill-process log; do
			profile systemd --default-action=$action
			unit
			verified "$name, $action"
		done
		profile systemd --errno=ENOSYS
		unit
		verified "$name, ENOSYS"
	done
	# And it would tell: a name that there is not.
	sed 's/^\(SystemCallFilter=\)\(..*\)/\1no_such_call \2/' "$work/profile" >"$work/wrong"
	cp "$work/wrong" "$work/units/app.service.d/seccomp.conf"
	analyze verify app.service 2>&1 | grep -q no_such_call || fault "a wrong name was not noticed"
	verdict
}

# sets: which sets of calls the service may make, by systemd's own judgement: "@clock" and its like.
sets() {
	analyze security --offline=true app.service | sed -n 's/^. *SystemCallFilter=~\(@[a-z-]*\) .*, and @[a-z-]* is included.*/\1/p'
}

@test "systemd: the list is in force, and nothing of the unit's own remains" {
	: >"$work/profile"
	needs_analyze
	analyze security --offline=true app.service >/dev/null 2>&1 ||
		skip "this systemd-analyze has no security --offline"
	stream_of hello
	profile systemd --runtime=none
	unit "SystemCallFilter=@mount @clock" "SystemCallArchitectures=native x32"
	[ -z "$(sets)" ] || fault "over an allow-list: $(sets | paste -s -d ' ' -) are allowed"
	unit "SystemCallFilter=~@mount"
	[ -z "$(sets)" ] || fault "over a deny-list: $(sets | paste -s -d ' ' -) are allowed"
	# And it would tell.
	unit "SystemCallFilter=@mount @clock"
	: >"$work/units/app.service.d/seccomp.conf"
	[ "$(sets | sort | paste -s -d ' ' -)" = "@clock @mount @privileged" ] ||
		fault "without the drop-in: $(sets | paste -s -d ' ' -) are allowed"
	verdict
}

# --- Kubernetes ---------------------------------------------------------------------------------------

# needs_yaml: sets $python to one that has a YAML parser.
needs_yaml() {
	for python in python3 /usr/bin/python3; do
		if "$python" -c 'import yaml' 2>/dev/null; then
			return 0
		fi
	done
	skip "there is no YAML parser for Python"
}

@test "Kubernetes: a YAML parser reads what the OCI profile says, under a name that may be" {
	needs_yaml
	for name in hello web; do
		stream_of $name
		for action in errno kill-process kill-thread trap log; do
			profile oci --default-action=$action
			mv "$work/profile" "$work/oci"
			profile spo --default-action=$action
			"$python" - "$work/profile" "$work/oci" <<-'END' || fault "$name, $action: the object is not right"
				import json, re, sys, yaml
				found = yaml.safe_load(open(sys.argv[1]))
				oci = json.load(open(sys.argv[2]))
				assert found["apiVersion"] == "security-profiles-operator.x-k8s.io/v1beta1"
				assert found["kind"] == "SeccompProfile"
				assert set(found) == {"apiVersion", "kind", "metadata", "spec"}
				assert re.fullmatch("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", found["metadata"]["name"])
				assert found["spec"] == oci, (found["spec"], oci)
			END
		done
	done
	verdict
}

@test "Kubernetes: whatever a program is called, the YAML is sound" {
	needs_yaml
	built=1
	for name in true null No 1e3 0x1f 123 ~ '- a' 'a: b' '"' "'" '{}' '#' '\xff' '\n' '日本' '.' .. 'A B' 2024-01-01; do
		printf '#g2s-sites\t1\t0.1.0\n#binary\t/bin/%s\tx86_64\t-\t-\n#end\t0\t0\n' "${name/\\/\\\\}" >"$work/stream"
		profile spo
		"$python" - "$work/profile" <<-'END' || fault "$name: the object is not right"
			import re, sys, yaml
			name = yaml.safe_load(open(sys.argv[1]))["metadata"]["name"]
			assert isinstance(name, str) and re.fullmatch("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name), name
		END
	done
	verdict
}
