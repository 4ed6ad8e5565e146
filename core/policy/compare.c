/* SPDX-License-Identifier: MIT */
#include "g2s/policy/compare.h"

#include "cells.h"
#include "g2s/memory.h"
#include "g2s/policy/host.h"
#include "g2s/policy/sysno.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* Of all that conditions can ask for, per name. */
	WORLDS_MAX = 4096,
	CAPS_MAX = 12,
	BUDGET = 20000,
};

unsigned g2s_action_rank(enum g2s_action_kind kind)
{
	switch (kind) {
	case G2S_ACTION_ALLOW:
		return 3;
	case G2S_ACTION_LOG:
		return 2;
	case G2S_ACTION_NOTIFY:
	case G2S_ACTION_TRACE:
		return 1;
	default:
		return 0;
	}
}

bool g2s_rule_tests_are_separate(const struct g2s_rule *rule)
{
	unsigned seen = 0;
	for (size_t i = 0; i < rule->argument_count; i++) {
		unsigned bit = 1u << rule->arguments[i].index;
		if ((seen & bit) != 0) {
			return true;
		}
		seen |= bit;
	}
	return false;
}

/*
 * --- architectures
 * -----------------------------------------------------------------------------
 */

/* True when the architecture has a call of that name, or may have one. */
static bool arch_has_call(const char *scmp, const char *name)
{
	/* x32 has no table: its calls are those of x86_64. */
	const struct g2s_host_arch *arch =
		g2s_host_arch(strcmp(scmp, "SCMP_ARCH_X32") == 0 ? "x86_64" : scmp);
	return arch == NULL || !g2s_sysno_has_arch(arch->arch) ||
	       g2s_sysno_number(arch->arch, name) >= 0;
}

/* True when some table has the name; one that none has may be newer than all of them. */
static bool is_known(const char *name)
{
	static const char *const arches[] = {"x86_64", "x86", "aarch64", "arm"};
	for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++) {
		if (g2s_sysno_number(arches[i], name) >= 0) {
			return true;
		}
	}
	return false;
}

bool g2s_profile_has_call(const struct g2s_profile *profile, const char *name)
{
	if (!is_known(name)) {
		return true;
	}
	const struct g2s_names *arches = &profile->architectures;
	for (size_t i = 0; i < arches->count; i++) {
		if (arch_has_call(arches->items[i], name)) {
			return true;
		}
	}
	for (size_t i = 0; i < profile->arch_map_count; i++) {
		const struct g2s_arch_map *entry = &profile->arch_map[i];
		if (arch_has_call(entry->architecture, name)) {
			return true;
		}
		for (size_t j = 0; j < entry->sub_architectures.count; j++) {
			if (arch_has_call(entry->sub_architectures.items[j], name)) {
				return true;
			}
		}
	}
	/* With no list it is the host's own, whichever that is. */
	return arches->count == 0 && profile->arch_map_count == 0;
}

/*
 * --- what conditions ask about
 * -----------------------------------------------------------------
 */

/* The rules of a side that speak of the name and do not repeat the default action. */
struct rules {
	const struct g2s_rule **items;
	size_t count;
	size_t capacity;
};

/* Everything that the rules of both sides tell hosts apart by, and one of all these hosts. */
struct worlds {
	/* Sorted, each once. */
	struct g2s_names caps;
	struct g2s_names arches;
	/* From 0 on, which stands for all that are older. */
	uint32_t *kernels;
	size_t kernel_count;
	size_t kernel_capacity;
	/* Bit i: it has caps.items[i]. */
	uint32_t held;
	/* NULL for all that are not in arches. */
	const char *arch;
	uint32_t kernel;
};

static bool find_rules(const struct g2s_profile *profile, const char *name, struct rules *rules)
{
	for (size_t i = 0; name != NULL && i < profile->rule_count; i++) {
		const struct g2s_rule *rule = &profile->rules[i];
		if (g2s_action_equal(rule->action, profile->default_action) ||
		    !g2s_names_have(&rule->names, name)) {
			continue;
		}
		if (!g2s_grow(&rules->items, &rules->capacity, rules->count + 1,
		              sizeof(rules->items[0]))) {
			return false;
		}
		rules->items[rules->count++] = rule;
		if (g2s_rule_is_unconditional(rule)) {
			/* It decides alone if nothing before does. */
			return true;
		}
	}
	return true;
}

static bool add_kernel(struct worlds *worlds, const char *text)
{
	uint32_t version = 0;
	if (text == NULL || !g2s_kernel_parse(text, &version) || version == 0) {
		return true;
	}
	for (size_t i = 0; i < worlds->kernel_count; i++) {
		if (worlds->kernels[i] == version) {
			return true;
		}
	}
	if (!g2s_grow(&worlds->kernels, &worlds->kernel_capacity, worlds->kernel_count + 1,
	              sizeof(worlds->kernels[0]))) {
		return false;
	}
	worlds->kernels[worlds->kernel_count++] = version;
	return true;
}

