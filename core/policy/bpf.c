/* SPDX-License-Identifier: MIT */
#include "g2s/policy/bpf.h"

#include "g2s/memory.h"
#include "g2s/policy/listing.h"
#include "g2s/policy/sysno.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The kernel's <linux/bpf_common.h>, of which this is all that is needed. */
enum {
	/* A = the 32-bit word of struct seccomp_data at k. */
	LOAD_WORD = 0x20,
	JUMP_ALWAYS = 0x05,
	JUMP_IF_EQUAL = 0x15,
	JUMP_IF_NOT_BELOW = 0x35,
	RETURN_VALUE = 0x06,
};

/* Offsets in struct seccomp_data. */
enum {
	AT_NUMBER = 0,
	AT_ARCH = 4,
};

/* A comparison reaches no further. */
enum { REACH = 255 };

/* What the program returns, <linux/seccomp.h>. */
#define RET_KILL_PROCESS UINT32_C(0x80000000)

/* As a tracer leaves it that skips a call. */
#define NO_CALL UINT32_C(0xffffffff)

static enum g2s_code no_memory(struct g2s_error *err)
{
	return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
}

/* Numbers from first up to the next range's first, and what is returned for them. */
struct range {
	uint32_t first;
	uint32_t value;
};

/* Ascending; the first begins at 0. */
struct ranges {
	struct range *items;
	size_t count;
	size_t capacity;
};

/* A name's number on an architecture and its action; before they are made into ranges. */
struct call {
	uint32_t number;
	uint32_t value;
};

struct calls {
	struct call *items;
	size_t count;
	size_t capacity;
};

/* The architectures that the kernel tells apart, in the order in which the program asks. */
static const struct target {
	const char *scmp;
	/* The table's. */
	const char *arch;
	/* <linux/audit.h>: AUDIT_ARCH_ and its like. */
	uint32_t audit;
} targets[] = {
	{"SCMP_ARCH_X86_64", "x86_64", 0xc000003e},
	{"SCMP_ARCH_X86", "x86", 0x40000003},
	{"SCMP_ARCH_AARCH64", "aarch64", 0xc00000b7},
	{"SCMP_ARCH_ARM", "arm", 0x40000028},
};

enum { TARGET_COUNT = sizeof(targets) / sizeof(targets[0]) };

/* The program while it is being made. */
struct build {
	const struct g2s_profile *profile;
	struct g2s_bpf *program;
	uint32_t default_value;
	/* The names that have another action than the default one, and what they return. */
	struct g2s_names names;
	uint32_t *values;
	size_t value_capacity;
	struct g2s_error *err;
};

/*
 * --- what it can say
 * ---------------------------------------------------------------------------
 */

/* What the program returns for an action. */
static enum g2s_code encode(struct g2s_action action, uint32_t *value, struct g2s_error *err)
{
	static const struct {
		uint32_t value;
		uint32_t data_max;
	} codes[] = {
		[G2S_ACTION_KILL_PROCESS] = {RET_KILL_PROCESS, 0},
		[G2S_ACTION_KILL_THREAD] = {0, 0},
		[G2S_ACTION_TRAP] = {0x00030000, 0},
		[G2S_ACTION_ERRNO] = {0x00050000, 4095},
		[G2S_ACTION_TRACE] = {0x7ff00000, 0xffff},
		[G2S_ACTION_LOG] = {0x7ffc0000, 0},
		[G2S_ACTION_ALLOW] = {0x7fff0000, 0},
	};
	if (action.kind == G2S_ACTION_NOTIFY) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "SCMP_ACT_NOTIFY needs a listener, which "
		                "is no part of the program");
	}
	*value = codes[action.kind].value;
	if (codes[action.kind].data_max == 0) {
		return G2S_OK;
	}
	uint32_t data = action.has_value ? action.value : G2S_ACTION_DEFAULT_VALUE;
	if (data > codes[action.kind].data_max) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "%s with %" PRIu32 ": %" PRIu32
		                " is the most", g2s_action_name(action.kind), data,
		                codes[action.kind].data_max);
	}
	*value |= data;
	return G2S_OK;
}

static const struct target *find_target(const char *scmp)
{
	for (size_t i = 0; i < TARGET_COUNT; i++) {
		if (strcmp(targets[i].scmp, scmp) == 0) {
			return &targets[i];
		}
	}
	return NULL;
}

static enum g2s_code check(const struct g2s_profile *profile, struct g2s_error *err)
{
	if (profile->arch_map_count != 0) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "the architectures depend on the host "
		                "(archMap)");
	}
	if (profile->architectures.count == 0) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "no architecture is named, and numbers "
		                "depend on it");
	}
	if (profile->flags.count != 0) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "the flag %s is no part of the program",
		                profile->flags.items[0]);
	}
	for (size_t i = 0; i < profile->architectures.count; i++) {
		const char *scmp = profile->architectures.items[i];
		if (find_target(scmp) == NULL && strcmp(scmp, "SCMP_ARCH_X32") != 0) {
			return g2s_fail(err, G2S_ERR_FORMAT, 0, "no numbers are known for the "
			                "architecture %s", scmp);
		}
	}
	return G2S_OK;
}

