/* SPDX-License-Identifier: MIT */
#ifndef G2S_TEST_ELF_BUILDER_H
#define G2S_TEST_ELF_BUILDER_H

#include "unit.h"

#include <stdbool.h>

/*
 * ELF files for tests, built in memory: headers alone, Go's function table in each of its layouts,
 * and whole programs from machine code with labels.
 */

struct builder_header {
	/* Bytes of an address: 4 or 8. */
	unsigned word;
	uint16_t type;
	uint16_t machine;
	uint64_t entry;
	uint64_t section_offset;
	uint16_t section_count;
	uint16_t section_names;
};

struct builder_segment {
	uint32_t type;
	uint32_t flags;
	uint64_t offset;
	uint64_t addr;
	uint64_t file_size;
	uint64_t size;
};

/* Writes the ELF header and, right behind it, the program headers; answers their size. */
size_t builder_headers(uint8_t *file, const struct builder_header *header,
                       const struct builder_segment *segments, size_t count);

/* Writes a little-endian number of width bytes. */
void builder_put(uint8_t *to, uint64_t number, unsigned width);

/* A function of a Go program. */
struct builder_function {
	const char *name;
	uint64_t start;
	/* Bytes of arguments and results; 0x80000000 for "not said". */
	uint32_t args;
	const char *file;
	/* The pc-line table; NULL for line 7 throughout. */
	const uint8_t *lines;
	size_t lines_size;
};

struct builder_table {
	/* What stands where the magic does, and the magic that the layout is of. */
	uint32_t magic;
	uint32_t layout;
	unsigned word;
	unsigned quantum;
	/* The table's own address. */
	uint64_t addr;
	/* What the header says text begins at (layouts from 0xfffffff0 on), and where it does. */
	uint64_t text_word;
	uint64_t text;
	uint64_t text_end;
	const struct builder_function *functions;
	size_t count;
};

/* Writes a pclntab; answers its size. */
size_t builder_pclntab(uint8_t *to, const struct builder_table *table);

/* Writes the part of the runtime's moduledata that tells where text is; answers its size. */
size_t builder_module(uint8_t *to, const struct builder_table *table);

enum {
	BUILDER_CODE = 0x401000,
	BUILDER_CONST = 0x403000,
	/* Go's function table, in constant memory as well. */
	BUILDER_TABLE = 0x404000,
	BUILDER_DATA = 0x405000,
	BUILDER_BSS = 0x406000,
	BUILDER_LABELS = 300,
};

struct builder_label {
	char name[24];
	uint64_t addr;
	/* Named in the symbol table, or in Go's. */
	bool function;
	uint32_t args;
	uint64_t end;
};

/* A place to be filled in when all labels are known. */
struct builder_fixup {
	char label[24];
	char base[24];
	uint64_t addr;
	int64_t addend;
	char kind;
};

struct builder_program {
	uint8_t file[0x9000];
	size_t size;
	struct builder_label labels[BUILDER_LABELS];
	size_t label_count;
	struct builder_fixup fixups[BUILDER_LABELS];
	size_t fixup_count;
	bool go;
	bool no_symbols;
	/* The next free address of code, constants, data and zeroed data; which is current. */
	uint64_t at[4];
	unsigned section;
};

/*
 * Assembles text: words between blanks.
 *
 *     b827000000     bytes
 *     name:          a function; in code it is aligned to 16, with INT3 before it
 *     name(24):      the same, with that many bytes of arguments (Go)
 *     .name:         a label that no table names
 *     =name          distance to a label in 4 bytes, counted from behind them; =name-4 when 4 bytes
 *                    more belong to the instruction
 *     ~name          the same in 1 byte
 *     $name  *name   the address in 4, in 8 bytes; $name+8 that of the place 8 bytes further
 *     @name,base     the distance between two labels in 4 bytes
 *     %const %data %bss %code     where to go on
 *     +16            as many bytes of zero
 *     %go            functions are Go's: in a pclntab, not in a symbol table
 *     %nosym         nothing names the functions
 *
 * The function "start" is the program's entry point.
 */
void builder_assemble(struct builder_program *program, const char *text);

/* The address of a label, which must be there. */
uint64_t builder_label(const struct builder_program *program, const char *name);

/*
 * Assembles text, scans the program, and compares the sites with those wanted: "label via number
 * how", separated by "; "; a number of the 32-bit table is followed by "/x86".
 */
void builder_expect(const char *text, const char *wanted);

#endif
