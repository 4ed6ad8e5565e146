/* SPDX-License-Identifier: MIT */
#include "returns.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* Most instructions and branches of one function that are looked at. */
	MAX_LOOKS = 512,
	/* Most functions that call each other. */
	MAX_DEPTH = 6,
	TABLE_START = 256,
	/* Instructions within which a caller's registers are stored, and how many of them. */
	MAX_SAVING = 40,
	MIN_SAVED = 4,
	/* The bits of an entry of the table. */
	BACK = 1,
	AGAIN = 2,
};

/* The walk through one function: where to go on, and where it has been. */
struct walk {
	struct returns *returns;
	const struct g2s_function *function;
	unsigned depth;
	uint64_t todo[MAX_LOOKS];
	size_t todo_count;
	uint64_t seen[MAX_LOOKS];
	size_t seen_count;
};

static bool comes_back(struct returns *returns, uint64_t entry, unsigned depth);

static bool was_seen(struct walk *walk, uint64_t addr)
{
	for (size_t i = 0; i < walk->seen_count; i++) {
		if (walk->seen[i] == addr) {
			return true;
		}
	}
	return false;
}

/* Where to go on from a jump or branch; true when it leaves the function and may come back. */
static bool go_to(struct walk *walk, uint64_t target)
{
	if (target < walk->function->start || target >= walk->function->end) {
		return comes_back(walk->returns, target, walk->depth + 1);
	}
	if (walk->todo_count == MAX_LOOKS) {
		return true;
	}
	walk->todo[walk->todo_count++] = target;
	return false;
}

/*
 * Follows straight code from addr on to its end; true when it may come back.  Only places that
 * jumps lead to are remembered: what a run meets again is short.
 */
static bool run(struct walk *walk, uint64_t addr, unsigned *looks)
{
	const struct g2s_arch *arch = walk->returns->arch;
	struct g2s_bytes code;
	struct g2s_insn insn;
	for (; (*looks)++ < MAX_LOOKS; addr += insn.length) {
		/* Code that runs on into the next function comes back from there. */
		if (addr >= walk->function->end ||
		    !g2s_elf_view(walk->returns->funcs->elf, addr, &code) ||
		    !arch->skim(arch, code.data, code.size, addr, &insn)) {
			return true;
		}
		switch (insn.step) {
		case G2S_STEP_RETURN:
		case G2S_STEP_JUMP_INDIRECT:
			return true;
		case G2S_STEP_STOP:
			return false;
		case G2S_STEP_JUMP:
			return go_to(walk, insn.target);
		case G2S_STEP_BRANCH:
			if (go_to(walk, insn.target)) {
				return true;
			}
			break;
		case G2S_STEP_CALL:
			if (!comes_back(walk->returns, insn.target, walk->depth + 1)) {
				return false;
			}
			break;
		default:
			break;
		}
	}
	return true;
}

static bool walk_function(struct returns *returns, const struct g2s_function *function,
                          unsigned depth)
{
	struct walk walk;
	unsigned looks = 0;
	walk.returns = returns;
	walk.function = function;
	walk.depth = depth;
	walk.seen_count = 0;
	walk.todo_count = 1;
	walk.todo[0] = function->start;
	while (walk.todo_count != 0) {
		uint64_t addr = walk.todo[--walk.todo_count];
		if (was_seen(&walk, addr)) {
			continue;
		}
		if (walk.seen_count == MAX_LOOKS) {
			return true;
		}
		walk.seen[walk.seen_count++] = addr;
		if (run(&walk, addr, &looks)) {
			return true;
		}
	}
	return false;
}

/* The caller's registers that insn stores through a pointer which is not one of them, as a mask. */
static uint64_t saved_by(const struct g2s_arch *arch, const struct g2s_insn *insn)
{
	uint64_t saved = 0;
	for (unsigned e = 0; e < insn->effect_count; e++) {
		const struct g2s_effect *effect = &insn->effects[e];
		const struct g2s_operand *dst = &effect->dst;
		if (effect->op == G2S_OP_MOVE && dst->kind == G2S_OPERAND_MEMORY &&
		    dst->reg < G2S_REGISTERS && (arch->kept_by_c >> dst->reg & 1) == 0 &&
		    effect->a.kind == G2S_OPERAND_REGISTER && effect->a.width == arch->word) {
			saved |= UINT64_C(1) << effect->a.reg & arch->kept_by_c;
		}
	}
	return saved;
}

