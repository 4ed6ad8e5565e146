/* SPDX-License-Identifier: MIT */
#include "g2s/analysis/chains.h"

#include "g2s/analysis/refs.h"
#include "g2s/memory.h"
#include "g2s/stream.h"
#include "g2s/text.h"
#include "gaps.h"
#include "sweep.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * The graph of everything that looks like a call is searched breadth-first, and only the functions
 * on the chains that come out of it are decoded.  Where that refutes a call, the search is made
 * again without it.  A function is decoded once, whole, so what is left standing of it is certain.
 */
enum {
	/*
	 * Searches after which all the rest is decoded instead, which ends it: no file makes this
	 * take more than a multiple of its size.
	 */
	MAX_SEARCHES = 16,
	/* Bytes of a name, escaped, and the three dots of one that was cut. */
	NAME_MAX_SIZE = 1000,
	NAME_SIZE = NAME_MAX_SIZE + 4,
};

static const char ARROW[] = " > ";
static const char LEFT_OUT[] = "...";

/* What looks like a call or jump from one function to another. */
struct edge {
	/* Distance of the place from the lowest code address. */
	uint32_t place;
	/* Index of the function it leads to; G2S_CHAINS_NONE when it was refuted. */
	uint32_t to;
};

struct found_edge {
	uint32_t from;
	struct edge edge;
};

/* Where a program begins. */
struct root {
	unsigned rank;
	uint32_t function;
};

struct search {
	struct g2s_program *program;
	struct g2s_chains *chains;
	struct g2s_refs refs;
	/* The function in which the last place was found: the next one is in it, or soon behind. */
	size_t last;
	struct found_edge *found;
	size_t found_count;
	size_t found_capacity;
	/* The edges of function i are those from first[i] up to first[i + 1], by place. */
	struct edge *edges;
	size_t *first;
	/* The edge by which a function was reached. */
	size_t *reached_by;
	bool *decoded;
	/* The functions whose chains the current round has looked at. */
	bool *checked;
	uint32_t *queue;
	struct root *roots;
	size_t root_count;
	size_t root_capacity;
	struct sweep_mark *marks;
	size_t mark_capacity;
};

/*
 * --- the graph
 * ----------------------------------------------------------------------------------
 */

/* The index of the function that holds addr, or G2S_CHAINS_NONE. */
static uint32_t function_at(const struct g2s_funcs *funcs, uint64_t addr)
{
	const struct g2s_function *function = g2s_funcs_find(funcs, addr);
	return function == NULL ? G2S_CHAINS_NONE : (uint32_t)(function - funcs->items);
}

static bool add_edge(void *user, uint64_t from, uint64_t to)
{
	struct search *search = user;
	const struct g2s_funcs *funcs = &search->program->funcs;
	const struct g2s_function *last = &funcs->items[search->last];
	/* Most branches stay where they are, and places come in order: no search for those. */
	if (from < last->start || from >= last->end) {
		uint32_t at = function_at(funcs, from);
		if (at == G2S_CHAINS_NONE) {
			return true;
		}
		search->last = at;
		last = &funcs->items[at];
	}
	if (to >= last->start && to < last->end) {
		return true;
	}
	uint32_t target = function_at(funcs, to);
	if (target == G2S_CHAINS_NONE) {
		return true;
	}
	if (!g2s_grow(&search->found, &search->found_capacity, search->found_count + 1,
	              sizeof(*search->found))) {
		return false;
	}
	uint32_t place = (uint32_t)(from - search->refs.base);
	search->found[search->found_count++] =
		(struct found_edge){(uint32_t)search->last, {place, target}};
	return true;
}

/* Jumps with a one-byte distance to the start of a function: compilers of C make those. */
static bool add_short(struct search *search)
{
	const struct g2s_funcs *funcs = &search->program->funcs;
	struct g2s_references found = {0};
	struct g2s_window *starts = NULL;
	size_t count = 0;
	size_t capacity = 0;
	bool fine = true;
	for (size_t i = 0; fine && i < funcs->count; i++) {
		uint64_t start = funcs->items[i].start;
		if (funcs->items[i].go != 0) {
			continue;
		}
		fine = g2s_grow(&starts, &capacity, count + 1, sizeof(*starts));
		if (fine) {
			starts[count++] = (struct g2s_window){start, start + 1};
		}
	}
	fine = fine && (count == 0 || g2s_refs_branches(&search->refs, starts, count, &found));
	for (size_t i = 0; fine && i < found.count; i++) {
		fine = add_edge(search, found.items[i].place, found.items[i].target);
	}
	free(found.items);
	free(starts);
	return fine;
}

