/* SPDX-License-Identifier: MIT */
#ifndef G2S_PROGRESS_H
#define G2S_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/*
 * The line that tells a person at a terminal how far a long run is.  It is on stderr, is written
 * over again and again, and is gone before anything else is said and at the end.  Where stderr is
 * no terminal it does not exist.
 */
struct progress {
	/* The applet's bare name. */
	const char *applet;
	/* False: nothing is ever shown. */
	bool on;
	/* Columns that the line fills at present; 0 when it is not there. */
	size_t width;
	/* When it was written last. */
	struct timespec last;
};

/* Makes a line that is on when stderr is a terminal. */
void progress_begin(struct progress *progress, const char *applet);

/*
 * Shows "g2s-<applet>: <done>/<total> <path>", or "<done> found, <path>" when total is 0, unless
 * the last time was less than a tenth of a second ago.  What is too long for the terminal loses
 * the beginning of the path.
 */
void progress_show(struct progress *progress, size_t done, size_t total, const char *path);

/* Takes the line away. */
void progress_clear(struct progress *progress);

#endif
