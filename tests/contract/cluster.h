/*
 * A Redis with a replica and three Sentinels of our own, on loopback, in a
 * private folder.  The cluster is the one of the tests in Python: a process
 * (cluster.py) has it and does what we ask.  Each function waits until that is
 * done; the test fails if it cannot be.
 */
#ifndef CLUSTER_H_
#define CLUSTER_H_

#include <sys/types.h>

#include "world.h"

#define CLUSTER_REDIS 2
#define CLUSTER_SENTINELS 3
#define CLUSTER_MASTER "mymaster"
#define CLUSTER_PASSWORD "of-the-sentinels"
#define CLUSTER_REDIS_PASSWORD "of-the-redis"

struct cluster;

struct server {
	struct cluster *cluster;
	char name[32];
	int port;
	const char *password;
};

struct cluster {
	struct server redis[CLUSTER_REDIS];
	struct server sentinels[CLUSTER_SENTINELS];
	pid_t pid;
	FILE *talk;
};

/*
 * Start all, and wait until all is well.  However slow the machine, the
 * Sentinels find no fault with anybody until a failover is asked for.
 */
void cluster_start(struct cluster *cluster);
void cluster_stop(struct cluster *cluster);

void server_start(struct server *server);
void server_kill(struct server *server);
void server_freeze(struct server *server);
void server_thaw(struct server *server);

/* A connection to it, logged in; NULL if it does not answer. */
redisContext *server_connect(const struct server *server);

/* The Redis that a majority of the Sentinels name, and the other one. */
struct server *cluster_master(struct cluster *cluster);
struct server *cluster_replica(struct cluster *cluster);

/*
 * Let the Sentinels replace a master that does not answer; then they are
 * patient again.
 */
void cluster_fail_over(struct cluster *cluster, struct server *old);

/*
 * Let a former master come back as a replica, at once; the Sentinels would see
 * to it after ten seconds.
 */
void cluster_rejoin(struct cluster *cluster, struct server *server);

/* Wait until the master has its replica in step, and all Sentinels agree. */
void cluster_settle(struct cluster *cluster);

/* Whoever was killed or frozen goes on. */
void cluster_resume(struct cluster *cluster);

/* `addresses = [ ... ]` of the Sentinels, in a static buffer. */
const char *cluster_addresses(const struct cluster *cluster);

#endif /* !CLUSTER_H_ */
