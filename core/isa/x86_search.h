/* SPDX-License-Identifier: MIT */
#ifndef G2S_X86_SEARCH_H
#define G2S_X86_SEARCH_H

#include "g2s/isa/isa.h"

/* The searches of struct g2s_arch for x86; see there. */
bool x86_search(const uint8_t *code, size_t size, uint64_t addr, bool go,
                const struct g2s_sink *sink);
bool x86_search_near(const uint8_t *code, size_t size, uint64_t addr, uint64_t target,
                     const struct g2s_sink *sink);
bool x86_search_addresses(const uint8_t *code, size_t size, uint64_t addr,
                          const struct g2s_window *windows, size_t count,
                          const struct g2s_sink *sink);

#endif
