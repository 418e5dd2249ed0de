/*
 * Access tokens: vectors of RFC 8037, appendix A, and hostile ones.  Forged are
 * those that a good key has signed, so that only what is wrong is refused.
 */
#include <sys/stat.h>

#include <unistd.h>

#include <sodium.h>

#include "base/base64url.h"
#include "base/error.h"
#include "jwt/jwt.h"
#include "jwt/jws.h"
#include "session/token.h"
#include "support/temp_dir.h"
#include "support/test.h"

#define NOW 1000000
#define D "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
#define X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define KID "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
#define PUBLIC "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X "\"}"
#define PRIVATE \
	"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"" D "\",\"x\":\"" X "\"}"

#define HEADER "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}"
#define NAMES "\"sub\":\"alice\"," REST
#define ALICE "\"sub\":\"alice\","
#define SID "\"sid\":\"@SID@\""
#define REST "\"client_id\":\"web\",\"jti\":\"j\"," SID
#define ISS "\"iss\":\"https://id.example\""
#define TIMES "\"iat\":999900,\"exp\":1000200"
#define CLAIMS "{" ISS ",\"aud\":\"api\"," NAMES "," TIMES "}"
#define WITH(more) "{" ISS ",\"aud\":\"api\"," NAMES "," TIMES "," more "}"
#define FOR(aud) "{" ISS ",\"aud\":" aud "," NAMES "," TIMES "}"
#define FROM(iss) "{\"iss\":" iss ",\"aud\":\"api\"," NAMES "," TIMES "}"
#define AT(times) "{" ISS ",\"aud\":\"api\"," NAMES "," times "}"
#define OF(names) "{" ISS ",\"aud\":\"api\"," names "," TIMES "}"
#define NAMED(alg, typ) "{\"alg\":" alg ",\"typ\":" typ ",\"kid\":\"" KID "\"}"

struct bench {
	struct temp_dir dir;
	struct lk_settings *settings;
	struct lk_jwt_signer signer;
	char path[256];
};

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int
set_up(void **state)
{
	static const char *const audience[] = { "api", "web" };
	static struct bench b;
	struct lk_error error;
	const char *wrong;

	memset(&b, 0, sizeof(b));
	assert_true(sodium_init() >= 0);
	temp_dir_make(&b.dir);
	(void)snprintf(b.path, sizeof(b.path), "%s/key", b.dir.path);
	write_file(b.path, PRIVATE, 0640);
	assert_int_equal(lk_settings_defaults(&b.settings, &error), LK_OK);
	assert_int_equal(
	    lk_settings_put(b.settings, "jwt.issuer", "https://id.example"),
	    LK_OK);
	assert_int_equal(lk_settings_put(b.settings, "jwt.sign", b.path),
	    LK_OK);
	assert_int_equal(lk_strings_set(&b.settings->jwt.audience, audience, 2),
	    LK_OK);
	b.settings->jwt.keys = calloc(1, sizeof(*b.settings->jwt.keys));
	assert_true(lk_jwt_keys_read(PUBLIC, strlen(PUBLIC),
	    b.settings->jwt.keys, &wrong));
	assert_int_equal(lk_jwt_signer_read(b.path, &b.signer, &error), LK_OK);
	*state = &b;
	return (0);
}

static int
tear_down(void **state)
{
	struct bench *b = *state;

	lk_settings_free(b->settings);
	temp_dir_remove(&b->dir);
	return (0);
}

#define SUITE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* The session id of alice that @SID@ stands for. */
static void
sid(char id[LK_SESSION_ID_MAX + 1])
{
	uint8_t handle[LK_HANDLE_LEN] = { 1 }, tag[LK_TAG_LEN];

	lk_user_tag("alice", tag);
	lk_session_id(handle, tag, LK_TAG_LEN, id);
}

