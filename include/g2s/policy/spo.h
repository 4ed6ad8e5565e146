/* SPDX-License-Identifier: MIT */
#ifndef G2S_POLICY_SPO_H
#define G2S_POLICY_SPO_H

#include "g2s/error.h"
#include "g2s/policy/seccomp.h"

#include <stdio.h>

/*
 * A profile as the SeccompProfile object of Kubernetes' Security Profiles Operator, in YAML:
 * apiVersion security-profiles-operator.x-k8s.io/v1beta1, which releases 0.4.0 to 1.0.0 serve
 * (api/seccompprofile/v1beta1/seccompprofile_types.go of its sources).  The spec is the OCI
 * runtime's object without defaultErrnoRet and without Docker's conditions.  A rule's errnoRet is
 * a number from release 0.8.4 on, and was a string in some before.
 *
 * Limits that the API server checks: lists are sets, a rule has a name, errnoRet is 1 to 4095 (0
 * is the same as none), at most 6 arguments, whose numbers have 63 bits.
 */

/* Room for a name, with its NUL: that of a DNS label (RFC 1123), which every use of it takes. */
#define G2S_SPO_NAME_SIZE 64

/*
 * Makes an object's name of a program's path: the part behind the last slash, letters in lower
 * case, and a hyphen for each run of other characters but digits; nothing but letters and digits
 * at its ends.  "profile" when nothing is left, or path is NULL.
 */
void g2s_spo_name(const char *path, char name[G2S_SPO_NAME_SIZE]);

/*
 * Writes the object; name is its metadata.name.  Nothing is written on failure: G2S_ERR_FORMAT for
 * what the object cannot say: an error of the default action other than EPERM, SCMP_ACT_NOTIFY
 * (its listener must be one of the operator's), archMap, rules that depend on the host or on
 * capabilities, and what the limits above exclude.  The caller looks at ferror(out).
 */
enum g2s_code g2s_spo_write(const struct g2s_profile *profile, const char *name, FILE *out,
                            struct g2s_error *err);

#endif
