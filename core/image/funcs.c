/* SPDX-License-Identifier: MIT */
#include "g2s/image/funcs.h"

#include "g2s/image/ehframe.h"
#include "g2s/memory.h"
#include "elf_parts.h"

#include <stdlib.h>
#include <string.h>

/* A function that is not Go's, and what orders those that start together. */
struct foreign {
	struct g2s_function function;
	uint64_t size;
	uint64_t name;
};

struct foreigners {
	struct foreign *items;
	size_t count;
	size_t capacity;
};

static bool add(struct foreigners *to, const struct foreign *foreign)
{
	if (!g2s_grow(&to->items, &to->capacity, to->count + 1, sizeof(*to->items))) {
		return false;
	}
	to->items[to->count++] = *foreign;
	return true;
}

bool g2s_funcs_is_go(const struct g2s_funcs *funcs, uint64_t addr)
{
	return funcs->tab != NULL && addr >= funcs->tab->code.start && addr < funcs->tab->code.end;
}

bool g2s_funcs_calls_as_go(const struct g2s_funcs *funcs, uint64_t addr)
{
	return funcs->go_unlisted || g2s_funcs_is_go(funcs, addr);
}

/*
 * By start; of those that start together symbols come first, with the largest size before aliases
 * and labels of the same place.
 */
static int by_start(const void *a, const void *b)
{
	const struct foreign *x = a;
	const struct foreign *y = b;
	if (x->function.start != y->function.start) {
		return x->function.start < y->function.start ? -1 : 1;
	}
	if ((x->function.symbol != 0) != (y->function.symbol != 0)) {
		return x->function.symbol != 0 ? -1 : 1;
	}
	if (x->size != y->size) {
		return x->size > y->size ? -1 : 1;
	}
	if (x->name != y->name) {
		return x->name < y->name ? -1 : 1;
	}
	return x->function.symbol < y->function.symbol ? -1
	                                               : x->function.symbol > y->function.symbol;
}

static bool add_code(struct g2s_funcs *funcs, size_t *capacity, uint64_t start, uint64_t end)
{
	if (start >= end) {
		return true;
	}
	if (!g2s_grow(&funcs->code, capacity, funcs->code_count + 1, sizeof(*funcs->code))) {
		return false;
	}
	funcs->code[funcs->code_count++] = (struct g2s_range){start, end};
	return true;
}

