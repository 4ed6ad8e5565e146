/* SPDX-License-Identifier: MIT */
#include "g2s/streams.h"

#include "g2s/memory.h"

#include <stdlib.h>
#include <string.h>

/*
 * --- strings
 * -----------------------------------------------------------------------------------
 */

struct g2s_streams_block {
	struct g2s_streams_block *next;
	size_t used;
	size_t size;
	char text[];
};

enum { BLOCK_SIZE = 65536 };

const char *g2s_streams_hold(struct g2s_streams *streams, const char *text)
{
	size_t size = strlen(text) + 1;
	struct g2s_streams_block *block = streams->blocks;
	if (block == NULL || block->size - block->used < size) {
		size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
		block = malloc(sizeof(*block) + room);
		if (block == NULL) {
			return NULL;
		}
		*block = (struct g2s_streams_block){.next = streams->blocks, .size = room};
		streams->blocks = block;
	}
	char *copy = block->text + block->used;
	memcpy(copy, text, size);
	block->used += size;
	return copy;
}

/*
 * Replaces *text by a copy that stays.  last is what stood in the same place one line before:
 * most rows repeat most of it, and then it is not copied again.
 */
static bool keep(struct g2s_streams *streams, const char **text, const char *last)
{
	if (*text == NULL) {
		return true;
	}
	if (last != NULL && strcmp(*text, last) == 0) {
		*text = last;
		return true;
	}
	*text = g2s_streams_hold(streams, *text);
	return *text != NULL;
}

/*
 * --- reading
 * -----------------------------------------------------------------------------------
 */

static enum g2s_code no_memory(struct g2s_error *err)
{
	return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
}

/* Makes *path a copy that stays, and *file the index of its entry in files. */
static bool keep_path(struct g2s_streams *streams, const char **path, size_t *file)
{
	size_t count = streams->file_count;
	const char *last = count > 0 ? streams->files[count - 1] : NULL;
	if (!keep(streams, path, last)) {
		return false;
	}
	if (*path != last) {
		if (!g2s_grow(&streams->files, &streams->file_capacity, count + 1,
		              sizeof(streams->files[0]))) {
			return false;
		}
		streams->files[streams->file_count++] = *path;
	}
	*file = streams->file_count - 1;
	return true;
}

static enum g2s_code add_binary(void *user, const struct g2s_binary *binary, struct g2s_error *err)
{
	struct g2s_streams *streams = user;
	struct g2s_held_binary held = {.about = *binary};
	if (!g2s_grow(&streams->binaries, &streams->binary_capacity, streams->binary_count + 1,
	              sizeof(held)) ||
	    !keep_path(streams, &held.about.path, &held.file) ||
	    !keep(streams, &held.about.arch, NULL) ||
	    !keep(streams, &held.about.go_version, NULL) ||
	    !keep(streams, &held.about.build_id, NULL)) {
		return no_memory(err);
	}
	streams->binaries[streams->binary_count++] = held;
	return G2S_OK;
}

static enum g2s_code add_need(void *user, const char *path, const char *library,
                              struct g2s_error *err)
{
	struct g2s_streams *streams = user;
	struct g2s_need held = {.path = path, .library = library};
	if (!g2s_grow(&streams->needs, &streams->need_capacity, streams->need_count + 1,
	              sizeof(held)) ||
	    !keep_path(streams, &held.path, &held.file) || !keep(streams, &held.library, NULL)) {
		return no_memory(err);
	}
	streams->needs[streams->need_count++] = held;
	return G2S_OK;
}

static enum g2s_code add_unread(void *user, const char *path, const char *why,
                                struct g2s_error *err)
{
	struct g2s_streams *streams = user;
	struct g2s_unread held = {.path = path, .why = why};
	if (!g2s_grow(&streams->unread, &streams->unread_capacity, streams->unread_count + 1,
	              sizeof(held)) ||
	    !keep_path(streams, &held.path, &held.file) || !keep(streams, &held.why, NULL)) {
		return no_memory(err);
	}
	streams->unread[streams->unread_count++] = held;
	return G2S_OK;
}

