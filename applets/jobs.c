/* SPDX-License-Identifier: MIT */
#include "jobs.h"

#include "g2s/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	/* How many indices may be under way or waiting to be handed on, for each worker. */
	AHEAD = 4,
	/* What one read takes out of a pipe at most. */
	CHUNK = 65536,
	/* Milliseconds after which whoever wants to know what is waited for is told again. */
	TELL_AGAIN = 200,
};

static const char no_memory[] = "out of memory";

/* One thing under way, or done and not yet handed on. */
struct slot {
	/* The child and the pipe it writes to; pid is 0 when there is none, or no more. */
	pid_t pid;
	int fd;
	/* What was written so far. */
	char *data;
	size_t size;
	size_t capacity;
	/* Why what was written is worth nothing; empty when it is not so. */
	char lost[80];
	/* What killed the child; else 0. */
	int signal;
};

struct run {
	const struct jobs *jobs;
	size_t count;
	unsigned workers;
	/*
	 * Indices in [first, next) have been begun and not been handed on; the slot of one is
	 * slots[index % window].
	 */
	size_t first;
	size_t next;
	struct slot *slots;
	size_t window;
	/* Children alive. */
	unsigned running;
};

static struct slot *slot_of(const struct run *run, size_t index)
{
	return &run->slots[index % run->window];
}

/*
 * --- in this process
 * ---------------------------------------------------------------------------
 */

static void work_here(const struct jobs *jobs, size_t index, struct slot *slot)
{
	*slot = (struct slot){0};
	FILE *out = open_memstream(&slot->data, &slot->size);
	bool whole = out != NULL;
	if (out != NULL) {
		jobs->work(jobs->user, index, out);
		whole = ferror(out) == 0;
		whole = fclose(out) == 0 && whole;
	}
	if (!whole) {
		snprintf(slot->lost, sizeof(slot->lost), "%s", no_memory);
	}
}

static void hand_on(const struct jobs *jobs, size_t index, struct slot *slot)
{
	if (slot->lost[0] != '\0') {
		jobs->done(jobs->user, index, NULL, 0, slot->lost, slot->signal);
	} else {
		jobs->done(jobs->user, index, slot->data, slot->size, NULL, 0);
	}
	free(slot->data);
	*slot = (struct slot){0};
}

static void tell(const struct jobs *jobs, size_t index)
{
	if (jobs->waits != NULL) {
		jobs->waits(jobs->user, index);
	}
}

static void run_here(const struct jobs *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct slot slot;
		tell(jobs, i);
		work_here(jobs, i, &slot);
		hand_on(jobs, i, &slot);
	}
}

/*
 * --- in children
 * -------------------------------------------------------------------------------
 */

/* What a child does; it ends here, with status 0 when all that it had to tell was written. */
static _Noreturn void be_child(const struct run *run, size_t index, int fd, pid_t parent)
{
	/* A killed parent takes its children along, also one that was killed by now. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) {
		_exit(1);
	}
	/* Else a sibling that nobody listens to any more would not notice it. */
	for (size_t i = run->first; i < run->next; i++) {
		if (slot_of(run, i)->pid != 0) {
			close(slot_of(run, i)->fd);
		}
	}
	FILE *out = fdopen(fd, "w");
	if (out == NULL) {
		_exit(1);
	}
	run->jobs->work(run->jobs->user, index, out);
	bool whole = ferror(out) == 0;
	/* Not exit: the buffers of the other streams are the parent's. */
	_exit(fclose(out) == 0 && whole ? 0 : 1);
}

static bool start_child(struct run *run, size_t index)
{
	struct slot *slot = slot_of(run, index);
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0) {
		return false;
	}
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[0]);
		be_child(run, index, ends[1], parent);
	}
	int why = errno;
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		errno = why;
		return false;
	}
	*slot = (struct slot){.pid = pid, .fd = ends[0]};
	run->running++;
	return true;
}

