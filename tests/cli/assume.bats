#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# g2s-resolve --assume: the user's own answer for what is unresolved.

load helper

setup() {
	cli_setup
	version=$(g2s --version | cut -d ' ' -f 2)
	stream '#binary app x86_64 go1.22.12 id' 'app x86_64 0x401000 call 1 imm main.sure main.go:3' \
		'app x86_64 0x401010 call ? memory main.open main.go:9' \
		'app x86_64 0x401020 syscall ? indirect main.open main.go:12' \
		'app x86_64 0x401030 call ? computed - -' 'app x86 0x401040 int80 ? memory main.old main.go:20' >in
	input=in
}

teardown() {
	cli_teardown
}

# resolved LINE...: what g2s-resolve must have written, in the manner of stream.
resolved() {
	stream "$@" | sed "1s/[^\t]*\$/$version/" >try/wanted
	diff try/wanted try/out
}

head=('#binary app x86_64 go1.22.12 id' 'app x86_64 0x401000 call 1 imm main.sure main.go:3 write')
open=('app x86_64 0x401010 call ? memory main.open main.go:9 ?'
	'app x86_64 0x401020 syscall ? indirect main.open main.go:12 ?')
nameless='app x86_64 0x401030 call ? computed - - ?'
old='app x86 0x401040 int80 ? memory main.old main.go:20 ?'

@test "a function's unresolved sites get the names, and count as resolved" {
	try g2s-resolve --assume main.open=read,openat
	ended 0
	resolved "${head[@]}" 'app x86_64 0x401010 call 0 assumed main.open main.go:9 read' \
		'app x86_64 0x401010 call 257 assumed main.open main.go:9 openat' \
		'app x86_64 0x401020 syscall 0 assumed main.open main.go:12 read' \
		'app x86_64 0x401020 syscall 257 assumed main.open main.go:12 openat' "$nameless" "$old"
	grep -qx $'#end\t7\t2' try/out
}

@test "an address answers for one site alone" {
	for spelling in 0x401030 0x000401030; do
		try g2s-resolve "--assume=$spelling=getpid"
		ended 0
		resolved "${head[@]}" "${open[@]}" 'app x86_64 0x401030 call 39 assumed - - getpid' "$old"
	done
	try g2s-resolve --assume=0x40102=getpid
	[ "$status" -eq 0 ]
	said "warning: --assume=0x40102=getpid: matches no site"
}

@test "several assumptions for one site are all in the result, names once" {
	try g2s-resolve --assume=main.open=write,read,write --assume 0x401020=getpid,read --assume=0x401030=brk \
		--assume=main.old=waitpid
	ended 0
	resolved "${head[@]}" 'app x86_64 0x401010 call 0 assumed main.open main.go:9 read' \
		'app x86_64 0x401010 call 1 assumed main.open main.go:9 write' \
		'app x86_64 0x401020 syscall 0 assumed main.open main.go:12 read' \
		'app x86_64 0x401020 syscall 1 assumed main.open main.go:12 write' \
		'app x86_64 0x401020 syscall 39 assumed main.open main.go:12 getpid' \
		'app x86_64 0x401030 call 12 assumed - - brk' \
		'app x86 0x401040 int80 7 assumed main.old main.go:20 waitpid'
	grep -qx $'#end\t8\t0' try/out
}

@test "the profile has the names, is complete, and later stages know the word" {
	g2s-resolve --assume=main.open=swapon --assume=0x401030=brk --assume=main.old=waitpid in >out
	try g2s-profile --strict --runtime=none out
	ended 0
	[ "$(jq -c '.syscalls[0].names' try/out)" = '["brk","swapon","waitpid","write"]' ]
	# Resolving again changes nothing; with the stream that did not know, the question is there again.
	try g2s-resolve out
	ended 0
	cmp out try/out
	cat out in | g2s-resolve >both
	grep -q $'\tassumed\t' both
	grep -qx "$(printf '#end\t%s\t4' "$(grep -vc '^#' both)")" both
	try g2s-profile --strict both
	[ "$status" -eq 3 ]
	# What a library does is not answered by an assumption.
	stream '#needs app libc.so.6' 'app x86_64 0x1 syscall ? memory f s' >needs
	try g2s-resolve --assume=f=read needs
	ended 0
	resolved '#needs app libc.so.6' 'app x86_64 0x1 syscall 0 assumed f s read'
}

