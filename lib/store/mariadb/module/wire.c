#include <sys/socket.h>

#include <errmsg.h>
#include <errno.h>
#include <fcntl.h>
#include <mysqld_error.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "store/mariadb/module/schema.h"
#include "store/mariadb/module/wire.h"

/* How long the server's clock and role are taken for known. */
#define VITAL_NS INT64_C(5000000000)
/* How long to wait before connecting anew where the server has no room. */
#define CROWDED_MS 5
/* How libmariadb says EAGAIN of a unix socket, whose backlog is full; 111 would
 * be that nobody listens. */
#define FULL "(11)"
/* Longest packet that is taken: a row is shorter. */
#define PACKET_MAX (1UL << 20)
/* Longest answer: a thousand rows are shorter. */
#define ANSWER_MAX (32UL << 20)
/* The ways to log in that do not show the password to whoever asks for it.
 * `caching_sha2_password` shows it to who holds the other end of TLS. */
#define METHODS "mysql_native_password,client_ed25519"
#define METHODS_TLS METHODS ",caching_sha2_password"
/* What of these is a library comes from libmariadb's own folder,
 * LK_MARIADB_PLUGINS, whatever the environment says. */

/* What every connection of ours goes by. */
static const char *const manners[] = {
	"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
	"SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',"
	" SESSION innodb_lock_wait_timeout = 1, SESSION time_zone = '+00:00',"
	" SESSION autocommit = 1",
};

/* ---- The library ------------------------------------------------------- */

/* What libmariadb exports and no header of its declares: have a function called
 * with all that is read (0) and written, on every connection. */
int ma_pvio_register_callback(my_bool add,
    void (*each)(int is_written, MYSQL *mysql, const unsigned char *bytes,
        size_t len));

static bool library_is_ready;
/* What this thread waits for. */
static _Thread_local struct lk_mariadb_wire *waiting;

/*
 * libmariadb reads on for as long as there is something to read, and returns
 * to nobody meanwhile: a server that never pauses is cut off here.
 */
static void
look_at_bytes(int is_written, MYSQL *mysql, const unsigned char *bytes,
    size_t len)
{
	struct lk_mariadb_wire *wire = waiting;

	(void)bytes;
	if (is_written != 0 || wire == NULL || wire->mysql != mysql)
		return;
	wire->taken += len;
	if (wire->taken > ANSWER_MAX ||
	    lk_deadline_left_ms(wire->deadline) == 0)
		(void)shutdown(mysql_get_socket(mysql), SHUT_RDWR);
}

/* It sets the process' SIGPIPE, which is not its to set. */
static void
begin_library(void)
{
	struct sigaction pipe_action;
	const bool known = sigaction(SIGPIPE, NULL, &pipe_action) == 0;

	library_is_ready = mysql_library_init(0, NULL, NULL) == 0 &&
	    ma_pvio_register_callback(1, look_at_bytes) == 0;
	if (known)
		(void)sigaction(SIGPIPE, &pipe_action, NULL);
}

bool
lk_mariadb_library(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, begin_library);
	return (library_is_ready);
}

/* ---- SIGPIPE ----------------------------------------------------------- */

/*
 * libssl writes to a socket as to a file, and the dead peer of one raises
 * SIGPIPE: it is held back in this thread, and what came of ours is taken.
 */
struct quiet {
	bool on;
	sigset_t before;
};

static void
be_quiet(const struct lk_mariadb_wire *wire, struct quiet *quiet)
{
	sigset_t pipe_set, pending;

	quiet->on = wire->settings->store.mariadb.tls.ca[0] != '\0';
	if (!quiet->on)
		return;
	(void)sigpending(&pending);
	quiet->on = sigismember(&pending, SIGPIPE) == 0;
	(void)sigemptyset(&pipe_set);
	(void)sigaddset(&pipe_set, SIGPIPE);
	if (quiet->on)
		(void)pthread_sigmask(SIG_BLOCK, &pipe_set, &quiet->before);
}

