/* SPDX-License-Identifier: MIT */
/*
 * The vector part of x86_search.c, twice.  On a machine that is not x86 itself the searches do
 * without it: every byte is worth a look there.
 */
#include "x86_search.h"

#include <string.h>

/* The bits of ModRM that say "a distance from the instruction" (mod 0, rm 5), and that pattern. */
enum {
	MODRM_MASK = 0xc7,
	MODRM_RIP = 0x05,
	LEA = 0x8d,
};

static size_t list_plainly(const struct x86_places *places, size_t count, uint16_t *list)
{
	size_t known = 0;
	for (size_t i = 0; i < count; i++) {
		for (uint32_t mask = places[i].distances; mask != 0; mask &= mask - 1) {
			list[known++] = (uint16_t)(32 * i + (size_t)__builtin_ctz(mask));
		}
	}
	return known;
}

#ifdef __x86_64__

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i bytes_avx2(int value)
{
	return _mm256_set1_epi8((char)value);
}

AVX2 static inline __m256i load_avx2(const uint8_t *at)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

AVX2 static inline uint32_t mask_avx2(__m256i hits)
{
	return (uint32_t)_mm256_movemask_epi8(hits);
}

/*
 * The lowest byte of a target is the sum of the lowest bytes of the distance and of the address
 * behind it, which has the same lowest 5 bits at the same lane of every 32 bytes.
 */
AVX2 static inline __m256i aligned_avx2(__m256i distance, uint64_t behind, uint8_t mask)
{
	const __m256i lanes =
		_mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
	                         19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
	__m256i at = _mm256_add_epi8(lanes, bytes_avx2((int)(behind & 31)));
	__m256i target = _mm256_and_si256(_mm256_add_epi8(distance, at), bytes_avx2(mask));
	return _mm256_cmpeq_epi8(target, _mm256_setzero_si256());
}

/* Where bytes, and those behind them, enter the kernel. */
AVX2 static inline __m256i enters_at_avx2(__m256i first, __m256i second)
{
	__m256i two = _mm256_cmpeq_epi8(first, bytes_avx2(0x0f));
	__m256i enters = _mm256_or_si256(_mm256_cmpeq_epi8(second, bytes_avx2(0x05)),
	                                 _mm256_cmpeq_epi8(second, bytes_avx2(0x34)));
	__m256i number = _mm256_and_si256(_mm256_cmpeq_epi8(first, bytes_avx2(0xcd)),
	                                  _mm256_cmpeq_epi8(second, bytes_avx2(0x80)));
	return _mm256_or_si256(_mm256_and_si256(two, enters), number);
}

/* Adds a block if something is in it. */
AVX2 static inline size_t put_avx2(struct x86_block *blocks, size_t known, size_t i, __m256i hits)
{
	if (!_mm256_testz_si256(hits, hits)) {
		blocks[known++] = (struct x86_block){(uint32_t)(32 * i), mask_avx2(hits)};
	}
	return known;
}

AVX2 static size_t enters_avx2(const uint8_t *code, size_t count, struct x86_block *blocks)
{
	size_t known = 0;
	for (size_t i = 0; i < count; i++) {
		__m256i hits = enters_at_avx2(load_avx2(code + 32 * i),
		                              load_avx2(code + 32 * i + 1));
		known = put_avx2(blocks, known, i, hits);
	}
	return known;
}

/* The body of uppers_avx2, made for some numbers of values. */
AVX2 static inline __attribute__((always_inline)) size_t
values_avx2(const uint8_t *code, size_t count, const uint16_t *values, const size_t value_count,
            struct x86_block *blocks)
{
	__m256i low[X86_UPPERS];
	__m256i high[X86_UPPERS];
	for (size_t v = 0; v < value_count; v++) {
		low[v] = bytes_avx2(values[v] & 0xff);
		high[v] = bytes_avx2(values[v] >> 8);
	}
	size_t known = 0;
	for (size_t i = 0; i < count; i++) {
		__m256i third = load_avx2(code + 32 * i + 2);
		__m256i fourth = load_avx2(code + 32 * i + 3);
		__m256i hits = _mm256_setzero_si256();
		for (size_t v = 0; v < value_count; v++) {
			__m256i hit = _mm256_and_si256(_mm256_cmpeq_epi8(third, low[v]),
			                               _mm256_cmpeq_epi8(fourth, high[v]));
			hits = _mm256_or_si256(hits, hit);
		}
		known = put_avx2(blocks, known, i, hits);
	}
	return known;
}

