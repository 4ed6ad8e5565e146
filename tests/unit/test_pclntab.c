/* SPDX-License-Identifier: MIT */
#include "elf_builder.h"

#include "g2s/image/elf.h"
#include "g2s/image/pclntab.h"

#include <elf.h>
#include <string.h>

enum {
	TEXT = 0x401000,
	TABLE = 0x402000,
	DATA = 0x403000,
};

/*
 * Lines of the third function: 10 for 2 bytes, 310 for 200, 9 for 16; the changes take one and two
 * bytes, in both directions, and so do the distances.
 */
static const uint8_t LINES[] = {22, 2, 0xd8, 0x04, 0xc8, 0x01, 0xd9, 0x04, 0x10, 0};

static const struct builder_function FUNCTIONS[] = {
	{"runtime.text", TEXT, 0, "/go/src/runtime/asm.s", NULL, 0},
	{"main.main", TEXT + 0x40, 24, "/src/main.go", NULL, 0},
	{"main.long", TEXT + 0x80, 0x80000000, "/src/main.go", LINES, sizeof(LINES)},
	{"last", TEXT + 0x180, 8, "/src/last.go", NULL, 0},
};

enum { LAYOUTS = 4 };

static const uint32_t MAGICS[LAYOUTS] = {0xfffffffb, 0xfffffffa, 0xfffffff0, 0xfffffff1};
static const enum g2s_pclntab_layout WANTED[LAYOUTS] = {
	G2S_PCLNTAB_GO12, G2S_PCLNTAB_GO116, G2S_PCLNTAB_GO118, G2S_PCLNTAB_GO118};

struct fixture {
	uint8_t file[0x4000];
	struct builder_table table;
	struct builder_function functions[COUNT(FUNCTIONS)];
	/* Where the table's bytes are, and how many. */
	uint8_t *bytes;
	size_t size;
	struct g2s_elf elf;
	struct g2s_pclntab tab;
};

static struct fixture fixture;

static void start(unsigned layout, unsigned word)
{
	g2s_elf_free(&fixture.elf);
	fixture = (struct fixture){.bytes = fixture.file + 0x2020};
	memcpy(fixture.functions, FUNCTIONS, sizeof(FUNCTIONS));
	fixture.table = (struct builder_table){
		.magic = MAGICS[layout],
		.layout = MAGICS[layout],
		.word = word,
		.quantum = 1,
		.addr = TABLE + 0x20,
		.text_word = TEXT,
		.text = TEXT,
		.text_end = TEXT + 0x200,
		.functions = fixture.functions,
		.count = COUNT(FUNCTIONS),
	};
}

static void write_table(void)
{
	fixture.size = builder_pclntab(fixture.bytes, &fixture.table);
	assert_true(fixture.size < 0xf00);
}

/* Writes headers around the table and looks for it. */
static bool find(void)
{
	unsigned word = fixture.table.word;
	const struct builder_header header = {
		.word = word, .type = ET_EXEC, .machine = word == 8 ? EM_X86_64 : EM_386,
		.entry = TEXT + 0x40};
	const struct builder_segment segments[] = {
		{PT_LOAD, PF_R | PF_X, 0x1000, TEXT, 0x200, 0x200},
		{PT_LOAD, PF_R, 0x2000, TABLE, 0x1000, 0x1000},
		{PT_LOAD, PF_R | PF_W, 0x3000, DATA, 0x1000, 0x1000},
	};
	const struct g2s_bytes bytes = {fixture.file, sizeof(fixture.file)};
	(void)builder_headers(fixture.file, &header, segments, COUNT(segments));
	g2s_elf_free(&fixture.elf);
	assert_int_equal(g2s_elf_open(&fixture.elf, bytes, NULL), G2S_OK);
	return g2s_pclntab_open(&fixture.tab, &fixture.elf);
}

static int close_elf(void **state)
{
	(void)state;
	g2s_elf_free(&fixture.elf);
	return 0;
}

static void expect_text(struct g2s_bytes found, const char *wanted)
{
	assert_int_equal(found.size, strlen(wanted));
	assert_memory_equal(found.data, wanted, found.size);
}

static void expect_line(uint64_t i, uint64_t pc, uint64_t wanted)
{
	struct g2s_bytes file;
	uint64_t line = 0;
	assert_true(g2s_pclntab_line(&fixture.tab, i, FUNCTIONS[i].start, pc, &file, &line));
	expect_text(file, FUNCTIONS[i].file);
	assert_int_equal(line, wanted);
}

