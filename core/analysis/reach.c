/* SPDX-License-Identifier: MIT */
#include "reach.h"

#include "g2s/image/goinfo.h"
#include "g2s/image/link.h"
#include "g2s/memory.h"
#include "gaps.h"
#include "sweep.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum {
	/*
	 * How far before an array the address may be that code takes of it: compilers fold the
	 * lowest index, such as that of 'a', into it.
	 */
	FOLDED = 1024,
	/* Entries of a table of distances. */
	TABLE_MOST = 1 << 14,
	/* All tables together: so many entries for each byte of the image, and some more. */
	TABLE_WORK = 1 << 20,
	/* Bytes of a name of a library, and how many of them are believed. */
	LONGEST_NAME = 255,
	MOST_NAMES = 256,
};

/*
 * --- data
 * ----------------------------------------------------------------------------------------
 */

static int by_unit(const void *a, const void *b)
{
	const struct reach_unit *x = a;
	const struct reach_unit *y = b;
	if (x->start != y->start) {
		return x->start < y->start ? -1 : 1;
	}
	return x->end < y->end ? -1 : x->end > y->end;
}

static bool add_unit(struct reach *reach, uint64_t start, uint64_t end, bool symbol)
{
	if (start >= end) {
		return true;
	}
	if (!g2s_grow(&reach->units, &reach->unit_capacity, reach->unit_count + 1,
	              sizeof(*reach->units))) {
		return false;
	}
	reach->units[reach->unit_count++] = (struct reach_unit){start, end, symbol, false};
	return true;
}

