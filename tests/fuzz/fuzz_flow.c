/* SPDX-License-Identifier: MIT */
/*
 * Decoding and data flow on arbitrary code.  Byte 0 chooses: bit 0, the code may follow Go's
 * conventions; bits 1 and 2, how many 16-byte blocks a function has; the rest is the code.  It lies
 * at TEXT, a segment of its own bytes as data at DATA.
 */
#include "fuzz.h"

#include "g2s/analysis/flow.h"
#include "g2s/image/elf.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT = 0x401000,
	DATA = 0x501000,
	HEADERS = 0x100,
	/* More is more of the same. */
	CODE_MAX = 0x10000,
	FUNCTIONS_MAX = 64,
};

static const struct g2s_arch *const ARCH = &g2s_arch_x86_64;

static const Elf64_Ehdr HEADER = {
	.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
	.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_entry = TEXT,
	.e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr),
	.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 2,
};

static uint8_t *build(const uint8_t *code, size_t size)
{
	const Elf64_Phdr segments[] = {
		{PT_LOAD, PF_R | PF_X, HEADERS, TEXT, TEXT, size, size, 1},
		{PT_LOAD, PF_R | PF_W, HEADERS, DATA, DATA, size, size + 64, 1},
	};
	uint8_t *file = calloc(1, HEADERS + size);
	fuzz_check(file != NULL, "no memory for a file");
	memcpy(file, &HEADER, sizeof(HEADER));
	memcpy(file + sizeof(HEADER), segments, sizeof(segments));
	memcpy(file + HEADERS, code, size);
	return file;
}

/* The quick decoder says what the full one says, as far as it goes. */
static void decode(const uint8_t *code, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		struct g2s_insn quick = {0};
		struct g2s_insn full = {0};
		bool skims = ARCH->skim(ARCH, code + i, size - i, TEXT + i, &quick);
		bool decodes = ARCH->decode(ARCH, code + i, size - i, TEXT + i, &full);
		fuzz_check(skims == decodes, "one decoder knows what the other does not");
		if (!decodes) {
			continue;
		}
		fuzz_check(quick.length == full.length && quick.step == full.step &&
		           quick.target == full.target && quick.address == full.address &&
		           quick.enters == full.enters && quick.breakpoint == full.breakpoint,
		           "the decoders differ");
		fuzz_check(full.length != 0 && full.length <= size - i, "an instruction without an end");
		fuzz_check(full.effect_count <= G2S_EFFECTS, "too many effects");
	}
}

static void visit(void *user, const struct g2s_state *state, const struct g2s_insn *insn)
{
	struct g2s_flow *flow = user;
	const struct g2s_range range = {TEXT, DATA};
	for (uint8_t reg = 0; reg < 16; reg++) {
		(void)g2s_state_register(flow, state, reg, reg % 2 == 0 ? 8 : 4);
	}
	for (int64_t offset = -16; offset <= 16; offset += 8) {
		(void)g2s_state_slot(flow, state, offset, 8);
	}
	for (unsigned i = 0; i < insn->effect_count; i++) {
		const struct g2s_effect *effect = &insn->effects[i];
		(void)g2s_state_operand(flow, state, &effect->a);
		if (effect->dst.kind == G2S_OPERAND_MEMORY) {
			(void)g2s_state_address(flow, state, &effect->dst);
			(void)g2s_state_stored(flow, state, effect, 0, 4);
		}
	}
	(void)g2s_state_passes(flow, state, range);
	(void)g2s_state_leaks(flow, state, insn, range);
}

static void run(struct g2s_flow *flow, const struct g2s_function *function)
{
	struct g2s_insn insn;
	uint64_t last = function->end - 1;
	fuzz_check(g2s_flow_run(flow, function->start, function->end) == G2S_OK, "no memory for a flow");
	fuzz_check(g2s_flow_entry(flow) == function->start, "another entry");
	g2s_flow_walk(flow, visit, flow);
	fuzz_check(!g2s_flow_reaches(flow, function->start) ||
	           (g2s_flow_before(flow, function->start) != NULL &&
	            g2s_flow_insn(flow, function->start) != NULL), "an entry that is not there");
	(void)g2s_flow_after(flow, function->start);
	(void)g2s_flow_straight(flow, function->start, last, &insn);
	for (uint8_t reg = 0; reg < 16; reg++) {
		(void)g2s_flow_uses(flow, reg, reg % 2 == 0);
	}
	/* As analysis does: only for what straight decoding leads to, and no path has reached. */
	if (g2s_flow_straight(flow, function->start, last, &insn) != NULL &&
	    g2s_flow_before(flow, last) == NULL) {
		const uint64_t starts[] = {function->start, last};
		fuzz_check(g2s_flow_cover(flow, starts, 2) == G2S_OK, "no memory to cover");
		g2s_flow_walk(flow, visit, flow);
	}
}

static void run_all(const struct g2s_funcs *funcs)
{
	static struct g2s_values values;
	fuzz_check(g2s_values_open(&values), "no memory for values");
	struct g2s_flow *flow = g2s_flow_new(ARCH, funcs, &values);
	fuzz_check(flow != NULL, "no memory for a flow");
	for (size_t i = 0; i < funcs->count && i < FUNCTIONS_MAX; i++) {
		run(flow, &funcs->items[i]);
	}
	fuzz_check(!values.failed, "no memory for values");
	g2s_flow_free(flow);
	g2s_values_free(&values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct g2s_elf elf;
	struct g2s_funcs funcs = {0};
	struct g2s_error err = {0};
	uint64_t starts[FUNCTIONS_MAX];
	if (size < 2 || size > CODE_MAX) {
		return 0;
	}
	decode(data + 1, size - 1);
	uint8_t *file = build(data + 1, size - 1);
	const struct g2s_bytes bytes = {file, HEADERS + size - 1};
	fuzz_check(g2s_elf_open(&elf, bytes, &err) == G2S_OK, "no ELF file");
	fuzz_check(g2s_funcs_build(&funcs, &elf, NULL), "no memory for functions");
	funcs.go_unlisted = (data[0] & 1) != 0;
	struct g2s_range gap;
	size_t count = 0;
	uint64_t step = UINT64_C(16) << 2 * (data[0] >> 1 & 3);
	for (uint64_t at = step; at < size - 1 && count < FUNCTIONS_MAX; at += step) {
		starts[count++] = TEXT + at;
	}
	if (g2s_funcs_gap(&funcs, TEXT, &gap)) {
		fuzz_check(g2s_funcs_split(&funcs, gap, starts, count), "no memory for functions");
	}
	run_all(&funcs);
	g2s_funcs_free(&funcs);
	g2s_elf_free(&elf);
	free(file);
	return 0;
}
