/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/policy/oci_json.h"

#include <stdlib.h>
#include <string.h>

#define ALLOW "\"action\":\"SCMP_ACT_ALLOW\""
#define ALLOW_READ "{\"names\":[\"read\"]," ALLOW "}"

static enum g2s_code read_text(struct g2s_profile *profile, const char *text, size_t size,
                               struct g2s_error *err)
{
	*profile = (struct g2s_profile){0};
	*err = (struct g2s_error){0};
	/* Exactly as long as the text: a read behind its end is one behind the memory's. */
	char *copy = malloc(size == 0 ? 1 : size);
	memcpy(copy, text, size);
	enum g2s_code code = g2s_oci_json_read(profile, copy, size, err);
	free(copy);
	return code;
}

static char *write_text(const struct g2s_profile *profile)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	g2s_oci_json_write(profile, out);
	fclose(out);
	return text;
}

static void expect_refused(const char *text, size_t size, const char *words)
{
	struct g2s_profile profile;
	struct g2s_error err;
	enum g2s_code code = read_text(&profile, text, size, &err);
	g2s_profile_free(&profile);
	if (code != G2S_ERR_FORMAT || strstr(err.text, words) == NULL) {
		print_error("input: %.*s\nsaid: %s\n", size > 200 ? 200 : (int)size, text,
		            err.text);
	}
	assert_int_equal(code, G2S_ERR_FORMAT);
	assert_non_null(strstr(err.text, words));
}

/*
 * --- writing
 * -----------------------------------------------------------------------------------
 */

static void writes_a_profile(void **state)
{
	(void)state;
	struct g2s_profile profile = {.default_action = {.kind = G2S_ACTION_ERRNO}};
	struct g2s_rule *rule = g2s_profile_add_rule(&profile);
	rule->action.kind = G2S_ACTION_ALLOW;
	assert_true(g2s_names_add(&rule->names, "read"));
	assert_true(g2s_names_add(&rule->names, "write"));
	assert_true(g2s_names_add(&profile.architectures, "SCMP_ARCH_X86_64"));
	char *text = write_text(&profile);
	assert_string_equal(text,
		"{\n"
		"    \"defaultAction\": \"SCMP_ACT_ERRNO\",\n"
		"    \"architectures\": [\n"
		"        \"SCMP_ARCH_X86_64\"\n"
		"    ],\n"
		"    \"syscalls\": [\n"
		"        {\n"
		"            \"names\": [\n"
		"                \"read\",\n"
		"                \"write\"\n"
		"            ],\n"
		"            \"action\": \"SCMP_ACT_ALLOW\"\n"
		"        }\n"
		"    ]\n"
		"}\n");
	free(text);
	g2s_profile_free(&profile);
}

static void writes_little(void **state)
{
	(void)state;
	const struct g2s_profile profile = {.default_action = {G2S_ACTION_ERRNO, 38, true}};
	char *text = write_text(&profile);
	assert_string_equal(text,
		"{\n"
		"    \"defaultAction\": \"SCMP_ACT_ERRNO\",\n"
		"    \"defaultErrnoRet\": 38,\n"
		"    \"syscalls\": []\n"
		"}\n");
	free(text);
}

/* Strings from a profile that was read cannot leave their quotes or steer a terminal. */
static void escapes_strings(void **state)
{
	(void)state;
	struct g2s_profile profile = {0};
	assert_true(g2s_names_add(&profile.flags, "a\"b\\c\n\x1b\x7f\xc2\x9b\xc3\xa9\xff"));
	char *text = write_text(&profile);
	assert_non_null(strstr(text,
		"\"a\\\"b\\\\c\\u000a\\u001b\\u007f\\u009b\xc3\xa9\\ufffd\""));
	free(text);
	g2s_profile_free(&profile);
}

/*
 * --- reading
 * -----------------------------------------------------------------------------------
 */

