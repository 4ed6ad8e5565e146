/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_LINKED_H
#define G2S_ANALYSIS_LINKED_H

#include "g2s/image/link.h"
#include "g2s/isa/isa.h"

/*
 * The instructions of an image that link.h has made.  A call or jump through a slot of a GOT is one
 * to what the slot was bound to, and a load of the slot takes that address: decoding says so, and
 * searches find it, as if a linker had relaxed the code (psABI x86-64, B.2).  The rest of the
 * analysis knows nothing of slots.
 */

struct linked_arch {
	/* To be used in place of plain. */
	struct g2s_arch arch;
	const struct g2s_arch *plain;
	const struct g2s_link *link;
};

/* Fills in *linked, which is handed on by address and must not move; plain and link outlive it. */
void linked_arch_make(struct linked_arch *linked, const struct g2s_arch *plain,
                      const struct g2s_link *link);

#endif