static int by_range_start(const void *a, const void *b)
{
	const struct g2s_range *x = a;
	const struct g2s_range *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

/*
 * Of each range of sorted ones: the lowest address at or behind its start where a function of the
 * symbol table begins, UINT64_MAX when there is none.
 */
static void find_symbols(const struct g2s_elf *elf, const struct g2s_range *ranges, size_t count,
                         uint64_t *lowest)
{
	for (size_t i = 0; i < count; i++) {
		lowest[i] = UINT64_MAX;
	}
	for (size_t i = 0; i < elf->symbol_count; i++) {
		const struct g2s_symbol *symbol = &elf->symbols[i];
		size_t low = 0;
		size_t high = symbol->size == 0 ? 0 : count;
		while (low < high) {
			size_t middle = low + (high - low) / 2;
			if (ranges[middle].start <= symbol->addr) {
				low = middle + 1;
			} else {
				high = middle;
			}
		}
		if (low != 0 && symbol->addr < lowest[low - 1]) {
			lowest[low - 1] = symbol->addr;
		}
	}
	for (size_t i = count; i > 1; i--) {
		if (lowest[i - 1] < lowest[i - 2]) {
			lowest[i - 2] = lowest[i - 1];
		}
	}
}

/*
 * True when what headers call data holds code for certain: Go's text, the entry point, a function
 * of the symbol table, which begins at symbol.  The headers are damaged then, and are not believed.
 */
static bool holds_code(const struct g2s_funcs *funcs, const struct g2s_range *data, uint64_t symbol)
{
	const struct g2s_elf *elf = funcs->elf;
	return (elf->entry >= data->start && elf->entry < data->end) ||
	       (funcs->tab != NULL && data->start < funcs->tab->code.end &&
	        data->end > funcs->tab->code.start) ||
	       symbol < data->end;
}

/*
 * What headers call data and does not hold code, sorted and without overlap, in memory of its own
 * that the caller frees; NULL when memory ran out.
 */
static struct g2s_range *find_data(const struct g2s_funcs *funcs, size_t *count)
{
	const struct g2s_elf *elf = funcs->elf;
	size_t all = elf->not_code_count;
	struct g2s_range *ranges = calloc(all + 1, sizeof(*ranges));
	uint64_t *symbols = calloc(all + 1, sizeof(*symbols));
	*count = 0;
	if (ranges == NULL || symbols == NULL) {
		free(ranges);
		free(symbols);
		return NULL;
	}
	if (all != 0) {
		memcpy(ranges, elf->not_code, all * sizeof(*ranges));
		qsort(ranges, all, sizeof(*ranges), by_range_start);
	}
	find_symbols(elf, ranges, all, symbols);
	size_t kept = 0;
	for (size_t i = 0; i < all; i++) {
		if (!holds_code(funcs, &ranges[i], symbols[i])) {
			ranges[kept++] = ranges[i];
		}
	}
	elf_sort_ranges(ranges, &kept);
	free(symbols);
	*count = kept;
	return ranges;
}

/* Executable segments less what the headers call data. */
static bool find_code(struct g2s_funcs *funcs)
{
	const struct g2s_elf *elf = funcs->elf;
	size_t capacity = 0;
	size_t count;
	struct g2s_range *data = find_data(funcs, &count);
	bool fine = data != NULL;
	size_t next = 0;
	/* Segments ascend as well: none of the data has to be looked at twice. */
	for (size_t i = 0; fine && i < elf->segment_count; i++) {
		const struct g2s_segment *segment = &elf->segments[i];
		uint64_t at = segment->addr;
		uint64_t end = segment->addr + segment->bytes.size;
		while (next < count && data[next].end <= at) {
			next++;
		}
		if (!segment->exec) {
			continue;
		}
		for (size_t j = next; fine && j < count && data[j].start < end; j++) {
			fine = add_code(funcs, &capacity, at, data[j].start);
			at = data[j].end;
		}
		fine = fine && add_code(funcs, &capacity, at, end);
	}
	free(data);
	return fine;
}

static bool add_go(struct g2s_funcs *funcs)
{
	const struct g2s_pclntab *tab = funcs->tab;
	if (tab == NULL) {
		return true;
	}
	size_t count = (size_t)tab->function_count;
	uint64_t bits = 64;
	if (!g2s_grow(&funcs->items, &funcs->capacity, funcs->count + count,
	              sizeof(*funcs->items))) {
		return false;
	}
	/* The end of one is the start of the next. */
	uint64_t start = tab->code.start;
	for (size_t i = 0; i < count; i++) {
		uint64_t end = g2s_pclntab_start(tab, funcs->elf, i + 1);
		if (end > start) {
			funcs->items[funcs->count++] = (struct g2s_function){
				.start = start, .end = end, .go = (uint32_t)i + 1};
			bits |= start;
		}
		start = end;
	}
	funcs->go_align = bits & -bits;
	return true;
}

/* Symbols and unwind entries outside Go's text; ends of 0 are open until close_extents. */
static bool find_foreign(const struct g2s_funcs *funcs, struct foreigners *to)
{
	const struct g2s_elf *elf = funcs->elf;
	for (size_t i = 0; i < elf->symbol_count; i++) {
		const struct g2s_symbol *symbol = &elf->symbols[i];
		const struct foreign foreign = {
			.function = {.start = symbol->addr,
			             .end = symbol->size == 0 ? 0 : symbol->addr + symbol->size,
			             .symbol = (uint32_t)i + 1},
			.size = symbol->size,
			.name = symbol->name,
		};
		if (!g2s_funcs_is_go(funcs, symbol->addr) && !add(to, &foreign)) {
			return false;
		}
	}
	struct g2s_range *ranges = NULL;
	size_t count = 0;
	size_t capacity = 0;
	bool fine = g2s_ehframe_read(elf, &ranges, &count, &capacity);
	for (size_t i = 0; fine && i < count; i++) {
		const struct foreign foreign = {
			.function = {.start = ranges[i].start, .end = ranges[i].end}};
		fine = g2s_funcs_is_go(funcs, ranges[i].start) || add(to, &foreign);
	}
	free(ranges);
	return fine;
}

/* Puts the sorted foreign functions between Go's. */
static bool add_foreign(struct g2s_funcs *funcs)
{
	struct foreigners found = {0};
	bool fine = find_foreign(funcs, &found) &&
	            g2s_grow(&funcs->items, &funcs->capacity, funcs->count + found.count + 1,
	                     sizeof(*funcs->items));
	size_t mine = funcs->count;
	size_t theirs = fine ? found.count : 0;
	if (theirs != 0) {
		qsort(found.items, theirs, sizeof(*found.items), by_start);
	}
	funcs->count += theirs;
	/* From the end, so that nothing is overwritten before it has moved. */
	for (size_t at = funcs->count; theirs != 0;) {
		bool take = mine == 0 ||
		            funcs->items[mine - 1].start <= found.items[theirs - 1].function.start;
		funcs->items[--at] = take ? found.items[--theirs].function : funcs->items[--mine];
	}
	free(found.items);
	return fine;
}

/* The end of the code range that holds addr; 0 when none does. */
static uint64_t code_end(const struct g2s_funcs *funcs, uint64_t addr)
{
	size_t low = 0;
	size_t high = funcs->code_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (addr < funcs->code[middle].start) {
			high = middle;
		} else if (addr >= funcs->code[middle].end) {
			low = middle + 1;
		} else {
			return funcs->code[middle].end;
		}
	}
	return 0;
}

