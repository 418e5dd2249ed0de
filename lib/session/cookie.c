#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "session/cookie.h"

const char *const lk_same_site_names[] = { [LK_SAME_SITE_LAX] = "Lax",
	[LK_SAME_SITE_STRICT] = "Strict",
	[LK_SAME_SITE_NONE] = "None",
	NULL };

static bool
has_prefix(const char *name, const char *prefix)
{
	return (strncasecmp(name, prefix, strlen(prefix)) == 0);
}

/* Whether browsers take the name for this host and path "/" only. */
static bool
is_of_host(const char *name)
{
	return (has_prefix(name, "__Host-"));
}

/* Whether browsers take the name with Secure only. */
static bool
wants_secure(const char *name)
{
	return (is_of_host(name) || has_prefix(name, "__Secure-") ||
	    has_prefix(name, "__Http-"));
}

enum lk_status
lk_cookie_check(const struct lk_cookie *cookie, const char **key,
    const char **want)
{
	const char *name = cookie->name;
	const bool insecure = !cookie->secure;

	if (insecure && wants_secure(name)) {
		*key = "cookie.secure";
		*want = "true, by the prefix of cookie.name, got false";
	} else if (insecure && cookie->same_site == LK_SAME_SITE_NONE) {
		*key = "cookie.secure";
		*want = "true, since cookie.same_site is \"None\", got false";
	} else if (is_of_host(name) && cookie->domain[0] != '\0') {
		*key = "cookie.domain";
		*want = "none, by the prefix of cookie.name, got one";
	} else if (is_of_host(name) && strcmp(cookie->path, "/") != 0) {
		*key = "cookie.path";
		*want = "\"/\", by the prefix of cookie.name, got another";
	} else {
		return (LK_OK);
	}
	return (LK_E_SETTINGS);
}

/* Append what follows the value of the cookie ${name}. */
static void
add_attributes(const struct lk_cookie *cookie, const char *name,
    struct lk_buf *out)
{
	const char *domain = cookie->domain;
	const bool of_host = is_of_host(name);

	lk_buf_printf(out, "; Path=%s", of_host ? "/" : cookie->path);
	if (domain[0] != '\0' && !of_host)
		lk_buf_printf(out, "; Domain=%s", domain);
	lk_buf_printf(out, "; HttpOnly; SameSite=%s",
	    lk_same_site_names[cookie->same_site]);
	if (cookie->secure || wants_secure(name))
		lk_buf_str(out, "; Secure");
}

void
lk_cookie_set(const struct lk_cookie *cookie, const char *token, int64_t ttl,
    struct lk_buf *out)
{
	const char *name = cookie->name;

	lk_buf_printf(out, "%s=%s", name, token);
	if (cookie->persistent)
		lk_buf_printf(out, "; Max-Age=%" PRId64, ttl);
	add_attributes(cookie, name, out);
}

void
lk_cookie_take_back(const struct lk_cookie *cookie, const char *name,
    struct lk_buf *out)
{
	lk_buf_printf(out, "%s=; Max-Age=1", name);
	add_attributes(cookie, name, out);
}
