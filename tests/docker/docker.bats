#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # variables of other files, and a new process for each test
#
# The README's Dockerfile and its commands, in a real Docker Engine that is started here, on a socket of
# its own and without a network.  It takes some 4 GB below $TMPDIR while it runs.  No registry is needed:
# golang:1.26 is made of a Go toolchain and busybox.

load ../e2e/containers

# The runtime that the engine starts.
runtime=runc

# A container's start takes longer here than with a bare runtime.
starts=3

root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

# The places of the whole machine that an engine leaves traces in.
places="/etc/docker /run/docker /run/containerd /var/lib/docker /var/lib/containerd"

# docker SUBCOMMAND ARGUMENT...: the client, with a limit in time; what builds or runs has no network.
docker() {
	local network=()
	case $1 in
	build | create | run) network=(--network none) ;;
	esac
	timeout -k 5 "${limit:-60}" "$client" "$1" "${network[@]}" "${@:2}"
}

# cannot REASON: what all tests are then skipped with.
cannot() {
	unavailable=$1
	return 1
}

# place_engine: sets PATH and client so that engine and client are those that are installed or, where there is no
# engine, those of the distribution's packages, which are unpacked and not installed: nothing starts by itself then.
place_engine() {
	local name path why
	PATH=$PATH:/usr/sbin:/sbin
	if ! command -v dockerd >/dev/null; then
		while IFS=$'\t' read -r name path why; do
			[ "$path" != - ] || cannot "no $name: $why; as root: apt-get install docker.io" || return 1
			PATH=${path%/*}:$PATH
		done < <("$root/scripts/real-programs" --packaged containerd docker dockerd)
	fi
	why=$(dockerd --version 2>&1) || cannot "no dockerd: $why; as root: apt-get install docker.io" || return 1
	client=$(type -P docker) || cannot "no Docker client; as root: apt-get install docker.io" || return 1
	for name in runc tini-static jq unshare setpriv; do
		command -v $name >/dev/null || cannot "$name is not installed" || return 1
	done
}

# place_base: sets goroot and busybox, of which golang:1.26 is made.
place_base() {
	local line
	line=$("$root/scripts/go-toolchains" 1.26) || cannot "Go 1.26 cannot be had: ${line##*$'\t'}" || return 1
	goroot=${line#*$'\t'}
	line=$("$root/scripts/real-programs" --packaged busybox)
	[[ $line != *$'\t-\t'* ]] || cannot "no static busybox: ${line##*$'\t'}" || return 1
	busybox=${line#*$'\t'}
}

# start_engine: it is killed with this process, and its children with it.
start_engine() {
	local i
	setpriv --pdeathsig=KILL unshare --mount --pid --fork --kill-child --net --mount-proc \
		"$BATS_TEST_DIRNAME/engine" "$home" "$name" >"$home/log" 2>&1 </dev/null 3>&- &
	echo $! >"$home/unshare"
	for ((i = 0; i < 300; i++)); do
		! docker version >"$home/version" 2>&1 || return 0
		kill -0 "$!" 2>/dev/null || break
		sleep 0.1
	done
	cannot "no Docker Engine runs here: $(tail -n 1 "$home/log")"
}

setup_file() {
	unavailable=
	export PATH client home name before unavailable goroot
	[ "$(id -u)" -eq 0 ] || cannot "a Docker Engine needs root" || return 0
	place_engine && place_base || return 0
	home=$(mktemp -d)
	name=g2s-docker-$$
	# shellcheck disable=SC2086 # a list of words
	before=$(ls -d $places 2>/dev/null || true)
	export DOCKER_HOST=unix://$home/socket DOCKER_CONFIG=$home/config
	start_engine || return 0
	grep -A 99 '^Server:' "$home/version" >&3
	base_image
	docker run --rm --security-opt seccomp=unconfined golang:1.26 true >"$home/first" 2>&1 ||
		cannot "no container runs here: $(tail -n 1 "$home/first")" || return 0
}

setup() {
	work=$(mktemp -d)
	faults=0
	built=0
	[ -z "$unavailable" ] || skip "$unavailable"
}

# stop_engine: as its user would, by a signal; waits until the namespaces are gone.
stop_engine() {
	local outside inside i
	outside=$(cat "$home/unshare")
	inside=$(cat "/proc/$outside/task/$outside/children" 2>/dev/null) || return 0
	# shellcheck disable=SC2086 # one number, and a blank after it
	kill -TERM $inside || return 0
	for ((i = 0; i < 300; i++)); do
		kill -0 "$outside" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL "$outside"
	return 1
}

# What a stopped engine leaves: containers' cgroups, which are empty, and the directory.
clean() {
	local i
	for ((i = 0; i < 50; i++)); do
		find /sys/fs/cgroup -depth -type d -path "*/$name*" -exec rmdir {} + 2>/dev/null || true
		[ -n "$(cgroups)" ] || break
		sleep 0.1
	done
	rm -rf "$home"
}

cgroups() {
	find /sys/fs/cgroup -maxdepth 3 -type d -name "$name"
}

teardown_file() {
	if [ ! -d "${home:-}" ]; then
		return 0
	fi
	stop_engine || true
	clean
}

# base_image: golang:1.26, of Go's own tree less what only its developers need, and a shell.
base_image() {
	local tree=$home/base line
	mkdir -p "$tree/bin" "$tree/root" "$tree/etc" "$tree/go"
	mkdir -m 1777 "$tree/tmp"
	cp "$busybox" "$tree/bin/busybox"
	"$busybox" --list | while read -r line; do
		ln -sn busybox "$tree/bin/$line" 2>/dev/null || true
	done
	tar -c -C "$tree" bin root etc go tmp -C "${goroot%/*}" --exclude=src/cmd --exclude=testdata \
		--exclude='*_test.go' --transform "s|^${goroot##*/}/|usr/local/go/|" "${goroot##*/}" |
		docker import --change 'ENV PATH=/go/bin:/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin' \
			--change 'ENV GOPATH=/go' --change 'ENV GOTOOLCHAIN=local' --change 'WORKDIR /go' - golang:1.26
	rm -rf "$tree"
}

# readme WORD: the README's commands of docker that begin so; less the one that is for a clone of this repository.
readme() {
	grep -E "^docker $1 " "$root/README.md" | grep -vF scripts/Containerfile | sed -E 's/ +#.*//'
}

# context DIRECTORY PROGRAM: a Go module, the tool, and the README's Dockerfile.
context() {
	mkdir -p "$1"
	cp "$root/tests/fixtures/$2/main.go" "$dist/g2s" "$1"
	printf 'module app\n\ngo 1.26\n' >"$1/go.mod"
	awk '/^```Dockerfile$/ { inside = 1; next } /^```$/ && inside { exit } inside' "$root/README.md" \
		>"$1/Dockerfile"
	grep -q '^FROM golang:1.26 AS build$' "$1/Dockerfile" || fault "the README's Dockerfile is not as it was"
}

# taken_out DIRECTORY IMAGE: takes the program out of its image; the profile that came with the image is the one that
# this machine's pipeline writes.  The program's stream stays in DIRECTORY.
taken_out() {
	local id
	id=$(docker create "$2")
	docker cp "$id:/app" "$1/app"
	docker rm "$id" >/dev/null
	scan "$2" "$1/app" || return 0
	cp "$work/stream" "$1/stream"
	"$dist/g2s-profile" <"$1/stream" | cmp - "$1/profile.json" || fault "$2: another profile than here"
}

# build_with_kit PROGRAM: by the README's commands, as they are there.
build_with_kit() {
	local directory=$home/programs/$1 command limit=300
	context "$directory" "$1"
	[ "$(readme build | wc -l)" -ge 2 ] || fault "the README has lost its commands"
	while read -r command; do
		(cd "$directory" && export DOCKER_BUILDKIT=1 && eval "$command" </dev/null) || fault "$1: $command"
	done < <(readme build)
	docker tag app "$1"
	taken_out "$directory" "$1"
}

# build_without PROGRAM DIRECTORY: the same with the older builder, which has no --output.
build_without() {
	local id limit=300
	context "$2" "$1"
	(
		cd "$2"
		export DOCKER_BUILDKIT=0
		docker build -t "$1" . && docker build --target=profile -t "$1-profile" .
	) || fault "$1: it cannot be built"
	id=$(docker create "$1-profile" /none)
	docker cp "$id:/profile.json" "$2/profile.json"
	docker rm "$id" >/dev/null
	taken_out "$2" "$1"
}

# has_kit: whether client and engine together know BuildKit.
has_kit() {
	mkdir -p "$work/empty"
	echo 'FROM scratch' >"$work/empty/Dockerfile"
	DOCKER_BUILDKIT=1 docker build --output="$work/empty/out" "$work/empty" >"$work/why" 2>&1
}

# program NAME: sets directory to where it is built, which is done for the first that asks; and its stream.
program() {
	directory=$home/programs/$1
	if [ ! -f "$directory/stream" ]; then
		if has_kit; then
			build_with_kit "$1"
		else
			build_without "$1" "$directory"
		fi
	fi >"$work/build" 2>&1
	if [ ! -f "$directory/stream" ] || [ "$faults" -gt 0 ]; then
		cat "$work/build"
		return 1
	fi
	cp "$directory/stream" "$work/stream"
}

# options NO_NEW_PRIVILEGES PROFILE: sets security to docker run's options.
options() {
	security=(--security-opt "seccomp=$2")
	[ "$1" = false ] || security+=(--security-opt no-new-privileges)
}

# docker_says LABEL WORD ARGUMENT...: docker run says WORD, each time.
docker_says() {
	local i
	for ((i = 1; i <= starts; i++)); do
		run docker run --rm "${@:3}" </dev/null
		[ "$status $output" = "0 $2" ] || fault "$1, run $i: status $status: $(head -n 3 <<<"$output")"
	done
}

# docker_starts PROGRAM WORD ACTION [INIT]: under each profile, behind the init if there is one.
docker_starts() {
	local nnp settings
	program "$1"
	while read -r nnp settings; do
		# shellcheck disable=SC2086 # a list of words
		profile $settings ${4:+--init="$4"}
		options "$nnp" "$work/profile.json"
		docker_says "$1, no-new-privileges $nnp, $settings" "$2" "${security[@]}" ${4:+--init} "$1"
	done < <(ways "$3")
	[ "$faults" -eq 0 ]
}

@test "docker: the README's image and its profile, by BuildKit" {
	has_kit || skip "no BuildKit: $(tail -n 1 "$work/why")"
	build_with_kit hello
	[ "$faults" -eq 0 ]
}

@test "docker: the README's image and its profile, by the older builder" {
	build_without hello "$home/older"
	program hello
	cmp "$home/older/profile.json" "$directory/profile.json" || fault "the builders' profiles differ"
	[ "$faults" -eq 0 ]
}

@test "docker: the README's docker run says hello" {
	program hello
	docker tag hello app
	cd "$directory"
	readme run | grep ' app$' >"$work/commands"
	cat "$work/commands"
	grep -qF -e '--security-opt no-new-privileges --security-opt seccomp=profile.json' "$work/commands"
	while read -r command; do
		for ((i = 1; i <= starts; i++)); do
			run eval "$command" </dev/null
			[ "$status $output" = "0 Hello, world" ] || fault "$command: status $status: $output"
		done
	done <"$work/commands"
	[ "$faults" -eq 0 ]
}

@test "docker: hello, default action ERRNO" {
	docker_starts hello "Hello, world" errno
}

@test "docker: hello, default action KILL_PROCESS" {
	docker_starts hello "Hello, world" kill-process
}

@test "docker: net/http serves, default action ERRNO" {
	docker_starts web served errno
}

@test "docker: net/http serves, default action KILL_PROCESS" {
	docker_starts web served kill-process
}

@test "docker: --init" {
	docker_starts hello "Hello, world" errno tini
}

@test "docker: --init, default action KILL_PROCESS" {
	docker_starts web served kill-process tini
}

@test "docker: the image that holds g2s alone, and a build that copies from it" {
	local command limit=300
	program hello
	command=$(grep -E '^docker build .* scripts/Containerfile ' "$root/README.md" | sed -E 's/ +#.*//')
	echo "$command"
	# What a clone has after make.
	mkdir -p "$work/clone/scripts" "$work/clone/dist" "$work/app"
	cp "$root/scripts/Containerfile" "$work/clone/scripts"
	cp -P "$dist"/* "$work/clone/dist"
	(cd "$work/clone" && export DOCKER_BUILDKIT=0 && eval "$command") || fault "$command"
	# One layer, with one file.
	id=$(docker create g2s)
	docker export "$id" | tar -t | grep -vE '/$|^(dev/console|etc/(hostname|hosts|mtab|resolv\.conf)|\.dockerenv)$' >"$work/files"
	docker rm "$id" >/dev/null
	[ "$(cat "$work/files")" = g2s ] || fault "it holds $(cat "$work/files")"
	run docker run --rm g2s --version
	[ "$output" = "$("$dist/g2s" --version)" ] || fault "it says $output"
	run docker run --rm -v "$directory/app:/app:ro" g2s scan /app
	[ "$(grep -vc '^#' <<<"$output")" -eq "$(grep -vc '^#' "$directory/stream")" ] || fault "it scans: $output"
	# The README's Dockerfile, with the README's other second line; the executable is not beside it.
	cp "$directory/Dockerfile" "$directory/main.go" "$directory/go.mod" "$work/app"
	command=$(grep -oE '`COPY --from=g2s [^`]*`' "$root/README.md" | tr -d '`')
	sed -i "2s|.*|$command|" "$work/app/Dockerfile"
	grep -qx 'COPY --from=g2s /g2s /usr/local/bin/' "$work/app/Dockerfile" || fault "the README has lost its line"
	for kit in 0 1; do
		if [ "$kit" -eq 1 ] && ! has_kit; then
			continue
		fi
		(cd "$work/app" && export DOCKER_BUILDKIT=$kit && docker build --target=profile -t copied-$kit .) ||
			fault "BuildKit $kit: a build with $command fails"
		id=$(docker create copied-$kit /none)
		docker cp "$id:/profile.json" "$work/app/profile-$kit.json"
		docker rm "$id" >/dev/null
		cmp "$work/app/profile-$kit.json" "$directory/profile.json" || fault "BuildKit $kit: another profile"
	done
	[ "$faults" -eq 0 ]
}

# manual: the commands of go2seccomp's example, each in one line.
manual() {
	sed -n '/^\.Sh EXAMPLES/,/^\.Ed/p' "$root/applets/go2seccomp.1" | sed -e ':again; /\\e$/ { N; s/\\e\n */ /; b again }' |
		sed -n 's/^\$ //p'
}

