#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "cluster.h"

/* Nothing takes this long, on the slowest of machines. */
#define PATIENCE_S 120

/* How long a server may be silent before a Sentinel calls it down. */
#define CALM_MS 3600000
#define HURRY_MS 500
#define STARTS_MAX 5

static int
loopback(int *port, bool listening)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	if (listening)
		assert_int_equal(listen(fd, 64), 0);
	*port = ntohs(sin.sin_port);
	return (fd);
}

/* ---- Servers ----------------------------------------------------------- */

void
server_start(const struct cluster *cluster, struct server *server)
{
	const char *const names[] = { getenv("LK_REDIS_SERVER"),
		"redis-server", "valkey-server" };
	char log[128];
	size_t i;
	int fd;

	(void)snprintf(log, sizeof(log), "%s.log", server->conf);
	server->pid = fork();
	assert_true(server->pid >= 0);
	if (server->pid > 0)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 ||
	    chdir(cluster->dir) != 0)
		_exit(127);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i] != NULL)
			(void)execlp(names[i], names[i], server->conf,
			    server->sentinel ? "--sentinel" : NULL, NULL);
	}
	_exit(127);
}

void
server_signal(const struct server *server, int signal)
{
	assert_true(server->pid > 0);
	assert_int_equal(kill(server->pid, signal), 0);
}

