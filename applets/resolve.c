/* SPDX-License-Identifier: MIT */
#include "applets.h"
#include "assume.h"
#include "cli.h"
#include "lock.h"
#include "stages.h"

#include "g2s/policy/sysno.h"
#include "g2s/streams.h"

#include <inttypes.h>

#define APPLET "resolve"

/* Names the system call of one row; returns false when memory ran out. */
static bool name_row(struct g2s_streams *streams, struct g2s_row *row)
{
	char place[CLI_PLACE_SIZE];
	if (row->number == G2S_NUMBER_UNKNOWN) {
		row->syscall = "?";
		return true;
	}
	row->syscall = g2s_sysno_name(row->arch, row->number);
	if (row->syscall != NULL) {
		if (g2s_sysno_is_x32(row->arch, row->number)) {
			cli_message(APPLET, "warning: %s: number %" PRId64 " is %s of the x32 ABI "
			            "(%s)", row->binary, row->number, row->syscall,
			            cli_place(row, place));
		}
		return true;
	}
	cli_message(APPLET, "warning: %s: %s has no system call of number %" PRId64 " (%s)",
	            row->binary, row->arch, row->number, cli_place(row, place));
	char text[24];
	snprintf(text, sizeof(text), "#%" PRId64, row->number);
	row->syscall = g2s_streams_hold(streams, text);
	return row->syscall != NULL;
}

int resolve_stage(struct g2s_streams *streams)
{
	struct g2s_error err = {0};
	/* What the input calls a number is not asked: the same number has one name. */
	for (size_t i = 0; i < streams->row_count; i++) {
		streams->rows[i].row.syscall = NULL;
	}
	if (g2s_streams_unite(streams, &err) != G2S_OK) {
		cli_message(APPLET, "%s", err.text);
		return G2S_EXIT_USAGE;
	}
	for (size_t i = 0; i < streams->row_count; i++) {
		if (!name_row(streams, &streams->rows[i].row)) {
			cli_message(APPLET, "out of memory");
			return G2S_EXIT_USAGE;
		}
	}
	return G2S_EXIT_DONE;
}

int g2s_resolve_main(int argc, char **argv)
{
	bool partial = false;
	const char *path = NULL;
	struct assumptions assumptions = {0};
	struct lock lock = LOCK_DEFAULT;
	const struct cli_option options[] = {
		{
			.name = "assume",
			.argument = "SITE=NAMES",
			.help = "what a function or an address that is unresolved calls",
			.call = assume_add,
			.user = &assumptions,
		},
		{
			.name = "assume-file",
			.argument = "FILE",
			.help = "read such assumptions from FILE, one a line",
			.call = assume_add_file,
			.user = &assumptions,
		},
		{
			.name = "output",
			.letter = 'o',
			.argument = "FILE",
			.help = "write to FILE, which is replaced only when all went well",
			.text = &path,
		},
		{
			.name = "partial",
			.help = "accept a stream that was cut on purpose (by grep or head)",
			.flag = &partial,
		},
		{0},
	};
	const struct cli_usage usage = {
		.applet = APPLET,
		.operands = "[FILE]...",
		.about = "Reads what g2s-scan wrote, from FILEs or standard input, and adds the "
		         "name of each\n"
		         "system call.  Several streams become one.\n",
		.options = options,
		.lock = &lock,
	};
	int status;
	struct cli_output output = {0};
	struct cli_inputs inputs = {0};
	struct g2s_streams streams = {0};
	int operands = cli_parse(&usage, argc, argv, &status);
	if (operands < 0) {
		goto done;
	}
	if (!cli_output_open(&output, APPLET, path)) {
		status = G2S_EXIT_OUTPUT;
		goto done;
	}
	status = cli_inputs_open(&inputs, APPLET, argv + 1, operands);
	if (status == G2S_EXIT_DONE) {
		status = lock_applet(&lock, APPLET, NULL, 0, &output);
	}
	if (status == G2S_EXIT_DONE) {
		status = cli_read_streams(APPLET, &inputs, partial, &streams);
	}
	if (status == G2S_EXIT_DONE) {
		status = assume_apply(&assumptions, &streams);
	}
	if (status == G2S_EXIT_DONE) {
		status = resolve_stage(&streams);
	}
	if (status == G2S_EXIT_DONE) {
		g2s_streams_write(&streams, output.file);
		status = cli_output_commit(&output);
	}
done:
	cli_output_discard(&output);
	cli_inputs_close(&inputs);
	assume_free(&assumptions);
	g2s_streams_free(&streams);
	return status;
}
