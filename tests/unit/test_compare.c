/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/policy/compare.h"
#include "g2s/policy/host.h"

#include <stdlib.h>
#include <string.h>

/*
 * tests/cli/random-profiles tries thousands of pairs through g2s-diff.  Here are the values at the
 * ends of what a number can be, which JSON cannot say, and what has no random case.
 */

/* Adds a rule for "read" that allows, with tests whose op is NULL after the last one. */
static void add_rule(struct g2s_profile *profile, enum g2s_action_kind kind,
                     const struct g2s_rule_argument *tests)
{
	struct g2s_rule *rule = g2s_profile_add_rule(profile);
	assert_non_null(rule);
	assert_true(g2s_names_add(&rule->names, "read"));
	rule->action.kind = kind;
	while (tests != NULL && tests[rule->argument_count].op != NULL) {
		rule->argument_count++;
	}
	rule->arguments = calloc(rule->argument_count + 1, sizeof(rule->arguments[0]));
	for (size_t i = 0; i < rule->argument_count; i++) {
		rule->arguments[i] = tests[i];
		rule->arguments[i].op = g2s_compare_op(tests[i].op);
		assert_non_null(rule->arguments[i].op);
	}
}

/* Compares a profile whose one rule has one test with one whose rules have one of the others each. */
static struct g2s_comparison compare_tests(struct g2s_rule_argument old,
                                           const struct g2s_rule_argument *new, size_t count)
{
	struct g2s_profile profiles[G2S_SIDES] = {0};
	for (int side = 0; side < G2S_SIDES; side++) {
		profiles[side].default_action.kind = G2S_ACTION_ERRNO;
	}
	const struct g2s_rule_argument tests[] = {old, {.op = NULL}};
	add_rule(&profiles[G2S_OLD], G2S_ACTION_ALLOW, tests);
	for (size_t i = 0; i < count; i++) {
		const struct g2s_rule_argument other[] = {new[i], {.op = NULL}};
		add_rule(&profiles[G2S_NEW], G2S_ACTION_ALLOW, other);
	}
	const struct g2s_profile *const pair[] = {&profiles[G2S_OLD], &profiles[G2S_NEW]};
	struct g2s_comparison comparison;
	assert_int_equal(g2s_profiles_compare(pair, "read", &comparison), G2S_OK);
	g2s_profile_free(&profiles[G2S_OLD]);
	g2s_profile_free(&profiles[G2S_NEW]);
	return comparison;
}

#define NE "SCMP_CMP_NE"
#define LT "SCMP_CMP_LT"
#define LE "SCMP_CMP_LE"
#define EQ "SCMP_CMP_EQ"
#define GE "SCMP_CMP_GE"
#define GT "SCMP_CMP_GT"
#define MASKED "SCMP_CMP_MASKED_EQ"

static void compares_at_the_ends(void **state)
{
	(void)state;
	const uint64_t max = UINT64_MAX;
	const uint64_t top = UINT64_C(1) << 63;
	static const struct g2s_comparison alike = {.allows = {true, true}};
	const struct {
		struct g2s_rule_argument old;
		struct g2s_rule_argument new[3];
		size_t count;
		struct g2s_comparison wanted;
	} cases[] = {
		{{0, max, 0, GE}, {{0, max, 0, EQ}}, 1, alike},
		{{0, max, 0, MASKED}, {{0, 0, 0, EQ}}, 1, alike},
		{{0, max, max, MASKED}, {{0, max - 1, 0, GT}}, 1, alike},
		{{0, max, 0, LT}, {{0, max, 0, NE}}, 1, alike},
		{{0, 0, 0, GE}, {{1, max, 0, LE}}, 1, alike},
		{{0, 0, 0, MASKED}, {{0, max, 0, LE}}, 1, alike},
		{{0, top, top, MASKED}, {{0, top, 0, GE}}, 1, alike},
		{{0, top, 1, MASKED}, {{0, top - 1, 0, LE}}, 1, alike},
		/* The mask's own bits of the value are what counts. */
		{{0, 6, 4, MASKED}, {{0, 6, 5, MASKED}}, 1, alike},
		{{0, 3, 1, MASKED}, {{0, 3, 5, MASKED}}, 1, alike},
		/* Odd or not: everything. */
		{{0, 0, 0, GE}, {{0, 1, 0, MASKED}, {0, 1, 1, MASKED}}, 2, alike},
		{{0, 0, 0, GE}, {{0, 5, 0, LT}, {0, 5, 0, EQ}, {0, 5, 0, GT}}, 3, alike},
		{{0, 0, 0, GE}, {{0, 5, 0, LT}, {0, 5, 0, GT}}, 2, {true, false, {true, true}}},
		/* Never. */
		{{0, max, 0, GT}, {{0, 0, 0, LT}}, 1, {.differ = false}},
		{{0, max, 0, GT}, {{0, max, 0, GE}}, 1, {true, true, {false, true}}},
		{{0, max, 0, GE}, {{0, max, 0, GT}}, 1, {true, false, {true, false}}},
		{{0, 1, 0, EQ}, {{1, 1, 0, EQ}}, 1, {true, true, {true, true}}},
		{{5, 7, 0, NE}, {{5, 7, 0, LT}, {5, 7, 0, GT}}, 2, alike},
		/* Only the highest number tells them apart. */
		{{0, top, 0, NE}, {{0, top, 0, LT}, {0, top | 1, 0, GE}}, 2, alike},
		{{0, top, 0, NE}, {{0, top, 0, LT}, {0, top | 2, 0, GE}}, 2,
		 {true, false, {true, true}}},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct g2s_comparison got =
			compare_tests(cases[i].old, cases[i].new, cases[i].count);
		const struct g2s_comparison *wanted = &cases[i].wanted;
		if (got.differ != wanted->differ || got.wider != wanted->wider ||
		    got.allows[G2S_OLD] != wanted->allows[G2S_OLD] ||
		    got.allows[G2S_NEW] != wanted->allows[G2S_NEW]) {
			fail_msg("case %zu", i);
		}
	}
}

