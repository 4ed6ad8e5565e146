/* SPDX-License-Identifier: MIT */
#include "applets.h"
#include "cli.h"
#include "lock.h"
#include "profile.h"
#include "profile_format.h"
#include "stages.h"

#include "g2s/policy/sysno.h"
#include "g2s/streams.h"

#include <stdlib.h>
#include <string.h>

#define APPLET PROFILE_APPLET

/* What the command line asks for. */
struct settings {
	struct g2s_action default_action;
	/* --default-action was given. */
	bool has_default_action;
	enum g2s_caller runtime;
	/* Bits of enum g2s_caller. */
	unsigned inits;
	bool no_new_privileges;
	struct g2s_names allow;
	struct g2s_names deny;
	const char *base;
	/* NULL when none was given: then it is the OCI's. */
	const struct profile_format *format;
	bool explain;
	bool list_baseline;
	bool strict;
	bool partial;
	const char *path;
	struct lock lock;
};

/*
 * --- options
 * -----------------------------------------------------------------------------------
 */

static bool set_default_action(void *user, const char *argument)
{
	static const struct {
		const char *name;
		enum g2s_action_kind kind;
	} actions[] = {
		{"errno", G2S_ACTION_ERRNO},
		{"kill-process", G2S_ACTION_KILL_PROCESS},
		{"kill-thread", G2S_ACTION_KILL_THREAD},
		{"trap", G2S_ACTION_TRAP},
		{"log", G2S_ACTION_LOG},
	};
	struct settings *settings = user;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].name, argument) == 0) {
			settings->default_action.kind = actions[i].kind;
			settings->has_default_action = true;
			return true;
		}
	}
	cli_usage_error(APPLET, "no default action \"%s\"", argument);
	return false;
}

static bool set_errno(void *user, const char *argument)
{
	/* As the kernel numbers them on every architecture that g2s knows. */
	static const struct {
		const char *name;
		uint32_t value;
	} errors[] = {
		{"EPERM", 1},
		{"ENOSYS", 38},
	};
	struct settings *settings = user;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (strcmp(errors[i].name, argument) == 0) {
			settings->default_action.value = errors[i].value;
			settings->default_action.has_value = true;
			return true;
		}
	}
	cli_usage_error(APPLET, "no error \"%s\" to answer with", argument);
	return false;
}

static bool set_runtime(void *user, const char *argument)
{
	struct settings *settings = user;
	if (g2s_runtime_parse(argument, &settings->runtime)) {
		return true;
	}
	cli_usage_error(APPLET, "no runtime \"%s\"", argument);
	return false;
}

static bool set_init(void *user, const char *argument)
{
	struct settings *settings = user;
	enum g2s_caller init;
	if (g2s_init_parse(argument, &init)) {
		settings->inits |= init;
		return true;
	}
	cli_usage_error(APPLET, "no init \"%s\"", argument);
	return false;
}

/* Adds the names of a list with commas to the struct g2s_names that user is. */
static bool add_list(void *user, const char *argument)
{
	struct g2s_names *names = user;
	const char *at = argument;
	for (;;) {
		size_t length = strcspn(at, ",");
		char *name = strndup(at, length);
		if (name == NULL || !g2s_names_add(names, name)) {
			free(name);
			profile_no_memory();
			return false;
		}
		bool known = g2s_sysno_has_name(name);
		if (!known) {
			cli_usage_error(APPLET, "no system call \"%s\"", name);
		}
		free(name);
		if (!known || at[length] == '\0') {
			return known;
		}
		at += length + 1;
	}
}

static bool set_format(void *user, const char *argument)
{
	struct settings *settings = user;
	settings->format = profile_format_find(argument);
	if (settings->format == NULL) {
		cli_usage_error(APPLET, "no format \"%s\"", argument);
	}
	return settings->format != NULL;
}

/* Says what does not go together.  Sorts the lists of names. */
static int check(struct settings *settings, char *const *operands, int count)
{
	g2s_names_sort(&settings->allow);
	g2s_names_sort(&settings->deny);
	for (size_t i = 0; i < settings->allow.count; i++) {
		if (g2s_names_have(&settings->deny, settings->allow.items[i])) {
			return cli_usage_error(APPLET, "%s is in --allow and in --deny",
			                       settings->allow.items[i]);
		}
	}
	if (settings->default_action.has_value &&
	    settings->default_action.kind != G2S_ACTION_ERRNO) {
		return cli_usage_error(APPLET, "--errno goes with --default-action=errno only");
	}
	if (settings->base != NULL &&
	    (settings->has_default_action || settings->default_action.has_value)) {
		return cli_usage_error(APPLET, "--base has a default action of its own: %s does "
		                       "not go with it", settings->has_default_action ?
		                       "--default-action" : "--errno");
	}
	if (settings->format != NULL && (settings->explain || settings->list_baseline)) {
		return cli_usage_error(APPLET, "--%s writes a table: --format does not go with it",
		                       settings->explain ? "explain" : "list-baseline");
	}
	if (settings->list_baseline && count != 0) {
		return cli_usage_error(APPLET, "--list-baseline reads nothing");
	}
	bool from_stdin = count == 0;
	for (int i = 0; i < count; i++) {
		from_stdin = from_stdin || strcmp(operands[i], "-") == 0;
	}
	if (settings->base != NULL && strcmp(settings->base, "-") == 0 && from_stdin) {
		return cli_usage_error(APPLET, "standard input is either --base or a stream");
	}
	return G2S_EXIT_DONE;
}

