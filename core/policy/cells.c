/* SPDX-License-Identifier: MIT */
#include "cells.h"

#include <stdint.h>
#include <string.h>

/* The values of an argument that are left: from low to high, with these bits of the mask. */
struct box {
	uint64_t low;
	uint64_t high;
	uint64_t mask;
	uint64_t value;
};

enum { ARGUMENTS = 6 };

struct search {
	const struct g2s_clause *clauses;
	size_t count;
	const struct g2s_action *otherwise;
	size_t *budget;
	struct g2s_comparison *comparison;
	/* The cell: none of them is empty. */
	struct box boxes[ARGUMENTS];
	/* Which of the clauses that were looked at match in it. */
	bool matched[G2S_CLAUSES_MAX];
};

/*
 * --- values
 * ------------------------------------------------------------------------------------
 */

/* True when some value is left. */
static bool has_value(const struct box *box)
{
	if (box->low > box->high) {
		return false;
	}
	if ((box->low & box->mask) == box->value) {
		return true;
	}
	/*
	 * The next value above low has low's bits down to one that is 0 there and 1 here; below it,
	 * it is as small as the mask allows.  The lowest such bit gives the least value.
	 */
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t one = UINT64_C(1) << bit;
		uint64_t below = one - 1;
		uint64_t above = ~(below | one);
		if ((box->low & one) == 0 && ((box->mask & one) == 0 || (box->value & one) != 0) &&
		    (box->low & box->mask & above) == (box->value & above)) {
			uint64_t next = (box->low & above) | one | (box->value & below);
			return next <= box->high;
		}
	}
	return false;
}

/* A test as a set of values: an interval or a pattern of bits, or all values but those. */
struct set {
	bool is_mask;
	bool turned;
	/* From and to, or mask and value; from above to is the empty set. */
	uint64_t a;
	uint64_t b;
};

static struct set set_of(const struct g2s_rule_argument *test)
{
	uint64_t value = test->value;
	const char *op = test->op + strlen("SCMP_CMP_");
	if (strcmp(op, "LT") == 0) {
		return value == 0 ? (struct set){.a = 1, .b = 0} : (struct set){.b = value - 1};
	}
	if (strcmp(op, "LE") == 0) {
		return (struct set){.b = value};
	}
	if (strcmp(op, "GE") == 0) {
		return (struct set){.a = value, .b = UINT64_MAX};
	}
	if (strcmp(op, "GT") == 0) {
		return value == UINT64_MAX ? (struct set){.a = 1, .b = 0} :
		       (struct set){.a = value + 1, .b = UINT64_MAX};
	}
	if (strcmp(op, "MASKED_EQ") == 0 && value != UINT64_MAX) {
		/* libseccomp masks both. */
		return (struct set){.is_mask = true, .a = value, .b = test->value_two & value};
	}
	if (strcmp(op, "MASKED_EQ") == 0) {
		value = test->value_two;
	}
	return (struct set){.turned = strcmp(op, "NE") == 0, .a = value, .b = value};
}

/* Leaves in *box what is in the set, turned or not; returns false when that is nothing. */
static bool keep_inside(struct box *box, const struct set *set)
{
	if (set->is_mask) {
		if ((box->mask & set->a & (box->value ^ set->b)) != 0) {
			return false;
		}
		box->mask |= set->a;
		box->value |= set->b;
	} else {
		box->low = box->low > set->a ? box->low : set->a;
		box->high = box->high < set->b ? box->high : set->b;
	}
	return has_value(box);
}

enum { PARTS_MAX = 64 };

/* What is left of box outside of the set, as parts without overlap; returns how many. */
static unsigned keep_outside(const struct box *box, const struct set *set,
                             struct box parts[PARTS_MAX])
{
	unsigned count = 0;
	if (set->is_mask) {
		/* The highest bit that is wrong tells the parts apart. */
		uint64_t right = 0;
		for (unsigned bit = 64; bit-- > 0;) {
			uint64_t one = UINT64_C(1) << bit;
			if ((set->a & one) == 0) {
				continue;
			}
			const struct set wrong = {
				.is_mask = true,
				.a = right | one,
				.b = (set->b & right) | (~set->b & one),
			};
			parts[count] = *box;
			count += keep_inside(&parts[count], &wrong);
			right |= one;
		}
		return count;
	}
	if (set->a > set->b) {
		parts[count++] = *box;
		return count;
	}
	if (set->a != 0) {
		parts[count] = *box;
		count += keep_inside(&parts[count], &(struct set){.b = set->a - 1});
	}
	if (set->b != UINT64_MAX) {
		parts[count] = *box;
		count += keep_inside(&parts[count],
		                     &(struct set){.a = set->b + 1, .b = UINT64_MAX});
	}
	return count;
}

