#include <sys/socket.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "connect.h"

/* Between two tries to connect to a unix socket whose backlog is full. */
#define BACKLOG_WAIT_MS 5

int
lk_wait(int fd, short events, struct lk_deadline deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int left, n;

	do {
		if ((left = lk_deadline_left_ms(deadline)) == 0)
			return (ETIMEDOUT);
		n = poll(&p, 1, left);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		return (0);
	return (n == 0 ? ETIMEDOUT : errno);
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
	    here_len == there_len && memcmp(&here, &there, here_len) == 0);
}

/* Connect ${fd} within the deadline; 0 or an errno. */
static int
connect_within(int fd, const struct sockaddr *addr, socklen_t len,
    struct lk_deadline deadline)
{
	int error = 0;
	socklen_t error_len = sizeof(error);

	while (connect(fd, addr, len) != 0) {
		if (errno == EAGAIN) { /* unix: the backlog is full */
			if (lk_deadline_left_ms(deadline) == 0)
				return (ETIMEDOUT);
			(void)poll(NULL, 0, BACKLOG_WAIT_MS);
			continue;
		}
		if (errno != EINPROGRESS && errno != EINTR)
			return (errno);
		if ((error = lk_wait(fd, POLLOUT, deadline)) != 0)
			return (error);
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len))
			return (errno);
		if (error != 0)
			return (error);
		break;
	}
	return (addr->sa_family != AF_UNIX && is_connected_to_itself(fd)
	        ? ECONNREFUSED
	        : 0);
}

/* Open and connect one socket; 0 and ${fd}, or an errno. */
static int
try_address(int family, const struct sockaddr *addr, socklen_t len,
    struct lk_deadline deadline, int *fd)
{
	const int on = 1;
	int error;

	*fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return (errno);
	if ((error = connect_within(*fd, addr, len, deadline)) != 0) {
		(void)close(*fd);
		*fd = -1;
		return (error);
	}
	if (family != AF_UNIX)
		(void)setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on,
		    sizeof(on));
	return (0);
}

/* Look a host up, as a literal first; 0 or one of getaddrinfo(3)'s errors. */
static int
look_up(const struct lk_address *address, struct addrinfo **list)
{
	struct addrinfo hints;
	int error;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	error = getaddrinfo(address->host, address->port, &hints, list);
	if (error != EAI_NONAME)
		return (error);
	hints.ai_flags = AI_NUMERICSERV;
	return (getaddrinfo(address->host, address->port, &hints, list));
}

/* What an errno means to whoever wanted to connect. */
static enum lk_status
explain(int error, const char **why)
{
	if (error == 0)
		return (LK_OK);
	if (error == ETIMEDOUT) {
		*why = "no answer in time";
		return (LK_E_TIMEOUT);
	}
	*why = strerrordesc_np(error);
	return (LK_E_STORE);
}

enum lk_status
lk_connect(const struct lk_address *address, struct lk_deadline deadline,
    int *fd, const char **why)
{
	struct addrinfo *list = NULL, *a;
	struct sockaddr_un sun;
	socklen_t len;
	int error;

	*fd = -1;
	*why = "";
	if (address->is_unix) {
		len = lk_address_unix(address, &sun);
		return (explain(try_address(AF_UNIX, (struct sockaddr *)&sun,
		                    len, deadline, fd),
		    why));
	}
	if (look_up(address, &list) != 0) {
		*why = "cannot resolve the host name";
		return (LK_E_STORE);
	}
	error = ECONNREFUSED;
	for (a = list; a != NULL && *fd < 0; a = a->ai_next)
		error = try_address(a->ai_family, a->ai_addr, a->ai_addrlen,
		    deadline, fd);
	freeaddrinfo(list);
	return (explain(error, why));
}
