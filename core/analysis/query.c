/* SPDX-License-Identifier: MIT */
/* What can be asked of a function that flow.c has analysed. */
#include "graph.h"

bool g2s_flow_reaches(const struct g2s_flow *flow, uint64_t addr)
{
	return graph_find(flow, addr) != NO_INSN;
}

const struct g2s_insn *g2s_flow_insn(const struct g2s_flow *flow, uint64_t addr)
{
	int32_t node = graph_find(flow, addr);
	return node == NO_INSN ? NULL : &flow->nodes[node].insn;
}

const struct g2s_state *g2s_flow_before(struct g2s_flow *flow, uint64_t addr)
{
	int32_t node = graph_find(flow, addr);
	if (node == NO_INSN) {
		return NULL;
	}
	int32_t first = flow->nodes[node].first;
	if (first == NO_INSN || flow->blocks[flow->nodes[first].block].state == NULL) {
		return NULL;
	}
	/* Who asks about one instruction after the other goes on from the last. */
	int32_t i = flow->at;
	if (i == NO_INSN || i > node || flow->nodes[i].first != first) {
		i = first;
		state_copy(&flow->current, flow->blocks[flow->nodes[first].block].state);
	}
	flow->at = NO_INSN;
	for (; i != node; i = graph_next(flow, i)) {
		if (!graph_goes_on(&flow->nodes[i].insn) ||
		    state_traps(&flow->m, &flow->current, &flow->nodes[i].insn)) {
			return NULL;
		}
		state_step(&flow->m, &flow->current, &flow->nodes[i].insn);
	}
	flow->at = node;
	return &flow->current;
}

const struct g2s_state *g2s_flow_after(struct g2s_flow *flow, uint64_t addr)
{
	const struct g2s_insn *insn = g2s_flow_insn(flow, addr);
	if (g2s_flow_before(flow, addr) == NULL || !graph_goes_on(insn)) {
		return NULL;
	}
	flow->at = NO_INSN;
	state_step(&flow->m, &flow->current, insn);
	return compare_branch(&flow->m, &flow->current, insn, false) ? &flow->current : NULL;
}

g2s_value g2s_state_register(struct g2s_flow *flow, const struct g2s_state *state, uint8_t reg,
                             unsigned width)
{
	return g2s_value_cut(flow->m.values, state->registers[reg], width);
}

g2s_value g2s_state_slot(struct g2s_flow *flow, const struct g2s_state *state, int64_t offset,
                         unsigned width)
{
	g2s_value sp = state->registers[flow->m.arch->stack_pointer];
	g2s_value address =
		g2s_value_binary(flow->m.values, G2S_OP_ADD, sp,
	                         g2s_value_const(flow->m.values, (uint64_t)offset), 8);
	return state_load(&flow->m, state, address, width);
}

g2s_value g2s_state_operand(struct g2s_flow *flow, const struct g2s_state *state,
                            const struct g2s_operand *operand)
{
	return state_operand(&flow->m, state, operand);
}

g2s_value g2s_state_address(struct g2s_flow *flow, const struct g2s_state *state,
                            const struct g2s_operand *operand)
{
	return state_address(&flow->m, state, operand);
}

void g2s_flow_walk(struct g2s_flow *flow, g2s_flow_visit visit, void *user)
{
	flow->at = NO_INSN;
	for (size_t b = 0; b < flow->block_count; b++) {
		if (flow->blocks[b].state == NULL) {
			continue;
		}
		state_copy(&flow->current, flow->blocks[b].state);
		int32_t i = flow->blocks[b].first;
		do {
			const struct g2s_insn *insn = &flow->nodes[i].insn;
			if (state_traps(&flow->m, &flow->current, insn)) {
				break;
			}
			visit(user, &flow->current, insn);
			state_step(&flow->m, &flow->current, insn);
			i = graph_goes_on(insn) ? graph_next(flow, i) : NO_INSN;
		} while (i != NO_INSN && flow->nodes[i].block == NO_BLOCK);
	}
}

uint64_t g2s_flow_work(const struct g2s_flow *flow)
{
	return flow->work;
}

uint64_t g2s_flow_entry(const struct g2s_flow *flow)
{
	return flow->entry;
}

bool g2s_flow_is_whole(const struct g2s_flow *flow)
{
	return !flow->too_large;
}

g2s_value g2s_state_stored(struct g2s_flow *flow, const struct g2s_state *state,
                           const struct g2s_effect *effect, unsigned offset, unsigned width)
{
	struct g2s_operand part = effect->a;
	if (effect->op != G2S_OP_MOVE || offset + width > effect->dst.width) {
		return g2s_value_unknown(flow->m.values, G2S_REASON_COMPUTED);
	}
	if (offset % 8 != 0 || (part.kind == G2S_OPERAND_VECTOR && offset > 8)) {
		return g2s_value_unknown(flow->m.values, G2S_REASON_COMPUTED);
	}
	if (part.kind == G2S_OPERAND_VECTOR) {
		return g2s_value_cut(flow->m.values, state->vectors[part.reg][offset / 8], width);
	}
	if (part.kind == G2S_OPERAND_MEMORY) {
		part.value += offset;
	} else if (offset != 0) {
		return g2s_value_unknown(flow->m.values, G2S_REASON_COMPUTED);
	}
	part.width = (uint8_t)width;
	return state_operand(&flow->m, state, &part);
}

