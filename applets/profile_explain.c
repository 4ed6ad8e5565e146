/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "profile.h"

#include "g2s/policy/docker.h"
#include "g2s/stream.h"

#include <string.h>

/* The places of so many sites of one name are told; the table says how many sites there are. */
enum { SITES_SHOWN = 3 };

/* Puts a field, or a part of one, as the stream would. */
static void put(FILE *out, const char *text)
{
	cli_put(out, text, G2S_TEXT_FIELD);
}

/*
 * --- the baseline
 * ------------------------------------------------------------------------------
 */

void profile_list_baseline(FILE *out)
{
	static const char *const actions[] = {
		[G2S_BASELINE_ALWAYS] = "any",
		[G2S_BASELINE_FATAL] = "kill or trap",
	};
	static const char *const privileges[] = {
		[G2S_BASELINE_EITHER] = "any",
		[G2S_BASELINE_NEW] = "off",
		[G2S_BASELINE_NO_NEW] = "on",
	};
	fputs("caller\tdefault action\tno-new-privileges\tneeded for\tnames\tmeasured on\n", out);
	for (size_t i = 0; i < g2s_baseline_count; i++) {
		const struct g2s_baseline_entry *entry = &g2s_baseline[i];
		fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\n", entry->caller, actions[entry->when],
		        privileges[entry->privileges], entry->stage, entry->names, entry->evidence);
	}
}

/*
 * --- reasons
 * -----------------------------------------------------------------------------------
 */

/* The reasons of one name while they are being written. */
struct reasons {
	FILE *out;
	/* How many have been. */
	size_t count;
};

static void begin_reason(struct reasons *reasons)
{
	fputs(reasons->count++ == 0 ? "" : "; ", reasons->out);
}

/* Places that were told; inlined functions give several sites one place. */
struct places {
	const struct g2s_row *rows[SITES_SHOWN];
	size_t count;
};

static bool is_told(const struct places *places, const struct g2s_row *row)
{
	char place[CLI_PLACE_SIZE];
	cli_place(row, place);
	for (size_t i = 0; i < places->count; i++) {
		char told[CLI_PLACE_SIZE];
		if (strcmp(places->rows[i]->binary, row->binary) == 0 &&
		    strcmp(cli_place(places->rows[i], told), place) == 0) {
			return true;
		}
	}
	return false;
}

static void put_sites(struct reasons *reasons, struct profile_sites sites)
{
	struct places places = {0};
	size_t more = 0;
	for (size_t i = 0; i < sites.count; i++) {
		char place[CLI_PLACE_SIZE];
		const struct g2s_row *row = sites.rows[i];
		if (is_told(&places, row)) {
			continue;
		}
		if (places.count == SITES_SHOWN) {
			more++;
			continue;
		}
		places.rows[places.count++] = row;
		begin_reason(reasons);
		put(reasons->out, row->binary);
		fputs(": ", reasons->out);
		put(reasons->out, cli_place(row, place));
	}
	if (more != 0) {
		begin_reason(reasons);
		fprintf(reasons->out, "and %zu more", more);
	}
}

static void put_baseline(struct reasons *reasons, const struct profile_demand *demand,
                         const char *name)
{
	const char *last = "";
	for (size_t i = 0; i < g2s_baseline_count; i++) {
		const struct g2s_baseline_entry *entry = &g2s_baseline[i];
		/* Entries with the same evidence follow one another. */
		if (g2s_baseline_chosen(entry, &demand->baseline) &&
		    g2s_baseline_has(entry, name) && strcmp(entry->evidence, last) != 0) {
			begin_reason(reasons);
			fprintf(reasons->out, "baseline: %s", entry->evidence);
			last = entry->evidence;
		}
	}
}

static void put_base(struct reasons *reasons, const struct profile_base *base, bool limited)
{
	begin_reason(reasons);
	fputs("--base: ", reasons->out);
	put(reasons->out, base->path);
	fputs(limited ? ", under conditions" : "", reasons->out);
}

/* What Docker's default profile says, in a word or a few. */
static void put_docker(FILE *out, const char *arch, const char *name)
{
	char phrase[G2S_DOCKER_PHRASE_SIZE];
	enum g2s_docker_verdict verdict = g2s_docker_judge(arch, name, phrase);
	const char *only = strstr(phrase, " only ");
	fputs(only != NULL ? only + 1 : g2s_docker_verdict_name(verdict), out);
}

/* The architecture of the programs when they are all of one, else NULL. */
static const char *single_arch(const struct profile_demand *demand)
{
	const char *arch = NULL;
	size_t count = 0;
	for (size_t i = 0; i < PROFILE_ARCH_COUNT; i++) {
		if (demand->arches[i]) {
			arch = profile_arches[i];
			count++;
		}
	}
	return count == 1 ? arch : NULL;
}

/*
 * --- the table
 * ---------------------------------------------------------------------------------
 */

/* A line for a name, unless the profile does not let it through. */
static bool put_line(const struct profile_base *base, const struct profile_demand *demand,
                     const char *name, FILE *out)
{
	struct g2s_decision decision;
	if (g2s_profile_decide(&base->profile, name, &decision) != G2S_OK) {
		return false;
	}
	bool allowed = g2s_decision_allows(&base->profile, &decision);
	bool limited = decision.conditional_count != 0;
	g2s_decision_free(&decision);
	if (!allowed) {
		return true;
	}
	struct reasons reasons = {.out = out};
	struct profile_sites sites = profile_demand_sites(demand, name);
	put(out, name);
	putc('\t', out);
	put_sites(&reasons, sites);
	put_baseline(&reasons, demand, name);
	if (g2s_names_have(demand->allow, name)) {
		begin_reason(&reasons);
		fputs("--allow", out);
	}
	if (g2s_names_have(&base->names, name)) {
		put_base(&reasons, base, limited);
	}
	fprintf(out, "\t%zu\t", sites.count);
	put_docker(out, single_arch(demand), name);
	putc('\n', out);
	return true;
}

bool profile_explain(const struct profile_base *base, const struct profile_demand *demand,
                     FILE *out)
{
	struct g2s_names names = {0};
	bool done = g2s_names_add_all(&names, &demand->names) &&
	            g2s_names_add_all(&names, &base->names);
	g2s_names_sort(&names);
	fputs("name\twhy\tsites\tdocker default\n", out);
	for (size_t i = 0; i < names.count && done; i++) {
		done = put_line(base, demand, names.items[i], out);
	}
	g2s_names_free(&names);
	return done;
}
