/* SPDX-License-Identifier: MIT */
#include "g2s/analysis/sites.h"

#include "g2s/memory.h"
#include "g2s/stream.h"
#include "linked.h"
#include "loads.h"
#include "reach.h"
#include "stubs.h"
#include "sweep.h"
#include "trace.h"

#include <stdlib.h>
#include <string.h>

enum {
	/*
	 * The numbers that the kernel sees when Go reads the clock without a system call of its
	 * own.
	 */
	NUMBER_GETTIMEOFDAY = 96,
	NUMBER_CLOCK_GETTIME = 228,
	/* How far before a kernel entry among data the code it is part of begins at most. */
	BEFORE_HIT = 64,
	/* Bytes from one entry of the vsyscall page to the next. */
	VSYSCALL_STEP = 1024,
};

/*
 * Where the kernel maps the vsyscall page on x86-64, and the system calls that it emulates when its
 * entries are called: gettimeofday, time, getcpu.
 */
static const uint64_t VSYSCALL_PAGE = UINT64_C(0xffffffffff600000);
static const uint16_t VSYSCALLS[] = {NUMBER_GETTIMEOFDAY, 201, 309};

/* What can be told of the machine, and of functions, once program->elf is there. */
static enum g2s_code prepare(struct g2s_program *program, const struct g2s_elf *own,
                             struct g2s_error *err)
{
	if (g2s_elf_lacks_code(own)) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0,
		                "its code is not in the file (separate debug information?)");
	}
	program->arch = g2s_arch_find(own->machine);
	if (program->arch == NULL || program->arch->word != own->word) {
		return g2s_fail(err, G2S_ERR_FORMAT, 0, "machine %u is not supported (x86-64 is)",
		                (unsigned)own->machine);
	}
	g2s_goinfo_read(own, &program->goinfo);
	bool go = g2s_pclntab_open(&program->tab, own);
	if (!g2s_funcs_build(&program->funcs, &program->elf, go ? &program->tab : NULL)) {
		return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
	}
	program->funcs.go_unlisted = !go && program->goinfo.is_go;
	if (program->funcs.go_unlisted && g2s_pclntab_find_record(&program->tab, own)) {
		program->funcs.record = &program->tab;
	}
	return G2S_OK;
}

enum g2s_code g2s_program_open(struct g2s_program *program, struct g2s_bytes file,
                               struct g2s_error *err)
{
	*program = (struct g2s_program){.interpreter = SIZE_MAX};
	enum g2s_code code = g2s_elf_open(&program->elf, file, err);
	return code == G2S_OK ? prepare(program, &program->elf, err) : code;
}

enum g2s_code g2s_program_open_linked(struct g2s_program *program, struct g2s_libs *libs,
                                      struct g2s_error *err)
{
	*program = (struct g2s_program){.interpreter = libs->interpreter, .libs = libs};
	program->link = calloc(1, sizeof(*program->link));
	program->linked = calloc(1, sizeof(*program->linked));
	if (program->link == NULL || program->linked == NULL) {
		return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
	}
	enum g2s_code code = g2s_link_make(program->link, libs, err);
	if (code != G2S_OK) {
		return code;
	}
	program->elf = program->link->elf;
	code = prepare(program, &libs->items[0].elf, err);
	if (code != G2S_OK) {
		return code;
	}
	linked_arch_make(program->linked, program->arch, program->link);
	program->arch = &program->linked->arch;
	if (!stubs_split(program)) {
		return g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
	}
	/* Go's code may be in a library, too, where no table of this one lists it. */
	for (size_t i = 1; i < libs->count && !program->funcs.go_unlisted; i++) {
		struct g2s_goinfo info = {0};
		g2s_goinfo_read(&libs->items[i].elf, &info);
		program->funcs.go_unlisted = info.is_go;
	}
	return G2S_OK;
}

void g2s_program_free(struct g2s_program *program)
{
	free(program->sites);
	free(program->raw_sites);
	free(program->wrappers);
	free(program->calls);
	free(program->loads);
	g2s_funcs_free(&program->funcs);
	if (program->link != NULL) {
		/* It owns what elf is a copy of. */
		g2s_link_free(program->link);
	} else {
		g2s_elf_free(&program->elf);
	}
	free(program->link);
	free(program->linked);
	*program = (struct g2s_program){0};
}

