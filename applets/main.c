/* SPDX-License-Identifier: MIT */
/*
 * g2s: from a compiled Linux program to its seccomp profile.  One executable, several applets:
 * "g2s scan" and a link named g2s-scan are the same.
 *
 * A map of the sources:
 *
 *   applets/              what a user types; policy, options, help, printing, exit status
 *     applets.h           the list of applets
 *     main.c              this file: which applet is meant, and the links
 *     cli.c output.c input.c   what applets share: options and messages, output, streams to read
 *     scan.c resolve.c profile.c diff.c   one applet each, its manual page beside it
 *     go2seccomp.c        all of the pipeline in one process; stages.h is what it calls
 *     assume.c            for resolve: what its user knows about unresolved sites
 *     lock.c              what is given up before an untrusted byte is read
 *     walk.c jobs.c progress.c   for scan: the files, the processes, the line at a terminal
 *     sysroot.c           for scan: the root file system that libraries come from
 *     kernel.c            system calls that the C library has no name for
 *   core/                 never prints, never exits, has no mutable globals
 *     image/              what is in the file: ELF, Go's tables, functions, its libraries
 *     isa/                what an instruction means; one file sees Zydis
 *     analysis/           which numbers reach the kernel, and by which chains of calls
 *     stream.c            the lines between the applets, written and read
 *     streams.c           streams held in memory, as their union
 *     policy/             numbers and names, profiles, what runtimes need; one file sees cJSON
 *     text.c error.c memory.c   escaping, errors, growing arrays
 *   include/g2s/          core's headers, in the same rooms
 *
 * Arrows run one way: applets -> analysis -> image and isa; applets -> policy; applets -> stream.
 */
#include "applets.h"
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct applet {
	const char *name;
	/* Of the link that starts it. */
	const char *link;
	const char *purpose;
	int (*main)(int argc, char **argv);
};

static const struct applet applets[] = {
#define APPLET_ROW(name, link, purpose) {#name, link, purpose, g2s_##name##_main},
	G2S_APPLETS(APPLET_ROW)
#undef APPLET_ROW
};

static const size_t applet_count = sizeof(applets) / sizeof(applets[0]);

static int no_applet(const char *name)
{
	cli_message(NULL, "no applet \"%s\"", name);
	return G2S_EXIT_NO_APPLET;
}

static int run_applet(const char *name, int argc, char **argv)
{
	for (size_t i = 0; i < applet_count; i++) {
		if (strcmp(applets[i].name, name) == 0) {
			return applets[i].main(argc, argv);
		}
	}
	return no_applet(name);
}

static int list_applets(void)
{
	struct cli_output output = {0};
	if (!cli_output_open(&output, NULL, NULL)) {
		return G2S_EXIT_OUTPUT;
	}
	fputs("usage: g2s APPLET [ARGUMENT]...\n"
	      "       g2s --install DIR\n\n"
	      "The applets, and the link that each is started through as well:\n\n",
	      output.file);
	for (size_t i = 0; i < applet_count; i++) {
		fprintf(output.file, "  %-10s  %-11s  %s\n", applets[i].name, applets[i].link,
		        applets[i].purpose);
	}
	fputs("\ng2s APPLET --help tells more.\n", output.file);
	return cli_output_commit(&output);
}

/*
 * --- the links
 * ---------------------------------------------------------------------------------
 */

/*
 * Puts the way from the directory from to the file to into out: both are absolute, without links
 * and dots.  Returns false when there is no room.
 */
static bool relative_path(const char *from, const char *to, char *out, size_t out_size)
{
	/* The common part ends after a slash of to, where from has a slash or its end. */
	size_t common = 0;
	for (size_t i = 0; to[i] != '\0'; i++) {
		if (to[i] == '/' && (from[i] == '/' || from[i] == '\0')) {
			common = i + 1;
		}
		if (from[i] == '\0' || from[i] != to[i]) {
			break;
		}
	}
	size_t used = 0;
	const char *rest = strlen(from) < common ? "" : from + common;
	while (*rest != '\0') {
		if (used + 4 > out_size) {
			return false;
		}
		memcpy(out + used, "../", 3);
		used += 3;
		rest += strcspn(rest, "/");
		rest += *rest == '/';
	}
	size_t length = strlen(to + common);
	if (length >= out_size - used) {
		return false;
	}
	memcpy(out + used, to + common, length + 1);
	return true;
}

