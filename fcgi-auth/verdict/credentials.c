#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "jwt/jwt.h"
#include "session/token.h"
#include "verdict/credentials.h"

/* Longest user name, colon and token that Basic can carry. */
#define BASIC_MAX (LK_USER_ID_MAX + 1 + LK_TOKEN_MAX)

/* Which schemes of an Authorization header are accepted. */
struct schemes {
	bool bearer;
	bool basic;
};

/* What is found on the way, besides the tokens. */
struct search {
	struct gate_credentials *all;
	const struct lk_settings *settings;
	bool access; /* access tokens are taken */
	struct schemes accepted;
	struct {
		bool cookie;
		bool authorization;
		bool header;
		bool placed; /* a token, but not where one belongs */
	} bad;
	bool too_many;
	bool users_differ;
	bool by_browser; /* what browsers send by themselves */
};

/* ---- Putting together what was found ----------------------------------- */

/* Whether the text of ${len} bytes is a token's; then ${token} is it. */
static bool
is_token(const struct search *search, const char *text, size_t len,
    struct lk_token *token)
{
	bool access;

	if (lk_token_set(token, text, len) == LK_OK) {
		if (lk_token_has_shape(token))
			return (true);
		access = lk_jwt_has_shape(search->settings, token);
		if (access && search->access)
			return (true);
		search->all->misplaced_access |= access;
	}
	lk_token_wipe(token);
	return (false);
}

/* As much of a token as was written; behind it nothing is. */
static size_t
written(const struct lk_token *token)
{
	return (offsetof(struct lk_token, text) + token->len + 1);
}

static bool
is_same(const struct lk_token *a, const struct lk_token *b)
{
	return (
	    a->len == b->len && sodium_memcmp(a->text, b->text, a->len) == 0);
}

/* The entry for the token in ${next}, the first that is free: that, or the one
 * that has this token already; NULL if all are taken. */
static struct gate_credential *
entry_of(struct search *search, struct gate_credential *next)
{
	struct gate_credentials *all = search->all;
	size_t i = 0;

	while (i < all->n && !is_same(&all->found[i].token, &next->token))
		i++;
	if (i < GATE_CREDENTIALS_MAX && i == all->n) {
		next->stated = next->authorization = false;
		next->cookie = next->deliberate = false;
		all->n++;
		return (next);
	}
	lk_token_wipe(&next->token);
	search->too_many |= i == all->n;
	return (i == all->n ? NULL : &all->found[i]);
}

/*
 * Text was found where a token belongs: as ${where} says, but for its token.
 * False if it is none.
 */
static bool
found_text(struct search *search, const struct gate_credential *where,
    const char *text, size_t len)
{
	struct gate_credential *entry = &search->all->found[search->all->n];

	if (!is_token(search, text, len, &entry->token))
		return (false);
	if ((entry = entry_of(search, entry)) != NULL) {
		entry->stated |= where->stated;
		entry->cookie |= where->cookie;
		entry->authorization |= where->authorization;
		entry->deliberate |= where->deliberate;
	}
	return (true);
}

/* A user name was found; "" is none. */
static void
found_user(struct search *search, const char *user, size_t len)
{
	char *known = search->all->user;

	if (len == 0)
		return;
	if (known[0] == '\0') {
		memcpy(known, user, len);
		known[len] = '\0';
	} else if (strlen(known) != len || memcmp(known, user, len) != 0) {
		search->users_differ = true;
	}
}

/* ---- Authorization ----------------------------------------------------- */

static bool
is_alphanumeric(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9'));
}

/* Whether it is a b64token (RFC 6750), also known as token68 (RFC 9110). */
static bool
is_token68(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len &&
	    (is_alphanumeric(text[i]) ||
	        (text[i] != '\0' && strchr("-._~+/", text[i]) != NULL)))
		i++;
	if (i == 0)
		return (false);
	while (i < len && text[i] == '=')
		i++;
	return (i == len);
}

/* Decoded Basic credentials: a user name, a colon, a token. */
static bool
read_user_pass(struct search *search, const char *pair, size_t len)
{
	static const struct gate_credential where = { .stated = true,
		.authorization = true };
	const char *colon = memchr(pair, ':', len);
	struct lk_token misplaced;
	size_t user_len;

	if (colon == NULL)
		return (false);
	user_len = (size_t)(colon - pair);
	if (user_len <= LK_USER_ID_MAX &&
	    memchr(pair, '\0', user_len) == NULL &&
	    found_text(search, &where, colon + 1, len - user_len - 1)) {
		found_user(search, pair, user_len);
		return (true);
	}
	if (is_token(search, pair, user_len, &misplaced))
		search->bad.placed = true;
	lk_token_wipe(&misplaced);
	return (false);
}

