/* SPDX-License-Identifier: MIT */
/* What callers hand to wrappers: questions, answered until no answer raises a new one. */
#include "g2s/memory.h"
#include "g2s/stream.h"
#include "reach.h"
#include "sweep.h"
#include "trace.h"

#include <stdlib.h>

enum {
	/*
	 * References that are followed at a time, so that what is known of each need not be kept
	 * for all; those from one function together, unless they are more than can be analysed.
	 */
	BATCH = 1 << 14,
	MAX_BATCH = 1 << 17,
};

/* The questions that are being answered in this round, [first, last). */
struct round {
	size_t first;
	size_t last;
};

/* Sorts windows of one address each and drops repeats. */
static size_t sort_windows(struct g2s_window *windows, size_t count)
{
	size_t kept = 0;
	g2s_windows_sort(windows, count);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || windows[kept - 1].start != windows[i].start) {
			windows[kept++] = windows[i];
		}
	}
	return kept;
}

g2s_value trace_handed_over(struct trace *trace, const struct g2s_state *state,
                            const struct g2s_insn *insn, const struct g2s_atom *parameter,
                            bool local)
{
	if (parameter->kind == G2S_ATOM_REGISTER) {
		return g2s_state_register(trace->flow, state, (uint8_t)parameter->value, 8);
	}
	if (parameter->kind == G2S_ATOM_BEHIND_REGISTER) {
		return trace_behind(trace, state, insn, parameter, local);
	}
	bool call = insn != NULL && insn->step == G2S_STEP_CALL;
	int64_t pushed = call ? trace->program->arch->call_pushes : 0;
	return g2s_state_slot(trace->flow, state, (int64_t)parameter->value - pushed,
	                      parameter->width);
}

/* One call or jump to a wrapper, in one context: every open question is put to it. */
struct calling {
	struct round round;
	uint64_t target;
	/* The place, and the start of the function that it is in. */
	uint64_t addr;
	uint64_t function;
	bool confirmed;
};

static bool visit_call(struct trace *trace, const struct g2s_insn *insn,
                       const struct g2s_state *state, bool local, void *user)
{
	struct calling *calling = user;
	bool direct = insn != NULL && (insn->step == G2S_STEP_CALL || insn->step == G2S_STEP_JUMP ||
	                               insn->step == G2S_STEP_BRANCH);
	if (!direct || insn->target != calling->target) {
		return true;
	}
	calling->confirmed = true;
	/*
	 * A jump back to the start of the same function is part of its flow, not a call; unless
	 * the flow never comes to it, as where nothing tells one function from the next.
	 */
	if (insn->step != G2S_STEP_CALL && calling->target == calling->function &&
	    !trace->covering) {
		return true;
	}
	uint32_t last = map_get(&trace->asked, calling->target);
	for (uint32_t i = last; local && i > calling->round.first;
	     i = trace->questions[i - 1].before) {
		const struct question *question = &trace->questions[i - 1];
		if (i <= calling->round.last &&
		    !trace_is_local(trace, trace_handed_over(trace, state, insn,
		                                             &question->parameter, true))) {
			return false;
		}
	}
	for (uint32_t i = last; i > calling->round.first; i = trace->questions[i - 1].before) {
		/* Answers may add questions, which moves the array. */
		struct question question = trace->questions[i - 1];
		if (i > calling->round.last) {
			continue;
		}
		struct destination to = {insn->addr, "call", "arg", question.arch, 0, local};
		if (state == NULL) {
			trace_site(trace, &to, G2S_NUMBER_UNKNOWN, G2S_REASON_COMPUTED);
			continue;
		}
		g2s_value value =
			trace_handed_over(trace, state, insn, &question.parameter, local);
		trace_value(trace, value, &to);
	}
	return true;
}

static void add_call(struct trace *trace, uint64_t addr, uint64_t target)
{
	struct g2s_program *program = trace->program;
	if (!g2s_grow(&program->calls, &trace->call_capacity, program->call_count + 1,
	              sizeof(*program->calls))) {
		trace->failed = true;
		return;
	}
	program->calls[program->call_count++] = (struct g2s_call){addr, target};
}

