/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/image/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t DATA[] = {0x01, 0x82, 0x03, 0x84, 'a', 'b', 0, 'c', 'd', 0xff};

static struct g2s_bytes data(void)
{
	return (struct g2s_bytes){DATA, sizeof(DATA)};
}

static void knows_its_edges(void **state)
{
	(void)state;
	const struct {
		uint64_t offset;
		uint64_t size;
		bool inside;
	} rows[] = {
		{0, 0, true},
		{0, 10, true},
		{0, 11, false},
		{9, 1, true},
		{9, 2, false},
		{10, 0, true},
		{10, 1, false},
		{11, 0, false},
		/* Sums that would wrap around. */
		{UINT64_MAX, 0, false},
		{UINT64_MAX, 1, false},
		{0, UINT64_MAX, false},
		{5, UINT64_MAX - 4, false},
		{UINT64_MAX - 4, 5, false},
		{UINT64_C(1) << 32, 1, false},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct g2s_bytes part = {NULL, 77};
		assert_int_equal(g2s_bytes_has(data(), rows[i].offset, rows[i].size),
		                 rows[i].inside);
		assert_int_equal(g2s_bytes_slice(data(), rows[i].offset, rows[i].size, &part),
		                 rows[i].inside);
		assert_ptr_equal(part.data, rows[i].inside ? DATA + rows[i].offset : NULL);
		assert_int_equal(part.size, rows[i].inside ? rows[i].size : 77);
	}
	const struct g2s_bytes none = {NULL, 0};
	struct g2s_bytes part = {DATA, 77};
	assert_true(g2s_bytes_slice(none, 0, 0, &part));
	assert_int_equal(part.size, 0);
	assert_false(g2s_bytes_slice(none, 0, 1, &part));
	assert_false(g2s_bytes_slice(none, 1, 0, &part));
}

static void reads_numbers(void **state)
{
	(void)state;
	uint64_t number = 0;
	assert_true(g2s_bytes_uint(data(), 0, 1, &number));
	assert_int_equal(number, 0x01);
	assert_true(g2s_bytes_uint(data(), 0, 2, &number));
	assert_int_equal(number, 0x8201);
	assert_true(g2s_bytes_uint(data(), 0, 4, &number));
	assert_int_equal(number, 0x84038201);
	assert_true(g2s_bytes_uint(data(), 2, 8, &number));
	assert_true(number == UINT64_C(0xff64630062618403));
	/* The last place for each width, and the one behind it. */
	static const unsigned widths[] = {1, 2, 4, 8};
	for (size_t i = 0; i < COUNT(widths); i++) {
		assert_true(g2s_bytes_uint(data(), sizeof(DATA) - widths[i], widths[i], &number));
		assert_int_equal(number >> (8 * (widths[i] - 1)), 0xff);
		number = 77;
		assert_false(
			g2s_bytes_uint(data(), sizeof(DATA) - widths[i] + 1, widths[i], &number));
		assert_false(g2s_bytes_uint(data(), UINT64_MAX, widths[i], &number));
		assert_int_equal(number, 77);
	}
	/* No number is wider than 8. */
	assert_false(g2s_bytes_uint(data(), 0, 9, &number));
	assert_int_equal(number, 77);
}

static void reads_strings(void **state)
{
	(void)state;
	struct g2s_bytes text = {NULL, 77};
	assert_true(g2s_bytes_string(data(), 4, 100, &text));
	assert_int_equal(text.size, 2);
	assert_memory_equal(text.data, "ab", 2);
	assert_true(g2s_bytes_string(data(), 6, 100, &text));
	assert_int_equal(text.size, 0);
	/* The limit counts the NUL. */
	assert_true(g2s_bytes_string(data(), 4, 3, &text));
	text.size = 77;
	assert_false(g2s_bytes_string(data(), 4, 2, &text));
	/* No NUL to the end, nothing there, nothing behind. */
	assert_false(g2s_bytes_string(data(), 7, 100, &text));
	assert_false(g2s_bytes_string(data(), 10, 100, &text));
	assert_false(g2s_bytes_string(data(), UINT64_MAX, 100, &text));
	assert_false(g2s_bytes_string((struct g2s_bytes){NULL, 0}, 0, 100, &text));
	assert_int_equal(text.size, 77);
}

