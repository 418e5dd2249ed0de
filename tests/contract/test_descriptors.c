/*
 * In a host whose standard descriptors are closed the library takes none of
 * them, and leaves none taken: what anybody prints there reaches nobody.
 */
#include <sys/wait.h>

#include <fcntl.h>
#include <unistd.h>

#include "world.h"

#define ROUNDS 8

/* Which standard descriptors there are, as bits. */
static int
taken(void)
{
	int fd, bits = 0;

	for (fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) != -1)
			bits |= 1 << fd;
	}
	return (bits);
}

/* ---- The host ---------------------------------------------------------- */

/* A round of everything that opens or writes something; 0 or where it broke. */
static int
go_round(struct lk_manager *m)
{
	struct lk_session session;
	struct lk_token token;
	struct lk_user user;
	uint64_t revoked;

	if (lk_issue(m, "alice", NULL, &token, &session) != LK_OK)
		return (10);
	if (lk_check(m, &token, &session) != LK_OK)
		return (11);
	if (lk_user_load(m, "alice", 0, &user) != LK_OK)
		return (12);
	lk_user_clear(&user);
	if (lk_revoke(m, &token, NULL, &revoked) != LK_OK || revoked != 1)
		return (13);
	return (taken() != 0 ? 20 + taken() : 0);
}

static int
be_host(const struct world *world, const char *conf)
{
	struct lk_settings *settings = NULL;
	struct lk_manager *m = NULL;
	struct lk_error error;
	int code = 0, i;

	if (lk_settings_load(conf, &settings, &error) != LK_OK)
		return (1);
	if (taken() != 0)
		return (2);
	lk_settings_free(settings);
	if (lk_manager_new(world->settings, NULL, &m, &error) != LK_OK)
		return (3);
	for (i = 0; i < ROUNDS && code == 0; i++)
		code = go_round(m);
	lk_manager_free(m);
	return (code == 0 && taken() != 0 ? 30 + taken() : code);
}

/* A process without standard descriptors; how it ends. */
static int
end_of_host(const struct world *world, const char *conf)
{
	pid_t pid = fork();
	int status, fd;

	assert_true(pid >= 0);
	if (pid == 0) {
		for (fd = 0; fd <= 2; fd++)
			(void)close(fd);
		_exit(be_host(world, conf));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return (WEXITSTATUS(status));
}

static void
test_descriptors_closed_by_the_host_stay_closed(void **state)
{
	struct world *world = *state;
	char conf[128];

	world_settle(world, "", "",
	    "user = { source = \"exec\";"
	    " command = [ \"/bin/sh\", \"-c\", \"echo {}\" ]; };");
	(void)snprintf(conf, sizeof(conf), "%s/conf", world->dir);
	assert_int_equal(end_of_host(world, conf), 0);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_ALL, tests, count)
#include "support/suite.h"
