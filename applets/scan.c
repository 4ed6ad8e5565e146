/* SPDX-License-Identifier: MIT */
#include "applets.h"
#include "cli.h"
#include "jobs.h"
#include "lock.h"
#include "progress.h"
#include "scan_report.h"
#include "stages.h"
#include "sysroot.h"
#include "walk.h"

#include "g2s/analysis/chains.h"
#include "g2s/analysis/sites.h"
#include "g2s/image/file.h"
#include "g2s/memory.h"
#include "g2s/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define APPLET "scan"

/* A library that a program has loaded: it counts there. */
struct loaded {
	uint64_t device;
	uint64_t inode;
};

/* A scan of all files, and within it that of one. */
struct scan {
	/* What there is to scan, and whether rows get the column of the callers. */
	struct walk walk;
	bool callers;
	struct lock lock;
	/* The root file system of the files that are named, and what it is called. */
	int root;
	const char *root_name;
	/* Libraries that the programs load by themselves: dlopen_count names. */
	const char *const *dlopen;
	size_t dlopen_count;
	/*
	 * Libraries of trees wait until all programs have been scanned: only those that none has
	 * loaded are scanned by themselves.  In that second pass, these are the files.
	 */
	bool second;
	size_t *waiting;
	size_t waiting_count;
	size_t waiting_capacity;
	struct loaded *loaded;
	size_t loaded_count;
	size_t loaded_capacity;
	bool no_memory;
	/* Of the file that is being scanned: its root file system, and where in it, or NULL. */
	struct sysroot sysroot;
	char *sysroot_name;
	char *place;
	/* The one file is scanned in this process, which is locked for it; output may be NULL. */
	bool alone;
	struct cli_output *output;
	struct progress progress;
	/* The stream: what the files before have given. */
	struct g2s_stream_writer stream;
	/* Files that could be scanned, and the status of those that could not. */
	size_t scanned;
	int status;
	/* It was said what the kernel refuses. */
	bool told;
	/* What is told of the file that is being scanned, perhaps in a process of its own. */
	struct report report;
};

/*
 * --- one file
 * ----------------------------------------------------------------------------------
 */

/* Rounds in which a program may come to load more libraries. */
enum { MAX_ROUNDS = 32 };

/* Scans a program with its libraries, and with those that it turns out to load by itself. */
static enum g2s_code scan_linked(const struct scan *scan, struct g2s_program *program,
                                 struct g2s_bytes bytes, struct g2s_libs *libs,
                                 struct g2s_error *err)
{
	enum g2s_code code =
		g2s_libs_open(libs, bytes, scan->place, &scan->sysroot.files, err);
	if (code == G2S_OK) {
		code = g2s_libs_load(libs, err);
	}
	for (size_t i = 0; code == G2S_OK && i < scan->dlopen_count; i++) {
		size_t index;
		code = g2s_libs_add(libs, scan->dlopen[i], 0, true, &index, err);
		if (code == G2S_OK && index != SIZE_MAX) {
			libs->items[index].opened = true;
		}
	}
	bool more = true;
	for (unsigned round = 0; code == G2S_OK && more && round < MAX_ROUNDS; round++) {
		g2s_program_free(program);
		code = g2s_program_open_linked(program, libs, err);
		if (code == G2S_OK) {
			code = g2s_program_look(program, err);
		}
		if (code == G2S_OK) {
			code = g2s_program_load(program, libs, &more, err);
		}
		if (code == G2S_OK && !more) {
			code = g2s_program_scan(program, err);
		}
		if (code == G2S_OK && !more) {
			code = g2s_program_load(program, libs, &more, err);
		}
	}
	/* What else there is would be loaded by what was loaded last. */
	program->loads_unknown = program->loads_unknown || more;
	return code;
}

