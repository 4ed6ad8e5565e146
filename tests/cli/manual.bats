#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The manual pages, --help and the code say the same.

load helper

setup() {
	cli_setup
	pages=$root/applets
}

teardown() {
	cli_teardown
}

applets="scan resolve profile diff"

# page_options PAGE: the options that have a paragraph, "-o" and "--output", one a line.
page_options() {
	sed -n '/^\.Sh DESCRIPTION/,/^\.Sh EXIT/s/^\.It Fl //p' "$1" | sed 's/ Ns = Ns Ar [a-z]*//g; s/ Ar [a-z]*//g' |
		tr -d ' ' | tr ',' '\n' | sed 's/^Fl//; s/^/-/' | LC_ALL=C sort
}

# help_options COMMAND...: the same, as --help lists them.
help_options() {
	"$@" --help | sed -n 's/^  *\(-.*\)/\1/p' | awk '{ print $1; if ($1 ~ /,$/) print $2 }' |
		sed 's/,$//; s/=.*//' | LC_ALL=C sort
}

@test "each page has the options of --help, and no other" {
	for applet in $applets; do
		echo "$applet"
		help_options "g2s-$applet" >help
		[ "$(wc -l <help)" -ge 3 ]
		page_options "$pages/g2s-$applet.1" >page
		diff help page
	done
	help_options g2s >help
	page_options "$pages/g2s.1" >page
	diff help page
}

@test "each option of the code is in --help" {
	for applet in $applets; do
		echo "$applet"
		grep -oE '^\s+\.name = "[a-z-]+",' "$pages/$applet.c" | sed 's/.*"\(.*\)".*/--\1/' >code || :
		printf '%s\n' --help --version >>code
		"g2s-$applet" --help | grep -oE '^ +(-., )?--[a-z-]+' | sed 's/.*--/--/' >help
		LC_ALL=C diff <(sort code) <(sort help)
	done
}

@test "each value of an option that --help lists is in the page, and works" {
	stream 'app x86_64 0x1 call 1 imm f s write' >in
	g2s-profile --help | grep -oE -- '--[a-z-]+=[a-zA-Z|-]+\|[a-zA-Z|-]+' >values
	[ "$(wc -l <values)" -ge 4 ]
	while IFS== read -r option list; do
		for value in ${list//|/ }; do
			echo "$option=$value"
			grep -qE "^\.(Cm|Pq|Fl).*|^\.Cm $value( |\$)" "$pages/g2s-profile.1"
			grep -qE "(^|[ .])Cm $value( |\$)" "$pages/g2s-profile.1"
			try g2s-profile "$option=$value" in
			ended 0
		done
	done <values
}

# statuses PAGE: the exit statuses it lists.
statuses() {
	sed -n '/^\.Sh EXIT STATUS/,/^\.El/s/^\.It //p' "$1"
}

@test "the exit statuses are those of the code" {
	sed -n 's/^\tG2S_EXIT_[A-Z_]* = \([0-9]*\),$/\1/p' "$pages/cli.h" >code
	statuses "$pages/g2s.1" | diff code -
	while read -r applet wanted; do
		echo "$applet"
		[ "$(statuses "$pages/g2s-$applet.1" | tr '\n' ' ')" = "$wanted " ]
	done <<-END
		scan 0 2 3 4 5
		resolve 0 2 4 5
		profile 0 2 3 4 5
		diff 0 1 2 4 5
	END
}

@test "each applet is in the list of g2s(1)" {
	for applet in $applets; do
		grep -q "^\.It Xr g2s-$applet 1" "$pages/g2s.1"
	done
	[ "$(sed -n 's/^\tX(\([a-z0-9]*\),.*/\1/p' "$pages/applets.h" | tr '\n' ' ')" = "$applets " ]
}

@test "the pages are sound" {
	for page in "$pages"/*.1; do
		echo "$page"
		# What it misses on this machine, pages of others, is not theirs.
		wrong=$(mandoc -Tlint -W style "$page" 2>/dev/null | grep -v 'referenced manual not found' || :)
		echo "$wrong"
		[ -z "$wrong" ]
		for section in NAME SYNOPSIS DESCRIPTION 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
			grep -qx "\.Sh $section" "$page"
		done
		name=$(basename "$page" .1)
		grep -qix "\.Dt $name 1" "$page"
		grep -qx "\.Nm $name" "$page"
	done
	[ "$(ls "$pages"/*.1 | wc -l)" -eq 5 ]
}
