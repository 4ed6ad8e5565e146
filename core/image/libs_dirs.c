/* SPDX-License-Identifier: MIT */
/* Where libraries are looked for: what objects say, ld.so.conf or musl's path file, defaults. */
#include "libs_parts.h"

#include "g2s/memory.h"

#include <elf.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* Far above what packages install; they bound what a hostile root file system costs. */
	MAX_DIRECTORIES = 1024,
	MAX_IN_LIST = 1024,
	MAX_INCLUDES = 8,
	MAX_CONFIG_FILES = 512,
};

/* What the dynamic linkers of a machine know. */
struct machine {
	uint16_t machine;
	/* AT_PLATFORM */
	const char *platform;
	/* Below / and /usr, in order; these are what $LIB can be, too. */
	const char *directories[5];
	/* glibc 2.33 and later; behind it, what those before 2.37 looked in. */
	const char *processor[8];
};

static const struct machine MACHINES[] = {
	{EM_X86_64, "x86_64", {"lib/x86_64-linux-gnu", "lib64", "lib"},
	 {"glibc-hwcaps/x86-64-v4", "glibc-hwcaps/x86-64-v3", "glibc-hwcaps/x86-64-v2", "tls",
	  "haswell", "avx512_1", "x86_64"}},
	{EM_386, "i686", {"lib/i386-linux-gnu", "lib32", "lib"}, {"tls", "i686", "sse2"}},
	{EM_AARCH64, "aarch64", {"lib/aarch64-linux-gnu", "lib64", "lib"}, {"tls", "atomics"}},
	{EM_ARM, "v7l", {"lib/arm-linux-gnueabihf", "lib/arm-linux-gnueabi", "lib"},
	 {"tls", "neon", "vfp"}},
};

static const struct machine *machine_of(const struct g2s_libs *libs)
{
	static const struct machine none = {0, NULL, {"lib64", "lib"}, {NULL}};
	for (size_t i = 0; i < sizeof(MACHINES) / sizeof(MACHINES[0]); i++) {
		if (MACHINES[i].machine == libs->items[0].elf.machine) {
			return &MACHINES[i];
		}
	}
	return &none;
}

const char *const *libs_processor_directories(const struct g2s_libs *libs)
{
	static const char *const none[] = {NULL};
	return libs_is_musl(libs) ? none : machine_of(libs)->processor;
}

/* The part of a path behind its last slash. */
static struct g2s_bytes base_name(struct g2s_bytes path)
{
	size_t at = path.size;
	while (at != 0 && path.data[at - 1] != '/') {
		at--;
	}
	(void)g2s_bytes_slice(path, at, path.size - at, &path);
	return path;
}

static bool begins_with(struct g2s_bytes text, const char *start)
{
	size_t length = strlen(start);
	return text.size >= length && memcmp(text.data, start, length) == 0;
}

bool libs_is_musl(const struct g2s_libs *libs)
{
	return begins_with(base_name(libs->items[0].dynamic.interpreter), "ld-musl-");
}

/*
 * --- tokens
 */

/* The length of the token $NAME or ${NAME} at the start of text; 0 when it is none. */
static size_t token_length(struct g2s_bytes text, const char *name)
{
	size_t length = strlen(name);
	bool braces = text.size > 1 && text.data[1] == '{';
	size_t from = braces ? 2 : 1;
	if (text.size < from + length || text.data[0] != '$' ||
	    memcmp(text.data + from, name, length) != 0) {
		return 0;
	}
	uint8_t next = from + length < text.size ? text.data[from + length] : 0;
	if (braces) {
		return next == '}' ? from + length + 1 : 0;
	}
	bool goes_on = (next >= 'A' && next <= 'Z') || (next >= 'a' && next <= 'z') ||
	               (next >= '0' && next <= '9') || next == '_';
	return goes_on ? 0 : from + length;
}

static bool has_token(struct g2s_bytes text, const char *name)
{
	for (size_t i = 0; i < text.size; i++) {
		struct g2s_bytes rest = {text.data + i, text.size - i};
		if (text.data[i] == '$' && token_length(rest, name) != 0) {
			return true;
		}
	}
	return false;
}