static int by_place(const void *a, const void *b)
{
	const struct edge *x = a;
	const struct edge *y = b;
	if (x->place != y->place) {
		return x->place < y->place ? -1 : 1;
	}
	return x->to < y->to ? -1 : x->to > y->to;
}

/* Brings the edges together by the function they are in. */
static void sort_edges(struct search *search)
{
	size_t count = search->program->funcs.count;
	size_t *first = search->first;
	for (size_t i = 0; i < search->found_count; i++) {
		first[search->found[i].from + 1]++;
	}
	for (size_t i = 0; i < count; i++) {
		first[i + 1] += first[i];
	}
	/* From the end, counting down what will be the starts. */
	for (size_t i = search->found_count; i-- > 0;) {
		const struct found_edge *found = &search->found[i];
		search->edges[--first[found->from + 1]] = found->edge;
	}
	/* Now first[i + 1] is where function i begins. */
	memmove(first, first + 1, count * sizeof(*first));
	first[count] = search->found_count;
	for (size_t i = 0; i < count; i++) {
		struct edge *edges = search->edges + first[i];
		size_t size = first[i + 1] - first[i];
		bool sorted = true;
		for (size_t j = 1; j < size && sorted; j++) {
			sorted = by_place(&edges[j - 1], &edges[j]) <= 0;
		}
		if (!sorted) {
			qsort(edges, size, sizeof(*edges), by_place);
		}
	}
}

static bool build_graph(struct search *search)
{
	size_t count = search->program->funcs.count;
	if (count >= G2S_CHAINS_ROOT || !g2s_refs_each_branch(&search->refs, add_edge, search) ||
	    !add_short(search)) {
		return false;
	}
	search->edges = calloc(search->found_count + 1, sizeof(*search->edges));
	search->first = calloc(count + 2, sizeof(*search->first));
	search->reached_by = calloc(count + 1, sizeof(*search->reached_by));
	search->decoded = calloc(count + 1, sizeof(*search->decoded));
	search->checked = calloc(count + 1, sizeof(*search->checked));
	search->queue = calloc(count + 1, sizeof(*search->queue));
	search->chains->callers = calloc(count + 1, sizeof(*search->chains->callers));
	search->chains->roots = calloc(count + 1, sizeof(*search->chains->roots));
	search->chains->text = calloc(G2S_STREAM_FIELD_MAX + 1, 1);
	if (search->edges == NULL || search->first == NULL || search->reached_by == NULL ||
	    search->decoded == NULL || search->checked == NULL || search->queue == NULL ||
	    search->chains->callers == NULL || search->chains->roots == NULL ||
	    search->chains->text == NULL) {
		return false;
	}
	sort_edges(search);
	free(search->found);
	search->found = NULL;
	return true;
}

/*
 * --- where programs begin
 * -----------------------------------------------------------------------
 */

enum rank {
	RANK_MAIN_MAIN,
	RANK_INIT,
	RANK_MAIN,
	RANK_ENTRY,
	RANK_OTHER,
	RANKS,
};

/*
 * <package>.init or <package>.init.<number>.  A dot in the last part of a package's path is
 * written %2e (cmd/internal/objabi, PathToPrefix), so the first dot there ends the package; what
 * is left of a method named init begins with its type.
 */
static bool is_init(struct g2s_bytes name)
{
	static const char init[] = "init";
	const uint8_t *slash = memrchr(name.data, '/', name.size);
	size_t part = slash == NULL ? 0 : (size_t)(slash - name.data) + 1;
	const uint8_t *dot = memchr(name.data + part, '.', name.size - part);
	if (dot == NULL || dot == name.data + part) {
		return false;
	}
	const uint8_t *rest = dot + 1;
	size_t size = name.size - (size_t)(rest - name.data);
	if (size < strlen(init) || memcmp(rest, init, strlen(init)) != 0) {
		return false;
	}
	rest += strlen(init);
	size -= strlen(init);
	if (size == 0) {
		return true;
	}
	bool number = size > 1 && rest[0] == '.';
	for (size_t i = 1; i < size && number; i++) {
		number = rest[i] >= '0' && rest[i] <= '9';
	}
	return number;
}

/* The rank of a function by its name; RANKS when the program does not begin in it. */
static unsigned rank_of(struct g2s_bytes name)
{
	static const struct {
		const char *name;
		enum rank rank;
	} names[] = {
		{"main.main", RANK_MAIN_MAIN},
		{"main", RANK_MAIN},
		{"runtime.main", RANK_OTHER},
		{"runtime.rt0_go", RANK_OTHER},
		{"_start", RANK_OTHER},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (name.size == strlen(names[i].name) &&
		    memcmp(name.data, names[i].name, name.size) == 0) {
			return names[i].rank;
		}
	}
	return is_init(name) ? RANK_INIT : RANKS;
}

