/* SPDX-License-Identifier: MIT */
/* Searches through x86 code, each against a plain way to say the same. */
#include "hay.h"

#include "g2s/isa/isa.h"
#include "isa/x86_search.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ADDR = 0x401000 };

static const struct g2s_arch *const ARCH = &g2s_arch_x86_64;

/*
 * What a search reported: "e0 1": entry 1 at offset 0; "b5 ...": a branch; "t5 ...": an address of
 * code that is taken; "a7 ...": an operand.
 */
struct report {
	char text[512];
	size_t left;
};

static bool note(struct report *report, char kind, size_t offset, uint64_t what)
{
	size_t used = strlen(report->text);
	snprintf(report->text + used, sizeof(report->text) - used, "%s%c%zx %" PRIx64,
	         used == 0 ? "" : "; ", kind, offset, what);
	return --report->left != 0;
}

static bool note_entry(void *user, uint64_t addr, unsigned entry)
{
	return note(user, 'e', (size_t)(addr - ADDR), entry);
}

static bool note_items(struct report *report, char kind, const struct g2s_branch *items,
                       size_t count)
{
	bool fine = true;
	for (size_t i = 0; fine && i < count; i++) {
		fine = note(report, kind, items[i].from, items[i].to);
	}
	return fine;
}

static bool note_branches(void *user, const struct g2s_branch *items, size_t count)
{
	return note_items(user, 'b', items, count);
}

static bool note_takes(void *user, const struct g2s_branch *items, size_t count)
{
	return note_items(user, 't', items, count);
}

static bool note_branch(void *user, size_t offset, uint64_t target)
{
	return note(user, 'b', offset, target);
}

static bool note_address(void *user, size_t offset, uint64_t target)
{
	return note(user, 'a', offset, target);
}

static struct g2s_sink sink_of(struct report *report, size_t most)
{
	*report = (struct report){.left = most};
	return (struct g2s_sink){note_branch, note_address, report};
}

/* A search for everything, with addresses told as they are. */
static struct g2s_search search_of(struct report *report, bool go, size_t most)
{
	*report = (struct report){.left = most};
	return (struct g2s_search){
		.go = go,
		.span = UINT32_MAX,
		.align = 1,
		.enters = note_entry,
		.branches = note_branches,
		.takes = note_takes,
		.user = report,
	};
}

/* The code; "lea rax, [rip+1]; lea esi, [rip+2]" are at its end. */
static const uint8_t SEARCHED[] = {
	0x0f, 0x05, 0xcd, 0x80, 0x0f, 0x34, 0xe8, 0x00, 0x00, 0x00, 0x00, 0xe9,
	0xf0, 0xff, 0xff, 0xff, 0x0f, 0x84, 0x01, 0x00, 0x00, 0x00, 0x0f, 0x05,
	0x48, 0x8d, 0x05, 0x01, 0x00, 0x00, 0x00, 0x8d, 0x35, 0x02, 0x00, 0x00, 0x00,
};

static void searches_entries_and_branches(void **state)
{
	(void)state;
	const size_t size = sizeof(SEARCHED);
	struct report report;
	struct g2s_search search = search_of(&report, false, 99);
	assert_true(ARCH->search(ARCH, SEARCHED, size, ADDR, &search));
	assert_string_equal(report.text,
	                    "e0 0; e2 1; e4 2; e16 0; b6 40100b; bb 401000; b10 401017");
	/* For entries alone there is a way of their own. */
	search = search_of(&report, false, 99);
	search.branches = NULL;
	search.takes = NULL;
	assert_true(ARCH->search(ARCH, SEARCHED, size, ADDR, &search));
	assert_string_equal(report.text, "e0 0; e2 1; e4 2; e16 0");
	search = search_of(&report, false, 4);
	search.branches = NULL;
	search.takes = NULL;
	assert_false(ARCH->search(ARCH, SEARCHED, size, ADDR, &search));
	/* Go takes addresses by LEA alone. */
	search = search_of(&report, true, 99);
	assert_true(ARCH->search(ARCH, SEARCHED, size, ADDR, &search));
	assert_string_equal(report.text, "e0 0; e2 1; e4 2; e16 0; b6 40100b; bb 401000; "
	                    "b10 401017; t19 401020; t1f 401027");
	/* The receiver may have had enough. */
	for (size_t most = 1; most <= 9; most++) {
		search = search_of(&report, true, most);
		assert_false(ARCH->search(ARCH, SEARCHED, size, ADDR, &search));
	}
	search = search_of(&report, true, 2);
	assert_false(ARCH->search(ARCH, SEARCHED, size, ADDR, &search));
	assert_string_equal(report.text, "e0 0; e2 1");
}

