#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # common.bash's variables
#
# Real programs, stripped, built by others: the pipeline works on them; in Go's code nothing is unresolved, and
# in those without C nothing at all.

load common

# whole NAME PATH: the pipeline over one program.
whole() {
	local rows unresolved
	built=$((built + 1))
	scan "$1" "$2" || return 0
	"$dist/g2s-profile" <"$work/stream" >"$work/profile.json" 2>"$work/err" ||
		fault "$1: g2s-profile says $?: $(head -n 3 "$work/err")"
	grep -q '"SCMP_ACT_ALLOW"' "$work/profile.json" || fault "$1: no profile was written"
	[ "$(wc -l <"$work/said")" -ge 30 ] || fault "$1: only $(wc -l <"$work/said") system calls"
	read -r rows unresolved < <(awk -F '\t' '$1 == "#end" { print $2, $3 }' "$work/stream")
	[ "$rows" -eq "$(wc -l <"$work/rows")" ] || fault "$1: #end says $rows rows"
	# Go's own code is resolved everywhere; C code may hold what the code alone does not tell.
	awk -F '\t' '$5 == "?" && $8 != "-" { print $3, $6, $7, $8 }' "$work/rows" >"$work/odd"
	[ ! -s "$work/odd" ] || fault "$1: unresolved in Go: $(head -n 5 "$work/odd")"
	if readelf -d "$2" | grep -q '(NEEDED)'; then
		grep -q '^#needs' "$work/stream" || fault "$1: its libraries are not named"
	elif [ "$unresolved" -ne 0 ] && ! has_c "$2"; then
		fault "$1: $unresolved unresolved: $(unresolved | head -n 5 | tr '\n' ' ')"
	fi
}

# has_c PATH: whether a static program holds C code, which is what the linker was told, not what g2s finds.
has_c() {
	command -v go >/dev/null && go version -m "$1" | grep -q 'CGO_ENABLED=1'
}

# programs OPTION NAME...
programs() {
	local name path why
	while IFS=$'\t' read -r name path why; do
		if [ "$path" = - ]; then
			reason="$name: $why"
			echo "$reason"
		else
			whole "$name" "$path"
		fi
	done < <("$here/../../scripts/real-programs" "$@")
}

@test "real programs: what is installed" {
	programs
	verdict
}

@test "real programs: fzf, from its package where it is not installed" {
	programs --fetch fzf
	verdict
}

@test "real programs: the distribution's packages" {
	only_all
	programs --packaged
	verdict
}
