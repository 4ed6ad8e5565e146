/* SPDX-License-Identifier: MIT */
/* The dynamic section and the symbol tables of an ELF file: relocations, symbols, needs. */
#include "elf_parts.h"

#include "g2s/memory.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

/*
 * Most libraries believed, a hundred times what large programs have: the same few bytes can name
 * any number of them.
 */
enum {
	MAX_NEEDED = 4096,
};

/* Tables cannot be what they say; false without a reason is memory that ran out. */
static bool damaged(const char **damage, const char *why)
{
	*damage = why;
	return false;
}

static bool add_reloc(struct g2s_elf *elf, size_t *capacity, const struct g2s_reloc *reloc)
{
	if (!g2s_grow(&elf->relocs, capacity, elf->reloc_count + 1, sizeof(*elf->relocs))) {
		return false;
	}
	elf->relocs[elf->reloc_count++] = *reloc;
	return true;
}

uint32_t elf_relative_type(uint16_t machine)
{
	switch (machine) {
	case EM_X86_64:
		return R_X86_64_RELATIVE;
	case EM_386:
		return R_386_RELATIVE;
	case EM_AARCH64:
		return R_AARCH64_RELATIVE;
	case EM_ARM:
		return R_ARM_RELATIVE;
	default:
		return 0;
	}
}

/*
 * What a machine calls the relocation "address of the symbol (plus addend)", in data and in the
 * GOT.
 */
static bool is_symbol_address(uint16_t machine, uint32_t type)
{
	switch (machine) {
	case EM_X86_64:
		return type == R_X86_64_64 || type == R_X86_64_GLOB_DAT ||
		       type == R_X86_64_JUMP_SLOT;
	case EM_386:
		return type == R_386_32 || type == R_386_GLOB_DAT || type == R_386_JMP_SLOT;
	case EM_AARCH64:
		return type == R_AARCH64_ABS64 || type == R_AARCH64_GLOB_DAT ||
		       type == R_AARCH64_JUMP_SLOT;
	case EM_ARM:
		return type == R_ARM_ABS32 || type == R_ARM_GLOB_DAT || type == R_ARM_JUMP_SLOT;
	default:
		return false;
	}
}

bool elf_symbol_at(const struct g2s_elf *elf, struct g2s_bytes table, uint64_t index,
                   struct elf_raw_symbol *out)
{
	bool wide = elf->word == 8;
	uint64_t size = wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	uint64_t name, info, other, section;
	struct g2s_bytes entry;
	if (index > UINT32_MAX || !g2s_bytes_slice(table, index * size, size, &entry)) {
		return false;
	}
	(void)g2s_bytes_uint(entry, 0, 4, &name);
	(void)g2s_bytes_uint(entry, wide ? 4 : 12, 1, &info);
	(void)g2s_bytes_uint(entry, wide ? 5 : 13, 1, &other);
	(void)g2s_bytes_uint(entry, wide ? 6 : 14, 2, &section);
	(void)g2s_bytes_uint(entry, wide ? 8 : 4, elf->word, &out->value);
	(void)g2s_bytes_uint(entry, wide ? 16 : 8, elf->word, &out->size);
	out->name = (uint32_t)name;
	out->section = (uint16_t)section;
	out->type = info & 15;
	out->binding = (uint8_t)(info >> 4);
	out->visibility = other & 3;
	return true;
}

unsigned elf_reloc_size(const struct g2s_elf *elf, bool addends)
{
	return elf->word * (addends ? 3 : 2);
}

bool elf_reloc_at(const struct g2s_elf *elf, struct g2s_bytes table, uint64_t at, bool addends,
                  struct elf_raw_reloc *out)
{
	uint64_t info = 0;
	if (!g2s_bytes_has(table, at, elf_reloc_size(elf, addends))) {
		return false;
	}
	out->addend = 0;
	(void)g2s_bytes_uint(table, at, elf->word, &out->addr);
	(void)g2s_bytes_uint(table, at + elf->word, elf->word, &info);
	if (addends) {
		(void)g2s_bytes_uint(table, at + 2 * elf->word, elf->word, &out->addend);
	} else {
		(void)elf_load_raw(elf, out->addr, elf->word, &out->addend);
	}
	out->type = elf->word == 8 ? (uint32_t)info : (uint32_t)(info & 0xff);
	out->symbol = (uint32_t)(elf->word == 8 ? info >> 32 : info >> 8);
	return true;
}

