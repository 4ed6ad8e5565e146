/* SPDX-License-Identifier: MIT */
#include "g2s/image/ehframe.h"

#include "g2s/memory.h"
#include "elf_parts.h"

#include <string.h>

/*
 * DW_EH_PE_*: how a pointer is written; the low four bits give its form, the next three its
 * base.
 */
enum {
	PE_FORM = 0x0f,
	PE_ABSPTR = 0x00,
	PE_UDATA2 = 0x02,
	PE_UDATA4 = 0x03,
	PE_UDATA8 = 0x04,
	PE_SDATA2 = 0x0a,
	PE_SDATA4 = 0x0b,
	PE_SDATA8 = 0x0c,
	PE_BASE = 0x70,
	PE_PCREL = 0x10,
	PE_OMIT = 0xff,
};

/* A place in the table: its bytes, the address of their first, and where reading is. */
struct cursor {
	struct g2s_bytes bytes;
	uint64_t addr;
	uint64_t at;
	unsigned word;
};

static bool take(struct cursor *c, unsigned width, uint64_t *out)
{
	if (!g2s_bytes_uint(c->bytes, c->at, width, out)) {
		return false;
	}
	c->at += width;
	return true;
}

static bool take_uleb(struct cursor *c, uint64_t *out)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 63; shift += 7) {
		uint64_t byte;
		if (!take(c, 1, &byte)) {
			return false;
		}
		value |= (byte & 0x7f) << shift;
		if ((byte & 0x80) == 0) {
			*out = value;
			return true;
		}
	}
	return false;
}

static bool take_pointer(struct cursor *c, unsigned encoding, uint64_t *out)
{
	uint64_t place = c->addr + c->at;
	unsigned width;
	bool is_signed = false;
	switch (encoding & PE_FORM) {
	case PE_ABSPTR:
		width = c->word;
		break;
	case PE_SDATA2:
		is_signed = true;
		/* fallthrough */
	case PE_UDATA2:
		width = 2;
		break;
	case PE_SDATA4:
		is_signed = true;
		/* fallthrough */
	case PE_UDATA4:
		width = 4;
		break;
	case PE_SDATA8:
	case PE_UDATA8:
		width = 8;
		break;
	default:
		return false;
	}
	uint64_t value;
	if (!take(c, width, &value)) {
		return false;
	}
	if (is_signed && width < 8 && (value >> (8 * width - 1) & 1) != 0) {
		value |= UINT64_MAX << (8 * width);
	}
	if ((encoding & PE_BASE) == PE_PCREL) {
		value += place;
	} else if ((encoding & PE_BASE) != 0) {
		return false;
	}
	*out = c->word == 4 ? (uint32_t)value : value;
	return true;
}

/* What a CIE says of the entries that refer to it. */
struct cie {
	/* How they write code addresses. */
	unsigned encoding;
	/* They are about code that a signal handler returns to. */
	bool signal_frame;
};

/* Reads the CIE at offset cie. */
static bool read_cie(const struct cursor *table, uint64_t cie, struct cie *out)
{
	struct cursor c = *table;
	uint64_t length, id, version, skip, letter;
	struct g2s_bytes letters;
	c.at = cie;
	*out = (struct cie){.encoding = PE_ABSPTR};
	if (!take(&c, 4, &length) || length == UINT32_MAX || !take(&c, 4, &id) || id != 0 ||
	    !take(&c, 1, &version) || !g2s_bytes_string(c.bytes, c.at, 32, &letters)) {
		return false;
	}
	c.at += letters.size + 1;
	if (!take_uleb(&c, &skip) || !take_uleb(&c, &skip) ||
	    !(version == 1 ? take(&c, 1, &skip) : take_uleb(&c, &skip))) {
		return false;
	}
	if (letters.size == 0 || letters.data[0] != 'z') {
		return letters.size == 0;
	}
	if (!take_uleb(&c, &skip)) {
		return false;
	}
	for (size_t i = 1; i < letters.size; i++) {
		uint64_t personality;
		switch (letters.data[i]) {
		case 'R':
			if (!take(&c, 1, &letter)) {
				return false;
			}
			out->encoding = (unsigned)letter;
			break;
		case 'P':
			if (!take(&c, 1, &letter) ||
			    !take_pointer(&c, (unsigned)letter & 0x7f, &personality)) {
				return false;
			}
			break;
		case 'L':
			if (!take(&c, 1, &letter)) {
				return false;
			}
			break;
		case 'S':
			out->signal_frame = true;
			break;
		case 'B':
			break;
		default:
			return false;
		}
	}
	return true;
}

