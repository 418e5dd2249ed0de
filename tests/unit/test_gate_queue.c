#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "support/test.h"
#include "base/deadline.h"
#include "door/queue.h"
#include "door/waiting.h"

static int
some_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return (fd);
}

static bool
is_open(int fd)
{
	return (fcntl(fd, F_GETFD) != -1 || errno != EBADF);
}

static void
test_gate_queue_keeps_order_and_limit(void **state)
{
	struct gate_queue *queue;
	struct gate_ready ready;
	int i, round;

	(void)state;
	assert_int_equal(gate_queue_new(3, -1, &queue), LK_OK);
	for (round = 0; round < 4; round++) {
		for (i = 0; i < 3; i++)
			assert_true(gate_queue_push(queue,
			    (struct gate_ready){ .fd = 100 + i,
			    .since_ns = round }));
		assert_false(gate_queue_push(queue,
		    (struct gate_ready){ .fd = 103 }));
		for (i = 0; i < 3; i++) {
			assert_true(gate_queue_try_pop(queue, &ready));
			assert_int_equal(ready.fd, 100 + i);
			assert_int_equal(ready.since_ns, round);
		}
		/* Let the ring start at another place. */
		assert_true(gate_queue_push(queue,
		    (struct gate_ready){ .fd = 1 }));
		assert_true(gate_queue_try_pop(queue, &ready));
	}
	gate_queue_free(queue);
}

static void
test_gate_queue_nudge_is_seen_once_by_each(void **state)
{
	uint64_t mine = 0, theirs = 0;
	struct gate_queue *queue;
	struct gate_ready ready;

	(void)state;
	assert_int_equal(gate_queue_new(2, -1, &queue), LK_OK);
	assert_false(gate_queue_try_pop(queue, &ready));
	gate_queue_nudge(queue);
	gate_queue_nudge(queue);
	assert_true(gate_queue_pop(queue, &mine, &ready));
	assert_int_equal(ready.fd, -1);
	assert_true(gate_queue_push(queue, (struct gate_ready){ .fd = 7 }));
	/* What is there comes with the nudge, not after it. */
	assert_true(gate_queue_pop(queue, &theirs, &ready));
	assert_int_equal(ready.fd, 7);
	gate_queue_close(queue);
	assert_false(gate_queue_pop(queue, &mine, &ready));
	assert_false(gate_queue_pop(queue, &theirs, &ready));
	gate_queue_free(queue);
}

static void
test_gate_queue_closed_is_emptied_first(void **state)
{
	struct gate_queue *queue;
	uint64_t nudges = 0;
	struct gate_ready ready;

	(void)state;
	assert_int_equal(gate_queue_new(2, -1, &queue), LK_OK);
	assert_true(gate_queue_push(queue, (struct gate_ready){ .fd = 100 }));
	gate_queue_close(queue);
	assert_false(gate_queue_push(queue, (struct gate_ready){ .fd = 101 }));
	assert_true(gate_queue_try_pop(queue, &ready));
	assert_int_equal(ready.fd, 100);
	assert_false(gate_queue_pop(queue, &nudges, &ready));
	assert_int_equal(ready.fd, -1);
	gate_queue_free(queue);
}

static void *
pop_all(void *arg)
{
	struct gate_ready ready;
	uint64_t nudges = 0;
	intptr_t sum = 0;

	while (gate_queue_pop(arg, &nudges, &ready))
		sum += ready.fd;
	return ((void *)sum);
}

static void
test_gate_queue_threads_share_the_work(void **state)
{
	enum { THREADS = 4, ITEMS = 2000 };
	pthread_t threads[THREADS];
	struct gate_queue *queue;
	intptr_t sum = 0;
	void *part;
	int i;

	(void)state;
	assert_int_equal(gate_queue_new(ITEMS, -1, &queue), LK_OK);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, pop_all,
		    queue), 0);
	for (i = 1; i <= ITEMS; i++)
		assert_true(gate_queue_push(queue,
		    (struct gate_ready){ .fd = i }));
	gate_queue_close(queue);
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &part), 0);
		sum += (intptr_t)part;
	}
	assert_int_equal(sum, ITEMS * (ITEMS + 1) / 2);
	gate_queue_free(queue);
}

