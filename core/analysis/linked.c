/* SPDX-License-Identifier: MIT */
#include "linked.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* CALL and JMP of an operand in memory at a distance from the instruction: FF 15, FF 25. */
	GROUP_5 = 0xff,
	MODRM_CALL = 0x15,
	MODRM_JUMP = 0x25,
};

static const struct linked_arch *linked_of(const struct g2s_arch *arch)
{
	return (const struct linked_arch *)(const void *)arch;
}

/* What a word at addr is for certain, when it is a slot. */
static bool bound_to(const struct g2s_link *link, uint64_t addr, uint64_t *target)
{
	size_t count;
	if (link->slot_count == 0 || addr < link->slots[0].addr ||
	    addr > link->slots[link->slot_count - 1].addr) {
		return false;
	}
	const struct g2s_slot *slots = g2s_link_slots(link, addr, &count);
	if (count != 1 || slots->resolver) {
		return false;
	}
	*target = slots->target;
	return true;
}

static bool is_at(const struct g2s_operand *operand, uint64_t addr)
{
	return operand->kind == G2S_OPERAND_MEMORY && operand->reg == G2S_NO_REGISTER &&
	       operand->index == G2S_NO_REGISTER && !operand->opaque &&
	       (uint64_t)operand->value == addr;
}

static void relax_step(struct g2s_insn *insn, uint64_t target)
{
	if (insn->step == G2S_STEP_CALL_INDIRECT) {
		insn->step = G2S_STEP_CALL;
	} else if (insn->step == G2S_STEP_JUMP_INDIRECT) {
		insn->step = G2S_STEP_JUMP;
	} else {
		return;
	}
	insn->target = target;
}

static bool decode(const struct g2s_arch *arch, const uint8_t *code, size_t size, uint64_t addr,
                   struct g2s_insn *insn)
{
	const struct linked_arch *linked = linked_of(arch);
	uint64_t target;
	if (!linked->plain->decode(linked->plain, code, size, addr, insn)) {
		return false;
	}
	if (insn->address == 0 || !bound_to(linked->link, insn->address, &target)) {
		return true;
	}
	relax_step(insn, target);
	for (unsigned e = 0; e < insn->effect_count; e++) {
		struct g2s_effect *effect = &insn->effects[e];
		if (effect->op == G2S_OP_MOVE && effect->a.width == arch->word &&
		    is_at(&effect->a, insn->address)) {
			effect->op = G2S_OP_ADDRESS;
			effect->a.value = (int64_t)target;
		}
	}
	return true;
}

static bool skim(const struct g2s_arch *arch, const uint8_t *code, size_t size, uint64_t addr,
                 struct g2s_insn *insn)
{
	const struct linked_arch *linked = linked_of(arch);
	uint64_t target;
	if (!linked->plain->skim(linked->plain, code, size, addr, insn)) {
		return false;
	}
	if (insn->address != 0 && bound_to(linked->link, insn->address, &target)) {
		relax_step(insn, target);
	}
	return true;
}

/* A search for what refers to slots. */
struct slot_search {
	const struct linked_arch *linked;
	const uint8_t *code;
	/* Whom to tell: one of the two. */
	const struct g2s_sink *sink;
	const struct g2s_search *search;
};

/* True when the four bytes at offset are the distance of a CALL or JMP through memory. */
static bool is_branch(const uint8_t *code, size_t offset)
{
	return offset >= 2 && code[offset - 2] == GROUP_5 &&
	       (code[offset - 1] == MODRM_CALL || code[offset - 1] == MODRM_JUMP);
}

static bool found_slot(void *user, size_t offset, uint64_t slot)
{
	const struct slot_search *search = user;
	const struct g2s_sink *sink = search->sink;
	uint64_t target;
	if (!bound_to(search->linked->link, slot, &target)) {
		return true;
	}
	if (is_branch(search->code, offset)) {
		return sink->branch == NULL || sink->branch(sink->user, offset - 2, target);
	}
	return sink->address == NULL || sink->address(sink->user, offset, target);
}

