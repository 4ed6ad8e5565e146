/* SPDX-License-Identifier: MIT */
#ifndef G2S_CELLS_H
#define G2S_CELLS_H

#include "g2s/policy/compare.h"
#include "g2s/policy/seccomp.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The calls of one name, cut into cells: in each of them every test of an argument has one answer.
 * compare.c has the conditions that are no arguments out of the way before it asks here.
 */

/* A rule of one side: its action, for calls for which all of its tests hold. */
struct g2s_clause {
	const struct g2s_rule_argument *tests;
	size_t count;
	struct g2s_action action;
	int side;
};

enum { G2S_CLAUSES_MAX = 128 };

/*
 * Compares what count clauses of both sides, at most G2S_CLAUSES_MAX, decide; otherwise is for
 * calls that no clause of a side matches.  What is found is added to *comparison.  Each step takes
 * one off *budget; returns false when nothing is left of it.
 */
bool g2s_cells_compare(const struct g2s_clause *clauses, size_t count,
                       const struct g2s_action otherwise[G2S_SIDES], size_t *budget,
                       struct g2s_comparison *comparison);

#endif
