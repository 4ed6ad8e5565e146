/* SPDX-License-Identifier: MIT */
#ifndef G2S_IMAGE_EHFRAME_H
#define G2S_IMAGE_EHFRAME_H

#include "g2s/image/elf.h"

/*
 * The extents of functions that C and C++ compilers leave in .eh_frame, in stripped files too
 * (System V psABI for x86-64, 4.2.4; Linux Standard Base Core, 10.6).  Appends them to *ranges,
 * an array of *count with room for *capacity that the caller frees; unsorted.  Entries that
 * make no sense are passed over.  False when memory ran out.
 */
bool g2s_ehframe_read(const struct g2s_elf *elf, struct g2s_range **ranges, size_t *count,
                      size_t *capacity);

#endif