/* Writes what the token at the start of text stands for; its length, or 0 when it is not known. */
static size_t put_token(FILE *out, const struct g2s_libs *libs, size_t by, struct g2s_bytes text,
                        const char *lib)
{
	const char *path = libs->items[by].path;
	const char *platform = machine_of(libs)->platform;
	size_t length = token_length(text, "ORIGIN");
	/* Of a library the directory in which it was found, links and all. */
	if (length != 0 && path != NULL) {
		const char *end = strrchr(path, '/');
		(void)fwrite(path, 1, end == NULL ? 0 : (size_t)(end - path), out);
		return length;
	}
	length = libs_is_musl(libs) ? 0 : token_length(text, "LIB");
	if (length != 0) {
		(void)fputs(lib, out);
		return length;
	}
	length = libs_is_musl(libs) || platform == NULL ? 0 : token_length(text, "PLATFORM");
	if (length != 0) {
		(void)fputs(platform, out);
	}
	return length;
}

char *libs_expand(const struct g2s_libs *libs, size_t by, struct g2s_bytes text, const char *lib)
{
	char *result = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&result, &size);
	if (out == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < text.size;) {
		struct g2s_bytes rest = {text.data + i, text.size - i};
		size_t length = text.data[i] == '$' ? put_token(out, libs, by, rest, lib) : 0;
		if (length == 0) {
			(void)fputc(text.data[i], out);
			length = 1;
		}
		i += length;
	}
	if (fclose(out) != 0) {
		free(result);
		return NULL;
	}
	return result;
}

/*
 * --- lists of directories
 */

/* A walk over directories. */
struct asking {
	struct g2s_libs *libs;
	bool (*visit)(void *to, const char *directory);
	void *to;
	/* The next one is wanted. */
	bool more;
	bool no_memory;
};

static void ask(struct asking *asking, const char *directory)
{
	asking->more = asking->more && asking->visit(asking->to, directory);
}

static void ask_expanded(struct asking *asking, size_t by, struct g2s_bytes text, const char *lib)
{
	char *directory = libs_expand(asking->libs, by, text, lib);
	if (directory == NULL) {
		asking->no_memory = true;
		asking->more = false;
		return;
	}
	for (size_t end = strlen(directory); end > 1 && directory[end - 1] == '/'; end--) {
		directory[end - 1] = '\0';
	}
	/* An empty one is where the program is started. */
	ask(asking, directory[0] == '\0' && text.size == 0 ? "." : directory);
	free(directory);
}

/* Asks for the directories of a DT_RPATH or DT_RUNPATH of the object with the index by. */
static void ask_list(struct asking *asking, size_t by, struct g2s_bytes list)
{
	const struct machine *machine = machine_of(asking->libs);
	size_t at = 0;
	for (unsigned i = 0; list.size != 0 && asking->more && at <= list.size; i++) {
		if (i == MAX_IN_LIST) {
			ask(asking, "...");
			return;
		}
		size_t end = g2s_bytes_find(list, at, ":", 1);
		end = end == SIZE_MAX ? list.size : end;
		const struct g2s_bytes text = {list.data + at, end - at};
		bool lib = has_token(text, "LIB");
		/* Which it is was said when the dynamic linker was built. */
		for (unsigned k = 0; asking->more && machine->directories[k] != NULL; k++) {
			if (k == 0 || lib) {
				ask_expanded(asking, by, text, machine->directories[k]);
			}
		}
		at = end + 1;
	}
}

/*
 * --- configuration
 */

static bool add_directory(struct g2s_libs *libs, const char *text, size_t length)
{
	while (length > 1 && text[length - 1] == '/') {
		length--;
	}
	if (length == 0 || text[0] != '/') {
		return true;
	}
	if (libs->directory_count == MAX_DIRECTORIES) {
		const struct g2s_bytes name = {(const uint8_t *)text, length};
		return libs_note(libs, name, 0, "more directories of libraries than are looked in");
	}
	char *copy = strndup(text, length);
	if (copy == NULL || !g2s_grow(&libs->directories, &libs->directory_capacity,
	                              libs->directory_count + 1, sizeof(*libs->directories))) {
		free(copy);
		return false;
	}
	libs->directories[libs->directory_count++] = copy;
	return true;
}

