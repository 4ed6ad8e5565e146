/* SPDX-License-Identifier: MIT */
#include "g2s/policy/oci_json.h"

#include "g2s/json.h"
#include "g2s/text.h"

#include <cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	DEPTH_MAX = 16,
	/* Of each: strings in all lists, rules, entries of an archMap. */
	ITEMS_MAX = 8192,
};

/*
 * --- before the parser
 * -------------------------------------------------------------------------
 */

static uint64_t line_of(const char *text, size_t offset)
{
	uint64_t line = 1;
	for (size_t i = 0; i < offset; i++) {
		line += text[i] == '\n';
	}
	return line;
}

/* What is wrong with the string that begins after text[*at - 1]; moves *at behind its end. */
static const char *scan_string(const char *text, size_t size, size_t *at)
{
	while (*at < size && text[*at] != '"') {
		if ((unsigned char)text[*at] < 0x20) {
			return "a control character in a string";
		}
		if (size - *at >= 6 && strncmp(text + *at, "\\u0000", 6) == 0) {
			return "a NUL in a string";
		}
		size_t step = text[*at] == '\\' && size - *at >= 2 ? 2 :
		              g2s_text_sequence(text + *at, size - *at);
		if (step == 0 || (unsigned char)text[*at + step - 1] < 0x20) {
			return "invalid UTF-8 or a control character in a string";
		}
		*at += step;
	}
	if (*at == size) {
		return "a string without an end";
	}
	(*at)++;
	return NULL;
}

/*
 * Looks over the text for what the parser would let pass: strings with a NUL (it would end them
 * there), control characters as white space, and nesting deep enough to fill the stack.
 */
static enum g2s_code look_over(const char *text, size_t size, struct g2s_error *err)
{
	int depth = 0;
	const char *wrong = NULL;
	size_t at = 0;
	while (at < size && wrong == NULL) {
		char byte = text[at++];
		if (byte == '"') {
			wrong = scan_string(text, size, &at);
		} else if (byte == '[' || byte == '{') {
			wrong = ++depth > DEPTH_MAX ? "nested too deeply" : NULL;
		} else if (byte == ']' || byte == '}') {
			depth--;
		} else if ((unsigned char)byte < 0x20 && strchr("\t\n\r", byte) == NULL) {
			wrong = "a control character";
		} else if (byte == '\0' || (unsigned char)byte >= 0x7f) {
			wrong = "not JSON";
		}
	}
	return wrong == NULL ? G2S_OK :
	       g2s_fail(err, G2S_ERR_FORMAT, line_of(text, at), "%s", wrong);
}

/*
 * --- reading
 * -----------------------------------------------------------------------------------
 */

struct reader {
	struct g2s_profile *profile;
	struct g2s_error *err;
	/* Strings of all lists so far. */
	size_t strings;
	/* The place that is being read: "syscalls[3].args[0]"; empty at the top. */
	char where[80];
};

enum kind { STRING, NUMBER, LIST, OBJECT };

/* A key that an object can have, and what its value must be. */
struct key {
	const char *name;
	enum kind kind;
};

static enum g2s_code refuse(const struct reader *reader, const char *key, const char *what)
{
	const char *dot = reader->where[0] != '\0' && key[0] != '\0' && key[0] != '[' ? "." : "";
	return g2s_fail(reader->err, G2S_ERR_FORMAT, 0, "%s%s%.60s: %s", reader->where, dot, key,
	                what);
}

static enum g2s_code no_memory(const struct reader *reader)
{
	return g2s_fail(reader->err, G2S_ERR_MEMORY, 0, "out of memory");
}

static bool is_kind(const cJSON *item, enum kind kind)
{
	switch (kind) {
	case STRING:
		return cJSON_IsString(item);
	case NUMBER:
		return cJSON_IsNumber(item);
	case LIST:
		return cJSON_IsArray(item);
	case OBJECT:
		return cJSON_IsObject(item);
	}
	return false;
}

static const char *kind_name(enum kind kind)
{
	static const char *const names[] = {
		"is not a string", "is not a number", "is not a list", "is not an object",
	};
	return names[kind];
}

/*
 * Puts the members of object into values, which has a place for each of count keys, NULL for what
 * is not there.  A key that is not among them is passed over, or refused when strict.
 */
