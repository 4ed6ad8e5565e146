/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include "g2s/policy/bpf.h"
#include "g2s/policy/listing.h"
#include "g2s/policy/oci_json.h"
#include "g2s/policy/spo.h"
#include "g2s/policy/systemd.h"
#include "g2s/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fuzz_check(bool holds, const char *text)
{
	if (holds) {
		return;
	}
	/* Not stderr, which may be what is kept. */
	dprintf(STDERR_FILENO, "fuzz: %s\n", text);
	abort();
}

/* True when text, one or more lines or a part of one, can do nothing to a terminal. */
static bool is_clean(const char *text, size_t size, bool lines)
{
	while (size != 0) {
		size_t length = g2s_text_sequence(text, size);
		uint8_t first = (uint8_t)text[0];
		bool control = first < 0x20 ? !lines || first != '\n' : first == 0x7f;
		if (length == 0 || control || (first == 0xc2 && (uint8_t)text[1] < 0xa0)) {
			return false;
		}
		text += length;
		size -= length;
	}
	return true;
}

void fuzz_check_error(enum g2s_code code, const struct g2s_error *err)
{
	if (code == G2S_OK) {
		return;
	}
	size_t length = strnlen(err->text, sizeof(err->text));
	fuzz_check(code == G2S_ERR_FORMAT, "a failure that no input may cause");
	fuzz_check(length != 0 && length < sizeof(err->text), "a failure without a text");
	fuzz_check(is_clean(err->text, length, false), "a text that may not be shown");
}

/*
 * --- messages
 * ----------------------------------------------------------------------------------
 */

static struct fuzz_output kept;
static FILE *real_stderr;

void fuzz_messages_begin(void)
{
	real_stderr = stderr;
	fuzz_output_open(&kept);
	stderr = kept.file;
}

void fuzz_messages_end(void)
{
	stderr = real_stderr;
	fuzz_output_close(&kept);
	fuzz_check(kept.size == 0 || kept.data[kept.size - 1] == '\n', "a message without an end");
	fuzz_check(is_clean(kept.data, kept.size, true), "a message that may not be shown");
	fuzz_output_free(&kept);
}

/*
 * --- files in memory
 * ---------------------------------------------------------------------------
 */

void fuzz_output_open(struct fuzz_output *output)
{
	*output = (struct fuzz_output){0};
	output->file = open_memstream(&output->data, &output->size);
	fuzz_check(output->file != NULL, "no memory for an output");
}

void fuzz_output_close(struct fuzz_output *output)
{
	bool whole = ferror(output->file) == 0;
	fuzz_check(fclose(output->file) == 0 && whole, "no memory for an output");
	output->file = NULL;
}

void fuzz_output_free(struct fuzz_output *output)
{
	free(output->data);
	*output = (struct fuzz_output){0};
}

FILE *fuzz_input(const void *data, size_t size)
{
	/* Some C libraries refuse a size of 0. */
	FILE *in = size == 0 ? fopen("/dev/null", "re") : fmemopen((void *)(uintptr_t)data, size, "r");
	fuzz_check(in != NULL, "no memory for an input");
	return in;
}

/*
 * --- profiles
 * ----------------------------------------------------------------------------------
 */

static void write_json(const struct g2s_profile *profile, struct fuzz_output *output)
{
	fuzz_output_open(output);
	g2s_oci_json_write(profile, output->file);
	fuzz_output_close(output);
}

/*
 * What was written is read as the same profile.  A profile at the reader's limits may be longer when
 * it is written than what a reader takes.
 */
static void check_json(const struct g2s_profile *profile)
{
	struct fuzz_output first;
	struct fuzz_output second;
	struct g2s_profile again = {0};
	struct g2s_error err = {0};
	write_json(profile, &first);
	if (first.size <= G2S_OCI_JSON_MAX) {
		enum g2s_code code = g2s_oci_json_read(&again, first.data, first.size, &err);
		fuzz_check(code == G2S_OK, "a profile that is written and cannot be read");
		write_json(&again, &second);
		fuzz_check(first.size == second.size && memcmp(first.data, second.data, first.size) == 0,
		           "a profile that changes when it is written and read");
		fuzz_output_free(&second);
	}
	g2s_profile_free(&again);
	fuzz_output_free(&first);
}

void fuzz_formats(const struct g2s_profile *profile)
{
	struct g2s_error err = {0};
	struct g2s_bpf program = {0};
	struct g2s_names unknown = {0};
	struct fuzz_output output;
	check_json(profile);
	fuzz_output_open(&output);
	fuzz_check_error(g2s_listing_write(profile, output.file, &err), &err);
	fuzz_check_error(g2s_spo_write(profile, "profile", output.file, &err), &err);
	fuzz_check_error(g2s_systemd_write(profile, output.file, &err), &err);
	enum g2s_code code = g2s_bpf_build(profile, &program, &unknown, &err);
	fuzz_check_error(code, &err);
	if (code == G2S_OK) {
		fuzz_check(program.count != 0 && program.count <= G2S_BPF_MAX, "no BPF program");
		g2s_bpf_write(&program, output.file);
	}
	g2s_bpf_free(&program);
	g2s_names_free(&unknown);
	fuzz_output_close(&output);
	fuzz_output_free(&output);
}
