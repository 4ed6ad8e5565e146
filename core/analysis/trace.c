/* SPDX-License-Identifier: MIT */
#include "trace.h"

#include "g2s/memory.h"
#include "g2s/stream.h"
#include "sweep.h"

#include <stdlib.h>

enum {
	/* Value sets beyond which they are thrown away between two functions. */
	MAX_SETS = 1 << 15,
	/* Most parameters of one function that are asked for; beyond, it is reported. */
	MAX_PARAMETERS = 32,
	/*
	 * Most bytes that are searched for what refers to globals, and to wrappers other than by
	 * calling them: so many times the file, and some more.  Real programs need few of the
	 * times.
	 */
	MAX_SEARCHES = 16,
	SOME_SEARCHED = 1 << 28,
};

static const char *reason_word(enum g2s_reason reason)
{
	switch (reason) {
	case G2S_REASON_MEMORY:
		return "memory";
	case G2S_REASON_TOO_MANY:
		return "too-many";
	case G2S_REASON_INDIRECT:
		return "indirect";
	default:
		return "computed";
	}
}

void trace_site(struct trace *trace, const struct destination *to, int64_t number,
                enum g2s_reason reason)
{
	struct g2s_program *program = trace->program;
	if (!g2s_grow(&program->sites, &trace->site_capacity, program->site_count + 1,
	              sizeof(*program->sites))) {
		trace->failed = true;
		return;
	}
	bool known = number != G2S_NUMBER_UNKNOWN;
	program->sites[program->site_count++] = (struct g2s_site){
		.addr = to->addr,
		.arch = to->arch,
		.via = to->via,
		.how = known ? to->how : reason_word(reason),
		.number = number,
	};
}

/* Adds a wrapper, if entry is none for arch yet. */
static void add_wrapper(struct trace *trace, uint64_t entry, const char *arch)
{
	uint32_t last = map_get(&trace->wrapped, entry);
	for (uint32_t i = last; i != 0; i = trace->wrappers[i - 1].before) {
		if (trace->wrappers[i - 1].arch == arch) {
			return;
		}
	}
	if (!g2s_grow(&trace->wrappers, &trace->wrapper_capacity, trace->wrapper_count + 1,
	              sizeof(*trace->wrappers))) {
		trace->failed = true;
		return;
	}
	trace->wrappers[trace->wrapper_count++] =
		(struct wrapper){.entry = entry, .arch = arch, .before = last};
	trace->failed = !map_put(&trace->wrapped, entry, (uint32_t)trace->wrapper_count);
}

bool trace_may_search(struct trace *trace)
{
	uint64_t size = trace->program->elf.file.size;
	if (trace->searched > MAX_SEARCHES * size + SOME_SEARCHED) {
		return false;
	}
	trace->searched += size;
	return true;
}

void trace_refer(struct trace *trace, uint64_t entry)
{
	uint32_t i = map_get(&trace->wrapped, entry);
	for (; i != 0; i = trace->wrappers[i - 1].before) {
		trace->wrappers[i - 1].referred = true;
	}
}

void trace_ask(struct trace *trace, uint64_t entry, const struct g2s_atom *parameter,
               const char *arch)
{
	uint32_t last = map_get(&trace->asked, entry);
	unsigned count = 0;
	for (uint32_t i = last; i != 0; i = trace->questions[i - 1].before) {
		count++;
		const struct question *q = &trace->questions[i - 1];
		if (q->arch == arch && q->parameter.kind == parameter->kind &&
		    q->parameter.value == parameter->value &&
		    q->parameter.base == parameter->base &&
		    q->parameter.width == parameter->width &&
		    q->parameter.stride == parameter->stride &&
		    q->parameter.is_signed == parameter->is_signed) {
			return;
		}
	}
	if (count >= MAX_PARAMETERS) {
		/* Damaged code can ask for ever deeper places of the stack in a circle. */
		struct destination to = {entry, "call", "", arch, 0, false};
		trace_site(trace, &to, G2S_NUMBER_UNKNOWN, G2S_REASON_TOO_MANY);
		return;
	}
	if (!g2s_grow(&trace->questions, &trace->question_capacity, trace->question_count + 1,
	              sizeof(*trace->questions))) {
		trace->failed = true;
		return;
	}
	trace->questions[trace->question_count++] = (struct question){
		.entry = entry, .parameter = *parameter, .arch = arch, .before = last};
	if (map_put(&trace->asked, entry, (uint32_t)trace->question_count)) {
		add_wrapper(trace, entry, arch);
	} else {
		trace->failed = true;
	}
}