static bool add_filter(struct worlds *worlds, const struct g2s_rule_filter *filter)
{
	return g2s_names_add_all(&worlds->caps, &filter->caps) &&
	       g2s_names_add_all(&worlds->arches, &filter->arches) &&
	       add_kernel(worlds, filter->min_kernel);
}

static bool find_worlds(const struct rules rules[G2S_SIDES], struct worlds *worlds)
{
	for (int side = 0; side < G2S_SIDES; side++) {
		for (size_t i = 0; i < rules[side].count; i++) {
			const struct g2s_rule *rule = rules[side].items[i];
			if (!add_filter(worlds, &rule->includes) ||
			    !add_filter(worlds, &rule->excludes)) {
				return false;
			}
		}
	}
	g2s_names_sort(&worlds->caps);
	g2s_names_sort(&worlds->arches);
	return true;
}

static bool holds_cap(const struct worlds *world, const char *cap)
{
	for (size_t i = 0; i < world->caps.count; i++) {
		if (strcmp(world->caps.items[i], cap) == 0) {
			return (world->held >> i & 1) != 0;
		}
	}
	return false;
}

static bool is_older(const struct worlds *world, const char *min_kernel)
{
	uint32_t version = 0;
	return g2s_kernel_parse(min_kernel, &version) && world->kernel < version;
}

/* True when the rule counts in a world. */
static bool counts(const struct g2s_rule *rule, const struct worlds *world)
{
	const struct g2s_rule_filter *in = &rule->includes;
	const struct g2s_rule_filter *out = &rule->excludes;
	for (size_t i = 0; i < in->caps.count; i++) {
		if (!holds_cap(world, in->caps.items[i])) {
			return false;
		}
	}
	for (size_t i = 0; i < out->caps.count; i++) {
		if (holds_cap(world, out->caps.items[i])) {
			return false;
		}
	}
	if (in->arches.count != 0 &&
	    (world->arch == NULL || !g2s_names_have(&in->arches, world->arch))) {
		return false;
	}
	if (world->arch != NULL && g2s_names_have(&out->arches, world->arch)) {
		return false;
	}
	return (in->min_kernel == NULL || !is_older(world, in->min_kernel)) &&
	       (out->min_kernel == NULL || is_older(world, out->min_kernel));
}

/*
 * --- the same rules
 * ----------------------------------------------------------------------------
 */

static bool same_filter(const struct g2s_rule_filter *a, const struct g2s_rule_filter *b)
{
	const char *kernel_a = a->min_kernel != NULL ? a->min_kernel : "";
	const char *kernel_b = b->min_kernel != NULL ? b->min_kernel : "";
	return g2s_names_equal(&a->caps, &b->caps) && g2s_names_equal(&a->arches, &b->arches) &&
	       strcmp(kernel_a, kernel_b) == 0;
}

static bool same_rule(const struct g2s_rule *a, const struct g2s_rule *b)
{
	if (!g2s_action_equal(a->action, b->action) || a->argument_count != b->argument_count ||
	    !same_filter(&a->includes, &b->includes) || !same_filter(&a->excludes, &b->excludes)) {
		return false;
	}
	for (size_t i = 0; i < a->argument_count; i++) {
		const struct g2s_rule_argument *one = &a->arguments[i];
		const struct g2s_rule_argument *other = &b->arguments[i];
		if (one->index != other->index || one->value != other->value ||
		    one->value_two != other->value_two || strcmp(one->op, other->op) != 0) {
			return false;
		}
	}
	return true;
}

/* A short way for what is the usual case, and the only one where there is too much to try. */
static bool same_rules(const struct rules rules[G2S_SIDES])
{
	if (rules[G2S_OLD].count != rules[G2S_NEW].count) {
		return false;
	}
	for (size_t i = 0; i < rules[G2S_OLD].count; i++) {
		if (!same_rule(rules[G2S_OLD].items[i], rules[G2S_NEW].items[i])) {
			return false;
		}
	}
	return true;
}

/*
 * --- comparing
 * ---------------------------------------------------------------------------------
 */

/* What is compared, and how much may still be tried. */
struct comparing {
	struct rules rules[G2S_SIDES];
	struct g2s_action defaults[G2S_SIDES];
	struct worlds worlds;
	size_t budget;
	struct g2s_comparison *result;
};

