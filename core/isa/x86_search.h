/* SPDX-License-Identifier: MIT */
#ifndef G2S_X86_SEARCH_H
#define G2S_X86_SEARCH_H

#include "g2s/isa/isa.h"

/* The searches of struct g2s_arch for x86; see there. */
bool x86_search(const struct g2s_arch *arch, const uint8_t *code, size_t size, uint64_t addr,
                const struct g2s_search *search);
bool x86_search_near(const uint8_t *code, size_t size, uint64_t addr, struct g2s_window window,
                     const struct g2s_sink *sink);
bool x86_search_addresses(const struct g2s_arch *arch, const uint8_t *code, size_t size,
                          uint64_t addr, enum g2s_operands operands,
                          const struct g2s_window *windows, size_t count,
                          const struct g2s_sink *sink);

enum {
	/* Most ranges of addresses that are looked for at once. */
	X86_CLUSTERS = 6,
	/* Most values of the upper half of a number that are looked for at once. */
	X86_UPPERS = 8,
};

/* The places in 32 bytes of code that are worth a look, a bit each. */
struct x86_places {
	/*
	 * What has a distance of 32 bits: direct calls and jumps (E8, E9), conditional branches
	 * (0F 8x), LEA of a distance from the instruction.
	 */
	uint32_t distances;
	/* The kernel's entries. */
	uint32_t enters;
};

/* 32 bytes of code with something in them: where they begin, and a bit for each place. */
struct x86_block {
	uint32_t start;
	uint32_t mask;
};

/* 32-bit numbers from low on, span of them, modulo 2^32. */
struct x86_numbers {
	uint32_t low;
	uint32_t span;
};

/*
 * The vector part of the searches: which of 32 * count bytes at code are worth a look.  The bytes
 * that follow, up to 7, are read as well.  Two versions, for processors with AVX2 and for all;
 * they answer the same.
 */
struct x86_masks {
	/*
	 * Where an instruction of interest could begin.  The code is at addr; targets that are no
	 * multiples of mask + 1, a power of two up to 32, do not interest.
	 */
	void (*opcodes)(const uint8_t *code, size_t count, uint64_t addr, uint8_t mask,
	                struct x86_places *places);
	/*
	 * Lists the places of distances in ascending order, counted from the first byte; answers
	 * how many there are.  list has room for four more than there can be.
	 */
	size_t (*list)(const struct x86_places *places, size_t count, uint16_t *list);
	/* The kernel's entries alone; answers how many blocks there are that have some. */
	size_t (*enters)(const uint8_t *code, size_t count, struct x86_block *blocks);
	/*
	 * Where a 32-bit number begins whose upper 16 bits are one of the values, X86_UPPERS at
	 * most; likewise.
	 */
	size_t (*uppers)(const uint8_t *code, size_t count, const uint16_t *values,
	                 size_t value_count, struct x86_block *blocks);
	/*
	 * Where a 32-bit number d stands for which d + offset + position, or, with absolute, d
	 * itself, is one of the wanted; likewise.
	 */
	size_t (*numbers)(const uint8_t *code, size_t count, uint32_t offset, bool absolute,
	                  const struct x86_numbers *wanted, size_t wanted_count,
	                  struct x86_block *blocks);
};

extern const struct x86_masks x86_masks_avx2;
extern const struct x86_masks x86_masks_sse2;

/* The version for this processor. */
const struct x86_masks *x86_masks(void);

#endif
