/* SPDX-License-Identifier: MIT */
/* A look around what looks like an entry of the kernel may spare decoding a large function. */
#include "elf_builder.h"

#include "analysis/sweep.h"

#include <string.h>

static struct builder_program program;
static struct g2s_elf elf;

/* What a look around ".m", and ".n" if it is there, says of a function of some size. */
static bool is_needless(const char *middle, size_t before, size_t behind)
{
	static char text[16384];
	size_t used = (size_t)snprintf(text, sizeof(text), "start: ");
	/* A jump at the start, to where the middle says. */
	used += (size_t)snprintf(text + used, sizeof(text) - used, "%s ",
	                         strstr(middle, ".far:") != NULL ? "e9 =far" : "90");
	for (size_t i = 0; i < before; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "90 ");
	}
	used += (size_t)snprintf(text + used, sizeof(text) - used, "%s ", middle);
	for (size_t i = 0; i < behind; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "90 ");
	}
	snprintf(text + used, sizeof(text) - used, "c3 .end:");
	builder_assemble(&program, text);
	const struct g2s_bytes bytes = {program.file, program.size};
	assert_int_equal(g2s_elf_open(&elf, bytes, NULL), G2S_OK);
	struct sweep_mark marks[2] = {{.addr = builder_label(&program, "m")}};
	size_t count = 1;
	if (strstr(middle, ".n:") != NULL) {
		marks[count++].addr = builder_label(&program, "n");
	}
	struct g2s_range range = {builder_label(&program, "start"),
	                          builder_label(&program, "end")};
	bool needless = sweep_is_needless(&g2s_arch_x86_64, &elf, range, marks, count);
	/* What it says must be what decoding everything says. */
	sweep_range(&g2s_arch_x86_64, &elf, range, marks, count);
	for (size_t i = 0; needless && i < count; i++) {
		struct g2s_insn insn;
		assert_false(marks[i].found);
		assert_false(sweep_is_doubtful(&g2s_arch_x86_64, &elf, range, &marks[i]));
		assert_true(!sweep_settle(&g2s_arch_x86_64, &elf, &marks[i], &insn) ||
		            insn.enters == 0);
	}
	g2s_elf_free(&elf);
	return needless;
}

static void looks_around(void **state)
{
	(void)state;
	/* mov eax, imm32 with SYSCALL in its constant; twice. */
	assert_true(is_needless("b890 .m: 0f0590", 3000, 1500));
	assert_true(is_needless("b890 .m: 0f0590 b890 .n: 0f0590", 3000, 1500));
	assert_true(is_needless("b890 .m: 0f0590 9090 b890 .n: 0f0590", 250, 4000));
	/* Too small, or too near the start. */
	assert_false(is_needless("b890 .m: 0f0590", 2000, 1500));
	assert_false(is_needless("b890 .m: 0f0590", 100, 4500));
	/* An instruction, with a prefix too, alone or beside what is none. */
	assert_false(is_needless(".m: 0f05", 3000, 1500));
	assert_false(is_needless("48 .m: 0f05", 3000, 1500));
	assert_false(is_needless("b890 .m: 0f0590 90 .n: 0f05", 3000, 1500));
	/* Near branches to it and past it, from before and from behind. */
	assert_false(is_needless("74 ~m b890 .m: 0f0590", 3000, 1500));
	assert_false(is_needless("b890 .m: 0f0590 eb ~m", 3000, 1500));
	assert_true(is_needless("74 ~x b890 .m: 0f0590 .x: 90", 3000, 1500));
	/* A branch from afar, to it or shortly before it. */
	assert_false(is_needless("b890 .far: .m: 0f0590", 3000, 1500));
	assert_false(is_needless(".far: 90 b890 .m: 0f0590", 3000, 1500));
	assert_true(is_needless("b890 .m: 0f0590 .far: 90", 3000, 1500));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(looks_around)};
	return cmocka_run_group_tests_name("sweeps", tests, NULL, NULL);
}
