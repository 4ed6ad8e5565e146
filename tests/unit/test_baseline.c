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
/* With no-new-privileges; crun's exec needs what it needs without. */
#define RUNC_NO_NEW \
	"write close fstat mmap rt_sigreturn execve fstatfs futex getdents64 openat statx " \
	"openat2 fcntl readlinkat exit_group"
#define RUNC_NO_NEW_KILL RUNC_NO_NEW " getpid epoll_ctl"
#define ANY_NO_NEW \
	"read write close fstat rt_sigaction rt_sigprocmask rt_sigreturn mmap select execve " \
	"exit_group fcntl fchown setresuid setresgid setgroups capset fstatfs prctl futex " \
	"getdents64 openat newfstatat readlinkat pselect6 statx openat2 close_range"
#define ANY_NO_NEW_KILL ANY_NO_NEW " getpid epoll_ctl ioctl umask"
#define TINI \
	"mprotect brk rt_sigaction rt_sigprocmask ioctl clone execve wait4 setpgid " \
	"rt_sigtimedwait arch_prctl exit_group uname kill getpid"
#define TINI_KILL \
	TINI " close getpgrp readlink readlinkat set_tid_address set_robust_list " \
	"prlimit64 getrandom rseq close_range"
#define CATATONIT \
	"read mprotect brk rt_sigprocmask ioctl getpid clone execve wait4 kill setpgid getpgrp " \
	"arch_prctl openat signalfd4 exit_group"
#define CATATONIT_KILL \
	CATATONIT " close chdir readlink readlinkat uname set_tid_address set_robust_list " \
	"prlimit64 getrandom rseq close_range"

enum { NEW, NO_NEW };

/*
 * Compares the baseline with a list of words, and with restart_syscall, which the kernel calls,
 * where there is a runtime.
 */
static void expect(unsigned callers, bool fatal, bool no_new, const char *words, size_t count)
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
	if ((callers & G2S_RUNTIME_ANY) != 0) {
		assert_true(g2s_names_add(&wanted, "restart_syscall"));
		g2s_names_sort(&wanted);
	}
	const struct g2s_baseline_choice choice = {callers, fatal, no_new};
	assert_true(g2s_baseline_add(&names, &choice));
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
	expect(G2S_RUNTIME_ANY, false, NEW, ANY_ERRNO, 36);
	expect(G2S_RUNTIME_ANY, true, NEW, ANY_KILL, 46);
	expect(G2S_RUNTIME_RUNC, false, NEW, RUNC_ERRNO, 29);
	expect(G2S_RUNTIME_RUNC, true, NEW, RUNC_KILL, 38);
	expect(G2S_RUNTIME_CRUN, false, NEW, CRUN_ERRNO, 18);
	expect(G2S_RUNTIME_CRUN, true, NEW, CRUN_KILL, 22);
	expect(G2S_RUNTIME_NONE, false, NEW, "", 0);
	expect(G2S_RUNTIME_NONE, true, NEW, "", 0);
}

static void narrows_with_no_new_privileges(void **state)
{
	(void)state;
	expect(G2S_RUNTIME_ANY, false, NO_NEW, ANY_NO_NEW, 28);
	expect(G2S_RUNTIME_ANY, true, NO_NEW, ANY_NO_NEW_KILL, 32);
	expect(G2S_RUNTIME_RUNC, false, NO_NEW, RUNC_NO_NEW, 15);
	expect(G2S_RUNTIME_RUNC, true, NO_NEW, RUNC_NO_NEW_KILL, 17);
	expect(G2S_RUNTIME_CRUN, false, NO_NEW, CRUN_ERRNO, 18);
	expect(G2S_RUNTIME_CRUN, true, NO_NEW, CRUN_KILL, 22);
	expect(G2S_RUNTIME_NONE, true, NO_NEW, "", 0);
}