/* Sign ${header} and ${claims} as they are. */
static void
forge(const struct bench *b, const char *header, const char *claims,
    size_t claims_len, struct lk_token *token)
{
	char id[LK_SESSION_ID_MAX + 1], filled[8192], text[16384];
	const char *at = memmem(claims, claims_len, "@SID@", 5);
	uint8_t signature[crypto_sign_BYTES];
	size_t n;

	memcpy(filled, claims, claims_len);
	if (at != NULL) {
		sid(id);
		n = (size_t)(at - claims);
		memcpy(filled + n, id, strlen(id));
		memcpy(filled + n + strlen(id), at + 5, claims_len - n - 5);
		claims_len += strlen(id) - 5;
	}
	lk_base64url((const uint8_t *)header, strlen(header), text);
	strcat(text, ".");
	lk_base64url((const uint8_t *)filled, claims_len, text + strlen(text));
	n = strlen(text);
	(void)crypto_sign_detached(signature, NULL, (const uint8_t *)text, n,
	    b->signer.secret);
	text[n++] = '.';
	lk_base64url(signature, sizeof(signature), text + n);
	n += strlen(text + n);
	assert_true(n <= LK_TOKEN_MAX);
	assert_int_equal(lk_token_set(token, text, n), LK_OK);
}

static enum lk_status
judge(const struct bench *b, const struct lk_token *token, int64_t now,
    struct lk_error *why)
{
	struct lk_session session, none;
	enum lk_status status = LK_FAULT;

	why->text[0] = '\0';
	status = lk_access_verify(b->settings, token, now, &session, why);
	memset(&none, 0, sizeof(none));
	if (status != LK_OK)
		assert_memory_equal(&session, &none, sizeof(none));
	else
		assert_string_equal(session.user, "alice");
	return (status);
}

/* ---- RFC 8037, appendix A ---------------------------------------------- */

static void
test_jwt_keys_of_the_rfc_have_its_thumbprint(void **state)
{
	struct bench *b = *state;
	struct lk_buf out = LK_BUF_INIT(4096);

	assert_string_equal(b->settings->jwt.keys->v[0].kid, KID);
	assert_string_equal(b->signer.key.kid, KID);
	lk_jwt_jwks(b->settings, &out);
	assert_non_null(strstr(out.data, "\"x\":\"" X "\""));
	assert_null(strstr(out.data, D));
	lk_buf_free(&out);
}

static void
test_jwt_signature_is_that_of_the_rfc(void **state)
{
	static const char input[] =
	    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
	struct bench *b = *state;
	uint8_t signature[crypto_sign_BYTES];
	char text[128];

	(void)crypto_sign_detached(signature, NULL, (const uint8_t *)input,
	    sizeof(input) - 1, b->signer.secret);
	lk_base64url(signature, sizeof(signature), text);
	assert_string_equal(text,
	    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B"
	    "hVsPt9g7sVvpAr_MuM0KAg");
}

/* ---- What is taken, and what is not ------------------------------------ */

