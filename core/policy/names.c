/* SPDX-License-Identifier: MIT */
#include "g2s/policy/names.h"

#include "g2s/memory.h"

#include <stdlib.h>
#include <string.h>

bool g2s_names_add(struct g2s_names *names, const char *name)
{
	if (!g2s_grow(&names->items, &names->capacity, names->count + 1, sizeof(char *))) {
		return false;
	}
	char *copy = strdup(name);
	if (copy == NULL) {
		return false;
	}
	names->items[names->count++] = copy;
	return true;
}

bool g2s_names_add_all(struct g2s_names *names, const struct g2s_names *more)
{
	for (size_t i = 0; i < more->count; i++) {
		if (!g2s_names_add(names, more->items[i])) {
			return false;
		}
	}
	return true;
}

static int compare(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

void g2s_names_sort(struct g2s_names *names)
{
	if (names->count == 0) {
		return;
	}
	qsort(names->items, names->count, sizeof(char *), compare);
	size_t kept = 1;
	for (size_t i = 1; i < names->count; i++) {
		if (strcmp(names->items[kept - 1], names->items[i]) == 0) {
			free(names->items[i]);
		} else {
			names->items[kept++] = names->items[i];
		}
	}
	names->count = kept;
}

bool g2s_names_remove(struct g2s_names *names, const char *name)
{
	size_t kept = 0;
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->items[i], name) == 0) {
			free(names->items[i]);
		} else {
			names->items[kept++] = names->items[i];
		}
	}
	bool had = kept < names->count;
	names->count = kept;
	return had;
}

bool g2s_names_have(const struct g2s_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->items[i], name) == 0) {
			return true;
		}
	}
	return false;
}

bool g2s_names_equal(const struct g2s_names *a, const struct g2s_names *b)
{
	if (a->count != b->count) {
		return false;
	}
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->items[i], b->items[i]) != 0) {
			return false;
		}
	}
	return true;
}

void g2s_names_free(struct g2s_names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		free(names->items[i]);
	}
	free(names->items);
	*names = (struct g2s_names){0};
}
