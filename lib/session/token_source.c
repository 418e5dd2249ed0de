#include <ctype.h>
#include <string.h>

#include "session/token_source.h"

#define NAME_MAX_LEN 64

/* The token of RFC 9110, which is also the cookie-name of RFC 6265. */
static const char name_chars[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    "!#$%&'*+-.^_`|~";

bool
lk_token_source_is_name(const char *text)
{
	const size_t len = strspn(text, name_chars);

	return (len >= 1 && len <= NAME_MAX_LEN && text[len] == '\0');
}

bool
lk_token_source_parse(const char *text, const char *cookie,
    struct lk_token_source *source)
{
	static const char cookies[] = "cookie:", headers[] = "header:";

	*source = (struct lk_token_source){ LK_TOKEN_NOWHERE, NULL };
	if (strcmp(text, "bearer") == 0) {
		source->place = LK_TOKEN_BEARER;
		return (true);
	}
	if (strcmp(text, "basic") == 0) {
		source->place = LK_TOKEN_BASIC;
		return (true);
	}
	if (strcmp(text, "cookie") == 0)
		*source = (struct lk_token_source){ LK_TOKEN_COOKIE, cookie };
	else if (strncmp(text, cookies, sizeof(cookies) - 1) == 0)
		*source = (struct lk_token_source){ LK_TOKEN_COOKIE,
			text + sizeof(cookies) - 1 };
	else if (strncmp(text, headers, sizeof(headers) - 1) == 0)
		*source = (struct lk_token_source){ LK_TOKEN_HEADER,
			text + sizeof(headers) - 1 };
	else
		return (false);
	if (lk_token_source_is_name(source->name))
		return (true);
	*source = (struct lk_token_source){ LK_TOKEN_NOWHERE, NULL };
	return (false);
}

static int
cgi_fold(char c)
{
	return (c == '-' ? '_' : toupper((unsigned char)c));
}

/* Whether both look at the same place. */
static bool
is_same(const struct lk_token_source *a, const struct lk_token_source *b)
{
	const char *p = a->name, *q = b->name;

	if (a->place != b->place)
		return (false);
	if (a->place == LK_TOKEN_COOKIE)
		return (strcmp(p, q) == 0);
	if (a->place != LK_TOKEN_HEADER)
		return (true);
	while (*p != '\0' && cgi_fold(*p) == cgi_fold(*q)) {
		p++;
		q++;
	}
	return (*p == '\0' && *q == '\0');
}

size_t
lk_token_sources_read(const struct lk_strings *texts, const char *cookie,
    struct lk_token_sources *sources)
{
	struct lk_token_source *next = sources->v;
	size_t i;

	for (sources->n = 0; sources->n < texts->n; sources->n++, next++) {
		if (sources->n == LK_TOKEN_SOURCES_MAX ||
		    !lk_token_source_parse(texts->v[sources->n], cookie, next))
			break;
		for (i = 0; i < sources->n; i++) {
			if (is_same(&sources->v[i], next))
				return (sources->n);
		}
	}
	return (sources->n);
}
