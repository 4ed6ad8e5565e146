/* SPDX-License-Identifier: MIT */
#include "g2s/policy/systemd.h"

#include "g2s/policy/listing.h"

#include <inttypes.h>
#include <string.h>

/* A line of names grows no wider than this, unless one name alone is wider. */
#define WIDTH 100

/* Errors are 1 to 4095 for systemd as for the kernel. */
#define ERRNO_MAX 4095

/* systemd's word for an architecture; NULL when g2s has none. */
static const char *systemd_arch(const char *scmp)
{
	static const char *const words[][2] = {
		{"SCMP_ARCH_X86_64", "x86-64"},
		{"SCMP_ARCH_X86", "x86"},
		{"SCMP_ARCH_X32", "x32"},
		{"SCMP_ARCH_AARCH64", "arm64"},
		{"SCMP_ARCH_ARM", "arm"},
		{"SCMP_ARCH_NATIVE", "native"},
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i][0], scmp) == 0) {
			return words[i][1];
		}
	}
	return NULL;
}

/* The error of an action of that kind. */
static uint32_t error_of(struct g2s_action action)
{
	return action.has_value ? action.value : G2S_ACTION_DEFAULT_VALUE;
}

static enum g2s_code check_action(struct g2s_action action, size_t name_count,
                                  struct g2s_error *err)
{
	switch (action.kind) {
	case G2S_ACTION_KILL_PROCESS:
		return G2S_OK;
	case G2S_ACTION_ERRNO:
		if (error_of(action) >= 1 && error_of(action) <= ERRNO_MAX) {
			return G2S_OK;
		}
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "%" PRIu32 " is no error that systemd can "
		                "answer with", error_of(action));
	case G2S_ACTION_LOG:
		if (name_count != 0) {
			return G2S_OK;
		}
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "systemd cannot log every call: there is "
		                "no name to leave out");
	default:
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "systemd has no default action %s",
		                g2s_action_name(action.kind));
	}
}

static enum g2s_code check(const struct g2s_profile *profile, size_t name_count,
                           struct g2s_error *err)
{
	if (profile->arch_map_count != 0) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "the architectures depend on the host "
		                "(archMap)");
	}
	if (profile->flags.count != 0) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "systemd has no setting for the flag %s",
		                profile->flags.items[0]);
	}
	for (size_t i = 0; i < profile->architectures.count; i++) {
		if (systemd_arch(profile->architectures.items[i]) == NULL) {
			return g2s_fail(err, G2S_ERR_FORMAT, 0, "no name is known for the "
			                "architecture %s", profile->architectures.items[i]);
		}
	}
	return check_action(profile->default_action, name_count, err);
}

/* Writes "SETTING=WORD WORD ...\n", in lines that each begin with setting. */
static void write_list(FILE *out, const char *setting, const struct g2s_names *words)
{
	size_t width = 0;
	for (size_t i = 0; i < words->count; i++) {
		size_t length = strlen(words->items[i]);
		bool first = width == 0 || width + 1 + length > WIDTH;
		if (first) {
			fprintf(out, "%s%s", width == 0 ? "" : "\n", setting);
			width = strlen(setting);
		} else {
			putc(' ', out);
			width++;
		}
		fputs(words->items[i], out);
		width += length;
	}
	putc('\n', out);
}

static void write_arches(FILE *out, const struct g2s_names *arches)
{
	fputs("SystemCallArchitectures=\nSystemCallArchitectures=", out);
	for (size_t i = 0; i < arches->count; i++) {
		fprintf(out, "%s%s", i == 0 ? "" : " ", systemd_arch(arches->items[i]));
	}
	fputs(arches->count == 0 ? "native\n" : "\n", out);
}

static void write_error(FILE *out, struct g2s_action action)
{
	fputs("SystemCallErrorNumber=", out);
	if (action.kind == G2S_ACTION_KILL_PROCESS) {
		fputs("kill\n", out);
	} else if (error_of(action) == 1) {
		fputs("EPERM\n", out);
	} else if (error_of(action) == 38) {
		fputs("ENOSYS\n", out);
	} else {
		fprintf(out, "%" PRIu32 "\n", error_of(action));
	}
}

static void write_unit(const struct g2s_profile *profile, const struct g2s_names *names, FILE *out)
{
	bool logs = profile->default_action.kind == G2S_ACTION_LOG;
	fputs("# Written by g2s-profile, for /etc/systemd/system/NAME.service.d/seccomp.conf\n",
	      out);
	if (!logs) {
		fputs("# systemd allows its set @default besides: systemd-analyze syscall-filter "
		      "@default\n", out);
	}
	fputs("[Service]\n", out);
	write_arches(out, &profile->architectures);
	if (logs) {
		fputs("SystemCallLog=\n", out);
		write_list(out, "SystemCallLog=~", names);
		return;
	}
	fputs("SystemCallFilter=\n", out);
	if (names->count != 0) {
		write_list(out, "SystemCallFilter=", names);
	} else {
		/* A list without a name would be no list, and allow everything. */
		fputs("SystemCallFilter=@default\n", out);
	}
	write_error(out, profile->default_action);
}

enum g2s_code g2s_systemd_write(const struct g2s_profile *profile, FILE *out,
                                struct g2s_error *err)
{
	struct g2s_names names = {0};
	enum g2s_code code = g2s_listing_take(profile, &names, err);
	if (code == G2S_OK) {
		code = check(profile, names.count, err);
	}
	if (code == G2S_OK) {
		write_unit(profile, &names, out);
	}
	g2s_names_free(&names);
	return code;
}
