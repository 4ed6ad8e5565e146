/* SPDX-License-Identifier: MIT */
#include "elf_builder.h"

#include "g2s/analysis/sites.h"
#include "g2s/image/elf.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT = 0x401000,
	DATA = 0x402000,
	SIZE = 0x600,
};

/* Code at 0x200; data at 0x300, zeroes behind it, of which the first 16 bytes become read-only. */
static const struct builder_segment SEGMENTS[] = {
	/* Not sorted by address: the loader does not mind. */
	{PT_LOAD, PF_R | PF_W, 0x300, DATA, 0x100, 0x180},
	{PT_LOAD, PF_R | PF_X, 0x200, TEXT, 0x100, 0x100},
	{PT_GNU_RELRO, PF_R, 0x300, DATA, 0x10, 0x10},
};

struct fixture {
	uint8_t file[SIZE];
	struct builder_header header;
	struct builder_segment segments[8];
	size_t count;
	struct g2s_elf elf;
	struct g2s_error err;
};

static struct fixture fixture;

static void start(unsigned word)
{
	fixture = (struct fixture){
		.header = {.word = word, .type = ET_EXEC,
		           .machine = word == 8 ? EM_X86_64 : EM_386, .entry = TEXT},
		.count = COUNT(SEGMENTS),
	};
	memcpy(fixture.segments, SEGMENTS, sizeof(SEGMENTS));
	for (unsigned i = 0; i < 0x200; i++) {
		fixture.file[0x200 + i] = (uint8_t)i;
	}
}

static enum g2s_code open_size(size_t size)
{
	/* A copy of the exact size, so that the sanitizers see a read beyond its end. */
	uint8_t *copy = malloc(size == 0 ? 1 : size);
	assert_non_null(copy);
	memcpy(copy, fixture.file, size);
	enum g2s_code code = g2s_elf_open(&fixture.elf, (struct g2s_bytes){copy, size},
	                                  &fixture.err);
	g2s_elf_free(&fixture.elf);
	free(copy);
	return code;
}

static enum g2s_code write_and_open(void)
{
	(void)builder_headers(fixture.file, &fixture.header, fixture.segments, fixture.count);
	return open_size(SIZE);
}

/* Opens and leaves open. */
static void open_fixture(void)
{
	(void)builder_headers(fixture.file, &fixture.header, fixture.segments, fixture.count);
	const struct g2s_bytes bytes = {fixture.file, SIZE};
	assert_int_equal(g2s_elf_open(&fixture.elf, bytes, &fixture.err), G2S_OK);
}

static void reads_headers(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		start(word);
		open_fixture();
		const struct g2s_elf *elf = &fixture.elf;
		assert_int_equal(elf->word, word);
		assert_int_equal(elf->type, ET_EXEC);
		assert_int_equal(elf->machine, word == 8 ? EM_X86_64 : EM_386);
		assert_int_equal(elf->entry, TEXT);
		assert_int_equal(elf->segment_count, 2);
		assert_int_equal(elf->segments[0].addr, TEXT);
		assert_true(elf->segments[0].exec);
		assert_false(elf->segments[0].write);
		assert_int_equal(elf->segments[1].addr, DATA);
		assert_int_equal(elf->segments[1].size, 0x180);
		assert_int_equal(elf->segments[1].bytes.size, 0x100);
		assert_false(elf->segments[1].exec);
		assert_true(elf->segments[1].write);
		assert_int_equal(elf->segments[elf->segment_count - 1].relro.start, DATA);
		assert_int_equal(elf->segments[elf->segment_count - 1].relro.end, DATA + 0x10);
		assert_false(elf->interpreter);
		g2s_elf_free(&fixture.elf);
	}
}