/* Makes one link, over whatever file or link has its name; says why when it cannot. */
static bool install_link(const char *directory, const char *name, const char *executable)
{
	char target[PATH_MAX];
	char link[PATH_MAX];
	char temporary[PATH_MAX + 16];
	struct stat old;
	struct stat own;
	int length = snprintf(link, sizeof(link), "%s/%s", directory, name);
	if (length < 0 || (size_t)length >= sizeof(link) ||
	    !relative_path(directory, executable, target, sizeof(target))) {
		errno = ENAMETOOLONG;
		goto fail;
	}
	if (lstat(link, &old) == 0 && stat(executable, &own) == 0 && old.st_ino == own.st_ino &&
	    old.st_dev == own.st_dev) {
		cli_message(NULL, "%s: is the executable itself: give it another name", link);
		return false;
	}
	/* In two steps, so that the name is never missing. */
	snprintf(temporary, sizeof(temporary), "%s.%ld", link, (long)getpid());
	if (symlink(target, temporary) != 0) {
		goto fail;
	}
	if (rename(temporary, link) == 0) {
		return true;
	}
	int why = errno;
	unlink(temporary);
	errno = why;
fail:
	cli_message(NULL, "%s/%s: cannot make the link: %s", directory, name,
	            strerror(errno));
	return false;
}

static int install(const char *where)
{
	char executable[PATH_MAX];
	if (realpath("/proc/self/exe", executable) == NULL) {
		cli_message(NULL, "/proc/self/exe: cannot find the executable: %s",
		            strerror(errno));
		return G2S_EXIT_USAGE;
	}
	char directory[PATH_MAX];
	struct stat st;
	if (realpath(where, directory) == NULL || stat(directory, &st) != 0) {
		cli_message(NULL, "%s: cannot use the directory: %s", where, strerror(errno));
		return G2S_EXIT_USAGE;
	}
	if (!S_ISDIR(st.st_mode)) {
		cli_message(NULL, "%s: is not a directory", where);
		return G2S_EXIT_USAGE;
	}
	for (size_t i = 0; i < applet_count; i++) {
		if (!install_link(directory, applets[i].link, executable)) {
			return G2S_EXIT_OUTPUT;
		}
	}
	return G2S_EXIT_DONE;
}

/* g2s itself: everything that is not the name of an applet. */
static int run_g2s(int argc, char **argv)
{
	const char *directory = NULL;
	const struct cli_option options[] = {
		{
			.name = "install",
			.argument = "DIR",
			.help = "make the links of the applets in DIR",
			.text = &directory,
		},
		{0},
	};
	const struct cli_usage usage = {
		.operands = "APPLET [ARGUMENT]...",
		.about = "Finds the system calls of compiled Linux programs and writes seccomp "
		         "profiles.\n"
		         "Without arguments it lists its applets.\n",
		.options = options,
	};
	int status;
	int operands = cli_parse(&usage, argc, argv, &status);
	if (operands < 0) {
		return status;
	}
	if (operands > 0) {
		return cli_usage_error(NULL, "unexpected operand \"%s\"", argv[1]);
	}
	return directory != NULL ? install(directory) : list_applets();
}

/*
 * A standard stream that is closed is filled with one that fails when it is used: the next file
 * that is opened must not become the output, or the place where messages go.
 */
static void hold_standard_streams(void)
{
	static const int modes[] = {O_WRONLY, O_RDONLY, O_WRONLY};
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0) {
			(void)!open("/dev/null", modes[fd]);
		}
	}
}

int main(int argc, char **argv)
{
	static const char prefix[] = "g2s-";
	hold_standard_streams();
	/*
	 * A reader that has gone, and a file that may grow no more, are seen as EPIPE and EFBIG
	 * where the output is written.
	 */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (argc < 1) {
		return list_applets();
	}
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash != NULL ? slash + 1 : argv[0];
	for (size_t i = 0; i < applet_count; i++) {
		if (strcmp(applets[i].link, name) == 0) {
			return applets[i].main(argc, argv);
		}
	}
	/* The link of an applet that this executable does not have. */
	if (strncmp(name, prefix, strlen(prefix)) == 0) {
		return no_applet(name + strlen(prefix));
	}
	if (argc > 1 && argv[1][0] != '-') {
		return run_applet(argv[1], argc - 1, argv + 1);
	}
	return run_g2s(argc, argv);
}