static bool open_trace(struct trace *trace, struct g2s_program *program)
{
	*trace = (struct trace){.program = program};
	if (!g2s_values_open(&trace->values)) {
		return false;
	}
	trace->flow = g2s_flow_new(program->arch, &program->funcs, &trace->values);
	return trace->flow != NULL;
}

static void close_trace(struct trace *trace)
{
	for (size_t i = 0; i < trace->fragment_count; i++) {
		free(trace->fragments[i].entries);
		free(trace->fragments[i].parents);
	}
	free(trace->fragments);
	map_free(&trace->asked);
	map_free(&trace->wrapped);
	map_free(&trace->loaded);
	map_free(&trace->kept_by);
	free(trace->kept);
	map_free(&trace->parts);
	free(trace->questions);
	free(trace->wrappers);
	free(trace->globals);
	free(trace->links);
	free(trace->uses);
	g2s_refs_free(&trace->refs);
	g2s_flow_free(trace->flow);
	g2s_flow_free(trace->probe);
	g2s_values_free(&trace->values);
}

static void add_raw(struct trace *trace, uint64_t addr, unsigned entry)
{
	struct g2s_program *program = trace->program;
	if (!g2s_grow(&program->raw_sites, &trace->raw_capacity, program->raw_count + 1,
	              sizeof(*program->raw_sites))) {
		trace->failed = true;
		return;
	}
	program->raw_sites[program->raw_count++] = (struct g2s_raw_site){addr, entry};
}

static bool visit_entry(struct trace *trace, const struct g2s_insn *insn,
                        const struct g2s_state *state, bool local, void *user)
{
	const struct g2s_hit *hit = user;
	const struct g2s_entry *entry = &trace->program->arch->entries[hit->entry];
	struct destination to = {hit->addr, entry->via, "imm", entry->arch, 0, local};
	if (state == NULL || insn == NULL) {
		trace_site(trace, &to, G2S_NUMBER_UNKNOWN, G2S_REASON_COMPUTED);
		return true;
	}
	g2s_value number = g2s_state_register(trace->flow, state, entry->number, entry->width);
	if (local && !trace_is_local(trace, number)) {
		return false;
	}
	trace_value(trace, number, &to);
	return true;
}

/*
 * True when a path of the function leads to an instruction at the hit, though straight decoding
 * takes that for the middle of another one.
 */
static bool is_entered_between(struct trace *trace, const struct g2s_function *function,
                               const struct sweep_mark *mark)
{
	const struct g2s_program *program = trace->program;
	struct g2s_range range = {function->start, function->end};
	/*
	 * Other code is compiled, or written by hand, in ways that are not known as well.
	 * Libraries are compiled, and have too much code to follow all of it for accidents.
	 */
	if ((function->go != 0 || program->link != NULL) &&
	    !sweep_is_doubtful(program->arch, &program->elf, range, mark)) {
		return false;
	}
	return trace_enter(trace, function->start) && g2s_flow_reaches(trace->flow, mark->addr);
}

/* Hits that are instructions, and the places to visit for them. */
struct taken {
	struct trace *trace;
	struct g2s_hit *hits;
	struct place *places;
	size_t count;
};

/* Takes a hit that is an instruction where the mark says. */
static void take_hit(struct taken *taken, const struct sweep_mark *mark, struct g2s_hit hit)
{
	hit.addr = mark->addr;
	add_raw(taken->trace, hit.addr, hit.entry);
	taken->hits[taken->count] = hit;
	taken->places[taken->count] =
		(struct place){.mark = *mark, .user = &taken->hits[taken->count]};
	taken->count++;
}

/*
 * A hit at which straight decoding begins no instruction: it may be behind the prefixes of one, and
 * code may also jump into what straight decoding takes for the middle of an instruction.
 */
static void look_at_inside(struct taken *taken, const struct sweep_mark *mark, struct g2s_hit hit)
{
	struct trace *trace = taken->trace;
	const struct g2s_program *program = trace->program;
	const struct g2s_function *function = trace_function(trace, hit.addr);
	struct sweep_mark whole = *mark;
	struct g2s_insn insn;
	if (sweep_settle(program->arch, &program->elf, &whole, &insn) &&
	    insn.enters == hit.entry + 1) {
		take_hit(taken, &whole, hit);
	}
	if (function != NULL && is_entered_between(trace, function, mark)) {
		struct sweep_mark reached = {.addr = hit.addr, .found = true, .run = hit.addr};
		take_hit(taken, &reached, hit);
	}
}

