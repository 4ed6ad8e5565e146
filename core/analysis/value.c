/* SPDX-License-Identifier: MIT */
#include "g2s/analysis/value.h"

#include "g2s/memory.h"

#include <stdlib.h>
#include <string.h>

enum {
	TABLE_START = 1024,
	/*
	 * Room to build a set in before it is bounded: more than two full sets with every kind
	 * of atom.
	 */
	DRAFT = 8 * G2S_VALUE_LIMIT,
};

/* A set being built. */
struct draft {
	struct g2s_atom atoms[DRAFT];
	size_t count;
};

bool g2s_values_open(struct g2s_values *values)
{
	*values = (struct g2s_values){0};
	values->table = calloc(TABLE_START, sizeof(*values->table));
	if (values->table == NULL ||
	    !g2s_grow(&values->sets, &values->set_capacity, 1, sizeof(*values->sets))) {
		return false;
	}
	values->table_size = TABLE_START;
	values->sets[0] = (struct g2s_value_set){0, 0};
	values->set_count = 1;
	return true;
}

void g2s_values_free(struct g2s_values *values)
{
	free(values->atoms);
	free(values->sets);
	free(values->table);
	*values = (struct g2s_values){0};
}

void g2s_values_clear(struct g2s_values *values)
{
	values->atom_count = 0;
	values->set_count = 1;
	memset(values->table, 0, values->table_size * sizeof(*values->table));
	memset(values->joins, 0, sizeof(values->joins));
}

const struct g2s_atom *g2s_value_atoms(const struct g2s_values *values, g2s_value value,
                                       size_t *count)
{
	*count = values->sets[value].count;
	return &values->atoms[values->sets[value].first];
}

static int compare_atoms(const struct g2s_atom *a, const struct g2s_atom *b)
{
	if (a->kind != b->kind) {
		return a->kind < b->kind ? -1 : 1;
	}
	if (a->value != b->value) {
		return a->value < b->value ? -1 : 1;
	}
	if (a->base != b->base) {
		return a->base < b->base ? -1 : 1;
	}
	unsigned x = (unsigned)a->width << 16 | (unsigned)a->stride << 8 | a->is_signed;
	unsigned y = (unsigned)b->width << 16 | (unsigned)b->stride << 8 | b->is_signed;
	return x < y ? -1 : x > y;
}

/*
 * Puts atom into its place of the draft; a draft that is full has long passed the bound of a
 * set.
 */
static void put(struct draft *draft, const struct g2s_atom *atom)
{
	size_t at = draft->count;
	while (at != 0) {
		int order = compare_atoms(&draft->atoms[at - 1], atom);
		if (order == 0) {
			return;
		}
		if (order < 0) {
			break;
		}
		at--;
	}
	if (draft->count == DRAFT) {
		return;
	}
	memmove(&draft->atoms[at + 1], &draft->atoms[at],
	        (draft->count - at) * sizeof(draft->atoms[0]));
	draft->atoms[at] = *atom;
	draft->count++;
}

static bool has_unknown(const struct draft *draft, enum g2s_reason reason)
{
	for (size_t i = 0; i < draft->count; i++) {
		if (draft->atoms[i].kind == G2S_ATOM_UNKNOWN && draft->atoms[i].value == reason) {
			return true;
		}
	}
	return false;
}

static size_t remove_kind(struct draft *draft, enum g2s_atom_kind kind)
{
	size_t kept = 0;
	for (size_t i = 0; i < draft->count; i++) {
		if (draft->atoms[i].kind != kind) {
			draft->atoms[kept++] = draft->atoms[i];
		}
	}
	size_t removed = draft->count - kept;
	draft->count = kept;
	return removed;
}

static size_t count_kind(const struct draft *draft, enum g2s_atom_kind kind)
{
	size_t count = 0;
	for (size_t i = 0; i < draft->count; i++) {
		count += draft->atoms[i].kind == kind;
	}
	return count;
}

/*
 * Keeps a set bounded, so that every chain of joins ends: too many of a kind become too-many,
 * which then swallows the kind for good.  Places on the stack become "somewhere on the stack",
 * never unknown, because a store through one must still be seen to hit the stack.
 */
