#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154 # text for other shells; what cli_setup sets
# The completions offer what --help lists, in each shell.

load helper

setup() {
	cli_setup
	mkdir completions
	"$root/scripts/completions" bash "$dist/g2s" >completions/g2s.bash
	"$root/scripts/completions" zsh "$dist/g2s" >completions/_g2s
	links=$(sed -n 's/^\tX([a-z0-9]*, "\([^"]*\)".*/\1/p' "$root/applets/applets.h")
	for program in g2s $links; do
		"$root/scripts/completions" fish "$dist/g2s" "$program" >"completions/$program.fish"
	done
	mkdir files
	echo >files/some-file
	mkdir files/some-directory
}

teardown() {
	cli_teardown
}

# listed PROGRAM: the long options of its --help, and all letters, as "--output" and "-o".
listed() {
	"$1" --help | grep -oE '^ +(-[a-z], )?--[a-z-]+' | tr -d ' ' | tr ',' '\n' | sort
}

# choices: "PROGRAM OPTION VALUE..." for each option that has some; of "NAME,...|all|none" NAME,... is none.
choices() {
	for program in g2s $links; do
		"$program" --help | grep -oE -- '--[a-z-]+=[^ ]*\|[^ ]*' | sed -E "s/^/$program /; s/[=|]/ /g; s/ [^ ]*,\.\.\.//g"
	done
}

# bash_offers WORD...: what bash offers in the place of the last word, one a line, and in $asked what it asks
# readline for.
bash_offers() {
	: >asked
	bash --norc -c '
		compopt() { echo "$@" >>asked; }
		. completions/g2s.bash
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_g2s "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		printf "%s\n" "${COMPREPLY[@]}"' bash "$@" | sort
	asked=$(cat asked)
}

@test "bash: each program has the options of its --help, and no other" {
	bash -n completions/g2s.bash
	# What it uses of the system: nothing.
	[ -z "$(grep -nE '_init_completion|_get_comp|/usr/' completions/g2s.bash)" ]
	for program in g2s $links; do
		echo "$program"
		listed "$program" >wanted
		bash_offers "$program" - | sed 's/=$//' | sort | diff wanted -
		bash_offers "/opt/bin/$program" - | sed 's/=$//' | sort | diff wanted -
		[[ $program == g2s ]] || bash_offers g2s "$(applet_of "$program")" - | sed 's/=$//' | sort | diff wanted -
		grep -qE "^complete -F _g2s .*\b$program( |\$)" completions/g2s.bash
	done
	[ "$(bash_offers g2s-scan --ca)" = --callers ]
	# A blank must not come after the = of the only one.
	bash_offers g2s-scan --re >offered
	[ "$(cat offered)" = --recursive= ]
	[ "$asked" = "-o nospace" ]
}

# applet_of LINK: its name.
applet_of() {
	sed -n "s/^\tX(\([a-z0-9]*\), \"$1\".*/\1/p" "$root/applets/applets.h"
}

@test "bash: applets, values, files and directories where they belong" {
	[ "$(bash_offers g2s '' | tr '\n' ' ')" = "diff go2seccomp profile resolve scan " ]
	[ "$(bash_offers g2s pro)" = profile ]
	choices >chosen
	[ "$(wc -l <chosen)" -ge 3 ]
	while read -r program option values; do
		echo "$program $option"
		for value in $values; do
			echo "$value"
		done | sort >wanted
		bash_offers "$program" "$option" '' | diff wanted -
		bash_offers "$program" "$option" = | diff wanted -
		bash_offers "$program" --help "$option" = '' | diff wanted -
		bash_offers g2s "$(applet_of "$program")" "$option" = '' | diff wanted -
		value=$(tail -n 1 wanted)
		[ "$(bash_offers "$program" "$option" = "$value" | grep -cx -e "$value")" -eq 1 ]
		# Where = does not part words.
		bash_offers "$program" "$option=" | sed "s/^$option=//" | diff wanted -
		[ -z "$(bash_offers "$program" "$option" = no-such | tr -d '\n')" ]
	done <chosen
	# What readline itself is asked for.
	while read -r wanted words; do
		echo "$words"
		# shellcheck disable=SC2086 # a list of words
		bash_offers ${words//EMPTY/''} "" >offered
		[ -z "$(tr -d '\n' <offered)" ]
		[ "$asked" = "${wanted//_/ }" ]
	done <<-END
		-o_default g2s-scan
		-o_default g2s-scan --strict
		-o_default g2s-scan -o
		-o_default g2s-scan --output =
		-o_default g2s scan
		-o_default g2s-diff old.json
		-o_default go2seccomp app
		-o_dirnames g2s-scan -r
		-o_dirnames g2s-scan --recursive =
		-o_dirnames g2s --install =
		-o_default g2s-resolve --assume-file =
	END
	bash_offers g2s-scan --jobs = "" >offered
	[ -z "$(tr -d '\n' <offered)$asked" ]
	# Behind -- there are operands only.
	bash_offers g2s-scan -- --ca >offered
	[ -z "$(tr -d '\n' <offered)" ]
	[ "$asked" = "-o default" ]
}

@test "bash: a person's tab key" {
	cat >session.py <<-'END'
		import os, pty, select, sys, time
		pid, fd = pty.fork()
		if pid == 0:
		    os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"],
		               dict(os.environ, PS1="ready> ", TERM="dumb", INPUTRC="/dev/null"))
		seen = b""
		def wait(text):
		    global seen
		    end = time.time() + 20
		    while text not in seen and time.time() < end:
		        if select.select([fd], [], [], 0.1)[0]:
		            seen += os.read(fd, 4096)
		    found = text in seen
		    seen = b""
		    return found
		wait(b"ready> ")
		os.write(fd, b". completions/g2s.bash\n")
		wait(b"ready> ")
		for typed, shown in ((b"echo x; g2s-profile --run\tru\t", b"--runtime=runc "),
		                     (b"g2s pro\t--err\tE\t\t", b"ENOSYS"),
		                     (b"g2s-scan -r files/\t", b"files/some-directory/"),
		                     (b"go2seccomp files/some-f\t", b"files/some-file ")):
		    os.write(fd, typed)
		    if not wait(shown):
		        sys.exit("%r does not become %r" % (typed, shown))
		    os.write(fd, b"\x15\x0c")
	END
	python3 session.py
}

