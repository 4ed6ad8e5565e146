/* SPDX-License-Identifier: MIT */
/* The stream's reader, and the union of what it read: written again it is the same. */
#include "fuzz.h"

#include "g2s/stream.h"
#include "g2s/streams.h"

#include <string.h>

/* Reads, unites and writes; false, and nothing in *output, when the text is no stream. */
static bool pass(const void *text, size_t size, bool partial, struct fuzz_output *output)
{
	struct g2s_streams streams = {0};
	struct g2s_error err = {0};
	FILE *in = fuzz_input(text, size);
	enum g2s_code code = g2s_streams_read(&streams, in, partial, &err);
	fclose(in);
	fuzz_check_error(code, &err);
	if (code == G2S_OK) {
		fuzz_check(g2s_streams_unite(&streams, &err) == G2S_OK, "streams that do not unite");
		fuzz_output_open(output);
		g2s_streams_write(&streams, output->file);
		fuzz_output_close(output);
	}
	g2s_streams_free(&streams);
	return code == G2S_OK;
}

static void try(const uint8_t *data, size_t size, bool partial)
{
	struct fuzz_output first;
	struct fuzz_output second;
	if (!pass(data, size, partial, &first)) {
		return;
	}
	fuzz_check(pass(first.data, first.size, false, &second), "a stream that cannot be read again");
	fuzz_check(first.size == second.size && memcmp(first.data, second.data, first.size) == 0,
	           "a stream that changes when it is written and read");
	fuzz_output_free(&first);
	fuzz_output_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try(data, size, false);
	try(data, size, true);
	return 0;
}
