/*
 * Access tokens and files of keys.  An input that begins with T is a header and
 * behind a newline claims, which a good key signs, so that all is read that can
 * be: what is taken is in order.  As it stands it is a token too, which nobody
 * has signed and which is refused.  Any other is a file of public keys: each
 * that is taken is printed, and what was printed reads as the same.
 */
#include <string.h>

#include "base/base64url.h"
#include "base/string_list.h"
#include "fuzz.h"
#include "jwt/jws.h"
#include "jwt/jwt.h"

#define NOW 1000000

/* Settings with one key, and that key. */
static struct lk_settings *
set_up(struct lk_jwt_signer *signer)
{
	static const char *const audience = "api";
	static const uint8_t seed[crypto_sign_SEEDBYTES] = { 1 };
	struct lk_settings *settings;
	struct lk_error error;

	MUST(sodium_init() >= 0);
	MUST(lk_settings_defaults(&settings, &error) == LK_OK);
	MUST(lk_settings_put(settings, "jwt.issuer", "i") == LK_OK);
	MUST(lk_strings_set(&settings->jwt.audience, &audience, 1) == LK_OK);
	settings->jwt.keys = calloc(1, sizeof(*settings->jwt.keys));
	MUST(settings->jwt.keys != NULL);
	(void)crypto_sign_seed_keypair(signer->key.public, signer->secret,
	    seed);
	/* A name that a corpus can hold. */
	memcpy(signer->key.kid, "k", 2);
	settings->jwt.keys->v[settings->jwt.keys->n++] = signer->key;
	return (settings);
}

/* Sign header and claims as they are; false if that is too long. */
static bool
sign(const struct lk_jwt_signer *signer, const uint8_t *bytes, size_t len,
    struct lk_token *token)
{
	const uint8_t *end = len > 0 ? memchr(bytes, '\n', len) : NULL;
	uint8_t signature[crypto_sign_BYTES];
	size_t n;

	if (end == NULL || len > 2900)
		return (false);
	lk_base64url(bytes, (size_t)(end - bytes), token->text);
	n = strlen(token->text);
	token->text[n++] = '.';
	lk_base64url(end + 1, (size_t)(bytes + len - end - 1), token->text + n);
	n += strlen(token->text + n);
	(void)crypto_sign_detached(signature, NULL,
	    (const uint8_t *)token->text, n, signer->secret);
	token->text[n++] = '.';
	lk_base64url(signature, sizeof(signature), token->text + n);
	token->len = n + strlen(token->text + n);
	return (true);
}

static void
verify(const struct lk_settings *settings, const struct lk_token *token,
    bool is_signed)
{
	struct lk_error why = { "" };
	struct lk_session session;
	enum lk_status status = lk_jwt_verify(settings, token, NOW, NULL,
	    &session, &why);

	MUST(status >= 0 && (status == LK_OK) == (why.text[0] == '\0'));
	MUST(status != LK_OK || is_signed);
	MUST((status == LK_OK) == (session.user[0] != '\0'));
	MUST((status == LK_OK) == (session.id[0] != '\0'));
	MUST(status != LK_OK || session.expires_at + 30 > NOW);
}

static void
read_keys(const char *text, size_t len)
{
	struct lk_jwt_keys keys = { 0 }, again = { 0 };
	struct lk_buf out = LK_BUF_INIT(LK_JWT_FILE_MAX);
	const char *wrong = NULL;
	size_t i;

	if (!lk_jwt_keys_read(text, len, &keys, &wrong)) {
		MUST(keys.n == 0 && wrong != NULL);
		return;
	}
	MUST(keys.n > 0);
	for (i = 0; i < keys.n; i++) {
		lk_buf_reset(&out);
		lk_jwt_key_print(&keys.v[i], &out);
		MUST(lk_jwt_keys_read(out.data, out.len, &again, &wrong));
	}
	MUST(memcmp(&keys, &again, sizeof(keys)) == 0);
	lk_buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct lk_settings *settings;
	static struct lk_jwt_signer signer;
	struct lk_token token;
	char *copy;

	if (settings == NULL)
		settings = set_up(&signer);
	if (len > 0 && bytes[0] == 'T') {
		memset(&token, 0, sizeof(token));
		if (sign(&signer, bytes + 1, len - 1, &token))
			verify(settings, &token, true);
		if (lk_token_set(&token, (const char *)bytes, len) == LK_OK)
			verify(settings, &token, false);
		return (0);
	}
	/* A copy of exactly this length, so that a sanitizer sees overruns. */
	MUST((copy = malloc(len > 0 ? len : 1)) != NULL);
	if (len > 0)
		memcpy(copy, bytes, len);
	read_keys(copy, len);
	free(copy);
	return (0);
}
