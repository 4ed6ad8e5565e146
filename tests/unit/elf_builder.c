/* SPDX-License-Identifier: MIT */
#include "elf_builder.h"

#include "g2s/analysis/sites.h"
#include "g2s/stream.h"

#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void builder_put(uint8_t *to, uint64_t number, unsigned width)
{
	for (unsigned i = 0; i < width; i++) {
		to[i] = (uint8_t)(number >> (8 * i));
	}
}

/*
 * --- headers
 * -----------------------------------------------------------------------------------
 */

static size_t put_fields(uint8_t *to, unsigned word, const char *widths, const uint64_t *fields)
{
	size_t at = 0;
	for (size_t i = 0; widths[i] != '\0'; i++) {
		unsigned width = widths[i] == 'w' ? word : (unsigned)(widths[i] - '0');
		builder_put(to + at, fields[i], width);
		at += width;
	}
	return at;
}

size_t builder_headers(uint8_t *file, const struct builder_header *header,
                       const struct builder_segment *segments, size_t count)
{
	unsigned w = header->word;
	bool wide = w == 8;
	static const uint8_t ident[] = {0x7f, 'E', 'L', 'F'};
	uint64_t header_size = wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	uint64_t entry_size = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	uint64_t section_size = wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	memset(file, 0, EI_NIDENT);
	memcpy(file, ident, sizeof(ident));
	file[EI_CLASS] = wide ? ELFCLASS64 : ELFCLASS32;
	file[EI_DATA] = ELFDATA2LSB;
	file[EI_VERSION] = EV_CURRENT;
	const uint64_t fields[] = {
		header->type, header->machine, EV_CURRENT,  header->entry,         header_size,
		header->section_offset, 0,      header_size, entry_size,            count,
		section_size, header->section_count, header->section_names,
	};
	size_t at = EI_NIDENT + put_fields(file + EI_NIDENT, w, "224www4222222", fields);
	for (size_t i = 0; i < count; i++) {
		const struct builder_segment *s = &segments[i];
		const uint64_t f64[] = {s->type, s->flags, s->offset,    s->addr,
		                        s->addr, s->file_size, s->size, 1};
		const uint64_t f32[] = {s->type,      s->offset, s->addr,  s->addr,
		                        s->file_size, s->size,   s->flags, 1};
		at += put_fields(file + at, w, wide ? "44wwwwww" : "4wwwww44", wide ? f64 : f32);
	}
	return at;
}

/*
 * --- Go's tables
 * -------------------------------------------------------------------------------
 */

static size_t put_text(uint8_t *to, const char *text)
{
	size_t size = strlen(text) + 1;
	memcpy(to, text, size);
	return size;
}

/* Pairs of a change (zigzag) and a distance, ended by a zero: the whole function has one value. */
static size_t put_one_value(uint8_t *to, unsigned value)
{
	/* From -1 on; twice the change fits into one byte. */
	to[0] = (uint8_t)(2 * (value + 1));
	to[1] = 0xff;
	to[2] = 0x7f;
	to[3] = 0;
	return 4;
}

/* Offsets of the parts of a table while it is written. */
struct parts {
	uint64_t names[64];
	uint64_t files[64];
	uint64_t file_pcs[64];
	uint64_t line_pcs[64];
	uint64_t cus, filetab, pcs;
};

static size_t put_pcs(uint8_t *to, size_t at, const struct builder_table *table,
                      struct parts *parts)
{
	/* No table begins at offset 0: that would mean there is none. */
	to[at++] = 0;
	for (size_t i = 0; i < table->count; i++) {
		const struct builder_function *function = &table->functions[i];
		/* Up to Go 1.15 files are counted from 1, later in each compilation unit from 0. */
		parts->file_pcs[i] = at;
		at += put_one_value(to + at, table->layout == 0xfffffffb ? (unsigned)i + 1 : 0);
		parts->line_pcs[i] = at;
		if (function->lines == NULL) {
			at += put_one_value(to + at, 7);
		} else {
			memcpy(to + at, function->lines, function->lines_size);
			at += function->lines_size;
		}
	}
	return at;
}

