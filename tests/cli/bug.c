/* SPDX-License-Identifier: MIT */
/*
 * What a hostile file may have made of g2s: linked into a build for tests/cli/locked.bats alone,
 * which says by an environment variable what is to be tried.
 */
#include <errno.h>
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

/* By a call that is allowed when its flags are. */
static void try_change(void)
{
	(void)!openat(AT_FDCWD, "made", O_WRONLY | O_CREAT, 0600);
}

static void try_tmpfile(void)
{
	(void)!openat(AT_FDCWD, ".", O_RDWR | O_TMPFILE, 0600);
}

static void say(const char *text)
{
	(void)!write(STDERR_FILENO, text, strlen(text));
}

/* The file that the test names, and what came of it. */
static void try_read(void)
{
	const char *file = getenv("G2S_TEST_BUG_FILE");
	int fd = openat(AT_FDCWD, file != NULL ? file : "", O_RDONLY);
	say("g2s-scan: ");
	say(fd >= 0 ? "opened" : strerror(errno));
	say("\n");
}

static void try_many(void)
{
	char text[] = " after 0\n";
	while (openat(AT_FDCWD, "root", O_RDONLY | O_DIRECTORY) >= 0 && text[7] < '9') {
		text[7]++;
	}
	const char *why = strerror(errno);
	say("g2s-scan: ");
	say(why);
	say(text);
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
		{"open", try_open}, {"create", try_create}, {"change", try_change},
		{"tmpfile", try_tmpfile}, {"read", try_read}, {"many", try_many},
		{"exec", try_exec},
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