static void compares_what_no_rule_names(void **state)
{
	(void)state;
	struct g2s_profile profiles[G2S_SIDES] = {0};
	profiles[G2S_OLD].default_action.kind = G2S_ACTION_ERRNO;
	profiles[G2S_NEW].default_action.kind = G2S_ACTION_LOG;
	add_rule(&profiles[G2S_OLD], G2S_ACTION_LOG, NULL);
	const struct g2s_profile *const pair[] = {&profiles[G2S_OLD], &profiles[G2S_NEW]};
	struct g2s_comparison comparison;
	assert_int_equal(g2s_profiles_compare(pair, NULL, &comparison), G2S_OK);
	assert_true(comparison.differ && comparison.wider);
	assert_int_equal(g2s_profiles_compare(pair, "write", &comparison), G2S_OK);
	assert_true(comparison.differ && comparison.wider);
	/* By a rule on one side, by default on the other. */
	assert_int_equal(g2s_profiles_compare(pair, "read", &comparison), G2S_OK);
	assert_false(comparison.differ || comparison.wider);
	g2s_profile_free(&profiles[G2S_OLD]);
	g2s_profile_free(&profiles[G2S_NEW]);
}

/* More capabilities than can be tried: a difference, unless the rules are the same. */
static void gives_up_safely(void **state)
{
	(void)state;
	struct g2s_profile profiles[G2S_SIDES] = {0};
	struct g2s_names caps = {0};
	assert_true(g2s_capabilities_add(&caps));
	for (int side = 0; side < G2S_SIDES; side++) {
		profiles[side].default_action.kind = G2S_ACTION_ERRNO;
		for (size_t i = 0; i < caps.count; i++) {
			size_t at = side == G2S_OLD ? i : caps.count - 1 - i;
			add_rule(&profiles[side], G2S_ACTION_ALLOW, NULL);
			struct g2s_rule *rule = &profiles[side].rules[i];
			assert_true(g2s_names_add(&rule->includes.caps, caps.items[at]));
		}
	}
	const struct g2s_profile *pair[] = {&profiles[G2S_OLD], &profiles[G2S_NEW]};
	struct g2s_comparison comparison;
	assert_int_equal(g2s_profiles_compare(pair, "read", &comparison), G2S_OK);
	assert_true(comparison.differ && comparison.wider);
	assert_true(comparison.allows[G2S_OLD] && comparison.allows[G2S_NEW]);
	pair[G2S_NEW] = pair[G2S_OLD];
	assert_int_equal(g2s_profiles_compare(pair, "read", &comparison), G2S_OK);
	assert_false(comparison.differ || comparison.wider);
	g2s_names_free(&caps);
	g2s_profile_free(&profiles[G2S_OLD]);
	g2s_profile_free(&profiles[G2S_NEW]);
}

static void knows_which_calls_there_are(void **state)
{
	(void)state;
	static const struct {
		const char *arch;
		const char *name;
		bool has;
	} cases[] = {
		{"SCMP_ARCH_X86_64", "read", true}, {"SCMP_ARCH_X86_64", "_llseek", false},
		{"SCMP_ARCH_X86", "_llseek", true}, {"SCMP_ARCH_X32", "read", true},
		{"SCMP_ARCH_X32", "_llseek", false}, {"SCMP_ARCH_AARCH64", "open", false},
		{"SCMP_ARCH_ARM", "open", true}, {"SCMP_ARCH_S390X", "_llseek", true},
		/* Newer than the tables, perhaps. */
		{"SCMP_ARCH_X86_64", "made_up", true},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct g2s_profile listed = {0};
		struct g2s_profile mapped = {0};
		assert_true(g2s_profile_has_call(&listed, cases[i].name));
		assert_true(g2s_names_add(&listed.architectures, cases[i].arch));
		struct g2s_arch_map *entry = g2s_profile_add_arch_map(&mapped);
		entry->architecture = strdup("SCMP_ARCH_AARCH64");
		assert_true(g2s_names_add(&entry->sub_architectures, cases[i].arch));
		assert_int_equal(g2s_profile_has_call(&listed, cases[i].name), cases[i].has);
		assert_int_equal(g2s_profile_has_call(&mapped, cases[i].name),
		                 cases[i].has || strcmp(cases[i].name, "read") == 0);
		g2s_profile_free(&listed);
		g2s_profile_free(&mapped);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares_at_the_ends),
		cmocka_unit_test(compares_what_no_rule_names),
		cmocka_unit_test(gives_up_safely),
		cmocka_unit_test(knows_which_calls_there_are),
	};
	return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}
