#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031,SC2086 # common.bash's variables, awk's variables, flags
#
# C code: programs of our own, with two C libraries and several levels of optimisation; C beside Go; and programs
# of others.  What strace sees is said by a row, or there is an unresolved row, which is printed whether or not
# the test fails.

load common

report=3
strict=
sources=$(cd "$here/../fixtures/native" && pwd)

# native NAME COMPILER [FLAG...]: compiles one of tests/fixtures/native and sets $program, or returns 1 after a
# note or a fault.
native() {
	local name=$1 compiler=$2
	shift 2
	if ! command -v "$compiler" >/dev/null; then
		reason="no $compiler"
		return 1
	fi
	program=$work/$name
	if [ "$name" = far ]; then
		set -- "$@" -Wl,--section-start=.far=0x23456000
	fi
	# A static glibc says that some of it wants the shared one.
	"$compiler" -Wall -Wextra -Werror "$@" -o "$program" "$sources/$name.c" 2>"$work/why" || {
		fault "$compiler $* $name.c: $(head -n 5 "$work/why")"
		return 1
	}
	built=$((built + 1))
}

# list_unresolved LABEL: prints the unresolved rows, once for each function and reason.
list_unresolved() {
	awk -F '\t' -v label="$1" '
		$5 == "?" && !(($7, $4, $6) in seen) {
			seen[$7, $4, $6]
			list = list (list == "" ? "" : ", ") $7 " (" $4 ", " $6 ")"
		}
		END { if (list != "") print "# " label ": unresolved: " list }' "$work/rows" >&3
}

# numbers_kept LABEL: after scan, every number of $work/full that is gone needs an unresolved row; prints how many.
numbers_kept() {
	comm -23 "$work/full" "$work/said" >"$work/lost"
	[ -s "$work/lost" ] || return 0
	if [ -z "$(unresolved)" ]; then
		fault "$1: lost without a word: $(paste -s -d , "$work/lost")"
	else
		echo "# $1: lost $(paste -s -d , "$work/lost"), unresolved: $(unresolved | paste -s -d ' ' -)" >&3
	fi
}

# without_names NAME LABEL: the same program with less and less that describes it.  Numbers that told.tsv
# wants as rows stay.
without_names() {
	local name=$1 label=$2 with
	with=$program
	cp "$work/said" "$work/full"
	strip -o "$work/stripped" "$with"
	"$here/mutate" sections "$work/stripped" "$work/bare" || fault "$label: no bare copy"
	for each in stripped bare; do
		scan "$label, $each" "$work/$each" || continue
		numbers_kept "$label, $each"
		awk -F '\t' -v name="native/$name" '$1 == name && $4 == "row" { print $3 }' "$here/told.tsv" |
			sort -u >"$work/wanted"
		cut -d ' ' -f 1 "$work/said" | sort -u | comm -23 "$work/wanted" - >"$work/lost"
		[ ! -s "$work/lost" ] || fault "$label, $each: no row for $(paste -s -d ' ' "$work/lost")"
	done
}

# through NAME COMPILER FLAG...: one program, with names and without, against told.tsv and strace.  With
# strict=yes nothing is to be unresolved.
through() {
	local name=$1 label="$1.c, ${*:2}"
	native "$@" || return 0
	scan "$label" "$program" || return 0
	told "$label" "native/$name"
	list_unresolved "$label"
	if [ -n "$strict" ] && [ -n "$(unresolved)" ]; then
		fault "$label: unresolved: $(unresolved | paste -s -d ' ' -)"
	fi
	seen "$label" 1 "$program" || return 0
	said_of "$label"
	without_names "$name" "$label"
}

@test "C with musl: numbers as constants, chosen, forwarded, kept in registers" {
	strict=yes
	for level in -O0 -O1 -O2 -O3 -Os; do
		through chosen musl-gcc -static $level
	done
	verdict
}

