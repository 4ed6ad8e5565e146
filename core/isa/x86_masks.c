/* SPDX-License-Identifier: MIT */
/*
 * The vector part of x86_search.c, twice.  On a machine that is not x86 itself the searches do
 * without it: every byte is worth a look there.
 */
#include "x86_search.h"

#include <string.h>

#ifdef __x86_64__

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static void opcodes_avx2(const uint8_t *code, size_t count, bool go, uint32_t *masks)
{
	const __m256i branch_bits = _mm256_set1_epi8((char)0xfe);
	const __m256i branch = _mm256_set1_epi8((char)0xe8);
	const __m256i two = _mm256_set1_epi8(0x0f);
	const __m256i interrupt = _mm256_set1_epi8((char)0xcd);
	const __m256i number = _mm256_set1_epi8((char)0x80);
	const __m256i high_bits = _mm256_set1_epi8((char)0xf0);
	for (size_t i = 0; i < count; i++) {
		__m256i first = _mm256_loadu_si256((const __m256i *)(const void *)(code + 32 * i));
		__m256i second =
			_mm256_loadu_si256((const __m256i *)(const void *)(code + 32 * i + 1));
		__m256i hits = _mm256_cmpeq_epi8(_mm256_and_si256(first, branch_bits), branch);
		__m256i enters = _mm256_or_si256(
			_mm256_cmpeq_epi8(second, _mm256_set1_epi8(0x05)),
			_mm256_cmpeq_epi8(second, _mm256_set1_epi8(0x34)));
		if (!go) {
			enters = _mm256_or_si256(
				enters,
				_mm256_cmpeq_epi8(_mm256_and_si256(second, high_bits), number));
		}
		hits = _mm256_or_si256(
			hits, _mm256_and_si256(_mm256_cmpeq_epi8(first, two), enters));
		hits = _mm256_or_si256(hits,
		                       _mm256_and_si256(_mm256_cmpeq_epi8(first, interrupt),
		                                        _mm256_cmpeq_epi8(second, number)));
		masks[i] = (uint32_t)_mm256_movemask_epi8(hits);
	}
}

/* Spreads the results for positions k, k + 4, ... (a bit each) to their places in a mask. */
static uint32_t spread(uint32_t bits, unsigned k)
{
	/* Eight bits, four apart. */
	uint32_t x = bits & 0xff;
	x = (x | x << 12) & 0x000f000f;
	x = (x | x << 6) & 0x03030303;
	x = (x | x << 3) & 0x11111111;
	return x << k;
}

AVX2 static void numbers_avx2(const uint8_t *code, size_t count, uint32_t offset, bool absolute,
                              uint32_t low, uint32_t span, uint32_t *masks)
{
	/* x < span, unsigned: the smaller of x and span - 1 is x. */
	const __m256i lanes = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
	const __m256i last = _mm256_set1_epi32((int)(span - 1));
	const __m256i start = _mm256_set1_epi32((int)low);
	for (size_t i = 0; i < count; i++) {
		for (unsigned k = 0; k < 4; k++) {
			const uint8_t *at = code + 32 * i + k;
			__m256i d = _mm256_loadu_si256((const __m256i *)(const void *)at);
			uint32_t first = offset + 32 * (uint32_t)i + k - low;
			__m256i place = _mm256_add_epi32(lanes, _mm256_set1_epi32((int)first));
			__m256i x = _mm256_add_epi32(d, place);
			__m256i hit = _mm256_cmpeq_epi32(_mm256_min_epu32(x, last), x);
			if (absolute) {
				x = _mm256_sub_epi32(d, start);
				hit = _mm256_or_si256(
					hit, _mm256_cmpeq_epi32(_mm256_min_epu32(x, last), x));
			}
			uint32_t bits = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(hit));
			if (bits != 0) {
				masks[i] |= spread(bits, k);
			}
		}
	}
}

const struct x86_masks x86_masks_avx2 = {opcodes_avx2, numbers_avx2};