/*
 * The value of dynamic symbol index when this file defines it and no other object can take its
 * place.
 */
static bool own_symbol_value(const struct g2s_elf *elf, struct g2s_bytes symbols, uint32_t index,
                             uint64_t *out)
{
	struct elf_raw_symbol symbol;
	if (index == 0 || !elf_symbol_at(elf, symbols, index, &symbol)) {
		return false;
	}
	bool interposable = elf->type == ET_DYN && !elf->interpreter &&
	                    symbol.visibility == STV_DEFAULT;
	if (symbol.section == SHN_UNDEF || symbol.section >= SHN_LORESERVE ||
	    symbol.type == STT_GNU_IFUNC || symbol.type == STT_TLS || interposable) {
		return false;
	}
	*out = symbol.value;
	return true;
}

/* Reads a table of Rel or Rela entries at addr. */
static bool read_relocs(struct g2s_elf *elf, const struct elf_dynamic *dynamic, uint64_t addr,
                        uint64_t size, bool addends, size_t *capacity)
{
	struct g2s_bytes table;
	struct g2s_bytes symbols = {0};
	struct elf_raw_reloc raw;
	uint64_t entry = elf_reloc_size(elf, addends);
	if (size == 0 || !g2s_elf_view(elf, addr, &table)) {
		return true;
	}
	(void)g2s_elf_view(elf, dynamic->symtab, &symbols);
	for (uint64_t at = 0; at + entry <= size && elf_reloc_at(elf, table, at, addends, &raw);
	     at += entry) {
		struct g2s_reloc reloc = {.addr = raw.addr};
		uint64_t value = 0;
		if (raw.type == elf_relative_type(elf->machine)) {
			reloc.value = raw.addend;
		} else if (is_symbol_address(elf->machine, raw.type) &&
		           own_symbol_value(elf, symbols, raw.symbol, &value)) {
			reloc.value = value + raw.addend;
		} else {
			reloc.foreign = true;
		}
		if (elf->word == 4) {
			reloc.value &= UINT32_MAX;
		}
		if (!add_reloc(elf, capacity, &reloc)) {
			return false;
		}
	}
	return true;
}

/* DT_RELR: an even word is an address, an odd one a bitmap of the words after it (gABI, 2022). */
static bool read_relr(struct g2s_elf *elf, const struct elf_dynamic *dynamic, size_t *capacity,
                      const char **damage)
{
	struct g2s_bytes table;
	uint64_t place = 0;
	if (dynamic->relr_size == 0 || !g2s_elf_view(elf, dynamic->relr, &table)) {
		return true;
	}
	for (uint64_t at = 0; at < dynamic->relr_size; at += elf->word) {
		uint64_t entry;
		if (!g2s_bytes_uint(table, at, elf->word, &entry)) {
			break;
		}
		unsigned count = (entry & 1) == 0 ? 1 : elf->word * 8 - 1;
		uint64_t bits = (entry & 1) == 0 ? 1 : entry >> 1;
		if ((entry & 1) == 0) {
			place = entry;
		}
		/* A bitmap can name words that others have named. */
		if (elf->reloc_count > elf->file.size / elf->word) {
			return damaged(damage, "more relocations than words");
		}
		for (unsigned i = 0; i < count; i++) {
			struct g2s_reloc reloc = {.addr = place + (uint64_t)i * elf->word};
			if ((bits >> i & 1) != 0 &&
			    elf_load_raw(elf, reloc.addr, elf->word, &reloc.value) &&
			    !add_reloc(elf, capacity, &reloc)) {
				return false;
			}
		}
		place += (uint64_t)count * elf->word;
	}
	return true;
}