@test "C with glibc, static: numbers as constants, chosen, forwarded, kept in registers" {
	through chosen gcc -static -O2
	through chosen gcc -static-pie -Os
	verdict
}

@test "C with musl: numbers out of tables and switches" {
	for level in -O0 -O2 -O3 -Os; do
		through tables musl-gcc -static $level
	done
	verdict
}

@test "C with glibc, static: numbers out of tables and switches" {
	through tables gcc -static -O2
	through tables gcc -static-pie -O2
	verdict
}

@test "C: numbers by a structure on the stack, which other threads get, too" {
	if native ids musl-gcc -static -O2 && scan "ids.c, musl" "$program"; then
		told "ids.c, musl" native/ids
		# Without symbols the function that musl hands on is not told from its neighbours: that is said.
		strip -o "$work/bare" "$program"
		scan "ids.c, musl, stripped" "$work/bare" && [ -n "$(unresolved)" ] ||
			fault "ids.c, musl, stripped: nothing is unresolved"
	fi
	strict=yes
	through ids gcc -static -O2
	through ids gcc -static-pie -Os
	verdict
}

@test "assembler as compilers do not write it" {
	through odd musl-gcc -static -O2
	through odd gcc -static -O2
	verdict
}

@test "an instruction in two segments" {
	native chosen musl-gcc -static -O0 || verdict
	scan "chosen.c" "$program" || verdict
	cut -f 2-9 "$work/rows" >"$work/before"
	"$here/mutate" cut "$program" "$work/mutant" || fault "chosen.c cannot be cut"
	"$work/mutant" >"$work/out" || fault "chosen.c does not run, cut"
	scan "chosen.c, cut" "$work/mutant" || verdict
	cut -f 2-9 "$work/rows" >"$work/after"
	cmp -s "$work/before" "$work/after" ||
		fault "chosen.c, cut: $(diff "$work/before" "$work/after" | sed 1d | head -n 4)"
	verdict
}

@test "a program of which nothing but its entry point is known" {
	printf '%s\n' '.globl _start' '_start: mov $110,%eax' syscall 'mov $60,%eax' 'xor %edi,%edi' syscall >"$work/start.S"
	for link in -Wl,-z,noseparate-code -Wl,-z,separate-code; do
		gcc -nostdlib -static $link -Wl,--build-id=none -o "$work/start" "$work/start.S"
		strip "$work/start"
		"$here/mutate" sections "$work/start" "$work/bare" || fault "start, $link: no copy"
		built=$((built + 1))
		scan "start, $link" "$work/bare" || continue
		[ "$(cut -d ' ' -f 1 "$work/said" | sort -n | paste -s -d ' ' -)" = "60 110" ] ||
			fault "start, $link: it calls 60 and 110, said are: $(paste -s -d , "$work/said")"
		[ -z "$(unresolved)" ] || fault "start, $link: there are unresolved rows"
		seen "start, $link" 1 "$work/bare" || continue
		said_of "start, $link"
	done
	verdict
}

@test "the vsyscall page, called from C" {
	# The kernel makes the call in its stead, and shows it to the filter: time is 201.
	printf '%s\n' '#include <stdio.h>' 'int main(void)' '{' \
		'long (*page)(long *) = (long (*)(long *))0xffffffffff600400;' \
		'printf("%d\n", page(0) > 0);' 'return 0;' '}' >"$work/page.c"
	for level in -O0 -O2; do
		musl-gcc -static $level -o "$work/page" "$work/page.c"
		built=$((built + 1))
		scan "page.c, $level" "$work/page" || continue
		awk -F '\t' '$5 == 201 || $5 == "?" { found = 1 } END { exit !found }' "$work/rows" ||
			fault "page.c, $level: neither a row for time (201) nor one that is unresolved"
	done
	verdict
}

