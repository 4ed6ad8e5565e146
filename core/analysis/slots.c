/* SPDX-License-Identifier: MIT */
/* The stack slots of a state: looking them up, setting them, losing them, joining them. */
#include "state.h"

#include <limits.h>
#include <string.h>

enum {
	/* Frames beyond this are not followed; no stack is larger. */
	STACK_REACH = 1 << 30,
};

static g2s_value unknown(const struct machine *m, enum g2s_reason reason)
{
	return g2s_value_unknown(m->values, reason);
}

/* The first slot that ends behind offset. */
static uint32_t slot_from(const struct g2s_state *state, int64_t offset)
{
	uint32_t low = 0;
	uint32_t high = state->slot_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct slot *slot = &state->slots[middle];
		if ((int64_t)slot->offset + slot->width <= offset) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* What a slot that is not in the list holds. */
static g2s_value slot_default(const struct machine *m, const struct g2s_state *state,
                              int64_t offset, unsigned width)
{
	if (offset < 0 || offset + width > state->args_known) {
		return unknown(m, G2S_REASON_MEMORY);
	}
	return g2s_value_of(m->values, (struct g2s_atom){.kind = G2S_ATOM_SLOT,
	                                                 .width = (uint8_t)width,
	                                                 .value = (uint64_t)offset});
}

g2s_value state_slot(const struct machine *m, const struct g2s_state *state, int64_t offset,
                     unsigned width)
{
	uint32_t i = slot_from(state, offset);
	if (i == state->slot_count || state->slots[i].offset >= offset + (int64_t)width) {
		return slot_default(m, state, offset, width);
	}
	const struct slot *slot = &state->slots[i];
	if (slot->offset == offset && slot->width >= width) {
		return g2s_value_cut(m->values, slot->value, width);
	}
	int64_t end = (int64_t)slot->offset + slot->width;
	if (slot->offset < offset && slot->width <= 8 && end >= offset + (int64_t)width &&
	    g2s_value_is_listed(m->values, slot->value)) {
		g2s_value shift = g2s_value_const(m->values,
		                                  8 * (uint64_t)(offset - slot->offset));
		return g2s_value_cut(m->values, g2s_value_binary(m->values, G2S_OP_SHR, slot->value,
		                                                 shift, 8), width);
	}
	return unknown(m, G2S_REASON_MEMORY);
}

/* Lets the slots that touch [offset, offset + width) go. */
void slots_forget(struct g2s_state *state, int64_t offset, int64_t width)
{
	uint32_t first = slot_from(state, offset);
	uint32_t last = first;
	while (last < state->slot_count && state->slots[last].offset < offset + width) {
		last++;
	}
	memmove(&state->slots[first], &state->slots[last],
	        (state->slot_count - last) * sizeof(state->slots[0]));
	state->slot_count -= last - first;
}

/* Everything in the caller's region from offset on is unknown for good. */
void slots_lose_args(struct g2s_state *state, int64_t offset)
{
	offset = offset < 0 ? 0 : offset;
	if (offset < state->args_known) {
		state->args_known = (int32_t)offset;
	}
	slots_forget(state, offset, (int64_t)INT32_MAX * 2);
}

/* Puts a slot where none is. */
static void insert_slot(struct g2s_state *state, int64_t offset, unsigned width, g2s_value value)
{
	if (state->slot_count == state->slot_room) {
		if (offset >= 0) {
			slots_lose_args(state, offset);
		}
		return;
	}
	uint32_t at = slot_from(state, offset);
	memmove(&state->slots[at + 1], &state->slots[at],
	        (state->slot_count - at) * sizeof(state->slots[0]));
	state->slots[at] = (struct slot){(int32_t)offset, (uint8_t)width, value};
	state->slot_count++;
}

void slots_set(const struct machine *m, struct g2s_state *state, int64_t offset,
                     unsigned width, g2s_value value)
{
	if (offset < -STACK_REACH || offset > STACK_REACH) {
		return;
	}
	/*
	 * Of a slot that is only partly overwritten the rest is lost; in the caller's region its
	 * default would be wrong, so all of it is.
	 */
	uint32_t i = slot_from(state, offset);
	for (; i < state->slot_count && state->slots[i].offset < offset + (int64_t)width; i++) {
		const struct slot *slot = &state->slots[i];
		bool whole = slot->offset >= offset &&
		             (int64_t)slot->offset + slot->width <= offset + (int64_t)width;
		if (!whole && slot->offset >= 0) {
			slots_lose_args(state, slot->offset);
			break;
		}
	}
	slots_forget(state, offset, width);
	if (value != slot_default(m, state, offset, width)) {
		insert_slot(state, offset, width, value);
	}
}

void slots_restrict(const struct machine *m, struct g2s_state *state, int64_t offset,
                    unsigned width, g2s_value value)
{
	uint32_t i = slot_from(state, offset);
	if (i == state->slot_count || state->slots[i].offset >= offset + (int64_t)width) {
		if (!state->widened && value != slot_default(m, state, offset, width)) {
			slots_set(m, state, offset, width, value);
		}
	} else if (state->slots[i].offset == offset && state->slots[i].width == width) {
		state->slots[i].value = value;
	}
}

bool state_join_value(const struct machine *m, g2s_value *to, g2s_value from, bool widen)
{
	if (*to == from) {
		return false;
	}
	g2s_value joined = g2s_value_join(m->values, *to, from);
	if (joined == *to) {
		return false;
	}
	*to = widen ? g2s_value_widen(m->values, joined) : joined;
	return true;
}

/*
 * Joins slot into a state that has others in part of its place: all of them become one slot,
 * which is unknown and never smaller again, so that joins come to an end.
 */
static bool join_overlap(const struct machine *m, struct g2s_state *to, const struct slot *slot)
{
	g2s_value lost = unknown(m, G2S_REASON_MEMORY);
	int64_t start = slot->offset;
	int64_t end = start + slot->width;
	uint32_t first = slot_from(to, start);
	uint32_t last = first;
	while (last < to->slot_count && to->slots[last].offset < end) {
		int64_t slot_end = (int64_t)to->slots[last].offset + to->slots[last].width;
		start = to->slots[last].offset < start ? to->slots[last].offset : start;
		end = slot_end > end ? slot_end : end;
		last++;
	}
	const struct slot *only = &to->slots[first];
	if (last - first == 1 && only->offset == start && only->value == lost &&
	    (int64_t)only->offset + only->width == end) {
		return false;
	}
	slots_forget(to, start, end - start);
	if (end - start > UINT8_MAX) {
		state_widen(to);
	} else {
		insert_slot(to, start, (unsigned)(end - start), lost);
	}
	return true;
}

/* Joins one slot of another state into a state that may have it, have part of it, or not. */
static bool join_slot(const struct machine *m, struct g2s_state *to, const struct slot *slot,
                      bool widen)
{
	uint32_t at = slot_from(to, slot->offset);
	if (at < to->slot_count && to->slots[at].offset < (int64_t)slot->offset + slot->width) {
		if (to->slots[at].offset == slot->offset && to->slots[at].width == slot->width) {
			return state_join_value(m, &to->slots[at].value, slot->value, widen);
		}
		return join_overlap(m, to, slot);
	}
	g2s_value value = slot_default(m, to, slot->offset, slot->width);
	if (!state_join_value(m, &value, slot->value, widen)) {
		return false;
	}
	slots_set(m, to, slot->offset, slot->width, value);
	return true;
}

static bool same_place(const struct slot *a, const struct slot *b)
{
	return a->offset == b->offset && a->width == b->width;
}

/* Joins the stack slots: those of either side, each against what the other has there. */
bool slots_join(const struct machine *m, struct g2s_state *to,
                       const struct g2s_state *from, bool widen)
{
	bool changed = false;
	uint32_t common = 0;
	/* Most often both know the same places, in the same order. */
	while (common < to->slot_count && common < from->slot_count &&
	       same_place(&to->slots[common], &from->slots[common])) {
		changed = state_join_value(m, &to->slots[common].value, from->slots[common].value,
		                     widen) || changed;
		common++;
	}
	for (uint32_t i = common; i < from->slot_count && !to->widened; i++) {
		changed = join_slot(m, to, &from->slots[i], widen) || changed;
	}
	for (uint32_t i = common; i < to->slot_count; i++) {
		struct slot *slot = &to->slots[i];
		g2s_value other = state_slot(m, from, slot->offset, slot->width);
		changed = state_join_value(m, &slot->value, other, widen) || changed;
	}
	return changed;
}

void state_widen(struct g2s_state *state)
{
	state->widened = true;
	state->slot_count = 0;
	state->args_known = 0;
}
