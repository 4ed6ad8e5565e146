/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "profile.h"

#include "g2s/memory.h"
#include "g2s/policy/sysno.h"
#include "g2s/streams.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *const profile_arches[PROFILE_ARCH_COUNT] = {"x86_64", "x86", "x32", "aarch64", "arm"};

int profile_no_memory(void)
{
	cli_message(PROFILE_APPLET, "out of memory");
	return G2S_EXIT_USAGE;
}

/*
 * --- what the stream asks for
 * ------------------------------------------------------------------
 */

/* Notes an architecture; prints why when a profile cannot name it. */
static int demand_arch(struct profile_demand *demand, const char *binary, const char *arch)
{
	for (size_t i = 0; i < PROFILE_ARCH_COUNT; i++) {
		if (strcmp(profile_arches[i], arch) == 0) {
			demand->arches[i] = true;
			return G2S_EXIT_DONE;
		}
	}
	cli_message(PROFILE_APPLET, "%s: architecture %s is not known to profiles", binary, arch);
	return G2S_EXIT_INPUT;
}

static int demand_row(struct profile_demand *demand, const struct g2s_row *row)
{
	char place[CLI_PLACE_SIZE];
	if (row->syscall == NULL) {
		cli_message(PROFILE_APPLET, "%s: system calls have no names yet: pass the stream "
		            "through g2s-resolve", row->binary);
		return G2S_EXIT_INPUT;
	}
	int status = demand_arch(demand, row->binary, row->arch);
	if (status != G2S_EXIT_DONE) {
		return status;
	}
	if (row->number == G2S_NUMBER_UNKNOWN) {
		cli_message(PROFILE_APPLET, "warning: %s: unresolved system call: %s (%s)",
		            row->binary, row->how, cli_place(row, place));
		demand->incomplete++;
		return G2S_EXIT_DONE;
	}
	if (g2s_sysno_is_x32(row->arch, row->number)) {
		status = demand_arch(demand, row->binary, "x32");
	}
	if (row->syscall[0] == '#') {
		cli_message(PROFILE_APPLET, "warning: %s: number %" PRId64 " of %s has no name and "
		            "is not allowed (%s)", row->binary, row->number, row->arch,
		            cli_place(row, place));
		demand->incomplete++;
		return status;
	}
	if (!g2s_grow(&demand->sites, &demand->site_capacity, demand->site_count + 1,
	              sizeof(demand->sites[0]))) {
		return profile_no_memory();
	}
	demand->sites[demand->site_count++] = row;
	return status;
}

/*
 * Files that could not be scanned: a profile without what they need would break them, so that it
 * is made only for somebody who said so.
 */
static int demand_unread(struct profile_demand *demand, const struct g2s_streams *streams,
                         bool partial)
{
	if (streams->unread_count == 0) {
		return G2S_EXIT_DONE;
	}
	if (!partial) {
		const struct g2s_unread *first = &streams->unread[0];
		size_t more = streams->unread_count - 1;
		char others[48] = "";
		if (more != 0) {
			snprintf(others, sizeof(others), "; nor were %zu more", more);
		}
		cli_message(PROFILE_APPLET, "%s: was not scanned: %s%s (--partial makes a profile "
		            "without)", first->path, first->why, others);
		return G2S_EXIT_INPUT;
	}
	for (size_t i = 0; i < streams->unread_count; i++) {
		cli_message(PROFILE_APPLET, "warning: %s: what it calls is not in the profile: %s",
		            streams->unread[i].path, streams->unread[i].why);
	}
	demand->incomplete += streams->unread_count;
	return G2S_EXIT_DONE;
}

/* By name; rows of one name in the order of the stream, where they lie one after the other. */
static int compare_sites(const void *left, const void *right)
{
	const struct g2s_row *a = *(const struct g2s_row *const *)left;
	const struct g2s_row *b = *(const struct g2s_row *const *)right;
	int order = strcmp(a->syscall, b->syscall);
	return order != 0 ? order : (a > b) - (a < b);
}

