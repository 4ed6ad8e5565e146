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
	/*
	 * Searches through all code for some windows: after so many, or when the windows have more
	 * bytes than this, collecting everything once is cheaper.
	 */
	MOST_SEARCHES = 6,
	MOST_BYTES = 1 << 16,
	/*
	 * Bytes on both sides of a function of Go for which the same search finds references, as
	 * long as there are not more of them than this.
	 */
	VICINITY = 1 << 12,
	MOST_NEIGHBOURS = 1 << 11,
};

/*
 * --- kernel entries
 * ------------------------------------------------------------------------------------
 */

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
	return add_hit(&((struct g2s_refs *)user)->hits, addr, entry);
}

static bool found_among_data(void *user, uint64_t addr, unsigned entry)
{
	struct g2s_refs *refs = user;
	return g2s_elf_is_header(refs->funcs->elf, addr) ||
	       add_hit(&refs->data_hits, addr, entry);
}

/* The bytes of [start, end), as far as the file has them; false when there are none. */
static bool view(const struct g2s_refs *refs, uint64_t start, uint64_t end, struct g2s_bytes *code)
{
	if (start >= end || !g2s_elf_view(refs->funcs->elf, start, code)) {
		return false;
	}
	code->size = end - start < code->size ? (size_t)(end - start) : code->size;
	return true;
}

/* Searches executable memory for kernel entries. */
static bool search_entries(struct g2s_refs *refs, uint64_t start, uint64_t end,
                           bool (*found)(void *user, uint64_t addr, unsigned entry))
{
	struct g2s_bytes code;
	const struct g2s_search search = {.enters = found, .user = refs};
	return !view(refs, start, end, &code) ||
	       refs->arch->search(refs->arch, code.data, code.size, start, &search);
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
			if (!search_entries(refs, at, funcs->code[next].start,
			                    found_among_data)) {
				return false;
			}
			at = funcs->code[next].end;
		}
		if (segment->exec && !search_entries(refs, at, end, found_among_data)) {
			return false;
		}
	}
	return true;
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
	bool fine = true;
	for (size_t i = 0; fine && i < funcs->code_count; i++) {
		fine = search_entries(refs, funcs->code[i].start, funcs->code[i].end, found_entry);
	}
	fine = fine && search_rest(refs);
	return fine ? G2S_OK : g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
}

void g2s_refs_free(struct g2s_refs *refs)
{
	refs_free_collected(refs);
	free(refs->known);
	free(refs->seen.items);
	free(refs->hits.items);
	free(refs->data_hits.items);
	*refs = (struct g2s_refs){0};
}

/*
 * --- windows
 * -------------------------------------------------------------------------------------------
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

static int by_place(const void *a, const void *b)
{
	const struct g2s_reference *x = a;
	const struct g2s_reference *y = b;
	if (x->place != y->place) {
		return x->place < y->place ? -1 : 1;
	}
	if (x->target != y->target) {
		return x->target < y->target ? -1 : 1;
	}
	return (x->kind > y->kind) - (x->kind < y->kind);
}

static void sort_from(struct g2s_references *references, size_t first)
{
	if (references->count != first) {
		qsort(references->items + first, references->count - first,
		      sizeof(*references->items), by_place);
	}
}

/* Windows as far as they lie in the span of code; the caller frees them.  NULL: no memory. */
static struct g2s_window *clip_windows(const struct g2s_refs *refs,
                                       const struct g2s_window *windows, size_t count,
                                       size_t *clipped_count)
{
	struct g2s_window *clipped = calloc(count + 1, sizeof(*clipped));
	*clipped_count = 0;
	for (size_t i = 0; clipped != NULL && i < count; i++) {
		uint64_t start = windows[i].start > refs->base ? windows[i].start : refs->base;
		uint64_t end = refs->base + refs->span;
		end = windows[i].end < end ? windows[i].end : end;
		if (start < end) {
			clipped[(*clipped_count)++] = (struct g2s_window){start, end};
		}
	}
	return clipped;
}

/*
 * --- what code refers to windows of code
 * -------------------------------------------------------------------------------
 */

