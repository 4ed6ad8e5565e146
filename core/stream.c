/* SPDX-License-Identifier: MIT */
#include "g2s/stream.h"

#include "g2s/text.h"
#include "g2s/version.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KEYWORD_HEADER "#g2s-sites"

/* Columns that every row has, and with them the one g2s-resolve adds. */
enum {
	ROW_FIELDS = 8,
	ROW_FIELDS_RESOLVED = 9,
};

/*
 * --- writing
 * -----------------------------------------------------------------------------------
 */

static void write_field(FILE *out, const char *text)
{
	static const char cut[] = "...";
	if (text == NULL || text[0] == '\0') {
		text = "-";
	}
	size_t size = strlen(text);
	char shown[G2S_STREAM_FIELD_MAX + 1];
	size_t done = g2s_text_escape(shown, sizeof(shown) - strlen(cut), text, size,
	                              G2S_TEXT_FIELD);
	fputs(shown, out);
	if (done < size) {
		fputs(cut, out);
	}
}

static void write_line(FILE *out, const char *keyword, const char *const *fields, size_t count)
{
	fputs(keyword, out);
	for (size_t i = 0; i < count; i++) {
		putc('\t', out);
		write_field(out, fields[i]);
	}
	putc('\n', out);
}

void g2s_stream_begin(struct g2s_stream_writer *writer, FILE *out)
{
	*writer = (struct g2s_stream_writer){.out = out};
	fprintf(out, KEYWORD_HEADER "\t%d\t%s\n", G2S_STREAM_VERSION, G2S_VERSION);
}

void g2s_stream_binary(struct g2s_stream_writer *writer, const struct g2s_binary *binary)
{
	const char *const fields[] = {
		binary->path,
		binary->arch,
		binary->go_version,
		binary->build_id,
	};
	write_line(writer->out, "#binary", fields, 4);
}

void g2s_stream_needs(struct g2s_stream_writer *writer, const char *path, const char *library)
{
	const char *const fields[] = {path, library};
	write_line(writer->out, "#needs", fields, 2);
	writer->unresolved++;
}

void g2s_stream_unread(struct g2s_stream_writer *writer, const char *path, const char *why)
{
	const char *const fields[] = {path, why};
	write_line(writer->out, "#unread", fields, 2);
	writer->unresolved++;
}

void g2s_stream_row(struct g2s_stream_writer *writer, const struct g2s_row *row)
{
	FILE *out = writer->out;
	const char *path = row->binary;
	if (path[0] == '#') {
		fputs("\\x23", out);
		path++;
	}
	/* A path of nothing but # is complete already. */
	if (path == row->binary || path[0] != '\0') {
		write_field(out, path);
	}
	putc('\t', out);
	write_field(out, row->arch);
	fprintf(out, "\t0x%" PRIx64 "\t", row->address);
	write_field(out, row->via);
	if (row->number == G2S_NUMBER_UNKNOWN) {
		fputs("\t?\t", out);
		writer->unresolved++;
	} else {
		fprintf(out, "\t%" PRId64 "\t", row->number);
	}
	write_field(out, row->how);
	putc('\t', out);
	write_field(out, row->function);
	putc('\t', out);
	write_field(out, row->source);
	if (row->syscall != NULL || row->more != NULL) {
		putc('\t', out);
		write_field(out, row->syscall);
	}
	if (row->more != NULL) {
		putc('\t', out);
		fputs(row->more, out);
	}
	putc('\n', out);
	writer->rows++;
}

void g2s_stream_end(struct g2s_stream_writer *writer)
{
	fprintf(writer->out, "#end\t%" PRIu64 "\t%" PRIu64 "\n", writer->rows,
	        writer->unresolved);
}

/*
 * --- reading
 * -----------------------------------------------------------------------------------
 */

struct reader {
	FILE *in;
	const struct g2s_stream_handler *handler;
	struct g2s_error *err;
	bool partial;
	/* True between a header and its #end. */
	bool inside;
	/* A header was seen at all. */
	bool begun;
	/* Number of the current line, from 1. */
	uint64_t line;
	/* What the current stream has had so far. */
	uint64_t rows;
	uint64_t unresolved;
	/* BUFFER_SIZE bytes; [start, end) is what has been read and not yet looked at. */
	char *buffer;
	size_t start;
	size_t end;
	bool at_end;
};

