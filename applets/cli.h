/* SPDX-License-Identifier: MIT */
#ifndef G2S_CLI_H
#define G2S_CLI_H

#include "g2s/error.h"
#include "g2s/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct g2s_row;
struct g2s_streams;
struct lock;

/* What every applet shares: exit statuses, messages, options, output. */

/* Exit statuses, the same in every applet and documented in each manual page. */
enum {
	G2S_EXIT_DONE = 0,
	/* g2s-diff: the profiles differ. */
	G2S_EXIT_DIFFERENT = 1,
	/* A usage error, or a file that cannot be read. */
	G2S_EXIT_USAGE = 2,
	/* Done, but incomplete, and --strict was given. */
	G2S_EXIT_INCOMPLETE = 3,
	/* The input is not what it should be; nothing was written. */
	G2S_EXIT_INPUT = 4,
	/* Output could not be written. */
	G2S_EXIT_OUTPUT = 5,
	/* No applet of that name. */
	G2S_EXIT_NO_APPLET = 127,
};

/* The exit status that a code of core becomes. */
int cli_status(enum g2s_code code);

/* The name of the link that starts an applet: "g2s-scan" for "scan"; "g2s" for NULL. */
const char *cli_program(const char *applet);

/*
 * From now on all messages are signed by this applet: one that runs the stages of others in its
 * own process (stages.h) is the only one its user knows of.
 */
void cli_sign_as(const char *applet);

/*
 * Prints "<program>: <message>\n" on stderr, control characters and invalid UTF-8 of the
 * message escaped.  applet is the bare name ("scan"), or NULL for g2s itself.  One write per
 * message: the lines of two stages of a pipeline do not mix.
 */
void cli_message(const char *applet, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Puts what a message about shown begins with, "<program>: <shown>: ", into text; shown may be
 * NULL.
 */
void cli_message_prefix(char *text, size_t size, const char *applet, const char *shown);

/* Writes text that comes from elsewhere, escaped. */
void cli_put(FILE *out, const char *text, enum g2s_text_style style);

/*
 * One option.  A table of them ends with a row whose name is NULL; it parses the command line and
 * prints the usage.  Exactly one of flag, text and call is set.
 */
struct cli_option {
	/* Without dashes: "strict". */
	const char *name;
	/* The short letter, or 0. */
	char letter;
	/* What --help calls the argument ("FILE", "errno|log"), or NULL for a switch. */
	const char *argument;
	/* One line for --help. */
	const char *help;
	/* Set to true by a switch. */
	bool *flag;
	/* Set to the argument; it is argv's memory. */
	const char **text;
	/* Called with the argument for every occurrence; false refuses it (it printed why). */
	bool (*call)(void *user, const char *argument);
	void *user;
};

/* What --help prints around the options. */
struct cli_usage {
	/* The applet's bare name; NULL for g2s itself. */
	const char *applet;
	/* What follows the options on the usage line: "FILE..."; NULL for nothing. */
	const char *operands;
	/* What it does: lines broken as they are to be printed, each ended by a newline. */
	const char *about;
	const struct cli_option *options;
	/* For an applet that locks itself (lock.h): it has options for that; or NULL. */
	struct lock *lock;
};

/*
 * Parses argv[1..] by the table; -h, --help and --version are added to every table and answered
 * here, on stdout.  Options and operands may be mixed, "--" ends the options, "--name=value" and
 * "--name value" are the same, as are "-oX" and "-o X", switches may share a dash, "-" alone is an
 * operand.  Returns the number of operands, which are moved to argv[1..]; or -1 when the applet is
 * to end with *status (a help text was printed, or a usage message).
 */
int cli_parse(const struct cli_usage *usage, int argc, char **argv, int *status);

/*
 * The decimal number that text begins with, 0 for none, and most + 1 when it is more than most;
 * *rest is what follows its digits.
 */
uint64_t cli_number(const char *text, uint64_t most, const char **rest);

/* Prints a usage message that points to --help; returns G2S_EXIT_USAGE. */
int cli_usage_error(const char *applet, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Where a row's site is, for a message: its function and line, or its address. */
enum { CLI_PLACE_SIZE = 1024 };
const char *cli_place(const struct g2s_row *row, char place[CLI_PLACE_SIZE]);

/* An operand that is open for reading.  Zero-initialise it. */
struct cli_input {
	/* As it was named; "-" is stdin. */
	const char *path;
	FILE *file;
	/* Of a pipe that was read before its turn: what file reads. */
	char *held;
};

/*
 * Opens a path, "-" being stdin.  Returns false after a message.  more: others will be opened
 * before this one is read; then a named pipe is read here, as its writer may not come to the next
 * one before.
 */
bool cli_input_open(struct cli_input *input, const char *applet, const char *path, bool more);
/* Harmless on any state. */
void cli_input_close(struct cli_input *input);

/* Some of them.  Zero-initialise it. */
struct cli_inputs {
	struct cli_input *items;
	size_t count;
};

/* Opens count operands, or stdin when there are none.  Returns an exit status. */
int cli_inputs_open(struct cli_inputs *inputs, const char *applet, char *const *operands,
                    int count);
void cli_inputs_close(struct cli_inputs *inputs);

/* Reads streams into *streams.  Returns G2S_EXIT_DONE, or another status after a message. */
int cli_read_streams(const char *applet, const struct cli_inputs *inputs, bool partial,
                     struct g2s_streams *streams);

/* Prints what is wrong with an operand, with the line when there is one. */
void cli_input_error(const char *applet, const char *path, const struct g2s_error *err);

/* What messages call an operand: "-" is the standard input. */
const char *cli_shown_name(const char *path);

/* Reads what is left of an input, up to max bytes; *data is to be freed. */
int cli_read_rest(const char *applet, const struct cli_input *input, size_t max, char **data,
                  size_t *size);

/* Reads all of a file, "-" being stdin, up to max bytes; *data is to be freed. */
int cli_read_file(const char *applet, const char *path, size_t max, char **data, size_t *size);

/*
 * An applet's output: stdout, or a file.  What is written to it is held in memory and goes out
 * whole when it is committed, so that an applet that fails has written nothing.  A target that
 * is a regular file, or is not there, is replaced by renaming a temporary file beside it; any
 * other one (a device, a pipe) is written to.  Zero-initialise it.
 */
struct cli_output {
	const char *applet;
	/* The target with its links followed, in memory of its own; NULL for stdout. */
	char *path;
	/* Where to write; NULL when it is not open. */
	FILE *file;
	/* What file has collected. */
	char *data;
	size_t size;
	/* In a process that was divided: where what is to be written goes; else 0. */
	int parent;
};

/*
 * Opens the output; path is NULL for stdout.  Returns false after a message: the applet ends with
 * G2S_EXIT_OUTPUT.
 */
bool cli_output_open(struct cli_output *output, const char *applet, const char *path);

/*
 * Writes everything out and looks at every result.  Returns G2S_EXIT_DONE; or G2S_EXIT_OUTPUT after
 * a message, and without one when the reader of a pipe has gone.  The output is closed.
 */
int cli_output_commit(struct cli_output *output);

/*
 * Divides the process, whose output is a file: returns true in a child whose cli_output_commit
 * has the parent write it and answers what came of that.  The parent ends as the child does, and
 * does not return.  Returns false with errno, and nothing has changed, when that cannot be done.
 */
bool cli_output_divide(struct cli_output *output);

/* Throws an unfinished output away; the target is untouched.  Harmless on any state. */
void cli_output_discard(struct cli_output *output);

#endif
