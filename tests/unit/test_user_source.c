/*
 * The user sources against real files, programs and accounts.  The programs
 * are scripts in a folder of the test's own.  Orphans become children of this
 * process, so that a test can wait for their end and see what ended them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"
#include "base/json.h"
#include "user/source.h"

/* What this program must never need, so that it cannot hang. */
#define WATCHDOG_S 120
/*
 * More than a program that ends by itself needs, and less than the 40 s that
 * the others sleep.
 */
#define LONG_MS 20000

struct fixture {
	struct lk_settings settings;
	struct lk_buf detail;
	struct lk_error error;
	char dir[64];
	char program[96]; /* dir/program */
	char users[96];   /* dir/users */
	char noted[96];   /* dir/noted: what a program wrote down */
	char *command[4];
	size_t descriptors; /* open at the start */
};

static size_t
count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return (n);
}

static void
write_file(const char *path, const void *bytes, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

/* Read a file of less than ${size} bytes; the length, or -1 if it is not. */
static ssize_t
read_file(const char *path, char *bytes, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return (-1);
	n = read(fd, bytes, size - 1);
	(void)close(fd);
	assert_true(n >= 0);
	bytes[n] = '\0';
	return (n);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/latchkey-user-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->program, sizeof(f->program), "%s/program", f->dir);
	(void)snprintf(f->users, sizeof(f->users), "%s/users", f->dir);
	(void)snprintf(f->noted, sizeof(f->noted), "%s/noted", f->dir);
	f->detail = (struct lk_buf)LK_BUF_INIT(LK_DETAIL_MAX);
	f->command[0] = f->program;
	f->settings.user.path = f->users;
	f->settings.user.command.v = f->command;
	f->settings.user.command.n = 1;
	f->settings.user.timeout_ms = LONG_MS;
	f->descriptors = count_descriptors();
	*state = f;
	return (0);
}

/* Nothing may be left: no descriptor, no child. */
static int
teardown(void **state)
{
	struct fixture *f = *state;
	size_t descriptors = count_descriptors();
	int rc = waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD
	    ? 0
	    : -1;

	if (descriptors != f->descriptors)
		rc = -1;
	(void)unlink(f->program);
	(void)unlink(f->users);
	(void)unlink(f->noted);
	if (rmdir(f->dir) != 0)
		rc = -1;
	lk_buf_free(&f->detail);
	free(f);
	return (rc);
}

/* Write the program: a shell script, in which $noted is f->noted. */
static void
set_program(struct fixture *f, const char *script)
{
	struct lk_buf text = LK_BUF_INIT(65536);

	lk_buf_printf(&text, "#!/bin/sh\nnoted=%s\n%s\n", f->noted, script);
	assert_false(text.failed);
	write_file(f->program, text.data, text.len, 0700);
	lk_buf_free(&text);
}

/* Ask ${source}, into an empty detail. */
static enum lk_status
ask(struct fixture *f, lk_user_source *source, const char *id)
{
	lk_buf_reset(&f->detail);
	memset(&f->error, 0, sizeof(f->error));
	return (source(&f->settings, id, &f->detail, &f->error));
}

static enum lk_status
run(struct fixture *f, const char *script)
{
	set_program(f, script);
	return (ask(f, lk_user_source_exec, "alice"));
}

/* The process id that the program wrote down. */
static pid_t
noted_pid(struct fixture *f)
{
	char text[32];

	assert_true(read_file(f->noted, text, sizeof(text)) > 0);
	return ((pid_t)strtol(text, NULL, 10));
}

/*
 * Run a script that never ends by itself and notes a process id, with more
 * and more time until it got as far as that.
 */
static enum lk_status
run_endless(struct fixture *f, const char *script)
{
	enum lk_status status = LK_FAULT;
	char text[32];

	for (f->settings.user.timeout_ms = 200;
	     f->settings.user.timeout_ms < LONG_MS;
	     f->settings.user.timeout_ms *= 2) {
		status = run(f, script);
		if (read_file(f->noted, text, sizeof(text)) > 0)
			break;
		assert_int_equal(status, LK_E_TIMEOUT);
	}
	return (status);
}