static bool find_roots(struct search *search)
{
	const struct g2s_funcs *funcs = &search->program->funcs;
	uint64_t start = search->program->elf.entry;
	/* A shared object may have no entry point; then 0 stands for none. */
	uint32_t entry = start == 0 ? G2S_CHAINS_NONE : function_at(funcs, start);
	for (size_t i = 0; i < funcs->count; i++) {
		struct g2s_bytes name;
		unsigned rank = RANKS;
		if (g2s_funcs_name(funcs, &funcs->items[i], &name) && name.size != 0) {
			rank = rank_of(name);
		}
		if (i == entry && rank > RANK_ENTRY) {
			rank = RANK_ENTRY;
		}
		if (rank == RANKS) {
			continue;
		}
		if (!g2s_grow(&search->roots, &search->root_capacity, search->root_count + 1,
		              sizeof(*search->roots))) {
			return false;
		}
		search->roots[search->root_count++] = (struct root){rank, (uint32_t)i};
	}
	return true;
}

/*
 * --- the search
 * ---------------------------------------------------------------------------------
 */

/* Finds a shortest chain to every function that can be reached by edges not refuted. */
static void find_chains(struct search *search)
{
	size_t count = search->program->funcs.count;
	uint32_t *callers = search->chains->callers;
	uint32_t *roots = search->chains->roots;
	size_t tail = 0;
	for (size_t i = 0; i < count; i++) {
		callers[i] = G2S_CHAINS_NONE;
	}
	for (unsigned rank = 0; rank < RANKS; rank++) {
		for (size_t i = 0; i < search->root_count; i++) {
			uint32_t function = search->roots[i].function;
			if (search->roots[i].rank == rank) {
				callers[function] = G2S_CHAINS_ROOT;
				roots[function] = function;
				search->queue[tail++] = function;
			}
		}
	}
	for (size_t head = 0; head < tail; head++) {
		uint32_t from = search->queue[head];
		for (size_t i = search->first[from]; i < search->first[from + 1]; i++) {
			uint32_t to = search->edges[i].to;
			if (to != G2S_CHAINS_NONE && callers[to] == G2S_CHAINS_NONE) {
				callers[to] = from;
				roots[to] = roots[from];
				search->reached_by[to] = i;
				search->queue[tail++] = to;
			}
		}
	}
}

/* True when the instruction that covers the mark's place calls or jumps to the function. */
static bool confirms(const struct search *search, const struct sweep_mark *mark, uint32_t to)
{
	const struct g2s_arch *arch = search->program->arch;
	struct g2s_bytes code;
	struct g2s_insn insn;
	/* Not only where an instruction begins: there may be a prefix before the opcode. */
	return mark->insn != 0 && g2s_elf_view(&search->program->elf, mark->insn, &code) &&
	       arch->skim(arch, code.data, code.size, mark->insn, &insn) &&
	       (insn.step == G2S_STEP_CALL || insn.step == G2S_STEP_JUMP ||
	        insn.step == G2S_STEP_BRANCH) &&
	       function_at(&search->program->funcs, insn.target) == to;
}

/* Refutes the edges of a function that are none; false when memory ran out. */
static bool decode(struct search *search, uint32_t index)
{
	const struct g2s_function *function = &search->program->funcs.items[index];
	struct edge *edges = search->edges + search->first[index];
	size_t count = search->first[index + 1] - search->first[index];
	if (search->decoded[index] || count == 0) {
		return true;
	}
	search->decoded[index] = true;
	if (!g2s_grow(&search->marks, &search->mark_capacity, count, sizeof(*search->marks))) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		search->marks[i] =
			(struct sweep_mark){.addr = search->refs.base + edges[i].place};
	}
	sweep_range(search->program->arch, &search->program->elf,
	            (struct g2s_range){function->start, function->end}, search->marks, count);
	for (size_t i = 0; i < count; i++) {
		if (!confirms(search, &search->marks[i], edges[i].to)) {
			edges[i].to = G2S_CHAINS_NONE;
		}
	}
	return true;
}

/* Decodes what is on the chains of the sites; *sure tells whether all of it was confirmed. */
static bool check_chains(struct search *search, bool *sure)
{
	const struct g2s_program *program = search->program;
	const uint32_t *callers = search->chains->callers;
	memset(search->checked, 0, program->funcs.count * sizeof(*search->checked));
	*sure = true;
	for (size_t i = 0; i < program->site_count; i++) {
		uint32_t at = function_at(&program->funcs, program->sites[i].addr);
		/* The rest of a chain that meets another one has been looked at. */
		while (at != G2S_CHAINS_NONE && callers[at] < G2S_CHAINS_ROOT &&
		       !search->checked[at]) {
			search->checked[at] = true;
			if (!decode(search, callers[at])) {
				return false;
			}
			*sure = *sure && search->edges[search->reached_by[at]].to == at;
			at = callers[at];
		}
	}
	return true;
}

