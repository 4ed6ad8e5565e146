#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2034 # common.bash's variables
#
# Code that is built to be costly: tests/e2e/hostile says what, and what is looked at.

load common

@test "hostile: cost grows no faster than the program" {
	only_all
	built=1
	"$here/hostile" "$dist" >"$work/told" 2>&1 || fault "$(tail -n 1 "$work/told")"
	sed 's/^/# /' "$work/told" >&3
	verdict
}
