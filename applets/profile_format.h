/* SPDX-License-Identifier: MIT */
#ifndef G2S_PROFILE_FORMAT_H
#define G2S_PROFILE_FORMAT_H

#include "g2s/policy/seccomp.h"

#include <stdbool.h>

struct cli_output;

/* The formats of g2s-profile. */

/* What --help lists; the first is the default. */
#define PROFILE_FORMATS "oci|names|spo|systemd|bpf"

struct profile_format;

/* The format of that name; NULL when there is none. */
const struct profile_format *profile_format_find(const char *name);

/* False, after a message, when the output is no place for the format: binary data on a terminal. */
bool profile_format_fits(const struct profile_format *format, const struct cli_output *output);

/*
 * Writes the profile and commits the output; binary is the path of the program that it is for, or
 * NULL.  Returns G2S_EXIT_DONE, or another status after a message: G2S_EXIT_INPUT for a profile
 * that the format cannot say, and then nothing was written.
 */
int profile_format_write(const struct profile_format *format, const struct g2s_profile *profile,
                         const char *binary, struct cli_output *output);

#endif
