/*
 * Accounts of this system: as the settings name them, becoming one of them for
 * good, and which may connect, by user on a unix socket, and from where.
 */
#ifndef GATE_ACCOUNT_H_
#define GATE_ACCOUNT_H_

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

#include "base/string_list.h"
#include "latchkey.h"

#define GATE_ACCOUNT_NAME_MAX 64

struct gate_account {
	char name[GATE_ACCOUNT_NAME_MAX + 1];
	uid_t uid;
	gid_t gid; /* of its own group */
};

/** gate_account_number(text, uid): whether ${text} is a number, and which. */
bool gate_account_number(const char *text, uid_t *uid);

/**
 * gate_account_find(text, account, error):
 * Look the account of that name or number up.  LK_E_SETTINGS if there is
 * none, another negative status if the name service cannot tell.
 */
enum lk_status gate_account_find(const char *text, struct gate_account *account,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_account_group(text, gid, error):
 * The number of the group of that name or number, which need not be any's;
 * (gid_t)-1 for "".  LK_E_SETTINGS if there is none of that name.
 */
enum lk_status gate_account_group(const char *text, gid_t *gid,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_account_become(account, group, error):
 * Become ${account} with its groups, for good, and make sure of it.  The
 * process must be root's and have one thread.  An account of root is refused.
 * ${group}.user is what said so.
 */
enum lk_status gate_account_become(const struct gate_account *account,
    const char *group, struct lk_error *error) LK_MUST_CHECK;

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

#endif /* !GATE_ACCOUNT_H_ */
