/* SPDX-License-Identifier: MIT */
/* Comparisons: what the flags tell, and what a branch on them proves. */
#include "state.h"

static void lose(struct g2s_state *state)
{
	state->compared = (struct comparison){.kind = G2S_FLAGS_KEPT, .reg = G2S_NO_REGISTER};
}

/* Says where a side of the comparison is: in a whole register, or in one slot of the stack. */
static bool locate(const struct machine *m, const struct g2s_state *state,
                   const struct g2s_operand *operand, struct comparison *to)
{
	int64_t offset;
	to->reg = G2S_NO_REGISTER;
	to->in_slot = false;
	if (operand->kind == G2S_OPERAND_REGISTER && operand->lane == 0) {
		to->reg = operand->reg;
		to->left = state->registers[operand->reg];
		return true;
	}
	if (operand->kind != G2S_OPERAND_MEMORY || operand->opaque || operand->width > 8 ||
	    !g2s_value_is_stack(m->values, state_address(m, state, operand), &offset) ||
	    offset < INT32_MIN || offset > INT32_MAX) {
		return false;
	}
	to->in_slot = true;
	to->offset = (int32_t)offset;
	to->left = state_slot(m, state, offset, operand->width);
	return true;
}

/* The right side of a comparison: the result of other instructions compares with zero. */
static g2s_value right_side(const struct machine *m, const struct g2s_state *state,
                            const struct g2s_insn *insn)
{
	const struct g2s_operand *right = &insn->compared[1];
	if (insn->flags == G2S_FLAGS_RESULT) {
		return g2s_value_const(m->values, 0);
	}
	/* Immediates come sign-extended to the operand's size by the decoder, however short. */
	return right->kind == G2S_OPERAND_IMMEDIATE
	               ? g2s_value_cut(m->values,
	                               g2s_value_const(m->values, (uint64_t)right->value),
	                               insn->compared[0].width)
	               : state_operand(m, state, right);
}

/* The flags as a comparison leaves them; its right side must be one number or one place. */
static void compare(const struct machine *m, struct g2s_state *state, const struct g2s_insn *insn)
{
	const struct g2s_operand *left = &insn->compared[0];
	struct comparison to = {.kind = insn->flags, .width = left->width};
	uint64_t number;
	int64_t offset;
	lose(state);
	if (left->width == 0 || left->width > 8) {
		return;
	}
	to.right = right_side(m, state, insn);
	if (!g2s_value_is_const(m->values, to.right, &number) &&
	    !(to.width == 8 && g2s_value_is_stack(m->values, to.right, &offset))) {
		return;
	}
	if (locate(m, state, left, &to)) {
		state->compared = to;
	}
}

/* The left side is no longer where it was when insn, which keeps the flags, writes there. */
static void forget_written(struct g2s_state *state, const struct g2s_insn *insn)
{
	struct comparison *compared = &state->compared;
	for (unsigned e = 0; e < insn->effect_count; e++) {
		const struct g2s_operand *dst = &insn->effects[e].dst;
		if (dst->kind == G2S_OPERAND_REGISTER && dst->reg == compared->reg) {
			compared->reg = G2S_NO_REGISTER;
		} else if (dst->kind == G2S_OPERAND_MEMORY) {
			compared->in_slot = false;
		}
	}
	if (compared->reg != G2S_NO_REGISTER && (insn->clobbers >> compared->reg & 1) != 0) {
		compared->reg = G2S_NO_REGISTER;
	}
}

void compare_before(const struct machine *m, struct g2s_state *state, const struct g2s_insn *insn)
{
	if (insn->flags == G2S_FLAGS_COMPARED || insn->flags == G2S_FLAGS_TESTED) {
		compare(m, state, insn);
	} else if (insn->flags != G2S_FLAGS_KEPT || insn->step == G2S_STEP_CALL ||
	           insn->step == G2S_STEP_CALL_INDIRECT) {
		lose(state);
	} else if (state->compared.kind != G2S_FLAGS_KEPT) {
		forget_written(state, insn);
	}
}

void compare_after(const struct machine *m, struct g2s_state *state, const struct g2s_insn *insn)
{
	if (insn->flags == G2S_FLAGS_RESULT) {
		compare(m, state, insn);
	}
}

bool compare_join(struct g2s_state *to, const struct g2s_state *from)
{
	struct comparison *a = &to->compared;
	const struct comparison *b = &from->compared;
	if (a->kind == G2S_FLAGS_KEPT) {
		return false;
	}
	if (a->kind != b->kind || a->width != b->width || a->reg != b->reg ||
	    a->in_slot != b->in_slot || a->offset != b->offset || a->left != b->left ||
	    a->right != b->right) {
		lose(to);
		return true;
	}
	return false;
}

/* A number that is what it was when the function was entered, and the same wherever it is. */
static bool is_symbol(const struct machine *m, g2s_value value, struct g2s_atom *out)
{
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(m->values, value, &count);
	if (count != 1 || g2s_atom_is_moved(&atoms[0]) ||
	    (atoms[0].kind != G2S_ATOM_REGISTER && atoms[0].kind != G2S_ATOM_SLOT)) {
		return false;
	}
	*out = atoms[0];
	return true;
}

/* The bytes of a symbol, from its lowest on, that a value holding it has as they are. */
static unsigned bytes_of(const struct g2s_atom *atom)
{
	return atom->width == 0 ? 8 : atom->width;
}

