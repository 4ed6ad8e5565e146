#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# make install puts everything where it belongs, make uninstall takes all of it away again.

load helper

setup() {
	build_setup
	# With what is built already: nothing is compiled here.
	copy_project "$scratch/tree"
	mkdir "$scratch/tree/.build"
	cp -RpP "$root/.build/release" "$root/.build/src" "$scratch/tree/.build"
	cp -RpP "$dist" "$scratch/tree/dist"
}

teardown() {
	build_teardown
}

tree_of() {
	(cd "$1" && find . | sort)
}

@test "install with DESTDIR and PREFIX, then uninstall leaves nothing" {
	mkdir "$scratch/stage"
	make -C "$scratch/tree" install DESTDIR="$scratch/stage" PREFIX=/opt/g2s
	bin=$scratch/stage/opt/g2s/bin
	cmp "$dist/g2s" "$bin/g2s"
	for link in "$dist"/*; do
		[ ! -L "$link" ] || [ "$(readlink "$bin/${link##*/}")" = g2s ]
	done
	[ "$(find "$bin" -type l | wc -l)" -eq "$(find "$dist" -type l | wc -l)" ]
	[ -L "$bin/go2seccomp" ]
	run "$bin/g2s-profile" --version
	[ "$status" -eq 0 ]
	for page in "$root"/applets/*.[1-9]; do
		cmp "$page" "$scratch/stage/opt/g2s/share/man/man${page##*.}/${page##*/}"
	done
	[ -f "$scratch/stage/opt/g2s/share/man/man5/g2s-stream.5" ]
	share=$scratch/stage/opt/g2s/share
	for program in "$bin"/*; do
		program=${program##*/}
		grep -q "^complete -F _g2s .*$program" "$share/bash-completion/completions/$program"
		[ -f "$share/fish/vendor_completions.d/$program.fish" ]
		head -n 1 "$share/zsh/site-functions/_g2s" | grep -qw -e "$program"
	done
	make -C "$scratch/tree" uninstall DESTDIR="$scratch/stage" PREFIX=/opt/g2s
	run find "$scratch/stage" ! -type d
	[ -z "$output" ]
	[ ! -e "$scratch/stage/opt/g2s" ]
}

@test "completions go where their variables say" {
	set -- BASHCOMPDIR=/b/c ZSHCOMPDIR=/z/f FISHCOMPDIR=/f/c PREFIX=/usr DESTDIR="$scratch/stage"
	make -C "$scratch/tree" install "$@"
	[ -f "$scratch/stage/b/c/g2s" ]
	[ -L "$scratch/stage/b/c/go2seccomp" ]
	[ -f "$scratch/stage/z/f/_g2s" ]
	[ -f "$scratch/stage/f/c/g2s-scan.fish" ]
	[ ! -e "$scratch/stage/usr/share/bash-completion" ]
	make -C "$scratch/tree" uninstall "$@"
	run find "$scratch/stage" ! -type d
	[ -z "$output" ]
}

@test "what others have put there stays" {
	mkdir -p "$scratch/stage/bin" "$scratch/stage/share/man/man1"
	echo theirs >"$scratch/stage/bin/g2s-theirs"
	before=$(tree_of "$scratch/stage")
	make -C "$scratch/tree" install PREFIX="$scratch/stage"
	[ "$(tree_of "$scratch/stage")" != "$before" ]
	# A second install over the first is no error.
	make -C "$scratch/tree" install PREFIX="$scratch/stage"
	make -C "$scratch/tree" uninstall PREFIX="$scratch/stage"
	[ -f "$scratch/stage/bin/g2s-theirs" ]
	run find "$scratch/stage" ! -type d
	[ "$output" = "$scratch/stage/bin/g2s-theirs" ]
}

@test "clean removes all that a build leaves" {
	make -C "$scratch/tree" clean
	copy_project "$scratch/fresh"
	[ "$(tree_of "$scratch/tree")" = "$(tree_of "$scratch/fresh")" ]
}

@test "every applet has its link and its manual page" {
	links=$(sed -n 's/^\tX([a-z0-9]*, "\([^"]*\)".*/\1/p' "$root/applets/applets.h")
	[ "$(wc -w <<<"$links")" -eq "$(grep -c '^.X(' "$root/applets/applets.h")" ]
	for link in $links; do
		[ "$(readlink "$dist/$link")" = g2s ]
		[ -f "$root/applets/$link.1" ]
	done
	[ -f "$root/applets/g2s.1" ]
}

@test "make help names every target" {
	run make -C "$root" help
	for target in all install uninstall dist clean check check-asan bench static; do
		[[ $output == *"  $target"* ]]
	done
}
