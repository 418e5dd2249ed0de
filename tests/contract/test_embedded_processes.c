/* What the embedded store promises to many processes and threads at once. */
#include <sys/stat.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/deadline.h"
#include "children.h"
#include "settings/settings.h"

#define TEXT_LEN 67 /* of a token */

/* What an integrity check of the whole file says, by SQLite itself. */
static void
assert_integrity(const struct world *world)
{
	sqlite3_stmt *statement = NULL;
	sqlite3 *db = NULL;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/store.db", world->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1,
	                     &statement, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal(
	    (const char *)sqlite3_column_text(statement, 0), "ok");
	(void)sqlite3_finalize(statement);
	(void)sqlite3_close(db);
}

/* The status of the token of ${text} by ${m}. */
static enum lk_status
status_of(struct lk_manager *m, const char text[TEXT_LEN])
{
	struct lk_session session;
	struct lk_token token;

	if (lk_token_set(&token, text, TEXT_LEN) != LK_OK)
		return (LK_FAULT);
	return (lk_check(m, &token, &session));
}

/* ---- Many logins -------------------------------------------------------- */

#define PROCESSES 25
#define LOGINS 8

static int
log_in(struct task *task)
{
	struct lk_token token;
	int i;

	wait_for_parent(task);
	for (i = 0; i < LOGINS; i++) {
		if (lk_issue(task->m, "alice", NULL, &token, NULL) != LK_OK ||
		    token.len != TEXT_LEN || !tell(task, token.text, TEXT_LEN))
			return (1);
	}
	return (0);
}

static void
test_single_mode_200_logins_from_25_processes_leave_one(void **state)
{
	struct world *world = *state;
	static char all[PROCESSES * LOGINS + 1][TEXT_LEN];
	struct child child[PROCESSES];
	size_t i, said = 0, live = 0;

	world_settle(world, "single = true;", "", "");
	for (i = 0; i < PROCESSES; i++)
		child_start(&child[i], world, log_in, NULL);
	for (i = 0; i < PROCESSES; i++)
		child_let_go(&child[i]);
	for (i = 0; i < PROCESSES; i++) {
		while (child_says(&child[i], all[said], TEXT_LEN))
			said++;
		child_finish(&child[i]);
	}
	assert_int_equal(said, PROCESSES * LOGINS);
	for (i = 0; i < said; i++)
		live += status_of(world->m, all[i]) == LK_OK;
	assert_int_equal(live, 1);
	assert_int_equal(world_count(world, "alice"), 1);
	assert_integrity(world);
}

/* ---- Accidents ---------------------------------------------------------- */

/* Check a session, and be killed while reading its row. */
static int
check_and_die(struct task *task)
{
	task->accident->signal = SIGKILL;
	task->accident->calls = 1;
	return (status_of(task->m, task->arg) == LK_OK ? 1 : 2);
}

static void
test_reader_killed_while_reading_blocks_nobody(void **state)
{
	struct world *world = *state;
	struct lk_token token, other;
	struct child child;
	uint64_t revoked;

	world_issue(world, "alice", 600, &token, NULL);
	child_start(&child, world, check_and_die, token.text);
	child_meets(&child, SIGKILL);
	child_close(&child);
	world_issue(world, "alice", 600, &other, NULL);
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_int_equal(world_count(world, "alice"), 1);
}

/* Issue a session that counts, and be hit in the middle of another. */
static int
issue_and_be_hit(struct task *task)
{
	const struct accident *planned = task->arg;
	struct lk_token token;

	if (lk_issue(task->m, "alice", NULL, &token, NULL) != LK_OK ||
	    !tell(task, token.text, TEXT_LEN))
		return (1);
	*task->accident = *planned;
	if (lk_issue(task->m, "alice", NULL, &token, NULL) != LK_OK)
		return (2);
	return (tell(task, token.text, TEXT_LEN) ? 0 : 3);
}

