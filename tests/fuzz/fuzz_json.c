/* SPDX-License-Identifier: MIT */
/* The reader of profiles in JSON, and every writer of what it has read. */
#include "fuzz.h"

#include "g2s/policy/oci_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct g2s_profile profile = {0};
	struct g2s_error err = {0};
	enum g2s_code code = g2s_oci_json_read(&profile, (const char *)data, size, &err);
	fuzz_check_error(code, &err);
	if (code == G2S_OK) {
		fuzz_formats(&profile);
	}
	g2s_profile_free(&profile);
	return 0;
}
