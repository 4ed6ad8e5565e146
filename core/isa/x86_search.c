/* SPDX-License-Identifier: MIT */
/*
 * What a search through x86 code at the speed of memory can find: byte patterns of instructions
 * that enter the kernel, of direct calls and jumps, and of operands that stand for an address.
 */
#include "x86_search.h"

#include <string.h>

enum {
	CALL = 0xe8,
	JUMP = 0xe9,
	JUMP_SHORT = 0xeb,
	TWO_BYTE = 0x0f,
	INTERRUPT = 0xcd,
	/* Opcodes of conditional branches: 0x70 to 0x7f, and 0x80 to 0x8f after 0x0f. */
	BRANCH_SHORT = 0x70,
	BRANCH = 0x80,
	/* LOOPNE, LOOPE, LOOP, JRCXZ. */
	LOOP_FIRST = 0xe0,
	LOOP_LAST = 0xe3,
	/* Indices in the architecture's entries. */
	ENTRY_SYSCALL = 0,
	ENTRY_INT80 = 1,
	ENTRY_SYSENTER = 2,
	/* Bytes of code for which masks are made at a time, and how far beyond a mask looks. */
	CHUNK = 4096,
	BEYOND = 7,
	/* Most ranges of addresses that are looked for one by one; more are looked for together. */
	MAX_CLUSTERS = 6,
};

static int32_t distance_at(const uint8_t *code)
{
	int32_t distance;
	memcpy(&distance, code, sizeof(distance));
	return distance;
}

static bool found_two_bytes(const uint8_t *code, size_t size, size_t i, uint64_t addr, bool go,
                            const struct g2s_sink *sink)
{
	uint8_t next = code[i + 1];
	if (next == 0x05) {
		return sink->enters(sink->user, i, ENTRY_SYSCALL);
	}
	if (next == 0x34) {
		return sink->enters(sink->user, i, ENTRY_SYSENTER);
	}
	if (!go && (next & 0xf0) == BRANCH && size - i >= 6) {
		uint64_t target = addr + i + 6 + (uint64_t)(int64_t)distance_at(code + i + 2);
		return sink->branch(sink->user, i, target);
	}
	return true;
}

/* Looks at one place whose first byte is of interest; at least two bytes are there. */
static bool look_at(const uint8_t *code, size_t size, size_t i, uint64_t addr, bool go,
                    const struct g2s_sink *sink)
{
	switch (code[i]) {
	case TWO_BYTE:
		return found_two_bytes(code, size, i, addr, go, sink);
	case INTERRUPT:
		return code[i + 1] != 0x80 || sink->enters(sink->user, i, ENTRY_INT80);
	case CALL:
	case JUMP:
		if (size - i >= 5) {
			int64_t distance = distance_at(code + i + 1);
			return sink->branch(sink->user, i, addr + i + 5 + (uint64_t)distance);
		}
		return true;
	default:
		return true;
	}
}

/* How many bytes from i on, in blocks of 32, masks can be made for at once. */
static size_t chunk_at(size_t size, size_t i)
{
	size_t left = size - i > BEYOND ? size - i - BEYOND : 0;
	return (left < CHUNK ? left : CHUNK) / 32 * 32;
}

bool x86_search(const uint8_t *code, size_t size, uint64_t addr, bool go,
                const struct g2s_sink *sink)
{
	const struct x86_masks *vector = x86_masks();
	uint32_t masks[CHUNK / 32];
	size_t i = 0;
	for (size_t chunk; (chunk = chunk_at(size, i)) != 0; i += chunk) {
		vector->opcodes(code + i, chunk / 32, go, masks);
		for (size_t block = 0; block < chunk / 32; block++) {
			for (uint32_t mask = masks[block]; mask != 0; mask &= mask - 1) {
				size_t at = i + 32 * block + (size_t)__builtin_ctz(mask);
				if (!look_at(code, size, at, addr, go, sink)) {
					return false;
				}
			}
		}
	}
	for (; i + 2 <= size; i++) {
		if (!look_at(code, size, i, addr, go, sink)) {
			return false;
		}
	}
	return true;
}

