/* SPDX-License-Identifier: MIT */
#include "lock.h"

#include "cli.h"
#include "kernel.h"

#include "g2s/memory.h"
#include "g2s/policy/bpf.h"
#include "g2s/policy/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef G2S_TEST_BUG
/* tests/cli/bug.c: does what a hostile file may have made of us. */
void g2s_test_bug(void);
#endif

/* The architecture that this executable is made for, as streams call it. */
#if defined(__x86_64__)
#define OWN_ARCH "x86_64"
#elif defined(__aarch64__)
#define OWN_ARCH "aarch64"
#else
#define OWN_ARCH "unknown"
#endif

/*
 * All that is left.  tests/cli/locked.bats compares it with what g2s-scan finds in g2s, and with
 * what a locked process is seen to call.
 */
static const char *const allowed[] = {
	/* memory */
	"brk", "madvise", "mmap", "mprotect", "mremap", "munmap",
	/* descriptors that are open */
	"close", "lseek", "read", "readv", "write", "writev",
	/* the end */
	"exit_group",
};

/* What is left as well to who may open files beneath a directory: their flags are looked at. */
static const char *const reading[] = {
	"fstat", "getdents64", "newfstatat", "openat", "readlinkat",
};

/*
 * --- limits
 * ------------------------------------------------------------------------------------
 */

static const char took_time[] = "took more CPU time than it may (--max-cpu)";
static const char cut_short[] =
	"was cut short while it was read, or its disk cannot read it any more";

const char *lock_loss(int signal, int *status)
{
	switch (signal) {
	case SIGXCPU:
		*status = G2S_EXIT_USAGE;
		return took_time;
	case SIGBUS:
		*status = G2S_EXIT_INPUT;
		return cut_short;
	default:
		return NULL;
	}
}

/* Lowers a limit; never raises one that is lower already. */
static void lower(int resource, rlim_t soft, rlim_t hard)
{
	struct rlimit limit;
	if (getrlimit(resource, &limit) == 0 &&
	    (soft < limit.rlim_cur || hard < limit.rlim_max)) {
		limit.rlim_cur = soft < limit.rlim_cur ? soft : limit.rlim_cur;
		limit.rlim_max = hard < limit.rlim_max ? hard : limit.rlim_max;
		setrlimit(resource, &limit);
	}
}

/* Bytes of the address space that are in use: code, the file, and what a parent had. */
static uint64_t space_in_use(void)
{
	char text[64];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return 0;
	}
	ssize_t got = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	return strtoull(text, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* in_use: of the address space, beside which there may be as much again as the lock says. */
static void set_limits(const struct lock *lock, uint64_t in_use)
{
	if (!lock->off) {
		/* Nobody is to find the bytes of a file, or what they did, in a core dump. */
		lower(RLIMIT_CORE, 0, 0);
	}
	if (lock->cpu != 0) {
		/* A signal, and for who does not heed it the end a second later. */
		lower(RLIMIT_CPU, lock->cpu, lock->cpu + 1);
	}
#ifdef G2S_UNLOCKED
	(void)in_use;
#else
	if (lock->memory != 0) {
		lower(RLIMIT_AS, in_use + lock->memory, in_use + lock->memory);
	}
#endif
}

/*
 * --- the lock
 * ----------------------------------------------------------------------------------
 */

/* The filter, once it is made; and why it could not be. */
static struct g2s_bpf filter;
static struct g2s_error filter_error;

/*
 * Puts before the filter that a call of openat kills which asks to write, to create or to cut
 * short: a profile with conditions is not written as one.  Returns false when memory ran out.
 */
static bool look_at_flags(void)
{
	enum {
		/* BPF_LD | BPF_W | BPF_ABS; BPF_JMP with JEQ and JSET; BPF_RET. */
		LOAD = 0x20, EQUAL = 0x15, ANY_BIT = 0x45, RETURN = 0x06,
		/* Where in struct seccomp_data the number and the lower half of the flags are. */
		NUMBER = 0, FLAGS = 16 + 2 * 8,
		/* musl's O_ACCMODE has O_PATH in it, O_TMPFILE has O_DIRECTORY: both do no harm. */
		CHANGES = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND |
		          (O_TMPFILE & ~O_DIRECTORY),
	};
	static const struct g2s_bpf_instruction test[] = {
		{LOAD, 0, 0, NUMBER},
		{EQUAL, 0, 3, SYS_openat},
		{LOAD, 0, 0, FLAGS},
		{ANY_BIT, 0, 1, CHANGES},
		{RETURN, 0, 0, UINT32_C(0x80000000)}, /* SECCOMP_RET_KILL_PROCESS */
	};
	enum { COUNT = sizeof(test) / sizeof(test[0]) };
	if (!g2s_grow(&filter.items, &filter.capacity, filter.count + COUNT,
	              sizeof(filter.items[0]))) {
		return false;
	}
	memmove(filter.items + COUNT, filter.items, filter.count * sizeof(filter.items[0]));
	memcpy(filter.items, test, sizeof(test));
	filter.count += COUNT;
	return true;
}

/* Makes the filter: who is to fork many that lock themselves does that once. */
static void make_filter(const struct lock *lock)
{
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_KILL_PROCESS}};
	struct g2s_names unknown = {0};
	if (lock->off || filter.count != 0) {
		return;
	}
	const char *arch = g2s_scmp_arch(OWN_ARCH);
	struct g2s_rule *rule = g2s_profile_add_rule(&profile);
	bool done = rule != NULL && arch != NULL && g2s_names_add(&profile.architectures, arch);
	for (size_t i = 0; done && i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		done = g2s_names_add(&rule->names, allowed[i]);
	}
	for (size_t i = 0; done && lock->reads && i < sizeof(reading) / sizeof(reading[0]); i++) {
		done = g2s_names_add(&rule->names, reading[i]);
	}
	if (done) {
		rule->action.kind = G2S_ACTION_ALLOW;
		done = g2s_bpf_build(&profile, &filter, &unknown, &filter_error) == G2S_OK &&
		       (!lock->reads || look_at_flags());
	}
	if (!done) {
		g2s_bpf_free(&filter);
	}
	g2s_names_free(&unknown);
	g2s_profile_free(&profile);
}