/*
 * Sweeps the functions of the hits.  Constants in the large tables that Go's initialisers are made
 * of look like entries of the kernel, and a look around most of them tells that they are none.
 */
static void sweep_hits(struct trace *trace, struct sweep_mark *marks, size_t count)
{
	const struct g2s_program *program = trace->program;
	for (size_t i = 0; i < count;) {
		const struct g2s_function *function = trace_function(trace, marks[i].addr);
		size_t next = i + 1;
		while (function != NULL && next < count && marks[next].addr < function->end) {
			next++;
		}
		if (function == NULL || function->go == 0 ||
		    !sweep_is_needless(program->arch, &program->elf,
		                       (struct g2s_range){function->start, function->end},
		                       &marks[i], next - i)) {
			trace_sweep(trace, &marks[i], next - i);
		}
		i = next;
	}
}

/* Looks at the number that reaches each hit that is an instruction. */
static void take_hits(struct trace *trace, const struct sweep_mark *marks, size_t count)
{
	/* A hit can be two: as it was found, and with the prefixes before it. */
	struct taken taken = {
		.trace = trace,
		.hits = calloc(2 * count + 1, sizeof(*taken.hits)),
		.places = calloc(2 * count + 1, sizeof(*taken.places)),
	};
	trace->failed = trace->failed || taken.hits == NULL || taken.places == NULL;
	for (size_t i = 0; i < count && !trace->failed; i++) {
		if (marks[i].found) {
			take_hit(&taken, &marks[i], trace->refs.hits.items[i]);
		} else {
			look_at_inside(&taken, &marks[i], trace->refs.hits.items[i]);
		}
	}
	if (!trace->failed) {
		trace_places(trace, taken.places, taken.count, visit_entry);
	}
	free(taken.hits);
	free(taken.places);
}

/* Decides which hits are instructions, and looks at the number that reaches each of those. */
static void find_raw_sites(struct trace *trace)
{
	size_t count = trace->refs.hits.count;
	struct sweep_mark *marks = calloc(count + 1, sizeof(*marks));
	uint64_t *places = calloc(count + 1, sizeof(*places));
	if (marks == NULL || places == NULL) {
		trace->failed = true;
	}
	for (size_t i = 0; i < count && !trace->failed; i++) {
		marks[i] = (struct sweep_mark){.addr = trace->refs.hits.items[i].addr};
		places[i] = trace->refs.hits.items[i].addr;
	}
	if (!trace->failed) {
		sweep_hits(trace, marks, count);
		trace_prepare(trace, places, count);
		take_hits(trace, marks, count);
	}
	free(marks);
	free(places);
}

static int by_target(const void *a, const void *b)
{
	const struct g2s_reference *x = a;
	const struct g2s_reference *y = b;
	if (x->target != y->target) {
		return x->target < y->target ? -1 : 1;
	}
	return x->place < y->place ? -1 : x->place > y->place;
}

/* Looks for whatever refers to a place shortly before a hit, from where code would come to it. */
static void find_ways(struct trace *trace, const struct g2s_hits *hits, struct g2s_window *windows,
                      struct g2s_references *found)
{
	size_t count = 0;
	for (size_t i = 0; i < hits->count; i++) {
		uint64_t addr = hits->items[i].addr;
		struct g2s_window near = {addr - BEFORE_HIT, addr + 1};
		if (count != 0 && near.start <= windows[count - 1].end) {
			windows[count - 1].end = near.end;
		} else {
			windows[count++] = near;
		}
	}
	if (!g2s_refs_branches(&trace->refs, windows, count, found) ||
	    !g2s_refs_addresses(&trace->refs, windows, count, found)) {
		trace->failed = true;
	}
}

/*
 * Looks at a hit among data from a place that something refers to.  What code calls is code; what
 * is referred to in another way is, when it chooses a number and enters the kernel with it.
 */
