/* SPDX-License-Identifier: MIT */
/* Chains of calls that lead to sites: how they are found, and how they are written. */
#include "elf_builder.h"

#include "g2s/analysis/chains.h"
#include "g2s/stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A site, in code that is the same everywhere: mov eax, 39; syscall; ret. */
#define SITE "b827000000 .s: 0f05 c3 "

enum {
	/* Where the builder keeps the names of symbols. */
	STRINGS = 0x7c00,
};

struct example {
	const char *name;
	const char *code;
	/* The chain of the site at label "s". */
	const char *wanted;
};

static const struct example EXAMPLES[] = {
	{"the first function itself", "main: " SITE, "main"},
	{"two calls", "main: e8 =f c3 f: e8 =g c3 g: " SITE, "main > f > g"},
	{"against the order of addresses", "g: " SITE "f: e8 =g c3 main: e8 =f c3", "main > f > g"},
	{"the shorter of two", "main: e8 =a e8 =c c3 a: e8 =b c3 b: e8 =t c3 c: e8 =t c3 t: " SITE,
	 "main > c > t"},
	/* Both are as long; a is called first, though b stands first. */
	{"a diamond", "main: e8 =a e8 =b c3 b: e8 =t c3 a: e8 =t c3 t: " SITE, "main > a > t"},
	{"a diamond that ends in two calls of one function",
	 "main: e8 =b e8 =a c3 b: e8 =t e8 =t c3 a: e8 =t c3 t: " SITE, "main > b > t"},
	{"a cycle", "main: e8 =a c3 a: e8 =b e8 =a e8 =main c3 b: e8 =a e8 =t c3 t: " SITE,
	 "main > a > b > t"},
	{"a cycle that nothing enters", "main: c3 a: e8 =b c3 b: e8 =a e8 =t c3 t: " SITE, "-"},
	{"tail jump", "main: e9 =f f: e8 =main e9 =t t: " SITE, "main > f > t"},
	{"short tail jump", "main: 85f6 eb ~t t: " SITE, "main > t"},
	{"short tail jump backwards", "t: " SITE "main: 85f6 eb ~t", "main > t"},
	{"conditional tail jump", "main: 85f6 0f84 =t c3 t: " SITE, "main > t"},
	{"short conditional tail jump", "main: 85f6 74 ~t c3 t: " SITE, "main > t"},
	{"a call of the inside", "main: e8 =m c3 t: 31c0 .m: " SITE, "main > t"},
	{"a jump into the inside", "main: e9 =m t: 31c0 .m: " SITE, "main > t"},
	/* A jump within a function does not make it its own caller. */
	{"a loop", "main: c3 t: " SITE "75 ~s e9 =s", "-"},
	/* bnd call */
	{"a prefix before the call", "main: f2 e8 =t c3 t: " SITE, "main > t"},
	/* mov rax, imm64, whose bytes look like a call. */
	{"a call that is a constant", "main: 48b8 e8 =t 000000 c3 t: " SITE, "-"},
	{"a short cut that is a constant",
	 "main: 48b8 e8 =t 000000 e8 =a c3 a: e8 =t c3 t: " SITE, "main > a > t"},
	{"a constant and then the call", "main: 48b8 e8 =t 000000 e8 =t c3 t: " SITE, "main > t"},
	/* call x, with the bytes of a call of t from its second byte on. */
	{"a call inside of a call",
	 "main: 90909090909090909090 e8 e8000000 00 t: " SITE "x: 31c0 +120 c3", "-"},
	/* The jump is found after the call, and stands before it. */
	{"a short jump before a call",
	 "main: 85f6 74 ~b e8 =a c3 b: e8 =t c3 a: e8 =t c3 t: " SITE, "main > b > t"},
	/* Each short cut is met only when the one before it has been refuted. */
	{"short cuts one after the other",
	 "main: 48b8 e8 =t 000000 e8 =a c3 a: 48b8 e8 =t 000000 e8 =b c3"
	 " b: 48b8 e8 =t 000000 e8 =c c3 c: e8 =t c3 t: " SITE,
	 "main > a > b > c > t"},
	/* lea rax, [rip+t]; call rax */
	{"a call by pointer", "main: 488d05 =t ffd0 c3 t: " SITE, "-"},
	/* call [rip+p] */
	{"a call by memory", "main: ff15 =p c3 t: " SITE "%data p: *t", "-"},
	{"called by nobody", "main: c3 t: " SITE, "-"},
	{"called by what nobody calls", "main: c3 a: e8 =t c3 t: " SITE, "-"},
	{"no beginning at all", "a: e8 =t c3 t: " SITE, "-"},
	/* Where programs begin, and what comes first of equally long chains. */
	{"the entry point", "start: e8 =t c3 t: " SITE, "start > t"},
	{"main before the entry point", "start: e8 =t c3 main: e8 =t c3 t: " SITE, "main > t"},
	{"but not when its chain is longer", "start: e8 =t c3 main: e8 =a c3 a: e8 =t c3 t: " SITE,
	 "start > t"},
	{"the entry point before _start", "_start: e8 =t c3 start: e8 =t c3 t: " SITE,
	 "start > t"},
	{"_start", "a: c3 _start: e8 =t c3 t: " SITE, "_start > t"},
	{"main.main before an initialiser and main",
	 "%go main: e8 =t c3 a.init: e8 =t c3 main.main: e8 =t c3 t: " SITE, "main.main > t"},
	{"an initialiser before main", "%go main: e8 =t c3 a.init: e8 =t c3 t: " SITE,
	 "a.init > t"},
	{"initialisers by address",
	 "%go z.init: e8 =t c3 a.init: e8 =t c3 b.init.0: e8 =t c3 t: " SITE, "z.init > t"},
	{"a numbered initialiser", "%go x.y/b.init.12: e8 =t c3 t: " SITE, "x.y/b.init.12 > t"},
	{"runtime.main", "%go runtime.main: e8 =t c3 t: " SITE, "runtime.main > t"},
	{"runtime.rt0_go", "%go runtime.rt0_go: e8 =t c3 t: " SITE, "runtime.rt0_go > t"},
	{"the entry point before the runtime's",
	 "%go runtime.main: e8 =t c3 start: e8 =t c3 t: " SITE, "start > t"},
	{"a method named init", "%go a.T.init: e8 =t c3 t: " SITE, "-"},
	{"names that only begin or end so",
	 "%go a.init.: e8 =t c3 a.init.x: e8 =t c3 a.initx: e8 =t c3 init: e8 =t c3"
	 " .init: a.b/init: e8 =t c3 a.main: e8 =t c3 main.main.func1: e8 =t c3 t: " SITE,
	 "-"},
	/* Without any names functions are what is called, and the address is what there is. */
	{"no names", "%nosym start: e8 =f c3 .f: e8 =g c3 .g: " SITE,
	 "0x401000 > 0x401006 > 0x40100c"},
	{"no names, behind other code", "%nosym .a: 31c0 c3 start: e8 =f c3 .f: " SITE,
	 "0x401010 > 0x401016"},
	/* Code between functions that data points at is no part of the one before it. */
	{"no names, a function that is only pointed at",
	 "%nosym start: c3 .g: e8 =t c3 .t: " SITE "%data p: *g", "-"},
	/* How names are written. */
	{"an arrow in a name", "main: e8 =f c3 a>b: .f: " SITE, "main > a\\x3eb"},
	{"a name that says there is none", "start: e8 =f c3 -: .f: " SITE, "start > \\x2d"},
	{"control characters, a backslash, no UTF-8",
	 "main: e8 =f c3 a\t\\\x1b\xc2\x9b\xff\xc3\xa9: .f: " SITE,
	 "main > a\\t\\\\\\x1b\\xc2\\x9b\\xff\xc3\xa9"},
};

