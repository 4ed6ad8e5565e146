/* SPDX-License-Identifier: MIT */
/* Which functions of a library other objects call, by code alone. */
#include "reach.h"

#include "g2s/image/link.h"

#include <stdlib.h>

/* A walk along calls, within one object. */
struct calls {
	const struct reach *reach;
	const struct g2s_object *object;
	bool *known;
	uint32_t *pending;
	size_t count;
};

static void call_function(struct calls *calls, uint64_t addr)
{
	const struct g2s_funcs *funcs = &calls->reach->program->funcs;
	const struct g2s_function *function = g2s_funcs_find(funcs, addr);
	if (function == NULL || addr < calls->object->range.start ||
	    addr >= calls->object->range.end || calls->known[function - funcs->items]) {
		return;
	}
	calls->known[function - funcs->items] = true;
	calls->pending[calls->count++] = (uint32_t)(function - funcs->items);
}

/* The same for what an address or, when there is a slot at it, the slot stands for. */
static void call_address(struct calls *calls, uint64_t addr)
{
	size_t count;
	const struct g2s_slot *slots = g2s_link_slots(calls->reach->program->link, addr, &count);
	for (size_t i = 0; i < count; i++) {
		call_function(calls, slots[i].target);
	}
	call_function(calls, addr);
}

/* What other objects call: all that the program imports, and reached code of libraries. */
static void call_from_outside(struct calls *calls)
{
	const struct reach *reach = calls->reach;
	const struct g2s_program *program = reach->program;
	for (size_t i = 0; i < program->link->slot_count; i++) {
		if (reach_is_whole(reach, program->link->slots[i].addr)) {
			call_function(calls, program->link->slots[i].target);
		}
	}
	for (size_t i = 0; i < reach->reference_count; i++) {
		uint64_t from = program->funcs.items[reach->references[i].from].start;
		bool inside = from >= calls->object->range.start &&
		              from < calls->object->range.end;
		if (!inside && reach->functions[reach->references[i].from]) {
			call_address(calls, reach->references[i].to);
		}
	}
}

bool reach_is_called(const struct reach *reach, uint64_t addr, bool *no_memory)
{
	size_t count = reach->program->funcs.count;
	struct calls calls = {
		.reach = reach,
		.object = g2s_link_object(reach->program->link, addr),
		.known = calloc(count + 1, sizeof(*calls.known)),
		.pending = calloc(count + 1, sizeof(*calls.pending)),
	};
	bool found = false;
	if (calls.known == NULL || calls.pending == NULL) {
		*no_memory = true;
	} else if (calls.object != NULL) {
		call_from_outside(&calls);
	}
	while (calls.count != 0 && !found) {
		size_t index = calls.pending[--calls.count];
		for (size_t i = reach->first[index]; i < reach->first[index + 1]; i++) {
			found = found || reach->references[i].to == addr;
			call_address(&calls, reach->references[i].to);
		}
	}
	free(calls.known);
	free(calls.pending);
	return found;
}
