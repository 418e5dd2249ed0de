/*
 * A Redis that answers anything: a thread that accepts connections, reads
 * what comes and sends what the test wants.  Whatever it sends, a check must
 * not allow, not crash and not outlast its deadline.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "world.h"

#define HEX "0123456789abcdef0123456789abcdef"
#define QUICK "connect_timeout_ms = 50; command_timeout_ms = 50;"
/* Where the answer comes at once, and time is not what is tried. */
#define PATIENT "connect_timeout_ms = 5000; command_timeout_ms = 5000;"

enum way {
	AT_ONCE,  /* send it, wait for the client to leave */
	AND_CLOSE,/* send it and close */
	ONCE,     /* send it, and close when more is asked */
	DRIPPING, /* a byte each 20 ms, for ever */
	FLOODING  /* again and again, for ever */
};

struct impostor {
	int listener;
	char path[108];
	const char *bytes;
	size_t len;
	enum way way;
	atomic_int connections;
	atomic_int requests; /* reads that returned something */
	atomic_bool stop;
	pthread_t thread;
};

/* Whether the client is still there; takes what it sent. */
static bool
client_is_there(struct impostor *im, int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char sink[65536];
	ssize_t n;

	if (poll(&p, 1, wait_ms) <= 0)
		return (true);
	n = recv(fd, sink, sizeof(sink), 0);
	if (n > 0)
		im->requests++;
	return (n > 0);
}

static bool
send_bytes(int fd, const char *bytes, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0)
			return (false);
		bytes += n;
		len -= (size_t)n;
	}
	return (true);
}

static void
serve(struct impostor *im, int fd)
{
	size_t sent = 0;

	while (im->requests == 0 && !im->stop) {
		if (!client_is_there(im, fd, 10))
			return;
	}
	if (im->way <= ONCE)
		(void)send_bytes(fd, im->bytes, im->len);
	if (im->way == AND_CLOSE)
		return;
	while (!im->stop && !(im->way == ONCE && im->requests > 1)) {
		if (im->way == DRIPPING &&
		    !send_bytes(fd, im->bytes + sent++ % im->len, 1))
			return;
		if (im->way == FLOODING && !send_bytes(fd, im->bytes, im->len))
			return;
		if (!client_is_there(im, fd, im->way == FLOODING ? 0 : 20))
			return;
	}
}

static void *
impostor_main(void *arg)
{
	struct impostor *im = arg;
	struct pollfd p = { .fd = im->listener, .events = POLLIN };
	int fd;

	while (!im->stop) {
		if (poll(&p, 1, 10) <= 0)
			continue;
		if ((fd = accept(im->listener, NULL, NULL)) < 0)
			continue;
		im->connections++;
		im->requests = 0;
		serve(im, fd);
		(void)close(fd);
	}
	return (NULL);
}

static void
impostor_start(struct impostor *im, const struct world *world, enum way way,
    const char *bytes, size_t len)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	memset(im, 0, sizeof(*im));
	im->bytes = bytes;
	im->len = len;
	im->way = way;
	(void)snprintf(im->path, sizeof(im->path), "%s/impostor", world->dir);
	memcpy(sun.sun_path, im->path, sizeof(im->path));
	(void)unlink(im->path);
	im->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(im->listener >= 0);
	assert_int_equal(
	    bind(im->listener, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(im->listener, 64), 0);
	assert_int_equal(
	    pthread_create(&im->thread, NULL, impostor_main, im), 0);
}

static void
impostor_stop(struct impostor *im)
{
	im->stop = true;
	assert_int_equal(pthread_join(im->thread, NULL), 0);
	(void)close(im->listener);
	(void)unlink(im->path);
}

/* Ask an impostor everything; nothing may come out well. */
static void
ask_everything(struct world *world, enum way way, const char *bytes,
    size_t len)
{
	struct impostor im;
	char address[128];
	struct lk_session session;
	struct lk_token token, issued;
	struct lk_user user;
	uint64_t revoked;

	impostor_start(&im, world, way, bytes, len);
	(void)snprintf(address, sizeof(address), "unix:%s", im.path);
	world_settle_at(world, address, "", QUICK, "");
	world_token(&token, "alice_" HEX);
	assert_true(lk_check(world->m, &token, &session) != LK_OK);
	assert_string_equal(session.user, "");
	assert_true(
	    lk_check_user(world->m, &token, &session, &user) != LK_OK);
	assert_null(user.detail);
	assert_true(lk_refresh(world->m, &token, 60, &session) != LK_OK);
	assert_true(
	    lk_issue(world->m, "alice", NULL, &issued, &session) != LK_OK);
	assert_int_equal(issued.len, 0);
	/* A bare count is all that a revocation can be told. */
	if (lk_revoke(world->m, &token, NULL, &revoked) != LK_OK)
		assert_int_equal(revoked, 0);
	lk_manager_free(world->m);
	world->m = NULL;
	impostor_stop(&im);
}

static void
test_reply_of_any_shape_never_allows(void **state)
{
	static const char *const replies[] = { "+OK\r\n", "$5\r\nalice\r\n",
		"*0\r\n", "*-1\r\n", "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
		"-ERR no\r\n", "-NOAUTH x\r\n", "-\r\n", "-LOADING\r\n",
		"$536870912\r\n", "$9223372036854775807\r\n", "$-2\r\n",
		"$abc\r\n", "*1000000000\r\n", "*4097\r\n", "*2147483648\r\n",
		"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
		"\r\n", "HTTP/1.1 200 OK\r\n\r\n", "_\r\n", "#t\r\n",
		",1.5\r\n", "(123\r\n", "%1\r\n+a\r\n+b\r\n", "~1\r\n+a\r\n",
		">1\r\n+a\r\n", "=5\r\ntxt:a\r\n", "|1\r\n+a\r\n+b\r\n",
		":99999999999999999999\r\n", ":x\r\n", ":\r\n",
		"$3\r\nabcde\r\n", "$100\r\nabc", "*2\r\n:1\r\n",
		"\xff\xfe\xfd",
		"+alice\r\n+alice\r\n+alice\r\n+alice\r\n+alice\r\n",
		"$1\r\nx\r\n:99999999999999\r\n:1\r\n$1\r\nx\r\n",
		":1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n" };
	struct world *world = *state;
	size_t i;

	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		ask_everything(
		    world, AT_ONCE, replies[i], strlen(replies[i]));
		ask_everything(
		    world, AND_CLOSE, replies[i], strlen(replies[i]));
	}
}

