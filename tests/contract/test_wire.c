/*
 * What goes over the wire, seen by a relay between the manager and Redis: a
 * check is one write there and one reply back, and an export that is cut off
 * anywhere goes on without a loss.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "world.h"

struct relay {
	int listener;
	char path[108];
	atomic_int asked;    /* what came from the manager, in reads */
	atomic_int answered; /* what came from Redis, in reads */
	atomic_int left;     /* how much is passed on before it is cut off */
	atomic_bool stop;
	pthread_t thread;
};

static int
unix_socket(const char *path, bool listening)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (listening) {
		assert_int_equal(
		    bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
		assert_int_equal(listen(fd, 8), 0);
	} else
		assert_int_equal(
		    connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return (fd);
}

/* Pass on what there is; false at the end. */
static bool
pass_on(int from, int to, atomic_int *count)
{
	char bytes[65536];
	ssize_t n = recv(from, bytes, sizeof(bytes), 0);

	if (n <= 0)
		return (false);
	++*count;
	return (send(to, bytes, (size_t)n, MSG_NOSIGNAL) == n);
}

/* Whether what the manager asks is still passed on. */
static bool
is_let(struct relay *relay)
{
	if (relay->left == 0)
		return (false);
	relay->left--;
	return (true);
}

static void *
relay_main(void *arg)
{
	struct relay *relay = arg;
	struct pollfd p[3] = { { .fd = relay->listener, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
		{ .fd = -1, .events = POLLIN } };

	while (!relay->stop) {
		if (poll(p, 3, 10) <= 0)
			continue;
		if (p[0].revents != 0 && p[1].fd < 0) {
			p[1].fd = accept(relay->listener, NULL, NULL);
			p[2].fd = unix_socket(
			    getenv("LK_TEST_REDIS_SOCKET"), false);
			continue;
		}
		if ((p[1].revents != 0 &&
		        !(is_let(relay) &&
		            pass_on(p[1].fd, p[2].fd, &relay->asked))) ||
		    (p[2].revents != 0 &&
		        !pass_on(p[2].fd, p[1].fd, &relay->answered))) {
			(void)close(p[1].fd);
			(void)close(p[2].fd);
			p[1].fd = p[2].fd = -1;
		}
	}
	if (p[1].fd >= 0) {
		(void)close(p[1].fd);
		(void)close(p[2].fd);
	}
	return (NULL);
}

static void
relay_start(struct relay *relay, const struct world *world)
{
	memset(relay, 0, sizeof(*relay));
	relay->left = INT32_MAX;
	(void)snprintf(
	    relay->path, sizeof(relay->path), "%s/relay", world->dir);
	relay->listener = unix_socket(relay->path, true);
	assert_int_equal(
	    pthread_create(&relay->thread, NULL, relay_main, relay), 0);
}

static void
relay_stop(struct relay *relay)
{
	relay->stop = true;
	assert_int_equal(pthread_join(relay->thread, NULL), 0);
	(void)close(relay->listener);
	(void)unlink(relay->path);
}

static void
test_check_is_one_write_and_one_reply(void **state)
{
	struct world *world = *state;
	char address[128];
	struct relay relay;
	struct lk_session session;
	struct lk_token token;
	struct lk_user user;
	int i;

	world_issue(world, "alice", 600, &token, NULL);
	assert_status(LK_OK, lk_user_put(world->m, "alice", "{}", 60));
	relay_start(&relay, world);
	(void)snprintf(address, sizeof(address), "unix:%s", relay.path);
	world_settle_at(world, address, "", "", "");
	for (i = 1; i <= 10; i++) {
		assert_status(LK_OK, lk_check(world->m, &token, &session));
		assert_int_equal(relay.asked, i);
		assert_int_equal(relay.answered, i);
	}
	for (; i <= 20; i++) {
		assert_status(LK_OK,
		    lk_check_user(world->m, &token, &session, &user));
		lk_user_clear(&user);
		assert_int_equal(relay.asked, i);
		assert_int_equal(relay.answered, i);
	}
	relay_stop(&relay);
}

static void
test_check_runs_only_the_commands_it_needs(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	long long commands, times = 0;
	char *info, *time;
	int i;

	world_issue(world, "alice", 600, &token, NULL);
	freeReplyObject(world_redis(world, "CONFIG RESETSTAT"));
	for (i = 0; i < 100; i++)
		assert_status(LK_OK, lk_check(world->m, &token, &session));
	info = world_text(world, "INFO commandstats");
	time = strstr(info, "cmdstat_time:");
	assert_true(time != NULL &&
	    sscanf(time, "cmdstat_time:calls=%lld", &times) == 1);
	assert_int_equal(times, 1);
	free(info);
	info = world_text(world, "INFO stats");
	assert_int_equal(sscanf(strstr(info, "total_commands_processed:"),
	                     "total_commands_processed:%lld", &commands),
	    1);
	free(info);
	/* One GET a check; PEXPIRETIME and HEXISTS with it in gosession's
	 * layout; one TIME; and RESETSTAT and INFO of our own. */
	assert_in_range(commands, world_is_gosession(world) ? 301 : 101,
	    world_is_gosession(world) ? 304 : 104);
}

struct lines {
	char text[1 << 20];
	size_t len;
};

static void
collect(void *arg, const char *text, size_t len)
{
	struct lines *lines = arg;

	assert_true(len < sizeof(lines->text) - lines->len);
	memcpy(lines->text + lines->len, text, len);
	lines->len += len;
}

/* Each write of each page is cut off once, until the page is there. */
static void
test_export_cut_off_anywhere_goes_on_without_a_loss(void **state)
{
	static struct lines lines;
	struct world *world = *state;
	struct lk_export_state exported = { .done = false };
	struct lk_export *exporting;
	char address[128], user[32];
	struct lk_token token;
	struct relay relay;
	int i, writes = 0, failures = 0;
	char *line;

	memset(&lines, 0, sizeof(lines));
	for (i = 0; i < 600; i++) {
		(void)snprintf(user, sizeof(user), "u%d", i);
		world_issue(world, user, 600, &token, NULL);
	}
	relay_start(&relay, world);
	(void)snprintf(address, sizeof(address), "unix:%s", relay.path);
	world_settle_at(world, address, "", "", "");
	assert_status(LK_OK, lk_export_new(world->m, false, &exporting));
	while (!exported.done) {
		relay.left = writes;
		if (lk_export_some(exporting, collect, &lines, &exported) ==
		    LK_OK)
			writes = 0;
		else if (relay.left == 0) {
			writes++;
			failures++;
		}
	}
	lk_export_free(exporting);
	relay_stop(&relay);
	assert_true(failures >= 6);
	assert_int_equal(exported.sessions, 600);
	for (i = 0; i < 600; i++) {
		(void)snprintf(user, sizeof(user), "\"user\":\"u%d\",", i);
		line = strstr(lines.text, user);
		assert_non_null(line);
		assert_null(strstr(line + 1, user));
	}
	line = strstr(lines.text, "{\"type\":\"end\"}\n");
	assert_non_null(line);
	assert_int_equal(line[strlen("{\"type\":\"end\"}\n")], '\0');
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_REDIS, tests, count)
#include "support/suite.h"