uint64_t g2s_state_passes(struct g2s_flow *flow, const struct g2s_state *state,
                          struct g2s_range range)
{
	uint64_t passed = flow->m.go ? flow->m.arch->passed_by_go : flow->m.arch->passed_by_c;
	uint64_t mask = 0;
	for (unsigned i = 0; i < G2S_REGISTERS; i++) {
		if ((passed >> i & 1) != 0 &&
		    g2s_value_points(flow->m.values, state->registers[i], range)) {
			mask |= UINT64_C(1) << i;
		}
	}
	return mask;
}

bool g2s_state_leaks(struct g2s_flow *flow, const struct g2s_state *state,
                     const struct g2s_insn *insn, struct g2s_range range)
{
	for (uint32_t i = 0; graph_is_call(insn) && i < state->slot_count; i++) {
		if (g2s_value_points(flow->m.values, state->slots[i].value, range)) {
			return true;
		}
	}
	for (unsigned i = 0; i < G2S_REGISTERS && insn->reads >> i != 0; i++) {
		if ((insn->reads >> i & 1) != 0 &&
		    g2s_value_points(flow->m.values, state->registers[i], range)) {
			return true;
		}
	}
	for (unsigned e = 0; e < insn->effect_count; e++) {
		const struct g2s_effect *effect = &insn->effects[e];
		int64_t offset;
		if (effect->op != G2S_OP_MOVE || effect->dst.kind != G2S_OPERAND_MEMORY ||
		    g2s_value_is_stack(flow->m.values, state_address(&flow->m, state, &effect->dst),
		                       &offset)) {
			continue;
		}
		for (unsigned at = 0; at + flow->m.arch->word <= effect->dst.width; at += 8) {
			g2s_value stored = g2s_state_stored(flow, state, effect, at,
			                                    flow->m.arch->word);
			if (g2s_value_points(flow->m.values, stored, range)) {
				return true;
			}
		}
	}
	return false;
}

/* What g2s_flow_uses looks for: the value that register reg had at the entry. */
struct usage {
	struct g2s_flow *flow;
	uint8_t reg;
	bool changes;
	bool used;
};

static bool holds_entry(const struct usage *usage, g2s_value value)
{
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(usage->flow->m.values, value, &count);
	for (size_t i = 0; i < count; i++) {
		if (atoms[i].kind == G2S_ATOM_REGISTER && atoms[i].value == usage->reg) {
			return true;
		}
	}
	return false;
}

static bool operand_uses(const struct usage *usage, const struct g2s_state *state,
                         const struct g2s_operand *operand)
{
	switch (operand->kind) {
	case G2S_OPERAND_REGISTER:
		return holds_entry(usage, state->registers[operand->reg]);
	case G2S_OPERAND_MEMORY:
		return (operand->reg != G2S_NO_REGISTER &&
		        holds_entry(usage, state->registers[operand->reg])) ||
		       (operand->index != G2S_NO_REGISTER &&
		        holds_entry(usage, state->registers[operand->index]));
	default:
		return false;
	}
}

/* The same of an operand that is read; an address is not read, but computed. */
static bool source_uses(const struct usage *usage, const struct g2s_state *state,
                        const struct g2s_effect *effect, const struct g2s_operand *operand)
{
	bool loads = operand->kind == G2S_OPERAND_MEMORY && effect->op != G2S_OP_ADDRESS;
	return !(loads && usage->changes) && operand_uses(usage, state, operand);
}

static void visit_usage(void *user, const struct g2s_state *state, const struct g2s_insn *insn)
{
	struct usage *usage = user;
	bool leaves = (usage->changes && graph_is_call(insn)) ||
	              insn->step == G2S_STEP_JUMP_INDIRECT ||
	              (insn->step == G2S_STEP_JUMP && !graph_stays(usage->flow, insn->target));
	bool used = leaves && holds_entry(usage, state->registers[usage->reg]);
	used = used || (insn->reads >> usage->reg & 1) != 0;
	for (unsigned e = 0; e < insn->effect_count; e++) {
		const struct g2s_effect *effect = &insn->effects[e];
		used = used || source_uses(usage, state, effect, &effect->a) ||
		       source_uses(usage, state, effect, &effect->b) ||
		       (effect->dst.kind == G2S_OPERAND_MEMORY &&
		        operand_uses(usage, state, &effect->dst));
	}
	usage->used = usage->used || used;
}

bool g2s_flow_uses(struct g2s_flow *flow, uint8_t reg, bool changes)
{
	struct usage usage = {flow, reg, changes, false};
	g2s_flow_walk(flow, visit_usage, &usage);
	return usage.used || flow->too_large;
}
