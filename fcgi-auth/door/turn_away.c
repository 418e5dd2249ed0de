#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <fastcgi.h>
#include <sodium.h>

#include "door/turn_away.h"

/* Most that is read of a connection before it is closed. */
#define DRAIN_MAX 131072
#define DRAIN_CHUNK 4096

#define PLAIN "Content-Type: text/plain; charset=utf-8\r\n\r\n"

static const char *const texts[] = {
	[GATE_TURN_AWAY_BAD_REQUEST] = "Status: 400 Bad Request\r\n"
	                               "Cache-Control: no-store\r\n" PLAIN
	                               "The gate refused the request: ",
	[GATE_TURN_AWAY_TOO_LARGE] = "Status: 413 Content Too Large\r\n"
	                             "Cache-Control: no-store\r\n" PLAIN
	                             "The gate refused the request: ",
	[GATE_TURN_AWAY_OVERLOAD] = "Status: 503 Service Unavailable\r\n"
	                            "Cache-Control: no-store\r\n"
	                            "Retry-After: 2\r\n" PLAIN
	                            "The gate is overloaded: "
};

static FCGI_Header
header(uint8_t type, uint16_t id, size_t content)
{
	return ((FCGI_Header){
	    .version = FCGI_VERSION_1,
	    .type = type,
	    .requestIdB1 = (uint8_t)(id >> 8),
	    .requestIdB0 = (uint8_t)id,
	    .contentLengthB1 = (uint8_t)(content >> 8),
	    .contentLengthB0 = (uint8_t)content,
	});
}

void
gate_turn_away_text(enum gate_turn_away why, const char *reason,
    char text[GATE_TURN_AWAY_TEXT_MAX])
{
	(void)snprintf(text, GATE_TURN_AWAY_TEXT_MAX, "%s%s.\n", texts[why],
	    reason);
}

void
gate_turn_away(int fd, uint16_t request_id, enum gate_turn_away why,
    const char *reason)
{
	struct {
		FCGI_Header text_end, end;
		FCGI_EndRequestBody body;
	} tail = { header(FCGI_STDOUT, request_id, 0),
		header(FCGI_END_REQUEST, request_id, sizeof(tail.body)),
		{ .protocolStatus = FCGI_REQUEST_COMPLETE } };
	char text[GATE_TURN_AWAY_TEXT_MAX];
	FCGI_Header head;
	struct iovec parts[] = { { &head, sizeof(head) }, { text, 0 },
		{ &tail, sizeof(tail) } };
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = 3 };

	gate_turn_away_text(why, reason, text);
	parts[1].iov_len = strlen(text);
	head = header(FCGI_STDOUT, request_id, parts[1].iov_len);
	/* An empty send buffer takes this much; a failure denies as well. */
	(void)sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	gate_hang_up(fd);
}

void
gate_drain(int fd, size_t max)
{
	char chunk[DRAIN_CHUNK];
	ssize_t n = 0;

	for (; max > 0; max -= n > 0 ? (size_t)n : 0) {
		n = recv(fd, chunk, max < sizeof(chunk) ? max : sizeof(chunk),
		    MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		sodium_memzero(chunk, n > 0 ? (size_t)n : 0);
	}
}

void
gate_hang_up(int fd)
{
	gate_drain(fd, DRAIN_MAX);
	(void)close(fd);
}