static void bound(struct draft *draft)
{
	static const uint8_t kinds[] = {G2S_ATOM_CONST, G2S_ATOM_REGISTER, G2S_ATOM_SLOT,
	                                G2S_ATOM_GLOBAL, G2S_ATOM_TABLE};
	const struct g2s_atom too_many = {.kind = G2S_ATOM_UNKNOWN, .value = G2S_REASON_TOO_MANY};
	const struct g2s_atom anywhere = {.kind = G2S_ATOM_STACK_ANY};
	if (draft->count < 2) {
		return;
	}
	bool full = has_unknown(draft, G2S_REASON_TOO_MANY);
	for (size_t i = 0; i < sizeof(kinds); i++) {
		size_t most = kinds[i] == G2S_ATOM_CONST ? G2S_VALUE_LIMIT : G2S_VALUE_LIMIT / 4;
		full = full || count_kind(draft, kinds[i]) > most;
	}
	if (full) {
		for (size_t i = 0; i < sizeof(kinds); i++) {
			(void)remove_kind(draft, kinds[i]);
		}
		put(draft, &too_many);
	}
	if (count_kind(draft, G2S_ATOM_STACK_ANY) != 0 ||
	    count_kind(draft, G2S_ATOM_STACK) > G2S_VALUE_LIMIT / 4) {
		(void)remove_kind(draft, G2S_ATOM_STACK);
		put(draft, &anywhere);
	}
}

static uint64_t hash_atoms(const struct g2s_atom *atoms, size_t count)
{
	uint64_t hash = 0x9e3779b97f4a7c15;
	for (size_t i = 0; i < count; i++) {
		const struct g2s_atom *a = &atoms[i];
		hash ^= a->value + ((uint64_t)a->kind << 56 | (uint64_t)a->width << 48 |
		                    (uint64_t)a->stride << 40 | (uint64_t)a->is_signed << 32) +
		        a->base * 3;
		hash *= 0xff51afd7ed558ccd;
		hash ^= hash >> 32;
	}
	return hash;
}

static bool same_atoms(const struct g2s_values *values, g2s_value value,
                       const struct draft *draft)
{
	const struct g2s_value_set *set = &values->sets[value];
	if (set->count != draft->count) {
		return false;
	}
	for (size_t i = 0; i < draft->count; i++) {
		if (compare_atoms(&values->atoms[set->first + i], &draft->atoms[i]) != 0) {
			return false;
		}
	}
	return true;
}

static bool grow_table(struct g2s_values *values)
{
	size_t size = values->table_size * 2;
	uint32_t *table = calloc(size, sizeof(*table));
	if (table == NULL) {
		return false;
	}
	for (g2s_value v = 1; v < values->set_count; v++) {
		const struct g2s_value_set *set = &values->sets[v];
		size_t at = (size_t)hash_atoms(&values->atoms[set->first], set->count) & (size - 1);
		while (table[at] != 0) {
			at = (at + 1) & (size - 1);
		}
		table[at] = v;
	}
	free(values->table);
	values->table = table;
	values->table_size = size;
	return true;
}

static g2s_value intern(struct g2s_values *values, struct draft *draft)
{
	bound(draft);
	if (draft->count == 0) {
		return G2S_VALUE_NOTHING;
	}
	size_t mask = values->table_size - 1;
	size_t at = (size_t)hash_atoms(draft->atoms, draft->count) & mask;
	while (values->table[at] != 0) {
		if (same_atoms(values, values->table[at], draft)) {
			return values->table[at];
		}
		at = (at + 1) & mask;
	}
	if (!g2s_grow(&values->atoms, &values->atom_capacity, values->atom_count + draft->count,
	              sizeof(*values->atoms)) ||
	    !g2s_grow(&values->sets, &values->set_capacity, values->set_count + 1,
	              sizeof(*values->sets))) {
		values->failed = true;
		return G2S_VALUE_NOTHING;
	}
	memcpy(&values->atoms[values->atom_count], draft->atoms,
	       draft->count * sizeof(draft->atoms[0]));
	g2s_value value = (g2s_value)values->set_count++;
	values->sets[value] =
		(struct g2s_value_set){(uint32_t)values->atom_count, (uint32_t)draft->count};
	values->atom_count += draft->count;
	values->table[at] = value;
	if (values->set_count > values->table_size / 2 && !grow_table(values)) {
		values->failed = true;
	}
	return value;
}

g2s_value g2s_value_of(struct g2s_values *values, struct g2s_atom atom)
{
	struct draft draft;
	draft.count = 1;
	draft.atoms[0] = atom;
	return intern(values, &draft);
}

g2s_value g2s_value_const(struct g2s_values *values, uint64_t number)
{
	return g2s_value_of(values, (struct g2s_atom){.kind = G2S_ATOM_CONST, .value = number});
}

g2s_value g2s_value_unknown(struct g2s_values *values, enum g2s_reason reason)
{
	return g2s_value_of(values, (struct g2s_atom){.kind = G2S_ATOM_UNKNOWN, .value = reason});
}

