#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "credentials.h"

#define NONE GATE_CREDENTIALS_NONE
#define ONE GATE_CREDENTIALS_ONE
#define BAD GATE_CREDENTIALS_BAD
#define CONFLICT GATE_CREDENTIALS_CONFLICT

#define SOURCES_MAX 4
#define PARAMS_MAX 4

struct scene {
	const char *sources[SOURCES_MAX];
	const char *params[PARAMS_MAX];
	enum gate_credentials_kind kind;
	const char *token; /* with ONE */
	const char *user;  /* with ONE; NULL is "" */
};

static void
read_scene(const struct scene *scene, struct gate_credentials *credentials)
{
	char texts[SOURCES_MAX + PARAMS_MAX][256];
	char *sources[SOURCES_MAX + 1] = { NULL };
	char *env[PARAMS_MAX + 1] = { NULL };
	struct lk_settings settings = { .gate.tokens.v = sources };
	struct gate_request request;
	size_t i;

	for (i = 0; i < SOURCES_MAX && scene->sources[i] != NULL; i++) {
		sources[i] = texts[settings.gate.tokens.n++];
		(void)snprintf(sources[i], 256, "%s", scene->sources[i]);
	}
	for (i = 0; i < PARAMS_MAX && scene->params[i] != NULL; i++) {
		env[i] = texts[SOURCES_MAX + i];
		(void)snprintf(env[i], 256, "%s", scene->params[i]);
	}
	gate_request_read(env, true, &request);
	memset(credentials, 0xff, sizeof(*credentials));
	gate_credentials_read(&settings, &request, credentials);
}

static void
expect(const struct scene *scene)
{
	static const struct lk_token no_token;
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
		assert_memory_equal(&credentials.token, &no_token,
		    sizeof(no_token));
		assert_string_equal(credentials.user, "");
	}
}

#define EXPECT_ALL(scenes)                                                 \
	do {                                                               \
		size_t scene_;                                             \
		for (scene_ = 0;                                           \
		    scene_ < sizeof(scenes) / sizeof((scenes)[0]);         \
		    scene_++)                                              \
			expect(&(scenes)[scene_]);                         \
	} while (0)

#define AUTH "HTTP_AUTHORIZATION="

static void
test_credentials_bearer_is_read(void **state)
{
	static const struct scene scenes[] = {
		{ { "bearer" }, { AUTH "Bearer lk_abc" }, ONE, "lk_abc", NULL },
		{ { "bearer" }, { AUTH "bEARER lk_abc" }, ONE, "lk_abc", NULL },
		{ { "bearer" }, { AUTH "Bearer   x" }, ONE, "x", NULL },
		{ { "bearer" }, { AUTH "  Bearer x \t" }, ONE, "x", NULL },
		{ { "bearer" }, { AUTH "Bearer aZ09-._~+/==" }, ONE,
		    "aZ09-._~+/==", NULL },
		{ { "bearer" }, { "REMOTE_ADDR=x", AUTH "Bearer x" }, ONE, "x",
		    NULL },
	};

	(void)state;
	EXPECT_ALL(scenes);
}

static void
test_credentials_malformed_bearer_is_bad(void **state)
{
	static const struct scene scenes[] = {
		{ { "bearer" }, { AUTH "Bearer" }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer " }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer\tx" }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer \tx" }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer ==" }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer a=b" }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer a b" }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer a\"b\"" }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer a@b" }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer \303\244" }, BAD, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer , " }, BAD, NULL, NULL },
		/* What stands behind a comma is not dropped. */
		{ { "bearer" }, { AUTH "Bearer a,b" }, CONFLICT, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearer a, x=y" }, CONFLICT, NULL,
		    NULL },
	};

	(void)state;
	EXPECT_ALL(scenes);
}

