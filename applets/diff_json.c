/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "diff.h"

#include "g2s/json.h"

#include <inttypes.h>
#include <stdio.h>

/* g2s-diff(1) describes it; members may be added, and what is there keeps its meaning. */
enum { FORMAT_VERSION = 1 };

static void put_side(struct g2s_json *json, const char *key, const struct diff_side *side)
{
	g2s_json_open(json, key, '{');
	g2s_json_string(json, "path", side->path);
	g2s_json_string(json, "kind", side->is_stream ? "stream" : "profile");
	g2s_json_number(json, "unresolved", side->unresolved);
	g2s_json_close(json, '}');
}

static void put_places(struct g2s_json *json, const struct diff_item *item)
{
	g2s_json_open(json, "places", '[');
	for (size_t i = 0; i < item->place_count; i++) {
		const struct g2s_row *row = item->places[i];
		char address[24];
		snprintf(address, sizeof(address), "0x%" PRIx64, row->address);
		g2s_json_open(json, NULL, '{');
		g2s_json_string(json, "binary", row->binary);
		g2s_json_string(json, "address", address);
		g2s_json_string(json, "function", row->function);
		g2s_json_string(json, "source", row->source);
		g2s_json_close(json, '}');
	}
	g2s_json_close(json, ']');
	g2s_json_number(json, "morePlaces", item->more_places);
}

static void put_item(struct g2s_json *json, const struct diff_item *item)
{
	static const char *const kinds[] = {
		[DIFF_DEFAULT_ACTION] = "defaultAction",
		[DIFF_ARCHITECTURE] = "architecture",
		[DIFF_FLAG] = "flag",
		[DIFF_SYSCALL] = "syscall",
	};
	static const char *const changes[] = {
		[DIFF_ADDED] = "added",
		[DIFF_REMOVED] = "removed",
		[DIFF_CHANGED] = "changed",
	};
	g2s_json_open(json, NULL, '{');
	g2s_json_string(json, "about", kinds[item->kind]);
	g2s_json_string(json, "change", changes[item->change]);
	g2s_json_bool(json, "wider", item->wider);
	if (item->name != NULL) {
		g2s_json_string(json, "name", item->name);
	}
	if (item->decisions[G2S_OLD] != NULL) {
		g2s_json_string(json, "old", item->decisions[G2S_OLD]);
		g2s_json_string(json, "new", item->decisions[G2S_NEW]);
	}
	if (item->kind == DIFF_SYSCALL) {
		g2s_json_string(json, "docker", g2s_docker_verdict_name(item->docker));
		g2s_json_string(json, "dockerSays", item->docker_phrase);
		put_places(json, item);
	}
	g2s_json_close(json, '}');
}

void diff_write_json(FILE *out, const struct diff_side sides[G2S_SIDES],
                     const struct diff_list *list)
{
	struct g2s_json json = {.out = out};
	g2s_json_open(&json, NULL, '{');
	g2s_json_number(&json, "version", FORMAT_VERSION);
	put_side(&json, "old", &sides[G2S_OLD]);
	put_side(&json, "new", &sides[G2S_NEW]);
	g2s_json_bool(&json, "differ", list->count != 0);
	g2s_json_bool(&json, "wider", list->wider);
	g2s_json_open(&json, "differences", '[');
	for (size_t i = 0; i < list->count; i++) {
		put_item(&json, &list->items[i]);
	}
	g2s_json_close(&json, ']');
	g2s_json_close(&json, '}');
	putc('\n', out);
}
