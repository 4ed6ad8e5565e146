#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# g2s-scan of many files: -r, -j, and the line that shows how far it is.

load helper

setup() {
	cli_setup
	elf "$exits" >app
	elf "$hides" >hider
	mkdir root
}

teardown() {
	cli_teardown
}

# put PATH...: a program at each of these paths below root.
put() {
	local path
	for path in "$@"; do
		mkdir -p "root/$(dirname -- "$path")"
		cp app "root/$path"
	done
}

# scanned PATH...: these files have a #binary line, in this order, and one row each.
scanned() {
	printf '%s\n' "$@" >try/wanted
	grep '^#binary' try/out | cut -f 2 | diff try/wanted -
	column 1 | diff try/wanted -
}

# unread LINE...: these #unread lines, "path why", are in the stream, in this order, and no others.
unread() {
	if [ $# -eq 0 ]; then
		: >try/wanted
	else
		printf '%s\n' "$@" >try/wanted
	fi
	sed -n 's/^#unread\t\([^\t]*\)\t/\1 /p' try/out | diff try/wanted -
}

# change FILE OFFSET BYTES: writes the bytes, given as escapes, into FILE.
change() {
	# shellcheck disable=SC2059 # escapes
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "all programs, by content, in the order of the bytes of their paths" {
	put usr/lib/x.so usr/bin/z usr/bin/a 'usr/bin-a' usr/bin.a a/b/c/d/e usr/binz Z
	chmod 644 root/usr/bin/a
	chmod 4711 root/usr/bin/z
	printf '#!/bin/sh\n' >root/usr/script
	chmod +x root/usr/script
	: >root/empty
	printf '\x7fEL' >root/short
	printf 'x\x7fELF' >root/late
	head -c 100000 /dev/zero >root/zero
	try g2s-scan -r root
	ended 0
	scanned root/Z root/a/b/c/d/e root/usr/bin-a root/usr/bin.a root/usr/bin/a root/usr/bin/z root/usr/binz \
		root/usr/lib/x.so
	[ "$(tail -n 1 try/out)" = "$(printf '#end\t8\t0')" ]
	cp try/out wanted
	for spelling in '--recursive root' --recursive=root -rroot '-r root/' '-r root//'; do
		# shellcheck disable=SC2086 # words
		try g2s-scan $spelling
		cmp wanted try/out
	done
}

@test "paths are the directory's, joined" {
	put usr/app
	ln -s root link
	while read -r directory path; do
		try g2s-scan -r "$directory"
		ended 0
		scanned "$path"
	done <<-END
		./root ./root/usr/app
		$PWD/root $PWD/root/usr/app
		root/usr/.. root/usr/../usr/app
		link link/usr/app
		link/ link/usr/app
	END
	cd root
	try_there() { (cd "$1" && shift && "$@") >../try/out; }
	try_there . g2s-scan -r .
	[ "$(cut -f 2 ../try/out | sed -n 2p)" = ./usr/app ]
	try_there usr g2s-scan -r ..
	[ "$(cut -f 2 ../try/out | sed -n 2p)" = ../usr/app ]
}

@test "the root of the system itself" {
	[ "$(id -u)" -eq 0 ] || skip "chroot needs root"
	[ -z "${ASAN_OPTIONS:-}" ] || skip "g2s is not static in this build"
	put usr/app
	cp "$dist/g2s" root/usr/g2s
	try chroot root /usr/g2s scan -o /stream -r /
	[ "$status" -eq 0 ]
	[ "$(sed -n 's/^#binary\t\([^\t]*\).*/\1/p' root/stream | tr '\n' ' ')" = '/usr/app /usr/g2s ' ]
}

@test "what nobody can execute is passed over, what is damaged is not" {
	put ok
	for type in '1 rel.o' '4 core'; do
		cp app "root/${type#* }"
		change "root/${type#* }" 16 "\\x0${type% *}"
	done
	# Of a machine with the other byte order.
	cp app root/big.o
	change root/big.o 5 '\x02'
	change root/big.o 16 '\x00\x01'
	printf 'int f(void);\nint f(void)\n{\nreturn 0;\n}\n' >f.c
	gcc -c -o root/gcc.o f.c
	try g2s-scan -r root
	ended 0
	scanned root/ok
	cp app root/big
	change root/big 5 '\x02'
	change root/big 16 '\x00\x02'
	head -c 126 app >root/cut
	printf '\x7fELF' >root/header
	cp app root/machine
	change root/machine 18 '\xb7'
	cp app root/type
	change root/type 16 '\x00'
	cp app root/noload
	change root/noload 64 '\x04'
	cp app root/order
	change root/order 5 '\x00'
	change root/order 16 '\x01'
	gcc -g -o main -x c - <<<'int main(void) { return 0; }'
	mkdir root/.build-id
	objcopy --only-keep-debug main root/.build-id/main.debug
	try g2s-scan -r root
	[ "$status" -eq 4 ]
	scanned root/ok
	unread 'root/.build-id/main.debug its code is not in the file (separate debug information?)' \
		'root/big big-endian machines are not supported' \
		'root/cut a segment lies outside of the file (truncated?)' 'root/header the ELF header is cut short' \
		'root/machine machine 183 is not supported (x86-64 is)' 'root/noload no loadable segments' \
		'root/order the ELF header is damaged' \
		'root/type an ELF file of unknown type, not a program or shared object'
	sed -n 's/^#unread\t\([^\t]*\)\t/g2s-scan: \1: /p' try/out | diff - try/err
	[ "$(tail -n 1 try/out)" = "$(printf '#end\t1\t8')" ]
	# They are failures like those of operands.
	try g2s-scan root/.build-id/main.debug root/big
	[ "$status" -eq 4 ]
	wrote_nothing
}

@test "each file once, whatever it is called" {
	put b/app
	ln root/b/app root/a
	ln root/b/app root/c
	mkdir other
	ln root/b/app other/app
	cp hider other/own
	ln -s other/own symbolic
	try g2s-scan -r root
	ended 0
	scanned root/a
	# Trees in their order, after the operands in theirs.
	try g2s-scan -r other -r root
	scanned other/app other/own
	try g2s-scan -r root -r other -r root
	scanned root/a other/own
	try g2s-scan -r other root/c
	scanned root/c other/own
	try g2s-scan symbolic -r root -r other app
	scanned symbolic app root/a
	# Copies are files of their own, and so is what a user names twice.
	cp -p root/a root/copy
	try g2s-scan root/a root/a -r root
	scanned root/a root/a root/copy
}

@test "no link is followed" {
	put usr/bin/app
	mkdir outside
	cp hider outside/secret
	cp hider secret
	ln -s .. root/up
	ln -s . root/usr/loop
	ln -s self root/self
	ln -s ../outside root/outside
	ln -s ../secret root/secret
	ln -s "$PWD/secret" root/absolute
	ln -s / root/slash
	ln -s nowhere root/dangling
	ln -s usr/bin root/bin
	ln -s app root/usr/bin/alias
	try timeout 20 g2s-scan -r root
	ended 0
	scanned root/usr/bin/app
}

@test "pipes, sockets, devices and the kernel's own files" {
	put app
	mkfifo root/fifo
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("root/socket")'
	[ -S root/socket ]
	if mknod root/null c 1 3 2>/dev/null; then
		mknod root/zero c 1 5
	fi
	try timeout 20 g2s-scan -r root
	ended 0
	scanned root/app
	try timeout 20 g2s-scan -r root -r /proc/self -r /proc
	[ "$status" -eq 2 ]
	scanned root/app
	unread '/proc/self no program found in it' '/proc no program found in it'
	# A link of the kernel's to a directory is one like others.
	cd root
	g2s-scan -r "/proc/$$/cwd" >../try/out
	cd ..
	scanned "/proc/$$/cwd/app"
}

@test "what may not be read is named, and the rest is written" {
	cp "$dist/g2s" g2s
	put a/app b/app c/app z
	cp hider root/a/hider
	echo text >root/b/text
	mkdir root/empty
	chmod 000 root/a/hider root/b/text root/c
	# It can be looked at, and nothing in it opened; it can be passed, and not be looked at.
	put list/app pass/app
	chmod 444 root/list
	chmod 111 root/pass
	try as_nobody ./g2s scan -r root app
	[ "$status" -eq 2 ]
	scanned app root/a/app root/b/app root/z
	unread 'root/a/hider cannot open: Permission denied' 'root/b/text cannot open: Permission denied' \
		'root/c cannot open: Permission denied' 'root/list/app cannot open: Permission denied' \
		'root/pass cannot open: Permission denied'
	sed -n 's/^#unread\t\([^\t]*\)\t/g2s-scan: \1: /p' try/out | diff - try/err
	[ "$(tail -n 1 try/out)" = "$(printf '#end\t4\t5')" ]
	cp try/out wanted
	# Damaged and unreadable: the larger status.
	head -c 100 app >root/z
	try as_nobody ./g2s scan -r root app
	[ "$status" -eq 4 ]
	# The root itself.
	try as_nobody ./g2s scan -r root/c -r root/pass
	[ "$status" -eq 2 ]
	wrote_nothing
	try as_nobody ./g2s scan -r root/pass/app
	ended 2 "g2s-scan: root/pass/app: cannot open: Not a directory"
	chmod 755 root/c root/list root/pass
}

@test "a tree without a program, or no tree" {
	echo text >root/text
	try g2s-scan -r root
	ended 2 "g2s-scan: root: no program found in it"
	wrote_nothing
	try g2s-scan -r missing/
	ended 2 "g2s-scan: missing: cannot open: No such file or directory"
	wrote_nothing
	try g2s-scan -r ''
	ended 2 "cannot open: No such file or directory"
	try g2s-scan -r app
	ended 2 "g2s-scan: app: cannot open: Not a directory"
	# A tree that was not mounted does not pass for one that needs nothing.
	try g2s-scan app -r root/ -r missing
	[ "$status" -eq 2 ]
	scanned app
	unread 'root no program found in it' 'missing cannot open: No such file or directory'
	try bash -c 'g2s-scan app -r root 2>/dev/null | g2s-resolve | g2s-profile'
	ended 4 "g2s-profile: root: was not scanned: no program found in it"
	wrote_nothing
	# All that is in it was there before.
	ln app root/app
	try g2s-scan app -r root
	ended 0
	scanned app
}

@test "names that a stream and a terminal have to be spared" {
	for name in $'new\nline' $'a\tb' $'\e[31m' $'\xff\xfe' 'back\slash' '#end' -r ' '; do
		put "$name/$name"
	done
	try g2s-scan -r root
	ended 0
	[ "$(grep -c '^#binary' try/out)" -eq 8 ]
	scanned 'root/\x1b[31m/\x1b[31m' 'root/ / ' 'root/#end/#end' 'root/-r/-r' 'root/a\tb/a\tb' \
		'root/back\\slash/back\\slash' 'root/new\nline/new\nline' 'root/\xff\xfe/\xff\xfe'
	cp try/out sites
	try g2s-resolve sites
	ended 0
	sed 's/\texit$//' try/out | cmp sites -
	# And where they are what is wrong.
	printf '\x7fELF' >$'root/a\tb/\e]0;x\a\n'
	try g2s-scan -r root
	ended 4 'g2s-scan: root/a\x09b/\x1b]0;x\x07\x0a: the ELF header is cut short'
	unread 'root/a\tb/\x1b]0;x\x07\n the ELF header is cut short'
	mkdir '#dir'
	cp app '#dir/app'
	try g2s-scan -r '#dir'
	ended 0
	column 1 | grep -qFx '\x23dir/app'
	mv '#dir' ./-dir
	try g2s-scan -r-dir
	ended 0
	scanned -dir/app
}

@test "a tree that goes down and down" {
	python3 - <<-'END'
		import os, shutil
		app = os.path.abspath("app")
		os.chdir("root")
		for i in range(5000):
		    os.mkdir("d")
		    os.chdir("d")
		    if i in (0, 1999, 2047, 4999):
		        shutil.copy(app, "app")
	END
	status=0
	(ulimit -n 12 && timeout 60 g2s-scan -r root) >try/out 2>try/err || status=$?
	[ "$status" -eq 2 ]
	# The path of a directory may be 4095 bytes long.
	grep '^#binary' try/out | cut -f 2 | awk '{ print length }' >lengths
	printf '%s\n' $((4 + 2 + 4)) $((4 + 4000 + 4)) | diff - lengths
	[ "$(wc -l <try/err)" -eq 1 ]
	sed -n 's/^#unread\t[^\t]*\t//p' try/out | grep -qx 'its path is longer than 4095 bytes'
}

@test "the same bytes for any number of jobs; a process for each file, and none for a single one" {
	for i in $(seq 40); do
		put "d$((i % 7))/app$i"
	done
	cp hider root/d3/hider
	cp "$dist/g2s" root/d5/g2s
	gcc -o root/d2/dynamic -x c - <<<'int main(void) { return 0; }'
	for i in 0 2 4; do
		head -c 100 app >"root/d$i/cut"
	done
	echo text >text
	status=0
	g2s-scan -r root missing app text -r missing >wanted 2>messages || status=$?
	[ "$status" -eq 4 ]
	grep -q '^#needs' wanted
	[ "$(grep -c '^#unread' wanted)" -eq 6 ]
	for jobs in -j1 '-j 2' -j5 --jobs=256 '--jobs 7'; do
		# shellcheck disable=SC2086 # words
		try g2s-scan $jobs -r root missing app text -r missing
		[ "$status" -eq 4 ]
		cmp wanted try/out
		cmp messages try/err
	done
	# Operands alone.
	status=0
	g2s-scan app text root/d?/* >wanted 2>messages || status=$?
	for jobs in 1 3; do
		try g2s-scan -j "$jobs" app text root/d?/*
		[ "$status" -eq 4 ]
		cmp wanted try/out
		cmp messages try/err
	done
	for jobs in '' -j1; do
		ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -f -qq -o calls \
			-e trace=fork,vfork,clone,clone3 g2s-scan ${jobs:+"$jobs"} -r root >/dev/null 2>&1 || :
		[ "$(grep -c -E '(fork|clone3?)\(' calls)" -ge 40 ]
	done
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -f -qq -o calls \
		-e trace=fork,vfork,clone,clone3 g2s-scan app >/dev/null
	[ "$(grep -c -E '(fork|clone3?)\(' calls)" -eq 0 ]
	try g2s-scan -j2 --strict root/d1/* root/d3/hider
	[ "$status" -eq 3 ]
}

@test "a number of jobs is a number" {
	for jobs in 0 00 -1 257 1000000000000000000000 '' x 2x ' 2' 0x2 1.5; do
		try g2s-scan --jobs="$jobs" app
		ended 2 'g2s-scan: no number of jobs from 1 to 256: "'
		wrote_nothing
	done
	try g2s-scan app -j
	ended 2 "--jobs needs an argument: N"
	try g2s-scan -j 256 app
	ended 0
	try g2s-scan -j 010 app
	ended 0
}

@test "a process that is killed costs its own file" {
	put a b c/d e f
	# strace gives the one that opens the victim a signal; operands are opened by their paths.
	for signal in SEGV KILL BUS; do
		wanted=2 why='its process was killed by signal '
		if [ "$signal" = BUS ]; then
			wanted=4 why='was cut short while it was read'
		fi
		for jobs in 1 3; do
			try env ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0:handle_segv=0:handle_sigbus=0" \
				strace -f -qqq -o calls -P "$PWD/root/c/d" -e trace=open,openat \
				-e "inject=open,openat:signal=$signal" \
				timeout 60 g2s-scan -j "$jobs" root/a root/b "$PWD/root/c/d" root/e root/f
			ended "$wanted" "g2s-scan: $PWD/root/c/d: $why"
			scanned root/a root/b root/e root/f
			unread "$PWD/root/c/d $(sed 's/^g2s-scan: [^:]*: //' try/err)"
			[ "$(sed -n '/#unread/=' try/out)" -eq 6 ]
		done
	done
	cp try/out sites
	try bash -c 'g2s-resolve sites | g2s-profile'
	ended 4 "was cut short while it was read"
}

@test "output to stdout: full disk, closed, broken pipe" {
	put a b/c d
	outputs_to_stdout g2s-scan -r root
	rm pipe
	outputs_to_stdout g2s-scan -j3 -r root
	rm pipe
	head -c 100 app >root/cut
	fine=4
	outputs_to_stdout g2s-scan -j3 -r root
}

@test "output to a file" {
	put a b/c d
	outputs_to_file g2s-scan -j2 -r root
}

@test "an output in the tree that is scanned" {
	put a b
	try g2s-scan -r root -o root/stream
	ended 0
	cp root/stream first
	try g2s-scan -r root -o root/stream
	ended 0
	cmp first root/stream
	[ "$(ls root | tr '\n' ' ')" = 'a b stream ' ]
}

# terminal COLUMNS COMMAND...: runs it with a terminal of that width as its stderr; what comes there is try/err.
terminal() {
	status=0
	python3 - "$@" <<-'END' || status=$?
		import fcntl, os, struct, subprocess, sys, termios
		own, theirs = os.openpty()
		fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
		settings = termios.tcgetattr(theirs)
		settings[1] &= ~termios.OPOST
		termios.tcsetattr(theirs, termios.TCSANOW, settings)
		with open("try/out", "wb") as out:
		    child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=out, stderr=theirs)
		os.close(theirs)
		with open("try/err", "wb") as err:
		    while True:
		        try:
		            data = os.read(own, 65536)
		        except OSError:
		            break
		        if not data:
		            break
		        err.write(data)
		sys.exit(child.wait())
	END
	od -c try/err | head -n 20
}

# The screen after try/err: what is left on each line when \r begins it again.
screen() {
	python3 - <<-'END'
		text = open("try/err", encoding="utf-8", newline="").read()
		for line in text.split("\n"):
		    cells = []
		    for part in line.split("\r"):
		        cells[:len(part)] = part
		    print("".join(cells).rstrip())
	END
}

@test "a line at a terminal shows how far it is, and is gone at the end" {
	for i in $(seq 30); do
		put "usr/bin/app$i"
	done
	for jobs in '' -j2; do
		terminal 80 g2s-scan ${jobs:+"$jobs"} -r root
		[ "$status" -eq 0 ]
		grep -q $'\rg2s-scan: 0 found, ' try/err
		[ "$(screen)" = '' ]
		[ "$(tail -c 1 try/err)" = $'\r' ]
	done
	# Operands; a file takes longer than the pause between two lines.
	terminal 80 g2s-scan app hider
	[ "$(tr '\r' '\n' <try/err | sed -n 2p)" = 'g2s-scan: 1/2 app' ]
	[ "$(screen)" = '' ]
	# Messages stand by themselves.
	echo text >text
	terminal 80 g2s-scan app text hider missing
	[ "$status" -eq 4 ]
	printf '%s\n' 'g2s-scan: text: not an ELF file' 'g2s-scan: missing: cannot open: No such file or directory' '' |
		diff - <(screen)
}

@test "a line at a terminal fits, and does not steer it" {
	name=$'\e[2J\xc2\x9b\xff'$(printf 'long%.0s' $(seq 40))äöü.end
	put "$name/b" a
	cp "root/$name/b" "$name"
	for columns in 1 2 10 22 40 79 0 1000; do
		terminal "$columns" g2s-scan "./$name" app
		[ "$status" -eq 0 ]
		[ "$columns" -ne 0 ] || columns=80
		# No line is wider than the terminal allows without a wrap; none holds a control character.
		tr '\r' '\n' <try/err >lines
		grep -q '[^ ]' lines || [ "$columns" -eq 1 ]
		LC_ALL=C.UTF-8 awk -v most=$((columns - 1)) 'length > most { wide = 1 } END { exit wide }' lines
		[ "$(LC_ALL=C grep -c $'[\001-\010\013\014\016-\037\177]' try/err)" -eq 0 ]
		[ "$(grep -cF $'\xc2\x9b' try/err)" -eq 0 ]
	done
	grep -qF './\x1b[2J\xc2\x9b\xff' lines
	# The end of a path tells most.
	terminal 40 g2s-scan "./$name" app
	[ "$(tr '\r' '\n' <try/err | sed -n '2s/.*\(....\)$/\1/p')" = .end ]
}

@test "no such line for one file, nor where nobody sees it" {
	put a b
	terminal 80 g2s-scan app
	[ ! -s try/err ]
	terminal 80 g2s-scan --help
	[ ! -s try/err ]
	try g2s-scan -j2 -r root
	ended 0
	try g2s-scan app app app
	ended 0
}
