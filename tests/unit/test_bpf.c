/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/policy/bpf.h"
#include "g2s/policy/sysno.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

/*
 * The judge is an interpreter of what the kernel runs, with the kernel's own constants, and for
 * what it must say the tables from numbers to names, where the program is made by the way back.
 */

/*
 * --- the kernel
 * --------------------------------------------------------------------------------
 */

/* What the kernel demands of a program before it loads it. */
static void check_program(const struct g2s_bpf *program)
{
	assert_in_range(program->count, 1, BPF_MAXINSNS);
	for (size_t i = 0; i < program->count; i++) {
		const struct g2s_bpf_instruction *item = &program->items[i];
		size_t left = program->count - i - 1;
		switch (item->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(item->k % 4 == 0 && item->k < sizeof(struct seccomp_data));
			break;
		case BPF_JMP | BPF_JA:
			assert_true(item->k < left);
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
			assert_true(item->jt < left && item->jf < left);
			break;
		case BPF_RET | BPF_K:
			break;
		default:
			fail_msg("instruction %zu has the code %#x", i, item->code);
		}
	}
	assert_int_equal(program->items[program->count - 1].code, BPF_RET | BPF_K);
}

static uint32_t run(const struct g2s_bpf *program, uint32_t arch, uint32_t number)
{
	const struct seccomp_data data = {.nr = (int)number, .arch = arch};
	uint32_t a = 0;
	for (size_t at = 0; at < program->count; at++) {
		const struct g2s_bpf_instruction *item = &program->items[at];
		switch (item->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)&data + item->k, sizeof(a));
			break;
		case BPF_JMP | BPF_JA:
			at += item->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += a == item->k ? item->jt : item->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			at += a >= item->k ? item->jt : item->jf;
			break;
		default:
			return item->k;
		}
	}
	fail_msg("it ran off the program's end");
	return 0;
}

/*
 * --- what it must say
 * --------------------------------------------------------------------------
 */

/* The audit numbers that are tried: the four, and one that no profile here lists. */
static const uint32_t audits[] = {
	AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, AUDIT_ARCH_S390X,
};

static const char *const arches[] = {"x86_64", "x86", "aarch64", "arm"};

/* The numbers that are tried: 0 to 1000, these, and both with the x32 bit. */
static const uint32_t others[] = {
	983040, 983041, 983042, 983043, 983044, 983045, 983046, 983047, 0x3fffffff,
};

enum { NAMES_MAX = 1024, DENSE = 1001, NUMBERS = DENSE + COUNT(others) };

/* All names of all architectures, and which of them each number has there; -1 for none. */
struct world {
	struct g2s_names names;
	int low[COUNT(arches)][NUMBERS];
	/* Of x86_64's numbers with the x32 bit. */
	int x32[NUMBERS];
};

static uint32_t number_at(size_t index)
{
	return index < DENSE ? (uint32_t)index : others[index - DENSE];
}

static int index_of(const struct g2s_names *names, const char *name)
{
	for (size_t i = 0; name != NULL && i < names->count; i++) {
		if (strcmp(names->items[i], name) == 0) {
			return (int)i;
		}
	}
	return -1;
}

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	for (size_t arch = 0; arch < COUNT(arches); arch++) {
		for (size_t i = 0; i < NUMBERS; i++) {
			const char *name = g2s_sysno_name(arches[arch], number_at(i));
			if (name != NULL) {
				assert_true(g2s_names_add(&world->names, name));
			}
		}
	}
	g2s_names_sort(&world->names);
	assert_in_range(world->names.count, 480, NAMES_MAX);
	for (size_t i = 0; i < NUMBERS; i++) {
		uint32_t number = number_at(i);
		for (size_t arch = 0; arch < COUNT(arches); arch++) {
			world->low[arch][i] = index_of(&world->names,
			                               g2s_sysno_name(arches[arch], number));
		}
		world->x32[i] = index_of(&world->names, g2s_sysno_name("x86_64",
		                         (int64_t)number + G2S_SYSNO_X32_BIT));
	}
	*state = world;
	return 0;
}