bool x86_search_near(const uint8_t *code, size_t size, uint64_t addr, uint64_t target,
                     const struct g2s_sink *sink)
{
	for (size_t i = 0; i + 2 <= size; i++) {
		uint8_t byte = code[i];
		bool branch = (byte & 0xf0) == BRANCH_SHORT || byte == JUMP_SHORT ||
		              (byte >= LOOP_FIRST && byte <= LOOP_LAST);
		if (branch && addr + i + 2 + (uint64_t)(int64_t)(int8_t)code[i + 1] == target &&
		    !sink->branch(sink->user, i, target)) {
			return false;
		}
	}
	return true;
}

/* Tells of every address that the 4 or 8 bytes at i could stand for. */
static bool look_at_number(const uint8_t *code, size_t size, size_t i, uint64_t addr,
                           const struct g2s_window *windows, size_t count,
                           const struct g2s_sink *sink)
{
	/* Behind the distance there may be an immediate of 1, 2 or 4 bytes. */
	static const uint8_t immediates[] = {0, 1, 2, 4};
	uint64_t field = (uint64_t)(int64_t)distance_at(code + i);
	for (size_t k = 0; k < sizeof(immediates); k++) {
		uint64_t target = addr + i + 4 + field + immediates[k];
		if (g2s_window_has(windows, count, target) &&
		    !sink->address(sink->user, i, target)) {
			return false;
		}
	}
	if (g2s_window_has(windows, count, field) && !sink->address(sink->user, i, field)) {
		return false;
	}
	uint64_t whole = field;
	if (size - i >= 8) {
		memcpy(&whole, code + i, sizeof(whole));
	}
	return whole == field || !g2s_window_has(windows, count, whole) ||
	       sink->address(sink->user, i, whole);
}

/* Brings the windows down to a few ranges that hold them, by closing the smallest gaps. */
static size_t make_clusters(const struct g2s_window *windows, size_t count,
                            struct g2s_window clusters[MAX_CLUSTERS])
{
	uint64_t gap = 4096;
	for (;; gap *= 2) {
		size_t made = 0;
		for (size_t i = 0; i < count; i++) {
			bool near = made != 0 && (windows[i].start - clusters[made - 1].end < gap ||
			                          windows[i].start < clusters[made - 1].end);
			if (!near && made == MAX_CLUSTERS) {
				made = 0;
				break;
			}
			if (!near) {
				clusters[made++] = windows[i];
			} else if (windows[i].end > clusters[made - 1].end) {
				clusters[made - 1].end = windows[i].end;
			}
		}
		if (made != 0 || gap > UINT64_MAX / 4) {
			return made;
		}
	}
}

/*
 * An address in an operand is a distance from the end of the instruction, which is up to 4 bytes
 * of immediate behind the distance, or the address itself, sign-extended from 32 bits or whole.
 */
bool x86_search_addresses(const uint8_t *code, size_t size, uint64_t addr, bool go,
                          const struct g2s_window *windows, size_t count,
                          const struct g2s_sink *sink)
{
	const struct x86_masks *vector = x86_masks();
	struct g2s_window clusters[MAX_CLUSTERS];
	size_t cluster_count = make_clusters(windows, count, clusters);
	uint32_t masks[CHUNK / 32];
	size_t i = 0;
	for (size_t chunk; (chunk = chunk_at(size, i)) != 0; i += chunk) {
		memset(masks, 0, sizeof(masks));
		for (size_t c = 0; c < cluster_count; c++) {
			uint64_t span = clusters[c].end - clusters[c].start;
			/* The immediate behind the distance widens the range by its 4 bytes. */
			vector->numbers(code + i, chunk / 32, (uint32_t)(addr + i + 8), !go,
			                (uint32_t)clusters[c].start,
			                span < UINT32_MAX - 4 ? (uint32_t)span + 4 : UINT32_MAX,
			                masks);
		}
		for (size_t block = 0; block < chunk / 32; block++) {
			for (uint32_t mask = masks[block]; mask != 0; mask &= mask - 1) {
				size_t at = i + 32 * block + (size_t)__builtin_ctz(mask);
				if (!look_at_number(code, size, at, addr, windows, count, sink)) {
					return false;
				}
			}
		}
	}
	for (; i + 4 <= size; i++) {
		if (!look_at_number(code, size, i, addr, windows, count, sink)) {
			return false;
		}
	}
	return true;
}