static void opcodes_sse2(const uint8_t *code, size_t count, bool go, uint32_t *masks)
{
	const __m128i branch_bits = _mm_set1_epi8((char)0xfe);
	const __m128i branch = _mm_set1_epi8((char)0xe8);
	const __m128i two = _mm_set1_epi8(0x0f);
	const __m128i interrupt = _mm_set1_epi8((char)0xcd);
	const __m128i number = _mm_set1_epi8((char)0x80);
	const __m128i high_bits = _mm_set1_epi8((char)0xf0);
	for (size_t i = 0; i < 2 * count; i++) {
		__m128i first = _mm_loadu_si128((const __m128i *)(const void *)(code + 16 * i));
		__m128i second =
			_mm_loadu_si128((const __m128i *)(const void *)(code + 16 * i + 1));
		__m128i hits = _mm_cmpeq_epi8(_mm_and_si128(first, branch_bits), branch);
		__m128i enters = _mm_or_si128(_mm_cmpeq_epi8(second, _mm_set1_epi8(0x05)),
		                              _mm_cmpeq_epi8(second, _mm_set1_epi8(0x34)));
		if (!go) {
			enters = _mm_or_si128(
				enters, _mm_cmpeq_epi8(_mm_and_si128(second, high_bits), number));
		}
		hits = _mm_or_si128(hits, _mm_and_si128(_mm_cmpeq_epi8(first, two), enters));
		hits = _mm_or_si128(hits, _mm_and_si128(_mm_cmpeq_epi8(first, interrupt),
		                                        _mm_cmpeq_epi8(second, number)));
		uint32_t mask = (uint32_t)_mm_movemask_epi8(hits);
		masks[i / 2] = i % 2 == 0 ? mask : masks[i / 2] | mask << 16;
	}
}

static void numbers_sse2(const uint8_t *code, size_t count, uint32_t offset, bool absolute,
                         uint32_t low, uint32_t span, uint32_t *masks)
{
	/* There is no unsigned comparison: both sides are moved down by half the range. */
	const __m128i half = _mm_set1_epi32((int)0x80000000);
	const __m128i bound = _mm_xor_si128(_mm_set1_epi32((int)(span - 1)), half);
	const __m128i lanes = _mm_setr_epi32(0, 4, 8, 12);
	const __m128i start = _mm_set1_epi32((int)low);
	for (size_t i = 0; i < 2 * count; i++) {
		for (unsigned k = 0; k < 4; k++) {
			const uint8_t *at = code + 16 * i + k;
			__m128i d = _mm_loadu_si128((const __m128i *)(const void *)at);
			__m128i place = _mm_add_epi32(
				lanes, _mm_set1_epi32((int)(offset + 16 * (uint32_t)i + k - low)));
			__m128i x = _mm_xor_si128(_mm_add_epi32(d, place), half);
			__m128i miss = _mm_cmpgt_epi32(x, bound);
			if (absolute) {
				x = _mm_xor_si128(_mm_sub_epi32(d, start), half);
				miss = _mm_and_si128(miss, _mm_cmpgt_epi32(x, bound));
			}
			uint32_t bits = ~(uint32_t)_mm_movemask_ps(_mm_castsi128_ps(miss)) & 0xf;
			if (bits != 0) {
				masks[i / 2] |= spread(bits, k) << (i % 2 == 0 ? 0 : 16);
			}
		}
	}
}

const struct x86_masks x86_masks_sse2 = {opcodes_sse2, numbers_sse2};

const struct x86_masks *x86_masks(void)
{
	return __builtin_cpu_supports("avx2") ? &x86_masks_avx2 : &x86_masks_sse2;
}

#else

static void opcodes_any(const uint8_t *code, size_t count, bool go, uint32_t *masks)
{
	(void)code;
	(void)go;
	memset(masks, 0xff, count * sizeof(*masks));
}

static void numbers_any(const uint8_t *code, size_t count, uint32_t offset, bool absolute,
                        uint32_t low, uint32_t span, uint32_t *masks)
{
	(void)offset;
	(void)absolute;
	(void)low;
	(void)span;
	opcodes_any(code, count, true, masks);
}

const struct x86_masks x86_masks_avx2 = {opcodes_any, numbers_any};
const struct x86_masks x86_masks_sse2 = {opcodes_any, numbers_any};

const struct x86_masks *x86_masks(void)
{
	return &x86_masks_sse2;
}

#endif