/* A function's record; the offsets in parts become offsets from base. */
static size_t put_record(uint8_t *to, const struct builder_table *table,
                         const struct parts *parts, size_t i, uint64_t pcs_base,
                         uint64_t names_base)
{
	const struct builder_function *function = &table->functions[i];
	bool short_entry = table->layout >= 0xfffffff0 && table->layout < 0xfffffffa;
	unsigned entry = short_entry ? 4 : table->word;
	uint64_t pc = short_entry ? function->start - table->text : function->start;
	const uint64_t fields[] = {
		parts->names[i] - names_base, function->args, 0, 0,
		parts->file_pcs[i] - pcs_base, parts->line_pcs[i] - pcs_base, 0, i,
	};
	builder_put(to, pc, entry);
	return entry + put_fields(to + entry, table->word, "44444444", fields);
}

static size_t put_go12(uint8_t *to, const struct builder_table *table)
{
	unsigned w = table->word;
	size_t functab = 8 + w;
	size_t at = functab + table->count * 2 * w + w + 4;
	struct parts parts = {0};
	builder_put(to + 8, table->count, w);
	for (size_t i = 0; i < table->count; i++) {
		parts.names[i] = at;
		at += put_text(to + at, table->functions[i].name);
		parts.files[i] = at;
		at += put_text(to + at, table->functions[i].file);
	}
	at = put_pcs(to, at, table, &parts);
	for (size_t i = 0; i < table->count; i++) {
		builder_put(to + functab + i * 2 * w, table->functions[i].start, w);
		builder_put(to + functab + i * 2 * w + w, at, w);
		at += put_record(to + at, table, &parts, i, 0, 0);
	}
	size_t last = functab + table->count * 2 * w;
	builder_put(to + last, table->text_end, w);
	builder_put(to + last + w, at, 4);
	/* The file table: its length, then one file for each function. */
	builder_put(to + at, table->count + 1, 4);
	for (size_t i = 0; i < table->count; i++) {
		builder_put(to + at + 4 + 4 * i, parts.files[i], 4);
	}
	return at + 4 + 4 * table->count;
}

static size_t put_later(uint8_t *to, const struct builder_table *table)
{
	unsigned w = table->word;
	bool has_text = table->layout != 0xfffffffa;
	unsigned width = has_text ? 4 : w;
	size_t at = 8 + (has_text ? 8 : 7) * (size_t)w;
	struct parts parts = {0};
	uint64_t names = at;
	for (size_t i = 0; i < table->count; i++) {
		parts.names[i] = at;
		at += put_text(to + at, table->functions[i].name);
	}
	parts.cus = at;
	at += 4 * table->count;
	parts.filetab = at;
	for (size_t i = 0; i < table->count; i++) {
		/* Each function is a compilation unit of its own, of one file. */
		builder_put(to + parts.cus + 4 * i, at - parts.filetab, 4);
		at += put_text(to + at, table->functions[i].file);
	}
	parts.pcs = at;
	at = put_pcs(to, at, table, &parts);
	at = (at + w - 1) / w * w;
	uint64_t functab = at;
	at += 2 * width * table->count + width;
	for (size_t i = 0; i < table->count; i++) {
		uint64_t pc = table->functions[i].start - (has_text ? table->text : 0);
		builder_put(to + functab + i * 2 * width, pc, width);
		builder_put(to + functab + i * 2 * width + width, at - functab, width);
		at += put_record(to + at, table, &parts, i, parts.pcs, names);
	}
	builder_put(to + functab + table->count * 2 * width,
	            table->text_end - (has_text ? table->text : 0), width);
	const uint64_t with[] = {table->count, table->count, table->text_word, names,
	                         parts.cus,    parts.filetab, parts.pcs,       functab};
	const uint64_t without[] = {table->count,  table->count, names,  parts.cus,
	                            parts.filetab, parts.pcs,    functab};
	(void)put_fields(to + 8, w, has_text ? "wwwwwwww" : "wwwwwww", has_text ? with : without);
	return at;
}

