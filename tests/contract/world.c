#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <poll.h>
#include <signal.h>

#include "cluster.h"
#include "maria.h"
#include "nodes.h"
#include "settings/settings.h"

#define PATH_SIZE 128

/* Long enough for a slow machine under a sanitizer; no test waits for it. */
#define TIMEOUTS "connect_timeout_ms = 5000; command_timeout_ms = 10000;"

void
world_assert_status(enum lk_status expected, enum lk_status status,
    const char *what, const char *file, int line)
{
	if (status == expected)
		return;
	print_error("%s: expected \"%s\", got \"%s\"\n", what,
	    lk_status_name(expected), lk_status_name(status));
	_fail(file, line);
}

static const char *
environment(const char *name)
{
	const char *value = getenv(name);

	if (value == NULL)
		fail_msg("%s is not set: run this by `make check`", name);
	return (value);
}

static struct world *
open_world(void **state, const char *layout)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->layout = layout;
	temp_dir_make(&world->folder);
	world->dir = world->folder.path;
	*state = world;
	return (world);
}

int
world_open_sqlite(void **state)
{
	(void)open_world(state, "sqlite");
	return (0);
}

static int
open_mariadb(void **state)
{
	struct world *world = open_world(state, "mariadb");

	world->maria = maria_open();
	return (0);
}

static int
open_redis(void **state, const char *layout)
{
	struct world *world = open_world(state, layout);

	world->redis = redisConnectUnix(environment("LK_TEST_REDIS_SOCKET"));
	assert_non_null(world->redis);
	assert_int_equal(world->redis->err, 0);
	return (0);
}

int
world_open_latchkey(void **state)
{
	return (open_redis(state, "latchkey"));
}

/* The same, by TLS. */
int
world_open_tls(void **state)
{
	const int status = open_redis(state, "latchkey");

	((struct world *)*state)->tls = true;
	return (status);
}

int
world_open_gosession(void **state)
{
	return (open_redis(state, "gosession"));
}

/* The same, by way of an agent. */
int
world_open_agent(void **state)
{
	const int status = open_redis(state, "latchkey");

	((struct world *)*state)->by_agent = true;
	return (status);
}

/* The layout `latchkey` in a cluster that nothing happens to. */
int
world_open_sentinel(void **state)
{
	struct world *world = open_world(state, "latchkey");

	world->cluster = calloc(1, sizeof(*world->cluster));
	assert_non_null(world->cluster);
	cluster_start(world->cluster);
	world->redis = server_connect(cluster_master(world->cluster));
	assert_non_null(world->redis);
	return (0);
}

int
world_open_cluster(void **state)
{
	struct world *world = open_world(state, "latchkey");

	world->nodes = calloc(1, sizeof(*world->nodes));
	assert_non_null(world->nodes);
	nodes_start(world->nodes);
	return (0);
}

/* ---- The agent ----------------------------------------------------------- */

static void
stop_agent(struct world *world)
{
	int status = -1;

	if (world->agent == 0)
		return;
	assert_int_equal(kill(world->agent, SIGTERM), 0);
	assert_int_equal(waitpid(world->agent, &status, 0), world->agent);
	world->agent = 0;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Where the programs of this build are. */
static void
find_program(const char *name, char path[PATH_MAX])
{
	const ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 32);
	int up;

	assert_true(len > 0);
	path[len] = '\0';
	for (up = 0; up < 3; up++)
		*strrchr(path, '/') = '\0';
	(void)snprintf(path + strlen(path), 32, "/%s", name);
}

static bool
answers(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool done;

	assert_true(fd >= 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%.107s",
	    path);
	done = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	(void)close(fd);
	return (done);
}

/* Have one that goes by ${conf}, which is told to listen in our folder. */
static void
start_agent(struct world *world, const char *conf)
{
	char path[PATH_MAX];
	int status;

	find_program("latchkeyd", path);
	world->agent = fork();
	assert_true(world->agent >= 0);
	if (world->agent == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)execl(path, "latchkeyd", "-c", conf, NULL);
		_exit(127);
	}
	while (!answers(temp_path(&world->folder, "agent.sock"))) {
		if (waitpid(world->agent, &status, WNOHANG) != 0)
			fail_msg("latchkeyd has ended");
		(void)poll(NULL, 0, 2);
	}
}

/* ---- Settings ------------------------------------------------------------ */

static void
unsettle(struct world *world)
{
	lk_manager_free(world->m);
	lk_checks_free(world->checks);
	lk_manager_free(world->finder);
	lk_watch_free(world->watch);
	lk_settings_free(world->settings);
	world->m = world->finder = NULL;
	world->checks = NULL;
	world->watch = NULL;
	world->settings = NULL;
	stop_agent(world);
}