static void
be_loud(const struct quiet *quiet)
{
	const struct timespec at_once = { 0, 0 };
	sigset_t pipe_set;

	if (!quiet->on)
		return;
	(void)sigemptyset(&pipe_set);
	(void)sigaddset(&pipe_set, SIGPIPE);
	while (sigtimedwait(&pipe_set, NULL, &at_once) == -1 && errno == EINTR)
		;
	(void)pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
}

/* ---- Failures ---------------------------------------------------------- */

static const char *
where(const struct lk_mariadb_wire *wire)
{
	return (wire->settings->store.mariadb.address);
}

static void
drop(struct lk_mariadb_wire *wire)
{
	struct quiet quiet;

	if (wire->mysql == NULL)
		return;
	be_quiet(wire, &quiet);
	/* A peer that may take nothing is told nothing. */
	if (wire->trouble == LK_MARIADB_LOST)
		(void)shutdown(mysql_get_socket(wire->mysql), SHUT_RDWR);
	mysql_close(wire->mysql);
	be_loud(&quiet);
	wire->mysql = NULL;
	wire->vital_until_ns = 0;
}

void
lk_mariadb_wire_drop(struct lk_mariadb_wire *wire)
{
	drop(wire);
}

void
lk_mariadb_wire_leave_parent(struct lk_mariadb_wire *wire)
{
	int fd, pair[2] = { -1, -1 };

	if (wire->mysql == NULL)
		return;
	/* What is said at the end reaches nobody: the other side is closed.  Of
	 * a socket that never had one libssl hopes that it will. */
	fd = mysql_get_socket(wire->mysql);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1 ||
	    dup3(pair[0], fd, O_CLOEXEC) == -1)
		(void)close(fd);
	if (pair[0] != -1) {
		(void)close(pair[0]);
		(void)close(pair[1]);
	}
	drop(wire);
}

static enum lk_status
timed_out(struct lk_mariadb_wire *wire, const char *what)
{
	wire->trouble = LK_MARIADB_LOST;
	drop(wire);
	return (
	    lk_fail(wire->error, LK_E_TIMEOUT, "%s: %s", where(wire), what));
}

enum lk_status
lk_mariadb_wire_corrupt(struct lk_mariadb_wire *wire, const char *what)
{
	wire->trouble = LK_MARIADB_LOST;
	drop(wire);
	return (
	    lk_fail(wire->error, LK_E_CORRUPT, "%s: %s", where(wire), what));
}

/* What to do about an error that the server names by its number. */
static const char *
advice(unsigned int number)
{
	switch (number) {
	case ER_NO_SUCH_TABLE:
		return ("; `latchkey store init` makes the tables");
	case ER_TABLEACCESS_DENIED_ERROR:
	case ER_COLUMNACCESS_DENIED_ERROR:
		return ("; `latchkey store init --print` shows what is to be "
		        "granted");
	case ER_OPTION_PREVENTS_STATEMENT:
	case ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION:
	case ER_READ_ONLY_MODE:
		return ("; it is read-only");
	default:
		return ("");
	}
}

/* Whether it is no use to wait, since somebody has set something wrong. */
static bool
is_set_wrong(unsigned int number)
{
	return (number == ER_ACCESS_DENIED_ERROR ||
	    number == ER_ACCESS_DENIED_NO_PASSWORD_ERROR ||
	    number == ER_DBACCESS_DENIED_ERROR || number == ER_BAD_DB_ERROR ||
	    number == ER_TABLEACCESS_DENIED_ERROR ||
	    number == ER_COLUMNACCESS_DENIED_ERROR ||
	    number == ER_NO_SUCH_TABLE || number == CR_AUTH_PLUGIN_CANNOT_LOAD);
}

/* Whether libmariadb, and not the server, says it. */
static bool
is_lost(unsigned int number)
{
	return (number == 0 || (number >= CR_MIN_ERROR && number < 3000) ||
	    (number >= 5000 && number < 6000) || number == ER_SERVER_SHUTDOWN ||
	    number == ER_CONNECTION_KILLED ||
	    number == 4031 /* MySQL closed it, since it was idle */);
}

