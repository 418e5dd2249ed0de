#include <sodium.h>

#include "jwt/keys.h"
#include "support/test.h"
#include "verdict/credentials.h"

#define NONE GATE_CREDENTIALS_NONE
#define ONE GATE_CREDENTIALS_ONE
#define BAD GATE_CREDENTIALS_BAD
#define SEVERAL GATE_CREDENTIALS_SEVERAL
#define TOO_MANY GATE_CREDENTIALS_TOO_MANY
#define CONFLICT GATE_CREDENTIALS_CONFLICT

/* Tokens, by their shape; and one that is cut. */
#define X "x_00000000000000000000000000000001"
#define Y "y_00000000000000000000000000000002"
#define Z "z_00000000000000000000000000000003"
#define LK                                         \
	"lk_"                                      \
	"0123456789012345678901234567890123456789" \
	"-_AZaz0123456789ABCDEFGH"
#define CUT "lk_0123456789"

#define SOURCES_MAX 4
#define PARAMS_MAX 4

struct scene {
	const char *sources[SOURCES_MAX];
	const char *params[PARAMS_MAX];
	enum gate_credentials_kind kind;
	const char *token; /* with ONE */
	const char *user;  /* with ONE; NULL is "" */
};

/* Copy ${param}, with what is in Basic(...) encoded. */
static char *
copy_param(const char *param, char text[512])
{
	const char *open = strstr(param, "Basic("), *close;
	size_t len;

	if (open == NULL) {
		(void)snprintf(text, 512, "%s", param);
		return (text);
	}
	close = strchr(open, ')');
	len = (size_t)snprintf(text, 512, "%.*sBasic ", (int)(open - param),
	    param);
	(void)sodium_bin2base64(text + len, 512 - len,
	    (const unsigned char *)open + 6, (size_t)(close - open - 6),
	    sodium_base64_VARIANT_ORIGINAL);
	len = strlen(text);
	(void)copy_param(close + 1, text + len);
	return (text);
}

static void
read_scene(const struct scene *scene, struct gate_credentials *credentials)
{
	char texts[SOURCES_MAX + PARAMS_MAX][1024];
	char *sources[SOURCES_MAX + 1] = { NULL };
	char *env[PARAMS_MAX + 1] = { NULL };
	char latchkey[] = "latchkey";
	struct lk_strings tokens = { sources, 0 };
	struct lk_settings settings = { .cookie.name = latchkey };
	struct gate_request request;
	size_t i;

	for (i = 0; i < SOURCES_MAX && scene->sources[i] != NULL; i++) {
		sources[i] = texts[tokens.n++];
		(void)snprintf(sources[i], 256, "%s", scene->sources[i]);
	}
	for (i = 0; i < PARAMS_MAX && scene->params[i] != NULL; i++) {
		env[i] = copy_param(scene->params[i], texts[SOURCES_MAX + i]);
	}
	assert_int_equal(
	    lk_token_sources_read(&tokens, latchkey, &settings.gate.sources),
	    tokens.n);
	gate_request_read(env, true, &request);
	memset(credentials, 0xff, sizeof(*credentials));
	gate_credentials_read(&settings, &request, credentials);
}

static void
expect(const struct scene *scene)
{
	struct gate_credentials credentials;

	read_scene(scene, &credentials);
	if (credentials.kind != scene->kind)
		print_error("with %s\n",
		    scene->params[0] == NULL ? "nothing" : scene->params[0]);
	assert_int_equal(credentials.kind, scene->kind);
	if (scene->kind == ONE) {
		assert_string_equal(credentials.token.text, scene->token);
		assert_int_equal(credentials.token.len, strlen(scene->token));
		assert_string_equal(credentials.user,
		    scene->user == NULL ? "" : scene->user);
	} else {
		assert_int_equal(credentials.token.len, 0);
		assert_string_equal(credentials.token.text, "");
		assert_string_equal(credentials.user, "");
	}
}

#define EXPECT_ALL(scenes)                                                    \
	do {                                                                  \
		size_t scene_;                                                \
		for (scene_ = 0;                                              \
		     scene_ < COUNT(scenes); scene_++) \
			expect(&(scenes)[scene_]);                            \
	} while (0)

#define AUTH "HTTP_AUTHORIZATION="

