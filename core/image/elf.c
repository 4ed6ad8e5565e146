/* SPDX-License-Identifier: MIT */
#include "g2s/image/elf.h"

#include "g2s/memory.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

/*
 * Limits on what a header may claim, far above what any linker writes; they bound the work that a
 * damaged file can cause before its tables are found to lie outside of it.
 */
enum {
	MAX_SEGMENTS = 4096,
	MAX_SECTIONS = 1 << 20,
};

/* The dynamic section's entries that are used. */
struct dynamic {
	uint64_t rela, rela_size;
	uint64_t rel, rel_size;
	uint64_t relr, relr_size;
	uint64_t jmprel, jmprel_size, jmprel_type;
	uint64_t symtab, strtab, strtab_size;
	uint64_t hash, gnu_hash;
};

static bool file_uint(const struct g2s_elf *elf, uint64_t offset, unsigned width, uint64_t *out)
{
	return g2s_bytes_uint(elf->file, offset, width, out);
}

/*
 * Reads count fields, the widths of which are given as digits ("w" is the file's word), from
 * offset on.
 */
static bool read_fields(const struct g2s_elf *elf, uint64_t offset, const char *widths,
                        uint64_t *out)
{
	for (size_t i = 0; widths[i] != '\0'; i++) {
		unsigned width = widths[i] == 'w' ? elf->word : (unsigned)(widths[i] - '0');
		if (!file_uint(elf, offset, width, &out[i])) {
			return false;
		}
		offset += width;
	}
	return true;
}

static enum g2s_code read_header(struct g2s_elf *elf, uint64_t *phoff, uint64_t *phnum,
                                 uint64_t *phentsize, struct g2s_error *err)
{
	uint64_t magic, class, data;
	if (!file_uint(elf, 0, 4, &magic) || magic != 0x464c457f) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "not an ELF file");
	}
	if (!file_uint(elf, EI_CLASS, 1, &class) || !file_uint(elf, EI_DATA, 1, &data)) {
		return g2s_fail(err, G2S_ERR_FORMAT, EI_CLASS, "the ELF header is cut short");
	}
	if (data == ELFDATA2MSB) {
		return g2s_fail(err, G2S_ERR_FORMAT, EI_DATA,
		                "big-endian machines are not supported");
	}
	if (data != ELFDATA2LSB || (class != ELFCLASS32 && class != ELFCLASS64)) {
		return g2s_fail(err, G2S_ERR_FORMAT, EI_CLASS, "the ELF header is damaged");
	}
	elf->word = class == ELFCLASS64 ? 8 : 4;
	/*
	 * e_type machine version entry phoff shoff flags ehsize phentsize phnum shentsize shnum
	 * shstrndx
	 */
	uint64_t f[13];
	if (!read_fields(elf, EI_NIDENT, "224www4222222", f)) {
		return g2s_fail(err, G2S_ERR_FORMAT, EI_NIDENT, "the ELF header is cut short");
	}
	elf->type = (uint16_t)f[0];
	elf->machine = (uint16_t)f[1];
	elf->entry = f[3];
	*phoff = f[4];
	*phentsize = f[8];
	*phnum = f[9];
	if (elf->type != ET_EXEC && elf->type != ET_DYN) {
		return g2s_fail(err, G2S_ERR_FORMAT, EI_NIDENT,
		                "%s, not a program or shared object",
		                elf->type == ET_REL    ? "an object file (ET_REL)"
		                : elf->type == ET_CORE ? "a core dump (ET_CORE)"
		                                       : "an ELF file of unknown type");
	}
	elf->section_offset = f[5];
	elf->section_size = (unsigned)f[10];
	elf->section_count = (unsigned)f[11];
	uint64_t names = f[12];
	uint64_t least = elf->word == 8 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	if (elf->section_offset == 0 || elf->section_size < least ||
	    elf->section_count > MAX_SECTIONS ||
	    !g2s_bytes_has(elf->file, elf->section_offset,
	                   (uint64_t)elf->section_count * elf->section_size)) {
		elf->section_count = 0;
	}
	uint64_t s[10];
	if (names < elf->section_count &&
	    read_fields(elf, elf->section_offset + names * elf->section_size, "44wwww44ww", s)) {
		(void)g2s_bytes_slice(elf->file, s[4], s[5], &elf->section_names);
	}
	return G2S_OK;
}

