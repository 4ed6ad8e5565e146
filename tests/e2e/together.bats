#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2034 # common.bash's variables
#
# Many pipelines at once on the same files give the same bytes.

load common

@test "together: 200 pipelines at once on the same files" {
	fixture 1.27 hello plain && cp "$program" "$work/go"
	cp "$dist/g2s" "$work/c"
	built=$((built + 1))
	local each i
	for each in "$work"/go "$work"/c; do
		[ -e "$each" ] || continue
		"$dist/g2s-scan" --callers "$each" 2>/dev/null | "$dist/g2s-resolve" >"$each.stream"
		"$dist/g2s-profile" -o "$each.json" "$each.stream" 2>/dev/null
	done
	mkdir "$work/many"
	for ((i = 0; i < 200; i++)); do
		each=$work/c
		[ $((i % 2)) -eq 0 ] || [ ! -e "$work/go" ] || each=$work/go
		(
			set -o pipefail
			"$dist/g2s-scan" --callers "$each" 2>/dev/null | "$dist/g2s-resolve" |
				tee "$work/many/$i.stream" | "$dist/g2s-profile" -o "$work/many/$i.json" 2>/dev/null
			# All write the same file, too: one of them is there, whole.
			"$dist/g2s-profile" -o "$work/shared.json" "$work/many/$i.stream" 2>/dev/null
			echo $? >"$work/many/$i.status"
			cmp "$each.stream" "$work/many/$i.stream"
			cmp "$each.json" "$work/many/$i.json"
		) >"$work/many/$i.told" 2>&1 &
	done
	wait
	for ((i = 0; i < 200; i++)); do
		[ "$(cat "$work/many/$i.status")" = 0 ] && [ ! -s "$work/many/$i.told" ] ||
			fault "pipeline $i: $(head -n 3 "$work/many/$i.told")"
	done
	cmp -s "$work/shared.json" "$work/c.json" || cmp -s "$work/shared.json" "$work/go.json" ||
		fault "the file that all have written is none of theirs"
	[ -z "$(find "$work" -name '.g2s-*')" ] || fault "temporary files are left"
	verdict
}
