#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # helper.bash's variables
# No name and no path steers a terminal, whichever way it comes in and goes out: control characters (C0, DEL,
# and C1 in UTF-8) and what is no UTF-8 are escaped, on stdout and on stderr.

load helper

# ESC, BEL, CSI as a byte and as UTF-8, DEL, carriage return, backspace, a byte that begins nothing.
nasty=$'a\e[2J\a\x9b1m\xc2\x9b2J\x7f\r\b\xff\xc3z'
# The same in a field of the stream, and in a JSON string; the second is UTF-8, as JSON wants it.
field='a\x1b[2J\x07\x9b1m\xc2\x9b2J\x7f\x0d\x08\xff\xc3z'
json='a\u001b[2J\u0007\u009b1m\u007f\r\bz'

setup() {
	cli_setup
	seen=0
}

teardown() {
	cli_teardown
}

# raw_bytes COMMAND...: the same for one that writes no text.
raw_bytes() {
	clean "$@" -o filter
}

# clean COMMAND...: what it prints is harmless, and shows the name; reads $input.
clean() {
	status=0
	"$@" <"$input" >try/out 2>try/err || status=$?
	harmless "$@"
	if grep -qF -e '\x1b[2J' -e '\u001b[2J' -e '\033[2J' try/out try/err; then
		seen=$((seen + 1))
	fi
}

harmless() {
	[ "$status" -le 5 ] || [ "$status" -eq 127 ]
	for file in try/out try/err; do
		if ! iconv -f UTF-8 -t UTF-8 $file >/dev/null 2>&1; then
			echo "$*: no UTF-8:"
			cat -v $file
			return 1
		fi
		if LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' $file; then
			echo "$*: a control character:"
			cat -v $file
			return 1
		fi
	done
}

# all_shown COUNT: as many commands have shown the name.
all_shown() {
	echo "$seen have shown it"
	[ "$seen" -eq "$1" ]
}

@test "terminal: the test sees what it looks for" {
	for bad in $'\e' $'\x9b' $'\xc2\x9b' $'\x7f' $'\xff' $'\r' $'\xc3'; do
		status=0
		printf '%s' "x$bad" >try/out
		: >try/err
		! harmless "$bad" >/dev/null || return 1
	done
	clean echo $'fine \xc3\xa9\t.'
}

@test "terminal: paths of programs, streams, profiles and outputs" {
	mkdir "$nasty"
	elf "$exits" >"$nasty/$nasty"
	echo text >"$nasty/text"
	g2s-scan "$nasty/$nasty" | g2s-resolve >"$nasty/named"
	g2s-profile "$nasty/named" -o "$nasty/profile"
	clean g2s-scan "$nasty/$nasty"
	clean g2s-scan "$nasty/text"
	clean g2s-scan "$nasty/missing"
	clean g2s-scan -r "$nasty"
	clean g2s-scan -r "$nasty/missing"
	clean g2s-scan -o "$nasty" "$nasty/$nasty"
	clean g2s-resolve "$nasty/text"
	clean g2s-resolve "$nasty/missing"
	clean g2s-resolve --assume-file="$nasty/text" "$nasty/named"
	clean g2s-profile "$nasty/text"
	clean g2s-profile --base="$nasty/text" "$nasty/named"
	clean g2s-profile --base="$nasty/missing" "$nasty/named"
	clean g2s-profile -o "$nasty/missing/x" "$nasty/named"
	clean g2s-profile --explain "$nasty/named"
	clean g2s-diff "$nasty/profile" "$nasty/missing"
	clean g2s-diff "$nasty/text" "$nasty/profile"
	clean go2seccomp "$nasty/$nasty" "$nasty/new"
	clean go2seccomp "$nasty/text" "$nasty/new"
	clean go2seccomp "$nasty/$nasty" "$nasty/missing/new"
	clean g2s --install="$nasty/missing"
	all_shown 20
}

