/*
 * Bytes to one peer and back, over a connected socket: close-on-exec, without
 * delay on TCP, and never a SIGPIPE.
 *
 * The first half waits for nothing and serves a loop of poll or epoll: what
 * cannot be done now fails with EAGAIN, and lk_stream_poll() says for what to
 * wait.  The second half waits, within one deadline.
 *
 * How bytes travel is a table of operations.  The socket's own is here.  The
 * one that encrypts (tls.h) puts itself in its place, and so every user must be
 * ready for it: to read it may have to write first, and to write to read, so
 * wait for what lk_stream_poll() says and not for what is meant; and it may
 * hold bytes of which no poll tells, so ask lk_stream_is_due() before waiting,
 * or read until EAGAIN.
 */
#ifndef LK_STREAM_H_
#define LK_STREAM_H_

#include <sys/types.h>

#include <poll.h>
#include <stdatomic.h>

#include "base/address.h"
#include "base/deadline.h"

struct lk_stream;

/** One kind of stream.  Nothing is interrupted by signals. */
struct lk_stream_ops {
	/**
	 * Take what bytes there are: how many, 0 at the end, or -1 and errno.
	 * With ${patient} it may wait for as long as the stream's patience.
	 */
	ssize_t (*read)(struct lk_stream *stream, void *bytes, size_t size,
	    bool patient);

	/** Send what can be sent now: how many bytes, or -1 and errno. */
	ssize_t (
	    *write)(struct lk_stream *stream, const void *bytes, size_t len);

	/**
	 * For which of poll(2)'s events to wait, to do ${events}; 0 if that
	 * can go on at once.  NULL: for ${events}.
	 */
	short (*wants)(const struct lk_stream *stream, short events);

	/** Whether the peer has neither closed it nor said anything. */
	bool (*is_quiet)(const struct lk_stream *stream);

	/** Free what it holds beside the socket, and say nothing to the peer,
	 * who may be a parent process's.  NULL: there is nothing. */
	void (*close)(struct lk_stream *stream);
};

/** All zero: not connected. */
struct lk_stream {
	const struct lk_stream_ops *ops; /* NULL: no socket */
	void *inside;                    /* what such a kind holds */
	const char *why; /* what was wrong with the peer, a static text; NULL:
	                    nothing is known to be */
	int fd;
	bool connecting;

	/* For what waits.  Whoever has connected it may set an epoch: waiting
	 * then ends with ESTALE once it is not what it was born in. */
	int64_t patience_ms; /* how long a read may wait by itself */
	const atomic_uint *epoch;
	unsigned int born;
};

/**
 * lk_stream_begin(stream, endpoint):
 * Open a socket and begin to connect it.  0: done; EINPROGRESS: it is
 * connecting, wait and call lk_stream_go_on(); else another errno, and no
 * socket.
 */
int lk_stream_begin(struct lk_stream *stream,
    const struct lk_endpoint *endpoint);

/**
 * lk_stream_go_on(stream):
 * What came of it, once that is known: 0, or an errno, and no socket.
 */
int lk_stream_go_on(struct lk_stream *stream);

/** lk_stream_take(stream, fd): Use a connected socket, which is its own now. */
void lk_stream_take(struct lk_stream *stream, int fd);

/** lk_stream_close(stream): Close it, if it is open. */
void lk_stream_close(struct lk_stream *stream);

/** lk_stream_is_open(stream): whether it is connected or connecting. */
static inline bool
lk_stream_is_open(const struct lk_stream *stream)
{
	return (stream->ops != NULL);
}

/**
 * lk_stream_poll(stream, events):
 * For what to wait in order to do ${events}, POLLIN to read and POLLOUT to
 * write; ${events} of the answer are 0 if that can go on at once, and fd is -1
 * if it is not open.
 */
struct pollfd lk_stream_poll(const struct lk_stream *stream, short events);

/**
 * lk_stream_is_due(poll):
 * Whether what lk_stream_poll() said has come, or need not be waited for.
 */
static inline bool
lk_stream_is_due(const struct pollfd *poll)
{
	return (poll->fd >= 0 && (poll->revents != 0 || poll->events == 0));
}

/**
 * lk_stream_read(stream, bytes, size),
 * lk_stream_write(stream, bytes, len):
 * Take and send what can be now; as the operations say.
 */
static inline ssize_t
lk_stream_read(struct lk_stream *stream, void *bytes, size_t size)
{
	return (stream->ops->read(stream, bytes, size, false));
}

static inline ssize_t
lk_stream_write(struct lk_stream *stream, const void *bytes, size_t len)
{
	return (stream->ops->write(stream, bytes, len));
}

/**
 * lk_stream_peer(stream, uid):
 * Whose process listened at the other end of one to a unix socket; false, and
 * errno, if that cannot be told.
 */
bool lk_stream_peer(const struct lk_stream *stream, uid_t *uid);

/**
 * lk_stream_is_quiet(stream):
 * Whether an idle one can still be written to.
 */
static inline bool
lk_stream_is_quiet(const struct lk_stream *stream)
{
	return (stream->ops->is_quiet(stream));
}

/**
 * lk_stream_keep_alive(stream):
 * Notice within a quarter of a minute that the peer's machine is gone, which
 * will never say so.  False if that cannot be had.
 */
bool lk_stream_keep_alive(struct lk_stream *stream);

/* ---- With a deadline --------------------------------------------------- */

/**
 * lk_stream_connect(stream, address, deadline, why):
 * Connect it.  The first of a host's addresses that answers is taken; one that
 * does not leaves the others their share of the time.  LK_E_TIMEOUT, or
 * LK_E_STORE, and in ${why} a static text that says why.
 */
enum lk_status lk_stream_connect(struct lk_stream *stream,
    const struct lk_address *address, struct lk_deadline deadline,
    const char **why) LK_MUST_CHECK;

/**
 * lk_stream_set_patience(stream, ms):
 * Let lk_stream_receive() rely on the socket's own time-out for waits of ${ms}
 * or more, which saves a system call: a tenth of what a check costs.  An epoch
 * is set before.  False, and errno, if that cannot be had.
 */
bool lk_stream_set_patience(struct lk_stream *stream, int64_t ms);

/**
 * lk_stream_send(stream, bytes, len, deadline, sent):
 * Send all of it: 0 or an errno, ETIMEDOUT at the deadline.  ${sent} says how
 * many bytes have gone.
 */
int lk_stream_send(struct lk_stream *stream, const void *bytes, size_t len,
    struct lk_deadline deadline, size_t *sent);

/**
 * lk_stream_receive(stream, bytes, size, deadline):
 * Take bytes as soon as there are some: how many, 0 at the end, or -1 and
 * errno, ETIMEDOUT at the deadline or some milliseconds later.
 */
ssize_t lk_stream_receive(struct lk_stream *stream, void *bytes, size_t size,
    struct lk_deadline deadline);

#endif /* !LK_STREAM_H_ */
