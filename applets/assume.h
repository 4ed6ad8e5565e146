/* SPDX-License-Identifier: MIT */
#ifndef G2S_ASSUME_H
#define G2S_ASSUME_H

#include "g2s/policy/names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct g2s_streams;

/*
 * For g2s-resolve: what its user knows about sites that the analysis could not resolve.  An
 * assumption is text, SITE=NAMES.  SITE is a function as its column of the stream shows it, or an
 * address (0x...); NAMES are system calls, separated by commas.
 */

struct assumption {
	/* How messages call it: with the option, or the file and the line, that it comes from. */
	char *shown;
	/* What the column holds, without escapes; NULL for one that goes by address. */
	char *function;
	uint64_t address;
	struct g2s_names names;
};

/* Zero-initialise it. */
struct assumptions {
	struct assumption *items;
	size_t count;
	size_t capacity;
};

/* Adds one from the command line.  Returns false after a message. */
bool assume_add(void *assumptions, const char *text);

/*
 * Adds each line of a file that is not empty and does not begin with #.  Returns false after a
 * message.
 */
bool assume_add_file(void *assumptions, const char *path);

/*
 * Replaces each unresolved row of the streams (before they are united) for which there are
 * assumptions by one for each of their names, which says how: assumed.  An assumption that
 * matches nothing is a warning; one that matches only resolved rows, or has a name that the row's
 * architecture lacks, is refused before anything is changed.  Returns an exit status.
 */
int assume_apply(const struct assumptions *assumptions, struct g2s_streams *streams);

void assume_free(struct assumptions *assumptions);

#endif
