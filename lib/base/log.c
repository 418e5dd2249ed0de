#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/fd.h"
#include "base/log.h"

/* Longest value of a field as it stands in the line; longer ones are cut. */
#define VALUE_MAX 1024

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[LK_LOG_ERROR] = { "error", LOG_ERR },
	[LK_LOG_WARN] = { "warn", LOG_WARNING },
	[LK_LOG_INFO] = { "info", LOG_INFO },
	[LK_LOG_DEBUG] = { "debug", LOG_DEBUG },
};

/* A level that is none is as urgent as can be. */
static enum lk_log_level
level_within(enum lk_log_level level)
{
	return ((unsigned int)level > LK_LOG_DEBUG ? LK_LOG_ERROR : level);
}

const char *
lk_log_level_name(enum lk_log_level level)
{
	return (levels[level_within(level)].name);
}

/* ---- Escaping ---------------------------------------------------------- */

/* Append ${text} in quotes, cut after VALUE_MAX bytes. */
static void
add_quoted(enum lk_log_format format, const char *text, struct lk_buf *out)
{
	const enum lk_escape how = format == LK_LOG_JSON
	    ? LK_ESCAPE_JSON
	    : LK_ESCAPE_QUOTED;
	char shown[LK_ESCAPE_SIZE];
	size_t start, left = strlen(text), n;

	lk_buf_str(out, "\"");
	start = out->len;
	for (; left > 0 && !out->failed; text += n, left -= n) {
		if (out->len - start > VALUE_MAX - (LK_ESCAPE_SIZE - 1)) {
			lk_buf_str(out, "...");
			break;
		}
		n = lk_escape_next(how, text, left, shown);
		lk_buf_str(out, shown);
	}
	lk_buf_str(out, "\"");
}

/* Whether a logfmt value can stand without quotes. */
static bool
is_bare(const char *text)
{
	const char *p;

	for (p = text; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~' || strchr("\"\\=", *p) != NULL)
			return (false);
	}
	return (p != text && p - text <= VALUE_MAX);
}

/* ---- Lines ------------------------------------------------------------- */

/* A field with all that stands between it and the one before. */
static void
format_field(enum lk_log_format format, const char *name, const char *value,
    struct lk_buf *field)
{
	lk_buf_reset(field);
	if (format == LK_LOG_JSON) {
		lk_buf_str(field, ",");
		add_quoted(format, name, field);
		lk_buf_str(field, ":");
		add_quoted(format, value, field);
		return;
	}
	lk_buf_printf(field, " %s=", name);
	if (is_bare(value))
		lk_buf_str(field, value);
	else
		add_quoted(format, value, field);
}

/*
 * Append the field if it leaves room for the end of the line, so that a
 * line that has too much to say is still a whole one.
 */
static void
add_field(enum lk_log_format format, const char *name, const char *value,
    struct lk_buf *field, struct lk_buf *line)
{
	size_t end = format == LK_LOG_JSON ? 1 : 0;

	if (value == NULL)
		return;
	format_field(format, name, value, field);
	if (field->failed || line->max - line->len < field->len + end)
		return;
	lk_buf_add(line, field->data, field->len);
}

void
lk_log_format_line(enum lk_log_format format, enum lk_log_level level,
    const char *message, const struct lk_log_field *fields, size_t count,
    struct lk_buf *line)
{
	struct lk_buf field = LK_BUF_INIT(2 * VALUE_MAX + 64);
	size_t i;

	lk_buf_printf(line,
	    format == LK_LOG_JSON ? "{\"level\":\"%s\"" : "level=%s",
	    lk_log_level_name(level));
	add_field(format, "msg", message, &field, line);
	for (i = 0; i < count; i++)
		add_field(format, fields[i].name, fields[i].value, &field,
		    line);
	if (format == LK_LOG_JSON)
		lk_buf_str(line, "}");
	lk_buf_free(&field);
}

void
lk_log_event(const struct lk_log *log, enum lk_log_level level,
    const char *message, const struct lk_log_field *fields, size_t count)
{
	struct lk_buf line = LK_BUF_INIT(LK_LOG_LINE_MAX);

	if (log == NULL || log->sink == NULL || level > log->level)
		return;
	lk_log_format_line(log->format, level, message, fields, count, &line);
	if (!line.failed)
		log->sink(log->arg, level, line.data);
	lk_buf_free(&line);
}

/* ---- Sinks ------------------------------------------------------------- */

void
lk_log_stderr(void *arg, enum lk_log_level level, const char *line)
{
	char text[LK_LOG_LINE_MAX + 1];
	size_t len = strnlen(line, LK_LOG_LINE_MAX);
	ssize_t written;

	(void)arg;
	(void)level;
	memcpy(text, line, len);
	text[len++] = '\n';
	do {
		written = write(STDERR_FILENO, text, len);
	} while (written == -1 && errno == EINTR);
}

void
lk_log_syslog(void *arg, enum lk_log_level level, const char *line)
{
	struct lk_fd_hold hold = { { false } };

	(void)arg;
	/* The C library keeps its connection. */
	lk_fd_hold(&hold);
	syslog(levels[level_within(level)].priority, "%s", line);
	lk_fd_release(&hold);
}
