/* SPDX-License-Identifier: MIT */
/*
 * Calls into the middle of a function, as Go copies and clears arrays (runtime.duffcopy): a run of
 * moves of which the last part is called.  Where that could put a table on the stack, it is
 * applied instruction by instruction; elsewhere that would cost more than it tells.
 */
#include "state.h"

enum {
	/* Most instructions: duffcopy has 257. */
	MAX_INLINE = 320,
};

/* True when the instruction neither goes elsewhere nor uses the stack pointer. */
static bool is_plain(const struct machine *m, const struct g2s_insn *insn)
{
	uint8_t sp = m->arch->stack_pointer;
	uint64_t others = insn->clobbers | insn->reads;
	if (insn->step != G2S_STEP_NEXT || insn->enters != 0 || (others >> sp & 1) != 0) {
		return false;
	}
	for (unsigned e = 0; e < insn->effect_count; e++) {
		const struct g2s_effect *effect = &insn->effects[e];
		const struct g2s_operand *operands[] = {&effect->dst, &effect->a, &effect->b};
		for (unsigned i = 0; i < 3; i++) {
			bool names = operands[i]->kind == G2S_OPERAND_REGISTER ||
			             operands[i]->kind == G2S_OPERAND_MEMORY;
			if (names && (operands[i]->reg == sp || operands[i]->index == sp)) {
				return false;
			}
		}
	}
	return true;
}

/* Decodes from target on; with state, applies what is decoded.  False when it is not plain. */
static bool run(const struct machine *m, struct g2s_state *state, uint64_t target)
{
	struct g2s_bytes code;
	struct g2s_insn insn;
	size_t at = 0;
	if (!g2s_elf_is_code(m->funcs->elf, target) ||
	    !g2s_elf_view(m->funcs->elf, target, &code)) {
		return false;
	}
	for (unsigned i = 0; i < MAX_INLINE && at < code.size; i++, at += insn.length) {
		if (!m->arch->decode(m->arch, code.data + at, code.size - at, target + at, &insn)) {
			return false;
		}
		if (insn.step == G2S_STEP_RETURN) {
			return true;
		}
		if (!is_plain(m, &insn)) {
			return false;
		}
		if (state != NULL) {
			state_step(m, state, &insn);
		}
	}
	return false;
}

/* True when constant memory could be copied to the stack: everything else is no table. */
static bool may_copy_table(const struct machine *m, const struct g2s_state *state)
{
	bool from = false;
	bool to = false;
	for (unsigned i = 0; i < G2S_REGISTERS; i++) {
		uint64_t addr;
		int64_t offset;
		g2s_value value = state->registers[i];
		if ((m->arch->passed_by_go >> i & 1) == 0) {
			continue;
		}
		from = from || (g2s_value_is_const(m->values, value, &addr) &&
		                g2s_elf_segment(m->funcs->elf, addr) != NULL &&
		                !g2s_elf_is_writable(m->funcs->elf, addr));
		to = to || g2s_value_is_stack(m->values, value, &offset);
	}
	return from && to;
}

bool state_inline(const struct machine *m, struct g2s_state *state, const struct g2s_insn *insn)
{
	if (!m->go || insn->step != G2S_STEP_CALL || *m->inlines_left == 0 ||
	    !may_copy_table(m, state)) {
		return false;
	}
	const struct g2s_function *callee = g2s_funcs_find(m->funcs, insn->target);
	if (callee == NULL || callee->go == 0 || callee->start == insn->target ||
	    !run(m, NULL, insn->target)) {
		return false;
	}
	--*m->inlines_left;
	return run(m, state, insn->target);
}