static void finds_bytes(void **state)
{
	(void)state;
	static const uint8_t hay[] = {'a', 'a', 'b', 'a', 'a', 'b'};
	const struct g2s_bytes bytes = {hay, sizeof(hay)};
	const struct {
		size_t from;
		const char *needle;
		size_t at;
	} rows[] = {
		{0, "aab", 0},       {1, "aab", 3},        {3, "aab", 3},  {4, "aab", SIZE_MAX},
		{0, "ab", 1},        {0, "b", 2},          {5, "b", 5},    {6, "b", SIZE_MAX},
		{0, "ba", 2},        {0, "bb", SIZE_MAX},  {7, "a", SIZE_MAX},
		{0, "aabaab", 0},    {0, "aabaabb", SIZE_MAX}, {SIZE_MAX, "a", SIZE_MAX},
		{0, "", SIZE_MAX},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(g2s_bytes_find(bytes, rows[i].from, rows[i].needle,
		                                strlen(rows[i].needle)),
		                 rows[i].at);
	}
	assert_int_equal(g2s_bytes_find((struct g2s_bytes){NULL, 0}, 0, "a", 1), SIZE_MAX);
}

static void maps_files(void **state)
{
	(void)state;
	char path[] = "/tmp/g2s-test-XXXXXX";
	int fd = mkstemp(path);
	struct g2s_file file;
	struct g2s_error err = {0};
	assert_true(fd >= 0);
	/* An empty file is fine, and has no bytes. */
	assert_int_equal(g2s_file_open(&file, path, &err), G2S_OK);
	assert_int_equal(file.bytes.size, 0);
	g2s_file_close(&file);
	assert_int_equal(write(fd, DATA, sizeof(DATA)), sizeof(DATA));
	assert_int_equal(close(fd), 0);
	assert_int_equal(g2s_file_open(&file, path, &err), G2S_OK);
	assert_int_equal(file.bytes.size, sizeof(DATA));
	assert_memory_equal(file.bytes.data, DATA, sizeof(DATA));
	g2s_file_close(&file);
	assert_null(file.bytes.data);
	g2s_file_close(&file);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(g2s_file_open(&file, path, &err), G2S_ERR_READ);
	assert_string_equal(err.text, "cannot open: No such file or directory");
	g2s_file_close(&file);
}

static void refuses_what_is_no_file(void **state)
{
	(void)state;
	char directory[] = "/tmp/g2s-test-XXXXXX";
	char path[sizeof(directory) + 5];
	struct g2s_file file;
	struct g2s_error err = {0};
	assert_non_null(mkdtemp(directory));
	assert_int_equal(g2s_file_open(&file, directory, &err), G2S_ERR_READ);
	assert_string_equal(err.text, "is a directory");
	g2s_file_close(&file);
	snprintf(path, sizeof(path), "%s/fifo", directory);
	/* Nobody writes to it: opening must not wait. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(g2s_file_open(&file, path, &err), G2S_ERR_READ);
	assert_string_equal(err.text, "is not a regular file");
	g2s_file_close(&file);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
	assert_int_equal(g2s_file_open(&file, "/dev/zero", &err), G2S_ERR_READ);
	assert_int_equal(g2s_file_open(&file, "", NULL), G2S_ERR_READ);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_its_edges),
		cmocka_unit_test(reads_numbers),
		cmocka_unit_test(reads_strings),
		cmocka_unit_test(finds_bytes),
		cmocka_unit_test(maps_files),
		cmocka_unit_test(refuses_what_is_no_file),
	};
	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
