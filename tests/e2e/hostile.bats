#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2034 # common.bash's variables
#
# Code that is built to be costly: tests/e2e/hostile says what, and what is looked at.

load common

# hostile PART: all kinds, of that part of their size.
hostile() {
	built=1
	"$here/hostile" "$dist" "$1" >"$work/told" 2>&1 || fault "$(grep FAULT "$work/told" || tail -n 1 "$work/told")"
	sed 's/^/# /' "$work/told" >&3
	verdict
}

@test "hostile: cost grows no faster than the program" {
	hostile 20
}

@test "hostile: nor when it is large" {
	only_all
	hostile 1
}