static int free_world(void **state)
{
	struct world *world = *state;
	g2s_names_free(&world->names);
	free(world);
	return 0;
}

/* A profile in a form that is easily judged. */
struct model {
	/* In the order of arches, and x32. */
	bool listed[COUNT(arches) + 1];
	uint32_t default_value;
	/* What is returned for each name; the default value for those without a rule. */
	uint32_t values[NAMES_MAX];
};

enum { X32 = COUNT(arches) };

static void expect(const struct g2s_bpf *program, uint32_t audit, uint32_t number, uint32_t wanted)
{
	uint32_t got = run(program, audit, number);
	if (got != wanted) {
		fail_msg("%#x, number %#x: %#x, not %#x", audit, number, got, wanted);
	}
}

static uint32_t value_of(const struct model *model, bool listed, int name)
{
	if (!listed) {
		return SECCOMP_RET_KILL_PROCESS;
	}
	return name < 0 ? model->default_value : model->values[name];
}

/* Tries every number under every architecture. */
static void judge(const struct world *world, const struct model *model,
                  const struct g2s_bpf *program)
{
	for (size_t arch = 0; arch < COUNT(audits); arch++) {
		bool known = arch < COUNT(arches);
		bool listed = known && model->listed[arch];
		bool x32 = arch == 0 && model->listed[X32];
		for (size_t i = 0; i < NUMBERS; i++) {
			uint32_t number = number_at(i);
			expect(program, audits[arch], number,
			       value_of(model, listed, known ? world->low[arch][i] : -1));
			uint32_t wanted = arch == 0 ? value_of(model, x32, world->x32[i]) :
			                  value_of(model, listed, -1);
			expect(program, audits[arch], number + G2S_SYSNO_X32_BIT, wanted);
		}
		/* Both the sign and the x32 bit: no call of any architecture. */
		bool high = arch == 0 ? x32 : listed;
		expect(program, audits[arch], 0x80000000, value_of(model, high, -1));
		expect(program, audits[arch], 0xc0000001, value_of(model, high, -1));
		expect(program, audits[arch], 0xfffffffe, value_of(model, high, -1));
		/* What a tracer leaves. */
		expect(program, audits[arch], 0xffffffff,
		       value_of(model, listed || x32, -1));
	}
}

/*
 * --- profiles
 * ----------------------------------------------------------------------------------
 */

static const char *const scmp_arches[] = {
	"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_X32",
};

static void list_arches(struct g2s_profile *profile, struct model *model, unsigned bits)
{
	for (size_t i = 0; i < COUNT(scmp_arches); i++) {
		model->listed[i] = (bits >> i & 1) != 0;
		if (model->listed[i]) {
			assert_true(g2s_names_add(&profile->architectures, scmp_arches[i]));
		}
	}
}

static void set_default(struct g2s_profile *profile, struct model *model, struct g2s_action action,
                        uint32_t value)
{
	profile->default_action = action;
	model->default_value = value;
	for (size_t i = 0; i < NAMES_MAX; i++) {
		model->values[i] = value;
	}
}

static void add_rule(struct g2s_profile *profile, const char *name, struct g2s_action action)
{
	struct g2s_rule *rule = g2s_profile_add_rule(profile);
	assert_non_null(rule);
	rule->action = action;
	if (name != NULL) {
		assert_true(g2s_names_add(&rule->names, name));
	}
}

/* Builds it; nothing is unknown. */
static void build(const struct g2s_profile *profile, struct g2s_bpf *program)
{
	struct g2s_names unknown = {0};
	struct g2s_error err = {0};
	if (g2s_bpf_build(profile, program, &unknown, &err) != G2S_OK) {
		fail_msg("%s", err.text);
	}
	assert_int_equal(unknown.count, 0);
	check_program(program);
}

/* Always the same numbers, so that what fails fails again. */
static unsigned next_random(unsigned bound)
{
	static uint64_t state = 20261124;
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(state >> 33) % bound;
}

