#include <fcntl.h>
#include <unistd.h>

#include "support/test.h"
#include "base/log.h"

/* ---- A sink that remembers, and a syslog(3) that does ------------------ */

struct memory {
	size_t lines;
	enum lk_log_level level;
	char line[LK_LOG_LINE_MAX + 2];
};

static void
remember(void *arg, enum lk_log_level level, const char *line)
{
	struct memory *memory = arg;

	memory->lines++;
	memory->level = level;
	(void)snprintf(memory->line, sizeof(memory->line), "%s", line);
}

static struct {
	int priority;
	char text[64];
} syslogged;

/* All of its names: which one the library calls is up to _FORTIFY_SOURCE and
 * the compiler. */
void syslog(int priority, const char *format, ...)
    __attribute__((format(printf, 2, 3), visibility("default")));
void vsyslog(int priority, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0), visibility("default")));
void __syslog_chk(int priority, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4), visibility("default")));
void __vsyslog_chk(int priority, int flag, const char *format, va_list ap)
    __attribute__((format(printf, 3, 0), visibility("default")));

void
vsyslog(int priority, const char *format, va_list ap)
{
	syslogged.priority = priority;
	(void)vsnprintf(syslogged.text, sizeof(syslogged.text), format, ap);
}

void
__vsyslog_chk(int priority, int flag, const char *format, va_list ap)
{
	(void)flag;
	vsyslog(priority, format, ap);
}

void
syslog(int priority, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsyslog(priority, format, ap);
	va_end(ap);
}

void
__syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, format);
	vsyslog(priority, format, ap);
	va_end(ap);
}

/* ---- Format ------------------------------------------------------------ */

