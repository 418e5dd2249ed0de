/*
 * The Sentinels in the hands of a thread: confirming the master before the last
 * confirmation is too old, and noticing another one at once.
 */
#include <errno.h>

#include <sodium.h>

#include "store/redis/master/sentinel.h"

#define MS_NS INT64_C(1000000)
/* How long one thing may take. */
#define STEP_MS 1000
/* How long after a failure or a hint the Sentinels are asked often, and how
 * often. */
#define DOUBT_MS 5000
#define DOUBT_EVERY_MS 50
/* Most that is read up to the end of a hint, and longest question for them,
 * with a password in it. */
#define HINT_MAX 32768
#define QUESTION_MAX 16384

static int64_t
min_ns(int64_t a, int64_t b)
{
	return (a < b ? a : b);
}

/* ---- Confirming -------------------------------------------------------- */

/*
 * Half of what a confirmation may be old, and less if one takes long: the next
 * must be there before this one is too old.  Often, while the master is spoken
 * against.
 */
static int64_t
confirm_every_ns(struct lk_redis_sentinel *s)
{
	const int64_t since = lk_boottime_ns() - DOUBT_MS * MS_NS;
	bool doubt;

	(void)pthread_mutex_lock(&s->base.lock);
	doubt = s->known.suspect_ns > since || s->outcome != LK_OK ||
	    s->tending.hinted_ns > since;
	(void)pthread_mutex_unlock(&s->base.lock);
	return (doubt ? DOUBT_EVERY_MS * MS_NS : s->base.bound_ns / 2);
}

static void
confirm(struct lk_redis_sentinel *s)
{
	struct lk_redis_tending *tending = &s->tending;
	/* Others may take the answer, and have no longer. */
	const int64_t ms = s->base.settings->store.redis.command_timeout_ms;
	struct lk_error ignored;
	enum lk_status status = LK_FAULT;
	int64_t soonest;

	tending->confirmed = lk_monotonic_ns();
	status = lk_redis_sentinel_confirm(s, lk_boottime_ns(),
	    lk_deadline_in(min_ns(ms, STEP_MS)), &ignored);
	tending->confirm_at = tending->confirmed + confirm_every_ns(s);
	/* Those that are refused at once are not asked all the time. */
	soonest = lk_deadline_in(LK_BACKOFF_MS).at_ns;
	if (status != LK_OK && tending->confirm_at < soonest)
		tending->confirm_at = soonest;
}

/* ---- Hints ------------------------------------------------------------- */

/* Subscribe to `+switch-master` at the next Sentinel; false if that failed. */
static bool
open_hint(struct lk_redis_sentinel *s, struct lk_deadline deadline)
{
	const struct lk_settings *settings = s->base.settings;
	const struct lk_strings *all = &settings->store.sentinel.addresses;
	struct lk_redis_channel *hint = &s->tending.hint;
	struct lk_buf out = LK_BUF_INIT(QUESTION_MAX);
	struct lk_redis_command commands[2];
	struct lk_address address;
	size_t count = 0, sent;
	const char *why;
	bool done;

	if (lk_address_parse(all->v[s->tending.hint_from++ % all->n],
	        &address) != LK_OK ||
	    lk_stream_connect(&hint->stream, &address, deadline, &why) != LK_OK)
		return (false);
	hint->most = HINT_MAX;
	hint->tls = lk_redis_sentinels_tls(s->sentinels);
	count += lk_redis_command_auth(&commands[count],
	    settings->store.sentinel.username,
	    settings->store.sentinel.password);
	lk_redis_command(&commands[count], "SUBSCRIBE");
	lk_redis_arg_str(&commands[count++], "+switch-master");
	done = lk_redis_command_format(commands, count, &out) == LK_OK &&
	    lk_redis_channel_start(hint, address.host) &&
	    lk_stream_keep_alive(&hint->stream) &&
	    lk_stream_send(&hint->stream, out.data, out.len, deadline, &sent) ==
	        0;
	if (!done)
		lk_redis_channel_close(hint);
	lk_buf_free(&out);
	return (done);
}

static void
listen_for_hints(struct lk_redis_sentinel *s)
{
	struct lk_redis_tending *tending = &s->tending;
	const int64_t ms = s->base.settings->store.redis.connect_timeout_ms;

	if (open_hint(s, lk_deadline_in(min_ns(ms, STEP_MS))))
		tending->hint_tries = 0;
	else
		tending->hint_tries++;
	tending->hint_at = lk_monotonic_ns() +
	    lk_backoff_ms(tending->hint_tries, randombytes_random()) * MS_NS;
}

/*
 * Take whole replies, of which some may be a message, and not the answer to a
 * command; false if they end in rubbish.
 */
static bool
read_whole(struct lk_redis_channel *hint, bool *message)
{
	struct lk_redis_reply *reply;
	bool refused = false;

	while (lk_redis_channel_next(hint, &reply)) {
		if (reply == NULL)
			return (!refused);
		hint->got = 0;
		*message |= reply->type == LK_REDIS_ARRAY &&
		    reply->elements == 3 &&
		    lk_redis_reply_is(reply->element[0], "message");
		refused |= reply->type == LK_REDIS_ERROR;
		lk_redis_reply_free(reply);
	}
	return (false);
}

/* Take what has come, if anything; it is closed at the end. */
static void
take_hint(struct lk_redis_tending *tending)
{
	struct lk_redis_channel *hint = &tending->hint;
	bool message = false;
	int error;

	if (!lk_redis_channel_is_open(hint))
		return;
	error = lk_redis_channel_read(hint);
	if (error != EAGAIN && (error != 0 || !read_whole(hint, &message)))
		lk_redis_channel_close(hint);
	if (!message)
		return;
	tending->hinted_ns = lk_boottime_ns();
	/* At once, but not as often as somebody may like to say it. */
	tending->confirm_at = min_ns(tending->confirm_at,
	    tending->confirmed + LK_BACKOFF_MS * MS_NS);
}

/* ---- All of it --------------------------------------------------------- */

struct lk_deadline
lk_redis_sentinel_tend(struct lk_redis_topology *topology,
    struct pollfd *listen)
{
	struct lk_redis_sentinel *s = lk_redis_sentinel_of(topology);
	struct lk_redis_tending *t = &s->tending;
	const int64_t now = lk_monotonic_ns();
	int64_t next;

	take_hint(t);
	/* The one that has waited longer goes first. */
	if (!lk_redis_channel_is_open(&t->hint) && t->hint_at <= now &&
	    t->hint_at < t->confirm_at)
		listen_for_hints(s);
	else if (t->confirm_at <= now)
		confirm(s);
	/* What was heard meanwhile may bring it forward. */
	t->confirm_at = min_ns(t->confirm_at,
	    lk_monotonic_ns() + confirm_every_ns(s));
	next = t->confirm_at;
	if (!lk_redis_channel_is_open(&t->hint))
		next = min_ns(next, t->hint_at);
	*listen = lk_stream_poll(&t->hint.stream, POLLIN);
	return ((struct lk_deadline){ next });
}