/* Allows size of the names, chosen by chance. */
static void allow_some(const struct world *world, struct g2s_profile *profile,
                       struct model *model, size_t size)
{
	size_t order[NAMES_MAX];
	for (size_t i = 0; i < world->names.count; i++) {
		order[i] = i;
	}
	add_rule(profile, NULL, (struct g2s_action){.kind = G2S_ACTION_ALLOW});
	for (size_t i = 0; i < size; i++) {
		size_t from = i + next_random((unsigned)(world->names.count - i));
		size_t name = order[from];
		order[from] = order[i];
		model->values[name] = SECCOMP_RET_ALLOW;
		assert_true(g2s_names_add(&profile->rules[0].names, world->names.items[name]));
	}
}

static const struct {
	struct g2s_action action;
	uint32_t value;
} defaults[] = {
	{{.kind = G2S_ACTION_ERRNO}, SECCOMP_RET_ERRNO | 1},
	{{G2S_ACTION_ERRNO, 38, true}, SECCOMP_RET_ERRNO | 38},
	{{G2S_ACTION_ERRNO, 0, true}, SECCOMP_RET_ERRNO},
	{{G2S_ACTION_ERRNO, 4095, true}, SECCOMP_RET_ERRNO | 4095},
	{{.kind = G2S_ACTION_KILL_PROCESS}, SECCOMP_RET_KILL_PROCESS},
	{{.kind = G2S_ACTION_KILL_THREAD}, SECCOMP_RET_KILL_THREAD},
	{{.kind = G2S_ACTION_TRAP}, SECCOMP_RET_TRAP},
	{{.kind = G2S_ACTION_LOG}, SECCOMP_RET_LOG},
	{{.kind = G2S_ACTION_TRACE}, SECCOMP_RET_TRACE | 1},
	{{G2S_ACTION_TRACE, 65535, true}, SECCOMP_RET_TRACE | 65535},
};

/*
 * Sets of every size, from none to all names of all architectures, each with a default action and architectures of its own, of which
 * every combination comes up: every number is decided as the set says.
 */
static void decides_every_number(void **state)
{
	const struct world *world = *state;
	for (size_t size = 0; size <= world->names.count; size++) {
		struct g2s_profile profile = {0};
		struct g2s_bpf program = {0};
		struct model model;
		size_t kind = size % COUNT(defaults);
		set_default(&profile, &model, defaults[kind].action, defaults[kind].value);
		list_arches(&profile, &model, 1 + (unsigned)size % 31);
		allow_some(world, &profile, &model, size);
		build(&profile, &program);
		judge(world, &model, &program);
		g2s_bpf_free(&program);
		g2s_profile_free(&profile);
	}
}

/* Each name with an error of its own: as many ranges as there can be, and jumps over most. */
static void add_all(const struct world *world, struct g2s_profile *profile, struct model *model)
{
	for (size_t i = 0; i < world->names.count; i++) {
		uint32_t error = (uint32_t)i + 2;
		model->values[i] = SECCOMP_RET_ERRNO | error;
		add_rule(profile, world->names.items[i],
		         (struct g2s_action){G2S_ACTION_ERRNO, error, true});
	}
}

static void jumps_beyond_its_reach(void **state)
{
	const struct world *world = *state;
	for (unsigned arch = 0; arch < COUNT(scmp_arches); arch++) {
		struct g2s_profile profile = {0};
		struct g2s_bpf program = {0};
		struct model model;
		set_default(&profile, &model, (struct g2s_action){.kind = G2S_ACTION_ALLOW},
		            SECCOMP_RET_ALLOW);
		list_arches(&profile, &model, 1u << arch);
		add_all(world, &profile, &model);
		build(&profile, &program);
		size_t far = 0;
		for (size_t i = 0; i < program.count; i++) {
			far += program.items[i].code == (BPF_JMP | BPF_JA);
		}
		assert_true(far >= 2);
		judge(world, &model, &program);
		g2s_bpf_free(&program);
		g2s_profile_free(&profile);
	}
}

