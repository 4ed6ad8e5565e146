#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Each fuzz target tries its seeds and every input that ever failed (regressions/TARGET), within the limits of
# main.c; then, where clang has libFuzzer, a few thousand random inputs, the same in each run.  "make fuzz" goes on from there.

RUNS=2000

setup_file() {
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
	G2S_BUILD=${G2S_BUILD:-$root/.build/test}
	export root G2S_BUILD
	variant=${G2S_BUILD##*/}
	make -s -j2 -C "$root" VARIANT="$variant" fuzz-programs .build/seeds/stamp
	# With sanitizers everything takes several times as long.
	if [ "$variant" = asan ]; then
		export G2S_FUZZ_LIMITS=no
	fi
	export FUZZ_WHY
	FUZZ_WHY=$(
		command -v clang >/dev/null || {
			echo "there is no clang"
			exit
		}
		echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return n > 9 && *d; }' |
			clang -fsanitize=fuzzer,address,undefined -x c -o "$BATS_FILE_TMPDIR/probe" - 2>/dev/null ||
			echo "clang has no libFuzzer"
	)
	if [ -z "$FUZZ_WHY" ]; then
		make -s -j2 -C "$root" VARIANT=fuzz fuzz-programs
	fi
}

# known TARGET: the seeds and the regressions.
known() {
	local paths=("$root/.build/seeds/$1")
	if [ -d "$root/tests/fuzz/regressions/$1" ]; then
		paths+=("$root/tests/fuzz/regressions/$1")
	fi
	run "$G2S_BUILD/tests/fuzz/fuzz_$1" "${paths[@]}"
	echo "$output"
	[ "$status" -eq 0 ]
	# A target without seeds tries nothing.
	[ "${output%% *}" -ge 50 ]
}

# random TARGET DICTIONARY: begins with a part of the seeds.
random() {
	[ -z "$FUZZ_WHY" ] || skip "$FUZZ_WHY"
	local corpus="$BATS_TEST_TMPDIR/corpus"
	mkdir "$corpus"
	find "$root/.build/seeds/$1" -type f | sort | awk 'NR % 4 == 1' | xargs cp -t "$corpus"
	run "$root/.build/fuzz/tests/fuzz/fuzz_$1" -seed=1 -runs="$RUNS" -max_len=4096 -timeout=20 -rss_limit_mb=1024 \
		-malloc_limit_mb=512 -artifact_prefix="$BATS_TEST_TMPDIR/" -dict="$root/tests/fuzz/$2.dict" "$corpus"
	echo "$output" | tail -n 40
	[ "$status" -eq 0 ]
	[[ $output == *"Done "[0-9]*" runs"* ]]
}

@test "scan: seeds and regressions" {
	known scan
}

@test "scan: random inputs" {
	random scan elf
}

@test "elf: seeds and regressions" {
	known elf
}

@test "elf: random inputs" {
	random elf elf
}

@test "pclntab: seeds and regressions" {
	known pclntab
}

@test "pclntab: random inputs" {
	random pclntab elf
}

@test "flow: seeds and regressions" {
	known flow
}

@test "flow: random inputs" {
	random flow flow
}

@test "stream: seeds and regressions" {
	known stream
}

@test "stream: random inputs" {
	random stream stream
}

@test "json: seeds and regressions" {
	known json
}

@test "json: random inputs" {
	random json json
}

@test "profile: seeds and regressions" {
	known profile
}

@test "profile: random inputs" {
	random profile stream
}

@test "diff: seeds and regressions" {
	known diff
}

@test "diff: random inputs" {
	random diff json
}

@test "no target is left out here, and no regression belongs to none" {
	for source in "$root"/tests/fuzz/fuzz_*.c; do
		target=${source##*/fuzz_}
		target=${target%.c}
		echo "$target"
		grep -qx "	known $target" "$BATS_TEST_FILENAME"
		grep -q "^	random $target [a-z]*$" "$BATS_TEST_FILENAME"
	done
	for directory in "$root"/tests/fuzz/regressions/*/; do
		echo "$directory"
		[ -f "$root/tests/fuzz/fuzz_$(basename "$directory").c" ]
	done
}

@test "a target fails when a check does not hold, and main.c when a file is too slow" {
	# Not by chance: programs made for it.
	flags=(-std=c17 -D_GNU_SOURCE -I"$root/include" -I"$root/tests/fuzz")
	cat >"$BATS_TEST_TMPDIR/slow.c" <<-'END'
		#include "fuzz.h"
		#include <time.h>
		int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
		{
			while (size != 0 && data[0] == 's' && clock() < CLOCKS_PER_SEC * 9 / 4) {
			}
			fuzz_check(size == 0 || data[0] != 'c', "a check");
			return 0;
		}
	END
	[ "${G2S_BUILD##*/}" != asan ] || flags+=("-fsanitize=address,undefined")
	unset G2S_FUZZ_LIMITS
	cd "$BATS_TEST_TMPDIR" || return
	gcc "${flags[@]}" -o slow slow.c "$root/tests/fuzz/main.c" "$root/tests/fuzz/fuzz.c" "$G2S_BUILD/libg2s.a"
	printf s >s
	printf c >c
	printf n >n
	run ./slow n
	[ "$status" -eq 0 ]
	run ./slow n s
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"fuzz: s: takes more than 2 s of CPU"* ]]
	run ./slow c
	[ "$status" -eq 134 ]
	[[ $output == *"fuzz: a check"* ]]
	run ./slow none
	[ "$status" -eq 1 ]
	run ./slow
	[ "$status" -eq 1 ]
}

@test "scripts/fuzz: what it is given, and a table of what it did" {
	for arguments in "" "x" "0" "1 none"; do
		# shellcheck disable=SC2086  # words
		run "$root/scripts/fuzz" $arguments
		echo "$output"
		[ "$status" -eq 2 ]
	done
	[ -z "$FUZZ_WHY" ] || skip "$FUZZ_WHY"
	for tool in llvm-symbolizer afl-clang-fast; do
		command -v $tool >/dev/null || skip "there is no $tool"
	done
	run env FUZZ_WORK="$BATS_TEST_TMPDIR/work" "$root/scripts/fuzz" 1 json
	echo "$output"
	[ "$status" -eq 0 ]
	[[ ${lines[-1]} =~ ^json\ +[0-9]+\ +[0-9]+\ +0$ ]]
}