/* The same for a search for everything; its places are distances of 32 bits. */
static bool found_any_slot(void *user, size_t offset, uint64_t slot)
{
	const struct slot_search *found = user;
	const struct g2s_search *search = found->search;
	uint64_t target;
	if (!is_branch(found->code, offset) || !bound_to(found->linked->link, slot, &target) ||
	    target - search->base >= search->span) {
		return true;
	}
	const struct g2s_branch branch = {(uint32_t)(offset - 2),
	                                  (uint32_t)(target - search->base)};
	return search->branches(search->user, &branch, 1);
}

/*
 * The slots that are bound to something in one of the windows, as windows of one byte, sorted; the
 * caller frees them.  NULL with *count 0 when there are none, else when memory ran out.
 */
static struct g2s_window *find_slots(const struct g2s_link *link, const struct g2s_window *windows,
                                     size_t count, size_t *found)
{
	struct g2s_window *slots = NULL;
	size_t all = 0;
	for (unsigned round = 0; round < 2; round++) {
		all = 0;
		for (size_t i = 0; i < count; i++) {
			size_t at = g2s_link_first_target(link, windows[i].start);
			for (; at < link->slot_count && link->targets[at].target < windows[i].end;
			     at++, all++) {
				uint64_t addr = link->targets[at].addr;
				if (slots != NULL) {
					slots[all] = (struct g2s_window){addr, addr + 1};
				}
			}
		}
		*found = all;
		if (all == 0) {
			return NULL;
		}
		if (round == 0) {
			slots = calloc(all, sizeof(*slots));
			if (slots == NULL) {
				return NULL;
			}
		}
	}
	g2s_windows_sort(slots, all);
	size_t kept = 0;
	for (size_t i = 0; i < all; i++) {
		if (kept == 0 || slots[kept - 1].start != slots[i].start) {
			slots[kept++] = slots[i];
		}
	}
	*found = kept;
	return slots;
}

static bool search(const struct g2s_arch *arch, const uint8_t *code, size_t size, uint64_t addr,
                   const struct g2s_search *search)
{
	const struct linked_arch *linked = linked_of(arch);
	const struct g2s_arch *plain = linked->plain;
	const struct g2s_window all = {0, UINT64_MAX};
	size_t count;
	if (!plain->search(plain, code, size, addr, search)) {
		return false;
	}
	if (search->branches == NULL) {
		return true;
	}
	struct g2s_window *slots = find_slots(linked->link, &all, 1, &count);
	struct slot_search found = {.linked = linked, .code = code, .search = search};
	const struct g2s_sink sink = {.address = found_any_slot, .user = &found};
	bool fine = count == 0 ||
	            (slots != NULL &&
	             plain->search_addresses(plain, code, size, addr, G2S_OPERANDS_RELATIVE, slots,
	                                     count, &sink));
	free(slots);
	return fine;
}

static bool search_addresses(const struct g2s_arch *arch, const uint8_t *code, size_t size,
                             uint64_t addr, enum g2s_operands operands,
                             const struct g2s_window *windows, size_t count,
                             const struct g2s_sink *sink)
{
	const struct linked_arch *linked = linked_of(arch);
	const struct g2s_arch *plain = linked->plain;
	size_t slot_count;
	if (!plain->search_addresses(plain, code, size, addr, operands, windows, count, sink)) {
		return false;
	}
	struct g2s_window *slots = find_slots(linked->link, windows, count, &slot_count);
	struct slot_search found = {.linked = linked, .code = code, .sink = sink};
	const struct g2s_sink mine = {.address = found_slot, .user = &found};
	bool fine = slot_count == 0 ||
	            (slots != NULL &&
	             plain->search_addresses(plain, code, size, addr, G2S_OPERANDS_RELATIVE, slots,
	                                     slot_count, &mine));
	free(slots);
	return fine;
}

void linked_arch_make(struct linked_arch *linked, const struct g2s_arch *plain,
                      const struct g2s_link *link)
{
	linked->plain = plain;
	linked->link = link;
	linked->arch = *plain;
	linked->arch.decode = decode;
	linked->arch.skim = skim;
	linked->arch.search = search;
	linked->arch.search_addresses = search_addresses;
}
