/* SPDX-License-Identifier: MIT */
/*
 * x86-64 instructions, decoded by Zydis, as neutral ones.  The only file that sees Zydis.
 *
 * An instruction that is not in the tables below still tells, through its operands, which registers
 * and which memory it writes; those become unknown.
 */
#include "g2s/isa/isa.h"
#include "x86_search.h"
#include "x86_skim.h"

#include <Zydis/Zydis.h>

#include <elf.h>

enum {
	RAX = 0,
	RCX = 1,
	RDX = 2,
	RBX = 3,
	RSP = 4,
	RBP = 5,
	RSI = 6,
	RDI = 7,
	R11 = 11,
	WORD = 8,
};

/* An instruction being translated: Zydis's view of it and ours. */
struct translation {
	const ZydisDecodedInstruction *zi;
	const ZydisDecodedOperand *operands;
	struct g2s_insn *insn;
};

static const struct g2s_entry ENTRIES[] = {
	{{0x0f, 0x05}, 2, "x86_64", "syscall", RAX, 4},
	{{0xcd, 0x80}, 2, "x86", "int80", RAX, 4},
	{{0x0f, 0x34}, 2, "x86", "sysenter", RAX, 4},
};

enum {
	ENTRY_SYSCALL = 1,
	ENTRY_INT80 = 2,
	ENTRY_SYSENTER = 3,
};

/* The number of a general register, whatever part of it is named, or G2S_NO_REGISTER. */
static uint8_t general(ZydisRegister reg)
{
	if (reg >= ZYDIS_REGISTER_RAX && reg <= ZYDIS_REGISTER_R15) {
		return (uint8_t)(reg - ZYDIS_REGISTER_RAX);
	}
	if (reg >= ZYDIS_REGISTER_EAX && reg <= ZYDIS_REGISTER_R15D) {
		return (uint8_t)(reg - ZYDIS_REGISTER_EAX);
	}
	if (reg >= ZYDIS_REGISTER_AX && reg <= ZYDIS_REGISTER_R15W) {
		return (uint8_t)(reg - ZYDIS_REGISTER_AX);
	}
	if (reg >= ZYDIS_REGISTER_AL && reg <= ZYDIS_REGISTER_BL) {
		return (uint8_t)(reg - ZYDIS_REGISTER_AL);
	}
	if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH) {
		return (uint8_t)(reg - ZYDIS_REGISTER_AH);
	}
	if (reg >= ZYDIS_REGISTER_SPL && reg <= ZYDIS_REGISTER_R15B) {
		return (uint8_t)(reg - ZYDIS_REGISTER_SPL + RSP);
	}
	return G2S_NO_REGISTER;
}

static uint8_t vector(ZydisRegister reg)
{
	if (reg >= ZYDIS_REGISTER_XMM0 && reg <= ZYDIS_REGISTER_XMM31) {
		return (uint8_t)(reg - ZYDIS_REGISTER_XMM0);
	}
	if (reg >= ZYDIS_REGISTER_YMM0 && reg <= ZYDIS_REGISTER_YMM31) {
		return (uint8_t)(reg - ZYDIS_REGISTER_YMM0);
	}
	if (reg >= ZYDIS_REGISTER_ZMM0 && reg <= ZYDIS_REGISTER_ZMM31) {
		return (uint8_t)(reg - ZYDIS_REGISTER_ZMM0);
	}
	return G2S_NO_REGISTER;
}

static struct g2s_operand register_operand(uint8_t reg, uint8_t width)
{
	return (struct g2s_operand){.kind = G2S_OPERAND_REGISTER, .reg = reg, .width = width};
}

static struct g2s_operand immediate(int64_t value, uint8_t width)
{
	return (struct g2s_operand){.kind = G2S_OPERAND_IMMEDIATE, .value = value, .width = width};
}

static struct g2s_operand stack_top(void)
{
	return (struct g2s_operand){.kind = G2S_OPERAND_MEMORY, .width = WORD, .reg = RSP,
	                            .index = G2S_NO_REGISTER};
}

