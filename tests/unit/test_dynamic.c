/* SPDX-License-Identifier: MIT */
#include "library_builder.h"

#include "g2s/image/dynamic.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
	uint8_t file[LIBRARY_SIZE];
	struct g2s_elf elf;
	struct g2s_dynamic dynamic;
	struct g2s_error err;
};

static struct fixture fixture;

/* Reads the first size bytes of the file, a copy of that size: sanitizers see reads beyond it. */
static enum g2s_code read_size(size_t size, void (*look)(const struct g2s_dynamic *dynamic))
{
	uint8_t *copy = malloc(size == 0 ? 1 : size);
	assert_non_null(copy);
	memcpy(copy, fixture.file, size);
	const struct g2s_bytes bytes = {copy, size};
	enum g2s_code code = g2s_elf_open(&fixture.elf, bytes, &fixture.err);
	if (code == G2S_OK) {
		code = g2s_dynamic_read(&fixture.dynamic, &fixture.elf, &fixture.err);
		if (look != NULL) {
			assert_int_equal(code, G2S_OK);
			look(&fixture.dynamic);
		}
		g2s_dynamic_free(&fixture.dynamic);
	}
	g2s_elf_free(&fixture.elf);
	free(copy);
	return code;
}

static void expect_text(struct g2s_bytes found, const char *wanted)
{
	assert_int_equal(found.size, strlen(wanted));
	if (found.size != 0) {
		assert_memory_equal(found.data, wanted, found.size);
	}
}

static const struct library_symbol SYMBOLS[] = {
	{"asked", 0, STT_FUNC, STB_GLOBAL, STV_DEFAULT, SHN_UNDEF, 3},
	{"f", 0x900, STT_FUNC, STB_GLOBAL, STV_DEFAULT, 7, 2},
	{"old", 0x910, STT_FUNC, STB_WEAK, STV_PROTECTED, 7, 0x8002},
	{"inner", 0x920, STT_FUNC, STB_GLOBAL, STV_HIDDEN, 7, 1},
	{"mine", 0x930, STT_FUNC, STB_LOCAL, STV_DEFAULT, 7, 0},
	{"nowhere", 0, STT_OBJECT, STB_GLOBAL, STV_DEFAULT, 7, 1},
	{"zero", 0, STT_OBJECT, STB_GLOBAL, STV_DEFAULT, SHN_ABS, 1},
	{"thread", 0, STT_TLS, STB_GNU_UNIQUE, STV_DEFAULT, 9, 1},
	{"choose", 0x940, STT_GNU_IFUNC, STB_GLOBAL, STV_DEFAULT, 7, 1},
	{"file", 0, STT_FILE, STB_GLOBAL, STV_DEFAULT, SHN_ABS, 1},
};

static void look_at_symbols(const struct g2s_dynamic *dynamic)
{
	static const struct {
		const char *version;
		bool defined;
		bool exported;
		bool hidden;
	} wanted[] = {
		{"LIBC_1", false, false, false}, {"MINE_1", true, true, false},
		{"MINE_1", true, true, true},    {"", true, false, false},
		{"", true, false, false},        {"", true, false, false},
		{"", true, true, false},         {"", true, true, false},
		{"", true, true, false},         {"", true, false, false},
	};
	assert_int_equal(dynamic->symbol_count, COUNT(SYMBOLS) + 1);
	assert_false(dynamic->symbols[0].defined);
	for (size_t i = 0; i < COUNT(wanted); i++) {
		const struct g2s_dynamic_symbol *symbol = &dynamic->symbols[i + 1];
		expect_text(symbol->name, SYMBOLS[i].name);
		expect_text(symbol->version, wanted[i].version);
		assert_true(symbol->value == SYMBOLS[i].value);
		assert_int_equal(symbol->size, 4);
		assert_int_equal(symbol->type, SYMBOLS[i].type);
		assert_int_equal(symbol->binding, SYMBOLS[i].binding);
		assert_int_equal(symbol->defined, wanted[i].defined);
		assert_int_equal(symbol->exported, wanted[i].exported);
		assert_int_equal(symbol->hidden, wanted[i].hidden);
	}
}

static void reads_symbols(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		const struct library library = {
			.word = word,
			.symbols = SYMBOLS,
			.symbol_count = COUNT(SYMBOLS),
			.defined_version = "MINE_1",
			.needed_version = "LIBC_1",
		};
		library_build(fixture.file, &library);
		assert_int_equal(read_size(LIBRARY_SIZE, look_at_symbols), G2S_OK);
	}
}

