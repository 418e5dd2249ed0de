#include "support/test.h"
#include "verdict/path.h"

struct reading {
	const char *uri;
	const char *path; /* NULL: refused */
};

static void
expect(const struct reading *cases, size_t count)
{
	struct gate_target target;
	struct gate_path path;
	const char *why;
	size_t i;

	for (i = 0; i < count; i++) {
		memset(&path, 0xff, sizeof(path));
		memset(&target, 0xff, sizeof(target));
		why = gate_target_read(cases[i].uri, &target, &path);
		if ((why == NULL) != (cases[i].path != NULL))
			fail_msg("%s: %s", cases[i].uri,
			    why == NULL ? path.text : why);
		assert_string_equal(path.text,
		    cases[i].path == NULL ? "" : cases[i].path);
		assert_int_equal(path.len, strlen(path.text));
	}
}

#define EXPECT(cases) expect((cases), COUNT(cases))

static void
test_gate_path_plain_is_kept(void **state)
{
	static const struct reading cases[] = {
		{ "/", "/" }, { "/a", "/a" }, { "/a/", "/a/" },
		{ "/a/b.c", "/a/b.c" }, { "/A/b", "/A/b" },
		{ "/.a", "/.a" }, { "/a.", "/a." }, { "/...", "/..." },
		{ "/a..", "/a.." }, { "/..a", "/..a" }, { "/a b", "/a b" },
		{ "/*", "/*" }, { "/cgi/x.cgi/info", "/cgi/x.cgi/info" },
		{ "/a;b=c/d", "/a;b=c/d" }, { "/...;/a", "/...;/a" },
		{ "/a/.b/c.", "/a/.b/c." }, { "/.;a.b", NULL },
		{ "/\xc3\xa9", "/\xc3\xa9" }, { "/\xe9", "/\xe9" },
	};

	EXPECT(cases);
}

static void
test_gate_path_query_and_authority_are_cut(void **state)
{
	static const struct reading cases[] = {
		{ "/a?b", "/a" }, { "/a?", "/a" }, { "/?/../..", "/" },
		{ "/a?/%2e%2e;x", "/a" },
		{ "/a?%zz", "/a" }, { "/a?b#c\\%2f", "/a" },
		{ "http://host/a", "/a" }, { "HTTPS://host:1/a/?b", "/a/" },
		{ "http://host", "/" }, { "http://host?a", "/" },
		{ "http://[::1]/a", "/a" }, { "http://u@host//a", "/a" },
		{ "http://host/http://other/b", "/http:/other/b" },
	};

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
		{ "http://a\\b/c", NULL }, { "http://a%2fb/c", NULL },
		{ "ftp://host/a", NULL },
		{ " /a", NULL }, { "%2fa", NULL },
	};

	EXPECT(cases);
}

static void
test_gate_path_escapes_are_decoded_once(void **state)
{
	static const struct reading cases[] = {
		{ "/%70", "/p" }, { "/%41%61", "/Aa" }, { "/%7E", "/~" },
		{ "/%7e", "/~" }, { "/a%20b", "/a b" }, { "/%3f", "/?" },
		{ "/%23", "/#" }, { "/%3B", "/;" }, { "/%25", "/%" },
		{ "/%2541", "/%41" }, { "/%252f", "/%2f" },
		{ "/100%25", "/100%" }, { "/100%25off", "/100%off" },
		{ "/%c3%A9", "/\xc3\xa9" },
	};

	EXPECT(cases);
}

/* In whatever spelling, at any place, behind whatever, before parameters. */
static void
test_gate_path_dot_segments_are_refused(void **state)
{
	static const char *const dots[] = { ".", "..", "%2e", "%2E", "%2e%2e",
		".%2e", "%2e.", "%2E%2e", "%252e", "%252e.", ".%252E",
		"%25%32%65.", "..;", "..;a=b", ".;", "..%3b", "..%253bx",
		"..%3fx", "..%23x", ".%2e%3b" };
	static const char *const before[] = { "", "/a", "/a/b", "/a/", "/a;b",
		"/a%2fb", "/a%252fb", "http://host/a", "/a%3fb" };
	static const char *const slash[] = { "/", "%2f", "%2F", "%252f" };
	static const char *const behind[] = { "", "/", "/b", "//b", "%2fb",
		"%252Fb", "?x", ";/b" };
	struct gate_target target;
	struct gate_path path;
	size_t b, s, d, e;
	char uri[128];

	for (b = 0; b < COUNT(before); b++)
	for (s = 0; s < COUNT(slash); s++)
	for (d = 0; d < COUNT(dots); d++)
	for (e = 0; e < COUNT(behind); e++) {
		(void)snprintf(uri, sizeof(uri), "%s%s%s%s", before[b],
		    slash[s], dots[d], behind[e]);
		if (gate_target_read(uri, &target, &path) == NULL)
			fail_msg("%s is read as %s", uri, path.text);
		assert_int_equal(path.len, 0);
	}
}

static void
test_gate_path_doubled_slashes_are_merged(void **state)
{
	static const struct reading cases[] = {
		{ "//", "/" }, { "//a", "/a" }, { "/a//b", "/a/b" },
		{ "/a///b//", "/a/b/" }, { "//host/a", "/host/a" },
		{ "/a/%2fb", "/a/b" }, { "/a%2Fb", "/a/b" }, { "/%2f", "/" },
	};

	EXPECT(cases);
}

