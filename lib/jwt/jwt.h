/*
 * The face of this folder: access tokens, which whoever has a public key can
 * verify.  Each is a compact JWS (RFC 7515) of claims (RFC 7519, 9068), signed
 * with Ed25519 (RFC 8037) and nothing else.  jws.h is the envelope, claims.h
 * what is in it and keys.h whose it is; they are the inside.
 *
 * What a JWS says is read only once its signature is found right.  Why one is
 * refused is for who runs the verifier, never for who holds the token.
 */
#ifndef LK_JWT_H_
#define LK_JWT_H_

#include "base/buf.h"
#include "latchkey.h"
#include "settings/settings.h"

/**
 * lk_jwt_check(settings, error):
 * Check the group `jwt`, and read the public keys that `jwt.verify` names into
 * ${settings}.
 */
enum lk_status lk_jwt_check(struct lk_settings *settings,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_jwt_has_shape(settings, token):
 * Whether access tokens are taken, and ${token} looks like one: three parts of
 * base64url with dots between, and no session's token (lk_token_parse()).
 */
bool lk_jwt_has_shape(const struct lk_settings *settings,
    const struct lk_token *token);

/**
 * lk_jwt_verify(settings, token, now, claims, session, why):
 * What ${token} says of its session, when it is ${now}: expires_at is its own
 * `exp`, and within the leeway may lie in the past.  Unless ${claims} is NULL,
 * append the JSON of its claims.  LK_MALFORMED if it is no access token,
 * LK_UNKNOWN if no key of ours has signed it or it is not for here,
 * LK_EXPIRED; ${why} says it in words.
 */
enum lk_status lk_jwt_verify(const struct lk_settings *settings,
    const struct lk_token *token, int64_t now, struct lk_buf *claims,
    struct lk_session *session, struct lk_error *why) LK_MUST_CHECK;

/** What an access token is made of. */
struct lk_jwt_order {
	const char *audience;
	int64_t now;
	int64_t ttl;           /* seconds */
	const char *detail;    /* JSON to copy `jwt.claims` from, or NULL */
	const uint8_t *random; /* LK_JWT_RANDOM_LEN bytes */
};

#define LK_JWT_RANDOM_LEN 16

/**
 * lk_jwt_issue(settings, order, session, token, error):
 * Sign an access token for the live ${session}, which then says what the token
 * does: its end is no later than that of the session before.  Opens the key
 * `jwt.sign`, and forgets it.  LK_EXPIRED if there is no time left.
 */
enum lk_status lk_jwt_issue(const struct lk_settings *settings,
    const struct lk_jwt_order *order, struct lk_session *session,
    struct lk_token *token, struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_jwt_sign_check(settings, path, error):
 * Whether the file ${path} has a private key that lk_jwt_issue() would sign
 * with: nobody else has access to it, and its public half verifies.
 */
enum lk_status lk_jwt_sign_check(const struct lk_settings *settings,
    const char *path, struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_jwt_keygen(path, jwk, error):
 * Make a private key in the new file ${path}, which its group may read, and
 * append the public JWK to ${jwk}.
 */
enum lk_status lk_jwt_keygen(const char *path, struct lk_buf *jwk,
    struct lk_error *error) LK_MUST_CHECK;

/** lk_jwt_jwks(settings, out): Append the keys that verify, as a JWKS. */
void lk_jwt_jwks(const struct lk_settings *settings, struct lk_buf *out);

#endif /* !LK_JWT_H_ */
