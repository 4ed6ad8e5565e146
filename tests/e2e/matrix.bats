#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2034 # common.bash's variables
#
# The matrix: Go version x variant x program.  In each cell the truth is what strace sees over three runs, and the
# numbers that the program's own source passes (chosen.tsv): it lies inside what g2s says, and nothing is left
# unresolved but what the program hides on purpose.  What must not make a difference is compared row by row:
# symbols, and the names in pclntab.
#
#     plain       against the truth
#     stripped    its rows are those of plain
#     names       stripped, every function's name overwritten: the same rows but for the names
#     pie         against the truth
#     cgo-static  against the truth; the C library may leave rows without a number
#
# By default all programs with seven versions, and fewer as pie and cgo-static; with G2S_E2E_ALL=1 everything
# with every version.  The last test prints how many cells there were and what came of them.

load common

# expected_of PROGRAM: "function <tab> number" of what its source passes.
expected_of() {
	awk -F '\t' -v program="$1" '$1 == program { print $2 "\t" $3 }' "$here/chosen.tsv" | sort -u
}

# numbers_are LABEL PROGRAM: the numbers that the program's source passes stand where it passes them.
numbers_are() {
	expected_of "$2" >"$work/expected"
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

# all_said LABEL: what strace saw is among what g2s says.
all_said() {
	comm -13 "$work/said" "$work/seen" >"$work/missed"
	while read -r number syscall; do
		fault "$1: strace saw $syscall ($number), g2s does not say it"
	done <"$work/missed"
}

# go_rows: drops the rows of C code, which have no source, from $work/rows.
go_rows() {
	awk -F '\t' '$8 != "-"' "$work/rows" >"$work/go"
	mv "$work/go" "$work/rows"
}

# comparable: the rows without what the file is called, and without where data is, since stripping moves that.  The
# fixtures may have been built by two work trees, so of a source's path its last part counts.
comparable() {
	awk -F '\t' -v OFS='\t' '{ $1 = ""; sub(/.*\//, "", $8); if ($4 == "vdso") $3 = ""; print }' "$work/rows"
}

cell_plain() {
	scan "$label" "$program" || return 0
	comparable >"$work/plain"
	[ -s "$work/plain" ] || fault "$label: no rows"
	seen "$label" 3 "$program" || return 0
	all_said "$label"
	numbers_are "$label" "$2"
	unresolved_are "$label" "$2" "$1"
}

cell_stripped() {
	scan "$label" "$program" || return 0
	comparable >"$work/stripped"
	cmp -s "$work/plain" "$work/stripped" ||
		fault "$label: stripping changes the rows: $(diff "$work/plain" "$work/stripped" | head -n 5)"
}

cell_names() {
	"$here/mutate" names "$program" "$work/mutant" 2>"$work/why" || {
		fault "$label: $(cat "$work/why")"
		return 0
	}
	scan "$label" "$program" || return 0
	cut -f 2-6,8 "$work/rows" >"$work/before"
	scan "$label" "$work/mutant" || return 0
	cut -f 2-6,8 "$work/rows" >"$work/after"
	awk -F '\t' '$4 != "vdso" && $7 !~ /^[x-]+$/ { print $7 }' "$work/rows" | sort -u >"$work/odd"
	[ ! -s "$work/odd" ] || fault "$label: there still are $(head -n 3 "$work/odd" | paste -s -d ' ' -)"
	case $program in
	*/1.1[67].*/*) less_by_one_rule ;;
	*)
		cmp -s "$work/before" "$work/after" ||
			fault "$label: names change the rows: $(diff "$work/before" "$work/after" | head -n 5)"
		;;
	esac
}

# less_by_one_rule: Go 1.16 and 1.17 have one rule by name, for calls of AllThreadsSyscall.  Rows of calls may go, and
# nothing else, if the place where their number comes off the heap is reported.
less_by_one_rule() {
	sort "$work/before" >"$work/sorted"
	sort "$work/after" | comm -13 "$work/sorted" - >"$work/odd"
	[ ! -s "$work/odd" ] || fault "$label: more without names: $(head -n 3 "$work/odd")"
	sort "$work/after" | comm -23 "$work/sorted" - | cut -f 3-5 >"$work/odd"
	if grep -qv $'^call\t[0-9]*\targ$' "$work/odd"; then
		fault "$label: a row went that no rule by name makes: $(head -n 3 "$work/odd")"
	elif [ -s "$work/odd" ] && [ -z "$(unresolved)" ]; then
		fault "$label: rows went, and nothing says so"
	fi
}

cell_pie() {
	scan "$label" "$program" || return 0
	# Go's linker names an ELF interpreter in every PIE; what that does is not in the program.
	seen "$label" 3 "$program" -o || return 0
	all_said "$label"
	numbers_are "$label" "$2"
	unresolved_are "$label" "$2" "$1"
}

cell_cgo-static() {
	scan "$label" "$program" || return 0
	seen "$label" 3 "$program" || return 0
	said_of "$label"
	go_rows
	numbers_are "$label" "$2"
	unresolved_are "$label" "$2" "$1"
}

# cells GO PROGRAM VARIANT...: the cells of one program; notes what comes of each.  What stripped and names do
# under strace, plain has done: it is the same code, and the same rows.
cells() {
	local go=$1 name=$2 variant label before outcome
	shift 2
	rm -f "$work/plain"
	for variant in "$@"; do
		label="$name $variant, Go $go"
		before=$faults
		reason=
		if fixture "$go" "$name" "${variant/names/stripped}"; then
			cell_"$variant" "$go" "$name"
			outcome=$([ "$faults" -eq "$before" ] && echo right || echo wrong)
		elif [ "$faults" -ne "$before" ]; then
			outcome=wrong
		else
			outcome="cannot be built: $reason"
		fi
		printf '%s\t%s\t%s\t%s\n' "$go" "$variant" "$name" "$outcome" >>"$BATS_FILE_TMPDIR/cells"
	done
}

# of_version GO: one version's share of the matrix.
of_version() {
	local name more
	for name in $all_programs; do
		more=
		case $name in
		hello | exec | xsys | chosen) more=pie ;;
		esac
		# C takes a build of the large packages for each version.
		case $1:$name in
		1.21:user | 1.21:web | 1.21:chosen | installed:user | installed:web | installed:chosen)
			more="$more cgo-static"
			;;
		esac
		[ -z "${G2S_E2E_ALL:-}" ] || more="pie cgo-static"
		# shellcheck disable=SC2086 # a list of variants
		cells "$1" $name plain stripped names $more
	done
}

@test "matrix: Go 1.15" {
	of_version 1.15
	verdict
}

@test "matrix: Go 1.17" {
	of_version 1.17
	verdict
}

@test "matrix: Go 1.19" {
	of_version 1.19
	verdict
}

@test "matrix: Go 1.21" {
	of_version 1.21
	verdict
}

@test "matrix: Go 1.24" {
	of_version 1.24
	verdict
}

@test "matrix: Go 1.27" {
	of_version 1.27
	verdict
}

@test "matrix: the Go that is installed" {
	of_version installed
	verdict
}

@test "matrix: all other versions of Go" {
	only_all
	for version in $other_versions; do
		of_version "$version"
	done
	verdict
}

@test "matrix: its size and what came of it" {
	[ -s "$BATS_FILE_TMPDIR/cells" ] || skip "no cell was tried"
	awk -F '\t' '
		{ outcome = $4; sub(/:.*/, "", outcome); count[outcome]++; variants[$2]++; versions[$1]; programs[$3] }
		$4 ~ /^cannot/ {
			sub(/^cannot be built: /, "", $4)
			cells[$4]++
			for (i = 1; i <= 3; i++)
				if (!(($4, i, $i) in known)) {
					known[$4, i, $i]
					list[$4, i] = list[$4, i] " " $i
				}
		}
		END {
			for (each in versions) v++
			for (each in programs) p++
			printf "# matrix: %d cells (%d versions, %d programs;", NR, v, p
			for (each in variants) printf " %s %d", each, variants[each]
			printf "): %d right, %d wrong, %d cannot be built\n", count["right"], count["wrong"],
				count["cannot be built"]
			for (each in cells)
				print "# matrix: " cells[each] " cells cannot be built: " each ": of" list[each, 1] \
					", as" list[each, 2] ", of" list[each, 3]
		}' "$BATS_FILE_TMPDIR/cells" >&3
	# Each test above has said what is wrong; here it is only counted.
	[ "$(grep -c $'\tright$' "$BATS_FILE_TMPDIR/cells")" -gt 0 ]
}