static enum g2s_code scan_program(const struct scan *scan, struct g2s_program *program,
                                  struct g2s_bytes bytes, struct g2s_libs *libs,
                                  struct g2s_chains *chains, struct g2s_error *err)
{
	enum g2s_code code;
	if (g2s_elf_is_dynamic(bytes)) {
		code = scan_linked(scan, program, bytes, libs, err);
	} else {
		code = g2s_program_open(program, bytes, err);
		if (code == G2S_OK) {
			code = g2s_program_scan(program, err);
		}
	}
	return code == G2S_OK && scan->callers ? g2s_chains_find(chains, program, err) : code;
}

/* What follows the lines and the messages of a file, on their way to the stream. */
struct answer {
	int status;
	uint64_t rows;
	uint64_t unresolved;
	size_t messages_size;
	/* Before the messages: the libraries that were loaded. */
	size_t loaded_count;
	/* A library, which was not scanned. */
	bool waits;
	/* By the kernel, of the sandbox. */
	char refused[LOCK_REFUSED_SIZE];
};

/* Gives up what is not needed to look at a file that is mapped. */
static enum g2s_code lock_up(const struct scan *scan, const char *path, size_t size,
                             struct answer *answer)
{
	if (!scan->alone) {
		lock_child(&scan->lock, answer->refused);
	} else if (lock_applet(&scan->lock, APPLET, path, size, scan->output) != G2S_EXIT_DONE) {
		/* It has said why. */
		return G2S_ERR_READ;
	}
	return G2S_OK;
}

/* Finds where the libraries of a file are, which can be opened there once it is locked. */
static void set_sysroot(struct scan *scan, const struct walk_file *about)
{
	bool named = about->tree == AT_FDCWD;
	scan->sysroot_name = named ? strdup(scan->root_name) : strndup(about->path, about->below);
	sysroot_init(&scan->sysroot, named ? scan->root : about->tree);
	scan->place = scan->sysroot_name == NULL
	                      ? NULL
	                      : sysroot_place(scan->sysroot_name, about->path);
	scan->report.root = scan->sysroot_name;
	scan->lock.reads = true;
	scan->lock.root = scan->sysroot.root;
}

/* The file that is scanned as the one with that index. */
static const struct walk_file *file_at(const struct scan *scan, size_t index)
{
	return &scan->walk.files[scan->second ? scan->waiting[index] : index];
}

/* Writes which libraries were loaded. */
static void write_loaded(const struct g2s_libs *libs, struct answer *answer, FILE *out)
{
	for (size_t i = 1; i < libs->count; i++) {
		struct loaded loaded = {libs->items[i].device, libs->items[i].inode};
		fwrite(&loaded, sizeof(loaded), 1, out);
		answer->loaded_count++;
	}
}

/* Scans one file: its lines, its messages and an answer go to out. */
static void scan_file(void *user, size_t index, FILE *out)
{
	struct scan *scan = user;
	const struct walk_file *about = file_at(scan, index);
	struct g2s_error err = {0};
	struct g2s_file file;
	struct g2s_program program = {0};
	struct g2s_libs libs = {0};
	struct g2s_chains chains = {0};
	struct answer answer = {0};
	char *messages = NULL;
	scan->report.messages = open_memstream(&messages, &answer.messages_size);
	if (scan->report.messages == NULL) {
		return;
	}
	scan->report.writer = (struct g2s_stream_writer){.out = out};
	set_sysroot(scan, about);
	enum g2s_code code = walk_open(about, &file, &err);
	if (code == G2S_OK) {
		code = lock_up(scan, about->path, file.bytes.size, &answer);
	}
	answer.waits = code == G2S_OK && !scan->second && about->tree != AT_FDCWD &&
	               g2s_elf_is_library(file.bytes);
	if (code == G2S_OK && !answer.waits) {
		code = scan_program(scan, &program, file.bytes, &libs, &chains, &err);
	}
	if (code == G2S_OK && !answer.waits) {
		report_program(&scan->report, about->path, &program, &libs,
		               scan->callers ? &chains : NULL);
	} else if (code != G2S_OK) {
		g2s_stream_unread(&scan->report.writer, about->path, err.text);
		if (err.text[0] != '\0') {
			report_say(&scan->report, "%s: %s", about->path, err.text);
		}
	}
	g2s_chains_free(&chains);
	g2s_program_free(&program);
	write_loaded(&libs, &answer, out);
	g2s_libs_free(&libs);
	g2s_file_close(&file);
	free(scan->place);
	scan->place = NULL;
	free(scan->sysroot_name);
	scan->sysroot_name = NULL;
	bool whole = ferror(scan->report.messages) == 0;
	if (fclose(scan->report.messages) == 0 && whole) {
		answer.status = cli_status(code);
		answer.rows = scan->report.writer.rows;
		answer.unresolved = scan->report.writer.unresolved;
		fwrite(messages, 1, answer.messages_size, out);
		fwrite(&answer, sizeof(answer), 1, out);
	}
	free(messages);
}

