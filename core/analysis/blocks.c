/* SPDX-License-Identifier: MIT */
/* The blocks of a function: the states that they begin with, and which of them are to be run. */
#include "graph.h"

#include "g2s/memory.h"

#include <stdlib.h>

enum {
	/*
	 * After a state has grown so often, its stack is given up: every chain of joins must
	 * end.
	 */
	MAX_JOINS = 1000,
	/* Bytes that are allocated at once for states, each a small part of that. */
	CHUNK = 1 << 16,
	/* When the states of one function have so many bytes, no more slots are followed. */
	MAX_BYTES = 48 << 20,
	/* Slots that a new state has room for beside those it begins with. */
	SPARE_SLOTS = 4,
};

/*
 * --- agendas
 * -------------------------------------------------------------------------------------------
 */

void agenda_add(struct agenda *agenda, int32_t block)
{
	uint32_t word = (uint32_t)block / 64;
	agenda->words[word] |= UINT64_C(1) << block % 64;
	agenda->tops[word / 64] |= UINT64_C(1) << word % 64;
}

/* The lowest bit of words, of which there are count, from bit from on; 64 * count: none. */
static uint32_t next_bit(const uint64_t *words, uint32_t count, uint32_t from)
{
	uint64_t mask = UINT64_MAX << from % 64;
	for (uint32_t i = from / 64; i < count; i++) {
		if ((words[i] & mask) != 0) {
			return 64 * i + (uint32_t)__builtin_ctzll(words[i] & mask);
		}
		mask = UINT64_MAX;
	}
	return 64 * count;
}

int32_t agenda_take(struct agenda *agenda, int32_t from)
{
	uint32_t word = (uint32_t)from / 64;
	uint32_t bit = (uint32_t)from;
	if (word >= AGENDA_WORDS) {
		return NO_BLOCK;
	}
	/* The rest of this word, then the first of the words behind it that has anything. */
	if ((agenda->words[word] >> from % 64) == 0) {
		word = next_bit(agenda->tops, AGENDA_WORDS / 64, word + 1);
		if (word == AGENDA_WORDS) {
			return NO_BLOCK;
		}
		bit = 64 * word;
	}
	bit = 64 * word + next_bit(&agenda->words[word], 1, bit % 64);
	agenda->words[word] &= ~(UINT64_C(1) << bit % 64);
	if (agenda->words[word] == 0) {
		agenda->tops[word / 64] &= ~(UINT64_C(1) << word % 64);
	}
	return (int32_t)bit;
}

/*
 * --- states
 * --------------------------------------------------------------------------------------------
 */

void blocks_clear(struct g2s_flow *flow)
{
	flow->block_count = 0;
	flow->chunk_at = 0;
	flow->chunk_used = 0;
}

void blocks_free(struct g2s_flow *flow)
{
	for (size_t i = 0; i < flow->chunk_count; i++) {
		free(flow->chunks[i]);
	}
	free(flow->chunks);
	free(flow->blocks);
}

bool blocks_add(struct g2s_flow *flow, int32_t node)
{
	if (!g2s_grow(&flow->blocks, &flow->block_capacity, flow->block_count + 1,
	              sizeof(*flow->blocks))) {
		return false;
	}
	flow->nodes[node].block = (int32_t)flow->block_count;
	flow->blocks[flow->block_count++] = (struct block){.first = node};
	return true;
}

/*
 * A state of the function at hand with room for so many slots, or for none when its states have
 * become too large; NULL when memory ran out.
 */
