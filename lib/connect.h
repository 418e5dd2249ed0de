/* Connecting and waiting, within a deadline. */
#ifndef LK_CONNECT_H_
#define LK_CONNECT_H_

#include "address.h"
#include "deadline.h"

/**
 * lk_wait(fd, events, deadline):
 * Wait until poll(2)'s ${events} are there.  0, or ETIMEDOUT, or another
 * errno.
 */
int lk_wait(int fd, short events, struct lk_deadline deadline);

/**
 * lk_connect(address, deadline, fd, why):
 * Connect a stream socket that is close-on-exec and non-blocking, without
 * delay on TCP.  The first of a host's addresses that answers is taken.
 * Literal addresses are taken as they are; a host name costs a look-up, on
 * which only the resolver's own time limits apply.  LK_E_TIMEOUT, or
 * LK_E_STORE, and in ${why} a static text that says why.
 */
enum lk_status lk_connect(const struct lk_address *address,
    struct lk_deadline deadline, int *fd, const char **why) LK_MUST_CHECK;

#endif /* !LK_CONNECT_H_ */
