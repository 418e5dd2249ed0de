#include <sys/socket.h>
#include <sys/wait.h>

#include <unistd.h>

#include "cluster.h"

#define LINE_SIZE 1024

/* Ask for ${verb}, of ${server} if not NULL; the words of the answer. */
static const char *
ask(struct cluster *cluster, const char *verb, const struct server *server)
{
	static char line[LINE_SIZE];

	(void)snprintf(line, sizeof(line), "%s %s\n", verb,
	    server != NULL ? server->name : "");
	(void)send(fileno(cluster->talk), line, strlen(line), MSG_NOSIGNAL);
	if (fgets(line, sizeof(line), cluster->talk) == NULL)
		fail_msg("cluster.py has ended");
	if (strncmp(line, "ok", 2) != 0)
		fail_msg("%s: %s", verb, line);
	line[strcspn(line, "\n")] = '\0';
	return (line + strlen("ok"));
}

/* ---- All of them ------------------------------------------------------- */

static void
name_servers(struct cluster *cluster, struct server *servers, size_t count,
    const char *kind, const char *password, const char **ports)
{
	char *end;
	size_t i;

	for (i = 0; i < count; i++) {
		servers[i].cluster = cluster;
		(void)snprintf(servers[i].name, sizeof(servers[i].name),
		    "%s-%zu", kind, i + 1);
		servers[i].password = password;
		servers[i].port = (int)strtol(*ports, &end, 10);
		*ports = end;
	}
}

void
cluster_start(struct cluster *cluster)
{
	const char *ports;
	int ends[2];

	memset(cluster, 0, sizeof(*cluster));
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	cluster->pid = fork();
	assert_true(cluster->pid >= 0);
	if (cluster->pid == 0) {
		if (dup2(ends[1], 0) == 0 && dup2(ends[1], 1) == 1)
			(void)execlp("python3", "python3",
			    "tests/contract/cluster.py",
			    CLUSTER_REDIS_PASSWORD, CLUSTER_PASSWORD, NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	cluster->talk = fdopen(ends[0], "r");
	assert_non_null(cluster->talk);
	ports = ask(cluster, "ports", NULL);
	name_servers(cluster, cluster->redis, CLUSTER_REDIS, "redis",
	    CLUSTER_REDIS_PASSWORD, &ports);
	name_servers(cluster, cluster->sentinels, CLUSTER_SENTINELS,
	    "sentinel", CLUSTER_PASSWORD, &ports);
}

void
cluster_stop(struct cluster *cluster)
{
	int status = -1;

	(void)fclose(cluster->talk);
	assert_int_equal(waitpid(cluster->pid, &status, 0), cluster->pid);
	assert_int_equal(status, 0);
}

struct server *
cluster_master(struct cluster *cluster)
{
	const char *name = ask(cluster, "master", NULL) + 1;

	return (strcmp(cluster->redis[0].name, name) == 0
	        ? &cluster->redis[0]
	        : &cluster->redis[1]);
}

struct server *
cluster_replica(struct cluster *cluster)
{
	return (cluster_master(cluster) == &cluster->redis[0]
	        ? &cluster->redis[1]
	        : &cluster->redis[0]);
}

void
cluster_fail_over(struct cluster *cluster, struct server *old)
{
	(void)ask(cluster, "fail-over", old);
}

void
cluster_rejoin(struct cluster *cluster, struct server *server)
{
	(void)ask(cluster, "rejoin", server);
}

void
cluster_settle(struct cluster *cluster)
{
	(void)ask(cluster, "settle", NULL);
}

void
cluster_resume(struct cluster *cluster)
{
	(void)ask(cluster, "resume", NULL);
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

/* ---- One of them ------------------------------------------------------- */

void
server_start(struct server *server)
{
	(void)ask(server->cluster, "start", server);
}

void
server_kill(struct server *server)
{
	(void)ask(server->cluster, "kill", server);
}

void
server_freeze(struct server *server)
{
	(void)ask(server->cluster, "freeze", server);
}

void
server_thaw(struct server *server)
{
	(void)ask(server->cluster, "thaw", server);
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
	reply = redisCommand(redis, "AUTH %s", server->password);
	good = reply != NULL && reply->type != REDIS_REPLY_ERROR;
	freeReplyObject(reply);
	if (good)
		return (redis);
	redisFree(redis);
	return (NULL);
}
