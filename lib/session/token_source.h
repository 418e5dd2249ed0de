/*
 * Where a request may carry its token: the members of `gate.tokens`, which are
 * read once, with the settings.
 */
#ifndef LK_TOKEN_SOURCE_H_
#define LK_TOKEN_SOURCE_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/string_list.h"

/* Most places that are looked at. */
#define LK_TOKEN_SOURCES_MAX 16

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

struct lk_token_sources {
	struct lk_token_source v[LK_TOKEN_SOURCES_MAX];
	size_t n;
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

/**
 * lk_token_sources_read(texts, cookie, sources):
 * Read ${texts} as lk_token_source_parse() does, in their order, up to the
 * first that is wrong, looks where one before does, or is one too many: how
 * many were read.  Header names are alike as CGI variables: in any case, and
 * with `_` for `-`.
 */
size_t lk_token_sources_read(const struct lk_strings *texts, const char *cookie,
    struct lk_token_sources *sources);

/** lk_token_source_is_name(text): whether a cookie or header may be so called.
 */
bool lk_token_source_is_name(const char *text);

#endif /* !LK_TOKEN_SOURCE_H_ */
