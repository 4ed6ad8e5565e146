/* SPDX-License-Identifier: MIT */
#include "state.h"

#include <limits.h>
#include <string.h>

enum {
	/* No slot: larger than every offset that is followed. */
	NOWHERE = INT32_MAX,
	/* Frames beyond this are not followed; no stack is larger. */
	STACK_REACH = 1 << 30,
	/* Where the stack pointer is put when nothing is known of it: deep in the own frame. */
	LOST_STACK = -(1 << 20),
	/* A store below this address is a trap in every program: the null page. */
	NULL_PAGE = 4096,
};

static g2s_value unknown(const struct machine *m, enum g2s_reason reason)
{
	return g2s_value_unknown(m->values, reason);
}

static g2s_value zero(const struct machine *m)
{
	return g2s_value_const(m->values, 0);
}

static void clear_vectors(const struct machine *m, struct g2s_state *state)
{
	g2s_value computed = unknown(m, G2S_REASON_COMPUTED);
	for (unsigned i = 0; i < G2S_VECTORS; i++) {
		state->vectors[i][0] = state->vectors[i][1] = computed;
	}
	if (m->go && m->arch->go_zero_vector != G2S_NO_REGISTER) {
		/*
		 * Go's register ABI keeps this vector zero (cmd/compile/abi-internal.md); older
		 * compilers never read it before they wrote it.
		 */
		state->vectors[m->arch->go_zero_vector][0] = zero(m);
		state->vectors[m->arch->go_zero_vector][1] = zero(m);
	}
}

/* All but the registers, as at a function's entry. */
static void clear(const struct machine *m, struct g2s_state *state)
{
	state->slot_count = 0;
	state->widened = false;
	state->compared = (struct comparison){.reg = G2S_NO_REGISTER};
	state->args_known = NOWHERE;
	state->frame_escaped = NOWHERE;
	state->args_escaped = NOWHERE;
	clear_vectors(m, state);
}

void state_enter(const struct machine *m, struct g2s_state *state)
{
	clear(m, state);
	for (unsigned i = 0; i < G2S_REGISTERS; i++) {
		state->registers[i] = g2s_value_of(
			m->values, (struct g2s_atom){.kind = G2S_ATOM_REGISTER, .value = i});
	}
	state->registers[m->arch->stack_pointer] = g2s_value_stack(m->values, 0);
	state->registers[G2S_SCRATCH] = unknown(m, G2S_REASON_COMPUTED);
}

void state_unknown(const struct machine *m, struct g2s_state *state)
{
	clear(m, state);
	for (unsigned i = 0; i < G2S_REGISTERS; i++) {
		state->registers[i] = unknown(m, G2S_REASON_COMPUTED);
	}
	state->registers[m->arch->stack_pointer] = g2s_value_stack(m->values, LOST_STACK);
	state->args_known = 0;
	state->frame_escaped = INT32_MIN;
	state->args_escaped = 0;
}

void state_copy(struct g2s_state *to, const struct g2s_state *from)
{
	const size_t first = offsetof(struct g2s_state, registers);
	memcpy((unsigned char *)to + first, (const unsigned char *)from + first,
	       offsetof(struct g2s_state, slots) - first);
	if (from->slot_count > to->slot_room) {
		state_widen(to);
	} else {
		memcpy(to->slots, from->slots, from->slot_count * sizeof(from->slots[0]));
	}
}

static bool points_to_stack(const struct machine *m, g2s_value value)
{
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(m->values, value, &count);
	for (size_t i = 0; i < count; i++) {
		if (atoms[i].kind == G2S_ATOM_STACK || atoms[i].kind == G2S_ATOM_STACK_ANY) {
			return true;
		}
	}
	return false;
}

/* value is now in the hands of other code: what it points to on the stack has escaped. */
static void escape(const struct machine *m, struct g2s_state *state, g2s_value value)
{
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(m->values, value, &count);
	for (size_t i = 0; i < count; i++) {
		if (atoms[i].kind == G2S_ATOM_STACK_ANY) {
			state->frame_escaped = INT32_MIN;
			state->args_escaped = 0;
		} else if (atoms[i].kind == G2S_ATOM_STACK) {
			int64_t offset = (int64_t)atoms[i].value;
			int32_t *region = offset < 0 ? &state->frame_escaped : &state->args_escaped;
			int32_t place = offset < -STACK_REACH  ? INT32_MIN
			                : offset > STACK_REACH ? INT32_MAX
			                                       : (int32_t)offset;
			*region = place < *region ? place : *region;
		}
	}
}