static void take_way(struct trace *trace, const struct g2s_hit *hit,
                     const struct g2s_reference *way)
{
	const struct g2s_program *program = trace->program;
	const struct g2s_entry *entry = &program->arch->entries[hit->entry];
	struct destination to = {hit->addr, entry->via, "imm", entry->arch, 0, true};
	struct sweep_mark mark = {.addr = way->place};
	struct g2s_insn insn;
	bool is_call;
	const struct g2s_state *state =
		g2s_flow_straight(trace->flow, way->target, hit->addr, &insn);
	if (state == NULL) {
		return;
	}
	g2s_value number = g2s_state_register(trace->flow, state, entry->number, entry->width);
	if (trace_is_local(trace, number)) {
		trace_value(trace, number, &to);
		return;
	}
	if (way->kind == G2S_REFERENCE_BRANCH) {
		trace_sweep(trace, &mark, 1);
		if (trace_goes_to(trace, &mark, way->target, &is_call)) {
			trace_site(trace, &to, G2S_NUMBER_UNKNOWN, G2S_REASON_COMPUTED);
		}
	}
}

/*
 * What headers call data can be executed where its segment can.  Strings and tables hold the
 * bytes of kernel entries by accident; code among them shows by what refers to it.
 */
static void find_among_data(struct trace *trace)
{
	const struct g2s_hits *hits = &trace->refs.data_hits;
	struct g2s_window *windows = calloc(hits->count + 1, sizeof(*windows));
	struct g2s_references found = {0};
	if (windows == NULL) {
		trace->failed = true;
		return;
	}
	if (hits->count != 0) {
		find_ways(trace, hits, windows, &found);
	}
	if (found.count != 0) {
		qsort(found.items, found.count, sizeof(*found.items), by_target);
	}
	size_t first = 0;
	for (size_t i = 0; i < hits->count && !trace->failed; i++) {
		const struct g2s_hit *hit = &hits->items[i];
		while (first < found.count && hit->addr - found.items[first].target > BEFORE_HIT &&
		       found.items[first].target < hit->addr) {
			first++;
		}
		for (size_t k = first; k < found.count && found.items[k].target <= hit->addr; k++) {
			take_way(trace, hit, &found.items[k]);
		}
	}
	trace->flow_entry = 0;
	free(windows);
	free(found.items);
}

/*
 * Go 1.15 and before read the clock through the vDSO alone, with the vsyscall page to fall back
 * on, the address of which is a word of their data (runtime/vdso_linux_amd64.go); the vDSO
 * itself falls back on system calls.
 */
static void find_vdso(struct trace *trace)
{
	const struct g2s_program *program = trace->program;
	for (size_t i = 0; i < program->elf.segment_count; i++) {
		const struct g2s_segment *segment = &program->elf.segments[i];
		size_t first = (size_t)(-segment->addr & 7);
		if (!segment->write || program->arch->word != 8) {
			continue;
		}
		for (size_t at = first; at + 8 <= segment->bytes.size; at += 8) {
			uint64_t word = 0;
			memcpy(&word, segment->bytes.data + at, sizeof(word));
			if (word == VSYSCALL_PAGE) {
				struct destination to = {segment->addr + at, "vdso", "data",
				                         program->arch->name, 0, false};
				trace_site(trace, &to, NUMBER_GETTIMEOFDAY, G2S_REASON_MEMORY);
				trace_site(trace, &to, NUMBER_CLOCK_GETTIME, G2S_REASON_MEMORY);
			}
		}
	}
}

/*
 * Go 1.16 and 1.17 hand the number of syscall.AllThreadsSyscall through an object on the heap,
 * where the code alone loses it (syscall/syscall_linux.go, allThreadsCaller).  The name tells that
 * the first argument is one, in the register or on the stack; names add, so what was lost stays
 * reported.
 */