static void look_at_few(const struct g2s_dynamic *dynamic)
{
	assert_int_equal(dynamic->symbol_count, 3);
	expect_text(dynamic->symbols[2].name, "f");
	expect_text(dynamic->symbols[2].version, "");
}

/* GNU's hash table leaves out what nobody looks up, and is empty when that is all there is. */
static void counts_symbols_that_relocations_ask_for(void **state)
{
	(void)state;
	const struct library_reloc relocs[] = {{LIBRARY_WORDS, R_X86_64_GLOB_DAT, 2, 0}};
	const struct library library = {
		.symbols = SYMBOLS,
		.symbol_count = COUNT(SYMBOLS),
		.hashed = 1,
		.relocs = relocs,
		.reloc_count = COUNT(relocs),
	};
	library_build(fixture.file, &library);
	assert_int_equal(read_size(LIBRARY_SIZE, look_at_few), G2S_OK);
	/* No such symbol. */
	builder_put(fixture.file + LIBRARY_RELOCS + 12, 0x1000, 4);
	assert_int_equal(read_size(LIBRARY_SIZE, NULL), G2S_ERR_FORMAT);
}

static void look_at_relocs(const struct g2s_dynamic *dynamic)
{
	assert_int_equal(dynamic->reloc_count, 2);
	assert_int_equal(dynamic->relocs[0].addr, LIBRARY_WORDS + 8);
	assert_int_equal(dynamic->relocs[0].addend, 5);
	assert_int_equal(dynamic->relocs[0].symbol, 2);
	assert_int_equal(dynamic->relocs[1].addr, LIBRARY_WORDS + 16);
	assert_int_equal(dynamic->relocs[1].addend, 0x940);
	assert_int_equal(dynamic->relocs[1].symbol, 0);
}

static void look_at_wide_relocs(const struct g2s_dynamic *dynamic)
{
	look_at_relocs(dynamic);
	assert_int_equal(dynamic->relocs[0].type, R_X86_64_64);
	assert_int_equal(dynamic->relocs[1].type, R_X86_64_IRELATIVE);
}

static void look_at_narrow_relocs(const struct g2s_dynamic *dynamic)
{
	look_at_relocs(dynamic);
	assert_int_equal(dynamic->relocs[0].type, R_386_32);
	assert_int_equal(dynamic->relocs[1].type, R_386_IRELATIVE);
}

static void reads_relocations(void **state)
{
	(void)state;
	static const struct library_reloc wide[] = {
		{LIBRARY_WORDS, R_X86_64_RELATIVE, 0, 3},
		{LIBRARY_WORDS + 8, R_X86_64_64, 2, 5},
		{LIBRARY_WORDS, R_X86_64_NONE, 0, 0},
		{LIBRARY_WORDS + 16, R_X86_64_IRELATIVE, 0, 0x940},
	};
	static const struct library_reloc narrow[] = {
		{LIBRARY_WORDS, R_386_RELATIVE, 0, 3},
		{LIBRARY_WORDS + 8, R_386_32, 2, 5},
		{LIBRARY_WORDS + 16, R_386_IRELATIVE, 0, 0x940},
	};
	/* The same relocations for the PLT once more: they are those of the other table. */
	static const uint64_t plt[][2] = {
		{DT_PLTREL, DT_RELA}, {DT_JMPREL, LIBRARY_RELOCS + 24}, {DT_PLTRELSZ, 48}, {0, 0}};
	struct library library = {
		.symbols = SYMBOLS,
		.symbol_count = COUNT(SYMBOLS),
		.relocs = wide,
		.reloc_count = COUNT(wide),
		.more = plt,
	};
	library_build(fixture.file, &library);
	assert_int_equal(read_size(LIBRARY_SIZE, look_at_wide_relocs), G2S_OK);
	library.word = 4;
	library.relocs = narrow;
	library.reloc_count = COUNT(narrow);
	library.more = NULL;
	library_build(fixture.file, &library);
	assert_int_equal(read_size(LIBRARY_SIZE, look_at_narrow_relocs), G2S_OK);
}

