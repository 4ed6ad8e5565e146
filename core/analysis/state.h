/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_STATE_H
#define G2S_ANALYSIS_STATE_H

#include "g2s/analysis/value.h"
#include "g2s/image/funcs.h"
#include "g2s/isa/isa.h"
#include "returns.h"

enum {
	/* Most stack slots followed at a time; the rest is unknown. */
	STATE_SLOTS = 256,
};

/*
 * width bytes of the stack from offset on, counted from the stack pointer at the function's
 * entry.
 */
struct slot {
	int32_t offset;
	uint8_t width;
	g2s_value value;
};

/* The comparison that the flags tell about. */
struct comparison {
	/* enum g2s_flags; G2S_FLAGS_KEPT for none. */
	uint8_t kind;
	/* Bytes compared. */
	uint8_t width;
	/* Its left side is still in this register, or in the slot at offset, or nowhere. */
	uint8_t reg;
	bool in_slot;
	int32_t offset;
	/* What both sides held. */
	g2s_value left;
	g2s_value right;
};

/*
 * What holds at one point of a function.
 *
 * The stack is two regions: the function's own frame below offset 0, and from 0 on what its
 * caller put there, the arguments among it.  A slot that is not in the list is, in the caller's
 * region below args_known, as it was at the entry; everywhere else it is unknown.  Once the
 * address of a slot is in the hands of other code (escaped), calls and stores through unknown
 * pointers may change the slot and all above it in its region.
 */
struct g2s_state {
	/* How many slots there is room for: what is kept for long has no more than it needs. */
	uint32_t slot_room;
	g2s_value registers[G2S_REGISTERS];
	/* The low and the high 8 bytes of the low 16 of a vector. */
	g2s_value vectors[G2S_VECTORS][2];
	struct comparison compared;
	/* No slot is followed any more: joins had come to no end. */
	bool widened;
	int32_t args_known;
	int32_t frame_escaped;
	int32_t args_escaped;
	uint32_t slot_count;
	/* Sorted by offset, without overlap. */
	struct slot slots[STATE_SLOTS];
};

/* What the functions below need to know of the surroundings. */
struct machine {
	const struct g2s_arch *arch;
	const struct g2s_funcs *funcs;
	struct g2s_values *values;
	/* The code follows Go's calling conventions rather than C's. */
	bool go;
	/* Which functions come back, and how often. */
	struct returns *returns;
	/* How many more calls are applied instruction by instruction; see state_inline. */
	unsigned *inlines_left;
};

/* The state at a function's entry, and one in which nothing is known but that there is a stack. */
void state_enter(const struct machine *m, struct g2s_state *state);
void state_unknown(const struct machine *m, struct g2s_state *state);

/*
 * Copies from into to, whose room stays what it is: when there is too little, to follows its stack
 * no more.
 */
void state_copy(struct g2s_state *to, const struct g2s_state *from);

/*
 * Joins from into to; true when that changed to.  With widen, what changes gives up its
 * constants: they come from a loop that counts.
 */
bool state_join(const struct machine *m, struct g2s_state *to, const struct g2s_state *from,
                bool widen);

/*
 * Lets the slots that touch [offset, offset + width) go; in the own frame that makes them
 * unknown.
 */
void slots_forget(struct g2s_state *state, int64_t offset, int64_t width);

/* Everything in the caller's region from offset on is unknown for good. */
void slots_lose_args(struct g2s_state *state, int64_t offset);

/* Puts value into width bytes at offset. */
void slots_set(const struct machine *m, struct g2s_state *state, int64_t offset, unsigned width,
               g2s_value value);

/* Narrows what width bytes at offset hold, if they are followed as one slot, to value. */
void slots_restrict(const struct machine *m, struct g2s_state *state, int64_t offset,
                    unsigned width, g2s_value value);

/* The parts of state_join for the slots and for one value. */
bool slots_join(const struct machine *m, struct g2s_state *to, const struct g2s_state *from,
                bool widen);
bool state_join_value(const struct machine *m, g2s_value *to, g2s_value from, bool widen);

/* Gives up following the stack, for good. */
void state_widen(struct g2s_state *state);

/*
 * Applies what insn does to registers and memory; a call is complete with what the callee may
 * do.
 */
void state_step(const struct machine *m, struct g2s_state *state, const struct g2s_insn *insn);

/*
 * Applies what a call into the middle of a Go function does, when that is a plain run of
 * instructions up to a return; false, and state as it was, when it is anything else.
 */
bool state_inline(const struct machine *m, struct g2s_state *state, const struct g2s_insn *insn);

/* The parts of state_step and state_join for the flags: before and after the effects of insn. */
void compare_before(const struct machine *m, struct g2s_state *state, const struct g2s_insn *insn);
void compare_after(const struct machine *m, struct g2s_state *state, const struct g2s_insn *insn);
bool compare_join(struct g2s_state *to, const struct g2s_state *from);

/* True when what taking, or not taking, the branch insn proves is worth a state of its own. */
bool compare_proves(const struct g2s_state *state, const struct g2s_insn *insn);

/*
 * Before compare_branch: counts on to the end what the branch insn, taken, goes on counting;
 * false when it does not.
 */
bool compare_count_on(const struct machine *m, struct g2s_state *state,
                      const struct g2s_insn *insn);

/*
 * Narrows state, which holds before the branch insn, to what holds when it is taken, or when it
 * is not; false when that cannot be.
 */
bool compare_branch(const struct machine *m, struct g2s_state *state, const struct g2s_insn *insn,
                    bool taken);

/*
 * True when insn stores to the null page, as Go's runtime does where control must not go on
 * (runtime.throw): nothing after it is reached.
 */
bool state_traps(const struct machine *m, const struct g2s_state *state,
                 const struct g2s_insn *insn);

g2s_value state_load(const struct machine *m, const struct g2s_state *state, g2s_value address,
                     unsigned width);
g2s_value state_memory(const struct machine *m, const struct g2s_state *state,
                       const struct g2s_operand *operand, unsigned width);
g2s_value state_slot(const struct machine *m, const struct g2s_state *state, int64_t offset,
                     unsigned width);
g2s_value state_address(const struct machine *m, const struct g2s_state *state,
                        const struct g2s_operand *operand);
g2s_value state_operand(const struct machine *m, const struct g2s_state *state,
                        const struct g2s_operand *operand);

#endif