/* The index of a global, which is new when it has not been met. */
static size_t global_index(struct trace *trace, const struct g2s_atom *atom, const char *arch)
{
	uint32_t last = map_get(&trace->loaded, atom->value);
	for (uint32_t i = last; i != 0; i = trace->globals[i - 1].before) {
		const struct global *global = &trace->globals[i - 1];
		if (global->atom.kind == atom->kind && global->atom.base == atom->base &&
		    global->atom.width == atom->width &&
		    global->atom.is_signed == atom->is_signed && global->arch == arch) {
			return i - 1;
		}
	}
	if (!g2s_grow(&trace->globals, &trace->global_capacity, trace->global_count + 1,
	              sizeof(*trace->globals))) {
		trace->failed = true;
		return 0;
	}
	trace->globals[trace->global_count++] =
		(struct global){.atom = *atom, .arch = arch, .before = last};
	trace->failed = !map_put(&trace->loaded, atom->value, (uint32_t)trace->global_count);
	return trace->global_count - 1;
}

static void take_number(struct trace *trace, uint64_t number, const struct destination *to)
{
	if (to->global == 0) {
		trace_site(trace, to, (int64_t)(uint32_t)number, G2S_REASON_COMPUTED);
		return;
	}
	struct global *global = &trace->globals[to->global - 1];
	for (size_t i = 0; i < global->number_count; i++) {
		if (global->numbers[i] == (uint32_t)number) {
			return;
		}
	}
	if (global->number_count == G2S_VALUE_LIMIT) {
		global->reasons |= 1u << G2S_REASON_TOO_MANY;
		return;
	}
	global->numbers[global->number_count++] = (uint32_t)number;
}

static void take_unknown(struct trace *trace, enum g2s_reason reason,
                         const struct destination *to)
{
	if (to->global == 0) {
		trace_site(trace, to, G2S_NUMBER_UNKNOWN, reason);
	} else {
		trace->globals[to->global - 1].reasons |= 1u << reason;
	}
}

static void take_global(struct trace *trace, const struct g2s_atom *atom,
                        const struct destination *to)
{
	/* The kernel looks at 4 bytes: what is above, or what is proven of them, is no matter. */
	struct g2s_atom plain = {.kind = atom->kind, .width = atom->width, .value = atom->value};
	plain.base = atom->base;
	plain.is_signed = atom->is_signed && atom->width < 4;
	size_t from = global_index(trace, &plain, to->arch);
	if (trace->failed) {
		return;
	}
	if (to->global != 0) {
		if (!g2s_grow(&trace->links, &trace->link_capacity, trace->link_count + 1,
		              sizeof(*trace->links))) {
			trace->failed = true;
			return;
		}
		trace->links[trace->link_count++] = (struct link){from, to->global - 1};
		return;
	}
	if (!g2s_grow(&trace->uses, &trace->use_capacity, trace->use_count + 1,
	              sizeof(*trace->uses))) {
		trace->failed = true;
		return;
	}
	trace->uses[trace->use_count++] = (struct use){to->addr, to->via, from};
}

static void take_parameter(struct trace *trace, const struct g2s_atom *atom,
                           const struct destination *to)
{
	struct g2s_atom parameter = {.kind = atom->kind, .value = atom->value};
	/* A register is asked for whole; how many bytes of a slot belongs to its place. */
	parameter.width = atom->kind == G2S_ATOM_SLOT ? atom->width : 0;
	trace_ask(trace, g2s_flow_entry(trace->flow), &parameter, to->arch);
}

/*
 * What is behind a pointer that came in, or is in a global.  When it may change on the way, that is
 * said beside whatever it held at first.
 */
