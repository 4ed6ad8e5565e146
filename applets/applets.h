/* SPDX-License-Identifier: MIT */
#ifndef G2S_APPLETS_H
#define G2S_APPLETS_H

/*
 * The applets, one row each: the name that is typed after "g2s ", the name of the link that starts
 * it, and what it is for.  The function is g2s_<name>_main.
 */
#define G2S_APPLETS(X) \
	X(scan, "g2s-scan", "find the system calls a program can make") \
	X(resolve, "g2s-resolve", "name the system calls of a stream") \
	X(profile, "g2s-profile", "write the seccomp profile of a stream") \
	X(diff, "g2s-diff", "compare two seccomp profiles") \
	X(go2seccomp, "go2seccomp", "from a program to its profile, as the older tool did")

#define G2S_APPLET_DECLARE(name, link, purpose) int g2s_##name##_main(int argc, char **argv);
G2S_APPLETS(G2S_APPLET_DECLARE)
#undef G2S_APPLET_DECLARE

#endif