AVX2 static size_t uppers_avx2(const uint8_t *code, size_t count, const uint16_t *values,
                               size_t value_count, struct x86_block *blocks)
{
	switch (value_count) {
	case 1:
		return values_avx2(code, count, values, 1, blocks);
	case 2:
		return values_avx2(code, count, values, 2, blocks);
	default:
		return values_avx2(code, count, values, value_count, blocks);
	}
}

AVX2 static void opcodes_avx2(const uint8_t *code, size_t count, uint64_t addr, uint8_t mask,
                              struct x86_places *places)
{
	for (size_t i = 0; i < count; i++) {
		__m256i first = load_avx2(code + 32 * i);
		__m256i second = load_avx2(code + 32 * i + 1);
		__m256i third = load_avx2(code + 32 * i + 2);
		__m256i two = _mm256_cmpeq_epi8(first, bytes_avx2(0x0f));
		__m256i call = _mm256_cmpeq_epi8(_mm256_and_si256(first, bytes_avx2(0xfe)),
		                                 bytes_avx2(0xe8));
		__m256i branch = _mm256_cmpeq_epi8(_mm256_and_si256(second, bytes_avx2(0xf0)),
		                                   bytes_avx2(0x80));
		__m256i modrm = _mm256_cmpeq_epi8(_mm256_and_si256(second, bytes_avx2(MODRM_MASK)),
		                                  bytes_avx2(MODRM_RIP));
		__m256i take = _mm256_and_si256(_mm256_cmpeq_epi8(first, bytes_avx2(LEA)), modrm);
		branch = _mm256_or_si256(_mm256_and_si256(two, branch), take);
		branch = _mm256_and_si256(branch, aligned_avx2(third, addr + 6, mask));
		call = _mm256_and_si256(call, aligned_avx2(second, addr + 5, mask));
		places[i] = (struct x86_places){
			.distances = mask_avx2(_mm256_or_si256(branch, call)),
			.enters = mask_avx2(enters_at_avx2(first, second)),
		};
	}
}

