/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_GAPS_H
#define G2S_ANALYSIS_GAPS_H

#include "g2s/analysis/refs.h"
#include "g2s/analysis/sites.h"

/*
 * Gives functions to all code that no function covers: what is called from outside of it, and what
 * data points at.  Pointers into program->funcs are no longer good.  False when memory ran out.
 */
bool gaps_close(struct g2s_program *program, struct g2s_refs *refs);

#endif
