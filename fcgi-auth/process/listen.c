#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "process/listen.h"

/* A unix socket whose backlog is full refuses at once; the system caps it. */
#define BACKLOG 4096

static const struct gate_listener no_listener = { .fd = -1 };

bool
gate_listener_inherited(int fd)
{
	socklen_t len = sizeof(int);
	int listening = 0, type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0)
		return (false);
	return (listening != 0 && type == SOCK_STREAM);
}

enum lk_status
gate_listener_adopt(int fd, gate_listener_prepare *prepare,
    struct gate_listener *listener, struct lk_error *error)
{
	int flags = fcntl(fd, F_GETFL);

	*listener = no_listener;
	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
	    (prepare != NULL && !prepare(fd)))
		return (lk_fail(error, LK_E_SETTINGS, "inherited socket: %s",
		    strerror(errno)));
	listener->fd = fd;
	listener->passed = true;
	return (LK_OK);
}

/* Remove a socket file that nobody listens on. */
static enum lk_status
remove_stale(const struct lk_address *address, struct lk_error *error)
{
	struct sockaddr_un sun;
	socklen_t len = lk_address_unix(address, &sun);
	struct stat st;
	int fd, failure;

	if (lstat(address->path, &st) != 0) {
		if (errno == ENOENT)
			return (LK_OK);
		return (lk_fail(error, LK_E_SETTINGS, "%s: %s", address->path,
		    strerror(errno)));
	}
	if (!S_ISSOCK(st.st_mode))
		return (lk_fail(error, LK_E_SETTINGS,
		    "%s: exists and is not a socket", address->path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return (lk_fail(error, LK_E_SETTINGS, "socket: %s",
		    strerror(errno)));
	failure = connect(fd, (struct sockaddr *)&sun, len) == 0 ? 0 : errno;
	(void)close(fd);
	if (failure != ECONNREFUSED)
		return (lk_fail(error, LK_E_SETTINGS,
		    "%s: something listens there already", address->path));
	if (unlink(address->path) != 0 && errno != ENOENT)
		return (lk_fail(error, LK_E_SETTINGS, "%s: %s", address->path,
		    strerror(errno)));
	return (LK_OK);
}

/* Bind so that the file has its permissions from its first moment. */
static int
bind_with_mode(int fd, const struct lk_address *address, mode_t mode)
{
	struct sockaddr_un sun;
	socklen_t len = lk_address_unix(address, &sun);
	mode_t mask = umask(~mode & 0777);
	int result = bind(fd, (struct sockaddr *)&sun, len);

	(void)umask(mask);
	return (result);
}

static enum lk_status
open_unix(const struct lk_address *address, mode_t mode, gid_t group,
    gate_listener_prepare *prepare, struct gate_listener *listener,
    struct lk_error *error)
{
	enum lk_status status = LK_FAULT;
	struct stat st;
	int fd = -1;

	if ((status = remove_stale(address, error)) != LK_OK)
		return (status);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1 || bind_with_mode(fd, address, mode) != 0)
		goto fail;
	if (lstat(address->path, &st) != 0)
		goto fail;
	memcpy(listener->path, address->path, sizeof(listener->path));
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
	/* Before that nobody can connect, whoever may open the file. */
	if ((group != (gid_t)-1 &&
	        lchown(address->path, (uid_t)-1, group) != 0) ||
	    (prepare != NULL && !prepare(fd)) || listen(fd, BACKLOG) != 0)
		goto fail;
	listener->fd = fd;
	return (LK_OK);

fail:
	lk_error_set(error, "%s: %s%s", address->path, strerror(errno),
	    errno == ENOENT ? "; its folder must be there" : "");
	listener->fd = fd;
	gate_listener_close(listener);
	return (LK_E_SETTINGS);
}

/* Returns a listening socket, or -1 with errno set. */
static int
listen_on(const struct addrinfo *info, gate_listener_prepare *prepare)
{
	int fd, failure, on = 1;

	fd = socket(info->ai_family,
	    info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    info->ai_protocol);
	if (fd == -1)
		return (-1);
	if ((prepare == NULL || prepare(fd)) &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    (info->ai_family != AF_INET6 ||
	        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) ==
	            0) &&
	    bind(fd, info->ai_addr, info->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return (fd);
	failure = errno;
	(void)close(fd);
	errno = failure;
	return (-1);
}

static enum lk_status
open_tcp(const struct lk_address *address, gate_listener_prepare *prepare,
    struct gate_listener *listener, struct lk_error *error)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICSERV,
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *list = NULL, *info;
	int result;

	result = getaddrinfo(address->host, address->port, &hints, &list);
	if (result != 0)
		return (lk_fail(error, LK_E_SETTINGS, "%s: %s", address->host,
		    gai_strerror(result)));
	for (info = list; info != NULL && listener->fd == -1;
	     info = info->ai_next)
		listener->fd = listen_on(info, prepare);
	if (listener->fd == -1)
		lk_error_set(error, "%s port %s: %s", address->host,
		    address->port, strerror(errno));
	freeaddrinfo(list);
	return (listener->fd == -1 ? LK_E_SETTINGS : LK_OK);
}

enum lk_status
gate_listener_open(const char *text, mode_t mode, gid_t group,
    gate_listener_prepare *prepare, struct gate_listener *listener,
    struct lk_error *error)
{
	struct lk_address address;

	*listener = no_listener;
	if (lk_address_parse(text, &address) != LK_OK)
		return (lk_fail(error, LK_E_SETTINGS,
		    "%s: neither unix:/path nor host:port", text));
	if (address.is_unix)
		return (
		    open_unix(&address, mode, group, prepare, listener, error));
	return (open_tcp(&address, prepare, listener, error));
}

union name {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
	struct sockaddr_un local;
	struct sockaddr_storage room;
};

/* What ${fd} is bound to; the family AF_UNSPEC if that cannot be told. */
static union name
name_of(int fd)
{
	union name name;
	socklen_t len = sizeof(name);

	memset(&name, 0, sizeof(name));
	if (getsockname(fd, &name.any, &len) != 0)
		name.any.sa_family = AF_UNSPEC;
	return (name);
}

bool
gate_socket_is_local(int fd)
{
	const union name name = name_of(fd);

	switch (name.any.sa_family) {
	case AF_UNIX:
		return (true);
	case AF_INET:
		return (
		    ntohl(name.four.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET);
	case AF_INET6:
		return (IN6_IS_ADDR_LOOPBACK(&name.six.sin6_addr));
	default:
		return (false);
	}
}

void
gate_listener_name(const struct gate_listener *listener,
    char text[GATE_LISTEN_NAME_MAX])
{
	const union name name = name_of(listener->fd);
	char host[INET6_ADDRSTRLEN] = "";

	switch (name.any.sa_family) {
	case AF_UNIX:
		(void)snprintf(text, GATE_LISTEN_NAME_MAX, "unix:%.*s",
		    (int)sizeof(name.local.sun_path), name.local.sun_path);
		break;
	case AF_INET:
		(void)inet_ntop(AF_INET, &name.four.sin_addr, host,
		    sizeof(host));
		(void)snprintf(text, GATE_LISTEN_NAME_MAX, "%s:%u", host,
		    (unsigned int)ntohs(name.four.sin_port));
		break;
	case AF_INET6:
		(void)inet_ntop(AF_INET6, &name.six.sin6_addr, host,
		    sizeof(host));
		(void)snprintf(text, GATE_LISTEN_NAME_MAX, "[%s]:%u", host,
		    (unsigned int)ntohs(name.six.sin6_port));
		break;
	default:
		(void)snprintf(text, GATE_LISTEN_NAME_MAX, "unknown");
	}
}

enum lk_status
gate_listener_give(const struct gate_listener *listener, uid_t uid, gid_t gid,
    struct lk_error *error)
{
	if (listener->path[0] == '\0' || lchown(listener->path, uid, gid) == 0)
		return (LK_OK);
	return (lk_fail(error, LK_E_SETTINGS, "%s: %s", listener->path,
	    strerror(errno)));
}

void
gate_listener_close(struct gate_listener *listener)
{
	struct stat st;

	/* As long as the socket is open, its inode cannot be another's. */
	if (listener->path[0] != '\0' && lstat(listener->path, &st) == 0 &&
	    st.st_dev == listener->dev && st.st_ino == listener->ino)
		(void)unlink(listener->path);
	if (listener->fd != -1)
		(void)close(listener->fd);
	*listener = no_listener;
}
