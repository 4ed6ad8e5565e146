/* SPDX-License-Identifier: MIT */
#ifndef G2S_STAGES_H
#define G2S_STAGES_H

struct cli_output;
struct g2s_profile;
struct g2s_streams;
struct lock;

/*
 * The stages of the pipeline, each with the settings that it has without options, on streams in
 * memory: for an applet that runs several of them in one process.  They print messages, as their
 * applets do, and return an exit status.
 */

/*
 * Scans one program and adds what it gives to the streams.  Once the program is open, and for all
 * that follows, the process is locked (lock_applet).  Unlike g2s-scan it does not warn of what is
 * missing from the result: the stages after it do.
 */
int scan_stage(const char *path, const struct lock *lock, struct cli_output *output,
               struct g2s_streams *streams);

/* Unites the streams, once, and names their system calls. */
int resolve_stage(struct g2s_streams *streams);

/*
 * Fills *profile, which is zero and which the caller frees, with what united and named streams
 * ask for; warns of what is missing from it.
 */
int profile_stage(const struct g2s_streams *streams, struct g2s_profile *profile);

#endif