static void take_behind(struct trace *trace, const struct g2s_atom *atom,
                        const struct destination *to)
{
	struct g2s_atom plain = *atom;
	plain.is_signed = atom->is_signed && atom->width < 4;
	plain.width = atom->width > 4 ? 4 : atom->width;
	struct kept kept = trace_keeps(trace, &plain);
	if (!kept.whole) {
		take_unknown(trace, G2S_REASON_MEMORY, to);
	}
	if (atom->kind == G2S_ATOM_BEHIND_GLOBAL) {
		take_global(trace, &plain, to);
		return;
	}
	if (kept.whole && kept.global != 0) {
		/* As far as others may store to the global, too. */
		struct g2s_atom behind = {.kind = G2S_ATOM_BEHIND_GLOBAL, .width = plain.width};
		behind.value = kept.global;
		behind.base = (uint64_t)kept.offset;
		behind.is_signed = plain.is_signed;
		take_global(trace, &behind, to);
	}
	plain.stride = kept.global != 0;
	trace_ask(trace, g2s_flow_entry(trace->flow), &plain, to->arch);
}

static void take_below(struct trace *trace, unsigned limit, const struct destination *to)
{
	for (unsigned n = 0; n < limit; n++) {
		take_number(trace, n, to);
	}
}

bool trace_is_local(const struct trace *trace, g2s_value value)
{
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(&trace->values, value, &count);
	for (size_t i = 0; i < count; i++) {
		if ((atoms[i].kind != G2S_ATOM_CONST && atoms[i].kind != G2S_ATOM_GLOBAL) ||
		    g2s_atom_is_moved(&atoms[i])) {
			return false;
		}
	}
	return count != 0;
}

void trace_value(struct trace *trace, g2s_value value, const struct destination *to)
{
	size_t count;
	(void)g2s_value_atoms(&trace->values, value, &count);
	if (count == 0) {
		take_unknown(trace, G2S_REASON_COMPUTED, to);
	}
	for (size_t i = 0; i < count && !trace->failed; i++) {
		/* Looking behind a pointer makes sets, which moves the atoms. */
		const struct g2s_atom one = g2s_value_atoms(&trace->values, value, &count)[i];
		const struct g2s_atom *atom = &one;
		if (g2s_atom_is_moved(atom)) {
			take_below(trace, atom->limit, to);
			if (atom->limit == 0) {
				take_unknown(trace, G2S_REASON_COMPUTED, to);
			}
			continue;
		}
		switch (atom->kind) {
		case G2S_ATOM_LOW:
			if (atom->width < 4) {
				take_unknown(trace, G2S_REASON_COMPUTED, to);
				break;
			}
			__attribute__((fallthrough));
		case G2S_ATOM_CONST:
			take_number(trace, atom->value, to);
			break;
		case G2S_ATOM_REGISTER:
		case G2S_ATOM_SLOT:
			take_parameter(trace, atom, to);
			break;
		case G2S_ATOM_GLOBAL:
			take_global(trace, atom, to);
			break;
		case G2S_ATOM_BEHIND_REGISTER:
		case G2S_ATOM_BEHIND_GLOBAL:
			take_below(trace, atom->limit, to);
			if (atom->limit == 0) {
				take_behind(trace, atom, to);
			}
			break;
		case G2S_ATOM_UNKNOWN:
			take_below(trace, atom->limit, to);
			if (atom->limit == 0) {
				take_unknown(trace, (enum g2s_reason)atom->value, to);
			}
			break;
		case G2S_ATOM_TABLE:
			take_unknown(trace, G2S_REASON_MEMORY, to);
			break;
		default:
			take_unknown(trace, G2S_REASON_COMPUTED, to);
			break;
		}
	}
	/* Of a function too large to be followed whole, some paths were not seen. */
	if (!to->local && !g2s_flow_is_whole(trace->flow)) {
		take_unknown(trace, G2S_REASON_TOO_MANY, to);
	}
}

