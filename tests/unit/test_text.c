/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/text.h"

#include <string.h>

/* A literal with its length, so that it can hold a NUL. */
#define TEXT(literal) (literal), (sizeof(literal) - 1)

/*
 * The length of what must be well-formed, 0 for what must not; the boundaries of Unicode's
 * table 3-7.
 */
static void sequences(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t size;
		size_t length;
	} cases[] = {
		{TEXT(""), 0},
		{TEXT("a"), 1},
		{TEXT("\0"), 1},
		{TEXT("\x7f"), 1},
		{TEXT("\x80"), 0},
		{TEXT("\xbf"), 0},
		{TEXT("\xc0\x80"), 0},
		{TEXT("\xc1\xbf"), 0},
		{TEXT("\xc2\x80"), 2},
		{TEXT("\xc2"), 0},
		{TEXT("\xc2\x7f"), 0},
		{TEXT("\xc2\xc0"), 0},
		{TEXT("\xdf\xbf"), 2},
		{TEXT("\xe0\x9f\xbf"), 0},
		{TEXT("\xe0\xa0\x80"), 3},
		{TEXT("\xe0\xa0"), 0},
		{TEXT("\xe0\xa0\x7f"), 0},
		{TEXT("\xed\x9f\xbf"), 3},
		{TEXT("\xed\xa0\x80"), 0},
		{TEXT("\xee\x80\x80"), 3},
		{TEXT("\xef\xbf\xbf"), 3},
		{TEXT("\xf0\x8f\xbf\xbf"), 0},
		{TEXT("\xf0\x90\x80\x80"), 4},
		{TEXT("\xf0\x90\x80"), 0},
		{TEXT("\xf4\x8f\xbf\xbf"), 4},
		{TEXT("\xf4\x90\x80\x80"), 0},
		{TEXT("\xf5\x80\x80\x80"), 0},
		{TEXT("\xff"), 0},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(g2s_text_sequence(cases[i].text, cases[i].size), cases[i].length);
	}
}

static void escapes(void **state)
{
	(void)state;
	static const struct {
		const char *raw;
		size_t size;
		const char *field;
		const char *message;
	} cases[] = {
		{TEXT(""), "", ""},
		{TEXT("main.main"), "main.main", "main.main"},
		{TEXT("a\tb\nc\\d"), "a\\tb\\nc\\\\d", "a\\x09b\\x0ac\\d"},
		{TEXT("\x1b[31m"), "\\x1b[31m", "\\x1b[31m"},
		{TEXT("\r\x7f"), "\\x0d\\x7f", "\\x0d\\x7f"},
		{TEXT("a\0b"), "a\\x00b", "a\\x00b"},
		{TEXT("caf\xc3\xa9 \xe6\x97\xa5"), "caf\xc3\xa9 \xe6\x97\xa5",
		 "caf\xc3\xa9 \xe6\x97\xa5"},
		{TEXT("\xff\xc3"), "\\xff\\xc3", "\\xff\\xc3"},
		/* A one-character CSI, which terminals obey; U+00A0 is the first that is none. */
		{TEXT("\xc2\x9b""31m\xc2\xa0"), "\\xc2\\x9b31m\xc2\xa0", "\\xc2\\x9b31m\xc2\xa0"},
		{TEXT("\xc2\x80\xc2\x9f"), "\\xc2\\x80\\xc2\\x9f", "\\xc2\\x80\\xc2\\x9f"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[64];
		assert_int_equal(g2s_text_escape(out, sizeof(out), cases[i].raw, cases[i].size,
		                                 G2S_TEXT_FIELD), cases[i].size);
		assert_string_equal(out, cases[i].field);
		assert_int_equal(g2s_text_escape(out, sizeof(out), cases[i].raw, cases[i].size,
		                                 G2S_TEXT_MESSAGE), cases[i].size);
		assert_string_equal(out, cases[i].message);
	}
}

/* Nothing is cut inside an escape or a character, and nothing is written behind the end. */
static void cuts_between_characters(void **state)
{
	(void)state;
	static const char raw[] = "ab\x1b\xe6\x97\xa5z";
	static const char *const whole[] = {"", "a", "ab", "ab\\x1b", "ab\\x1b\xe6\x97\xa5",
	                                    "ab\\x1b\xe6\x97\xa5z"};
	static const size_t consumed[] = {0, 1, 2, 3, 6, 7};
	for (size_t room = 1; room <= 12; room++) {
		char out[16];
		memset(out, '#', sizeof(out));
		size_t done = g2s_text_escape(out, room, raw, strlen(raw), G2S_TEXT_FIELD);
		size_t best = 0;
		for (size_t i = 0; i < COUNT(whole); i++) {
			if (strlen(whole[i]) < room) {
				best = i;
			}
		}
		assert_string_equal(out, whole[best]);
		assert_int_equal(done, consumed[best]);
		assert_int_equal(out[room], '#');
	}
}

/* Every pair of bytes survives the way out and back. */
static void restores_what_was_escaped(void **state)
{
	(void)state;
	for (int a = 1; a < 256; a++) {
		for (int b = 1; b < 256; b++) {
			const char raw[] = {(char)a, (char)b, 'z'};
			char field[16];
			g2s_text_escape(field, sizeof(field), raw, sizeof(raw), G2S_TEXT_FIELD);
			assert_null(strpbrk(field, "\t\n\r\x1b\x7f"));
			assert_true(g2s_text_is_field(field, strlen(field)));
			assert_true(g2s_text_restore(field, strlen(field)));
			assert_int_equal(strlen(field), sizeof(raw));
			assert_memory_equal(field, raw, sizeof(raw));
		}
	}
}

static void refuses_what_is_no_field(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t size;
	} cases[] = {
		{TEXT("\\")}, {TEXT("a\\")}, {TEXT("\\x")}, {TEXT("\\x1")}, {TEXT("\\x1g")},
		{TEXT("\\xg1")}, {TEXT("\\x00")}, {TEXT("\\q")}, {TEXT("\\r")}, {TEXT("\\0")},
		{TEXT("\\X41")}, {TEXT("a\tb")}, {TEXT("a\nb")}, {TEXT("a\0b")}, {TEXT("\x1b")},
		{TEXT("\x7f")}, {TEXT("\xff")}, {TEXT("\xc3")}, {TEXT("\xc2\x9b")},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[16];
		memcpy(text, cases[i].text, cases[i].size);
		assert_false(g2s_text_is_field(text, cases[i].size));
		assert_false(g2s_text_restore(text, cases[i].size));
	}
	/* Not canonical, but clear. */
	char text[] = "\\x41\\x5C\\xe9";
	assert_true(g2s_text_restore(text, strlen(text)));
	assert_string_equal(text, "A\\\xe9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences),
		cmocka_unit_test(escapes),
		cmocka_unit_test(cuts_between_characters),
		cmocka_unit_test(restores_what_was_escaped),
		cmocka_unit_test(refuses_what_is_no_field),
	};
	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