static enum lk_status
failed(struct lk_mariadb_wire *wire, unsigned int number, const char *text)
{
	enum lk_status status = is_set_wrong(number)
	    ? LK_E_SETTINGS
	    : LK_E_STORE;

	if (number == ER_LOCK_WAIT_TIMEOUT || number == ER_LOCK_DEADLOCK ||
	    number == ER_CHECKREAD) {
		wire->trouble = LK_MARIADB_CONFLICT;
		return (lk_fail(wire->error, LK_E_TIMEOUT,
		    "%s: another client is in the way for too long",
		    where(wire)));
	}
	if (wire->taken > ANSWER_MAX)
		return (lk_mariadb_wire_corrupt(wire, "its answer has no end"));
	if (is_lost(number) && lk_deadline_left_ms(wire->deadline) == 0)
		return (timed_out(wire, "no answer in time"));
	wire->trouble = is_lost(number) ? LK_MARIADB_LOST : LK_MARIADB_REFUSED;
	wire->crowded = number == ER_CON_COUNT_ERROR ||
	    number == ER_USER_LIMIT_REACHED ||
	    number == ER_TOO_MANY_USER_CONNECTIONS ||
	    (number == CR_CONNECTION_ERROR && strstr(text, FULL) != NULL);
	if (number == CR_OUT_OF_MEMORY)
		status = lk_fail(wire->error, LK_E_NOMEM, "out of memory");
	else
		lk_error_set(wire->error, "%s: %s (%u)%s", where(wire), text,
		    number, advice(number));
	if (wire->trouble == LK_MARIADB_LOST)
		drop(wire);
	return (status);
}

/* ---- Waiting ----------------------------------------------------------- */

/* Wait for what libmariadb waits for; -1 at the deadline. */
static int
wait_for(const struct lk_mariadb_wire *wire, int events)
{
	struct pollfd p = { .fd = mysql_get_socket(wire->mysql) };
	int left = lk_deadline_left_ms(wire->deadline), own = INT32_MAX, n;

	p.events = (short)(((events & MYSQL_WAIT_READ) != 0 ? POLLIN : 0) |
	    ((events & MYSQL_WAIT_WRITE) != 0 ? POLLOUT : 0) |
	    ((events & MYSQL_WAIT_EXCEPT) != 0 ? POLLPRI : 0));
	if ((events & MYSQL_WAIT_TIMEOUT) != 0)
		own = (int)mysql_get_timeout_value_ms(wire->mysql);
	do {
		n = poll(&p, 1, own < left ? own : left);
	} while (n == -1 && errno == EINTR &&
	    (left = lk_deadline_left_ms(wire->deadline)) > 0);
	if (n <= 0)
		return (n == 0 && own < left ? MYSQL_WAIT_TIMEOUT : -1);
	return (((p.revents & (POLLIN | POLLHUP | POLLERR)) != 0
	                ? events & MYSQL_WAIT_READ
	                : 0) |
	    ((p.revents & (POLLOUT | POLLHUP | POLLERR)) != 0
	            ? events & MYSQL_WAIT_WRITE
	            : 0) |
	    ((p.revents & POLLPRI) != 0 ? MYSQL_WAIT_EXCEPT : 0));
}

/*
 * Begin a call and go on with it to its end.  ${start} is how it begins, and
 * ${go_on} how it goes on with the events ${ready}; ${done} is false if the
 * deadline has come first.
 */
#define GO(wire, done, start, go_on)                      \
	do {                                              \
		struct quiet quiet_;                      \
		int wants_, ready;                        \
                                                          \
		be_quiet((wire), &quiet_);                \
		(wire)->taken = 0;                        \
		waiting = (wire);                         \
		wants_ = (start);                         \
		(done) = true;                            \
		while (wants_ != 0 && (done)) {           \
			ready = wait_for((wire), wants_); \
			if (ready < 0)                    \
				(done) = false;           \
			else                              \
				wants_ = (go_on);         \
		}                                         \
		waiting = NULL;                           \
		be_loud(&quiet_);                         \
	} while (false)

