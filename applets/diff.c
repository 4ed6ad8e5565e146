/* SPDX-License-Identifier: MIT */
#include "applets.h"
#include "cli.h"

#include "g2s/policy/oci_json.h"
#include "g2s/policy/seccomp.h"
#include "g2s/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define APPLET "diff"

enum { OLD, NEW, SIDES };

/* Both profiles and where differences are written. */
struct comparison {
	struct g2s_profile profiles[SIDES];
	FILE *out;
	bool different;
	bool no_memory;
};

/*
 * --- decisions in words
 * ------------------------------------------------------------------------
 */

static void put_action(FILE *out, struct g2s_action action)
{
	fputs(g2s_action_name(action.kind), out);
	if (action.kind == G2S_ACTION_ERRNO || action.kind == G2S_ACTION_TRACE) {
		fprintf(out, " %" PRIu32, action.has_value ? action.value :
		        G2S_ACTION_DEFAULT_VALUE);
	}
}

static void put_argument(FILE *out, const struct g2s_rule_argument *argument)
{
	static const struct {
		const char *op;
		const char *sign;
	} signs[] = {
		{"SCMP_CMP_NE", "!="}, {"SCMP_CMP_LT", "<"}, {"SCMP_CMP_LE", "<="},
		{"SCMP_CMP_EQ", "=="}, {"SCMP_CMP_GE", ">="}, {"SCMP_CMP_GT", ">"},
	};
	fprintf(out, "argument %u ", argument->index);
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (strcmp(signs[i].op, argument->op) == 0) {
			fprintf(out, "%s 0x%" PRIx64, signs[i].sign, argument->value);
			return;
		}
	}
	fprintf(out, "& 0x%" PRIx64 " == 0x%" PRIx64, argument->value, argument->value_two);
}

static void put_names(FILE *out, const char *word, const char *what, const struct g2s_names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		fprintf(out, "%s%s %s", i == 0 ? word : ",", i == 0 ? what : "", names->items[i]);
	}
}

static void put_filter(FILE *out, const char *word, const struct g2s_rule_filter *filter)
{
	put_names(out, word, " capability", &filter->caps);
	put_names(out, word, " architecture", &filter->arches);
	if (filter->min_kernel != NULL) {
		fprintf(out, "%s kernel %s or later", word, filter->min_kernel);
	}
}

/* One conditional rule: what it does, and when. */
static void put_rule(FILE *out, const struct g2s_rule *rule)
{
	put_action(out, rule->action);
	for (size_t i = 0; i < rule->argument_count; i++) {
		fputs(i == 0 ? " if " : " and ", out);
		put_argument(out, &rule->arguments[i]);
	}
	put_filter(out, " with", &rule->includes);
	put_filter(out, " without", &rule->excludes);
}

/* Adds the words for each conditional rule of a decision, in an order that is always the same. */
static bool list_rules(const struct g2s_profile *profile, const struct g2s_decision *decision,
                       struct g2s_names *list)
{
	bool done = true;
	for (size_t i = 0; i < decision->conditional_count && done; i++) {
		char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);
		if (out == NULL) {
			return false;
		}
		put_rule(out, &profile->rules[decision->conditional[i]]);
		done = fclose(out) == 0 && g2s_names_add(list, text);
		free(text);
	}
	g2s_names_sort(list);
	return done;
}

/*
 * --- differences
 * -------------------------------------------------------------------------------
 */

/* Names and the like come from a file that nobody vouches for, and may go to a terminal. */
static void put_shown(FILE *out, const char *text)
{
	size_t size = strlen(text);
	while (size != 0) {
		char piece[G2S_TEXT_PIECE];
		size_t taken = g2s_text_take(text, size, G2S_TEXT_MESSAGE, piece);
		fputs(piece, out);
		text += taken;
		size -= taken;
	}
}