size_t builder_pclntab(uint8_t *to, const struct builder_table *table)
{
	assert_true(table->count < 64);
	builder_put(to, table->magic, 4);
	to[4] = to[5] = 0;
	to[6] = (uint8_t)table->quantum;
	to[7] = (uint8_t)table->word;
	return table->layout == 0xfffffffb ? put_go12(to, table) : put_later(to, table);
}

size_t builder_module(uint8_t *to, const struct builder_table *table)
{
	bool old = table->layout == 0xfffffffb;
	unsigned w = table->word;
	unsigned ftab = old ? 3 : 16;
	unsigned min_pc = old ? 10 : 20;
	builder_put(to, table->addr, w);
	builder_put(to + (ftab + 1) * w, table->count + 1, w);
	builder_put(to + (ftab + 2) * w, table->count + 1, w);
	builder_put(to + min_pc * w, table->functions[0].start, w);
	builder_put(to + (min_pc + 1) * w, table->text_end, w);
	builder_put(to + (min_pc + 2) * w, table->text, w);
	builder_put(to + (min_pc + 3) * w, table->text_end, w);
	return (min_pc + 4) * w;
}

/*
 * --- programs
 * ----------------------------------------------------------------------------------
 */

enum { CODE, CONST, DATA, BSS };

/* All parts but the zeroed one are in the file at the same distances as in memory. */
static uint8_t *place(struct builder_program *program, uint64_t addr)
{
	assert_true(addr >= BUILDER_CODE && addr < BUILDER_BSS);
	return program->file + (addr - BUILDER_CODE) + 0x1000;
}

static void emit(struct builder_program *program, uint8_t byte)
{
	static const uint64_t ends[] = {BUILDER_CONST, BUILDER_TABLE, BUILDER_BSS,
	                                BUILDER_BSS + 0x1000};
	uint64_t addr = program->at[program->section]++;
	assert_true(addr < ends[program->section]);
	if (program->section != BSS) {
		*place(program, addr) = byte;
	}
}

static void add_label(struct builder_program *program, const char *word)
{
	assert_true(program->label_count < BUILDER_LABELS);
	struct builder_label *label = &program->labels[program->label_count++];
	*label = (struct builder_label){.function = word[0] != '.' && program->section == CODE};
	size_t length = strcspn(word + (word[0] == '.'), "(:");
	assert_true(length < sizeof(label->name));
	memcpy(label->name, word + (word[0] == '.'), length);
	const char *args = strchr(word, '(');
	label->args = args == NULL ? 0x80000000 : (uint32_t)strtoul(args + 1, NULL, 10);
	while (label->function && program->at[CODE] % 16 != 0) {
		emit(program, 0xcc);
	}
	label->addr = program->at[program->section];
}

static void add_fixup(struct builder_program *program, const char *word)
{
	assert_true(program->fixup_count < BUILDER_LABELS);
	struct builder_fixup *fixup = &program->fixups[program->fixup_count++];
	*fixup = (struct builder_fixup){.kind = word[0], .addr = program->at[program->section]};
	size_t length = strcspn(word + 1, "+-,");
	assert_true(length < sizeof(fixup->label));
	memcpy(fixup->label, word + 1, length);
	const char *rest = word + 1 + length;
	if (rest[0] == ',') {
		assert_true(strlen(rest + 1) < sizeof(fixup->base));
		strcpy(fixup->base, rest + 1);
	} else if (rest[0] != '\0') {
		fixup->addend = strtol(rest, NULL, 10);
	}
	unsigned width = word[0] == '~' ? 1 : word[0] == '*' ? 8 : 4;
	for (unsigned i = 0; i < width; i++) {
		emit(program, 0);
	}
}

static void add_directive(struct builder_program *program, const char *word)
{
	static const char *const sections[] = {"code", "const", "data", "bss"};
	for (unsigned i = 0; i < COUNT(sections); i++) {
		if (strcmp(word, sections[i]) == 0) {
			program->section = i;
			return;
		}
	}
	program->go = program->go || strcmp(word, "go") == 0;
	program->no_symbols = program->no_symbols || strcmp(word, "nosym") == 0;
	assert_true(program->go || program->no_symbols);
}

