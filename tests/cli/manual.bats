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

# The links of all applets, which their pages are named after, and g2s.
programs() {
	sed -n 's/^\tX([a-z0-9]*, "\([^"]*\)".*/\1/p' "$pages/applets.h"
	echo g2s
}

# page_options PAGE: its options with their arguments, in capitals: "-o FILE" and "--output FILE", one a line.
page_options() {
	sed -n '/^\.Sh DESCRIPTION/,/^\.Sh EXIT/s/^\.It Fl //p' "$1" | sed 's/ , /\n/g' | sed 's/^Fl //' |
		awk '{
			argument = ""
			for (i = 2; i <= NF; i++)
				if ($i != "Ns" && $i != "Ar")
					argument = argument $i
			sub(/^=/, "", argument)
			print "-" $1 (argument == "" ? "" : " " toupper(argument))
		}' | LC_ALL=C sort
}

# help_options PROGRAM: the same of --help, which has choices, "errno|log", where a page has a name.
help_options() {
	"$1" --help | sed -n 's/^  *\(-.*\)/\1/p' | awk '{
		long = $1 ~ /,$/ ? $2 : $1
		argument = long ~ /=/ ? " " substr(long, index(long, "=") + 1) : ""
		sub(/=.*/, "", long)
		if ($1 ~ /,$/)
			print substr($1, 1, 2) argument
		print long argument
	}' | LC_ALL=C sort
}

# choices PROGRAM: each option of it that has them, and what they are: "--errno EPERM|ENOSYS".  A list, "NAME,...",
# among them is none.
choices() {
	help_options "$1" | sed -nE '/^--[a-z-]+ .*\|/ { s/[^ |]*,\.\.\.\|?//; s/\|$//; p }'
}

@test "each page has the options of --help with their arguments, and no other" {
	for program in $(programs); do
		echo "$program"
		help_options "$program" >help
		[ "$(wc -l <help)" -ge 3 ]
		page_options "$pages/$program.1" >page
		# What a page calls a choice is its own matter.
		awk 'FNR == NR { if ($2 ~ /\|/) choice[$1]; next } $1 in choice && NF == 2 { $2 = "CHOICE" } { print }' \
			help page >named
		sed -E 's/ [^ ]*\|.*/ CHOICE/' help | diff - named
	done
}

@test "each option of a page is in its synopsis" {
	for program in $(programs); do
		echo "$program"
		sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/p' "$pages/$program.1" | grep -oE 'Fl [a-z-]+' | sed 's/Fl /-/' >synopsis || :
		sed -n '/^\.Sh DESCRIPTION/,/^\.Sh EXIT/s/^\.It Fl //p' "$pages/$program.1" |
			grep -vE '(^| )-(help|version)$' >described || :
		while read -r spellings; do
			echo "$spellings"
			grep -oE '(^|Fl )-?[a-z][a-z-]*' <<<"$spellings" | sed 's/^Fl //; s/^/-/' >either
			grep -qxFf either synopsis
		done <described
		# And none that there is not.
		page_options "$pages/$program.1" | cut -d ' ' -f 1 >known
		echo --help >>known
		[ "$(grep -cvxFf known synopsis)" -eq 0 ]
	done
}

@test "each option of the code is in --help" {
	cat "$pages"/*.c | grep -oE '^\s+\.name = "[a-z0-9-]+",' | sed 's/.*"\(.*\)".*/--\1/' >code
	printf '%s\n' --help --version >>code
	for program in $(programs); do
		help_options "$program" | grep -oE -- '^--[a-z0-9-]+'
	done >help
	[ "$(wc -l <help)" -ge 20 ]
	LC_ALL=C diff <(sort -u code) <(sort -u help)
}

