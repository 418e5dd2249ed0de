/* What the embedded store says, whatever the clock and the disk do. */
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <sqlite3.h>

#include "children.h"
#include "manager.h"
#include "settings/settings.h"
#include "store/sqlite/file.h"

/* ---- The clock is set right --------------------------------------------- */

static int64_t
shifted_ms(void *arg)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 +
	    *(const int64_t *)arg);
}

/* A manager whose clock is ahead by so much. */
static struct lk_manager *
manager_ahead(struct world *world, int64_t *ahead_ms)
{
	struct lk_surroundings around = { .now_ms = shifted_ms,
		.arg = ahead_ms };
	struct lk_manager *m = NULL;
	struct lk_error error;

	if (lk_manager_new(world->settings, &around, &m, &error) != LK_OK)
		fail_msg("%s", error.text);
	return (m);
}

static void
test_revocation_by_a_wrong_clock_outlasts_its_correction(void **state)
{
	struct world *world = *state;
	int64_t ahead = 3600000 / 2;
	struct lk_manager *fast = manager_ahead(world, &ahead);
	struct lk_session session, other;
	struct lk_token first, second, third;
	struct lk_user user;
	uint64_t revoked = 7;
	bool deleted;

	world_issue(world, "alice", 60, &first, &session);
	world_issue(world, "alice", 60, &second, &other);
	world_issue(world, "bob", 60, &third, NULL);
	assert_status(LK_EXPIRED, lk_check(fast, &first, &session));
	assert_status(LK_OK, lk_revoke(fast, &first, NULL, &revoked));
	assert_int_equal(revoked, 0);
	assert_status(LK_OK, lk_revoke_id(fast, other.id, NULL, &revoked));
	assert_int_equal(revoked, 0);
	assert_status(LK_OK, lk_revoke_all(fast, "bob", NULL, &revoked));
	assert_int_equal(revoked, 0);
	assert_status(LK_UNKNOWN, lk_check(world->m, &first, &session));
	assert_status(LK_UNKNOWN, lk_check(world->m, &second, &session));
	assert_status(LK_UNKNOWN, lk_check(world->m, &third, &session));

	lk_manager_free(fast);
	world_settle(world, "", "",
	    "user = { source = \"passwd\"; ttl = 60; };");
	fast = manager_ahead(world, &ahead);
	assert_status(LK_OK, lk_user_load(world->m, "root", 0, &user));
	lk_user_clear(&user);
	assert_status(LK_OK, lk_user_delete(fast, "root", &deleted));
	assert_false(deleted);
	assert_status(LK_NO_USER, lk_user_get(world->m, "root", &user));
	lk_manager_free(fast);
}

static void
test_limit_by_a_wrong_clock_outlasts_its_correction(void **state)
{
	struct world *world = *state;
	int64_t ahead = 3600000 / 2;
	struct lk_manager *fast;
	struct lk_session session;
	struct lk_token old, token, fresh;

	world_settle(world, "max_per_user = 2;", "", "");
	fast = manager_ahead(world, &ahead);
	world_issue(world, "alice", 60, &old, NULL);
	world_issue(world, "alice", 60, &token, NULL);
	assert_status(LK_OK, lk_issue(fast, "alice", NULL, &fresh, NULL));
	assert_status(LK_OK, lk_check(world->m, &fresh, &session));
	assert_status(LK_UNKNOWN, lk_check(world->m, &old, &session));
	assert_int_equal(world_count(world, "alice"), 2);
	lk_manager_free(fast);
}

/* ---- The disk takes its time -------------------------------------------- */

/* However late it is, what nobody else held up was done and is said so. */
static void
test_answer_that_took_the_disk_too_long_is_true(void **state)
{
	const struct lk_ending ending = { .reason = LK_REASON_REVOKED };
	struct world *world = *state;
	struct lk_store *store = world->m->store;
	struct lk_issue_request request = { .user = "alice",
		.client = "",
		.ttl = 60 };
	struct lk_session session;
	struct lk_token_key key;
	struct lk_token token;
	uint64_t revoked;
	int i;

	world_issue(world, "alice", 60, &token, NULL);
	assert_status(LK_OK, lk_token_parse(&token, &key));
	for (i = 0; i < 5000; i++)
		assert_status(LK_OK, store->ops->check(store, &key,
		    lk_deadline_in(0), &session, NULL));
	request.key = &key;
	for (i = 0; i < 1500; i++) {
		assert_status(LK_OK,
		    store->ops->revoke(store, &key, &ending, lk_deadline_in(0),
		        &revoked));
		assert_int_equal(revoked, 1);
		assert_status(LK_OK,
		    store->ops->issue(store, &request, lk_deadline_in(0),
		        &session));
	}
}