/* Comparisons on the longest way through the program, from any start. */
static size_t depth(const struct g2s_bpf *program, size_t at)
{
	const struct g2s_bpf_instruction *item = &program->items[at];
	if (item->code == (BPF_RET | BPF_K)) {
		return 0;
	}
	if (item->code == (BPF_JMP | BPF_JA)) {
		return depth(program, at + 1 + item->k);
	}
	if (item->code == (BPF_LD | BPF_W | BPF_ABS)) {
		return depth(program, at + 1);
	}
	size_t yes = depth(program, at + 1 + item->jt);
	size_t no = depth(program, at + 1 + item->jf);
	return 1 + (yes > no ? yes : no);
}

static void searches_in_balance(void **state)
{
	const struct world *world = *state;
	struct g2s_profile profile = {0};
	struct g2s_bpf program = {0};
	struct model model;
	set_default(&profile, &model, (struct g2s_action){.kind = G2S_ACTION_ALLOW},
	            SECCOMP_RET_ALLOW);
	list_arches(&profile, &model, 1);
	add_all(world, &profile, &model);
	build(&profile, &program);
	/* One for the architecture, one for x32, nine for up to 512 ranges. */
	assert_true(depth(&program, 0) <= 11);
	g2s_bpf_free(&program);
	g2s_profile_free(&profile);
}

/* The number is looked at only when the architecture is known, and x32 before the search. */
static void asks_in_order(void **state)
{
	const struct world *world = *state;
	struct g2s_profile profile = {0};
	struct g2s_bpf program = {0};
	struct model model;
	set_default(&profile, &model, defaults[0].action, defaults[0].value);
	list_arches(&profile, &model, 1);
	allow_some(world, &profile, &model, 40);
	build(&profile, &program);
	const struct g2s_bpf_instruction wanted[] = {
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch)},
		{BPF_JMP | BPF_JEQ | BPF_K, 0, program.items[1].jf, AUDIT_ARCH_X86_64},
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
		{BPF_JMP | BPF_JGE | BPF_K, program.items[3].jt, 0, 0x40000000},
	};
	for (size_t i = 0; i < COUNT(wanted); i++) {
		assert_memory_equal(&program.items[i], &wanted[i], sizeof(wanted[i]));
	}
	g2s_bpf_free(&program);
	g2s_profile_free(&profile);
}

static void says_what_it_has_no_number_for(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_ERRNO}};
	struct g2s_bpf program = {0};
	struct g2s_names unknown = {0};
	const struct g2s_action allow = {.kind = G2S_ACTION_ALLOW};
	assert_true(g2s_names_add(&profile.architectures, "SCMP_ARCH_AARCH64"));
	/* Of another architecture: nothing to be told. */
	add_rule(&profile, "open", allow);
	add_rule(&profile, "s390_runtime_instr", allow);
	add_rule(&profile, "brand_new", allow);
	/* Refused either way. */
	add_rule(&profile, "unheard_of", profile.default_action);
	struct g2s_error err = {0};
	assert_int_equal(g2s_bpf_build(&profile, &program, &unknown, &err), G2S_OK);
	assert_int_equal(unknown.count, 2);
	assert_string_equal(unknown.items[0], "brand_new");
	assert_string_equal(unknown.items[1], "s390_runtime_instr");
	g2s_names_free(&unknown);
	g2s_bpf_free(&program);
	g2s_profile_free(&profile);
}

/*
 * --- what is refused
 * ---------------------------------------------------------------------------
 */

static void refuse(const struct g2s_profile *profile, const char *words)
{
	struct g2s_bpf program = {0};
	struct g2s_names unknown = {0};
	struct g2s_error err = {0};
	assert_int_equal(g2s_bpf_build(profile, &program, &unknown, &err), G2S_ERR_FORMAT);
	if (strstr(err.text, words) == NULL) {
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
	}
	g2s_names_free(&unknown);
	g2s_bpf_free(&program);
}

