#include "support/gate.h"
#include "endpoints/tally.h"

/* The last line of the log, and how many there were. */
struct book {
	char line[2048];
	int count;
};

static void
write_down(void *arg, enum lk_log_level level, const char *line)
{
	struct book *book = arg;

	(void)level;
	(void)snprintf(book->line, sizeof(book->line), "%s", line);
	book->count++;
}

static struct lk_log
log_to(struct book *book)
{
	memset(book, 0, sizeof(*book));
	return ((struct lk_log){ LK_LOG_INFO, LK_LOG_TEXT, write_down,
	    book });
}

static enum gate_reason
reason_of(unsigned int http, enum gate_credentials_kind kind,
    enum lk_status status, enum gate_challenge challenge)
{
	const struct gate_credentials credentials = { .kind = kind };
	const struct gate_facts facts = { .credentials = &credentials,
		.status = status };
	const struct gate_verdict verdict = { .http = http,
		.challenge = challenge };

	return (gate_reason_of(&facts, &verdict));
}

static void
test_gate_tally_reason_of_each_verdict(void **state)
{
	static const struct {
		unsigned int http;
		enum gate_credentials_kind kind;
		enum lk_status status;
		enum gate_challenge challenge;
		enum gate_reason reason;
	} cases[] = {
		{ 200, GATE_CREDENTIALS_ONE, LK_OK, 0, GATE_REASON_SESSION },
		{ 200, GATE_CREDENTIALS_NONE, LK_FAULT, 0,
		    GATE_REASON_PUBLIC },
		{ 401, GATE_CREDENTIALS_NONE, LK_FAULT,
		    GATE_CHALLENGE_PLAIN, GATE_REASON_NO_TOKEN },
		{ 302, GATE_CREDENTIALS_NONE, LK_FAULT, 0,
		    GATE_REASON_NO_TOKEN },
		{ 401, GATE_CREDENTIALS_BAD, LK_FAULT, 0,
		    GATE_REASON_MALFORMED },
		{ 401, GATE_CREDENTIALS_CONFLICT, LK_FAULT,
		    GATE_CHALLENGE_INVALID_REQUEST, GATE_REASON_CONFLICT },
		{ 400, GATE_CREDENTIALS_CONFLICT, LK_FAULT,
		    GATE_CHALLENGE_INVALID_REQUEST, GATE_REASON_CONFLICT },
		{ 400, GATE_CREDENTIALS_ONE, LK_FAULT, 0,
		    GATE_REASON_BAD_REQUEST },
		{ 401, GATE_CREDENTIALS_ONE, LK_MALFORMED, 0,
		    GATE_REASON_MALFORMED },
		{ 401, GATE_CREDENTIALS_ONE, LK_UNKNOWN, 0,
		    GATE_REASON_UNKNOWN },
		{ 302, GATE_CREDENTIALS_ONE, LK_EXPIRED, 0,
		    GATE_REASON_EXPIRED },
		{ 401, GATE_CREDENTIALS_ONE, LK_OK, 0,
		    GATE_REASON_OTHER_USER },
		{ 403, GATE_CREDENTIALS_ONE, LK_NO_USER, 0,
		    GATE_REASON_NO_USER },
		{ 403, GATE_CREDENTIALS_ONE, LK_LIMIT, 0,
		    GATE_REASON_LIMIT },
		{ 403, GATE_CREDENTIALS_ONE, LK_OK, 0, GATE_REASON_RULE },
		{ 403, GATE_CREDENTIALS_NONE, LK_FAULT, 0,
		    GATE_REASON_RULE },
		{ 404, GATE_CREDENTIALS_NONE, LK_FAULT, 0,
		    GATE_REASON_BAD_REQUEST },
		{ 503, GATE_CREDENTIALS_ONE, LK_E_TIMEOUT, 0,
		    GATE_REASON_STORE },
		{ 503, GATE_CREDENTIALS_ONE, LK_OK, 0, GATE_REASON_OTHER },
		{ 0, GATE_CREDENTIALS_ONE, LK_OK, 0, GATE_REASON_OTHER },
	};

	EACH(c, cases)
		assert_int_equal(reason_of(c->http, c->kind,
		    c->status, c->challenge), c->reason);
}

static void
test_gate_tally_limiter_lets_one_through(void **state)
{
	struct gate_limiter limiter = { 0 };
	uint64_t suppressed = 99;

	assert_true(gate_limiter_pass(&limiter, 1000, 100, 1,
	    &suppressed));
	assert_int_equal(suppressed, 0);
	assert_false(gate_limiter_pass(&limiter, 1000, 100, 1,
	    &suppressed));
	assert_false(gate_limiter_pass(&limiter, 1099, 100, 1,
	    &suppressed));
	assert_int_equal(suppressed, 0);
	assert_true(gate_limiter_pass(&limiter, 1100, 100, 1,
	    &suppressed));
	assert_int_equal(suppressed, 2);
	assert_true(gate_limiter_pass(&limiter, 1200, 100, 1,
	    &suppressed));
	assert_int_equal(suppressed, 0);
}

