/* SPDX-License-Identifier: MIT */
#include "diff.h"

#include "g2s/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * --- decisions in words
 * ------------------------------------------------------------------------
 */

void diff_put_action(FILE *out, struct g2s_action action)
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
	fprintf(out, "& 0x%" PRIx64 " == 0x%" PRIx64, argument->value,
	        argument->value_two & argument->value);
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
	const char *joint = g2s_rule_tests_are_separate(rule) ? " or " : " and ";
	diff_put_action(out, rule->action);
	for (size_t i = 0; i < rule->argument_count; i++) {
		fputs(i == 0 ? " if " : joint, out);
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

/* What a profile decides for a name, or, when that is NULL, by default.  *words is to be freed. */
static bool describe(const struct g2s_profile *profile, const char *name, char **words,
                     bool *conditional)
{
	struct g2s_decision decision = {.action = profile->default_action};
	struct g2s_names rules = {0};
	size_t size = 0;
	FILE *out = open_memstream(words, &size);
	bool done = out != NULL;
	if (done && name != NULL) {
		done = g2s_profile_decide(profile, name, &decision) == G2S_OK &&
		       list_rules(profile, &decision, &rules);
	}
	for (size_t i = 0; i < rules.count && done; i++) {
		fprintf(out, "%s; ", rules.items[i]);
	}
	if (out != NULL) {
		fputs(rules.count != 0 ? "else " : "", out);
		diff_put_action(out, decision.action);
		done = fclose(out) == 0 && done;
	}
	*conditional = rules.count != 0;
	g2s_decision_free(&decision);
	g2s_names_free(&rules);
	return done;
}

/*
 * --- the list
 * ----------------------------------------------------------------------------------
 */

/* Adds an item; NULL when memory ran out. */
static struct diff_item *add_item(struct diff_list *list, enum diff_kind kind,
                                  enum diff_change change, const char *name)
{
	char *copy = name != NULL ? strdup(name) : NULL;
	if ((name != NULL && copy == NULL) ||
	    !g2s_grow(&list->items, &list->capacity, list->count + 1, sizeof(list->items[0]))) {
		free(copy);
		return NULL;
	}
	struct diff_item *item = &list->items[list->count++];
	*item = (struct diff_item){.kind = kind, .change = change, .name = copy};
	item->wider = change == DIFF_ADDED;
	list->changes[change]++;
	return item;
}

void diff_list_free(struct diff_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].name);
		free(list->items[i].decisions[G2S_OLD]);
		free(list->items[i].decisions[G2S_NEW]);
	}
	free(list->items);
	*list = (struct diff_list){0};
}

static bool describe_item(struct diff_item *item, const struct diff_side sides[G2S_SIDES])
{
	bool done = true;
	for (int side = 0; side < G2S_SIDES && done; side++) {
		done = describe(&sides[side].profile, item->name, &item->decisions[side],
		                &item->conditional[side]);
	}
	return done;
}

/* An item for each thing that is in one of the sorted lists only. */
static bool list_words(struct diff_list *list, enum diff_kind kind, const struct g2s_names *words)
{
	size_t at[G2S_SIDES] = {0};
	const struct g2s_names *old = &words[G2S_OLD];
	const struct g2s_names *new = &words[G2S_NEW];
	while (at[G2S_OLD] < old->count || at[G2S_NEW] < new->count) {
		int order;
		if (at[G2S_OLD] == old->count || at[G2S_NEW] == new->count) {
			order = at[G2S_OLD] == old->count ? 1 : -1;
		} else {
			order = strcmp(old->items[at[G2S_OLD]], new->items[at[G2S_NEW]]);
		}
		if (order > 0 &&
		    add_item(list, kind, DIFF_ADDED, new->items[at[G2S_NEW]]) == NULL) {
			return false;
		}
		if (order < 0 &&
		    add_item(list, kind, DIFF_REMOVED, old->items[at[G2S_OLD]]) == NULL) {
			return false;
		}
		at[G2S_OLD] += order <= 0;
		at[G2S_NEW] += order >= 0;
	}
	return true;
}

