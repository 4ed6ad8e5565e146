/* SPDX-License-Identifier: MIT */
#include "assume.h"

#include "cli.h"

#include "g2s/memory.h"
#include "g2s/policy/sysno.h"
#include "g2s/streams.h"
#include "g2s/text.h"

#include <stdlib.h>
#include <string.h>

#define APPLET "resolve"

/* More lines than anybody writes by hand. */
enum { FILE_MAX = 1048576 };

static const char hex_digits[] = "0123456789abcdefABCDEF";

/*
 * --- reading
 * -----------------------------------------------------------------------------------
 */

static void free_one(struct assumption *assumption)
{
	free(assumption->shown);
	free(assumption->function);
	g2s_names_free(&assumption->names);
}

static bool no_memory(void)
{
	cli_message(APPLET, "out of memory");
	return false;
}

static bool refuse(const struct assumption *assumption, const char *why)
{
	cli_message(APPLET, "%s: %s", assumption->shown, why);
	return false;
}

static bool read_site(struct assumption *assumption, char *site)
{
	if (strncmp(site, "0x", 2) == 0) {
		const char *digits = site + 2;
		size_t count = strlen(digits);
		if (count == 0 || count > 16 || strspn(digits, hex_digits) != count) {
			return refuse(assumption, "is no address");
		}
		assumption->address = strtoull(digits, NULL, 16);
		return true;
	}
	if (site[0] == '\0' || strcmp(site, "-") == 0) {
		return refuse(assumption, "names no function: give the address of the site");
	}
	/* As it stands in the stream, so that it can be copied from there. */
	if (!g2s_text_restore(site, strlen(site))) {
		return refuse(assumption, "is no function as a stream writes it");
	}
	assumption->function = strdup(site);
	return assumption->function != NULL || no_memory();
}

static bool read_names(struct assumption *assumption, char *names)
{
	char *name;
	while ((name = strsep(&names, ",")) != NULL) {
		if (name[0] == '\0') {
			return refuse(assumption, "lacks the name of a system call");
		}
		if (!g2s_sysno_has_name(name)) {
			cli_message(APPLET, "%s: no system call \"%s\"", assumption->shown, name);
			return false;
		}
		if (!g2s_names_add(&assumption->names, name)) {
			return no_memory();
		}
	}
	g2s_names_sort(&assumption->names);
	return true;
}

/* Takes shown over; text is changed. */
static bool add(struct assumptions *assumptions, char *shown, char *text)
{
	struct assumption assumption = {.shown = shown};
	/* The name of a function can hold it, that of a system call cannot. */
	char *equals = strrchr(text, '=');
	if (equals == NULL) {
		refuse(&assumption, "is not SITE=NAMES");
		goto fail;
	}
	*equals = '\0';
	if (!read_site(&assumption, text) || !read_names(&assumption, equals + 1)) {
		goto fail;
	}
	if (!g2s_grow(&assumptions->items, &assumptions->capacity, assumptions->count + 1,
	              sizeof(assumption))) {
		no_memory();
		goto fail;
	}
	assumptions->items[assumptions->count++] = assumption;
	return true;
fail:
	free_one(&assumption);
	return false;
}

bool assume_add(void *assumptions, const char *text)
{
	char *shown;
	if (asprintf(&shown, "--assume=%s", text) < 0) {
		return no_memory();
	}
	char *copy = strdup(text);
	if (copy == NULL) {
		free(shown);
		return no_memory();
	}
	bool done = add(assumptions, shown, copy);
	free(copy);
	return done;
}

static bool add_line(struct assumptions *assumptions, const char *path, size_t number, char *line)
{
	line += strspn(line, " \t");
	size_t length = strlen(line);
	while (length > 0 && strchr(" \t\r", line[length - 1]) != NULL) {
		line[--length] = '\0';
	}
	if (line[0] == '\0' || line[0] == '#') {
		return true;
	}
	char *shown;
	if (asprintf(&shown, "%s: line %zu: %s", path, number, line) < 0) {
		return no_memory();
	}
	return add(assumptions, shown, line);
}

