#include <errno.h>

#include "store/redis/master/hint.h"
#include "store/redis/wire/command.h"

/* Most that is read up to the end of a message, and longest question, with a
 * password in it. */
#define MESSAGE_MAX 32768
#define QUESTION_MAX 16384

void
lk_redis_hint_close(struct lk_redis_hint *hint)
{
	lk_redis_channel_close(&hint->channel);
}

static bool
subscribe(struct lk_redis_hint *hint, const struct lk_settings *settings)
{
	struct lk_buf out = LK_BUF_INIT(QUESTION_MAX);
	struct lk_redis_command commands[2];
	size_t count = 0;
	bool done;

	count += lk_redis_command_auth(&commands[count],
	    settings->store.sentinel.username,
	    settings->store.sentinel.password);
	lk_redis_command(&commands[count], "SUBSCRIBE");
	lk_redis_arg_str(&commands[count++], "+switch-master");
	done = lk_redis_command_format(commands, count, &out) == LK_OK &&
	    lk_stream_write(&hint->channel.stream, out.data, out.len) ==
	        (ssize_t)out.len;
	lk_buf_free(&out);
	return (done);
}

bool
lk_redis_hint_open(struct lk_redis_hint *hint,
    const struct lk_settings *settings, struct lk_deadline deadline)
{
	const struct lk_strings *all = &settings->store.sentinel.addresses;
	struct lk_address address;
	const char *why;

	lk_redis_hint_close(hint);
	if (lk_address_parse(all->v[hint->next++ % all->n], &address) !=
	        LK_OK ||
	    lk_stream_connect(&hint->channel.stream, &address, deadline,
	        &why) != LK_OK)
		return (false);
	hint->channel.most = MESSAGE_MAX;
	if (lk_redis_channel_start(&hint->channel) &&
	    lk_stream_keep_alive(&hint->channel.stream) &&
	    subscribe(hint, settings))
		return (true);
	lk_redis_hint_close(hint);
	return (false);
}

/* Whether ${reply} is a message, and not the answer to a command. */
static bool
is_message(const struct lk_redis_reply *reply)
{
	return (reply->type == LK_REDIS_ARRAY && reply->elements == 3 &&
	    lk_redis_reply_is(reply->element[0], "message"));
}

/* Take whole replies; false if they end in rubbish. */
static bool
read_whole(struct lk_redis_hint *hint, bool *message)
{
	struct lk_redis_reply *reply;
	bool refused = false;

	while (lk_redis_channel_next(&hint->channel, &reply)) {
		if (reply == NULL)
			return (!refused);
		hint->channel.got = 0;
		*message |= is_message(reply);
		refused |= reply->type == LK_REDIS_ERROR;
		lk_redis_reply_free(reply);
	}
	return (false);
}

bool
lk_redis_hint_read(struct lk_redis_hint *hint)
{
	const int error = lk_redis_channel_read(&hint->channel);
	bool message = false;

	if (error != EAGAIN && (error != 0 || !read_whole(hint, &message)))
		lk_redis_hint_close(hint);
	return (message);
}
