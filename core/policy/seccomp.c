/* SPDX-License-Identifier: MIT */
#include "g2s/policy/seccomp.h"

#include "g2s/memory.h"

#include <stdlib.h>
#include <string.h>

/*
 * --- actions and other words
 * -------------------------------------------------------------------
 */

static const char *const action_names[] = {
	[G2S_ACTION_KILL_PROCESS] = "SCMP_ACT_KILL_PROCESS",
	[G2S_ACTION_KILL_THREAD] = "SCMP_ACT_KILL_THREAD",
	[G2S_ACTION_TRAP] = "SCMP_ACT_TRAP",
	[G2S_ACTION_ERRNO] = "SCMP_ACT_ERRNO",
	[G2S_ACTION_NOTIFY] = "SCMP_ACT_NOTIFY",
	[G2S_ACTION_TRACE] = "SCMP_ACT_TRACE",
	[G2S_ACTION_LOG] = "SCMP_ACT_LOG",
	[G2S_ACTION_ALLOW] = "SCMP_ACT_ALLOW",
};

const char *g2s_action_name(enum g2s_action_kind kind)
{
	return action_names[kind];
}

bool g2s_action_parse(const char *name, enum g2s_action_kind *kind)
{
	for (size_t i = 0; i < sizeof(action_names) / sizeof(action_names[0]); i++) {
		if (strcmp(action_names[i], name) == 0) {
			*kind = (enum g2s_action_kind)i;
			return true;
		}
	}
	if (strcmp(name, "SCMP_ACT_KILL") == 0) {
		*kind = G2S_ACTION_KILL_THREAD;
		return true;
	}
	return false;
}

bool g2s_action_is_fatal(enum g2s_action_kind kind)
{
	return kind <= G2S_ACTION_TRAP;
}

static uint32_t effective_value(struct g2s_action action)
{
	if (action.kind != G2S_ACTION_ERRNO && action.kind != G2S_ACTION_TRACE) {
		return 0;
	}
	return action.has_value ? action.value : G2S_ACTION_DEFAULT_VALUE;
}

bool g2s_action_equal(struct g2s_action a, struct g2s_action b)
{
	return a.kind == b.kind && effective_value(a) == effective_value(b);
}

const char *g2s_compare_op(const char *name)
{
	static const char *const ops[] = {
		"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ",
		"SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ",
	};
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(ops[i], name) == 0) {
			return ops[i];
		}
	}
	return NULL;
}

const char *g2s_scmp_arch(const char *arch)
{
	static const char *const arches[][2] = {
		{"x86_64", "SCMP_ARCH_X86_64"},
		{"x86", "SCMP_ARCH_X86"},
		{"x32", "SCMP_ARCH_X32"},
		{"aarch64", "SCMP_ARCH_AARCH64"},
		{"arm", "SCMP_ARCH_ARM"},
	};
	for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++) {
		if (strcmp(arches[i][0], arch) == 0) {
			return arches[i][1];
		}
	}
	return NULL;
}

/*
 * --- the profile
 * -------------------------------------------------------------------------------
 */

struct g2s_rule *g2s_profile_add_rule(struct g2s_profile *profile)
{
	if (!g2s_grow(&profile->rules, &profile->rule_capacity, profile->rule_count + 1,
	              sizeof(profile->rules[0]))) {
		return NULL;
	}
	struct g2s_rule *rule = &profile->rules[profile->rule_count++];
	*rule = (struct g2s_rule){0};
	return rule;
}

struct g2s_arch_map *g2s_profile_add_arch_map(struct g2s_profile *profile)
{
	if (!g2s_grow(&profile->arch_map, &profile->arch_map_capacity, profile->arch_map_count + 1,
	              sizeof(profile->arch_map[0]))) {
		return NULL;
	}
	struct g2s_arch_map *entry = &profile->arch_map[profile->arch_map_count++];
	*entry = (struct g2s_arch_map){0};
	return entry;
}

static void free_filter(struct g2s_rule_filter *filter)
{
	g2s_names_free(&filter->caps);
	g2s_names_free(&filter->arches);
	free(filter->min_kernel);
}

void g2s_rule_free(struct g2s_rule *rule)
{
	g2s_names_free(&rule->names);
	free(rule->arguments);
	free_filter(&rule->includes);
	free_filter(&rule->excludes);
}

void g2s_profile_free(struct g2s_profile *profile)
{
	for (size_t i = 0; i < profile->rule_count; i++) {
		g2s_rule_free(&profile->rules[i]);
	}
	free(profile->rules);
	for (size_t i = 0; i < profile->arch_map_count; i++) {
		free(profile->arch_map[i].architecture);
		g2s_names_free(&profile->arch_map[i].sub_architectures);
	}
	free(profile->arch_map);
	g2s_names_free(&profile->architectures);
	g2s_names_free(&profile->flags);
	free(profile->listener_path);
	free(profile->listener_metadata);
	*profile = (struct g2s_profile){0};
}

/*
 * --- what it decides
 * ---------------------------------------------------------------------------
 */

static bool asks_for_nothing(const struct g2s_rule_filter *filter)
{
	return filter->caps.count == 0 && filter->arches.count == 0 && filter->min_kernel == NULL;
}

bool g2s_rule_is_unconditional(const struct g2s_rule *rule)
{
	return rule->argument_count == 0 && asks_for_nothing(&rule->includes) &&
	       asks_for_nothing(&rule->excludes);
}

enum g2s_code g2s_profile_decide(const struct g2s_profile *profile, const char *name,
                                 struct g2s_decision *decision)
{
	size_t capacity = 0;
	*decision = (struct g2s_decision){.action = profile->default_action};
	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct g2s_rule *rule = &profile->rules[i];
		if (!g2s_names_have(&rule->names, name) ||
		    g2s_action_equal(rule->action, profile->default_action)) {
			continue;
		}
		if (g2s_rule_is_unconditional(rule)) {
			g2s_decision_free(decision);
			decision->action = rule->action;
			return G2S_OK;
		}
		if (!g2s_grow(&decision->conditional, &capacity, decision->conditional_count + 1,
		              sizeof(size_t))) {
			g2s_decision_free(decision);
			return G2S_ERR_MEMORY;
		}
		decision->conditional[decision->conditional_count++] = i;
	}
	return G2S_OK;
}

void g2s_decision_free(struct g2s_decision *decision)
{
	free(decision->conditional);
	*decision = (struct g2s_decision){.action = decision->action};
}

bool g2s_decision_allows(const struct g2s_profile *profile, const struct g2s_decision *decision)
{
	if (decision->action.kind == G2S_ACTION_ALLOW) {
		return true;
	}
	for (size_t i = 0; i < decision->conditional_count; i++) {
		size_t rule = decision->conditional[i];
		if (profile->rules[rule].action.kind == G2S_ACTION_ALLOW) {
			return true;
		}
	}
	return false;
}