/* Docker chooses from archMap by host: all that it names count where the host is not known. */
static bool list_architectures(const struct g2s_profile *profile, struct g2s_names *list)
{
	bool done = g2s_names_add_all(list, &profile->architectures);
	for (size_t i = 0; i < profile->arch_map_count && done; i++) {
		done = g2s_names_add(list, profile->arch_map[i].architecture) &&
		       g2s_names_add_all(list, &profile->arch_map[i].sub_architectures);
	}
	g2s_names_sort(list);
	return done;
}

static bool list_settings(struct diff_list *list, const struct diff_side sides[G2S_SIDES],
                          struct g2s_names architectures[G2S_SIDES])
{
	const struct g2s_action old = sides[G2S_OLD].profile.default_action;
	const struct g2s_action new = sides[G2S_NEW].profile.default_action;
	if (!g2s_action_equal(old, new)) {
		struct diff_item *item = add_item(list, DIFF_DEFAULT_ACTION, DIFF_CHANGED, NULL);
		if (item == NULL || !describe_item(item, sides)) {
			return false;
		}
		item->wider = g2s_action_rank(new.kind) > g2s_action_rank(old.kind);
	}
	struct g2s_names flags[G2S_SIDES] = {0};
	bool done = true;
	for (int side = 0; side < G2S_SIDES; side++) {
		const struct g2s_profile *profile = &sides[side].profile;
		done = done && list_architectures(profile, &architectures[side]) &&
		       g2s_names_add_all(&flags[side], &profile->flags);
		g2s_names_sort(&flags[side]);
	}
	done = done && list_words(list, DIFF_ARCHITECTURE, architectures) &&
	       list_words(list, DIFF_FLAG, flags);
	g2s_names_free(&flags[G2S_OLD]);
	g2s_names_free(&flags[G2S_NEW]);
	return done;
}

/*
 * --- system calls
 * ------------------------------------------------------------------------------
 */

/*
 * The architecture whose programs Docker's verdict is about; NULL when there is more than one kind
 * of host.
 */
static const char *main_arch(const struct g2s_names architectures[G2S_SIDES])
{
	static const struct {
		const char *scmp;
		const char *arch;
	} hosts[] = {
		{"SCMP_ARCH_X86_64", "x86_64"}, {"SCMP_ARCH_X86", "x86_64"},
		{"SCMP_ARCH_X32", "x86_64"}, {"SCMP_ARCH_AARCH64", "aarch64"},
		{"SCMP_ARCH_ARM", "aarch64"},
	};
	const char *found = NULL;
	for (int side = 0; side < G2S_SIDES; side++) {
		const struct g2s_names *list = &architectures[side];
		for (size_t i = 0; i < list->count; i++) {
			const char *arch = NULL;
			for (size_t j = 0; j < sizeof(hosts) / sizeof(hosts[0]); j++) {
				if (strcmp(hosts[j].scmp, list->items[i]) == 0) {
					arch = hosts[j].arch;
				}
			}
			if (arch == NULL || (found != NULL && strcmp(found, arch) != 0)) {
				return NULL;
			}
			found = arch;
		}
	}
	return found;
}

static bool reads_alike(const struct g2s_row *a, const struct g2s_row *b)
{
	return strcmp(a->binary, b->binary) == 0 && strcmp(a->function, b->function) == 0 &&
	       strcmp(a->source, b->source) == 0 &&
	       (strcmp(a->function, "-") != 0 || a->address == b->address);
}

