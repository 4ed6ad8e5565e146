#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154 # backquotes are the README's; root is cli_setup's
# What the README shows is there: commands, options, statuses, names, files.

load helper

setup() {
	cli_setup
	export LC_ALL=C
	readme=$root/README.md
	# The blocks of code, without the fences and the prompts.
	awk '/^```/ { inside = !inside; next } inside' "$readme" | sed -E 's/^[$>] //' >blocks
}

teardown() {
	cli_teardown
}

applets="scan resolve profile diff"

# section TITLE: its lines.
section() {
	awk -v title="## $1" '/^## / { inside = $0 == title; next } inside' "$readme"
}

# commands: each command of g2s in a block, one a line, as "g2s-scan --strict app".  To docker, g2s is an image.
commands() {
	sed -E '/^docker /d; s/ +#.*//' blocks | grep -oE '(^|[ |(;])g2s(-[a-z0-9]+)?( [^|;>]*|$)' | sed -E 's/^[ |(;]+//'
}

# words COMMAND: the applet, its options and the value of -o or -r; what they are used on does not matter.
words() {
	local word before=
	set -f
	# shellcheck disable=SC2086 # a list of words
	for word in $1; do
		if [ -z "$before" ] || [[ $before == -[or] ]] || [[ $word == -?* ]]; then
			echo "$word"
		fi
		before=$word
	done
	set +f
}

