#include "support/gate.h"
#include "process/events.h"

static void
test_gate_metrics_latency_falls_into_buckets(void **state)
{
	static struct gate_metrics metrics;
	struct lk_buf out = LK_BUF_INIT(65536);

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

	gate_count(&metrics.queued);
	gate_count(&metrics.queued);
	gate_count_down(&metrics.queued);
	gate_count(&metrics.reloads_failed);
	gate_count(&metrics.log_dropped);
	gate_metrics_print(&metrics, &out);
	assert_false(out.failed);
	expect_line(out.data, "latchkey_queue_depth 1");
	expect_line(out.data, "latchkey_log_lines_dropped_total 1");
	expect_line(out.data, "latchkey_reloads_total{result=\"done\"} 0");
	expect_line(out.data, "latchkey_reloads_total{result=\"failed\"} 1");
	lk_buf_free(&out);
}

#include "support/suite.h"
