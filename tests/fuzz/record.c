/* SPDX-License-Identifier: MIT */
/*
 * Seeds: whatever the unit tests hand to the readers.  Their programs are linked once more with this
 * file and the linker's --wrap for the functions below, which write their input into the directory
 * G2S_FUZZ_RECORD, as KIND-PROGRAM-NUMBER, and go on to the real ones.
 */
#include "g2s/image/elf.h"
#include "g2s/policy/oci_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* Of a larger input a fuzzer makes little. */
enum { SEED_MAX = 0x10000 };

enum g2s_code __real_g2s_elf_open(struct g2s_elf *elf, struct g2s_bytes file,
                                  struct g2s_error *err);
enum g2s_code __wrap_g2s_elf_open(struct g2s_elf *elf, struct g2s_bytes file,
                                  struct g2s_error *err);
enum g2s_code __real_g2s_oci_json_read(struct g2s_profile *profile, const char *text, size_t size,
                                       struct g2s_error *err);
enum g2s_code __wrap_g2s_oci_json_read(struct g2s_profile *profile, const char *text, size_t size,
                                       struct g2s_error *err);
FILE *__real_unit_open(const char *text, size_t size);
FILE *__wrap_unit_open(const char *text, size_t size);

static void record(const char *kind, const void *data, size_t size)
{
	static unsigned number;
	const char *directory = getenv("G2S_FUZZ_RECORD");
	char path[4096];
	if (directory == NULL || size == 0 || size > SEED_MAX) {
		return;
	}
	snprintf(path, sizeof(path), "%s/%s-%s-%04u", directory, kind, program_invocation_short_name,
	         number++);
	FILE *out = fopen(path, "we");
	if (out == NULL || fwrite(data, 1, size, out) != size || fclose(out) != 0) {
		perror(path);
		exit(1);
	}
}

enum g2s_code __wrap_g2s_elf_open(struct g2s_elf *elf, struct g2s_bytes file,
                                  struct g2s_error *err)
{
	record("elf", file.data, file.size);
	return __real_g2s_elf_open(elf, file, err);
}

enum g2s_code __wrap_g2s_oci_json_read(struct g2s_profile *profile, const char *text, size_t size,
                                       struct g2s_error *err)
{
	record("json", text, size);
	return __real_g2s_oci_json_read(profile, text, size, err);
}

FILE *__wrap_unit_open(const char *text, size_t size)
{
	record("text", text, size);
	return __real_unit_open(text, size);
}
