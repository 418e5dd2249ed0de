#include <sys/wait.h>

#include <pthread.h>
#include <unistd.h>

#include "support/test.h"
#include "base/deadline.h"
#include "base/turns.h"

#define MS_NS INT64_C(1000000)

static struct lk_turns *
turns_of(int managers)
{
	struct lk_turns *turns = lk_turns_new();

	assert_non_null(turns);
	while (managers-- > 0)
		lk_turns_join(turns);
	return (turns);
}

static void
must_take(struct lk_turns *turns, const char *id, struct lk_turn *turn)
{
	struct lk_error error;

	assert_int_equal(lk_turns_take(turns, id, turn, &error), LK_OK);
}

static void
must_not_take(struct lk_turns *turns, const char *id, const char *why)
{
	struct lk_turn turn;
	struct lk_error error;

	assert_int_equal(lk_turns_take(turns, id, &turn, &error), LK_E_STORE);
	assert_non_null(strstr(error.text, why));
}

/* As if the one who asks had done so for a while. */
static void
make_old(struct lk_turn *turn)
{
	turn->began_ns -= LK_TURNS_SLOW_MS * MS_NS;
}

static void
test_turns_half_of_the_managers_may_hang(void **state)
{
	struct lk_turns *turns = turns_of(8);
	struct lk_turn held[4], another;
	int i;

	for (i = 0; i < 4; i++)
		must_take(turns, "alice", &held[i]);
	make_old(&held[0]);
	must_not_take(turns, "bob", "slow");
	/* There is room again as soon as one of them is back. */
	lk_turns_give(turns, "alice", &held[0], LK_OK);
	must_take(turns, "bob", &another);
	lk_turns_give(turns, "bob", &another, LK_NO_USER);
	for (i = 1; i < 4; i++)
		lk_turns_give(turns, "alice", &held[i], LK_OK);
	lk_turns_free(turns);
}

struct waiter {
	struct lk_turns *turns;
	struct lk_turn turn;
	enum lk_status status;
};

static void *
wait_for_turn(void *arg)
{
	struct waiter *waiter = arg;
	struct lk_error error;

	waiter->status = lk_turns_take(waiter->turns, "bob", &waiter->turn,
	    &error);
	return (arg);
}

static void
test_turns_one_who_waits_is_next(void **state)
{
	struct waiter waiter = { .turns = turns_of(2) };
	struct lk_turn turn;
	pthread_t thread;

	must_take(waiter.turns, "alice", &turn);
	/* However long it takes for the other to come. */
	turn.began_ns += 60000 * MS_NS;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_turn,
	    &waiter), 0);
	lk_turns_give(waiter.turns, "alice", &turn, LK_OK);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(waiter.status, LK_OK);
	lk_turns_give(waiter.turns, "bob", &waiter.turn, LK_OK);
	lk_turns_free(waiter.turns);
}

static void
answer_slowly(struct lk_turns *turns)
{
	struct lk_turn turn;

	must_take(turns, "alice", &turn);
	turn.began_ns -= LK_TURNS_QUICK_MS * MS_NS;
	lk_turns_give(turns, "alice", &turn, LK_OK);
}

static void
test_turns_for_a_slow_source_not_everybody_waits(void **state)
{
	struct lk_turns *turns = turns_of(2);
	struct lk_turn turn;

	answer_slowly(turns);
	must_take(turns, "alice", &turn);
	/* Who waited for it all the same would be here for an hour. */
	turn.began_ns += 3600000 * MS_NS;
	(void)alarm(60);
	must_not_take(turns, "bob", "slow");
	(void)alarm(0);
	turn.began_ns -= 3600000 * MS_NS;
	lk_turns_give(turns, "alice", &turn, LK_OK);
	lk_turns_free(turns);
}

static void
test_turns_for_a_slow_source_a_quarter_waits(void **state)
{
	struct waiter waiter = { .turns = turns_of(4) };
	struct lk_turn held[2];
	pthread_t thread;
	int i;

	answer_slowly(waiter.turns);
	for (i = 0; i < 2; i++) {
		must_take(waiter.turns, "alice", &held[i]);
		held[i].began_ns += 60000 * MS_NS;
	}
	assert_int_equal(pthread_create(&thread, NULL, wait_for_turn,
	    &waiter), 0);
	for (i = 0; i < 2; i++)
		lk_turns_give(waiter.turns, "alice", &held[i], LK_OK);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(waiter.status, LK_OK);
	lk_turns_give(waiter.turns, "bob", &waiter.turn, LK_OK);
	lk_turns_free(waiter.turns);
}

static void
fail_slowly(struct lk_turns *turns, const char *id)
{
	struct lk_turn turn;

	must_take(turns, id, &turn);
	lk_turns_give(turns, id, &turn, LK_E_TIMEOUT);
}

static void
test_turns_a_slow_failure_is_remembered_for_its_user(void **state)
{
	struct lk_turns *turns = turns_of(1);
	struct lk_turn turn;

	must_take(turns, "alice", &turn);
	make_old(&turn);
	lk_turns_give(turns, "alice", &turn, LK_E_STORE);
	must_not_take(turns, "alice", "a moment ago");
	must_take(turns, "bob", &turn);
	lk_turns_give(turns, "bob", &turn, LK_OK);
	must_not_take(turns, "alice", "a moment ago");
	lk_turns_free(turns);
}

static void
test_turns_a_quick_failure_is_not(void **state)
{
	struct lk_turns *turns = turns_of(1);
	struct lk_turn turn;
	int i;

	for (i = 0; i < 10; i++) {
		must_take(turns, "alice", &turn);
		turn.began_ns = lk_monotonic_ns();
		lk_turns_give(turns, "alice", &turn, LK_E_STORE);
	}
	lk_turns_free(turns);
}

static void
test_turns_failures_in_a_row_close_them(void **state)
{
	struct lk_turns *turns = turns_of(1);
	struct lk_turn turn;

	fail_slowly(turns, "a");
	fail_slowly(turns, "b");
	must_take(turns, "c", &turn);
	lk_turns_give(turns, "c", &turn, LK_OK);
	/* That was an answer in between. */
	fail_slowly(turns, "d");
	fail_slowly(turns, "e");
	fail_slowly(turns, "f");
	must_not_take(turns, "g", "in a row");
	lk_turns_free(turns);
}

/* In a child: whether the turn is there to be had, and all can be freed. */
static int
take_as_child(struct lk_turns *turns)
{
	struct lk_turn turn;
	struct lk_error error;

	(void)alarm(30);
	if (lk_turns_take(turns, "carol", &turn, &error) != LK_OK)
		return (1);
	lk_turns_give(turns, "carol", &turn, LK_OK);
	lk_turns_free(turns);
	return (0);
}

static void
test_turns_of_others_are_not_those_of_a_child(void **state)
{
	struct waiter waiter = { .turns = turns_of(1) };
	struct lk_turn turn;
	pthread_t thread;
	int status = -1;
	pid_t pid;

	must_take(waiter.turns, "alice", &turn);
	turn.began_ns += 60000 * MS_NS;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_turn,
	    &waiter), 0);
	assert_true((pid = fork()) >= 0);
	if (pid == 0)
		_exit(take_as_child(waiter.turns));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	lk_turns_give(waiter.turns, "alice", &turn, LK_OK);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(waiter.status, LK_OK);
	lk_turns_give(waiter.turns, "bob", &waiter.turn, LK_OK);
	lk_turns_free(waiter.turns);
}

#include "support/suite.h"