static void
test_jwt_forged_in_any_way_is_refused_for_what_is_wrong(void **state)
{
	static const struct {
		const char *header, *claims;
		enum lk_status status;
		const char *why;
	} cases[] = {
		{ HEADER, CLAIMS, LK_OK, "" },
		{ NAMED("\"Ed25519\"", "\"application/at+jwt\""), CLAIMS, LK_OK,
		    "" },
		{ " {\"kid\" : \"" KID
		  "\", \"typ\":\"at+jwt\", \"alg\":\"EdDSA\",\"jku\":\"x\"} ",
		    CLAIMS, LK_OK, "" },
		/* Algorithms and types. */
		{ NAMED("\"none\"", "\"at+jwt\""), CLAIMS, LK_MALFORMED,
		    "algorithm" },
		{ NAMED("\"None\"", "\"at+jwt\""), CLAIMS, LK_MALFORMED,
		    "algorithm" },
		{ NAMED("\"HS256\"", "\"at+jwt\""), CLAIMS, LK_MALFORMED,
		    "algorithm" },
		{ NAMED("\"ES256\"", "\"at+jwt\""), CLAIMS, LK_MALFORMED,
		    "algorithm" },
		{ NAMED("\"Ed448\"", "\"at+jwt\""), CLAIMS, LK_MALFORMED,
		    "algorithm" },
		{ NAMED("\"eddsa\"", "\"at+jwt\""), CLAIMS, LK_MALFORMED,
		    "algorithm" },
		{ NAMED("\"EdDSA \"", "\"at+jwt\""), CLAIMS, LK_MALFORMED,
		    "algorithm" },
		{ NAMED("\"EdDSA\\u0000\"", "\"at+jwt\""), CLAIMS, LK_MALFORMED,
		    "algorithm" },
		{ NAMED("[\"EdDSA\"]", "\"at+jwt\""), CLAIMS, LK_MALFORMED,
		    "algorithm" },
		{ NAMED("null", "\"at+jwt\""), CLAIMS, LK_MALFORMED,
		    "algorithm" },
		{ "{\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}", CLAIMS,
		    LK_MALFORMED, "algorithm" },
		{ NAMED("\"EdDSA\"", "\"JWT\""), CLAIMS, LK_MALFORMED, "type" },
		{ NAMED("\"EdDSA\"", "\"id_token+jwt\""), CLAIMS, LK_MALFORMED,
		    "type" },
		{ NAMED("\"EdDSA\"", "1"), CLAIMS, LK_MALFORMED, "type" },
		{ "{\"alg\":\"EdDSA\",\"kid\":\"" KID "\"}", CLAIMS,
		    LK_MALFORMED, "type" },
		/* Keys. */
		{ "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\"}", CLAIMS,
		    LK_MALFORMED, "kid" },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"\"}", CLAIMS,
		    LK_UNKNOWN, "kid" },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"../a\"}",
		    CLAIMS, LK_UNKNOWN, "kid" },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"' OR 1=1\"}",
		    CLAIMS, LK_UNKNOWN, "kid" },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":0}", CLAIMS,
		    LK_MALFORMED, "kid" },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID "A\"}",
		    CLAIMS, LK_MALFORMED, "kid" },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"jwk\":" PUBLIC "}",
		    CLAIMS, LK_MALFORMED, "kid" },
		/* Extensions, twins, and what others may read otherwise. */
		{ "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID
		  "\",\"crit\":[\"exp\"],\"exp\":1}",
		    CLAIMS, LK_MALFORMED, "crit" },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID
		  "\",\"crit\":null}",
		    CLAIMS, LK_MALFORMED, "crit" },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID
		  "\",\"b64\":false}",
		    CLAIMS, LK_MALFORMED, "b64" },
		{ "{\"alg\":\"none\",\"alg\":\"EdDSA\","
		  "\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}",
		    CLAIMS, LK_MALFORMED, "header" },
		{ "{\"alg\":\"EdDSA\",\"\\u0061lg\":\"none\","
		  "\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}",
		    CLAIMS, LK_MALFORMED, "header" },
		{ HEADER "x", CLAIMS, LK_MALFORMED, "header" },
		{ "[" HEADER "]", CLAIMS, LK_MALFORMED, "header" },
		{ "\"" KID "\"", CLAIMS, LK_MALFORMED, "header" },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID
		  "\",\"x\":\"\xff\"}",
		    CLAIMS, LK_MALFORMED, "header" },
		{ "{'alg':'EdDSA'}", CLAIMS, LK_MALFORMED, "header" },
		{ HEADER, CLAIMS CLAIMS, LK_MALFORMED, "claims" },
		{ HEADER, "[" CLAIMS "]", LK_MALFORMED, "claims" },
		{ HEADER, "null", LK_MALFORMED, "claims" },
		{ HEADER, WITH("\"sub\":\"bob\""), LK_MALFORMED, "claims" },
		{ HEADER, WITH("\"s\\u0075b\":\"bob\""), LK_MALFORMED,
		    "claims" },
		{ HEADER, WITH("\"a\":{\"b\":1,\"b\":2}"), LK_MALFORMED,
		    "claims" },
		{ HEADER, WITH("\"a\":\"\xc0\x80\""), LK_MALFORMED, "claims" },
		{ HEADER, WITH("\"a\":01"), LK_MALFORMED, "claims" },
		{ HEADER, "\xef\xbb\xbf" CLAIMS, LK_MALFORMED, "claims" },
		{ HEADER, WITH("\"a\":[[[[{\"sub\":\"bob\",\"exp\":1}]]]]"),
		    LK_OK, "" },
		/* From whom, and for whom. */
		{ HEADER, FROM("\"https://id.example/\""), LK_UNKNOWN,
		    "issuer" },
		{ HEADER, FROM("\"https://evil.example\""), LK_UNKNOWN,
		    "issuer" },
		{ HEADER, FROM("\"https://id.example\\u0000x\""), LK_UNKNOWN,
		    "issuer" },
		{ HEADER, FROM("[\"https://id.example\"]"), LK_UNKNOWN,
		    "issuer" },
		{ HEADER, "{\"aud\":\"api\"," NAMES "," TIMES "}", LK_UNKNOWN,
		    "issuer" },
		{ HEADER, FOR("\"web\""), LK_OK, "" },
		{ HEADER, FOR("[\"other\",\"web\"]"), LK_OK, "" },
		{ HEADER, FOR("[]"), LK_UNKNOWN, "audience" },
		{ HEADER, FOR("\"\""), LK_UNKNOWN, "audience" },
		{ HEADER, FOR("\"API\""), LK_UNKNOWN, "audience" },
		{ HEADER, FOR("\"api2\""), LK_UNKNOWN, "audience" },
		{ HEADER, FOR("[\"other\"]"), LK_UNKNOWN, "audience" },
		{ HEADER, FOR("[[\"api\"]]"), LK_UNKNOWN, "audience" },
		{ HEADER, FOR("[\"api\",1]"), LK_UNKNOWN, "audience" },
		{ HEADER, FOR("[{},\"api\"]"), LK_UNKNOWN, "audience" },
		{ HEADER, FOR("{\"api\":\"api\"}"), LK_UNKNOWN, "audience" },
		{ HEADER, FOR("null"), LK_UNKNOWN, "audience" },
		{ HEADER, "{" ISS "," NAMES "," TIMES "}", LK_UNKNOWN,
		    "audience" },
		/* Whose it is. */
		{ HEADER, OF("\"sub\":\"bob\"," REST), LK_MALFORMED, "sid" },
		{ HEADER, OF("\"sub\":\"\"," REST), LK_MALFORMED, "sub" },
		{ HEADER, OF("\"sub\":\"alice \"," REST), LK_MALFORMED, "sub" },
		{ HEADER, OF("\"sub\":1," REST), LK_MALFORMED, "sub" },
		{ HEADER, OF("" REST), LK_MALFORMED, "sub" },
		{ HEADER, OF("\"sub\":\"alice\\u0000\"," REST), LK_MALFORMED,
		    "sub" },
		{ HEADER,
		    OF("\"sub\":\"alice\",\"client_id\":\"web\",\"jti\":\"j\","
		       "\"sid\":\"@SID@=\""),
		    LK_MALFORMED, "sid" },
		{ HEADER,
		    OF("\"sub\":\"alice\",\"client_id\":\"web\",\"jti\":\"j\""),
		    LK_MALFORMED, "sid" },
		{ HEADER, OF(ALICE "\"client_id\":\"-\",\"jti\":\"j\"," SID),
		    LK_OK, "" },
		{ HEADER, OF(ALICE "\"client_id\":\"a b\",\"jti\":\"j\"," SID),
		    LK_MALFORMED, "client_id" },
		{ HEADER,
		    OF("\"sub\":\"alice\",\"jti\":\"j\",\"sid\":\"@SID@\""),
		    LK_MALFORMED, "client_id" },
		{ HEADER, OF(ALICE "\"client_id\":\"web\"," SID), LK_MALFORMED,
		    "jti" },
		/* When: the leeway is 30 seconds. */
		{ HEADER, AT("\"iat\":999900,\"exp\":999971"), LK_OK, "" },
		{ HEADER, AT("\"iat\":999900,\"exp\":999970"), LK_EXPIRED,
		    "exp" },
		{ HEADER, AT("\"iat\":1000030,\"exp\":1000200"), LK_OK, "" },
		{ HEADER, AT("\"iat\":1000031,\"exp\":1000200"), LK_UNKNOWN,
		    "iat" },
		{ HEADER, AT("\"iat\":999900,\"nbf\":1000030,\"exp\":1000200"),
		    LK_OK, "" },
		{ HEADER, AT("\"iat\":999900,\"nbf\":1000031,\"exp\":1000200"),
		    LK_UNKNOWN, "nbf" },
		{ HEADER, AT("\"iat\":999900,\"nbf\":null,\"exp\":1000200"),
		    LK_MALFORMED, "nbf" },
		{ HEADER, AT("\"iat\":1000010,\"exp\":1000010"), LK_MALFORMED,
		    "exp" },
		{ HEADER, AT("\"exp\":1000200"), LK_MALFORMED, "iat" },
		{ HEADER, AT("\"iat\":999900"), LK_MALFORMED, "exp" },
		{ HEADER, AT("\"iat\":999900,\"exp\":\"1000200\""),
		    LK_MALFORMED, "exp" },
		{ HEADER, AT("\"iat\":999900,\"exp\":1000200.0"), LK_MALFORMED,
		    "exp" },
		{ HEADER, AT("\"iat\":999900,\"exp\":1e9"), LK_MALFORMED,
		    "exp" },
		{ HEADER, AT("\"iat\":999900,\"exp\":-1"), LK_MALFORMED,
		    "exp" },
		{ HEADER, AT("\"iat\":-5,\"exp\":1000200"), LK_MALFORMED,
		    "iat" },
		{ HEADER, AT("\"iat\":999900,\"exp\":9223372036854775807"),
		    LK_MALFORMED, "exp" },
		{ HEADER, AT("\"iat\":999900,\"exp\":null"), LK_MALFORMED,
		    "exp" },
	};
	struct bench *b = *state;
	struct lk_token token;
	struct lk_error why;
	enum lk_status status;

	EACH(c, cases)
	{
		forge(b, c->header, c->claims, strlen(c->claims), &token);
		status = judge(b, &token, NOW, &why);
		if (status != c->status || strstr(why.text, c->why) == NULL)
			fail_msg("%s %s: %s: %s", c->header, c->claims,
			    lk_status_name(status), why.text);
		assert_int_equal(status == LK_OK, why.text[0] == '\0');
	}
}

