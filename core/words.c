/* SPDX-License-Identifier: MIT */
#include "g2s/words.h"

#include <string.h>

enum {
	/* Bytes that are looked at together. */
	STEP = 64,
};

static uint32_t word_at(const uint8_t *data)
{
	uint32_t word;
	memcpy(&word, data, sizeof(word));
	return word;
}

static bool is_wanted(uint32_t word, struct g2s_words words)
{
	return word - words.low < words.span && (word & (words.align - 1)) == 0;
}

#ifdef __x86_64__

#include <immintrin.h>

/* How many bytes from the start on hold no such number, in whole steps. */
__attribute__((target("avx2"))) static size_t skip_avx2(const uint8_t *data, size_t size,
                                                        struct g2s_words words)
{
	/* x < span, unsigned: the smaller of x and span - 1 is x. */
	const __m256i low = _mm256_set1_epi32((int)words.low);
	const __m256i last = _mm256_set1_epi32((int)(words.span - 1));
	const __m256i rest = _mm256_set1_epi32((int)(words.align - 1));
	const __m256i zero = _mm256_setzero_si256();
	size_t at = 0;
	for (; size - at >= STEP; at += STEP) {
		__m256i any = zero;
		for (unsigned i = 0; i < 2; i++) {
			const __m256i *from = (const __m256i *)(const void *)(data + at) + i;
			__m256i word = _mm256_loadu_si256(from);
			__m256i x = _mm256_sub_epi32(word, low);
			__m256i hit = _mm256_and_si256(
				_mm256_cmpeq_epi32(_mm256_min_epu32(x, last), x),
				_mm256_cmpeq_epi32(_mm256_and_si256(word, rest), zero));
			any = _mm256_or_si256(any, hit);
		}
		if (!_mm256_testz_si256(any, any)) {
			break;
		}
	}
	return at;
}

static size_t skip_sse2(const uint8_t *data, size_t size, struct g2s_words words)
{
	/* There is no unsigned comparison: both sides are moved down by half the range. */
	const __m128i half = _mm_set1_epi32((int)0x80000000);
	const __m128i low = _mm_set1_epi32((int)(words.low ^ 0x80000000));
	const __m128i bound = _mm_xor_si128(_mm_set1_epi32((int)(words.span - 1)), half);
	const __m128i rest = _mm_set1_epi32((int)(words.align - 1));
	size_t at = 0;
	for (; size - at >= STEP; at += STEP) {
		const __m128i *from = (const __m128i *)(const void *)(data + at);
		__m128i any = _mm_setzero_si128();
		for (unsigned i = 0; i < 4; i++) {
			__m128i word = _mm_loadu_si128(from + i);
			/* Subtracting low with its top bit turned over turns that of x over. */
			__m128i miss = _mm_cmpgt_epi32(_mm_sub_epi32(word, low), bound);
			__m128i fits = _mm_cmpeq_epi32(_mm_and_si128(word, rest),
			                               _mm_setzero_si128());
			any = _mm_or_si128(any, _mm_andnot_si128(miss, fits));
		}
		if (_mm_movemask_epi8(any) != 0) {
			break;
		}
	}
	return at;
}

static size_t skip(enum g2s_words_way way, const uint8_t *data, size_t size,
                   struct g2s_words words)
{
	if (way == G2S_WORDS_PLAIN) {
		return 0;
	}
	return way == G2S_WORDS_BEST && __builtin_cpu_supports("avx2")
	               ? skip_avx2(data, size, words)
	               : skip_sse2(data, size, words);
}

#else

static size_t skip(enum g2s_words_way way, const uint8_t *data, size_t size,
                   struct g2s_words words)
{
	(void)way;
	(void)data;
	(void)size;
	(void)words;
	return 0;
}

#endif

bool g2s_words_search(enum g2s_words_way way, const uint8_t *data, size_t size,
                      struct g2s_words words, bool (*found)(void *user, size_t offset),
                      void *user)
{
	for (size_t at = 0; size - at >= 4;) {
		at += skip(way, data + at, size - at, words);
		/* In these bytes there is one, or they are the last. */
		size_t end = size - at < STEP ? size : at + STEP;
		for (; end - at >= 4; at += 4) {
			if (is_wanted(word_at(data + at), words) && !found(user, at)) {
				return false;
			}
		}
	}
	return true;
}
