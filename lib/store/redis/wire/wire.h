/*
 * The face of this folder: one connection to one Redis, logged in, that waits
 * for its answers.  The channel below it is for those who do not wait, and
 * resp.h is what goes over it.
 *
 * hiredis formats and parses; the stream is ours, because only then does one
 * deadline cover an operation however the peer drips its bytes, no dead peer
 * raises SIGPIPE, and no connection is used again after it failed: what would
 * be read next might be the answer to somebody else's question.
 */
#ifndef LK_REDIS_WIRE_H_
#define LK_REDIS_WIRE_H_

#include "base/stream.h"
#include "base/tls.h"
#include "settings/settings.h"
#include "store/redis/wire/resp.h"

/* ---- Channels ---------------------------------------------------------- */

/* What is read at once. */
#define LK_REDIS_READ_SIZE 16384

/**
 * One connection on which the protocol is spoken, by a Redis or a Sentinel: a
 * stream, and hiredis' reader behind it.  Replies come whole and in the order
 * of the commands, of which any number may be on their way: whose a reply is,
 * its user counts.  Who does not wait goes by the stream's rules (stream.h):
 * poll for what lk_stream_poll() says, read until EAGAIN, and take replies
 * until there is none.  All zero but for what is static: not connected.
 */
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

/* ---- Wires ------------------------------------------------------------- */

/* Longest address as text, with its NUL. */
#define LK_REDIS_NAME_SIZE 272

/** How a wire behaves.  All of it is borrowed. */
struct lk_redis_manners {
	const struct lk_redis_settings *settings; /* name, password, ... */
	const struct lk_tls *tls;                 /* or NULL */
	/* Whether the peer must say that it is a master. */
	bool master;
	/* If not NULL: an exchange ends early once it is not the wire's. */
	const atomic_uint *generation;
};

/**
 * The clock of the Redis at the other end, by which sessions live.  It is asked
 * for now and then, by a TIME in the same write as other commands, and goes on
 * with the clock that nobody sets in between.
 */
struct lk_redis_clock {
	int64_t ahead_us; /* of the monotonic clock */
	int64_t until_ns; /* when it is to be asked for again; 0: not known */
};

/** lk_redis_clock_is_due(clock): whether it is to be asked for. */
bool lk_redis_clock_is_due(const struct lk_redis_clock *clock);

/**
 * lk_redis_clock_set(clock, reply):
 * Take what TIME answered just now.  LK_E_CORRUPT if it is no time.
 */
enum lk_status lk_redis_clock_set(struct lk_redis_clock *clock,
    const struct lk_redis_reply *reply) LK_MUST_CHECK;

/** lk_redis_clock_now_ms(clock): Milliseconds since 1970 UTC there. */
int64_t lk_redis_clock_now_ms(const struct lk_redis_clock *clock);

struct lk_redis_wire {
	/* Static data. */
	struct lk_redis_manners manners;
	struct lk_redis_wire *next; /* its user's */
	struct lk_error *error;     /* where failures are explained */

	/* Dynamic data.  Nothing is on its way in either direction between two
	 * calls. */
	struct lk_redis_channel channel;
	bool reached; /* the last time it was opened, it met somebody */
	struct lk_redis_clock clock;   /* of whom it is open to */
	unsigned int generation;       /* of the address that it is open to */
	char name[LK_REDIS_NAME_SIZE]; /* the last address, for messages */
};

/** An exchange, and how it ended apart from its status. */
struct lk_redis_exchange {
	bool timed; /* a TIME is behind the commands, for the wire's clock */

	/* Set by lk_redis_wire_exchange(). */
	enum lk_status time_status; /* LK_OK, or why there is no time; the
	                               wire's error says so too */
	size_t replies;             /* how many were read */
	bool sent;                  /* whether the peer may have got anything */
	bool peer_is_gone; /* EOF, reset or broken pipe, and no reply at all */
};

/**
 * lk_redis_wire_init(wire, manners, error):
 * A wire that is not connected.
 */
void lk_redis_wire_init(struct lk_redis_wire *wire,
    const struct lk_redis_manners *manners, struct lk_error *error);

/** lk_redis_wire_drop(wire): Close it, if it is open. */
void lk_redis_wire_drop(struct lk_redis_wire *wire);

