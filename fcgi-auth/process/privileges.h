/* Becoming somebody else for good. */
#ifndef GATE_PRIVILEGES_H_
#define GATE_PRIVILEGES_H_

#include "latchkey.h"
#include "process/account.h"

/**
 * gate_privileges_drop(account, error):
 * Become ${account} with its groups, for good, and make sure of it.  The
 * process must be root's and have one thread.  An account of root is refused.
 */
enum lk_status gate_privileges_drop(const struct gate_account *account,
    struct lk_error *error) LK_MUST_CHECK;

#endif /* !GATE_PRIVILEGES_H_ */
