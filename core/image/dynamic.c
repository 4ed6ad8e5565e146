/* SPDX-License-Identifier: MIT */
#include "g2s/image/dynamic.h"

#include "elf_parts.h"

#include "g2s/memory.h"

#include <elf.h>
#include <stdlib.h>

enum {
	/* A version's index has 15 bits, the 16th says that it is not the default one. */
	MAX_VERSIONS = 1 << 15,
	VERSION_HIDDEN = 1 << 15,
	/* Of the index; 0 is a local symbol, 1 one without a version. */
	FIRST_VERSION = 2,
	/*
	 * The names of all symbols together, in times the size of the file: names may share an
	 * end, but hardly any do.
	 */
	MAX_TIMES_NAMED = 4,
	/* As long as a path can be. */
	MAX_PATH_LIST = 1 << 16,
};

/* What is at work while a file is read. */
struct reading {
	struct g2s_dynamic *dynamic;
	const struct g2s_elf *elf;
	struct elf_dynamic entries;
	/* Names by version index; empty where there is none. */
	struct g2s_bytes *versions;
	/* The highest index of a symbol that a relocation asks for. */
	uint32_t last_asked;
	/* How many more bytes of names are believed. */
	uint64_t names_left;
	size_t reloc_capacity;
	struct g2s_error *err;
};

static enum g2s_code damaged(const struct reading *reading, const char *why)
{
	return g2s_fail(reading->err, G2S_ERR_FORMAT, 0, "%s", why);
}

static enum g2s_code out_of_memory(const struct reading *reading)
{
	return g2s_fail(reading->err, G2S_ERR_MEMORY, 0, "out of memory");
}

/* The size bytes at an address; false when the file does not hold them all. */
static bool table_at(const struct g2s_elf *elf, uint64_t addr, uint64_t size,
                     struct g2s_bytes *out)
{
	*out = (struct g2s_bytes){0};
	return size == 0 || (g2s_elf_view(elf, addr, out) && g2s_bytes_slice(*out, 0, size, out));
}

/* Takes the relocations of one table. */
static enum g2s_code read_relocs(struct reading *reading, uint64_t addr, uint64_t size,
                                 bool addends)
{
	const struct g2s_elf *elf = reading->elf;
	struct g2s_dynamic *dynamic = reading->dynamic;
	struct g2s_bytes table;
	struct elf_raw_reloc raw;
	if (!table_at(elf, addr, size, &table)) {
		return damaged(reading, "a relocation table lies outside of the file");
	}
	unsigned entry = elf_reloc_size(elf, addends);
	for (uint64_t at = 0; elf_reloc_at(elf, table, at, addends, &raw); at += entry) {
		if (raw.type == 0 || raw.type == elf_relative_type(elf->machine)) {
			continue;
		}
		if (!g2s_grow(&dynamic->relocs, &reading->reloc_capacity, dynamic->reloc_count + 1,
		              sizeof(*dynamic->relocs))) {
			return out_of_memory(reading);
		}
		dynamic->relocs[dynamic->reloc_count++] = (struct g2s_dynamic_reloc){
			raw.addr, raw.addend, raw.type, raw.symbol};
		if (raw.symbol > reading->last_asked) {
			reading->last_asked = raw.symbol;
		}
	}
	return G2S_OK;
}

static enum g2s_code read_all_relocs(struct reading *reading)
{
	const struct elf_dynamic *e = &reading->entries;
	bool addends = e->jmprel_type == DT_RELA;
	uint64_t other = addends ? e->rela : e->rel;
	uint64_t other_size = addends ? e->rela_size : e->rel_size;
	/* Some linkers count the PLT's relocations among the others as well. */
	bool inside = e->jmprel >= other && e->jmprel - other <= other_size &&
	              e->jmprel_size <= other_size - (e->jmprel - other);
	enum g2s_code code = read_relocs(reading, e->rela, e->rela_size, true);
	if (code == G2S_OK) {
		code = read_relocs(reading, e->rel, e->rel_size, false);
	}
	if (code == G2S_OK && !inside) {
		code = read_relocs(reading, e->jmprel, e->jmprel_size, addends);
	}
	return code;
}

/* A name out of the string table, as long as names are not the same bytes again and again. */
static enum g2s_code read_name(struct reading *reading, uint64_t offset, struct g2s_bytes *out)
{
	uint64_t limit = reading->names_left;
	if (!g2s_bytes_string(reading->elf->dynamic_names, offset, limit, out)) {
		return damaged(reading, "a name of a dynamic symbol has no end");
	}
	reading->names_left -= out->size;
	return G2S_OK;
}

/* Notes the name of a version index. */
static enum g2s_code add_version(struct reading *reading, uint64_t index, uint64_t name)
{
	index &= MAX_VERSIONS - 1;
	return index < FIRST_VERSION ? G2S_OK
	                             : read_name(reading, name, &reading->versions[index]);
}

/*
 * DT_VERDEF: a chain of definitions, 20 bytes each (version flags index count:2, hash aux next:4),
 * of which the first auxiliary entry (name next:4) says the name; aux and next are distances.
 */
