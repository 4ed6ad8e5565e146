/* SPDX-License-Identifier: MIT */
#include "hay.h"

void fill_hay(uint8_t *hay, uint32_t seed)
{
	static const uint8_t bytes[] = {0x0f, 0x05, 0x34, 0xcd, 0x80, 0xe8, 0xe9, 0x84,
	                                0x00, 0x00, 0xff, 0xff, 0x10, 0x8d, 0x05, 0x90};
	for (size_t i = 0; i < HAY; i++) {
		seed = seed * 1664525 + 1013904223;
		hay[i] = (seed >> 31) != 0 ? (uint8_t)(seed >> 16) : bytes[seed >> 20 & 15];
	}
}