void refs_split_code(const struct g2s_refs *refs, const struct g2s_range *code,
                     struct g2s_range parts[REFS_PARTS])
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
	parts[REFS_PART_GO] = (struct g2s_range){first, second};
	parts[2] = (struct g2s_range){second, code->end};
}

/*
 * Go's functions begin at multiples of a power of two, and nothing of Go's is entered elsewhere;
 * its code does not refer to other places of it.
 */
static bool is_entry(const struct search *search, uint64_t target)
{
	const struct g2s_funcs *funcs = search->refs->funcs;
	return !search->go || target < funcs->tab->code.start || target >= funcs->tab->code.end ||
	       (target & (funcs->go_align - 1)) == 0;
}

static bool found_operand(void *user, size_t offset, uint64_t target)
{
	const struct search *search = user;
	return refs_append(search->out, (struct g2s_reference){search->addr + offset, target,
	                                                       G2S_REFERENCE_OPERAND});
}

/* Adds a reference to code, unless it is one too many to what was not asked for. */
static bool found_reference(void *user, size_t offset, uint64_t target, int kind)
{
	struct search *search = user;
	if (!is_entry(search, target)) {
		return true;
	}
	if (search->asked != NULL &&
	    !g2s_window_has(search->asked, search->asked_count, target) &&
	    search->neighbours++ >= MOST_NEIGHBOURS) {
		return true;
	}
	return refs_append(search->out,
	                   (struct g2s_reference){search->addr + offset, target, kind});
}

static bool found_branch(void *user, size_t offset, uint64_t target)
{
	return found_reference(user, offset, target, G2S_REFERENCE_BRANCH);
}

static bool found_take(void *user, size_t offset, uint64_t target)
{
	return found_reference(user, offset, target, G2S_REFERENCE_OPERAND);
}

/* Searches one stretch of code for what refers to the windows of search. */
static bool search_stretch(struct search *search, struct g2s_range range, bool go,
                           enum g2s_operands operands, const struct g2s_sink *sink)
{
	struct g2s_bytes code;
	search->addr = range.start;
	search->go = go;
	return search->count == 0 || !view(search->refs, range.start, range.end, &code) ||
	       search->refs->arch->search_addresses(search->refs->arch, code.data, code.size,
	                                            range.start, operands,
	                                            search->windows, search->count, sink);
}

/* Searches all code for branches into the windows of search, and for what takes their address. */
static bool search_code(struct search *search)
{
	const struct g2s_sink go = {found_branch, found_take, search};
	const struct g2s_sink other = {found_branch, found_take, search};
	for (size_t i = 0; i < search->refs->funcs->code_count; i++) {
		struct g2s_range parts[REFS_PARTS];
		refs_split_code(search->refs, &search->refs->funcs->code[i], parts);
		for (unsigned part = 0; part < REFS_PARTS; part++) {
			bool is_go = part == REFS_PART_GO;
			if (!search_stretch(search, parts[part], is_go,
			                    is_go ? G2S_OPERANDS_TAKES : G2S_OPERANDS_ALL,
			                    is_go ? &go : &other)) {
				return false;
			}
		}
	}
	return true;
}

/* Sorts windows and makes one of those that overlap or touch; answers how many there are then. */
static size_t unite_windows(struct g2s_window *windows, size_t count)
{
	size_t kept = 0;
	g2s_windows_sort(windows, count);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || windows[i].start > windows[kept - 1].end) {
			windows[kept++] = windows[i];
		} else if (windows[i].end > windows[kept - 1].end) {
			windows[kept - 1].end = windows[i].end;
		}
	}
	return kept;
}

/* Whether a window is in one of those that are known. */
static bool is_known(const struct g2s_refs *refs, const struct g2s_window *window)
{
	size_t low = 0;
	size_t high = refs->known_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (refs->known[middle].end < window->end) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < refs->known_count && refs->known[low].start <= window->start;
}

/*
 * Who asks for the callers of a function of Go often asks for those of its neighbours next: a
 * window with a part of the code on both sides.
 */
