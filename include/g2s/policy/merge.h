/* SPDX-License-Identifier: MIT */
#ifndef G2S_POLICY_MERGE_H
#define G2S_POLICY_MERGE_H

#include "g2s/policy/names.h"
#include "g2s/policy/seccomp.h"

#include <stdbool.h>

/* Changes to a profile that somebody else wrote: what it says of a name, and saying otherwise. */

/* What a profile says of all calls of one name; the later ones win over the earlier. */
enum g2s_stance {
	/* Each call is let through: allowed, or allowed and logged. */
	G2S_STANCE_ALLOWED,
	/* No rule speaks of it, and the default action does not allow it. */
	G2S_STANCE_SILENT,
	/* Rules let some calls through, and none refuses any by name. */
	G2S_STANCE_CONDITIONAL,
	/* A rule hands calls to a tracer or to a supervisor. */
	G2S_STANCE_DELEGATED,
	/* A rule refuses calls, some or all, be it with the default action. */
	G2S_STANCE_REFUSED,
};

/*
 * arches are those of the programs that matter, in the stream's spelling or "x32": a rule that
 * Docker limits to hosts counts when all hosts that run such programs are among them, and not at
 * all when none is.  Without any arches such a rule is one with a condition.
 */
enum g2s_stance g2s_profile_stance(const struct g2s_profile *profile, const char *name,
                                   const struct g2s_names *arches);

/*
 * From here on the profile allows each call of each of the names: they leave the rules they were
 * in (a rule without names goes) and stand in one rule more, the last, unless the default action
 * allows them already.  Returns false when memory ran out; the profile is to be freed then.
 */
bool g2s_profile_allow(struct g2s_profile *profile, const struct g2s_names *names)
	__attribute__((warn_unused_result));

/*
 * From here on no rule lets a call of one of the names through or hands it to somebody else: they
 * leave those rules and meet what is left, which is a rule that refuses them or the default
 * action.  Where the default action allows, they are refused with ERRNO.  Otherwise as
 * g2s_profile_allow.
 */
bool g2s_profile_deny(struct g2s_profile *profile, const struct g2s_names *names)
	__attribute__((warn_unused_result));

/*
 * Adds an architecture, in the stream's spelling or "x32", unless it is there: to the list, or, in
 * a profile with an archMap, to the host that runs its programs.  It must be one that
 * g2s_scmp_arch knows.  Returns false when memory ran out.
 */
bool g2s_profile_add_arch(struct g2s_profile *profile, const char *arch)
	__attribute__((warn_unused_result));

#endif