static void
assert_gone(pid_t pid)
{
	assert_true(pid > 1);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

/* ---- source.c --------------------------------------------------------- */

static void
test_user_source_of_settings_is_the_named_one(void **state)
{
	static const struct {
		int source;
		lk_user_source *want;
	} rows[] = {
		{ LK_SOURCE_NONE, NULL },
		{ LK_SOURCE_FILE, lk_user_source_file },
		{ LK_SOURCE_EXEC, lk_user_source_exec },
		{ LK_SOURCE_PASSWD, lk_user_source_passwd },
		{ 4, NULL },
		{ -1, NULL },
	};
	struct fixture *f = *state;

	EACH(c, rows) {
		f->settings.user.source = c->source;
		assert_true(lk_user_source_of(&f->settings) == c->want);
	}
}

/* ---- file.c ----------------------------------------------------------- */

static void
set_users(struct fixture *f, const char *text)
{
	write_file(f->users, text, strlen(text), 0600);
}

static void
test_user_source_file_answers_by_id(void **state)
{
	static const struct {
		const char *id;
		enum lk_status want;
		const char *detail;
	} rows[] = {
		{ "alice", LK_OK, "{\"n\":12345678901234567890,\"x\":1e400}" },
		{ "b \"o\" b/\xc3\xa9", LK_OK, "{}" },
		{ "nil", LK_NO_USER, "" },
		{ "carol", LK_NO_USER, "" },
		{ "n", LK_NO_USER, "" },
		{ "Alice", LK_NO_USER, "" },
		{ "list", LK_E_STORE, "" },
		{ "text", LK_E_STORE, "" },
		{ "nul", LK_NO_USER, "" },
	};
	struct fixture *f = *state;

	set_users(f,
	    "{ \"alice\": { \"n\" : 12345678901234567890, \"x\": 1e400 },\n"
	    "  \"b \\\"o\\\" b\\/\\u00e9\": {}, \"nil\": null,\n"
	    "  \"list\": [], \"text\": \"{}\", \"nul\\u0000\": {} }\n");
	EACH(c, rows) {
		assert_int_equal(ask(f, lk_user_source_file, c->id), c->want);
		if (f->detail.len > 0 || c->detail[0] != '\0')
			assert_string_equal(f->detail.data, c->detail);
		if (c->want < 0) {
			assert_non_null(strstr(f->error.text, f->users));
			assert_null(strstr(f->error.text, c->id));
		}
	}
}

static void
test_user_source_file_edit_is_seen_at_once(void **state)
{
	struct fixture *f = *state;

	set_users(f, "{\"alice\":{\"v\":1}}");
	assert_int_equal(ask(f, lk_user_source_file, "alice"), LK_OK);
	assert_string_equal(f->detail.data, "{\"v\":1}");
	set_users(f, "{\"alice\":{\"v\":2}}");
	assert_int_equal(ask(f, lk_user_source_file, "alice"), LK_OK);
	assert_string_equal(f->detail.data, "{\"v\":2}");
	set_users(f, "{}");
	assert_int_equal(ask(f, lk_user_source_file, "alice"), LK_NO_USER);
}

static void
test_user_source_file_not_an_object_is_a_failure(void **state)
{
	static const char *const rows[] = { "", "null", "[]", "\"alice\"",
		"{\"alice\":{}", "{\"alice\":{}}x", "{\"alice\":{},}",
		"\xef\xbb\xbf{\"alice\":{}}", "{\"alice\":{\"a\":\"\xff\"}}",
		"alice: {}" };
	struct fixture *f = *state;

	EACH(c, rows) {
		set_users(f, *c);
		assert_int_equal(ask(f, lk_user_source_file, "alice"),
		    LK_E_STORE);
		assert_int_equal(f->detail.len, 0);
		assert_non_null(strstr(f->error.text, f->users));
	}
}

static void
test_user_source_file_unfit_file_is_a_failure(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, lk_user_source_file, "alice"), LK_E_STORE);
	assert_non_null(strstr(f->error.text, f->users));
	set_users(f, "{\"alice\":{}}");
	assert_int_equal(ask(f, lk_user_source_file, "alice"), LK_OK);
	assert_int_equal(chmod(f->users, 0666), 0);
	assert_int_equal(ask(f, lk_user_source_file, "alice"), LK_E_STORE);
	assert_int_equal(unlink(f->users), 0);
	assert_int_equal(symlink("/etc/passwd", f->users), 0);
	assert_int_equal(ask(f, lk_user_source_file, "alice"), LK_E_STORE);
}