static enum g2s_code read_defined_versions(struct reading *reading)
{
	struct g2s_bytes table;
	if (reading->entries.verdef == 0) {
		return G2S_OK;
	}
	if (!g2s_elf_view(reading->elf, reading->entries.verdef, &table)) {
		return damaged(reading, "the symbol versions lie outside of the file");
	}
	uint64_t at = 0;
	for (unsigned i = 0; i < MAX_VERSIONS; i++) {
		uint64_t index, aux, next, name;
		if (!g2s_bytes_uint(table, at + 4, 2, &index) ||
		    !g2s_bytes_uint(table, at + 12, 4, &aux) ||
		    !g2s_bytes_uint(table, at + 16, 4, &next) ||
		    !g2s_bytes_uint(table, at + aux, 4, &name)) {
			return damaged(reading, "the symbol versions lie outside of the file");
		}
		enum g2s_code code = add_version(reading, index, name);
		if (code != G2S_OK || next == 0) {
			return code;
		}
		at += next;
	}
	return damaged(reading, "more symbol versions than indices");
}

/*
 * DT_VERNEED: a chain of libraries, 16 bytes each (version count:2, file aux next:4), each with a
 * chain of versions, 16 bytes each (hash:4, flags index:2, name next:4).
 */
static enum g2s_code read_needed_versions(struct reading *reading)
{
	struct g2s_bytes table;
	if (reading->entries.verneed == 0) {
		return G2S_OK;
	}
	uint64_t at = 0;
	uint64_t file_next = 0;
	uint64_t aux = 0;
	uint64_t aux_next = 0;
	bool inside = g2s_elf_view(reading->elf, reading->entries.verneed, &table) &&
	              g2s_bytes_uint(table, 8, 4, &aux) &&
	              g2s_bytes_uint(table, 12, 4, &file_next);
	aux += at;
	for (unsigned i = 0; inside && i < MAX_VERSIONS; i++) {
		uint64_t index, name;
		inside = g2s_bytes_uint(table, aux + 6, 2, &index) &&
		         g2s_bytes_uint(table, aux + 8, 4, &name) &&
		         g2s_bytes_uint(table, aux + 12, 4, &aux_next);
		enum g2s_code code = inside ? add_version(reading, index, name) : G2S_OK;
		if (code != G2S_OK || (aux_next == 0 && file_next == 0)) {
			return code;
		}
		aux += aux_next;
		if (inside && aux_next == 0) {
			at += file_next;
			inside = g2s_bytes_uint(table, at + 8, 4, &aux) &&
			         g2s_bytes_uint(table, at + 12, 4, &file_next);
			aux += at;
		}
	}
	return damaged(reading, inside ? "more symbol versions than indices"
	                               : "the symbol versions lie outside of the file");
}

/* Other objects can be bound to it, as glibc and musl see it (do_lookup_x, find_sym). */
static bool is_exported(const struct elf_raw_symbol *raw)
{
	bool type = raw->type == STT_NOTYPE || raw->type == STT_OBJECT || raw->type == STT_FUNC ||
	            raw->type == STT_COMMON || raw->type == STT_TLS || raw->type == STT_GNU_IFUNC;
	bool binding = raw->binding == STB_GLOBAL || raw->binding == STB_WEAK ||
	               raw->binding == STB_GNU_UNIQUE;
	bool visible = raw->visibility == STV_DEFAULT || raw->visibility == STV_PROTECTED;
	bool somewhere = raw->value != 0 || raw->section == SHN_ABS || raw->type == STT_TLS;
	return raw->section != SHN_UNDEF && type && binding && visible && somewhere;
}

static enum g2s_code read_symbol(struct reading *reading, const struct elf_raw_symbol *raw,
                                 uint64_t version, struct g2s_dynamic_symbol *symbol)
{
	*symbol = (struct g2s_dynamic_symbol){
		.version = reading->versions[version & (MAX_VERSIONS - 1)],
		.value = raw->value,
		.size = raw->size,
		.type = raw->type,
		.binding = raw->binding,
		.defined = raw->section != SHN_UNDEF,
		.exported = is_exported(raw),
		.hidden = (version & VERSION_HIDDEN) != 0,
		.kept = raw->visibility == STV_PROTECTED,
	};
	return raw->name == 0 ? G2S_OK : read_name(reading, raw->name, &symbol->name);
}

