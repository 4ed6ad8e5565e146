/* SPDX-License-Identifier: MIT */
#include "g2s/image/libs.h"

#include "libs_parts.h"

#include "g2s/memory.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* Bounds for a hostile root file system; the largest desktop programs load some hundred. */
	MAX_LOADED = 1024,
	MAX_MISSING = 1024,
	MAX_TRIES = 1 << 18,
	/* Bytes of the places that one library was looked for in, when they are told. */
	MAX_PLACES = 4096,
	/* Directories of which it is kept what they have. */
	MAX_PLACES_KEPT = 256,
};

/* What became of a file that was tried. */
enum outcome {
	/* Look further: there is none, or it is of another machine. */
	OUTCOME_NOT_HERE,
	OUTCOME_LOADED,
	/* It is the one, and cannot be read: noted. */
	OUTCOME_BAD,
	OUTCOME_NO_MEMORY,
};

static struct g2s_bytes bytes_of(const char *text)
{
	return (struct g2s_bytes){(const uint8_t *)text, strlen(text)};
}

static enum g2s_code out_of_memory(struct g2s_error *err)
{
	return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
}

/* Whether this has been said of another object that needs the same. */
static bool is_noted(const struct g2s_libs *libs, const struct g2s_missing *missing)
{
	for (size_t i = 0; i < libs->missing_count; i++) {
		if (strcmp(libs->missing[i].name, missing->name) == 0 &&
		    strcmp(libs->missing[i].why, missing->why) == 0) {
			return true;
		}
	}
	return false;
}

bool libs_note(struct g2s_libs *libs, struct g2s_bytes name, size_t by, const char *format, ...)
{
	if (libs->missing_count > MAX_MISSING) {
		return true;
	}
	if (!g2s_grow(&libs->missing, &libs->missing_capacity, libs->missing_count + 1,
	              sizeof(*libs->missing))) {
		return false;
	}
	struct g2s_missing *missing = &libs->missing[libs->missing_count];
	*missing = (struct g2s_missing){.needed_by = by};
	if (libs->missing_count == MAX_MISSING) {
		missing->name = strdup("...");
		missing->why = strdup("more is missing than is told");
	} else {
		va_list args;
		va_start(args, format);
		missing->name = strndup((const char *)name.data, name.size);
		if (vasprintf(&missing->why, format, args) < 0) {
			missing->why = NULL;
		}
		va_end(args);
	}
	bool fine = missing->name != NULL && missing->why != NULL;
	if (!fine || is_noted(libs, missing)) {
		free(missing->name);
		free(missing->why);
		return fine;
	}
	libs->missing_count++;
	return true;
}

enum g2s_code libs_open_file(struct g2s_libs *libs, const char *path, struct g2s_file *file,
                             uint64_t *device, uint64_t *inode, struct g2s_error *err)
{
	*file = (struct g2s_file){0};
	if (libs->tries == MAX_TRIES) {
		return g2s_fail(err, G2S_ERR_READ, 0, "too many files were looked for");
	}
	libs->tries++;
	return libs->sysroot->open(libs->sysroot->user, path, file, device, inode, err);
}

/*
 * --- names
 */

static size_t hash_name(struct g2s_bytes name)
{
	/* FNV-1a */
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < name.size; i++) {
		hash = (hash ^ name.data[i]) * UINT64_C(0x100000001b3);
	}
	return (size_t)(hash ^ hash >> 32);
}

/* The place of a name in the table, which has room: its own, or an empty one. */
static struct g2s_libs_name *name_place(const struct g2s_libs *libs, struct g2s_bytes name)
{
	for (size_t at = hash_name(name);; at++) {
		struct g2s_libs_name *place = &libs->names[at & (libs->name_capacity - 1)];
		if (place->name == NULL || (strlen(place->name) == name.size &&
		                            memcmp(place->name, name.data, name.size) == 0)) {
			return place;
		}
	}
}

static bool grow_names(struct g2s_libs *libs)
{
	struct g2s_libs old = *libs;
	if (libs->name_count < libs->name_capacity / 2) {
		return true;
	}
	size_t capacity = old.name_capacity == 0 ? 64 : 2 * old.name_capacity;
	struct g2s_libs_name *names = calloc(capacity, sizeof(*names));
	if (names == NULL) {
		return false;
	}
	libs->names = names;
	libs->name_capacity = capacity;
	for (size_t i = 0; i < old.name_capacity; i++) {
		if (old.names[i].name != NULL) {
			*name_place(libs, bytes_of(old.names[i].name)) = old.names[i];
		}
	}
	free(old.names);
	return true;
}

