/* SPDX-License-Identifier: MIT */
#ifndef G2S_POLICY_SYSNO_H
#define G2S_POLICY_SYSNO_H

#include <stdbool.h>
#include <stdint.h>

/* Numbers and names of system calls.  An architecture is spelled as in the stream: "x86_64". */

/*
 * An x86_64 program can make the calls of the x32 ABI, which has numbers of its own from 512 on
 * and shares the others; the kernel tells them apart by this bit.
 */
#define G2S_SYSNO_X32_BIT 0x40000000

/* True when there is a table for arch. */
bool g2s_sysno_has_arch(const char *arch);

/* True when number is a call of the x32 ABI. */
bool g2s_sysno_is_x32(const char *arch, int64_t number);

/*
 * The name of a system call; NULL when arch has none of that number, or is not known.  On x86_64
 * a number with the x32 bit has the name that x32 gives it.
 */
const char *g2s_sysno_name(const char *arch, int64_t number);

/* The number of a system call; -1 when arch has none of that name, or is not known. */
int64_t g2s_sysno_number(const char *arch, const char *name);

/* True when some architecture has a system call of that name. */
bool g2s_sysno_has_name(const char *name);

/* The number of an x32 call, with the x32 bit; -1 when there is none of that name. */
int64_t g2s_sysno_x32_number(const char *name);

#endif