/* A base or index as a register; false for one whose value the data flow does not follow. */
static bool address_register(ZydisRegister reg, uint8_t *out)
{
	*out = G2S_NO_REGISTER;
	if (reg == ZYDIS_REGISTER_NONE) {
		return true;
	}
	if (reg >= ZYDIS_REGISTER_RAX && reg <= ZYDIS_REGISTER_R15) {
		*out = general(reg);
		return true;
	}
	return false;
}

static struct g2s_operand memory_operand(const struct translation *t,
                                         const ZydisDecodedOperand *from, uint8_t width)
{
	struct g2s_operand to = {
		.kind = G2S_OPERAND_MEMORY,
		.width = width,
		.scale = from->mem.scale == 0 ? 1 : from->mem.scale,
		.value = from->mem.disp.value,
		.reg = G2S_NO_REGISTER,
		.index = G2S_NO_REGISTER,
	};
	if (from->mem.base == ZYDIS_REGISTER_RIP && from->mem.index == ZYDIS_REGISTER_NONE) {
		to.value += (int64_t)(t->insn->addr + t->zi->length);
	} else if (!address_register(from->mem.base, &to.reg) ||
	           !address_register(from->mem.index, &to.index)) {
		to.opaque = true;
	}
	if (from->mem.segment == ZYDIS_REGISTER_FS || from->mem.segment == ZYDIS_REGISTER_GS) {
		to.opaque = true;
	}
	return to;
}

/*
 * Zydis's operand number i as a neutral one; kind is G2S_OPERAND_NONE for what has no
 * counterpart.
 */
static struct g2s_operand operand(const struct translation *t, unsigned i)
{
	const ZydisDecodedOperand *from = &t->operands[i];
	struct g2s_operand none = {0};
	/* The widest vectors have 64 bytes; anything wider is memory of an extent of its own. */
	uint8_t width = from->size / 8 <= 64 ? (uint8_t)(from->size / 8) : 0;
	switch (from->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		if (general(from->reg.value) != G2S_NO_REGISTER) {
			struct g2s_operand to = register_operand(general(from->reg.value), width);
			to.lane = from->reg.value >= ZYDIS_REGISTER_AH &&
			          from->reg.value <= ZYDIS_REGISTER_BH;
			return to;
		}
		if (vector(from->reg.value) != G2S_NO_REGISTER) {
			return (struct g2s_operand){.kind = G2S_OPERAND_VECTOR, .width = width,
			                            .reg = vector(from->reg.value)};
		}
		return none;
	case ZYDIS_OPERAND_TYPE_MEMORY:
		return memory_operand(t, from, width);
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		return immediate(from->imm.is_signed ? from->imm.value.s
		                                     : (int64_t)from->imm.value.u, width);
	default:
		return none;
	}
}

static void effect(struct translation *t, enum g2s_op op, struct g2s_operand dst,
                   struct g2s_operand a, struct g2s_operand b)
{
	t->insn->effects[t->insn->effect_count++] = (struct g2s_effect){op, dst, a, b};
}

static void move(struct translation *t, struct g2s_operand dst, struct g2s_operand src)
{
	effect(t, G2S_OP_MOVE, dst, src, (struct g2s_operand){0});
}

static void move_stack_pointer(struct translation *t, int64_t by)
{
	struct g2s_operand sp = register_operand(RSP, WORD);
	effect(t, G2S_OP_ADD, sp, sp, immediate(by, WORD));
}

/* Notes which registers an instruction that is not described reads, apart from addresses. */
static void note_reads(struct translation *t)
{
	for (unsigned i = 0; i < t->zi->operand_count; i++) {
		const ZydisDecodedOperand *from = &t->operands[i];
		if (from->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    (from->actions & ZYDIS_OPERAND_ACTION_MASK_READ) == 0) {
			continue;
		}
		struct g2s_operand to = operand(t, i);
		if (to.kind == G2S_OPERAND_REGISTER && to.reg != RSP) {
			t->insn->reads |= UINT64_C(1) << to.reg;
		} else if (to.kind == G2S_OPERAND_VECTOR) {
			t->insn->vector_reads |= UINT32_C(1) << to.reg;
		}
	}
}