/* What was asked for has not come in time. */
static enum lk_status
no_answer(struct lk_mariadb_wire *wire)
{
	return (timed_out(wire, "no answer in time"));
}

/* What a call has come to that is 0 if all is well. */
static enum lk_status
outcome(struct lk_mariadb_wire *wire, bool done, int result)
{
	if (!done)
		return (no_answer(wire));
	return (result == 0 ? LK_OK
	                    : failed(wire, mysql_errno(wire->mysql),
	                          mysql_error(wire->mysql)));
}

/* ---- Asking ------------------------------------------------------------ */

static enum lk_status
query(struct lk_mariadb_wire *wire, const char *text, size_t len)
{
	int result = 0;
	bool done;

	wire->trouble = LK_MARIADB_FINE;
	GO(wire, done,
	    mysql_real_query_start(&result, wire->mysql, text,
	        (unsigned long)len),
	    mysql_real_query_cont(&result, wire->mysql, ready));
	return (outcome(wire, done, result));
}

/* Go on to what the next statement of a text has come to. */
static enum lk_status
next_result(struct lk_mariadb_wire *wire)
{
	int result = 0;
	bool done;

	GO(wire, done, mysql_next_result_start(&result, wire->mysql),
	    mysql_next_result_cont(&result, wire->mysql, ready));
	return (outcome(wire, done, result));
}

/* Take all rows that a statement has come to. */
static enum lk_status
take_rows(struct lk_mariadb_wire *wire, MYSQL_RES **rows)
{
	bool done;

	GO(wire, done, mysql_store_result_start(rows, wire->mysql),
	    mysql_store_result_cont(rows, wire->mysql, ready));
	if (!done) {
		*rows = NULL;
		return (no_answer(wire));
	}
	return (*rows != NULL ? LK_OK
	                      : failed(wire, mysql_errno(wire->mysql),
	                            mysql_error(wire->mysql)));
}

enum lk_status
lk_mariadb_wire_run(struct lk_mariadb_wire *wire, const char *text, size_t len,
    size_t count, uint64_t *about, MYSQL_RES **rows)
{
	enum lk_status status = query(wire, text, len);
	size_t i = 0;

	if (rows != NULL)
		*rows = NULL;
	while (status == LK_OK) {
		about[i++] = mysql_affected_rows(wire->mysql);
		if ((mysql_field_count(wire->mysql) != 0) !=
		    (rows != NULL && i == count))
			return (lk_mariadb_wire_corrupt(wire,
			    "other rows than asked for"));
		if (rows != NULL && i == count)
			status = take_rows(wire, rows);
		if (status == LK_OK &&
		    (mysql_more_results(wire->mysql) != 0) != (i < count))
			status = lk_mariadb_wire_corrupt(wire,
			    "other answers than asked for");
		if (i == count)
			break;
		if (status == LK_OK)
			status = next_result(wire);
	}
	if (status != LK_OK && rows != NULL) {
		mysql_free_result(*rows);
		*rows = NULL;
	}
	return (status);
}

enum lk_status
lk_mariadb_wire_say(struct lk_mariadb_wire *wire, const char *text)
{
	uint64_t about;

	return (lk_mariadb_wire_run(wire, text, strlen(text), 1, &about, NULL));
}

enum lk_status
lk_mariadb_wire_ask(struct lk_mariadb_wire *wire, const char *text,
    lk_mariadb_row_fn *each, void *arg)
{
	uint64_t about;
	MYSQL_RES *rows;
	MYSQL_ROW row;
	enum lk_status status = lk_mariadb_wire_run(wire, text, strlen(text), 1,
	    &about, &rows);

	if (status != LK_OK)
		return (status);
	while ((row = mysql_fetch_row(rows)) != NULL)
		each(arg, row, mysql_num_fields(rows));
	mysql_free_result(rows);
	return (LK_OK);
}

