/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/isa/isa.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ADDR = 0x401000 };

static const struct g2s_arch *const ARCH = &g2s_arch_x86_64;

/*
 * Writes an operand: r0.4 is 4 bytes of register 0, with ^1 from its byte 1 on; v0.16 a vector;
 * #5.4 a number; [r4+r7*4+8].4 memory; [?+0].4 memory at an address nobody knows.
 */
static void write_operand(FILE *out, const struct g2s_operand *operand)
{
	switch (operand->kind) {
	case G2S_OPERAND_REGISTER:
		fprintf(out, "r%u%s.%u", operand->reg, operand->lane == 1 ? "^1" : "",
		        operand->width);
		break;
	case G2S_OPERAND_VECTOR:
		fprintf(out, "v%u.%u", operand->reg, operand->width);
		break;
	case G2S_OPERAND_IMMEDIATE:
		fprintf(out, "#%" PRId64 ".%u", operand->value, operand->width);
		break;
	case G2S_OPERAND_MEMORY:
		fputc('[', out);
		if (operand->opaque) {
			fputc('?', out);
		}
		if (operand->reg != G2S_NO_REGISTER) {
			fprintf(out, "r%u", operand->reg);
		}
		if (operand->index != G2S_NO_REGISTER) {
			fprintf(out, "+r%u*%u", operand->index, operand->scale);
		}
		fprintf(out, "%+" PRId64 "].%u", operand->value, operand->width);
		break;
	default:
		fputc('-', out);
		break;
	}
}

static void write_effects(FILE *out, const struct g2s_insn *insn)
{
	static const char *const ops[] = {
		"move", "extend", "address", "add", "sub",    "and",  "or",   "xor",     "shl",
		"shr",  "sar",    "mul",     "not", "neg",    "select", "bool", "mask",  "unknown",
		"fill",
	};
	assert_int_equal(COUNT(ops), G2S_OP_FILL + 1);
	for (unsigned i = 0; i < insn->effect_count; i++) {
		const struct g2s_effect *effect = &insn->effects[i];
		const struct g2s_operand *operands[] = {&effect->dst, &effect->a, &effect->b};
		fprintf(out, " %s", ops[effect->op]);
		for (size_t o = 0; o < COUNT(operands) && operands[o]->kind != 0; o++) {
			fputc(' ', out);
			write_operand(out, operands[o]);
		}
		fputc(';', out);
	}
}

struct example {
	const char *name;
	const char *code;
	/* The step, the effects, and the masks of clobbered registers and vectors. */
	const char *wanted;
};

