#include "support/test.h"
#include "session/rule.h"
#include "verdict/rules.h"

struct match {
	const char *pattern;
	const char *path;
	bool matches;
};

static void
expect(const struct match *cases, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (gate_pattern_matches(cases[i].pattern, cases[i].path) !=
		    cases[i].matches)
			fail_msg("%s and %s", cases[i].pattern, cases[i].path);
	}
}

#define EXPECT(cases) expect((cases), COUNT(cases))

static void
test_gate_pattern_exact_matches_itself_alone(void **state)
{
	static const struct match cases[] = {
		{ "/a", "/a", true }, { "/a", "/a/", false },
		{ "/a", "/a/b", false }, { "/a", "/ab", false },
		{ "/a", "/", false }, { "/a", "/A", false },
		{ "/a/b", "/a/b", true }, { "/a/b", "/a", false },
		{ "/a.b", "/axb", false },
	};

	EXPECT(cases);
}

static void
test_gate_pattern_prefix_ends_at_a_segment(void **state)
{
	static const struct match cases[] = {
		{ "/", "/", true }, { "/", "/a", true }, { "/", "/a/b/", true },
		{ "/a/", "/a", true }, { "/a/", "/a/", true },
		{ "/a/", "/a/b", true }, { "/a/", "/a/b/c", true },
		{ "/a/", "/ab", false }, { "/a/", "/a;b", false },
		{ "/a/", "/", false }, { "/a/", "/A/", false },
		{ "/a/b/", "/a", false }, { "/a/b/", "/a/b", true },
		{ "/a/b/", "/a/bc", false },
	};

	EXPECT(cases);
}

static void
test_gate_pattern_star_stays_in_its_segment(void **state)
{
	static const struct match cases[] = {
		{ "/*", "/", true }, { "/*", "/a", true },
		{ "/*", "/a/", false }, { "/*", "/a/b", false },
		{ "/*.css", "/a.css", true }, { "/*.css", "/.css", true },
		{ "/*.css", "/a.css.js", false },
		{ "/*.css", "/x/a.css", false }, { "/a/*/c", "/a/b/c", true },
		{ "/a/*/c", "/a/c", false }, { "/a/*/c", "/a/b/b/c", false },
		{ "/a*b*c", "/a1b2bc", true }, { "/a*b*c", "/a1b2", false },
		{ "/?", "/a", true }, { "/?", "/", false },
		{ "/?", "/ab", false }, { "/a?b", "/a/b", false },
		{ "/??", "/\xc3\xa9", true },
	};

	EXPECT(cases);
}

static void
test_gate_pattern_two_stars_cross_segments(void **state)
{
	static const struct match cases[] = {
		{ "/**", "/", true }, { "/**", "/a/b/c", true },
		{ "/**.css", "/a/b.css", true }, { "/**.css", "/a.cs", false },
		{ "/a/**", "/a/", true }, { "/a/**", "/a", false },
		{ "/a/**", "/a/b/c", true }, { "/a/**/b", "/a/b", true },
		{ "/a/**/b", "/a/x/b", true }, { "/a/**/b", "/a/x/y/b", true },
		{ "/a/**/b", "/a/xb", false }, { "/a/**/b", "/ab", false },
		{ "/**/x/*", "/x/y", true }, { "/**/x/*", "/a/x/y", true },
		{ "/**/x/*", "/a/x/y/z", false }, { "/***", "/a/b", true },
		{ "/**/**/b", "/b", true }, { "/a**b", "/a/b", true },
	};

	EXPECT(cases);
}

static void
test_gate_pattern_wildcards_and_prefix_combine(void **state)
{
	static const struct match cases[] = {
		{ "/u/*/p/", "/u/a/p", true }, { "/u/*/p/", "/u/a/p/", true },
		{ "/u/*/p/", "/u/a/p/q/r", true },
		{ "/u/*/p/", "/u/a/pq", false },
		{ "/u/*/p/", "/u/a/b/p", false },
		{ "/**/p/", "/p", true }, { "/**/p/", "/a/b/p/c", true },
		{ "/*/", "/a/b", true }, { "/?/", "/ab/", false },
	};

	EXPECT(cases);
}

static void
test_gate_pattern_without_path_matches_nothing(void **state)
{
	static const struct match cases[] = {
		{ "/", "", false }, { "/**", "", false }, { "/*", "", false },
		{ "", "", false }, { "", "/", false },
	};

	EXPECT(cases);
}

/* A matcher that goes back would take longer than anybody waits. */
static void
test_gate_pattern_of_many_stars_ends(void **state)
{
	static char pattern[LK_RULE_PATH_MAX + 2], path[4097];
	size_t i;

	pattern[0] = '/';
	for (i = 1; i < LK_RULE_PATH_MAX; i++)
		pattern[i] = i % 2 == 1 ? '*' : 'a';
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	assert_true(gate_pattern_matches(pattern, path));
	pattern[LK_RULE_PATH_MAX - 1] = 'b';
	assert_false(gate_pattern_matches(pattern, path));
	memset(pattern + 1, '*', LK_RULE_PATH_MAX - 1);
	assert_true(gate_pattern_matches(pattern, path));
	pattern[LK_RULE_PATH_MAX] = '*';
	assert_false(gate_pattern_matches(pattern, path));
}

#include "support/suite.h"
