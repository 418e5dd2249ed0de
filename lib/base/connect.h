/* Connecting and waiting, within a deadline. */
#ifndef LK_CONNECT_H_
#define LK_CONNECT_H_

#include "base/address.h"
#include "base/deadline.h"

/* Most addresses of a host that are tried. */
#define LK_ENDPOINTS_MAX 8

/** One address that a socket can be connected to. */
struct lk_endpoint {
	struct sockaddr_storage addr;
	socklen_t len;
};

/** What a host name, a literal or a path stands for. */
struct lk_endpoints {
	size_t n;
	struct lk_endpoint at[LK_ENDPOINTS_MAX];
};

/**
 * lk_endpoints_find(address, endpoints):
 * Literal addresses are taken as they are; a host name costs a look-up, on
 * which only the resolver's own time limits apply.  False if it fails.
 */
bool lk_endpoints_find(const struct lk_address *address,
    struct lk_endpoints *endpoints);

/**
 * lk_connect_begin(endpoint, fd):
 * Open a stream socket that is close-on-exec and non-blocking, without delay
 * on TCP, and begin to connect it.  0: done; EINPROGRESS: wait until it is
 * writable and call lk_connect_end(); else another errno, and ${fd} is -1.
 */
int lk_connect_begin(const struct lk_endpoint *endpoint, int *fd);

/**
 * lk_connect_end(fd):
 * What came of it: 0 or an errno.  The caller closes ${fd}.
 */
int lk_connect_end(int fd);

/**
 * lk_wait(fd, events, deadline):
 * Wait until poll(2)'s ${events} are there.  0, or ETIMEDOUT, or another
 * errno.
 */
int lk_wait(int fd, short events, struct lk_deadline deadline);

/**
 * lk_connect(address, deadline, fd, why):
 * Connect such a socket.  The first of a host's addresses that answers is
 * taken; one that does not leaves the others their share of the time.
 * LK_E_TIMEOUT, or LK_E_STORE, and in ${why} a static text that says why.
 */
enum lk_status lk_connect(const struct lk_address *address,
    struct lk_deadline deadline, int *fd, const char **why) LK_MUST_CHECK;

#endif /* !LK_CONNECT_H_ */
