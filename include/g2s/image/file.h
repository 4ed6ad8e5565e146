/* SPDX-License-Identifier: MIT */
#ifndef G2S_IMAGE_FILE_H
#define G2S_IMAGE_FILE_H

#include "g2s/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A range of bytes of somebody else's memory.  Everything that is read from a file goes through
 * the functions below: they test offset and length as integers before any pointer is formed, so
 * that an absurd value in a file costs a "no" and nothing else.  Numbers are little endian, as
 * on every machine g2s reads.
 */
struct g2s_bytes {
	const uint8_t *data;
	size_t size;
};

/* True when [offset, offset + size) lies inside. */
bool g2s_bytes_has(struct g2s_bytes bytes, uint64_t offset, uint64_t size);

/* Narrows to [offset, offset + size); false, and *out untouched, when that is not all inside. */
bool g2s_bytes_slice(struct g2s_bytes bytes, uint64_t offset, uint64_t size,
                     struct g2s_bytes *out);

/* Reads an unsigned number of width 1, 2, 4 or 8 bytes into *out; false when it is not inside. */
bool g2s_bytes_uint(struct g2s_bytes bytes, uint64_t offset, unsigned width, uint64_t *out);

/* The bytes from offset up to a NUL, without it; false when no NUL follows within limit bytes. */
bool g2s_bytes_string(struct g2s_bytes bytes, uint64_t offset, size_t limit,
                      struct g2s_bytes *out);

/* Where the size bytes of needle first stand at or after offset from; SIZE_MAX when nowhere. */
size_t g2s_bytes_find(struct g2s_bytes bytes, size_t from, const void *needle, size_t size);

/* A file mapped read-only. */
struct g2s_file {
	struct g2s_bytes bytes;
};

/*
 * Maps the regular file at path.  A file that cannot be opened, is no regular file, or cannot
 * be mapped is G2S_ERR_READ; an empty one is fine and has no bytes.  Close it with
 * g2s_file_close.
 */
enum g2s_code g2s_file_open(struct g2s_file *file, const char *path, struct g2s_error *err);
void g2s_file_close(struct g2s_file *file);

#endif