/* True for code that begins by storing most of its caller's registers, from where they are. */
static bool saves_context(const struct returns *returns, uint64_t entry)
{
	struct g2s_bytes code;
	struct g2s_insn insn;
	uint64_t saved = 0;
	uint64_t addr = entry;
	for (unsigned i = 0; i < MAX_SAVING; i++) {
		if (!g2s_elf_view(returns->funcs->elf, addr, &code) ||
		    !returns->arch->decode(returns->arch, code.data, code.size, addr, &insn)) {
			break;
		}
		saved |= saved_by(returns->arch, &insn);
		if (insn.step == G2S_STEP_RETURN || insn.step == G2S_STEP_STOP ||
		    insn.step == G2S_STEP_JUMP_INDIRECT) {
			break;
		}
		addr = insn.step == G2S_STEP_JUMP ? insn.target : addr + insn.length;
	}
	unsigned count = 0;
	for (; saved != 0; saved &= saved - 1) {
		count++;
	}
	return count >= MIN_SAVED;
}

/* The place of entry in the table: where it is, or the free one where it belongs. */
static uint64_t *place(const struct returns *returns, uint64_t entry)
{
	size_t mask = returns->size - 1;
	size_t at = (size_t)(entry * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;
	while (returns->table[at] != 0 && returns->table[at] >> 2 != entry) {
		at = (at + 1) & mask;
	}
	return &returns->table[at];
}

/* Makes room for one more; false when there is none, and then nothing is remembered. */
static bool make_room(struct returns *returns)
{
	if (returns->count * 2 < returns->size) {
		return true;
	}
	struct returns larger = *returns;
	larger.size = returns->size == 0 ? TABLE_START : returns->size * 2;
	larger.table = calloc(larger.size, sizeof(*larger.table));
	if (larger.table == NULL) {
		return false;
	}
	for (size_t i = 0; i < returns->size; i++) {
		if (returns->table[i] != 0) {
			*place(&larger, returns->table[i] >> 2) = returns->table[i];
		}
	}
	free(returns->table);
	*returns = larger;
	return true;
}

/* What the table is to say of the function at entry; BACK alone when it cannot be looked at. */
static unsigned look_up(struct returns *returns, uint64_t entry, unsigned depth)
{
	const struct g2s_function *function = g2s_funcs_find(returns->funcs, entry);
	if (function == NULL || function->start != entry || entry >> 62 != 0 ||
	    depth == MAX_DEPTH || !make_room(returns)) {
		return BACK;
	}
	uint64_t known = *place(returns, entry);
	if (known != 0) {
		return (unsigned)known & (BACK | AGAIN);
	}
	/* While it is being looked at, and for those who call it in a circle, it does. */
	*place(returns, entry) = entry << 2 | BACK;
	returns->count++;
	const struct g2s_function copy = *function;
	unsigned found = walk_function(returns, &copy, depth) ? BACK : 0;
	found |= saves_context(returns, entry) ? AGAIN : 0;
	*place(returns, entry) = entry << 2 | found;
	return found;
}

static bool comes_back(struct returns *returns, uint64_t entry, unsigned depth)
{
	return (look_up(returns, entry, depth) & BACK) != 0;
}

/* Forgets everything when there are functions that there were not. */
static void refresh(struct returns *returns)
{
	if (returns->function_count != returns->funcs->count && returns->table != NULL) {
		memset(returns->table, 0, returns->size * sizeof(*returns->table));
		returns->count = 0;
	}
	returns->function_count = returns->funcs->count;
}

bool returns_from(struct returns *returns, uint64_t entry)
{
	refresh(returns);
	return comes_back(returns, entry, 0);
}

bool returns_again(struct returns *returns, uint64_t entry)
{
	refresh(returns);
	return (look_up(returns, entry, 0) & AGAIN) != 0;
}

void returns_free(struct returns *returns)
{
	free(returns->table);
	*returns = (struct returns){0};
}
