/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_VALUE_H
#define G2S_ANALYSIS_VALUE_H

#include "g2s/image/elf.h"
#include "g2s/isa/isa.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a register or a stack slot can hold: a set of possibilities ("atoms").  Joining two
 * paths is the union of their sets, so that a constant stays known beside a path that is not.
 */
enum g2s_atom_kind {
	/* The number in value. */
	G2S_ATOM_CONST,
	/* A number whose low width bytes (1, 2 or 4) are value; the others are not known. */
	G2S_ATOM_LOW,
	/*
	 * What register value held when the function was entered; moved (see g2s_atom_is_moved), a
	 * pointer that has been counted on from there.
	 */
	G2S_ATOM_REGISTER,
	/*
	 * What width bytes at the stack pointer of the function's entry plus value (signed)
	 * held then.
	 */
	G2S_ATOM_SLOT,
	/* The content of width bytes of writable memory at address value; or moved, likewise. */
	G2S_ATOM_GLOBAL,
	/* The stack pointer of the function's entry plus value (signed). */
	G2S_ATOM_STACK,
	/* Some address on this function's stack. */
	G2S_ATOM_STACK_ANY,
	/*
	 * base plus one of the width-byte entries of the table at value, an entry every stride
	 * bytes.
	 */
	G2S_ATOM_TABLE,
	/*
	 * What width bytes of memory hold at some time after the entry: those at base (signed) behind
	 * the pointer that register value held at the entry, or that the global at address value
	 * holds when they are loaded.
	 */
	G2S_ATOM_BEHIND_REGISTER,
	G2S_ATOM_BEHIND_GLOBAL,
	/* Not known; value is the reason, enum g2s_reason. */
	G2S_ATOM_UNKNOWN,
};

/* Why a number is not known: the stream's words memory, computed, too-many, indirect. */
enum g2s_reason {
	G2S_REASON_MEMORY,
	G2S_REASON_COMPUTED,
	G2S_REASON_TOO_MANY,
	G2S_REASON_INDIRECT,
};

struct g2s_atom {
	uint8_t kind;
	/*
	 * Of memory, of a register and of the unknown: bytes that the number has, and whether
	 * they are sign-extended; if not, the rest is zero.  0 for a register or the unknown:
	 * all there are.
	 */
	uint8_t width;
	bool is_signed;
	/*
	 * Of a table: bytes from one entry to the next.  Of a moved register or global: 1 when the
	 * distance is not known, base then being 0.
	 */
	uint8_t stride;
	/*
	 * What a comparison has proven of a register, memory or the unknown: its low 4 bytes, as a
	 * number, are below this. 0: nothing.
	 */
	uint8_t limit;
	uint64_t value;
	uint64_t base;
};

/*
 * A set of atoms, as an index: equal sets have equal indices.  0 is the empty set, "nothing
 * yet".
 */
typedef uint32_t g2s_value;

enum {
	G2S_VALUE_NOTHING = 0,
	/*
	 * Most constants, globals or places on the stack that a set holds; with more it becomes
	 * too-many.
	 */
	G2S_VALUE_LIMIT = 64,
};

/* Where a set's atoms are in the pool. */
struct g2s_value_set {
	uint32_t first;
	uint32_t count;
};

/* Remembers the result of one join. */
struct g2s_value_join {
	g2s_value a;
	g2s_value b;
	g2s_value result;
};

enum {
	G2S_VALUE_JOINS = 1024,
};

/* All sets of one analysis.  Zero-initialise by g2s_values_open. */
struct g2s_values {
	struct g2s_atom *atoms;
	size_t atom_count;
	size_t atom_capacity;
	struct g2s_value_set *sets;
	size_t set_count;
	size_t set_capacity;
	/* Open hash of set indices; its size is a power of two. */
	uint32_t *table;
	size_t table_size;
	struct g2s_value_join joins[G2S_VALUE_JOINS];
	/*
	 * What came in as a parameter, or is in a global, is followed as a pointer: sums with it, and
	 * what is loaded from behind it.  Go's code hands over no numbers in that way.
	 */
	bool pointers;
	/* Memory ran out at some point: results since then mean nothing. */
	bool failed;
};

