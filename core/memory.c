/* SPDX-License-Identifier: MIT */
#include "g2s/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool g2s_grow(void *items, size_t *capacity, size_t need, size_t item_size)
{
	if (need <= *capacity) {
		return true;
	}
	size_t wanted = *capacity + *capacity / 2;
	if (wanted < need) {
		wanted = need;
	}
	if (wanted < 16) {
		wanted = 16;
	}
	if (wanted > SIZE_MAX / 2 / item_size) {
		return false;
	}
	/* The caller's pointer may be of any object type: it is read and written as bytes. */
	void *old;
	memcpy(&old, items, sizeof(old));
	void *grown = realloc(old, wanted * item_size);
	if (grown == NULL) {
		return false;
	}
	memcpy(items, &grown, sizeof(grown));
	*capacity = wanted;
	return true;
}

bool g2s_sort_tail(void *items, size_t count, size_t sorted, size_t item_size,
                   int (*compare)(const void *a, const void *b))
{
	uint8_t *to = items;
	size_t others = count - sorted;
	if (others == 0) {
		return true;
	}
	uint8_t *tail = malloc(others * item_size);
	if (tail == NULL) {
		return false;
	}
	memcpy(tail, to + sorted * item_size, others * item_size);
	qsort(tail, others, item_size, compare);
	/* From the end, so that nothing is overwritten before it has moved. */
	for (size_t at = count; others != 0;) {
		const uint8_t *last = tail + (others - 1) * item_size;
		const uint8_t *mine = sorted == 0 ? NULL : to + (sorted - 1) * item_size;
		bool take = mine == NULL || compare(mine, last) <= 0;
		memcpy(to + --at * item_size, take ? last : mine, item_size);
		others -= take;
		sorted -= !take;
	}
	free(tail);
	return true;
}