/* The name stands for the object with that index from now on, unless it has a meaning already. */
static bool add_name(struct g2s_libs *libs, struct g2s_bytes name, size_t index)
{
	if (name.size == 0) {
		return true;
	}
	if (!grow_names(libs)) {
		return false;
	}
	struct g2s_libs_name *place = name_place(libs, name);
	if (place->name != NULL) {
		return true;
	}
	place->name = strndup((const char *)name.data, name.size);
	place->index = index;
	libs->name_count += place->name != NULL;
	return place->name != NULL;
}

/*
 * --- files
 */

static void free_library(struct g2s_library *library, bool close_file)
{
	g2s_dynamic_free(&library->dynamic);
	g2s_elf_free(&library->elf);
	if (close_file) {
		g2s_file_close(&library->file);
	}
	free(library->path);
	*library = (struct g2s_library){0};
}

/* The file is of another kind of machine than the program: the dynamic linker looks further. */
static bool is_foreign(const struct g2s_libs *libs, struct g2s_bytes file)
{
	const struct g2s_elf *program = &libs->items[0].elf;
	uint64_t magic, class, machine;
	return g2s_bytes_uint(file, 0, 4, &magic) && magic == 0x464c457f &&
	       g2s_bytes_uint(file, EI_CLASS, 1, &class) &&
	       g2s_bytes_uint(file, EI_NIDENT + 2, 2, &machine) &&
	       (machine != program->machine ||
	        class != (program->word == 8 ? ELFCLASS64 : ELFCLASS32));
}

/* Notes why the file at path, which the object with the index by calls name, is of no use. */
static enum outcome bad_file(struct g2s_libs *libs, struct g2s_bytes name, size_t by,
                             const char *path, const char *why)
{
	return libs_note(libs, name, by, "%s: %s", path, why) ? OUTCOME_BAD : OUTCOME_NO_MEMORY;
}

/* Opens the file at path for the object with the index by, which calls it name. */
static enum outcome open_library(struct g2s_libs *libs, struct g2s_bytes name, size_t by,
                                 const char *path, struct g2s_library *library)
{
	struct g2s_error err = {0};
	*library = (struct g2s_library){.needed_by = by};
	enum g2s_code code = libs_open_file(libs, path, &library->file, &library->device,
	                                    &library->inode, &err);
	if (code == G2S_ERR_MEMORY) {
		return OUTCOME_NO_MEMORY;
	}
	if (code != G2S_OK) {
		return err.text[0] == '\0' ? OUTCOME_NOT_HERE
		                           : bad_file(libs, name, by, path, err.text);
	}
	if (is_foreign(libs, library->file.bytes)) {
		g2s_file_close(&library->file);
		return OUTCOME_NOT_HERE;
	}
	return OUTCOME_LOADED;
}

/* Reads the headers of an object; one whose code is elsewhere is of no use. */
static enum g2s_code open_object(struct g2s_elf *elf, struct g2s_bytes bytes, struct g2s_error *err)
{
	enum g2s_code code = g2s_elf_open(elf, bytes, err);
	if (code == G2S_OK && g2s_elf_lacks_code(elf)) {
		code = g2s_fail(err, G2S_ERR_FORMAT, 0,
		                "its code is not in the file (separate debug information?)");
	}
	return code;
}

/*
 * Takes room in the image for a library.  One that claims too much, as damaged ones do, must not
 * cost the program and the others theirs.
 */
static enum g2s_code take_room(struct g2s_libs *libs, const struct g2s_elf *elf,
                               struct g2s_error *err)
{
	const struct g2s_elf *program = &libs->items[0].elf;
	struct g2s_range room = libs_room(program);
	struct g2s_range extent = libs_extent(elf);
	struct g2s_range own = libs_extent(program);
	/* All code must be within 4 GiB. */
	uint64_t left = UINT64_C(1) << 32;
	left = left < room.end - room.start ? left : room.end - room.start;
	uint64_t size = extent.end - extent.start;
	uint64_t taken = libs->taken;
	if (program->type != ET_EXEC) {
		/* It is moved itself. */
		taken += own.end - own.start + LIBS_PLACE_MARGIN;
	}
	if (taken > left || left - taken < LIBS_PLACE_MARGIN ||
	    size > left - taken - LIBS_PLACE_MARGIN) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0,
		                "it claims more memory than there is beside the others");
	}
	libs->taken += size + LIBS_PLACE_MARGIN;
	return G2S_OK;
}