/* Most masks have few bits: four are taken without asking whether they are there. */
__attribute__((target("bmi,popcnt"))) static size_t list_bmi(const struct x86_places *places,
                                                            size_t count, uint16_t *list)
{
	size_t known = 0;
	for (size_t i = 0; i < count; i += 2) {
		uint64_t mask = places[i].distances;
		mask |= i + 1 < count ? (uint64_t)places[i + 1].distances << 32 : 0;
		size_t bits = (size_t)__builtin_popcountll(mask);
		for (size_t taken = 0;; taken += 4) {
			for (size_t k = 0; k < 4; k++) {
				list[known + taken + k] = (uint16_t)(32 * i + _tzcnt_u64(mask));
				mask &= mask - 1;
			}
			if (bits <= taken + 4) {
				break;
			}
		}
		known += bits;
	}
	return known;
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

/* x < span, unsigned: the smaller of x and span - 1 is x. */
AVX2 static inline __m256i below_avx2(__m256i x, __m256i last)
{
	return _mm256_cmpeq_epi32(_mm256_min_epu32(x, last), x);
}

AVX2 static size_t numbers_avx2(const uint8_t *code, size_t count, uint32_t offset, bool absolute,
                                const struct x86_numbers *wanted, size_t wanted_count,
                                struct x86_block *blocks)
{
	size_t known = 0;
	const __m256i lanes = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
	const __m256i step = _mm256_set1_epi32(32);
	__m256i at[4];
	for (unsigned k = 0; k < 4; k++) {
		at[k] = _mm256_add_epi32(lanes, _mm256_set1_epi32((int)(offset + k)));
	}
	for (size_t i = 0; i < count; i++) {
		__m256i hits[4];
		for (unsigned k = 0; k < 4; k++) {
			__m256i field = load_avx2(code + 32 * i + k);
			__m256i target = _mm256_add_epi32(field, at[k]);
			at[k] = _mm256_add_epi32(at[k], step);
			hits[k] = _mm256_setzero_si256();
			for (size_t w = 0; w < wanted_count; w++) {
				__m256i low = _mm256_set1_epi32((int)wanted[w].low);
				__m256i last = _mm256_set1_epi32((int)(wanted[w].span - 1));
				__m256i hit = below_avx2(_mm256_sub_epi32(target, low), last);
				if (absolute) {
					__m256i x = _mm256_sub_epi32(field, low);
					hit = _mm256_or_si256(hit, below_avx2(x, last));
				}
				hits[k] = _mm256_or_si256(hits[k], hit);
			}
		}
		__m256i any = _mm256_or_si256(_mm256_or_si256(hits[0], hits[1]),
		                              _mm256_or_si256(hits[2], hits[3]));
		if (_mm256_testz_si256(any, any)) {
			continue;
		}
		uint32_t mask = 0;
		for (unsigned k = 0; k < 4; k++) {
			__m256 lane = _mm256_castsi256_ps(hits[k]);
			mask |= spread((uint32_t)_mm256_movemask_ps(lane), k);
		}
		blocks[known++] = (struct x86_block){(uint32_t)(32 * i), mask};
	}
	return known;
}

const struct x86_masks x86_masks_avx2 = {
	opcodes_avx2, list_bmi, enters_avx2, uppers_avx2, numbers_avx2};

static inline __m128i bytes_sse2(int value)
{
	return _mm_set1_epi8((char)value);
}

static inline __m128i load_sse2(const uint8_t *at)
{
	return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static inline __m128i aligned_sse2(__m128i distance, uint64_t behind, uint8_t mask)
{
	const __m128i lanes = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	__m128i at = _mm_add_epi8(lanes, bytes_sse2((int)(behind & 31)));
	__m128i target = _mm_and_si128(_mm_add_epi8(distance, at), bytes_sse2(mask));
	return _mm_cmpeq_epi8(target, _mm_setzero_si128());
}

static inline __m128i enters_at_sse2(__m128i first, __m128i second)
{
	__m128i two = _mm_cmpeq_epi8(first, bytes_sse2(0x0f));
	__m128i enters = _mm_or_si128(_mm_cmpeq_epi8(second, bytes_sse2(0x05)),
	                              _mm_cmpeq_epi8(second, bytes_sse2(0x34)));
	__m128i number = _mm_and_si128(_mm_cmpeq_epi8(first, bytes_sse2(0xcd)),
	                               _mm_cmpeq_epi8(second, bytes_sse2(0x80)));
	return _mm_or_si128(_mm_and_si128(two, enters), number);
}

/* Adds what is in two times 16 bytes, if it is anything. */
static inline size_t put_sse2(struct x86_block *blocks, size_t known, size_t i, __m128i first,
                              __m128i second)
{
	uint32_t mask = (uint32_t)_mm_movemask_epi8(first) |
	                (uint32_t)_mm_movemask_epi8(second) << 16;
	blocks[known] = (struct x86_block){(uint32_t)(32 * i), mask};
	return known + (mask != 0);
}

static size_t enters_sse2(const uint8_t *code, size_t count, struct x86_block *blocks)
{
	size_t known = 0;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *at = code + 32 * i;
		known = put_sse2(blocks, known, i,
		                 enters_at_sse2(load_sse2(at), load_sse2(at + 1)),
		                 enters_at_sse2(load_sse2(at + 16), load_sse2(at + 17)));
	}
	return known;
}

static inline __m128i uppers_at_sse2(const uint8_t *code, const uint16_t *values,
                                     size_t value_count)
{
	__m128i third = load_sse2(code + 2);
	__m128i fourth = load_sse2(code + 3);
	__m128i hits = _mm_setzero_si128();
	for (size_t v = 0; v < value_count; v++) {
		__m128i low = _mm_cmpeq_epi8(third, bytes_sse2(values[v] & 0xff));
		__m128i high = _mm_cmpeq_epi8(fourth, bytes_sse2(values[v] >> 8));
		hits = _mm_or_si128(hits, _mm_and_si128(low, high));
	}
	return hits;
}

static size_t uppers_sse2(const uint8_t *code, size_t count, const uint16_t *values,
                          size_t value_count, struct x86_block *blocks)
{
	size_t known = 0;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *at = code + 32 * i;
		known = put_sse2(blocks, known, i, uppers_at_sse2(at, values, value_count),
		                 uppers_at_sse2(at + 16, values, value_count));
	}
	return known;
}

