/* SPDX-License-Identifier: MIT */
#include "profile_format.h"

#include "cli.h"

#include "g2s/policy/bpf.h"
#include "g2s/policy/listing.h"
#include "g2s/policy/oci_json.h"
#include "g2s/policy/spo.h"
#include "g2s/policy/systemd.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define APPLET "profile"

/* What is to be written, and what there is to be said about it. */
struct job {
	const struct g2s_profile *profile;
	/* The program's path, or NULL. */
	const char *binary;
	FILE *out;
	/* Names that could not be put into numbers. */
	struct g2s_names unknown;
	/* Length of the program. */
	size_t instructions;
	struct g2s_error err;
};

struct profile_format {
	const char *name;
	enum g2s_code (*write)(struct job *job);
	/* No terminal can show it, and its length in instructions is worth a line. */
	bool is_program;
};

static enum g2s_code write_oci(struct job *job)
{
	g2s_oci_json_write(job->profile, job->out);
	return G2S_OK;
}

static enum g2s_code write_names(struct job *job)
{
	return g2s_listing_write(job->profile, job->out, &job->err);
}

static enum g2s_code write_spo(struct job *job)
{
	char name[G2S_SPO_NAME_SIZE];
	g2s_spo_name(job->binary, name);
	return g2s_spo_write(job->profile, name, job->out, &job->err);
}

static enum g2s_code write_systemd(struct job *job)
{
	return g2s_systemd_write(job->profile, job->out, &job->err);
}

static enum g2s_code write_bpf(struct job *job)
{
	struct g2s_bpf program = {0};
	enum g2s_code code = g2s_bpf_build(job->profile, &program, &job->unknown, &job->err);
	if (code == G2S_OK) {
		g2s_bpf_write(&program, job->out);
	}
	job->instructions = program.count;
	g2s_bpf_free(&program);
	return code;
}

/* In the order of PROFILE_FORMATS. */
static const struct profile_format formats[] = {
	{"oci", write_oci, false},
	{"names", write_names, false},
	{"spo", write_spo, false},
	{"systemd", write_systemd, false},
	{"bpf", write_bpf, true},
};

const struct profile_format *profile_format_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(formats[i].name, name) == 0) {
			return &formats[i];
		}
	}
	return NULL;
}

bool profile_format_fits(const struct profile_format *format, const struct cli_output *output)
{
	if (!format->is_program || output->path != NULL || !isatty(STDOUT_FILENO)) {
		return true;
	}
	cli_usage_error(APPLET, "--format=%s is binary, and standard output is a terminal: give "
	                "-o FILE", format->name);
	return false;
}

/* Says what the reader of the output cannot see in it. */
static void tell(const struct profile_format *format, const struct job *job, const char *path)
{
	for (size_t i = 0; i < job->unknown.count; i++) {
		cli_message(APPLET, "warning: %s is a system call of no architecture that g2s "
		            "knows, and is not in the program", job->unknown.items[i]);
	}
	if (format->is_program) {
		cli_message(APPLET, "%s: %zu instructions", path, job->instructions);
	}
}

int profile_format_write(const struct profile_format *format, const struct g2s_profile *profile,
                         const char *binary, struct cli_output *output)
{
	/* The output forgets its path when it is closed. */
	char *path = output->path != NULL ? strdup(output->path) : strdup("standard output");
	struct job job = {.profile = profile, .binary = binary, .out = output->file};
	enum g2s_code code = path != NULL ? format->write(&job) :
	                     g2s_fail(&job.err, G2S_ERR_MEMORY, 0, "out of memory");
	int status = cli_status(code);
	if (code == G2S_ERR_FORMAT) {
		cli_message(APPLET, "--format=%s cannot say this profile: %s", format->name,
		            job.err.text);
	} else if (code != G2S_OK) {
		cli_message(APPLET, "%s", job.err.text);
	} else {
		status = cli_output_commit(output);
	}
	if (status == G2S_EXIT_DONE) {
		tell(format, &job, path);
	}
	g2s_names_free(&job.unknown);
	free(path);
	return status;
}