static void look_at_rest(const struct g2s_dynamic *dynamic)
{
	assert_int_equal(dynamic->needed_count, 2);
	expect_text(dynamic->needed[0], "liba.so");
	expect_text(dynamic->needed[1], "libb.so");
	expect_text(dynamic->soname, "libx.so");
	expect_text(dynamic->rpath, "/r");
	expect_text(dynamic->runpath, "$ORIGIN/x");
	expect_text(dynamic->interpreter, "/lib/ld.so");
	expect_text(dynamic->filter, "libf.so");
	assert_true(dynamic->symbolic);
	assert_true(dynamic->no_default_directories);
	assert_int_equal(dynamic->init, 0x900);
	assert_int_equal(dynamic->fini, 0x910);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(dynamic->arrays[i].start, LIBRARY_WORDS + 8 * i);
		assert_int_equal(dynamic->arrays[i].end, LIBRARY_WORDS + 8 * i + 8);
	}
}

static const uint64_t REST[][2] = {
	{DT_INIT, 0x900},
	{DT_FINI, 0x910},
	{DT_PREINIT_ARRAY, LIBRARY_WORDS},
	{DT_PREINIT_ARRAYSZ, 8},
	{DT_INIT_ARRAY, LIBRARY_WORDS + 8},
	{DT_INIT_ARRAYSZ, 8},
	{DT_FINI_ARRAY, LIBRARY_WORDS + 16},
	{DT_FINI_ARRAYSZ, 8},
	{DT_FLAGS, DF_SYMBOLIC},
	{DT_FLAGS_1, DF_1_NODEFLIB},
	{0, 0},
};

static void reads_the_rest(void **state)
{
	(void)state;
	const struct library library = {
		.needed = "liba.so libb.so",
		.soname = "libx.so",
		.rpath = "/r",
		.runpath = "$ORIGIN/x",
		.interpreter = "/lib/ld.so",
		.filter_tag = DT_FILTER,
		.filter = "libf.so",
		.more = REST,
	};
	library_build(fixture.file, &library);
	assert_int_equal(read_size(LIBRARY_SIZE, look_at_rest), G2S_OK);
}

static void look_at_nothing(const struct g2s_dynamic *dynamic)
{
	assert_int_equal(dynamic->symbol_count, 0);
	assert_int_equal(dynamic->reloc_count, 0);
	assert_int_equal(dynamic->needed_count, 0);
	assert_int_equal(dynamic->interpreter.size, 0);
}

static void has_nothing_to_say_of_a_static_program(void **state)
{
	(void)state;
	const struct builder_header header = {.word = 8, .type = ET_EXEC, .machine = EM_X86_64};
	const struct builder_segment segment = {PT_LOAD, PF_R, 0, 0, LIBRARY_SIZE, LIBRARY_SIZE};
	memset(fixture.file, 0, LIBRARY_SIZE);
	(void)builder_headers(fixture.file, &header, &segment, 1);
	assert_int_equal(read_size(LIBRARY_SIZE, look_at_nothing), G2S_OK);
}

/* Entries of the dynamic section that name what is not there. */
static void refuses_damage(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t more[3][2];
	} rows[] = {
		{"a relocation table", {{DT_RELA, 0x10}, {DT_RELASZ, UINT64_MAX}}},
		{"a relocation table", {{DT_RELA, LIBRARY_SIZE - 8}, {DT_RELASZ, 16}}},
		{"a relocation table", {{DT_JMPREL, UINT64_MAX}, {DT_PLTRELSZ, 24}}},
		{"the dynamic symbols", {{DT_SYMTAB, LIBRARY_SIZE}}},
		{"the dynamic symbols", {{DT_SYMTAB, LIBRARY_SIZE - 24}}},
		{"the symbol versions", {{DT_VERSYM, LIBRARY_SIZE - 2}}},
		{"the symbol versions", {{DT_VERDEF, LIBRARY_SIZE}}},
		{"the symbol versions", {{DT_VERNEED, LIBRARY_SIZE - 15}}},
		{"an array of initialisers", {{DT_INIT_ARRAY, LIBRARY_SIZE - 8},
		                              {DT_INIT_ARRAYSZ, 16}}},
		{"an array of initialisers", {{DT_FINI_ARRAY, UINT64_MAX}, {DT_FINI_ARRAYSZ, 8}}},
		{"a name in the dynamic section", {{DT_SONAME, LIBRARY_SIZE}}},
		{"the name of a library", {{DT_NEEDED, LIBRARY_SIZE}}},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct library library = {
			.symbols = SYMBOLS,
			.symbol_count = COUNT(SYMBOLS),
			.more = rows[i].more,
		};
		library_build(fixture.file, &library);
		assert_int_equal(read_size(LIBRARY_SIZE, NULL), G2S_ERR_FORMAT);
		if (strstr(fixture.err.text, rows[i].text) != fixture.err.text) {
			fail_msg("%zu: %s", i, fixture.err.text);
		}
	}
}

