/* SPDX-License-Identifier: MIT */
/* g2s-resolve and g2s-profile, end to end: a stream becomes a profile in every format. */
#include "fuzz.h"

#include "stages.h"

#include "g2s/policy/seccomp.h"
#include "g2s/streams.h"

static bool read_streams(const void *text, size_t size, struct g2s_streams *streams)
{
	struct g2s_error err = {0};
	FILE *in = fuzz_input(text, size);
	enum g2s_code code = g2s_streams_read(streams, in, false, &err);
	fclose(in);
	fuzz_check_error(code, &err);
	return code == G2S_OK;
}

/* What g2s-resolve does with a stream. */
static bool resolve(const uint8_t *data, size_t size, struct fuzz_output *output)
{
	struct g2s_streams streams = {0};
	bool done = read_streams(data, size, &streams);
	if (done) {
		fuzz_check(resolve_stage(&streams) == 0, "a stream that cannot be resolved");
		fuzz_output_open(output);
		g2s_streams_write(&streams, output->file);
		fuzz_output_close(output);
	}
	g2s_streams_free(&streams);
	return done;
}

/* What g2s-profile does with what g2s-resolve has written. */
static void make_profile(const struct fuzz_output *resolved)
{
	struct g2s_streams streams = {0};
	struct g2s_profile profile = {0};
	struct g2s_error err = {0};
	fuzz_check(read_streams(resolved->data, resolved->size, &streams), "a stream nobody can read");
	fuzz_check(g2s_streams_unite(&streams, &err) == G2S_OK, "streams that do not unite");
	if (profile_stage(&streams, &profile) == 0) {
		fuzz_formats(&profile);
	}
	g2s_profile_free(&profile);
	g2s_streams_free(&streams);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_output resolved;
	fuzz_messages_begin();
	if (resolve(data, size, &resolved)) {
		make_profile(&resolved);
		fuzz_output_free(&resolved);
	}
	fuzz_messages_end();
	return 0;
}