static bool section_at(const struct g2s_elf *elf, unsigned index, struct g2s_section *out,
                       uint64_t *name)
{
	uint64_t s[10];
	uint64_t offset = elf->section_offset + (uint64_t)index * elf->section_size;
	if (index >= elf->section_count || !read_fields(elf, offset, "44wwww44ww", s)) {
		return false;
	}
	*name = s[0];
	*out = (struct g2s_section){
		.type = (uint32_t)s[1],
		.flags = s[2],
		.addr = s[3],
		.offset = s[4],
		.size = s[5],
		.link = (uint32_t)s[6],
		.entry_size = s[9],
	};
	return true;
}

static int by_segment_addr(const void *a, const void *b)
{
	const struct g2s_segment *x = a;
	const struct g2s_segment *y = b;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* One program header; p_type, p_offset, ... in the order of the 64-bit layout. */
struct program_header {
	uint64_t type, flags, offset, addr, file_size, size;
};

static bool read_program_header(const struct g2s_elf *elf, uint64_t offset,
                                struct program_header *out)
{
	uint64_t f[8];
	if (elf->word == 8) {
		if (!read_fields(elf, offset, "44wwwwww", f)) {
			return false;
		}
		*out = (struct program_header){f[0], f[1], f[2], f[3], f[5], f[6]};
		return true;
	}
	if (!read_fields(elf, offset, "4wwwww44", f)) {
		return false;
	}
	*out = (struct program_header){f[0], f[6], f[1], f[2], f[4], f[5]};
	return true;
}

static enum g2s_code add_segment(struct g2s_elf *elf, const struct program_header *ph,
                                 uint64_t offset, struct g2s_error *err)
{
	if (ph->size == 0) {
		return G2S_OK;
	}
	if (ph->file_size > ph->size || ph->addr > UINT64_MAX - ph->size ||
	    !g2s_bytes_has(elf->file, ph->offset, ph->file_size)) {
		return g2s_fail(err, G2S_ERR_FORMAT, offset,
		                "a segment lies outside of the file (truncated?)");
	}
	struct g2s_segment *segment = &elf->segments[elf->segment_count++];
	*segment = (struct g2s_segment){
		.addr = ph->addr,
		.size = ph->size,
		.exec = (ph->flags & PF_X) != 0,
		.write = (ph->flags & PF_W) != 0,
	};
	(void)g2s_bytes_slice(elf->file, ph->offset, ph->file_size, &segment->bytes);
	return G2S_OK;
}

/* Where the loader finds a zero-terminated array of words. */
static enum g2s_code read_segments(struct g2s_elf *elf, uint64_t phoff, uint64_t phnum,
                                   uint64_t phentsize, struct g2s_range *dynamic,
                                   struct g2s_error *err)
{
	uint64_t least = elf->word == 8 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	if (phnum == 0) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0,
		                "no program headers: nothing would be loaded");
	}
	if (phentsize < least || phnum > MAX_SEGMENTS ||
	    !g2s_bytes_has(elf->file, phoff, phnum * phentsize)) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "the program headers are damaged");
	}
	elf->segments = calloc(phnum, sizeof(*elf->segments));
	if (elf->segments == NULL) {
		return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
	}
	for (uint64_t i = 0; i < phnum; i++) {
		struct program_header ph;
		uint64_t offset = phoff + i * phentsize;
		if (!read_program_header(elf, offset, &ph)) {
			return g2s_fail(err, G2S_ERR_FORMAT, offset,
			                "the program headers are damaged");
		}
		struct g2s_range range = {ph.addr, ph.addr + ph.size};
		if (ph.type == PT_LOAD) {
			enum g2s_code code = add_segment(elf, &ph, offset, err);
			if (code != G2S_OK) {
				return code;
			}
		} else if (ph.type == PT_DYNAMIC && range.end >= range.start) {
			*dynamic = range;
		} else if (ph.type == PT_GNU_RELRO && range.end >= range.start) {
			elf->relro = range;
		} else if (ph.type == PT_GNU_EH_FRAME && range.end >= range.start) {
			elf->unwind_index = range;
		} else if (ph.type == PT_INTERP) {
			elf->interpreter = true;
		} else if (ph.type == PT_NOTE && elf->note_count < 8 &&
		           g2s_bytes_slice(elf->file, ph.offset, ph.file_size,
		                           &elf->notes[elf->note_count])) {
			elf->note_count++;
		}
	}
	if (elf->segment_count == 0) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "no loadable segments");
	}
	qsort(elf->segments, elf->segment_count, sizeof(*elf->segments), by_segment_addr);
	for (size_t i = 1; i < elf->segment_count; i++) {
		const struct g2s_segment *last = &elf->segments[i - 1];
		if (elf->segments[i].addr - last->addr < last->size) {
			return g2s_fail(err, G2S_ERR_FORMAT, 0, "loadable segments overlap");
		}
	}
	return G2S_OK;
}

