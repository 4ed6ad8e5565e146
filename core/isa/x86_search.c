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
	/* What is collected before it is told: all that a chunk, or the rest, can hold. */
	BATCH = CHUNK,
	/* LEA, and the bits of ModRM that say "a distance from the instruction". */
	LEA = 0x8d,
	MODRM_MASK = 0xc7,
	MODRM_RIP = 0x05,
};

static int32_t distance_at(const uint8_t *code)
{
	int32_t distance;
	memcpy(&distance, code, sizeof(distance));
	return distance;
}

/* A search of one stretch of code, and what it has collected and not yet told. */
struct collector {
	const struct g2s_search *search;
	const uint8_t *code;
	size_t size;
	uint64_t addr;
	size_t branch_count;
	size_t take_count;
	struct g2s_branch branches[BATCH];
	struct g2s_branch takes[BATCH];
};

/*
 * Writes down that the instruction at offset from refers to target, if that is of interest:
 * answers 1 then, and 0 when the same place is to be used again.
 */
static inline size_t collect(const struct g2s_search *search, size_t from, uint64_t target,
                             struct g2s_branch *to)
{
	uint64_t distance = target - search->base;
	bool aligned = target - search->aligned.start < search->aligned.end - search->aligned.start;
	*to = (struct g2s_branch){(uint32_t)from, (uint32_t)distance};
	return distance < search->span && !(aligned && (target & (search->align - 1)) != 0);
}

/* The address that the 4 bytes at offset at, which end an instruction, are the distance to. */
static inline uint64_t target_at(const struct collector *c, size_t at)
{
	return c->addr + at + 4 + (uint64_t)(int64_t)distance_at(c->code + at);
}

static bool tell(struct collector *c)
{
	const struct g2s_search *search = c->search;
	bool fine = c->branch_count == 0 || search->branches == NULL ||
	            search->branches(search->user, c->branches, c->branch_count);
	fine = fine && (c->take_count == 0 || search->takes == NULL ||
	                search->takes(search->user, c->takes, c->take_count));
	c->branch_count = 0;
	c->take_count = 0;
	return fine;
}

/* A direct call or jump with a 32-bit distance at offset i. */
static inline void look_at_branch(struct collector *c, size_t i)
{
	c->branch_count += collect(c->search, i, target_at(c, i + 1), &c->branches[c->branch_count]);
}

/* LEA at offset i, of 6 bytes and maybe a prefix before them. */
static void look_at_take(struct collector *c, size_t i)
{
	c->take_count += collect(c->search, i, target_at(c, i + 2), &c->takes[c->take_count]);
}

static bool look_at_other(struct collector *c, size_t i)
{
	const struct g2s_search *search = c->search;
	uint8_t next = c->code[i + 1];
	bool enters = true;
	unsigned entry = ENTRY_INT80;
	if (c->code[i] == TWO_BYTE && next == 0x05) {
		entry = ENTRY_SYSCALL;
	} else if (c->code[i] == TWO_BYTE && next == 0x34) {
		entry = ENTRY_SYSENTER;
	} else {
		enters = c->code[i] == INTERRUPT && next == 0x80;
	}
	if (enters) {
		return search->enters == NULL || search->enters(search->user, c->addr + i, entry);
	}
	if (c->code[i] == TWO_BYTE && (next & 0xf0) == BRANCH && c->size - i >= 6) {
		c->branch_count += collect(search, i, target_at(c, i + 2),
		                           &c->branches[c->branch_count]);
	}
	return true;
}

/* How many bytes from i on, in blocks of 32, masks can be made for at once. */
static size_t chunk_at(size_t size, size_t i)
{
	size_t left = size - i > BEYOND ? size - i - BEYOND : 0;
	return (left < CHUNK ? left : CHUNK) / 32 * 32;
}

