/* Questions on their way to a Redis: how many replies are theirs. */
#include <stdlib.h>

#include "store/redis/order.h"
#include "support/test.h"

static struct lk_redis_order order;

/* A reply of its own. */
static enum lk_redis_order_reply
take(void)
{
	struct lk_redis_reply *reply = calloc(1, sizeof(*reply));

	assert_non_null(reply);
	reply->type = LK_REDIS_NIL;
	return (lk_redis_order_take(&order, reply));
}

/* Put a question of two commands in; how many bytes the first has. */
static size_t
put_two(struct lk_redis_asker *asker)
{
	struct lk_redis_command commands[2];
	struct lk_buf first = LK_BUF_INIT(1000);
	size_t len;

	lk_redis_command(&commands[0], "GET");
	lk_redis_arg_str(&commands[0], "a");
	lk_redis_command(&commands[1], "TIME");
	assert_int_equal(lk_redis_command_format(commands, 1, &first), LK_OK);
	assert_true(lk_redis_order_put(&order, asker, commands, 2));
	len = first.len;
	lk_buf_free(&first);
	return (len);
}

/* A connection takes what it can: the rest of a question goes later. */
static void
test_order_of_a_question_sent_in_part_has_replies_to_that_part(void **state)
{
	struct lk_redis_asker asker = { .place = LK_REDIS_NOWHERE }, *whose;

	(void)state;
	lk_redis_order_init(&order, false);
	order.sent = put_two(&asker);
	assert_int_equal(take(), LK_ORDER_MORE);
	/* The second command has not been sent. */
	assert_int_equal(take(), LK_ORDER_TOO_MANY);
	order.sent = order.out.len - 1;
	assert_int_equal(take(), LK_ORDER_TOO_MANY);
	order.sent = order.out.len;
	assert_int_equal(take(), LK_ORDER_ANSWER);
	lk_redis_order_next(&order, &whose);
	assert_ptr_equal(whose, &asker);
	lk_redis_order_read(&order);
	assert_int_equal(take(), LK_ORDER_TOO_MANY);
	lk_redis_order_free(&order);
}

static void
test_order_of_a_question_that_was_not_sent_has_no_reply(void **state)
{
	struct lk_redis_asker asker = { .place = LK_REDIS_NOWHERE };

	(void)state;
	lk_redis_order_init(&order, false);
	assert_int_equal(take(), LK_ORDER_TOO_MANY);
	(void)put_two(&asker);
	assert_int_equal(take(), LK_ORDER_TOO_MANY);
	lk_redis_order_free(&order);
}

#include "support/suite.h"