static int by_reloc_addr(const void *a, const void *b)
{
	const struct g2s_reloc *x = a;
	const struct g2s_reloc *y = b;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* Linkers put the words that are only moved first, sorted; the few others follow. */
static bool sort_relocs(struct g2s_elf *elf)
{
	size_t sorted = elf->reloc_count == 0 ? 0 : 1;
	while (sorted < elf->reloc_count &&
	       elf->relocs[sorted - 1].addr <= elf->relocs[sorted].addr) {
		sorted++;
	}
	return g2s_sort_tail(elf->relocs, elf->reloc_count, sorted, sizeof(*elf->relocs),
	                     by_reloc_addr);
}

static bool add_needed(struct g2s_elf *elf, size_t *capacity, uint64_t name)
{
	if (!g2s_grow(&elf->needed, capacity, elf->needed_count + 1, sizeof(*elf->needed))) {
		return false;
	}
	elf->needed[elf->needed_count++] = name;
	return true;
}

/* Entry index of the dynamic section; false behind its last one. */
static bool dynamic_entry(const struct g2s_elf *elf, uint64_t index, uint64_t *tag,
                          uint64_t *value)
{
	struct g2s_bytes table;
	uint64_t at = 2 * index * elf->word;
	return at < elf->dynamic.end - elf->dynamic.start &&
	       g2s_elf_view(elf, elf->dynamic.start, &table) &&
	       g2s_bytes_uint(table, at, elf->word, tag) && *tag != DT_NULL &&
	       g2s_bytes_uint(table, at + elf->word, elf->word, value);
}

/* Where the value of a tag belongs; NULL when it is not used. */
static uint64_t *dynamic_place(struct elf_dynamic *dynamic, uint64_t tag)
{
	const struct {
		uint64_t tag;
		uint64_t *to;
	} places[] = {
		{DT_RELA, &dynamic->rela},
		{DT_RELASZ, &dynamic->rela_size},
		{DT_REL, &dynamic->rel},
		{DT_RELSZ, &dynamic->rel_size},
		{36 /* DT_RELR */, &dynamic->relr},
		{35 /* DT_RELRSZ */, &dynamic->relr_size},
		{DT_JMPREL, &dynamic->jmprel},
		{DT_PLTRELSZ, &dynamic->jmprel_size},
		{DT_PLTREL, &dynamic->jmprel_type},
		{DT_SYMTAB, &dynamic->symtab},
		{DT_STRTAB, &dynamic->strtab},
		{DT_STRSZ, &dynamic->strtab_size},
		{DT_HASH, &dynamic->hash},
		{DT_GNU_HASH, &dynamic->gnu_hash},
		{DT_VERSYM, &dynamic->versym},
		{DT_VERDEF, &dynamic->verdef},
		{DT_VERNEED, &dynamic->verneed},
		{DT_INIT, &dynamic->init},
		{DT_FINI, &dynamic->fini},
		{DT_PREINIT_ARRAY, &dynamic->arrays[0]},
		{DT_PREINIT_ARRAYSZ, &dynamic->array_sizes[0]},
		{DT_INIT_ARRAY, &dynamic->arrays[1]},
		{DT_INIT_ARRAYSZ, &dynamic->array_sizes[1]},
		{DT_FINI_ARRAY, &dynamic->arrays[2]},
		{DT_FINI_ARRAYSZ, &dynamic->array_sizes[2]},
		{DT_FLAGS, &dynamic->flags},
		{DT_FLAGS_1, &dynamic->flags_1},
		{DT_SONAME, &dynamic->soname},
		{DT_RPATH, &dynamic->rpath},
		{DT_RUNPATH, &dynamic->runpath},
		{DT_AUXILIARY, &dynamic->filter},
		{DT_FILTER, &dynamic->filter},
		{DT_AUDIT, &dynamic->filter},
		{DT_DEPAUDIT, &dynamic->filter},
	};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (places[i].tag == tag) {
			return places[i].to;
		}
	}
	return NULL;
}

void elf_read_dynamic(const struct g2s_elf *elf, struct elf_dynamic *dynamic)
{
	uint64_t tag, value;
	*dynamic = (struct elf_dynamic){0};
	for (uint64_t i = 0; dynamic_entry(elf, i, &tag, &value); i++) {
		uint64_t *to = dynamic_place(dynamic, tag);
		if (to != NULL) {
			*to = value;
		}
		dynamic->symbolic |= tag == DT_SYMBOLIC;
	}
}

