/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_VALUE_SET_H
#define G2S_ANALYSIS_VALUE_SET_H

#include "g2s/analysis/value.h"

/* The inside of sets of atoms, shared by value.c, which makes them, and restrict.c. */

enum {
	/* Room to build a set in before it is bounded: two full sets with every kind of atom. */
	DRAFT = 12 * G2S_VALUE_LIMIT,
};

/* A set being built. */
struct draft {
	struct g2s_atom atoms[DRAFT];
	size_t count;
	/* See struct g2s_values; looked at by operations alone. */
	bool pointers;
};

/* The order of atoms in a set. */
int value_compare(const struct g2s_atom *a, const struct g2s_atom *b);

/*
 * Puts atom into its place of the draft; a draft that is full has long passed the bound of a
 * set.
 */
void value_put(struct draft *draft, const struct g2s_atom *atom);

/* The set, bounded; the same index for equal sets. */
g2s_value value_intern(struct g2s_values *values, struct draft *draft);

/* The bits of a number of width bytes; a number's low width bytes with their sign. */
uint64_t value_mask(unsigned width);
uint64_t value_sign_extend(uint64_t number, unsigned width);

/* Above how many bytes the low width bytes of what atom stands for are zero; width at most. */
unsigned value_zero_above(const struct g2s_atom *atom, unsigned width);

/* True when the low width bytes of what atom stands for are, as a number, below atom's limit. */
bool value_is_below(const struct g2s_atom *atom, unsigned width);

#endif
