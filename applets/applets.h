/* SPDX-License-Identifier: MIT */
#ifndef G2S_APPLETS_H
#define G2S_APPLETS_H

/*
 * The applets, one row each: the name that is typed after "g2s " or "g2s-", and what it is for.
 * The function is g2s_<name>_main.
 */
#define G2S_APPLETS(X) \
	X(scan, "find the system calls a program can make") \
	X(resolve, "name the system calls of a stream") \
	X(profile, "write the seccomp profile of a stream") \
	X(diff, "compare two seccomp profiles")

#define G2S_APPLET_DECLARE(name, purpose) int g2s_##name##_main(int argc, char **argv);
G2S_APPLETS(G2S_APPLET_DECLARE)
#undef G2S_APPLET_DECLARE

#endif
