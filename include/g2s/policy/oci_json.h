/* SPDX-License-Identifier: MIT */
#ifndef G2S_POLICY_OCI_JSON_H
#define G2S_POLICY_OCI_JSON_H

#include "g2s/error.h"
#include "g2s/policy/seccomp.h"

#include <stddef.h>
#include <stdio.h>

/*
 * Profiles as JSON: the OCI runtime specification's "linux.seccomp" object, and Docker's and
 * Podman's form of it (archMap, includes and excludes; a single "name" as well as "names").
 *
 * Read as the runtimes read it, whose JSON is Go's: the case of a key does not matter, null is the
 * same as nothing, unknown keys are passed over.  Stricter than they are where a slip would
 * change the meaning in silence: a key that is there twice, an unknown condition, an action, a
 * comparison or a number that cannot be right are refused.
 *
 * Limits: G2S_OCI_JSON_MAX bytes of UTF-8, 16 levels, 8192 strings in all lists together (names,
 * capabilities, architectures, flags), 8192 rules, as many entries of archMap.  Numbers up to 2^53
 * are exact, and greater ones are refused.
 */
#define G2S_OCI_JSON_MAX 1048576

/*
 * Reads text into *profile, which must be zero and which the caller frees.  Everything that is
 * wrong is G2S_ERR_FORMAT; err->offset is a line, or 0 where the text names the place.
 */
enum g2s_code g2s_oci_json_read(struct g2s_profile *profile, const char *text, size_t size,
                                struct g2s_error *err);

/*
 * Writes the profile: indented by four spaces, lists in their order, nothing that is not set; the
 * same profile gives the same bytes.  The caller looks at ferror(out).
 */
void g2s_oci_json_write(const struct g2s_profile *profile, FILE *out);

#endif
