/* SPDX-License-Identifier: MIT */
#include "cli.h"

#include "g2s/streams.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *cli_shown_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}

FILE *cli_open_input(const char *applet, const char *path)
{
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (in == NULL) {
		cli_message(applet, "%s: cannot open: %s", path, strerror(errno));
	}
	return in;
}

void cli_close_input(FILE *in)
{
	if (in != stdin) {
		fclose(in);
	}
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

static int read_stream(const char *applet, const char *path, bool partial,
                       struct g2s_streams *streams)
{
	FILE *in = cli_open_input(applet, path);
	if (in == NULL) {
		return G2S_EXIT_USAGE;
	}
	struct g2s_error err = {0};
	enum g2s_code code = g2s_streams_read(streams, in, partial, &err);
	cli_close_input(in);
	if (code != G2S_OK) {
		cli_input_error(applet, path, &err);
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

int cli_read_streams(const char *applet, char *const *operands, int count, bool partial,
                     struct g2s_streams *streams)
{
	int status = count == 0 ? read_stream(applet, "-", partial, streams) : G2S_EXIT_DONE;
	for (int i = 0; i < count && status == G2S_EXIT_DONE; i++) {
		status = read_stream(applet, operands[i], partial, streams);
	}
	return status;
}

int cli_read_rest(const char *applet, const char *path, FILE *in, size_t max, char **data,
                  size_t *size)
{
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
		cli_message(applet, "%s: cannot read: %s", cli_shown_name(path), strerror(errno));
		status = G2S_EXIT_USAGE;
	} else if (got > max) {
		cli_message(applet, "%s: longer than %zu bytes", cli_shown_name(path), max);
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
	FILE *in = cli_open_input(applet, path);
	if (in == NULL) {
		return G2S_EXIT_USAGE;
	}
	int status = cli_read_rest(applet, path, in, max, data, size);
	cli_close_input(in);
	return status;
}