@test "terminal: what stands on the command line" {
	for arguments in "g2s" "g2s-scan" "g2s-resolve" "g2s-profile" "g2s-diff" "go2seccomp"; do
		clean "$arguments" "--$nasty"
		clean "$arguments" "-$nasty"
	done
	clean g2s "$nasty"
	for option in default-action errno format runtime init allow deny; do
		input=/dev/null clean g2s-profile "--$option=$nasty"
	done
	for option in arch cap kernel format fail-on; do
		clean g2s-diff "--$option=$nasty" /dev/null /dev/null
	done
	clean g2s-scan "--jobs=$nasty" x
	clean g2s-resolve "--assume=$nasty=read"
	clean g2s-resolve "--assume=main.f=$nasty"
	all_shown $((6 * 2 + 1 + 7 + 5 + 1 + 2))
}

# streams: in/N, streams with the name in each field.
streams() {
	mkdir -p in
	{
		printf '#g2s-sites\t1\t0.1.0\n#binary\t%s\tx86_64\t%s\t%s\n' "$field" "$field" "$field"
		printf '#needs\t%s\t%s\n' "$field" "$field"
		printf '%s\tx86_64\t0x1\tcall\t1\timm\t%s\t%s\twrite\t%s\n' "$field" "$field" "$field" "$field"
		printf '%s\tx86_64\t0x2\tcall\t?\tindirect\t%s\t%s\t?\t%s\n' "$field" "$field" "$field" "$field"
		printf '%s\tx86_64\t0x3\tcall\t9999\timm\t%s\t%s\t#9999\t%s\n' "$field" "$field" "$field" "$field"
		printf '#end\t3\t2\n'
	} >in/good
	sed 's/\t9999\t/\t999\t/; s/\t[^\t]*\t[^\t]*$/\t-/' in/good | sed 's/^#end.*/#end\t3\t2/' >in/cut
	printf '#g2s-sites\t1\t0.1.0\n#unread\t%s\t%s\n#end\t0\t1\n' "$field" "$field" >in/unread
	# Each field of a row, and each line, is at some time what it must not be.
	local column
	for column in 2 3 4 5 6 9; do
		awk -F '\t' -v OFS='\t' -v c=$column -v v="${field//\\/\\\\}" '!/^#/ { $c = v } { print }' in/good >in/column$column
	done
	printf '%s\n' "$field" >in/line
	printf '#g2s-sites\t%s\t%s\n' "$field" "$field" >in/header
	printf '#g2s-sites\t1\tx\n#%s\n#end\t0\t0\n' "$field" >in/keyword
	printf '#g2s-sites\t1\tx\n#end\t%s\t0\n' "$field" >in/end
	printf '%s\n' "$nasty" >in/raw
	printf '#g2s-sites\t1\tx\n%s\tx86_64\t0x1\tcall\t1\timm\t-\t-\twrite\n#end\t1\t0\n' "$nasty" >in/raw-field
}

