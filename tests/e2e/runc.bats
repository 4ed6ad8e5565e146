#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2034,SC2154 # variables of and for containers.bash
#
# The profiles start: programs run in runc under what the pipeline writes for them.

load containers

runtime=runc
command=(runc)

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

@test "runc: a server and its client by exec, default action ERRNO" {
	executes errno
}

@test "runc: a server and its client by exec, default action KILL_PROCESS" {
	executes kill-process
}

@test "runc: hello behind tini" {
	starts_in tini errno
}

@test "runc: hello behind tini, default action KILL_PROCESS" {
	starts_in tini kill-process
}

@test "runc: hello behind catatonit" {
	starts_in catatonit errno
}

@test "runc: hello behind catatonit, default action KILL_PROCESS" {
	starts_in catatonit kill-process
}

@test "runc: hello fails without what it needs itself" {
	bundle hello
	fails false write "" -- /program
	fails true write "" -- /program
	fails false write "" --default-action=kill-process -- /program
	fails true write "" --default-action=kill-process --runtime=runc --no-new-privileges -- /program
	verdict
}

@test "runc: web fails without what it needs itself" {
	bundle web
	fails false accept4 "" --default-action=kill-process -- /program
	fails true socket "not permitted" -- /program
	verdict
}

# The message is of the runtime, which has looked at its own /proc: the container was never there.
@test "runc: hello fails without what runc needs" {
	bundle hello
	fails false fstatfs "procfs: operation not permitted" -- /program
	fails true fstatfs "procfs: operation not permitted" --runtime=runc --no-new-privileges -- /program
	fails false capset "operation not permitted" --runtime=runc -- /program
	verdict
}

@test "runc: hello fails without what its init needs" {
	bundle hello
	put_init tini
	fails false rt_sigtimedwait "sigtimedwait" --init=tini -- /init -- /program
	put_init catatonit
	fails true signalfd4 "signalfd" --init=catatonit -- /init -- /program
	verdict
}
