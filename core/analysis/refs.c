/* SPDX-License-Identifier: MIT */
#include "g2s/analysis/refs.h"

#include "g2s/memory.h"
#include "refs_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* How far a branch with a one-byte distance reaches, its own bytes included. */
	NEAR_REACH = 130,
	/* The bits of an address that the first, coarse test for a window looks at. */
	GRAIN = 4,
	FILTER_BITS = 1 << 16,
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

/*
 * --- what is collected once
 * ----------------------------------------------------------------------------
 */

/* What is being built, and the address that "from" counts from. */
struct build {
	struct g2s_refs *refs;
	uint64_t addr;
};

static bool add_hit(struct g2s_hits *hits, uint64_t addr, unsigned entry)
{
	if (!g2s_grow(&hits->items, &hits->capacity, hits->count + 1, sizeof(*hits->items))) {
		return false;
	}
	hits->items[hits->count++] = (struct g2s_hit){addr, entry};
	return true;
}

static bool found_entry(void *user, uint64_t addr, unsigned entry)
{
	return add_hit(&((struct build *)user)->refs->hits, addr, entry);
}

static bool found_among_data(void *user, uint64_t addr, unsigned entry)
{
	struct g2s_refs *refs = ((struct build *)user)->refs;
	return g2s_elf_is_header(refs->funcs->elf, addr) ||
	       add_hit(&refs->data_hits, addr, entry);
}

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
	const struct build *build = user;
	struct g2s_refs *refs = build->refs;
	uint32_t shift = (uint32_t)(build->addr - refs->base);
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
	const struct build *build = user;
	struct g2s_refs *refs = build->refs;
	if (!g2s_grow(&refs->takes, &refs->take_capacity, refs->take_count + count,
	              sizeof(*refs->takes))) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		refs->takes[refs->take_count++] = (struct g2s_branch){
			items[i].from + (uint32_t)(build->addr - refs->base), items[i].to};
	}
	return true;
}

/* Up to three stretches of code: before Go's text, in it, behind it. */
static void split_code(const struct g2s_refs *refs, const struct g2s_range *code,
                       struct g2s_range parts[3])
{
	struct g2s_range go = {code->end, code->end};
	if (refs->funcs->tab != NULL) {
		go = refs->funcs->tab->code;
	}
	uint64_t first = go.start < code->start ? code->start
	                 : go.start > code->end ? code->end
	                                        : go.start;
	uint64_t second = go.end < first ? first : go.end > code->end ? code->end : go.end;
	parts[0] = (struct g2s_range){code->start, first};
	parts[1] = (struct g2s_range){first, second};
	parts[2] = (struct g2s_range){second, code->end};
}

/* Searches one stretch of code that is all Go's or all not. */
static bool search_code(struct g2s_refs *refs, uint64_t start, uint64_t end, bool go)
{
	struct g2s_bytes code;
	if (start >= end || !g2s_elf_view(refs->funcs->elf, start, &code)) {
		return true;
	}
	struct build build = {refs, start};
	struct g2s_search search = {
		.go = go,
		.base = refs->base,
		.span = refs->span,
		.align = 1,
		.enters = found_entry,
		.branches = found_branches,
		.takes = found_takes,
		.user = &build,
	};
	/* Go's functions begin at multiples of this, and nothing of Go's is entered elsewhere. */
	if (go) {
		search.aligned = (struct g2s_window){refs->funcs->tab->code.start,
		                                     refs->funcs->tab->code.end};
		search.align = refs->funcs->go_align;
	}
	size_t size = end - start < code.size ? (size_t)(end - start) : code.size;
	return refs->arch->search(code.data, size, start, &search);
}

/* Searches [start, end), which is executable memory but said to be data, for kernel entries. */
static bool search_data_in_code(struct g2s_refs *refs, uint64_t start, uint64_t end)
{
	struct g2s_bytes code;
	struct build build = {refs, start};
	struct g2s_search search = {.align = 1, .enters = found_among_data, .user = &build};
	return start >= end || !g2s_elf_view(refs->funcs->elf, start, &code) ||
	       refs->arch->search(code.data, (size_t)(end - start), start, &search);
}

/* The parts of executable segments that are not among the ranges of code. */
static bool search_rest(struct g2s_refs *refs)
{
	const struct g2s_funcs *funcs = refs->funcs;
	size_t next = 0;
	for (size_t i = 0; i < funcs->elf->segment_count; i++) {
		const struct g2s_segment *segment = &funcs->elf->segments[i];
		uint64_t end = segment->addr + segment->bytes.size;
		uint64_t at = segment->addr;
		for (; segment->exec && next < funcs->code_count && funcs->code[next].start < end;
		     next++) {
			if (!search_data_in_code(refs, at, funcs->code[next].start)) {
				return false;
			}
			at = funcs->code[next].end;
		}
		if (segment->exec && !search_data_in_code(refs, at, end)) {
			return false;
		}
	}
	return true;
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

enum g2s_code g2s_refs_build(struct g2s_refs *refs, const struct g2s_arch *arch,
                             const struct g2s_funcs *funcs, struct g2s_error *err)
{
	*refs = (struct g2s_refs){.arch = arch, .funcs = funcs};
	if (funcs->code_count == 0) {
		return G2S_OK;
	}
	refs->base = funcs->code[0].start;
	refs->span = funcs->code[funcs->code_count - 1].end - refs->base;
	if (refs->span > UINT32_MAX) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "the code is spread over more than 4 GiB");
	}
	bool fine = make_buckets(refs);
	for (size_t i = 0; fine && i < funcs->code_count; i++) {
		struct g2s_range parts[3];
		split_code(refs, &funcs->code[i], parts);
		fine = search_code(refs, parts[0].start, parts[0].end, false) &&
		       search_code(refs, parts[1].start, parts[1].end, true) &&
		       search_code(refs, parts[2].start, parts[2].end, false);
	}
	fine = fine && search_rest(refs);
	return fine ? G2S_OK : g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
}

