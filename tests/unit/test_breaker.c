#include "support/test.h"
#include "store/breaker.h"

#define MS INT64_C(1000000)
/* Some time. */
#define T (INT64_C(5000) * 1000 * MS)

/* Let a closed one fail ${count} times, ${every} ms apart; returns the last
 * time. */
static int64_t
fail_often(struct lk_breaker *breaker, int count, int64_t every)
{
	int64_t now = T;
	int i;

	lk_breaker_init(breaker);
	for (i = 0; i < count; i++) {
		now = T + i * every * MS;
		(void)lk_breaker_note(breaker, false, false, T - 1000 * MS,
		    now);
	}
	return (now);
}

static void
test_breaker_five_failures_in_a_second_open_it(void **state)
{
	struct lk_breaker breaker;
	int64_t now;
	bool probe;

	(void)fail_often(&breaker, 4, 10);
	assert_false(lk_breaker_is_barred(&breaker));
	now = fail_often(&breaker, 5, 250);
	assert_true(lk_breaker_is_barred(&breaker));
	assert_false(lk_breaker_admit(&breaker, now, &probe));
	assert_false(lk_breaker_admit(&breaker, now + 249 * MS, &probe));
	assert_true(lk_breaker_admit(&breaker, now + 250 * MS, &probe));
	assert_true(probe);
}

static void
test_breaker_slow_failures_leave_it_closed(void **state)
{
	struct lk_breaker breaker;
	bool probe;

	(void)fail_often(&breaker, 50, 251);
	assert_false(lk_breaker_is_barred(&breaker));
	assert_true(lk_breaker_admit(&breaker, T, &probe));
	assert_false(probe);
}

/* They cost nobody anything. */
static void
test_breaker_failures_at_once_leave_it_closed(void **state)
{
	struct lk_breaker breaker;
	int i;

	lk_breaker_init(&breaker);
	for (i = 0; i < 50; i++)
		assert_false(lk_breaker_note(&breaker, false, false,
		    T - 19 * MS, T));
	assert_false(lk_breaker_is_barred(&breaker));
}

/* Operations that were admitted before it opened fail after that. */
static void
test_breaker_late_failures_open_it_no_longer(void **state)
{
	struct lk_breaker breaker;
	int64_t now = fail_often(&breaker, 5, 1);
	bool probe;
	int i;

	for (i = 0; i < 50; i++)
		(void)lk_breaker_note(&breaker, false, false, T - 1000 * MS,
		    now + 200 * MS);
	assert_true(lk_breaker_admit(&breaker, now + 250 * MS, &probe));
}

static void
test_breaker_open_admits_one_probe_at_a_time(void **state)
{
	struct lk_breaker breaker;
	int64_t now = fail_often(&breaker, 5, 1) + 250 * MS;
	bool probe;

	assert_true(lk_breaker_admit(&breaker, now, &probe));
	assert_true(probe);
	assert_false(lk_breaker_admit(&breaker, now, &probe));
	assert_false(lk_breaker_admit(&breaker, now + 9999 * MS, &probe));
	assert_true(lk_breaker_close(&breaker));
	assert_true(lk_breaker_admit(&breaker, now, &probe));
	assert_false(probe);
}

static void
test_breaker_failed_probes_double_its_time(void **state)
{
	static const int64_t spans[] = { 500, 1000, 2000, 2000, 2000 };
	struct lk_breaker breaker;
	int64_t now = fail_often(&breaker, 5, 1) + 250 * MS;
	bool probe;

	EACH(c, spans) {
		assert_true(lk_breaker_admit(&breaker, now, &probe));
		(void)lk_breaker_note(&breaker, true, false, now, now);
		now += (*c - 1) * MS;
		assert_false(lk_breaker_admit(&breaker, now, &probe));
		now += MS;
	}
	/* Another master was found meanwhile: a late probe opens nothing. */
	assert_true(lk_breaker_admit(&breaker, now, &probe));
	assert_true(lk_breaker_close(&breaker));
	(void)lk_breaker_note(&breaker, true, false, now, now);
	assert_false(lk_breaker_is_barred(&breaker));
}

static void
test_breaker_backoff_grows_half_of_it_by_chance(void **state)
{
	static const struct {
		unsigned int attempt;
		int64_t least, most;
	} cases[] = { { 0, 10, 20 }, { 1, 20, 40 }, { 2, 40, 80 },
		{ 3, 80, 160 }, { 4, 125, 250 }, { 5, 125, 250 },
		{ 1000, 125, 250 }, { UINT32_MAX, 125, 250 } };
	int64_t ms, least, most;
	uint32_t random;

	EACH(c, cases) {
		least = INT64_MAX;
		most = 0;
		for (random = 0; random < 1000; random++) {
			ms = lk_backoff_ms(c->attempt, random);
			least = ms < least ? ms : least;
			most = ms > most ? ms : most;
		}
		assert_int_equal(least, c->least);
		assert_int_equal(most, c->most);
		assert_in_range(lk_backoff_ms(c->attempt, UINT32_MAX),
		    c->least, c->most);
	}
}

#include "support/suite.h"
