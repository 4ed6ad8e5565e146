/* SPDX-License-Identifier: MIT */
/*
 * Every branch of the code, and every address of code that Go's code takes, found in one search and
 * kept: for those who ask for all of them, or too often for a search each time.
 */
#include "refs_parts.h"

#include "g2s/memory.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* Branches are kept apart by the page they go to, of so many bits. */
	PAGE_BITS = 12,
	/* Pages of code that share a bucket, and the bounds of the number of buckets. */
	PAGES_PER_BUCKET = 32,
	MIN_BUCKETS = 16,
	MAX_BUCKETS = 1 << 16,
	/* Branches in a chunk (which then has 512 bytes), and chunks that are allocated at once. */
	CHUNK_BRANCHES = 62,
	SLAB_CHUNKS = 512,
	/* Questions after which branches are sorted: each costs a look at whole buckets. */
	MANY_ROUNDS = 256,
	/* They are sorted by so many bits of their target at a time. */
	SORT_BITS = 16,
};

struct g2s_refs_chunk {
	struct g2s_refs_chunk *next;
	uint32_t count;
	struct g2s_branch items[CHUNK_BRANCHES];
};

struct g2s_refs_slab {
	struct g2s_refs_slab *next;
	size_t used;
	struct g2s_refs_chunk chunks[SLAB_CHUNKS];
};

/* What is being collected from, and the address that "from" counts from. */
struct stretch {
	struct g2s_refs *refs;
	uint64_t addr;
};

static struct g2s_refs_chunk *new_chunk(struct g2s_refs *refs, struct g2s_refs_chunk *next)
{
	struct g2s_refs_slab *slab = refs->slabs;
	if (slab == NULL || slab->used == SLAB_CHUNKS) {
		slab = malloc(sizeof(*slab));
		if (slab == NULL) {
			return NULL;
		}
		slab->next = refs->slabs;
		slab->used = 0;
		refs->slabs = slab;
	}
	struct g2s_refs_chunk *chunk = &slab->chunks[slab->used++];
	chunk->next = next;
	chunk->count = 0;
	return chunk;
}

static bool found_branches(void *user, const struct g2s_branch *items, size_t count)
{
	const struct stretch *stretch = user;
	struct g2s_refs *refs = stretch->refs;
	uint32_t shift = (uint32_t)(stretch->addr - refs->base);
	for (size_t i = 0; i < count; i++) {
		struct g2s_refs_chunk **bucket =
			&refs->buckets[items[i].to >> PAGE_BITS & (refs->bucket_count - 1)];
		struct g2s_refs_chunk *chunk = *bucket;
		if (chunk == NULL || chunk->count == CHUNK_BRANCHES) {
			chunk = new_chunk(refs, chunk);
			if (chunk == NULL) {
				return false;
			}
			*bucket = chunk;
		}
		chunk->items[chunk->count++] =
			(struct g2s_branch){items[i].from + shift, items[i].to};
		refs->branch_count++;
	}
	return true;
}

static bool found_takes(void *user, const struct g2s_branch *items, size_t count)
{
	const struct stretch *stretch = user;
	struct g2s_refs *refs = stretch->refs;
	if (!g2s_grow(&refs->takes, &refs->take_capacity, refs->take_count + count,
	              sizeof(*refs->takes))) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		refs->takes[refs->take_count++] = (struct g2s_branch){
			items[i].from + (uint32_t)(stretch->addr - refs->base), items[i].to};
	}
	return true;
}

/* Searches one stretch of code that is all Go's or all not. */
static bool collect_stretch(struct g2s_refs *refs, struct g2s_range range, bool go)
{
	struct g2s_bytes code;
	if (range.start >= range.end || !g2s_elf_view(refs->funcs->elf, range.start, &code)) {
		return true;
	}
	struct stretch stretch = {refs, range.start};
	struct g2s_search search = {
		.go = go,
		.base = refs->base,
		.span = refs->span,
		.align = 1,
		.branches = found_branches,
		.takes = found_takes,
		.user = &stretch,
	};
	/* Go's functions begin at multiples of this, and nothing of Go's is entered elsewhere. */
	if (go) {
		search.aligned = (struct g2s_window){refs->funcs->tab->code.start,
		                                     refs->funcs->tab->code.end};
		search.align = refs->funcs->go_align;
	}
	uint64_t size = range.end - range.start;
	size_t whole = size < code.size ? (size_t)size : code.size;
	return refs->arch->search(refs->arch, code.data, whole, range.start, &search);
}

