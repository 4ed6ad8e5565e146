/* SPDX-License-Identifier: MIT */
#ifndef G2S_ISA_ISA_H
#define G2S_ISA_ISA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The neutral instruction: what the data flow needs to know of one, whatever the machine.  A
 * decoder says as assignments ("effects") what it can say exactly, and lists everything else an
 * instruction may write as clobbered.  So what a decoder does not know costs precision, never a
 * value that is wrong.
 */

enum {
	/*
	 * Registers that hold addresses and integers, the stack pointer and one scratch place
	 * among them.
	 */
	G2S_REGISTERS = 34,
	G2S_VECTORS = 32,
	/* No register: an address without base or index. */
	G2S_NO_REGISTER = 0xff,
	/* A place that only the effects of one instruction use, such as an exchange. */
	G2S_SCRATCH = 33,
	G2S_EFFECTS = 3,
};

enum g2s_operand_kind {
	G2S_OPERAND_NONE,
	G2S_OPERAND_REGISTER,
	G2S_OPERAND_VECTOR,
	G2S_OPERAND_IMMEDIATE,
	G2S_OPERAND_MEMORY,
};

struct g2s_operand {
	uint8_t kind;
	/*
	 * Bytes read or written; an instruction that writes 4 bytes of a register clears the
	 * rest.
	 */
	uint8_t width;
	/* The register or vector; of memory, the base. */
	uint8_t reg;
	/* Of memory: the register that is multiplied by scale. */
	uint8_t index;
	uint8_t scale;
	/* Byte within the register where the operand begins (x86: 1 for AH). */
	uint8_t lane;
	/*
	 * Of memory: the address cannot be told from registers (segment, gather); never the
	 * stack.
	 */
	bool opaque;
	/*
	 * The immediate, or the displacement: the whole address when there is neither base nor
	 * index.
	 */
	int64_t value;
};

enum g2s_op {
	/* dst = a, cut or zero-extended to dst's width. */
	G2S_OP_MOVE,
	/* dst = a, sign-extended. */
	G2S_OP_EXTEND,
	/* dst = the address of memory operand a. */
	G2S_OP_ADDRESS,
	/* dst = a op b. */
	G2S_OP_ADD,
	G2S_OP_SUB,
	G2S_OP_AND,
	G2S_OP_OR,
	G2S_OP_XOR,
	G2S_OP_SHL,
	G2S_OP_SHR,
	G2S_OP_SAR,
	G2S_OP_MUL,
	/* dst = op a. */
	G2S_OP_NOT,
	G2S_OP_NEG,
	/* dst = a or b, nobody knows which. */
	G2S_OP_SELECT,
	/* dst = 0 or 1; dst = 0 or all ones. */
	G2S_OP_BOOL,
	G2S_OP_MASK,
	/* dst = something. */
	G2S_OP_UNKNOWN,
	/* Memory from dst's address on, to an extent that is not known, becomes something. */
	G2S_OP_FILL,
};

struct g2s_effect {
	enum g2s_op op;
	struct g2s_operand dst;
	struct g2s_operand a;
	struct g2s_operand b;
};

/* How an instruction leaves the flags that conditions look at. */
enum g2s_flags {
	/* As they were. */
	G2S_FLAGS_KEPT,
	/* In a way that is not described. */
	G2S_FLAGS_LOST,
	/* As comparing two operands does: they tell everything about compared[0] - compared[1]. */
	G2S_FLAGS_COMPARED,
	/* They tell whether compared[0], which the instruction wrote, is zero or negative. */
	G2S_FLAGS_RESULT,
	/* They tell whether compared[0] and compared[1] have a bit in common. */
	G2S_FLAGS_TESTED,
};

/*
 * What a branch is taken on, in terms of the comparison that the flags tell about; the
 * opposite of a condition is its number with the lowest bit changed.
 */
