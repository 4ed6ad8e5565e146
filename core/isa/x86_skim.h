/* SPDX-License-Identifier: MIT */
#ifndef G2S_X86_SKIM_H
#define G2S_X86_SKIM_H

#include "g2s/isa/isa.h"

/*
 * Decodes the instructions that compilers use most, ten times as fast as a decoder that knows
 * them all: length, step, target, address and breakpoint of *insn (see struct g2s_insn), with
 * enters 0.  False when the bytes at code are none of those; that says nothing about what they are.
 */
bool x86_skim_common(const uint8_t *code, size_t size, uint64_t addr, struct g2s_insn *insn);

#endif
