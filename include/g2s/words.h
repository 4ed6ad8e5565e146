/* SPDX-License-Identifier: MIT */
#ifndef G2S_WORDS_H
#define G2S_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How to search: as fast as the processor allows, with the narrow vectors all have, without any. */
enum g2s_words_way {
	G2S_WORDS_BEST,
	G2S_WORDS_NARROW,
	G2S_WORDS_PLAIN,
};

/*
 * What is looked for: numbers of 4 bytes, little-endian, that lie in [low, low + span) modulo 2^32
 * and are multiples of the power of two align.  span is at least 1.
 */
struct g2s_words {
	uint32_t low;
	uint32_t span;
	uint32_t align;
};

/*
 * Searches data at the speed of memory: tells found, in ascending order, of every offset that is
 * a multiple of 4 where such a number stands.  False when found said so.  All ways answer the same.
 */
bool g2s_words_search(enum g2s_words_way way, const uint8_t *data, size_t size,
                      struct g2s_words words, bool (*found)(void *user, size_t offset),
                      void *user);

#endif