/* At every length: nothing is read beyond the end, nothing that is cut is reported. */
static void searches_what_is_cut(void **state)
{
	(void)state;
	struct report report;
	for (size_t size = 0; size < sizeof(SEARCHED); size++) {
		uint8_t cut[sizeof(SEARCHED)];
		uint8_t *end = cut + sizeof(cut) - size;
		memcpy(end, SEARCHED, size);
		struct g2s_search search = search_of(&report, false, 99);
		assert_true(ARCH->search(ARCH, end, size, ADDR, &search));
		assert_int_equal(strstr(report.text, "b6") != NULL, size >= 11);
		assert_int_equal(strstr(report.text, "bb") != NULL, size >= 16);
		assert_int_equal(strstr(report.text, "b10") != NULL, size >= 22);
		assert_int_equal(strstr(report.text, "e0") != NULL, size >= 2);
		search = search_of(&report, true, 99);
		assert_true(ARCH->search(ARCH, end, size, ADDR, &search));
		assert_int_equal(strstr(report.text, "t19") != NULL, size >= 31);
		assert_int_equal(strstr(report.text, "t1f") != NULL, size >= 37);
	}
}

/* Targets are told as distances from a base, as far as they are of interest. */
static void searches_for_targets(void **state)
{
	(void)state;
	const size_t size = sizeof(SEARCHED);
	struct report report;
	struct g2s_search search = search_of(&report, false, 99);
	search.base = ADDR + 0xb;
	search.span = 0xc;
	search.enters = NULL;
	assert_true(ARCH->search(ARCH, SEARCHED, size, ADDR, &search));
	assert_string_equal(report.text, "b6 0");
	search = search_of(&report, false, 99);
	search.base = ADDR + 0xb;
	search.span = 0xd;
	search.enters = NULL;
	assert_true(ARCH->search(ARCH, SEARCHED, size, ADDR, &search));
	assert_string_equal(report.text, "b6 0; b10 c");
	search = search_of(&report, false, 99);
	search.enters = NULL;
	search.aligned = (struct g2s_window){ADDR, ADDR + 0x17};
	search.align = 16;
	assert_true(ARCH->search(ARCH, SEARCHED, size, ADDR, &search));
	assert_string_equal(report.text, "bb 401000; b10 401017");
	search = search_of(&report, true, 99);
	search.branches = NULL;
	search.takes = NULL;
	search.enters = NULL;
	assert_true(ARCH->search(ARCH, SEARCHED, size, ADDR, &search));
	assert_string_equal(report.text, "");
}

static void searches_near(void **state)
{
	(void)state;
	/* je +4; jmp +2; nop; nop; loop -8; jrcxz to elsewhere */
	static const uint8_t code[] = {0x74, 0x04, 0xeb, 0x02, 0x90, 0x90,
	                               0xe2, 0xfe, 0xe3, 0x10};
	struct report report;
	struct g2s_sink sink = sink_of(&report, 99);
	struct g2s_window one = {ADDR + 6, ADDR + 7};
	assert_true(ARCH->search_near(code, sizeof(code), ADDR, one, &sink));
	assert_string_equal(report.text, "b0 401006; b2 401006; b6 401006");
	sink = sink_of(&report, 1);
	assert_false(ARCH->search_near(code, sizeof(code), ADDR, one, &sink));
	sink = sink_of(&report, 99);
	assert_true(ARCH->search_near(code, 1, ADDR, one, &sink));
	assert_string_equal(report.text, "");
	sink = sink_of(&report, 99);
	struct g2s_window wide = {ADDR + 7, ADDR + 0x1b};
	assert_true(ARCH->search_near(code, sizeof(code), ADDR, wide, &sink));
	assert_string_equal(report.text, "b8 40101a");
}