@test "docker: the older tool's example, from go build to docker run" {
	local limit=300
	mkdir "$work/helloworld" "$work/image"
	cd "$work/helloworld"
	printf '%s\n' 'package main' '' 'import "fmt"' '' 'func main() {' '	fmt.Println("Hello World")' '}' >main.go
	printf 'module helloworld\n\ngo 1.26\n' >go.mod
	manual >"$work/commands"
	cat "$work/commands"
	[ "$(cut -d ' ' -f 1 "$work/commands" | tr '\n' ' ')" = "env go2seccomp docker " ]
	export PATH=$dist:$goroot/bin:$PATH GOTOOLCHAIN=local GOFLAGS='' GOENV=off GOCACHE=$work/cache
	# What builds the image is not told; all that is in it is the program.
	eval "$(sed -n 1p "$work/commands")"
	eval "$(sed -n 2p "$work/commands")"
	cp helloworld "$work/image"
	printf 'FROM scratch\nCOPY helloworld /\nENTRYPOINT ["/helloworld"]\n' >"$work/image/Dockerfile"
	DOCKER_BUILDKIT=0 docker build -t helloworld "$work/image"
	for ((i = 1; i <= starts; i++)); do
		run eval "$(sed -n 3p "$work/commands")" </dev/null
		[ "$status $output" = "0 Hello World" ] || fault "run $i: status $status: $output"
	done
	# And it is the profile that decides.
	jq '.syscalls[].names -= ["write"]' profile.json >less.json
	mv less.json profile.json
	run eval "$(sed -n 3p "$work/commands")" </dev/null
	[ "$output" != "Hello World" ] || fault "it runs without write"
	[ "$faults" -eq 0 ]
}

