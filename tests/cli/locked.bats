#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What reads untrusted bytes has locked itself up, is bounded, and ends with words.

load helper

setup() {
	cli_setup
	elf "$exits" >app
	cp app other
	bug=$root/.build/release/bug/g2s-scan
	# The sandbox is a part of the release build alone.
	readelf -lW "$dist/g2s" >segments
	if grep -q INTERP segments; then
		skip "not the release build"
	fi
}

teardown() {
	cli_teardown
}

# The calls that the filter allows, as the source has them: "allowed" those of all, "allowed reading" those
# of who reads libraries.
allowed() {
	for list in allowed "$@"; do
		sed -n "/^static const char \*const $list\[/,/^};/p" "$root/applets/lock.c" |
			grep -oE '"[a-z_0-9]*"' | tr -d '"'
	done | LC_ALL=C sort
}

# What is called in try/calls, of strace -f, by each process that has locked itself, after that.
called_locked() {
	awk '{
		name = $2
		sub(/\(.*/, "", name)
		if (name == "seccomp" && / = 0$/) {
			locked[$1]
		} else if ($1 in locked && name ~ /^[a-z_0-9]+$/) {
			print name
		}
	}' try/calls | LC_ALL=C sort -u
}

@test "the filter allows what g2s-scan finds in g2s, and no more than that" {
	[ "$(allowed | wc -l)" -ge 10 ]
	g2s-scan --strict "$dist/g2s" | g2s-resolve >sites
	grep -v '^#' sites | cut -f 9 | LC_ALL=C sort -u >found
	[ "$(LC_ALL=C comm -23 <(allowed reading) found)" = '' ]
	[ "$(allowed reading | wc -l)" -gt "$(allowed | wc -l)" ]
	[ -z "$(allowed | grep -x openat)" ]
	# And what is no matter of reading is not in it.
	for name in open openat2 execve socket connect kill clone fork ptrace prctl rename unlink ioctl; do
		echo "$name"
		[ -z "$(allowed reading | grep -x "$name")" ]
	done
}

@test "strace sees nothing else once a process is locked" {
	# With few libraries: under strace, each is looked for in many places.
	local programs=(/bin/cat /bin/ls /bin/cp /bin/dd /bin/bash "$dist/g2s" /bin/sort /bin/date)
	trace() {
		strace -f -qq -o try/calls "$@" 2>/dev/null || :
		called_locked >try/names
		cat try/names
		[ -s try/names ]
		# shellcheck disable=SC2086 # a word or none
		[ "$(LC_ALL=C comm -13 <(allowed $reading) try/names)" = '' ]
	}
	reading=reading
	trace g2s-scan "$dist/g2s" >sites.raw
	trace g2s-scan --callers -o file "${programs[0]}"
	trace g2s-scan -j3 "${programs[@]}" >/dev/null
	trace g2s-scan missing "$root/README.md" app >/dev/null
	trace g2s-scan "$root/README.md" >/dev/null
	trace go2seccomp "$dist/g2s" file >/dev/null
	reading=
	g2s-scan "$dist/g2s" | g2s-resolve >sites
	g2s-profile sites -o profile.json
	for applet in 'g2s-resolve' 'g2s-resolve -o file' 'g2s-resolve sites sites'; do
		# shellcheck disable=SC2086 # words
		trace $applet <sites >/dev/null
	done
	for options in '' '-o file' '--explain' '--format=bpf -o file' '--base=profile.json' '--format=systemd' --strict; do
		# shellcheck disable=SC2086 # words
		trace g2s-profile $options sites >/dev/null
	done
	for format in text json markdown; do
		trace g2s-diff --format=$format profile.json sites >/dev/null
	done
	# A broken input is as locked up.
	head -c 1000 sites >cut
	trace g2s-resolve cut >/dev/null
	trace g2s-diff cut profile.json >/dev/null
	trace g2s-profile --base=cut sites >/dev/null
}

@test "every process that reads is locked before it reads" {
	# What a locked process reads from a file was opened before, and mapped bytes are first used after.
	strace -f -qq -o try/calls -e trace=read,readv,seccomp,landlock_restrict_self,prctl \
		g2s-resolve <(g2s-scan app) >/dev/null
	[ "$(awk '{ sub(/\(.*/, "", $2); print $2 }' try/calls | head -n 3 | tr '\n' ' ')" = \
		'prctl landlock_restrict_self seccomp ' ]
	grep -q 'PR_SET_NO_NEW_PRIVS, 1' try/calls
	strace -f -qq -o try/calls -e trace=prctl,seccomp,write g2s-scan app other app >/dev/null
	[ "$(grep -c 'seccomp(.* = 0$' try/calls)" -eq 3 ]
}

