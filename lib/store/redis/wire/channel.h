/*
 * One connection on which Redis' protocol is spoken, by a Redis or a Sentinel:
 * a stream, and hiredis' reader behind it.  Replies come whole and in the order
 * of the commands, of which any number may be on their way: whose a reply is,
 * its user counts.
 *
 * wire.h is the one that waits.  Users that do not wait go by the stream's
 * rules (stream.h): they poll for what lk_stream_poll() says, read until
 * EAGAIN, and take replies until there is none.
 */
#ifndef LK_REDIS_CHANNEL_H_
#define LK_REDIS_CHANNEL_H_

#include "base/stream.h"
#include "base/tls.h"
#include "store/redis/wire/reply.h"

/* What is read at once. */
#define LK_REDIS_READ_SIZE 16384

/** All zero but for what is static: not connected. */
struct lk_redis_channel {
	/* Static data. */
	size_t most;              /* bytes that `got` may reach */
	const struct lk_tls *tls; /* or NULL; borrowed */

	struct lk_stream stream;
	redisReader *reader; /* NULL exactly if nothing is connected */
	size_t got; /* bytes that were read; its user sets it to 0 at will */
	bool spoke; /* the peer has said something */
};

/**
 * lk_redis_channel_start(channel, host):
 * Read from its stream, which was connected to ${host} or is being.  False, and
 * closed, if there is no memory.
 */
bool lk_redis_channel_start(struct lk_redis_channel *channel, const char *host);

/** lk_redis_channel_close(channel): Close it, if it is open. */
void lk_redis_channel_close(struct lk_redis_channel *channel);

/** lk_redis_channel_is_open(channel): whether it was started. */
static inline bool
lk_redis_channel_is_open(const struct lk_redis_channel *channel)
{
	return (channel->reader != NULL);
}

/**
 * lk_redis_channel_read(channel),
 * lk_redis_channel_receive(channel, deadline):
 * Take bytes that are there, or as soon as there are some.  0, or an errno:
 * ECONNRESET also at the end, EPROTONOSUPPORT if the peer wants TLS,
 * EKEYREJECTED if its TLS is not to be trusted (see the stream's why), EMSGSIZE
 * beyond the most, ENOMEM, and those of lk_stream_read() and
 * lk_stream_receive().
 */
int lk_redis_channel_read(struct lk_redis_channel *channel);
int lk_redis_channel_receive(struct lk_redis_channel *channel,
    struct lk_deadline deadline);

/** lk_redis_channel_has_more(channel): whether bytes were read that
 * are of no reply that was taken. */
static inline bool
lk_redis_channel_has_more(const struct lk_redis_channel *channel)
{
	return (channel->reader->pos < channel->reader->len);
}

/**
 * lk_redis_channel_next(channel, reply):
 * Take the next whole reply, NULL if there is none yet.  False if what comes is
 * none.  The caller frees ${reply}.
 */
bool lk_redis_channel_next(struct lk_redis_channel *channel,
    struct lk_redis_reply **reply);

#endif /* !LK_REDIS_CHANNEL_H_ */
