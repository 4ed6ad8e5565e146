/* SPDX-License-Identifier: MIT */
/*
 * The length of common x86-64 instructions: an optional 66, an optional REX, one opcode byte or 0F
 * and a second one, ModRM with SIB and displacement, an immediate (Intel SDM volume 2, chapter 2
 * and the opcode maps of appendix A).  Everything else, and every combination that is not valid
 * throughout, is left to the full decoder; tests hold the two against each other.
 */
#include "x86_skim.h"

#include <string.h>

/* What follows an opcode; 0 is an opcode that is not common. */
enum shape {
	/* The opcode is known. */
	KNOWN = 1,
	MODRM = 2,
	/* An immediate of 1 byte; of 4 bytes, or 2 with 66. */
	IMM1 = 4,
	IMM4 = 8,
	/* With 66 it is left to the full decoder. */
	NOT66 = 16,
	/* Further looks are needed: see look_closer. */
	CLOSER = 32,
};

enum {
	MAP_0F = 0x0f,
	OPERAND_SIZE = 0x66,
	REX = 0x40,
	REX_MASK = 0xf0,
	REX_W = 8,
	BREAKPOINT = 0xcc,
	LONGEST = 15,
};

#define A (KNOWN | MODRM)
#define B (KNOWN | IMM1)
#define Z (KNOWN | IMM4)
#define P (KNOWN | NOT66)
#define C (KNOWN | MODRM | CLOSER)

static const uint8_t ONE_BYTE[256] = {
	/* ADD, OR, ADC, SBB, AND, SUB, XOR, CMP: r/m and register, accumulator and immediate. */
	[0x00] = A, A, A, A, B, Z, [0x08] = A, A, A, A, B, Z, [0x10] = A, A, A, A, B, Z,
	[0x18] = A, A, A, A, B, Z, [0x20] = A, A, A, A, B, Z, [0x28] = A, A, A, A, B, Z,
	[0x30] = A, A, A, A, B, Z, [0x38] = A, A, A, A, B, Z,
	/* PUSH, POP. */
	[0x50] = P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
	/* MOVSXD; PUSH and IMUL with an immediate. */
	[0x63] = A | NOT66, [0x68] = Z | NOT66, A | IMM4, P | IMM1, A | IMM1,
	/* Conditional branches. */
	[0x70] = P | IMM1, P | IMM1, P | IMM1, P | IMM1, P | IMM1, P | IMM1, P | IMM1, P | IMM1,
	P | IMM1, P | IMM1, P | IMM1, P | IMM1, P | IMM1, P | IMM1, P | IMM1, P | IMM1,
	/* Arithmetic with an immediate, TEST, XCHG, MOV, LEA. */
	[0x80] = A | IMM1, A | IMM4, 0, A | IMM1, A, A, A, A, A, A, A, A, 0, C,
	/* NOP, CDQE, CQO; TEST and MOV of an immediate (B8 and REX.W: see skim). */
	[0x90] = P, [0x98] = KNOWN, KNOWN, [0xa8] = B, Z,
	[0xb0] = B, B, B, B, B, B, B, B, Z, Z, Z, Z, Z, Z, Z, Z,
	/* Shifts, RET, MOV of an immediate to r/m, LEAVE, INT3. */
	[0xc0] = C | IMM1, C | IMM1, [0xc3] = P, [0xc6] = C | IMM1, C | IMM4, [0xc9] = P,
	[0xcc] = P, [0xd0] = C, C, C, C,
	/* CALL, JMP. */
	[0xe8] = P | IMM4, P | IMM4, [0xeb] = P | IMM1,
	/* TEST, NOT, NEG, MUL, DIV; INC, DEC, indirect calls and jumps, PUSH. */
	[0xf6] = C, C, [0xfe] = C, C,
};

static const uint8_t TWO_BYTES[256] = {
	/* UD2; MOVUPS, MOVAPS; NOP; CMOVcc; XORPS. */
	[0x0b] = P, [0x10] = A | NOT66, A | NOT66, [0x1f] = C, [0x28] = A | NOT66, A | NOT66,
	[0x40] = A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, [0x57] = A | NOT66,
	/* Conditional branches; SETcc; IMUL, MOVZX, MOVSX. */
	[0x80] = P | IMM4, P | IMM4, P | IMM4, P | IMM4, P | IMM4, P | IMM4, P | IMM4, P | IMM4,
	P | IMM4, P | IMM4, P | IMM4, P | IMM4, P | IMM4, P | IMM4, P | IMM4, P | IMM4,
	[0x90] = A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, [0xaf] = A,
	[0xb6] = A, A, [0xbe] = A, A,
};

/* An instruction being taken apart. */
struct parts {
	const uint8_t *code;
	/* Bytes looked at so far. */
	size_t at;
	uint8_t rex;
	bool small;
	bool two;
	uint8_t opcode;
	uint8_t shape;
	uint8_t modrm;
	/* Where a displacement that counts from the end of the instruction is; 0: there is none. */
	size_t relative;
};

