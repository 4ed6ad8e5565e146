/* SPDX-License-Identifier: MIT */
#include "g2s/policy/spo.h"

#include "g2s/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum {
	ERRNO_MAX = 4095,
	ARGUMENTS_MAX = 6,
};

/*
 * --- the name
 * ----------------------------------------------------------------------------------
 */

static bool is_label_letter(unsigned char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

void g2s_spo_name(const char *path, char name[G2S_SPO_NAME_SIZE])
{
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;
	const char *from = slash != NULL ? slash + 1 : path;
	size_t length = 0;
	for (; from != NULL && *from != '\0' && length < G2S_SPO_NAME_SIZE - 1; from++) {
		unsigned char byte = (unsigned char)*from;
		if (byte >= 'A' && byte <= 'Z') {
			byte = (unsigned char)(byte - 'A' + 'a');
		}
		if (is_label_letter(byte)) {
			name[length++] = (char)byte;
		} else if (length != 0 && name[length - 1] != '-') {
			name[length++] = '-';
		}
	}
	if (length != 0 && name[length - 1] == '-') {
		length--;
	}
	name[length] = '\0';
	if (length == 0) {
		memcpy(name, "profile", sizeof("profile"));
	}
}

/*
 * --- what it can say
 * ---------------------------------------------------------------------------
 */

static enum g2s_code check_action(struct g2s_action action, struct g2s_error *err)
{
	if (action.kind == G2S_ACTION_NOTIFY) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "SCMP_ACT_NOTIFY needs a listener of the "
		                "operator's");
	}
	if (action.has_value && (action.value == 0 || action.value > ERRNO_MAX)) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "errnoRet %" PRIu32 " is not among 1 to %d",
		                action.value, ERRNO_MAX);
	}
	return G2S_OK;
}

static bool is_empty(const struct g2s_rule_filter *filter)
{
	return filter->caps.count == 0 && filter->arches.count == 0 && filter->min_kernel == NULL;
}

static enum g2s_code check_rule(const struct g2s_rule *rule, struct g2s_error *err)
{
	if (rule->names.count == 0) {
		return G2S_OK;
	}
	const char *name = rule->names.items[0];
	if (!is_empty(&rule->includes) || !is_empty(&rule->excludes)) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "%s has a rule that depends on the host or "
		                "on capabilities", name);
	}
	if (rule->argument_count > ARGUMENTS_MAX) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "%s has a rule of more than %d arguments",
		                name, ARGUMENTS_MAX);
	}
	for (size_t i = 0; i < rule->argument_count; i++) {
		const struct g2s_rule_argument *argument = &rule->arguments[i];
		if (argument->value > INT64_MAX || argument->value_two > INT64_MAX) {
			return g2s_fail(err, G2S_ERR_FORMAT, 0, "%s has a rule with a number of 64 "
			                "bits, and 63 are the most", name);
		}
	}
	return check_action(rule->action, err);
}

static enum g2s_code check(const struct g2s_profile *profile, struct g2s_error *err)
{
	if (profile->arch_map_count != 0) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "the architectures depend on the host "
		                "(archMap)");
	}
	const struct g2s_action plain = {.kind = profile->default_action.kind};
	if (!g2s_action_equal(profile->default_action, plain)) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "the object has no defaultErrnoRet: the "
		                "default action answers EPERM and nothing else");
	}
	enum g2s_code code = check_action(plain, err);
	for (size_t i = 0; i < profile->rule_count && code == G2S_OK; i++) {
		code = check_rule(&profile->rules[i], err);
	}
	return code;
}

/*
 * --- YAML
 * --------------------------------------------------------------------------------------
 */

/*
 * True for text that is itself in every version of YAML: a letter, then letters, digits, '_' and
 * '-', and none of the words that YAML 1.1 reads as something else.
 */
static bool is_plain(const char *text)
{
	static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off",
	                                    "y", "n"};
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
	                              "0123456789-";
	if (text[0] == '\0' || strspn(text, letters) != strlen(text) || text[0] == '-' ||
	    isdigit((unsigned char)text[0])) {
		return false;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(words[i], text) == 0) {
			return false;
		}
	}
	return true;
}

