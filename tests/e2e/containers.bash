# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # common.bash's variables
#
# What the tests of OCI runtimes share.  A test file says which one it tries: runtime is its name for
# g2s-profile, command how it is started.  Its containers have a root file system of one or two executables and
# see the network of the host: a namespace of their own would have no loopback up.

# By its place: bats looks beside the test file, which may be elsewhere.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

# What a container of ours is called.
container=g2s-e2e-$$

# The version that the programs are built with.
go=1.24

# How often each profile is tried: some system calls of a runtime are races, and not in every start.
starts=5

teardown() {
	if [ -d "$work/state" ]; then
		engine delete --force "$container" >/dev/null 2>&1 || true
	fi
	# crun leaves it behind when it fails early.
	find /sys/fs/cgroup -depth -type d -name "$container" -exec rmdir {} + 2>/dev/null || true
	rm -rf "$work"
}

needs_runtime() {
	[ "$(id -u)" -eq 0 ] || skip "$runtime needs root here"
	command -v "$runtime" >/dev/null || skip "$runtime is not installed"
	command -v jq >/dev/null || skip "jq is not installed"
}

# engine ARGUMENT...: the runtime with a limit in time, and with its state where the test's files are.
engine() {
	timeout -k 2 20 "${command[@]}" --root "$work/state" "$@"
}

# configure NO_NEW_PRIVILEGES PROFILE COMMAND...: the container of the next run.  The first is true or false, PROFILE is
# a file, or - for none.  No limits on devices: crun needs more than a root of few rights may do to set them.
configure() {
	local profile=null
	[ "$2" = - ] || profile=$(cat "$2")
	jq --argjson nnp "$1" --argjson profile "$profile" '.process.args = $ARGS.positional
		| .process.terminal = false | .process.noNewPrivileges = $nnp
		| .linux.seccomp = $profile
		| .linux.namespaces |= map(select(.type != "network"))
		| del(.linux.resources)' \
		--args "${@:3}" <"$work/spec" >"$work/bundle/config.json"
}

# run_container: sets $status and $output, as bats's own run does.
run_container() {
	run engine run --bundle "$work/bundle" "$container" </dev/null
	engine delete --force "$container" >/dev/null 2>&1 || true
}

# bundle PROGRAM: leaves a container in $work/bundle with that fixture as /program, and its stream in $work/stream.
# A container must run here without a profile: where it does not, nothing is learned about profiles.
bundle() {
	needs_runtime
	fixture $go hello stripped || verdict
	mkdir -p "$work/bundle/rootfs" "$work/state"
	cp "$program" "$work/bundle/rootfs/program"
	(cd "$work/bundle" && timeout 20 "$runtime" spec && mv config.json "$work/spec")
	configure false - /program
	run_container
	[ "$status $output" = "0 Hello, world" ] ||
		skip "$runtime cannot run a container here: $(head -n 1 <<<"$output")"
	fixture $go "$1" stripped || verdict
	cp "$program" "$work/bundle/rootfs/program"
	scan "$1" "$program" || verdict
}

# ways ACTION: the settings that a program is tried with: whether the container has no-new-privileges, and
# the options of its profile.
ways() {
	local whose
	for whose in any "$runtime"; do
		echo "false --default-action=$1 --runtime=$whose"
		echo "true --default-action=$1 --runtime=$whose"
		echo "true --default-action=$1 --runtime=$whose --no-new-privileges"
	done
}

# profile OPTION...: leaves the profile of the stream in $work/profile.json.  That --deny is needed is its warning.
profile() {
	local status=0
	"$dist/g2s-profile" "$@" <"$work/stream" >"$work/profile.json" 2>"$work/err" || status=$?
	[ "$status" -eq 0 ] || fault "g2s-profile $*: status $status: $(cat "$work/err")"
}

# outcome LABEL WORD: the container that is configured says WORD, in each of its starts.
outcome() {
	local i
	for ((i = 1; i <= starts; i++)); do
		run_container
		[ "$status $output" = "0 $2" ] ||
			fault "$1, run $i: status $status: $(head -n 3 <<<"$output")"
	done
}

