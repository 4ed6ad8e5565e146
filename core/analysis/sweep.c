/* SPDX-License-Identifier: MIT */
#include "sweep.h"

#include "g2s/memory.h"

#include <stdlib.h>

static bool runs_on(const struct g2s_insn *insn)
{
	return insn->step != G2S_STEP_JUMP && insn->step != G2S_STEP_JUMP_INDIRECT &&
	       insn->step != G2S_STEP_RETURN && insn->step != G2S_STEP_STOP;
}

void sweep_range(const struct g2s_arch *arch, const struct g2s_elf *elf, struct g2s_range range,
                 struct sweep_mark *marks, size_t count)
{
	struct g2s_bytes code;
	uint64_t run = range.start;
	size_t next = 0;
	if (!g2s_elf_view(elf, range.start, &code)) {
		return;
	}
	uint64_t addr = range.start;
	while (addr < range.end && next < count) {
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
		if (!good || !runs_on(&insn)) {
			run = end;
		}
		addr = end;
	}
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
		if (at >= code.size || !arch->skim(arch, code.data + at, code.size - at, addr, &insn)) {
			addr++;
			continue;
		}
		grid[at / 8] |= (uint8_t)(1 << at % 8);
		if (insn.step == G2S_STEP_CALL && insn.target >= gap.start &&
		    insn.target < gap.end && !add_start(starts, insn.target)) {
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