/* Other code may have written to everything that has escaped. */
static void clobber_escaped(struct g2s_state *state)
{
	if (state->frame_escaped < 0) {
		slots_forget(state, state->frame_escaped, -(int64_t)state->frame_escaped);
	}
	if (state->args_escaped != NOWHERE) {
		slots_lose_args(state, state->args_escaped);
	}
}

/* Everything on the stack from offset on, to the end of its region, is unknown. */
static void clobber_from(struct g2s_state *state, int64_t offset)
{
	if (offset >= 0) {
		slots_lose_args(state, offset);
	} else {
		slots_forget(state, offset, -offset);
	}
}

g2s_value state_address(const struct machine *m, const struct g2s_state *state,
                        const struct g2s_operand *operand)
{
	g2s_value sum = g2s_value_const(m->values, (uint64_t)operand->value);
	unsigned scale = operand->scale;
	if (operand->opaque) {
		return unknown(m, G2S_REASON_MEMORY);
	}
	if (operand->reg != G2S_NO_REGISTER && operand->reg == operand->index) {
		/* Both have the same value at a time, which sums of two sets would not know. */
		scale++;
	} else if (operand->reg != G2S_NO_REGISTER) {
		sum = g2s_value_binary(m->values, G2S_OP_ADD, state->registers[operand->reg], sum,
		                       m->arch->word);
	}
	if (operand->index == G2S_NO_REGISTER) {
		return sum;
	}
	g2s_value scaled = g2s_value_binary(m->values, G2S_OP_MUL,
	                                    state->registers[operand->index],
	                                    g2s_value_const(m->values, scale), m->arch->word);
	return g2s_value_binary(m->values, G2S_OP_ADD, sum, scaled, m->arch->word);
}

static unsigned width_of(const struct g2s_operand *operand)
{
	return operand->width == 0 || operand->width > 8 ? 8 : operand->width;
}

g2s_value state_operand(const struct machine *m, const struct g2s_state *state,
                        const struct g2s_operand *operand)
{
	unsigned width = width_of(operand);
	g2s_value value;
	switch (operand->kind) {
	case G2S_OPERAND_REGISTER:
		value = state->registers[operand->reg];
		if (operand->lane != 0) {
			value = g2s_value_binary(m->values, G2S_OP_SHR, value,
			                         g2s_value_const(m->values, 8u * operand->lane), 8);
		}
		return g2s_value_cut(m->values, value, width);
	case G2S_OPERAND_VECTOR:
		return g2s_value_cut(m->values, state->vectors[operand->reg][0], width);
	case G2S_OPERAND_IMMEDIATE:
		return g2s_value_cut(m->values,
		                     g2s_value_const(m->values, (uint64_t)operand->value), width);
	case G2S_OPERAND_MEMORY:
		return state_memory(m, state, operand, width);
	default:
		return unknown(m, G2S_REASON_COMPUTED);
	}
}

/* The 8 bytes of a wide operand that begin at its byte 8 * half. */
static g2s_value operand_half(const struct machine *m, const struct g2s_state *state,
                              const struct g2s_operand *operand, unsigned half)
{
	if (operand->kind == G2S_OPERAND_VECTOR) {
		return half < 2 ? state->vectors[operand->reg][half]
		                : unknown(m, G2S_REASON_COMPUTED);
	}
	if (operand->kind == G2S_OPERAND_IMMEDIATE) {
		/* The only immediate of a vector is zero. */
		return zero(m);
	}
	struct g2s_operand part = *operand;
	part.width = 8;
	part.value += 8 * (int64_t)half;
	return state_operand(m, state, &part);
}

