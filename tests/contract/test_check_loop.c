/* The loop that doc/ shows, as the heart of a small server. */
#include <fcntl.h>

#include "world.h"

#include "../../doc/check_loop.c"

#define REQUESTS 500

/* What comes over a pipe, a byte for each, and what became of it. */
static struct {
	struct world *world;
	struct request requests[REQUESTS];
	size_t come, answered, let_in, by_manager;
} server;

bool
is_serving(void)
{
	return (server.answered < REQUESTS);
}

struct request *
next_request(int fd)
{
	char byte;

	return (read(fd, &byte, 1) == 1 ? &server.requests[server.come++]
	                                : NULL);
}

/* One that a manager must be asked for is, at once. */
void
answer(struct request *request, const struct lk_checked *checked)
{
	const size_t n = (size_t)(request - server.requests);
	struct lk_session session = checked->session;
	enum lk_status status = checked->status;
	char user[16];

	if (status == LK_E_WOULD_WAIT) {
		status = lk_check(server.world->m, &request->token, &session);
		server.by_manager++;
	}
	(void)snprintf(user, sizeof(user), "u%zu", n);
	assert_status(n % 3 == 0 ? LK_UNKNOWN : LK_OK, status);
	assert_string_equal(session.user, n % 3 == 0 ? "" : user);
	server.answered++;
	server.let_in += status == LK_OK;
}

static void
test_check_loop_answers_each_request(void **state)
{
	struct world *world = *state;
	struct lk_error error = { "" };
	struct lk_checks *checks = NULL;
	struct epoll_event event = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC), fd[2];
	uint64_t revoked;
	char user[16];
	size_t i;

	memset(&server, 0, sizeof(server));
	server.world = world;
	for (i = 0; i < REQUESTS; i++) {
		(void)snprintf(user, sizeof(user), "u%zu", i);
		world_issue(world, user, 600, &server.requests[i].token, NULL);
		if (i % 3 == 0)
			assert_status(LK_OK,
			    lk_revoke(world->m, &server.requests[i].token,
			        NULL, &revoked));
	}
	assert_int_equal(lk_checks_new(world->settings, NULL, &checks, &error),
	    LK_OK);
	assert_int_equal(pipe2(fd, O_NONBLOCK | O_CLOEXEC), 0);
	for (i = 0; i < REQUESTS; i++)
		assert_int_equal(write(fd[1], "", 1), 1);
	event.data.fd = fd[0];
	assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, fd[0], &event), 0);
	serve(ep, fd[0], checks);
	assert_int_equal(server.let_in, REQUESTS - (REQUESTS + 2) / 3);
	/* The embedded store and Sentinel without a watch leave all to it. */
	assert_true(server.by_manager == 0 || server.by_manager == REQUESTS);
	assert_int_equal(server.by_manager == 0,
	    world_is_single(world));
	lk_checks_free(checks);
	(void)close(ep);
	(void)close(fd[0]);
	(void)close(fd[1]);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_ALL, (tests), (count))
#include "support/suite.h"