static void put_line(struct comparison *comparison, char sign, const char *name)
{
	comparison->different = true;
	fprintf(comparison->out, "%c ", sign);
	put_shown(comparison->out, name);
}

static void put_decision(FILE *out, struct g2s_action action, const struct g2s_names *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		put_shown(out, rules->items[i]);
		fputs("; ", out);
	}
	fputs(rules->count != 0 ? "else " : "", out);
	put_action(out, action);
}

static void compare_name(struct comparison *comparison, const char *name)
{
	struct g2s_decision decisions[SIDES] = {0};
	struct g2s_names rules[SIDES] = {0};
	bool allowed[SIDES];
	for (int side = 0; side < SIDES; side++) {
		const struct g2s_profile *profile = &comparison->profiles[side];
		if (g2s_profile_decide(profile, name, &decisions[side]) != G2S_OK ||
		    !list_rules(profile, &decisions[side], &rules[side])) {
			comparison->no_memory = true;
			goto done;
		}
		allowed[side] = g2s_decision_allows(profile, &decisions[side]);
	}
	if (g2s_action_equal(decisions[OLD].action, decisions[NEW].action) &&
	    g2s_names_equal(&rules[OLD], &rules[NEW])) {
		goto done;
	}
	if (allowed[OLD] != allowed[NEW]) {
		int side = allowed[NEW] ? NEW : OLD;
		put_line(comparison, allowed[NEW] ? '+' : '-', name);
		if (rules[side].count != 0) {
			fputs(": ", comparison->out);
			put_decision(comparison->out, decisions[side].action, &rules[side]);
		}
	} else {
		put_line(comparison, '~', name);
		fputs(": ", comparison->out);
		put_decision(comparison->out, decisions[OLD].action, &rules[OLD]);
		fputs(" -> ", comparison->out);
		put_decision(comparison->out, decisions[NEW].action, &rules[NEW]);
	}
	putc('\n', comparison->out);
done:
	for (int side = 0; side < SIDES; side++) {
		g2s_decision_free(&decisions[side]);
		g2s_names_free(&rules[side]);
	}
}

static bool add_all(struct g2s_names *names, const struct g2s_names *more)
{
	for (size_t i = 0; i < more->count; i++) {
		if (!g2s_names_add(names, more->items[i])) {
			return false;
		}
	}
	return true;
}

/* A line for each item that is in one of the sorted lists only. */
static void compare_lists(struct comparison *comparison, const struct g2s_names *lists)
{
	size_t at[SIDES] = {0};
	while (at[OLD] < lists[OLD].count || at[NEW] < lists[NEW].count) {
		int order;
		if (at[OLD] == lists[OLD].count || at[NEW] == lists[NEW].count) {
			order = at[OLD] == lists[OLD].count ? 1 : -1;
		} else {
			order = strcmp(lists[OLD].items[at[OLD]], lists[NEW].items[at[NEW]]);
		}
		if (order != 0) {
			int side = order > 0 ? NEW : OLD;
			put_line(comparison, order > 0 ? '+' : '-', lists[side].items[at[side]]);
			putc('\n', comparison->out);
		}
		at[OLD] += order <= 0;
		at[NEW] += order >= 0;
	}
}

/* Docker chooses from archMap by host: all that it names count here. */
static bool list_architectures(const struct g2s_profile *profile, struct g2s_names *list)
{
	bool done = add_all(list, &profile->architectures);
	for (size_t i = 0; i < profile->arch_map_count && done; i++) {
		done = g2s_names_add(list, profile->arch_map[i].architecture) &&
		       add_all(list, &profile->arch_map[i].sub_architectures);
	}
	g2s_names_sort(list);
	return done;
}

