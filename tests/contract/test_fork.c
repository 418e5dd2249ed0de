/* What a manager promises that is used on both sides of a fork. */
#include <sys/prctl.h>
#include <sys/wait.h>

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include "world.h"

#define USERS 8
#define ROUNDS 100

/* A child that speaks with its parent, byte by byte. */
struct twin {
	pid_t pid;
	int to_child[2];
	int to_parent[2];
};

/* What the child does; 0 is success.  It must not assert. */
typedef int twin_fn(struct world *world, struct twin *twin,
    const struct lk_token *tokens);

static void
say(int fd)
{
	if (write(fd, "", 1) != 1)
		_exit(98);
}

static void
hear(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		_exit(97);
}

static void
twin_start(struct twin *twin, struct world *world, twin_fn *run,
    const struct lk_token *tokens)
{
	assert_int_equal(pipe(twin->to_child), 0);
	assert_int_equal(pipe(twin->to_parent), 0);
	twin->pid = fork();
	assert_true(twin->pid >= 0);
	if (twin->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(run(world, twin, tokens));
	}
}

static void
twin_finish(struct twin *twin)
{
	int status = -1;

	assert_int_equal(waitpid(twin->pid, &status, 0), twin->pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with status %#x", (unsigned)status);
	(void)close(twin->to_child[0]);
	(void)close(twin->to_child[1]);
	(void)close(twin->to_parent[0]);
	(void)close(twin->to_parent[1]);
}

/* How many of many checks do not find their own session. */
static int
count_wrong(struct lk_manager *m, const struct lk_token *tokens)
{
	struct lk_session session;
	char user[16];
	int i, round, wrong = 0;

	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < USERS; i++) {
			(void)snprintf(user, sizeof(user), "user%d", i);
			if (lk_check(m, &tokens[i], &session) != LK_OK ||
			    strcmp(session.user, user) != 0)
				wrong++;
		}
	}
	return (wrong);
}

static void
issue_all(struct world *world, struct lk_token *tokens)
{
	char user[16];
	int i;

	for (i = 0; i < USERS; i++) {
		(void)snprintf(user, sizeof(user), "user%d", i);
		world_issue(world, user, 600, &tokens[i], NULL);
	}
}

static int
check_beside_parent(struct world *world, struct twin *twin,
    const struct lk_token *tokens)
{
	say(twin->to_parent[1]);
	hear(twin->to_child[0]);
	return (count_wrong(world->m, tokens) == 0 ? 0 : 1);
}

static void
test_manager_on_both_sides_of_a_fork_finds_every_session(void **state)
{
	struct world *world = *state;
	struct lk_token tokens[USERS];
	struct twin twin;
	int wrong;

	issue_all(world, tokens);
	twin_start(&twin, world, check_beside_parent, tokens);
	hear(twin.to_parent[0]);
	say(twin.to_child[1]);
	wrong = count_wrong(world->m, tokens);
	twin_finish(&twin);
	assert_int_equal(wrong, 0);
}

/* What the parent revokes once it has closed its manager is revoked here. */
static int
outlive_parents_manager(struct world *world, struct twin *twin,
    const struct lk_token *tokens)
{
	struct lk_session session;
	uint64_t revoked;

	if (lk_check(world->m, &tokens[0], &session) != LK_OK ||
	    lk_revoke(world->m, &tokens[1], NULL, &revoked) != LK_OK ||
	    revoked != 1)
		return (1);
	say(twin->to_parent[1]);
	hear(twin->to_child[0]);
	if (lk_check(world->m, &tokens[0], &session) != LK_UNKNOWN ||
	    lk_revoke(world->m, &tokens[2], NULL, &revoked) != LK_OK ||
	    revoked != 1)
		return (2);
	lk_manager_free(world->m);
	return (0);
}