@test "a bug that opens, starts, connects, forks, kills or unlinks is killed" {
	echo kept >kept
	for what in open create change tmpfile exec connect fork kill trace unlink; do
		echo "$what"
		status=0
		G2S_TEST_BUG=$what "$bug" app >out 2>err || status=$?
		[ "$status" -eq 159 ] # SIGSYS
		[ ! -s out ]
		# Where another process waits for the output, or for the other files.
		echo old >file
		export G2S_TEST_BUG=$what
		try "$bug" -o file app
		ended 2 "the process that read the input was killed by signal 31"
		[ "$(cat file)" = old ]
		try "$bug" app other
		unset G2S_TEST_BUG
		[ "$status" -eq 2 ]
		[ "$(grep -c 'its process was killed by signal 31' try/err)" -eq 2 ]
	done
	[ "$(cat kept)" = kept ]
	[ ! -e made ]
	# The build is sound but for that, and the lock is what does it.
	try "$bug" app
	ended 0
	G2S_TEST_BUG=create try "$bug" --no-sandbox app
	ended 0
	[ -e made ]
}

@test "a bug that opens what is outside of the root file system is refused" {
	mkdir root
	echo text >root/file
	ln -s /etc/passwd root/link
	for file in root/file:opened root:opened /etc/passwd:Permission root/..:Permission root/link:Permission; do
		for files in app 'app other'; do
			echo "$file $files"
			# shellcheck disable=SC2086 # words
			G2S_TEST_BUG=read G2S_TEST_BUG_FILE=${file%:*} try "$bug" --sysroot=root $files
			[ "$status" -eq 0 ]
			grep -q "^g2s-scan: ${file#*:}" try/err
		done
	done
	# Of the tree that a file comes from, and not of --sysroot.
	mkdir tree
	cp app tree
	for file in tree/app:opened root/file:Permission; do
		G2S_TEST_BUG=read G2S_TEST_BUG_FILE=${file%:*} try "$bug" --sysroot=root -r tree
		[ "$status" -eq 0 ]
		grep -q "^g2s-scan: ${file#*:}" try/err
	done
	# There is room for a few descriptors.
	G2S_TEST_BUG=many try "$bug" --sysroot=root app
	[ "$status" -eq 0 ]
	grep -q ' after 4$' try/err
	# A root that is none.
	try "$bug" --sysroot=missing app
	ended 2 "missing: cannot open the root file system: No such file or directory"
	try "$bug" --sysroot=app app
	ended 2 "app: cannot open the root file system: Not a directory"
}

@test "where the kernel refuses, it goes on, and says so once with -v" {
	deny() {
		strace -f -qqq -o /dev/null -e trace=seccomp,landlock_create_ruleset \
			-e inject=seccomp:error=EPERM ${landlock:+-e inject=landlock_create_ruleset:error=ENOSYS} "$@"
	}
	try deny g2s-scan app
	ended 0
	cp try/out wanted
	for files in app 'app -o file'; do
		# shellcheck disable=SC2086 # words
		try deny g2s-scan -v $files
		ended 0 "the kernel refuses a part of the sandbox: seccomp: Operation not permitted"
	done
	cmp wanted file
	landlock=no
	try deny g2s-scan --verbose -j2 app other app
	ended 0 "a part of the sandbox: Landlock: Function not implemented; seccomp: Operation not permitted"
	landlock=
	try deny g2s-resolve -v wanted
	ended 0 "seccomp: Operation not permitted"
	# Without the filter Landlock still lets no file be made.
	G2S_TEST_BUG=create try deny "$bug" app
	ended 0
	[ ! -e made ]
	# Nothing to say, and nothing done.
	try g2s-scan -v --no-sandbox app
	ended 0
	strace -f -qq -o try/calls -e trace=seccomp,prctl,landlock_create_ruleset g2s-scan --no-sandbox app -o file
	[ ! -s try/calls ]
	cmp wanted file
}

