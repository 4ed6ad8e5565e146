/* SPDX-License-Identifier: MIT */
#ifndef G2S_VERSION_H
#define G2S_VERSION_H

/* The one place the version comes from: programs, streams, archives and manuals read it here. */
#define G2S_VERSION "0.1.0"

#endif
