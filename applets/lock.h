/* SPDX-License-Identifier: MIT */
#ifndef G2S_LOCK_H
#define G2S_LOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli_output;

/*
 * What reads untrusted bytes forbids itself everything else first.  Once its inputs are open, and
 * before it looks at them, a process gives up, for good, to open a file, to start a program, to
 * connect to anything and to signal anybody: with no_new_privs, a seccomp filter that kills it
 * for any call that it has no use for, Landlock, and no room for another descriptor.  Who reads
 * libraries keeps, by struct lock, what it takes to open them in one root file system.
 *
 * An output file cannot be made from there.  An applet that has one divides in two: a process
 * without a way to the file, which reads, and its parent, which waits for the bytes to write.
 */

/* What an applet's user may say about it.  Zero-initialised: locked, without limits. */
struct lock {
	/* --no-sandbox: limits only. */
	bool off;
	/* --verbose: to say what the kernel refuses. */
	bool verbose;
	/* Seconds of CPU time, and bytes beside what is there already; 0: no limit. */
	unsigned long cpu;
	uint64_t memory;
	/*
	 * What lies beneath the directory that root is a descriptor of may still be opened, to
	 * read it.  Where the kernel has no Landlock, all that may be read can be opened to read.
	 */
	bool reads;
	int root;
};

/* More than any real input was seen to need, and an end to what has none. */
#define LOCK_DEFAULT {.cpu = 300, .memory = UINT64_C(4) << 30}

/* Room for what the kernel refused. */
enum { LOCK_REFUSED_SIZE = 160 };

/*
 * For a process that looks at no input, and forks those that do and call lock_child.  Divides it
 * when output, which may be NULL, is a file, and takes from it what it has no use for: to change
 * any file, to gain rights.  Returns a status other than G2S_EXIT_DONE after a message.
 */
int lock_parent(const struct lock *lock, const char *applet, struct cli_output *output);

/*
 * Locks this process, which a parent listens to: what ends it too early is seen by its signal,
 * for which lock_loss has words.  refused says what the kernel did not do; it is empty when all
 * was done.
 */
void lock_child(const struct lock *lock, char refused[LOCK_REFUSED_SIZE]);

/*
 * Locks the process of an applet, which reads what messages call shown (NULL for nothing that is
 * mapped, else size is that of the mapping), and divides it when output, which may be NULL, is a
 * file.  A limit that is met, or a
 * mapped file that is cut short, ends it with a message and a status.  Returns a status other
 * than G2S_EXIT_DONE after a message.
 */
int lock_applet(const struct lock *lock, const char *applet, const char *shown, size_t size,
                struct cli_output *output);

/* Says what the kernel refused; for who has called lock_child with --verbose. */
void lock_tell(const char *applet, const char *refused);

/*
 * Why a process that was locked by lock_child was killed by that signal, and the exit status for
 * it; NULL when there is nothing to say beside the signal.
 */
const char *lock_loss(int signal, int *status);

#endif
