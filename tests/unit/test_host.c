/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/policy/host.h"

#include <stdlib.h>
#include <string.h>

static void knows_words(void **state)
{
	(void)state;
	assert_ptr_equal(g2s_host_arch("amd64"), g2s_host_arch("x86_64"));
	assert_ptr_equal(g2s_host_arch("amd64"), g2s_host_arch("SCMP_ARCH_X86_64"));
	assert_string_equal(g2s_host_arch("386")->docker, "x86");
	assert_string_equal(g2s_host_arch("aarch64")->docker, "arm64");
	assert_string_equal(g2s_host_arch("arm64")->scmp, "SCMP_ARCH_AARCH64");
	assert_null(g2s_host_arch("amd"));
	assert_null(g2s_host_arch(""));
	assert_string_equal(g2s_capability("SYS_ADMIN"), "CAP_SYS_ADMIN");
	assert_string_equal(g2s_capability("cap_chown"), "CAP_CHOWN");
	assert_string_equal(g2s_capability("CAP_CHECKPOINT_RESTORE"), "CAP_CHECKPOINT_RESTORE");
	assert_null(g2s_capability("CAP_"));
	assert_null(g2s_capability("CAP_CAP_CHOWN"));
	struct g2s_names all = {0};
	assert_true(g2s_capabilities_add(&all));
	/* CAP_LAST_CAP and those below it. */
	assert_int_equal(all.count, 41);
	g2s_names_sort(&all);
	assert_int_equal(all.count, 41);
	g2s_names_free(&all);
}

static void orders_kernels(void **state)
{
	(void)state;
	static const char *const ascending[] = {
		"0", "3.16", "4", "4.8.0-generic", "4.19+", "5.0-rc1", "6.1.0-13-amd64", "10.0",
	};
	uint32_t last = 0;
	for (size_t i = 0; i < COUNT(ascending); i++) {
		uint32_t version;
		assert_true(g2s_kernel_parse(ascending[i], &version));
		assert_true(i == 0 || version > last);
		last = version;
	}
	uint32_t one;
	uint32_t other;
	assert_true(g2s_kernel_parse("4", &one) && g2s_kernel_parse("4.0.9", &other));
	assert_int_equal(one, other);
	static const char *const bad[] = {
		"", "v4.8", "4.", "4.x", ".8", "4,8", "4.8 ", "-1", "65536", "4.65536", "123456.1",
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(g2s_kernel_parse(bad[i], &one));
	}
}

/* What a rule of a profile asks for; what is left of it is compared by its kept-ness and emptiness. */
struct condition {
	const char *cap;
	const char *second_cap;
	const char *arch;
	const char *kernel;
};

static void fill(struct g2s_rule_filter *filter, struct condition condition)
{
	assert_true(condition.cap == NULL || g2s_names_add(&filter->caps, condition.cap));
	assert_true(condition.second_cap == NULL ||
	            g2s_names_add(&filter->caps, condition.second_cap));
	assert_true(condition.arch == NULL || g2s_names_add(&filter->arches, condition.arch));
	filter->min_kernel = condition.kernel != NULL ? strdup(condition.kernel) : NULL;
}

enum left { GONE, BARE, OPEN };

static enum left bind_rule(struct condition in, struct condition out, const struct g2s_host *host)
{
	struct g2s_profile profile = {0};
	struct g2s_rule *rule = g2s_profile_add_rule(&profile);
	assert_non_null(rule);
	assert_true(g2s_names_add(&rule->names, "read"));
	fill(&rule->includes, in);
	fill(&rule->excludes, out);
	struct g2s_error err = {0};
	assert_int_equal(g2s_profile_bind(&profile, host, &err), G2S_OK);
	enum left left = GONE;
	if (profile.rule_count != 0) {
		left = g2s_rule_is_unconditional(&profile.rules[0]) ? BARE : OPEN;
	}
	g2s_profile_free(&profile);
	return left;
}

