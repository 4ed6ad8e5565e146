#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2034,SC2016 # common.bash's variables, awk's variables
#
# g2s-scan --callers against the calls that binutils' objdump sees, which shares no code with g2s: each step
# of each chain is a call there, none is longer than it must be, and no site that can be reached lacks one.

load common

# graph PROGRAM: "from<tab>to" for each direct call and jump between functions, in the order of their places,
# "<tab>name" for each function in the order of addresses, and "name<tab><tab>address" for each address of
# $work/places.  A function is what its symbol is called.
graph() {
	objdump -d --no-show-raw-insn "$1" | awk -F '\t' '
		FNR == NR { wanted[substr($1, 3)]; next }
		/^[0-9a-f]+ <.*>:$/ {
			name = substr($0, index($0, "<") + 1)
			name = substr(name, 1, length(name) - 2)
			print "\t" name
			next
		}
		NF < 2 { next }
		{
			addr = $1
			gsub(/[ :]/, "", addr)
			if (addr in wanted) print name "\t\t" addr
		}
		$2 ~ /^([a-z0-9]+ )*(call|j[a-z]+) +[0-9a-f]+ <.*>$/ {
			to = substr($2, index($2, "<") + 1)
			sub(/>$/, "", to)
			sub(/\+0x[0-9a-f]+$/, "", to)
			if (to != name) print name "\t" to
		}' "$work/places" -
}

# entry PROGRAM: the address at which it is entered, as objdump writes it.
entry() {
	readelf -hW "$1" | sed -n 's/.*Entry point address: *0x//p'
}

# judge PROGRAM: a line for each fault of the chains in $work/rows ("address<tab>chain").  What is said of Go
# names: in symbols those of the stack-based convention end in .abi0, which pclntab does not say.
judge() {
	awk -F '\t' -v entry="$(entry "$1")" '
		function plain(name) {
			sub(/\.abi0$/, "", name)
			return name
		}
		function rank(name, base) {
			base = name
			sub(/^.*\//, "", base)
			if (name == "main.main") return 1
			if (base ~ /^[^.]+\.init(\.[0-9]+)?$/) return 2
			if (name == "main") return 3
			if (name == entry_name) return 4
			if (plain(name) ~ /^(runtime\.main|runtime\.rt0_go|_start)$/) return 5
			return 6
		}
		FNR == NR && $1 == "" { order[++functions] = $2; next }
		FNR == NR && $2 == "" {
			at["0x" $3] = $1
			if ($3 == entry) entry_name = $1
			next
		}
		FNR == NR {
			if (!(($1, $2) in edge)) {
				edge[$1, $2]
				out[$1] = out[$1] "\t" $2
			}
			named[plain($1), plain($2)]
			next
		}
		FNR == 1 {
			# Breadth-first, those that come first in the order of preference before the others.
			for (r = 1; r <= 5; r++) {
				for (i = 1; i <= functions; i++) {
					if (rank(order[i]) == r && !(order[i] in steps)) {
						queue[++tail] = order[i]
						steps[order[i]] = 1
						root[order[i]] = order[i]
					}
				}
			}
			for (head = 1; head <= tail; head++) {
				from = queue[head]
				count = split(substr(out[from], 2), next_ones, "\t")
				for (i = 1; i <= count; i++) {
					if (!(next_ones[i] in steps)) {
						queue[++tail] = next_ones[i]
						steps[next_ones[i]] = steps[from] + 1
						root[next_ones[i]] = root[from]
					}
				}
			}
		}
		{
			where = $1 in at ? at[$1] : ""
			count = $2 == "-" ? 0 : split($2, chain, / > /)
			if (where == "") {
				# The row of a word of data.
				if ($2 != "-") print $1 ": objdump knows no such place: " $2
				next
			}
			if (count != steps[where] + 0) print $1 ": " steps[where] + 0 " would do: " $2
			if (count == 0) next
			if (chain[1] != plain(root[where])) print $1 ": not from " root[where] ": " $2
			if (chain[count] != plain(where)) print $1 ": it is in " where ": " $2
			for (i = 1; i < count; i++) {
				if (!((chain[i], chain[i + 1]) in named)) {
					print $1 ": " chain[i] " does not call " chain[i + 1]
				}
			}
		}' "$work/graph" "$work/rows"
}

# chains LABEL PROGRAM: leaves "address<tab>chain" of each row in $work/rows.
chains() {
	"$dist/g2s-scan" --callers "$2" >"$work/stream" 2>"$work/err" || fault "$1: g2s-scan says $?"
	grep -v '^#' "$work/stream" | cut -f 3,10 | sort -u >"$work/rows"
	[ "$(wc -l <"$work/rows")" -ge 20 ] || fault "$1: only $(wc -l <"$work/rows") rows"
	awk -F '\t' 'NF != 2 || $2 == ""' "$work/rows" >"$work/odd"
	[ ! -s "$work/odd" ] || fault "$1: rows without the column: $(head -n 3 "$work/odd")"
}

# same_as_objdump GO PROGRAM...
same_as_objdump() {
	local go=$1 name
	shift
	for name in "$@"; do
		fixture "$go" "$name" plain || continue
		chains "$name, Go $go" "$program"
		{
			cat "$work/rows"
			echo "0x$(entry "$program")"
		} >"$work/places"
		graph "$program" >"$work/graph"
		judge "$program" >"$work/faults"
		[ ! -s "$work/faults" ] ||
			fault "$name, Go $go: $(wc -l <"$work/faults") faults: $(head -n 5 "$work/faults")"
		# That there is something to judge: chains of some length, and from main.main too.
		[ "$(grep -c ' > .* > ' "$work/rows")" -ge 10 ] || fault "$name, Go $go: hardly a chain"
		grep -q $'\tmain\.main > ' "$work/rows" || fault "$name, Go $go: none from main.main"
		# And that the judge sees what is wrong: a step left out, and a chain that is not told.
		cp "$work/rows" "$work/right"
		for wrong in '0,/ > [^>]* > /s// > /' '0,/\t[^-].*/s//\t-/' '0,/\t[^ ]* > /s//\tmain.nobody > /'; do
			sed "$wrong" "$work/right" >"$work/rows"
			! cmp -s "$work/right" "$work/rows" || fault "$wrong changes nothing"
			[ -n "$(judge "$program")" ] || fault "$name, Go $go: the judge is blind to $wrong"
		done
	done
}

@test "chains: as objdump sees the calls" {
	for version in 1.15 1.19 1.27; do
		same_as_objdump $version hello exec
	done
	verdict
}

@test "chains: as objdump sees the calls, the Go that is installed, a larger program" {
	same_as_objdump installed web
	verdict
}

@test "chains: stripping changes none" {
	for version in 1.15 1.19 1.27; do
		fixture $version exec plain || continue
		chains "exec plain, Go $version" "$program"
		# Words of data are elsewhere then.
		grep -v $'\t-$' "$work/rows" >"$work/plain"
		fixture $version exec stripped || continue
		chains "exec stripped, Go $version" "$program"
		grep -v $'\t-$' "$work/rows" | cmp -s - "$work/plain" ||
			fault "exec, Go $version: stripping changes the chains"
	done
	verdict
}
