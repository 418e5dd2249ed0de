#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include "base/address.h"

#define UNIX_PREFIX "unix:"

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

static enum lk_status
parse_unix(const char *path, struct lk_address *address)
{
	size_t len = strlen(path);

	if (path[0] != '/' || len > LK_UNIX_PATH_MAX)
		return (LK_E_INVAL);
	address->is_unix = true;
	memcpy(address->path, path, len + 1);
	return (LK_OK);
}

enum lk_status
lk_address_parse(const char *text, struct lk_address *address)
{
	const char *host = text, *host_end, *port;
	size_t host_len;

	memset(address, 0, sizeof(*address));
	if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return (parse_unix(text + strlen(UNIX_PREFIX), address));
	if (text[0] == '[') {
		host++;
		host_end = strchr(host, ']');
		if (host_end == NULL || host_end[1] != ':' ||
		    strspn(host, "0123456789abcdefABCDEF:.%") !=
		        (size_t)(host_end - host))
			return (LK_E_INVAL);
		port = host_end + 2;
	} else {
		host_end = strchr(host, ':');
		if (host_end == NULL)
			return (LK_E_INVAL);
		port = host_end + 1;
	}
	host_len = (size_t)(host_end - host);
	if (host_len < 1 || host_len > LK_HOST_MAX || !port_is_valid(port) ||
	    strcspn(host, " \t/@") < host_len)
		return (LK_E_INVAL);
	memcpy(address->host, host, host_len);
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
