/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include "g2s/text.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	/* Nanoseconds between two lines. */
	PAUSE = 100000000,
	/* What a terminal that does not say is taken for, and as much as is ever filled. */
	USUAL_COLUMNS = 80,
	MOST_COLUMNS = 500,
};

void progress_begin(struct progress *progress, const char *applet)
{
	*progress = (struct progress){.applet = applet, .on = isatty(STDERR_FILENO) == 1};
}

/* The columns that a line may fill: not the last one, where some terminals begin a new line. */
static size_t usable_columns(void)
{
	struct winsize size;
	size_t columns = USUAL_COLUMNS;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
		columns = size.ws_col < MOST_COLUMNS ? size.ws_col : MOST_COLUMNS;
	}
	return columns - 1;
}

/*
 * Columns that the character at text fills at most, and its bytes in *length.  Two for all that
 * is not ASCII: a line that is shorter than it could be does no harm, one that wraps does.
 */
static size_t columns_of(const char *text, size_t *length)
{
	*length = g2s_text_sequence(text, strlen(text));
	if (*length == 0) {
		*length = 1;
	}
	return *length == 1 ? 1 : 2;
}

static size_t width_of(const char *text)
{
	size_t width = 0;
	size_t length;
	for (; *text != '\0'; text += length) {
		width += columns_of(text, &length);
	}
	return width;
}

/* The end of text that fills no more than columns; *width is what it fills. */
static const char *last_part(const char *text, size_t columns, size_t *width)
{
	*width = width_of(text);
	while (*width > columns) {
		size_t length;
		*width -= columns_of(text, &length);
		text += length;
	}
	return text;
}

/* True when it is too early for another line. */
static bool too_early(struct progress *progress)
{
	struct timespec now;
	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
		return true;
	}
	long long passed = (long long)(now.tv_sec - progress->last.tv_sec) * 1000000000 +
	                   (now.tv_nsec - progress->last.tv_nsec);
	bool first = progress->last.tv_sec == 0 && progress->last.tv_nsec == 0;
	if (!first && passed < PAUSE) {
		return true;
	}
	progress->last = now;
	return false;
}

void progress_show(struct progress *progress, size_t done, size_t total, const char *path)
{
	if (!progress->on || too_early(progress)) {
		return;
	}
	char head[100];
	if (total != 0) {
		snprintf(head, sizeof(head), "g2s-%s: %zu/%zu ", progress->applet, done, total);
	} else {
		snprintf(head, sizeof(head), "g2s-%s: %zu found, ", progress->applet, done);
	}
	size_t columns = usable_columns();
	size_t head_width = strlen(head);
	if (head_width > columns) {
		head[columns] = '\0';
		head_width = columns;
	}
	char shown[4 * PATH_MAX];
	g2s_text_escape(shown, sizeof(shown), path, strlen(path), G2S_TEXT_MESSAGE);
	size_t tail_width;
	const char *tail = last_part(shown, columns - head_width, &tail_width);
	size_t width = head_width + tail_width;
	size_t rest = progress->width > width ? progress->width - width : 0;
	char line[4 * MOST_COLUMNS + sizeof(head)];
	int size = snprintf(line, sizeof(line), "\r%s%s%*s", head, tail, (int)rest, "");
	/* Nobody is left to be told when this fails; and it is one write, as messages are. */
	fwrite(line, 1, (size_t)size, stderr);
	progress->width = width;
}

void progress_clear(struct progress *progress)
{
	if (progress->width != 0) {
		char line[MOST_COLUMNS + 3];
		int size = snprintf(line, sizeof(line), "\r%*s\r", (int)progress->width, "");
		fwrite(line, 1, (size_t)size, stderr);
		progress->width = 0;
	}
}