/* Reads a file that has been opened so; one that is of no use is closed. */
static enum outcome read_library(struct g2s_libs *libs, struct g2s_bytes name, size_t by,
                                 const char *path, struct g2s_library *library)
{
	struct g2s_error err = {0};
	enum g2s_code code = open_object(&library->elf, library->file.bytes, &err);
	if (code == G2S_OK) {
		code = g2s_dynamic_read(&library->dynamic, &library->elf, &err);
	}
	if (code == G2S_OK) {
		code = take_room(libs, &library->elf, &err);
	}
	if (code == G2S_OK) {
		library->path = strdup(path);
		code = library->path == NULL ? G2S_ERR_MEMORY : G2S_OK;
	}
	if (code == G2S_OK) {
		return OUTCOME_LOADED;
	}
	free_library(library, true);
	return code == G2S_ERR_MEMORY ? OUTCOME_NO_MEMORY
	                              : bad_file(libs, name, by, path, err.text);
}

/* Puts an object behind the others; it is no longer the caller's. */
static bool append(struct g2s_libs *libs, struct g2s_library *library)
{
	if (!g2s_grow(&libs->items, &libs->capacity, libs->count + 1, sizeof(*libs->items))) {
		return false;
	}
	libs->items[libs->count++] = *library;
	*library = (struct g2s_library){0};
	return libs_note_unknown(libs, libs->count - 1);
}

/* The interpreter takes its place behind what has been loaded so far. */
static bool place_interpreter(struct g2s_libs *libs, size_t by)
{
	if (!libs->is_pending) {
		return true;
	}
	libs->pending.needed_by = by;
	libs->is_pending = false;
	libs->interpreter = libs->count;
	return append(libs, &libs->pending);
}

/* The index of the object that is this very file; false when there is none. */
static bool find_file(struct g2s_libs *libs, const struct g2s_library *file, size_t *index)
{
	for (size_t i = 0; i < libs->count; i++) {
		const struct g2s_library *item = &libs->items[i];
		if (item->file.bytes.data != NULL && item->device == file->device &&
		    item->inode == file->inode && (i != 0 || item->inode != 0)) {
			*index = i;
			return true;
		}
	}
	*index = SIZE_MAX;
	return libs->is_pending && libs->pending.device == file->device &&
	       libs->pending.inode == file->inode;
}

/* Loads the file at path, or finds that it is loaded. */
static enum outcome try_file(struct g2s_libs *libs, struct g2s_bytes name, size_t by,
                             const char *path, size_t *index)
{
	struct g2s_library library;
	enum outcome outcome = open_library(libs, name, by, path, &library);
	if (outcome != OUTCOME_LOADED) {
		return outcome;
	}
	if (find_file(libs, &library, index)) {
		free_library(&library, true);
		bool fine = *index != SIZE_MAX || place_interpreter(libs, by);
		*index = *index != SIZE_MAX ? *index : libs->interpreter;
		return fine && add_name(libs, name, *index) ? OUTCOME_LOADED : OUTCOME_NO_MEMORY;
	}
	if (libs->count == MAX_LOADED) {
		free_library(&library, true);
		return bad_file(libs, name, by, path, "more libraries than are loaded");
	}
	outcome = read_library(libs, name, by, path, &library);
	if (outcome != OUTCOME_LOADED) {
		return outcome;
	}
	*index = libs->count;
	struct g2s_bytes soname = library.dynamic.soname;
	struct g2s_bytes filter = library.dynamic.filter;
	if (!append(libs, &library)) {
		free_library(&library, true);
		return OUTCOME_NO_MEMORY;
	}
	bool fine = add_name(libs, name, *index) && add_name(libs, soname, *index) &&
	            (filter.size == 0 ||
	             libs_note(libs, filter, *index, "a filter or an auditor is not read"));
	return fine ? OUTCOME_LOADED : OUTCOME_NO_MEMORY;
}

/*
 * --- searches
 */

