/* SPDX-License-Identifier: MIT */
#include "g2s/image/pclntab.h"

#include "g2s/words.h"

#include <string.h>

enum {
	/* Longest name and file path believed. */
	MAX_TEXT = 1 << 16,
	/* Most functions believed: a Go program of a gigabyte has some three million. */
	MAX_FUNCTIONS = 1 << 26,
	/* How often as many bytes as the file has may be read in search of a table. */
	TIMES_FILE = 32,
	/* Words of moduledata behind the bounds of text that are looked at. */
	MODULE_WORDS = 32,
	/* What assembler code that does not declare its arguments has in their size. */
	ARGS_UNKNOWN = 0x80000000,
};

/* Index of a word in the runtime's moduledata, by layout (runtime/symtab.go). */
struct module_words {
	unsigned ftab_length;
	unsigned min_pc;
	unsigned text;
	unsigned count;
};

static const struct module_words MODULE_GO12 = {4, 10, 12, 14};
static const struct module_words MODULE_GO116 = {17, 20, 22, 24};

static bool tab_uint(const struct g2s_pclntab *tab, uint64_t offset, unsigned width,
                     uint64_t *out)
{
	return g2s_bytes_uint(tab->bytes, offset, width, out);
}

static unsigned entry_size(const struct g2s_pclntab *tab)
{
	return tab->layout == G2S_PCLNTAB_GO118 ? 8 : 2 * tab->word;
}

/* The address that functab entry i holds; entry function_count is the end of text. */
static bool entry_pc(const struct g2s_pclntab *tab, const struct g2s_elf *elf, uint64_t i,
                     uint64_t *pc)
{
	uint64_t at = tab->functab + i * entry_size(tab);
	if (tab->layout == G2S_PCLNTAB_GO118) {
		uint64_t offset;
		if (!tab_uint(tab, at, 4, &offset)) {
			return false;
		}
		*pc = tab->text + offset;
		return true;
	}
	/* A position-independent file may keep the address in the relocation alone. */
	if (elf->reloc_count != 0) {
		return g2s_elf_load(elf, tab->addr + at, tab->word, pc);
	}
	return tab_uint(tab, at, tab->word, pc);
}

/* Reads the header's words by a layout and sees whether they can be what they say. */
static bool read_layout(struct g2s_pclntab *tab, enum g2s_pclntab_layout layout)
{
	unsigned w = tab->word;
	uint64_t v[8] = {0};
	unsigned count = layout == G2S_PCLNTAB_GO12 ? 1 : layout == G2S_PCLNTAB_GO116 ? 7 : 8;
	for (unsigned i = 0; i < count; i++) {
		if (!tab_uint(tab, 8 + i * w, w, &v[i])) {
			return false;
		}
	}
	tab->layout = layout;
	tab->function_count = v[0];
	if (v[0] == 0 || v[0] > MAX_FUNCTIONS) {
		return false;
	}
	if (layout == G2S_PCLNTAB_GO12) {
		tab->functab = 8 + w;
		/* Everything counts from the header; the file table's place follows the functab. */
		uint64_t files_at = tab->functab + v[0] * entry_size(tab) + w;
		if (!tab_uint(tab, files_at, 4, &tab->files) || tab->files >= tab->bytes.size) {
			return false;
		}
		return true;
	}
	const uint64_t *parts = layout == G2S_PCLNTAB_GO116 ? &v[2] : &v[3];
	tab->text = layout == G2S_PCLNTAB_GO118 ? v[2] : 0;
	tab->names = parts[0];
	tab->cus = parts[1];
	tab->files = parts[2];
	tab->pcs = parts[3];
	tab->functab = parts[4];
	return parts[0] >= 8 + (uint64_t)count * w && parts[0] < parts[1] && parts[1] <= parts[2] &&
	       parts[2] <= parts[3] && parts[3] <= parts[4] &&
	       g2s_bytes_has(tab->bytes, parts[4], v[0] * entry_size(tab) + w);
}

/*
 * The search for a table.  A file can be full of what looks like one: each that is looked at more
 * closely costs of left, bytes that may be read in all, and what comes when nothing is left is
 * none.
 */
struct search {
	const struct g2s_elf *elf;
	uint64_t left;
};

/* False when there is not as much left. */
static bool spend(struct search *search, uint64_t bytes)
{
	bool enough = bytes <= search->left;
	search->left = enough ? search->left - bytes : 0;
	return enough;
}