/*
 * --- all files
 * ---------------------------------------------------------------------------------
 */

/*
 * Finds the answer, which scan_file leaves out when memory has run out.  It comes from a process
 * that has read what nobody vouches for, and is not believed further than need be.
 */
static bool take_answer(const char *data, size_t size, struct answer *answer)
{
	if (size < sizeof(*answer)) {
		return false;
	}
	memcpy(answer, data + size - sizeof(*answer), sizeof(*answer));
	answer->refused[sizeof(answer->refused) - 1] = '\0';
	const char *end = data + size - sizeof(*answer);
	size_t left = size - sizeof(*answer);
	return answer->messages_size <= left &&
	       answer->loaded_count <= (left - answer->messages_size) / sizeof(struct loaded) &&
	       (answer->messages_size == 0 || end[-1] == '\0') &&
	       (answer->status == G2S_EXIT_DONE || answer->status == G2S_EXIT_USAGE ||
	        answer->status == G2S_EXIT_INPUT);
}

/* Notes which libraries a program has loaded. */
static void take_loaded(struct scan *scan, const char *data, size_t count)
{
	if (count == 0 || scan->second || scan->walk.tree_count == 0) {
		return;
	}
	if (!g2s_grow(&scan->loaded, &scan->loaded_capacity, scan->loaded_count + count,
	              sizeof(scan->loaded[0]))) {
		scan->no_memory = true;
		return;
	}
	memcpy(scan->loaded + scan->loaded_count, data, count * sizeof(scan->loaded[0]));
	scan->loaded_count += count;
}

/* Notes that a file is a library, to be looked at again. */
static void take_waiting(struct scan *scan, size_t index)
{
	if (!g2s_grow(&scan->waiting, &scan->waiting_capacity, scan->waiting_count + 1,
	              sizeof(scan->waiting[0]))) {
		scan->no_memory = true;
		return;
	}
	scan->waiting[scan->waiting_count++] = index;
}

/* Takes what scan_file has written. */
static void take_file(void *user, size_t index, const char *data, size_t size, const char *lost,
                      int signal)
{
	struct scan *scan = user;
	struct answer answer = {.status = G2S_EXIT_USAGE};
	const char *why = lock_loss(signal, &answer.status);
	lost = why != NULL ? why : lost;
	if (lost == NULL && !take_answer(data, size, &answer)) {
		answer = (struct answer){.status = G2S_EXIT_USAGE};
		lost = "out of memory";
	}
	if (lost != NULL) {
		const char *path = file_at(scan, index)->path;
		g2s_stream_unread(&scan->stream, path, lost);
		progress_clear(&scan->progress);
		cli_message(APPLET, "%s: %s", path, lost);
	} else {
		const char *end = data + size - sizeof(answer);
		const char *text = end - answer.messages_size;
		const char *loaded = text - answer.loaded_count * sizeof(struct loaded);
		fwrite(data, 1, (size_t)(loaded - data), scan->stream.out);
		take_loaded(scan, loaded, answer.loaded_count);
		if (answer.waits) {
			take_waiting(scan, index);
		}
		for (; text < end; text += strlen(text) + 1) {
			progress_clear(&scan->progress);
			cli_message(APPLET, "%s", text);
		}
		scan->stream.rows += answer.rows;
		scan->stream.unresolved += answer.unresolved;
	}
	if (answer.refused[0] != '\0' && scan->lock.verbose && !scan->told) {
		progress_clear(&scan->progress);
		lock_tell(APPLET, answer.refused);
		scan->told = true;
	}
	scan->scanned += answer.status == G2S_EXIT_DONE;
	scan->status = answer.status > scan->status ? answer.status : scan->status;
}

