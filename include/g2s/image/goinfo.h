/* SPDX-License-Identifier: MIT */
#ifndef G2S_IMAGE_GOINFO_H
#define G2S_IMAGE_GOINFO_H

#include "g2s/image/elf.h"

/*
 * What Go's linker wrote about the build (cmd/link/internal/ld/data.go, debug/buildinfo), and
 * the build ID. All of it is for the reader; the analysis needs none of it.
 */
struct g2s_goinfo {
	/* The build information block or Go's build ID is there. */
	bool is_go;
	/* "go1.22.12", or empty. */
	char version[64];
	/* Go's build ID, else the GNU one in hexadecimal, or empty. */
	char build_id[128];
};

/* Fills *info as far as the file tells. */
void g2s_goinfo_read(const struct g2s_elf *elf, struct g2s_goinfo *info);

#endif
