/* SPDX-License-Identifier: MIT */
#include "writer.h"

#include <stdlib.h>

struct g2s_rule *writer_add_rule(struct g2s_profile *profile, const char *name,
                                 enum g2s_action_kind kind)
{
	struct g2s_rule *rule = g2s_profile_add_rule(profile);
	assert_non_null(rule);
	rule->action.kind = kind;
	if (name != NULL) {
		assert_true(g2s_names_add(&rule->names, name));
	}
	return rule;
}

/* Writes the profile; returns what was written, which the caller frees. */
static char *written(writer write, const struct g2s_profile *profile, enum g2s_code wanted,
                     struct g2s_error *err)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(write(profile, out, err), wanted);
	assert_int_equal(fclose(out), 0);
	return text;
}

char *writer_text(writer write, const struct g2s_profile *profile)
{
	struct g2s_error err = {0};
	return written(write, profile, G2S_OK, &err);
}

void writer_expect(writer write, const struct g2s_profile *profile, const char *wanted)
{
	char *text = writer_text(write, profile);
	assert_string_equal(text, wanted);
	free(text);
}

void writer_refuse(writer write, const struct g2s_profile *profile, const char *wanted)
{
	struct g2s_error err = {0};
	char *text = written(write, profile, G2S_ERR_FORMAT, &err);
	assert_string_equal(text, "");
	assert_string_equal(err.text, wanted);
	free(text);
}
