#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # common.bash's variables
#
# What the older tool's documentation has its readers do, in its words; less its docker run, which
# tests/docker/docker.bats has.

load common

@test "go2seccomp: the hello world example, as it is told" {
	command -v go >/dev/null || skip "there is no go on PATH"
	PATH=$dist:$PATH
	mkdir "$work/helloworld"
	cd "$work/helloworld"
	printf '%s\n' 'package main' '' 'import "fmt"' '' 'func main() {' '	fmt.Println("Hello World")' '}' >main.go
	# Of 2018, before there were modules; today's go wants one.
	go mod init helloworld 2>/dev/null
	env GOOS=linux GOARCH=amd64 go build -v
	run go2seccomp helloworld profile.json
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"Syscalls detected (total: "*"): [arch_prctl "*" write]"* ]]
	[[ ${lines[-1]} == "Saved seccomp profile at profile.json" ]]
	# runc.bats runs programs under such a profile: the pipeline's, byte for byte.
	g2s-scan helloworld | g2s-resolve | g2s-profile | cmp - profile.json
	# And what the program does is in it.
	if command -v strace >/dev/null; then
		"$here/observed" 1 ./helloworld | cut -d ' ' -f 2 >seen
		[ -s seen ]
		while read -r name; do
			echo "$name"
			jq -e --arg name "$name" '.syscalls[0].names | index($name)' profile.json >/dev/null
		done <seen
	fi
}