/* Begins what may be begun. */
static void start_more(struct run *run)
{
	while (run->next < run->count && run->next - run->first < run->window &&
	       run->running < run->workers) {
		if (!start_child(run, run->next)) {
			/* A child that ends makes room for another one. */
			if (run->running != 0) {
				return;
			}
			struct slot *slot = slot_of(run, run->next);
			if (run->jobs->apart) {
				*slot = (struct slot){0};
				snprintf(slot->lost, sizeof(slot->lost), "no process for it: %s",
				         strerror(errno));
			} else {
				work_here(run->jobs, run->next, slot);
			}
		}
		run->next++;
	}
}

/* Sees a child off whose pipe is at its end, or that is not listened to any more. */
static void end_child(struct run *run, struct slot *slot)
{
	int status = 0;
	pid_t pid;
	close(slot->fd);
	do {
		pid = waitpid(slot->pid, &status, 0);
	} while (pid < 0 && errno == EINTR);
	slot->pid = 0;
	run->running--;
	if (slot->lost[0] != '\0') {
		return;
	}
	if (pid >= 0 && WIFSIGNALED(status)) {
		int number = WTERMSIG(status);
		snprintf(slot->lost, sizeof(slot->lost), "its process was killed by signal %d (%s)",
		         number, strsignal(number));
		slot->signal = number;
	} else if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		snprintf(slot->lost, sizeof(slot->lost), "its process could not finish");
	}
}

/* Takes what a child has written; sees it off when that was all. */
static void listen_to(struct run *run, struct slot *slot)
{
	if (!g2s_grow(&slot->data, &slot->capacity, slot->size + CHUNK, 1)) {
		snprintf(slot->lost, sizeof(slot->lost), "%s", no_memory);
		kill(slot->pid, SIGKILL);
		end_child(run, slot);
		return;
	}
	ssize_t got = read(slot->fd, slot->data + slot->size, CHUNK);
	if (got > 0) {
		slot->size += (size_t)got;
	} else if (got == 0) {
		end_child(run, slot);
	} else if (errno != EINTR && errno != EAGAIN) {
		snprintf(slot->lost, sizeof(slot->lost), "its process cannot be heard: %s",
		         strerror(errno));
		kill(slot->pid, SIGKILL);
		end_child(run, slot);
	}
}

/* Waits until some child has something to tell. */
static void listen_once(struct run *run)
{
	struct pollfd polled[JOBS_WORKERS_MAX];
	struct slot *slots[JOBS_WORKERS_MAX];
	nfds_t count = 0;
	for (size_t i = run->first; i < run->next; i++) {
		struct slot *slot = slot_of(run, i);
		if (slot->pid != 0) {
			polled[count] = (struct pollfd){.fd = slot->fd, .events = POLLIN};
			slots[count++] = slot;
		}
	}
	if (poll(polled, count, run->jobs->waits != NULL ? TELL_AGAIN : -1) <= 0) {
		return;
	}
	for (nfds_t i = 0; i < count; i++) {
		if (polled[i].revents != 0) {
			listen_to(run, slots[i]);
		}
	}
}

void jobs_run(const struct jobs *jobs, size_t count, unsigned workers)
{
	struct run run = {
		.jobs = jobs,
		.count = count,
		.workers = workers < JOBS_WORKERS_MAX ? workers : JOBS_WORKERS_MAX,
	};
	run.window = (size_t)AHEAD * run.workers;
	if (workers != 0) {
		run.slots = calloc(run.window, sizeof(run.slots[0]));
	}
	if (run.slots == NULL && workers != 0 && jobs->apart) {
		for (size_t i = 0; i < count; i++) {
			jobs->done(jobs->user, i, NULL, 0, no_memory, 0);
		}
		return;
	}
	if (run.slots == NULL) {
		run_here(jobs, count);
		return;
	}
	/* Who ignores it, and a parent may have said so, never hears how a child ended. */
	void (*old)(int) = signal(SIGCHLD, SIG_DFL);
	while (run.first < count) {
		start_more(&run);
		struct slot *slot = slot_of(&run, run.first);
		tell(jobs, run.first);
		if (slot->pid != 0) {
			listen_once(&run);
		} else {
			hand_on(jobs, run.first, slot);
			run.first++;
		}
	}
	signal(SIGCHLD, old);
	free(run.slots);
}