/* One who takes what comes, and says how much it was. */
struct taker {
	struct gate_queue *queue;
	atomic_int taken;
};

static void *
take_all(void *arg)
{
	struct taker *taker = arg;
	struct gate_ready ready;
	uint64_t nudges = 0;

	while (gate_queue_pop(taker->queue, &nudges, &ready))
		(void)atomic_fetch_add(&taker->taken, 1);
	return (arg);
}

static void
test_gate_queue_push_wakes_who_sleeps(void **state)
{
	const struct lk_deadline patience = lk_deadline_in(30000);
	static struct taker taker; /* which a thread that sleeps on has */
	pthread_t thread;
	int i;

	(void)state;
	assert_int_equal(gate_queue_new(1, -1, &taker.queue), LK_OK);
	assert_int_equal(pthread_create(&thread, NULL, take_all, &taker), 0);
	/* In most rounds it sleeps again before the next one. */
	for (i = 1; i <= 200; i++) {
		assert_true(gate_queue_push(taker.queue,
		    (struct gate_ready){ .fd = i }));
		while (atomic_load(&taker.taken) < i &&
		    lk_deadline_left_ms(patience) > 0)
			(void)sched_yield();
		assert_int_equal(atomic_load(&taker.taken), i);
	}
	gate_queue_close(taker.queue);
	assert_int_equal(pthread_join(thread, NULL), 0);
	gate_queue_free(taker.queue);
}

static void
test_gate_queue_free_closes_the_rest(void **state)
{
	struct gate_queue *queue;
	int fd = some_fd();

	(void)state;
	assert_int_equal(gate_queue_new(2, -1, &queue), LK_OK);
	assert_true(gate_queue_push(queue, (struct gate_ready){ .fd = fd }));
	gate_queue_free(queue);
	assert_false(is_open(fd));
	gate_queue_free(NULL);
}

static void
test_gate_waiting_oldest_comes_first(void **state)
{
	const struct lk_deadline deadline = lk_deadline_in(1000);
	struct gate_waiter *a, *b;
	struct gate_waiting waiting;

	(void)state;
	assert_int_equal(gate_waiting_init(&waiting, 2), LK_OK);
	assert_null(gate_waiting_oldest(&waiting));
	a = gate_waiting_add(&waiting, 100, deadline);
	b = gate_waiting_add(&waiting, 101, deadline);
	assert_non_null(a);
	assert_non_null(b);
	assert_null(gate_waiting_add(&waiting, 102, deadline));
	assert_ptr_equal(gate_waiting_oldest(&waiting), a);
	a->sight.copied = 5;
	assert_int_equal(gate_waiting_remove(&waiting, a), 100);
	assert_ptr_equal(gate_waiting_oldest(&waiting), b);
	a = gate_waiting_add(&waiting, 103, deadline);
	assert_non_null(a);
	assert_int_equal(a->sight.copied, 0);
	assert_false(a->kept);
	assert_ptr_equal(gate_waiting_oldest(&waiting), b);
	assert_int_equal(gate_waiting_remove(&waiting, b), 101);
	assert_int_equal(gate_waiting_remove(&waiting, a), 103);
	assert_null(gate_waiting_oldest(&waiting));
	gate_waiting_free(&waiting);
}

static void
test_gate_waiting_free_closes_all(void **state)
{
	const struct lk_deadline deadline = lk_deadline_in(1000);
	struct gate_waiting waiting;
	int first = some_fd(), second = some_fd();

	(void)state;
	assert_int_equal(gate_waiting_init(&waiting, 4), LK_OK);
	assert_non_null(gate_waiting_add(&waiting, first, deadline));
	assert_non_null(gate_waiting_add(&waiting, second, deadline));
	gate_waiting_free(&waiting);
	assert_false(is_open(first));
	assert_false(is_open(second));
}

#include "support/suite.h"
