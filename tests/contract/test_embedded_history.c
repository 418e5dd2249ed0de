/* The past in a file: what is kept of a change that is cut short. */
#include <signal.h>
#include <stdlib.h>

#include "children.h"

/* More often than an issue at a limit asks for the time. */
#define CALLS 40

/* Log in twice, and be hit in the middle of the second one, which ends the
 * first. */
static int
issue_and_be_hit(struct task *task)
{
	const struct accident *planned = task->arg;
	struct lk_token token;

	if (lk_issue(task->m, "alice", NULL, &token, NULL) != LK_OK ||
	    !tell(task, "+", 1))
		return (1);
	*task->accident = *planned;
	return (lk_issue(task->m, "alice", NULL, &token, NULL) == LK_OK &&
	            tell(task, "+", 1)
	        ? 0
	        : 2);
}

/* The same of a session that ends. */
static int
revoke_and_be_hit(struct task *task)
{
	const struct accident *planned = task->arg;
	struct lk_token token;
	uint64_t revoked;

	if (lk_issue(task->m, "alice", NULL, &token, NULL) != LK_OK ||
	    !tell(task, "+", 1))
		return (1);
	*task->accident = *planned;
	return (lk_revoke(task->m, &token, NULL, &revoked) == LK_OK &&
	            tell(task, "+", 1)
	        ? 0
	        : 2);
}

struct sums {
	uint64_t issued, ended;
};

static void
add(void *arg, const struct lk_entry *entry)
{
	struct sums *sums = arg;

	*(entry->event == LK_EVENT_ISSUED ? &sums->issued : &sums->ended) +=
	    entry->count;
}

/* The history has each session that there is, or was, and no other. */
static void
assert_true_history(struct world *world)
{
	struct sums sums = { 0, 0 };

	assert_status(LK_OK, lk_history(world->m, "alice", add, &sums));
	assert_int_equal(sums.issued - sums.ended, world_count(world, "alice"));
}

static void
be_hit(struct world *world, child_fn *run)
{
	struct accident accident = { SIGKILL, 1 };
	struct child child;
	char said;
	bool whole = false;

	for (; accident.calls <= CALLS && !whole; accident.calls++) {
		child_start(&child, world, run, &accident);
		assert_true(child_says(&child, &said, 1));
		whole = child_says(&child, &said, 1);
		if (whole)
			child_finish(&child);
		else {
			child_meets(&child, SIGKILL);
			child_close(&child);
		}
		assert_true_history(world);
	}
	/* It was hit at every point that there is. */
	assert_true(whole);
	assert_true(accident.calls > 3);
}

static void
test_login_killed_in_the_middle_leaves_a_true_history(void **state)
{
	struct world *world = *state;

	world_settle(world, "single = true;", "", "");
	be_hit(world, issue_and_be_hit);
}

static void
test_end_killed_in_the_middle_leaves_a_true_history(void **state)
{
	be_hit(*state, revoke_and_be_hit);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_OPEN world_open_sqlite
#define SUITE_CLOSE world_close
#include "support/suite.h"
