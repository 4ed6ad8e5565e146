/* SPDX-License-Identifier: MIT */
#ifndef G2S_ERROR_H
#define G2S_ERROR_H

#include <stdint.h>

/*
 * What a function of core answers.  Core never prints and never exits: it returns one of these and,
 * when it is not G2S_OK, leaves a short text for the person in a struct g2s_error.  The applets
 * turn the code into an exit status.
 */
enum g2s_code {
	G2S_OK = 0,
	/* A file could not be opened or read; the text says why. */
	G2S_ERR_READ,
	/* The bytes are not what they should be (not ELF, broken stream, bad JSON). */
	G2S_ERR_FORMAT,
	/* Memory ran out. */
	G2S_ERR_MEMORY,
	/* Output could not be written. */
	G2S_ERR_WRITE,
};

/* Where and why something failed.  Zero-initialise it; it owns nothing. */
struct g2s_error {
	/* Byte offset, or line number for text, of the place at fault; 0 when there is none. */
	uint64_t offset;
	/* One line without a full stop, already free of control characters from the input. */
	char text[240];
};

/*
 * Fills *err (which may be NULL) from a printf format and returns code, so that a failure is one
 * statement: return g2s_fail(err, G2S_ERR_FORMAT, offset, "not an ELF file");
 * Bytes below 0x20, 0x7f and invalid UTF-8 in the result are replaced by \xHH.
 */
enum g2s_code g2s_fail(struct g2s_error *err, enum g2s_code code, uint64_t offset,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
