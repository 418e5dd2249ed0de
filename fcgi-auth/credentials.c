#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "credentials.h"
#include "token_source.h"

/* Longest user name, colon and token that Basic can carry. */
#define BASIC_MAX (LK_USER_ID_MAX + 1 + LK_TOKEN_MAX)

/* Which schemes of an Authorization header are accepted. */
struct schemes {
	bool bearer;
	bool basic;
};

/* ---- Putting together what was found ----------------------------------- */

/* Something was found that cannot be a token. */
static void
found_bad(struct gate_credentials *found)
{
	if (found->kind == GATE_CREDENTIALS_NONE)
		found->kind = GATE_CREDENTIALS_BAD;
	else if (found->kind != GATE_CREDENTIALS_BAD)
		found->kind = GATE_CREDENTIALS_CONFLICT;
}

/* A well-formed token was found. */
static void
found_token(struct gate_credentials *found, const struct lk_token *token)
{
	switch (found->kind) {
	case GATE_CREDENTIALS_NONE:
		found->token = *token;
		found->kind = GATE_CREDENTIALS_ONE;
		break;
	case GATE_CREDENTIALS_ONE:
		if (found->token.len != token->len ||
		    sodium_memcmp(found->token.text, token->text, token->len) !=
		        0)
			found->kind = GATE_CREDENTIALS_CONFLICT;
		break;
	case GATE_CREDENTIALS_BAD:
	case GATE_CREDENTIALS_CONFLICT:
		found->kind = GATE_CREDENTIALS_CONFLICT;
		break;
	}
}

/* Text was found where a token belongs. */
static void
found_text(struct gate_credentials *found, const char *text, size_t len)
{
	struct lk_token token;

	if (lk_token_set(&token, text, len) == LK_OK)
		found_token(found, &token);
	else
		found_bad(found);
	lk_token_wipe(&token);
}

/* A user name was found; "" is none. */
static void
found_user(struct gate_credentials *found, const char *user, size_t len)
{
	if (len == 0)
		return;
	if (found->user[0] == '\0') {
		memcpy(found->user, user, len);
		found->user[len] = '\0';
	} else if (strlen(found->user) != len ||
	    memcmp(found->user, user, len) != 0) {
		found->kind = GATE_CREDENTIALS_CONFLICT;
	}
}

/* ---- Authorization ----------------------------------------------------- */

/* Whether it is a b64token (RFC 6750), also known as token68 (RFC 9110). */
static bool
is_token68(const char *text, size_t len)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	    "-._~+/";
	size_t i = 0;

	while (i < len && text[i] != '\0' && strchr(alphabet, text[i]) != NULL)
		i++;
	if (i == 0)
		return (false);
	while (i < len && text[i] == '=')
		i++;
	return (i == len);
}

/* Decoded Basic credentials: a user name, a colon, a token. */
static void
read_user_pass(struct gate_credentials *found, const char *pair, size_t len)
{
	const char *colon = memchr(pair, ':', len);
	size_t user_len;

	if (colon == NULL) {
		found_bad(found);
		return;
	}
	user_len = (size_t)(colon - pair);
	if (user_len > LK_USER_ID_MAX || memchr(pair, '\0', user_len) != NULL) {
		found_bad(found);
		return;
	}
	found_text(found, colon + 1, len - user_len - 1);
	found_user(found, pair, user_len);
}