/* Returns the number of operands, or -1 with *status. */
static int parse_by(const struct cli_option *options, struct settings *settings, int argc,
                    char **argv, int *status)
{
	const struct cli_usage usage = {
		.applet = APPLET,
		.operands = "[FILE]...",
		.about = "Reads what g2s-resolve wrote, from FILEs or standard input, and writes "
		         "the seccomp\n"
		         "profile that allows those system calls, as JSON for Docker and OCI "
		         "runtimes or in\n"
		         "another format.\n",
		.options = options,
		.lock = &settings->lock,
	};
	int operands = cli_parse(&usage, argc, argv, status);
	if (operands >= 0) {
		*status = check(settings, argv + 1, operands);
	}
	return operands >= 0 && *status != G2S_EXIT_DONE ? -1 : operands;
}

/* The same, with the table of options. */
static int parse(struct settings *settings, int argc, char **argv, int *status)
{
	const struct cli_option options[] = {
		{
			.name = "default-action",
			.argument = "errno|kill-process|kill-thread|trap|log",
			.help = "what becomes of other calls (errno)",
			.call = set_default_action,
			.user = settings,
		},
		{
			.name = "errno",
			.argument = "EPERM|ENOSYS",
			.help = "the error of other calls, as defaultErrnoRet",
			.call = set_errno,
			.user = settings,
		},
		{
			.name = "format",
			.argument = PROFILE_FORMATS,
			.help = "what to write (oci)",
			.call = set_format,
			.user = settings,
		},
		{
			.name = "runtime",
			.argument = "any|runc|crun|none",
			.help = "whose own calls to add (any)",
			.call = set_runtime,
			.user = settings,
		},
		{
			.name = "init",
			.argument = "tini|catatonit",
			.help = "the init whose calls to add (docker --init, podman --init)",
			.call = set_init,
			.user = settings,
		},
		{
			.name = "no-new-privileges",
			.help = "only for containers started with no-new-privileges: fewer names",
			.flag = &settings->no_new_privileges,
		},
		{
			.name = "allow",
			.argument = "NAMES",
			.help = "allow these too, with commas between them",
			.call = add_list,
			.user = &settings->allow,
		},
		{
			.name = "deny",
			.argument = "NAMES",
			.help = "do not allow these, whoever needs them",
			.call = add_list,
			.user = &settings->deny,
		},
		{
			.name = "base",
			.argument = "FILE",
			.help = "add to this profile, and keep what else it says",
			.text = &settings->base,
		},
		{
			.name = "explain",
			.help = "write a table of the names and their reasons instead",
			.flag = &settings->explain,
		},
		{
			.name = "list-baseline",
			.help = "print what runtimes and inits need, and end",
			.flag = &settings->list_baseline,
		},
		{
			.name = "strict",
			.help = "end with status 3 when something is unresolved",
			.flag = &settings->strict,
		},
		{
			.name = "partial",
			.help = "accept a stream that was cut on purpose, or lacks files",
			.flag = &settings->partial,
		},
		{
			.name = "output",
			.letter = 'o',
			.argument = "FILE",
			.help = "write to FILE, which is replaced only when all went well",
			.text = &settings->path,
		},
		{0},
	};
	return parse_by(options, settings, argc, argv, status);
}

/*
 * --- the profile
 * -------------------------------------------------------------------------------
 */

/* Puts together what is to be allowed, and the profile that allows it. */
static int fill(struct profile_base *base, struct profile_demand *demand,
                const struct g2s_streams *streams, const struct settings *settings)
{
	demand->allow = &settings->allow;
	demand->deny = &settings->deny;
	demand->baseline = (struct g2s_baseline_choice){
		.callers = settings->runtime | settings->inits,
		.fatal = g2s_action_is_fatal(base->profile.default_action.kind),
		.no_new_privileges = settings->no_new_privileges,
	};
	int status = profile_demand_streams(demand, streams, settings->partial);
	if (status == G2S_EXIT_DONE) {
		status = profile_demand_settle(demand);
	}
	if (status == G2S_EXIT_DONE) {
		status = profile_base_extend(base, demand);
	}
	return status;
}