/* Everything the instruction writes becomes unknown, but for registers in the mask but. */
static void clobber_written(struct translation *t, uint64_t but)
{
	for (unsigned i = 0; i < t->zi->operand_count; i++) {
		const ZydisDecodedOperand *from = &t->operands[i];
		if ((from->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0) {
			continue;
		}
		struct g2s_operand to = operand(t, i);
		if (to.kind == G2S_OPERAND_REGISTER) {
			t->insn->clobbers |= (UINT64_C(1) << to.reg) & ~but;
		} else if (to.kind == G2S_OPERAND_VECTOR) {
			t->insn->vector_clobbers |= UINT32_C(1) << to.reg;
		} else if (to.kind == G2S_OPERAND_MEMORY && t->insn->effect_count < G2S_EFFECTS) {
			bool extent = to.width != 0 &&
			              (t->zi->attributes &
			               (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
			                ZYDIS_ATTRIB_HAS_REPNE)) == 0;
			effect(t, extent ? G2S_OP_UNKNOWN : G2S_OP_FILL, to,
			       (struct g2s_operand){0}, (struct g2s_operand){0});
		}
	}
	if (t->insn->clobbers != 0 || t->insn->vector_clobbers != 0 ||
	    t->insn->effect_count != 0) {
		note_reads(t);
	}
}

/* Instructions that are dst = dst op src, or dst = a op b when they have three operands. */
struct arithmetic {
	ZydisMnemonic mnemonic;
	enum g2s_op op;
};

static const struct arithmetic ARITHMETIC[] = {
	{ZYDIS_MNEMONIC_ADD, G2S_OP_ADD}, {ZYDIS_MNEMONIC_SUB, G2S_OP_SUB},
	{ZYDIS_MNEMONIC_AND, G2S_OP_AND}, {ZYDIS_MNEMONIC_OR, G2S_OP_OR},
	{ZYDIS_MNEMONIC_XOR, G2S_OP_XOR}, {ZYDIS_MNEMONIC_SHL, G2S_OP_SHL},
	{ZYDIS_MNEMONIC_SHR, G2S_OP_SHR}, {ZYDIS_MNEMONIC_SAR, G2S_OP_SAR},
	{ZYDIS_MNEMONIC_IMUL, G2S_OP_MUL},
};

static bool same_register(const struct g2s_operand *a, const struct g2s_operand *b)
{
	return (a->kind == G2S_OPERAND_REGISTER || a->kind == G2S_OPERAND_VECTOR) &&
	       a->kind == b->kind && a->reg == b->reg && a->lane == b->lane &&
	       a->width == b->width;
}

static bool translate_arithmetic(struct translation *t)
{
	unsigned visible = t->zi->operand_count_visible;
	for (size_t i = 0; i < sizeof(ARITHMETIC) / sizeof(ARITHMETIC[0]); i++) {
		if (ARITHMETIC[i].mnemonic != t->zi->mnemonic || visible < 2) {
			continue;
		}
		struct g2s_operand dst = operand(t, 0);
		struct g2s_operand a = operand(t, visible - 2);
		struct g2s_operand b = operand(t, visible - 1);
		enum g2s_op op = ARITHMETIC[i].op;
		if (same_register(&a, &b) && (op == G2S_OP_XOR || op == G2S_OP_SUB)) {
			move(t, dst, immediate(0, dst.width));
		} else if (same_register(&a, &b) && op == G2S_OP_ADD) {
			/* Twice one value, which the sum of two would not say. */
			effect(t, G2S_OP_SHL, dst, a, immediate(1, 1));
		} else {
			effect(t, op, dst, a, b);
		}
		return true;
	}
	return false;
}

/* Plain copies between registers, memory and vectors, where the whole of the operand is copied. */
static bool is_vector_move(ZydisMnemonic mnemonic)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_MOVAPD:
	case ZYDIS_MNEMONIC_MOVAPS:
	case ZYDIS_MNEMONIC_MOVDQA:
	case ZYDIS_MNEMONIC_MOVDQU:
	case ZYDIS_MNEMONIC_MOVUPD:
	case ZYDIS_MNEMONIC_MOVUPS:
	case ZYDIS_MNEMONIC_LDDQU:
	case ZYDIS_MNEMONIC_MOVNTDQ:
	case ZYDIS_MNEMONIC_MOVNTPS:
	case ZYDIS_MNEMONIC_MOVQ:
	case ZYDIS_MNEMONIC_MOVD:
	case ZYDIS_MNEMONIC_VMOVAPD:
	case ZYDIS_MNEMONIC_VMOVAPS:
	case ZYDIS_MNEMONIC_VMOVDQA:
	case ZYDIS_MNEMONIC_VMOVDQU:
	case ZYDIS_MNEMONIC_VMOVUPD:
	case ZYDIS_MNEMONIC_VMOVUPS:
	case ZYDIS_MNEMONIC_VMOVQ:
	case ZYDIS_MNEMONIC_VMOVD:
		return true;
	default:
		return false;
	}
}