int
world_close(void **state)
{
	struct world *world = *state;

	unsettle(world);
	if (world->redis != NULL)
		redisFree(world->redis);
	if (world->maria != NULL)
		maria_close(world->maria);
	if (world->cluster != NULL)
		cluster_stop(world->cluster);
	free(world->cluster);
	if (world->nodes != NULL)
		nodes_stop(world->nodes);
	free(world->nodes);
	temp_dir_remove(&world->folder);
	free(world);
	return (0);
}

int
world_reset(void **state)
{
	struct world *world = *state;

	unsettle(world);
	temp_dir_remove(&world->folder);
	temp_dir_make(&world->folder);
	if (world->redis != NULL) {
		freeReplyObject(
		    world_redis(world, "CONFIG SET maxmemory 0"));
		freeReplyObject(world_redis(world, "FLUSHALL"));
	}
	if (world->maria != NULL)
		maria_empty(world->maria);
	if (world->nodes != NULL)
		nodes_flush(world->nodes);
	world_settle(world, "", "", "");
	return (0);
}

/*
 * Who we are to Redis: nobody in particular, or, if the test run set a
 * password, the user of that password named like the layout.
 */
static void
write_credentials(FILE *file, const struct world *world)
{
	const char *password = getenv("LK_TEST_REDIS_PASSWORD");

	if (password != NULL)
		fprintf(file, "username = \"%s\"; password = \"%s\";",
		    world->layout, password);
}

/* The groups of the settings that say where sessions are. */
static void
write_store(FILE *file, const struct world *world, const char *address,
    const char *redis)
{
	if (world_is_sqlite(world)) {
		fprintf(file,
		    "store = { backend = \"sqlite\";\n"
		    "  sqlite = { path = \"%s/store.db\"; "
		    "timeout_ms = 10000; }; };\n",
		    world->dir);
		return;
	}
	if (world->maria != NULL) {
		fprintf(file,
		    "store = { backend = \"mariadb\"; mariadb = {\n"
		    "  address = \"%s\"; database = \"%s\";\n"
		    "  password = \"sesame\"; " TIMEOUTS
		    "  tls = { ca = \"%s\"; }; }; };\n",
		    maria_address(world->maria), maria_database(world->maria),
		    maria_ca(world->maria));
		return;
	}
	fprintf(file,
	    "store = { backend = \"%s\"; durability_timeout_ms = 7000;\n"
	    "  redis = { layout = \"%s\"; %s ",
	    world->cluster != NULL     ? "sentinel"
	        : world->nodes != NULL ? "cluster"
	                               : "redis",
	    world->layout,
	    redis[0] != '\0' ? redis : TIMEOUTS);
	if (world->cluster != NULL) {
		fprintf(file,
		    "password = \"%s\"; };\n"
		    "  sentinel = { %s password = \"%s\"; }; };\n",
		    CLUSTER_REDIS_PASSWORD, cluster_addresses(world->cluster),
		    CLUSTER_PASSWORD);
		return;
	}
	if (world->nodes != NULL) {
		fprintf(file, "}; cluster = { addresses = [ %s ]; }; };\n",
		    nodes_addresses(world->nodes, address));
		return;
	}
	if (world->tls && strncmp(address, "unix:", 5) == 0) {
		address = environment("LK_TEST_REDIS_TLS");
		fprintf(file, "tls = { ca = \"%s\"; }; ",
		    environment("LK_TEST_REDIS_CA"));
	}
	fprintf(file, "address = \"%s\"; ", address);
	write_credentials(file, world);
	fprintf(file, "}; };\n");
}