/* The code point of a well-formed sequence of length bytes. */
static uint32_t code_point(const char *text, size_t length)
{
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t point = (unsigned char)text[0] & masks[length];
	for (size_t i = 1; i < length; i++) {
		point = point << 6 | ((unsigned char)text[i] & 0x3f);
	}
	return point;
}

/* Writes a string: plain, or quoted with all but printable ASCII escaped. */
static void write_string(FILE *out, const char *text)
{
	if (is_plain(text)) {
		fputs(text, out);
		return;
	}
	putc('"', out);
	for (size_t left = strlen(text); left != 0;) {
		size_t length = g2s_text_sequence(text, left);
		if (length == 0) {
			/* No UTF-8, which profiles do not hold: the replacement character. */
			fputs("\\uFFFD", out);
			length = 1;
		} else if (length > 1 || *text < 0x20 || *text == 0x7f) {
			fprintf(out, "\\U%08" PRIX32, code_point(text, length));
		} else {
			fprintf(out, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
		}
		text += length;
		left -= length;
	}
	putc('"', out);
}

/* True when the list has the item before index already: the API server takes sets only. */
static bool is_repeated(const struct g2s_names *names, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (strcmp(names->items[i], names->items[index]) == 0) {
			return true;
		}
	}
	return false;
}

/* Writes "KEY:" and the items, each on a line; nothing for an empty list. */
static void write_list(FILE *out, const char *indent, const char *key,
                       const struct g2s_names *names)
{
	if (names->count != 0) {
		fprintf(out, "%s%s:\n", indent, key);
	}
	for (size_t i = 0; i < names->count; i++) {
		if (!is_repeated(names, i)) {
			fprintf(out, "%s- ", indent);
			write_string(out, names->items[i]);
			putc('\n', out);
		}
	}
}

static void write_rule(FILE *out, const struct g2s_rule *rule)
{
	fprintf(out, "  - action: %s\n", g2s_action_name(rule->action.kind));
	if (rule->action.has_value) {
		fprintf(out, "    errnoRet: %" PRIu32 "\n", rule->action.value);
	}
	if (rule->argument_count != 0) {
		fputs("    args:\n", out);
	}
	for (size_t i = 0; i < rule->argument_count; i++) {
		const struct g2s_rule_argument *argument = &rule->arguments[i];
		fprintf(out, "    - index: %u\n      op: %s\n      value: %" PRIu64 "\n",
		        argument->index, argument->op, argument->value);
		if (argument->value_two != 0) {
			fprintf(out, "      valueTwo: %" PRIu64 "\n", argument->value_two);
		}
	}
	write_list(out, "    ", "names", &rule->names);
}

static void write_object(const struct g2s_profile *profile, const char *name, FILE *out)
{
	fputs("apiVersion: security-profiles-operator.x-k8s.io/v1beta1\nkind: SeccompProfile\n"
	      "metadata:\n  name: ", out);
	write_string(out, name);
	fprintf(out, "\nspec:\n  defaultAction: %s\n",
	        g2s_action_name(profile->default_action.kind));
	write_list(out, "  ", "architectures", &profile->architectures);
	write_list(out, "  ", "flags", &profile->flags);
	bool first = true;
	for (size_t i = 0; i < profile->rule_count; i++) {
		/* A rule of no name says nothing, and the API server takes none. */
		if (profile->rules[i].names.count != 0) {
			fputs(first ? "  syscalls:\n" : "", out);
			first = false;
			write_rule(out, &profile->rules[i]);
		}
	}
}

enum g2s_code g2s_spo_write(const struct g2s_profile *profile, const char *name, FILE *out,
                            struct g2s_error *err)
{
	enum g2s_code code = check(profile, err);
	if (code == G2S_OK) {
		write_object(profile, name, out);
	}
	return code;
}