static bool is_vector_clear(ZydisMnemonic mnemonic)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_PXOR:
	case ZYDIS_MNEMONIC_XORPD:
	case ZYDIS_MNEMONIC_XORPS:
	case ZYDIS_MNEMONIC_VPXOR:
	case ZYDIS_MNEMONIC_VPXORD:
	case ZYDIS_MNEMONIC_VPXORQ:
	case ZYDIS_MNEMONIC_VXORPD:
	case ZYDIS_MNEMONIC_VXORPS:
		return true;
	default:
		return false;
	}
}

static bool is_followed(const struct g2s_operand *operand)
{
	return operand->kind == G2S_OPERAND_REGISTER || operand->kind == G2S_OPERAND_MEMORY ||
	       operand->kind == G2S_OPERAND_IMMEDIATE || operand->kind == G2S_OPERAND_VECTOR;
}

static bool translate_vector(struct translation *t)
{
	unsigned visible = t->zi->operand_count_visible;
	if (visible < 2) {
		return false;
	}
	struct g2s_operand dst = operand(t, 0);
	struct g2s_operand src = operand(t, 1);
	struct g2s_operand last = operand(t, visible - 1);
	struct g2s_operand before = operand(t, visible - 2);
	if (is_vector_clear(t->zi->mnemonic) && same_register(&before, &last) &&
	    dst.kind == G2S_OPERAND_VECTOR) {
		move(t, dst, immediate(0, dst.width));
		return true;
	}
	if (is_vector_move(t->zi->mnemonic) && visible == 2 && is_followed(&dst) &&
	    is_followed(&src)) {
		/* MOVQ and MOVD copy 8 or 4 bytes even between vectors, and clear the rest. */
		bool quad = t->zi->mnemonic == ZYDIS_MNEMONIC_MOVQ ||
		            t->zi->mnemonic == ZYDIS_MNEMONIC_VMOVQ;
		bool dual = t->zi->mnemonic == ZYDIS_MNEMONIC_MOVD ||
		            t->zi->mnemonic == ZYDIS_MNEMONIC_VMOVD;
		if ((quad || dual) && (dst.kind == G2S_OPERAND_VECTOR ||
		                       src.kind == G2S_OPERAND_VECTOR)) {
			dst.width = src.width = quad ? 8 : 4;
		}
		move(t, dst, src);
		return true;
	}
	return false;
}

static void translate_exchange(struct translation *t)
{
	struct g2s_operand a = operand(t, 0);
	struct g2s_operand b = operand(t, 1);
	struct g2s_operand scratch = register_operand(G2S_SCRATCH, WORD);
	/* "xchg ax, ax" fills up space; one of 4 bytes would still clear the upper half. */
	if (same_register(&a, &b) && a.width != 4) {
		return;
	}
	move(t, scratch, a);
	move(t, a, b);
	scratch.width = b.width;
	move(t, b, scratch);
}

