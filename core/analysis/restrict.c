/* SPDX-License-Identifier: MIT */
/* What a comparison proves of a value. */
#include "value_set.h"

enum {
	/* Fewer numbers are no progression. */
	FEWEST = 4,
};

/* The right side of a comparison, and what is asked of the left. */
struct bound {
	enum g2s_condition condition;
	uint64_t right;
	unsigned width;
};

/* Registers, memory and the unknown: what a comparison can tell something about. */
static bool is_symbol(const struct g2s_atom *atom)
{
	return atom->kind == G2S_ATOM_REGISTER || atom->kind == G2S_ATOM_SLOT ||
	       atom->kind == G2S_ATOM_GLOBAL || atom->kind == G2S_ATOM_BEHIND_REGISTER ||
	       atom->kind == G2S_ATOM_BEHIND_GLOBAL || atom->kind == G2S_ATOM_UNKNOWN;
}

unsigned value_zero_above(const struct g2s_atom *atom, unsigned width)
{
	bool known = is_symbol(atom) && atom->width != 0 && !atom->is_signed;
	return known && atom->width < width ? atom->width : width;
}

bool value_is_below(const struct g2s_atom *atom, unsigned width)
{
	return is_symbol(atom) && atom->limit != 0 &&
	       (width <= 4 || value_zero_above(atom, width) <= 4);
}

bool g2s_value_is_listed(const struct g2s_values *values, g2s_value value)
{
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(values, value, &count);
	for (size_t i = 0; i < count; i++) {
		if (atoms[i].kind != G2S_ATOM_CONST && !value_is_below(&atoms[i], 8)) {
			return false;
		}
	}
	return count != 0;
}

/* Whether the condition holds between two numbers of width bytes. */
static bool holds(enum g2s_condition condition, uint64_t left, uint64_t right, unsigned width)
{
	left &= value_mask(width);
	right &= value_mask(width);
	int64_t a = (int64_t)value_sign_extend(left, width);
	int64_t b = (int64_t)value_sign_extend(right, width);
	/* The result of the comparison, of which one condition asks for the sign. */
	int64_t difference = (int64_t)value_sign_extend(left - right, width);
	switch (condition) {
	case G2S_IF_EQUAL:
		return left == right;
	case G2S_IF_NOT_EQUAL:
		return left != right;
	case G2S_IF_BELOW:
		return left < right;
	case G2S_IF_NOT_BELOW:
		return left >= right;
	case G2S_IF_NOT_ABOVE:
		return left <= right;
	case G2S_IF_ABOVE:
		return left > right;
	case G2S_IF_LESS:
		return a < b;
	case G2S_IF_NOT_LESS:
		return a >= b;
	case G2S_IF_NOT_GREATER:
		return a <= b;
	case G2S_IF_GREATER:
		return a > b;
	case G2S_IF_NEGATIVE:
		return difference < 0;
	case G2S_IF_NOT_NEGATIVE:
		return difference >= 0;
	default:
		return true;
	}
}

/* One possibility that equals right in its low width bytes; false when it cannot. */
static bool equate(struct g2s_atom *atom, unsigned width, uint64_t right)
{
	unsigned zero_above = value_zero_above(atom, 8);
	if (value_is_below(atom, width) && right >= atom->limit) {
		return false;
	}
	if (zero_above <= width) {
		*atom = (struct g2s_atom){.kind = G2S_ATOM_CONST, .value = right};
	} else if (width == 4) {
		*atom = (struct g2s_atom){.kind = G2S_ATOM_LOW, .width = 4, .value = right};
	}
	return true;
}

/* One possibility the low width bytes of which are below right; false when it cannot be. */
static bool limit_to(struct g2s_atom *atom, unsigned width, uint64_t right)
{
	if (right == 0) {
		return false;
	}
	bool small = right <= G2S_VALUE_LIMIT;
	if (!small || (width < 4 && value_zero_above(atom, 8) > width) ||
	    (value_is_below(atom, width) && atom->limit <= right)) {
		return true;
	}
	if (width == 8) {
		/* So small a number has no more than 4 bytes, and no sign. */
		atom->width = atom->width == 0 || atom->width > 4 ? 4 : atom->width;
		atom->is_signed = false;
	}
	atom->limit = (uint8_t)right;
	return true;
}

