#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2034,SC2016 # common.bash's variables, assembler
#
# An oracle for C libraries that shares no code with g2s: binutils' objdump decodes all of a library, and the numbers
# that stand in straight code before an instruction that enters the kernel are read off its text.  Each pair of place
# and number is a row of g2s; where there is no such number, there is a row all the same.  And each number of g2s at
# such an instruction is a constant that the code before it holds.

load common

# How far back, in instructions, the constant of a row may stand: in another branch, or before a loop.
far=400

# pairs LIBRARY: "address number" for each instruction that enters the kernel, "address -" where straight code tells
# none.  Straight code ends at a jump, a return, and a call, after which the register holds an answer; a branch that is
# not taken goes on.  A copy between registers is followed, since compilers keep numbers in saved registers.
pairs() {
	objdump -d --no-show-raw-insn -M intel "$1" | awk -F '\t' '
		function forget(one) {
			for (one in value)
				delete value[one]
		}
		# The 64-bit name of a register, or nothing.
		function whole(name) {
			if (name ~ /^r[0-9]+[dwb]$/)
				return substr(name, 1, length(name) - 1)
			if (name ~ /^e[a-z][a-z]$/)
				return "r" substr(name, 2)
			if (name ~ /^(r[a-z][a-z]|r[0-9]+)$/)
				return name
			if (name ~ /^([abcd][lhx]|[sd]il?|[sb]pl?)$/)
				return "r" (name ~ /^[abcd][lh]$/ ? substr(name, 1, 1) "x" : substr(name, 1, 2))
			return ""
		}
		!/^ +[0-9a-f]+:\t/ {
			# What has a name is reached from elsewhere.
			if (/^[0-9a-f]+ </)
				forget()
			next
		}
		{
			address = $1
			gsub(/[ :]/, "", address)
			text = $2
			sub(/ +[<#].*/, "", text)
			sub(/^(lock|rep|repz|repnz|notrack|bnd) /, "", text)
			name = text
			sub(/ .*/, "", name)
			rest = substr(text, length(name) + 1)
			sub(/^ +/, "", rest)
			count = split(rest, operand, ",")
			to = whole(operand[1])
		}
		name == "syscall" {
			print address, "rax" in value ? value["rax"] : "-"
			delete value["rax"]
			delete value["rcx"]
			delete value["r11"]
			next
		}
		name ~ /^(call|ret|jmp|hlt|ud2)/ {
			if (name == "call") {
				split("rax rcx rdx rsi rdi r8 r9 r10 r11", lost, " ")
				for (i in lost)
					delete value[lost[i]]
			} else {
				forget()
			}
			next
		}
		name ~ /^(cmp|test|j|nop|push|endbr64)/ || to == "" {
			# The dividend and the like.
			if (name ~ /^(mul|imul|div|idiv|cqo|cdq|cdqe|cwde|cpuid|rdtsc|xgetbv|cmpxchg|lods|stos|movs|scas)/) {
				delete value["rax"]
				delete value["rdx"]
			}
			next
		}
		name == "mov" && count == 2 && operand[1] ~ /^(e|r[0-9]+d|r[a-z])/ && operand[2] ~ /^0x[0-9a-f]+$/ {
			value[to] = strtonum_(operand[2])
			next
		}
		name == "xor" && operand[1] == operand[2] {
			value[to] = 0
			next
		}
		name == "mov" && count == 2 && whole(operand[2]) in value && operand[1] ~ /^(e|r)/ {
			value[to] = value[whole(operand[2])]
			next
		}
		{
			delete value[to]
			if (name ~ /^(xchg|xadd)/)
				delete value[whole(operand[2])]
			if (name ~ /^(mul|imul|div|idiv)/ && count == 1) {
				delete value["rax"]
				delete value["rdx"]
			}
			if (name ~ /^cmpxchg/)
				delete value["rax"]
		}
		# Hexadecimal digits, without the extensions of one awk; -1 for what is no number of a system call.
		function strtonum_(text,	i, sum) {
			if (length(text) > 6)
				return -1
			for (i = 3; i <= length(text); i++)
				sum = sum * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
			return sum
		}' | sort -u
}

# constants LIBRARY: reads "address number" of g2s and prints those for which no mov or xor of the code before, as
# far as $far instructions, holds the number.
constants() {
	objdump -d --no-show-raw-insn -M intel "$1" | awk -F '\t' -v far=$far -v rows="$work/ours" '
		BEGIN {
			while ((getline line <rows) > 0) {
				split(line, part, " ")
				wanted[part[1]] = wanted[part[1]] " " sprintf("0x%x", part[2])
			}
		}
		/^ +[0-9a-f]+:\t/ {
			text[++at] = $2
			address = $1
			gsub(/[ :]/, "", address)
			place[at] = address
		}
		END {
			for (i = 1; i <= at; i++) {
				if (!(place[i] in wanted))
					continue
				count = split(wanted[place[i]], number, " ")
				for (n = 1; n <= count; n++) {
					for (k = i - 1; k > 0 && k > i - far; k--)
						if (text[k] ~ "," number[n] "$" ||
							number[n] == "0x0" && text[k] ~ /^xor +([a-z0-9]+),/)
							break
					if (k <= 0 || k <= i - far)
						print place[i], number[n]
				}
			}
		}'
}

# not_before: of "address number" in $work/apart, those for which no row a few instructions before has the number: where
# one FDE ends between the constant and the instruction, as in clone3 of glibc, the row stands at that end.
not_before() {
	while read -r place number; do
		awk -F '\t' -v number="$number" '$4 == "call" && $5 == number { print $3 }' "$work/rows" |
			while read -r address; do
				[ $((0x$place - address)) -lt 0 ] || [ $((0x$place - address)) -gt 16 ] || echo near
			done | grep -q near || echo "$place $number"
	done <"$work/apart"
}

# library LABEL FILE MINIMUM: all pairs of one library, of which there must be MINIMUM.
library() {
	local count more
	if [ ! -e "$2" ]; then
		reason="$1 is not here"
		return 0
	fi
	built=$((built + 1))
	pairs "$2" >"$work/theirs"
	scan_all "$2" || {
		fault "$1: $(head -n 3 "$work/err")"
		return 0
	}
	file=$(readlink -f "$2")
	awk -F '\t' -v file="$file" -v given="$2" '($1 == file || $1 == given) && $2 == "x86_64" && $4 == "syscall" {
		print substr($3, 3), $5 == "?" ? "-" : $5 }' "$work/rows" | sort -u >"$work/found"
	grep -v ' -$' "$work/found" >"$work/ours" || true
	# Each pair.
	grep -v ' -$' "$work/theirs" >"$work/straight" || true
	count=$(wc -l <"$work/straight")
	[ "$count" -ge "$3" ] || fault "$1: objdump's text tells $count pairs only"
	comm -23 "$work/straight" "$work/ours" >"$work/apart"
	not_before >"$work/lost"
	[ ! -s "$work/lost" ] || fault "$1: pairs that g2s lacks, of $count: $(paste -s -d , "$work/lost")"
	# Each place.  One whose number is a parameter has its rows at the calls.
	sed 's/ .*//' "$work/theirs" | sort -u >"$work/places"
	sed 's/ .*//' "$work/found" | sort -u | comm -23 "$work/places" - >"$work/silent"
	grep ' -$' "$work/theirs" | sed 's/ .*//' | sort -u >"$work/open"
	comm -23 "$work/silent" "$work/open" >"$work/lost"
	sed 's/ .*//' "$work/apart" | comm -23 "$work/lost" - >"$work/places_lost"
	mv "$work/places_lost" "$work/lost"
	[ ! -s "$work/lost" ] || fault "$1: places without a row: $(paste -s -d ' ' "$work/lost")"
	# Each row.
	sed 's/ .*//' "$work/found" | sort -u | comm -13 "$work/places" - >"$work/lost"
	[ ! -s "$work/lost" ] || fault "$1: rows where objdump sees no system call: $(paste -s -d ' ' "$work/lost")"
	constants "$2" >"$work/odd"
	[ ! -s "$work/odd" ] || fault "$1: numbers that no constant before tells: $(paste -s -d , "$work/odd")"
	more=$(comm -13 "$work/straight" "$work/ours" | wc -l)
	echo "# $1: $count pairs of straight code, $more more of g2s; $(wc -l <"$work/silent") of" \
		"$(wc -l <"$work/places") places pass a parameter on" >&3
}

scan_all() {
	(
		set -o pipefail
		"$dist/g2s-scan" "$1" 2>"$work/err" | "$dist/g2s-resolve" 2>>"$work/err" >"$work/stream"
	) || return 1
	grep -v '^#' "$work/stream" >"$work/rows"
}

# loaded PATTERN: the path of a library of this machine.
loaded() {
	ldd /bin/sh 2>/dev/null | grep -o "/[^ ]*$1[^ ]*" | head -n 1
}

@test "oracle: the pairs of glibc" {
	library libc.so.6 "$(loaded libc.so)" 300
	library ld.so "$(loaded ld-linux)" 20
	verdict
}

@test "oracle: the pairs of musl" {
	library musl "/lib/ld-musl-x86_64.so.1" 150
	verdict
}

@test "oracle: what is wrong is noticed" {
	printf '%s\n' '.globl one, two, three, four' '.type one,@function' 'one:' 'mov $39,%eax' 'test %edi,%edi' 'je 1f' \
		'syscall' '1: ret' '.type two,@function' 'two:' 'xor %eax,%eax' 'mov $3,%ebx' 'syscall' 'mov %ebx,%eax' \
		'syscall' 'ret' '.type three,@function' 'three:' 'mov %edi,%eax' 'syscall' 'ret' \
		'.type four,@function' 'four: mov $12,%eax' 'call three' 'syscall' 'ret' >"$work/code.S"
	gcc -shared -nostdlib -o "$work/code.so" "$work/code.S" || skip "there is no assembler"
	built=1
	pairs "$work/code.so" | cut -d ' ' -f 2 | sort >"$work/theirs"
	[ "$(paste -s -d ' ' "$work/theirs")" = "- - 0 3 39" ] ||
		fault "the text of code.S tells $(paste -s -d ' ' "$work/theirs")"
	pairs "$work/code.so" >"$work/theirs"
	sed -n 's/ -$//; t; s/$//p' "$work/theirs" >"$work/ours"
	[ -z "$(constants "$work/code.so")" ] || fault "constants are missed: $(constants "$work/code.so")"
	sed 's/ 39$/ 40/' "$work/theirs" | grep -v ' -$' >"$work/ours"
	[ "$(constants "$work/code.so" | cut -d ' ' -f 2)" = 0x28 ] || fault "a constant that is not there is no fault"
	verdict
}
