#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # common.bash's variables
#
# The profile starts: hello and web run in runc under the profile that the pipeline writes for them.

load common

# What a container of ours is called; runc keeps its state by name.
container=g2s-e2e-$$

# The version that the programs are built with.
go=1.24

needs_runc() {
	[ "$(id -u)" -eq 0 ] || skip "runc needs root here"
	command -v runc >/dev/null || skip "runc is not installed"
	command -v jq >/dev/null || skip "jq is not installed"
}

# bundle PROGRAM WORD: leaves a container in $work/bundle whose root file system is one executable, which sees the network of
# the host (a namespace of its own would have no loopback up).  Without a profile it must run: where it
# does not, this machine cannot run containers, and nothing is learned here about profiles.
bundle() {
	mkdir -p "$work/bundle/rootfs"
	cp "$1" "$work/bundle/rootfs/program"
	(cd "$work/bundle" && runc spec)
	jq '.process.args = ["/program"] | .process.terminal = false | .process.noNewPrivileges = false
		| del(.linux.seccomp)
		| .linux.namespaces |= map(select(.type != "network"))' \
		"$work/bundle/config.json" >"$work/config"
	cp "$work/config" "$work/bundle/config.json"
	run_container
	[ "$status $output" = "0 $2" ] ||
		skip "runc cannot run a container here: $(head -n 1 <<<"$output")"
}

# run_container: sets $status and $output, as bats's own run does, but with a limit in time.
run_container() {
	run timeout -k 2 20 runc run --bundle "$work/bundle" "$container" </dev/null
	runc delete --force "$container" >/dev/null 2>&1 || true
}

# apply PROFILE: puts it into the bundle.
apply() {
	jq --slurpfile profile "$1" '.linux.seccomp = $profile[0]' "$work/config" \
		>"$work/bundle/config.json"
}

# starts PROGRAM WORD ACTION: five runs under the program's profile.
starts() {
	needs_runc
	fixture $go "$1" stripped || verdict
	bundle "$program" "$2"
	scan "$1" "$program" || verdict
	"$dist/g2s-profile" --default-action="$3" <"$work/stream" >"$work/profile.json"
	apply "$work/profile.json"
	for i in 1 2 3 4 5; do
		run_container
		[ "$status $output" = "0 $2" ] ||
			fault "$1, $3, run $i: status $status: $(head -n 3 <<<"$output")"
	done
	verdict
}

@test "runc: hello, default action ERRNO" {
	starts hello "Hello, world" errno
}

@test "runc: hello, default action KILL_PROCESS" {
	starts hello "Hello, world" kill-process
}

@test "runc: web, default action ERRNO" {
	starts web served errno
}

@test "runc: web, default action KILL_PROCESS" {
	starts web served kill-process
}

@test "runc: hello without write in its profile fails" {
	needs_runc
	fixture $go hello stripped || verdict
	bundle "$program" "Hello, world"
	scan hello "$program" || verdict
	"$dist/g2s-profile" <"$work/stream" >"$work/profile.json"
	jq '.syscalls |= map(.names -= ["write"])' "$work/profile.json" >"$work/less.json"
	! cmp -s "$work/profile.json" "$work/less.json" || fault "write was not in the profile"
	apply "$work/less.json"
	run_container
	[ "$output" != "Hello, world" ] || fault "it wrote without write: the profile was not applied"
	verdict
}

@test "runc: web without its own system calls fails under KILL_PROCESS" {
	needs_runc
	fixture $go web stripped || verdict
	bundle "$program" served
	scan web "$program" || verdict
	"$dist/g2s-profile" --default-action=kill-process <"$work/stream" >"$work/profile.json"
	jq '.syscalls |= map(.names -= ["accept4"])' "$work/profile.json" >"$work/less.json"
	apply "$work/less.json"
	run_container
	[ "$status" -ne 0 ] || fault "it served without accept4: the profile was not applied"
	verdict
}
