/* SPDX-License-Identifier: MIT */
#include "kernel.h"

#include <errno.h>

long kernel_call(long number, uintptr_t first, uintptr_t second, uintptr_t third,
                 uintptr_t fourth)
{
#if defined(__x86_64__)
	long result;
	register uintptr_t r10 __asm__("r10") = fourth;
	__asm__ volatile("syscall" : "=a"(result)
	                 : "a"(number), "D"(first), "S"(second), "d"(third), "r"(r10)
	                 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register uintptr_t x0 __asm__("x0") = first;
	register uintptr_t x1 __asm__("x1") = second;
	register uintptr_t x2 __asm__("x2") = third;
	register uintptr_t x3 __asm__("x3") = fourth;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return (long)x0;
#else
	(void)number, (void)first, (void)second, (void)third, (void)fourth;
	return -ENOSYS;
#endif
}
