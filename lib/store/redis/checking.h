/*
 * The checks that are under way, from the question to its answer.  Inside of
 * checks.c.
 */
#ifndef LK_REDIS_CHECKING_H_
#define LK_REDIS_CHECKING_H_

#include "store/checks.h"
#include "store/redis/dial.h"
#include "store/redis/order.h"

struct lk_redis_check {
	struct lk_redis_asker asker;
	struct lk_redis_check *next; /* in one of the lists */
	struct lk_redis_check *before;
	void *whose;
	struct lk_deadline deadline;
	int64_t began_ns;
	struct lk_token_key key; /* without its token */
	bool user;               /* his record is asked for */
	bool again;              /* it is the second look */

	/* Once it is finished. */
	enum lk_status status;
	struct lk_session session;
	struct lk_buf record;
};

struct lk_redis_check_list {
	struct lk_redis_check *first;
	struct lk_redis_check *last;
};

struct lk_redis_checks {
	struct lk_store_checks base;
	const struct lk_redis_layout *layout;
	struct lk_redis_link *link;
	struct lk_redis_dial dial;
	struct lk_redis_check_list
	    waiting; /* in the order of their deadlines */
	struct lk_redis_check_list done;

	struct lk_redis_order order;
	struct lk_redis_asker time; /* asks for the clock */
};

/** lk_redis_checks_of(base): those that ${base} is the base of. */
struct lk_redis_checks *lk_redis_checks_of(struct lk_store_checks *base);

/**
 * lk_redis_checks_put(checks, check):
 * Ask about the session of ${check}, which is under way then.  LK_MALFORMED if
 * it can be none in this layout.
 */
enum lk_status lk_redis_checks_put(struct lk_redis_checks *checks,
    struct lk_redis_check *check) LK_MUST_CHECK;

/**
 * lk_redis_checks_ask_time(checks):
 * Ask for the time as well, if that is called for and there is a place for it.
 */
void lk_redis_checks_ask_time(struct lk_redis_checks *checks);

/**
 * lk_redis_checks_fail(checks, status):
 * All that are under way end so, and the connection is dropped.
 */
void lk_redis_checks_fail(struct lk_redis_checks *checks,
    enum lk_status status);

/**
 * lk_redis_checks_send_again(checks, status):
 * The connection is gone, and nothing was wrong but that.  What was sent is
 * sent once more on another, since asking twice changes nothing; what was sent
 * twice ends with ${status}.
 */
void lk_redis_checks_send_again(struct lk_redis_checks *checks,
    enum lk_status status);

/** lk_redis_checks_take(checks): Take the replies that have come whole. */
void lk_redis_checks_take(struct lk_redis_checks *checks);

/** lk_redis_checks_expire(checks, now_ns): End those whose time is over. */
void lk_redis_checks_expire(struct lk_redis_checks *checks, int64_t now_ns);

/** Two of the operations of store/checks.h. */
bool lk_redis_checks_finish(struct lk_store_checks *base,
    struct lk_store_checked *checked);
bool lk_redis_checks_give_up(struct lk_store_checks *base, const void *whose);

#endif /* !LK_REDIS_CHECKING_H_ */
