#include <sys/socket.h>

#include <string.h>
#include <unistd.h>

#include "process/http.h"

/* More than there are descriptors: the program counts them. */
#define CONNECTIONS_MAX 65536U
/* Of a query. */
#define PARAMETERS_MAX 64

static void
opened(struct gate_http *http, void **context)
{
	struct gate_http_link *link = http->coming;

	http->coming = NULL;
	*context = link;
	link->next = http->first;
	if (http->first != NULL)
		http->first->before = link;
	http->first = link;
	http->n++;
}

static void
closed(struct gate_http *http, struct gate_http_link *link)
{
	*(link->before != NULL ? &link->before->next
	                       : &http->first) = link->next;
	if (link->next != NULL)
		link->next->before = link->before;
	http->n--;
	http->program->closed(http->program->arg, link);
}

static void
on_connection(void *arg, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode what)
{
	struct gate_http *http = arg;

	(void)connection;
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		opened(http, context);
	else if (*context != NULL)
		closed(http, *context);
}

/*
 * Up to 0.9.75 at least, a query of more parameters than libmicrohttpd has
 * memory for is answered by nothing, for as long as the connection stays.
 */
static void *
on_target(void *arg, const char *target, struct MHD_Connection *connection)
{
	const struct gate_http *http = arg;
	const char *at = target;
	const struct gate_http_link *link = gate_http_link_of(connection);
	size_t n = 0;

	for (; (at = strpbrk(at, "?&")) != NULL; at++)
		n++;
	if (n > PARAMETERS_MAX && link != NULL)
		gate_http_end(link);
	return (http->program->target(http->program->arg, target, connection));
}

bool
gate_http_open(struct gate_http *http, const struct gate_http_program *program)
{
	const union MHD_DaemonInfo *info;

	http->program = program;
	http->daemon = MHD_start_daemon(MHD_USE_EPOLL |
	        MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME,
	    0, NULL, NULL, program->request, program->arg,
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, http,
	    MHD_OPTION_NOTIFY_COMPLETED, program->completed, program->arg,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, program->memory,
	    MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_END);
	if (http->daemon == NULL)
		return (false);
	info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	http->epoll = info == NULL ? -1 : info->epoll_fd;
	return (http->epoll != -1);
}

bool
gate_http_let_in(struct gate_http *http, struct gate_http_link *link, int fd,
    int64_t until_ns)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	link->fd = fd;
	link->until_ns = until_ns;
	if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0) {
		(void)close(fd);
		return (false);
	}
	/* From here on it is libmicrohttpd's, which says when it ends. */
	http->coming = link;
	if (MHD_add_connection(http->daemon, fd, (struct sockaddr *)&peer,
	        len) == MHD_YES &&
	    http->coming != NULL)
		/* From 1.0 on it takes what it has queued as it runs. */
		(void)MHD_run(http->daemon);
	if (http->coming == NULL)
		return (true);
	http->coming = NULL;
	return (false);
}

struct gate_http_link *
gate_http_link_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return (info == NULL ? NULL : info->socket_context);
}

void
gate_http_run(struct gate_http *http)
{
	(void)MHD_run(http->daemon);
}

int
gate_http_wait_ms(const struct gate_http *http)
{
	MHD_UNSIGNED_LONG_LONG left;

	if (MHD_get_timeout(http->daemon, &left) == MHD_YES && left < 1000)
		return ((int)left);
	return (http->first == NULL ? -1 : 1000);
}

void
gate_http_end_late(struct gate_http *http, int64_t now_ns)
{
	const struct gate_http_link *link;

	for (link = http->first; link != NULL; link = link->next) {
		if (now_ns >= link->until_ns)
			gate_http_end(link);
	}
}

void
gate_http_end_idle(struct gate_http *http)
{
	const struct gate_http_link *link;

	for (link = http->first; link != NULL; link = link->next) {
		if (link->call == NULL)
			gate_http_end(link);
	}
}

void
gate_http_end(const struct gate_http_link *link)
{
	/* libmicrohttpd notices, and closes it. */
	(void)shutdown(link->fd, SHUT_RDWR);
}

void
gate_http_close(struct gate_http *http)
{
	if (http->daemon != NULL)
		MHD_stop_daemon(http->daemon);
	http->daemon = NULL;
}
