/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/policy/names.h"
#include "g2s/policy/seccomp.h"

#include <stdlib.h>
#include <string.h>

/*
 * --- names
 * -------------------------------------------------------------------------------------
 */

static void sorts_names(void **state)
{
	(void)state;
	static const char *const given[] = {
		"write", "read", "openat2", "read", "openat", "_a", "Z",
	};
	static const char *const wanted[] = {"Z", "_a", "openat", "openat2", "read", "write"};
	struct g2s_names names = {0};
	g2s_names_sort(&names);
	for (size_t i = 0; i < COUNT(given); i++) {
		assert_true(g2s_names_add(&names, given[i]));
	}
	g2s_names_sort(&names);
	assert_int_equal(names.count, COUNT(wanted));
	for (size_t i = 0; i < COUNT(wanted); i++) {
		assert_string_equal(names.items[i], wanted[i]);
	}
	assert_true(g2s_names_have(&names, "openat"));
	assert_false(g2s_names_have(&names, "open"));
	g2s_names_free(&names);
	assert_int_equal(names.count, 0);
	assert_false(g2s_names_have(&names, "openat"));
}

static void compares_names(void **state)
{
	(void)state;
	struct g2s_names a = {0};
	struct g2s_names b = {0};
	assert_true(g2s_names_equal(&a, &b));
	assert_true(g2s_names_add(&a, "read"));
	assert_false(g2s_names_equal(&a, &b));
	assert_true(g2s_names_add(&b, "write"));
	assert_false(g2s_names_equal(&a, &b));
	assert_true(g2s_names_add(&a, "write"));
	assert_true(g2s_names_add(&b, "read"));
	assert_false(g2s_names_equal(&a, &b));
	g2s_names_sort(&b);
	assert_true(g2s_names_equal(&a, &b));
	g2s_names_free(&a);
	g2s_names_free(&b);
}

/*
 * --- actions
 * -----------------------------------------------------------------------------------
 */

static void knows_actions(void **state)
{
	(void)state;
	for (int i = G2S_ACTION_KILL_PROCESS; i <= G2S_ACTION_ALLOW; i++) {
		enum g2s_action_kind kind;
		assert_true(g2s_action_parse(g2s_action_name((enum g2s_action_kind)i), &kind));
		assert_int_equal(kind, i);
	}
	enum g2s_action_kind kind;
	assert_true(g2s_action_parse("SCMP_ACT_KILL", &kind));
	assert_int_equal(kind, G2S_ACTION_KILL_THREAD);
	assert_string_equal(g2s_action_name(G2S_ACTION_KILL_PROCESS), "SCMP_ACT_KILL_PROCESS");
	assert_false(g2s_action_parse("SCMP_ACT_ALOW", &kind));
	assert_false(g2s_action_parse("ALLOW", &kind));
	assert_true(g2s_action_is_fatal(G2S_ACTION_KILL_PROCESS));
	assert_true(g2s_action_is_fatal(G2S_ACTION_KILL_THREAD));
	assert_true(g2s_action_is_fatal(G2S_ACTION_TRAP));
	assert_false(g2s_action_is_fatal(G2S_ACTION_ERRNO));
	assert_false(g2s_action_is_fatal(G2S_ACTION_LOG));
}

static void compares_actions(void **state)
{
	(void)state;
	const struct g2s_action plain = {.kind = G2S_ACTION_ERRNO};
	const struct g2s_action eperm = {G2S_ACTION_ERRNO, 1, true};
	const struct g2s_action enosys = {G2S_ACTION_ERRNO, 38, true};
	const struct g2s_action zero = {G2S_ACTION_ERRNO, 0, true};
	assert_true(g2s_action_equal(plain, eperm));
	assert_false(g2s_action_equal(plain, enosys));
	assert_false(g2s_action_equal(plain, zero));
	/* A value means nothing where nothing is returned. */
	const struct g2s_action allow = {G2S_ACTION_ALLOW, 5, true};
	const struct g2s_action bare = {.kind = G2S_ACTION_ALLOW};
	assert_true(g2s_action_equal(allow, bare));
	assert_false(g2s_action_equal(allow, eperm));
}

static void knows_architectures(void **state)
{
	(void)state;
	assert_string_equal(g2s_scmp_arch("x86_64"), "SCMP_ARCH_X86_64");
	assert_string_equal(g2s_scmp_arch("x86"), "SCMP_ARCH_X86");
	assert_string_equal(g2s_scmp_arch("x32"), "SCMP_ARCH_X32");
	assert_string_equal(g2s_scmp_arch("aarch64"), "SCMP_ARCH_AARCH64");
	assert_string_equal(g2s_scmp_arch("arm"), "SCMP_ARCH_ARM");
	assert_null(g2s_scmp_arch("riscv64"));
	assert_null(g2s_scmp_arch(""));
}

/*
 * --- decisions
 * ---------------------------------------------------------------------------------
 */