#ifndef G2S_UNLOCKED

/* Adds to what was refused, which may be cut. */
static void refuse(char refused[LOCK_REFUSED_SIZE], const char *what, const char *why)
{
	size_t used = strlen(refused);
	snprintf(refused + used, LOCK_REFUSED_SIZE - used, "%s%s: %s", used != 0 ? "; " : "",
	         what, why);
}

/* As struct landlock_ruleset_attr of linux/landlock.h, which musl's compiler does not see. */
struct ruleset {
	uint64_t files;
	uint64_t net;
	uint64_t scoped;
};

/* As struct landlock_path_beneath_attr. */
struct beneath {
	uint64_t files;
	int32_t directory;
} __attribute__((packed));

/*
 * Takes all from this process that Landlock knows of, but to read beneath a directory when it is
 * to do that.  Returns 0 or an errno.
 */
static int lock_landlock(const struct lock *lock)
{
	/* Rights to files in versions 1, 2 (to link elsewhere), 3 (truncate), 4, 5 (ioctl). */
	static const unsigned char rights[] = {13, 14, 15, 15, 16};
	enum { CREATE_RULESET_VERSION = 1 };
	long version =
		kernel_call(SYS_landlock_create_ruleset, 0, 0, CREATE_RULESET_VERSION, 0);
	if (version < 1) {
		return version < 0 ? (int)-version : ENOSYS;
	}
	long last = sizeof(rights);
	const struct ruleset all = {
		.files = (UINT64_C(1) << rights[(version < last ? version : last) - 1]) - 1,
		/* To bind and to connect; abstract sockets and signals. */
		.net = version >= 4 ? 3 : 0,
		.scoped = version >= 6 ? 3 : 0,
	};
	/* An older kernel wants what it does not know to be zero, and takes that. */
	long fd = kernel_call(SYS_landlock_create_ruleset, (uintptr_t)&all, sizeof(all), 0, 0);
	if (fd < 0) {
		return (int)-fd;
	}
	long result = 0;
	if (lock->reads) {
		/* LANDLOCK_ACCESS_FS_READ_FILE and _READ_DIR; LANDLOCK_RULE_PATH_BENEATH */
		const struct beneath beneath = {1 << 2 | 1 << 3, lock->root};
		result = kernel_call(SYS_landlock_add_rule, (uintptr_t)fd, 1, (uintptr_t)&beneath,
		                     0);
	}
	if (result == 0) {
		result = kernel_call(SYS_landlock_restrict_self, (uintptr_t)fd, 0, 0, 0);
	}
	close((int)fd);
	return (int)-result;
}

/* As struct sock_fprog of linux/filter.h. */
struct program {
	unsigned short count;
	const struct g2s_bpf_instruction *items;
};

/* Returns 0 or an errno. */
static int lock_seccomp(void)
{
	enum { SET_MODE_FILTER = 1, SPEC_ALLOW = 4 };
	const struct program program = {(unsigned short)filter.count, filter.items};
	long result = kernel_call(SYS_seccomp, SET_MODE_FILTER, SPEC_ALLOW, (uintptr_t)&program, 0);
	if (result == -EINVAL) {
		/* An old kernel does not know the flag. */
		result = kernel_call(SYS_seccomp, SET_MODE_FILTER, 0, (uintptr_t)&program, 0);
	}
	return (int)-result;
}

