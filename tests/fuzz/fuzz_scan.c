/* SPDX-License-Identifier: MIT */
/* All that g2s-scan does with a file, from its bytes to the lines of the stream. */
#include "fuzz.h"

#include "g2s/analysis/chains.h"
#include "g2s/analysis/sites.h"
#include "g2s/stream.h"

#include <stdlib.h>
#include <string.h>

/* A copy of bytes as a string; "-" for none. */
static char *copy(struct g2s_bytes bytes)
{
	char *text = malloc(bytes.size + 2);
	fuzz_check(text != NULL, "no memory for a name");
	if (bytes.size == 0) {
		bytes = (struct g2s_bytes){(const uint8_t *)"-", 1};
	}
	memcpy(text, bytes.data, bytes.size);
	text[bytes.size] = '\0';
	return text;
}

static void write_site(struct g2s_stream_writer *writer, const struct g2s_program *program,
                       struct g2s_chains *chains, const struct g2s_site *site)
{
	const struct g2s_function *function = g2s_funcs_find(&program->funcs, site->addr);
	struct g2s_bytes name = {0};
	struct g2s_bytes file = {0};
	uint64_t line;
	if (function != NULL) {
		(void)g2s_funcs_name(&program->funcs, function, &name);
		(void)g2s_funcs_line(&program->funcs, function, site->addr, &file, &line);
	}
	char *name_text = copy(name);
	char *file_text = copy(file);
	const struct g2s_row row = {
		.binary = "fuzz",
		.arch = site->arch,
		.address = site->addr,
		.via = site->via,
		.number = site->number,
		.how = site->how,
		.function = name_text,
		.source = file_text,
		.more = g2s_chains_text(chains, site->addr),
	};
	g2s_stream_row(writer, &row);
	free(name_text);
	free(file_text);
}

/* A stream that g2s has written is one that it reads. */
static void write_stream(const struct g2s_program *program, struct g2s_chains *chains)
{
	struct fuzz_output output;
	struct g2s_stream_writer writer;
	const struct g2s_goinfo *go = &program->goinfo;
	const struct g2s_binary binary = {
		.path = "fuzz",
		.arch = program->arch->name,
		.go_version = go->version[0] == '\0' ? NULL : go->version,
		.build_id = go->build_id[0] == '\0' ? NULL : go->build_id,
	};
	fuzz_output_open(&output);
	g2s_stream_begin(&writer, output.file);
	g2s_stream_binary(&writer, &binary);
	for (size_t i = 0; i < program->elf.needed_count; i++) {
		struct g2s_bytes library = {0};
		(void)g2s_elf_needed(&program->elf, i, &library);
		char *text = copy(library);
		g2s_stream_needs(&writer, "fuzz", text);
		free(text);
	}
	for (size_t i = 0; i < program->site_count; i++) {
		write_site(&writer, program, chains, &program->sites[i]);
	}
	g2s_stream_end(&writer);
	fuzz_output_close(&output);
	const struct g2s_stream_handler nobody = {0};
	struct g2s_error err = {0};
	FILE *in = fuzz_input(output.data, output.size);
	fuzz_check(g2s_stream_read(in, false, &nobody, &err) == G2S_OK, "a stream nobody can read");
	fclose(in);
	fuzz_output_free(&output);
}

static void check_sites(const struct g2s_program *program)
{
	for (size_t i = 0; i < program->site_count; i++) {
		const struct g2s_site *site = &program->sites[i];
		fuzz_check(i == 0 || site[-1].addr <= site->addr, "sites that are not in order");
		fuzz_check(site->number >= G2S_NUMBER_UNKNOWN, "a number below all");
	}
	for (size_t i = 0; i < program->raw_count; i++) {
		const struct g2s_raw_site *site = &program->raw_sites[i];
		fuzz_check(i == 0 || site[-1].addr < site->addr, "raw sites that are not in order");
		fuzz_check(g2s_elf_is_code(&program->elf, site->addr), "a raw site that is no code");
	}
	/* Nothing is dropped in silence, but for a wrapper that nobody calls. */
	fuzz_check(program->raw_count == 0 || program->wrapper_count != 0 ||
	           program->site_count != 0, "kernel entries without a site");
}

/* A root file system in which the only file, whatever it is called, is the input itself. */
static enum g2s_code open_same(void *user, const char *path, struct g2s_file *file,
                               uint64_t *device, uint64_t *inode, struct g2s_error *err)
{
	const struct g2s_bytes *input = user;
	if (strstr(path, ".so") == NULL) {
		return g2s_fail(err, G2S_ERR_READ, 0, "%s", "");
	}
	/* A mapping, as whoever closes it expects. */
	FILE *copy = tmpfile();
	fuzz_check(copy != NULL && fwrite(input->data, 1, input->size, copy) == input->size &&
	                   fflush(copy) == 0,
	           "no copy of the input");
	char name[64];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fileno(copy));
	enum g2s_code code = g2s_file_open(file, name, err);
	fclose(copy);
	*device = 1;
	*inode = 2;
	return code;
}

static bool list_nothing(void *user, const char *path, bool (*visit)(void *to, const char *name),
                         void *to)
{
	(void)user, (void)path, (void)visit, (void)to;
	return false;
}

/* The input as a program, and as each library that it needs. */
static void scan_linked(struct g2s_bytes input)
{
	const struct g2s_sysroot root = {open_same, list_nothing, &input};
	struct g2s_program program = {0};
	struct g2s_libs libs = {0};
	struct g2s_error err = {0};
	bool more = false;
	enum g2s_code code = g2s_libs_open(&libs, input, "/bin/input", &root, &err);
	if (code == G2S_OK) {
		code = g2s_libs_load(&libs, &err);
	}
	if (code == G2S_OK) {
		code = g2s_program_open_linked(&program, &libs, &err);
	}
	if (code == G2S_OK) {
		code = g2s_program_look(&program, &err);
	}
	if (code == G2S_OK) {
		code = g2s_program_scan(&program, &err);
	}
	if (code == G2S_OK) {
		code = g2s_program_load(&program, &libs, &more, &err);
	}
	fuzz_check_error(code, &err);
	g2s_program_free(&program);
	g2s_libs_free(&libs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (g2s_elf_is_dynamic((struct g2s_bytes){data, size})) {
		scan_linked((struct g2s_bytes){data, size});
	}
	struct g2s_program program = {0};
	struct g2s_chains chains = {0};
	struct g2s_error err = {0};
	enum g2s_code code = g2s_program_open(&program, (struct g2s_bytes){data, size}, &err);
	if (code == G2S_OK) {
		code = g2s_program_scan(&program, &err);
	}
	if (code == G2S_OK) {
		check_sites(&program);
		code = g2s_chains_find(&chains, &program, &err);
	}
	fuzz_check_error(code, &err);
	if (code == G2S_OK) {
		write_stream(&program, &chains);
	}
	g2s_chains_free(&chains);
	g2s_program_free(&program);
	return 0;
}
