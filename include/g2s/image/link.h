/* SPDX-License-Identifier: MIT */
#ifndef G2S_IMAGE_LINK_H
#define G2S_IMAGE_LINK_H

#include "g2s/image/libs.h"

/*
 * A program and its libraries as one image in memory, each object at a place of its own, every
 * symbol bound as the dynamic linker binds it (System V gABI, chapter 5; ld.so(8)).  Whoever reads
 * the image sees what a static linker would have made of the same objects.
 */

/* One object of the image. */
struct g2s_object {
	const struct g2s_library *library;
	/* How far it was moved: its own addresses plus this are those of the image. */
	uint64_t moved;
	/* The addresses it takes. */
	struct g2s_range range;
};

/*
 * A word of a GOT that waits for a symbol, and what it was bound to; also one of data, when it is
 * not certain what that is.
 */
struct g2s_slot {
	uint64_t addr;
	uint64_t target;
	/* The target is a function that answers with the address of the real one (IFUNC). */
	bool resolver;
};

/* Memory of the program that starts as a copy of a library's (R_*_COPY). */
struct g2s_copy {
	struct g2s_range to;
	uint64_t from;
};

struct g2s_link {
	/*
	 * All of the image; headers, entry point and section headers are the program's.  It needs
	 * and exports nothing.
	 */
	struct g2s_elf elf;
	/* In the order of the libraries; sorted by address. */
	struct g2s_object *objects;
	size_t object_count;
	/* Those before that index are loaded at the start. */
	size_t started;
	/* Sorted by address.  A slot is there more than once where several definitions may win. */
	struct g2s_slot *slots;
	size_t slot_count;
	size_t slot_capacity;
	/* The same, sorted by target. */
	struct g2s_slot *targets;
	struct g2s_copy *copies;
	size_t copy_count;
	size_t copy_capacity;
	/* Exported symbols by name: open hash of indices, a power of two, 0 is free. */
	struct g2s_definition *definitions;
	size_t definition_count;
	size_t definition_capacity;
	uint32_t *table;
	size_t table_size;
};

/* An exported symbol of an object. */
struct g2s_definition {
	uint32_t object;
	uint32_t symbol;
	/* The next one of the same name in the order of loading, plus one; 0: none. */
	uint32_t next;
};

/*
 * Links all of libs, whose ELF files are moved to their places by it, and which must outlive *link.
 * Only x86-64 is known.  Free with g2s_link_free, after a failure too.
 */
enum g2s_code g2s_link_make(struct g2s_link *link, struct g2s_libs *libs, struct g2s_error *err);
void g2s_link_free(struct g2s_link *link);

/* The object that addr lies in, or NULL. */
const struct g2s_object *g2s_link_object(const struct g2s_link *link, uint64_t addr);

/* The slots at addr, *count of them; NULL when there is none. */
const struct g2s_slot *g2s_link_slots(const struct g2s_link *link, uint64_t addr, size_t *count);

/* The first slot whose target is at or behind target, among those sorted by target. */
size_t g2s_link_first_target(const struct g2s_link *link, uint64_t target);

/* The first definition of name in the order of loading, or NULL. */
const struct g2s_definition *g2s_link_find(const struct g2s_link *link, struct g2s_bytes name);

/* The next definition of the same name, or NULL. */
const struct g2s_definition *g2s_link_next(const struct g2s_link *link,
                                           const struct g2s_definition *definition);

/* The address in the image of what a definition defines. */
uint64_t g2s_link_address(const struct g2s_link *link, const struct g2s_definition *definition);

#endif