/* Looks at every entry of 4 bytes once: *first and *last, distances, when they ascend. */
static bool check_distances(const struct g2s_pclntab *tab, uint64_t *first, uint64_t *last)
{
	struct g2s_bytes entries;
	size_t count = (size_t)tab->function_count;
	uint32_t before = 0;
	if (!g2s_bytes_slice(tab->bytes, tab->functab, (uint64_t)count * 8 + 4, &entries)) {
		return false;
	}
	for (size_t i = 0; i <= count; i++) {
		uint32_t distance;
		memcpy(&distance, entries.data + 8 * i, sizeof(distance));
		if (distance < before) {
			return false;
		}
		before = distance;
		if (i == 0) {
			*first = distance;
		}
	}
	*last = before;
	return true;
}

/* The same for entries that are addresses. */
static bool check_addresses(const struct g2s_pclntab *tab, const struct g2s_elf *elf,
                            uint64_t *first, uint64_t *last)
{
	*last = 0;
	for (uint64_t i = 0; i <= tab->function_count; i++) {
		uint64_t pc;
		if (!entry_pc(tab, elf, i, &pc) || pc < *last) {
			return false;
		}
		if (i == 0) {
			*first = pc;
		}
		*last = pc;
	}
	return true;
}

/* Looks at every entry once: ascending, and inside executable memory of the file. */
static bool check_functab(struct g2s_pclntab *tab, struct search *search)
{
	const struct g2s_elf *elf = search->elf;
	uint64_t first, last;
	if (!spend(search, tab->function_count * entry_size(tab))) {
		return false;
	}
	if (tab->layout == G2S_PCLNTAB_GO118) {
		if (!check_distances(tab, &first, &last)) {
			return false;
		}
		first += tab->text;
		last += tab->text;
	} else if (!check_addresses(tab, elf, &first, &last)) {
		return false;
	}
	tab->code = (struct g2s_range){first, last};
	/* Go's text is one stretch of one segment; its end may be the segment's. */
	const struct g2s_segment *segment = g2s_elf_segment(elf, first);
	return last > first && segment != NULL && segment->exec &&
	       last - segment->addr <= segment->bytes.size;
}

/* True when addr is in the file's data and the program cannot change it. */
static bool is_constant(const struct g2s_elf *elf, uint64_t addr)
{
	return g2s_elf_segment(elf, addr) != NULL && !g2s_elf_is_writable(elf, addr);
}

/*
 * Type data is counted from an address that is among the words of moduledata behind the bounds of
 * text; which it is differs between versions of Go (runtime/symtab.go).
 */
static void find_bases(struct g2s_pclntab *tab, const struct g2s_elf *elf)
{
	for (uint64_t i = 0; i < MODULE_WORDS && tab->base_count < G2S_PCLNTAB_BASES; i++) {
		uint64_t value;
		if (!g2s_elf_load(elf, tab->moduledata.end + i * tab->word, tab->word, &value)) {
			return;
		}
		bool known = !is_constant(elf, value) ||
		             (value >= tab->code.start && value < tab->code.end);
		for (unsigned k = 0; k < tab->base_count && !known; k++) {
			known = tab->bases[k] == value;
		}
		if (!known) {
			tab->bases[tab->base_count++] = value;
		}
	}
}

/*
 * The moduledata at addr, if what it says agrees with the table: then it knows where text
 * begins.
 */
static bool read_module(struct g2s_pclntab *tab, struct search *search, uint64_t addr)
{
	const struct g2s_elf *elf = search->elf;
	const struct module_words *words =
		tab->layout == G2S_PCLNTAB_GO12 ? &MODULE_GO12 : &MODULE_GO116;
	uint64_t w = tab->word;
	uint64_t length, capacity, min_pc, max_pc, text;
	if (!g2s_elf_load(elf, addr + words->ftab_length * w, (unsigned)w, &length) ||
	    !g2s_elf_load(elf, addr + (words->ftab_length + 1) * w, (unsigned)w, &capacity) ||
	    !g2s_elf_load(elf, addr + words->min_pc * w, (unsigned)w, &min_pc) ||
	    !g2s_elf_load(elf, addr + (words->min_pc + 1) * w, (unsigned)w, &max_pc) ||
	    !g2s_elf_load(elf, addr + words->text * w, (unsigned)w, &text)) {
		return false;
	}
	if (length != capacity || length != tab->function_count + 1 || min_pc >= max_pc ||
	    !g2s_elf_is_code(elf, min_pc) || !g2s_elf_is_code(elf, text)) {
		return false;
	}
	struct g2s_pclntab trial = *tab;
	trial.text = text;
	if (!check_functab(&trial, search) || trial.code.start != min_pc) {
		return false;
	}
	trial.moduledata = (struct g2s_range){addr, addr + words->count * w};
	find_bases(&trial, elf);
	*tab = trial;
	return true;
}

