/* SPDX-License-Identifier: MIT */
#include "loads.h"

#include "g2s/memory.h"
#include "g2s/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the answers are told apart from system calls by: they stand for addresses of strings. */
static const char OPENS[] = "dlopen";
static const char LOOKS_UP[] = "dlsym";

/* What the name service's modules are called in glibc (nss/nss_module.c). */
static const char NAME_SERVICE[] = "libnss_%s";

enum {
	LONGEST_STRING = 4096,
};

static struct g2s_bytes bytes_of(const char *text)
{
	return (struct g2s_bytes){(const uint8_t *)text, strlen(text)};
}

/* Functions that are handed a name, the argument that it is, and what they do with it. */
static const struct {
	const char *name;
	unsigned argument;
	const char *kind;
} functions[] = {
	{"dlopen", 0, OPENS},
	{"dlmopen", 1, OPENS},
	{"dlsym", 1, LOOKS_UP},
	{"dlvsym", 1, LOOKS_UP},
};

/* True when addr is the start of one of them: a site there says that nobody is seen to call it. */
static bool is_asked(const struct g2s_link *link, uint64_t addr)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		const struct g2s_definition *d =
			g2s_link_find(link, bytes_of(functions[i].name));
		for (; d != NULL; d = g2s_link_next(link, d)) {
			if (g2s_link_address(link, d) == addr) {
				return true;
			}
		}
	}
	return false;
}

void loads_ask(struct trace *trace)
{
	const struct g2s_program *program = trace->program;
	const struct g2s_link *link = program->link;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		const struct g2s_definition *d =
			g2s_link_find(link, bytes_of(functions[i].name));
		const struct g2s_atom parameter = {
			.kind = G2S_ATOM_REGISTER,
			.value = program->arch->c_arguments[functions[i].argument]};
		for (; d != NULL && !trace->failed; d = g2s_link_next(link, d)) {
			uint64_t addr = g2s_link_address(link, d);
			const struct g2s_function *function = trace_function(trace, addr);
			/* Versions of a symbol may share an address; questions are asked once. */
			if (function != NULL && function->start == addr) {
				trace_ask(trace, addr, &parameter, functions[i].kind);
			}
		}
	}
}

/* The string that an answer stands for: its lower half is what is known of its address. */
static bool string_at(const struct g2s_program *program, int64_t number, uint64_t *addr,
                      struct g2s_bytes *text)
{
	for (uint64_t high = 0; high < 2; high++) {
		struct g2s_bytes view;
		*addr = high << 32 | (uint32_t)number;
		if (g2s_elf_view(&program->elf, *addr, &view)) {
			return !g2s_elf_is_writable(&program->elf, *addr) &&
			       g2s_bytes_string(view, 0, LONGEST_STRING, text);
		}
	}
	return false;
}

static bool add_load(struct g2s_program *program, struct g2s_bytes name, uint64_t place)
{
	const struct g2s_object *object = g2s_link_object(program->link, place);
	for (size_t i = 0; i < program->load_count; i++) {
		const struct g2s_bytes *known = &program->loads[i].name;
		if (known->size == name.size && memcmp(known->data, name.data, name.size) == 0) {
			return true;
		}
	}
	if (!g2s_grow(&program->loads, &program->load_capacity, program->load_count + 1,
	              sizeof(*program->loads))) {
		return false;
	}
	program->loads[program->load_count++] = (struct g2s_load){
		name, object == NULL ? 0 : (size_t)(object - program->link->objects)};
	return true;
}

/* Notes a symbol that code asks for by name, if there is one. */
static bool look_up(struct g2s_program *program, struct g2s_bytes name)
{
	const struct g2s_definition *d = g2s_link_find(program->link, name);
	for (; d != NULL; d = g2s_link_next(program->link, d)) {
		struct g2s_libs *libs = program->libs;
		if (!g2s_grow(&libs->roots, &libs->root_capacity, libs->root_count + 1,
		              sizeof(libs->roots[0]))) {
			return false;
		}
		struct g2s_libs_root root = {d->object, d->symbol};
		bool known = false;
		for (size_t i = 0; i < libs->root_count && !known; i++) {
			known = libs->roots[i].object == root.object &&
			        libs->roots[i].symbol == root.symbol;
		}
		if (!known) {
			libs->roots[libs->root_count++] = root;
			program->looks_up_more = true;
		}
	}
	return true;
}

/* What a reached site that asks for symbols or libraries says. */
static bool take_site(struct g2s_program *program, const struct g2s_site *site)
{
	struct g2s_bytes text;
	uint64_t addr;
	bool opens = site->arch == OPENS;
	if (opens && site->number == 0) {
		/* The program itself. */
		return true;
	}
	if (site->number == G2S_NUMBER_UNKNOWN && is_asked(program->link, site->addr)) {
		return true;
	}
	if (site->number == G2S_NUMBER_UNKNOWN ||
	    !string_at(program, site->number, &addr, &text)) {
		*(opens ? &program->loads_unknown : &program->looks_up_unknown) = true;
		return true;
	}
	return opens ? add_load(program, text, site->addr) : look_up(program, text);
}

/*
 * Names in data that libraries refer to: the C library loads some without asking dlopen.  The
 * modules of its name service count when a function that asks them is called; tables of unrelated
 * functions, which lie side by side, would bring them into every program.
 */