static bool
read_basic(struct search *search, const char *text, size_t len)
{
	char pair[BASIC_MAX];
	size_t pair_len;
	bool good;

	good = is_token68(text, len) &&
	    sodium_base642bin((unsigned char *)pair, sizeof(pair), text, len,
	        NULL, &pair_len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
	    read_user_pass(search, pair, pair_len);
	sodium_memzero(pair, sizeof(pair));
	return (good);
}

static bool
read_bearer(struct search *search, const char *text, size_t len)
{
	static const struct gate_credential where = { .stated = true,
		.authorization = true,
		.deliberate = true };

	return (is_token68(text, len) && found_text(search, &where, text, len));
}

static bool
is_scheme(const char *text, size_t len, const char *scheme)
{
	return (strlen(scheme) == len && strncasecmp(text, scheme, len) == 0);
}

/* The length of a list element: up to a comma outside quotes. */
static size_t
element_length(const char *text)
{
	bool quoted = false;
	size_t i;

	for (i = 0; text[i] != '\0' && (quoted || text[i] != ','); i++) {
		if (text[i] == '"')
			quoted = !quoted;
		else if (quoted && text[i] == '\\' && text[i + 1] != '\0')
			i++;
	}
	return (i);
}

/*
 * One element of an Authorization header.  ${ours} remembers that an accepted
 * scheme was seen, because what follows it after a comma must not be dropped
 * as if it were nothing.
 */
static void
read_element(struct search *search, const char *text, size_t len, bool *ours)
{
	size_t scheme = 0, start;
	bool bearer, good;

	while (scheme < len && text[scheme] != ' ' && text[scheme] != '\t')
		scheme++;
	start = scheme;
	while (start < len && text[start] == ' ')
		start++;
	while (len > start && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	bearer = is_scheme(text, scheme, "Bearer");
	if (!bearer)
		search->by_browser = true;
	if (bearer && search->accepted.bearer) {
		search->all->bearer = true;
		good = read_bearer(search, text + start, len - start);
	} else if (is_scheme(text, scheme, "Basic") && search->accepted.basic) {
		good = read_basic(search, text + start, len - start);
	} else if (*ours) {
		good = false;
	} else {
		return;
	}
	*ours = true;
	if (!good)
		search->bad.authorization = true;
}

/* A whole Authorization header; web servers join several with commas. */
static void
read_authorization(struct search *search, const char *value)
{
	bool ours = false;
	size_t len;

	for (;;) {
		value += strspn(value, " \t,");
		if (*value == '\0')
			break;
		len = element_length(value);
		read_element(search, value, len, &ours);
		value += len;
	}
}

/* ---- Cookies and other headers ----------------------------------------- */

/* The value of a cookie, of which RFC 6265 lets quotes be a part. */
static void
read_cookie_value(struct search *search, const struct gate_credential *where,
    const char *text, size_t len)
{
	while (len > 0 && (*text == ' ' || *text == '\t')) {
		text++;
		len--;
	}
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	search->by_browser = true;
	/* An empty one is what a logout leaves for a moment. */
	if (len == 0)
		return;
	if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
		text++;
		len -= 2;
	}
	if (!found_text(search, where, text, len))
		search->bad.cookie = true;
}

/* All cookies called ${name} of one Cookie header. */
static void
read_cookies(struct search *search, const char *name,
    const struct gate_credential *where, const char *header)
{
	size_t name_len = strlen(name), len, rest;

	for (;;) {
		header += strspn(header, " \t;");
		if (*header == '\0')
			break;
		len = strcspn(header, ";");
		if (strncmp(header, name, name_len) == 0) {
			rest = name_len + strspn(header + name_len, " \t");
			if (header[rest] == '=')
				read_cookie_value(search, where,
				    header + rest + 1, len - rest - 1);
		}
		header += len;
	}
}

/*
 * The value of the parameter "HTTP_NAME=value" if it stands for the header
 * ${header}, else NULL.
 */
static const char *
header_value(const char *entry, const char *header)
{
	static const char prefix[] = "HTTP_";
	char c;

	if (strncmp(entry, prefix, sizeof(prefix) - 1) != 0)
		return (NULL);
	entry += sizeof(prefix) - 1;
	for (; *header != '\0'; header++, entry++) {
		c = *header;
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		else if (c == '-')
			c = '_';
		if (*entry != c)
			return (NULL);
	}
	return (*entry == '=' ? entry + 1 : NULL);
}

/* ---- Looking into every place -------------------------------------------- */

static void
read_all_cookies(struct search *search, const char *name, bool own,
    const struct gate_request *request)
{
	const struct gate_credential where = { .cookie = own };
	const char *value;
	size_t at = 0;

	while ((value = gate_request_next(request, "HTTP_COOKIE", &at)) != NULL)
		read_cookies(search, name, &where, value);
}

static void
read_all_headers(struct search *search, const char *name,
    const struct gate_request *request)
{
	const bool by_browser = strcasecmp(name, "Cookie") == 0 ||
	    strcasecmp(name, "Authorization") == 0;
	const struct gate_credential where = { .stated = true,
		.deliberate = !by_browser };
	const char *value;
	size_t i;

	for (i = 0; request->env[i] != NULL; i++) {
		value = header_value(request->env[i], name);
		if (value == NULL)
			continue;
		if (by_browser)
			search->by_browser = true;
		if (!found_text(search, &where, value, strlen(value)))
			search->bad.header = true;
	}
}

static void
read_all(struct search *search, const struct lk_settings *settings,
    const struct gate_request *request)
{
	const struct lk_token_sources *all = &settings->gate.sources;
	struct lk_token_source source;
	const char *value;
	size_t i, at = 0;

	for (i = 0; i < all->n; i++) {
		source = all->v[i];
		if (source.place == LK_TOKEN_BEARER)
			search->accepted.bearer = true;
		else if (source.place == LK_TOKEN_BASIC)
			search->accepted.basic = true;
		else if (source.place == LK_TOKEN_COOKIE)
			read_all_cookies(search, source.name,
			    strcmp(source.name, settings->cookie.name) == 0,
			    request);
		else if (source.place == LK_TOKEN_HEADER)
			read_all_headers(search, source.name, request);
	}
	while ((value = gate_request_next(request, "HTTP_AUTHORIZATION",
	            &at)) != NULL)
		read_authorization(search, value);
}

/* ---- The kind, and what contradicts itself ------------------------------- */

/* How a request contradicts itself that states ${stated} tokens, or NULL. */
static const char *
conflict_of(const struct search *search, size_t stated)
{
	const struct gate_credentials *all = search->all;
	const bool bad_beside = search->bad.header || search->bad.placed ||
	    (stated > 0 && search->bad.cookie) ||
	    (stated > 0 && search->bad.authorization &&
	        all->found[0].authorization);

	if (stated > 0 && all->n > 1)
		return ("The request carries several session tokens that "
		        "differ.");
	if (all->n > 0 && bad_beside)
		return ("The request carries a session token beside something "
		        "that cannot be one.");
	if (search->users_differ)
		return ("The request carries several user names that differ.");
	return (NULL);
}

static enum gate_credentials_kind
kind_of(const struct search *search)
{
	const struct gate_credentials *all = search->all;

	if (search->too_many)
		return (GATE_CREDENTIALS_TOO_MANY);
	if (all->conflict != NULL)
		return (GATE_CREDENTIALS_CONFLICT);
	if (all->n > 0)
		return (all->n == 1 ? GATE_CREDENTIALS_ONE
		                    : GATE_CREDENTIALS_SEVERAL);
	if (search->bad.cookie || search->bad.authorization ||
	    search->bad.header)
		return (GATE_CREDENTIALS_BAD);
	return (GATE_CREDENTIALS_NONE);
}

void
gate_credentials_read(const struct lk_settings *settings,
    const struct gate_request *request, struct gate_credentials *credentials)
{
	struct search search = { .all = credentials,
		.settings = settings,
		.access = request->authorizer };
	size_t i, stated = 0;

	memset(credentials, 0,
	    offsetof(struct gate_credentials, token.text[1]));
	read_all(&search, settings, request);
	for (i = 0; i < credentials->n; i++) {
		if (credentials->found[i].stated)
			stated++;
	}
	credentials->conflict = conflict_of(&search, stated);
	credentials->kind = kind_of(&search);
	credentials->unprompted = search.by_browser;
	if (credentials->kind != GATE_CREDENTIALS_ONE) {
		sodium_memzero(credentials->user, sizeof(credentials->user));
		return;
	}
	gate_credentials_choose(credentials, 0);
	if (credentials->found[0].deliberate)
		credentials->unprompted = false;
}

void
gate_credentials_choose(struct gate_credentials *credentials, size_t i)
{
	credentials->kind = GATE_CREDENTIALS_ONE;
	memcpy(&credentials->token, &credentials->found[i].token,
	    written(&credentials->found[i].token));
	credentials->cookie = credentials->found[i].cookie;
}

void
gate_credentials_wipe(struct gate_credentials *credentials)
{
	size_t i;

	for (i = 0; i < credentials->n; i++)
		sodium_memzero(&credentials->found[i].token,
		    written(&credentials->found[i].token));
	sodium_memzero(credentials,
	    offsetof(struct gate_credentials, token) +
	        written(&credentials->token));
}