const struct g2s_segment *g2s_elf_segment(const struct g2s_elf *elf, uint64_t addr)
{
	size_t low = 0;
	size_t high = elf->segment_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct g2s_segment *segment = &elf->segments[middle];
		if (addr < segment->addr) {
			high = middle;
		} else if (addr - segment->addr >= segment->size) {
			low = middle + 1;
		} else {
			return segment;
		}
	}
	return NULL;
}

bool g2s_elf_view(const struct g2s_elf *elf, uint64_t addr, struct g2s_bytes *out)
{
	const struct g2s_segment *segment = g2s_elf_segment(elf, addr);
	if (segment == NULL || addr - segment->addr >= segment->bytes.size) {
		return false;
	}
	uint64_t offset = addr - segment->addr;
	return g2s_bytes_slice(segment->bytes, offset, segment->bytes.size - offset, out);
}

/*
 * What the file alone says, without relocations; addresses need not be mapped by one segment
 * alone.
 */
static bool load_raw(const struct g2s_elf *elf, uint64_t addr, unsigned width, uint64_t *out)
{
	const struct g2s_segment *segment = g2s_elf_segment(elf, addr);
	if (segment == NULL) {
		return false;
	}
	uint64_t value = 0;
	for (unsigned i = 0; i < width; i++) {
		uint64_t byte = 0;
		uint64_t offset = addr - segment->addr + i;
		if (offset >= segment->size) {
			return false;
		}
		(void)g2s_bytes_uint(segment->bytes, offset, 1, &byte);
		value |= byte << (8 * i);
	}
	*out = value;
	return true;
}

