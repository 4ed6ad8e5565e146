/* SPDX-License-Identifier: MIT */
#ifndef G2S_IMAGE_ELF_PARTS_H
#define G2S_IMAGE_ELF_PARTS_H

#include "g2s/image/elf.h"

/* What elf.c and elf_tables.c share. */

/* The number of width bytes at addr by the file alone, without relocations; zero beyond it. */
bool elf_load_raw(const struct g2s_elf *elf, uint64_t addr, unsigned width, uint64_t *out);

/* Section header index, and where its name is in the section names; false when there is none. */
bool elf_section_at(const struct g2s_elf *elf, unsigned index, struct g2s_section *out,
                    uint64_t *name);

/* Notes which parts of executable segments are data; false when memory ran out. */
bool elf_find_data_in_code(struct g2s_elf *elf);

/*
 * Fills in relocations, symbols, exports and needs from the dynamic section (if there is one) and
 * the symbol tables.  Fails when memory runs out, or for tables that say the same again and again.
 */
enum g2s_code elf_read_tables(struct g2s_elf *elf, struct g2s_error *err);

/* What elf_tables.c and dynamic.c share. */

/* The entries of a dynamic section that are used: addresses, sizes, ...; 0 when absent. */
struct elf_dynamic {
	uint64_t rela, rela_size;
	uint64_t rel, rel_size;
	uint64_t relr, relr_size;
	uint64_t jmprel, jmprel_size, jmprel_type;
	uint64_t symtab, strtab, strtab_size;
	uint64_t hash, gnu_hash;
	uint64_t versym, verdef, verneed;
	uint64_t init, fini;
	/* DT_PREINIT_ARRAY, DT_INIT_ARRAY, DT_FINI_ARRAY and their sizes. */
	uint64_t arrays[3], array_sizes[3];
	uint64_t flags, flags_1;
	/* Offsets in the string table. */
	uint64_t soname, rpath, runpath, filter;
	bool symbolic;
};

/* Reads the dynamic section but for DT_NEEDED; of an entry that is there twice the last counts. */
void elf_read_dynamic(const struct g2s_elf *elf, struct elf_dynamic *dynamic);

/* An entry of a symbol table. */
struct elf_raw_symbol {
	uint64_t value;
	uint64_t size;
	uint32_t name;
	uint16_t section;
	/* STT_..., STB_..., STV_... */
	uint8_t type;
	uint8_t binding;
	uint8_t visibility;
};

/* Entry index of the symbol table; false when it is not all inside. */
bool elf_symbol_at(const struct g2s_elf *elf, struct g2s_bytes table, uint64_t index,
                   struct elf_raw_symbol *out);

/* An entry of a Rel or Rela table. */
struct elf_raw_reloc {
	uint64_t addr;
	uint64_t addend;
	uint32_t type;
	uint32_t symbol;
};

/* Bytes of such an entry. */
unsigned elf_reloc_size(const struct g2s_elf *elf, bool addends);

/*
 * The entry at offset at of the table; without addends in the table, the addend is the word that
 * stands at its address.  False when it is not all inside.
 */
bool elf_reloc_at(const struct g2s_elf *elf, struct g2s_bytes table, uint64_t at, bool addends,
                  struct elf_raw_reloc *out);

/* What a machine calls the relocation "load address plus addend"; 0 when it is not known. */
uint32_t elf_relative_type(uint16_t machine);

/*
 * How many dynamic symbols the hash tables tell of (gABI chapter 5; DT_GNU_HASH: binutils); those
 * that nobody looks up by name, at the end of the table, need not be among them.
 */
uint64_t elf_dynamic_symbol_count(const struct g2s_elf *elf, const struct elf_dynamic *dynamic);

/* Sorts ranges, makes one of those that overlap or touch, and drops empty ones. */
void elf_sort_ranges(struct g2s_range *ranges, size_t *count);

/* Finds the unwind table, from its index or by the name of its section. */
void elf_find_unwind(struct g2s_elf *elf);

#endif