static struct builder_program program;
static struct g2s_program scanned;
static struct g2s_chains chains;

/* Finds the chains of what has been assembled. */
static void find(void)
{
	struct g2s_error err = {0};
	const struct g2s_bytes bytes = {program.file, program.size};
	assert_int_equal(g2s_program_open(&scanned, bytes, &err), G2S_OK);
	assert_int_equal(scanned.tab.layout != G2S_PCLNTAB_NONE, program.go);
	assert_int_equal(g2s_program_scan(&scanned, &err), G2S_OK);
	assert_int_equal(g2s_chains_find(&chains, &scanned, &err), G2S_OK);
}

static int close_chains(void **state)
{
	(void)state;
	g2s_chains_free(&chains);
	g2s_chains_free(&chains);
	g2s_program_free(&scanned);
	return 0;
}

static void check(void **state)
{
	const struct example *example = *state;
	builder_assemble(&program, example->code);
	find();
	const uint64_t site = builder_label(&program, "s");
	bool listed = false;
	for (size_t i = 0; i < scanned.site_count; i++) {
		listed = listed || scanned.sites[i].addr == site;
	}
	assert_true(listed);
	assert_string_equal(g2s_chains_text(&chains, site), example->wanted);
	/* And once more, after it has been looked for. */
	assert_string_equal(g2s_chains_text(&chains, site), example->wanted);
}

