/* SPDX-License-Identifier: MIT */
#ifndef G2S_IMAGE_LIBS_H
#define G2S_IMAGE_LIBS_H

#include "g2s/image/dynamic.h"

/*
 * Which files the dynamic linker would load for a program, in the order in which it looks symbols
 * up: the program, what it needs, what those need, breadth first (ld.so(8), musl's ldso/dynlink.c).
 * What depends on the processor or on where the program is started (glibc-hwcaps, relative paths)
 * is noted as missing.  Nothing is opened here: whoever asks hands over a function that opens files
 * of the root file system.
 */

/* A root file system, as far as it may be read. */
struct g2s_sysroot {
	/*
	 * Maps the regular file at path, which is absolute and counts from the root, as
	 * g2s_file_open does.  device and inode tell whether two paths lead to the same file.
	 * G2S_ERR_READ when it cannot be read: err says why, with an empty text when nothing is
	 * there.
	 */
	enum g2s_code (*open)(void *user, const char *path, struct g2s_file *file, uint64_t *device,
	                      uint64_t *inode, struct g2s_error *err);
	/*
	 * Calls visit with the name of each entry of the directory at path, sorted; false when it
	 * cannot be read.
	 */
	bool (*list)(void *user, const char *path, bool (*visit)(void *to, const char *name),
	             void *to);
	void *user;
};

/* A file that is loaded. */
struct g2s_library {
	/*
	 * Where it was found, counted from the root; of the program, what the caller said (NULL
	 * when it is not in the root file system).
	 */
	char *path;
	/* Of the program the caller's, which stays the caller's. */
	struct g2s_file file;
	struct g2s_elf elf;
	struct g2s_dynamic dynamic;
	uint64_t device;
	uint64_t inode;
	/* The index of the one that needs it first; of the program 0. */
	size_t needed_by;
	/* Code asks for it by its name: whatever it exports can be looked up. */
	bool opened;
};

/* A library that was not found, or is not what it should be. */
struct g2s_missing {
	/* As the file that needs it calls it. */
	char *name;
	/* The first one, when it is missing for several in the same way. */
	size_t needed_by;
	/* Why, in words: the places that were looked in, or what is wrong with the file. */
	char *why;
};

/* A name that stands for a file that is loaded. */
struct g2s_libs_name {
	/* NULL where the table is empty. */
	char *name;
	/* SIZE_MAX for the interpreter. */
	size_t index;
};

/* A directory that libraries were looked for in. */
struct g2s_libs_place {
	char *directory;
	/* Which of the directories for some processors are in it, a bit each. */
	unsigned variants;
};

/* A symbol that code asks for by its name. */
struct g2s_libs_root {
	uint32_t object;
	uint32_t symbol;
};

struct g2s_libs {
	/* In the order of loading; items[0] is the program. */
	struct g2s_library *items;
	size_t count;
	size_t capacity;
	/* Those before that index are there at the start; the others come while it runs. */
	size_t started;
	/* The index of the ELF interpreter; SIZE_MAX when there is none. */
	size_t interpreter;
	struct g2s_missing *missing;
	size_t missing_count;
	size_t missing_capacity;
	const struct g2s_sysroot *sysroot;
	/* Directories of ld.so.conf, or of musl's path file, read once. */
	char **directories;
	size_t directory_count;
	size_t directory_capacity;
	bool directories_known;
	/* The interpreter, open until something needs it or all is loaded: then it is an item. */
	struct g2s_library pending;
	bool is_pending;
	/* What of the items is looked up by name; filled in by who finds that out. */
	struct g2s_libs_root *roots;
	size_t root_count;
	size_t root_capacity;
	/* Sonames, and what was asked for: a hash table, a power of two large. */
	struct g2s_libs_name *names;
	size_t name_count;
	size_t name_capacity;
	struct g2s_libs_place *places;
	size_t place_count;
	size_t place_capacity;
	/* Addresses that are taken in an image of all objects (link.h), but for the program's. */
	uint64_t taken;
	/* Files that were tried; files of ld.so.conf that were read. */
	size_t tries;
	size_t config_files;
};

/*
 * Begins with a program: its bytes, and its path counted from the root ($ORIGIN; NULL: unknown).
 * Reads its headers.  A file that is none of ours is G2S_ERR_FORMAT.  Free with g2s_libs_free,
 * after a failure too.  sysroot must outlive libs.
 */
enum g2s_code g2s_libs_open(struct g2s_libs *libs, struct g2s_bytes program, const char *path,
                            const struct g2s_sysroot *sysroot, struct g2s_error *err);

/*
 * Loads the interpreter and all that is needed, to the end.  What is not found is noted in missing.
 * Fails only when memory runs out.
 */
enum g2s_code g2s_libs_load(struct g2s_libs *libs, struct g2s_error *err);

/*
 * Loads a library as dlopen does for the object with the index by: a name with a slash is a path,
 * another one is searched for.  Also what it needs.  *index is where it is, SIZE_MAX when it was
 * not found (noted in missing when required is true).
 */
enum g2s_code g2s_libs_add(struct g2s_libs *libs, const char *name, size_t by, bool required,
                           size_t *index, struct g2s_error *err);

void g2s_libs_free(struct g2s_libs *libs);

#endif
