/* SPDX-License-Identifier: MIT */
#include "applets.h"
#include "cli.h"
#include "diff.h"
#include "lock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum diff_format { TEXT, MARKDOWN, JSON };

/* What the command line asks for. */
struct settings {
	struct g2s_host host;
	enum diff_format format;
	bool only_added;
	bool quiet;
	bool colour;
	struct lock lock;
};

/*
 * --- options
 * -----------------------------------------------------------------------------------
 */

static bool set_arch(void *user, const char *argument)
{
	struct settings *settings = user;
	settings->host.arch = g2s_host_arch(argument);
	if (settings->host.arch == NULL) {
		cli_usage_error(DIFF_APPLET, "no architecture \"%s\"", argument);
	}
	return settings->host.arch != NULL;
}

/* One word of --cap, of that length. */
static bool add_cap(struct g2s_names *caps, const char *word, size_t length)
{
	char name[64];
	if (length < sizeof(name)) {
		memcpy(name, word, length);
		name[length] = '\0';
		const char *cap = g2s_capability(name);
		if (strcmp(name, "none") == 0) {
			return true;
		}
		if (strcmp(name, "all") == 0 ? g2s_capabilities_add(caps) :
		    cap != NULL && g2s_names_add(caps, cap)) {
			return true;
		}
	}
	cli_usage_error(DIFF_APPLET, "no capability \"%.*s\"", (int)length, word);
	return false;
}

static bool set_cap(void *user, const char *argument)
{
	struct settings *settings = user;
	settings->host.caps_known = true;
	while (true) {
		size_t length = strcspn(argument, ",");
		if (!add_cap(&settings->host.caps, argument, length)) {
			return false;
		}
		if (argument[length] == '\0') {
			return true;
		}
		argument += length + 1;
	}
}

static bool set_kernel(void *user, const char *argument)
{
	struct settings *settings = user;
	settings->host.kernel_known = g2s_kernel_parse(argument, &settings->host.kernel);
	if (!settings->host.kernel_known) {
		cli_usage_error(DIFF_APPLET, "no version \"%s\" of a kernel", argument);
	}
	return settings->host.kernel_known;
}

static bool set_format(void *user, const char *argument)
{
	static const char *const formats[] = {
		[TEXT] = "text",
		[MARKDOWN] = "markdown",
		[JSON] = "json",
	};
	struct settings *settings = user;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(formats[i], argument) == 0) {
			settings->format = (enum diff_format)i;
			return true;
		}
	}
	cli_usage_error(DIFF_APPLET, "no format \"%s\"", argument);
	return false;
}

static bool set_fail_on(void *user, const char *argument)
{
	struct settings *settings = user;
	settings->only_added = strcmp(argument, "added") == 0;
	if (!settings->only_added && strcmp(argument, "any") != 0) {
		cli_usage_error(DIFF_APPLET, "nothing to fail on called \"%s\"", argument);
		return false;
	}
	return true;
}

/* Returns the number of operands, or -1 with *status. */
static int parse(struct settings *settings, int argc, char **argv, int *status)
{
	const struct cli_option options[] = {
		{
			.name = "arch",
			.argument = "ARCH",
			.help = "for a host of this architecture (a stream's, if any)",
			.call = set_arch,
			.user = settings,
		},
		{
			.name = "cap",
			.argument = "CAP,...|all|none",
			.help = "for a container with these capabilities and no others",
			.call = set_cap,
			.user = settings,
		},
		{
			.name = "kernel",
			.argument = "VERSION",
			.help = "for a host with this kernel",
			.call = set_kernel,
			.user = settings,
		},
		{
			.name = "format",
			.argument = "text|markdown|json",
			.help = "how to write the differences (text)",
			.call = set_format,
			.user = settings,
		},
		{
			.name = "fail-on",
			.argument = "any|added",
			.help = "end with status 1 on these differences (any)",
			.call = set_fail_on,
			.user = settings,
		},
		{
			.name = "quiet",
			.letter = 'q',
			.help = "write no differences, only end with the status",
			.flag = &settings->quiet,
		},
		{0},
	};
	const struct cli_usage usage = {
		.applet = DIFF_APPLET,
		.operands = "OLD NEW",
		.about = "Compares two seccomp profiles (JSON of Docker and OCI runtimes) by what "
		         "they decide.\n"
		         "Either may be a stream of g2s-resolve, which stands for what it needs.\n"
		         "+ is allowed by NEW only, - by OLD only, ~ is treated differently.  Ends "
		         "with 1 when\n"
		         "they differ.\n",
		.options = options,
		.lock = &settings->lock,
	};
	return cli_parse(&usage, argc, argv, status);
}

/*
 * --- the applet
 * --------------------------------------------------------------------------------
 */

static int no_memory(void)
{
	cli_message(DIFF_APPLET, "out of memory");
	return G2S_EXIT_USAGE;
}

