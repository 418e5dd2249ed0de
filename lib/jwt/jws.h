/* The envelope: compact JWS with EdDSA (RFC 7515, 8037).  Inside. */
#ifndef LK_JWS_H_
#define LK_JWS_H_

#include "jwt/keys.h"

/* Longest header, in bytes, decoded. */
#define LK_JWS_HEADER_MAX 512

/**
 * lk_jws_open(keys, token, payload, why):
 * Append what ${token} is the signed envelope of to ${payload}, if one of
 * ${keys} has signed it: the key that its header names, by the one algorithm
 * that keys are for.  LK_MALFORMED if it is no such envelope, LK_UNKNOWN if no
 * key of ours has signed it.
 */
enum lk_status lk_jws_open(const struct lk_jwt_keys *keys,
    const struct lk_token *token, struct lk_buf *payload,
    struct lk_error *why) LK_MUST_CHECK;

/**
 * lk_jws_seal(signer, payload, len, token):
 * Sign ${payload}; LK_E_INVAL if that would be longer than a token.
 */
enum lk_status lk_jws_seal(const struct lk_jwt_signer *signer,
    const char *payload, size_t len, struct lk_token *token) LK_MUST_CHECK;

#endif /* !LK_JWS_H_ */