/* A file of settings in our folder. */
static FILE *
open_settings(struct world *world, const char *name, char path[PATH_SIZE])
{
	FILE *file;

	(void)snprintf(path, PATH_SIZE, "%s/%s", world->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	return (file);
}

void
world_settle_at(struct world *world, const char *address,
    const char *session, const char *redis, const char *rest)
{
	struct lk_error error = { "" };
	char path[PATH_SIZE];
	FILE *file;

	unsettle(world);
	file = open_settings(world, "conf", path);
	write_store(file, world, address, redis);
	fprintf(file, "session = { %s };\n%s\n", session, rest);
	if (world->by_agent) {
		fprintf(file,
		    "log = { level = \"error\"; };\n"
		    "agent = { listen = \"unix:%s/agent.sock\"; };\n",
		    world->dir);
		assert_int_equal(fclose(file), 0);
		start_agent(world, path);
		file = open_settings(world, "client", path);
		fprintf(file,
		    "store = { backend = \"agent\"; agent = { "
		    "address = \"unix:%s/agent.sock\"; "
		    "timeout_ms = 10000; }; };\n%s\n",
		    world->dir, rest);
	}
	assert_int_equal(fclose(file), 0);
	if (lk_settings_load(path, &world->settings, &error) != LK_OK)
		fail_msg("%s", error.text);
	world->m = world_manager(world);
}

void
world_settle(struct world *world, const char *session, const char *redis,
    const char *rest)
{
	char address[PATH_SIZE];

	(void)snprintf(address, sizeof(address), "unix:%s",
	    !world_is_redis(world) ? "/none"
	                           : environment("LK_TEST_REDIS_SOCKET"));
	world_settle_at(world, address, session, redis, rest);
}

struct lk_manager *
world_manager(const struct world *world)
{
	struct lk_manager *m = NULL;
	struct lk_error error = { "" };

	if (lk_manager_new(world->settings, NULL, &m, &error) != LK_OK)
		fail_msg("%s", error.text);
	return (m);
}

const char *
world_store_path(const struct world *world)
{
	return (world->settings->store.sqlite.path);
}

struct lk_manager *
world_manager_at(struct world *world, const char *path)
{
	assert_int_equal(lk_settings_put(world->settings, "store.sqlite.path",
	    path), LK_OK);
	return (world_manager(world));
}

void
world_fill_store(struct world *world)
{
	struct lk_token token;
	int i;

	for (i = 0; i < 100; i++)
		world_issue(world, "alice", 600, &token, NULL);
	lk_manager_free(world->m);
	world->m = NULL;
}

static redisReply *
redis_command(struct world *world, const char *format, va_list ap)
{
	redisReply *reply = redisvCommand(world->redis, format, ap);

	assert_non_null(reply);
	if (reply->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", format, reply->str);
	return (reply);
}

redisReply *
world_redis(struct world *world, const char *format, ...)
{
	redisReply *reply;
	va_list ap;

	va_start(ap, format);
	reply = redis_command(world, format, ap);
	va_end(ap);
	return (reply);
}

long long
world_int(struct world *world, const char *format, ...)
{
	redisReply *reply;
	long long number;
	va_list ap;

	va_start(ap, format);
	reply = redis_command(world, format, ap);
	va_end(ap);
	assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
	number = reply->integer;
	freeReplyObject(reply);
	return (number);
}

char *
world_text(struct world *world, const char *format, ...)
{
	redisReply *reply;
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	reply = redis_command(world, format, ap);
	va_end(ap);
	if (reply->type != REDIS_REPLY_NIL)
		text = strdup(reply->str);
	freeReplyObject(reply);
	return (text);
}

void
world_issue(struct world *world, const char *user, int64_t ttl,
    struct lk_token *token, struct lk_session *session)
{
	const struct lk_issue_options options = { .ttl = ttl };
	enum lk_status status =
	    lk_issue(world->m, user, &options, token, session);

	if (status != LK_OK)
		fail_msg("issue: %s: %s", lk_status_name(status),
		    lk_manager_error(world->m));
}

void
world_token(struct lk_token *token, const char *text)
{
	assert_status(LK_OK, lk_token_set(token, text, strlen(text)));
}

enum lk_status
world_check_by(struct lk_checks *checks, const struct lk_token *token,
    struct lk_session *session, enum lk_reason *ended)
{
	struct lk_checks_wants wants;
	struct lk_checked checked;
	struct pollfd p = { .fd = -1 };
	enum lk_status status;

	memset(session, 0, sizeof(*session));
	if (ended != NULL)
		*ended = LK_REASON_NONE;
	status = lk_check_start(checks, token, false, checks);
	if (status != LK_OK)
		return (status);
	lk_checks_go_on(checks, 0);
	while (!lk_check_finish(checks, &checked)) {
		lk_checks_wants(checks, &wants);
		p = (struct pollfd){ .fd = wants.fd, .events = wants.events };
		assert_true(poll(&p, 1, 10) >= 0);
		lk_checks_go_on(checks, p.revents);
	}
	assert_ptr_equal(checked.whose, checks);
	*session = checked.session;
	if (ended != NULL)
		*ended = checked.ended;
	return (checked.status);
}

/* Have checks that do not wait, and a manager that finds the master. */
static void
open_checks(struct world *world)
{
	struct lk_error error = { "" };
	struct lk_surroundings around = { .log = NULL };

	if (lk_watch_new(world->settings, NULL, &world->watch, &error) !=
	    LK_OK)
		fail_msg("%s", error.text);
	around.watch = world->watch;
	if (lk_manager_new(world->settings, &around, &world->finder,
	        &error) != LK_OK ||
	    lk_checks_new(world->settings, &around, &world->checks, &error) !=
	        LK_OK)
		fail_msg("%s", error.text);
}

enum lk_status
world_check(struct world *world, const struct lk_token *token,
    struct lk_session *session)
{
	struct lk_session other;
	enum lk_status status = lk_check(world->m, token, session), second;
	enum lk_reason ended;

	if ((!world_is_redis(world) && world->nodes == NULL) ||
	    world->by_agent)
		return (status);
	if (world->checks == NULL)
		open_checks(world);
	while ((second = world_check_by(world->checks, token, &other,
	            &ended)) == LK_E_WOULD_WAIT)
		assert_status(LK_OK, lk_ping(world->finder));
	/* Its last second may be over meanwhile. */
	if (status == LK_OK && session->ttl == 1 && second == LK_EXPIRED)
		return (status);
	assert_status(status, second);
	assert_int_equal(ended, lk_ended(world->m));
	assert_string_equal(other.user, session->user);
	assert_string_equal(other.id, session->id);
	assert_string_equal(other.client, session->client);
	assert_int_equal(other.issued_at, session->issued_at);
	assert_int_equal(other.expires_at, session->expires_at);
	/* Each has asked for the clock at another time. */
	assert_in_range(other.ttl + 1, session->ttl, session->ttl + 2);
	return (status);
}

static void
count_session(void *arg, const struct lk_session *session,
    const struct lk_token *token)
{
	size_t *count = arg;

	(void)session;
	(void)token;
	++*count;
}

size_t
world_count(struct world *world, const char *user)
{
	size_t count = 0;

	assert_status(LK_OK, lk_list(world->m, user, count_session, &count));
	return (count);
}

enum lk_status
world_wait_for_end(struct world *world, const struct lk_token *token)
{
	struct lk_session session;
	enum lk_status status = LK_OK;

	while (status == LK_OK) {
		status = lk_check(world->m, token, &session);
		(void)poll(NULL, 0, 5);
	}
	return (status);
}

bool
world_is_gosession(const struct world *world)
{
	return (strcmp(world->layout, "gosession") == 0);
}

bool
world_is_sqlite(const struct world *world)
{
	return (strcmp(world->layout, "sqlite") == 0);
}

bool
world_is_redis(const struct world *world)
{
	return (world->redis != NULL);
}

bool
world_is_single(const struct world *world)
{
	return (world_is_redis(world) && world->cluster == NULL);
}

int
world_run(enum world_which which, const struct CMUnitTest *tests, size_t count)
{
	static const struct {
		const char *name;
		enum world_which which;
		int (*open)(void **state);
	} worlds[] = {
		{ "sqlite", WORLD_ALL, world_open_sqlite },
		{ "redis/latchkey", WORLD_REDIS, world_open_latchkey },
		{ "redis/gosession", WORLD_REDIS, world_open_gosession },
		{ "sentinel", WORLD_ALL, world_open_sentinel },
		{ "redis/tls", WORLD_ALL, world_open_tls },
		{ "agent", WORLD_SESSIONS, world_open_agent },
		{ "mariadb", WORLD_ALL, open_mariadb },
		{ "cluster", WORLD_REDISES, world_open_cluster },
	};
	const char *only = getenv("LK_TEST_WORLD");
	int failed = 0;

	EACH(c, worlds) {
		if (only != NULL && strcmp(only, c->name) != 0)
			continue;
		if ((c->open == world_open_sentinel ||
		        c->open == world_open_tls ||
		        c->open == world_open_agent ||
		        c->open == world_open_cluster) &&
		    getenv("LK_TEST_REDIS_PASSWORD") != NULL)
			continue;
		if (c->open == open_mariadb && !maria_is_here()) {
			print_message("# no MariaDB here\n");
			continue;
		}
		if (c->open == world_open_cluster && !nodes_are_here()) {
			print_message("# no Redis Cluster here\n");
			continue;
		}
		if (c->which == which || which == WORLD_SESSIONS ||
		    (which == WORLD_REDISES && c->which == WORLD_REDIS) ||
		    (which == WORLD_LEAN &&
		        c->open != world_open_cluster &&
		        c->which != WORLD_SESSIONS) ||
		    (which == WORLD_ALL && c->which != WORLD_SESSIONS))
			failed += _cmocka_run_group_tests(c->name,
			    tests, count, c->open, world_close);
	}
	return (failed);
}
