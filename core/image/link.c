/* SPDX-License-Identifier: MIT */
#include "g2s/image/link.h"

#include "libs_parts.h"

#include "g2s/memory.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum {
	LEAST_TABLE = 64,
};

/*
 * --- definitions by name
 * ---------------------------------------------------------------------------
 */

static uint64_t hash_name(struct g2s_bytes name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < name.size; i++) {
		hash = (hash ^ name.data[i]) * UINT64_C(0x100000001b3);
	}
	return hash ^ hash >> 29;
}

static const struct g2s_dynamic_symbol *symbol_of(const struct g2s_link *link,
                                                  const struct g2s_definition *definition)
{
	return &link->objects[definition->object].library->dynamic.symbols[definition->symbol];
}

static bool same(struct g2s_bytes a, struct g2s_bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Where name is in the table, or where it would be. */
static size_t place_of(const struct g2s_link *link, struct g2s_bytes name)
{
	size_t at = (size_t)hash_name(name) & (link->table_size - 1);
	while (link->table[at] != 0 &&
	       !same(symbol_of(link, &link->definitions[link->table[at] - 1])->name, name)) {
		at = (at + 1) & (link->table_size - 1);
	}
	return at;
}

/* Lists all exported symbols, the first of each name in the order of loading at the head. */
static bool list_definitions(struct g2s_link *link)
{
	for (size_t o = 0; o < link->object_count; o++) {
		const struct g2s_dynamic *dynamic = &link->objects[o].library->dynamic;
		for (size_t s = 0; s < dynamic->symbol_count; s++) {
			if (!dynamic->symbols[s].exported || dynamic->symbols[s].name.size == 0) {
				continue;
			}
			if (!g2s_grow(&link->definitions, &link->definition_capacity,
			              link->definition_count + 1, sizeof(*link->definitions)) ||
			    link->definition_count == UINT32_MAX - 1) {
				return false;
			}
			link->definitions[link->definition_count++] = (struct g2s_definition){
				.object = (uint32_t)o, .symbol = (uint32_t)s};
		}
	}
	link->table_size = LEAST_TABLE;
	while (link->table_size < 2 * link->definition_count) {
		link->table_size *= 2;
	}
	link->table = calloc(link->table_size, sizeof(*link->table));
	if (link->table == NULL) {
		return false;
	}
	/* From the last to the first: each goes before those of its name that are there. */
	for (size_t i = link->definition_count; i-- != 0;) {
		size_t at = place_of(link, symbol_of(link, &link->definitions[i])->name);
		link->definitions[i].next = link->table[at];
		link->table[at] = (uint32_t)i + 1;
	}
	return true;
}

const struct g2s_definition *g2s_link_find(const struct g2s_link *link, struct g2s_bytes name)
{
	uint32_t first = link->table[place_of(link, name)];
	return first == 0 ? NULL : &link->definitions[first - 1];
}

const struct g2s_definition *g2s_link_next(const struct g2s_link *link,
                                           const struct g2s_definition *definition)
{
	return definition->next == 0 ? NULL : &link->definitions[definition->next - 1];
}

uint64_t g2s_link_address(const struct g2s_link *link, const struct g2s_definition *definition)
{
	return symbol_of(link, definition)->value + link->objects[definition->object].moved;
}

/*
 * Whether a reference with a version, or none, may be bound to a definition.  One without versions
 * serves everyone.  Who asks for none gets the default, or the oldest where glibc takes the asking
 * object for one that was linked before there were versions: any of them counts.
 */
static bool versions_agree(const struct g2s_dynamic_symbol *reference,
                           const struct g2s_dynamic_symbol *definition)
{
	return reference->version.size == 0 || definition->version.size == 0 ||
	       same(reference->version, definition->version);
}

/* Definitions that a reference can be bound to. */
struct candidates {
	const struct g2s_definition **items;
	size_t count;
	size_t capacity;
};

/* Adds one; versions of a symbol may share an address. */
static bool add_candidate(const struct g2s_link *link, struct candidates *found,
                          const struct g2s_definition *definition)
{
	for (size_t i = 0; i < found->count; i++) {
		if (g2s_link_address(link, found->items[i]) == g2s_link_address(link, definition) &&
		    symbol_of(link, found->items[i])->type == symbol_of(link, definition)->type) {
			return true;
		}
	}
	if (!g2s_grow(&found->items, &found->capacity, found->count + 1, sizeof(*found->items))) {
		return false;
	}
	found->items[found->count++] = definition;
	return true;
}

/*
 * In the order of loading, up to the first object of those loaded at the start that has what is
 * asked for; which of the later ones are asked, and in which order, only the run tells.
 */
static bool add_in_order(const struct g2s_link *link, const struct g2s_dynamic_symbol *reference,
                         bool any_version, struct candidates *found)
{
	uint32_t settled = UINT32_MAX;
	const struct g2s_definition *d = g2s_link_find(link, reference->name);
	for (; d != NULL && (settled == UINT32_MAX || d->object == settled);
	     d = g2s_link_next(link, d)) {
		const struct g2s_dynamic_symbol *symbol = symbol_of(link, d);
		if (!any_version && !versions_agree(reference, symbol)) {
			continue;
		}
		if (!add_candidate(link, found, d)) {
			return false;
		}
		/* One that only some get may be passed over. */
		bool certain = !symbol->hidden || reference->version.size != 0;
		if (d->object < link->started && certain) {
			settled = d->object;
		}
	}
	return true;
}

/* Those of the object itself. */
static bool add_own(const struct g2s_link *link, const struct g2s_dynamic_symbol *reference,
                    size_t object, struct candidates *found)
{
	const struct g2s_definition *d = g2s_link_find(link, reference->name);
	for (; d != NULL; d = g2s_link_next(link, d)) {
		if (d->object == object && versions_agree(reference, symbol_of(link, d)) &&
		    !add_candidate(link, found, d)) {
			return false;
		}
	}
	return true;
}

/*
 * An object that was loaded later than at the start looks into itself, too, and even first when it
 * was loaded so (RTLD_DEEPBIND); others do so where they say it, and not with each dynamic linker.
 */
static bool find_candidates(const struct g2s_link *link, size_t object,
                            const struct g2s_dynamic_symbol *reference, struct candidates *found)
{
	const struct g2s_dynamic *dynamic = &link->objects[object].library->dynamic;
	found->count = 0;
	if (!add_in_order(link, reference, false, found)) {
		return false;
	}
	/* Nobody has the version that is asked for: better another one than none. */
	if (found->count == 0 && !add_in_order(link, reference, true, found)) {
		return false;
	}
	return !(object >= link->started || dynamic->symbolic || reference->kept) ||
	       add_own(link, reference, object, found);
}

/*
 * --- words that wait for symbols
 * -------------------------------------------------------------------
 */

static bool add_slot(struct g2s_link *link, struct g2s_slot slot)
{
	if (!g2s_grow(&link->slots, &link->slot_capacity, link->slot_count + 1,
	              sizeof(*link->slots))) {
		return false;
	}
	link->slots[link->slot_count++] = slot;
	return true;
}

/* The relocation of the image at addr, or NULL. */
static struct g2s_reloc *reloc_at(struct g2s_link *link, uint64_t addr)
{
	struct g2s_elf *elf = &link->elf;
	size_t i = g2s_elf_first_reloc(elf, addr);
	return i < elf->reloc_count && elf->relocs[i].addr == addr ? &elf->relocs[i] : NULL;
}

/* Notes what a word of an object was bound to, alone or as one of several. */
static bool bind_word(struct g2s_link *link, size_t object, const struct g2s_dynamic_reloc *reloc,
                      const struct g2s_definition *definition, bool alone)
{
	const struct g2s_dynamic_symbol *symbol = symbol_of(link, definition);
	uint64_t addr = reloc->addr + link->objects[object].moved;
	uint64_t target = g2s_link_address(link, definition);
	bool resolver = symbol->type == STT_GNU_IFUNC;
	/* A pointer of the program's: where it leads is no more than data. */
	bool data = reloc->type == R_X86_64_64;
	struct g2s_reloc *word = reloc_at(link, addr);
	target += data ? reloc->addend : 0;
	if (word != NULL) {
		word->foreign = resolver || !alone;
		word->value = target;
		word->slot = word->slot || !data;
	}
	return (data && alone && !resolver) ||
	       add_slot(link, (struct g2s_slot){addr, target, resolver});
}

static bool add_copy(struct g2s_link *link, size_t object, const struct g2s_dynamic_reloc *reloc,
                     const struct g2s_dynamic_symbol *symbol)
{
	uint64_t addr = reloc->addr + link->objects[object].moved;
	const struct g2s_definition *d = g2s_link_find(link, symbol->name);
	while (d != NULL && d->object == object) {
		d = g2s_link_next(link, d);
	}
	if (d == NULL) {
		return true;
	}
	if (!g2s_grow(&link->copies, &link->copy_capacity, link->copy_count + 1,
	              sizeof(*link->copies))) {
		return false;
	}
	link->copies[link->copy_count++] = (struct g2s_copy){
		{addr, addr + symbol->size}, g2s_link_address(link, d)};
	return true;
}

static bool bind_reloc(struct g2s_link *link, size_t object, const struct g2s_dynamic_reloc *reloc,
                       struct candidates *found)
{
	const struct g2s_dynamic *dynamic = &link->objects[object].library->dynamic;
	if (reloc->type == R_X86_64_IRELATIVE) {
		uint64_t moved = link->objects[object].moved;
		return add_slot(link, (struct g2s_slot){reloc->addr + moved, reloc->addend + moved,
		                                        true});
	}
	if (reloc->symbol == 0 || reloc->symbol >= dynamic->symbol_count) {
		return true;
	}
	const struct g2s_dynamic_symbol *symbol = &dynamic->symbols[reloc->symbol];
	if (reloc->type == R_X86_64_COPY) {
		return add_copy(link, object, reloc, symbol);
	}
	if (reloc->type != R_X86_64_64 && reloc->type != R_X86_64_GLOB_DAT &&
	    reloc->type != R_X86_64_JUMP_SLOT) {
		return true;
	}
	const struct g2s_definition local = {.object = (uint32_t)object, .symbol = reloc->symbol};
	if (!find_candidates(link, object, symbol, found) ||
	    /* Not for others: local to the object. */
	    (symbol->defined && !symbol->exported && !add_candidate(link, found, &local))) {
		return false;
	}
	for (size_t i = 0; i < found->count; i++) {
		if (!bind_word(link, object, reloc, found->items[i], found->count == 1)) {
			return false;
		}
	}
	return true;
}

static int by_addr(const void *a, const void *b)
{
	const struct g2s_slot *x = a;
	const struct g2s_slot *y = b;
	if (x->addr != y->addr) {
		return x->addr < y->addr ? -1 : 1;
	}
	return x->target < y->target ? -1 : x->target > y->target;
}

static int by_target(const void *a, const void *b)
{
	const struct g2s_slot *x = a;
	const struct g2s_slot *y = b;
	if (x->target != y->target) {
		return x->target < y->target ? -1 : 1;
	}
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static bool bind_relocs(struct g2s_link *link)
{
	struct candidates found = {0};
	bool fine = true;
	for (size_t o = 0; o < link->object_count; o++) {
		const struct g2s_dynamic *dynamic = &link->objects[o].library->dynamic;
		for (size_t r = 0; fine && r < dynamic->reloc_count; r++) {
			fine = bind_reloc(link, o, &dynamic->relocs[r], &found);
		}
	}
	free(found.items);
	return fine;
}

static bool bind_all(struct g2s_link *link)
{
	if (!bind_relocs(link)) {
		return false;
	}
	if (link->slot_count != 0) {
		qsort(link->slots, link->slot_count, sizeof(*link->slots), by_addr);
	}
	size_t kept = 0;
	for (size_t i = 0; i < link->slot_count; i++) {
		if (kept == 0 || by_addr(&link->slots[kept - 1], &link->slots[i]) != 0) {
			link->slots[kept++] = link->slots[i];
		}
	}
	link->slot_count = kept;
	/* What a word with several targets holds is not known. */
	for (size_t i = 1; i < kept; i++) {
		struct g2s_reloc *word = link->slots[i].addr == link->slots[i - 1].addr
		                                 ? reloc_at(link, link->slots[i].addr)
		                                 : NULL;
		if (word != NULL) {
			word->foreign = true;
		}
	}
	link->targets = calloc(kept + 1, sizeof(*link->targets));
	if (link->targets == NULL) {
		return false;
	}
	if (kept != 0) {
		memcpy(link->targets, link->slots, kept * sizeof(*link->targets));
		qsort(link->targets, kept, sizeof(*link->targets), by_target);
	}
	return true;
}

size_t g2s_link_first_target(const struct g2s_link *link, uint64_t target)
{
	size_t low = 0;
	size_t high = link->slot_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (link->targets[middle].target < target) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

const struct g2s_slot *g2s_link_slots(const struct g2s_link *link, uint64_t addr, size_t *count)
{
	size_t low = 0;
	size_t high = link->slot_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (link->slots[middle].addr < addr) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	*count = 0;
	while (low + *count < link->slot_count && link->slots[low + *count].addr == addr) {
		(*count)++;
	}
	return *count == 0 ? NULL : &link->slots[low];
}

/*
 * --- one image
 * -----------------------------------------------------------------------------------
 */

/*
 * Objects that can be moved lie above 4 GiB, where no number of 32 bits in their code looks like an
 * address; with a program that cannot, all code must be within 4 GiB of it.
 */
struct g2s_range libs_room(const struct g2s_elf *program)
{
	static const uint64_t FIRST_PLACE = UINT64_C(1) << 32;
	static const uint64_t PLACE_BESIDE_FIXED = UINT64_C(0x70000000);
	return program->type == ET_EXEC ? (struct g2s_range){PLACE_BESIDE_FIXED, FIRST_PLACE}
	                                : (struct g2s_range){FIRST_PLACE, UINT64_MAX / 2};
}

struct g2s_range libs_extent(const struct g2s_elf *elf)
{
	const struct g2s_segment *last = &elf->segments[elf->segment_count - 1];
	return (struct g2s_range){elf->segments[0].addr, last->addr + last->size};
}

/* Moves the objects to their places; false when there is no room. */
static bool place_objects(struct g2s_link *link, struct g2s_libs *libs)
{
	struct g2s_range room = libs_room(&libs->items[0].elf);
	for (size_t i = 0; i < libs->count; i++) {
		struct g2s_library *library = &libs->items[i];
		struct g2s_object *object = &link->objects[link->object_count++];
		/* It may have been part of another image before. */
		g2s_elf_move(&library->elf, 0 - library->elf.moved);
		struct g2s_range extent = libs_extent(&library->elf);
		object->library = library;
		if (i == 0 && library->elf.type == ET_EXEC) {
			object->range = extent;
			if (extent.end > room.start) {
				return false;
			}
			continue;
		}
		uint64_t size = extent.end - extent.start;
		const uint64_t below = LIBS_PLACE_ALIGN - 1;
		/* What is at the same distance from a page stays so. */
		uint64_t place = ((room.start + below) & ~below) + (extent.start & below);
		if (size > room.end || place > room.end - size) {
			return false;
		}
		object->moved = place - extent.start;
		object->range = (struct g2s_range){place, place + size};
		/* Between two objects: nothing reaches from one into the next by accident. */
		room.start = place + size + LIBS_PLACE_ALIGN;
		g2s_elf_move(&library->elf, object->moved);
	}
	return true;
}

/* Appends count items of another array; false when memory ran out. */
static bool append(void *items, size_t *count, const void *others, size_t more, size_t size)
{
	size_t capacity = *count;
	if (more == 0) {
		return true;
	}
	if (!g2s_grow(items, &capacity, *count + more, size)) {
		return false;
	}
	void *array;
	memcpy(&array, items, sizeof(array));
	memcpy((char *)array + *count * size, others, more * size);
	*count += more;
	return true;
}

static bool join(struct g2s_elf *to, const struct g2s_elf *from, uint32_t object)
{
	to->total_size += from->file.size;
	for (size_t i = 0; i < from->segment_count; i++) {
		from->segments[i].object = object;
	}
	return append(&to->segments, &to->segment_count, from->segments, from->segment_count,
	              sizeof(*to->segments)) &&
	       append(&to->not_code, &to->not_code_count, from->not_code, from->not_code_count,
	              sizeof(*to->not_code)) &&
	       append(&to->relocs, &to->reloc_count, from->relocs, from->reloc_count,
	              sizeof(*to->relocs)) &&
	       append(&to->symbols, &to->symbol_count, from->symbols, from->symbol_count,
	              sizeof(*to->symbols)) &&
	       append(&to->headers, &to->header_count, from->headers, from->header_count,
	              sizeof(*to->headers)) &&
	       append(&to->loader_tables, &to->loader_table_count, from->loader_tables,
	              from->loader_table_count, sizeof(*to->loader_tables)) &&
	       append(&to->unwind, &to->unwind_count, from->unwind, from->unwind_count,
	              sizeof(*to->unwind));
}

static bool join_all(struct g2s_link *link)
{
	const struct g2s_elf *program = &link->objects[0].library->elf;
	link->elf = (struct g2s_elf){
		.file = program->file,
		.moved = program->moved,
		.machine = program->machine,
		.type = program->type,
		.word = program->word,
		.entry = program->entry,
		.interpreter = program->interpreter,
		.program_headers = program->program_headers,
		.section_offset = program->section_offset,
		.section_count = program->section_count,
		.section_size = program->section_size,
		.section_names = program->section_names,
	};
	struct g2s_elf *elf = &link->elf;
	for (size_t i = 0; i < link->object_count; i++) {
		if (!join(elf, &link->objects[i].library->elf, (uint32_t)i)) {
			return false;
		}
	}
	return true;
}

enum g2s_code g2s_link_make(struct g2s_link *link, struct g2s_libs *libs, struct g2s_error *err)
{
	*link = (struct g2s_link){.started = libs->started};
	link->objects = calloc(libs->count, sizeof(*link->objects));
	if (link->objects == NULL) {
		return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
	}
	if (!place_objects(link, libs)) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0,
		                "there is no room for its libraries beside it");
	}
	if (!join_all(link) || !list_definitions(link) || !bind_all(link)) {
		return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
	}
	return G2S_OK;
}

void g2s_link_free(struct g2s_link *link)
{
	g2s_elf_free(&link->elf);
	free(link->objects);
	free(link->slots);
	free(link->targets);
	free(link->copies);
	free(link->definitions);
	free(link->table);
	*link = (struct g2s_link){0};
}

const struct g2s_object *g2s_link_object(const struct g2s_link *link, uint64_t addr)
{
	size_t low = 0;
	size_t high = link->object_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (link->objects[middle].range.end <= addr) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < link->object_count && addr >= link->objects[low].range.start
	               ? &link->objects[low]
	               : NULL;
}
