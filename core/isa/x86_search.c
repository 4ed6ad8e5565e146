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

bool x86_search(const uint8_t *code, size_t size, uint64_t addr, bool go,
                const struct g2s_sink *sink)
{
	for (size_t i = 0; i + 2 <= size; i++) {
		bool more = true;
		switch (code[i]) {
		case TWO_BYTE:
			more = found_two_bytes(code, size, i, addr, go, sink);
			break;
		case 0xcd:
			if (code[i + 1] == 0x80) {
				more = sink->enters(sink->user, i, ENTRY_INT80);
			}
			break;
		case CALL:
		case JUMP:
			if (size - i >= 5) {
				int64_t distance = distance_at(code + i + 1);
				more = sink->branch(sink->user, i,
				                    addr + i + 5 + (uint64_t)distance);
			}
			break;
		default:
			break;
		}
		if (!more) {
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

static bool in_windows(const struct g2s_window *windows, size_t count, uint64_t addr)
{
	size_t low = 0;
	size_t high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (addr < windows[middle].start) {
			high = middle;
		} else if (addr >= windows[middle].end) {
			low = middle + 1;
		} else {
			return true;
		}
	}
	return false;
}

/*
 * An address in an operand is a distance from the end of the instruction, which is up to 4
 * bytes of immediate behind the distance, or the address itself, sign-extended from 32 bits or
 * whole.
 */
bool x86_search_addresses(const uint8_t *code, size_t size, uint64_t addr,
                          const struct g2s_window *windows, size_t count,
                          const struct g2s_sink *sink)
{
	if (count == 0) {
		return true;
	}
	uint64_t low = windows[0].start;
	uint64_t span = windows[count - 1].end - low;
	for (size_t i = 0; i + 4 <= size; i++) {
		uint64_t field = (uint64_t)(int64_t)distance_at(code + i);
		uint64_t relative = addr + i + 4 + field;
		/* Behind the distance there may be an immediate of 0, 1, 2 or 4 bytes. */
		if (relative + 4 - low < span + 4) {
			static const uint8_t immediates[] = {0, 1, 2, 4};
			for (size_t k = 0; k < sizeof(immediates); k++) {
				uint64_t target = relative + immediates[k];
				if (in_windows(windows, count, target) &&
				    !sink->address(sink->user, i, target)) {
					return false;
				}
			}
		}
		if (field - low < span && in_windows(windows, count, field) &&
		    !sink->address(sink->user, i, field)) {
			return false;
		}
		uint64_t whole;
		if (size - i >= 8) {
			memcpy(&whole, code + i, sizeof(whole));
			if (whole != field && whole - low < span &&
			    in_windows(windows, count, whole) &&
			    !sink->address(sink->user, i, whole)) {
				return false;
			}
		}
	}
	return true;
}
