/* SPDX-License-Identifier: MIT */
#ifndef G2S_POLICY_HOST_H
#define G2S_POLICY_HOST_H

#include "g2s/error.h"
#include "g2s/policy/names.h"
#include "g2s/policy/seccomp.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Where a profile is loaded: what the includes, the excludes and the archMap of Docker's and
 * Podman's profiles ask about.  Whatever of it is not known stays open.
 */

/* An architecture of a host. */
struct g2s_host_arch {
	/* In the stream's spelling, or libseccomp's where the stream has none: "x86_64". */
	const char *arch;
	/* In Docker's and Podman's arches: "amd64". */
	const char *docker;
	/* In archMap and architectures: "SCMP_ARCH_X86_64". */
	const char *scmp;
};

/* By any of its three spellings, or by Go's ("386"); NULL when there is none of that name. */
const struct g2s_host_arch *g2s_host_arch(const char *name);

/* "SYS_ADMIN", "cap_sys_admin": the capability as profiles write it; NULL when there is none. */
const char *g2s_capability(const char *name);

/* Adds every capability that there is; returns false when memory ran out. */
bool g2s_capabilities_add(struct g2s_names *names) __attribute__((warn_unused_result));

/*
 * "4.8", or what uname -r prints, as a number that orders versions by their first two parts.
 * Returns false when text is no version.
 */
bool g2s_kernel_parse(const char *text, uint32_t *version);

/* Zero-initialised, nothing is known. */
struct g2s_host {
	/* NULL when it is not known. */
	const struct g2s_host_arch *arch;
	/* The capabilities of the container's bounding set, if caps_known. */
	struct g2s_names caps;
	bool caps_known;
	/* As g2s_kernel_parse numbers it, if kernel_known. */
	uint32_t kernel;
	bool kernel_known;
};

/*
 * Does what dockerd and Podman do when they make a filter of the profile: rules that do not count
 * there go, conditions that hold there are taken off their rules, and what is not known stays.
 * When the host's architecture is known, the architectures become those that the filter will
 * have: its own, those that are listed, and those that archMap has for it.
 *
 * Returns G2S_ERR_FORMAT when a kernel of the profile is no version, which no runtime loads, or
 * G2S_ERR_MEMORY; the profile is to be freed then.
 */
enum g2s_code g2s_profile_bind(struct g2s_profile *profile, const struct g2s_host *host,
                               struct g2s_error *err);

#endif