/* What every layout tells of the functions. */
static void expect_functions(void)
{
	const struct g2s_pclntab *tab = &fixture.tab;
	assert_int_equal(tab->function_count, COUNT(FUNCTIONS));
	assert_int_equal(tab->code.start, TEXT);
	assert_int_equal(tab->code.end, TEXT + 0x200);
	for (size_t i = 0; i < COUNT(FUNCTIONS); i++) {
		struct g2s_bytes name;
		uint64_t args = 77;
		assert_int_equal(g2s_pclntab_start(tab, &fixture.elf, i), FUNCTIONS[i].start);
		assert_true(g2s_pclntab_name(tab, i, &name));
		expect_text(name, FUNCTIONS[i].name);
		/* Assembler does not say how many bytes its arguments have. */
		assert_int_equal(g2s_pclntab_args(tab, i, &args), FUNCTIONS[i].args != 0x80000000);
		assert_true(FUNCTIONS[i].args == 0x80000000 || args == FUNCTIONS[i].args);
	}
	expect_line(0, TEXT, 7);
	expect_line(1, TEXT + 0x7f, 7);
	/* Each side of each change. */
	expect_line(2, TEXT + 0x80, 10);
	expect_line(2, TEXT + 0x81, 10);
	expect_line(2, TEXT + 0x82, 310);
	expect_line(2, TEXT + 0x80 + 201, 310);
	expect_line(2, TEXT + 0x80 + 202, 9);
	expect_line(2, TEXT + 0x80 + 217, 9);
	struct g2s_bytes file;
	uint64_t line;
	assert_false(g2s_pclntab_line(tab, 2, TEXT + 0x80, TEXT + 0x80 + 218, &file, &line));
	/* No such function. */
	assert_false(g2s_pclntab_name(tab, COUNT(FUNCTIONS), &file));
	assert_false(g2s_pclntab_args(tab, COUNT(FUNCTIONS), &line));
	assert_false(g2s_pclntab_line(tab, UINT64_MAX, TEXT, TEXT, &file, &line));
	assert_int_equal(g2s_pclntab_start(tab, &fixture.elf, COUNT(FUNCTIONS)), TEXT + 0x200);
	assert_int_equal(g2s_pclntab_start(tab, &fixture.elf, COUNT(FUNCTIONS) + 1), 0);
}

static void reads_every_layout(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		for (unsigned i = 0; i < LAYOUTS; i++) {
			start(i, word);
			write_table();
			assert_true(find());
			assert_int_equal(fixture.tab.layout, WANTED[i]);
			assert_int_equal(fixture.tab.addr, TABLE + 0x20);
			assert_int_equal(fixture.tab.moduledata.start, 0);
			expect_functions();
		}
	}
}

/* The runtime's record confirms the table. */
static void reads_moduledata(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		for (unsigned i = 0; i < LAYOUTS; i++) {
			start(i, word);
			write_table();
			size_t size = builder_module(fixture.file + 0x3100, &fixture.table);
			assert_true(find());
			assert_int_equal(fixture.tab.moduledata.start, DATA + 0x100);
			assert_int_equal(fixture.tab.moduledata.end, DATA + 0x100 + size);
			expect_functions();
		}
	}
}

/* From Go 1.26 on the header does not say where text begins. */
static void takes_text_from_moduledata(void **state)
{
	(void)state;
	start(3, 8);
	fixture.table.text_word = 0;
	write_table();
	(void)builder_module(fixture.file + 0x3100, &fixture.table);
	assert_true(find());
	assert_int_equal(fixture.tab.text, TEXT);
	expect_functions();
}

/* An external linker puts C code before Go's: offsets count from where Go's begins. */
static void takes_text_inside_of_code(void **state)
{
	(void)state;
	start(3, 8);
	fixture.table.text_word = 0;
	fixture.table.text = TEXT + 0x40;
	fixture.table.functions = fixture.functions + 1;
	fixture.table.count = COUNT(FUNCTIONS) - 1;
	write_table();
	(void)builder_module(fixture.file + 0x3100, &fixture.table);
	assert_true(find());
	assert_int_equal(fixture.tab.text, TEXT + 0x40);
	assert_int_equal(fixture.tab.code.start, TEXT + 0x40);
	assert_int_equal(g2s_pclntab_start(&fixture.tab, &fixture.elf, 1), TEXT + 0x80);
}

/* Where nothing else says where text begins, the entry point does: here main.main starts there. */
static void guesses_text(void **state)
{
	(void)state;
	start(3, 8);
	fixture.table.text_word = 0;
	write_table();
	assert_true(find());
	assert_int_equal(fixture.tab.text, TEXT);
	expect_functions();
}

/* A record that contradicts the table is none. */
static void refuses_other_moduledata(void **state)
{
	(void)state;
	/* Words of the record: number of entries, their capacity, minpc, maxpc, text. */
	static const struct {
		unsigned word;
		uint64_t value;
	} rows[] = {
		{17, COUNT(FUNCTIONS)}, {18, COUNT(FUNCTIONS) + 2}, {20, TEXT + 1}, {20, DATA},
		{21, TEXT},             {22, DATA},                 {22, TEXT + 4},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		start(3, 8);
		write_table();
		(void)builder_module(fixture.file + 0x3100, &fixture.table);
		builder_put(fixture.file + 0x3100 + 8 * rows[i].word, rows[i].value, 8);
		assert_true(find());
		assert_int_equal(fixture.tab.moduledata.start, 0);
		expect_functions();
	}
}