static bool read_needed(struct g2s_elf *elf, const struct elf_dynamic *dynamic,
                        const char **damage)
{
	size_t capacity = 0;
	uint64_t tag, value;
	for (uint64_t i = 0; dynamic_entry(elf, i, &tag, &value); i++) {
		if (tag == DT_NEEDED && elf->needed_count == MAX_NEEDED) {
			return damaged(damage, "more libraries than a program can need");
		}
		if (tag == DT_NEEDED && !add_needed(elf, &capacity, value)) {
			return false;
		}
	}
	if (g2s_elf_view(elf, dynamic->strtab, &elf->dynamic_names)) {
		(void)g2s_bytes_slice(elf->dynamic_names, 0, dynamic->strtab_size,
		                      &elf->dynamic_names);
	}
	return true;
}

uint64_t elf_dynamic_symbol_count(const struct g2s_elf *elf, const struct elf_dynamic *dynamic)
{
	struct g2s_bytes table;
	uint64_t count = 0;
	if (dynamic->hash != 0 && g2s_elf_view(elf, dynamic->hash, &table) &&
	    g2s_bytes_uint(table, 4, 4, &count)) {
		return count;
	}
	uint64_t buckets, first, blooms, shift;
	if (dynamic->gnu_hash == 0 || !g2s_elf_view(elf, dynamic->gnu_hash, &table) ||
	    !g2s_bytes_uint(table, 0, 4, &buckets) || !g2s_bytes_uint(table, 4, 4, &first) ||
	    !g2s_bytes_uint(table, 8, 4, &blooms) || !g2s_bytes_uint(table, 12, 4, &shift)) {
		return 0;
	}
	uint64_t bucket_at = 16 + blooms * elf->word;
	uint64_t chain_at = bucket_at + buckets * 4;
	uint64_t last = 0;
	for (uint64_t i = 0; i < buckets; i++) {
		uint64_t index;
		if (!g2s_bytes_uint(table, bucket_at + 4 * i, 4, &index)) {
			return 0;
		}
		last = index > last ? index : last;
	}
	if (last < first) {
		return first;
	}
	for (uint64_t hash = 0; (hash & 1) == 0; last++) {
		if (!g2s_bytes_uint(table, chain_at + 4 * (last - first), 4, &hash)) {
			return 0;
		}
	}
	return last;
}

