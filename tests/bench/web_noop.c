/*
 * What the gate by HTTP is measured against: servers that decide nothing and
 * answer as the gate that allows does.  `http` is libmicrohttpd by itself, with
 * threads of its own; `plain` a bare loop that looks for the end of a request
 * and no further, below which nothing can be.
 *
 * usage: web_noop http|plain /path/of/socket
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

#define THREADS 2
#define BACKLOG 4096
#define SESSION "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const char *const allowance[][2] = { { "Latchkey-User", "alice" },
	{ "Latchkey-Session", SESSION }, { "Latchkey-Expires", "1800000000" } };
static const char answer[] =
    "HTTP/1.1 200 OK\r\n"
    "Content-Length: 0\r\n"
    "Latchkey-User: alice\r\n"
    "Latchkey-Session: " SESSION "\r\n"
    "Latchkey-Expires: 1800000000\r\n\r\n";

static enum MHD_Result
/* NOLINTNEXTLINE(readability-function-size): the library passes so many. */
on_request(void *arg, struct MHD_Connection *http, const char *url,
    const char *method, const char *version, const char *body, size_t *len,
    void **context)
{
	static int begun;
	struct MHD_Response *response;
	enum MHD_Result result;
	size_t i;

	(void)arg;
	(void)url;
	(void)method;
	(void)version;
	(void)body;
	(void)len;
	if (*context == NULL) {
		*context = &begun;
		return (MHD_YES);
	}
	response = MHD_create_response_from_buffer(0, NULL,
	    MHD_RESPMEM_PERSISTENT);
	if (response == NULL)
		return (MHD_NO);
	for (i = 0; i < sizeof(allowance) / sizeof(allowance[0]); i++)
		(void)MHD_add_response_header(response, allowance[i][0],
		    allowance[i][1]);
	result = MHD_queue_response(http, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return (result);
}

/* Answer what has come whole; 0 when the peer has gone. */
static int
serve(int fd)
{
	char text[16384];
	ssize_t n = recv(fd, text, sizeof(text), 0);

	if (n < 4 || memcmp(text + n - 4, "\r\n\r\n", 4) != 0)
		return (0);
	return (send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) > 0);
}

static void
loop(int listener)
{
	struct epoll_event event = { .events = EPOLLIN }, events[64];
	int i, n, fd, epoll = epoll_create1(EPOLL_CLOEXEC);

	event.data.fd = listener;
	(void)epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	while ((n = epoll_wait(epoll, events, 64, -1)) > 0) {
		for (i = 0; i < n; i++) {
			fd = events[i].data.fd;
			if (fd != listener) {
				if (!serve(fd))
					(void)close(fd);
			} else if ((fd = accept(listener, NULL, NULL)) >= 0) {
				event.data.fd = fd;
				(void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd,
				    &event);
			}
		}
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc != 3 || strlen(argv[2]) >= sizeof(address.sun_path)) {
		(void)fprintf(stderr, "usage: web_noop http|plain SOCKET\n");
		return (2);
	}
	memcpy(address.sun_path, argv[2], strlen(argv[2]));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, BACKLOG) != 0)
		return (1);
	if (strcmp(argv[1], "plain") == 0)
		loop(fd);
	else if (MHD_start_daemon(MHD_USE_EPOLL |
	             MHD_USE_INTERNAL_POLLING_THREAD,
	             0, NULL, NULL, on_request, NULL, MHD_OPTION_LISTEN_SOCKET,
	             fd, MHD_OPTION_THREAD_POOL_SIZE, THREADS,
	             MHD_OPTION_END) != NULL)
		(void)pause();
	return (1);
}
