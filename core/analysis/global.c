/* SPDX-License-Identifier: MIT */
/* What globals hold: the initial value in the file, and everything that code stores to them. */
#include "g2s/memory.h"
#include "g2s/stream.h"
#include "sweep.h"
#include "trace.h"

#include <stdlib.h>

enum {
	/* The widest store reaches this far. */
	WIDEST_STORE = 64,
	/* Bytes of the widest global that a number is loaded from. */
	WIDEST_GLOBAL = 8,
};

/* The globals that are being looked at: their indices, sorted by address; and what spans them. */
struct stores {
	struct trace *trace;
	size_t *items;
	size_t count;
	struct g2s_range all;
};

static struct g2s_range extent(const struct global *global)
{
	/* Of what is behind a pointer, that is the pointer's place. */
	unsigned width = global->atom.kind == G2S_ATOM_BEHIND_GLOBAL ? 8 : global->atom.width;
	return (struct g2s_range){global->atom.value, global->atom.value + width};
}

/* What is stored behind pointers that are stored to the global; of other globals, value itself. */
static g2s_value behind(const struct stores *stores, const struct g2s_state *state,
                        const struct global *global, g2s_value value)
{
	struct trace *trace = stores->trace;
	const struct g2s_atom atom = global->atom;
	size_t count;
	if (atom.kind != G2S_ATOM_BEHIND_GLOBAL) {
		return value;
	}
	g2s_value found = g2s_state_behind(trace->flow, state, value, (int64_t)atom.base,
	                                   atom.width);
	const struct g2s_atom *atoms = g2s_value_atoms(&trace->values, value, &count);
	for (size_t i = 0; i < count; i++) {
		if (atoms[i].kind == G2S_ATOM_STACK) {
			/* The frame's own code goes on changing it. */
			return g2s_value_join(&trace->values, found,
			                      g2s_value_unknown(&trace->values,
			                                        G2S_REASON_MEMORY));
		}
	}
	return atom.is_signed ? g2s_value_extend(&trace->values, found, atom.width) : found;
}

/* What the file says the global holds when the program starts. */
static void take_initial(struct trace *trace, size_t index)
{
	const struct global *global = &trace->globals[index];
	struct destination to = {.arch = global->arch, .global = index + 1};
	struct g2s_range range = extent(global);
	unsigned width = (unsigned)(range.end - range.start);
	uint64_t number;
	if (!g2s_elf_load(&trace->program->elf, range.start, width, &number)) {
		trace->globals[index].reasons |= 1u << G2S_REASON_MEMORY;
		return;
	}
	/*
	 * Nobody loads a number from a variable that is zero and stays so: it is set somewhere, if
	 * not by its own address then by that of the structure it is part of.  So for a global that
	 * starts as zero a pointer to what stands shortly before it counts as a pointer to it.
	 * One with an initial value is taken for a variable of its own, such as fcntl64Syscall of
	 * Go's package syscall, which has unrelated neighbours.
	 */
	trace->globals[index].starts_zero = number == 0;
	if (global->atom.kind == G2S_ATOM_BEHIND_GLOBAL) {
		/* There is nothing behind no pointer. */
		unsigned unknown = number == 0 ? 0 : 1u << G2S_REASON_MEMORY;
		trace->globals[index].reasons |= unknown;
		return;
	}
	trace_value(trace, g2s_value_const(&trace->values, number), &to);
}

