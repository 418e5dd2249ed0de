#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "support/test.h"
#include "door/turn_away.h"

/* Two ends of a connection. */
static void
connect_pair(int ends[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    ends), 0);
}

/* All that comes out of ${fd} up to its end. */
static size_t
read_all(int fd, uint8_t *bytes, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, bytes + len, size - len)) > 0)
		len += (size_t)n;
	assert_int_equal(n, 0);
	return (len);
}

/* A record of this type and content, with request id 0xabcd; its length. */
static size_t
expect_record(const uint8_t *bytes, uint8_t type, size_t content)
{
	assert_int_equal(bytes[0], 1);
	assert_int_equal(bytes[1], type);
	assert_int_equal(bytes[2] << 8 | bytes[3], 0xabcd);
	assert_int_equal(bytes[4] << 8 | bytes[5], content);
	assert_int_equal(bytes[6], 0);
	return (8 + content);
}

static void
expect_reply(enum gate_turn_away refusal, const char *reason, const char *text)
{
	static const uint8_t complete[8];
	uint8_t bytes[1024];
	int ends[2];
	size_t len, at = 0;

	connect_pair(ends);
	gate_turn_away(ends[0], 0xabcd, refusal, reason);
	len = read_all(ends[1], bytes, sizeof(bytes));
	assert_true(len > 8);
	at += expect_record(bytes, 6, strlen(text));
	assert_memory_equal(bytes + 8, text, strlen(text));
	at += expect_record(bytes + at, 6, 0);
	at += expect_record(bytes + at, 3, 8);
	assert_int_equal(at, len);
	assert_memory_equal(bytes + len - 8, complete, 8);
	(void)close(ends[1]);
}

static void
test_gate_turn_away_bad_request_is_400(void **state)
{
	expect_reply(GATE_TURN_AWAY_BAD_REQUEST, "too many parameters",
	    "Status: 400 Bad Request\r\n"
	    "Cache-Control: no-store\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "\r\n"
	    "The gate refused the request: too many parameters.\n");
}

static void
test_gate_turn_away_overload_is_503(void **state)
{
	expect_reply(GATE_TURN_AWAY_OVERLOAD, "the queue is full",
	    "Status: 503 Service Unavailable\r\n"
	    "Cache-Control: no-store\r\n"
	    "Retry-After: 2\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "\r\n"
	    "The gate is overloaded: the queue is full.\n");
}

static void
test_gate_turn_away_gone_peer_raises_no_signal(void **state)
{
	int ends[2];

	connect_pair(ends);
	(void)close(ends[1]);
	gate_turn_away(ends[0], 1, GATE_TURN_AWAY_BAD_REQUEST, "x");
	assert_int_equal(fcntl(ends[0], F_GETFD), -1);
	assert_int_equal(errno, EBADF);
}

static void
test_gate_hang_up_reads_what_is_there(void **state)
{
	static const char bytes[10000];
	char end;
	int ends[2];

	connect_pair(ends);
	assert_int_equal(write(ends[1], bytes, sizeof(bytes)),
	    sizeof(bytes));
	gate_hang_up(ends[0]);
	/* With unread bytes this would be ECONNRESET. */
	assert_int_equal(read(ends[1], &end, 1), 0);
	(void)close(ends[1]);
}

static void
test_gate_drain_takes_no_more_than_it_may(void **state)
{
	static char bytes[70000];
	int ends[2];

	connect_pair(ends);
	gate_drain(ends[0], 100);
	assert_int_equal(write(ends[1], bytes, sizeof(bytes)),
	    sizeof(bytes));
	gate_drain(ends[0], 0);
	gate_drain(ends[0], 65536);
	assert_int_equal(recv(ends[0], bytes, sizeof(bytes), MSG_DONTWAIT),
	    sizeof(bytes) - 65536);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

#include "support/suite.h"