/*
 * --- cells
 * -------------------------------------------------------------------------------------
 */

/* Tells of action i of those that compete on a side; returns false when there are not so many. */
static bool next_action(const struct search *search, int side, size_t *at,
                        struct g2s_action *action)
{
	while (*at < search->count) {
		const struct g2s_clause *clause = &search->clauses[(*at)++];
		if (clause->side == side && search->matched[clause - search->clauses]) {
			*action = clause->action;
			return true;
		}
	}
	return false;
}

static bool competes(const struct search *search, int side, struct g2s_action wanted)
{
	size_t at = 0;
	bool any = false;
	struct g2s_action action;
	while (next_action(search, side, &at, &action)) {
		any = true;
		if (g2s_action_equal(action, wanted)) {
			return true;
		}
	}
	return !any && g2s_action_equal(search->otherwise[side], wanted);
}

/* Every test has its answer. */
static void compare_cell(struct search *search)
{
	struct g2s_comparison *comparison = search->comparison;
	unsigned least[G2S_SIDES];
	unsigned most[G2S_SIDES];
	bool differ = false;
	for (int side = 0; side < G2S_SIDES; side++) {
		size_t at = 0;
		struct g2s_action action;
		if (!next_action(search, side, &at, &action)) {
			action = search->otherwise[side];
		}
		least[side] = most[side] = g2s_action_rank(action.kind);
		do {
			unsigned rank = g2s_action_rank(action.kind);
			least[side] = rank < least[side] ? rank : least[side];
			most[side] = rank > most[side] ? rank : most[side];
			differ = differ || !competes(search, 1 - side, action);
		} while (next_action(search, side, &at, &action));
		comparison->allows[side] = comparison->allows[side] ||
		                           most[side] == g2s_action_rank(G2S_ACTION_ALLOW);
	}
	comparison->differ = comparison->differ || differ;
	comparison->wider = comparison->wider || (differ && most[G2S_NEW] > least[G2S_OLD]);
}

/* From test number test of a clause on, all before it being true, to the last clause. */
static bool divide(struct search *search, size_t clause, size_t test)
{
	if (*search->budget == 0) {
		return false;
	}
	--*search->budget;
	if (clause == search->count) {
		compare_cell(search);
		return true;
	}
	if (test == search->clauses[clause].count) {
		search->matched[clause] = true;
		return divide(search, clause + 1, 0);
	}
	const struct g2s_rule_argument *argument = &search->clauses[clause].tests[test];
	const struct set set = set_of(argument);
	struct box *box = &search->boxes[argument->index];
	const struct box whole = *box;
	struct box parts[PARTS_MAX];
	bool done = true;
	struct box inside = whole;
	bool in = keep_inside(&inside, &set);
	unsigned outside = 1;
	if (in) {
		outside = keep_outside(&whole, &set, parts);
	} else {
		parts[0] = whole;
	}
	for (unsigned i = 0; i < in + outside && done; i++) {
		/* The set comes first. */
		*box = i < in ? inside : parts[i - in];
		if ((i < in) != set.turned) {
			done = divide(search, clause, test + 1);
		} else {
			search->matched[clause] = false;
			done = divide(search, clause + 1, 0);
		}
	}
	*box = whole;
	return done;
}

bool g2s_cells_compare(const struct g2s_clause *clauses, size_t count,
                       const struct g2s_action otherwise[G2S_SIDES], size_t *budget,
                       struct g2s_comparison *comparison)
{
	struct search search = {
		.clauses = clauses,
		.count = count,
		.otherwise = otherwise,
		.budget = budget,
		.comparison = comparison,
	};
	for (unsigned i = 0; i < ARGUMENTS; i++) {
		search.boxes[i].high = UINT64_MAX;
	}
	return divide(&search, 0, 0);
}
