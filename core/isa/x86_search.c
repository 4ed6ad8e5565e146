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
	/* What all targets that are of interest have as zero among their lowest 5 bits. */
	uint8_t mask;
	/* Calls, jumps and branches, and addresses that are taken. */
	struct g2s_branch branches[CHUNK];
	struct g2s_branch takes[CHUNK];
	size_t branch_count;
	size_t take_count;
};

/* Where the distance of the instruction at code is, in bytes from there. */
static inline size_t distance_place(const uint8_t *code)
{
	return code[0] == CALL || code[0] == JUMP ? 1 : 2;
}

/* Writes down each of the count places, offsets from start, that refers to a wanted target. */
static void collect(struct collector *c, size_t start, const uint16_t *list, size_t count)
{
	const struct g2s_search *search = c->search;
	uint64_t aligned = search->aligned.start;
	uint64_t aligned_size = search->aligned.end - search->aligned.start;
	size_t branch_count = c->branch_count;
	size_t take_count = c->take_count;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *code = c->code + start + list[i];
		size_t place = distance_place(code);
		uint64_t from = start + list[i];
		uint64_t target = c->addr + from + place + 4 +
		                  (uint64_t)(int64_t)distance_at(code + place);
		uint64_t distance = target - search->base;
		bool off = (target - aligned < aligned_size) &
		           ((target & (search->align - 1)) != 0);
		bool keep = (distance < search->span) & !off;
		bool take = code[0] == LEA;
		/* Written in any case, and counted if it is to stay: a branch would cost more. */
		struct g2s_branch *to = take ? &c->takes[take_count] : &c->branches[branch_count];
		*to = (struct g2s_branch){(uint32_t)from, (uint32_t)distance};
		take_count += keep & take;
		branch_count += keep & !take;
	}
	c->branch_count = branch_count;
	c->take_count = take_count;
}

static bool tell(struct collector *c)
{
	const struct g2s_search *search = c->search;
	bool fine = c->branch_count == 0 || search->branches == NULL ||
	            search->branches(search->user, c->branches, c->branch_count);
	fine = fine && (c->take_count == 0 || search->takes == NULL || !search->go ||
	                search->takes(search->user, c->takes, c->take_count));
	c->branch_count = 0;
	c->take_count = 0;
	return fine;
}

/* How an instruction at code enters the kernel: the entry, or -1. */
static int entry_at(const uint8_t *code)
{
	if (code[0] == TWO_BYTE) {
		return code[1] == 0x05 ? ENTRY_SYSCALL : code[1] == 0x34 ? ENTRY_SYSENTER : -1;
	}
	return code[0] == INTERRUPT && code[1] == 0x80 ? ENTRY_INT80 : -1;
}

static bool tell_entry(const struct collector *c, size_t i)
{
	const struct g2s_search *search = c->search;
	int entry = entry_at(c->code + i);
	return entry < 0 || search->enters == NULL ||
	       search->enters(search->user, c->addr + i, (unsigned)entry);
}

/* How many bytes from i on, in blocks of 32, masks can be made for at once. */
static size_t chunk_at(size_t size, size_t i)
{
	size_t left = size - i > BEYOND ? size - i - BEYOND : 0;
	return (left < CHUNK ? left : CHUNK) / 32 * 32;
}

static bool has_distance(const uint8_t *code)
{
	return code[0] == CALL || code[0] == JUMP ||
	       (code[0] == TWO_BYTE && (code[1] & 0xf0) == BRANCH) ||
	       (code[0] == LEA && (code[1] & MODRM_MASK) == MODRM_RIP);
}

/* The last bytes, one by one. */
static bool search_rest(struct collector *c, size_t i)
{
	for (; i + 2 <= c->size; i++) {
		const uint8_t *code = c->code + i;
		static const uint16_t here[] = {0};
		if (has_distance(code) && c->size - i >= distance_place(code) + 4) {
			collect(c, i, here, 1);
		}
		if (!tell_entry(c, i)) {
			return false;
		}
	}
	return tell(c);
}

static bool search_chunk(struct collector *c, const struct x86_masks *vector, size_t start,
                         size_t blocks)
{
	struct x86_places places[CHUNK / 32];
	uint16_t list[CHUNK + 4];
	vector->opcodes(c->code + start, blocks, c->addr + start, c->mask, places);
	for (size_t i = 0; i < blocks; i++) {
		for (uint32_t mask = places[i].enters; mask != 0; mask &= mask - 1) {
			if (!tell_entry(c, start + 32 * i + (size_t)__builtin_ctz(mask))) {
				return false;
			}
		}
	}
	collect(c, start, list, vector->list(places, blocks, list));
	return tell(c);
}

