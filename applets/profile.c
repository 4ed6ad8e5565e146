/* SPDX-License-Identifier: MIT */
#include "applets.h"
#include "cli.h"
#include "stages.h"

#include "g2s/policy/baseline.h"
#include "g2s/policy/oci_json.h"
#include "g2s/policy/seccomp.h"
#include "g2s/policy/sysno.h"
#include "g2s/streams.h"

#include <inttypes.h>
#include <string.h>

#define APPLET "profile"

/* What the command line asks for. */
struct settings {
	struct g2s_action default_action;
	enum g2s_runtime runtime;
	bool strict;
	bool partial;
	const char *path;
};

/* The order in which a profile lists architectures, in the stream's spelling and "x32". */
static const char *const arches[] = {"x86_64", "x86", "x32", "aarch64", "arm"};

enum { ARCH_COUNT = sizeof(arches) / sizeof(arches[0]) };

/* What the stream asks for. */
struct demand {
	struct g2s_names names;
	bool arches[ARCH_COUNT];
	/* Things that are missing from the answer: sites, libraries, files, nameless numbers. */
	size_t incomplete;
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

/* Returns the number of operands, or -1 with *status. */
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
			.name = "runtime",
			.argument = "any|runc|crun|none",
			.help = "whose own calls to add (any)",
			.call = set_runtime,
			.user = settings,
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
	const struct cli_usage usage = {
		.applet = APPLET,
		.operands = "[FILE]...",
		.about = "Reads what g2s-resolve wrote, from FILEs or standard input, and writes "
		         "the seccomp\n"
		         "profile that allows those system calls, as JSON for Docker and OCI "
		         "runtimes.\n",
		.options = options,
	};
	int operands = cli_parse(&usage, argc, argv, status);
	if (operands >= 0 && settings->default_action.has_value &&
	    settings->default_action.kind != G2S_ACTION_ERRNO) {
		*status = cli_usage_error(APPLET, "--errno goes with --default-action=errno only");
		return -1;
	}
	return operands;
}

/*
 * --- what the stream asks for
 * ------------------------------------------------------------------
 */

/* Notes an architecture; prints why when a profile cannot name it. */
static int demand_arch(struct demand *demand, const char *binary, const char *arch)
{
	for (size_t i = 0; i < ARCH_COUNT; i++) {
		if (strcmp(arches[i], arch) == 0) {
			demand->arches[i] = true;
			return G2S_EXIT_DONE;
		}
	}
	cli_message(APPLET, "%s: architecture %s is not known to profiles", binary, arch);
	return G2S_EXIT_INPUT;
}

static int demand_row(struct demand *demand, const struct g2s_row *row)
{
	char place[CLI_PLACE_SIZE];
	if (row->syscall == NULL) {
		cli_message(APPLET, "%s: system calls have no names yet: pass the stream through "
		            "g2s-resolve", row->binary);
		return G2S_EXIT_INPUT;
	}
	int status = demand_arch(demand, row->binary, row->arch);
	if (status != G2S_EXIT_DONE) {
		return status;
	}
	if (row->number == G2S_NUMBER_UNKNOWN) {
		cli_message(APPLET, "warning: %s: unresolved system call: %s (%s)", row->binary,
		            row->how, cli_place(row, place));
		demand->incomplete++;
		return G2S_EXIT_DONE;
	}
	if (g2s_sysno_is_x32(row->arch, row->number)) {
		status = demand_arch(demand, row->binary, "x32");
	}
	if (row->syscall[0] == '#') {
		cli_message(APPLET, "warning: %s: number %" PRId64 " of %s has no name and is not "
		            "allowed (%s)", row->binary, row->number, row->arch,
		            cli_place(row, place));
		demand->incomplete++;
		return status;
	}
	if (!g2s_names_add(&demand->names, row->syscall)) {
		cli_message(APPLET, "out of memory");
		return G2S_EXIT_USAGE;
	}
	return status;
}

/*
 * Files that could not be scanned: a profile without what they need would break them, so that it
 * is made only for somebody who said so.
 */
static int demand_unread(struct demand *demand, const struct g2s_streams *streams, bool partial)
{
	if (streams->unread_count == 0) {
		return G2S_EXIT_DONE;
	}
	if (!partial) {
		const struct g2s_unread *first = &streams->unread[0];
		size_t more = streams->unread_count - 1;
		char others[48] = "";
		if (more != 0) {
			snprintf(others, sizeof(others), "; nor were %zu more", more);
		}
		cli_message(APPLET, "%s: was not scanned: %s%s (--partial makes a profile without)",
		            first->path, first->why, others);
		return G2S_EXIT_INPUT;
	}
	for (size_t i = 0; i < streams->unread_count; i++) {
		cli_message(APPLET, "warning: %s: what it calls is not in the profile: %s",
		            streams->unread[i].path, streams->unread[i].why);
	}
	demand->incomplete += streams->unread_count;
	return G2S_EXIT_DONE;
}