void g2s_refs_free(struct g2s_refs *refs)
{
	while (refs->slabs != NULL) {
		struct g2s_refs_slab *next = refs->slabs->next;
		free(refs->slabs);
		refs->slabs = next;
	}
	free(refs->buckets);
	free(refs->takes);
	free(refs->hits.items);
	free(refs->data_hits.items);
	*refs = (struct g2s_refs){0};
}

/*
 * --- what is asked
 * -------------------------------------------------------------------------------------
 */

bool refs_append(struct g2s_references *out, struct g2s_reference reference)
{
	if (!g2s_grow(&out->items, &out->capacity, out->count + 1, sizeof(*out->items))) {
		return false;
	}
	out->items[out->count++] = reference;
	return true;
}

/* A bit for every 16 bytes that a window touches; many addresses share a bit. */
static uint8_t *make_filter(const struct g2s_window *windows, size_t count)
{
	uint8_t *filter = calloc(FILTER_BITS / 8, 1);
	for (size_t i = 0; filter != NULL && i < count; i++) {
		uint64_t first = windows[i].start >> GRAIN;
		uint64_t last = (windows[i].end - 1) >> GRAIN;
		for (uint64_t g = first; g <= last && g - first < FILTER_BITS; g++) {
			filter[g % FILTER_BITS / 8] |= (uint8_t)(1 << g % 8);
		}
	}
	return filter;
}

bool refs_is_wanted(const struct search *search, uint64_t addr)
{
	uint64_t g = addr >> GRAIN;
	return (search->filter[g % FILTER_BITS / 8] >> g % 8 & 1) != 0 &&
	       g2s_window_has(search->windows, search->count, addr);
}

static bool found_near(void *user, size_t offset, uint64_t target)
{
	const struct search *search = user;
	return refs_append(search->out, (struct g2s_reference){search->addr + offset, target,
	                                                  G2S_REFERENCE_BRANCH});
}

/* Branches with a one-byte distance into a window, which are too many to keep. */
static bool search_near(const struct g2s_refs *refs, struct g2s_window window,
                        struct g2s_references *out)
{
	const struct g2s_segment *segment = g2s_elf_segment(refs->funcs->elf, window.start);
	struct g2s_bytes code;
	if (segment == NULL || !segment->exec) {
		return true;
	}
	uint64_t segment_end = segment->addr + segment->bytes.size;
	uint64_t start = window.start - segment->addr < NEAR_REACH ? segment->addr
	                                                           : window.start - NEAR_REACH;
	uint64_t end = segment_end - window.end < NEAR_REACH || window.end > segment_end
	                       ? segment_end
	                       : window.end + NEAR_REACH;
	struct search search = {.refs = refs, .out = out, .addr = start};
	struct g2s_sink sink = {.branch = found_near, .user = &search};
	return start >= end || !g2s_elf_view(refs->funcs->elf, start, &code) ||
	       refs->arch->search_near(code.data, (size_t)(end - start), start, window, &sink);
}

/* Into the inside of a large window such a branch comes from the window itself. */
static bool search_ends(const struct g2s_refs *refs, struct g2s_window window,
                        struct g2s_references *out)
{
	if (window.end - window.start <= 2 * NEAR_REACH) {
		return search_near(refs, window, out);
	}
	struct g2s_window first = {window.start, window.start + NEAR_REACH};
	struct g2s_window last = {window.end - NEAR_REACH, window.end};
	return search_near(refs, first, out) && search_near(refs, last, out);
}

static int by_place(const void *a, const void *b)
{
	const struct g2s_reference *x = a;
	const struct g2s_reference *y = b;
	if (x->place != y->place) {
		return x->place < y->place ? -1 : 1;
	}
	return x->target < y->target ? -1 : x->target > y->target;
}

static bool search_bucket(const struct search *search, size_t bucket)
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
	uint64_t low = window->start < refs->base ? 0 : window->start - refs->base;
	uint64_t high = window->end - refs->base;
	if (window->end <= refs->base || low >= refs->span) {
		return;
	}
	high = high > refs->span ? refs->span : high;
	uint64_t first = low >> PAGE_BITS;
	uint64_t last = (high - 1) >> PAGE_BITS;
	for (uint64_t page = first; page <= last && page - first < refs->bucket_count; page++) {
		marked[page & (refs->bucket_count - 1)] = true;
	}
}

