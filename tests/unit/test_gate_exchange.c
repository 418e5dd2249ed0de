/* Requests that are under way at once, and their way between threads. */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include <fastcgi.h>
#include <fcgiapp.h>

#include "support/test.h"
#include "base/deadline.h"
#include "support/gate.h"
#include "support/temp_dir.h"
#include "door/fcgi.h"
#include "door/thread.h"

#define MS_NS INT64_C(1000000)

enum { MANY = 40 };

static struct {
	int mine, theirs;
	struct gate_exchange *exchange;
} all[MANY];

static struct gate_spares spares;

/* Append a record of request ${id} to ${to}. */
static size_t
put_record(uint8_t *to, uint8_t type, uint16_t id, const void *content,
    size_t len)
{
	const uint8_t header[] = { 1, type, (uint8_t)(id >> 8), (uint8_t)id,
		(uint8_t)(len >> 8), (uint8_t)len, 0, 0 };

	memcpy(to, header, sizeof(header));
	if (len > 0)
		memcpy(to + sizeof(header), content, len);
	return (sizeof(header) + len);
}

/* Send request ${id} with the one parameter WHO of that value, and a body of
 * ${body} bytes; how many bytes that are. */
static size_t
ask(int fd, uint16_t id, uint8_t flags, size_t body)
{
	const uint8_t begin[8] = { 0, FCGI_RESPONDER, flags };
	static uint8_t bytes[16384], params[64], zeros[sizeof(bytes)];
	char who[16];
	size_t len = 0, n;

	(void)snprintf(who, sizeof(who), "who%d", id);
	params[0] = 3;
	params[1] = (uint8_t)strlen(who);
	memcpy(params + 2, "WHO", 3);
	memcpy(params + 5, who, strlen(who));
	n = 5 + strlen(who);
	len += put_record(bytes + len, FCGI_BEGIN_REQUEST, id, begin, 8);
	len += put_record(bytes + len, FCGI_PARAMS, id, params, n);
	len += put_record(bytes + len, FCGI_PARAMS, id, NULL, 0);
	if (body > 0)
		len += put_record(bytes + len, FCGI_STDIN, id, zeros, body);
	len += put_record(bytes + len, FCGI_STDIN, id, NULL, 0);
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
	return (len);
}

static void
begin_with_body(int i, bool keep, size_t body)
{
	struct gate_seen seen = { .keep = keep,
		.request_id = (uint16_t)(i + 1) };
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	all[i].mine = fds[0];
	all[i].theirs = fds[1];
	seen.ended = ask(fds[1], seen.request_id, keep ? FCGI_KEEP_CONN : 0,
	    body);
	all[i].exchange = gate_fcgi_begin(&spares, fds[0], &seen);
	assert_non_null(all[i].exchange);
}

static void
begin(int i, bool keep)
{
	begin_with_body(i, keep, 0);
}

/* What the peer has read: the content of its first record, and how it ends. */
static void
expect_reply(int i, const char *text, bool kept)
{
	uint8_t bytes[512];
	const ssize_t n = recv(all[i].theirs, bytes, sizeof(bytes), 0);

	assert_true(n > (ssize_t)(FCGI_HEADER_LEN + strlen(text)));
	assert_int_equal(bytes[1], FCGI_STDOUT);
	assert_int_equal(bytes[3], i + 1);
	assert_memory_equal(bytes + FCGI_HEADER_LEN, text, strlen(text));
	assert_int_equal(recv(all[i].theirs, bytes, 1, 0), kept ? -1 : 0);
}

static int
setup(void **state)
{
	return (FCGX_Init());
}

static int
leave(void **state)
{
	gate_exchange_free_spares(&spares);
	return (0);
}

static void
test_gate_exchange_each_has_parameters_and_answer_of_its_own(void **state)
{
	char who[32];
	int i, at;

	for (i = 0; i < MANY; i++)
		begin(i, i % 2 == 1);
	/* In another order than they came. */
	for (i = 0; i < MANY; i++) {
		at = i * 17 % MANY;
		(void)snprintf(who, sizeof(who), "who%d", at + 1);
		assert_string_equal(FCGX_GetParam("WHO",
		    all[at].exchange->env), who);
		assert_int_equal(gate_exchange_answer(all[at].exchange, who),
		    at % 2 == 1 ? all[at].mine : -1);
		expect_reply(at, who, at % 2 == 1);
		/* One that is not kept is closed. */
		assert_int_equal(close(all[at].mine), at % 2 == 1 ? 0 : -1);
		(void)close(all[at].theirs);
	}
}