/* Whether any architecture with a table has a call of that name. */
static bool is_known(const char *name)
{
	for (size_t i = 0; i < TARGET_COUNT; i++) {
		if (g2s_sysno_number(targets[i].arch, name) >= 0) {
			return true;
		}
	}
	return false;
}

/* Decides each name of the profile. */
static enum g2s_code decide_names(struct build *build, struct g2s_names *unknown)
{
	struct g2s_names all = {0};
	enum g2s_code code = g2s_listing_names(build->profile, &all, build->err);
	for (size_t i = 0; i < all.count && code == G2S_OK; i++) {
		struct g2s_action action;
		uint32_t value = 0;
		code = g2s_listing_decide(build->profile, all.items[i], &action, build->err);
		if (code == G2S_OK) {
			code = encode(action, &value, build->err);
		}
		if (code != G2S_OK || value == build->default_value) {
			continue;
		}
		bool known = is_known(all.items[i]);
		if (!g2s_names_add(known ? &build->names : unknown, all.items[i]) ||
		    !g2s_grow(&build->values, &build->value_capacity, build->names.count,
		              sizeof(build->values[0]))) {
			code = no_memory(build->err);
		} else if (known) {
			build->values[build->names.count - 1] = value;
		}
	}
	g2s_names_free(&all);
	return code;
}

/*
 * --- ranges of numbers
 * -------------------------------------------------------------------------
 */

