/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MANY = 60 };

/* What the processes of a test share. */
struct shared {
	pid_t started[MANY];
	/* As many had been started when the first was handed on. */
	size_t ahead;
};

struct test {
	/* The process of the test itself. */
	pid_t self;
	struct shared *shared;
	/* What was handed on, in its order. */
	FILE *log;
	char *text;
	size_t size;
};

static void begin(struct test *test)
{
	*test = (struct test){.self = getpid()};
	test->shared = mmap(NULL, sizeof(*test->shared), PROT_READ | PROT_WRITE,
	                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(test->shared != MAP_FAILED);
	test->log = open_memstream(&test->text, &test->size);
	assert_non_null(test->log);
}

static void end(struct test *test)
{
	fclose(test->log);
	free(test->text);
	munmap(test->shared, sizeof(*test->shared));
	/* Every child was seen off. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void pause_for(long milliseconds)
{
	const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
	nanosleep(&time, NULL);
}

static void log_it(void *user, size_t index, const char *data, size_t size, const char *lost,
                   int signal)
{
	struct test *test = user;
	assert_int_equal(getpid(), test->self);
	assert_int_equal(signal != 0, lost != NULL && strstr(lost, "by signal") != NULL);
	fprintf(test->log, "%zu:%zu:%.*s:%s\n", index, size, size < 20 ? (int)size : 20,
	        size != 0 ? data : "", lost != NULL ? lost : "");
	if (index == 0) {
		for (size_t i = 0; i < MANY; i++) {
			test->shared->ahead += test->shared->started[i] != 0;
		}
	}
}

static const char *logged(struct test *test)
{
	fflush(test->log);
	return test->text;
}

/* Texts of nothing to more than any pipe holds; the earlier ones take longer. */
static void write_much(void *user, size_t index, FILE *out)
{
	struct test *test = user;
	test->shared->started[index] = getpid();
	if (getpid() != test->self) {
		pause_for(index % 7 == 0 ? 30 : 0);
	}
	for (size_t i = 0; i < index % 5 * 50000; i++) {
		putc('a' + (int)(index % 26), out);
	}
}

static void same_result_for_any_number(void **state)
{
	(void)state;
	static const unsigned workers[] = {0, 1, 2, 5, JOBS_WORKERS_MAX, 100000};
	char *wanted = NULL;
	for (size_t i = 0; i < COUNT(workers); i++) {
		struct test test;
		begin(&test);
		const struct jobs jobs = {.work = write_much, .done = log_it, .user = &test};
		jobs_run(&jobs, MANY, workers[i]);
		if (wanted == NULL) {
			wanted = strdup(logged(&test));
			assert_non_null(strstr(wanted, "\n9:200000:jjjjjjjjjjjjjjjjjjjj:\n"));
		}
		assert_string_equal(logged(&test), wanted);
		for (size_t k = 0; k < MANY; k++) {
			bool here = test.shared->started[k] == test.self;
			assert_int_equal(here, workers[i] == 0);
		}
		end(&test);
	}
	free(wanted);
}

static void nothing_to_do(void **state)
{
	(void)state;
	for (unsigned workers = 0; workers < 3; workers++) {
		struct test test;
		begin(&test);
		const struct jobs jobs = {.work = write_much, .done = log_it, .user = &test};
		jobs_run(&jobs, 0, workers);
		assert_string_equal(logged(&test), "");
		end(&test);
	}
}

/* The first is slow: the others do not run away from it, and their results do not pile up. */
static void first_is_slow(void *user, size_t index, FILE *out)
{
	struct test *test = user;
	test->shared->started[index] = getpid();
	pause_for(index == 0 ? 500 : 0);
	fputs("x", out);
}

static void runs_ahead_only_so_far(void **state)
{
	(void)state;
	struct test test;
	begin(&test);
	const struct jobs jobs = {.work = first_is_slow, .done = log_it, .user = &test};
	jobs_run(&jobs, MANY, 3);
	assert_true(test.shared->ahead > 3);
	assert_true(test.shared->ahead <= 12);
	end(&test);
}

static void die(void *user, size_t index, FILE *out)
{
	struct test *test = user;
	if (getpid() == test->self) {
		return;
	}
	for (size_t i = 0; i < 100000 * index; i++) {
		putc('x', out);
	}
	switch (index) {
	case 1:
		fflush(out);
		kill(getpid(), SIGKILL);
		break;
	case 2:
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
		break;
	case 3:
		_exit(3);
	case 4:
		/* As on a disk that is full: what is told is not all there is. */
		close(fileno(out));
		break;
	default:
		break;
	}
}

/* A child that dies costs what it did, and nothing else. */
static void children_die(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers < 7; workers++) {
		struct test test;
		begin(&test);
		const struct jobs jobs = {.work = die, .done = log_it, .user = &test};
		jobs_run(&jobs, 6, workers);
		assert_string_equal(logged(&test),
			"0:0::\n"
			"1:0::its process was killed by signal 9 (Killed)\n"
			"2:0::its process was killed by signal 11 (Segmentation fault)\n"
			"3:0::its process could not finish\n"
			"4:0::its process could not finish\n"
			"5:500000:xxxxxxxxxxxxxxxxxxxx:\n");
		end(&test);
	}
}

/* A parent may have left it to us to ignore children: how they end has to be seen still. */
static void children_are_ignored(void **state)
{
	(void)state;
	struct test test;
	begin(&test);
	const struct jobs jobs = {.work = die, .done = log_it, .user = &test};
	signal(SIGCHLD, SIG_IGN);
	jobs_run(&jobs, 4, 2);
	assert_true(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
	assert_non_null(strstr(logged(&test), "1:0::its process was killed by signal 9"));
	assert_non_null(strstr(logged(&test), "3:0::its process could not finish"));
	end(&test);
}

/* Without room for a pipe, or for the second one, all is done nonetheless. */
static void no_room_for_children(void **state)
{
	(void)state;
	for (int room = 0; room < 5; room++) {
		struct test test;
		begin(&test);
		const struct jobs jobs = {.work = write_much, .done = log_it, .user = &test};
		struct rlimit old;
		int next = open("/dev/null", O_RDONLY);
		close(next);
		assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
		const struct rlimit few = {(rlim_t)(next + room), old.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		jobs_run(&jobs, 20, 4);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
		assert_non_null(strstr(logged(&test), "19:200000:tttttttttttttttttttt:\n"));
		assert_null(strstr(logged(&test), "process"));
		assert_int_equal(test.shared->started[0] == test.self, room < 2);
		end(&test);
	}
}

/* What may be done in children only is not done here: it is lost, and the reason told. */
static void no_room_for_what_is_apart(void **state)
{
	(void)state;
	struct test test;
	begin(&test);
	const struct jobs jobs = {
		.work = write_much, .done = log_it, .user = &test, .apart = true,
	};
	struct rlimit old;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	const struct rlimit none = {0, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	jobs_run(&jobs, 3, 2);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_string_equal(logged(&test), "0:0::no process for it: Too many open files\n"
	                                   "1:0::no process for it: Too many open files\n"
	                                   "2:0::no process for it: Too many open files\n");
	assert_int_equal(test.shared->started[0], 0);
	end(&test);
}

static void tell(void *user, size_t index)
{
	struct test *test = user;
	fprintf(test->log, "waits %zu\n", index);
}

static void tells_what_is_waited_for(void **state)
{
	(void)state;
	for (unsigned workers = 0; workers < 3; workers++) {
		struct test test;
		begin(&test);
		const struct jobs jobs = {
			.work = first_is_slow, .done = log_it, .waits = tell, .user = &test,
		};
		jobs_run(&jobs, 2, workers);
		const char *text = logged(&test);
		assert_memory_equal(text, "waits 0\n", 8);
		/* It is told again while it lasts. */
		assert_int_equal(memcmp(text + 8, "waits 0\n", 8) == 0, workers != 0);
		const char *first = strstr(text, "0:1:x:\n");
		assert_non_null(first);
		assert_memory_equal(first + 7, "waits 1\n", 8);
		end(&test);
	}
}

static void wait_forever(void *user, size_t index, FILE *out)
{
	struct test *test = user;
	(void)out;
	test->shared->started[index] = getpid();
	for (;;) {
		pause();
	}
}

/* Children do not outlive a parent that is killed. */
static void parent_is_killed(void **state)
{
	(void)state;
	struct test test;
	begin(&test);
	/* Orphans come to this process, which can see how they ended. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid_t parent = fork();
	assert_true(parent >= 0);
	if (parent == 0) {
		const struct jobs jobs = {.work = wait_forever, .done = log_it, .user = &test};
		jobs_run(&jobs, 3, 3);
		_exit(0);
	}
	volatile pid_t *started = test.shared->started;
	for (int i = 0; i < 1000 && (started[0] == 0 || started[1] == 0 || started[2] == 0); i++) {
		pause_for(10);
	}
	assert_true(started[2] != 0);
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	for (int i = 0; i < 3; i++) {
		int status = 0;
		pid_t ended = 0;
		for (int k = 0; k < 1000 && ended == 0; k++) {
			ended = waitpid(started[i], &status, WNOHANG);
			pause_for(ended == 0 ? 10 : 0);
		}
		assert_int_equal(ended, started[i]);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
	end(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_result_for_any_number),
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(runs_ahead_only_so_far),
		cmocka_unit_test(children_die),
		cmocka_unit_test(children_are_ignored),
		cmocka_unit_test(no_room_for_children),
		cmocka_unit_test(no_room_for_what_is_apart),
		cmocka_unit_test(tells_what_is_waited_for),
		cmocka_unit_test(parent_is_killed),
	};
	return cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
}
