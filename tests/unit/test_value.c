/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/analysis/value.h"

#include <string.h>

static struct g2s_values values;

static int open_values(void **state)
{
	(void)state;
	return g2s_values_open(&values) ? 0 : 1;
}

static int close_values(void **state)
{
	(void)state;
	bool failed = values.failed;
	g2s_values_free(&values);
	return failed;
}

static g2s_value number(uint64_t n)
{
	return g2s_value_const(&values, n);
}

static g2s_value parameter(uint8_t kind, uint64_t n)
{
	return g2s_value_of(&values, (struct g2s_atom){.kind = kind, .width = 8, .value = n});
}

static g2s_value both(g2s_value a, g2s_value b)
{
	return g2s_value_join(&values, a, b);
}

/* The set has just these atoms, given as kind and value. */
static void expect(g2s_value value, size_t count, const uint64_t (*wanted)[2])
{
	size_t found;
	const struct g2s_atom *atoms = g2s_value_atoms(&values, value, &found);
	assert_int_equal(found, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(atoms[i].kind, wanted[i][0]);
		assert_true(atoms[i].value == wanted[i][1]);
	}
}

static void expect_number(g2s_value value, uint64_t wanted)
{
	uint64_t n = 0;
	assert_true(g2s_value_is_const(&values, value, &n));
	assert_true(n == wanted);
}

/* The set is one atom of this kind, value and width. */
static void expect_atom(g2s_value value, uint8_t kind, uint64_t n, unsigned width, bool is_signed)
{
	size_t count;
	const struct g2s_atom *atom = g2s_value_atoms(&values, value, &count);
	assert_int_equal(count, 1);
	assert_int_equal(atom->kind, kind);
	assert_true(atom->value == n);
	assert_int_equal(atom->width, width);
	assert_int_equal(atom->is_signed, is_signed);
}

static void expect_unknown(g2s_value value, enum g2s_reason reason)
{
	const uint64_t wanted[][2] = {{G2S_ATOM_UNKNOWN, reason}};
	expect(value, 1, wanted);
}

static void joins(void **state)
{
	(void)state;
	g2s_value five = number(5);
	g2s_value three = number(3);
	g2s_value rdi = parameter(G2S_ATOM_REGISTER, 7);
	assert_int_equal(five, number(5));
	assert_int_not_equal(five, three);
	assert_int_equal(both(five, five), five);
	assert_int_equal(both(five, G2S_VALUE_NOTHING), five);
	assert_int_equal(both(G2S_VALUE_NOTHING, five), five);
	assert_int_equal(both(five, three), both(three, five));
	assert_int_equal(both(both(five, three), five), both(three, five));
	const uint64_t all[][2] = {
		{G2S_ATOM_CONST, 3}, {G2S_ATOM_CONST, 5}, {G2S_ATOM_REGISTER, 7}};
	expect(both(both(five, rdi), three), 3, all);
	assert_int_equal(both(both(five, rdi), three), both(both(rdi, three), five));
	/* What is unknown does not hide what is known. */
	g2s_value unknown = g2s_value_unknown(&values, G2S_REASON_MEMORY);
	const uint64_t beside[][2] = {{G2S_ATOM_CONST, 5}, {G2S_ATOM_UNKNOWN, G2S_REASON_MEMORY}};
	expect(both(unknown, five), 2, beside);
}

static void tells_sets_apart(void **state)
{
	(void)state;
	uint64_t n;
	int64_t offset;
	g2s_value two = both(number(1), number(2));
	assert_false(g2s_value_is_const(&values, two, &n));
	assert_false(g2s_value_is_const(&values, G2S_VALUE_NOTHING, &n));
	assert_false(g2s_value_is_const(&values, g2s_value_stack(&values, 1), &n));
	assert_true(g2s_value_is_stack(&values, g2s_value_stack(&values, -8), &offset));
	assert_int_equal(offset, -8);
	assert_false(g2s_value_is_stack(&values, number(8), &offset));
	assert_true(g2s_value_points(&values, two, (struct g2s_range){2, 3}));
	assert_false(g2s_value_points(&values, two, (struct g2s_range){3, 9}));
	assert_false(g2s_value_points(&values, two, (struct g2s_range){0, 1}));
	/* The same number of different widths is not the same. */
	struct g2s_atom narrow = {.kind = G2S_ATOM_SLOT, .width = 4, .value = 8};
	assert_int_not_equal(g2s_value_of(&values, narrow), parameter(G2S_ATOM_SLOT, 8));
}

