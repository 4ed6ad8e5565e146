#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2034 # common.bash's variables
#
# An oracle that shares no code with g2s: the instructions that enter the kernel are where binutils'
# objdump sees them too.

load common

rawsites=${G2S_BUILD:-$here/../../.build/test}/tests/e2e/rawsites

# alike LABEL PROGRAM
alike() {
	built=$((built + 1))
	objdump -d --no-show-raw-insn "$2" | awk -F '\t' '
		$2 ~ /^(syscall|sysenter|int +\$0x80) *$/ {
			sub(/: *$/, "", $1)
			sub(/^ +/, "", $1)
			sub(/ +\$0x/, "", $2)
			sub(/ *$/, "", $2)
			print $1, $2
		}' | sort -u >"$work/theirs"
	"$rawsites" "$2" >"$work/raw" || fault "$1: rawsites says $?"
	sort -u "$work/raw" >"$work/ours"
	[ -s "$work/theirs" ] || fault "$1: objdump sees nothing"
	diff "$work/theirs" "$work/ours" >"$work/diff" ||
		fault "$1: objdump (<) and g2s (>) differ: $(head -n 6 "$work/diff")"

	# Where a number is chosen at the instruction itself, the row has that address.
	scan "$1" "$2" || return 0
	awk -F '\t' '$4 != "call" && $4 != "vdso" { print substr($3, 3), $4 }' "$work/rows" |
		sort -u | comm -23 - "$work/theirs" >"$work/odd"
	[ ! -s "$work/odd" ] ||
		fault "$1: rows where objdump sees no system call: $(head -n 5 "$work/odd")"
}

# installed NAME...: programs of this machine.
installed() {
	while IFS=$'\t' read -r name path why; do
		if [ "$path" = - ]; then
			reason="$name: $why"
		else
			alike "$name" "$path"
		fi
	done < <("$here/../../scripts/real-programs" "$@")
}

@test "oracle: the go tool and gofmt" {
	installed go gofmt
	verdict
}

@test "oracle: programs of the distribution" {
	installed runc fzf
	verdict
}

@test "oracle: a fixture of each ABI" {
	for version in 1.15 1.17 1.19 1.27; do
		for variant in plain stripped pie; do
			fixture $version rawsys $variant || continue
			alike "rawsys $variant, Go $version" "$program"
		done
	done
	verdict
}

@test "oracle: everything there is" {
	only_all
	installed --fetch
	for version in 1.15 1.17 1.19 1.21 1.24 1.27 $other_versions; do
		for name in $all_programs; do
			for variant in plain pie cgo cgo-static; do
				case $variant:$name in
				cgo*:user | cgo*:web | plain:* | pie:*) ;;
				*) continue ;;
				esac
				fixture "$version" "$name" $variant || continue
				alike "$name $variant, Go $version" "$program"
			done
		done
	done
	verdict
}
