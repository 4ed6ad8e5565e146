#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2034,SC2016 # common.bash's variables, awk's variables
#
# Files that were damaged or disguised after they were linked, or that are laid out as Go's own linker does
# not do it.  What the machine code says stays the same in all of them, and so must the numbers; where the code
# cannot say a number any more, there must be a "?" row in its stead.

load common

versions="1.15 1.17 1.19 1.24 1.27 installed"
programs="chosen rawsys xsys escapes"
if [ -n "${G2S_E2E_ALL:-}" ]; then
	versions="1.15 1.17 1.19 1.21 1.24 1.27 installed $other_versions"
	programs=$all_programs
fi

# mutant LABEL VERBS: leaves a changed copy of $program in $work/mutant, or returns 1 after a fault.
mutant() {
	"$here/mutate" "$2" "$program" "$work/mutant" 2>"$work/why" || {
		fault "$1: $(cat "$work/why")"
		return 1
	}
	if cmp -s "$program" "$work/mutant"; then
		fault "$1: mutate $2 changed nothing"
		return 1
	fi
}

# columns LIST: those columns of the rows.
columns() {
	cut -f "$1" "$work/rows"
}

# same LABEL LIST: whether these columns of the rows in $work/rows are those in $work/before.
same() {
	columns "$2" >"$work/after"
	cmp -s "$work/before" "$work/after" ||
		fault "$1: $(diff "$work/before" "$work/after" | grep -c '^[<>]') rows differ:" \
			"$(diff "$work/before" "$work/after" | sed 1d | head -n 4)"
}

# alike GO PROGRAM VARIANT LIST VERBS...: each mutant has the columns of the program.
alike() {
	local label list=$4
	fixture "$1" "$2" "$3" || return 0
	label="$2 $3, Go $1"
	scan "$label" "$program" || return 0
	[ -s "$work/rows" ] || fault "$label: no rows"
	columns "$list" >"$work/before"
	shift 4
	for verbs in "$@"; do
		mutant "$label" "$verbs" || continue
		scan "$label, $verbs" "$work/mutant" || continue
		same "$label, $verbs" "$list"
	done
}

# alike_all LIST VERBS...: stripped, since symbols are names too; as they are built; and position independent.
alike_all() {
	for version in $versions; do
		for name in rawsys xsys ${G2S_E2E_ALL:+$all_programs}; do
			alike "$version" "$name" stripped "$@"
		done
		alike "$version" chosen plain "$@"
		alike "$version" chosen pie "$@"
	done
}

@test "Go without optimisation: nothing is missing, nothing is unresolved" {
	for version in 1.17 1.21 1.27 installed; do
		for name in hello web exec; do
			label="$name unoptimised, Go $version"
			fixture $version $name unoptimised || continue
			scan "$label" "$program" || continue
			seen "$label" 1 "$program" || continue
			said_of "$label"
			[ -z "$(unresolved)" ] || fault "$label: unresolved: $(unresolved | paste -s -d ' ' -)"
		done
	done
	verdict
}

@test "names are only names: symbols against a table without names" {
	for version in $versions; do
		alike "$version" chosen plain 2-6,8 names
		# The one rule by name finds more where there is setuid: see matrix.bats.
		case $version in
		1.16 | 1.17) ;;
		*) alike "$version" user plain 2-6,8 names ;;
		esac
	done
	verdict
}

@test "section headers: gone from the ELF header, and zeroed" {
	alike_all 2-9 headers sections
	verdict
}

@test "pclntab's magic: other bytes, as obfuscators put there" {
	alike_all 2-9 magic magic,sections
	verdict
}

