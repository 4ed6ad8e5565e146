#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The executable is a small static PIE, and the proof of it can fail.

load helper

setup() {
	build_setup
}

teardown() {
	build_teardown
}

# refused TEXT FILE: check-static must refuse FILE and say TEXT.
refused() {
	run "$root/scripts/check-static" "$2"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"$1"* ]]
}

# set_flags TYPE FLAGS: a copy of g2s whose segments of that type have these p_flags.
set_flags() {
	python3 - "$dist/g2s" "$scratch/g2s" "$1" "$2" <<-'end'
		import struct, sys
		data = bytearray(open(sys.argv[1], "rb").read())
		phoff, = struct.unpack_from("<Q", data, 32)
		phentsize, phnum = struct.unpack_from("<HH", data, 54)
		for at in range(phoff, phoff + phentsize * phnum, phentsize):
		    if struct.unpack_from("<I", data, at)[0] == int(sys.argv[3], 0):
		        struct.pack_into("<I", data, at + 4, int(sys.argv[4], 0))
		open(sys.argv[2], "wb").write(data)
	end
}

@test "g2s is a static PIE with RELRO, stripped and small" {
	run "$root/scripts/check-static" "$dist/g2s"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "it starts with nothing but itself in its root directory" {
	[ "$(id -u)" -eq 0 ] || skip "chroot needs root"
	cp "$dist/g2s" "$scratch/g2s"
	run chroot "$scratch" /g2s --version
	[ "$status" -eq 0 ]
}

@test "check-static refuses a dynamic executable" {
	refused "interpreter" "$(type -P true)"
	refused "shared libraries" "$(type -P true)"
}

@test "check-static refuses a position-dependent executable" {
	echo 'int main(void) { return 0; }' >"$scratch/a.c"
	musl-gcc -static -no-pie -o "$scratch/a" "$scratch/a.c"
	refused "not position-independent" "$scratch/a"
}

@test "check-static refuses an executable stack" {
	set_flags 0x6474e551 7
	refused "stack" "$scratch/g2s"
}

@test "check-static refuses a writable and executable segment" {
	set_flags 1 7
	refused "writable and executable" "$scratch/g2s"
}

@test "check-static refuses what is too large" {
	cp "$dist/g2s" "$scratch/g2s"
	truncate -s 800001 "$scratch/g2s"
	refused "more than 800000" "$scratch/g2s"
}

@test "check-static refuses what is not ELF, and what is not there" {
	echo text >"$scratch/text"
	run "$root/scripts/check-static" "$scratch/text"
	[ "$status" -ne 0 ]
	refused "no such file" "$scratch/none"
}