/* lea rax, [rip+0xff9]; mov dword [rip+0xfef], 5; mov edi, 0x402000; movabs rdi, 0x402000 */
static const uint8_t ADDRESSES[] = {
	0x48, 0x8d, 0x05, 0xf9, 0x0f, 0x00, 0x00, 0xc7, 0x05, 0xef, 0x0f,
	0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0xbf, 0x00, 0x20, 0x40, 0x00,
	0x48, 0xbf, 0x00, 0x20, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00,
};

static const struct g2s_window WINDOWS[] = {
	{0x300000, 0x300001}, {0x402000, 0x402001}, {0x500000, 0x500010}};

/* Searches the first size bytes of ADDRESSES for the first count windows. */
static bool search_sample(size_t size, enum g2s_operands operands, size_t count,
                          const struct g2s_sink *sink)
{
	return ARCH->search_addresses(ARCH, ADDRESSES, size, ADDR, operands, WINDOWS, count, sink);
}

static void searches_addresses(void **state)
{
	(void)state;
	const size_t count = COUNT(WINDOWS);
	const size_t size = sizeof(ADDRESSES);
	struct report report;
	struct g2s_sink sink = sink_of(&report, 99);
	assert_true(search_sample(size, G2S_OPERANDS_ALL, count, &sink));
	assert_string_equal(report.text, "a3 402000; a9 402000; a12 402000; a18 402000");
	sink = sink_of(&report, 99);
	assert_true(search_sample(size, G2S_OPERANDS_RELATIVE, count, &sink));
	assert_string_equal(report.text, "a3 402000; a9 402000");
	sink = sink_of(&report, 99);
	assert_true(search_sample(size, G2S_OPERANDS_TAKES, count, &sink));
	assert_string_equal(report.text, "a1 402000");
	sink = sink_of(&report, 1);
	assert_false(search_sample(size, G2S_OPERANDS_TAKES, count, &sink));
	sink = sink_of(&report, 2);
	assert_false(search_sample(size, G2S_OPERANDS_ALL, count, &sink));
	sink = sink_of(&report, 99);
	assert_true(search_sample(size, G2S_OPERANDS_ALL, 1, &sink));
	assert_true(search_sample(size, G2S_OPERANDS_ALL, 0, &sink));
	assert_true(search_sample(3, G2S_OPERANDS_ALL, count, &sink));
	assert_string_equal(report.text, "");
}

/* Branches are told as well, by the place where they begin, if they are wanted. */
static void searches_addresses_and_branches(void **state)
{
	(void)state;
	/* call; jmp; jz; lea, all to ADDR + 0x40; call to elsewhere */
	static const uint8_t code[] = {
		0xe8, 0x3b, 0x00, 0x00, 0x00, 0xe9, 0x36, 0x00, 0x00, 0x00, 0x0f, 0x84, 0x30, 0x00,
		0x00, 0x00, 0x8d, 0x05, 0x2a, 0x00, 0x00, 0x00, 0xe8, 0x3b, 0x00, 0x00, 0x00};
	static const struct g2s_window window = {ADDR + 0x40, ADDR + 0x41};
	struct report report;
	struct g2s_sink sink = sink_of(&report, 99);
	assert_true(ARCH->search_addresses(ARCH, code, sizeof(code), ADDR, G2S_OPERANDS_TAKES, &window, 1,
	                                   &sink));
	assert_string_equal(report.text, "b0 401040; b5 401040; ba 401040; a10 401040");
	for (size_t most = 1; most <= 4; most++) {
		sink = sink_of(&report, most);
		assert_false(ARCH->search_addresses(ARCH, code, sizeof(code), ADDR, G2S_OPERANDS_TAKES,
		                                    &window, 1, &sink));
	}
	sink = sink_of(&report, 99);
	sink.branch = NULL;
	assert_true(ARCH->search_addresses(ARCH, code, sizeof(code), ADDR, G2S_OPERANDS_TAKES, &window, 1,
	                                   &sink));
	assert_string_equal(report.text, "a10 401040");
	/* Every operand, those of branches among them. */
	sink = sink_of(&report, 99);
	assert_true(ARCH->search_addresses(ARCH, code, sizeof(code), ADDR, G2S_OPERANDS_RELATIVE,
	                                   &window, 1, &sink));
	assert_string_equal(report.text, "b0 401040; a1 401040; b5 401040; a6 401040; ba 401040; "
	                    "ac 401040; a12 401040");
}

