#include <sys/epoll.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "support/test.h"
#include "door/waiting.h"

static const struct gate_sight nothing;
static struct gate_events events;

static void
waiting_open(struct gate_waiting *waiting, size_t max, size_t own)
{
	*waiting = (struct gate_waiting){ .events = &events,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.max = max,
		.own = own };
	assert_true(waiting->epoll >= 0);
}

/* One more of whom nothing is heard; his end. */
static int
come(struct gate_waiting *waiting, bool kept)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	gate_waiting_add(waiting, fds[0], kept, &nothing);
	return (fds[1]);
}

/* Whether ${fd}, which is closed then, was hung up. */
static bool
is_gone(int fd)
{
	char byte;
	const ssize_t n = recv(fd, &byte, 1, 0);

	assert_int_equal(close(fd), 0);
	return (n == 0);
}

static uint64_t
counted(void)
{
	return (gate_counted(&events.metrics.connections_waiting));
}

static void
test_gate_waiting_oldest_comes_first(void **state)
{
	struct gate_waiting waiting;
	int a, b, c;

	waiting_open(&waiting, 10, 0);
	assert_false(gate_waiting_drop_oldest(&waiting));
	a = come(&waiting, false);
	b = come(&waiting, false);
	assert_int_equal(waiting.n, 2);
	waiting.oldest->sight.copied = 5;
	assert_true(gate_waiting_drop_oldest(&waiting));
	c = come(&waiting, true);
	assert_int_equal(waiting.newest->sight.copied, 0);
	assert_true(waiting.newest->kept);
	assert_false(waiting.oldest->kept);
	assert_int_equal(counted(), 2);
	assert_true(is_gone(a));
	gate_waiting_drop(&waiting, waiting.newest, "no more");
	assert_true(is_gone(c));
	assert_int_equal(close(gate_waiting_remove(&waiting, waiting.oldest)),
	    0);
	assert_true(is_gone(b));
	assert_null(waiting.oldest);
	assert_null(waiting.newest);
	assert_int_equal(counted(), 0);
	(void)close(waiting.epoll);
}

static void
test_gate_waiting_closed_has_nobody(void **state)
{
	struct gate_waiting waiting;
	int a, b, late;

	waiting_open(&waiting, 10, 0);
	a = come(&waiting, false);
	b = come(&waiting, true);
	gate_waiting_close(&waiting);
	assert_int_equal(waiting.n, 0);
	late = come(&waiting, true);
	assert_int_equal(waiting.n, 0);
	assert_int_equal(counted(), 0);
	assert_true(is_gone(a));
	assert_true(is_gone(b));
	assert_true(is_gone(late));
	(void)close(waiting.epoll);
}

static void
test_gate_waiting_full_drops_the_oldest_but_leaves_each_some(void **state)
{
	struct gate_waiting one, other;
	int fds[5], mine, i;

	waiting_open(&one, 3, 1);
	waiting_open(&other, 3, 1);
	for (i = 0; i < 5; i++) {
		fds[i] = come(&one, false);
		gate_waiting_trim(&one);
	}
	assert_int_equal(one.n, 3);
	/* Whoever fills the room leaves the other some. */
	mine = come(&other, false);
	gate_waiting_trim(&other);
	assert_int_equal(other.n, 1);
	/* And then has too much. */
	gate_waiting_trim(&one);
	assert_int_equal(one.n, 2);
	gate_waiting_trim(&other);
	assert_int_equal(other.n, 1);
	for (i = 0; i < 5; i++)
		assert_int_equal(is_gone(fds[i]), i < 3);
	assert_false(is_gone(mine));
	gate_waiting_close(&one);
	gate_waiting_close(&other);
	(void)close(one.epoll);
	(void)close(other.epoll);
}

static void
test_gate_waiting_overdue_is_dropped(void **state)
{
	const uint64_t before = gate_counted(
	    &events.metrics.connections_refused);
	struct gate_waiting waiting;
	int fds[3], i;

	waiting_open(&waiting, 10, 10);
	for (i = 0; i < 3; i++)
		fds[i] = come(&waiting, i == 1);
	waiting.oldest->deadline = lk_deadline_in(0);
	waiting.oldest->next->deadline = lk_deadline_in(0);
	gate_waiting_trim(&waiting);
	assert_int_equal(waiting.n, 1);
	for (i = 0; i < 3; i++)
		assert_int_equal(is_gone(fds[i]), i < 2);
	/* That a kept one is idle is no event. */
	assert_int_equal(gate_counted(&events.metrics.connections_refused),
	    before + 1);
	gate_waiting_close(&waiting);
	(void)close(waiting.epoll);
}

#include "support/suite.h"