/*
 * The end of the code range that holds addr, 0 when none does; *at, the range to look at first, is
 * moved on, as addresses only ascend.
 */
static uint64_t next_code_end(const struct g2s_funcs *funcs, size_t *at, uint64_t addr)
{
	while (*at < funcs->code_count && addr >= funcs->code[*at].end) {
		(*at)++;
	}
	return *at < funcs->code_count && addr >= funcs->code[*at].start ? funcs->code[*at].end : 0;
}

/*
 * Makes the sorted items free of overlap: those that start together become one with the largest
 * extent, an end reaches at most to the next start, and an open one just there.  A symbol
 * without a size inside the extent of another function is a label of that function (musl's
 * __cp_end).
 */
static void close_extents(struct g2s_funcs *funcs)
{
	size_t kept = 0;
	size_t range = 0;
	uint64_t covered = 0;
	for (size_t i = 0; i < funcs->count; i++) {
		const struct g2s_function *item = &funcs->items[i];
		struct g2s_function *last = kept == 0 ? NULL : &funcs->items[kept - 1];
		bool label = item->end == 0 && item->start < covered &&
		             (last == NULL || last->start != item->start);
		if (next_code_end(funcs, &range, item->start) == 0 || label) {
			continue;
		}
		covered = item->end > covered ? item->end : covered;
		if (last != NULL && last->start == item->start) {
			last->end = item->end > last->end ? item->end : last->end;
			last->symbol = last->symbol == 0 ? item->symbol : last->symbol;
		} else {
			funcs->items[kept++] = *item;
		}
	}
	funcs->count = kept;
	range = 0;
	for (size_t i = 0; i < kept; i++) {
		struct g2s_function *item = &funcs->items[i];
		uint64_t limit = next_code_end(funcs, &range, item->start);
		if (i + 1 < kept && funcs->items[i + 1].start < limit) {
			limit = funcs->items[i + 1].start;
		}
		if (item->end <= item->start || item->end > limit) {
			item->end = limit;
		}
	}
}

bool g2s_funcs_build(struct g2s_funcs *funcs, const struct g2s_elf *elf,
                     const struct g2s_pclntab *tab)
{
	*funcs = (struct g2s_funcs){.elf = elf, .tab = tab, .record = tab, .go_align = 1};
	if (!find_code(funcs) || !add_go(funcs)) {
		return false;
	}
	if (!add_foreign(funcs)) {
		return false;
	}
	close_extents(funcs);
	return true;
}

void g2s_funcs_free(struct g2s_funcs *funcs)
{
	free(funcs->items);
	free(funcs->code);
	*funcs = (struct g2s_funcs){0};
}

