/* Where something listens: "host:port", "[ipv6]:port" or "unix:/path". */
#ifndef LK_ADDRESS_H_
#define LK_ADDRESS_H_

#include <sys/socket.h>
#include <sys/un.h>

#include <stdbool.h>

#include "latchkey.h"

#define LK_HOST_MAX 255
#define LK_UNIX_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

struct lk_address {
	bool is_unix;
	char path[LK_UNIX_PATH_MAX + 1]; /* absolute, if is_unix */
	char host[LK_HOST_MAX + 1];      /* else: a name or a literal */
	char port[6];                    /* decimal, 1-65535 */
};

/**
 * lk_address_parse(text, address):
 * LK_E_INVAL unless ${text} has one of the three forms.
 */
enum lk_status lk_address_parse(const char *text,
    struct lk_address *address) LK_MUST_CHECK;

/**
 * lk_address_is_loopback(address):
 * Whether nobody on another machine can reach it: a unix path, `localhost`,
 * or a literal of 127.0.0.0/8 or ::1.
 */
bool lk_address_is_loopback(const struct lk_address *address);

/** lk_address_is_literal(address): whether there is no name to look up. */
bool lk_address_is_literal(const struct lk_address *address);

/**
 * lk_address_unix(address, sun):
 * Fill in the socket address of a unix path; returns its length.
 */
socklen_t lk_address_unix(const struct lk_address *address,
    struct sockaddr_un *sun);

#endif /* !LK_ADDRESS_H_ */