/* Sums up everything a search reports. */
struct total {
	uint64_t count;
	uint64_t sum;
};

static bool add_up(struct total *total, uint64_t kind, uint64_t offset, uint64_t what)
{
	total->count++;
	/* In whatever order. */
	uint64_t item = (kind * 31 + offset) * 0xff51afd7ed558ccd ^ what * 0x9e3779b97f4a7c15;
	total->sum += (item ^ item >> 29) * 0x9e3779b97f4a7c15;
	return true;
}

static bool total_entry(void *user, uint64_t addr, unsigned entry)
{
	return add_up(user, 1, addr - ADDR, entry);
}

static bool total_branches(void *user, const struct g2s_branch *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		add_up(user, 2, items[i].from, items[i].to);
	}
	return true;
}

static bool total_takes(void *user, const struct g2s_branch *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		add_up(user, 4, items[i].from, items[i].to);
	}
	return true;
}

static bool total_address(void *user, size_t offset, uint64_t target)
{
	return add_up(user, 3, offset, target);
}

static uint64_t number_at(const uint8_t *hay, size_t size, size_t i)
{
	uint64_t number = 0;
	for (unsigned b = 0; b < 8 && i + b < size; b++) {
		number |= (uint64_t)hay[i + b] << (8 * b);
	}
	return number;
}

static uint64_t signed_at(const uint8_t *hay, size_t size, size_t i)
{
	return (uint64_t)(int64_t)(int32_t)(uint32_t)number_at(hay, size, i);
}

static void add_target(struct total *total, const struct g2s_search *search, uint64_t kind,
                       size_t i, uint64_t target)
{
	bool aligned = target >= search->aligned.start && target < search->aligned.end;
	if (target - search->base < search->span &&
	    !(aligned && target % search->align != 0)) {
		add_up(total, kind, i, (uint32_t)(target - search->base));
	}
}

/* One place after the other, as one would say it. */
static struct total plain_search(const uint8_t *hay, size_t size,
                                 const struct g2s_search *search)
{
	struct total total = {0, 0};
	for (size_t i = 0; i + 2 <= size; i++) {
		unsigned two = (unsigned)hay[i] << 8 | hay[i + 1];
		if (two == 0x0f05 || two == 0xcd80 || two == 0x0f34) {
			add_up(&total, 1, i, two == 0x0f05 ? 0 : two == 0xcd80 ? 1 : 2);
		}
		if ((hay[i] == 0xe8 || hay[i] == 0xe9) && i + 5 <= size) {
			add_target(&total, search, 2, i, ADDR + i + 5 + signed_at(hay, size, i + 1));
		}
		if ((two & 0xfff0) == 0x0f80 && i + 6 <= size) {
			add_target(&total, search, 2, i, ADDR + i + 6 + signed_at(hay, size, i + 2));
		}
		if ((two & 0xffc7) == 0x8d05 && i + 6 <= size && search->go) {
			add_target(&total, search, 4, i, ADDR + i + 6 + signed_at(hay, size, i + 2));
		}
	}
	return total;
}

