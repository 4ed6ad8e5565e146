/* SPDX-License-Identifier: MIT */

/*
 * The slow and simple path, for tests alone: every function of a file is decoded, instruction by
 * instruction from its start to its end, and so is what no function covers; by the architecture's
 * full decoder, since the one without operands may take short cuts.  Prints, sorted,
 *
 *     site ADDRESS VIA        an instruction that enters the kernel
 *     call ADDRESS TARGET     a direct call, jump or branch to the entry of a wrapper
 *
 * With --fast the same lines come from the analysis, which searches bytes and decodes little; a test
 * compares the two.  Which addresses are entries of wrappers is the analysis's to say on both sides.
 *
 * A jump or branch of a function to its own start is flow (Go's stack growth, a loop), not a call:
 * neither side prints it.  Where no function is known nobody can say whose start that is: both print
 * every one.  What only a jump into the middle of an instruction reaches, the slow path does not see;
 * compilers make none.
 */

#include "g2s/analysis/sites.h"
#include "g2s/image/file.h"
#include "g2s/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One line of output: a site with its way into the kernel, or, with via NULL, a call. */
struct line {
	uint64_t addr;
	const char *via;
	uint64_t target;
};

struct list {
	struct line *items;
	size_t count;
	size_t capacity;
	bool failed;
};

static void add(struct list *list, uint64_t addr, const char *via, uint64_t target)
{
	if (!g2s_grow(&list->items, &list->capacity, list->count + 1, sizeof(*list->items))) {
		list->failed = true;
		return;
	}
	list->items[list->count++] = (struct line){addr, via, target};
}

/* The function that holds addr, by the tables of the file alone. */
static struct g2s_range function_of(const struct g2s_funcs *funcs, uint64_t addr)
{
	const struct g2s_function *function = g2s_funcs_find(funcs, addr);
	return function == NULL ? (struct g2s_range){0, 0}
	                        : (struct g2s_range){function->start, function->end};
}

static void add_call(struct list *list, const struct g2s_funcs *funcs, const struct g2s_insn *insn)
{
	bool flow = insn->step != G2S_STEP_CALL && insn->target != 0 &&
	            function_of(funcs, insn->addr).start == insn->target;
	if (!flow) {
		add(list, insn->addr, NULL, insn->target);
	}
}