static void ask_by_name(struct trace *trace)
{
	const struct g2s_program *program = trace->program;
	static const char *const names[] = {"syscall.AllThreadsSyscall",
	                                    "syscall.AllThreadsSyscall6"};
	if (program->tab.layout != G2S_PCLNTAB_GO116 || program->arch->go_argument < 0) {
		return;
	}
	for (size_t i = 0; i < program->funcs.count && !trace->failed; i++) {
		struct g2s_bytes name;
		const struct g2s_function function = program->funcs.items[i];
		if (!g2s_funcs_name(&program->funcs, &function, &name)) {
			continue;
		}
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
			if (name.size != strlen(names[n]) ||
			    memcmp(name.data, names[n], name.size) != 0 ||
			    !trace_enter(trace, function.start)) {
				continue;
			}
			uint8_t reg = (uint8_t)program->arch->go_argument;
			struct g2s_atom parameter = {.kind = G2S_ATOM_REGISTER, .value = reg};
			if (!g2s_flow_uses(trace->flow, reg, false)) {
				parameter = (struct g2s_atom){
					.kind = G2S_ATOM_SLOT,
					.width = (uint8_t)program->arch->word,
					.value = program->arch->call_pushes,
				};
			}
			trace_ask(trace, function.start, &parameter, program->arch->name);
		}
	}
}

/* Old C code calls the vsyscall page by itself. */
static void find_vsyscalls(struct trace *trace)
{
	enum { COUNT = sizeof(VSYSCALLS) / sizeof(VSYSCALLS[0]) };
	const struct g2s_program *program = trace->program;
	struct g2s_window windows[COUNT];
	struct g2s_references found = {0};
	for (unsigned i = 0; i < COUNT; i++) {
		uint64_t entry = VSYSCALL_PAGE + (uint64_t)VSYSCALL_STEP * i;
		windows[i] = (struct g2s_window){entry, entry + 1};
	}
	bool fine = program->funcs.tab == NULL
	                    ? g2s_refs_addresses(&trace->refs, windows, COUNT, &found)
	                    : g2s_refs_operands(&trace->refs, windows, COUNT, &found);
	trace->failed = trace->failed || !fine;
	for (size_t i = 0; i < found.count && !trace->failed; i++) {
		const struct g2s_reference *r = &found.items[i];
		struct sweep_mark mark = {.addr = r->place};
		trace_sweep(trace, &mark, 1);
		struct destination to = {mark.insn != 0 ? mark.insn : r->place, "vdso",
		                         r->kind == G2S_REFERENCE_OPERAND ? "imm" : "data",
		                         program->arch->name, 0, false};
		trace_site(trace, &to, VSYSCALLS[(r->target - VSYSCALL_PAGE) / VSYSCALL_STEP],
		           G2S_REASON_MEMORY);
	}
	free(found.items);
}

static int by_site(const void *a, const void *b)
{
	const struct g2s_site *x = a;
	const struct g2s_site *y = b;
	if (x->addr != y->addr) {
		return x->addr < y->addr ? -1 : 1;
	}
	if (x->number != y->number) {
		return x->number < y->number ? -1 : 1;
	}
	int order = strcmp(x->arch, y->arch);
	order = order != 0 ? order : strcmp(x->via, y->via);
	return order != 0 ? order : strcmp(x->how, y->how);
}

static void sort_sites(struct g2s_program *program)
{
	size_t kept = 0;
	if (program->site_count != 0) {
		qsort(program->sites, program->site_count, sizeof(*program->sites), by_site);
	}
	for (size_t i = 0; i < program->site_count; i++) {
		if (kept == 0 || by_site(&program->sites[kept - 1], &program->sites[i]) != 0) {
			program->sites[kept++] = program->sites[i];
		}
	}
	program->site_count = kept;
}

static int by_call(const void *a, const void *b)
{
	const struct g2s_call *x = a;
	const struct g2s_call *y = b;
	if (x->addr != y->addr) {
		return x->addr < y->addr ? -1 : 1;
	}
	return x->target < y->target ? -1 : x->target > y->target;
}