static void
test_jwt_changed_anywhere_is_refused(void **state)
{
	struct bench *b = *state;
	struct lk_token good, bad;
	struct lk_error why;
	size_t i;
	int bit;

	forge(b, HEADER, CLAIMS, strlen(CLAIMS), &good);
	assert_int_equal(judge(b, &good, NOW, &why), LK_OK);
	for (i = 0; i < good.len; i++) {
		bad = good;
		bad.len = i;
		bad.text[i] = '\0';
		assert_true(judge(b, &bad, NOW, &why) > 0);
		for (bit = 0; bit < 7; bit++) {
			bad = good;
			bad.text[i] = (char)(bad.text[i] ^ (1 << bit));
			assert_true(judge(b, &bad, NOW, &why) > 0);
		}
	}
}

/* What follows, or stands between, by what a lenient decoder skips. */
static void
test_jwt_with_more_than_its_three_parts_is_refused(void **state)
{
	static const char *const more[] = { "=", "==", ".", "A", "AA", "AAAA",
		" ", "\xc3\xa9", ".e30", "%3D" };
	struct bench *b = *state;
	struct lk_token good, bad;
	struct lk_error why;
	size_t dot;
	char text[LK_TOKEN_MAX + 1];

	forge(b, HEADER, CLAIMS, strlen(CLAIMS), &good);
	dot = (size_t)(strchr(good.text, '.') - good.text);
	EACH(c, more)
	{
		(void)snprintf(text, sizeof(text), "%s%s", good.text, *c);
		assert_int_equal(lk_token_set(&bad, text, strlen(text)), LK_OK);
		assert_int_equal(judge(b, &bad, NOW, &why), LK_MALFORMED);
		(void)snprintf(text, sizeof(text), "%s%s", *c, good.text);
		assert_int_equal(lk_token_set(&bad, text, strlen(text)), LK_OK);
		assert_true(judge(b, &bad, NOW, &why) > 0);
		(void)snprintf(text, sizeof(text), "%.*s%s%s", (int)dot,
		    good.text, *c, good.text + dot);
		assert_int_equal(lk_token_set(&bad, text, strlen(text)), LK_OK);
		assert_true(judge(b, &bad, NOW, &why) > 0);
	}
	/* The last character of 64 bytes has four bits over. */
	bad = good;
	bad.text[bad.len - 1] = (char)(bad.text[bad.len - 1] + 1);
	assert_int_equal(judge(b, &bad, NOW, &why), LK_MALFORMED);
}

