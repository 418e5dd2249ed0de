/* The cookie that carries a session, as the group `cookie` says it. */
#ifndef LK_COOKIE_H_
#define LK_COOKIE_H_

#include <stdbool.h>

#include "base/buf.h"
#include "latchkey.h"

enum lk_same_site {
	LK_SAME_SITE_LAX = 0,
	LK_SAME_SITE_STRICT,
	LK_SAME_SITE_NONE
};

/** The names of enum lk_same_site, ended by NULL. */
extern const char *const lk_same_site_names[];

struct lk_cookie {
	char *name;
	char *domain; /* "": the host that set it */
	char *path;
	int same_site; /* enum lk_same_site */
	bool secure;
	bool persistent; /* it lives as long as its session */
};

/**
 * lk_cookie_check(cookie, key, want):
 * LK_OK if browsers take such a cookie (RFC 6265bis, sections
 * 4.1.2.7 and 4.1.3): SameSite=None and the prefixes of names want Secure,
 * `__Host-` also no Domain and the Path "/".  Else LK_E_SETTINGS, and ${key}
 * is the setting that contradicts, ${want} what was expected of it.
 */
enum lk_status lk_cookie_check(const struct lk_cookie *cookie, const char **key,
    const char **want) LK_MUST_CHECK;

/**
 * lk_cookie_set(cookie, token, ttl, out):
 * Append the value of a Set-Cookie header that sets the cookie to ${token}, for
 * ${ttl} seconds if the settings want it to outlive the browser.
 */
void lk_cookie_set(const struct lk_cookie *cookie, const char *token,
    int64_t ttl, struct lk_buf *out);

/**
 * lk_cookie_take_back(cookie, name, out):
 * Append the value of a Set-Cookie header that takes back the cookie ${name},
 * which has the Domain and Path of the settings, or those that its prefix
 * asks for: it becomes empty, and ends by itself a second later.  A browser may
 * keep a page that was left, to show it when one goes back, whatever the page
 * says of caches; Chromium (as of 156) forgets it once a cookie of it changes,
 * but not when one is removed.
 */
void lk_cookie_take_back(const struct lk_cookie *cookie, const char *name,
    struct lk_buf *out);

#endif /* !LK_COOKIE_H_ */