static enum g2s_code take_members(const struct reader *reader, const cJSON *object,
                                  const struct key *keys, size_t count, bool strict,
                                  const cJSON **values)
{
	for (size_t i = 0; i < count; i++) {
		values[i] = NULL;
	}
	const cJSON *item;
	cJSON_ArrayForEach(item, object) {
		size_t i = 0;
		while (i < count && strcasecmp(keys[i].name, item->string) != 0) {
			i++;
		}
		if (i == count && strict) {
			return refuse(reader, item->string, "is not known");
		}
		if (i == count || cJSON_IsNull(item)) {
			continue;
		}
		if (values[i] != NULL) {
			return refuse(reader, keys[i].name, "is there twice");
		}
		if (!is_kind(item, keys[i].kind)) {
			return refuse(reader, keys[i].name, kind_name(keys[i].kind));
		}
		values[i] = item;
	}
	return G2S_OK;
}

/* A copy of a string in *copy; nothing when it is not there. */
static enum g2s_code take_text(const struct reader *reader, const cJSON *item, char **copy)
{
	if (item == NULL) {
		return G2S_OK;
	}
	*copy = strdup(item->valuestring);
	return *copy != NULL ? G2S_OK : no_memory(reader);
}

/* A whole number from 0 to max. */
static enum g2s_code take_number(const struct reader *reader, const cJSON *item, const char *key,
                                 uint64_t max, uint64_t *value)
{
	/* The parser keeps numbers as double: from here on two of them may have become one. */
	const double exact = 9007199254740992.0;
	double number = item->valuedouble;
	if (!(number >= 0) || number >= exact || number > (double)max ||
	    number != (double)(uint64_t)number) {
		return refuse(reader, key, "is not a whole number in its range");
	}
	*value = (uint64_t)number;
	return G2S_OK;
}

/* Notes one string more. */
static enum g2s_code count_string(struct reader *reader, const char *key)
{
	return ++reader->strings > ITEMS_MAX ? refuse(reader, key, "are too many") : G2S_OK;
}

static enum g2s_code take_strings(struct reader *reader, const cJSON *list, const char *key,
                                  struct g2s_names *names)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, list) {
		enum g2s_code code = count_string(reader, key);
		if (code != G2S_OK) {
			return code;
		}
		if (!cJSON_IsString(item) || item->valuestring[0] == '\0') {
			return refuse(reader, key, "is not a list of names");
		}
		if (!g2s_names_add(names, item->valuestring)) {
			return no_memory(reader);
		}
	}
	return G2S_OK;
}

static enum g2s_code take_action(const struct reader *reader, const cJSON *name, const char *key,
                                 struct g2s_action *action)
{
	if (name == NULL) {
		return refuse(reader, key, "is missing");
	}
	if (!g2s_action_parse(name->valuestring, &action->kind)) {
		return refuse(reader, key, "is no action");
	}
	return G2S_OK;
}

/* The value of an action: number, or only a name, which is not guessed at. */
static enum g2s_code take_errno(const struct reader *reader, const cJSON *number, const cJSON *name,
                                const char *key, struct g2s_action *action)
{
	if (number == NULL) {
		return name == NULL ? G2S_OK :
		       refuse(reader, key, "is missing: an error's name alone is not understood");
	}
	uint64_t value = 0;
	enum g2s_code code = take_number(reader, number, key, UINT32_MAX, &value);
	action->value = (uint32_t)value;
	action->has_value = true;
	return code;
}

static enum g2s_code read_argument(struct reader *reader, const cJSON *item,
                                   struct g2s_rule_argument *argument)
{
	enum { INDEX, VALUE, VALUE_TWO, OP, COUNT };
	static const struct key keys[] = {
		[INDEX] = {"index", NUMBER},
		[VALUE] = {"value", NUMBER},
		[VALUE_TWO] = {"valueTwo", NUMBER},
		[OP] = {"op", STRING},
	};
	const cJSON *values[COUNT];
	enum g2s_code code = take_members(reader, item, keys, COUNT, true, values);
	if (code != G2S_OK) {
		return code;
	}
	if (values[INDEX] == NULL || values[VALUE] == NULL || values[OP] == NULL) {
		return refuse(reader, "", "needs index, value and op");
	}
	uint64_t index = 0;
	code = take_number(reader, values[INDEX], "index", 5, &index);
	if (code == G2S_OK) {
		code = take_number(reader, values[VALUE], "value", UINT64_MAX, &argument->value);
	}
	if (code == G2S_OK && values[VALUE_TWO] != NULL) {
		code = take_number(reader, values[VALUE_TWO], "valueTwo", UINT64_MAX,
		                   &argument->value_two);
	}
	if (code != G2S_OK) {
		return code;
	}
	argument->index = (unsigned)index;
	argument->op = g2s_compare_op(values[OP]->valuestring);
	return argument->op != NULL ? G2S_OK : refuse(reader, "op", "is no comparison");
}