static void store(const struct machine *m, struct g2s_state *state, g2s_value address,
                  unsigned width, g2s_value value)
{
	size_t count;
	int64_t offset;
	bool leaves = points_to_stack(m, value);
	if (g2s_value_is_stack(m->values, address, &offset)) {
		slots_set(m, state, offset, width, value);
		return;
	}
	(void)g2s_value_atoms(m->values, address, &count);
	for (size_t i = 0; i < count; i++) {
		struct g2s_atom atom = g2s_value_atoms(m->values, address, &count)[i];
		switch (atom.kind) {
		case G2S_ATOM_STACK: {
			g2s_value old = state_slot(m, state, (int64_t)atom.value, width);
			slots_set(m, state, (int64_t)atom.value, width,
			         g2s_value_join(m->values, old, value));
			break;
		}
		case G2S_ATOM_STACK_ANY:
			clobber_from(state, INT32_MIN);
			clobber_from(state, 0);
			break;
		case G2S_ATOM_CONST:
			break;
		default:
			clobber_escaped(state);
			break;
		}
		if (leaves && atom.kind != G2S_ATOM_STACK) {
			escape(m, state, value);
		}
	}
}

/* Writes value to a register's part; what is wider than 4 bytes or just that fills the register. */
static void set_register(const struct machine *m, struct g2s_state *state,
                         const struct g2s_operand *dst, g2s_value value)
{
	g2s_value *reg = &state->registers[dst->reg];
	if (dst->width >= 4 && dst->lane == 0) {
		*reg = g2s_value_cut(m->values, value, dst->width);
		return;
	}
	if (dst->lane == 0 && !g2s_value_is_numbers(m->values, *reg)) {
		*reg = g2s_value_low(m->values, g2s_value_cut(m->values, value, dst->width),
		                     dst->width);
		return;
	}
	unsigned shift = 8u * dst->lane;
	uint64_t part = ((UINT64_C(1) << (8 * dst->width)) - 1) << shift;
	g2s_value kept = g2s_value_binary(m->values, G2S_OP_AND, *reg,
	                                  g2s_value_const(m->values, ~part), 8);
	g2s_value moved = g2s_value_binary(m->values, G2S_OP_SHL,
	                                   g2s_value_cut(m->values, value, dst->width),
	                                   g2s_value_const(m->values, shift), 8);
	*reg = g2s_value_binary(m->values, G2S_OP_OR, kept, moved, 8);
}

static void assign(const struct machine *m, struct g2s_state *state,
                   const struct g2s_operand *dst, g2s_value value)
{
	switch (dst->kind) {
	case G2S_OPERAND_REGISTER:
		set_register(m, state, dst, value);
		break;
	case G2S_OPERAND_VECTOR:
		state->vectors[dst->reg][0] = g2s_value_cut(m->values, value, width_of(dst));
		state->vectors[dst->reg][1] = zero(m);
		break;
	case G2S_OPERAND_MEMORY:
		store(m, state, state_address(m, state, dst), width_of(dst), value);
		break;
	default:
		break;
	}
}

/*
 * Copies more than 8 bytes, 8 at a time; what a vector has beyond 16 is unknown when it is
 * stored.
 */
static void move_wide(const struct machine *m, struct g2s_state *state,
                      const struct g2s_operand *dst, const struct g2s_operand *src)
{
	g2s_value halves[8];
	unsigned count = dst->width / 8 > 8 ? 8 : dst->width / 8;
	for (unsigned i = 0; i < count; i++) {
		halves[i] = operand_half(m, state, src, i);
	}
	if (dst->kind == G2S_OPERAND_VECTOR) {
		state->vectors[dst->reg][0] = halves[0];
		state->vectors[dst->reg][1] = halves[1];
		return;
	}
	g2s_value address = state_address(m, state, dst);
	for (unsigned i = 0; i < count; i++) {
		g2s_value place = g2s_value_binary(m->values, G2S_OP_ADD, address,
		                                   g2s_value_const(m->values, 8 * (uint64_t)i), 8);
		store(m, state, place, 8, halves[i]);
	}
}

static void fill(const struct machine *m, struct g2s_state *state,
                 const struct g2s_operand *dst)
{
	g2s_value address = state_address(m, state, dst);
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(m->values, address, &count);
	for (size_t i = 0; i < count; i++) {
		if (atoms[i].kind == G2S_ATOM_STACK) {
			clobber_from(state, (int64_t)atoms[i].value);
		} else if (atoms[i].kind == G2S_ATOM_STACK_ANY) {
			clobber_from(state, INT32_MIN);
			clobber_from(state, 0);
		} else if (atoms[i].kind != G2S_ATOM_CONST) {
			clobber_escaped(state);
		}
	}
}

