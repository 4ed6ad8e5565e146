#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2034 # common.bash's variables
#
# The search at the speed of memory finds what decoding everything finds: the same instructions that enter
# the kernel, and the same calls of wrappers.

load common

slowpath=${G2S_BUILD:-$here/../../.build/test}/tests/e2e/slowpath
# Real programs that the default run needs before it says that it has compared enough.
enough=10

# lists PROGRAM: the two lists, in $work/slow and $work/fast; returns 1 after a fault.
lists() {
	"$slowpath" "$1" >"$work/slow" && "$slowpath" --fast "$1" >"$work/fast" || {
		fault "$1: slowpath says $?"
		return 1
	}
}

# same LABEL: a fault for lists that differ, and for one that holds no site or no call.
same() {
	local kind
	for kind in site call; do
		grep -q "^$kind " "$work/slow" || fault "$1: decoding everything finds no $kind"
		grep -q "^$kind " "$work/fast" || fault "$1: the search finds no $kind"
	done
	diff "$work/slow" "$work/fast" >"$work/diff" ||
		fault "$1: decoding everything (<) and the search (>) differ:" \
			"$(grep -c '^[<>]' "$work/diff") lines, $(grep '^[<>]' "$work/diff" | head -n 6)"
}

# alike LABEL PROGRAM
alike() {
	built=$((built + 1))
	if lists "$2"; then
		same "$1"
	fi
}

# real_programs OPTION...: those of the distribution or of this machine, under one name each.
real_programs() {
	local name path why
	while IFS=$'\t' read -r name path why; do
		if [ "$path" = - ]; then
			reason="$name: $why"
			echo "$reason"
		else
			alike "$name" "$path"
		fi
	done < <("$here/../../scripts/real-programs" "$@")
}

# go_tools: the programs that a Go toolchain consists of.
go_tools() {
	local tools path
	command -v go >/dev/null || return 0
	tools=$(go env GOTOOLDIR)
	for path in "$tools"/*; do
		[ -x "$path" ] || continue
		alike "go tool ${path##*/}" "$path"
	done
}

# fixtures GO...: every variant that has code of a kind of its own.
fixtures() {
	local version name variant
	for version in "$@"; do
		for name in rawsys hello web user; do
			for variant in plain pie cgo-static; do
				case $name:$variant in
				web:cgo-static | user:plain | user:pie | *sys:cgo-static | hello:cgo-static) continue ;;
				esac
				fixture "$version" $name $variant || continue
				alike "$name $variant, Go $version" "$program"
			done
		done
	done
}

@test "slow path: real programs" {
	real_programs
	go_tools
	alike g2s "$dist/g2s"
	[ "$faults" -ne 0 ] || [ "$built" -ge $enough ] ||
		skip "only $built real programs are here: ${reason:-there is no go on PATH}"
	echo "$built real programs"
	verdict
}

@test "slow path: a fixture of each ABI" {
	fixtures 1.15 1.17 1.19 1.27
	verdict
}

@test "slow path: the distribution's packages, all versions of Go" {
	only_all
	real_programs --fetch
	# shellcheck disable=SC2086 # a list of names
	fixtures 1.21 1.24 installed $other_versions
	verdict
}

# faults_of COMMAND...: how many faults it finds, which are then forgotten.
faults_of() {
	local before=$faults
	"$@"
	found=$((faults - before))
	faults=$before
}

@test "slow path: a list that is wrong is noticed" {
	alike g2s "$dist/g2s"
	cp "$work/slow" "$work/whole"
	for kind in site call; do
		# One line less, one line more, one that is off by one, none at all.
		sed -i "0,/^$kind /{/^$kind /d}" "$work/fast"
		faults_of same "less one $kind"
		[ "$found" -eq 1 ] || fault "a $kind that the search misses is no fault"
		cp "$work/whole" "$work/fast"
		sed -i "0,/^$kind /{/^$kind /d}" "$work/slow"
		faults_of same "one $kind more"
		[ "$found" -eq 1 ] || fault "a $kind that only the search finds is no fault"
		sed "0,/^$kind /s/^\($kind [0-9a-f]*\)/\10/" "$work/whole" >"$work/slow"
		faults_of same "another $kind"
		[ "$found" -eq 1 ] || fault "a $kind in another place is no fault"
		grep -v "^$kind " "$work/whole" >"$work/slow"
		cp "$work/slow" "$work/fast"
		faults_of same "no $kind"
		[ "$found" -eq 2 ] || fault "lists without a $kind are no fault"
		cp "$work/whole" "$work/slow"
		cp "$work/whole" "$work/fast"
	done
	verdict
}

# assembled LINE...: builds a program of assembler.
assembled() {
	command -v as >/dev/null && command -v ld >/dev/null || skip "there is no assembler"
	printf '%s\n' "$@" | as -o "$work/program.o" - && ld -o "$work/program" "$work/program.o"
}

@test "slow path: what it lists is what stands in the code" {
	# Prefixes, a jump back to the start, an address inside an instruction, code without a function.
	assembled '.globl _start' '.type _start, @function' '_start:' 'mov $39, %eax' 'syscall' \
		'mov $5, %edi' 'call wrapper' '.byte 0x48' 'call wrapper' 'mov $0x050f, %eax' 'ud2' \
		'.size _start, . - _start' '.type wrapper, @function' 'wrapper:' 'mov %edi, %eax' \
		'.byte 0x48' 'syscall' 'test %eax, %eax' 'js wrapper' 'ret' '.size wrapper, . - wrapper' \
		'mov $6, %edi' 'jmp wrapper' 'int $0x80'
	nm "$work/program" | awk '{ print $3, $1 }' >"$work/names"
	at() {
		printf '%x' $((0x$(awk -v name="$1" '$1 == name { print $2 }' "$work/names") + $2))
	}
	wrapper=$(at wrapper 0)
	{
		echo "site $(at _start 5) syscall"
		echo "site $(at wrapper 2) syscall"
		echo "site $(at wrapper 17) int80"
		echo "call $(at _start 12) $wrapper"
		echo "call $(at _start 17) $wrapper"
		echo "call $(at wrapper 15) $wrapper"
	} >"$work/expected"
	alike "the assembled program" "$work/program"
	diff "$work/expected" "$work/slow" || fault "the list of the assembled program is wrong"
	verdict
}

@test "slow path: what is no program is an error" {
	echo text >"$work/text"
	run "$slowpath" "$work/text"
	[ "$status" -eq 1 ]
	[[ $output == "slowpath: $work/text: "* ]]
	run "$slowpath"
	[ "$status" -eq 2 ]
	[[ $output == "usage: slowpath "* ]]
}