/* How many functions start at or before addr. */
static size_t upper_bound(const struct g2s_funcs *funcs, uint64_t addr)
{
	size_t low = 0;
	size_t high = funcs->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (funcs->items[middle].start <= addr) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

const struct g2s_function *g2s_funcs_find(const struct g2s_funcs *funcs, uint64_t addr)
{
	size_t i = upper_bound(funcs, addr);
	if (i == 0 || addr >= funcs->items[i - 1].end) {
		return NULL;
	}
	return &funcs->items[i - 1];
}

bool g2s_funcs_gap(const struct g2s_funcs *funcs, uint64_t addr, struct g2s_range *gap)
{
	size_t i = upper_bound(funcs, addr);
	uint64_t end = code_end(funcs, addr);
	if (end == 0 || (i != 0 && addr < funcs->items[i - 1].end)) {
		return false;
	}
	uint64_t start = 0;
	for (size_t j = 0; j < funcs->code_count; j++) {
		if (funcs->code[j].end == end) {
			start = funcs->code[j].start;
		}
	}
	if (i != 0 && funcs->items[i - 1].end > start) {
		start = funcs->items[i - 1].end;
	}
	if (i < funcs->count && funcs->items[i].start < end) {
		end = funcs->items[i].start;
	}
	*gap = (struct g2s_range){start, end};
	return true;
}

bool g2s_funcs_split(struct g2s_funcs *funcs, struct g2s_range gap, const uint64_t *starts,
                     size_t count)
{
	size_t at = upper_bound(funcs, gap.start);
	size_t before = funcs->count;
	if (!g2s_grow(&funcs->items, &funcs->capacity, funcs->count + count + 1,
	              sizeof(*funcs->items))) {
		return false;
	}
	/* Open the array where the gap is, then fill it; what was too much is closed again. */
	memmove(&funcs->items[at + count + 1], &funcs->items[at],
	        (before - at) * sizeof(*funcs->items));
	size_t filled = at;
	funcs->items[filled++] = (struct g2s_function){.start = gap.start, .end = gap.end};
	for (size_t i = 0; i < count; i++) {
		struct g2s_function *last = &funcs->items[filled - 1];
		if (starts[i] > last->start && starts[i] < gap.end) {
			last->end = starts[i];
			funcs->items[filled++] =
				(struct g2s_function){.start = starts[i], .end = gap.end};
		}
	}
	memmove(&funcs->items[filled], &funcs->items[at + count + 1],
	        (before - at) * sizeof(*funcs->items));
	funcs->count = filled + (before - at);
	return true;
}

bool g2s_funcs_gaps(const struct g2s_funcs *funcs, struct g2s_range **gaps, size_t *count)
{
	struct g2s_range *found = NULL;
	size_t capacity = 0;
	size_t next = 0;
	*gaps = NULL;
	*count = 0;
	for (size_t i = 0; i < funcs->code_count; i++) {
		uint64_t at = funcs->code[i].start;
		uint64_t end = funcs->code[i].end;
		while (at < end) {
			/* A function lies in one range of code, so none ends behind this one. */
			bool more = next < funcs->count && funcs->items[next].start < end;
			uint64_t limit = more ? funcs->items[next].start : end;
			if (limit > at) {
				if (!g2s_grow(&found, &capacity, *count + 1, sizeof(*found))) {
					free(found);
					return false;
				}
				found[(*count)++] = (struct g2s_range){at, limit};
			}
			at = more ? funcs->items[next++].end : end;
		}
	}
	*gaps = found;
	return true;
}

bool g2s_funcs_add(struct g2s_funcs *funcs, const struct g2s_funcs *others)
{
	size_t mine = funcs->count;
	size_t theirs = others->count;
	if (!g2s_grow(&funcs->items, &funcs->capacity, mine + theirs, sizeof(*funcs->items))) {
		return false;
	}
	funcs->count += theirs;
	/* From the end, so that nothing is overwritten before it has moved. */
	for (size_t at = funcs->count; theirs != 0;) {
		bool take = mine == 0 || funcs->items[mine - 1].start <
		                                 others->items[theirs - 1].start;
		funcs->items[--at] = take ? others->items[--theirs] : funcs->items[--mine];
	}
	return true;
}

bool g2s_funcs_name(const struct g2s_funcs *funcs, const struct g2s_function *function,
                    struct g2s_bytes *name)
{
	if (function->go != 0) {
		return g2s_pclntab_name(funcs->tab, function->go - 1, name);
	}
	if (function->symbol == 0) {
		return false;
	}
	const struct g2s_symbol *symbol = &funcs->elf->symbols[function->symbol - 1];
	return g2s_bytes_string(symbol->names, symbol->name, 4096, name) && name->size != 0;
}

bool g2s_funcs_line(const struct g2s_funcs *funcs, const struct g2s_function *function,
                    uint64_t pc, struct g2s_bytes *file, uint64_t *line)
{
	return function->go != 0 && g2s_pclntab_line(funcs->tab, function->go - 1, function->start,
	                                             pc, file, line);
}
