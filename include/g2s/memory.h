/* SPDX-License-Identifier: MIT */
#ifndef G2S_MEMORY_H
#define G2S_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Makes room for at least need items of item_size bytes in the array *items, which holds
 * *capacity of them. Grows by half again at least; a size that does not fit in size_t counts as
 * memory that ran out. Returns false when there is none, and leaves *items and *capacity as they
 * were.
 */
bool g2s_grow(void *items, size_t *capacity, size_t need, size_t item_size)
	__attribute__((warn_unused_result));

/*
 * Sorts count items of item_size bytes of which the first sorted ones are in order: cheap when
 * nearly all are.  Of items that compare alike those of the first part stay before the others.
 * False when memory ran out.
 */
bool g2s_sort_tail(void *items, size_t count, size_t sorted, size_t item_size,
                   int (*compare)(const void *a, const void *b))
	__attribute__((warn_unused_result));

#endif
