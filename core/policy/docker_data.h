/* SPDX-License-Identifier: MIT */
#ifndef G2S_DOCKER_DATA_H
#define G2S_DOCKER_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Docker's default profile as C.  core/policy/docker.tsv is its source: a first line that begins
 * with '#' and names where it comes from, then "<name> TAB <action> TAB <condition>", sorted by
 * name; a name has a line for each rule that speaks of it.
 *
 *     action      allow, or errno=<number>
 *     condition   always, or one or more of: with CAP, without CAP, on ARCHES, not on ARCHES,
 *                 kernel>=VERSION, args INDEX OP VALUE; ARCHES as in Docker's "arches"
 *
 * The build turns it into one C file with scripts/gen-docker, which refuses a table that is not of
 * that form.  Only core/policy/docker.c looks at it.
 */

/*
 * One line.  Texts are offsets into g2s_docker_words, 0 for none: a pointer each would cost 24
 * bytes of relocation.  "without CAP" is left out: it only marks what is left when the rule "with
 * CAP" of the same name, which there must be, does not count.
 */
struct g2s_docker_rule {
	uint16_t name;
	uint16_t with;
	uint16_t on;
	uint16_t not_on;
	uint16_t kernel;
	/* What the call answers, or 0 when it is allowed. */
	uint8_t error;
	/* Only some arguments are meant. */
	bool arguments;
};

extern const char g2s_docker_words[];
extern const struct g2s_docker_rule g2s_docker_rules[];
extern const size_t g2s_docker_rule_count;

#endif
