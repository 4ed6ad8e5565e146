/* SPDX-License-Identifier: MIT */
#include "writer.h"

#include "g2s/policy/listing.h"

#include <stdlib.h>
#include <string.h>

static void lists_what_is_allowed(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_ERRNO}};
	writer_expect(g2s_listing_write, &profile, "");
	writer_add_rule(&profile, "write", G2S_ACTION_ALLOW);
	writer_add_rule(&profile, "mount", G2S_ACTION_ERRNO);
	struct g2s_rule *rule = writer_add_rule(&profile, "read", G2S_ACTION_ALLOW);
	assert_true(g2s_names_add(&rule->names, "_newselect"));
	assert_true(g2s_names_add(&rule->names, "write"));
	/* The first unconditional rule decides. */
	writer_add_rule(&profile, "read", G2S_ACTION_KILL_THREAD);
	assert_true(g2s_names_add(&profile.flags, "SECCOMP_FILTER_FLAG_LOG"));
	writer_expect(g2s_listing_write, &profile, "_newselect\nread\nwrite\n");
	g2s_profile_free(&profile);
}

static void passes_over_conditions_that_change_nothing(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_ERRNO}};
	struct g2s_rule *rule = writer_add_rule(&profile, "clone", G2S_ACTION_ERRNO);
	assert_true(g2s_names_add(&rule->excludes.caps, "CAP_SYS_ADMIN"));
	rule = writer_add_rule(&profile, "read", G2S_ACTION_ALLOW);
	assert_true(g2s_names_add(&rule->includes.arches, "arm"));
	writer_add_rule(&profile, "read", G2S_ACTION_ALLOW);
	writer_expect(g2s_listing_write, &profile, "read\n");
	g2s_profile_free(&profile);
}

static void refuses_what_no_list_can_say(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_ALLOW}};
	writer_refuse(g2s_listing_write, &profile, "the default action allows: what is allowed cannot be listed");
	profile.default_action.kind = G2S_ACTION_ERRNO;
	struct g2s_rule *rule = writer_add_rule(&profile, "mount", G2S_ACTION_ALLOW);
	assert_true(g2s_names_add(&rule->includes.caps, "CAP_SYS_ADMIN"));
	writer_refuse(g2s_listing_write, &profile, "mount has a rule that depends on the host or on capabilities");
	g2s_names_free(&rule->includes.caps);
	rule->excludes.min_kernel = strdup("4.8");
	writer_refuse(g2s_listing_write, &profile, "mount has a rule that depends on the host or on capabilities");
	free(rule->excludes.min_kernel);
	rule->excludes.min_kernel = NULL;
	rule->arguments = calloc(1, sizeof(rule->arguments[0]));
	rule->argument_count = 1;
	writer_refuse(g2s_listing_write, &profile, "mount has a rule that depends on the call's arguments");
	rule->argument_count = 0;
	writer_add_rule(&profile, "ptrace", G2S_ACTION_KILL_PROCESS);
	writer_refuse(g2s_listing_write, &profile, "ptrace has an action of its own, SCMP_ACT_KILL_PROCESS");
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
		writer_add_rule(&profile, names[i][0], G2S_ACTION_ALLOW);
		writer_refuse(g2s_listing_write, &profile, names[i][1]);
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
