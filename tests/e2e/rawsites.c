/* SPDX-License-Identifier: MIT */

/*
 * Prints the instructions of a file that enter the kernel, as g2s knows them, one a line: address, and
 * how it enters ("syscall").  A test compares them with another disassembler's.
 */

#include "g2s/analysis/sites.h"
#include "g2s/image/file.h"

#include <inttypes.h>
#include <stdio.h>

static enum g2s_code print_raw_sites(struct g2s_bytes bytes, struct g2s_error *err)
{
	struct g2s_program program = { 0 };
	enum g2s_code code = g2s_program_open(&program, bytes, err);
	if (code == G2S_OK) {
		code = g2s_program_scan(&program, err);
	}
	for (size_t i = 0; code == G2S_OK && i < program.raw_count; i++) {
		const struct g2s_raw_site *site = &program.raw_sites[i];
		printf("%" PRIx64 " %s\n", site->addr, program.arch->entries[site->entry].via);
	}
	g2s_program_free(&program);
	return code;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: rawsites FILE\n", stderr);
		return 2;
	}
	struct g2s_error err = { 0 };
	struct g2s_file file = { 0 };
	enum g2s_code code = g2s_file_open(&file, argv[1], &err);
	if (code == G2S_OK) {
		code = print_raw_sites(file.bytes, &err);
		g2s_file_close(&file);
	}
	if (code != G2S_OK) {
		fprintf(stderr, "rawsites: %s: %s\n", argv[1], err.text);
		return 1;
	}
	return 0;
}