/* The search for one library. */
struct search {
	struct g2s_libs *libs;
	struct g2s_bytes name;
	size_t by;
	enum outcome outcome;
	size_t index;
	/* The places that were looked in, in words. */
	FILE *places;
	size_t places_size;
};

/*
 * Which of the directories for some processors a directory has: most have none, and that is asked
 * once.  False when memory ran out.
 */
static bool find_variants(struct g2s_libs *libs, const char *directory, unsigned *variants)
{
	const char *const *names = libs_processor_directories(libs);
	for (size_t i = 0; i < libs->place_count; i++) {
		if (strcmp(libs->places[i].directory, directory) == 0) {
			*variants = libs->places[i].variants;
			return true;
		}
	}
	*variants = 0;
	for (size_t i = 0; names[i] != NULL; i++) {
		struct g2s_file file;
		struct g2s_error err = {0};
		uint64_t device, inode;
		char *path = NULL;
		if (asprintf(&path, "%s/%s", directory, names[i]) < 0) {
			return false;
		}
		/* A directory cannot be read: that says that there is one. */
		enum g2s_code code = libs_open_file(libs, path, &file, &device, &inode, &err);
		if (code == G2S_OK) {
			g2s_file_close(&file);
		} else if (err.text[0] != '\0') {
			*variants |= 1U << i;
		}
		free(path);
		if (code == G2S_ERR_MEMORY) {
			return false;
		}
	}
	if (libs->place_count == MAX_PLACES_KEPT) {
		return true;
	}
	char *copy = strdup(directory);
	if (copy == NULL || !g2s_grow(&libs->places, &libs->place_capacity, libs->place_count + 1,
	                              sizeof(*libs->places))) {
		free(copy);
		return false;
	}
	libs->places[libs->place_count++] = (struct g2s_libs_place){copy, *variants};
	return true;
}

/* Notes the files that glibc would take on other processors in place of the one in directory. */
static bool note_variants(struct search *search, const char *directory)
{
	struct g2s_libs *libs = search->libs;
	const char *const *variants = libs_processor_directories(libs);
	unsigned there;
	if (!find_variants(libs, directory, &there)) {
		return false;
	}
	for (size_t i = 0; variants[i] != NULL; i++) {
		if ((there >> i & 1) == 0) {
			continue;
		}
		struct g2s_library variant;
		size_t same;
		char *path = NULL;
		if (asprintf(&path, "%s/%s/%.*s", directory, variants[i], (int)search->name.size,
		             (const char *)search->name.data) < 0) {
			return false;
		}
		enum outcome outcome = open_library(libs, search->name, search->by, path, &variant);
		bool fine = outcome != OUTCOME_NO_MEMORY;
		if (outcome == OUTCOME_LOADED) {
			fine = find_file(libs, &variant, &same) ||
			       libs_note(libs, search->name, search->by,
			                 "%s is taken on some processors, and is not read", path);
			g2s_file_close(&variant.file);
		}
		free(path);
		if (!fine) {
			return false;
		}
	}
	return true;
}

static bool try_directory(void *to, const char *directory)
{
	struct search *search = to;
	char *path = NULL;
	if (search->places_size < MAX_PLACES) {
		int size = fprintf(search->places, "%s%s", search->places_size == 0 ? "" : ", ",
		                   directory);
		search->places_size += size < 0 ? 0 : (size_t)size;
		(void)fputs(search->places_size < MAX_PLACES ? "" : ", ...", search->places);
	}
	if (directory[0] != '/') {
		return true;
	}
	const char *slash = directory[1] == '\0' ? "" : "/";
	if (asprintf(&path, "%s%s%.*s", directory, slash, (int)search->name.size,
	             (const char *)search->name.data) < 0) {
		search->outcome = OUTCOME_NO_MEMORY;
		return false;
	}
	search->outcome = try_file(search->libs, search->name, search->by, path, &search->index);
	free(path);
	if (search->outcome != OUTCOME_NO_MEMORY && !note_variants(search, directory)) {
		search->outcome = OUTCOME_NO_MEMORY;
	}
	return search->outcome == OUTCOME_NOT_HERE;
}

