/* SPDX-License-Identifier: MIT */
#include "applets.h"
#include "cli.h"
#include "lock.h"
#include "stages.h"

#include "g2s/policy/oci_json.h"
#include "g2s/policy/seccomp.h"
#include "g2s/streams.h"
#include "g2s/text.h"

#include <limits.h>
#include <string.h>

#define APPLET "go2seccomp"

/*
 * Stands in for the tool of this name (xfernando/go2seccomp, 2018) where a script calls it: the
 * same operands, the same lines on stdout, profiles of the same form.
 */

/* What the older tool tells of the profile that it writes. */
static void tell_profile(FILE *out, const struct g2s_profile *profile)
{
	size_t count = 0;
	for (size_t i = 0; i < profile->rule_count; i++) {
		count += profile->rules[i].names.count;
	}
	for (size_t i = 0; i < profile->architectures.count; i++) {
		fprintf(out, "Arch :  %s\n", profile->architectures.items[i]);
	}
	fprintf(out, "Syscalls detected (total: %zu): [", count);
	const char *between = "";
	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct g2s_names *names = &profile->rules[i].names;
		for (size_t j = 0; j < names->count; j++) {
			fprintf(out, "%s%s", between, names->items[j]);
			between = " ";
		}
	}
	fputs("]\n", out);
}

/* The three stages, one after the other. */
static int make_profile(const char *binary, const struct lock *lock, struct cli_output *output,
                        struct g2s_streams *streams, struct g2s_profile *profile)
{
	int status = scan_stage(binary, lock, output, streams);
	if (status == G2S_EXIT_DONE) {
		status = resolve_stage(streams);
	}
	return status == G2S_EXIT_DONE ? profile_stage(streams, profile) : status;
}

static int run(const char *binary, const char *path, const struct lock *lock)
{
	struct g2s_streams streams = {0};
	struct g2s_profile profile = {0};
	struct cli_output output = {0};
	struct cli_output report = {0};
	int status = G2S_EXIT_OUTPUT;
	if (!cli_output_open(&output, APPLET, path) || !cli_output_open(&report, APPLET, NULL)) {
		goto done;
	}
	status = make_profile(binary, lock, &output, &streams, &profile);
	if (status != G2S_EXIT_DONE) {
		goto done;
	}
	g2s_oci_json_write(&profile, output.file);
	status = cli_output_commit(&output);
	if (status == G2S_EXIT_DONE) {
		tell_profile(report.file, &profile);
		char shown[4 * PATH_MAX];
		g2s_text_escape(shown, sizeof(shown), path, strlen(path), G2S_TEXT_MESSAGE);
		fprintf(report.file, "Saved seccomp profile at %s\n", shown);
		status = cli_output_commit(&report);
	}
done:
	cli_output_discard(&report);
	cli_output_discard(&output);
	g2s_profile_free(&profile);
	g2s_streams_free(&streams);
	return status;
}

int g2s_go2seccomp_main(int argc, char **argv)
{
	struct lock lock = LOCK_DEFAULT;
	const struct cli_option options[] = {{0}};
	const struct cli_usage usage = {
		.applet = APPLET,
		.operands = "BINARY PROFILE",
		.about = "Writes the seccomp profile of the program BINARY to the file PROFILE, "
		         "as the tool of\n"
		         "this name did.  It is g2s-scan, g2s-resolve and g2s-profile in one.\n",
		.options = options,
		.lock = &lock,
	};
	int status;
	int operands = cli_parse(&usage, argc, argv, &status);
	if (operands < 0) {
		return status;
	}
	if (operands != 2) {
		return cli_usage_error(APPLET, "two operands are needed, BINARY and PROFILE");
	}
	cli_sign_as(APPLET);
	return run(argv[1], argv[2], &lock);
}
