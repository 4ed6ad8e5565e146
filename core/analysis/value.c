/* SPDX-License-Identifier: MIT */
#include "g2s/analysis/value.h"

#include "g2s/memory.h"
#include "value_set.h"

#include <stdlib.h>
#include <string.h>

enum {
	TABLE_START = 1024,
	/* Most possibilities of the kinds that no loop makes more of. */
	FEW = G2S_VALUE_LIMIT / 4,
};

/* Makes the sets that every analysis needs all the time: see g2s_value_unknown. */
static void make_unknowns(struct g2s_values *values)
{
	for (unsigned reason = 0; reason <= G2S_REASON_INDIRECT; reason++) {
		(void)g2s_value_of(values, (struct g2s_atom){.kind = G2S_ATOM_UNKNOWN,
		                                             .value = reason});
	}
}

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
	make_unknowns(values);
	return !values->failed;
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
	make_unknowns(values);
}

const struct g2s_atom *g2s_value_atoms(const struct g2s_values *values, g2s_value value,
                                       size_t *count)
{
	*count = values->sets[value].count;
	return &values->atoms[values->sets[value].first];
}

int value_compare(const struct g2s_atom *a, const struct g2s_atom *b)
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
	/* The limit last: what differs in nothing else stands together. */
	uint32_t x = (uint32_t)a->width << 24 | (uint32_t)a->stride << 16 |
	             (uint32_t)a->is_signed << 8 | a->limit;
	uint32_t y = (uint32_t)b->width << 24 | (uint32_t)b->stride << 16 |
	             (uint32_t)b->is_signed << 8 | b->limit;
	return x < y ? -1 : x > y;
}

/*
 * Puts atom into its place of the draft; a draft that is full has long passed the bound of a
 * set.
 */
