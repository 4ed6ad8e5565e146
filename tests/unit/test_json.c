/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/json.h"

#include <stdlib.h>
#include <string.h>

static void writes_items(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct g2s_json json = {.out = out};
	g2s_json_open(&json, NULL, '{');
	g2s_json_string(&json, "a\"b", "c\\d");
	g2s_json_open(&json, "list", '[');
	g2s_json_number(&json, NULL, UINT64_MAX);
	g2s_json_bool(&json, NULL, true);
	g2s_json_bool(&json, NULL, false);
	g2s_json_close(&json, ']');
	g2s_json_open(&json, "empty", '{');
	g2s_json_close(&json, '}');
	g2s_json_string(&json, "odd", "\x01\n\x7f\xc2\x85\xc3\xbc\xff\xe2\x82");
	g2s_json_close(&json, '}');
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, "{\n    \"a\\\"b\": \"c\\\\d\",\n    \"list\": [\n"
	                    "        18446744073709551615,\n        true,\n        false\n    ],\n"
	                    "    \"empty\": {},\n"
	                    "    \"odd\": \"\\u0001\\u000a\\u007f\\u0085\xc3\xbc\\ufffd\\ufffd"
	                    "\\ufffd\"\n}");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_items),
	};
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