static void
test_reply_of_random_bytes_never_allows(void **state)
{
	static const char first[] = "+-:$*";
	struct world *world = *state;
	unsigned int seed = 7;
	char bytes[256];
	size_t i, j;

	for (i = 0; i < 60; i++) {
		for (j = 0; j < sizeof(bytes); j++)
			bytes[j] = (char)(rand_r(&seed) & 0xff);
		bytes[0] = first[i % 5];
		ask_everything(world, AND_CLOSE, bytes, sizeof(bytes));
	}
}

static void
test_dripping_reply_ends_at_the_deadline(void **state)
{
	static const char digits[] = "$1000000\r\n000000";

	ask_everything(*state, DRIPPING, digits, sizeof(digits) - 1);
}

static void
test_endless_line_ends_at_the_cap_or_the_deadline(void **state)
{
	static char line[65536];

	memset(line, 'a', sizeof(line));
	line[0] = '+';
	ask_everything(*state, FLOODING, line, sizeof(line));
}

/* One user's list that is too long must not refuse everybody else. */
static void
test_reply_that_is_too_long_bars_nobody(void **state)
{
	static char line[65536];
	struct world *world = *state;
	struct impostor im;
	char address[128];
	struct lk_session session;
	struct lk_token token;
	int i;

	memset(line, 'a', sizeof(line));
	memcpy(line, "$99999999\r\n", 11);
	impostor_start(&im, world, FLOODING, line, sizeof(line));
	(void)snprintf(address, sizeof(address), "unix:%s", im.path);
	world_settle_at(world, address, "",
	    "connect_timeout_ms = 2000; command_timeout_ms = 20000;", "");
	world_token(&token, "alice_" HEX);
	for (i = 0; i < 8; i++) {
		assert_status(
		    LK_E_CORRUPT, lk_check(world->m, &token, &session));
		assert_non_null(strstr(
		    lk_manager_error(world->m), "the reply is longer than"));
	}
	impostor_stop(&im);
}

static void
test_silent_peer_times_out(void **state)
{
	struct world *world = *state;
	struct impostor im;
	char address[128];
	struct lk_session session;
	struct lk_token token;

	impostor_start(&im, world, AT_ONCE, "", 0);
	(void)snprintf(address, sizeof(address), "unix:%s", im.path);
	world_settle_at(world, address, "", QUICK, "");
	world_token(&token, "alice_" HEX);
	assert_status(LK_E_TIMEOUT, lk_check(world->m, &token, &session));
	assert_status(LK_E_TIMEOUT, lk_check(world->m, &token, &session));
	/* A connection that failed was not used again. */
	while (im.connections < 2)
		(void)poll(NULL, 0, 5);
	impostor_stop(&im);
}

static void
test_port_for_tls_is_named(void **state)
{
	static const struct {
		enum way way;
		const char *bytes;
		enum lk_status status;
	} ports[] = { { AND_CLOSE, "", LK_E_STORE },
		{ AT_ONCE, "\x15\x03\x03", LK_E_SETTINGS } };
	struct world *world = *state;
	struct impostor im;
	char address[128];
	struct lk_session session;
	struct lk_token token;
	size_t i;

	world_token(&token, "alice_" HEX);
	for (i = 0; i < 2; i++) {
		impostor_start(&im, world, ports[i].way, ports[i].bytes,
		    strlen(ports[i].bytes));
		(void)snprintf(address, sizeof(address), "unix:%s", im.path);
		world_settle_at(world, address, "", PATIENT, "");
		assert_status(ports[i].status,
		    lk_check(world->m, &token, &session));
		assert_non_null(strstr(lk_manager_error(world->m), "TLS"));
		impostor_stop(&im);
	}
}

static void
test_issue_with_a_lost_reply_is_not_sent_again(void **state)
{
	struct world *world = *state;
	struct impostor im;
	char address[128];
	struct lk_token token;

	/* On a connection from before, or another would not be tried at all. */
	impostor_start(&im, world, ONCE, "+PONG\r\n", 7);
	(void)snprintf(address, sizeof(address), "unix:%s", im.path);
	world_settle_at(world, address, "", PATIENT, "");
	assert_status(LK_OK, lk_ping(world->m));
	assert_status(
	    LK_E_STORE, lk_issue(world->m, "alice", NULL, &token, NULL));
	assert_int_equal(im.connections, 1);
	assert_int_equal(token.len, 0);
	impostor_stop(&im);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, world_reset)
		T(test_reply_of_any_shape_never_allows),
		T(test_reply_of_random_bytes_never_allows),
		T(test_dripping_reply_ends_at_the_deadline),
		T(test_endless_line_ends_at_the_cap_or_the_deadline),
		T(test_reply_that_is_too_long_bars_nobody),
		T(test_silent_peer_times_out),
		T(test_port_for_tls_is_named),
		T(test_issue_with_a_lost_reply_is_not_sent_again),
#undef T
	};

	return (world_run(
	    WORLD_REDIS, tests, sizeof(tests) / sizeof(tests[0])));
}
