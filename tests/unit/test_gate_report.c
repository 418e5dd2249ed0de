#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "report.h"

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
	assert_true(gate_limiter_pass(&limiter, 1000, 100, &suppressed));
	assert_int_equal(suppressed, 0);
	assert_false(gate_limiter_pass(&limiter, 1000, 100, &suppressed));
	assert_false(gate_limiter_pass(&limiter, 1099, 100, &suppressed));
	assert_int_equal(suppressed, 0);
	assert_true(gate_limiter_pass(&limiter, 1100, 100, &suppressed));
	assert_int_equal(suppressed, 2);
	assert_true(gate_limiter_pass(&limiter, 1200, 100, &suppressed));
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
		    test_gate_report_denial_is_one_line_without_secrets),
		cmocka_unit_test(test_gate_report_store_failures_are_limited),
	};

	return (cmocka_run_group_tests_name("gate_report", tests, NULL,
	    NULL));
}