/* Shortens function number i, counted from 0, so that there is code behind it that has none. */
static void shorten(unsigned i)
{
	enum { SYMBOLS = 0x6000, ENTRY = 24, SIZE = 16 };
	builder_put(program.file + SYMBOLS + ENTRY * (i + 1) + SIZE, 1, 8);
}

/* Code that no function covers, and that no site made the analysis look at. */
static void goes_through_gaps(void **state)
{
	(void)state;
	char wanted[64];
	/* It is split by calls from outside, by the entry point, and by what data points at. */
	builder_assemble(&program, "start: e8 =x c3 g: c3 .w: c3 .x: e8 =t c3 t: " SITE);
	shorten(1);
	find();
	snprintf(wanted, sizeof(wanted), "start > 0x%" PRIx64 " > t", builder_label(&program, "x"));
	assert_string_equal(g2s_chains_text(&chains, builder_label(&program, "s")), wanted);
	close_chains(NULL);

	builder_assemble(&program, "start: e8 =x c3 g: c3 .w: c3 .x: c3 .y: e8 =t c3 t: " SITE
	                           " %data p: *y");
	shorten(1);
	find();
	assert_string_equal(g2s_chains_text(&chains, builder_label(&program, "s")), "-");
	close_chains(NULL);

	builder_assemble(&program, "g: c3 .w: c3 .x: e8 =t c3 .start: c3 t: " SITE);
	shorten(0);
	find();
	assert_string_equal(g2s_chains_text(&chains, builder_label(&program, "s")), "-");
	close_chains(NULL);

	/* Also when straight decoding from what is before would not come upon it. */
	builder_assemble(&program, "g: c3 .w: c3 .x: b8 .start: e8 =t c3 t: " SITE);
	shorten(0);
	find();
	snprintf(wanted, sizeof(wanted), "0x%" PRIx64 " > t", builder_label(&program, "start"));
	assert_string_equal(g2s_chains_text(&chains, builder_label(&program, "s")), wanted);
}

/* Where the row of a number is decides, not where the kernel is entered. */
static void takes_the_place_of_the_row(void **state)
{
	(void)state;
	builder_assemble(&program, "main: e8 =f c3 f: bf05000000 .c: e8 =w c3 w: 89f8 0f05 c3"
	                           " %data p: *w v: 000060ffffffffff");
	find();
	assert_string_equal(g2s_chains_text(&chains, builder_label(&program, "c")), "main > f");
	/* Words of data, one of them the vsyscall page's address. */
	assert_string_equal(g2s_chains_text(&chains, builder_label(&program, "p")), "-");
	assert_string_equal(g2s_chains_text(&chains, builder_label(&program, "v")), "-");
	assert_string_equal(g2s_chains_text(&chains, 0), "-");
	assert_string_equal(g2s_chains_text(&chains, UINT64_MAX), "-");
}