/* Every construct, in the form in which it is written: what was read comes out the same. */
static const char everything[] =
	"{\n"
	"    \"defaultAction\": \"SCMP_ACT_ERRNO\",\n"
	"    \"defaultErrnoRet\": 1,\n"
	"    \"architectures\": [\n"
	"        \"SCMP_ARCH_X86_64\",\n"
	"        \"SCMP_ARCH_X86\"\n"
	"    ],\n"
	"    \"archMap\": [\n"
	"        {\n"
	"            \"architecture\": \"SCMP_ARCH_X86_64\",\n"
	"            \"subArchitectures\": [\n"
	"                \"SCMP_ARCH_X86\"\n"
	"            ]\n"
	"        },\n"
	"        {\n"
	"            \"architecture\": \"SCMP_ARCH_ARM\",\n"
	"            \"subArchitectures\": []\n"
	"        }\n"
	"    ],\n"
	"    \"flags\": [\n"
	"        \"SECCOMP_FILTER_FLAG_LOG\"\n"
	"    ],\n"
	"    \"listenerPath\": \"/run/agent.sock\",\n"
	"    \"listenerMetadata\": \"a b\",\n"
	"    \"syscalls\": [\n"
	"        {\n"
	"            \"names\": [\n"
	"                \"read\"\n"
	"            ],\n"
	"            \"action\": \"SCMP_ACT_ALLOW\"\n"
	"        },\n"
	"        {\n"
	"            \"names\": [\n"
	"                \"clone\"\n"
	"            ],\n"
	"            \"action\": \"SCMP_ACT_ERRNO\",\n"
	"            \"errnoRet\": 38,\n"
	"            \"args\": [\n"
	"                {\n"
	"                    \"index\": 5,\n"
	"                    \"value\": 9007199254740991,\n"
	"                    \"valueTwo\": 0,\n"
	"                    \"op\": \"SCMP_CMP_MASKED_EQ\"\n"
	"                },\n"
	"                {\n"
	"                    \"index\": 0,\n"
	"                    \"value\": 2114060288,\n"
	"                    \"valueTwo\": 7,\n"
	"                    \"op\": \"SCMP_CMP_NE\"\n"
	"                }\n"
	"            ],\n"
	"            \"includes\": {\n"
	"                \"caps\": [\n"
	"                    \"CAP_SYS_ADMIN\"\n"
	"                ],\n"
	"                \"arches\": [\n"
	"                    \"amd64\",\n"
	"                    \"x32\"\n"
	"                ],\n"
	"                \"minKernel\": \"4.8\"\n"
	"            },\n"
	"            \"excludes\": {\n"
	"                \"caps\": [\n"
	"                    \"CAP_BPF\"\n"
	"                ]\n"
	"            }\n"
	"        }\n"
	"    ]\n"
	"}\n";

static void reads_what_it_writes(void **state)
{
	(void)state;
	struct g2s_profile profile;
	struct g2s_error err;
	assert_int_equal(read_text(&profile, everything, strlen(everything), &err), G2S_OK);
	assert_int_equal(profile.rule_count, 2);
	assert_int_equal(profile.rules[1].arguments[0].value, 9007199254740991);
	assert_int_equal(profile.rules[1].arguments[1].value_two, 7);
	assert_string_equal(profile.rules[1].includes.min_kernel, "4.8");
	char *text = write_text(&profile);
	assert_string_equal(text, everything);
	free(text);
	g2s_profile_free(&profile);
}

/* What Docker, Podman and older tools write, and what Go's decoder does not mind. */
static void reads_what_others_write(void **state)
{
	(void)state;
	static const char text[] =
		"\t{\"DEFAULTACTION\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":null,\r\n"
		"\"defaultErrno\":null,\"architectures\":null,\"comment\":{\"any\":[1,true]},"
		"\"syscalls\":[{\"name\":\"read\",\"action\":\"SCMP_ACT_KILL\",\"args\":null,"
		"\"comment\":\"\",\"includes\":{},\"excludes\":{\"caps\":null}},"
		"{\"names\":[\"\\u0077rite\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[],"
		"\"errnoRet\":22,\"errno\":\"EINVAL\"}]}\n";
	struct g2s_profile profile;
	struct g2s_error err;
	assert_int_equal(read_text(&profile, text, strlen(text), &err), G2S_OK);
	assert_false(profile.default_action.has_value);
	assert_int_equal(profile.rule_count, 2);
	assert_string_equal(profile.rules[0].names.items[0], "read");
	assert_int_equal(profile.rules[0].action.kind, G2S_ACTION_KILL_THREAD);
	assert_true(g2s_rule_is_unconditional(&profile.rules[0]));
	assert_string_equal(profile.rules[1].names.items[0], "write");
	assert_int_equal(profile.rules[1].action.value, 22);
	g2s_profile_free(&profile);
}

