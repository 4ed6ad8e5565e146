/* SPDX-License-Identifier: MIT */
/* What instructions make of values. */
#include "value_set.h"

static struct g2s_atom unknown_atom(enum g2s_reason reason)
{
	return (struct g2s_atom){.kind = G2S_ATOM_UNKNOWN, .value = reason};
}

/* Something unknown that has no more than width bytes; 0 for all there are. */
static struct g2s_atom unknown_narrow(enum g2s_reason reason, unsigned width)
{
	struct g2s_atom atom = unknown_atom(reason);
	atom.width = (uint8_t)width;
	return atom;
}

/* True of memory the low bytes of which are those at the same address. */
static bool is_memory(const struct g2s_atom *atom)
{
	return atom->kind == G2S_ATOM_GLOBAL || atom->kind == G2S_ATOM_BEHIND_REGISTER ||
	       atom->kind == G2S_ATOM_BEHIND_GLOBAL;
}

/*
 * A register, memory or the unknown, cut.  Numbers of system calls are looked at as 32 bits by the
 * kernel, so what came in as a parameter is still that parameter when cut to 4 bytes; cut further
 * it is computed.
 */
static struct g2s_atom narrow(struct g2s_atom atom, unsigned width, bool is_signed)
{
	if (g2s_atom_is_moved(&atom) && atom.limit == 0) {
		atom = unknown_atom(G2S_REASON_COMPUTED);
	}
	unsigned has = atom.width == 0 ? 8 : atom.width;
	if (atom.limit != 0) {
		/* Nothing above the lowest byte, and no sign. */
		atom.width = (uint8_t)(has < 4 ? has : 4);
		atom.is_signed = false;
	} else if (has >= width && atom.kind == G2S_ATOM_UNKNOWN) {
		atom.width = is_signed ? 0 : (uint8_t)width;
	} else if (has > width && width < 4 && !is_memory(&atom)) {
		return unknown_narrow(G2S_REASON_COMPUTED, is_signed ? 0 : width);
	} else if (has >= width) {
		atom.width = (uint8_t)width;
		atom.is_signed = is_signed;
	}
	return atom;
}

/* One atom cut to width bytes, fewer than 8. */
static struct g2s_atom cut_atom(struct g2s_atom atom, unsigned width, bool is_signed)
{
	switch (atom.kind) {
	case G2S_ATOM_LOW:
		if (width > atom.width) {
			return atom;
		}
		atom.kind = G2S_ATOM_CONST;
		atom.width = 0;
		__attribute__((fallthrough));
	case G2S_ATOM_CONST:
		atom.value = is_signed ? value_sign_extend(atom.value, width)
		                       : atom.value & value_mask(width);
		return atom;
	case G2S_ATOM_TABLE:
		if (width < atom.width && atom.base == 0) {
			atom.width = (uint8_t)width;
			atom.is_signed = is_signed;
			return atom;
		}
		return width >= atom.width && width >= 4
		               ? atom
		               : unknown_narrow(G2S_REASON_COMPUTED, is_signed ? 0 : width);
	case G2S_ATOM_STACK:
	case G2S_ATOM_STACK_ANY:
		return unknown_narrow(G2S_REASON_COMPUTED, is_signed ? 0 : width);
	default:
		return narrow(atom, width, is_signed);
	}
}

static g2s_value cut_value(struct g2s_values *values, g2s_value a, unsigned width,
                           bool is_signed)
{
	if (width >= 8) {
		return a;
	}
	struct draft draft;
	draft.count = 0;
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(values, a, &count);
	bool same = true;
	for (size_t i = 0; i < count; i++) {
		struct g2s_atom atom = cut_atom(atoms[i], width, is_signed);
		same = same && value_compare(&atom, &atoms[i]) == 0;
		value_put(&draft, &atom);
	}
	return same ? a : value_intern(values, &draft);
}

g2s_value g2s_value_cut(struct g2s_values *values, g2s_value a, unsigned width)
{
	return cut_value(values, a, width, false);
}

g2s_value g2s_value_extend(struct g2s_values *values, g2s_value a, unsigned width)
{
	return cut_value(values, a, width, true);
}

static uint64_t compute(enum g2s_op op, uint64_t a, uint64_t b, unsigned width)
{
	unsigned bits = 8 * (width > 8 ? 8 : width);
	/* Shift counts are taken modulo the operand's size, but never below 32 bits. */
	unsigned count = (unsigned)b & (bits == 64 ? 63 : 31);
	switch (op) {
	case G2S_OP_ADD:
		return a + b;
	case G2S_OP_SUB:
		return a - b;
	case G2S_OP_AND:
		return a & b;
	case G2S_OP_OR:
		return a | b;
	case G2S_OP_XOR:
		return a ^ b;
	case G2S_OP_MUL:
		return a * b;
	case G2S_OP_SHL:
		return a << count;
	case G2S_OP_SHR:
		return (a & value_mask(width)) >> count;
	case G2S_OP_SAR:
		return (uint64_t)((int64_t)value_sign_extend(a, width) >> count);
	default:
		return 0;
	}
}

