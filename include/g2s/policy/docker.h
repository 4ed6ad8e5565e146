/* SPDX-License-Identifier: MIT */
#ifndef G2S_POLICY_DOCKER_H
#define G2S_POLICY_DOCKER_H

/*
 * What Docker's default seccomp profile says of a system call: a measure that people know for what
 * a container usually may do.  The data is core/policy/docker.tsv; its first line says which
 * version of the profile it is.
 */

enum g2s_docker_verdict {
	/* Always denied. */
	G2S_DOCKER_DENIED,
	/* Allowed only with one of some capabilities. */
	G2S_DOCKER_CAPABILITY,
	/* With conditions: arguments, architectures, kernels; perhaps capabilities as well. */
	G2S_DOCKER_CONDITION,
	/* Always allowed. */
	G2S_DOCKER_ALLOWED,
};

/* Room for the longest phrase, with its NUL. */
enum { G2S_DOCKER_PHRASE_SIZE = 160 };

/*
 * Judges the system call of that name for a program of architecture arch ("x86_64", as in the
 * stream; NULL when that is not known).  A rule for other hosts than those that run such programs
 * does not count.  phrase, unless NULL, becomes a sentence's end that says it in full:
 *
 *     denied by Docker's default profile
 *     allowed by Docker's default profile
 *     allowed by Docker's default profile only with CAP_SYS_ADMIN or CAP_BPF
 *     allowed by Docker's default profile only on Linux 4.8 or later or with CAP_SYS_PTRACE
 *     allowed by Docker's default profile only with some arguments or with CAP_SYS_ADMIN
 *     allowed by Docker's default profile only with CAP_SYS_ADMIN, else ENOSYS
 */
enum g2s_docker_verdict g2s_docker_judge(const char *arch, const char *name,
                                         char phrase[G2S_DOCKER_PHRASE_SIZE]);

/* "denied", "capability", "condition" or "allowed": for machines. */
const char *g2s_docker_verdict_name(enum g2s_docker_verdict verdict);

#endif
