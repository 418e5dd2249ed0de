/* What the embedded store refuses to take for its file, and leaves alone. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <fcntl.h>
#include <unistd.h>

#include <sqlite3.h>

#include "children.h"

#define STRANGER 54321

/* ---- Helpers ------------------------------------------------------------ */

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
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
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
	    strstr(lk_manager_error(m), world_store_path(world)) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", lk_manager_error(m),
		    why);
	assert_status(status, lk_revoke_all(m, "alice", NULL, &revoked));
	assert_int_equal(revoked, 0);
	world_token(&token,
	    "lk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	    "AAAAAAAAAAAAAAAAAA");
	assert_status(status, lk_check(m, &token, &session));
	lk_manager_free(m);
}

/* The same, and the file stays as it is. */
static void
assert_left_alone(struct world *world, enum lk_status status, const char *why)
{
	struct content before = content_of(world_store_path(world)), after;

	assert_refused(world, status, why);
	after = content_of(world_store_path(world));
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.bytes, after.bytes, before.len);
	free(before.bytes);
	free(after.bytes);
}

/* ---- Files that are none ------------------------------------------------ */

static void
test_file_that_is_cut_is_refused_and_left_alone(void **state)
{
	static const off_t length[] = { 100, 4096, 6000, 8192 };
	struct world *world = *state;
	size_t i;

	world_fill_store(world);
	for (i = COUNT(length); i-- > 0;) {
		assert_int_equal(
		    truncate(world_store_path(world), length[i]), 0);
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
	write_file(world_store_path(world), garbage, sizeof(garbage));
	assert_left_alone(world, LK_E_CORRUPT, "damaged");
	write_file(world_store_path(world), "hello", 5);
	assert_left_alone(world, LK_E_CORRUPT, "damaged");
}

static void
test_database_of_another_program_is_refused_and_left_alone(void **state)
{
	struct world *world = *state;

	execute(world_store_path(world),
	    "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
	assert_left_alone(world, LK_E_CORRUPT, "other program");
	execute(world_store_path(world),
	    "PRAGMA journal_mode = WAL;"
	    "INSERT INTO theirs VALUES (2)");
	assert_left_alone(world, LK_E_CORRUPT, "other program");
}

/* Write to a database and end without closing it. */
static int
leave_a_log(struct task *task)
{
	sqlite3 *db = NULL;

	return (sqlite3_open(task->arg, &db) == SQLITE_OK &&
	            sqlite3_exec(db, "INSERT INTO theirs VALUES (3)", NULL,
	                NULL, NULL) == SQLITE_OK
	        ? 0
	        : 1);
}

static void
test_database_of_another_program_keeps_its_log(void **state)
{
	struct world *world = *state;
	struct child child;
	char log[128];
	struct content before, after;

	execute(world_store_path(world),
	    "CREATE TABLE theirs (x); PRAGMA journal_mode = WAL");
	child_start(&child, world, leave_a_log, world_store_path(world));
	child_finish(&child);
	(void)snprintf(log, sizeof(log), "%s-wal", world_store_path(world));
	before = content_of(log);
	assert_true(before.len > 0);
	assert_left_alone(world, LK_E_CORRUPT, "other program");
	after = content_of(log);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.bytes, after.bytes, before.len);
	free(before.bytes);
	free(after.bytes);
}

static void
test_store_of_a_later_version_is_refused_and_left_alone(void **state)
{
	struct world *world = *state;

	world_fill_store(world);
	execute(world_store_path(world),
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
	execute(world_store_path(world), "UPDATE session SET digest = x'00'");
	assert_status(LK_E_CORRUPT, lk_check(world->m, &token, &session));
	execute(world_store_path(world), "UPDATE session SET expires_ms = 1");
	assert_status(LK_E_CORRUPT, lk_check(world->m, &token, &session));
}

/* ---- Files and folders that others could have planted ------------------- */

static void
test_file_by_other_names_is_refused(void **state)
{
	struct world *world = *state;
	char other[128];

	world_fill_store(world);
	(void)snprintf(other, sizeof(other), "%s/other", world->dir);
	assert_int_equal(link(world_store_path(world), other), 0);
	assert_left_alone(world, LK_E_SETTINGS, "of one name");
	assert_int_equal(unlink(world_store_path(world)), 0);
	assert_int_equal(symlink(other, world_store_path(world)), 0);
	assert_left_alone(world, LK_E_SETTINGS, "of one name");
	assert_int_equal(unlink(world_store_path(world)), 0);
	assert_int_equal(unlink(other), 0);
	/* A link to nowhere does not make a file there. */
	assert_int_equal(symlink(other, world_store_path(world)), 0);
	assert_refused(world, LK_E_SETTINGS, "of one name");
	assert_int_equal(access(other, F_OK), -1);
	assert_int_equal(unlink(world_store_path(world)), 0);
	assert_int_equal(mkfifo(world_store_path(world), 0600), 0);
	assert_refused(world, LK_E_SETTINGS, "regular");
}

static void
test_file_that_others_can_write_to_is_refused(void **state)
{
	struct world *world = *state;

	world_fill_store(world);
	assert_int_equal(chmod(world_store_path(world), 0602), 0);
	assert_left_alone(world, LK_E_SETTINGS, "others cannot write");
	assert_int_equal(chmod(world_store_path(world), 0600), 0);
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

	if (geteuid() != 0) {
		print_message("# skipped: needs root\n");
		skip();
	}
	world_fill_store(world);
	assert_int_equal(chown(world_store_path(world), STRANGER, STRANGER), 0);
	assert_left_alone(world, LK_E_SETTINGS, "root's, our own");
	assert_int_equal(chown(world_store_path(world), 0, 0), 0);
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
	m = world_manager_at(world, path);
	assert_status(LK_E_SETTINGS, lk_issue(m, "alice", NULL, &token, NULL));
	assert_non_null(strstr(lk_manager_error(m), "no link"));
	lk_manager_free(m);
	assert_int_equal(unlink(folder), 0);
	(void)snprintf(path, sizeof(path), "%s/store.db", world->dir);
	assert_int_equal(access(path, F_OK), -1);
}

/* ---- What lies beside the file ------------------------------------------ */

static const char *const beside[] = { "-wal", "-shm", "-journal", "-reserve" };

enum plant { A_FIFO, A_LINK, A_NAME, A_FOLDER, A_SOCKET, A_DEVICE, ALL_WRITE,
	A_STRANGERS, PLANTS };

/* Put something else where SQLite or we keep a file; false if we may not. */
static bool
plant(enum plant what, const char *path, const char *victim)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	switch (what) {
	case A_FIFO:
		return (mkfifo(path, 0600) == 0);
	case A_LINK:
		return (symlink(victim, path) == 0);
	case A_NAME:
		return (link(victim, path) == 0);
	case A_FOLDER:
		return (mkdir(path, 0700) == 0);
	case A_SOCKET:
		assert_true(strlen(path) < sizeof(sun.sun_path));
		strcpy(sun.sun_path, path);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&sun,
		    sizeof(sun)), 0);
		return (close(fd) == 0);
	case A_DEVICE:
		return (mknod(path, S_IFCHR | 0600, makedev(1, 3)) == 0);
	case ALL_WRITE:
		write_file(path, "", 0);
		return (chmod(path, 0602) == 0);
	default:
		write_file(path, "", 0);
		return (chown(path, STRANGER, STRANGER) == 0);
	}
}

