/* SPDX-License-Identifier: MIT */
/* Who refers to a function: searched for on demand, or collected once, the answer is the same. */
#include "elf_builder.h"

#include "g2s/analysis/refs.h"

#include <stdlib.h>
#include <string.h>

enum { FUNCTIONS = 16, REFERENCES = 5 };

static struct builder_program program;
static struct g2s_elf elf;
static struct g2s_pclntab tab;
static struct g2s_funcs funcs;

/* Functions that call, jump to, branch to and take the address of each other, without any order. */
static void assemble(bool go, uint32_t seed)
{
	static const char *const forms[] = {"e8", "e9", "0f84", "488d05", "b8 90 8d0d"};
	char text[8192];
	size_t used = (size_t)snprintf(text, sizeof(text), "%s", go ? "%go" : "%nosym");
	for (unsigned f = 0; f < FUNCTIONS; f++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %s%x:",
		                         f == 0 ? "start: f" : "f", f);
		for (unsigned r = 0; r < REFERENCES; r++) {
			seed = seed * 1664525 + 1013904223;
			used += (size_t)snprintf(text + used, sizeof(text) - used, " %s =f%x",
			                         forms[(seed >> 16) % COUNT(forms)],
			                         seed >> 20 & (FUNCTIONS - 1));
		}
		used += (size_t)snprintf(text + used, sizeof(text) - used, " c3");
	}
	assert_true(used < sizeof(text));
	builder_assemble(&program, text);
	const struct g2s_bytes bytes = {program.file, program.size};
	assert_int_equal(g2s_elf_open(&elf, bytes, NULL), G2S_OK);
	assert_int_equal(g2s_pclntab_open(&tab, &elf), go);
	assert_true(g2s_funcs_build(&funcs, &elf, go ? &tab : NULL));
}

static bool count_branch(void *user, uint64_t from, uint64_t to)
{
	(void)from;
	(void)to;
	(*(size_t *)user)++;
	return true;
}

static struct g2s_window window_of(unsigned function)
{
	char name[8];
	snprintf(name, sizeof(name), "f%x", function);
	uint64_t start = builder_label(&program, name);
	return (struct g2s_window){start, start + 1};
}

static void assert_same(const struct g2s_references *a, const struct g2s_references *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		assert_int_equal(a->items[i].place, b->items[i].place);
		assert_int_equal(a->items[i].target, b->items[i].target);
		assert_int_equal(a->items[i].kind, b->items[i].kind);
	}
}

/* Asks for some functions in turn, and for all at once; both must answer as all does. */
static size_t compare(struct g2s_refs *refs, struct g2s_refs *all, unsigned first, unsigned count)
{
	struct g2s_references found[2] = {{0}, {0}};
	struct g2s_window windows[FUNCTIONS];
	for (unsigned i = 0; i < count; i++) {
		windows[i] = window_of(first + i);
	}
	assert_true(g2s_refs_branches(refs, windows, count, &found[0]));
	assert_true(g2s_refs_branches(all, windows, count, &found[1]));
	assert_same(&found[0], &found[1]);
	size_t branches = found[0].count;
	assert_true(g2s_refs_operands(refs, windows, count, &found[0]));
	assert_true(g2s_refs_operands(all, windows, count, &found[1]));
	assert_same(&found[0], &found[1]);
	free(found[0].items);
	free(found[1].items);
	return branches;
}

static void answers_alike(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 40; seed++) {
		struct g2s_refs refs;
		struct g2s_refs all;
		size_t collected = 0;
		size_t found = 0;
		assemble(seed % 2 != 0, seed);
		assert_int_equal(g2s_refs_build(&refs, &g2s_arch_x86_64, &funcs, NULL), G2S_OK);
		assert_int_equal(g2s_refs_build(&all, &g2s_arch_x86_64, &funcs, NULL), G2S_OK);
		assert_true(g2s_refs_each_branch(&all, count_branch, &collected));
		for (unsigned f = 0; f < FUNCTIONS; f++) {
			found += compare(&refs, &all, f, 1);
			/*
			 * Go's functions are found with their neighbours; else everything is
			 * collected, long before the last one.
			 */
			bool go = seed % 2 != 0;
			assert_int_equal(refs.searches, go ? 1 : f < 6 ? f + 1 : 6);
			assert_int_equal(refs.buckets == NULL, go || f < 6);
			/* What is known needs no search. */
			compare(&refs, &all, 0, f + 1);
		}
		assert_true(found >= collected);
		assert_true(found > FUNCTIONS);
		g2s_refs_free(&refs);
		g2s_refs_free(&all);
		g2s_funcs_free(&funcs);
		g2s_elf_free(&elf);
	}
}

/* Large windows are not searched for. */
static void collects_for_large_windows(void **state)
{
	(void)state;
	struct g2s_refs refs;
	struct g2s_references found = {0};
	size_t collected = 0;
	assemble(false, 7);
	assert_int_equal(g2s_refs_build(&refs, &g2s_arch_x86_64, &funcs, NULL), G2S_OK);
	const struct g2s_window none = {1, 2};
	assert_true(g2s_refs_branches(&refs, &none, 1, &found));
	assert_int_equal(found.count, 0);
	assert_int_equal(refs.searches, 0);
	/* Everything, and more than there is. */
	const struct g2s_window whole = {0, UINT64_MAX};
	assert_true(g2s_refs_branches(&refs, &whole, 1, &found));
	assert_true(g2s_refs_each_branch(&refs, count_branch, &collected));
	assert_true(found.count >= collected);
	assert_true(collected > FUNCTIONS);
	free(found.items);
	g2s_refs_free(&refs);
	g2s_funcs_free(&funcs);
	g2s_elf_free(&elf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_alike),
		cmocka_unit_test(collects_for_large_windows),
	};
	return cmocka_run_group_tests_name("references", tests, NULL, NULL);
}