void
server_kill(struct server *server)
{
	if (server->pid <= 0)
		return;
	(void)kill(server->pid, SIGKILL);
	(void)waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

redisContext *
server_connect(const struct server *server)
{
	const struct timeval patience = { .tv_sec = 1 };
	redisContext *redis = redisConnectWithTimeout("127.0.0.1",
	    server->port, patience);
	redisReply *reply;
	bool good;

	if (redis == NULL || redis->err != 0) {
		if (redis != NULL)
			redisFree(redis);
		return (NULL);
	}
	(void)redisSetTimeout(redis, patience);
	reply = redisCommand(redis, "AUTH %s",
	    server->sentinel ? CLUSTER_PASSWORD : CLUSTER_REDIS_PASSWORD);
	good = reply != NULL && reply->type != REDIS_REPLY_ERROR;
	freeReplyObject(reply);
	if (good)
		return (redis);
	redisFree(redis);
	return (NULL);
}

/* Whether it answers a command with a text that has ${part} in it. */
static bool
says(const struct server *server, const char *command, const char *part)
{
	redisContext *redis = server_connect(server);
	redisReply *reply;
	bool found;

	if (redis == NULL)
		return (false);
	reply = redisCommand(redis, command);
	found = reply != NULL && reply->str != NULL &&
	    strstr(reply->str, part) != NULL;
	freeReplyObject(reply);
	redisFree(redis);
	return (found);
}

/* How many elements the answer has. */
static size_t
counts(const struct server *server, const char *command)
{
	redisContext *redis = server_connect(server);
	redisReply *reply;
	size_t count = 0;

	if (redis == NULL)
		return (0);
	reply = redisCommand(redis, command);
	if (reply != NULL && reply->type == REDIS_REPLY_ARRAY)
		count = reply->elements;
	freeReplyObject(reply);
	redisFree(redis);
	return (count);
}

/* ---- All of them ------------------------------------------------------- */

static FILE *
conf_open(struct cluster *cluster, struct server *server, const char *name,
    size_t i)
{
	FILE *file;

	(void)snprintf(server->conf, sizeof(server->conf), "%s/%s%zu",
	    cluster->dir, name, i);
	file = fopen(server->conf, "w");
	assert_non_null(file);
	fprintf(file,
	    "port %d\nbind 127.0.0.1\nprotected-mode no\ndir %s\n"
	    "daemonize no\n",
	    server->port, cluster->dir);
	return (file);
}

/* Ports that stay free until the servers take them, or nearly so. */
static void
choose_ports(struct cluster *cluster)
{
	int fd[CLUSTER_REDIS + CLUSTER_SENTINELS];
	size_t i;

	for (i = 0; i < CLUSTER_REDIS; i++)
		fd[i] = loopback(&cluster->redis[i].port, false);
	for (i = 0; i < CLUSTER_SENTINELS; i++)
		fd[CLUSTER_REDIS + i] =
		    loopback(&cluster->sentinels[i].port, false);
	for (i = 0; i < CLUSTER_REDIS + CLUSTER_SENTINELS; i++)
		(void)close(fd[i]);
}

static void
write_redis_confs(struct cluster *cluster)
{
	FILE *file;
	size_t i;

	for (i = 0; i < CLUSTER_REDIS; i++) {
		file = conf_open(cluster, &cluster->redis[i], "redis", i);
		fprintf(file,
		    "save \"\"\nappendonly no\nrepl-diskless-sync-delay 0\n"
		    "requirepass \"%s\"\nmasterauth \"%s\"\n",
		    CLUSTER_REDIS_PASSWORD, CLUSTER_REDIS_PASSWORD);
		if (i > 0)
			fprintf(file, "replicaof 127.0.0.1 %d\n",
			    cluster->redis[0].port);
		assert_int_equal(fclose(file), 0);
	}
}

/* Tell a Sentinel what it would take seconds to discover. */
static void
write_known(const struct cluster *cluster, const struct server *sentinel)
{
	FILE *file = fopen(sentinel->conf, "a");
	size_t i;

	assert_non_null(file);
	for (i = 0; i < CLUSTER_SENTINELS; i++) {
		if (&cluster->sentinels[i] != sentinel)
			fprintf(file,
			    "sentinel known-sentinel %s 127.0.0.1 %d %s\n",
			    CLUSTER_MASTER, cluster->sentinels[i].port,
			    cluster->sentinels[i].id);
	}
	for (i = 1; i < CLUSTER_REDIS; i++)
		fprintf(file, "sentinel known-replica %s 127.0.0.1 %d\n",
		    CLUSTER_MASTER, cluster->redis[i].port);
	assert_int_equal(fclose(file), 0);
}

static void
write_sentinel_confs(struct cluster *cluster)
{
	struct server *sentinel;
	FILE *file;
	size_t i;

	for (i = 0; i < CLUSTER_SENTINELS; i++) {
		sentinel = &cluster->sentinels[i];
		sentinel->sentinel = true;
		file = conf_open(cluster, sentinel, "sentinel", i);
		(void)snprintf(sentinel->id, sizeof(sentinel->id), "%040zx",
		    ((size_t)getpid() << 8) + i);
		fprintf(file,
		    "requirepass \"%s\"\n"
		    "sentinel myid %s\n"
		    "sentinel sentinel-pass \"%s\"\n"
		    "sentinel monitor %s 127.0.0.1 %d 2\n"
		    "sentinel auth-pass %s \"%s\"\n"
		    "sentinel down-after-milliseconds %s %d\n"
		    "sentinel failover-timeout %s 1000\n",
		    CLUSTER_PASSWORD, sentinel->id, CLUSTER_PASSWORD,
		    CLUSTER_MASTER, cluster->redis[0].port, CLUSTER_MASTER,
		    CLUSTER_REDIS_PASSWORD, CLUSTER_MASTER, CALM_MS,
		    CLUSTER_MASTER);
		assert_int_equal(fclose(file), 0);
	}
	for (i = 0; i < CLUSTER_SENTINELS; i++)
		write_known(cluster, &cluster->sentinels[i]);
}

/* The port that one Sentinel names, or 0. */
static int
port_named(const struct server *sentinel)
{
	redisContext *redis = server_connect(sentinel);
	redisReply *reply;
	int port = 0;

	if (redis == NULL)
		return (0);
	reply = redisCommand(redis,
	    "SENTINEL GET-MASTER-ADDR-BY-NAME " CLUSTER_MASTER);
	if (reply != NULL && reply->type == REDIS_REPLY_ARRAY &&
	    reply->elements == 2)
		port = atoi(reply->element[1]->str);
	freeReplyObject(reply);
	redisFree(redis);
	return (port);
}

struct server *
cluster_master(struct cluster *cluster)
{
	size_t i, votes[CLUSTER_REDIS] = { 0 }, j;
	int port;

	for (i = 0; i < CLUSTER_SENTINELS; i++) {
		port = port_named(&cluster->sentinels[i]);
		for (j = 0; j < CLUSTER_REDIS; j++)
			votes[j] += cluster->redis[j].port == port;
	}
	for (j = 0; j < CLUSTER_REDIS; j++) {
		if (votes[j] > CLUSTER_SENTINELS / 2)
			return (&cluster->redis[j]);
	}
	return (NULL);
}

struct server *
cluster_replica(struct cluster *cluster)
{
	return (cluster_master(cluster) == &cluster->redis[0]
	        ? &cluster->redis[1]
	        : &cluster->redis[0]);
}

/*
 * Whether a replica follows at once.  After a whole transfer it is called
 * online, and is sent nothing until it has said something by itself.
 */
static bool
is_followed(const struct server *master)
{
	redisContext *redis = server_connect(master);
	redisReply *reply;
	bool followed;

	if (redis == NULL)
		return (false);
	freeReplyObject(redisCommand(redis, "PUBLISH settle x"));
	reply = redisCommand(redis, "WAIT 1 50");
	followed = reply != NULL && reply->type == REDIS_REPLY_INTEGER &&
	    reply->integer >= 1;
	freeReplyObject(reply);
	redisFree(redis);
	return (followed);
}

static bool
is_settled(struct cluster *cluster)
{
	struct server *master = cluster_master(cluster);
	size_t i;

	if (master == NULL ||
	    !says(master, "INFO replication", "role:master") ||
	    !says(master, "INFO replication", "state=online") ||
	    !is_followed(master))
		return (false);
	for (i = 0; i < CLUSTER_SENTINELS; i++) {
		if (port_named(&cluster->sentinels[i]) != master->port ||
		    counts(&cluster->sentinels[i],
		        "SENTINEL SENTINELS " CLUSTER_MASTER) !=
		        CLUSTER_SENTINELS - 1 ||
		    counts(&cluster->sentinels[i],
		        "SENTINEL REPLICAS " CLUSTER_MASTER) !=
		        CLUSTER_REDIS - 1)
			return (false);
	}
	return (true);
}

/* Tell each Sentinel that answers. */
static void
tell_sentinels(struct cluster *cluster, const char *format, int number)
{
	redisContext *redis;
	size_t i;

	for (i = 0; i < CLUSTER_SENTINELS; i++) {
		if ((redis = server_connect(&cluster->sentinels[i])) == NULL)
			continue;
		freeReplyObject(redisCommand(redis, format, number));
		redisFree(redis);
	}
}

void
cluster_fail_over(struct cluster *cluster, const struct server *old)
{
	const time_t end = time(NULL) + PATIENCE_S;
	const struct server *master;

	do {
		if (time(NULL) > end)
			fail_msg("there is no other master");
		tell_sentinels(cluster,
		    "SENTINEL SET " CLUSTER_MASTER
		    " down-after-milliseconds %d",
		    HURRY_MS);
		(void)poll(NULL, 0, 20);
		master = cluster_master(cluster);
	} while (master == NULL || master == old ||
	    !says(master, "INFO replication", "role:master"));
	tell_sentinels(cluster,
	    "SENTINEL SET " CLUSTER_MASTER " down-after-milliseconds %d",
	    CALM_MS);
}

/*
 * Let the Sentinels look around often; and not mind that they were held up
 * themselves, after which they would do nothing for half a minute (TILT).
 * Whoever has been started again has to be told again.
 */
static void
hurry(struct cluster *cluster)
{
	tell_sentinels(cluster,
	    "SENTINEL DEBUG info-period 200 ping-period 500 ask-period 100 "
	    "publish-period 200 tilt-trigger %d",
	    CALM_MS);
}

/* Whether one that should run has ended by itself. */
static bool
has_ended(struct server *server)
{
	if (server->pid == 0 || waitpid(server->pid, NULL, WNOHANG) == 0)
		return (false);
	server->pid = 0;
	return (true);
}

/* False if one of them has ended. */
static bool
settle(struct cluster *cluster)
{
	const time_t end = time(NULL) + PATIENCE_S;
	bool ended = false;
	size_t i;

	hurry(cluster);
	while (!ended && !is_settled(cluster)) {
		if (time(NULL) > end)
			fail_msg("the cluster does not settle");
		(void)poll(NULL, 0, 20);
		for (i = 0; i < CLUSTER_REDIS; i++)
			ended |= has_ended(&cluster->redis[i]);
		for (i = 0; i < CLUSTER_SENTINELS; i++)
			ended |= has_ended(&cluster->sentinels[i]);
	}
	return (!ended);
}

void
cluster_settle(struct cluster *cluster)
{
	if (!settle(cluster))
		fail_msg("a server has ended by itself");
}

static bool
start(struct cluster *cluster)
{
	size_t i;

	memset(cluster, 0, sizeof(*cluster));
	(void)snprintf(cluster->dir, sizeof(cluster->dir),
	    "/tmp/latchkey-XXXXXX");
	assert_non_null(mkdtemp(cluster->dir));
	choose_ports(cluster);
	write_redis_confs(cluster);
	write_sentinel_confs(cluster);
	for (i = 0; i < CLUSTER_REDIS; i++)
		server_start(cluster, &cluster->redis[i]);
	for (i = 0; i < CLUSTER_SENTINELS; i++)
		server_start(cluster, &cluster->sentinels[i]);
	return (settle(cluster));
}

void
cluster_rejoin(struct cluster *cluster, struct server *server)
{
	const time_t end = time(NULL) + PATIENCE_S;
	const struct server *master = cluster_master(cluster);
	redisContext *redis = NULL;

	assert_non_null(master);
	assert_ptr_not_equal(master, server);
	if (server->pid == 0)
		server_start(cluster, server);
	server_signal(server, SIGCONT);
	while ((redis = server_connect(server)) == NULL) {
		if (time(NULL) > end)
			fail_msg("a former master does not come back");
		(void)poll(NULL, 0, 20);
	}
	freeReplyObject(redisCommand(redis, "REPLICAOF 127.0.0.1 %d",
	    master->port));
	redisFree(redis);
}

static void
remove_files(struct server *server)
{
	char log[128];

	(void)snprintf(log, sizeof(log), "%s.log", server->conf);
	(void)unlink(log);
	(void)unlink(server->conf);
}

void
cluster_stop(struct cluster *cluster)
{
	char path[128];
	size_t i;

	for (i = 0; i < CLUSTER_SENTINELS; i++) {
		server_kill(&cluster->sentinels[i]);
		remove_files(&cluster->sentinels[i]);
	}
	for (i = 0; i < CLUSTER_REDIS; i++) {
		server_kill(&cluster->redis[i]);
		remove_files(&cluster->redis[i]);
	}
	(void)snprintf(path, sizeof(path), "%s/dump.rdb", cluster->dir);
	(void)unlink(path);
	(void)rmdir(cluster->dir);
}

void
cluster_start(struct cluster *cluster)
{
	int tries = 1;

	/* Somebody may have been quicker to take a port. */
	for (; !start(cluster); tries++) {
		if (tries == STARTS_MAX)
			fail_msg("the servers do not stay");
		cluster_stop(cluster);
	}
}

const char *
cluster_addresses(const struct cluster *cluster)
{
	static char text[256];

	(void)snprintf(text, sizeof(text),
	    "addresses = [ \"127.0.0.1:%d\", \"127.0.0.1:%d\", "
	    "\"127.0.0.1:%d\" ];",
	    cluster->sentinels[0].port, cluster->sentinels[1].port,
	    cluster->sentinels[2].port);
	return (text);
}

/* ---- A false Sentinel -------------------------------------------------- */

static bool
is_asked(struct liar *liar, int fd, int wait_ms, bool *there)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char sink[65536];
	ssize_t n;

	*there = true;
	if (poll(&p, 1, wait_ms) <= 0)
		return (false);
	n = recv(fd, sink, sizeof(sink), 0);
	*there = n > 0;
	if (n > 0)
		liar->questions++;
	return (n > 0);
}

