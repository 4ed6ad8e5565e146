/* SPDX-License-Identifier: MIT */
/*
 * Numbers that reach the kernel through a pointer: what stands behind it where it was handed over or
 * stored, and whether that can change until it is loaded.
 *
 * It cannot when everyone who gets the pointer is known and writes nothing there: the functions it
 * is handed to, and, once it has been stored in a global, those that name the global.  Two things
 * are taken for granted: nobody uses a pointer into a frame that is gone, and the kernel writes to
 * what it is handed and to what comes after, not to what comes before.
 */
#include "g2s/memory.h"
#include "trace.h"

#include <stdlib.h>

enum {
	/* Most functions that are looked at for one pointer. */
	MAX_HOLDERS = 64,
	/* Most instructions run for all of them: as in places.c. */
	SOME_WORK = 1 << 20,
	/* A global is named by its address, or by one that far before it. */
	NEAR = 64,
	/* Bytes of a pointer. */
	POINTER = 8,
};

/* A function and a pointer that it gets; or, with entry 0, a global that holds one. */
struct holder {
	uint64_t entry;
	struct g2s_pointer pointer;
};

/* Everyone who gets one pointer. */
struct holders {
	struct trace *trace;
	struct holder items[MAX_HOLDERS];
	size_t count;
	/* The one that is looked at. */
	struct holder now;
	struct kept kept;
};

static bool same_pointer(const struct g2s_pointer *a, const struct g2s_pointer *b)
{
	return a->kind == b->kind && a->value == b->value && a->offset == b->offset &&
	       a->width == b->width;
}

static void lose(struct holders *holders)
{
	holders->kept.whole = false;
}

static void add_holder(struct holders *holders, uint64_t entry, struct g2s_pointer pointer)
{
	for (size_t i = 0; i < holders->count; i++) {
		if (holders->items[i].entry == entry &&
		    same_pointer(&holders->items[i].pointer, &pointer)) {
			return;
		}
	}
	if (holders->count == MAX_HOLDERS) {
		lose(holders);
		return;
	}
	holders->items[holders->count++] = (struct holder){entry, pointer};
}

static void take_handover(void *user, const struct g2s_handover *there)
{
	struct holders *holders = user;
	struct g2s_pointer pointer = holders->now.pointer;
	pointer.kind = there->kind;
	pointer.value = there->kind == G2S_ATOM_GLOBAL ? there->to : there->reg;
	pointer.offset -= there->moved;
	add_holder(holders, there->kind == G2S_ATOM_GLOBAL ? 0 : there->to, pointer);
}

/* Brings the analysis of the function entered at entry into the probe; false: it cannot be. */
static bool probe(struct trace *trace, uint64_t entry)
{
	const struct g2s_function *function = trace_function(trace, entry);
	uint64_t most = trace->program->elf.file.size / 2 + SOME_WORK;
	if (trace->probe == NULL) {
		trace->probe = g2s_flow_new(trace->program->arch, &trace->program->funcs,
		                            &trace->values);
		trace->failed = trace->failed || trace->probe == NULL;
	}
	if (trace->failed || function == NULL || g2s_flow_work(trace->probe) > most) {
		return false;
	}
	if (g2s_flow_run(trace->probe, entry, function->end) != G2S_OK) {
		trace->failed = true;
		return false;
	}
	return true;
}

static void look_at_function(struct holders *holders)
{
	struct trace *trace = holders->trace;
	if (!probe(trace, holders->now.entry) ||
	    !g2s_flow_keeps(trace->probe, &holders->now.pointer, take_handover, holders)) {
		lose(holders);
	}
}

/*
 * True when the operand names the global at addr, or, where its value is an address or the start of
 * one, a place shortly before it.
 */
static bool operand_names(const struct g2s_operand *operand, bool address, uint64_t addr)
{
	uint64_t value = (uint64_t)operand->value;
	bool fixed = operand->kind == G2S_OPERAND_MEMORY && operand->reg == G2S_NO_REGISTER &&
	             operand->index == G2S_NO_REGISTER && !address && operand->width != 0;
	bool named = operand->kind == G2S_OPERAND_MEMORY || operand->kind == G2S_OPERAND_IMMEDIATE;
	return named && value < addr + POINTER && addr < value + (fixed ? operand->width : NEAR);
}

