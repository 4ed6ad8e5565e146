/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_GRAPH_H
#define G2S_ANALYSIS_GRAPH_H

#include "g2s/analysis/flow.h"
#include "state.h"

/* The inside of struct g2s_flow: what flow.c builds and query.c looks at. */

enum {
	NO_BLOCK = -1,
	NO_INSN = -1,
	/*
	 * Most instructions of one function: beyond, only the surroundings of a site are looked
	 * at.
	 */
	GRAPH_INSNS = 1 << 16,
	/* Blocks that an agenda has a bit for: each has an instruction. */
	AGENDA_WORDS = GRAPH_INSNS / 64,
};

/* An instruction and its place in the graph. */
struct node {
	struct g2s_insn insn;
	/* Control can come here from elsewhere than the instruction before. */
	bool leader;
	/* The block that begins here, or NO_BLOCK; and the first node of the block it is in. */
	int32_t block;
	int32_t first;
	/* Of an indirect jump: its first edge plus one, and whether it may lead anywhere. */
	uint32_t edges;
	bool wild;
};

struct block {
	/* Index of the first node. */
	int32_t first;
	/* The state at the start, or NULL while no path has come here. */
	struct g2s_state *state;
	/* Only paths that go on after a call have come here so far. */
	bool doubtful;
	/* How often the state has grown, and the block has been run. */
	uint16_t joins;
	uint16_t runs;
};

/* A set of blocks; tops has a bit for each word that is not 0. */
struct agenda {
	uint64_t words[AGENDA_WORDS];
	uint64_t tops[AGENDA_WORDS / 64];
};

/* Where an indirect jump can go. */
struct edge {
	uint64_t to;
	/* The jump's next edge plus one. */
	uint32_t next;
};

struct g2s_flow {
	struct machine m;
	struct returns returns;
	unsigned inlines_left;
	/* Where the function is entered, and where straight code ends. */
	uint64_t entry;
	uint64_t end;
	struct node *nodes;
	size_t node_count;
	size_t node_capacity;
	/* Open hash from address to index in nodes plus one. */
	uint32_t *index;
	size_t index_size;
	/* Addresses still to be decoded. */
	uint64_t *todo;
	size_t todo_count;
	size_t todo_capacity;
	struct block *blocks;
	size_t block_count;
	size_t block_capacity;
	struct edge *edges;
	size_t edge_count;
	size_t edge_capacity;
	/* Where code is entered with nothing known. */
	uint64_t *seeds;
	size_t seed_count;
	size_t seed_capacity;
	/* Blocks that are to be run; and those where the way on from a call at the end is due. */
	struct agenda pending;
	struct agenda doubts;
	/* Memory for the blocks' states, kept from one run to the next; where the next one goes. */
	unsigned char **chunks;
	size_t chunk_count;
	size_t chunk_capacity;
	size_t chunk_at;
	size_t chunk_used;
	struct g2s_state current;
	/* The node before which current holds, or NO_INSN. */
	int32_t at;
	/*
	 * What holds at jumps that may lead anywhere, joined; it goes to every block.  has_pool:
	 * some path has come to such a jump.
	 */
	struct g2s_state pool;
	bool has_pool;
	bool pool_pending;
	uint16_t pool_joins;
	/* What holds when the branch that ends the block is taken. */
	struct g2s_state taken;
	/* How often loops have been counted on to their end. */
	unsigned counted_on;
	/* The block that runs has run so often that it must be part of a loop that counts. */
	bool counting;
	/*
	 * Instructions run so far, ever; and at which of them the analysis at hand has taken so
	 * long that whatever still changes is given up.
	 */
	uint64_t work;
	uint64_t work_limit;
	bool too_large;
	bool failed;
};

/* Adds a block to an agenda; takes the first one from block from on away, or NO_BLOCK. */
void agenda_add(struct agenda *agenda, int32_t block);
int32_t agenda_take(struct agenda *agenda, int32_t from);

/* Forgets all blocks and their states; frees what they need. */
void blocks_clear(struct g2s_flow *flow);
void blocks_free(struct g2s_flow *flow);

/* Makes a block that begins with a node; false when memory ran out. */
bool blocks_add(struct g2s_flow *flow, int32_t node);

/*
 * Brings state to block to, which is pending when that is news; doubtful: on the way on from a
 * call that may not return.
 */
void blocks_reach(struct g2s_flow *flow, int32_t to, const struct g2s_state *state, bool doubtful);

/* The index of the instruction at addr, or NO_INSN; of the one that follows node i in memory. */
int32_t graph_find(const struct g2s_flow *flow, uint64_t addr);
int32_t graph_next(const struct g2s_flow *flow, int32_t i);

/* True when a jump to addr stays in the analysis: it does not lead to another function's start. */
bool graph_stays(const struct g2s_flow *flow, uint64_t addr);

/*
 * True when the stack in that state is another one for sure: the stack pointer is no place on the
 * function's own, and has not come back from where the function put one.
 */
bool graph_has_left(struct g2s_flow *flow, const struct g2s_state *state);

/* True when control can go on to the instruction behind insn; true when insn is a call. */
bool graph_goes_on(const struct g2s_insn *insn);
bool graph_is_call(const struct g2s_insn *insn);

#endif
