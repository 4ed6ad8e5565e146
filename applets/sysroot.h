/* SPDX-License-Identifier: MIT */
#ifndef G2S_SYSROOT_H
#define G2S_SYSROOT_H

#include "g2s/image/libs.h"

/*
 * The root file system from which the libraries of a program come.
 *
 * It may be anybody's, and may change under our hands.  Paths are followed by hand, component by
 * component from the descriptor of the root on, none of which the kernel takes for a link: links
 * are read and go on from the root when they are absolute, and ".." never leads above it.  So no
 * kernel is too old, and a filter can look at the flags of each opening (lock.c), which it cannot
 * with openat2.
 */
struct sysroot {
	/* The descriptor of the root; whoever filled it in closes it. */
	int root;
	/* What reads it, for g2s_libs_open; it refers to this structure, which must not move. */
	struct g2s_sysroot files;
};

/* Fills *sysroot in for the directory that root is a descriptor of. */
void sysroot_init(struct sysroot *sysroot, int root);

/* Opens a directory to be a root; -1 with errno. */
int sysroot_open(const char *directory);

/*
 * Where path is, without links and counted from the root file system at directory, which the caller
 * frees; NULL when it is not in there or not known.  For before the lock.
 */
char *sysroot_place(const char *directory, const char *path);

#endif