static void translate_push(struct translation *t)
{
	struct g2s_operand src = operand(t, 0);
	struct g2s_operand scratch = register_operand(G2S_SCRATCH, WORD);
	/* 16-bit pushes are of no compiler's making: the stack pointer is lost. */
	if (t->zi->operand_width == 16 || !is_followed(&src)) {
		clobber_written(t, 0);
		return;
	}
	src.width = src.kind == G2S_OPERAND_IMMEDIATE ? WORD : src.width;
	move(t, scratch, src);
	move_stack_pointer(t, -WORD);
	move(t, stack_top(), scratch);
}

static void translate_pop(struct translation *t)
{
	struct g2s_operand dst = operand(t, 0);
	struct g2s_operand scratch = register_operand(G2S_SCRATCH, WORD);
	if (t->zi->operand_width == 16 || !is_followed(&dst)) {
		clobber_written(t, 0);
		return;
	}
	move(t, scratch, stack_top());
	move_stack_pointer(t, WORD);
	move(t, dst, scratch);
}

/* ADC and SBB: with the carry or without, nobody knows. */
static bool translate_carry(struct translation *t, enum g2s_op op)
{
	struct g2s_operand dst = operand(t, 0);
	struct g2s_operand src = operand(t, 1);
	struct g2s_operand scratch = register_operand(G2S_SCRATCH, dst.width);
	if (dst.width < 4 || dst.width > WORD || !is_followed(&dst) || !is_followed(&src)) {
		return false;
	}
	effect(t, op, scratch, dst, src);
	effect(t, op, dst, scratch, immediate(1, 1));
	effect(t, G2S_OP_SELECT, dst, dst, scratch);
	return true;
}

static void translate_leave(struct translation *t)
{
	move(t, register_operand(RSP, WORD), register_operand(RBP, WORD));
	move(t, register_operand(RBP, WORD), stack_top());
	move_stack_pointer(t, WORD);
}

/* Instructions with an effect of their own; false for all others. */
static bool translate_known(struct translation *t)
{
	struct g2s_operand none = {0};
	switch (t->zi->mnemonic) {
	case ZYDIS_MNEMONIC_MOV: {
		struct g2s_operand dst = operand(t, 0);
		struct g2s_operand src = operand(t, 1);
		if (!is_followed(&dst) || !is_followed(&src)) {
			return false;
		}
		move(t, dst, src);
		return true;
	}
	case ZYDIS_MNEMONIC_MOVZX:
		move(t, operand(t, 0), operand(t, 1));
		return true;
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
		effect(t, G2S_OP_EXTEND, operand(t, 0), operand(t, 1), none);
		return true;
	case ZYDIS_MNEMONIC_CDQE:
		effect(t, G2S_OP_EXTEND, register_operand(RAX, 8), register_operand(RAX, 4), none);
		return true;
	case ZYDIS_MNEMONIC_LEA:
		effect(t, G2S_OP_ADDRESS, operand(t, 0), operand(t, 1), none);
		return true;
	case ZYDIS_MNEMONIC_INC:
		effect(t, G2S_OP_ADD, operand(t, 0), operand(t, 0), immediate(1, 1));
		return true;
	case ZYDIS_MNEMONIC_DEC:
		effect(t, G2S_OP_SUB, operand(t, 0), operand(t, 0), immediate(1, 1));
		return true;
	case ZYDIS_MNEMONIC_NEG:
		effect(t, G2S_OP_NEG, operand(t, 0), operand(t, 0), none);
		return true;
	case ZYDIS_MNEMONIC_NOT:
		effect(t, G2S_OP_NOT, operand(t, 0), operand(t, 0), none);
		return true;
	case ZYDIS_MNEMONIC_SBB: {
		struct g2s_operand a = operand(t, 0);
		struct g2s_operand b = operand(t, 1);
		if (!same_register(&a, &b)) {
			return translate_carry(t, G2S_OP_SUB);
		}
		effect(t, G2S_OP_MASK, a, none, none);
		return true;
	}
	case ZYDIS_MNEMONIC_ADC:
		return translate_carry(t, G2S_OP_ADD);
	case ZYDIS_MNEMONIC_XCHG:
		translate_exchange(t);
		return true;
	case ZYDIS_MNEMONIC_PUSH:
		translate_push(t);
		return true;
	case ZYDIS_MNEMONIC_POP:
		translate_pop(t);
		return true;
	case ZYDIS_MNEMONIC_LEAVE:
		translate_leave(t);
		return true;
	default:
		break;
	}
	if (t->zi->meta.category == ZYDIS_CATEGORY_CMOV) {
		effect(t, G2S_OP_SELECT, operand(t, 0), operand(t, 0), operand(t, 1));
		return true;
	}
	if (t->zi->meta.category == ZYDIS_CATEGORY_SETCC) {
		effect(t, G2S_OP_BOOL, operand(t, 0), none, none);
		return true;
	}
	return translate_arithmetic(t) || translate_vector(t);
}