const struct g2s_function *trace_function(struct trace *trace, uint64_t addr)
{
	struct g2s_funcs *funcs = &trace->program->funcs;
	const struct g2s_function *function = g2s_funcs_find(funcs, addr);
	struct g2s_range gap;
	if (function != NULL || !g2s_funcs_gap(funcs, addr, &gap)) {
		return function;
	}
	/*
	 * The entry point begins a function for certain, and what is before it need not be code:
	 * ELF headers may stand there, and decoding them would miss the start.
	 */
	uint64_t entry = trace->program->elf.entry;
	if (entry > gap.start && entry < gap.end) {
		*(addr < entry ? &gap.end : &gap.start) = entry;
	}
	/*
	 * Functions of the gap that are called from outside of it, and those that data points
	 * at.
	 */
	struct g2s_window window = {gap.start, gap.end};
	struct g2s_references references = {0};
	bool fine = g2s_refs_branches(&trace->refs, &window, 1, &references) &&
	            g2s_refs_words(&trace->refs, &window, 1, &references);
	size_t count = 0;
	uint64_t *targets = calloc(references.count + 1, sizeof(*targets));
	fine = fine && targets != NULL;
	for (size_t i = 0; fine && i < references.count; i++) {
		const struct g2s_reference *r = &references.items[i];
		if (r->place < gap.start || r->place >= gap.end) {
			targets[count++] = r->target;
		}
	}
	fine = fine && sweep_split(trace->program->arch, funcs, gap, targets, count);
	free(targets);
	free(references.items);
	if (!fine) {
		trace->failed = true;
		return NULL;
	}
	trace->flow_entry = 0;
	return g2s_funcs_find(funcs, addr);
}

bool trace_enter(struct trace *trace, uint64_t entry)
{
	if (trace->flow_entry == entry && entry != 0) {
		return true;
	}
	/* Nobody keeps a value from one function to the next. */
	if (trace->values.set_count > MAX_SETS) {
		g2s_values_clear(&trace->values);
	}
	const struct g2s_function *function = trace_function(trace, entry);
	trace->flow_entry = entry;
	if (trace->failed || function == NULL ||
	    g2s_flow_run(trace->flow, entry, function->end) != G2S_OK) {
		trace->failed = true;
		return false;
	}
	return true;
}

void trace_sweep(struct trace *trace, struct sweep_mark *marks, size_t count)
{
	for (size_t i = 0; i < count;) {
		const struct g2s_function *function = trace_function(trace, marks[i].addr);
		size_t next = i + 1;
		if (function != NULL) {
			while (next < count && marks[next].addr < function->end) {
				next++;
			}
			sweep_range(trace->program->arch, &trace->program->elf,
			            (struct g2s_range){function->start, function->end}, &marks[i],
			            next - i);
		}
		i = next;
	}
}

struct fragment *trace_fragment(const struct trace *trace, uint64_t start)
{
	uint32_t i = map_get(&trace->parts, start);
	return i == 0 ? NULL : &trace->fragments[i - 1];
}

/* Adds the function of addr to the fragments; true when it was not among them. */
static bool add_fragment(struct trace *trace, uint64_t addr)
{
	const struct g2s_function *function = trace_function(trace, addr);
	if (function == NULL || function->go != 0 ||
	    trace_fragment(trace, function->start) != NULL) {
		return false;
	}
	if (!g2s_grow(&trace->fragments, &trace->fragment_capacity, trace->fragment_count + 1,
	              sizeof(*trace->fragments))) {
		trace->failed = true;
		return false;
	}
	trace->fragments[trace->fragment_count++] =
		(struct fragment){.start = function->start, .end = function->end};
	trace->failed = !map_put(&trace->parts, function->start, (uint32_t)trace->fragment_count);
	return !trace->failed;
}

/* Adds an address to those that there are, unless there are more of them than are looked at. */
static bool add_address(uint64_t **items, size_t *count, size_t *capacity, uint64_t addr)
{
	if (*count == TRACE_CONTEXTS) {
		return true;
	}
	for (size_t i = 0; i < *count; i++) {
		if ((*items)[i] == addr) {
			return true;
		}
	}
	if (!g2s_grow(items, capacity, *count + 1, sizeof(**items))) {
		return false;
	}
	(*items)[(*count)++] = addr;
	return true;
}

