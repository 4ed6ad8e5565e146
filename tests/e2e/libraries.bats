#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2034 # common.bash's variables
#
# Programs that are linked with libraries, at the work that tests/e2e/workload knows: C, C++, Rust, Go with cgo,
# glibc and musl.  What strace sees in three runs is said by the rows; nothing is unresolved that libraries.tsv does
# not list with its reason; and under the profile the same work is done in bubblewrap, whether what the profile lacks
# is refused or ends the process.  By default some of the programs, with G2S_E2E_ALL=1 all.

load common

runs=3
no_bwrap=

# An ERRNO that the program survives is no fault of the work, so KILL_PROCESS is the sharper one of the two.
actions="errno kill-process"

# stream NAME PROGRAM...: leaves the resolved stream in $work/stream, its rows in $work/rows and "number name" of
# the known ones in $work/said; returns 1 after a fault.
stream() {
	local status=0
	(
		set -o pipefail
		"$dist/g2s-scan" "${@:2}" 2>"$work/err" | "$dist/g2s-resolve" 2>>"$work/err" >"$work/stream"
	) || status=$?
	if [ "$status" -ne 0 ]; then
		fault "$1: the pipeline says $status: $(head -n 3 "$work/err")"
		return 1
	fi
	grep -v '^#' "$work/stream" >"$work/rows" || true
	awk -F '\t' '$2 == "x86_64" && $5 != "?" { print $5 " " $9 }' "$work/rows" | sort -u >"$work/said"
}

# all_said NAME: what strace saw, in $work/seen, is among what g2s says.
all_said() {
	comm -13 "$work/said" "$work/seen" >"$work/missed"
	[ ! -s "$work/missed" ] || fault "$1: strace saw $(paste -s -d , "$work/missed"), g2s does not say it"
}

# none_unresolved NAME: each unresolved row is listed, and each library or symbol whose name is not known or that is not
# there; with --strict the status says whether there was one.
none_unresolved() {
	local line wanted=0 status=0
	awk -F '\t' '
		FNR == NR {
			if (!/^#/)
				listed[$1, $2, $3]
			next
		}
		$1 == "#needs" || (!/^#/ && $5 == "?") {
			needs = $1 == "#needs"
			file = needs ? $2 : $1
			sub(/.*\//, "", file)
			# Fixtures have a sum behind their names.
			sub(/-[0-9a-f]+$/, "", file)
			if (needs) {
				if (!((file, $3, "needs") in listed))
					print file ": it needs " $3
				next
			}
			if (!((file, $7, $6) in listed) && !seen[file, $7, $4, $6]++)
				print file ": " $7 " at " $3 " (" $4 ", " $6 ")"
		}' "$here/libraries.tsv" "$work/stream" >"$work/odd"
	while read -r line; do
		fault "$1: unresolved: $line"
	done <"$work/odd"
	! awk -F '\t' '$1 == "#end" && $3 != 0 { found = 1 } END { exit !found }' "$work/stream" || wanted=3
	"$dist/g2s-profile" --strict -o "$work/strict.json" "$work/stream" 2>"$work/err" || status=$?
	[ "$status" -eq "$wanted" ] || fault "$1: g2s-profile --strict says $status: $(head -n 3 "$work/err")"
}

# needs_bwrap: whether bubblewrap can start anything here; $no_bwrap says why not.
needs_bwrap() {
	if ! command -v bwrap >/dev/null; then
		no_bwrap="bubblewrap is not installed"
	elif ! bwrap --dev-bind / / true 2>"$work/why"; then
		no_bwrap="bubblewrap cannot run a program here: $(head -n 1 "$work/why")"
	fi
	[ -z "$no_bwrap" ]
}

# filter ACTION OPTION...: leaves the program for the kernel in $work/filter.  bubblewrap starts the program under it.
filter() {
	"$dist/g2s-profile" --format=bpf --runtime=none --allow=execve --default-action="$1" "${@:2}" -o "$work/filter" \
		"$work/stream" 2>"$work/err" || fault "g2s-profile $*: status $?: $(head -n 3 "$work/err")"
}

# confined NAME: the work is done under the filter.
confined() {
	timeout -k 5 120 "$here/workload" "$1" "$here/confined" "$work/filter" >"$work/out" 2>&1 </dev/null
}

# work_of NAME: leaves the paths of the programs that take part in $paths; returns 1 after a note or a fault.
work_of() {
	local status=0
	"$here/workload" --programs "$1" >"$work/paths" 2>"$work/why" || status=$?
	case $status in
	0) mapfile -t paths <"$work/paths" ;;
	77)
		reason="$1: $(cat "$work/why")"
		echo "not there: $reason"
		;;
	*) fault "$1: $(cat "$work/why")" ;;
	esac
	return $status
}

