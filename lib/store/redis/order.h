/*
 * Questions that are on their way on one connection: each has a place in the
 * order in which they are answered, and its bytes are kept until then.  Inside
 * of lane.c.
 */
#ifndef LK_REDIS_ORDER_H_
#define LK_REDIS_ORDER_H_

#include "base/stream.h"
#include "store/redis/wire/resp.h"

/* Most replies to one question. */
#define LK_REDIS_ORDER_REPLIES 14
/* Where the place of who has none is. */
#define LK_REDIS_NOWHERE UINT64_MAX

/** Who waits for an answer; it is a part of that. */
struct lk_redis_asker {
	uint64_t place;    /* counted on for ever */
	unsigned int lost; /* how often the question has gone out in vain */
};

struct lk_redis_place {
	struct lk_redis_asker *asker; /* NULL: nobody waits any more */
	unsigned int replies;         /* how many make the answer */
	unsigned int bytes;           /* of the question */
};

struct lk_redis_order {
	bool one_by_one; /* the next is sent when one was answered */

	struct lk_redis_place places[LK_CHECKS_MAX]; /* a ring */
	uint64_t head;
	uint64_t tail;
	struct lk_buf out; /* from the head's first byte on, and before that */
	size_t answered;   /* what was answered already */
	size_t sent;

	/* The replies to the head's question that have come, and when the last
	 * one came or was first waited for. */
	struct lk_redis_reply *replies[LK_REDIS_ORDER_REPLIES];
	size_t got;
	int64_t heard_ns;
};

/** lk_redis_order_init(order, one_by_one): Nothing is on its way. */
void lk_redis_order_init(struct lk_redis_order *order, bool one_by_one);

/** lk_redis_order_clear(order): Forget all questions. */
void lk_redis_order_clear(struct lk_redis_order *order);

/** lk_redis_order_free(order): Wipe and free. */
void lk_redis_order_free(struct lk_redis_order *order);

/** lk_redis_order_is_empty(order), lk_redis_order_is_full(order): */
static inline bool
lk_redis_order_is_empty(const struct lk_redis_order *order)
{
	return (order->head == order->tail);
}

static inline bool
lk_redis_order_is_full(const struct lk_redis_order *order)
{
	return (order->tail - order->head == LK_CHECKS_MAX);
}

/** lk_redis_order_is_owed(order): whether an answer is awaited. */
static inline bool
lk_redis_order_is_owed(const struct lk_redis_order *order)
{
	return (order->sent > order->answered);
}

/**
 * lk_redis_order_put(order, asker, commands, count):
 * Put a question at the end, unless the order is full.  False without memory.
 */
bool lk_redis_order_put(struct lk_redis_order *order,
    struct lk_redis_asker *asker, const struct lk_redis_command *commands,
    size_t count);

/** lk_redis_order_leave(order, asker): It waits no more; its place stays. */
void lk_redis_order_leave(struct lk_redis_order *order,
    struct lk_redis_asker *asker);

/**
 * lk_redis_order_lose(order):
 * The connection is gone: forget all questions, and let those who wait have no
 * place any more, and one more that was lost if it has gone out.
 */
void lk_redis_order_lose(struct lk_redis_order *order);

/** lk_redis_order_may_send(order): whether something is to be sent. */
bool lk_redis_order_may_send(const struct lk_redis_order *order);

/** lk_redis_order_send(order, stream): Send what can be; 0 or an errno. */
int lk_redis_order_send(struct lk_redis_order *order, struct lk_stream *stream);

/** What a reply makes. */
enum lk_redis_order_reply {
	LK_ORDER_MORE,    /* not a whole answer yet */
	LK_ORDER_ANSWER,  /* one that lk_redis_order_next() takes off */
	LK_ORDER_TOO_MANY /* none: nothing was asked */
};

/**
 * lk_redis_order_take(order, reply):
 * Take the next reply, which is the order's own from now on.
 */
enum lk_redis_order_reply lk_redis_order_take(struct lk_redis_order *order,
    struct lk_redis_reply *reply);

/**
 * lk_redis_order_next(order, asker):
 * Go on behind the answer at the head, whose replies stay until they are freed
 * by lk_redis_order_read().  ${asker} waited for it, or NULL.
 */
void lk_redis_order_next(struct lk_redis_order *order,
    struct lk_redis_asker **asker);

/** lk_redis_order_read(order): The replies have been read. */
void lk_redis_order_read(struct lk_redis_order *order);

#endif /* !LK_REDIS_ORDER_H_ */
