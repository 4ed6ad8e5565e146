/* SPDX-License-Identifier: MIT */
#include "elf_builder.h"

#include "g2s/image/funcs.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

static struct builder_program program;
static struct g2s_elf elf;
static struct g2s_pclntab tab;
static struct g2s_funcs funcs;

static void build(void)
{
	const struct g2s_bytes bytes = {program.file, program.size};
	assert_int_equal(g2s_elf_open(&elf, bytes, NULL), G2S_OK);
	bool go = g2s_pclntab_open(&tab, &elf);
	assert_int_equal(go, program.go);
	assert_true(g2s_funcs_build(&funcs, &elf, go ? &tab : NULL));
}

static void start(const char *text)
{
	builder_assemble(&program, text);
	build();
}

static int close_funcs(void **state)
{
	(void)state;
	g2s_funcs_free(&funcs);
	g2s_funcs_free(&funcs);
	g2s_elf_free(&elf);
	return 0;
}

/* The functions' extents, as offsets from the code's start: "0-4 10-12". */
static void expect(const char *wanted)
{
	char found[256] = "";
	for (size_t i = 0; i < funcs.count; i++) {
		size_t used = strlen(found);
		snprintf(found + used, sizeof(found) - used, "%s%x-%x", i == 0 ? "" : " ",
		         (unsigned)(funcs.items[i].start - BUILDER_CODE),
		         (unsigned)(funcs.items[i].end - BUILDER_CODE));
	}
	assert_string_equal(found, wanted);
}

static void expect_name(uint64_t addr, const char *wanted)
{
	struct g2s_bytes name;
	const struct g2s_function *function = g2s_funcs_find(&funcs, BUILDER_CODE + addr);
	assert_non_null(function);
	assert_int_equal(g2s_funcs_name(&funcs, function, &name), wanted != NULL);
	if (wanted != NULL) {
		assert_int_equal(name.size, strlen(wanted));
		assert_memory_equal(name.data, wanted, name.size);
	}
}

/* Changes symbol number i, counted from 0: its value, from the code's start, and its size. */
static void set_symbol(unsigned i, uint64_t value, uint64_t size)
{
	uint8_t *symbol = program.file + 0x6000 + 24 * (i + 1);
	builder_put(symbol + 8, BUILDER_CODE + value, 8);
	builder_put(symbol + 16, size, 8);
}

static void lists_symbols(void **state)
{
	(void)state;
	start("a: 90 c3 b: c3 c: 90 c3");
	expect("0-10 10-20 20-22");
	expect_name(0, "a");
	expect_name(0xf, "a");
	expect_name(0x10, "b");
	expect_name(0x21, "c");
	assert_null(g2s_funcs_find(&funcs, BUILDER_CODE - 1));
	assert_null(g2s_funcs_find(&funcs, BUILDER_CODE + 0x22));
	assert_null(g2s_funcs_find(&funcs, 0));
	assert_null(g2s_funcs_find(&funcs, UINT64_MAX));
	struct g2s_bytes file;
	uint64_t line;
	assert_false(g2s_funcs_line(&funcs, &funcs.items[0], BUILDER_CODE, &file, &line));
	assert_false(g2s_funcs_is_go(&funcs, BUILDER_CODE));
}

static void lists_go(void **state)
{
	(void)state;
	start("%go a: 90 c3 b(8): c3 c: 90 c3");
	expect("0-10 10-20 20-22");
	expect_name(0x10, "b");
	struct g2s_bytes file;
	uint64_t line;
	assert_true(g2s_funcs_line(&funcs, &funcs.items[1], BUILDER_CODE + 0x10, &file, &line));
	assert_int_equal(file.size, strlen("/src/a.go"));
	assert_int_equal(line, 7);
	assert_true(g2s_funcs_is_go(&funcs, BUILDER_CODE));
	assert_true(g2s_funcs_is_go(&funcs, BUILDER_CODE + 0x21));
	assert_false(g2s_funcs_is_go(&funcs, BUILDER_CODE + 0x22));
	assert_int_equal(funcs.go_align, 16);
}

