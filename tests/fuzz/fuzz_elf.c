/* SPDX-License-Identifier: MIT */
/* An ELF file's headers and tables: whatever they say, all that is asked of them is answered. */
#include "fuzz.h"

#include "g2s/image/dynamic.h"
#include "g2s/image/ehframe.h"
#include "g2s/image/elf.h"
#include "g2s/image/funcs.h"
#include "g2s/image/goinfo.h"

#include <stdlib.h>

/* The addresses that are asked about around each end of a segment. */
enum { AROUND = 9 };

static void ask_address(const struct g2s_elf *elf, uint64_t addr)
{
	struct g2s_bytes view;
	uint64_t number;
	const struct g2s_segment *segment = g2s_elf_segment(elf, addr);
	bool code = g2s_elf_is_code(elf, addr);
	bool writable = g2s_elf_is_writable(elf, addr);
	fuzz_check(segment != NULL || (!code && !writable), "memory that no segment has");
	fuzz_check(segment == NULL || addr - segment->addr < segment->size, "the wrong segment");
	fuzz_check(!g2s_elf_view(elf, addr, &view) || segment != NULL, "bytes that no segment has");
	(void)g2s_elf_is_header(elf, addr);
	(void)g2s_elf_is_exported(elf, addr);
	for (unsigned width = 1; width <= 8; width *= 2) {
		if (g2s_elf_load(elf, addr, width, &number)) {
			fuzz_check(segment != NULL, "a number that no segment has");
			fuzz_check(width == 8 || number >> width * 8 == 0, "a number that is too wide");
		}
	}
}

static void ask_around(const struct g2s_elf *elf, uint64_t addr)
{
	for (uint64_t i = 0; i < AROUND; i++) {
		ask_address(elf, addr + i - AROUND / 2);
	}
}

static void check_segments(const struct g2s_elf *elf)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct g2s_segment *segment = &elf->segments[i];
		fuzz_check(segment->size >= segment->bytes.size, "a segment that is too small");
		fuzz_check(segment->size <= UINT64_MAX - segment->addr, "a segment beyond memory");
		fuzz_check(i == 0 || segment[-1].addr + segment[-1].size <= segment->addr,
		           "segments that overlap");
		ask_around(elf, segment->addr);
		ask_around(elf, segment->addr + segment->bytes.size);
		ask_around(elf, segment->addr + segment->size);
	}
}

static void ask_tables(const struct g2s_elf *elf)
{
	static const char *const names[] = {".text", ".eh_frame", ".symtab", ".gopclntab", ""};
	struct g2s_section section;
	struct g2s_bytes text;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)g2s_elf_section(elf, names[i], &section);
	}
	for (size_t i = 0; i <= elf->needed_count; i++) {
		if (g2s_elf_needed(elf, i, &text)) {
			fuzz_check(i < elf->needed_count, "a library too many");
		}
	}
	for (size_t i = 0; i < elf->reloc_count; i++) {
		fuzz_check(i == 0 || elf->relocs[i - 1].addr <= elf->relocs[i].addr,
		           "relocations that are not in order");
		ask_address(elf, elf->relocs[i].addr);
	}
	for (size_t i = 1; i < elf->export_count; i++) {
		fuzz_check(elf->exports[i - 1] <= elf->exports[i], "exports that are not in order");
	}
	(void)g2s_elf_lacks_code(elf);
}

static void ask_dynamic(const struct g2s_elf *elf)
{
	struct g2s_dynamic dynamic;
	enum g2s_code code = g2s_dynamic_read(&dynamic, elf, NULL);
	fuzz_check(code == G2S_OK || code == G2S_ERR_FORMAT, "no memory for symbols");
	for (size_t i = 0; code == G2S_OK && i < dynamic.reloc_count; i++) {
		fuzz_check(dynamic.relocs[i].symbol == 0 ||
		           dynamic.relocs[i].symbol < dynamic.symbol_count,
		           "a relocation that asks for no symbol");
	}
	for (size_t i = 0; i < dynamic.symbol_count; i++) {
		const struct g2s_dynamic_symbol *symbol = &dynamic.symbols[i];
		fuzz_check(symbol->defined || !symbol->exported, "an export that is not defined");
	}
	g2s_dynamic_free(&dynamic);
}

static void ask_functions(const struct g2s_elf *elf)
{
	struct g2s_funcs funcs = {0};
	struct g2s_range *gaps = NULL;
	size_t count = 0;
	fuzz_check(g2s_funcs_build(&funcs, elf, NULL), "no memory for functions");
	for (size_t i = 0; i < funcs.count; i++) {
		const struct g2s_function *function = &funcs.items[i];
		struct g2s_bytes name;
		fuzz_check(function->start < function->end, "a function without code");
		fuzz_check(i == 0 || function[-1].end <= function->start, "functions that overlap");
		fuzz_check(g2s_funcs_find(&funcs, function->start) == function, "another function");
		(void)g2s_funcs_name(&funcs, function, &name);
	}
	fuzz_check(g2s_funcs_gaps(&funcs, &gaps, &count), "no memory for gaps");
	for (size_t i = 0; i < count; i++) {
		fuzz_check(g2s_funcs_find(&funcs, gaps[i].start) == NULL, "a gap that is none");
		fuzz_check(g2s_funcs_split(&funcs, gaps[i], NULL, 0), "no memory for a gap");
	}
	free(gaps);
	g2s_funcs_free(&funcs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct g2s_elf elf;
	struct g2s_error err = {0};
	struct g2s_goinfo info;
	struct g2s_range *ranges = NULL;
	size_t count = 0;
	size_t capacity = 0;
	enum g2s_code code = g2s_elf_open(&elf, (struct g2s_bytes){data, size}, &err);
	fuzz_check_error(code, &err);
	if (code == G2S_OK) {
		check_segments(&elf);
		ask_tables(&elf);
		ask_dynamic(&elf);
		g2s_goinfo_read(&elf, &info);
		fuzz_check(g2s_ehframe_read(&elf, &ranges, &count, &capacity), "no memory for ranges");
		for (size_t i = 0; i < count; i++) {
			fuzz_check(ranges[i].start < ranges[i].end, "a range without code");
		}
		ask_functions(&elf);
	}
	free(ranges);
	g2s_elf_free(&elf);
	return 0;
}
