/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_REACH_H
#define G2S_ANALYSIS_REACH_H

#include "g2s/analysis/refs.h"
#include "g2s/analysis/sites.h"

/*
 * What of the libraries in an image (link.h) a program can come to: all of its own code counts, and
 * of a library what begins at what it imports, at what the dynamic linker calls, and goes on from
 * there, function by function.
 *
 * A function that is reached reaches what its code refers to.  Bytes are looked at, not
 * instructions, so some of that is no reference at all, and none is missed.  Data that is reached
 * reaches what its pointers lead to; one symbol that has a size is one piece of data, and what
 * lies between symbols is one piece, because nobody tells where in it one object ends.  What
 * nothing refers to counts, too: it may be entered in ways that are not seen, such as by an
 * exception.  The code of Go is never taken apart.
 */

/* Data of a library that is reached as a whole. */
struct reach_unit {
	uint64_t start;
	uint64_t end;
	/* It is a symbol. */
	bool symbol;
	bool reached;
};

/* A reference of function from, by its index. */
struct reach_reference {
	uint64_t to;
	uint32_t from;
	/* It is an operand, and the address may be one in a table of distances. */
	bool operand;
};

struct reach {
	struct g2s_program *program;
	struct g2s_refs *refs;
	/* By index of functions. */
	bool *functions;
	/* The object counts as a whole. */
	bool *whole;
	/* Sorted. */
	struct reach_unit *units;
	size_t unit_count;
	size_t unit_capacity;
	struct reach_reference *references;
	size_t reference_count;
	size_t reference_capacity;
	/* Those of function i begin at first[i]. */
	size_t *first;
	/* Functions that are reached and have not been looked at. */
	uint32_t *pending;
	size_t pending_count;
	/* Units likewise. */
	size_t *pending_units;
	size_t pending_unit_count;
	/* Tables of distances that have been looked at, to bound the work. */
	uint64_t table_work;
	/* The function in which the last place was found. */
	size_t last;
	/* Addresses of what may be names of libraries, in data that code of libraries refers to. */
	uint64_t *names;
	size_t name_count;
	size_t name_capacity;
	bool no_memory;
};

/*
 * Finds it for a program with an image; refs are its references.  Code that no function covered is
 * given functions.  False when memory ran out.  Free with reach_free, after a failure too.
 */
bool reach_find(struct reach *reach, struct g2s_program *program, struct g2s_refs *refs);
void reach_free(struct reach *reach);

/* True when addr lies in an object all code of which counts. */
bool reach_is_whole(const struct reach *reach, uint64_t addr);

/*
 * True when code that refers to addr, which lies in a library, is called from outside of that
 * library: by code alone, which is less than what is reached.  *no_memory is set when memory ran
 * out.
 */
bool reach_is_called(const struct reach *reach, uint64_t addr, bool *no_memory);

/* True when the code or data at addr is reached, or when it lies in no library. */
bool reach_has(const struct reach *reach, uint64_t addr);

#endif