/* Extents that overlap, aliases, labels, symbols without a size. */
static void makes_extents_apart(void **state)
{
	(void)state;
	const struct {
		/* Value and size of the three symbols. */
		uint64_t symbols[3][2];
		const char *wanted;
		const char *name_at_10;
	} rows[] = {
		/* An end reaches at most to the next start. */
		{{{0, 0x18}, {0x10, 0x10}, {0x20, 2}}, "0-10 10-20 20-22", "b"},
		/* No size: up to the next start, or the end of the code. */
		{{{0, 0}, {0x10, 0}, {0x20, 0}}, "0-10 10-20 20-22", "b"},
		/* Without a size in the extent of another: a label. */
		{{{0, 0x20}, {0x10, 0}, {0x20, 2}}, "0-20 20-22", "a"},
		/* Two names for one place: the larger extent, the name of the larger. */
		{{{0, 2}, {0x10, 4}, {0x10, 8}}, "0-2 10-18", "c"},
		{{{0, 2}, {0x10, 8}, {0x10, 0}}, "0-2 10-18", "b"},
		/* Longer than the code; so long that its end wraps around. */
		{{{0, 2}, {0x10, 0x1000}, {0x20, 2}}, "0-2 10-20 20-22", "b"},
		{{{0, 2}, {0x10, UINT64_MAX - BUILDER_CODE - 0x10}, {0x20, 2}}, "0-2 10-20 20-22",
		 "b"},
		{{{0, 2}, {0x10, UINT64_MAX}, {0x20, 2}}, "0-2 20-22", NULL},
		/* Outside of the code. */
		{{{0, 2}, {0x10, 2}, {0x22, 2}}, "0-2 10-12", "b"},
		{{{0, 2}, {0x10, 2}, {UINT64_C(0) - BUILDER_CODE, 2}}, "0-2 10-12", "b"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		builder_assemble(&program, "a: 90 c3 b: c3 c: 90 c3");
		for (unsigned s = 0; s < 3; s++) {
			set_symbol(s, rows[i].symbols[s][0], rows[i].symbols[s][1]);
		}
		build();
		expect(rows[i].wanted);
		if (rows[i].name_at_10 == NULL) {
			assert_null(g2s_funcs_find(&funcs, BUILDER_CODE + 0x10));
		} else {
			expect_name(0x10, rows[i].name_at_10);
		}
		(void)close_funcs(NULL);
	}
}

static void expect_gap(uint64_t addr, uint64_t from, uint64_t to)
{
	struct g2s_range gap = {7, 7};
	assert_int_equal(g2s_funcs_gap(&funcs, BUILDER_CODE + addr, &gap), to != 0);
	assert_int_equal(gap.start, to == 0 ? 7 : BUILDER_CODE + from);
	assert_int_equal(gap.end, to == 0 ? 7 : BUILDER_CODE + to);
}

static void finds_gaps(void **state)
{
	(void)state;
	builder_assemble(&program, "a: 90 c3 b: c3 c: 90 c3");
	set_symbol(0, 0x4, 2);
	set_symbol(1, 0x10, 0x10);
	set_symbol(2, 0x21, 1);
	build();
	expect("4-6 10-20 21-22");
	expect_gap(0, 0, 4);
	expect_gap(3, 0, 4);
	expect_gap(4, 0, 0);
	expect_gap(6, 6, 0x10);
	expect_gap(0xf, 6, 0x10);
	expect_gap(0x10, 0, 0);
	expect_gap(0x20, 0x20, 0x21);
	expect_gap(0x21, 0, 0);
	expect_gap(0x22, 0, 0);
	expect_gap(UINT64_MAX, 0, 0);
}

/* All gaps at once, and functions for some of them from another table. */
static void lists_gaps(void **state)
{
	(void)state;
	static const uint64_t wanted[][2] = {{0, 4}, {6, 0x10}, {0x20, 0x21}};
	struct g2s_range *gaps = NULL;
	size_t count = 7;
	builder_assemble(&program, "a: 90 c3 b: c3 c: 90 c3");
	set_symbol(0, 0x4, 2);
	set_symbol(1, 0x10, 0x10);
	set_symbol(2, 0x21, 1);
	build();
	assert_true(g2s_funcs_gaps(&funcs, &gaps, &count));
	assert_int_equal(count, COUNT(wanted));
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(gaps[i].start, BUILDER_CODE + wanted[i][0]);
		assert_int_equal(gaps[i].end, BUILDER_CODE + wanted[i][1]);
	}
	free(gaps);
	struct g2s_function items[] = {
		{.start = BUILDER_CODE, .end = BUILDER_CODE + 4},
		{.start = BUILDER_CODE + 6, .end = BUILDER_CODE + 8},
		{.start = BUILDER_CODE + 8, .end = BUILDER_CODE + 0x10},
		{.start = BUILDER_CODE + 0x20, .end = BUILDER_CODE + 0x21},
	};
	struct g2s_funcs others = {.items = items, .count = COUNT(items)};
	assert_true(g2s_funcs_add(&funcs, &others));
	expect("0-4 4-6 6-8 8-10 10-20 20-21 21-22");
	assert_true(g2s_funcs_gaps(&funcs, &gaps, &count));
	assert_int_equal(count, 0);
	assert_null(gaps);
	others.count = 0;
	assert_true(g2s_funcs_add(&funcs, &others));
	expect("0-4 4-6 6-8 8-10 10-20 20-21 21-22");
}