@test "the same bytes with the sandbox and without, alone and with others" {
	g2s-scan --no-sandbox "$dist/g2s" >wanted
	g2s-scan "$dist/g2s" >file
	cmp wanted file
	g2s-scan -j1 "$dist/g2s" -o file
	cmp wanted file
	g2s-scan "$dist/g2s" -o file
	cmp wanted file
	g2s-resolve --no-sandbox wanted | g2s-profile --no-sandbox >profile
	g2s-resolve wanted -o named
	g2s-profile named -o file
	cmp profile file
	g2s-diff --no-sandbox profile file
	g2s-diff profile file
}

@test "--max-cpu and --max-memory end with words" {
	export G2S_TEST_BUG=spin
	echo old >file
	for output in '' '-o file'; do
		# shellcheck disable=SC2086 # words
		try timeout 30 "$bug" --max-cpu=1 $output app
		ended 2 "app: took more CPU time than it may (--max-cpu)"
		wrote_nothing
	done
	[ "$(cat file)" = old ]
	try timeout 30 "$bug" -j2 --max-cpu 1 app other
	[ "$status" -eq 2 ]
	[ "$(grep -c 'took more CPU time' try/err)" -eq 2 ]
	unset G2S_TEST_BUG
	for size in 1 1K 50K; do
		try g2s-scan --max-memory="$size" -o file "$dist/g2s"
		ended 2 "out of memory"
	done
	[ "$(cat file)" = old ]
	try g2s-scan --max-memory 300K app "$dist/g2s" other
	ended 2 "$dist/g2s: out of memory"
	[ "$(grep -c '^#binary' try/out)" -eq 2 ]
	grep -q $'^#unread\t.*/g2s\tout of memory' try/out
	for size in 64M 2G 3T 9000K 5000000; do
		try g2s-scan --max-memory="$size" --max-cpu=100 "$dist/g2s"
		ended 0
	done
	try g2s-scan --max-cpu=0 --max-memory=0 app
	ended 0
}

@test "the limits of the other applets" {
	g2s-scan "$dist/g2s" >raw
	g2s-resolve raw >sites
	g2s-profile sites >profile.json
	echo old >file
	for command in "g2s-resolve raw" "g2s-resolve -o file raw" "g2s-profile sites" "g2s-profile -o file sites" \
		"g2s-diff --fail-on=added profile.json sites"; do
		# shellcheck disable=SC2086 # words
		try $command --max-memory=1
		ended 2 "out of memory"
		wrote_nothing
		# shellcheck disable=SC2086
		try $command --max-memory=64M --max-cpu=100
		[ "$status" -eq 0 ]
		echo old >file
		# The same, with a bug that counts for ever.
		[ -e "${command%% *}" ] || ln -s "$bug" "${command%% *}"
		# shellcheck disable=SC2086
		G2S_TEST_BUG=spin try timeout 30 ./$command --max-cpu=1
		ended 2 "${command%% *}: took more CPU time than it may (--max-cpu)"
		wrote_nothing
		[ "$(cat file)" = old ]
	done
	ln -s "$bug" go2seccomp
	G2S_TEST_BUG=spin try timeout 30 ./go2seccomp --max-cpu=1 app file
	ended 2 "app: took more CPU time than it may (--max-cpu)"
	[ "$(cat file)" = old ]
	# They hold without being asked for.
	for applet in g2s-resolve g2s-profile; do
		strace -qq -o try/calls -e trace=prlimit64 "$applet" <sites >/dev/null
		grep -qE 'RLIMIT_CPU, \{rlim_cur=300,' try/calls
		grep -q 'RLIMIT_AS, {rlim_cur=4195328\*1024,' try/calls
	done
}

