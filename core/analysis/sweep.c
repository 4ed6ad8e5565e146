/* SPDX-License-Identifier: MIT */
#include "sweep.h"

#include "g2s/memory.h"

#include <stdlib.h>

enum {
	/* No instruction is longer. */
	LONGEST = 15,
	/* How far before a mark branches are noted one by one. */
	ENTERED = 64,
	/* How far a branch with a one-byte distance reaches, its own bytes included. */
	SHORT_REACH = 130,
	/* Ranges below so many bytes are decoded at once, as are those with more marks. */
	LARGE = 4096,
	MOST_AMID = 64,
};

static bool runs_on(const struct g2s_insn *insn)
{
	return insn->step != G2S_STEP_JUMP && insn->step != G2S_STEP_JUMP_INDIRECT &&
	       insn->step != G2S_STEP_RETURN && insn->step != G2S_STEP_STOP;
}

/* A branch goes to target: that is where a block begins for the first mark behind it, or at it. */
static void note_target(struct sweep_mark *marks, size_t count, uint64_t target)
{
	size_t low = 0;
	size_t high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (marks[middle].addr < target) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	if (low < count && marks[low].block < target) {
		marks[low].block = target;
	}
	for (; low < count && marks[low].addr - target < ENTERED; low++) {
		marks[low].entered |= UINT64_C(1) << (marks[low].addr - target);
	}
}

/* Marks take over the block of the mark before, unless one begins between them. */
static void close_blocks(struct sweep_mark *marks, size_t count, bool wild)
{
	uint64_t last = 0;
	for (size_t i = 0; i < count; i++) {
		struct sweep_mark *mark = &marks[i];
		mark->block = mark->block < last ? last : mark->block;
		mark->block = mark->block < mark->run ? mark->run : mark->block;
		last = mark->block;
	}
	for (size_t i = 0; i < count && wild; i++) {
		marks[i].block = 0;
	}
}

void sweep_range(const struct g2s_arch *arch, const struct g2s_elf *elf, struct g2s_range range,
                 struct sweep_mark *marks, size_t count)
{
	struct g2s_bytes code;
	uint64_t run = range.start;
	size_t next = 0;
	bool wild = false;
	if (!g2s_elf_view(elf, range.start, &code)) {
		return;
	}
	for (uint64_t addr = range.start; addr < range.end;) {
		struct g2s_insn insn;
		size_t at = (size_t)(addr - range.start);
		bool good = at < code.size &&
		            arch->skim(arch, code.data + at, code.size - at, addr, &insn);
		uint64_t end = addr + (good ? insn.length : 1);
		while (next < count && marks[next].addr < end) {
			if (marks[next].addr >= addr) {
				marks[next].found = good && marks[next].addr == addr;
				marks[next].insn = addr;
				marks[next].run = run;
			}
			next++;
		}
		wild = wild || (good && insn.step == G2S_STEP_JUMP_INDIRECT);
		if (good && (insn.step == G2S_STEP_JUMP || insn.step == G2S_STEP_BRANCH) &&
		    insn.target >= range.start && insn.target < range.end) {
			note_target(marks, count, insn.target);
		}
		if (!good || !runs_on(&insn)) {
			run = end;
		}
		addr = end;
	}
	close_blocks(marks, count, wild);
}

/* Whether decoding from start on comes to addr. */
static bool leads_to(const struct g2s_arch *arch, struct g2s_bytes code, uint64_t start,
                     size_t distance)
{
	size_t at = 0;
	while (at < distance) {
		struct g2s_insn insn;
		bool good = arch->skim(arch, code.data + at, code.size - at, start + at, &insn);
		at += good ? insn.length : 1;
	}
	return at == distance;
}

/*
 * Whatever way control takes to addr, it passes through one of the LONGEST addresses that begin
 * ENTERED + LONGEST bytes before, unless it enters later: by a branch that the mark knows of.
 */
bool sweep_is_doubtful(const struct g2s_arch *arch, const struct g2s_elf *elf,
                       struct g2s_range range, const struct sweep_mark *mark)
{
	for (uint64_t back = 0; back < ENTERED + LONGEST; back++) {
		struct g2s_bytes code;
		bool enters = back < ENTERED && (mark->entered >> back & 1) != 0;
		if (mark->addr - range.start < back) {
			return false;
		}
		uint64_t start = mark->addr - back;
		/* From the start of the range on there is only one way, which was taken. */
		if ((enters || back >= ENTERED) && start != range.start &&
		    g2s_elf_view(elf, start, &code) &&
		    leads_to(arch, code, start, (size_t)back)) {
			return true;
		}
	}
	return false;
}

