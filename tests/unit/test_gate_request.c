#include "support/test.h"
#include "verdict/request.h"

/* The request of at most three parameters. */
static struct gate_request
request_of(char *const *env)
{
	struct gate_request request;

	memset(&request, 0xff, sizeof(request));
	gate_request_read(env, true, &request);
	return (request);
}

static void
test_gate_request_params_are_found(void **state)
{
	char texts[][40] = { "FCGI_ROLE=AUTHORIZER", "REQUEST_METHOD=GET",
		"REQUEST_URI=/a?b=c", "HTTP_ACCEPT=*/*", "REMOTE_ADDR=::1",
		"HTTP_SEC_FETCH_MODE=cors", "HTTP_X_REQUESTED_WITH=x" };
	char *env[] = { texts[0], texts[1], texts[2], texts[3], texts[4],
		texts[5], texts[6], NULL };
	struct gate_request request = request_of(env);

	assert_true(request.authorizer);
	assert_string_equal(request.method, "GET");
	assert_string_equal(request.uri, "/a?b=c");
	assert_string_equal(request.accept, "*/*");
	assert_string_equal(request.peer, "::1");
	assert_string_equal(request.fetch_mode, "cors");
	assert_string_equal(request.requested_with, "x");
}

static void
test_gate_request_method_said_apart_wins(void **state)
{
	char texts[][40] = { "REQUEST_METHOD=GET", "LATCHKEY_METHOD=POST",
		"HTTP_LATCHKEY_METHOD=PUT", "LATCHKEY_METHOD=" };
	char *both[] = { texts[0], texts[1], NULL };
	char *header[] = { texts[0], texts[2], NULL };
	char *empty[] = { texts[0], texts[3], NULL };

	assert_string_equal(request_of(both).method, "POST");
	assert_string_equal(request_of(header).method, "GET");
	assert_string_equal(request_of(empty).method, "");
}

/* Two of them leave open which one others go by. */
static void
test_gate_request_method_or_uri_said_twice_is_none(void **state)
{
	char texts[][40] = { "REQUEST_METHOD=GET", "REQUEST_METHOD=GET",
		"LATCHKEY_METHOD=GET", "LATCHKEY_METHOD=DELETE",
		"REQUEST_URI=/a", "REQUEST_URI=/b" };
	char *method[] = { texts[0], texts[1], NULL };
	char *apart[] = { texts[0], texts[2], texts[3], NULL };
	char *uri[] = { texts[4], texts[0], texts[5], NULL };

	assert_string_equal(request_of(method).method, "");
	assert_string_equal(request_of(apart).method, "");
	assert_string_equal(request_of(uri).uri, "");
	assert_string_equal(request_of(uri).method, "GET");
}

static void
test_gate_request_method_that_another_word_denies_is_none(void **state)
{
	static const struct {
		const char *own, *forwarded, *said, *method;
	} cases[] = {
		{ "REQUEST_METHOD=GET", "A=", "B=", "GET" },
		{ "REQUEST_METHOD=GET", "HTTP_X_FORWARDED_METHOD=GET", "B=",
		    "GET" },
		{ "REQUEST_METHOD=GET", "HTTP_X_FORWARDED_METHOD=PUT", "B=",
		    NULL },
		{ "REQUEST_METHOD=GET", "HTTP_X_FORWARDED_METHOD=", "B=",
		    NULL },
		{ "REQUEST_METHOD=GET", "HTTP_X_FORWARDED_METHOD=GET",
		    "HTTP_X_FORWARDED_METHOD=PUT", NULL },
		{ "REQUEST_METHOD=GET", "HTTP_X_FORWARDED_METHOD=PUT",
		    "LATCHKEY_METHOD=PUT", "PUT" },
		{ "A=", "HTTP_X_FORWARDED_METHOD=PUT", "B=", NULL },
	};
	struct gate_request request;
	char texts[3][40];
	char *env[] = { texts[0], texts[1], texts[2], NULL };

	EACH(c, cases) {
		strcpy(texts[0], c->own);
		strcpy(texts[1], c->forwarded);
		strcpy(texts[2], c->said);
		request = request_of(env);
		gate_request_doubt(&request);
		if (c->method == NULL)
			assert_null(request.method);
		else
			assert_string_equal(request.method, c->method);
	}
}

