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

#ifdef __x86_64__

#include <immintrin.h>

/* How many bytes from the start on hold no such number, in whole steps. */
__attribute__((target("avx2"))) static size_t skip_avx2(const uint8_t *data, size_t size,
                                                        uint32_t low, uint32_t span)
{
	/* x < span, unsigned: the smaller of x and span - 1 is x. */
	const __m256i start = _mm256_set1_epi32((int)low);
	const __m256i last = _mm256_set1_epi32((int)(span - 1));
	size_t at = 0;
	for (; size - at >= STEP; at += STEP) {
		const __m256i *from = (const __m256i *)(const void *)(data + at);
		__m256i x = _mm256_sub_epi32(_mm256_loadu_si256(from), start);
		__m256i y = _mm256_sub_epi32(_mm256_loadu_si256(from + 1), start);
		__m256i hit = _mm256_or_si256(
			_mm256_cmpeq_epi32(_mm256_min_epu32(x, last), x),
			_mm256_cmpeq_epi32(_mm256_min_epu32(y, last), y));
		if (!_mm256_testz_si256(hit, hit)) {
			break;
		}
	}
	return at;
}

static size_t skip_sse2(const uint8_t *data, size_t size, uint32_t low, uint32_t span)
{
	/* There is no unsigned comparison: both sides are moved down by half the range. */
	const __m128i half = _mm_set1_epi32((int)0x80000000);
	const __m128i start = _mm_set1_epi32((int)(low ^ 0x80000000));
	const __m128i bound = _mm_xor_si128(_mm_set1_epi32((int)(span - 1)), half);
	size_t at = 0;
	for (; size - at >= STEP; at += STEP) {
		const __m128i *from = (const __m128i *)(const void *)(data + at);
		__m128i miss = _mm_set1_epi32(-1);
		for (unsigned i = 0; i < 4; i++) {
			/* Subtracting low with its top bit turned over turns that of x over. */
			__m128i x = _mm_sub_epi32(_mm_loadu_si128(from + i), start);
			miss = _mm_and_si128(miss, _mm_cmpgt_epi32(x, bound));
		}
		if (_mm_movemask_epi8(miss) != 0xffff) {
			break;
		}
	}
	return at;
}

static size_t skip(enum g2s_words_way way, const uint8_t *data, size_t size, uint32_t low,
                   uint32_t span)
{
	if (way == G2S_WORDS_PLAIN) {
		return 0;
	}
	return way == G2S_WORDS_BEST && __builtin_cpu_supports("avx2")
	               ? skip_avx2(data, size, low, span)
	               : skip_sse2(data, size, low, span);
}

#else

static size_t skip(enum g2s_words_way way, const uint8_t *data, size_t size, uint32_t low,
                   uint32_t span)
{
	(void)way;
	(void)data;
	(void)size;
	(void)low;
	(void)span;
	return 0;
}

#endif

bool g2s_words_search(enum g2s_words_way way, const uint8_t *data, size_t size, uint32_t low,
                      uint32_t span, bool (*found)(void *user, size_t offset), void *user)
{
	for (size_t at = 0; size - at >= 4;) {
		at += skip(way, data + at, size - at, low, span);
		/* In these bytes there is one, or they are the last. */
		size_t end = size - at < STEP ? size : at + STEP;
		for (; end - at >= 4; at += 4) {
			if (word_at(data + at) - low < span && !found(user, at)) {
				return false;
			}
		}
	}
	return true;
}
