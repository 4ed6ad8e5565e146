/* SPDX-License-Identifier: MIT */
#include "writer.h"

#include "g2s/policy/systemd.h"

#include <stdlib.h>
#include <string.h>

#define HEAD "# Written by g2s-profile, for /etc/systemd/system/NAME.service.d/seccomp.conf\n"
#define BESIDES \
	"# systemd allows its set @default besides: systemd-analyze syscall-filter @default\n"

static void allow(struct g2s_profile *profile, const char *name)
{
	if (profile->rule_count == 0) {
		writer_add_rule(profile, name, G2S_ACTION_ALLOW);
	} else {
		assert_true(g2s_names_add(&profile->rules[0].names, name));
	}
}

static void writes_a_list(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_ERRNO}};
	allow(&profile, "write");
	allow(&profile, "read");
	writer_expect(g2s_systemd_write, &profile, HEAD BESIDES "[Service]\nSystemCallArchitectures=\n"
	       "SystemCallArchitectures=native\nSystemCallFilter=\nSystemCallFilter=read write\n"
	       "SystemCallErrorNumber=EPERM\n");
	static const char *const arches[] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32",
	                                     "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"};
	for (size_t i = 0; i < COUNT(arches); i++) {
		assert_true(g2s_names_add(&profile.architectures, arches[i]));
	}
	profile.default_action.kind = G2S_ACTION_KILL_PROCESS;
	writer_expect(g2s_systemd_write, &profile, HEAD BESIDES "[Service]\nSystemCallArchitectures=\n"
	       "SystemCallArchitectures=x86-64 x86 x32 arm64 arm\nSystemCallFilter=\n"
	       "SystemCallFilter=read write\nSystemCallErrorNumber=kill\n");
	g2s_profile_free(&profile);
}

/* A list of nothing: an empty assignment would allow everything. */
static void writes_an_empty_list(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {G2S_ACTION_ERRNO, 38, true}};
	writer_expect(g2s_systemd_write, &profile, HEAD BESIDES "[Service]\nSystemCallArchitectures=\n"
	       "SystemCallArchitectures=native\nSystemCallFilter=\nSystemCallFilter=@default\n"
	       "SystemCallErrorNumber=ENOSYS\n");
	profile.default_action.kind = G2S_ACTION_LOG;
	writer_refuse(g2s_systemd_write, &profile, "systemd cannot log every call: there is no name to leave out");
}

static void writes_a_log(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_LOG}};
	allow(&profile, "write");
	allow(&profile, "read");
	writer_expect(g2s_systemd_write, &profile, HEAD "[Service]\nSystemCallArchitectures=\n"
	       "SystemCallArchitectures=native\nSystemCallLog=\nSystemCallLog=~read write\n");
	g2s_profile_free(&profile);
}

/* Many names make many lines, none too wide, and together all of the names. */
static void breaks_lines(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {G2S_ACTION_ERRNO, 13, true}};
	char name[128];
	for (int i = 100; i < 300; i++) {
		snprintf(name, sizeof(name), "call_%d", i);
		allow(&profile, name);
	}
	memset(name, 'z', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	allow(&profile, name);
	char *text = writer_text(g2s_systemd_write, &profile);
	assert_non_null(strstr(text, "\nSystemCallErrorNumber=13\n"));
	int next = 100;
	bool wide = false;
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		if (strncmp(line, "SystemCallFilter=", 17) != 0) {
			continue;
		}
		if (strcmp(line + 17, name) == 0) {
			wide = true;
			continue;
		}
		assert_in_range(strlen(line), 17, 100);
		for (const char *at = strchr(line, 'c'); at != NULL; at = strchr(at + 1, 'c')) {
			assert_int_equal(atoi(at + 5), next++);
		}
	}
	assert_int_equal(next, 300);
	assert_true(wide);
	free(text);
	g2s_profile_free(&profile);
}

static void refuses_what_systemd_cannot_say(void **state)
{
	(void)state;
	static const struct {
		struct g2s_action action;
		const char *why;
	} defaults[] = {
		{{.kind = G2S_ACTION_TRAP}, "systemd has no default action SCMP_ACT_TRAP"},
		{{.kind = G2S_ACTION_KILL_THREAD},
		 "systemd has no default action SCMP_ACT_KILL_THREAD"},
		{{.kind = G2S_ACTION_TRACE}, "systemd has no default action SCMP_ACT_TRACE"},
		{{.kind = G2S_ACTION_NOTIFY}, "systemd has no default action SCMP_ACT_NOTIFY"},
		{{.kind = G2S_ACTION_ALLOW},
		 "the default action allows: what is allowed cannot be listed"},
		{{G2S_ACTION_ERRNO, 0, true}, "0 is no error that systemd can answer with"},
		{{G2S_ACTION_ERRNO, 4096, true}, "4096 is no error that systemd can answer with"},
	};
	for (size_t i = 0; i < COUNT(defaults); i++) {
		const struct g2s_profile profile = {.default_action = defaults[i].action};
		writer_refuse(g2s_systemd_write, &profile, defaults[i].why);
	}
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_ERRNO}};
	allow(&profile, "read");
	profile.rules[0].action.kind = G2S_ACTION_LOG;
	writer_refuse(g2s_systemd_write, &profile, "read has an action of its own, SCMP_ACT_LOG");
	profile.rules[0].action.kind = G2S_ACTION_ALLOW;
	assert_true(g2s_names_add(&profile.architectures, "SCMP_ARCH_MIPS"));
	writer_refuse(g2s_systemd_write, &profile, "no name is known for the architecture SCMP_ARCH_MIPS");
	assert_true(g2s_names_add(&profile.flags, "SECCOMP_FILTER_FLAG_LOG"));
	writer_refuse(g2s_systemd_write, &profile, "systemd has no setting for the flag SECCOMP_FILTER_FLAG_LOG");
	assert_non_null(g2s_profile_add_arch_map(&profile));
	writer_refuse(g2s_systemd_write, &profile, "the architectures depend on the host (archMap)");
	g2s_profile_free(&profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_a_list),
		cmocka_unit_test(writes_an_empty_list),
		cmocka_unit_test(writes_a_log),
		cmocka_unit_test(breaks_lines),
		cmocka_unit_test(refuses_what_systemd_cannot_say),
	};
	return cmocka_run_group_tests_name("systemd", tests, NULL, NULL);
}