static bool search_chains(struct search *search)
{
	bool sure = false;
	for (unsigned i = 0; i < MAX_SEARCHES && !sure; i++) {
		find_chains(search);
		if (!check_chains(search, &sure)) {
			return false;
		}
	}
	if (sure) {
		return true;
	}
	for (size_t i = 0; i < search->program->funcs.count; i++) {
		if (!decode(search, (uint32_t)i)) {
			return false;
		}
	}
	find_chains(search);
	return true;
}

enum g2s_code g2s_chains_find(struct g2s_chains *chains, struct g2s_program *program,
                              struct g2s_error *err)
{
	struct search search = {.program = program, .chains = chains};
	*chains = (struct g2s_chains){.funcs = &program->funcs};
	enum g2s_code code = g2s_refs_build(&search.refs, program->arch, &program->funcs, err);
	if (code == G2S_OK && !(gaps_close(program, &search.refs) && build_graph(&search) &&
	                        find_roots(&search) && search_chains(&search))) {
		code = g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
	}
	g2s_refs_free(&search.refs);
	free(search.found);
	free(search.edges);
	free(search.first);
	free(search.reached_by);
	free(search.decoded);
	free(search.checked);
	free(search.queue);
	free(search.roots);
	free(search.marks);
	return code;
}

void g2s_chains_free(struct g2s_chains *chains)
{
	free(chains->callers);
	free(chains->roots);
	free(chains->text);
	*chains = (struct g2s_chains){0};
}

/*
 * --- chains as text
 * -----------------------------------------------------------------------------
 */

/* Puts the escaped name of a function into out; returns its length. */
static size_t write_name(const struct g2s_funcs *funcs, uint32_t index, char out[NAME_SIZE])
{
	const struct g2s_function *function = &funcs->items[index];
	struct g2s_bytes name;
	if (!g2s_funcs_name(funcs, function, &name) || name.size == 0) {
		return (size_t)snprintf(out, NAME_SIZE, "0x%" PRIx64, function->start);
	}
	const char *text = (const char *)name.data;
	bool mark = (name.size == 1 && text[0] == '-') ||
	            (name.size == strlen(LEFT_OUT) && memcmp(text, LEFT_OUT, name.size) == 0);
	size_t used = 0;
	for (size_t done = 0; done < name.size;) {
		char piece[G2S_TEXT_PIECE];
		size_t taken = g2s_text_take(text + done, name.size - done, G2S_TEXT_FIELD, piece);
		if (text[done] == '>' || (mark && done == 0)) {
			snprintf(piece, sizeof(piece), "\\x%02x", (unsigned)(uint8_t)text[done]);
		}
		size_t size = strlen(piece);
		if (used + size > NAME_MAX_SIZE) {
			memcpy(out + used, LEFT_OUT, strlen(LEFT_OUT));
			return used + strlen(LEFT_OUT);
		}
		memcpy(out + used, piece, size);
		used += size;
		done += taken;
	}
	return used;
}

/* Puts text before what begins at *at. */
static void prepend(char *field, size_t *at, const char *text, size_t size)
{
	*at -= size;
	memcpy(field + *at, text, size);
}

const char *g2s_chains_text(struct g2s_chains *chains, uint64_t addr)
{
	uint32_t function = function_at(chains->funcs, addr);
	if (function == G2S_CHAINS_NONE || chains->callers[function] == G2S_CHAINS_NONE) {
		return "-";
	}
	/* From the end to the beginning; room for the longest first name is kept free. */
	const size_t kept = NAME_SIZE + 2 * strlen(ARROW) + strlen(LEFT_OUT);
	size_t at = G2S_STREAM_FIELD_MAX;
	char name[NAME_SIZE];
	chains->text[at] = '\0';
	while (chains->callers[function] != G2S_CHAINS_ROOT) {
		size_t size = write_name(chains->funcs, function, name);
		if (at < kept + size + strlen(ARROW)) {
			prepend(chains->text, &at, LEFT_OUT, strlen(LEFT_OUT));
			prepend(chains->text, &at, ARROW, strlen(ARROW));
			function = chains->roots[function];
			break;
		}
		prepend(chains->text, &at, name, size);
		prepend(chains->text, &at, ARROW, strlen(ARROW));
		function = chains->callers[function];
	}
	prepend(chains->text, &at, name, write_name(chains->funcs, function, name));
	return chains->text + at;
}
