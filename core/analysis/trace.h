/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_TRACE_H
#define G2S_ANALYSIS_TRACE_H

#include "g2s/analysis/flow.h"
#include "g2s/analysis/refs.h"
#include "g2s/analysis/sites.h"
#include "map.h"
#include "sweep.h"

/*
 * The state of one search for numbers; what the files of this wing share.  See sites.h for how
 * it goes.
 */

/* What a wrapper's callers are asked: the value of one parameter. */
struct question {
	/* Where the wrapper is entered. */
	uint64_t entry;
	/*
	 * G2S_ATOM_REGISTER or G2S_ATOM_SLOT, and which; or G2S_ATOM_BEHIND_REGISTER, the stride of
	 * which is 1 when others have the pointer after the wrapper has returned.
	 */
	struct g2s_atom parameter;
	/* The system-call table the number is for. */
	const char *arch;
	/* The question before about the same entry, plus one; 0: there is none. */
	uint32_t before;
};

/* An address that wrappers are entered at, once for all its questions. */
struct wrapper {
	uint64_t entry;
	const char *arch;
	/* Some code or data refers to it. */
	bool referred;
	/* Whether its address is taken has been looked up. */
	bool addresses_known;
	/* The wrapper before with the same entry, plus one; 0: there is none. */
	uint32_t before;
};

/* Writable memory that a number was loaded from. */
struct global {
	/*
	 * What was loaded: address, width, sign; of G2S_ATOM_BEHIND_GLOBAL the address of the
	 * pointer, and how far and how many bytes behind it.
	 */
	struct g2s_atom atom;
	const char *arch;
	/* Bit r is set when it may hold something unknown for reason r. */
	unsigned reasons;
	bool stores_known;
	/* Its initial value in the file is zero. */
	bool starts_zero;
	/*
	 * Of a pointer: it is stored to by its own address; and somebody could reach it from an
	 * address shortly before, were it part of a structure there.
	 */
	bool stored;
	bool reached;
	/* Numbers it may hold. */
	uint32_t numbers[G2S_VALUE_LIMIT];
	size_t number_count;
	/* The global before at the same address, plus one; 0: there is none. */
	uint32_t before;
};

/* Global to may hold what global from holds. */
struct link {
	size_t from;
	size_t to;
};

/* A place that takes its number from a global. */
struct use {
	uint64_t addr;
	const char *via;
	size_t global;
};

enum {
	/* Most contexts looked at for one function; beyond, its places are reported. */
	TRACE_CONTEXTS = 256,
};

/* A function that is not Go's, and the code outside of it that jumps into its inside. */
struct fragment {
	uint64_t start;
	uint64_t end;
	/*
	 * Entries of the analyses that reach this code: starts of functions, calls into the
	 * inside; no more of them than are looked at.
	 */
	uint64_t *entries;
	size_t entry_count;
	size_t entry_capacity;
	/* Functions, by their start, whose own contexts reach it. */
	uint64_t *parents;
	size_t parent_count;
	size_t parent_capacity;
};

/* What becomes of a pointer, and the place behind it. */
struct kept {
	struct g2s_pointer pointer;
	/* Everyone who gets it is known, and changes nothing there. */
	bool whole;
	/* The global, if any, that comes to hold it, and where the place is behind that; else 0. */
	uint64_t global;
	int64_t offset;
	/* The one before of the same function, plus one; 0: there is none. */
	uint32_t before;
};

struct trace {
	struct g2s_program *program;
	struct g2s_values values;
	struct g2s_flow *flow;
	/* For a look at a callee in the middle of an analysis; NULL until it is needed. */
	struct g2s_flow *probe;
	/* The flow holds the analysis of this entry; 0 when of none. */
	uint64_t flow_entry;
	struct g2s_refs refs;
	size_t site_capacity;
	size_t raw_capacity;
	size_t call_capacity;
	/* In the order they were asked; the first of them have been answered. */
	struct question *questions;
	size_t answered;
	/* As many have been put to functions that run on into the wrapper. */
	size_t fallen;
	size_t question_count;
	size_t question_capacity;
	/* By entry the last question and the last wrapper, by address the last global; plus one. */
	struct map asked;
	struct map wrapped;
	struct map loaded;
	struct wrapper *wrappers;
	size_t wrapper_count;
	size_t wrapper_capacity;
	struct global *globals;
	size_t global_count;
	size_t global_capacity;
	struct link *links;
	size_t link_count;
	size_t link_capacity;
	struct use *uses;
	size_t use_count;
	size_t use_capacity;
	/* By the function that gets the pointer, or the global that holds it, the last; plus one. */
	struct map kept_by;
	struct kept *kept;
	size_t kept_count;
	size_t kept_capacity;
	/* By start, plus one: of functions that are not Go's. */
	struct map parts;
	struct fragment *fragments;
	size_t fragment_count;
	size_t fragment_capacity;
	/* Bytes that searches through the whole file have looked at; see trace_may_search. */
	uint64_t searched;
	/* The function whose places are looked at, and the work of the flow before them. */
	uint64_t placed_in;
	uint64_t placed_from;
	/* The place that is visited is in code to which no path of its function leads. */
	bool covering;
	/* Memory ran out; everything stops at the next look at this. */
	bool failed;
};