static bool make_buckets(struct g2s_refs *refs)
{
	size_t wanted = (size_t)(refs->span >> PAGE_BITS) / PAGES_PER_BUCKET;
	refs->bucket_count = MIN_BUCKETS;
	while (refs->bucket_count < wanted && refs->bucket_count < MAX_BUCKETS) {
		refs->bucket_count *= 2;
	}
	refs->buckets = calloc(refs->bucket_count, sizeof(struct g2s_refs_chunk *));
	return refs->buckets != NULL;
}

bool refs_collect(struct g2s_refs *refs)
{
	if (refs->buckets != NULL) {
		return true;
	}
	bool fine = make_buckets(refs);
	for (size_t i = 0; fine && i < refs->funcs->code_count; i++) {
		struct g2s_range parts[REFS_PARTS];
		refs_split_code(refs, &refs->funcs->code[i], parts);
		for (unsigned part = 0; fine && part < REFS_PARTS; part++) {
			fine = collect_stretch(refs, parts[part], part == REFS_PART_GO);
		}
	}
	if (!fine) {
		refs_free_collected(refs);
	}
	return fine;
}

/* Frees the lists, but not the buckets: that these are there tells that all was collected. */
static void free_lists(struct g2s_refs *refs)
{
	while (refs->slabs != NULL) {
		struct g2s_refs_slab *next = refs->slabs->next;
		free(refs->slabs);
		refs->slabs = next;
	}
	memset(refs->buckets, 0, refs->bucket_count * sizeof(struct g2s_refs_chunk *));
}

void refs_free_collected(struct g2s_refs *refs)
{
	if (refs->buckets != NULL) {
		free_lists(refs);
	}
	free(refs->sorted);
	free(refs->buckets);
	free(refs->takes);
	refs->sorted = NULL;
	refs->branch_count = 0;
	refs->buckets = NULL;
	refs->bucket_count = 0;
	refs->takes = NULL;
	refs->take_count = 0;
	refs->take_capacity = 0;
}

/* Sorts count branches of one array into another, by SORT_BITS of their target from shift on. */
static void sort_pass(const struct g2s_branch *from, struct g2s_branch *to, size_t count,
                      unsigned shift, size_t *places)
{
	const uint32_t mask = (1 << SORT_BITS) - 1;
	memset(places, 0, ((size_t)mask + 2) * sizeof(*places));
	for (size_t i = 0; i < count; i++) {
		places[(from[i].to >> shift & mask) + 1]++;
	}
	for (size_t i = 0; i < mask; i++) {
		places[i + 1] += places[i];
	}
	for (size_t i = 0; i < count; i++) {
		to[places[from[i].to >> shift & mask]++] = from[i];
	}
}

/* Puts the branches of all buckets into one array. */
static struct g2s_branch *flatten(const struct g2s_refs *refs)
{
	struct g2s_branch *all = calloc(refs->branch_count + 1, sizeof(*all));
	size_t count = 0;
	for (size_t b = 0; all != NULL && b < refs->bucket_count; b++) {
		const struct g2s_refs_chunk *chunk = refs->buckets[b];
		for (; chunk != NULL; chunk = chunk->next) {
			memcpy(&all[count], chunk->items, chunk->count * sizeof(*all));
			count += chunk->count;
		}
	}
	return all;
}

/* From now on the branches are sorted by target. */
static bool sort_branches(struct g2s_refs *refs)
{
	size_t *places = calloc((1 << SORT_BITS) + 1, sizeof(*places));
	struct g2s_branch *all = places == NULL ? NULL : flatten(refs);
	struct g2s_branch *half = NULL;
	if (all != NULL) {
		free_lists(refs);
		half = calloc(refs->branch_count + 1, sizeof(*half));
	}
	if (half != NULL) {
		sort_pass(all, half, refs->branch_count, 0, places);
		sort_pass(half, all, refs->branch_count, SORT_BITS, places);
		refs->sorted = all;
		all = NULL;
	}
	free(all);
	free(half);
	free(places);
	return refs->sorted != NULL;
}