/* A name without a slash, in the directories of the object that needs it. */
static enum outcome search_name(struct search *search, bool required)
{
	char *places = NULL;
	size_t size = 0;
	search->places = open_memstream(&places, &size);
	if (search->places == NULL) {
		return OUTCOME_NO_MEMORY;
	}
	bool fine = libs_directories(search->libs, search->by, try_directory, search);
	if (fclose(search->places) != 0 || !fine) {
		search->outcome = OUTCOME_NO_MEMORY;
	}
	if (search->outcome == OUTCOME_NOT_HERE && required &&
	    !libs_note(search->libs, search->name, search->by, "not found in %s", places)) {
		search->outcome = OUTCOME_NO_MEMORY;
	}
	free(places);
	return search->outcome;
}

/* A name with a slash: a path. */
static enum outcome search_path(struct search *search, bool required)
{
	struct g2s_libs *libs = search->libs;
	char *path = libs_expand(libs, search->by, search->name, "lib");
	if (path == NULL) {
		return OUTCOME_NO_MEMORY;
	}
	bool noted = true;
	if (path[0] == '/') {
		search->outcome =
			try_file(libs, search->name, search->by, path, &search->index);
		if (search->outcome == OUTCOME_NOT_HERE && required) {
			noted = libs_note(libs, search->name, search->by, "not found");
		}
	} else {
		search->outcome = OUTCOME_BAD;
		noted = libs_note(libs, search->name, search->by,
		                  "a path that is not known here: %s", path);
	}
	free(path);
	return noted ? search->outcome : OUTCOME_NO_MEMORY;
}

/* Names that musl's dynamic linker takes for itself (load_library in ldso/dynlink.c). */
static bool is_musl_itself(struct g2s_bytes name)
{
	static const char *const reserved[] = {
		"libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet.",
	};
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		size_t length = strlen(reserved[i]);
		if (name.size >= length && memcmp(name.data, reserved[i], length) == 0) {
			return true;
		}
	}
	return false;
}

/* Loads what the object with the index by calls name; SIZE_MAX when that fails. */
static bool find(struct g2s_libs *libs, struct g2s_bytes name, size_t by, bool required,
                 size_t *index)
{
	struct search search = {.libs = libs, .name = name, .by = by, .index = SIZE_MAX};
	bool known = libs->name_count != 0 && name_place(libs, name)->name != NULL;
	bool interpreter = libs->interpreter != SIZE_MAX || libs->is_pending;
	*index = known ? name_place(libs, name)->index : SIZE_MAX;
	if ((known && *index == SIZE_MAX) ||
	    (!known && interpreter && libs_is_musl(libs) && is_musl_itself(name))) {
		if (!place_interpreter(libs, by)) {
			return false;
		}
		*index = libs->interpreter;
		return true;
	}
	if (known) {
		return true;
	}
	bool slash = g2s_bytes_find(name, 0, "/", 1) != SIZE_MAX;
	enum outcome outcome = name.size == 0 ? OUTCOME_NOT_HERE
	                       : slash        ? search_path(&search, required)
	                                      : search_name(&search, required);
	*index = outcome == OUTCOME_LOADED ? search.index : SIZE_MAX;
	return outcome != OUTCOME_NO_MEMORY;
}

/* Loads what the objects from index first on need, breadth first. */
static bool load_needs(struct g2s_libs *libs, size_t first)
{
	for (size_t i = first; i < libs->count; i++) {
		for (size_t k = 0; k < libs->items[i].dynamic.needed_count; k++) {
			size_t index;
			if (!find(libs, libs->items[i].dynamic.needed[k], i, true, &index)) {
				return false;
			}
		}
	}
	return true;
}

/*
 * --- what is asked for
 */

enum g2s_code g2s_libs_open(struct g2s_libs *libs, struct g2s_bytes program, const char *path,
                            const struct g2s_sysroot *sysroot, struct g2s_error *err)
{
	*libs = (struct g2s_libs){.sysroot = sysroot, .interpreter = SIZE_MAX};
	if (!g2s_grow(&libs->items, &libs->capacity, 1, sizeof(*libs->items))) {
		return out_of_memory(err);
	}
	struct g2s_library *item = &libs->items[libs->count++];
	*item = (struct g2s_library){.file = {program}};
	if (path != NULL && (item->path = strdup(path)) == NULL) {
		return out_of_memory(err);
	}
	enum g2s_code code = open_object(&item->elf, program, err);
	if (code == G2S_OK) {
		code = g2s_dynamic_read(&item->dynamic, &item->elf, err);
	}
	if (code != G2S_OK) {
		return code;
	}
	struct g2s_bytes filter = item->dynamic.filter;
	bool fine = add_name(libs, item->dynamic.soname, 0) && libs_note_unknown(libs, 0) &&
	            (filter.size == 0 ||
	             libs_note(libs, filter, 0, "a filter or an auditor is not read"));
	return fine ? G2S_OK : out_of_memory(err);
}