@test "section headers that call code data" {
	for build in "musl-gcc -static" "gcc -no-pie"; do
		native far $build -O2 || continue
		for each in far stripped; do
			[ $each = far ] || strip -o "$work/$each" "$program"
			"$here/mutate" data "$work/$each" "$work/mutant" || fault "far.c, $build: no copy"
			"$work/mutant" >"$work/out" || fault "far.c, $build: it does not run"
			scan "far.c, $build, $each, all of it data" "$work/mutant" || continue
			# They are no more than hints: the kernel maps segments.
			cut -d ' ' -f 1 "$work/said" | grep -x '110\|111\|102' | sort >"$work/found"
			if [ "$(paste -s -d ' ' "$work/found")" != "102 110 111" ] && [ -z "$(unresolved)" ]; then
				fault "far.c, $build, $each: of 102, 110 and 111 it says" \
					"$(paste -s -d ' ' "$work/found"), and nothing is unresolved"
			fi
		done
	done
	verdict
}

@test "code that lies among constants, in a segment that can be executed" {
	printf '%s\n' '#include <stdio.h>' \
		'static const unsigned char code[] = {0xb8, 110, 0, 0, 0, 0x0f, 0x05, 0xc3};' \
		'int main(void)' '{' 'long (*volatile call)(void) = (long (*)(void))code;' \
		'printf("%d\n", call() > 0);' 'return 0;' '}' >"$work/constant.c"
	musl-gcc -static -O2 -Wl,-z,noseparate-code -o "$work/constant" "$work/constant.c"
	strip -o "$work/stripped" "$work/constant"
	"$here/mutate" sections "$work/stripped" "$work/bare"
	built=1
	seen constant.c 1 "$work/constant" || verdict
	grep -qx '110 getppid' "$work/seen" || fault "constant.c does not call getppid"
	for each in constant stripped bare; do
		scan "constant.c, $each" "$work/$each" || continue
		said_of "constant.c, $each"
	done
	verdict
}

@test "segments that may all be written and executed" {
	for compiler in musl-gcc gcc; do
		native chosen $compiler -static -O0 || continue
		scan "chosen.c, $compiler" "$program" || continue
		cp "$work/said" "$work/full"
		for verbs in rwx rwx,sections; do
			"$here/mutate" "$verbs" "$program" "$work/mutant" || fault "chosen.c, $compiler, $verbs: no copy"
			"$work/mutant" >"$work/out" || fault "chosen.c, $compiler, $verbs: it does not run"
			foreign=yes scan "chosen.c, $compiler, $verbs" "$work/mutant" || continue
			list_unresolved "chosen.c, $compiler, $verbs"
			numbers_kept "chosen.c, $compiler, $verbs"
		done
	done
	verdict
}

# taken NAME HOW [DATA]: a wrapper that is called with 102 directly, and with 110 as HOW does it; musl has nothing else
# that is unresolved here.
taken() {
	cat >"$work/$1.c" <<-end
		#include <stdio.h>
		#define ODD(name, code) __asm__(".text\n.p2align 4\n.globl " #name "\n.type " #name ",@function\n" #name \
			":\n.cfi_startproc\n" code "\nret\n.cfi_endproc\n.size " #name ",.-" #name)
		ODD(stub, "mov %rdi,%rax\nsyscall");
		ODD(hidden, "mov \$110,%edi\n$2");
		ODD(direct, "mov \$102,%edi\ncall stub");
		__asm__("$3\n.text");
		extern long hidden(void), direct(void);
		int main(void)
		{
			direct();
			return hidden() == 0;
		}
	end
	musl-gcc -static -fno-pie -no-pie -O2 -Wl,-z,noseparate-code -o "$work/$1" "$work/$1.c" 2>"$work/why" || {
		fault "$1: $(head -n 3 "$work/why")"
		return 0
	}
	built=$((built + 1))
	strip -o "$work/stripped" "$work/$1"
	"$here/mutate" sections "$work/stripped" "$work/bare" || fault "$1: no bare copy"
	seen "$1" 1 "$work/$1" || return 0
	grep -qx '110 getppid' "$work/seen" || fault "$1: it does not call getppid"
	for each in "$1" stripped bare; do
		scan "$1, $each" "$work/$each" || continue
		report=1 said_of "$1, $each"
	done
}