# works NAME...: each of them, through all of it.
works() {
	local name action
	for name in "$@"; do
		work_of "$name" || continue
		built=$((built + 1))
		stream "$name" "${paths[@]}" || continue
		seen_of "$name" -w $runs "$here/workload" "$name" || continue
		all_said "$name"
		none_unresolved "$name"
		echo "# $name: $(wc -l <"$work/said") names, strace saw $(wc -l <"$work/seen")" >&3
		needs_bwrap || continue
		for action in $actions; do
			filter "$action"
			confined "$name" || fault "$name, $action: $(tail -n 3 "$work/out")"
		done
	done
}

# ends: as verdict does, and says when the half of it could not be tried.
ends() {
	verdict
	[ -z "$no_bwrap" ] || skip "nothing was run under its profile: $no_bwrap"
}

@test "libraries: coreutils" {
	works cat sort id
	ends
}

@test "libraries: more coreutils" {
	only_all
	works ls cp date stat dd tail env
	ends
}

@test "libraries: bash" {
	works bash
	ends
}

@test "libraries: curl" {
	works curl
	ends
}

@test "libraries: git" {
	only_all
	works git
	ends
}

@test "libraries: sqlite3" {
	works sqlite3
	ends
}

@test "libraries: openssl" {
	only_all
	works openssl
	ends
}

@test "libraries: nginx" {
	works nginx
	ends
}

@test "libraries: redis-server" {
	only_all
	works redis
	ends
}

@test "libraries: busybox, dynamic and static" {
	only_all
	works busybox busybox_dynamic
	ends
}

@test "libraries: ninja, in C++" {
	works ninja
	ends
}

@test "libraries: ripgrep, in Rust" {
	works rg
	ends
}

@test "libraries: caddy, with cgo" {
	only_all
	works caddy
	ends
}

@test "libraries: gh, with cgo" {
	only_all
	works gh
	ends
}

@test "libraries: rclone, with cgo" {
	only_all
	works rclone
	ends
}

@test "libraries: runc, with cgo" {
	only_all
	works runc
	ends
}

@test "libraries: prometheus-node-exporter, with cgo" {
	only_all
	works node_exporter
	ends
}

@test "libraries: os/user and net with cgo" {
	works go_user ${G2S_E2E_ALL:+go_web}
	ends
}

@test "libraries: os/user and net with cgo and musl" {
	works go_user_musl ${G2S_E2E_ALL:+go_user_musl_static}
	ends
}

@test "libraries: C of our own, names that libc looks up with modules" {
	works names ${G2S_E2E_ALL:+life}
	ends
}

@test "libraries: C of our own, with musl" {
	works names_musl names_musl_static ${G2S_E2E_ALL:+life_musl life_musl_static}
	ends
}

@test "libraries: every work has a test" {
	local name
	built=1
	for name in $("$here/workload" --list); do
		# This line names none.
		grep -qE "^	works (.*[ +])?$name( |\}|$)" "$BATS_TEST_FILENAME" || fault "$name has none"
	done
	verdict
}

# faults_of COMMAND...: how many faults it finds, which are then forgotten.
faults_of() {
	local before=$faults
	"$@" >"$work/told"
	found=$((faults - before))
	faults=$before
}

@test "libraries: what is wrong is noticed" {
	local action
	work_of cat || verdict
	built=1
	stream cat "${paths[@]}" || verdict
	seen_of cat -w 1 "$here/workload" cat || verdict
	# A name that no row has.
	sed '/ write$/d' "$work/said" >"$work/less"
	cmp -s "$work/said" "$work/less" && fault "no row says write"
	mv "$work/less" "$work/said"
	faults_of all_said cat
	[ "$found" -eq 1 ] || fault "a name that strace alone saw is no fault"
	# A row without a number.
	cp "$work/stream" "$work/whole"
	sed '/^#end/s/[0-9]*$/1/' "$work/whole" >"$work/stream"
	printf '%s\tx86_64\t0x1\tsyscall\t?\tmemory\tnowhere\t-\t-\n' "${paths[0]}" >>"$work/stream"
	faults_of none_unresolved cat
	[ "$found" -gt 0 ] || fault "an unresolved row is no fault"
	{
		printf '#needs\t%s\tlibnone.so.1\n' "${paths[0]}"
		cat "$work/whole"
	} >"$work/stream"
	faults_of none_unresolved cat
	[ "$found" -gt 0 ] || fault "a library that is not there is no fault"
	mv "$work/whole" "$work/stream"
	needs_bwrap || ends
	for action in $actions; do
		filter "$action" --deny=write
		! confined cat || fault "$action: the work is done without write"
	done
	verdict
}
