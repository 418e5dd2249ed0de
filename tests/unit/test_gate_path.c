#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "path.h"

struct reading {
	const char *uri;
	const char *path; /* NULL: refused */
};

static void
expect(const struct reading *cases, size_t count)
{
	struct gate_path path;
	const char *why;
	size_t i;

	for (i = 0; i < count; i++) {
		memset(&path, 0xff, sizeof(path));
		why = gate_path_read(cases[i].uri, &path);
		if ((why == NULL) != (cases[i].path != NULL))
			fail_msg("%s: %s", cases[i].uri,
			    why == NULL ? path.text : why);
		assert_string_equal(path.text,
		    cases[i].path == NULL ? "" : cases[i].path);
		assert_int_equal(path.len, strlen(path.text));
	}
}

#define EXPECT(cases) expect((cases), sizeof(cases) / sizeof((cases)[0]))

static void
test_gate_path_plain_is_kept(void **state)
{
	static const struct reading cases[] = {
		{ "/", "/" }, { "/a", "/a" }, { "/a/", "/a/" },
		{ "/a/b.c", "/a/b.c" }, { "/A/b", "/A/b" },
		{ "/.a", "/.a" }, { "/a.", "/a." }, { "/...", "/..." },
		{ "/a..", "/a.." }, { "/..a", "/..a" }, { "/a b", "/a b" },
		{ "/*", "/*" }, { "/cgi/x.cgi/info", "/cgi/x.cgi/info" },
		{ "/a;b=c/d", "/a;b=c/d" }, { "/..;/a", "/..;/a" },
		{ "/\xc3\xa9", "/\xc3\xa9" }, { "/\xe9", "/\xe9" },
	};

	(void)state;
	EXPECT(cases);
}

static void
test_gate_path_query_and_authority_are_cut(void **state)
{
	static const struct reading cases[] = {
		{ "/a?b", "/a" }, { "/a?", "/a" }, { "/?/../..", "/" },
		{ "/a?%zz", "/a" }, { "/a?b#c\\%2f", "/a" },
		{ "http://host/a", "/a" }, { "HTTPS://host:1/a/?b", "/a/" },
		{ "http://host", "/" }, { "http://host?a", "/" },
		{ "http://[::1]/a", "/a" }, { "http://u@host//a", "/a" },
		{ "http://host/http://other/b", "/http:/other/b" },
	};

	(void)state;
	EXPECT(cases);
}

static void
test_gate_path_no_path_is_refused(void **state)
{
	static const struct reading cases[] = {
		{ "", NULL }, { "*", NULL }, { "a", NULL }, { "?a", NULL },
		{ "./a", NULL }, { "host:443", NULL }, { "http:/a", NULL },
		{ "http:///a", NULL }, { "http://", NULL },
		{ "http://?a", NULL }, { "http://a#/b", NULL },
		{ "http://a\\b/c", NULL }, { "ftp://host/a", NULL },
		{ " /a", NULL }, { "%2fa", NULL },
	};

	(void)state;
	EXPECT(cases);
}

static void
test_gate_path_escapes_are_decoded_once(void **state)
{
	static const struct reading cases[] = {
		{ "/%70", "/p" }, { "/%41%61", "/Aa" }, { "/%7E", "/~" },
		{ "/%7e", "/~" }, { "/a%20b", "/a b" }, { "/%3f", "/?" },
		{ "/%23", "/#" }, { "/%3B", "/;" }, { "/%25", "/%" },
		{ "/%2541", "/%41" }, { "/%252e%252e/", "/%2e%2e/" },
		{ "/%252f", "/%2f" }, { "/%2500", "/%00" },
		{ "/%c3%A9", "/\xc3\xa9" },
	};

	(void)state;
	EXPECT(cases);
}

static void
test_gate_path_dot_segments_are_resolved(void **state)
{
	static const struct reading cases[] = {
		{ "/.", "/" }, { "/./", "/" }, { "/a/.", "/a/" },
		{ "/a/./b", "/a/b" }, { "/a/..", "/" }, { "/a/../", "/" },
		{ "/a/../b", "/b" }, { "/a/b/..", "/a/" },
		{ "/a/b/../c", "/a/c" }, { "/a/b/../../c", "/c" },
		{ "/%2e/a", "/a" }, { "/a/%2e%2e/b", "/b" },
		{ "/a/.%2E/b", "/b" }, { "/a/%2e./b", "/b" },
		{ "/a/..//b", "/b" }, { "/a/.//b", "/a/b" },
	};

	(void)state;
	EXPECT(cases);
}

static void
test_gate_path_above_root_is_refused(void **state)
{
	static const struct reading cases[] = {
		{ "/..", NULL }, { "/../", NULL }, { "/../a", NULL },
		{ "/a/../..", NULL }, { "/a/../../a", NULL },
		{ "/%2e%2e/a", NULL }, { "/./..", NULL },
		{ "http://host/..", NULL },
	};

	(void)state;
	EXPECT(cases);
}