/* What the condition leaves of one possibility that is not a number; false when nothing. */
static bool restrict_symbol(struct g2s_atom *atom, unsigned width, enum g2s_condition condition,
                            uint64_t right)
{
	/* A number without a sign compares as one either way. */
	bool positive = (value_is_below(atom, width) || value_zero_above(atom, width) < width) &&
	                (int64_t)value_sign_extend(right, width) >= 0;
	bool below = value_is_below(atom, width);
	switch (condition) {
	case G2S_IF_EQUAL:
		return equate(atom, width, right);
	case G2S_IF_NOT_EQUAL:
		return !below || atom->limit - UINT64_C(1) != right ||
		       limit_to(atom, width, right);
	case G2S_IF_BELOW:
		return limit_to(atom, width, right);
	case G2S_IF_NOT_ABOVE:
		return right == UINT64_MAX || limit_to(atom, width, right + 1);
	case G2S_IF_NOT_BELOW:
		return !below || atom->limit > right;
	case G2S_IF_ABOVE:
		return !below || atom->limit > right + 1;
	case G2S_IF_LESS:
		return !positive || limit_to(atom, width, right);
	case G2S_IF_NOT_GREATER:
		return !positive || limit_to(atom, width, right + 1);
	default:
		return true;
	}
}

g2s_value g2s_value_restrict(struct g2s_values *values, g2s_value value, unsigned width,
                             enum g2s_condition condition, uint64_t right)
{
	struct draft draft;
	draft.count = 0;
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(values, value, &count);
	right &= value_mask(width);
	for (size_t i = 0; i < count; i++) {
		struct g2s_atom atom = atoms[i];
		bool number = atom.kind == G2S_ATOM_CONST ||
		              (atom.kind == G2S_ATOM_LOW && width <= atom.width);
		if (number ? holds(condition, atom.value, right, width)
		           : !is_symbol(&atom) ||
		                     restrict_symbol(&atom, width, condition, right)) {
			value_put(&draft, &atom);
		}
	}
	return value_intern(values, &draft);
}

g2s_value g2s_value_tested(struct g2s_values *values, g2s_value value, uint64_t mask, bool zero)
{
	struct draft draft;
	draft.count = 0;
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(values, value, &count);
	for (size_t i = 0; i < count; i++) {
		bool number = atoms[i].kind == G2S_ATOM_CONST ||
		              (atoms[i].kind == G2S_ATOM_LOW &&
		               mask <= value_mask(atoms[i].width));
		if (!number || ((atoms[i].value & mask) == 0) == zero) {
			value_put(&draft, &atoms[i]);
		}
	}
	return value_intern(values, &draft);
}

g2s_value g2s_value_restrict_stack(struct g2s_values *values, g2s_value value,
                                   enum g2s_condition condition, int64_t right)
{
	struct draft draft;
	draft.count = 0;
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(values, value, &count);
	/* Nobody's stack wraps around: the order of places is that of their distances. */
	uint64_t middle = UINT64_C(1) << 63;
	for (size_t i = 0; i < count; i++) {
		bool ordered = condition >= G2S_IF_EQUAL && condition <= G2S_IF_ABOVE;
		if (atoms[i].kind != G2S_ATOM_STACK || !ordered ||
		    holds(condition, atoms[i].value + middle, (uint64_t)right + middle, 8)) {
			value_put(&draft, &atoms[i]);
		}
	}
	return value_intern(values, &draft);
}

/* Continues a progression from its last number on; the count of numbers, 0 when it has no end. */
static size_t go_on(uint64_t last, uint64_t step, const struct bound *bound, size_t most,
                    uint64_t *numbers)
{
	size_t count = 0;
	for (uint64_t next = last + step;
	     holds(bound->condition, next, bound->right, bound->width); next += step) {
		if (count == most) {
			return 0;
		}
		numbers[count++] = next;
	}
	return count;
}

bool g2s_value_extrapolate(struct g2s_values *values, g2s_value *value, unsigned width,
                           enum g2s_condition condition, uint64_t right)
{
	struct draft draft;
	uint64_t numbers[G2S_VALUE_LIMIT];
	const struct bound bound = {condition, right & value_mask(width), width};
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(values, *value, &count);
	if (count < FEWEST || count >= G2S_VALUE_LIMIT) {
		return false;
	}
	uint64_t step = atoms[1].value - atoms[0].value;
	draft.count = 0;
	for (size_t i = 0; i < count; i++) {
		if (atoms[i].kind != G2S_ATOM_CONST ||
		    (i != 0 && atoms[i].value - atoms[i - 1].value != step)) {
			return false;
		}
		value_put(&draft, &atoms[i]);
	}
	size_t more = go_on(atoms[count - 1].value, step, &bound, G2S_VALUE_LIMIT - count, numbers);
	if (more == 0) {
		more = go_on(atoms[0].value, -step, &bound, G2S_VALUE_LIMIT - count, numbers);
	}
	for (size_t i = 0; i < more; i++) {
		struct g2s_atom atom = {.kind = G2S_ATOM_CONST, .value = numbers[i]};
		value_put(&draft, &atom);
	}
	*value = value_intern(values, &draft);
	return more != 0;
}