static void
test_writer_killed_in_a_transaction_loses_nothing(void **state)
{
	struct world *world = *state;
	struct accident accident = { SIGKILL, 1 };
	struct child child;
	struct lk_token token;
	char text[TEXT_LEN], none;
	size_t known = 0;

	/* The time is asked for while old sessions are swept, when the new
	 * one begins, and when it is read back. */
	for (; accident.calls <= 3; accident.calls++) {
		child_start(&child, world, issue_and_be_hit, &accident);
		assert_true(child_says(&child, text, TEXT_LEN));
		child_meets(&child, SIGKILL);
		assert_false(child_says(&child, &none, 1));
		child_close(&child);
		known++;
		assert_status(LK_OK, status_of(world->m, text));
		assert_int_equal(world_count(world, "alice"), known);
		world_issue(world, "alice", 600, &token, NULL);
		known++;
	}
	assert_int_equal(world_count(world, "alice"), known);
	assert_integrity(world);
}

static void
test_writer_stopped_costs_the_deadline_and_checks_go_on(void **state)
{
	struct world *world = *state;
	const struct accident accident = { SIGSTOP, 2 };
	struct lk_manager *patient = world_manager(world), *m, *fresh;
	struct lk_token token, none;
	struct child child;
	uint64_t revoked = 7;
	char text[TEXT_LEN];
	int64_t start;

	world_issue(world, "alice", 600, &token, NULL);
	child_start(&child, world, issue_and_be_hit, &accident);
	child_meets(&child, SIGSTOP);
	world->settings->store.sqlite.timeout_ms = 200;
	m = world_manager(world);
	start = lk_monotonic_ns();
	assert_status(LK_E_TIMEOUT, lk_issue(m, "bob", NULL, &none, NULL));
	assert_int_equal(none.len, 0);
	assert_true(lk_monotonic_ns() - start >= 200 * 1000000LL);
	assert_status(LK_E_TIMEOUT, lk_revoke(m, &token, NULL, &revoked));
	assert_int_equal(revoked, 0);
	assert_true(lk_manager_error(m)[0] != '\0');
	assert_status(LK_E_TIMEOUT, lk_revoke_all(m, "alice", NULL, &revoked));
	/* Waiting for a lock that is never let go would take for ever. */
	assert_true(lk_monotonic_ns() - start < 30000 * 1000000LL);
	fresh = world_manager(world);
	assert_status(LK_OK, status_of(m, token.text));
	assert_status(LK_OK, status_of(fresh, token.text));
	assert_status(LK_OK, status_of(patient, token.text));
	assert_int_equal(kill(child.pid, SIGCONT), 0);
	assert_true(child_says(&child, text, TEXT_LEN));
	assert_true(child_says(&child, text, TEXT_LEN));
	child_finish(&child);
	assert_status(LK_OK, status_of(m, text));
	assert_status(LK_OK, lk_revoke(patient, &token, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_UNKNOWN, status_of(m, token.text));
	lk_manager_free(m);
	lk_manager_free(fresh);
	lk_manager_free(patient);
}

/* ---- Killed at any point ------------------------------------------------ */

#define ROUNDS 20

/* What a child has done, or with 'r' is about to do. */
struct deed {
	char what; /* 'I' issued, 'r' will revoke, 'R' revoked */
	char text[TEXT_LEN];
};

static bool
confess(const struct task *task, char what, const struct lk_token *token)
{
	struct deed deed = { .what = what };

	memcpy(deed.text, token->text, TEXT_LEN);
	return (tell(task, &deed, sizeof(deed)));
}

static int
issue_and_revoke(struct task *task)
{
	struct lk_token token;
	uint64_t revoked;
	int i;

	for (i = 0;; i++) {
		if (lk_issue(task->m, "alice", NULL, &token, NULL) != LK_OK ||
		    !confess(task, 'I', &token))
			return (1);
		if (i % 2 == 0)
			continue;
		if (!confess(task, 'r', &token) ||
		    lk_revoke(task->m, &token, NULL, &revoked) != LK_OK ||
		    revoked != 1 || !confess(task, 'R', &token))
			return (2);
	}
}

/* Compare a deed, and what became of its token after it, with the store. */
static void
verify(struct world *world, const struct deed *deed, const struct deed *next)
{
	enum lk_status status = status_of(world->m, deed->text);

	if (deed->what == 'R')
		assert_int_equal(status, LK_UNKNOWN);
	else if (deed->what == 'I' && (next == NULL || next->what != 'r'))
		assert_int_equal(status, LK_OK);
}

static void
test_acknowledged_changes_survive_kill_at_any_point(void **state)
{
	struct world *world = *state;
	static struct deed deed[4096];
	struct child child;
	unsigned int seed = 20240229, round;
	size_t n, i;

	for (round = 0; round < ROUNDS; round++) {
		seed = seed * 1103515245 + 12345;
		child_start(&child, world, issue_and_revoke, NULL);
		for (n = 0; n < 1 + (seed >> 16) % 40; n++)
			assert_true(
			    child_says(&child, &deed[n], sizeof(deed[0])));
		/* Some microseconds, to meet it anywhere. */
		(void)usleep((seed >> 8) % 2000);
		assert_int_equal(kill(child.pid, SIGKILL), 0);
		child_meets(&child, SIGKILL);
		while (
		    n < 4096 && child_says(&child, &deed[n], sizeof(deed[0])))
			n++;
		child_close(&child);
		for (i = 0; i < n; i++)
			verify(world, &deed[i],
			    i + 1 < n ? &deed[i + 1] : NULL);
	}
	assert_integrity(world);
}

/* ---- Threads ------------------------------------------------------------ */

#define THREADS 8
#define ISSUES 25

struct worker {
	const struct world *world;
	atomic_bool *stop;
	char text[ISSUES][TEXT_LEN];
	int issued;
	pthread_t thread;
};

static void *
issue_many(void *arg)
{
	struct worker *w = arg;
	struct lk_manager *m = NULL;
	struct lk_token token;

	if (lk_manager_new(w->world->settings, NULL, &m, NULL) != LK_OK)
		return (NULL);
	for (; w->issued < ISSUES; w->issued++) {
		if (lk_issue(m, "alice", NULL, &token, NULL) != LK_OK)
			break;
		memcpy(w->text[w->issued], token.text, TEXT_LEN);
	}
	lk_manager_free(m);
	return (NULL);
}

/* Open and close the file: no lock of another thread may be lost by that. */
static void *
come_and_go(void *arg)
{
	struct worker *w = arg;
	struct lk_manager *m = NULL;

	while (!*w->stop) {
		if (lk_manager_new(w->world->settings, NULL, &m, NULL) !=
		        LK_OK ||
		    lk_ping(m) != LK_OK) {
			lk_manager_free(m);
			return (NULL);
		}
		w->issued++;
		lk_manager_free(m);
	}
	return (NULL);
}

/*
 * The same in another process, which also issues.  Whoever closes the file
 * as the last one removes its log: it must know who is not the last.
 */
static int
come_issue_and_go(struct task *task)
{
	const struct lk_settings *settings = task->arg;
	struct pollfd p = { .fd = task->wait, .events = POLLIN };
	struct lk_manager *m = NULL;
	struct lk_token token;
	int wrong = 0;

	while (wrong == 0 && poll(&p, 1, 0) == 0) {
		if (lk_manager_new(settings, NULL, &m, NULL) != LK_OK)
			return (1);
		wrong = lk_issue(m, "alice", NULL, &token, NULL) != LK_OK ||
		    !tell(task, token.text, TEXT_LEN);
		lk_manager_free(m);
	}
	return (wrong);
}

static void
start_threads(struct worker *worker, size_t n, const struct world *world,
    void *(*run)(void *), atomic_bool *stop)
{
	size_t i;

	for (i = 0; i < n; i++) {
		worker[i].world = world;
		worker[i].stop = stop;
		assert_int_equal(
		    pthread_create(&worker[i].thread, NULL, run, &worker[i]),
		    0);
	}
}

static void
test_threads_that_open_and_close_release_no_lock_of_others(void **state)
{
	struct world *world = *state;
	struct worker *issuing = calloc(THREADS, sizeof(*issuing));
	struct worker *coming = calloc(2, sizeof(*coming));
	atomic_bool stop = false;
	struct child child;
	char text[TEXT_LEN];
	size_t t, said = 0;
	int i;

	assert_non_null(issuing);
	assert_non_null(coming);
	child_start(&child, world, come_issue_and_go, world->settings);
	start_threads(coming, 2, world, come_and_go, &stop);
	start_threads(issuing, THREADS, world, issue_many, &stop);
	for (t = 0; t < THREADS; t++)
		assert_int_equal(pthread_join(issuing[t].thread, NULL), 0);
	stop = true;
	child_let_go(&child);
	for (t = 0; t < 2; t++) {
		assert_int_equal(pthread_join(coming[t].thread, NULL), 0);
		assert_true(coming[t].issued > 0);
	}
	for (t = 0; t < THREADS; t++) {
		assert_int_equal(issuing[t].issued, ISSUES);
		for (i = 0; i < ISSUES; i++)
			assert_status(LK_OK,
			    status_of(world->m, issuing[t].text[i]));
	}
	for (; child_says(&child, text, TEXT_LEN); said++)
		assert_status(LK_OK, status_of(world->m, text));
	child_finish(&child);
	assert_int_equal(world_count(world, "alice"), THREADS * ISSUES + said);
	assert_integrity(world);
	free(issuing);
	free(coming);
}

/* ---- The log ------------------------------------------------------------ */

#define READERS 4
#define LISTED 300
#define WRITERS 3
#define PUTS 400
#define DETAIL 60000

/* Write much, and say how long the log at ${arg} has been at most. */
static int
put_users(struct task *task)
{
	char detail[DETAIL + 1], user[32];
	struct stat st;
	off_t longest = 0;
	int i;

	for (i = 0; i < PUTS; i++) {
		/* What does not change is not written. */
		memset(detail, 'a' + i % 26, DETAIL);
		detail[0] = detail[DETAIL - 1] = '"';
		detail[DETAIL] = '\0';
		(void)snprintf(user, sizeof(user), "user%d", i % 10);
		if (lk_user_put(task->m, user, detail, 600) != LK_OK ||
		    stat(task->arg, &st) != 0)
			return (1);
		if (st.st_size > longest)
			longest = st.st_size;
	}
	return (tell(task, &longest, sizeof(longest)) ? 0 : 2);
}

static void
count_session(void *arg, const struct lk_session *session,
    const struct lk_token *token)
{
	size_t *count = arg;

	(void)session;
	(void)token;
	++*count;
}

/* Each list is one look that lasts; with several at it there is always one
 * that keeps the log from beginning anew. */
static int
list_until_told(struct task *task)
{
	struct pollfd p = { .fd = task->wait, .events = POLLIN };
	size_t count = 0;

	while (poll(&p, 1, 0) == 0) {
		if (lk_list(task->m, "alice", count_session, &count) != LK_OK)
			return (1);
	}
	return (count > 0 ? 0 : 2);
}

static void
test_log_stays_bounded_with_writers_and_readers_all_the_time(void **state)
{
	struct world *world = *state;
	struct child writer[WRITERS], reader[READERS];
	struct lk_token token;
	char path[128];
	off_t longest;
	size_t i;

	(void)snprintf(path, sizeof(path), "%s/store.db-wal", world->dir);
	for (i = 0; i < LISTED; i++)
		world_issue(world, "alice", 600, &token, NULL);
	for (i = 0; i < READERS; i++)
		child_start(&reader[i], world, list_until_told, NULL);
	for (i = 0; i < WRITERS; i++)
		child_start(&writer[i], world, put_users, path);
	for (i = 0; i < WRITERS; i++) {
		assert_true(child_says(&writer[i], &longest, sizeof(longest)));
		child_finish(&writer[i]);
		/* All that is written is 72 MB, and some more in pages. */
		assert_in_range(longest, 1, 64 << 20);
	}
	for (i = 0; i < READERS; i++) {
		child_let_go(&reader[i]);
		child_finish(&reader[i]);
	}
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_OPEN world_open_sqlite
#define SUITE_CLOSE world_close
#include "support/suite.h"