/* Where a relative call, jump or branch goes, from the raw immediate. */
static uint64_t relative_target(const ZydisDecodedInstruction *zi, uint64_t addr)
{
	return addr + zi->length + (uint64_t)zi->raw.imm[0].value.s;
}

/* What a conditional jump looks at. */
static enum g2s_condition condition(ZydisMnemonic mnemonic)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_JZ:
		return G2S_IF_EQUAL;
	case ZYDIS_MNEMONIC_JNZ:
		return G2S_IF_NOT_EQUAL;
	case ZYDIS_MNEMONIC_JB:
		return G2S_IF_BELOW;
	case ZYDIS_MNEMONIC_JNB:
		return G2S_IF_NOT_BELOW;
	case ZYDIS_MNEMONIC_JBE:
		return G2S_IF_NOT_ABOVE;
	case ZYDIS_MNEMONIC_JNBE:
		return G2S_IF_ABOVE;
	case ZYDIS_MNEMONIC_JL:
		return G2S_IF_LESS;
	case ZYDIS_MNEMONIC_JNL:
		return G2S_IF_NOT_LESS;
	case ZYDIS_MNEMONIC_JLE:
		return G2S_IF_NOT_GREATER;
	case ZYDIS_MNEMONIC_JNLE:
		return G2S_IF_GREATER;
	case ZYDIS_MNEMONIC_JS:
		return G2S_IF_NEGATIVE;
	case ZYDIS_MNEMONIC_JNS:
		return G2S_IF_NOT_NEGATIVE;
	default:
		return G2S_IF_ANY;
	}
}

/* Instructions after which zero and sign flags tell about what they wrote. */
static bool tells_result(ZydisMnemonic mnemonic)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_AND:
	case ZYDIS_MNEMONIC_OR:
	case ZYDIS_MNEMONIC_XOR:
	case ZYDIS_MNEMONIC_INC:
	case ZYDIS_MNEMONIC_DEC:
	case ZYDIS_MNEMONIC_NEG:
		return true;
	default:
		return false;
	}
}

static bool writes_flags(const ZydisDecodedInstruction *zi)
{
	const ZydisAccessedFlags *flags = zi->cpu_flags;
	return flags != NULL &&
	       (flags->modified | flags->set_0 | flags->set_1 | flags->undefined) != 0;
}

