#include <stdio.h>
#include <string.h>

#include "base/base64url.h"
#include "base/error.h"
#include "base/json.h"
#include "jwt/jws.h"

/* base64url of a signature of 64 bytes. */
#define SIGNATURE_TEXT_LEN 86

/* The three parts of a compact JWS, by where the dots are. */
struct parts {
	const char *payload;
	const char *signature;
	size_t header_len, payload_len, signature_len;
	size_t signed_len; /* of the two that are signed, and their dot */
};

static bool
split(const struct lk_token *token, struct parts *parts)
{
	const char *text = token->text, *end = text + token->len, *dot;

	if ((dot = memchr(text, '.', token->len)) == NULL)
		return (false);
	parts->header_len = (size_t)(dot - text);
	parts->payload = dot + 1;
	dot = memchr(parts->payload, '.', (size_t)(end - parts->payload));
	if (dot == NULL)
		return (false);
	parts->payload_len = (size_t)(dot - parts->payload);
	parts->signed_len = (size_t)(dot - text);
	parts->signature = dot + 1;
	parts->signature_len = (size_t)(end - parts->signature);
	return (true);
}

/* Members of the header that count. */
enum { ALG = 0, TYP, KID, CRIT, B64, MEMBERS };

/* Whether ${member} is the string ${one} or ${other}. */
static bool
is(const struct lk_json_wanted *member, const char *one, const char *other)
{
	char text[32];

	return (member->value != NULL &&
	    lk_json_text(member->value, member->len, text, sizeof(text)) &&
	    (strcmp(text, one) == 0 || strcmp(text, other) == 0));
}

/*
 * Read the header: NULL, or what is wrong with it.  Whatever else it says is
 * ignored, where keys are to be found (jku, jwk, x5u, x5c) above all.
 */
static const char *
read_header(const char *header, size_t len, char kid[LK_JWT_TEXT_LEN + 1])
{
	struct lk_json_wanted members[MEMBERS] = { [ALG] = { .name = "alg" },
		[TYP] = { .name = "typ" },
		[KID] = { .name = "kid" },
		[CRIT] = { .name = "crit" },
		[B64] = { .name = "b64" } };

	if (!lk_json_object(header, len, members, MEMBERS))
		return ("its header is no JSON object that all read alike");
	if (!is(&members[ALG], "EdDSA", "Ed25519"))
		return ("its algorithm is not EdDSA");
	if (!is(&members[TYP], "at+jwt", "application/at+jwt"))
		return ("its type is not at+jwt");
	if (members[CRIT].value != NULL || members[B64].value != NULL)
		return ("its header has an extension (crit, b64)");
	if (members[KID].value == NULL ||
	    !lk_json_text(members[KID].value, members[KID].len, kid,
	        LK_JWT_TEXT_LEN + 1))
		return ("its header names no key (kid)");
	return (NULL);
}

/* Find the key that the header names. */
static enum lk_status
find_key(const struct lk_jwt_keys *keys, const char *text, size_t len,
    const struct lk_jwt_key **key, struct lk_error *why)
{
	char kid[LK_JWT_TEXT_LEN + 1];
	uint8_t header[LK_JWS_HEADER_MAX];
	const char *wrong = "its header is not base64url, or too long";
	size_t header_len;

	*key = NULL;
	if (lk_base64url_decode(text, len, header, sizeof(header),
	        &header_len) == LK_OK)
		wrong = read_header((const char *)header, header_len, kid);
	if (wrong != NULL)
		return (lk_fail(why, LK_MALFORMED, "%s", wrong));
	if ((*key = lk_jwt_key_find(keys, kid)) == NULL)
		return (lk_fail(why, LK_UNKNOWN,
		    "its key (kid) is none of jwt.verify"));
	return (LK_OK);
}

/* Decode the payload, which has a good signature. */
static enum lk_status
decode_payload(const struct parts *parts, struct lk_buf *payload,
    struct lk_error *why)
{
	const size_t room = parts->payload_len / 4 * 3 + 3;
	char *bytes = lk_buf_room(payload, room);
	size_t len;

	if (bytes == NULL)
		return (lk_fail(why, LK_E_NOMEM, "out of memory"));
	if (lk_base64url_decode(parts->payload, parts->payload_len,
	        (uint8_t *)bytes, room, &len) != LK_OK)
		return (
		    lk_fail(why, LK_MALFORMED, "its claims are not base64url"));
	lk_buf_grew(payload, len);
	return (LK_OK);
}

enum lk_status
lk_jws_open(const struct lk_jwt_keys *keys, const struct lk_token *token,
    struct lk_buf *payload, struct lk_error *why)
{
	uint8_t signature[crypto_sign_BYTES];
	const struct lk_jwt_key *key;
	enum lk_status status = LK_FAULT;
	struct parts parts;
	size_t len;

	if (!split(token, &parts))
		return (lk_fail(why, LK_MALFORMED,
		    "it is not three parts with dots between"));
	status = find_key(keys, token->text, parts.header_len, &key, why);
	if (status != LK_OK)
		return (status);
	if (lk_base64url_decode(parts.signature, parts.signature_len, signature,
	        sizeof(signature), &len) != LK_OK ||
	    len != sizeof(signature))
		return (lk_fail(why, LK_MALFORMED,
		    "its signature is not 64 bytes in base64url"));
	if (crypto_sign_verify_detached(signature,
	        (const unsigned char *)token->text, parts.signed_len,
	        key->public) != 0)
		return (lk_fail(why, LK_UNKNOWN, "its signature is wrong"));
	return (decode_payload(&parts, payload, why));
}

enum lk_status
lk_jws_seal(const struct lk_jwt_signer *signer, const char *payload, size_t len,
    struct lk_token *token)
{
	uint8_t signature[crypto_sign_BYTES];
	char header[160];
	size_t n;

	lk_token_wipe(token);
	n = (size_t)snprintf(header, sizeof(header),
	    "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
	    signer->key.kid);
	if ((n + 2) / 3 * 4 + 1 + (len + 2) / 3 * 4 + 1 + SIGNATURE_TEXT_LEN >
	    LK_TOKEN_MAX)
		return (LK_E_INVAL);
	lk_base64url((const uint8_t *)header, n, token->text);
	n = strlen(token->text);
	token->text[n++] = '.';
	lk_base64url((const uint8_t *)payload, len, token->text + n);
	n += strlen(token->text + n);
	(void)crypto_sign_detached(signature, NULL,
	    (const unsigned char *)token->text, n, signer->secret);
	token->text[n++] = '.';
	lk_base64url(signature, sizeof(signature), token->text + n);
	token->len = n + SIGNATURE_TEXT_LEN;
	return (LK_OK);
}