static void splits_gaps(void **state)
{
	(void)state;
	builder_assemble(&program, "a: 90 c3 b: c3 c: 90 c3");
	set_symbol(0, 0x4, 2);
	set_symbol(1, 0x10, 0x10);
	set_symbol(2, 0x21, 1);
	build();
	struct g2s_range gap;
	assert_true(g2s_funcs_gap(&funcs, BUILDER_CODE + 8, &gap));
	/* One at the start, the same twice, one behind the end: these add nothing. */
	const uint64_t starts[] = {BUILDER_CODE + 6, BUILDER_CODE + 9, BUILDER_CODE + 9,
	                           BUILDER_CODE + 0xf, BUILDER_CODE + 0x10};
	assert_true(g2s_funcs_split(&funcs, gap, starts, COUNT(starts)));
	expect("4-6 6-9 9-f f-10 10-20 21-22");
	expect_name(9, NULL);
	expect_name(0x10, "b");
	expect_gap(8, 0, 0);
	/* The first gap and the last, with nothing inside. */
	assert_true(g2s_funcs_gap(&funcs, BUILDER_CODE, &gap));
	assert_true(g2s_funcs_split(&funcs, gap, NULL, 0));
	assert_true(g2s_funcs_gap(&funcs, BUILDER_CODE + 0x20, &gap));
	assert_true(g2s_funcs_split(&funcs, gap, NULL, 0));
	expect("0-4 4-6 6-9 9-f f-10 10-20 20-21 21-22");
}

static void has_nothing_to_list(void **state)
{
	(void)state;
	start("%nosym 90 c3");
	expect("");
	assert_int_equal(funcs.code_count, 1);
	expect_gap(1, 0, 2);
	struct g2s_range gap;
	assert_true(g2s_funcs_gap(&funcs, BUILDER_CODE, &gap));
	assert_true(g2s_funcs_split(&funcs, gap, NULL, 0));
	expect("0-2");
}

/* Makes section header 0 one of data in the code's segment, and with code another one of code. */
static void call_data(uint64_t offset, uint64_t size, bool code)
{
	uint8_t *section = program.file + 0x8f00;
	builder_put(section + 4, SHT_PROGBITS, 4);
	builder_put(section + 8, SHF_ALLOC, 8);
	builder_put(section + 16, BUILDER_CODE + offset, 8);
	builder_put(section + 32, size, 8);
	/* Behind the three headers there are: the count is at the end of the ELF header. */
	if (code) {
		builder_put(program.file + 60, 4, 2);
		builder_put(section + 192 + 4, SHT_PROGBITS, 4);
		builder_put(section + 192 + 8, SHF_ALLOC | SHF_EXECINSTR, 8);
		builder_put(section + 192 + 16, BUILDER_CODE, 8);
		builder_put(section + 192 + 32, 0x10, 8);
	}
}

/* Old linkers put constants into the code's segment; section headers tell them apart. */
static void leaves_data_out(void **state)
{
	(void)state;
	builder_assemble(&program, "a: 90 c3 b: c3 c: 90 c3");
	call_data(0x11, 0xf, true);
	build();
	assert_int_equal(funcs.code_count, 2);
	expect("0-10 10-11 20-22");
	expect_gap(0x11, 0, 0);
	expect_gap(0x1f, 0, 0);
}

/* Headers that call a function of the symbol table data are damaged. */
static void believes_symbols_more(void **state)
{
	(void)state;
	builder_assemble(&program, "a: 90 c3 b: c3 c: 90 c3");
	call_data(0x11, 0x10, true);
	build();
	assert_int_equal(funcs.code_count, 1);
}

/* Nor are headers believed that call nothing of the segment code. */
static void believes_rights_more(void **state)
{
	(void)state;
	builder_assemble(&program, "a: 90 c3 b: c3 c: 90 c3");
	call_data(0x11, 0xf, false);
	build();
	assert_int_equal(funcs.code_count, 1);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_teardown(function, close_funcs)
	const struct CMUnitTest tests[] = {
		CASE(lists_symbols),
		CASE(lists_go),
		CASE(makes_extents_apart),
		CASE(finds_gaps),
		CASE(lists_gaps),
		CASE(splits_gaps),
		CASE(has_nothing_to_list),
		CASE(leaves_data_out),
		CASE(believes_symbols_more),
		CASE(believes_rights_more),
	};
#undef CASE
	return cmocka_run_group_tests_name("funcs", tests, NULL, NULL);
}