static unsigned digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, c);
	if (at == NULL) {
		fail_msg("not a hexadecimal digit: %c", c);
		return 0;
	}
	return (unsigned)(at - digits);
}

static void add_word(struct builder_program *program, const char *word)
{
	if (word[0] == '%') {
		add_directive(program, word + 1);
	} else if (word[strlen(word) - 1] == ':') {
		add_label(program, word);
	} else if (strchr("=~$*@", word[0]) != NULL) {
		add_fixup(program, word);
	} else if (word[0] == '+') {
		for (long count = strtol(word + 1, NULL, 10); count > 0; count--) {
			emit(program, 0);
		}
	} else {
		for (size_t i = 0; word[i] != '\0'; i += 2) {
			emit(program, (uint8_t)(digit(word[i]) << 4 | digit(word[i + 1])));
		}
	}
}

uint64_t builder_label(const struct builder_program *program, const char *name)
{
	for (size_t i = 0; i < program->label_count; i++) {
		if (strcmp(program->labels[i].name, name) == 0) {
			return program->labels[i].addr;
		}
	}
	fail_msg("no label %s", name);
	return 0;
}

static void fix(struct builder_program *program, const struct builder_fixup *fixup)
{
	uint64_t value = builder_label(program, fixup->label) + (uint64_t)fixup->addend;
	uint8_t *to = place(program, fixup->addr);
	switch (fixup->kind) {
	case '=':
		builder_put(to, value - (fixup->addr + 4), 4);
		break;
	case '~':
		value -= fixup->addr + 1;
		assert_in_range(value + 128, 0, 255);
		builder_put(to, value, 1);
		break;
	case '@':
		builder_put(to, value - builder_label(program, fixup->base), 4);
		break;
	default:
		builder_put(to, value, fixup->kind == '*' ? 8 : 4);
		break;
	}
}

/* The symbol table, its strings and the section headers, behind what is loaded. */
static void put_symbols(struct builder_program *program)
{
	enum { SYMBOLS = 0x6000, STRINGS = 0x7c00, SECTIONS = 0x8f00 };
	uint8_t *symbol = program->file + SYMBOLS + sizeof(Elf64_Sym);
	size_t name = 1;
	for (size_t i = 0; i < program->label_count; i++) {
		const struct builder_label *label = &program->labels[i];
		if (!label->function) {
			continue;
		}
		const uint64_t fields[] = {name, STB_GLOBAL << 4 | STT_FUNC, 0, 1, label->addr,
		                           label->end - label->addr};
		symbol += put_fields(symbol, 8, "4112ww", fields);
		assert_true(symbol < program->file + STRINGS);
		name += put_text(program->file + STRINGS + name, label->name);
	}
	uint64_t size = (uint64_t)(symbol - (program->file + SYMBOLS));
	const uint64_t table[] = {0, SHT_SYMTAB, 0, 0, SYMBOLS, size, 2, 0, 8, sizeof(Elf64_Sym)};
	const uint64_t strings[] = {0, SHT_STRTAB, 0, 0, STRINGS, name, 0, 0, 1, 0};
	(void)put_fields(program->file + SECTIONS + 64, 8, "44wwww44ww", table);
	(void)put_fields(program->file + SECTIONS + 128, 8, "44wwww44ww", strings);
}

static void put_go_table(struct builder_program *program)
{
	static struct builder_function functions[64];
	size_t count = 0;
	for (size_t i = 0; i < program->label_count; i++) {
		const struct builder_label *label = &program->labels[i];
		if (label->function) {
			assert_true(count < COUNT(functions));
			functions[count++] = (struct builder_function){
				label->name, label->addr, label->args, "/src/a.go", NULL, 0};
		}
	}
	const struct builder_table table = {
		0xfffffff1, 0xfffffff1, 8, 1, BUILDER_TABLE, BUILDER_CODE, BUILDER_CODE,
		program->at[CODE], functions, count,
	};
	assert_true(builder_pclntab(place(program, BUILDER_TABLE), &table) < 0x1000);
}

