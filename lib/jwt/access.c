/* An access token as a whole: envelope, claims and settings put together. */
#include <stdlib.h>
#include <string.h>

#include "base/base64url.h"
#include "base/error.h"
#include "base/trusted_file.h"
#include "jwt/claims.h"
#include "jwt/jws.h"
#include "session/token.h"
#include "session/user.h"

/* Most claims, and what is copied into them, besides keys of the envelope. */
#define CLAIMS_MAX 16384

/* ---- Settings ---------------------------------------------------------- */

/* Read all files of public keys. */
static enum lk_status
read_keys(struct lk_settings *settings, struct lk_error *error)
{
	const struct lk_strings *paths = &settings->jwt.verify;
	enum lk_status status = LK_OK;
	struct lk_error why = { "" };
	const char *wrong = "";
	struct lk_buf content;
	size_t i;

	free(settings->jwt.keys);
	if ((settings->jwt.keys = calloc(1, sizeof(*settings->jwt.keys))) ==
	    NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	for (i = 0; i < paths->n && status == LK_OK; i++) {
		content = (struct lk_buf)LK_BUF_INIT(LK_JWT_FILE_MAX);
		status = lk_trusted_file_read(paths->v[i], &content, &why);
		if (status != LK_OK)
			status = lk_settings_refuse(settings, "jwt.verify",
			    "jwt.issuer", error, "%s", why.text);
		else if (content.len == 0 ||
		    !lk_jwt_keys_read(content.data, content.len,
		        settings->jwt.keys, &wrong))
			status = lk_settings_refuse(settings, "jwt.verify",
			    "jwt.issuer", error, "%s: expected %s", paths->v[i],
			    content.len == 0 ? "keys" : wrong);
		lk_buf_free(&content);
	}
	return (status);
}

enum lk_status
lk_jwt_check(struct lk_settings *settings, struct lk_error *error)
{
	if (settings->jwt.issuer[0] == '\0')
		return (LK_OK);
	if (settings->jwt.audience.n == 0)
		return (lk_settings_refuse(settings, "jwt.audience",
		    "jwt.issuer", error,
		    "expected the names that access tokens are for, since "
		    "jwt.issuer is set, got none"));
	return (read_keys(settings, error));
}

/* ---- Verifying --------------------------------------------------------- */

bool
lk_jwt_has_shape(const struct lk_settings *settings,
    const struct lk_token *token)
{
	const char *p = token->text, *const end = p + token->len, *dot;
	int dots = 0;

	if (settings->jwt.keys == NULL)
		return (false);
	for (; dots < 2; dots++, p = dot + 1) {
		dot = memchr(p, '.', (size_t)(end - p));
		if (dot == NULL || dot == p ||
		    lk_base64url_check(p, (size_t)(dot - p)) != LK_OK)
			return (false);
	}
	return (p < end && lk_base64url_check(p, (size_t)(end - p)) == LK_OK &&
	    !lk_token_has_shape(token));
}

enum lk_status
lk_jwt_verify(const struct lk_settings *settings, const struct lk_token *token,
    int64_t now, struct lk_buf *claims, struct lk_session *session,
    struct lk_error *why)
{
	struct lk_buf payload = LK_BUF_INIT(LK_TOKEN_MAX);
	enum lk_status status = LK_FAULT;

	memset(session, 0, sizeof(*session));
	if (settings->jwt.keys == NULL)
		return (lk_fail(why, LK_MALFORMED,
		    "access tokens are not taken: jwt.issuer is not set"));
	status = lk_jws_open(settings->jwt.keys, token, &payload, why);
	if (status == LK_OK)
		status = lk_jwt_claims_read(settings, payload.data, payload.len,
		    now, session, why);
	if (status == LK_OK && claims != NULL)
		lk_buf_add(claims, payload.data, payload.len);
	lk_buf_free(&payload);
	if (status != LK_OK)
		memset(session, 0, sizeof(*session));
	return (status);
}

/* ---- Issuing ----------------------------------------------------------- */

/* Fill in from when to when the token is valid. */
static enum lk_status
set_times(const struct lk_jwt_order *order, struct lk_session *session,
    struct lk_error *error)
{
	int64_t end = order->now + order->ttl;

	if (end > session->expires_at)
		end = session->expires_at;
	if (end <= order->now)
		return (lk_fail(error, LK_EXPIRED, "the session is over"));
	session->issued_at = order->now;
	session->expires_at = end;
	session->ttl = end - order->now;
	return (LK_OK);
}

/* Read the key to sign with, if others can verify what it signs. */
static enum lk_status
read_signer(const struct lk_settings *settings, const char *path,
    struct lk_jwt_signer *signer, struct lk_error *error)
{
	enum lk_status status = lk_jwt_signer_read(path, signer, error);

	if (status == LK_OK &&
	    lk_jwt_key_find(settings->jwt.keys, signer->key.kid) == NULL)
		status = lk_fail(error, LK_E_SETTINGS,
		    "%s: expected a key that jwt.verify has too", path);
	return (status);
}

enum lk_status
lk_jwt_sign_check(const struct lk_settings *settings, const char *path,
    struct lk_error *error)
{
	struct lk_jwt_signer signer;
	enum lk_status status = read_signer(settings, path, &signer, error);

	sodium_memzero(&signer, sizeof(signer));
	return (status);
}

enum lk_status
lk_jwt_issue(const struct lk_settings *settings,
    const struct lk_jwt_order *order, struct lk_session *session,
    struct lk_token *token, struct lk_error *error)
{
	struct lk_buf payload = LK_BUF_INIT(CLAIMS_MAX + LK_DETAIL_MAX);
	struct lk_jwt_signer signer;
	enum lk_status status = LK_FAULT;

	lk_token_wipe(token);
	if (settings->jwt.keys == NULL || settings->jwt.sign[0] == '\0')
		return (lk_fail(error, LK_E_SETTINGS,
		    "jwt: expected an issuer and a key to sign with "
		    "(jwt.sign)"));
	if (!lk_user_id_fits(session->user))
		return (lk_fail(error, LK_E_INVAL,
		    "user id: expected " LK_USER_ID_WANT));
	if ((status = set_times(order, session, error)) != LK_OK)
		return (status);
	status = read_signer(settings, settings->jwt.sign, &signer, error);
	if (status == LK_OK)
		status = lk_jwt_claims_write(settings, order, session, &payload,
		    error);
	if (status == LK_OK) {
		status = lk_jws_seal(&signer, payload.data, payload.len, token);
		if (status != LK_OK)
			lk_error_set(error, "the access token is too long");
	}
	sodium_memzero(&signer, sizeof(signer));
	lk_buf_free(&payload);
	return (status);
}

void
lk_jwt_jwks(const struct lk_settings *settings, struct lk_buf *out)
{
	const struct lk_jwt_keys *keys = settings->jwt.keys;
	size_t i;

	lk_buf_str(out, "{\"keys\":[");
	for (i = 0; keys != NULL && i < keys->n; i++) {
		if (i > 0)
			lk_buf_str(out, ",");
		lk_jwt_key_print(&keys->v[i], out);
	}
	lk_buf_str(out, "]}");
}