/* HS256 with the public key for a secret, and no signature at all. */
static void
test_jwt_signed_with_the_public_key_is_refused(void **state)
{
	struct bench *b = *state;
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state hmac;
	struct lk_token token;
	struct lk_error why;
	char text[1024];
	size_t n;

	lk_base64url((const uint8_t *)NAMED("\"HS256\"", "\"at+jwt\""),
	    strlen(NAMED("\"HS256\"", "\"at+jwt\"")), text);
	strcat(text, ".");
	lk_base64url((const uint8_t *)CLAIMS, strlen(CLAIMS),
	    text + strlen(text));
	n = strlen(text);
	crypto_auth_hmacsha256_init(&hmac, b->signer.key.public, 32);
	crypto_auth_hmacsha256_update(&hmac, (const uint8_t *)text, n);
	crypto_auth_hmacsha256_final(&hmac, mac);
	text[n++] = '.';
	lk_base64url(mac, sizeof(mac), text + n);
	assert_int_equal(lk_token_set(&token, text, strlen(text)), LK_OK);
	assert_int_equal(judge(b, &token, NOW, &why), LK_MALFORMED);
	assert_non_null(strstr(why.text, "algorithm"));
	assert_int_equal(lk_token_set(&token, text, n), LK_OK);
	assert_int_equal(judge(b, &token, NOW, &why), LK_MALFORMED);
}