static void finds_addresses(void **state)
{
	(void)state;
	start(8);
	open_fixture();
	const struct g2s_elf *elf = &fixture.elf;
	struct g2s_bytes view;
	static const uint64_t nowhere[] = {0, TEXT - 1, TEXT + 0x100, DATA - 1, DATA + 0x180,
	                                   UINT64_MAX};
	for (size_t i = 0; i < COUNT(nowhere); i++) {
		assert_null(g2s_elf_segment(elf, nowhere[i]));
		assert_false(g2s_elf_is_code(elf, nowhere[i]));
		assert_false(g2s_elf_is_writable(elf, nowhere[i]));
		assert_false(g2s_elf_view(elf, nowhere[i], &view));
	}
	assert_ptr_equal(g2s_elf_segment(elf, TEXT), &elf->segments[0]);
	assert_ptr_equal(g2s_elf_segment(elf, TEXT + 0xff), &elf->segments[0]);
	assert_ptr_equal(g2s_elf_segment(elf, DATA + 0x17f), &elf->segments[1]);
	assert_true(g2s_elf_is_code(elf, TEXT + 0xff));
	assert_false(g2s_elf_is_code(elf, DATA));
	assert_false(g2s_elf_is_writable(elf, TEXT));
	assert_false(g2s_elf_is_writable(elf, DATA + 0xf));
	assert_true(g2s_elf_is_writable(elf, DATA + 0x10));
	assert_true(g2s_elf_is_writable(elf, DATA + 0x17f));
	assert_true(g2s_elf_view(elf, DATA + 0xff, &view));
	assert_int_equal(view.size, 1);
	assert_int_equal(view.data[0], 0xff);
	assert_false(g2s_elf_view(elf, DATA + 0x100, &view));
	g2s_elf_free(&fixture.elf);
}

static void loads_numbers(void **state)
{
	(void)state;
	start(8);
	open_fixture();
	const struct g2s_elf *elf = &fixture.elf;
	uint64_t number = 77;
	assert_true(g2s_elf_load(elf, DATA, 4, &number));
	assert_int_equal(number, 0x03020100);
	assert_true(g2s_elf_load(elf, DATA + 0xf8, 8, &number));
	assert_true(number == UINT64_C(0xfffefdfcfbfaf9f8));
	/* Half in the file, half in what the loader clears. */
	assert_true(g2s_elf_load(elf, DATA + 0xfe, 4, &number));
	assert_int_equal(number, 0xfffe);
	assert_true(g2s_elf_load(elf, DATA + 0x178, 8, &number));
	assert_int_equal(number, 0);
	assert_false(g2s_elf_load(elf, DATA + 0x179, 8, &number));
	assert_false(g2s_elf_load(elf, TEXT + 0xfd, 4, &number));
	assert_false(g2s_elf_load(elf, 0, 4, &number));
	assert_false(g2s_elf_load(elf, UINT64_MAX - 1, 8, &number));
	assert_false(g2s_elf_load(elf, DATA, 0, &number));
	assert_false(g2s_elf_load(elf, DATA, 9, &number));
	g2s_elf_free(&fixture.elf);
}

/* One relocated word of each kind; the table is at DATA + 0x40, the dynamic section at 0x80. */
static void put_relocs(void)
{
	uint8_t *data = fixture.file + 0x300;
	static const uint64_t relocs[][3] = {
		{DATA + 0x20, R_X86_64_RELATIVE, TEXT + 5},
		/* The value is another object's to say. */
		{DATA + 0x18, UINT64_C(1) << 32 | R_X86_64_64, 0},
	};
	for (size_t i = 0; i < COUNT(relocs) * 3; i++) {
		builder_put(data + 0x40 + 8 * i, relocs[i / 3][i % 3], 8);
	}
	static const uint64_t dynamic[][2] = {
		{DT_RELA, DATA + 0x40}, {DT_RELASZ, 48}, {DT_NEEDED, 1}, {DT_STRTAB, DATA + 0xf0},
		{DT_STRSZ, 8},          {DT_NULL, 0},    {DT_NEEDED, 2},
	};
	for (size_t i = 0; i < COUNT(dynamic) * 2; i++) {
		builder_put(data + 0x80 + 8 * i, dynamic[i / 2][i % 2], 8);
	}
	memcpy(data + 0xf0, "\0libc\0x", 8);
	fixture.header.type = ET_DYN;
	fixture.segments[fixture.count++] = (struct builder_segment){
		PT_DYNAMIC, PF_R, 0x380, DATA + 0x80, 0x70, 0x70};
}