# starts PROGRAM WORD ACTION: the program says WORD under each profile.
starts() {
	local nnp options
	bundle "$1"
	while read -r nnp options; do
		# shellcheck disable=SC2086 # a list of words
		profile $options
		configure "$nnp" "$work/profile.json" /program
		outcome "$1, no-new-privileges $nnp, $options" "$2"
	done < <(ways "$3")
	verdict
}

# put_init INIT: puts tini or catatonit, as it is installed, into the container's root file system, as /init.
put_init() {
	local executable=/usr/bin/$1
	[ "$1" != tini ] || executable=/usr/bin/tini-static
	[ -x "$executable" ] || skip "$executable is not installed"
	cp "$executable" "$work/bundle/rootfs/init"
}

# starts_in INIT ACTION: the same of hello behind an init, which stays in front of it.
starts_in() {
	local nnp options
	bundle hello
	put_init "$1"
	configure false - /init -- /program
	run_container
	[ "$status $output" = "0 Hello, world" ] || fault "$1 without a profile: $output"
	while read -r nnp options; do
		# shellcheck disable=SC2086 # a list of words
		profile $options --init="$1"
		configure "$nnp" "$work/profile.json" /init -- /program
		outcome "$1, no-new-privileges $nnp, $options" "Hello, world"
	done < <(ways "$2")
	verdict
}

# address: the URL that a container in the background has printed, once it is there.
address() {
	local i
	for ((i = 0; i < 100; i++)); do
		! grep -m 1 '^http://' "$work/served" || return 0
		sleep 0.1
	done
	return 1
}

# executes ACTION: a server in the background serves, and its client comes in by exec, under each profile.
executes() {
	local nnp options label url i
	bundle server
	while read -r nnp options; do
		label="server, no-new-privileges $nnp, $options"
		# shellcheck disable=SC2086 # a list of words
		profile $options
		configure "$nnp" "$work/profile.json" /program
		if ! engine run --detach --bundle "$work/bundle" "$container" </dev/null >"$work/served" 2>&1 3>&- ||
			! url=$(address); then
			fault "$label: it does not serve: $(head -n 3 "$work/served")"
			engine delete --force "$container" >/dev/null 2>&1 || true
			continue
		fi
		for ((i = 1; i <= starts; i++)); do
			run engine exec "$container" /program get "$url" </dev/null
			[ "$status $output" = "0 well" ] ||
				fault "$label, exec $i: status $status: $(head -n 3 <<<"$output")"
		done
		stops "$label"
	done < <(ways "$1")
	verdict
}

# stops LABEL: the server in the background hears SIGTERM, says so, and is gone.
stops() {
	local i
	engine kill "$container" TERM || fault "$1: it cannot be sent SIGTERM"
	for ((i = 0; i < 100; i++)); do
		[ "$(engine state "$container" | jq -r .status)" != stopped ] || break
		sleep 0.1
	done
	[ "$(tail -n 1 "$work/served")" = stopped ] || fault "$1: after SIGTERM: $(tail -n 3 "$work/served")"
	engine delete --force "$container" >/dev/null 2>&1 || true
}

# fails NO_NEW_PRIVILEGES NAME WORDS [OPTION...] -- COMMAND...: the container works with the profile, but not when
# NAME is denied: then it says WORDS (an extended regular expression; "" where it may be silent).
fails() {
	local nnp=$1 name=$2 words=$3 options=() said
	shift 3
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	profile "${options[@]}"
	configure "$nnp" "$work/profile.json" "$@"
	run_container
	[ "$status" -eq 0 ] || fault "${options[*]}: status $status: $output"
	said=$output
	profile "${options[@]}" --deny="$name"
	configure "$nnp" "$work/profile.json" "$@"
	run_container
	[ "$status $output" != "0 $said" ] || fault "${options[*]}: it runs without $name"
	grep -qE -e "$words" <<<"$output" || fault "${options[*]}: without $name it says: $output"
}
