/* SPDX-License-Identifier: MIT */
#include "elf_builder.h"

#include "g2s/image/ehframe.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT = 0x401000,
	FRAME = 0x402000,
	INDEX = 0x402800,
	/* How pointers are written: relative to their place in 4 bytes; absolute in 8. */
	PCREL4 = 0x1b,
	ABSOLUTE8 = 0x04,
};

/* An .eh_frame being written, and the file around it. */
struct fixture {
	uint8_t file[0x3000];
	uint64_t at;
	/* Where the last CIE is, and how its entries write addresses. */
	uint64_t cie;
	unsigned encoding;
	struct g2s_range *ranges;
	size_t count;
	size_t capacity;
};

static struct fixture fixture;

static void start(void)
{
	fixture = (struct fixture){.encoding = PCREL4};
}

static void put(uint64_t number, unsigned width)
{
	builder_put(fixture.file + 0x2000 + fixture.at, number, width);
	fixture.at += width;
}

/* text: the augmentation string; data: what it announces, less its length. */
static void add_cie(const char *text, const uint8_t *data, size_t size)
{
	size_t length = 4 + 1 + strlen(text) + 1 + 3 + (text[0] == 'z' ? 1 + size : 0);
	fixture.cie = fixture.at;
	put(length, 4);
	put(0, 4);
	put(1, 1);
	for (size_t i = 0; i <= strlen(text); i++) {
		put((uint8_t)text[i], 1);
	}
	/* Code alignment 1, data alignment -8, return address in register 16. */
	put(1, 1);
	put(0x78, 1);
	put(16, 1);
	if (text[0] == 'z') {
		put(size, 1);
		for (size_t i = 0; i < size; i++) {
			put(data[i], 1);
		}
	}
}

static void add_fde(uint64_t addr, uint64_t size)
{
	unsigned width = fixture.encoding == PCREL4 ? 4 : 8;
	put(4 + 2 * width, 4);
	put(fixture.at - fixture.cie, 4);
	put(fixture.encoding == PCREL4 ? addr - (FRAME + fixture.at) : addr, width);
	put(size, width);
}

static void add_simple_cie(void)
{
	static const uint8_t data[] = {PCREL4};
	add_cie("zR", data, sizeof(data));
}

/* Writes the headers, with an index that leads to the table, and reads the table. */
static void read_frame(void)
{
	const struct builder_header header = {.word = 8, .type = ET_EXEC, .machine = EM_X86_64};
	const struct builder_segment segments[] = {
		{PT_LOAD, PF_R | PF_X, 0x1000, TEXT, 0x200, 0x200},
		{PT_LOAD, PF_R, 0x2000, FRAME, 0x1000, 0x1000},
		{PT_GNU_EH_FRAME, PF_R, 0x2800, INDEX, 12, 12},
	};
	uint8_t *index = fixture.file + 0x2800;
	index[0] = 1;
	index[1] = PCREL4;
	builder_put(index + 4, FRAME - (INDEX + 4), 4);
	(void)builder_headers(fixture.file, &header, segments, COUNT(segments));
	struct g2s_elf elf;
	const struct g2s_bytes bytes = {fixture.file, sizeof(fixture.file)};
	assert_int_equal(g2s_elf_open(&elf, bytes, NULL), G2S_OK);
	assert_true(
		g2s_ehframe_read(&elf, &fixture.ranges, &fixture.count, &fixture.capacity));
	g2s_elf_free(&elf);
}

static void expect(size_t count, const struct g2s_range *wanted)
{
	assert_int_equal(fixture.count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(fixture.ranges[i].start, wanted[i].start);
		assert_int_equal(fixture.ranges[i].end, wanted[i].end);
	}
	free(fixture.ranges);
	fixture.ranges = NULL;
}

static void reads_extents(void **state)
{
	(void)state;
	start();
	add_simple_cie();
	add_fde(TEXT + 0x20, 0x10);
	add_fde(TEXT, 0x20);
	add_fde(TEXT + 0x1ff, 1);
	read_frame();
	const struct g2s_range wanted[] = {{TEXT + 0x20, TEXT + 0x30},
	                                   {TEXT, TEXT + 0x20},
	                                   {TEXT + 0x1ff, TEXT + 0x200}};
	expect(3, wanted);
}

/* Personality (4 bytes, relative), language data, encoding, as C++ has it; and none of these. */
static void reads_augmentations(void **state)
{
	(void)state;
	static const uint8_t cxx[] = {0x9b, 1, 2, 3, 4, PCREL4, ABSOLUTE8};
	static const uint8_t signal_frame[] = {PCREL4};
	start();
	add_cie("zPLR", cxx, sizeof(cxx));
	fixture.encoding = ABSOLUTE8;
	add_fde(TEXT, 0x20);
	add_cie("zRS", signal_frame, sizeof(signal_frame));
	fixture.encoding = PCREL4;
	add_fde(TEXT + 0x20, 0x20);
	add_cie("", NULL, 0);
	fixture.encoding = ABSOLUTE8;
	add_fde(TEXT + 0x40, 0x20);
	/* A letter nobody knows may change everything behind it. */
	static const uint8_t unknown[] = {0, PCREL4};
	add_cie("zXR", unknown, sizeof(unknown));
	fixture.encoding = PCREL4;
	add_fde(TEXT + 0x60, 0x20);
	add_simple_cie();
	add_fde(TEXT + 0x80, 0x20);
	read_frame();
	const struct g2s_range wanted[] = {{TEXT, TEXT + 0x20},
	                                   {TEXT + 0x20, TEXT + 0x40},
	                                   {TEXT + 0x40, TEXT + 0x60},
	                                   {TEXT + 0x80, TEXT + 0xa0}};
	expect(4, wanted);
}