bool g2s_values_open(struct g2s_values *values);
void g2s_values_free(struct g2s_values *values);

/* Forgets every set, and so every index, but keeps the memory. */
void g2s_values_clear(struct g2s_values *values);

/* The set's atoms, *count of them, sorted; good until the next call that makes a set. */
const struct g2s_atom *g2s_value_atoms(const struct g2s_values *values, g2s_value value,
                                       size_t *count);

/*
 * True of a register or global that stands for a pointer which was counted on: by base (signed), or
 * nobody knows how far.
 */
bool g2s_atom_is_moved(const struct g2s_atom *atom);

/* True when the atom is all of a register or global, which could be a pointer; moved or not. */
bool g2s_atom_is_pointer(const struct g2s_atom *atom);

g2s_value g2s_value_of(struct g2s_values *values, struct g2s_atom atom);
g2s_value g2s_value_const(struct g2s_values *values, uint64_t number);
g2s_value g2s_value_unknown(const struct g2s_values *values, enum g2s_reason reason);
g2s_value g2s_value_stack(struct g2s_values *values, int64_t offset);

/* The union of two sets. */
g2s_value g2s_value_join(struct g2s_values *values, g2s_value a, g2s_value b);

/* What holds the low width bytes of value, and above them nobody knows what. */
g2s_value g2s_value_low(struct g2s_values *values, g2s_value value, unsigned width);

/* The value with its constants given up as too many, and its places on the stack as any. */
g2s_value g2s_value_widen(struct g2s_values *values, g2s_value value);

/* The value cut to its low width bytes, zero-extended; or sign-extended from there to 8 bytes. */
g2s_value g2s_value_cut(struct g2s_values *values, g2s_value a, unsigned width);
g2s_value g2s_value_extend(struct g2s_values *values, g2s_value a, unsigned width);

/* a op b, both width bytes wide, for the operations from G2S_OP_ADD to G2S_OP_MUL. */
g2s_value g2s_value_binary(struct g2s_values *values, enum g2s_op op, g2s_value a, g2s_value b,
                           unsigned width);
/* op a, for G2S_OP_NOT and G2S_OP_NEG. */
g2s_value g2s_value_unary(struct g2s_values *values, enum g2s_op op, g2s_value a, unsigned width);

/*
 * What is left of value when its low width bytes stand in that relation (enum g2s_condition) to the
 * number right; nothing when they cannot.
 */
g2s_value g2s_value_restrict(struct g2s_values *values, g2s_value value, unsigned width,
                             enum g2s_condition condition, uint64_t right);

/* What is left of value when none of the bits of mask, or some of them, are set in it. */
g2s_value g2s_value_tested(struct g2s_values *values, g2s_value value, uint64_t mask, bool zero);

/* What is left of the places on the stack when they stand in that relation to another one. */
g2s_value g2s_value_restrict_stack(struct g2s_values *values, g2s_value value,
                                   enum g2s_condition condition, int64_t right);

/*
 * Continues numbers that a loop counts, *value, to the last that still stands in that relation to
 * right.  False when they are no progression, or when it would become too many.
 */
bool g2s_value_extrapolate(struct g2s_values *values, g2s_value *value, unsigned width,
                           enum g2s_condition condition, uint64_t right);

/* True when every number that the value can be is listed, or below a known limit. */
bool g2s_value_is_listed(const struct g2s_values *values, g2s_value value);

/* True when the set has constants alone. */
bool g2s_value_is_numbers(const struct g2s_values *values, g2s_value value);

/* True, and the number in *out, when the set is exactly one constant. */
bool g2s_value_is_const(const struct g2s_values *values, g2s_value value, uint64_t *out);

/* True, and the offset in *out, when the set is exactly one place on the stack. */
bool g2s_value_is_stack(const struct g2s_values *values, g2s_value value, int64_t *out);

/* True when the set has a constant in [start, end). */
bool g2s_value_points(const struct g2s_values *values, g2s_value value, struct g2s_range range);

#endif
