/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_STUBS_H
#define G2S_ANALYSIS_STUBS_H

#include "g2s/analysis/sites.h"

/*
 * Unwind tables have one entry for all stubs of a PLT together.  Makes a function of each stub: as
 * one, the jump of the first stub, which nobody can follow, would lead to all of them.  False when
 * memory ran out.
 */
bool stubs_split(struct g2s_program *program);

#endif
