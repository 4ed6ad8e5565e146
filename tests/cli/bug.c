/* SPDX-License-Identifier: MIT */
/*
 * What a hostile file may have made of g2s: linked into a build for tests/cli/locked.bats alone,
 * which says by an environment variable what is to be tried.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

void g2s_test_bug(void);

static void try_open(void)
{
	(void)!open("/etc/passwd", O_RDONLY);
}

static void try_create(void)
{
	(void)!open("made", O_WRONLY | O_CREAT, 0600);
}

static void try_exec(void)
{
	char name[] = "/bin/true";
	char *const arguments[] = {name, NULL};
	execv(name, arguments);
}

static void try_connect(void)
{
	(void)!socket(AF_INET, SOCK_STREAM, 0);
}

static void try_fork(void)
{
	(void)!fork();
}

static void try_kill(void)
{
	kill(getppid(), SIGTERM);
}

static void try_trace(void)
{
	prctl(PR_SET_DUMPABLE, 0);
}

static void try_unlink(void)
{
	unlink("kept");
}

/* As if a file made us count for ever. */
static void spin(void)
{
	for (volatile unsigned long i = 0;; i++) {
	}
}

/* Until the test has done something to the file. */
static void wait_for_test(void)
{
	char byte;
	(void)!read(STDIN_FILENO, &byte, 1);
}

void g2s_test_bug(void)
{
	static const struct {
		const char *name;
		void (*call)(void);
	} bugs[] = {
		{"open", try_open}, {"create", try_create}, {"exec", try_exec},
		{"connect", try_connect}, {"fork", try_fork}, {"kill", try_kill},
		{"trace", try_trace}, {"unlink", try_unlink}, {"spin", spin},
		{"wait", wait_for_test},
	};
	const char *wanted = getenv("G2S_TEST_BUG");
	for (size_t i = 0; wanted != NULL && i < sizeof(bugs) / sizeof(bugs[0]); i++) {
		if (strcmp(bugs[i].name, wanted) == 0) {
			bugs[i].call();
		}
	}
}
