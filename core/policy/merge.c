/* SPDX-License-Identifier: MIT */
#include "g2s/policy/merge.h"

#include <string.h>

/*
 * --- what a profile says
 * -----------------------------------------------------------------------
 */

static enum g2s_stance rule_stance(const struct g2s_rule *rule)
{
	switch (rule->action.kind) {
	case G2S_ACTION_ALLOW:
	case G2S_ACTION_LOG:
		return G2S_STANCE_CONDITIONAL;
	case G2S_ACTION_TRACE:
	case G2S_ACTION_NOTIFY:
		return G2S_STANCE_DELEGATED;
	default:
		return G2S_STANCE_REFUSED;
	}
}

enum g2s_code g2s_profile_stance(const struct g2s_profile *profile, const char *name,
                                 enum g2s_stance *stance)
{
	struct g2s_decision decision;
	enum g2s_code code = g2s_profile_decide(profile, name, &decision);
	if (code != G2S_OK) {
		return code;
	}
	/* A default action of LOG is for what nobody has thought of: it is no permission. */
	bool passes = decision.action.kind == G2S_ACTION_ALLOW ||
	              (decision.action.kind == G2S_ACTION_LOG &&
	               profile->default_action.kind != G2S_ACTION_LOG);
	bool always = decision.conditional_count == 0;
	g2s_decision_free(&decision);
	if (passes && always) {
		*stance = G2S_STANCE_ALLOWED;
		return G2S_OK;
	}
	/*
	 * Rules with the default action are no part of the decision, but of what the author of the
	 * profile said.
	 */
	*stance = G2S_STANCE_SILENT;
	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct g2s_rule *rule = &profile->rules[i];
		if (g2s_names_have(&rule->names, name) && rule_stance(rule) > *stance) {
			*stance = rule_stance(rule);
		}
	}
	return G2S_OK;
}

/*
 * --- saying otherwise
 * --------------------------------------------------------------------------
 */

/* Takes name out of the rules with this action or a milder one. */
static void drop_name(struct g2s_profile *profile, const char *name, enum g2s_action_kind kind)
{
	size_t kept = 0;
	for (size_t i = 0; i < profile->rule_count; i++) {
		struct g2s_rule rule = profile->rules[i];
		bool had = rule.action.kind >= kind && g2s_names_remove(&rule.names, name);
		if (had && rule.names.count == 0) {
			g2s_rule_free(&rule);
		} else {
			profile->rules[kept++] = rule;
		}
	}
	profile->rule_count = kept;
}

/* Adds a rule of these names, unless there are none; takes what names holds in any case. */
static bool add_rule(struct g2s_profile *profile, struct g2s_names *names,
                     enum g2s_action_kind kind)
{
	struct g2s_rule *rule = names->count != 0 ? g2s_profile_add_rule(profile) : NULL;
	if (rule == NULL) {
		bool done = names->count == 0;
		g2s_names_free(names);
		return done;
	}
	rule->action.kind = kind;
	rule->names = *names;
	return true;
}

bool g2s_profile_allow(struct g2s_profile *profile, const struct g2s_names *names)
{
	struct g2s_names added = {0};
	for (size_t i = 0; i < names->count; i++) {
		drop_name(profile, names->items[i], G2S_ACTION_KILL_PROCESS);
		if (profile->default_action.kind != G2S_ACTION_ALLOW &&
		    !g2s_names_add(&added, names->items[i])) {
			g2s_names_free(&added);
			return false;
		}
	}
	return add_rule(profile, &added, G2S_ACTION_ALLOW);
}

bool g2s_profile_deny(struct g2s_profile *profile, const struct g2s_names *names)
{
	struct g2s_names refused = {0};
	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->items[i];
		drop_name(profile, name, G2S_ACTION_NOTIFY);
		struct g2s_decision decision;
		if (g2s_profile_decide(profile, name, &decision) != G2S_OK) {
			g2s_names_free(&refused);
			return false;
		}
		bool allowed = decision.action.kind == G2S_ACTION_ALLOW;
		g2s_decision_free(&decision);
		if (allowed && !g2s_names_add(&refused, name)) {
			g2s_names_free(&refused);
			return false;
		}
	}
	return add_rule(profile, &refused, G2S_ACTION_ERRNO);
}

/*
 * --- architectures
 * -----------------------------------------------------------------------------
 */

/* The host whose entry of an archMap names arch: itself, or the one that runs its programs. */
static const char *host_of(const char *arch)
{
	static const char *const hosts[][2] = {
		{"x86", "x86_64"},
		{"x32", "x86_64"},
		{"arm", "aarch64"},
	};
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (strcmp(hosts[i][0], arch) == 0) {
			return hosts[i][1];
		}
	}
	return arch;
}

static bool add_once(struct g2s_names *names, const char *name)
{
	return g2s_names_have(names, name) || g2s_names_add(names, name);
}

/* The entry of a host, which is made when it is not there; NULL when memory ran out. */
static struct g2s_arch_map *find_host(struct g2s_profile *profile, const char *host)
{
	for (size_t i = 0; i < profile->arch_map_count; i++) {
		if (strcmp(profile->arch_map[i].architecture, host) == 0) {
			return &profile->arch_map[i];
		}
	}
	struct g2s_arch_map *entry = g2s_profile_add_arch_map(profile);
	if (entry != NULL) {
		entry->architecture = strdup(host);
	}
	return entry != NULL && entry->architecture != NULL ? entry : NULL;
}

bool g2s_profile_add_arch(struct g2s_profile *profile, const char *arch)
{
	const char *name = g2s_scmp_arch(arch);
	if (profile->arch_map_count == 0) {
		return add_once(&profile->architectures, name);
	}
	/* Docker refuses a profile that has both; one that does is left so, and whole. */
	if (profile->architectures.count != 0 && !add_once(&profile->architectures, name)) {
		return false;
	}
	const char *host = g2s_scmp_arch(host_of(arch));
	struct g2s_arch_map *entry = find_host(profile, host);
	return entry != NULL &&
	       (strcmp(host, name) == 0 || add_once(&entry->sub_architectures, name));
}