/* Adds a place that may call, or jump to, a wrapper. */
static void add_place(struct trace *trace, struct round round, struct calling *calling,
                      struct place *place, const struct sweep_mark *mark, uint64_t target)
{
	const struct g2s_function *function = trace_function(trace, mark->addr);
	*calling = (struct calling){.round = round, .target = target, .addr = mark->addr};
	calling->function = function != NULL ? function->start : 0;
	*place = (struct place){.mark = *mark, .user = calling};
}

/*
 * Code may also jump into what straight decoding takes for the middle of an instruction, past a
 * prefix for one.
 */
static bool is_entered_between(struct trace *trace, const struct sweep_mark *mark)
{
	const struct g2s_program *program = trace->program;
	const struct g2s_function *function = trace_function(trace, mark->addr);
	if (function == NULL) {
		return false;
	}
	struct g2s_range range = {function->start, function->end};
	/* Of a program with libraries, most of the code is compiled: see sites.c. */
	if (program->link != NULL &&
	    !sweep_is_doubtful(program->arch, &program->elf, range, mark)) {
		return false;
	}
	return trace_enter(trace, function->start) && g2s_flow_reaches(trace->flow, mark->addr);
}

/* Visits the places, and notes those that turn out to be calls. */
static void follow_places(struct trace *trace, const struct calling *callings,
                          struct place *places, size_t count)
{
	trace_places(trace, places, count, visit_call);
	for (size_t i = 0; i < count && !trace->failed; i++) {
		if (callings[i].confirmed) {
			trace_refer(trace, callings[i].target);
			add_call(trace, callings[i].addr, callings[i].target);
		}
	}
}

/* Where the batch that begins with the first of the found places ends. */
static size_t end_of_batch(struct trace *trace, const struct g2s_references *found, size_t first)
{
	if (found->count - first <= BATCH) {
		return found->count;
	}
	size_t end = first + BATCH;
	const struct g2s_function *function = trace_function(trace, found->items[end - 1].place);
	while (function != NULL && end < found->count && end - first < MAX_BATCH &&
	       found->items[end].place < function->end) {
		end++;
	}
	return end;
}

/* Looks at what count of the found places, which marks belong to, hand over. */
static void follow_marks(struct trace *trace, struct round round,
                         const struct g2s_reference *found, const struct sweep_mark *marks,
                         size_t found_count)
{
	/* A place can be two: as it was found, and with the prefixes before it. */
	struct calling *callings = calloc(2 * found_count + 1, sizeof(*callings));
	struct place *places = calloc(2 * found_count + 1, sizeof(*places));
	size_t count = 0;
	trace->failed = trace->failed || callings == NULL || places == NULL;
	for (size_t i = 0; i < found_count && !trace->failed; i++) {
		struct sweep_mark whole = marks[i];
		uint64_t target = found[i].target;
		bool is_call;
		if (trace_goes_to(trace, &whole, target, &is_call)) {
			add_place(trace, round, &callings[count], &places[count], &whole, target);
			count++;
		}
		if (!marks[i].found && is_entered_between(trace, &marks[i])) {
			uint64_t addr = marks[i].addr;
			struct sweep_mark mark = {.addr = addr, .found = true, .run = addr};
			add_place(trace, round, &callings[count], &places[count], &mark, target);
			count++;
		}
	}
	if (!trace->failed) {
		follow_places(trace, callings, places, count);
	}
	free(callings);
	free(places);
}

