#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # common.bash's variables
#
# The truth: what a program does, seen by strace over three runs, lies inside what g2s says it can do; and
# nothing is left unresolved but what the program hides on purpose.

load common

# numbers_are LABEL PROGRAM: the numbers that the program's source passes stand where it passes them.
numbers_are() {
	awk -F '\t' -v program="$2" '$1 == program { print $2 "\t" $3 }' "$here/chosen.tsv" |
		sort -u >"$work/expected"
	awk -F '\t' '$2 == "x86_64" && $7 ~ /^main\./ { print $7 "\t" $5 }' "$work/rows" |
		sort -u >"$work/found"
	comm -23 "$work/expected" "$work/found" >"$work/lost"
	while read -r function number; do
		fault "$1: $function passes $number, and there is no row for it"
	done <"$work/lost"
	# Here the list is whole, so there is to be nothing else.
	case $2 in
	chosen | hidden)
		comm -13 "$work/expected" "$work/found" >"$work/more"
		while read -r function number; do
			fault "$1: $function does not pass $number"
		done <"$work/more"
		;;
	esac
}

# unresolved_are LABEL PROGRAM GO: the functions with "?" rows are those of the list, in every program.
# In Go 1.16 and 1.17 the number of AllThreadsSyscall goes through the heap: what calls it has rows, by
# its name, and the place where it comes off the heap stays reported (names add, they never remove).
unresolved_are() {
	awk -F '\t' -v program="$2" '$1 == program && $3 == "?" { print $2 }' "$here/chosen.tsv" |
		sort -u >"$work/hiding"
	unresolved >"$work/unresolved"
	case $3 in
	1.16 | 1.17) sed -i '/^syscall\.(\*allThreadsCaller)\.doSyscall6\{0,1\}$/d' "$work/unresolved" ;;
	esac
	comm -3 "$work/hiding" "$work/unresolved" | tr -d '\t' >"$work/odd"
	while read -r function; do
		fault "$1: $(awk -F '\t' -v f="$function" '$5 == "?" && $7 == f {
			if (!n++) print "unresolved in " f " at " $3 " (" $4 ", " $6 ", " $8 ")" }
			END { if (!n) print f " hides its number, and is not reported"
			else if (n > 1) print "and " n - 1 " more" }' "$work/rows" | paste -s -d ' ' -)"
	done <"$work/odd"
}

# truth GO VARIANT PROGRAM...
truth() {
	local go=$1 variant=$2 name label interpreted=
	shift 2
	[ "$variant" != pie ] || interpreted=yes
	for name in "$@"; do
		label="$name $variant, Go $go"
		fixture "$go" "$name" "$variant" || continue
		scan "$label" "$program" || continue
		# Go's linker names an ELF interpreter in every PIE; what that does is not in the program.
		seen "$label" 3 "$program" ${interpreted:+-o} || continue
		comm -13 "$work/said" "$work/seen" >"$work/missed"
		while read -r number syscall; do
			fault "$label: strace saw $syscall ($number), g2s does not say it"
		done <"$work/missed"
		numbers_are "$label" "$name"
		unresolved_are "$label" "$name" "$go"
	done
}

# of_version GO: all programs plain, and as PIE those that need no other build of the large packages.
of_version() {
	# shellcheck disable=SC2086 # a list of names
	truth "$1" plain $all_programs
	truth "$1" pie hello exec xsys chosen
	verdict
}

@test "truth: Go 1.15" {
	of_version 1.15
}

@test "truth: Go 1.17" {
	of_version 1.17
}

@test "truth: Go 1.19" {
	of_version 1.19
}

@test "truth: Go 1.21" {
	of_version 1.21
}

@test "truth: Go 1.24" {
	of_version 1.24
}

@test "truth: Go 1.27" {
	of_version 1.27
}

@test "truth: the Go that is installed" {
	of_version installed
}

@test "truth: all other versions of Go" {
	only_all
	for version in $other_versions; do
		# shellcheck disable=SC2086 # a list of names
		truth "$version" plain $all_programs
		truth "$version" pie hello exec xsys chosen
	done
	verdict
}

@test "truth: all programs as PIE" {
	only_all
	for version in 1.15 1.17 1.19 1.21 1.24 1.27 installed $other_versions; do
		# shellcheck disable=SC2086 # a list of names
		truth "$version" pie $all_programs
	done
	verdict
}