static void
test_credentials_bearer_is_read(void **state)
{
	static const struct scene scenes[] = {
		{ { "bearer" }, { AUTH "Bearer " LK }, ONE, LK, NULL },
		{ { "bearer" }, { AUTH "bEARER " LK }, ONE, LK, NULL },
		{ { "bearer" }, { AUTH "Bearer   " X }, ONE, X, NULL },
		{ { "bearer" }, { AUTH "  Bearer " X " \t" }, ONE, X, NULL },
		{ { "bearer" }, { AUTH "Bearer aZ09-.~+/" X }, ONE,
		    "aZ09-.~+/" X, NULL },
		{ { "bearer" }, { "REMOTE_ADDR=x", AUTH "Bearer " X }, ONE, X,
		    NULL },
	};

	EXPECT_ALL(scenes);
}

static void
test_credentials_malformed_bearer_is_bad(void **state)
{
	static const struct scene scenes[] = {
		{ { "bearer" }, { AUTH "Bearer" }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer " }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer " CUT }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer " LK "A" }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer\t" X }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer \t" X }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer ==" }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer a=" X }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer a " X }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer \"" X "\"" }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer a@" X }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer \303\244" X }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer , " }, BAD, NULL, NULL },
		/* What stands behind a comma is not dropped. */
		{ { "bearer" }, { AUTH "Bearer " X ",b" }, CONFLICT, NULL,
		    NULL },
		{ { "bearer" }, { AUTH "Bearer " X ", x=y" }, CONFLICT, NULL,
		    NULL },
	};

	EXPECT_ALL(scenes);
}

