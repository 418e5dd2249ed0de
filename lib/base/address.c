#include <arpa/inet.h>
#include <netinet/in.h>

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/fd.h"

#define UNIX_PREFIX "unix:"
#define LABEL_CHARS                                            \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
	"0123456789-"
#define HOST_CHARS LABEL_CHARS "._"

static bool
port_is_valid(const char *port)
{
	size_t len = strspn(port, "0123456789");
	long number;

	if (len < 1 || len > 5 || port[len] != '\0')
		return (false);
	number = strtol(port, NULL, 10);
	return (number >= 1 && number <= 65535);
}

enum lk_status
lk_address_parse(const char *text, struct lk_address *address)
{
	const char *host = text, *host_end, *port, *path;
	struct in6_addr six;
	size_t host_len;

	memset(address, 0, sizeof(*address));
	if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0) {
		path = text + strlen(UNIX_PREFIX);
		if (path[0] != '/' || strlen(path) > LK_UNIX_PATH_MAX)
			return (LK_E_INVAL);
		address->is_unix = true;
		memcpy(address->path, path, strlen(path) + 1);
		return (LK_OK);
	}
	if (text[0] == '[') {
		host++;
		host_end = strchr(host, ']');
		if (host_end == NULL || host_end[1] != ':')
			return (LK_E_INVAL);
		port = host_end + 2;
	} else {
		host_end = strchr(host, ':');
		if (host_end == NULL)
			return (LK_E_INVAL);
		port = host_end + 1;
	}
	host_len = (size_t)(host_end - host);
	if (host_len < 1 || host_len > LK_HOST_MAX || !port_is_valid(port))
		return (LK_E_INVAL);
	memcpy(address->host, host, host_len);
	if (text[0] == '[' ? inet_pton(AF_INET6, address->host, &six) != 1
	                   : strspn(address->host, HOST_CHARS) != host_len)
		return (LK_E_INVAL);
	memcpy(address->port, port, strlen(port) + 1);
	return (LK_OK);
}

bool
lk_address_is_loopback(const struct lk_address *address)
{
	struct in6_addr six;
	struct in_addr four;

	if (address->is_unix || strcmp(address->host, "localhost") == 0)
		return (true);
	if (inet_pton(AF_INET, address->host, &four) == 1)
		return (ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET);
	return (inet_pton(AF_INET6, address->host, &six) == 1 &&
	    IN6_IS_ADDR_LOOPBACK(&six));
}

bool
lk_host_is_name(const char *text)
{
	size_t len;

	if (strlen(text) > 253)
		return (false);
	for (;;) {
		len = strspn(text, LABEL_CHARS);
		if (len == 0 || len > 63 || text[0] == '-' ||
		    text[len - 1] == '-')
			return (false);
		if (text[len] == '\0')
			return (true);
		if (text[len] != '.')
			return (false);
		text += len + 1;
	}
}

bool
lk_address_is_literal(const struct lk_address *address)
{
	struct in6_addr six;
	struct in_addr four;

	return (address->is_unix ||
	    inet_pton(AF_INET, address->host, &four) == 1 ||
	    inet_pton(AF_INET6, address->host, &six) == 1);
}

socklen_t
lk_address_unix(const struct lk_address *address, struct sockaddr_un *sun)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, address->path, sizeof(address->path));
	return ((socklen_t)sizeof(*sun));
}

/* ---- What it stands for ------------------------------------------------ */

/* Look a host up, as a literal first; 0 or one of getaddrinfo(3)'s errors. */
static int
look_up(const struct lk_address *address, struct addrinfo **list)
{
	struct lk_fd_hold hold = { { false } };
	struct addrinfo hints;
	int error;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	error = getaddrinfo(address->host, address->port, &hints, list);
	if (error != EAI_NONAME)
		return (error);
	hints.ai_flags = AI_NUMERICSERV;
	lk_fd_hold(&hold);
	error = getaddrinfo(address->host, address->port, &hints, list);
	lk_fd_release(&hold);
	return (error);
}

bool
lk_endpoints_find(const struct lk_address *address,
    struct lk_endpoints *endpoints)
{
	struct addrinfo *list = NULL, *a;
	struct lk_endpoint *e;
	struct sockaddr_un sun;

	memset(endpoints, 0, sizeof(*endpoints));
	e = &endpoints->at[0];
	if (address->is_unix) {
		e->len = lk_address_unix(address, &sun);
		memcpy(&e->addr, &sun, sizeof(sun));
		endpoints->n = 1;
		return (true);
	}
	if (look_up(address, &list) != 0)
		return (false);
	for (a = list; a != NULL && endpoints->n < LK_ENDPOINTS_MAX;
	     a = a->ai_next) {
		e = &endpoints->at[endpoints->n++];
		memcpy(&e->addr, a->ai_addr, a->ai_addrlen);
		e->len = a->ai_addrlen;
	}
	freeaddrinfo(list);
	return (true);
}

bool
lk_endpoint_is(const struct lk_endpoint *a, const struct lk_endpoint *b)
{
	return (a->len == b->len && memcmp(&a->addr, &b->addr, a->len) == 0);
}