static bool
send_all(int fd, const char *bytes, size_t len)
{
	ssize_t n;

	for (; len > 0; bytes += n, len -= (size_t)n) {
		n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			return (false);
		if (n < 0)
			return (true);
	}
	return (true);
}

static void
lie(struct liar *liar, int fd)
{
	bool there = true, asked = false;
	size_t sent = 0;

	while (there && !liar->stop) {
		bool now = is_asked(liar, fd, asked ? 20 : 5, &there);

		asked |= now;
		if (!asked)
			continue;
		if (liar->way == LIE_AND_CLOSE) {
			(void)send_all(fd, liar->bytes, liar->len);
			return;
		}
		if (liar->way == LIE_AT_ONCE && now)
			there = send_all(fd, liar->bytes, liar->len);
		if (liar->way == LIE_DRIPPING)
			there = send_all(fd,
			    liar->bytes + sent++ % liar->len, 1);
		if (liar->way == LIE_FLOODING)
			there = send_all(fd, liar->bytes, liar->len);
	}
}

static void *
liar_main(void *arg)
{
	struct liar *liar = arg;
	struct pollfd p = { .fd = liar->listener, .events = POLLIN };
	int fd;

	while (!liar->stop) {
		if (poll(&p, 1, 5) <= 0)
			continue;
		if ((fd = accept(liar->listener, NULL, NULL)) < 0)
			continue;
		lie(liar, fd);
		(void)close(fd);
	}
	return (NULL);
}

void
liar_start(struct liar *liar, enum lie_way way, const char *bytes, size_t len)
{
	memset(liar, 0, sizeof(*liar));
	liar->bytes = bytes;
	liar->len = len;
	liar->way = way;
	liar->listener = loopback(&liar->port, true);
	assert_int_equal(
	    pthread_create(&liar->thread, NULL, liar_main, liar), 0);
}

void
liar_dismiss(struct liar *liar)
{
	liar->stop = true;
}

void
liar_stop(struct liar *liar)
{
	liar_dismiss(liar);
	assert_int_equal(pthread_join(liar->thread, NULL), 0);
	(void)close(liar->listener);
}
