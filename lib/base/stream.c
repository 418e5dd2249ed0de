#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/stream.h"

/* Between two tries to connect to a unix socket whose backlog is full. */
#define BACKLOG_WAIT_MS 5
/* How far a patient read may outlast its deadline. */
#define DEADLINE_SLACK_MS 5
/* How long the peer's silence lasts before the epoch is looked at again. */
#define EPOCH_MS 50

/* ---- A socket's own operations ----------------------------------------- */

static ssize_t
socket_read(struct lk_stream *stream, void *bytes, size_t size, bool patient)
{
	ssize_t n;

	do {
		n = recv(stream->fd, bytes, size, patient ? 0 : MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR && !patient);
	/* What is left of a patient one's time is not known. */
	if (n < 0 && errno == EINTR)
		errno = EAGAIN;
	return (n);
}

static ssize_t
socket_write(struct lk_stream *stream, const void *bytes, size_t len)
{
	ssize_t n;

	do {
		n = send(stream->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return (n);
}

static bool
socket_is_quiet(const struct lk_stream *stream)
{
	char byte;

	return (recv(stream->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	    errno == EAGAIN);
}

static const struct lk_stream_ops socket_ops = { .read = socket_read,
	.write = socket_write,
	.is_quiet = socket_is_quiet };

/* ---- Without waiting --------------------------------------------------- */

bool
lk_stream_peer(const struct lk_stream *stream, uid_t *uid)
{
	socklen_t len = sizeof(struct ucred);
	struct ucred peer;

	if (getsockopt(stream->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return (false);
	*uid = peer.uid;
	return (true);
}

void
lk_stream_take(struct lk_stream *stream, int fd)
{
	*stream = (struct lk_stream){ .ops = &socket_ops, .fd = fd };
}

void
lk_stream_close(struct lk_stream *stream)
{
	if (!lk_stream_is_open(stream))
		return;
	if (stream->ops->close != NULL)
		stream->ops->close(stream);
	(void)close(stream->fd);
	stream->ops = NULL;
}

/*
 * A connection to a free port of this machine can meet itself: the kernel
 * may choose that very port as our end.
 */
static bool
is_connected_to_itself(int fd)
{
	struct sockaddr_storage here, there;
	socklen_t here_len = sizeof(here), there_len = sizeof(there);

	memset(&here, 0, sizeof(here));
	memset(&there, 0, sizeof(there));
	return (getsockname(fd, (struct sockaddr *)&here, &here_len) == 0 &&
	    getpeername(fd, (struct sockaddr *)&there, &there_len) == 0 &&
	    here.ss_family != AF_UNIX && here_len == there_len &&
	    memcmp(&here, &there, here_len) == 0);
}

int
lk_stream_begin(struct lk_stream *stream, const struct lk_endpoint *endpoint)
{
	const struct sockaddr *addr = (const struct sockaddr *)&endpoint->addr;
	const int on = 1;
	int error = 0, fd;

	fd = lk_fd_above(socket(addr->sa_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (fd < 0)
		return (errno);
	if (addr->sa_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, addr, endpoint->len) != 0)
		error = errno == EINTR ? EINPROGRESS : errno;
	lk_stream_take(stream, fd);
	stream->connecting = error == EINPROGRESS;
	if (error == 0 && addr->sa_family != AF_UNIX)
		return (lk_stream_go_on(stream));
	if (error != 0 && error != EINPROGRESS)
		lk_stream_close(stream);
	return (error);
}

int
lk_stream_go_on(struct lk_stream *stream)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error == 0 && is_connected_to_itself(stream->fd))
		error = ECONNREFUSED;
	stream->connecting = false;
	if (error != 0)
		lk_stream_close(stream);
	return (error);
}

struct pollfd
lk_stream_poll(const struct lk_stream *stream, short events)
{
	if (!lk_stream_is_open(stream))
		return ((struct pollfd){ .fd = -1 });
	if (stream->connecting)
		events = POLLOUT;
	else if (stream->ops->wants != NULL)
		events = stream->ops->wants(stream, events);
	return ((struct pollfd){ .fd = stream->fd, .events = events });
}

bool
lk_stream_keep_alive(struct lk_stream *stream)
{
	static const struct {
		int level, option, value;
	} options[] = { { SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 5 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 2 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 3 } };
	size_t i;

	/* It is nothing to a unix socket. */
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (setsockopt(stream->fd, options[i].level, options[i].option,
		        &options[i].value, sizeof(options[i].value)) != 0 &&
		    errno != EOPNOTSUPP && errno != ENOPROTOOPT)
			return (false);
	}
	return (true);
}

/* ---- With a deadline --------------------------------------------------- */

/* Wait until ${events} can be done: 0, ETIMEDOUT, ESTALE or another errno. */
static int
wait_to(const struct lk_stream *stream, short events,
    struct lk_deadline deadline)
{
	struct pollfd p = lk_stream_poll(stream, events);
	int left, n;

	if (p.events == 0 && lk_deadline_left_ms(deadline) == 0)
		return (ETIMEDOUT);
	while (p.events != 0) {
		if (stream->epoch != NULL &&
		    atomic_load_explicit(stream->epoch, memory_order_acquire) !=
		        stream->born)
			return (ESTALE);
		if ((left = lk_deadline_left_ms(deadline)) == 0)
			return (ETIMEDOUT);
		if (stream->epoch != NULL && left > EPOCH_MS)
			left = EPOCH_MS;
		n = poll(&p, 1, left);
		if (n > 0)
			break;
		if (n < 0 && errno != EINTR)
			return (errno);
	}
	return (0);
}

/* Connect one socket; 0 or an errno. */
static int
try_endpoint(struct lk_stream *stream, const struct lk_endpoint *endpoint,
    struct lk_deadline deadline)
{
	int error;

	/* EAGAIN, of a unix socket only: its backlog is full. */
	while ((error = lk_stream_begin(stream, endpoint)) == EAGAIN) {
		if (lk_deadline_left_ms(deadline) == 0)
			return (ETIMEDOUT);
		(void)poll(NULL, 0, BACKLOG_WAIT_MS);
	}
	if (error != EINPROGRESS)
		return (error);
	if ((error = wait_to(stream, POLLOUT, deadline)) == 0)
		return (lk_stream_go_on(stream));
	lk_stream_close(stream);
	return (error);
}

enum lk_status
lk_stream_connect(struct lk_stream *stream, const struct lk_address *address,
    struct lk_deadline deadline, const char **why)
{
	struct lk_endpoints endpoints;
	int error = ECONNREFUSED;
	size_t i;

	lk_stream_close(stream);
	if (!lk_endpoints_find(address, &endpoints)) {
		*why = "cannot resolve the host name";
		return (LK_E_STORE);
	}
	/* Each that is still to be tried has the same share of the time. */
	for (i = 0; i < endpoints.n && !lk_stream_is_open(stream); i++)
		error = try_endpoint(stream, &endpoints.at[i],
		    lk_deadline_part(deadline, 100 / (int)(endpoints.n - i)));
	*why = error == ETIMEDOUT ? "no answer in time" : strerror(error);
	if (error == 0)
		return (LK_OK);
	return (error == ETIMEDOUT ? LK_E_TIMEOUT : LK_E_STORE);
}

bool
lk_stream_set_patience(struct lk_stream *stream, int64_t ms)
{
	struct timeval patience;

	if (stream->epoch != NULL && ms > EPOCH_MS)
		ms = EPOCH_MS;
	stream->patience_ms = ms;
	patience.tv_sec = (time_t)(ms / 1000);
	patience.tv_usec = (suseconds_t)((ms % 1000) * 1000);
	return (setsockopt(stream->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	            sizeof(patience)) == 0 &&
	    fcntl(stream->fd, F_SETFL, 0) == 0);
}

int
lk_stream_send(struct lk_stream *stream, const void *bytes, size_t len,
    struct lk_deadline deadline, size_t *sent)
{
	const char *next = bytes;
	ssize_t n;
	int error;

	*sent = 0;
	while (*sent < len) {
		n = lk_stream_write(stream, next + *sent, len - *sent);
		if (n >= 0)
			*sent += (size_t)n;
		else if (errno != EAGAIN)
			return (errno);
		else if ((error = wait_to(stream, POLLOUT, deadline)) != 0)
			return (error);
	}
	return (0);
}

ssize_t
lk_stream_receive(struct lk_stream *stream, void *bytes, size_t size,
    struct lk_deadline deadline)
{
	ssize_t n;

	if (stream->patience_ms > 0 &&
	    lk_deadline_left_ms(deadline) + DEADLINE_SLACK_MS >=
	        stream->patience_ms) {
		n = stream->ops->read(stream, bytes, size, true);
		if (n >= 0 || errno != EAGAIN)
			return (n);
	}
	do {
		if ((errno = wait_to(stream, POLLIN, deadline)) != 0)
			return (-1);
		n = lk_stream_read(stream, bytes, size);
	} while (n < 0 && errno == EAGAIN);
	return (n);
}