static void binds_conditions(void **state)
{
	(void)state;
	const struct condition none = {0};
	const struct condition admin = {.cap = "CAP_SYS_ADMIN"};
	const struct condition both = {.cap = "CAP_SYS_ADMIN", .second_cap = "CAP_BPF"};
	const struct condition amd64 = {.arch = "amd64"};
	const struct condition kernel = {.kernel = "4.8"};
	struct g2s_host host = {0};
	assert_int_equal(bind_rule(none, none, &host), BARE);
	assert_int_equal(bind_rule(admin, none, &host), OPEN);
	assert_int_equal(bind_rule(none, admin, &host), OPEN);
	assert_int_equal(bind_rule(amd64, kernel, &host), OPEN);

	host.caps_known = true;
	assert_int_equal(bind_rule(admin, none, &host), GONE);
	assert_int_equal(bind_rule(none, admin, &host), BARE);
	assert_int_equal(bind_rule(amd64, admin, &host), OPEN);
	assert_true(g2s_names_add(&host.caps, "CAP_SYS_ADMIN"));
	assert_int_equal(bind_rule(admin, none, &host), BARE);
	assert_int_equal(bind_rule(none, admin, &host), GONE);
	/* All that are included, any that is excluded. */
	assert_int_equal(bind_rule(both, none, &host), GONE);
	assert_int_equal(bind_rule(none, both, &host), GONE);

	host.arch = g2s_host_arch("amd64");
	assert_int_equal(bind_rule(amd64, none, &host), BARE);
	assert_int_equal(bind_rule(none, amd64, &host), GONE);
	host.arch = g2s_host_arch("arm64");
	assert_int_equal(bind_rule(amd64, none, &host), GONE);
	assert_int_equal(bind_rule(none, amd64, &host), BARE);
	assert_int_equal(bind_rule(admin, kernel, &host), OPEN);

	host.kernel_known = true;
	assert_true(g2s_kernel_parse("4.8", &host.kernel));
	assert_int_equal(bind_rule(kernel, none, &host), BARE);
	assert_int_equal(bind_rule(none, kernel, &host), GONE);
	assert_true(g2s_kernel_parse("4.7.99", &host.kernel));
	assert_int_equal(bind_rule(kernel, none, &host), GONE);
	assert_int_equal(bind_rule(none, kernel, &host), BARE);
	g2s_names_free(&host.caps);
}

static void refuses_what_is_no_kernel(void **state)
{
	(void)state;
	const struct g2s_host host = {0};
	struct g2s_profile profile = {0};
	assert_non_null(g2s_profile_add_rule(&profile));
	assert_non_null(g2s_profile_add_rule(&profile));
	profile.rules[1].excludes.min_kernel = strdup("new");
	struct g2s_error err = {0};
	assert_int_equal(g2s_profile_bind(&profile, &host, &err), G2S_ERR_FORMAT);
	assert_string_equal(err.text, "syscalls[1].excludes.minKernel: is no version");
	g2s_profile_free(&profile);
}

static void chooses_architectures(void **state)
{
	(void)state;
	struct g2s_host host = {.arch = g2s_host_arch("x86_64")};
	struct g2s_profile profile = {0};
	for (int i = 0; i < 2; i++) {
		struct g2s_arch_map *entry = g2s_profile_add_arch_map(&profile);
		assert_non_null(entry);
		entry->architecture = strdup("SCMP_ARCH_X86_64");
		/* Only the first entry of a host counts. */
		assert_true(g2s_names_add(&entry->sub_architectures,
		                          i == 0 ? "SCMP_ARCH_X86" : "SCMP_ARCH_X32"));
	}
	struct g2s_error err = {0};
	assert_int_equal(g2s_profile_bind(&profile, &host, &err), G2S_OK);
	assert_int_equal(profile.arch_map_count, 0);
	assert_int_equal(profile.architectures.count, 2);
	assert_string_equal(profile.architectures.items[0], "SCMP_ARCH_X86");
	assert_string_equal(profile.architectures.items[1], "SCMP_ARCH_X86_64");
	/* Another host: its own comes to those that are listed. */
	host.arch = g2s_host_arch("arm64");
	assert_int_equal(g2s_profile_bind(&profile, &host, &err), G2S_OK);
	assert_int_equal(profile.architectures.count, 3);
	assert_true(g2s_names_have(&profile.architectures, "SCMP_ARCH_AARCH64"));
	g2s_profile_free(&profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_words),
		cmocka_unit_test(orders_kernels),
		cmocka_unit_test(binds_conditions),
		cmocka_unit_test(refuses_what_is_no_kernel),
		cmocka_unit_test(chooses_architectures),
	};
	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