/* How many descriptors are enough to have a few more. */
static rlim_t enough_descriptors(int any)
{
	enum { FEW = 4 };
	int more[FEW];
	rlim_t enough = 0;
	for (int i = 0; i < FEW; i++) {
		more[i] = fcntl(any, F_DUPFD_CLOEXEC, 0);
		enough = more[i] >= 0 ? (rlim_t)more[i] + 1 : enough;
	}
	for (int i = 0; i < FEW; i++) {
		if (more[i] >= 0) {
			close(more[i]);
		}
	}
	return enough;
}

static void lock_process(const struct lock *lock, char refused[LOCK_REFUSED_SIZE])
{
	if (lock->off) {
		return;
	}
	make_filter(lock);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		refuse(refused, "no_new_privs", strerror(errno));
	}
	int why = lock_landlock(lock);
	if (why != 0) {
		refuse(refused, "Landlock", strerror(why));
	}
	/* No open descriptor is lost by that, but none beyond it can be had. */
	rlim_t descriptors = lock->reads ? enough_descriptors(lock->root) : 0;
	lower(RLIMIT_NOFILE, descriptors, descriptors);
	if (filter.count == 0) {
		refuse(refused, "seccomp", filter_error.text[0] != '\0' ? filter_error.text :
		                           "no filter for this machine");
	} else if ((why = lock_seccomp()) != 0) {
		refuse(refused, "seccomp", strerror(why));
	}
}

/* What is refused here is refused to the children, and they tell. */
static void lock_forker(void)
{
	struct lock lock = {.reads = true};
	lock.root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && lock.root >= 0) {
		(void)lock_landlock(&lock);
	}
	if (lock.root >= 0) {
		close(lock.root);
	}
}

#else

/* Sanitizers and their like make calls of their own, and fill the address space. */
static void lock_process(const struct lock *lock, char refused[LOCK_REFUSED_SIZE])
{
	(void)lock;
	(void)refused;
}

static void lock_forker(void)
{
}

#endif

static void lock_it(const struct lock *lock, uint64_t in_use, char refused[LOCK_REFUSED_SIZE])
{
	refused[0] = '\0';
	set_limits(lock, in_use);
	lock_process(lock, refused);
#ifdef G2S_TEST_BUG
	g2s_test_bug();
#endif
}

void lock_child(const struct lock *lock, char refused[LOCK_REFUSED_SIZE])
{
	/* Whoever started us may have had them ignored. */
	signal(SIGXCPU, SIG_DFL);
	/* With what a parent has collected so far. */
	lock_it(lock, lock->memory != 0 ? space_in_use() : 0, refused);
}

/* This executable and its stack, when nothing was read yet. */
enum { OWN_SPACE = 1 << 20 };

/*
 * --- an applet
 * ---------------------------------------------------------------------------------
 */

/* What a message begins with, for a handler that can do nothing but write. */
static char prefix[4 * PATH_MAX];

static void end_with_message(int signal)
{
	int status = G2S_EXIT_USAGE;
	const char *why = lock_loss(signal, &status);
	if (why == NULL) {
		_exit(status);
	}
	const struct iovec parts[] = {
		{prefix, strlen(prefix)},
		{(void *)(uintptr_t)why, strlen(why)},
		{(void *)(uintptr_t)"\n", 1},
	};
	/* Nobody is left to be told when this fails. */
	(void)!writev(STDERR_FILENO, parts, sizeof(parts) / sizeof(parts[0]));
	_exit(status);
}

/* Divides the process when that has a file for its output. */
static int divide(const struct lock *lock, const char *applet, struct cli_output *output)
{
	if (output != NULL && output->path != NULL && !lock->off &&
	    !cli_output_divide(output)) {
		cli_message(applet, "cannot make a process to read in: %s (--no-sandbox needs "
		            "none)", strerror(errno));
		return G2S_EXIT_USAGE;
	}
	return G2S_EXIT_DONE;
}

int lock_parent(const struct lock *lock, const char *applet, struct cli_output *output)
{
	int status = divide(lock, applet, output);
	if (status == G2S_EXIT_DONE && !lock->off) {
		make_filter(lock);
		lower(RLIMIT_CORE, 0, 0);
		lock_forker();
	}
	return status;
}

int lock_applet(const struct lock *lock, const char *applet, const char *shown, size_t size,
                struct cli_output *output)
{
	char refused[LOCK_REFUSED_SIZE];
	int status = divide(lock, applet, output);
	if (status != G2S_EXIT_DONE) {
		return status;
	}
	struct sigaction action = {.sa_handler = end_with_message};
	cli_message_prefix(prefix, sizeof(prefix), applet, shown);
	sigaction(SIGXCPU, &action, NULL);
	if (shown != NULL) {
		sigaction(SIGBUS, &action, NULL);
	}
	lock_it(lock, OWN_SPACE + size, refused);
	if (lock->verbose && refused[0] != '\0') {
		lock_tell(applet, refused);
	}
	return G2S_EXIT_DONE;
}

void lock_tell(const char *applet, const char *refused)
{
	cli_message(applet, "the kernel refuses a part of the sandbox: %s", refused);
}
