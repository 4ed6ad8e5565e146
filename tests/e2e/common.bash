# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
#
# What the end-to-end tests share.  A test goes through many programs and names every fault it
# meets before it fails, so that one run shows the whole picture.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dist=$(cd "${G2S_DIST:-$here/../../dist}" && pwd)
export LC_ALL=C

all_programs="hello web exec files user signals xsys hidden chosen allthreads rawsys escapes"
# The versions that have a test of their own: each ABI, each layout of pclntab, and the newest.  The others:
other_versions="1.9 1.10 1.11 1.12 1.13 1.14 1.16 1.18 1.20 1.22 1.23 1.25 1.26"

setup() {
	work=$(mktemp -d)
	faults=0
	built=0
	reason=
}

teardown() {
	rm -rf "$work"
}

# Skips what is only in the long run.
only_all() {
	[ -n "${G2S_E2E_ALL:-}" ] || skip "only with G2S_E2E_ALL=1"
}

fault() {
	echo "FAULT: $*"
	faults=$((faults + 1))
}

# Ends a test: fails when there were faults, skips when nothing could be built.
verdict() {
	[ "$faults" -eq 0 ] || {
		echo "$faults faults"
		return 1
	}
	[ "$built" -gt 0 ] || skip "${reason:-nothing was built}"
}

# fixture GO PROGRAM VARIANT: sets $program to the executable, or returns 1 after a note or a fault.
fixture() {
	local status=0
	program=$("$here/build-fixtures" "$1" "$2" "$3" 2>"$work/why") || status=$?
	case $status in
	0)
		built=$((built + 1))
		return 0
		;;
	77)
		reason=$(cat "$work/why")
		echo "not there: $2 $3, Go $1: $reason"
		;;
	*) fault "$2 $3, Go $1: $(cat "$work/why")" ;;
	esac
	return 1
}

# scan LABEL PROGRAM: the file alone, since in that root file system there are no libraries: these have libraries.bats.
# Leaves the resolved stream in $work/stream, its rows in $work/rows and "number name" of
# the known ones in $work/said; returns 1 after a fault.
scan() {
	local status=0
	(
		set -o pipefail
		"$dist/g2s-scan" --sysroot="$here" "$2" 2>"$work/err" | "$dist/g2s-resolve" 2>>"$work/err" >"$work/stream"
	) || status=$?
	# In C code of others a wrapper's parameter can get numbers that there are not.
	if [ -n "${foreign:-}" ]; then
		sed -i '/has no system call of number/d' "$work/err"
	fi
	# One warning is expected for each library, and none else.
	grep -c '^#needs' "$work/stream" >"$work/needs" || true
	if [ "$status" -ne 0 ] || [ "$(wc -l <"$work/err")" -ne "$(cat "$work/needs")" ]; then
		fault "$1: the pipeline says $status, $(head -n 3 "$work/err")"
		[ "$status" -eq 0 ] || return 1
	fi
	grep -v '^#' "$work/stream" >"$work/rows" || true
	awk -F '\t' '$2 == "x86_64" && $5 != "?" { print $5 " " $9 }' "$work/rows" | sort -u >"$work/said"
}

# unresolved: the functions of the rows that have no number.
unresolved() {
	awk -F '\t' '$5 == "?" { print $7 }' "$work/rows" | sort -u
}

# seen LABEL RUNS PROGRAM [-o]: leaves "number name" of what strace sees in $work/seen, less restart_syscall,
# which the kernel makes for anyone and g2s-profile adds for all.
seen() {
	seen_of "$1" ${4+"$4"} "$2" "$3"
}

# seen_of LABEL [-o] RUNS PROGRAM ARGUMENT...: the same of a program with arguments.
seen_of() {
	local status=0
	"$here/observed" "${@:2}" >"$work/observed" 2>"$work/why" || status=$?
	if [ "$status" -eq 77 ]; then
		skip "$(cat "$work/why")"
	elif [ "$status" -ne 0 ]; then
		fault "$1: $(cat "$work/why")"
		return 1
	fi
	grep -v '^219 restart_syscall$' "$work/observed" | sort -u >"$work/seen"
	[ -s "$work/seen" ] || fault "$1: strace saw nothing"
}

# told LABEL PROGRAM: each number that told.tsv lists for the program is said as it says there.  Prints how many of
# those that may be unresolved are.
told() {
	awk -F '\t' -v program="$2" '
		function add(key, what) {
			faults[key] = faults[key] " " what
		}
		FNR == NR {
			if ($1 == program) {
				count++
				shown[count] = $2
				function_[count] = "^(" $2 ")$"
				number[count] = $3
				how[count] = $4
			}
			next
		}
		$2 == "x86_64" {
			seen[$7, $5]
			functions[$7]
		}
		END {
			for (i = 1; i <= count; i++) {
				found = hidden = 0
				for (name in functions)
					if (name ~ function_[i]) {
						if ((name, number[i]) in seen)
							found = 1
						if ((name, "?") in seen)
							hidden = 1
					}
				if (!found && hidden && how[i] == "?")
					unresolved++
				else if (!found)
					add(shown[i] (hidden ? " has rows, but unresolved ones, for" \
						: ", and no word of"), number[i])
			}
			for (each in faults)
				print each faults[each]
			print count, unresolved + 0 >"/dev/stderr"
		}' "$here/told.tsv" "$work/rows" >"$work/untold" 2>"$work/tally"
	while read -r line; do
		fault "$1: $line"
	done <"$work/untold"
	echo "$1: $(awk '{ print $1 " numbers, " $2 " of them as unresolved" }' "$work/tally")"
	[ "$(cut -d ' ' -f 1 "$work/tally")" -gt 0 ] || fault "$1: told.tsv does not know it"
}

# said_of LABEL: what strace saw, in $work/seen, is among what g2s says; or there is an unresolved row, and both
# are printed, on file descriptor $report.
said_of() {
	comm -13 "$work/said" "$work/seen" >"$work/missed"
	[ -s "$work/missed" ] || return 0
	# A static glibc loads modules of its name service: that is said, and what they do is not in the file.
	if [ -n "$(unresolved)" ] || grep -q "^#needs.*dlopen(?)" "$work/stream"; then
		echo "# $1: strace saw $(paste -s -d , "$work/missed"), unresolved: $(unresolved | paste -s -d ' ' -)" \
			>&"${report:-1}"
	else
		fault "$1: strace saw $(paste -s -d , "$work/missed"), g2s does not say it"
	fi
}
