#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Third-party sources: from the cache or as given, with the pinned sum or not at all.  Nothing here asks
# the network: what the cache holds was fetched when the project was built.

load helper

setup() {
	build_setup
	cache=${G2S_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/g2s}
	unset ZYDIS_SRC ZYCORE_SRC CJSON_SRC
	# As on a machine without apt: the tools that the script needs, and no others.
	mkdir "$scratch/bin"
	for tool in awk basename cat cut flock grep gzip head ln mkdir mktemp mv rm sed sh sha256sum tar; do
		ln -s "$(command -v "$tool")" "$scratch/bin/$tool"
	done
}

teardown() {
	build_teardown
}

fetch() {
	run env "$@" PATH="$scratch/bin" "$root/scripts/fetch-sources" "$scratch/src"
	echo "$output"
}

need_cache() {
	for name in zydis_4.1.1 zycore-c_1.5.2 cjson_1.7.19; do
		if [ ! -f "$cache/$name.orig.tar.gz" ]; then
			skip "$name was not fetched when the project was built (sources were given)"
		fi
	done
}

one_line() {
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *"$1"* ]]
	[ ! -e "$scratch/src/stamp" ]
}

@test "the cache is enough: no apt, no network" {
	need_cache
	fetch G2S_CACHE="$cache"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ -f "$scratch/src/zydis/src/Decoder.c" ]
	[ -f "$scratch/src/zycore/include/Zycore/Types.h" ]
	[ -f "$scratch/src/cjson/cJSON.c" ]
}

@test "a second call changes nothing" {
	need_cache
	fetch G2S_CACHE="$cache"
	before=$(stat -c %Y.%y "$scratch/src/stamp")
	fetch G2S_CACHE="$scratch/empty"
	[ "$status" -eq 0 ]
	[ "$(stat -c %Y.%y "$scratch/src/stamp")" = "$before" ]
	[ ! -e "$scratch/empty" ]
}

@test "tarballs may be given, without a cache or a home" {
	need_cache
	fetch -u HOME -u XDG_CACHE_HOME -u G2S_CACHE ZYDIS_SRC="$cache/zydis_4.1.1.orig.tar.gz" \
		ZYCORE_SRC="$cache/zycore-c_1.5.2.orig.tar.gz" CJSON_SRC="$cache/cjson_1.7.19.orig.tar.gz"
	[ "$status" -eq 0 ]
	[ -f "$scratch/src/zydis/src/Decoder.c" ]
}

@test "directories may be given, and a change of mind is noticed" {
	for name in zydis zycore cjson; do
		cp -RL "$root/.build/src/$name" "$scratch/given $name"
	done
	given=(ZYDIS_SRC="$scratch/given zydis" ZYCORE_SRC="$scratch/given zycore")
	fetch -u HOME "${given[@]}" CJSON_SRC="$scratch/given cjson"
	[ "$status" -eq 0 ]
	[ "$(readlink "$scratch/src/cjson")" = "$scratch/given cjson" ]
	fetch -u HOME "${given[@]}" CJSON_SRC="$root/.build/src/cjson"
	[ "$status" -eq 0 ]
	[ "$(readlink "$scratch/src/cjson")" = "$(cd "$root/.build/src/cjson" && pwd -P)" ]
}

@test "a tarball with another sum is refused, and the message says what to do" {
	echo something >"$scratch/zydis.tar.gz"
	fetch ZYDIS_SRC="$scratch/zydis.tar.gz"
	one_line "SHA-256 is not the pinned"
	[[ $output == *zydis* ]]
}

@test "a damaged file in the cache is not used" {
	need_cache
	mkdir "$scratch/cache"
	cp "$cache"/*.orig.tar.gz "$scratch/cache"
	echo damage >>"$scratch/cache/cjson_1.7.19.orig.tar.gz"
	fetch G2S_CACHE="$scratch/cache"
	[ "$status" -eq 1 ]
	[[ $output == *"does not have the pinned SHA-256"* ]]
	[[ $output == *"make CJSON_SRC=PATH"* ]]
	[ ! -e "$scratch/src/stamp" ]
}

@test "a directory or a path that cannot be right is refused" {
	mkdir "$scratch/empty"
	fetch ZYDIS_SRC="$scratch/empty"
	one_line "it must be zydis 4.1.1"
	fetch ZYDIS_SRC="$scratch/none"
	one_line "no such file or directory"
}

@test "with nothing to fetch with, the message names the variable" {
	fetch G2S_CACHE="$scratch/cache"
	one_line "make ZYDIS_SRC=PATH"
	[ -z "$(ls -A "$scratch/cache")" ]
}

@test "apt without package lists: the message says apt-get update" {
	[ -x /usr/lib/apt/apt-helper ] || skip "no apt on this machine"
	printf '#!/bin/sh\n' >"$scratch/bin/apt-get"
	chmod +x "$scratch/bin/apt-get"
	fetch G2S_CACHE="$scratch/cache"
	one_line "apt-get update"
}

@test "what the tests use is another set, which the build does not fetch" {
	run env PATH="$scratch/bin" G2S_CACHE="$scratch/cache" "$root/scripts/fetch-sources" "$scratch/src" test
	one_line "LIBSECCOMP_SRC=PATH"
	mkdir -p "$scratch/given/tools"
	: >"$scratch/given/tools/scmp_bpf_sim.c"
	run env PATH="$scratch/bin" LIBSECCOMP_SRC="$scratch/given" "$root/scripts/fetch-sources" "$scratch/src" test
	[ "$status" -eq 0 ]
	[ "$(cd "$scratch/src" && echo *)" = "libseccomp lock stamp" ]
	for arguments in "" "$scratch/src none" "$scratch/src test more"; do
		# shellcheck disable=SC2086 # words
		run env PATH="$scratch/bin" "$root/scripts/fetch-sources" $arguments
		[ "$status" -eq 1 ]
		[ "$output" = "fetch-sources: usage: scripts/fetch-sources DIR [build|test]" ]
	done
}

@test "two at once: both end well and nothing is left over" {
	need_cache
	for one in 1 2 3; do
		G2S_CACHE=$cache "$root/scripts/fetch-sources" "$scratch/src" &
		pids[one]=$!
	done
	for one in 1 2 3; do
		wait "${pids[one]}"
	done
	[ "$(cd "$scratch/src" && echo *)" = "cjson lock stamp zycore zydis" ]
}
