/*
 * A Redis Cluster of our own, of three masters and their replicas, on loopback
 * in a private folder.  It is the one of the tests in Python: a process
 * (nodes.py) has it.  No node finds fault with another, however slow the
 * machine.
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
	pid_t pid;
	FILE *talk;
};

void nodes_start(struct nodes *nodes);
void nodes_stop(struct nodes *nodes);

/* Empty all masters. */
void nodes_flush(const struct nodes *nodes);

/* `addresses = [ ... ]` of some of them, in a static buffer. */
const char *nodes_addresses(const struct nodes *nodes);

#endif /* !NODES_H_ */
