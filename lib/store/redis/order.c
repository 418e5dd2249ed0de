#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "store/redis/order.h"

/* Most bytes of questions, and when those of answered ones are cut off. */
#define OUT_MAX (8 * 1024 * 1024)
#define OUT_ANSWERED 65536

/* The place of that number. */
static struct lk_redis_place *
place_at(struct lk_redis_order *order, uint64_t at)
{
	return (&order->places[at % LK_CHECKS_MAX]);
}

void
lk_redis_order_init(struct lk_redis_order *order, bool one_by_one)
{
	memset(order, 0, sizeof(*order));
	order->one_by_one = one_by_one;
	order->out = (struct lk_buf)LK_BUF_INIT(OUT_MAX);
}

void
lk_redis_order_read(struct lk_redis_order *order)
{
	lk_redis_free_replies(order->replies, LK_REDIS_ORDER_REPLIES);
	order->got = 0;
}

void
lk_redis_order_clear(struct lk_redis_order *order)
{
	order->head = order->tail;
	lk_buf_reset(&order->out);
	order->answered = order->sent = 0;
	lk_redis_order_read(order);
}

void
lk_redis_order_free(struct lk_redis_order *order)
{
	lk_redis_order_clear(order);
	lk_buf_free(&order->out);
}

/* ---- Questions --------------------------------------------------------- */

bool
lk_redis_order_put(struct lk_redis_order *order, struct lk_redis_asker *asker,
    const struct lk_redis_command *commands, size_t count)
{
	const size_t before = order->out.len;

	if (lk_redis_command_format(commands, count, &order->out) != LK_OK) {
		order->out.len = before;
		order->out.failed = false;
		return (false);
	}
	*place_at(order, order->tail) = (struct lk_redis_place){ .asker = asker,
		.replies = (unsigned int)count,
		.bytes = (unsigned int)(order->out.len - before) };
	asker->place = order->tail++;
	return (true);
}

void
lk_redis_order_leave(struct lk_redis_order *order, struct lk_redis_asker *asker)
{
	if (asker->place >= order->head && asker->place < order->tail)
		place_at(order, asker->place)->asker = NULL;
	asker->place = LK_REDIS_NOWHERE;
}

void
lk_redis_order_lose(struct lk_redis_order *order)
{
	size_t at = order->answered;
	const struct lk_redis_place *place;

	for (; order->head != order->tail; order->head++) {
		place = place_at(order, order->head);
		if (place->asker != NULL) {
			place->asker->lost += at < order->sent;
			place->asker->place = LK_REDIS_NOWHERE;
		}
		at += place->bytes;
	}
	lk_redis_order_clear(order);
}

/* So many bytes may have been sent. */
static size_t
sent_most(const struct lk_redis_order *order)
{
	if (!order->one_by_one || lk_redis_order_is_empty(order))
		return (order->out.len);
	return (
	    order->answered + order->places[order->head % LK_CHECKS_MAX].bytes);
}

bool
lk_redis_order_may_send(const struct lk_redis_order *order)
{
	return (order->sent < sent_most(order));
}

int
lk_redis_order_send(struct lk_redis_order *order, struct lk_stream *stream)
{
	ssize_t n;

	if (!lk_redis_order_may_send(order))
		return (0);
	if (!lk_redis_order_is_owed(order))
		order->heard_ns = lk_monotonic_ns();
	n = lk_stream_write(stream, order->out.data + order->sent,
	    sent_most(order) - order->sent);
	if (n < 0)
		return (errno == EAGAIN ? 0 : errno);
	order->sent += (size_t)n;
	return (0);
}

/* ---- Answers ----------------------------------------------------------- */

enum lk_redis_order_reply
lk_redis_order_take(struct lk_redis_order *order, struct lk_redis_reply *reply)
{
	const struct lk_redis_place *head = place_at(order, order->head);
	/* Of a question that was sent in part, commands may be answered. */
	const size_t needed = order->got + 1 < head->replies ? 1 : head->bytes;

	order->heard_ns = lk_monotonic_ns();
	if (lk_redis_order_is_empty(order) ||
	    order->answered + needed > order->sent) {
		lk_redis_reply_free(reply);
		return (LK_ORDER_TOO_MANY);
	}
	order->replies[order->got++] = reply;
	return (order->got == head->replies ? LK_ORDER_ANSWER : LK_ORDER_MORE);
}

/* Cut off what has been answered of what was sent. */
static void
cut_answered(struct lk_redis_order *order)
{
	const size_t left = order->out.len - order->answered;

	if (left == 0) {
		lk_buf_reset(&order->out);
	} else if (order->answered > OUT_ANSWERED && order->answered > left) {
		memmove(order->out.data, order->out.data + order->answered,
		    left);
		sodium_memzero(order->out.data + left, order->out.len - left);
		order->out.len = left;
	} else
		return;
	order->sent -= order->answered;
	order->answered = 0;
}

void
lk_redis_order_next(struct lk_redis_order *order, struct lk_redis_asker **asker)
{
	const struct lk_redis_place *head = place_at(order, order->head);

	*asker = head->asker;
	if (*asker != NULL)
		(*asker)->place = LK_REDIS_NOWHERE;
	order->answered += head->bytes;
	order->head++;
	cut_answered(order);
}
