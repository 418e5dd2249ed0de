#include <sys/socket.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/connect.h"
#include "base/fd.h"

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
	    here.ss_family != AF_UNIX && here_len == there_len &&
	    memcmp(&here, &there, here_len) == 0);
}

/* ---- Beginning and ending ---------------------------------------------- */

int
lk_connect_begin(const struct lk_endpoint *endpoint, int *fd)
{
	const struct sockaddr *addr = (const struct sockaddr *)&endpoint->addr;
	const int on = 1;
	int error;

	*fd = lk_fd_above(socket(addr->sa_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (*fd < 0)
		return (errno);
	if (addr->sa_family != AF_UNIX)
		(void)setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on,
		    sizeof(on));
	if (connect(*fd, addr, endpoint->len) == 0)
		error = addr->sa_family != AF_UNIX &&
		        is_connected_to_itself(*fd)
		    ? ECONNREFUSED
		    : 0;
	else
		error = errno == EINTR ? EINPROGRESS : errno;
	if (error != 0 && error != EINPROGRESS) {
		(void)close(*fd);
		*fd = -1;
	}
	return (error);
}

int
lk_connect_end(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return (errno);
	if (error != 0)
		return (error);
	return (is_connected_to_itself(fd) ? ECONNREFUSED : 0);
}

/* Connect one socket; 0 and ${fd}, or an errno. */
static int
try_endpoint(const struct lk_endpoint *endpoint, struct lk_deadline deadline,
    int *fd)
{
	int error;

	/* EAGAIN, of a unix socket only: its backlog is full. */
	while ((error = lk_connect_begin(endpoint, fd)) == EAGAIN) {
		if (lk_deadline_left_ms(deadline) == 0)
			return (ETIMEDOUT);
		(void)poll(NULL, 0, BACKLOG_WAIT_MS);
	}
	if (error != EINPROGRESS)
		return (error);
	if ((error = lk_wait(*fd, POLLOUT, deadline)) == 0)
		error = lk_connect_end(*fd);
	if (error != 0) {
		(void)close(*fd);
		*fd = -1;
	}
	return (error);
}

/* ---- Finding addresses ------------------------------------------------- */

/* Look a host up, as a literal first; 0 or one of getaddrinfo(3)'s errors. */
static int
look_up(const struct lk_address *address, struct addrinfo **list)
{
	struct lk_fd_hold hold = { { false } };
	struct addrinfo hints;
	int error;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	error = getaddrinfo(address->host, address->port, &hints, list);
	if (error != EAI_NONAME)
		return (error);
	hints.ai_flags = AI_NUMERICSERV;
	lk_fd_hold(&hold);
	error = getaddrinfo(address->host, address->port, &hints, list);
	lk_fd_release(&hold);
	return (error);
}

bool
lk_endpoints_find(const struct lk_address *address,
    struct lk_endpoints *endpoints)
{
	struct addrinfo *list = NULL, *a;
	struct lk_endpoint *e;
	struct sockaddr_un sun;

	memset(endpoints, 0, sizeof(*endpoints));
	e = &endpoints->at[0];
	if (address->is_unix) {
		e->len = lk_address_unix(address, &sun);
		memcpy(&e->addr, &sun, sizeof(sun));
		endpoints->n = 1;
		return (true);
	}
	if (look_up(address, &list) != 0)
		return (false);
	for (a = list; a != NULL && endpoints->n < LK_ENDPOINTS_MAX;
	     a = a->ai_next) {
		e = &endpoints->at[endpoints->n++];
		memcpy(&e->addr, a->ai_addr, a->ai_addrlen);
		e->len = a->ai_addrlen;
	}
	freeaddrinfo(list);
	return (true);
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
	*why = strerror(error);
	return (LK_E_STORE);
}

/* What one of so many that are still to be tried may take. */
static struct lk_deadline
share_of(struct lk_deadline deadline, size_t left)
{
	return (lk_deadline_part(deadline, 100 / (int)left));
}

enum lk_status
lk_connect(const struct lk_address *address, struct lk_deadline deadline,
    int *fd, const char **why)
{
	struct lk_endpoints endpoints;
	int error = ECONNREFUSED;
	size_t i;

	*fd = -1;
	*why = "";
	if (!lk_endpoints_find(address, &endpoints)) {
		*why = "cannot resolve the host name";
		return (LK_E_STORE);
	}
	for (i = 0; i < endpoints.n && *fd < 0; i++)
		error = try_endpoint(&endpoints.at[i],
		    share_of(deadline, endpoints.n - i), fd);
	return (explain(error, why));
}