static void show_progress(void *user, size_t index)
{
	struct scan *scan = user;
	progress_show(&scan->progress, index + 1,
	              scan->second ? scan->waiting_count : scan->walk.count,
	              file_at(scan, index)->path);
}

/*
 * --- the command line
 * --------------------------------------------------------------------------
 */

/* What the command line asks for. */
struct settings {
	bool callers;
	bool strict;
	struct lock lock;
	const char *output;
	/* Processes beside this one; 0: none. */
	unsigned workers;
	/* Root file systems; the paths are argv's memory. */
	const char **trees;
	size_t tree_count;
	size_t tree_capacity;
	/* The root file system of the operands; NULL: that of this system. */
	const char *sysroot;
	/* Libraries that the programs load by themselves; argv's memory as well. */
	const char **dlopen;
	size_t dlopen_count;
	size_t dlopen_capacity;
};

/* Adds an argument to those of its option. */
static bool add_argument(const char ***list, size_t *count, size_t *capacity, const char *argument)
{
	if (!g2s_grow(list, capacity, *count + 1, sizeof((*list)[0]))) {
		cli_message(APPLET, "out of memory");
		return false;
	}
	(*list)[(*count)++] = argument;
	return true;
}

static bool add_tree(void *user, const char *argument)
{
	struct settings *settings = user;
	return add_argument(&settings->trees, &settings->tree_count, &settings->tree_capacity,
	                    argument);
}

static bool add_dlopen(void *user, const char *argument)
{
	struct settings *settings = user;
	if (argument[0] == '\0') {
		cli_usage_error(APPLET, "--dlopen needs the name of a library");
		return false;
	}
	return add_argument(&settings->dlopen, &settings->dlopen_count, &settings->dlopen_capacity,
	                    argument);
}

static bool set_workers(void *user, const char *argument)
{
	struct settings *settings = user;
	const char *rest;
	unsigned number = (unsigned)cli_number(argument, JOBS_WORKERS_MAX, &rest);
	if (*rest != '\0' || number == 0 || number > JOBS_WORKERS_MAX) {
		cli_usage_error(APPLET, "no number of jobs from 1 to %d: \"%s\"",
		                JOBS_WORKERS_MAX, argument);
		return false;
	}
	settings->workers = number;
	return true;
}

/* Returns the number of operands, or -1 with *status. */
static int parse(struct settings *settings, int argc, char **argv, int *status)
{
	const struct cli_option options[] = {
		{
			.name = "callers",
			.help = "add to each row a chain of calls that leads there (column 10)",
			.flag = &settings->callers,
		},
		{
			.name = "dlopen",
			.argument = "LIB",
			.help = "also the library LIB, which the programs load by themselves",
			.call = add_dlopen,
			.user = settings,
		},
		{
			.name = "jobs",
			.letter = 'j',
			.argument = "N",
			.help = "scan N files at a time, each in a process of its own (1)",
			.call = set_workers,
			.user = settings,
		},
		{
			.name = "output",
			.letter = 'o',
			.argument = "FILE",
			.help = "write to FILE, which is replaced as a whole or not at all",
			.text = &settings->output,
		},
		{
			.name = "recursive",
			.letter = 'r',
			.argument = "DIR",
			.help = "scan each program in the root file system DIR",
			.call = add_tree,
			.user = settings,
		},
		{
			.name = "strict",
			.help = "end with status 3 when something could not be resolved",
			.flag = &settings->strict,
		},
		{
			.name = "sysroot",
			.argument = "DIR",
			.help = "root file system of the libraries (/; with -r its DIR)",
			.text = &settings->sysroot,
		},
		{0},
	};
	const struct cli_usage usage = {
		.applet = APPLET,
		.operands = "[PROGRAM]...",
		.about = "Finds the system calls that compiled programs can make and writes them, "
		         "one a line,\n"
		         "for g2s-resolve.  A file that cannot be scanned does not end the scan of "
		         "the others.\n",
		.options = options,
		.lock = &settings->lock,
	};
	int operands = cli_parse(&usage, argc, argv, status);
	if (operands == 0 && settings->tree_count == 0) {
		*status = cli_usage_error(APPLET, "no program given");
		return -1;
	}
	return operands;
}

