/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_CHAINS_H
#define G2S_ANALYSIS_CHAINS_H

#include "g2s/analysis/sites.h"

/*
 * How a program comes to its sites: one shortest chain of functions from where the program begins
 * to the function of the site, each of which calls the next one directly or jumps into it.
 *
 * A program begins, in this order of preference among chains of equal length,
 *
 *     1. in main.main,
 *     2. in the initialisers of Go's packages, by address: <package>.init, <package>.init.<number>,
 *     3. in main,
 *     4. at the entry point,
 *     5. in runtime.main, runtime.rt0_go and _start, by address.
 *
 * Names tell 1 to 3 and 5; without names the entry point is left.  Among chains that begin in the
 * same function the one whose calls come first in the code is taken.
 *
 * Calls by pointer (interfaces, closures, goroutines, signal handlers) are no part of a chain.
 * Every call and jump of one is confirmed by straight decoding of the function it is in.  A jump
 * with a one-byte distance counts when it leads to the start of a function that is not Go's; Go's
 * linker makes none between functions.
 */
struct g2s_chains {
	const struct g2s_funcs *funcs;
	/* For each function: the index of its caller, or G2S_CHAINS_ROOT, or G2S_CHAINS_NONE. */
	uint32_t *callers;
	/* For each function that has a chain: the index of the one it begins in. */
	uint32_t *roots;
	/* What g2s_chains_text answered last. */
	char *text;
};

#define G2S_CHAINS_ROOT (UINT32_MAX - 1)
#define G2S_CHAINS_NONE UINT32_MAX

/*
 * Finds the chains of all sites of a program that has been scanned.  Code that no function covered
 * is given functions, so pointers into program->funcs are no longer good.  The program must
 * outlive *chains, which is to be freed with g2s_chains_free, after a failure too.
 */
enum g2s_code g2s_chains_find(struct g2s_chains *chains, struct g2s_program *program,
                              struct g2s_error *err);
void g2s_chains_free(struct g2s_chains *chains);

/*
 * The chain of the function that holds addr, which must be a site's, as a field of the stream,
 * escaped: names joined by " > ", "0x" and the address of its start for a function without a name.
 * A ">" of a name is \x3e, and the first byte of a name that is "-" or "..." is \xHH as well, so
 * that a name is never taken for something else.  A name of more than 1000 bytes is cut and ends in
 * "...".  A chain that is too long for a field lacks its middle: the first function, "...", and as
 * many of the last ones as fit.  "-" when there is no chain, or addr is no code.  Good until the
 * next call.
 */
const char *g2s_chains_text(struct g2s_chains *chains, uint64_t addr);

#endif