/* Where the table begins: the index points at it, or a section is named so.  0: nowhere. */
static uint64_t find_start(const struct g2s_elf *elf, const struct g2s_unwind *unwind)
{
	struct g2s_section section;
	uint64_t addr = 0;
	if (unwind->index.end > unwind->index.start) {
		struct cursor index = {.addr = unwind->index.start, .word = elf->word};
		uint64_t version, encoding, skip;
		if (g2s_elf_view(elf, index.addr, &index.bytes) && take(&index, 1, &version) &&
		    version == 1 && take(&index, 1, &encoding) && take(&index, 2, &skip) &&
		    encoding != PE_OMIT) {
			(void)take_pointer(&index, (unsigned)encoding, &addr);
		}
	}
	if (addr == 0 && g2s_elf_section(elf, ".eh_frame", &section)) {
		addr = section.addr;
	}
	return addr;
}

void elf_find_unwind(struct g2s_elf *elf)
{
	struct g2s_unwind *unwind = &elf->unwind[0];
	struct cursor c = {.addr = find_start(elf, unwind), .word = elf->word};
	uint64_t length;
	if (c.addr == 0 || !g2s_elf_view(elf, c.addr, &c.bytes)) {
		return;
	}
	while (take(&c, 4, &length) && length != 0 && length != UINT32_MAX &&
	       g2s_bytes_has(c.bytes, c.at, length)) {
		c.at += length;
	}
	unwind->table = (struct g2s_range){c.addr, c.addr + c.at};
}

/*
 * The entry of glibc's __restore_rt begins one byte before the function, because unwinders look
 * up the byte before the address that they return to (glibc, sysdeps/unix/sysv/linux/x86_64).
 * That byte is the end of some filler; the function is aligned.
 */
static bool starts_early(uint64_t start)
{
	return (start & 15) == 15;
}

/* Appends what one table says. */
static bool read_table(const struct g2s_elf *elf, const struct g2s_unwind *unwind,
                       struct g2s_range **ranges, size_t *count, size_t *capacity)
{
	struct cursor c = {.addr = unwind->table.start, .word = elf->word};
	if (unwind->table.end <= unwind->table.start || !g2s_elf_view(elf, c.addr, &c.bytes)) {
		return true;
	}
	uint64_t length;
	while (take(&c, 4, &length) && length != 0 && length != UINT32_MAX) {
		uint64_t body = c.at;
		uint64_t next = body + length;
		uint64_t back, start, size;
		struct cie cie;
		if (!g2s_bytes_has(c.bytes, body, length)) {
			break;
		}
		bool fde = take(&c, 4, &back) && back != 0 && back <= body &&
		           read_cie(&c, body - back, &cie) &&
		           take_pointer(&c, cie.encoding, &start) &&
		           take_pointer(&c, cie.encoding & PE_FORM, &size);
		if (fde && cie.signal_frame && starts_early(start) && size > 1) {
			start++;
			size--;
		}
		if (fde && size != 0 && size <= UINT64_MAX - start && g2s_elf_is_code(elf, start) &&
		    g2s_elf_is_code(elf, start + size - 1)) {
			if (!g2s_grow(ranges, capacity, *count + 1, sizeof(**ranges))) {
				return false;
			}
			(*ranges)[(*count)++] = (struct g2s_range){start, start + size};
		}
		c.at = next;
	}
	return true;
}

bool g2s_ehframe_read(const struct g2s_elf *elf, struct g2s_range **ranges, size_t *count,
                      size_t *capacity)
{
	for (size_t i = 0; i < elf->unwind_count; i++) {
		if (!read_table(elf, &elf->unwind[i], ranges, count, capacity)) {
			return false;
		}
	}
	return true;
}
