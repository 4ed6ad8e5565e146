/* SPDX-License-Identifier: MIT */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void say_failed(const struct cli_output *output)
{
	cli_message(output->applet, "%s: cannot write: %s",
	            output->path != NULL ? output->path : "standard output", strerror(errno));
}

/* Length of the directory part of path, with its slash; 0 for a bare name. */
static size_t directory_length(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/*
 * Learns early what would fail at the end: that the target is a directory, or that no file can be
 * made beside it.
 */
static bool can_write(const char *path)
{
	struct stat st;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		if (S_ISDIR(st.st_mode)) {
			errno = EISDIR;
			return false;
		}
		return access(path, W_OK) == 0;
	}
	char directory[PATH_MAX];
	int length = snprintf(directory, sizeof(directory), "%.*s.",
	                      (int)directory_length(path), path);
	if (length < 0 || (size_t)length >= sizeof(directory)) {
		errno = ENAMETOOLONG;
		return false;
	}
	return access(directory, W_OK | X_OK) == 0;
}

bool cli_output_open(struct cli_output *output, const char *applet, const char *path)
{
	*output = (struct cli_output){.applet = applet};
	if (path != NULL) {
		/* A link's target is replaced, not the link. */
		output->path = realpath(path, NULL);
		if (output->path == NULL) {
			output->path = strdup(path);
		}
		if (output->path == NULL || !can_write(output->path)) {
			goto fail;
		}
	}
	output->file = open_memstream(&output->data, &output->size);
	if (output->file != NULL) {
		return true;
	}
fail:
	say_failed(output);
	cli_output_discard(output);
	return false;
}

static bool write_all(int fd, const char *data, size_t size)
{
	while (size != 0) {
		ssize_t done = write(fd, data, size);
		if (done < 0) {
			if (errno == EINTR) {
				continue;
			}
			return false;
		}
		data += done;
		size -= (size_t)done;
	}
	return true;
}