/* Fills the list of what there is to scan; returns false when memory ran out. */
static bool list_files(struct scan *scan, const struct settings *settings, char *const *operands,
                       int count)
{
	for (int i = 0; i < count; i++) {
		if (!walk_add(&scan->walk, operands[i])) {
			return false;
		}
	}
	for (size_t i = 0; i < settings->tree_count; i++) {
		if (!walk_tree(&scan->walk, settings->trees[i], &scan->progress)) {
			return false;
		}
	}
	return walk_unite(&scan->walk);
}

static int by_identity(const void *a, const void *b)
{
	const struct loaded *x = a;
	const struct loaded *y = b;
	if (x->device != y->device) {
		return x->device < y->device ? -1 : 1;
	}
	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

/* Keeps those of the waiting libraries that no program has loaded; false: no memory. */
static bool keep_unloaded(struct scan *scan)
{
	size_t kept = 0;
	if (scan->loaded_count != 0) {
		qsort(scan->loaded, scan->loaded_count, sizeof(scan->loaded[0]), by_identity);
	}
	for (size_t i = 0; i < scan->waiting_count; i++) {
		const struct walk_file *file = &scan->walk.files[scan->waiting[i]];
		struct loaded key = {file->identity.device, file->identity.inode};
		bool known = file->identified && scan->loaded_count != 0 &&
		             bsearch(&key, scan->loaded, scan->loaded_count,
		                     sizeof(scan->loaded[0]), by_identity) != NULL;
		if (!known) {
			scan->waiting[kept++] = scan->waiting[i];
		}
	}
	scan->waiting_count = kept;
	return !scan->no_memory;
}

/* Scans the files and puts the stream into out; returns a status other than 0 after a message. */
static int scan_files(struct scan *scan, unsigned workers, FILE *out)
{
	scan->alone = workers == 0 && scan->walk.count == 1;
	scan->lock.reads = true;
	if (!scan->alone) {
		int status = lock_parent(&scan->lock, APPLET, scan->output);
		if (status != G2S_EXIT_DONE) {
			return status;
		}
		workers = workers != 0 ? workers : 1;
	}
	const struct jobs jobs = {
		.work = scan_file,
		.done = take_file,
		.waits = scan->progress.on ? show_progress : NULL,
		.user = scan,
		.apart = !scan->lock.off,
	};
	g2s_stream_begin(&scan->stream, out);
	jobs_run(&jobs, scan->walk.count, workers);
	if (!keep_unloaded(scan)) {
		progress_clear(&scan->progress);
		cli_message(APPLET, "out of memory");
		return G2S_EXIT_USAGE;
	}
	scan->second = true;
	jobs_run(&jobs, scan->waiting_count, workers);
	progress_clear(&scan->progress);
	g2s_stream_end(&scan->stream);
	return G2S_EXIT_DONE;
}

/* Opens the root file system of what is named; says why when it cannot be. */
static bool open_root(struct scan *scan, const char *directory)
{
	scan->root_name = directory != NULL ? directory : "/";
	scan->root = sysroot_open(scan->root_name);
	if (scan->root < 0) {
		cli_message(APPLET, "%s: cannot open the root file system: %s", scan->root_name,
		            strerror(errno));
	}
	return scan->root >= 0;
}

static void free_scan(struct scan *scan)
{
	if (scan->root >= 0) {
		close(scan->root);
	}
	walk_free(&scan->walk);
	report_free(&scan->report);
	free(scan->waiting);
	free(scan->loaded);
}

/* Scans the files and writes the stream; returns an exit status. */
static int scan_all(struct scan *scan, const struct settings *settings, struct cli_output *output)
{
	scan->output = output;
	int status = scan_files(scan, settings->workers, output->file);
	if (status != G2S_EXIT_DONE) {
		return status;
	}
	/* Without a single result there is nothing that the failures would be a part of. */
	if (scan->scanned == 0) {
		return scan->status;
	}
	status = cli_output_commit(output);
	if (status != G2S_EXIT_DONE) {
		return status;
	}
	if (scan->status == G2S_EXIT_DONE && settings->strict && scan->stream.unresolved != 0) {
		cli_message(APPLET, "the result is incomplete: %" PRIu64 " unresolved",
		            scan->stream.unresolved);
		return G2S_EXIT_INCOMPLETE;
	}
	return scan->status;
}

/* Takes over what a scan has put into memory. */
static int take_stream(char *data, size_t size, struct g2s_streams *streams)
{
	struct g2s_error err = {.text = "out of memory"};
	enum g2s_code code = G2S_ERR_MEMORY;
	FILE *in = fmemopen(data, size, "r");
	if (in != NULL) {
		code = g2s_streams_read(streams, in, false, &err);
		fclose(in);
	}
	if (code != G2S_OK) {
		cli_message(APPLET, "%s", err.text);
	}
	return cli_status(code);
}

int scan_stage(const char *path, const struct lock *lock, struct cli_output *output,
               struct g2s_streams *streams)
{
	struct scan scan = {.report.quiet = true, .lock = *lock, .output = output, .root = -1};
	char *data = NULL;
	size_t size;
	int status = G2S_EXIT_USAGE;
	if (!open_root(&scan, NULL)) {
		return G2S_EXIT_USAGE;
	}
	FILE *out = open_memstream(&data, &size);
	bool whole = out != NULL && walk_add(&scan.walk, path);
	if (whole) {
		status = scan_files(&scan, 0, out);
		status = status != G2S_EXIT_DONE ? status : scan.status;
		whole = ferror(out) == 0;
	}
	if (out != NULL && fclose(out) != 0) {
		whole = false;
	}
	if (!whole) {
		cli_message(APPLET, "out of memory");
		status = G2S_EXIT_USAGE;
	}
	if (status == G2S_EXIT_DONE) {
		status = take_stream(data, size, streams);
	}
	free(data);
	free_scan(&scan);
	return status;
}

int g2s_scan_main(int argc, char **argv)
{
	struct settings settings = {.lock = LOCK_DEFAULT};
	struct scan scan = {.root = -1};
	struct cli_output output = {0};
	int status;
	int operands = parse(&settings, argc, argv, &status);
	if (operands < 0) {
		goto done;
	}
	if (!cli_output_open(&output, APPLET, settings.output)) {
		status = G2S_EXIT_OUTPUT;
		goto done;
	}
	scan.callers = settings.callers;
	scan.lock = settings.lock;
	scan.dlopen = settings.dlopen;
	scan.dlopen_count = settings.dlopen_count;
	scan.report.answered = settings.dlopen_count != 0;
	if (!open_root(&scan, settings.sysroot)) {
		status = G2S_EXIT_USAGE;
		goto done;
	}
	/* One file is soon done. */
	if (operands > 1 || settings.tree_count != 0) {
		progress_begin(&scan.progress, APPLET);
	}
	if (list_files(&scan, &settings, argv + 1, operands)) {
		status = scan_all(&scan, &settings, &output);
	} else {
		progress_clear(&scan.progress);
		cli_message(APPLET, "out of memory");
		status = G2S_EXIT_USAGE;
	}
done:
	cli_output_discard(&output);
	free(settings.trees);
	free(settings.dlopen);
	free_scan(&scan);
	return status;
}
