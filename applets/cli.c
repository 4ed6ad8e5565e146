/* SPDX-License-Identifier: MIT */
#include "cli.h"

#include "applets.h"
#include "lock.h"

#include "g2s/text.h"
#include "g2s/version.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int cli_status(enum g2s_code code)
{
	switch (code) {
	case G2S_OK:
		return G2S_EXIT_DONE;
	case G2S_ERR_FORMAT:
		return G2S_EXIT_INPUT;
	case G2S_ERR_WRITE:
		return G2S_EXIT_OUTPUT;
	case G2S_ERR_READ:
	case G2S_ERR_MEMORY:
		break;
	}
	return G2S_EXIT_USAGE;
}

/*
 * --- messages
 * ----------------------------------------------------------------------------------
 */

/* The applet that signs all messages, whichever one they come from; NULL for each its own. */
static const char *signer;

void cli_sign_as(const char *applet)
{
	signer = applet;
}

const char *cli_program(const char *applet)
{
	static const struct {
		const char *applet;
		const char *link;
	} links[] = {
#define LINK_ROW(name, link, purpose) {#name, link},
		G2S_APPLETS(LINK_ROW)
#undef LINK_ROW
	};
	for (size_t i = 0; applet != NULL && i < sizeof(links) / sizeof(links[0]); i++) {
		if (strcmp(links[i].applet, applet) == 0) {
			return links[i].link;
		}
	}
	return "g2s";
}

/* Prints one line; hint, which is ours, follows the message as it stands. */
static void print_message(const char *applet, const char *hint, const char *format, va_list values)
{
	/* Two paths of PATH_MAX and some words; a longer message is cut. */
	char raw[9000];
	char shown[4 * sizeof(raw)];
	if (vsnprintf(raw, sizeof(raw), format, values) < 0) {
		raw[0] = '\0';
	}
	size_t used = (size_t)snprintf(shown, sizeof(shown), "%s: ",
	                               cli_program(signer != NULL ? signer : applet));
	size_t end = strlen(hint) + 2;
	g2s_text_escape(shown + used, sizeof(shown) - used - end, raw, strlen(raw),
	                G2S_TEXT_MESSAGE);
	used += strlen(shown + used);
	used += (size_t)snprintf(shown + used, sizeof(shown) - used, "%s\n", hint);
	/* Nobody is left to be told when this fails. */
	fwrite(shown, 1, used, stderr);
}

void cli_message_prefix(char *text, size_t size, const char *applet, const char *shown)
{
	int used = snprintf(text, size, "%s: ", cli_program(signer != NULL ? signer : applet));
	size_t rest = size - (size_t)used;
	if (shown == NULL) {
		return;
	}
	g2s_text_escape(text + used, rest - 2, shown, strlen(shown), G2S_TEXT_MESSAGE);
	memcpy(text + strlen(text), ": ", 3);
}

void cli_put(FILE *out, const char *text, enum g2s_text_style style)
{
	size_t size = strlen(text);
	while (size != 0) {
		char piece[G2S_TEXT_PIECE];
		size_t taken = g2s_text_take(text, size, style, piece);
		fputs(piece, out);
		text += taken;
		size -= taken;
	}
}

void cli_message(const char *applet, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	print_message(applet, "", format, values);
	va_end(values);
}

int cli_usage_error(const char *applet, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	print_message(applet, " (--help lists the options)", format, values);
	va_end(values);
	return G2S_EXIT_USAGE;
}

/*
 * --- options
 * -----------------------------------------------------------------------------------
 */

/* The options that every applet has, as rows for --help; parse() answers them itself. */
static const struct cli_option common_options[] = {
	{.name = "help", .letter = 'h', .help = "print this text"},
	{.name = "version", .help = "print the version"},
	{0},
};

uint64_t cli_number(const char *text, uint64_t most, const char **rest)
{
	uint64_t number = 0;
	for (; *text >= '0' && *text <= '9'; text++) {
		number = number > most ? number : number * 10 + (uint64_t)(*text - '0');
	}
	*rest = text;
	return number > most ? most + 1 : number;
}

/* The rows of an applet that locks itself, and whom their calls are for. */
struct lock_options {
	const char *applet;
	struct lock *lock;
	struct cli_option rows[5];
};

