/* SPDX-License-Identifier: MIT */
#include "g2s/policy/host.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * --- names of things
 * ---------------------------------------------------------------------------
 */

const struct g2s_host_arch *g2s_host_arch(const char *name)
{
	/* Of Docker's list those for which Docker is built. */
	static const struct g2s_host_arch arches[] = {
		{"x86_64", "amd64", "SCMP_ARCH_X86_64"},
		{"x86", "x86", "SCMP_ARCH_X86"},
		{"aarch64", "arm64", "SCMP_ARCH_AARCH64"},
		{"arm", "arm", "SCMP_ARCH_ARM"},
		{"ppc64le", "ppc64le", "SCMP_ARCH_PPC64LE"},
		{"riscv64", "riscv64", "SCMP_ARCH_RISCV64"},
		{"s390x", "s390x", "SCMP_ARCH_S390X"},
		{"loongarch64", "loong64", "SCMP_ARCH_LOONGARCH64"},
	};
	if (strcmp(name, "386") == 0) {
		name = "x86";
	}
	for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++) {
		if (strcmp(arches[i].arch, name) == 0 || strcmp(arches[i].docker, name) == 0 ||
		    strcmp(arches[i].scmp, name) == 0) {
			return &arches[i];
		}
	}
	return NULL;
}

/* The capabilities of Linux 6.18 (include/uapi/linux/capability.h), in the order of its numbers. */
static const char *const capabilities[] = {
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
	"CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW",
	"CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
	"CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE",
	"CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ",
	"CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
};

enum { CAPABILITY_COUNT = sizeof(capabilities) / sizeof(capabilities[0]) };

const char *g2s_capability(const char *name)
{
	for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
		const char *bare = capabilities[i] + strlen("CAP_");
		if (strcasecmp(capabilities[i], name) == 0 || strcasecmp(bare, name) == 0) {
			return capabilities[i];
		}
	}
	return NULL;
}

bool g2s_capabilities_add(struct g2s_names *names)
{
	for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
		if (!g2s_names_add(names, capabilities[i])) {
			return false;
		}
	}
	return true;
}

/* A decimal number below 65536 at *text, which moves behind it. */
static bool take_number(const char **text, uint32_t *number)
{
	const char *start = *text;
	*number = 0;
	while (**text >= '0' && **text <= '9' && *text - start < 5) {
		*number = *number * 10 + (uint32_t)(**text - '0');
		(*text)++;
	}
	return *text != start && *number <= 0xffff;
}

bool g2s_kernel_parse(const char *text, uint32_t *version)
{
	uint32_t first;
	uint32_t second = 0;
	if (!take_number(&text, &first)) {
		return false;
	}
	if (*text == '.') {
		text++;
		if (!take_number(&text, &second)) {
			return false;
		}
	}
	*version = first << 16 | second;
	/* "6.18.3-1-amd64", "6.18-rc1", "6.18+" */
	return *text == '\0' || *text == '.' || *text == '-' || *text == '+';
}

/*
 * --- binding
 * -----------------------------------------------------------------------------------
 */

/* Frees a list and makes it ask for nothing. */
static void take_off(struct g2s_names *names)
{
	g2s_names_free(names);
}

static void take_off_kernel(struct g2s_rule_filter *filter)
{
	free(filter->min_kernel);
	filter->min_kernel = NULL;
}

/* How many of names the capabilities hold. */
static size_t count_held(const struct g2s_host *host, const struct g2s_names *names)
{
	size_t held = 0;
	for (size_t i = 0; i < names->count; i++) {
		held += g2s_names_have(&host->caps, names->items[i]);
	}
	return held;
}

/* Takes what holds off the conditions; returns false when one of them does not. */
static bool bind_includes(struct g2s_rule_filter *includes, const struct g2s_host *host)
{
	if (host->arch != NULL && includes->arches.count != 0) {
		if (!g2s_names_have(&includes->arches, host->arch->docker)) {
			return false;
		}
		take_off(&includes->arches);
	}
	if (host->caps_known && includes->caps.count != 0) {
		if (count_held(host, &includes->caps) != includes->caps.count) {
			return false;
		}
		take_off(&includes->caps);
	}
	uint32_t version;
	if (host->kernel_known && includes->min_kernel != NULL) {
		if (g2s_kernel_parse(includes->min_kernel, &version) && host->kernel < version) {
			return false;
		}
		take_off_kernel(includes);
	}
	return true;
}

/* Takes what does not exclude the host off; returns false when something does. */
static bool bind_excludes(struct g2s_rule_filter *excludes, const struct g2s_host *host)
{
	if (host->arch != NULL) {
		if (g2s_names_have(&excludes->arches, host->arch->docker)) {
			return false;
		}
		take_off(&excludes->arches);
	}
	if (host->caps_known) {
		if (count_held(host, &excludes->caps) != 0) {
			return false;
		}
		take_off(&excludes->caps);
	}
	uint32_t version;
	if (host->kernel_known && excludes->min_kernel != NULL) {
		if (g2s_kernel_parse(excludes->min_kernel, &version) && host->kernel >= version) {
			return false;
		}
		take_off_kernel(excludes);
	}
	return true;
}


/* Makes the architectures those of the filter on this host. */
static bool bind_arches(struct g2s_profile *profile, const struct g2s_host_arch *arch)
{
	/* A filter begins with the host's own, whatever the profile lists. */
	bool done = g2s_names_add(&profile->architectures, arch->scmp);
	bool found = false;
	for (size_t i = 0; i < profile->arch_map_count; i++) {
		struct g2s_arch_map *entry = &profile->arch_map[i];
		/* The first that fits counts. */
		if (!found && strcmp(entry->architecture, arch->scmp) == 0) {
			found = true;
			done = done && g2s_names_add_all(&profile->architectures,
			                       &entry->sub_architectures);
		}
		free(entry->architecture);
		g2s_names_free(&entry->sub_architectures);
	}
	profile->arch_map_count = 0;
	g2s_names_sort(&profile->architectures);
	return done;
}

static enum g2s_code check_kernel(const struct g2s_rule_filter *filter, size_t rule,
                                  const char *where, struct g2s_error *err)
{
	uint32_t version;
	if (filter->min_kernel == NULL || g2s_kernel_parse(filter->min_kernel, &version)) {
		return G2S_OK;
	}
	return g2s_fail(err, G2S_ERR_FORMAT, 0, "syscalls[%zu].%s.minKernel: is no version", rule,
	                where);
}

enum g2s_code g2s_profile_bind(struct g2s_profile *profile, const struct g2s_host *host,
                               struct g2s_error *err)
{
	enum g2s_code code = G2S_OK;
	for (size_t i = 0; i < profile->rule_count && code == G2S_OK; i++) {
		code = check_kernel(&profile->rules[i].includes, i, "includes", err);
		if (code == G2S_OK) {
			code = check_kernel(&profile->rules[i].excludes, i, "excludes", err);
		}
	}
	if (code != G2S_OK) {
		return code;
	}
	size_t kept = 0;
	for (size_t i = 0; i < profile->rule_count; i++) {
		struct g2s_rule rule = profile->rules[i];
		/* Both are to be called only as long as the rule may count. */
		if (bind_includes(&rule.includes, host) && bind_excludes(&rule.excludes, host)) {
			profile->rules[kept++] = rule;
		} else {
			g2s_rule_free(&rule);
		}
	}
	profile->rule_count = kept;
	if (host->arch != NULL && !bind_arches(profile, host->arch)) {
		return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
	}
	return G2S_OK;
}