static enum g2s_code read_arguments(struct reader *reader, const cJSON *list, struct g2s_rule *rule)
{
	size_t count = (size_t)cJSON_GetArraySize(list);
	if (count == 0) {
		return G2S_OK;
	}
	rule->arguments = calloc(count, sizeof(rule->arguments[0]));
	if (rule->arguments == NULL) {
		return no_memory(reader);
	}
	size_t end = strlen(reader->where);
	const cJSON *item;
	cJSON_ArrayForEach(item, list) {
		snprintf(reader->where + end, sizeof(reader->where) - end, ".args[%zu]",
		         rule->argument_count);
		if (!cJSON_IsObject(item)) {
			return refuse(reader, "", kind_name(OBJECT));
		}
		enum g2s_code code =
			read_argument(reader, item, &rule->arguments[rule->argument_count]);
		if (code != G2S_OK) {
			return code;
		}
		rule->argument_count++;
	}
	reader->where[end] = '\0';
	return G2S_OK;
}

static enum g2s_code read_filter(struct reader *reader, const cJSON *item, const char *key,
                                 struct g2s_rule_filter *filter)
{
	enum { CAPS, ARCHES, MIN_KERNEL, COUNT };
	static const struct key keys[] = {
		[CAPS] = {"caps", LIST},
		[ARCHES] = {"arches", LIST},
		[MIN_KERNEL] = {"minKernel", STRING},
	};
	size_t end = strlen(reader->where);
	snprintf(reader->where + end, sizeof(reader->where) - end, ".%s", key);
	const cJSON *values[COUNT];
	enum g2s_code code = take_members(reader, item, keys, COUNT, true, values);
	if (code == G2S_OK) {
		code = take_strings(reader, values[CAPS], "caps", &filter->caps);
	}
	if (code == G2S_OK) {
		code = take_strings(reader, values[ARCHES], "arches", &filter->arches);
	}
	if (code == G2S_OK) {
		code = take_text(reader, values[MIN_KERNEL], &filter->min_kernel);
	}
	if (code == G2S_OK) {
		reader->where[end] = '\0';
	}
	return code;
}

static enum g2s_code read_names(struct reader *reader, const cJSON *list, const cJSON *name,
                                struct g2s_rule *rule)
{
	if ((list == NULL) == (name == NULL)) {
		return refuse(reader, "names", list == NULL ? "is missing" : "stands beside name");
	}
	enum g2s_code code = G2S_OK;
	if (list != NULL) {
		code = take_strings(reader, list, "names", &rule->names);
	} else if (name->valuestring[0] == '\0') {
		code = refuse(reader, "name", "is empty");
	} else if (!g2s_names_add(&rule->names, name->valuestring)) {
		code = no_memory(reader);
	} else {
		code = count_string(reader, "name");
	}
	return code;
}

static enum g2s_code read_rule(struct reader *reader, const cJSON *item)
{
	enum { NAMES, NAME, ACTION, ERRNO_RET, ERRNO, ARGS, INCLUDES, EXCLUDES, COUNT };
	static const struct key keys[] = {
		[NAMES] = {"names", LIST},
		[NAME] = {"name", STRING},
		[ACTION] = {"action", STRING},
		[ERRNO_RET] = {"errnoRet", NUMBER},
		[ERRNO] = {"errno", STRING},
		[ARGS] = {"args", LIST},
		[INCLUDES] = {"includes", OBJECT},
		[EXCLUDES] = {"excludes", OBJECT},
	};
	if (!cJSON_IsObject(item)) {
		return refuse(reader, "", kind_name(OBJECT));
	}
	struct g2s_rule *rule = g2s_profile_add_rule(reader->profile);
	if (rule == NULL) {
		return no_memory(reader);
	}
	const cJSON *values[COUNT];
	enum g2s_code code = take_members(reader, item, keys, COUNT, false, values);
	if (code == G2S_OK) {
		code = read_names(reader, values[NAMES], values[NAME], rule);
	}
	if (code == G2S_OK) {
		code = take_action(reader, values[ACTION], "action", &rule->action);
	}
	if (code == G2S_OK) {
		code = take_errno(reader, values[ERRNO_RET], values[ERRNO], "errnoRet",
		                  &rule->action);
	}
	if (code == G2S_OK && values[ARGS] != NULL) {
		code = read_arguments(reader, values[ARGS], rule);
	}
	if (code == G2S_OK && values[INCLUDES] != NULL) {
		code = read_filter(reader, values[INCLUDES], "includes", &rule->includes);
	}
	if (code == G2S_OK && values[EXCLUDES] != NULL) {
		code = read_filter(reader, values[EXCLUDES], "excludes", &rule->excludes);
	}
	return code;
}