static void
test_jwt_of_a_session_token_shape_is_none(void **state)
{
	struct bench *b = *state;
	struct lk_token token;
	const char *text = "a.b.c_0123456789abcdef0123456789abcdef";

	assert_int_equal(lk_token_set(&token, text, strlen(text)), LK_OK);
	assert_false(lk_jwt_has_shape(b->settings, &token));
	forge(b, HEADER, CLAIMS, strlen(CLAIMS), &token);
	assert_true(lk_jwt_has_shape(b->settings, &token));
	free(b->settings->jwt.keys);
	b->settings->jwt.keys = NULL;
	assert_false(lk_jwt_has_shape(b->settings, &token));
}

static void
test_jwt_of_the_longest_claims_is_read_deep_ones_are_not(void **state)
{
	struct bench *b = *state;
	struct lk_token token;
	struct lk_error why;
	char claims[3072], deep[1200];
	int n;

	(void)memset(deep, 'a', sizeof(deep));
	n = snprintf(claims, sizeof(claims), WITH("\"a\":\"%.*s%.*s\""), 1200,
	    deep, 1200, deep);
	forge(b, HEADER, claims, (size_t)n, &token);
	assert_true(token.len > 3500);
	assert_int_equal(judge(b, &token, NOW, &why), LK_OK);
	(void)memset(deep, '[', 600);
	(void)memset(deep + 600, ']', 600);
	n = snprintf(claims, sizeof(claims), WITH("\"a\":%.*s"), 1200, deep);
	forge(b, HEADER, claims, (size_t)n, &token);
	assert_int_equal(judge(b, &token, NOW, &why), LK_MALFORMED);
}

/* ---- Keys -------------------------------------------------------------- */

