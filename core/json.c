/* SPDX-License-Identifier: MIT */
#include "g2s/json.h"

#include "g2s/text.h"

#include <inttypes.h>
#include <string.h>

static void write_string(FILE *out, const char *text)
{
	putc('"', out);
	size_t size = strlen(text);
	while (size != 0) {
		unsigned char byte = (unsigned char)text[0];
		size_t length = g2s_text_sequence(text, size);
		if (byte == '"' || byte == '\\') {
			fprintf(out, "\\%c", byte);
		} else if (byte < 0x20 || byte == 0x7f) {
			fprintf(out, "\\u%04x", byte);
		} else if (length == 2 && byte == 0xc2 && (unsigned char)text[1] < 0xa0) {
			/* C1 controls: their second byte is the code point. */
			fprintf(out, "\\u%04x", (unsigned char)text[1]);
		} else if (length == 0) {
			fputs("\\ufffd", out);
		} else {
			fwrite(text, 1, length, out);
		}
		text += length == 0 ? 1 : length;
		size -= length == 0 ? 1 : length;
	}
	putc('"', out);
}

/* Begins the next item on a line of its own, with its key when it has one. */
static void begin_item(struct g2s_json *json, const char *key)
{
	if (json->filled) {
		putc(',', json->out);
	}
	if (json->depth > 0) {
		fprintf(json->out, "\n%*s", 4 * json->depth, "");
	}
	json->filled = true;
	if (key != NULL) {
		write_string(json->out, key);
		fputs(": ", json->out);
	}
}

void g2s_json_open(struct g2s_json *json, const char *key, char bracket)
{
	begin_item(json, key);
	putc(bracket, json->out);
	json->depth++;
	json->filled = false;
}

void g2s_json_close(struct g2s_json *json, char bracket)
{
	json->depth--;
	if (json->filled) {
		fprintf(json->out, "\n%*s", 4 * json->depth, "");
	}
	putc(bracket, json->out);
	json->filled = true;
}

void g2s_json_string(struct g2s_json *json, const char *key, const char *text)
{
	begin_item(json, key);
	write_string(json->out, text);
}

void g2s_json_number(struct g2s_json *json, const char *key, uint64_t number)
{
	begin_item(json, key);
	fprintf(json->out, "%" PRIu64, number);
}

void g2s_json_bool(struct g2s_json *json, const char *key, bool value)
{
	begin_item(json, key);
	fputs(value ? "true" : "false", json->out);
}
