/* SPDX-License-Identifier: MIT */
#include "elf_parts.h"

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
	/* How often all segments together may hold the file: linkers share some pages. */
	MAX_TIMES_MAPPED = 4,
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

/* Reads the ELF header; the program headers are told as where they are, and how large one is. */
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

bool elf_section_at(const struct g2s_elf *elf, unsigned index, struct g2s_section *out,
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
		.addr = s[3] + elf->moved,
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

/* Segments that are one stretch of the file and of memory, with the same rights, become one. */
static void join_segments(struct g2s_elf *elf)
{
	size_t kept = 0;
	for (size_t i = 1; i < elf->segment_count; i++) {
		struct g2s_segment *last = &elf->segments[kept];
		const struct g2s_segment *next = &elf->segments[i];
		bool touch = last->addr + last->size == next->addr &&
		             last->bytes.size == last->size && next->bytes.size != 0 &&
		             last->bytes.data + last->bytes.size == next->bytes.data;
		if (touch && last->exec == next->exec && last->write == next->write) {
			last->size += next->size;
			last->bytes.size += next->bytes.size;
		} else {
			elf->segments[++kept] = *next;
		}
	}
	elf->segment_count = kept + 1;
}

static enum g2s_code read_segments(struct g2s_elf *elf, uint64_t phoff, uint64_t phnum,
                                   uint64_t phentsize, struct g2s_error *err)
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
	uint64_t mapped = 0;
	struct g2s_range relro = {0, 0};
	struct g2s_range unwind_index = {0, 0};
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
			/* Each is at most the file, and they are few: no sum overflows. */
			mapped += ph.size == 0 ? 0 : ph.file_size;
		} else if (ph.type == PT_DYNAMIC && range.end >= range.start) {
			elf->dynamic = range;
		} else if (ph.type == PT_GNU_RELRO && range.end >= range.start) {
			relro = range;
		} else if (ph.type == PT_GNU_EH_FRAME && range.end >= range.start) {
			unwind_index = range;
		} else if (ph.type == PT_INTERP) {
			elf->interpreter = true;
			(void)g2s_bytes_slice(elf->file, ph.offset, ph.file_size,
			                      &elf->interpreter_name);
		} else if (ph.type == PT_NOTE && elf->note_count < 8 &&
		           g2s_bytes_slice(elf->file, ph.offset, ph.file_size,
		                           &elf->notes[elf->note_count])) {
			elf->note_count++;
		}
	}
	if (elf->segment_count == 0) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "no loadable segments");
	}
	if (mapped / MAX_TIMES_MAPPED > elf->file.size) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0,
		                "the segments load the same parts of the file again and again");
	}
	elf->program_headers = (struct g2s_range){phoff, phoff + phnum * phentsize};
	qsort(elf->segments, elf->segment_count, sizeof(*elf->segments), by_segment_addr);
	for (size_t i = 1; i < elf->segment_count; i++) {
		const struct g2s_segment *last = &elf->segments[i - 1];
		if (elf->segments[i].addr - last->addr < last->size) {
			return g2s_fail(err, G2S_ERR_FORMAT, 0, "loadable segments overlap");
		}
	}
	join_segments(elf);
	for (size_t i = 0; i < elf->segment_count; i++) {
		elf->segments[i].relro = relro;
	}
	elf->unwind = calloc(1, sizeof(*elf->unwind));
	if (elf->unwind == NULL) {
		return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
	}
	elf->unwind[0].index = unwind_index;
	elf->unwind_count = 1;
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
bool elf_load_raw(const struct g2s_elf *elf, uint64_t addr, unsigned width, uint64_t *out)
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

size_t g2s_elf_first_reloc(const struct g2s_elf *elf, uint64_t addr)
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
	if (width == 0 || width > 8 || !elf_load_raw(elf, addr, width, out)) {
		return false;
	}
	if (elf->reloc_count == 0) {
		return true;
	}
	/* The nearest relocated word that could share a byte with [addr, addr + width). */
	uint64_t from = addr < elf->word ? 0 : addr - elf->word + 1;
	size_t i = g2s_elf_first_reloc(elf, from);
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
	return addr < segment->relro.start || addr >= segment->relro.end;
}