@test "each command that is shown is accepted" {
	commands >shown
	cat shown
	for applet in $applets; do
		grep -qE "^g2s-$applet( |\$)" shown
	done
	options=0
	while read -r command; do
		mapfile -t list < <(words "$command")
		options=$((options + ${#list[@]} - 1))
		try "${list[@]}" --help
		ended 0
		grep -q '^usage: ' try/out
	done <shown
	[ "$options" -ge 8 ]
	# What is not an option would be noticed.
	try g2s-scan --no-such-option --help
	[ "$status" -eq 2 ]
}

@test "each option in the text is one of an applet" {
	for applet in $applets; do
		"g2s-$applet" --help
	done | grep -oE -- '--[a-z-]+' | sort -u >known
	grep -v '^    ' "$readme" | grep -oE '`--[a-z-]+[^`]*`' | tr -d '`' | sort -u >shown
	[ "$(wc -l <shown)" -ge 3 ]
	while read -r option; do
		echo "$option"
		grep -qxe "${option%%=*}" known
		if [[ $option == --runtime=* ]]; then
			try g2s-profile "$option" --help
			ended 0
		fi
	done <shown
}

@test "the table of exit statuses agrees with the manual pages" {
	section 'Exit statuses' | sed -nE 's/^\| ([0-9]+) \|.*\| ([^|]*) \|$/\1 \2/p' | tr -d , >table
	cat table
	[ "$(wc -l <table)" -eq 7 ]
	# statuses PAGE: those that it lists.
	statuses() {
		sed -n '/^\.Sh EXIT STATUS/,/^\.El/s/^\.It //p' "$root/applets/$1.1"
	}
	cut -d ' ' -f 1 table | diff - <(statuses g2s)
	for applet in $applets; do
		echo "$applet"
		awk -v applet="$applet" '{ for (i = 2; i <= NF; i++) if ($i == applet) print $1 }' table |
			diff - <(statuses "g2s-$applet")
	done
	grep -qx '127 g2s' table
}

@test "the names that a runtime needs are those that are added" {
	section 'What the runtime needs' >part
	# Two blocks of names: always, and when the default action kills.
	awk '/^    / { if (!inside) block++; inside = 1; for (i = 1; i <= NF; i++) print $i > ("names" block); next }
		{ inside = 0 }' part
	[ ! -e names3 ]
	grep -q ": $(wc -l <names1) that " part
	grep -q "^and $(wc -l <names2) more " part
	stream 'app x86_64 0x1 call 1 imm f s write' >in
	g2s-profile in | jq -r '.syscalls[].names[]' | diff - names1
	sort names1 names2 >both
	for action in kill-process kill-thread trap; do
		g2s-profile --default-action=$action in | jq -r '.syscalls[].names[]' | diff - both
	done
	g2s-profile --default-action=log in | jq -r '.syscalls[].names[]' | diff - names1
}

@test "the stream that is shown is one" {
	grep -E $'^(#g2s-sites|#binary|#end|hello)\t' blocks >shown
	[ "$(wc -l <shown)" -ge 4 ]
	# Cut, as the README says; what is left is understood and named as it stands there.
	try g2s-resolve --partial shown
	[ "$status" -eq 0 ]
	grep -v '^#' shown | diff - <(grep -v '^#' try/out)
	# Of a version that there was: an edit of the version is not one of the README's.
	grep -qF "## [$(sed -n '1s/.*\t//p' shown)] - " "$root/.github/CHANGELOG.md"
}

@test "scripts, files, targets and variables that are named exist" {
	for script in demo test; do
		grep -qx "scripts/$script" blocks
	done
	grep -oE '(scripts|tests|applets)/[a-z0-9/.-]+[a-z0-9]' "$readme" | sort -u >paths
	[ "$(wc -l <paths)" -ge 8 ]
	while read -r path; do
		echo "$path"
		[ -e "$root/$path" ]
		[[ $path != scripts/* && $path != */build-fixtures && $path != */observed ]] || [ -x "$root/$path" ]
	done <paths
	[ -f "$root/LICENSE" ]
	{
		grep -oE '`make [a-z]+`' "$readme" | tr -d '`' | cut -d ' ' -f 2
		grep -oE '(^|[ `])make (install|uninstall)' "$readme" | sed 's/.* //'
	} | sort -u >targets
	[ "$(wc -l <targets)" -ge 3 ]
	while read -r target; do
		echo "$target"
		make -C "$root" help | grep -qE "^  $target( |\$)"
	done <targets
	for variable in ZYDIS_SRC ZYCORE_SRC CJSON_SRC PREFIX DESTDIR MUSL_CC; do
		grep -q "$variable" "$readme"
		grep -q "$variable" "$root/Makefile"
	done
	grep -E '^(ZYDIS|ZYCORE|CJSON)_SRC ' "$root/scripts/fetch-sources" >pinned
	[ "$(wc -l <pinned)" -eq 3 ]
	while read -r variable name version _; do
		echo "$variable"
		grep -qE "$variable=$name-$version( |\$)" blocks
	done <pinned
}

@test "the Dockerfile's stages are those that it and its commands name" {
	awk '/^```Dockerfile/ { inside = 1; next } /^```/ { inside = 0 } inside' "$readme" >Dockerfile
	sed -nE 's/^FROM .* AS ([a-z]+)$/\1/p' Dockerfile >stages
	[ "$(grep '^FROM' Dockerfile | tail -n 1)" = "FROM scratch" ]
	{
		grep -oE -- '--from=[a-z]+' Dockerfile
		grep -oE -- '--target=[a-z]+' blocks
	} >named
	[ "$(wc -l <named)" -eq 3 ]
	while read -r stage; do
		echo "$stage"
		grep -qx "${stage#*=}" stages
	done <named
	# Its last word on the pipeline: a failure of any part ends the build, also in a shell without pipefail.
	pipeline=$(sed -n 's/^RUN \(g2s-scan .*\)/\1/p' Dockerfile)
	[ -n "$pipeline" ]
	mkdir out
	pipeline=${pipeline//\/out\//out/}
	echo "no program" >out/app
	status=0
	sh -c "$pipeline" 2>try/err || status=$?
	[ "$status" -eq 4 ]
	[ ! -e out/profile.json ]
	# A program that needs a library.
	cp "$(readlink -f "$(command -v ls)")" out/app
	status=0
	sh -c "$pipeline" 2>try/err || status=$?
	[ "$status" -eq 3 ]
}

# job KEY: the commands of the job whose block begins with KEY, for a shell.
job() {
	awk -v key="$1" '/^```yaml/ { getline; inside = index($0, key) == 1 } /^```/ { inside = 0 } inside' "$readme" >job.yaml
	python3 - <<-'end'
		import yaml
		job = yaml.safe_load(open("job.yaml"))
		job = job.get("seccomp") or job["jobs"]["seccomp"]
		print("\n".join(job.get("script") or [step["run"] for step in job["steps"] if "run" in step]))
	end
}

@test "the jobs for a release review pass, and fail when the program needs more" {
	python3 -c 'import yaml' 2>/dev/null || skip "python3-yaml is not installed"
	mkdir ci bin
	ln -s "$(readlink -f "$(command -v g2s)")" ci/g2s
	# Builds a program: one that needs no library, as under a sanitizer g2s itself does.
	elf "\xb8\x4c\x01\x00\x00\x0f\x05\xb8\x08\x00\x00\x00\x0f\x05$exits" >bin/app # statx, lseek, exit
	printf '#!/bin/sh\ncp bin/app app\n' >bin/go
	chmod +x bin/go
	export PATH=$PWD/bin:$PATH GITHUB_STEP_SUMMARY=summary
	g2s scan bin/app | g2s resolve | g2s profile -o whole.json 2>/dev/null
	jq '.syscalls[].names -= ["statx", "lseek"] | .syscalls[].names += ["ptrace"]' whole.json >less.json
	jq '.syscalls[].names += ["ptrace"]' whole.json >more.json
	for key in on: seccomp:; do
		job $key >script
		[ "$(wc -l <script)" -ge 3 ]
		for case in whole:0 more:0 less:1; do
			cp "${case%:*}.json" seccomp.json
			: >summary
			status=0
			bash -e script >out 2>err || status=$?
			echo "$key $case: $status"
			cat out err summary
			[ "$status" -eq "${case#*:}" ]
		done
		grep -q '^+ lseek' out
		[ "$key" != on: ] || grep -q '| `lseek` |' summary
	done
}

@test "no path of a machine, and no badge" {
	run grep -nE '(^|[^a-z./])/(root|home|work|tmp)/' "$readme"
	[ "$status $output" = "1 " ]
	run grep -nE '!\[|https?:' "$readme"
	[ "$status $output" = "1 " ]
}