/* Takes the functions out of a symbol table. */
static bool read_symbols(struct g2s_elf *elf, struct g2s_bytes table, struct g2s_bytes names,
                         bool dynamic, size_t *capacity, size_t *export_capacity)
{
	struct elf_raw_symbol raw;
	for (uint64_t i = 0; elf_symbol_at(elf, table, i, &raw); i++) {
		const struct g2s_symbol symbol = {raw.value, raw.size, raw.name, names};
		/* Assembler code often leaves its labels untyped (STT_NOTYPE). */
		bool code = raw.type == STT_FUNC || raw.type == STT_GNU_IFUNC ||
		            raw.type == STT_NOTYPE;
		if (!code || raw.section == SHN_UNDEF || raw.section >= SHN_LORESERVE ||
		    raw.name == 0 || !g2s_elf_is_code(elf, symbol.addr) ||
		    symbol.size > UINT64_MAX - symbol.addr) {
			continue;
		}
		if (raw.type != STT_NOTYPE || raw.binding != STB_LOCAL) {
			if (!g2s_grow(&elf->symbols, capacity, elf->symbol_count + 1,
			              sizeof(*elf->symbols))) {
				return false;
			}
			elf->symbols[elf->symbol_count++] = symbol;
		}
		/* Who may call from outside matters for what other objects are linked to. */
		bool library = elf->type == ET_DYN && !elf->interpreter;
		if (dynamic && library && raw.binding != STB_LOCAL &&
		    (raw.visibility == STV_DEFAULT || raw.visibility == STV_PROTECTED)) {
			if (!g2s_grow(&elf->exports, export_capacity, elf->export_count + 1,
			              sizeof(*elf->exports))) {
				return false;
			}
			elf->exports[elf->export_count++] = symbol.addr;
		}
	}
	return true;
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static bool read_all_symbols(struct g2s_elf *elf, const struct elf_dynamic *dynamic,
                             const char **damage)
{
	size_t capacity = 0;
	size_t export_capacity = 0;
	uint64_t left = elf->file.size;
	for (unsigned i = 0; i < elf->section_count; i++) {
		struct g2s_section section, strings;
		struct g2s_bytes table, names;
		uint64_t name;
		if (!elf_section_at(elf, i, &section, &name) || section.type != SHT_SYMTAB ||
		    !elf_section_at(elf, section.link, &strings, &name) ||
		    !g2s_bytes_slice(elf->file, section.offset, section.size, &table) ||
		    !g2s_bytes_slice(elf->file, strings.offset, strings.size, &names)) {
			continue;
		}
		if (table.size > left) {
			return damaged(damage, "the symbol tables are larger than the file");
		}
		left -= table.size;
		if (!read_symbols(elf, table, names, false, &capacity, &export_capacity)) {
			return false;
		}
	}
	struct g2s_bytes table;
	uint64_t count = elf_dynamic_symbol_count(elf, dynamic);
	uint64_t entry = elf->word == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	elf->loader_tables[elf->loader_table_count++] =
		(struct g2s_range){dynamic->symtab, dynamic->symtab + (uint32_t)count * entry};
	elf_sort_ranges(elf->loader_tables, &elf->loader_table_count);
	if (count != 0 && count < UINT32_MAX && g2s_elf_view(elf, dynamic->symtab, &table) &&
	    g2s_bytes_slice(table, 0, count * entry, &table) &&
	    !read_symbols(elf, table, elf->dynamic_names, true, &capacity, &export_capacity)) {
		return false;
	}
	if (elf->export_count != 0) {
		qsort(elf->exports, elf->export_count, sizeof(*elf->exports), by_address);
	}
	return true;
}

static bool read_tables(struct g2s_elf *elf, const char **damage)
{
	size_t capacity = 0;
	struct elf_dynamic entries;
	const struct elf_dynamic *dynamic = &entries;
	elf_read_dynamic(elf, &entries);
	if (!read_needed(elf, dynamic, damage)) {
		return false;
	}
	bool jmprel_addends = dynamic->jmprel_type == DT_RELA;
	const struct g2s_range tables[] = {
		{dynamic->rela, dynamic->rela + dynamic->rela_size},
		{dynamic->rel, dynamic->rel + dynamic->rel_size},
		{dynamic->relr, dynamic->relr + dynamic->relr_size},
		{dynamic->jmprel, dynamic->jmprel + dynamic->jmprel_size},
	};
	enum { COUNT = sizeof(tables) / sizeof(tables[0]) };
	/* The symbols are one more. */
	elf->loader_tables = calloc(COUNT + 1, sizeof(*elf->loader_tables));
	if (elf->loader_tables == NULL) {
		return false;
	}
	memcpy(elf->loader_tables, tables, sizeof(tables));
	elf->loader_table_count = COUNT;
	return read_relocs(elf, dynamic, dynamic->rela, dynamic->rela_size, true, &capacity) &&
	       read_relocs(elf, dynamic, dynamic->rel, dynamic->rel_size, false, &capacity) &&
	       read_relocs(elf, dynamic, dynamic->jmprel, dynamic->jmprel_size, jmprel_addends,
	                   &capacity) &&
	       read_relr(elf, dynamic, &capacity, damage) && sort_relocs(elf) &&
	       elf_find_data_in_code(elf) && read_all_symbols(elf, dynamic, damage);
}

enum g2s_code elf_read_tables(struct g2s_elf *elf, struct g2s_error *err)
{
	const char *damage = NULL;
	if (read_tables(elf, &damage)) {
		return G2S_OK;
	}
	if (damage != NULL) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "%s", damage);
	}
	return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
}

bool g2s_elf_needed(const struct g2s_elf *elf, size_t i, struct g2s_bytes *name)
{
	return i < elf->needed_count &&
	       g2s_bytes_string(elf->dynamic_names, elf->needed[i], 4096, name);
}

bool g2s_elf_is_exported(const struct g2s_elf *elf, uint64_t addr)
{
	return elf->export_count != 0 &&
	       bsearch(&addr, elf->exports, elf->export_count, sizeof(addr), by_address) != NULL;
}
