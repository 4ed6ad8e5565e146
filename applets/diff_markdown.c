/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "diff.h"

#include "g2s/text.h"

#include <string.h>

/*
 * A table as GitHub and GitLab show it.  Whatever comes from a file stands in code, where neither
 * markup nor HTML nor the mention of a person or an issue means anything.
 */

/* Control characters as \xHH, as everywhere; then what would end the code as entities. */
static void put_entities(FILE *out, const char *text)
{
	size_t size = strlen(text);
	fputs("<code>", out);
	while (size != 0) {
		char piece[G2S_TEXT_PIECE];
		size_t taken = g2s_text_take(text, size, G2S_TEXT_MESSAGE, piece);
		for (const char *at = piece; *at != '\0'; at++) {
			unsigned char byte = (unsigned char)*at;
			bool plain = byte >= 0x80 || (byte >= 'a' && byte <= 'z') ||
			             (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
			if (plain || byte == ' ') {
				putc(byte, out);
			} else {
				fprintf(out, "&#%u;", byte);
			}
		}
		text += taken;
		size -= taken;
	}
	fputs("</code>", out);
}

/* Text from elsewhere, as code. */
static void put_code(FILE *out, const char *text)
{
	/* In a code span a backquote ends it, a bar ends the cell, and a backslash may hide one. */
	size_t size = strlen(text);
	bool clean = size != 0 && text[0] != ' ' && text[size - 1] != ' ';
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)text[i];
		clean = clean && byte >= 0x20 && byte < 0x7f && strchr("`|\\", byte) == NULL;
	}
	if (clean) {
		fprintf(out, "`%s`", text);
	} else {
		put_entities(out, text);
	}
}

static void put_places(FILE *out, const struct diff_item *item, bool with_binary)
{
	for (size_t i = 0; i < item->place_count; i++) {
		const struct g2s_row *row = item->places[i];
		fputs(i == 0 ? "" : "<br>", out);
		if (with_binary) {
			put_code(out, row->binary);
			fputs(": ", out);
		}
		char place[CLI_PLACE_SIZE];
		put_code(out, cli_place(row, place));
	}
	if (item->more_places != 0) {
		fprintf(out, "<br>and %zu more", item->more_places);
	}
}

static void put_details(FILE *out, const struct diff_item *item, bool with_binary)
{
	const char *joint = "";
	if (item->change == DIFF_CHANGED) {
		put_code(out, item->decisions[G2S_OLD]);
		fputs(" → ", out);
		put_code(out, item->decisions[G2S_NEW]);
		joint = "<br>";
	} else {
		int side = item->change == DIFF_ADDED ? G2S_NEW : G2S_OLD;
		if (item->conditional[side]) {
			put_code(out, item->decisions[side]);
			joint = "<br>";
		}
	}
	fputs(item->place_count != 0 ? joint : "", out);
	put_places(out, item, with_binary);
}

static void put_item(FILE *out, const struct diff_item *item, bool with_binary)
{
	static const char *const changes[] = {
		[DIFF_ADDED] = "**added**",
		[DIFF_REMOVED] = "removed",
		[DIFF_CHANGED] = "changed",
	};
	static const char *const kinds[] = {
		[DIFF_DEFAULT_ACTION] = "default action",
		[DIFF_ARCHITECTURE] = "architecture ",
		[DIFF_FLAG] = "flag ",
		[DIFF_SYSCALL] = "",
	};
	bool widened = item->change == DIFF_CHANGED && item->wider;
	fprintf(out, "| %s | %s", widened ? "**widened**" : changes[item->change],
	        kinds[item->kind]);
	if (item->name != NULL) {
		put_code(out, item->name);
	}
	fprintf(out, " | %s | ", item->kind == DIFF_SYSCALL ? diff_docker_short(item) : "");
	put_details(out, item, with_binary);
	fputs(" |\n", out);
}

/* A comparison with a side that is not whole is not whole either, and stderr is not seen here. */
static void put_unresolved(FILE *out, const struct diff_side *side)
{
	if (side->unresolved != 0) {
		fprintf(out, "\n**Incomplete:** %zu unresolved in ", side->unresolved);
		put_code(out, cli_shown_name(side->path));
		fputs("; what is called there is not compared.\n", out);
	}
}

void diff_write_markdown(FILE *out, const struct diff_side sides[G2S_SIDES],
                         const struct diff_list *list)
{
	fputs("**System calls:** ", out);
	put_code(out, cli_shown_name(sides[G2S_OLD].path));
	fputs(" → ", out);
	put_code(out, cli_shown_name(sides[G2S_NEW].path));
	if (list->count == 0) {
		fputs(", no difference\n", out);
	} else {
		fprintf(out, ", %zu added, %zu removed, %zu changed\n\n",
		        list->changes[DIFF_ADDED], list->changes[DIFF_REMOVED],
		        list->changes[DIFF_CHANGED]);
		fputs("| | What | Docker's default profile | Details |\n"
		      "|---|---|---|---|\n", out);
	}
	for (size_t i = 0; i < list->count; i++) {
		put_item(out, &list->items[i], sides[G2S_NEW].streams.file_count > 1);
	}
	put_unresolved(out, &sides[G2S_OLD]);
	put_unresolved(out, &sides[G2S_NEW]);
}
