/* SPDX-License-Identifier: MIT */
#include "stubs.h"

#include "g2s/memory.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* Bytes of a stub (psABI x86-64, 5.2), and instructions of it before its jump. */
	STUB = 16,
	BEFORE_JUMP = 2,
};

/* True when code at addr comes to a jump through a slot, or to one of stubs, right away. */
static bool is_stub(const struct g2s_program *program, uint64_t addr, struct g2s_range all)
{
	struct g2s_bytes code;
	struct g2s_insn insn;
	if (!g2s_elf_view(&program->elf, addr, &code)) {
		return false;
	}
	size_t at = 0;
	for (unsigned i = 0; i <= BEFORE_JUMP; i++) {
		size_t count;
		if (at >= code.size ||
		    !program->arch->skim(program->arch, code.data + at, code.size - at, addr + at,
		                         &insn)) {
			return false;
		}
		if (insn.step == G2S_STEP_JUMP || insn.step == G2S_STEP_JUMP_INDIRECT) {
			bool slot = insn.address != 0 &&
			            g2s_link_slots(program->link, insn.address, &count) != NULL;
			return slot || (insn.step == G2S_STEP_JUMP && insn.target == all.start);
		}
		if (insn.step != G2S_STEP_NEXT) {
			return false;
		}
		at += insn.length;
	}
	return false;
}

/* True for a function that is nothing but stubs, the first of which may be another one. */
static bool is_table(const struct g2s_program *program, const struct g2s_function *function)
{
	struct g2s_range all = {function->start, function->end};
	if (function->go != 0 || (all.start & (STUB - 1)) != 0 || all.end - all.start < 2 * STUB ||
	    (all.end - all.start) % STUB != 0) {
		return false;
	}
	for (uint64_t at = all.start + STUB; at < all.end; at += STUB) {
		if (!is_stub(program, at, all)) {
			return false;
		}
	}
	return true;
}

bool stubs_split(struct g2s_program *program)
{
	struct g2s_funcs *funcs = &program->funcs;
	struct g2s_function *items = NULL;
	size_t count = 0;
	size_t capacity = 0;
	for (size_t i = 0; i < funcs->count; i++) {
		const struct g2s_function *function = &funcs->items[i];
		size_t parts = 1;
		if (is_table(program, function)) {
			parts = (size_t)((function->end - function->start) / STUB);
		}
		if (!g2s_grow(&items, &capacity, count + parts, sizeof(*items))) {
			free(items);
			return false;
		}
		for (size_t p = 0; p < parts; p++) {
			items[count] = *function;
			if (parts != 1) {
				items[count].start = function->start + p * STUB;
				items[count].end = items[count].start + STUB;
				items[count].symbol = p == 0 ? function->symbol : 0;
			}
			count++;
		}
	}
	free(funcs->items);
	funcs->items = items;
	funcs->count = count;
	funcs->capacity = capacity;
	return true;
}