static bool take_names(struct g2s_program *program, const struct reach *reach)
{
	for (size_t i = 0; i < reach->name_count; i++) {
		struct g2s_bytes view;
		struct g2s_bytes name;
		const struct g2s_object *object =
			g2s_link_object(program->link, reach->names[i]);
		/* The dynamic linker has names of its own, but loads what it is told to. */
		if (object == NULL ||
		    (size_t)(object - program->link->objects) == program->interpreter ||
		    !g2s_elf_view(&program->elf, reach->names[i], &view) ||
		    !g2s_bytes_string(view, 0, LONGEST_STRING, &name)) {
			continue;
		}
		size_t prefix = strlen(NAME_SERVICE);
		if (name.size >= prefix && memcmp(name.data, NAME_SERVICE, prefix) == 0) {
			bool no_memory = false;
			if (reach_is_called(reach, reach->names[i], &no_memory)) {
				program->loads_name_service = true;
			}
			if (no_memory) {
				return false;
			}
			continue;
		}
		bool file = name.size > 3 && memcmp(name.data, "lib", 3) == 0;
		for (size_t k = 0; file && k < name.size; k++) {
			uint8_t c = name.data[k];
			file = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			       (c >= '0' && c <= '9') || strchr("._+-", c) != NULL;
		}
		if (file && !add_load(program, name, reach->names[i])) {
			return false;
		}
	}
	return true;
}

bool loads_take(struct trace *trace)
{
	struct g2s_program *program = trace->program;
	size_t kept = 0;
	bool fine = true;
	for (size_t i = 0; i < program->site_count; i++) {
		const struct g2s_site site = program->sites[i];
		if (site.arch == OPENS || site.arch == LOOKS_UP) {
			fine = fine && take_site(program, &site);
		} else {
			program->sites[kept++] = site;
		}
	}
	program->site_count = kept;
	return fine && take_names(program, trace->reach);
}

enum g2s_code g2s_program_look(struct g2s_program *program, struct g2s_error *err)
{
	struct g2s_refs refs;
	struct reach reach = {0};
	enum g2s_code code = g2s_refs_build(&refs, program->arch, &program->funcs, err);
	if (code == G2S_OK &&
	    !(reach_find(&reach, program, &refs) && take_names(program, &reach))) {
		code = g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
	}
	reach_free(&reach);
	g2s_refs_free(&refs);
	return code;
}

/*
 * --- what is loaded
 * ------------------------------------------------------------------------------
 */

/* Loads a library by its name; *more becomes true when it was not there yet. */
static enum g2s_code load(struct g2s_libs *libs, const char *name, size_t by, bool *more,
                          struct g2s_error *err)
{
	size_t index;
	size_t before = libs->count;
	enum g2s_code code = g2s_libs_add(libs, name, by, false, &index, err);
	/* Of one that was there before, what is looked up is asked for. */
	if (code == G2S_OK && index != SIZE_MAX && index >= before) {
		libs->items[index].opened = true;
		*more = true;
	}
	return code;
}

/*
 * The modules that nsswitch.conf names (nsswitch.conf(5)): a line is a database, a colon, and names
 * with actions in brackets between them.
 */
static enum g2s_code load_name_service(struct g2s_libs *libs, bool *more, struct g2s_error *err)
{
	struct g2s_file file;
	uint64_t device, inode;
	struct g2s_error missing;
	enum g2s_code code = G2S_OK;
	if (libs->sysroot->open(libs->sysroot->user, "/etc/nsswitch.conf", &file, &device, &inode,
	                        &missing) != G2S_OK) {
		/* Without it glibc asks the modules that are built into it. */
		return G2S_OK;
	}
	const uint8_t *text = file.bytes.data;
	bool service = false;
	for (size_t i = 0; i < file.bytes.size && code == G2S_OK;) {
		size_t end = i;
		while (end < file.bytes.size && strchr(" \t\n:#[]", text[end]) == NULL) {
			end++;
		}
		if (end == i) {
			char c = (char)text[i++];
			service = c == ':' || (service && c != '\n');
			const char *skip = c == '#' ? "\n" : c == '[' ? "]\n" : "";
			while (*skip != '\0' && i < file.bytes.size &&
			       strchr(skip, text[i]) == NULL) {
				i++;
			}
			continue;
		}
		char name[LONGEST_STRING];
		if (service && snprintf(name, sizeof(name), "libnss_%.*s.so.2", (int)(end - i),
		                        (const char *)text + i) < (int)sizeof(name)) {
			code = load(libs, name, 0, more, err);
		}
		i = end;
	}
	g2s_file_close(&file);
	return code;
}

enum g2s_code g2s_program_load(struct g2s_program *program, struct g2s_libs *libs, bool *more,
                               struct g2s_error *err)
{
	enum g2s_code code = G2S_OK;
	*more = program->looks_up_more;
	for (size_t i = 0; i < program->load_count && code == G2S_OK; i++) {
		const struct g2s_load *wanted = &program->loads[i];
		char *name = strndup((const char *)wanted->name.data, wanted->name.size);
		if (name == NULL) {
			return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
		}
		code = load(libs, name, wanted->object, more, err);
		free(name);
	}
	if (code == G2S_OK && program->loads_name_service) {
		code = load_name_service(libs, more, err);
	}
	return code;
}