bool g2s_elf_is_code(const struct g2s_elf *elf, uint64_t addr)
{
	const struct g2s_segment *segment = g2s_elf_segment(elf, addr);
	return segment != NULL && segment->exec && addr - segment->addr < segment->bytes.size;
}

bool g2s_elf_section_at(const struct g2s_elf *elf, unsigned index, struct g2s_section *out)
{
	uint64_t name;
	return elf_section_at(elf, index, out, &name);
}

bool g2s_elf_section(const struct g2s_elf *elf, const char *name, struct g2s_section *out)
{
	size_t length = strlen(name);
	for (unsigned i = 0; i < elf->section_count; i++) {
		uint64_t offset;
		struct g2s_section section;
		struct g2s_bytes found;
		if (elf_section_at(elf, i, &section, &offset) &&
		    g2s_bytes_string(elf->section_names, offset, 256, &found) &&
		    found.size == length && memcmp(found.data, name, length) == 0) {
			*out = section;
			return true;
		}
	}
	return false;
}

bool g2s_elf_lacks_code(const struct g2s_elf *elf)
{
	struct g2s_section text;
	if (g2s_elf_section(elf, ".text", &text) && text.type == SHT_NOBITS && text.size != 0) {
		return true;
	}
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct g2s_segment *segment = &elf->segments[i];
		if (segment->exec && !segment->write && segment->bytes.size < segment->size) {
			return true;
		}
	}
	return false;
}

static bool add_not_code(struct g2s_elf *elf, size_t *capacity, uint64_t start, uint64_t size)
{
	if (size == 0 || start > UINT64_MAX - size || !g2s_elf_is_code(elf, start)) {
		return true;
	}
	if (!g2s_grow(&elf->not_code, capacity, elf->not_code_count + 1, sizeof(*elf->not_code))) {
		return false;
	}
	elf->not_code[elf->not_code_count++] = (struct g2s_range){start, start + size};
	return true;
}

/* The same for a part of the file, wherever an executable segment maps it. */
static bool add_file_part(struct g2s_elf *elf, size_t *capacity, uint64_t offset, uint64_t size)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct g2s_segment *segment = &elf->segments[i];
		uint64_t first = (uint64_t)(segment->bytes.data - elf->file.data);
		if (segment->exec && offset >= first && offset - first < segment->bytes.size &&
		    !add_not_code(elf, capacity, segment->addr + (offset - first), size)) {
			return false;
		}
	}
	return true;
}

/* Marks the segments of which some section header says that they hold code. */
static void mark_code_sections(const struct g2s_elf *elf, bool *holds_code)
{
	for (unsigned i = 0; i < elf->section_count; i++) {
		struct g2s_section section;
		uint64_t name;
		if (!elf_section_at(elf, i, &section, &name) ||
		    (section.flags & SHF_EXECINSTR) == 0 || section.size == 0) {
			continue;
		}
		const struct g2s_segment *segment = g2s_elf_segment(elf, section.addr);
		if (segment != NULL) {
			holds_code[segment - elf->segments] = true;
		}
	}
}

/*
 * Sections that are data in an executable segment, as old linkers mix them in; of segments that are
 * marked.
 */
static bool add_data_sections(struct g2s_elf *elf, const bool *holds_code, size_t *capacity)
{
	for (unsigned i = 0; i < elf->section_count; i++) {
		struct g2s_section section;
		uint64_t name;
		if (!elf_section_at(elf, i, &section, &name) || (section.flags & SHF_ALLOC) == 0 ||
		    (section.flags & SHF_EXECINSTR) != 0 || section.type == SHT_NOBITS ||
		    section.type == SHT_NULL) {
			continue;
		}
		const struct g2s_segment *segment = g2s_elf_segment(elf, section.addr);
		if (segment != NULL && segment->exec && holds_code[segment - elf->segments] &&
		    !add_not_code(elf, capacity, section.addr, section.size)) {
			return false;
		}
	}
	return true;
}

/*
 * Notes which parts of executable segments are data: sections (.rodata, .eh_frame), as far as the
 * headers call any of the segment code; notes; and the headers themselves, which linkers put there.
 */