/* Reads a small file; one that is not there is empty.  NULL when memory ran out. */
static char *read_text(struct g2s_libs *libs, const char *path)
{
	struct g2s_file file = {0};
	struct g2s_error err = {0};
	uint64_t device, inode;
	enum g2s_code code = libs_open_file(libs, path, &file, &device, &inode, &err);
	const struct g2s_bytes name = {(const uint8_t *)path, strlen(path)};
	if (code == G2S_ERR_MEMORY ||
	    (code != G2S_OK && err.text[0] != '\0' && !libs_note(libs, name, 0, "%s", err.text))) {
		return NULL;
	}
	char *text = code != G2S_OK || file.bytes.size == 0
	                     ? strdup("")
	                     : strndup((const char *)file.bytes.data, file.bytes.size);
	if (code == G2S_OK) {
		g2s_file_close(&file);
	}
	return text;
}

static bool read_config(struct g2s_libs *libs, const char *path, unsigned depth);

/* The files that an "include" names. */
struct including {
	struct g2s_libs *libs;
	const char *directory;
	const char *pattern;
	unsigned depth;
	bool no_memory;
};

static bool include_file(void *to, const char *name)
{
	struct including *including = to;
	char *path = NULL;
	if (fnmatch(including->pattern, name, FNM_PERIOD) != 0) {
		return true;
	}
	including->no_memory =
		asprintf(&path, "%s/%s", including->directory, name) < 0 ||
		!read_config(including->libs, path, including->depth);
	free(path);
	return !including->no_memory;
}

/* Includes the files that a pattern matches; one without a slash in front is beside the file. */
static bool include(struct g2s_libs *libs, const char *from, const char *pattern, unsigned depth)
{
	char *path = NULL;
	int beside = pattern[0] == '/' ? 0 : (int)(strrchr(from, '/') - from) + 1;
	if (asprintf(&path, "%.*s%s", beside, from, pattern) < 0) {
		return false;
	}
	char *last = strrchr(path, '/');
	*last = '\0';
	struct including including = {libs, path, last + 1, depth, false};
	const struct g2s_bytes name = {(const uint8_t *)pattern, strlen(pattern)};
	if (strpbrk(path, "*?[") != NULL) {
		including.no_memory =
			!libs_note(libs, name, 0, "%s includes a pattern of directories", from);
	} else if (strpbrk(last + 1, "*?[") == NULL) {
		*last = '/';
		including.no_memory = !read_config(libs, path, depth);
	} else {
		(void)libs->sysroot->list(libs->sysroot->user, path, include_file, &including);
	}
	free(path);
	return !including.no_memory;
}

/* One line of ld.so.conf: "include" and patterns, or a directory ("=..." behind it is of old). */
static bool read_line(struct g2s_libs *libs, const char *path, char *line, unsigned depth)
{
	static const char blanks[] = " \t\r\f\v";
	line[strcspn(line, "#")] = '\0';
	line += strspn(line, blanks);
	size_t word = strcspn(line, blanks);
	bool more = line[word] != '\0';
	if (more && word == 7 && memcmp(line, "include", 7) == 0) {
		char *rest = NULL;
		for (char *each = strtok_r(line + 7, blanks, &rest); each != NULL;
		     each = strtok_r(NULL, blanks, &rest)) {
			if (!include(libs, path, each, depth + 1)) {
				return false;
			}
		}
		return true;
	}
	if (more && word == 5 && memcmp(line, "hwcap", 5) == 0) {
		return true;
	}
	size_t length = strcspn(line, "=");
	while (length != 0 && strchr(blanks, line[length - 1]) != NULL) {
		length--;
	}
	return add_directory(libs, line, length);
}

static bool read_config(struct g2s_libs *libs, const char *path, unsigned depth)
{
	const struct g2s_bytes name = {(const uint8_t *)path, strlen(path)};
	if (depth > MAX_INCLUDES || libs->config_files == MAX_CONFIG_FILES) {
		return libs_note(libs, name, 0, "more files of configuration than are read");
	}
	libs->config_files++;
	char *text = read_text(libs, path);
	bool fine = text != NULL;
	char *rest = NULL;
	for (char *line = fine ? strtok_r(text, "\n", &rest) : NULL; fine && line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		fine = read_line(libs, path, line, depth);
	}
	free(text);
	return fine;
}

