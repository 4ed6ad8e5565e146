#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The rules of the rooms, and the habits that a machine can see.  What the compiler knows is asked of
# the objects and of the dependencies it wrote, not of the text.

load helper

setup() {
	build_setup
	objects=${G2S_BUILD:-$root/.build/test}
	cd "$root"
}

teardown() {
	build_teardown
}

# none TEXT: fails, and shows TEXT, unless it is empty.
none() {
	echo "$1"
	[ -z "$1" ]
}

# sees PATTERN SOURCE...: "source: header" for each header of the project, also one that another header
# brought, that matches.
sees() {
	pattern=$1
	shift
	for source in "$@"; do
		tr -s ' :\\\n' '\n' <"$objects/${source%.c}.d" | sed ':again; s|[^/]*/\.\./||; t again' | sort -u |
			grep -E "$pattern" | sed "s|^|$source: |" || :
	done
}

@test "every source has been compiled, so that what follows sees all of them" {
	for source in core/*.c core/*/*.c applets/*.c; do
		[ -f "$objects/${source%.c}.o" ]
		[ -f "$objects/${source%.c}.d" ]
	done
	# And the questions can find something: each of these is known to be true.
	[ -n "$(sees '/error\.h' core/error.c)" ]
	nm -u "$objects"/applets/*.o | grep -qE ' (_exit|exit|printf|puts|fputs|fprintf|__fprintf_chk|__printf_chk|stdout)$'
}

@test "image, isa and policy do not know each other, nor analysis" {
	none "$(sees '(^|/)(isa|policy|analysis)/' core/image/*.c)"
	none "$(sees '(^|/)(image|policy|analysis)/' core/isa/*.c)"
	none "$(sees '(^|/)(image|isa|analysis)/' core/policy/*.c)"
}

@test "analysis knows image and isa, and no policy" {
	none "$(sees '(^|/)policy/' core/analysis/*.c)"
}

@test "what core's wings share knows no wing" {
	none "$(sees '(^|/)(image|isa|analysis|policy)/' core/*.c)"
}

@test "core knows no applet" {
	none "$(sees '^applets/' core/*.c core/*/*.c)"
}

@test "one file sees Zydis, one sees cJSON" {
	none "$(grep -lE '#[[:space:]]*include[[:space:]]*[<"](Zydis|Zycore)' -r core applets include tests \
		--include='*.[ch]' | grep -vx core/isa/x86.c)"
	none "$(grep -lE '#[[:space:]]*include[[:space:]]*[<"]cJSON' -r core applets include tests \
		--include='*.[ch]' | grep -vx core/policy/oci_json.c)"
}

@test "core never prints and never exits" {
	for source in core/*.c core/*/*.c; do
		object=$objects/${source%.c}.o
		none "$(nm -u "$object" | awk '{ print $2 }' | grep -xE \
			'_?exit|_Exit|quick_exit|abort|__assert_fail|stdout|stderr|v?printf|__v?printf_chk|puts|putchar|perror|v?(err|warn)x?|error|syslog' |
			sed "s|^|$source: |")"
	done
}

@test "core has no mutable globals" {
	# Variables that can change lie in .data or .bss; constant tables of pointers in .data.rel.ro.
	for source in core/*.c core/*/*.c; do
		object=$objects/${source%.c}.o
		none "$(readelf -SW "$object" | sed 's/^ *\[ *[0-9]*\] //' |
			awk '$1 ~ /^\.t?(data|bss)(\.|$)/ && $1 !~ /^\.data\.rel\.ro/ && $5 !~ /^0+$/ { print $1 }' |
			sed "s|^|$source: |")"
	done
}

@test "every source file says its licence in its first lines" {
	bad=
	while IFS= read -r file; do
		case $file in
		*.sum) ;; # a list that a tool reads
		*.c | *.h | *.go | *.py | *.bats | *.bash | *.[15] | Makefile | scripts/* | .ci/* | *.yml)
			head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || bad="$bad $file"
			;;
		esac
	done < <(project_files)
	none "$bad"
}

@test "every header has the guard of its name, and compiles by itself" {
	for header in include/g2s/*.h include/g2s/*/*.h core/*/*.h applets/*.h; do
		[ -f "$header" ] || continue
		echo "$header"
		guard=$(grep -m 1 '^#ifndef ' "$header")
		[[ $guard =~ ^'#ifndef '(G2S_[A-Z0-9_]+_H)$ ]]
		grep -qx "#define ${BASH_REMATCH[1]}" "$header"
		gcc -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -Iinclude -Icore -Iapplets -fsyntax-only -x c \
			-include "$header" /dev/null
	done
	none "$(grep -h '^#ifndef G2S_[A-Z0-9_]*_H$' -r include core applets --include='*.h' | sort | uniq -d)"
}

@test "no file over 800 lines, no function over 100" {
	while IFS= read -r file; do
		case $file in
		*.c | *.h)
			echo "$file"
			[ "$(wc -l <"$file")" -le 800 ]
			none "$(awk '
				/^[a-z].*\)$/ { name = $0; start = NR }
				/^}/ { if (start && NR - start > 100) { print name ": " NR - start " lines" } start = 0 }
			' "$file")"
			;;
		esac
	done < <(project_files)
}

@test "no path of this machine, and no host of a package registry" {
	# Which hosts these are is asked of the tools that use them.
	hosts=$(
		{
			apt-get indextargets --format "\$(SITE)" || :
			go env GOPROXY GOSUMDB | tr ',|' '\n\n' || :
		} 2>/dev/null | sed -n 's|^[a-z]*://\([^/:]*\).*|\1|p' | sort -u
	)
	# A tree right below / has a path that words of the project contain.
	[[ $root == /*/* ]] && paths="$root/" || paths=
	for text in $hosts $paths "../""shared"; do
		echo "looking for $text"
		none "$(project_files | tr '\n' '\0' | xargs -0 grep -lF -e "$text" -- || :)"
	done
}