static void forget_wide(const struct machine *m, struct g2s_state *state,
                        const struct g2s_operand *dst)
{
	g2s_value address = state_address(m, state, dst);
	g2s_value computed = unknown(m, G2S_REASON_COMPUTED);
	for (unsigned at = 0; at < dst->width; at += 8) {
		unsigned width = dst->width - at < 8 ? dst->width - at : 8;
		g2s_value place = g2s_value_binary(m->values, G2S_OP_ADD, address,
		                                   g2s_value_const(m->values, at), 8);
		store(m, state, place, width, computed);
	}
}

static g2s_value two_constants(const struct machine *m, uint64_t a, uint64_t b)
{
	return g2s_value_join(m->values, g2s_value_const(m->values, a),
	                      g2s_value_const(m->values, b));
}

static void apply(const struct machine *m, struct g2s_state *state,
                  const struct g2s_effect *effect)
{
	const struct g2s_operand *dst = &effect->dst;
	g2s_value a, b;
	switch (effect->op) {
	case G2S_OP_FILL:
		fill(m, state, dst);
		return;
	case G2S_OP_UNKNOWN:
		if (dst->kind == G2S_OPERAND_MEMORY) {
			forget_wide(m, state, dst);
		} else {
			assign(m, state, dst, unknown(m, G2S_REASON_COMPUTED));
		}
		return;
	case G2S_OP_MOVE:
		if (dst->width > 8) {
			move_wide(m, state, dst, &effect->a);
			return;
		}
		assign(m, state, dst, state_operand(m, state, &effect->a));
		return;
	case G2S_OP_EXTEND:
		a = state_operand(m, state, &effect->a);
		assign(m, state, dst, g2s_value_extend(m->values, a, width_of(&effect->a)));
		return;
	case G2S_OP_ADDRESS:
		assign(m, state, dst, state_address(m, state, &effect->a));
		return;
	case G2S_OP_NOT:
	case G2S_OP_NEG:
		a = state_operand(m, state, &effect->a);
		assign(m, state, dst, g2s_value_unary(m->values, effect->op, a, width_of(dst)));
		return;
	case G2S_OP_SELECT:
		a = state_operand(m, state, &effect->a);
		b = state_operand(m, state, &effect->b);
		assign(m, state, dst, g2s_value_join(m->values, a, b));
		return;
	case G2S_OP_BOOL:
		assign(m, state, dst, two_constants(m, 0, 1));
		return;
	case G2S_OP_MASK:
		assign(m, state, dst, two_constants(m, 0, UINT64_MAX));
		return;
	default:
		a = state_operand(m, state, &effect->a);
		b = state_operand(m, state, &effect->b);
		/* Immediates come sign-extended to the operand's size by the decoder. */
		if (effect->b.kind == G2S_OPERAND_IMMEDIATE) {
			b = g2s_value_const(m->values, (uint64_t)effect->b.value);
		}
		assign(m, state, dst,
		       g2s_value_binary(m->values, effect->op, a, b, width_of(dst)));
		return;
	}
}

/*
 * What a call does to the caller's stack below the frame.  Go's callee may write its arguments'
 * and its results' slots, the extent of which pclntab knows; a C compiler never reads such
 * slots after the call.
 */
static void clobber_call_area(const struct machine *m, struct g2s_state *state,
                              const struct g2s_insn *insn)
{
	int64_t sp;
	uint64_t args;
	if (!m->go) {
		return;
	}
	if (!g2s_value_is_stack(m->values, state->registers[m->arch->stack_pointer], &sp)) {
		clobber_from(state, INT32_MIN);
		return;
	}
	if (sp >= 0) {
		return;
	}
	const struct g2s_function *callee =
		insn->step == G2S_STEP_CALL ? g2s_funcs_find(m->funcs, insn->target) : NULL;
	if (callee != NULL && callee->go != 0 && callee->start == insn->target &&
	    g2s_pclntab_args(m->funcs->tab, callee->go - 1, &args)) {
		int64_t most = -sp;
		slots_forget(state, sp, (int64_t)args < most ? (int64_t)args : most);
		return;
	}
	clobber_from(state, sp);
}

