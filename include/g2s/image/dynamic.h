/* SPDX-License-Identifier: MIT */
#ifndef G2S_IMAGE_DYNAMIC_H
#define G2S_IMAGE_DYNAMIC_H

#include "g2s/image/elf.h"

/*
 * What the dynamic linker needs to know of an ELF file: whom it needs, what it defines, which of
 * its words wait for a symbol.  Formats: System V gABI, chapter 5; symbol versions: Linux Standard
 * Base Core, 10.7.  All addresses are the file's own.  Everything comes from the program headers:
 * section headers are not looked at.
 */

/* A symbol of .dynsym. */
struct g2s_dynamic_symbol {
	struct g2s_bytes name;
	/* Empty when it has none. */
	struct g2s_bytes version;
	uint64_t value;
	uint64_t size;
	/* STT_..., STB_... */
	uint8_t type;
	uint8_t binding;
	/* It is defined here (SHN_UNDEF is not, SHN_ABS and SHN_COMMON are). */
	bool defined;
	/* Defined, and other objects can be bound to it. */
	bool exported;
	/*
	 * Its version is not the default one: who asks for it by version gets it, and who was
	 * linked when there were no versions.
	 */
	bool hidden;
	/* STV_PROTECTED: glibc binds references of the object itself to it. */
	bool kept;
};

/* A word that the dynamic linker fills in with more than the load address. */
struct g2s_dynamic_reloc {
	uint64_t addr;
	uint64_t addend;
	/* R_<machine>_... */
	uint32_t type;
	/* Index in symbols; 0 for none. */
	uint32_t symbol;
};

struct g2s_dynamic {
	/* All of .dynsym; the first one is the null symbol. */
	struct g2s_dynamic_symbol *symbols;
	size_t symbol_count;
	/* All relocations but those of type RELATIVE and NONE, in the order of the tables. */
	struct g2s_dynamic_reloc *relocs;
	size_t reloc_count;
	/* DT_NEEDED, in order. */
	struct g2s_bytes *needed;
	size_t needed_count;
	/* PT_INTERP, DT_SONAME, DT_RPATH, DT_RUNPATH; empty when absent. */
	struct g2s_bytes interpreter;
	struct g2s_bytes soname;
	struct g2s_bytes rpath;
	struct g2s_bytes runpath;
	/*
	 * A library that is loaded and asked in other ways than those above: of DT_FILTER,
	 * DT_AUXILIARY, DT_AUDIT, DT_DEPAUDIT; empty when absent.
	 */
	struct g2s_bytes filter;
	/* DT_SYMBOLIC or DF_SYMBOLIC: own definitions come first. */
	bool symbolic;
	/* DF_1_NODEFLIB: default directories are not searched for what it needs. */
	bool no_default_directories;
	/* Code the dynamic linker calls: DT_INIT, DT_FINI; 0 when absent. */
	uint64_t init;
	uint64_t fini;
	/* DT_PREINIT_ARRAY, DT_INIT_ARRAY, DT_FINI_ARRAY: words with addresses of functions. */
	struct g2s_range arrays[3];
};

/*
 * Reads what elf, which must outlive it, says; a file without a dynamic section gives none of it.
 * What makes no sense (a table outside of the file) is G2S_ERR_FORMAT.  Free with g2s_dynamic_free,
 * after a failure too.
 */
enum g2s_code g2s_dynamic_read(struct g2s_dynamic *dynamic, const struct g2s_elf *elf,
                               struct g2s_error *err);
void g2s_dynamic_free(struct g2s_dynamic *dynamic);

#endif
