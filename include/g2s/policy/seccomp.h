/* SPDX-License-Identifier: MIT */
#ifndef G2S_POLICY_SECCOMP_H
#define G2S_POLICY_SECCOMP_H

#include "g2s/error.h"
#include "g2s/policy/names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A seccomp profile in memory, with everything that Docker's and the OCI runtime specification's
 * JSON can say about the filter, and what it decides for a call.
 */

/* From the severest to the mildest; the kernel ranks them so. */
enum g2s_action_kind {
	G2S_ACTION_KILL_PROCESS,
	/* SCMP_ACT_KILL is an older name of it. */
	G2S_ACTION_KILL_THREAD,
	G2S_ACTION_TRAP,
	G2S_ACTION_ERRNO,
	G2S_ACTION_NOTIFY,
	G2S_ACTION_TRACE,
	G2S_ACTION_LOG,
	G2S_ACTION_ALLOW,
};

/* What becomes of a call. */
struct g2s_action {
	enum g2s_action_kind kind;
	/* For ERRNO the error the caller sees, for TRACE the tracer's message; else 0. */
	uint32_t value;
	/* The value was written down; otherwise it is the runtimes' default, EPERM. */
	bool has_value;
};

/* The value that runtimes use where none is given: EPERM. */
#define G2S_ACTION_DEFAULT_VALUE 1

/* "SCMP_ACT_ERRNO" and its like. */
const char *g2s_action_name(enum g2s_action_kind kind);
/* Returns false when there is no action of that name. */
bool g2s_action_parse(const char *name, enum g2s_action_kind *kind);
/* True when a call that meets this action cannot be survived by its caller. */
bool g2s_action_is_fatal(enum g2s_action_kind kind);
/* Equal in what the kernel does. */
bool g2s_action_equal(struct g2s_action a, struct g2s_action b);

/* A test of one argument; op as it is written: "SCMP_CMP_MASKED_EQ". */
struct g2s_rule_argument {
	unsigned index;
	uint64_t value;
	/* Only for MASKED_EQ, where value is the mask. */
	uint64_t value_two;
	const char *op;
};

/* The operator of that name as a constant; NULL when there is none. */
const char *g2s_compare_op(const char *name);

/* Where a rule of Docker's profile counts.  Empty lists and a NULL kernel ask for nothing. */
struct g2s_rule_filter {
	struct g2s_names caps;
	struct g2s_names arches;
	char *min_kernel;
};

struct g2s_rule {
	struct g2s_names names;
	struct g2s_action action;
	/* All of them must hold; runtimes differ only when one argument occurs twice. */
	struct g2s_rule_argument *arguments;
	size_t argument_count;
	/* The rule counts when all of includes is true and nothing of excludes. */
	struct g2s_rule_filter includes;
	struct g2s_rule_filter excludes;
};

/* An entry of Docker's archMap: a host's architecture and those it runs as well. */
struct g2s_arch_map {
	char *architecture;
	struct g2s_names sub_architectures;
};

/* Zero-initialise it. */
struct g2s_profile {
	struct g2s_action default_action;
	/* As written in profiles: "SCMP_ARCH_X86_64". */
	struct g2s_names architectures;
	struct g2s_arch_map *arch_map;
	size_t arch_map_count;
	size_t arch_map_capacity;
	/* "SECCOMP_FILTER_FLAG_LOG" and its like. */
	struct g2s_names flags;
	/* Where the runtime hands the calls of NOTIFY to, and what it says then; NULL for none. */
	char *listener_path;
	char *listener_metadata;
	struct g2s_rule *rules;
	size_t rule_count;
	size_t rule_capacity;
};

/* Adds an empty rule and returns it; NULL when memory ran out.  It moves when another is added. */
struct g2s_rule *g2s_profile_add_rule(struct g2s_profile *profile);
struct g2s_arch_map *g2s_profile_add_arch_map(struct g2s_profile *profile);
/* Frees what a rule holds, not the rule itself. */
void g2s_rule_free(struct g2s_rule *rule);
void g2s_profile_free(struct g2s_profile *profile);

/* True when a rule speaks of all calls of its names, wherever it is loaded. */
bool g2s_rule_is_unconditional(const struct g2s_rule *rule);

/*
 * What a profile decides for calls of one name.  As the runtimes and libseccomp build the filter:
 * a rule with the default action changes nothing and is left out; the first unconditional rule
 * that is left decides; only when there is none, conditional rules count, and what they do not
 * match falls to the default action.
 */
struct g2s_decision {
	/* For every call, or, with conditional rules, for those that no rule matches. */
	struct g2s_action action;
	/* Indices of the conditional rules that count; memory of its own. */
	size_t *conditional;
	size_t conditional_count;
};

/* Returns G2S_ERR_MEMORY when memory ran out.  Free it with g2s_decision_free. */
enum g2s_code g2s_profile_decide(const struct g2s_profile *profile, const char *name,
                                 struct g2s_decision *decision);
void g2s_decision_free(struct g2s_decision *decision);

/* True when some call of the name is allowed: by the action, or by a rule that counts. */
bool g2s_decision_allows(const struct g2s_profile *profile, const struct g2s_decision *decision);

/*
 * "SCMP_ARCH_X86_64" for the stream's "x86_64", and "SCMP_ARCH_X32" for "x32"; NULL for what the
 * OCI specification has no name for.
 */
const char *g2s_scmp_arch(const char *arch);

#endif