static inline void half_sse2(const uint8_t *code, unsigned shift, uint64_t addr, uint8_t mask,
                             struct x86_places *places)
{
	__m128i first = load_sse2(code);
	__m128i second = load_sse2(code + 1);
	__m128i third = load_sse2(code + 2);
	__m128i two = _mm_cmpeq_epi8(first, bytes_sse2(0x0f));
	__m128i call = _mm_cmpeq_epi8(_mm_and_si128(first, bytes_sse2(0xfe)), bytes_sse2(0xe8));
	__m128i branch = _mm_cmpeq_epi8(_mm_and_si128(second, bytes_sse2(0xf0)), bytes_sse2(0x80));
	__m128i modrm = _mm_cmpeq_epi8(_mm_and_si128(second, bytes_sse2(MODRM_MASK)),
	                               bytes_sse2(MODRM_RIP));
	__m128i take = _mm_and_si128(_mm_cmpeq_epi8(first, bytes_sse2(LEA)), modrm);
	branch = _mm_or_si128(_mm_and_si128(two, branch), take);
	branch = _mm_and_si128(branch, aligned_sse2(third, addr + 6, mask));
	call = _mm_and_si128(call, aligned_sse2(second, addr + 5, mask));
	__m128i enters = enters_at_sse2(first, second);
	branch = _mm_or_si128(branch, call);
	places->distances |= (uint32_t)_mm_movemask_epi8(branch) << shift;
	places->enters |= (uint32_t)_mm_movemask_epi8(enters) << shift;
}

static void opcodes_sse2(const uint8_t *code, size_t count, uint64_t addr, uint8_t mask,
                         struct x86_places *places)
{
	for (size_t i = 0; i < count; i++) {
		places[i] = (struct x86_places){0};
		half_sse2(code + 32 * i, 0, addr, mask, &places[i]);
		half_sse2(code + 32 * i + 16, 16, addr + 16, mask, &places[i]);
	}
}

/* Four numbers, four bytes apart, of which the first is at position at of the code. */
static inline uint32_t numbers_at_sse2(const uint8_t *code, uint32_t at, bool absolute,
                                       const struct x86_numbers *wanted, size_t wanted_count)
{
	/* There is no unsigned comparison: both sides are moved down by half the range. */
	const __m128i half = _mm_set1_epi32((int)0x80000000);
	const __m128i lanes = _mm_setr_epi32(0, 4, 8, 12);
	__m128i field = load_sse2(code);
	__m128i target = _mm_add_epi32(field, _mm_add_epi32(lanes, _mm_set1_epi32((int)at)));
	uint32_t bits = 0;
	for (size_t w = 0; w < wanted_count; w++) {
		__m128i low = _mm_set1_epi32((int)wanted[w].low);
		__m128i bound = _mm_xor_si128(_mm_set1_epi32((int)(wanted[w].span - 1)), half);
		__m128i x = _mm_xor_si128(_mm_sub_epi32(target, low), half);
		__m128i miss = _mm_cmpgt_epi32(x, bound);
		if (absolute) {
			x = _mm_xor_si128(_mm_sub_epi32(field, low), half);
			miss = _mm_and_si128(miss, _mm_cmpgt_epi32(x, bound));
		}
		bits |= ~(uint32_t)_mm_movemask_ps(_mm_castsi128_ps(miss)) & 0xf;
	}
	return bits;
}

static size_t numbers_sse2(const uint8_t *code, size_t count, uint32_t offset, bool absolute,
                           const struct x86_numbers *wanted, size_t wanted_count,
                           struct x86_block *blocks)
{
	size_t known = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t mask = 0;
		for (uint32_t k = 0; k < 8; k++) {
			uint32_t at = 16 * (k / 4) + k % 4;
			uint32_t bits = numbers_at_sse2(code + 32 * i + at,
			                                offset + (uint32_t)(32 * i) + at, absolute,
			                                wanted, wanted_count);
			mask |= spread(bits, k % 4) << 16 * (k / 4);
		}
		blocks[known] = (struct x86_block){(uint32_t)(32 * i), mask};
		known += mask != 0;
	}
	return known;
}