static void
test_revocations_on_either_side_of_a_fork_hold_on_both(void **state)
{
	struct world *world = *state;
	struct lk_token tokens[USERS];
	struct lk_session session;
	struct twin twin;
	uint64_t revoked;

	issue_all(world, tokens);
	twin_start(&twin, world, outlive_parents_manager, tokens);
	hear(twin.to_parent[0]);
	assert_status(LK_UNKNOWN, lk_check(world->m, &tokens[1], &session));
	lk_manager_free(world->m);
	world->m = world_manager(world);
	assert_status(LK_OK, lk_revoke(world->m, &tokens[0], NULL, &revoked));
	say(twin.to_child[1]);
	twin_finish(&twin);
	assert_status(LK_UNKNOWN, lk_check(world->m, &tokens[2], &session));
	assert_status(LK_OK, lk_check(world->m, &tokens[3], &session));
}

/* Of several managers the child uses one, and is nobody the parent knows of. */
static void
test_managers_a_child_does_not_use_hold_nothing_of_its_store(void **state)
{
	struct world *world = *state;
	struct lk_manager *other = world_manager(world);
	struct lk_token tokens[USERS];
	struct lk_session session;
	struct twin twin;
	uint64_t revoked;

	issue_all(world, tokens);
	assert_int_equal(count_wrong(other, tokens), 0);
	twin_start(&twin, world, outlive_parents_manager, tokens);
	hear(twin.to_parent[0]);
	assert_status(LK_OK, lk_revoke(other, &tokens[0], NULL, &revoked));
	lk_manager_free(other);
	lk_manager_free(world->m);
	say(twin.to_child[1]);
	twin_finish(&twin);
	world->m = world_manager(world);
	assert_status(LK_UNKNOWN, lk_check(world->m, &tokens[1], &session));
	assert_status(LK_UNKNOWN, lk_check(world->m, &tokens[2], &session));
	assert_status(LK_OK, lk_check(world->m, &tokens[3], &session));
}

/* A thread that reads its list, and stays there until it is let go. */
struct reader {
	struct lk_manager *m;
	int in[2], out[2];
};

/* Who is still to stay; of the thread that reads. */
static _Thread_local struct reader *to_stay;

static void
stay(void)
{
	struct reader *reader = to_stay;

	if (reader == NULL)
		return;
	to_stay = NULL;
	say(reader->in[1]);
	hear(reader->out[0]);
}

/* SQLite has found a row, and holds the lock of who reads. */
static int
on_row(unsigned int event, void *arg, void *statement, void *unused)
{
	(void)event;
	(void)arg;
	(void)statement;
	(void)unused;
	stay();
	return (0);
}

static int
on_open(sqlite3 *db, char **why, const struct sqlite3_api_routines *routines)
{
	(void)why;
	(void)routines;
	return (sqlite3_trace_v2(db, SQLITE_TRACE_ROW, on_row, NULL));
}

static void
on_session(void *arg, const struct lk_session *session,
    const struct lk_token *token)
{
	(void)arg;
	(void)session;
	(void)token;
	stay();
}

static void *
read_list(void *arg)
{
	struct reader *reader = arg;

	to_stay = reader;
	return (
	    (void *)(intptr_t)lk_list(reader->m, "user0", on_session, NULL));
}

/* With one file's locks torn apart it must not work, and say so. */
static int
revoke_beside_reader(struct world *world, struct twin *twin,
    const struct lk_token *tokens)
{
	struct lk_session session;
	uint64_t revoked;
	enum lk_status status = lk_revoke(world->m, &tokens[1], NULL, &revoked);

	(void)twin;
	if (status == LK_OK)
		return (world_is_sqlite(world) ? 1 : 0);
	if (status != LK_E_STORE || revoked != 0 ||
	    strstr(lk_manager_error(world->m), "another thread") == NULL ||
	    lk_check(world->m, &tokens[2], &session) != LK_E_STORE)
		return (2);
	lk_manager_free(world->m);
	return (world_is_sqlite(world) ? 0 : 3);
}

