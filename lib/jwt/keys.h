/* Ed25519 keys as JWK and JWKS (RFC 7517, 8037).  Inside. */
#ifndef LK_JWT_KEYS_H_
#define LK_JWT_KEYS_H_

#include <sodium.h>

#include "base/buf.h"
#include "latchkey.h"

/* Most public keys, and the largest file of keys, in bytes. */
#define LK_JWT_KEYS_MAX 32
#define LK_JWT_FILE_MAX 65536
/* base64url of a key, of a seed and of a thumbprint, all of 32 bytes. */
#define LK_JWT_TEXT_LEN 43

struct lk_jwt_key {
	uint8_t public[crypto_sign_PUBLICKEYBYTES];
	char kid[LK_JWT_TEXT_LEN + 1]; /* RFC 7638 thumbprint */
};

/** One block without pointers. */
struct lk_jwt_keys {
	size_t n;
	struct lk_jwt_key v[LK_JWT_KEYS_MAX];
};

/** Wiped by who holds it. */
struct lk_jwt_signer {
	struct lk_jwt_key key;
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
};

/** lk_jwt_key_name(key): Set the kid, by the public key. */
void lk_jwt_key_name(struct lk_jwt_key *key);

/** lk_jwt_key_print(key, out): Append the public JWK. */
void lk_jwt_key_print(const struct lk_jwt_key *key, struct lk_buf *out);

/** lk_jwt_key_find(keys, kid): the one of that name, or NULL. */
const struct lk_jwt_key *lk_jwt_key_find(const struct lk_jwt_keys *keys,
    const char *kid);

/**
 * lk_jwt_keys_read(text, len, keys, wrong):
 * Add what ${text} holds, a JWKS or one JWK.  Each must be a public Ed25519 key
 * for signatures; false, and in ${wrong} what was expected, if one is not.
 */
bool lk_jwt_keys_read(const char *text, size_t len, struct lk_jwt_keys *keys,
    const char **wrong) LK_MUST_CHECK;

/**
 * lk_jwt_signer_read(path, signer, error):
 * Read a private JWK from a file to which others have no access.
 */
enum lk_status lk_jwt_signer_read(const char *path,
    struct lk_jwt_signer *signer, struct lk_error *error) LK_MUST_CHECK;

#endif /* !LK_JWT_KEYS_H_ */
