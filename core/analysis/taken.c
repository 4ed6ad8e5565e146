/* SPDX-License-Identifier: MIT */
/*
 * Wrappers whose address is handed to another function, which calls what it was handed: as musl has
 * its threads call the function that makes the call.  What is found so are more numbers; that the
 * address could go elsewhere, too, is reported by who looks it up.
 */
#include "trace.h"

enum {
	/*
	 * Most calls of one function that hand the address over, and most uses in one that gets
	 * it.
	 */
	MAX_PASSES = 16,
	MAX_USES = 16,
	/* Most code that is looked through: as much as the file has bytes, and some more. */
	SOME_BYTES = 1 << 20,
};

/* A call at addr that hands the wrapper's address to target in register reg. */
struct pass {
	uint64_t addr;
	uint64_t target;
	uint8_t reg;
};

/* Calls that hand over the address value, in the function that the flow holds. */
struct passes {
	struct trace *trace;
	uint64_t value;
	struct pass items[MAX_PASSES];
	size_t count;
};

/* What the function that gets the address as pass says hands on when it calls that. */
struct handing {
	struct trace *trace;
	const struct pass *pass;
	/* What the wrapper is asked for, and as what that came in. */
	struct g2s_atom parameter;
	struct g2s_atom items[MAX_USES];
	size_t count;
};

static void visit_pass(void *user, const struct g2s_state *state, const struct g2s_insn *insn)
{
	struct passes *passes = user;
	struct trace *trace = passes->trace;
	struct g2s_range exact = {passes->value, passes->value + 1};
	uint64_t mask;
	if (insn->step != G2S_STEP_CALL && insn->step != G2S_STEP_JUMP) {
		return;
	}
	mask = g2s_state_passes(trace->flow, state, exact);
	for (uint8_t reg = 0; reg < G2S_REGISTERS; reg++) {
		if ((mask >> reg & 1) != 0 && passes->count < MAX_PASSES) {
			passes->items[passes->count++] =
				(struct pass){insn->addr, insn->target, reg};
		}
	}
}

/* One possibility of the register that the wrapper is asked for, at a call of what came in. */
static void add_handed(struct handing *handing, const struct g2s_atom *atom)
{
	struct g2s_atom parameter = handing->parameter;
	bool behind = parameter.kind == G2S_ATOM_BEHIND_REGISTER;
	if (atom->kind != G2S_ATOM_REGISTER || !g2s_atom_is_pointer(atom) || atom->stride != 0 ||
	    (!behind && atom->base != 0) || handing->count == MAX_USES) {
		return;
	}
	parameter.value = atom->value;
	parameter.base += behind ? atom->base : 0;
	handing->items[handing->count++] = parameter;
}

static void visit_handing(void *user, const struct g2s_state *state, const struct g2s_insn *insn)
{
	struct handing *handing = user;
	struct trace *trace = handing->trace;
	bool calls = false;
	size_t count;
	if (insn->step != G2S_STEP_CALL_INDIRECT && insn->step != G2S_STEP_JUMP_INDIRECT) {
		return;
	}
	g2s_value target = g2s_state_operand(trace->probe, state, &insn->target_operand);
	const struct g2s_atom *atoms = g2s_value_atoms(&trace->values, target, &count);
	for (size_t i = 0; i < count; i++) {
		calls = calls || (atoms[i].kind == G2S_ATOM_REGISTER &&
		                  atoms[i].value == handing->pass->reg &&
		                  !g2s_atom_is_moved(&atoms[i]));
	}
	g2s_value value = g2s_state_register(trace->probe, state,
	                                     (uint8_t)handing->parameter.value, 8);
	atoms = g2s_value_atoms(&trace->values, value, &count);
	for (size_t i = 0; calls && i < count; i++) {
		add_handed(handing, &atoms[i]);
	}
}

/* Looks at the numbers that a call hands over as parameter, and at nothing else about it. */
static void take_numbers(struct trace *trace, uint64_t addr, const struct g2s_atom *parameter,
                         const char *arch)
{
	const struct g2s_state *state = g2s_flow_before(trace->flow, addr);
	const struct g2s_insn *insn = g2s_flow_insn(trace->flow, addr);
	struct destination to = {addr, "call", "arg", arch, 0, false};
	size_t count = 0;
	if (state == NULL) {
		return;
	}
	g2s_value value = trace_handed_over(trace, state, insn, parameter, false);
	(void)g2s_value_atoms(&trace->values, value, &count);
	for (size_t i = 0; i < count && !trace->failed; i++) {
		struct g2s_atom atom = g2s_value_atoms(&trace->values, value, &count)[i];
		if (atom.kind != G2S_ATOM_UNKNOWN) {
			trace_value(trace, g2s_value_of(&trace->values, atom), &to);
		}
	}
}

/* Answers one question about the wrapper by a call that hands its address over. */
static void follow_pass(struct trace *trace, const struct pass *pass,
                        const struct question *question)
{
	struct handing handing = {.trace = trace, .pass = pass, .parameter = question->parameter};
	bool pointers = trace->values.pointers;
	if (question->parameter.kind == G2S_ATOM_SLOT || !trace_probe(trace, pass->target)) {
		return;
	}
	g2s_flow_walk(trace->probe, visit_handing, &handing);
	trace->values.pointers = pointers;
	for (size_t i = 0; i < handing.count && !trace->failed; i++) {
		take_numbers(trace, pass->addr, &handing.items[i], question->arch);
	}
}

void trace_follow_taken(struct trace *trace, uint64_t entry, uint64_t place)
{
	const struct g2s_function *function = trace_function(trace, place);
	struct passes passes = {.trace = trace, .value = entry};
	uint64_t most = trace->program->elf.file.size + SOME_BYTES;
	if (function == NULL || function->go != 0 || trace->followed > most) {
		return;
	}
	trace->followed += function->end - function->start;
	if (!trace_enter(trace, function->start)) {
		return;
	}
	g2s_flow_walk(trace->flow, visit_pass, &passes);
	for (size_t k = 0; k < passes.count; k++) {
		uint32_t i = map_get(&trace->asked, entry);
		while (i != 0 && !trace->failed) {
			/* Answers may add questions, which moves the array. */
			struct question question = trace->questions[i - 1];
			follow_pass(trace, &passes.items[k], &question);
			i = question.before;
		}
	}
}
