/* SPDX-License-Identifier: MIT */
/*
 * Tries the files and the directories of files it is given on one target, where there is no
 * libFuzzer, and holds each to the limits that an input of at most a few megabytes has: 2 seconds of
 * CPU and 256 MB of memory.  Prints how many files that were; exit status 1 when one was too much.
 * With G2S_FUZZ_LIMITS=no it does not look at the limits, as a program with sanitizers should not.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { CPU_SECONDS = 2, MEGABYTES = 256 };

static size_t tried;
static size_t over;
static double slowest;

static void complain(const char *path, const char *why)
{
	fprintf(stderr, "fuzz: %s: %s\n", path, why);
	over++;
}

static void try(const char *path, const uint8_t *data, size_t size)
{
	struct rusage usage;
	clock_t before = clock();
	LLVMFuzzerTestOneInput(data, size);
	double seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
	tried++;
	slowest = seconds > slowest ? seconds : slowest;
	const char *limits = getenv("G2S_FUZZ_LIMITS");
	if (limits != NULL && strcmp(limits, "no") == 0) {
		return;
	}
	if (seconds > CPU_SECONDS) {
		complain(path, "takes more than 2 s of CPU");
	}
	/* The peak of all so far: the first file beyond it is the one, and then nobody can tell. */
	static bool told;
	if (getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_maxrss > MEGABYTES * 1024L && !told) {
		complain(path, "takes more than 256 MB");
		told = true;
	}
}

static void try_file(const char *path)
{
	FILE *in = fopen(path, "re");
	if (in == NULL || fseek(in, 0, SEEK_END) != 0) {
		complain(path, "cannot be read");
		return;
	}
	long size = ftell(in);
	rewind(in);
	/* The exact size, so that the sanitizers see a read beyond the end. */
	uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
	if (data == NULL || size < 0 || fread(data, 1, (size_t)size, in) != (size_t)size) {
		complain(path, "cannot be read");
	} else {
		try(path, data, (size_t)size);
	}
	free(data);
	fclose(in);
}

static void try_path(const char *path)
{
	DIR *directory = opendir(path);
	if (directory == NULL) {
		try_file(path);
		return;
	}
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		char file[4096];
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.') {
			try_path(file);
		}
	}
	closedir(directory);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		try_path(argv[i]);
	}
	printf("%zu files, the slowest took %.2f s\n", tried, slowest);
	return over == 0 && tried != 0 ? 0 : 1;
}
