/* SPDX-License-Identifier: MIT */
/*
 * g2s-diff on two profiles, the first of which ends with a NUL, and what g2s-profile does to a profile
 * that it adds to.  Byte 0 chooses the host: bits 0 and 1 the architecture, bit 2 a kernel, bit 3
 * capabilities.
 */
#include "fuzz.h"

#include "diff.h"

#include "g2s/policy/merge.h"
#include "g2s/policy/oci_json.h"

#include <stdlib.h>
#include <string.h>

static bool read_side(struct diff_side *side, const uint8_t *data, size_t size)
{
	struct g2s_error err = {0};
	side->path = "fuzz";
	enum g2s_code code = g2s_oci_json_read(&side->profile, (const char *)data, size, &err);
	fuzz_check_error(code, &err);
	return code == G2S_OK;
}

/* False when the profile has a kernel that is no version. */
static bool bind_sides(struct diff_side sides[G2S_SIDES], uint8_t options)
{
	static const char *const arches[] = {NULL, "x86_64", "aarch64", "x86"};
	struct g2s_host host = {0};
	struct g2s_error err = {0};
	enum g2s_code code = G2S_OK;
	const char *arch = arches[options & 3];
	host.arch = arch == NULL ? NULL : g2s_host_arch(arch);
	host.kernel_known = (options & 4) != 0 && g2s_kernel_parse("5.10", &host.kernel);
	host.caps_known = (options & 8) != 0;
	for (int i = 0; i < G2S_SIDES && code == G2S_OK; i++) {
		code = g2s_profile_bind(&sides[i].profile, &host, &err);
		fuzz_check_error(code, &err);
	}
	return code == G2S_OK;
}

static void list(const struct diff_side sides[G2S_SIDES])
{
	struct diff_list list = {0};
	struct fuzz_output output;
	fuzz_check(diff_list_fill(&list, sides), "no memory for differences");
	fuzz_output_open(&output);
	diff_write_text(output.file, sides, &list, true);
	diff_write_markdown(output.file, sides, &list);
	diff_write_json(output.file, sides, &list);
	fuzz_output_close(&output);
	fuzz_output_free(&output);
	diff_list_free(&list);
}

/* A profile is no different from itself. */
static void compare_with_itself(const struct g2s_profile *profile)
{
	const struct g2s_profile *const both[G2S_SIDES] = {profile, profile};
	struct g2s_comparison comparison;
	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct g2s_names *names = &profile->rules[i].names;
		if (names->count != 0) {
			fuzz_check(g2s_profiles_compare(both, names->items[0], &comparison) == G2S_OK,
			           "no memory for a comparison");
			fuzz_check(!comparison.differ && !comparison.wider, "a profile unlike itself");
		}
	}
}

/* After it all calls of the names that the first rule of the other profile has are allowed. */
static void merge(struct g2s_profile *profile, const struct g2s_profile *other)
{
	const struct g2s_names none = {0};
	const struct g2s_names *names = other->rule_count == 0 ? &none : &other->rules[0].names;
	fuzz_check(g2s_profile_allow(profile, names), "no memory to allow");
	for (size_t i = 0; i < names->count; i++) {
		enum g2s_stance stance = g2s_profile_stance(profile, names->items[i], &none);
		fuzz_check(stance == G2S_STANCE_ALLOWED, "a name that is not allowed after all");
	}
	fuzz_check(g2s_profile_deny(profile, names), "no memory to deny");
	for (size_t i = 0; i < names->count; i++) {
		enum g2s_stance stance = g2s_profile_stance(profile, names->items[i], &none);
		fuzz_check(stance == G2S_STANCE_SILENT || stance == G2S_STANCE_REFUSED,
		           "a name that is not denied after all");
	}
	fuzz_check(g2s_profile_add_arch(profile, "x32"), "no memory for an architecture");
	fuzz_formats(profile);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diff_side sides[G2S_SIDES] = {0};
	const uint8_t *end = size == 0 ? NULL : memchr(data + 1, '\0', size - 1);
	if (end == NULL) {
		return 0;
	}
	size_t first = (size_t)(end - (data + 1));
	if (read_side(&sides[G2S_OLD], data + 1, first) &&
	    read_side(&sides[G2S_NEW], end + 1, size - first - 2) && bind_sides(sides, data[0])) {
		list(sides);
		compare_with_itself(&sides[G2S_OLD].profile);
		merge(&sides[G2S_OLD].profile, &sides[G2S_NEW].profile);
	}
	diff_side_free(&sides[G2S_OLD]);
	diff_side_free(&sides[G2S_NEW]);
	return 0;
}