static enum g2s_code read_arch_map(struct reader *reader, const cJSON *item)
{
	enum { ARCHITECTURE, SUB_ARCHITECTURES, COUNT };
	static const struct key keys[] = {
		[ARCHITECTURE] = {"architecture", STRING},
		[SUB_ARCHITECTURES] = {"subArchitectures", LIST},
	};
	if (!cJSON_IsObject(item)) {
		return refuse(reader, "", kind_name(OBJECT));
	}
	struct g2s_arch_map *entry = g2s_profile_add_arch_map(reader->profile);
	if (entry == NULL) {
		return no_memory(reader);
	}
	const cJSON *values[COUNT];
	enum g2s_code code = take_members(reader, item, keys, COUNT, false, values);
	if (code != G2S_OK) {
		return code;
	}
	if (values[ARCHITECTURE] == NULL) {
		return refuse(reader, "architecture", "is missing");
	}
	code = take_text(reader, values[ARCHITECTURE], &entry->architecture);
	return code != G2S_OK ? code :
	       take_strings(reader, values[SUB_ARCHITECTURES], "subArchitectures",
	                    &entry->sub_architectures);
}

/* Reads every item of a list, which may be NULL, under its name and number. */
static enum g2s_code read_list(struct reader *reader, const cJSON *list, const char *name,
                               enum g2s_code (*read)(struct reader *, const cJSON *))
{
	size_t i = 0;
	const cJSON *item;
	cJSON_ArrayForEach(item, list) {
		snprintf(reader->where, sizeof(reader->where), "%s[%zu]", name, i);
		if (i++ == ITEMS_MAX) {
			return refuse(reader, "", "is one too many");
		}
		enum g2s_code code = read(reader, item);
		if (code != G2S_OK) {
			return code;
		}
	}
	reader->where[0] = '\0';
	return G2S_OK;
}

static enum g2s_code read_profile(struct reader *reader, const cJSON *root)
{
	enum {
		DEFAULT_ACTION, DEFAULT_ERRNO_RET, DEFAULT_ERRNO, ARCHITECTURES, ARCH_MAP, FLAGS,
		LISTENER_PATH, LISTENER_METADATA, SYSCALLS, COUNT,
	};
	static const struct key keys[] = {
		[DEFAULT_ACTION] = {"defaultAction", STRING},
		[DEFAULT_ERRNO_RET] = {"defaultErrnoRet", NUMBER},
		[DEFAULT_ERRNO] = {"defaultErrno", STRING},
		[ARCHITECTURES] = {"architectures", LIST},
		[ARCH_MAP] = {"archMap", LIST},
		[FLAGS] = {"flags", LIST},
		[LISTENER_PATH] = {"listenerPath", STRING},
		[LISTENER_METADATA] = {"listenerMetadata", STRING},
		[SYSCALLS] = {"syscalls", LIST},
	};
	if (!cJSON_IsObject(root)) {
		return refuse(reader, "the profile", kind_name(OBJECT));
	}
	struct g2s_profile *profile = reader->profile;
	const cJSON *values[COUNT];
	enum g2s_code code = take_members(reader, root, keys, COUNT, false, values);
	if (code == G2S_OK) {
		code = take_action(reader, values[DEFAULT_ACTION], "defaultAction",
		                   &profile->default_action);
	}
	if (code == G2S_OK) {
		code = take_errno(reader, values[DEFAULT_ERRNO_RET], values[DEFAULT_ERRNO],
		                  "defaultErrnoRet", &profile->default_action);
	}
	if (code == G2S_OK) {
		code = take_strings(reader, values[ARCHITECTURES], "architectures",
		                    &profile->architectures);
	}
	if (code == G2S_OK) {
		code = take_strings(reader, values[FLAGS], "flags", &profile->flags);
	}
	if (code == G2S_OK) {
		code = take_text(reader, values[LISTENER_PATH], &profile->listener_path);
	}
	if (code == G2S_OK) {
		code = take_text(reader, values[LISTENER_METADATA], &profile->listener_metadata);
	}
	if (code == G2S_OK) {
		code = read_list(reader, values[ARCH_MAP], "archMap", read_arch_map);
	}
	return code != G2S_OK ? code :
	       read_list(reader, values[SYSCALLS], "syscalls", read_rule);
}