int profile_demand_streams(struct profile_demand *demand, const struct g2s_streams *streams,
                           bool partial)
{
	int status = demand_unread(demand, streams, partial);
	for (size_t i = 0; i < streams->binary_count && status == G2S_EXIT_DONE; i++) {
		const struct g2s_binary *binary = &streams->binaries[i].about;
		status = demand_arch(demand, binary->path, binary->arch);
	}
	for (size_t i = 0; i < streams->row_count && status == G2S_EXIT_DONE; i++) {
		status = demand_row(demand, &streams->rows[i].row);
	}
	if (status != G2S_EXIT_DONE) {
		return status;
	}
	for (size_t i = 0; i < streams->need_count; i++) {
		cli_message(PROFILE_APPLET, "warning: %s: what its library %s calls is not in the "
		            "profile", streams->needs[i].path, streams->needs[i].library);
	}
	demand->incomplete += streams->need_count;
	if (streams->row_count == 0) {
		cli_message(PROFILE_APPLET, "warning: the stream has no system call");
	}
	if (demand->site_count != 0) {
		qsort(demand->sites, demand->site_count, sizeof(demand->sites[0]), compare_sites);
	}
	return G2S_EXIT_DONE;
}

/* Index of the first site whose name is not below name. */
static size_t lower_bound(const struct profile_demand *demand, const char *name)
{
	size_t low = 0;
	size_t high = demand->site_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(demand->sites[middle]->syscall, name) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

struct profile_sites profile_demand_sites(const struct profile_demand *demand, const char *name)
{
	size_t first = lower_bound(demand, name);
	size_t end = first;
	while (end < demand->site_count && strcmp(demand->sites[end]->syscall, name) == 0) {
		end++;
	}
	return (struct profile_sites){demand->sites + first, end - first};
}

/*
 * --- what all ask for
 * --------------------------------------------------------------------------
 */

/* "runc, crun": whose names of the baseline this is; empty when it is nobody's. */
static void list_callers(const struct profile_demand *demand, const char *name, char *text,
                         size_t size)
{
	const char *last = "";
	text[0] = '\0';
	for (size_t i = 0; i < g2s_baseline_count; i++) {
		const struct g2s_baseline_entry *entry = &g2s_baseline[i];
		if (!g2s_baseline_chosen(entry, &demand->baseline) ||
		    !g2s_baseline_has(entry, name) || strcmp(entry->caller, last) == 0) {
			continue;
		}
		size_t used = strlen(text);
		snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ", ", entry->caller);
		/* Entries of one caller follow one another. */
		last = entry->caller;
	}
}

const char *profile_demand_needed(const struct profile_demand *demand, const char *name,
                                  char text[PROFILE_NEEDED_SIZE])
{
	struct profile_sites sites = profile_demand_sites(demand, name);
	char callers[64];
	list_callers(demand, name, callers, sizeof(callers));
	text[0] = '\0';
	if (sites.count != 0) {
		char place[CLI_PLACE_SIZE];
		char more[48] = "";
		if (sites.count > 1) {
			snprintf(more, sizeof(more), ", and %zu more site%s", sites.count - 1,
			         sites.count == 2 ? "" : "s");
		}
		/* Room is left for what follows, however long the path is. */
		snprintf(text, PROFILE_NEEDED_SIZE - 256, "%.512s (%s%s)", sites.rows[0]->binary,
		         cli_place(sites.rows[0], place), more);
	}
	size_t used = strlen(text);
	if (callers[0] != '\0') {
		snprintf(text + used, PROFILE_NEEDED_SIZE - used, "%sthe baseline (%s)",
		         used == 0 ? "" : " and ", callers);
	}
	return text;
}

static bool add_sites(struct profile_demand *demand)
{
	const char *last = "";
	for (size_t i = 0; i < demand->site_count; i++) {
		const char *name = demand->sites[i]->syscall;
		if (strcmp(name, last) != 0 && !g2s_names_add(&demand->names, name)) {
			return false;
		}
		last = name;
	}
	return true;
}

int profile_demand_settle(struct profile_demand *demand)
{
	if (!add_sites(demand) || !g2s_baseline_add(&demand->names, &demand->baseline) ||
	    !g2s_names_add_all(&demand->names, demand->allow)) {
		return profile_no_memory();
	}
	g2s_names_sort(&demand->names);
	for (size_t i = 0; i < demand->deny->count; i++) {
		const char *name = demand->deny->items[i];
		char needed[PROFILE_NEEDED_SIZE];
		if (g2s_names_remove(&demand->names, name)) {
			cli_message(PROFILE_APPLET, "warning: %s is denied, but needed by %s",
			            name, profile_demand_needed(demand, name, needed));
		}
	}
	return G2S_EXIT_DONE;
}

void profile_demand_free(struct profile_demand *demand)
{
	free(demand->sites);
	g2s_names_free(&demand->names);
	*demand = (struct profile_demand){0};
}
