/* SPDX-License-Identifier: MIT */
#ifndef G2S_IMAGE_PCLNTAB_H
#define G2S_IMAGE_PCLNTAB_H

#include "g2s/image/elf.h"

/*
 * Go's table of functions, pclntab: where each begins, its name, and the line of each
 * instruction.  It is in every Go program, stripped or not.  Its four layouts
 * (debug/gosym/pclntab.go, runtime/symtab.go, cmd/link/internal/ld/pcln.go):
 *
 *     magic     Go         words from byte 8 on                               functab entry
 *     fffffffb  1.2-1.15   nfunc, then functab                                word pc, word offset
 *     fffffffa  1.16-1.17  nfunc nfiles names cus files pcs functab           word pc, word offset
 *     fffffff0  1.18-1.19  nfunc nfiles textStart names cus files pcs functab u32 pc, u32 offset
 *     fffffff1  1.20-      the same; textStart is 0 from 1.26 on              u32 pc, u32 offset
 *
 * Bytes 4 and 5 are zero, 6 is the instruction quantum (1, 2, 4), 7 the size of a pointer.  The
 * functab has nfunc + 1 entries, the last one being the end of text.
 */
enum g2s_pclntab_layout {
	G2S_PCLNTAB_NONE,
	G2S_PCLNTAB_GO12,
	G2S_PCLNTAB_GO116,
	G2S_PCLNTAB_GO118,
};

enum { G2S_PCLNTAB_BASES = 16 };

struct g2s_pclntab {
	enum g2s_pclntab_layout layout;
	/* From the header to the end of what the file holds of its segment. */
	struct g2s_bytes bytes;
	/*
	 * Address of the header, and of the first byte after what is known to belong to the
	 * table.
	 */
	uint64_t addr;
	uint64_t end;
	unsigned quantum;
	unsigned word;
	uint64_t function_count;
	/*
	 * What the functab's offsets count from (Go 1.18 and later), and the addresses Go's
	 * text spans.
	 */
	uint64_t text;
	struct g2s_range code;
	/* Offsets of the parts, from the header. */
	uint64_t names, cus, files, pcs, functab;
	/* The runtime's record of the table, firstmoduledata; 0 when it was not found. */
	struct g2s_range moduledata;
	/* Addresses of constant data in that record; from one of them type data is counted. */
	uint64_t bases[G2S_PCLNTAB_BASES];
	unsigned base_count;
};

/*
 * Finds the table in elf and its runtime record, checks the whole functab (ascending, inside
 * executable memory) and fills *tab.  False when there is none, or none that holds: the file is
 * then treated as not being Go.
 */
bool g2s_pclntab_open(struct g2s_pclntab *tab, const struct g2s_elf *elf);

/*
 * Of a file without a table that holds: finds the runtime's record by what it says of sections, and
 * fills in text, code, moduledata and bases of *tab.  False when there is none.
 */
bool g2s_pclntab_find_record(struct g2s_pclntab *tab, const struct g2s_elf *elf);

/*
 * Where function i begins; for i == function_count where the last one ends.  0 when the table has
 * no function i.
 */
uint64_t g2s_pclntab_start(const struct g2s_pclntab *tab, const struct g2s_elf *elf, uint64_t i);

/* The function's name; false when the table does not say. */
bool g2s_pclntab_name(const struct g2s_pclntab *tab, uint64_t i, struct g2s_bytes *name);

/*
 * The bytes of stack that the function's callers set aside for its arguments and results; false
 * when the table does not say (assembler may leave it open).
 */
bool g2s_pclntab_args(const struct g2s_pclntab *tab, uint64_t i, uint64_t *size);

/* File and line of the instruction at pc of function i; false when the table does not say. */
bool g2s_pclntab_line(const struct g2s_pclntab *tab, uint64_t i, uint64_t start, uint64_t pc,
                      struct g2s_bytes *file, uint64_t *line);

#endif
