/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/policy/sysno.h"
#include "policy/sysno_data.h"

#include <string.h>

/* Numbers that every book on the architecture has: if one is wrong, the table is. */
static void knows_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *arch;
		int64_t number;
		const char *name;
	} cases[] = {
		{"x86_64", 0, "read"}, {"x86_64", 59, "execve"}, {"x86_64", 60, "exit"},
		{"x86_64", 219, "restart_syscall"}, {"x86_64", 231, "exit_group"},
		{"x86_64", 334, "rseq"}, {"x86_64", 424, "pidfd_send_signal"},
		{"x86_64", 439, "faccessat2"},
		{"x86", 0, "restart_syscall"}, {"x86", 1, "exit"}, {"x86", 4, "write"},
		{"x86", 11, "execve"}, {"x86", 252, "exit_group"}, {"x86", 403, "clock_gettime64"},
		{"aarch64", 0, "io_setup"}, {"aarch64", 64, "write"}, {"aarch64", 221, "execve"},
		{"arm", 4, "write"}, {"arm", 11, "execve"}, {"arm", 0xf0002, "cacheflush"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *name = g2s_sysno_name(cases[i].arch, cases[i].number);
		assert_non_null(name);
		assert_string_equal(name, cases[i].name);
		assert_int_equal(g2s_sysno_number(cases[i].arch, cases[i].name), cases[i].number);
	}
}

static void knows_what_it_lacks(void **state)
{
	(void)state;
	assert_null(g2s_sysno_name("x86_64", 335 + 60));
	assert_null(g2s_sysno_name("x86_64", -1));
	assert_null(g2s_sysno_name("x86_64", INT64_MAX));
	/* Not the write of a number cut to 32 bits. */
	assert_null(g2s_sysno_name("x86_64", (INT64_C(1) << 32) + 1));
	assert_null(g2s_sysno_name("riscv64", 1));
	assert_null(g2s_sysno_name("", 1));
	assert_null(g2s_sysno_name("x86_6", 1));
	assert_int_equal(g2s_sysno_number("x86_64", "no_such_call"), -1);
	assert_int_equal(g2s_sysno_number("x86_64", "socketcall"), -1);
	assert_int_equal(g2s_sysno_number("riscv64", "write"), -1);
	assert_true(g2s_sysno_has_name("write"));
	assert_true(g2s_sysno_has_name("socketcall"));
	assert_true(g2s_sysno_has_name("cacheflush"));
	assert_false(g2s_sysno_has_name("no_such_call"));
	assert_false(g2s_sysno_has_name(""));
	assert_true(g2s_sysno_has_arch("x86"));
	assert_false(g2s_sysno_has_arch("x32"));
	assert_false(g2s_sysno_has_arch("riscv64"));
}

/* Every entry is found both ways, at the tables' ends as well. */
static void finds_every_entry(void **state)
{
	(void)state;
	size_t tables = 0;
	for (const struct g2s_sysno_table *table = g2s_sysno_tables; table->arch != NULL; table++) {
		assert_true(table->count > 300);
		for (size_t i = 0; i < table->count; i++) {
			const struct g2s_sysno_entry *entry = &table->entries[i];
			const char *name = table->names + entry->name;
			assert_string_equal(g2s_sysno_name(table->arch, entry->number), name);
			assert_int_equal(g2s_sysno_number(table->arch, name), entry->number);
		}
		tables++;
	}
	assert_int_equal(tables, 4);
}

static void knows_x32(void **state)
{
	(void)state;
	static const struct {
		int64_t number;
		const char *name;
	} cases[] = {
		{0, "read"}, {1, "write"}, {231, "exit_group"}, {512, "rt_sigaction"},
		{514, "ioctl"}, {520, "execve"}, {529, "waitid"}, {547, "pwritev2"},
		{424, "pidfd_send_signal"},
		/* Those numbers are x86_64's own: x32 has others for these calls. */
		{13, NULL}, {16, NULL}, {59, NULL}, {548, NULL}, {511, NULL},
		/* And those calls it has not. */
		{134, NULL}, {205, NULL}, {236, NULL},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t number = G2S_SYSNO_X32_BIT + cases[i].number;
		const char *name = g2s_sysno_name("x86_64", number);
		assert_true(g2s_sysno_is_x32("x86_64", number));
		if (cases[i].name == NULL) {
			assert_null(name);
		} else {
			assert_non_null(name);
			assert_string_equal(name, cases[i].name);
			assert_int_equal(g2s_sysno_x32_number(name), number);
		}
	}
	assert_int_equal(g2s_sysno_x32_number("socketcall"), -1);
	assert_int_equal(g2s_sysno_x32_number("uselib"), -1);
	assert_int_equal(g2s_sysno_x32_number(""), -1);
	/* Without the bit the numbers mean nothing, and no other architecture has it. */
	assert_null(g2s_sysno_name("x86_64", 520));
	assert_null(g2s_sysno_name("x86", G2S_SYSNO_X32_BIT + 4));
	assert_false(g2s_sysno_is_x32("x86", G2S_SYSNO_X32_BIT + 4));
	assert_false(g2s_sysno_is_x32("x86_64", 4));
	assert_false(g2s_sysno_is_x32("x86_64", G2S_SYSNO_X32_BIT - 1));
	assert_false(g2s_sysno_is_x32("x86_64", 2 * (int64_t)G2S_SYSNO_X32_BIT));
	assert_false(g2s_sysno_is_x32("x86_64", -1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_numbers),
		cmocka_unit_test(knows_what_it_lacks),
		cmocka_unit_test(finds_every_entry),
		cmocka_unit_test(knows_x32),
	};
	return cmocka_run_group_tests_name("sysno", tests, NULL, NULL);
}