static void
test_gate_path_ambiguous_is_refused(void **state)
{
	static const struct reading cases[] = {
		{ "/%00", NULL }, { "/a%00.png", NULL },
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
		/* The same, for who decodes once more. */
		{ "/%2500", NULL }, { "/a%255cb", NULL }, { "/%250a", NULL },
		{ "/%25c0%25ae", NULL }, { "/%25c0%25%61e", NULL },
		{ "/%25252541", NULL }, { "/%252525", NULL },
		/* Where parameters end is open. */
		{ "/a;b%2fc", NULL }, { "/a%2fb;c", NULL },
		{ "/a%252fb%3b", NULL }, { "/a;b%3fc", NULL },
	};

	EXPECT(cases);
}

static void
test_gate_path_too_long_is_refused(void **state)
{
	static char uri[3 * GATE_PATH_MAX + 16];
	struct gate_target target;
	struct gate_path path;

	memset(uri, 'a', sizeof(uri));
	uri[0] = '/';
	uri[GATE_PATH_MAX] = '?';
	uri[sizeof(uri) - 1] = '\0';
	assert_null(gate_target_read(uri, &target, &path));
	assert_int_equal(path.len, GATE_PATH_MAX);
	uri[GATE_PATH_MAX] = 'a';
	uri[GATE_PATH_MAX + 1] = '\0';
	assert_non_null(gate_target_read(uri, &target, &path));
	assert_int_equal(path.len, 0);
	memset(uri, '/', GATE_PATH_MAX);
	uri[GATE_PATH_MAX] = '\0';
	assert_null(gate_target_read(uri, &target, &path));
	assert_string_equal(path.text, "/");
}

/* A path, and what it may be taken for, once each. */
static void
test_gate_path_is_read_in_every_way(void **state)
{
	static const struct {
		const char *uri;
		const char *readings[9];
	} cases[] = {
		{ "/a/b/", { "/a/b/" } },
		{ "/a//b", { "/a/b", "/a//b" } },
		{ "/a//", { "/a/", "/a//", "/a" } },
		{ "/a//b/", { "/a/b/", "/a//b/", "/a/b" } },
		{ "//a/b", { "/a/b", "//a/b", "/b" } },
		{ "///a", { "/a", "///a", "/" } },
		{ "/a;b", { "/a;b", "/a" } },
		{ "/a;b/c;d/e", { "/a;b/c;d/e", "/a/c/e" } },
		{ "/a;b/", { "/a;b/", "/a;b", "/a/", "/a" } },
		{ "/a/;b", { "/a/;b", "/a/", "/a" } },
		{ "/;a/b", { "/;a/b", "/b", "//b", "/" } },
		{ "/a;b%3bc/d%3be", { "/a;b;c/d;e", "/a/d", "/a/d;e" } },
		{ "/a%2fb", { "/a/b", "/a\1b" } },
		{ "/a%2f", { "/a/", "/a", "/a\1" } },
		{ "/%2fa/b", { "/a/b", "//a/b", "/b", "/\1a/b" } },
		{ "/a%2f%2Fb", { "/a/b", "/a//b", "/a\1\1b" } },
		{ "/%2561", { "/%61", "/a" } },
		{ "/a%252fb", { "/a%2fb", "/a\1b", "/a/b" } },
		{ "/a%3fb/c", { "/a?b/c", "/a" } },
		{ "/a%23/b", { "/a#/b", "/a" } },
		{ "/a%253fb/c", { "/a%3fb/c", "/a?b/c" } },
		{ "/100%2525", { "/100%25", "/100%" } },
	};
	struct gate_target target;
	bool seen[9];
	struct gate_path path;
	size_t j;
	bool more;

	EACH(one, cases) {
		memset(seen, 0, sizeof(seen));
		more = gate_target_read(one->uri, &target, &path) == NULL;
		assert_true(more);
		assert_string_equal(path.text, one->readings[0]);
		for (; more; more = gate_target_next(&target, &path)) {
			assert_int_equal(path.len, strlen(path.text));
			for (j = 0; one->readings[j] != NULL; j++) {
				if (strcmp(path.text, one->readings[j]) == 0)
					break;
			}
			if (one->readings[j] == NULL)
				fail_msg("%s as %s", one->uri, path.text);
			seen[j] = true;
		}
		for (j = 0; one->readings[j] != NULL; j++) {
			if (!seen[j])
				fail_msg("%s not as %s", one->uri,
				    one->readings[j]);
		}
	}
}

/* What is read once reads the same again, unless it has a % left. */
static void
test_gate_path_reading_is_stable(void **state)
{
	static const char *const uris[] = { "/a//b/c/", "/%41;x/b",
		"/a/b%2fc", "//x", "/%c3%a9" };
	struct gate_path once, twice;
	struct gate_target target;

	EACH(one, uris) {
		assert_null(gate_target_read(*one, &target, &once));
		assert_null(gate_target_read(once.text, &target, &twice));
		assert_string_equal(once.text, twice.text);
	}
}

#include "support/suite.h"