static void bounds_constants(void **state)
{
	(void)state;
	g2s_value set = G2S_VALUE_NOTHING;
	size_t count;
	for (uint64_t i = 0; i < G2S_VALUE_LIMIT; i++) {
		set = both(set, number(1000 - i));
	}
	(void)g2s_value_atoms(&values, set, &count);
	assert_int_equal(count, G2S_VALUE_LIMIT);
	g2s_value full = set;
	set = both(set, number(5));
	expect_unknown(set, G2S_REASON_TOO_MANY);
	/* Once too many, always: or joins would not end. */
	assert_int_equal(both(set, number(6)), set);
	assert_int_equal(both(set, full), set);
	/* Other kinds beside it are not lost, but reasons. */
	g2s_value more = both(both(full, g2s_value_unknown(&values, G2S_REASON_MEMORY)), number(5));
	const uint64_t wanted[][2] = {{G2S_ATOM_UNKNOWN, G2S_REASON_MEMORY},
	                              {G2S_ATOM_UNKNOWN, G2S_REASON_TOO_MANY}};
	expect(more, 2, wanted);
}

static void bounds_places(void **state)
{
	(void)state;
	g2s_value set = G2S_VALUE_NOTHING;
	for (int64_t i = 0; i < G2S_VALUE_LIMIT; i++) {
		set = both(set, g2s_value_stack(&values, -8 * i));
	}
	size_t count;
	(void)g2s_value_atoms(&values, set, &count);
	assert_int_equal(count, G2S_VALUE_LIMIT);
	set = both(set, g2s_value_stack(&values, -8 * G2S_VALUE_LIMIT));
	/* Never unknown: a store through it must still be seen to hit the stack. */
	const uint64_t anywhere[][2] = {{G2S_ATOM_STACK_ANY, 0}};
	expect(set, 1, anywhere);
	assert_int_equal(both(set, g2s_value_stack(&values, 800)), set);
	set = G2S_VALUE_NOTHING;
	for (uint64_t i = 0; i < G2S_VALUE_LIMIT; i++) {
		set = both(set, parameter(G2S_ATOM_SLOT, 8 * i));
	}
	expect_unknown(set, G2S_REASON_TOO_MANY);
}

static void cuts(void **state)
{
	(void)state;
	g2s_value big = number(UINT64_C(0x8877665544332281));
	expect_number(g2s_value_cut(&values, big, 8), UINT64_C(0x8877665544332281));
	expect_number(g2s_value_cut(&values, big, 4), 0x44332281);
	expect_number(g2s_value_cut(&values, big, 2), 0x2281);
	expect_number(g2s_value_cut(&values, big, 1), 0x81);
	expect_number(g2s_value_extend(&values, big, 1), UINT64_C(0xffffffffffffff81));
	expect_number(g2s_value_extend(&values, big, 2), 0x2281);
	expect_number(g2s_value_extend(&values, number(0x80000000), 4),
	              UINT64_C(0xffffffff80000000));
	/* Two numbers that become one. */
	expect_number(g2s_value_cut(&values, both(number(0x101), number(1)), 1), 1);
	assert_int_equal(g2s_value_cut(&values, G2S_VALUE_NOTHING, 4), G2S_VALUE_NOTHING);
}

static void cuts_parameters(void **state)
{
	(void)state;
	/* The kernel looks at 32 bits of the number; a part of those is something else. */
	g2s_value rdi = parameter(G2S_ATOM_REGISTER, 7);
	g2s_value slot = parameter(G2S_ATOM_SLOT, 8);
	expect_atom(g2s_value_cut(&values, rdi, 4), G2S_ATOM_REGISTER, 7, 4, false);
	expect_atom(g2s_value_extend(&values, slot, 4), G2S_ATOM_SLOT, 8, 4, true);
	assert_int_equal(g2s_value_cut(&values, rdi, 8), rdi);
	expect_unknown(g2s_value_cut(&values, rdi, 2), G2S_REASON_COMPUTED);
	expect_unknown(g2s_value_cut(&values, slot, 1), G2S_REASON_COMPUTED);
	/* Of a global, less of it is read. */
	size_t count;
	g2s_value global = parameter(G2S_ATOM_GLOBAL, 0x405000);
	const struct g2s_atom *atom =
		g2s_value_atoms(&values, g2s_value_cut(&values, global, 2), &count);
	assert_int_equal(count, 1);
	assert_int_equal(atom->kind, G2S_ATOM_GLOBAL);
	assert_int_equal(atom->width, 2);
	assert_false(atom->is_signed);
	atom = g2s_value_atoms(&values, g2s_value_extend(&values, global, 4), &count);
	assert_int_equal(atom->width, 4);
	assert_true(atom->is_signed);
	expect_unknown(g2s_value_cut(&values, g2s_value_stack(&values, -8), 4),
	               G2S_REASON_COMPUTED);
}

