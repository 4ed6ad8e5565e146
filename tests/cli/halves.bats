#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2030,SC2031 # helper.bash's variables, $status
# Nothing half-done: whatever ends an applet, its output is as it was or whole.

load helper

setup() {
	cli_setup
	elf "$exits" >app
	g2s-scan app >sites
	g2s-resolve sites >named
	mkdir place
	# Each writes place/file.
	writers=("g2s-scan -o place/file app" "g2s-resolve -o place/file sites" "g2s-profile -o place/file named"
		"go2seccomp app place/file")
}

teardown() {
	cli_teardown
}

# alone: place holds nothing but file.
alone() {
	[ "$(ls -A place)" = file ] || {
		echo "$1: left behind: $(ls -A place)"
		return 1
	}
}

# calls WRITER: leaves "name when" of each of its system calls in $scratch/calls.
calls() {
	command -v strace >/dev/null || skip "there is no strace"
	strace -qq -o trace true || skip "nothing can be traced here"
	# AddressSanitizer's search for leaks stops the process with ptrace, as strace has done already.
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
	# shellcheck disable=SC2086 # words of a command
	strace -f -qq -o trace $1
	sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' trace | awk '{ print $1, ++count[$1] }' >calls
	[ "$(wc -l <calls)" -gt 15 ]
	grep -q '^rename' calls
}

# hit SIGNAL NAME WHEN WRITER: the signal comes at one of its system calls, and nothing is half-done.
hit() {
	# shellcheck disable=SC2086
	strace -f -qq -o trace -e trace=all -e inject="$2:signal=$1:when=$3" $4 >out 2>err || :
	# go2seccomp tells of it there.
	[ ! -s out ] || [[ $4 == go2seccomp* ]]
	# Nobody can tidy up after SIGKILL.
	[ "$1" != KILL ] || find place -name '.g2s-*' -delete
	[ -z "$(find place -mindepth 1 ! -name file)" ] || alone "$4: SIG$1 at $2 $3"
	[ ! -e place/file ] || cmp -s place/file whole || cmp -s place/file old || {
		echo "$4: SIG$1 at $2 $3: half a file"
		return 1
	}
}

@test "a signal at any system call leaves the old file or the new one" {
	echo old >old
	for writer in "${writers[@]}"; do
		rm -f place/file
		calls "$writer"
		cp place/file whole
		while read -r name when; do
			for signal in KILL TERM; do
				cp old place/file
				hit $signal "$name" "$when" "$writer"
				[ -e place/file ]
			done
		done <calls
	done
} 2>/dev/null

@test "a signal leaves a whole file, or none, where none was" {
	: >old
	for writer in "${writers[0]}" "${writers[3]}"; do
		calls "$writer"
		cp place/file whole
		while read -r name when; do
			rm -f place/file
			hit INT "$name" "$when" "$writer"
		done <calls
	done
} 2>/dev/null

@test "a limit on the size of files: status 5, a message, the old file" {
	for writer in "${writers[@]}"; do
		echo old >place/file
		# shellcheck disable=SC2086
		{
			status=0
			(ulimit -f 0 && exec $writer) 2>&1 || status=$?
			echo "status $status"
		} | cat >try/err
		cat try/err
		[ "$(tail -n 1 try/err)" = "status 5" ]
		grep -q 'place/file: cannot write: File too large$' try/err
		[ "$(wc -l <try/err)" -eq 2 ]
		[ "$(cat place/file)" = old ]
		alone "$writer"
	done
}

# mounted SCRIPT: runs it where it may mount.
mounted() {
	local may=(unshare --mount)
	[ "$(id -u)" -eq 0 ] || may=(unshare --mount --map-root-user)
	"${may[@]}" sh -c 'mount -t tmpfs none try' 2>/dev/null || skip "nothing can be mounted here"
	"${may[@]}" sh -ec "$1"
}

@test "a full disk: status 5, a message, the old file" {
	for writer in "${writers[@]}"; do
		mounted "
			mount -t tmpfs -o size=16k none place
			echo old >place/file
			head -c 100k /dev/zero >place/filler || :
			status=0
			$writer 2>err || status=\$?
			rm place/filler
			echo \$status >status
			cat place/file >after
			ls -A place >left" 2>noise
		cat err
		[ "$(cat status)" -eq 5 ]
		[[ "$(cat err)" == *"place/file: cannot write: No space left on device" ]]
		[ "$(cat after)" = old ]
		[ "$(cat left)" = file ]
	done
}

@test "a directory that is read-only: status 5, a message, the old file" {
	for writer in "${writers[@]}"; do
		echo old >place/file
		mounted "
			mount --bind place place
			mount -o remount,bind,ro place
			status=0
			$writer 2>err || status=\$?
			echo \$status >status" 2>noise
		cat err
		[ "$(cat status)" -eq 5 ]
		[ "$(wc -l <err)" -eq 1 ]
		[[ "$(cat err)" == *"place/file: cannot write: Read-only file system" ]]
		[ "$(cat place/file)" = old ]
		alone "$writer"
	done
}

@test "a reader that has gone: status 5, and nothing is said" {
	for command in "g2s-scan app" "g2s-resolve sites" "g2s-profile named" "g2s-profile --explain named" \
		"g2s-diff --exit-code whole other" "go2seccomp app /dev/stdout" "g2s" "g2s --version" "g2s-scan --help"; do
		g2s-profile named >whole
		g2s-profile --runtime=none named >other
		[[ $command != g2s-diff* ]] || command="g2s-diff whole other"
		# shellcheck disable=SC2086
		{
			# The reader has ended when the pipe cannot be written to any more.
			while (echo) 2>/dev/null; do :; done
			status=0
			$command 2>try/err || status=$?
			echo $status >status
		} | true
		cat try/err
		echo "$command: $(cat status)"
		[ "$(cat status)" -eq 5 ]
		[ ! -s try/err ]
	done
}

@test "standard output that is closed or full: status 5 and a message" {
	for command in "g2s-scan app" "g2s-resolve sites" "g2s-profile named" "g2s-profile --explain named" "g2s"; do
		for to in /dev/full -; do
			status=0
			if [ $to = - ]; then
				$command >&- 2>try/err || status=$?
			else
				$command >$to 2>try/err || status=$?
			fi
			[ "$status" -eq 5 ]
			grep -q ': standard output: cannot write: ' try/err
			[ "$(wc -l <try/err)" -eq 1 ]
		done
	done
}
