/* SPDX-License-Identifier: MIT */
#ifndef G2S_JOBS_H
#define G2S_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * A list of things to do, one after the other in this process or several at a time in children of
 * it.  What each has to tell is handed on in the order of the list, so that nobody can see from
 * the result how many there were.
 */

/* More children than any machine makes use of for files that are in its memory. */
enum { JOBS_WORKERS_MAX = 256 };

struct jobs {
	/*
	 * Does the thing of that index and writes what there is to tell into out, in a child
	 * when there are any: what it changes in memory may be gone afterwards.
	 */
	void (*work)(void *user, size_t index, FILE *out);
	/*
	 * What work wrote, in the order of the list and in this process.  lost is NULL; or it
	 * says why there is nothing, when the child was killed or memory ran out; signal is
	 * the one that killed it, or 0.
	 */
	void (*done)(void *user, size_t index, const char *data, size_t size, const char *lost,
	             int signal);
	/* Told, perhaps more than once, which index is waited for; or NULL. */
	void (*waits)(void *user, size_t index);
	void *user;
	/* With workers, work is never done in this process: what has no child is lost. */
	bool apart;
};

/*
 * Does count things.  workers is 0 to do them in this process; else each is done in a child of
 * its own, of which that many run at a time, and of which none is more than a few times as many
 * indices ahead of the one that is waited for.  A child that dies costs its own thing only.
 * Where no child can be made the thing is done here, unless it is to be apart.  No child is left
 * when it returns, and none lives on when this process is killed.
 */
void jobs_run(const struct jobs *jobs, size_t count, unsigned workers);

#endif