bool assume_add_file(void *assumptions, const char *path)
{
	char *data;
	size_t size;
	if (cli_read_file(APPLET, path, FILE_MAX, &data, &size) != G2S_EXIT_DONE) {
		return false;
	}
	bool done = false;
	char *text = strndup(data, size);
	if (text == NULL) {
		no_memory();
	} else if (strlen(text) != size) {
		cli_message(APPLET, "%s: is no text", path);
	} else {
		char *rest = text;
		char *line;
		size_t number = 0;
		done = true;
		while (done && (line = strsep(&rest, "\n")) != NULL) {
			done = add_line(assumptions, path, ++number, line);
		}
	}
	free(text);
	free(data);
	return done;
}

void assume_free(struct assumptions *assumptions)
{
	for (size_t i = 0; i < assumptions->count; i++) {
		free_one(&assumptions->items[i]);
	}
	free(assumptions->items);
	*assumptions = (struct assumptions){0};
}

/*
 * --- applying
 * ----------------------------------------------------------------------------------
 */

static bool matches(const struct assumption *assumption, const struct g2s_row *row)
{
	return assumption->function != NULL ? strcmp(assumption->function, row->function) == 0 :
	       assumption->address == row->address;
}

/* Whether a row's architecture has all names. */
static int check_names(const struct assumption *assumption, const struct g2s_row *row)
{
	for (size_t i = 0; i < assumption->names.count; i++) {
		const char *name = assumption->names.items[i];
		if (g2s_sysno_number(row->arch, name) < 0) {
			cli_message(APPLET, "%s: %s: %s has no system call \"%s\"",
			            assumption->shown, row->binary, row->arch, name);
			return G2S_EXIT_USAGE;
		}
	}
	return G2S_EXIT_DONE;
}

static int check_one(const struct assumption *assumption, const struct g2s_streams *streams)
{
	const struct g2s_row *resolved = NULL;
	bool open = false;
	for (size_t i = 0; i < streams->row_count; i++) {
		const struct g2s_row *row = &streams->rows[i].row;
		if (!matches(assumption, row)) {
			continue;
		}
		if (row->number != G2S_NUMBER_UNKNOWN) {
			resolved = row;
			continue;
		}
		open = true;
		int status = check_names(assumption, row);
		if (status != G2S_EXIT_DONE) {
			return status;
		}
	}
	if (!open && resolved != NULL) {
		cli_message(APPLET, "%s: %s: the site is resolved already", assumption->shown,
		            resolved->binary);
		return G2S_EXIT_USAGE;
	}
	if (!open) {
		cli_message(APPLET, "warning: %s: matches no site", assumption->shown);
	}
	return G2S_EXIT_DONE;
}

/* Answers the unresolved row of that index by whatever matches it; false without memory. */
static bool answer(const struct assumptions *assumptions, struct g2s_streams *streams, size_t index)
{
	struct g2s_held_row held = streams->rows[index];
	size_t next = index;
	held.row.how = "assumed";
	held.row.syscall = NULL;
	for (size_t i = 0; i < assumptions->count; i++) {
		const struct assumption *assumption = &assumptions->items[i];
		if (!matches(assumption, &held.row)) {
			continue;
		}
		for (size_t j = 0; j < assumption->names.count; j++) {
			held.row.number = g2s_sysno_number(held.row.arch,
			                                   assumption->names.items[j]);
			/* The first takes the place of the question. */
			if (next == streams->row_count) {
				if (!g2s_grow(&streams->rows, &streams->row_capacity, next + 1,
				              sizeof(held))) {
					return no_memory();
				}
				streams->row_count++;
			}
			streams->rows[next] = held;
			next = streams->row_count;
		}
	}
	return true;
}

int assume_apply(const struct assumptions *assumptions, struct g2s_streams *streams)
{
	for (size_t i = 0; i < assumptions->count; i++) {
		int status = check_one(&assumptions->items[i], streams);
		if (status != G2S_EXIT_DONE) {
			return status;
		}
	}
	size_t count = streams->row_count;
	for (size_t i = 0; i < count && assumptions->count != 0; i++) {
		if (streams->rows[i].row.number == G2S_NUMBER_UNKNOWN &&
		    !answer(assumptions, streams, i)) {
			return G2S_EXIT_USAGE;
		}
	}
	return G2S_EXIT_DONE;
}
