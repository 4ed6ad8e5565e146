#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2034,SC2016 # common.bash's variables, awk's variables
#
# What must be exact: the numbers of the smallest program, and the libraries that a program needs.

load common

# hello_exactly GO: the numbers of hello are those of hello.tsv, and the version is the one that built it.
hello_exactly() {
	local minor said expected found
	fixture "$1" hello plain || return 0
	minor=$(basename "$(dirname "$program")" | cut -d. -f1,2)
	scan "hello, Go $1" "$program" || return 0
	said=$(awk -F '\t' '$1 == "#binary" { print $4 }' "$work/stream")
	case $said in
	go"$minor" | go"$minor".*) ;;
	*)
		# Before Go 1.13 a program does not say.
		if [ "$said" != - ] || [ "${minor#1.}" -ge 13 ]; then
			fault "hello, Go $1: scan says it is of '$said'"
		fi
		;;
	esac
	expected=$(awk -F '\t' -v minor="$minor" '$1 == minor { print $2 " / " $3 }' "$here/hello.tsv")
	if [ -z "$expected" ]; then
		[ "$1" = installed ] || fault "hello, Go $1: hello.tsv does not know Go $minor"
		# A version newer than the table has nothing to be compared with.
		reason="hello.tsv does not know Go $minor"
		built=0
		return 0
	fi
	found="$(numbers '$4 != "vdso"') / $(numbers '$4 == "vdso"')"
	[ "$found" = "$expected" ] ||
		fault "hello, Go $1:"$'\n'"  expected $expected"$'\n'"  found    $found"
}

# numbers CONDITION: the numbers of the rows that meet it, on one line, or "-".
numbers() {
	awk -F '\t' "$1"' { print $5 }' "$work/rows" | sort -n -u | awk '
		{ line = line (NR > 1 ? " " : "") $0 }
		END { print NR ? line : "-" }'
}

@test "hello: exactly the known numbers" {
	for version in 1.15 1.17 1.19 1.21 1.24 1.27; do
		hello_exactly $version
	done
	verdict
}

@test "hello: exactly the known numbers, the Go that is installed" {
	hello_exactly installed
	verdict
}

@test "hello: exactly the known numbers, all other versions of Go" {
	only_all
	for version in $other_versions; do
		hello_exactly "$version"
	done
	verdict
}

@test "cgo, dynamic: each library it needs is named, Go's own calls are resolved" {
	for version in 1.21 installed; do
		for name in user web; do
			fixture $version $name cgo || continue
			scan "$name cgo, Go $version" "$program" || continue
			readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort >"$work/needed"
			# None of them is in the root file system of these tests, nor is the interpreter.
			readelf -lW "$program" | sed -n 's/.*program interpreter: \(.*\)\]/\1/p' >>"$work/needed"
			sort -o "$work/needed" "$work/needed"
			[ -s "$work/needed" ] || fault "$name cgo, Go $version: it needs no library"
			awk -F '\t' '$1 == "#needs" { print $3 }' "$work/stream" | sort |
				cmp -s - "$work/needed" ||
				fault "$name cgo, Go $version: #needs differs from readelf's NEEDED"
			[ -z "$(unresolved)" ] || fault "$name cgo, Go $version: unresolved: $(unresolved)"
			# libc does not replace Go's runtime.
			for number in 1 56 202 231; do
				grep -q "^$number " "$work/said" ||
					fault "$name cgo, Go $version: $number is lost"
			done
		done
	done
	verdict
}