static void applies_relocations(void **state)
{
	(void)state;
	start(8);
	put_relocs();
	open_fixture();
	const struct g2s_elf *elf = &fixture.elf;
	uint64_t number = 77;
	assert_int_equal(elf->reloc_count, 2);
	assert_true(g2s_elf_load(elf, DATA + 0x20, 8, &number));
	assert_int_equal(number, TEXT + 5);
	assert_false(g2s_elf_load(elf, DATA + 0x18, 8, &number));
	/* Part of a word that the loader fills in. */
	assert_false(g2s_elf_load(elf, DATA + 0x20, 4, &number));
	assert_false(g2s_elf_load(elf, DATA + 0x24, 4, &number));
	assert_false(g2s_elf_load(elf, DATA + 0x1c, 8, &number));
	assert_false(g2s_elf_load(elf, DATA + 0x17, 2, &number));
	/* Beside them. */
	assert_true(g2s_elf_load(elf, DATA + 0x28, 4, &number));
	assert_int_equal(number, 0x2b2a2928);
	assert_true(g2s_elf_load(elf, DATA + 0x14, 4, &number));
	struct g2s_bytes name;
	assert_int_equal(elf->needed_count, 1);
	assert_true(g2s_elf_needed(elf, 0, &name));
	assert_int_equal(name.size, 4);
	assert_memory_equal(name.data, "libc", 4);
	assert_false(g2s_elf_needed(elf, 1, &name));
	g2s_elf_free(&fixture.elf);
}

/* DT_RELR: one place, then a bitmap of the words behind it. */
static void applies_packed_relocations(void **state)
{
	(void)state;
	start(8);
	put_relocs();
	uint8_t *data = fixture.file + 0x300;
	builder_put(data + 0x40, DATA + 0x20, 8);
	builder_put(data + 0x48, 1 | 1 << 2, 8);
	builder_put(data + 0x80, 36 /* DT_RELR */, 8);
	builder_put(data + 0x90, 35 /* DT_RELRSZ */, 8);
	builder_put(data + 0x98, 16, 8);
	open_fixture();
	assert_int_equal(fixture.elf.reloc_count, 2);
	assert_int_equal(fixture.elf.relocs[0].addr, DATA + 0x20);
	assert_true(fixture.elf.relocs[0].value == UINT64_C(0x2726252423222120));
	/* The second bit stands for the second word behind the first. */
	assert_int_equal(fixture.elf.relocs[1].addr, DATA + 0x30);
	assert_true(fixture.elf.relocs[1].value == UINT64_C(0x3736353433323130));
	g2s_elf_free(&fixture.elf);
}

/* A change to the headers, and the text of the refusal; NULL when it does not matter. */
struct damage {
	const char *name;
	size_t offset;
	unsigned width;
	uint64_t value;
	const char *text;
};

static void expect_damage(unsigned word, const struct damage *damage)
{
	start(word);
	(void)builder_headers(fixture.file, &fixture.header, fixture.segments, fixture.count);
	builder_put(fixture.file + damage->offset, damage->value, damage->width);
	enum g2s_code code = open_size(SIZE);
	if (damage->text == NULL) {
		assert_int_equal(code, G2S_OK);
		return;
	}
	assert_int_equal(code, G2S_ERR_FORMAT);
	if (strstr(fixture.err.text, damage->text) == NULL) {
		fail_msg("%s: %s", damage->name, fixture.err.text);
	}
}