static void
test_jwt_keys_that_are_not_for_this_are_refused(void **state)
{
#define KEY(more) "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"," more "}"
#define POINT "\"x\":\"" X "\""
#define ZEROS "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	static const struct {
		const char *text;
		size_t keys; /* 0: refused */
	} cases[] = {
		{ PUBLIC, 1 },
		{ "{\"keys\":[" PUBLIC "," PUBLIC "]}", 1 },
		{ "{\"keys\":[" KEY(POINT
		      ",\"kid\":\"" KID "\",\"alg\":\"EdDSA\",\"use\":\"sig\","
		      "\"key_ops\":[\"verify\"],\"x-a\":1") "]}",
		    1 },
		{ "", 0 },
		{ "null", 0 },
		{ "{}", 0 },
		{ "{\"keys\":[]}", 0 },
		{ "{\"keys\":{}}", 0 },
		{ "{\"keys\":[1]}", 0 },
		{ "{\"keys\":[" PUBLIC "]} x", 0 },
		{ "{\"keys\":[" PUBLIC "],\"keys\":[]}", 0 },
		{ "{\"keys\":[" PUBLIC "," PRIVATE "]}", 0 },
		{ PRIVATE, 0 },
		{ "{\"kty\":\"oct\",\"k\":\"AAAA\"}", 0 },
		{ "{\"kty\":\"OKP\",\"crv\":\"X25519\"," POINT "}", 0 },
		{ "{\"kty\":\"OKP\"," POINT "}", 0 },
		{ "{\"crv\":\"Ed25519\"," POINT "}", 0 },
		{ KEY("\"y\":1"), 0 },
		{ KEY("\"x\":\"" X "=\""), 0 },
		{ KEY("\"x\":\"" X "A\""), 0 },
		/* Points of small order, and none at all. */
		{ KEY("\"x\":\"" ZEROS "\""), 0 },
		{ KEY("\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""),
		    0 },
		{ KEY("\"x\":\"__________________________________________8\""),
		    0 },
		{ KEY(POINT ",\"kid\":\"1\""), 0 },
		{ KEY(POINT ",\"alg\":\"HS256\""), 0 },
		{ KEY(POINT ",\"use\":\"enc\""), 0 },
		{ KEY(POINT ",\"key_ops\":[\"sign\"]"), 0 },
		{ KEY(POINT ",\"key_ops\":\"verify\""), 0 },
	};
	struct lk_jwt_keys keys;
	const char *wrong;

	EACH(c, cases)
	{
		memset(&keys, 0, sizeof(keys));
		if (lk_jwt_keys_read(c->text, strlen(c->text), &keys, &wrong) !=
		        (c->keys > 0) ||
		    keys.n != c->keys)
			fail_msg("%s: %zu: %s", c->text, keys.n, wrong);
	}
}

static void
test_jwt_private_key_that_others_may_read_is_refused(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		enum lk_status status;
	} cases[] = {
		{ PRIVATE, 0600, LK_OK },
		{ PRIVATE, 0640, LK_OK },
		{ PRIVATE, 0644, LK_E_SETTINGS },
		{ PRIVATE, 0660, LK_E_SETTINGS },
		{ PUBLIC, 0640, LK_E_SETTINGS },
		{ "", 0640, LK_E_SETTINGS },
		{ "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"" X
		  "\",\"x\":\"" X "\"}",
		    0640, LK_E_SETTINGS },
		{ "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"" D
		  "\",\"x\":\"" X "\",\"key_ops\":[\"verify\"]}",
		    0640, LK_E_SETTINGS },
	};
	static const struct lk_jwt_signer none;
	struct bench *b = *state;
	struct lk_jwt_signer signer;
	struct lk_error error;

	EACH(c, cases)
	{
		write_file(b->path, c->text, c->mode);
		error.text[0] = '\0';
		assert_int_equal(lk_jwt_signer_read(b->path, &signer, &error),
		    c->status);
		assert_null(strstr(error.text, D));
		if (c->status != LK_OK)
			assert_memory_equal(&signer, &none, sizeof(none));
	}
}

static void
test_jwt_keygen_makes_a_new_file_alone(void **state)
{
	struct bench *b = *state;
	struct lk_buf jwk = LK_BUF_INIT(4096);
	struct lk_jwt_signer signer;
	struct lk_error error;
	struct stat st;

	assert_int_equal(lk_jwt_keygen(b->path, &jwk, &error), LK_E_INVAL);
	assert_int_equal(lk_jwt_signer_read(b->path, &signer, &error), LK_OK);
	assert_string_equal(signer.key.kid, KID);
	assert_int_equal(unlink(b->path), 0);
	assert_int_equal(lk_jwt_keygen(b->path, &jwk, &error), LK_OK);
	assert_int_equal(lk_jwt_signer_read(b->path, &signer, &error), LK_OK);
	assert_non_null(strstr(jwk.data, signer.key.kid));
	assert_null(strstr(jwk.data, "\"d\""));
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_mode & 0777 & ~0640U, 0);
	assert_int_equal(lk_jwt_keygen("key", &jwk, &error), LK_E_INVAL);
	lk_buf_free(&jwk);
}

