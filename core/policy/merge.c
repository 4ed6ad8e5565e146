/* SPDX-License-Identifier: MIT */
#include "g2s/policy/merge.h"

#include <string.h>

/*
 * --- what a profile says
 * -----------------------------------------------------------------------
 */

/* An architecture of the stream, and the hosts that run its programs. */
struct hosts {
	const char *arch;
	/* Its entry of an archMap: the first of them, in the stream's spelling. */
	const char *mapped;
	/* As Docker spells them in conditions; NULL where there is no second. */
	const char *docker[2];
};

static const struct hosts all_hosts[] = {
	{"x86_64", "x86_64", {"amd64", NULL}},
	{"x86", "x86_64", {"amd64", "x86"}},
	{"x32", "x86_64", {"amd64", NULL}},
	{"aarch64", "aarch64", {"arm64", NULL}},
	{"arm", "aarch64", {"arm64", "arm"}},
};

/* NULL for an architecture that is not known. */
static const struct hosts *find_hosts(const char *arch)
{
	for (size_t i = 0; i < sizeof(all_hosts) / sizeof(all_hosts[0]); i++) {
		if (strcmp(all_hosts[i].arch, arch) == 0) {
			return &all_hosts[i];
		}
	}
	return NULL;
}

/* How many of the hosts that run programs of arches are in list, of how many. */
static size_t count_hosts(const struct g2s_names *list, const struct g2s_names *arches,
                          size_t *all)
{
	size_t found = 0;
	*all = 0;
	for (size_t i = 0; i < arches->count; i++) {
		const struct hosts *hosts = find_hosts(arches->items[i]);
		for (size_t j = 0; hosts != NULL && j < 2 && hosts->docker[j] != NULL; j++) {
			found += g2s_names_have(list, hosts->docker[j]);
			*all += 1;
		}
	}
	return found;
}

/* Whether a rule counts. */
enum truth { NEVER, SOMETIMES, ALWAYS };

static enum truth counts_for(const struct g2s_rule *rule, const struct g2s_names *arches)
{
	size_t all;
	size_t in = count_hosts(&rule->includes.arches, arches, &all);
	size_t out = count_hosts(&rule->excludes.arches, arches, &all);
	bool on_all = rule->includes.arches.count == 0 || (in == all && all != 0);
	bool on_none = (rule->includes.arches.count != 0 && in == 0 && all != 0) ||
	               (out == all && all != 0);
	if (on_none) {
		return NEVER;
	}
	bool other = rule->argument_count != 0 || rule->includes.caps.count != 0 ||
	             rule->includes.min_kernel != NULL || rule->excludes.caps.count != 0 ||
	             rule->excludes.min_kernel != NULL;
	bool spared = rule->excludes.arches.count == 0 || (out == 0 && all != 0);
	return on_all && spared && !other ? ALWAYS : SOMETIMES;
}

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

enum g2s_stance g2s_profile_stance(const struct g2s_profile *profile, const char *name,
                                   const struct g2s_names *arches)
{
	enum g2s_stance stance = G2S_STANCE_SILENT;
	bool conditional = false;
	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct g2s_rule *rule = &profile->rules[i];
		enum truth counts = counts_for(rule, arches);
		if (counts == NEVER || !g2s_names_have(&rule->names, name)) {
			continue;
		}
		/*
		 * A rule with the default action is no part of what is decided
		 * (g2s_profile_decide), but of what the author of the profile said.
		 */
		bool decides = !g2s_action_equal(rule->action, profile->default_action);
		if (decides && counts == ALWAYS && rule_stance(rule) == G2S_STANCE_CONDITIONAL) {
			return G2S_STANCE_ALLOWED;
		}
		if (rule_stance(rule) > stance) {
			stance = rule_stance(rule);
		}
		if (decides && counts == ALWAYS) {
			return stance;
		}
		conditional = conditional || decides;
	}
	return profile->default_action.kind == G2S_ACTION_ALLOW && !conditional ?
	       G2S_STANCE_ALLOWED : stance;
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
	const char *host = g2s_scmp_arch(find_hosts(arch)->mapped);
	struct g2s_arch_map *entry = find_host(profile, host);
	return entry != NULL &&
	       (strcmp(host, name) == 0 || add_once(&entry->sub_architectures, name));
}