@test "who starts the processes that read can only read, and start them" {
	strace -f -qq -o try/calls -e trace=process,prctl,landlock_add_rule,landlock_restrict_self \
		g2s-scan -j2 -o file app other app
	cmp <(g2s-scan app other app) file
	# It has divided first, so that another process writes.
	awk '{ sub(/\(.*/, "", $2) } $2 ~ /^[a-z_0-9]+$/ && $2 != "execve" { print $1, $2 }' try/calls >order
	# The first that may still read is the starter; what it starts narrows that to the root file system.
	starter=$(awk '$2 == "landlock_add_rule" { print $1; exit }' order)
	[ "$starter" != "$(awk 'NR == 1 { print $1 }' order)" ]
	grep -q 'allowed_access=LANDLOCK_ACCESS_FS_READ_FILE|LANDLOCK_ACCESS_FS_READ_DIR,' try/calls
	awk -v pid="$starter" '$1 == pid { print $2 }' order >own
	head -n 5 own
	[ "$(grep -nE '^(fork|v?fork|clone3?)$' own | head -n 1 | cut -d : -f 1)" -gt \
		"$(grep -n '^landlock_restrict_self$' own | cut -d : -f 1)" ]
	# Trees, links and what is no file, as without it.
	mkdir -p tree/bin
	cp app tree/bin
	ln -s ../app tree/bin/link
	chmod +x tree/bin/app
	for operands in '-r tree other' 'app /dev/stdin other' '-j3 /proc/self/exe app'; do
		# shellcheck disable=SC2086 # words
		g2s-scan --no-sandbox $operands <other >wanted
		# shellcheck disable=SC2086
		g2s-scan $operands <other | cmp wanted -
	done
}

@test "where no process can be made: one line" {
	echo old >file
	g2s-scan app >raw
	g2s-resolve raw >sites
	for command in "g2s-scan -o file app" "g2s-scan -o file app other" "g2s-resolve -o file raw" \
		"g2s-profile -o file sites" "go2seccomp app file"; do
		# shellcheck disable=SC2086 # words
		try strace -qqq -o /dev/null -e inject='?fork,clone:error=EAGAIN' $command
		ended 2 "${command%% *}: cannot make a process to read in: Resource temporarily unavailable"
		[ "$(cat file)" = old ]
	done
}

@test "limits are numbers" {
	for applet in g2s-resolve g2s-profile g2s-diff go2seccomp; do
		try "$applet" --max-memory=x app app
		ended 2 "$applet: no number of bytes"
		try "$applet" --max-cpu=x app app
		ended 2 "$applet: no number of seconds"
	done
	for size in '' x -1 1X 1KK 1k K 1.5G ' 1' 2000000000T 99999999999999999999; do
		try g2s-scan --max-memory="$size" app
		ended 2 'no number of bytes, with K, M, G or T or without: "'
	done
	for seconds in '' x -1 1s 1000000001 99999999999999999999; do
		try g2s-scan --max-cpu="$seconds" app
		ended 2 'no number of seconds from 0 to 1000000000: "'
	done
}

@test "a file that is cut short while it is read" {
	mkfifo wait
	cut_short() {
		cp "$dist/g2s" victim
		G2S_TEST_BUG=wait "$bug" "$@" <wait >try/out 2>try/err &
		pid=$!
		exec 9>wait
		# The file is open and mapped once its process is locked; it waits for a byte.
		for ((i = 0; i < 200 && ready < 1; i++)); do
			sleep 0.02
			ready=$(locked_below "$pid")
		done
		: >victim
		printf '%s' "$bytes" >&9
		exec 9>&-
		status=0
		wait "$pid" || status=$?
		show
	}
	# How many of a process and its children run under a filter.
	locked_below() {
		local children
		children=$(cat /proc/"$1"/task/*/children)
		for process in "$1" $children; do
			grep -h '^Seccomp:	2' "/proc/$process/status" || :
		done | wc -l
	}
	ready=0 bytes=x
	cut_short victim
	ended 4 "victim: was cut short while it was read"
	wrote_nothing
	echo old >file
	ready=0
	cut_short -o file victim
	ended 4 "victim: was cut short while it was read"
	[ "$(cat file)" = old ]
	ready=0 bytes=xxx
	cut_short victim app other
	ended 4 "victim: was cut short while it was read"
	[ "$(grep -c '^#binary' try/out)" -eq 2 ]
	grep -q $'^#unread\tvictim\twas cut short' try/out
}

@test "named pipes are read one after the other" {
	g2s-scan "$dist/g2s" >sites
	for i in $(seq 12); do
		cat sites
	done >long
	mkfifo first second
	(cat long >first && cat sites >second) &
	try timeout 20 g2s-resolve first second
	[ "$status" -eq 0 ]
	g2s-resolve long sites | cmp - try/out
	wait
	: >empty
	(cat empty >first && cat sites >second) &
	try timeout 20 g2s-resolve first second
	ended 4 "first: "
	wait
}

@test "more streams than a process usually has descriptors" {
	ulimit -Sn 64
	mkdir many
	g2s-scan app >sites
	for i in $(seq 100); do
		cp sites "many/$i"
	done
	try g2s-resolve many/*
	ended 0
}
