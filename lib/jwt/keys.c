#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base64url.h"
#include "base/error.h"
#include "base/json.h"
#include "base/trusted_file.h"
#include "jwt/jwt.h"
#include "jwt/keys.h"

#define PRIVATE_MODE 0640

/* ---- Public keys ------------------------------------------------------- */

void
lk_jwt_key_name(struct lk_jwt_key *key)
{
	char x[LK_JWT_TEXT_LEN + 1], text[96];
	uint8_t thumb[crypto_hash_sha256_BYTES];

	/* RFC 7638, RFC 8037 appendix A.3: the members that make the key, in
	 * the order of their names. */
	lk_base64url(key->public, sizeof(key->public), x);
	(void)snprintf(text, sizeof(text),
	    "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", x);
	crypto_hash_sha256(thumb, (const unsigned char *)text, strlen(text));
	lk_base64url(thumb, sizeof(thumb), key->kid);
}

void
lk_jwt_key_print(const struct lk_jwt_key *key, struct lk_buf *out)
{
	char x[LK_JWT_TEXT_LEN + 1];

	lk_base64url(key->public, sizeof(key->public), x);
	lk_buf_printf(out,
	    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\","
	    "\"kid\":\"%s\",\"use\":\"sig\",\"alg\":\"EdDSA\"}",
	    x, key->kid);
}

const struct lk_jwt_key *
lk_jwt_key_find(const struct lk_jwt_keys *keys, const char *kid)
{
	size_t i;

	for (i = 0; i < keys->n; i++) {
		if (strcmp(keys->v[i].kid, kid) == 0)
			return (&keys->v[i]);
	}
	return (NULL);
}

/* ---- JWK --------------------------------------------------------------- */

/* A JSON object, by its text. */
struct object {
	const char *text;
	size_t len;
};

/* Whether member ${name} is the string ${one} or ${other}, or is not there. */
static bool
may_be(const struct object *jwk, const char *name, const char *one,
    const char *other)
{
	const char *value;
	char text[64];
	size_t len;

	if (!lk_json_member(jwk->text, jwk->len, name, &value, &len))
		return (true);
	return (lk_json_text(value, len, text, sizeof(text)) &&
	    (strcmp(text, one) == 0 || strcmp(text, other) == 0));
}

/* Whether one of `key_ops` is ${use}, if they are there. */
static bool
may_do(const struct object *jwk, const char *use)
{
	const char *ops, *op;
	size_t ops_len, len, at = 0;
	char text[16];

	if (!lk_json_member(jwk->text, jwk->len, "key_ops", &ops, &ops_len))
		return (true);
	while (lk_json_element(ops, ops_len, &at, &op, &len)) {
		if (lk_json_text(op, len, text, sizeof(text)) &&
		    strcmp(text, use) == 0)
			return (true);
	}
	return (false);
}

/* Decode the 32 bytes of member ${name}. */
static bool
take_bytes(const struct object *jwk, const char *name, uint8_t bytes[32])
{
	char text[LK_JWT_TEXT_LEN + 1];
	const char *value;
	size_t len;
	bool taken;

	taken = lk_json_member(jwk->text, jwk->len, name, &value, &len) &&
	    lk_json_text(value, len, text, sizeof(text)) &&
	    lk_base64url_decode(text, strlen(text), bytes, 32, &len) == LK_OK &&
	    len == 32;
	sodium_memzero(text, sizeof(text));
	return (taken);
}

/* Read the public part of a key that is to ${use}; NULL, or what is wrong. */
static const char *
read_jwk(const struct object *jwk, const char *use, struct lk_jwt_key *key)
{
	const char *value;
	size_t len;

	if (!lk_json_member(jwk->text, jwk->len, "kty", &value, &len) ||
	    !lk_json_member(jwk->text, jwk->len, "crv", &value, &len) ||
	    !may_be(jwk, "kty", "OKP", "OKP") ||
	    !may_be(jwk, "crv", "Ed25519", "Ed25519"))
		return ("keys with \"kty\" \"OKP\" and \"crv\" \"Ed25519\"");
	if (!may_be(jwk, "alg", "EdDSA", "Ed25519") ||
	    !may_be(jwk, "use", "sig", "sig") || !may_do(jwk, use))
		return ("keys that are for signatures with EdDSA");
	if (!take_bytes(jwk, "x", key->public) ||
	    crypto_core_ed25519_is_valid_point(key->public) != 1)
		return ("keys whose \"x\" is a point of Ed25519 in base64url");
	lk_jwt_key_name(key);
	if (!may_be(jwk, "kid", key->kid, key->kid))
		return ("keys whose \"kid\" is their thumbprint (RFC 7638)");
	return (NULL);
}

static bool
add_key(const struct object *jwk, struct lk_jwt_keys *keys, const char **wrong)
{
	struct lk_jwt_key key;
	const char *value;
	size_t len;

	if (lk_json_member(jwk->text, jwk->len, "d", &value, &len))
		*wrong = "public keys alone, without a \"d\"";
	else
		*wrong = read_jwk(jwk, "verify", &key);
	if (*wrong == NULL && lk_jwt_key_find(keys, key.kid) == NULL) {
		if (keys->n == LK_JWT_KEYS_MAX)
			*wrong = "at most 32 keys";
		else
			keys->v[keys->n++] = key;
	}
	return (*wrong == NULL);
}

