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
 * - Docker, containerd and Podman add nothing to what runc or crun calls, but for the init that
 *   they put before the program when asked to: it runs under the filter as long as the program.
 * - crun's exec needs the same with no-new-privileges as without it: only its start needs less.
 * - LOG refuses nothing.  The names are those of ERRNO then, so that the log shows what
 *   ERRNO would refuse.
 */
#define RUNC "runc 1.0.0-rc93, 1.1.5, 1.1.15, 1.2.9, 1.3.6, 1.4.3, 1.5.1"
#define CRUN "crun 0.17, 1.8.1, 1.21, 1.28"
#define TINI "tini of docker run --init, Docker 20.10, 26, 28"
#define CATATONIT "catatonit of podman run --init, Podman 3 to 5"

#define CRUN_NAMES \
	"read write rt_sigaction rt_sigprocmask select pselect6 execve setresuid setresgid " \
	"capset prctl fstat openat setgroups statx newfstatat fchown"
#define CRUN_FATAL_NAMES "close close_range ioctl umask"

const struct g2s_baseline_entry g2s_baseline[] = {
	{
		G2S_RUNTIME_RUNC, "runc", G2S_BASELINE_ALWAYS, G2S_BASELINE_NEW, "start, exec",
		RUNC,
		"read write close fstat mmap rt_sigreturn execve fcntl getcwd chdir fchown "
		"setuid setgid getppid setgroups capget capset fstatfs prctl futex getdents64 "
		"openat newfstatat readlinkat faccessat statx openat2 faccessat2",
	},
	{
		G2S_RUNTIME_RUNC, "runc", G2S_BASELINE_ALWAYS, G2S_BASELINE_NO_NEW, "start, exec",
		RUNC,
		"write close fstat mmap rt_sigreturn execve fstatfs futex getdents64 openat "
		"statx openat2 fcntl readlinkat",
	},
	{
		G2S_RUNTIME_RUNC, "runc", G2S_BASELINE_FATAL, G2S_BASELINE_NEW, "start, exec",
		RUNC,
		"getpid epoll_ctl tgkill close_range",
	},
	{
		G2S_RUNTIME_RUNC, "runc", G2S_BASELINE_FATAL, G2S_BASELINE_NEW, "exec",
		RUNC,
		"uname open_tree fsopen fsconfig fsmount",
	},
	{
		G2S_RUNTIME_RUNC, "runc", G2S_BASELINE_FATAL, G2S_BASELINE_NO_NEW, "start, exec",
		RUNC,
		"getpid epoll_ctl",
	},
	{
		G2S_RUNTIME_CRUN, "crun", G2S_BASELINE_ALWAYS, G2S_BASELINE_NEW, "start, exec",
		CRUN, CRUN_NAMES,
	},
	{
		G2S_RUNTIME_CRUN, "crun", G2S_BASELINE_ALWAYS, G2S_BASELINE_NO_NEW, "start",
		CRUN,
		"execve",
	},
	{
		G2S_RUNTIME_CRUN, "crun", G2S_BASELINE_ALWAYS, G2S_BASELINE_NO_NEW, "exec",
		CRUN, CRUN_NAMES,
	},
	{
		G2S_RUNTIME_CRUN, "crun", G2S_BASELINE_FATAL, G2S_BASELINE_NEW, "start, exec",
		CRUN, CRUN_FATAL_NAMES,
	},
	{
		G2S_RUNTIME_CRUN, "crun", G2S_BASELINE_FATAL, G2S_BASELINE_NO_NEW, "start",
		CRUN,
		"close close_range",
	},
	{
		G2S_RUNTIME_CRUN, "crun", G2S_BASELINE_FATAL, G2S_BASELINE_NO_NEW, "exec",
		CRUN, CRUN_FATAL_NAMES,
	},
	{
		/* No single measurement needed it; the set that started all of them held it. */
		G2S_RUNTIME_OTHER, "other", G2S_BASELINE_ALWAYS, G2S_BASELINE_EITHER, "start, exec",
		RUNC ", " CRUN,
		"close_range",
	},
	{
		/* Without it a runc that fails early spins or hangs, and its error is lost. */
		G2S_RUNTIME_ANY, "any", G2S_BASELINE_ALWAYS, G2S_BASELINE_EITHER, "start, exec",
		RUNC ", " CRUN,
		"exit_group",
	},
	{
		/* The kernel makes this call itself after a stop; no code contains it. */
		G2S_RUNTIME_ANY, "any", G2S_BASELINE_ALWAYS, G2S_BASELINE_EITHER, "start, exec",
		"kernel 6.18",
		"restart_syscall",
	},
	{
		G2S_INIT_TINI, "tini", G2S_BASELINE_ALWAYS, G2S_BASELINE_EITHER, "start",
		TINI,
		"mprotect brk rt_sigaction rt_sigprocmask ioctl clone execve wait4 setpgid "
		"rt_sigtimedwait arch_prctl exit_group uname kill",
	},
	{
		/* It starts without, but warns each time that it is not process 1. */
		G2S_INIT_TINI, "tini", G2S_BASELINE_ALWAYS, G2S_BASELINE_EITHER, "start",
		"tini 0.19.0",
		"getpid",
	},
	{
		G2S_INIT_TINI, "tini", G2S_BASELINE_FATAL, G2S_BASELINE_EITHER, "start",
		TINI,
		"close getpid getpgrp readlink readlinkat set_tid_address set_robust_list "
		"prlimit64 getrandom rseq close_range",
	},
	{
		G2S_INIT_CATATONIT, "catatonit", G2S_BASELINE_ALWAYS, G2S_BASELINE_EITHER, "start",
		CATATONIT,
		"read mprotect brk rt_sigprocmask ioctl getpid clone execve wait4 kill setpgid "
		"getpgrp arch_prctl openat signalfd4 exit_group",
	},
	{
		G2S_INIT_CATATONIT, "catatonit", G2S_BASELINE_FATAL, G2S_BASELINE_EITHER, "start",
		CATATONIT,
		"close chdir readlink readlinkat uname set_tid_address set_robust_list prlimit64 "
		"getrandom rseq close_range",
	},
};

