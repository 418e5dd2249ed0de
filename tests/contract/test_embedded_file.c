/* What becomes of the embedded store's file: shared, full, closed, gone. */
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "children.h"

#define STRANGER 54321
#define SECOND 54322
#define GROUP 54320

/* ---- A new file --------------------------------------------------------- */

static void
test_file_is_made_private_in_a_folder_that_is_made(void **state)
{
	static const char *const left[] = { "", "-wal", "-shm", "-reserve" };
	struct world *world = *state;
	char folder[100], path[128], log[137];
	struct lk_manager *m;
	struct lk_token token;
	struct stat st;
	mode_t mask = umask(0);

	(void)snprintf(folder, sizeof(folder), "%s/folder", world->dir);
	(void)snprintf(path, sizeof(path), "%s/sessions.db", folder);
	(void)snprintf(log, sizeof(log), "%s-wal", path);
	m = world_manager_at(world, path);
	assert_status(LK_OK, lk_issue(m, "alice", NULL, &token, NULL));
	(void)umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(log, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(folder, &st), 0);
	/* Root shares it with the group latchkey where there is one. */
	assert_int_equal(st.st_mode & 07777,
	    geteuid() == 0 && getgrnam("latchkey") != NULL ? 02770 : 0700);
	lk_manager_free(m);
	EACH(c, left) {
		(void)snprintf(log, sizeof(log), "%s%s", path, *c);
		assert_int_equal(stat(log, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(unlink(log), 0);
	}
	assert_int_equal(rmdir(folder), 0);
}

/* ---- Two users ---------------------------------------------------------- */

static bool
become(uid_t uid)
{
	(void)umask(077);
	return (
	    setgroups(0, NULL) == 0 && setgid(GROUP) == 0 && setuid(uid) == 0);
}

/* Issue a session, say its token, and see it end. */
static int
issue_as_first(struct task *task)
{
	struct lk_session session;
	struct lk_token token;

	if (!become(STRANGER))
		return (1);
	if (lk_issue(task->m, "alice", NULL, &token, NULL) != LK_OK ||
	    !tell(task, token.text, token.len + 1))
		return (2);
	wait_for_parent(task);
	return (lk_check(task->m, &token, &session) == LK_UNKNOWN ? 0 : 3);
}

/* Check and revoke the session of the token ${arg}. */
static int
revoke_as_second(struct task *task)
{
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;

	if (!become(SECOND) ||
	    lk_token_set(&token, task->arg, strlen(task->arg)) != LK_OK)
		return (1);
	if (lk_check(task->m, &token, &session) != LK_OK)
		return (2);
	if (lk_revoke(task->m, &token, NULL, &revoked) != LK_OK || revoked != 1)
		return (3);
	return (lk_issue(task->m, "bob", NULL, &token, NULL) == LK_OK ? 0 : 4);
}

static void
assert_shared(const struct world *world, const char *suffix)
{
	char path[160];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s%s", world_store_path(world),
	    suffix);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_gid, GROUP);
}

static void
test_two_users_of_a_group_share_a_folder(void **state)
{
	struct world *world = *state;
	struct child first, second;
	char text[68];

	if (geteuid() != 0) {
		print_message("# skipped: needs root\n");
		skip();
	}
	assert_int_equal(chown(world->dir, 0, GROUP), 0);
	assert_int_equal(chmod(world->dir, 02770), 0);
	child_start(&first, world, issue_as_first, NULL);
	assert_true(child_says(&first, text, sizeof(text)));
	assert_shared(world, "");
	assert_shared(world, "-wal");
	assert_shared(world, "-shm");
	assert_shared(world, "-reserve");
	child_start(&second, world, revoke_as_second, text);
	child_finish(&second);
	child_let_go(&first);
	child_finish(&first);
	/* And root, who makes what is missing for them as well. */
	assert_int_equal(world_count(world, "bob"), 1);
	assert_shared(world, "-wal");
	assert_shared(world, "-shm");
	assert_int_equal(chown(world->dir, 0, 0), 0);
	assert_int_equal(chmod(world->dir, 0700), 0);
}

/* ---- No room, no right -------------------------------------------------- */

