/* SPDX-License-Identifier: MIT */
#ifndef G2S_SYSNO_DATA_H
#define G2S_SYSNO_DATA_H

#include <stddef.h>

/*
 * The system-call tables as C.  core/policy/syscalls/<arch>.tsv is their source: a first line that
 * begins with '#' and names the kernel, then one "<number> TAB <name>" a line, numbers ascending.
 * The build turns them into one C file with scripts/gen-syscalls, which refuses a table that is not
 * of that form.  Only core/policy/sysno.c looks at them.
 */

/* One line of a table. */
struct g2s_sysno_entry {
	unsigned number;
	/*
	 * Offset of the name in the table's names: a pointer each would cost 24 bytes of
	 * relocation.
	 */
	unsigned name;
};

/* One file: an architecture in the spelling of the file's name, which is the stream's. */
struct g2s_sysno_table {
	const char *arch;
	/* All names, each ended by a NUL. */
	const char *names;
	/* Ascending by number; no number and no name twice. */
	const struct g2s_sysno_entry *entries;
	size_t count;
};

/* Every table, ascending by arch; the last has an arch of NULL. */
extern const struct g2s_sysno_table g2s_sysno_tables[];

#endif