/*
 * Whether whatever way control takes to addr leads into the midst of an instruction that does not
 * enter the kernel, unless it enters within ENTERED bytes before.
 */
static bool is_amid(const struct g2s_arch *arch, const struct g2s_elf *elf, uint64_t addr)
{
	for (uint64_t back = ENTERED; back < ENTERED + LONGEST; back++) {
		struct g2s_bytes code;
		struct g2s_insn insn = {0};
		if (!g2s_elf_view(elf, addr - back, &code)) {
			return false;
		}
		for (size_t at = 0; at < back;) {
			bool good = arch->skim(arch, code.data + at, code.size - at,
			                       addr - back + at, &insn);
			at += good ? insn.length : 1;
			if (at == back || (at > back && insn.enters != 0)) {
				return false;
			}
		}
	}
	return true;
}

static bool refuse_branch(void *user, size_t offset, uint64_t target)
{
	(void)user;
	(void)offset;
	(void)target;
	return false;
}

static bool pass_over(void *user, size_t offset, uint64_t target)
{
	(void)user;
	(void)offset;
	(void)target;
	return true;
}

/* Whether decoding [start, end) meets no branch into the window. */
static bool passes_by(const struct g2s_arch *arch, struct g2s_bytes code, struct g2s_range range,
                      uint64_t start, uint64_t end, struct g2s_window window)
{
	while (start < end) {
		struct g2s_insn insn;
		size_t at = (size_t)(start - range.start);
		bool good = arch->skim(arch, code.data + at, code.size - at, start, &insn);
		if (good && (insn.step == G2S_STEP_JUMP || insn.step == G2S_STEP_BRANCH) &&
		    insn.target >= window.start && insn.target < window.end) {
			return false;
		}
		start += good ? insn.length : 1;
	}
	return true;
}

/*
 * Whether no branch of range leads into one of the windows: one with a short distance, whatever way
 * control takes there, and anything that looks like one with a long distance.
 */
static bool lacks_branches(const struct g2s_arch *arch, struct g2s_bytes code,
                           struct g2s_range range, const struct g2s_window *windows, size_t count)
{
	const struct g2s_sink sink = {.branch = refuse_branch, .address = pass_over};
	for (size_t i = 0; i < count; i++) {
		uint64_t start = windows[i].start - SHORT_REACH - LONGEST;
		uint64_t end = range.end - windows[i].end < SHORT_REACH
		                       ? range.end
		                       : windows[i].end + SHORT_REACH;
		for (uint64_t way = 0; way < LONGEST; way++) {
			if (!passes_by(arch, code, range, start + way, end, windows[i])) {
				return false;
			}
		}
	}
	return arch->search_addresses(arch, code.data, code.size, range.start, G2S_OPERANDS_TAKES,
	                              windows, count, &sink);
}

bool sweep_is_needless(const struct g2s_arch *arch, const struct g2s_elf *elf,
                       struct g2s_range range, const struct sweep_mark *marks, size_t count)
{
	struct g2s_window windows[MOST_AMID];
	size_t window_count = 0;
	struct g2s_bytes code;
	if (range.end - range.start < LARGE || count > MOST_AMID ||
	    !g2s_elf_view(elf, range.start, &code) || code.size < range.end - range.start) {
		return false;
	}
	code.size = (size_t)(range.end - range.start);
	for (size_t i = 0; i < count; i++) {
		uint64_t addr = marks[i].addr;
		if (addr - range.start < ENTERED + SHORT_REACH + LONGEST ||
		    !is_amid(arch, elf, addr)) {
			return false;
		}
		struct g2s_window *last = &windows[window_count - (window_count != 0)];
		if (window_count != 0 && addr - ENTERED <= last->end) {
			last->end = addr + 1;
		} else {
			windows[window_count++] = (struct g2s_window){addr - ENTERED, addr + 1};
		}
	}
	return lacks_branches(arch, code, range, windows, window_count);
}

bool sweep_settle(const struct g2s_arch *arch, const struct g2s_elf *elf, struct sweep_mark *mark,
                  struct g2s_insn *insn)
{
	struct g2s_bytes code;
	if (mark->insn == 0 || !g2s_elf_view(elf, mark->insn, &code) ||
	    !arch->skim(arch, code.data, code.size, mark->insn, insn)) {
		return false;
	}
	/* A block that begins between the two says nothing about where this instruction's does. */
	if (mark->block > mark->insn) {
		mark->block = 0;
	}
	mark->addr = mark->insn;
	mark->found = true;
	return true;
}

