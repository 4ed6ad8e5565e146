/* SPDX-License-Identifier: MIT */
#ifndef G2S_TEXT_H
#define G2S_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * How text from elsewhere may be shown.  Names and paths come out of files that nobody vouches
 * for: a control character in one could steer a terminal, and a tab or a newline would break a
 * line apart.  All of g2s escapes them here.  A byte is written \xHH (lower case) when it is a
 * control character (below 0x20, 0x7f, or U+0080 to U+009F in UTF-8, which terminals obey as
 * well) or no part of well-formed UTF-8.
 */
enum g2s_text_style {
	/* For people: a backslash stands for itself, so that escaping twice changes nothing. */
	G2S_TEXT_MESSAGE,
	/*
	 * A field of the stream: \t, \n and \\ for tab, newline and backslash;
	 * g2s_text_restore undoes it.
	 */
	G2S_TEXT_FIELD,
};

/* The longest escaped form of one character, with its NUL: two bytes of a C1 control. */
#define G2S_TEXT_PIECE 9

/* Length of the well-formed UTF-8 sequence that text begins with, 1 to 4; 0 when there is none. */
size_t g2s_text_sequence(const char *text, size_t size);

/*
 * Puts the form of the first character of text (size is not 0) into piece; returns how many
 * bytes that was.
 */
size_t g2s_text_take(const char *text, size_t size, enum g2s_text_style style,
                     char piece[G2S_TEXT_PIECE]);

/*
 * Puts the escaped text into out, which has room for out_size bytes (not 0) and always ends with
 * a NUL.  What does not fit is cut off between two characters.  Returns how many bytes of text
 * found room.
 */
size_t g2s_text_escape(char *out, size_t out_size, const char *text, size_t size,
                       enum g2s_text_style style);

/*
 * Undoes G2S_TEXT_FIELD in place; the result is never longer, and ends with a NUL.  Returns false
 * when the text holds what no field can: an unknown or unfinished escape, \x00, or a byte that
 * had to be escaped.
 */
bool g2s_text_restore(char *text, size_t size);

/* True when g2s_text_restore would do; changes nothing. */
bool g2s_text_is_field(const char *text, size_t size);

#endif