static void refuses_damage(void **state)
{
	(void)state;
	/* Offsets in a 64-bit header; the first program header is at 64. */
	static const struct damage rows[] = {
		{"magic", 0, 1, 0x7e, "not an ELF file"},
		{"class 0", EI_CLASS, 1, 0, "damaged"},
		{"class 3", EI_CLASS, 1, 3, "damaged"},
		{"byte order 0", EI_DATA, 1, 0, "damaged"},
		{"big endian", EI_DATA, 1, ELFDATA2MSB, "big-endian"},
		{"an object", 16, 2, ET_REL, "object file"},
		{"a core dump", 16, 2, ET_CORE, "core dump"},
		{"no type", 16, 2, ET_NONE, "unknown type"},
		{"no program headers", 56, 2, 0, "no program headers"},
		{"65535 of them", 56, 2, 0xffff, "damaged"},
		{"4096 of them", 56, 2, 4096, "damaged"},
		{"short ones", 54, 2, 55, "damaged"},
		{"of size 0", 54, 2, 0, "damaged"},
		{"at the end", 32, 8, SIZE, "damaged"},
		{"behind the end", 32, 8, UINT64_MAX, "damaged"},
		{"nearly all around", 32, 8, UINT64_MAX - 55, "damaged"},
		{"file part longer than in memory", 64 + 40, 8, 0xff, "outside"},
		{"file part behind the end", 64 + 8, 8, SIZE - 0xff, "outside"},
		{"file part far away", 64 + 8, 8, UINT64_MAX - 0x10, "outside"},
		{"file part too long", 64 + 32, 8, UINT64_MAX, "outside"},
		{"address at the end of memory", 64 + 16, 8, UINT64_MAX - 0x17f, "outside"},
		{"as large as memory", 64 + 40, 8, UINT64_MAX, "outside"},
		{"at the same place", 64 + 16, 8, TEXT, "overlap"},
		{"overlap by a byte", 64 + 16, 8, TEXT + 0xff, "overlap"},
		{"overlap from below", 64 + 16, 8, TEXT - 0x17f, "overlap"},
		{"just beside", 64 + 16, 8, TEXT + 0x100, NULL},
		{"just below", 64 + 16, 8, TEXT - 0x180, NULL},
		{"the version does not matter", 20, 4, 99, NULL},
		{"nor flags", 48, 4, UINT32_MAX, NULL},
		{"sections behind the end", 40, 8, UINT64_MAX - 3, NULL},
		{"65535 sections", 60, 2, 0xffff, NULL},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		expect_damage(8, &rows[i]);
	}
	/* The same in the 32-bit layout, whose first program header is at 52. */
	static const struct damage rows32[] = {
		{"no program headers", 44, 2, 0, "no program headers"},
		{"65535 of them", 44, 2, 0xffff, "damaged"},
		{"short ones", 42, 2, 31, "damaged"},
		{"behind the end", 28, 4, UINT32_MAX, "damaged"},
		{"file part behind the end", 52 + 4, 4, SIZE - 0xff, "outside"},
		{"file part too long", 52 + 16, 4, UINT32_MAX, "outside"},
		{"overlap by a byte", 52 + 8, 4, TEXT + 0xff, "overlap"},
	};
	for (size_t i = 0; i < COUNT(rows32); i++) {
		expect_damage(4, &rows32[i]);
	}
}

static void refuses_what_loads_nothing(void **state)
{
	(void)state;
	start(8);
	for (size_t i = 0; i < fixture.count; i++) {
		fixture.segments[i].type = PT_NOTE;
	}
	assert_int_equal(write_and_open(), G2S_ERR_FORMAT);
	assert_string_equal(fixture.err.text, "no loadable segments");
	start(8);
	fixture.segments[0].size = fixture.segments[0].file_size = 0;
	assert_int_equal(write_and_open(), G2S_OK);
	fixture.segments[1].size = fixture.segments[1].file_size = 0;
	assert_int_equal(write_and_open(), G2S_ERR_FORMAT);
}

/* Whatever is cut off: a code, never a crash; and what has lost a part of a segment is refused. */
static void refuses_what_is_cut(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		start(word);
		if (word == 8) {
			put_relocs();
		}
		(void)builder_headers(fixture.file, &fixture.header, fixture.segments,
		                      fixture.count);
		for (size_t size = 0; size <= SIZE; size++) {
			assert_int_equal(open_size(size), size < 0x400 ? G2S_ERR_FORMAT : G2S_OK);
		}
	}
}