# docker_executes ACTION [INIT]: a server in the background, and its client by docker exec, under each profile.
docker_executes() {
	local nnp settings label url i
	program server
	while read -r nnp settings; do
		label="server, no-new-privileges $nnp, $settings"
		# shellcheck disable=SC2086 # a list of words
		profile $settings ${2:+--init="$2"}
		options "$nnp" "$work/profile.json"
		docker run --detach --name server "${security[@]}" ${2:+--init} server >"$work/out" 2>&1 </dev/null ||
			fault "$label: $(cat "$work/out")"
		for ((i = 0; i < 50; i++)); do
			docker logs server >"$work/served" 2>&1 || true
			! grep -q '^http://' "$work/served" || break
			sleep 0.1
		done
		url=$(head -n 1 "$work/served")
		for ((i = 1; i <= starts; i++)); do
			run docker exec server /app get "$url" </dev/null
			[ "$status $output" = "0 well" ] ||
				fault "$label, exec $i: status $status: $(head -n 3 <<<"$output")"
		done
		docker stop --time 10 server >/dev/null || fault "$label: docker stop"
		[ "$(docker logs server 2>&1 | tail -n 1)" = stopped ] || fault "$label: it did not end by itself"
		docker rm --force server >/dev/null || fault "$label: docker rm"
	done < <(ways "$1")
	[ "$faults" -eq 0 ]
}

