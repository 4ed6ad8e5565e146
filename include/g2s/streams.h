/* SPDX-License-Identifier: MIT */
#ifndef G2S_STREAMS_H
#define G2S_STREAMS_H

#include "g2s/error.h"
#include "g2s/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Streams held in memory, as their union: every line of all of them once, each file's lines
 * together, files in the order in which they were first named, rows by address and number.  A row
 * without further columns (stream.h) counts as the same line as one that only has these in
 * addition.
 */

/* A #needs line. */
struct g2s_need {
	const char *path;
	const char *library;
	/* Index of the file it belongs to. */
	size_t file;
};

/* A #unread line. */
struct g2s_unread {
	const char *path;
	const char *why;
	/* Index of the file that it is about. */
	size_t file;
};

struct g2s_held_binary {
	struct g2s_binary about;
	size_t file;
};

struct g2s_held_row {
	struct g2s_row row;
	size_t file;
};

/* Zero-initialise it.  All strings belong to it and live until g2s_streams_free. */
struct g2s_streams {
	struct g2s_held_binary *binaries;
	size_t binary_count;
	size_t binary_capacity;
	struct g2s_need *needs;
	size_t need_count;
	size_t need_capacity;
	struct g2s_unread *unread;
	size_t unread_count;
	size_t unread_capacity;
	struct g2s_held_row *rows;
	size_t row_count;
	size_t row_capacity;
	/* Paths of files as they came; after g2s_streams_unite each path once. */
	const char **files;
	size_t file_count;
	size_t file_capacity;
	/* Blocks that hold the strings, the newest first. */
	struct g2s_streams_block *blocks;
};

/* Adds what in holds, as g2s_stream_read reads it; on failure some of it may have been added. */
enum g2s_code g2s_streams_read(struct g2s_streams *streams, FILE *in, bool partial,
                               struct g2s_error *err);

/* Turns what was read into the union.  To be called once, after the last read. */
enum g2s_code g2s_streams_unite(struct g2s_streams *streams, struct g2s_error *err);

/* Copies text into memory that lives as long as the rows do; NULL when memory ran out. */
const char *g2s_streams_hold(struct g2s_streams *streams, const char *text);

/* Writes it as one stream.  The caller looks at ferror(out). */
void g2s_streams_write(const struct g2s_streams *streams, FILE *out);

void g2s_streams_free(struct g2s_streams *streams);

#endif
