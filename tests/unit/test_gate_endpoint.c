#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "endpoint.h"

#define PARAMS_MAX 3

/* What is asked by at most two parameters; NULL is none. */
static enum gate_endpoint
asked_by(const char *first, const char *second)
{
	char texts[PARAMS_MAX][64];
	char *env[PARAMS_MAX + 1] = { NULL };
	struct gate_request request = { .env = env };
	size_t n = 0;

	if (first != NULL) {
		(void)snprintf(texts[n], sizeof(texts[n]), "%s", first);
		env[n] = texts[n];
		n++;
	}
	if (second != NULL) {
		(void)snprintf(texts[n], sizeof(texts[n]), "%s", second);
		env[n] = texts[n];
		n++;
	}
	return (gate_endpoint_asked(&request));
}

static void
test_gate_endpoint_named_is_asked(void **state)
{
	(void)state;
	assert_int_equal(asked_by("LATCHKEY_ENDPOINT=authorize", NULL),
	    GATE_ENDPOINT_AUTHORIZE);
	assert_int_equal(asked_by("LATCHKEY_ENDPOINT=authorize",
	    "LATCHKEY_ENDPOINT=authorize"), GATE_ENDPOINT_AUTHORIZE);
}

static void
test_gate_endpoint_unclear_is_none(void **state)
{
	static const char *const texts[] = { "LATCHKEY_ENDPOINT=",
		"LATCHKEY_ENDPOINT", "LATCHKEY_ENDPOINT=Authorize",
		"LATCHKEY_ENDPOINT=authorize ", "LATCHKEY_ENDPOINT=authoriz",
		"LATCHKEY_ENDPOINT=authorize,authorize",
		"HTTP_LATCHKEY_ENDPOINT=authorize",
		"XLATCHKEY_ENDPOINT=authorize",
		"latchkey_endpoint=authorize" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(asked_by(texts[i], NULL),
		    GATE_ENDPOINT_NONE);
	assert_int_equal(asked_by(NULL, NULL), GATE_ENDPOINT_NONE);
	assert_int_equal(asked_by("LATCHKEY_ENDPOINT=authorize",
	    "LATCHKEY_ENDPOINT=health"), GATE_ENDPOINT_NONE);
	assert_int_equal(asked_by("LATCHKEY_ENDPOINT=",
	    "LATCHKEY_ENDPOINT=authorize"), GATE_ENDPOINT_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gate_endpoint_named_is_asked),
		cmocka_unit_test(test_gate_endpoint_unclear_is_none),
	};

	return (cmocka_run_group_tests_name("gate_endpoint", tests, NULL,
	    NULL));
}
