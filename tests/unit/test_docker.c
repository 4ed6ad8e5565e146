/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/policy/docker.h"
#include "policy/docker_data.h"

#include <string.h>

static void says_what_the_profile_says(void **state)
{
	(void)state;
	static const struct {
		const char *arch;
		const char *name;
		enum g2s_docker_verdict verdict;
		/* What follows "by Docker's default profile". */
		const char *rest;
	} cases[] = {
		{"x86_64", "read", G2S_DOCKER_ALLOWED, ""},
		{NULL, "_llseek", G2S_DOCKER_ALLOWED, ""},
		{NULL, "writev", G2S_DOCKER_ALLOWED, ""},
		{"x86_64", "keyctl", G2S_DOCKER_DENIED, ""},
		{"x86_64", "io_uring_setup", G2S_DOCKER_DENIED, ""},
		{"x86_64", "", G2S_DOCKER_DENIED, ""},
		{"x86_64", "rea", G2S_DOCKER_DENIED, ""},
		{"x86_64", "mount", G2S_DOCKER_CAPABILITY, " only with CAP_SYS_ADMIN"},
		{"x86_64", "bpf", G2S_DOCKER_CAPABILITY, " only with CAP_SYS_ADMIN or with CAP_BPF"},
		{"x86_64", "clone3", G2S_DOCKER_CAPABILITY, " only with CAP_SYS_ADMIN, else ENOSYS"},
		{"x86_64", "clone", G2S_DOCKER_CONDITION,
		 " only with CAP_SYS_ADMIN or with some arguments"},
		{NULL, "clone", G2S_DOCKER_CONDITION,
		 " only with CAP_SYS_ADMIN or with some arguments not on s390,s390x"
		 " or with some arguments on s390,s390x"},
		{"x86_64", "ptrace", G2S_DOCKER_CONDITION,
		 " only on Linux 4.8 or later or with CAP_SYS_PTRACE"},
		{"x86_64", "socket", G2S_DOCKER_CONDITION, " only with some arguments"},
		{"x86_64", "arch_prctl", G2S_DOCKER_ALLOWED, ""},
		{"x32", "arch_prctl", G2S_DOCKER_ALLOWED, ""},
		{"aarch64", "arch_prctl", G2S_DOCKER_DENIED, ""},
		/* The host of an x86 program is one or the other. */
		{"x86", "arch_prctl", G2S_DOCKER_CONDITION, " only on amd64,x32"},
		{"x86", "modify_ldt", G2S_DOCKER_ALLOWED, ""},
		{"riscv64", "arch_prctl", G2S_DOCKER_CONDITION, " only on amd64,x32"},
		{NULL, "riscv_flush_icache", G2S_DOCKER_CONDITION, " only on riscv64"},
		{"x86_64", "riscv_flush_icache", G2S_DOCKER_DENIED, ""},
		{"arm", "cacheflush", G2S_DOCKER_ALLOWED, ""},
		{NULL, "sync_file_range2", G2S_DOCKER_CONDITION, " only on ppc64le or on arm,arm64"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char phrase[G2S_DOCKER_PHRASE_SIZE];
		char wanted[G2S_DOCKER_PHRASE_SIZE];
		snprintf(wanted, sizeof(wanted), "%s by Docker's default profile%s",
		         cases[i].verdict == G2S_DOCKER_DENIED ? "denied" : "allowed",
		         cases[i].rest);
		assert_int_equal(g2s_docker_judge(cases[i].arch, cases[i].name, phrase),
		                 cases[i].verdict);
		assert_string_equal(phrase, wanted);
		assert_int_equal(g2s_docker_judge(cases[i].arch, cases[i].name, NULL),
		                 cases[i].verdict);
	}
	assert_string_equal(g2s_docker_verdict_name(G2S_DOCKER_DENIED), "denied");
	assert_string_equal(g2s_docker_verdict_name(G2S_DOCKER_CAPABILITY), "capability");
	assert_string_equal(g2s_docker_verdict_name(G2S_DOCKER_CONDITION), "condition");
	assert_string_equal(g2s_docker_verdict_name(G2S_DOCKER_ALLOWED), "allowed");
}

/* Every line of the table as it stands there, and no phrase that was cut. */
static void holds_every_line(void **state)
{
	(void)state;
	assert_true(g2s_docker_rule_count > 400);
	for (size_t i = 0; i < g2s_docker_rule_count; i++) {
		const struct g2s_docker_rule *rule = &g2s_docker_rules[i];
		const char *name = g2s_docker_words + rule->name;
		assert_true(name[0] != '\0');
		char phrase[G2S_DOCKER_PHRASE_SIZE];
		enum g2s_docker_verdict verdict = g2s_docker_judge(NULL, name, phrase);
		assert_int_not_equal(verdict, G2S_DOCKER_DENIED);
		assert_true(strlen(phrase) < G2S_DOCKER_PHRASE_SIZE - 1);
		assert_true(rule->with == 0 ||
		            strstr(phrase, g2s_docker_words + rule->with) != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_the_profile_says),
		cmocka_unit_test(holds_every_line),
	};
	return cmocka_run_group_tests_name("docker", tests, NULL, NULL);
}
