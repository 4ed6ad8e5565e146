/* SPDX-License-Identifier: MIT */
#ifndef G2S_POLICY_BASELINE_H
#define G2S_POLICY_BASELINE_H

#include "g2s/policy/names.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * What a container runtime and its init call for themselves between the loading of the filter and
 * the start of the program, what an init goes on calling, and what the kernel calls for anyone.  A
 * profile without these names does not start.
 */

/* Who calls: bits.  A baseline is chosen by the bits of one runtime and of any number of inits. */
enum g2s_caller {
	/* Nobody that needs anything: the program's own names are all. */
	G2S_RUNTIME_NONE = 0,
	G2S_RUNTIME_RUNC = 1,
	G2S_RUNTIME_CRUN = 2,
	/* One that is not known. */
	G2S_RUNTIME_OTHER = 4,
	/* Whichever: the set that started all that were measured. */
	G2S_RUNTIME_ANY = 7,
	/* "docker run --init". */
	G2S_INIT_TINI = 8,
	/* "podman run --init". */
	G2S_INIT_CATATONIT = 16,
};

/* "any", "runc", "crun" or "none"; returns false for anything else. */
bool g2s_runtime_parse(const char *name, enum g2s_caller *runtime);

/* "tini" or "catatonit"; returns false for anything else. */
bool g2s_init_parse(const char *name, enum g2s_caller *init);

/* When the names of an entry are needed. */
enum g2s_baseline_when {
	/* Always. */
	G2S_BASELINE_ALWAYS,
	/* Only where a refused call kills: with an error its caller goes on. */
	G2S_BASELINE_FATAL,
};

/* With no-new-privileges runtimes load the filter later, and fewer of their calls meet it. */
enum g2s_baseline_privileges {
	/* The same with no-new-privileges and without it. */
	G2S_BASELINE_EITHER,
	/* Without no-new-privileges. */
	G2S_BASELINE_NEW,
	/* With no-new-privileges. */
	G2S_BASELINE_NO_NEW,
};

/* Names that were measured together. */
struct g2s_baseline_entry {
	/* Bits of enum g2s_caller; one of them is enough. */
	unsigned callers;
	/* The same for a reader: "runc"; "any" for each runtime, "other" for what is not known. */
	const char *caller;
	enum g2s_baseline_when when;
	enum g2s_baseline_privileges privileges;
	/* What needs them: "start", "exec", or "start, exec".  A baseline serves both. */
	const char *stage;
	/* What it was measured on: names with versions. */
	const char *evidence;
	/* Separated by single spaces. */
	const char *names;
};

/* The entries, g2s_baseline_count of them. */
extern const struct g2s_baseline_entry g2s_baseline[];
extern const size_t g2s_baseline_count;

/* For whom, and under what, a profile is to start. */
struct g2s_baseline_choice {
	/* Bits of enum g2s_caller. */
	unsigned callers;
	/* The default action kills. */
	bool fatal;
	/* The container is always started with no-new-privileges. */
	bool no_new_privileges;
};

/* True when the names of entry belong to what was chosen. */
bool g2s_baseline_chosen(const struct g2s_baseline_entry *entry,
                         const struct g2s_baseline_choice *choice);

/* True when name is one of the names of entry. */
bool g2s_baseline_has(const struct g2s_baseline_entry *entry, const char *name);

/* Adds the names that were chosen, some of them repeatedly.  Returns false when memory ran out. */
bool g2s_baseline_add(struct g2s_names *names, const struct g2s_baseline_choice *choice)
	__attribute__((warn_unused_result));

#endif
