/* What the embedded store makes of the file and the folder it is given. */
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <sqlite3.h>

#include "children.h"
#include "settings.h"

#define STRANGER 54321
#define SECOND 54322
#define GROUP 54320

/* ---- Helpers ------------------------------------------------------------ */

static const char *
store_path(const struct world *world)
{
	return (world->settings->store.sqlite.path);
}

/* Let the store be at ${path}, and make a manager of its own for it. */
static struct lk_manager *
manager_at(struct world *world, const char *path)
{
	free(world->settings->store.sqlite.path);
	world->settings->store.sqlite.path = strdup(path);
	return (world_manager(world));
}

/* Close everything, so that the file holds all there is. */
static void
make_store(struct world *world)
{
	struct lk_token token;
	int i;

	for (i = 0; i < 100; i++)
		world_issue(world, "alice", 600, &token, NULL);
	lk_manager_free(world->m);
	world->m = NULL;
}

/* The whole of a small file. */
struct content {
	char *bytes;
	size_t len;
};

static struct content
content_of(const char *path)
{
	struct content c = { NULL, 0 };
	FILE *file = fopen(path, "r");
	long len;

	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	len = ftell(file);
	rewind(file);
	assert_non_null(c.bytes = malloc((size_t)len + 1));
	c.len = fread(c.bytes, 1, (size_t)len, file);
	assert_int_equal(c.len, len);
	(void)fclose(file);
	return (c);
}

static void
write_file(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(close(fd), 0);
}

static void
execute(const char *path, const char *text)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(db);
}

/* Everything is refused with ${status} and a text that says ${why}. */
static void
assert_refused(struct world *world, enum lk_status status, const char *why)
{
	struct lk_manager *m = world_manager(world);
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked = 7;

	assert_status(status, lk_issue(m, "alice", NULL, &token, NULL));
	assert_int_equal(token.len, 0);
	if (strstr(lk_manager_error(m), why) == NULL ||
	    strstr(lk_manager_error(m), store_path(world)) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", lk_manager_error(m),
		    why);
	assert_status(status, lk_revoke_all(m, "alice", NULL, &revoked));
	assert_int_equal(revoked, 0);
	world_token(&token, "lk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	                    "AAAAAAAAAAAAAAAA");
	assert_status(status, lk_check(m, &token, &session));
	lk_manager_free(m);
}

/* The same, and the file stays as it is. */
static void
assert_left_alone(struct world *world, enum lk_status status, const char *why)
{
	struct content before = content_of(store_path(world)), after;

	assert_refused(world, status, why);
	after = content_of(store_path(world));
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.bytes, after.bytes, before.len);
	free(before.bytes);
	free(after.bytes);
}

/* ---- Files that are none ------------------------------------------------- */

static void
test_file_that_is_cut_is_refused_and_left_alone(void **state)
{
	static const off_t length[] = { 100, 4096, 6000, 8192 };
	struct world *world = *state;
	size_t i;

	make_store(world);
	for (i = sizeof(length) / sizeof(length[0]); i-- > 0;) {
		assert_int_equal(truncate(store_path(world), length[i]), 0);
		assert_left_alone(world, LK_E_CORRUPT, "damaged");
	}
}

static void
test_file_of_garbage_is_refused_and_left_alone(void **state)
{
	struct world *world = *state;
	char garbage[65536];
	size_t i;

	for (i = 0; i < sizeof(garbage); i++)
		garbage[i] = (char)(i * 7919 >> 3);
	write_file(store_path(world), garbage, sizeof(garbage));
	assert_left_alone(world, LK_E_CORRUPT, "damaged");
	write_file(store_path(world), "hello", 5);
	assert_left_alone(world, LK_E_CORRUPT, "damaged");
}

