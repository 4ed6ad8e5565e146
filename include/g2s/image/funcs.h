/* SPDX-License-Identifier: MIT */
#ifndef G2S_IMAGE_FUNCS_H
#define G2S_IMAGE_FUNCS_H

#include "g2s/image/elf.h"
#include "g2s/image/pclntab.h"

/* One function: code that is entered at start and lies in [start, end). */
struct g2s_function {
	uint64_t start;
	uint64_t end;
	/* Index in pclntab plus one; 0 for code that is not Go's. */
	uint32_t go;
	/* Index in the ELF symbols plus one; 0 for none. */
	uint32_t symbol;
};

/*
 * Every function of a file in one table, sorted, without overlap: Go's from pclntab, then those
 * of the symbol tables and of .eh_frame outside Go's text.  Code that none of them covers is a
 * gap until g2s_funcs_split gives it functions.
 */
struct g2s_funcs {
	const struct g2s_elf *elf;
	/* NULL when the file has no pclntab. */
	const struct g2s_pclntab *tab;
	/* What the runtime's record says of text, also without a table; or NULL. */
	const struct g2s_pclntab *record;
	struct g2s_function *items;
	size_t count;
	size_t capacity;
	/*
	 * The file says it was built by Go, but has no table that holds: any code of it may follow
	 * Go's calling conventions.
	 */
	bool go_unlisted;
	/* The largest power of two, up to 64, that every Go function's start is a multiple of. */
	uint64_t go_align;
	/* The executable memory that the file fills, sorted. */
	struct g2s_range *code;
	size_t code_count;
};

/* Builds the table; elf and tab (may be NULL) must outlive it.  False when memory ran out. */
bool g2s_funcs_build(struct g2s_funcs *funcs, const struct g2s_elf *elf,
                     const struct g2s_pclntab *tab);
void g2s_funcs_free(struct g2s_funcs *funcs);

/* The function that holds addr, or NULL.  Pointers are good until the next g2s_funcs_split. */
const struct g2s_function *g2s_funcs_find(const struct g2s_funcs *funcs, uint64_t addr);

/* The code around addr that no function covers; false when addr is covered or is no code. */
bool g2s_funcs_gap(const struct g2s_funcs *funcs, uint64_t addr, struct g2s_range *gap);

/*
 * Makes functions of gap: one that begins at each of the count sorted starts, and one at
 * gap.start.  False when memory ran out.
 */
bool g2s_funcs_split(struct g2s_funcs *funcs, struct g2s_range gap, const uint64_t *starts,
                     size_t count);

/*
 * All code that no function covers, sorted, in *gaps, which the caller frees.  False when memory
 * ran out.
 */
bool g2s_funcs_gaps(const struct g2s_funcs *funcs, struct g2s_range **gaps, size_t *count);

/* Adds the functions of others, which lie in gaps of funcs.  False when memory ran out. */
bool g2s_funcs_add(struct g2s_funcs *funcs, const struct g2s_funcs *others);

/* True when addr lies in the text that Go's linker laid out. */
bool g2s_funcs_is_go(const struct g2s_funcs *funcs, uint64_t addr);

/* True when the code at addr may follow Go's calling conventions. */
bool g2s_funcs_calls_as_go(const struct g2s_funcs *funcs, uint64_t addr);

/* The function's name; false when nothing names it. */
bool g2s_funcs_name(const struct g2s_funcs *funcs, const struct g2s_function *function,
                    struct g2s_bytes *name);

/* File and line of the instruction at pc; false when nothing tells. */
bool g2s_funcs_line(const struct g2s_funcs *funcs, const struct g2s_function *function,
                    uint64_t pc, struct g2s_bytes *file, uint64_t *line);

#endif