/* Obfuscators write another magic: the table is found by what it is. */
static void finds_without_magic(void **state)
{
	(void)state;
	for (unsigned i = 1; i < LAYOUTS; i++) {
		start(i, 8);
		fixture.table.magic = 0x12345678;
		write_table();
		(void)builder_module(fixture.file + 0x3100, &fixture.table);
		assert_true(find());
		assert_int_equal(fixture.tab.layout, WANTED[i]);
		assert_int_equal(fixture.tab.addr, TABLE + 0x20);
		expect_functions();
	}
}

/* What looks like a table and is none comes first: the search goes on. */
static void passes_over_what_is_none(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAYOUTS; i++) {
		start(i, 8);
		write_table();
		builder_put(fixture.file + 0x2000, MAGICS[i], 4);
		builder_put(fixture.file + 0x2006, 0x0801, 2);
		builder_put(fixture.file + 0x2008, 1, 8);
		assert_true(find());
		assert_int_equal(fixture.tab.addr, TABLE + 0x20);
		expect_functions();
	}
}

static size_t functab_of(unsigned layout)
{
	uint64_t functab = 16;
	if (layout != 0) {
		unsigned last = layout == 1 ? 6 : 7;
		const struct g2s_bytes bytes = {fixture.bytes, fixture.size};
		assert_true(g2s_bytes_uint(bytes, 8 + 8 * last, 8, &functab));
	}
	return (size_t)functab;
}

/* One wrong entry, and the file is none of Go's: half a table would hide functions. */
static void refuses_wrong_entries(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAYOUTS; i++) {
		unsigned width = i < 2 ? 8 : 4;
		uint64_t base = i < 2 ? 0 : TEXT;
		const struct {
			unsigned entry;
			uint64_t pc;
		} rows[] = {
			/* Not ascending; outside of the code; nothing at all. */
			{1, TEXT + 0x81}, {2, TEXT + 0x3f},  {3, TEXT + 0x7f},
			{4, TEXT + 0x17f}, {4, TEXT + 0x201}, {4, TEXT + 0x10000},
		};
		for (size_t r = 0; r < COUNT(rows); r++) {
			start(i, 8);
			write_table();
			(void)builder_module(fixture.file + 0x3100, &fixture.table);
			builder_put(fixture.bytes + functab_of(i) + 2 * width * rows[r].entry,
			            rows[r].pc - base, width);
			assert_false(find());
			assert_int_equal(fixture.tab.layout, G2S_PCLNTAB_NONE);
		}
	}
}

/* Words of the header that cannot be true. */
static void refuses_wrong_headers(void **state)
{
	(void)state;
	static const struct {
		unsigned layout;
		size_t offset;
		uint64_t value;
		unsigned width;
	} rows[] = {
		/* The number of functions. */
		{0, 8, 0, 8}, {0, 8, UINT64_MAX, 8}, {0, 8, 5000, 8}, {0, 8, UINT64_MAX / 16, 8},
		{1, 8, 0, 8}, {1, 8, UINT64_MAX, 8}, {1, 8, 5000, 8}, {1, 8, 1 << 27, 8},
		{3, 8, 0, 8}, {3, 8, UINT64_MAX, 8}, {3, 8, 5000, 8}, {3, 8, 1 << 27, 8},
		/* The size of a pointer, the padding, the quantum. */
		{3, 7, 4, 1}, {3, 4, 1, 1}, {3, 5, 1, 1}, {3, 6, 0, 1}, {3, 6, 3, 1},
		/* Where the parts are: names, units, files, pcs, functab. */
		{3, 32, 8, 8}, {3, 32, 0x800, 8}, {3, 40, 0, 8}, {3, 48, 0, 8}, {3, 56, 0, 8},
		{3, 64, 0xfe0, 8}, {3, 64, UINT64_MAX, 8}, {3, 64, UINT64_MAX - 40, 8},
		{1, 56, 0xfe0, 8}, {1, 56, UINT64_MAX, 8}, {1, 24, 0x800, 8},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		start(rows[i].layout, 8);
		write_table();
		(void)builder_module(fixture.file + 0x3100, &fixture.table);
		builder_put(fixture.bytes + rows[i].offset, rows[i].value, rows[i].width);
		assert_false(find());
	}
}