/* The path of the first program of the stream; NULL when it names none. */
static const char *first_binary(const struct g2s_streams *streams)
{
	if (streams->binary_count != 0) {
		return streams->binaries[0].about.path;
	}
	return streams->row_count != 0 ? streams->rows[0].row.binary : NULL;
}

/* Writes the profile, or the table that explains it, and commits the output. */
static int write_out(const struct g2s_streams *streams, const struct settings *settings,
                     const struct profile_base *base, const struct profile_demand *demand,
                     struct cli_output *output)
{
	if (settings->explain) {
		return profile_explain(base, demand, output->file) ? cli_output_commit(output) :
		       profile_no_memory();
	}
	const struct profile_format *format = settings->format != NULL ? settings->format :
	                                      profile_format_find("oci");
	return profile_format_write(format, &base->profile, first_binary(streams), output);
}

/* Takes base from here: adds to it and writes it out. */
static int write_profile(struct g2s_streams *streams, const struct settings *settings,
                         struct profile_base *base, struct cli_output *output)
{
	struct g2s_error err = {0};
	if (g2s_streams_unite(streams, &err) != G2S_OK) {
		cli_message(APPLET, "%s", err.text);
		return G2S_EXIT_USAGE;
	}
	struct profile_demand demand = {0};
	int status = fill(base, &demand, streams, settings);
	if (status == G2S_EXIT_DONE) {
		status = write_out(streams, settings, base, &demand, output);
	}
	if (status == G2S_EXIT_DONE && settings->strict && demand.incomplete != 0) {
		cli_message(APPLET, "the profile is incomplete: %zu unresolved", demand.incomplete);
		status = G2S_EXIT_INCOMPLETE;
	}
	profile_demand_free(&demand);
	return status;
}

/* What is asked for once the output is open. */
static int run(const struct settings *settings, char *const *operands, int count,
               struct cli_output *output)
{
	if (settings->list_baseline) {
		profile_list_baseline(output->file);
		return cli_output_commit(output);
	}
	if (settings->format != NULL && !profile_format_fits(settings->format, output)) {
		return G2S_EXIT_USAGE;
	}
	struct profile_base base = {
		.path = settings->base,
		.profile = {.default_action = settings->default_action},
	};
	struct cli_input base_input = {0};
	struct cli_inputs inputs = {0};
	struct g2s_streams streams = {0};
	int status = G2S_EXIT_DONE;
	if (base.path != NULL && !cli_input_open(&base_input, APPLET, base.path, true)) {
		status = G2S_EXIT_USAGE;
	}
	if (status == G2S_EXIT_DONE) {
		status = cli_inputs_open(&inputs, APPLET, operands, count);
	}
	if (status == G2S_EXIT_DONE) {
		status = lock_applet(&settings->lock, APPLET, NULL, 0, output);
	}
	if (status == G2S_EXIT_DONE && base.path != NULL) {
		base.profile = (struct g2s_profile){0};
		status = profile_base_read(&base, &base_input);
	}
	if (status == G2S_EXIT_DONE) {
		status = cli_read_streams(APPLET, &inputs, settings->partial, &streams);
	}
	if (status == G2S_EXIT_DONE) {
		status = write_profile(&streams, settings, &base, output);
	}
	cli_input_close(&base_input);
	cli_inputs_close(&inputs);
	g2s_streams_free(&streams);
	profile_base_free(&base);
	return status;
}

/* What is asked for without options. */
static const struct settings default_settings = {
	.default_action = {.kind = G2S_ACTION_ERRNO},
	.runtime = G2S_RUNTIME_ANY,
	.lock = LOCK_DEFAULT,
};

int profile_stage(const struct g2s_streams *streams, struct g2s_profile *profile)
{
	struct profile_base base = {
		.profile = {.default_action = default_settings.default_action},
	};
	struct profile_demand demand = {0};
	int status = fill(&base, &demand, streams, &default_settings);
	if (status == G2S_EXIT_DONE) {
		*profile = base.profile;
		base.profile = (struct g2s_profile){0};
	}
	profile_demand_free(&demand);
	profile_base_free(&base);
	return status;
}

int g2s_profile_main(int argc, char **argv)
{
	struct settings settings = default_settings;
	int status;
	int operands = parse(&settings, argc, argv, &status);
	struct cli_output output = {0};
	if (operands >= 0) {
		status = cli_output_open(&output, APPLET, settings.path) ?
		         run(&settings, argv + 1, operands, &output) : G2S_EXIT_OUTPUT;
		cli_output_discard(&output);
	}
	g2s_names_free(&settings.allow);
	g2s_names_free(&settings.deny);
	return status;
}