/* Searches for the kernel's entries alone. */
static bool search_entries(struct collector *c, const struct x86_masks *vector)
{
	struct x86_block blocks[CHUNK / 32];
	size_t i = 0;
	for (size_t chunk; (chunk = chunk_at(c->size, i)) != 0; i += chunk) {
		size_t count = vector->enters(c->code + i, chunk / 32, blocks);
		for (size_t b = 0; b < count; b++) {
			size_t start = i + blocks[b].start;
			for (uint32_t mask = blocks[b].mask; mask != 0; mask &= mask - 1) {
				if (!tell_entry(c, start + (size_t)__builtin_ctz(mask))) {
					return false;
				}
			}
		}
	}
	for (; i + 2 <= c->size; i++) {
		if (!tell_entry(c, i)) {
			return false;
		}
	}
	return true;
}

bool x86_search(const struct g2s_arch *arch, const uint8_t *code, size_t size, uint64_t addr,
                const struct g2s_search *search)
{
	(void)arch;
	const struct x86_masks *vector = x86_masks();
	struct collector c;
	c.search = search;
	c.code = code;
	c.size = size;
	c.addr = addr;
	c.branch_count = 0;
	c.take_count = 0;
	if (search->branches == NULL && search->takes == NULL) {
		return search_entries(&c, vector);
	}
	bool all_aligned = search->base >= search->aligned.start &&
	                   search->span <= search->aligned.end - search->base;
	c.mask = all_aligned ? (uint8_t)((search->align - 1) & 31) : 0;
	size_t i = 0;
	for (size_t chunk; (chunk = chunk_at(size, i)) != 0; i += chunk) {
		if (!search_chunk(&c, vector, i, chunk / 32)) {
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

/* A search for operands and branches. */
struct addresses {
	const uint8_t *code;
	size_t size;
	uint64_t addr;
	enum g2s_operands operands;
	const struct g2s_window *windows;
	size_t count;
	const struct g2s_sink *sink;
	/*
	 * Ranges that hold the windows, of which a number at offset i, i + addr + 8 added to it,
	 * must meet one; or without anything added to it, when operands says so.
	 */
	struct x86_numbers ranges[X86_CLUSTERS];
	size_t range_count;
};

/* Tells of a branch, or of a take, whose distance is at i. */
static bool look_at_distance(const struct addresses *search, size_t i, uint64_t target)
{
	const uint8_t *code = search->code + i;
	const struct g2s_sink *sink = search->sink;
	size_t back = 0;
	if (i >= 1 && (code[-1] == CALL || code[-1] == JUMP)) {
		back = 1;
	} else if (i >= 2 && code[-2] == TWO_BYTE && (code[-1] & 0xf0) == BRANCH) {
		back = 2;
	}
	if (sink->branch != NULL && back != 0 && !sink->branch(sink->user, i - back, target)) {
		return false;
	}
	bool take = search->operands == G2S_OPERANDS_TAKES && i >= 2 && code[-2] == LEA &&
	            (code[-1] & MODRM_MASK) == MODRM_RIP;
	return !take || sink->address(sink->user, i - 2, target);
}

/* Tells of every address that the 4 or 8 bytes at i could stand for. */
static bool look_at_number(const struct addresses *search, size_t i)
{
	/* Behind the distance there may be an immediate of 1, 2 or 4 bytes. */
	static const uint8_t immediates[] = {0, 1, 2, 4};
	const struct g2s_sink *sink = search->sink;
	uint64_t field = (uint64_t)(int64_t)distance_at(search->code + i);
	uint64_t target = search->addr + i + 4 + field;
	if (g2s_window_has(search->windows, search->count, target) &&
	    !look_at_distance(search, i, target)) {
		return false;
	}
	if (search->operands == G2S_OPERANDS_TAKES) {
		return true;
	}
	for (size_t k = 0; k < sizeof(immediates); k++) {
		if (g2s_window_has(search->windows, search->count, target + immediates[k]) &&
		    !sink->address(sink->user, i, target + immediates[k])) {
			return false;
		}
	}
	if (search->operands == G2S_OPERANDS_RELATIVE) {
		return true;
	}
	if (g2s_window_has(search->windows, search->count, field) &&
	    !sink->address(sink->user, i, field)) {
		return false;
	}
	uint64_t whole = field;
	if (search->size - i >= 8) {
		memcpy(&whole, search->code + i, sizeof(whole));
	}
	return whole == field || !g2s_window_has(search->windows, search->count, whole) ||
	       sink->address(sink->user, i, whole);
}

/* Whether the number at i could stand for an address in one of the ranges. */
static bool may_be_wanted(const struct addresses *search, size_t i)
{
	uint32_t number = (uint32_t)distance_at(search->code + i);
	uint32_t target = number + (uint32_t)(search->addr + i + 8);
	bool absolute = search->operands == G2S_OPERANDS_ALL;
	for (size_t r = 0; r < search->range_count; r++) {
		const struct x86_numbers *range = &search->ranges[r];
		if (target - range->low < range->span ||
		    (absolute && number - range->low < range->span)) {
			return true;
		}
	}
	return false;
}

/* Adds the upper halves of span numbers from first on; false when there are too many. */
static bool add_uppers(uint16_t values[X86_UPPERS], size_t *count, uint32_t first, uint64_t span)
{
	if (span > (uint64_t)X86_UPPERS << 16) {
		return false;
	}
	uint16_t last = (uint16_t)((first + (uint32_t)span - 1) >> 16);
	for (uint16_t upper = (uint16_t)(first >> 16);; upper++) {
		size_t v = 0;
		while (v < *count && values[v] != upper) {
			v++;
		}
		if (v == X86_UPPERS) {
			return false;
		}
		values[v] = upper;
		*count += v == *count;
		if (upper == last) {
			return true;
		}
	}
}

/* The upper halves of the numbers that are wanted in bytes of code from i on. */
static bool list_uppers(const struct addresses *search, size_t i, size_t bytes,
                        uint16_t values[X86_UPPERS], size_t *count)
{
	*count = 0;
	for (size_t r = 0; r < search->range_count; r++) {
		const struct x86_numbers *range = &search->ranges[r];
		uint32_t last_place = (uint32_t)(search->addr + i + bytes - 1 + 8);
		if (!add_uppers(values, count, range->low - last_place,
		                (uint64_t)range->span + bytes - 1) ||
		    (search->operands == G2S_OPERANDS_ALL &&
		     !add_uppers(values, count, range->low, range->span))) {
			return false;
		}
	}
	return true;
}

/* Where in bytes of code from i on there could be a number that is wanted. */
static size_t find_blocks(const struct addresses *search, const struct x86_masks *vector, size_t i,
                          size_t bytes, struct x86_block *blocks)
{
	uint16_t values[X86_UPPERS];
	size_t count;
	if (list_uppers(search, i, bytes, values, &count)) {
		return vector->uppers(search->code + i, bytes / 32, values, count, blocks);
	}
	return vector->numbers(search->code + i, bytes / 32, (uint32_t)(search->addr + i + 8),
	                       search->operands == G2S_OPERANDS_ALL, search->ranges,
	                       search->range_count, blocks);
}

/*
 * An address in an operand is a distance from the end of the instruction, which is up to 4 bytes
 * of immediate behind the distance, or the address itself, sign-extended from 32 bits or whole.
 * Seen from one chunk of code, the distances to a window have one upper half, or two: bytes are
 * compared with those.
 */
bool x86_search_addresses(const struct g2s_arch *arch, const uint8_t *code, size_t size,
                          uint64_t addr, enum g2s_operands operands,
                          const struct g2s_window *windows, size_t count,
                          const struct g2s_sink *sink)
{
	(void)arch;
	const struct x86_masks *vector = x86_masks();
	struct addresses search = {code, size, addr, operands, windows, count, sink, {{0}}, 0};
	struct g2s_window clusters[X86_CLUSTERS];
	search.range_count = make_clusters(windows, count, clusters);
	for (size_t c = 0; c < search.range_count; c++) {
		uint64_t span = clusters[c].end - clusters[c].start;
		/* The immediate behind the distance widens the range by its 4 bytes. */
		search.ranges[c].low = (uint32_t)clusters[c].start;
		search.ranges[c].span = span < UINT32_MAX - 4 ? (uint32_t)span + 4 : UINT32_MAX;
	}
	struct x86_block blocks[CHUNK / 32];
	size_t i = 0;
	for (size_t chunk; (chunk = chunk_at(size, i)) != 0; i += chunk) {
		size_t block_count = find_blocks(&search, vector, i, chunk, blocks);
		for (size_t b = 0; b < block_count; b++) {
			for (uint32_t mask = blocks[b].mask; mask != 0; mask &= mask - 1) {
				size_t at = i + blocks[b].start + (size_t)__builtin_ctz(mask);
				if (may_be_wanted(&search, at) && !look_at_number(&search, at)) {
					return false;
				}
			}
		}
	}
	for (; i + 4 <= size; i++) {
		if (!look_at_number(&search, i)) {
			return false;
		}
	}
	return true;
}
