/* SPDX-License-Identifier: MIT */
#ifndef G2S_KERNEL_H
#define G2S_KERNEL_H

#include <stdint.h>

/*
 * Makes a system call that the C library has no name for; an errno below 0 is a failure.  Not by
 * its syscall(), into which, as far as g2s-scan can see, other code runs with any number.
 */
long kernel_call(long number, uintptr_t first, uintptr_t second, uintptr_t third,
                 uintptr_t fourth);

#endif