@test "a wrapper whose address is taken, by code and by data" {
	taken lea 'lea stub(%rip),%rdx\ncall *%rdx'
	taken immediate 'mov $stub,%edx\ncall *%rdx'
	taken wide 'movabs $stub,%rdx\ncall *%rdx'
	taken return 'lea 1f(%rip),%rax\npush %rax\npush $stub\nret\n1:'
	taken branch 'test %rdi,%rdi\njne stub'
	taken jump 'call stub2' '.text\n.p2align 4\nstub2: jmp stub'
	taken inside 'mov %rdi,%rax\ncall stub+3'
	taken stored 'movq $stub,pointer(%rip)\ncall *pointer(%rip)' '.bss\n.p2align 3\npointer: .quad 0'
	taken pointer 'call *pointer(%rip)' '.data\n.p2align 3\npointer: .quad stub'
	taken constant 'call *pointer(%rip)' '.section .rodata\n.p2align 3\npointer: .quad stub'
	taken literal 'call *pointer(%rip)' '.text\n.p2align 3\npointer: .quad stub'
	taken unaligned 'call *pointer(%rip)' '.data\n.p2align 3\n.byte 0,0,0\npointer: .quad stub'
	taken short 'mov pointer(%rip),%eax\ncall *%rax' '.data\n.p2align 2\npointer: .long stub'
	taken relative 'lea table(%rip),%rdx\nmovslq (%rdx),%rax\nadd %rdx,%rax\ncall *%rax' \
		'.section .rodata\n.p2align 2\ntable: .long stub-table'
	verdict
}

@test "a function that runs on into the next" {
	printf '%s\n' '__asm__(".text\n.type first,@function\nfirst: mov $110,%eax\n.size first,.-first\n"' \
		'".type second,@function\nsecond: syscall\nret\n.size second,.-second\n"' \
		'".p2align 4\n.type third,@function\nthird: mov $102,%eax\ncall second\nret\n.size third,.-third\n");' \
		'extern long first(void), third(void);' \
		'int main(void) { return third() < 0 || first() <= 0; }' >"$work/next.c"
	musl-gcc -O2 -static -o "$work/next" "$work/next.c"
	strip -o "$work/stripped" "$work/next"
	"$here/mutate" sections "$work/stripped" "$work/bare"
	built=1
	seen next.c 1 "$work/next" || verdict
	grep -qx '110 getppid' "$work/seen" || fault "next.c does not call getppid"
	for each in next stripped bare; do
		scan "next.c, $each" "$work/$each" || continue
		said_of "next.c, $each"
	done
	verdict
}

@test "a wrapper in a packed structure" {
	printf '%s\n' '#include "enter.h"' 'APART static long pass(long number) { return enter(number, 0); }' \
		'static struct __attribute__((packed)) { char first; long (*call)(long); } all = {1, pass};' \
		'int main(void)' '{' '__asm__ volatile("" : "+m"(all));' \
		'return pass(102) < 0 || all.call(110) <= 0;' '}' >"$work/packed.c"
	for build in "musl-gcc -static" "gcc -pie" "gcc -no-pie"; do
		$build -O2 -I "$sources" -o "$work/packed" "$work/packed.c"
		built=$((built + 1))
		scan "packed.c, $build" "$work/packed" || continue
		seen "packed.c, $build" 1 "$work/packed" -o || continue
		grep -qx '110 getppid' "$work/seen" || fault "packed.c, $build: it does not call getppid"
		said_of "packed.c, $build"
	done
	verdict
}