/* True when the instruction of the mark names the global at addr, as far as can be told. */
static bool names(struct trace *trace, const struct sweep_mark *mark, uint64_t addr)
{
	struct g2s_bytes code;
	struct g2s_insn insn;
	const struct g2s_arch *arch = trace->program->arch;
	if (mark->insn == 0 || !g2s_elf_view(&trace->program->elf, mark->insn, &code) ||
	    !arch->decode(arch, code.data, code.size, mark->insn, &insn)) {
		return false;
	}
	/* What has no effects but on the flags reads at most. */
	bool named = insn.effect_count == 0 && (insn.clobbers != 0 || insn.vector_clobbers != 0 ||
	                                        insn.flags == G2S_FLAGS_KEPT);
	for (unsigned e = 0; e < insn.effect_count && !named; e++) {
		const struct g2s_effect *effect = &insn.effects[e];
		named = operand_names(&effect->dst, effect->op == G2S_OP_FILL, addr) ||
		        operand_names(&effect->a, effect->op == G2S_OP_ADDRESS, addr) ||
		        operand_names(&effect->b, false, addr);
	}
	return named;
}

/*
 * The function that holds the first of the marks, which are sorted, and names the global there: all
 * its marks must be reached, or it could do anything.  Answers how many marks are in it.
 */
static size_t look_at_naming(struct holders *holders, const struct sweep_mark *marks, size_t count)
{
	struct trace *trace = holders->trace;
	const struct g2s_function *function = trace_function(trace, marks[0].addr);
	size_t next = 1;
	bool named = false;
	while (function != NULL && next < count && marks[next].addr < function->end) {
		next++;
	}
	for (size_t i = 0; function != NULL && i < next && holders->kept.whole; i++) {
		if (!names(trace, &marks[i], holders->now.pointer.value)) {
			continue;
		}
		if (!named && !probe(trace, function->start)) {
			lose(holders);
			break;
		}
		named = true;
		if (!g2s_flow_reaches(trace->probe, marks[i].insn)) {
			lose(holders);
		}
	}
	if (named && holders->kept.whole &&
	    !g2s_flow_keeps(trace->probe, &holders->now.pointer, take_handover, holders)) {
		lose(holders);
	}
	return next;
}

/*
 * A global that holds the pointer: those that name it may use it.  That there is no other way to it
 * is for the search for its stores to say; see global.c.
 */
static void look_at_global(struct holders *holders)
{
	struct trace *trace = holders->trace;
	uint64_t addr = holders->now.pointer.value;
	struct g2s_window window = {addr < NEAR ? 0 : addr - NEAR + 1, addr + POINTER};
	struct g2s_references found = {0};
	struct sweep_mark *marks = NULL;
	if (!g2s_refs_addresses(&trace->refs, &window, 1, &found) ||
	    (marks = calloc(found.count + 1, sizeof(*marks))) == NULL) {
		trace->failed = true;
	}
	size_t count = 0;
	for (size_t i = 0; i < found.count && !trace->failed; i++) {
		if (found.items[i].kind == G2S_REFERENCE_OPERAND) {
			marks[count++].addr = found.items[i].place;
		}
	}
	if (!trace->failed) {
		trace_sweep(trace, marks, count);
	}
	for (size_t i = 0; i < count && !trace->failed && holders->kept.whole;) {
		i += look_at_naming(holders, &marks[i], count - i);
	}
	free(marks);
	free(found.items);
}

/* Notes that the pointer is in a global, where one question about it is enough. */
static void note_global(struct holders *holders)
{
	const struct g2s_pointer *pointer = &holders->now.pointer;
	struct kept *kept = &holders->kept;
	if (kept->global != 0 &&
	    (kept->global != pointer->value || kept->offset != pointer->offset)) {
		lose(holders);
	}
	kept->global = pointer->value;
	kept->offset = pointer->offset;
}

/* What was found before; NULL when nothing was. */
static const struct kept *find_kept(const struct trace *trace, uint64_t entry,
                                    const struct g2s_pointer *pointer)
{
	uint32_t i = map_get(&trace->kept_by, entry);
	for (; i != 0; i = trace->kept[i - 1].before) {
		if (same_pointer(&trace->kept[i - 1].pointer, pointer)) {
			return &trace->kept[i - 1];
		}
	}
	return NULL;
}

/*
 * Who gets the pointer that the function entered at entry gets, or that a global holds, and whether
 * all of them leave the place behind it alone.
 */
static struct kept keeps(struct trace *trace, uint64_t entry, struct g2s_pointer pointer)
{
	const uint64_t key = pointer.kind == G2S_ATOM_GLOBAL ? pointer.value : entry;
	const struct kept *known = find_kept(trace, key, &pointer);
	if (known != NULL) {
		return *known;
	}
	struct holders holders = {.trace = trace, .kept = {.pointer = pointer, .whole = true}};
	bool pointers = trace->values.pointers;
	add_holder(&holders, pointer.kind == G2S_ATOM_GLOBAL ? 0 : entry, pointer);
	for (size_t i = 0; i < holders.count && holders.kept.whole && !trace->failed; i++) {
		holders.now = holders.items[i];
		if (holders.now.entry != 0) {
			look_at_function(&holders);
		} else {
			note_global(&holders);
			look_at_global(&holders);
		}
	}
	trace->values.pointers = pointers;
	holders.kept.before = map_get(&trace->kept_by, key);
	if (!g2s_grow(&trace->kept, &trace->kept_capacity, trace->kept_count + 1,
	              sizeof(*trace->kept))) {
		trace->failed = true;
		return holders.kept;
	}
	trace->kept[trace->kept_count++] = holders.kept;
	trace->failed = trace->failed ||
	                !map_put(&trace->kept_by, key, (uint32_t)trace->kept_count);
	return holders.kept;
}

