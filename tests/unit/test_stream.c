/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "g2s/stream.h"
#include "g2s/version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER "#g2s-sites\t1\t0.1.0\n"
#define BINARY "#binary\tapp\tx86_64\tgo1.22.12\tid/x\n"
#define ROW "app\tx86_64\t0x401000\tcall\t39\timm\tmain.main\tmain.go:3\n"
#define UNKNOWN "app\tx86_64\t0x401010\tsyscall\t?\tindirect\tmain.run\tmain.go:9\n"
#define NEEDS "#needs\tapp\tlibc.so.6\n"
#define UNREAD "#unread\tlib/x\tcannot open: a\\tb\n"
#define WHOLE HEADER BINARY NEEDS ROW UNKNOWN UNREAD "#end\t2\t3\n"

#define TEXT(literal) (literal), (sizeof(literal) - 1)

/* What a reader handed out, written down again. */
struct heard {
	FILE *out;
	char *text;
	size_t size;
	/* Which call answers G2S_ERR_MEMORY; 0: none. */
	int fail_at;
	int calls;
};

static enum g2s_code answer(struct heard *heard, struct g2s_error *err)
{
	heard->calls++;
	return heard->calls != heard->fail_at ? G2S_OK :
	       g2s_fail(err, G2S_ERR_MEMORY, 0, "handler");
}

static const char *or_null(const char *text)
{
	return text == NULL ? "NULL" : text;
}

static enum g2s_code hear_binary(void *user, const struct g2s_binary *binary,
                                 struct g2s_error *err)
{
	struct heard *heard = user;
	fprintf(heard->out, "binary(%s,%s,%s,%s)", binary->path, binary->arch,
	        or_null(binary->go_version), or_null(binary->build_id));
	return answer(heard, err);
}

static enum g2s_code hear_needs(void *user, const char *path, const char *library,
                                struct g2s_error *err)
{
	struct heard *heard = user;
	fprintf(heard->out, "needs(%s,%s)", path, library);
	return answer(heard, err);
}

static enum g2s_code hear_unread(void *user, const char *path, const char *why,
                                 struct g2s_error *err)
{
	struct heard *heard = user;
	fprintf(heard->out, "unread(%s,%s)", path, why);
	return answer(heard, err);
}

static enum g2s_code hear_row(void *user, const struct g2s_row *row, struct g2s_error *err)
{
	struct heard *heard = user;
	fprintf(heard->out, "row(%s,%s,%llx,%s,%lld,%s,%s,%s,%s,%s)", row->binary, row->arch,
	        (unsigned long long)row->address, row->via, (long long)row->number, row->how,
	        row->function, row->source, or_null(row->syscall), or_null(row->more));
	return answer(heard, err);
}

/* Reads text; *err and *heard tell of it.  heard->text is to be freed. */
static enum g2s_code hear(const char *text, size_t size, bool partial, struct heard *heard,
                          struct g2s_error *err)
{
	const struct g2s_stream_handler handler = {
		.binary = hear_binary,
		.needs = hear_needs,
		.unread = hear_unread,
		.row = hear_row,
		.user = heard,
	};
	FILE *in = unit_open(text, size);
	heard->out = open_memstream(&heard->text, &heard->size);
	assert_non_null(heard->out);
	enum g2s_code code = g2s_stream_read(in, partial, &handler, err);
	fclose(heard->out);
	fclose(in);
	return code;
}

