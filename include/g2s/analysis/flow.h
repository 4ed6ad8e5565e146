/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_FLOW_H
#define G2S_ANALYSIS_FLOW_H

#include "g2s/analysis/value.h"
#include "g2s/error.h"
#include "g2s/image/funcs.h"
#include "g2s/isa/isa.h"

/*
 * What registers and stack slots can hold at each point of one function: a forward pass over
 * its control flow graph, to the fixpoint.  The graph is found by decoding from the entry along
 * every path; jumps that lead into the middle of another function (compilers move cold code
 * away) are followed, jumps to a function's start are tail calls and end a path.  Offsets of
 * the stack count from the stack pointer at the entry.
 */
struct g2s_flow;

/*
 * Makes an analysis of functions of funcs; values is shared and stays the caller's.  NULL: no
 * memory.
 */
struct g2s_flow *g2s_flow_new(const struct g2s_arch *arch, const struct g2s_funcs *funcs,
                              struct g2s_values *values);
void g2s_flow_free(struct g2s_flow *flow);

/*
 * Analyses the code that is entered at entry; [entry, end) is where straight code may run.
 * What an earlier call found is forgotten.  The answer is G2S_OK or G2S_ERR_MEMORY.
 */
enum g2s_code g2s_flow_run(struct g2s_flow *flow, uint64_t entry, uint64_t end);

/*
 * Brings code that no path reaches (behind a jump that nobody can follow, or dead) into the
 * analysis: it is entered at each of the count starts with nothing known.
 */
enum g2s_code g2s_flow_cover(struct g2s_flow *flow, const uint64_t *starts, size_t count);

/*
 * What holds before the instruction at addr, judged by the straight code from start to it
 * alone; *insn is that instruction.  What comes in at start is unknown. NULL when start does
 * not lead to addr. Leaves an analysis that the flow holds as it is, but for the state that
 * g2s_flow_before has answered.
 */
const struct g2s_state *g2s_flow_straight(struct g2s_flow *flow, uint64_t start, uint64_t addr,
                                          struct g2s_insn *insn);

/* What all analyses of this flow have cost so far, in instructions that were looked at. */
uint64_t g2s_flow_work(const struct g2s_flow *flow);

/* True when addr is the start of an instruction that the analysis has reached. */
bool g2s_flow_reaches(const struct g2s_flow *flow, uint64_t addr);

/* The instruction at addr, or NULL. */
const struct g2s_insn *g2s_flow_insn(const struct g2s_flow *flow, uint64_t addr);

/*
 * Asks what holds just before the instruction at addr, which must be reached.  The answer stays
 * until the next call of a function of this header on the same flow.
 */
struct g2s_state;
const struct g2s_state *g2s_flow_before(struct g2s_flow *flow, uint64_t addr);

/* The same just after an instruction that goes on, on the way to the next one in memory. */
const struct g2s_state *g2s_flow_after(struct g2s_flow *flow, uint64_t addr);

/* The value of a register, of a register's low width bytes, and of memory operand in that state. */
g2s_value g2s_state_register(struct g2s_flow *flow, const struct g2s_state *state, uint8_t reg,
                             unsigned width);
/* width bytes of the stack at offset bytes above the stack pointer of that state. */
g2s_value g2s_state_slot(struct g2s_flow *flow, const struct g2s_state *state, int64_t offset,
                         unsigned width);
/* The value and the address of an operand. */
g2s_value g2s_state_operand(struct g2s_flow *flow, const struct g2s_state *state,
                            const struct g2s_operand *operand);
g2s_value g2s_state_address(struct g2s_flow *flow, const struct g2s_state *state,
                            const struct g2s_operand *operand);

/* Calls visit for each instruction that a path reaches, with what holds before it. */
typedef void (*g2s_flow_visit)(void *user, const struct g2s_state *state,
                               const struct g2s_insn *insn);
void g2s_flow_walk(struct g2s_flow *flow, g2s_flow_visit visit, void *user);

/* Where the analysed code is entered. */
uint64_t g2s_flow_entry(const struct g2s_flow *flow);

/* False when the function was too large to be looked at whole. */
bool g2s_flow_is_whole(const struct g2s_flow *flow);

/*
 * What effect, whose dst is memory, puts into the width bytes at offset bytes after the address it
 * writes to.
 */
g2s_value g2s_state_stored(struct g2s_flow *flow, const struct g2s_state *state,
                           const struct g2s_effect *effect, unsigned offset, unsigned width);

/*
 * The registers, as a mask, in which a call made in this state can hand over a pointer into
 * range.
 */
uint64_t g2s_state_passes(struct g2s_flow *flow, const struct g2s_state *state,
                          struct g2s_range range);

/*
 * True when a pointer into range gets out of the function's hands at insn other than in a
 * register of a call: stored to memory, on the stack at a call, or in a way the decoder does
 * not describe.
 */
bool g2s_state_leaks(struct g2s_flow *flow, const struct g2s_state *state,
                     const struct g2s_insn *insn, struct g2s_range range);

/*
 * True unless the analysed function certainly does nothing with what it finds in register reg at
 * its entry.  With changes, it is taken for a pointer, and what matters is whether anything changes
 * behind it: loads from there do not count, and calls in which the register still holds it do.
 */
bool g2s_flow_uses(struct g2s_flow *flow, uint8_t reg, bool changes);

/* A pointer that C code has, and the place behind it that is of interest. */
struct g2s_pointer {
	/* G2S_ATOM_REGISTER, as at the entry, or G2S_ATOM_GLOBAL, the content of one; and which. */
	uint8_t kind;
	uint64_t value;
	/* The width bytes from offset on behind it. */
	int64_t offset;
	unsigned width;
};

/* Where a pointer goes, counted on by moved bytes. */
struct g2s_handover {
	/* G2S_ATOM_REGISTER: the function at to gets it in reg. G2S_ATOM_GLOBAL: it is stored there. */
	uint64_t to;
	uint8_t kind;
	uint8_t reg;
	int64_t moved;
};

typedef void (*g2s_flow_hand)(void *user, const struct g2s_handover *there);

/*
 * True when the analysed function certainly changes nothing at the place behind the pointer, and
 * gives the pointer to nobody but those that hand is told of.
 */
bool g2s_flow_keeps(struct g2s_flow *flow, const struct g2s_pointer *pointer, g2s_flow_hand hand,
                    void *user);

/* What width bytes at offset behind pointer hold in that state. */
g2s_value g2s_state_behind(struct g2s_flow *flow, const struct g2s_state *state, g2s_value pointer,
                           int64_t offset, unsigned width);

/* width bytes of the stack from offset on, counted from the stack pointer at the entry. */
struct g2s_place {
	int64_t offset;
	unsigned width;
};

/*
 * True when others may have a pointer to the place, or to what comes before it, in that state;
 * *registers, as a mask: those in which a call would hand over one.
 */
bool g2s_state_shares(struct g2s_flow *flow, const struct g2s_state *state,
                      const struct g2s_place *place, uint64_t *registers);

/*
 * Everything that the analysed function stores to the place, before or after it calls target;
 * unknown is among it when anyone but target could get a pointer to there.
 */
g2s_value g2s_flow_stored(struct g2s_flow *flow, const struct g2s_place *place, uint64_t target);

#endif
