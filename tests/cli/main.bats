#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# g2s itself: which applet is meant, its links, and what all applets share.

load helper

setup() {
	cli_setup
}

teardown() {
	cli_teardown
}

applets="scan resolve profile diff go2seccomp"
links="g2s-scan g2s-resolve g2s-profile g2s-diff go2seccomp"

@test "g2s alone lists the applets" {
	try g2s
	ended 0
	for applet in $applets; do
		grep -qE "^  $applet +$(link_of $applet) +[a-z]" try/out
	done
	[ "$(awk '/^  [a-z]/ { print $2 }' try/out | tr '\n' ' ')" = "$links " ]
}

@test "g2s --help and --version" {
	try g2s --help
	ended 0
	grep -q '^usage: g2s ' try/out
	grep -q -- '--install=DIR' try/out
	try g2s -h
	ended 0
	try g2s --version
	ended 0
	grep -qE '^g2s [0-9]+\.[0-9]+\.[0-9]+$' try/out
}

@test "an applet is the same by its link and by its name" {
	for applet in $applets; do
		link=$(link_of "$applet")
		try "$link" --help
		ended 0
		cp try/out by-link
		grep -q "^usage: $link " by-link
		try g2s "$applet" --help
		ended 0
		cmp by-link try/out
		try "$link" -h
		cmp by-link try/out
		try "$link" --version
		ended 0
		wrote "$link $(g2s --version | cut -d ' ' -f 2)"
		try "$link" --no-such-option
		ended 2 "$link: unknown option --no-such-option"
		cp try/err by-link
		try g2s "$applet" --no-such-option
		ended 2 "unknown option"
		cmp by-link try/err
	done
}

@test "the version in the header of a stream is that of the tool" {
	try g2s-resolve --partial
	ended 0
	[ "$(head -n 1 try/out)" = "$(printf '#g2s-sites\t1\t%s' "$(g2s --version | cut -d ' ' -f 2)")" ]
}

@test "an unknown applet ends with 127" {
	try g2s nothing
	ended 127 'g2s: no applet "nothing"'
	wrote_nothing
	ln -s "$dist/g2s" g2s-nothing
	try ./g2s-nothing --help
	ended 127 'g2s: no applet "nothing"'
	# A link has one name.
	ln -s "$dist/g2s" g2s-go2seccomp
	try ./g2s-go2seccomp --help
	ended 127 'g2s: no applet "go2seccomp"'
	try g2s ''
	ended 127 'no applet ""'
	try g2s $'\e[31mscan'
	ended 127 '\x1b[31mscan'
}

@test "any other name of the executable is g2s" {
	ln -s "$dist/g2s" tool
	try ./tool scan --version
	ended 0
	grep -q '^g2s-scan ' try/out
	try ./tool
	ended 0
	grep -q 'g2s APPLET' try/out
}

@test "g2s says what it does not understand" {
	try g2s --bogus
	ended 2 "g2s: unknown option --bogus"
	try g2s --install=. extra
	ended 2 'unexpected operand "extra"'
	try g2s --install
	ended 2 "--install needs an argument: DIR"
	wrote_nothing
}

@test "--install makes relative links that work" {
	cp "$dist/g2s" g2s
	try ./g2s --install=.
	ended 0
	wrote_nothing
	for link in $links; do
		[ "$(readlink "$link")" = g2s ]
		try "./$link" --version
		ended 0
	done
	# From another directory, through a link to it, and over what is there.
	mkdir -p elsewhere/bin
	ln -s elsewhere via
	echo old >elsewhere/bin/g2s-scan
	ln -s /nowhere elsewhere/bin/g2s-diff
	try ./g2s --install via/bin
	ended 0
	for link in $links; do
		[ "$(readlink "elsewhere/bin/$link")" = ../../g2s ]
		try "elsewhere/bin/$link" --version
		ended 0
	done
	[ "$(find elsewhere/bin -type l | wc -l)" -eq 5 ]
	[ "$(find elsewhere/bin | wc -l)" -eq 6 ]
	# Again changes nothing.
	try ./g2s --install via/bin
	ended 0
}

@test "--install where it cannot" {
	try g2s --install=missing
	ended 2 "g2s: missing: cannot use the directory: No such file or directory"
	echo >file
	try g2s --install=file
	ended 2 "g2s: file: is not a directory"
	mkdir -p there/g2s-resolve
	try g2s --install=there
	ended 5 "there/g2s-resolve: cannot make the link: Is a directory"
	# The executable is not replaced by a link to itself.
	cp --remove-destination "$dist/g2s" there/g2s-scan
	try bash -c 'exec -a g2s there/g2s-scan --install=there'
	ended 5 "is the executable itself"
	[ ! -L there/g2s-scan ]
	cp "$dist/g2s" g2s
	mkdir -m 555 closed
	try as_nobody ./g2s --install=closed
	ended 5 "cannot make the link: Permission denied"
}

@test "help, version and list tell when they cannot be written" {
	for arguments in "" "--help" "--version" "scan --help" "diff --version"; do
		status=0
		# shellcheck disable=SC2086 # words
		g2s $arguments >/dev/full 2>try/err || status=$?
		show
		[ "$status" -eq 5 ]
		said "cannot write: No space left on device"
	done
}

@test "options and operands in any order and spelling" {
	stream '#binary a x86_64 - -' 'a x86_64 0x1 call 1 imm f s' >one
	input=one
	for arguments in "-o new --partial" "--partial -o new" "-onew" "--output new" "--output=new" "- -o new" \
		"-o new -" "-o new one" "one -o new" "-o new -- one" "-o other -o new"; do
		rm -f new
		# shellcheck disable=SC2086 # words
		try g2s-resolve $arguments
		ended 0
		wrote_nothing
		grep -q write new
	done
	[ ! -e other ]
	# Behind -- everything is an operand, and "-" is standard input.
	try g2s-resolve -- --partial
	ended 2 "g2s-resolve: --partial: cannot open: No such file or directory"
	try g2s-resolve -- -
	ended 0
	cp one ./-o
	try g2s-resolve -- -o
	ended 0
	# A switch takes no value, an option needs one, and no name is cut short.
	try g2s-resolve --partial=yes
	ended 2 "--partial takes no argument"
	try g2s-resolve --output
	ended 2 "--output needs an argument: FILE"
	try g2s-resolve -o
	ended 2 "--output needs an argument: FILE"
	try g2s-resolve --out=new
	ended 2 "unknown option --out=new"
	try g2s-resolve -x
	ended 2 "unknown option -x"
	try g2s-resolve --help=all
	ended 2 "unknown option --help=all"
	try g2s-resolve $'--\e[2J\xff'
	ended 2 'unknown option --\x1b[2J\xff'
}

@test "a closed standard stream is not mistaken for a file" {
	stream '#binary a x86_64 - -' 'a x86_64 0x1 call 1 imm f s' >one
	cp one same
	# The file that is read would get the number of stdout, and the target that of stderr.
	status=0
	g2s-resolve one >&- 2>try/err || status=$?
	[ "$status" -eq 5 ]
	cmp one same
	status=0
	g2s-resolve -o new one --partial 2>&- || status=$?
	[ "$status" -eq 0 ]
	grep -q write new
	g2s-resolve one >wanted
	cmp wanted new
	status=0
	g2s-resolve <&- >try/out 2>try/err || status=$?
	[ "$status" -eq 2 ]
	said "standard input: cannot read"
}
