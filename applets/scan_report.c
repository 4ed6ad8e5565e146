/* SPDX-License-Identifier: MIT */
#include "scan_report.h"

#include "g2s/image/link.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void report_say(struct report *report, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	vfprintf(report->messages, format, values);
	va_end(values);
	putc('\0', report->messages);
}

enum {
	/* Bytes of a function's or a file's name that rows have; of a longer one, and a mark. */
	LONGEST_NAME = 1000,
	MARK_ROOM = 4,
};

/* Copies bytes to a string that grows, with room for a mark; an empty one, or no memory, is "-". */
static const char *hold(char **text, size_t *size, struct g2s_bytes bytes)
{
	if (bytes.size + MARK_ROOM > *size) {
		char *grown = realloc(*text, bytes.size + MARK_ROOM);
		if (grown == NULL) {
			return "-";
		}
		*text = grown;
		*size = bytes.size + MARK_ROOM;
	}
	if (bytes.size == 0) {
		return "-";
	}
	memcpy(*text, bytes.data, bytes.size);
	(*text)[bytes.size] = '\0';
	return *text;
}

/*
 * What rows say of a name of the file: the first of its bytes, and a mark, when it is so long that
 * many rows with it would be very large.  A character is not cut.
 */
static struct g2s_bytes shorten(struct g2s_bytes name, const char **mark)
{
	*mark = "";
	if (name.size > LONGEST_NAME) {
		*mark = "...";
		name.size = LONGEST_NAME;
		while (name.size > LONGEST_NAME - 3 && (name.data[name.size] & 0xc0) == 0x80) {
			name.size--;
		}
	}
	return name;
}

/* "file:line" of an address, or "-". */
static const char *source_of(struct report *report, const struct g2s_program *program,
                             const struct g2s_function *function, uint64_t addr)
{
	struct g2s_bytes file;
	uint64_t line;
	if (!g2s_funcs_line(&program->funcs, function, addr, &file, &line)) {
		return "-";
	}
	const char *mark;
	file = shorten(file, &mark);
	size_t need = file.size + 32;
	if (need > report->source_size) {
		char *grown = realloc(report->source, need);
		if (grown == NULL) {
			return "-";
		}
		report->source = grown;
		report->source_size = need;
	}
	snprintf(report->source, report->source_size, "%.*s%s:%" PRIu64, (int)file.size,
	         (const char *)file.data, mark, line);
	return report->source;
}

/* The name of a function, as rows have it. */
static const char *name_of(struct report *report, struct g2s_bytes name)
{
	const char *mark;
	struct g2s_bytes part = shorten(name, &mark);
	const char *text = hold(&report->function, &report->function_size, part);
	if (text == report->function) {
		memcpy(report->function + part.size, mark, strlen(mark) + 1);
	}
	return text;
}

/*
 * A row for a site of the object that was moved by so much; chains is NULL when rows do not have
 * that column.
 */
static void write_site(struct report *report, const char *path, uint64_t moved,
                       const struct g2s_program *program, struct g2s_chains *chains,
                       const struct g2s_site *site)
{
	struct g2s_row row = {
		.binary = path,
		.arch = site->arch,
		.address = site->addr - moved,
		.via = site->via,
		.number = site->number,
		.how = site->how,
		.function = "-",
		.source = "-",
		.more = chains == NULL ? NULL : g2s_chains_text(chains, site->addr),
	};
	const struct g2s_function *function = g2s_funcs_find(&program->funcs, site->addr);
	struct g2s_bytes name;
	if (function != NULL) {
		if (g2s_funcs_name(&program->funcs, function, &name)) {
			row.function = name_of(report, name);
		}
		row.source = source_of(report, program, function, site->addr);
	}
	g2s_stream_row(&report->writer, &row);
}

static void write_binary(struct report *report, const char *path, const char *arch,
                         const struct g2s_goinfo *go)
{
	const struct g2s_binary binary = {
		.path = path,
		.arch = arch,
		.go_version = go->version[0] == '\0' ? NULL : go->version,
		.build_id = go->build_id[0] == '\0' ? NULL : go->build_id,
	};
	g2s_stream_binary(&report->writer, &binary);
}

/* Says which libraries were not read, and what of the result is therefore missing. */
static void write_needs(struct report *report, const char *path, const struct g2s_program *program,
                        const struct g2s_libs *libs)
{
	for (size_t i = 0; i < program->elf.needed_count; i++) {
		struct g2s_bytes library;
		const char *name = "?";
		if (g2s_elf_needed(&program->elf, i, &library)) {
			name = hold(&report->function, &report->function_size, library);
		}
		g2s_stream_needs(&report->writer, path, name);
		if (!report->quiet) {
			report_say(report, "warning: %s: what %s does is not in the result", path,
			           name);
		}
	}
	for (size_t i = 0; i < libs->missing_count; i++) {
		const struct g2s_missing *missing = &libs->missing[i];
		g2s_stream_needs(&report->writer, path, missing->name);
		if (!report->quiet) {
			report_say(report, "warning: %s: what %s does is not in the result: %s",
			           path, missing->name, missing->why);
		}
	}
	/* Who names libraries with --dlopen has said which those are. */
	if (report->answered) {
		return;
	}
	if (program->loads_unknown) {
		g2s_stream_needs(&report->writer, path, "dlopen(?)");
		if (!report->quiet) {
			report_say(report,
			           "warning: %s: it loads libraries whose names are not known "
			           "(dlopen; --dlopen=LIB adds one)",
			           path);
		}
	}
	if (program->looks_up_unknown && !program->loads_unknown) {
		g2s_stream_needs(&report->writer, path, "dlsym(?)");
		if (!report->quiet) {
			report_say(report,
			           "warning: %s: it looks up symbols whose names are not known "
			           "(dlsym)",
			           path);
		}
	}
}

/* The path of a library, as it is shown: with the root file system that it was found in. */
static const char *shown_path(struct report *report, const struct g2s_library *library)
{
	if (report->root == NULL) {
		return library->path;
	}
	size_t length = strlen(report->root);
	while (length > 0 && report->root[length - 1] == '/') {
		length--;
	}
	size_t need = length + strlen(library->path) + 1;
	if (need > report->shown_size) {
		char *grown = realloc(report->shown, need);
		if (grown == NULL) {
			return library->path;
		}
		report->shown = grown;
		report->shown_size = need;
	}
	memcpy(report->shown, report->root, length);
	strcpy(report->shown + length, library->path);
	return report->shown;
}

void report_program(struct report *report, const char *path, const struct g2s_program *program,
                          const struct g2s_libs *libs, struct g2s_chains *chains)
{
	const char *arch = program->arch->name;
	const struct g2s_link *link = program->link;
	size_t next = 0;
	write_binary(report, path, arch, &program->goinfo);
	write_needs(report, path, program, libs);
	for (size_t o = 0; o == 0 || (link != NULL && o < link->object_count); o++) {
		const struct g2s_object *object = link != NULL ? &link->objects[o] : NULL;
		const char *shown = path;
		if (o != 0) {
			struct g2s_goinfo info = {0};
			shown = shown_path(report, object->library);
			g2s_goinfo_read(&object->library->elf, &info);
			write_binary(report, shown, arch, &info);
		}
		for (; next < program->site_count &&
		       (object == NULL || program->sites[next].addr < object->range.end);
		     next++) {
			uint64_t moved = object != NULL ? object->moved : 0;
			write_site(report, shown, moved, program, chains, &program->sites[next]);
		}
	}
}

void report_free(struct report *report)
{
	free(report->function);
	free(report->source);
	free(report->shown);
}