/* A line of the greatest length and its newline, and what one read brings beyond it. */
#define BUFFER_SIZE ((size_t)G2S_STREAM_LINE_MAX + 1 + 65536)

/* A line's fields as pointers into it; the last one may hold tabs when there are more than room. */
struct fields {
	char *text[ROW_FIELDS_RESOLVED + 1];
	size_t size[ROW_FIELDS_RESOLVED + 1];
	size_t count;
};

#define REFUSE(reader, ...) g2s_fail((reader)->err, G2S_ERR_FORMAT, (reader)->line, __VA_ARGS__)

static enum g2s_code refuse_no_header(struct reader *reader)
{
	return REFUSE(reader, reader->begun ?
	              "a line after #end that begins no new stream" :
	              "not a g2s stream: it does not begin with a " KEYWORD_HEADER " line");
}

/*
 * Makes the next line *text, NUL instead of newline, *size bytes long.  At the end of the input
 * *text is NULL.
 */
static enum g2s_code next_line(struct reader *reader, char **text, size_t *size)
{
	size_t looked = 0;
	reader->line++;
	for (;;) {
		char *start = reader->buffer + reader->start;
		size_t filled = reader->end - reader->start;
		char *newline = memchr(start + looked, '\n', filled - looked);
		size_t length = newline != NULL ? (size_t)(newline - start) : filled;
		if (length > G2S_STREAM_LINE_MAX) {
			return !reader->begun && !reader->partial ? refuse_no_header(reader) :
			       REFUSE(reader, "line longer than %d bytes", G2S_STREAM_LINE_MAX);
		}
		if (newline != NULL) {
			*newline = '\0';
			*text = start;
			*size = length;
			reader->start += length + 1;
			return G2S_OK;
		}
		if (reader->at_end) {
			*text = NULL;
			return filled == 0 ? G2S_OK : !reader->begun && !reader->partial ?
			       refuse_no_header(reader) :
			       REFUSE(reader, "the last line has no newline: it was cut short");
		}
		memmove(reader->buffer, start, filled);
		reader->start = 0;
		looked = filled;
		errno = 0;
		size_t got = fread(reader->buffer + filled, 1, BUFFER_SIZE - filled, reader->in);
		reader->end = filled + got;
		if (ferror(reader->in)) {
			return g2s_fail(reader->err, G2S_ERR_READ, 0, "cannot read: %s",
			                strerror(errno));
		}
		reader->at_end = feof(reader->in) != 0;
	}
}

/*
 * Cuts a line into fields and undoes their escapes.  What stands after the limit is one more
 * field, whole and as it was.
 */
static enum g2s_code split(struct reader *reader, char *line, size_t size, size_t limit,
                           struct fields *fields)
{
	fields->count = 0;
	for (;;) {
		size_t i = fields->count;
		char *tab = i < limit ? memchr(line, '\t', size) : NULL;
		fields->text[i] = line;
		fields->size[i] = tab != NULL ? (size_t)(tab - line) : size;
		fields->count++;
		if (tab == NULL) {
			break;
		}
		size -= fields->size[i] + 1;
		line = tab + 1;
	}
	for (size_t i = 0; i < fields->count && i < limit; i++) {
		if (fields->size[i] == 0) {
			return REFUSE(reader, "field %zu is empty", i + 1);
		}
		if (!g2s_text_restore(fields->text[i], fields->size[i])) {
			return REFUSE(reader, "field %zu has a bad escape, a raw control character "
			              "or invalid UTF-8", i + 1);
		}
	}
	return G2S_OK;
}

static bool is_word(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

static bool parse_decimal(const char *text, uint64_t *value)
{
	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0')) {
		return false;
	}
	uint64_t sum = 0;
	for (; *text >= '0' && *text <= '9'; text++) {
		uint64_t digit = (uint64_t)(*text - '0');
		if (sum > (INT64_MAX - digit) / 10) {
			return false;
		}
		sum = sum * 10 + digit;
	}
	*value = sum;
	return *text == '\0';
}

static bool parse_address(const char *text, uint64_t *value)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	size_t length = strlen(text);
	if (strncmp(text, "0x", 2) != 0 || length < 3 || length > 18 ||
	    text[2 + strspn(text + 2, digits)] != '\0') {
		return false;
	}
	*value = strtoull(text + 2, NULL, 16);
	return true;
}

