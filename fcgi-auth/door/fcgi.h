/* A FastCGI request, taken from its connection by libfcgi. */
#ifndef GATE_FCGI_H_
#define GATE_FCGI_H_

#include "door/exchange.h"
#include "door/guard.h"

/**
 * gate_fcgi_begin(spares, fd, seen):
 * Take the request that the guard has ${seen} whole in ${fd}, which belongs to
 * the exchange then.  NULL, and ${fd} is closed, if there is no room for it.
 */
struct gate_exchange *gate_fcgi_begin(struct gate_spares *spares, int fd,
    const struct gate_seen *seen);

#endif /* !GATE_FCGI_H_ */