static void calculates(void **state)
{
	(void)state;
	const struct {
		enum g2s_op op;
		uint64_t a;
		uint64_t b;
		unsigned width;
		uint64_t wanted;
	} rows[] = {
		{G2S_OP_ADD, 40, 2, 8, 42},
		{G2S_OP_ADD, 0xffffffff, 2, 4, 1},
		{G2S_OP_ADD, UINT64_MAX, 2, 8, 1},
		{G2S_OP_SUB, 1, 2, 4, 0xffffffff},
		{G2S_OP_SUB, 1, 2, 8, UINT64_MAX},
		{G2S_OP_AND, 0xff0, 0x0ff, 8, 0x0f0},
		{G2S_OP_OR, 0xf00, 0x00f, 8, 0xf0f},
		{G2S_OP_XOR, 0xff0, 0x0ff, 8, 0xf0f},
		{G2S_OP_MUL, 6, 7, 8, 42},
		{G2S_OP_MUL, 0x10000, 0x10001, 4, 0x10000},
		{G2S_OP_SHL, 1, 31, 4, 0x80000000},
		{G2S_OP_SHL, 1, 32, 4, 1},
		{G2S_OP_SHL, 1, 32, 8, UINT64_C(1) << 32},
		{G2S_OP_SHL, 1, 64, 8, 1},
		/* Of 8 and 16 bits, counts are still taken modulo 32. */
		{G2S_OP_SHL, 1, 9, 1, 0},
		{G2S_OP_SHR, 0xff80, 4, 1, 8},
		{G2S_OP_SHR, 0x80000000, 31, 4, 1},
		{G2S_OP_SHR, UINT64_C(0xf80000000), 31, 4, 1},
		{G2S_OP_SAR, 0x80000000, 31, 4, 0xffffffff},
		{G2S_OP_SAR, 0x40000000, 30, 4, 1},
		{G2S_OP_SAR, UINT64_C(1) << 63, 63, 8, UINT64_MAX},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		expect_number(g2s_value_binary(&values, rows[i].op, number(rows[i].a),
		                               number(rows[i].b), rows[i].width),
		              rows[i].wanted);
	}
	expect_number(g2s_value_unary(&values, G2S_OP_NEG, number(1), 4), 0xffffffff);
	expect_number(g2s_value_unary(&values, G2S_OP_NOT, number(0xf0), 1), 0x0f);
	expect_number(g2s_value_unary(&values, G2S_OP_NOT, number(0), 8), UINT64_MAX);
}

static void calculates_with_sets(void **state)
{
	(void)state;
	g2s_value few = both(number(0), number(1));
	const uint64_t sums[][2] = {{G2S_ATOM_CONST, 10}, {G2S_ATOM_CONST, 11}};
	expect(g2s_value_binary(&values, G2S_OP_ADD, few, number(10), 8), 2, sums);
	assert_int_equal(g2s_value_binary(&values, G2S_OP_ADD, few, G2S_VALUE_NOTHING, 8),
	                 G2S_VALUE_NOTHING);
	/* 64 by 64 numbers are past the bound, long before all are looked at. */
	g2s_value many = G2S_VALUE_NOTHING;
	for (uint64_t i = 0; i < G2S_VALUE_LIMIT; i++) {
		many = both(many, number(i));
	}
	g2s_value scaled = g2s_value_binary(&values, G2S_OP_MUL, many, number(1000), 8);
	expect_unknown(g2s_value_binary(&values, G2S_OP_ADD, many, scaled, 8),
	               G2S_REASON_TOO_MANY);
	/* What is unknown says why; a calculated parameter is no parameter. */
	g2s_value memory = g2s_value_unknown(&values, G2S_REASON_MEMORY);
	g2s_value rdi = parameter(G2S_ATOM_REGISTER, 7);
	expect_unknown(g2s_value_binary(&values, G2S_OP_ADD, memory, number(1), 8),
	               G2S_REASON_MEMORY);
	expect_unknown(g2s_value_binary(&values, G2S_OP_ADD, number(1), memory, 8),
	               G2S_REASON_MEMORY);
	expect_unknown(g2s_value_binary(&values, G2S_OP_ADD, rdi, number(1), 8),
	               G2S_REASON_COMPUTED);
	expect_unknown(g2s_value_binary(&values, G2S_OP_SUB, number(1), rdi, 8),
	               G2S_REASON_COMPUTED);
}

