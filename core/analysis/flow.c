/* SPDX-License-Identifier: MIT */
#include "g2s/analysis/flow.h"

#include "g2s/memory.h"
#include "graph.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* Most entries of a jump table that are believed. */
	MAX_TABLE = 1 << 12,
	/*
	 * A jump that nobody can follow may lead to each of this many instructions, else to
	 * block starts.
	 */
	MAX_WILD = 1 << 11,
	/* Most ways of all jumps together that are followed one by one. */
	MAX_EDGES = 1 << 16,
	/* After the pool of states has grown so often, it gives up what still changes. */
	MAX_POOL_JOINS = 8,
	/* Rounds in which jumps that became known open up new code. */
	MAX_ROUNDS = 16,
	/*
	 * A block that has run so often is in a loop that counts: what it still changes is not
	 * listed.
	 */
	MAX_RUNS = 16,
	/*
	 * Before that, a loop whose end is known is counted on to it at once, so many times in a
	 * function.
	 */
	FEW_RUNS = 8,
	MAX_COUNTED_ON = 8,
	/* Calls of one function that are applied instruction by instruction. */
	MAX_INLINES = 32,
	/*
	 * An analysis that has run its instructions so often, and some more, gives up what still
	 * changes.  Real functions need less than a third of that.
	 */
	MAX_WORK = 32,
	SOME_WORK = 1 << 18,
};

struct g2s_flow *g2s_flow_new(const struct g2s_arch *arch, const struct g2s_funcs *funcs,
                              struct g2s_values *values)
{
	struct g2s_flow *flow = calloc(1, sizeof(*flow));
	if (flow == NULL) {
		return NULL;
	}
	flow->m = (struct machine){arch, funcs, values, false, &flow->returns,
	                            &flow->inlines_left};
	flow->returns = (struct returns){.arch = arch, .funcs = funcs};
	flow->current.slot_room = STATE_SLOTS;
	flow->pool.slot_room = STATE_SLOTS;
	flow->taken.slot_room = STATE_SLOTS;
	flow->index_size = 1024;
	flow->index = calloc(flow->index_size, sizeof(*flow->index));
	if (flow->index == NULL) {
		g2s_flow_free(flow);
		return NULL;
	}
	return flow;
}

void g2s_flow_free(struct g2s_flow *flow)
{
	if (flow == NULL) {
		return;
	}
	blocks_free(flow);
	returns_free(&flow->returns);
	free(flow->nodes);
	free(flow->index);
	free(flow->todo);
	free(flow->edges);
	free(flow->seeds);
	free(flow);
}

