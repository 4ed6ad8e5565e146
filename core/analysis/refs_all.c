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
	return refs->arch->search(refs->arch, code.data, size < code.size ? (size_t)size : code.size,
	                          range.start, &search);
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

void refs_free_collected(struct g2s_refs *refs)
{
	while (refs->slabs != NULL) {
		struct g2s_refs_slab *next = refs->slabs->next;
		free(refs->slabs);
		refs->slabs = next;
	}
	free(refs->buckets);
	free(refs->takes);
	refs->buckets = NULL;
	refs->bucket_count = 0;
	refs->takes = NULL;
	refs->take_count = 0;
	refs->take_capacity = 0;
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
	const struct g2s_refs *refs = search->refs;
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