/* The whole of a program, cut and damaged: no crash, and one of the codes that are promised. */
static void scan_damaged(const uint8_t *bytes, size_t size)
{
	struct g2s_program program;
	struct g2s_error err;
	enum g2s_code code = g2s_program_open(&program, (struct g2s_bytes){bytes, size}, &err);
	if (code == G2S_OK) {
		code = g2s_program_scan(&program, &err);
	}
	assert_true(code == G2S_OK || code == G2S_ERR_FORMAT);
	g2s_program_free(&program);
}

static void survives_damaged_programs(void **state)
{
	(void)state;
	static struct builder_program program;
	static const char *const texts[] = {
		"%go w(8): 8b442408 0f05 c3 f: 6a27 e8 =w 58 c3 %data g: 2700000000000000",
		"w: 89f8 0f05 c3 f: 8b3d =g e8 =w c3 %data g: 2700000000000000",
	};
	for (size_t t = 0; t < COUNT(texts); t++) {
		builder_assemble(&program, texts[t]);
		for (size_t size = 0; size < program.size; size += size < 0x200 ? 1 : 61) {
			uint8_t *copy = malloc(size == 0 ? 1 : size);
			assert_non_null(copy);
			memcpy(copy, program.file, size);
			scan_damaged(copy, size);
			free(copy);
		}
		/* Each byte of the headers, the code, Go's table, the section headers. */
		static const size_t places[][2] = {
			{0, 64 + 3 * 56}, {0x1000, 0x1020}, {0x4000, 0x4100}, {0x8f40, 0x8fc0}};
		static const uint8_t wrong[] = {0x00, 0x7f, 0x80, 0xff};
		for (size_t i = 0; i < COUNT(places) * COUNT(wrong); i++) {
			const size_t *place = places[i / COUNT(wrong)];
			for (size_t at = place[0]; at < place[1]; at++) {
				uint8_t right = program.file[at];
				program.file[at] = wrong[i % COUNT(wrong)];
				scan_damaged(program.file, program.size);
				program.file[at] = right;
			}
		}
	}
}

/* Symbols: what names code, sorted; the rest is passed over. */
static void reads_symbols(void **state)
{
	(void)state;
	static struct builder_program program;
	struct g2s_elf *elf = &fixture.elf;
	builder_assemble(&program, "b: 90 c3 a: c3 c3 c3 z: 90");
	const struct g2s_bytes bytes = {program.file, program.size};
	/* The second symbol becomes data, and so none of ours. */
	program.file[0x6000 + 2 * 24 + 4] = STB_GLOBAL << 4 | STT_OBJECT;
	assert_int_equal(g2s_elf_open(elf, bytes, &fixture.err), G2S_OK);
	assert_int_equal(elf->symbol_count, 2);
	struct g2s_bytes name;
	assert_int_equal(elf->symbols[0].addr, builder_label(&program, "b"));
	assert_int_equal(elf->symbols[0].size, 16);
	assert_true(g2s_bytes_string(elf->symbols[0].names, elf->symbols[0].name, 9, &name));
	assert_memory_equal(name.data, "b", 2);
	assert_int_equal(elf->symbols[1].addr, builder_label(&program, "z"));
	assert_int_equal(elf->symbols[1].size, 1);
	g2s_elf_free(elf);
	/* A link to a string table that is not there. */
	program.file[0x8f00 + 64 + 40] = 9;
	assert_int_equal(g2s_elf_open(elf, bytes, &fixture.err), G2S_OK);
	assert_int_equal(elf->symbol_count, 0);
	g2s_elf_free(elf);
	g2s_elf_free(elf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_headers),
		cmocka_unit_test(finds_addresses),
		cmocka_unit_test(loads_numbers),
		cmocka_unit_test(applies_relocations),
		cmocka_unit_test(applies_packed_relocations),
		cmocka_unit_test(refuses_damage),
		cmocka_unit_test(refuses_what_loads_nothing),
		cmocka_unit_test(refuses_what_is_cut),
		cmocka_unit_test(survives_damaged_programs),
		cmocka_unit_test(reads_symbols),
	};
	return cmocka_run_group_tests_name("elf", tests, NULL, NULL);
}
