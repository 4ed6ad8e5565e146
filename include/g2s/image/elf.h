/* SPDX-License-Identifier: MIT */
#ifndef G2S_IMAGE_ELF_H
#define G2S_IMAGE_ELF_H

#include "g2s/error.h"
#include "g2s/image/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An ELF file as the loader would see it, 32 and 64 bit in one shape.  Formats: the System V
 * gABI, chapters 4 and 5, and the psABI supplements for the relocations.  Section headers help
 * where they are there and make sense; nothing depends on them.
 */

/* A range of addresses, [start, end). */
struct g2s_range {
	uint64_t start;
	uint64_t end;
};

/* One loadable segment (PT_LOAD). */
struct g2s_segment {
	uint64_t addr;
	/* Bytes in memory, at least as many as in the file. */
	uint64_t size;
	/* The part that the file holds. */
	struct g2s_bytes bytes;
	bool exec;
	bool write;
	/* The part of it that becomes read-only once it is relocated (PT_GNU_RELRO). */
	struct g2s_range relro;
	/*
	 * Its place was chosen by link.h, not by the file: words of it are addresses where
	 * relocations say so, and nowhere else.
	 */
	bool moved;
	/* The file it is of, among those that were linked. */
	uint32_t object;
};

/* A word that the loader fills in: its value once loaded at address 0 upwards of the file's own. */
struct g2s_reloc {
	uint64_t addr;
	uint64_t value;
	/*
	 * The value depends on another object or on code that runs at load time; value means
	 * nothing.
	 */
	bool foreign;
	/*
	 * A slot through which code calls, or takes the address of, what link.h bound it to:
	 * whoever refers to the slot refers to that.
	 */
	bool slot;
};

/* A symbol that names code. */
struct g2s_symbol {
	uint64_t addr;
	/* 0 when the file does not say. */
	uint64_t size;
	/* Offset of the name in names. */
	uint64_t name;
	/* The string table that name is in. */
	struct g2s_bytes names;
};

/*
 * Where the unwind table of a file is, .eh_frame, and its index (PT_GNU_EH_FRAME), .eh_frame_hdr.
 */
struct g2s_unwind {
	/* Each is empty when there is none. */
	struct g2s_range index;
	struct g2s_range table;
};

struct g2s_elf {
	struct g2s_bytes file;
	/* Bytes of all files that it is made of. */
	uint64_t total_size;
	/* How far its addresses were moved up from what the headers say. */
	uint64_t moved;
	/* e_machine, e_type. */
	uint16_t machine;
	uint16_t type;
	/* Bytes of an address: 4 or 8. */
	unsigned word;
	uint64_t entry;
	/* PT_LOAD, sorted by address, without overlap; those that touch and are alike as one. */
	struct g2s_segment *segments;
	size_t segment_count;
	/* Parts of executable segments that section headers call data. */
	struct g2s_range *not_code;
	size_t not_code_count;
	/* Sorted by address. */
	struct g2s_reloc *relocs;
	size_t reloc_count;
	/* Functions of .symtab and .dynsym that are defined here, in the order of the tables. */
	struct g2s_symbol *symbols;
	size_t symbol_count;
	/* DT_NEEDED: offsets in dynamic_names. */
	uint64_t *needed;
	size_t needed_count;
	struct g2s_bytes dynamic_names;
	/*
	 * Tables of the loader (symbols, relocations), sorted: the addresses in them are no
	 * pointers of the program's.
	 */
	struct g2s_range *loader_tables;
	size_t loader_table_count;
	/* Where the ELF header, and program and section headers, are in memory, sorted. */
	struct g2s_range *headers;
	size_t header_count;
	/*
	 * Addresses of functions that other objects may call (defined and visible in .dynsym of a
	 * shared object), sorted.
	 */
	uint64_t *exports;
	size_t export_count;
	/* The file names an ELF interpreter (PT_INTERP). */
	bool interpreter;
	/* The unwind tables: of one file one at most. */
	struct g2s_unwind *unwind;
	size_t unwind_count;
	/* What PT_INTERP holds: a path that should end in a NUL; empty when outside of the file. */
	struct g2s_bytes interpreter_name;
	/* Addresses of the dynamic section (PT_DYNAMIC); empty when there is none. */
	struct g2s_range dynamic;
	/* Where notes are (PT_NOTE), for the build ID. */
	struct g2s_bytes notes[8];
	size_t note_count;
	/* Where in the file the program headers are: offsets, not addresses. */
	struct g2s_range program_headers;
	/* Section headers, when they are there and lie inside the file. */
	uint64_t section_offset;
	unsigned section_count;
	unsigned section_size;
	struct g2s_bytes section_names;
};