static void compare_settings(struct comparison *comparison)
{
	const struct g2s_profile *profiles = comparison->profiles;
	if (!g2s_action_equal(profiles[OLD].default_action, profiles[NEW].default_action)) {
		put_line(comparison, '~', "default action: ");
		put_action(comparison->out, profiles[OLD].default_action);
		fputs(" -> ", comparison->out);
		put_action(comparison->out, profiles[NEW].default_action);
		putc('\n', comparison->out);
	}
	struct g2s_names architectures[SIDES] = {0};
	struct g2s_names flags[SIDES] = {0};
	for (int side = 0; side < SIDES; side++) {
		if (!list_architectures(&profiles[side], &architectures[side]) ||
		    !add_all(&flags[side], &profiles[side].flags)) {
			comparison->no_memory = true;
		}
		g2s_names_sort(&flags[side]);
	}
	compare_lists(comparison, architectures);
	compare_lists(comparison, flags);
	for (int side = 0; side < SIDES; side++) {
		g2s_names_free(&architectures[side]);
		g2s_names_free(&flags[side]);
	}
}

static void compare(struct comparison *comparison)
{
	compare_settings(comparison);
	struct g2s_names names = {0};
	for (int side = 0; side < SIDES; side++) {
		const struct g2s_profile *profile = &comparison->profiles[side];
		for (size_t i = 0; i < profile->rule_count; i++) {
			if (!add_all(&names, &profile->rules[i].names)) {
				comparison->no_memory = true;
			}
		}
	}
	g2s_names_sort(&names);
	for (size_t i = 0; i < names.count && !comparison->no_memory; i++) {
		compare_name(comparison, names.items[i]);
	}
	g2s_names_free(&names);
}

/*
 * --- the applet
 * --------------------------------------------------------------------------------
 */

static int read_profile(const char *path, struct g2s_profile *profile)
{
	char *text = NULL;
	size_t size = 0;
	int status = cli_read_file(APPLET, path, G2S_OCI_JSON_MAX, &text, &size);
	if (status != G2S_EXIT_DONE) {
		return status;
	}
	struct g2s_error err = {0};
	enum g2s_code code = g2s_oci_json_read(profile, text, size, &err);
	free(text);
	if (code != G2S_OK) {
		cli_input_error(APPLET, path, &err);
	}
	return cli_status(code);
}

/* Compares what was read and writes it out. */
static int finish(struct comparison *comparison)
{
	struct cli_output output = {0};
	if (!cli_output_open(&output, APPLET, NULL)) {
		return G2S_EXIT_OUTPUT;
	}
	comparison->out = output.file;
	compare(comparison);
	if (comparison->no_memory) {
		cli_message(APPLET, "out of memory");
		cli_output_discard(&output);
		return G2S_EXIT_USAGE;
	}
	int status = cli_output_commit(&output);
	return status == G2S_EXIT_DONE && comparison->different ? G2S_EXIT_DIFFERENT : status;
}

int g2s_diff_main(int argc, char **argv)
{
	const struct cli_option options[] = {{0}};
	const struct cli_usage usage = {
		.applet = APPLET,
		.operands = "OLD NEW",
		.about = "Compares two seccomp profiles (JSON of Docker and OCI runtimes) by what "
		         "they decide.\n"
		         "+ is allowed by NEW only, - by OLD only, ~ is treated differently.  Ends "
		         "with 1 when\n"
		         "they differ.\n",
		.options = options,
	};
	int status;
	int operands = cli_parse(&usage, argc, argv, &status);
	if (operands < 0) {
		return status;
	}
	if (operands != SIDES) {
		return cli_usage_error(APPLET, "needs two profiles, not %d", operands);
	}
	struct comparison comparison = {0};
	status = G2S_EXIT_DONE;
	for (int side = 0; side < SIDES && status == G2S_EXIT_DONE; side++) {
		status = read_profile(argv[1 + side], &comparison.profiles[side]);
	}
	if (status == G2S_EXIT_DONE) {
		status = finish(&comparison);
	}
	for (int side = 0; side < SIDES; side++) {
		g2s_profile_free(&comparison.profiles[side]);
	}
	return status;
}