/* /etc/ld-musl-ARCH.path, below what stands before the interpreter's own directory. */
static bool read_musl_path(struct g2s_libs *libs)
{
	struct g2s_bytes interpreter = libs->items[0].dynamic.interpreter;
	struct g2s_bytes base = base_name(interpreter);
	/* ld-musl-ARCH.so.1 */
	size_t arch = g2s_bytes_find(base, 0, ".so", 3);
	size_t prefix = interpreter.size - base.size;
	prefix -= prefix != 0;
	while (prefix != 0 && interpreter.data[prefix - 1] != '/') {
		prefix--;
	}
	prefix -= prefix != 0;
	char *path = NULL;
	if (asprintf(&path, "%.*s/etc/%.*s.path", (int)prefix, (const char *)interpreter.data,
	             (int)(arch == SIZE_MAX ? base.size : arch), (const char *)base.data) < 0) {
		return false;
	}
	char *text = read_text(libs, path);
	free(path);
	bool fine = text != NULL;
	char *rest = NULL;
	for (char *each = fine ? strtok_r(text, ":\n", &rest) : NULL; fine && each != NULL;
	     each = strtok_r(NULL, ":\n", &rest)) {
		fine = add_directory(libs, each, strlen(each));
	}
	free(text);
	static const char *const defaults[] = {"/lib", "/usr/local/lib", "/usr/lib"};
	bool none = libs->directory_count == 0;
	for (size_t i = 0; fine && none && i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		fine = add_directory(libs, defaults[i], strlen(defaults[i]));
	}
	return fine;
}

/* Those of glibc; and where the interpreter is, as when it was built for a place of its own. */
static void ask_defaults(struct asking *asking)
{
	const struct machine *machine = machine_of(asking->libs);
	struct g2s_bytes interpreter = asking->libs->items[0].dynamic.interpreter;
	char path[64];
	for (size_t i = 0; machine->directories[i] != NULL; i++) {
		(void)snprintf(path, sizeof(path), "/%s", machine->directories[i]);
		ask(asking, path);
		(void)snprintf(path, sizeof(path), "/usr/%s", machine->directories[i]);
		ask(asking, path);
	}
	size_t length = interpreter.size - base_name(interpreter).size;
	if (length > 1) {
		const struct g2s_bytes directory = {interpreter.data, length - 1};
		ask_expanded(asking, 0, directory, "");
	}
}

bool libs_directories(struct g2s_libs *libs, size_t by,
                      bool (*visit)(void *to, const char *directory), void *to)
{
	struct asking asking = {libs, visit, to, true, false};
	bool musl = libs_is_musl(libs);
	/* Copied: what is found is added to the items, which move. */
	const struct g2s_bytes runpath = libs->items[by].dynamic.runpath;
	bool no_defaults = libs->items[by].dynamic.no_default_directories;
	if (!libs->directories_known) {
		libs->directories_known = true;
		if (!(musl ? read_musl_path(libs) : read_config(libs, "/etc/ld.so.conf", 0))) {
			return false;
		}
	}
	/* glibc: RPATH is inherited, RUNPATH is not and puts RPATH out of force; musl: both are. */
	for (size_t at = by; asking.more && (musl || runpath.size == 0);
	     at = libs->items[at].needed_by) {
		const struct g2s_dynamic *dynamic = &libs->items[at].dynamic;
		if (dynamic->runpath.size == 0) {
			ask_list(&asking, at, dynamic->rpath);
		} else if (musl) {
			ask_list(&asking, at, dynamic->runpath);
		}
		if (at == 0) {
			break;
		}
	}
	if (!musl) {
		ask_list(&asking, by, runpath);
	}
	for (size_t i = 0; asking.more && i < libs->directory_count; i++) {
		ask(&asking, libs->directories[i]);
	}
	if (!musl && !no_defaults) {
		ask_defaults(&asking);
	}
	return !asking.no_memory;
}

/* Where what is not known is noted. */
struct noting {
	struct g2s_libs *libs;
	size_t by;
	bool no_memory;
};

static bool note_directory(void *to, const char *directory)
{
	struct noting *noting = to;
	const struct g2s_bytes name = {(const uint8_t *)directory, strlen(directory)};
	if (directory[0] != '/') {
		noting->no_memory = !libs_note(noting->libs, name, noting->by,
		                               "libraries are looked for in a directory that is "
		                               "not known here");
	}
	return !noting->no_memory;
}

bool libs_note_unknown(struct g2s_libs *libs, size_t by)
{
	const struct g2s_dynamic *dynamic = &libs->items[by].dynamic;
	struct noting noting = {libs, by, false};
	struct asking asking = {libs, note_directory, &noting, true, false};
	if (dynamic->needed_count != 0) {
		ask_list(&asking, by,
		         dynamic->runpath.size != 0 ? dynamic->runpath : dynamic->rpath);
	}
	return !asking.no_memory && !noting.no_memory;
}
