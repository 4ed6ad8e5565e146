/* SPDX-License-Identifier: MIT */
/* Pointers in data: words that hold addresses, and the distances of Go's methods. */
#include "refs_parts.h"

#include "g2s/memory.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum {
	/*
	 * Words of the runtime's moduledata that point at the starts of sections, not at
	 * objects.
	 */
	MODULE_WORDS = 64,
	/* Windows further apart than this are looked for in data one after the other. */
	FAR_APART = 1 << 30,
	/* Groups of windows beyond which every word of data is looked at instead. */
	MAX_GROUPS = 8,
	/* Bytes of the largest table of distances. */
	TABLE_REACH = 1 << 16,
};

/*
 * Tables that hold addresses for other purposes than calling: pclntab, moduledata, the ELF
 * symbols.
 */
static bool is_table(const struct g2s_refs *refs, uint64_t addr)
{
	const struct g2s_pclntab *tab = refs->funcs->tab;
	if (g2s_elf_is_loader_table(refs->funcs->elf, addr) ||
	    g2s_elf_is_header(refs->funcs->elf, addr)) {
		return true;
	}
	if (tab == NULL) {
		return false;
	}
	return (addr >= tab->addr && addr < tab->end) ||
	       (tab->moduledata.start != 0 && addr >= tab->moduledata.start &&
	        addr < tab->moduledata.start + (uint64_t)MODULE_WORDS * tab->word);
}

bool refs_are_loose(const struct g2s_refs *refs)
{
	return refs->funcs->tab == NULL && !refs->funcs->go_unlisted &&
	       refs->funcs->elf->type == ET_EXEC;
}

/* Reads width bytes at offset of what is searched; false when they are not all there. */
static bool word_of(const struct search *search, size_t offset, unsigned width, uint64_t *out)
{
	*out = 0;
	if (search->size - offset < width) {
		return false;
	}
	memcpy(out, search->data + offset, width);
	return true;
}

/* True when instructions are expected at place. */
static bool is_code(const struct g2s_refs *refs, uint64_t place)
{
	const struct g2s_funcs *funcs = refs->funcs;
	size_t low = 0;
	size_t high = funcs->code_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (funcs->code[middle].end <= place) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < funcs->code_count && place >= funcs->code[low].start;
}

/* A word of data that may be an address of interest: the lower half of it is. */
static bool found_word(void *user, size_t offset)
{
	const struct search *search = user;
	const struct g2s_refs *refs = search->refs;
	unsigned word = refs->arch->word;
	uint64_t place = search->addr + offset;
	uint64_t value;
	/* Between instructions whole words alone are no accident. */
	bool loose = search->loose && !is_code(refs, place);
	if ((place & (word - 1)) != 0 && !loose) {
		return true;
	}
	bool wanted = word_of(search, offset, word, &value) && refs_is_wanted(search, value);
	if (!wanted && loose && (place & 3) == 0) {
		wanted = word_of(search, offset, 4, &value) && refs_is_wanted(search, value);
	}
	return !wanted || is_table(refs, place) ||
	       refs_append(search->out, (struct g2s_reference){place, value, G2S_REFERENCE_DATA});
}

/* What all addresses of interest in some windows are multiples of: Go's functions are aligned. */
static uint32_t align_of(const struct search *search, size_t first, size_t last)
{
	const struct g2s_funcs *funcs = search->refs->funcs;
	bool starts = funcs->tab != NULL &&
	              search->windows[first].start >= funcs->tab->code.start &&
	              search->windows[last - 1].end <= funcs->tab->code.end;
	for (size_t i = first; starts && i < last; i++) {
		starts = search->windows[i].end - search->windows[i].start == 1 &&
		         (search->windows[i].start & (funcs->go_align - 1)) == 0;
	}
	return starts ? (uint32_t)funcs->go_align : 1;
}

/* Groups the windows by how far they are apart, once for all data. */
static void make_groups(struct search *search, struct g2s_words groups[MAX_GROUPS])
{
	size_t count = 0;
	for (size_t first = 0; first < search->count;) {
		uint64_t low = search->windows[first].start;
		size_t next = first + 1;
		while (next < search->count && search->windows[next].end - low < FAR_APART) {
			next++;
		}
		if (count == MAX_GROUPS) {
			groups[0] = (struct g2s_words){.low = 0, .span = UINT32_MAX, .align = 1};
			count = 1;
			break;
		}
		uint64_t span = search->windows[next - 1].end - low;
		groups[count++] = (struct g2s_words){
			.low = (uint32_t)low,
			.span = span < UINT32_MAX ? (uint32_t)span : UINT32_MAX,
			.align = align_of(search, first, next),
		};
		first = next;
	}
	search->groups = groups;
	search->group_count = count;
}

