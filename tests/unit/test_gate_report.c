#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "process/report.h"

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

static void
test_gate_report_limiter_lets_one_through(void **state)
{
	struct gate_limiter limiter = { 0 };
	uint64_t suppressed = 99;

	(void)state;
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
test_gate_report_denial_is_one_line_without_secrets(void **state)
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
	struct gate_report report = { .log = &log };

	(void)state;
	(void)snprintf(credentials.token.text, sizeof(credentials.token.text),
	    "secret-3");
	facts.status = LK_OK;
	gate_report_denial(&report, &facts, &verdict);
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
	gate_report_denial(&report, &facts, &verdict);
	assert_int_equal(book.count, 2);
	assert_null(strstr(book.line, "alice"));
	assert_null(strstr(book.line, "SID"));
}

static void
test_gate_report_limiter_lets_a_few_through(void **state)
{
	struct gate_limiter limiter = { 0 };
	uint64_t suppressed;
	int i, passed = 0;

	(void)state;
	for (i = 0; i < 10; i++)
		passed += gate_limiter_pass(&limiter, 1000 + i, 100, 3,
		    &suppressed);
	assert_int_equal(passed, 3);
	assert_true(gate_limiter_pass(&limiter, 1100, 100, 3, &suppressed));
	assert_int_equal(suppressed, 7);
}

static void
test_gate_report_denials_that_pour_are_summed_up(void **state)
{
	enum { DENIALS = 1000, KINDS = 2 };
	const struct gate_request request = { .method = "GET", .uri = "/" };
	const struct gate_verdict verdicts[KINDS] = { { .http = 401,
		.reason = "One." }, { .http = 404, .reason = "Two." } };
	struct gate_credentials credentials = { 0 };
	const struct gate_facts facts = { .request = &request,
		.credentials = &credentials, .status = LK_FAULT };
	struct book book;
	const struct lk_log log = log_to(&book);
	struct gate_report report = { .log = &log };
	uint64_t suppressed = 0;
	int i;

	(void)state;
	for (i = 0; i < KINDS * DENIALS; i++)
		gate_report_denial(&report, &facts, &verdicts[i % KINDS]);
	for (i = 0; i < GATE_REASON_COUNT; i++)
		suppressed += report.denials[i].suppressed;
	/* More only if this took more than a second. */
	assert_true(book.count >= KINDS * GATE_DENIALS_MAX);
	assert_true(book.count < KINDS * DENIALS);
	if (strstr(book.line, "suppressed") == NULL)
		assert_int_equal((uint64_t)book.count + suppressed,
		    KINDS * DENIALS);
	/* Within that second it is not yet said, after it once. */
	book.count = 0;
	assert_true(gate_report_rest(&report, 0));
	assert_int_equal(book.count, 0);
	assert_false(gate_report_rest(&report, INT64_MAX));
	assert_int_equal(book.count, KINDS);
	assert_non_null(strstr(book.line, "requests denied"));
	assert_non_null(strstr(book.line, "bad_request"));
	assert_non_null(strstr(book.line, "suppressed="));
	assert_false(gate_report_rest(&report, INT64_MAX));
	assert_int_equal(book.count, KINDS);
}

static void
test_gate_report_store_failures_are_limited(void **state)
{
	struct book book;
	const struct lk_log log = log_to(&book);
	struct gate_report report = { .log = &log };
	int i;

	(void)state;
	for (i = 0; i < 100; i++)
		gate_report_store(&report, LK_E_TIMEOUT, "the error");
	/* A second one only if this took five seconds. */
	assert_true(book.count == 1 || book.count == 2);
	assert_non_null(strstr(book.line, "the error"));
	assert_non_null(strstr(book.line, "warn"));
	assert_int_equal(atomic_load(&report.store.suppressed) > 0, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gate_report_limiter_lets_one_through),
		cmocka_unit_test(
		    test_gate_report_limiter_lets_a_few_through),
		cmocka_unit_test(
		    test_gate_report_denials_that_pour_are_summed_up),
		cmocka_unit_test(
		    test_gate_report_denial_is_one_line_without_secrets),
		cmocka_unit_test(test_gate_report_store_failures_are_limited),
	};

	return (cmocka_run_group_tests_name("gate_report", tests, NULL,
	    NULL));
}
