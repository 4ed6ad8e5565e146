#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2154 # a new process for each test, and helper's variables
# make dist: what is in the archive works, what the SPDX document says of it is so, and the bytes are always the same.

load helper

setup() {
	build_setup
	version=$(version_of "$root")
}

teardown() {
	build_teardown
}

# version_of TREE: as the one line says that it is.
version_of() {
	sed -n 's/^#define G2S_VERSION "\(.*\)"$/\1/p' "$1/include/g2s/version.h"
}

# release_tree DIRECTORY: the project with what is built already, so that nothing is compiled.
release_tree() {
	copy_project "$1"
	cp -Rp "$root/README.md" "$root/LICENSE" "$root/.github" "$1"
	mkdir "$1/.build"
	cp -RpP "$root/.build/release" "$root/.build/src" "$1/.build"
	mkdir "$1/dist"
	find "$root/dist" -maxdepth 1 \( -type l -o -name g2s \) -exec cp -pP {} "$1/dist" \;
}

# need_pinned: a release is made of the pinned tarballs alone.
need_pinned() {
	if [ "$(grep -cE ' [0-9a-f]{64}$' "$root/.build/src/stamp")" -ne 3 ]; then
		skip "g2s was built from sources that were given as directories"
	fi
}

# release DIRECTORY [ARGUMENT...]: makes it there; archive is its file.
release() {
	need_pinned
	run env -u SOURCE_DATE_EPOCH -u ZYDIS_SRC -u ZYCORE_SRC -u CJSON_SRC make -C "$1" --no-print-directory dist "${@:2}"
	echo "$output"
	[ "$status" -eq 0 ]
	archive=$(echo "$1"/dist/g2s-*.tar.gz)
	document=${archive%.tar.gz}.spdx.json
	[ -f "$archive" ] && [ -f "$document" ]
}

# unpack: archive's one directory, as tree.
unpack() {
	mkdir "$scratch/unpacked"
	tar -xzf "$archive" -C "$scratch/unpacked"
	tree=$scratch/unpacked/$(basename "$archive" .tar.gz)
	[ "$(ls -A "$scratch/unpacked")" = "${tree##*/}" ]
}

musl_libc() {
	musl-gcc '-###' -x c /dev/null 2>&1 | tr ' ' '\n' | sed -n 's:/Scrt1\.o$:/libc.a:p'
}

spdx() {
	"$root/tests/build/check-spdx" "$1" "$archive" "$version" "$libc" "$root/scripts/fetch-sources"
}

@test "release: the archive works where it is unpacked" {
	release_tree "$scratch/tree"
	release "$scratch/tree"
	[ "${archive##*/}" = "g2s-$version-linux-$(uname -m).tar.gz" ]
	unpack
	cd "$tree"
	cmp bin/g2s "$dist/g2s"
	for link in "$dist"/*; do
		[ ! -L "$link" ] || [ "$(readlink "bin/${link##*/}")" = g2s ]
	done
	[ "$(find bin -type l | wc -l)" -eq "$(find "$dist" -type l | wc -l)" ]
	./bin/g2s-scan bin/g2s | ./bin/g2s-resolve | ./bin/g2s-profile >profile.json
	jq -e '.syscalls[0].names | index("write")' profile.json
	./bin/g2s-diff profile.json profile.json
	./bin/go2seccomp bin/g2s other.json
	cmp profile.json other.json
	# Manuals: each is found, by its name, below share/man.
	for page in "$root"/applets/*.[1-9]; do
		cmp "$page" "share/man/man${page##*.}/${page##*/}"
		mandoc -T utf8 "share/man/man${page##*.}/${page##*/}" | col -b | grep -q '^NAME'
	done
	[ "$(find share/man -type f | wc -l)" -eq "$(find "$root/applets" -name '*.[1-9]' | wc -l)" ]
	bash -c '. share/bash-completion/completions/g2s-scan && complete -p g2s-scan'
	cmp README.md "$root/README.md"
	cmp LICENSE "$root/LICENSE"
	cmp CHANGELOG.md "$root/.github/CHANGELOG.md"
	# A licence for each that is linked.
	[ "$(cd licenses && echo *)" = "cjson musl zycore zydis" ]
	for library in licenses/*; do
		grep -qi copyright "$library"
		grep -q 'Permission is hereby granted, free of charge' "$library"
	done
	grep -q 'Rich Felker' licenses/musl
}

@test "release: its sums are right, and its files are nobody's" {
	release_tree "$scratch/tree"
	# One of an earlier version goes away.
	touch "$scratch/tree/dist/g2s-0.0.1-linux-x86_64.tar.gz"
	release "$scratch/tree"
	(cd "$scratch/tree/dist" && sha256sum -c SHA256SUMS)
	[ "$(awk '{ print $2 }' "$scratch/tree/dist/SHA256SUMS")" = "${document##*/}"$'\n'"${archive##*/}" ]
	[ "$(find "$scratch/tree/dist" -type f | wc -l)" -eq 4 ]
	tar -tvzf "$archive" --numeric-owner >"$scratch/list"
	cat "$scratch/list"
	[ "$(grep -cE '^(-rw-r--r--|[-dl]rwxr-xr-x) 0/0 ' "$scratch/list")" -eq "$(wc -l <"$scratch/list")" ]
	day=$(sed -nE "s/^## \[$version\] - ([0-9-]+)$/\1/p" "$root/.github/CHANGELOG.md")
	[ -n "$day" ]
	[ "$(awk '{ print $4, $5 }' "$scratch/list" | sort -u)" = "$day 00:00" ]
	[ "$(jq -r .creationInfo.created "$document")" = "${day}T00:00:00Z" ]
}