/* Where a value that is being looked at was chosen, or which global takes it. */
struct destination {
	uint64_t addr;
	const char *via;
	const char *how;
	const char *arch;
	/* The global plus one; 0 when the value is a site's number. */
	size_t global;
	/* The value does not depend on the analysis of a whole function. */
	bool local;
};

/* Adds a site; number is G2S_NUMBER_UNKNOWN with reason, else reason means nothing. */
void trace_site(struct trace *trace, const struct destination *to, int64_t number,
                enum g2s_reason reason);

/* True when value can be told without what came in at the start of the code it was computed by. */
bool trace_is_local(const struct trace *trace, g2s_value value);

/* Looks at every possibility of value, found in the current flow: sites, questions, globals. */
void trace_value(struct trace *trace, g2s_value value, const struct destination *to);

/*
 * The function that holds addr; code that had none is split into functions first.  NULL when
 * addr is no code. Good until the next call.
 */
const struct g2s_function *trace_function(struct trace *trace, uint64_t addr);

/*
 * What is done with a place in one of the contexts that reach it: the instruction there and
 * what holds before it; state is NULL when nothing is known. local is true when only the
 * straight code before the place was looked at: the answer is then final, or false when it
 * depends on what comes in there.
 */
typedef bool (*trace_visit)(struct trace *trace, const struct g2s_insn *insn,
                            const struct g2s_state *state, bool local, void *user);

/* Sees to it that the contexts of the functions that hold the places (sorted) are known. */
void trace_prepare(struct trace *trace, const uint64_t *places, size_t count);

/* The fragment that starts at start, or NULL; good until there is another one. */
struct fragment *trace_fragment(const struct trace *trace, uint64_t start);

/* A place that is to be visited. */
struct place {
	/* What straight decoding says of it. */
	struct sweep_mark mark;
	/* Handed to the visit. */
	void *user;
	/* Of trace_places's own: its number among all of them, and whether it was visited. */
	size_t number;
	bool reached;
};

/*
 * Visits the instruction of each place in every context that reaches it, after a first try with the
 * straight code before it.  The places' functions have been prepared.  Moves the places about.
 */
void trace_places(struct trace *trace, struct place *places, size_t count, trace_visit visit);

/* Brings the analysis of entry into the flow; false when memory ran out. */
bool trace_enter(struct trace *trace, uint64_t entry);

/* Fills in the marks, sorted by address, by straight decoding of the functions that hold them. */
void trace_sweep(struct trace *trace, struct sweep_mark *marks, size_t count);

/*
 * True when straight decoding has found, at the mark, a direct call, jump or branch to target; a
 * mark behind the prefixes of one is moved onto it.
 */
bool trace_goes_to(struct trace *trace, struct sweep_mark *mark, uint64_t target, bool *is_call);

/*
 * Asks for what comes in as parameter at entry; a question that was asked before is not asked
 * again.
 */
void trace_ask(struct trace *trace, uint64_t entry, const struct g2s_atom *parameter,
               const char *arch);

/*
 * What becomes of the pointer that atom, found in the current flow, was loaded from behind; atom is
 * G2S_ATOM_BEHIND_REGISTER or G2S_ATOM_BEHIND_GLOBAL.
 */
struct kept trace_keeps(struct trace *trace, const struct g2s_atom *atom);

/*
 * True when the function entered at target, handed a pointer in reg, gives it to nobody who stays
 * unknown and leaves the width bytes at offset behind it alone.
 */
bool trace_spares(struct trace *trace, uint64_t target, uint8_t reg, int64_t offset,
                  unsigned width);

/*
 * What insn, a call, or NULL for the way on into the wrapper, hands over as parameter, one of a
 * question; insn is in the current flow.  local: see trace_visit.
 */
g2s_value trace_handed_over(struct trace *trace, const struct g2s_state *state,
                            const struct g2s_insn *insn, const struct g2s_atom *parameter,
                            bool local);

/* The same for a parameter that is G2S_ATOM_BEHIND_REGISTER. */
g2s_value trace_behind(struct trace *trace, const struct g2s_state *state,
                       const struct g2s_insn *insn, const struct g2s_atom *parameter, bool local);

/* Puts the questions to functions that run on into the wrappers they are about. */
void trace_fall_through(struct trace *trace);

/*
 * True when there may be one more search through the whole file; false when that would cost the
 * square of its size, as where one global is copied to the next a thousand times.
 */
bool trace_may_search(struct trace *trace);

/* Notes that somebody refers to the wrappers that are entered at entry. */
void trace_refer(struct trace *trace, uint64_t entry);

/* Answers all questions, those that answers raise included. */
void trace_answer(struct trace *trace);

/* Finds what globals hold that have not been looked at; new questions may come of it. */
void trace_globals(struct trace *trace);

/* Makes sites of the places that take their numbers from globals. */
void trace_uses(struct trace *trace);

#endif