/* A program without any code has no chains, and that is all. */
static void finds_nothing(void **state)
{
	(void)state;
	builder_assemble(&program, "%nosym %data p: +8");
	find();
	assert_string_equal(g2s_chains_text(&chains, BUILDER_CODE), "-");
}

/* An example that is too regular to be written out: functions f000, f001, ..., and t with a site. */
struct text {
	char *text;
	size_t size;
	FILE *out;
};

static void begin(struct text *text)
{
	*text = (struct text){0};
	text->out = open_memstream(&text->text, &text->size);
	assert_non_null(text->out);
}

static void assemble(struct text *text)
{
	assert_int_equal(fclose(text->out), 0);
	builder_assemble(&program, text->text);
	free(text->text);
	find();
}

/*
 * More short cuts than searches are made: each function of the chain holds a false one, which is
 * met when the one before it has been refuted.
 */
static void gives_up_searching(void **state)
{
	(void)state;
	enum { LENGTH = 60 };
	struct text text;
	begin(&text);
	fputs("main: e8 =f000 c3 ", text.out);
	for (unsigned i = 0; i < LENGTH; i++) {
		fprintf(text.out, "f%03u: 48b8 e8 =t 000000 e8 ", i);
		if (i + 1 < LENGTH) {
			fprintf(text.out, "=f%03u c3 ", i + 1);
		}
	}
	fputs("=t c3 t: " SITE, text.out);
	assemble(&text);
	begin(&text);
	fputs("main", text.out);
	for (unsigned i = 0; i < LENGTH; i++) {
		fprintf(text.out, " > f%03u", i);
	}
	fputs(" > t", text.out);
	assert_int_equal(fclose(text.out), 0);
	const char *found = g2s_chains_text(&chains, builder_label(&program, "s"));
	assert_string_equal(found, text.text);
	free(text.text);
}

/* What a field cannot hold is left out in the middle: where it begins and ends is told. */
static void shortens_long_chains(void **state)
{
	(void)state;
	enum { LENGTH = 200, PIECE = 20 * 4 + 3 + 3 };
	static const char wide[] = "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1";
	struct text text;
	begin(&text);
	fputs("main: e8 ", text.out);
	for (unsigned i = 0; i < LENGTH; i++) {
		fprintf(text.out, "=%s%03u c3 %s%03u: e8 ", wide, i, wide, i);
	}
	fputs("=t c3 t: " SITE, text.out);
	assemble(&text);
	const char *found = g2s_chains_text(&chains, builder_label(&program, "s"));
	size_t size = strlen(found);
	assert_in_range(size, G2S_STREAM_FIELD_MAX - 1100, G2S_STREAM_FIELD_MAX);
	static const char first[] = "main > ... > \\x01";
	assert_memory_equal(found, first, strlen(first));
	assert_string_equal(found + size - 7, "199 > t");
	/* What is there, is there without a gap and whole. */
	unsigned there = (unsigned)((size - strlen("main > ... > t")) / PIECE);
	assert_int_equal(size, strlen("main > ... > t") + (size_t)there * PIECE);
	for (unsigned i = 0; i < there; i++) {
		char number[8];
		snprintf(number, sizeof(number), "%03u > ", LENGTH - there + i);
		const char *end = found + strlen("main > ... > ") + (size_t)(i + 1) * PIECE;
		assert_memory_equal(end - 6, number, 6);
	}
	/* A reader takes the field. */
	assert_true(strchr(found, '\1') == NULL);
}

