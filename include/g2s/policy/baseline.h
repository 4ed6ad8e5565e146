/* SPDX-License-Identifier: MIT */
#ifndef G2S_POLICY_BASELINE_H
#define G2S_POLICY_BASELINE_H

#include "g2s/policy/names.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * What a container runtime itself calls between the loading of the filter and the start of the
 * program, and what the kernel calls for anyone.  A profile without these names does not start.
 */

/* Who starts the program: bits. */
enum g2s_runtime {
	/* Nobody that needs anything: the program's own names are all. */
	G2S_RUNTIME_NONE = 0,
	G2S_RUNTIME_RUNC = 1,
	G2S_RUNTIME_CRUN = 2,
	/* One that is not known. */
	G2S_RUNTIME_OTHER = 4,
	/* Whichever: the set that started all that were measured. */
	G2S_RUNTIME_ANY = 7,
};

/* "any", "runc", "crun" or "none"; returns false for anything else. */
bool g2s_runtime_parse(const char *name, enum g2s_runtime *runtime);

/* When a runtime needs the names of an entry. */
enum g2s_baseline_when {
	/* Always. */
	G2S_BASELINE_ALWAYS,
	/* Only where a refused call kills: with an error the runtime goes on. */
	G2S_BASELINE_FATAL,
};

/* Names that were measured together. */
struct g2s_baseline_entry {
	/* Bits of enum g2s_runtime. */
	unsigned runtimes;
	enum g2s_baseline_when when;
	/* Measured with no-new-privileges, where the filter is loaded later, or without it. */
	bool no_new_privileges;
	/* What it was measured on, or where else it comes from. */
	const char *evidence;
	/* Separated by single spaces. */
	const char *names;
};

/* The entries, g2s_baseline_count of them. */
extern const struct g2s_baseline_entry g2s_baseline[];
extern const size_t g2s_baseline_count;

/*
 * Adds the names that runtime needs, with no-new-privileges or without it; fatal says that the
 * default action kills.  Returns false when memory ran out.
 */
bool g2s_baseline_add(struct g2s_names *names, enum g2s_runtime runtime, bool fatal)
	__attribute__((warn_unused_result));

#endif