/* Every length near a boundary of what is looked at together, and every place to begin. */
static void searches_as_plainly(void **state)
{
	(void)state;
	static uint8_t hay[HAY];
	size_t all = 0;
	for (uint32_t seed = 0; seed < 80; seed++) {
		fill_hay(hay, seed);
		const uint8_t *from = hay + seed % 40;
		size_t size = seed < 40 ? 4096 + 2 * (size_t)seed : HAY - 60 - seed;
		struct total found = {0, 0};
		struct g2s_search search = {
			.go = seed % 2 != 0,
			.base = seed % 3 == 0 ? 0 : ADDR - 0x10000,
			.span = seed % 3 == 1 ? 0x20000 : UINT32_MAX,
			.aligned = {seed % 7 == 0 ? 0 : ADDR, ADDR + (seed % 5) * 0x40000000},
			.align = UINT64_C(1) << seed % 6,
			.enters = total_entry,
			.branches = total_branches,
			.takes = total_takes,
			.user = &found,
		};
		assert_true(ARCH->search(ARCH, from, size, ADDR, &search));
		struct total wanted = plain_search(from, size, &search);
		assert_true(wanted.count > 0);
		assert_int_equal(found.count, wanted.count);
		assert_true(found.sum == wanted.sum);
		all += wanted.count;
	}
	assert_true(all > 10000);
}

static bool total_branch(void *user, size_t offset, uint64_t target)
{
	return add_up(user, 2, offset, target);
}

/* How long the opcode before a distance at i is: of a branch, or of a LEA; else 0. */
static size_t opcode_before(const uint8_t *hay, size_t i, bool lea)
{
	unsigned two = i >= 2 ? (unsigned)hay[i - 2] << 8 | hay[i - 1] : 0;
	if (lea) {
		return (two & 0xffc7) == 0x8d05 ? 2 : 0;
	}
	bool call = i >= 1 && (hay[i - 1] == 0xe8 || hay[i - 1] == 0xe9);
	return call ? 1 : (two & 0xfff0) == 0x0f80 ? 2 : 0;
}

static bool in_windows(uint64_t target, const struct g2s_window *windows, size_t count)
{
	for (size_t w = 0; w < count; w++) {
		if (target >= windows[w].start && target < windows[w].end) {
			return true;
		}
	}
	return false;
}

/*
 * Every address that 4 or 8 bytes of hay could stand for, and that lies in a window, is found, and
 * every branch to one.
 */
static void expect_addresses(const uint8_t *hay, size_t size, uint64_t addr,
                             enum g2s_operands operands, const struct g2s_window *windows,
                             size_t count)
{
	struct total found = {0, 0};
	struct total wanted = {0, 0};
	const struct g2s_sink sink = {total_branch, total_address, &found};
	for (size_t i = 0; i + 4 <= size; i++) {
		uint64_t field = signed_at(hay, size, i);
		uint64_t whole = i + 8 <= size ? number_at(hay, size, i) : field;
		const uint64_t targets[] = {
			addr + i + 4 + field, addr + i + 5 + field, addr + i + 6 + field,
			addr + i + 8 + field, field,
			/* The same number twice is one. */
			whole == field ? UINT64_C(1) << 63 : whole,
		};
		size_t known = operands == G2S_OPERANDS_ALL ? 6 : 4;
		if (operands == G2S_OPERANDS_TAKES) {
			known = opcode_before(hay, i, true) != 0;
		}
		for (size_t t = 0; t < known; t++) {
			if (in_windows(targets[t], windows, count)) {
				add_up(&wanted, 3, operands == G2S_OPERANDS_TAKES ? i - 2 : i,
				       targets[t]);
			}
		}
		if (opcode_before(hay, i, false) != 0 && in_windows(targets[0], windows, count)) {
			add_up(&wanted, 2, i - opcode_before(hay, i, false), targets[0]);
		}
	}
	assert_true(ARCH->search_addresses(ARCH, hay, size, addr, operands, windows, count, &sink));
	assert_true(wanted.count > 10 || operands == G2S_OPERANDS_TAKES);
	assert_int_equal(found.count, wanted.count);
	assert_true(found.sum == wanted.sum);
}

