/* SPDX-License-Identifier: MIT */
#ifndef G2S_POLICY_COMPARE_H
#define G2S_POLICY_COMPARE_H

#include "g2s/error.h"
#include "g2s/policy/seccomp.h"

#include <stdbool.h>

/*
 * Whether two profiles decide alike for the calls of one name: the same for every value of every
 * argument, under every set of capabilities, on every architecture and kernel that their
 * conditions tell apart.
 *
 * As runtimes and libseccomp build the filter: rules that repeat the default action are left out;
 * the first rule that counts and asks for nothing decides; only when there is none, rules for some
 * arguments count, and what they do not match falls to the default action.  Where rules with
 * different actions match the same call, libseccomp's choice depends on more than the rules: two
 * profiles are alike there when the same actions compete.  A rule that tests one argument twice
 * becomes one rule for each of its tests, as in runc and crun.
 */

enum { G2S_OLD, G2S_NEW, G2S_SIDES };

struct g2s_comparison {
	/* Some call is not decided alike. */
	bool differ;
	/* The new profile has a milder action for some call, or may have: it lets more through. */
	bool wider;
	/* Each side allows some call. */
	bool allows[G2S_SIDES];
};

/*
 * Compares what the profiles decide for calls of that name; with NULL, for those that no rule
 * names.  Conditions that are too many to be tried out count as a difference, unless both sides
 * have the same rules in the same order.  Returns G2S_ERR_MEMORY when memory ran out.
 */
enum g2s_code g2s_profiles_compare(const struct g2s_profile *const profiles[G2S_SIDES],
                                   const char *name, struct g2s_comparison *comparison);

/*
 * How much an action lets happen: 0 nothing, 1 what a tracer or supervisor lets, 2 the call, with
 * a line in the log, 3 the call.
 */
unsigned g2s_action_rank(enum g2s_action_kind kind);

/*
 * True when one of the profile's architectures, those of archMap too, has a system call of that
 * name, or may have one for all that is known.
 */
bool g2s_profile_has_call(const struct g2s_profile *profile, const char *name);

/*
 * True when the rule tests an argument twice: then each of its tests is a rule of its own, and
 * one that holds is enough.
 */
bool g2s_rule_tests_are_separate(const struct g2s_rule *rule);

#endif