bool elf_find_data_in_code(struct g2s_elf *elf)
{
	size_t capacity = 0;
	uint64_t header = elf->word == 8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	bool *holds_code = calloc(elf->segment_count, sizeof(*holds_code));
	if (holds_code == NULL) {
		return false;
	}
	mark_code_sections(elf, holds_code);
	bool fine = add_data_sections(elf, holds_code, &capacity);
	free(holds_code);
	if (!fine) {
		return false;
	}
	for (size_t i = 0; i < elf->note_count; i++) {
		uint64_t offset = (uint64_t)(elf->notes[i].data - elf->file.data);
		if (!add_file_part(elf, &capacity, offset, elf->notes[i].size)) {
			return false;
		}
	}
	const struct g2s_range *headers = &elf->program_headers;
	return add_file_part(elf, &capacity, 0, header) &&
	       add_file_part(elf, &capacity, headers->start, headers->end - headers->start) &&
	       add_file_part(elf, &capacity, elf->section_offset,
	                     (uint64_t)elf->section_count * elf->section_size);
}

static int by_range_start(const void *a, const void *b)
{
	const struct g2s_range *x = a;
	const struct g2s_range *y = b;
	if (x->start != y->start) {
		return x->start < y->start ? -1 : 1;
	}
	return x->end < y->end ? -1 : x->end > y->end;
}

/* True when addr is in one of the ranges, which are sorted and apart. */
static bool is_in(const struct g2s_range *ranges, size_t count, uint64_t addr)
{
	size_t low = 0;
	size_t high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (ranges[middle].end <= addr) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < count && addr >= ranges[low].start;
}

void elf_sort_ranges(struct g2s_range *ranges, size_t *count)
{
	size_t kept = 0;
	if (*count != 0) {
		qsort(ranges, *count, sizeof(*ranges), by_range_start);
	}
	for (size_t i = 0; i < *count; i++) {
		if (ranges[i].end <= ranges[i].start) {
			continue;
		}
		if (kept != 0 && ranges[i].start <= ranges[kept - 1].end) {
			if (ranges[i].end > ranges[kept - 1].end) {
				ranges[kept - 1].end = ranges[i].end;
			}
		} else {
			ranges[kept++] = ranges[i];
		}
	}
	*count = kept;
}

/* Finds where in memory the headers are: each of three parts of the file may be mapped anywhere. */
static bool find_headers(struct g2s_elf *elf)
{
	uint64_t header = elf->word == 8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	uint64_t sections = (uint64_t)elf->section_count * elf->section_size;
	const struct g2s_range parts[] = {
		{0, header},
		elf->program_headers,
		{elf->section_offset, elf->section_offset + sections},
	};
	elf->headers = calloc(3 * elf->segment_count, sizeof(*elf->headers));
	if (elf->headers == NULL) {
		return false;
	}
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct g2s_segment *segment = &elf->segments[i];
		uint64_t first = (uint64_t)(segment->bytes.data - elf->file.data);
		uint64_t last = first + segment->bytes.size;
		for (size_t p = 0; segment->bytes.size != 0 && p < 3; p++) {
			uint64_t from = parts[p].start > first ? parts[p].start : first;
			uint64_t to = parts[p].end < last ? parts[p].end : last;
			if (from < to) {
				elf->headers[elf->header_count++] =
					(struct g2s_range){segment->addr + (from - first),
				                           segment->addr + (to - first)};
			}
		}
	}
	elf_sort_ranges(elf->headers, &elf->header_count);
	return true;
}

bool g2s_elf_is_header(const struct g2s_elf *elf, uint64_t addr)
{
	return is_in(elf->headers, elf->header_count, addr);
}

bool g2s_elf_is_loader_table(const struct g2s_elf *elf, uint64_t addr)
{
	return is_in(elf->loader_tables, elf->loader_table_count, addr);
}

bool g2s_elf_is_unwind(const struct g2s_elf *elf, uint64_t addr)
{
	for (size_t i = 0; i < elf->unwind_count; i++) {
		const struct g2s_unwind *unwind = &elf->unwind[i];
		if (is_in(&unwind->index, 1, addr) || is_in(&unwind->table, 1, addr)) {
			return true;
		}
	}
	return false;
}

static void move_ranges(struct g2s_range *ranges, size_t count, uint64_t distance)
{
	for (size_t i = 0; i < count; i++) {
		ranges[i].start += distance;
		ranges[i].end += distance;
	}
}

