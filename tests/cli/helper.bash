# SPDX-License-Identifier: MIT
# What the tests of the applets share; each file's setup calls cli_setup.

cli_setup() {
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
	dist=$(cd "${G2S_DIST:-$root/dist}" && pwd -P)
	PATH=$dist:$PATH
	umask 022
	scratch=$(mktemp -d)
	# Others may look in: some tests run as somebody who is not root.
	chmod 755 "$scratch"
	cd "$scratch"
	mkdir try
	input=/dev/null
}

cli_teardown() {
	if [ -n "${scratch:-}" ]; then
		cd /
		chmod -R u+w "$scratch"
		rm -rf "$scratch"
	fi
}

# link_of APPLET: the name of the link that starts it.
link_of() {
	sed -n "s/^\tX($1, \"\([^\"]*\)\".*/\1/p" "$root/applets/applets.h"
}

# try COMMAND...: runs it with $input as its standard input; $status, try/out and try/err tell of it.
# Whatever is said on stderr must be whole lines that begin with the applet and steer no terminal.
try() {
	status=0
	"$@" <"$input" >try/out 2>try/err || status=$?
	show
	if grep -vE '^(g2s(-[a-z]+)?|go2seccomp): .' try/err; then
		echo "a line on stderr that no applet has signed"
		return 1
	fi
	if LC_ALL=C grep -q $'[\001-\010\013-\037\177]' try/err; then
		echo "a control character on stderr"
		return 1
	fi
	[ ! -s try/err ] || [ "$(tail -c 1 try/err | od -An -c | tr -d ' ')" = '\n' ]
}

show() {
	echo "status $status"
	sed 's/^/out: /' try/out | head -n 60
	sed 's/^/err: /' try/err | head -n 20
}

# ended STATUS [WORDS]: what try ran ended so, and said nothing, or one line with these words.
ended() {
	[ "$status" -eq "$1" ]
	if [ $# -eq 1 ]; then
		[ ! -s try/err ]
	else
		[ "$(wc -l <try/err)" -eq 1 ]
		said "$2"
	fi
}

# said WORDS: a line on stderr holds these words.
said() {
	grep -qF -e "$1" try/err
}

# wrote TEXT: this, and nothing else, is on stdout; a newline is added when TEXT is not empty.
wrote() {
	printf '%s' "${1:+$1
}" >try/wanted
	diff try/wanted try/out
}

wrote_nothing() {
	[ ! -s try/out ]
}

# stream LINE...: lines whose fields are separated by blanks here and by tabs there, in a whole stream.
stream() {
	local rows=0 unresolved=0 line
	printf '#g2s-sites\t1\t0.1.0\n'
	for line in "$@"; do
		printf '%s\n' "$line" | tr -s ' ' '\t'
		case $line in
		'#needs '* | '#unread '*) unresolved=$((unresolved + 1)) ;;
		'#'*) ;;
		*\ \?\ *) rows=$((rows + 1)) unresolved=$((unresolved + 1)) ;;
		*) rows=$((rows + 1)) ;;
		esac
	done
	printf '#end\t%s\t%s\n' "$rows" "$unresolved"
}

# Code for elf.
# shellcheck disable=SC2034 # others use them
exits='\xb8\x3c\x00\x00\x00\x0f\x05' # mov eax, 60; syscall
# shellcheck disable=SC2034
hides='\x0f\x31\x0f\x05' # rdtsc; syscall

# number BYTES VALUE: a little-endian number as escapes for printf.
number() {
	local i text=
	for ((i = 0; i < $1; i++)); do
		text+=$(printf '\\x%02x' $((($2 >> (8 * i)) & 255)))
	done
	printf '%s' "$text"
}

