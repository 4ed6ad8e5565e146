/* SPDX-License-Identifier: MIT */
#ifndef G2S_JSON_H
#define G2S_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * JSON being written: each item on a line of its own, indented by four spaces.  Keys are NULL in
 * lists and at the top.  Nothing fails here; the caller looks at ferror(out).
 */
struct g2s_json {
	FILE *out;
	int depth;
	/* Something stands already in what was opened last. */
	bool filled;
};

/* Opens '[' or '{', to be closed by its counterpart. */
void g2s_json_open(struct g2s_json *json, const char *key, char bracket);
void g2s_json_close(struct g2s_json *json, char bracket);

/*
 * Control characters, also those above U+007F, are written \u00HH, and bytes that are no UTF-8 as
 * U+FFFD.
 */
void g2s_json_string(struct g2s_json *json, const char *key, const char *text);
void g2s_json_number(struct g2s_json *json, const char *key, uint64_t number);
void g2s_json_bool(struct g2s_json *json, const char *key, bool value);

#endif
