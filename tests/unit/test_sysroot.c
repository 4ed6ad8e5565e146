/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "sysroot.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A root file system that tries to lead outside of itself. */

static char where[] = "/tmp/g2s-sysroot-XXXXXX";
static struct sysroot sysroot;

static void make_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static int begin(void **state)
{
	(void)state;
	static const char *const links[][2] = {
		/* Absolute ones count from the root. */
		{"/a/b", "root/absolute"},
		{"a/b", "root/relative"},
		{"../../../../../../outside", "root/a/up"},
		{"/outside", "root/a/out"},
		{"b/../../a/./b//file", "root/a/long"},
		{"../a/b/file", "root/a/beside"},
		{"loop", "root/loop"},
		{"nowhere", "root/broken"},
		{"/proc/self/root", "root/magic"},
	};
	if (mkdtemp(where) == NULL || chdir(where) != 0 || mkdir("root", 0755) != 0 ||
	    mkdir("root/a", 0755) != 0 || mkdir("root/a/b", 0755) != 0 ||
	    mkfifo("root/fifo", 0600) != 0) {
		return -1;
	}
	make_file("root/a/b/file", "inside");
	make_file("root/empty", "");
	make_file("outside", "outside");
	for (size_t i = 0; i < COUNT(links); i++) {
		if (symlink(links[i][0], links[i][1]) != 0) {
			return -1;
		}
	}
	int root = sysroot_open("root");
	sysroot_init(&sysroot, root);
	/* A test that waits for a pipe's writer is to fail. */
	alarm(60);
	return root >= 0 ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	char command[sizeof(where) + 16];
	alarm(0);
	close(sysroot.root);
	snprintf(command, sizeof(command), "rm -rf %s", where);
	return chdir("/") != 0 || system(command) != 0 ? -1 : 0;
}

/* Opens path: its text, or why it cannot be read, before which there is a '!'. */
static void expect(const char *path, const char *wanted)
{
	struct g2s_file file;
	struct g2s_error err = {0};
	uint64_t device = 0;
	uint64_t inode = 0;
	char found[sizeof(err.text) + 1];
	enum g2s_code code = sysroot.files.open(sysroot.files.user, path, &file, &device, &inode,
	                                        &err);
	if (code == G2S_OK) {
		snprintf(found, sizeof(found), "%.*s", (int)file.bytes.size,
		         file.bytes.size == 0 ? "" : (const char *)file.bytes.data);
		assert_true(inode != 0);
		g2s_file_close(&file);
	} else {
		assert_int_equal(code, G2S_ERR_READ);
		snprintf(found, sizeof(found), "!%s", err.text);
	}
	if (strcmp(found, wanted) != 0) {
		fail_msg("%s: %s", path, found);
	}
}

/* The next descriptor: none is left open. */
static int next_descriptor(void)
{
	int fd = dup(0);
	close(fd);
	return fd;
}

static void opens_what_is_beneath(void **state)
{
	(void)state;
	int before = next_descriptor();
	expect("/a/b/file", "inside");
	expect("//a/./b/../b/file", "inside");
	expect("/../../a/b/file", "inside");
	expect("/absolute/file", "inside");
	expect("/relative/file", "inside");
	expect("/relative/../b/file", "inside");
	expect("/a/long", "inside");
	expect("/a/beside", "inside");
	expect("/absolute/../beside", "inside");
	expect("/empty", "");
	expect("/", "!is not a regular file");
	expect("/a/..", "!is not a regular file");
	expect("/fifo", "!is not a regular file");
	expect("/loop", "!cannot open: Too many levels of symbolic links");
	assert_int_equal(next_descriptor(), before);
}

static void is_not_led_outside(void **state)
{
	(void)state;
	static char text[PATH_MAX + 10];
	int before = next_descriptor();
	expect("/../outside", "!");
	expect("/a/up", "!");
	expect("/a/out", "!");
	expect("/magic/etc/passwd", "!");
	expect("/broken", "!");
	expect("/a/b/file/x", "!");
	expect("/a/nothing/../b/file", "!");
	/* Names that are too long. */
	memset(text, 'x', sizeof(text) - 1);
	expect(text, "!cannot open: File name too long");
	text[300] = '\0';
	expect(text, "!cannot open: File name too long");
	assert_int_equal(next_descriptor(), before);
}

static bool add_name(void *to, const char *name)
{
	strcat(strcat(to, name), " ");
	return strcmp(name, "empty") != 0;
}

static void lists_directories(void **state)
{
	(void)state;
	char names[256] = "";
	int before = next_descriptor();
	assert_true(sysroot.files.list(sysroot.files.user, "/a", add_name, names));
	assert_string_equal(names, ". .. b beside long out up ");
	names[0] = '\0';
	assert_true(sysroot.files.list(sysroot.files.user, "/absolute", add_name, names));
	assert_string_equal(names, ". .. file ");
	/* The one who is called has seen enough. */
	names[0] = '\0';
	assert_true(sysroot.files.list(sysroot.files.user, "/", add_name, names));
	assert_string_equal(names, ". .. a absolute broken empty ");
	assert_false(sysroot.files.list(sysroot.files.user, "/a/b/file", add_name, names));
	assert_false(sysroot.files.list(sysroot.files.user, "/nothing", add_name, names));
	assert_int_equal(next_descriptor(), before);
}

static void knows_where_a_program_is(void **state)
{
	(void)state;
	char *place = sysroot_place("root", "root/relative/file");
	assert_string_equal(place, "/a/b/file");
	free(place);
	assert_null(sysroot_place("root", "outside"));
	assert_null(sysroot_place("root/a", "root/empty"));
	assert_null(sysroot_place("root", "root"));
	assert_null(sysroot_place("root", "root/nothing"));
	place = sysroot_place("/", "root/a/b/file");
	assert_non_null(place);
	assert_int_equal(strncmp(place, where, strlen(where)), 0);
	free(place);
	assert_int_equal(sysroot_open("root/empty"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_what_is_beneath),
		cmocka_unit_test(is_not_led_outside),
		cmocka_unit_test(lists_directories),
		cmocka_unit_test(knows_where_a_program_is),
	};
	return cmocka_run_group_tests_name("sysroot", tests, begin, end);
}
