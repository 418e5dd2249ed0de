/* What a Redis says of its time: read to the digit, or not believed. */
#include "base/deadline.h"
#include "store/redis/wire/wire.h"
#include "support/test.h"

/* TIME's answer, with these ${texts}; NULL: an integer in its place. */
struct answer {
	struct lk_redis_reply reply, part[3], *element[3];
};

static const struct lk_redis_reply *
answer_of(struct answer *answer, const char *const *texts, size_t n)
{
	size_t i;

	memset(answer, 0, sizeof(*answer));
	for (i = 0; i < n; i++) {
		answer->element[i] = &answer->part[i];
		answer->part[i].type =
		    texts[i] == NULL ? LK_REDIS_INTEGER : LK_REDIS_STRING;
		answer->part[i].text = (char *)(uintptr_t)texts[i];
		answer->part[i].len = texts[i] == NULL ? 0 : strlen(texts[i]);
	}
	answer->reply.type = LK_REDIS_ARRAY;
	answer->reply.element = answer->element;
	answer->reply.elements = n;
	return (&answer->reply);
}

static void
test_redis_clock_goes_on_from_what_it_was_told(void **state)
{
	static const char *const texts[] = { "4102444800", "999999" };
	struct lk_redis_clock clock = { 0 };
	struct answer answer;
	int64_t before, after, told;

	assert_true(lk_redis_clock_is_due(&clock));
	before = lk_monotonic_ns();
	assert_int_equal(
	    lk_redis_clock_set(&clock, answer_of(&answer, texts, 2)), LK_OK);
	assert_false(lk_redis_clock_is_due(&clock));
	told = lk_redis_clock_now_ms(&clock);
	after = lk_monotonic_ns();
	assert_true(told >= INT64_C(4102444800999));
	assert_true(
	    told <= INT64_C(4102444801000) + (after - before) / 1000000);
	/* As if it had been told a minute ago. */
	clock.until_ns -= INT64_C(60000000000);
	assert_true(lk_redis_clock_is_due(&clock));
}

static void
test_redis_clock_takes_nothing_that_is_no_time(void **state)
{
	static const struct {
		const char *text[3];
		size_t n;
	} cases[] = {
		{ { "" }, 0 },
		{ { "1764000000" }, 1 },
		{ { "1764000000", "1", "1" }, 3 },
		{ { NULL, "1" }, 2 },
		{ { "1764000000", NULL }, 2 },
		{ { "", "1" }, 2 },
		{ { "1764000000", "" }, 2 },
		{ { "-1764000000", "1" }, 2 },
		{ { "+1764000000", "1" }, 2 },
		{ { " 1764000000", "1" }, 2 },
		{ { "1764000000 ", "1" }, 2 },
		{ { "1764000000", "0x10" }, 2 },
		{ { "17640000.0", "1" }, 2 },
		{ { "1e9", "1" }, 2 },
		/* A digit more than there can be, and far more. */
		{ { "176400000000", "1" }, 2 },
		{ { "1764000000", "1000000" }, 2 },
		{ { "99999999999999999999", "1" }, 2 },
		{ { "1764000000", "99999999999999999999" }, 2 },
	};
	const struct lk_redis_clock known = { 1, INT64_MAX };
	struct lk_redis_clock clock;
	struct lk_redis_reply error = { .type = LK_REDIS_ERROR };
	struct answer answer;

	EACH(c, cases) {
		clock = known;
		assert_int_equal(
		    lk_redis_clock_set(&clock,
		        answer_of(&answer, c->text, c->n)), LK_E_CORRUPT);
		assert_memory_equal(&clock, &known, sizeof(clock));
	}
	clock = known;
	assert_int_equal(lk_redis_clock_set(&clock, &error), LK_E_CORRUPT);
	assert_memory_equal(&clock, &known, sizeof(clock));
}

static void
test_redis_clock_of_the_largest_numbers_does_not_overflow(void **state)
{
	static const char *const texts[] = { "99999999999", "999999" };
	struct lk_redis_clock clock = { 0 };
	struct answer answer;

	assert_int_equal(
	    lk_redis_clock_set(&clock, answer_of(&answer, texts, 2)), LK_OK);
	assert_true(
	    lk_redis_clock_now_ms(&clock) >= INT64_C(99999999999999));
}

#include "support/suite.h"
