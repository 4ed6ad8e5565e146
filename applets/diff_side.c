/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "diff.h"

#include "g2s/policy/baseline.h"
#include "g2s/policy/oci_json.h"
#include "g2s/policy/sysno.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(void)
{
	cli_message(DIFF_APPLET, "out of memory");
	return G2S_EXIT_USAGE;
}

/*
 * --- a profile
 * ---------------------------------------------------------------------------------
 */

static int read_profile(struct diff_side *side)
{
	char *text = NULL;
	size_t size = 0;
	int status = cli_read_rest(DIFF_APPLET, &side->input, G2S_OCI_JSON_MAX, &text, &size);
	if (status != G2S_EXIT_DONE) {
		return status;
	}
	struct g2s_error err = {0};
	enum g2s_code code = g2s_oci_json_read(&side->profile, text, size, &err);
	free(text);
	if (code != G2S_OK) {
		cli_input_error(DIFF_APPLET, side->path, &err);
	}
	return cli_status(code);
}

/*
 * --- a stream
 * ----------------------------------------------------------------------------------
 */

/* Adds an architecture in the stream's spelling, or "x32". */
static int add_arch(struct diff_side *side, const char *binary, const char *arch)
{
	const char *scmp = g2s_scmp_arch(arch);
	if (scmp == NULL) {
		cli_message(DIFF_APPLET, "%s: architecture %s is not known to profiles", binary,
		            arch);
		return G2S_EXIT_INPUT;
	}
	if (g2s_names_have(&side->profile.architectures, scmp)) {
		return G2S_EXIT_DONE;
	}
	return g2s_names_add(&side->profile.architectures, scmp) ? G2S_EXIT_DONE : no_memory();
}

static int add_row(struct diff_side *side, const struct g2s_row *row)
{
	char place[CLI_PLACE_SIZE];
	if (row->syscall == NULL) {
		cli_message(DIFF_APPLET, "%s: system calls have no names yet: pass the stream "
		            "through g2s-resolve", row->binary);
		return G2S_EXIT_INPUT;
	}
	int status = add_arch(side, row->binary, row->arch);
	if (status == G2S_EXIT_DONE && row->number == G2S_NUMBER_UNKNOWN) {
		cli_message(DIFF_APPLET, "warning: %s: unresolved system call is not compared: %s "
		            "(%s)", row->binary, row->how, cli_place(row, place));
		side->unresolved++;
		return status;
	}
	if (status == G2S_EXIT_DONE && g2s_sysno_is_x32(row->arch, row->number)) {
		status = add_arch(side, row->binary, "x32");
	}
	if (status == G2S_EXIT_DONE && row->syscall[0] == '#') {
		cli_message(DIFF_APPLET, "warning: %s: number %" PRId64 " of %s has no name and is "
		            "not compared (%s)", row->binary, row->number, row->arch,
		            cli_place(row, place));
		side->unresolved++;
		return status;
	}
	if (status == G2S_EXIT_DONE) {
		side->rows[side->row_count++] = row;
	}
	return status;
}

/* By name; then places that read alike together. */
static int compare_rows(const void *left, const void *right)
{
	const struct g2s_row *a = *(const struct g2s_row *const *)left;
	const struct g2s_row *b = *(const struct g2s_row *const *)right;
	int order = strcmp(a->syscall, b->syscall);
	order = order != 0 ? order : strcmp(a->binary, b->binary);
	order = order != 0 ? order : strcmp(a->function, b->function);
	order = order != 0 ? order : strcmp(a->source, b->source);
	return order != 0 ? order : (a > b) - (a < b);
}