static void
test_gate_tally_denial_is_one_line_without_secrets(void **state)
{
	char cookie[] = "HTTP_COOKIE=session=secret-1";
	char *env[] = { cookie, NULL };
	const struct gate_request request = { .env = env, .method = "GET",
		.uri = "/app?token=secret-2", .peer = "192.0.2.1" };
	struct gate_credentials credentials = { 0 };
	struct lk_session session = { .user = "alice", .id = "SID" };
	struct gate_facts facts = { .request = &request,
		.credentials = &credentials, .session = &session };
	const struct gate_verdict verdict = { .http = 401,
		.reason = "The reason." };
	struct book book;
	const struct lk_log log = log_to(&book);
	struct gate_tally tally = { .events = { .log = &log } };

	(void)snprintf(credentials.token.text, sizeof(credentials.token.text),
	    "secret-3");
	facts.status = LK_OK;
	gate_tally_denial(&tally, &facts, &verdict);
	assert_int_equal(book.count, 1);
	assert_null(strstr(book.line, "secret"));
	assert_non_null(strstr(book.line, "401"));
	assert_non_null(strstr(book.line, "The reason."));
	assert_non_null(strstr(book.line, "GET"));
	assert_non_null(strstr(book.line, "/app"));
	assert_non_null(strstr(book.line, "192.0.2.1"));
	assert_non_null(strstr(book.line, "alice"));
	assert_non_null(strstr(book.line, "SID"));
	/* Without a session nothing is said about one. */
	facts.status = LK_UNKNOWN;
	gate_tally_denial(&tally, &facts, &verdict);
	assert_int_equal(book.count, 2);
	assert_null(strstr(book.line, "alice"));
	assert_null(strstr(book.line, "SID"));
}

static void
test_gate_tally_limiter_lets_a_few_through(void **state)
{
	struct gate_limiter limiter = { 0 };
	uint64_t suppressed;
	int i, passed = 0;

	for (i = 0; i < 10; i++)
		passed += gate_limiter_pass(&limiter, 1000 + i, 100, 3,
		    &suppressed);
	assert_int_equal(passed, 3);
	assert_true(gate_limiter_pass(&limiter, 1100, 100, 3, &suppressed));
	assert_int_equal(suppressed, 7);
}

static void
test_gate_tally_denials_that_pour_are_summed_up(void **state)
{
	enum { DENIALS = 1000, KINDS = 2 };
	char id[] = "HTTP_X_REQUEST_ID=7b0c";
	char *const env[] = { id, NULL };
	const struct gate_request request = { .env = env, .method = "GET",
		.uri = "/" };
	const struct gate_verdict verdicts[KINDS] = { { .http = 401,
		.reason = "One." }, { .http = 404, .reason = "Two." } };
	struct gate_credentials credentials = { 0 };
	const struct gate_facts facts = { .request = &request,
		.credentials = &credentials, .status = LK_FAULT };
	struct book book;
	const struct lk_log log = log_to(&book);
	struct gate_tally tally = { .events = { .log = &log } };
	uint64_t suppressed = 0;
	int i;

	for (i = 0; i < KINDS * DENIALS; i++)
		gate_tally_denial(&tally, &facts, &verdicts[i % KINDS]);
	for (i = 0; i < GATE_REASON_COUNT; i++)
		suppressed += tally.denials[i].suppressed;
	/* More only if this took more than a second. */
	assert_true(book.count >= KINDS * GATE_DENIALS_MAX);
	assert_true(book.count < KINDS * DENIALS);
	assert_non_null(strstr(book.line, "request_id=7b0c"));
	if (strstr(book.line, "suppressed") == NULL)
		assert_int_equal((uint64_t)book.count + suppressed,
		    KINDS * DENIALS);
	/* Within that second it is not yet said, after it once. */
	book.count = 0;
	assert_true(gate_tally_rest(&tally, 0));
	assert_int_equal(book.count, 0);
	assert_false(gate_tally_rest(&tally, INT64_MAX));
	assert_int_equal(book.count, KINDS);
	assert_non_null(strstr(book.line, "requests denied"));
	assert_non_null(strstr(book.line, "bad_request"));
	assert_non_null(strstr(book.line, "suppressed="));
	assert_false(gate_tally_rest(&tally, INT64_MAX));
	assert_int_equal(book.count, KINDS);
}

static void
test_gate_tally_store_failures_are_limited(void **state)
{
	struct book book;
	const struct lk_log log = log_to(&book);
	struct gate_tally tally = { .events = { .log = &log } };
	int i;

	for (i = 0; i < 100; i++)
		gate_events_store(&tally.events, LK_E_TIMEOUT, "the error");
	/* A second one only if this took five seconds. */
	assert_true(book.count == 1 || book.count == 2);
	assert_non_null(strstr(book.line, "the error"));
	assert_non_null(strstr(book.line, "warn"));
	assert_int_equal(atomic_load(&tally.events.store.suppressed) > 0, 1);
}

static void
test_gate_tally_endpoints_are_shown(void **state)
{
	static struct gate_tally tally;
	struct lk_buf out = LK_BUF_INIT(65536);

	gate_tally_endpoint(&tally, GATE_ENDPOINT_LOGOUT, 200);
	gate_tally_endpoint(&tally, GATE_ENDPOINT_LOGOUT, 405);
	gate_tally_endpoint(&tally, GATE_ENDPOINT_HEALTH, 503);
	gate_tally_endpoint(&tally, GATE_ENDPOINT_NONE, 404);
	gate_tally_print(&tally, &out);
	assert_false(out.failed);
#define ENDPOINT "latchkey_endpoint_requests_total"
	expect_line(out.data,
	    ENDPOINT "{endpoint=\"logout\",result=\"done\"} 1");
	expect_line(out.data,
	    ENDPOINT "{endpoint=\"logout\",result=\"refused\"} 1");
	expect_line(out.data,
	    ENDPOINT "{endpoint=\"health\",result=\"unavailable\"} 1");
	expect_line(out.data,
	    ENDPOINT "{endpoint=\"none\",result=\"refused\"} 1");
	/* It fits into a reply. */
	assert_true(out.len < 32768);
	lk_buf_free(&out);
}

#include "support/suite.h"
