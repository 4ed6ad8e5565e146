/* SPDX-License-Identifier: MIT */
#ifndef G2S_DIFF_H
#define G2S_DIFF_H

#include "cli.h"

#include "g2s/policy/compare.h"
#include "g2s/policy/docker.h"
#include "g2s/policy/host.h"
#include "g2s/policy/names.h"
#include "g2s/policy/seccomp.h"
#include "g2s/streams.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The parts of g2s-diff: two sides are read, become a list of differences, and that is printed. */

#define DIFF_APPLET "diff"

/* One of the two things that are compared.  Zero-initialise it. */
struct diff_side {
	const char *path;
	/* Open from diff_side_open to diff_side_free. */
	struct cli_input input;
	/* It is a stream; then profile is what it stands for. */
	bool is_stream;
	struct g2s_profile profile;
	struct g2s_streams streams;
	/* Of a stream: rows that have a name, by name, places that read alike together. */
	const struct g2s_row **rows;
	size_t row_count;
	/* Of a stream: things that are missing from it: sites, libraries, nameless numbers. */
	size_t unresolved;
	/* Of a stream: the runtimes' names, sorted. */
	struct g2s_names baseline;
};

/* Opens side->path; more: the other side is opened after it.  False after a message. */
bool diff_side_open(struct diff_side *side, bool more);

/* Reads a side that is open.  Returns G2S_EXIT_DONE, or another status after a message. */
int diff_side_read(struct diff_side *side);

/*
 * The architecture of the hosts that run what a stream's programs are made for; NULL when that is
 * more than one, or not clear.
 */
const struct g2s_host_arch *diff_side_host(const struct diff_side *side);

/*
 * Makes the profile that a stream stands for, beside the other side: its names and the runtimes'
 * are allowed, and of what it says nothing of, the default action and the flags, it has the other
 * side's.  To be called for streams once both sides are read.  False when memory ran out.
 */
bool diff_side_settle(struct diff_side *side, const struct diff_side *other)
	__attribute__((warn_unused_result));

/* The rows of a stream that make the system call of that name; *count says how many. */
const struct g2s_row *const *diff_side_rows(const struct diff_side *side, const char *name,
                                            size_t *count);

void diff_side_free(struct diff_side *side);

/* What a difference is about, in the order in which they are listed. */
enum diff_kind { DIFF_DEFAULT_ACTION, DIFF_ARCHITECTURE, DIFF_FLAG, DIFF_SYSCALL };

/* Only the new side allows it or has it; only the old side; both or none, but in other ways. */
enum diff_change { DIFF_ADDED, DIFF_REMOVED, DIFF_CHANGED };

enum { DIFF_PLACES = 3 };

struct diff_item {
	enum diff_kind kind;
	enum diff_change change;
	/* The new side lets something through that the old one does not. */
	bool wider;
	/* Raw, as in the file; NULL for the default action. */
	char *name;
	/* For a default action and a system call: what each side decides, in words. */
	char *decisions[G2S_SIDES];
	/* What it decides depends on conditions. */
	bool conditional[G2S_SIDES];
	/* For a system call. */
	enum g2s_docker_verdict docker;
	char docker_phrase[G2S_DOCKER_PHRASE_SIZE];
	/* Where a new stream makes the call: the first places, and how many more there are. */
	const struct g2s_row *places[DIFF_PLACES];
	size_t place_count;
	size_t more_places;
};

struct diff_list {
	struct diff_item *items;
	size_t count;
	size_t capacity;
	/* Items by enum diff_change. */
	size_t changes[3];
	/* Some item is wider. */
	bool wider;
};

/* Fills a list that is zero.  Returns false when memory ran out. */
bool diff_list_fill(struct diff_list *list, const struct diff_side sides[G2S_SIDES])
	__attribute__((warn_unused_result));
void diff_list_free(struct diff_list *list);

/* "SCMP_ACT_ERRNO 1" */
void diff_put_action(FILE *out, struct g2s_action action);

/* What is behind "Docker's default profile" in the phrase: "denied", "only with CAP_SYS_ADMIN". */
const char *diff_docker_short(const struct diff_item *item);

/* Writers.  The caller looks at ferror(out). */
void diff_write_text(FILE *out, const struct diff_side sides[G2S_SIDES],
                     const struct diff_list *list, bool colour);
void diff_write_markdown(FILE *out, const struct diff_side sides[G2S_SIDES],
                         const struct diff_list *list);
void diff_write_json(FILE *out, const struct diff_side sides[G2S_SIDES],
                     const struct diff_list *list);

#endif