static void refuses_what_it_cannot_say(void **state)
{
	(void)state;
	const struct g2s_action allow = {.kind = G2S_ACTION_ALLOW};
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_ERRNO}};
	refuse(&profile, "no architecture is named");
	assert_true(g2s_names_add(&profile.architectures, "SCMP_ARCH_X86_64"));
	assert_true(g2s_names_add(&profile.architectures, "SCMP_ARCH_MIPS"));
	refuse(&profile, "architecture SCMP_ARCH_MIPS");
	strcpy(profile.architectures.items[1], "SCMP_ARCH_X86");
	assert_true(g2s_names_add(&profile.flags, "SECCOMP_FILTER_FLAG_LOG"));
	refuse(&profile, "the flag SECCOMP_FILTER_FLAG_LOG");
	g2s_names_free(&profile.flags);
	profile.default_action = (struct g2s_action){G2S_ACTION_ERRNO, 4096, true};
	refuse(&profile, "SCMP_ACT_ERRNO with 4096");
	profile.default_action = (struct g2s_action){G2S_ACTION_TRACE, 65536, true};
	refuse(&profile, "SCMP_ACT_TRACE with 65536");
	profile.default_action = (struct g2s_action){.kind = G2S_ACTION_NOTIFY};
	refuse(&profile, "SCMP_ACT_NOTIFY");
	profile.default_action = (struct g2s_action){.kind = G2S_ACTION_ERRNO};
	add_rule(&profile, "mount", (struct g2s_action){.kind = G2S_ACTION_NOTIFY});
	refuse(&profile, "SCMP_ACT_NOTIFY");
	profile.rules[0].action = allow;
	assert_true(g2s_names_add(&profile.rules[0].includes.caps, "CAP_SYS_ADMIN"));
	refuse(&profile, "mount has a rule that depends on the host or on capabilities");
	add_rule(&profile, "mount", allow);
	g2s_names_free(&profile.rules[0].includes.caps);
	add_rule(&profile, "clone", allow);
	profile.rules[2].arguments = calloc(1, sizeof(profile.rules[2].arguments[0]));
	profile.rules[2].arguments[0].op = g2s_compare_op("SCMP_CMP_EQ");
	profile.rules[2].argument_count = 1;
	refuse(&profile, "clone has a rule that depends on the call's arguments");
	assert_non_null(g2s_profile_add_arch_map(&profile));
	refuse(&profile, "archMap");
	g2s_profile_free(&profile);
}

static void refuses_more_than_the_kernel_takes(void **state)
{
	const struct world *world = *state;
	struct g2s_profile profile = {0};
	struct model model;
	set_default(&profile, &model, (struct g2s_action){.kind = G2S_ACTION_ALLOW},
	            SECCOMP_RET_ALLOW);
	list_arches(&profile, &model, 31);
	add_all(world, &profile, &model);
	refuse(&profile, "and the kernel takes 4096");
	g2s_profile_free(&profile);
}

static void writes_as_the_kernel_reads(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_ERRNO}};
	struct g2s_bpf program = {0};
	assert_true(g2s_names_add(&profile.architectures, "SCMP_ARCH_X86_64"));
	add_rule(&profile, "write", (struct g2s_action){.kind = G2S_ACTION_ALLOW});
	build(&profile, &program);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	g2s_bpf_write(&program, out);
	fclose(out);
	assert_int_equal(size, program.count * sizeof(struct sock_filter));
	const struct sock_filter *read = (const struct sock_filter *)text;
	for (size_t i = 0; i < program.count; i++) {
		const struct g2s_bpf_instruction *item = &program.items[i];
		assert_true(read[i].code == item->code && read[i].jt == item->jt &&
		            read[i].jf == item->jf && read[i].k == item->k);
	}
	free(text);
	g2s_bpf_free(&program);
	g2s_bpf_free(&program);
	g2s_profile_free(&profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_every_number),
		cmocka_unit_test(jumps_beyond_its_reach),
		cmocka_unit_test(searches_in_balance),
		cmocka_unit_test(asks_in_order),
		cmocka_unit_test(says_what_it_has_no_number_for),
		cmocka_unit_test(refuses_what_it_cannot_say),
		cmocka_unit_test(refuses_more_than_the_kernel_takes),
		cmocka_unit_test(writes_as_the_kernel_reads),
	};
	return cmocka_run_group_tests_name("bpf", tests, make_world, free_world);
}