/* The symbols of an object that name data with a size; those that overlap become one. */
static bool add_symbols(struct reach *reach, const struct g2s_object *object)
{
	const struct g2s_dynamic *dynamic = &object->library->dynamic;
	size_t first = reach->unit_count;
	for (size_t i = 0; i < dynamic->symbol_count; i++) {
		const struct g2s_dynamic_symbol *symbol = &dynamic->symbols[i];
		uint64_t start = symbol->value + object->moved;
		const struct g2s_segment *segment = g2s_elf_segment(&reach->program->elf, start);
		if (!symbol->defined || symbol->type != STT_OBJECT || symbol->size == 0 ||
		    segment == NULL || start < object->range.start || start >= object->range.end ||
		    symbol->size > segment->addr + segment->size - start) {
			continue;
		}
		if (!add_unit(reach, start, start + symbol->size, true)) {
			return false;
		}
	}
	size_t count = reach->unit_count - first;
	if (count == 0) {
		return true;
	}
	struct reach_unit *units = reach->units + first;
	size_t kept = 0;
	qsort(units, count, sizeof(*units), by_unit);
	for (size_t i = 0; i < count; i++) {
		if (kept != 0 && units[i].start < units[kept - 1].end) {
			if (units[i].end > units[kept - 1].end) {
				units[kept - 1].end = units[i].end;
			}
		} else {
			units[kept++] = units[i];
		}
	}
	reach->unit_count = first + kept;
	return true;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/*
 * Addresses at which no object goes on: the ends of segments, of what becomes read-only, and of
 * sections where there are headers for them.  Sorted, in memory of the caller's; NULL: no memory.
 */
static uint64_t *find_cuts(const struct g2s_elf *elf, size_t *count)
{
	uint64_t *cuts = calloc(4 * elf->segment_count + 2 * (size_t)elf->section_count + 1,
	                        sizeof(*cuts));
	struct g2s_section section;
	*count = 0;
	for (size_t i = 0; cuts != NULL && i < elf->segment_count; i++) {
		const struct g2s_segment *segment = &elf->segments[i];
		cuts[(*count)++] = segment->addr;
		cuts[(*count)++] = segment->addr + segment->size;
		if (segment->write) {
			cuts[(*count)++] = segment->relro.start;
			cuts[(*count)++] = segment->relro.end;
		}
	}
	for (unsigned i = 0; cuts != NULL && i < elf->section_count; i++) {
		if (g2s_elf_section_at(elf, i, &section) && (section.flags & SHF_ALLOC) != 0) {
			cuts[(*count)++] = section.addr;
			cuts[(*count)++] = section.addr + section.size;
		}
	}
	if (cuts != NULL) {
		qsort(cuts, *count, sizeof(*cuts), by_value);
	}
	return cuts;
}

/* What lies between the symbols of an object, which are the units from first on. */
static bool add_rest(struct reach *reach, const struct g2s_object *object, size_t first)
{
	const struct g2s_elf *elf = &object->library->elf;
	size_t last = reach->unit_count;
	size_t next = first;
	size_t count;
	uint64_t *cuts = find_cuts(elf, &count);
	bool fine = cuts != NULL;
	for (size_t i = 0; fine && i + 1 < count; i++) {
		uint64_t at = cuts[i];
		uint64_t end = cuts[i + 1];
		bool mapped = at < end && g2s_elf_segment(elf, at) != NULL;
		while (fine && mapped && at < end) {
			while (next < last && reach->units[next].end <= at) {
				next++;
			}
			bool symbol = next < last && reach->units[next].start < end;
			fine = add_unit(reach, at, symbol ? reach->units[next].start : end, false);
			at = symbol ? reach->units[next].end : end;
		}
	}
	free(cuts);
	return fine;
}

static bool make_units(struct reach *reach)
{
	const struct g2s_link *link = reach->program->link;
	for (size_t o = 0; o < link->object_count; o++) {
		size_t first = reach->unit_count;
		if (!reach->whole[o] && (!add_symbols(reach, &link->objects[o]) ||
		                         !add_rest(reach, &link->objects[o], first))) {
			return false;
		}
	}
	if (reach->unit_count != 0) {
		qsort(reach->units, reach->unit_count, sizeof(*reach->units), by_unit);
	}
	return true;
}

/* The index of the first unit that ends behind addr. */
static size_t unit_behind(const struct reach *reach, uint64_t addr)
{
	size_t low = 0;
	size_t high = reach->unit_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (reach->units[middle].end <= addr) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/*
 * --- what is reached
 * -----------------------------------------------------------------------------
 */

static void reach_unit(struct reach *reach, size_t index)
{
	if (!reach->units[index].reached) {
		reach->units[index].reached = true;
		reach->pending_units[reach->pending_unit_count++] = index;
	}
}

static void reach_data(struct reach *reach, uint64_t addr)
{
	size_t i = unit_behind(reach, addr);
	if (i == reach->unit_count) {
		return;
	}
	bool inside = reach->units[i].start <= addr;
	bool symbol = inside && reach->units[i].symbol;
	if (inside) {
		reach_unit(reach, i++);
	}
	for (; i < reach->unit_count && reach->units[i].start - addr < FOLDED; i++) {
		if (!symbol || !reach->units[i].symbol) {
			reach_unit(reach, i);
		}
	}
}

static void reach_function(struct reach *reach, size_t index)
{
	if (!reach->functions[index]) {
		reach->functions[index] = true;
		reach->pending[reach->pending_count++] = (uint32_t)index;
	}
}

bool reach_is_whole(const struct reach *reach, uint64_t addr)
{
	const struct g2s_link *link = reach->program->link;
	const struct g2s_object *object = g2s_link_object(link, addr);
	return object != NULL && reach->whole[object - link->objects];
}

/* Notes a string that could name a library.  (Others may be told apart later: there are few.) */
static void note_name(struct reach *reach, uint64_t addr)
{
	struct g2s_bytes view;
	struct g2s_bytes text;
	if (!g2s_elf_view(&reach->program->elf, addr, &view) ||
	    !g2s_bytes_string(view, 0, LONGEST_NAME, &text) ||
	    g2s_bytes_find(text, 0, ".so", 3) == SIZE_MAX) {
		return;
	}
	for (size_t i = 0; i < reach->name_count; i++) {
		if (reach->names[i] == addr) {
			return;
		}
	}
	if (reach->name_count == MOST_NAMES) {
		return;
	}
	if (!g2s_grow(&reach->names, &reach->name_capacity, reach->name_count + 1,
	              sizeof(*reach->names))) {
		reach->no_memory = true;
		return;
	}
	reach->names[reach->name_count++] = addr;
}

/*
 * The dynamic linker calls what it has looked up by name: glibc's __libc_early_init and malloc,
 * musl's own later stages.  A string of its that names a symbol stands for that.
 */
static void look_up(struct reach *reach, uint64_t addr)
{
	const struct g2s_program *program = reach->program;
	const struct g2s_link *link = program->link;
	const struct g2s_object *object = g2s_link_object(link, addr);
	struct g2s_bytes view;
	struct g2s_bytes name;
	if (object == NULL || (size_t)(object - link->objects) != program->interpreter ||
	    !g2s_elf_view(&program->elf, addr, &view) ||
	    !g2s_bytes_string(view, 0, LONGEST_NAME, &name) || name.size == 0) {
		return;
	}
	const struct g2s_definition *d = g2s_link_find(link, name);
	for (; d != NULL; d = g2s_link_next(link, d)) {
		const struct g2s_function *function =
			g2s_funcs_find(&program->funcs, g2s_link_address(link, d));
		if (function != NULL) {
			reach_function(reach, (size_t)(function - program->funcs.items));
		}
	}
}

/* Reaches the code or data at addr; a slot stands for what it is bound to. */
static void reach_address(struct reach *reach, uint64_t addr)
{
	const struct g2s_funcs *funcs = &reach->program->funcs;
	const struct g2s_function *function = g2s_funcs_find(funcs, addr);
	size_t count;
	if (function != NULL) {
		reach_function(reach, (size_t)(function - funcs->items));
		return;
	}
	const struct g2s_slot *slots = g2s_link_slots(reach->program->link, addr, &count);
	for (size_t i = 0; i < count; i++) {
		const struct g2s_function *target = g2s_funcs_find(funcs, slots[i].target);
		if (target != NULL) {
			reach_function(reach, (size_t)(target - funcs->items));
		} else if (!reach_is_whole(reach, slots[i].target)) {
			reach_data(reach, slots[i].target);
		}
	}
	if (slots == NULL && !reach_is_whole(reach, addr)) {
		reach_data(reach, addr);
		note_name(reach, addr);
		look_up(reach, addr);
	}
}

/* Reaches what pointers in [start, end) lead to; slots are reached by who refers to them. */
static void reach_pointers(struct reach *reach, uint64_t start, uint64_t end, bool slots)
{
	const struct g2s_elf *elf = &reach->program->elf;
	for (size_t i = g2s_elf_first_reloc(elf, start);
	     i < elf->reloc_count && elf->relocs[i].addr < end; i++) {
		const struct g2s_reloc *reloc = &elf->relocs[i];
		size_t count;
		if (reloc->foreign) {
			const struct g2s_slot *bound =
				g2s_link_slots(reach->program->link, reloc->addr, &count);
			bool data = bound != NULL && !reloc->slot;
			if (data || (slots && bound != NULL)) {
				reach_address(reach, reloc->addr);
			}
		} else if (!reloc->slot || slots) {
			reach_address(reach, reloc->value);
		}
	}
}

/*
 * A table of distances from its own start, as compilers write: entries are looked at as long as
 * they lead to code.  Those of switches lead into the function that uses the table, and where one
 * table ends does not show, so that functions are found by their starts alone.  (A part of a
 * function that was moved away, and only a table leads to, counts as what nothing refers to.)
 */
static void reach_table(struct reach *reach, uint64_t addr)
{
	const struct g2s_elf *elf = &reach->program->elf;
	const struct g2s_funcs *funcs = &reach->program->funcs;
	struct g2s_bytes view;
	if ((addr & 3) != 0 || g2s_elf_is_writable(elf, addr) || g2s_elf_is_code(elf, addr) ||
	    !g2s_elf_view(elf, addr, &view)) {
		return;
	}
	for (size_t i = 0; i < TABLE_MOST && reach->table_work != 0; i++, reach->table_work--) {
		int32_t distance;
		if (!g2s_bytes_has(view, 4 * i, 4)) {
			return;
		}
		memcpy(&distance, view.data + 4 * i, sizeof(distance));
		const struct g2s_function *function =
			distance == 0 ? NULL
				      : g2s_funcs_find(funcs, addr + (uint64_t)(int64_t)distance);
		if (function == NULL) {
			return;
		}
		if (function->start == addr + (uint64_t)(int64_t)distance) {
			reach_function(reach, (size_t)(function - funcs->items));
		}
	}
}

static void follow(struct reach *reach)
{
	while (reach->pending_count != 0 || reach->pending_unit_count != 0) {
		if (reach->pending_unit_count != 0) {
			size_t index = reach->pending_units[--reach->pending_unit_count];
			reach_pointers(reach, reach->units[index].start, reach->units[index].end,
			               false);
			continue;
		}
		size_t index = reach->pending[--reach->pending_count];
		for (size_t i = reach->first[index]; i < reach->first[index + 1]; i++) {
			const struct reach_reference *reference = &reach->references[i];
			reach_address(reach, reference->to);
			if (reference->operand) {
				reach_table(reach, reference->to);
			}
		}
	}
}

/*
 * --- who refers to what
 * --------------------------------------------------------------------------
 */

static bool add_reference(struct reach *reach, uint64_t place, uint64_t to, bool operand)
{
	const struct g2s_funcs *funcs = &reach->program->funcs;
	const struct g2s_function *last = &funcs->items[reach->last];
	if (place < last->start || place >= last->end) {
		last = g2s_funcs_find(funcs, place);
		if (last == NULL) {
			return true;
		}
		reach->last = (size_t)(last - funcs->items);
	}
	if ((to >= last->start && to < last->end) || reach_is_whole(reach, place)) {
		return true;
	}
	if (!g2s_grow(&reach->references, &reach->reference_capacity, reach->reference_count + 1,
	              sizeof(*reach->references))) {
		return false;
	}
	reach->references[reach->reference_count++] =
		(struct reach_reference){to, (uint32_t)reach->last, operand};
	return true;
}

/*
 * Everything that could be a reference of a function, whatever instructions it is made of: for one
 * in which straight decoding meets bytes that are no instruction, as where data stands among code.
 */
static bool add_candidates(struct reach *reach, const struct g2s_function *function)
{
	const struct g2s_elf *elf = &reach->program->elf;
	struct g2s_bytes code;
	if (!g2s_elf_view(elf, function->start, &code)) {
		return true;
	}
	uint64_t size = function->end - function->start;
	for (uint64_t at = 0; at + 4 <= size && at + 4 <= code.size; at++) {
		static const uint8_t immediates[] = {0, 1, 2, 4};
		int32_t distance;
		memcpy(&distance, code.data + at, sizeof(distance));
		uint64_t to = function->start + at + 4 + (uint64_t)(int64_t)distance;
		for (size_t k = 0; k < sizeof(immediates); k++) {
			if (!add_reference(reach, function->start + at, to + immediates[k],
			                   k == 0)) {
				return false;
			}
		}
	}
	return true;
}

/* What the dynamic linker writes into the code of a function (DT_TEXTREL). */
static bool add_relocs(struct reach *reach, const struct g2s_function *function)
{
	const struct g2s_elf *elf = &reach->program->elf;
	for (size_t i = g2s_elf_first_reloc(elf, function->start);
	     i < elf->reloc_count && elf->relocs[i].addr < function->end; i++) {
		const struct g2s_reloc *reloc = &elf->relocs[i];
		size_t count;
		const struct g2s_slot *slots =
			g2s_link_slots(reach->program->link, reloc->addr, &count);
		if (slots == NULL && !reloc->foreign &&
		    !add_reference(reach, reloc->addr, reloc->value, false)) {
			return false;
		}
		for (size_t k = 0; k < count; k++) {
			if (!add_reference(reach, reloc->addr, slots[k].target, false)) {
				return false;
			}
		}
	}
	return true;
}

/* What the instructions of a function refer to, as straight decoding shows them. */
static bool add_function(struct reach *reach, size_t index)
{
	const struct g2s_program *program = reach->program;
	const struct g2s_funcs *funcs = &program->funcs;
	const struct g2s_function *function = &funcs->items[index];
	struct g2s_bytes code;
	bool clean = g2s_elf_view(&program->elf, function->start, &code);
	uint64_t size = function->end - function->start;
	bool goes_on = false;
	struct g2s_insn insn;
	for (uint64_t at = 0; clean && at < size; at += insn.length) {
		uint64_t addr = function->start + at;
		if (!program->arch->skim(program->arch, code.data + at, code.size - (size_t)at,
		                         addr, &insn)) {
			clean = false;
			break;
		}
		bool branch = insn.step == G2S_STEP_JUMP || insn.step == G2S_STEP_BRANCH ||
		              insn.step == G2S_STEP_CALL;
		if ((branch && !add_reference(reach, addr, insn.target, false)) ||
		    (insn.address != 0 && !add_reference(reach, addr, insn.address, true))) {
			return false;
		}
		goes_on = insn.step == G2S_STEP_NEXT || insn.step == G2S_STEP_BRANCH;
	}
	/* Code written by hand runs on into the next function. */
	if ((goes_on || !clean) && index + 1 < funcs->count &&
	    funcs->items[index + 1].start == function->end &&
	    !add_reference(reach, function->start, function->end, false)) {
		return false;
	}
	return add_relocs(reach, function) && (clean || add_candidates(reach, function));
}

static bool add_functions(struct reach *reach)
{
	const struct g2s_funcs *funcs = &reach->program->funcs;
	for (size_t i = 0; i < funcs->count; i++) {
		if (!reach_is_whole(reach, funcs->items[i].start) && !add_function(reach, i)) {
			return false;
		}
	}
	return true;
}

/* Brings the references together by the function they are in. */
static bool sort_references(struct reach *reach)
{
	size_t count = reach->program->funcs.count;
	struct reach_reference *sorted = calloc(reach->reference_count + 1, sizeof(*sorted));
	reach->first = calloc(count + 2, sizeof(*reach->first));
	if (sorted == NULL || reach->first == NULL) {
		free(sorted);
		return false;
	}
	size_t *first = reach->first;
	for (size_t i = 0; i < reach->reference_count; i++) {
		first[reach->references[i].from + 1]++;
	}
	for (size_t i = 0; i < count; i++) {
		first[i + 1] += first[i];
	}
	for (size_t i = reach->reference_count; i-- != 0;) {
		sorted[--first[reach->references[i].from + 1]] = reach->references[i];
	}
	memmove(first, first + 1, count * sizeof(*first));
	first[count] = reach->reference_count;
	free(reach->references);
	reach->references = sorted;
	return true;
}

/*
 * --- where it begins
 * -----------------------------------------------------------------------------
 */

/* True for what compilers and linkers fill the space between functions with. */
static bool is_filler(const struct g2s_program *program, const struct g2s_function *function)
{
	struct g2s_bytes code;
	struct g2s_insn insn;
	for (uint64_t at = function->start; at < function->end; at += insn.length) {
		if (!g2s_elf_view(&program->elf, at, &code) ||
		    !program->arch->decode(program->arch, code.data, code.size, at, &insn)) {
			return false;
		}
		bool idle = insn.step == G2S_STEP_NEXT && insn.enters == 0 &&
		            insn.effect_count == 0 && insn.clobbers == 0 &&
		            insn.flags == G2S_FLAGS_KEPT && insn.vector_clobbers == 0;
		if (!idle && !insn.breakpoint) {
			return false;
		}
	}
	return true;
}

/* What nothing refers to: no code, no pointer, no other object. */
static bool reach_orphans(struct reach *reach)
{
	const struct g2s_program *program = reach->program;
	const struct g2s_funcs *funcs = &program->funcs;
	const struct g2s_link *link = program->link;
	bool *known = calloc(funcs->count + 1, sizeof(*known));
	if (known == NULL) {
		return false;
	}
	for (size_t i = 0; i < reach->reference_count + program->elf.reloc_count +
	                                link->slot_count + link->definition_count;
	     i++) {
		size_t at = i;
		uint64_t to;
		if (at < reach->reference_count) {
			to = reach->references[at].to;
		} else if ((at -= reach->reference_count) < program->elf.reloc_count) {
			to = program->elf.relocs[at].value;
		} else if ((at -= program->elf.reloc_count) < link->slot_count) {
			to = link->slots[at].target;
		} else {
			to = g2s_link_address(link, &link->definitions[at - link->slot_count]);
		}
		const struct g2s_function *function = g2s_funcs_find(funcs, to);
		if (function != NULL) {
			known[function - funcs->items] = true;
		}
	}
	for (size_t i = 0; i < funcs->count; i++) {
		if (!known[i] && !is_filler(program, &funcs->items[i])) {
			reach_function(reach, i);
		}
	}
	free(known);
	return true;
}

static void reach_beginnings(struct reach *reach)
{
	const struct g2s_program *program = reach->program;
	const struct g2s_link *link = program->link;
	for (size_t i = 0; i < program->funcs.count; i++) {
		if (reach_is_whole(reach, program->funcs.items[i].start)) {
			reach->functions[i] = true;
		}
	}
	for (size_t o = 0; o < link->object_count; o++) {
		const struct g2s_object *object = &link->objects[o];
		const struct g2s_dynamic *dynamic = &object->library->dynamic;
		if (reach->whole[o]) {
			reach_pointers(reach, object->range.start, object->range.end, true);
		}
		if (object->library->elf.entry != 0 && program->interpreter == o) {
			reach_address(reach, object->library->elf.entry);
		}
		if (dynamic->init != 0) {
			reach_address(reach, dynamic->init + object->moved);
		}
		if (dynamic->fini != 0) {
			reach_address(reach, dynamic->fini + object->moved);
		}
		for (unsigned a = 0; a < 3; a++) {
			reach_pointers(reach, dynamic->arrays[a].start + object->moved,
			               dynamic->arrays[a].end + object->moved, true);
		}
	}
	for (size_t i = 0; i < link->copy_count; i++) {
		reach_address(reach, link->copies[i].from);
	}
	for (size_t i = 0; i < link->definition_count; i++) {
		if (link->objects[link->definitions[i].object].library->opened) {
			reach_address(reach, g2s_link_address(link, &link->definitions[i]));
		}
	}
	for (size_t i = 0; i < program->libs->root_count; i++) {
		const struct g2s_definition asked = {.object = program->libs->roots[i].object,
		                                     .symbol = program->libs->roots[i].symbol};
		reach_address(reach, g2s_link_address(link, &asked));
	}
}

static bool find_whole(struct reach *reach)
{
	const struct g2s_link *link = reach->program->link;
	reach->whole = calloc(link->object_count + 1, sizeof(*reach->whole));
	for (size_t o = 0; reach->whole != NULL && o < link->object_count; o++) {
		struct g2s_goinfo info = {0};
		if (o != 0) {
			g2s_goinfo_read(&link->objects[o].library->elf, &info);
		}
		reach->whole[o] = o == 0 || info.is_go;
	}
	return reach->whole != NULL;
}

bool reach_find(struct reach *reach, struct g2s_program *program, struct g2s_refs *refs)
{
	*reach = (struct reach){.program = program, .refs = refs};
	reach->table_work = program->elf.total_size + TABLE_WORK;
	if (!gaps_close(program, refs) || !find_whole(reach) || !make_units(reach)) {
		return false;
	}
	size_t count = program->funcs.count;
	reach->functions = calloc(count + 1, sizeof(*reach->functions));
	reach->pending = calloc(count + 1, sizeof(*reach->pending));
	reach->pending_units = calloc(reach->unit_count + 1, sizeof(*reach->pending_units));
	if (reach->functions == NULL || reach->pending == NULL || reach->pending_units == NULL) {
		return false;
	}
	if (count == 0) {
		return true;
	}
	if (!add_functions(reach) || !sort_references(reach) || !reach_orphans(reach)) {
		return false;
	}
	reach_beginnings(reach);
	follow(reach);
	return !reach->no_memory;
}

void reach_free(struct reach *reach)
{
	free(reach->functions);
	free(reach->whole);
	free(reach->units);
	free(reach->references);
	free(reach->first);
	free(reach->pending);
	free(reach->pending_units);
	free(reach->names);
	*reach = (struct reach){0};
}

bool reach_has(const struct reach *reach, uint64_t addr)
{
	const struct g2s_funcs *funcs = &reach->program->funcs;
	if (reach_is_whole(reach, addr)) {
		return true;
	}
	const struct g2s_function *function = g2s_funcs_find(funcs, addr);
	if (function != NULL) {
		return reach->functions[function - funcs->items];
	}
	size_t i = unit_behind(reach, addr);
	return i == reach->unit_count || reach->units[i].start > addr || reach->units[i].reached;
}