/* Says what the instruction does to the flags, in terms of its operands. */
static void translate_flags(struct translation *t)
{
	struct g2s_insn *insn = t->insn;
	if (insn->enters != 0 || writes_flags(t->zi)) {
		insn->flags = G2S_FLAGS_LOST;
	}
	if (t->zi->mnemonic == ZYDIS_MNEMONIC_CMP || t->zi->mnemonic == ZYDIS_MNEMONIC_TEST) {
		insn->compared[0] = operand(t, 0);
		insn->compared[1] = operand(t, 1);
		insn->flags = G2S_FLAGS_COMPARED;
		if (t->zi->mnemonic == ZYDIS_MNEMONIC_TEST) {
			/* A value tested against itself is compared with zero. */
			bool same = same_register(&insn->compared[0], &insn->compared[1]);
			insn->flags = same ? G2S_FLAGS_COMPARED : G2S_FLAGS_TESTED;
			insn->compared[1] = same ? immediate(0, insn->compared[0].width)
			                         : insn->compared[1];
		}
	} else if (tells_result(t->zi->mnemonic)) {
		insn->compared[0] = operand(t, 0);
		insn->flags = G2S_FLAGS_RESULT;
	}
}

/* Fills step, target and enters, which need no operands. */
static void classify(const ZydisDecodedInstruction *zi, struct g2s_insn *insn)
{
	bool relative = zi->raw.imm[0].size != 0 && zi->raw.imm[0].is_relative;
	insn->step = G2S_STEP_NEXT;
	insn->breakpoint = zi->mnemonic == ZYDIS_MNEMONIC_INT3;
	switch (zi->meta.category) {
	case ZYDIS_CATEGORY_CALL:
		insn->step = relative ? G2S_STEP_CALL : G2S_STEP_CALL_INDIRECT;
		break;
	case ZYDIS_CATEGORY_UNCOND_BR:
		insn->step = relative ? G2S_STEP_JUMP : G2S_STEP_JUMP_INDIRECT;
		break;
	case ZYDIS_CATEGORY_COND_BR:
		/* XBEGIN, too: control may go to its target. */
		insn->step = relative ? G2S_STEP_BRANCH : G2S_STEP_NEXT;
		break;
	case ZYDIS_CATEGORY_RET:
		insn->step = G2S_STEP_RETURN;
		break;
	default:
		break;
	}
	if (zi->mnemonic == ZYDIS_MNEMONIC_XBEGIN) {
		insn->step = G2S_STEP_BRANCH;
	}
	if (relative) {
		insn->target = relative_target(zi, insn->addr);
	}
	/* ModRM with mod 0 and rm 5: the displacement counts from the end of the instruction. */
	if ((zi->attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0 && zi->raw.modrm.mod == 0 &&
	    zi->raw.modrm.rm == 5) {
		insn->address = insn->addr + zi->length + (uint64_t)zi->raw.disp.value;
	}
	switch (zi->mnemonic) {
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_HLT:
		insn->step = G2S_STEP_STOP;
		break;
	case ZYDIS_MNEMONIC_SYSCALL:
		insn->enters = ENTRY_SYSCALL;
		break;
	case ZYDIS_MNEMONIC_SYSENTER:
		insn->enters = ENTRY_SYSENTER;
		break;
	case ZYDIS_MNEMONIC_INT:
		insn->enters = zi->raw.imm[0].value.u == 0x80 ? ENTRY_INT80 : 0;
		break;
	default:
		break;
	}
}

/* Decodes all but the operands, which *context then serves; called from two places, built once. */
static __attribute__((noinline)) bool decode_head(ZydisDecoder *decoder,
                                                  ZydisDecoderContext *context,
                                                  const uint8_t *code, size_t size,
                                                  ZydisDecodedInstruction *zi)
{
	(void)ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	return ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(decoder, context, code, size, zi));
}

