/* SPDX-License-Identifier: MIT */
#include "cli.h"

#include "g2s/streams.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

const char *cli_shown_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* As much of a pipe as is held in memory before its turn. */
enum { HELD_MAX = 1 << 30 };

/* Reads a pipe, so that its writer is done with it, and puts what it held in its place. */
static bool hold(struct cli_input *input, const char *applet)
{
	size_t size = 0;
	if (cli_read_rest(applet, input, HELD_MAX, &input->held, &size) != G2S_EXIT_DONE) {
		return false;
	}
	fclose(input->file);
	/* Not every C library takes a size of 0. */
	input->file = size != 0 ? fmemopen(input->held, size, "r") : fopen("/dev/null", "re");
	if (input->file == NULL) {
		cli_message(applet, "%s: cannot read: %s", input->path, strerror(errno));
	}
	return input->file != NULL;
}

bool cli_input_open(struct cli_input *input, const char *applet, const char *path, bool more)
{
	struct stat st;
	*input = (struct cli_input){.path = path};
	input->file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (input->file == NULL) {
		cli_message(applet, "%s: cannot open: %s", path, strerror(errno));
		return false;
	}
	return !more || input->file == stdin || fstat(fileno(input->file), &st) != 0 ||
	       !S_ISFIFO(st.st_mode) || hold(input, applet);
}

void cli_input_close(struct cli_input *input)
{
	if (input->file != NULL && input->file != stdin) {
		fclose(input->file);
	}
	free(input->held);
	*input = (struct cli_input){0};
}

/* Makes room for as many descriptors as the system lets us have. */
static void allow_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int cli_inputs_open(struct cli_inputs *inputs, const char *applet, char *const *operands,
                    int count)
{
	static char standard_input[] = "-";
	static char *const no_operands[] = {standard_input};
	if (count == 0) {
		operands = no_operands;
		count = 1;
	}
	inputs->items = calloc((size_t)count, sizeof(inputs->items[0]));
	if (inputs->items == NULL) {
		cli_message(applet, "out of memory");
		return G2S_EXIT_USAGE;
	}
	if (count > 1) {
		allow_descriptors();
	}
	for (int i = 0; i < count; i++) {
		struct cli_input *input = &inputs->items[inputs->count++];
		if (!cli_input_open(input, applet, operands[i], i + 1 < count)) {
			return G2S_EXIT_USAGE;
		}
	}
	return G2S_EXIT_DONE;
}

void cli_inputs_close(struct cli_inputs *inputs)
{
	for (size_t i = 0; i < inputs->count; i++) {
		cli_input_close(&inputs->items[i]);
	}
	free(inputs->items);
	*inputs = (struct cli_inputs){0};
}

void cli_input_error(const char *applet, const char *path, const struct g2s_error *err)
{
	if (err->offset != 0) {
		cli_message(applet, "%s: line %" PRIu64 ": %s", cli_shown_name(path), err->offset,
		            err->text);
	} else {
		cli_message(applet, "%s: %s", cli_shown_name(path), err->text);
	}
}

static int read_stream(const char *applet, const struct cli_input *input, bool partial,
                       struct g2s_streams *streams)
{
	struct g2s_error err = {0};
	enum g2s_code code = g2s_streams_read(streams, input->file, partial, &err);
	if (code != G2S_OK) {
		cli_input_error(applet, input->path, &err);
	}
	return cli_status(code);
}

const char *cli_place(const struct g2s_row *row, char place[CLI_PLACE_SIZE])
{
	if (strcmp(row->function, "-") == 0) {
		snprintf(place, CLI_PLACE_SIZE, "0x%" PRIx64, row->address);
	} else if (strcmp(row->source, "-") == 0) {
		snprintf(place, CLI_PLACE_SIZE, "%s, 0x%" PRIx64, row->function, row->address);
	} else {
		snprintf(place, CLI_PLACE_SIZE, "%s, %s", row->function, row->source);
	}
	return place;
}

int cli_read_streams(const char *applet, const struct cli_inputs *inputs, bool partial,
                     struct g2s_streams *streams)
{
	int status = G2S_EXIT_DONE;
	for (size_t i = 0; i < inputs->count && status == G2S_EXIT_DONE; i++) {
		status = read_stream(applet, &inputs->items[i], partial, streams);
	}
	return status;
}

int cli_read_rest(const char *applet, const struct cli_input *input, size_t max, char **data,
                  size_t *size)
{
	const char *path = cli_shown_name(input->path);
	FILE *in = input->file;
	/* One byte more shows that there is more. */
	char *text = malloc(max + 1);
	if (text == NULL) {
		cli_message(applet, "out of memory");
		return G2S_EXIT_USAGE;
	}
	int status = G2S_EXIT_DONE;
	errno = 0;
	size_t got = fread(text, 1, max + 1, in);
	if (ferror(in)) {
		cli_message(applet, "%s: cannot read: %s", path, strerror(errno));
		status = G2S_EXIT_USAGE;
	} else if (got > max) {
		cli_message(applet, "%s: longer than %zu bytes", path, max);
		status = G2S_EXIT_INPUT;
	}
	if (status != G2S_EXIT_DONE) {
		free(text);
		return status;
	}
	*data = text;
	*size = got;
	return G2S_EXIT_DONE;
}

int cli_read_file(const char *applet, const char *path, size_t max, char **data, size_t *size)
{
	struct cli_input input;
	int status = cli_input_open(&input, applet, path, false) ?
	             cli_read_rest(applet, &input, max, data, size) : G2S_EXIT_USAGE;
	cli_input_close(&input);
	return status;
}