static bool search_block(struct collector *c, const struct x86_places *places, size_t start)
{
	for (uint32_t mask = places->branches; mask != 0; mask &= mask - 1) {
		look_at_branch(c, start + (size_t)__builtin_ctz(mask));
	}
	for (uint32_t mask = places->others; mask != 0; mask &= mask - 1) {
		if (!look_at_other(c, start + (size_t)__builtin_ctz(mask))) {
			return false;
		}
	}
	if (c->search->go) {
		for (uint32_t mask = places->takes; mask != 0; mask &= mask - 1) {
			look_at_take(c, start + (size_t)__builtin_ctz(mask));
		}
	}
	return true;
}

/* The last bytes, one by one. */
static bool search_rest(struct collector *c, size_t i)
{
	for (; i + 2 <= c->size; i++) {
		const uint8_t *code = c->code + i;
		if ((code[0] == CALL || code[0] == JUMP) && c->size - i >= 5) {
			look_at_branch(c, i);
		} else if (code[0] == LEA && (code[1] & MODRM_MASK) == MODRM_RIP &&
		           c->search->go && c->size - i >= 6) {
			look_at_take(c, i);
		} else if (!look_at_other(c, i)) {
			return false;
		}
	}
	return tell(c);
}

bool x86_search(const uint8_t *code, size_t size, uint64_t addr,
                const struct g2s_search *search)
{
	const struct x86_masks *vector = x86_masks();
	struct x86_places places[CHUNK / 32];
	struct collector c;
	c.search = search;
	c.code = code;
	c.size = size;
	c.addr = addr;
	c.branch_count = 0;
	c.take_count = 0;
	size_t i = 0;
	for (size_t chunk; (chunk = chunk_at(size, i)) != 0; i += chunk) {
		vector->opcodes(code + i, chunk / 32, places);
		for (size_t block = 0; block < chunk / 32; block++) {
			if (!search_block(&c, &places[block], i + 32 * block)) {
				return false;
			}
		}
		if (!tell(&c)) {
			return false;
		}
	}
	return search_rest(&c, i);
}

bool x86_search_near(const uint8_t *code, size_t size, uint64_t addr, struct g2s_window window,
                     const struct g2s_sink *sink)
{
	for (size_t i = 0; i + 2 <= size; i++) {
		uint8_t byte = code[i];
		bool branch = (byte & 0xf0) == BRANCH_SHORT || byte == JUMP_SHORT ||
		              (byte >= LOOP_FIRST && byte <= LOOP_LAST);
		uint64_t target = addr + i + 2 + (uint64_t)(int64_t)(int8_t)code[i + 1];
		if (branch && target >= window.start && target < window.end &&
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
                            struct g2s_window clusters[X86_CLUSTERS])
{
	uint64_t gap = 4096;
	for (;; gap *= 2) {
		size_t made = 0;
		for (size_t i = 0; i < count; i++) {
			bool near = made != 0 && (windows[i].start - clusters[made - 1].end < gap ||
			                          windows[i].start < clusters[made - 1].end);
			if (!near && made == X86_CLUSTERS) {
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
	struct g2s_window clusters[X86_CLUSTERS];
	size_t cluster_count = make_clusters(windows, count, clusters);
	struct x86_numbers wanted[X86_CLUSTERS];
	for (size_t c = 0; c < cluster_count; c++) {
		uint64_t span = clusters[c].end - clusters[c].start;
		/* The immediate behind the distance widens the range by its 4 bytes. */
		wanted[c].low = (uint32_t)clusters[c].start;
		wanted[c].span = span < UINT32_MAX - 4 ? (uint32_t)span + 4 : UINT32_MAX;
	}
	uint32_t masks[CHUNK / 32];
	size_t i = 0;
	for (size_t chunk; (chunk = chunk_at(size, i)) != 0; i += chunk) {
		vector->numbers(code + i, chunk / 32, (uint32_t)(addr + i + 8), !go, wanted,
		                cluster_count, masks);
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
