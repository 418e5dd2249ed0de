/*
 * Logging through an injected sink: the library and a module inside another
 * program's process own neither stderr nor syslog.  A message is constant
 * text; what varies goes into fields, which the formatter escapes.
 */
#ifndef LK_LOG_H_
#define LK_LOG_H_

#include <stddef.h>

#include "base/buf.h"
#include "latchkey.h"

/* Longest line, without its newline; with it, one atomic write to a pipe. */
#define LK_LOG_LINE_MAX 4095

/** A named value of a log line; a NULL value leaves the field out. */
struct lk_log_field {
	const char *name;
	const char *value;
};

/**
 * lk_log_event(log, level, message, fields, count):
 * Send one line to the sink of ${log}, unless ${log} is NULL or ${level} is
 * less urgent than its level.  The line is at most LK_LOG_LINE_MAX bytes.
 */
void lk_log_event(const struct lk_log *log, enum lk_log_level level,
    const char *message, const struct lk_log_field *fields, size_t count);

/** LK_LOG(log, level, message, {name, value}, ...): the same, inline. */
#define LK_LOG(log, level, message, ...)                           \
	lk_log_event((log), (level), (message),                    \
	    (const struct lk_log_field[]){ __VA_ARGS__ },          \
	    sizeof((const struct lk_log_field[]){ __VA_ARGS__ }) / \
	        sizeof(struct lk_log_field))

/**
 * lk_log_format_line(format, level, message, fields, count, line):
 * Append the line to ${line}.  LK_LOG_TEXT is logfmt: `level=info
 * msg="session issued" user=alice`; LK_LOG_JSON is one JSON object (RFC
 * 8259).  Bytes that are not printable ASCII or valid UTF-8 are escaped, and
 * so are characters that reorder or break a line.  A long value is cut and
 * ends in "..."; a field for which the cap of ${line} leaves no room is left
 * out, so that the line is always a whole one.
 */
void lk_log_format_line(enum lk_log_format format, enum lk_log_level level,
    const char *message, const struct lk_log_field *fields, size_t count,
    struct lk_buf *line);

/** lk_log_level_name(level): "error", "warn", "info" or "debug". */
const char *lk_log_level_name(enum lk_log_level level);

#endif /* !LK_LOG_H_ */
