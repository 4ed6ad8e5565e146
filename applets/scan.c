/* SPDX-License-Identifier: MIT */
#include "applets.h"
#include "cli.h"

#include "g2s/analysis/chains.h"
#include "g2s/analysis/sites.h"
#include "g2s/image/file.h"
#include "g2s/stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define APPLET "scan"

/* What a scan is asked to do, and where its results go. */
struct scan {
	struct g2s_stream_writer writer;
	/* Rows have the column of the callers. */
	bool callers;
	/* Room for the texts of one row. */
	char *function;
	size_t function_size;
	char *source;
	size_t source_size;
};

/* Copies bytes to a string that grows; an empty one, or no memory, is "-". */
static const char *hold(char **text, size_t *size, struct g2s_bytes bytes)
{
	if (bytes.size + 1 > *size) {
		char *grown = realloc(*text, bytes.size + 1);
		if (grown == NULL) {
			return "-";
		}
		*text = grown;
		*size = bytes.size + 1;
	}
	if (bytes.size == 0) {
		return "-";
	}
	memcpy(*text, bytes.data, bytes.size);
	(*text)[bytes.size] = '\0';
	return *text;
}

/* "file:line" of an address, or "-". */
static const char *source_of(struct scan *scan, const struct g2s_program *program,
                             const struct g2s_function *function, uint64_t addr)
{
	struct g2s_bytes file;
	uint64_t line;
	if (!g2s_funcs_line(&program->funcs, function, addr, &file, &line)) {
		return "-";
	}
	size_t need = file.size + 24;
	if (need > scan->source_size) {
		char *grown = realloc(scan->source, need);
		if (grown == NULL) {
			return "-";
		}
		scan->source = grown;
		scan->source_size = need;
	}
	snprintf(scan->source, scan->source_size, "%.*s:%" PRIu64, (int)file.size,
	         (const char *)file.data, line);
	return scan->source;
}

/* chains is NULL when rows do not have that column. */
static void write_site(struct scan *scan, const char *path, const struct g2s_program *program,
                       struct g2s_chains *chains, const struct g2s_site *site)
{
	struct g2s_row row = {
		.binary = path,
		.arch = site->arch,
		.address = site->addr,
		.via = site->via,
		.number = site->number,
		.how = site->how,
		.function = "-",
		.source = "-",
		.more = chains == NULL ? NULL : g2s_chains_text(chains, site->addr),
	};
	const struct g2s_function *function = g2s_funcs_find(&program->funcs, site->addr);
	struct g2s_bytes name;
	if (function != NULL) {
		if (g2s_funcs_name(&program->funcs, function, &name)) {
			row.function = hold(&scan->function, &scan->function_size, name);
		}
		row.source = source_of(scan, program, function, site->addr);
	}
	g2s_stream_row(&scan->writer, &row);
}

/* Says what of the result is not all that a reader may take it for. */
static void write_program(struct scan *scan, const char *path, const struct g2s_program *program,
                          struct g2s_chains *chains)
{
	const struct g2s_goinfo *go = &program->goinfo;
	const struct g2s_binary binary = {
		.path = path,
		.arch = program->arch->name,
		.go_version = go->version[0] == '\0' ? NULL : go->version,
		.build_id = go->build_id[0] == '\0' ? NULL : go->build_id,
	};
	g2s_stream_binary(&scan->writer, &binary);
	for (size_t i = 0; i < program->elf.needed_count; i++) {
		struct g2s_bytes library;
		const char *name = "?";
		if (g2s_elf_needed(&program->elf, i, &library)) {
			name = hold(&scan->function, &scan->function_size, library);
		}
		g2s_stream_needs(&scan->writer, path, name);
		cli_message(APPLET, "warning: %s: what %s does is not in the result", path, name);
	}
	for (size_t i = 0; i < program->site_count; i++) {
		write_site(scan, path, program, chains, &program->sites[i]);
	}
}

/* Scans one file and writes what it found; returns an exit status. */
static int scan_file(struct scan *scan, const char *path)
{
	struct g2s_error err = {0};
	struct g2s_file file;
	struct g2s_program program = {0};
	struct g2s_chains chains = {0};
	enum g2s_code code = g2s_file_open(&file, path, &err);
	if (code == G2S_OK) {
		code = g2s_program_open(&program, file.bytes, &err);
	}
	if (code == G2S_OK) {
		code = g2s_program_scan(&program, &err);
	}
	if (code == G2S_OK && scan->callers) {
		code = g2s_chains_find(&chains, &program, &err);
	}
	if (code == G2S_OK) {
		write_program(scan, path, &program, scan->callers ? &chains : NULL);
	} else {
		cli_message(APPLET, "%s: %s", path, err.text);
	}
	g2s_chains_free(&chains);
	g2s_program_free(&program);
	g2s_file_close(&file);
	return cli_status(code);
}

int g2s_scan_main(int argc, char **argv)
{
	struct scan scan = {0};
	bool strict = false;
	const char *path = NULL;
	const struct cli_option options[] = {
		{
			.name = "callers",
			.help = "add to each row a chain of calls that leads there (column 10)",
			.flag = &scan.callers,
		},
		{
			.name = "output",
			.letter = 'o',
			.argument = "FILE",
			.help = "write to FILE, which is replaced only when all went well",
			.text = &path,
		},
		{
			.name = "strict",
			.help = "end with status 3 when something could not be resolved",
			.flag = &strict,
		},
		{0},
	};
	const struct cli_usage usage = {
		.applet = APPLET,
		.operands = "PROGRAM...",
		.about = "Finds the system calls that compiled programs can make and writes them, "
		         "one a line,\n"
		         "for g2s-resolve.\n",
		.options = options,
	};
	int status;
	int operands = cli_parse(&usage, argc, argv, &status);
	if (operands < 0) {
		return status;
	}
	if (operands == 0) {
		return cli_usage_error(APPLET, "no program given");
	}
	struct cli_output output = {0};
	if (!cli_output_open(&output, APPLET, path)) {
		return G2S_EXIT_OUTPUT;
	}
	status = G2S_EXIT_DONE;
	g2s_stream_begin(&scan.writer, output.file);
	for (int i = 1; i <= operands; i++) {
		/* All files are looked at, so that one run names everything that is wrong. */
		int one = scan_file(&scan, argv[i]);
		status = one > status ? one : status;
	}
	g2s_stream_end(&scan.writer);
	bool incomplete = scan.writer.unresolved != 0;
	if (status == G2S_EXIT_DONE) {
		status = cli_output_commit(&output);
	}
	if (status == G2S_EXIT_DONE && strict && incomplete) {
		status = G2S_EXIT_INCOMPLETE;
	}
	cli_output_discard(&output);
	free(scan.function);
	free(scan.source);
	return status;
}