static void searches_addresses_as_plainly(void **state)
{
	(void)state;
	static uint8_t hay[HAY];
	/* In 31 bits, across 4 GiB, far above, and where numbers of 32 bits are negative. */
	static const uint64_t addrs[] = {0x50000000, 0xfffff000, UINT64_C(0x555555554000),
	                                 UINT64_C(0xffffffff80000000)};
	for (uint32_t i = 0; i < 4 * COUNT(addrs); i++) {
		uint64_t addr = addrs[i % COUNT(addrs)];
		struct g2s_window windows[10];
		fill_hay(hay, i);
		for (unsigned w = 0; w < COUNT(windows); w++) {
			uint64_t start = addr - 0x40000000 + (w + i) % 3 + (uint64_t)w * 0x10000000;
			windows[w] = (struct g2s_window){start, start + 0x1000000};
		}
		for (int operands = G2S_OPERANDS_ALL; operands <= G2S_OPERANDS_TAKES; operands++) {
			expect_addresses(hay, HAY, addr, operands, windows, COUNT(windows));
			expect_addresses(hay + i, HAY - 64, addr, operands, windows + i % 5,
			                 1 + i % 6);
		}
	}
}

/*
 * Narrow windows, which are searched for by the upper halves of distances: some near, some where
 * the distance changes its upper half in the midst of the code.
 */
static void searches_narrow_windows_as_plainly(void **state)
{
	(void)state;
	static uint8_t hay[HAY];
	for (uint32_t i = 0; i < 60; i++) {
		struct g2s_window windows[3];
		const uint64_t base = ADDR + (i % 2 != 0 ? 0x555555000000 : 0);
		fill_hay(hay, i);
		/* What is there to be found is put there: each third of a window's numbers differs. */
		for (unsigned w = 0; w < COUNT(windows); w++) {
			uint64_t start = base + 0xffe0 + (uint64_t)w * 0x123450 * (1 + i % 7) + i;
			windows[w] = (struct g2s_window){start, start + 1 + 40 * (i % 3)};
		}
		for (size_t at = 3; at + 16 < HAY; at += 13 + i % 5) {
			uint64_t target = windows[at % 3].start + at % (1 + 40 * (i % 3));
			uint32_t distance = (uint32_t)(target - (base + at + 4 + at % 2));
			memcpy(hay + at, &distance, sizeof(distance));
		}
		for (int operands = G2S_OPERANDS_ALL; operands <= G2S_OPERANDS_TAKES; operands++) {
			expect_addresses(hay, HAY, base, operands, windows, 1 + i % 3);
			expect_addresses(hay, HAY - 90 - i, base, operands, windows, 3);
		}
	}
}

enum {
	/* Blocks of 32 bytes that masks are made of at most; what they may read behind those. */
	BLOCKS = 12,
	BEHIND = 7,
	PAGE = 4096,
};

static void plain_opcodes(const uint8_t *code, size_t count, uint64_t addr, uint8_t mask,
                          struct x86_places *places)
{
	for (size_t i = 0; i < 32 * count; i++) {
		struct x86_places *to = &places[i / 32];
		unsigned two = (unsigned)code[i] << 8 | code[i + 1];
		bool call = code[i] == 0xe8 || code[i] == 0xe9;
		bool distance = call || (two & 0xfff0) == 0x0f80 || (two & 0xffc7) == 0x8d05;
		uint64_t target = addr + i + (call ? 5 + code[i + 1] : 6 + code[i + 2]);
		distance = distance && (target & mask) == 0;
		bool enters = two == 0x0f05 || two == 0x0f34 || two == 0xcd80;
		to->distances |= (uint32_t)distance << i % 32;
		to->enters |= (uint32_t)enters << i % 32;
	}
}

