/* SPDX-License-Identifier: MIT */
#include "g2s/isa/isa.h"

#include <stdlib.h>

static const struct g2s_arch *const ARCHES[] = {
	&g2s_arch_x86_64,
};

const struct g2s_arch *g2s_arch_find(uint16_t machine)
{
	for (size_t i = 0; i < sizeof(ARCHES) / sizeof(ARCHES[0]); i++) {
		if (ARCHES[i]->machine == machine) {
			return ARCHES[i];
		}
	}
	return NULL;
}

bool g2s_window_has(const struct g2s_window *windows, size_t count, uint64_t addr)
{
	size_t low = 0;
	size_t high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (addr < windows[middle].start) {
			high = middle;
		} else if (addr >= windows[middle].end) {
			low = middle + 1;
		} else {
			return true;
		}
	}
	return false;
}

static int by_window(const void *a, const void *b)
{
	const struct g2s_window *x = a;
	const struct g2s_window *y = b;
	if (x->start != y->start) {
		return x->start < y->start ? -1 : 1;
	}
	return (x->end > y->end) - (x->end < y->end);
}

void g2s_windows_sort(struct g2s_window *windows, size_t count)
{
	if (count != 0) {
		qsort(windows, count, sizeof(*windows), by_window);
	}
}