/* Use the store until it takes no more, and see that it never lies. */
static int
fill_up(struct lk_manager *m, const struct lk_token *old)
{
	struct lk_session session;
	struct lk_token token;
	enum lk_status status = LK_OK;
	uint64_t revoked = 7;
	int i;

	for (i = 0; i < 20000 && status == LK_OK; i++)
		status = lk_issue(m, "alice", NULL, &token, NULL);
	if (status != LK_E_STORE || token.len != 0 ||
	    lk_manager_error(m)[0] == '\0')
		return (10);
	if (lk_check(m, old, &session) != LK_OK)
		return (11);
	status = lk_revoke(m, old, NULL, &revoked);
	if (status == LK_OK)
		return (revoked == 1 && lk_check(m, old, &session) == LK_UNKNOWN
		        ? 0
		        : 12);
	return (
	    status < 0 && revoked == 0 && lk_check(m, old, &session) == LK_OK
	        ? 0
	        : 13);
}

/* With a log that may not grow, sessions can be ended all the same. */
static int
revoke_at_the_limit(struct lk_manager *m)
{
	struct lk_token token;
	uint64_t revoked;
	int i, full = 0;

	for (i = 0; i < 500; i++) {
		/* Now and then another one, so that both meet the limit. */
		if (i % 3 == 0 &&
		    lk_issue(m, "carol", NULL, &token, NULL) != LK_OK)
			full++;
		if (lk_issue(m, "carol", NULL, &token, NULL) != LK_OK)
			full++;
		else if (lk_revoke(m, &token, NULL, &revoked) != LK_OK ||
		    revoked != 1)
			return (20);
	}
	return (full > 0 ? 0 : 21);
}