struct kept trace_keeps(struct trace *trace, const struct g2s_atom *atom)
{
	bool global = atom->kind == G2S_ATOM_BEHIND_GLOBAL;
	struct g2s_pointer pointer = {
		.kind = global ? G2S_ATOM_GLOBAL : G2S_ATOM_REGISTER,
		.value = atom->value,
		.offset = (int64_t)atom->base,
		.width = atom->width,
	};
	return keeps(trace, g2s_flow_entry(trace->flow), pointer);
}

bool trace_spares(struct trace *trace, uint64_t target, uint8_t reg, int64_t offset,
                  unsigned width)
{
	struct g2s_pointer pointer = {G2S_ATOM_REGISTER, reg, offset, width};
	struct kept kept = keeps(trace, target, pointer);
	return kept.whole && kept.global == 0;
}

/* True when what the instruction calls gets another pointer with which it could change the place. */
static bool is_shared(struct trace *trace, const struct g2s_insn *insn,
                      const struct g2s_state *state, const struct g2s_place *place, uint8_t reg)
{
	uint64_t registers;
	if (g2s_state_shares(trace->flow, state, place, &registers)) {
		return true;
	}
	for (uint8_t i = 0; i < G2S_REGISTERS; i++) {
		size_t count;
		g2s_value value = g2s_state_register(trace->flow, state, i, 8);
		(void)g2s_value_atoms(&trace->values, value, &count);
		for (size_t k = 0; i != reg && (registers >> i & 1) != 0 && k < count; k++) {
			struct g2s_atom atom = g2s_value_atoms(&trace->values, value, &count)[k];
			int64_t offset = place->offset - (int64_t)atom.value;
			if (atom.kind == G2S_ATOM_STACK_ANY ||
			    (atom.kind == G2S_ATOM_STACK &&
			     (insn == NULL || !trace_spares(trace, insn->target, i, offset,
			                                    place->width)))) {
				return true;
			}
		}
	}
	return false;
}

/*
 * What else the place on the caller's stack may hold when the pointer to it outlives the call: all
 * that the caller ever stores there.
 */
static g2s_value stored_there(struct trace *trace, const struct g2s_place *place, uint64_t target)
{
	g2s_value unknown = g2s_value_unknown(&trace->values, G2S_REASON_MEMORY);
	bool pointers = trace->values.pointers;
	uint64_t entry = g2s_flow_entry(trace->flow);
	if (trace->covering || !probe(trace, entry)) {
		return unknown;
	}
	g2s_value value = g2s_flow_stored(trace->probe, place, target);
	trace->values.pointers = pointers;
	return value;
}

g2s_value trace_behind(struct trace *trace, const struct g2s_state *state,
                       const struct g2s_insn *insn, const struct g2s_atom *parameter, bool local)
{
	uint8_t reg = (uint8_t)parameter->value;
	g2s_value unknown = g2s_value_unknown(&trace->values, G2S_REASON_MEMORY);
	g2s_value pointer = g2s_state_register(trace->flow, state, reg, 8);
	g2s_value value = g2s_state_behind(trace->flow, state, pointer, (int64_t)parameter->base,
	                                   parameter->width);
	size_t count;
	(void)g2s_value_atoms(&trace->values, pointer, &count);
	for (size_t i = 0; i < count && !trace->failed; i++) {
		struct g2s_atom atom = g2s_value_atoms(&trace->values, pointer, &count)[i];
		struct g2s_place place = {(int64_t)(atom.value + parameter->base),
		                          parameter->width};
		if (atom.kind != G2S_ATOM_STACK) {
			continue;
		}
		if (local || is_shared(trace, insn, state, &place, reg)) {
			value = g2s_value_join(&trace->values, value, unknown);
		} else if (parameter->stride != 0) {
			uint64_t target = insn == NULL ? 0 : insn->target;
			value = g2s_value_join(&trace->values, value,
			                       stored_there(trace, &place, target));
		}
	}
	if (parameter->is_signed) {
		value = g2s_value_extend(&trace->values, value, parameter->width);
	}
	return value;
}