/* True when the ninth field can stand beside the fifth. */
static bool syscall_fits(const char *name, const char *number)
{
	if (strcmp(name, "-") == 0) {
		return true;
	}
	if (strcmp(number, "?") == 0 || strcmp(name, "?") == 0) {
		return strcmp(name, number) == 0;
	}
	if (name[0] == '#') {
		return strcmp(name + 1, number) == 0;
	}
	return is_word(name);
}

static const char *unless_dash(const char *text)
{
	return strcmp(text, "-") == 0 ? NULL : text;
}

/* The columns after the ninth: not known here, but they must be fields. */
static bool more_is_sound(const char *more, size_t size)
{
	for (;;) {
		const char *tab = memchr(more, '\t', size);
		size_t length = tab != NULL ? (size_t)(tab - more) : size;
		if (length == 0 || !g2s_text_is_field(more, length)) {
			return false;
		}
		if (tab == NULL) {
			return true;
		}
		size -= length + 1;
		more = tab + 1;
	}
}

static enum g2s_code read_row(struct reader *reader, char *line, size_t size)
{
	struct fields fields;
	enum g2s_code code = split(reader, line, size, ROW_FIELDS_RESOLVED, &fields);
	if (code != G2S_OK) {
		return code;
	}
	if (fields.count < ROW_FIELDS) {
		return REFUSE(reader, "a row needs %d fields and this one has %zu", ROW_FIELDS,
		              fields.count);
	}
	struct g2s_row row = {
		.binary = fields.text[0],
		.arch = fields.text[1],
		.via = fields.text[3],
		.number = G2S_NUMBER_UNKNOWN,
		.how = fields.text[5],
		.function = fields.text[6],
		.source = fields.text[7],
	};
	if (!is_word(row.arch) || !is_word(row.via) || !is_word(row.how)) {
		return REFUSE(reader, "arch, via and how are words, and one here is not");
	}
	if (!parse_address(fields.text[2], &row.address)) {
		return REFUSE(reader, "bad address \"%s\"", fields.text[2]);
	}
	if (strcmp(fields.text[4], "?") != 0) {
		uint64_t number;
		if (!parse_decimal(fields.text[4], &number)) {
			return REFUSE(reader, "bad number \"%s\"", fields.text[4]);
		}
		row.number = (int64_t)number;
	}
	if (fields.count >= ROW_FIELDS_RESOLVED) {
		if (!syscall_fits(fields.text[8], fields.text[4])) {
			return REFUSE(reader, "\"%s\" is no system call for number %s",
			              fields.text[8], fields.text[4]);
		}
		row.syscall = unless_dash(fields.text[8]);
	}
	if (fields.count > ROW_FIELDS_RESOLVED) {
		row.more = fields.text[9];
		if (!more_is_sound(row.more, fields.size[9])) {
			return REFUSE(reader, "a bad field after the ninth");
		}
	}
	reader->rows++;
	reader->unresolved += row.number == G2S_NUMBER_UNKNOWN;
	const struct g2s_stream_handler *handler = reader->handler;
	return handler->row == NULL ? G2S_OK : handler->row(handler->user, &row, reader->err);
}

static enum g2s_code read_header(struct reader *reader, const struct fields *fields)
{
	uint64_t version;
	if (fields->count < 3 || !parse_decimal(fields->text[1], &version)) {
		return REFUSE(reader, "malformed " KEYWORD_HEADER " line");
	}
	if (version != G2S_STREAM_VERSION) {
		return REFUSE(reader, "stream version %" PRIu64 " is not known here: this g2s "
		              "reads version %d", version, G2S_STREAM_VERSION);
	}
	if (fields->count != 3) {
		return REFUSE(reader, "malformed " KEYWORD_HEADER " line");
	}
	if (reader->inside && !reader->partial) {
		return REFUSE(reader, "a new stream begins before the #end of the last one");
	}
	reader->inside = true;
	reader->begun = true;
	reader->rows = 0;
	reader->unresolved = 0;
	return G2S_OK;
}