static enum g2s_code add_row(void *user, const struct g2s_row *row, struct g2s_error *err)
{
	struct g2s_streams *streams = user;
	if (!g2s_grow(&streams->rows, &streams->row_capacity, streams->row_count + 1,
	              sizeof(streams->rows[0]))) {
		return no_memory(err);
	}
	struct g2s_held_row held = {.row = *row};
	struct g2s_row last = {0};
	if (streams->row_count > 0) {
		last = streams->rows[streams->row_count - 1].row;
	}
	if (!keep_path(streams, &held.row.binary, &held.file) ||
	    !keep(streams, &held.row.arch, last.arch) || !keep(streams, &held.row.via, last.via) ||
	    !keep(streams, &held.row.how, last.how) ||
	    !keep(streams, &held.row.function, last.function) ||
	    !keep(streams, &held.row.source, last.source) ||
	    !keep(streams, &held.row.syscall, last.syscall) ||
	    !keep(streams, &held.row.more, last.more)) {
		return no_memory(err);
	}
	streams->rows[streams->row_count++] = held;
	return G2S_OK;
}

enum g2s_code g2s_streams_read(struct g2s_streams *streams, FILE *in, bool partial,
                               struct g2s_error *err)
{
	const struct g2s_stream_handler handler = {
		.binary = add_binary,
		.needs = add_need,
		.unread = add_unread,
		.row = add_row,
		.user = streams,
	};
	return g2s_stream_read(in, partial, &handler, err);
}

/*
 * --- the union
 * ---------------------------------------------------------------------------------
 */

static int compare_text(const char *a, const char *b)
{
	if (a == b) {
		return 0;
	}
	if (a == NULL || b == NULL) {
		return a == NULL ? -1 : 1;
	}
	return strcmp(a, b);
}

static int compare_size(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int compare_binary(const void *left, const void *right)
{
	const struct g2s_held_binary *a = left;
	const struct g2s_held_binary *b = right;
	int order = compare_size(a->file, b->file);
	order = order != 0 ? order : compare_text(a->about.arch, b->about.arch);
	order = order != 0 ? order : compare_text(a->about.go_version, b->about.go_version);
	return order != 0 ? order : compare_text(a->about.build_id, b->about.build_id);
}

static int compare_need(const void *left, const void *right)
{
	const struct g2s_need *a = left;
	const struct g2s_need *b = right;
	int order = compare_size(a->file, b->file);
	return order != 0 ? order : compare_text(a->library, b->library);
}

static int compare_unread(const void *left, const void *right)
{
	const struct g2s_unread *a = left;
	const struct g2s_unread *b = right;
	int order = compare_size(a->file, b->file);
	return order != 0 ? order : compare_text(a->why, b->why);
}

/* Compares what two rows say, without the further columns, which only describe. */
static int compare_said(const struct g2s_held_row *a, const struct g2s_held_row *b)
{
	int order = compare_size(a->file, b->file);
	if (order == 0) {
		order = (a->row.address > b->row.address) - (a->row.address < b->row.address);
	}
	if (order == 0) {
		order = (a->row.number > b->row.number) - (a->row.number < b->row.number);
	}
	order = order != 0 ? order : compare_text(a->row.arch, b->row.arch);
	order = order != 0 ? order : compare_text(a->row.via, b->row.via);
	order = order != 0 ? order : compare_text(a->row.how, b->row.how);
	order = order != 0 ? order : compare_text(a->row.function, b->row.function);
	order = order != 0 ? order : compare_text(a->row.source, b->row.source);
	return order != 0 ? order : compare_text(a->row.syscall, b->row.syscall);
}

static int compare_row(const void *left, const void *right)
{
	const struct g2s_held_row *a = left;
	const struct g2s_held_row *b = right;
	int order = compare_said(a, b);
	return order != 0 ? order : compare_text(a->row.more, b->row.more);
}

/* Sorts items and drops all but one of equal ones; returns how many are left. */
static size_t sort_unique(void *items, size_t count, size_t size,
                          int (*compare)(const void *, const void *))
{
	if (count == 0) {
		return 0;
	}
	qsort(items, count, size, compare);
	char *base = items;
	size_t kept = 1;
	for (size_t i = 1; i < count; i++) {
		if (compare(base + (kept - 1) * size, base + i * size) != 0) {
			memmove(base + kept * size, base + i * size, size);
			kept++;
		}
	}
	return kept;
}

/*
 * Drops rows without further columns that stand right before the same row with some, as they do
 * when sorted.
 */
static void drop_bare(struct g2s_streams *streams)
{
	struct g2s_held_row *rows = streams->rows;
	size_t kept = 0;
	for (size_t i = 0; i < streams->row_count; i++) {
		bool bare = rows[i].row.more == NULL && i + 1 < streams->row_count &&
		            compare_said(&rows[i], &rows[i + 1]) == 0;
		if (!bare) {
			rows[kept++] = rows[i];
		}
	}
	streams->row_count = kept;
}

struct named_file {
	const char *path;
	/* Where it stands in files. */
	size_t index;
};

static int compare_named(const void *left, const void *right)
{
	const struct named_file *a = left;
	const struct named_file *b = right;
	int order = strcmp(a->path, b->path);
	return order != 0 ? order : compare_size(a->index, b->index);
}

/*
 * Drops every repeated path from files and fills renamed, which has an entry for each old index,
 * with the new indices.
 */
static enum g2s_code unite_files(struct g2s_streams *streams, size_t *renamed)
{
	size_t count = streams->file_count;
	struct named_file *named = calloc(count, sizeof(*named));
	if (named == NULL) {
		return G2S_ERR_MEMORY;
	}
	for (size_t i = 0; i < count; i++) {
		named[i] = (struct named_file){.path = streams->files[i], .index = i};
	}
	qsort(named, count, sizeof(*named), compare_named);
	/* First to the index at which each path was named first ... */
	for (size_t i = 0; i < count; i++) {
		bool repeated = i > 0 && strcmp(named[i - 1].path, named[i].path) == 0;
		renamed[named[i].index] = repeated ? renamed[named[i - 1].index] : named[i].index;
	}
	free(named);
	/* ... then to what that index becomes without the repetitions before it. */
	streams->file_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (renamed[i] == i) {
			streams->files[streams->file_count] = streams->files[i];
			renamed[i] = streams->file_count++;
		} else {
			renamed[i] = renamed[renamed[i]];
		}
	}
	return G2S_OK;
}

