#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "store/agent/http.h"

/* Most digits of a length. */
#define DIGITS_MAX 9

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* ---- Questions --------------------------------------------------------- */

void
lk_agent_field(struct lk_buf *fields, const char *name, const char *value)
{
	static const char plain[] = ALNUM "-._~", hex[] = "0123456789ABCDEF";
	size_t n;

	if (value == NULL || value[0] == '\0')
		return;
	lk_buf_str(fields, fields->len > 0 ? "&" : "");
	lk_buf_str(fields, name);
	lk_buf_str(fields, "=");
	while (*value != '\0') {
		n = strspn(value, plain);
		lk_buf_add(fields, value, n);
		value += n;
		if (*value == '\0')
			break;
		lk_buf_add(fields,
		    (const char[]){ '%', hex[(unsigned char)*value >> 4],
		        hex[(unsigned char)*value & 15] },
		    3);
		value++;
	}
}

void
lk_agent_field_int(struct lk_buf *fields, const char *name, int64_t value)
{
	char digits[24];

	if (value == 0)
		return;
	(void)snprintf(digits, sizeof(digits), "%" PRId64, value);
	lk_agent_field(fields, name, digits);
}

void
lk_agent_question(const char *verb, bool get, const struct lk_buf *fields,
    int left_ms, struct lk_buf *out)
{
	const char *text = fields->len > 0 ? fields->data : "";

	lk_buf_printf(out, "%s /v1/%s%s", get ? "GET" : "POST", verb,
	    get && fields->len > 0 ? "?" : "");
	lk_buf_str(out, get ? text : "");
	lk_buf_printf(out,
	    " HTTP/1.1\r\nHost: localhost\r\nLatchkey-Timeout: %d\r\n",
	    left_ms);
	if (!get) {
		lk_buf_printf(out,
		    "Content-Type: application/x-www-form-urlencoded\r\n"
		    "Content-Length: %zu\r\n",
		    fields->len);
	}
	lk_buf_str(out, "\r\n");
	lk_buf_str(out, get ? "" : text);
	/* What did not fit is not asked without it. */
	out->failed = out->failed || fields->failed;
}

/* ---- Answers ------------------------------------------------------------- */

/* A number of digits alone. */
static bool
read_number(const char *text, size_t len, uint64_t *number)
{
	size_t i;

	*number = 0;
	for (i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
		*number = *number * 10 + (uint64_t)(text[i] - '0');
	return (len > 0 && len <= DIGITS_MAX && i == len);
}

/* The next line, which CR and LF end and which holds no control character but
 * tabs; ${len} is without its end. */
static enum lk_agent_read
read_line(const char *text, size_t left, size_t *len)
{
	const char *end = memchr(text, '\n', left);
	size_t i, n = end == NULL ? left : (size_t)(end - text);

	if (end != NULL && (n == 0 || text[n - 1] != '\r'))
		return (LK_AGENT_WRONG);
	*len = end == NULL ? left : n - 1;
	for (i = 0; i < *len; i++) {
		if (((unsigned char)text[i] < ' ' && text[i] != '\t' &&
		        /* Its LF may be on its way. */
		        !(text[i] == '\r' && end == NULL && i + 1 == left)) ||
		    text[i] == 0x7f)
			return (LK_AGENT_WRONG);
	}
	return (end == NULL ? LK_AGENT_PART : LK_AGENT_WHOLE);
}

/* "HTTP/1.1 200 OK", of which the reason is not looked at. */
static bool
read_status(const char *line, size_t len, struct lk_agent_reply *reply)
{
	static const char version[] = "HTTP/1.1 ";
	const size_t at = sizeof(version) - 1;
	uint64_t number;

	if (len < at + 4 || memcmp(line, version, at) != 0 ||
	    !read_number(line + at, 3, &number) || line[at + 3] != ' ')
		return (false);
	reply->http = (unsigned int)number;
	return (number >= 200 && number <= 599);
}

/* What counts in the head, and how often it was there. */
struct seen {
	uint64_t length;
	unsigned int lengths;
	unsigned int counts;
	unsigned int connections;
};

static bool
is_named(const char *line, size_t len, const char *name)
{
	return (strlen(name) == len && strncasecmp(line, name, len) == 0);
}

static bool
read_header(const char *line, size_t len, struct seen *seen,
    struct lk_agent_reply *reply)
{
	static const char token[] = ALNUM "!#$%&'*+-.^_`|~";
	const char *colon = memchr(line, ':', len), *value;
	size_t name_len, value_len, i;

	if (colon == NULL || colon == line)
		return (false);
	name_len = (size_t)(colon - line);
	for (i = 0; i < name_len; i++) {
		if (strchr(token, line[i]) == NULL)
			return (false);
	}
	value = colon + 1;
	value_len = len - name_len - 1;
	for (; value_len > 0 && (*value == ' ' || *value == '\t'); value_len--)
		value++;
	while (value_len > 0 &&
	    (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
		value_len--;
	if (is_named(line, name_len, "Content-Length"))
		return (seen->lengths++ == 0 &&
		    read_number(value, value_len, &seen->length) &&
		    seen->length <= LK_AGENT_BODY_MAX);
	if (is_named(line, name_len, "Latchkey-Sessions")) {
		reply->counted = true;
		return (seen->counts++ == 0 &&
		    read_number(value, value_len, &reply->sessions));
	}
	if (is_named(line, name_len, "Connection"))
		reply->last = !is_named(value, value_len, "keep-alive") ||
		    seen->connections++ > 0;
	/* Its length would be another one. */
	return (!is_named(line, name_len, "Transfer-Encoding"));
}

enum lk_agent_read
lk_agent_reply_read(const char *text, size_t len, struct lk_agent_reply *reply)
{
	struct seen seen = { .length = 0 };
	enum lk_agent_read read;
	size_t at = 0, line_len;

	memset(reply, 0, sizeof(*reply));
	for (;;) {
		if (at > LK_AGENT_HEAD_MAX)
			return (LK_AGENT_WRONG);
		read = read_line(text + at, len - at, &line_len);
		if (read != LK_AGENT_WHOLE)
			return (
			    len > LK_AGENT_HEAD_MAX ? LK_AGENT_WRONG : read);
		if (at > 0 && line_len == 0)
			break;
		if (at == 0 ? !read_status(text, line_len, reply)
		            : !read_header(text + at, line_len, &seen, reply))
			return (LK_AGENT_WRONG);
		at += line_len + 2;
	}
	at += 2;
	if (seen.lengths != 1 || len - at > seen.length)
		return (LK_AGENT_WRONG);
	reply->body = text + at;
	reply->len = (size_t)seen.length;
	return (len - at == seen.length ? LK_AGENT_WHOLE : LK_AGENT_PART);
}