/* Searches size bytes of data at addr for words, from each of the first phases bytes on. */
static bool search_bytes(struct search *search, const uint8_t *data, uint64_t addr, size_t size,
                         unsigned phases)
{
	for (unsigned phase = 0; phase < phases && phase < size; phase++) {
		search->addr = addr + phase;
		search->data = data + phase;
		search->size = size - phase;
		for (size_t i = 0; i < search->group_count; i++) {
			if (!g2s_words_search(G2S_WORDS_BEST, search->data, search->size,
			                      search->groups[i], found_word, search)) {
				return false;
			}
		}
	}
	return true;
}

/* What is done with a stretch of data. */
typedef bool (*data_visit)(struct search *search, const uint8_t *data, uint64_t addr, size_t size);

/* Hands visit [start, end) of a segment, less Go's text and its function table. */
static bool each_part(struct search *search, const struct g2s_segment *segment, uint64_t start,
                      uint64_t end, data_visit visit)
{
	const struct g2s_pclntab *tab = search->refs->funcs->tab;
	if (start >= end) {
		return true;
	}
	for (unsigned i = 0; tab != NULL && i < 2; i++) {
		struct g2s_range part = tab->code;
		if (i == 1) {
			part = (struct g2s_range){tab->addr, tab->end};
		}
		if (part.start < end && part.end > start) {
			return each_part(search, segment, start, part.start, visit) &&
			       each_part(search, segment, part.end, end, visit);
		}
	}
	return visit(search, segment->bytes.data + (start - segment->addr), start,
	             (size_t)(end - start));
}

/*
 * Hands visit everything that is neither Go's text nor its function table; of segments that were
 * moved only when moved is true.
 */
static bool each_data(struct search *search, bool moved, data_visit visit)
{
	const struct g2s_elf *elf = search->refs->funcs->elf;
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct g2s_segment *segment = &elf->segments[i];
		if ((moved || !segment->moved) &&
		    !each_part(search, segment, segment->addr,
		               segment->addr + segment->bytes.size, visit)) {
			return false;
		}
	}
	return true;
}

static bool search_words(struct search *search, const uint8_t *data, uint64_t addr, size_t size)
{
	size_t skipped = search->loose ? 0 : (size_t)(-addr & 3);
	return skipped >= size ||
	       search_bytes(search, data + skipped, addr + skipped, size - skipped,
	                    search->loose ? 4 : 1);
}

static bool found_method(void *user, size_t offset);

/* Searches for the numbers of methods. */
static bool search_numbers(struct search *search, const uint8_t *data, uint64_t addr, size_t size)
{
	size_t skipped = (size_t)(-addr & 3);
	if (skipped >= size) {
		return true;
	}
	search->addr = addr + skipped;
	search->data = data + skipped;
	search->size = size - skipped;
	return g2s_words_search(G2S_WORDS_BEST, search->data, search->size, search->words,
	                        found_method, search);
}

/* Those of the loader's words that do not hold their value already in the file. */
static bool search_relocs(const struct search *search)
{
	const struct g2s_elf *elf = search->refs->funcs->elf;
	for (size_t i = 0; i < elf->reloc_count; i++) {
		const struct g2s_reloc *reloc = &elf->relocs[i];
		uint64_t raw = 0;
		struct g2s_bytes view;
		if (reloc->foreign || reloc->slot || !refs_is_wanted(search, reloc->value) ||
		    is_table(search->refs, reloc->addr)) {
			continue;
		}
		bool seen = (reloc->addr & (elf->word - 1)) == 0 &&
		            g2s_elf_view(elf, reloc->addr, &view) &&
		            g2s_bytes_uint(view, 0, elf->word, &raw) && raw == reloc->value;
		const struct g2s_reference reference = {reloc->addr, reloc->value,
		                                        G2S_REFERENCE_DATA};
		if (!seen && !refs_append(search->out, reference)) {
			return false;
		}
	}
	return true;
}

bool refs_search_data(struct search *search)
{
	struct g2s_words groups[MAX_GROUPS];
	make_groups(search, groups);
	bool fine = each_data(search, false, search_words) && search_relocs(search);
	search->groups = NULL;
	return fine;
}

/* True for the start of a Go function; where no table lists them, for any code. */
static bool starts_function(const struct g2s_refs *refs, uint64_t addr)
{
	if (refs->funcs->tab == NULL) {
		return g2s_elf_is_code(refs->funcs->elf, addr);
	}
	const struct g2s_function *function = g2s_funcs_find(refs->funcs, addr);
	return function != NULL && function->start == addr;
}

/*
 * True when a name of Go's type data stands at addr: flags, length, text.  The length is a varint
 * (internal/abi, Name), here of one or two bytes; until Go 1.16 it was two bytes, the high one
 * first (reflect/type.go), which is 0 for all names but monstrous ones.
 */
