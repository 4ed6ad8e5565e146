/* SPDX-License-Identifier: MIT */
#include "g2s/isa/isa.h"

static const struct g2s_arch *const ARCHES[] = {
	&g2s_arch_x86_64,
};

const struct g2s_arch *g2s_arch_find(uint16_t machine)
{
	for (size_t i = 0; i < sizeof(ARCHES) / sizeof(ARCHES[0]); i++) {
		if (ARCHES[i]->machine == machine) {
			return ARCHES[i];
		}
	}
	return NULL;
}
