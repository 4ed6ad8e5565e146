/* SPDX-License-Identifier: MIT */
#ifndef G2S_POLICY_SYSTEMD_H
#define G2S_POLICY_SYSTEMD_H

#include "g2s/error.h"
#include "g2s/policy/seccomp.h"

#include <stdio.h>

/*
 * A profile as a drop-in of a systemd service: /etc/systemd/system/NAME.service.d/seccomp.conf.
 * The format is systemd.exec(5), "System call filtering", and systemd.unit(5):
 *
 *	SystemCallArchitectures=	the profile's, in systemd's spelling; "native" for none
 *	SystemCallFilter=		the names that are allowed, in as many lines as it takes
 *	SystemCallErrorNumber=		the error of the default action, or "kill"
 *	SystemCallLog=~			instead of the two: all but these are logged (systemd 247)
 *
 * An empty assignment stands before each list, because lists add up: what the unit itself says
 * would be allowed as well, or, if that is a list of what is denied, turn ours into one.
 *
 * Two things systemd does by itself.  An allow-list always has its set @default in it, some 60
 * names with execve and what reads the time.  And a name that its libseccomp does not know is
 * left out with a line in the journal.
 */

/*
 * Writes the drop-in; nothing on failure.  G2S_ERR_FORMAT for what systemd cannot say: all that
 * g2s_listing_take refuses, a default action other than ERRNO, KILL_PROCESS and LOG, an error
 * outside 1 to 4095, flags, architectures that depend on the host (archMap) or that g2s does not
 * know, and LOG with an empty list, which would be no setting at all.  The caller looks at
 * ferror(out).
 */
enum g2s_code g2s_systemd_write(const struct g2s_profile *profile, FILE *out,
                                struct g2s_error *err);

#endif