const size_t g2s_baseline_count = sizeof(g2s_baseline) / sizeof(g2s_baseline[0]);

/* A word of the command line and whom it names. */
struct word {
	const char *name;
	enum g2s_caller caller;
};

static bool parse(const struct word *words, size_t count, const char *name,
                  enum g2s_caller *caller)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i].name, name) == 0) {
			*caller = words[i].caller;
			return true;
		}
	}
	return false;
}

bool g2s_runtime_parse(const char *name, enum g2s_caller *runtime)
{
	static const struct word runtimes[] = {
		{"any", G2S_RUNTIME_ANY},
		{"runc", G2S_RUNTIME_RUNC},
		{"crun", G2S_RUNTIME_CRUN},
		{"none", G2S_RUNTIME_NONE},
	};
	return parse(runtimes, sizeof(runtimes) / sizeof(runtimes[0]), name, runtime);
}

bool g2s_init_parse(const char *name, enum g2s_caller *init)
{
	static const struct word inits[] = {
		{"tini", G2S_INIT_TINI},
		{"catatonit", G2S_INIT_CATATONIT},
	};
	return parse(inits, sizeof(inits) / sizeof(inits[0]), name, init);
}

bool g2s_baseline_chosen(const struct g2s_baseline_entry *entry,
                         const struct g2s_baseline_choice *choice)
{
	enum g2s_baseline_privileges other =
		choice->no_new_privileges ? G2S_BASELINE_NEW : G2S_BASELINE_NO_NEW;
	return (entry->callers & choice->callers) != 0 && entry->privileges != other &&
	       (entry->when == G2S_BASELINE_ALWAYS || choice->fatal);
}

bool g2s_baseline_has(const struct g2s_baseline_entry *entry, const char *name)
{
	size_t length = strlen(name);
	const char *at = entry->names;
	while (length != 0 && *at != '\0') {
		size_t word = strcspn(at, " ");
		if (word == length && memcmp(at, name, length) == 0) {
			return true;
		}
		at += word;
		at += *at == ' ';
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

bool g2s_baseline_add(struct g2s_names *names, const struct g2s_baseline_choice *choice)
{
	for (size_t i = 0; i < g2s_baseline_count; i++) {
		if (g2s_baseline_chosen(&g2s_baseline[i], choice) &&
		    !add_words(names, g2s_baseline[i].names)) {
			return false;
		}
	}
	return true;
}