/*
 * Where aligning the stack pointer downward leads, its value at entry being 8 above a multiple
 * of 16.
 */
static uint64_t align_stack(uint64_t offset, uint64_t mask)
{
	return ((offset + 8) & mask) - 8;
}

static bool is_stack(const struct g2s_atom *atom)
{
	return atom->kind == G2S_ATOM_STACK || atom->kind == G2S_ATOM_STACK_ANY;
}

/* The result of an operation on a place on the stack and something that is none. */
static bool combine_stack(enum g2s_op op, const struct g2s_atom *a, const struct g2s_atom *b,
                          struct g2s_atom *out)
{
	*out = *a;
	if (a->kind == G2S_ATOM_STACK && b->kind == G2S_ATOM_CONST) {
		if (op == G2S_OP_ADD || op == G2S_OP_SUB) {
			out->value = compute(op, a->value, b->value, 8);
			return true;
		}
		if (op == G2S_OP_AND && (int64_t)b->value < 0) {
			out->value = align_stack(a->value, b->value);
			return true;
		}
	}
	*out = (struct g2s_atom){.kind = G2S_ATOM_STACK_ANY};
	return op == G2S_OP_ADD || op == G2S_OP_SUB || op == G2S_OP_AND || op == G2S_OP_OR;
}

/* The result of counting a pointer on by b; false when it is none any more. */
static bool combine_pointer(enum g2s_op op, const struct g2s_atom *a, const struct g2s_atom *b,
                            struct g2s_atom *out)
{
	bool number = b->kind == G2S_ATOM_CONST;
	bool sum = op == G2S_OP_ADD || op == G2S_OP_SUB;
	*out = *a;
	if (sum && number && a->stride == 0) {
		out->base = compute(op, a->base, b->value, 8);
		return true;
	}
	*out = value_moved_anywhere(*a);
	return sum || (op == G2S_OP_AND && number && (int64_t)b->value < 0) ||
	       (op == G2S_OP_OR && number);
}

/* The bytes of a number that are known. */
static unsigned known_bytes(const struct g2s_atom *atom)
{
	return atom->kind == G2S_ATOM_CONST ? 8 : atom->width;
}

/*
 * An operation on two numbers of which only some low bytes are known for sure; false when more
 * would be needed.
 */
static bool combine_low(enum g2s_op op, const struct g2s_atom *a, const struct g2s_atom *b,
                        unsigned width, struct g2s_atom *out)
{
	unsigned x = known_bytes(a);
	unsigned y = known_bytes(b);
	unsigned known = x < y ? x : y;
	bool mask = op == G2S_OP_AND &&
	            ((a->kind == G2S_ATOM_CONST && a->value <= value_mask(known)) ||
	             (b->kind == G2S_ATOM_CONST && b->value <= value_mask(known)));
	bool right = op == G2S_OP_SHR || op == G2S_OP_SAR;
	if ((right && width > known) ||
	    ((right || op == G2S_OP_SHL) && b->kind != G2S_ATOM_CONST)) {
		return false;
	}
	*out = (struct g2s_atom){.kind = G2S_ATOM_LOW, .width = (uint8_t)known};
	out->value = compute(op, a->value, b->value, width) &
	             value_mask(width < known ? width : known);
	if (width <= known || mask) {
		out->kind = G2S_ATOM_CONST;
		out->width = 0;
	}
	return true;
}

static bool is_number(const struct g2s_atom *atom)
{
	return atom->kind == G2S_ATOM_CONST || atom->kind == G2S_ATOM_LOW;
}

/* Why what an atom stands for is not known, as far as it tells. */
static enum g2s_reason reason_of(const struct g2s_atom *atom, enum g2s_reason other)
{
	switch (atom->kind) {
	case G2S_ATOM_UNKNOWN:
		return (enum g2s_reason)atom->value;
	case G2S_ATOM_BEHIND_REGISTER:
	case G2S_ATOM_BEHIND_GLOBAL:
		return G2S_REASON_MEMORY;
	default:
		return other;
	}
}

/* What is left of something unknown that has at most width bytes when a mask or shift cuts it. */
static struct g2s_atom combine_unknown(enum g2s_op op, const struct g2s_atom *a,
                                       const struct g2s_atom *b, unsigned width)
{
	/* What cannot be told already keeps its reason. */
	enum g2s_reason reason = reason_of(a, reason_of(b, G2S_REASON_COMPUTED));
	struct g2s_atom result = unknown_narrow(reason, width < 8 ? width : 0);
	uint64_t most = UINT64_MAX;
	if (b->kind == G2S_ATOM_CONST && op == G2S_OP_AND) {
		most = b->value;
	} else if (b->kind == G2S_ATOM_CONST && op == G2S_OP_SHR) {
		most = compute(op, value_mask(value_zero_above(a, width)), b->value, width);
	}
	if (most < G2S_VALUE_LIMIT) {
		result.limit = (uint8_t)(most + 1);
		result.width = 4;
	} else if (most <= UINT32_MAX) {
		result.width = 4;
	}
	return result;
}