static void has_inits(void **state)
{
	(void)state;
	for (int no_new = NEW; no_new <= NO_NEW; no_new++) {
		expect(G2S_INIT_TINI, false, no_new, TINI, 15);
		expect(G2S_INIT_TINI, true, no_new, TINI_KILL, 25);
		expect(G2S_INIT_CATATONIT, false, no_new, CATATONIT, 16);
		expect(G2S_INIT_CATATONIT, true, no_new, CATATONIT_KILL, 27);
	}
	/* They come on top of a runtime, and both can. */
	expect(G2S_RUNTIME_ANY | G2S_INIT_TINI, false, NEW, ANY_ERRNO " " TINI, 47);
	expect(G2S_RUNTIME_RUNC | G2S_INIT_CATATONIT, true, NO_NEW,
	       RUNC_NO_NEW_KILL " " CATATONIT_KILL, 38);
	expect(G2S_INIT_TINI | G2S_INIT_CATATONIT, false, NEW, TINI " " CATATONIT, 19);
}

/* What holds for every choice: less is never more. */
static void sets_lie_in_one_another(void **state)
{
	(void)state;
	static const unsigned callers[] = {
		G2S_RUNTIME_ANY, G2S_RUNTIME_RUNC, G2S_RUNTIME_CRUN, G2S_INIT_TINI,
		G2S_INIT_CATATONIT,
	};
	for (size_t i = 0; i < 4 * COUNT(callers); i++) {
		const struct g2s_baseline_choice choice = {callers[i / 4], i % 2 == 1, i / 2 % 2 == 1};
		struct g2s_names names = {0};
		assert_true(g2s_baseline_add(&names, &choice));
		assert_true(names.count != 0);
		for (size_t j = 0; j < 3; j++) {
			struct g2s_baseline_choice more = choice;
			struct g2s_names larger = {0};
			more.fatal = more.fatal || j == 0;
			more.no_new_privileges = more.no_new_privileges && j != 1;
			more.callers |= j == 2 ? G2S_RUNTIME_ANY : 0;
			assert_true(g2s_baseline_add(&larger, &more));
			for (size_t k = 0; k < names.count; k++) {
				assert_true(g2s_names_have(&larger, names.items[k]));
			}
			g2s_names_free(&larger);
		}
		g2s_names_free(&names);
	}
}

static void finds_names(void **state)
{
	(void)state;
	const struct g2s_baseline_entry entry = {.names = "read openat2 pselect6"};
	assert_true(g2s_baseline_has(&entry, "read"));
	assert_true(g2s_baseline_has(&entry, "openat2"));
	assert_true(g2s_baseline_has(&entry, "pselect6"));
	assert_false(g2s_baseline_has(&entry, "openat"));
	assert_false(g2s_baseline_has(&entry, "select6"));
	assert_false(g2s_baseline_has(&entry, "ead"));
	assert_false(g2s_baseline_has(&entry, "read openat2"));
	assert_false(g2s_baseline_has(&entry, " "));
	assert_false(g2s_baseline_has(&entry, ""));
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
		assert_true(entry->callers != 0);
		assert_true(strlen(entry->caller) > 0);
		assert_true(strlen(entry->stage) > 0);
		/* Something with a version. */
		assert_non_null(strpbrk(entry->evidence, "0123456789"));
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
		enum g2s_caller runtime;
	} cases[] = {
		{"any", G2S_RUNTIME_ANY},
		{"runc", G2S_RUNTIME_RUNC},
		{"crun", G2S_RUNTIME_CRUN},
		{"none", G2S_RUNTIME_NONE},
	};
	enum g2s_caller runtime;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(g2s_runtime_parse(cases[i].name, &runtime));
		assert_int_equal(runtime, cases[i].runtime);
	}
	assert_false(g2s_runtime_parse("", &runtime));
	assert_false(g2s_runtime_parse("Runc", &runtime));
	assert_false(g2s_runtime_parse("docker", &runtime));
	assert_false(g2s_runtime_parse("tini", &runtime));
	enum g2s_caller init;
	assert_true(g2s_init_parse("tini", &init));
	assert_int_equal(init, G2S_INIT_TINI);
	assert_true(g2s_init_parse("catatonit", &init));
	assert_int_equal(init, G2S_INIT_CATATONIT);
	assert_false(g2s_init_parse("", &init));
	assert_false(g2s_init_parse("runc", &init));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_what_was_measured),
		cmocka_unit_test(narrows_with_no_new_privileges),
		cmocka_unit_test(has_inits),
		cmocka_unit_test(sets_lie_in_one_another),
		cmocka_unit_test(finds_names),
		cmocka_unit_test(is_sound),
		cmocka_unit_test(parses_names),
	};
	return cmocka_run_group_tests_name("baseline", tests, NULL, NULL);
}