bool sweep_next_run(const struct g2s_arch *arch, const struct g2s_elf *elf,
                    struct g2s_range range, uint64_t *run)
{
	struct g2s_bytes code;
	if (!g2s_elf_view(elf, range.start, &code)) {
		return false;
	}
	for (uint64_t addr = *run; addr < range.end;) {
		struct g2s_insn insn;
		size_t at = (size_t)(addr - range.start);
		bool good = at < code.size &&
		            arch->skim(arch, code.data + at, code.size - at, addr, &insn);
		addr += good ? insn.length : 1;
		if (!good || !runs_on(&insn)) {
			*run = addr;
			return addr < range.end;
		}
	}
	return false;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

struct starts {
	uint64_t *items;
	size_t count;
	size_t capacity;
};

static bool add_start(struct starts *starts, uint64_t addr)
{
	if (!g2s_grow(&starts->items, &starts->capacity, starts->count + 1,
	              sizeof(*starts->items))) {
		return false;
	}
	starts->items[starts->count++] = addr;
	return true;
}

static bool on_grid(const uint8_t *grid, struct g2s_range gap, uint64_t addr)
{
	uint64_t at = addr - gap.start;
	return addr >= gap.start && addr < gap.end && (grid[at / 8] >> at % 8 & 1) != 0;
}

/* Decodes the gap: notes where instructions begin, and what they call inside of it. */
static bool decode_gap(const struct g2s_arch *arch, const struct g2s_elf *elf,
                       struct g2s_range gap, uint8_t *grid, struct starts *starts)
{
	struct g2s_bytes code;
	if (!g2s_elf_view(elf, gap.start, &code)) {
		return true;
	}
	for (uint64_t addr = gap.start; addr < gap.end;) {
		struct g2s_insn insn;
		size_t at = (size_t)(addr - gap.start);
		if (at >= code.size ||
		    !arch->skim(arch, code.data + at, code.size - at, addr, &insn)) {
			addr++;
			continue;
		}
		grid[at / 8] |= (uint8_t)(1 << at % 8);
		/* What is called, and code the address of which is taken. */
		uint64_t start = insn.step == G2S_STEP_CALL ? insn.target : insn.address;
		if (start >= gap.start && start < gap.end && !add_start(starts, start)) {
			return false;
		}
		addr += insn.length;
	}
	return true;
}

bool sweep_split(const struct g2s_arch *arch, struct g2s_funcs *funcs, struct g2s_range gap,
                 const uint64_t *targets, size_t count)
{
	struct starts starts = {0};
	uint8_t *grid = calloc((size_t)(gap.end - gap.start) / 8 + 1, 1);
	bool fine = grid != NULL && decode_gap(arch, funcs->elf, gap, grid, &starts);
	for (size_t i = 0; fine && i < count; i++) {
		fine = add_start(&starts, targets[i]);
	}
	size_t kept = 0;
	if (fine && starts.count != 0) {
		qsort(starts.items, starts.count, sizeof(*starts.items), by_value);
	}
	for (size_t i = 0; fine && i < starts.count; i++) {
		if (on_grid(grid, gap, starts.items[i]) &&
		    (kept == 0 || starts.items[kept - 1] != starts.items[i])) {
			starts.items[kept++] = starts.items[i];
		}
	}
	fine = fine && g2s_funcs_split(funcs, gap, starts.items, kept);
	free(starts.items);
	free(grid);
	return fine;
}

bool sweep_split_all(const struct g2s_arch *arch, struct g2s_funcs *funcs,
                     const struct g2s_range *gaps, size_t gap_count, const uint64_t *targets,
                     size_t count)
{
	/* Grows at its end only: a split in the table itself would move what is behind it. */
	struct g2s_funcs pieces = {.elf = funcs->elf};
	bool fine = true;
	for (size_t i = 0; fine && i < gap_count; i++) {
		for (; count != 0 && *targets < gaps[i].start; targets++) {
			count--;
		}
		size_t inside = 0;
		while (inside < count && targets[inside] < gaps[i].end) {
			inside++;
		}
		fine = sweep_split(arch, &pieces, gaps[i], targets, inside);
	}
	fine = fine && g2s_funcs_add(funcs, &pieces);
	g2s_funcs_free(&pieces);
	return fine;
}
