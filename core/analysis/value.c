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

struct g2s_atom value_moved_anywhere(struct g2s_atom atom)
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
		const struct g2s_atom anywhere = value_moved_anywhere(atom);
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
void value_bound(struct draft *draft)
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
		value_bound(draft);
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
	value_bound(draft);
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