/* One section header. */
struct g2s_section {
	uint32_t type;
	uint64_t flags;
	uint64_t addr;
	uint64_t offset;
	uint64_t size;
	uint32_t link;
	uint64_t entry_size;
};

/*
 * True when the dynamic linker has to do with a file: it names an interpreter, or needs libraries.
 * Nothing is said of what is damaged.
 */
bool g2s_elf_is_dynamic(struct g2s_bytes file);

/*
 * True for a shared object that is there to be loaded by others: it has a name, or no interpreter.
 */
bool g2s_elf_is_library(struct g2s_bytes file);

/*
 * Reads the headers of file, whose bytes must outlive *elf.  What is not an ELF program or
 * shared object of a machine the layout of which is known is G2S_ERR_FORMAT.  Free with
 * g2s_elf_free, after a failure too.
 */
enum g2s_code g2s_elf_open(struct g2s_elf *elf, struct g2s_bytes file, struct g2s_error *err);
void g2s_elf_free(struct g2s_elf *elf);

/* Moves all its addresses up by distance; what is in the file itself stays as it is. */
void g2s_elf_move(struct g2s_elf *elf, uint64_t distance);

/* The segment that holds addr, or NULL. */
const struct g2s_segment *g2s_elf_segment(const struct g2s_elf *elf, uint64_t addr);

/*
 * The file's bytes from addr to the end of its segment's part in the file; false when it has
 * none.
 */
bool g2s_elf_view(const struct g2s_elf *elf, uint64_t addr, struct g2s_bytes *out);

/* The index of the first relocation at or behind addr; reloc_count when there is none. */
size_t g2s_elf_first_reloc(const struct g2s_elf *elf, uint64_t addr);

/*
 * The number of width bytes at addr as the program finds it when it starts: file content, zero
 * beyond it, relocations applied.  False when addr is not mapped or the value is not the file's
 * to say.
 */
bool g2s_elf_load(const struct g2s_elf *elf, uint64_t addr, unsigned width, uint64_t *out);

/* True when the program itself may change the byte at addr (writable, and not RELRO). */
bool g2s_elf_is_writable(const struct g2s_elf *elf, uint64_t addr);

/* True when the loader maps the ELF header, or a program or section header, to addr. */
bool g2s_elf_is_header(const struct g2s_elf *elf, uint64_t addr);

/* True when addr is in one of the loader's tables; in an unwind table, or the index of one. */
bool g2s_elf_is_loader_table(const struct g2s_elf *elf, uint64_t addr);
bool g2s_elf_is_unwind(const struct g2s_elf *elf, uint64_t addr);

/* True when addr lies in an executable segment. */
bool g2s_elf_is_code(const struct g2s_elf *elf, uint64_t addr);

/*
 * True when code that would be loaded is not in the file: a file of debug information has the
 * headers of its program, but what they speak of has no bytes, or others.
 */
bool g2s_elf_lacks_code(const struct g2s_elf *elf);

/* The section header with that index; false when there is none. */
bool g2s_elf_section_at(const struct g2s_elf *elf, unsigned index, struct g2s_section *out);

/* The first section of that name; false when there is none. */
bool g2s_elf_section(const struct g2s_elf *elf, const char *name, struct g2s_section *out);

/* The i-th library that the file needs (DT_NEEDED). */
bool g2s_elf_needed(const struct g2s_elf *elf, size_t i, struct g2s_bytes *name);

/* True when other objects may call the function at addr: it is exported by a shared object. */
bool g2s_elf_is_exported(const struct g2s_elf *elf, uint64_t addr);

#endif