static bool is_name(const struct g2s_elf *elf, uint64_t addr)
{
	struct g2s_bytes view;
	uint64_t flags, length, high = 0;
	if (!g2s_elf_view(elf, addr, &view) || !g2s_bytes_uint(view, 0, 1, &flags) || flags > 15 ||
	    !g2s_bytes_uint(view, 1, 1, &length)) {
		return false;
	}
	size_t at = 2;
	if (length == 0 && (!g2s_bytes_uint(view, at++, 1, &length) || length == 0)) {
		return false;
	}
	if (at == 2 && (length & 0x80) != 0) {
		if (!g2s_bytes_uint(view, at++, 1, &high) || high > 15) {
			return false;
		}
		length = (length & 0x7f) | high << 7;
	}
	struct g2s_bytes text;
	if (!g2s_bytes_slice(view, at, length, &text)) {
		return false;
	}
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		              c >= 0x80;
		if (!letter && (i == 0 || c < '0' || c > '9')) {
			return false;
		}
	}
	return true;
}

/*
 * True when a method's numbers stand at offset of what is searched: a name, a type, and two that
 * lead to functions.  Name and type count from the same base, and a type's data begins with a
 * pointer's alignment, which tells a method's own type from the function it may look like.
 */
static bool is_method(const struct search *search, size_t offset)
{
	const struct g2s_pclntab *tab = search->refs->funcs->record;
	uint32_t method[4];
	if (search->size < sizeof(method) || offset > search->size - sizeof(method)) {
		return false;
	}
	memcpy(method, search->data + offset, sizeof(method));
	/* Distance 0 stands for a method that the linker dropped, as does -1. */
	if (method[2] == 0 || method[3] == 0 ||
	    !starts_function(search->refs, search->text + method[2]) ||
	    !starts_function(search->refs, search->text + method[3])) {
		return false;
	}
	bool named = tab->base_count == 0;
	for (unsigned i = 0; i < tab->base_count && !named; i++) {
		bool typed = method[1] == UINT32_MAX ||
		             ((tab->bases[i] + method[1]) & (tab->word - 1)) == 0;
		named = typed && is_name(search->refs->funcs->elf, tab->bases[i] + method[0]);
	}
	return named;
}

static bool found_method(void *user, size_t offset)
{
	const struct search *search = user;
	uint64_t distance;
	(void)word_of(search, offset, 4, &distance);
	return !refs_is_wanted(search, search->text + distance) ||
	       !((offset >= 8 && is_method(search, offset - 8)) ||
	         (offset >= 12 && is_method(search, offset - 12))) ||
	       refs_append(search->out, (struct g2s_reference){search->addr + offset,
	                                                  search->text + distance,
	                                                  G2S_REFERENCE_METHOD});
}

/*
 * Methods of Go types are reached by 32-bit distances from the start of text (internal/abi:
 * type Method struct {Name, Mtyp, Ifn, Tfn}): two in a row that lead to functions.  Where type data
 * is, Go's versions say in different ways; so all data is searched.
 */
bool refs_search_methods(struct search *search)
{
	const struct g2s_refs *refs = search->refs;
	const struct g2s_pclntab *tab = refs->funcs->record;
	const struct g2s_window *last = &search->windows[search->count - 1];
	if (tab == NULL || last->end <= tab->code.start ||
	    search->windows[0].start >= tab->code.end) {
		return true;
	}
	search->text = tab->text != 0 ? tab->text : tab->code.start;
	uint64_t span = last->end - search->windows[0].start;
	search->words = (struct g2s_words){
		.low = (uint32_t)(search->windows[0].start - search->text),
		.span = span < UINT32_MAX ? (uint32_t)span : UINT32_MAX,
		.align = (uint32_t)refs->funcs->go_align,
	};
	return each_data(search, true, search_numbers);
}

/*
 * --- tables of distances
 * ---------------------------------------------------------------------------
 */

/* A word that could be the distance of target from a table's start. */
struct distance {
	uint64_t place;
	uint64_t target;
	uint64_t base;
};

struct distances {
	struct distance *items;
	size_t count;
	size_t capacity;
};

/* The last window that begins at or before addr, or NULL. */
static const struct g2s_window *window_before(const struct search *search, uint64_t addr)
{
	size_t low = 0;
	size_t high = search->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (search->windows[middle].start <= addr) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low == 0 ? NULL : &search->windows[low - 1];
}

/* True when two addresses are of one file: distances between files are not known to either. */
static bool is_near(const struct g2s_elf *elf, uint64_t a, uint64_t b)
{
	const struct g2s_segment *first = g2s_elf_segment(elf, a);
	const struct g2s_segment *second = g2s_elf_segment(elf, b);
	return first != NULL && second != NULL && first->object == second->object;
}