/* ---- A new file --------------------------------------------------------- */

static int renamed, still_open;

/* The library's call of it comes here. */
int
rename(const char *from, const char *to)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	char link[512], path[64];
	ssize_t n;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%.20s",
		    entry->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		if (n > 0 && strncmp(link, from, strlen(from)) == 0)
			still_open++;
	}
	(void)closedir(dir);
	renamed++;
	return ((int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

/* To close it later would take away the locks of another thread. */
static void
test_new_file_is_closed_before_others_can_open_it(void **state)
{
	struct world *world = *state;
	struct lk_token token;

	renamed = still_open = 0;
	world_issue(world, "alice", 60, &token, NULL);
	assert_int_equal(renamed, 1);
	assert_int_equal(still_open, 0);
}

/* ---- Rubbish ------------------------------------------------------------ */

static void
test_ping_of_rubbish_is_no_answer(void **state)
{
	struct world *world = *state;
	struct lk_manager *m;
	struct lk_token token;
	struct stat st;
	char page[4096];
	off_t at;
	int fd, i;

	for (i = 0; i < 100; i++)
		world_issue(world, "alice", 60, &token, NULL);
	lk_manager_free(world->m);
	world->m = NULL;
	memset(page, 0xa5, sizeof(page));
	assert_true((fd = open(world_store_path(world), O_RDWR)) >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	/* The first page has the schema, which is read as it is opened. */
	for (at = sizeof(page); at < st.st_size; at += (off_t)sizeof(page))
		assert_int_equal(pwrite(fd, page, sizeof(page), at),
		    sizeof(page));
	assert_int_equal(close(fd), 0);
	m = world_manager(world);
	assert_status(LK_E_CORRUPT, lk_ping(m));
	assert_status(LK_E_CORRUPT, lk_ping(m));
	lk_manager_free(m);
}

/* ---- The disk is full --------------------------------------------------- */

#define VICTIMS 80
#define VERY_MANY 20000

/* Write until there is no room; the descriptor. */
static int
fill(const char *path)
{
	char bytes[4096];
	size_t len;
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	memset(bytes, 'x', sizeof(bytes));
	for (len = sizeof(bytes); len > 0; len /= 2) {
		while (write(fd, bytes, len) == (ssize_t)len)
			continue;
	}
	(void)close(fd);
	return (fd);
}

struct disk {
	const struct world *world;
	bool own_manager; /* for each revocation, as the command has it */
};

/* End one session, by a manager of its own or not; 0 or where it broke. */
static int
end_one(const struct disk *disk, struct lk_manager *m,
    const struct lk_token *token)
{
	struct lk_manager *own = disk->own_manager
	    ? world_manager(disk->world)
	    : m;
	struct lk_session session;
	uint64_t revoked = 7;
	int code = 0;

	if (lk_revoke(own, token, NULL, &revoked) != LK_OK || revoked != 1)
		code = 10;
	else if (lk_check(m, token, &session) != LK_UNKNOWN)
		code = 11;
	if (disk->own_manager)
		lk_manager_free(own);
	return (code);
}

static int
log_out_on_a_full_disk(struct task *task)
{
	const struct disk *disk = task->arg;
	struct lk_token token[VICTIMS], none;
	struct lk_session session;
	enum lk_status status;
	char ballast[128];
	uint64_t revoked;
	int i, code;

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", disk->world->dir, "tmpfs", 0, "size=8m,mode=0700") !=
	        0)
		return (tell(task, "-", 1) ? 0 : 1);
	for (i = 0; i < VICTIMS; i++) {
		if (lk_issue(task->m, i < 75 ? "alice" : "bob", NULL, &token[i],
		        NULL) != LK_OK)
			return (2);
	}
	if (disk->own_manager) {
		lk_manager_free(task->m);
		task->m = world_manager(disk->world);
	}
	(void)snprintf(ballast, sizeof(ballast), "%s/ballast",
	    disk->world->dir);
	fill(ballast);
	for (i = 0; i < 70; i++) {
		if ((code = end_one(disk, task->m, &token[i])) != 0)
			return (code);
		/* Nothing new takes the room away that is left for this. */
		status = lk_issue(task->m, "carol", NULL, &none, NULL);
		if (status != LK_OK && status != LK_E_STORE)
			return (4);
	}
	if (lk_revoke_all(task->m, "alice", NULL, &revoked) != LK_OK ||
	    revoked != 5)
		return (5);
	/* When that is gone too, it says so. */
	fill(ballast);
	for (i = 75; i < VICTIMS; i++) {
		status = lk_revoke(task->m, &token[i], NULL, &revoked);
		if (lk_check(task->m, &token[i], &session) !=
		        (status == LK_OK ? LK_UNKNOWN : LK_OK) ||
		    (status != LK_OK && (status != LK_E_STORE || revoked != 0)))
			return (6);
	}
	/* And with room again, all is well. */
	if (unlink(ballast) != 0 ||
	    lk_issue(task->m, "carol", NULL, &none, NULL) != LK_OK ||
	    lk_revoke_all(task->m, "bob", NULL, &revoked) != LK_OK)
		return (7);
	/* A file system that turns read-only is named. */
	if (mount("none", disk->world->dir, NULL, MS_REMOUNT | MS_RDONLY,
	        NULL) == 0) {
		lk_manager_free(task->m);
		task->m = world_manager(disk->world);
		if (lk_revoke(task->m, &none, NULL, &revoked) != LK_E_STORE ||
		    strstr(lk_manager_error(task->m), "read-only") == NULL)
			return (8);
	}
	lk_manager_free(task->m);
	task->m = NULL;
	return (tell(task, "+", 1) ? 0 : 3);
}

/* Nobody has had the store open since the disk was full. */
static int
look_at_a_full_disk(struct task *task)
{
	const struct disk *disk = task->arg;
	struct lk_token token[2];
	struct lk_session session;
	enum lk_status status;
	char ballast[128];
	uint64_t revoked;
	int i;

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", disk->world->dir, "tmpfs", 0, "size=1m,mode=0700") !=
	        0)
		return (tell(task, "-", 1) ? 0 : 1);
	for (i = 0; i < 2; i++) {
		if (lk_issue(task->m, "alice", NULL, &token[i], NULL) != LK_OK)
			return (2);
	}
	(void)snprintf(ballast, sizeof(ballast), "%s/ballast",
	    disk->world->dir);
	for (i = 0; i < 2; i++) {
		lk_manager_free(task->m);
		fill(ballast);
		task->m = world_manager(disk->world);
		if ((status = lk_check(task->m, &token[i], &session)) != LK_OK)
			return (10 + i);
		status = lk_revoke(task->m, &token[i], NULL, &revoked);
		if (lk_check(task->m, &token[i], &session) !=
		    (status == LK_OK ? LK_UNKNOWN : LK_OK))
			return (20 + i);
		/* The second finds that the reserve is gone. */
		if (i == 0 && status != LK_OK)
			return (30);
	}
	lk_manager_free(task->m);
	task->m = NULL;
	return (tell(task, "+", 1) ? 0 : 3);
}

/* Make it a file of the version before, which leaves the log's names there. */
static bool
take_back_tables(const char *path)
{
	static const char text[] =
	    "DROP TABLE beside; DROP TABLE ended; DROP TABLE history;"
	    "DROP INDEX session_by_issue;"
	    "DROP TRIGGER session_gone; DROP TRIGGER session_extended";
	sqlite3 *db = NULL;
	int keep = 1;
	bool ok = sqlite3_open(path, &db) == SQLITE_OK &&
	    sqlite3_file_control(db, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep) ==
	        SQLITE_OK &&
	    sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK;

	(void)sqlite3_close(db);
	return (ok);
}

/* The first program of this version comes when the disk is full. */
static int
upgrade_on_a_full_disk(struct task *task)
{
	const struct disk *disk = task->arg;
	struct lk_token token, none;
	struct lk_session session;
	char ballast[128];
	uint64_t revoked;
	int i;

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", disk->world->dir, "tmpfs", 0, "size=2m,mode=0700") !=
	        0)
		return (tell(task, "-", 1) ? 0 : 1);
	(void)snprintf(ballast, sizeof(ballast), "%s/ballast",
	    disk->world->dir);
	/* With the room that is kept for revocations, and without. */
	for (i = 0; i < 2; i++) {
		if (lk_issue(task->m, "alice", NULL, &token, NULL) != LK_OK)
			return (2);
		lk_manager_free(task->m);
		if (!take_back_tables(world_store_path(disk->world)))
			return (3);
		fill(ballast);
		if (i == 1) {
			lk_sqlite_file_give_reserve(
			    world_store_path(disk->world));
			fill(ballast);
		}
		task->m = world_manager(disk->world);
		if (i == 0 &&
		    (lk_check(task->m, &token, &session) != LK_OK ||
		        lk_issue(task->m, "bob", NULL, &none, NULL) !=
		            LK_E_STORE ||
		        lk_revoke(task->m, &token, NULL, &revoked) != LK_OK ||
		        lk_check(task->m, &token, &session) != LK_UNKNOWN))
			return (4);
		if (i == 1 &&
		    (lk_check(task->m, &token, &session) != LK_E_STORE ||
		        strstr(lk_manager_error(task->m), "this version") ==
		            NULL))
			return (5);
		if (unlink(ballast) != 0)
			return (6);
	}
	if (lk_check(task->m, &token, &session) != LK_OK)
		return (7);
	lk_manager_free(task->m);
	task->m = NULL;
	return (tell(task, "+", 1) ? 0 : 8);
}

