/* SPDX-License-Identifier: MIT */
#include "map.h"

#include <stdlib.h>

enum { START = 64 };

/* Where key is, or the free entry where it belongs. */
static struct map_entry *place(const struct map *map, uint64_t key)
{
	size_t mask = map->size - 1;
	size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;
	while (map->entries[at].value != 0 && map->entries[at].key != key) {
		at = (at + 1) & mask;
	}
	return &map->entries[at];
}

uint32_t map_get(const struct map *map, uint64_t key)
{
	return map->size == 0 ? 0 : place(map, key)->value;
}

static bool make_room(struct map *map)
{
	if (map->count * 2 < map->size) {
		return true;
	}
	struct map larger = {.size = map->size == 0 ? START : map->size * 2, .count = map->count};
	larger.entries = calloc(larger.size, sizeof(*larger.entries));
	if (larger.entries == NULL) {
		return false;
	}
	for (size_t i = 0; i < map->size; i++) {
		if (map->entries[i].value != 0) {
			*place(&larger, map->entries[i].key) = map->entries[i];
		}
	}
	free(map->entries);
	*map = larger;
	return true;
}

bool map_put(struct map *map, uint64_t key, uint32_t value)
{
	if (!make_room(map)) {
		return false;
	}
	struct map_entry *entry = place(map, key);
	map->count += entry->value == 0;
	*entry = (struct map_entry){key, value};
	return true;
}

void map_free(struct map *map)
{
	free(map->entries);
	*map = (struct map){0};
}
