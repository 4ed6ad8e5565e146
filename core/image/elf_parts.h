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
 * Fills in relocations, symbols, exports and needs from the dynamic section in range (empty when
 * there is none) and the symbol tables.  Fails when memory runs out, or for tables that say the
 * same again and again.
 */
enum g2s_code elf_read_tables(struct g2s_elf *elf, struct g2s_range range, struct g2s_error *err);

/* Sorts ranges, makes one of those that overlap or touch, and drops empty ones. */
void elf_sort_ranges(struct g2s_range *ranges, size_t *count);

#endif
