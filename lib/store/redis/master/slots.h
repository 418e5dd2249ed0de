/*
 * The slots of a Redis Cluster: which one a key is in, and what a node says of
 * who has them.  All of it is pure: whatever a node answers, what comes out of
 * it fits.
 */
#ifndef LK_REDIS_SLOTS_H_
#define LK_REDIS_SLOTS_H_

#include "store/redis/wire/wire.h"

#define LK_REDIS_SLOTS 16384
/* Most masters that are known at once. */
#define LK_REDIS_NODES_MAX 256
/* A slot that nobody has, and a command without a key. */
#define LK_REDIS_NOBODY UINT16_MAX
#define LK_REDIS_NO_SLOT (-1)

/** A master, and how many replicas can take its place. */
struct lk_redis_node {
	char name[LK_REDIS_NAME_SIZE]; /* host:port or [ipv6]:port */
	size_t replicas;
};

/** Who has which slot, as one node says. */
struct lk_redis_slots {
	struct lk_redis_node nodes[LK_REDIS_NODES_MAX];
	size_t n;
	uint16_t owner[LK_REDIS_SLOTS]; /* of the nodes, or NOBODY */
};

/** lk_redis_slot(key, len): The slot of a key, by its hash tag if it has one.
 */
int lk_redis_slot(const char *key, size_t len);

/**
 * lk_redis_key_of(command, len):
 * The first key of one of the commands that latchkey sends; NULL: it has none.
 */
const char *lk_redis_key_of(const struct lk_redis_command *command,
    size_t *len);

/** lk_redis_slot_of(command): Its key's slot, or LK_REDIS_NO_SLOT. */
int lk_redis_slot_of(const struct lk_redis_command *command);

/**
 * lk_redis_slots_read(reply, asked, slots):
 * Read what CLUSTER SLOTS answered; false if it is not what a node says, or
 * names too many masters.  One without a host is at that of ${asked}, the name
 * of who was asked.
 */
bool lk_redis_slots_read(const struct lk_redis_reply *reply, const char *asked,
    struct lk_redis_slots *slots);

/**
 * lk_redis_is_elsewhere(reply):
 * Whether it is an error that says of a node of a cluster that it has not got
 * the slot, or not all of it, or must not answer for it.
 */
bool lk_redis_is_elsewhere(const struct lk_redis_reply *reply);

/* How often a call lets itself be sent on. */
#define LK_REDIS_REDIRECTS_MAX 5

/** Where a node sends us to. */
enum lk_redis_redirect {
	LK_REDIRECT_NONE =
	    0,             /* nowhere: the reply is none, or cannot be read */
	LK_REDIRECT_MOVED, /* the slot is another's */
	LK_REDIRECT_ASK    /* this time only: it is becoming another's */
};

/**
 * lk_redis_redirect(reply, slot, asked, name):
 * Read an error reply to a question about ${slot}; ${name} is of who to ask
 * then.
 */
enum lk_redis_redirect lk_redis_redirect(const struct lk_redis_reply *reply,
    int slot, const char *asked, char name[LK_REDIS_NAME_SIZE]);

#endif /* !LK_REDIS_SLOTS_H_ */