/* The first of the sorted branches that goes to a place at or behind to. */
static size_t first_to(const struct g2s_refs *refs, uint64_t to)
{
	size_t low = 0;
	size_t high = refs->branch_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (refs->sorted[middle].to < to) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* Adds those of the sorted branches that go to one of the windows. */
static bool append_sorted(const struct search *search)
{
	const struct g2s_refs *refs = search->refs;
	size_t done = 0;
	for (size_t w = 0; w < search->count; w++) {
		const struct g2s_window *window = &search->windows[w];
		size_t i = first_to(refs, window->start - refs->base);
		/* Each once, should windows overlap. */
		for (i = i < done ? done : i; i < refs->branch_count; i++) {
			uint64_t target = refs->base + refs->sorted[i].to;
			const struct g2s_reference reference = {refs->base + refs->sorted[i].from,
			                                        target, G2S_REFERENCE_BRANCH};
			if (target >= window->end) {
				break;
			}
			if (!refs_append(search->out, reference)) {
				return false;
			}
			done = i + 1;
		}
	}
	return true;
}

static bool append_bucket(const struct search *search, size_t bucket)
{
	const struct g2s_refs *refs = search->refs;
	const struct g2s_refs_chunk *chunk = refs->buckets[bucket];
	for (; chunk != NULL; chunk = chunk->next) {
		for (uint32_t i = 0; i < chunk->count; i++) {
			const struct g2s_branch *branch = &chunk->items[i];
			uint64_t target = refs->base + branch->to;
			const struct g2s_reference reference = {refs->base + branch->from, target,
			                                        G2S_REFERENCE_BRANCH};
			if (refs_is_wanted(search, target) &&
			    !refs_append(search->out, reference)) {
				return false;
			}
		}
	}
	return true;
}

/* Marks the buckets of the pages that a window touches. */
static void mark_buckets(const struct g2s_refs *refs, const struct g2s_window *window,
                         bool *marked)
{
	uint64_t first = (window->start - refs->base) >> PAGE_BITS;
	uint64_t last = (window->end - refs->base - 1) >> PAGE_BITS;
	for (uint64_t page = first; page <= last && page - first < refs->bucket_count; page++) {
		marked[page & (refs->bucket_count - 1)] = true;
	}
}

bool refs_append_branches(const struct search *search)
{
	struct g2s_refs *refs = search->refs;
	if (refs->sorted == NULL && refs->rounds++ == MANY_ROUNDS && !sort_branches(refs)) {
		return false;
	}
	if (refs->sorted != NULL) {
		return append_sorted(search);
	}
	bool *marked = calloc(refs->bucket_count + 1, sizeof(*marked));
	bool fine = marked != NULL;
	for (size_t i = 0; fine && i < search->count; i++) {
		mark_buckets(refs, &search->windows[i], marked);
	}
	for (size_t b = 0; fine && b < refs->bucket_count; b++) {
		fine = !marked[b] || append_bucket(search, b);
	}
	free(marked);
	return fine;
}

bool refs_append_takes(const struct search *search)
{
	const struct g2s_refs *refs = search->refs;
	for (size_t i = 0; i < refs->take_count; i++) {
		uint64_t target = refs->base + refs->takes[i].to;
		const struct g2s_reference reference = {refs->base + refs->takes[i].from, target,
		                                        G2S_REFERENCE_OPERAND};
		if (refs_is_wanted(search, target) && !refs_append(search->out, reference)) {
			return false;
		}
	}
	return true;
}

bool g2s_refs_each_branch(struct g2s_refs *refs,
                          bool (*visit)(void *user, uint64_t from, uint64_t to), void *user)
{
	if (!refs_collect(refs)) {
		return false;
	}
	for (size_t i = 0; refs->sorted != NULL && i < refs->branch_count; i++) {
		const struct g2s_branch *branch = &refs->sorted[i];
		if (!visit(user, refs->base + branch->from, refs->base + branch->to)) {
			return false;
		}
	}
	for (size_t b = 0; b < refs->bucket_count; b++) {
		const struct g2s_refs_chunk *chunk = refs->buckets[b];
		for (; chunk != NULL; chunk = chunk->next) {
			for (uint32_t i = 0; i < chunk->count; i++) {
				if (!visit(user, refs->base + chunk->items[i].from,
				           refs->base + chunk->items[i].to)) {
					return false;
				}
			}
		}
	}
	return true;
}