/* What a new file's mode is to be: the old one's, or what the umask leaves. */
static mode_t wanted_mode(const char *path)
{
	struct stat st;
	if (stat(path, &st) == 0) {
		return st.st_mode & 07777;
	}
	mode_t mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

static bool replace_at_once(const struct cli_output *output)
{
	char temporary[PATH_MAX];
	int length = snprintf(temporary, sizeof(temporary), "%.*s.g2s-XXXXXX",
	                      (int)directory_length(output->path), output->path);
	if (length < 0 || (size_t)length >= sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return false;
	}
	int fd = mkstemp(temporary);
	if (fd < 0) {
		return false;
	}
	bool done = write_all(fd, output->data, output->size) &&
	            fchmod(fd, wanted_mode(output->path)) == 0;
	int why = errno;
	if (close(fd) != 0 && done) {
		done = false;
		why = errno;
	}
	if (done && rename(temporary, output->path) == 0) {
		return true;
	}
	if (done) {
		why = errno;
	}
	unlink(temporary);
	errno = why;
	return false;
}

/*
 * A signal that would end the process (a terminal's, a shell's) waits: nobody would take the
 * temporary file away.
 */
static bool replace_file(const struct cli_output *output)
{
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	bool done = replace_at_once(output);
	int why = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = why;
	return done;
}

static bool write_special(const struct cli_output *output)
{
	int fd = open(output->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		return false;
	}
	bool done = write_all(fd, output->data, output->size);
	int why = errno;
	if (close(fd) != 0 && done) {
		return false;
	}
	errno = why;
	return done;
}

static bool write_out(const struct cli_output *output)
{
	if (output->path == NULL) {
		/* Some file systems tell of a full disk only here. */
		return write_all(STDOUT_FILENO, output->data, output->size) &&
		       close(STDOUT_FILENO) == 0;
	}
	struct stat st;
	if (stat(output->path, &st) == 0 && !S_ISREG(st.st_mode)) {
		return write_special(output);
	}
	return replace_file(output);
}

/*
 * --- two processes
 * -----------------------------------------------------------------------------
 */

/* Reads size bytes; false at an early end. */
static bool read_all(int fd, void *data, size_t size)
{
	char *at = data;
	while (size != 0) {
		ssize_t got = read(fd, at, size);
		if (got == 0 || (got < 0 && errno != EINTR)) {
			return false;
		}
		at += got > 0 ? got : 0;
		size -= got > 0 ? (size_t)got : 0;
	}
	return true;
}

/* In the child: has the parent write what was collected; errno is the parent's. */
static bool send_out(const struct cli_output *output)
{
	uint64_t size = output->size;
	int why = 0;
	if (!write_all(output->parent, (const char *)&size, sizeof(size)) ||
	    !write_all(output->parent, output->data, output->size) ||
	    !read_all(output->parent, &why, sizeof(why))) {
		errno = EIO;
		return false;
	}
	errno = why;
	return why == 0;
}

/* In the parent: writes what the child sends, if it does, and answers with an errno. */
static void take_in(struct cli_output *output, int child)
{
	uint64_t size;
	if (!read_all(child, &size, sizeof(size))) {
		return;
	}
	int why = 0;
	output->data = size < SIZE_MAX ? malloc((size_t)size + 1) : NULL;
	output->size = (size_t)size;
	if (output->data == NULL) {
		why = ENOMEM;
	} else if (!read_all(child, output->data, output->size)) {
		return;
	} else if (!write_out(output)) {
		why = errno;
	}
	(void)!write(child, &why, sizeof(why));
}

/* In the parent: ends as the child does. */
static _Noreturn void end_as(const struct cli_output *output, pid_t pid)
{
	int status = 0;
	pid_t ended;
	do {
		ended = waitpid(pid, &status, 0);
	} while (ended < 0 && errno == EINTR);
	if (ended == pid && WIFEXITED(status)) {
		_exit(WEXITSTATUS(status));
	}
	cli_message(output->applet, "the process that read the input was killed by signal %d (%s)",
	            WTERMSIG(status), strsignal(WTERMSIG(status)));
	_exit(G2S_EXIT_USAGE);
}

bool cli_output_divide(struct cli_output *output)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
		return false;
	}
	/* Who ignores it, and a parent may have said so, never hears how a child ended. */
	signal(SIGCHLD, SIG_DFL);
	pid_t self = getpid();
	pid_t pid = fork();
	if (pid < 0) {
		int why = errno;
		close(ends[0]);
		close(ends[1]);
		errno = why;
		return false;
	}
	if (pid == 0) {
		close(ends[0]);
		output->parent = ends[1];
		/* A killed parent takes its child along, also one that was killed by now. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != self) {
			_exit(G2S_EXIT_OUTPUT);
		}
		return true;
	}
	close(ends[1]);
	fclose(output->file);
	free(output->data);
	take_in(output, ends[0]);
	close(ends[0]);
	end_as(output, pid);
}

int cli_output_commit(struct cli_output *output)
{
	/* Only memory can have run out until here. */
	bool done = ferror(output->file) == 0;
	if (fclose(output->file) != 0) {
		done = false;
	}
	output->file = NULL;
	errno = done ? 0 : ENOMEM;
	done = done && (output->parent != 0 ? send_out(output) : write_out(output));
	/* A reader that has seen enough is no error to speak of. */
	if (!done && errno != EPIPE) {
		say_failed(output);
	}
	cli_output_discard(output);
	return done ? G2S_EXIT_DONE : G2S_EXIT_OUTPUT;
}

void cli_output_discard(struct cli_output *output)
{
	if (output->file != NULL) {
		fclose(output->file);
	}
	if (output->parent != 0) {
		close(output->parent);
	}
	free(output->data);
	free(output->path);
	*output = (struct cli_output){.applet = output->applet};
}
