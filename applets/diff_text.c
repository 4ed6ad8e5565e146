/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "diff.h"

#include <string.h>

/* Names and the like come from a file that nobody vouches for, and may go to a terminal. */
static void put_shown(FILE *out, const char *text)
{
	cli_put(out, text, G2S_TEXT_MESSAGE);
}

/* What a reader must know of it, in brackets. */
static void put_notes(FILE *out, const struct diff_item *item)
{
	const char *joint = " (";
	if (item->change == DIFF_CHANGED && item->wider) {
		fprintf(out, "%slets more through", joint);
		joint = "; ";
	}
	/* Where neither side allows it, that Docker does not either is no news. */
	bool matters = item->change != DIFF_CHANGED || item->wider;
	if (item->kind == DIFF_SYSCALL && item->docker != G2S_DOCKER_ALLOWED && matters) {
		fprintf(out, "%s%s", joint, item->docker_phrase);
		joint = "; ";
	}
	fputs(joint[0] == ';' ? ")" : "", out);
}

static void put_places(FILE *out, const struct diff_item *item, bool with_binary)
{
	for (size_t i = 0; i < item->place_count; i++) {
		const struct g2s_row *row = item->places[i];
		char place[CLI_PLACE_SIZE];
		fputs("    ", out);
		if (with_binary) {
			put_shown(out, row->binary);
			fputs(": ", out);
		}
		put_shown(out, cli_place(row, place));
		putc('\n', out);
	}
	if (item->more_places != 0) {
		fprintf(out, "    and %zu more place%s\n", item->more_places,
		        item->more_places == 1 ? "" : "s");
	}
}

static void put_item(FILE *out, const struct diff_item *item)
{
	static const char signs[] = {
		[DIFF_ADDED] = '+',
		[DIFF_REMOVED] = '-',
		[DIFF_CHANGED] = '~',
	};
	fprintf(out, "%c ", signs[item->change]);
	put_shown(out, item->kind == DIFF_DEFAULT_ACTION ? "default action" : item->name);
	if (item->change == DIFF_CHANGED) {
		fputs(": ", out);
		put_shown(out, item->decisions[G2S_OLD]);
		fputs(" -> ", out);
		put_shown(out, item->decisions[G2S_NEW]);
	} else {
		int side = item->change == DIFF_ADDED ? G2S_NEW : G2S_OLD;
		if (item->conditional[side]) {
			fputs(": ", out);
			put_shown(out, item->decisions[side]);
		}
	}
	put_notes(out, item);
}

void diff_write_text(FILE *out, const struct diff_side sides[G2S_SIDES],
                     const struct diff_list *list, bool colour)
{
	/* Green, red, yellow. */
	static const char *const colours[] = {
		[DIFF_ADDED] = "\033[32m",
		[DIFF_REMOVED] = "\033[31m",
		[DIFF_CHANGED] = "\033[33m",
	};
	for (size_t i = 0; i < list->count; i++) {
		const struct diff_item *item = &list->items[i];
		fputs(colour ? colours[item->change] : "", out);
		put_item(out, item);
		fputs(colour ? "\033[m\n" : "\n", out);
		put_places(out, item, sides[G2S_NEW].streams.file_count > 1);
	}
}