/* What instructions do to the flags, and what branches look at. */
static const struct {
	const char *name;
	const char *code;
	enum g2s_flags flags;
	enum g2s_condition condition;
	const char *compared;
} FLAGS[] = {
	{"mov eax, 39", "b827000000", G2S_FLAGS_KEPT, G2S_IF_ANY, "- -"},
	{"cmp edi, 1", "83ff01", G2S_FLAGS_COMPARED, G2S_IF_ANY, "r7.4 #1.1"},
	{"cmp rdi, -1", "4883ffff", G2S_FLAGS_COMPARED, G2S_IF_ANY, "r7.8 #-1.1"},
	{"cmp [rsp+8], edi", "397c2408", G2S_FLAGS_COMPARED, G2S_IF_ANY, "[r4+8].4 r7.4"},
	{"test edi, edi", "85ff", G2S_FLAGS_COMPARED, G2S_IF_ANY, "r7.4 #0.4"},
	{"test edi, esi", "85f7", G2S_FLAGS_TESTED, G2S_IF_ANY, "r7.4 r6.4"},
	{"dec edi", "ffcf", G2S_FLAGS_RESULT, G2S_IF_ANY, "r7.4 -"},
	{"add [rsp], 1", "83042401", G2S_FLAGS_RESULT, G2S_IF_ANY, "[r4+0].4 -"},
	/* A shift by zero leaves them; carries go into the result. */
	{"shl eax, cl", "d3e0", G2S_FLAGS_LOST, G2S_IF_ANY, "- -"},
	{"adc eax, 1", "83d001", G2S_FLAGS_LOST, G2S_IF_ANY, "- -"},
	{"bt eax, 1", "0fbae001", G2S_FLAGS_LOST, G2S_IF_ANY, "- -"},
	{"popfq", "9d", G2S_FLAGS_LOST, G2S_IF_ANY, "- -"},
	{"lock cmpxchg [rsp+8], ecx", "f00fb14c2408", G2S_FLAGS_LOST, G2S_IF_ANY, "- -"},
	{"syscall", "0f05", G2S_FLAGS_LOST, G2S_IF_ANY, "- -"},
	{"not eax", "f7d0", G2S_FLAGS_KEPT, G2S_IF_ANY, "- -"},
	{"lea eax, [rdi]", "8d07", G2S_FLAGS_KEPT, G2S_IF_ANY, "- -"},
	{"je", "7400", G2S_FLAGS_KEPT, G2S_IF_EQUAL, "- -"},
	{"jne", "7500", G2S_FLAGS_KEPT, G2S_IF_NOT_EQUAL, "- -"},
	{"jb", "7200", G2S_FLAGS_KEPT, G2S_IF_BELOW, "- -"},
	{"jae", "7300", G2S_FLAGS_KEPT, G2S_IF_NOT_BELOW, "- -"},
	{"jbe", "7600", G2S_FLAGS_KEPT, G2S_IF_NOT_ABOVE, "- -"},
	{"ja", "7700", G2S_FLAGS_KEPT, G2S_IF_ABOVE, "- -"},
	{"jl", "7c00", G2S_FLAGS_KEPT, G2S_IF_LESS, "- -"},
	{"jge", "7d00", G2S_FLAGS_KEPT, G2S_IF_NOT_LESS, "- -"},
	{"jle", "7e00", G2S_FLAGS_KEPT, G2S_IF_NOT_GREATER, "- -"},
	{"jg", "7f00", G2S_FLAGS_KEPT, G2S_IF_GREATER, "- -"},
	{"js", "7800", G2S_FLAGS_KEPT, G2S_IF_NEGATIVE, "- -"},
	{"jns", "7900", G2S_FLAGS_KEPT, G2S_IF_NOT_NEGATIVE, "- -"},
	{"jo", "7000", G2S_FLAGS_KEPT, G2S_IF_ANY, "- -"},
	{"jp", "7a00", G2S_FLAGS_KEPT, G2S_IF_ANY, "- -"},
	{"jrcxz", "e300", G2S_FLAGS_KEPT, G2S_IF_ANY, "- -"},
	{"loopne", "e000", G2S_FLAGS_KEPT, G2S_IF_ANY, "- -"},
};