/* The host that streams are for; NULL when there is none, or they do not agree. */
static const struct g2s_host_arch *streams_host(const struct diff_side sides[G2S_SIDES])
{
	const struct g2s_host_arch *hosts[G2S_SIDES];
	for (int side = 0; side < G2S_SIDES; side++) {
		/* A profile goes along with the other side. */
		const struct diff_side *stream = &sides[sides[side].is_stream ? side : 1 - side];
		hosts[side] = stream->is_stream ? diff_side_host(stream) : NULL;
	}
	return hosts[G2S_OLD] == hosts[G2S_NEW] ? hosts[G2S_OLD] : NULL;
}

/* Makes the profiles of streams, and of all profiles what they are on the host. */
static int settle(struct diff_side sides[G2S_SIDES], struct g2s_host *host)
{
	host->arch = host->arch != NULL ? host->arch : streams_host(sides);
	for (int side = 0; side < G2S_SIDES; side++) {
		if (sides[side].is_stream && !diff_side_settle(&sides[side], &sides[1 - side])) {
			return no_memory();
		}
	}
	for (int side = 0; side < G2S_SIDES; side++) {
		struct g2s_error err = {0};
		enum g2s_code code = g2s_profile_bind(&sides[side].profile, host, &err);
		if (code != G2S_OK) {
			cli_input_error(DIFF_APPLET, sides[side].path, &err);
			return cli_status(code);
		}
	}
	return G2S_EXIT_DONE;
}

/* Colour is for people who want it, at a terminal that has it. */
static bool wants_colour(void)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	return (no_colour == NULL || no_colour[0] == '\0') && term != NULL &&
	       strcmp(term, "dumb") != 0 && isatty(STDOUT_FILENO) != 0;
}

static int write_list(const struct settings *settings, const struct diff_side sides[G2S_SIDES],
                      const struct diff_list *list)
{
	struct cli_output output = {0};
	if (!cli_output_open(&output, DIFF_APPLET, NULL)) {
		return G2S_EXIT_OUTPUT;
	}
	switch (settings->format) {
	case TEXT:
		diff_write_text(output.file, sides, list, settings->colour);
		break;
	case MARKDOWN:
		diff_write_markdown(output.file, sides, list);
		break;
	case JSON:
		diff_write_json(output.file, sides, list);
		break;
	}
	return cli_output_commit(&output);
}

/* Compares what was read and writes it out. */
static int finish(const struct settings *settings, const struct diff_side sides[G2S_SIDES])
{
	struct diff_list list = {0};
	int status = G2S_EXIT_DONE;
	if (!diff_list_fill(&list, sides)) {
		status = no_memory();
	}
	if (status == G2S_EXIT_DONE && !settings->quiet) {
		status = write_list(settings, sides, &list);
	}
	if (status == G2S_EXIT_DONE && (settings->only_added ? list.wider : list.count != 0)) {
		status = G2S_EXIT_DIFFERENT;
	}
	diff_list_free(&list);
	return status;
}

/* Opens both sides, asks about the terminal, gives up the rest, and reads them. */
static int read_sides(struct settings *settings, struct diff_side sides[G2S_SIDES])
{
	settings->colour = wants_colour();
	for (int side = 0; side < G2S_SIDES; side++) {
		if (!diff_side_open(&sides[side], side == G2S_OLD)) {
			return G2S_EXIT_USAGE;
		}
	}
	int status = lock_applet(&settings->lock, DIFF_APPLET, NULL, 0, NULL);
	for (int side = 0; side < G2S_SIDES && status == G2S_EXIT_DONE; side++) {
		status = diff_side_read(&sides[side]);
	}
	return status;
}

int g2s_diff_main(int argc, char **argv)
{
	struct settings settings = {.lock = LOCK_DEFAULT};
	struct diff_side sides[G2S_SIDES] = {0};
	int status;
	int operands = parse(&settings, argc, argv, &status);
	if (operands < 0) {
		goto done;
	}
	if (operands != G2S_SIDES) {
		status = cli_usage_error(DIFF_APPLET, "needs two profiles, not %d", operands);
		goto done;
	}
	sides[G2S_OLD].path = argv[1];
	sides[G2S_NEW].path = argv[2];
	status = G2S_EXIT_DONE;
	if (strcmp(argv[1], "-") == 0 && strcmp(argv[2], "-") == 0) {
		status = cli_usage_error(DIFF_APPLET, "standard input can be one of the two only");
	}
	if (status == G2S_EXIT_DONE) {
		status = read_sides(&settings, sides);
	}
	if (status == G2S_EXIT_DONE) {
		status = settle(sides, &settings.host);
	}
	if (status == G2S_EXIT_DONE) {
		status = finish(&settings, sides);
	}
done:
	g2s_names_free(&settings.host.caps);
	diff_side_free(&sides[G2S_OLD]);
	diff_side_free(&sides[G2S_NEW]);
	return status;
}
