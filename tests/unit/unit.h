/* SPDX-License-Identifier: MIT */
#ifndef G2S_TEST_UNIT_H
#define G2S_TEST_UNIT_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A file that holds these bytes and stands at its beginning; to be closed. */
FILE *unit_open(const char *text, size_t size);

#endif
