/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "profile.h"

#include "g2s/policy/merge.h"
#include "g2s/policy/oci_json.h"

#include <stdlib.h>
#include <string.h>

/* Collects the names that the profile lets through, at least with some conditions. */
static bool list_names(struct profile_base *base)
{
	struct g2s_names mentioned = {0};
	bool done = true;
	for (size_t i = 0; i < base->profile.rule_count && done; i++) {
		done = g2s_names_add_all(&mentioned, &base->profile.rules[i].names);
	}
	g2s_names_sort(&mentioned);
	for (size_t i = 0; i < mentioned.count && done; i++) {
		struct g2s_decision decision;
		if (g2s_profile_decide(&base->profile, mentioned.items[i], &decision) != G2S_OK) {
			done = false;
			break;
		}
		if (g2s_decision_allows(&base->profile, &decision)) {
			done = g2s_names_add(&base->names, mentioned.items[i]);
		}
		g2s_decision_free(&decision);
	}
	g2s_names_free(&mentioned);
	return done;
}

int profile_base_read(struct profile_base *base, const struct cli_input *input)
{
	char *text = NULL;
	size_t size = 0;
	int status = cli_read_rest(PROFILE_APPLET, input, G2S_OCI_JSON_MAX, &text, &size);
	if (status != G2S_EXIT_DONE) {
		return status;
	}
	struct g2s_error err = {0};
	enum g2s_code code = g2s_oci_json_read(&base->profile, text, size, &err);
	free(text);
	if (code != G2S_OK) {
		cli_input_error(PROFILE_APPLET, base->path, &err);
		return cli_status(code);
	}
	return list_names(base) ? G2S_EXIT_DONE : profile_no_memory();
}

/* What becomes of a name that is demanded. */
struct verdict {
	/* The profile is to be changed, so that it allows the name. */
	bool add;
	/* The profile refuses it. */
	bool contradicts;
};

/* Judges a name, and says what the user might not expect. */
static struct verdict judge(const struct profile_base *base, const struct profile_demand *demand,
                            const struct g2s_names *arches, const char *name)
{
	char needed[PROFILE_NEEDED_SIZE];
	enum g2s_stance stance = g2s_profile_stance(&base->profile, name, arches);
	bool asked = g2s_names_have(demand->allow, name);
	struct verdict verdict = {.add = stance != G2S_STANCE_ALLOWED};
	if (asked || stance == G2S_STANCE_ALLOWED || stance == G2S_STANCE_SILENT) {
		return verdict;
	}
	profile_demand_needed(demand, name, needed);
	switch (stance) {
	case G2S_STANCE_CONDITIONAL:
		cli_message(PROFILE_APPLET, "warning: %s: allows %s under conditions, which are "
		            "dropped: needed by %s", base->path, name, needed);
		break;
	case G2S_STANCE_DELEGATED:
		cli_message(PROFILE_APPLET, "warning: %s: leaves %s to a tracer or supervisor, as "
		            "before (--allow=%s allows it): needed by %s", base->path, name, name,
		            needed);
		verdict.add = false;
		break;
	default:
		cli_message(PROFILE_APPLET, "%s: refuses %s (--allow=%s or --deny=%s decides): "
		            "needed by %s", base->path, name, name, name, needed);
		verdict.contradicts = true;
	}
	return verdict;
}

/* Adds the demanded names to the profile; arches are those of the stream. */
static int extend_names(struct profile_base *base, const struct profile_demand *demand,
                        const struct g2s_names *arches)
{
	struct g2s_names added = {0};
	int status = G2S_EXIT_DONE;
	for (size_t i = 0; i < demand->names.count; i++) {
		const char *name = demand->names.items[i];
		struct verdict verdict = judge(base, demand, arches, name);
		if (verdict.add && !g2s_names_add(&added, name)) {
			status = profile_no_memory();
			break;
		}
		if (verdict.contradicts) {
			status = G2S_EXIT_INPUT;
		}
	}
	if (status == G2S_EXIT_DONE && !g2s_profile_allow(&base->profile, &added)) {
		status = profile_no_memory();
	}
	g2s_names_free(&added);
	return status;
}

int profile_base_extend(struct profile_base *base, const struct profile_demand *demand)
{
	struct g2s_names arches = {0};
	int status = G2S_EXIT_DONE;
	for (size_t i = 0; i < PROFILE_ARCH_COUNT && status == G2S_EXIT_DONE; i++) {
		if (demand->arches[i] &&
		    (!g2s_names_add(&arches, profile_arches[i]) ||
		     !g2s_profile_add_arch(&base->profile, profile_arches[i]))) {
			status = profile_no_memory();
		}
	}
	if (status == G2S_EXIT_DONE) {
		status = extend_names(base, demand, &arches);
	}
	if (status == G2S_EXIT_DONE && !g2s_profile_deny(&base->profile, demand->deny)) {
		status = profile_no_memory();
	}
	g2s_names_free(&arches);
	return status;
}

void profile_base_free(struct profile_base *base)
{
	g2s_profile_free(&base->profile);
	g2s_names_free(&base->names);
	*base = (struct profile_base){0};
}
