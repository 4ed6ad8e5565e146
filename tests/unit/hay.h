/* SPDX-License-Identifier: MIT */
#ifndef G2S_TEST_HAY_H
#define G2S_TEST_HAY_H

#include "unit.h"

enum { HAY = 9001 };

/*
 * Fills HAY bytes with code that is dense in what is searched for, without any order to it; the
 * same for the same seed.
 */
void fill_hay(uint8_t *hay, uint32_t seed);

#endif