/* Notes that the instruction at place goes into the inside of a fragment. */
static void enter_inside(struct trace *trace, uint64_t place, uint64_t target, bool is_call,
                         struct g2s_references *next)
{
	const struct g2s_function *inside = trace_function(trace, target);
	struct fragment *fragment =
		inside == NULL ? NULL : trace_fragment(trace, inside->start);
	if (fragment == NULL || target == fragment->start) {
		return;
	}
	const struct g2s_function *outside = trace_function(trace, place);
	if (outside == NULL || outside->start == fragment->start) {
		return;
	}
	bool fine = is_call ? add_address(&fragment->entries, &fragment->entry_count,
	                                  &fragment->entry_capacity, target)
	                    : add_address(&fragment->parents, &fragment->parent_count,
	                                  &fragment->parent_capacity, outside->start);
	struct g2s_reference reference = {.place = outside->start};
	if (!fine || !g2s_grow(&next->items, &next->capacity, next->count + 1,
	                       sizeof(*next->items))) {
		trace->failed = true;
		return;
	}
	next->items[next->count++] = reference;
}

bool trace_goes_to(struct trace *trace, struct sweep_mark *mark, uint64_t target, bool *is_call)
{
	struct sweep_mark whole = *mark;
	struct g2s_insn insn;
	if (!sweep_settle(trace->program->arch, &trace->program->elf, &whole, &insn)) {
		return false;
	}
	*is_call = insn.step == G2S_STEP_CALL;
	if (insn.target != target || (!*is_call && insn.step != G2S_STEP_JUMP &&
	                              insn.step != G2S_STEP_BRANCH)) {
		return false;
	}
	*mark = whole;
	return true;
}

/*
 * Looks up who goes into the inside of the fragments in windows; *next: who is to be looked up
 * in turn.
 */
static void look_inside(struct trace *trace, const struct g2s_window *windows, size_t count,
                        struct g2s_references *next)
{
	struct g2s_references found = {0};
	struct sweep_mark *marks = NULL;
	if (!g2s_refs_branches(&trace->refs, windows, count, &found) ||
	    (marks = calloc(found.count + 1, sizeof(*marks))) == NULL) {
		trace->failed = true;
	}
	/* Most branches stay inside; they need not be confirmed. */
	size_t kept = 0;
	for (size_t i = 0; i < found.count && !trace->failed; i++) {
		const struct g2s_function *from = trace_function(trace, found.items[i].place);
		if (from != NULL &&
		    (found.items[i].target < from->start || found.items[i].target >= from->end)) {
			found.items[kept++] = found.items[i];
		}
	}
	for (size_t i = 0; i < kept && !trace->failed; i++) {
		marks[i] = (struct sweep_mark){.addr = found.items[i].place};
	}
	if (!trace->failed) {
		trace_sweep(trace, marks, kept);
	}
	for (size_t i = 0; i < kept && !trace->failed; i++) {
		bool is_call;
		if (trace_goes_to(trace, &marks[i], found.items[i].target, &is_call)) {
			enter_inside(trace, marks[i].addr, found.items[i].target, is_call, next);
		}
	}
	free(marks);
	free(found.items);
}

void trace_prepare(struct trace *trace, const uint64_t *places, size_t count)
{
	struct g2s_window *windows = calloc(count + 1, sizeof(*windows));
	struct g2s_references next = {0};
	if (windows == NULL) {
		trace->failed = true;
		return;
	}
	size_t window_count = 0;
	for (size_t i = 0; i < count && !trace->failed; i++) {
		const struct g2s_function *function = trace_function(trace, places[i]);
		if (function != NULL && add_fragment(trace, places[i])) {
			windows[window_count++] =
				(struct g2s_window){function->start + 1, function->end};
		}
	}
	while (window_count != 0 && !trace->failed) {
		g2s_windows_sort(windows, window_count);
		next.count = 0;
		look_inside(trace, windows, window_count, &next);
		free(windows);
		windows = calloc(next.count + 1, sizeof(*windows));
		window_count = 0;
		if (windows == NULL) {
			trace->failed = true;
		}
		for (size_t i = 0; i < next.count && !trace->failed; i++) {
			if (add_fragment(trace, next.items[i].place)) {
				const struct g2s_function *function =
					trace_function(trace, next.items[i].place);
				windows[window_count++] =
					(struct g2s_window){function->start + 1, function->end};
			}
		}
	}
	free(windows);
	free(next.items);
}
