/* SPDX-License-Identifier: MIT */
/* What a function does with a pointer that it got, and with a place of its own stack. */
#include "graph.h"

static bool is_on_stack(const struct g2s_flow *flow, g2s_value value)
{
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(flow->m.values, value, &count);
	for (size_t i = 0; i < count; i++) {
		if (atoms[i].kind == G2S_ATOM_STACK || atoms[i].kind == G2S_ATOM_STACK_ANY) {
			return true;
		}
	}
	return count == 0;
}

/* What graph_has_left looks for: whether a place on the stack is put anywhere. */
struct saving {
	struct g2s_flow *flow;
	bool saves;
};

static void visit_saving(void *user, const struct g2s_state *state, const struct g2s_insn *insn)
{
	struct saving *saving = user;
	for (unsigned e = 0; e < insn->effect_count; e++) {
		const struct g2s_effect *effect = &insn->effects[e];
		bool store = effect->op == G2S_OP_MOVE && effect->dst.kind == G2S_OPERAND_MEMORY;
		for (unsigned at = 0; store && at < effect->dst.width; at += 8) {
			g2s_value stored = g2s_state_stored(saving->flow, state, effect, at, 8);
			saving->saves = saving->saves || is_on_stack(saving->flow, stored);
		}
	}
}

bool graph_has_left(struct g2s_flow *flow, const struct g2s_state *state)
{
	struct saving saving = {flow, false};
	if (is_on_stack(flow, state->registers[flow->m.arch->stack_pointer])) {
		return false;
	}
	g2s_flow_walk(flow, visit_saving, &saving);
	return !saving.saves;
}

/* What g2s_flow_keeps looks for, and what it has found. */
struct follow {
	struct g2s_flow *flow;
	const struct g2s_pointer *pointer;
	g2s_flow_hand hand;
	void *user;
	/* The pointer was put on the stack, from where it can come back as something unknown. */
	bool spilled;
	/* Something was called, or stored to a place that is not known. */
	bool blind;
	/* Something was stored to one of too many places: the pointer may be among them. */
	bool too_many;
	/* The pointer has been in a register. */
	bool seen;
	/* The pointer is where a function hands something back; but this one hands back nothing. */
	bool returned;
	bool returns_nothing;
	bool lost;
};

static bool is_root(const struct follow *follow, const struct g2s_atom *atom)
{
	return atom->kind == follow->pointer->kind && atom->value == follow->pointer->value &&
	       g2s_atom_is_pointer(atom);
}

static bool holds(const struct follow *follow, g2s_value value)
{
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(follow->flow->m.values, value, &count);
	for (size_t i = 0; i < count; i++) {
		if (is_root(follow, &atoms[i])) {
			return true;
		}
	}
	return false;
}

static bool register_holds(const struct follow *follow, const struct g2s_state *state, uint8_t reg)
{
	return reg != G2S_NO_REGISTER && holds(follow, state->registers[reg]);
}

/* The registers, as a mask, that hold the pointer. */
static uint64_t holders(const struct follow *follow, const struct g2s_state *state)
{
	uint64_t mask = 0;
	for (unsigned i = 0; i < G2S_REGISTERS; i++) {
		mask |= (uint64_t)holds(follow, state->registers[i]) << i;
	}
	return mask;
}

/* Hands on what value holds of the pointer: to what there says. */
static void hand_on(struct follow *follow, g2s_value value, struct g2s_handover there)
{
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(follow->flow->m.values, value, &count);
	for (size_t i = 0; i < count; i++) {
		if (is_root(follow, &atoms[i])) {
			there.moved = (int64_t)atoms[i].base;
			follow->lost = follow->lost || atoms[i].stride != 0;
			follow->hand(follow->user, &there);
		}
	}
}

/* The pointer goes to the function at target in the registers of the mask. */
static void hand_registers(struct follow *follow, const struct g2s_state *state, uint64_t mask,
                           uint64_t target)
{
	for (uint8_t i = 0; i < G2S_REGISTERS; i++) {
		struct g2s_handover there = {.to = target, .kind = G2S_ATOM_REGISTER, .reg = i};
		if ((mask >> i & 1) != 0) {
			hand_on(follow, state->registers[i], there);
		}
	}
}

