/* SPDX-License-Identifier: MIT */
#ifndef G2S_POLICY_LISTING_H
#define G2S_POLICY_LISTING_H

#include "g2s/error.h"
#include "g2s/policy/names.h"
#include "g2s/policy/seccomp.h"

#include <stdio.h>

/*
 * A profile as one list of names: what may be called, while everything else meets the default
 * action.  Formats that can say no more than that begin here.
 */

/*
 * Adds the names that the profile always allows to *names, sorted and each once; the caller frees
 * them, after a failure too.  G2S_ERR_FORMAT, with the name and the reason, for a profile that is
 * no such list: one whose default action allows, one that allows or denies a name only under
 * conditions, or that has an action of its own for a name, and one with a name that is not made
 * of letters, digits and underscores, as it would mean something else in a file of names.
 */
enum g2s_code g2s_listing_take(const struct g2s_profile *profile, struct g2s_names *names,
                               struct g2s_error *err);

/*
 * Writes the names, one a line; nothing on failure.  It does not say the default action, the
 * architectures or the flags.  The caller looks at ferror(out).
 */
enum g2s_code g2s_listing_write(const struct g2s_profile *profile, FILE *out,
                                struct g2s_error *err);

/*
 * What the profile decides for calls of a name where no condition plays a part.  G2S_ERR_FORMAT
 * when a rule that counts has conditions: the text names them.
 */
enum g2s_code g2s_listing_decide(const struct g2s_profile *profile, const char *name,
                                 struct g2s_action *action, struct g2s_error *err);

/*
 * Adds the names of all rules to *names, sorted and each once.  G2S_ERR_MEMORY when memory ran out.
 */
enum g2s_code g2s_listing_names(const struct g2s_profile *profile, struct g2s_names *names,
                                struct g2s_error *err);

#endif
