/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/policy/merge.h"
#include "g2s/policy/oci_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The profile of JSON with ' for ". */
static struct g2s_profile profile_of(const char *text)
{
	char *json = strdup(text);
	for (char *at = json; (at = strchr(at, '\'')) != NULL;) {
		*at = '"';
	}
	struct g2s_profile profile = {0};
	struct g2s_error err = {0};
	assert_int_equal(g2s_oci_json_read(&profile, json, strlen(json), &err), G2S_OK);
	free(json);
	return profile;
}

/* A default action and rules. */
static struct g2s_profile with_rules(const char *action, const char *rules)
{
	char text[2048];
	snprintf(text, sizeof(text), "{'defaultAction':'SCMP_ACT_%s','syscalls':[%s]}", action,
	         rules);
	return profile_of(text);
}

static enum g2s_stance stance_of(const char *action, const char *rules)
{
	struct g2s_profile profile = with_rules(action, rules);
	const struct g2s_names none = {0};
	enum g2s_stance stance = g2s_profile_stance(&profile, "x", &none);
	g2s_profile_free(&profile);
	return stance;
}

#define RULE(names, action) "{'names':[" names "],'action':'SCMP_ACT_" action "'}"
#define ARGS(names, action) \
	"{'names':[" names "],'action':'SCMP_ACT_" action "'," \
	"'args':[{'index':0,'value':1,'op':'SCMP_CMP_EQ'}]}"
#define CAPS(names, action) \
	"{'names':[" names "],'action':'SCMP_ACT_" action "','includes':{'caps':['CAP_BPF']}}"

static const struct {
	const char *action;
	const char *rules;
	enum g2s_stance stance;
} cases[] = {
	{"ERRNO", "", G2S_STANCE_SILENT},
	{"ERRNO", RULE("'y'", "ALLOW"), G2S_STANCE_SILENT},
	{"ERRNO", RULE("'y','x'", "ALLOW"), G2S_STANCE_ALLOWED},
	{"ERRNO", RULE("'x'", "LOG"), G2S_STANCE_ALLOWED},
	{"ERRNO", ARGS("'x'", "ALLOW"), G2S_STANCE_CONDITIONAL},
	{"ERRNO", CAPS("'x'", "LOG"), G2S_STANCE_CONDITIONAL},
	/* Conditions are moot beside a rule without any. */
	{"ERRNO", ARGS("'x'", "KILL") "," RULE("'x'", "ALLOW"), G2S_STANCE_ALLOWED},
	/* The first rule decides. */
	{"ERRNO", RULE("'x'", "KILL") "," RULE("'x'", "ALLOW"), G2S_STANCE_REFUSED},
	{"ERRNO", RULE("'x'", "ALLOW") "," RULE("'x'", "KILL"), G2S_STANCE_ALLOWED},
	{"ERRNO", RULE("'x'", "TRAP"), G2S_STANCE_REFUSED},
	/* With the default action a rule changes nothing, but its author meant it. */
	{"ERRNO", RULE("'x'", "ERRNO"), G2S_STANCE_REFUSED},
	{"ERRNO", RULE("'x'", "ERRNO") "," RULE("'x'", "ALLOW"), G2S_STANCE_ALLOWED},
	{"ERRNO", RULE("'x'", "ERRNO") "," ARGS("'x'", "ALLOW"), G2S_STANCE_REFUSED},
	{"ERRNO", ARGS("'x'", "ALLOW") "," CAPS("'x'", "KILL"), G2S_STANCE_REFUSED},
	{"ERRNO", RULE("'x'", "NOTIFY"), G2S_STANCE_DELEGATED},
	{"ERRNO", ARGS("'x'", "TRACE") "," ARGS("'x'", "ALLOW"), G2S_STANCE_DELEGATED},
	{"ERRNO", ARGS("'x'", "TRACE") "," ARGS("'x'", "KILL"), G2S_STANCE_REFUSED},
	{"KILL", RULE("'x'", "ERRNO"), G2S_STANCE_REFUSED},
	{"ALLOW", "", G2S_STANCE_ALLOWED},
	{"ALLOW", RULE("'x'", "ERRNO"), G2S_STANCE_REFUSED},
	{"ALLOW", ARGS("'x'", "ERRNO"), G2S_STANCE_REFUSED},
	{"ALLOW", RULE("'x'", "ALLOW"), G2S_STANCE_ALLOWED},
	{"LOG", "", G2S_STANCE_SILENT},
	{"LOG", RULE("'x'", "LOG"), G2S_STANCE_CONDITIONAL},
	{"LOG", RULE("'x'", "ALLOW"), G2S_STANCE_ALLOWED},
	{"TRACE", "", G2S_STANCE_SILENT},
};

static void knows_stances(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		print_message("%s %s\n", cases[i].action, cases[i].rules);
		assert_int_equal(stance_of(cases[i].action, cases[i].rules), cases[i].stance);
	}
}

#define ON(hosts, names, action) \
	"{'names':[" names "],'action':'SCMP_ACT_" action "','includes':{'arches':[" hosts "]}}"