static void plain_numbers(const uint8_t *code, size_t count, uint32_t offset, bool absolute,
                          const struct x86_numbers *wanted, size_t wanted_count, uint32_t *masks)
{
	for (size_t i = 0; i < 32 * count; i++) {
		uint32_t d = (uint32_t)number_at(code, 32 * count + BEHIND, i);
		bool hit = false;
		for (size_t w = 0; w < wanted_count; w++) {
			uint32_t low = wanted[w].low;
			uint32_t span = wanted[w].span;
			hit = hit || d + offset + (uint32_t)i - low < span ||
			      (absolute && d - low < span);
		}
		masks[i / 32] |= (uint32_t)hit << i % 32;
	}
}

/* The masks of blocks as a list of those that have something. */
static size_t plain_blocks(const uint32_t *masks, size_t count, struct x86_block *blocks)
{
	size_t known = 0;
	for (size_t i = 0; i < count; i++) {
		if (masks[i] != 0) {
			blocks[known++] = (struct x86_block){(uint32_t)(32 * i), masks[i]};
		}
	}
	return known;
}

static void assert_blocks_equal(const struct x86_block *found, size_t found_count,
                                const uint32_t *masks, size_t count)
{
	struct x86_block wanted[BLOCKS + 1];
	size_t wanted_count = plain_blocks(masks, count, wanted);
	assert_int_equal(found_count, wanted_count);
	assert_memory_equal(found, wanted, wanted_count * sizeof(*wanted));
}

static void compare_enters(const struct x86_masks *version, const uint8_t *code, size_t count)
{
	struct x86_places places[BLOCKS + 1] = {{0}};
	struct x86_block found[BLOCKS + 1];
	uint32_t wanted[BLOCKS + 1] = {0};
	plain_opcodes(code, count, ADDR, 0, places);
	for (size_t i = 0; i < count; i++) {
		wanted[i] = places[i].enters;
	}
	assert_blocks_equal(found, version->enters(code, count, found), wanted, count);
}

/* Upper halves that are there, and one that mostly is not. */
static void compare_uppers(const struct x86_masks *version, const uint8_t *code, size_t count)
{
	uint16_t values[X86_UPPERS];
	for (size_t value_count = 0; value_count <= X86_UPPERS; value_count++) {
		struct x86_block found[BLOCKS + 1];
		uint32_t wanted[BLOCKS + 1] = {0};
		for (size_t v = 0; v < value_count; v++) {
			size_t at = v * 37 % (32 * count + 1);
			values[v] = v == 2 ? 0x1234 : (uint16_t)(code[at + 2] | code[at + 3] << 8);
		}
		for (size_t i = 0; i < 32 * count; i++) {
			uint16_t upper = (uint16_t)(code[i + 2] | code[i + 3] << 8);
			for (size_t v = 0; v < value_count; v++) {
				wanted[i / 32] |= (uint32_t)(upper == values[v]) << i % 32;
			}
		}
		assert_blocks_equal(found,
		                    version->uppers(code, count, values, value_count, found),
		                    wanted, count);
	}
}

/* One place, by one version, and nothing is written behind the masks. */
static void compare_opcodes(const struct x86_masks *version, const uint8_t *code, size_t count,
                            uint64_t addr, uint8_t mask)
{
	struct x86_places found[BLOCKS + 1];
	struct x86_places wanted[BLOCKS + 1];
	memset(found, 0xa5, sizeof(found));
	memset(wanted, 0xa5, sizeof(wanted));
	memset(wanted, 0, count * sizeof(*wanted));
	version->opcodes(code, count, addr, mask, found);
	plain_opcodes(code, count, addr, mask, wanted);
	assert_memory_equal(found, wanted, sizeof(found));
	uint16_t list[32 * BLOCKS + 4];
	size_t listed = version->list(found, count, list);
	size_t next = 0;
	for (size_t i = 0; i < 32 * count; i++) {
		if ((wanted[i / 32].distances >> i % 32 & 1) != 0) {
			assert_true(next < listed);
			assert_int_equal(list[next++], i);
		}
	}
	assert_int_equal(next, listed);
}