@test "docker: exec into a server, default action ERRNO" {
	docker_executes errno
}

@test "docker: exec into a server, default action KILL_PROCESS" {
	docker_executes kill-process
}

@test "docker: exec into a server behind --init" {
	docker_executes errno tini
}

# docker_fails NO_NEW_PRIVILEGES NAME WORDS [OPTION...]: hello, behind an init if its profile is for one, fails when NAME is denied.
docker_fails() {
	local init=
	[[ "${*:4}" != *--init* ]] || init=--init
	profile "${@:4}" --deny="$2"
	options "$1" "$work/profile.json"
	run docker run --rm "${security[@]}" $init hello </dev/null
	[ "$status $output" != "0 Hello, world" ] || fault "it runs without $2"
	grep -qE -e "$3" <<<"$output" || fault "without $2 it says: $output"
}

@test "docker: a profile without a name that is needed fails" {
	program hello
	docker_fails true write ""
	docker_fails false write "" --default-action=kill-process
	docker_fails true fstatfs "operation not permitted"
	docker_fails false fstatfs "operation not permitted" --runtime=runc
	docker_fails false rt_sigtimedwait sigtimedwait --init=tini
	# Nor is a profile without the init's names enough for one.
	options true "$directory/profile.json"
	run docker run --rm "${security[@]}" --init hello </dev/null
	[ "$status" -ne 0 ] || fault "tini runs under a profile that is not for it"
	[ "$faults" -eq 0 ]
}

@test "docker: the engine is stopped, and leaves nothing" {
	# A container that still runs ends with it.
	program server
	docker run --detach --security-opt seccomp="$directory/profile.json" server
	stop_engine
	clean
	[ ! -e "$home" ] || fault "its directory is there"
	! grep -F "$home" /proc/self/mountinfo || fault "its mounts are there"
	[ -z "$(cgroups)" ] || fault "its cgroups are there: $(cgroups)"
	for ((i = 0; i < 20; i++)); do
		others=$(grep -lF "$home" /proc/[0-9]*/cmdline 2>/dev/null || true)
		[ -n "$others" ] || break
		sleep 0.1
	done
	[ -z "$others" ] || fault "its processes are there: $others"
	# shellcheck disable=SC2086 # a list of words
	[ "$(ls -d $places 2>/dev/null || true)" = "$before" ] || fault "the machine has other places than before"
	[ "$faults" -eq 0 ]
}
