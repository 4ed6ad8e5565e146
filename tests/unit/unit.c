/* SPDX-License-Identifier: MIT */
#include "unit.h"

FILE *unit_open(const char *text, size_t size)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	assert_int_equal(fflush(file), 0);
	rewind(file);
	return file;
}
