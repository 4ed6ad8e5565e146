#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2013,SC2016,SC2154,SC2164 # words of a line; backquotes are Markdown's; helper's variables
# What CHANGELOG, SECURITY and CONTRIBUTING name is there.  tests/cli/readme.bats is for the README.

load helper

setup() {
	build_setup
	cd "$root/.github"
	documents=(CHANGELOG.md SECURITY.md CONTRIBUTING.md)
	make -C "$root" help >"$scratch/targets"
	for applet in scan resolve profile diff; do
		"$dist/g2s-$applet" --help
	done >"$scratch/options"
}

teardown() {
	build_teardown
}

# quoted FILE: what stands between backquotes outside of blocks, one a line.  blocks FILE: the commands of its blocks.
quoted() {
	awk '/^```/ { inside = !inside; next } !inside' "$1" | tr '\n' ' ' | grep -oE '`[^`]+`' | tr -d '`'
}

blocks() {
	awk '/^```sh/ { inside = 1; next } /^```/ { inside = 0 } inside' "$1" | sed -E 's/ +#.*//'
}

# missing DOCUMENT: what it names and nobody has, one a line.
missing() {
	local word name
	while read -r word; do
		case $word in
		*NAME* | *LINK*) ;; # a place to fill in
		applets/* | core/* | include/* | scripts/* | tests/* | .github/*)
			[ -e "$root/${word%% *}" ] || echo "$word"
			;;
		'make '*)
			for name in $(grep -oE ' [a-z][a-z0-9-]*' <<<"${word%% [A-Z]*}"); do
				grep -qE "^  ([a-z0-9-]+ )*$name " "$scratch/targets" || echo "$word"
			done
			;;
		--*)
			grep -qE -e "[ ,]${word%%=*}([= ]|\$)" "$scratch/options" || echo "$word"
			;;
		g2s_* | lock_* | enum\ * | struct\ * | PROFILE_*)
			grep -rqwF -e "$word" "$root/include" "$root/core" "$root/applets" || echo "$word"
			;;
		*.[ch] | *.bats | *.tsv | *.bash)
			[ -n "$(find "$root"/{applets,core,include,tests} -name "${word##*/}")" ] || echo "$word"
			;;
		esac
	done < <(quoted "$1"; blocks "$1")
}

@test "documents: files, targets, options and functions that they name exist" {
	for document in "${documents[@]}"; do
		run missing "$document"
		echo "$document: $output"
		[ -z "$output" ]
	done
	[ "$(quoted SECURITY.md | grep -c '^tests/')" -ge 20 ]
	[ "$(quoted CONTRIBUTING.md | grep -cE '^(core|applets|tests|scripts|include)/')" -ge 20 ]
	# What does not exist would be noticed.
	printf '%s\n' '`core/none.c`, `none.c` and `make none` in' '`scripts/none a`, `--none=1`, `g2s_none`, `applets/NAME.c`' \
		'```sh' 'make all none' '```' >"$scratch/document.md"
	[ "$(missing "$scratch/document.md" | tr '\n' '|')" = \
		"core/none.c|none.c|make none|scripts/none a|--none=1|g2s_none|make all none|" ]
}

@test "documents: commands that they show are ones" {
	blocks CONTRIBUTING.md >"$scratch/commands"
	grep -v '^make ' "$scratch/commands" | while read -r command; do
		echo "$command"
		case $command in
		scripts/test*)
			for suite in ${command#scripts/test}; do
				[ -d "$root/tests/$suite" ]
			done
			;;
		make) ;;
		*' bats tests/'*) [ -f "$root/${command##* }" ] ;;
		*) false ;;
		esac
	done
	grep -q '^scripts/test' "$scratch/commands"
	quoted CONTRIBUTING.md | grep -qx 'scripts/packages build test'
	for group in build test; do
		grep -q "^$group " "$root/scripts/packages"
	done
}

@test "documents: the rooms are those that there are" {
	awk '/^```$/ { inside = !inside; next } inside && !/^ *$/ { print $1 }' CONTRIBUTING.md >"$scratch/rooms"
	grep '/$' "$scratch/rooms" | sort >"$scratch/shown"
	{
		printf '%s\n' applets/ core/ include/g2s/ scripts/ tests/
		find "$root/core" -mindepth 1 -maxdepth 1 -type d -printf '%f/\n'
	} | sort | diff - "$scratch/shown"
	for suite in "$root"/tests/*/; do
		suite=$(basename "$suite")
		grep -qF " $suite/" CONTRIBUTING.md
	done
}

@test "documents: SECURITY begins with the threat model, and has a test for each promise" {
	[ "$(grep '^##' SECURITY.md | head -n 3)" = "## Threat model
### What is promised
### What is not promised" ]
	for who in Trusted 'Not trusted'; do
		sed -n '/^## Threat/,/^### /p' SECURITY.md | grep -qF "**$who**:"
	done
	promises=$(sed -n '/^### What is promised/,/^### /p' SECURITY.md | sed -n 's/^\([0-9]*\)\. .*/\1/p')
	[ "$(wc -w <<<"$promises")" -ge 5 ]
	[ "$(sed -n 's/^| \([0-9]*\) | .*/\1/p' SECURITY.md)" = "$promises" ]
	sed -n 's/^| [0-9]* | //p' SECURITY.md | while read -r by; do
		echo "$by"
		grep -q '`tests/' <<<"$by"
	done
}

@test "documents: the changelog is in form" {
	[ "$(sed -n 2p CHANGELOG.md)" = "# Changelog" ]
	# Headings: a version with its date, or what is not released yet; below them what kind of change.
	run grep -nE '^##' CHANGELOG.md
	echo "$output"
	kinds='Added|Changed|Deprecated|Removed|Fixed|Security'
	[ "$(grep -cvE "^[0-9]+:(## \[[0-9]+\.[0-9]+\.[0-9]+\] - [0-9]{4}-[0-9]{2}-[0-9]{2}|## \[Unreleased\]|### ($kinds))\$" <<<"$output")" -eq 0 ]
	# The newest first, each once.
	sed -n 's/^## \[\([0-9.]*\)\].*/\1/p' CHANGELOG.md >"$scratch/versions"
	[ -s "$scratch/versions" ]
	sort -rVu "$scratch/versions" | diff - "$scratch/versions"
	sed -n 's/^## \[.*\] - \(.*\)/\1/p' CHANGELOG.md | while read -r day; do
		[ "$(date -u -d "$day" +%F)" = "$day" ]
	done
}

@test "documents: no line is too wide but a table's, and no path of a machine" {
	for document in "${documents[@]}"; do
		run awk '!/^\|/ && length > 120 { print FILENAME ": " $0 }' "$document"
		echo "$output"
		[ -z "$output" ]
	done
	run grep -nE '(^|[^a-z./])/(root|home|work|tmp)/' "${documents[@]}"
	[ "$status $output" = "1 " ]
}