static int64_t number_at(const uint8_t *code, unsigned width)
{
	if (width == 1) {
		return (int8_t)code[0];
	}
	int32_t number;
	memcpy(&number, code, sizeof(number));
	return number;
}

/* Of opcodes that ModRM divides further: whether it is a common one, and what follows it. */
static bool look_closer(struct parts *p)
{
	unsigned reg = p->modrm >> 3 & 7;
	bool memory = p->modrm >> 6 != 3;
	if (p->two) {
		/* NOP with an operand: only /0 is one for all processors. */
		return reg == 0;
	}
	switch (p->opcode) {
	case 0x8d:
		return memory;
	case 0xc6:
	case 0xc7:
		return reg == 0;
	case 0xf6:
	case 0xf7:
		p->shape |= reg > 1 ? 0 : p->opcode == 0xf6 ? IMM1 : IMM4;
		return reg != 1;
	case 0xfe:
		return reg < 2;
	case 0xff:
		return reg != 3 && reg != 5 && reg != 7 && !p->small;
	default:
		/* Shifts: /6 is another name of /4 that no compiler uses. */
		return reg != 6;
	}
}

/* ModRM, SIB and displacement. */
static void take_modrm(struct parts *p)
{
	p->modrm = p->code[p->at++];
	unsigned mod = p->modrm >> 6;
	unsigned rm = p->modrm & 7;
	if (mod == 3) {
		return;
	}
	unsigned displacement = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	if (rm == 4) {
		unsigned base = p->code[p->at++] & 7;
		displacement = mod == 0 && base == 5 ? 4 : displacement;
	} else if (mod == 0 && rm == 5) {
		displacement = 4;
		p->relative = p->at;
	}
	p->at += displacement;
}

static bool take_opcode(struct parts *p)
{
	if (p->code[0] == OPERAND_SIZE) {
		p->small = true;
		p->at++;
	}
	if ((p->code[p->at] & REX_MASK) == REX) {
		p->rex = p->code[p->at++];
	}
	p->opcode = p->code[p->at++];
	p->shape = ONE_BYTE[p->opcode];
	if (p->opcode == MAP_0F) {
		p->two = true;
		p->opcode = p->code[p->at++];
		p->shape = TWO_BYTES[p->opcode];
	}
	return (p->shape & KNOWN) != 0 && !(p->small && (p->shape & NOT66) != 0);
}

static unsigned immediate_size(const struct parts *p)
{
	if ((p->shape & IMM1) != 0) {
		return 1;
	}
	if ((p->shape & IMM4) == 0) {
		return 0;
	}
	bool wide = (p->rex & REX_W) != 0;
	if (!p->two && p->opcode >= 0xb8 && p->opcode <= 0xbf && wide) {
		return 8;
	}
	return p->small && !wide ? 2 : 4;
}

/* Where control goes; target is known when the immediate is a distance. */
static uint8_t step_of(const struct parts *p)
{
	unsigned reg = p->modrm >> 3 & 7;
	if (p->two) {
		return p->opcode == 0x0b                  ? G2S_STEP_STOP
		       : (p->opcode & REX_MASK) == 0x80 ? G2S_STEP_BRANCH
		                                          : G2S_STEP_NEXT;
	}
	switch (p->opcode) {
	case 0xc3:
		return G2S_STEP_RETURN;
	case 0xe8:
		return G2S_STEP_CALL;
	case 0xe9:
	case 0xeb:
		return G2S_STEP_JUMP;
	case 0xff:
		return reg == 2   ? G2S_STEP_CALL_INDIRECT
		       : reg == 4 ? G2S_STEP_JUMP_INDIRECT
		                  : G2S_STEP_NEXT;
	default:
		return (p->opcode & REX_MASK) == 0x70 ? G2S_STEP_BRANCH : G2S_STEP_NEXT;
	}
}

bool x86_skim_common(const uint8_t *code, size_t size, uint64_t addr, struct g2s_insn *insn)
{
	struct parts p = {.code = code};
	/* No instruction is longer, so nothing below needs a look at the size. */
	if (size < LONGEST || !take_opcode(&p)) {
		return false;
	}
	if ((p.shape & MODRM) != 0) {
		take_modrm(&p);
	}
	if ((p.shape & CLOSER) != 0 && !look_closer(&p)) {
		return false;
	}
	unsigned immediate = immediate_size(&p);
	size_t length = p.at + immediate;
	if (length > LONGEST) {
		return false;
	}
	insn->addr = addr;
	insn->length = (uint8_t)length;
	insn->step = step_of(&p);
	insn->enters = 0;
	insn->breakpoint = p.opcode == BREAKPOINT && !p.two;
	insn->target = 0;
	insn->address = 0;
	if (insn->step == G2S_STEP_CALL || insn->step == G2S_STEP_JUMP ||
	    insn->step == G2S_STEP_BRANCH) {
		insn->target = addr + length + (uint64_t)number_at(code + p.at, immediate);
	}
	if (p.relative != 0) {
		insn->address = addr + length + (uint64_t)number_at(code + p.relative, 4);
	}
	return true;
}
