#include "support/test.h"
#include "base/buf.h"

static void
test_buf_appends_in_order_and_terminated(void **state)
{
	struct lk_buf buf = LK_BUF_INIT(100);

	lk_buf_str(&buf, "one");
	lk_buf_add(&buf, "\0two", 4);
	lk_buf_printf(&buf, " %d-%s", 3, "x");
	assert_false(buf.failed);
	assert_int_equal(buf.len, 11);
	assert_memory_equal(buf.data, "one\0two 3-x", 12);
	lk_buf_free(&buf);
}

static void
test_buf_empty_append_gives_an_empty_string(void **state)
{
	struct lk_buf buf = LK_BUF_INIT(0);

	lk_buf_add(&buf, NULL, 0);
	assert_false(buf.failed);
	assert_string_equal(buf.data, "");
	lk_buf_free(&buf);
}

static void
test_buf_growth_keeps_the_content(void **state)
{
	struct lk_buf buf = LK_BUF_INIT(100000);
	size_t i;

	for (i = 0; i < 10000; i++)
		lk_buf_printf(&buf, "%04zu,", i);
	assert_false(buf.failed);
	assert_int_equal(buf.len, 50000);
	assert_memory_equal(buf.data, "0000,0001,", 10);
	assert_string_equal(buf.data + 49995, "9999,");
	assert_true(buf.cap <= 2 * 50001);
	lk_buf_free(&buf);
}

static void
test_buf_at_its_cap_fits(void **state)
{
	struct lk_buf buf = LK_BUF_INIT(4);

	lk_buf_str(&buf, "abcd");
	assert_false(buf.failed);
	assert_string_equal(buf.data, "abcd");
	lk_buf_add(&buf, NULL, 0);
	assert_false(buf.failed);
	lk_buf_free(&buf);
}

static void
test_buf_over_its_cap_fails_and_stays_failed(void **state)
{
	struct lk_buf buf = LK_BUF_INIT(4);

	lk_buf_str(&buf, "abc");
	lk_buf_str(&buf, "de");
	assert_true(buf.failed);
	lk_buf_str(&buf, "d");
	assert_int_equal(buf.len, 3);
	assert_string_equal(buf.data, "abc");
	assert_null(lk_buf_room(&buf, 0));
	assert_null(lk_buf_take(&buf));
	assert_null(buf.data);
	assert_int_equal(buf.len, 0);
}

static void
test_buf_printf_over_its_cap_fails_whole(void **state)
{
	struct lk_buf buf = LK_BUF_INIT(4);

	lk_buf_printf(&buf, "%s", "abcde");
	assert_true(buf.failed);
	assert_int_equal(buf.len, 0);
	lk_buf_free(&buf);
}

static void
test_buf_absurd_length_fails(void **state)
{
	struct lk_buf buf = LK_BUF_INIT(16);

	lk_buf_str(&buf, "abc");
	assert_null(lk_buf_room(&buf, SIZE_MAX));
	assert_true(buf.failed);
	lk_buf_free(&buf);
}

static void
test_buf_room_is_there_and_counts_when_grown(void **state)
{
	struct lk_buf buf = LK_BUF_INIT(1000);
	char *room;

	assert_non_null(room = lk_buf_room(&buf, 500));
	assert_int_equal(buf.len, 0);
	memset(room, 'x', 500);
	lk_buf_grew(&buf, 300);
	assert_int_equal(buf.len, 300);
	assert_int_equal(strlen(buf.data), 300);
	lk_buf_free(&buf);
}

static void
test_buf_reset_wipes_and_can_be_used_again(void **state)
{
	struct lk_buf buf = LK_BUF_INIT(6);
	char *data;

	lk_buf_str(&buf, "secret");
	data = buf.data;
	lk_buf_str(&buf, "!");
	assert_true(buf.failed);
	lk_buf_reset(&buf);
	assert_ptr_equal(buf.data, data);
	assert_memory_equal(data, "\0\0\0\0\0\0", 6);
	assert_false(buf.failed);
	lk_buf_str(&buf, "again");
	assert_string_equal(buf.data, "again");
	lk_buf_free(&buf);
}

static void
test_buf_take_hands_over(void **state)
{
	struct lk_buf buf = LK_BUF_INIT(10);
	char *text;

	lk_buf_str(&buf, "mine");
	text = lk_buf_take(&buf);
	assert_string_equal(text, "mine");
	assert_null(buf.data);
	assert_int_equal(buf.max, 10);
	free(text);
	text = lk_buf_take(&buf);
	assert_string_equal(text, "");
	free(text);
}

static void
test_buf_free_twice_is_harmless(void **state)
{
	struct lk_buf buf = LK_BUF_INIT(10);

	lk_buf_free(&buf);
	lk_buf_str(&buf, "x");
	lk_buf_free(&buf);
	lk_buf_free(&buf);
	assert_null(buf.data);
	assert_int_equal(buf.max, 10);
}

#include "support/suite.h"