# kept GO PROGRAM VARIANT: after each of $ways no number is lost unless a "?" row says that one may be missing;
# counts what is.
kept() {
	local label lost
	fixture "$1" "$2" "$3" || return 0
	scan "$2 $3, Go $1" "$program" || return 0
	awk -F '\t' '$5 != "?" { print $2, $5 }' "$work/rows" | sort -u >"$work/before"
	for verbs in $ways; do
		label="$2 $3, Go $1, $verbs"
		mutant "$label" "$verbs" || continue
		# Data that is searched for code may hold anything.
		foreign=yes scan "$label" "$work/mutant" || continue
		awk -F '\t' '$5 != "?" { print $2, $5 }' "$work/rows" | sort -u >"$work/after"
		comm -23 "$work/before" "$work/after" >"$work/lost"
		lost=$(wc -l <"$work/lost")
		awk -F '\t' '$5 == "?"' "$work/rows" >"$work/open"
		echo "$label: $(wc -l <"$work/before") numbers, $lost lost, $(wc -l <"$work/open") unresolved rows"
		echo "$(wc -l <"$work/before") $lost $(wc -l <"$work/open")" >>"$work/counts"
		if [ "$lost" -gt 0 ] && [ ! -s "$work/open" ]; then
			fault "$label: lost without a word: $(paste -s -d , "$work/lost")"
		fi
	done
}

# tally WHAT: prints what kept counted.
tally() {
	[ -s "$work/counts" ] || return 0
	awk -v what="$1" '{ numbers += $1; lost += $2; rows += $3; less += $2 > 0 }
		END { print "# " what ": " NR " files, " numbers " numbers, " lost " lost in " less \
			" files, " rows " unresolved rows" }' "$work/counts" >&3
}

@test "pclntab zeroed or random: the same numbers, or a row that says so" {
	ways="table-zero table-random,sections"
	[ -z "${G2S_E2E_ALL:-}" ] || ways="$ways table-random table-zero,sections"
	for version in $versions; do
		for name in $programs; do
			kept "$version" "$name" stripped
		done
		kept "$version" chosen external-pie
	done
	tally "without pclntab"
	verdict
}

@test "segments that may all be written and executed" {
	ways="rwx rwx,table-zero,sections"
	for version in $versions; do
		kept "$version" rawsys stripped
		kept "$version" chosen pie
	done
	tally "writable and executable"
	verdict
}

# in_main: what is said of the program's own package, without addresses.
in_main() {
	awk -F '\t' '$7 ~ /^main\./ { sub(/.*\//, "", $8); print $5, $6, $7, $8 }' "$work/rows" | sort
}

# behind_c GO PROGRAM VARIANT: Go's text and pclntab where a C compiler's linker put them.
behind_c() {
	local label="$2 $3, Go $1"
	fixture "$1" "$2" plain || return 0
	scan "$2 plain, Go $1" "$program" || return 0
	cp "$work/said" "$work/plain"
	in_main >"$work/before"
	fixture "$1" "$2" "$3" || return 0
	scan "$label" "$program" || return 0
	in_main >"$work/after"
	[ -s "$work/before" ] || fault "$label: nothing in main"
	cmp -s "$work/before" "$work/after" ||
		fault "$label: in main it says otherwise than without C: $(diff "$work/before" "$work/after" | head -n 4)"
	comm -23 "$work/plain" "$work/said" >"$work/lost"
	[ ! -s "$work/lost" ] || fault "$label: less than without C: $(paste -s -d , "$work/lost")"
	[ -z "$(unresolved)" ] || fault "$label: unresolved: $(unresolved)"
	# What the C library and the ELF interpreter do at 0x7... is not in this file.
	seen "$label" 1 "$program" -o || return 0
	said_of "$label"
}

@test "Go's text behind C code: linked by gcc, and position independent" {
	for version in $versions; do
		for name in chosen rawsys; do
			for variant in external external-pie; do
				behind_c "$version" "$name" $variant
			done
		done
	done
	verdict
}

