/* Accounts of this system, as the settings name them. */
#ifndef GATE_ACCOUNT_H_
#define GATE_ACCOUNT_H_

#include <sys/types.h>

#include <stdbool.h>

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

#endif /* !GATE_ACCOUNT_H_ */