static void
test_log_value_is_escaped_for_its_format(void **state)
{
	static const struct {
		const char *value, *text, *json;
	} cases[] = {
		{ "alice", "alice", "\"alice\"" },
		{ "a/b:c-d_e.f@g", "a/b:c-d_e.f@g", "\"a/b:c-d_e.f@g\"" },
		{ "", "\"\"", "\"\"" },
		{ "two words", "\"two words\"", "\"two words\"" },
		{ "a=b", "\"a=b\"", "\"a=b\"" },
		{ "say \"x\"", "\"say \\\"x\\\"\"", "\"say \\\"x\\\"\"" },
		{ "a\\b", "\"a\\\\b\"", "\"a\\\\b\"" },
		{ "a\nlevel=error msg=forged",
		    "\"a\\nlevel=error msg=forged\"",
		    "\"a\\nlevel=error msg=forged\"" },
		{ "\r\t", "\"\\r\\t\"", "\"\\r\\t\"" },
		{ "\x01\x1b[2J\x7f", "\"\\u0001\\u001b[2J\\u007f\"",
		    "\"\\u0001\\u001b[2J\\u007f\"" },
		{ "caf\xc3\xa9", "\"caf\xc3\xa9\"", "\"caf\xc3\xa9\"" },
		{ "\xe2\x82\xac\xf0\x9f\x94\x91",
		    "\"\xe2\x82\xac\xf0\x9f\x94\x91\"",
		    "\"\xe2\x82\xac\xf0\x9f\x94\x91\"" },
		{ "\xc2\x9b" "31m", "\"\\u009b31m\"", "\"\\u009b31m\"" },
		{ "\xe2\x80\xae", "\"\\u202e\"", "\"\\u202e\"" },
		{ "\xe2\x80\xa8", "\"\\u2028\"", "\"\\u2028\"" },
		{ "\xff", "\"\\xff\"", "\"\\ufffd\"" },
		{ "\xc3", "\"\\xc3\"", "\"\\ufffd\"" },
		{ "\xe2\x82", "\"\\xe2\\x82\"", "\"\\ufffd\\ufffd\"" },
		/* overlong, surrogate, beyond U+10FFFF */
		{ "\xc0\xaf", "\"\\xc0\\xaf\"", "\"\\ufffd\\ufffd\"" },
		{ "\xe0\x80\xaf", "\"\\xe0\\x80\\xaf\"",
		    "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xed\xa0\x80", "\"\\xed\\xa0\\x80\"",
		    "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xf4\x90\x80\x80", "\"\\xf4\\x90\\x80\\x80\"",
		    "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
	};
	struct lk_buf line = LK_BUF_INIT(LK_LOG_LINE_MAX);
	char want[256];

	EACH(one, cases) {
		struct lk_log_field field = { "v", one->value };

		lk_log_format_line(LK_LOG_TEXT, LK_LOG_WARN, "m", &field, 1,
		    &line);
		(void)snprintf(want, sizeof(want), "level=warn msg=m v=%s",
		    one->text);
		assert_string_equal(line.data, want);
		lk_buf_reset(&line);
		lk_log_format_line(LK_LOG_JSON, LK_LOG_WARN, "m", &field, 1,
		    &line);
		(void)snprintf(want, sizeof(want),
		    "{\"level\":\"warn\",\"msg\":\"m\",\"v\":%s}", one->json);
		assert_string_equal(line.data, want);
		lk_buf_reset(&line);
	}
	lk_buf_free(&line);
}

static void
test_log_text_line_has_level_message_and_fields(void **state)
{
	struct memory memory = { 0, LK_LOG_DEBUG, "" };
	const struct lk_log log = { LK_LOG_INFO, LK_LOG_TEXT, remember,
		&memory };

	LK_LOG(&log, LK_LOG_INFO, "session issued", { "user", "alice" },
	    { "client", NULL }, { "agent", "curl 8" });
	assert_int_equal(memory.lines, 1);
	assert_int_equal(memory.level, LK_LOG_INFO);
	assert_string_equal(memory.line, "level=info msg=\"session issued\" "
	    "user=alice agent=\"curl 8\"");
}

static void
test_log_json_line_has_level_message_and_fields(void **state)
{
	struct memory memory = { 0, LK_LOG_DEBUG, "" };
	const struct lk_log log = { LK_LOG_INFO, LK_LOG_JSON, remember,
		&memory };

	LK_LOG(&log, LK_LOG_ERROR, "store unavailable", { "user", "alice" },
	    { "client", NULL }, { "ttl", "5" });
	assert_string_equal(memory.line, "{\"level\":\"error\",\"msg\":"
	    "\"store unavailable\",\"user\":\"alice\",\"ttl\":\"5\"}");
	lk_log_event(&log, LK_LOG_INFO, "none", NULL, 0);
	assert_string_equal(memory.line,
	    "{\"level\":\"info\",\"msg\":\"none\"}");
}

static void
test_log_less_urgent_than_its_level_is_dropped(void **state)
{
	static const enum lk_log_level levels[] = { LK_LOG_ERROR, LK_LOG_WARN,
		LK_LOG_INFO, LK_LOG_DEBUG };
	size_t at, of;

	for (at = 0; at < 4; at++) {
		for (of = 0; of < 4; of++) {
			struct memory memory = { 0, LK_LOG_DEBUG, "" };
			const struct lk_log log = { levels[at], LK_LOG_TEXT,
				remember, &memory };

			lk_log_event(&log, levels[of], "m", NULL, 0);
			assert_int_equal(memory.lines, of <= at ? 1 : 0);
		}
	}
}

static void
test_log_without_log_or_sink_does_nothing(void **state)
{
	const struct lk_log log = { LK_LOG_DEBUG, LK_LOG_TEXT, NULL, NULL };

	lk_log_event(NULL, LK_LOG_ERROR, "m", NULL, 0);
	lk_log_event(&log, LK_LOG_ERROR, "m", NULL, 0);
}

static void
test_log_long_value_is_cut(void **state)
{
	struct memory memory = { 0, LK_LOG_DEBUG, "" };
	struct lk_log log = { LK_LOG_INFO, LK_LOG_TEXT, remember, &memory };
	char value[8000];

	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	LK_LOG(&log, LK_LOG_INFO, "m", { "v", value }, { "after", "1" });
	assert_true(strlen(memory.line) < 1100);
	assert_non_null(strstr(memory.line, "xxx...\" after=1"));
	log.format = LK_LOG_JSON;
	LK_LOG(&log, LK_LOG_INFO, "m", { "v", value }, { "after", "1" });
	assert_non_null(strstr(memory.line, "xxx...\",\"after\":\"1\"}"));
}

/* The worst of all values, and more of them than a line has room for. */
static void
test_log_long_line_is_whole_and_capped(void **state)
{
	struct memory memory = { 0, LK_LOG_DEBUG, "" };
	struct lk_log log = { LK_LOG_INFO, LK_LOG_JSON, remember, &memory };
	struct lk_log_field fields[12];
	char value[5000];
	size_t i;

	memset(value, 0xff, sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (i = 0; i < 12; i++)
		fields[i] = (struct lk_log_field){ "v", value };
	fields[11] = (struct lk_log_field){ "last", "1" };
	lk_log_event(&log, LK_LOG_INFO, "m", fields, 12);
	assert_int_equal(memory.lines, 1);
	assert_true(strlen(memory.line) > 3000);
	assert_true(strlen(memory.line) <= LK_LOG_LINE_MAX);
	assert_non_null(strstr(memory.line, ",\"last\":\"1\"}"));
	assert_null(strstr(memory.line, "\"\""));
	log.format = LK_LOG_TEXT;
	lk_log_event(&log, LK_LOG_INFO, "m", fields, 12);
	assert_int_equal(memory.lines, 2);
	assert_true(strlen(memory.line) <= LK_LOG_LINE_MAX);
	assert_non_null(strstr(memory.line, "...\" last=1"));
}

static void
test_log_line_of_exactly_the_cap_is_sent(void **state)
{
	struct lk_buf line = LK_BUF_INIT(30);
	const struct lk_log_field fits = { "a", "234567890" };
	const struct lk_log_field over = { "a", "2345678901" };

	/* "level=error msg=mm" is 18 bytes long, " a=234567890" is 12. */
	lk_log_format_line(LK_LOG_TEXT, LK_LOG_ERROR, "mm", &fits, 1, &line);
	assert_false(line.failed);
	assert_string_equal(line.data, "level=error msg=mm a=234567890");
	lk_buf_reset(&line);
	lk_log_format_line(LK_LOG_TEXT, LK_LOG_ERROR, "mm", &over, 1, &line);
	assert_false(line.failed);
	assert_string_equal(line.data, "level=error msg=mm");
	lk_buf_free(&line);
}

static void
test_log_json_line_of_exactly_the_cap_is_sent(void **state)
{
	static const char whole[] =
	    "{\"level\":\"error\",\"msg\":\"mm\",\"a\":\"1\"}";
	struct lk_buf line = LK_BUF_INIT(sizeof(whole) - 1);
	const struct lk_log_field field = { "a", "1" };

	lk_log_format_line(LK_LOG_JSON, LK_LOG_ERROR, "mm", &field, 1, &line);
	assert_false(line.failed);
	assert_string_equal(line.data, whole);
	lk_buf_reset(&line);
	line.max--;
	lk_log_format_line(LK_LOG_JSON, LK_LOG_ERROR, "mm", &field, 1, &line);
	assert_false(line.failed);
	assert_string_equal(line.data,
	    "{\"level\":\"error\",\"msg\":\"mm\"}");
	lk_buf_free(&line);
}

static void
test_log_level_name_every_level_has_its_own(void **state)
{
	assert_string_equal(lk_log_level_name(LK_LOG_ERROR), "error");
	assert_string_equal(lk_log_level_name(LK_LOG_WARN), "warn");
	assert_string_equal(lk_log_level_name(LK_LOG_INFO), "info");
	assert_string_equal(lk_log_level_name(LK_LOG_DEBUG), "debug");
	assert_string_equal(lk_log_level_name((enum lk_log_level)77), "error");
}

/* ---- Sinks ------------------------------------------------------------- */

/* A pipe of packets: what one read(2) gets is what one write(2) wrote. */
static ssize_t
stderr_gets(const char *line, char *got, size_t size)
{
	int saved, fds[2];
	ssize_t len;

	assert_int_equal(pipe2(fds, O_DIRECT), 0);
	assert_true((saved = dup(STDERR_FILENO)) != -1);
	assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	lk_log_stderr(NULL, LK_LOG_INFO, line);
	lk_log_stderr(NULL, LK_LOG_INFO, "another");
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	len = read(fds[0], got, size);
	close(saved);
	close(fds[0]);
	close(fds[1]);
	return (len);
}

static void
test_log_stderr_writes_a_line_at_once(void **state)
{
	char got[LK_LOG_LINE_MAX + 10], line[LK_LOG_LINE_MAX + 10];

	assert_int_equal(stderr_gets("level=info", got, sizeof(got)), 11);
	assert_memory_equal(got, "level=info\n", 11);
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(stderr_gets(line, got, sizeof(got)),
	    LK_LOG_LINE_MAX + 1);
	assert_int_equal(got[LK_LOG_LINE_MAX], '\n');
	assert_int_equal(got[LK_LOG_LINE_MAX - 1], 'x');
}

static void
test_log_syslog_maps_the_levels(void **state)
{
	static const struct {
		enum lk_log_level level;
		int priority;
	} cases[] = {
		{ LK_LOG_ERROR, 3 /* LOG_ERR */ },
		{ LK_LOG_WARN, 4 /* LOG_WARNING */ },
		{ LK_LOG_INFO, 6 /* LOG_INFO */ },
		{ LK_LOG_DEBUG, 7 /* LOG_DEBUG */ },
	};

	EACH(c, cases) {
		syslogged.priority = -1;
		lk_log_syslog(NULL, c->level, "100%s %n msg");
		assert_int_equal(syslogged.priority, c->priority);
		assert_string_equal(syslogged.text, "100%s %n msg");
	}
}

#include "support/suite.h"