/* A search of a segment's words, or of its headers, and what it is for. */
struct lookup {
	struct g2s_pclntab *tab;
	struct search *search;
	const struct g2s_segment *segment;
	/* Offset in the segment that offsets found count from. */
	size_t base;
	bool any_magic;
};

/* The words from *base, a multiple of 4 in memory, on; false when there are none. */
static bool words_of(const struct g2s_segment *segment, size_t *base)
{
	*base = (size_t)(-segment->addr & 3);
	return segment->bytes.size > *base;
}

/* Ends the search, with false, when the moduledata is at a word that holds the table's address. */
static bool found_pointer(void *user, size_t offset)
{
	struct lookup *lookup = user;
	unsigned word = lookup->tab->word;
	uint64_t addr = lookup->segment->addr + lookup->base + offset;
	uint64_t value;
	return (addr & (word - 1)) != 0 ||
	       !g2s_bytes_uint(lookup->segment->bytes, lookup->base + offset, word, &value) ||
	       value != lookup->tab->addr || !read_module(lookup->tab, lookup->search, addr);
}

static bool find_module_in(struct g2s_pclntab *tab, struct search *search,
                           const struct g2s_segment *segment)
{
	struct lookup lookup = {.tab = tab, .search = search, .segment = segment};
	return words_of(segment, &lookup.base) && spend(search, segment->bytes.size) &&
	       !g2s_words_search(G2S_WORDS_BEST, segment->bytes.data + lookup.base,
	                         segment->bytes.size - lookup.base,
	                         (struct g2s_words){(uint32_t)tab->addr, 1, 1}, found_pointer,
	                         &lookup);
}

/* Bytes of all section headers. */
static uint64_t section_headers(const struct g2s_elf *elf)
{
	return (uint64_t)elf->section_count * elf->section_size;
}

/* The one word of data that points at the header opens the moduledata. */
static bool find_module(struct g2s_pclntab *tab, struct search *search)
{
	const struct g2s_elf *elf = search->elf;
	bool enough = spend(search, elf->reloc_count * sizeof(elf->relocs[0]));
	for (size_t i = 0; enough && i < elf->reloc_count; i++) {
		if (!elf->relocs[i].foreign && elf->relocs[i].value == tab->addr &&
		    read_module(tab, search, elf->relocs[i].addr)) {
			return true;
		}
	}
	struct g2s_section section;
	if (spend(search, section_headers(elf)) && g2s_elf_section(elf, ".go.module", &section) &&
	    read_module(tab, search, section.addr)) {
		return true;
	}
	for (int writable = 1; writable >= 0; writable--) {
		for (size_t i = 0; i < elf->segment_count; i++) {
			const struct g2s_segment *segment = &elf->segments[i];
			if (!segment->exec && segment->write == (writable != 0) &&
			    find_module_in(tab, search, segment)) {
				return true;
			}
		}
	}
	return false;
}

/* Without a moduledata: text begins where the program's entry point becomes a function's start. */
static bool guess_text(struct g2s_pclntab *tab, struct search *search)
{
	const struct g2s_elf *elf = search->elf;
	if (tab->text != 0 && check_functab(tab, search)) {
		return true;
	}
	if (tab->layout != G2S_PCLNTAB_GO118 ||
	    !spend(search, tab->function_count * entry_size(tab) + section_headers(elf))) {
		return false;
	}
	struct g2s_section section;
	bool named = g2s_elf_section(elf, ".text", &section);
	for (uint64_t i = 0; i < tab->function_count; i++) {
		struct g2s_pclntab trial = *tab;
		uint64_t offset;
		trial.text = 0;
		if (!entry_pc(&trial, elf, i, &offset) || offset > elf->entry) {
			break;
		}
		trial.text = elf->entry - offset;
		const struct g2s_segment *segment = g2s_elf_segment(elf, trial.text);
		bool likely = named ? section.addr == trial.text
		                    : segment != NULL && (segment->addr == trial.text ||
		                                          segment->addr + 0x1000 == trial.text);
		if (likely && check_functab(&trial, search)) {
			*tab = trial;
			return true;
		}
	}
	return false;
}

