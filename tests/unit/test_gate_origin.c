#include "support/test.h"
#include "endpoints/handlers.h"

#define PARAMS_MAX 4

struct scene {
	bool safe;
	const char *params[PARAMS_MAX];
};

static bool
is_safe(const struct scene *scene, bool deliberate)
{
	char texts[PARAMS_MAX][128];
	char *env[PARAMS_MAX + 1] = { NULL };
	struct gate_request request = { .env = env };
	size_t i;

	for (i = 0; i < PARAMS_MAX && scene->params[i] != NULL; i++) {
		env[i] = texts[i];
		(void)snprintf(texts[i], sizeof(texts[i]), "%s",
		    scene->params[i]);
	}
	return (gate_origin_is_safe(&request, deliberate));
}

#define SITE "HTTP_SEC_FETCH_SITE="
#define ORIGIN "HTTP_ORIGIN="
#define HOST "HTTP_HOST="

static const struct scene scenes[] = {
	/* A request that says nothing may come from anywhere. */
	{ false, { NULL } },
	{ false, { HOST "a.example" } },
	{ false, { HOST "a.example", "HTTP_REFERER=https://a.example/" } },
	/* The browser says where it comes from. */
	{ true, { SITE "same-origin" } },
	{ true, { SITE "none" } },
	{ false, { SITE "same-site" } },
	{ false, { SITE "cross-site" } },
	{ false, { SITE "" } },
	{ false, { SITE "Same-Origin" } },
	{ false, { SITE "same-origin, cross-site" } },
	{ false, { SITE "same-origin", SITE "cross-site" } },
	{ false, { SITE "cross-site", SITE "same-origin" } },
	/* It has the last word. */
	{ false, { SITE "cross-site", ORIGIN "https://a.example",
	    HOST "a.example" } },
	{ true, { SITE "same-origin", ORIGIN "null", HOST "a.example" } },
	/* An older browser says which page it comes from. */
	{ true, { ORIGIN "https://a.example", HOST "a.example" } },
	{ true, { ORIGIN "http://a.example", HOST "a.example" } },
	{ true, { ORIGIN "HTTPS://A.Example", HOST "a.example" } },
	{ true, { ORIGIN "https://a.example:8443", HOST "a.example:8443" } },
	{ true, { ORIGIN "https://a.example", HOST "a.example:443" } },
	{ true, { ORIGIN "https://a.example:443", HOST "a.example" } },
	{ true, { ORIGIN "http://a.example", HOST "a.example:80" } },
	{ true, { ORIGIN "http://[::1]:8080", HOST "[::1]:8080" } },
	{ false, { ORIGIN "https://a.example" } },
	{ false, { ORIGIN "https://a.example", HOST "" } },
	{ false, { ORIGIN "https://", HOST "" } },
	{ false, { ORIGIN "https://:443", HOST ":443" } },
	{ false, { ORIGIN "", HOST "" } },
	{ false, { ORIGIN "null", HOST "a.example" } },
	{ false, { ORIGIN "null", HOST "null" } },
	{ false, { ORIGIN "https://b.example", HOST "a.example" } },
	{ false, { ORIGIN "https://a.example.b", HOST "a.example" } },
	{ false, { ORIGIN "https://b.a.example", HOST "a.example" } },
	{ false, { ORIGIN "https://a.example:8443", HOST "a.example" } },
	{ false, { ORIGIN "https://a.example:80", HOST "a.example" } },
	{ false, { ORIGIN "http://a.example:443", HOST "a.example" } },
	{ false, { ORIGIN "https://a.example/", HOST "a.example" } },
	{ false, { ORIGIN "https://u@a.example", HOST "a.example" } },
	{ false, { ORIGIN "a.example", HOST "a.example" } },
	{ false, { ORIGIN "ftp://a.example", HOST "a.example" } },
	{ false, { ORIGIN "https://a.example", ORIGIN "https://b.example",
	    HOST "a.example" } },
	{ false, { ORIGIN "https://a.example https://b.example",
	    HOST "a.example" } },
	/* A page without TLS does not speak for the one with TLS. */
	{ false, { "HTTPS=on", ORIGIN "http://a.example",
	    HOST "a.example" } },
	{ false, { "REQUEST_SCHEME=https", ORIGIN "http://a.example",
	    HOST "a.example" } },
	{ true, { "HTTPS=on", ORIGIN "https://a.example",
	    HOST "a.example" } },
	{ true, { "HTTPS=", ORIGIN "http://a.example", HOST "a.example" } },
	/* A header that only a script of this site may send. */
	{ true, { "HTTP_X_LATCHKEY_REQUEST=1" } },
	{ true, { "HTTP_X_LATCHKEY_REQUEST=", SITE "cross-site" } },
	{ false, { "X_LATCHKEY_REQUEST=1" } },
	{ false, { "QUERY_STRING=HTTP_X_LATCHKEY_REQUEST=1" } },
};
#define SCENE_COUNT (COUNT(scenes))

static void
test_gate_origin_every_scene_as_designed(void **state)
{
	size_t i;

	for (i = 0; i < SCENE_COUNT; i++) {
		if (is_safe(&scenes[i], false) != scenes[i].safe)
			print_error("scene %zu: %s\n", i,
			    scenes[i].params[0]);
		assert_int_equal(is_safe(&scenes[i], false),
		    scenes[i].safe);
	}
}

static void
test_gate_origin_deliberate_token_is_safe(void **state)
{
	size_t i;

	for (i = 0; i < SCENE_COUNT; i++)
		assert_true(is_safe(&scenes[i], true));
}

#include "support/suite.h"