static void
test_user_source_file_too_large_is_a_failure(void **state)
{
	static const struct {
		size_t pad;
		enum lk_status want;
	} rows[] = {
		{ LK_DETAIL_MAX - 8, LK_OK },
		{ LK_DETAIL_MAX - 7, LK_E_STORE },
		{ 4194304, LK_E_STORE },
	};
	struct fixture *f = *state;
	struct lk_buf text = LK_BUF_INIT(8388608);
	char *pad;

	EACH(c, rows) {
		lk_buf_reset(&text);
		lk_buf_str(&text, "{\"alice\":{\"a\":\"");
		assert_non_null(pad = lk_buf_room(&text, c->pad));
		memset(pad, 'x', c->pad);
		lk_buf_grew(&text, c->pad);
		lk_buf_str(&text, "\"}}");
		write_file(f->users, text.data, text.len, 0600);
		assert_int_equal(ask(f, lk_user_source_file, "alice"),
		    c->want);
	}
	lk_buf_free(&text);
}

/* ---- exec.c: answers -------------------------------------------------- */

static void
test_user_source_exec_output_and_exit_decide(void **state)
{
	static const struct {
		const char *script;
		enum lk_status want;
		const char *detail;
	} rows[] = {
		{ "echo '{ \"n\" : 12345678901234567890 }'", LK_OK,
		    "{\"n\":12345678901234567890}" },
		{ "printf '{'; printf '}'", LK_OK, "{}" },
		{ "echo '{}'; exec >&-; :", LK_OK, "{}" },
		{ "echo '{}'; echo oops >&2", LK_OK, "{}" },
		{ "echo null", LK_NO_USER, "" },
		{ "printf ' null\\n '", LK_NO_USER, "" },
		{ "exit 67", LK_NO_USER, "" },
		{ "echo '{}'; exit 67", LK_NO_USER, "" },
		{ "echo '{}'; exit 1", LK_E_STORE, "" },
		{ "echo null; exit 1", LK_E_STORE, "" },
		{ "echo '{}'; exit 255", LK_E_STORE, "" },
		{ "echo '{}'; kill -TERM $$", LK_E_STORE, "" },
		{ "echo null; kill -KILL $$", LK_E_STORE, "" },
		{ ":", LK_E_STORE, "" },
		{ "echo garbage", LK_E_STORE, "" },
		{ "echo nullnull", LK_E_STORE, "" },
		{ "echo true", LK_E_STORE, "" },
		{ "echo '[]'", LK_E_STORE, "" },
		{ "echo '{} {}'", LK_E_STORE, "" },
		{ "echo '{'", LK_E_STORE, "" },
		{ "printf '{}\\000'", LK_E_STORE, "" },
		{ "echo oops >&2", LK_E_STORE, "" },
	};
	struct fixture *f = *state;

	EACH(c, rows) {
		if (run(f, c->script) != c->want)
			fail_msg("%s: %s", c->script, f->error.text);
		if (f->detail.len > 0 || c->detail[0] != '\0')
			assert_string_equal(f->detail.data, c->detail);
		if (c->want < 0)
			assert_non_null(strstr(f->error.text, f->program));
	}
}

static void
test_user_source_exec_failure_is_explained(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, "exit 3"), LK_E_STORE);
	assert_non_null(strstr(f->error.text, "exit status 3"));
	assert_int_equal(run(f, "kill -KILL $$"), LK_E_STORE);
	assert_non_null(strstr(f->error.text, "signal 9"));
	assert_int_equal(run(f, "echo secret"), LK_E_STORE);
	assert_null(strstr(f->error.text, "secret"));
	assert_null(strstr(f->error.text, "alice"));
}