/* Takes the words of one stretch of data that could be such distances. */
static bool take_distances(struct search *search, const uint8_t *data, uint64_t addr, size_t size)
{
	/* Without headers nobody knows code from data in a segment that has both. */
	bool headers = search->refs->funcs->elf->section_count != 0;
	for (size_t at = (size_t)(-addr & 3); size - at >= 4 && at < size; at += 4) {
		int32_t word;
		uint64_t place = addr + at;
		memcpy(&word, data + at, sizeof(word));
		/* place - base is what place + word is beyond the target. */
		uint64_t beyond = place + (uint64_t)(int64_t)word;
		const struct g2s_window *window = window_before(search, beyond);
		if (window == NULL || window->end - window->start != 1 ||
		    beyond - window->start >= TABLE_REACH ||
		    (headers && is_code(search->refs, place))) {
			continue;
		}
		uint64_t behind = beyond - window->start;
		struct distances *to = search->distances;
		if (behind > at || behind % 4 != 0 || is_table(search->refs, place) ||
		    g2s_elf_is_unwind(search->refs->funcs->elf, place) ||
		    !is_near(search->refs->funcs->elf, place, window->start)) {
			continue;
		}
		if (!g2s_grow(&to->items, &to->capacity, to->count + 1, sizeof(*to->items))) {
			return false;
		}
		to->items[to->count++] = (struct distance){place, window->start, place - behind};
	}
	return true;
}

static int by_base(const void *a, const void *b)
{
	const struct distance *x = a;
	const struct distance *y = b;
	if (x->base != y->base) {
		return x->base < y->base ? -1 : 1;
	}
	return x->place < y->place ? -1 : x->place > y->place;
}

/*
 * True when each word of [from, to) is a distance from base to code: compilers' tables are all of
 * one kind.
 */
static bool leads_to_code(const struct search *search, uint64_t base, uint64_t from, uint64_t to)
{
	const struct g2s_elf *elf = search->refs->funcs->elf;
	struct g2s_bytes data;
	if (!g2s_elf_view(elf, from, &data) || data.size < to - from) {
		return false;
	}
	for (size_t at = 0; at < to - from; at += 4) {
		int32_t word;
		memcpy(&word, data.data + at, sizeof(word));
		if (!is_code(search->refs, base + (uint64_t)(int64_t)word)) {
			return false;
		}
	}
	return true;
}

/* Adds the distances from places that code takes the address of; they are sorted by base. */
static bool add_distances(struct search *search, struct distances *from)
{
	struct g2s_window *bases = calloc(from->count + 1, sizeof(*bases));
	struct g2s_references taken = {0};
	size_t count = 0;
	bool fine = bases != NULL;
	for (size_t i = 0; fine && i < from->count; i++) {
		uint64_t base = from->items[i].base;
		if (count == 0 || bases[count - 1].start != base) {
			bases[count++] = (struct g2s_window){base, base + 1};
		}
	}
	fine = fine && g2s_refs_operands(search->refs, bases, count, &taken);
	for (size_t i = 0; fine && i < taken.count; i++) {
		struct distance key = {.base = taken.items[i].target};
		size_t low = 0;
		size_t high = from->count;
		while (low < high) {
			size_t middle = low + (high - low) / 2;
			if (by_base(&from->items[middle], &key) < 0) {
				low = middle + 1;
			} else {
				high = middle;
			}
		}
		uint64_t checked = key.base;
		for (; fine && low < from->count && from->items[low].base == key.base; low++) {
			struct distance *one = &from->items[low];
			if (!leads_to_code(search, key.base, checked, one->place)) {
				break;
			}
			checked = one->place;
			/* Once for each, however often the table is named. */
			fine = one->target == 0 ||
			       refs_append(search->out,
			                   (struct g2s_reference){one->place, one->target,
			                                          G2S_REFERENCE_DATA});
			one->target = 0;
		}
	}
	free(taken.items);
	free(bases);
	return fine;
}

/*
 * Compilers also write tables of 32-bit distances from the table's start, to which code adds
 * that.  Where a table begins shows in code alone: something takes its address.
 */
bool refs_search_distances(struct search *search)
{
	struct distances found = {0};
	const struct g2s_funcs *funcs = search->refs->funcs;
	if (funcs->tab != NULL || funcs->go_unlisted) {
		return true;
	}
	search->distances = &found;
	bool fine = each_data(search, true, take_distances);
	if (fine && found.count != 0) {
		qsort(found.items, found.count, sizeof(*found.items), by_base);
		fine = add_distances(search, &found);
	}
	free(found.items);
	return fine;
}