/* How far the system call at hand writes behind a pointer that it is handed. */
static int64_t kernel_reach(const struct follow *follow, const struct g2s_state *state)
{
	const struct g2s_arch *arch = follow->flow->m.arch;
	struct g2s_values *values = follow->flow->m.values;
	uint64_t number;
	bool known = g2s_value_is_const(
		values, g2s_value_cut(values, state->registers[arch->entries[0].number], 4),
		&number);
	for (size_t i = 0; known && i < arch->reach_count; i++) {
		if (arch->reaches[i].number == number) {
			return arch->reaches[i].bytes;
		}
	}
	return INT32_MAX;
}

/*
 * The kernel gets what the registers of the mask hold.  It writes to what it is handed, and to what
 * comes after that, never to what comes before.
 */
static void give_kernel(struct follow *follow, const struct g2s_state *state, uint64_t mask)
{
	const struct g2s_pointer *pointer = follow->pointer;
	int64_t reach = mask == 0 ? 0 : kernel_reach(follow, state);
	for (unsigned i = 0; i < G2S_REGISTERS && reach != 0; i++) {
		size_t count;
		const struct g2s_atom *atoms = g2s_value_atoms(follow->flow->m.values,
		                                               state->registers[i], &count);
		for (size_t k = 0; (mask >> i & 1) != 0 && k < count; k++) {
			int64_t at = (int64_t)atoms[k].base;
			bool hit = at < pointer->offset + pointer->width &&
			           pointer->offset - reach < at;
			follow->lost = follow->lost || (is_root(follow, &atoms[k]) &&
			                                (atoms[k].stride != 0 || hit));
		}
	}
}

/* Something is written to width bytes at the address. */
static void write_to(struct follow *follow, g2s_value address, unsigned width)
{
	const struct g2s_pointer *pointer = follow->pointer;
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(follow->flow->m.values, address, &count);
	for (size_t i = 0; i < count; i++) {
		const struct g2s_atom *atom = &atoms[i];
		int64_t at = (int64_t)atom->base;
		if (is_root(follow, atom)) {
			bool hit = at < pointer->offset + pointer->width &&
			           pointer->offset < at + (int64_t)width;
			follow->lost = follow->lost || hit || atom->stride != 0;
		} else if (atom->kind == G2S_ATOM_UNKNOWN && atom->value == G2S_REASON_TOO_MANY) {
			follow->too_many = true;
		} else if (atom->kind != G2S_ATOM_STACK && atom->kind != G2S_ATOM_CONST) {
			follow->blind = true;
		}
	}
}

/* The pointer itself is stored: value holds it. */
static void store_pointer(struct follow *follow, const struct g2s_state *state,
                          const struct g2s_operand *dst, g2s_value value)
{
	struct g2s_flow *flow = follow->flow;
	struct g2s_handover there = {.kind = G2S_ATOM_GLOBAL};
	g2s_value address = state_address(&flow->m, state, dst);
	int64_t offset;
	if (g2s_value_is_stack(flow->m.values, address, &offset) && offset < 0) {
		follow->spilled = true;
	} else if (!dst->opaque && dst->width == flow->m.arch->word &&
	           dst->index == G2S_NO_REGISTER &&
	           g2s_value_is_const(flow->m.values, address, &there.to) &&
	           g2s_elf_is_writable(flow->m.funcs->elf, there.to)) {
		hand_on(follow, value, there);
	} else {
		follow->lost = true;
	}
}

