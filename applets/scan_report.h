/* SPDX-License-Identifier: MIT */
#ifndef G2S_SCAN_REPORT_H
#define G2S_SCAN_REPORT_H

#include "g2s/analysis/chains.h"
#include "g2s/analysis/sites.h"
#include "g2s/stream.h"

#include <stdbool.h>
#include <stdio.h>

/* What g2s-scan tells of one file: lines of the stream, and messages.  Zero-initialise it. */
struct report {
	/* The lines; and texts, each ended by a NUL, that are shown when the file's turn comes. */
	struct g2s_stream_writer writer;
	FILE *messages;
	/* Whoever takes the stream over warns of what it lacks. */
	bool quiet;
	/* It was said which libraries are loaded by names that the code does not show. */
	bool answered;
	/* What the root file system is called that libraries come from; NULL: not known. */
	const char *root;
	/* Room for the texts of one row. */
	char *function;
	size_t function_size;
	char *source;
	size_t source_size;
	char *shown;
	size_t shown_size;
};

/* Says something about the file. */
__attribute__((format(printf, 2, 3)))
void report_say(struct report *report, const char *format, ...);

/*
 * Writes what was found in the file at path, object by object, and says what of it is not all that
 * there is.  chains is NULL when rows do not have that column.
 */
void report_program(struct report *report, const char *path, const struct g2s_program *program,
                    const struct g2s_libs *libs, struct g2s_chains *chains);

/* Frees the room; messages stay the caller's. */
void report_free(struct report *report);

#endif