static void
test_credentials_not_accepted_is_none(void **state)
{
	static const struct scene scenes[] = {
		{ { NULL }, { AUTH "Bearer x" }, NONE, NULL, NULL },
		{ { "bearer" }, { NULL }, NONE, NULL, NULL },
		{ { "bearer" }, { AUTH }, NONE, NULL, NULL },
		{ { "bearer" }, { AUTH "Basic YTpi" }, NONE, NULL, NULL },
		{ { "basic" }, { AUTH "Bearer x" }, NONE, NULL, NULL },
		{ { "bearer" }, { AUTH "Bearers x" }, NONE, NULL, NULL },
		{ { "bearer" }, { AUTH "Negotiate Bearer" }, NONE, NULL, NULL },
		{ { "bearer" }, { AUTH "Digest realm=\"x, Bearer y\"" }, NONE,
		    NULL, NULL },
		{ { "bearer" }, { "HTTP_COOKIE=session=x",
		    "HTTP_X_SESSION_TOKEN=x" }, NONE, NULL, NULL },
		{ { "cookie:session" }, { "HTTP_COOKIE=Session=x; sessio=x; "
		    "session2=x; xsession=x; session" }, NONE, NULL, NULL },
		{ { "cookie:session" }, { "HTTP_COOKIE=a=session=x" }, NONE,
		    NULL, NULL },
		{ { "header:X-Tok" }, { "HTTP_X_TOKE=x", "HTTP_X_TO=x",
		    "X_TOK=x", "HTTP_x_tok=x" }, NONE, NULL, NULL },
	};

	(void)state;
	EXPECT_ALL(scenes);
}

static void
test_credentials_basic_is_read(void **state)
{
	static const struct scene scenes[] = {
		/* alice:lk_abc, :lk_abc, alice:a:b */
		{ { "basic" }, { AUTH "Basic YWxpY2U6bGtfYWJj" }, ONE,
		    "lk_abc", "alice" },
		{ { "basic" }, { AUTH "BASIC OmxrX2FiYw==" }, ONE, "lk_abc",
		    NULL },
		{ { "basic" }, { AUTH "Basic YWxpY2U6YTpi" }, ONE, "a:b",
		    "alice" },
	};

	(void)state;
	EXPECT_ALL(scenes);
}

static void
test_credentials_malformed_basic_is_bad(void **state)
{
	static const struct scene scenes[] = {
		{ { "basic" }, { AUTH "Basic" }, BAD, NULL, NULL },
		{ { "basic" }, { AUTH "Basic !!!!" }, BAD, NULL, NULL },
		{ { "basic" }, { AUTH "Basic YWxpY2U" }, BAD, NULL, NULL },
		/* alice, alice:, alice:a\tb, al\0ice:x */
		{ { "basic" }, { AUTH "Basic YWxpY2U=" }, BAD, NULL, NULL },
		{ { "basic" }, { AUTH "Basic YWxpY2U6" }, BAD, NULL, NULL },
		{ { "basic" }, { AUTH "Basic YWxpY2U6YQli" }, BAD, NULL,
		    NULL },
		{ { "basic" }, { AUTH "Basic YWwAaWNlOng=" }, BAD, NULL,
		    NULL },
	};

	(void)state;
	EXPECT_ALL(scenes);
}

/* A Basic credential of a user name and a token of these lengths. */
static void
expect_basic_lengths(size_t user_len, size_t token_len,
    enum gate_credentials_kind kind)
{
	static char pair[2 * LK_TOKEN_MAX], param[6 * LK_TOKEN_MAX];
	char basic[] = "basic";
	char *sources[] = { basic }, *env[] = { param, NULL };
	const struct lk_settings settings = { .gate.tokens = { sources, 1 } };
	struct gate_credentials credentials;
	struct gate_request request;
	size_t start;

	memset(pair, 'u', user_len);
	pair[user_len] = ':';
	memset(pair + user_len + 1, 't', token_len);
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
	(void)state;
	expect_basic_lengths(LK_USER_ID_MAX, LK_TOKEN_MAX, ONE);
	expect_basic_lengths(LK_USER_ID_MAX + 1, 10, BAD);
	expect_basic_lengths(0, LK_TOKEN_MAX + 1, BAD);
	expect_basic_lengths(LK_USER_ID_MAX, LK_TOKEN_MAX + 1, BAD);
	expect_basic_lengths(0, 2 * LK_TOKEN_MAX - 1, BAD);
}