static void
read_basic(struct gate_credentials *found, const char *text, size_t len)
{
	char pair[BASIC_MAX];
	size_t pair_len;

	if (is_token68(text, len) &&
	    sodium_base642bin((unsigned char *)pair, sizeof(pair), text, len,
	        NULL, &pair_len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0)
		read_user_pass(found, pair, pair_len);
	else
		found_bad(found);
	sodium_memzero(pair, sizeof(pair));
}

static void
read_bearer(struct gate_credentials *found, const char *text, size_t len)
{
	found->deliberate = true;
	if (is_token68(text, len))
		found_text(found, text, len);
	else
		found_bad(found);
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
read_element(struct gate_credentials *found, const struct schemes *accepted,
    const char *text, size_t len, bool *ours)
{
	size_t scheme = 0, start;

	while (scheme < len && text[scheme] != ' ' && text[scheme] != '\t')
		scheme++;
	start = scheme;
	while (start < len && text[start] == ' ')
		start++;
	while (len > start && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	if (accepted->bearer && is_scheme(text, scheme, "Bearer")) {
		read_bearer(found, text + start, len - start);
		*ours = true;
	} else if (accepted->basic && is_scheme(text, scheme, "Basic")) {
		read_basic(found, text + start, len - start);
		*ours = true;
	} else if (*ours) {
		found_bad(found);
	}
}

/* A whole Authorization header; web servers join several with commas. */
static void
read_authorization(struct gate_credentials *found,
    const struct schemes *accepted, const char *value)
{
	bool ours = false;
	size_t len;

	for (;;) {
		value += strspn(value, " \t,");
		if (*value == '\0')
			break;
		len = element_length(value);
		read_element(found, accepted, value, len, &ours);
		value += len;
	}
}

/* ---- Cookies and other headers ----------------------------------------- */

/* The value of a cookie, of which RFC 6265 lets quotes be a part. */
static void
read_cookie_value(struct gate_credentials *found, const char *text, size_t len)
{
	while (len > 0 && (*text == ' ' || *text == '\t')) {
		text++;
		len--;
	}
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
		text++;
		len -= 2;
	}
	found_text(found, text, len);
}

/* All cookies called ${name} of one Cookie header. */
static void
read_cookies(struct gate_credentials *found, const char *name,
    const char *header)
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
				read_cookie_value(found, header + rest + 1,
				    len - rest - 1);
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

/* ---- All of them ------------------------------------------------------- */

static void
read_all_authorizations(struct gate_credentials *found,
    const struct schemes *accepted, const struct gate_request *request)
{
	const char *value;
	size_t at = 0;

	while ((value = gate_request_next(request, "HTTP_AUTHORIZATION",
	            &at)) != NULL)
		read_authorization(found, accepted, value);
}

static void
read_all_cookies(struct gate_credentials *found, const char *name,
    const struct gate_request *request)
{
	const char *value;
	size_t at = 0;

	while ((value = gate_request_next(request, "HTTP_COOKIE", &at)) != NULL)
		read_cookies(found, name, value);
}

static void
read_all_headers(struct gate_credentials *found, const char *name,
    const struct gate_request *request)
{
	const bool by_browser = strcasecmp(name, "Cookie") == 0 ||
	    strcasecmp(name, "Authorization") == 0;
	const char *value;
	size_t i;

	for (i = 0; request->env[i] != NULL; i++) {
		value = header_value(request->env[i], name);
		if (value == NULL)
			continue;
		found_text(found, value, strlen(value));
		if (!by_browser)
			found->deliberate = true;
	}
}

void
gate_credentials_read(const struct lk_settings *settings,
    const struct gate_request *request, struct gate_credentials *credentials)
{
	struct schemes accepted = { false, false };
	struct lk_token_source source;
	size_t i;

	memset(credentials, 0, sizeof(*credentials));
	for (i = 0; i < settings->gate.tokens.n; i++) {
		source = lk_token_source_at(settings, i);
		if (source.place == LK_TOKEN_BEARER)
			accepted.bearer = true;
		else if (source.place == LK_TOKEN_BASIC)
			accepted.basic = true;
		else if (source.place == LK_TOKEN_COOKIE)
			read_all_cookies(credentials, source.name, request);
		else if (source.place == LK_TOKEN_HEADER)
			read_all_headers(credentials, source.name, request);
	}
	read_all_authorizations(credentials, &accepted, request);
	if (credentials->kind != GATE_CREDENTIALS_ONE) {
		lk_token_wipe(&credentials->token);
		sodium_memzero(credentials->user, sizeof(credentials->user));
		credentials->deliberate = false;
	}
}

void
gate_credentials_wipe(struct gate_credentials *credentials)
{
	sodium_memzero(credentials, sizeof(*credentials));
}