static void
test_fork_beside_a_thread_inside_a_manager_denies_or_works(void **state)
{
	struct world *world = *state;
	struct reader reader = { .m = world_manager(world) };
	struct lk_token tokens[USERS];
	struct twin twin;
	pthread_t thread;
	void *status = NULL;

	issue_all(world, tokens);
	assert_int_equal(pipe(reader.in), 0);
	assert_int_equal(pipe(reader.out), 0);
	assert_int_equal(sqlite3_auto_extension((void (*)(void))on_open),
	    SQLITE_OK);
	assert_int_equal(pthread_create(&thread, NULL, read_list, &reader), 0);
	hear(reader.in[0]);
	twin_start(&twin, world, revoke_beside_reader, tokens);
	twin_finish(&twin);
	say(reader.out[1]);
	assert_int_equal(pthread_join(thread, &status), 0);
	assert_status(LK_OK, (enum lk_status)(intptr_t)status);
	assert_int_equal(count_wrong(reader.m, tokens) > ROUNDS, 0);
	lk_manager_free(reader.m);
	sqlite3_reset_auto_extension();
	(void)close(reader.in[0]);
	(void)close(reader.in[1]);
	(void)close(reader.out[0]);
	(void)close(reader.out[1]);
}

/* Children that come and go, with and without using what they inherit. */
static int
free_at_once(struct world *world, struct twin *twin,
    const struct lk_token *tokens)
{
	(void)twin;
	(void)tokens;
	lk_manager_free(world->m);
	lk_settings_free(world->settings);
	return (0);
}

static int
fork_again(struct world *world, struct twin *twin,
    const struct lk_token *tokens)
{
	int status = -1;
	pid_t pid;

	(void)twin;
	if (count_wrong(world->m, tokens) != 0)
		return (1);
	if ((pid = fork()) == 0)
		_exit(count_wrong(world->m, tokens) == 0 ? 0 : 1);
	if (count_wrong(world->m, tokens) != 0 ||
	    waitpid(pid, &status, 0) != pid)
		return (2);
	lk_manager_free(world->m);
	return (status == 0 ? 0 : 3);
}

static void
test_children_that_end_take_nothing_from_their_parent(void **state)
{
	struct world *world = *state;
	struct lk_token tokens[USERS], late;
	struct lk_session session;
	struct twin twin;

	issue_all(world, tokens);
	twin_start(&twin, world, free_at_once, tokens);
	twin_finish(&twin);
	assert_int_equal(count_wrong(world->m, tokens), 0);
	twin_start(&twin, world, fork_again, tokens);
	twin_finish(&twin);
	world_issue(world, "alice", 600, &late, NULL);
	assert_status(LK_OK, lk_check(world->m, &late, &session));
	assert_int_equal(count_wrong(world->m, tokens), 0);
}

/* A manager of a watch that another thread runs, and may hold. */
static void *
run_watch(void *watch)
{
	lk_watch_run(watch);
	return (NULL);
}

static int
revoke_beside_watch(struct world *world, struct twin *twin,
    const struct lk_token *tokens)
{
	uint64_t revoked;

	(void)twin;
	if (count_wrong(world->m, tokens) != 0 ||
	    lk_revoke(world->m, &tokens[0], NULL, &revoked) != LK_OK)
		return (1);
	lk_manager_free(world->m);
	return (revoked == 1 ? 0 : 2);
}

static void
test_manager_of_a_running_watch_has_its_own_in_a_child(void **state)
{
	struct world *world = *state;
	struct lk_surroundings around = { .watch = NULL };
	struct lk_token tokens[USERS];
	struct lk_session session;
	struct lk_error error;
	struct twin twin;
	pthread_t thread;

	lk_manager_free(world->m);
	world->m = NULL;
	assert_status(LK_OK,
	    lk_watch_new(world->settings, NULL, &around.watch, &error));
	assert_int_equal(pthread_create(&thread, NULL, run_watch, around.watch),
	    0);
	assert_status(LK_OK,
	    lk_manager_new(world->settings, &around, &world->m, &error));
	issue_all(world, tokens);
	twin_start(&twin, world, revoke_beside_watch, tokens);
	assert_true(count_wrong(world->m, tokens) <= ROUNDS);
	twin_finish(&twin);
	assert_status(LK_UNKNOWN, lk_check(world->m, &tokens[0], &session));
	assert_status(LK_OK, lk_check(world->m, &tokens[1], &session));
	lk_manager_free(world->m);
	world->m = NULL;
	lk_watch_stop(around.watch);
	assert_int_equal(pthread_join(thread, NULL), 0);
	lk_watch_free(around.watch);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_SESSIONS, tests, count)
#include "support/suite.h"