static const struct example EXAMPLES[] = {
	{"mov eax, 39", "b827000000", "next move r0.4 #39.4;"},
	{"mov ah, 1", "b401", "next move r0^1.1 #1.1;"},
	{"mov spl, 1", "40b401", "next move r4.1 #1.1;"},
	{"mov r15w, ax", "664189c7", "next move r15.2 r0.2;"},
	{"mov eax, [rsp+8]", "8b442408", "next move r0.4 [r4+8].4;"},
	{"mov rax, [rip+16]", "488b0510000000", "next move r0.8 [+4198423].8;"},
	{"mov [rip+16], imm32", "c7051000000005000000", "next move [+4198426].4 #5.4;"},
	{"mov eax, [rdi*8+0x1000]", "8b04fd00100000", "next move r0.4 [+r7*8+4096].4;"},
	{"mov eax, [rdx+rax*4-4]", "8b4482fc", "next move r0.4 [r2+r0*4-4].4;"},
	{"mov eax, fs:[0]", "648b042500000000", "next move r0.4 [?+0].4;"},
	/* 32-bit addresses wrap around at 4 GiB. */
	{"mov eax, [edi]", "678b07", "next move r0.4 [?+0].4;"},
	{"movzx eax, dil", "400fb6c7", "next move r0.4 r7.1;"},
	{"movsx rax, di", "480fbfc7", "next extend r0.8 r7.2;"},
	{"movsxd rax, edi", "4863c7", "next extend r0.8 r7.4;"},
	{"cdqe", "4898", "next extend r0.8 r0.4;"},
	{"lea rax, [rsp+8]", "488d442408", "next address r0.8 [r4+8].8;"},
	{"xor eax, eax", "31c0", "next move r0.4 #0.4;"},
	/* Not zero: two parts of one register. */
	{"xor al, ah", "30e0", "next xor r0.1 r0.1 r0^1.1;"},
	{"sub rsp, 24", "4883ec18", "next sub r4.8 r4.8 #24.1;"},
	{"add dword [rsp], 1", "83042401", "next add [r4+0].4 [r4+0].4 #1.1;"},
	{"imul eax, edi, 20", "6bc714", "next mul r0.4 r7.4 #20.1;"},
	{"imul rax, rdi", "480fafc7", "next mul r0.8 r0.8 r7.8;"},
	/* One operand: rax and rdx are written in ways nobody needs. */
	{"imul edi", "f7ef", "next clobbers 5"},
	{"shl eax, cl", "d3e0", "next shl r0.4 r0.4 r1.1;"},
	{"inc dword [rdi]", "ff07", "next add [r7+0].4 [r7+0].4 #1.1;"},
	{"neg eax", "f7d8", "next neg r0.4 r0.4;"},
	{"not rax", "48f7d0", "next not r0.8 r0.8;"},
	{"cmove eax, edi", "0f44c7", "next select r0.4 r0.4 r7.4;"},
	{"sete al", "0f94c0", "next bool r0.1;"},
	{"sbb eax, eax", "19c0", "next mask r0.4;"},
	{"sbb eax, edi", "19f8",
	 "next sub r33.4 r0.4 r7.4; sub r0.4 r33.4 #1.1; select r0.4 r0.4 r33.4;"},
	{"adc rdi, -1", "4883d7ff",
	 "next add r33.8 r7.8 #-1.1; add r7.8 r33.8 #1.1; select r7.8 r7.8 r33.8;"},
	{"sbb al, 1", "1c01", "next clobbers 1"},
	{"xchg rax, rdi", "4897", "next move r33.8 r7.8; move r7.8 r0.8; move r0.8 r33.8;"},
	{"xchg ax, ax", "6690", "next"},
	{"push rdi", "57", "next move r33.8 r7.8; add r4.8 r4.8 #-8.8; move [r4+0].8 r33.8;"},
	{"push 60", "6a3c", "next move r33.8 #60.8; add r4.8 r4.8 #-8.8; move [r4+0].8 r33.8;"},
	{"pop r12", "415c", "next move r33.8 [r4+0].8; add r4.8 r4.8 #8.8; move r12.8 r33.8;"},
	{"leave", "c9", "next move r4.8 r5.8; move r5.8 [r4+0].8; add r4.8 r4.8 #8.8;"},
	{"xorps xmm0, xmm0", "0f57c0", "next move v0.16 #0.16;"},
	{"vpxor xmm1, xmm2, xmm2", "c5e9efca", "next move v1.16 #0.16;"},
	{"vpxor xmm1, xmm1, xmm2", "c5f1efca", "next vectors 2"},
	{"movups [rsp], xmm15", "440f113c24", "next move [r4+0].16 v15.16;"},
	{"movups xmm0, [rsp]", "0f100424", "next move v0.16 [r4+0].16;"},
	{"movq xmm0, rdi", "66480f6ec7", "next move v0.8 r7.8;"},
	{"movd eax, xmm0", "660f7ec0", "next move r0.4 v0.4;"},
	{"movss xmm0, xmm1", "f30f10c1", "next vectors 1"},
	{"cpuid", "0fa2", "next clobbers f"},
	{"div ecx", "f7f1", "next clobbers 5"},
	{"rep stosd", "f3ab", "next fill [r7+0].4; clobbers 82"},
	{"stosd", "ab", "next unknown [r7+0].4; clobbers 80"},
	{"lock cmpxchg [rsp+8], ecx", "f00fb14c2408",
	 "next unknown [r4+8].4; clobbers 1"},
	{"fxsave [rdi]", "0fae07", "next fill [r7+0].0;"},
	{"nop", "90", "next"},
	{"nop [rax]", "0f1f00", "next"},
	{"cmp edi, 1", "83ff01", "next"},
	{"syscall", "0f05", "next enters 1 clobbers 803"},
	{"int 0x80", "cd80", "next enters 2 clobbers 803"},
	{"int 0x81", "cd81", "next"},
	{"sysenter", "0f34", "next enters 3 clobbers ffef"},
	{"call", "e810000000", "call to 401015"},
	{"call [rip+8]", "ff1508000000", "call-indirect by [+4198414].8"},
	{"call rdx", "ffd2", "call-indirect by r2.8"},
	{"jmp, backward", "e9f0ffffff", "jump to 400ff5"},
	{"jmp, short", "ebfe", "jump to 401000"},
	{"jmp rax", "ffe0", "jump-indirect by r0.8"},
	{"jmp [rdi*8+0x1000]", "ff24fd00100000", "jump-indirect by [+r7*8+4096].8"},
	{"je", "0f8410000000", "branch to 401016"},
	{"jrcxz", "e310", "branch to 401012"},
	{"loop", "e2fe", "branch to 401000 clobbers 2"},
	{"xbegin", "c7f810000000", "branch to 401016 clobbers 1"},
	{"ret", "c3", "return"},
	{"ret 8", "c20800", "return"},
	{"iretq", "48cf", "return"},
	{"ud2", "0f0b", "stop"},
	{"hlt", "f4", "stop"},
};