static bool open_at(struct g2s_pclntab *tab, struct search *search, uint64_t addr,
                    enum g2s_pclntab_layout layout)
{
	const struct g2s_elf *elf = search->elf;
	struct g2s_pclntab trial = {.addr = addr};
	uint64_t quantum, word;
	if (!g2s_elf_view(elf, addr, &trial.bytes) ||
	    !g2s_bytes_uint(trial.bytes, 6, 1, &quantum) ||
	    !g2s_bytes_uint(trial.bytes, 7, 1, &word) || word != elf->word) {
		return false;
	}
	trial.quantum = (unsigned)quantum;
	trial.word = (unsigned)word;
	if (!read_layout(&trial, layout)) {
		return false;
	}
	if (layout != G2S_PCLNTAB_GO118 && !check_functab(&trial, search)) {
		return false;
	}
	if (!find_module(&trial, search) && layout == G2S_PCLNTAB_GO118 &&
	    !guess_text(&trial, search)) {
		return false;
	}
	/*
	 * The functab with the functions' records is the last part that the code's addresses
	 * are in.
	 */
	uint64_t last = 0;
	uint64_t at = trial.functab + (trial.function_count - 1) * entry_size(&trial);
	unsigned width = entry_size(&trial) / 2;
	(void)tab_uint(&trial, at + width, width, &last);
	last += layout == G2S_PCLNTAB_GO12 ? 0 : trial.functab;
	/* A record begins with the function's address. */
	last += trial.word;
	trial.end = addr + (last < trial.bytes.size ? last : trial.bytes.size);
	*tab = trial;
	return true;
}

/* All magics are in [MAGIC_LOW, MAGIC_LOW + MAGIC_SPAN). */
static const uint32_t MAGIC_LOW = 0xfffffff0;
static const uint32_t MAGIC_SPAN = 12;

static enum g2s_pclntab_layout layout_of(uint64_t magic)
{
	switch (magic) {
	case 0xfffffffb:
		return G2S_PCLNTAB_GO12;
	case 0xfffffffa:
		return G2S_PCLNTAB_GO116;
	case 0xfffffff0:
	case 0xfffffff1:
		return G2S_PCLNTAB_GO118;
	default:
		return G2S_PCLNTAB_NONE;
	}
}

/* A header by its magic or, since obfuscators replace that, by every layout in turn. */
static bool try_at(struct g2s_pclntab *tab, struct search *search, uint64_t addr,
                   uint64_t magic, bool any_magic)
{
	enum g2s_pclntab_layout layout = layout_of(magic);
	if (layout != G2S_PCLNTAB_NONE) {
		return open_at(tab, search, addr, layout);
	}
	return any_magic && (open_at(tab, search, addr, G2S_PCLNTAB_GO118) ||
	                     open_at(tab, search, addr, G2S_PCLNTAB_GO116) ||
	                     open_at(tab, search, addr, G2S_PCLNTAB_GO12));
}

/* Ends the search, with false, when a table's header is where a word looks like a part of it. */
static bool found_header(void *user, size_t offset)
{
	struct lookup *lookup = user;
	const struct g2s_elf *elf = lookup->search->elf;
	/* With any magic, the words that were looked for are those behind it. */
	size_t behind = lookup->any_magic ? 4 : 0;
	if (offset < behind) {
		return true;
	}
	size_t at = lookup->base + offset - behind;
	uint64_t addr = lookup->segment->addr + at;
	const uint8_t *p = lookup->segment->bytes.data + at;
	uint64_t magic;
	if ((addr & (elf->word - 1)) != 0 || !g2s_bytes_has(lookup->segment->bytes, at, 8) ||
	    p[4] != 0 || p[5] != 0 || p[7] != elf->word || (p[6] != 1 && p[6] != 2 && p[6] != 4)) {
		return true;
	}
	(void)g2s_bytes_uint(lookup->segment->bytes, at, 4, &magic);
	return !try_at(lookup->tab, lookup->search, addr, magic, lookup->any_magic);
}

/*
 * Looks for one of the magics, which are all near 2^32; or for what follows any magic: two zeros, a
 * quantum of 1 to 4, the size of a pointer.
 */
