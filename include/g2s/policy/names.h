/* SPDX-License-Identifier: MIT */
#ifndef G2S_POLICY_NAMES_H
#define G2S_POLICY_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* A list of strings of its own, in the order in which they were added.  Zero-initialise it. */
struct g2s_names {
	char **items;
	size_t count;
	size_t capacity;
};

/* Adds a copy of name; returns false when memory ran out. */
bool g2s_names_add(struct g2s_names *names, const char *name) __attribute__((warn_unused_result));
/* Adds a copy of each of more; returns false when memory ran out. */
bool g2s_names_add_all(struct g2s_names *names, const struct g2s_names *more)
	__attribute__((warn_unused_result));
/* Sorts by bytes and drops repetitions. */
void g2s_names_sort(struct g2s_names *names);
/* Takes out every name that is equal to name; returns false when there is none. */
bool g2s_names_remove(struct g2s_names *names, const char *name);
bool g2s_names_have(const struct g2s_names *names, const char *name);
/* Whether they hold the same names in the same order. */
bool g2s_names_equal(const struct g2s_names *a, const struct g2s_names *b);
void g2s_names_free(struct g2s_names *names);

#endif
