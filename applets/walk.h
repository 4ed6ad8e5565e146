/* SPDX-License-Identifier: MIT */
#ifndef G2S_WALK_H
#define G2S_WALK_H

#include "g2s/error.h"
#include "g2s/image/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

struct progress;

/*
 * What there is to scan: files that were named, and the programs and libraries of root file
 * systems.
 *
 * A root file system may be anybody's, and may change under our hands.  Each file in it is opened
 * from its root on, directory by directory, without following a link, so that nothing outside is
 * ever read; only regular files are opened, and their kind is looked at again once they are open.
 */

/* Which file it is, however it is called. */
struct walk_identity {
	dev_t device;
	ino_t inode;
	/*
	 * Links of one file have these in common as well.  Some file systems give several files
	 * one number, and a file must not be taken for another one.
	 */
	off_t size;
	struct timespec modified;
	struct timespec changed;
};

struct walk_file {
	/* What messages and the stream call it. */
	char *path;
	/* The directory from which it is opened, and what of path to open there. */
	int tree;
	size_t below;
	bool identified;
	struct walk_identity identity;
	/* Other than G2S_OK when it is known already that it cannot be scanned, and why. */
	enum g2s_code code;
	char *why;
};

/* Zero-initialise it. */
struct walk {
	struct walk_file *files;
	size_t count;
	size_t capacity;
	/* The directories that files are opened from. */
	int *trees;
	size_t tree_count;
	size_t tree_capacity;
};

/* Adds a file that was named.  Returns false when memory ran out. */
bool walk_add(struct walk *walk, const char *path);

/*
 * Adds what can be executed in the root file system at directory, in the order of the bytes of
 * their paths: regular files with an ELF header that are neither object files nor core dumps.
 * What cannot be read (a file, a directory, the root itself), and a root without any program, is
 * added as a file with its code.  Directories of the kernel's own file systems (/proc, /sys) are
 * passed over.  Returns false when memory ran out.
 */
bool walk_tree(struct walk *walk, const char *directory, struct progress *progress);

/* Drops files of trees that have been there before; returns false when memory ran out. */
bool walk_unite(struct walk *walk);

/* Maps a file of the list; fails as g2s_file_open does.  Close it with g2s_file_close. */
enum g2s_code walk_open(const struct walk_file *file, struct g2s_file *out,
                        struct g2s_error *err);

void walk_free(struct walk *walk);

#endif
