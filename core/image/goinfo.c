/* SPDX-License-Identifier: MIT */
#include "g2s/image/goinfo.h"

#include <stdio.h>
#include <string.h>

/*
 * The build information block stands 16-aligned in a data segment and begins
 *
 *     0   14 bytes  FF " Go buildinf:"
 *     14  1         size of a pointer
 *     15  1         flags: 1 big endian, 2 strings are inline (Go 1.18 and later)
 *     16  pointer   to the string header of the version (flag 2 clear)
 *     32  varint    length of the version, then the version (flag 2 set)
 */
static const char MAGIC[] = "\xff Go buildinf:";

enum {
	MAGIC_SIZE = 14,
	BLOCK_ALIGN = 16,
	NOTE_GO_BUILD_ID = 4,
	NOTE_GNU_BUILD_ID = 3,
};

static void take(char *to, size_t room, struct g2s_bytes from)
{
	size_t size = from.size < room - 1 ? from.size : room - 1;
	memcpy(to, from.data, size);
	to[size] = '\0';
}

/* A version is printable and has no blanks at its start; anything else is damage, not a version. */
static bool looks_like_version(struct g2s_bytes text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < 0x20 || text.data[i] > 0x7e) {
			return false;
		}
	}
	return text.size != 0 && text.data[0] != ' ';
}

static bool read_varint(struct g2s_bytes bytes, uint64_t *at, uint64_t *out)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 63; shift += 7) {
		uint64_t byte;
		if (!g2s_bytes_uint(bytes, *at, 1, &byte)) {
			return false;
		}
		*at += 1;
		value |= (byte & 0x7f) << shift;
		if ((byte & 0x80) == 0) {
			*out = value;
			return true;
		}
	}
	return false;
}

static bool read_block(const struct g2s_elf *elf, uint64_t addr, struct g2s_goinfo *info)
{
	struct g2s_bytes block, text;
	uint64_t flags, length;
	uint64_t at = 32;
	if (!g2s_elf_view(elf, addr, &block) || !g2s_bytes_uint(block, 15, 1, &flags)) {
		return false;
	}
	if ((flags & 2) != 0) {
		if (!read_varint(block, &at, &length) ||
		    !g2s_bytes_slice(block, at, length, &text)) {
			return false;
		}
	} else {
		uint64_t header, data;
		if (!g2s_elf_load(elf, addr + 16, elf->word, &header) ||
		    !g2s_elf_load(elf, header, elf->word, &data) ||
		    !g2s_elf_load(elf, header + elf->word, elf->word, &length) ||
		    !g2s_elf_view(elf, data, &text) || !g2s_bytes_slice(text, 0, length, &text)) {
			return false;
		}
	}
	if (!looks_like_version(text)) {
		return false;
	}
	take(info->version, sizeof(info->version), text);
	return true;
}

static bool find_block(const struct g2s_elf *elf, struct g2s_goinfo *info)
{
	struct g2s_section section;
	struct g2s_bytes view;
	if (g2s_elf_section(elf, ".go.buildinfo", &section) &&
	    g2s_elf_view(elf, section.addr, &view) && view.size >= MAGIC_SIZE &&
	    memcmp(view.data, MAGIC, MAGIC_SIZE) == 0) {
		return read_block(elf, section.addr, info);
	}
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct g2s_segment *segment = &elf->segments[i];
		size_t at = 0;
		if (!segment->write) {
			continue;
		}
		while ((at = g2s_bytes_find(segment->bytes, at, MAGIC, MAGIC_SIZE)) != SIZE_MAX) {
			uint64_t addr = segment->addr + at;
			if (addr % BLOCK_ALIGN == 0 && read_block(elf, addr, info)) {
				return true;
			}
			at++;
		}
	}
	return false;
}

static void take_hex(char *to, size_t room, struct g2s_bytes from)
{
	for (size_t i = 0; i < from.size && 2 * i + 3 <= room; i++) {
		snprintf(to + 2 * i, room - 2 * i, "%02x", from.data[i]);
	}
}

/*
 * A note: sizes of name and description, type, name, description, each padded to 4 (gABI
 * chapter 5).
 */
static void read_notes(struct g2s_bytes notes, struct g2s_goinfo *info, bool *go)
{
	uint64_t at = 0;
	uint64_t name_size, desc_size, type;
	while (g2s_bytes_uint(notes, at, 4, &name_size) &&
	       g2s_bytes_uint(notes, at + 4, 4, &desc_size) &&
	       g2s_bytes_uint(notes, at + 8, 4, &type)) {
		struct g2s_bytes name, desc;
		uint64_t desc_at = at + 12 + ((name_size + 3) & ~UINT64_C(3));
		if (!g2s_bytes_slice(notes, at + 12, name_size, &name) ||
		    !g2s_bytes_slice(notes, desc_at, desc_size, &desc)) {
			return;
		}
		if (type == NOTE_GO_BUILD_ID && name_size == 4 &&
		    memcmp(name.data, "Go\0", 4) == 0 &&
		    looks_like_version(desc)) {
			take(info->build_id, sizeof(info->build_id), desc);
			*go = true;
		} else if (type == NOTE_GNU_BUILD_ID && name_size == 4 && !*go &&
		           memcmp(name.data, "GNU", 4) == 0) {
			take_hex(info->build_id, sizeof(info->build_id), desc);
		}
		at = desc_at + ((desc_size + 3) & ~UINT64_C(3));
	}
}

void g2s_goinfo_read(const struct g2s_elf *elf, struct g2s_goinfo *info)
{
	bool go = false;
	*info = (struct g2s_goinfo){0};
	info->is_go = find_block(elf, info);
	for (size_t i = 0; i < elf->note_count; i++) {
		read_notes(elf->notes[i], info, &go);
	}
	info->is_go = info->is_go || go;
}