static int take_stream(struct diff_side *side)
{
	const struct g2s_streams *streams = &side->streams;
	if (streams->unread_count != 0) {
		cli_message(DIFF_APPLET, "%s: was not scanned: %s (g2s-profile --partial makes a "
		            "profile without)", streams->unread[0].path, streams->unread[0].why);
		return G2S_EXIT_INPUT;
	}
	side->rows = calloc(streams->row_count + 1, sizeof(side->rows[0]));
	if (side->rows == NULL) {
		return no_memory();
	}
	int status = G2S_EXIT_DONE;
	for (size_t i = 0; i < streams->binary_count && status == G2S_EXIT_DONE; i++) {
		const struct g2s_binary *binary = &streams->binaries[i].about;
		status = add_arch(side, binary->path, binary->arch);
	}
	for (size_t i = 0; i < streams->row_count && status == G2S_EXIT_DONE; i++) {
		status = add_row(side, &streams->rows[i].row);
	}
	for (size_t i = 0; i < streams->need_count && status == G2S_EXIT_DONE; i++) {
		cli_message(DIFF_APPLET, "warning: %s: what its library %s calls is not compared",
		            streams->needs[i].path, streams->needs[i].library);
		side->unresolved++;
	}
	if (status == G2S_EXIT_DONE && streams->row_count == 0) {
		cli_message(DIFF_APPLET, "warning: %s: the stream has no system call",
		            cli_shown_name(side->path));
	}
	qsort(side->rows, side->row_count, sizeof(side->rows[0]), compare_rows);
	return status;
}

static int read_stream(struct diff_side *side)
{
	struct g2s_error err = {0};
	enum g2s_code code = g2s_streams_read(&side->streams, side->input.file, false, &err);
	if (code == G2S_OK) {
		code = g2s_streams_unite(&side->streams, &err);
	}
	if (code != G2S_OK) {
		cli_input_error(DIFF_APPLET, side->path, &err);
		return cli_status(code);
	}
	return take_stream(side);
}

/*
 * --- both
 * --------------------------------------------------------------------------------------
 */

bool diff_side_open(struct diff_side *side, bool more)
{
	return cli_input_open(&side->input, DIFF_APPLET, side->path, more);
}

int diff_side_read(struct diff_side *side)
{
	FILE *in = side->input.file;
	/* A stream begins with its header; no JSON begins so. */
	int first = getc(in);
	if (first != EOF) {
		ungetc(first, in);
	}
	side->is_stream = first == '#';
	return side->is_stream ? read_stream(side) : read_profile(side);
}

const struct g2s_host_arch *diff_side_host(const struct diff_side *side)
{
	const struct g2s_names *arches = &side->profile.architectures;
	bool x86_64 = g2s_names_have(arches, "SCMP_ARCH_X86_64");
	bool aarch64 = g2s_names_have(arches, "SCMP_ARCH_AARCH64");
	/* Hosts of two kinds run programs of 32 bits. */
	return x86_64 == aarch64 ? NULL : g2s_host_arch(x86_64 ? "x86_64" : "aarch64");
}

bool diff_side_settle(struct diff_side *side, const struct diff_side *other)
{
	struct g2s_profile *profile = &side->profile;
	profile->default_action.kind = G2S_ACTION_ERRNO;
	if (!other->is_stream) {
		profile->default_action = other->profile.default_action;
		if (!g2s_names_add_all(&profile->flags, &other->profile.flags)) {
			return false;
		}
	}
	const struct g2s_baseline_choice runtime = {
		.callers = G2S_RUNTIME_ANY,
		.fatal = g2s_action_is_fatal(profile->default_action.kind),
	};
	if (!g2s_baseline_add(&side->baseline, &runtime)) {
		return false;
	}
	g2s_names_sort(&side->baseline);
	struct g2s_rule *rule = g2s_profile_add_rule(profile);
	if (rule == NULL || !g2s_names_add_all(&rule->names, &side->baseline)) {
		return false;
	}
	rule->action.kind = G2S_ACTION_ALLOW;
	for (size_t i = 0; i < side->row_count; i++) {
		const char *name = side->rows[i]->syscall;
		if ((i == 0 || strcmp(side->rows[i - 1]->syscall, name) != 0) &&
		    !g2s_names_add(&rule->names, name)) {
			return false;
		}
	}
	g2s_names_sort(&rule->names);
	return true;
}

const struct g2s_row *const *diff_side_rows(const struct diff_side *side, const char *name,
                                            size_t *count)
{
	size_t low = 0;
	size_t high = side->row_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(side->rows[middle]->syscall, name) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	*count = 0;
	while (low + *count < side->row_count &&
	       strcmp(side->rows[low + *count]->syscall, name) == 0) {
		++*count;
	}
	/* A profile has no array of rows at all. */
	return *count == 0 ? NULL : side->rows + low;
}

void diff_side_free(struct diff_side *side)
{
	cli_input_close(&side->input);
	g2s_profile_free(&side->profile);
	g2s_streams_free(&side->streams);
	free(side->rows);
	g2s_names_free(&side->baseline);
	*side = (struct diff_side){0};
}