static void
test_credentials_not_accepted_is_none(void **state)
{
	static const struct scene scenes[] = {
		{ { NULL }, { AUTH "Bearer " X }, NONE, NULL, NULL },
		{ { "bearer" }, { NULL }, NONE, NULL, NULL },
		{ { "bearer" }, { AUTH }, NONE, NULL, NULL },
		{ { "bearer" }, { AUTH "Basic(a:" X ")" }, NONE, NULL, NULL },
		{ { "basic" }, { AUTH "Bearer " X }, NONE, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearers " X }, NONE, NULL, NULL },
		{ { "bearer" }, { AUTH "Negotiate Bearer" }, NONE, NULL, NULL },
		{ { "bearer" }, { AUTH "Digest realm=\"x, Bearer " X "\"" },
		    NONE, NULL, NULL },
		{ { "bearer" },
		    { "HTTP_COOKIE=session=" X, "HTTP_X_SESSION_TOKEN=" X },
		    NONE, NULL, NULL },
		{ { "cookie:session" },
		    { "HTTP_COOKIE=Session=" X "; sessio=" X "; session2=" X
		      "; xsession=" X "; session" },
		    NONE, NULL, NULL },
		{ { "cookie:session" },
		    { "HTTP_COOKIE=$Version=1; a=session=" X }, NONE, NULL,
		    NULL },
		{ { "header:X-Tok" },
		    { "HTTP_X_TOKE=" X, "HTTP_X_TO=" X, "X_TOK=" X,
		        "HTTP_x_tok=" X },
		    NONE, NULL, NULL },
		/* Not what a server names otherwise. */
		{ { "bearer" },
		    { "REDIRECT_HTTP_AUTHORIZATION=Bearer " X,
		        "HTTP_PROXY_AUTHORIZATION=Bearer " X },
		    NONE, NULL, NULL },
	};

	EXPECT_ALL(scenes);
}

static void
test_credentials_basic_is_read(void **state)
{
	static const struct scene scenes[] = {
		{ { "basic" }, { AUTH "Basic(alice:" LK ")" }, ONE, LK,
		    "alice" },
		{ { "basic" }, { AUTH "bASIC b3duZXI6" }, BAD, NULL, NULL },
		{ { "basic" }, { AUTH "Basic(:" LK ")" }, ONE, LK, NULL },
		{ { "basic" }, { AUTH "Basic(alice:a:" X ")" }, ONE, "a:" X,
		    "alice" },
	};

	EXPECT_ALL(scenes);
}

static void
test_credentials_malformed_basic_is_bad(void **state)
{
	static const struct scene scenes[] = {
		{ { "basic" }, { AUTH "Basic" }, BAD, NULL, NULL },
		{ { "basic" }, { AUTH "Basic !!!!" }, BAD, NULL, NULL },
		{ { "basic" }, { AUTH "Basic YWxpY2U" }, BAD, NULL, NULL },
		{ { "basic" }, { AUTH "Basic(alice)" }, BAD, NULL, NULL },
		{ { "basic" }, { AUTH "Basic(alice:)" }, BAD, NULL, NULL },
		{ { "basic" }, { AUTH "Basic(u:)" }, BAD, NULL, NULL },
		{ { "basic" }, { AUTH "Basic(alice:" CUT ")" }, BAD, NULL,
		    NULL },
		{ { "basic" }, { AUTH "Basic(alice:a\t" X ")" }, BAD, NULL,
		    NULL },
		/* A token is the password, not the user name. */
		{ { "basic" }, { AUTH "Basic(" LK ":)" }, BAD, NULL, NULL },
		/* al\0ice:x */
		{ { "basic" }, { AUTH "Basic YWwAaWNlOng=" }, BAD, NULL, NULL },
	};

	EXPECT_ALL(scenes);
}

/* A Basic credential of a user name and a token of these lengths. */
static void
expect_basic_lengths(size_t user_len, size_t token_len,
    enum gate_credentials_kind kind)
{
	static char pair[2 * LK_TOKEN_MAX], param[6 * LK_TOKEN_MAX];
	char *env[] = { param, NULL };
	const struct lk_settings settings = {
		.gate.sources = { .v = { { .place = LK_TOKEN_BASIC } }, .n = 1 }
	};
	struct gate_credentials credentials;
	struct gate_request request;
	size_t start;

	memset(pair, 'u', user_len);
	pair[user_len] = ':';
	memset(pair + user_len + 1, 't', token_len);
	if (token_len > 33) {
		pair[user_len + 1 + token_len - 33] = '_';
		memset(pair + user_len + 1 + token_len - 32, '0', 32);
	}
	start = (size_t)snprintf(param, sizeof(param), AUTH "Basic ");
	(void)sodium_bin2base64(param + start, sizeof(param) - start,
	    (unsigned char *)pair, user_len + 1 + token_len,
	    sodium_base64_VARIANT_ORIGINAL);
	gate_request_read(env, true, &request);
	gate_credentials_read(&settings, &request, &credentials);
	assert_int_equal(credentials.kind, kind);
	if (kind == ONE) {
		assert_int_equal(credentials.token.len, token_len);
		assert_int_equal(strlen(credentials.user), user_len);
	}
}

static void
test_credentials_basic_lengths_are_capped(void **state)
{
	expect_basic_lengths(LK_USER_ID_MAX, LK_USER_ID_MAX + 33, ONE);
	expect_basic_lengths(LK_USER_ID_MAX, LK_USER_ID_MAX + 34, BAD);
	expect_basic_lengths(LK_USER_ID_MAX + 1, 40, BAD);
	expect_basic_lengths(0, LK_TOKEN_MAX + 1, BAD);
	expect_basic_lengths(LK_USER_ID_MAX, LK_TOKEN_MAX + 1, BAD);
	expect_basic_lengths(0, 2 * LK_TOKEN_MAX - 1, BAD);
}

static void
test_credentials_cookie_is_read(void **state)
{
	static const struct scene scenes[] = {
		{ { "cookie:s" }, { "HTTP_COOKIE=s=" X }, ONE, X, NULL },
		{ { "cookie:s" }, { "HTTP_COOKIE=a=b;s=" X ";c=d" }, ONE, X,
		    NULL },
		{ { "cookie:s" }, { "HTTP_COOKIE=a; ;; s = " X " ;" }, ONE, X,
		    NULL },
		{ { "cookie:s" }, { "HTTP_COOKIE=s=\"" X "\"" }, ONE, X, NULL },
		{ { "cookie:s" },
		    { "HTTP_COOKIE=$Version=1; s=" X "; $Path=/" }, ONE, X,
		    NULL },
		{ { "cookie:s" }, { "HTTP_COOKIE=s=a=" X }, ONE, "a=" X, NULL },
		{ { "cookie:s" }, { "HTTP_COOKIE=a=b", "HTTP_COOKIE=s=" X },
		    ONE, X, NULL },
		{ { "cookie:__Host-s", "cookie:s" },
		    { "HTTP_COOKIE=__Host-s=" X }, ONE, X, NULL },
		{ { "cookie" }, { "HTTP_COOKIE=latchkey=" X }, ONE, X, NULL },
	};

	EXPECT_ALL(scenes);
}

/* As a logout leaves it for a moment. */
static void
test_credentials_empty_cookie_is_none(void **state)
{
	static const struct scene scenes[] = {
		{ { "cookie:s" }, { "HTTP_COOKIE=s=" }, NONE, NULL, NULL },
		{ { "cookie:s" }, { "HTTP_COOKIE=s = ;s=" }, NONE, NULL, NULL },
		{ { "cookie:s" }, { "HTTP_COOKIE=s=; s=" X }, ONE, X, NULL },
		{ { "cookie:s", "bearer" },
		    { AUTH "Bearer " X, "HTTP_COOKIE=s=" }, ONE, X, NULL },
	};

	EXPECT_ALL(scenes);
}

static void
test_credentials_malformed_cookie_is_bad(void **state)
{
	static const struct scene scenes[] = {
		{ { "cookie:s" }, { "HTTP_COOKIE=s=\"\"" }, BAD, NULL, NULL },
		{ { "cookie:s" }, { "HTTP_COOKIE=s=\"" X }, ONE, "\"" X, NULL },
		{ { "cookie:s" }, { "HTTP_COOKIE=s=a\t" X }, BAD, NULL, NULL },
		{ { "cookie:s" }, { "HTTP_COOKIE=s=" CUT }, BAD, NULL, NULL },
		{ { "cookie:s" }, { "HTTP_COOKIE=s=" X ", s=" Y }, BAD, NULL,
		    NULL },
		{ { "cookie:s" }, { "HTTP_COOKIE=s=; s=\"\"; s=" CUT }, BAD,
		    NULL, NULL },
	};

	EXPECT_ALL(scenes);
}

/* Other hosts of the domain, and other programs, set cookies too. */
static void
test_credentials_of_several_cookies_the_store_decides(void **state)
{
	static const struct {
		struct scene scene;
		size_t n;
	} cases[] = {
		{ { { "cookie:s" }, { "HTTP_COOKIE=s=; s=" X }, ONE, X, NULL },
		    1 },
		{ { { "cookie:s" }, { "HTTP_COOKIE=s=" X "; s=" CUT "; s" },
		      ONE, X, NULL },
		    1 },
		{ { { "cookie:s" }, { "HTTP_COOKIE=s=" X, "HTTP_COOKIE=s=" },
		      ONE, X, NULL },
		    1 },
		{ { { "cookie:s" }, { "HTTP_COOKIE=s=" X "; s=\"" X "\"" }, ONE,
		      X, NULL },
		    1 },
		{ { { "cookie:s" }, { "HTTP_COOKIE=s=" X "; s=" Y }, SEVERAL,
		      NULL, NULL },
		    2 },
		{ { { "cookie:s" },
		      { "HTTP_COOKIE=s=" X, "HTTP_COOKIE=s=; s=" Y "; s=" Z },
		      SEVERAL, NULL, NULL },
		    3 },
		{ { { "cookie:s", "cookie:t" }, { "HTTP_COOKIE=t=" X "; s=" Y },
		      SEVERAL, NULL, NULL },
		    2 },
		{ { { "cookie:s" },
		      { "HTTP_COOKIE=s=" X "; s=" Y "; s=" Z "; s=" LK
		        "; s=" X },
		      SEVERAL, NULL, NULL },
		    4 },
		{ { { "cookie:s" },
		      { "HTTP_COOKIE=s=" X "; s=" Y "; s=" Z "; s=" LK
		        "; s=a" X },
		      TOO_MANY, NULL, NULL },
		    4 },
		{ { { "cookie:s", "bearer" },
		      { "HTTP_COOKIE=s=" X "; s=" Y "; s=" Z "; s=" LK,
		          AUTH "Bearer a" X },
		      TOO_MANY, NULL, NULL },
		    4 },
	};
	struct gate_credentials credentials;

	EACH(c, cases) {
		expect(&c->scene);
		read_scene(&c->scene, &credentials);
		assert_int_equal(credentials.n, c->n);
	}
	read_scene(&cases[4].scene, &credentials);
	gate_credentials_choose(&credentials, 1);
	assert_int_equal(credentials.kind, ONE);
	assert_string_equal(credentials.token.text, Y);
}

/* An application behind the gate may have credentials of its own. */
static void
test_credentials_foreign_authorization_is_no_conflict(void **state)
{
	static const struct scene scenes[] = {
		{ { "cookie:s", "bearer", "basic" },
		    { "HTTP_COOKIE=s=" X,
		        AUTH "Bearer eyJhbGciOiJI.eyJzdWIi.c2ln" },
		    ONE, X, NULL },
		{ { "cookie:s", "bearer", "basic" },
		    { "HTTP_COOKIE=s=" X, AUTH "Basic(joe:password)" }, ONE, X,
		    NULL },
		{ { "cookie:s", "bearer", "basic" },
		    { "HTTP_COOKIE=s=" X, AUTH "Basic(joe:)" }, ONE, X, NULL },
		{ { "cookie:s", "bearer", "basic" },
		    { "HTTP_COOKIE=s=" X, AUTH "Bearer" }, ONE, X, NULL },
		{ { "cookie:s", "bearer" },
		    { "HTTP_COOKIE=s=" X, AUTH "Basic(joe:" Y ")" }, ONE, X,
		    NULL },
		{ { "header:X-T", "bearer" },
		    { "HTTP_X_T=" X, AUTH "Bearer eyJhbGciOiJI.eyJzdWIi.c2ln" },
		    ONE, X, NULL },
		{ { "cookie:s", "bearer" },
		    { "HTTP_COOKIE=s=" X "; s=" Y,
		        AUTH "Bearer eyJhbGciOiJI.eyJzdWIi.c2ln" },
		    SEVERAL, NULL, NULL },
		/* But a token is one, wherever it is. */
		{ { "cookie:s", "bearer", "basic" },
		    { "HTTP_COOKIE=s=" X, AUTH "Basic(joe:" Y ")" }, CONFLICT,
		    NULL, NULL },
		{ { "cookie:s", "bearer", "basic" },
		    { "HTTP_COOKIE=s=" X, AUTH "Basic(" Y ":)" }, CONFLICT,
		    NULL, NULL },
		{ { "cookie:s", "bearer" },
		    { "HTTP_COOKIE=s=" X, AUTH "Bearer eyJ, Bearer " Y },
		    CONFLICT, NULL, NULL },
		{ { "cookie:s", "bearer" },
		    { "HTTP_COOKIE=s=" X, AUTH "Bearer eyJ", AUTH "Bearer " X },
		    CONFLICT, NULL, NULL },
	};

	EXPECT_ALL(scenes);
}

static void
test_credentials_header_is_read(void **state)
{
	static const struct scene scenes[] = {
		{ { "header:X-Session-Token" }, { "HTTP_X_SESSION_TOKEN=" X },
		    ONE, X, NULL },
		{ { "header:x-token9" }, { "HTTP_X_TOKEN9=a=" X }, ONE, "a=" X,
		    NULL },
		{ { "header:X-Session-Token" }, { "HTTP_X_SESSION_TOKEN=" },
		    BAD, NULL, NULL },
		{ { "header:X-Session-Token" },
		    { "HTTP_X_SESSION_TOKEN=x,\t" X }, BAD, NULL, NULL },
	};

	EXPECT_ALL(scenes);
}

static void
test_credentials_same_token_twice_is_one(void **state)
{
	static const struct scene scenes[] = {
		{ { "bearer", "cookie:s", "header:X-T", "basic" },
		    { AUTH "Bearer " X, "HTTP_COOKIE=s=" X "; s=" X,
		        "HTTP_X_T=" X, AUTH "Basic(alice:" X ")" },
		    ONE, X, "alice" },
		{ { "bearer" }, { AUTH "Bearer " X ", Bearer " X }, ONE, X,
		    NULL },
		{ { "bearer", "basic" },
		    { AUTH "Basic(alice:" X "), Bearer " X }, ONE, X, "alice" },
	};

	EXPECT_ALL(scenes);
}

#define DIFFER "several session tokens that differ"
#define BESIDE "beside something that cannot be one"
#define NAMES "several user names that differ"

static void
test_credentials_conflict_is_said_as_it_is(void **state)
{
	static const struct {
		struct scene scene;
		const char *said;
	} cases[] = {
		{ { { "bearer" }, { AUTH "Bearer " X ", Bearer " Y }, CONFLICT,
		      NULL, NULL },
		    DIFFER },
		{ { { "bearer" }, { AUTH "Bearer " X, AUTH "Bearer a" X },
		      CONFLICT, NULL, NULL },
		    DIFFER },
		{ { { "bearer", "cookie:s" },
		      { AUTH "Bearer " X, "HTTP_COOKIE=s=" Y }, CONFLICT, NULL,
		      NULL },
		    DIFFER },
		{ { { "bearer", "cookie:s" },
		      { AUTH "Bearer " X, "HTTP_COOKIE=s=" Y "; s=" X },
		      CONFLICT, NULL, NULL },
		    DIFFER },
		{ { { "bearer", "header:X-T" },
		      { AUTH "Bearer " X, "HTTP_X_T=" Y }, CONFLICT, NULL,
		      NULL },
		    DIFFER },
		{ { { "basic" }, { AUTH "Basic(alice:" X "), Basic(:" Y ")" },
		      CONFLICT, NULL, NULL },
		    DIFFER },
		/* A malformed one differs from every token, in any order. */
		{ { { "bearer", "cookie:s" },
		      { AUTH "Bearer " X, "HTTP_COOKIE=s=\"\"" }, CONFLICT,
		      NULL, NULL },
		    BESIDE },
		{ { { "bearer", "header:X-T" },
		      { AUTH "Bearer " X, "HTTP_X_T=" }, CONFLICT, NULL, NULL },
		    BESIDE },
		{ { { "cookie:s", "header:X-T" },
		      { "HTTP_COOKIE=s=" X, "HTTP_X_T=" }, CONFLICT, NULL,
		      NULL },
		    BESIDE },
		{ { { "bearer", "basic" },
		      { AUTH "Bearer " X, AUTH "Basic(joe:password)" },
		      CONFLICT, NULL, NULL },
		    BESIDE },
		{ { { "basic" }, { AUTH "Basic(al:" X "), Basic(bob:" X ")" },
		      CONFLICT, NULL, NULL },
		    NAMES },
	};
	struct gate_credentials credentials;

	EACH(c, cases) {
		expect(&c->scene);
		read_scene(&c->scene, &credentials);
		assert_non_null(strstr(credentials.conflict, c->said));
	}
}

/*
 * What a browser sends by itself for a page of another site, or that page can
 * make it send, such as Basic by a URL with a user name.
 */
static void
test_credentials_unprompted_if_a_browser_adds_any(void **state)
{
	static const struct {
		struct scene scene;
		bool unprompted;
	} cases[] = {
		{ { { "bearer" }, { AUTH "Bearer " X }, ONE, X, NULL }, false },
		{ { { "header:X-T" }, { "HTTP_X_T=" X }, ONE, X, NULL },
		    false },
		{ { { "cookie:s" }, { "HTTP_COOKIE=s=" X }, ONE, X, NULL },
		    true },
		{ { { "cookie:s" }, { "HTTP_COOKIE=s=" }, NONE, NULL, NULL },
		    true },
		{ { { "cookie:s" }, { "HTTP_COOKIE=s=" X "; s=" Y }, SEVERAL,
		      NULL, NULL },
		    true },
		{ { { "cookie:s" }, { "HTTP_COOKIE=other=" X }, NONE, NULL,
		      NULL },
		    false },
		{ { { "basic" }, { AUTH "Basic(alice:" X ")" }, ONE, X,
		      "alice" },
		    true },
		{ { { "basic" }, { AUTH "Basic dTo=" }, BAD, NULL, NULL },
		    true },
		{ { { "basic" }, { AUTH "Basic(u:password)" }, BAD, NULL,
		      NULL },
		    true },
		{ { { "basic" }, { AUTH "Basic" }, BAD, NULL, NULL }, true },
		{ { { "bearer" }, { AUTH "Basic(u:)" }, NONE, NULL, NULL },
		    true },
		{ { { "bearer" }, { AUTH "Digest username=\"a\"" }, NONE, NULL,
		      NULL },
		    true },
		{ { { "bearer" }, { AUTH "Negotiate YII=" }, NONE, NULL, NULL },
		    true },
		{ { { "bearer" }, { AUTH "NTLM TlRM" }, NONE, NULL, NULL },
		    true },
		{ { { "header:cookie" }, { "HTTP_COOKIE=" X }, ONE, X, NULL },
		    true },
		{ { { "header:Authorization" }, { AUTH X }, ONE, X, NULL },
		    true },
		/* A token that it had to be given decides. */
		{ { { "cookie:s", "bearer" },
		      { "HTTP_COOKIE=s=" X, AUTH "Bearer " X }, ONE, X, NULL },
		    false },
		{ { { "cookie:s", "header:X-T" },
		      { "HTTP_COOKIE=s=" X, "HTTP_X_T=" X }, ONE, X, NULL },
		    false },
		{ { { "bearer" }, { AUTH "Negotiate YII=", AUTH "Bearer " X },
		      ONE, X, NULL },
		    false },
		/* Not something beside it that was not. */
		{ { { "cookie:s", "bearer" },
		      { "HTTP_COOKIE=s=" X, AUTH "Bearer " Y }, CONFLICT, NULL,
		      NULL },
		    true },
		{ { { "cookie:s", "bearer" },
		      { "HTTP_COOKIE=s=" X, AUTH "Bearer garbage" }, ONE, X,
		      NULL },
		    true },
		{ { { "cookie:s", "header:X-T" },
		      { "HTTP_COOKIE=s=" X, "HTTP_X_T=" }, CONFLICT, NULL,
		      NULL },
		    true },
		{ { { "basic", "bearer" },
		      { AUTH "Basic(u:)", AUTH "Bearer " X }, CONFLICT, NULL,
		      NULL },
		    true },
		{ { { "cookie:s" }, { "HTTP_COOKIE=s=" X, AUTH "Bearer " X },
		      ONE, X, NULL },
		    true },
		/* Without anything of the kind there is nothing to misuse. */
		{ { { "bearer" }, { AUTH "Bearer" }, BAD, NULL, NULL }, false },
		{ { { "bearer" }, { AUTH "Bearer garbage" }, BAD, NULL, NULL },
		    false },
		{ { { "header:X-T" }, { "HTTP_X_T=" }, BAD, NULL, NULL },
		    false },
		{ { { "bearer", "cookie" }, { NULL }, NONE, NULL, NULL },
		    false },
	};
	struct gate_credentials credentials;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		expect(&cases[i].scene);
		read_scene(&cases[i].scene, &credentials);
		if (credentials.unprompted != cases[i].unprompted)
			print_error("case %zu\n", i);
		assert_int_equal(credentials.unprompted, cases[i].unprompted);
	}
}

