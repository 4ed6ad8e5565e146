#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The same sources give the same bytes, wherever and whenever they are built.

load helper

setup() {
	build_setup
}

teardown() {
	build_teardown
}

@test "another directory, time zone, locale and umask give the same bytes" {
	elsewhere="$scratch/a rather/longer.path"
	copy_project "$elsewhere"
	(
		umask 077
		TZ=Asia/Tokyo LC_ALL=C HOME=/nonexistent local_make "$elsewhere" -j2
	)
	cmp "$dist/g2s" "$elsewhere/dist/g2s"
}

@test "no path of this machine is in the executable" {
	run grep -c -a -F "$root" "$dist/g2s"
	[ "$output" = 0 ]
}

@test "a second make does nothing, a touched header does something" {
	copy_project "$scratch/tree"
	local_make "$scratch/tree" -j2
	run local_make "$scratch/tree" --no-print-directory
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$(echo "$output" | grep -v '^make')" ]
	touch "$scratch/tree/include/g2s/version.h"
	run local_make "$scratch/tree" --no-print-directory
	[[ $output == *"LD   dist/g2s"* ]]
}

@test "changed flags and a removed source rebuild what they must" {
	copy_project "$scratch/tree"
	echo 'void g2s_gone(void); void g2s_gone(void) {}' >"$scratch/tree/core/gone.c"
	linked='.build/release/core/error.o .build/release/core/'
	run local_make "$scratch/tree" -j2 V=1
	[[ $output == *"${linked}gone.o "* ]]
	rm "$scratch/tree/core/gone.c"
	run local_make "$scratch/tree" V=1
	echo "$output"
	[[ $output == *" -o "*"$linked"* ]]
	[[ $output != *core/gone.o* ]]
	run local_make "$scratch/tree" CFLAGS=-O1
	[[ $output == *"CC   core/error.c"* ]]
}