static void
test_gate_request_missing_params_are_null(void **state)
{
	char texts[][40] = { "REQUEST_METHODS=GET", "REQUEST_UR=/",
		"xREMOTE_ADDR=1", "REQUEST_METHOD" };
	char *env[] = { texts[0], texts[1], texts[2], texts[3], NULL };
	struct gate_request request = request_of(env);

	assert_null(request.method);
	assert_null(request.uri);
	assert_null(request.peer);
	assert_null(request.accept);
}

static void
test_gate_request_next_finds_every_value(void **state)
{
	char texts[][40] = { "HTTP_COOKIE=a", "HTTP_COOKIES=x",
		"HTTP_COOKIE=", "HTTP_COOKIE=b=c" };
	char *env[] = { texts[0], texts[1], texts[2], texts[3], NULL };
	struct gate_request request = request_of(env);
	size_t at = 0;

	assert_string_equal(gate_request_next(&request, "HTTP_COOKIE", &at),
	    "a");
	assert_string_equal(gate_request_next(&request, "HTTP_COOKIE", &at),
	    "");
	assert_string_equal(gate_request_next(&request, "HTTP_COOKIE", &at),
	    "b=c");
	assert_null(gate_request_next(&request, "HTTP_COOKIE", &at));
	assert_null(gate_request_next(&request, "HTTP_COOKIE", &at));
}

static void
test_gate_request_navigation_is_recognised(void **state)
{
	static const struct {
		const char *method, *accept;
		bool navigation;
	} cases[] = {
		{ "GET", "text/html", true },
		{ "HEAD", "text/html", true },
		{ "GET", "application/xhtml+xml, Text/HTML;q=0.9", true },
		{ "GET", "a/b,text/html ,c/d", true },
		{ "GET", "*/*", false },
		{ "GET", "text/*", false },
		{ "GET", "text/html5", false },
		{ "GET", "xtext/html", false },
		{ "GET", "application/json;x=\"text/html\"", false },
		{ "GET", "", false },
		{ "GET", NULL, false },
		{ "GET", "text/html;q=0", false },
		{ "GET", "text/html ; level=1;Q=0.00 , */*", false },
		{ "GET", "text/html;q=0.01", true },
		{ "GET", "text/html;q=0;x,text/html;level=1", true },
		{ "POST", "text/html", false },
		{ NULL, "text/html", false },
	};
	struct gate_request request;

	EACH(one, cases) {
		memset(&request, 0, sizeof(request));
		request.method = one->method;
		request.accept = one->accept;
		assert_int_equal(gate_request_is_navigation(&request),
		    one->navigation);
	}
}

static void
test_gate_request_script_is_no_navigation(void **state)
{
	static const struct {
		const char *params[3];
		bool script;
	} cases[] = {
		{ { NULL }, false },
		{ { "HTTP_SEC_FETCH_MODE=navigate" }, false },
		{ { "HTTP_SEC_FETCH_MODE=" }, false },
		{ { "HTTP_SEC_FETCH_MODE=cors" }, true },
		{ { "HTTP_SEC_FETCH_MODE=same-origin" }, true },
		{ { "HTTP_SEC_FETCH_MODE=no-cors" }, true },
		{ { "HTTP_SEC_FETCH_MODE=websocket" }, true },
		{ { "HTTP_SEC_FETCH_MODE=Navigate" }, true },
		{ { "HTTP_SEC_FETCH_MODE=navigate, cors" }, true },
		{ { "HTTP_X_REQUESTED_WITH=XMLHttpRequest" }, true },
		{ { "HTTP_X_REQUESTED_WITH=" }, false },
		{ { "HTTP_SEC_FETCH_MODE=navigate",
		    "HTTP_SEC_FETCH_MODE=cors" }, true },
		{ { "HTTP_SEC_FETCH_MODE=cors",
		    "HTTP_SEC_FETCH_MODE=navigate" }, true },
		{ { "HTTP_SEC_FETCH_MODE=cors",
		    "HTTP_X_REQUESTED_WITH=" }, true },
		/* An app with a browser in it names itself on pages too. */
		{ { "HTTP_X_REQUESTED_WITH=org.example.app",
		    "HTTP_SEC_FETCH_MODE=navigate" }, false },
	};
	char texts[4][40] = { "REQUEST_METHOD=GET", "HTTP_ACCEPT=text/html" };
	char *env[5];
	struct gate_request request;
	size_t j;

	EACH(c, cases) {
		memset(env, 0, sizeof(env));
		env[0] = texts[0];
		env[1] = texts[1];
		for (j = 0; c->params[j] != NULL; j++) {
			(void)snprintf(texts[j + 2], sizeof(texts[0]), "%s",
			    c->params[j]);
			env[j + 2] = texts[j + 2];
		}
		request = request_of(env);
		assert_int_equal(gate_request_is_script(&request), c->script);
		assert_int_equal(gate_request_is_navigation(&request),
		    !c->script);
	}
}

