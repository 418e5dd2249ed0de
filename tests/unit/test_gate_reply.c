#include "support/test.h"
#include "verdict/reply.h"

static void
test_gate_reply_is_built_in_order(void **state)
{
	struct lk_buf out = LK_BUF_INIT(1000);

	gate_reply_begin(&out, 405);
	gate_reply_header(&out, "Allow", "POST");
	gate_reply_body(&out, GATE_TYPE_TEXT, "No.\n", false);
	assert_string_equal(gate_reply_end(&out),
	    "Status: 405 Method Not Allowed\r\n"
	    "Cache-Control: no-store\r\n"
	    "Allow: POST\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "\r\n"
	    "No.\n");
	/* The next one starts over. */
	gate_reply_begin(&out, 200);
	gate_reply_body(&out, GATE_TYPE_JSON, "{}", true);
	assert_string_equal(gate_reply_end(&out),
	    "Status: 200 OK\r\n"
	    "Cache-Control: no-store\r\n"
	    "Content-Type: application/json\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "\r\n");
	lk_buf_free(&out);
}

static void
expect_failure(struct lk_buf *out)
{
	const char *reply = gate_reply_end(out);

	assert_int_equal(strncmp(reply, "Status: 503 ", 12), 0);
	assert_null(strstr(reply + 1, "Status:"));
	assert_non_null(strstr(reply, "\r\n\r\n"));
	lk_buf_free(out);
}

static void
test_gate_reply_failed_is_503(void **state)
{
	static const unsigned int others[] = { 0, 1, 100, 201, 204, 206, 301,
		500, 2000 };
	struct lk_buf out = LK_BUF_INIT(1000);

	expect_failure(&out);
	EACH(c, others) {
		gate_reply_begin(&out, *c);
		gate_reply_body(&out, GATE_TYPE_TEXT, "", false);
		expect_failure(&out);
	}
	gate_reply_begin(&out, 200);
	gate_reply_header(&out, "X", "a\r\nSet-Cookie: b");
	expect_failure(&out);
	gate_reply_begin(&out, 200);
	gate_reply_value(&out, "\177", 1);
	expect_failure(&out);
	out.max = 40;
	gate_reply_begin(&out, 200);
	gate_reply_body(&out, GATE_TYPE_TEXT, "", false);
	expect_failure(&out);
}

#include "support/suite.h"
