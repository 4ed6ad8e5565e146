/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_SITES_H
#define G2S_ANALYSIS_SITES_H

#include "g2s/error.h"
#include "g2s/image/elf.h"
#include "g2s/image/funcs.h"
#include "g2s/image/goinfo.h"
#include "g2s/image/link.h"
#include "g2s/image/pclntab.h"
#include "g2s/isa/isa.h"

/*
 * From the instructions that enter the kernel to the numbers that reach them.
 *
 * Where the number came in as a parameter, the function is a wrapper, and the question passes
 * on to every place that calls it or jumps to it, to any depth; where it came from a global, to
 * the global's initial value and to every store to it.  Each question is asked once, so the
 * search ends.  What cannot be answered becomes a site without a number, at the place where the
 * trail is lost.
 */

/* A number of a system call, or that there is one unknown, at the place where it was chosen. */
struct g2s_site {
	uint64_t addr;
	/* libseccomp's name of the system-call table; static text. */
	const char *arch;
	/* The stream's words (stream.h); static text. */
	const char *via;
	const char *how;
	/* G2S_NUMBER_UNKNOWN when it is not known. */
	int64_t number;
};

/* A confirmed instruction that enters the kernel. */
struct g2s_raw_site {
	uint64_t addr;
	/* Index in arch->entries. */
	unsigned entry;
};

/* A confirmed direct call, jump or branch to the entry of a wrapper. */
struct g2s_call {
	uint64_t addr;
	uint64_t target;
};

/* A library that code loads while it runs, by the name that stands at an address. */
struct g2s_load {
	/* In the program's files. */
	struct g2s_bytes name;
	/* The index of the object whose code it is. */
	size_t object;
};

/* A program and what is known of it. */
struct g2s_program {
	const struct g2s_arch *arch;
	/*
	 * The program and its libraries as one image, of which elf is a copy; NULL: the file
	 * alone.
	 */
	struct g2s_link *link;
	struct linked_arch *linked;
	/* The index of the ELF interpreter among the objects; SIZE_MAX when there is none. */
	size_t interpreter;
	/* Those libraries. */
	struct g2s_libs *libs;
	struct g2s_elf elf;
	struct g2s_goinfo goinfo;
	/* layout is G2S_PCLNTAB_NONE when there is no table. */
	struct g2s_pclntab tab;
	struct g2s_funcs funcs;
	/* Sorted by address, architecture, number; without repeats. */
	struct g2s_site *sites;
	size_t site_count;
	/* Sorted by address. */
	struct g2s_raw_site *raw_sites;
	size_t raw_count;
	/* The entries of the wrappers, sorted, without repeats. */
	uint64_t *wrappers;
	size_t wrapper_count;
	/* Of a program with its libraries: what else is loaded, without repeats. */
	struct g2s_load *loads;
	size_t load_count;
	size_t load_capacity;
	/*
	 * Code that is reached loads libraries by names, or looks symbols up, that are not known.
	 */
	bool loads_unknown;
	bool looks_up_unknown;
	/* It looks up symbols that it was not known to. */
	bool looks_up_more;
	/* The C library loads the modules of its name service, as nsswitch.conf says. */
	bool loads_name_service;
	/*
	 * Sorted by address, without repeats.  A jump of a function to its own start, which is flow
	 * and not a call, is among them when the search has met it.
	 */
	struct g2s_call *calls;
	size_t call_count;
};

/*
 * Reads the tables of an ELF file, whose bytes must outlive *program; a machine that is not
 * supported is G2S_ERR_FORMAT. Free with g2s_program_free, after a failure too.
 */
enum g2s_code g2s_program_open(struct g2s_program *program, struct g2s_bytes file,
                               struct g2s_error *err);

/*
 * The same for a program with the libraries in libs, items[0] of which it is: its sites will be
 * those of all code that the program can come to.  What is in libs is moved to its place in the
 * image (link.h); it must outlive *program.
 */
enum g2s_code g2s_program_open_linked(struct g2s_program *program, struct g2s_libs *libs,
                                      struct g2s_error *err);

/*
 * Finds, of a program with its libraries, what the code that is reached names without dlopen: far
 * cheaper than a scan, which finds the same and more.
 */
enum g2s_code g2s_program_look(struct g2s_program *program, struct g2s_error *err);

/*
 * Adds to libs what a program that has been looked at or scanned loads by itself, as far as it is
 * there.  With *more true there was something: the program is to be freed, opened with libs, and
 * scanned again.
 */
enum g2s_code g2s_program_load(struct g2s_program *program, struct g2s_libs *libs, bool *more,
                               struct g2s_error *err);

/* Finds the sites of an open program. */
enum g2s_code g2s_program_scan(struct g2s_program *program, struct g2s_error *err);

void g2s_program_free(struct g2s_program *program);

#endif
