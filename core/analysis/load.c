/* SPDX-License-Identifier: MIT */
/* What memory holds: at fixed addresses, in tables, on the stack. */
#include "state.h"

#include <elf.h>

static g2s_value unknown(const struct machine *m, enum g2s_reason reason)
{
	return g2s_value_unknown(m->values, reason);
}

/* True when the loader fills in the word at addr. */
static bool is_relocated(const struct g2s_elf *elf, uint64_t addr)
{
	size_t i = g2s_elf_first_reloc(elf, addr);
	return i < elf->reloc_count && elf->relocs[i].addr == addr;
}

/*
 * True for memory that the loader makes read-only, but in which the C library's start code keeps
 * variables that it sets first.  Addresses, number being one, are what it does not compute there.
 */
static bool is_set_early(const struct machine *m, uint64_t addr, uint64_t number)
{
	const struct g2s_elf *elf = m->funcs->elf;
	const struct g2s_segment *segment = g2s_elf_segment(elf, addr);
	if (m->go || segment == NULL || !segment->write) {
		return false;
	}
	return elf->type == ET_DYN || segment->moved ? !is_relocated(elf, addr)
	                                             : g2s_elf_segment(elf, number) == NULL;
}

static g2s_value global(const struct machine *m, uint64_t addr, unsigned width)
{
	return g2s_value_of(m->values, (struct g2s_atom){.kind = G2S_ATOM_GLOBAL,
	                                                 .width = (uint8_t)width,
	                                                 .value = addr});
}

/* What width bytes at a fixed address hold. */
static g2s_value load_fixed(const struct machine *m, uint64_t addr, unsigned width)
{
	const struct g2s_elf *elf = m->funcs->elf;
	uint64_t number;
	if (g2s_elf_segment(elf, addr) == NULL) {
		return unknown(m, G2S_REASON_MEMORY);
	}
	if (g2s_elf_is_writable(elf, addr)) {
		return global(m, addr, width);
	}
	if (!g2s_elf_load(elf, addr, width, &number)) {
		return unknown(m, G2S_REASON_MEMORY);
	}
	return is_set_early(m, addr, number) ? global(m, addr, width)
	                                     : g2s_value_const(m->values, number);
}

/* What width bytes behind what may be a pointer hold. */
static g2s_value load_behind(const struct machine *m, const struct g2s_atom *pointer,
                             unsigned width)
{
	bool global = pointer->kind == G2S_ATOM_GLOBAL;
	if (!m->values->pointers || !g2s_atom_is_pointer(pointer) || pointer->stride != 0) {
		return unknown(m, G2S_REASON_MEMORY);
	}
	return g2s_value_of(m->values, (struct g2s_atom){
					       .kind = global ? G2S_ATOM_BEHIND_GLOBAL
							      : G2S_ATOM_BEHIND_REGISTER,
					       .width = (uint8_t)width,
					       .value = pointer->value,
					       .base = pointer->base,
				       });
}

g2s_value state_load(const struct machine *m, const struct g2s_state *state, g2s_value address,
                     unsigned width)
{
	g2s_value result = G2S_VALUE_NOTHING;
	size_t count;
	unsigned writable = 0;
	(void)g2s_value_atoms(m->values, address, &count);
	for (size_t i = 0; i < count; i++) {
		/* Loading may add sets, so the atoms are looked up anew each time. */
		struct g2s_atom atom = g2s_value_atoms(m->values, address, &count)[i];
		g2s_value one;
		if (atom.kind == G2S_ATOM_CONST) {
			one = load_fixed(m, atom.value, width);
			writable += g2s_elf_is_writable(m->funcs->elf, atom.value);
		} else if (atom.kind == G2S_ATOM_STACK) {
			one = state_slot(m, state, (int64_t)atom.value, width);
		} else {
			one = load_behind(m, &atom, width);
		}
		result = g2s_value_join(m->values, result, one);
	}
	if (writable > 1) {
		/* A table: what is stored to it by index nobody lists. */
		result = g2s_value_join(m->values, result, unknown(m, G2S_REASON_MEMORY));
	}
	return result;
}

/*
 * A load whose address is fixed but for the index: an entry of a table that does not change.  An
 * index all values of which are known needs no table.
 */
static bool load_table(const struct machine *m, const struct g2s_state *state,
                       const struct g2s_operand *operand, g2s_value *out)
{
	uint64_t base = 0;
	if (operand->opaque || operand->index == G2S_NO_REGISTER ||
	    g2s_value_is_listed(m->values, state->registers[operand->index])) {
		return false;
	}
	if (operand->reg != G2S_NO_REGISTER &&
	    !g2s_value_is_const(m->values, state->registers[operand->reg], &base)) {
		return false;
	}
	base += (uint64_t)operand->value;
	const struct g2s_segment *segment = g2s_elf_segment(m->funcs->elf, base);
	if (segment == NULL || g2s_elf_is_writable(m->funcs->elf, base)) {
		return false;
	}
	*out = g2s_value_of(m->values, (struct g2s_atom){.kind = G2S_ATOM_TABLE,
	                                                 .width = operand->width,
	                                                 .stride = operand->scale,
	                                                 .value = base});
	return true;
}

g2s_value state_memory(const struct machine *m, const struct g2s_state *state,
                       const struct g2s_operand *operand, unsigned width)
{
	g2s_value value;
	if (load_table(m, state, operand, &value)) {
		return value;
	}
	g2s_value address = state_address(m, state, operand);
	value = g2s_value_cut(m->values, state_load(m, state, address, width), width);
	uint64_t addr;
	if (operand->index != G2S_NO_REGISTER &&
	    g2s_value_is_const(m->values, address, &addr) &&
	    g2s_elf_is_writable(m->funcs->elf, addr)) {
		/* One entry of a table: see state_load. */
		value = g2s_value_join(m->values, value, unknown(m, G2S_REASON_MEMORY));
	}
	return value;
}