/* Take over very many sessions of alice, that end at any time. */
static bool
take_over(struct lk_manager *m)
{
	static const char header[] =
	    "{\"type\":\"header\",\"format\":\"latchkey-sessions\","
	    "\"version\":1,\"store\":\"sqlite\",\"tokens\":false}";
	struct lk_import *importing = NULL;
	unsigned i, spread = 1;
	char line[256];
	bool ok;

	ok = lk_import_new(m, &importing) == LK_OK &&
	    lk_import_line(importing, header, strlen(header)) == LK_OK;
	for (i = 0; i < VERY_MANY && ok; i++) {
		spread = spread * 1103515245 + 12345;
		(void)snprintf(line, sizeof(line),
		    "{\"type\":\"session\",\"user\":\"alice\",\"client\":\"\","
		    "\"issued_us\":1700000000000000,\"expires_ms\":%lld,"
		    "\"digest\":\"%08x%032dAAA\"}",
		    (time(NULL) + 3600) * 1000LL + spread % 1000000000, i, 0);
		ok = lk_import_line(importing, line, strlen(line)) == LK_OK;
	}
	ok = ok && lk_import_flush(importing) == LK_OK;
	lk_import_free(importing);
	return (ok);
}

static int
log_out_very_many_on_a_full_disk(struct task *task)
{
	const struct disk *disk = task->arg;
	char ballast[128];
	uint64_t revoked, all = 0;
	enum lk_status status;

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", disk->world->dir, "tmpfs", 0, "size=32m,mode=0700") !=
	        0)
		return (tell(task, "-", 1) ? 0 : 1);
	if (!take_over(task->m))
		return (2);
	/* The log is gone with whoever wrote it. */
	lk_manager_free(task->m);
	(void)snprintf(ballast, sizeof(ballast), "%s/ballast",
	    disk->world->dir);
	fill(ballast);
	task->m = world_manager(disk->world);
	do {
		status = lk_revoke_all(task->m, "alice", NULL, &revoked);
		all += revoked;
	} while (status == LK_E_TIMEOUT && revoked > 0);
	if (status != LK_OK || all != VERY_MANY)
		return (3);
	return (tell(task, "+", 1) ? 0 : 4);
}

