/* SPDX-License-Identifier: MIT */
#include "g2s/policy/sysno.h"

#include "sysno_data.h"

#include <stddef.h>
#include <string.h>

/*
 * The calls for which x32 has a number of its own, from X32_OWN_FIRST on: those whose arguments
 * have another layout there (arch/x86/entry/syscalls/syscall_64.tbl of the kernel, ABI "x32").
 * The kernel adds none to them any more.
 */
static const char *const x32_own[] = {
	"rt_sigaction", "rt_sigreturn", "ioctl", "readv", "writev", "recvfrom", "sendmsg",
	"recvmsg", "execve", "ptrace", "rt_sigpending", "rt_sigtimedwait", "rt_sigqueueinfo",
	"sigaltstack", "timer_create", "mq_notify", "kexec_load", "waitid", "set_robust_list",
	"get_robust_list", "vmsplice", "move_pages", "preadv", "pwritev", "rt_tgsigqueueinfo",
	"recvmmsg", "sendmmsg", "process_vm_readv", "process_vm_writev", "setsockopt",
	"getsockopt", "io_setup", "io_submit", "execveat", "preadv2", "pwritev2",
};

enum { X32_OWN_FIRST = 512 };

static const size_t x32_own_count = sizeof(x32_own) / sizeof(x32_own[0]);

/* The calls of x86_64 that x32 has not at all (the same table, ABI "64" without a twin). */
static const char *const x32_lacks[] = {
	"_sysctl", "create_module", "epoll_ctl_old", "epoll_wait_old", "get_kernel_syms",
	"get_thread_area", "nfsservctl", "query_module", "set_thread_area", "uselib", "vserver",
};

static const struct g2s_sysno_table *find_table(const char *arch)
{
	for (const struct g2s_sysno_table *table = g2s_sysno_tables; table->arch != NULL; table++) {
		if (strcmp(table->arch, arch) == 0) {
			return table;
		}
	}
	return NULL;
}

bool g2s_sysno_has_arch(const char *arch)
{
	return find_table(arch) != NULL;
}

bool g2s_sysno_is_x32(const char *arch, int64_t number)
{
	return number >= G2S_SYSNO_X32_BIT && number < 2 * (int64_t)G2S_SYSNO_X32_BIT &&
	       strcmp(arch, "x86_64") == 0;
}

static const char *find_name(const struct g2s_sysno_table *table, int64_t number)
{
	size_t low = 0;
	size_t high = table->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (table->entries[middle].number < number) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < table->count && table->entries[low].number == number ?
	       table->names + table->entries[low].name : NULL;
}

/* The number, without the x32 bit, that x32 alone has for name; -1 when it is x86_64's. */
static int64_t x32_own_number(const char *name)
{
	for (size_t i = 0; i < x32_own_count; i++) {
		if (strcmp(x32_own[i], name) == 0) {
			return X32_OWN_FIRST + (int64_t)i;
		}
	}
	return -1;
}

/* True when x32 has the call name of x86_64 under the same number. */
static bool is_shared_with_x32(const char *name)
{
	for (size_t i = 0; i < sizeof(x32_lacks) / sizeof(x32_lacks[0]); i++) {
		if (strcmp(x32_lacks[i], name) == 0) {
			return false;
		}
	}
	return x32_own_number(name) < 0;
}

static const char *find_x32_name(const struct g2s_sysno_table *table, int64_t number)
{
	if (number >= X32_OWN_FIRST && number < X32_OWN_FIRST + (int64_t)x32_own_count) {
		return x32_own[number - X32_OWN_FIRST];
	}
	/* The kernel refuses the 64-bit number of a call that has one of its own. */
	const char *name = find_name(table, number);
	return name != NULL && is_shared_with_x32(name) ? name : NULL;
}

const char *g2s_sysno_name(const char *arch, int64_t number)
{
	const struct g2s_sysno_table *table = find_table(arch);
	if (table == NULL) {
		return NULL;
	}
	if (g2s_sysno_is_x32(arch, number)) {
		return find_x32_name(table, number - G2S_SYSNO_X32_BIT);
	}
	return find_name(table, number);
}

static int64_t find_number(const struct g2s_sysno_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++) {
		if (strcmp(table->names + table->entries[i].name, name) == 0) {
			return table->entries[i].number;
		}
	}
	return -1;
}

int64_t g2s_sysno_number(const char *arch, const char *name)
{
	const struct g2s_sysno_table *table = find_table(arch);
	return table != NULL ? find_number(table, name) : -1;
}

bool g2s_sysno_has_name(const char *name)
{
	for (const struct g2s_sysno_table *table = g2s_sysno_tables; table->arch != NULL; table++) {
		if (find_number(table, name) >= 0) {
			return true;
		}
	}
	return false;
}

int64_t g2s_sysno_x32_number(const char *name)
{
	int64_t number = x32_own_number(name);
	if (number < 0 && is_shared_with_x32(name)) {
		number = g2s_sysno_number("x86_64", name);
	}
	return number < 0 ? -1 : number + G2S_SYSNO_X32_BIT;
}