@test "terminal: fields of a stream, through every applet and every format" {
	streams
	g2s-profile --runtime=none in/good >profile 2>/dev/null
	for stream in in/*; do
		clean g2s-resolve "$stream"
		clean g2s-resolve --partial "$stream"
		for format in oci names spo systemd; do
			clean g2s-profile --format=$format "$stream"
			clean g2s-profile --partial --deny=write --format=$format "$stream"
		done
		raw_bytes g2s-profile --format=bpf "$stream"
		clean g2s-profile --explain "$stream"
		clean g2s-profile --base=profile "$stream"
		for format in text markdown json; do
			clean g2s-diff --format=$format profile "$stream"
			clean g2s-diff --format=$format "$stream" profile
		done
	done
	echo "$seen have shown it"
	[ "$seen" -gt 100 ]
}

@test "terminal: strings of a profile" {
	mkdir json
	local n=$json
	printf '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["%s"],"action":"SCMP_ACT_ALLOW"}]}' "$n" >json/name
	printf '{"defaultAction":"%s"}' "$n" >json/default
	printf '{"defaultAction":"SCMP_ACT_ERRNO","%s":1}' "$n" >json/key
	printf '{"defaultAction":"SCMP_ACT_ERRNO","architectures":["%s"]}' "$n" >json/architecture
	printf '{"defaultAction":"SCMP_ACT_ERRNO","archMap":[{"architecture":"%s","subArchitectures":["%s"]}]}' "$n" "$n" >json/map
	printf '{"defaultAction":"SCMP_ACT_ERRNO","flags":["%s"],"listenerPath":"%s","listenerMetadata":"%s"}' \
		"$n" "$n" "$n" >json/listener
	printf '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"%s"}]}' "$n" >json/action
	printf '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"%s"}]}]}' "$n" >json/op
	printf '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","comment":"%s","includes":{"caps":["%s"],"arches":["%s"],"minKernel":"%s"},"excludes":{"caps":["%s"]}}]}' \
		"$n" "$n" "$n" 4.8 "$n" >json/conditions
	printf '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"%s"}}]}' "$n" >json/kernel
	printf '%s' "$n" >json/none
	printf '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["%s"],"action":"SCMP_ACT_ALLOW"}]}' "$nasty" >json/raw
	printf '{"defaultAction":"SCMP_ACT_ERRNO"}' >plain
	stream 'app x86_64 0x1 call 1 imm f s write' >in
	for profile in json/*; do
		for format in text markdown json; do
			clean g2s-diff --format=$format "$profile" plain
			clean g2s-diff --format=$format plain "$profile"
		done
		for format in oci names spo systemd; do
			clean g2s-profile --base="$profile" --format=$format in
		done
		raw_bytes g2s-profile --base="$profile" --format=bpf in
	done
	echo "$seen have shown it"
	[ "$seen" -gt 20 ]
}

@test "terminal: names of functions, source files and libraries in a program" {
	command -v gcc >/dev/null || skip "there is no gcc"
	printf '%s\n' 'long syscall(long, ...);' 'int placeholder_function_name(void) { return (int)syscall(39); }' \
		'int main(void) { return placeholder_function_name(); }' >name.c
	echo 'int placeholder;' >library.c
	gcc -shared -Wl,-soname,placeholder_function_name -o libx.so library.c
	gcc -g -static -o static name.c
	gcc -Wl,--no-as-needed -o dynamic name.c libx.so
	for program in static dynamic; do
		# As long as the name it takes the place of.
		perl -0pi -e 's/placeholder_function_name/\e[2J\a\x9b1m\xc2\x9b2J\x7f\r\b\xff\xc3zzzzzzzz/g' $program
		LC_ALL=C grep -qF $'\e[2J' $program
		clean g2s-scan --callers $program
		grep -qF '\x1b[2J' try/out
		cp try/out sites
		input=sites clean g2s-resolve
		cp try/out named
		clean g2s-profile named
		clean g2s-profile --explain named
		clean go2seccomp $program profile.json
		for format in names spo systemd; do
			clean g2s-profile --format=$format named
		done
		raw_bytes g2s-profile --format=bpf named
	done
	echo "$seen have shown it"
	[ "$seen" -ge 8 ]
}

@test "terminal: progress shows no path as it is" {
	command -v script >/dev/null || skip "there is no script"
	mkdir "$nasty"
	for i in 1 2 3; do
		elf "$exits" >"$nasty/$i"
	done
	script -qec "g2s-scan -j 1 -r '$nasty' >stream" /dev/null </dev/null >shown
	# What clears the line of the progress, and what ends a line, is ours.
	sed 's/\x1b\[K//g' shown | tr -d '\r' | LC_ALL=C grep -P '[\x00-\x08\x0b-\x1f\x7f-\x9f\xff]' | cat -v >left || :
	cat left
	[ ! -s left ]
}
