/* SPDX-License-Identifier: MIT */
#ifndef G2S_TEST_LIBRARY_BUILDER_H
#define G2S_TEST_LIBRARY_BUILDER_H

#include "elf_builder.h"

/* Dynamically linked ELF files for tests, built in memory: tables alone, without code. */

enum {
	/* Addresses, and offsets in the file as well. */
	LIBRARY_DYNAMIC = 0x400,
	LIBRARY_SYMBOLS = 0x800,
	LIBRARY_HASH = 0xa00,
	LIBRARY_VERSYM = 0xb00,
	LIBRARY_VERDEF = 0xb40,
	LIBRARY_VERNEED = 0xbc0,
	LIBRARY_RELOCS = 0xc40,
	LIBRARY_WORDS = 0xe00,
	LIBRARY_STRINGS = 0x1000,
	LIBRARY_SIZE = 0x1800,
};

struct library_symbol {
	const char *name;
	uint64_t value;
	uint8_t type;
	uint8_t binding;
	uint8_t visibility;
	uint16_t section;
	/* As in DT_VERSYM. */
	uint16_t version;
};

struct library_reloc {
	uint64_t addr;
	uint32_t type;
	uint32_t symbol;
	uint64_t addend;
};

/* Whatever is NULL or 0 is not there. */
struct library {
	unsigned word;
	uint16_t machine;
	const char *interpreter;
	const char *soname;
	const char *rpath;
	const char *runpath;
	/* Names between blanks. */
	const char *needed;
	/* A library that does not stand in DT_NEEDED, and the tag that names it. */
	uint64_t filter_tag;
	const char *filter;
	/* Without the null symbol; those before hashed are in no hash table. */
	const struct library_symbol *symbols;
	size_t symbol_count;
	/* DT_HASH counts that many, the null symbol too; 0: all. */
	size_t hashed;
	/* Versions 2 and 3: defined here, asked for there. */
	const char *defined_version;
	const char *needed_version;
	const struct library_reloc *relocs;
	size_t reloc_count;
	/* Entries of the dynamic section: tag, value; ended by a tag of 0. */
	const uint64_t (*more)[2];
};

/* Writes the file, of LIBRARY_SIZE bytes. */
void library_build(uint8_t *file, const struct library *library);

#endif