enum condition { ALWAYS, IF_ARGUMENT, IF_CAPABILITY, UNLESS_ARCH, IF_KERNEL };

static void add_rule(struct g2s_profile *profile, const char *name, enum g2s_action_kind kind,
                     enum condition condition)
{
	struct g2s_rule *rule = g2s_profile_add_rule(profile);
	assert_non_null(rule);
	assert_true(g2s_names_add(&rule->names, name));
	assert_true(g2s_names_add(&rule->names, "every"));
	rule->action.kind = kind;
	switch (condition) {
	case ALWAYS:
		break;
	case IF_ARGUMENT:
		rule->arguments = calloc(1, sizeof(rule->arguments[0]));
		rule->arguments[0].op = g2s_compare_op("SCMP_CMP_EQ");
		rule->argument_count = 1;
		break;
	case IF_CAPABILITY:
		assert_true(g2s_names_add(&rule->includes.caps, "CAP_SYS_ADMIN"));
		break;
	case UNLESS_ARCH:
		assert_true(g2s_names_add(&rule->excludes.arches, "s390x"));
		break;
	case IF_KERNEL:
		rule->includes.min_kernel = strdup("4.8");
		break;
	}
	assert_int_equal(g2s_rule_is_unconditional(rule), condition == ALWAYS);
}

static void expect(const struct g2s_profile *profile, const char *name, enum g2s_action_kind kind,
                   size_t conditional, bool allows)
{
	struct g2s_decision decision;
	assert_int_equal(g2s_profile_decide(profile, name, &decision), G2S_OK);
	assert_int_equal(decision.action.kind, kind);
	assert_int_equal(decision.conditional_count, conditional);
	assert_int_equal(g2s_decision_allows(profile, &decision), allows);
	g2s_decision_free(&decision);
}

/* As libseccomp 2.5.4 builds the filter for the same rules in the same order. */
static void decides(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_ERRNO}};
	expect(&profile, "read", G2S_ACTION_ERRNO, 0, false);
	add_rule(&profile, "read", G2S_ACTION_ALLOW, ALWAYS);
	add_rule(&profile, "read", G2S_ACTION_KILL_THREAD, ALWAYS);
	add_rule(&profile, "write", G2S_ACTION_KILL_THREAD, ALWAYS);
	add_rule(&profile, "write", G2S_ACTION_ALLOW, ALWAYS);
	add_rule(&profile, "clone", G2S_ACTION_KILL_THREAD, IF_ARGUMENT);
	add_rule(&profile, "clone", G2S_ACTION_ALLOW, ALWAYS);
	add_rule(&profile, "dup", G2S_ACTION_ALLOW, ALWAYS);
	add_rule(&profile, "dup", G2S_ACTION_KILL_THREAD, IF_ARGUMENT);
	add_rule(&profile, "open", G2S_ACTION_ERRNO, ALWAYS);
	add_rule(&profile, "open", G2S_ACTION_ALLOW, IF_ARGUMENT);
	add_rule(&profile, "mount", G2S_ACTION_ALLOW, IF_CAPABILITY);
	add_rule(&profile, "mount", G2S_ACTION_LOG, UNLESS_ARCH);
	add_rule(&profile, "ptrace", G2S_ACTION_LOG, IF_KERNEL);
	expect(&profile, "read", G2S_ACTION_ALLOW, 0, true);
	expect(&profile, "write", G2S_ACTION_KILL_THREAD, 0, false);
	expect(&profile, "clone", G2S_ACTION_ALLOW, 0, true);
	expect(&profile, "dup", G2S_ACTION_ALLOW, 0, true);
	/* A rule with the default action is not there. */
	expect(&profile, "open", G2S_ACTION_ERRNO, 1, true);
	expect(&profile, "mount", G2S_ACTION_ERRNO, 2, true);
	expect(&profile, "ptrace", G2S_ACTION_ERRNO, 1, false);
	expect(&profile, "every", G2S_ACTION_ALLOW, 0, true);
	expect(&profile, "rea", G2S_ACTION_ERRNO, 0, false);
	g2s_profile_free(&profile);
	g2s_profile_free(&profile);
}

static void decides_by_default(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_ALLOW}};
	add_rule(&profile, "mount", G2S_ACTION_ERRNO, ALWAYS);
	add_rule(&profile, "clone", G2S_ACTION_ERRNO, IF_ARGUMENT);
	expect(&profile, "read", G2S_ACTION_ALLOW, 0, true);
	expect(&profile, "mount", G2S_ACTION_ERRNO, 0, false);
	expect(&profile, "clone", G2S_ACTION_ALLOW, 1, true);
	g2s_profile_free(&profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_names),
		cmocka_unit_test(compares_names),
		cmocka_unit_test(knows_actions),
		cmocka_unit_test(compares_actions),
		cmocka_unit_test(knows_architectures),
		cmocka_unit_test(decides),
		cmocka_unit_test(decides_by_default),
	};
	return cmocka_run_group_tests_name("seccomp", tests, NULL, NULL);
}