g2s_value g2s_value_stack(struct g2s_values *values, int64_t offset)
{
	return g2s_value_of(values,
	                    (struct g2s_atom){.kind = G2S_ATOM_STACK, .value = (uint64_t)offset});
}

/* Sorted input, both; the result is sorted without repeats. */
static void merge(struct draft *draft, const struct g2s_atom *a, size_t a_count,
                  const struct g2s_atom *b, size_t b_count)
{
	size_t i = 0;
	size_t j = 0;
	draft->count = 0;
	while ((i < a_count || j < b_count) && draft->count < DRAFT) {
		int order = i == a_count   ? 1
		            : j == b_count ? -1
		                           : compare_atoms(&a[i], &b[j]);
		draft->atoms[draft->count++] = order <= 0 ? a[i] : b[j];
		i += order <= 0;
		j += order >= 0;
	}
}

g2s_value g2s_value_join(struct g2s_values *values, g2s_value a, g2s_value b)
{
	if (a == b || b == G2S_VALUE_NOTHING) {
		return a;
	}
	if (a == G2S_VALUE_NOTHING) {
		return b;
	}
	struct g2s_value_join *known = &values->joins[(a * 31 + b) % G2S_VALUE_JOINS];
	if (known->a == a && known->b == b) {
		return known->result;
	}
	struct draft draft;
	size_t a_count, b_count;
	const struct g2s_atom *a_atoms = g2s_value_atoms(values, a, &a_count);
	const struct g2s_atom *b_atoms = g2s_value_atoms(values, b, &b_count);
	merge(&draft, a_atoms, a_count, b_atoms, b_count);
	g2s_value result = intern(values, &draft);
	*known = (struct g2s_value_join){a, b, result};
	return result;
}

g2s_value g2s_value_widen(struct g2s_values *values, g2s_value value)
{
	struct draft draft;
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(values, value, &count);
	draft.count = 0;
	for (size_t i = 0; i < count; i++) {
		struct g2s_atom atom = atoms[i];
		if (atom.kind == G2S_ATOM_CONST) {
			atom = (struct g2s_atom){.kind = G2S_ATOM_UNKNOWN,
			                         .value = G2S_REASON_TOO_MANY};
		} else if (atom.kind == G2S_ATOM_STACK) {
			atom = (struct g2s_atom){.kind = G2S_ATOM_STACK_ANY};
		}
		put(&draft, &atom);
	}
	return intern(values, &draft);
}

static uint64_t mask_of(unsigned width)
{
	return width >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * width)) - 1;
}

static uint64_t sign_extend(uint64_t number, unsigned width)
{
	if (width >= 8 || width == 0) {
		return number;
	}
	uint64_t sign = UINT64_C(1) << (8 * width - 1);
	number &= mask_of(width);
	return (number ^ sign) - sign;
}

static struct g2s_atom unknown_atom(enum g2s_reason reason)
{
	return (struct g2s_atom){.kind = G2S_ATOM_UNKNOWN, .value = reason};
}

/*
 * One atom cut to width bytes.  Numbers of system calls are looked at as 32 bits by the kernel,
 * so what came in as a parameter is still that parameter when cut to 4 bytes; cut further it is
 * computed.
 */
