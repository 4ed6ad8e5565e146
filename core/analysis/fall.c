/* SPDX-License-Identifier: MIT */
/*
 * Functions that run on into the next one, as assembler code does: libraries describe the parts of
 * one function (glibc's clone around its system call) as if they were two.  The first is then a
 * caller of the second, like a tail jump.
 */
#include "sweep.h"
#include "trace.h"

/* The way from the end of one function into the next. */
struct fall {
	struct trace *trace;
	/* Where it leads, and the instruction before. */
	uint64_t entry;
	uint64_t last;
	/* Questions from first on, up to end, are open. */
	size_t first;
	size_t end;
};

/* True when all that stands in range is instructions that do nothing. */
static bool is_filler(struct trace *trace, struct g2s_range range)
{
	const struct g2s_arch *arch = trace->program->arch;
	struct g2s_bytes code;
	struct g2s_insn insn;
	for (uint64_t at = range.start; at < range.end; at += insn.length) {
		if (!g2s_elf_view(&trace->program->elf, at, &code) ||
		    !arch->decode(arch, code.data, code.size, at, &insn) ||
		    insn.step != G2S_STEP_NEXT || insn.enters != 0 || insn.effect_count != 0 ||
		    insn.clobbers != 0 || insn.vector_clobbers != 0 || insn.breakpoint) {
			return false;
		}
	}
	return true;
}

/*
 * Finds the last instruction of the function that ends where entry is, or where filler before entry
 * begins; false when there is none, when it is Go's, which never does this, or when that
 * instruction does not go on.  A call at the end does not: else more code would follow.
 */
static bool find_last(struct trace *trace, uint64_t entry, uint64_t *start, uint64_t *last)
{
	const struct g2s_function *before = trace_function(trace, entry - 1);
	if (before != NULL && before->end == entry && before->symbol == 0 &&
	    is_filler(trace, (struct g2s_range){before->start, before->end})) {
		entry = before->start;
		before = trace_function(trace, entry - 1);
	}
	if (before == NULL || before->go != 0 || before->end != entry) {
		return false;
	}
	*start = before->start;
	struct g2s_range range = {before->start, before->end};
	struct sweep_mark mark = {.addr = entry - 1};
	struct g2s_bytes code;
	struct g2s_insn insn;
	const struct g2s_arch *arch = trace->program->arch;
	sweep_range(arch, &trace->program->elf, range, &mark, 1);
	if (mark.insn == 0 || !g2s_elf_view(&trace->program->elf, mark.insn, &code) ||
	    !arch->skim(arch, code.data, code.size, mark.insn, &insn)) {
		return false;
	}
	*last = mark.insn;
	return mark.insn + insn.length == entry && !insn.breakpoint &&
	       (insn.step == G2S_STEP_NEXT || insn.step == G2S_STEP_BRANCH);
}

/* Puts the open questions about entry to the function before, whose analysis the flow holds. */
static void ask_before(struct fall *fall)
{
	struct trace *trace = fall->trace;
	uint32_t i = map_get(&trace->asked, fall->entry);
	for (; i > fall->first && !trace->failed; i = trace->questions[i - 1].before) {
		/* Answers may add questions, which moves the array. */
		struct question question = trace->questions[i - 1];
		const struct g2s_state *state = g2s_flow_after(trace->flow, fall->last);
		if (i > fall->end || state == NULL) {
			continue;
		}
		struct destination to = {fall->last, "call", "arg", question.arch, 0, false};
		g2s_value value =
			trace_handed_over(trace, state, NULL, &question.parameter, false);
		trace_value(trace, value, &to);
		trace_refer(trace, fall->entry);
	}
}

void trace_fall_through(struct trace *trace)
{
	size_t first = trace->fallen;
	while (first < trace->question_count && !trace->failed) {
		struct fall fall = {.trace = trace, .first = first, .end = trace->question_count};
		for (size_t i = first; i < fall.end && !trace->failed; i++) {
			uint64_t start;
			bool again = trace->questions[i].before > first;
			fall.entry = trace->questions[i].entry;
			if (!again && find_last(trace, fall.entry, &start, &fall.last) &&
			    trace_enter(trace, start)) {
				ask_before(&fall);
			}
		}
		first = fall.end;
	}
	trace->fallen = first;
}
