/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/streams.h"
#include "g2s/version.h"

#include <stdlib.h>
#include <string.h>

#define HEADER "#g2s-sites\t1\t" G2S_VERSION "\n"
#define BINARY_A "#binary\ta\tx86_64\tgo1.22\tid-a\n"
#define BINARY_B "#binary\tb\tx86_64\t-\t-\n"
#define ROW_A1 "a\tx86_64\t0x401000\tcall\t1\timm\tmain.main\tmain.go:3\n"
#define ROW_A2 "a\tx86_64\t0x401000\tcall\t9\timm\tmain.main\tmain.go:3\n"
#define ROW_A3 "a\tx86_64\t0x402000\tsyscall\t?\tmemory\tmain.f\tmain.go:9\n"
#define ROW_B1 "b\tx86_64\t0x100\tcall\t2\timm\tmain.main\tmain.go:3\n"

static void add(struct g2s_streams *streams, const char *text)
{
	struct g2s_error err = {0};
	FILE *in = unit_open(text, strlen(text));
	assert_int_equal(g2s_streams_read(streams, in, false, &err), G2S_OK);
	fclose(in);
}

/* Unites what was added and compares it with what it must have become. */
static void expect(struct g2s_streams *streams, const char *wanted)
{
	struct g2s_error err = {0};
	char *text = NULL;
	size_t size = 0;
	assert_int_equal(g2s_streams_unite(streams, &err), G2S_OK);
	FILE *out = open_memstream(&text, &size);
	g2s_streams_write(streams, out);
	fclose(out);
	assert_string_equal(text, wanted);
	free(text);
	g2s_streams_free(streams);
}

static void keeps_one_stream(void **state)
{
	(void)state;
	static const char text[] = HEADER BINARY_A "#needs\ta\tlibc.so.6\n" ROW_A1 ROW_A2 ROW_A3
		"#unread\tc\tnot an ELF file\n" BINARY_B ROW_B1 "#end\t4\t3\n";
	struct g2s_streams streams = {0};
	add(&streams, text);
	expect(&streams, text);
}

static void holds_nothing(void **state)
{
	(void)state;
	struct g2s_streams streams = {0};
	add(&streams, HEADER "#end\t0\t0\n");
	expect(&streams, HEADER "#end\t0\t0\n");
	g2s_streams_free(&streams);
}

/* The same lines twice, in whatever order and number of streams, are there once. */
static void unites(void **state)
{
	(void)state;
	static const char wanted[] = HEADER BINARY_A "#needs\ta\tlibc.so.6\n#needs\ta\tlibm.so.6\n"
		ROW_A1 ROW_A2 ROW_A3 BINARY_B ROW_B1 "#end\t4\t3\n";
	struct g2s_streams streams = {0};
	add(&streams, HEADER BINARY_A "#needs\ta\tlibm.so.6\n" ROW_A3 ROW_A1 "#end\t2\t2\n"
	    HEADER BINARY_B ROW_B1 "#end\t1\t0\n");
	add(&streams, HEADER BINARY_A "#needs\ta\tlibc.so.6\n#needs\ta\tlibm.so.6\n" ROW_A1 ROW_A2
	    "#end\t2\t2\n");
	add(&streams, HEADER ROW_B1 ROW_A1 BINARY_B "#end\t2\t0\n");
	expect(&streams, wanted);
}

/* Files stay in the order in which they were first named, not in that of their names. */
static void keeps_the_order_of_files(void **state)
{
	(void)state;
	struct g2s_streams streams = {0};
	add(&streams, HEADER BINARY_B ROW_B1 BINARY_A ROW_A1 "#end\t2\t0\n");
	add(&streams, HEADER BINARY_A ROW_A2 BINARY_B "#end\t1\t0\n");
	expect(&streams, HEADER BINARY_B ROW_B1 BINARY_A ROW_A1 ROW_A2 "#end\t3\t0\n");
	/* A file that is first named after others were named again, and then again itself. */
	add(&streams, HEADER BINARY_A BINARY_B BINARY_A "#binary\tc\tx86_64\t-\t-\n" BINARY_B
	    "c\tx86_64\t0x1\tcall\t1\timm\tf\ts\n" "#end\t1\t0\n");
	expect(&streams, HEADER BINARY_A BINARY_B "#binary\tc\tx86_64\t-\t-\n"
	       "c\tx86_64\t0x1\tcall\t1\timm\tf\ts\n" "#end\t1\t0\n");
}

