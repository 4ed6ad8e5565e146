/* SPDX-License-Identifier: MIT */
#include "g2s/text.h"

#include <string.h>

static bool is_tail(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/*
 * Well-formed sequences as in the Unicode standard, table 3-7: the second byte's range rules out
 * overlong forms (after e0, f0), surrogates (after ed) and what lies above U+10FFFF (after f4).
 */
size_t g2s_text_sequence(const char *text, size_t size)
{
	const unsigned char *byte = (const unsigned char *)text;
	if (size == 0) {
		return 0;
	}
	if (byte[0] < 0x80) {
		return 1;
	}
	size_t length = byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;
	if (byte[0] < 0xc2 || byte[0] > 0xf4 || size < length) {
		return 0;
	}
	unsigned char low = byte[0] == 0xe0 ? 0xa0 : byte[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char high = byte[0] == 0xed ? 0x9f : byte[0] == 0xf4 ? 0x8f : 0xbf;
	if (byte[1] < low || byte[1] > high) {
		return 0;
	}
	for (size_t i = 2; i < length; i++) {
		if (!is_tail(byte[i])) {
			return 0;
		}
	}
	return length;
}

/* Length of the character at text when it is shown as it stands, else 0. */
static size_t plain_length(const char *text, size_t size, enum g2s_text_style style)
{
	const unsigned char *byte = (const unsigned char *)text;
	if (byte[0] < 0x20 || byte[0] == 0x7f) {
		return 0;
	}
	if (byte[0] == '\\' && style == G2S_TEXT_FIELD) {
		return 0;
	}
	size_t length = g2s_text_sequence(text, size);
	if (length == 2 && byte[0] == 0xc2 && byte[1] < 0xa0) {
		return 0;
	}
	return length;
}

static char *put_hex(char *out, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";
	*out++ = '\\';
	*out++ = 'x';
	*out++ = digits[byte >> 4];
	*out++ = digits[byte & 15];
	return out;
}

size_t g2s_text_take(const char *text, size_t size, enum g2s_text_style style,
                     char piece[G2S_TEXT_PIECE])
{
	size_t length = plain_length(text, size, style);
	if (length != 0) {
		memcpy(piece, text, length);
		piece[length] = '\0';
		return length;
	}
	const char *short_form = NULL;
	if (style == G2S_TEXT_FIELD) {
		short_form = text[0] == '\t' ? "\\t" : text[0] == '\n' ? "\\n" :
		             text[0] == '\\' ? "\\\\" : NULL;
	}
	if (short_form != NULL) {
		memcpy(piece, short_form, 3);
		return 1;
	}
	/*
	 * A C1 control is taken whole: its first byte alone would look as if it began a
	 * character.
	 */
	length = g2s_text_sequence(text, size);
	length = length == 0 ? 1 : length;
	char *out = piece;
	for (size_t i = 0; i < length; i++) {
		out = put_hex(out, (unsigned char)text[i]);
	}
	*out = '\0';
	return length;
}

/*
 * How many bytes text begins with that stand for themselves in every style: most text is
 * nothing else.
 */
static size_t ascii_run(const char *text, size_t size)
{
	size_t length = 0;
	while (length < size && text[length] >= 0x20 && text[length] < 0x7f &&
	       text[length] != '\\') {
		length++;
	}
	return length;
}

size_t g2s_text_escape(char *out, size_t out_size, const char *text, size_t size,
                       enum g2s_text_style style)
{
	size_t used = 0;
	size_t done = 0;
	while (done < size) {
		size_t room = out_size - 1 - used;
		size_t run = ascii_run(text + done, size - done < room ? size - done : room);
		memcpy(out + used, text + done, run);
		used += run;
		done += run;
		if (done == size) {
			break;
		}
		char piece[G2S_TEXT_PIECE];
		size_t taken = g2s_text_take(text + done, size - done, style, piece);
		/* Never 0: a NUL of the text is escaped. */
		size_t length = strlen(piece);
		if (length > out_size - 1 - used) {
			break;
		}
		memcpy(out + used, piece, length);
		used += length;
		done += taken;
	}
	out[used] = '\0';
	return done;
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9') {
		return digit - '0';
	}
	if (digit >= 'a' && digit <= 'f') {
		return digit - 'a' + 10;
	}
	if (digit >= 'A' && digit <= 'F') {
		return digit - 'A' + 10;
	}
	return -1;
}

/* Reads the escape at text (a backslash) into *byte; returns its length, or 0 when it is none. */
static size_t restore_one(const char *text, size_t size, char *byte)
{
	if (size < 2) {
		return 0;
	}
	switch (text[1]) {
	case 't':
		*byte = '\t';
		return 2;
	case 'n':
		*byte = '\n';
		return 2;
	case '\\':
		*byte = '\\';
		return 2;
	case 'x':
		break;
	default:
		return 0;
	}
	if (size < 4 || hex_value(text[2]) < 0 || hex_value(text[3]) < 0) {
		return 0;
	}
	int value = hex_value(text[2]) * 16 + hex_value(text[3]);
	*byte = (char)value;
	return value == 0 ? 0 : 4;
}

/*
 * Walks over a field; puts what it stands for into out, which is text itself, or NULL to look
 * only.
 */
static bool walk_field(const char *text, size_t size, char *out)
{
	size_t done = ascii_run(text, size);
	size_t used = done;
	while (done < size) {
		size_t taken;
		size_t put = 1;
		char byte;
		const char *from = &byte;
		if (text[done] == '\\') {
			taken = restore_one(text + done, size - done, &byte);
		} else {
			taken = plain_length(text + done, size - done, G2S_TEXT_FIELD);
			put = taken;
			from = text + done;
		}
		if (taken == 0) {
			return false;
		}
		if (out != NULL) {
			memmove(out + used, from, put);
		}
		used += put;
		done += taken;
	}
	if (out != NULL) {
		out[used] = '\0';
	}
	return true;
}

bool g2s_text_restore(char *text, size_t size)
{
	return walk_field(text, size, text);
}

bool g2s_text_is_field(const char *text, size_t size)
{
	return walk_field(text, size, NULL);
}