enum g2s_condition {
	/* Something else; it has no opposite. */
	G2S_IF_ANY = 0,
	G2S_IF_EQUAL = 2,
	G2S_IF_NOT_EQUAL,
	/* Unsigned: below, at least, at most, above. */
	G2S_IF_BELOW,
	G2S_IF_NOT_BELOW,
	G2S_IF_NOT_ABOVE,
	G2S_IF_ABOVE,
	/* Signed. */
	G2S_IF_LESS,
	G2S_IF_NOT_LESS,
	G2S_IF_NOT_GREATER,
	G2S_IF_GREATER,
	/* The highest bit of the result. */
	G2S_IF_NEGATIVE,
	G2S_IF_NOT_NEGATIVE,
};

/* Where control goes after an instruction. */
enum g2s_step {
	G2S_STEP_NEXT,
	/* Calls target; goes on after it when the callee returns. */
	G2S_STEP_CALL,
	/* To target; to target or on; by target_operand (calls, jumps). */
	G2S_STEP_JUMP,
	G2S_STEP_BRANCH,
	G2S_STEP_CALL_INDIRECT,
	G2S_STEP_JUMP_INDIRECT,
	G2S_STEP_RETURN,
	/* Nowhere: a trap. */
	G2S_STEP_STOP,
};

struct g2s_insn {
	uint64_t addr;
	uint8_t length;
	uint8_t step;
	/*
	 * Index in the architecture's entries plus one when the instruction enters the kernel;
	 * else 0.
	 */
	uint8_t enters;
	uint8_t effect_count;
	/* What it does to the flags (enum g2s_flags), and of a branch, when it is taken. */
	uint8_t flags;
	uint8_t condition;
	/* A trap that control can go on behind (INT3), with which linkers also fill gaps. */
	bool breakpoint;
	/* Where a direct call, jump or branch goes. */
	uint64_t target;
	/*
	 * The address of a memory operand that is a distance from the instruction itself; else
	 * 0.
	 */
	uint64_t address;
	struct g2s_operand target_operand;
	struct g2s_operand compared[2];
	/* In this order, before the clobbers. */
	struct g2s_effect effects[G2S_EFFECTS];
	/* Bit r: register r holds something unknown afterwards; likewise vectors. */
	uint64_t clobbers;
	uint32_t vector_clobbers;
	/* Bit r: register r may go, in ways no effect tells, into what the instruction writes. */
	uint64_t reads;
	uint32_t vector_reads;
};

/* One instruction that enters the kernel. */
struct g2s_entry {
	uint8_t bytes[4];
	uint8_t length;
	/* Which system-call table the number belongs to: libseccomp's name of the architecture. */
	const char *arch;
	/* The stream's word for it. */
	const char *via;
	/* The register that holds the number, and the bytes of it that the kernel looks at. */
	uint8_t number;
	uint8_t width;
};

/* A system call by the first of the entries, and how far it writes behind a pointer in bytes. */
struct g2s_reach {
	uint16_t number;
	uint16_t bytes;
};

/* Addresses from start up to end, as one wants to know who refers to them. */
struct g2s_window {
	uint64_t start;
	uint64_t end;
};

/* True when addr is in one of the windows, which are sorted and apart. */
bool g2s_window_has(const struct g2s_window *windows, size_t count, uint64_t addr);

/* Sorts windows by their start, and those that start alike by their end. */
void g2s_windows_sort(struct g2s_window *windows, size_t count);

/*
 * A place that looks as if it referred to an address: where it is, and what it refers to, each as
 * a distance from an address that is agreed on.
 */
struct g2s_branch {
	uint32_t from;
	uint32_t to;
};

/* The operands that a search for addresses looks at; always those counted from the instruction. */
enum g2s_operands {
	/* And those that hold the address itself, in 32 bits or 64. */
	G2S_OPERANDS_ALL,
	/* Those alone: Go's compiler writes no other ones. */
	G2S_OPERANDS_RELATIVE,
	/* Those of instructions that do nothing but take the address. */
	G2S_OPERANDS_TAKES,
};

/*
 * What a search through code looks for, and whom it tells.  It looks at bytes: whether an
 * instruction begins where it finds something is for decoding to say.
 */
