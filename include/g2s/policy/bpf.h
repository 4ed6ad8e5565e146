/* SPDX-License-Identifier: MIT */
#ifndef G2S_POLICY_BPF_H
#define G2S_POLICY_BPF_H

#include "g2s/error.h"
#include "g2s/policy/names.h"
#include "g2s/policy/seccomp.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * A profile as the program that the kernel runs for each call: classic BPF over struct
 * seccomp_data (seccomp(2), Documentation/userspace-api/seccomp_filter.rst), as bubblewrap
 * (--seccomp FD) and crun (annotation run.oci.seccomp_bpf_data, in base64) load it.
 *
 *	load the architecture
 *	for each architecture of the profile, unless it is another one:
 *		load the number
 *		x86_64: on to the second search when the number has the x32 bit
 *		a balanced search over ranges of numbers, each with its action
 *	kill the process
 *
 * A call under an architecture that the profile does not list kills the process, whatever the
 * default action is: its numbers mean other calls.  So does one of x32 where SCMP_ARCH_X32 is not
 * listed, but for number -1, which is no call and falls to the default action, as a tracer sets
 * it to skip one.
 *
 * A name counts under its own number on each architecture that has one: "socket" on x86 is 359,
 * and no part of socketcall, which is a name of its own.
 */

/* As struct sock_filter of the kernel, <linux/filter.h>. */
struct g2s_bpf_instruction {
	uint16_t code;
	/* How many instructions to pass over when a comparison holds, and when it does not. */
	uint8_t jt;
	uint8_t jf;
	uint32_t k;
};

/* The most that the kernel takes, BPF_MAXINSNS. */
#define G2S_BPF_MAX 4096

/* Zero-initialise it; g2s_bpf_free. */
struct g2s_bpf {
	struct g2s_bpf_instruction *items;
	size_t count;
	size_t capacity;
};

/*
 * Builds the program into *program, and adds to *unknown the names that have an action other than
 * the default one and a number on no architecture that g2s knows: they are not in the program.
 * The caller frees both, after a failure too.
 *
 * G2S_ERR_FORMAT for what the program cannot say or g2s does not write: rules with conditions,
 * SCMP_ACT_NOTIFY (it needs a listener), an errno over 4095 or a tracer's message over 65535,
 * flags (whoever loads the program sets them), no architecture, one that depends on the host
 * (archMap) or has no table here, and more than G2S_BPF_MAX instructions.
 */
enum g2s_code g2s_bpf_build(const struct g2s_profile *profile, struct g2s_bpf *program,
                            struct g2s_names *unknown, struct g2s_error *err);

/*
 * Writes the instructions, 8 bytes each, in the byte order of the architectures that g2s knows,
 * which is little-endian for all.  The caller looks at ferror(out).
 */
void g2s_bpf_write(const struct g2s_bpf *program, FILE *out);

void g2s_bpf_free(struct g2s_bpf *program);

#endif