static void
test_user_source_exec_output_is_limited(void **state)
{
	static const struct {
		const char *script;
		enum lk_status want;
	} rows[] = {
		{ "printf '{\"a\":\"%065528d\"}' 0", LK_OK },
		{ "printf '{\"a\":\"%065529d\"}' 0", LK_E_STORE },
		{ "printf '{\"a\":\"%071680d\"}' 0", LK_E_STORE },
		{ "printf '{}%065534s' ''", LK_OK },
		{ "printf '{}%065535s' ''", LK_E_STORE },
	};
	struct fixture *f = *state;

	EACH(c, rows)
		assert_int_equal(run(f, c->script), c->want);
}

static void
test_user_source_exec_endless_output_is_stopped(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, "echo $$ >$noted; while :; do echo '{}'; done"),
	    LK_E_STORE);
	assert_non_null(strstr(f->error.text, "more than"));
	assert_gone(noted_pid(f));
}

static void
test_user_source_exec_not_startable_is_a_failure(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, lk_user_source_exec, "alice"), LK_E_STORE);
	assert_non_null(strstr(f->error.text, f->program));
	write_file(f->program, "#!/bin/sh\necho '{}'\n", 20, 0600);
	assert_int_equal(ask(f, lk_user_source_exec, "alice"), LK_E_STORE);
	/* No shell stands in for a missing first line. */
	write_file(f->program, "echo '{}'\n", 10, 0700);
	assert_int_equal(ask(f, lk_user_source_exec, "alice"), LK_E_STORE);
	write_file(f->program, "#!/nonexistent/sh\n", 18, 0700);
	assert_int_equal(ask(f, lk_user_source_exec, "alice"), LK_E_STORE);
}

static void
test_user_source_exec_without_path_is_a_settings_error(void **state)
{
	static char name[] = "true", empty[] = "";
	struct fixture *f = *state;

	f->command[0] = name;
	assert_int_equal(ask(f, lk_user_source_exec, "alice"), LK_E_SETTINGS);
	f->command[0] = empty;
	assert_int_equal(ask(f, lk_user_source_exec, "alice"), LK_E_SETTINGS);
	f->settings.user.command.n = 0;
	assert_int_equal(ask(f, lk_user_source_exec, "alice"), LK_E_SETTINGS);
}

/* ---- exec.c: what the program is given -------------------------------- */

static void
test_user_source_exec_id_is_one_argument(void **state)
{
	static const char *const ids[] = {
		"alice",
		"a b  c",
		" ",
		"'",
		"\"",
		"it's \"so\"",
		"$(touch /tmp/x)",
		"`id`",
		"$HOME",
		"a;b|c&d>e<f",
		"*",
		"~",
		"\\",
		"\\n",
		"%s%n",
		"a-n",
		"../../etc/passwd",
		"\xff\xfe\xc3\xa9",
		"{}",
		"#",
	};
	static char fixed[] = "fixed $1 'x'";
	struct fixture *f = *state;
	struct lk_buf want = LK_BUF_INIT(1024);
	char text[1024];
	ssize_t n;

	f->command[1] = fixed;
	f->settings.user.command.n = 2;
	set_program(f,
	    "{ printf '%s\\n' $#; printf '%s\\n' \"$@\"; } >$noted\n"
	    "echo '{}'");
	EACH(one, ids) {
		assert_int_equal(ask(f, lk_user_source_exec, *one), LK_OK);
		lk_buf_reset(&want);
		lk_buf_printf(&want, "2\n%s\n%s\n", fixed, *one);
		n = read_file(f->noted, text, sizeof(text));
		assert_int_equal(n, want.len);
		assert_memory_equal(text, want.data, want.len);
	}
	lk_buf_free(&want);
}

static void
test_user_source_exec_environment_is_path_only(void **state)
{
	static const char want[] =
	    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
	    "/bin";
	struct fixture *f = *state;
	char text[4096];

	assert_int_equal(setenv("LATCHKEY_TEST_SECRET", "x", 1), 0);
	assert_int_equal(run(f, "cat /proc/$$/environ >$noted; echo '{}'"),
	    LK_OK);
	assert_int_equal(unsetenv("LATCHKEY_TEST_SECRET"), 0);
	assert_int_equal(read_file(f->noted, text, sizeof(text)), sizeof(want));
	assert_memory_equal(text, want, sizeof(want));
}