/* One path, two builds: neither hides the other. */
static void keeps_what_differs(void **state)
{
	(void)state;
	static const char wanted[] = HEADER "#binary\ta\tx86_64\t-\tid-1\n"
		"#binary\ta\tx86_64\t-\tid-2\n"
		"a\tx86_64\t0x10\tcall\t1\targ\tf\ts\n"
		"a\tx86_64\t0x10\tcall\t1\timm\tf\ts\n"
		"a\tx86_64\t0x10\tcall\t1\timm\tf\ts\twrite\tchain\n"
		"a\tx86_64\t0x10\tcall\t1\timm\tf\ts\twrite\tother\n"
		"a\tx86_64\t0x10\tcall\t1\timm\tf\tt\n"
		"a\tx86_64\t0x10\tcall\t1\timm\tg\ts\n"
		"a\tx86_64\t0x10\tsyscall\t1\timm\tf\ts\n"
		"#end\t7\t0\n";
	struct g2s_streams streams = {0};
	add(&streams, wanted);
	expect(&streams, wanted);
}

/* Further columns only describe: the same row without them says nothing new. */
static void drops_rows_that_lack_columns(void **state)
{
	(void)state;
	static const char plain[] = HEADER BINARY_A
		"a\tx86_64\t0x1\tcall\t1\timm\tf\ts\n"
		"a\tx86_64\t0x2\tcall\t?\tmemory\tf\ts\n"
		"a\tx86_64\t0x3\tcall\t3\timm\tf\ts\n"
		"#end\t3\t1\n";
	static const char rich[] = HEADER BINARY_A
		"a\tx86_64\t0x1\tcall\t1\timm\tf\ts\t-\tmain > f\n"
		"a\tx86_64\t0x2\tcall\t?\tmemory\tf\ts\t-\t-\n"
		"#end\t2\t1\n";
	static const char wanted[] = HEADER BINARY_A
		"a\tx86_64\t0x1\tcall\t1\timm\tf\ts\t-\tmain > f\n"
		"a\tx86_64\t0x2\tcall\t?\tmemory\tf\ts\t-\t-\n"
		"a\tx86_64\t0x3\tcall\t3\timm\tf\ts\n"
		"#end\t3\t1\n";
	for (unsigned i = 0; i < 2; i++) {
		struct g2s_streams streams = {0};
		add(&streams, i == 0 ? plain : rich);
		add(&streams, i == 0 ? rich : plain);
		expect(&streams, wanted);
	}
}

/* A file that one run could not read and another could: the one does not hide the other. */
static void keeps_what_was_not_read(void **state)
{
	(void)state;
	struct g2s_streams streams = {0};
	add(&streams, HEADER "#unread\tb\twhy 2\n" BINARY_A ROW_A1 "#unread\ta\twhy\n"
	    "#end\t1\t2\n");
	add(&streams, HEADER BINARY_B "#unread\tb\twhy 2\n#unread\tb\twhy 1\n" ROW_B1
	    "#end\t1\t2\n");
	expect(&streams, HEADER BINARY_B "#unread\tb\twhy 1\n#unread\tb\twhy 2\n" ROW_B1
	       BINARY_A "#unread\ta\twhy\n" ROW_A1 "#end\t2\t3\n");
}

/* Many files, each named again and again between the others. */
static void orders_many_files(void **state)
{
	(void)state;
	enum { FILES = 500 };
	char *wanted = NULL;
	char *given = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&given, &size);
	fputs(HEADER, out);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < FILES; i++) {
			int file = round == 0 ? i : (i * 7 + round) % FILES;
			fprintf(out, "f%d\tx86_64\t0x%x\tcall\t1\timm\tf\ts\n", file, 2 - round);
		}
	}
	fprintf(out, "#end\t%d\t0\n", 3 * FILES);
	fclose(out);
	out = open_memstream(&wanted, &size);
	fputs(HEADER, out);
	for (int i = 0; i < FILES; i++) {
		for (int address = 0; address < 3; address++) {
			fprintf(out, "f%d\tx86_64\t0x%x\tcall\t1\timm\tf\ts\n", i, address);
		}
	}
	fprintf(out, "#end\t%d\t0\n", 3 * FILES);
	fclose(out);
	struct g2s_streams streams = {0};
	add(&streams, given);
	expect(&streams, wanted);
	free(given);
	free(wanted);
}

/* Strings outlive the reading, also those that fill a block of their own. */
static void holds_long_strings(void **state)
{
	(void)state;
	struct g2s_streams streams = {0};
	char *text = malloc(100001);
	memset(text, 'x', 100000);
	text[100000] = '\0';
	const char *first = g2s_streams_hold(&streams, "first");
	const char *longest = g2s_streams_hold(&streams, text);
	const char *last = g2s_streams_hold(&streams, "last");
	assert_string_equal(longest, text);
	free(text);
	assert_string_equal(first, "first");
	assert_string_equal(last, "last");
	g2s_streams_free(&streams);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_one_stream),
		cmocka_unit_test(holds_nothing),
		cmocka_unit_test(unites),
		cmocka_unit_test(keeps_the_order_of_files),
		cmocka_unit_test(keeps_what_differs),
		cmocka_unit_test(drops_rows_that_lack_columns),
		cmocka_unit_test(keeps_what_was_not_read),
		cmocka_unit_test(orders_many_files),
		cmocka_unit_test(holds_long_strings),
	};
	return cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}