/* One effect that may write to memory. */
static void look_at_store(struct follow *follow, const struct g2s_state *state,
                          const struct g2s_effect *effect)
{
	struct g2s_flow *flow = follow->flow;
	const struct g2s_operand *dst = &effect->dst;
	g2s_value address = state_address(&flow->m, state, dst);
	bool part = register_holds(follow, state, dst->reg) ||
	            register_holds(follow, state, dst->index);
	if ((part && !holds(follow, address)) ||
	    (effect->op == G2S_OP_FILL &&
	     (part || (holders(follow, state) & flow->m.arch->passed_by_c) != 0))) {
		follow->lost = true;
	}
	follow->blind = follow->blind || effect->op == G2S_OP_FILL;
	write_to(follow, address, dst->width == 0 ? 64 : dst->width);
	for (unsigned at = 0; effect->op == G2S_OP_MOVE && at < dst->width; at += 8) {
		g2s_value stored = g2s_state_stored(flow, state, effect, at, 8);
		if (holds(follow, stored)) {
			store_pointer(follow, state, dst, stored);
		}
	}
}

/* The value of an operand that is read whole. */
static g2s_value read_operand(const struct follow *follow, const struct g2s_state *state,
                              const struct g2s_operand *operand)
{
	bool reads = operand->kind == G2S_OPERAND_REGISTER || operand->kind == G2S_OPERAND_MEMORY;
	return reads ? state_operand(&follow->flow->m, state, operand) : G2S_VALUE_NOTHING;
}

/* What is made of the pointer must still be known for it. */
static void look_at_result(struct follow *follow, const struct g2s_state *state,
                           const struct g2s_effect *effect)
{
	const struct machine *m = &follow->flow->m;
	g2s_value a, b;
	bool wide = effect->dst.width == 0 || effect->dst.width >= m->arch->word;
	switch (effect->op) {
	case G2S_OP_FILL:
	case G2S_OP_UNKNOWN:
	case G2S_OP_MOVE:
	case G2S_OP_EXTEND:
	case G2S_OP_SELECT:
	case G2S_OP_BOOL:
	case G2S_OP_MASK:
		return;
	case G2S_OP_ADDRESS:
		if (wide && (register_holds(follow, state, effect->a.reg) ||
		             register_holds(follow, state, effect->a.index))) {
			a = state_address(m, state, &effect->a);
			follow->lost = follow->lost || !holds(follow, a);
		}
		return;
	default:
		a = read_operand(follow, state, &effect->a);
		b = read_operand(follow, state, &effect->b);
		if (!wide || (!holds(follow, a) && !holds(follow, b))) {
			return;
		}
		if (effect->b.kind == G2S_OPERAND_IMMEDIATE) {
			b = g2s_value_const(m->values, (uint64_t)effect->b.value);
		}
		a = g2s_value_binary(m->values, effect->op, a, b, 8);
		follow->lost = follow->lost || !holds(follow, a) ||
		               effect->dst.kind != G2S_OPERAND_REGISTER;
	}
}

/* True when insn may lead out of the function. */
static bool leaves(struct g2s_flow *flow, const struct g2s_insn *insn)
{
	int32_t node = graph_find(flow, insn->addr);
	switch (insn->step) {
	case G2S_STEP_JUMP:
	case G2S_STEP_BRANCH:
		return !graph_stays(flow, insn->target);
	case G2S_STEP_JUMP_INDIRECT:
		return flow->nodes[node].edges == 0 || flow->nodes[node].wild;
	default:
		return false;
	}
}

/*
 * What is left in the registers of a result goes to the caller, unless there is no result: then some
 * path leaves the first of them as it was.
 */
static void look_at_return(struct follow *follow, const struct g2s_state *state, uint64_t held)
{
	const struct g2s_arch *arch = follow->flow->m.arch;
	uint8_t result = arch->entries[0].number;
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(follow->flow->m.values,
	                                               state->registers[result], &count);
	follow->returned = follow->returned || (held & arch->returned_by_c) != 0;
	follow->returns_nothing = follow->returns_nothing ||
	                          (count == 1 && atoms[0].kind == G2S_ATOM_REGISTER &&
	                           atoms[0].value == result && !g2s_atom_is_moved(&atoms[0]) &&
	                           g2s_atom_is_pointer(&atoms[0]));
}