/* The first relocation at or after addr; reloc_count when there is none. */
static size_t reloc_lower_bound(const struct g2s_elf *elf, uint64_t addr)
{
	size_t low = 0;
	size_t high = elf->reloc_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (elf->relocs[middle].addr < addr) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

bool g2s_elf_load(const struct g2s_elf *elf, uint64_t addr, unsigned width, uint64_t *out)
{
	if (width == 0 || width > 8 || !load_raw(elf, addr, width, out)) {
		return false;
	}
	if (elf->reloc_count == 0) {
		return true;
	}
	/* The nearest relocated word that could share a byte with [addr, addr + width). */
	uint64_t from = addr < elf->word ? 0 : addr - elf->word + 1;
	size_t i = reloc_lower_bound(elf, from);
	if (i == elf->reloc_count || elf->relocs[i].addr >= addr + width) {
		return true;
	}
	const struct g2s_reloc *reloc = &elf->relocs[i];
	if (reloc->foreign || reloc->addr != addr || width != elf->word) {
		return false;
	}
	*out = reloc->value;
	return true;
}

bool g2s_elf_is_writable(const struct g2s_elf *elf, uint64_t addr)
{
	const struct g2s_segment *segment = g2s_elf_segment(elf, addr);
	if (segment == NULL || !segment->write) {
		return false;
	}
	return addr < elf->relro.start || addr >= elf->relro.end;
}

bool g2s_elf_is_code(const struct g2s_elf *elf, uint64_t addr)
{
	const struct g2s_segment *segment = g2s_elf_segment(elf, addr);
	return segment != NULL && segment->exec && addr - segment->addr < segment->bytes.size;
}

bool g2s_elf_section(const struct g2s_elf *elf, const char *name, struct g2s_section *out)
{
	size_t length = strlen(name);
	for (unsigned i = 0; i < elf->section_count; i++) {
		uint64_t offset;
		struct g2s_section section;
		struct g2s_bytes found;
		if (section_at(elf, i, &section, &offset) &&
		    g2s_bytes_string(elf->section_names, offset, 256, &found) &&
		    found.size == length && memcmp(found.data, name, length) == 0) {
			*out = section;
			return true;
		}
	}
	return false;
}

/*
 * Notes which parts of executable segments are data, as old linkers mix them (.rodata,
 * .eh_frame).
 */
static bool find_data_in_code(struct g2s_elf *elf)
{
	size_t capacity = 0;
	for (unsigned i = 0; i < elf->section_count; i++) {
		struct g2s_section section;
		uint64_t name;
		if (!section_at(elf, i, &section, &name) || (section.flags & SHF_ALLOC) == 0 ||
		    (section.flags & SHF_EXECINSTR) != 0 || section.type == SHT_NOBITS ||
		    section.type == SHT_NULL || section.size == 0 ||
		    !g2s_elf_is_code(elf, section.addr) ||
		    section.addr > UINT64_MAX - section.size) {
			continue;
		}
		if (!g2s_grow(&elf->not_code, &capacity, elf->not_code_count + 1,
		              sizeof(*elf->not_code))) {
			return false;
		}
		elf->not_code[elf->not_code_count++] =
			(struct g2s_range){section.addr, section.addr + section.size};
	}
	return true;
}

static bool add_reloc(struct g2s_elf *elf, size_t *capacity, const struct g2s_reloc *reloc)
{
	if (!g2s_grow(&elf->relocs, capacity, elf->reloc_count + 1, sizeof(*elf->relocs))) {
		return false;
	}
	elf->relocs[elf->reloc_count++] = *reloc;
	return true;
}

/* What a machine calls the relocation "load address plus addend". */
static uint32_t relative_type(uint16_t machine)
{
	switch (machine) {
	case EM_X86_64:
		return R_X86_64_RELATIVE;
	case EM_386:
		return R_386_RELATIVE;
	case EM_AARCH64:
		return R_AARCH64_RELATIVE;
	case EM_ARM:
		return R_ARM_RELATIVE;
	default:
		return 0;
	}
}

/*
 * What a machine calls the relocation "address of the symbol (plus addend)", in data and in the
 * GOT.
 */
static bool is_symbol_address(uint16_t machine, uint32_t type)
{
	switch (machine) {
	case EM_X86_64:
		return type == R_X86_64_64 || type == R_X86_64_GLOB_DAT ||
		       type == R_X86_64_JUMP_SLOT;
	case EM_386:
		return type == R_386_32 || type == R_386_GLOB_DAT || type == R_386_JMP_SLOT;
	case EM_AARCH64:
		return type == R_AARCH64_ABS64 || type == R_AARCH64_GLOB_DAT ||
		       type == R_AARCH64_JUMP_SLOT;
	case EM_ARM:
		return type == R_ARM_ABS32 || type == R_ARM_GLOB_DAT || type == R_ARM_JUMP_SLOT;
	default:
		return false;
	}
}

/*
 * The value of dynamic symbol index when this file defines it and no other object can take its
 * place.
 */
static bool own_symbol_value(const struct g2s_elf *elf, const struct dynamic *dynamic,
                             uint64_t index, uint64_t *out)
{
	uint64_t size = elf->word == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	struct g2s_bytes table;
	uint64_t section, value, other, info;
	if (index == 0 || index > UINT32_MAX || !g2s_elf_view(elf, dynamic->symtab, &table)) {
		return false;
	}
	uint64_t at = index * size;
	unsigned word = elf->word;
	if (!g2s_bytes_uint(table, at + (word == 8 ? 6 : 14), 2, &section) ||
	    !g2s_bytes_uint(table, at + (word == 8 ? 4 : 12), 1, &info) ||
	    !g2s_bytes_uint(table, at + (word == 8 ? 5 : 13), 1, &other) ||
	    !g2s_bytes_uint(table, at + (word == 8 ? 8 : 4), word, &value)) {
		return false;
	}
	bool interposable = elf->type == ET_DYN && !elf->interpreter && (other & 3) == STV_DEFAULT;
	if (section == SHN_UNDEF || section >= SHN_LORESERVE || (info & 15) == STT_GNU_IFUNC ||
	    (info & 15) == STT_TLS || interposable) {
		return false;
	}
	*out = value;
	return true;
}

/* Reads a table of Rel or Rela entries at addr. */
static bool read_relocs(struct g2s_elf *elf, const struct dynamic *dynamic, uint64_t addr,
                        uint64_t size, bool addends, size_t *capacity)
{
	struct g2s_bytes table;
	uint64_t entry = (uint64_t)elf->word * (addends ? 3 : 2);
	if (size == 0 || !g2s_elf_view(elf, addr, &table)) {
		return true;
	}
	for (uint64_t at = 0; at + entry <= size && at + entry <= table.size; at += entry) {
		struct g2s_reloc reloc = {0};
		uint64_t info = 0;
		uint64_t addend = 0;
		(void)g2s_bytes_uint(table, at, elf->word, &reloc.addr);
		(void)g2s_bytes_uint(table, at + elf->word, elf->word, &info);
		if (addends) {
			(void)g2s_bytes_uint(table, at + 2 * elf->word, elf->word, &addend);
		} else {
			(void)load_raw(elf, reloc.addr, elf->word, &addend);
		}
		uint32_t type = elf->word == 8 ? (uint32_t)info : (uint32_t)(info & 0xff);
		uint64_t symbol = elf->word == 8 ? info >> 32 : info >> 8;
		uint64_t value = 0;
		if (type == relative_type(elf->machine)) {
			reloc.value = addend;
		} else if (is_symbol_address(elf->machine, type) &&
		           own_symbol_value(elf, dynamic, symbol, &value)) {
			reloc.value = value + addend;
		} else {
			reloc.foreign = true;
		}
		if (elf->word == 4) {
			reloc.value &= UINT32_MAX;
		}
		if (!add_reloc(elf, capacity, &reloc)) {
			return false;
		}
	}
	return true;
}

/* DT_RELR: an even word is an address, an odd one a bitmap of the words after it (gABI, 2022). */
static bool read_relr(struct g2s_elf *elf, const struct dynamic *dynamic, size_t *capacity)
{
	struct g2s_bytes table;
	uint64_t place = 0;
	if (dynamic->relr_size == 0 || !g2s_elf_view(elf, dynamic->relr, &table)) {
		return true;
	}
	for (uint64_t at = 0; at < dynamic->relr_size; at += elf->word) {
		uint64_t entry;
		if (!g2s_bytes_uint(table, at, elf->word, &entry)) {
			break;
		}
		unsigned count = (entry & 1) == 0 ? 1 : elf->word * 8 - 1;
		uint64_t bits = (entry & 1) == 0 ? 1 : entry >> 1;
		if ((entry & 1) == 0) {
			place = entry;
		}
		for (unsigned i = 0; i < count; i++) {
			struct g2s_reloc reloc = {.addr = place + (uint64_t)i * elf->word};
			if ((bits >> i & 1) != 0 &&
			    load_raw(elf, reloc.addr, elf->word, &reloc.value) &&
			    !add_reloc(elf, capacity, &reloc)) {
				return false;
			}
		}
		place += (uint64_t)count * elf->word;
	}
	return true;
}

static int by_reloc_addr(const void *a, const void *b)
{
	const struct g2s_reloc *x = a;
	const struct g2s_reloc *y = b;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static bool relocs_are_sorted(const struct g2s_elf *elf)
{
	for (size_t i = 1; i < elf->reloc_count; i++) {
		if (elf->relocs[i].addr < elf->relocs[i - 1].addr) {
			return false;
		}
	}
	return true;
}

static bool add_needed(struct g2s_elf *elf, size_t *capacity, uint64_t name)
{
	if (!g2s_grow(&elf->needed, capacity, elf->needed_count + 1, sizeof(*elf->needed))) {
		return false;
	}
	elf->needed[elf->needed_count++] = name;
	return true;
}

static bool read_dynamic(struct g2s_elf *elf, struct g2s_range range, struct dynamic *dynamic)
{
	struct g2s_bytes table;
	size_t capacity = 0;
	if (range.end == range.start || !g2s_elf_view(elf, range.start, &table)) {
		return true;
	}
	for (uint64_t at = 0; at < range.end - range.start; at += 2 * elf->word) {
		uint64_t tag, value;
		if (!g2s_bytes_uint(table, at, elf->word, &tag) || tag == DT_NULL ||
		    !g2s_bytes_uint(table, at + elf->word, elf->word, &value)) {
			break;
		}
		const struct {
			uint64_t tag;
			uint64_t *to;
		} wanted[] = {
			{DT_RELA, &dynamic->rela},
			{DT_RELASZ, &dynamic->rela_size},
			{DT_REL, &dynamic->rel},
			{DT_RELSZ, &dynamic->rel_size},
			{36 /* DT_RELR */, &dynamic->relr},
			{35 /* DT_RELRSZ */, &dynamic->relr_size},
			{DT_JMPREL, &dynamic->jmprel},
			{DT_PLTRELSZ, &dynamic->jmprel_size},
			{DT_PLTREL, &dynamic->jmprel_type},
			{DT_SYMTAB, &dynamic->symtab},
			{DT_STRTAB, &dynamic->strtab},
			{DT_STRSZ, &dynamic->strtab_size},
			{DT_HASH, &dynamic->hash},
			{DT_GNU_HASH, &dynamic->gnu_hash},
		};
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			if (wanted[i].tag == tag) {
				*wanted[i].to = value;
			}
		}
		if (tag == DT_NEEDED && !add_needed(elf, &capacity, value)) {
			return false;
		}
	}
	if (g2s_elf_view(elf, dynamic->strtab, &elf->dynamic_names)) {
		(void)g2s_bytes_slice(elf->dynamic_names, 0, dynamic->strtab_size,
		                      &elf->dynamic_names);
	}
	return true;
}

/*
 * How many dynamic symbols there are; only the hash tables tell (gABI chapter 5; DT_GNU_HASH:
 * binutils).
 */
static uint64_t dynamic_symbol_count(const struct g2s_elf *elf, const struct dynamic *dynamic)
{
	struct g2s_bytes table;
	uint64_t count = 0;
	if (dynamic->hash != 0 && g2s_elf_view(elf, dynamic->hash, &table) &&
	    g2s_bytes_uint(table, 4, 4, &count)) {
		return count;
	}
	uint64_t buckets, first, blooms, shift;
	if (dynamic->gnu_hash == 0 || !g2s_elf_view(elf, dynamic->gnu_hash, &table) ||
	    !g2s_bytes_uint(table, 0, 4, &buckets) || !g2s_bytes_uint(table, 4, 4, &first) ||
	    !g2s_bytes_uint(table, 8, 4, &blooms) || !g2s_bytes_uint(table, 12, 4, &shift)) {
		return 0;
	}
	uint64_t bucket_at = 16 + blooms * elf->word;
	uint64_t chain_at = bucket_at + buckets * 4;
	uint64_t last = 0;
	for (uint64_t i = 0; i < buckets; i++) {
		uint64_t index;
		if (!g2s_bytes_uint(table, bucket_at + 4 * i, 4, &index)) {
			return 0;
		}
		last = index > last ? index : last;
	}
	if (last < first) {
		return first;
	}
	for (uint64_t hash = 0; (hash & 1) == 0; last++) {
		if (!g2s_bytes_uint(table, chain_at + 4 * (last - first), 4, &hash)) {
			return 0;
		}
	}
	return last;
}

/* Takes the functions out of a symbol table. */
static bool read_symbols(struct g2s_elf *elf, struct g2s_bytes table, struct g2s_bytes names,
                         bool dynamic, size_t *capacity, size_t *export_capacity)
{
	uint64_t entry = elf->word == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	for (uint64_t at = 0; at + entry <= table.size; at += entry) {
		uint64_t name, info, other, section;
		struct g2s_symbol symbol = {.names = names};
		(void)g2s_bytes_uint(table, at, 4, &name);
		(void)g2s_bytes_uint(table, at + (elf->word == 8 ? 4 : 12), 1, &info);
		(void)g2s_bytes_uint(table, at + (elf->word == 8 ? 5 : 13), 1, &other);
		(void)g2s_bytes_uint(table, at + (elf->word == 8 ? 6 : 14), 2, &section);
		(void)g2s_bytes_uint(table, at + (elf->word == 8 ? 8 : 4), elf->word, &symbol.addr);
		(void)g2s_bytes_uint(table, at + (elf->word == 8 ? 16 : 8), elf->word,
		                     &symbol.size);
		symbol.name = name;
		unsigned type = info & 15;
		/* Assembler code often leaves its labels untyped (STT_NOTYPE). */
		bool code = type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;
		if (!code || section == SHN_UNDEF || section >= SHN_LORESERVE || name == 0 ||
		    !g2s_elf_is_code(elf, symbol.addr) ||
		    symbol.size > UINT64_MAX - symbol.addr) {
			continue;
		}
		if (type != STT_NOTYPE || (info >> 4) != STB_LOCAL) {
			if (!g2s_grow(&elf->symbols, capacity, elf->symbol_count + 1,
			              sizeof(*elf->symbols))) {
				return false;
			}
			elf->symbols[elf->symbol_count++] = symbol;
		}
		if (dynamic && (info >> 4) != STB_LOCAL &&
		    ((other & 3) == STV_DEFAULT || (other & 3) == STV_PROTECTED)) {
			if (!g2s_grow(&elf->exports, export_capacity, elf->export_count + 1,
			              sizeof(*elf->exports))) {
				return false;
			}
			elf->exports[elf->export_count++] = symbol.addr;
		}
	}
	return true;
}

static int by_symbol_addr(const void *a, const void *b)
{
	const struct g2s_symbol *x = a;
	const struct g2s_symbol *y = b;
	if (x->addr != y->addr) {
		return x->addr < y->addr ? -1 : 1;
	}
	/* Sized ones first: aliases and labels of the same place follow. */
	if (x->size != y->size) {
		return x->size > y->size ? -1 : 1;
	}
	return x->name < y->name ? -1 : x->name > y->name;
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static bool read_all_symbols(struct g2s_elf *elf, const struct dynamic *dynamic)
{
	size_t capacity = 0;
	size_t export_capacity = 0;
	for (unsigned i = 0; i < elf->section_count; i++) {
		struct g2s_section section, strings;
		struct g2s_bytes table, names;
		uint64_t name;
		if (section_at(elf, i, &section, &name) && section.type == SHT_SYMTAB &&
		    section_at(elf, section.link, &strings, &name) &&
		    g2s_bytes_slice(elf->file, section.offset, section.size, &table) &&
		    g2s_bytes_slice(elf->file, strings.offset, strings.size, &names) &&
		    !read_symbols(elf, table, names, false, &capacity, &export_capacity)) {
			return false;
		}
	}
	struct g2s_bytes table;
	uint64_t count = dynamic_symbol_count(elf, dynamic);
	uint64_t entry = elf->word == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	elf->dynamic_symbols =
		(struct g2s_range){dynamic->symtab, dynamic->symtab + (uint32_t)count * entry};
	if (count != 0 && count < UINT32_MAX && g2s_elf_view(elf, dynamic->symtab, &table) &&
	    g2s_bytes_slice(table, 0, count * entry, &table) &&
	    !read_symbols(elf, table, elf->dynamic_names, true, &capacity, &export_capacity)) {
		return false;
	}
	if (elf->symbol_count != 0) {
		qsort(elf->symbols, elf->symbol_count, sizeof(*elf->symbols), by_symbol_addr);
	}
	if (elf->export_count != 0) {
		qsort(elf->exports, elf->export_count, sizeof(*elf->exports), by_address);
	}
	return true;
}

static bool read_tables(struct g2s_elf *elf, struct g2s_range range)
{
	struct dynamic dynamic = {0};
	size_t capacity = 0;
	bool jmprel_addends;
	if (!read_dynamic(elf, range, &dynamic)) {
		return false;
	}
	jmprel_addends = dynamic.jmprel_type == DT_RELA;
	if (!read_relocs(elf, &dynamic, dynamic.rela, dynamic.rela_size, true, &capacity) ||
	    !read_relocs(elf, &dynamic, dynamic.rel, dynamic.rel_size, false, &capacity) ||
	    !read_relocs(elf, &dynamic, dynamic.jmprel, dynamic.jmprel_size, jmprel_addends,
	                 &capacity) ||
	    !read_relr(elf, &dynamic, &capacity)) {
		return false;
	}
	if (!relocs_are_sorted(elf)) {
		qsort(elf->relocs, elf->reloc_count, sizeof(*elf->relocs), by_reloc_addr);
	}
	return find_data_in_code(elf) && read_all_symbols(elf, &dynamic);
}

enum g2s_code g2s_elf_open(struct g2s_elf *elf, struct g2s_bytes file, struct g2s_error *err)
{
	*elf = (struct g2s_elf){.file = file};
	uint64_t phoff = 0;
	uint64_t phnum = 0;
	uint64_t phentsize = 0;
	struct g2s_range dynamic = {0, 0};
	enum g2s_code code = read_header(elf, &phoff, &phnum, &phentsize, err);
	if (code == G2S_OK) {
		code = read_segments(elf, phoff, phnum, phentsize, &dynamic, err);
	}
	if (code == G2S_OK && !read_tables(elf, dynamic)) {
		code = g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
	}
	return code;
}

void g2s_elf_free(struct g2s_elf *elf)
{
	free(elf->segments);
	free(elf->not_code);
	free(elf->relocs);
	free(elf->symbols);
	free(elf->needed);
	free(elf->exports);
	*elf = (struct g2s_elf){0};
}

bool g2s_elf_needed(const struct g2s_elf *elf, size_t i, struct g2s_bytes *name)
{
	return i < elf->needed_count &&
	       g2s_bytes_string(elf->dynamic_names, elf->needed[i], 4096, name);
}

bool g2s_elf_is_exported(const struct g2s_elf *elf, uint64_t addr)
{
	return elf->export_count != 0 && elf->type == ET_DYN && !elf->interpreter &&
	       bsearch(&addr, elf->exports, elf->export_count, sizeof(addr), by_address) != NULL;
}