@test "C with a shared libc: its own instructions are rows, the library is named" {
	for flags in "-O2 -pie" "-O2 -no-pie" "-O0 -pie"; do
		native chosen gcc $flags || continue
		scan "chosen.c, $flags" "$program" || continue
		awk -F '\t' '$1 == "#needs" { print $3 }' "$work/stream" | grep -qx libc.so.6 ||
			fault "chosen.c, $flags: it needs libc.so.6, and there is no such line"
		# What goes through libc's syscall() is not in this file, and need not be said of it.
		printf -- '-\tx86_64\t-\t-\t%s\t-\t%s\n' 102 by_library 104 by_library 24 main >>"$work/rows"
		told "chosen.c, $flags" native/chosen
		seen "chosen.c, $flags" 1 "$program" -o || continue
		said_of "chosen.c, $flags"
		native tables gcc $flags || continue
		scan "tables.c, $flags" "$program" || continue
		told "tables.c, $flags" native/tables
	done
	verdict
}

@test "C in a second executable segment" {
	for build in "musl-gcc -static" "gcc -static" "gcc -pie" "gcc -no-pie"; do
		native far $build -O2 || continue
		[ "$(readelf -lW "$program" | grep -c 'LOAD.* R E ')" -eq 2 ] ||
			fault "far.c, $build: it does not have two executable segments"
		scan "far.c, $build" "$program" || continue
		told "far.c, $build" native/far
		awk -F '\t' '$2 == "x86" && $4 == "int80" && $5 == 20' "$work/rows" | grep -q . ||
			fault "far.c, $build: no row for int 0x80"
		# In the code before the second segment nothing is hard.
		case $build in
		musl*) [ -z "$(unresolved)" ] || fault "far.c, $build: unresolved: $(unresolved | paste -s -d ' ' -)" ;;
		esac
		seen "far.c, $build" 1 "$program" -o || continue
		said_of "far.c, $build"
	done
	verdict
}

@test "C with musl: a life among files, children, threads: nothing of it is missing" {
	for level in -O2 -Os; do
		native life musl-gcc -static $level || continue
		scan "life.c, $level" "$program" || continue
		list_unresolved "life.c, $level"
		seen "life.c, $level" 2 "$program" || continue
		comm -13 "$work/said" "$work/seen" >"$work/missed"
		[ ! -s "$work/missed" ] ||
			fault "life.c with musl, $level: strace saw $(paste -s -d , "$work/missed"), no row says it"
		without_names life "life.c, $level"
	done
	verdict
}

@test "C with glibc, static: a life among files, children, threads" {
	for flags in "-static" "-static-pie"; do
		native life gcc $flags -O2 || continue
		scan "life.c, $flags" "$program" || continue
		list_unresolved "life.c, $flags"
		seen "life.c, $flags" 2 "$program" || continue
		said_of "life.c, $flags"
		# No code calls it: the kernel returns to it from a handler.
		grep -qx '15 rt_sigreturn' "$work/said" || fault "life.c, $flags: no row for rt_sigreturn"
		without_names life "life.c, $flags"
	done
	verdict
}

# with_c GO PROGRAM VARIANT: Go linked with C code.
with_c() {
	local label="$2 $3, Go $1"
	fixture "$1" "$2" "$3" || return 0
	scan "$label" "$program" || return 0
	list_unresolved "$label"
	[ -z "$(awk -F '\t' '$5 == "?" && $8 != "-"' "$work/rows")" ] || fault "$label: unresolved in Go code"
	seen "$label" 1 "$program" || return 0
	case $3 in
	musl)
		comm -13 "$work/said" "$work/seen" >"$work/missed"
		[ ! -s "$work/missed" ] || fault "$label: strace saw $(paste -s -d , "$work/missed"), no row says it"
		;;
	race)
		# The interpreter and the libraries, at 0x7..., are not in it.
		seen "$label" 1 "$program" -o || return 0
		said_of "$label"
		;;
	esac
}