/* Offsets of names, files and lines that lead out of the file: no answer, and no crash. */
static void survives_wrong_offsets(void **state)
{
	(void)state;
	struct g2s_bytes text;
	uint64_t line;
	for (unsigned i = 0; i < LAYOUTS; i++) {
		start(i, 8);
		write_table();
		uint64_t record;
		unsigned width = i < 2 ? 8 : 4;
		size_t functab = functab_of(i);
		const struct g2s_bytes bytes = {fixture.bytes, fixture.size};
		assert_true(g2s_bytes_uint(bytes, functab + width, width, &record));
		record += i == 0 ? 0 : functab;
		/* Everything of the record but its entry, and then where it is. */
		memset(fixture.bytes + record + width, 0xf0, 32);
		assert_true(find());
		assert_false(g2s_pclntab_name(&fixture.tab, 0, &text));
		assert_false(g2s_pclntab_args(&fixture.tab, 0, &line));
		assert_false(g2s_pclntab_line(&fixture.tab, 0, TEXT, TEXT, &text, &line));
		memset(fixture.bytes + functab + width, 0xff, width);
		assert_true(find());
		assert_false(g2s_pclntab_name(&fixture.tab, 0, &text));
		assert_false(g2s_pclntab_line(&fixture.tab, 0, TEXT, TEXT, &text, &line));
		assert_true(g2s_pclntab_name(&fixture.tab, 1, &text));
	}
}

/* Numbers of more than 5 bytes, and tables without an end or without a beginning. */
static void refuses_wrong_lines(void **state)
{
	(void)state;
	static const uint8_t endless[] = {0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x7f, 0};
	static const uint8_t empty[] = {0};
	static const uint8_t below[] = {1, 0x7f, 0};
	const struct {
		const uint8_t *lines;
		size_t size;
	} rows[] = {
		{endless, sizeof(endless)}, {empty, sizeof(empty)}, {below, sizeof(below)}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct g2s_bytes text;
		uint64_t line;
		start(3, 8);
		fixture.functions[2].lines = rows[i].lines;
		fixture.functions[2].lines_size = rows[i].size;
		fixture.functions[3].lines = empty;
		fixture.functions[3].lines_size = 1;
		write_table();
		assert_true(find());
		assert_false(g2s_pclntab_line(&fixture.tab, 2, TEXT + 0x80, TEXT + 0x80, &text,
		                              &line));
	}
}

/* 5 bytes hold all of 32 bits; a quantum of 4 makes distances 4 times as long. */
static void reads_long_numbers(void **state)
{
	(void)state;
	struct g2s_bytes text;
	uint64_t line;
	/* Up by 0x7fffffff, then for 2 quanta; down by 0x7ffffffe. */
	static const uint8_t lines[] = {0xfe, 0xff, 0xff, 0xff, 0x0f, 2,
	                                0xfb, 0xff, 0xff, 0xff, 0x0f, 9, 0};
	start(3, 8);
	fixture.functions[2].lines = lines;
	fixture.functions[2].lines_size = sizeof(lines);
	fixture.table.quantum = 4;
	write_table();
	assert_true(find());
	assert_true(g2s_pclntab_line(&fixture.tab, 2, TEXT + 0x80, TEXT + 0x87, &text, &line));
	assert_int_equal(line, 0x7ffffffe);
	assert_true(g2s_pclntab_line(&fixture.tab, 2, TEXT + 0x80, TEXT + 0x88, &text, &line));
	assert_int_equal(line, 0);
	assert_true(g2s_pclntab_line(&fixture.tab, 2, TEXT + 0x80, TEXT + 0x80 + 43, &text, &line));
	assert_false(
		g2s_pclntab_line(&fixture.tab, 2, TEXT + 0x80, TEXT + 0x80 + 44, &text, &line));
}

static void finds_nothing(void **state)
{
	(void)state;
	start(3, 8);
	assert_false(find());
	/* A table whose functions are in data. */
	start(1, 8);
	for (size_t i = 0; i < COUNT(FUNCTIONS); i++) {
		fixture.functions[i].start += DATA - TEXT;
	}
	fixture.table.text_end = DATA + 0x200;
	write_table();
	assert_false(find());
}

int main(void)
{
#define CASE(function) cmocka_unit_test_teardown(function, close_elf)
	const struct CMUnitTest tests[] = {
		CASE(reads_every_layout),
		CASE(reads_moduledata),
		CASE(takes_text_from_moduledata),
		CASE(takes_text_inside_of_code),
		CASE(guesses_text),
		CASE(refuses_other_moduledata),
		CASE(finds_without_magic),
		CASE(passes_over_what_is_none),
		CASE(refuses_wrong_entries),
		CASE(refuses_wrong_headers),
		CASE(survives_wrong_offsets),
		CASE(refuses_wrong_lines),
		CASE(reads_long_numbers),
		CASE(finds_nothing),
	};
#undef CASE
	return cmocka_run_group_tests_name("pclntab", tests, NULL, NULL);
}