static enum g2s_code read_symbols(struct reading *reading)
{
	const struct elf_dynamic *e = &reading->entries;
	const struct g2s_elf *elf = reading->elf;
	struct g2s_dynamic *dynamic = reading->dynamic;
	struct g2s_bytes table, versions;
	uint64_t entry = elf->word == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	uint64_t count = elf_dynamic_symbol_count(elf, e);
	/* What is not looked up by name need not be in a hash table. */
	if (reading->last_asked >= count && reading->last_asked != 0) {
		count = (uint64_t)reading->last_asked + 1;
	}
	if (count > UINT32_MAX || !table_at(elf, e->symtab, count * entry, &table)) {
		return damaged(reading, "the dynamic symbols lie outside of the file");
	}
	bool versioned = e->versym != 0;
	if (versioned && !table_at(elf, e->versym, count * 2, &versions)) {
		return damaged(reading, "the symbol versions lie outside of the file");
	}
	dynamic->symbols = calloc(count == 0 ? 1 : count, sizeof(*dynamic->symbols));
	if (dynamic->symbols == NULL) {
		return out_of_memory(reading);
	}
	for (uint64_t i = 0; i < count; i++) {
		struct elf_raw_symbol raw;
		uint64_t version = 0;
		(void)elf_symbol_at(elf, table, i, &raw);
		if (versioned) {
			(void)g2s_bytes_uint(versions, 2 * i, 2, &version);
		}
		enum g2s_code code = read_symbol(reading, &raw, version, &dynamic->symbols[i]);
		if (code != G2S_OK) {
			return code;
		}
		dynamic->symbol_count++;
	}
	return G2S_OK;
}

/* DT_NEEDED, and the other strings. */
static enum g2s_code read_strings(struct reading *reading)
{
	const struct elf_dynamic *e = &reading->entries;
	const struct g2s_elf *elf = reading->elf;
	struct g2s_dynamic *dynamic = reading->dynamic;
	const struct {
		uint64_t offset;
		struct g2s_bytes *to;
	} rows[] = {
		{e->soname, &dynamic->soname},
		{e->rpath, &dynamic->rpath},
		{e->runpath, &dynamic->runpath},
		{e->filter, &dynamic->filter},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].offset != 0 && !g2s_bytes_string(elf->dynamic_names, rows[i].offset,
		                                             MAX_PATH_LIST, rows[i].to)) {
			return damaged(reading, "a name in the dynamic section has no end");
		}
	}
	if (elf->interpreter && !g2s_bytes_string(elf->interpreter_name, 0, MAX_PATH_LIST,
	                                          &dynamic->interpreter)) {
		return damaged(reading, "the name of the ELF interpreter has no end");
	}
	dynamic->needed = calloc(elf->needed_count + 1, sizeof(*dynamic->needed));
	if (dynamic->needed == NULL) {
		return out_of_memory(reading);
	}
	for (size_t i = 0; i < elf->needed_count; i++) {
		if (!g2s_elf_needed(elf, i, &dynamic->needed[i])) {
			return damaged(reading, "the name of a library has no end");
		}
		dynamic->needed_count++;
	}
	return G2S_OK;
}

/* What the dynamic linker calls, and how it looks symbols up. */
static enum g2s_code read_rest(struct reading *reading)
{
	const struct elf_dynamic *e = &reading->entries;
	const struct g2s_elf *elf = reading->elf;
	struct g2s_dynamic *dynamic = reading->dynamic;
	dynamic->symbolic = e->symbolic || (e->flags & DF_SYMBOLIC) != 0;
	dynamic->no_default_directories = (e->flags_1 & DF_1_NODEFLIB) != 0;
	dynamic->init = e->init;
	dynamic->fini = e->fini;
	for (unsigned i = 0; i < 3; i++) {
		const struct g2s_segment *segment = g2s_elf_segment(elf, e->arrays[i]);
		if (e->array_sizes[i] == 0) {
			continue;
		}
		if (segment == NULL ||
		    e->array_sizes[i] > segment->size - (e->arrays[i] - segment->addr)) {
			return damaged(reading,
			               "an array of initialisers lies outside of the file");
		}
		dynamic->arrays[i] =
			(struct g2s_range){e->arrays[i], e->arrays[i] + e->array_sizes[i]};
	}
	return G2S_OK;
}

static enum g2s_code read_parts(struct reading *reading)
{
	enum g2s_code code = read_strings(reading);
	if (code == G2S_OK) {
		code = read_rest(reading);
	}
	if (code == G2S_OK) {
		code = read_all_relocs(reading);
	}
	if (code == G2S_OK) {
		code = read_defined_versions(reading);
	}
	if (code == G2S_OK) {
		code = read_needed_versions(reading);
	}
	return code == G2S_OK ? read_symbols(reading) : code;
}

enum g2s_code g2s_dynamic_read(struct g2s_dynamic *dynamic, const struct g2s_elf *elf,
                               struct g2s_error *err)
{
	*dynamic = (struct g2s_dynamic){0};
	struct reading reading = {
		.dynamic = dynamic,
		.elf = elf,
		.versions = calloc(MAX_VERSIONS, sizeof(*reading.versions)),
		.names_left = MAX_TIMES_NAMED * (uint64_t)elf->file.size,
		.err = err,
	};
	if (reading.versions == NULL) {
		return out_of_memory(&reading);
	}
	elf_read_dynamic(elf, &reading.entries);
	enum g2s_code code = read_parts(&reading);
	free(reading.versions);
	return code;
}

void g2s_dynamic_free(struct g2s_dynamic *dynamic)
{
	free(dynamic->symbols);
	free(dynamic->relocs);
	free(dynamic->needed);
	*dynamic = (struct g2s_dynamic){0};
}