static void
test_user_source_exec_descriptors_are_not_inherited(void **state)
{
	struct fixture *f = *state;
	int low, high;

	/* As a host process may have them: without close-on-exec. */
	assert_true((low = open("/dev/null", O_RDWR)) > 2);
	assert_true((high = fcntl(low, F_DUPFD, 200)) >= 200);
	set_program(f,
	    "cd /proc/$$/fd; n=0; s=''\n"
	    "for i in 3 4 5 6 7 8 9 \"$@\"; do\n"
	    "	[ -e $i ] && s=\"$s $i\"\ndone\n"
	    "printf '{\"in\":\"%s\",\"out\":\"%.5s\",\"err\":\"%s\","
	    "\"more\":\"%s\"}' \"$(readlink 0)\" \"$(readlink /proc/$$/fd/1)\" "
	    "\"$(readlink 2)\" \"$s\"");
	assert_int_equal(ask(f, lk_user_source_exec, "200"), LK_OK);
	assert_int_equal(high, 200);
	assert_string_equal(f->detail.data,
	    "{\"in\":\"/dev/null\",\"out\":\"pipe:\",\"err\":\"/dev/null\","
	    "\"more\":\"\"}");
	(void)close(low);
	(void)close(high);
}

static void
test_user_source_exec_signals_are_default(void **state)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction old_term, old_pipe;
	struct fixture *f = *state;
	sigset_t block, old;
	char text[64], *end;

	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGTERM);
	(void)sigaddset(&block, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &block, &old), 0);
	assert_int_equal(sigaction(SIGTERM, &ignore, &old_term), 0);
	assert_int_equal(sigaction(SIGPIPE, &ignore, &old_pipe), 0);
	assert_int_equal(run(f,
	                     "while read -r key value; do\n"
	                     "	case $key in SigBlk:) b=$value;; "
	                     "SigIgn:) i=$value;; esac\n"
	                     "done </proc/$$/status\n"
	                     "echo $b $i >$noted; echo '{}'"),
	    LK_OK);
	assert_true(read_file(f->noted, text, sizeof(text)) > 0);
	assert_int_equal(strtoull(text, &end, 16), 0);
	/* glibc's own two, 32 and 33, are ignored in what it spawns. */
	assert_int_equal(strtoull(end, NULL, 16) & ~(3ULL << 31), 0);
	assert_int_equal(sigaction(SIGTERM, &old_term, NULL), 0);
	assert_int_equal(sigaction(SIGPIPE, &old_pipe, NULL), 0);
	assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
}

/* ---- exec.c: ends ----------------------------------------------------- */

static void
test_user_source_exec_sleeper_is_killed_in_time(void **state)
{
	static const char *const scripts[] = {
		"echo $$ >$noted; exec sleep 40",
		/* its output has ended, it has not */
		"echo $$ >$noted; echo '{}'; exec sleep 40 >&-",
		"trap '' TERM INT HUP; echo $$ >$noted; kill -STOP $$",
	};
	struct fixture *f = *state;

	EACH(c, scripts) {
		(void)unlink(f->noted);
		assert_int_equal(run_endless(f, *c), LK_E_TIMEOUT);
		assert_gone(noted_pid(f));
		assert_int_equal(f->detail.len, 0);
	}
}

static void
test_user_source_exec_leftover_child_is_killed(void **state)
{
	static const char *const scripts[] = {
		/* it holds the output open; the answer does not wait */
		"sleep 40 & echo $! >$noted; echo '{}'",
		"sleep 40 >/dev/null & echo $! >$noted; echo '{}'",
	};
	struct fixture *f = *state;
	pid_t pid;
	int how;

	EACH(c, scripts) {
		assert_int_equal(run(f, *c), LK_OK);
		assert_string_equal(f->detail.data, "{}");
		pid = noted_pid(f);
		assert_int_equal(waitpid(pid, &how, 0), pid);
		assert_true(WIFSIGNALED(how));
		assert_int_equal(WTERMSIG(how), SIGKILL);
	}
}