enum g2s_code g2s_streams_unite(struct g2s_streams *streams, struct g2s_error *err)
{
	if (streams->file_count == 0) {
		return G2S_OK;
	}
	size_t *renamed = calloc(streams->file_count, sizeof(*renamed));
	if (renamed == NULL || unite_files(streams, renamed) != G2S_OK) {
		free(renamed);
		return no_memory(err);
	}
	for (size_t i = 0; i < streams->binary_count; i++) {
		streams->binaries[i].file = renamed[streams->binaries[i].file];
	}
	for (size_t i = 0; i < streams->need_count; i++) {
		streams->needs[i].file = renamed[streams->needs[i].file];
	}
	for (size_t i = 0; i < streams->unread_count; i++) {
		streams->unread[i].file = renamed[streams->unread[i].file];
	}
	for (size_t i = 0; i < streams->row_count; i++) {
		streams->rows[i].file = renamed[streams->rows[i].file];
	}
	free(renamed);
	streams->binary_count = sort_unique(streams->binaries, streams->binary_count,
	                                    sizeof(streams->binaries[0]), compare_binary);
	streams->need_count = sort_unique(streams->needs, streams->need_count,
	                                  sizeof(streams->needs[0]), compare_need);
	streams->unread_count = sort_unique(streams->unread, streams->unread_count,
	                                    sizeof(streams->unread[0]), compare_unread);
	streams->row_count = sort_unique(streams->rows, streams->row_count,
	                                 sizeof(streams->rows[0]), compare_row);
	drop_bare(streams);
	return G2S_OK;
}

void g2s_streams_write(const struct g2s_streams *streams, FILE *out)
{
	struct g2s_stream_writer writer;
	size_t binary = 0;
	size_t need = 0;
	size_t unread = 0;
	size_t row = 0;
	g2s_stream_begin(&writer, out);
	for (size_t file = 0; file < streams->file_count; file++) {
		for (; binary < streams->binary_count && streams->binaries[binary].file == file;
		     binary++) {
			g2s_stream_binary(&writer, &streams->binaries[binary].about);
		}
		for (; need < streams->need_count && streams->needs[need].file == file; need++) {
			g2s_stream_needs(&writer, streams->needs[need].path,
			                 streams->needs[need].library);
		}
		for (; unread < streams->unread_count && streams->unread[unread].file == file;
		     unread++) {
			g2s_stream_unread(&writer, streams->unread[unread].path,
			                  streams->unread[unread].why);
		}
		for (; row < streams->row_count && streams->rows[row].file == file; row++) {
			g2s_stream_row(&writer, &streams->rows[row].row);
		}
	}
	g2s_stream_end(&writer);
}

void g2s_streams_free(struct g2s_streams *streams)
{
	while (streams->blocks != NULL) {
		struct g2s_streams_block *next = streams->blocks->next;
		free(streams->blocks);
		streams->blocks = next;
	}
	free(streams->binaries);
	free(streams->needs);
	free(streams->unread);
	free(streams->rows);
	free(streams->files);
	*streams = (struct g2s_streams){0};
}
