/* SPDX-License-Identifier: MIT */
#ifndef G2S_CLI_H
#define G2S_CLI_H

#include "g2s/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

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

/*
 * Prints "g2s-<applet>: <message>\n" on stderr, control characters and invalid UTF-8 of the message escaped.
 * applet is the bare name ("scan").
 */
void cli_message(const char *applet, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * One option.  A table of them ends with a row whose name is NULL; it parses the command line and prints
 * the usage.  Exactly one of flag, text and call is set.
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
	/* Called with the argument for every occurrence; false refuses it (a message was printed). */
	bool (*call)(void *user, const char *argument);
	void *user;
};

/* What --help prints around the options. */
struct cli_usage {
	/* The applet's bare name. */
	const char *applet;
	/* What follows the options on the usage line: "FILE...". */
	const char *operands;
	/* One paragraph of what it does, lines broken as they are to be printed. */
	const char *about;
	const struct cli_option *options;
};

/*
 * Parses argv[1..] by the table; --help and --version are added to every table and answered here, on stdout.
 * Options and operands may be mixed, "--" ends the options, "--name=value" and "--name value" are the same,
 * "-" alone is an operand.  Returns the number of operands, which are moved to argv[1..]; or -1 when the
 * applet is to end with *status (a help text was printed, or a usage message).
 */
int cli_parse(const struct cli_usage *usage, int argc, char **argv, int *status);

/*
 * An applet's output: stdout, or a temporary file beside the target that is renamed over it when all went well.
 * Zero-initialise it.
 */
struct cli_output {
	const char *applet;
	/* The target, or NULL for stdout. */
	const char *path;
	char *temporary;
	FILE *file;
};

/* Opens the output.  Returns false after a message. */
bool cli_output_open(struct cli_output *output, const char *applet, const char *path);
/* Flushes, checks every write, renames.  Returns G2S_EXIT_DONE, or G2S_EXIT_OUTPUT after a message. */
int cli_output_commit(struct cli_output *output);
/* Throws an unfinished output away; the target is untouched.  Harmless on any state. */
void cli_output_discard(struct cli_output *output);

#endif
