/* SPDX-License-Identifier: MIT */
/* The quick decoder of x86 against the full one. */
#include "hay.h"

#include "g2s/isa/isa.h"
#include "isa/x86_skim.h"

enum { ADDR = 0x401000 };

static const struct g2s_arch *const ARCH = &g2s_arch_x86_64;

/* What the quick decoder knows the full one knows alike; answers whether it knows it. */
static bool skims_alike(const uint8_t *code)
{
	struct g2s_insn quick = {0};
	struct g2s_insn full = {0};
	if (!x86_skim_common(code, 16, ADDR, &quick)) {
		return false;
	}
	if (!ARCH->decode(ARCH, code, 16, ADDR, &full) || quick.length != full.length ||
	    quick.step != full.step || quick.target != full.target ||
	    quick.address != full.address || quick.enters != full.enters ||
	    quick.breakpoint != full.breakpoint || quick.addr != full.addr) {
		print_message("%02x %02x %02x %02x %02x: %u is said, %u it is\n", code[0], code[1],
		              code[2], code[3], code[4], quick.length, full.length);
		fail();
	}
	return true;
}

/* Every opcode with every prefix the quick decoder takes, every ModRM, and several SIB bytes. */
static void skims_as_it_decodes(void **state)
{
	(void)state;
	static const uint8_t sibs[] = {0x05, 0x24, 0x65, 0xcd};
	size_t known = 0;
	for (unsigned i = 0; i < 2 * 17 * 512 * 256; i++) {
		unsigned rex = i / 2 % 17;
		unsigned opcode = i / 34 % 512;
		unsigned modrm = i / 34 / 512;
		uint8_t code[16] = {0};
		size_t at = 0;
		if (i % 2 != 0) {
			code[at++] = 0x66;
		}
		if (rex != 0) {
			code[at++] = (uint8_t)(0x3f + rex);
		}
		if (opcode >= 256) {
			code[at++] = 0x0f;
		}
		code[at++] = (uint8_t)opcode;
		code[at++] = (uint8_t)modrm;
		code[at++] = sibs[(i + modrm) % COUNT(sibs)];
		for (uint8_t b = 0xf1; at < sizeof(code); b++) {
			code[at++] = b;
		}
		known += skims_alike(code);
	}
	assert_true(known > 1000000);
}

/* Bytes in any order, and code that is cut. */
static void skims_anything(void **state)
{
	(void)state;
	static uint8_t hay[HAY];
	size_t known = 0;
	for (uint32_t seed = 0; seed < 100; seed++) {
		fill_hay(hay, seed);
		for (size_t i = 0; i + 16 <= HAY; i++) {
			known += skims_alike(hay + i);
		}
	}
	assert_true(known > 10000);
	struct g2s_insn insn;
	static const uint8_t nops[16] = {0x90, 0x90, 0x90};
	assert_true(x86_skim_common(nops, 15, ADDR, &insn));
	for (size_t size = 0; size < 15; size++) {
		assert_false(x86_skim_common(nops, size, ADDR, &insn));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(skims_as_it_decodes),
		cmocka_unit_test(skims_anything),
	};
	return cmocka_run_group_tests_name("x86 quick decoder", tests, NULL, NULL);
}
