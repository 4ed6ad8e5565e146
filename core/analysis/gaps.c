/* SPDX-License-Identifier: MIT */
#include "gaps.h"

#include "g2s/memory.h"
#include "sweep.h"

#include <stdlib.h>
#include <string.h>

/* Addresses in gaps at which functions begin. */
struct targets {
	const struct g2s_window *gaps;
	size_t gap_count;
	uint64_t *items;
	size_t count;
	size_t capacity;
};

static bool add_target(struct targets *targets, uint64_t from, uint64_t to)
{
	size_t low = 0;
	size_t high = targets->gap_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (targets->gaps[middle].end <= to) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	/* Calls within a gap are for decoding to find. */
	if (low == targets->gap_count || to < targets->gaps[low].start ||
	    (from >= targets->gaps[low].start && from < targets->gaps[low].end)) {
		return true;
	}
	if (!g2s_grow(&targets->items, &targets->capacity, targets->count + 1,
	              sizeof(*targets->items))) {
		return false;
	}
	targets->items[targets->count++] = to;
	return true;
}

static bool visit_target(void *user, uint64_t from, uint64_t to)
{
	return add_target(user, from, to);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* All gaps, cut at the entry point: a function begins there, whatever is before it. */
static bool list_gaps(const struct g2s_program *program, struct g2s_range **gaps, size_t *count)
{
	uint64_t entry = program->elf.entry;
	size_t i = 0;
	if (!g2s_funcs_gaps(&program->funcs, gaps, count)) {
		return false;
	}
	while (i < *count && (*gaps)[i].end <= entry) {
		i++;
	}
	if (i == *count || entry <= (*gaps)[i].start) {
		return true;
	}
	size_t capacity = *count;
	if (!g2s_grow(gaps, &capacity, *count + 1, sizeof(**gaps))) {
		return false;
	}
	memmove(&(*gaps)[i + 1], &(*gaps)[i], (*count - i) * sizeof(**gaps));
	(*gaps)[i].end = entry;
	(*gaps)[i + 1].start = entry;
	(*count)++;
	return true;
}

bool gaps_close(struct g2s_program *program, struct g2s_refs *refs)
{
	struct g2s_references words = {0};
	struct targets targets = {0};
	struct g2s_window *windows = NULL;
	struct g2s_range *gaps;
	bool fine = list_gaps(program, &gaps, &targets.gap_count);
	if (fine && targets.gap_count != 0) {
		windows = calloc(targets.gap_count, sizeof(*windows));
		fine = windows != NULL;
	}
	for (size_t i = 0; fine && i < targets.gap_count; i++) {
		windows[i] = (struct g2s_window){gaps[i].start, gaps[i].end};
	}
	targets.gaps = windows;
	fine = fine && g2s_refs_each_branch(refs, visit_target, &targets) &&
	       g2s_refs_words(refs, windows, targets.gap_count, &words);
	for (size_t i = 0; fine && i < words.count; i++) {
		fine = add_target(&targets, words.items[i].place, words.items[i].target);
	}
	if (fine && targets.count != 0) {
		qsort(targets.items, targets.count, sizeof(*targets.items), by_value);
	}
	fine = fine && sweep_split_all(program->arch, &program->funcs, gaps, targets.gap_count,
	                               targets.items, targets.count);
	free(targets.items);
	free(words.items);
	free(windows);
	free(gaps);
	return fine;
}
