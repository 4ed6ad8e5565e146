/* SPDX-License-Identifier: MIT */
#include "library_builder.h"

#include <elf.h>
#include <string.h>

/* A file while it is written. */
struct writing {
	uint8_t *file;
	unsigned word;
	size_t dynamic;
	size_t strings;
};

static size_t put_string(struct writing *writing, const char *text, size_t length)
{
	size_t at = writing->strings;
	assert_true(LIBRARY_STRINGS + at + length < LIBRARY_SIZE);
	memcpy(writing->file + LIBRARY_STRINGS + at, text, length);
	writing->strings += length + 1;
	return at;
}

static void put_entry(struct writing *writing, uint64_t tag, uint64_t value)
{
	assert_true(writing->dynamic < LIBRARY_SYMBOLS);
	builder_put(writing->file + writing->dynamic, tag, writing->word);
	builder_put(writing->file + writing->dynamic + writing->word, value, writing->word);
	writing->dynamic += 2 * writing->word;
}

static void put_text_entry(struct writing *writing, uint64_t tag, const char *text)
{
	if (text != NULL) {
		put_entry(writing, tag, put_string(writing, text, strlen(text)));
	}
}

static void put_symbols(struct writing *writing, const struct library *library)
{
	bool wide = writing->word == 8;
	size_t size = wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	for (size_t i = 0; i < library->symbol_count; i++) {
		const struct library_symbol *symbol = &library->symbols[i];
		uint8_t *to = writing->file + LIBRARY_SYMBOLS + (i + 1) * size;
		builder_put(to, put_string(writing, symbol->name, strlen(symbol->name)), 4);
		to[wide ? 4 : 12] = (uint8_t)(symbol->binding << 4 | symbol->type);
		to[wide ? 5 : 13] = symbol->visibility;
		builder_put(to + (wide ? 6 : 14), symbol->section, 2);
		builder_put(to + (wide ? 8 : 4), symbol->value, writing->word);
		builder_put(to + (wide ? 16 : 8), 4, writing->word);
		builder_put(writing->file + LIBRARY_VERSYM + 2 * (i + 1), symbol->version, 2);
	}
	size_t hashed = library->hashed == 0 ? library->symbol_count + 1 : library->hashed;
	builder_put(writing->file + LIBRARY_HASH + 4, hashed, 4);
	put_entry(writing, DT_SYMTAB, LIBRARY_SYMBOLS);
	put_entry(writing, DT_HASH, LIBRARY_HASH);
}

static void put_versions(struct writing *writing, const struct library *library)
{
	if (library->defined_version != NULL) {
		uint8_t *to = writing->file + LIBRARY_VERDEF;
		/* The file's own name first, as linkers do. */
		for (unsigned i = 0; i < 2; i++) {
			const char *name = i == 0 ? "base" : library->defined_version;
			builder_put(to + 28 * i + 4, i + 1, 2);
			builder_put(to + 28 * i + 12, 20, 4);
			builder_put(to + 28 * i + 16, i == 0 ? 28 : 0, 4);
			builder_put(to + 28 * i + 20, put_string(writing, name, strlen(name)), 4);
		}
		put_entry(writing, DT_VERDEF, LIBRARY_VERDEF);
	}
	if (library->needed_version != NULL) {
		uint8_t *to = writing->file + LIBRARY_VERNEED;
		const char *name = library->needed_version;
		builder_put(to + 8, 32, 4);
		builder_put(to + 12, 16, 4);
		builder_put(to + 16 + 8, 32, 4);
		/* Two libraries of one version each. */
		builder_put(to + 32 + 6, 4, 2);
		builder_put(to + 48 + 6, 3, 2);
		builder_put(to + 32 + 8, put_string(writing, "other", 5), 4);
		builder_put(to + 48 + 8, put_string(writing, name, strlen(name)), 4);
		put_entry(writing, DT_VERNEED, LIBRARY_VERNEED);
	}
	if (library->defined_version != NULL || library->needed_version != NULL) {
		put_entry(writing, DT_VERSYM, LIBRARY_VERSYM);
	}
}

static void put_relocs(struct writing *writing, const struct library *library)
{
	unsigned word = writing->word;
	bool addends = word == 8;
	size_t size = word * (addends ? 3 : 2);
	for (size_t i = 0; i < library->reloc_count; i++) {
		const struct library_reloc *reloc = &library->relocs[i];
		uint8_t *to = writing->file + LIBRARY_RELOCS + i * size;
		uint64_t info = (uint64_t)reloc->symbol << (addends ? 32 : 8) | reloc->type;
		builder_put(to, reloc->addr, word);
		builder_put(to + word, info, word);
		builder_put(addends ? to + 2 * word : writing->file + reloc->addr, reloc->addend,
		            word);
	}
	if (library->reloc_count != 0) {
		put_entry(writing, addends ? DT_RELA : DT_REL, LIBRARY_RELOCS);
		put_entry(writing, addends ? DT_RELASZ : DT_RELSZ, library->reloc_count * size);
	}
}

static void put_needed(struct writing *writing, const char *names)
{
	while (names != NULL && names[strspn(names, " ")] != '\0') {
		names += strspn(names, " ");
		size_t length = strcspn(names, " ");
		put_entry(writing, DT_NEEDED, put_string(writing, names, length));
		names += length;
	}
}

void library_build(uint8_t *file, const struct library *library)
{
	struct writing writing = {file, library->word == 0 ? 8 : library->word, LIBRARY_DYNAMIC, 1};
	memset(file, 0, LIBRARY_SIZE);
	put_needed(&writing, library->needed);
	put_text_entry(&writing, DT_SONAME, library->soname);
	put_text_entry(&writing, DT_RPATH, library->rpath);
	put_text_entry(&writing, DT_RUNPATH, library->runpath);
	put_text_entry(&writing, library->filter_tag, library->filter);
	if (library->symbol_count != 0) {
		put_symbols(&writing, library);
	}
	put_versions(&writing, library);
	put_relocs(&writing, library);
	put_entry(&writing, DT_STRTAB, LIBRARY_STRINGS);
	for (size_t i = 0; library->more != NULL && library->more[i][0] != 0; i++) {
		put_entry(&writing, library->more[i][0], library->more[i][1]);
	}
	size_t name = put_string(&writing, library->interpreter == NULL ? "" : library->interpreter,
	                         library->interpreter == NULL ? 0 : strlen(library->interpreter));
	put_entry(&writing, DT_STRSZ, writing.strings);
	const struct builder_header header = {
		.word = writing.word,
		.type = ET_DYN,
		.machine = library->machine != 0 ? library->machine
		           : writing.word == 8   ? EM_X86_64
		                                 : EM_386,
	};
	uint64_t size = writing.dynamic - LIBRARY_DYNAMIC;
	uint64_t length = writing.strings - name;
	const struct builder_segment segments[] = {
		{PT_LOAD, PF_R, 0, 0, LIBRARY_SIZE, LIBRARY_SIZE},
		{PT_DYNAMIC, PF_R, LIBRARY_DYNAMIC, LIBRARY_DYNAMIC, size, size},
		{PT_INTERP, PF_R, LIBRARY_STRINGS + name, LIBRARY_STRINGS + name, length, length},
	};
	(void)builder_headers(file, &header, segments, library->interpreter == NULL ? 2 : 3);
}
