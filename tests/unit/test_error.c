/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/error.h"

#include <string.h>

static void fills_and_returns(void **state)
{
	(void)state;
	struct g2s_error err = {0};
	assert_int_equal(g2s_fail(&err, G2S_ERR_FORMAT, 64, "bad %s %d", "thing", 7),
	                 G2S_ERR_FORMAT);
	assert_int_equal(err.offset, 64);
	assert_string_equal(err.text, "bad thing 7");
	assert_int_equal(g2s_fail(&err, G2S_ERR_READ, 0, "other"), G2S_ERR_READ);
	assert_int_equal(err.offset, 0);
	assert_string_equal(err.text, "other");
}

static void does_without_a_place(void **state)
{
	(void)state;
	assert_int_equal(g2s_fail(NULL, G2S_ERR_MEMORY, 1, "%s", "text"), G2S_ERR_MEMORY);
}

/* What comes from a file must not steer a terminal. */
static void escapes_control_characters(void **state)
{
	(void)state;
	struct g2s_error err = {0};
	g2s_fail(&err, G2S_ERR_FORMAT, 0, "name %s", "\x1b]0;owned\a\n\xff\x7f\xc2\x9b \xc3\xa9\\");
	assert_string_equal(err.text,
	                    "name \\x1b]0;owned\\x07\\x0a\\xff\\x7f\\xc2\\x9b \xc3\xa9\\");
}

static void cuts_long_texts(void **state)
{
	(void)state;
	struct g2s_error err = {0};
	char name[4096];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	g2s_fail(&err, G2S_ERR_FORMAT, 0, "%s", name);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	/* Each of these needs four bytes: the text ends with a whole one. */
	memset(name, '\x1b', sizeof(name) - 1);
	g2s_fail(&err, G2S_ERR_FORMAT, 0, "%s", name);
	assert_int_equal(strlen(err.text) % 4, 0);
	assert_string_equal(err.text + strlen(err.text) - 4, "\\x1b");
}

/* A caller may put words before what another failure has said. */
static void takes_its_own_text(void **state)
{
	(void)state;
	struct g2s_error err = {0};
	g2s_fail(&err, G2S_ERR_FORMAT, 3, "inner \x01");
	g2s_fail(&err, G2S_ERR_FORMAT, 3, "outer: %s", err.text);
	assert_string_equal(err.text, "outer: inner \\x01");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_and_returns),
		cmocka_unit_test(does_without_a_place),
		cmocka_unit_test(escapes_control_characters),
		cmocka_unit_test(cuts_long_texts),
		cmocka_unit_test(takes_its_own_text),
	};
	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