static void calculates_places(void **state)
{
	(void)state;
	int64_t offset = 0;
	g2s_value sp = g2s_value_stack(&values, 0);
	g2s_value lower = g2s_value_binary(&values, G2S_OP_SUB, sp, number(24), 8);
	assert_true(g2s_value_is_stack(&values, lower, &offset));
	assert_int_equal(offset, -24);
	/* The order does not matter for a sum. */
	g2s_value back = g2s_value_binary(&values, G2S_OP_ADD, number(8), lower, 8);
	assert_true(g2s_value_is_stack(&values, back, &offset));
	assert_int_equal(offset, -16);
	/* At the entry the stack pointer is 8 above a multiple of 16. */
	g2s_value aligned = g2s_value_binary(&values, G2S_OP_AND, sp, number(UINT64_MAX - 15), 8);
	assert_true(g2s_value_is_stack(&values, aligned, &offset));
	assert_int_equal(offset, -8);
	const uint64_t anywhere[][2] = {{G2S_ATOM_STACK_ANY, 0}};
	g2s_value rdi = parameter(G2S_ATOM_REGISTER, 7);
	expect(g2s_value_binary(&values, G2S_OP_ADD, sp, rdi, 8), 1, anywhere);
	expect_unknown(g2s_value_binary(&values, G2S_OP_ADD, sp, number(8), 4),
	               G2S_REASON_COMPUTED);
	expect_unknown(g2s_value_binary(&values, G2S_OP_MUL, sp, number(8), 8),
	               G2S_REASON_COMPUTED);
}

static void widens(void **state)
{
	(void)state;
	g2s_value mixed = both(both(number(5), parameter(G2S_ATOM_REGISTER, 7)),
	                       g2s_value_stack(&values, -8));
	size_t count;
	g2s_value wide = g2s_value_widen(&values, mixed);
	const struct g2s_atom *atoms = g2s_value_atoms(&values, wide, &count);
	bool too_many = false;
	bool anywhere = false;
	for (size_t i = 0; i < count; i++) {
		assert_int_not_equal(atoms[i].kind, G2S_ATOM_CONST);
		assert_int_not_equal(atoms[i].kind, G2S_ATOM_STACK);
		too_many = too_many || (atoms[i].kind == G2S_ATOM_UNKNOWN &&
		                        atoms[i].value == G2S_REASON_TOO_MANY);
		anywhere = anywhere || atoms[i].kind == G2S_ATOM_STACK_ANY;
	}
	assert_true(too_many);
	assert_true(anywhere);
	assert_int_equal(g2s_value_widen(&values, wide), wide);
	assert_int_equal(both(wide, mixed), wide);
}

/* Many sets: the tables grow, and equal sets are still one. */
static void keeps_many(void **state)
{
	(void)state;
	enum { MANY = 20000 };
	static g2s_value kept[MANY];
	for (uint64_t i = 0; i < MANY; i++) {
		kept[i] = both(number(i * 7919), number(i));
	}
	for (uint64_t i = 0; i < MANY; i++) {
		assert_int_equal(both(number(i), number(i * 7919)), kept[i]);
		assert_true(g2s_value_points(&values, kept[i], (struct g2s_range){i, i + 1}));
	}
	g2s_values_clear(&values);
	expect_number(number(5), 5);
	expect_number(both(number(5), number(5)), 5);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, open_values, close_values)
	const struct CMUnitTest tests[] = {
		CASE(joins),
		CASE(tells_sets_apart),
		CASE(bounds_constants),
		CASE(bounds_places),
		CASE(cuts),
		CASE(cuts_parameters),
		CASE(calculates),
		CASE(calculates_with_sets),
		CASE(calculates_places),
		CASE(widens),
		CASE(keeps_many),
	};
#undef CASE
	return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