static bool decode(const struct g2s_arch *arch, const uint8_t *code, size_t size, uint64_t addr,
                   struct g2s_insn *insn)
{
	(void)arch;
	ZydisDecoder decoder;
	ZydisDecoderContext context;
	ZydisDecodedInstruction zi;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	if (!decode_head(&decoder, &context, code, size, &zi) ||
	    !ZYAN_SUCCESS(ZydisDecoderDecodeOperands(&decoder, &context, &zi, operands,
	                                             zi.operand_count))) {
		return false;
	}
	*insn = (struct g2s_insn){.addr = addr, .length = zi.length};
	struct translation t = {&zi, operands, insn};
	classify(&zi, insn);
	switch (insn->step) {
	case G2S_STEP_CALL_INDIRECT:
	case G2S_STEP_JUMP_INDIRECT:
		insn->target_operand = operand(&t, 0);
		break;
	case G2S_STEP_NEXT:
		if (insn->enters != 0) {
			insn->clobbers = 1 << RAX | 1 << RCX | 1 << R11;
			if (insn->enters == ENTRY_SYSENTER) {
				/* Comes back, if at all, at the vDSO's choice: nothing is sure. */
				insn->clobbers = 0xffff & ~(UINT64_C(1) << RSP);
			}
		} else if (!translate_known(&t)) {
			clobber_written(&t, 0);
		}
		translate_flags(&t);
		break;
	case G2S_STEP_BRANCH:
		insn->condition = (uint8_t)condition(zi.mnemonic);
		__attribute__((fallthrough));
	default:
		/*
		 * LOOP and its kin count in RCX; the stack pointer of calls and returns is the
		 * flow's.
		 */
		clobber_written(&t, UINT64_C(1) << RSP);
		insn->effect_count = 0;
		break;
	}
	return true;
}

static bool skim(const struct g2s_arch *arch, const uint8_t *code, size_t size, uint64_t addr,
                 struct g2s_insn *insn)
{
	(void)arch;
	ZydisDecoder decoder;
	ZydisDecoderContext context;
	ZydisDecodedInstruction zi;
	if (x86_skim_common(code, size, addr, insn)) {
		return true;
	}
	if (!decode_head(&decoder, &context, code, size, &zi)) {
		return false;
	}
	insn->addr = addr;
	insn->length = zi.length;
	insn->enters = 0;
	insn->target = 0;
	insn->address = 0;
	classify(&zi, insn);
	return true;
}

/*
 * Those without arguments are handed nothing, whatever is left in the registers: sched_yield,
 * pause, getpid, fork, vfork, getuid, getgid, geteuid, getegid, getppid, getpgrp, setsid,
 * munlockall, vhangup, sync, gettid, restart_syscall, inotify_init.  futex writes to the word it
 * is about.
 */
static const struct g2s_reach REACHES[] = {
	{24, 0},  {34, 0},  {39, 0},  {57, 0},  {58, 0},  {102, 0}, {104, 0},
	{107, 0}, {108, 0}, {110, 0}, {111, 0}, {112, 0}, {152, 0}, {153, 0},
	{162, 0}, {186, 0}, {202, 4}, {219, 0}, {253, 0},
};

const struct g2s_arch g2s_arch_x86_64 = {
	.name = "x86_64",
	.machine = EM_X86_64,
	.word = WORD,
	.entries = ENTRIES,
	.entry_count = sizeof(ENTRIES) / sizeof(ENTRIES[0]),
	.reaches = REACHES,
	.reach_count = sizeof(REACHES) / sizeof(REACHES[0]),
	.stack_pointer = RSP,
	.call_pushes = WORD,
	/* System V: rbx, rbp, rsp, r12 to r15. */
	.kept_by_c = 1 << RBX | 1 << RBP | 1 << RSP | 0xf000,
	.kept_by_go = 1 << RBP | 1 << RSP,
	.passed_by_c = 0x0fff & ~(1 << RSP | 1 << RBP | 1 << RBX),
	/* rax rbx rcx rdi rsi r8 to r11, and the closure in rdx (cmd/compile/abi-internal.md). */
	.passed_by_go = 0x0fff & ~(1 << RSP | 1 << RBP),
	/* rdi, rsi, rdx, r10, r8, r9. */
	.passed_to_kernel = 0x07c4,
	.returned_by_c = 1 << RAX | 1 << RDX,
	.c_arguments = {RDI, RSI},
	.go_argument = RAX,
	.go_zero_vector = 15,
	.decode = decode,
	.skim = skim,
	.search = x86_search,
	.search_near = x86_search_near,
	.search_addresses = x86_search_addresses,
};
