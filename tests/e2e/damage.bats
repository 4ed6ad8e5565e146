#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016 # common.bash's variables, assembler
#
# Programs damaged on purpose: an error message at most.  G2S_DAMAGE=N tries N random cases instead of 1500, and
# G2S_DAMAGE_SEED=N others; tests/e2e/damage says what is damaged, and what is looked at.

load common

# damaged PROGRAM...: no case of them is a fault.
damaged() {
	"$here/damage" --seed="${G2S_DAMAGE_SEED:-1}" --count="${G2S_DAMAGE:-1500}" "$dist" "$@" >"$work/told" 2>&1 || {
		grep FAULT "$work/told" | head -n 20
		tail -n 3 "$work/told"
		fault "$(tail -n 1 "$work/told")"
	}
	sed 's/^/# /' "$work/told" | grep -v FAULT >&3
}

# natives: $natives are a program of C in two kinds.
natives() {
	natives=()
	local compiler flags
	for compiler in gcc musl-gcc; do
		command -v $compiler >/dev/null || continue
		flags=()
		[ $compiler = gcc ] || flags=(-static)
		$compiler -O2 -g "${flags[@]}" -o "$work/c-$compiler" "$here/../fixtures/native/life.c"
		natives+=("$work/c-$compiler")
		built=$((built + 1))
	done
}

@test "damage: thousands of damaged programs end as documented, soon, and with a message" {
	natives
	local each version name variant programs=()
	for each in 1.27:hello:plain 1.9:hello:stripped 1.27:hello:pie 1.17:hello:stripped; do
		IFS=: read -r version name variant <<<"$each"
		fixture "$version" "$name" "$variant" || continue
		programs+=("$program")
	done
	damaged "${programs[@]}" "${natives[@]}"
	verdict
}

@test "damage: more kinds of programs" {
	only_all
	local each version name variant programs=()
	for each in 1.27:hello:cgo-static 1.15:hello:plain 1.19:web:stripped 1.27:hello:relr 1.25:hello:external-pie; do
		IFS=: read -r version name variant <<<"$each"
		fixture "$version" "$name" "$variant" || continue
		programs+=("$program")
	done
	damaged "${programs[@]}"
	verdict
}

# trial SCRIPT: makes $work/fake a directory in which g2s-scan does this.
trial() {
	mkdir -p "$work/fake"
	printf '#!/bin/sh\n%s\n' "$1" >"$work/fake/g2s-scan"
	ln -sf "$dist/g2s" "$work/fake/g2s-resolve"
	ln -sf "$dist/g2s" "$work/fake/g2s-profile"
	chmod +x "$work/fake/g2s-scan"
	! "$here/damage" --count=0 "$work/fake" "$work/small" >"$work/told" 2>&1 || fault "no fault: $1"
	grep -qF -e "$2" "$work/told" || fault "$1: not told as \"$2\": $(head -n 2 "$work/told")"
}

@test "damage: what ends in another way is noticed" {
	command -v as >/dev/null && command -v ld >/dev/null || skip "there is no assembler"
	printf '%s\n' .globl\ _start _start: 'mov $60, %eax' syscall | as -o "$work/small.o" - 2>"$work/why"
	ld -o "$work/small" "$work/small.o"
	built=1
	trial 'kill -SEGV $$' 'killed by SIGSEGV'
	trial 'echo g2s-scan: what >&2; exit 1' 'status 1: '
	trial 'exit 4' 'status 4 without a message'
	trial 'echo what >&2; exit 4' 'a message that is none'
	trial 'printf "g2s-scan: \033[2J\n" >&2; exit 4' 'a message that is none'
	trial 'echo half; echo g2s-scan: what >&2; exit 4' 'half an answer'
	trial 'echo half' 'a stream without its end'
	trial 'printf "#end\t1\t0\n"' 'a stream that does not have its rows'
	verdict
}