@test "release: the same bytes elsewhere, on another day, by somebody with other settings" {
	release_tree "$scratch/tree"
	release "$scratch/tree"
	elsewhere="$scratch/a rather/longer.path"
	release_tree "$elsewhere"
	need_pinned
	# A date of its own for everything that a release is made of.
	mkdir "$scratch/bin"
	printf '#!/bin/sh\n%s "$@"\nfind .build/pack -exec touch -h -d 2001-02-03 {} +\n' "$(type -P install)" \
		>"$scratch/bin/install"
	chmod +x "$scratch/bin/install"
	(
		umask 077
		cd "$elsewhere"
		env -u SOURCE_DATE_EPOCH PATH="$scratch/bin:$PATH" TZ=Asia/Tokyo LC_ALL=C.UTF-8 HOME=/nonexistent \
			PREFIX=/opt/none BINDIR=/none GZIP=-1 make -j2 dist
		find .build/pack -name g2s.1 -newermt 2001-02-04 >found
		[ ! -s found ]
	)
	for file in SHA256SUMS "${archive##*/}" "${document##*/}"; do
		cmp "$scratch/tree/dist/$file" "$elsewhere/dist/$file"
	done
	# And again, in a tree where it has been made before; another date gives other bytes.
	cp "$archive" "$document" "$scratch"
	release "$scratch/tree"
	cmp "$archive" "$scratch/${archive##*/}"
	cmp "$document" "$scratch/${document##*/}"
	env SOURCE_DATE_EPOCH=1000000000 make -C "$scratch/tree" dist
	run cmp "$archive" "$scratch/${archive##*/}"
	[ "$status" -eq 1 ]
	[ "$(jq -r .creationInfo.created "$document")" = 2001-09-09T01:46:40Z ]
}