static bool search_segment(struct g2s_pclntab *tab, struct search *search,
                           const struct g2s_segment *segment, bool any_magic)
{
	const struct g2s_elf *elf = search->elf;
	struct lookup lookup = {.tab = tab, .search = search, .segment = segment,
	                        .any_magic = any_magic};
	uint32_t low = any_magic ? (uint32_t)elf->word << 24 | 1 << 16 : MAGIC_LOW;
	uint32_t span = any_magic ? (4 - 1) * (1 << 16) + 1 : MAGIC_SPAN;
	return words_of(segment, &lookup.base) &&
	       !g2s_words_search(G2S_WORDS_BEST, segment->bytes.data + lookup.base,
	                         segment->bytes.size - lookup.base,
	                         (struct g2s_words){low, span, 1}, found_header, &lookup);
}

bool g2s_pclntab_open(struct g2s_pclntab *tab, const struct g2s_elf *elf)
{
	*tab = (struct g2s_pclntab){0};
	struct search search = {.elf = elf, .left = TIMES_FILE * (uint64_t)elf->file.size};
	static const char *const sections[] = {".gopclntab", ".data.rel.ro.gopclntab"};
	for (size_t i = 0; i < 2; i++) {
		struct g2s_section section;
		uint64_t magic;
		if (g2s_elf_section(elf, sections[i], &section) &&
		    g2s_elf_load(elf, section.addr, 4, &magic) &&
		    try_at(tab, &search, section.addr, magic, false)) {
			return true;
		}
	}
	for (int any_magic = 0; any_magic <= 1; any_magic++) {
		for (size_t i = 0; i < elf->segment_count; i++) {
			if (search_segment(tab, &search, &elf->segments[i], any_magic != 0)) {
				return true;
			}
		}
	}
	return false;
}

/* Bounds of sections in the runtime's record, from minpc on: pairs of start and end. */
enum {
	MODULE_PAIRS = 6,
};

/* True when [start, end) is empty or lies in one segment, which is code or not. */
static bool is_stretch(const struct g2s_elf *elf, uint64_t start, uint64_t end, bool code)
{
	const struct g2s_segment *segment = g2s_elf_segment(elf, start);
	if (end < start || (code && end == start)) {
		return false;
	}
	return (end == start && !code) ||
	       (segment != NULL && end - segment->addr <= segment->size &&
	        (!code || segment->exec));
}

/* The part of a record at addr that tells where sections are, if that is what stands there. */
static bool read_bounds(const struct g2s_elf *elf, uint64_t addr, struct g2s_pclntab *tab)
{
	uint64_t bounds[2 * MODULE_PAIRS];
	for (unsigned i = 0; i < 2 * MODULE_PAIRS; i++) {
		if (!g2s_elf_load(elf, addr + (uint64_t)i * elf->word, elf->word, &bounds[i])) {
			return false;
		}
		/* minpc, maxpc and text, etext are code; then come four pairs of data. */
		if (i % 2 == 1 && !is_stretch(elf, bounds[i - 1], bounds[i], i < 4)) {
			return false;
		}
	}
	if (bounds[2] > bounds[0] || bounds[1] > bounds[3] || bounds[4] == 0) {
		return false;
	}
	tab->word = elf->word;
	tab->text = bounds[2];
	tab->code = (struct g2s_range){bounds[2], bounds[3]};
	tab->moduledata = (struct g2s_range){addr, addr + 4 * (uint64_t)elf->word};
	find_bases(tab, elf);
	return true;
}

bool g2s_pclntab_find_record(struct g2s_pclntab *tab, const struct g2s_elf *elf)
{
	*tab = (struct g2s_pclntab){0};
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct g2s_segment *segment = &elf->segments[i];
		uint64_t first = -segment->addr & (elf->word - 1);
		for (uint64_t at = first; segment->write && at < segment->bytes.size;
		     at += elf->word) {
			uint64_t start;
			if (g2s_elf_load(elf, segment->addr + at, elf->word, &start) &&
			    g2s_elf_is_code(elf, start) &&
			    read_bounds(elf, segment->addr + at, tab)) {
				return true;
			}
		}
	}
	return false;
}

uint64_t g2s_pclntab_start(const struct g2s_pclntab *tab, const struct g2s_elf *elf, uint64_t i)
{
	uint64_t start = 0;
	if (i <= tab->function_count) {
		(void)entry_pc(tab, elf, i, &start);
	}
	return start;
}

