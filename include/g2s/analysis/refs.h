/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_REFS_H
#define G2S_ANALYSIS_REFS_H

#include "g2s/image/funcs.h"
#include "g2s/isa/isa.h"

/*
 * Who calls, jumps to or points at an address, found by searching bytes; decoding confirms or
 * refutes.
 */

/* A place that looks like an instruction entering the kernel. */
struct g2s_hit {
	uint64_t addr;
	/* Index in the architecture's entries. */
	unsigned entry;
};

/* Sorted by address. */
struct g2s_hits {
	struct g2s_hit *items;
	size_t count;
	size_t capacity;
};

/* Where something refers to target. */
struct g2s_reference {
	/* Address of the call, jump or branch; of a byte of the operand; of the word of data. */
	uint64_t place;
	uint64_t target;
	enum {
		G2S_REFERENCE_BRANCH,
		G2S_REFERENCE_OPERAND,
		G2S_REFERENCE_DATA,
		/*
		 * A method of a Go type, by its distance from the start of text (internal/abi,
		 * Method).
		 */
		G2S_REFERENCE_METHOD,
	} kind;
};

/* A growing list of references. */
struct g2s_references {
	struct g2s_reference *items;
	size_t count;
	size_t capacity;
};

struct g2s_refs {
	const struct g2s_arch *arch;
	const struct g2s_funcs *funcs;
	/* The lowest address of code, and bytes from there to the end of the last. */
	uint64_t base;
	uint64_t span;
	struct g2s_hits hits;
	/* Those in executable memory that is said to be data. */
	struct g2s_hits data_hits;
	/*
	 * Windows of code that was searched for, in order and apart, all places of code that
	 * looked like referring to them, and others; and the number of those searches.
	 */
	struct g2s_window *known;
	size_t known_count;
	size_t known_capacity;
	struct g2s_references seen;
	unsigned searches;
	/*
	 * Once everything was collected: places that look like calls, jumps or branches, as
	 * distances from base: lists of chunks, one for each group of pages that they go to.
	 * bucket_count is a power of two.
	 */
	struct g2s_refs_chunk **buckets;
	size_t bucket_count;
	struct g2s_refs_slab *slabs;
	/*
	 * How often they were asked for; after many times they are sorted by where they go to, and
	 * no longer in lists, which are searched in an instant if each has few.
	 */
	unsigned rounds;
	struct g2s_branch *sorted;
	size_t branch_count;
	/* Then also: places of Go's code that look like taking the address of code. */
	struct g2s_branch *takes;
	size_t take_count;
	size_t take_capacity;
};

/*
 * Searches all code of funcs for kernel entries.
 * G2S_ERR_FORMAT when the code is spread over more than 4 GiB.  Free with g2s_refs_free, after
 * a failure too.
 */
enum g2s_code g2s_refs_build(struct g2s_refs *refs, const struct g2s_arch *arch,
                             const struct g2s_funcs *funcs, struct g2s_error *err);
void g2s_refs_free(struct g2s_refs *refs);

/*
 * Appends to *out every branch into one of the windows, which are sorted and apart, in the
 * order of its place. False when memory ran out.
 */
bool g2s_refs_branches(struct g2s_refs *refs, const struct g2s_window *windows, size_t count,
                       struct g2s_references *out);

/*
 * Hands visit every branch of the code: all but those with a one-byte distance, places that turn
 * out to be none included; in an order that depends on the file alone.  False when visit said so,
 * or memory ran out.
 */
bool g2s_refs_each_branch(struct g2s_refs *refs,
                          bool (*visit)(void *user, uint64_t from, uint64_t to), void *user);

/*
 * The same for operands of code and words of data that hold an address in one of the windows; of C
 * programs also for words that are short or at any address.
 */
bool g2s_refs_addresses(struct g2s_refs *refs, const struct g2s_window *windows, size_t count,
                        struct g2s_references *out);

/* The same for operands of code alone. */
bool g2s_refs_operands(struct g2s_refs *refs, const struct g2s_window *windows, size_t count,
                       struct g2s_references *out);

/*
 * The same for data alone: whole, aligned words, and, where no table lists Go's functions, what its
 * type data says of methods.
 */
bool g2s_refs_words(struct g2s_refs *refs, const struct g2s_window *windows, size_t count,
                    struct g2s_references *out);

#endif