/* What is proven. */
struct proof {
	uint8_t width;
	enum g2s_flags kind;
	enum g2s_condition condition;
	g2s_value right;
};

static g2s_value apply_proof(const struct machine *m, g2s_value value, const struct proof *proof)
{
	uint64_t number;
	int64_t offset;
	if (g2s_value_is_stack(m->values, proof->right, &offset)) {
		return g2s_value_restrict_stack(m->values, value, proof->condition, offset);
	}
	if (!g2s_value_is_const(m->values, proof->right, &number)) {
		return value;
	}
	if (proof->kind == G2S_FLAGS_TESTED) {
		return g2s_value_tested(m->values, value, number,
		                        proof->condition == G2S_IF_EQUAL);
	}
	return g2s_value_restrict(m->values, value, proof->width, proof->condition, number);
}

/* Applies the proof to what may hold the symbol; false when it does, and cannot. */
static bool prove(const struct machine *m, g2s_value *value, const struct g2s_atom *symbol,
                  const struct proof *proof)
{
	struct g2s_atom other;
	if (is_symbol(m, *value, &other) && other.kind == symbol->kind &&
	    other.value == symbol->value && bytes_of(&other) >= proof->width) {
		*value = apply_proof(m, *value, proof);
	}
	return *value != G2S_VALUE_NOTHING;
}

/* Applies the proof to whatever else holds the symbol. */
static bool spread(const struct machine *m, struct g2s_state *state, const struct g2s_atom *symbol,
                   const struct proof *proof)
{
	bool possible = true;
	for (unsigned i = 0; i < G2S_REGISTERS && possible; i++) {
		possible = prove(m, &state->registers[i], symbol, proof);
	}
	for (uint32_t i = 0; i < state->slot_count && possible; i++) {
		if (state->slots[i].width >= proof->width) {
			possible = prove(m, &state->slots[i].value, symbol, proof);
		}
	}
	if (possible && symbol->kind == G2S_ATOM_SLOT) {
		/* The slot where it came in, which is listed only when something is known of it. */
		g2s_value value = state_slot(m, state, (int64_t)symbol->value, symbol->width);
		possible = prove(m, &value, symbol, proof);
		slots_restrict(m, state, (int64_t)symbol->value, symbol->width, value);
	}
	return possible;
}

/* What a condition proves about a comparison of this kind; G2S_IF_ANY for nothing. */
static enum g2s_condition proven(enum g2s_flags kind, enum g2s_condition condition, bool taken)
{
	if (condition == G2S_IF_ANY) {
		return G2S_IF_ANY;
	}
	condition = taken ? condition : (enum g2s_condition)(condition ^ 1);
	bool zero = condition == G2S_IF_EQUAL || condition == G2S_IF_NOT_EQUAL;
	bool sign = condition == G2S_IF_NEGATIVE || condition == G2S_IF_NOT_NEGATIVE;
	if (kind == G2S_FLAGS_COMPARED || zero || (sign && kind == G2S_FLAGS_RESULT)) {
		return condition;
	}
	return G2S_IF_ANY;
}

bool compare_proves(const struct g2s_state *state, const struct g2s_insn *insn)
{
	return insn->step == G2S_STEP_BRANCH && state->compared.kind != G2S_FLAGS_KEPT &&
	       proven((enum g2s_flags)state->compared.kind, (enum g2s_condition)insn->condition,
	              true) != G2S_IF_ANY;
}

bool compare_count_on(const struct machine *m, struct g2s_state *state,
                      const struct g2s_insn *insn)
{
	struct comparison *compared = &state->compared;
	uint64_t number;
	if (!compare_proves(state, insn) || compared->kind == G2S_FLAGS_TESTED ||
	    !g2s_value_is_const(m->values, compared->right, &number) ||
	    !g2s_value_extrapolate(m->values, &compared->left, compared->width,
	                           (enum g2s_condition)insn->condition, number)) {
		return false;
	}
	if (compared->reg != G2S_NO_REGISTER) {
		state->registers[compared->reg] = compared->left;
	} else if (compared->in_slot) {
		slots_restrict(m, state, compared->offset, compared->width, compared->left);
	}
	return true;
}

bool compare_branch(const struct machine *m, struct g2s_state *state, const struct g2s_insn *insn,
                    bool taken)
{
	const struct comparison compared = state->compared;
	struct proof proof = {
		.width = compared.width,
		.kind = (enum g2s_flags)compared.kind,
		.right = compared.right,
	};
	struct g2s_atom symbol;
	if (!compare_proves(state, insn)) {
		return true;
	}
	proof.condition = proven(proof.kind, (enum g2s_condition)insn->condition, taken);
	if (apply_proof(m, compared.left, &proof) == G2S_VALUE_NOTHING) {
		return false;
	}
	if (compared.reg != G2S_NO_REGISTER) {
		g2s_value *value = &state->registers[compared.reg];
		*value = apply_proof(m, *value, &proof);
	} else if (compared.in_slot) {
		slots_restrict(m, state, compared.offset, compared.width,
		               apply_proof(m, state_slot(m, state, compared.offset, compared.width),
		                           &proof));
	}
	return !is_symbol(m, compared.left, &symbol) || bytes_of(&symbol) < compared.width ||
	       spread(m, state, &symbol, &proof);
}