static int compare_calls(const void *left, const void *right)
{
	const struct call *a = left;
	const struct call *b = right;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* Numbers from first on return value; ranges that do the same are one. */
static bool add_range(struct ranges *ranges, uint32_t first, uint32_t value)
{
	if (ranges->count != 0 && ranges->items[ranges->count - 1].first == first) {
		ranges->count--;
	}
	if (ranges->count != 0 && ranges->items[ranges->count - 1].value == value) {
		return true;
	}
	if (!g2s_grow(&ranges->items, &ranges->capacity, ranges->count + 1,
	              sizeof(ranges->items[0]))) {
		return false;
	}
	ranges->items[ranges->count++] = (struct range){first, value};
	return true;
}

/* Adds the calls that the names make under arch, "x32" being one here, sorted by number. */
static bool number_names(const struct build *build, const char *arch, struct calls *calls)
{
	bool x32 = strcmp(arch, "x32") == 0;
	for (size_t i = 0; i < build->names.count; i++) {
		const char *name = build->names.items[i];
		int64_t number = x32 ? g2s_sysno_x32_number(name) : g2s_sysno_number(arch, name);
		if (number < 0) {
			continue;
		}
		if (!g2s_grow(&calls->items, &calls->capacity, calls->count + 1,
		              sizeof(calls->items[0]))) {
			return false;
		}
		calls->items[calls->count++] =
			(struct call){(uint32_t)number, build->values[i]};
	}
	if (calls->count != 0) {
		qsort(calls->items, calls->count, sizeof(calls->items[0]), compare_calls);
	}
	return true;
}

/* Adds the ranges from first on: the calls of arch, and the default action between them. */
static bool add_calls(const struct build *build, const char *arch, uint32_t first,
                      struct ranges *ranges)
{
	struct calls calls = {0};
	bool done = number_names(build, arch, &calls) &&
	            add_range(ranges, first, build->default_value);
	for (size_t i = 0; i < calls.count && done; i++) {
		const struct call *call = &calls.items[i];
		done = add_range(ranges, call->number, call->value) &&
		       add_range(ranges, call->number + 1, build->default_value);
	}
	free(calls.items);
	return done;
}

/*
 * --- instructions
 * ------------------------------------------------------------------------------
 */

static bool emit(struct g2s_bpf *program, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (!g2s_grow(&program->items, &program->capacity, program->count + 1,
	              sizeof(program->items[0]))) {
		return false;
	}
	program->items[program->count++] = (struct g2s_bpf_instruction){code, jt, jf, k};
	return true;
}

/* Instructions that a jump over distance others takes: beyond its reach a second one helps. */
static size_t jump_size(size_t distance)
{
	return distance <= REACH ? 1 : 2;
}

/* Passes over the next distance instructions when the comparison has the outcome when. */
static bool emit_jump(struct g2s_bpf *program, uint16_t code, uint32_t k, bool when,
                      size_t distance)
{
	if (distance <= REACH) {
		uint8_t far = (uint8_t)distance;
		return emit(program, code, when ? far : 0, when ? 0 : far, k);
	}
	return emit(program, code, !when, when, k) &&
	       emit(program, JUMP_ALWAYS, 0, 0, (uint32_t)distance);
}

/* Instructions of the search over count ranges. */
static size_t search_size(size_t count)
{
	if (count == 1) {
		return 1;
	}
	size_t low = search_size(count / 2);
	return jump_size(low) + low + search_size(count - count / 2);
}

/* The search over the count ranges from items on; the number is loaded. */
static bool emit_search(struct g2s_bpf *program, const struct range *items, size_t count)
{
	if (count == 1) {
		return emit(program, RETURN_VALUE, 0, 0, items[0].value);
	}
	size_t half = count / 2;
	return emit_jump(program, JUMP_IF_NOT_BELOW, items[half].first, true, search_size(half)) &&
	       emit_search(program, items, half) &&
	       emit_search(program, items + half, count - half);
}

/*
 * --- architectures
 * -----------------------------------------------------------------------------
 */

/* What is done under one of the targets. */
struct arm {
	/* Below the x32 bit; and all numbers where there is no such bit. */
	struct ranges low;
	/* From the x32 bit on; none where there is no such bit. */
	struct ranges high;
};

static bool fill_arm(const struct build *build, const struct target *target, struct arm *arm)
{
	const struct g2s_names *arches = &build->profile->architectures;
	if (strcmp(target->arch, "x86_64") != 0) {
		return add_calls(build, target->arch, 0, &arm->low);
	}
	/* The kernel calls x32 by the name of x86_64, and only the number tells. */
	bool low = g2s_names_have(arches, target->scmp) ?
	           add_calls(build, target->arch, 0, &arm->low) :
	           add_range(&arm->low, 0, RET_KILL_PROCESS);
	bool high = g2s_names_have(arches, "SCMP_ARCH_X32") ?
	            add_calls(build, "x32", G2S_SYSNO_X32_BIT, &arm->high) :
	            add_range(&arm->high, G2S_SYSNO_X32_BIT, RET_KILL_PROCESS) &&
	            add_range(&arm->high, NO_CALL, build->default_value);
	return low && high;
}

static bool emit_arm(struct g2s_bpf *program, const struct target *target, const struct arm *arm)
{
	size_t low = search_size(arm->low.count);
	size_t size = 1 + low;
	if (arm->high.count != 0) {
		size += jump_size(low) + search_size(arm->high.count);
	}
	bool done = emit_jump(program, JUMP_IF_EQUAL, target->audit, false, size) &&
	            emit(program, LOAD_WORD, 0, 0, AT_NUMBER);
	if (done && arm->high.count != 0) {
		done = emit_jump(program, JUMP_IF_NOT_BELOW, G2S_SYSNO_X32_BIT, true, low);
	}
	done = done && emit_search(program, arm->low.items, arm->low.count);
	if (done && arm->high.count != 0) {
		done = emit_search(program, arm->high.items, arm->high.count);
	}
	return done;
}

static bool add_target(struct build *build, const struct target *target)
{
	struct arm arm = {0};
	bool done = fill_arm(build, target, &arm) && emit_arm(build->program, target, &arm);
	free(arm.low.items);
	free(arm.high.items);
	return done;
}

static enum g2s_code add_targets(struct build *build)
{
	const struct g2s_names *arches = &build->profile->architectures;
	bool done = emit(build->program, LOAD_WORD, 0, 0, AT_ARCH);
	for (size_t i = 0; i < TARGET_COUNT && done; i++) {
		bool is_x86_64 = strcmp(targets[i].arch, "x86_64") == 0;
		if (g2s_names_have(arches, targets[i].scmp) ||
		    (is_x86_64 && g2s_names_have(arches, "SCMP_ARCH_X32"))) {
			done = add_target(build, &targets[i]);
		}
	}
	if (!done || !emit(build->program, RETURN_VALUE, 0, 0, RET_KILL_PROCESS)) {
		return no_memory(build->err);
	}
	if (build->program->count > G2S_BPF_MAX) {
		return g2s_fail(build->err, G2S_ERR_FORMAT, 0, "the program has %zu instructions, "
		                "and the kernel takes %d", build->program->count, G2S_BPF_MAX);
	}
	return G2S_OK;
}

/*
 * --- the door
 * ----------------------------------------------------------------------------------
 */

enum g2s_code g2s_bpf_build(const struct g2s_profile *profile, struct g2s_bpf *program,
                            struct g2s_names *unknown, struct g2s_error *err)
{
	struct build build = {.profile = profile, .program = program, .err = err};
	enum g2s_code code = check(profile, err);
	if (code == G2S_OK) {
		code = encode(profile->default_action, &build.default_value, err);
	}
	if (code == G2S_OK) {
		code = decide_names(&build, unknown);
	}
	if (code == G2S_OK) {
		code = add_targets(&build);
	}
	g2s_names_free(&build.names);
	free(build.values);
	return code;
}

static void put_little(FILE *out, uint32_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++) {
		putc((int)(value >> (8 * i) & 0xff), out);
	}
}

void g2s_bpf_write(const struct g2s_bpf *program, FILE *out)
{
	for (size_t i = 0; i < program->count; i++) {
		const struct g2s_bpf_instruction *item = &program->items[i];
		put_little(out, item->code, 2);
		put_little(out, item->jt, 1);
		put_little(out, item->jf, 1);
		put_little(out, item->k, 4);
	}
}

void g2s_bpf_free(struct g2s_bpf *program)
{
	free(program->items);
	*program = (struct g2s_bpf){0};
}
