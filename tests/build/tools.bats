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
	export BENCH_PARTS="programs start"
	run env BENCH_FILES="$dist/g2s" BENCH_RUNS=1 "$root/scripts/bench" "$dist"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"cat FILE"*"g2s-scan"*"per MB of code"*"scan | resolve | profile"* ]]
	[[ $output == *"hello world, stripped"*"true | true | true"*"at most 3.00"* ]] ||
		[[ $output == *"hello world: not measured, there is no go on PATH"* ]]
	# Variables that make hands on without a value.
	run env BENCH_FILES="$dist/g2s" BENCH_RUNS= BENCH_PARTS=start "$root/scripts/bench" "$dist"
	[ "$status" -eq 0 ]
	run env BENCH_FILES="$scratch/none" "$root/scripts/bench" "$dist"
	[ "$status" -eq 1 ]
	[[ $output == "bench: $scratch/none: no such file" ]]
	run env BENCH_RUNS=none BENCH_FILES="$dist/g2s" "$root/scripts/bench" "$dist"
	[ "$status" -eq 1 ]
	[[ $output == "bench: BENCH_RUNS must be a number above 0" ]]
	run env BENCH_PARTS=none BENCH_FILES="$dist/g2s" "$root/scripts/bench" "$dist"
	[ "$status" -eq 1 ]
	[[ $output == "bench: BENCH_PARTS: none is none of "* ]]
	echo text >"$scratch/text"
	run env BENCH_FILES="$scratch/text" BENCH_RUNS=1 "$root/scripts/bench" "$dist"
	[ "$status" -eq 1 ]
	[[ $output == *"g2s-scan $scratch/text: ended with status 4"* ]]
}

@test "the bench compares with objdump, on a program that has symbols" {
	command -v go >/dev/null || skip "there is no go on PATH"
	run env BENCH_FILES="$dist/g2s" BENCH_RUNS=1 BENCH_PARTS=objdump "$root/scripts/bench" "$dist"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"with symbols"*"go tool objdump (one run)"*"times per MB of code"*"at least 1000"* ]]
}

# path_without_go: a PATH with what bench-inputs needs for all but Go programs.
path_without_go() {
	mkdir -p "$scratch/path"
	local name
	for name in as ld; do
		ln -sf "$(command -v $name)" "$scratch/path/$name"
	done
	# python3 may be a script that starts another.
	ln -sf "$(python3 -c 'import sys; print(sys.executable)')" "$scratch/path/python3"
}

@test "programs that grow: as many rows as they are said to have, for every factor" {
	command -v as >/dev/null && command -v ld >/dev/null || skip "there is no assembler"
	path_without_go
	run env PATH="$scratch/path" "$root/scripts/bench-inputs" "$scratch/inputs"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "code"$'\t'"-"$'\t'"there is no go" ]
	[ "${#lines[@]}" -eq $((1 + 7 * 4)) ]
	# rows, unresolved
	while read -r series wanted; do
		"$dist/g2s-scan" "$scratch/inputs/$series-1" | tail -n 1 >"$scratch/end"
		[ "$(cut -f 2- "$scratch/end" | tr '\t' ' ')" = "$wanted" ] || {
			echo "$series: $(cat "$scratch/end")"
			false
		}
	done <<-END
		wrappers 1000 0
		chain 1 0
		callers 1000 0
		globals 2000 0
		large 1000 0
		table 1000 1000
	END
	# Each is twice as large as the one before.
	for series in wrappers chain callers globals large joins table; do
		for factor in 1 2 4; do
			small=$(stat -c %s "$scratch/inputs/$series-$factor")
			next=$(stat -c %s "$scratch/inputs/$series-$((2 * factor))")
			[ "$next" -gt $((small * 3 / 2)) ]
		done
	done
	# What is there is not made again.
	touch -d '1 hour' "$scratch/inputs/chain-1"
	before=$(stat -c %Y "$scratch/inputs/chain-1")
	env PATH="$scratch/path" "$root/scripts/bench-inputs" "$scratch/inputs"
	[ "$(stat -c %Y "$scratch/inputs/chain-1")" -eq "$before" ]
	run "$root/scripts/bench-inputs"
	[ "$status" -eq 2 ]
}

