#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# scripts/test counts right.  It runs here in a tree of its own, where make and the packages are
# stand-ins and the "unit tests" are shell scripts.

load helper

setup() {
	build_setup
	tree=$scratch/tree
	mkdir -p "$tree/scripts" "$tree/tests/unit" "$tree/tests/cli" "$tree/.build/test/tests/unit" \
		"$scratch/bin"
	cp "$root/scripts/test" "$tree/scripts/test"
	printf '#!/bin/sh\n' >"$tree/scripts/packages"
	printf '#!/bin/sh\nexit $MAKE_STATUS\n' >"$scratch/bin/make"
	chmod +x "$tree/scripts/packages" "$scratch/bin/make"
}

teardown() {
	build_teardown
}

# program NAME: a unit test whose body comes on stdin.
program() {
	: >"$tree/tests/unit/$1.c"
	{
		echo '#!/bin/sh'
		cat
	} >"$tree/.build/test/tests/unit/$1"
	chmod +x "$tree/.build/test/tests/unit/$1"
}

runner() {
	# bats puts its own inside first on PATH and into the environment; the inner one is to be on its own.
	run env -i HOME="$HOME" MAKE_STATUS="${MAKE_STATUS:-0}" \
		PATH="$scratch/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
		"$tree/scripts/test" "$@"
	echo "$output"
	last=${lines[${#lines[@]} - 1]}
}

good_program() {
	program test_good <<-'end'
		echo 1..2
		echo "ok 1 - one"
		echo "ok 2 - two"
	end
}

@test "all well: two suites are one sum, and the status is 0" {
	good_program
	echo '@test "three" { true; }' >"$tree/tests/cli/a.bats"
	runner
	[ "$status" -eq 0 ]
	[ "$last" = "3 passed, 0 failed" ]
}

@test "failures and skips of both kinds are counted" {
	program test_mixed <<-'end'
		echo 1..3
		echo "not ok 1 - one"
		echo "not ok 2 # SKIP two"
		echo "ok 3 - three"
		exit 1
	end
	printf '%s\n' '@test "bad" { false; }' '@test "not here" { skip "there is no such thing"; }' \
		>"$tree/tests/cli/a.bats"
	runner
	[ "$status" -eq 1 ]
	[ "$last" = "1 passed, 2 failed, 2 skipped" ]
	[[ $output == *"there is no such thing"* ]]
}

@test "a line is shown when it comes, not at the end" {
	# It goes on once somebody has seen its first line.
	program test_slow <<-'end'
		echo 1..1
		for i in 1 2 3 4 5 6 7 8 9 10; do
			[ -e "$0.seen" ] || sleep 0.5
		done
		[ -e "$0.seen" ] && echo "ok 1 - seen"
	end
	slow=$tree/.build/test/tests/unit/test_slow
	env -i HOME="$HOME" MAKE_STATUS=0 PATH="$scratch/bin:/usr/local/bin:/usr/bin:/bin" "$tree/scripts/test" unit |
		while read -r line; do
			echo "$line" >>"$scratch/shown"
			[ "$line" != "unit test_slow: 1..1" ] || : >"$slow.seen"
		done
	[ "$(tail -n 1 "$scratch/shown")" = "1 passed, 0 failed" ]
}

@test "a skip without a reason is a failure" {
	echo '@test "not here" { skip; }' >"$tree/tests/cli/a.bats"
	runner cli
	[ "$status" -eq 1 ]
	[ "$last" = "0 passed, 1 failed" ]
}

@test "a program that crashes is a failure with its name" {
	program test_crash <<-'end'
		echo 1..2
		echo "ok 1 - one"
		kill -SEGV $$
	end
	runner
	[ "$status" -eq 1 ]
	[ "$last" = "1 passed, 1 failed" ]
	[[ $output == *"test_crash: stopped after 1 of 2 tests"* ]]
}

@test "a program that ends early with status 0 is a failure" {
	program test_early <<-'end'
		echo 1..2
		echo "ok 1 - one"
	end
	runner
	[ "$last" = "1 passed, 1 failed" ]
}

@test "a status that the tests do not explain is a failure" {
	program test_status <<-'end'
		echo 1..1
		echo "ok 1 - one"
		exit 99
	end
	runner
	[ "$status" -eq 1 ]
	[ "$last" = "1 passed, 1 failed" ]
}

@test "a test file that does not parse is a failure" {
	good_program
	echo '@test "open {' >"$tree/tests/cli/a.bats"
	runner
	[ "$status" -eq 1 ]
	[[ $last == "2 passed, "[1-9]*" failed" ]]
}

@test "no test at all is a failure" {
	runner
	[ "$status" -eq 1 ]
	[ "$last" = "0 passed, 1 failed" ]
}

@test "a build that fails is a failure" {
	good_program
	MAKE_STATUS=2 runner
	[ "$status" -eq 1 ]
	[ "$last" = "0 passed, 1 failed" ]
}

@test "an unknown suite is a usage error" {
	runner everything
	[ "$status" -eq 2 ]
}

@test "docker's tests run only when they are named" {
	good_program
	mkdir "$tree/tests/docker"
	echo '@test "bad" { false; }' >"$tree/tests/docker/a.bats"
	runner
	[ "$last" = "2 passed, 0 failed" ]
	runner docker
	[ "$status" -eq 1 ]
	[ "$last" = "0 passed, 1 failed" ]
}

@test "a sanitizer's report is a failure, even when the test passes" {
	mkdir -p "$tree/.build/asan/tests/unit"
	program test_report <<-'end'
		log=${ASAN_OPTIONS##*log_path=}
		echo "==1==ERROR: AddressSanitizer: heap-use-after-free" >"$log.1"
		echo 1..1
		echo "ok 1 - one"
	end
	mv "$tree/.build/test/tests/unit/test_report" "$tree/.build/asan/tests/unit/"
	runner --asan unit
	[ "$status" -eq 1 ]
	[ "$last" = "1 passed, 1 failed" ]
}

@test "missing packages: anyone but root is told one line, and nothing runs" {
	[ "$(id -u)" -eq 0 ] || skip "becoming another user needs root"
	mkdir "$scratch/few"
	for tool in apt-get id printf sh sort tr; do
		ln -s "$(command -v "$tool")" "$scratch/few/$tool"
	done
	sed 's#:/usr/sbin:/sbin##' "$root/scripts/packages" >"$scratch/packages"
	chmod -R a+rX "$scratch"
	run setpriv --reuid=65534 --regid=65534 --clear-groups env PATH="$scratch/few" \
		sh "$scratch/packages" build test
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"apt-get update && apt-get install -y --no-install-recommends bats "* ]]
}