static void follow_calls(struct trace *trace, struct round round,
                         const struct g2s_references *found)
{
	struct sweep_mark *marks = calloc(found->count + 1, sizeof(*marks));
	uint64_t *places = calloc(found->count + 1, sizeof(*places));
	size_t count = 0;
	if (marks == NULL || places == NULL) {
		trace->failed = true;
	}
	for (size_t i = 0; i < found->count && !trace->failed; i++) {
		marks[i] = (struct sweep_mark){.addr = found->items[i].place};
	}
	if (!trace->failed) {
		trace_sweep(trace, marks, found->count);
	}
	for (size_t i = 0; i < found->count && !trace->failed; i++) {
		if (marks[i].insn != 0) {
			places[count++] = marks[i].insn;
		}
	}
	if (!trace->failed) {
		trace_prepare(trace, places, count);
	}
	free(places);
	for (size_t first = 0; first < found->count && !trace->failed;) {
		size_t end = end_of_batch(trace, found, first);
		follow_marks(trace, round, &found->items[first], &marks[first], end - first);
		first = end;
	}
	free(marks);
}

/* What the program cannot come to calls nobody. */
static void drop_unreached(const struct trace *trace, struct g2s_references *found)
{
	size_t kept = 0;
	for (size_t i = 0; i < found->count; i++) {
		if (trace->reach == NULL || reach_has(trace->reach, found->items[i].place)) {
			found->items[kept++] = found->items[i];
		}
	}
	found->count = kept;
}

/* Puts the questions of a round to everyone who calls, or jumps to, the wrappers they are about. */
static void answer_round(struct trace *trace, struct round round)
{
	size_t count = round.last - round.first;
	struct g2s_window *windows = calloc(count, sizeof(*windows));
	struct g2s_references found = {0};
	if (windows == NULL) {
		trace->failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t entry = trace->questions[round.first + i].entry;
		windows[i] = (struct g2s_window){entry, entry + 1};
	}
	count = sort_windows(windows, count);
	if (g2s_refs_branches(&trace->refs, windows, count, &found)) {
		drop_unreached(trace, &found);
		follow_calls(trace, round, &found);
	} else {
		trace->failed = true;
	}
	free(windows);
	free(found.items);
}

/*
 * Reports that entry may be called from anywhere, with any number, because of what stands at
 * place.
 */
static void report_indirect(struct trace *trace, uint64_t entry, uint64_t place)
{
	uint32_t i = map_get(&trace->wrapped, entry);
	for (; i != 0; i = trace->wrappers[i - 1].before) {
		struct wrapper *wrapper = &trace->wrappers[i - 1];
		struct destination to = {place, "call", "", wrapper->arch, 0, false};
		wrapper->referred = true;
		trace_site(trace, &to, G2S_NUMBER_UNKNOWN, G2S_REASON_INDIRECT);
	}
}

/*
 * Marks for the places of all references, looked up function by function; they are in the order of
 * the references, which begin with those in code, sorted by place.  NULL when memory ran out.
 */
static struct sweep_mark *mark_operands(struct trace *trace, const struct g2s_references *found)
{
	struct sweep_mark *marks = calloc(found->count + 1, sizeof(*marks));
	size_t count = 0;
	while (marks != NULL && count < found->count &&
	       found->items[count].kind == G2S_REFERENCE_OPERAND) {
		marks[count].addr = found->items[count].place;
		count++;
	}
	if (marks == NULL) {
		trace->failed = true;
	} else {
		trace_sweep(trace, marks, count);
	}
	return marks;
}

/* Decodes the instruction that straight decoding has found around a mark; false when none was. */
static bool insn_around(struct trace *trace, const struct sweep_mark *mark,
                        struct g2s_insn *insn)
{
	struct g2s_bytes code;
	const struct g2s_arch *arch = trace->program->arch;
	return mark->insn != 0 && g2s_elf_view(&trace->program->elf, mark->insn, &code) &&
	       arch->decode(arch, code.data, code.size, mark->insn, insn);
}

static bool operand_is(const struct g2s_operand *operand, uint64_t addr)
{
	bool fixed = operand->kind == G2S_OPERAND_IMMEDIATE ||
	             (operand->kind == G2S_OPERAND_MEMORY && operand->reg == G2S_NO_REGISTER &&
	              operand->index == G2S_NO_REGISTER && !operand->opaque);
	return fixed && (uint64_t)operand->value == addr;
}

