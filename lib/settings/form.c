/* What single strings look like; each check says what it accepts. */
#include <arpa/inet.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/escape.h"
#include "session/record.h"
#include "session/token_source.h"
#include "session/user_id.h"
#include "settings/table.h"

#define ALPHA "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"

#define NAME_MAX_LEN 64
/* (uid_t)-1, which system calls take for "leave it". */
#define UID_NOBODY_AT_ALL UINT32_MAX

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
lk_form_is_address(const char *value, const char **want)
{
	struct lk_address address;

	*want = "host:port, [ipv6]:port or unix:/path (at most 107 bytes)";
	return (lk_address_parse(value, &address) == LK_OK);
}

bool
lk_form_is_path(const char *value, const char **want)
{
	*want = "an absolute path";
	return (value[0] == '/');
}

bool
lk_form_is_account(const char *value, const char **want)
{
	size_t len = strlen(value);

	*want = "the name or number of a user of this system";
	if (strspn(value, DIGIT) == len)
		return (len > 0 && len <= 10 &&
		    strtoull(value, NULL, 10) < UID_NOBODY_AT_ALL);
	return (len <= NAME_MAX_LEN && value[0] != '-' &&
	    strspn(value, ALPHA DIGIT "._-$@") == len);
}

bool
lk_form_is_token_source(const char *value, const char **want)
{
	struct lk_token_source source;

	*want = "\"bearer\", \"basic\", \"cookie\", \"cookie:NAME\" or "
	        "\"header:NAME\"";
	return (lk_token_source_parse(value, "any", &source));
}

bool
lk_form_is_cookie_name(const char *value, const char **want)
{
	*want = "1 to 64 of the characters that a cookie's name may have";
	return (lk_token_source_is_name(value));
}

bool
lk_form_is_cookie_domain(const char *value, const char **want)
{
	unsigned char number[4];
	size_t len;

	*want = "the name of a host, such as example.org";
	if (inet_pton(AF_INET, value, number) == 1)
		return (false);
	if (value[0] == '.')
		value++;
	for (;;) {
		len = strspn(value, ALPHA DIGIT "-");
		if (len == 0 || len > 63 || value[0] == '-' ||
		    value[len - 1] == '-')
			return (false);
		if (value[len] == '\0')
			return (true);
		if (value[len] != '.')
			return (false);
		value += len + 1;
	}
}

bool
lk_form_is_cookie_path(const char *value, const char **want)
{
	*want = "an absolute path of printable ASCII without spaces and "
	        "semicolons";
	return (value[0] == '/' && is_printable(value, " ;"));
}

bool
lk_form_is_url(const char *value, const char **want)
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
lk_form_is_prefix(const char *value, const char **want)
{
	*want = "printable ASCII without spaces and braces";
	return (is_printable(value, " {}"));
}

bool
lk_form_is_word(const char *value, const char **want)
{
	*want = "printable ASCII without spaces";
	return (is_printable(value, " "));
}

bool
lk_form_is_quotable(const char *value, const char **want)
{
	*want = "printable ASCII without quotes and backslashes";
	return (is_printable(value, "\"\\"));
}

bool
lk_form_is_user(const char *value, const char **want)
{
	*want = "a user id of " LK_USER_ID_WANT;
	return (lk_user_id_fits(value));
}

bool
lk_form_is_client(const char *value, const char **want)
{
	*want = "a client kind: 1 to 32 of A-Z a-z 0-9 . _ -";
	return (value[0] != '\0' && lk_client_check(value) == LK_OK);
}

bool
lk_form_is_value(const char *value, const char **want)
{
	*want = "at most 1024 bytes without control characters";
	return (strlen(value) <= LK_SETTING_MEMBER_MAX &&
	    !lk_has_control(value, strlen(value)));
}