/* Looks at how control goes on, and who gets the registers then. */
static void look_at_step(struct follow *follow, const struct g2s_state *state,
                         const struct g2s_insn *insn, uint64_t held)
{
	const struct g2s_arch *arch = follow->flow->m.arch;
	bool runs_out = insn->step == G2S_STEP_NEXT || insn->step == G2S_STEP_BRANCH;
	if (runs_out && held != 0 &&
	    graph_next(follow->flow, graph_find(follow->flow, insn->addr)) == NO_INSN) {
		follow->lost = true;
	}
	if (graph_is_call(insn)) {
		held &= arch->passed_by_c;
		follow->blind = true;
	} else if (insn->step == G2S_STEP_RETURN) {
		look_at_return(follow, state, held);
		return;
	} else if (!leaves(follow->flow, insn)) {
		return;
	} else {
		/* What stands on the stack is then another function's to find. */
		follow->blind = true;
	}
	if (insn->step == G2S_STEP_CALL_INDIRECT || insn->step == G2S_STEP_JUMP_INDIRECT) {
		follow->lost = follow->lost || held != 0;
	} else {
		hand_registers(follow, state, held, insn->target);
	}
}

static void visit_follow(void *user, const struct g2s_state *state, const struct g2s_insn *insn)
{
	struct follow *follow = user;
	const struct g2s_arch *arch = follow->flow->m.arch;
	uint64_t held = holders(follow, state);
	follow->lost = follow->lost || (insn->reads & held) != 0;
	follow->blind = follow->blind || state->widened;
	follow->seen = follow->seen || held != 0;
	for (unsigned i = 0; i < G2S_VECTORS; i++) {
		follow->lost = follow->lost || holds(follow, state->vectors[i][0]) ||
		               holds(follow, state->vectors[i][1]);
	}
	if (insn->enters != 0) {
		bool own = arch->entries[insn->enters - 1].arch == arch->name;
		give_kernel(follow, state, held & arch->passed_to_kernel);
		follow->lost = follow->lost || (!own && held != 0);
	}
	for (unsigned e = 0; e < insn->effect_count; e++) {
		if (insn->effects[e].dst.kind == G2S_OPERAND_MEMORY) {
			look_at_store(follow, state, &insn->effects[e]);
		}
		look_at_result(follow, state, &insn->effects[e]);
	}
	look_at_step(follow, state, insn, held);
}

bool g2s_flow_keeps(struct g2s_flow *flow, const struct g2s_pointer *pointer, g2s_flow_hand hand,
                    void *user)
{
	struct follow follow = {.flow = flow, .pointer = pointer, .hand = hand, .user = user};
	if (flow->too_large || flow->m.go) {
		return false;
	}
	g2s_flow_walk(flow, visit_follow, &follow);
	return !follow.lost && !(follow.spilled && follow.blind) &&
	       !(follow.seen && follow.too_many) &&
	       (!follow.returned || follow.returns_nothing);
}

g2s_value g2s_state_behind(struct g2s_flow *flow, const struct g2s_state *state, g2s_value pointer,
                           int64_t offset, unsigned width)
{
	g2s_value distance = g2s_value_const(flow->m.values, (uint64_t)offset);
	g2s_value address = g2s_value_binary(flow->m.values, G2S_OP_ADD, pointer, distance, 8);
	return g2s_value_cut(flow->m.values, state_load(&flow->m, state, address, width), width);
}

/* True when value may point to the place on the stack, or to what comes before it there. */
static bool reaches_place(const struct g2s_flow *flow, g2s_value value,
                          const struct g2s_place *place)
{
	size_t count;
	const struct g2s_atom *atoms = g2s_value_atoms(flow->m.values, value, &count);
	for (size_t i = 0; i < count; i++) {
		int64_t at = (int64_t)atoms[i].value;
		if (atoms[i].kind == G2S_ATOM_STACK_ANY ||
		    (atoms[i].kind == G2S_ATOM_STACK && (at < 0) == (place->offset < 0) &&
		     at < place->offset + (int64_t)place->width)) {
			return true;
		}
	}
	return false;
}

static bool slots_reach(const struct g2s_flow *flow, const struct g2s_state *state,
                        const struct g2s_place *place)
{
	for (uint32_t i = 0; i < state->slot_count; i++) {
		if (reaches_place(flow, state->slots[i].value, place)) {
			return true;
		}
	}
	return false;
}