@test "further columns stay" {
	stream 'app x86_64 0x1 syscall ? memory f s ? main.main>f' >in
	try g2s-resolve --assume=f=read,write
	ended 0
	resolved 'app x86_64 0x1 syscall 0 assumed f s read main.main>f' \
		'app x86_64 0x1 syscall 1 assumed f s write main.main>f'
}

@test "an assumption applies in every binary, and each of their architectures must have the name" {
	stream 'a x86_64 0x1 call ? memory f s' 'b aarch64 0x1 svc ? memory f s' 'c x86_64 0x1 call 1 imm f s' >in
	try g2s-resolve --assume=f=read
	ended 0
	resolved 'a x86_64 0x1 call 0 assumed f s read' 'b aarch64 0x1 svc 63 assumed f s read' \
		'c x86_64 0x1 call 1 imm f s write'
	try g2s-resolve --assume=f=open
	ended 2 'g2s-resolve: --assume=f=open: b: aarch64 has no system call "open"'
	wrote_nothing
}

@test "one that matches nothing is a warning, one for a resolved site is refused" {
	try g2s-resolve --assume=main.ope=read --assume=main.open=read
	[ "$status" -eq 0 ]
	[ "$(wc -l <try/err)" -eq 1 ]
	said "g2s-resolve: warning: --assume=main.ope=read: matches no site"
	grep -q $'\tassumed\t' try/out
	for site in main.sure 0x401000; do
		try g2s-resolve -o new --assume=main.open=read "--assume=$site=read"
		ended 2 "g2s-resolve: --assume=$site=read: app: the site is resolved already"
		[ ! -e new ]
	done
	# A function with sites of both kinds is not resolved.
	stream 'app x86_64 0x1 call 1 imm f s' 'app x86_64 0x2 call ? memory f s' >in
	try g2s-resolve --assume=f=read
	ended 0
}

@test "a function is matched whole, as the stream writes it" {
	printf '%s\n' $'#g2s-sites\t1\t0.1.0' $'a\tx86_64\t0x1\tcall\t?\tmemory\tmain.f[a=b,c]\ts' \
		$'a\tx86_64\t0x2\tcall\t?\tmemory\todd\\tname\\\\\ts' $'#end\t2\t2' >in
	try g2s-resolve '--assume=main.f[a=b,c]=read' '--assume=odd\tname\\=write'
	ended 0
	[ "$(column 5 | tr '\n' ' ')" = "0 1 " ]
	try g2s-resolve '--assume=main.f=read'
	[ "$status" -eq 0 ]
	said "matches no site"
}

@test "a file of assumptions" {
	cat >file <<-'END'
		# how main.open was read
		main.open=read,openat

		  0x401030=getpid
	END
	printf 'main.old=waitpid\r\nnothing=read' >>file
	try g2s-resolve --assume-file=file --assume=0x401010=brk
	[ "$status" -eq 0 ]
	[ "$(wc -l <try/err)" -eq 1 ]
	said "g2s-resolve: warning: file: line 6: nothing=read: matches no site"
	grep -qx $'#end\t8\t0' try/out
	[ "$(grep -c $'\tassumed\t' try/out)" -eq 7 ]
	# What is wrong in it is said with its line, and nothing is written.
	for line in 'main.open' '=read' '-=read' 'f=' 'f=read,' 'f=,read' 'f=no_such_call' 'f=read # why' '0xzz=read' \
		'0x=read' '0x11112222333344445=read' 'bad\escape=read' 'f=read,READ'; do
		printf '\n%s\n' "$line" >file
		try g2s-resolve -o new --assume-file file
		ended 2 "g2s-resolve: file: line 2: "
		try g2s-resolve -o new "--assume=$line"
		ended 2 "g2s-resolve: --assume=$line: "
		[ ! -e new ]
	done
	try g2s-resolve --assume-file=missing
	ended 2 "g2s-resolve: missing: cannot open: No such file or directory"
	printf 'f=read\0\n' >file
	try g2s-resolve --assume-file=file
	ended 2 "file: is no text"
	head -c 1048577 /dev/zero | tr '\0' '#' >file
	try g2s-resolve --assume-file=file
	ended 2 "file: longer than 1048576 bytes"
	: >file
	try g2s-resolve --assume-file=file
	ended 0
}