static void call(const struct machine *m, struct g2s_state *state, const struct g2s_insn *insn)
{
	uint64_t kept = m->go ? m->arch->kept_by_go : m->arch->kept_by_c;
	uint64_t passed = m->go ? m->arch->passed_by_go : m->arch->passed_by_c;
	g2s_value computed = unknown(m, G2S_REASON_COMPUTED);
	for (uint32_t i = 0; i < state->slot_count; i++) {
		if (points_to_stack(m, state->slots[i].value)) {
			escape(m, state, state->slots[i].value);
		}
	}
	for (unsigned i = 0; i < G2S_REGISTERS; i++) {
		if ((passed >> i & 1) != 0) {
			escape(m, state, state->registers[i]);
		}
		if ((kept >> i & 1) == 0) {
			state->registers[i] = computed;
		}
	}
	clear_vectors(m, state);
	clobber_escaped(state);
	clobber_call_area(m, state, insn);
	if (!m->go && insn->step == G2S_STEP_CALL && returns_again(m->returns, insn->target)) {
		/* When it comes back again, the slots hold what was stored to them since. */
		clobber_from(state, INT32_MIN);
		clobber_from(state, 0);
	}
}

void state_step(const struct machine *m, struct g2s_state *state, const struct g2s_insn *insn)
{
	g2s_value computed = unknown(m, G2S_REASON_COMPUTED);
	for (unsigned i = 0; i < G2S_REGISTERS && insn->reads >> i != 0; i++) {
		if ((insn->reads >> i & 1) != 0) {
			escape(m, state, state->registers[i]);
		}
	}
	for (unsigned i = 0; i < G2S_VECTORS && insn->vector_reads >> i != 0; i++) {
		if ((insn->vector_reads >> i & 1) != 0) {
			escape(m, state, state->vectors[i][0]);
			escape(m, state, state->vectors[i][1]);
		}
	}
	compare_before(m, state, insn);
	for (unsigned i = 0; i < insn->effect_count; i++) {
		apply(m, state, &insn->effects[i]);
	}
	for (unsigned i = 0; i < G2S_REGISTERS && insn->clobbers >> i != 0; i++) {
		if ((insn->clobbers >> i & 1) != 0) {
			state->registers[i] = computed;
		}
	}
	for (unsigned i = 0; i < G2S_VECTORS && insn->vector_clobbers >> i != 0; i++) {
		if ((insn->vector_clobbers >> i & 1) != 0) {
			state->vectors[i][0] = state->vectors[i][1] = computed;
		}
	}
	compare_after(m, state, insn);
	if ((insn->step == G2S_STEP_CALL || insn->step == G2S_STEP_CALL_INDIRECT) &&
	    !state_inline(m, state, insn)) {
		call(m, state, insn);
	}
}

bool state_traps(const struct machine *m, const struct g2s_state *state,
                 const struct g2s_insn *insn)
{
	for (unsigned i = 0; i < insn->effect_count; i++) {
		const struct g2s_operand *dst = &insn->effects[i].dst;
		uint64_t addr;
		if (dst->kind == G2S_OPERAND_MEMORY && !dst->opaque &&
		    g2s_value_is_const(m->values, state_address(m, state, dst), &addr) &&
		    addr < NULL_PAGE) {
			return true;
		}
	}
	return false;
}

static bool lower(int32_t *to, int32_t from)
{
	bool changed = from < *to;
	*to = changed ? from : *to;
	return changed;
}

bool state_join(const struct machine *m, struct g2s_state *to, const struct g2s_state *from,
                bool widen)
{
	bool changed = false;
	for (unsigned i = 0; i < G2S_REGISTERS; i++) {
		const g2s_value *other = &from->registers[i];
		changed = state_join_value(m, &to->registers[i], *other, widen) || changed;
	}
	for (unsigned i = 0; i < G2S_VECTORS; i++) {
		const g2s_value *other = from->vectors[i];
		changed = state_join_value(m, &to->vectors[i][0], other[0], widen) || changed;
		changed = state_join_value(m, &to->vectors[i][1], other[1], widen) || changed;
	}
	if (from->widened && !to->widened) {
		state_widen(to);
		changed = true;
	}
	changed = compare_join(to, from) || changed;
	changed = lower(&to->args_known, from->args_known) || changed;
	changed = lower(&to->frame_escaped, from->frame_escaped) || changed;
	changed = lower(&to->args_escaped, from->args_escaped) || changed;
	return slots_join(m, to, from, widen) || changed;
}