/** lk_redis_wire_is_open(wire): whether it is connected and logged in. */
static inline bool
lk_redis_wire_is_open(const struct lk_redis_wire *wire)
{
	return (lk_redis_channel_is_open(&wire->channel));
}

/** lk_redis_wire_is_current(wire): whether who it is to is a master still. */
static inline bool
lk_redis_wire_is_current(const struct lk_redis_wire *wire)
{
	return (wire->manners.generation == NULL ||
	    atomic_load_explicit(wire->manners.generation,
	        memory_order_acquire) == wire->generation);
}

/**
 * lk_redis_wire_open(wire, address, name, generation, deadline):
 * Connect to ${address}, called ${name} and known since ${generation}, within
 * the settings' time for that, and log in.  LK_E_SETTINGS if the credentials or
 * the database are wrong, LK_E_STORE or LK_E_TIMEOUT if there is no answer, or
 * if it is no master although it must be.
 */
enum lk_status lk_redis_wire_open(struct lk_redis_wire *wire,
    const struct lk_address *address, const char *name, unsigned int generation,
    struct lk_deadline deadline) LK_MUST_CHECK;

/**
 * lk_redis_wire_take(wire, fd):
 * Talk on the connected socket ${fd}, which is the wire's own from now on, even
 * on failure.
 */
enum lk_status lk_redis_wire_take(struct lk_redis_wire *wire,
    int fd) LK_MUST_CHECK;

/**
 * lk_redis_wire_is_quiet(wire):
 * Whether an idle connection can still be written to: the peer has neither
 * closed it nor said anything.
 */
bool lk_redis_wire_is_quiet(const struct lk_redis_wire *wire);

/* ---- For who does not wait and uses the wire's channel by itself -------- */

/* AUTH, SELECT and ROLE. */
#define LK_REDIS_HELLO_MAX 3

/**
 * lk_redis_wire_hello(wire, commands):
 * What a new connection is told: how many commands.
 */
size_t lk_redis_wire_hello(const struct lk_redis_wire *wire,
    struct lk_redis_command commands[LK_REDIS_HELLO_MAX]);

/**
 * lk_redis_wire_welcome(wire, replies, count):
 * What became of it, by the replies to all of these commands.
 */
enum lk_status lk_redis_wire_welcome(const struct lk_redis_wire *wire,
    struct lk_redis_reply *const *replies, size_t count) LK_MUST_CHECK;

/** lk_redis_wire_take_time(wire, reply): Know the clock by a reply to TIME. */
enum lk_status lk_redis_wire_take_time(struct lk_redis_wire *wire,
    const struct lk_redis_reply *reply) LK_MUST_CHECK;

/**
 * lk_redis_wire_failed(wire, what, error),
 * lk_redis_wire_read_failed(wire, error):
 * Explain why ${what}, or reading, failed, and return the status that follows.
 * ${error} is an errno; of reading also EBADMSG, which is what is no Redis
 * reply, and EPROTO, which is more replies than commands.
 */
enum lk_status lk_redis_wire_failed(const struct lk_redis_wire *wire,
    const char *what, int error);
enum lk_status lk_redis_wire_read_failed(const struct lk_redis_wire *wire,
    int error);

/* ---- For who waits ------------------------------------------------------ */

/**
 * lk_redis_wire_exchange(wire, out, count, deadline, replies, exchange):
 * Send ${out}, which is ${count} commands, in one write and read as many
 * replies, and of what ${exchange} says is behind them.  On failure the wire is
 * closed, and there are only those that ${exchange} counts; LK_E_CORRUPT is
 * what is no Redis reply, or too long. Error replies are replies.  The caller
 * frees them with lk_redis_free_replies().
 */
enum lk_status lk_redis_wire_exchange(struct lk_redis_wire *wire,
    const struct lk_buf *out, size_t count, struct lk_deadline deadline,
    struct lk_redis_reply **replies,
    struct lk_redis_exchange *exchange) LK_MUST_CHECK;

/**
 * lk_redis_wire_ask(wire, commands, count, deadline, replies):
 * The same for commands, of which each must be answered without an error.
 */
enum lk_status lk_redis_wire_ask(struct lk_redis_wire *wire,
    const struct lk_redis_command *commands, size_t count,
    struct lk_deadline deadline, struct lk_redis_reply **replies) LK_MUST_CHECK;

#endif /* !LK_REDIS_WIRE_H_ */