/* The same call is met once for each round of questions about its target. */
static void sort_calls(struct g2s_program *program)
{
	size_t kept = 0;
	if (program->call_count != 0) {
		qsort(program->calls, program->call_count, sizeof(*program->calls), by_call);
	}
	for (size_t i = 0; i < program->call_count; i++) {
		if (kept == 0 || by_call(&program->calls[kept - 1], &program->calls[i]) != 0) {
			program->calls[kept++] = program->calls[i];
		}
	}
	program->call_count = kept;
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static void list_wrappers(struct trace *trace)
{
	struct g2s_program *program = trace->program;
	size_t count = trace->wrapper_count;
	uint64_t *list = calloc(count + 1, sizeof(*list));
	if (list == NULL) {
		trace->failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		list[i] = trace->wrappers[i].entry;
	}
	qsort(list, count, sizeof(*list), by_address);
	program->wrappers = list;
	for (size_t i = 0; i < count; i++) {
		if (program->wrapper_count == 0 || list[program->wrapper_count - 1] != list[i]) {
			list[program->wrapper_count++] = list[i];
		}
	}
}

/* Finds what of the libraries is looked at, and drops what is not from what was found. */
static void find_reached(struct trace *trace, struct reach *reach)
{
	struct g2s_hits *hits = &trace->refs.hits;
	size_t kept = 0;
	if (!reach_find(reach, trace->program, &trace->refs)) {
		trace->failed = true;
		return;
	}
	trace->reach = reach;
	for (size_t i = 0; i < hits->count; i++) {
		if (reach_has(reach, hits->items[i].addr)) {
			hits->items[kept++] = hits->items[i];
		}
	}
	hits->count = kept;
}

/* Drops the sites of library code that the program cannot come to. */
static void keep_reached(struct trace *trace)
{
	struct g2s_program *program = trace->program;
	size_t kept = 0;
	for (size_t i = 0; i < program->site_count; i++) {
		if (reach_has(trace->reach, program->sites[i].addr)) {
			program->sites[kept++] = program->sites[i];
		}
	}
	program->site_count = kept;
	trace->failed = !loads_take(trace);
}

/*
 * A C library that is linked statically loads the modules of its name service nonetheless (glibc,
 * nss/nss_module.c), with libraries of their own.  Go's own code has no unwind tables.
 */
static void find_name_service(struct g2s_program *program)
{
	/* In two parts, so that this program does not look like one itself. */
	static const char name[] = "libnss_%s";
	static const char end[] = ".so";
	enum { NAME = sizeof(name) - 1, END = sizeof(end) - 1 };
	const struct g2s_elf *elf = &program->elf;
	bool c = elf->unwind_count != 0 && elf->unwind[0].table.end > elf->unwind[0].table.start;
	for (size_t i = 0; c && i < elf->segment_count; i++) {
		struct g2s_bytes bytes = elf->segments[i].bytes;
		size_t at = 0;
		while ((at = g2s_bytes_find(bytes, at, name, NAME)) != SIZE_MAX) {
			at += NAME;
			if (g2s_bytes_has(bytes, at, END) &&
			    memcmp(bytes.data + at, end, END) == 0) {
				program->loads_unknown = true;
			}
		}
	}
}

enum g2s_code g2s_program_scan(struct g2s_program *program, struct g2s_error *err)
{
	struct trace trace;
	struct reach reach = {0};
	enum g2s_code code = G2S_OK;
	if (!open_trace(&trace, program)) {
		trace.failed = true;
		goto done;
	}
	code = g2s_refs_build(&trace.refs, program->arch, &program->funcs, err);
	if (code != G2S_OK) {
		goto done;
	}
	if (program->link != NULL) {
		find_reached(&trace, &reach);
	}
	if (!trace.failed) {
		find_raw_sites(&trace);
	}
	if (!trace.failed) {
		find_among_data(&trace);
	}
	if (!trace.failed) {
		ask_by_name(&trace);
	}
	if (!trace.failed && program->link != NULL) {
		loads_ask(&trace);
	}
	/* Globals may raise questions, and answers may lead to globals. */
	size_t questions, globals;
	do {
		questions = trace.question_count;
		globals = trace.global_count;
		if (!trace.failed) {
			trace_fall_through(&trace);
		}
		if (!trace.failed) {
			trace_answer(&trace);
		}
		if (!trace.failed) {
			trace_globals(&trace);
		}
	} while (!trace.failed &&
	         (questions != trace.question_count || globals != trace.global_count));
	if (!trace.failed) {
		trace_uses(&trace);
		find_vdso(&trace);
	}
	if (!trace.failed && program->arch->word == 8) {
		find_vsyscalls(&trace);
		list_wrappers(&trace);
	}
	if (!trace.failed && program->link != NULL) {
		keep_reached(&trace);
	}
	if (program->link == NULL) {
		find_name_service(program);
	}
done:
	if (trace.failed) {
		code = g2s_fail(err, G2S_ERR_MEMORY, 0, "out of memory");
	}
	sort_sites(program);
	sort_calls(program);
	close_trace(&trace);
	reach_free(&reach);
	return code;
}
