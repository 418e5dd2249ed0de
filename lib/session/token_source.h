/* Where a request may carry its token: one member of `gate.tokens`. */
#ifndef LK_TOKEN_SOURCE_H_
#define LK_TOKEN_SOURCE_H_

#include <stdbool.h>

#include "settings/settings.h"

enum lk_token_place {
	LK_TOKEN_NOWHERE = 0,
	LK_TOKEN_BEARER, /* Authorization: Bearer */
	LK_TOKEN_BASIC,  /* the password of HTTP Basic */
	LK_TOKEN_COOKIE, /* a cookie's value */
	LK_TOKEN_HEADER  /* a header's whole value */
};

struct lk_token_source {
	enum lk_token_place place;
	const char *name; /* of the cookie or header, else NULL; borrowed */
};

/**
 * lk_token_source_parse(text, cookie, source):
 * What ${text} names: "bearer", "basic", "cookie" (the one called ${cookie},
 * the setting `cookie.name`), "cookie:NAME" or "header:NAME".  False, and
 * LK_TOKEN_NOWHERE, if it is none of them or the name is no token of RFC 9110
 * of 1 to 64 bytes.
 */
bool lk_token_source_parse(const char *text, const char *cookie,
    struct lk_token_source *source);

/** lk_token_source_at(settings, i): what member ${i} of `gate.tokens` names. */
struct lk_token_source lk_token_source_at(const struct lk_settings *settings,
    size_t i);

/**
 * lk_token_source_same(a, b):
 * Whether both look at the same place.  Header names are alike as CGI
 * variables: in any case, and with `_` for `-`.
 */
bool lk_token_source_same(const struct lk_token_source *a,
    const struct lk_token_source *b);

/** lk_token_source_is_name(text): whether a cookie or header may be so called.
 */
bool lk_token_source_is_name(const char *text);

#endif /* !LK_TOKEN_SOURCE_H_ */