/* Opens the interpreter, which is there before anything needs it. */
static bool open_interpreter(struct g2s_libs *libs)
{
	struct g2s_bytes name = libs->items[0].dynamic.interpreter;
	if (name.size == 0) {
		return true;
	}
	char *path = strndup((const char *)name.data, name.size);
	if (path == NULL) {
		return false;
	}
	enum outcome outcome = path[0] == '/' ? open_library(libs, name, 0, path, &libs->pending)
	                                      : OUTCOME_NOT_HERE;
	if (outcome == OUTCOME_LOADED) {
		outcome = read_library(libs, name, 0, path, &libs->pending);
	}
	free(path);
	if (outcome == OUTCOME_NOT_HERE) {
		return libs_note(libs, name, 0, "the ELF interpreter is not found");
	}
	libs->is_pending = outcome == OUTCOME_LOADED;
	return outcome == OUTCOME_BAD ||
	       (libs->is_pending && add_name(libs, name, SIZE_MAX) &&
	        add_name(libs, libs->pending.dynamic.soname, SIZE_MAX));
}

/* glibc loads the libraries of /etc/ld.so.preload first, into every program. */
static bool preload(struct g2s_libs *libs)
{
	struct g2s_file file;
	struct g2s_error err = {0};
	uint64_t device, inode;
	enum g2s_code code = G2S_ERR_READ;
	if (libs->is_pending && !libs_is_musl(libs)) {
		code = libs_open_file(libs, "/etc/ld.so.preload", &file, &device, &inode, &err);
	}
	if (code != G2S_OK) {
		return code != G2S_ERR_MEMORY &&
		       (err.text[0] == '\0' ||
		        libs_note(libs, bytes_of("/etc/ld.so.preload"), 0, "%s", err.text));
	}
	char *text = strndup(file.bytes.size == 0 ? "" : (const char *)file.bytes.data,
	                     file.bytes.size);
	g2s_file_close(&file);
	bool fine = text != NULL;
	char *rest = NULL;
	for (char *line = fine ? strtok_r(text, "\n", &rest) : NULL; fine && line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *names = NULL;
		line[strcspn(line, "#")] = '\0';
		for (char *name = strtok_r(line, ": \t", &names); fine && name != NULL;
		     name = strtok_r(NULL, ": \t", &names)) {
			size_t index;
			fine = find(libs, bytes_of(name), 0, true, &index);
		}
	}
	free(text);
	return fine;
}

enum g2s_code g2s_libs_load(struct g2s_libs *libs, struct g2s_error *err)
{
	if (!open_interpreter(libs) || !preload(libs) || !load_needs(libs, 0)) {
		return out_of_memory(err);
	}
	size_t first = libs->count;
	if (!place_interpreter(libs, 0) || !load_needs(libs, first)) {
		return out_of_memory(err);
	}
	libs->started = libs->count;
	return G2S_OK;
}

enum g2s_code g2s_libs_add(struct g2s_libs *libs, const char *name, size_t by, bool required,
                           size_t *index, struct g2s_error *err)
{
	size_t first = libs->count;
	if (!find(libs, bytes_of(name), by, required, index) || !load_needs(libs, first)) {
		return out_of_memory(err);
	}
	return G2S_OK;
}

void g2s_libs_free(struct g2s_libs *libs)
{
	free(libs->roots);
	for (size_t i = 0; i < libs->count; i++) {
		free_library(&libs->items[i], i != 0);
	}
	free_library(&libs->pending, true);
	for (size_t i = 0; i < libs->missing_count; i++) {
		free(libs->missing[i].name);
		free(libs->missing[i].why);
	}
	for (size_t i = 0; i < libs->directory_count; i++) {
		free(libs->directories[i]);
	}
	for (size_t i = 0; i < libs->name_capacity; i++) {
		free(libs->names[i].name);
	}
	for (size_t i = 0; i < libs->place_count; i++) {
		free(libs->places[i].directory);
	}
	free(libs->places);
	free(libs->items);
	free(libs->missing);
	free(libs->directories);
	free(libs->names);
	*libs = (struct g2s_libs){0};
}