#define NOT_ON(hosts, names, action) \
	"{'names':[" names "],'action':'SCMP_ACT_" action "','excludes':{'arches':[" hosts "]}}"

/* Rules for hosts count where all programs run on those, and not at all where none does. */
static void knows_hosts(void **state)
{
	(void)state;
	static const struct {
		const char *arches[3];
		const char *rule;
		enum g2s_stance stance;
	} host_cases[] = {
		{{"x86_64"}, ON("'amd64','x32'", "'x'", "ALLOW"), G2S_STANCE_ALLOWED},
		{{"x86_64"}, ON("'arm64'", "'x'", "ALLOW"), G2S_STANCE_SILENT},
		{{"x86_64"}, ON("'arm64'", "'x'", "KILL"), G2S_STANCE_SILENT},
		{{"x86_64"}, ON("'amd64'", "'x'", "KILL"), G2S_STANCE_REFUSED},
		{{"x32"}, ON("'amd64'", "'x'", "ALLOW"), G2S_STANCE_ALLOWED},
		/* A 32-bit program may run on either. */
		{{"x86"}, ON("'amd64'", "'x'", "ALLOW"), G2S_STANCE_CONDITIONAL},
		{{"x86"}, ON("'amd64','x86'", "'x'", "ALLOW"), G2S_STANCE_ALLOWED},
		{{"arm"}, ON("'arm'", "'x'", "ALLOW"), G2S_STANCE_CONDITIONAL},
		{{"arm", "aarch64"}, ON("'arm','arm64'", "'x'", "ALLOW"), G2S_STANCE_ALLOWED},
		{{"x86_64", "aarch64"}, ON("'amd64'", "'x'", "ALLOW"), G2S_STANCE_CONDITIONAL},
		{{"x86_64", "aarch64"}, ON("'s390x'", "'x'", "ALLOW"), G2S_STANCE_SILENT},
		{{"x86_64"}, NOT_ON("'s390','s390x'", "'x'", "ALLOW"), G2S_STANCE_ALLOWED},
		{{"x86_64"}, NOT_ON("'amd64'", "'x'", "KILL"), G2S_STANCE_SILENT},
		{{"x86_64", "arm"}, NOT_ON("'arm'", "'x'", "ALLOW"), G2S_STANCE_CONDITIONAL},
		/* It is not known where the programs run. */
		{{NULL}, ON("'amd64'", "'x'", "ALLOW"), G2S_STANCE_CONDITIONAL},
		{{NULL}, NOT_ON("'amd64'", "'x'", "ALLOW"), G2S_STANCE_CONDITIONAL},
	};
	for (size_t i = 0; i < COUNT(host_cases); i++) {
		struct g2s_names arches = {0};
		for (size_t j = 0; host_cases[i].arches[j] != NULL; j++) {
			assert_true(g2s_names_add(&arches, host_cases[i].arches[j]));
		}
		print_message("%zu: %s\n", i, host_cases[i].rule);
		struct g2s_profile profile = with_rules("ERRNO", host_cases[i].rule);
		assert_int_equal(g2s_profile_stance(&profile, "x", &arches),
		                 host_cases[i].stance);
		g2s_profile_free(&profile);
		g2s_names_free(&arches);
	}
}

/* The kind that decides for all calls of name; 100 where some calls fare otherwise. */
static int decided(const struct g2s_profile *profile, const char *name)
{
	struct g2s_decision decision;
	assert_int_equal(g2s_profile_decide(profile, name, &decision), G2S_OK);
	int kind = decision.conditional_count != 0 ? 100 : (int)decision.action.kind;
	g2s_decision_free(&decision);
	return kind;
}

static struct g2s_names just(const char *name)
{
	struct g2s_names names = {0};
	assert_true(g2s_names_add(&names, name));
	return names;
}

/* Whatever the profile said, it allows x then, and says of y what it said. */
static void allows(void **state)
{
	(void)state;
	struct g2s_names names = just("x");
	for (size_t i = 0; i < COUNT(cases); i++) {
		print_message("%s %s\n", cases[i].action, cases[i].rules);
		struct g2s_profile profile = with_rules(cases[i].action, cases[i].rules);
		int other = decided(&profile, "y");
		assert_true(g2s_profile_allow(&profile, &names));
		assert_int_equal(decided(&profile, "x"), G2S_ACTION_ALLOW);
		assert_int_equal(decided(&profile, "y"), other);
		/* A second time changes nothing. */
		size_t rules = profile.rule_count;
		assert_true(g2s_profile_allow(&profile, &names));
		assert_int_equal(profile.rule_count, rules);
		for (size_t j = 0; j < rules; j++) {
			assert_true(profile.rules[j].names.count != 0);
		}
		g2s_profile_free(&profile);
	}
	g2s_names_free(&names);
}

/* True when a call of x can get through: by a rule or by the default action. */
static bool lets_through(const struct g2s_profile *profile)
{
	for (size_t i = 0; i < profile->rule_count; i++) {
		if (g2s_names_have(&profile->rules[i].names, "x") &&
		    profile->rules[i].action.kind > G2S_ACTION_ERRNO) {
			return true;
		}
	}
	return decided(profile, "x") == G2S_ACTION_ALLOW;
}

