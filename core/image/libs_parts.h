/* SPDX-License-Identifier: MIT */
#ifndef G2S_IMAGE_LIBS_PARTS_H
#define G2S_IMAGE_LIBS_PARTS_H

#include "g2s/image/libs.h"

/* What libs.c and libs_dirs.c share.  What answers false has no memory left. */

enum {
	/* Objects in an image (link.h) begin at a multiple of this, and so much is left between. */
	LIBS_PLACE_ALIGN = 1 << 20,
	/* What one takes beside its own size, at most. */
	LIBS_PLACE_MARGIN = 3 * LIBS_PLACE_ALIGN,
};

/* The addresses that there are for the objects of an image whose program is so: see link.c. */
struct g2s_range libs_room(const struct g2s_elf *program);

/* The addresses of an object that has not been moved. */
struct g2s_range libs_extent(const struct g2s_elf *elf);

/* The program's interpreter is musl's. */
bool libs_is_musl(const struct g2s_libs *libs);

/*
 * Replaces $ORIGIN, $PLATFORM and (by lib) $LIB in a path of the object with the index by.  What is
 * not known stays.  The caller frees the result; NULL when memory ran out.
 */
char *libs_expand(const struct g2s_libs *libs, size_t by, struct g2s_bytes text, const char *lib);

/*
 * Calls visit with each directory in which what the object with the index by needs is looked for,
 * in order, until it answers false.  A directory that is not known does not begin with a slash.
 */
bool libs_directories(struct g2s_libs *libs, size_t by,
                      bool (*visit)(void *to, const char *directory), void *to);

/* Notes the directories that the object itself names and that are not known. */
bool libs_note_unknown(struct g2s_libs *libs, size_t by);

/*
 * Directories below each of these that glibc looks in first on some processors; ended by NULL,
 * empty for musl.
 */
const char *const *libs_processor_directories(const struct g2s_libs *libs);

/* Notes that something is missing, once.  why comes from a printf format. */
bool libs_note(struct g2s_libs *libs, struct g2s_bytes name, size_t by, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Opens a file of the sysroot as its own function does; refuses when there were too many. */
enum g2s_code libs_open_file(struct g2s_libs *libs, const char *path, struct g2s_file *file,
                             uint64_t *device, uint64_t *inode, struct g2s_error *err);

#endif