static bool commutes(enum g2s_op op)
{
	return op == G2S_OP_ADD || op == G2S_OP_AND || op == G2S_OP_OR || op == G2S_OP_XOR ||
	       op == G2S_OP_MUL;
}

/* The result of an operation on two atoms, not both constants. */
static struct g2s_atom combine(enum g2s_op op, const struct g2s_atom *a,
                               const struct g2s_atom *b, unsigned width, bool pointers)
{
	struct g2s_atom result;
	if (pointers && width == 8 && g2s_atom_is_pointer(a) &&
	    combine_pointer(op, a, b, &result)) {
		return result;
	}
	if (pointers && width == 8 && g2s_atom_is_pointer(b) && commutes(op) && !is_stack(a) &&
	    combine_pointer(op, b, a, &result)) {
		return result;
	}
	if (is_stack(a) && !is_stack(b) && width == 8 && combine_stack(op, a, b, &result)) {
		return result;
	}
	if (is_number(a) && is_number(b) && combine_low(op, a, b, width, &result)) {
		return result;
	}
	if (a->kind == G2S_ATOM_TABLE && b->kind == G2S_ATOM_CONST && op == G2S_OP_ADD &&
	    a->base == 0) {
		result = *a;
		result.base = b->value;
		return result;
	}
	return combine_unknown(op, a, b, width);
}

/* Puts the results of an operation on two atoms into a set. */
static void put_result(struct draft *draft, enum g2s_op op, const struct g2s_atom *a,
                       const struct g2s_atom *b, unsigned width)
{
	struct g2s_atom atom = {.kind = G2S_ATOM_CONST};
	if (a->kind == G2S_ATOM_CONST && b->kind == G2S_ATOM_CONST) {
		atom.value = compute(op, a->value, b->value, width) & value_mask(width);
	} else if (commutes(op) && !is_stack(a) && (a->kind == G2S_ATOM_CONST || is_stack(b))) {
		atom = combine(op, b, a, width, draft->pointers);
	} else {
		atom = combine(op, a, b, width, draft->pointers);
	}
	value_put(draft, &atom);
	if (draft->count == DRAFT) {
		/* Far past the bound; the rest would change nothing. */
		value_bound(draft);
	}
}

/*
 * The same where an atom is known to be below a limit: every number that it can be is taken in
 * turn, as far as the other one makes something of it.
 */
static void put_results(struct draft *draft, enum g2s_op op, const struct g2s_atom *a,
                        const struct g2s_atom *b, unsigned width)
{
	bool spread_a = value_is_below(a, width) && (is_number(b) || is_stack(b));
	bool spread_b = value_is_below(b, width) && (is_number(a) || is_stack(a));
	unsigned count = spread_a ? a->limit : spread_b ? b->limit : 1;
	for (unsigned i = 0; i < count; i++) {
		struct g2s_atom number = {.kind = G2S_ATOM_CONST, .value = i};
		put_result(draft, op, spread_a ? &number : a, spread_b ? &number : b, width);
	}
}

/* True when "x op value" is x, all 8 bytes of it. */
static bool is_neutral(struct g2s_values *values, enum g2s_op op, g2s_value value, unsigned width)
{
	uint64_t number;
	if (width != 8 || !g2s_value_is_const(values, value, &number)) {
		return false;
	}
	return op == G2S_OP_MUL   ? number == 1
	       : op == G2S_OP_AND ? number == UINT64_MAX
	                          : number == 0;
}

g2s_value g2s_value_binary(struct g2s_values *values, enum g2s_op op, g2s_value a, g2s_value b,
                           unsigned width)
{
	struct draft draft;
	draft.count = 0;
	draft.pointers = values->pointers;
	if (is_neutral(values, op, b, width)) {
		return a;
	}
	if (commutes(op) && is_neutral(values, op, a, width)) {
		return b;
	}
	size_t a_count, b_count;
	const struct g2s_atom *a_atoms = g2s_value_atoms(values, a, &a_count);
	const struct g2s_atom *b_atoms = g2s_value_atoms(values, b, &b_count);
	for (size_t i = 0; i < a_count; i++) {
		for (size_t j = 0; j < b_count; j++) {
			put_results(&draft, op, &a_atoms[i], &b_atoms[j], width);
		}
	}
	return value_intern(values, &draft);
}

g2s_value g2s_value_unary(struct g2s_values *values, enum g2s_op op, g2s_value a, unsigned width)
{
	g2s_value none = g2s_value_const(values, op == G2S_OP_NOT ? UINT64_MAX : 0);
	return op == G2S_OP_NOT ? g2s_value_binary(values, G2S_OP_XOR, a, none, width)
	                        : g2s_value_binary(values, G2S_OP_SUB, none, a, width);
}