# known PROGRAM: a program that touches 40 MB, gives them back, and then reads a mapped file.
known() {
	cat >"$1.c" <<-'END'
		#define _GNU_SOURCE
		#include <fcntl.h>
		#include <string.h>
		#include <sys/mman.h>
		#include <unistd.h>

		int main(int argc, char **argv)
		{
			size_t size = 40000000;
			char *own = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (argc != 2 || own == MAP_FAILED) {
				return 7;
			}
			memset(own, 1, size);
			munmap(own, size);
			int fd = open(argv[1], O_RDONLY);
			off_t length = lseek(fd, 0, SEEK_END);
			const volatile char *file = mmap(0, (size_t)length, PROT_READ, MAP_PRIVATE, fd, 0);
			int sum = 0;
			for (off_t i = 0; i < length; i += 512) {
				sum += file[i];
			}
			return sum == 0 ? 0 : 8;
		}
	END
	gcc -o "$1" "$1.c"
}

@test "memory: what a program has of its own is told from the pages of a mapped file" {
	known "$scratch/known"
	# Written, so that there are pages, as holes have none of their own in some file systems.
	head -c 60000000 /dev/zero >"$scratch/file"
	run "$root/scripts/peak-memory" "$scratch/known" "$scratch/file"
	[[ $output != *"ptrace: "* ]] || skip "nothing can be traced here: $output"
	echo "$output"
	[ "$status" -eq 0 ]
	read -r peak own <<<"$output"
	# The 40 MB were gone when the file was read; a few pages are the loader's and the stack's.
	[ "$own" -ge 40000000 ] && [ "$own" -lt 41000000 ]
	[ "$peak" -ge 60000000 ] && [ "$peak" -lt 70000000 ]
	# A small program of the same kind has next to nothing.
	read -r _ own < <("$root/scripts/peak-memory" "$dist/g2s" --version)
	[ "$own" -gt 0 ] && [ "$own" -lt 1000000 ]
	# The status is the command's.
	run "$root/scripts/peak-memory" "$scratch/known"
	[ "$status" -eq 7 ]
	[[ $output =~ ^[0-9]+\ [0-9]+$ ]]
	run "$root/scripts/peak-memory" "$scratch/none"
	[ "$status" -eq 125 ]
	[[ $output == "peak-memory: $scratch/none: "* ]]
}

@test "distcheck counts what is fine, what is not, and what could not be tried" {
	command -v mandoc >/dev/null || skip "there is no mandoc"
	copy_project "$scratch/tree"
	run "$scratch/tree/scripts/distcheck" manuals
	echo "$output"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == "distcheck: manuals: ok ("* ]]
	[ "${lines[1]}" = "distcheck: 1 ok, 0 failed, 0 skipped" ]
	echo .Sh >>"$scratch/tree/applets/g2s.1"
	run "$scratch/tree/scripts/distcheck" manuals
	[ "$status" -eq 1 ]
	[[ $output == *"distcheck: manuals: FAILED ("* ]]
	[ "${lines[-1]}" = "distcheck: 0 ok, 1 failed, 0 skipped" ]
	# A tool that is not there is named, with its package.
	mkdir "$scratch/bin"
	local name
	for name in sh cat cp cut date dirname find getconf git grep mkdir mktemp rm sed tail tar; do
		ln -s "$(command -v $name)" "$scratch/bin/$name"
	done
	sed -i '/^PATH=/d' "$scratch/tree/scripts/distcheck"
	run env PATH="$scratch/bin" "$scratch/tree/scripts/distcheck" manuals cppcheck
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "distcheck: manuals: skipped: no mandoc; apt-get install mandoc" ]
	[ "${lines[-1]}" = "distcheck: 0 ok, 0 failed, 2 skipped" ]
	run "$scratch/tree/scripts/distcheck" none
	[ "$status" -eq 2 ]
}
