/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/policy/listing.h"

#include <stdlib.h>
#include <string.h>

static struct g2s_rule *add_rule(struct g2s_profile *profile, const char *name,
                                 enum g2s_action_kind kind)
{
	struct g2s_rule *rule = g2s_profile_add_rule(profile);
	assert_non_null(rule);
	rule->action.kind = kind;
	assert_true(g2s_names_add(&rule->names, name));
	return rule;
}

/* Writes the profile as names; the code, and in *text what was written or why not. */
static enum g2s_code write_names(const struct g2s_profile *profile, char **text)
{
	size_t size = 0;
	struct g2s_error err = {0};
	FILE *out = open_memstream(text, &size);
	assert_non_null(out);
	enum g2s_code code = g2s_listing_write(profile, out, &err);
	assert_int_equal(fclose(out), 0);
	if (code != G2S_OK) {
		assert_int_equal(size, 0);
		free(*text);
		*text = strdup(err.text);
	}
	return code;
}

static void expect(const struct g2s_profile *profile, const char *wanted)
{
	char *text = NULL;
	assert_int_equal(write_names(profile, &text), G2S_OK);
	assert_string_equal(text, wanted);
	free(text);
}

static void refuse(const struct g2s_profile *profile, const char *wanted)
{
	char *text = NULL;
	assert_int_equal(write_names(profile, &text), G2S_ERR_FORMAT);
	assert_string_equal(text, wanted);
	free(text);
}

static void lists_what_is_allowed(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_ERRNO}};
	expect(&profile, "");
	add_rule(&profile, "write", G2S_ACTION_ALLOW);
	add_rule(&profile, "mount", G2S_ACTION_ERRNO);
	struct g2s_rule *rule = add_rule(&profile, "read", G2S_ACTION_ALLOW);
	assert_true(g2s_names_add(&rule->names, "_newselect"));
	assert_true(g2s_names_add(&rule->names, "write"));
	/* The first unconditional rule decides. */
	add_rule(&profile, "read", G2S_ACTION_KILL_THREAD);
	assert_true(g2s_names_add(&profile.flags, "SECCOMP_FILTER_FLAG_LOG"));
	expect(&profile, "_newselect\nread\nwrite\n");
	g2s_profile_free(&profile);
}

static void passes_over_conditions_that_change_nothing(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_ERRNO}};
	struct g2s_rule *rule = add_rule(&profile, "clone", G2S_ACTION_ERRNO);
	assert_true(g2s_names_add(&rule->excludes.caps, "CAP_SYS_ADMIN"));
	rule = add_rule(&profile, "read", G2S_ACTION_ALLOW);
	assert_true(g2s_names_add(&rule->includes.arches, "arm"));
	add_rule(&profile, "read", G2S_ACTION_ALLOW);
	expect(&profile, "read\n");
	g2s_profile_free(&profile);
}

static void refuses_what_no_list_can_say(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_ALLOW}};
	refuse(&profile, "the default action allows: what is allowed cannot be listed");
	profile.default_action.kind = G2S_ACTION_ERRNO;
	struct g2s_rule *rule = add_rule(&profile, "mount", G2S_ACTION_ALLOW);
	assert_true(g2s_names_add(&rule->includes.caps, "CAP_SYS_ADMIN"));
	refuse(&profile, "mount has a rule that depends on the host or on capabilities");
	g2s_names_free(&rule->includes.caps);
	rule->excludes.min_kernel = strdup("4.8");
	refuse(&profile, "mount has a rule that depends on the host or on capabilities");
	free(rule->excludes.min_kernel);
	rule->excludes.min_kernel = NULL;
	rule->arguments = calloc(1, sizeof(rule->arguments[0]));
	rule->argument_count = 1;
	refuse(&profile, "mount has a rule that depends on the call's arguments");
	rule->argument_count = 0;
	add_rule(&profile, "ptrace", G2S_ACTION_KILL_PROCESS);
	refuse(&profile, "ptrace has an action of its own, SCMP_ACT_KILL_PROCESS");
	g2s_profile_free(&profile);
}

/* A name from a base profile can hold anything: it must not become another line, or option. */
static void refuses_what_is_no_name(void **state)
{
	(void)state;
	static const char *const names[][2] = {
		{"", "\"\" is no name of a system call"},
		{"read write", "\"read write\" is no name of a system call"},
		{"read\nExecStart=", "\"read\\x0aExecStart=\" is no name of a system call"},
		{"~read", "\"~read\" is no name of a system call"},
		{"@default", "\"@default\" is no name of a system call"},
		{"read:EPERM", "\"read:EPERM\" is no name of a system call"},
		{"\xc3\xa9", "\"\xc3\xa9\" is no name of a system call"},
	};
	for (size_t i = 0; i < COUNT(names); i++) {
		struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_ERRNO}};
		add_rule(&profile, names[i][0], G2S_ACTION_ALLOW);
		refuse(&profile, names[i][1]);
		g2s_profile_free(&profile);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_what_is_allowed),
		cmocka_unit_test(passes_over_conditions_that_change_nothing),
		cmocka_unit_test(refuses_what_no_list_can_say),
		cmocka_unit_test(refuses_what_is_no_name),
	};
	return cmocka_run_group_tests_name("listing", tests, NULL, NULL);
}