@test "pclntab in .data.rel.ro, stripped, and words that only a relocation knows" {
	for version in $versions; do
		# Go's own linker, and GNU ld.
		alike "$version" chosen pie 2-9 relative relative,sections
		alike "$version" chosen external-pie 2-9 relative sections magic,relative,sections
		alike "$version" chosen external-pie 2-6,8 names
		fixture "$version" chosen external-pie || continue
		scan "chosen external-pie, Go $version" "$program" || continue
		columns 2-9 >"$work/before"
		mutant "chosen external-pie, Go $version" relative || continue
		[ "$("$work/mutant" | tail -n 1)" = chosen ] || fault "chosen, Go $version: after relative it does not run"
		strip -o "$work/stripped" "$program"
		scan "chosen external-pie stripped, Go $version" "$work/stripped" || continue
		same "chosen external-pie stripped, Go $version" 2-9
	done
	verdict
}

@test "relative relocations packed as DT_RELR" {
	command -v ld >/dev/null && ld --help | grep -q pack-relative-relocs || skip "ld does not know DT_RELR"
	for version in $versions; do
		behind_c "$version" chosen relr
	done
	verdict
}

@test "an executable segment in two parts, and an instruction in two" {
	for version in $versions; do
		for verb in split cut; do
			fixture "$version" chosen stripped || continue
			# It is still a program.
			mutant "chosen, Go $version" $verb || continue
			[ "$("$work/mutant" | tail -n 1)" = chosen ] || fault "chosen, Go $version: after $verb it does not run"
			alike "$version" chosen stripped 2-9 $verb
		done
	done
	verdict
}

# told_in PROGRAM: what told.tsv lists, with and without symbols, in each version, and what strace sees.
told_in() {
	for version in 1.15 1.17 1.19 1.21 1.24 1.27 installed ${G2S_E2E_ALL:+$other_versions}; do
		fixture "$version" "$1" plain || continue
		scan "$1, Go $version" "$program" || continue
		told "$1, Go $version" "$1"
		seen "$1, Go $version" 1 "$program" || continue
		said_of "$1, Go $version"
		alike "$version" "$1" stripped 2-6,8 names
	done
}

@test "numbers out of Go's arrays, slices, strings and jump tables" {
	told_in tables
	verdict
}

@test "wrappers whose address is taken" {
	told_in taken
	verdict
}

@test "constants in the executable segment" {
	for version in 1.19 installed ${G2S_E2E_ALL:+1.15 1.17 1.21 1.24 1.27}; do
		behind_c "$version" chosen noseparate
		fixture "$version" taken noseparate || continue
		[ "$(readelf -lW "$program" | grep -c 'LOAD')" -eq 2 ] || fault "taken, Go $version: not two segments"
		scan "taken noseparate, Go $version" "$program" || continue
		told "taken noseparate, Go $version" taken
	done
	verdict
}

# alone GO NAME DECLARATION STATEMENT [IMPORT]: a program that calls getpgid in one indirect way and no other.
alone() {
	mkdir -p "$work/alone-$2"
	printf '%s\n' '// SPDX-License-Identifier: MIT' '' 'package main' '' 'import (' '"os"' "${5:-}" '"syscall"' ')' '' \
		'type caller func(trap, a, b, c uintptr) (uintptr, uintptr, syscall.Errno)' '' \
		'type holder struct{ number uintptr }' '' 'var _ = os.Args' '' \
		'//go:noinline' 'func (h holder) pass(number uintptr) { syscall.RawSyscall(number, 0, 0, 0) }' '' \
		'//go:noinline' 'func (h holder) Pass(number uintptr) { syscall.RawSyscall(number, 0, 0, 0) }' '' \
		'//go:noinline' 'func (h *holder) run() { syscall.RawSyscall(h.number, 0, 0, 0) }' '' \
		"$3" '' 'func main() {' "$4" '}' >"$work/alone-$2/main.go"
	fixture "$1" "$work/alone-$2" plain || return 0
	seen "$2, Go $1" 1 "$program" || return 0
	grep -qx '121 getpgid' "$work/seen" || fault "$2, Go $1: it does not call getpgid"
	scan "$2, Go $1" "$program" || return 0
	said_of "$2, Go $1"
	# And where the table is gone that knows Go's functions and types, or all memory looks alike.
	case $2 in
	value | interface | reflection | embedded) ;;
	*) return 0 ;;
	esac
	for verb in table-zero rwx; do
		mutant "$2, Go $1" $verb || continue
		scan "$2, Go $1, $verb" "$work/mutant" || continue
		said_of "$2, Go $1, $verb"
	done
}