static bool set_cpu(void *user, const char *argument)
{
	struct lock_options *options = user;
	enum { MOST = 1000000000 };
	const char *rest;
	uint64_t number = cli_number(argument, MOST, &rest);
	if (rest == argument || *rest != '\0' || number > MOST) {
		cli_usage_error(options->applet, "no number of seconds from 0 to %d: \"%s\"",
		                MOST, argument);
		return false;
	}
	options->lock->cpu = (unsigned long)number;
	return true;
}

static bool set_memory(void *user, const char *argument)
{
	static const char units[] = "KMGT";
	struct lock_options *options = user;
	const uint64_t most = UINT64_C(1) << 50;
	const char *rest;
	uint64_t number = cli_number(argument, most, &rest);
	bool digits = rest != argument;
	const char *unit = *rest != '\0' ? strchr(units, *rest) : NULL;
	unsigned shift = unit != NULL ? 10 * (unsigned)(unit - units + 1) : 0;
	rest += unit != NULL;
	if (!digits || *rest != '\0' || number > most >> shift) {
		cli_usage_error(options->applet,
		                "no number of bytes, with K, M, G or T or without: \"%s\"",
		                argument);
		return false;
	}
	options->lock->memory = number << shift;
	return true;
}

/* Fills the rows of an applet that locks itself; none for another one. */
static void list_lock_options(const struct cli_usage *usage, struct lock_options *options)
{
	struct lock *lock = usage->lock;
	*options = (struct lock_options){.applet = usage->applet, .lock = lock};
	if (lock == NULL) {
		return;
	}
	struct cli_option *row = options->rows;
	*row++ = (struct cli_option){
		.name = "max-cpu",
		.argument = "SECONDS",
		.help = "CPU time that an input may take (300; 0: all)",
		.call = set_cpu,
		.user = options,
	};
	*row++ = (struct cli_option){
		.name = "max-memory",
		.argument = "SIZE",
		.help = "memory, beside g2s itself, that an input may take (4G; 0: all)",
		.call = set_memory,
		.user = options,
	};
	*row++ = (struct cli_option){
		.name = "no-sandbox",
		.help = "do not give up rights before reading (for debuggers)",
		.flag = &lock->off,
	};
	*row = (struct cli_option){
		.name = "verbose",
		.letter = 'v',
		.help = "say what the kernel refuses of the sandbox",
		.flag = &lock->verbose,
	};
}

static void print_options(FILE *out, const struct cli_option *options)
{
	for (const struct cli_option *option = options; option->name != NULL; option++) {
		char left[64];
		char letter[] = {'-', option->letter, ',', ' ', '\0'};
		snprintf(left, sizeof(left), "%s--%s%s%s",
		         option->letter != 0 ? letter : "    ", option->name,
		         option->argument != NULL ? "=" : "",
		         option->argument != NULL ? option->argument : "");
		/* An option that is wider than its column has its text on the next line. */
		bool wide = strlen(left) > 27;
		fprintf(out, "  %-27s%s%s\n", left, wide ? "\n                              " : " ",
		        option->help);
	}
}

static int print_help(const struct cli_usage *usage)
{
	struct cli_output output = {0};
	if (!cli_output_open(&output, usage->applet, NULL)) {
		return G2S_EXIT_OUTPUT;
	}
	fprintf(output.file, "usage: %s [OPTION]...%s%s\n\n%s\n", cli_program(usage->applet),
	        usage->operands != NULL ? " " : "",
	        usage->operands != NULL ? usage->operands : "", usage->about);
	struct lock_options lock_options;
	list_lock_options(usage, &lock_options);
	print_options(output.file, usage->options);
	print_options(output.file, lock_options.rows);
	print_options(output.file, common_options);
	return cli_output_commit(&output);
}

static int print_version(const struct cli_usage *usage)
{
	struct cli_output output = {0};
	if (!cli_output_open(&output, usage->applet, NULL)) {
		return G2S_EXIT_OUTPUT;
	}
	fprintf(output.file, "%s " G2S_VERSION "\n", cli_program(usage->applet));
	return cli_output_commit(&output);
}