static void
test_gate_request_path_has_no_query(void **state)
{
	static const struct {
		const char *uri, *path;
	} cases[] = {
		{ "/a/b?token=secret", "/a/b" },
		{ "/a#secret?x", "/a" },
		{ "/a", "/a" },
		{ "?x", "" },
		{ NULL, "" },
		{ "/123456789012345678901234567890", "/1234567890" },
	};
	struct gate_request request;
	char path[12];

	EACH(c, cases) {
		memset(&request, 0, sizeof(request));
		request.uri = c->uri;
		gate_request_path(&request, path, sizeof(path));
		assert_string_equal(path, c->path);
	}
}

#define TRACE "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static void
test_gate_request_ids_are_what_they_should_be(void **state)
{
	static const struct {
		const char *param;
		bool trace, id;
	} cases[] = {
		{ "HTTP_TRACEPARENT=00-" TRACE, true, false },
		{ "HTTP_TRACEPARENT=01-" TRACE, true, false },
		{ "HTTP_TRACEPARENT=ff-" TRACE, false, false },
		{ "HTTP_TRACEPARENT=00-" TRACE "0", false, false },
		{ "HTTP_TRACEPARENT=00-" TRACE "-x", false, false },
		{ "HTTP_TRACEPARENT=0-" TRACE, false, false },
		{ "HTTP_TRACEPARENT=", false, false },
		{ "HTTP_TRACEPARENT=00-0AF7651916CD43DD8448EB211C80319C-"
		  "b7ad6b7169203331-01", false, false },
		{ "HTTP_TRACEPARENT=00-00000000000000000000000000000000-"
		  "b7ad6b7169203331-01", false, false },
		{ "HTTP_TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-"
		  "0000000000000000-01", false, false },
		{ "HTTP_X_REQUEST_ID=7b0c-aA9.b:/=+~_", false, true },
		{ "HTTP_X_REQUEST_ID=", false, false },
		{ "HTTP_X_REQUEST_ID=a b", false, false },
		{ "HTTP_X_REQUEST_ID=a\"b", false, false },
		{ "HTTP_X_REQUEST_ID=a\nb", false, false },
		{ "HTTP_X_REQUEST_ID=\xc3\xa9", false, false },
	};
	char text[160];
	char *env[] = { text, NULL, NULL };
	struct gate_request request;

	EACH(c, cases) {
		(void)snprintf(text, sizeof(text), "%s", c->param);
		request = request_of(env);
		if ((gate_request_trace(&request) != NULL) != c->trace ||
		    (gate_request_id(&request) != NULL) != c->id)
			fail_msg("%s", c->param);
	}
	(void)snprintf(text, sizeof(text), "HTTP_X_REQUEST_ID=%0128d", 1);
	assert_non_null(gate_request_id(&request));
	(void)snprintf(text, sizeof(text), "HTTP_X_REQUEST_ID=%0129d", 1);
	assert_null(gate_request_id(&request));
	(void)snprintf(text, sizeof(text), "HTTP_X_REQUEST_ID=a");
	env[1] = text;
	assert_null(gate_request_id(&request));
}

static void
test_gate_request_wipe_zeroes_values(void **state)
{
	char texts[][40] = { "HTTP_COOKIE=session=x", "NO_VALUE", "A=" };
	char *env[] = { texts[0], texts[1], texts[2], NULL };
	static const char zeros[9];

	gate_request_wipe(env);
	assert_string_equal(texts[0], "HTTP_COOKIE=");
	assert_memory_equal(texts[0] + strlen("HTTP_COOKIE="), zeros,
	    sizeof(zeros));
	assert_string_equal(texts[1], "NO_VALUE");
	assert_string_equal(texts[2], "A=");
}

#include "support/suite.h"
