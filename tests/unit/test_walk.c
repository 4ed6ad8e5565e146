/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "walk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A tree that changes between the walk and the scan; what a shell can see is in tests/cli. */

static char where[] = "/tmp/g2s-walk-XXXXXX";

/* Makes a file that begins as a program does. */
static void make_file(const char *path, const char *rest)
{
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	fprintf(out, "\177ELF%s", rest);
	assert_int_equal(fclose(out), 0);
}

static int begin(void **state)
{
	(void)state;
	strcpy(where + strlen(where) - 6, "XXXXXX");
	if (mkdtemp(where) == NULL || chdir(where) != 0 || mkdir("root", 0755) != 0 ||
	    mkdir("root/a", 0755) != 0 || mkdir("root/a/b", 0755) != 0 ||
	    mkdir("outside", 0755) != 0 || mkdir("outside/b", 0755) != 0) {
		return -1;
	}
	make_file("root/a/b/app", "inside");
	make_file("root/z", "z");
	make_file("outside/b/app", "outside");
	/* A test that waits for a pipe's writer is to fail. */
	alarm(60);
	return 0;
}

static int end(void **state)
{
	(void)state;
	alarm(0);
	char command[sizeof(where) + 16];
	snprintf(command, sizeof(command), "rm -rf %s", where);
	return chdir("/") != 0 || system(command) != 0 ? -1 : 0;
}

static void walk_root(struct walk *walk)
{
	*walk = (struct walk){0};
	assert_true(walk_tree(walk, "root", NULL));
	assert_true(walk_unite(walk));
	assert_int_equal(walk->count, 2);
	assert_string_equal(walk->files[0].path, "root/a/b/app");
	assert_string_equal(walk->files[1].path, "root/z");
}

static void expect_content(const struct walk_file *file, const char *wanted)
{
	struct g2s_error err = {0};
	struct g2s_file opened;
	assert_int_equal(walk_open(file, &opened, &err), G2S_OK);
	assert_int_equal(opened.bytes.size, strlen(wanted));
	if (opened.bytes.size != 0) {
		assert_memory_equal(opened.bytes.data, wanted, strlen(wanted));
	}
	g2s_file_close(&opened);
}

static void expect_failure(const struct walk_file *file, const char *words)
{
	struct g2s_error err = {0};
	struct g2s_file opened;
	assert_int_equal(walk_open(file, &opened, &err), G2S_ERR_READ);
	assert_non_null(strstr(err.text, words));
	assert_null(opened.bytes.data);
	g2s_file_close(&opened);
}

static void opens_what_it_found(void **state)
{
	(void)state;
	struct walk walk;
	walk_root(&walk);
	expect_content(&walk.files[0], "\177ELFinside");
	expect_content(&walk.files[1], "\177ELFz");
	/* Also from elsewhere, and when the root itself has another name by now. */
	assert_int_equal(rename("root", "moved"), 0);
	assert_int_equal(symlink("outside", "root"), 0);
	assert_int_equal(chdir("/"), 0);
	expect_content(&walk.files[0], "\177ELFinside");
	walk_free(&walk);
}

/* A directory above the file, or the file itself, becomes a link that leads out. */
static void stays_inside(void **state)
{
	(void)state;
	struct walk walk;
	walk_root(&walk);
	assert_int_equal(rename("root/a", "root/old"), 0);
	assert_int_equal(symlink("../outside", "root/a"), 0);
	expect_failure(&walk.files[0], "cannot open: ");
	assert_int_equal(unlink("root/a"), 0);
	assert_int_equal(mkdir("root/a", 0755), 0);
	assert_int_equal(symlink("../../outside/b", "root/a/b"), 0);
	expect_failure(&walk.files[0], "cannot open: ");
	assert_int_equal(unlink("root/z"), 0);
	assert_int_equal(symlink("../outside/b/app", "root/z"), 0);
	expect_failure(&walk.files[1], "cannot open: ");
	walk_free(&walk);
}

static void file_becomes_another_kind(void **state)
{
	(void)state;
	struct walk walk;
	walk_root(&walk);
	assert_int_equal(unlink("root/z"), 0);
	expect_failure(&walk.files[1], "cannot open: No such file");
	assert_int_equal(mkfifo("root/z", 0666), 0);
	expect_failure(&walk.files[1], "is not a regular file");
	assert_int_equal(unlink("root/z"), 0);
	assert_int_equal(mkdir("root/z", 0755), 0);
	expect_failure(&walk.files[1], "is not a regular file");
	assert_int_equal(truncate("root/a/b/app", 0), 0);
	expect_content(&walk.files[0], "");
	walk_free(&walk);
}

/* Two files of one number, as some file systems have them, are two files all the same. */
static void number_alone_is_no_identity(void **state)
{
	(void)state;
	struct walk walk;
	walk_root(&walk);
	walk.files[1].identity.device = walk.files[0].identity.device;
	walk.files[1].identity.inode = walk.files[0].identity.inode;
	assert_true(walk_unite(&walk));
	assert_int_equal(walk.count, 2);
	walk.files[1].identity = walk.files[0].identity;
	assert_true(walk_unite(&walk));
	assert_int_equal(walk.count, 1);
	assert_string_equal(walk.files[0].path, "root/a/b/app");
	walk_free(&walk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opens_what_it_found, begin, end),
		cmocka_unit_test_setup_teardown(stays_inside, begin, end),
		cmocka_unit_test_setup_teardown(file_becomes_another_kind, begin, end),
		cmocka_unit_test_setup_teardown(number_alone_is_no_identity, begin, end),
	};
	return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