static void write_insn(FILE *out, const struct g2s_insn *insn)
{
	static const char *const steps[] = {
		[G2S_STEP_NEXT] = "next",
		[G2S_STEP_CALL] = "call",
		[G2S_STEP_JUMP] = "jump",
		[G2S_STEP_BRANCH] = "branch",
		[G2S_STEP_CALL_INDIRECT] = "call-indirect",
		[G2S_STEP_JUMP_INDIRECT] = "jump-indirect",
		[G2S_STEP_RETURN] = "return",
		[G2S_STEP_STOP] = "stop",
	};
	fputs(steps[insn->step], out);
	if (insn->enters != 0) {
		fprintf(out, " enters %u", insn->enters);
	}
	if (insn->target != 0) {
		fprintf(out, " to %" PRIx64, insn->target);
	}
	if (insn->target_operand.kind != G2S_OPERAND_NONE) {
		fputs(" by ", out);
		write_operand(out, &insn->target_operand);
	}
	write_effects(out, insn);
	if (insn->clobbers != 0) {
		fprintf(out, " clobbers %" PRIx64, insn->clobbers);
	}
	if (insn->vector_clobbers != 0) {
		fprintf(out, " vectors %" PRIx32, insn->vector_clobbers);
	}
}

/* Bytes written as hexadecimal digits; answers how many. */
static size_t read_code(uint8_t *code, const char *digits)
{
	size_t size = strlen(digits) / 2;
	for (size_t i = 0; i < size; i++) {
		const char byte[] = {digits[2 * i], digits[2 * i + 1], '\0'};
		code[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return size;
}

static void decodes(void **state)
{
	const struct example *example = *state;
	uint8_t code[15] = {0};
	char found[256] = "";
	struct g2s_insn insn, skimmed;
	size_t size = read_code(code, example->code);
	assert_true(ARCH->decode(ARCH, code, sizeof(code), ADDR, &insn));
	assert_true(ARCH->skim(ARCH, code, sizeof(code), ADDR, &skimmed));
	FILE *out = fmemopen(found, sizeof(found), "w");
	assert_non_null(out);
	write_insn(out, &insn);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(found, example->wanted);
	assert_int_equal(insn.length, size);
	assert_int_equal(insn.addr, ADDR);
	/* Both ways of decoding say the same, as far as the quick one says anything. */
	assert_int_equal(skimmed.addr, insn.addr);
	assert_int_equal(skimmed.length, insn.length);
	assert_int_equal(skimmed.step, insn.step);
	assert_int_equal(skimmed.enters, insn.enters);
	assert_int_equal(skimmed.target, insn.target);
	/* One byte less is no instruction. */
	assert_false(ARCH->decode(ARCH, code, insn.length - 1u, ADDR, &insn));
	assert_false(ARCH->skim(ARCH, code, skimmed.length - 1u, ADDR, &skimmed));
}

static void tells_of_flags(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(FLAGS); i++) {
		uint8_t code[15] = {0};
		char found[64] = "";
		struct g2s_insn insn;
		(void)read_code(code, FLAGS[i].code);
		assert_true(ARCH->decode(ARCH, code, sizeof(code), ADDR, &insn));
		FILE *out = fmemopen(found, sizeof(found), "w");
		assert_non_null(out);
		write_operand(out, &insn.compared[0]);
		fputc(' ', out);
		write_operand(out, &insn.compared[1]);
		assert_int_equal(fclose(out), 0);
		assert_string_equal(found, FLAGS[i].compared);
		assert_int_equal(insn.flags, FLAGS[i].flags);
		assert_int_equal(insn.condition, FLAGS[i].condition);
	}
}

static void refuses_what_is_no_instruction(void **state)
{
	(void)state;
	static const char *const codes[] = {"06", "0e", "27", "9a", "ea", "ffff", "0f04", "f090"};
	struct g2s_insn insn;
	for (size_t i = 0; i < COUNT(codes); i++) {
		uint8_t code[15] = {0};
		(void)read_code(code, codes[i]);
		assert_false(ARCH->decode(ARCH, code, sizeof(code), ADDR, &insn));
		assert_false(ARCH->skim(ARCH, code, sizeof(code), ADDR, &insn));
	}
	/* More prefixes than an instruction may have. */
	uint8_t prefixes[32];
	memset(prefixes, 0x66, sizeof(prefixes));
	prefixes[31] = 0x90;
	assert_false(ARCH->decode(ARCH, prefixes, sizeof(prefixes), ADDR, &insn));
	assert_false(ARCH->decode(ARCH, prefixes, 0, ADDR, &insn));
}

static void is_found_by_machine(void **state)
{
	(void)state;
	assert_ptr_equal(g2s_arch_find(62), ARCH);
	assert_null(g2s_arch_find(0));
	assert_null(g2s_arch_find(0xffff));
	assert_string_equal(ARCH->name, "x86_64");
	assert_int_equal(ARCH->word, 8);
}

int main(void)
{
	enum { OTHERS = 3 };
	struct CMUnitTest tests[COUNT(EXAMPLES) + OTHERS];
	const struct CMUnitTest others[OTHERS] = {
		cmocka_unit_test(tells_of_flags),
		cmocka_unit_test(refuses_what_is_no_instruction),
		cmocka_unit_test(is_found_by_machine),
	};
	for (size_t i = 0; i < COUNT(EXAMPLES); i++) {
		tests[i] = (struct CMUnitTest){
			.name = EXAMPLES[i].name,
			.test_func = decodes,
			.initial_state = (void *)(uintptr_t)&EXAMPLES[i],
		};
	}
	memcpy(tests + COUNT(EXAMPLES), others, sizeof(others));
	return cmocka_run_group_tests_name("x86", tests, NULL, NULL);
}
