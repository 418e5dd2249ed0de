/*
 * A Redis Cluster of three masters and their replicas, on loopback in a private
 * folder: the one that the test run started and named by its ports in
 * LK_TEST_REDIS_NODES, which is nobody else's meanwhile, or else one of our
 * own, which a process (nodes.py) has.  No node finds fault with another,
 * however slow the machine.
 */
#ifndef NODES_H_
#define NODES_H_

#include <sys/types.h>

#include "session/token.h"
#include "world.h"

#define NODES 6
/* That of the user of etc/redis/latchkey-cluster.conf there. */
#define NODES_PASSWORD "cluster-user-secret-of-some-length"

struct nodes {
	int port[NODES];
	redisContext *hand[NODES]; /* opened as needed */
	pid_t pid;  /* that has it, and */
	FILE *talk; /* how it hears of the end; NULL: nobody */
};

/* Whether there is to be one: the name is not there, or not empty. */
bool nodes_are_here(void);

void nodes_start(struct nodes *nodes);
void nodes_stop(struct nodes *nodes);

/* Empty all masters. */
void nodes_flush(struct nodes *nodes);

/* The slot of a user's keys, and what they all have in common. */
int nodes_slot(const char *user, char tag[LK_TAG_TEXT_LEN + 1]);

/* The master that answers for a key: its number, of the first MASTERS. */
#define MASTERS 3
int nodes_owner(struct nodes *nodes, const char *key);

/* Move a slot from one master to another: begin, move one of its keys unless
 * none is left, and let the other one have it. */
void nodes_move_begin(struct nodes *nodes, int slot, int from, int to);
bool nodes_move_key(struct nodes *nodes, int slot, int from, int to);
void nodes_move_end(struct nodes *nodes, int slot, int from, int to);

/* The addresses of some of them, or of that ${one} unless it is a path, as the
 * settings list them; in a static buffer. */
const char *nodes_addresses(const struct nodes *nodes, const char *one);

#endif /* !NODES_H_ */