/* Adds the clauses of a rule; returns false when they are too many. */
static bool add_clauses(struct g2s_clause clauses[G2S_CLAUSES_MAX], size_t *count,
                        const struct g2s_rule *rule, int side)
{
	bool separate = g2s_rule_tests_are_separate(rule);
	size_t parts = separate ? rule->argument_count : 1;
	if (parts > G2S_CLAUSES_MAX - *count) {
		return false;
	}
	for (size_t i = 0; i < parts; i++) {
		clauses[(*count)++] = (struct g2s_clause){
			.tests = rule->arguments + i,
			.count = separate ? 1 : rule->argument_count,
			.action = rule->action,
			.side = side,
		};
	}
	return true;
}

/* Compares in one world; returns false when there is too much to try. */
static bool compare_world(struct comparing *comparing)
{
	struct g2s_clause clauses[G2S_CLAUSES_MAX];
	size_t count = 0;
	struct g2s_action otherwise[G2S_SIDES];
	for (int side = 0; side < G2S_SIDES; side++) {
		const struct rules *rules = &comparing->rules[side];
		size_t first = count;
		otherwise[side] = comparing->defaults[side];
		for (size_t i = 0; i < rules->count; i++) {
			const struct g2s_rule *rule = rules->items[i];
			if (!counts(rule, &comparing->worlds)) {
				continue;
			}
			if (rule->argument_count == 0) {
				otherwise[side] = rule->action;
				count = first;
				break;
			}
			if (!add_clauses(clauses, &count, rule, side)) {
				return false;
			}
		}
	}
	return g2s_cells_compare(clauses, count, otherwise, &comparing->budget,
	                         comparing->result);
}

/* Compares in all of them; returns false when there is too much to try. */
static bool compare_worlds(struct comparing *comparing)
{
	struct worlds *worlds = &comparing->worlds;
	if (worlds->caps.count > CAPS_MAX) {
		return false;
	}
	size_t held_count = (size_t)1 << worlds->caps.count;
	size_t arches = worlds->arches.count + 1;
	size_t kernels = worlds->kernel_count + 1;
	if (arches > WORLDS_MAX || kernels > WORLDS_MAX ||
	    held_count * arches * kernels > WORLDS_MAX) {
		return false;
	}
	for (size_t i = 0; i < held_count * arches * kernels; i++) {
		size_t arch = i / held_count % arches;
		size_t kernel = i / held_count / arches;
		worlds->held = (uint32_t)(i % held_count);
		worlds->arch = arch == 0 ? NULL : worlds->arches.items[arch - 1];
		worlds->kernel = kernel == 0 ? 0 : worlds->kernels[kernel - 1];
		if (!compare_world(comparing)) {
			return false;
		}
	}
	return true;
}

/* What can be said without trying. */
static bool may_allow(const struct rules *rules, struct g2s_action default_action)
{
	bool allows = default_action.kind == G2S_ACTION_ALLOW;
	for (size_t i = 0; i < rules->count; i++) {
		allows = allows || rules->items[i]->action.kind == G2S_ACTION_ALLOW;
	}
	return allows;
}

static void compare_rules(struct comparing *comparing)
{
	struct g2s_comparison *result = comparing->result;
	const struct g2s_action *defaults = comparing->defaults;
	bool same = g2s_action_equal(defaults[G2S_OLD], defaults[G2S_NEW]) &&
	            same_rules(comparing->rules);
	if (!same && compare_worlds(comparing)) {
		return;
	}
	for (int side = 0; side < G2S_SIDES; side++) {
		result->allows[side] = may_allow(&comparing->rules[side], defaults[side]);
	}
	result->differ = !same;
	result->wider = !same;
}

enum g2s_code g2s_profiles_compare(const struct g2s_profile *const profiles[G2S_SIDES],
                                   const char *name, struct g2s_comparison *comparison)
{
	struct comparing comparing = {.budget = BUDGET, .result = comparison};
	enum g2s_code code = G2S_OK;
	*comparison = (struct g2s_comparison){0};
	for (int side = 0; side < G2S_SIDES; side++) {
		comparing.defaults[side] = profiles[side]->default_action;
		if (!find_rules(profiles[side], name, &comparing.rules[side])) {
			code = G2S_ERR_MEMORY;
		}
	}
	if (code == G2S_OK && !find_worlds(comparing.rules, &comparing.worlds)) {
		code = G2S_ERR_MEMORY;
	}
	if (code == G2S_OK) {
		compare_rules(&comparing);
	}
	for (int side = 0; side < G2S_SIDES; side++) {
		free(comparing.rules[side].items);
	}
	g2s_names_free(&comparing.worlds.caps);
	g2s_names_free(&comparing.worlds.arches);
	free(comparing.worlds.kernels);
	return code;
}
