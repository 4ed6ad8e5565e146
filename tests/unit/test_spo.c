/* SPDX-License-Identifier: MIT */
#include "writer.h"

#include "g2s/policy/spo.h"

#include <stdlib.h>
#include <string.h>

#define HEAD \
	"apiVersion: security-profiles-operator.x-k8s.io/v1beta1\n" \
	"kind: SeccompProfile\n" \
	"metadata:\n"

/* What the object is called after. */
static const char *called = "app";

static enum g2s_code write_object(const struct g2s_profile *profile, FILE *out,
                                  struct g2s_error *err)
{
	return g2s_spo_write(profile, called, out, err);
}

static void expect(const struct g2s_profile *profile, const char *name, const char *wanted)
{
	called = name;
	writer_expect(write_object, profile, wanted);
}

static void refuse(const struct g2s_profile *profile, const char *wanted)
{
	called = "app";
	writer_refuse(write_object, profile, wanted);
}

static void names_objects(void **state)
{
	(void)state;
	static const char *const names[][2] = {
		{"app", "app"},
		{"/usr/bin/my-app", "my-app"},
		{"bin/My_App.v2", "my-app-v2"},
		{"dir/", "profile"},
		{"", "profile"},
		{"-", "profile"},
		{"...", "profile"},
		{"--a--b--", "a-b"},
		{"_x_", "x"},
		{"\xc3\xa9t\xc3\xa9", "t"},
		{"a\tb\nc", "a-b-c"},
		{"123", "123"},
		{"/opt/APP", "app"},
	};
	char name[G2S_SPO_NAME_SIZE];
	for (size_t i = 0; i < COUNT(names); i++) {
		g2s_spo_name(names[i][0], name);
		assert_string_equal(name, names[i][1]);
	}
	g2s_spo_name(NULL, name);
	assert_string_equal(name, "profile");
}

/* At most 63 bytes, and still a letter or digit at the end. */
static void cuts_long_names(void **state)
{
	(void)state;
	char path[200];
	char name[G2S_SPO_NAME_SIZE];
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	g2s_spo_name(path, name);
	assert_int_equal(strlen(name), 63);
	path[62] = '.';
	g2s_spo_name(path, name);
	assert_int_equal(strlen(name), 62);
	assert_int_equal(name[61], 'a');
}

static void writes_an_object(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_ERRNO}};
	expect(&profile, "app", HEAD "  name: app\nspec:\n  defaultAction: SCMP_ACT_ERRNO\n");
	struct g2s_rule *rule = writer_add_rule(&profile, "read", G2S_ACTION_ALLOW);
	assert_true(g2s_names_add(&rule->names, "write"));
	assert_true(g2s_names_add(&profile.architectures, "SCMP_ARCH_X86_64"));
	assert_true(g2s_names_add(&profile.architectures, "SCMP_ARCH_X86"));
	profile.default_action = (struct g2s_action){G2S_ACTION_ERRNO, 1, true};
	expect(&profile, "my-app", HEAD
	       "  name: my-app\n"
	       "spec:\n"
	       "  defaultAction: SCMP_ACT_ERRNO\n"
	       "  architectures:\n"
	       "  - SCMP_ARCH_X86_64\n"
	       "  - SCMP_ARCH_X86\n"
	       "  syscalls:\n"
	       "  - action: SCMP_ACT_ALLOW\n"
	       "    names:\n"
	       "    - read\n"
	       "    - write\n");
	g2s_profile_free(&profile);
}

static void writes_the_rules_of_a_base(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_KILL_THREAD}};
	assert_true(g2s_names_add(&profile.architectures, "SCMP_ARCH_X86"));
	assert_true(g2s_names_add(&profile.architectures, "SCMP_ARCH_X86"));
	assert_true(g2s_names_add(&profile.flags, "SECCOMP_FILTER_FLAG_LOG"));
	/* No name: nothing for the API server. */
	writer_add_rule(&profile, NULL, G2S_ACTION_ALLOW);
	struct g2s_rule *rule = writer_add_rule(&profile, "clone", G2S_ACTION_ALLOW);
	rule->arguments = calloc(2, sizeof(rule->arguments[0]));
	rule->arguments[0] = (struct g2s_rule_argument){0, 2114060288, 0,
		g2s_compare_op("SCMP_CMP_MASKED_EQ")};
	rule->arguments[1] = (struct g2s_rule_argument){1, 0, 7, g2s_compare_op("SCMP_CMP_NE")};
	rule->argument_count = 2;
	rule = writer_add_rule(&profile, "clone3", G2S_ACTION_ERRNO);
	rule->action.value = 38;
	rule->action.has_value = true;
	assert_true(g2s_names_add(&rule->names, "openat2"));
	assert_true(g2s_names_add(&rule->names, "clone3"));
	expect(&profile, "true", HEAD
	       "  name: \"true\"\n"
	       "spec:\n"
	       "  defaultAction: SCMP_ACT_KILL_THREAD\n"
	       "  architectures:\n"
	       "  - SCMP_ARCH_X86\n"
	       "  flags:\n"
	       "  - SECCOMP_FILTER_FLAG_LOG\n"
	       "  syscalls:\n"
	       "  - action: SCMP_ACT_ALLOW\n"
	       "    args:\n"
	       "    - index: 0\n"
	       "      op: SCMP_CMP_MASKED_EQ\n"
	       "      value: 2114060288\n"
	       "    - index: 1\n"
	       "      op: SCMP_CMP_NE\n"
	       "      value: 0\n"
	       "      valueTwo: 7\n"
	       "    names:\n"
	       "    - clone\n"
	       "  - action: SCMP_ACT_ERRNO\n"
	       "    errnoRet: 38\n"
	       "    names:\n"
	       "    - clone3\n"
	       "    - openat2\n");
	g2s_profile_free(&profile);
}