static void
test_credentials_cookie_is_read(void **state)
{
	static const struct scene scenes[] = {
		{ { "cookie:session" }, { "HTTP_COOKIE=session=x" }, ONE, "x",
		    NULL },
		{ { "cookie:session" }, { "HTTP_COOKIE=a=b;session=x;c=d" },
		    ONE, "x", NULL },
		{ { "cookie:session" }, { "HTTP_COOKIE=a; ;; session = x ;" },
		    ONE, "x", NULL },
		{ { "cookie:session" }, { "HTTP_COOKIE=session=\"x\"" }, ONE,
		    "x", NULL },
		{ { "cookie:session" }, { "HTTP_COOKIE=session=a=b" }, ONE,
		    "a=b", NULL },
		{ { "cookie:session" }, { "HTTP_COOKIE=session=\"" }, ONE,
		    "\"", NULL },
		{ { "cookie:session" }, { "HTTP_COOKIE=a=b",
		    "HTTP_COOKIE=session=x" }, ONE, "x", NULL },
		{ { "cookie:__Host-s", "cookie:session" },
		    { "HTTP_COOKIE=__Host-s=x" }, ONE, "x", NULL },
	};

	(void)state;
	EXPECT_ALL(scenes);
}

static void
test_credentials_malformed_cookie_is_bad(void **state)
{
	static const struct scene scenes[] = {
		{ { "cookie:session" }, { "HTTP_COOKIE=session=" }, BAD, NULL,
		    NULL },
		{ { "cookie:session" }, { "HTTP_COOKIE=session=\"\"" }, BAD,
		    NULL, NULL },
		{ { "cookie:session" }, { "HTTP_COOKIE=session=a\tb" }, BAD,
		    NULL, NULL },
		{ { "cookie:session" }, { "HTTP_COOKIE=session=a\177" }, BAD,
		    NULL, NULL },
	};

	(void)state;
	EXPECT_ALL(scenes);
}

static void
test_credentials_header_is_read(void **state)
{
	static const struct scene scenes[] = {
		{ { "header:X-Session-Token" }, { "HTTP_X_SESSION_TOKEN=x" },
		    ONE, "x", NULL },
		{ { "header:x-token9" }, { "HTTP_X_TOKEN9=a_b=" }, ONE,
		    "a_b=", NULL },
		{ { "header:X-Session-Token" }, { "HTTP_X_SESSION_TOKEN=" },
		    BAD, NULL, NULL },
		{ { "header:X-Session-Token" },
		    { "HTTP_X_SESSION_TOKEN=x,\tx" }, BAD, NULL, NULL },
	};

	(void)state;
	EXPECT_ALL(scenes);
}

static void
test_credentials_same_token_twice_is_one(void **state)
{
	static const struct scene scenes[] = {
		{ { "bearer", "cookie:session", "header:X-T", "basic" },
		    { AUTH "Bearer x", "HTTP_COOKIE=session=x; session=x",
		    "HTTP_X_T=x", AUTH "Basic YWxpY2U6eA==" }, ONE, "x",
		    "alice" },
		{ { "bearer" }, { AUTH "Bearer x, Bearer x" }, ONE, "x",
		    NULL },
		{ { "bearer", "basic" },
		    { AUTH "Basic YWxpY2U6eA==, Bearer x" }, ONE, "x",
		    "alice" },
		{ { "basic" },
		    { AUTH "Basic YWxpY2U6eA==, Basic OmxrX2FiYw==" },
		    CONFLICT, NULL, NULL },
	};

	(void)state;
	EXPECT_ALL(scenes);
}

