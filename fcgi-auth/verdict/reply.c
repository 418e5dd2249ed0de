#include <string.h>

#include "base/escape.h"
#include "verdict/reply.h"

static const char unavailable[] = "Status: 503 Service Unavailable\r\n"
                                  "Cache-Control: no-store\r\n"
                                  "Retry-After: 2\r\n"
                                  "Content-Type: " GATE_TYPE_TEXT "\r\n"
                                  "\r\n";

static const struct {
	unsigned int http;
	const char *line;
} status_lines[] = { { 200, "Status: 200 OK\r\n" },
	{ 202, "Status: 202 Accepted\r\n" }, { 302, "Status: 302 Found\r\n" },
	{ 303, "Status: 303 See Other\r\n" },
	{ 400, "Status: 400 Bad Request\r\n" },
	{ 401, "Status: 401 Unauthorized\r\n" },
	{ 403, "Status: 403 Forbidden\r\n" },
	{ 404, "Status: 404 Not Found\r\n" },
	{ 405, "Status: 405 Method Not Allowed\r\n" },
	{ 409, "Status: 409 Conflict\r\n" },
	{ 429, "Status: 429 Too Many Requests\r\n" },
	{ 503, "Status: 503 Service Unavailable\r\n" } };

static void
begin(struct lk_buf *out, unsigned int http)
{
	size_t i;

	lk_buf_reset(out);
	for (i = 0; i < sizeof(status_lines) / sizeof(status_lines[0]); i++) {
		if (status_lines[i].http == http)
			lk_buf_str(out, status_lines[i].line);
	}
	if (out->len == 0)
		out->failed = true;
}

void
gate_reply_begin(struct lk_buf *out, unsigned int http)
{
	begin(out, http);
	lk_buf_str(out, "Cache-Control: no-store\r\n");
}

void
gate_reply_allow(struct lk_buf *out)
{
	begin(out, 200);
}

void
gate_reply_value(struct lk_buf *out, const char *text, size_t len)
{
	if (lk_has_control(text, len))
		out->failed = true;
	lk_buf_add(out, text, len);
}

void
gate_reply_header(struct lk_buf *out, const char *name, const char *value)
{
	lk_buf_str(out, name);
	lk_buf_str(out, ": ");
	gate_reply_value(out, value, strlen(value));
	lk_buf_str(out, "\r\n");
}

void
gate_reply_body(struct lk_buf *out, const char *type, const char *body,
    bool head)
{
	gate_reply_header(out, "Content-Type", type);
	lk_buf_str(out, "X-Content-Type-Options: nosniff\r\n\r\n");
	if (!head)
		lk_buf_str(out, body);
}

const char *
gate_reply_end(const struct lk_buf *out)
{
	return (out->failed || out->len == 0 ? unavailable : out->data);
}