static void
test_user_source_exec_timeout_kills_children_too(void **state)
{
	struct fixture *f = *state;
	pid_t pid;
	int how;

	/* With too little time, the shell dies before it notes anything. */
	assert_int_equal(run_endless(f, "sleep 40 & echo $! >$noted; wait"),
	    LK_E_TIMEOUT);
	pid = noted_pid(f);
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_true(WIFSIGNALED(how));
	/* Those of the earlier attempts. */
	while (waitpid(-1, NULL, 0) > 0)
		continue;
}

/* Killed by the program, which is the same user's. */
static void
test_user_source_exec_without_its_keeper_is_killed(void **state)
{
	struct fixture *f = *state;
	pid_t pid;
	int how;

	assert_int_equal(
	    run(f, "echo $$ >$noted; kill -KILL $PPID; exec sleep 40"),
	    LK_E_STORE);
	pid = noted_pid(f);
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_true(WIFSIGNALED(how));
}

/* How many children, or which one, were reaped by somebody else. */
static volatile sig_atomic_t reaped;

static void
reap_all(int number)
{
	int saved = errno;

	(void)number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		reaped++;
	errno = saved;
}

/* Whoever reaps everything, or nothing, takes no answer from us. */
static void
test_user_source_exec_is_nobodys_sigchld(void **state)
{
	const struct sigaction rows[] = {
		{ .sa_handler = SIG_IGN },
		{ .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT },
		{ .sa_handler = reap_all, .sa_flags = SA_RESTART },
		{ .sa_handler = reap_all, .sa_flags = 0 },
	};
	static const struct {
		const char *script;
		enum lk_status want;
	} scripts[] = {
		{ "echo '{}'", LK_OK },
		{ "echo null", LK_NO_USER },
		{ "exit 67", LK_NO_USER },
		{ "echo '{}'; exit 3", LK_E_STORE },
	};
	struct fixture *f = *state;
	struct sigaction old;
	enum lk_status status = LK_FAULT;
	size_t k;

	reaped = 0;
	EACH(c, rows) {
		for (k = 0; k < COUNT(scripts); k++) {
			assert_int_equal(sigaction(SIGCHLD, c, &old), 0);
			status = run(f, scripts[k].script);
			assert_int_equal(sigaction(SIGCHLD, &old, NULL), 0);
			if (status != scripts[k].want)
				fail_msg("%s: %s", scripts[k].script,
				    f->error.text);
		}
	}
	assert_int_equal(reaped, 0);
}

static void *
reap_forever(void *arg)
{
	(void)arg;
	/* There is one child all the time: it waits, and is told nothing. */
	reaped = (sig_atomic_t)waitpid(-1, NULL, 0);
	return (NULL);
}

static void
test_user_source_exec_is_not_waited_for_by_another_thread(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	pid_t pid = fork();
	int i;

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	reaped = 0;
	assert_int_equal(pthread_create(&thread, NULL, reap_forever, NULL), 0);
	for (i = 0; i < 20; i++)
		assert_int_equal(run(f, "echo '{}'"), LK_OK);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(reaped, pid);
}

/* ---- exec.c: surroundings --------------------------------------------- */

/* Call ${body} in a process of its own; what it returns, 0 to 255. */
static int
in_process(int (*body)(struct fixture *f), struct fixture *f)
{
	pid_t pid = fork();
	int how;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body(f));
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_true(WIFEXITED(how));
	return (WEXITSTATUS(how));
}

static int
answer_without_standard_descriptors(struct fixture *f)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		(void)close(fd);
	if (ask(f, lk_user_source_exec, "alice") != LK_OK)
		return (1);
	return (strcmp(f->detail.data, "{\"in\":\"/dev/null\"}") == 0 ? 0 : 2);
}

static void
test_user_source_exec_closed_standard_descriptors_are_fine(void **state)
{
	struct fixture *f = *state;

	set_program(f,
	    "echo oops >&2\n"
	    "printf '{\"in\":\"%s\"}' $(readlink /proc/$$/fd/0)");
	assert_int_equal(in_process(answer_without_standard_descriptors, f), 0);
}

#pragma GCC diagnostic push
/* As in user/child.c. */
#pragma GCC diagnostic ignored "-Wsign-conversion"

