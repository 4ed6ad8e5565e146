#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2034,SC2154 # variables of and for containers.bash
#
# The profiles start: programs run in crun under what the pipeline writes for them.

load containers

runtime=crun
command=(crun)
# It refuses a machine that has both versions of cgroups: it sees the second one alone then, in a mount
# namespace of its own.
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
	command=(unshare --mount -- sh -c "mount -t cgroup2 none /sys/fs/cgroup && exec crun \"\$@\"" crun)
fi

@test "crun: hello, default action ERRNO" {
	starts hello "Hello, world" errno
}

@test "crun: hello, default action KILL_PROCESS" {
	starts hello "Hello, world" kill-process
}

@test "crun: web, default action ERRNO" {
	starts web served errno
}

@test "crun: web, default action KILL_PROCESS" {
	starts web served kill-process
}

@test "crun: a server and its client by exec, default action ERRNO" {
	executes errno
}

@test "crun: a server and its client by exec, default action KILL_PROCESS" {
	executes kill-process
}

@test "crun: hello behind tini" {
	starts_in tini errno
}

@test "crun: hello behind tini, default action KILL_PROCESS" {
	starts_in tini kill-process
}

@test "crun: hello behind catatonit" {
	starts_in catatonit errno
}

@test "crun: hello behind catatonit, default action KILL_PROCESS" {
	starts_in catatonit kill-process
}

@test "crun: hello fails without what it needs itself" {
	bundle hello
	fails false write "" -- /program
	fails true write "" -- /program
	fails false write "" --default-action=kill-process -- /program
	fails true write "" --default-action=kill-process --runtime=crun --no-new-privileges -- /program
	verdict
}

@test "crun: hello fails without what crun needs" {
	bundle hello
	fails false setresuid "setresuid|ermitted" --runtime=crun -- /program
	fails false capset "" --runtime=crun --default-action=kill-process -- /program
	fails true execve "exec|ermitted" --runtime=crun --no-new-privileges -- /program
	verdict
}

# starts_under_bpf PROGRAM WORD: the filter itself is in the container's configuration, and no profile; it is obeyed.
starts_under_bpf() {
	local nnp action more
	needs_runtime
	grep -q run.oci.seccomp_bpf_data "$(type -P crun)" || skip "this crun has no annotation for a filter"
	bundle "$1"
	while read -r nnp action more; do
		profile --format=bpf --runtime=crun --default-action="$action" ${more:+"$more"}
		configure "$nnp" - /program
		jq --arg data "$(base64 -w 0 "$work/profile.json")" \
			'.annotations["run.oci.seccomp_bpf_data"] = $data' \
			"$work/bundle/config.json" >"$work/annotated"
		cp "$work/annotated" "$work/bundle/config.json"
		if [ -z "$more" ]; then
			outcome "$1, BPF, $action, no-new-privileges $nnp" "$2"
		else
			run_container
			[ "$status $output" != "0 $2" ] || fault "$1, BPF, $action, no-new-privileges $nnp: it runs with $more"
		fi
	done <<-END
		false errno
		true errno
		false kill-process
		true kill-process
		false errno --deny=write
		true kill-process --deny=write
	END
	verdict
}

@test "crun: hello under the BPF" {
	starts_under_bpf hello "Hello, world"
}

@test "crun: web under the BPF" {
	starts_under_bpf web served
}