/* Joins the names of symbols, up to the last few, to long ones: nothing ends them any more. */
static void joins_names(unsigned short_names)
{
	enum { LENGTH = 150, LIMIT = 1000 };
	struct text text;
	begin(&text);
	fputs("start: e8 ", text.out);
	for (unsigned i = 0; i < LENGTH; i++) {
		fprintf(text.out, "=nnnnnnnnnnnnnnnnnnnn%03u c3 nnnnnnnnnnnnnnnnnnnn%03u: e8 ", i, i);
	}
	fputs("=t c3 t: " SITE, text.out);
	assert_int_equal(fclose(text.out), 0);
	builder_assemble(&program, text.text);
	free(text.text);
	memset(program.file + STRINGS + 1, 'n', (LENGTH - short_names) * 24);
	find();
	const char *found = g2s_chains_text(&chains, builder_label(&program, "s"));
	assert_in_range(strlen(found), G2S_STREAM_FIELD_MAX - 2 * LIMIT, G2S_STREAM_FIELD_MAX);
	assert_int_equal(strspn(found, "n"), LIMIT);
	static const char next[] = "... > ... > nnn";
	assert_memory_equal(found + LIMIT, next, strlen(next));
	close_chains(NULL);
}

/* A first name of the greatest length finds room, wherever the others end. */
static void shortens_chains_of_long_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		joins_names(i);
	}
}

/* Replaces the names of symbols from the first one on. */
static void put_names(const char *names, size_t size)
{
	memcpy(program.file + STRINGS + 1, names, size);
}

static void cuts_long_names(void **state)
{
	(void)state;
	enum { DUMMIES = 80, LONG = 1500, LIMIT = 1000 };
	struct text text;
	begin(&text);
	fputs("start: e8 =t c3 t: " SITE, text.out);
	for (unsigned i = 0; i < DUMMIES; i++) {
		fprintf(text.out, "nnnnnnnnnnnnnnnnnnn%03u: c3 ", i);
	}
	assert_int_equal(fclose(text.out), 0);
	builder_assemble(&program, text.text);
	free(text.text);
	char names[LONG];
	memset(names, 'n', sizeof(names));
	put_names(names, sizeof(names));
	find();
	char name[LIMIT + 1];
	memset(name, 'n', LIMIT);
	name[LIMIT] = '\0';
	char wanted[2 * LIMIT + 10];
	snprintf(wanted, sizeof(wanted), "%s... > %s...", name, name);
	assert_string_equal(g2s_chains_text(&chains, builder_label(&program, "s")), wanted);
}

/* A name of three dots is not taken for a middle that was left out. */
static void marks_a_name_of_dots(void **state)
{
	(void)state;
	builder_assemble(&program, "abc: e8 =t c3 start: e8 =abc c3 t: " SITE);
	put_names("...", 3);
	find();
	assert_string_equal(g2s_chains_text(&chains, builder_label(&program, "s")),
	                    "start > \\x2e.. > t");
}

int main(void)
{
	struct CMUnitTest tests[COUNT(EXAMPLES) + 8];
	size_t count = 0;
	for (; count < COUNT(EXAMPLES); count++) {
		tests[count] = (struct CMUnitTest){
			.name = EXAMPLES[count].name,
			.test_func = check,
			.teardown_func = close_chains,
			.initial_state = (void *)(uintptr_t)&EXAMPLES[count],
		};
	}
	const struct CMUnitTest others[] = {
		cmocka_unit_test_teardown(goes_through_gaps, close_chains),
		cmocka_unit_test_teardown(takes_the_place_of_the_row, close_chains),
		cmocka_unit_test_teardown(finds_nothing, close_chains),
		cmocka_unit_test_teardown(gives_up_searching, close_chains),
		cmocka_unit_test_teardown(shortens_long_chains, close_chains),
		cmocka_unit_test_teardown(shortens_chains_of_long_names, close_chains),
		cmocka_unit_test_teardown(cuts_long_names, close_chains),
		cmocka_unit_test_teardown(marks_a_name_of_dots, close_chains),
	};
	for (size_t i = 0; i < COUNT(others); i++) {
		tests[count++] = others[i];
	}
	return cmocka_run_group_tests_name("chains", tests, NULL, NULL);
}