static void
test_gate_exchange_kept_carries_the_next_request(void **state)
{
	const struct gate_seen seen = { .keep = true, .request_id = 1 };
	int turn;

	begin(0, true);
	for (turn = 0; turn < 3; turn++) {
		assert_int_equal(gate_exchange_answer(all[0].exchange,
		    "once more"), all[0].mine);
		expect_reply(0, "once more", true);
		(void)ask(all[0].theirs, 1, FCGI_KEEP_CONN, 0);
		all[0].exchange = gate_fcgi_begin(&spares, all[0].mine,
		    &seen);
		assert_non_null(all[0].exchange);
	}
	gate_exchange_end(all[0].exchange);
	(void)close(all[0].theirs);
}

/* To close what has something unread in it would be a reset. */
static void
test_gate_exchange_of_any_length_leaves_nothing_unread(void **state)
{
	static const size_t bodies[] = { 0, 8000, 8100, 8105, 8110, 8111, 8112,
		8113, 8114, 8115, 8116, 8117, 8118, 8119, 8120, 8121, 8122,
		8123, 8124, 8125, 8126, 8127, 8128, 8200, 16000 };

	EACH(c, bodies) {
		begin_with_body(0, false, *c);
		(void)gate_exchange_answer(all[0].exchange, "an answer");
		expect_reply(0, "an answer", false);
		(void)close(all[0].theirs);
		/* Nor may anything be in front of the next one. */
		begin_with_body(0, true, *c);
		(void)gate_exchange_answer(all[0].exchange, "an answer");
		expect_reply(0, "an answer", true);
		assert_int_equal(recv(all[0].mine, &(char){ 0 }, 1, 0), -1);
		(void)close(all[0].mine);
		(void)close(all[0].theirs);
	}
}

static void
test_gate_exchange_is_used_once_more_by_its_loop_alone(void **state)
{
	struct gate_exchange *first;
	size_t before;

	begin(0, false);
	first = all[0].exchange;
	before = spares.n;
	gate_exchange_end(first);
	(void)close(all[0].theirs);
	assert_int_equal(spares.n, before + 1);
	begin(0, false);
	assert_ptr_equal(all[0].exchange, first);
	/* It was handed over. */
	first->spares = NULL;
	gate_exchange_end(first);
	(void)close(all[0].theirs);
	assert_int_equal(spares.n, before);
}

static void
test_gate_exchange_without_an_answer_hangs_up(void **state)
{
	char byte;

	begin(0, true);
	gate_exchange_end(all[0].exchange);
	assert_int_equal(recv(all[0].theirs, &byte, 1, 0), 0);
	(void)close(all[0].theirs);
	begin(1, false);
	gate_exchange_turn_away(all[1].exchange, GATE_TURN_AWAY_OVERLOAD,
	    "so many");
	expect_reply(1, "Status: 503", false);
	(void)close(all[1].theirs);
}

static void
test_gate_exchange_knows_when_nobody_waits(void **state)
{
	begin(0, false);
	/* Who will send no more may still read. */
	assert_int_equal(shutdown(all[0].theirs, SHUT_WR), 0);
	all[0].exchange->since_ns -= 1000 * MS_NS;
	assert_false(gate_exchange_is_given_up(all[0].exchange));
	/* Nobody looks at a moment's wait. */
	(void)close(all[0].theirs);
	all[0].exchange->since_ns = lk_monotonic_ns() + 1000 * MS_NS;
	assert_false(gate_exchange_is_given_up(all[0].exchange));
	all[0].exchange->since_ns -= 2000 * MS_NS;
	assert_true(gate_exchange_is_given_up(all[0].exchange));
	/* An answer to nobody is none that anything waits for. */
	assert_int_equal(gate_exchange_answer(all[0].exchange, "nobody"), -1);
	begin(1, false);
	all[1].exchange->since_ns -= 6000 * MS_NS;
	assert_true(gate_exchange_is_given_up(all[1].exchange));
	gate_exchange_end(all[1].exchange);
	(void)close(all[1].theirs);
}

static void
test_gate_exchange_with_too_little_is_none(void **state)
{
	const struct gate_seen seen = { .request_id = 1 };
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	assert_null(gate_fcgi_begin(&spares, fds[0], &seen));
	assert_int_equal(fcntl(fds[0], F_GETFD), -1);
	assert_int_equal(errno, EBADF);
	(void)close(fds[1]);
}

/* ---- From one thread to another ------------------------------------------ */

/* What threads share, in a process that is one as far as they see. */
struct hall {
	struct temp_dir dir;
	struct gate_process process;
	struct gate_tally tally;
	struct gate_shared shared;
};

static uint64_t
queued(const struct hall *hall)
{
	return (gate_counted(&hall->tally.events.metrics.queued));
}

static void
hall_open(struct hall *hall)
{
	static const char text[] = "gate = { threads = 2; };";
	struct lk_error error;

	memset(hall, 0, sizeof(*hall));
	temp_dir_make(&hall->dir);
	assert_int_equal(gate_generations_new(&program, temp_write(&hall->dir,
	    "conf", text, sizeof(text) - 1, 0600), some_logger(),
	    &hall->process.generations, &error), LK_OK);
	hall->process.threads = 2;
	assert_int_equal(gate_shared_open(&hall->shared, &hall->process,
	    &hall->tally, &error), LK_OK);
}

