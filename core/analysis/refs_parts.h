/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_REFS_PARTS_H
#define G2S_ANALYSIS_REFS_PARTS_H

#include "g2s/analysis/refs.h"
#include "g2s/words.h"

/* What refs.c and refs_all.c, which search code, and refs_data.c, which searches data, share. */

enum {
	/* The stretches that code is split into, and the one that is Go's. */
	REFS_PARTS = 3,
	REFS_PART_GO = 1,
};

/* A search of one stretch of code or data, as the functions that are told need to know it. */
struct search {
	struct g2s_refs *refs;
	struct g2s_references *out;
	/* What is searched: where it is in memory, its bytes. */
	uint64_t addr;
	const uint8_t *data;
	size_t size;
	/* It is Go's code. */
	bool go;
	/* Words count at every address, and if only 4 bytes of them are the address. */
	bool loose;
	const struct g2s_window *windows;
	size_t count;
	/* Those of the windows that were asked for, and how many references went to others. */
	const struct g2s_window *asked;
	size_t asked_count;
	size_t neighbours;
	uint8_t *filter;
	/* The numbers that words of data have when they hold wanted addresses. */
	const struct g2s_words *groups;
	size_t group_count;
	/* Of methods: what is searched for, and what their numbers count from. */
	struct g2s_words words;
	uint64_t text;
	/* Words that could be distances from a table's start. */
	struct distances *distances;
};

/* Adds a reference; false when memory ran out. */
bool refs_append(struct g2s_references *out, struct g2s_reference reference);

/* True when addr is in one of the windows. */
bool refs_is_wanted(const struct search *search, uint64_t addr);

/* The stretches of some code: before Go's text, in it, behind it; each may be empty. */
void refs_split_code(const struct g2s_refs *refs, const struct g2s_range *code,
                     struct g2s_range parts[REFS_PARTS]);

/* Collects all branches and takes, if that is not done yet; false when memory ran out. */
bool refs_collect(struct g2s_refs *refs);
void refs_free_collected(struct g2s_refs *refs);

/* Add the collected ones that lead to the windows, for branches in the span of code. */
bool refs_append_branches(const struct search *search);
bool refs_append_takes(const struct search *search);

/*
 * True for files whose pointers may stand anywhere and be short: Go keeps its own whole and
 * aligned, C may pack them where nothing is moved when it is loaded.
 */
bool refs_are_loose(const struct g2s_refs *refs);

/* Adds the words of data and of relocations that hold wanted addresses; false: no memory. */
bool refs_search_data(struct search *search);

/* Adds the methods of Go's types that are at wanted addresses; false: no memory. */
bool refs_search_methods(struct search *search);

/* Adds the entries of tables of distances that lead to wanted addresses; false: no memory. */
bool refs_search_distances(struct search *search);

#endif