static void denies(void **state)
{
	(void)state;
	struct g2s_names names = just("x");
	for (size_t i = 0; i < COUNT(cases); i++) {
		print_message("%s %s\n", cases[i].action, cases[i].rules);
		struct g2s_profile profile = with_rules(cases[i].action, cases[i].rules);
		int other = decided(&profile, "y");
		assert_true(g2s_profile_deny(&profile, &names));
		assert_false(lets_through(&profile));
		assert_int_equal(decided(&profile, "y"), other);
		size_t rules = profile.rule_count;
		assert_true(g2s_profile_deny(&profile, &names));
		assert_int_equal(profile.rule_count, rules);
		g2s_profile_free(&profile);
	}
	g2s_names_free(&names);
}

static void keeps_how_it_is_denied(void **state)
{
	(void)state;
	struct g2s_names names = just("x");
	struct g2s_profile profile = with_rules("ERRNO", CAPS("'x','y'", "ALLOW") "," RULE("'x'", "KILL"));
	assert_true(g2s_profile_deny(&profile, &names));
	assert_int_equal(profile.rule_count, 2);
	assert_int_equal(profile.rules[0].names.count, 1);
	assert_int_equal(decided(&profile, "x"), G2S_ACTION_KILL_THREAD);
	g2s_profile_free(&profile);
	/* A condition is not enough. */
	profile = with_rules("ALLOW", ARGS("'x'", "KILL"));
	assert_true(g2s_profile_deny(&profile, &names));
	assert_int_equal(decided(&profile, "x"), G2S_ACTION_ERRNO);
	g2s_profile_free(&profile);
	/* With LOG as default it is not allowed, but logged. */
	profile = with_rules("LOG", RULE("'x'", "ALLOW"));
	assert_true(g2s_profile_deny(&profile, &names));
	assert_int_equal(decided(&profile, "x"), G2S_ACTION_LOG);
	assert_int_equal(profile.rule_count, 0);
	g2s_profile_free(&profile);
	g2s_names_free(&names);
}

/* Architectures that were added, as JSON of one line: "[..] {host:[..]}". */
static void expect_arches(const char *before, const char *const *arches, const char *wanted)
{
	char text[512];
	snprintf(text, sizeof(text), "{'defaultAction':'SCMP_ACT_ERRNO'%s}", before);
	struct g2s_profile profile = profile_of(text);
	for (size_t i = 0; arches[i] != NULL; i++) {
		assert_true(g2s_profile_add_arch(&profile, arches[i]));
		assert_true(g2s_profile_add_arch(&profile, arches[i]));
	}
	char *got = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&got, &size);
	for (size_t i = 0; i < profile.architectures.count; i++) {
		fprintf(out, "%s ", profile.architectures.items[i] + strlen("SCMP_ARCH_"));
	}
	for (size_t i = 0; i < profile.arch_map_count; i++) {
		const struct g2s_arch_map *entry = &profile.arch_map[i];
		fprintf(out, "%s:", entry->architecture + strlen("SCMP_ARCH_"));
		for (size_t j = 0; j < entry->sub_architectures.count; j++) {
			fprintf(out, " %s",
			        entry->sub_architectures.items[j] + strlen("SCMP_ARCH_"));
		}
		fputs("; ", out);
	}
	fclose(out);
	assert_string_equal(got, wanted);
	free(got);
	g2s_profile_free(&profile);
}

#define LIST(...) (const char *const[]){__VA_ARGS__, NULL}

static void unites_architectures(void **state)
{
	(void)state;
	expect_arches("", LIST("x86_64", "x86"), "X86_64 X86 ");
	expect_arches(",'architectures':['SCMP_ARCH_X86','SCMP_ARCH_S390X']", LIST("x86_64", "x86"),
	              "X86 S390X X86_64 ");
	/* Docker's form has hosts, and what they run as well. */
	const char *map = ",'archMap':[{'architecture':'SCMP_ARCH_X86_64',"
	                  "'subArchitectures':['SCMP_ARCH_X86']}]";
	expect_arches(map, LIST("x86_64"), "X86_64: X86; ");
	expect_arches(map, LIST("x86_64", "x86", "x32"), "X86_64: X86 X32; ");
	expect_arches(map, LIST("arm"), "X86_64: X86; AARCH64: ARM; ");
	expect_arches(map, LIST("aarch64", "arm"), "X86_64: X86; AARCH64: ARM; ");
	/* Not valid for Docker, but read all the same. */
	expect_arches(",'architectures':['SCMP_ARCH_ARM'],'archMap':["
	              "{'architecture':'SCMP_ARCH_AARCH64'}]", LIST("x86", "aarch64"),
	              "ARM X86 AARCH64 AARCH64:; X86_64: X86; ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_stances),
		cmocka_unit_test(knows_hosts),
		cmocka_unit_test(allows),
		cmocka_unit_test(denies),
		cmocka_unit_test(keeps_how_it_is_denied),
		cmocka_unit_test(unites_architectures),
	};
	return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