@test "zsh: what it offers" {
	command -v zsh >/dev/null || skip "zsh is not installed"
	zsh -n completions/_g2s
	# Typed into a shell of its own.
	cat >session.zsh <<-'END'
		zmodload zsh/zpty || exit 77
		zpty shell zsh -f -i
		zpty -w shell "fpath=($PWD/completions \$fpath)"
		zpty -w shell 'TERM=dumb PS1= LISTMAX=1000; autoload -U compinit; compinit -D -u; unsetopt list_ambiguous'
		zpty -w shell 'bindkey "^I" complete-word; print set""up'
		seen=
		await() {
		    local end=$((SECONDS + 20)) chunk
		    while [[ $seen != *$1* ]] && ((SECONDS < end)); do
		        if zpty -r -t shell chunk; then seen+=$chunk; else sleep 0.05; fi
		    done
		    [[ $seen == *$1* ]] && { seen=; return 0; }
		    print -r -- "no \"$1\" for \"$2\": $seen"
		    exit 1
		}
		await setup
		while IFS=: read -r typed shown; do
		    zpty -n -w shell "$typed"$'\t\t'
		    await "$shown" "$typed"
		    zpty -n -w shell $'\x15'
		done <wanted
		zpty -d shell
	END
	cat >wanted <<-'END'
		g2s pro:g2s profile 
		g2s :go2seccomp  --
		g2s-scan --cal:--callers
		g2s-profile --runtime=:crun
		g2s profile --errno=:ENOSYS
		g2s-scan files/some-f:files/some-file
		g2s-scan -r files/:files/some-directory
		go2seccomp --ver:--version
	END
	status=0
	zsh -f session.zsh || status=$?
	[ "$status" -ne 77 ] || skip "this zsh has no zpty"
	[ "$status" -eq 0 ]
	# Every option and value is there.
	for program in $links; do
		sed -n "/^	$program)\$/,/;;\$/p" completions/_g2s >part
		listed "$program" | while read -r option; do
			echo "$program $option"
			grep -qE -e "'\*${option}[[+=]" part
		done
	done
	choices | while read -r program option values; do
		grep -qF -e "'*$option=" completions/_g2s
		grep -qF -e ":value:($values)'" completions/_g2s
	done
}

# fish_offers LINE: what fish offers for its end, without descriptions.
fish_offers() {
	HOME=$scratch XDG_CONFIG_HOME=$scratch XDG_DATA_HOME=$scratch fish --no-config -c '
		for file in completions/*.fish; source $file; end; complete -C$argv[1]' "$1" | cut -f 1
}

@test "fish: what it offers" {
	command -v fish >/dev/null || skip "fish is not installed"
	for file in completions/*.fish; do
		fish --no-execute "$file"
	done
	for program in g2s $links; do
		echo "$program"
		listed "$program" | grep -- '^--' >wanted
		fish_offers "$program --" | sort | diff wanted -
		[[ $program == g2s ]] || fish_offers "g2s $(applet_of "$program") --" | sort | diff wanted -
	done
	[ "$(fish_offers 'g2s ' | sort | tr '\n' ' ')" = "diff go2seccomp profile resolve scan " ]
	choices | while read -r program option values; do
		echo "$program $option"
		for value in $values; do
			echo "$value"
		done | sort >wanted
		fish_offers "$program $option " | sort | diff wanted -
		fish_offers "g2s $(applet_of "$program") $option=" | sed 's/.*=//' | sort | diff wanted -
	done
	[ "$(fish_offers 'g2s-scan -r files/')" = files/some-directory/ ]
	[ "$(fish_offers 'g2s scan files/some-f')" = files/some-file ]
	[ "$(fish_offers 'go2seccomp files/some-f')" = files/some-file ]
}

@test "the script says how it is used, and fails with its executable" {
	for arguments in "" bash "bash $dist/g2s more" "tcsh $dist/g2s" "fish $dist/g2s" "fish $dist/g2s g2s-none"; do
		status=0
		# shellcheck disable=SC2086 # a list of words
		"$root/scripts/completions" $arguments >out 2>err || status=$?
		[ "$status" -eq 2 ]
		grep -q '^usage: scripts/completions ' err
	done
	for program in false true; do
		status=0
		"$root/scripts/completions" bash "$program" >out 2>err || status=$?
		[ "$status" -ne 0 ]
		[ ! -s out ]
	done
}