/* An endpoint might end sessions, which an access token must not. */
static void
test_credentials_access_token_is_one_to_the_authorizer_alone(void **state)
{
	static struct lk_jwt_keys keys;
	char bearer[] = "bearer", param[] = AUTH "Bearer e30.e30.AAAA";
	char basic[] = AUTH "Basic dTplMzAuZTMwLkFBQUE=", any[] = "basic";
	char *sources[] = { bearer, any, NULL }, *env[] = { param, NULL };
	struct lk_settings settings = { .gate.tokens = { sources, 2 } };
	struct gate_credentials credentials;
	struct gate_request request;
	int i;

	assert_int_equal(lk_token_sources_read(&settings.gate.tokens, "c",
	                     &settings.gate.sources),
	    2);
	for (i = 0; i < 2; i++, env[0] = basic) {
		settings.jwt.keys = NULL;
		gate_request_read(env, true, &request);
		request.authorizer = true;
		gate_credentials_read(&settings, &request, &credentials);
		assert_int_equal(credentials.kind, BAD);
		settings.jwt.keys = &keys;
		gate_credentials_read(&settings, &request, &credentials);
		assert_int_equal(credentials.kind, ONE);
		assert_string_equal(credentials.token.text, "e30.e30.AAAA");
		request.authorizer = false;
		gate_credentials_read(&settings, &request, &credentials);
		assert_int_equal(credentials.kind, BAD);
	}
}

static void
test_credentials_wipe_leaves_nothing(void **state)
{
	static const struct scene scenes[] = {
		{ { "basic" }, { AUTH "Basic(alice:" LK ")" }, ONE, LK,
		    "alice" },
		{ { "cookie:s" },
		    { "HTTP_COOKIE=s=" X "; s=" Y "; s=" Z "; s=" LK
		      "; s=a" LK },
		    BAD, NULL, NULL },
		{ { "cookie:s" },
		    { "HTTP_COOKIE=s=" X "; s=" Y "; s=" Z "; s=a" X
		      "; s=" LK },
		    TOO_MANY, NULL, NULL },
	};
	static const char *const secrets[] = { LK, X, Y, Z, "alice" };
	struct gate_credentials credentials;
	size_t j;

	EACH(c, scenes) {
		read_scene(c, &credentials);
		gate_credentials_wipe(&credentials);
		assert_int_equal(credentials.kind, 0);
		for (j = 0; j < COUNT(secrets); j++)
			assert_null(memmem(&credentials, sizeof(credentials),
			    secrets[j], strlen(secrets[j])));
	}
}

#include "support/suite.h"