static void refuses_what_is_no_json(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t size;
		const char *words;
	} cases[] = {
#define TEXT(literal) literal, sizeof(literal) - 1
		{TEXT(""), "empty input"},
		{TEXT(" \n"), "not JSON"},
		{TEXT("{"), "not JSON"},
		{TEXT("[1,2"), "not JSON"},
		{TEXT("\x7f""ELF"), "not JSON"},
		{TEXT("#g2s-sites\t1\t0.1.0\n"), "not JSON"},
		{TEXT("\xef\xbb\xbf{}"), "not JSON"},
		{TEXT("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}x"), "text after"},
		{TEXT("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}{}"), "text after"},
		{TEXT("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}\0"), "not JSON"},
		{TEXT("{\"defaultAction\":\"SCMP_ACT_ALLOW\v\"}"), "control character"},
		{TEXT("{\v}"), "control character"},
		{TEXT("{\"a\":\"b"), "without an end"},
		{TEXT("{\"a\":\"b\\"), "without an end"},
		{TEXT("{\"a\":\"\xff\"}"), "UTF-8"},
		{TEXT("{\"defaultAction\":\"SCMP_ACT_ALLOW\\u0000x\"}"), "NUL"},
		{TEXT("[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]"), "nested too deeply"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		expect_refused(cases[i].text, cases[i].size, cases[i].words);
	}
}

static void tells_the_line(void **state)
{
	(void)state;
	struct g2s_profile profile;
	struct g2s_error err;
	static const char text[] = "{\n\"defaultAction\": \"SCMP_ACT_ALLOW\",\n,\n}\n";
	assert_int_equal(read_text(&profile, text, strlen(text), &err), G2S_ERR_FORMAT);
	assert_int_equal(err.offset, 3);
	static const char control[] = "{\n\"defaultAction\":\n\"\x01\"}";
	assert_int_equal(read_text(&profile, control, strlen(control), &err), G2S_ERR_FORMAT);
	assert_int_equal(err.offset, 3);
}

