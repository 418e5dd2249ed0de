/* The syntaxes of single values; each says what it accepts. */
#include <arpa/inet.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "address.h"
#include "setting.h"

#define ALPHA "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"
/* The token of RFC 9110, which is also the cookie-name of RFC 6265. */
#define TOKEN_CHARS ALPHA DIGIT "!#$%&'*+-.^_`|~"
#define HOST_CHARS ALPHA DIGIT "._-"

#define NAME_MAX_LEN 64
/* (uid_t)-1, which system calls take for "leave it". */
#define UID_NOBODY_AT_ALL UINT32_MAX
#define COOKIE "cookie:"
#define HEADER "header:"

/* What follows ${prefix} in ${text}, or NULL. */
static const char *
after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return (strncmp(text, prefix, len) == 0 ? text + len : NULL);
}

/* Whether all bytes are printable ASCII and none is one of ${but}. */
static bool
is_printable(const char *text, const char *but)
{
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~' || strchr(but, *text) != NULL)
			return (false);
	}
	return (true);
}

bool
lk_setting_is_address(const char *value, const char **want)
{
	struct lk_address address;
	unsigned char ipv6[16];

	*want = "host:port, [ipv6]:port or unix:/path (at most 107 bytes)";
	if (lk_address_parse(value, &address) != LK_OK)
		return (false);
	if (address.is_unix)
		return (true);
	if (value[0] == '[')
		return (inet_pton(AF_INET6, address.host, ipv6) == 1);
	return (strspn(address.host, HOST_CHARS) == strlen(address.host));
}

bool
lk_setting_is_path(const char *value, const char **want)
{
	*want = "an absolute path";
	return (value[0] == '/');
}

bool
lk_setting_is_account(const char *value, const char **want)
{
	size_t len = strlen(value);

	*want = "the name or number of a user of this system";
	if (strspn(value, DIGIT) == len)
		return (
		    len <= 10 && strtoull(value, NULL, 10) < UID_NOBODY_AT_ALL);
	return (len <= NAME_MAX_LEN && value[0] != '-' &&
	    strspn(value, ALPHA DIGIT "._-$@") == len);
}

bool
lk_setting_is_token_source(const char *value, const char **want)
{
	const char *name;
	size_t len;

	*want = "\"bearer\", \"basic\", \"cookie:NAME\" or \"header:NAME\"";
	if (strcmp(value, "bearer") == 0 || strcmp(value, "basic") == 0)
		return (true);
	if ((name = after(value, COOKIE)) == NULL &&
	    (name = after(value, HEADER)) == NULL)
		return (false);
	len = strspn(name, TOKEN_CHARS);
	return (len >= 1 && len <= NAME_MAX_LEN && name[len] == '\0');
}

bool
lk_setting_is_url(const char *value, const char **want)
{
	const char *host;

	*want = "an http:// or https:// URL, or an absolute path";
	if (!is_printable(value, " \"'`<>\\^{|}"))
		return (false);
	if (value[0] == '/')
		/* "//host" would name another host. */
		return (value[1] != '/');
	if ((host = after(value, "https://")) == NULL &&
	    (host = after(value, "http://")) == NULL)
		return (false);
	return (host[0] != '\0' && strchr("/?#:@", host[0]) == NULL);
}

bool
lk_setting_is_prefix(const char *value, const char **want)
{
	*want = "printable ASCII without spaces and braces";
	return (is_printable(value, " {}"));
}

bool
lk_setting_is_word(const char *value, const char **want)
{
	*want = "printable ASCII without spaces";
	return (is_printable(value, " "));
}

bool
lk_setting_is_quotable(const char *value, const char **want)
{
	*want = "printable ASCII without quotes and backslashes";
	return (is_printable(value, "\"\\"));
}

static int
cgi_fold(char c)
{
	return (c == '-' ? '_' : toupper((unsigned char)c));
}

bool
lk_setting_same_source(const char *a, const char *b)
{
	if (after(a, HEADER) == NULL || after(b, HEADER) == NULL)
		return (strcmp(a, b) == 0);
	while (*a != '\0' && cgi_fold(*a) == cgi_fold(*b)) {
		a++;
		b++;
	}
	return (*a == *b);
}