/* An entry about signals may begin one byte before its aligned function, and only such a one. */
static void knows_signal_frames(void **state)
{
	(void)state;
	static const uint8_t data[] = {PCREL4};
	start();
	add_cie("zRS", data, sizeof(data));
	add_fde(TEXT + 0x1f, 0x11);
	add_fde(TEXT + 0x2e, 2);
	add_fde(TEXT + 0x3f, 1);
	add_simple_cie();
	add_fde(TEXT + 0x4f, 0x11);
	read_frame();
	const struct g2s_range wanted[] = {{TEXT + 0x20, TEXT + 0x30},
	                                   {TEXT + 0x2e, TEXT + 0x30},
	                                   {TEXT + 0x3f, TEXT + 0x40},
	                                   {TEXT + 0x4f, TEXT + 0x60}};
	expect(4, wanted);
}

/* What makes no sense is passed over, and what follows it is read. */
static void passes_over_nonsense(void **state)
{
	(void)state;
	start();
	add_simple_cie();
	/* Of no extent; outside of the code, at either end; at the end of memory. */
	add_fde(TEXT, 0);
	add_fde(TEXT - 1, 0x10);
	add_fde(TEXT + 0x1ff, 2);
	add_fde(FRAME, 0x10);
	add_fde(TEXT, 0xffffffff);
	/* A CIE that is not there. */
	uint64_t cie = fixture.cie;
	fixture.cie = UINT64_C(0) - 0x100;
	add_fde(TEXT + 0x40, 0x10);
	fixture.cie = fixture.at;
	add_fde(TEXT + 0x60, 0x10);
	fixture.cie = cie;
	add_fde(TEXT + 0x80, 0x10);
	read_frame();
	const struct g2s_range wanted[] = {{TEXT + 0x80, TEXT + 0x90}};
	expect(1, wanted);
}

static void ends_where_the_table_does(void **state)
{
	(void)state;
	const struct g2s_range wanted[] = {{TEXT, TEXT + 0x20}};
	/* An entry of length 0; a 64-bit one; one longer than the file; one cut short. */
	static const uint32_t lengths[] = {0, 0xffffffff, 0xfffffff0, 0x2000};
	for (size_t i = 0; i < COUNT(lengths); i++) {
		start();
		add_simple_cie();
		add_fde(TEXT, 0x20);
		uint64_t last = fixture.at;
		add_fde(TEXT + 0x20, 0x20);
		builder_put(fixture.file + 0x2000 + last, lengths[i], 4);
		read_frame();
		expect(1, wanted);
	}
	/* An empty table. */
	start();
	read_frame();
	expect(0, NULL);
}

static void needs_an_index(void **state)
{
	(void)state;
	struct g2s_elf elf;
	start();
	add_simple_cie();
	add_fde(TEXT, 0x20);
	read_frame();
	free(fixture.ranges);
	fixture.ranges = NULL;
	const struct g2s_bytes bytes = {fixture.file, sizeof(fixture.file)};
	/* The index's version; how it writes pointers, or that it does not; where it leads. */
	static const struct {
		size_t offset;
		uint32_t value;
		unsigned width;
	} rows[] = {{0, 2, 1}, {1, 0xff, 1}, {1, 0x3b, 1}, {1, 0x0f, 1}, {4, 0x10000000, 4}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t *place = fixture.file + 0x2800 + rows[i].offset;
		uint8_t before[4];
		memcpy(before, place, sizeof(before));
		builder_put(place, rows[i].value, rows[i].width);
		fixture.count = fixture.capacity = 0;
		assert_int_equal(g2s_elf_open(&elf, bytes, NULL), G2S_OK);
		assert_true(g2s_ehframe_read(&elf, &fixture.ranges, &fixture.count,
		                             &fixture.capacity));
		assert_int_equal(fixture.count, 0);
		g2s_elf_free(&elf);
		memcpy(place, before, sizeof(before));
	}
}

/* Every byte of a table, wrong: whatever is found lies in the code. */
static void survives_damage(void **state)
{
	(void)state;
	start();
	static const uint8_t data[] = {PCREL4, PCREL4, 0x9b, 1, 2, 3, 4};
	add_cie("zRLP", data, sizeof(data));
	add_fde(TEXT, 0x20);
	add_fde(TEXT + 0x20, 0x20);
	uint64_t end = fixture.at;
	for (uint64_t at = 0; at < end; at++) {
		uint8_t *byte = fixture.file + 0x2000 + at;
		uint8_t right = *byte;
		for (unsigned wrong = 0; wrong < 256; wrong += 51) {
			*byte = (uint8_t)wrong;
			fixture.count = fixture.capacity = 0;
			read_frame();
			for (size_t i = 0; i < fixture.count; i++) {
				const struct g2s_range *range = &fixture.ranges[i];
				assert_in_range(range->start, TEXT, TEXT + 0x1ff);
				assert_in_range(range->end, range->start + 1, TEXT + 0x200);
			}
			free(fixture.ranges);
			fixture.ranges = NULL;
		}
		*byte = right;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_extents),
		cmocka_unit_test(reads_augmentations),
		cmocka_unit_test(knows_signal_frames),
		cmocka_unit_test(passes_over_nonsense),
		cmocka_unit_test(ends_where_the_table_does),
		cmocka_unit_test(needs_an_index),
		cmocka_unit_test(survives_damage),
	};
	return cmocka_run_group_tests_name("ehframe", tests, NULL, NULL);
}