static enum g2s_code read_binary(struct reader *reader, const struct fields *fields)
{
	if (fields->count != 5 || !is_word(fields->text[2])) {
		return REFUSE(reader, "malformed #binary line");
	}
	const struct g2s_binary binary = {
		.path = fields->text[1],
		.arch = fields->text[2],
		.go_version = unless_dash(fields->text[3]),
		.build_id = unless_dash(fields->text[4]),
	};
	const struct g2s_stream_handler *handler = reader->handler;
	return handler->binary == NULL ? G2S_OK :
	       handler->binary(handler->user, &binary, reader->err);
}

static enum g2s_code read_needs(struct reader *reader, const struct fields *fields)
{
	if (fields->count != 3) {
		return REFUSE(reader, "malformed #needs line");
	}
	reader->unresolved++;
	const struct g2s_stream_handler *handler = reader->handler;
	return handler->needs == NULL ? G2S_OK :
	       handler->needs(handler->user, fields->text[1], fields->text[2], reader->err);
}

static enum g2s_code read_unread(struct reader *reader, const struct fields *fields)
{
	if (fields->count != 3) {
		return REFUSE(reader, "malformed #unread line");
	}
	reader->unresolved++;
	const struct g2s_stream_handler *handler = reader->handler;
	return handler->unread == NULL ? G2S_OK :
	       handler->unread(handler->user, fields->text[1], fields->text[2], reader->err);
}

static enum g2s_code read_end(struct reader *reader, const struct fields *fields)
{
	uint64_t rows;
	uint64_t unresolved;
	if (fields->count != 3 || !parse_decimal(fields->text[1], &rows) ||
	    !parse_decimal(fields->text[2], &unresolved)) {
		return REFUSE(reader, "malformed #end line");
	}
	if (!reader->partial && (rows != reader->rows || unresolved != reader->unresolved)) {
		return REFUSE(reader, "#end says %" PRIu64 " rows, %" PRIu64 " unresolved, but "
		              "there were %" PRIu64 " and %" PRIu64
		              ": lines are missing or were added",
		              rows, unresolved, reader->rows, reader->unresolved);
	}
	reader->inside = false;
	return G2S_OK;
}

static enum g2s_code read_keyword(struct reader *reader, char *line, size_t size)
{
	static const struct {
		const char *keyword;
		enum g2s_code (*read)(struct reader *, const struct fields *);
	} keywords[] = {
		{KEYWORD_HEADER, read_header},
		{"#binary", read_binary},
		{"#needs", read_needs},
		{"#unread", read_unread},
		{"#end", read_end},
	};
	struct fields fields;
	enum g2s_code code = split(reader, line, size, ROW_FIELDS_RESOLVED, &fields);
	if (code != G2S_OK) {
		return code;
	}
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		/* By the raw size as well: \x23end is a path that was torn from its row. */
		if (strcmp(fields.text[0], keywords[i].keyword) == 0 &&
		    fields.size[0] == strlen(keywords[i].keyword)) {
			return keywords[i].read(reader, &fields);
		}
	}
	return REFUSE(reader, "unknown keyword \"%.40s\"", fields.text[0]);
}

static enum g2s_code read_line(struct reader *reader, char *line, size_t size)
{
	static const char header[] = KEYWORD_HEADER "\t";
	if (!reader->inside && !reader->partial && strncmp(line, header, strlen(header)) != 0) {
		return refuse_no_header(reader);
	}
	return line[0] == '#' ? read_keyword(reader, line, size) : read_row(reader, line, size);
}

enum g2s_code g2s_stream_read(FILE *in, bool partial, const struct g2s_stream_handler *handler,
                              struct g2s_error *err)
{
	struct reader reader = {
		.in = in,
		.handler = handler,
		.err = err,
		.partial = partial,
		.buffer = malloc(BUFFER_SIZE),
	};
	if (reader.buffer == NULL) {
		return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
	}
	enum g2s_code code;
	for (;;) {
		char *line = NULL;
		size_t size = 0;
		code = next_line(&reader, &line, &size);
		if (code != G2S_OK || line == NULL) {
			break;
		}
		code = read_line(&reader, line, size);
		if (code != G2S_OK) {
			break;
		}
	}
	if (code == G2S_OK && !partial) {
		if (!reader.begun) {
			code = REFUSE(&reader, "empty input instead of a stream");
		} else if (reader.inside) {
			code = REFUSE(&reader,
			              "the stream ends without its #end line: it was cut short");
		}
	}
	free(reader.buffer);
	return code;
}
