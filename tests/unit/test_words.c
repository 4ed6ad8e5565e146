/* SPDX-License-Identifier: MIT */
#include "g2s/words.h"

#include "unit.h"

#include <string.h>

enum { HAY = 1024 };

struct found {
	size_t offsets[HAY];
	size_t count;
	size_t most;
};

static bool note(void *user, size_t offset)
{
	struct found *found = user;
	found->offsets[found->count++] = offset;
	return found->count < found->most;
}

/* Numbers near each other, so that some lie in every range; the same on every run. */
static void fill(uint8_t *hay, uint32_t seed, unsigned kind)
{
	for (size_t i = 0; i < HAY; i += 4) {
		seed = seed * 1664525 + 1013904223;
		uint32_t number = kind == 0 ? seed : (seed >> 24) + 0x7fffff80;
		if (kind == 2) {
			number = i % 256 == 0 ? 7 : 0xffffffff;
		}
		memcpy(hay + i, &number, sizeof(number));
	}
}

static void answers_alike_in_every_way(void **state)
{
	(void)state;
	static const uint32_t spans[] = {1, 2, 64, 0x80000000, UINT32_MAX};
	static const uint32_t lows[] = {0, 7, 0x7fffff90, 0x80000000, 0xffffffff, 0xfffffff0};
	static uint8_t hay[HAY];
	size_t hits = 0;
	for (unsigned i = 0; i < 3 * COUNT(spans) * COUNT(lows) * 8; i++) {
		const struct g2s_words words = {
			.low = lows[i / 3 % COUNT(lows)],
			.span = spans[i / 3 / COUNT(lows) % COUNT(spans)],
			.align = UINT32_C(1) << i % 4 * 2,
		};
		size_t from = i % 5;
		size_t size = i % 7 == 0 ? i % 70 : HAY - 8 - i % 70;
		struct found found[3];
		fill(hay, i, i % 3);
		for (unsigned way = 0; way < 3; way++) {
			found[way].count = 0;
			found[way].most = SIZE_MAX;
			assert_true(g2s_words_search((enum g2s_words_way)way, hay + from, size,
			                             words, note, &found[way]));
		}
		size_t count = 0;
		for (size_t at = 0; at + 4 <= size; at += 4) {
			uint32_t number;
			memcpy(&number, hay + from + at, sizeof(number));
			if ((uint32_t)(number - words.low) < words.span &&
			    number % words.align == 0) {
				assert_true(count < found[0].count);
				assert_int_equal(found[0].offsets[count++], at);
			}
		}
		hits += count;
		for (unsigned way = 0; way < 3; way++) {
			assert_int_equal(found[way].count, count);
			assert_memory_equal(found[way].offsets, found[0].offsets,
			                    count * sizeof(size_t));
		}
	}
	assert_true(hits > 5000);
}

static void ends_when_told(void **state)
{
	(void)state;
	static uint8_t hay[HAY];
	for (unsigned way = 0; way < 3; way++) {
		struct found found = {.most = 3};
		assert_false(g2s_words_search((enum g2s_words_way)way, hay, HAY,
		                              (struct g2s_words){0, 1, 1}, note, &found));
		assert_int_equal(found.count, 3);
		assert_int_equal(found.offsets[2], 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_alike_in_every_way),
		cmocka_unit_test(ends_when_told),
	};
	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
