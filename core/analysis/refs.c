/* SPDX-License-Identifier: MIT */
#include "g2s/analysis/refs.h"

#include "g2s/memory.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* How far a branch with a one-byte distance reaches, its own bytes included. */
	NEAR_REACH = 130,
	/* The bits of an address that the first, coarse test of a branch's target looks at. */
	GRAIN = 4,
	FILTER_BITS = 1 << 16,
	/*
	 * Words of the runtime's moduledata that point at the starts of sections, not at
	 * objects.
	 */
	MODULE_WORDS = 64,
};

/* A search of one stretch of code, as the sink's functions need to know it. */
struct search {
	struct g2s_refs *refs;
	struct g2s_references *out;
	uint64_t addr;
	bool go;
};

static bool in_code(const struct g2s_refs *refs, uint64_t addr)
{
	const struct g2s_funcs *funcs = refs->funcs;
	if (funcs->code_count == 1) {
		return addr >= funcs->code[0].start && addr < funcs->code[0].end;
	}
	return addr >= funcs->code[0].start && addr < funcs->code[funcs->code_count - 1].end;
}

static bool found_entry(void *user, size_t offset, unsigned entry)
{
	struct search *search = user;
	struct g2s_refs *refs = search->refs;
	if (!g2s_grow(&refs->hits, &refs->hit_capacity, refs->hit_count + 1,
	              sizeof(*refs->hits))) {
		return false;
	}
	refs->hits[refs->hit_count++] = (struct g2s_hit){search->addr + offset, entry};
	return true;
}

static bool found_branch(void *user, size_t offset, uint64_t target)
{
	struct search *search = user;
	struct g2s_refs *refs = search->refs;
	/* Go's functions begin at multiples of this, and nothing of Go's is entered elsewhere. */
	if (!in_code(refs, target) || (search->go && g2s_funcs_is_go(refs->funcs, target) &&
	                               (target & (refs->funcs->go_align - 1)) != 0)) {
		return true;
	}
	if (!g2s_grow(&refs->branches, &refs->branch_capacity, refs->branch_count + 1,
	              sizeof(*refs->branches))) {
		return false;
	}
	refs->branches[refs->branch_count++] =
		(struct g2s_branch){(uint32_t)(search->addr + offset - refs->base),
	                            (uint32_t)(target - refs->base)};
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
	struct search search = {.refs = refs, .addr = start, .go = go};
	struct g2s_sink sink = {.enters = found_entry, .branch = found_branch, .user = &search};
	if (start >= end || !g2s_elf_view(refs->funcs->elf, start, &code)) {
		return true;
	}
	size_t size = end - start < code.size ? (size_t)(end - start) : code.size;
	return refs->arch->search(code.data, size, start, go, &sink);
}

enum g2s_code g2s_refs_build(struct g2s_refs *refs, const struct g2s_arch *arch,
                             const struct g2s_funcs *funcs, struct g2s_error *err)
{
	*refs = (struct g2s_refs){.arch = arch, .funcs = funcs};
	if (funcs->code_count == 0) {
		return G2S_OK;
	}
	refs->base = funcs->code[0].start;
	if (funcs->code[funcs->code_count - 1].end - refs->base > UINT32_MAX) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "the code is spread over more than 4 GiB");
	}
	for (size_t i = 0; i < funcs->code_count; i++) {
		struct g2s_range parts[3];
		split_code(refs, &funcs->code[i], parts);
		if (!search_code(refs, parts[0].start, parts[0].end, false) ||
		    !search_code(refs, parts[1].start, parts[1].end, true) ||
		    !search_code(refs, parts[2].start, parts[2].end, false)) {
			return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
		}
	}
	return G2S_OK;
}

void g2s_refs_free(struct g2s_refs *refs)
{
	free(refs->branches);
	free(refs->hits);
	*refs = (struct g2s_refs){0};
}

static bool append(struct g2s_references *out, struct g2s_reference reference)
{
	if (!g2s_grow(&out->items, &out->capacity, out->count + 1, sizeof(*out->items))) {
		return false;
	}
	out->items[out->count++] = reference;
	return true;
}

static bool found_near(void *user, size_t offset, uint64_t target)
{
	struct search *search = user;
	return append(search->out, (struct g2s_reference){search->addr + offset, target,
	                                                  G2S_REFERENCE_BRANCH});
}