/* Answers how many bits the masks have. */
static unsigned compare_numbers(const struct x86_masks *version, const uint8_t *code, size_t count)
{
	static const uint32_t spans[] = {1, 2, 5, 4096, 0x7fffffff, 0x80000000, 0x80000001,
	                                 0xfffffffe, UINT32_MAX};
	unsigned bits = 0;
	for (size_t s = 0; s < 2 * COUNT(spans) * (X86_CLUSTERS + 1); s++) {
		bool absolute = s % 2 != 0;
		uint32_t offset = (uint32_t)ADDR + 0x55555555 * (uint32_t)s;
		struct x86_numbers numbers[X86_CLUSTERS];
		size_t number_count = s / 2 % (X86_CLUSTERS + 1);
		for (size_t w = 0; w < number_count; w++) {
			/* What stands there is first, or last, or just beside the window. */
			size_t at = (s * 37 + w * 101) % (32 * count + 1);
			uint32_t span = spans[(s + w * (s % 3)) / 2 % COUNT(spans)];
			uint32_t number = (uint32_t)number_at(code, 32 * count + BEHIND, at) +
			                  (absolute ? 0 : offset + (uint32_t)at);
			const uint32_t lows[] = {number, number - span + 1, number + 1, number - span};
			numbers[w] = (struct x86_numbers){lows[(s / 4 + w) % COUNT(lows)], span};
		}
		struct x86_block found[BLOCKS + 1];
		uint32_t wanted[BLOCKS + 1] = {0};
		plain_numbers(code, count, offset, absolute, numbers, number_count, wanted);
		assert_blocks_equal(found,
		                    version->numbers(code, count, offset, absolute, numbers,
		                                     number_count, found),
		                    wanted, count);
		bits += (unsigned)__builtin_popcount(wanted[count / 2]);
	}
	return bits;
}

/*
 * The versions for one processor and for all answer as one would say it, at every alignment and
 * length, in bytes of all kinds and in dense ones, and read no more than they may.
 */
static void has_equal_masks(void **state)
{
	(void)state;
	const struct x86_masks *versions[] = {&x86_masks_sse2, &x86_masks_avx2};
	size_t count = x86_masks() == &x86_masks_avx2 ? 2 : 1;
	static uint8_t hay[HAY];
	uint8_t *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                      -1, 0);
	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(pages + PAGE, PAGE, PROT_NONE), 0);
	uint32_t seed = 1;
	for (size_t blocks = 0; blocks <= BLOCKS; blocks++) {
		for (size_t align = 0; align < 64; align++) {
			size_t size = 32 * blocks + BEHIND;
			fill_hay(hay, seed);
			for (size_t i = 0; i < size && align % 2 != 0; i++) {
				seed = seed * 1664525 + 1013904223;
				hay[i] = (uint8_t)(seed >> 24);
			}
			seed++;
			/* At the end of what can be read, and in the middle. */
			uint8_t *code = pages + PAGE - size - (align < 32 ? 0 : align);
			memcpy(code, hay, size);
			for (size_t v = 0; v < count; v++) {
				compare_opcodes(versions[v], code, blocks, ADDR + seed,
				                (uint8_t)((1u << seed / 2 % 6) - 1));
				compare_enters(versions[v], code, blocks);
				compare_uppers(versions[v], code, blocks);
				unsigned bits = compare_numbers(versions[v], code, blocks);
				assert_true(blocks == 0 || bits > 100);
			}
		}
	}
	assert_int_equal(munmap(pages, 2 * PAGE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(searches_entries_and_branches),
		cmocka_unit_test(searches_what_is_cut),
		cmocka_unit_test(searches_for_targets),
		cmocka_unit_test(searches_near),
		cmocka_unit_test(searches_addresses),
		cmocka_unit_test(searches_addresses_and_branches),
		cmocka_unit_test(searches_as_plainly),
		cmocka_unit_test(searches_addresses_as_plainly),
		cmocka_unit_test(searches_narrow_windows_as_plainly),
		cmocka_unit_test(has_equal_masks),
	};
	return cmocka_run_group_tests_name("x86 searches", tests, NULL, NULL);
}