/* Notes the first places of a stream, in its order, where the call is made. */
static void note_places(struct diff_item *item, const struct diff_side *side)
{
	size_t count;
	const struct g2s_row *const *rows = diff_side_rows(side, item->name, &count);
	for (size_t i = 0; i < count; i++) {
		const struct g2s_row *row = rows[i];
		if (i != 0 && reads_alike(rows[i - 1], row)) {
			continue;
		}
		/* Where it stands among the first: rows lie in the order of the stream. */
		size_t at = item->place_count;
		while (at > 0 && item->places[at - 1] > row) {
			at--;
		}
		item->more_places += item->place_count == DIFF_PLACES;
		item->place_count += item->place_count < DIFF_PLACES;
		for (size_t j = item->place_count; j > at + 1; j--) {
			item->places[j - 1] = item->places[j - 2];
		}
		if (at < item->place_count) {
			item->places[at] = row;
		}
	}
}

/*
 * True when there is nothing to say of a name because a side is a stream, which knows what is
 * needed and not how the rest is to be denied.
 */
static bool is_not_asked_for(const struct diff_side sides[G2S_SIDES], const char *name)
{
	const struct diff_side *profile = NULL;
	const struct diff_side *stream = NULL;
	bool needed = false;
	for (int i = 0; i < G2S_SIDES; i++) {
		size_t rows = 0;
		if (sides[i].is_stream) {
			stream = &sides[i];
			diff_side_rows(stream, name, &rows);
		} else {
			profile = &sides[i];
		}
		needed = needed || rows != 0;
	}
	if (stream == NULL || needed) {
		return false;
	}
	/* What the runtime needs is the business of whoever made the profile. */
	return profile == NULL || g2s_names_have(&stream->baseline, name) ||
	       profile->profile.default_action.kind == G2S_ACTION_ALLOW;
}

/* Whether a difference is one, and which: name is decided by sides that have such calls. */
static bool judge(const struct diff_side sides[G2S_SIDES], const char *name,
                  struct g2s_comparison *comparison)
{
	bool any_stream = sides[G2S_OLD].is_stream || sides[G2S_NEW].is_stream;
	bool has[G2S_SIDES];
	for (int side = 0; side < G2S_SIDES; side++) {
		has[side] = g2s_profile_has_call(&sides[side].profile, name);
	}
	if (has[G2S_OLD] && has[G2S_NEW]) {
		return comparison->differ && (!any_stream || comparison->allows[G2S_OLD] ||
		                              comparison->allows[G2S_NEW]);
	}
	/* The other filter refuses the whole architecture, and that has been said. */
	for (int side = 0; side < G2S_SIDES; side++) {
		comparison->allows[side] = comparison->allows[side] && has[side];
	}
	comparison->wider = comparison->allows[G2S_NEW];
	return comparison->allows[G2S_OLD] || comparison->allows[G2S_NEW];
}

static bool list_call(struct diff_list *list, const struct diff_side sides[G2S_SIDES],
                      const char *name, const char *arch)
{
	const struct g2s_profile *const profiles[] = {
		&sides[G2S_OLD].profile, &sides[G2S_NEW].profile,
	};
	struct g2s_comparison comparison;
	if (is_not_asked_for(sides, name)) {
		return true;
	}
	if (g2s_profiles_compare(profiles, name, &comparison) != G2S_OK) {
		return false;
	}
	if (!judge(sides, name, &comparison)) {
		return true;
	}
	enum diff_change change = DIFF_CHANGED;
	if (comparison.allows[G2S_OLD] != comparison.allows[G2S_NEW]) {
		change = comparison.allows[G2S_NEW] ? DIFF_ADDED : DIFF_REMOVED;
	}
	struct diff_item *item = add_item(list, DIFF_SYSCALL, change, name);
	if (item == NULL || !describe_item(item, sides)) {
		return false;
	}
	item->wider = comparison.wider;
	item->docker = g2s_docker_judge(arch, name, item->docker_phrase);
	if (item->wider) {
		note_places(item, &sides[G2S_NEW]);
	}
	return true;
}

/* A name of a rule, as one of an index of all names of a profile. */
struct mention {
	const char *name;
	const struct g2s_rule *rule;
};

/* A side's names in order, and how far the list of all names has come in it. */
struct index {
	struct mention *items;
	size_t count;
	size_t next;
	/* Room for copies of as many rules. */
	struct g2s_rule *rules;
};

