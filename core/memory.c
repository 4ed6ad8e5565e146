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
