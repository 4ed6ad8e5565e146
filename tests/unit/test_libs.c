/* SPDX-License-Identifier: MIT */
#include "library_builder.h"

#include "g2s/image/libs.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MAX_FILES = 1200 };

/* A file of the root file system: text, or a library. */
struct entry {
	char path[96];
	const char *text;
	struct library library;
	/* 0: of its own. */
	uint64_t inode;
	const char *fault;
};

static struct entry files[MAX_FILES];
static size_t file_count;
static struct g2s_libs libs;
static uint8_t program[LIBRARY_SIZE];

static enum g2s_code open_file(void *user, const char *path, struct g2s_file *file,
                               uint64_t *device, uint64_t *inode, struct g2s_error *err)
{
	(void)user;
	size_t length = strlen(path);
	for (size_t i = 0; i < file_count; i++) {
		const struct entry *entry = &files[i];
		if (strncmp(entry->path, path, length) != 0) {
			continue;
		}
		if (entry->path[length] == '/') {
			return g2s_fail(err, G2S_ERR_READ, 0, "is not a regular file");
		}
		if (entry->path[length] != '\0') {
			continue;
		}
		if (entry->fault != NULL) {
			return g2s_fail(err, G2S_ERR_READ, 0, "%s", entry->fault);
		}
		size_t size = entry->text != NULL ? strlen(entry->text) : LIBRARY_SIZE;
		uint8_t *data = mmap(NULL, size + 1, PROT_READ | PROT_WRITE,
		                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(data != MAP_FAILED);
		if (entry->text != NULL) {
			memcpy(data, entry->text, size);
		} else {
			library_build(data, &entry->library);
		}
		*file = (struct g2s_file){{data, size}};
		*device = 1;
		*inode = entry->inode != 0 ? entry->inode : 100 + i;
		return G2S_OK;
	}
	return g2s_fail(err, G2S_ERR_READ, 0, "%s", "");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool list_directory(void *user, const char *path, bool (*visit)(void *to, const char *name),
                           void *to)
{
	(void)user;
	const char *names[MAX_FILES];
	size_t count = 0;
	size_t length = strlen(path);
	for (size_t i = 0; i < file_count; i++) {
		const char *each = files[i].path;
		if (strncmp(each, path, length) == 0 && each[length] == '/' &&
		    strchr(each + length + 1, '/') == NULL) {
			names[count++] = each + length + 1;
		}
	}
	qsort(names, count, sizeof(names[0]), by_name);
	for (size_t i = 0; i < count && visit(to, names[i]); i++) {
	}
	return count != 0;
}

static const struct g2s_sysroot SYSROOT = {open_file, list_directory, NULL};

static struct entry *add(const char *path)
{
	assert_true(file_count < MAX_FILES);
	struct entry *entry = &files[file_count++];
	*entry = (struct entry){0};
	snprintf(entry->path, sizeof(entry->path), "%s", path);
	return entry;
}

static void add_library(const char *path, const char *needed)
{
	add(path)->library.needed = needed;
}

static void add_text(const char *path, const char *text)
{
	add(path)->text = text;
}

static void start(void)
{
	file_count = 0;
}

/* The paths of what is loaded, and what is missing as name<by(why), between blanks. */
static void expect_loaded(const char *wanted)
{
	char *found = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&found, &size);
	assert_non_null(out);
	for (size_t i = 1; i < libs.count; i++) {
		fprintf(out, "%s%s<%zu", i == 1 ? "" : " ", libs.items[i].path,
		        libs.items[i].needed_by);
	}
	for (size_t i = 0; i < libs.missing_count; i++) {
		fprintf(out, "; %s<%zu: %s", libs.missing[i].name, libs.missing[i].needed_by,
		        libs.missing[i].why);
	}
	assert_int_equal(fclose(out), 0);
	assert_string_equal(found, wanted);
	free(found);
}

static void load(const struct library *library, const char *path)
{
	struct g2s_error err;
	library_build(program, library);
	const struct g2s_bytes bytes = {program, sizeof(program)};
	assert_int_equal(g2s_libs_open(&libs, bytes, path, &SYSROOT, &err), G2S_OK);
	assert_int_equal(g2s_libs_load(&libs, &err), G2S_OK);
}

static void expect(const struct library *library, const char *wanted)
{
	load(library, "/opt/app/bin/program");
	expect_loaded(wanted);
	g2s_libs_free(&libs);
}

static void loads_breadth_first(void **state)
{
	(void)state;
	start();
	add_library("/lib64/ld-linux-x86-64.so.2", NULL);
	files[0].library.soname = "ld-linux-x86-64.so.2";
	add_library("/usr/lib64/liba.so", "libd.so libc.so.6");
	add_library("/usr/lib64/libb.so", "liba.so libe.so");
	/* A cycle, and what names itself. */
	add_library("/usr/lib64/libd.so", "libb.so libd.so");
	add_library("/usr/lib64/libe.so", NULL);
	add_library("/lib/x86_64-linux-gnu/libc.so.6", "ld-linux-x86-64.so.2");
	const struct library library = {
		.needed = "liba.so libb.so",
		.interpreter = "/lib64/ld-linux-x86-64.so.2",
	};
	load(&library, NULL);
	expect_loaded("/usr/lib64/liba.so<0 /usr/lib64/libb.so<0 /usr/lib64/libd.so<1 "
	              "/lib/x86_64-linux-gnu/libc.so.6<1 /usr/lib64/libe.so<2 "
	              "/lib64/ld-linux-x86-64.so.2<4");
	assert_int_equal(libs.interpreter, 6);
	g2s_libs_free(&libs);
	/* Nothing needs the interpreter: it comes last. */
	const struct library alone = {.interpreter = "/lib64/ld-linux-x86-64.so.2"};
	expect(&alone, "/lib64/ld-linux-x86-64.so.2<0");
	const struct library nowhere = {.interpreter = "/lib64/ld-other.so"};
	expect(&nowhere, "; /lib64/ld-other.so<0: the ELF interpreter is not found");
}

static void tells_where_it_looked(void **state)
{
	(void)state;
	start();
	add_text("/etc/ld.so.conf", "/opt/lib\n");
	add_library("/lib/libsub.so", "libmore.so");
	const struct library library = {.needed = "libno.so /x/y.so sub/y.so libsub.so"};
	expect(&library,
	       "/lib/libsub.so<0; libno.so<0: not found in /opt/lib, /lib/x86_64-linux-gnu, "
	       "/usr/lib/x86_64-linux-gnu, /lib64, /usr/lib64, /lib, /usr/lib; /x/y.so<0: not "
	       "found; sub/y.so<0: a path that is not known here: sub/y.so; libmore.so<1: not "
	       "found in /opt/lib, /lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib64, "
	       "/usr/lib64, /lib, /usr/lib");
}

/* RPATH is inherited and comes first; RUNPATH is the object's own, and disables its RPATH. */
static void follows_rpath_and_runpath(void **state)
{
	(void)state;
	start();
	add_library("/r/liba.so", "libb.so");
	add_library("/r/libb.so", NULL);
	add_library("/lib/libb.so", NULL);
	struct library library = {.needed = "liba.so", .rpath = "/none:/r/"};
	expect(&library, "/r/liba.so<0 /r/libb.so<1");
	library = (struct library){.needed = "liba.so", .runpath = "/r"};
	expect(&library, "/r/liba.so<0 /lib/libb.so<1");
	library = (struct library){.needed = "liba.so", .rpath = "/lib", .runpath = "/r"};
	expect(&library, "/r/liba.so<0 /lib/libb.so<1");
	/* One that has RUNPATH does not ask those that loaded it. */
	files[0].library.runpath = "/none";
	library = (struct library){.needed = "liba.so", .rpath = "/r"};
	expect(&library, "/r/liba.so<0 /lib/libb.so<1");
}

static void replaces_tokens(void **state)
{
	(void)state;
	start();
	add_library("/opt/app/bin/../lib/liba.so", "libb.so");
	files[0].library.runpath = "${ORIGIN}/sub";
	add_library("/opt/app/bin/../lib/sub/libb.so", NULL);
	add_library("/p/x86_64/lib64/libp.so", NULL);
	struct library library = {.needed = "liba.so libp.so",
	                          .runpath = "$ORIGIN/../lib:/p/$PLATFORM/${LIB}"};
	expect(&library, "/opt/app/bin/../lib/liba.so<0 /p/x86_64/lib64/libp.so<0 "
	                 "/opt/app/bin/../lib/sub/libb.so<1");
	library = (struct library){.needed = "$ORIGIN/../lib/sub/libb.so"};
	expect(&library, "/opt/app/bin/../lib/sub/libb.so<0");
	/* Where the program is, is not known: what is found elsewhere need not be it. */
	add_library("/lib/libb.so", NULL);
	library = (struct library){.needed = "libb.so", .runpath = "$ORIGIN/sub:rel"};
	load(&library, NULL);
	expect_loaded("/lib/libb.so<0; $ORIGIN/sub<0: libraries are looked for in a directory "
	              "that is not known here; rel<0: libraries are looked for in a directory "
	              "that is not known here");
	g2s_libs_free(&libs);
	/* Other words that begin alike. */
	library = (struct library){.needed = "libb.so", .runpath = "/x$ORIGINAL:/${ORIGIN"};
	expect(&library, "/lib/libb.so<0");
}

static void reads_ld_so_conf(void **state)
{
	(void)state;
	start();
	add_text("/etc/ld.so.conf", "# a comment\ninclude ld.so.conf.d/*.conf /etc/none/*.conf\n"
	                            "hwcap 1 x\n\t/last/  # why\n");
	add_text("/etc/ld.so.conf.d/b.conf", "/b=libc6\nrelative\n");
	add_text("/etc/ld.so.conf.d/a.conf", "/a\ninclude /etc/more\n");
	add_text("/etc/ld.so.conf.d/.hidden.conf", "/h\n");
	add_text("/etc/ld.so.conf.d/other", "/o\n");
	add_text("/etc/more", "/m");
	add_library("/last/libx.so", NULL);
	add_library("/usr/lib/libx.so", NULL);
	const struct library library = {.needed = "libx.so libno.so"};
	load(&library, NULL);
	assert_int_equal(libs.directory_count, 4);
	static const char *const wanted[] = {"/a", "/m", "/b", "/last"};
	for (size_t i = 0; i < COUNT(wanted); i++) {
		assert_string_equal(libs.directories[i], wanted[i]);
	}
	assert_string_equal(libs.items[1].path, "/last/libx.so");
	g2s_libs_free(&libs);
	/* Files that include each other, and what nobody writes: each is told once. */
	start();
	add_text("/etc/ld.so.conf", "include /etc/ld.so.conf\ninclude /etc/*/x.conf\n");
	load(&library, NULL);
	assert_int_equal(libs.missing_count, 2 + 2);
	g2s_libs_free(&libs);
	start();
	add("/etc/ld.so.conf")->fault = "Permission denied";
	const struct library none = {.needed = "libno.so"};
	load(&none, NULL);
	assert_int_equal(libs.missing_count, 2);
	assert_string_equal(libs.missing[0].name, "/etc/ld.so.conf");
	assert_string_equal(libs.missing[0].why, "Permission denied");
	g2s_libs_free(&libs);
}

/* What several objects miss in the same way is told once. */
static void tells_once(void **state)
{
	(void)state;
	start();
	add_library("/lib/liba.so", "libno.so");
	add_library("/lib/libb.so", "libno.so");
	files[1].library.runpath = "/b";
	const struct library library = {.needed = "liba.so libb.so libno.so"};
	load(&library, NULL);
	assert_int_equal(libs.missing_count, 2);
	assert_int_equal(libs.missing[0].needed_by, 0);
	assert_int_equal(libs.missing[1].needed_by, 2);
	assert_non_null(strstr(libs.missing[1].why, "not found in /b, "));
	g2s_libs_free(&libs);
}

static void leaves_out_default_directories(void **state)
{
	(void)state;
	static const uint64_t more[][2] = {{DT_FLAGS_1, DF_1_NODEFLIB}, {0, 0}};
	start();
	add_library("/lib/libx.so", NULL);
	add_text("/etc/ld.so.conf", "/a\n");
	const struct library library = {.needed = "libx.so", .more = more};
	expect(&library, "; libx.so<0: not found in /a");
}

static void preloads(void **state)
{
	(void)state;
	start();
	add_library("/lib/ld.so", NULL);
	add_library("/lib/liba.so", NULL);
	add_library("/lib/libp.so", "libq.so");
	add_library("/lib/libq.so", NULL);
	add_text("/etc/ld.so.preload", "/lib/libp.so # first\nlibgone.so");
	const struct library library = {.needed = "liba.so", .interpreter = "/lib/ld.so"};
	load(&library, NULL);
	assert_int_equal(libs.missing_count, 1);
	assert_string_equal(libs.missing[0].name, "libgone.so");
	libs.missing_count = 0;
	expect_loaded("/lib/libp.so<0 /lib/liba.so<0 /lib/libq.so<1 /lib/ld.so<0");
	libs.missing_count = 1;
	g2s_libs_free(&libs);
}

static void does_as_musl_does(void **state)
{
	(void)state;
	start();
	add_library("/lib/ld-musl-x86_64.so.1", NULL);
	add_library("/usr/local/lib/liba.so", "libm.so libb.so");
	add_library("/r/libb.so", NULL);
	add_text("/etc/ld.so.preload", "/r/libb.so");
	struct library library = {
		.needed = "libpthread.so.0 liba.so libc.musl-x86_64.so.1",
		.interpreter = "/lib/ld-musl-x86_64.so.1",
		.runpath = "/r",
	};
	/* RUNPATH is inherited there. */
	expect(&library, "/lib/ld-musl-x86_64.so.1<0 /usr/local/lib/liba.so<0 /r/libb.so<2");
	add_text("/etc/ld-musl-x86_64.path", "/a:/b\n/c");
	library.needed = "liba.so";
	expect(&library, "/lib/ld-musl-x86_64.so.1<0; liba.so<0: not found in /r, /a, /b, /c");
}

static void passes_over_other_machines(void **state)
{
	(void)state;
	start();
	add("/lib64/libx.so")->library = (struct library){.word = 4};
	add("/usr/lib64/libx.so")->library = (struct library){.machine = EM_AARCH64};
	add_library("/usr/lib/libx.so", NULL);
	const struct library library = {.needed = "libx.so"};
	expect(&library, "/usr/lib/libx.so<0");
	/* The dynamic linker would stop there. */
	add_text("/lib64/libt.so", "INPUT(libx.so)");
	add_library("/usr/lib64/libt.so", NULL);
	add("/lib64/libf.so")->fault = "cannot open: Permission denied";
	const struct library bad = {.needed = "libt.so libf.so"};
	expect(&bad, "; libt.so<0: /lib64/libt.so: not an ELF file; "
	             "libf.so<0: /lib64/libf.so: cannot open: Permission denied");
}

static void knows_a_file_by_its_names(void **state)
{
	(void)state;
	start();
	add_library("/lib/libx.so.1", NULL);
	files[0].library.soname = "libx.so.2";
	files[0].inode = 7;
	add_library("/lib/libx.so", NULL);
	files[1].inode = 7;
	add_library("/own/libx.so", NULL);
	add_library("/lib/liby.so", "libx.so");
	files[3].library.runpath = "/own";
	/* libx.so.2 is a soname, libx.so a link; and liby's own directory is not looked in. */
	const struct library library = {.needed = "libx.so.1 libx.so.2 libx.so liby.so"};
	expect(&library, "/lib/libx.so.1<0 /lib/liby.so<0");
}

static void notes_what_the_processor_decides(void **state)
{
	(void)state;
	start();
	add_library("/lib64/libx.so", NULL);
	add_library("/lib64/glibc-hwcaps/x86-64-v3/libx.so", NULL);
	const struct library library = {.needed = "libx.so"};
	expect(&library, "/lib64/libx.so<0; libx.so<0: /lib64/glibc-hwcaps/x86-64-v3/libx.so is "
	                 "taken on some processors, and is not read");
	/* One that may not be looked into may have it. */
	add("/lib64/tls")->fault = "cannot open: Permission denied";
	const struct library other = {.needed = "libo.so"};
	add("/lib64/libo.so");
	add("/lib64/tls/libo.so")->fault = "cannot open: Permission denied";
	expect(&other, "/lib64/libo.so<0; libo.so<0: /lib64/tls/libo.so: cannot open: Permission "
	               "denied");
	/* The same file is no other. */
	files[0].inode = files[1].inode = 9;
	expect(&library, "/lib64/libx.so<0");
	const struct library filter = {.filter_tag = DT_AUXILIARY, .filter = "libz.so"};
	expect(&filter, "; libz.so<0: a filter or an auditor is not read");
}

static void adds_what_is_opened_later(void **state)
{
	(void)state;
	struct g2s_error err;
	size_t index = 77;
	start();
	add_library("/lib/liba.so", NULL);
	files[0].library.runpath = "/plug";
	add_library("/plug/libp.so", "libq.so");
	add_library("/lib/libq.so", NULL);
	const struct library library = {.needed = "liba.so"};
	load(&library, NULL);
	assert_int_equal(g2s_libs_add(&libs, "libp.so", 0, false, &index, &err), G2S_OK);
	assert_true(index == SIZE_MAX);
	assert_int_equal(libs.missing_count, 0);
	assert_int_equal(g2s_libs_add(&libs, "libp.so", 1, true, &index, &err), G2S_OK);
	assert_int_equal(index, 2);
	assert_int_equal(g2s_libs_add(&libs, "/lib/libq.so", 0, true, &index, &err), G2S_OK);
	assert_int_equal(index, 3);
	assert_int_equal(g2s_libs_add(&libs, "/lib/none.so", 0, true, &index, &err), G2S_OK);
	assert_true(index == SIZE_MAX);
	expect_loaded("/lib/liba.so<0 /plug/libp.so<1 /lib/libq.so<2; /lib/none.so<0: not found");
	g2s_libs_free(&libs);
	g2s_libs_free(&libs);
}

/* A chain of more libraries than are loaded. */
static void stops_somewhere(void **state)
{
	(void)state;
	static char names[MAX_FILES][16];
	start();
	/* Found there, and not in the last places: the search goes on with what has moved. */
	add_text("/etc/ld.so.conf", "/conf\n");
	for (unsigned i = 0; i < MAX_FILES - 1; i++) {
		char path[32];
		snprintf(names[i], sizeof(names[i]), "lib%u.so", i + 1);
		snprintf(path, sizeof(path), "/conf/lib%u.so", i);
		add_library(path, names[i]);
	}
	const struct library library = {.needed = "lib0.so"};
	load(&library, NULL);
	assert_int_equal(libs.count, 1024);
	assert_int_equal(libs.missing_count, 1);
	assert_string_equal(libs.missing[0].why,
	                    "/conf/lib1023.so: more libraries than are loaded");
	g2s_libs_free(&libs);
}

static void refuses_what_is_no_program(void **state)
{
	(void)state;
	struct g2s_error err;
	memset(program, 0, sizeof(program));
	const struct g2s_bytes bytes = {program, sizeof(program)};
	assert_int_equal(g2s_libs_open(&libs, bytes, NULL, &SYSROOT, &err), G2S_ERR_FORMAT);
	g2s_libs_free(&libs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_breadth_first),
		cmocka_unit_test(tells_where_it_looked),
		cmocka_unit_test(follows_rpath_and_runpath),
		cmocka_unit_test(replaces_tokens),
		cmocka_unit_test(reads_ld_so_conf),
		cmocka_unit_test(tells_once),
		cmocka_unit_test(leaves_out_default_directories),
		cmocka_unit_test(preloads),
		cmocka_unit_test(does_as_musl_does),
		cmocka_unit_test(passes_over_other_machines),
		cmocka_unit_test(knows_a_file_by_its_names),
		cmocka_unit_test(notes_what_the_processor_decides),
		cmocka_unit_test(adds_what_is_opened_later),
		cmocka_unit_test(stops_somewhere),
		cmocka_unit_test(refuses_what_is_no_program),
	};
	return cmocka_run_group_tests_name("libs", tests, NULL, NULL);
}