struct g2s_search {
	/*
	 * The code is Go's, whose compiler and assembler take addresses as distances from the
	 * instruction.
	 */
	bool go;
	/*
	 * Of interest are targets in [base, base + span), and of those in aligned only multiples
	 * of the power of two align.  span is at most 2^32.
	 */
	uint64_t base;
	uint64_t span;
	struct g2s_window aligned;
	uint64_t align;
	/* An instruction that enters the kernel at addr, entry of the architecture's entries. */
	bool (*enters)(void *user, uint64_t addr, unsigned entry);
	/*
	 * Calls, jumps and conditional branches with a 32-bit distance; many at a time, in no
	 * order: from counts from the code's start, to from base.
	 */
	bool (*branches)(void *user, const struct g2s_branch *items, size_t count);
	/* Of Go's code: instructions that take an address of code, told in the same way. */
	bool (*takes)(void *user, const struct g2s_branch *items, size_t count);
	void *user;
};

/* Where a search tells what it found; offset is that of the place in the code. */
struct g2s_sink {
	/* A call, jump or branch to the address target; NULL: not wanted. */
	bool (*branch)(void *user, size_t offset, uint64_t target);
	/* An operand that could stand for the address target; offset is inside the instruction. */
	bool (*address)(void *user, size_t offset, uint64_t target);
	void *user;
};

/* An architecture: data and functions.  One is chosen by e_machine at run time. */
struct g2s_arch {
	/* libseccomp's name without the prefix. */
	const char *name;
	/* e_machine, and bytes of an address. */
	uint16_t machine;
	unsigned word;
	const struct g2s_entry *entries;
	size_t entry_count;
	/* System calls that write little to what they are handed; of others nothing is known. */
	const struct g2s_reach *reaches;
	size_t reach_count;
	uint8_t stack_pointer;
	/* Bytes that a call pushes before the callee runs. */
	unsigned call_pushes;
	/* Registers a callee hands back as it found them, by the C ABI and by Go's. */
	uint64_t kept_by_c;
	uint64_t kept_by_go;
	/* Registers a caller may hand something over in, by either ABI. */
	uint64_t passed_by_c;
	uint64_t passed_by_go;
	/* Registers in which a system call by the first of the entries gets its arguments. */
	uint64_t passed_to_kernel;
	/* Registers in which a function hands something back by the C ABI. */
	uint64_t returned_by_c;
	/* The registers of the first two arguments in the C ABI. */
	uint8_t c_arguments[2];
	/*
	 * The register of the first integer argument in Go's register ABI; -1 when there is
	 * none.
	 */
	int8_t go_argument;
	/*
	 * The vector register that is zero throughout Go code (Go 1.17 and later), or
	 * G2S_NO_REGISTER.
	 */
	uint8_t go_zero_vector;
	/*
	 * Decodes the instruction at the start of code (size bytes, at address addr) into
	 * *insn; false when the bytes are none.
	 */
	bool (*decode)(const struct g2s_arch *arch, const uint8_t *code, size_t size, uint64_t addr,
	               struct g2s_insn *insn);
	/* The same without operands, effects and clobbers: about twice as fast. */
	bool (*skim)(const struct g2s_arch *arch, const uint8_t *code, size_t size, uint64_t addr,
	             struct g2s_insn *insn);
	/*
	 * Searches code (size bytes, at address addr) for what search says.  False when one of
	 * its functions said so.
	 */
	bool (*search)(const struct g2s_arch *arch, const uint8_t *code, size_t size,
	               uint64_t addr, const struct g2s_search *search);
	/*
	 * Searches for calls, jumps and branches with a short distance to an address in the
	 * window.
	 */
	bool (*search_near)(const uint8_t *code, size_t size, uint64_t addr,
	                    struct g2s_window window, const struct g2s_sink *sink);
	/*
	 * Searches for operands that could stand for an address in one of the sorted windows, and,
	 * if the sink wants them, for calls, jumps and branches with a 32-bit distance to there.
	 */
	bool (*search_addresses)(const struct g2s_arch *arch, const uint8_t *code, size_t size,
	                         uint64_t addr, enum g2s_operands operands,
	                         const struct g2s_window *windows, size_t count,
	                         const struct g2s_sink *sink);
};

extern const struct g2s_arch g2s_arch_x86_64;

/* The architecture of an ELF file by e_machine, or NULL when it is not supported. */
const struct g2s_arch *g2s_arch_find(uint16_t machine);

#endif