static bool is_wrapper(const struct g2s_program *fast, uint64_t addr)
{
	for (size_t low = 0, high = fast->wrapper_count; low < high;) {
		size_t middle = low + (high - low) / 2;
		if (fast->wrappers[middle] == addr) {
			return true;
		}
		if (fast->wrappers[middle] < addr) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return false;
}

/* Decodes one stretch of code; bytes that are no instruction are passed one at a time. */
static void decode(struct list *list, const struct g2s_program *slow,
                   const struct g2s_program *fast, struct g2s_range range)
{
	const struct g2s_arch *arch = slow->arch;
	struct g2s_bytes code;
	if (!g2s_elf_view(&slow->elf, range.start, &code)) {
		return;
	}
	for (uint64_t addr = range.start; addr < range.end;) {
		size_t at = (size_t)(addr - range.start);
		struct g2s_insn insn;
		if (at >= code.size ||
		    !arch->decode(arch, code.data + at, code.size - at, addr, &insn)) {
			addr++;
			continue;
		}
		if (insn.enters != 0) {
			add(list, addr, arch->entries[insn.enters - 1].via, 0);
		}
		if ((insn.step == G2S_STEP_CALL || insn.step == G2S_STEP_JUMP ||
		     insn.step == G2S_STEP_BRANCH) &&
		    is_wrapper(fast, insn.target)) {
			add_call(list, &slow->funcs, &insn);
		}
		addr += insn.length;
	}
}

/* All code of a program that has been opened and not scanned. */
static void list_slow(struct list *list, const struct g2s_program *slow,
                      const struct g2s_program *fast)
{
	for (size_t i = 0; i < slow->funcs.code_count; i++) {
		uint64_t end = slow->funcs.code[i].end;
		for (uint64_t addr = slow->funcs.code[i].start; addr < end;) {
			struct g2s_range range = function_of(&slow->funcs, addr);
			if (range.end == 0 && !g2s_funcs_gap(&slow->funcs, addr, &range)) {
				range.end = end;
			}
			range.start = addr;
			decode(list, slow, fast, range);
			addr = range.end;
		}
	}
}

/* What the analysis has found. */
static void list_fast(struct list *list, const struct g2s_program *slow,
                      const struct g2s_program *fast)
{
	const struct g2s_arch *arch = fast->arch;
	for (size_t i = 0; i < fast->raw_count; i++) {
		const struct g2s_raw_site *site = &fast->raw_sites[i];
		add(list, site->addr, arch->entries[site->entry].via, 0);
	}
	for (size_t i = 0; i < fast->call_count; i++) {
		const struct g2s_call *call = &fast->calls[i];
		struct g2s_bytes code;
		struct g2s_insn insn = {.addr = call->addr, .target = call->target};
		/* Only whether it is a call or a jump is not in the list. */
		if (g2s_elf_view(&fast->elf, call->addr, &code) &&
		    arch->decode(arch, code.data, code.size, call->addr, &insn)) {
			insn.target = call->target;
		}
		add_call(list, &slow->funcs, &insn);
	}
}

static int by_line(const void *a, const void *b)
{
	const struct line *x = a;
	const struct line *y = b;
	if ((x->via == NULL) != (y->via == NULL)) {
		return x->via == NULL ? 1 : -1;
	}
	if (x->addr != y->addr) {
		return x->addr < y->addr ? -1 : 1;
	}
	return x->target < y->target ? -1 : x->target > y->target;
}

static void print(struct list *list)
{
	if (list->count != 0) {
		qsort(list->items, list->count, sizeof(*list->items), by_line);
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct line *line = &list->items[i];
		if (line->via != NULL) {
			printf("site %" PRIx64 " %s\n", line->addr, line->via);
		} else {
			printf("call %" PRIx64 " %" PRIx64 "\n", line->addr, line->target);
		}
	}
}

static enum g2s_code list_program(struct g2s_bytes bytes, bool want_fast, struct g2s_error *err)
{
	struct g2s_program fast = {0};
	struct g2s_program slow = {0};
	struct list list = {0};
	enum g2s_code code = g2s_program_open(&fast, bytes, err);
	if (code == G2S_OK) {
		code = g2s_program_scan(&fast, err);
	}
	/* The analysis adds functions to its table; the slow path has one of its own. */
	if (code == G2S_OK) {
		code = g2s_program_open(&slow, bytes, err);
	}
	if (code == G2S_OK) {
		if (want_fast) {
			list_fast(&list, &slow, &fast);
		} else {
			list_slow(&list, &slow, &fast);
		}
		if (list.failed) {
			code = g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
		} else {
			print(&list);
		}
	}
	free(list.items);
	g2s_program_free(&slow);
	g2s_program_free(&fast);
	return code;
}

int main(int argc, char **argv)
{
	bool fast = argc == 3 && strcmp(argv[1], "--fast") == 0;
	if (argc != 2 && !fast) {
		fputs("usage: slowpath [--fast] FILE\n", stderr);
		return 2;
	}
	const char *path = argv[argc - 1];
	struct g2s_error err = {0};
	struct g2s_file file = {0};
	enum g2s_code code = g2s_file_open(&file, path, &err);
	if (code == G2S_OK) {
		code = list_program(file.bytes, fast, &err);
		g2s_file_close(&file);
	}
	if (code != G2S_OK) {
		fprintf(stderr, "slowpath: %s: %s\n", path, err.text);
		return 1;
	}
	return 0;
}