@test "every shell script is clean" {
	scripts=()
	while IFS= read -r file; do
		if head -n 1 "$file" | grep -qE '^#!.*[/ ](ba)?sh$'; then
			scripts+=("$file")
		fi
	done < <(project_files)
	[ "${#scripts[@]}" -ge 5 ]
	shellcheck "${scripts[@]}"
	for script in "${scripts[@]}"; do
		[ -x "$script" ]
		grep -q '^set -eu' "$script"
	done
}

@test "no line of source is wider than 100 columns" {
	for source in include/g2s/*.h include/g2s/*/*.h core/*.c core/*/*.[ch] applets/*.[ch]; do
		wide=$(expand -t 8 "$source" | grep -nE '^.{101,}' || :)
		none "${wide:+$source: $wide}"
	done
}

@test "a table of system calls that is not in form is refused" {
	for table in 'no first line' $'# kernel\n1 spaces' $'# kernel\n1\ta\n1\tb' $'# kernel\n2\ta\n1\tb' \
		$'# kernel\n1\ta\n2\ta' $'# kernel\n01\ta' $'# kernel\n1\ta"' '# kernel'; do
		printf '%s\n' "$table" >"$scratch/x86_64.tsv"
		run scripts/gen-syscalls "$scratch/x86_64.tsv"
		echo "$output"
		[ "$status" -eq 1 ]
	done
	printf '# kernel\n1\ta\n7\tb_2\n' >"$scratch/x86_64.tsv"
	run scripts/gen-syscalls "$scratch/x86_64.tsv"
	[ "$status" -eq 0 ]
	[[ $output == *'{7, 2},'* && $output == *'"b_2\0"'* ]]
}

@test "every table that is there is in the executable's data" {
	cat "$objects/syscalls.c"  | head -n 3
	for table in core/policy/syscalls/*.tsv; do
		arch=$(basename "$table" .tsv)
		entries=$(grep -vc '^#' "$table")
		[ "$(sed -n "/ table_${arch}\[\]/,/^};/p" "$objects/syscalls.c" | grep -c '{[0-9]*, [0-9]*},')" = "$entries" ]
		[ "$(sed -n "/ names_${arch}\[\]/,/;/p" "$objects/syscalls.c" | grep -c '\\0"')" = "$entries" ]
	done
}

@test "a table of Docker's profile that is not in form is refused, and all of ours is in the data" {
	for table in $'read\tallow\talways' $'# source\nread allow always' $'# source\nread\tdeny\talways' \
		$'# source\nread\tallow\t' $'# source\nread\tallow\tsometimes' $'# source\nread\tallow\twith ADMIN' \
		$'# source\nb\tallow\talways\na\tallow\talways' $'# source\na\tallow\targs 6 EQ 1' \
		$'# source\na\tallow\targs 0 IS 1' $'# source\na\tallow\tkernel>=new' $'# source\na\tallow\ton' \
		$'# source\na\tallow\talways with CAP_A' $'# source\na\tallow\twithout CAP_A' '# source'; do
		printf '%s\n' "$table" >"$scratch/docker.tsv"
		run scripts/gen-docker "$scratch/docker.tsv"
		echo "$output"
		[ "$status" -eq 1 ]
	done
	printf '# source\na\tallow\twith CAP_A\na\terrno=38\twithout CAP_A\n' >"$scratch/docker.tsv"
	run scripts/gen-docker "$scratch/docker.tsv"
	[ "$status" -eq 0 ]
	[[ $output == *'{1, 3, 0, 0, 0, 0, false},'*'{1, 0, 0, 0, 0, 38, false},'* ]]
	[ "$(grep -cE '^	\{([0-9]+, ){6}(true|false)\},$' "$objects/docker.c")" = "$(grep -vc '^#' core/policy/docker.tsv)" ]
}
