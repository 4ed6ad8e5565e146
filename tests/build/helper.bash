# SPDX-License-Identifier: MIT
# What the tests of the build share; each file's setup calls build_setup.

build_setup() {
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
	dist=${G2S_DIST:-$root/dist}
	scratch=$(mktemp -d)
}

build_teardown() {
	# unset when setup itself has failed
	if [ -n "${scratch:-}" ]; then
		chmod -R u+w "$scratch"
		rm -rf "$scratch"
	fi
}

# The project's files, those not committed yet included; without git, what a release archive holds.
project_files() {
	if git -C "$root" rev-parse --git-dir >/dev/null 2>&1; then
		git -C "$root" ls-files -co --exclude-standard
	else
		(cd "$root" && find . -type f ! -path './.build/*' ! -path './dist/*' | sed 's:^\./::')
	fi
}

# copy_project DIRECTORY: what a build needs, without what a build leaves.
copy_project() {
	mkdir -p "$1"
	cp -Rp "$root/Makefile" "$root/applets" "$root/core" "$root/include" "$root/scripts" "$1"
}

# local_make DIRECTORY ARGUMENT...: make with the third parties' sources that are there already.
local_make() {
	directory=$1
	shift
	make -C "$directory" ZYDIS_SRC="$root/.build/src/zydis" ZYCORE_SRC="$root/.build/src/zycore" \
		CJSON_SRC="$root/.build/src/cjson" "$@"
}