static void
hall_close(struct hall *hall)
{
	gate_shared_close(&hall->shared);
	gate_generations_free(hall->process.generations);
	temp_dir_remove(&hall->dir);
}

static struct gate_exchange *
take(struct hall *hall)
{
	struct gate_exchange *exchange;

	assert_true(gate_shared_take(&hall->shared, &exchange));
	return (exchange);
}

static void
test_gate_shared_keeps_order_and_limit(void **state)
{
	struct hall hall;
	int i, round;

	hall_open(&hall);
	hall.shared.room.queue = 3;
	for (i = 0; i < 5; i++)
		begin(i, false);
	for (round = 0; round < 4; round++) {
		for (i = 0; i < 3; i++)
			gate_shared_hand_over(&hall.shared, all[i].exchange);
		assert_int_equal(queued(&hall), 3);
		for (i = 0; i < 3; i++)
			assert_ptr_equal(take(&hall), all[i].exchange);
		assert_null(take(&hall));
	}
	/* For one more there is no room. */
	for (i = 0; i < 4; i++)
		gate_shared_hand_over(&hall.shared, all[i].exchange);
	expect_reply(3, "Status: 503", false);
	assert_int_equal(queued(&hall), 3);
	assert_ptr_equal(take(&hall), all[0].exchange);
	gate_shared_hand_over(&hall.shared, all[4].exchange);
	assert_ptr_equal(take(&hall), all[1].exchange);
	assert_ptr_equal(take(&hall), all[2].exchange);
	assert_ptr_equal(take(&hall), all[4].exchange);
	assert_int_equal(queued(&hall), 0);
	for (i = 0; i < 5; i++) {
		if (i != 3)
			gate_exchange_end(all[i].exchange);
		(void)close(all[i].theirs);
	}
	hall_close(&hall);
}

static void
test_gate_shared_has_room_for_all_that_it_says(void **state)
{
	struct gate_exchange *one = (struct gate_exchange *)all;
	struct hall hall;
	size_t i, round;

	hall_open(&hall);
	/* Also where a page of the pipe has been read in part. */
	for (round = 0; round < 3; round++) {
		for (i = 0; i < hall.shared.room.queue; i++)
			gate_shared_hand_over(&hall.shared, one);
		assert_int_equal(queued(&hall), hall.shared.room.queue);
		for (i = 0; i < hall.shared.room.queue; i++)
			assert_ptr_equal(take(&hall), one);
		gate_shared_hand_over(&hall.shared, one);
		assert_ptr_equal(take(&hall), one);
	}
	hall_close(&hall);
}

static void
test_gate_shared_closed_is_emptied_first(void **state)
{
	struct gate_exchange *exchange;
	struct hall hall;

	hall_open(&hall);
	begin(0, false);
	gate_shared_hand_over(&hall.shared, all[0].exchange);
	gate_shared_close_queue(&hall.shared);
	assert_ptr_equal(take(&hall), all[0].exchange);
	assert_null(all[0].exchange->spares);
	assert_false(gate_shared_take(&hall.shared, &exchange));
	assert_null(exchange);
	gate_exchange_end(all[0].exchange);
	(void)close(all[0].theirs);
	hall_close(&hall);
}

static void
test_gate_shared_returns_until_the_end(void **state)
{
	struct hall hall;
	int fds[2];

	hall_open(&hall);
	assert_int_equal(gate_shared_take_back(&hall.shared), -1);
	assert_int_equal(pipe(fds), 0);
	gate_shared_return(&hall.shared, fds[0]);
	assert_int_equal(gate_shared_take_back(&hall.shared), fds[0]);
	gate_shared_return(&hall.shared, fds[0]);
	atomic_store(&hall.shared.stop, true);
	gate_shared_return(&hall.shared, fds[1]);
	assert_int_equal(fcntl(fds[1], F_GETFD), -1);
	/* What nobody has taken is not left open. */
	hall_close(&hall);
	assert_int_equal(fcntl(fds[0], F_GETFD), -1);
}

/* ---- Threads --------------------------------------------------------- */

/* One that counts what it is woken for. */
struct counting {
	struct gate_thread thread;
	atomic_int bells, taken, fds;
	atomic_bool meets; /* it stays with one until another is taken */
};

static atomic_int met;