/* ---- Issuing ----------------------------------------------------------- */

static enum lk_status
issue(struct bench *b, const char *detail, int64_t expires_at,
    struct lk_token *token, struct lk_session *session, struct lk_error *error)
{
	static const uint8_t random[LK_JWT_RANDOM_LEN] = { 1 };
	const struct lk_jwt_order order = { "web", NOW, 300, detail, random };

	memset(session, 0, sizeof(*session));
	memcpy(session->user, "alice", 6);
	sid(session->id);
	session->expires_at = expires_at;
	return (lk_jwt_issue(b->settings, &order, session, token, error));
}

static void
test_jwt_issued_ends_with_its_session(void **state)
{
	struct bench *b = *state;
	struct lk_session session, read;
	struct lk_token token;
	struct lk_error error;

	assert_int_equal(issue(b, NULL, NOW + 9999, &token, &session, &error),
	    LK_OK);
	assert_int_equal(session.expires_at, NOW + 300);
	assert_int_equal(issue(b, NULL, NOW + 7, &token, &session, &error),
	    LK_OK);
	assert_int_equal(session.expires_at, NOW + 7);
	assert_int_equal(
	    lk_access_verify(b->settings, &token, NOW + 36, &read, &error),
	    LK_OK);
	assert_int_equal(read.expires_at, NOW + 7);
	assert_string_equal(read.client, "");
	assert_string_equal(read.id, session.id);
	assert_int_equal(
	    lk_access_verify(b->settings, &token, NOW + 37, &read, &error),
	    LK_EXPIRED);
	assert_int_equal(issue(b, NULL, NOW, &token, &session, &error),
	    LK_EXPIRED);
	assert_int_equal(token.len, 0);
}

static void
test_jwt_issued_has_the_claims_that_are_asked_for(void **state)
{
	static const char *const names[] = { "roles", "none" };
	struct bench *b = *state;
	struct lk_buf claims = LK_BUF_INIT(8192);
	struct lk_session session;
	struct lk_token token;
	struct lk_error error;
	char detail[2048];

	assert_int_equal(lk_strings_set(&b->settings->jwt.claims, names, 2),
	    LK_OK);
	assert_int_equal(issue(b, "{\"a\":1,\"roles\":[\"x\"]}", NOW + 9,
	                     &token, &session, &error),
	    LK_OK);
	assert_int_equal(
	    lk_jwt_verify(b->settings, &token, NOW, &claims, &session, &error),
	    LK_OK);
	assert_non_null(strstr(claims.data, ",\"roles\":[\"x\"]}"));
	assert_int_equal(
	    issue(b, "[\"roles\"]", NOW + 9, &token, &session, &error), LK_OK);
	(void)snprintf(detail, sizeof(detail), "{\"roles\":\"%01020d\"}", 0);
	assert_int_equal(issue(b, detail, NOW + 9, &token, &session, &error),
	    LK_E_INVAL);
	lk_buf_free(&claims);
}

static void
test_jwt_is_not_issued_by_a_key_that_nobody_verifies(void **state)
{
	struct bench *b = *state;
	struct lk_session session;
	struct lk_token token;
	struct lk_error error;

	b->settings->jwt.keys->v[0].kid[0] = 'A';
	assert_int_equal(issue(b, NULL, NOW + 9, &token, &session, &error),
	    LK_E_SETTINGS);
	assert_non_null(strstr(error.text, "jwt.verify"));
	assert_int_equal(token.len, 0);
	b->settings->jwt.sign[0] = '\0';
	assert_int_equal(issue(b, NULL, NOW + 9, &token, &session, &error),
	    LK_E_SETTINGS);
}

#include "support/suite.h"
