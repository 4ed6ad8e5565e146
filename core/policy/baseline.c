/* SPDX-License-Identifier: MIT */
#include "g2s/policy/baseline.h"

#include <stddef.h>
#include <string.h>

/*
 * Measured on x86_64 and kernel 6.18 by running a program of two system calls under profiles of
 * these names: 11 builds of runc and crun, each with no-new-privileges and without, with EPERM,
 * ENOSYS and KILL as default action, plain, as another user, with a terminal, with create and
 * start, and with exec: 792 of 792 started under the set for any runtime.
 *
 * - futex, rt_sigreturn and mmap in runc are races of its Go runtime, seen in under 1 % to 87 % of
 *   starts: a trace of one start misses them.
 * - Docker, containerd and Podman add nothing to what runc or crun calls.
 * - LOG refuses nothing.  The names are those of ERRNO then, so that the log shows what
 *   ERRNO would refuse.
 */
#define RUNC_BUILDS "runc 1.0.0-rc93, 1.1.5, 1.1.15, 1.2.9, 1.3.6, 1.4.3, 1.5.1"
#define CRUN_BUILDS "crun 0.17, 1.8.1, 1.21, 1.28"

const struct g2s_baseline_entry g2s_baseline[] = {
	{
		G2S_RUNTIME_RUNC, G2S_BASELINE_ALWAYS, false, RUNC_BUILDS,
		"read write close fstat mmap rt_sigreturn execve fcntl getcwd chdir fchown "
		"setuid setgid getppid setgroups capget capset fstatfs prctl futex getdents64 "
		"openat newfstatat readlinkat faccessat statx openat2 faccessat2",
	},
	{
		G2S_RUNTIME_RUNC, G2S_BASELINE_ALWAYS, true, RUNC_BUILDS,
		"write close fstat mmap rt_sigreturn execve fstatfs futex getdents64 openat "
		"statx openat2 fcntl readlinkat",
	},
	{
		/* From uname on: runc exec. */
		G2S_RUNTIME_RUNC, G2S_BASELINE_FATAL, false, RUNC_BUILDS,
		"getpid epoll_ctl tgkill close_range uname open_tree fsopen fsconfig fsmount",
	},
	{
		G2S_RUNTIME_RUNC, G2S_BASELINE_FATAL, true, RUNC_BUILDS,
		"getpid epoll_ctl",
	},
	{
		G2S_RUNTIME_CRUN, G2S_BASELINE_ALWAYS, false, CRUN_BUILDS,
		"read write rt_sigaction rt_sigprocmask select pselect6 execve setresuid "
		"setresgid capset prctl fstat openat setgroups statx newfstatat fchown",
	},
	{
		/* The start needs no more; crun exec is as without no-new-privileges. */
		G2S_RUNTIME_CRUN, G2S_BASELINE_ALWAYS, true, CRUN_BUILDS,
		"execve",
	},
	{
		G2S_RUNTIME_CRUN, G2S_BASELINE_FATAL, false, CRUN_BUILDS,
		"close close_range ioctl umask",
	},
	{
		G2S_RUNTIME_CRUN, G2S_BASELINE_FATAL, true, CRUN_BUILDS,
		"close close_range",
	},
	{
		/* No single measurement needed it; the set that started all of them held it. */
		G2S_RUNTIME_OTHER, G2S_BASELINE_ALWAYS, false, RUNC_BUILDS "; " CRUN_BUILDS,
		"close_range",
	},
	{
		/* Without it a runc that fails early spins or hangs, and its error is lost. */
		G2S_RUNTIME_ANY, G2S_BASELINE_ALWAYS, false, RUNC_BUILDS "; " CRUN_BUILDS,
		"exit_group",
	},
	{
		/* The kernel makes this call itself after a stop; no code contains it. */
		G2S_RUNTIME_ANY, G2S_BASELINE_ALWAYS, false, "kernel 6.18",
		"restart_syscall",
	},
};

const size_t g2s_baseline_count = sizeof(g2s_baseline) / sizeof(g2s_baseline[0]);

bool g2s_runtime_parse(const char *name, enum g2s_runtime *runtime)
{
	static const struct {
		const char *name;
		enum g2s_runtime runtime;
	} runtimes[] = {
		{"any", G2S_RUNTIME_ANY},
		{"runc", G2S_RUNTIME_RUNC},
		{"crun", G2S_RUNTIME_CRUN},
		{"none", G2S_RUNTIME_NONE},
	};
	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
		if (strcmp(runtimes[i].name, name) == 0) {
			*runtime = runtimes[i].runtime;
			return true;
		}
	}
	return false;
}

/* Adds each of the words; returns false when memory ran out. */
static bool add_words(struct g2s_names *names, const char *words)
{
	while (*words != '\0') {
		/* Longer than the name of any system call. */
		char name[32];
		size_t length = strcspn(words, " ");
		if (length >= sizeof(name)) {
			return false;
		}
		memcpy(name, words, length);
		name[length] = '\0';
		if (!g2s_names_add(names, name)) {
			return false;
		}
		words += length;
		words += *words == ' ';
	}
	return true;
}

bool g2s_baseline_add(struct g2s_names *names, enum g2s_runtime runtime, bool fatal)
{
	for (size_t i = 0; i < g2s_baseline_count; i++) {
		const struct g2s_baseline_entry *entry = &g2s_baseline[i];
		if ((entry->runtimes & runtime) == 0 ||
		    (entry->when == G2S_BASELINE_FATAL && !fatal)) {
			continue;
		}
		if (!add_words(names, entry->names)) {
			return false;
		}
	}
	return true;
}
