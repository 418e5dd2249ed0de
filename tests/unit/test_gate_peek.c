#include <sys/socket.h>

#include <unistd.h>

#include "support/test.h"
#include "door/peek.h"

/* A RESPONDER's request, its STDIN of five bytes and the end of that. */
static const uint8_t request[] = { 1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0,
	0, 1, 4, 0, 1, 0, 6, 0, 0, 1, 3, 'A', 'b', 'c', 'd', 1, 4, 0, 1, 0, 0,
	0, 0, 1, 5, 0, 1, 0, 5, 0, 0, 'h', 'e', 'l', 'l', 'o', 1, 5, 0, 1, 0,
	0, 0, 0 };
#define PARAMS_END 38

static uint8_t room[GATE_REQUEST_MAX];

struct pair {
	int mine;
	int theirs;
};

static int
setup(void **state)
{
	static struct pair pair;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds), 0);
	pair = (struct pair){ fds[0], fds[1] };
	memset(room, 0, sizeof(room));
	*state = &pair;
	return (0);
}

static int
teardown(void **state)
{
	const struct pair *pair = *state;

	(void)close(pair->mine);
	(void)close(pair->theirs);
	return (0);
}

static void
give(const struct pair *pair, size_t from, size_t to, int flags)
{
	assert_int_equal(send(pair->theirs, request + from, to - from,
	    flags | MSG_NOSIGNAL), (ssize_t)(to - from));
}

static void
test_gate_peek_copies_nothing_before_enough_is_there(void **state)
{
	const struct pair *pair = *state;
	struct gate_sight sight = { .copied = 0 };
	size_t at, copied;

	give(pair, 0, PARAMS_END + 8, 0);
	assert_int_equal(gate_peek(pair->mine, room, &sight), GATE_PEEK_WAIT);
	assert_int_equal(sight.finding.need, sizeof(request));
	copied = sight.copied;
	assert_int_equal(copied, PARAMS_END + 8);
	for (at = PARAMS_END + 8; at < sizeof(request) - 1; at++) {
		give(pair, at, at + 1, 0);
		assert_int_equal(gate_peek(pair->mine, room, &sight),
		    GATE_PEEK_WAIT);
		assert_int_equal(sight.copied, copied);
	}
	give(pair, at, at + 1, 0);
	assert_int_equal(gate_peek(pair->mine, room, &sight),
	    GATE_PEEK_READY);
	assert_int_equal(sight.copied, copied + sizeof(request));
	assert_true(sight.finding.keep);
}

static void
test_gate_peek_leaves_nothing_in_the_room(void **state)
{
	static const uint8_t zeros[sizeof(request)];
	const struct pair *pair = *state;
	struct gate_sight sight = { .copied = 0 };
	size_t at;

	/* While it waits, when it is ready, and when it is refused. */
	for (at = 0; at < sizeof(request); at++) {
		give(pair, at, at + 1, 0);
		(void)gate_peek(pair->mine, room, &sight);
		assert_memory_equal(room, zeros, sizeof(zeros));
	}
	assert_int_equal(sight.finding.guard, GATE_GUARD_COMPLETE);
	assert_int_equal(recv(pair->mine, room, 1, 0), 1);
	memset(room, 0, sizeof(zeros));
	sight = (struct gate_sight){ .copied = 0 };
	assert_int_equal(gate_peek(pair->mine, room, &sight),
	    GATE_PEEK_REFUSED);
	assert_int_equal(sight.copied, sizeof(request) - 1);
	assert_memory_equal(room, zeros, sizeof(zeros));
}

static void
test_gate_peek_sees_what_is_read(void **state)
{
	const struct pair *pair = *state;
	struct gate_sight sight = { .copied = 0 };
	uint8_t byte;

	assert_true(gate_peek_prepare(pair->mine));
	if (send(pair->theirs, "x", 1, MSG_OOB) != 1) {
		print_message("# skipped: no out-of-band bytes here\n");
		skip();
	}
	give(pair, 0, sizeof(request), 0);
	assert_int_equal(gate_peek(pair->mine, room, &sight),
	    GATE_PEEK_REFUSED);
	assert_int_equal(recv(pair->mine, &byte, 1, 0), 1);
	assert_int_equal(byte, 'x');
}

static void
test_gate_peek_of_a_closed_connection_is_gone(void **state)
{
	const struct pair *pair = *state;
	struct gate_sight sight = { .copied = 0 };

	assert_int_equal(gate_peek(pair->mine, room, &sight), GATE_PEEK_WAIT);
	assert_int_equal(shutdown(pair->theirs, SHUT_WR), 0);
	assert_int_equal(gate_peek(pair->mine, room, &sight), GATE_PEEK_GONE);
}

#define SUITE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#include "support/suite.h"