/* Top-level members beside a sound default action. */
static void refuses_bad_profiles(void **state)
{
	(void)state;
	static const struct {
		const char *member;
		const char *words;
	} cases[] = {
		{"\"syscalls\":{}", "syscalls: is not a list"},
		{"\"syscalls\":[1]", "syscalls[0]: is not an object"},
		{"\"syscalls\":[" ALLOW_READ ",null]", "syscalls[1]: is not an object"},
		{"\"syscalls\":[{" ALLOW "}]", "syscalls[0].names: is missing"},
		{"\"syscalls\":[{\"names\":[\"read\"]}]", "syscalls[0].action: is missing"},
		{"\"syscalls\":[{\"names\":[\"a\"],\"action\":7}]", "action: is not a string"},
		{"\"syscalls\":[{\"names\":[\"a\"],\"action\":\"ALLOW\"}]", "action: is no action"},
		{"\"syscalls\":[{\"names\":\"a\"," ALLOW "}]", "names: is not a list"},
		{"\"syscalls\":[{\"names\":[1]," ALLOW "}]", "is not a list of names"},
		{"\"syscalls\":[{\"names\":[\"\"]," ALLOW "}]", "is not a list of names"},
		{"\"syscalls\":[{\"name\":\"\"," ALLOW "}]", "name: is empty"},
		{"\"syscalls\":[{\"names\":[\"a\"],\"name\":\"b\"," ALLOW "}]",
		 "stands beside name"},
		{"\"syscalls\":[{\"names\":[\"a\"],\"Names\":[\"b\"]," ALLOW "}]",
		 "names: is there twice"},
		{"\"defaultAction\":\"SCMP_ACT_ALLOW\"", "defaultAction: is there twice"},
		{"\"defaultErrnoRet\":-1", "defaultErrnoRet: is not a whole number"},
		{"\"defaultErrnoRet\":1.5", "defaultErrnoRet: is not a whole number"},
		{"\"defaultErrnoRet\":4294967296", "defaultErrnoRet: is not a whole number"},
		{"\"defaultErrnoRet\":1e999", "defaultErrnoRet: is not a whole number"},
		{"\"defaultErrnoRet\":\"1\"", "defaultErrnoRet: is not a number"},
		{"\"defaultErrno\":\"ENOSYS\"", "name alone is not understood"},
		{"\"architectures\":\"SCMP_ARCH_X86\"", "architectures: is not a list"},
		{"\"architectures\":[1]", "architectures: is not a list of names"},
		{"\"archMap\":[1]", "archMap[0]: is not an object"},
		{"\"archMap\":[{}]", "archMap[0].architecture: is missing"},
		{"\"archMap\":[{\"architecture\":\"A\",\"subArchitectures\":[{}]}]",
		 "archMap[0].subArchitectures"},
		{"\"flags\":7", "flags: is not a list"},
		{"\"listenerPath\":7", "listenerPath: is not a string"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[256];
		int size = snprintf(text, sizeof(text), "{\"defaultAction\":\"SCMP_ACT_ERRNO\",%s}",
		                    cases[i].member);
		expect_refused(text, (size_t)size, cases[i].words);
	}
	expect_refused("{}", 2, "defaultAction: is missing");
	expect_refused("[]", 2, "the profile: is not an object");
	expect_refused("null", 4, "the profile: is not an object");
}

/* Members of a rule beside its name and action. */
static void refuses_bad_conditions(void **state)
{
	(void)state;
	static const struct {
		const char *member;
		const char *words;
	} cases[] = {
		{"\"args\":{}", "syscalls[0].args: is not a list"},
		{"\"args\":[0]", "syscalls[0].args[0]: is not an object"},
		{"\"args\":[{}]", "args[0]: needs index, value and op"},
		{"\"args\":[{\"index\":6,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]", "args[0].index"},
		{"\"args\":[{\"index\":0,\"value\":-1,\"op\":\"SCMP_CMP_EQ\"}]", "args[0].value"},
		/* The parser cannot tell it from its neighbour. */
		{"\"args\":[{\"index\":0,\"value\":9007199254740993,\"op\":\"SCMP_CMP_EQ\"}]",
		 "args[0].value"},
		{"\"args\":[{\"index\":0,\"value\":1,\"op\":\"==\"}]", "op: is no comparison"},
		{"\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\",\"valuetwo2\":1}]",
		 "valuetwo2: is not known"},
		{"\"includes\":[]", "includes: is not an object"},
		{"\"includes\":{\"caps\":\"CAP_BPF\"}", "includes.caps: is not a list"},
		{"\"includes\":{\"cap\":[\"CAP_BPF\"]}", "includes.cap: is not known"},
		{"\"excludes\":{\"minKernel\":4.8}", "excludes.minKernel: is not a string"},
		{"\"excludes\":{\"arches\":[null]}", "excludes.arches: is not a list of names"},
		{"\"errnoRet\":true", "errnoRet: is not a number"},
		{"\"errno\":\"EPERM\"", "name alone is not understood"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[256];
		int size = snprintf(text, sizeof(text), "{\"defaultAction\":\"SCMP_ACT_ERRNO\","
		                    "\"syscalls\":[{\"names\":[\"read\"],"
		                    "\"action\":\"SCMP_ACT_ALLOW\",%s}]}", cases[i].member);
		expect_refused(text, (size_t)size, cases[i].words);
	}
}

/* What a profile says of itself is shown harmlessly. */
static void says_it_safely(void **state)
{
	(void)state;
	struct g2s_profile profile;
	struct g2s_error err;
	static const char text[] = "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":"
		"[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"\\u001b[2J\":1}}]}";
	assert_int_equal(read_text(&profile, text, strlen(text), &err), G2S_ERR_FORMAT);
	assert_string_equal(err.text, "syscalls[0].includes.\\x1b[2J: is not known");
	g2s_profile_free(&profile);
}

/* Any prefix of a profile is refused, and none makes the reader look behind its end. */
static void refuses_every_prefix(void **state)
{
	(void)state;
	for (size_t size = 0; size + 2 < sizeof(everything); size++) {
		struct g2s_profile profile;
		struct g2s_error err;
		assert_int_equal(read_text(&profile, everything, size, &err), G2S_ERR_FORMAT);
		g2s_profile_free(&profile);
	}
}

static void bounds_its_input(void **state)
{
	(void)state;
	char *text = malloc(G2S_OCI_JSON_MAX + 1);
	static const char head[] = "{\"defaultAction\":\"SCMP_ACT_ERRNO\"}";
	memset(text, ' ', G2S_OCI_JSON_MAX + 1);
	memcpy(text, head, strlen(head));
	struct g2s_profile profile;
	struct g2s_error err;
	assert_int_equal(read_text(&profile, text, G2S_OCI_JSON_MAX, &err), G2S_OK);
	g2s_profile_free(&profile);
	expect_refused(text, G2S_OCI_JSON_MAX + 1, "longer than");
	free(text);
}

/* One name more than there may be, over two rules. */
static void bounds_names(void **state)
{
	(void)state;
	for (int over = 0; over < 2; over++) {
		char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);
		fputs("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[" ALLOW_READ
		      ",{\"action\":\"SCMP_ACT_ALLOW\",\"names\":[\"a\"", out);
		for (int i = 0; i < 8190 + over; i++) {
			fputs(",\"b\"", out);
		}
		fputs("]}]}", out);
		fclose(out);
		if (over == 0) {
			struct g2s_profile profile;
			struct g2s_error err;
			assert_int_equal(read_text(&profile, text, size, &err), G2S_OK);
			g2s_profile_free(&profile);
		} else {
			expect_refused(text, size, "names: are too many");
		}
		free(text);
	}
}

/* A profile of count items between the texts before and behind, each of them as item says. */
static void expect_bound(const char *before, const char *item, const char *behind, int count,
                         const char *wanted)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	fprintf(out, "{\"defaultAction\":\"SCMP_ACT_ERRNO\",%s", before);
	for (int i = 0; i < count; i++) {
		fprintf(out, "%s%s", i == 0 ? "" : ",", item);
	}
	fputs(behind, out);
	fclose(out);
	if (wanted == NULL) {
		struct g2s_profile profile;
		struct g2s_error err;
		assert_int_equal(read_text(&profile, text, size, &err), G2S_OK);
		g2s_profile_free(&profile);
	} else {
		expect_refused(text, size, wanted);
	}
	free(text);
}

/* Without a bound on each list, some of what is asked of a profile would take minutes. */
static void bounds_other_lists(void **state)
{
	(void)state;
	const char *const rules = "\"syscalls\":[";
	const char *const rule = "{\"action\":\"SCMP_ACT_ALLOW\",\"names\":[]}";
	expect_bound("\"flags\":[", "\"F\"", "]}", 8192, NULL);
	expect_bound("\"flags\":[", "\"F\"", "]}", 8193, "flags: are too many");
	expect_bound("\"flags\":[\"F\"],\"architectures\":[", "\"A\"", "]}", 8192,
	             "too many");
	expect_bound(rules, rule, "]}", 8192, NULL);
	expect_bound(rules, rule, "]}", 8193, "syscalls[8192]: is one too many");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_a_profile),
		cmocka_unit_test(writes_little),
		cmocka_unit_test(escapes_strings),
		cmocka_unit_test(reads_what_it_writes),
		cmocka_unit_test(reads_what_others_write),
		cmocka_unit_test(refuses_what_is_no_json),
		cmocka_unit_test(tells_the_line),
		cmocka_unit_test(refuses_bad_profiles),
		cmocka_unit_test(refuses_bad_conditions),
		cmocka_unit_test(says_it_safely),
		cmocka_unit_test(refuses_every_prefix),
		cmocka_unit_test(bounds_its_input),
		cmocka_unit_test(bounds_names),
		cmocka_unit_test(bounds_other_lists),
	};
	return cmocka_run_group_tests_name("oci_json", tests, NULL, NULL);
}