static void
test_credentials_different_tokens_conflict(void **state)
{
	static const struct scene scenes[] = {
		{ { "bearer" }, { AUTH "Bearer x, Bearer y" }, CONFLICT, NULL,
		    NULL },
		{ { "bearer" }, { AUTH "Bearer x", AUTH "Bearer xx" },
		    CONFLICT, NULL, NULL },
		{ { "cookie:session" }, { "HTTP_COOKIE=session=x; session=y" },
		    CONFLICT, NULL, NULL },
		{ { "cookie:session" }, { "HTTP_COOKIE=session=x",
		    "HTTP_COOKIE=session=y" }, CONFLICT, NULL, NULL },
		{ { "bearer", "cookie:session" }, { AUTH "Bearer x",
		    "HTTP_COOKIE=session=y" }, CONFLICT, NULL, NULL },
		{ { "bearer", "header:X-T" }, { AUTH "Bearer x",
		    "HTTP_X_T=y" }, CONFLICT, NULL, NULL },
		/* A malformed one differs from every token, in any order. */
		{ { "bearer", "cookie:session" }, { AUTH "Bearer x",
		    "HTTP_COOKIE=session=" }, CONFLICT, NULL, NULL },
		{ { "bearer", "cookie:session" }, { AUTH "Bearer",
		    "HTTP_COOKIE=session=x" }, CONFLICT, NULL, NULL },
		{ { "cookie:session" }, { "HTTP_COOKIE=session=x; session=y; "
		    "session=x; session=" }, CONFLICT, NULL, NULL },
		/* alice:x and bob:x */
		{ { "basic" },
		    { AUTH "Basic YWxpY2U6eA==, Basic Ym9iOng=" }, CONFLICT,
		    NULL, NULL },
	};

	(void)state;
	EXPECT_ALL(scenes);
}

static void
test_credentials_deliberate_if_no_browser_adds_it(void **state)
{
	static const struct {
		struct scene scene;
		bool deliberate;
	} cases[] = {
		{ { { "bearer" }, { AUTH "Bearer x" }, ONE, "x", NULL },
		    true },
		{ { { "header:X-T" }, { "HTTP_X_T=x" }, ONE, "x", NULL },
		    true },
		{ { { "cookie:s" }, { "HTTP_COOKIE=s=x" }, ONE, "x", NULL },
		    false },
		/* alice:x */
		{ { { "basic" }, { AUTH "Basic YWxpY2U6eA==" }, ONE, "x",
		    "alice" }, false },
		{ { { "header:cookie" }, { "HTTP_COOKIE=x" }, ONE, "x",
		    NULL }, false },
		{ { { "header:Authorization" }, { AUTH "x" }, ONE, "x",
		    NULL }, false },
		{ { { "cookie:s", "bearer" }, { "HTTP_COOKIE=s=x",
		    AUTH "Bearer x" }, ONE, "x", NULL }, true },
		{ { { "cookie:s", "bearer" }, { "HTTP_COOKIE=s=x",
		    AUTH "Bearer y" }, CONFLICT, NULL, NULL }, false },
		{ { { "bearer" }, { AUTH "Bearer" }, BAD, NULL, NULL },
		    false },
		{ { { "cookie:s" }, { "HTTP_COOKIE=s=x", AUTH "Bearer x" },
		    ONE, "x", NULL }, false },
	};
	struct gate_credentials credentials;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect(&cases[i].scene);
		read_scene(&cases[i].scene, &credentials);
		assert_int_equal(credentials.deliberate,
		    cases[i].deliberate);
	}
}

static void
test_credentials_wipe_leaves_nothing(void **state)
{
	static const struct gate_credentials zero;
	static const struct scene scene = { { "basic" },
		{ AUTH "Basic YWxpY2U6bGtfYWJj" }, ONE, "lk_abc", "alice" };
	struct gate_credentials credentials;

	(void)state;
	read_scene(&scene, &credentials);
	gate_credentials_wipe(&credentials);
	assert_memory_equal(&credentials, &zero, sizeof(zero));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_credentials_bearer_is_read),
		cmocka_unit_test(test_credentials_malformed_bearer_is_bad),
		cmocka_unit_test(test_credentials_not_accepted_is_none),
		cmocka_unit_test(test_credentials_basic_is_read),
		cmocka_unit_test(test_credentials_malformed_basic_is_bad),
		cmocka_unit_test(test_credentials_basic_lengths_are_capped),
		cmocka_unit_test(test_credentials_cookie_is_read),
		cmocka_unit_test(test_credentials_malformed_cookie_is_bad),
		cmocka_unit_test(test_credentials_header_is_read),
		cmocka_unit_test(test_credentials_same_token_twice_is_one),
		cmocka_unit_test(test_credentials_different_tokens_conflict),
		cmocka_unit_test(
		    test_credentials_deliberate_if_no_browser_adds_it),
		cmocka_unit_test(test_credentials_wipe_leaves_nothing),
	};

	return (cmocka_run_group_tests_name("credentials", tests, NULL,
	    NULL));
}