@test "release: the SPDX document is in form, and says what is so" {
	release_tree "$scratch/tree"
	release "$scratch/tree"
	libc=$(musl_libc)
	spdx "$document"
	# What it would say of each of these.
	while IFS=@ read -r edit words; do
		jq "$edit" "$document" >"$scratch/bad"
		run spdx "$scratch/bad"
		echo "$edit: $output"
		[ "$status" -eq 1 ]
		[[ $output == *"$words"* ]]
	done <<-'END'
		.spdxVersion = "SPDX-2.2"@spdxVersion
		del(.dataLicense)@the document lacks
		.creationInfo.created = "today"@created
		.documentNamespace += "#a"@documentNamespace
		.licence = "MIT"@the document has
		.packages[1].SPDXID = .packages[2].SPDXID@is there 2 times
		.packages[1].checksums[0].checksumValue = .packages[2].checksums[0].checksumValue@is not what is pinned
		.packages[3].versionInfo = "1.7.18"@is not what is pinned
		.packages[4].checksums[0].checksumValue = .packages[2].checksums[0].checksumValue@musl: SHA-256
		del(.packages[4])@packages:
		del(.packages[0].packageVerificationCode)@not in form
		.packages[0].versionInfo = "9"@g2s: version
		.packages[0].filesAnalyzed = false@g2s: filesAnalyzed
		.files[3].checksums[0].checksumValue = "00"@no SHA1
		.files[3].checksums[1].checksumValue = .files[4].checksums[1].checksumValue@: SHA-256
		del(.files[3])@the files are not those
		.relationships[0].relatedSpdxElement = "SPDXRef-none"@no such element
		.relationships |= map(select(.relationshipType != "STATIC_LINK"))@relationships:
		.relationships[1] = .relationships[2]@is there twice
	END
	sed 's/"name": "g2s"/"name": "g2s", "name": "g2s"/' "$document" >"$scratch/bad"
	run spdx "$scratch/bad"
	[[ $status -eq 1 && $output == *"a key is there twice"* ]]
}

@test "release: the version is one line" {
	release_tree "$scratch/tree"
	sed -i 's/^#define G2S_VERSION .*/#define G2S_VERSION "9.8.7"/' "$scratch/tree/include/g2s/version.h"
	[ "$(version_of "$scratch/tree")" = 9.8.7 ]
	release "$scratch/tree" -j2
	[ "${archive##*/}" = "g2s-9.8.7-linux-$(uname -m).tar.gz" ]
	version=9.8.7
	libc=$(musl_libc)
	spdx "$document"
	unpack
	for link in "$tree"/bin/*; do
		[ "$("$link" --version)" = "${link##*/} 9.8.7" ]
	done
	"$tree/bin/g2s-scan" "$tree/bin/g2s" >"$scratch/stream"
	[ "$(head -n 1 "$scratch/stream")" = $'#g2s-sites\t1\t9.8.7' ]
	"$tree/bin/g2s-resolve" "$scratch/stream" | head -n 1 | grep -qx $'#g2s-sites\t1\t9.8.7'
	# No other place states it: neither what is built from, nor what is built.
	run grep -rlwF -e "$(version_of "$root")" --exclude='*.[1-9]' "$root"/{Makefile,scripts,core,include,applets}
	[ "$output" = "$root/include/g2s/version.h" ]
	run grep -c -a -F "$(version_of "$root")" "$tree/bin/g2s"
	[ "$output" = 0 ]
}

@test "release: the changelog knows the version" {
	run sed -nE '0,/^## /s/^## (.*)$/\1/p' "$root/.github/CHANGELOG.md"
	[[ $output =~ ^\["$version"\]\ -\ [0-9]{4}-[0-9]{2}-[0-9]{2}$ || $output == "[Unreleased]" ]]
	grep -qE "^## \[$version\] - [0-9]{4}(-[0-9]{2}){2}$" "$root/.github/CHANGELOG.md"
}

# refused WORDS ARGUMENT...: make dist ends with one line of ours, and what was in dist is as it was.
refused() {
	before=$(ls -lA --full-time "$scratch/tree/dist")
	run env -u SOURCE_DATE_EPOCH make -s -C "$scratch/tree" dist "${@:2}"
	echo "$output"
	[ "$status" -ne 0 ]
	[ "$(grep -vcE '^(make|  TAR )' <<<"$output")" -eq 1 ]
	[[ $output == *"$1"* ]]
	[ "$(ls -lA --full-time "$scratch/tree/dist")" = "$before" ]
}

@test "release: what cannot be vouched for is refused, and the old release stays" {
	release_tree "$scratch/tree"
	release "$scratch/tree"
	refused "SOURCE_DATE_EPOCH=yesterday is no number" SOURCE_DATE_EPOCH=yesterday
	# Sources that are somebody's own; the objects are not made again.
	cp -RL "$root/.build/src/cjson" "$scratch/cjson"
	sed -i "s|^cjson .*|cjson $scratch/cjson|" "$scratch/tree/.build/src/stamp"
	touch -r "$root/.build/src/stamp" "$scratch/tree/.build/src/stamp"
	refused "cjson: built from other sources than the pinned tarball" CJSON_SRC="$scratch/cjson"
}