static struct g2s_window widen(const struct g2s_refs *refs, struct g2s_window window)
{
	const struct g2s_pclntab *tab = refs->funcs->tab;
	if (tab == NULL || window.start < tab->code.start || window.end > tab->code.end) {
		return window;
	}
	return (struct g2s_window){
		window.start - tab->code.start < VICINITY ? tab->code.start
		                                          : window.start - VICINITY,
		tab->code.end - window.end < VICINITY ? tab->code.end : window.end + VICINITY,
	};
}

/* Windows that overlap find the same again. */
static void drop_repeated(struct g2s_references *references)
{
	size_t kept = 0;
	for (size_t i = 0; i < references->count; i++) {
		const struct g2s_reference *item = &references->items[i];
		if (kept == 0 || by_place(&references->items[kept - 1], item) != 0) {
			references->items[kept++] = *item;
		}
	}
	references->count = kept;
}

/* Notes that all references to the windows have been seen. */
static bool note_known(struct g2s_refs *refs, const struct g2s_window *windows, size_t count)
{
	if (!g2s_grow(&refs->known, &refs->known_capacity, refs->known_count + count,
	              sizeof(*refs->known))) {
		return false;
	}
	memcpy(refs->known + refs->known_count, windows, count * sizeof(*windows));
	refs->known_count = unite_windows(refs->known, refs->known_count + count);
	sort_from(&refs->seen, 0);
	drop_repeated(&refs->seen);
	return true;
}

/* Searches for the windows and what is near them; they are known then. */
static bool search_for(struct g2s_refs *refs, const struct g2s_window *windows, size_t count)
{
	struct g2s_window *wide = calloc(count + 1, sizeof(*wide));
	if (wide == NULL) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		wide[i] = widen(refs, windows[i]);
	}
	struct search search = {.refs = refs, .out = &refs->seen, .windows = wide,
	                        .asked = windows, .asked_count = count};
	search.count = unite_windows(wide, count);
	bool fine = search_code(&search);
	if (fine && search.neighbours <= MOST_NEIGHBOURS) {
		fine = note_known(refs, wide, search.count);
	} else if (fine) {
		fine = note_known(refs, windows, count);
	}
	free(wide);
	return fine;
}

/* Windows that are to be searched for. */
struct wanted {
	struct g2s_window *windows;
	size_t count;
	size_t capacity;
	uint64_t bytes;
};

static bool want(struct wanted *wanted, struct g2s_window window)
{
	if (!g2s_grow(&wanted->windows, &wanted->capacity, wanted->count + 1,
	              sizeof(*wanted->windows))) {
		return false;
	}
	wanted->windows[wanted->count++] = window;
	wanted->bytes += window.end - window.start;
	return true;
}

/*
 * Sees to it that what code refers to the windows, which lie in the span of code, is known: from a
 * search for those that are not, or from one for everything.  False when memory ran out.
 */
static bool learn(struct g2s_refs *refs, const struct g2s_window *windows, size_t count)
{
	struct wanted wanted = {0};
	bool fine = true;
	for (size_t i = 0; fine && refs->buckets == NULL && i < count; i++) {
		fine = is_known(refs, &windows[i]) || want(&wanted, windows[i]);
	}
	if (fine && wanted.count != 0) {
		if (refs->searches == MOST_SEARCHES || wanted.bytes > MOST_BYTES) {
			fine = refs_collect(refs);
		} else {
			refs->searches++;
			fine = search_for(refs, wanted.windows, wanted.count);
		}
	}
	free(wanted.windows);
	return fine;
}

/* Adds what is known and of a kind. */
static bool append_seen(const struct search *search, int kind)
{
	const struct g2s_references *seen = &search->refs->seen;
	for (size_t i = 0; i < seen->count; i++) {
		if ((int)seen->items[i].kind == kind &&
		    refs_is_wanted(search, seen->items[i].target) &&
		    !refs_append(search->out, seen->items[i])) {
			return false;
		}
	}
	return true;
}

/*
 * --- what is asked
 * -------------------------------------------------------------------------------------
 */

static bool found_near(void *user, size_t offset, uint64_t target)
{
	const struct search *search = user;
	return refs_append(search->out, (struct g2s_reference){search->addr + offset, target,
	                                                  G2S_REFERENCE_BRANCH});
}