static void
test_what_is_planted_beside_the_file_is_left_alone(void **state)
{
	struct world *world = *state;
	char path[160], victim[128];
	struct content content;
	int what;

	world_fill_store(world);
	(void)snprintf(victim, sizeof(victim), "%s/victim", world->dir);
	write_file(victim, "precious", 8);
	EACH(c, beside) {
		(void)snprintf(path, sizeof(path), "%s%s",
		    world_store_path(world), *c);
		for (what = 0; what < PLANTS; what++) {
			(void)unlink(path);
			if (!plant((enum plant)what, path, victim)) {
				(void)unlink(path);
				assert_int_not_equal(geteuid(), 0);
				continue;
			}
			/* Who opens a FIFO waits for ever. */
			(void)alarm(60);
			assert_left_alone(world, LK_E_SETTINGS, *c);
			(void)alarm(0);
			content = content_of(victim);
			assert_int_equal(content.len, 8);
			assert_memory_equal(content.bytes, "precious", 8);
			free(content.bytes);
			if (what == A_FOLDER)
				assert_int_equal(rmdir(path), 0);
		}
		(void)unlink(path);
	}
	assert_int_equal(unlink(victim), 0);
	world->m = world_manager(world);
	assert_int_equal(world_count(world, "alice"), 100);
}

/* A new file takes nothing over that lay there before it. */
static void
test_what_is_planted_before_the_file_is_made_is_not_taken(void **state)
{
	static const char *const suffix[] = { "-new", "-wal", "-shm",
		"-journal", "-reserve" };
	struct world *world = *state;
	char path[160], victim[128];
	struct content content;
	struct lk_token token;
	struct lk_manager *m;
	int what;

	(void)snprintf(victim, sizeof(victim), "%s/victim", world->dir);
	EACH(c, suffix) {
		(void)snprintf(path, sizeof(path), "%s%s",
		    world_store_path(world), *c);
		for (what = A_FIFO; what <= A_NAME; what++) {
			(void)unlink(world_store_path(world));
			(void)unlink(path);
			write_file(victim, "precious", 8);
			assert_true(plant((enum plant)what, path, victim));
			m = world_manager(world);
			(void)alarm(60);
			if (lk_issue(m, "alice", NULL, &token, NULL) != LK_OK)
				assert_non_null(strstr(lk_manager_error(m),
				    *c));
			(void)alarm(0);
			lk_manager_free(m);
			content = content_of(victim);
			assert_int_equal(content.len, 8);
			assert_memory_equal(content.bytes, "precious", 8);
			free(content.bytes);
			assert_int_equal(unlink(victim), 0);
		}
		(void)unlink(path);
	}
}

/* Who may write to the folder has named another file so, a moment after the
 * look. */
static void
test_room_for_revocations_is_made_of_a_file_of_our_own(void **state)
{
	struct world *world = *state;
	char path[160];
	struct lk_token token;
	struct stat st;
	int fd;

	world_fill_store(world);
	(void)snprintf(path, sizeof(path), "%s-reserve",
	    world_store_path(world));
	write_file(path, "precious", 8);
	assert_true((fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0);
	world->m = world_manager(world);
	world_issue(world, "alice", 600, &token, NULL);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 8);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_in_range(st.st_size, 65536, 1 << 20);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_OPEN world_open_sqlite
#define SUITE_CLOSE world_close
#include "support/suite.h"