static uint64_t registers_reach(const struct g2s_flow *flow, const struct g2s_state *state,
                                const struct g2s_place *place)
{
	uint64_t mask = 0;
	for (unsigned i = 0; i < G2S_REGISTERS; i++) {
		bool stack = i == flow->m.arch->stack_pointer;
		mask |= (uint64_t)(!stack && reaches_place(flow, state->registers[i], place)) << i;
	}
	return mask;
}

bool g2s_state_shares(struct g2s_flow *flow, const struct g2s_state *state,
                      const struct g2s_place *place, uint64_t *registers)
{
	int64_t escaped = place->offset < 0 ? state->frame_escaped : state->args_escaped;
	*registers = registers_reach(flow, state, place) & flow->m.arch->passed_by_c;
	return escaped < place->offset + (int64_t)place->width || state->widened ||
	       slots_reach(flow, state, place);
}

/* What g2s_flow_stored looks for, and what it has found. */
struct owner {
	struct g2s_flow *flow;
	const struct g2s_place *place;
	uint64_t target;
	g2s_value value;
	bool unclear;
};

static void look_at_owned(struct owner *owner, const struct g2s_state *state,
                          const struct g2s_effect *effect)
{
	struct g2s_flow *flow = owner->flow;
	const struct g2s_place *place = owner->place;
	g2s_value address = state_address(&flow->m, state, &effect->dst);
	unsigned width = effect->dst.width == 0 ? 8 : effect->dst.width;
	int64_t at = 0;
	bool stack = g2s_value_is_stack(flow->m.values, address, &at);
	bool reach = reaches_place(flow, address, place);
	for (unsigned part = 0; effect->op == G2S_OP_MOVE && !stack && part < width; part += 8) {
		/* A pointer to there gets out. */
		g2s_value stored = g2s_state_stored(flow, state, effect, part, 8);
		owner->unclear = owner->unclear || reaches_place(flow, stored, place);
	}
	if (!reach || (stack && effect->op != G2S_OP_FILL && at + width <= place->offset)) {
		return;
	}
	if (!stack || at > place->offset || at + width < place->offset + (int64_t)place->width) {
		owner->unclear = true;
		return;
	}
	g2s_value stored = g2s_state_stored(flow, state, effect, (unsigned)(place->offset - at),
	                                    place->width);
	owner->value = g2s_value_join(flow->m.values, owner->value, stored);
}

static void visit_owned(void *user, const struct g2s_state *state, const struct g2s_insn *insn)
{
	struct owner *owner = user;
	const struct g2s_arch *arch = owner->flow->m.arch;
	uint64_t reach = registers_reach(owner->flow, state, owner->place);
	bool known = insn->step == G2S_STEP_CALL && insn->target == owner->target;
	bool passes = graph_is_call(insn) && !known && (reach & arch->passed_by_c) != 0;
	bool enters = insn->enters != 0 && (reach & arch->passed_to_kernel) != 0;
	owner->unclear = owner->unclear || passes || enters || (insn->reads & reach) != 0 ||
	                 state->widened ||
	                 (graph_is_call(insn) && slots_reach(owner->flow, state, owner->place));
	for (unsigned e = 0; e < insn->effect_count; e++) {
		if (insn->effects[e].dst.kind == G2S_OPERAND_MEMORY) {
			look_at_owned(owner, state, &insn->effects[e]);
		}
	}
}

g2s_value g2s_flow_stored(struct g2s_flow *flow, const struct g2s_place *place, uint64_t target)
{
	struct owner owner = {.flow = flow, .place = place, .target = target};
	if (!flow->too_large && !flow->m.go) {
		g2s_flow_walk(flow, visit_owned, &owner);
	} else {
		owner.unclear = true;
	}
	return owner.unclear ? g2s_value_join(flow->m.values, owner.value,
	                                      g2s_value_unknown(flow->m.values,
	                                                        G2S_REASON_MEMORY))
	                     : owner.value;
}