/* What YAML would take for something else is quoted. */
static void quotes_strings(void **state)
{
	(void)state;
	static const char *const strings[][2] = {
		{"read", "read"},
		{"_newselect", "_newselect"},
		{"a-b", "a-b"},
		{"e3", "e3"},
		{"", "\"\""},
		{"123", "\"123\""},
		{"1e3", "\"1e3\""},
		{"0x1f", "\"0x1f\""},
		{"2024-01-01", "\"2024-01-01\""},
		{"-a", "\"-a\""},
		{"null", "\"null\""},
		{"NULL", "\"NULL\""},
		{"True", "\"True\""},
		{"no", "\"no\""},
		{"Off", "\"Off\""},
		{"y", "\"y\""},
		{"~", "\"~\""},
		{"a b", "\"a b\""},
		{"a: b", "\"a: b\""},
		{"a\"\\b", "\"a\\\"\\\\b\""},
		{"a\nb\x7f", "\"a\\U0000000Ab\\U0000007F\""},
		{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\\U000000E9\\U000020AC\\U0001F600\""},
		{"\xff", "\"\\uFFFD\""},
	};
	for (size_t i = 0; i < COUNT(strings); i++) {
		const struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_LOG}};
		char wanted[256];
		snprintf(wanted, sizeof(wanted),
		         HEAD "  name: %s\nspec:\n  defaultAction: SCMP_ACT_LOG\n", strings[i][1]);
		expect(&profile, strings[i][0], wanted);
	}
}

static void refuses_what_the_object_cannot_say(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {G2S_ACTION_ERRNO, 38, true}};
	refuse(&profile, "the object has no defaultErrnoRet: the default action answers EPERM and "
	       "nothing else");
	profile.default_action = (struct g2s_action){G2S_ACTION_TRACE, 2, true};
	refuse(&profile, "the object has no defaultErrnoRet: the default action answers EPERM and "
	       "nothing else");
	profile.default_action = (struct g2s_action){.kind = G2S_ACTION_NOTIFY};
	refuse(&profile, "SCMP_ACT_NOTIFY needs a listener of the operator's");
	profile.default_action = (struct g2s_action){.kind = G2S_ACTION_ERRNO};
	struct g2s_rule *rule = writer_add_rule(&profile, "mount", G2S_ACTION_NOTIFY);
	refuse(&profile, "SCMP_ACT_NOTIFY needs a listener of the operator's");
	rule->action = (struct g2s_action){G2S_ACTION_ERRNO, 0, true};
	refuse(&profile, "errnoRet 0 is not among 1 to 4095");
	rule->action = (struct g2s_action){G2S_ACTION_TRACE, 4096, true};
	refuse(&profile, "errnoRet 4096 is not among 1 to 4095");
	rule->action = (struct g2s_action){.kind = G2S_ACTION_ALLOW};
	rule->arguments = calloc(7, sizeof(rule->arguments[0]));
	rule->argument_count = 7;
	refuse(&profile, "mount has a rule of more than 6 arguments");
	rule->argument_count = 1;
	rule->arguments[0].value = UINT64_C(0x8000000000000000);
	refuse(&profile, "mount has a rule with a number of 64 bits, and 63 are the most");
	rule->argument_count = 0;
	assert_true(g2s_names_add(&rule->excludes.caps, "CAP_SYS_ADMIN"));
	refuse(&profile, "mount has a rule that depends on the host or on capabilities");
	assert_non_null(g2s_profile_add_arch_map(&profile));
	refuse(&profile, "the architectures depend on the host (archMap)");
	g2s_profile_free(&profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_objects),
		cmocka_unit_test(cuts_long_names),
		cmocka_unit_test(writes_an_object),
		cmocka_unit_test(writes_the_rules_of_a_base),
		cmocka_unit_test(quotes_strings),
		cmocka_unit_test(refuses_what_the_object_cannot_say),
	};
	return cmocka_run_group_tests_name("spo", tests, NULL, NULL);
}
