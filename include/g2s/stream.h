/* SPDX-License-Identifier: MIT */
#ifndef G2S_STREAM_H
#define G2S_STREAM_H

#include "g2s/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The stream between the applets: UTF-8 lines of tab-separated fields, each ended by a newline.
 *
 *     #g2s-sites 1 <tool version>
 *     #binary <path> <arch> <go version or -> <build id or ->
 *     #needs <path> <library>
 *     #unread <path> <why>
 *     binary  arch  address  via  number  how  function  source  [syscall  [callers  [more...]]]
 *     #end <rows> <unresolved>
 *
 * - The fields of a # line are separated by tabs as well; the keyword is the first of them.
 * - No field is empty.  Inside a field a tab is \t, a newline \n, a backslash \\, and any other
 *   control character (and any byte that is not valid UTF-8) \xHH.  There is no NUL.  A path that
 *   begins with # is written \x23..., so that a row never looks like a # line.
 * - arch, via and how are words: lower-case letters, digits, - and _.
 * - An address is hexadecimal with 0x, at most 16 digits.  A number is decimal without leading
 *   zeros, or "?".
 * - syscall is the ninth field: a name; "#<number>" for a number that has none; "?" where the
 *   number is "?"; "-", or no ninth field, as long as g2s-resolve has not seen the row.
 * - Further columns come after the ninth and only describe.  A reader that does not know them
 *   passes them on as they stand.  A row that has them has a ninth field.
 * - callers is the tenth: a chain of calls that leads to the row (chains.h), or "-".
 * - <rows> counts the rows, <unresolved> the rows whose number is "?", the #needs and the #unread
 *   lines.
 * - #unread names a file that was to be scanned and could not be: nothing of it is in the stream.
 * - Several streams may follow one another: the result is their union.  A row without further
 *   columns is dropped from it when the same row is there with some.
 *
 * The version in the header governs all of this.  A reader refuses a version and a keyword that it
 * does not know: a line it cannot understand could say that the answer is incomplete.
 *
 * Limits: a field that is written is at most G2S_STREAM_FIELD_MAX bytes long, escaped; a longer
 * one (a name in a hostile file) is cut and ends in "...".  A line that is read is at most
 * G2S_STREAM_LINE_MAX bytes long.
 */
#define G2S_STREAM_VERSION 1
#define G2S_STREAM_FIELD_MAX 16384
#define G2S_STREAM_LINE_MAX 262144

/* What a row's number is when it is not known; written as "?". */
#define G2S_NUMBER_UNKNOWN (-1)

/* One site with one of its numbers.  Strings are borrowed; they are raw, not escaped. */
struct g2s_row {
	/* Path of the file as the user gave it, or as it was found from there. */
	const char *binary;
	/* libseccomp's spelling without the prefix: x86_64, x86, aarch64, arm. */
	const char *arch;
	/* Virtual address, as in the file, of the place where the number was chosen. */
	uint64_t address;
	/* syscall, int80, sysenter, svc, call or vdso. */
	const char *via;
	/* The system call's number, or G2S_NUMBER_UNKNOWN. */
	int64_t number;
	/*
	 * imm, arg, data, or assumed (a person's answer); for an unknown number the reason:
	 * indirect, memory, computed, too-many.
	 */
	const char *how;
	/* The function that holds address, or "-". */
	const char *function;
	/* file:line, or "-". */
	const char *source;
	/* What the ninth column says; NULL before g2s-resolve has been. */
	const char *syscall;
	/* The columns after the ninth, with their tabs, escaped as they stand; NULL when none. */
	const char *more;
};

/* The description of one scanned file: a #binary line.  Strings as in struct g2s_row. */
struct g2s_binary {
	const char *path;
	const char *arch;
	/* Such as go1.22.12; NULL when the file is not Go or does not say. */
	const char *go_version;
	/* Go's build ID, else the GNU one in hexadecimal; NULL when there is none. */
	const char *build_id;
};

/* Writes one stream.  g2s_stream_begin initialises it. */
struct g2s_stream_writer {
	FILE *out;
	uint64_t rows;
	uint64_t unresolved;
};

/*
 * The writer's functions put lines into out, which stays the caller's.  They answer nothing: the
 * caller looks at ferror(out) and at the result of its last flush, once, at the end.
 */
void g2s_stream_begin(struct g2s_stream_writer *writer, FILE *out);
void g2s_stream_binary(struct g2s_stream_writer *writer, const struct g2s_binary *binary);
void g2s_stream_needs(struct g2s_stream_writer *writer, const char *path, const char *library);
void g2s_stream_unread(struct g2s_stream_writer *writer, const char *path, const char *why);
void g2s_stream_row(struct g2s_stream_writer *writer, const struct g2s_row *row);
void g2s_stream_end(struct g2s_stream_writer *writer);

/*
 * Who wants what a reader finds.  Each function may be NULL.  What they are handed is valid during
 * the call only.  A result other than G2S_OK stops the reading and is passed on.
 */
struct g2s_stream_handler {
	enum g2s_code (*binary)(void *user, const struct g2s_binary *binary, struct g2s_error *err);
	enum g2s_code (*needs)(void *user, const char *path, const char *library,
	                       struct g2s_error *err);
	enum g2s_code (*unread)(void *user, const char *path, const char *why,
	                        struct g2s_error *err);
	enum g2s_code (*row)(void *user, const struct g2s_row *row, struct g2s_error *err);
	void *user;
};

/*
 * Reads streams from in until its end and hands every line to handler.  With partial false, input
 * that is empty, has no header, ends without #end, has a line outside of a stream or contradicts
 * its #end counts is G2S_ERR_FORMAT (err->offset: the line).  With partial true only a malformed
 * line is; one without its newline counts as such, since nobody knows what was cut off.
 * A read error is G2S_ERR_READ.
 */
enum g2s_code g2s_stream_read(FILE *in, bool partial, const struct g2s_stream_handler *handler,
                              struct g2s_error *err);

#endif