void value_put(struct draft *draft, const struct g2s_atom *atom)
{
	size_t at = draft->count;
	while (at != 0) {
		int order = value_compare(&draft->atoms[at - 1], atom);
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

/* Of atoms that differ in nothing but what is proven of them, the weakest stays. */
static void merge_limits(struct draft *draft)
{
	size_t kept = 0;
	for (size_t i = 0; i < draft->count; i++) {
		struct g2s_atom atom = draft->atoms[i];
		struct g2s_atom *last = kept == 0 ? NULL : &draft->atoms[kept - 1];
		if (last != NULL && last->limit != atom.limit) {
			uint8_t limit = last->limit == 0 ? 0 : atom.limit;
			atom.limit = last->limit;
			if (value_compare(last, &atom) == 0) {
				last->limit = limit;
				continue;
			}
			atom.limit = draft->atoms[i].limit;
		}
		draft->atoms[kept++] = atom;
	}
	draft->count = kept;
}

bool g2s_atom_is_moved(const struct g2s_atom *atom)
{
	return (atom->kind == G2S_ATOM_REGISTER || atom->kind == G2S_ATOM_GLOBAL) &&
	       (atom->base != 0 || atom->stride != 0);
}

bool g2s_atom_is_pointer(const struct g2s_atom *atom)
{
	return atom->limit == 0 &&
	       ((atom->kind == G2S_ATOM_REGISTER && (atom->width == 0 || atom->width == 8)) ||
	        (atom->kind == G2S_ATOM_GLOBAL && atom->width == 8));
}

/* A pointer that was moved nobody knows how far. */
static struct g2s_atom moved_anywhere(struct g2s_atom atom)
{
	atom.base = 0;
	atom.stride = 1;
	return atom;
}

/* True of a pointer that was moved, of the same register or global as atom. */
static bool is_moved_as(const struct g2s_atom *other, const struct g2s_atom *atom)
{
	return other->kind == atom->kind && other->value == atom->value && other->limit == 0 &&
	       g2s_atom_is_moved(other);
}

/*
 * Of a pointer that was moved by more than one distance the distance is not known: loops count
 * pointers on without end.  True when there was one.
 */
static bool merge_moved(struct draft *draft)
{
	bool merged = false;
	for (size_t i = 0; i < draft->count; i++) {
		const struct g2s_atom atom = draft->atoms[i];
		const struct g2s_atom anywhere = moved_anywhere(atom);
		size_t kept = 0;
		size_t same = 0;
		for (size_t k = 0; is_moved_as(&atom, &atom) && k < draft->count; k++) {
			same += is_moved_as(&draft->atoms[k], &atom);
		}
		for (size_t k = 0; same > 1 && k < draft->count; k++) {
			if (!is_moved_as(&draft->atoms[k], &atom)) {
				draft->atoms[kept++] = draft->atoms[k];
			}
		}
		if (same > 1) {
			draft->count = kept;
			value_put(draft, &anywhere);
			merged = true;
			i = 0;
		}
	}
	return merged;
}

/* True when what stands for memory, not known which, says no more than what is behind a pointer. */
static bool is_memory_for(const struct g2s_atom *unknown, const struct g2s_atom *behind)
{
	return unknown->kind == G2S_ATOM_UNKNOWN && unknown->value == G2S_REASON_MEMORY &&
	       unknown->limit == 0 &&
	       (unknown->width == 0 || (!behind->is_signed && behind->width <= unknown->width));
}

/* Beside memory nobody knows of, what is behind known pointers is nothing new. */
static void merge_behind(struct draft *draft)
{
	size_t kept = 0;
	for (size_t i = 0; i < draft->count; i++) {
		const struct g2s_atom atom = draft->atoms[i];
		bool known = false;
		for (size_t k = i + 1; (atom.kind == G2S_ATOM_BEHIND_REGISTER ||
		                        atom.kind == G2S_ATOM_BEHIND_GLOBAL) &&
		                       k < draft->count && !known;
		     k++) {
			known = is_memory_for(&draft->atoms[k], &atom);
		}
		if (!known) {
			draft->atoms[kept++] = atom;
		}
	}
	draft->count = kept;
}

static void remove_kind(struct draft *draft, enum g2s_atom_kind kind)
{
	size_t kept = 0;
	for (size_t i = 0; i < draft->count; i++) {
		if (draft->atoms[i].kind != kind) {
			draft->atoms[kept++] = draft->atoms[i];
		}
	}
	draft->count = kept;
}

/* Most atoms of each kind in a set; 0 for kinds that too many of the others do not concern. */
static const uint8_t MOST[G2S_ATOM_UNKNOWN + 1] = {
	[G2S_ATOM_CONST] = G2S_VALUE_LIMIT, [G2S_ATOM_LOW] = G2S_VALUE_LIMIT,
	[G2S_ATOM_REGISTER] = FEW,          [G2S_ATOM_SLOT] = FEW,
	[G2S_ATOM_GLOBAL] = G2S_VALUE_LIMIT, [G2S_ATOM_TABLE] = FEW,
	[G2S_ATOM_BEHIND_REGISTER] = G2S_VALUE_LIMIT, [G2S_ATOM_BEHIND_GLOBAL] = G2S_VALUE_LIMIT,
};

/*
 * Keeps a set bounded, so that every chain of joins ends: too many of a kind become too-many,
 * which then swallows the kind for good.  Places on the stack become "somewhere on the stack",
 * never unknown, because a store through one must still be seen to hit the stack.
 */
static void bound(struct draft *draft)
{
	const struct g2s_atom too_many = {.kind = G2S_ATOM_UNKNOWN, .value = G2S_REASON_TOO_MANY};
	const struct g2s_atom anywhere = {.kind = G2S_ATOM_STACK_ANY};
	size_t counts[G2S_ATOM_UNKNOWN + 1] = {0};
	size_t moved = 0;
	bool limited = false;
	bool full = false;
	if (draft->count < 2) {
		return;
	}
	for (size_t i = 0; i < draft->count; i++) {
		const struct g2s_atom *atom = &draft->atoms[i];
		counts[atom->kind]++;
		moved += g2s_atom_is_moved(atom);
		limited = limited || atom->limit != 0;
		/* Those with a limit are still some of few. */
		full = full || (atom->kind == G2S_ATOM_UNKNOWN && atom->limit == 0 &&
		                atom->value == G2S_REASON_TOO_MANY);
	}
	if (moved > 1 && merge_moved(draft)) {
		bound(draft);
		return;
	}
	if (counts[G2S_ATOM_BEHIND_REGISTER] + counts[G2S_ATOM_BEHIND_GLOBAL] != 0) {
		merge_behind(draft);
	}
	if (limited) {
		merge_limits(draft);
	}
	for (unsigned kind = 0; kind <= G2S_ATOM_UNKNOWN; kind++) {
		full = full || (MOST[kind] != 0 && counts[kind] > MOST[kind]);
	}
	for (unsigned kind = 0; full && kind <= G2S_ATOM_UNKNOWN; kind++) {
		if (MOST[kind] != 0 && counts[kind] != 0) {
			remove_kind(draft, (enum g2s_atom_kind)kind);
		}
	}
	if (full) {
		value_put(draft, &too_many);
	}
	if (counts[G2S_ATOM_STACK] != 0 && (counts[G2S_ATOM_STACK_ANY] != 0 ||
	                                    counts[G2S_ATOM_STACK] > G2S_VALUE_LIMIT)) {
		remove_kind(draft, G2S_ATOM_STACK);
		value_put(draft, &anywhere);
	}
}

static uint64_t hash_atoms(const struct g2s_atom *atoms, size_t count)
{
	uint64_t hash = 0x9e3779b97f4a7c15;
	for (size_t i = 0; i < count; i++) {
		const struct g2s_atom *a = &atoms[i];
		hash ^= a->value + ((uint64_t)a->kind << 56 | (uint64_t)a->width << 48 |
		                    (uint64_t)a->stride << 40 | (uint64_t)a->is_signed << 32 |
		                    (uint64_t)a->limit << 24) +
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
		if (value_compare(&values->atoms[set->first + i], &draft->atoms[i]) != 0) {
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

g2s_value value_intern(struct g2s_values *values, struct draft *draft)
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
	return value_intern(values, &draft);
}

g2s_value g2s_value_const(struct g2s_values *values, uint64_t number)
{
	return g2s_value_of(values, (struct g2s_atom){.kind = G2S_ATOM_CONST, .value = number});
}

g2s_value g2s_value_unknown(const struct g2s_values *values, enum g2s_reason reason)
{
	(void)values;
	/* They come first after the empty set, in this order. */
	return G2S_VALUE_NOTHING + 1 + (g2s_value)reason;
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
		                           : value_compare(&a[i], &b[j]);
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
	g2s_value result = value_intern(values, &draft);
	*known = (struct g2s_value_join){a, b, result};
	return result;
}

g2s_value g2s_value_low(struct g2s_values *values, g2s_value value, unsigned width)
{
	struct draft draft;
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(values, value, &count);
	draft.count = 0;
	for (size_t i = 0; i < count; i++) {
		struct g2s_atom atom = atoms[i];
		if (atom.kind == G2S_ATOM_CONST) {
			atom.kind = G2S_ATOM_LOW;
			atom.width = (uint8_t)width;
			atom.value &= value_mask(width);
		} else {
			atom = (struct g2s_atom){.kind = G2S_ATOM_UNKNOWN,
			                         .value = G2S_REASON_COMPUTED};
		}
		value_put(&draft, &atom);
	}
	return value_intern(values, &draft);
}

g2s_value g2s_value_widen(struct g2s_values *values, g2s_value value)
{
	struct draft draft;
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(values, value, &count);
	draft.count = 0;
	for (size_t i = 0; i < count; i++) {
		struct g2s_atom atom = atoms[i];
		if (atom.kind == G2S_ATOM_CONST || atom.kind == G2S_ATOM_LOW) {
			atom = (struct g2s_atom){.kind = G2S_ATOM_UNKNOWN,
			                         .value = G2S_REASON_TOO_MANY};
		} else if (atom.kind == G2S_ATOM_STACK) {
			atom = (struct g2s_atom){.kind = G2S_ATOM_STACK_ANY};
		}
		value_put(&draft, &atom);
	}
	return value_intern(values, &draft);
}

uint64_t value_mask(unsigned width)
{
	return width >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * width)) - 1;
}

uint64_t value_sign_extend(uint64_t number, unsigned width)
{
	if (width >= 8 || width == 0) {
		return number;
	}
	uint64_t sign = UINT64_C(1) << (8 * width - 1);
	number &= value_mask(width);
	return (number ^ sign) - sign;
}

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
	*out = moved_anywhere(*a);
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
		bound(draft);
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

bool g2s_value_is_numbers(const struct g2s_values *values, g2s_value value)
{
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(values, value, &count);
	for (size_t i = 0; i < count; i++) {
		if (atoms[i].kind != G2S_ATOM_CONST) {
			return false;
		}
	}
	return count != 0;
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