/* The first of the sorted globals that begins at or after addr. */
static size_t lower_bound(const struct stores *stores, uint64_t addr)
{
	size_t low = 0;
	size_t high = stores->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (stores->trace->globals[stores->items[middle]].atom.value < addr) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* The first of the sorted globals that could reach beyond addr: none is wider than 8 bytes. */
static size_t first_near(const struct stores *stores, uint64_t addr)
{
	return lower_bound(stores, addr < WIDEST_GLOBAL ? 0 : addr - WIDEST_GLOBAL);
}

/* One effect that writes memory at a fixed address, as far as it concerns one global. */
static void take_store_to(struct stores *stores, const struct g2s_state *state,
                          const struct g2s_effect *effect, uint64_t addr, size_t index)
{
	struct trace *trace = stores->trace;
	unsigned width = effect->dst.width == 0 ? 8 : effect->dst.width;
	struct g2s_range range = extent(&trace->globals[index]);
	struct destination to = {.arch = trace->globals[index].arch, .global = index + 1};
	bool to_the_end = effect->op == G2S_OP_FILL && addr < range.end &&
	                  range.start - addr < WIDEST_STORE;
	if (to_the_end || (addr < range.end && addr + width > range.start &&
	                   (addr > range.start || addr + width < range.end))) {
		/* Only part of it is written, or nobody knows with what. */
		trace->globals[index].reasons |= 1u << G2S_REASON_COMPUTED;
	} else if (addr <= range.start && addr + width >= range.end) {
		g2s_value value = g2s_state_stored(trace->flow, state, effect,
		                                   (unsigned)(range.start - addr),
		                                   (unsigned)(range.end - range.start));
		trace->globals[index].stored = trace->globals[index].stored ||
		                               addr == range.start;
		trace_value(trace, behind(stores, state, &trace->globals[index], value), &to);
	}
}

static void take_store(struct stores *stores, const struct g2s_state *state,
                       const struct g2s_effect *effect, uint64_t addr)
{
	for (size_t i = first_near(stores, addr); i < stores->count; i++) {
		size_t index = stores->items[i];
		if (stores->trace->globals[index].atom.value - addr >= WIDEST_STORE &&
		    stores->trace->globals[index].atom.value > addr) {
			break;
		}
		take_store_to(stores, state, effect, addr, index);
	}
}

/* True when the function that insn calls may do something with what registers of the mask hold. */
static bool callee_uses(struct trace *trace, const struct g2s_insn *insn, uint64_t mask)
{
	const struct g2s_function *callee =
		insn->step == G2S_STEP_CALL ? g2s_funcs_find(&trace->program->funcs, insn->target)
	                                    : NULL;
	if (mask == 0 || callee == NULL || callee->start != insn->target) {
		return mask != 0;
	}
	bool pointers = trace->values.pointers;
	if (trace->probe == NULL) {
		trace->probe = g2s_flow_new(trace->program->arch, &trace->program->funcs,
		                            &trace->values);
	}
	if (trace->probe == NULL ||
	    g2s_flow_run(trace->probe, callee->start, callee->end) != G2S_OK) {
		trace->failed = true;
		return true;
	}
	bool uses = false;
	for (uint8_t reg = 0; reg < G2S_REGISTERS && !uses; reg++) {
		uses = (mask >> reg & 1) != 0 && g2s_flow_uses(trace->probe, reg, true);
	}
	trace->values.pointers = pointers;
	return uses;
}

/*
 * True when the function that insn calls gets no pointer, in the registers of the mask, by which
 * the global changes: all that point near it are known, and what is done with them is.
 */
static bool callee_spares(struct trace *trace, const struct g2s_state *state,
                          const struct g2s_insn *insn, uint64_t mask, struct g2s_range near,
                          struct g2s_range range)
{
	bool spares = insn->step == G2S_STEP_CALL;
	for (uint8_t reg = 0; reg < G2S_REGISTERS && spares; reg++) {
		size_t count;
		g2s_value value = g2s_state_register(trace->flow, state, reg, 8);
		(void)g2s_value_atoms(&trace->values, value, &count);
		for (size_t i = 0; (mask >> reg & 1) != 0 && spares && i < count; i++) {
			struct g2s_atom atom = g2s_value_atoms(&trace->values, value, &count)[i];
			if (atom.kind == G2S_ATOM_CONST && atom.value >= near.start &&
			    atom.value < near.end) {
				spares = trace_spares(trace, insn->target, reg,
				                      (int64_t)(range.start - atom.value),
				                      (unsigned)(range.end - range.start));
			}
		}
	}
	return spares;
}

/* True when insn gives away a pointer into near, by which range, which ends with it, may change. */
static bool gives_away(struct trace *trace, const struct g2s_state *state,
                       const struct g2s_insn *insn, struct g2s_range near, struct g2s_range range)
{
	bool call = insn->step == G2S_STEP_CALL || insn->step == G2S_STEP_CALL_INDIRECT;
	uint64_t mask = call ? g2s_state_passes(trace->flow, state, near) : 0;
	return g2s_state_leaks(trace->flow, state, insn, near) ||
	       (callee_uses(trace, insn, mask) &&
	        !callee_spares(trace, state, insn, mask, near, range));
}

/* A pointer to a global that leaves the function: whoever has it may store anything. */
static void take_escape(struct stores *stores, const struct g2s_state *state,
                        const struct g2s_insn *insn)
{
	struct trace *trace = stores->trace;
	bool call = insn->step == G2S_STEP_CALL || insn->step == G2S_STEP_CALL_INDIRECT;
	/* Most instructions have nothing to do with any of them. */
	if (!g2s_state_leaks(trace->flow, state, insn, stores->all) &&
	    (!call || g2s_state_passes(trace->flow, state, stores->all) == 0)) {
		return;
	}
	for (size_t k = 0; k < stores->count; k++) {
		size_t i = stores->items[k];
		struct g2s_range range = extent(&trace->globals[i]);
		struct g2s_range near = range;
		/* See take_initial. */
		near.start -= trace->globals[i].starts_zero ? WIDEST_STORE - 1 : 0;
		if (!gives_away(trace, state, insn, near, range)) {
			continue;
		}
		if (trace->globals[i].atom.kind == G2S_ATOM_BEHIND_GLOBAL &&
		    !gives_away(trace, state, insn, range, range)) {
			trace->globals[i].reached = true;
		} else {
			trace->globals[i].reasons |= 1u << G2S_REASON_MEMORY;
		}
	}
}

static void visit_insn(void *user, const struct g2s_state *state, const struct g2s_insn *insn)
{
	struct stores *stores = user;
	struct trace *trace = stores->trace;
	take_escape(stores, state, insn);
	for (unsigned e = 0; e < insn->effect_count; e++) {
		const struct g2s_effect *effect = &insn->effects[e];
		if (effect->dst.kind != G2S_OPERAND_MEMORY || effect->dst.opaque) {
			continue;
		}
		g2s_value address = g2s_state_address(trace->flow, state, &effect->dst);
		size_t count;
		(void)g2s_value_atoms(&trace->values, address, &count);
		for (size_t i = 0; i < count; i++) {
			struct g2s_atom atom = g2s_value_atoms(&trace->values, address, &count)[i];
			if (atom.kind == G2S_ATOM_CONST) {
				take_store(stores, state, effect, atom.value);
			}
		}
	}
}

static bool is_fixed(const struct g2s_operand *operand)
{
	return operand->kind == G2S_OPERAND_MEMORY && operand->reg == G2S_NO_REGISTER &&
	       operand->index == G2S_NO_REGISTER && !operand->opaque;
}

/* True when one of the globals has a byte in [start, end). */
static bool any_in(const struct stores *stores, uint64_t start, uint64_t end)
{
	for (size_t i = first_near(stores, start); i < stores->count; i++) {
		struct g2s_range range = extent(&stores->trace->globals[stores->items[i]]);
		if (range.start >= end) {
			return false;
		}
		if (range.end > start) {
			return true;
		}
	}
	return false;
}

/*
 * True when insn stores to a global that is being looked at, or takes an address from which one
 * could be reached.
 */
static bool may_write(const struct stores *stores, const struct g2s_insn *insn)
{
	for (unsigned e = 0; e < insn->effect_count; e++) {
		const struct g2s_effect *effect = &insn->effects[e];
		uint64_t width = effect->dst.width == 0 ? WIDEST_STORE : effect->dst.width;
		uint64_t to = (uint64_t)effect->dst.value;
		uint64_t taken = (uint64_t)effect->a.value;
		bool address = (effect->op == G2S_OP_ADDRESS && is_fixed(&effect->a)) ||
		               effect->a.kind == G2S_OPERAND_IMMEDIATE;
		if ((is_fixed(&effect->dst) && any_in(stores, to, to + width)) ||
		    (address && any_in(stores, taken, taken + WIDEST_STORE))) {
			return true;
		}
	}
	return false;
}

static bool insn_may_write(const struct stores *stores, uint64_t insn_addr)
{
	const struct g2s_arch *arch = stores->trace->program->arch;
	struct g2s_bytes code;
	struct g2s_insn insn;
	return g2s_elf_view(&stores->trace->program->elf, insn_addr, &code) &&
	       arch->decode(arch, code.data, code.size, insn_addr, &insn) &&
	       may_write(stores, &insn);
}

/*
 * Looks at every store of a function, which the first mark and others up to count are in; code at
 * the marks that no path reaches as well.
 */
static void walk_function(struct stores *stores, const struct g2s_function *function,
                          const struct sweep_mark *marks, size_t count)
{
	struct trace *trace = stores->trace;
	uint64_t *starts = calloc(count + 1, sizeof(*starts));
	size_t start_count = 0;
	if (starts == NULL || !trace_enter(trace, function->start)) {
		trace->failed = true;
	}
	for (size_t i = 0; !trace->failed && i < count && marks[i].addr < function->end; i++) {
		if (marks[i].insn != 0 && g2s_flow_before(trace->flow, marks[i].insn) == NULL &&
		    insn_may_write(stores, marks[i].insn)) {
			starts[start_count++] = marks[i].run;
		}
	}
	if (!trace->failed && start_count != 0) {
		trace->failed = g2s_flow_cover(trace->flow, starts, start_count) != G2S_OK;
	}
	trace->flow_entry = 0;
	if (!trace->failed) {
		g2s_flow_walk(trace->flow, visit_insn, stores);
	}
	free(starts);
}

/* Looks at the functions that name one of the globals; found is sorted by place. */
static void walk_functions(struct stores *stores, const struct g2s_references *found)
{
	struct trace *trace = stores->trace;
	struct sweep_mark *marks = calloc(found->count + 1, sizeof(*marks));
	size_t count = 0;
	uint64_t last = 0;
	if (marks == NULL) {
		trace->failed = true;
		return;
	}
	for (size_t i = 0; i < found->count; i++) {
		if (found->items[i].kind == G2S_REFERENCE_OPERAND) {
			marks[count++].addr = found->items[i].place;
		}
	}
	trace_sweep(trace, marks, count);
	for (size_t i = 0; i < count && !trace->failed; i++) {
		const struct g2s_function *function = trace_function(trace, marks[i].addr);
		if (function != NULL && function->start != last && marks[i].insn != 0 &&
		    insn_may_write(stores, marks[i].insn)) {
			last = function->start;
			walk_function(stores, function, &marks[i], count - i);
		}
	}
	free(marks);
}

static int by_place(const void *a, const void *b)
{
	const struct g2s_reference *x = a;
	const struct g2s_reference *y = b;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* Windows around the sorted globals, joined where they touch. */
static size_t make_windows(const struct stores *stores, struct g2s_window *windows)
{
	size_t kept = 0;
	for (size_t i = 0; i < stores->count; i++) {
		struct g2s_range range = extent(&stores->trace->globals[stores->items[i]]);
		uint64_t start = range.start - WIDEST_STORE + 1;
		if (kept != 0 && start <= windows[kept - 1].end) {
			uint64_t end = windows[kept - 1].end;
			windows[kept - 1].end = range.end > end ? range.end : end;
		} else {
			windows[kept++] = (struct g2s_window){start, range.end};
		}
	}
	return kept;
}

/* Data that points at a global lets code change it that never names it. */
static void take_pointers(struct stores *stores, const struct g2s_references *found)
{
	for (size_t i = 0; i < found->count; i++) {
		uint64_t target = found->items[i].target;
		size_t k = first_near(stores, target);
		for (; k < stores->count && found->items[i].kind == G2S_REFERENCE_DATA; k++) {
			struct global *global = &stores->trace->globals[stores->items[k]];
			if (global->atom.value > target) {
				break;
			}
			if (target < extent(global).end) {
				global->reasons |= 1u << G2S_REASON_MEMORY;
			}
		}
	}
}

/* Sorts the globals [first, last) by address; false when memory ran out. */
static bool sort_globals(struct stores *stores, size_t first, size_t last)
{
	const struct global *globals = stores->trace->globals;
	struct g2s_window *order = calloc(last - first, sizeof(*order));
	stores->items = calloc(last - first, sizeof(*stores->items));
	if (order == NULL || stores->items == NULL) {
		free(order);
		return false;
	}
	for (size_t i = first; i < last; i++) {
		order[i - first] = (struct g2s_window){globals[i].atom.value, i};
	}
	stores->count = last - first;
	g2s_windows_sort(order, stores->count);
	for (size_t i = 0; i < stores->count; i++) {
		stores->items[i] = (size_t)order[i].end;
	}
	free(order);
	stores->all.start = globals[stores->items[0]].atom.value - WIDEST_STORE + 1;
	stores->all.end = globals[stores->items[stores->count - 1]].atom.value + WIDEST_GLOBAL;
	return true;
}

static void find_stores(struct trace *trace, size_t first, size_t last)
{
	struct stores stores = {.trace = trace};
	struct g2s_window *windows = calloc(last - first, sizeof(*windows));
	struct g2s_references found = {0};
	if (windows == NULL || !sort_globals(&stores, first, last) ||
	    !g2s_refs_addresses(&trace->refs, windows, make_windows(&stores, windows), &found)) {
		trace->failed = true;
	} else {
		take_pointers(&stores, &found);
		if (found.count != 0) {
			qsort(found.items, found.count, sizeof(*found.items), by_place);
		}
		walk_functions(&stores, &found);
	}
	for (size_t i = first; i < last; i++) {
		/* What is set by its own address need not be set by that of a structure. */
		struct global *global = &trace->globals[i];
		bool unknown = global->reached && !global->stored;
		global->reasons |= unknown ? 1u << G2S_REASON_MEMORY : 0;
	}
	free(stores.items);
	free(windows);
	free(found.items);
}

/* Says of globals that nobody has looked for all that is stored to them. */
static void give_up(struct trace *trace, size_t first, size_t last)
{
	for (size_t i = first; i < last; i++) {
		trace->globals[i].reasons |= 1u << G2S_REASON_TOO_MANY;
	}
}

void trace_globals(struct trace *trace)
{
	size_t first = 0;
	while (first < trace->global_count && trace->globals[first].stores_known) {
		first++;
	}
	while (first < trace->global_count && !trace->failed) {
		size_t last = trace->global_count;
		for (size_t i = first; i < last; i++) {
			take_initial(trace, i);
			trace->globals[i].stores_known = true;
		}
		if (trace_may_search(trace)) {
			find_stores(trace, first, last);
		} else {
			give_up(trace, first, last);
		}
		first = last;
	}
}

/* Passes what globals hold on to those they are copied to, until nothing changes. */
static void follow_links(struct trace *trace)
{
	bool changed = true;
	while (changed) {
		changed = false;
		for (size_t i = 0; i < trace->link_count; i++) {
			const struct global *from = &trace->globals[trace->links[i].from];
			struct global *to = &trace->globals[trace->links[i].to];
			unsigned reasons = to->reasons | from->reasons;
			changed = changed || reasons != to->reasons;
			to->reasons = reasons;
			for (size_t n = 0; n < from->number_count; n++) {
				bool known = (to->reasons >> G2S_REASON_TOO_MANY & 1) != 0;
				for (size_t k = 0; k < to->number_count && !known; k++) {
					known = to->numbers[k] == from->numbers[n];
				}
				if (known) {
					continue;
				}
				changed = true;
				if (to->number_count == G2S_VALUE_LIMIT) {
					to->reasons |= 1u << G2S_REASON_TOO_MANY;
				} else {
					to->numbers[to->number_count++] = from->numbers[n];
				}
			}
		}
	}
}

/*
 * What nothing is known to be put into is not nothing for that: a pointer that is zero and that
 * nobody is seen to set may be set in a way that is not seen.
 */
static void find_empty(struct trace *trace)
{
	bool *linked = calloc(trace->global_count + 1, sizeof(*linked));
	if (linked == NULL) {
		trace->failed = true;
		return;
	}
	for (size_t i = 0; i < trace->link_count; i++) {
		linked[trace->links[i].to] = true;
	}
	for (size_t i = 0; i < trace->global_count; i++) {
		struct global *global = &trace->globals[i];
		if (global->number_count == 0 && global->reasons == 0 && !linked[i]) {
			global->reasons = 1u << G2S_REASON_MEMORY;
		}
	}
	free(linked);
}

void trace_uses(struct trace *trace)
{
	find_empty(trace);
	follow_links(trace);
	for (size_t i = 0; i < trace->use_count; i++) {
		const struct use *use = &trace->uses[i];
		const struct global *global = &trace->globals[use->global];
		struct destination to = {use->addr, use->via, "data", global->arch, 0, false};
		for (size_t n = 0; n < global->number_count; n++) {
			trace_site(trace, &to, global->numbers[n], G2S_REASON_MEMORY);
		}
		for (unsigned r = 0; r <= G2S_REASON_INDIRECT; r++) {
			if ((global->reasons >> r & 1) != 0) {
				trace_site(trace, &to, G2S_NUMBER_UNKNOWN, (enum g2s_reason)r);
			}
		}
	}
}