bool
lk_jwt_keys_read(const char *text, size_t len, struct lk_jwt_keys *keys,
    const char **wrong)
{
	struct object jwk = { text, len };
	const size_t before = keys->n;
	size_t list_len, at = 0;
	const char *list;
	bool any = false;

	*wrong = "a JWKS or a JWK, in JSON";
	if (!lk_json_is_object(text, len))
		return (false);
	if (!lk_json_member(text, len, "keys", &list, &list_len))
		return (add_key(&jwk, keys, wrong));
	while (lk_json_element(list, list_len, &at, &jwk.text, &jwk.len)) {
		any = true;
		if (add_key(&jwk, keys, wrong))
			continue;
		keys->n = before;
		return (false);
	}
	if (!any)
		*wrong = "a JWKS with at least one key";
	return (any);
}

/* ---- The private key --------------------------------------------------- */

static const char *
read_signer(const struct lk_buf *content, struct lk_jwt_signer *signer)
{
	const struct object jwk = { content->data, content->len };
	uint8_t seed[crypto_sign_SEEDBYTES];
	uint8_t public[crypto_sign_PUBLICKEYBYTES];
	const char *wrong = "a private JWK, in JSON";

	if (content->len == 0 || !lk_json_is_object(jwk.text, jwk.len))
		return (wrong);
	if ((wrong = read_jwk(&jwk, "sign", &signer->key)) != NULL)
		return (wrong);
	if (!take_bytes(&jwk, "d", seed))
		wrong = "a private key, whose \"d\" is 32 bytes in base64url";
	else {
		(void)crypto_sign_seed_keypair(public, signer->secret, seed);
		if (sodium_memcmp(public, signer->key.public, sizeof(public)) !=
		    0)
			wrong = "a \"d\" and an \"x\" of the same key";
	}
	sodium_memzero(seed, sizeof(seed));
	return (wrong);
}

enum lk_status
lk_jwt_signer_read(const char *path, struct lk_jwt_signer *signer,
    struct lk_error *error)
{
	struct lk_buf content = LK_BUF_INIT(LK_JWT_FILE_MAX);
	enum lk_status status = LK_FAULT;
	const char *wrong;

	memset(signer, 0, sizeof(*signer));
	status = lk_trusted_file_read_secret(path, &content, error);
	if (status == LK_OK && (wrong = read_signer(&content, signer)) != NULL)
		status = lk_fail(error, LK_E_SETTINGS, "%s: expected %s", path,
		    wrong);
	lk_buf_free(&content);
	if (status != LK_OK)
		sodium_memzero(signer, sizeof(*signer));
	return (status);
}

/* Write ${content} to the new file ${path}; 0 or an errno. */
static int
write_new(const char *path, const struct lk_buf *content)
{
	int fd, error = 0;
	ssize_t n;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    PRIVATE_MODE);
	if (fd < 0)
		return (errno);
	n = write(fd, content->data, content->len);
	if (n < 0 || fsync(fd) != 0)
		error = errno;
	else if ((size_t)n != content->len)
		error = ENOSPC;
	if (close(fd) != 0 && error == 0)
		error = errno;
	if (error != 0)
		(void)unlink(path);
	return (error);
}

enum lk_status
lk_jwt_keygen(const char *path, struct lk_buf *jwk, struct lk_error *error)
{
	struct lk_buf content = LK_BUF_INIT(LK_JWT_FILE_MAX);
	char x[LK_JWT_TEXT_LEN + 1], d[LK_JWT_TEXT_LEN + 1];
	struct lk_jwt_signer signer;
	enum lk_status status = LK_OK;
	int failed;

	if (sodium_init() < 0)
		return (lk_fail(error, LK_E_STORE, "no random source"));
	/* libsodium's secret key begins with the seed. */
	(void)crypto_sign_keypair(signer.key.public, signer.secret);
	lk_base64url(signer.key.public, sizeof(signer.key.public), x);
	lk_base64url(signer.secret, crypto_sign_SEEDBYTES, d);
	lk_buf_printf(&content,
	    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\",\"d\":\"%s\"}\n",
	    x, d);
	if (content.failed)
		status = lk_fail(error, LK_E_NOMEM, "out of memory");
	else if (path[0] != '/')
		status = lk_fail(error, LK_E_INVAL,
		    "%s: expected an absolute path", path);
	else if ((failed = write_new(path, &content)) != 0)
		status = lk_fail(error, LK_E_INVAL, "%s: %s", path,
		    strerror(failed));
	/* What could not be read to sign with is of no use. */
	else if ((status = lk_jwt_signer_read(path, &signer, error)) == LK_OK)
		lk_jwt_key_print(&signer.key, jwk);
	else
		(void)unlink(path);
	sodium_memzero(&signer, sizeof(signer));
	sodium_memzero(d, sizeof(d));
	lk_buf_free(&content);
	return (status);
}
