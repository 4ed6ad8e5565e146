/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/policy/baseline.h"
#include "g2s/policy/sysno.h"

#include <stdlib.h>
#include <string.h>

/* The sets as they were measured, written down a second time. */
#define ANY_ERRNO \
	"read write close fstat rt_sigaction rt_sigprocmask rt_sigreturn mmap select execve " \
	"exit_group fcntl fchown getcwd chdir setuid setgid setresuid setresgid getppid " \
	"setgroups capget capset fstatfs prctl futex getdents64 openat newfstatat readlinkat " \
	"faccessat pselect6 statx openat2 faccessat2 close_range"
#define ANY_KILL \
	ANY_ERRNO " getpid epoll_ctl tgkill ioctl umask uname open_tree fsopen fsconfig fsmount"
#define RUNC_ERRNO \
	"read write close fstat mmap rt_sigreturn execve fcntl getcwd chdir fchown setuid " \
	"setgid getppid setgroups capget capset fstatfs prctl futex getdents64 openat " \
	"newfstatat readlinkat faccessat statx openat2 faccessat2 exit_group"
#define RUNC_KILL \
	RUNC_ERRNO " getpid epoll_ctl tgkill close_range uname open_tree fsopen fsconfig fsmount"
#define CRUN_ERRNO \
	"read write rt_sigaction rt_sigprocmask select pselect6 execve setresuid setresgid " \
	"capset prctl fstat openat setgroups statx newfstatat fchown exit_group"
#define CRUN_KILL CRUN_ERRNO " close close_range ioctl umask"

/* Compares the baseline with a list of words and restart_syscall, which the kernel calls. */
static void expect(enum g2s_runtime runtime, bool fatal, const char *words, size_t count)
{
	struct g2s_names wanted = {0};
	struct g2s_names names = {0};
	char *copy = strdup(words);
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
		assert_true(g2s_names_add(&wanted, word));
	}
	free(copy);
	g2s_names_sort(&wanted);
	assert_int_equal(wanted.count, count);
	if (count != 0) {
		assert_true(g2s_names_add(&wanted, "restart_syscall"));
		g2s_names_sort(&wanted);
	}
	assert_true(g2s_baseline_add(&names, runtime, fatal));
	g2s_names_sort(&names);
	assert_int_equal(names.count, wanted.count);
	for (size_t i = 0; i < names.count; i++) {
		assert_string_equal(names.items[i], wanted.items[i]);
	}
	g2s_names_free(&names);
	g2s_names_free(&wanted);
}

static void is_what_was_measured(void **state)
{
	(void)state;
	expect(G2S_RUNTIME_ANY, false, ANY_ERRNO, 36);
	expect(G2S_RUNTIME_ANY, true, ANY_KILL, 46);
	expect(G2S_RUNTIME_RUNC, false, RUNC_ERRNO, 29);
	expect(G2S_RUNTIME_RUNC, true, RUNC_KILL, 38);
	expect(G2S_RUNTIME_CRUN, false, CRUN_ERRNO, 18);
	expect(G2S_RUNTIME_CRUN, true, CRUN_KILL, 22);
	expect(G2S_RUNTIME_NONE, false, "", 0);
	expect(G2S_RUNTIME_NONE, true, "", 0);
}

/*
 * Each entry says where it comes from, and names only system calls of the machine it was
 * measured on.
 */
static void is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < g2s_baseline_count; i++) {
		const struct g2s_baseline_entry *entry = &g2s_baseline[i];
		assert_true(entry->runtimes != 0);
		assert_true(strlen(entry->evidence) > 0);
		char *copy = strdup(entry->names);
		size_t length = 0;
		for (char *name = strtok(copy, " "); name != NULL; name = strtok(NULL, " ")) {
			assert_true(g2s_sysno_number("x86_64", name) >= 0);
			length += strlen(name) + 1;
		}
		/* One space between two names, and none elsewhere. */
		assert_int_equal(length, strlen(entry->names) + 1);
		free(copy);
	}
}

static void parses_names(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum g2s_runtime runtime;
	} cases[] = {
		{"any", G2S_RUNTIME_ANY},
		{"runc", G2S_RUNTIME_RUNC},
		{"crun", G2S_RUNTIME_CRUN},
		{"none", G2S_RUNTIME_NONE},
	};
	enum g2s_runtime runtime;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(g2s_runtime_parse(cases[i].name, &runtime));
		assert_int_equal(runtime, cases[i].runtime);
	}
	assert_false(g2s_runtime_parse("", &runtime));
	assert_false(g2s_runtime_parse("Runc", &runtime));
	assert_false(g2s_runtime_parse("docker", &runtime));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_what_was_measured),
		cmocka_unit_test(is_sound),
		cmocka_unit_test(parses_names),
	};
	return cmocka_run_group_tests_name("baseline", tests, NULL, NULL);
}