const struct x86_masks x86_masks_sse2 = {
	opcodes_sse2, list_plainly, enters_sse2, uppers_sse2, numbers_sse2};

const struct x86_masks *x86_masks(void)
{
	bool wide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	            __builtin_cpu_supports("popcnt");
	return wide ? &x86_masks_avx2 : &x86_masks_sse2;
}

#else

/* See the vectors above. */
static bool enters_at(const uint8_t *code)
{
	return (code[0] == 0x0f && (code[1] == 0x05 || code[1] == 0x34)) ||
	       (code[0] == 0xcd && code[1] == 0x80);
}

/* Adds a block that may have been begun, if something is in it. */
static size_t put_any(const struct x86_block *blocks, size_t known)
{
	return known + (blocks[known].mask != 0);
}

static size_t enters_any(const uint8_t *code, size_t count, struct x86_block *blocks)
{
	size_t known = 0;
	for (size_t i = 0; i < count; i++) {
		blocks[known] = (struct x86_block){(uint32_t)(32 * i), 0};
		for (unsigned k = 0; k < 32; k++) {
			blocks[known].mask |= (uint32_t)enters_at(code + 32 * i + k) << k;
		}
		known = put_any(blocks, known);
	}
	return known;
}

static size_t uppers_any(const uint8_t *code, size_t count, const uint16_t *values,
                         size_t value_count, struct x86_block *blocks)
{
	size_t known = 0;
	for (size_t i = 0; i < count; i++) {
		blocks[known] = (struct x86_block){(uint32_t)(32 * i), 0};
		for (unsigned k = 0; k < 32; k++) {
			const uint8_t *at = code + 32 * i + k;
			uint16_t upper = (uint16_t)(at[2] | at[3] << 8);
			for (size_t v = 0; v < value_count; v++) {
				blocks[known].mask |= (uint32_t)(upper == values[v]) << k;
			}
		}
		known = put_any(blocks, known);
	}
	return known;
}

static void opcodes_any(const uint8_t *code, size_t count, uint64_t addr, uint8_t mask,
                        struct x86_places *places)
{
	for (size_t i = 0; i < 32 * count; i++) {
		struct x86_places *to = &places[i / 32];
		uint32_t bit = UINT32_C(1) << i % 32;
		uint8_t next = code[i + 1];
		if (i % 32 == 0) {
			*to = (struct x86_places){0};
		}
		bool two = code[i] == 0x0f;
		bool call = (code[i] & 0xfe) == 0xe8;
		uint64_t target = addr + i + (call ? 5 + next : 6 + code[i + 2]);
		bool distance = (two && (next & 0xf0) == 0x80) || call ||
		                (code[i] == LEA && (next & MODRM_MASK) == MODRM_RIP);
		distance = distance && (target & mask) == 0;
		to->enters |= enters_at(code + i) ? bit : 0;
		to->distances |= distance ? bit : 0;
	}
}

static size_t numbers_any(const uint8_t *code, size_t count, uint32_t offset, bool absolute,
                          const struct x86_numbers *wanted, size_t wanted_count,
                          struct x86_block *blocks)
{
	size_t known = 0;
	for (size_t i = 0; i < 32 * count; i++) {
		uint32_t field;
		memcpy(&field, code + i, sizeof(field));
		uint32_t target = field + offset + (uint32_t)i;
		if (i % 32 == 0) {
			blocks[known] = (struct x86_block){(uint32_t)i, 0};
		}
		for (size_t w = 0; w < wanted_count; w++) {
			if (target - wanted[w].low < wanted[w].span ||
			    (absolute && field - wanted[w].low < wanted[w].span)) {
				blocks[known].mask |= UINT32_C(1) << i % 32;
			}
		}
		known = i % 32 == 31 ? put_any(blocks, known) : known;
	}
	return known;
}

const struct x86_masks x86_masks_avx2 = {
	opcodes_any, list_plainly, enters_any, uppers_any, numbers_any};
const struct x86_masks x86_masks_sse2 = {
	opcodes_any, list_plainly, enters_any, uppers_any, numbers_any};

const struct x86_masks *x86_masks(void)
{
	return &x86_masks_sse2;
}

#endif
