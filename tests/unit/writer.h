/* SPDX-License-Identifier: MIT */
#ifndef G2S_TEST_WRITER_H
#define G2S_TEST_WRITER_H

#include "unit.h"

#include "g2s/policy/seccomp.h"

#include <stdio.h>

/* What the tests of the formats of a profile share. */

/* The function that writes a format. */
typedef enum g2s_code (*writer)(const struct g2s_profile *profile, FILE *out,
                                struct g2s_error *err);

/* Adds a rule for a name, or for none when that is NULL. */
struct g2s_rule *writer_add_rule(struct g2s_profile *profile, const char *name,
                                 enum g2s_action_kind kind);

/* What is written for a profile that the format can say; the caller frees it. */
char *writer_text(writer write, const struct g2s_profile *profile);

/* The profile is written as wanted. */
void writer_expect(writer write, const struct g2s_profile *profile, const char *wanted);

/* The format cannot say the profile, for the reason wanted, and nothing is written. */
void writer_refuse(writer write, const struct g2s_profile *profile, const char *wanted);

#endif