/* A command line while it is being parsed. */
struct parse {
	const struct cli_usage *usage;
	int argc;
	char **argv;
	/* The next argument to look at. */
	int next;
	int status;
	struct lock_options lock_options;
};

static const struct cli_option *find_long(const struct cli_option *options, const char *name,
                                          size_t length)
{
	for (const struct cli_option *option = options; option->name != NULL; option++) {
		if (strlen(option->name) == length && memcmp(option->name, name, length) == 0) {
			return option;
		}
	}
	return NULL;
}

static const struct cli_option *find_short(const struct cli_option *options, char letter)
{
	for (const struct cli_option *option = options; option->name != NULL; option++) {
		if (option->letter == letter) {
			return option;
		}
	}
	return NULL;
}

/* Ends the parsing with a status. */
static bool stop(struct parse *parse, int status)
{
	parse->status = status;
	return false;
}

/*
 * Does what an option asks for.  value is what was attached to it, or NULL: then an option that
 * takes an argument takes the next one.
 */
static bool apply(struct parse *parse, const struct cli_option *option, const char *value)
{
	const char *applet = parse->usage->applet;
	if (option->argument == NULL) {
		if (value != NULL) {
			return stop(parse, cli_usage_error(applet, "--%s takes no argument",
			                                   option->name));
		}
		*option->flag = true;
		return true;
	}
	if (value == NULL && parse->next < parse->argc) {
		value = parse->argv[parse->next++];
	}
	if (value == NULL) {
		return stop(parse, cli_usage_error(applet, "--%s needs an argument: %s",
		                                   option->name, option->argument));
	}
	if (option->text != NULL) {
		*option->text = value;
		return true;
	}
	return option->call(option->user, value) || stop(parse, G2S_EXIT_USAGE);
}

static bool parse_long(struct parse *parse, const char *word)
{
	const struct cli_usage *usage = parse->usage;
	const char *value = strchr(word, '=');
	size_t length = value != NULL ? (size_t)(value - word) : strlen(word);
	const struct cli_option *option = find_long(usage->options, word, length);
	option = option != NULL ? option : find_long(parse->lock_options.rows, word, length);
	if (option != NULL) {
		return apply(parse, option, value != NULL ? value + 1 : NULL);
	}
	option = value == NULL ? find_long(common_options, word, length) : NULL;
	if (option == NULL) {
		return stop(parse, cli_usage_error(usage->applet, "unknown option --%s", word));
	}
	return stop(parse, option == common_options ? print_help(usage) : print_version(usage));
}

/* letters: what follows a single dash. */
static bool parse_short(struct parse *parse, const char *letters)
{
	const struct cli_usage *usage = parse->usage;
	while (*letters != '\0') {
		const struct cli_option *option = find_short(usage->options, *letters);
		option = option != NULL ? option : find_short(parse->lock_options.rows, *letters);
		if (option == NULL && *letters == common_options[0].letter) {
			return stop(parse, print_help(usage));
		}
		if (option == NULL) {
			return stop(parse, cli_usage_error(usage->applet, "unknown option -%s",
			                                   letters));
		}
		letters++;
		if (option->argument != NULL) {
			return apply(parse, option, *letters != '\0' ? letters : NULL);
		}
		if (!apply(parse, option, NULL)) {
			return false;
		}
	}
	return true;
}

int cli_parse(const struct cli_usage *usage, int argc, char **argv, int *status)
{
	struct parse parse = {.usage = usage, .argc = argc, .argv = argv, .next = 1};
	list_lock_options(usage, &parse.lock_options);
	int operands = 0;
	bool options_ended = false;
	while (parse.next < argc) {
		char *word = argv[parse.next++];
		bool going_on = true;
		if (options_ended || word[0] != '-' || word[1] == '\0') {
			/* Never further than what was read: nothing is overwritten unseen. */
			argv[1 + operands++] = word;
		} else if (strcmp(word, "--") == 0) {
			options_ended = true;
		} else if (word[1] == '-') {
			going_on = parse_long(&parse, word + 2);
		} else {
			going_on = parse_short(&parse, word + 1);
		}
		if (!going_on) {
			*status = parse.status;
			return -1;
		}
	}
	return operands;
}