@test "each choice of an option that --help lists is in its paragraph, is accepted, and nothing else is" {
	for program in $(programs); do
		choices "$program" >choices
		while read -r option list; do
			awk -v option="-${option#--}" '
				/^\.It Fl / { inside = 0; for (i = 2; i <= NF; i++) inside = inside || $i == option }
				/^\.Sh / { inside = 0 }
				inside' "$pages/$program.1" >paragraph
			for value in ${list//|/ }; do
				echo "$program $option=$value"
				grep -qE "(^\.|[ ])Cm $value( |\$)" paragraph
				try "$program" "$option=$value" --help
				ended 0
			done
			try "$program" "$option=no-such-choice" --help
			ended 2 no-such-choice
			echo "$program $option" >>seen
		done <choices
	done
	[ "$(wc -l <seen)" -ge 3 ]
}

# statuses PAGE: the exit statuses it lists.
statuses() {
	sed -n '/^\.Sh EXIT STATUS/,/^\.El/s/^\.It //p' "$1"
}

@test "the exit statuses are those of the code" {
	sed -n 's/^\tG2S_EXIT_[A-Z_]* = \([0-9]*\),$/\1/p' "$pages/cli.h" >code
	statuses "$pages/g2s.1" | diff code -
	while read -r program wanted; do
		echo "$program"
		[ "$(statuses "$pages/$program.1" | tr '\n' ' ')" = "$wanted " ]
	done <<-END
		g2s-scan 0 2 3 4 5
		g2s-resolve 0 2 4 5
		g2s-profile 0 2 3 4 5
		g2s-diff 0 1 2 4 5
		go2seccomp 0 2 4 5
	END
}

@test "each applet is in the list of g2s(1), in their order" {
	sed -n '/^\.It Xr /,/^\.El/p' "$pages/g2s.1" | awk '/^\.It/ { name = $3; next } /^\.El/ { exit } { print name " " $0 }' |
		sed 's/\.$//' >listed
	g2s | sed -nE 's/^  [a-z0-9]+ +([a-z0-9-]+) +/\1 /p' >applets
	cat applets
	cut -d ' ' -f 1 applets | diff - <(cut -d ' ' -f 1 listed)
	cut -d ' ' -f 1 applets | diff - <(programs | grep -vx g2s)
}

@test "the page of the stream knows each keyword, column and word of the code" {
	page=$pages/g2s-stream.5
	core=$root/core/stream.c
	grep -oE '"#[a-z0-9-]+"' "$core" | tr -d '"' | sort -u >keywords
	[ "$(wc -l <keywords)" -eq 5 ]
	sed -n 's/^\.It Li //p' "$page" | grep '^#' | sort | diff keywords -
	for column in binary arch address via number how function source syscall callers; do
		grep -qE "^\.It (function , )?$column\$|^\.It $column , source" "$page"
	done
	# The words that say how.
	for word in imm arg data assumed indirect memory computed too-many; do
		grep -qx "\.It Li $word" "$page"
		grep -qE "\"$word\"" "$root"/core/*/*.c "$root"/applets/*.c
	done
	for limit in FIELD_MAX LINE_MAX; do
		grep -qw "$(sed -n "s/^#define G2S_STREAM_$limit //p" "$root/include/g2s/stream.h")" "$page"
	done
	grep -q "the version of the format, $(sed -n 's/^#define G2S_STREAM_VERSION //p' "$root/include/g2s/stream.h"), " "$page"
}

@test "the example of the stream's page is one" {
	sed -n '/^\.Sh EXAMPLES/,/^\.Ed/p' "$pages/g2s-stream.5" | grep -E '^(#|app)' | tr ' ' '\t' >example
	try g2s-profile example
	[ "$status" -eq 0 ]
	g2s-resolve example 2>err | tail -n +2 | diff - <(tail -n +2 example)
}

@test "the pages are sound" {
	for page in "$pages"/*.[15]; do
		echo "$page"
		# What it misses on this machine, pages of others, is not theirs.
		wrong=$(mandoc -Tlint -W style "$page" 2>/dev/null | grep -v 'referenced manual not found' || :)
		echo "$wrong"
		[ -z "$wrong" ]
		sections='NAME DESCRIPTION EXAMPLES SEE_ALSO'
		[[ $page != *.1 ]] || sections+=' SYNOPSIS EXIT_STATUS'
		for section in $sections; do
			grep -qx "\.Sh ${section//_/ }" "$page"
		done
		name=$(basename "${page%.*}")
		grep -qix "\.Dt $name ${page##*.}" "$page"
		grep -qx "\.Nm $name" "$page"
		# A page of ours that it speaks of is there.
		grep -hoE '^\.(It )?Xr g(2s|o2sec)[a-z0-9-]* [0-9]' "$page" | sed 's/.*Xr //' >spoken || :
		while read -r other section; do
			[ -f "$pages/$other.$section" ]
		done <spoken
	done
	ls "$pages"/*.[1-9] | sed 's|.*/||' >there
	{ programs | sed 's/$/.1/' && echo g2s-stream.5; } | LC_ALL=C sort | diff - <(LC_ALL=C sort there)
}