enum g2s_code g2s_oci_json_read(struct g2s_profile *profile, const char *text, size_t size,
                                struct g2s_error *err)
{
	if (size > G2S_OCI_JSON_MAX) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "longer than %d bytes", G2S_OCI_JSON_MAX);
	}
	enum g2s_code code = look_over(text, size, err);
	if (code != G2S_OK) {
		return code;
	}
	const char *end = text;
	cJSON *root = cJSON_ParseWithLengthOpts(text, size, &end, 0);
	if (root == NULL) {
		return g2s_fail(err, G2S_ERR_FORMAT, line_of(text, (size_t)(end - text)),
		                size == 0 ? "empty input instead of JSON" : "not JSON");
	}
	size_t rest = (size_t)(end - text);
	while (rest < size && strchr(" \t\n\r", text[rest]) != NULL) {
		rest++;
	}
	if (rest < size) {
		code = g2s_fail(err, G2S_ERR_FORMAT, line_of(text, rest), "text after the profile");
	} else {
		struct reader reader = {.profile = profile, .err = err};
		code = read_profile(&reader, root);
	}
	cJSON_Delete(root);
	return code;
}

/*
 * --- writing
 * -----------------------------------------------------------------------------------
 */

static void put_list(struct g2s_json *json, const char *key, const struct g2s_names *names)
{
	g2s_json_open(json, key, '[');
	for (size_t i = 0; i < names->count; i++) {
		g2s_json_string(json, NULL, names->items[i]);
	}
	g2s_json_close(json, ']');
}

static void put_list_if_any(struct g2s_json *json, const char *key, const struct g2s_names *names)
{
	if (names->count != 0) {
		put_list(json, key, names);
	}
}

static void put_string_if_any(struct g2s_json *json, const char *key, const char *text)
{
	if (text != NULL) {
		g2s_json_string(json, key, text);
	}
}

static void put_filter(struct g2s_json *json, const char *key, const struct g2s_rule_filter *filter)
{
	if (filter->caps.count == 0 && filter->arches.count == 0 && filter->min_kernel == NULL) {
		return;
	}
	g2s_json_open(json, key, '{');
	put_list_if_any(json, "caps", &filter->caps);
	put_list_if_any(json, "arches", &filter->arches);
	put_string_if_any(json, "minKernel", filter->min_kernel);
	g2s_json_close(json, '}');
}

static void put_rule(struct g2s_json *json, const struct g2s_rule *rule)
{
	g2s_json_open(json, NULL, '{');
	put_list(json, "names", &rule->names);
	g2s_json_string(json, "action", g2s_action_name(rule->action.kind));
	if (rule->action.has_value) {
		g2s_json_number(json, "errnoRet", rule->action.value);
	}
	if (rule->argument_count != 0) {
		g2s_json_open(json, "args", '[');
		for (size_t i = 0; i < rule->argument_count; i++) {
			g2s_json_open(json, NULL, '{');
			g2s_json_number(json, "index", rule->arguments[i].index);
			g2s_json_number(json, "value", rule->arguments[i].value);
			g2s_json_number(json, "valueTwo", rule->arguments[i].value_two);
			g2s_json_string(json, "op", rule->arguments[i].op);
			g2s_json_close(json, '}');
		}
		g2s_json_close(json, ']');
	}
	put_filter(json, "includes", &rule->includes);
	put_filter(json, "excludes", &rule->excludes);
	g2s_json_close(json, '}');
}

void g2s_oci_json_write(const struct g2s_profile *profile, FILE *out)
{
	struct g2s_json json = {.out = out};
	g2s_json_open(&json, NULL, '{');
	g2s_json_string(&json, "defaultAction", g2s_action_name(profile->default_action.kind));
	if (profile->default_action.has_value) {
		g2s_json_number(&json, "defaultErrnoRet", profile->default_action.value);
	}
	put_list_if_any(&json, "architectures", &profile->architectures);
	if (profile->arch_map_count != 0) {
		g2s_json_open(&json, "archMap", '[');
		for (size_t i = 0; i < profile->arch_map_count; i++) {
			g2s_json_open(&json, NULL, '{');
			g2s_json_string(&json, "architecture", profile->arch_map[i].architecture);
			put_list(&json, "subArchitectures",
			         &profile->arch_map[i].sub_architectures);
			g2s_json_close(&json, '}');
		}
		g2s_json_close(&json, ']');
	}
	put_list_if_any(&json, "flags", &profile->flags);
	put_string_if_any(&json, "listenerPath", profile->listener_path);
	put_string_if_any(&json, "listenerMetadata", profile->listener_metadata);
	g2s_json_open(&json, "syscalls", '[');
	for (size_t i = 0; i < profile->rule_count; i++) {
		put_rule(&json, &profile->rules[i]);
	}
	g2s_json_close(&json, ']');
	g2s_json_close(&json, '}');
	putc('\n', out);
}