static int demand_streams(struct demand *demand, const struct g2s_streams *streams, bool partial)
{
	int status = demand_unread(demand, streams, partial);
	for (size_t i = 0; i < streams->binary_count && status == G2S_EXIT_DONE; i++) {
		const struct g2s_binary *binary = &streams->binaries[i].about;
		status = demand_arch(demand, binary->path, binary->arch);
	}
	for (size_t i = 0; i < streams->row_count && status == G2S_EXIT_DONE; i++) {
		status = demand_row(demand, &streams->rows[i].row);
	}
	if (status != G2S_EXIT_DONE) {
		return status;
	}
	for (size_t i = 0; i < streams->need_count; i++) {
		cli_message(APPLET, "warning: %s: what its library %s calls is not in the profile",
		            streams->needs[i].path, streams->needs[i].library);
	}
	demand->incomplete += streams->need_count;
	if (streams->row_count == 0) {
		cli_message(APPLET, "warning: the stream has no system call");
	}
	return G2S_EXIT_DONE;
}

/*
 * --- the profile
 * -------------------------------------------------------------------------------
 */

/* Fills profile; takes the names out of demand.  Returns false when memory ran out. */
static bool fill(struct g2s_profile *profile, struct demand *demand,
                 const struct settings *settings)
{
	profile->default_action = settings->default_action;
	for (size_t i = 0; i < ARCH_COUNT; i++) {
		if (demand->arches[i] &&
		    !g2s_names_add(&profile->architectures, g2s_scmp_arch(arches[i]))) {
			return false;
		}
	}
	bool fatal = g2s_action_is_fatal(settings->default_action.kind);
	if (!g2s_baseline_add(&demand->names, settings->runtime, fatal)) {
		return false;
	}
	g2s_names_sort(&demand->names);
	if (demand->names.count == 0) {
		return true;
	}
	struct g2s_rule *rule = g2s_profile_add_rule(profile);
	if (rule == NULL) {
		return false;
	}
	rule->action.kind = G2S_ACTION_ALLOW;
	rule->names = demand->names;
	demand->names = (struct g2s_names){0};
	return true;
}

static int write_profile(struct g2s_streams *streams, const struct settings *settings,
                         struct cli_output *output)
{
	struct g2s_error err = {0};
	if (g2s_streams_unite(streams, &err) != G2S_OK) {
		cli_message(APPLET, "%s", err.text);
		return G2S_EXIT_USAGE;
	}
	struct demand demand = {0};
	struct g2s_profile profile = {0};
	int status = demand_streams(&demand, streams, settings->partial);
	if (status == G2S_EXIT_DONE && !fill(&profile, &demand, settings)) {
		cli_message(APPLET, "out of memory");
		status = G2S_EXIT_USAGE;
	}
	if (status == G2S_EXIT_DONE) {
		g2s_oci_json_write(&profile, output->file);
		status = cli_output_commit(output);
	}
	if (status == G2S_EXIT_DONE && settings->strict && demand.incomplete != 0) {
		cli_message(APPLET, "the profile is incomplete: %zu unresolved", demand.incomplete);
		status = G2S_EXIT_INCOMPLETE;
	}
	g2s_names_free(&demand.names);
	g2s_profile_free(&profile);
	return status;
}

int profile_stage(struct g2s_streams *streams, struct g2s_profile *profile)
{
	const struct settings settings = {
		.default_action = {.kind = G2S_ACTION_ERRNO},
		.runtime = G2S_RUNTIME_ANY,
	};
	struct demand demand = {0};
	int status = demand_streams(&demand, streams, settings.partial);
	if (status == G2S_EXIT_DONE && !fill(profile, &demand, &settings)) {
		cli_message(APPLET, "out of memory");
		status = G2S_EXIT_USAGE;
	}
	g2s_names_free(&demand.names);
	return status;
}

int g2s_profile_main(int argc, char **argv)
{
	struct settings settings = {
		.default_action = {.kind = G2S_ACTION_ERRNO},
		.runtime = G2S_RUNTIME_ANY,
	};
	int status;
	int operands = parse(&settings, argc, argv, &status);
	if (operands < 0) {
		return status;
	}
	struct cli_output output = {0};
	if (!cli_output_open(&output, APPLET, settings.path)) {
		return G2S_EXIT_OUTPUT;
	}
	struct g2s_streams streams = {0};
	status = cli_read_streams(APPLET, argv + 1, operands, settings.partial, &streams);
	if (status == G2S_EXIT_DONE) {
		status = write_profile(&streams, &settings, &output);
	}
	cli_output_discard(&output);
	g2s_streams_free(&streams);
	return status;
}
