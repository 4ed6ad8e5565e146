#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2034,SC2016 # common.bash's variables, another shell's
#
# A whole root file system: one run of g2s-scan -r gives one profile, and its programs do their work under that.

load common

# What the programs in it are put to; the last word says that all of it was done.
work_inside='set -e
cd /tmp
ls -lR /etc >list
cat list | sort | uniq | head -n 3 >/dev/null
id && id root >/dev/null
grep -c root /etc/passwd
sed -n 1p /etc/passwd | tr a-z A-Z
perl -e "print 6 * 7, qq(\n); open(F, q(>), q(/tmp/perl)); print F 1; fork() || exit; wait; system(q(true))"
tar cf all.tar /etc/passwd 2>/dev/null && gzip all.tar && gunzip -c all.tar.gz | tar t
find /usr/share/doc -maxdepth 1 -name "libc*"
date -u -d @0
bash -c "cat <(echo from bash) & wait"
diff list list && cmp list list
cp -a list copy && mv copy moved && rm moved
stat -c %n list && df / >/dev/null
getent passwd root
getent hosts localhost || true
dpkg --version >/dev/null && apt-get --version >/dev/null
dd if=list of=out bs=512 count=1 status=none
mktemp && hostname >/dev/null
nice env A=b sh -c "kill -0 \$\$"
sleep 0.01
echo all of it is done'

needs_tree() {
	local status=0
	tree=$("$here/rootfs" 2>"$work/why") || status=$?
	[ "$status" -ne 77 ] || skip "$(cat "$work/why")"
	[ "$status" -eq 0 ] || {
		cat "$work/why"
		return 1
	}
	built=1
}

# inside [FILTER]: all of it is done in the tree, under that filter.
inside() {
	local filter=()
	[ $# -eq 0 ] || filter=(--seccomp 9)
	timeout -k 5 60 bwrap --die-with-parent --ro-bind "$tree" / --proc /proc --dev /dev --tmpfs /tmp \
		"${filter[@]}" /bin/sh -c "$work_inside" >"$work/out" 2>&1 9<"${1:-/dev/null}" </dev/null || return 1
	[ "$(tail -n 1 "$work/out")" = "all of it is done" ]
}

@test "root file system: one profile for all of it, and its programs work under that" {
	only_all
	needs_tree
	local status=0 action begin
	begin=$(date +%s%N)
	"$dist/g2s-scan" -j2 -r "$tree" >"$work/scanned" 2>"$work/err" || status=$?
	[ "$status" -eq 0 ] || fault "g2s-scan -r says $status: $(head -n 3 "$work/err")"
	"$dist/g2s-resolve" "$work/scanned" >"$work/stream" 2>>"$work/err" || fault "g2s-resolve says $?"
	grep -v '^#' "$work/stream" >"$work/rows" || true
	echo "# $(grep -c '^#binary' "$work/stream") files," \
		"$(awk -F '\t' '$5 != "?" { print $9 }' "$work/rows" | sort -u | wc -l) names," \
		"$(awk -F '\t' '$5 == "?"' "$work/rows" | wc -l) unresolved," \
		"$((($(date +%s%N) - begin) / 1000000)) ms" >&3
	command -v bwrap >/dev/null || skip "bubblewrap is not installed"
	inside || skip "bubblewrap cannot run the tree here: $(tail -n 1 "$work/out")"
	for action in errno kill-process; do
		"$dist/g2s-profile" --format=bpf --runtime=none --allow=execve --default-action=$action -o "$work/filter" \
			"$work/stream" 2>"$work/err" || fault "g2s-profile says $?: $(head -n 3 "$work/err")"
		inside "$work/filter" || fault "$action: $(tail -n 3 "$work/out")"
	done
	"$dist/g2s-profile" --format=bpf --runtime=none --allow=execve --deny=getdents64 --default-action=kill-process \
		-o "$work/filter" "$work/stream" 2>"$work/err"
	! inside "$work/filter" || fault "it is done without getdents64: the filter was not in force"
	verdict
}

@test "root file system: its programs one by one, with --sysroot, say no more than all of it" {
	only_all
	needs_tree
	local each
	"$dist/g2s-scan" -j2 -r "$tree" 2>"$work/err" | "$dist/g2s-resolve" 2>>"$work/err" |
		awk -F '\t' '!/^#/ && $5 != "?" { print $2, $9 }' | sort -u >"$work/all"
	for each in sort perl apt-get bash; do
		"$dist/g2s-scan" --sysroot "$tree" "$tree/usr/bin/$each" 2>"$work/err" |
			"$dist/g2s-resolve" 2>>"$work/err" >"$work/stream" || {
			fault "$each: $(head -n 3 "$work/err")"
			continue
		}
		! grep -q '^#needs' "$work/stream" || fault "$each: $(grep -m 1 '^#needs' "$work/stream")"
		awk -F '\t' '!/^#/ && $5 != "?" { print $2, $9 }' "$work/stream" | sort -u >"$work/one"
		[ -s "$work/one" ] || fault "$each: no names"
		comm -13 "$work/all" "$work/one" >"$work/more"
		[ ! -s "$work/more" ] || fault "$each alone has $(paste -s -d , "$work/more")"
		echo "# $each: $(wc -l <"$work/one") of $(wc -l <"$work/all") names" >&3
	done
	verdict
}