bool g2s_refs_branches(const struct g2s_refs *refs, const struct g2s_window *windows,
                       size_t count, struct g2s_references *out)
{
	size_t before = out->count;
	uint8_t *filter = make_filter(windows, count);
	bool *marked = calloc(refs->bucket_count + 1, sizeof(*marked));
	bool fine = filter != NULL && marked != NULL;
	for (size_t i = 0; fine && i < count; i++) {
		mark_buckets(refs, &windows[i], marked);
		fine = search_ends(refs, windows[i], out);
	}
	const struct search search = {
		.refs = refs, .out = out, .windows = windows, .count = count, .filter = filter};
	for (size_t b = 0; fine && b < refs->bucket_count; b++) {
		fine = !marked[b] || search_bucket(&search, b);
	}
	if (out->count != before) {
		qsort(out->items + before, out->count - before, sizeof(*out->items), by_place);
	}
	free(marked);
	free(filter);
	return fine;
}

bool g2s_refs_each_branch(const struct g2s_refs *refs,
                          bool (*visit)(void *user, uint64_t from, uint64_t to), void *user)
{
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

bool g2s_refs_words(const struct g2s_refs *refs, const struct g2s_window *windows, size_t count,
                    struct g2s_references *out)
{
	uint8_t *filter = make_filter(windows, count);
	struct search search = {
		.refs = refs, .out = out, .windows = windows, .count = count, .filter = filter};
	bool fine = filter != NULL;
	if (fine && count != 0) {
		fine = refs_search_data(&search) &&
		       (refs->funcs->tab != NULL || refs_search_methods(&search));
	}
	free(filter);
	return fine;
}

static bool found_operand(void *user, size_t offset, uint64_t target)
{
	const struct search *search = user;
	return refs_append(search->out, (struct g2s_reference){search->addr + offset, target,
	                                                  G2S_REFERENCE_OPERAND});
}

/* Searches one stretch of code that is all Go's or all not for operands. */
static bool search_operands(const struct search *search, struct g2s_range range, bool go,
                            const struct g2s_window *windows, size_t count)
{
	struct g2s_bytes code;
	struct search found = {.refs = search->refs, .out = search->out, .addr = range.start};
	struct g2s_sink sink = {.address = found_operand, .user = &found};
	/* Go counts addresses from the instruction; some are out of reach. */
	bool far = count != 0 && go && windows[0].start > range.end &&
	           windows[0].start - range.end > INT32_MAX;
	return count == 0 || far || range.start >= range.end ||
	       !g2s_elf_view(search->refs->funcs->elf, range.start, &code) ||
	       search->refs->arch->search_addresses(code.data, (size_t)(range.end - range.start),
	                                            range.start, go, windows, count, &sink);
}

/* Where Go's code takes the address of code was noted when all of it was searched. */
static bool search_takes(const struct search *search)
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

static bool search_addresses(struct search *search)
{
	const struct g2s_refs *refs = search->refs;
	/* The windows that lie in code, [first, last). */
	size_t first = 0;
	while (first < search->count && search->windows[first].start < refs->base) {
		first++;
	}
	size_t last = first;
	while (last < search->count &&
	       search->windows[last].end - refs->base <= refs->span) {
		last++;
	}
	for (size_t i = 0; i < refs->funcs->code_count; i++) {
		struct g2s_range parts[3];
		split_code(refs, &refs->funcs->code[i], parts);
		for (unsigned part = 0; part < 3; part += 2) {
			if (!search_operands(search, parts[part], false, search->windows,
			                     search->count)) {
				return false;
			}
		}
		if (!search_operands(search, parts[1], true, search->windows, first) ||
		    !search_operands(search, parts[1], true, search->windows + last,
		                     search->count - last)) {
			return false;
		}
	}
	return search_takes(search);
}

/* Operands first, sorted by place; with data, words and methods after them. */
static bool find_addresses(const struct g2s_refs *refs, const struct g2s_window *windows,
                           size_t count, bool data, struct g2s_references *out)
{
	if (count == 0 || refs->funcs->code_count == 0) {
		return true;
	}
	size_t before = out->count;
	uint8_t *filter = make_filter(windows, count);
	struct search search = {
		.refs = refs, .out = out, .windows = windows, .count = count, .filter = filter,
		.loose = refs_are_loose(refs)};
	bool fine = filter != NULL && search_addresses(&search);
	if (out->count != before) {
		qsort(out->items + before, out->count - before, sizeof(*out->items), by_place);
	}
	fine = fine && (!data || (refs_search_data(&search) && refs_search_methods(&search) &&
	                          refs_search_distances(&search)));
	free(filter);
	return fine;
}

bool g2s_refs_operands(const struct g2s_refs *refs, const struct g2s_window *windows,
                       size_t count, struct g2s_references *out)
{
	return find_addresses(refs, windows, count, false, out);
}

bool g2s_refs_addresses(const struct g2s_refs *refs, const struct g2s_window *windows,
                        size_t count, struct g2s_references *out)
{
	return find_addresses(refs, windows, count, true, out);
}
