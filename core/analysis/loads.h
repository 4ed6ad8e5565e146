/* SPDX-License-Identifier: MIT */
#ifndef G2S_ANALYSIS_LOADS_H
#define G2S_ANALYSIS_LOADS_H

#include "reach.h"
#include "trace.h"

/*
 * Which libraries code loads by itself, and which symbols it looks up: the arguments of dlopen,
 * dlmopen, dlsym and dlvsym are asked for as numbers of system calls are, through the program's own
 * functions to any depth.
 */

/* Asks for the arguments, if the image has such functions. */
void loads_ask(struct trace *trace);

/*
 * Takes the answers out of the program's sites, reaches what is looked up, and fills in what the
 * program loads.  False when memory ran out.
 */
bool loads_take(struct trace *trace, struct reach *reach);

#endif