static void
test_database_of_another_program_is_refused_and_left_alone(void **state)
{
	struct world *world = *state;

	execute(store_path(world),
	    "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
	assert_left_alone(world, LK_E_CORRUPT, "other program");
	execute(store_path(world), "PRAGMA journal_mode = WAL;"
	                           "INSERT INTO theirs VALUES (2)");
	assert_left_alone(world, LK_E_CORRUPT, "other program");
}

static void
test_store_of_a_later_version_is_refused_and_left_alone(void **state)
{
	struct world *world = *state;

	make_store(world);
	execute(store_path(world),
	    "PRAGMA user_version = 99; PRAGMA journal_mode = DELETE");
	assert_left_alone(world, LK_E_SETTINGS, "later version");
}

static void
test_row_that_is_none_of_ours_is_said_to_be_corrupt(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	world_issue(world, "alice", 600, &token, NULL);
	execute(store_path(world), "UPDATE session SET digest = x'00'");
	assert_status(LK_E_CORRUPT, lk_check(world->m, &token, &session));
	execute(store_path(world), "UPDATE session SET expires_ms = 1");
	assert_status(LK_E_CORRUPT, lk_check(world->m, &token, &session));
}

/* ---- Files and folders that others could have planted --------------------- */

static void
test_file_by_other_names_is_refused(void **state)
{
	struct world *world = *state;
	char other[128];

	make_store(world);
	(void)snprintf(other, sizeof(other), "%s/other", world->dir);
	assert_int_equal(link(store_path(world), other), 0);
	assert_left_alone(world, LK_E_SETTINGS, "of one name");
	assert_int_equal(unlink(store_path(world)), 0);
	assert_int_equal(symlink(other, store_path(world)), 0);
	assert_left_alone(world, LK_E_SETTINGS, "of one name");
	assert_int_equal(unlink(store_path(world)), 0);
	assert_int_equal(unlink(other), 0);
	/* A link to nowhere does not make a file there. */
	assert_int_equal(symlink(other, store_path(world)), 0);
	assert_refused(world, LK_E_SETTINGS, "of one name");
	assert_int_equal(access(other, F_OK), -1);
	assert_int_equal(unlink(store_path(world)), 0);
	assert_int_equal(mkfifo(store_path(world), 0600), 0);
	assert_refused(world, LK_E_SETTINGS, "regular");
}

static void
test_file_that_others_can_write_to_is_refused(void **state)
{
	struct world *world = *state;

	make_store(world);
	assert_int_equal(chmod(store_path(world), 0602), 0);
	assert_left_alone(world, LK_E_SETTINGS, "others cannot write");
	assert_int_equal(chmod(store_path(world), 0600), 0);
	assert_int_equal(chmod(world->dir, 0777), 0);
	assert_left_alone(world, LK_E_SETTINGS, "others cannot write");
	assert_int_equal(chmod(world->dir, 01777), 0);
	assert_left_alone(world, LK_E_SETTINGS, "others cannot write");
	assert_int_equal(chmod(world->dir, 0700), 0);
}

static void
test_file_or_folder_of_a_stranger_is_refused(void **state)
{
	struct world *world = *state;

	if (geteuid() != 0)
		skip();
	make_store(world);
	assert_int_equal(chown(store_path(world), STRANGER, STRANGER), 0);
	assert_left_alone(world, LK_E_SETTINGS, "root's, our own");
	assert_int_equal(chown(store_path(world), 0, 0), 0);
	assert_int_equal(chown(world->dir, STRANGER, STRANGER), 0);
	assert_left_alone(world, LK_E_SETTINGS, "root's or of our own");
	assert_int_equal(chown(world->dir, 0, 0), 0);
}

static void
test_folder_that_is_a_link_is_refused(void **state)
{
	struct world *world = *state;
	char folder[100], path[128];
	struct lk_manager *m;
	struct lk_token token;

	(void)snprintf(folder, sizeof(folder), "%s/folder", world->dir);
	assert_int_equal(symlink(world->dir, folder), 0);
	(void)snprintf(path, sizeof(path), "%s/store.db", folder);
	m = manager_at(world, path);
	assert_status(
	    LK_E_SETTINGS, lk_issue(m, "alice", NULL, &token, NULL));
	assert_non_null(strstr(lk_manager_error(m), "no link"));
	lk_manager_free(m);
	assert_int_equal(unlink(folder), 0);
	(void)snprintf(path, sizeof(path), "%s/store.db", world->dir);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_file_is_made_private_in_a_folder_that_is_made(void **state)
{
	struct world *world = *state;
	char folder[100], path[128], log[136];
	struct lk_manager *m;
	struct lk_token token;
	struct stat st;
	mode_t mask = umask(0);

	(void)snprintf(folder, sizeof(folder), "%s/folder", world->dir);
	(void)snprintf(path, sizeof(path), "%s/sessions.db", folder);
	(void)snprintf(log, sizeof(log), "%s-wal", path);
	m = manager_at(world, path);
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
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* ---- Two users ------------------------------------------------------------ */

static bool
become(uid_t uid)
{
	(void)umask(077);
	return (setgroups(0, NULL) == 0 && setgid(GROUP) == 0 &&
	    setuid(uid) == 0);
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
	if (lk_revoke(task->m, &token, NULL, &revoked) != LK_OK ||
	    revoked != 1)
		return (3);
	return (lk_issue(task->m, "bob", NULL, &token, NULL) == LK_OK ? 0 : 4);
}

static void
assert_shared(const struct world *world, const char *suffix)
{
	char path[160];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s%s", store_path(world), suffix);
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

	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(world->dir, 0, GROUP), 0);
	assert_int_equal(chmod(world->dir, 02770), 0);
	child_start(&first, world, issue_as_first, NULL);
	assert_true(child_says(&first, text, sizeof(text)));
	assert_shared(world, "");
	assert_shared(world, "-wal");
	assert_shared(world, "-shm");
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

/* ---- No room, no right ------------------------------------------------------ */

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
	return (status < 0 && revoked == 0 &&
	            lk_check(m, old, &session) == LK_OK
	        ? 0
	        : 13);
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

	if (geteuid() != 0)
		skip();
	child_start(&child, world, fill_the_disk, world->dir);
	assert_true(child_says(&child, &said, 1));
	child_finish(&child);
	if (said == '-')
		skip(); /* Not even root may mount here. */
}

/* As somebody who may read the store and no more. */
static int
use_as_reader(struct task *task)
{
	struct lk_session session;
	struct lk_token token, none;
	uint64_t revoked = 7;

	if (lk_token_set(&token, task->arg, strlen(task->arg)) != LK_OK ||
	    (geteuid() == 0 && (setgroups(0, NULL) != 0 ||
	                           setgid(GROUP) != 0 || setuid(SECOND) != 0)))
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
	size_t i;

	world_issue(world, "alice", 600, &token, NULL);
	make_store(world);
	if (geteuid() == 0) {
		assert_int_equal(chown(world->dir, 0, GROUP), 0);
		assert_int_equal(chown(store_path(world), 0, GROUP), 0);
	}
	for (i = 0; i < sizeof(mode) / sizeof(mode[0]); i++) {
		assert_int_equal(chmod(world->dir, mode[i].folder), 0);
		assert_int_equal(chmod(store_path(world), mode[i].file), 0);
		child_start(&child, world, use_as_reader, token.text);
		child_finish(&child);
	}
	assert_int_equal(chmod(world->dir, 0700), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(world->dir, 0, 0), 0);
	world->m = world_manager(world);
	assert_int_equal(world_count(world, "alice"), 101);
}

/* ---- Replaced while it is open ------------------------------------------------ */

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
	assert_int_equal(unlink(store_path(world)), 0);
	world_issue(world, "alice", 600, &fresh, NULL);
	assert_int_equal(world_count(world, "alice"), 1);
	assert_status(LK_UNKNOWN, lk_check(world->m, &old, &session));
	assert_status(LK_UNKNOWN, wait_for_change(reader, &old, LK_OK));
	assert_status(LK_OK, lk_check(reader, &fresh, &session));
	/* Whoever had the old one open takes nothing along when he goes. */
	late = world_manager(world);
	assert_status(LK_OK, lk_check(late, &fresh, &session));
	assert_int_equal(unlink(store_path(world)), 0);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, world_reset)
		T(test_file_that_is_cut_is_refused_and_left_alone),
		T(test_file_of_garbage_is_refused_and_left_alone),
		T(test_database_of_another_program_is_refused_and_left_alone),
		T(test_store_of_a_later_version_is_refused_and_left_alone),
		T(test_row_that_is_none_of_ours_is_said_to_be_corrupt),
		T(test_file_by_other_names_is_refused),
		T(test_file_that_others_can_write_to_is_refused),
		T(test_file_or_folder_of_a_stranger_is_refused),
		T(test_folder_that_is_a_link_is_refused),
		T(test_file_is_made_private_in_a_folder_that_is_made),
		T(test_two_users_of_a_group_share_a_folder),
		T(test_file_size_limit_is_an_error_and_no_lie),
		T(test_full_disk_is_an_error_and_no_lie),
		T(test_store_that_cannot_be_written_to_is_an_error_and_no_lie),
		T(test_file_deleted_while_open_is_noticed),
#undef T
	};

	return (cmocka_run_group_tests_name(
	    "sqlite", tests, world_open_sqlite, world_close));
}