@test "Go with musl, static: nothing that strace sees is missing" {
	for version in 1.21 installed ${G2S_E2E_ALL:+1.15 1.17 1.19 1.24 1.27}; do
		for name in user exec ${G2S_E2E_ALL:+web}; do
			with_c "$version" "$name" musl
		done
	done
	verdict
}

@test "Go with the race detector" {
	# It waits a second at the end of a program for more to report.
	export GORACE=atexit_sleep_ms=0
	for version in 1.21 installed; do
		for name in chosen exec; do
			with_c $version $name race
		done
	done
	verdict
}

# foreign LABEL PROGRAM ARGUMENT...: a program that others built, with what strace sees of one command.
foreign() {
	local label=$1 foreign=yes
	built=$((built + 1))
	scan "$label" "$2" || return 0
	list_unresolved "$label"
	seen_of "$label" 1 "${@:2}" || return 0
	said_of "$label"
}

@test "g2s itself" {
	program=$(readlink -f "$dist/g2s")
	foreign g2s "$program" scan "$program"
	foreign "g2s --version" "$program" --version
	verdict
}

@test "busybox, static, as the distribution ships it" {
	IFS=$'\t' read -r _ program why < <("$here/../../scripts/real-programs" --packaged busybox)
	[ "$program" != - ] || skip "busybox: $why"
	foreign "busybox ls" "$program" ls -l /
	foreign "busybox sh" "$program" sh -c 'busybox() { :; }; (echo a; echo b) | while read x; do echo $x; done'
	foreign "busybox tar" "$program" tar -cf "$work/a.tar" -C "$here" mutate common.bash
	foreign "busybox sleep" "$program" timeout 1 "$program" sleep 0.01
	verdict
}

