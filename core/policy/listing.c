/* SPDX-License-Identifier: MIT */
#include "g2s/policy/listing.h"

#include <string.h>

enum g2s_code g2s_listing_names(const struct g2s_profile *profile, struct g2s_names *names,
                                struct g2s_error *err)
{
	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct g2s_names *of = &profile->rules[i].names;
		for (size_t j = 0; j < of->count; j++) {
			if (!g2s_names_add(names, of->items[j])) {
				return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
			}
		}
	}
	g2s_names_sort(names);
	return G2S_OK;
}

enum g2s_code g2s_listing_decide(const struct g2s_profile *profile, const char *name,
                                 struct g2s_action *action, struct g2s_error *err)
{
	struct g2s_decision decision;
	if (g2s_profile_decide(profile, name, &decision) != G2S_OK) {
		return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
	}
	enum g2s_code code = G2S_OK;
	if (decision.conditional_count != 0) {
		const struct g2s_rule *rule = &profile->rules[decision.conditional[0]];
		code = g2s_fail(err, G2S_ERR_FORMAT, 0, "%s has a rule that depends on %s", name,
		                rule->argument_count != 0 ? "the call's arguments" :
		                "the host or on capabilities");
	}
	*action = decision.action;
	g2s_decision_free(&decision);
	return code;
}

/* Names of system calls are made of these; what is not could end the line or the word. */
static bool is_name(const char *name)
{
	return name[0] != '\0' &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                         "0123456789_")] == '\0';
}

/* Adds a name if it is allowed. */
static enum g2s_code take_name(const struct g2s_profile *profile, const char *name,
                               struct g2s_names *names, struct g2s_error *err)
{
	struct g2s_action action;
	enum g2s_code code = g2s_listing_decide(profile, name, &action, err);
	if (code != G2S_OK || g2s_action_equal(action, profile->default_action)) {
		return code;
	}
	if (action.kind != G2S_ACTION_ALLOW) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "%s has an action of its own, %s", name,
		                g2s_action_name(action.kind));
	}
	if (!is_name(name)) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "\"%s\" is no name of a system call",
		                name);
	}
	return g2s_names_add(names, name) ? G2S_OK :
	       g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
}

enum g2s_code g2s_listing_take(const struct g2s_profile *profile, struct g2s_names *names,
                               struct g2s_error *err)
{
	if (profile->default_action.kind == G2S_ACTION_ALLOW) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "the default action allows: what is "
		                "allowed cannot be listed");
	}
	struct g2s_names all = {0};
	enum g2s_code code = g2s_listing_names(profile, &all, err);
	for (size_t i = 0; i < all.count && code == G2S_OK; i++) {
		code = take_name(profile, all.items[i], names, err);
	}
	g2s_names_free(&all);
	return code;
}

enum g2s_code g2s_listing_write(const struct g2s_profile *profile, FILE *out,
                                struct g2s_error *err)
{
	struct g2s_names names = {0};
	enum g2s_code code = g2s_listing_take(profile, &names, err);
	for (size_t i = 0; i < names.count && code == G2S_OK; i++) {
		fprintf(out, "%s\n", names.items[i]);
	}
	g2s_names_free(&names);
	return code;
}
