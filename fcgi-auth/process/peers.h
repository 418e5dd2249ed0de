/* Who may connect: by user on a unix socket, and from where. */
#ifndef GATE_PEERS_H_
#define GATE_PEERS_H_

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

#include "base/string_list.h"
#include "latchkey.h"

/** Zeroed, it is nobody. */
struct gate_peers {
	bool anyone;     /* of any user */
	bool local_only; /* nobody who came by way of a network */
	uid_t *v;
	size_t n;
};

/**
 * gate_peers_read(accounts, peers, error):
 * Take the names and numbers of `allow_uids`; none at all is anyone.
 * LK_E_SETTINGS if there is no user of such a name.
 */
enum lk_status gate_peers_read(const struct lk_strings *accounts,
    struct gate_peers *peers, struct lk_error *error) LK_MUST_CHECK;

/** gate_peers_have(peers, uid): whether ${uid} is among them.  Pure. */
bool gate_peers_have(const struct gate_peers *peers, uid_t uid);

/**
 * gate_peers_admit(peers, fd):
 * Whether the process that opened connection ${fd} may ask.  The kernel knows
 * its user for unix sockets only, so that a list refuses all others.  What may
 * change with the settings is asked again before each answer.
 */
bool gate_peers_admit(const struct gate_peers *peers, int fd);

/** gate_peers_free(peers): Make it nobody.  Zeroed is fine. */
void gate_peers_free(struct gate_peers *peers);

#endif /* !GATE_PEERS_H_ */
