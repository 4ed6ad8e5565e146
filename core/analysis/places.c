/* SPDX-License-Identifier: MIT */
/*
 * What holds at places of the code, in every context that leads there.  The places of a function
 * are looked at together: each context of it is analysed once, however many they are.
 */
#include "trace.h"

#include "g2s/memory.h"

#include <stdlib.h>

enum {
	/*
	 * Most instructions run for all places together: half as many as the file has bytes, and
	 * some more; real programs need a tenth of that.  One function gets no more than a part.
	 */
	SOME_WORK = 1 << 20,
	WORK_PARTS = 4,
	/* How far back straight code is followed in a first try, and where all costs too much. */
	MAX_STRAIGHT = 1 << 16,
	MAX_NEAR = 1 << 10,
};

/* The places of one function that are still to be visited. */
struct group {
	struct trace *trace;
	const struct g2s_function *function;
	struct place *places;
	size_t count;
	trace_visit visit;
};

/* Collects the entries from which fragment start is reached, its own first. */
static void collect(struct trace *trace, uint64_t start, uint64_t *entries, size_t *count)
{
	uint64_t seen[TRACE_CONTEXTS];
	size_t seen_count = 0;
	size_t done = 0;
	seen[seen_count++] = start;
	while (done < seen_count) {
		uint64_t current = seen[done++];
		const struct fragment *fragment = trace_fragment(trace, current);
		if (*count < TRACE_CONTEXTS) {
			entries[(*count)++] = current;
		}
		for (size_t i = 0; fragment != NULL && i < fragment->entry_count; i++) {
			if (*count < TRACE_CONTEXTS) {
				entries[(*count)++] = fragment->entries[i];
			}
		}
		for (size_t i = 0; fragment != NULL && i < fragment->parent_count; i++) {
			bool known = false;
			for (size_t j = 0; j < seen_count && !known; j++) {
				known = seen[j] == fragment->parents[i];
			}
			if (!known && seen_count < TRACE_CONTEXTS) {
				seen[seen_count++] = fragment->parents[i];
			}
		}
	}
}

/* A first try: most numbers are chosen right before the place, whatever came before. */
static bool try_straight(struct trace *trace, const struct place *place, trace_visit visit)
{
	struct g2s_insn insn;
	const struct g2s_state *state;
	if (place->mark.block == 0 || place->mark.addr - place->mark.block > MAX_STRAIGHT) {
		return false;
	}
	state = g2s_flow_straight(trace->flow, place->mark.block, place->mark.addr, &insn);
	return state != NULL && visit(trace, &insn, state, true, place->user);
}

/* What the code right before a place says; nothing is known of what comes before that. */
static void visit_straight(const struct group *group, const struct place *place)
{
	struct trace *trace = group->trace;
	struct g2s_insn insn;
	const struct g2s_state *state = NULL;
	if (place->mark.block != 0 && place->mark.addr - place->mark.block <= MAX_NEAR) {
		state = g2s_flow_straight(trace->flow, place->mark.block, place->mark.addr, &insn);
	}
	if (state == NULL) {
		state = g2s_flow_straight(trace->flow, place->mark.addr, place->mark.addr, &insn);
	}
	if (state == NULL) {
		trace->failed = true;
		return;
	}
	group->visit(trace, &insn, state, false, place->user);
}

static void visit_place(const struct group *group, struct place *place)
{
	struct trace *trace = group->trace;
	const struct g2s_insn *insn = g2s_flow_insn(trace->flow, place->mark.addr);
	place->reached = true;
	if (insn == NULL) {
		/* The function is too large to be followed as far as here. */
		visit_straight(group, place);
		return;
	}
	group->visit(trace, insn, g2s_flow_before(trace->flow, place->mark.addr), false,
	             place->user);
}

/* Keeps the places of a group that are not done with. */
static void drop_reached(struct group *group)
{
	size_t kept = 0;
	for (size_t i = 0; i < group->count; i++) {
		if (!group->places[i].reached) {
			group->places[kept++] = group->places[i];
		}
	}
	group->count = kept;
}

/* Visits the places that the analysis has come to. */
static void visit_covered(struct group *group)
{
	for (size_t i = 0; i < group->count && !group->trace->failed; i++) {
		if (g2s_flow_before(group->trace->flow, group->places[i].mark.addr) != NULL) {
			visit_place(group, &group->places[i]);
		}
	}
	drop_reached(group);
}

/*
 * True when the places of a function, which come one after the other, or those of all functions
 * have cost more than they may: what damage makes of a file could cost the square of its size.
 */
static bool is_costly(const struct group *group)
{
	struct trace *trace = group->trace;
	uint64_t work = g2s_flow_work(trace->flow);
	if (trace->placed_in != group->function->start) {
		trace->placed_in = group->function->start;
		trace->placed_from = work;
	}
	uint64_t most = trace->program->elf.total_size / 2 + SOME_WORK;
	return work > most || work - trace->placed_from > most / WORK_PARTS;
}

/*
 * Finds the next straight runs of code, up to the last place, that the analysis has not come to:
 * most of them at most, from *run on, which moves on.  Answers how many there are.
 */
static size_t next_runs(const struct group *group, uint64_t *run, uint64_t *starts, size_t most)
{
	const struct g2s_program *program = group->trace->program;
	struct g2s_range range = {group->function->start, group->function->end};
	uint64_t last = group->places[group->count - 1].mark.addr;
	size_t count = 0;
	while (count < most && *run <= last &&
	       sweep_next_run(program->arch, &program->elf, range, run) && *run <= last) {
		if (g2s_flow_before(group->trace->flow, *run) == NULL) {
			starts[count++] = *run;
		}
	}
	return count;
}

