/*
 * Host names in the settings: what a resolver that is slow, or knows several
 * addresses, does to an operation.  The resolver is this program's: it counts,
 * and its names end in ".test" (RFC 6761, section 6.2).
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <unistd.h>

#include "support/temp_dir.h"
#include "impostor.h"

#define SENTINELS 3
#define SETTINGS_MAX 1024
/* As many connections as certainly fill a backlog of none. */
#define CROWD 4

struct stage {
	struct temp_dir dir;
	struct lk_settings *settings;
	struct lk_manager *m;
	struct impostor sentinels[SENTINELS];
	char answer[256];
};

/* ---- The resolver ------------------------------------------------------ */

typedef int resolve_fn(const char *, const char *, const struct addrinfo *,
    struct addrinfo **);

static atomic_int look_ups;
static int dead_port; /* the first address of two.test has it */

/* In the place of libc's. */
int
getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
    struct addrinfo **list)
{
	resolve_fn *real;
	void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
	char dead[8];
	int error;

	memcpy(&real, &symbol, sizeof(real));
	if (strstr(host, ".test") == NULL ||
	    (hints->ai_flags & AI_NUMERICHOST) != 0)
		return (real(host, port, hints, list));
	look_ups++;
	if (strcmp(host, "dead.test") == 0)
		return (EAI_AGAIN);
	if (strcmp(host, "two.test") != 0)
		return (real("127.0.0.1", port, hints, list));
	(void)snprintf(dead, sizeof(dead), "%d", dead_port);
	if ((error = real("127.0.0.1", dead, hints, list)) != 0)
		return (error);
	return (real("127.0.0.1", port, hints, &(*list)->ai_next));
}

/* A port on which nobody answers, not even to refuse. */
static void
fall_silent(int fds[CROWD])
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int i;

	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fds[0], (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(fds[0], 0), 0);
	assert_int_equal(
	    getsockname(fds[0], (struct sockaddr *)&sin, &len), 0);
	for (i = 1; i < CROWD; i++) {
		fds[i] = socket(AF_INET,
		    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_true(
		    connect(fds[i], (struct sockaddr *)&sin, len) == 0 ||
		    errno == EINPROGRESS);
	}
	dead_port = ntohs(sin.sin_port);
}

/* ---- The stage --------------------------------------------------------- */

static int
redis_port(void)
{
	return (atoi(getenv("LK_TEST_REDIS_PORT")));
}

static int
stage_open(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	temp_dir_make(&stage->dir);
	*state = stage;
	return (0);
}

static int
stage_close(void **state)
{
	struct stage *stage = *state;

	temp_dir_remove(&stage->dir);
	free(stage);
	return (0);
}

static int
stage_begin(void **state)
{
	struct stage *stage = *state;
	int i;

	look_ups = 0;
	impostor_naming(redis_port(), stage->answer);
	for (i = 0; i < SENTINELS; i++)
		impostor_start(&stage->sentinels[i], IMPOSTOR_ALWAYS,
		    stage->answer, strlen(stage->answer));
	return (0);
}

static int
stage_end(void **state)
{
	struct stage *stage = *state;
	int i;

	lk_manager_free(stage->m);
	stage->m = NULL;
	lk_settings_free(stage->settings);
	stage->settings = NULL;
	for (i = 0; i < SENTINELS; i++)
		impostor_stop(&stage->sentinels[i]);
	return (0);
}

/* Use these settings, the group `store` whole. */
static void
settle(struct stage *stage, const char *store)
{
	struct lk_error error = { "" };
	char text[SETTINGS_MAX];
	int len = snprintf(text, sizeof(text), "store = { %s };\n", store);

	if (lk_settings_load(temp_write(&stage->dir, "conf", text, (size_t)len,
	                         0600),
	        &stage->settings, &error) != LK_OK ||
	    lk_manager_new(stage->settings, NULL, &stage->m, &error) != LK_OK)
		fail_msg("%s", error.text);
}

/* Three Sentinels on these hosts; one that is dead has a port of its own. */
static void
settle_sentinels(struct stage *stage, const char *const hosts[SENTINELS])
{
	char store[SETTINGS_MAX];

	(void)snprintf(store, sizeof(store),
	    "backend = \"sentinel\"; redis = { connect_timeout_ms = 2000; "
	    "command_timeout_ms = 4000; }; sentinel = { staleness_ms = 500; "
	    "addresses = [ \"%s:%d\", \"%s:%d\", \"%s:%d\" ]; };",
	    hosts[0], stage->sentinels[0].port, hosts[1],
	    stage->sentinels[1].port, hosts[2], stage->sentinels[2].port);
	settle(stage, store);
}

/* Go on until the Sentinels have been asked again. */
static void
await_question(struct stage *stage)
{
	const int before = stage->sentinels[0].questions;

	while (stage->sentinels[0].questions == before) {
		assert_status(LK_OK, lk_ping(stage->m));
		(void)poll(NULL, 0, 10);
	}
}

/* ---- Tests ------------------------------------------------------------- */

static void
test_name_is_not_looked_up_where_a_majority_has_none(void **state)
{
	static const char *const hosts[SENTINELS] = { "127.0.0.1", "dead.test",
		"127.0.0.1" };
	struct stage *stage = *state;

	settle_sentinels(stage, hosts);
	assert_status(LK_OK, lk_ping(stage->m));
	await_question(stage);
	assert_int_equal(look_ups, 0);
}

static void
test_names_are_looked_up_once(void **state)
{
	static const char *const hosts[SENTINELS] = { "one.test", "other.test",
		"third.test" };
	struct stage *stage = *state;

	settle_sentinels(stage, hosts);
	assert_status(LK_OK, lk_ping(stage->m));
	await_question(stage);
	await_question(stage);
	assert_int_equal(look_ups, SENTINELS);
}

static void
test_names_that_are_unknown_are_not_looked_up_all_the_time(void **state)
{
	static const char *const hosts[SENTINELS] = { "127.0.0.1", "dead.test",
		"dead.test" };
	struct stage *stage = *state;

	settle_sentinels(stage, hosts);
	/* It tries again and again, until its deadline. */
	assert_status(LK_E_STORE, lk_ping(stage->m));
	assert_true(stage->sentinels[0].questions > 3);
	assert_int_equal(look_ups, 2);
}

static void
test_second_address_of_a_name_has_its_share_of_the_time(void **state)
{
	struct stage *stage = *state;
	char store[SETTINGS_MAX];
	int fds[CROWD], i;

	fall_silent(fds);
	(void)snprintf(store, sizeof(store),
	    "backend = \"redis\"; redis = { address = \"two.test:%d\"; "
	    "connect_timeout_ms = 1000; command_timeout_ms = 5000; };",
	    redis_port());
	settle(stage, store);
	assert_status(LK_OK, lk_ping(stage->m));
	assert_int_equal(look_ups, 1);
	for (i = 0; i < CROWD; i++)
		(void)close(fds[i]);
}

#define SUITE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, stage_begin, stage_end)
#define SUITE_OPEN stage_open
#define SUITE_CLOSE stage_close
#include "support/suite.h"