static void
test_gate_path_doubled_slashes_are_merged(void **state)
{
	static const struct reading cases[] = {
		{ "//", "/" }, { "//a", "/a" }, { "/a//b", "/a/b" },
		{ "/a///b//", "/a/b/" }, { "//host/a", "/host/a" },
		/* Up behind them, servers differ. */
		{ "/a//../b", NULL }, { "/a//b/../c", NULL },
		{ "//a/..", NULL },
	};

	(void)state;
	EXPECT(cases);
}

static void
test_gate_path_ambiguous_is_refused(void **state)
{
	static const struct reading cases[] = {
		{ "/a%2fb", NULL }, { "/a%2Fb", NULL }, { "/%2f", NULL },
		{ "/..%2fa", NULL }, { "/%00", NULL }, { "/a%00.png", NULL },
		{ "/a\\b", NULL }, { "/a%5cb", NULL }, { "/..%5C", NULL },
		{ "/%", NULL }, { "/%4", NULL }, { "/%zz", NULL },
		{ "/%4z", NULL }, { "/%z4", NULL }, { "/%%41", NULL },
		{ "/%u0041", NULL }, { "/%4?1", NULL }, { "/a\nb", NULL },
		{ "/a%0ab", NULL }, { "/a%0d", NULL }, { "/%7f", NULL },
		{ "/\x7f", NULL }, { "/\x01", NULL }, { "/a#b", NULL },
		{ "/public#/../admin", NULL },
		{ "/..%c0%af", NULL }, { "/%c0%ae", NULL },
		{ "/%c1%9c", NULL }, { "/%e0%80%af", NULL },
		{ "/\xf0\x80\x80\xaf", NULL },
	};

	(void)state;
	EXPECT(cases);
}

static void
test_gate_path_too_long_is_refused(void **state)
{
	static char uri[3 * GATE_PATH_MAX + 16];
	struct gate_path path;

	(void)state;
	memset(uri, 'a', sizeof(uri));
	uri[0] = '/';
	uri[GATE_PATH_MAX] = '?';
	uri[sizeof(uri) - 1] = '\0';
	assert_null(gate_path_read(uri, &path));
	assert_int_equal(path.len, GATE_PATH_MAX);
	uri[GATE_PATH_MAX] = 'a';
	uri[GATE_PATH_MAX + 1] = '\0';
	assert_non_null(gate_path_read(uri, &path));
	assert_int_equal(path.len, 0);
	memset(uri, '/', GATE_PATH_MAX);
	uri[GATE_PATH_MAX] = '\0';
	assert_null(gate_path_read(uri, &path));
	assert_string_equal(path.text, "/");
}

static void
test_gate_path_params_are_gone_in_the_other_reading(void **state)
{
	static const struct reading cases[] = {
		{ "/a", "/a" }, { "/a;b", "/a" }, { "/a;b/c", "/a/c" },
		{ "/a;b/", "/a/" }, { "/;a", "/" }, { "/a/;b", "/a/" },
		{ "/a/;b/c", "/a/c" }, { "/a;b;c=d", "/a" },
		{ "/a/..;/b", "/b" }, { "/a/.;x/b", "/a/b" },
		{ "/a/b/..;x", "/a/" }, { "/a%3Bb", "/a" },
		{ "/..;/a", NULL }, { "/a/..;/..;/b", NULL },
		{ "/a/;x/..;/b", NULL }, { "/a/;x/../b", NULL },
		{ "/a/b/..;/../c", "/c" }, { "/a/b;/../c", "/a/c" },
	};
	struct gate_path path, bare;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)gate_path_read(cases[i].uri, &path);
		memset(&bare, 0xff, sizeof(bare));
		why = gate_path_read_bare(cases[i].uri, &bare);
		assert_int_equal(why == NULL, cases[i].path != NULL);
		assert_string_equal(bare.text,
		    cases[i].path == NULL ? "" : cases[i].path);
		assert_int_equal(bare.len, strlen(bare.text));
		assert_int_equal(path.has_params,
		    strcmp(cases[i].uri, "/a") != 0);
	}
}

/* What is read once reads the same again, unless it has a % left. */
static void
test_gate_path_reading_is_stable(void **state)
{
	static const char *const uris[] = { "/a//b/./c/", "/%41;x/b",
		"/a/b/../c", "//x", "/%c3%a9" };
	struct gate_path once, twice;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		assert_null(gate_path_read(uris[i], &once));
		assert_null(gate_path_read(once.text, &twice));
		assert_string_equal(once.text, twice.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gate_path_plain_is_kept),
		cmocka_unit_test(test_gate_path_query_and_authority_are_cut),
		cmocka_unit_test(test_gate_path_no_path_is_refused),
		cmocka_unit_test(test_gate_path_escapes_are_decoded_once),
		cmocka_unit_test(test_gate_path_dot_segments_are_resolved),
		cmocka_unit_test(test_gate_path_above_root_is_refused),
		cmocka_unit_test(test_gate_path_doubled_slashes_are_merged),
		cmocka_unit_test(test_gate_path_ambiguous_is_refused),
		cmocka_unit_test(test_gate_path_too_long_is_refused),
		cmocka_unit_test(
		    test_gate_path_params_are_gone_in_the_other_reading),
		cmocka_unit_test(test_gate_path_reading_is_stable),
	};

	return (cmocka_run_group_tests_name("gate_path", tests, NULL, NULL));
}