enum lk_status
lk_mariadb_wire_prepare(struct lk_mariadb_wire *wire, const char *text,
    MYSQL_STMT **stmtp)
{
	const unsigned long len = (unsigned long)strlen(text);
	MYSQL_STMT *stmt = mysql_stmt_init(wire->mysql);
	enum lk_status status = LK_OK;
	int result = 0;
	bool done;

	*stmtp = NULL;
	wire->trouble = LK_MARIADB_FINE;
	if (stmt == NULL)
		return (lk_fail(wire->error, LK_E_NOMEM, "out of memory"));
	GO(wire, done, mysql_stmt_prepare_start(&result, stmt, text, len),
	    mysql_stmt_prepare_cont(&result, stmt, ready));
	if (!done)
		status = no_answer(wire);
	else if (result != 0)
		status = failed(wire, mysql_stmt_errno(stmt),
		    mysql_stmt_error(stmt));
	if (status != LK_OK)
		(void)mysql_stmt_close(stmt);
	else
		*stmtp = stmt;
	return (status);
}

enum lk_status
lk_mariadb_wire_execute(struct lk_mariadb_wire *wire, MYSQL_STMT *stmt,
    MYSQL_BIND *results)
{
	int result = 0;
	bool done;

	wire->trouble = LK_MARIADB_FINE;
	GO(wire, done, mysql_stmt_execute_start(&result, stmt),
	    mysql_stmt_execute_cont(&result, stmt, ready));
	if (done && result == 0 && results != NULL) {
		if (mysql_stmt_bind_result(stmt, results) != 0)
			return (failed(wire, mysql_stmt_errno(stmt),
			    mysql_stmt_error(stmt)));
		GO(wire, done, mysql_stmt_store_result_start(&result, stmt),
		    mysql_stmt_store_result_cont(&result, stmt, ready));
	}
	wire->used = true;
	if (!done)
		return (no_answer(wire));
	return (result == 0
	        ? LK_OK
	        : failed(wire, mysql_stmt_errno(stmt), mysql_stmt_error(stmt)));
}

/* ---- Connecting -------------------------------------------------------- */