static struct g2s_state *new_state(struct g2s_flow *flow, uint32_t slots)
{
	slots = slots > STATE_SLOTS ? STATE_SLOTS : slots;
	slots = flow->chunk_at >= MAX_BYTES / CHUNK ? 0 : slots;
	size_t size = offsetof(struct g2s_state, slots) + slots * sizeof(struct slot);
	size = (size + 7) & ~(size_t)7;
	if (flow->chunk_at < flow->chunk_count && CHUNK - flow->chunk_used < size) {
		flow->chunk_at++;
		flow->chunk_used = 0;
	}
	if (flow->chunk_at == flow->chunk_count) {
		if (!g2s_grow(&flow->chunks, &flow->chunk_capacity, flow->chunk_count + 1,
		              sizeof(*flow->chunks))) {
			return NULL;
		}
		flow->chunks[flow->chunk_count] = malloc(CHUNK);
		if (flow->chunks[flow->chunk_count] == NULL) {
			return NULL;
		}
		flow->chunk_count++;
	}
	void *place = flow->chunks[flow->chunk_at] + flow->chunk_used;
	struct g2s_state *state = place;
	flow->chunk_used += size;
	state->slot_room = slots;
	return state;
}

/* How many slots to may have after from has been joined into it. */
static uint32_t slots_together(const struct g2s_state *to, const struct g2s_state *from)
{
	uint32_t count = to->slot_count;
	uint32_t i = 0;
	for (uint32_t k = 0; k < from->slot_count; k++) {
		while (i < to->slot_count && to->slots[i].offset < from->slots[k].offset) {
			i++;
		}
		count += i == to->slot_count || to->slots[i].offset != from->slots[k].offset;
	}
	return count < STATE_SLOTS ? count : STATE_SLOTS;
}

/*
 * Makes room in a block's state for the slots of another one; when there is none it follows its
 * stack no more, and *changed becomes true.  False when memory ran out.
 */
static bool make_room(struct g2s_flow *flow, struct block *block, const struct g2s_state *from,
                      bool *changed)
{
	struct g2s_state *state = block->state;
	if (state->widened || state->slot_count + from->slot_count <= state->slot_room) {
		return true;
	}
	uint32_t need = slots_together(state, from);
	if (need <= state->slot_room) {
		return true;
	}
	if (flow->chunk_at >= MAX_BYTES / CHUNK) {
		state_widen(state);
		*changed = true;
		return true;
	}
	block->state = new_state(flow, need + need / 2);
	if (block->state == NULL) {
		block->state = state;
		flow->failed = true;
		return false;
	}
	state_copy(block->state, state);
	return true;
}

/* Gives a block its first state. */
static void begin(struct g2s_flow *flow, struct block *block, const struct g2s_state *state)
{
	block->state = new_state(flow, state->slot_count + SPARE_SLOTS);
	if (block->state == NULL) {
		flow->failed = true;
		return;
	}
	state_copy(block->state, state);
}

/* Two states in which the stack pointer is known, and differs. */
static bool stacks_differ(const struct g2s_flow *flow, const struct g2s_state *a,
                          const struct g2s_state *b)
{
	int64_t x, y;
	uint8_t sp = flow->m.arch->stack_pointer;
	return g2s_value_is_stack(flow->m.values, a->registers[sp], &x) &&
	       g2s_value_is_stack(flow->m.values, b->registers[sp], &y) && x != y;
}

/*
 * Compilers put at most filler behind a call that does not return, so that straight decoding runs
 * on into code that belongs to another path, often the function's stack growth, and would mix in
 * a state that never occurs.  The stack pointer gives such a path away: at one place of compiled
 * code its distance from the entry is one number.  A path on from a call (doubtful) therefore
 * never overrules any other.
 */
void blocks_reach(struct g2s_flow *flow, int32_t to, const struct g2s_state *state, bool doubtful)
{
	struct block *block = &flow->blocks[to];
	bool differ = block->state != NULL && stacks_differ(flow, block->state, state);
	if (differ && doubtful) {
		return;
	}
	if (block->state == NULL || (differ && block->doubtful)) {
		begin(flow, block, state);
		agenda_add(&flow->pending, to);
		block->doubtful = doubtful;
		return;
	}
	block->doubtful = block->doubtful && doubtful;
	bool late = flow->work > flow->work_limit;
	bool changed = false;
	if (!make_room(flow, block, state, &changed) ||
	    !(state_join(&flow->m, block->state, state, flow->counting || late) || changed)) {
		return;
	}
	agenda_add(&flow->pending, to);
	block->joins += block->joins < MAX_JOINS;
	if (block->joins == MAX_JOINS || late) {
		state_widen(block->state);
	}
}