/* Branches with a one-byte distance are too many to keep; near a window they are found again. */
static bool search_near(const struct g2s_refs *refs, const struct g2s_window *window,
                        struct g2s_references *out)
{
	const struct g2s_segment *segment = g2s_elf_segment(refs->funcs->elf, window->start);
	if (segment == NULL || !segment->exec) {
		return true;
	}
	uint64_t segment_end = segment->addr + segment->bytes.size;
	for (uint64_t target = window->start; target < window->end; target++) {
		/* Into the inside of a large window such a branch comes from the window itself. */
		if (target - window->start == NEAR_REACH && window->end - target > NEAR_REACH) {
			target = window->end - NEAR_REACH;
		}
		uint64_t start = target - segment->addr < NEAR_REACH ? segment->addr
		                                                     : target - NEAR_REACH;
		uint64_t end = target + NEAR_REACH;
		end = end < segment_end ? end : segment_end;
		struct g2s_bytes code;
		struct search search = {.out = out, .addr = start};
		struct g2s_sink sink = {.branch = found_near, .user = &search};
		if (start < end && g2s_elf_view(refs->funcs->elf, start, &code) &&
		    !refs->arch->search_near(code.data, (size_t)(end - start), start, target,
		                             &sink)) {
			return false;
		}
	}
	return true;
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

bool g2s_refs_branches(const struct g2s_refs *refs, const struct g2s_window *windows,
                       size_t count, struct g2s_references *out)
{
	size_t before = out->count;
	uint8_t *filter = calloc(FILTER_BITS / 8, 1);
	bool fine = filter != NULL;
	for (size_t i = 0; fine && i < count; i++) {
		uint64_t first = (windows[i].start - refs->base) >> GRAIN;
		uint64_t last = (windows[i].end - 1 - refs->base) >> GRAIN;
		for (uint64_t g = first; g <= last && g - first < FILTER_BITS; g++) {
			filter[(g % FILTER_BITS) / 8] |= (uint8_t)(1 << g % 8);
		}
		fine = search_near(refs, &windows[i], out);
	}
	for (size_t i = 0; fine && i < refs->branch_count; i++) {
		const struct g2s_branch *branch = &refs->branches[i];
		uint32_t g = branch->to >> GRAIN;
		if ((filter[(g % FILTER_BITS) / 8] >> g % 8 & 1) == 0 ||
		    !g2s_window_has(windows, count, refs->base + branch->to)) {
			continue;
		}
		fine = append(out, (struct g2s_reference){refs->base + branch->from,
		                                          refs->base + branch->to,
		                                          G2S_REFERENCE_BRANCH});
	}
	if (out->count != before) {
		qsort(out->items + before, out->count - before, sizeof(*out->items), by_place);
	}
	free(filter);
	return fine;
}

static bool found_operand(void *user, size_t offset, uint64_t target)
{
	struct search *search = user;
	return append(search->out, (struct g2s_reference){search->addr + offset, target,
	                                                  G2S_REFERENCE_OPERAND});
}

/*
 * Tables that hold addresses for other purposes than calling: pclntab, moduledata, the ELF
 * symbols.
 */
static bool is_table(const struct g2s_refs *refs, uint64_t addr)
{
	const struct g2s_pclntab *tab = refs->funcs->tab;
	const struct g2s_range *tables = refs->funcs->elf->loader_tables;
	for (unsigned i = 0; i < sizeof(refs->funcs->elf->loader_tables) / sizeof(*tables); i++) {
		if (addr >= tables[i].start && addr < tables[i].end) {
			return true;
		}
	}
	if (tab == NULL) {
		return false;
	}
	return (addr >= tab->addr && addr < tab->end) ||
	       (tab->moduledata.start != 0 && addr >= tab->moduledata.start &&
	        addr < tab->moduledata.start + (uint64_t)MODULE_WORDS * tab->word);
}

static bool search_words(const struct g2s_refs *refs, const struct g2s_segment *segment,
                         const struct g2s_window *windows, size_t count,
                         struct g2s_references *out)
{
	unsigned word = refs->arch->word;
	uint64_t low = windows[0].start;
	uint64_t span = windows[count - 1].end - low;
	size_t first = (size_t)(-segment->addr & (word - 1));
	for (size_t at = first; at + word <= segment->bytes.size; at += word) {
		uint64_t value = 0;
		memcpy(&value, segment->bytes.data + at, word);
		uint64_t place = segment->addr + at;
		if (value - low < span && g2s_window_has(windows, count, value) &&
		    !is_table(refs, place) &&
		    !append(out, (struct g2s_reference){place, value, G2S_REFERENCE_DATA})) {
			return false;
		}
	}
	return true;
}

/*
 * True when a name of Go's type data stands at addr: flags, length as a varint, text
 * (internal/abi, Name). Methods of types have one or two bytes of length.
 */
static bool is_name(const struct g2s_elf *elf, uint64_t addr)
{
	struct g2s_bytes view;
	uint64_t flags, length, high = 0;
	if (!g2s_elf_view(elf, addr, &view) || !g2s_bytes_uint(view, 0, 1, &flags) || flags > 15 ||
	    !g2s_bytes_uint(view, 1, 1, &length) || length == 0) {
		return false;
	}
	size_t at = 2;
	if ((length & 0x80) != 0) {
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

static bool starts_function(const struct g2s_refs *refs, uint64_t addr)
{
	const struct g2s_function *function = g2s_funcs_find(refs->funcs, addr);
	return function != NULL && function->start == addr;
}

/*
 * Methods of Go types are reached by 32-bit distances from the start of text (internal/abi:
 * type Method struct {Name, Mtyp, Ifn, Tfn}): a name, a type, and two words in a row that lead
 * to functions.
 */
static bool search_methods(const struct g2s_refs *refs, const struct g2s_window *windows,
                           size_t count, struct g2s_references *out)
{
	const struct g2s_pclntab *tab = refs->funcs->tab;
	struct g2s_bytes types;
	if (tab == NULL || !g2s_elf_view(refs->funcs->elf, tab->types.start, &types)) {
		return true;
	}
	uint64_t size = tab->types.end - tab->types.start;
	if (types.size > size) {
		types.size = (size_t)size;
	}
	uint64_t text = tab->text != 0 ? tab->text : tab->code.start;
	uint64_t low = windows[0].start - text;
	uint64_t span = windows[count - 1].end - windows[0].start;
	for (size_t at = (size_t)(-tab->types.start & 3); at + 16 <= types.size; at += 4) {
		uint32_t method[4];
		memcpy(method, types.data + at, sizeof(method));
		if ((method[2] - low >= span && method[3] - low >= span) ||
		    (method[1] >= size && method[1] != UINT32_MAX)) {
			continue;
		}
		for (unsigned i = 2; i < 4; i++) {
			uint64_t target = text + method[i];
			uint64_t other = text + method[5 - i];
			uint64_t place = tab->types.start + at + 4 * i;
			/* Offset 0 stands for a method that the linker dropped. */
			if (g2s_window_has(windows, count, target) && method[5 - i] != 0 &&
			    starts_function(refs, other) &&
			    is_name(refs->funcs->elf, tab->types.start + method[0]) &&
			    !append(out, (struct g2s_reference){place, target,
			                                        G2S_REFERENCE_METHOD})) {
				return false;
			}
		}
	}
	return true;
}

bool g2s_refs_words(const struct g2s_refs *refs, const struct g2s_window *windows, size_t count,
                    struct g2s_references *out)
{
	const struct g2s_elf *elf = refs->funcs->elf;
	if (count == 0) {
		return true;
	}
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct g2s_segment *segment = &elf->segments[i];
		if (!segment->exec && !search_words(refs, segment, windows, count, out)) {
			return false;
		}
	}
	for (size_t i = 0; i < elf->reloc_count; i++) {
		const struct g2s_reloc *reloc = &elf->relocs[i];
		uint64_t raw = 0;
		struct g2s_bytes view;
		/* Those whose word already holds the value were found above. */
		bool seen = g2s_elf_view(elf, reloc->addr, &view) &&
		            g2s_bytes_uint(view, 0, elf->word, &raw) && raw == reloc->value;
		if (!reloc->foreign && !seen && g2s_window_has(windows, count, reloc->value) &&
		    !is_table(refs, reloc->addr) &&
		    !append(out, (struct g2s_reference){reloc->addr, reloc->value,
		                                        G2S_REFERENCE_DATA})) {
			return false;
		}
	}
	return true;
}

/* Searches one stretch of code that is all Go's or all not. */
static bool search_operands(const struct g2s_refs *refs, struct g2s_range range, bool go,
                            const struct g2s_window *windows, size_t count,
                            struct g2s_references *out)
{
	struct g2s_bytes code;
	struct search search = {.out = out, .addr = range.start};
	struct g2s_sink sink = {.address = found_operand, .user = &search};
	return range.start >= range.end || !g2s_elf_view(refs->funcs->elf, range.start, &code) ||
	       refs->arch->search_addresses(code.data, (size_t)(range.end - range.start),
	                                    range.start, go, windows, count, &sink);
}

bool g2s_refs_addresses(const struct g2s_refs *refs, const struct g2s_window *windows,
                        size_t count, struct g2s_references *out)
{
	if (count == 0) {
		return true;
	}
	for (size_t i = 0; i < refs->funcs->code_count; i++) {
		struct g2s_range parts[3];
		split_code(refs, &refs->funcs->code[i], parts);
		for (unsigned part = 0; part < 3; part++) {
			if (!search_operands(refs, parts[part], part == 1, windows, count, out)) {
				return false;
			}
		}
	}
	return g2s_refs_words(refs, windows, count, out) &&
	       search_methods(refs, windows, count, out);
}
