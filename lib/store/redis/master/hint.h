/*
 * A subscription to what a Sentinel says of its own accord: `+switch-master`.
 * It is a hint to ask all of them at once, and never more than that.
 */
#ifndef LK_REDIS_HINT_H_
#define LK_REDIS_HINT_H_

#include "settings/settings.h"
#include "store/redis/wire/channel.h"

/** All zero: there is none. */
struct lk_redis_hint {
	struct lk_redis_channel channel;
	size_t next; /* the Sentinel to turn to next */
};

/** lk_redis_hint_is_open(hint): whether one is subscribed to. */
static inline bool
lk_redis_hint_is_open(const struct lk_redis_hint *hint)
{
	return (lk_redis_channel_is_open(&hint->channel));
}

/**
 * lk_redis_hint_open(hint, settings, deadline):
 * Subscribe at the next Sentinel.  False if that did not work.
 */
bool lk_redis_hint_open(struct lk_redis_hint *hint,
    const struct lk_settings *settings, struct lk_deadline deadline);

/**
 * lk_redis_hint_read(hint):
 * Read what has come; whether that was a message.  Closes it at the end.
 */
bool lk_redis_hint_read(struct lk_redis_hint *hint);

/** lk_redis_hint_close(hint): Close it, if it is open. */
void lk_redis_hint_close(struct lk_redis_hint *hint);

#endif /* !LK_REDIS_HINT_H_ */