# elf CODE: an executable of one segment, which holds the headers and CODE; no sections, no symbols.
elf() {
	local size=$((${#1} / 4 + 120))
	# shellcheck disable=SC2059 # escapes
	printf "\x7fELF\x02\x01\x01$(number 9 0)$(number 2 2)$(number 2 62)$(number 4 1)"
	# shellcheck disable=SC2059 # escapes
	printf "$(number 8 $((0x400078)))$(number 8 64)$(number 8 0)$(number 4 0)$(number 2 64)$(number 2 56)"
	# shellcheck disable=SC2059 # escapes
	printf "$(number 2 1)$(number 2 64)$(number 2 0)$(number 2 0)"
	# shellcheck disable=SC2059 # escapes
	printf "$(number 4 1)$(number 4 5)$(number 8 0)$(number 8 $((0x400000)))$(number 8 $((0x400000)))"
	# shellcheck disable=SC2059 # escapes
	printf "$(number 8 "$size")$(number 8 "$size")$(number 8 4096)$1"
}

# column NUMBER: that field of all rows.
column() {
	grep -v '^#' try/out | cut -f "$1"
}

# A pipe that nobody reads from any more, as descriptor 9.
open_broken_pipe() {
	mkfifo pipe
	exec 8<>pipe
	exec 9>pipe
	exec 8>&-
}

# as_nobody COMMAND...: runs it without root's rights; skips the test where that cannot be done.
as_nobody() {
	if [ "$(id -u)" -ne 0 ]; then
		"$@"
	elif command -v setpriv >/dev/null; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	else
		skip "root, and there is no setpriv"
	fi
}

# outputs APPLET ARGUMENT...: what holds for the output of every applet.  $input, if it reads one, is sound;
# what it writes to stdout is compared with what it writes elsewhere.  $fine is its status, 0 if not set.
outputs_to_stdout() {
	try "$@"
	[ "$status" -eq "${fine:-0}" ]
	[ -s try/out ]
	# A full disk.
	status=0
	"$@" <"$input" >/dev/full 2>try/err || status=$?
	[ "$status" -eq 5 ]
	said "standard output: cannot write: No space left on device"
	# No stdout at all.
	status=0
	"$@" <"$input" >&- 2>try/err || status=$?
	[ "$status" -eq 5 ]
	said "standard output: cannot write: Bad file descriptor"
	# Nobody reads any more: nothing to say about it.
	open_broken_pipe
	status=0
	"$@" <"$input" >&9 2>try/err || status=$?
	exec 9>&-
	[ "$status" -eq 5 ]
	! grep -q 'cannot write' try/err
}

outputs_to_file() {
	try "$@"
	[ "$status" -eq 0 ]
	cp try/out wanted
	mkdir there
	# A new file, with the mode that the umask leaves.
	(umask 027 && "$@" -o there/new <"$input" 2>try/err)
	cmp wanted there/new
	[ "$(stat -c %a there/new)" = 640 ]
	# An old one keeps its mode, and all spellings of the option are the same.
	echo old >there/old
	chmod 604 there/old
	try "$@" --output=there/old
	[ "$status" -eq 0 ]
	wrote_nothing
	cmp wanted there/old
	[ "$(stat -c %a there/old)" = 604 ]
	try "$@" --output there/second
	cmp wanted there/second
	try "$@" -othere/third
	cmp wanted there/third
	# A link stays one.
	ln -s old there/link
	echo old >there/old
	try "$@" -o there/link
	[ -L there/link ]
	cmp wanted there/old
	# What is no regular file is written to, not replaced.
	try "$@" -o /dev/full
	[ "$status" -eq 5 ]
	said "/dev/full: cannot write: No space left on device"
	[ -c /dev/full ]
	try "$@" -o /dev/stdout
	[ "$status" -eq 0 ]
	cmp wanted try/out
	# Places where nothing can be written.
	try "$@" -o there
	[ "$status" -eq 5 ]
	said "there: cannot write: Is a directory"
	try "$@" -o missing/file
	[ "$status" -eq 5 ]
	said "missing/file: cannot write: No such file or directory"
	try "$@" -o there/new/file
	[ "$status" -eq 5 ]
	said "cannot write: Not a directory"
	try "$@" -o ''
	[ "$status" -eq 5 ]
	# A disk that is full, as far as this process can tell.
	status=0
	(ulimit -f 0 && "$@" -o there/old <"$input" 2>/dev/null) || status=$?
	[ "$status" -eq 5 ]
	cmp wanted there/old
	# Nothing else was left behind.
	[ "$(ls -A there)" = $'link\nnew\nold\nsecond\nthird' ]
}

# outputs_without_rights APPLET ARGUMENT...: a directory where nothing may be made.
outputs_without_rights() {
	cp "$dist/g2s" g2s
	mkdir closed
	echo old >closed/file
	chmod 666 closed/file
	chmod 555 closed
	cp "$input" closed-input
	chmod 644 closed-input
	input=closed-input
	applet=${1#g2s-}
	shift
	try as_nobody ./g2s "$applet" "$@" -o closed/new
	[ "$status" -eq 5 ]
	said "closed/new: cannot write: Permission denied"
	try as_nobody ./g2s "$applet" "$@" -o closed/file
	[ "$status" -eq 5 ]
	said "closed/file: cannot write: Permission denied"
	[ "$(cat closed/file)" = old ]
	[ "$(ls -A closed)" = file ]
}
