/* SPDX-License-Identifier: MIT */
#include "g2s/error.h"
#include "g2s/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum g2s_code g2s_fail(struct g2s_error *err, enum g2s_code code, uint64_t offset,
                       const char *format, ...)
{
	if (err == NULL) {
		return code;
	}
	/*
	 * Longer than err->text, so that the cut is always made below, between two characters.
	 * An argument may be err->text itself: it is read before it is written.
	 */
	char raw[2 * sizeof(err->text)];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(raw, sizeof(raw), format, arguments);
	va_end(arguments);
	if (length < 0) {
		raw[0] = '\0';
	}
	err->offset = offset;
	g2s_text_escape(err->text, sizeof(err->text), raw, strlen(raw), G2S_TEXT_MESSAGE);
	return code;
}