/* Names that are the same bytes again and again cost no more than the file is long. */
static void refuses_names_without_measure(void **state)
{
	(void)state;
	enum { MANY = 256, LONG = 0x4000, ALL = 0x8000 };
	static uint8_t file[ALL];
	const struct library library = {.symbols = SYMBOLS, .symbol_count = 1};
	library_build(fixture.file, &library);
	memcpy(file, fixture.file, LIBRARY_SIZE);
	/* The symbols, all of one name, behind what was there; the strings behind them. */
	for (unsigned i = 1; i < MANY; i++) {
		builder_put(file + LIBRARY_SIZE + 24 * i, 1, 4);
	}
	memset(file + ALL - LONG, 'x', LONG - 1);
	builder_put(file + LIBRARY_HASH + 4, MANY, 4);
	builder_put(file + 64 + 32, ALL, 8);
	builder_put(file + 64 + 40, ALL, 8);
	for (size_t at = LIBRARY_DYNAMIC; at < LIBRARY_SYMBOLS; at += 16) {
		uint64_t tag = file[at];
		if (tag == DT_SYMTAB || tag == DT_STRTAB || tag == DT_STRSZ) {
			builder_put(file + at + 8, tag == DT_SYMTAB ? (uint64_t)LIBRARY_SIZE
			                           : tag == DT_STRTAB ? ALL - LONG
			                                              : LONG, 8);
		}
	}
	const struct g2s_bytes bytes = {file, ALL};
	assert_int_equal(g2s_elf_open(&fixture.elf, bytes, &fixture.err), G2S_OK);
	assert_int_equal(g2s_dynamic_read(&fixture.dynamic, &fixture.elf, &fixture.err),
	                 G2S_ERR_FORMAT);
	assert_string_equal(fixture.err.text, "a name of a dynamic symbol has no end");
	/* The ninth does not fit any more: four times the file. */
	assert_int_equal(fixture.dynamic.symbol_count, 9);
	g2s_dynamic_free(&fixture.dynamic);
	g2s_dynamic_free(&fixture.dynamic);
	g2s_elf_free(&fixture.elf);
}

/* Each byte of the tables wrong in some ways: a code that is promised, and no crash. */
static void survives_damage(void **state)
{
	(void)state;
	static const struct library_reloc relocs[] = {{LIBRARY_WORDS + 8, R_X86_64_64, 2, 5}};
	const struct library library = {
		.needed = "liba.so libb.so",
		.interpreter = "/lib/ld.so",
		.symbols = SYMBOLS,
		.symbol_count = COUNT(SYMBOLS),
		.defined_version = "MINE_1",
		.needed_version = "LIBC_1",
		.relocs = relocs,
		.reloc_count = COUNT(relocs),
		.more = REST,
	};
	static const uint8_t wrong[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	library_build(fixture.file, &library);
	assert_int_equal(read_size(LIBRARY_SIZE, NULL), G2S_OK);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		for (size_t at = LIBRARY_DYNAMIC; at < LIBRARY_WORDS; at++) {
			uint8_t right = fixture.file[at];
			fixture.file[at] = wrong[i];
			enum g2s_code code = read_size(LIBRARY_SIZE, NULL);
			assert_true(code == G2S_OK || code == G2S_ERR_FORMAT);
			fixture.file[at] = right;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_symbols),
		cmocka_unit_test(counts_symbols_that_relocations_ask_for),
		cmocka_unit_test(reads_relocations),
		cmocka_unit_test(reads_the_rest),
		cmocka_unit_test(has_nothing_to_say_of_a_static_program),
		cmocka_unit_test(refuses_damage),
		cmocka_unit_test(refuses_names_without_measure),
		cmocka_unit_test(survives_damage),
	};
	return cmocka_run_group_tests_name("dynamic", tests, NULL, NULL);
}