/* By name, and those of one name in the order of their rules. */
static int compare_mentions(const void *left, const void *right)
{
	const struct mention *a = left;
	const struct mention *b = right;
	int order = strcmp(a->name, b->name);
	return order != 0 ? order : (a->rule > b->rule) - (a->rule < b->rule);
}

static bool open_index(struct index *index, const struct g2s_profile *profile)
{
	size_t count = 0;
	for (size_t i = 0; i < profile->rule_count; i++) {
		count += profile->rules[i].names.count;
	}
	index->items = calloc(count + 1, sizeof(index->items[0]));
	index->rules = calloc(count + 1, sizeof(index->rules[0]));
	if (index->items == NULL || index->rules == NULL) {
		return false;
	}
	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct g2s_rule *rule = &profile->rules[i];
		for (size_t j = 0; j < rule->names.count; j++) {
			index->items[index->count++] =
				(struct mention){rule->names.items[j], rule};
		}
	}
	qsort(index->items, index->count, sizeof(index->items[0]), compare_mentions);
	return true;
}

/*
 * Makes *view the side with those of its rules alone that speak of name; names come in order.
 * Else each question about one name would mean a look at the rules of all others.
 */
static void view_name(struct diff_side *view, const struct diff_side *side, struct index *index,
                      const char *name)
{
	const struct g2s_rule *last = NULL;
	size_t count = 0;
	while (index->next < index->count && strcmp(index->items[index->next].name, name) == 0) {
		const struct g2s_rule *rule = index->items[index->next++].rule;
		if (rule != last) {
			index->rules[count++] = *rule;
		}
		last = rule;
	}
	*view = *side;
	view->profile.rules = index->rules;
	view->profile.rule_count = count;
}

/* Lists the differences in what is decided for calls of these names, which are sorted. */
static bool list_calls(struct diff_list *list, const struct diff_side sides[G2S_SIDES],
                       const struct g2s_names *names, const char *arch)
{
	struct index indexes[G2S_SIDES] = {0};
	bool done = true;
	for (int side = 0; side < G2S_SIDES && done; side++) {
		done = open_index(&indexes[side], &sides[side].profile);
	}
	for (size_t i = 0; i < names->count && done; i++) {
		struct diff_side views[G2S_SIDES];
		for (int side = 0; side < G2S_SIDES; side++) {
			view_name(&views[side], &sides[side], &indexes[side], names->items[i]);
		}
		done = list_call(list, views, names->items[i], arch);
	}
	for (int side = 0; side < G2S_SIDES; side++) {
		free(indexes[side].items);
		free(indexes[side].rules);
	}
	return done;
}

bool diff_list_fill(struct diff_list *list, const struct diff_side sides[G2S_SIDES])
{
	struct g2s_names architectures[G2S_SIDES] = {0};
	struct g2s_names names = {0};
	bool done = list_settings(list, sides, architectures);
	const char *arch = main_arch(architectures);
	for (int side = 0; side < G2S_SIDES; side++) {
		const struct g2s_profile *profile = &sides[side].profile;
		for (size_t i = 0; i < profile->rule_count && done; i++) {
			done = g2s_names_add_all(&names, &profile->rules[i].names);
		}
	}
	g2s_names_sort(&names);
	done = done && list_calls(list, sides, &names, arch);
	for (size_t i = 0; i < list->count; i++) {
		list->wider = list->wider || list->items[i].wider;
	}
	g2s_names_free(&architectures[G2S_OLD]);
	g2s_names_free(&architectures[G2S_NEW]);
	g2s_names_free(&names);
	return done;
}

const char *diff_docker_short(const struct diff_item *item)
{
	static const char before[] = "allowed by Docker's default profile ";
	if (item->docker == G2S_DOCKER_DENIED || item->docker == G2S_DOCKER_ALLOWED) {
		return g2s_docker_verdict_name(item->docker);
	}
	return item->docker_phrase + sizeof(before) - 1;
}
