/*
 * A Redis with a replica and three Sentinels of our own, on loopback, in a
 * private folder; and a Sentinel that answers whatever a test wants.
 */
#ifndef CLUSTER_H_
#define CLUSTER_H_

#include <sys/types.h>

#include <pthread.h>
#include <stdatomic.h>

#include "world.h"

#define CLUSTER_REDIS 2
#define CLUSTER_SENTINELS 3
#define CLUSTER_MASTER "mymaster"
#define CLUSTER_PASSWORD "of-the-sentinels"
#define CLUSTER_REDIS_PASSWORD "of-the-redis"

struct server {
	pid_t pid; /* 0: not running */
	int port;
	char conf[96];
	bool sentinel;
	char id[41]; /* of a Sentinel */
};

struct cluster {
	char dir[64];
	struct server redis[CLUSTER_REDIS];
	struct server sentinels[CLUSTER_SENTINELS];
};

/*
 * Start all, and wait until all is well.  However slow the machine, the
 * Sentinels find no fault with anybody until they are told to hurry.
 */
void cluster_start(struct cluster *cluster);
void cluster_stop(struct cluster *cluster);

void server_start(const struct cluster *cluster, struct server *server);
void server_signal(const struct server *server, int signal);
/* Kill it, if it runs. */
void server_kill(struct server *server);

/* A connection to it, logged in; NULL if it does not answer. */
redisContext *server_connect(const struct server *server);

/* The Redis that a majority of the Sentinels name, or NULL. */
struct server *cluster_master(struct cluster *cluster);
/* The other one. */
struct server *cluster_replica(struct cluster *cluster);

/*
 * Let a former master come back as a replica, at once; the Sentinels would see
 * to it after ten seconds.
 */
void cluster_rejoin(struct cluster *cluster, struct server *server);

/*
 * Let the Sentinels replace a master that does not answer, and wait until they
 * have; then they are patient again.
 */
void cluster_fail_over(struct cluster *cluster, const struct server *old);

/* Wait until the master has its replica in step, and all Sentinels agree. */
void cluster_settle(struct cluster *cluster);

/* `addresses = [ ... ]` of the Sentinels, in a static buffer. */
const char *cluster_addresses(const struct cluster *cluster);

/* ---- A false Sentinel -------------------------------------------------- */

enum lie_way {
	LIE_AT_ONCE,  /* answer each question, and stay */
	LIE_AND_CLOSE,
	LIE_DRIPPING, /* a byte each 20 ms, for ever */
	LIE_FLOODING  /* again and again, for ever */
};

struct liar {
	int listener;
	int port;
	const char *bytes;
	size_t len;
	enum lie_way way;
	atomic_int questions;
	atomic_bool stop;
	pthread_t thread;
};

void liar_start(struct liar *liar, enum lie_way way, const char *bytes,
    size_t len);
/* Tell it to stop; and wait until it has. */
void liar_dismiss(struct liar *liar);
void liar_stop(struct liar *liar);

#endif /* !CLUSTER_H_ */