static void *
count(void *arg)
{
	struct counting *counting = arg;
	struct gate_shared *shared = counting->thread.shared;
	struct gate_exchange *exchange;
	struct epoll_event event;
	int fd, place;

	while (!atomic_load(&shared->stop) &&
	    epoll_wait(counting->thread.epoll, &event, 1, -1) == 1) {
		if (event.data.ptr == &shared->bell)
			(void)atomic_fetch_add(&counting->bells, 1);
		if (event.data.ptr == &shared->returned[0] &&
		    (fd = gate_shared_take_back(shared)) != -1)
			(void)atomic_fetch_add(&counting->fds, fd);
		if (event.data.ptr != &shared->queue[0])
			continue;
		if (!gate_shared_take(shared, &exchange))
			break;
		if (exchange == NULL)
			continue;
		(void)atomic_fetch_add(&counting->taken, 1);
		place = counting->meets ? atomic_fetch_add(&met, 1) | 1 : 0;
		while (place > 0 && atomic_load(&met) <= place)
			(void)sched_yield();
	}
	return (NULL);
}

static void
counting_start(struct counting *counting, struct hall *hall, bool waits)
{
	struct lk_error error;

	memset(counting, 0, sizeof(*counting));
	assert_int_equal(gate_thread_start(&counting->thread, &hall->shared,
	    waits, count, &error), LK_OK);
}

/* Whether it becomes that before long. */
static bool
becomes(atomic_int *counter, int value)
{
	const struct lk_deadline patience = lk_deadline_in(30000);

	while (atomic_load(counter) != value &&
	    lk_deadline_left_ms(patience) > 0)
		(void)sched_yield();
	return (atomic_load(counter) == value);
}

static void
test_gate_thread_hears_each_bell_once(void **state)
{
	static struct counting counting[3];
	struct hall hall;
	int i, round;

	hall_open(&hall);
	for (i = 0; i < 3; i++)
		counting_start(&counting[i], &hall, true);
	for (round = 1; round <= 20; round++) {
		gate_shared_ring(&hall.shared);
		for (i = 0; i < 3; i++)
			assert_true(becomes(&counting[i].bells, round));
	}
	atomic_store(&hall.shared.stop, true);
	gate_shared_ring(&hall.shared);
	for (i = 0; i < 3; i++) {
		gate_thread_end(&counting[i].thread);
		assert_in_range(counting[i].bells, 20, 21);
	}
	hall_close(&hall);
}

static void
test_gate_thread_shares_the_work(void **state)
{
	enum { THREADS = 4, ITEMS = 2000 };
	static struct counting counting[THREADS];
	const struct lk_deadline patience = lk_deadline_in(30000);
	struct hall hall;
	int i, sum = 0;

	hall_open(&hall);
	for (i = 0; i < THREADS; i++)
		counting_start(&counting[i], &hall, true);
	for (i = 0; i < ITEMS; i++) {
		while (queued(&hall) == hall.shared.room.queue)
			assert_true(lk_deadline_left_ms(patience) > 0);
		gate_shared_hand_over(&hall.shared,
		    (struct gate_exchange *)all);
	}
	gate_shared_close_queue(&hall.shared);
	for (i = 0; i < THREADS; i++) {
		gate_thread_end(&counting[i].thread);
		sum += counting[i].taken;
	}
	assert_int_equal(sum, ITEMS);
	hall_close(&hall);
}

static void
test_gate_thread_that_is_busy_keeps_nothing_from_others(void **state)
{
	static struct counting counting[3];
	struct hall hall;
	int i, round;

	hall_open(&hall);
	for (i = 0; i < 3; i++) {
		counting_start(&counting[i], &hall, true);
		atomic_store(&counting[i].meets, true);
	}
	for (round = 1; round <= 500; round++) {
		for (i = 0; i < 2; i++)
			gate_shared_hand_over(&hall.shared,
			    (struct gate_exchange *)all);
		assert_true(becomes(&met, round * 2));
	}
	gate_shared_close_queue(&hall.shared);
	for (i = 0; i < 3; i++)
		gate_thread_end(&counting[i].thread);
	hall_close(&hall);
}

static void
test_gate_thread_that_sleeps_is_woken(void **state)
{
	static struct counting worker, loop;
	struct hall hall;
	int i;

	hall_open(&hall);
	counting_start(&worker, &hall, true);
	counting_start(&loop, &hall, false);
	/* In most rounds they sleep again before the next one. */
	for (i = 1; i <= 200; i++) {
		gate_shared_hand_over(&hall.shared,
		    (struct gate_exchange *)all);
		assert_true(becomes(&worker.taken, i));
		gate_shared_return(&hall.shared, 1000);
		assert_true(becomes(&loop.fds, i * 1000));
	}
	gate_shared_close_queue(&hall.shared);
	gate_thread_end(&worker.thread);
	atomic_store(&hall.shared.stop, true);
	gate_shared_ring(&hall.shared);
	gate_thread_end(&loop.thread);
	hall_close(&hall);
}

#define SUITE_OPEN setup
#define SUITE_CLOSE leave
#include "support/suite.h"
