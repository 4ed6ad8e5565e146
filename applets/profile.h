/* SPDX-License-Identifier: MIT */
#ifndef G2S_PROFILE_H
#define G2S_PROFILE_H

#include "g2s/policy/baseline.h"
#include "g2s/policy/names.h"
#include "g2s/policy/seccomp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct cli_input;
struct g2s_row;
struct g2s_streams;

/* The parts of g2s-profile: what is to be allowed and why, how that goes into a base, the table. */

#define PROFILE_APPLET "profile"

/* Says that memory ran out; returns the status for that. */
int profile_no_memory(void);

enum { PROFILE_ARCH_COUNT = 5 };

/* What is asked for, and by whom.  Zero-initialise it; profile_demand_free. */
struct profile_demand {
	/* By the command line: sorted, each name once, none in both; --deny wins over the rest. */
	const struct g2s_names *allow;
	const struct g2s_names *deny;
	/* By the runtime and the init. */
	struct g2s_baseline_choice baseline;
	/* By the stream: rows that have a name, sorted by it; borrowed from the streams. */
	const struct g2s_row **sites;
	size_t site_count;
	size_t site_capacity;
	/* By the stream: which of profile_arches. */
	bool arches[PROFILE_ARCH_COUNT];
	/* Everything that is to be allowed: sorted, each name once. */
	struct g2s_names names;
	/* Things that are missing from the answer: sites, libraries, files, nameless numbers. */
	size_t incomplete;
};

/* The order in which a profile lists architectures, in the stream's spelling and "x32". */
extern const char *const profile_arches[PROFILE_ARCH_COUNT];

/* Some of the rows of a demand. */
struct profile_sites {
	const struct g2s_row *const *rows;
	size_t count;
};

/*
 * Collects what united streams ask for, and says what is missing from them.  Returns
 * G2S_EXIT_DONE, or another status after a message.
 */
int profile_demand_streams(struct profile_demand *demand, const struct g2s_streams *streams,
                           bool partial);

/*
 * Puts together demand->names from all who ask, and warns of what is denied though one of them
 * asks for it.  To be called once allow, deny, baseline and the streams are there.
 */
int profile_demand_settle(struct profile_demand *demand);

/* The sites that make the system call of that name, in the order of the stream. */
struct profile_sites profile_demand_sites(const struct profile_demand *demand, const char *name);

/* Who needs a name: "app (main.main, main.go:3, and 2 more sites), the runtime (runc, crun)". */
enum { PROFILE_NEEDED_SIZE = 2048 };
const char *profile_demand_needed(const struct profile_demand *demand, const char *name,
                                  char text[PROFILE_NEEDED_SIZE]);

void profile_demand_free(struct profile_demand *demand);

/* A profile that is to be added to.  Zero-initialise it. */
struct profile_base {
	/* Where it was read; NULL when there is none, and profile is what starts a new one. */
	const char *path;
	struct g2s_profile profile;
	/* What it let through before anything was added: sorted, each name once. */
	struct g2s_names names;
};

/* Reads base->path, which is open.  Returns G2S_EXIT_DONE, or another status after a message. */
int profile_base_read(struct profile_base *base, const struct cli_input *input);

/*
 * Makes base->profile allow what is demanded and refuse what is denied.  Where it contradicts that
 * itself, nobody but the user knows who is right: G2S_EXIT_INPUT after a message for each name.
 */
int profile_base_extend(struct profile_base *base, const struct profile_demand *demand);

void profile_base_free(struct profile_base *base);

/* Writes the table of --explain.  Returns false when memory ran out. */
bool profile_explain(const struct profile_base *base, const struct profile_demand *demand,
                     FILE *out) __attribute__((warn_unused_result));

/* Writes the table of --list-baseline. */
void profile_list_baseline(FILE *out);

#endif