static void expect_heard(const char *text, size_t size, bool partial, const char *wanted)
{
	struct heard heard = {0};
	struct g2s_error err = {0};
	enum g2s_code code = hear(text, size, partial, &heard, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(code, G2S_OK);
	assert_string_equal(heard.text, wanted);
	free(heard.text);
}

static void expect_refused(const char *text, size_t size, bool partial, uint64_t line,
                           const char *words)
{
	struct heard heard = {0};
	struct g2s_error err = {0};
	enum g2s_code code = hear(text, size, partial, &heard, &err);
	free(heard.text);
	if (code != G2S_ERR_FORMAT || strstr(err.text, words) == NULL || err.offset != line) {
		print_error("input: %.*s\n", (int)size, text);
	}
	assert_int_equal(code, G2S_ERR_FORMAT);
	assert_non_null(strstr(err.text, words));
	assert_int_equal(err.offset, line);
}

/*
 * --- writing
 * -----------------------------------------------------------------------------------
 */

static void writes_the_format(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct g2s_stream_writer writer;
	g2s_stream_begin(&writer, out);
	g2s_stream_binary(&writer, &(struct g2s_binary){.path = "a\tb", .arch = "x86_64"});
	g2s_stream_binary(&writer, &(struct g2s_binary){"app", "x86", "go1.9", "id"});
	g2s_stream_needs(&writer, "app", "libc.so.6");
	g2s_stream_unread(&writer, "#b\n", "not an ELF file");
	g2s_stream_unread(&writer, "", "is \\x01");
	struct g2s_row row = {
		"#app", "x86_64", 0xffffffff80401000, "call", 39, "imm", "main.\x1bm", "a\\b.go:3",
		NULL, NULL,
	};
	g2s_stream_row(&writer, &row);
	row = (struct g2s_row){
		"#", "x86_64", 0, "syscall", G2S_NUMBER_UNKNOWN, "memory", "", NULL, "?", NULL,
	};
	g2s_stream_row(&writer, &row);
	row = (struct g2s_row){
		"app", "x86_64", 1, "syscall", 0, "imm", "-", "-", NULL, "chain a\tand\\tb",
	};
	g2s_stream_row(&writer, &row);
	g2s_stream_end(&writer);
	fclose(out);
	assert_string_equal(text,
		"#g2s-sites\t1\t" G2S_VERSION "\n"
		"#binary\ta\\tb\tx86_64\t-\t-\n"
		"#binary\tapp\tx86\tgo1.9\tid\n"
		"#needs\tapp\tlibc.so.6\n"
		"#unread\t#b\\n\tnot an ELF file\n"
		"#unread\t-\tis \\\\x01\n"
		"\\x23app\tx86_64\t0xffffffff80401000\tcall\t39\timm\tmain.\\x1bm\ta\\\\b.go:3\n"
		"\\x23\tx86_64\t0x0\tsyscall\t?\tmemory\t-\t-\t?\n"
		"app\tx86_64\t0x1\tsyscall\t0\timm\t-\t-\t-\tchain a\tand\\tb\n"
		"#end\t3\t4\n");
	/* And its reader hands out what was put in. */
	expect_heard(text, size, false,
		"binary(a\tb,x86_64,NULL,NULL)binary(app,x86,go1.9,id)needs(app,libc.so.6)"
		"unread(#b\n,not an ELF file)unread(-,is \\x01)"
		"row(#app,x86_64,ffffffff80401000,call,39,imm,main.\x1bm,a\\b.go:3,NULL,NULL)"
		"row(#,x86_64,0,syscall,-1,memory,-,-,?,NULL)"
		"row(app,x86_64,1,syscall,0,imm,-,-,NULL,chain a\tand\\tb)");
	free(text);
}

/* A name of a megabyte, each byte of it escaped, stays within what a reader takes. */
static void cuts_long_fields(void **state)
{
	(void)state;
	enum { LENGTH = 1000000 };
	char *name = malloc(LENGTH + 1);
	memset(name, '\x01', LENGTH);
	name[LENGTH] = '\0';
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct g2s_stream_writer writer;
	g2s_stream_begin(&writer, out);
	const struct g2s_row row = {
		"app", "x86_64", 1, "call", 1, "imm", name, name, NULL, NULL,
	};
	g2s_stream_row(&writer, &row);
	g2s_stream_end(&writer);
	fclose(out);
	assert_true(size < 2 * (G2S_STREAM_FIELD_MAX + 1) + 200);
	assert_non_null(strstr(text, "\\x01...\t"));
	struct heard heard = {0};
	struct g2s_error err = {0};
	assert_int_equal(hear(text, size, false, &heard, &err), G2S_OK);
	assert_int_equal(heard.calls, 1);
	free(heard.text);
	free(text);
	free(name);
}

/*
 * --- reading
 * -----------------------------------------------------------------------------------
 */

#define HEARD_BINARY "binary(app,x86_64,go1.22.12,id/x)"
#define HEARD_ROW "row(app,x86_64,401000,call,39,imm,main.main,main.go:3,NULL,NULL)"
#define HEARD_UNREAD "unread(lib/x,cannot open: a\tb)"
#define HEARD_UNKNOWN "row(app,x86_64,401010,syscall,-1,indirect,main.run,main.go:9,NULL,NULL)"

static void reads_whole_streams(void **state)
{
	(void)state;
	expect_heard(TEXT(WHOLE), false,
	             HEARD_BINARY "needs(app,libc.so.6)" HEARD_ROW HEARD_UNKNOWN
	             HEARD_UNREAD);
	expect_heard(TEXT(HEADER "#end\t0\t0\n"), false, "");
	expect_heard(TEXT(WHOLE HEADER ROW "#end\t1\t0\n"), false,
	             HEARD_BINARY "needs(app,libc.so.6)" HEARD_ROW HEARD_UNKNOWN
	             HEARD_UNREAD HEARD_ROW);
}

static void reads_further_columns(void **state)
{
	(void)state;
	static const char row[] = "app\tarm\t0xF\tsvc\t1\timm\tf\ts";
	static const struct {
		const char *more;
		const char *heard;
	} cases[] = {
		{"", "NULL,NULL"},
		{"\twrite", "write,NULL"},
		{"\t-", "NULL,NULL"},
		{"\t#1", "#1,NULL"},
		{"\t-\tmain.main > f", "NULL,main.main > f"},
		{"\twrite\ta\\tb\tc", "write,a\\tb\tc"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[256];
		char wanted[256];
		int size = snprintf(text, sizeof(text), HEADER "%s%s\n#end\t1\t0\n", row,
		                    cases[i].more);
		snprintf(wanted, sizeof(wanted), "row(app,arm,f,svc,1,imm,f,s,%s)", cases[i].heard);
		expect_heard(text, (size_t)size, false, wanted);
	}
}

static void wants_the_whole(void **state)
{
	(void)state;
	expect_refused(TEXT(""), false, 1, "empty input");
	expect_refused(TEXT("\n"), false, 1, "not a g2s stream");
	expect_refused(TEXT("\x7f""ELF\x02\x01"), false, 1, "not a g2s stream");
	expect_refused(TEXT("{\n"), false, 1, "not a g2s stream");
	expect_refused(TEXT(ROW), false, 1, "not a g2s stream");
	expect_refused(TEXT(HEADER), false, 2, "without its #end");
	expect_refused(TEXT(HEADER ROW), false, 3, "without its #end");
	expect_refused(TEXT(HEADER ROW "#end\t1\t0"), false, 3, "no newline");
	expect_refused(TEXT(HEADER ROW "app\tx86_64"), false, 3, "no newline");
	expect_refused(TEXT(WHOLE ROW), false, 8, "after #end");
	expect_refused(TEXT(WHOLE "#end\t0\t0\n"), false, 8, "after #end");
	expect_refused(TEXT(WHOLE "\n"), false, 8, "after #end");
	expect_refused(TEXT(WHOLE HEADER), false, 9, "without its #end");
	expect_refused(TEXT(HEADER ROW HEADER ROW "#end\t1\t0\n"), false, 3, "before the #end");
}

/* Any prefix of a stream, at every byte, is refused. */
static void refuses_every_prefix(void **state)
{
	(void)state;
	static const char whole[] = WHOLE;
	for (size_t size = 0; size < strlen(whole); size++) {
		struct heard heard = {0};
		struct g2s_error err = {0};
		assert_int_equal(hear(whole, size, false, &heard, &err), G2S_ERR_FORMAT);
		assert_string_not_equal(err.text, "");
		free(heard.text);
	}
}

static void counts(void **state)
{
	(void)state;
	expect_refused(TEXT(HEADER ROW "#end\t2\t0\n"), false, 3, "#end says 2 rows");
	expect_refused(TEXT(HEADER ROW ROW "#end\t1\t0\n"), false, 4, "#end says 1 rows");
	expect_refused(TEXT(HEADER ROW "#end\t1\t1\n"), false, 3, "1 unresolved");
	expect_refused(TEXT(HEADER UNKNOWN "#end\t1\t0\n"), false, 3, "0 unresolved");
	expect_refused(TEXT(HEADER NEEDS "#end\t0\t0\n"), false, 3, "0 unresolved");
	expect_refused(TEXT(HEADER UNREAD "#end\t0\t0\n"), false, 3, "0 unresolved");
	expect_refused(TEXT(HEADER "#end\t0\n"), false, 2, "malformed #end");
	expect_refused(TEXT(HEADER "#end\t0\t0\t0\n"), false, 2, "malformed #end");
	expect_refused(TEXT(HEADER "#end\t00\t0\n"), false, 2, "malformed #end");
	expect_refused(TEXT(HEADER "#end\t-0\t0\n"), false, 2, "malformed #end");
	expect_refused(TEXT(HEADER "#end\t18446744073709551616\t0\n"), false, 2, "malformed #end");
}

static void knows_its_version(void **state)
{
	(void)state;
	expect_refused(TEXT("#g2s-sites\t2\t9.0\n#end\t0\t0\n"), false, 1,
	               "version 2 is not known here");
	expect_refused(TEXT("#g2s-sites\t0\t9.0\n#end\t0\t0\n"), false, 1, "version 0");
	expect_refused(TEXT("#g2s-sites\t2\t9.0\tnew\n"), false, 1, "version 2");
	expect_refused(TEXT("#g2s-sites\tone\t9.0\n"), false, 1, "malformed #g2s-sites");
	expect_refused(TEXT("#g2s-sites\t1\n"), false, 1, "malformed #g2s-sites");
	expect_refused(TEXT("#g2s-sites\t1\t1\t1\n"), false, 1, "malformed #g2s-sites");
	expect_refused(TEXT("#g2s-sites 1 0.1.0\n"), false, 1, "not a g2s stream");
	expect_refused(TEXT("#g2s-sites\t2\t9.0\n"), true, 1, "version 2");
}

/* A line inside a stream that is not what it should be, and what is said of it. */
static void refuses_bad_lines(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		size_t size;
		const char *words;
	} cases[] = {
		{TEXT(""), "empty"},
		{TEXT("app"), "8 fields"},
		{TEXT("a\tx86_64\t0x1\tcall\t1\timm\tf"), "8 fields and this one has 7"},
		{TEXT("\tx86_64\t0x1\tcall\t1\timm\tf\ts"), "field 1 is empty"},
		{TEXT("a\tx86_64\t0x1\tcall\t1\timm\tf\t"), "field 8 is empty"},
		{TEXT("a\tx86_64\t0x1\tcall\t1\timm\tf\ts\t"), "field 9 is empty"},
		{TEXT("a\tx86_64\t0x1\tcall\t1\timm\tf\ts\twrite\t"), "after the ninth"},
		{TEXT("a\tx86_64\t0x1\tcall\t1\timm\tf\ts\twrite\tx\\q"), "after the ninth"},
		{TEXT("a\tx86_64\t0x1\tcall\t1\timm\tf\ts\twrite\tx\t\ty"), "after the ninth"},
		{TEXT("a\tX86\t0x1\tcall\t1\timm\tf\ts"), "words"},
		{TEXT("a\tx86_64\t0x1\tca ll\t1\timm\tf\ts"), "words"},
		{TEXT("a\tx86_64\t0x1\tcall\t1\tim\\x1bm\tf\ts"), "words"},
		{TEXT("a\tx86_64\t401000\tcall\t1\timm\tf\ts"), "bad address"},
		{TEXT("a\tx86_64\t0x\tcall\t1\timm\tf\ts"), "bad address"},
		{TEXT("a\tx86_64\t0x1g\tcall\t1\timm\tf\ts"), "bad address"},
		{TEXT("a\tx86_64\t0x-1\tcall\t1\timm\tf\ts"), "bad address"},
		{TEXT("a\tx86_64\t0x11111111111111111\tcall\t1\timm\tf\ts"), "bad address"},
		{TEXT("a\tx86_64\t0x1\tcall\t-1\timm\tf\ts"), "bad number"},
		{TEXT("a\tx86_64\t0x1\tcall\t01\timm\tf\ts"), "bad number"},
		{TEXT("a\tx86_64\t0x1\tcall\t0x1\timm\tf\ts"), "bad number"},
		{TEXT("a\tx86_64\t0x1\tcall\t 1\timm\tf\ts"), "bad number"},
		{TEXT("a\tx86_64\t0x1\tcall\t9223372036854775808\timm\tf\ts"), "bad number"},
		{TEXT("a\tx86_64\t0x1\tcall\t??\timm\tf\ts"), "bad number"},
		{TEXT("a\tx86_64\t0x1\tcall\t1\timm\tf\ts\t?"), "no system call for number 1"},
		{TEXT("a\tx86_64\t0x1\tcall\t?\timm\tf\ts\twrite"), "no system call for number ?"},
		{TEXT("a\tx86_64\t0x1\tcall\t1\timm\tf\ts\t#2"), "no system call for number 1"},
		{TEXT("a\tx86_64\t0x1\tcall\t1\timm\tf\ts\tWrite"), "no system call for number 1"},
		{TEXT("a\\q\tx86_64\t0x1\tcall\t1\timm\tf\ts"), "field 1 has a bad escape"},
		{TEXT("a\\x00b\tx86_64\t0x1\tcall\t1\timm\tf\ts"), "field 1 has a bad escape"},
		{TEXT("a\tx86_64\t0x1\tcall\t1\timm\tf\xff\ts"), "field 7"},
		{TEXT("a\tx86_64\t0x1\tcall\t1\timm\tf\x1b\ts"), "field 7"},
		{TEXT("a\tx86_64\t0x1\tcall\t1\timm\tf\ts\r"), "field 8"},
		{TEXT("a\tx86_64\t0x1\tcall\t1\timm\tf\0\ts"), "field 7"},
		{TEXT("#binary\ta\tx86_64\t-"), "malformed #binary"},
		{TEXT("#binary\ta\tx86_64\t-\t-\t-"), "malformed #binary"},
		{TEXT("#binary\ta\tX\t-\t-"), "malformed #binary"},
		{TEXT("#binary\ta\tx86_64\t-\t"), "field 5 is empty"},
		{TEXT("#needs\ta"), "malformed #needs"},
		{TEXT("#needs\ta\tb\tc"), "malformed #needs"},
		{TEXT("#unread\ta"), "malformed #unread"},
		{TEXT("#unread\ta\tb\tc"), "malformed #unread"},
		{TEXT("#unread\ta\t"), "field 3 is empty"},
		{TEXT("#"), "unknown keyword"},
		{TEXT("#note\tx"), "unknown keyword \"#note\""},
		{TEXT("#binary a x86_64 - -"), "unknown keyword"},
		{TEXT("#en\\x64\t0\t0"), "unknown keyword"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[256];
		size_t size = strlen(HEADER);
		memcpy(text, HEADER, size);
		memcpy(text + size, cases[i].line, cases[i].size);
		size += cases[i].size;
		text[size++] = '\n';
		memcpy(text + size, TEXT("#end\t1\t0\n"));
		size += strlen("#end\t1\t0\n");
		expect_refused(text, size, false, 2, cases[i].words);
		/* --partial forgives what is missing, not what is malformed. */
		expect_refused(text, size, true, 2, cases[i].words);
	}
}

/* What is said of hostile input is itself harmless. */
static void says_it_safely(void **state)
{
	(void)state;
	struct heard heard = {0};
	struct g2s_error err = {0};
	static const char text[] = HEADER "#\\x1b[2J\\xff\t0\n";
	assert_int_equal(hear(text, strlen(text), false, &heard, &err), G2S_ERR_FORMAT);
	assert_string_equal(err.text, "unknown keyword \"#\\x1b[2J\\xff\"");
	free(heard.text);
}

static void partial_accepts_what_was_cut(void **state)
{
	(void)state;
	expect_heard(TEXT(""), true, "");
	expect_heard(TEXT(ROW), true, HEARD_ROW);
	expect_heard(TEXT(HEADER ROW), true, HEARD_ROW);
	expect_heard(TEXT(ROW "#end\t7\t0\n"), true, HEARD_ROW);
	expect_heard(TEXT(HEADER ROW HEADER ROW), true, HEARD_ROW HEARD_ROW);
	expect_heard(TEXT(WHOLE ROW), true,
	             HEARD_BINARY "needs(app,libc.so.6)" HEARD_ROW HEARD_UNKNOWN
	             HEARD_UNREAD HEARD_ROW);
	/* Half a number is a number: a line without its end tells nothing. */
	expect_refused(TEXT("app\tx86_64\t0x1\tcall\t1\timm\tf\ts"), true, 1, "no newline");
}

static void bounds_lines(void **state)
{
	(void)state;
	/*
	 * A comment-like row whose ninth column makes it exactly as long as is allowed, and
	 * longer.
	 */
	static const char head[] = HEADER "a\tx86_64\t0x1\tcall\t1\timm\tf\ts\t-\t";
	size_t fixed = strlen(head) - strlen(HEADER);
	for (int over = 0; over < 2; over++) {
		size_t length = G2S_STREAM_LINE_MAX - fixed + (size_t)over;
		static const char tail[] = "\n#end\t1\t0\n";
		char *text = malloc(strlen(head) + length + strlen(tail) + 1);
		memcpy(text, head, strlen(head));
		memset(text + strlen(head), 'c', length);
		strcpy(text + strlen(head) + length, tail);
		if (over == 0) {
			struct heard heard = {0};
			struct g2s_error err = {0};
			assert_int_equal(hear(text, strlen(text), false, &heard, &err), G2S_OK);
			free(heard.text);
		} else {
			expect_refused(text, strlen(text), false, 2, "line longer than");
		}
		free(text);
	}
}

/* Streams longer than the reader's buffer, with lines across its every edge. */
static void reads_long_streams(void **state)
{
	(void)state;
	enum { ROWS = 20000 };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct g2s_stream_writer writer;
	g2s_stream_begin(&writer, out);
	char function[64];
	for (int i = 0; i < ROWS; i++) {
		snprintf(function, sizeof(function), "main.f%0*d", 1 + i % 50, i);
		const struct g2s_row row = {
			"app", "x86_64", (uint64_t)i, "call", i, "imm", function, "-", NULL, NULL,
		};
		g2s_stream_row(&writer, &row);
	}
	g2s_stream_end(&writer);
	fclose(out);
	assert_true(size > 1000000);
	struct heard heard = {0};
	struct g2s_error err = {0};
	assert_int_equal(hear(text, size, false, &heard, &err), G2S_OK);
	assert_int_equal(heard.calls, ROWS);
	assert_non_null(strstr(heard.text, "row(app,x86_64,4e1f,call,19999,imm,"));
	free(heard.text);
	free(text);
}

static void passes_a_handler_s_failure_on(void **state)
{
	(void)state;
	for (int call = 1; call <= 5; call++) {
		struct heard heard = {.fail_at = call};
		struct g2s_error err = {0};
		assert_int_equal(hear(TEXT(WHOLE), false, &heard, &err), G2S_ERR_MEMORY);
		assert_int_equal(heard.calls, call);
		assert_string_equal(err.text, "handler");
		free(heard.text);
	}
	/* None of them is needed. */
	const struct g2s_stream_handler nobody = {0};
	FILE *in = unit_open(TEXT(WHOLE));
	assert_int_equal(g2s_stream_read(in, false, &nobody, NULL), G2S_OK);
	fclose(in);
}

static void reports_read_errors(void **state)
{
	(void)state;
	FILE *in = fopen(".", "r");
	assert_non_null(in);
	const struct g2s_stream_handler nobody = {0};
	struct g2s_error err = {0};
	assert_int_equal(g2s_stream_read(in, false, &nobody, &err), G2S_ERR_READ);
	assert_non_null(strstr(err.text, strerror(EISDIR)));
	fclose(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_the_format),
		cmocka_unit_test(cuts_long_fields),
		cmocka_unit_test(reads_whole_streams),
		cmocka_unit_test(reads_further_columns),
		cmocka_unit_test(wants_the_whole),
		cmocka_unit_test(refuses_every_prefix),
		cmocka_unit_test(counts),
		cmocka_unit_test(knows_its_version),
		cmocka_unit_test(refuses_bad_lines),
		cmocka_unit_test(says_it_safely),
		cmocka_unit_test(partial_accepts_what_was_cut),
		cmocka_unit_test(bounds_lines),
		cmocka_unit_test(reads_long_streams),
		cmocka_unit_test(passes_a_handler_s_failure_on),
		cmocka_unit_test(reports_read_errors),
	};
	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