/* Everything that a connection is to be, before there is one. */
static bool
set_options(const struct lk_mariadb_wire *wire, MYSQL *mysql, bool is_unix)
{
	const struct lk_tls_settings *tls = &wire->settings->store.mariadb.tls;
	const bool encrypted = tls->ca[0] != '\0';
	const unsigned long packet = PACKET_MAX;
	const unsigned int none = 0;
	const unsigned int protocol = is_unix
	    ? MYSQL_PROTOCOL_SOCKET
	    : MYSQL_PROTOCOL_TCP;
	const my_bool yes = 1, no = 0;
	unsigned int seconds =
	    (unsigned int)((lk_deadline_left_ms(wire->deadline) + 999) / 1000);
	int bad = 0;

	bad |= mysql_optionsv(mysql, MYSQL_OPT_NONBLOCK, 0);
	/* Else "localhost" would be a path. */
	bad |= mysql_optionsv(mysql, MYSQL_OPT_PROTOCOL, &protocol);
	bad |= mysql_optionsv(mysql, MYSQL_OPT_LOCAL_INFILE, &none);
	bad |= mysql_optionsv(mysql, MYSQL_OPT_RECONNECT, &no);
	bad |= mysql_optionsv(mysql, MYSQL_PLUGIN_DIR, LK_MARIADB_PLUGINS);
	bad |= mysql_optionsv(mysql, MARIADB_OPT_RESTRICTED_AUTH,
	    encrypted ? METHODS_TLS : METHODS);
	bad |= mysql_optionsv(mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
	bad |= mysql_optionsv(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
	bad |= mysql_optionsv(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	if (encrypted) {
		if (strcmp(tls->ca, "system") != 0)
			bad |= mysql_optionsv(mysql, MYSQL_OPT_SSL_CA, tls->ca);
		if (tls->cert[0] != '\0') {
			bad |= mysql_optionsv(mysql, MYSQL_OPT_SSL_CERT,
			    tls->cert);
			bad |= mysql_optionsv(mysql, MYSQL_OPT_SSL_KEY,
			    tls->key);
		}
		bad |= mysql_optionsv(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
		bad |= mysql_optionsv(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT,
		    &yes);
	}
	return (bad == 0);
}

/* The socket is there long before it is connected. */
static void
close_on_exec(const struct lk_mariadb_wire *wire)
{
	const int fd = mysql_get_socket(wire->mysql);

	if (fd >= 0)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static int
start_connecting(struct lk_mariadb_wire *wire, const struct lk_address *address,
    MYSQL **result)
{
	const char *const host = address->is_unix ? NULL : address->host;
	const char *const path = address->is_unix ? address->path : NULL;
	const unsigned int port = address->is_unix
	    ? 0
	    : (unsigned int)strtoul(address->port, NULL, 10);
	const int wants = mysql_real_connect_start(result, wire->mysql, host,
	    wire->settings->store.mariadb.username,
	    wire->settings->store.mariadb.password,
	    wire->settings->store.mariadb.database, port, path,
	    CLIENT_FOUND_ROWS | CLIENT_MULTI_STATEMENTS);

	close_on_exec(wire);
	return (wants);
}

static enum lk_status
connect_once(struct lk_mariadb_wire *wire, const struct lk_address *address)
{
	enum lk_status status = LK_FAULT;
	MYSQL *result = NULL;
	bool done;

	wire->trouble = LK_MARIADB_FINE;
	wire->crowded = false;
	if ((wire->mysql = mysql_init(NULL)) == NULL)
		return (lk_fail(wire->error, LK_E_NOMEM, "out of memory"));
	if (!set_options(wire, wire->mysql, address->is_unix)) {
		drop(wire);
		return (lk_fail(wire->error, LK_E_STORE,
		    "%s: libmariadb does not take its options", where(wire)));
	}
	GO(wire, done, start_connecting(wire, address, &result),
	    mysql_real_connect_cont(&result, wire->mysql, ready));
	if (!done)
		return (no_answer(wire));
	if (result == NULL) {
		status = failed(wire, mysql_errno(wire->mysql),
		    mysql_error(wire->mysql));
		drop(wire);
		return (status);
	}
	/* Of a name with several addresses it may be another. */
	close_on_exec(wire);
	wire->number++;
	wire->used = false;
	return (LK_OK);
}

/*
 * Connect; where there is no room at the moment, such as for one more in the
 * backlog of its socket, ask again.
 */
static enum lk_status
connect_to(struct lk_mariadb_wire *wire, const struct lk_address *address)
{
	enum lk_status status = connect_once(wire, address);
	bool crowded = false;

	while (status != LK_OK && wire->crowded &&
	    lk_deadline_left_ms(wire->deadline) > CROWDED_MS) {
		crowded = true;
		(void)poll(NULL, 0, CROWDED_MS);
		status = connect_once(wire, address);
	}
	if (crowded && status == LK_E_TIMEOUT)
		lk_error_set(wire->error,
		    "%s: it has no room for more connections", where(wire));
	return (status);
}

enum lk_status
lk_mariadb_wire_connect(struct lk_mariadb_wire *wire,
    struct lk_deadline deadline)
{
	const int64_t patience_ms =
	    wire->settings->store.mariadb.connect_timeout_ms;
	struct lk_address address;
	struct lk_fd_hold hold = { { false } };
	enum lk_status status = LK_OK;
	size_t i;

	wire->deadline = deadline;
	if (wire->mysql != NULL)
		return (LK_OK);
	if (!lk_mariadb_library())
		return (lk_fail(wire->error, LK_E_STORE,
		    "libmariadb cannot be used here"));
	if (lk_address_parse(where(wire), &address) != LK_OK)
		return (LK_E_SETTINGS);
	wire->deadline = lk_deadline_min(deadline, lk_deadline_in(patience_ms));
	lk_fd_hold(&hold);
	status = connect_to(wire, &address);
	lk_fd_release(&hold);
	for (i = 0; status == LK_OK && i < sizeof(manners) / sizeof(*manners);
	     i++)
		status = lk_mariadb_wire_say(wire, manners[i]);
	if (status != LK_OK)
		drop(wire);
	wire->deadline = deadline;
	return (status);
}

/* ---- What the server is ------------------------------------------------ */

/* What LK_MARIADB_VITALS answers. */
struct vitals {
	bool known;
	long long version, now_us;
	bool writable;
};

static void
take_vitals(void *arg, char **texts, unsigned int count)
{
	struct vitals *vitals = arg;

	vitals->known = count == 3 && texts[0] != NULL && texts[1] != NULL &&
	    texts[2] != NULL;
	if (!vitals->known)
		return;
	vitals->version = strtoll(texts[0], NULL, 10);
	vitals->now_us = strtoll(texts[1], NULL, 10);
	vitals->writable = strcmp(texts[2], "0") == 0 ||
	    strcmp(texts[2], "OFF") == 0;
}

static void
take_replication(void *arg, char **texts, unsigned int count)
{
	bool *replicates = arg;

	*replicates = count == 2 && texts[1] != NULL &&
	    strcmp(texts[1], "0") != 0;
}

enum lk_status
lk_mariadb_wire_replicates(struct lk_mariadb_wire *wire, bool *replicates)
{
	*replicates = false;
	return (lk_mariadb_wire_ask(wire,
	    "SHOW GLOBAL STATUS LIKE 'Slaves_running'", take_replication,
	    replicates));
}

/* Say why sessions are not looked for at a server that is read-only. */
static enum lk_status
read_only(struct lk_mariadb_wire *wire)
{
	bool replicates;
	enum lk_status status = lk_mariadb_wire_replicates(wire, &replicates);

	if (status != LK_OK)
		return (status);
	drop(wire);
	return (lk_fail(wire->error, LK_E_STORE, "%s: %s", where(wire),
	    replicates ? "it is a replica, and read-only: sessions are checked "
	                 "and changed at the primary alone"
	               : "it is read-only (read_only), and no replica at work: "
	                 "nobody can log in or out there"));
}

/*
 * Ask for its clock, which goes on with the clock that nobody sets in between,
 * and whether it is the one that is written to: a replica may not know yet
 * what has ended.
 */
static enum lk_status
look_at_vitals(struct lk_mariadb_wire *wire)
{
	struct vitals vitals = { .known = false };
	enum lk_status status = LK_FAULT;
	int64_t now_ns;

	status = lk_mariadb_wire_ask(wire, LK_MARIADB_VITALS, take_vitals,
	    &vitals);
	if (status != LK_OK)
		return (status);
	now_ns = lk_monotonic_ns();
	if (!vitals.known || vitals.version < LK_MARIADB_SCHEMA) {
		drop(wire);
		return (lk_fail(wire->error, LK_E_SETTINGS,
		    "%s: its tables are not of this version; `latchkey store "
		    "init` makes them so",
		    where(wire)));
	}
	if (vitals.version > LK_MARIADB_SCHEMA) {
		drop(wire);
		return (lk_fail(wire->error, LK_E_SETTINGS,
		    "%s: its tables are of a later version of latchkey",
		    where(wire)));
	}
	if (!vitals.writable)
		return (read_only(wire));
	wire->ahead_us = vitals.now_us - now_ns / 1000;
	wire->vital_until_ns = now_ns + VITAL_NS;
	return (LK_OK);
}

enum lk_status
lk_mariadb_wire_ready(struct lk_mariadb_wire *wire, struct lk_deadline deadline)
{
	const bool kept = wire->mysql != NULL;
	enum lk_status status = lk_mariadb_wire_connect(wire, deadline);

	if (status != LK_OK || lk_monotonic_ns() < wire->vital_until_ns)
		return (status);
	status = look_at_vitals(wire);
	/* A connection that was kept may have ended long ago. */
	if (status == LK_E_STORE && kept && wire->trouble == LK_MARIADB_LOST) {
		wire->error->text[0] = '\0';
		status = lk_mariadb_wire_connect(wire, deadline);
		if (status == LK_OK)
			status = look_at_vitals(wire);
	}
	return (status);
}

int64_t
lk_mariadb_wire_now_ms(const struct lk_mariadb_wire *wire)
{
	return ((lk_monotonic_ns() / 1000 + wire->ahead_us) / 1000);
}
