/*
 * Where something listens: "host:port", "[ipv6]:port" or "unix:/path", and what
 * a socket can be connected to there.
 */
#ifndef LK_ADDRESS_H_
#define LK_ADDRESS_H_

#include <sys/socket.h>
#include <sys/un.h>

#include <stdbool.h>

#include "latchkey.h"

#define LK_HOST_MAX 255
/* Most addresses of a host that are tried. */
#define LK_ENDPOINTS_MAX 8
#define LK_UNIX_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

struct lk_address {
	bool is_unix;
	char path[LK_UNIX_PATH_MAX + 1]; /* absolute, if is_unix */
	char host[LK_HOST_MAX + 1];      /* else: a name or a literal */
	char port[6];                    /* decimal, 1-65535 */
};

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
 * lk_address_parse(text, address):
 * LK_E_INVAL unless ${text} has one of the three forms; a host is an IPv6
 * literal in brackets, or letters, digits and `.`, `_`, `-`.
 */
enum lk_status lk_address_parse(const char *text,
    struct lk_address *address) LK_MUST_CHECK;

/**
 * lk_address_is_loopback(address):
 * Whether nobody on another machine can reach it: a unix path, `localhost`,
 * or a literal of 127.0.0.0/8 or ::1.
 */
bool lk_address_is_loopback(const struct lk_address *address);

/**
 * lk_host_is_name(text):
 * Whether it may be the name of a host (RFC 1123, section 2.1): labels of 1 to
 * 63 letters, digits and hyphens, with dots between them, 253 bytes at most.
 */
bool lk_host_is_name(const char *text);

/** lk_address_is_literal(address): whether there is no name to look up. */
bool lk_address_is_literal(const struct lk_address *address);

/**
 * lk_address_unix(address, sun):
 * Fill in the socket address of a unix path; returns its length.
 */
socklen_t lk_address_unix(const struct lk_address *address,
    struct sockaddr_un *sun);

/**
 * lk_endpoints_find(address, endpoints):
 * Literal addresses are taken as they are; a host name costs a look-up, on
 * which only the resolver's own time limits apply.  False if it fails.
 */
bool lk_endpoints_find(const struct lk_address *address,
    struct lk_endpoints *endpoints);

/** lk_endpoint_is(a, b): whether both are the same. */
bool lk_endpoint_is(const struct lk_endpoint *a, const struct lk_endpoint *b);

#endif /* !LK_ADDRESS_H_ */