# object GO MODE: a Go library from a program of its own, in $work/MODE.so, and an executable that wants it.
object() {
	local line goroot
	line=$("$here/../../scripts/go-toolchains" "$1") || {
		reason=${line##*$'\t'}
		return 1
	}
	goroot=${line#*$'\t'}
	mkdir -p "$work/library" "$work/program"
	cat >"$work/library/main.go" <<-'end'
		package main

		import "C"
		import "syscall"

		// Call is what the program asks for.
		//
		//export Call
		func Call() { syscall.RawSyscall(syscall.SYS_GETPGID, 0, 0, 0); syscall.Getppid() }

		func main() {}
	end
	cat >"$work/program/main.go" <<-'end'
		package main

		import (
			"fmt"
			"os"
			"plugin"
			"syscall"
		)

		func main() {
			syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
			library, err := plugin.Open(os.Args[1])
			if err != nil {
				panic(err)
			}
			call, err := library.Lookup("Call")
			if err != nil {
				panic(err)
			}
			call.(func())()
			fmt.Println("plugged")
		}
	end
	for target in "library -buildmode=$2 $2.so" "program -buildmode=exe app"; do
		set -- "$1" "$2" $target
		(
			cd "$work/$3"
			GOROOT=$goroot PATH=$goroot/bin:$PATH GOPATH=$work/path GO111MODULE=off GOTOOLCHAIN=local GOFLAGS='' \
				GOENV=off GOWORK=off CGO_ENABLED=1 CC=gcc CGO_CFLAGS="-O2 -gdwarf-4" \
				GOCACHE="${G2S_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/g2s}/gocache" \
				"$goroot/bin/go" build "$4" -o "$work/$5" main.go
		) >"$work/why" 2>&1 || {
			fault "$3 $4, Go $1: $(head -n 5 "$work/why")"
			return 1
		}
	done
	built=$((built + 1))
}

# both LABEL LIBRARY <TABLE: rows of program and library in one stream; the table says file, number and function.
# Leaves the unresolved rows in $work/open.
both() {
	local label=$1 library=$2
	"$dist/g2s-scan" --sysroot="$here" "$work/app" "$work/$library" 2>"$work/err" >"$work/sites" || {
		fault "$label: scan says $?: $(head -n 2 "$work/err")"
		return 0
	}
	[ "$(grep -c '^#binary' "$work/sites")" -eq 2 ] || fault "$label: not two #binary lines"
	while read -r file number function; do
		awk -F '\t' -v file="$work/$file" -v number="$number" -v name="$function" '
			$1 == file && $5 == number && $7 ~ "^(" name ")$"' "$work/sites" | grep -q . ||
			fault "$label: no row of $file says $number in $function"
	done
	awk -F '\t' '$5 == "?" { print $1, $3, $6, $7 }' "$work/sites" >"$work/open"
}

@test "a Go program and its plugin, two files in one stream" {
	for version in 1.21 installed ${G2S_E2E_ALL:+1.15 1.17 1.19 1.24 1.27}; do
		object "$version" plugin || continue
		both "plugin, Go $version" plugin.so <<-end
			app 124 main.main
			plugin.so 121 .*Call
			plugin.so 110 syscall.Getppid|syscall.rawSyscallNoError|.*Call
		end
		# Each function of a plugin is exported, and whoever loads it can call its wrappers with any number.
		sed "s|^$work/|# plugin, Go $version: unresolved: |" "$work/open" >&3
		! grep -q "^$work/app " "$work/open" || fault "plugin, Go $version: unresolved in the program"
		"$work/app" "$work/plugin.so" >"$work/out" 2>&1 || true
		[ "$(cat "$work/out")" = plugged ] || fault "plugin, Go $version: $(head -n 2 "$work/out")"
	done
	verdict
}

@test "a Go library for C, stripped too" {
	for version in 1.21 installed ${G2S_E2E_ALL:+1.15 1.17 1.19 1.24 1.27}; do
		object "$version" c-shared || continue
		both "c-shared, Go $version" c-shared.so <<-end
			c-shared.so 121 main.Call
			c-shared.so 110 syscall.Getppid|syscall.rawSyscallNoError|main.Call
		end
		[ ! -s "$work/open" ] ||
			fault "c-shared, Go $version: unresolved: $(head -n 3 "$work/open" | paste -s -d , -)"
		strip "$work/c-shared.so"
		both "c-shared stripped, Go $version" c-shared.so <<-end
			c-shared.so 121 main.Call
			c-shared.so 110 syscall.Getppid|syscall.rawSyscallNoError|main.Call
		end
	done
	verdict
}

@test "a C library with an instruction of its own" {
	printf '%s\n' '#include "enter.h"' 'long call(void) { return enter(121, 0); }' \
		'static APART long pass(long number) { return enter(number, 0); }' \
		'long chosen(int which) { return pass(which > 5 ? 110 : 124); }' \
		'long open_to_all(long number) { return enter(number, 0); }' >"$work/library.c"
	printf 'int main(void) { return 0; }\n' >"$work/app.c"
	gcc -O2 -o "$work/app" "$work/app.c"
	for flags in "" -s; do
		gcc -O2 -shared -fPIC $flags -I "$sources" -o "$work/library.so" "$work/library.c"
		built=$((built + 1))
		"$dist/g2s-scan" "$work/app" "$work/library.so" 2>/dev/null >"$work/sites" ||
			fault "library $flags: scan says $?"
		for number in 121 110 124; do
			awk -F '\t' -v file="$work/library.so" -v number=$number \
				'$1 == file && $5 == number { found = 1 } END { exit !found }' "$work/sites" ||
				fault "library $flags: no row for $number"
		done
		# What it exports can be called by whoever loads it, with any number.
		awk -F '\t' -v file="$work/library.so" '$1 == file && $5 == "?" { found = 1 } END { exit !found }' \
			"$work/sites" || fault "library $flags: an exported wrapper is not reported"
	done
	verdict
}