static int
reach_the_limit(struct task *task)
{
	struct rlimit limit = { 300000, RLIM_INFINITY };
	struct lk_token old;
	uint64_t revoked;
	int code;

	(void)signal(SIGXFSZ, SIG_IGN);
	if (lk_issue(task->m, "bob", NULL, &old, NULL) != LK_OK ||
	    setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return (1);
	if ((code = fill_up(task->m, &old)) != 0)
		return (code);
	if ((code = revoke_at_the_limit(task->m)) != 0)
		return (code);
	limit.rlim_cur = RLIM_INFINITY;
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return (2);
	return (lk_revoke_all(task->m, "alice", NULL, &revoked) == LK_OK &&
	            revoked > 0 &&
	            lk_issue(task->m, "bob", NULL, &old, NULL) == LK_OK
	        ? 0
	        : 3);
}

static void
test_file_size_limit_is_an_error_and_no_lie(void **state)
{
	struct world *world = *state;
	struct child child;

	child_start(&child, world, reach_the_limit, NULL);
	child_finish(&child);
	assert_int_equal(world_count(world, "alice"), 0);
}

static int
fill_the_disk(struct task *task)
{
	const char *folder = task->arg;
	struct lk_token old;
	int code;

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", folder, "tmpfs", 0, "size=1m,mode=0700") != 0)
		return (tell(task, "-", 1) ? 0 : 1);
	if (lk_issue(task->m, "bob", NULL, &old, NULL) != LK_OK)
		return (2);
	if ((code = fill_up(task->m, &old)) != 0)
		return (code);
	return (tell(task, "+", 1) ? 0 : 3);
}

static void
test_full_disk_is_an_error_and_no_lie(void **state)
{
	struct world *world = *state;
	struct child child;
	char said;

	if (geteuid() != 0) {
		print_message("# skipped: needs root\n");
		skip();
	}
	child_start(&child, world, fill_the_disk, world->dir);
	assert_true(child_says(&child, &said, 1));
	child_finish(&child);
	if (said == '-') {
		print_message("# skipped: not even root may mount here\n");
		skip();
	}
}

/* As somebody who may read the store and no more. */
static int
use_as_reader(struct task *task)
{
	struct lk_session session;
	struct lk_token token, none;
	uint64_t revoked = 7;

	if (lk_token_set(&token, task->arg, strlen(task->arg)) != LK_OK ||
	    (geteuid() == 0 &&
	        (setgroups(0, NULL) != 0 || setgid(GROUP) != 0 ||
	            setuid(SECOND) != 0)))
		return (1);
	if (lk_issue(task->m, "alice", NULL, &none, NULL) != LK_E_STORE ||
	    none.len != 0 ||
	    (strstr(lk_manager_error(task->m), "written") == NULL &&
	        strstr(lk_manager_error(task->m), "open") == NULL))
		return (2);
	if (lk_revoke(task->m, &token, NULL, &revoked) != LK_E_STORE ||
	    revoked != 0)
		return (3);
	if (lk_revoke_all(task->m, "alice", NULL, &revoked) != LK_E_STORE ||
	    revoked != 0)
		return (4);
	return (lk_check(task->m, &token, &session) == LK_UNKNOWN ? 5 : 0);
}

static void
test_store_that_cannot_be_written_to_is_an_error_and_no_lie(void **state)
{
	static const struct {
		mode_t folder, file;
	} mode[] = { { 0550, 0440 }, { 0770, 0440 }, { 0550, 0660 } };
	struct world *world = *state;
	struct child child;
	struct lk_token token;

	world_issue(world, "alice", 600, &token, NULL);
	world_fill_store(world);
	if (geteuid() == 0) {
		assert_int_equal(chown(world->dir, 0, GROUP), 0);
		assert_int_equal(chown(world_store_path(world), 0, GROUP), 0);
	}
	EACH(c, mode) {
		assert_int_equal(chmod(world->dir, c->folder), 0);
		assert_int_equal(chmod(world_store_path(world), c->file), 0);
		child_start(&child, world, use_as_reader, token.text);
		child_finish(&child);
	}
	assert_int_equal(chmod(world->dir, 0700), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(world->dir, 0, 0), 0);
	world->m = world_manager(world);
	assert_int_equal(world_count(world, "alice"), 101);
}

/* ---- Replaced while it is open ------------------------------------------ */

static enum lk_status
wait_for_change(struct lk_manager *m, const struct lk_token *token,
    enum lk_status from)
{
	struct lk_session session;
	enum lk_status status;

	while ((status = lk_check(m, token, &session)) == from)
		(void)poll(NULL, 0, 5);
	return (status);
}

static void
test_file_deleted_while_open_is_noticed(void **state)
{
	struct world *world = *state;
	struct lk_manager *reader = world_manager(world), *late;
	struct lk_session session;
	struct lk_token old, fresh, more;
	int i;

	world_issue(world, "alice", 600, &old, NULL);
	assert_status(LK_OK, lk_check(reader, &old, &session));
	/* Its log and the log's index stay, as when only the file is known. */
	assert_int_equal(unlink(world_store_path(world)), 0);
	world_issue(world, "alice", 600, &fresh, NULL);
	assert_int_equal(world_count(world, "alice"), 1);
	assert_status(LK_UNKNOWN, lk_check(world->m, &old, &session));
	assert_status(LK_UNKNOWN, wait_for_change(reader, &old, LK_OK));
	assert_status(LK_OK, lk_check(reader, &fresh, &session));
	/* Whoever had the old one open takes nothing along when he goes. */
	late = world_manager(world);
	assert_status(LK_OK, lk_check(late, &fresh, &session));
	assert_int_equal(unlink(world_store_path(world)), 0);
	world_issue(world, "alice", 600, &fresh, NULL);
	lk_manager_free(late);
	for (i = 0; i < 50; i++)
		world_issue(world, "alice", 600, &more, NULL);
	lk_manager_free(reader);
	assert_status(LK_OK, lk_check(world->m, &fresh, &session));
	late = world_manager(world);
	assert_status(LK_OK, lk_check(late, &fresh, &session));
	assert_status(LK_OK, lk_check(late, &more, &session));
	lk_manager_free(late);
	assert_int_equal(world_count(world, "alice"), 51);
}

/* Have the file open that will be deleted, then use the one in its place. */
static int
outlive_a_file(struct task *task)
{
	struct lk_token token, own;

	if (lk_token_set(&token, task->arg, strlen(task->arg)) != LK_OK ||
	    lk_issue(task->m, "alice", NULL, &own, NULL) != LK_OK ||
	    !tell(task, "+", 1))
		return (1);
	wait_for_parent(task);
	if (wait_for_change(task->m, &token, LK_OK) != LK_UNKNOWN)
		return (2);
	return (lk_issue(task->m, "alice", NULL, &own, NULL) == LK_OK ? 0 : 3);
}

static void
test_file_deleted_while_another_process_has_it_is_noticed(void **state)
{
	struct world *world = *state;
	struct lk_token token;
	struct child child;
	char said;
	int i;

	world_issue(world, "alice", 600, &token, NULL);
	child_start(&child, world, outlive_a_file, token.text);
	assert_true(child_says(&child, &said, 1));
	assert_int_equal(unlink(world_store_path(world)), 0);
	for (i = 0; i < 50; i++)
		world_issue(world, "alice", 600, &token, NULL);
	child_let_go(&child);
	child_finish(&child);
	assert_int_equal(world_count(world, "alice"), 51);
	lk_manager_free(world->m);
	world->m = world_manager(world);
	assert_int_equal(world_count(world, "alice"), 51);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_OPEN world_open_sqlite
#define SUITE_CLOSE world_close
#include "support/suite.h"
