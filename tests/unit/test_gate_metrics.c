#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "process/metrics.h"

static enum gate_reason
reason_of(unsigned int http, enum gate_credentials_kind kind,
    enum lk_status status, enum gate_challenge challenge)
{
	const struct gate_credentials credentials = { .kind = kind };
	const struct gate_facts facts = { .credentials = &credentials,
		.status = status };
	const struct gate_verdict verdict = { .http = http,
		.challenge = challenge };

	return (gate_metrics_reason(&facts, &verdict));
}

static void
test_gate_metrics_reason_of_each_verdict(void **state)
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
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(reason_of(cases[i].http, cases[i].kind,
		    cases[i].status, cases[i].challenge), cases[i].reason);
}

/* The text shows ${line} as a line of its own. */
static void
expect_line(const char *text, const char *line)
{
	char whole[160];

	(void)snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (strstr(text, whole) == NULL)
		print_error("no line %s in\n%s", line, text);
	assert_non_null(strstr(text, whole));
}

static void
test_gate_metrics_latency_falls_into_buckets(void **state)
{
	static struct gate_metrics metrics;
	struct lk_buf out = LK_BUF_INIT(65536);

	(void)state;
	gate_metrics_store(&metrics, 100000, LK_OK);
	gate_metrics_store(&metrics, 100001, LK_UNKNOWN);
	gate_metrics_store(&metrics, INT64_C(1000000000), LK_E_TIMEOUT);
	gate_metrics_store(&metrics, INT64_C(2500000000), LK_E_CORRUPT);
	gate_metrics_store(&metrics, 0, LK_E_NOT_DURABLE);
	gate_metrics_store(&metrics, 0, LK_FAULT);
	gate_metrics_print(&metrics, &out);
	assert_false(out.failed);
	expect_line(out.data, "latchkey_store_seconds_bucket{le=\"0.0001\"} 3");
	expect_line(out.data,
	    "latchkey_store_seconds_bucket{le=\"0.00025\"} 4");
	expect_line(out.data, "latchkey_store_seconds_bucket{le=\"0.25\"} 4");
	expect_line(out.data, "latchkey_store_seconds_bucket{le=\"1\"} 5");
	expect_line(out.data, "latchkey_store_seconds_bucket{le=\"+Inf\"} 6");
	expect_line(out.data, "latchkey_store_seconds_sum 3.500200001");
	expect_line(out.data, "latchkey_store_seconds_count 6");
	expect_line(out.data, "latchkey_store_errors_total{error=\"fault\"} 1");
	expect_line(out.data,
	    "latchkey_store_errors_total{error=\"timeout\"} 1");
	expect_line(out.data,
	    "latchkey_store_errors_total{error=\"corrupt\"} 1");
	expect_line(out.data,
	    "latchkey_store_errors_total{error=\"not_durable\"} 1");
	expect_line(out.data, "latchkey_store_errors_total{error=\"store\"} 0");
	lk_buf_free(&out);
}

static void
test_gate_metrics_counters_are_shown(void **state)
{
	static struct gate_metrics metrics;
	struct lk_buf out = LK_BUF_INIT(65536);

	(void)state;
	gate_metrics_endpoint(&metrics, GATE_ENDPOINT_LOGOUT, 200);
	gate_metrics_endpoint(&metrics, GATE_ENDPOINT_LOGOUT, 405);
	gate_metrics_endpoint(&metrics, GATE_ENDPOINT_HEALTH, 503);
	gate_metrics_endpoint(&metrics, GATE_ENDPOINT_NONE, 404);
	gate_count(&metrics.queued);
	gate_count(&metrics.queued);
	gate_count_down(&metrics.queued);
	gate_count(&metrics.reloads_failed);
	gate_count(&metrics.log_dropped);
	gate_metrics_print(&metrics, &out);
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
	expect_line(out.data, "latchkey_queue_depth 1");
	expect_line(out.data, "latchkey_log_lines_dropped_total 1");
	expect_line(out.data, "latchkey_reloads_total{result=\"done\"} 0");
	expect_line(out.data, "latchkey_reloads_total{result=\"failed\"} 1");
	/* It fits into a reply. */
	assert_true(out.len < 32768);
	lk_buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gate_metrics_reason_of_each_verdict),
		cmocka_unit_test(
		    test_gate_metrics_latency_falls_into_buckets),
		cmocka_unit_test(test_gate_metrics_counters_are_shown),
	};

	return (cmocka_run_group_tests_name("gate_metrics", tests, NULL,
	    NULL));
}
