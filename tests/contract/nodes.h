/*
 * A Redis Cluster of three masters and their replicas, on loopback in a private
 * folder: the one that the test run started and named by its ports in
 * LK_TEST_REDIS_NODES, which is nobody else's meanwhile, or else one of our own,
 * which a process (nodes.py) has.  No node finds fault with another, however
 * slow the machine.
 */
#ifndef NODES_H_
#define NODES_H_

#include <sys/types.h>

#include "world.h"

#define NODES 6
/* That of the user of etc/redis/latchkey-cluster.conf there. */
#define NODES_PASSWORD "cluster-user-secret-of-some-length"

struct nodes {
	int port[NODES];
	pid_t pid;  /* that has it, and */
	FILE *talk; /* how it hears of the end; NULL: nobody */
};

void nodes_start(struct nodes *nodes);
void nodes_stop(struct nodes *nodes);

/* Empty all masters. */
void nodes_flush(const struct nodes *nodes);

/* `addresses = [ ... ]` of some of them, in a static buffer. */
const char *nodes_addresses(const struct nodes *nodes);

#endif /* !NODES_H_ */
