#include <errno.h>

#include <hiredis/hiredis.h>
#include <sodium.h>

#include "store/redis/wire/channel.h"

/* How a record of TLS begins that says what is wrong; no Redis reply does. */
#define TLS_ALERT 0x15

bool
lk_redis_channel_start(struct lk_redis_channel *channel, const char *host)
{
	channel->got = 0;
	channel->spoke = false;
	if ((channel->tls != NULL &&
	        !lk_tls_wrap(channel->tls, &channel->stream, host)) ||
	    (channel->reader = lk_redis_reader_new()) == NULL)
		lk_stream_close(&channel->stream);
	return (lk_redis_channel_is_open(channel));
}

void
lk_redis_channel_close(struct lk_redis_channel *channel)
{
	lk_stream_close(&channel->stream);
	lk_redis_reader_free(channel->reader);
	channel->reader = NULL;
}

/* Feed the reader ${n} bytes, which are wiped, or see why there are none. */
static int
feed(struct lk_redis_channel *channel, char *bytes, ssize_t n)
{
	int error = 0;

	if (n <= 0)
		return (n == 0 || errno == EPIPE ? ECONNRESET : errno);
	if (!channel->spoke && channel->tls == NULL && bytes[0] == TLS_ALERT)
		return (EPROTONOSUPPORT);
	channel->spoke = true;
	channel->got += (size_t)n;
	if (channel->got > channel->most)
		error = EMSGSIZE;
	else if (redisReaderFeed(channel->reader, bytes, (size_t)n) != REDIS_OK)
		error = ENOMEM;
	sodium_memzero(bytes, (size_t)n);
	return (error);
}

int
lk_redis_channel_read(struct lk_redis_channel *channel)
{
	char bytes[LK_REDIS_READ_SIZE];

	return (feed(channel, bytes,
	    lk_stream_read(&channel->stream, bytes, sizeof(bytes))));
}

int
lk_redis_channel_receive(struct lk_redis_channel *channel,
    struct lk_deadline deadline)
{
	char bytes[LK_REDIS_READ_SIZE];

	return (feed(channel, bytes,
	    lk_stream_receive(&channel->stream, bytes, sizeof(bytes),
	        deadline)));
}

bool
lk_redis_channel_next(struct lk_redis_channel *channel,
    struct lk_redis_reply **reply)
{
	void *object = NULL;
	bool good = true;

	if (lk_redis_channel_has_more(channel))
		good = redisReaderGetReply(channel->reader, &object) ==
		    REDIS_OK;
	*reply = object;
	return (good);
}
