/* SPDX-License-Identifier: MIT */
#ifndef G2S_FUZZ_H
#define G2S_FUZZ_H

#include "g2s/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * What the targets share.  Each file fuzz_NAME.c is one target: it has LLVMFuzzerTestOneInput, which
 * tries one input, and becomes a program of libFuzzer's or, with main.c, one that tries the files it
 * is given.  An input fails when a sanitizer reports something, or a check below does.
 */

/* Tries one input; always 0.  The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process with text unless what must be true of every input is. */
void fuzz_check(bool holds, const char *text);

/* What core leaves on failure: a code that the input can cause, and one clean line; or no failure. */
void fuzz_check_error(enum g2s_code code, const struct g2s_error *err);

/* From here on what is written to stderr is kept. */
void fuzz_messages_begin(void);
/* Checks that what was kept is lines that may be shown on a terminal, and forgets it. */
void fuzz_messages_end(void);

/* A writer into memory, and what was written to it. */
struct fuzz_output {
	FILE *file;
	char *data;
	size_t size;
};

void fuzz_output_open(struct fuzz_output *output);
/* After it data and size are there, until fuzz_output_free. */
void fuzz_output_close(struct fuzz_output *output);
void fuzz_output_free(struct fuzz_output *output);

/* The bytes as a file to read; to be closed. */
FILE *fuzz_input(const void *data, size_t size);

struct g2s_profile;

/* Writes the profile in each format and reads the JSON again, which must give the same profile. */
void fuzz_formats(const struct g2s_profile *profile);

#endif