/* True when insn takes addr itself as a value: LEA of it, or an immediate. */
static bool takes_address(const struct g2s_insn *insn, uint64_t addr)
{
	for (unsigned i = 0; i < insn->effect_count; i++) {
		const struct g2s_effect *effect = &insn->effects[i];
		bool address = effect->op == G2S_OP_ADDRESS && operand_is(&effect->a, addr);
		bool number = (effect->a.kind == G2S_OPERAND_IMMEDIATE &&
		               operand_is(&effect->a, addr)) ||
		              (effect->b.kind == G2S_OPERAND_IMMEDIATE &&
		               operand_is(&effect->b, addr));
		if (address || number) {
			return true;
		}
	}
	return false;
}

/* Reports the instructions in code that take an address which found refers to. */
static void report_operands(struct trace *trace, const struct g2s_references *found)
{
	struct sweep_mark *marks = mark_operands(trace, found);
	for (size_t i = 0; i < found->count && !trace->failed; i++) {
		const struct g2s_reference *r = &found->items[i];
		struct g2s_insn insn;
		if (r->kind == G2S_REFERENCE_OPERAND && insn_around(trace, &marks[i], &insn) &&
		    takes_address(&insn, r->target)) {
			report_indirect(trace, r->target, insn.addr);
			trace_follow_taken(trace, r->target, insn.addr);
		}
	}
	free(marks);
}

