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

/* A request of which all but the last bytes come one by one. */
static void
expect_few_copies(const struct pair *pair, bool whole, size_t last)
{
	struct gate_sight sight = { .whole = whole };
	size_t at, copied;

	give(pair, 0, PARAMS_END + 8, 0);
	assert_int_equal(gate_peek(pair->mine, room, &sight), GATE_PEEK_WAIT);
	assert_int_equal(sight.seen.need, sizeof(request));
	copied = sight.copied;
	assert_int_equal(copied, PARAMS_END + 8);
	for (at = PARAMS_END + 8; at < sizeof(request) - 8; at++) {
		give(pair, at, at + 1, 0);
		assert_int_equal(gate_peek(pair->mine, room, &sight),
		    GATE_PEEK_WAIT);
		assert_int_equal(sight.copied, copied);
	}
	for (; at < sizeof(request) - 1; at++) {
		give(pair, at, at + 1, 0);
		assert_int_equal(gate_peek(pair->mine, room, &sight),
		    GATE_PEEK_WAIT);
	}
	copied = sight.copied;
	give(pair, at, at + 1, 0);
	assert_int_equal(gate_peek(pair->mine, room, &sight),
	    GATE_PEEK_READY);
	assert_int_equal(sight.copied, copied + last);
	assert_true(sight.seen.keep);
}

static void
test_gate_peek_copies_nothing_before_enough_is_there(void **state)
{
	/* The record that ends STDIN is all that is new. */
	expect_few_copies(*state, false, 8);
}

static void
test_gate_peek_of_all_copies_nothing_before_enough_is_there(void **state)
{
	expect_few_copies(*state, true, sizeof(request));
}

/* Not who has just nothing to say. */
static void
test_gate_peek_of_a_peer_that_is_gone_is_not_waited_for(void **state)
{
	struct pair *pair = *state;
	struct gate_sight sight = { .copied = 0 };

	assert_int_equal(gate_peek(pair->mine, room, &sight), GATE_PEEK_WAIT);
	/* With bytes that it has not read, the connection is reset. */
	assert_int_equal(send(pair->mine, "x", 1, MSG_NOSIGNAL), 1);
	(void)close(pair->theirs);
	pair->theirs = -1;
	assert_int_equal(gate_peek(pair->mine, room, &sight), GATE_PEEK_GONE);
}

#define PIECES 100
#define LONG 30000

/* A request up to the end of its parameters, of which one is LONG. */
static void
give_long(const struct pair *pair, uint8_t bytes[LONG + 64])
{
	static const uint8_t head[] = { 1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0,
		0, 0, 0, 1, 4, 0, 1, (LONG + 6) >> 8, (LONG + 6) & 0xff, 0, 0,
		1, 0x80, 0, LONG >> 8, LONG & 0xff, 'A' };
	const size_t len = sizeof(head) + LONG + 8;

	memset(bytes, 'v', LONG + 64);
	memcpy(bytes, head, sizeof(head));
	memcpy(bytes + sizeof(head) + LONG, request + 30, 8);
	assert_int_equal(send(pair->theirs, bytes, len, MSG_NOSIGNAL), len);
}

static void
test_gate_peek_copies_nothing_twice(void **state)
{
	static const uint8_t piece[] = { 1, 5, 0, 1, 0, 1, 0, 0, 'x' };
	static uint8_t bytes[LONG + 64];
	const struct pair *pair = *state;
	struct gate_sight sight = { .copied = 0 };
	size_t first, i;

	give_long(pair, bytes);
	assert_int_equal(gate_peek(pair->mine, room, &sight), GATE_PEEK_WAIT);
	first = sight.copied;
	for (i = 0; i < PIECES; i++) {
		assert_int_equal(send(pair->theirs, piece, sizeof(piece),
		    MSG_NOSIGNAL), sizeof(piece));
		assert_int_equal(gate_peek(pair->mine, room, &sight),
		    GATE_PEEK_WAIT);
	}
	assert_false(sight.whole);
	assert_int_equal(sight.copied, first + PIECES * sizeof(piece));
	give(pair, sizeof(request) - 8, sizeof(request), 0);
	assert_int_equal(gate_peek(pair->mine, room, &sight),
	    GATE_PEEK_READY);
	assert_true(sight.seen.keep);
	/* Nothing is skipped by who looks next. */
	assert_int_equal(recv(pair->mine, room, sizeof(room),
	    MSG_PEEK | MSG_DONTWAIT), first + PIECES * sizeof(piece) + 8);
	assert_memory_equal(room, bytes, LONG);
}

static void
test_gate_peek_that_must_copy_all_gives_up(void **state)
{
	static const uint8_t piece[] = { 1, 5, 0, 1, 0, 1, 0, 0, 'x' };
	static uint8_t bytes[LONG + 64];
	const struct pair *pair = *state;
	/* As it is where the kernel cannot skip. */
	struct gate_sight sight = { .whole = true };
	enum gate_peek look;
	size_t i = 0;

	give_long(pair, bytes);
	while ((look = gate_peek(pair->mine, room, &sight)) ==
	    GATE_PEEK_WAIT && i++ < PIECES)
		assert_int_equal(send(pair->theirs, piece, sizeof(piece),
		    MSG_NOSIGNAL), sizeof(piece));
	assert_int_equal(look, GATE_PEEK_REFUSED);
	assert_string_equal(sight.seen.reason, "request in tiny pieces");
	assert_true(i > 16 && i < PIECES);
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
	assert_int_equal(sight.seen.guard, GATE_GUARD_COMPLETE);
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
