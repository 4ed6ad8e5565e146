#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # backquotes are Markdown's
# The workflows of .github are YAML that says what it should, and what they run can be run.

load helper

setup() {
	build_setup
	cd "$root"
}

teardown() {
	build_teardown
}

# Reads each workflow; leaves the commands of its steps in $scratch/run-N, and prints the actions that it uses.
steps() {
	python3 - "$scratch" .github/workflows/*.yml <<-'END'
		import sys, yaml

		class Loader(yaml.SafeLoader):
		    pass

		def mapping(loader, node):
		    keys = [loader.construct_object(key) for key, _ in node.value]
		    assert len(keys) == len(set(keys)), "a key is there twice: %s" % keys
		    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)

		Loader.add_constructor("tag:yaml.org,2002:map", mapping)
		count = 0
		for path in sys.argv[2:]:
		    with open(path) as file:
		        flow = yaml.load(file, Loader)
		    # YAML 1.1 reads "on" as true.
		    known = {"name", True, "permissions", "concurrency", "jobs"}
		    assert set(flow) <= known and {True, "permissions", "jobs"} <= set(flow), path
		    assert flow["permissions"] == {"contents": "read"}, path
		    for name, job in flow["jobs"].items():
		        assert job["runs-on"] and job["timeout-minutes"] and job["steps"], name
		        for step in job["steps"]:
		            assert ("uses" in step) != ("run" in step), step
		            assert set(step) <= {"name", "uses", "with", "run", "env"}, step
		            if "uses" in step:
		                print(step["uses"])
		            else:
		                with open("%s/run-%d" % (sys.argv[1], count), "w") as out:
		                    out.write(step["run"].rstrip("\n") + "\n")
		                count += 1
	END
}

@test "each workflow is sound, and its commands are too" {
	python3 -c 'import yaml' 2>/dev/null || skip "python3 has no yaml module"
	steps >"$scratch/actions"
	[ "$(grep -cvE '^actions/[a-z-]+@v[0-9]+$' "$scratch/actions")" -eq 0 ]
	[ "$(find "$scratch" -name 'run-*' | wc -l)" -ge 3 ]
	for commands in "$scratch"/run-*; do
		cat "$commands"
		shellcheck --shell=bash "$commands"
		# What somebody else has written, a branch's name, is no text of a command.
		[ "$(grep -cF "\${{" "$commands")" -eq 0 ]
		grep -oE 'scripts/[a-z-]+' "$commands" | while read -r script; do
			[ -x "$script" ]
		done
	done
	# The README's own test command.
	grep -qx "sudo scripts/test" "$scratch"/run-*
	grep -qx "scripts/test" README.md
}

@test "the diff of two executables of g2s for a summary" {
	"$dist/g2s" diff --help | grep -q -- '--format=' || skip "this g2s-diff has no --format"
	# What g2s-diff warns of is for the log.
	scripts/own-diff "$dist/g2s" "$dist/g2s" >"$scratch/summary" 2>"$scratch/log"
	cat "$scratch/summary" "$scratch/log"
	[ "$(head -n 1 "$scratch/summary")" = "## What g2s itself calls" ]
	grep -qF '`base` → `change`' "$scratch/summary"
	[ "$(grep -c '^|' "$scratch/summary")" -eq 0 ]
	[ "$(grep -cv '^g2s-[a-z]*: warning: ' "$scratch/log")" -eq 0 ]
	# Another program has others.
	scripts/own-diff "$(type -P true)" "$dist/g2s" >"$scratch/summary" 2>"$scratch/log"
	cat "$scratch/summary" "$scratch/log"
	grep -q '^| \*\*added\*\* | `' "$scratch/summary"
	# What fails is not taken for a table.
	run scripts/own-diff README.md "$dist/g2s"
	[ "$status" -ne 0 ]
	[[ $output != *"What g2s"* ]]
	run scripts/own-diff "$dist/g2s"
	[ "$status" -eq 2 ]
}
