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
};

/* The globals that are being looked at, and the function that is. */
struct stores {
	struct trace *trace;
	size_t first;
	size_t last;
};

static struct g2s_range extent(const struct global *global)
{
	return (struct g2s_range){global->atom.value, global->atom.value + global->atom.width};
}

/* What the file says the global holds when the program starts. */
static void take_initial(struct trace *trace, size_t index)
{
	const struct global *global = &trace->globals[index];
	struct destination to = {.arch = global->arch, .global = index + 1};
	uint64_t number;
	if (!g2s_elf_load(&trace->program->elf, global->atom.value, global->atom.width, &number)) {
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
	trace_value(trace, g2s_value_const(&trace->values, number), &to);
}

/* One effect that writes memory at a fixed address. */
static void take_store(struct stores *stores, const struct g2s_state *state,
                       const struct g2s_effect *effect, uint64_t addr)
{
	struct trace *trace = stores->trace;
	unsigned width = effect->dst.width == 0 ? 8 : effect->dst.width;
	for (size_t i = stores->first; i < stores->last; i++) {
		struct g2s_range range = extent(&trace->globals[i]);
		struct destination to = {.arch = trace->globals[i].arch, .global = i + 1};
		bool to_the_end = effect->op == G2S_OP_FILL && addr < range.end &&
		                  range.start - addr < WIDEST_STORE;
		if (to_the_end || (addr < range.end && addr + width > range.start &&
		                   (addr > range.start || addr + width < range.end))) {
			/* Only part of it is written, or nobody knows with what. */
			trace->globals[i].reasons |= 1u << G2S_REASON_COMPUTED;
		} else if (addr <= range.start && addr + width >= range.end) {
			g2s_value value = g2s_state_stored(trace->flow, state, effect,
			                                   (unsigned)(range.start - addr),
			                                   trace->globals[i].atom.width);
			trace_value(trace, value, &to);
		}
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
	if (trace->probe == NULL) {
		trace->probe = g2s_flow_new(trace->program->arch, &trace->program->funcs,
		                            &trace->values);
	}
	if (trace->probe == NULL ||
	    g2s_flow_run(trace->probe, callee->start, callee->end) != G2S_OK) {
		trace->failed = true;
		return true;
	}
	for (uint8_t reg = 0; reg < G2S_REGISTERS; reg++) {
		if ((mask >> reg & 1) != 0 && g2s_flow_uses(trace->probe, reg, true)) {
			return true;
		}
	}
	return false;
}

/* A pointer to a global that leaves the function: whoever has it may store anything. */
static void take_escape(struct stores *stores, const struct g2s_state *state,
                        const struct g2s_insn *insn)
{
	struct trace *trace = stores->trace;
	bool call = insn->step == G2S_STEP_CALL || insn->step == G2S_STEP_CALL_INDIRECT;
	for (size_t i = stores->first; i < stores->last; i++) {
		struct g2s_range range = extent(&trace->globals[i]);
		/* See take_initial. */
		range.start -= trace->globals[i].starts_zero ? WIDEST_STORE - 1 : 0;
		uint64_t mask = call ? g2s_state_passes(trace->flow, state, range) : 0;
		if (g2s_state_leaks(trace->flow, state, insn, range) ||
		    callee_uses(trace, insn, mask)) {
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

/*
 * True when insn stores to a global that is being looked at, or takes an address from which one
 * could be reached.
 */
static bool may_write(const struct stores *stores, const struct g2s_insn *insn)
{
	for (unsigned e = 0; e < insn->effect_count; e++) {
		const struct g2s_effect *effect = &insn->effects[e];
		uint64_t width = effect->dst.width == 0 ? WIDEST_STORE : effect->dst.width;
		for (size_t i = stores->first; i < stores->last; i++) {
			struct g2s_range range = extent(&stores->trace->globals[i]);
			uint64_t to = (uint64_t)effect->dst.value;
			uint64_t taken = (uint64_t)effect->a.value;
			bool store = is_fixed(&effect->dst) && to < range.end &&
			             to + width > range.start;
			bool address = (effect->op == G2S_OP_ADDRESS && is_fixed(&effect->a)) ||
			               effect->a.kind == G2S_OPERAND_IMMEDIATE;
			if (store || (address && taken < range.end &&
			              taken + WIDEST_STORE > range.start)) {
				return true;
			}
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

/* Looks at every store of the functions that name one of the globals, in each of their contexts. */
static void walk_functions(struct stores *stores, const struct g2s_references *found)
{
	struct trace *trace = stores->trace;
	uint64_t last = 0;
	for (size_t i = 0; i < found->count && !trace->failed; i++) {
		struct sweep_mark mark = {.addr = found->items[i].place};
		if (found->items[i].kind != G2S_REFERENCE_OPERAND) {
			continue;
		}
		trace_sweep(trace, &mark, 1);
		const struct g2s_function *function = trace_function(trace, mark.addr);
		if (function == NULL || function->start == last || mark.insn == 0 ||
		    !insn_may_write(stores, mark.insn)) {
			continue;
		}
		last = function->start;
		if (trace_enter(trace, function->start)) {
			trace->failed = g2s_flow_before(trace->flow, mark.insn) == NULL &&
			                g2s_flow_cover(trace->flow, mark.run, mark.insn) != G2S_OK;
			trace->flow_entry = 0;
			g2s_flow_walk(trace->flow, visit_insn, stores);
		}
	}
}

static int by_place(const void *a, const void *b)
{
	const struct g2s_reference *x = a;
	const struct g2s_reference *y = b;
	return x->place < y->place ? -1 : x->place > y->place;
}

static int by_window(const void *a, const void *b)
{
	const struct g2s_window *x = a;
	const struct g2s_window *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* Windows around the globals, joined where they touch. */
static size_t make_windows(const struct trace *trace, size_t first, size_t last,
                           struct g2s_window *windows)
{
	size_t count = 0;
	for (size_t i = first; i < last; i++) {
		struct g2s_range range = extent(&trace->globals[i]);
		windows[count++] = (struct g2s_window){range.start - WIDEST_STORE + 1, range.end};
	}
	qsort(windows, count, sizeof(*windows), by_window);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (kept != 0 && windows[i].start <= windows[kept - 1].end) {
			uint64_t end = windows[i].end;
			windows[kept - 1].end = end > windows[kept - 1].end ? end
			                                                    : windows[kept - 1].end;
		} else {
			windows[kept++] = windows[i];
		}
	}
	return kept;
}

/* Data that points at a global lets code change it that never names it. */
static void take_pointers(struct trace *trace, size_t first, size_t last,
                          const struct g2s_references *found)
{
	for (size_t i = 0; i < found->count; i++) {
		const struct g2s_reference *r = &found->items[i];
		for (size_t g = first; g < last && r->kind == G2S_REFERENCE_DATA; g++) {
			struct g2s_range range = extent(&trace->globals[g]);
			if (r->target >= range.start && r->target < range.end) {
				trace->globals[g].reasons |= 1u << G2S_REASON_MEMORY;
			}
		}
	}
}

static void find_stores(struct trace *trace, size_t first, size_t last)
{
	struct g2s_window *windows = calloc(last - first, sizeof(*windows));
	struct g2s_references found = {0};
	if (windows == NULL) {
		trace->failed = true;
		return;
	}
	size_t count = make_windows(trace, first, last, windows);
	if (!g2s_refs_addresses(&trace->refs, windows, count, &found)) {
		trace->failed = true;
	} else {
		struct stores stores = {trace, first, last};
		take_pointers(trace, first, last, &found);
		if (found.count != 0) {
			qsort(found.items, found.count, sizeof(*found.items), by_place);
		}
		walk_functions(&stores, &found);
	}
	free(windows);
	free(found.items);
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
		find_stores(trace, first, last);
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

void trace_uses(struct trace *trace)
{
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