static void
full_disk(struct world *world, child_fn *run, bool own_manager)
{
	const struct disk disk = { world, own_manager };
	struct child child;
	char said;

	if (geteuid() != 0) {
		print_message("# skipped: needs root\n");
		skip();
	}
	child_start(&child, world, run, &disk);
	assert_true(child_says(&child, &said, 1));
	child_finish(&child);
	if (said == '-') {
		print_message("# skipped: not even root may mount here\n");
		skip();
	}
}

static void
test_full_disk_leaves_room_to_log_out(void **state)
{
	full_disk(*state, log_out_on_a_full_disk, false);
}

static void
test_full_disk_leaves_room_for_commands_to_log_out(void **state)
{
	full_disk(*state, log_out_on_a_full_disk, true);
}

static void
test_full_disk_lets_a_store_be_opened(void **state)
{
	full_disk(*state, look_at_a_full_disk, true);
}

static void
test_full_disk_shuts_nobody_out_at_an_upgrade(void **state)
{
	full_disk(*state, upgrade_on_a_full_disk, false);
}

static void
test_full_disk_leaves_room_to_end_very_many(void **state)
{
	full_disk(*state, log_out_very_many_on_a_full_disk, false);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_OPEN world_open_sqlite
#define SUITE_CLOSE world_close
#include "support/suite.h"