static int by_data_place(const void *a, const void *b)
{
	const struct g2s_reference *x = a;
	const struct g2s_reference *y = b;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* The word of data at place, among count sorted ones. */
static struct g2s_reference *find_word(struct g2s_reference *words, size_t count, uint64_t place)
{
	const struct g2s_reference key = {.place = place};
	return bsearch(&key, words, count, sizeof(key), by_data_place);
}

/*
 * Words of data that hold wrappers' addresses. Go reaches functions through such a word (a
 * funcval); the code that takes the word's address is then the place a reader looks for.  Where no
 * code does, it is the word.
 */
static void report_words(struct trace *trace, struct g2s_reference *words, size_t count)
{
	struct g2s_window *windows = calloc(count + 1, sizeof(*windows));
	struct g2s_references found = {0};
	struct sweep_mark *marks = NULL;
	for (size_t i = 0; windows != NULL && i < count; i++) {
		windows[i] = (struct g2s_window){words[i].place, words[i].place + 1};
	}
	if (windows == NULL ||
	    !g2s_refs_addresses(&trace->refs, windows, sort_windows(windows, count), &found)) {
		trace->failed = true;
	} else {
		marks = mark_operands(trace, &found);
	}
	for (size_t i = 0; i < found.count && !trace->failed; i++) {
		const struct g2s_reference *r = &found.items[i];
		struct g2s_insn insn;
		if (r->kind == G2S_REFERENCE_OPERAND && insn_around(trace, &marks[i], &insn) &&
		    takes_address(&insn, r->target)) {
			struct g2s_reference *word = find_word(words, count, r->target);
			report_indirect(trace, word->target, insn.addr);
			word->kind = G2S_REFERENCE_OPERAND;
		}
	}
	for (size_t i = 0; i < count && !trace->failed; i++) {
		if (words[i].kind == G2S_REFERENCE_DATA) {
			report_indirect(trace, words[i].target, words[i].place);
		}
	}
	free(marks);
	free(windows);
	free(found.items);
}

/*
 * Drops the words, sorted by place, that are operands of instructions in code: those are
 * reported as such.  Answers how many are left.
 */
static size_t drop_operands(struct trace *trace, struct g2s_reference *words, size_t count)
{
	struct sweep_mark *marks = calloc(count + 1, sizeof(*marks));
	size_t kept = 0;
	if (marks == NULL) {
		trace->failed = true;
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		marks[i].addr = words[i].place;
	}
	trace_sweep(trace, marks, count);
	for (size_t i = 0; i < count; i++) {
		struct g2s_insn insn;
		if (!insn_around(trace, &marks[i], &insn) ||
		    !takes_address(&insn, words[i].target)) {
			words[kept++] = words[i];
		}
	}
	free(marks);
	return kept;
}

/* Takes the words of data out of found, sorted by place; answers how many there are. */
static size_t take_words(struct g2s_references *found, struct g2s_reference *words)
{
	size_t count = 0;
	size_t kept = 0;
	for (size_t i = 0; i < found->count; i++) {
		if (found->items[i].kind == G2S_REFERENCE_DATA) {
			words[count++] = found->items[i];
		} else {
			found->items[kept++] = found->items[i];
		}
	}
	found->count = kept;
	if (count != 0) {
		qsort(words, count, sizeof(*words), by_data_place);
	}
	return count;
}

/* Reports everything that found says refers to wrappers other than by calling them. */
static void report_references(struct trace *trace, struct g2s_references *found)
{
	struct g2s_reference *words = calloc(found->count + 1, sizeof(*words));
	if (words == NULL) {
		trace->failed = true;
		return;
	}
	size_t count = take_words(found, words);
	report_operands(trace, found);
	count = trace->failed ? 0 : drop_operands(trace, words, count);
	if (count != 0 && !trace->failed) {
		report_words(trace, words, count);
	}
	for (size_t i = 0; i < found->count && !trace->failed; i++) {
		if (found->items[i].kind == G2S_REFERENCE_METHOD) {
			report_indirect(trace, found->items[i].target, found->items[i].place);
		}
	}
	free(words);
}

/* Reports the wrappers up to last for whose addresses nobody has looked. */
static void report_unsought(struct trace *trace, size_t last)
{
	for (size_t i = 0; i < last && !trace->failed; i++) {
		const struct wrapper *wrapper = &trace->wrappers[i];
		struct destination to = {wrapper->entry, "call", "", wrapper->arch, 0, false};
		if (!wrapper->addresses_known) {
			trace_site(trace, &to, G2S_NUMBER_UNKNOWN, G2S_REASON_TOO_MANY);
		}
	}
}

/*
 * Finds who takes the addresses of wrappers; they can then be called with numbers nobody can
 * list.
 */
static void find_addresses(struct trace *trace)
{
	struct g2s_window *windows = calloc(trace->wrapper_count + 1, sizeof(*windows));
	struct g2s_references found = {0};
	size_t count = 0;
	size_t last = trace->wrapper_count;
	if (windows == NULL) {
		trace->failed = true;
		return;
	}
	for (size_t i = 0; i < last; i++) {
		uint64_t entry = trace->wrappers[i].entry;
		if (!trace->wrappers[i].addresses_known) {
			windows[count++] = (struct g2s_window){entry, entry + 1};
		}
	}
	count = sort_windows(windows, count);
	if (count != 0 && !trace_may_search(trace)) {
		report_unsought(trace, last);
	} else if (g2s_refs_addresses(&trace->refs, windows, count, &found)) {
		report_references(trace, &found);
	} else {
		trace->failed = true;
	}
	for (size_t i = 0; i < last && !trace->failed; i++) {
		struct wrapper *wrapper = &trace->wrappers[i];
		if (wrapper->addresses_known) {
			continue;
		}
		wrapper->addresses_known = true;
		/* Who calls it is outside of the file, or hidden from a reader of the code. */
		if (!wrapper->referred || wrapper->entry == trace->program->elf.entry ||
		    g2s_elf_is_exported(&trace->program->elf, wrapper->entry)) {
			report_indirect(trace, wrapper->entry, wrapper->entry);
		}
	}
	free(windows);
	free(found.items);
}

void trace_answer(struct trace *trace)
{
	while (trace->answered < trace->question_count && !trace->failed) {
		struct round round = {trace->answered, trace->question_count};
		answer_round(trace, round);
		trace->answered = round.last;
	}
	if (!trace->failed) {
		find_addresses(trace);
	}
}