/* The strangest of parents: nothing of all this reaches the program. */
static int
answer_in_surroundings_of_its_own(struct fixture *f)
{
	static const struct {
		int resource;
		rlim_t limit;
	} limits[] = {
		{ RLIMIT_FSIZE, 0 },
		{ RLIMIT_NOFILE, 20 },
		{ RLIMIT_CPU, 1000 },
		{ RLIMIT_STACK, 1 << 20 },
		{ RLIMIT_CORE, 1 << 20 },
	};
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	const gid_t groups[] = { 64003, 64004 };
	const bool is_root = geteuid() == 0;
	struct rlimit limit;
	char want[512];
	sigset_t all;
	size_t i;

	if (is_root && setgroups(COUNT(groups), groups) != 0)
		return (1);
	for (i = 1; i < NSIG; i++)
		(void)sigaction((int)i, &ignore, NULL);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	for (i = 0; i < COUNT(limits); i++) {
		if (getrlimit(limits[i].resource, &limit) != 0)
			return (2);
		limit.rlim_cur = limits[i].limit;
		if (setrlimit(limits[i].resource, &limit) != 0)
			return (3);
	}
	(void)umask(0);
	if (chdir("/tmp") != 0 ||
	    (is_root && setpriority(PRIO_PROCESS, 0, 7) != 0))
		return (4);
	if (ask(f, lk_user_source_exec, "alice") != LK_OK)
		return (5);
	(void)snprintf(want, sizeof(want),
	    "{\"in\":\"/\",\"umask\":\"0022\",\"limits\":\"unlimited 1024 "
	    "unlimited unlimited 8192 0\",\"nice\":\"0\",\"foreign\":\"\","
	    "\"leader\":\"yes\"}");
	if (strcmp(f->detail.data, want) == 0)
		return (0);
	(void)setrlimit(RLIMIT_FSIZE,
	    &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
	fprintf(stderr, "%s\n", f->detail.data);
	return (6);
}

#pragma GCC diagnostic pop

static void
test_user_source_exec_surroundings_are_its_own(void **state)
{
	struct fixture *f = *state;

	set_program(f,
	    "read -r pid comm state ppid pgrp session rest </proc/$$/stat\n"
	    "[ $session = $$ ] && [ $pgrp = $$ ] && leader=yes\n"
	    "for g in $(id -G); do\n"
	    "	case $g in 6400[34]) foreign=\"$foreign $g\";; esac\ndone\n"
	    "printf '{\"in\":\"%s\",\"umask\":\"%s\",\"limits\":"
	    "\"%s %s %s %s %s %s\",\"nice\":\"%s\",\"foreign\":\"%s\","
	    "\"leader\":\"%s\"}' \"$(pwd)\" $(umask) $(ulimit -f) "
	    "$(ulimit -n) $(ulimit -t) $(ulimit -d) $(ulimit -s) "
	    "$(ulimit -c) $(nice) \"$foreign\" $leader");
	assert_int_equal(in_process(answer_in_surroundings_of_its_own, f), 0);
}

/* Its caller could stop it, or answer for it. */
static int
start_nothing_with_two_identities(struct fixture *f)
{
	static const struct {
		uid_t uids[3];
		gid_t gids[3];
	} rows[] = {
		{ { 64101, 0, 0 }, { 0, 0, 0 } },
		{ { 0, 0, 64101 }, { 0, 0, 0 } },
		{ { 0, 0, 0 }, { 64101, 0, 0 } },
		{ { 0, 0, 0 }, { 0, 64101, 0 } },
		{ { 0, 0, 0 }, { 0, 0, 64101 } },
		{ { 0, 64101, 0 }, { 0, 0, 0 } },
	};
	char text[8];

	if (geteuid() != 0)
		return (77);
	EACH(c, rows) {
		if (setresgid(c->gids[0], c->gids[1], c->gids[2]) != 0 ||
		    setresuid(c->uids[0], c->uids[1], c->uids[2]) != 0)
			return (1);
		if (ask(f, lk_user_source_exec, "alice") != LK_E_STORE ||
		    strstr(f->error.text, "more than one user") == NULL)
			return (2);
		if (setresuid(0, 0, 0) != 0 || setresgid(0, 0, 0) != 0)
			return (3);
		if (read_file(f->noted, text, sizeof(text)) != -1)
			return (4);
	}
	return (ask(f, lk_user_source_exec, "alice") == LK_OK ? 0 : 5);
}

static void
test_user_source_exec_with_two_identities_starts_nothing(void **state)
{
	struct fixture *f = *state;
	int rc;

	set_program(f, "echo started >$noted; echo '{}'");
	rc = in_process(start_nothing_with_two_identities, f);
	if (rc == 77) {
		print_message("# skipped: other identities need root\n");
		skip();
	}
	assert_int_equal(rc, 0);
}

static void
test_user_source_exec_id_that_is_an_option_is_no_user(void **state)
{
	static const char *const ids[] = { "-", "-n", "--", "--help",
		"-alice" };
	struct fixture *f = *state;
	char text[8];

	set_program(f, "echo started >$noted; echo '{}'");
	EACH(c, ids) {
		assert_int_equal(ask(f, lk_user_source_exec, *c), LK_NO_USER);
		assert_int_equal(read_file(f->noted, text, sizeof(text)), -1);
	}
}

/* ---- passwd.c --------------------------------------------------------- */

static void
assert_member(const struct fixture *f, const char *name, const char *want)
{
	const char *value;
	size_t len;

	assert_true(
	    lk_json_member(f->detail.data, f->detail.len, name, &value, &len));
	assert_int_equal(len, strlen(want));
	assert_memory_equal(value, want, len);
}

static void
assert_string_member(const struct fixture *f, const char *name,
    const char *want)
{
	struct lk_buf quoted = LK_BUF_INIT(1024);

	lk_json_string(want, &quoted);
	assert_false(quoted.failed);
	assert_member(f, name, quoted.data);
	lk_buf_free(&quoted);
}

static void
test_user_source_passwd_account_is_described(void **state)
{
	static const uid_t uids[] = { 0, 1 };
	struct fixture *f = *state;
	struct passwd *account;
	struct group *group;
	const char *value;
	char number[32], name[128];
	size_t len;

	EACH(c, uids) {
		assert_non_null(account = getpwuid(*c));
		(void)snprintf(name, sizeof(name), "%s", account->pw_name);
		assert_int_equal(ask(f, lk_user_source_passwd, name), LK_OK);
		assert_true(lk_json_is_object(f->detail.data, f->detail.len));
		assert_non_null(account = getpwuid(*c));
		assert_string_member(f, "name", name);
		(void)snprintf(number, sizeof(number), "%u", account->pw_uid);
		assert_member(f, "uid", number);
		(void)snprintf(number, sizeof(number), "%u", account->pw_gid);
		assert_member(f, "gid", number);
		assert_string_member(f, "home", account->pw_dir);
		assert_true(lk_json_member(f->detail.data, f->detail.len,
		    "groups", &value, &len));
		assert_non_null(group = getgrgid(account->pw_gid));
		(void)snprintf(name, sizeof(name), "[\"%s\"", group->gr_name);
		assert_memory_equal(value, name, strlen(name));
	}
}

static void
test_user_source_passwd_other_names_are_no_user(void **state)
{
	static const char *const rows[] = { "no-such-account-here", "root:x",
		"root:x:0:0", "/x", "../x", "root/", "", " root", "root ",
		"ROOT", "+root", "-root", "\xff", "0" };
	struct fixture *f = *state;
	char name[LK_USER_ID_MAX + 1];

	EACH(c, rows) {
		assert_int_equal(ask(f, lk_user_source_passwd, *c),
		    LK_NO_USER);
		assert_int_equal(f->detail.len, 0);
	}
	memset(name, 'r', LK_USER_ID_MAX);
	name[LK_USER_ID_MAX] = '\0';
	assert_int_equal(ask(f, lk_user_source_passwd, name), LK_NO_USER);
}

static void
test_user_source_passwd_no_room_is_a_failure(void **state)
{
	struct fixture *f = *state;

	f->detail.max = 16;
	assert_int_equal(ask(f, lk_user_source_passwd, "root"), LK_E_STORE);
	assert_non_null(strstr(f->error.text, "16 bytes"));
}

static int
watch_over_children(void **state)
{
	(void)alarm(WATCHDOG_S);
	return (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
}

#define SUITE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define SUITE_OPEN watch_over_children
#define SUITE_CLOSE NULL
#include "support/suite.h"