/*
 * Brings places that no path reaches into the analysis: from the start of the function on, each
 * straight run of code that is not reached is entered with nothing known, until the places are
 * reached.  One run at first, then two, four and so on, so that there are few analyses.
 */
static bool cover_runs(struct group *group)
{
	uint64_t *starts = NULL;
	size_t capacity = 0;
	uint64_t run = group->function->start;
	bool fine = true;
	for (size_t most = 1; group->count != 0; most *= 2) {
		fine = g2s_grow(&starts, &capacity, most, sizeof(*starts));
		size_t count = fine ? next_runs(group, &run, starts, most) : 0;
		if (count == 0 || is_costly(group)) {
			break;
		}
		fine = g2s_flow_cover(group->trace->flow, starts, count) == G2S_OK;
		if (!fine) {
			break;
		}
		visit_covered(group);
	}
	free(starts);
	return fine;
}

/* What is not reached even so begins a run that no decoding from the start shows. */
static bool cover_places(struct group *group)
{
	uint64_t *starts = calloc(group->count + 1, sizeof(*starts));
	bool fine = starts != NULL;
	for (size_t i = 0; fine && i < group->count; i++) {
		starts[i] = group->places[i].mark.run;
	}
	fine = fine && (group->count == 0 ||
	                g2s_flow_cover(group->trace->flow, starts, group->count) == G2S_OK);
	for (size_t i = 0; fine && i < group->count; i++) {
		visit_place(group, &group->places[i]);
	}
	free(starts);
	return fine;
}

/* Reports places with more contexts than can be looked at. */
static void report_places(const struct group *group)
{
	const struct g2s_program *program = group->trace->program;
	for (size_t i = 0; i < group->count; i++) {
		uint64_t addr = group->places[i].mark.addr;
		struct g2s_bytes code;
		struct g2s_insn insn;
		if (g2s_elf_view(&program->elf, addr, &code) &&
		    program->arch->decode(program->arch, code.data, code.size, addr, &insn)) {
			group->visit(group->trace, &insn, NULL, false, group->places[i].user);
		}
	}
}

/* The places that are left, when to look further at the function would cost too much. */
static void visit_cheaply(const struct group *group)
{
	for (size_t i = 0; i < group->count && !group->trace->failed; i++) {
		visit_straight(group, &group->places[i]);
	}
	group->trace->flow_entry = 0;
}

/* Visits the places in each of the contexts; false when that costs too much. */
static bool visit_contexts(struct group *group, const uint64_t *entries, size_t count)
{
	struct trace *trace = group->trace;
	for (size_t c = 0; c < count && !trace->failed; c++) {
		if (is_costly(group) || !trace_enter(trace, entries[c])) {
			return false;
		}
		for (size_t i = 0; i < group->count && !trace->failed; i++) {
			if (g2s_flow_before(trace->flow, group->places[i].mark.addr) != NULL) {
				visit_place(group, &group->places[i]);
			}
		}
	}
	return true;
}

/* No path that could be followed leads there: it is entered by ways that are not known. */
static void visit_unreached(struct group *group, uint64_t entry)
{
	struct trace *trace = group->trace;
	drop_reached(group);
	if (group->count == 0) {
		return;
	}
	if (!trace_enter(trace, entry) || !cover_runs(group) || !cover_places(group)) {
		trace->failed = true;
	}
	trace->flow_entry = 0;
}

static void visit_group(struct group *group)
{
	struct trace *trace = group->trace;
	uint64_t entries[TRACE_CONTEXTS];
	size_t count = 0;
	for (size_t i = 0; i < group->count && group->function->go != 0 && !is_costly(group); i++) {
		group->places[i].reached = try_straight(trace, &group->places[i], group->visit);
	}
	drop_reached(group);
	if (group->count == 0 || trace->failed) {
		return;
	}
	collect(trace, group->function->start, entries, &count);
	bool whole = visit_contexts(group, entries, count);
	trace->covering = true;
	if (!trace->failed && !whole) {
		visit_cheaply(group);
	} else if (!trace->failed && count == TRACE_CONTEXTS) {
		report_places(group);
	} else if (!trace->failed) {
		visit_unreached(group, entries[0]);
	}
	trace->covering = false;
}

static int by_address(const void *a, const void *b)
{
	const struct place *x = a;
	const struct place *y = b;
	if (x->mark.addr != y->mark.addr) {
		return x->mark.addr < y->mark.addr ? -1 : 1;
	}
	return (x->number > y->number) - (x->number < y->number);
}

void trace_places(struct trace *trace, struct place *places, size_t count, trace_visit visit)
{
	for (size_t i = 0; i < count; i++) {
		places[i].number = i;
		places[i].reached = false;
	}
	if (count != 0) {
		qsort(places, count, sizeof(*places), by_address);
	}
	for (size_t i = 0; i < count && !trace->failed;) {
		const struct g2s_function *function = trace_function(trace, places[i].mark.addr);
		size_t next = i + 1;
		while (function != NULL && next < count &&
		       places[next].mark.addr < function->end) {
			next++;
		}
		if (function != NULL) {
			struct group group = {trace, function, &places[i], next - i, visit};
			visit_group(&group);
		}
		i = next;
	}
}
