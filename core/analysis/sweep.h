/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_SWEEP_H
#define G2S_ANALYSIS_SWEEP_H

#include "g2s/image/funcs.h"
#include "g2s/isa/isa.h"

/*
 * Straight decoding, from the start of a function to its end: on which addresses instructions
 * begin.  Bytes that are no instruction are skipped one at a time; the decoding falls into step
 * again within a few instructions.
 */

/* One address that is asked about. */
struct sweep_mark {
	uint64_t addr;
	/* An instruction begins at addr. */
	bool found;
	/* An instruction covers addr, and this is where it begins. */
	uint64_t insn;
	/*
	 * The start of the straight run of instructions, up to a jump, return or trap, that
	 * holds addr.
	 */
	uint64_t run;
	/*
	 * The last place, up to addr, where control can come from elsewhere than the
	 * instruction before; 0 when an indirect jump of the function could lead anywhere.
	 */
	uint64_t block;
	/* Bit d: a direct branch of the function goes to d bytes before addr. */
	uint64_t entered;
};

/* Fills in the marks, which are sorted by address, for the code in range. */
void sweep_range(const struct g2s_arch *arch, const struct g2s_elf *elf, struct g2s_range range,
                 struct sweep_mark *marks, size_t count);

/*
 * True when an instruction may begin at the mark's address although straight decoding of range,
 * which has filled the mark in, sees none there: a branch leads in between instructions from
 * where decoding reaches it, or nobody can tell.
 */
bool sweep_is_doubtful(const struct g2s_arch *arch, const struct g2s_elf *elf,
                       struct g2s_range range, const struct sweep_mark *mark);

/*
 * True when a look around the marks tells that straight decoding of range, which is large, would
 * leave all of them without an instruction, none would be doubtful, and sweep_settle would move
 * none onto an instruction that enters the kernel.  False says nothing.
 */
bool sweep_is_needless(const struct g2s_arch *arch, const struct g2s_elf *elf,
                       struct g2s_range range, const struct sweep_mark *marks, size_t count);

/*
 * Moves a mark onto the instruction that covers it, and tells that one without its operands.  The
 * search knows opcodes; in front of one there may be prefixes (REX.W SYSCALL), with which the
 * instruction begins.  False, with the mark as it was, when no instruction covers it.
 */
bool sweep_settle(const struct g2s_arch *arch, const struct g2s_elf *elf, struct sweep_mark *mark,
                  struct g2s_insn *insn);

/*
 * Moves *run, the start of a straight run in range, on to the start of the next one; false when
 * there is none.
 */
bool sweep_next_run(const struct g2s_arch *arch, const struct g2s_elf *elf,
                    struct g2s_range range, uint64_t *run);

/*
 * Gives functions to a gap: one starts wherever straight decoding of the gap shows a call to or
 * an address taken of, and at every one of the count targets known from outside, as far as
 * instructions begin there.  False when memory ran out.
 */
bool sweep_split(const struct g2s_arch *arch, struct g2s_funcs *funcs, struct g2s_range gap,
                 const uint64_t *targets, size_t count);

/*
 * The same for all gaps of the table at once, in time linear in their size and number.  Gaps and
 * targets are sorted.
 */
bool sweep_split_all(const struct g2s_arch *arch, struct g2s_funcs *funcs,
                     const struct g2s_range *gaps, size_t gap_count, const uint64_t *targets,
                     size_t count);

#endif
