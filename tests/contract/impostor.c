#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "impostor.h"

/* Whether something is asked; ${there} becomes false if nobody is. */
static bool
is_asked(struct impostor *im, int fd, int wait_ms, bool *there)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char sink[65536];
	ssize_t n;

	*there = true;
	if (poll(&p, 1, wait_ms) <= 0)
		return (false);
	n = recv(fd, sink, sizeof(sink), 0);
	*there = n > 0;
	if (n > 0)
		im->questions++;
	return (n > 0);
}

/* False if nobody is there; whoever does not read it leaves in the end. */
static bool
say(int fd, const char *bytes, size_t len)
{
	return (send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
}

static void
serve(struct impostor *im, int fd)
{
	size_t dripped = 0;
	bool there = true;
	int asked = 0, pause_ms = im->way == IMPOSTOR_FLOODING ? 0 : 20;

	while (there && !im->stop) {
		bool now = is_asked(im, fd, asked > 0 ? pause_ms : 5, &there);

		asked += now;
		if (asked == 0 || !there)
			continue;
		if (im->way == IMPOSTOR_FLOODING ||
		    (now && (asked == 1 || im->way == IMPOSTOR_ALWAYS) &&
		        im->way != IMPOSTOR_DRIPPING))
			there = say(fd, im->bytes, im->len);
		if (im->way == IMPOSTOR_DRIPPING)
			there = say(fd,
			    im->bytes + dripped++ % im->len, 1);
		if (im->way == IMPOSTOR_CLOSING ||
		    (im->way == IMPOSTOR_ONCE && asked > 1))
			there = false;
	}
}

static void *
impostor_main(void *arg)
{
	struct impostor *im = arg;
	struct pollfd p = { .fd = im->listener, .events = POLLIN };
	int fd;

	while (!im->stop) {
		if (poll(&p, 1, 5) <= 0)
			continue;
		if ((fd = accept(im->listener, NULL, NULL)) < 0)
			continue;
		im->connections++;
		serve(im, fd);
		(void)close(fd);
	}
	return (NULL);
}

void
impostor_start(struct impostor *im, enum impostor_way way, const char *bytes,
    size_t len)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(sin);

	memset(im, 0, sizeof(*im));
	im->bytes = bytes;
	im->len = len;
	im->way = way;
	im->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(im->listener >= 0);
	assert_int_equal(
	    bind(im->listener, (struct sockaddr *)&sin, size), 0);
	assert_int_equal(
	    getsockname(im->listener, (struct sockaddr *)&sin, &size), 0);
	assert_int_equal(listen(im->listener, 64), 0);
	im->port = ntohs(sin.sin_port);
	(void)snprintf(im->address, sizeof(im->address), "127.0.0.1:%d",
	    im->port);
	assert_int_equal(
	    pthread_create(&im->thread, NULL, impostor_main, im), 0);
}

void
impostor_dismiss(struct impostor *im)
{
	im->stop = true;
}

void
impostor_stop(struct impostor *im)
{
	impostor_dismiss(im);
	assert_int_equal(pthread_join(im->thread, NULL), 0);
	(void)close(im->listener);
}

void
impostor_naming(int port, char text[256])
{
	char digits[8];

	(void)snprintf(digits, sizeof(digits), "%d", port);
	(void)snprintf(text, 256,
	    "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n"
	    "*6\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n"
	    "$4\r\nport\r\n$%zu\r\n%s\r\n"
	    "$5\r\nflags\r\n$6\r\nmaster\r\n*0\r\n",
	    strlen(digits), digits, strlen(digits), digits);
}
