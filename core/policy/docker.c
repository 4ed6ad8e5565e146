/* SPDX-License-Identifier: MIT */
#include "g2s/policy/docker.h"

#include "docker_data.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The hosts, as Docker spells them, that run programs of an architecture of the stream. */
static const char *const hosts[][3] = {
	{"x86_64", "amd64"},
	{"x86", "amd64", "x86"},
	{"x32", "amd64"},
	{"aarch64", "arm64"},
	{"arm", "arm64", "arm"},
};

enum {
	HOST_ROWS = sizeof(hosts) / sizeof(hosts[0]),
	HOST_COLUMNS = sizeof(hosts[0]) / sizeof(hosts[0][0]),
};

/* Whether a condition holds, as far as it is known. */
enum truth { NO, MAYBE, YES };

/* True when list, words with commas between them, has word. */
static bool has_word(const char *list, const char *word)
{
	size_t length = strlen(word);
	for (const char *at = list;; at++) {
		if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
			return true;
		}
		at = strchr(at, ',');
		if (at == NULL) {
			return false;
		}
	}
}

/* Whether the hosts that run programs of arch are in list. */
static enum truth runs_on(const char *list, const char *arch)
{
	bool in = false;
	bool out = false;
	for (size_t i = 0; arch != NULL && i < HOST_ROWS; i++) {
		if (strcmp(hosts[i][0], arch) != 0) {
			continue;
		}
		for (size_t j = 1; j < HOST_COLUMNS && hosts[i][j] != NULL; j++) {
			if (has_word(list, hosts[i][j])) {
				in = true;
			} else {
				out = true;
			}
		}
	}
	return in == out ? MAYBE : in ? YES : NO;
}

static const char *word_at(uint16_t offset)
{
	return g2s_docker_words + offset;
}

/* Whether a rule speaks of programs of arch. */
static enum truth counts_for(const struct g2s_docker_rule *rule, const char *arch)
{
	enum truth on = rule->on == 0 ? YES : runs_on(word_at(rule->on), arch);
	enum truth off = rule->not_on == 0 ? NO : runs_on(word_at(rule->not_on), arch);
	if (on == NO || off == YES) {
		return NO;
	}
	return on == YES && off == NO ? YES : MAYBE;
}

/* When calls are allowed: the ways to it, any of which will do. */
struct ways {
	/* Each after a blank, with " or" between two. */
	char text[G2S_DOCKER_PHRASE_SIZE];
	/* One of them needs more than a capability. */
	bool other;
};

/* Appends to a phrase; what has no room is cut off. */
__attribute__((format(printf, 2, 3))) static void append(char phrase[G2S_DOCKER_PHRASE_SIZE],
                                                         const char *format, ...)
{
	size_t used = strlen(phrase);
	va_list values;
	va_start(values, format);
	vsnprintf(phrase + used, G2S_DOCKER_PHRASE_SIZE - used, format, values);
	va_end(values);
}

/* Adds the way that a rule with conditions opens, unless it was the last one that was added. */
static void add_way(struct ways *ways, const struct g2s_docker_rule *rule, enum truth on)
{
	char way[G2S_DOCKER_PHRASE_SIZE] = "";
	if (rule->arguments) {
		append(way, " with some arguments");
	}
	if (rule->kernel != 0) {
		append(way, " on Linux %s or later", word_at(rule->kernel));
	}
	if (on == MAYBE && rule->on != 0) {
		append(way, " on %s", word_at(rule->on));
	}
	if (on == MAYBE && rule->not_on != 0) {
		append(way, " not on %s", word_at(rule->not_on));
	}
	ways->other = ways->other || way[0] != '\0';
	if (rule->with != 0) {
		append(way, " with %s", word_at(rule->with));
	}
	size_t used = strlen(ways->text);
	size_t length = strlen(way);
	if (used < length || strcmp(ways->text + used - length, way) != 0) {
		append(ways->text, "%s%s", used == 0 ? "" : " or", way);
	}
}

enum g2s_docker_verdict g2s_docker_judge(const char *arch, const char *name,
                                         char phrase[G2S_DOCKER_PHRASE_SIZE])
{
	struct ways ways = {0};
	enum g2s_docker_verdict verdict = G2S_DOCKER_DENIED;
	unsigned error = 0;
	for (size_t i = 0; i < g2s_docker_rule_count; i++) {
		const struct g2s_docker_rule *rule = &g2s_docker_rules[i];
		if (strcmp(word_at(rule->name), name) != 0) {
			continue;
		}
		enum truth on = counts_for(rule, arch);
		if (on == NO) {
			continue;
		}
		if (rule->error != 0) {
			error = rule->error;
		} else if (on == YES && rule->with == 0 && rule->kernel == 0 && !rule->arguments) {
			verdict = G2S_DOCKER_ALLOWED;
		} else {
			add_way(&ways, rule, on);
		}
	}
	if (verdict == G2S_DOCKER_DENIED && ways.text[0] != '\0') {
		verdict = ways.other ? G2S_DOCKER_CONDITION : G2S_DOCKER_CAPABILITY;
	}
	if (phrase == NULL) {
		return verdict;
	}
	phrase[0] = '\0';
	append(phrase, "%s by Docker's default profile",
	       verdict == G2S_DOCKER_DENIED ? "denied" : "allowed");
	if (verdict == G2S_DOCKER_CAPABILITY || verdict == G2S_DOCKER_CONDITION) {
		/* With ENOSYS callers try an older system call instead. */
		append(phrase, " only%s%s", ways.text,
		       error == 0 ? "" : error == ENOSYS ? ", else ENOSYS" : ", else an error");
	}
	return verdict;
}

const char *g2s_docker_verdict_name(enum g2s_docker_verdict verdict)
{
	static const char *const names[] = {
		[G2S_DOCKER_DENIED] = "denied",
		[G2S_DOCKER_CAPABILITY] = "capability",
		[G2S_DOCKER_CONDITION] = "condition",
		[G2S_DOCKER_ALLOWED] = "allowed",
	};
	return names[verdict];
}