void g2s_elf_move(struct g2s_elf *elf, uint64_t distance)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		elf->segments[i].addr += distance;
		elf->segments[i].moved = elf->moved + distance != 0;
		move_ranges(&elf->segments[i].relro, 1, distance);
	}
	for (size_t i = 0; i < elf->reloc_count; i++) {
		elf->relocs[i].addr += distance;
		elf->relocs[i].value += distance;
	}
	for (size_t i = 0; i < elf->symbol_count; i++) {
		elf->symbols[i].addr += distance;
	}
	for (size_t i = 0; i < elf->export_count; i++) {
		elf->exports[i] += distance;
	}
	move_ranges(elf->not_code, elf->not_code_count, distance);
	move_ranges(elf->headers, elf->header_count, distance);
	move_ranges(elf->loader_tables, elf->loader_table_count, distance);
	for (size_t i = 0; i < elf->unwind_count; i++) {
		struct g2s_unwind *unwind = &elf->unwind[i];
		move_ranges(&unwind->index, unwind->index.end > unwind->index.start, distance);
		move_ranges(&unwind->table, unwind->table.end > unwind->table.start, distance);
	}
	elf->entry += elf->entry != 0 ? distance : 0;
	elf->moved += distance;
}

/* What a glance at the program headers tells of how a file is linked. */
struct linkage {
	bool interpreter;
	bool needs;
	bool named;
};

static void look_at_dynamic(const struct g2s_elf *elf, const struct program_header *ph,
                            struct linkage *linkage)
{
	uint64_t tag = 1;
	for (uint64_t at = 0; at < ph->file_size && tag != DT_NULL; at += 2 * elf->word) {
		if (!file_uint(elf, ph->offset + at, elf->word, &tag)) {
			return;
		}
		linkage->needs = linkage->needs || tag == DT_NEEDED;
		linkage->named = linkage->named || tag == DT_SONAME;
	}
}

/* Fills in *elf's header fields and *linkage, as far as the file makes sense. */
static void look_at_linkage(struct g2s_elf *elf, struct linkage *linkage)
{
	struct g2s_error err;
	uint64_t phoff, phnum, phentsize;
	*linkage = (struct linkage){0};
	if (read_header(elf, &phoff, &phnum, &phentsize, &err) != G2S_OK ||
	    phnum > MAX_SEGMENTS) {
		return;
	}
	for (uint64_t i = 0; i < phnum; i++) {
		struct program_header ph;
		if (!read_program_header(elf, phoff + i * phentsize, &ph)) {
			return;
		}
		if (ph.type == PT_INTERP) {
			linkage->interpreter = true;
		} else if (ph.type == PT_DYNAMIC) {
			look_at_dynamic(elf, &ph, linkage);
		}
	}
}

bool g2s_elf_is_dynamic(struct g2s_bytes file)
{
	struct g2s_elf elf = {.file = file};
	struct linkage linkage;
	look_at_linkage(&elf, &linkage);
	return linkage.interpreter || linkage.needs;
}

bool g2s_elf_is_library(struct g2s_bytes file)
{
	struct g2s_elf elf = {.file = file};
	struct linkage linkage;
	look_at_linkage(&elf, &linkage);
	return elf.type == ET_DYN && (linkage.named || !linkage.interpreter);
}

enum g2s_code g2s_elf_open(struct g2s_elf *elf, struct g2s_bytes file, struct g2s_error *err)
{
	*elf = (struct g2s_elf){.file = file, .total_size = file.size};
	uint64_t phoff = 0;
	uint64_t phnum = 0;
	uint64_t phentsize = 0;
	enum g2s_code code = read_header(elf, &phoff, &phnum, &phentsize, err);
	if (code == G2S_OK) {
		code = read_segments(elf, phoff, phnum, phentsize, err);
	}
	if (code == G2S_OK) {
		code = elf_read_tables(elf, err);
	}
	if (code == G2S_OK) {
		elf_find_unwind(elf);
	}
	if (code == G2S_OK && !find_headers(elf)) {
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
	free(elf->loader_tables);
	free(elf->headers);
	free(elf->unwind);
	*elf = (struct g2s_elf){0};
}