static void close_functions(struct builder_program *program)
{
	uint64_t end = program->at[CODE];
	for (size_t i = program->label_count; i-- > 0;) {
		struct builder_label *label = &program->labels[i];
		if (label->function) {
			label->end = end;
			end = label->addr;
		}
	}
}

void builder_assemble(struct builder_program *program, const char *text)
{
	*program = (struct builder_program){
		.size = sizeof(program->file),
		.at = {BUILDER_CODE, BUILDER_CONST, BUILDER_DATA, BUILDER_BSS},
	};
	while (text[strspn(text, " ")] != '\0') {
		char word[64];
		text += strspn(text, " ");
		size_t length = strcspn(text, " ");
		assert_true(length < sizeof(word));
		memcpy(word, text, length);
		word[length] = '\0';
		text += length;
		add_word(program, word);
	}
	for (size_t i = 0; i < program->fixup_count; i++) {
		fix(program, &program->fixups[i]);
	}
	close_functions(program);
	if (program->go) {
		put_go_table(program);
	} else if (!program->no_symbols) {
		put_symbols(program);
	}
	struct builder_header header = {.word = 8, .type = ET_EXEC, .machine = EM_X86_64};
	for (size_t i = 0; i < program->label_count; i++) {
		if (strcmp(program->labels[i].name, "start") == 0) {
			header.entry = program->labels[i].addr;
		}
	}
	if (!program->go && !program->no_symbols) {
		header.section_offset = 0x8f00;
		header.section_count = 3;
	}
	uint64_t code_size = program->at[CODE] - BUILDER_CODE;
	const struct builder_segment segments[] = {
		{PT_LOAD, PF_R | PF_X, 0x1000, BUILDER_CODE, code_size, code_size},
		{PT_LOAD, PF_R, 0x3000, BUILDER_CONST, 0x2000, 0x2000},
		{PT_LOAD, PF_R | PF_W, 0x5000, BUILDER_DATA, 0x1000, 0x2000},
	};
	(void)builder_headers(program->file, &header, segments, COUNT(segments));
}

/*
 * --- scans
 * -------------------------------------------------------------------------------------
 */

static void name_place(const struct builder_program *program, uint64_t addr, char *to, size_t room)
{
	snprintf(to, room, "0x%" PRIx64, addr);
	for (size_t i = 0; i < program->label_count; i++) {
		if (program->labels[i].addr == addr) {
			snprintf(to, room, "%s", program->labels[i].name);
		}
	}
}

static void write_site(FILE *out, const struct builder_program *program,
                       const struct g2s_site *site)
{
	char where[32];
	name_place(program, site->addr, where, sizeof(where));
	fprintf(out, "%s %s ", where, site->via);
	if (site->number == G2S_NUMBER_UNKNOWN) {
		fputc('?', out);
	} else {
		fprintf(out, "%" PRId64, site->number);
	}
	fprintf(out, "%s %s", strcmp(site->arch, "x86") == 0 ? "/x86" : "", site->how);
}

void builder_expect(const char *text, const char *wanted)
{
	static struct builder_program program;
	struct g2s_program scanned;
	struct g2s_error err = {0};
	char *found = NULL;
	size_t size = 0;
	builder_assemble(&program, text);
	/* A copy of the exact size, so that the sanitizers see a read beyond its end. */
	uint8_t *copy = malloc(program.size);
	assert_non_null(copy);
	memcpy(copy, program.file, program.size);
	const struct g2s_bytes bytes = {copy, program.size};
	assert_int_equal(g2s_program_open(&scanned, bytes, &err), G2S_OK);
	assert_int_equal(scanned.tab.layout != G2S_PCLNTAB_NONE, program.go);
	assert_int_equal(g2s_program_scan(&scanned, &err), G2S_OK);
	FILE *out = open_memstream(&found, &size);
	assert_non_null(out);
	for (size_t i = 0; i < scanned.site_count; i++) {
		fputs(i == 0 ? "" : "; ", out);
		write_site(out, &program, &scanned.sites[i]);
	}
	assert_int_equal(fclose(out), 0);
	assert_string_equal(found, wanted);
	free(found);
	g2s_program_free(&scanned);
	free(copy);
}