/* Branches with a one-byte distance into a window, which are too many to keep. */
static bool search_near(struct g2s_refs *refs, struct g2s_window window,
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
static bool search_ends(struct g2s_refs *refs, struct g2s_window window,
                        struct g2s_references *out)
{
	if (window.end - window.start <= 2 * NEAR_REACH) {
		return search_near(refs, window, out);
	}
	struct g2s_window first = {window.start, window.start + NEAR_REACH};
	struct g2s_window last = {window.end - NEAR_REACH, window.end};
	return search_near(refs, first, out) && search_near(refs, last, out);
}

bool g2s_refs_branches(struct g2s_refs *refs, const struct g2s_window *windows, size_t count,
                       struct g2s_references *out)
{
	size_t before = out->count;
	struct search search = {.refs = refs, .out = out, .filter = make_filter(windows, count)};
	struct g2s_window *clipped = clip_windows(refs, windows, count, &search.count);
	search.windows = clipped;
	bool fine = search.filter != NULL && clipped != NULL &&
	            learn(refs, clipped, search.count);
	for (size_t i = 0; fine && i < count; i++) {
		fine = search_ends(refs, windows[i], out);
	}
	fine = fine && (refs->buckets != NULL ? refs_append_branches(&search)
	                                      : append_seen(&search, G2S_REFERENCE_BRANCH));
	sort_from(out, before);
	free(search.filter);
	free(clipped);
	return fine;
}

bool g2s_refs_words(struct g2s_refs *refs, const struct g2s_window *windows, size_t count,
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

/* Searches Go's code, or all other code, for operands that stand for addresses in the windows. */
static bool search_operands(const struct search *search, bool go,
                            const struct g2s_window *windows, size_t count)
{
	struct search found = *search;
	const struct g2s_sink sink = {.address = found_operand, .user = &found};
	found.windows = windows;
	found.count = count;
	for (size_t i = 0; i < search->refs->funcs->code_count; i++) {
		struct g2s_range parts[REFS_PARTS];
		refs_split_code(search->refs, &search->refs->funcs->code[i], parts);
		for (unsigned part = 0; part < REFS_PARTS; part++) {
			/* Go counts addresses from the instruction; some are out of reach. */
			bool far = count != 0 && go && windows[0].start > parts[part].end &&
			           windows[0].start - parts[part].end > INT32_MAX;
			if ((part == REFS_PART_GO) == go && !far &&
			    !search_stretch(&found, parts[part], go,
			                    go ? G2S_OPERANDS_RELATIVE : G2S_OPERANDS_ALL,
			                    &sink)) {
				return false;
			}
		}
	}
	return true;
}

static bool search_addresses(const struct search *search)
{
	struct g2s_refs *refs = search->refs;
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
	if (!learn(refs, search->windows + first, last - first) ||
	    !search_operands(search, true, search->windows, first) ||
	    !search_operands(search, true, search->windows + last, search->count - last)) {
		return false;
	}
	if (refs->buckets != NULL) {
		return search_operands(search, false, search->windows, search->count) &&
		       refs_append_takes(search);
	}
	return search_operands(search, false, search->windows, first) &&
	       search_operands(search, false, search->windows + last, search->count - last) &&
	       append_seen(search, G2S_REFERENCE_OPERAND);
}

/* Operands first, sorted by place; with data, words and methods after them. */
static bool find_addresses(struct g2s_refs *refs, const struct g2s_window *windows, size_t count,
                           bool data, struct g2s_references *out)
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
	sort_from(out, before);
	fine = fine && (!data || (refs_search_data(&search) && refs_search_methods(&search) &&
	                          refs_search_distances(&search)));
	free(filter);
	return fine;
}

bool g2s_refs_operands(struct g2s_refs *refs, const struct g2s_window *windows, size_t count,
                       struct g2s_references *out)
{
	return find_addresses(refs, windows, count, false, out);
}

bool g2s_refs_addresses(struct g2s_refs *refs, const struct g2s_window *windows, size_t count,
                        struct g2s_references *out)
{
	return find_addresses(refs, windows, count, true, out);
}