static struct g2s_atom cut_atom(struct g2s_atom atom, unsigned width, bool is_signed)
{
	switch (atom.kind) {
	case G2S_ATOM_CONST:
		atom.value = is_signed ? sign_extend(atom.value, width)
		                       : atom.value & mask_of(width);
		return atom;
	case G2S_ATOM_REGISTER:
	case G2S_ATOM_SLOT:
		return width >= 4 ? atom : unknown_atom(G2S_REASON_COMPUTED);
	case G2S_ATOM_GLOBAL:
		if (width < atom.width) {
			atom.width = (uint8_t)width;
			atom.is_signed = is_signed;
		}
		return atom;
	case G2S_ATOM_TABLE:
		if (width < atom.width && atom.base == 0) {
			atom.width = (uint8_t)width;
			atom.is_signed = is_signed;
			return atom;
		}
		return width >= atom.width && width >= 4 ? atom
		                                         : unknown_atom(G2S_REASON_COMPUTED);
	case G2S_ATOM_STACK:
	case G2S_ATOM_STACK_ANY:
		return width >= 8 ? atom : unknown_atom(G2S_REASON_COMPUTED);
	default:
		return atom;
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
	for (size_t i = 0; i < count; i++) {
		struct g2s_atom atom = cut_atom(atoms[i], width, is_signed);
		put(&draft, &atom);
	}
	return intern(values, &draft);
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
		return (a & mask_of(width)) >> count;
	case G2S_OP_SAR:
		return (uint64_t)((int64_t)sign_extend(a, width) >> count);
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

/* The result of an operation on two atoms, not both constants. */
static struct g2s_atom combine(enum g2s_op op, const struct g2s_atom *a,
                               const struct g2s_atom *b, unsigned width)
{
	bool a_stack = a->kind == G2S_ATOM_STACK || a->kind == G2S_ATOM_STACK_ANY;
	bool b_stack = b->kind == G2S_ATOM_STACK || b->kind == G2S_ATOM_STACK_ANY;
	bool b_const = b->kind == G2S_ATOM_CONST;
	if (a_stack && !b_stack && width == 8) {
		struct g2s_atom moved = *a;
		if (a->kind == G2S_ATOM_STACK && b_const) {
			if (op == G2S_OP_ADD || op == G2S_OP_SUB) {
				moved.value = compute(op, a->value, b->value, 8);
				return moved;
			}
			if (op == G2S_OP_AND && (int64_t)b->value < 0) {
				moved.value = align_stack(a->value, b->value);
				return moved;
			}
		}
		if (op == G2S_OP_ADD || op == G2S_OP_SUB || op == G2S_OP_AND || op == G2S_OP_OR) {
			return (struct g2s_atom){.kind = G2S_ATOM_STACK_ANY};
		}
	}
	if (a->kind == G2S_ATOM_TABLE && b_const && op == G2S_OP_ADD && a->base == 0) {
		struct g2s_atom moved = *a;
		moved.base = b->value;
		return moved;
	}
	/* What cannot be told already keeps its reason. */
	if (a->kind == G2S_ATOM_UNKNOWN) {
		return *a;
	}
	return b->kind == G2S_ATOM_UNKNOWN ? *b : unknown_atom(G2S_REASON_COMPUTED);
}

static bool commutes(enum g2s_op op)
{
	return op == G2S_OP_ADD || op == G2S_OP_AND || op == G2S_OP_OR || op == G2S_OP_XOR ||
	       op == G2S_OP_MUL;
}

g2s_value g2s_value_binary(struct g2s_values *values, enum g2s_op op, g2s_value a, g2s_value b,
                           unsigned width)
{
	struct draft draft;
	draft.count = 0;
	size_t a_count, b_count;
	const struct g2s_atom *a_atoms = g2s_value_atoms(values, a, &a_count);
	const struct g2s_atom *b_atoms = g2s_value_atoms(values, b, &b_count);
	for (size_t i = 0; i < a_count; i++) {
		for (size_t j = 0; j < b_count; j++) {
			const struct g2s_atom *x = &a_atoms[i];
			const struct g2s_atom *y = &b_atoms[j];
			struct g2s_atom atom = {.kind = G2S_ATOM_CONST};
			bool swap = commutes(op) && x->kind == G2S_ATOM_CONST;
			if (x->kind == G2S_ATOM_CONST && y->kind == G2S_ATOM_CONST) {
				atom.value = compute(op, x->value, y->value, width) &
				             mask_of(width);
			} else {
				atom = swap ? combine(op, y, x, width) : combine(op, x, y, width);
			}
			put(&draft, &atom);
			if (draft.count == DRAFT) {
				/* Far past the bound; the rest would change nothing. */
				bound(&draft);
			}
		}
	}
	return intern(values, &draft);
}

g2s_value g2s_value_unary(struct g2s_values *values, enum g2s_op op, g2s_value a, unsigned width)
{
	g2s_value none = g2s_value_const(values, op == G2S_OP_NOT ? UINT64_MAX : 0);
	return op == G2S_OP_NOT ? g2s_value_binary(values, G2S_OP_XOR, a, none, width)
	                        : g2s_value_binary(values, G2S_OP_SUB, none, a, width);
}

bool g2s_value_is_const(const struct g2s_values *values, g2s_value value, uint64_t *out)
{
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(values, value, &count);
	if (count != 1 || atoms[0].kind != G2S_ATOM_CONST) {
		return false;
	}
	*out = atoms[0].value;
	return true;
}

bool g2s_value_is_stack(const struct g2s_values *values, g2s_value value, int64_t *out)
{
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(values, value, &count);
	if (count != 1 || atoms[0].kind != G2S_ATOM_STACK) {
		return false;
	}
	*out = (int64_t)atoms[0].value;
	return true;
}

bool g2s_value_points(const struct g2s_values *values, g2s_value value, struct g2s_range range)
{
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(values, value, &count);
	for (size_t i = 0; i < count; i++) {
		if (atoms[i].kind == G2S_ATOM_CONST && atoms[i].value >= range.start &&
		    atoms[i].value < range.end) {
			return true;
		}
	}
	return false;
}
