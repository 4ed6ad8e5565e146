/* SPDX-License-Identifier: MIT */
/*
 * Go's function table and the runtime's record of it, in an ELF file that is always the same: the
 * input is what its constant and its writable segment hold.
 *
 *     byte 0       bit 0: addresses of 4 bytes, not of 8
 *     bytes 1, 2   size of the constant part, little-endian
 *     then         the constant part, at CONST, and the writable one, at DATA
 */
#include "fuzz.h"

#include "g2s/image/elf.h"
#include "g2s/image/funcs.h"
#include "g2s/image/pclntab.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT = 0x401000,
	CONST = 0x402000,
	DATA = 0x403000,
	/* The most of each part. */
	PART = 0x1000,
	HEADERS = 0x200,
	/* Of so many functions everything is asked. */
	ASKED = 256,
};

struct segment {
	uint32_t flags;
	uint32_t offset;
	uint32_t addr;
	uint32_t size;
};

static const unsigned char WIDE[EI_NIDENT] = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT};
static const unsigned char NARROW[EI_NIDENT] = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT};

static void put_wide(uint8_t *file, const struct segment *segments, uint16_t count)
{
	Elf64_Ehdr header = {
		.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_entry = TEXT,
		.e_phoff = sizeof(header), .e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = count,
	};
	memcpy(header.e_ident, WIDE, EI_NIDENT);
	memcpy(file, &header, sizeof(header));
	for (size_t i = 0; i < count; i++) {
		const struct segment *from = &segments[i];
		const Elf64_Phdr to = {PT_LOAD, from->flags, from->offset, from->addr, from->addr,
		                       from->size, from->size, 1};
		memcpy(file + sizeof(header) + i * sizeof(to), &to, sizeof(to));
	}
}

static void put_narrow(uint8_t *file, const struct segment *segments, uint16_t count)
{
	Elf32_Ehdr header = {
		.e_type = ET_EXEC, .e_machine = EM_386, .e_version = EV_CURRENT, .e_entry = TEXT,
		.e_phoff = sizeof(header), .e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf32_Phdr), .e_phnum = count,
	};
	memcpy(header.e_ident, NARROW, EI_NIDENT);
	memcpy(file, &header, sizeof(header));
	for (size_t i = 0; i < count; i++) {
		const struct segment *from = &segments[i];
		const Elf32_Phdr to = {PT_LOAD, from->offset, from->addr, from->addr, from->size,
		                       from->size, from->flags, 1};
		memcpy(file + sizeof(header) + i * sizeof(to), &to, sizeof(to));
	}
}

/* The file, for the caller to free; *total is its size. */
static uint8_t *build(const uint8_t *data, size_t size, size_t *total)
{
	bool narrow = (data[0] & 1) != 0;
	size_t constant = data[1] | (size_t)data[2] << 8;
	data += 3;
	size -= 3;
	constant = constant > size ? size : constant;
	constant = constant > PART ? PART : constant;
	size_t writable = size - constant > PART ? PART : size - constant;
	*total = HEADERS + 0x200 + constant + writable;
	uint8_t *file = calloc(1, *total);
	fuzz_check(file != NULL, "no memory for a file");
	const struct segment segments[] = {
		{PF_R | PF_X, HEADERS, TEXT, 0x200},
		{PF_R, HEADERS + 0x200, CONST, (uint32_t)constant},
		{PF_R | PF_W, (uint32_t)(HEADERS + 0x200 + constant), DATA, (uint32_t)writable},
	};
	(narrow ? put_narrow : put_wide)(file, segments, 3);
	memcpy(file + HEADERS + 0x200, data, constant + writable);
	return file;
}

static void ask_function(const struct g2s_pclntab *tab, const struct g2s_elf *elf, uint64_t i)
{
	struct g2s_bytes text;
	uint64_t number;
	uint64_t start = g2s_pclntab_start(tab, elf, i);
	uint64_t end = g2s_pclntab_start(tab, elf, i + 1);
	fuzz_check(i >= tab->function_count || start <= end, "functions that are not in order");
	(void)g2s_pclntab_name(tab, i, &text);
	(void)g2s_pclntab_args(tab, i, &number);
	(void)g2s_pclntab_line(tab, i, start, start, &text, &number);
	(void)g2s_pclntab_line(tab, i, start, start + 1, &text, &number);
	(void)g2s_pclntab_line(tab, i, start, end - 1, &text, &number);
	(void)g2s_pclntab_line(tab, i, start, UINT64_MAX, &text, &number);
}

static void ask(const struct g2s_elf *elf)
{
	struct g2s_pclntab tab = {0};
	struct g2s_pclntab record = {0};
	bool there = g2s_pclntab_open(&tab, elf);
	(void)g2s_pclntab_find_record(&record, elf);
	if (!there) {
		return;
	}
	fuzz_check(tab.layout != G2S_PCLNTAB_NONE, "a table without a layout");
	fuzz_check(g2s_elf_is_code(elf, tab.code.start), "text that is no code");
	for (uint64_t i = 0; i < tab.function_count + 2 && i < ASKED; i++) {
		ask_function(&tab, elf, i);
	}
	struct g2s_funcs funcs = {0};
	fuzz_check(g2s_funcs_build(&funcs, elf, &tab), "no memory for functions");
	for (size_t i = 0; i < funcs.count && i < ASKED; i++) {
		struct g2s_bytes text;
		uint64_t line;
		const struct g2s_function *function = &funcs.items[i];
		fuzz_check(i == 0 || function[-1].end <= function->start, "functions that overlap");
		(void)g2s_funcs_name(&funcs, function, &text);
		(void)g2s_funcs_line(&funcs, function, function->end - 1, &text, &line);
		(void)g2s_funcs_calls_as_go(&funcs, function->start);
	}
	g2s_funcs_free(&funcs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3) {
		return 0;
	}
	size_t total;
	struct g2s_elf elf;
	uint8_t *file = build(data, size, &total);
	fuzz_check(g2s_elf_open(&elf, (struct g2s_bytes){file, total}, NULL) == G2S_OK, "no ELF file");
	ask(&elf);
	g2s_elf_free(&elf);
	free(file);
	return 0;
}