@test "wrappers whose address is taken, one way at a time" {
	local call='(syscall.SYS_GETPGID, 0, 0, 0)'
	for version in 1.15 1.27 installed ${G2S_E2E_ALL:+1.17 1.19 1.21 1.24 $other_versions}; do
		alone "$version" variable 'var f caller = syscall.RawSyscall' "f$call"
		alone "$version" array 'var f = [...]caller{syscall.Syscall, syscall.RawSyscall}' "f[len(os.Args)]$call"
		alone "$version" map 'var f = map[string]caller{"": syscall.RawSyscall}' "f[os.Args[0][:0]]$call"
		alone "$version" assigned '' "f := syscall.RawSyscall; f$call"
		alone "$version" channel 'var f = make(chan caller, 1)' "f <- syscall.RawSyscall; (<-f)$call"
		alone "$version" any 'var f interface{} = syscall.RawSyscall' \
			"f.(func(a, b, c, d uintptr) (uintptr, uintptr, syscall.Errno))$call"
		alone "$version" value 'var f = holder{}.pass' 'f(syscall.SYS_GETPGID)'
		alone "$version" expression 'var f = holder.pass' 'f(holder{}, syscall.SYS_GETPGID)'
		alone "$version" interface 'type passer interface{ pass(uintptr) }; var f = []passer{holder{}}' \
			'f[len(os.Args)-1].pass(syscall.SYS_GETPGID)'
		alone "$version" field 'var f = []*holder{{syscall.SYS_GETPGID}}' 'f[len(os.Args)-1].run()'
		alone "$version" closure '' \
			"n := uintptr(syscall.SYS_GETPGID + len(os.Args) - 1); f := func() { syscall.RawSyscall(n, 0, 0, 0) }
			done := make(chan bool); go func() { f(); done <- true }(); <-done"
		# A method that only its type knows, by an offset of 32 bits.
		alone "$version" reflection '' \
			'holder{}.Pass(syscall.SYS_GETUID); number := []reflect.Value{reflect.ValueOf(uintptr(syscall.SYS_GETPGID))}
			reflect.ValueOf(holder{}).MethodByName(os.Args[0][:0] + "Pass").Call(number)' '"reflect"'
		alone "$version" embedded 'type outer struct{ holder }; type passer interface{ pass(uintptr) }' \
			'outer{}.pass(syscall.SYS_GETUID); any := []interface{}{os.Args, outer{}}
			any[len(os.Args)].(passer).pass(syscall.SYS_GETPGID)'
		alone "$version" deferred '' 'defer holder{}.pass(syscall.SYS_GETPGID)'
	done
	verdict
}

@test "what every program has, and what only looks hard, is no alarm" {
	# runtime.runPerThreadSyscall of 1.18 and later, the fcntl64Syscall variables, and the clock of the vsyscall page.
	for version in $versions; do
		fixture "$version" hello stripped || continue
		scan "hello, Go $version" "$program" || continue
		[ -z "$(unresolved)" ] || fault "hello, Go $version: unresolved: $(unresolved)"
		fixture "$version" files stripped || continue
		scan "files, Go $version" "$program" || continue
		awk -F '\t' '$5 == 72 && $6 == "data"' "$work/rows" | grep -q . ||
			fault "files, Go $version: fcntl's number is a variable's, and has no row"
		awk -F '\t' '$4 == "vdso" { print $5 }' "$work/rows" | sort -u | paste -s -d ' ' - >"$work/vdso"
		case $program in
		*/1.9.* | */1.1[0-5].*)
			grep -qx '228 96\|96 228' "$work/vdso" || fault "files, Go $version: the vDSO's are $(cat "$work/vdso")"
			;;
		*) ! grep -q . "$work/vdso" || fault "files, Go $version: the vDSO's are $(cat "$work/vdso")" ;;
		esac
	done
	verdict
}
