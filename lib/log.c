#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"

/* Longest value of a field as it stands in the line; longer ones are cut. */
#define VALUE_MAX 1024
/* Longest escape of one character: `\u2028`, `\ufffd`. */
#define ESCAPE_MAX 6

static const char *const level_names[] = {
	[LK_LOG_ERROR] = "error",
	[LK_LOG_WARN] = "warn",
	[LK_LOG_INFO] = "info",
	[LK_LOG_DEBUG] = "debug",
};

static const int level_priorities[] = {
	[LK_LOG_ERROR] = LOG_ERR,
	[LK_LOG_WARN] = LOG_WARNING,
	[LK_LOG_INFO] = LOG_INFO,
	[LK_LOG_DEBUG] = LOG_DEBUG,
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
	return (level_names[level_within(level)]);
}

/* ---- Escaping ---------------------------------------------------------- */

/* The bytes of the sequence that ${lead} begins, or 0 if it begins none. */
static size_t
utf8_length(unsigned char lead)
{
	if (lead < 0x80)
		return (1);
	if (lead >= 0xc2 && lead <= 0xdf)
		return (2);
	if (lead >= 0xe0 && lead <= 0xef)
		return (3);
	if (lead >= 0xf0 && lead <= 0xf4)
		return (4);
	return (0);
}

/*
 * Decode one character of the NUL-terminated ${text}; returns its bytes, or
 * 0 if they are not UTF-8 (RFC 3629).
 */
static size_t
utf8_decode(const char *text, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t i, len = utf8_length((unsigned char)text[0]);

	if (len <= 1) {
		*code = (unsigned char)text[0];
		return (len);
	}
	*code = (unsigned char)text[0] & (0x7fU >> len);
	for (i = 1; i < len; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return (0);
		*code = *code << 6 | ((unsigned char)text[i] & 0x3f);
	}
	if (*code < least[len] || *code > 0x10ffff ||
	    (*code >= 0xd800 && *code <= 0xdfff))
		return (0);
	return (len);
}

/* Controls, and what makes a terminal reorder or break a line. */
static bool
is_hidden(uint32_t code)
{
	return (code < 0x20 || (code >= 0x7f && code <= 0x9f) ||
	    code == 0x200e || code == 0x200f ||
	    (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2066 && code <= 0x2069) || code == 0xfeff);
}

/* Append the next character of ${text}, escaped; returns its bytes. */
static size_t
escape_next(enum lk_log_format format, const char *text, struct lk_buf *out)
{
	uint32_t code = 0;
	size_t len = utf8_decode(text, &code);

	if (len == 0 && format == LK_LOG_JSON)
		lk_buf_str(out, "\\ufffd");
	else if (len == 0)
		lk_buf_printf(out, "\\x%02x", (unsigned char)text[0]);
	else if (code == '"' || code == '\\')
		lk_buf_printf(out, "\\%c", (char)code);
	else if (code == '\n')
		lk_buf_str(out, "\\n");
	else if (code == '\r')
		lk_buf_str(out, "\\r");
	else if (code == '\t')
		lk_buf_str(out, "\\t");
	else if (is_hidden(code))
		lk_buf_printf(out, "\\u%04x", (unsigned int)code);
	else
		lk_buf_add(out, text, len);
	return (len == 0 ? 1 : len);
}

/* Append ${text} in quotes, cut after VALUE_MAX bytes. */
static void
add_quoted(enum lk_log_format format, const char *text, struct lk_buf *out)
{
	size_t start;

	lk_buf_str(out, "\"");
	start = out->len;
	while (*text != '\0' && !out->failed) {
		if (out->len - start > VALUE_MAX - ESCAPE_MAX) {
			lk_buf_str(out, "...");
			break;
		}
		text += escape_next(format, text, out);
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
	syslog(level_priorities[level_within(level)], "%s", line);
	lk_fd_release(&hold);
}
