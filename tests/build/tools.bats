#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The scripts a reader of the README starts: the demo and the bench do what they say.

load helper

setup() {
	build_setup
}

teardown() {
	build_teardown
}

@test "the demo ends with a program that ran under its profile, or says why it did not" {
	copy_project "$scratch/tree"
	cp -Rp "$root/tests" "$scratch/tree"
	mkdir "$scratch/tree/.build"
	cp -RpP "$root/.build/release" "$root/.build/src" "$scratch/tree/.build"
	run "$scratch/tree/scripts/demo"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'"defaultAction": "SCMP_ACT_ERRNO"'* ]]
	if [[ $output == *"Not started under the profile: "* ]]; then
		skip "${output##*Not started under the profile: }"
	fi
	[[ $output == *"Hello, world"*"It ran: "[1-9]*" system calls are allowed"* ]]
}

@test "the bench measures the programs it is given, and names what fails" {
	run env BENCH_FILES="$dist/g2s" BENCH_RUNS=1 "$root/scripts/bench" "$dist"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"cat FILE"*"g2s-scan"*"scan | resolve | profile"* ]]
	run env BENCH_FILES="$scratch/none" "$root/scripts/bench" "$dist"
	[ "$status" -eq 1 ]
	[[ $output == "bench: $scratch/none: no such file" ]]
	echo text >"$scratch/text"
	run env BENCH_FILES="$scratch/text" BENCH_RUNS=1 "$root/scripts/bench" "$dist"
	[ "$status" -eq 1 ]
	[[ $output == *"g2s-scan $scratch/text: ended with status 4"* ]]
}
