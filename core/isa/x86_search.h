/* SPDX-License-Identifier: MIT */
#ifndef G2S_X86_SEARCH_H
#define G2S_X86_SEARCH_H

#include "g2s/isa/isa.h"

/* The searches of struct g2s_arch for x86; see there. */
bool x86_search(const uint8_t *code, size_t size, uint64_t addr, bool go,
                const struct g2s_sink *sink);
bool x86_search_near(const uint8_t *code, size_t size, uint64_t addr, uint64_t target,
                     const struct g2s_sink *sink);
bool x86_search_addresses(const uint8_t *code, size_t size, uint64_t addr, bool go,
                          const struct g2s_window *windows, size_t count,
                          const struct g2s_sink *sink);

/*
 * The vector part of the searches: which of 32 * count bytes at code are worth a look, a bit
 * each.  The bytes that follow, up to 7, are read as well.  Two versions, for processors with
 * AVX2 and for all; they answer the same.
 */
struct x86_masks {
	/* Where an instruction of interest could begin; branches too when the code is not Go's. */
	void (*opcodes)(const uint8_t *code, size_t count, bool go, uint32_t *masks);
	/*
	 * Where a 32-bit number d stands for which d + offset + position, or, with absolute, d
	 * itself, lies in [low, low + span) modulo 2^32; masks are added to.
	 */
	void (*numbers)(const uint8_t *code, size_t count, uint32_t offset, bool absolute,
	                uint32_t low, uint32_t span, uint32_t *masks);
};

extern const struct x86_masks x86_masks_avx2;
extern const struct x86_masks x86_masks_sse2;

/* The version for this processor. */
const struct x86_masks *x86_masks(void);

#endif