/* Offset of function i's record from the header. */
static bool record_of(const struct g2s_pclntab *tab, uint64_t i, uint64_t *record)
{
	unsigned width = entry_size(tab) / 2;
	uint64_t offset;
	if (i >= tab->function_count ||
	    !tab_uint(tab, tab->functab + i * entry_size(tab) + width, width, &offset)) {
		return false;
	}
	*record = offset + (tab->layout == G2S_PCLNTAB_GO12 ? 0 : tab->functab);
	return true;
}

/*
 * A function's record: its entry (a word; u32 from 1.18 on), then u32 or i32 each: name, args,
 * deferreturn, pcsp, pcfile, pcln, npcdata, and from 1.16 on the compilation unit.
 */
enum record_field {
	FIELD_NAME = 0,
	FIELD_ARGS = 1,
	FIELD_PCFILE = 4,
	FIELD_PCLN = 5,
	FIELD_CU = 7,
};

static bool record_field(const struct g2s_pclntab *tab, uint64_t i, enum record_field field,
                         uint64_t *out)
{
	uint64_t record;
	unsigned entry = tab->layout == G2S_PCLNTAB_GO118 ? 4 : tab->word;
	return record_of(tab, i, &record) &&
	       tab_uint(tab, record + entry + 4 * (uint64_t)field, 4, out);
}

bool g2s_pclntab_name(const struct g2s_pclntab *tab, uint64_t i, struct g2s_bytes *name)
{
	uint64_t offset;
	return record_field(tab, i, FIELD_NAME, &offset) &&
	       g2s_bytes_string(tab->bytes, tab->names + offset, MAX_TEXT, name) &&
	       name->size != 0;
}

bool g2s_pclntab_args(const struct g2s_pclntab *tab, uint64_t i, uint64_t *size)
{
	return record_field(tab, i, FIELD_ARGS, size) && *size < ARGS_UNKNOWN;
}

static bool read_varint(const struct g2s_pclntab *tab, uint64_t *at, uint32_t *out)
{
	uint32_t value = 0;
	for (unsigned shift = 0; shift < 32; shift += 7) {
		uint64_t byte;
		if (!tab_uint(tab, *at, 1, &byte)) {
			return false;
		}
		*at += 1;
		value |= (uint32_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0) {
			*out = value;
			return true;
		}
	}
	return false;
}

/*
 * The value at pc of a table of pairs (zigzag change of the value, change of the pc in quanta)
 * that begins at offset; a change of 0 after the first pair ends it (runtime/symtab.go, step).
 */
static bool pc_value(const struct g2s_pclntab *tab, uint64_t offset, uint64_t start, uint64_t pc,
                     int32_t *out)
{
	uint32_t value = UINT32_MAX;
	uint64_t at = tab->pcs + offset;
	uint64_t place = start;
	for (bool first = true;; first = false) {
		uint32_t change, distance;
		if (!read_varint(tab, &at, &change) || (change == 0 && !first) ||
		    !read_varint(tab, &at, &distance)) {
			return false;
		}
		value += (change & 1) != 0 ? ~(change >> 1) : change >> 1;
		place += (uint64_t)distance * tab->quantum;
		if (pc < place) {
			*out = (int32_t)value;
			return true;
		}
	}
}

static bool file_name(const struct g2s_pclntab *tab, uint64_t i, int32_t number,
                      struct g2s_bytes *file)
{
	uint64_t offset;
	if (number < 0) {
		return false;
	}
	if (tab->layout == G2S_PCLNTAB_GO12) {
		return tab_uint(tab, tab->files + 4 * (uint64_t)number, 4, &offset) &&
		       g2s_bytes_string(tab->bytes, offset, MAX_TEXT, file);
	}
	uint64_t cu;
	return record_field(tab, i, FIELD_CU, &cu) &&
	       tab_uint(tab, tab->cus + 4 * (cu + (uint64_t)number), 4, &offset) &&
	       offset != UINT32_MAX &&
	       g2s_bytes_string(tab->bytes, tab->files + offset, MAX_TEXT, file);
}

bool g2s_pclntab_line(const struct g2s_pclntab *tab, uint64_t i, uint64_t start, uint64_t pc,
                      struct g2s_bytes *file, uint64_t *line)
{
	uint64_t files, lines;
	int32_t number, found;
	if (!record_field(tab, i, FIELD_PCFILE, &files) ||
	    !record_field(tab, i, FIELD_PCLN, &lines) ||
	    !pc_value(tab, files, start, pc, &number) || !file_name(tab, i, number, file) ||
	    !pc_value(tab, lines, start, pc, &found) || found < 0) {
		return false;
	}
	*line = (uint64_t)found;
	return true;
}