static size_t hash_addr(uint64_t addr)
{
	return (size_t)(addr * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

int32_t graph_find(const struct g2s_flow *flow, uint64_t addr)
{
	size_t mask = flow->index_size - 1;
	for (size_t at = hash_addr(addr) & mask; flow->index[at] != 0; at = (at + 1) & mask) {
		if (flow->nodes[flow->index[at] - 1].insn.addr == addr) {
			return (int32_t)flow->index[at] - 1;
		}
	}
	return NO_INSN;
}

static void put_index(struct g2s_flow *flow, uint32_t node)
{
	size_t mask = flow->index_size - 1;
	size_t at = hash_addr(flow->nodes[node].insn.addr) & mask;
	while (flow->index[at] != 0) {
		at = (at + 1) & mask;
	}
	flow->index[at] = node + 1;
}

static bool index_node(struct g2s_flow *flow, uint32_t node)
{
	if (flow->node_count * 2 > flow->index_size) {
		size_t size = flow->index_size * 4;
		uint32_t *index = calloc(size, sizeof(*index));
		if (index == NULL) {
			return false;
		}
		free(flow->index);
		flow->index = index;
		flow->index_size = size;
		for (uint32_t i = 0; i < node; i++) {
			put_index(flow, i);
		}
	}
	put_index(flow, node);
	return true;
}

static void push_todo(struct g2s_flow *flow, uint64_t addr)
{
	if (!g2s_grow(&flow->todo, &flow->todo_capacity, flow->todo_count + 1,
	              sizeof(*flow->todo))) {
		flow->failed = true;
		return;
	}
	flow->todo[flow->todo_count++] = addr;
}

/*
 * True when a jump to addr stays in this analysis.  The start of another function ends the
 * path: that is a tail call. So does code that no segment holds.
 */
bool graph_stays(const struct g2s_flow *flow, uint64_t addr)
{
	/* The usual case, without a look at the table of functions. */
	if (addr >= flow->entry && addr < flow->end) {
		return true;
	}
	const struct g2s_function *function = g2s_funcs_find(flow->m.funcs, addr);
	if (function == NULL) {
		return g2s_elf_is_code(flow->m.funcs->elf, addr);
	}
	return function->start != addr;
}

static void add_leader(struct g2s_flow *flow, uint64_t addr)
{
	int32_t node = graph_find(flow, addr);
	if (node != NO_INSN) {
		flow->nodes[node].leader = true;
	} else {
		push_todo(flow, addr);
	}
}

bool graph_goes_on(const struct g2s_insn *insn)
{
	switch (insn->step) {
	case G2S_STEP_JUMP:
	case G2S_STEP_JUMP_INDIRECT:
	case G2S_STEP_RETURN:
	case G2S_STEP_STOP:
		return false;
	default:
		return true;
	}
}

/* Decodes straight on from addr until the path ends or meets what is known. */
static void decode_run(struct g2s_flow *flow, uint64_t addr)
{
	bool leader = true;
	struct g2s_bytes code;
	if (!g2s_elf_is_code(flow->m.funcs->elf, addr) ||
	    !g2s_elf_view(flow->m.funcs->elf, addr, &code)) {
		return;
	}
	for (;;) {
		int32_t known = graph_find(flow, addr);
		if (known != NO_INSN) {
			flow->nodes[known].leader = true;
			return;
		}
		if (flow->node_count == GRAPH_INSNS) {
			flow->too_large = true;
			return;
		}
		if (!g2s_grow(&flow->nodes, &flow->node_capacity, flow->node_count + 1,
		              sizeof(*flow->nodes))) {
			flow->failed = true;
			return;
		}
		struct node *node = &flow->nodes[flow->node_count];
		if (!flow->m.arch->decode(flow->m.arch, code.data, code.size, addr, &node->insn)) {
			return;
		}
		node->leader = leader;
		node->block = NO_BLOCK;
		node->edges = 0;
		node->wild = false;
		leader = false;
		if (!index_node(flow, (uint32_t)flow->node_count++)) {
			flow->failed = true;
			return;
		}
		/* push_todo may not move nodes, but the next turn of the loop may. */
		const struct g2s_insn insn = node->insn;
		if ((insn.step == G2S_STEP_JUMP || insn.step == G2S_STEP_BRANCH) &&
		    graph_stays(flow, insn.target)) {
			add_leader(flow, insn.target);
		}
		leader = insn.step == G2S_STEP_BRANCH;
		addr += insn.length;
		if (!graph_goes_on(&insn) || addr == flow->end || !graph_stays(flow, addr) ||
		    !g2s_bytes_slice(code, insn.length, code.size - insn.length, &code)) {
			return;
		}
	}
}

static void decode_all(struct g2s_flow *flow)
{
	while (flow->todo_count != 0 && !flow->failed) {
		decode_run(flow, flow->todo[--flow->todo_count]);
	}
}

static int by_addr(const void *a, const void *b)
{
	const struct node *x = a;
	const struct node *y = b;
	return x->insn.addr < y->insn.addr ? -1 : x->insn.addr > y->insn.addr;
}

/* Sorts the nodes by address and makes a block of each leader. */
static void build_blocks(struct g2s_flow *flow)
{
	bool sorted = true;
	for (size_t i = 1; i < flow->node_count && sorted; i++) {
		sorted = flow->nodes[i - 1].insn.addr < flow->nodes[i].insn.addr;
	}
	if (!sorted) {
		qsort(flow->nodes, flow->node_count, sizeof(*flow->nodes), by_addr);
		memset(flow->index, 0, flow->index_size * sizeof(*flow->index));
		for (uint32_t i = 0; i < flow->node_count; i++) {
			put_index(flow, i);
		}
	}
	blocks_clear(flow);
	flow->at = NO_INSN;
	for (size_t i = 0; i < flow->node_count; i++) {
		flow->nodes[i].block = NO_BLOCK;
		if (!flow->nodes[i].leader) {
			/* The instructions of a block stand one behind the other. */
			bool follows = i != 0 && graph_next(flow, (int32_t)i - 1) == (int32_t)i;
			flow->nodes[i].first = follows ? flow->nodes[i - 1].first : NO_INSN;
			continue;
		}
		flow->nodes[i].first = (int32_t)i;
		if (!blocks_add(flow, (int32_t)i)) {
			flow->failed = true;
			return;
		}
	}
}

/* The node that follows node i in memory, or NO_INSN. */
int32_t graph_next(const struct g2s_flow *flow, int32_t i)
{
	uint64_t addr = flow->nodes[i].insn.addr + flow->nodes[i].insn.length;
	if ((size_t)i + 1 < flow->node_count && flow->nodes[i + 1].insn.addr == addr) {
		return i + 1;
	}
	return addr == flow->end ? NO_INSN : graph_find(flow, addr);
}

static void to_address(struct g2s_flow *flow, uint64_t addr, const struct g2s_state *state)
{
	int32_t node = graph_find(flow, addr);
	if (node != NO_INSN && flow->nodes[node].block != NO_BLOCK) {
		blocks_reach(flow, flow->nodes[node].block, state, false);
	}
}

bool graph_is_call(const struct g2s_insn *insn)
{
	return insn->step == G2S_STEP_CALL || insn->step == G2S_STEP_CALL_INDIRECT;
}

/* Code that does nothing: what compilers put behind a call that does not return. */
static bool is_filler(const struct g2s_insn *insn)
{
	return insn->step == G2S_STEP_NEXT && insn->effect_count == 0 && insn->clobbers == 0 &&
	       insn->vector_clobbers == 0 && insn->enters == 0;
}

/* Joins state into what holds at jumps that may lead anywhere. */
static void join_pool(struct g2s_flow *flow, const struct g2s_state *state)
{
	if (!flow->has_pool) {
		state_copy(&flow->pool, state);
		flow->has_pool = true;
		flow->pool_pending = true;
		return;
	}
	bool widen = flow->counting || flow->pool_joins == MAX_POOL_JOINS;
	if (state_join(&flow->m, &flow->pool, state, widen)) {
		flow->pool_pending = true;
		if (flow->pool_joins < MAX_POOL_JOINS) {
			flow->pool_joins++;
		} else {
			state_widen(&flow->pool);
		}
	}
}

/* Carries state to wherever the indirect jump may lead. */
static void leave_by(struct g2s_flow *flow, const struct node *jump, const struct g2s_state *state)
{
	for (uint32_t e = jump->edges; e != 0; e = flow->edges[e - 1].next) {
		to_address(flow, flow->edges[e - 1].to, state);
	}
	if (jump->wild) {
		join_pool(flow, state);
	}
}

/* False when insn is a call that never comes back.  Of Go's functions hardly any can be told. */
static bool comes_back(struct g2s_flow *flow, const struct g2s_insn *insn)
{
	return flow->m.go || insn->step != G2S_STEP_CALL ||
	       returns_from(&flow->returns, insn->target);
}

/*
 * The loop that the branch insn goes back in is counted on to its end; then all blocks may run as
 * often again, to see what comes of it.
 */
static void count_on(struct g2s_flow *flow, const struct g2s_insn *insn, struct g2s_state *state)
{
	if (insn->target > insn->addr || flow->counted_on == MAX_COUNTED_ON ||
	    !compare_count_on(&flow->m, state, insn)) {
		return;
	}
	flow->counted_on++;
	flow->counting = false;
	for (size_t i = 0; i < flow->block_count; i++) {
		flow->blocks[i].runs = 0;
	}
}

/* Carries state, which holds before the jump or branch that ends block, to its target. */
static void take_jump(struct g2s_flow *flow, int32_t block, const struct g2s_insn *insn,
                      const struct g2s_state *state)
{
	if (compare_proves(state, insn)) {
		state_copy(&flow->taken, state);
		state = &flow->taken;
		if (flow->blocks[block].runs >= FEW_RUNS) {
			count_on(flow, insn, &flow->taken);
		}
		if (!compare_branch(&flow->m, &flow->taken, insn, true)) {
			return;
		}
	}
	to_address(flow, insn->target, state);
}

/*
 * Carries a block's state through it and on to its successors; last_doubt: to the doubtful one,
 * too.
 */
static void run_block(struct g2s_flow *flow, int32_t index, bool last_doubt)
{
	int32_t i = flow->blocks[index].first;
	struct g2s_state *state = &flow->current;
	flow->at = NO_INSN;
	/* Nothing but filler stands between here and the last call. */
	bool doubtful = false;
	state_copy(state, flow->blocks[index].state);
	flow->counting = flow->blocks[index].runs >= MAX_RUNS;
	flow->blocks[index].runs += !flow->counting;
	for (;;) {
		const struct g2s_insn *insn = &flow->nodes[i].insn;
		doubtful = graph_is_call(insn) || (doubtful && is_filler(insn));
		if (state_traps(&flow->m, state, insn)) {
			return;
		}
		state_step(&flow->m, state, insn);
		flow->work++;
		if ((insn->step == G2S_STEP_JUMP || insn->step == G2S_STEP_BRANCH) && !last_doubt) {
			take_jump(flow, index, insn, state);
		}
		if (!compare_branch(&flow->m, state, insn, false)) {
			return;
		}
		if (insn->step == G2S_STEP_JUMP_INDIRECT && !last_doubt) {
			leave_by(flow, &flow->nodes[i], state);
		}
		int32_t next = graph_goes_on(insn) ? graph_next(flow, i) : NO_INSN;
		if (next == NO_INSN || !comes_back(flow, insn)) {
			return;
		}
		int32_t block = flow->nodes[next].block;
		if (block == NO_BLOCK) {
			i = next;
			continue;
		}
		if (doubtful && !last_doubt) {
			agenda_add(&flow->doubts, index);
		} else if (doubtful || !last_doubt) {
			blocks_reach(flow, block, state, doubtful);
		}
		return;
	}
}

/* Runs the blocks on an agenda, each once, lowest address first; true when there were any. */
static bool run_agenda(struct g2s_flow *flow, struct agenda *agenda, bool last_doubt)
{
	bool any = false;
	for (int32_t i = agenda_take(agenda, 0); i != NO_BLOCK && !flow->failed;
	     i = agenda_take(agenda, i + 1)) {
		run_block(flow, i, last_doubt);
		any = true;
	}
	return any;
}

/*
 * Runs blocks, lowest address first, until no state changes; paths in doubt only when nothing
 * else is left.
 */
static void run_to_fixpoint(struct g2s_flow *flow)
{
	bool changed = true;
	while (changed && !flow->failed) {
		changed = run_agenda(flow, &flow->pending, false);
		if (!changed && flow->pool_pending) {
			flow->pool_pending = false;
			flow->counting = false;
			for (size_t i = 0; i < flow->block_count; i++) {
				blocks_reach(flow, (int32_t)i, &flow->pool, false);
			}
			changed = true;
		}
		changed = changed || run_agenda(flow, &flow->doubts, true);
	}
}

/*
 * A jump that may lead anywhere in the function: to each instruction, or, when they are many,
 * to each block.  True when that is news.
 */
static bool follow_wild(struct g2s_flow *flow, int32_t node)
{
	bool news = !flow->nodes[node].wild;
	flow->nodes[node].wild = true;
	for (size_t i = 0; i < flow->node_count && flow->node_count <= MAX_WILD; i++) {
		news = news || !flow->nodes[i].leader;
		flow->nodes[i].leader = true;
	}
	return news;
}

/* Adds a way from the indirect jump of node; true when it is new. */
static bool add_edge(struct g2s_flow *flow, int32_t node, uint64_t to)
{
	for (uint32_t e = flow->nodes[node].edges; e != 0; e = flow->edges[e - 1].next) {
		if (flow->edges[e - 1].to == to) {
			return false;
		}
	}
	if (!graph_stays(flow, to)) {
		return false;
	}
	if (flow->edge_count == MAX_EDGES) {
		return follow_wild(flow, node);
	}
	if (!g2s_grow(&flow->edges, &flow->edge_capacity, flow->edge_count + 1,
	              sizeof(*flow->edges))) {
		flow->failed = true;
		return false;
	}
	flow->edges[flow->edge_count++] = (struct edge){to, flow->nodes[node].edges};
	flow->nodes[node].edges = (uint32_t)flow->edge_count;
	add_leader(flow, to);
	return true;
}

/*
 * The entries of a jump table lead into the function; the first that does not is no entry any
 * more.  A table that runs into the next one costs precision only.
 */
static bool follow_table(struct g2s_flow *flow, int32_t node, const struct g2s_atom *table)
{
	bool added = false;
	uint64_t from = flow->nodes[node].insn.addr;
	const struct g2s_function *self = g2s_funcs_find(flow->m.funcs, from);
	for (uint64_t i = 0; i < MAX_TABLE && table->stride != 0; i++) {
		uint64_t entry;
		if (!g2s_elf_load(flow->m.funcs->elf, table->value + i * table->stride,
		                  table->width, &entry)) {
			break;
		}
		if (table->width == 4 && (table->is_signed || table->base != 0)) {
			entry = (uint64_t)(int64_t)(int32_t)(uint32_t)entry;
		}
		entry += table->base;
		const struct g2s_function *function = g2s_funcs_find(flow->m.funcs, entry);
		if (!g2s_elf_is_code(flow->m.funcs->elf, entry) || function != self) {
			break;
		}
		added = add_edge(flow, node, entry) || added;
	}
	return added;
}

/* Looks at where one indirect jump can go; true when that opened a new way. */
static bool follow_jump(struct g2s_flow *flow, int32_t node)
{
	const struct g2s_insn *insn = &flow->nodes[node].insn;
	const struct g2s_state *state = g2s_flow_before(flow, insn->addr);
	if (state == NULL || insn->target_operand.kind == G2S_OPERAND_NONE) {
		return false;
	}
	g2s_value target = state_operand(&flow->m, state, &insn->target_operand);
	int64_t sp;
	bool popped = g2s_value_is_stack(flow->m.values,
	                                 state->registers[flow->m.arch->stack_pointer], &sp) &&
	              sp == 0;
	/* As longjmp goes elsewhere with a stack that it was handed. */
	popped = popped || graph_has_left(flow, state);
	bool added = false;
	size_t count;
	(void)g2s_value_atoms(flow->m.values, target, &count);
	for (size_t i = 0; i < count; i++) {
		struct g2s_atom atom = g2s_value_atoms(flow->m.values, target, &count)[i];
		if (atom.kind == G2S_ATOM_CONST) {
			added = add_edge(flow, node, atom.value) || added;
		} else if (atom.kind == G2S_ATOM_TABLE) {
			added = follow_table(flow, node, &atom) || added;
		} else if (!popped) {
			/*
			 * With its frame gone a function that jumps to an unknown place calls
			 * it.
			 */
			added = follow_wild(flow, node) || added;
		}
	}
	return added;
}

static bool follow_jumps(struct g2s_flow *flow)
{
	bool added = false;
	size_t count = flow->node_count;
	for (size_t i = 0; i < count; i++) {
		if (flow->nodes[i].insn.step == G2S_STEP_JUMP_INDIRECT) {
			added = follow_jump(flow, (int32_t)i) || added;
		}
	}
	return added;
}

static void seed_block(struct g2s_flow *flow, uint64_t addr, bool at_entry)
{
	struct g2s_state *state = &flow->current;
	flow->at = NO_INSN;
	flow->counting = false;
	if (at_entry) {
		state_enter(&flow->m, state);
	} else {
		state_unknown(&flow->m, state);
	}
	to_address(flow, addr, state);
}

static enum g2s_code analyse(struct g2s_flow *flow)
{
	for (unsigned round = 0; round < MAX_ROUNDS; round++) {
		decode_all(flow);
		build_blocks(flow);
		if (flow->failed) {
			break;
		}
		flow->has_pool = false;
		flow->pool_pending = false;
		flow->pool_joins = 0;
		flow->counted_on = 0;
		flow->work += flow->node_count;
		flow->work_limit = flow->work + MAX_WORK * flow->node_count + SOME_WORK;
		seed_block(flow, flow->entry, true);
		for (size_t i = 0; i < flow->seed_count; i++) {
			seed_block(flow, flow->seeds[i], false);
		}
		run_to_fixpoint(flow);
		if (flow->failed || !follow_jumps(flow)) {
			break;
		}
	}
	return flow->failed || flow->m.values->failed ? G2S_ERR_MEMORY : G2S_OK;
}

const struct g2s_state *g2s_flow_straight(struct g2s_flow *flow, uint64_t start, uint64_t addr,
                                          struct g2s_insn *insn)
{
	struct g2s_bytes code;
	flow->m.go = g2s_funcs_calls_as_go(flow->m.funcs, start);
	flow->m.values->pointers = !flow->m.go;
	flow->at = NO_INSN;
	state_unknown(&flow->m, &flow->current);
	if (!g2s_elf_view(flow->m.funcs->elf, start, &code)) {
		return NULL;
	}
	for (uint64_t at = start;; at += insn->length) {
		size_t offset = (size_t)(at - start);
		if (at > addr || offset >= code.size ||
		    !flow->m.arch->decode(flow->m.arch, code.data + offset, code.size - offset, at,
		                          insn)) {
			return NULL;
		}
		if (at == addr) {
			return &flow->current;
		}
		if (!graph_goes_on(insn)) {
			return NULL;
		}
		flow->work++;
		state_step(&flow->m, &flow->current, insn);
		if (!compare_branch(&flow->m, &flow->current, insn, false)) {
			return NULL;
		}
	}
}

enum g2s_code g2s_flow_run(struct g2s_flow *flow, uint64_t entry, uint64_t end)
{
	flow->m.go = g2s_funcs_calls_as_go(flow->m.funcs, entry);
	flow->m.values->pointers = !flow->m.go;
	flow->entry = entry;
	flow->end = end;
	flow->node_count = 0;
	flow->edge_count = 0;
	flow->seed_count = 0;
	flow->todo_count = 0;
	flow->too_large = false;
	flow->inlines_left = MAX_INLINES;
	memset(flow->index, 0, flow->index_size * sizeof(*flow->index));
	push_todo(flow, entry);
	return analyse(flow);
}

enum g2s_code g2s_flow_cover(struct g2s_flow *flow, const uint64_t *starts, size_t count)
{
	if (!g2s_grow(&flow->seeds, &flow->seed_capacity, flow->seed_count + count,
	              sizeof(*flow->seeds))) {
		return G2S_ERR_MEMORY;
	}
	for (size_t i = 0; i < count; i++) {
		flow->seeds[flow->seed_count++] = starts[i];
		add_leader(flow, starts[i]);
	}
	return analyse(flow);
}
