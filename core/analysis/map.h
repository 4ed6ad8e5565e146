/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_MAP_H
#define G2S_ANALYSIS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Finds things by an address, however many there are: an open hash.  Zero-initialise it. */
struct map_entry {
	uint64_t key;
	/* 0 is a free entry. */
	uint32_t value;
};

struct map {
	struct map_entry *entries;
	/* A power of two, or 0. */
	size_t size;
	size_t count;
};

/* The value of key; 0 when it has none. */
uint32_t map_get(const struct map *map, uint64_t key);

/* Gives key the value, which is not 0.  False when memory ran out. */
bool map_put(struct map *map, uint64_t key, uint32_t value);

void map_free(struct map *map);

#endif
