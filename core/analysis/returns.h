/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_RETURNS_H
#define G2S_ANALYSIS_RETURNS_H

#include "g2s/image/funcs.h"
#include "g2s/isa/isa.h"

/*
 * Which functions never come back to their caller, such as exit: no way through their code leads
 * to a return, or to a jump that might.  And which may come back more than once, such as setjmp:
 * they store the registers that belong to their caller.  Nothing is remembered that later functions
 * could change.
 */

/* What has been found out; zero-initialise but for arch and funcs. */
struct returns {
	const struct g2s_arch *arch;
	const struct g2s_funcs *funcs;
	/*
	 * Open hash of entries times four, plus one when the function comes back, plus two when
	 * it may do so more than once; 0 is free.
	 */
	uint64_t *table;
	size_t size;
	size_t count;
	/* How many functions there were: with others, extents differ. */
	size_t function_count;
};

/* False when a call of the code at entry certainly never comes back. */
bool returns_from(struct returns *returns, uint64_t entry);

/* True when a call of the code at entry may come back more than once. */
bool returns_again(struct returns *returns, uint64_t entry);

void returns_free(struct returns *returns);

#endif
