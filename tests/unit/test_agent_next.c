#include "support/test.h"
#include "question/next.h"

static char *names[] = { (char[]){ "app.example.org" },
	(char[]){ "dev.example.org:8443" }, (char[]){ "plain.example.org:80" },
	NULL };

static void
assert_next(const char *url, const char *want)
{
	const struct lk_strings hosts = { names, 3 };
	char next[AGENT_NEXT_SIZE];

	agent_next(url, &hosts, next);
	if (strcmp(next, want) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", url, next, want);
}

static void
test_agent_next_is_a_path_on_this_site(void **state)
{
	static const char *const good[] = { "/", "/x", "/x/", "/x/y.html",
		"/x?a=b&c=%2Fd%25", "/x?next=https://evil.example/",
		"/x#part", "/a%20b", "/caf%C3%A9", "/.well-known/x", "/x.y/..z",
		"/~alice/x;v=1", "/?q=//a", "/x?a/../b" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_next(good[i], good[i]);
}

static void
test_agent_next_of_a_known_host_is_its_path(void **state)
{
	(void)state;
	assert_next("https://app.example.org/x?y=1", "/x?y=1");
	assert_next("HTTPS://APP.example.ORG/x", "/x");
	assert_next("https://app.example.org:443/x", "/x");
	assert_next("http://app.example.org:80/x", "/x");
	assert_next("http://plain.example.org/x", "/x");
	assert_next("https://app.example.org", "/");
	assert_next("https://dev.example.org:8443/x", "/x");
}

/* What is no path here, however it is dressed up. */
static void
test_agent_next_is_never_another_site(void **state)
{
	static const char *const bad[] = { "", "x", "x/y", "?x", "#x",
		"//evil.example", "///evil.example", "/\\evil.example",
		"\\\\evil.example", "\\/evil.example", "/\t/evil.example",
		"/\n/evil.example", "/\r\nLocation: x", "\t//evil.example",
		" //evil.example", "/ /x", "/x//evil.example",
		"/%09/evil.example", "/%0d%0aLocation:x", "/%00",
		"/%2f/evil.example", "/%2Fevil.example", "/%5cevil.example",
		"/%5Cevil.example", "/x?%5c", "/x?a=%0d%0ab",
		"/%252fevil.example",
		"/%25", "/%", "/%2", "/%zz", "/x?%zz", "/x?%", "/.", "/..",
		"/./x", "/../x", "/..//evil.example", "/.//evil.example",
		"/x/../..//evil.example", "/%2e%2e//evil", "/%2e/x", "/...",
		"/;//evil.example", "/..;/x", "/.;x/y", "/;x", "/x\x7f",
		"/x\x80", "/caf\xc3\xa9", "/\xef\xbc\x8f\x65vil.example",
		"/<script>", "/\"x", "/'x", "/`x", "/{x}", "/x?a=<b>",
		"javascript:alert(1)", "data:text/html,x", "mailto:x@y",
		"http:evil.example", "https:/evil.example",
		"https:evil.example",
		"https:///evil.example", "https:\\\\evil.example",
		"https://evil.example/", "https://evil.example",
		"https://app.example.org.evil.example/",
		"https://evil.example/app.example.org",
		"https://evil.example?app.example.org",
		"https://evil.example#app.example.org",
		"https://app.example.org@evil.example/",
		"https://app.example.org:443@evil.example/",
		"https://evil.example\\@app.example.org/",
		"https://user@app.example.org/",
		"https://app.example.org:8443/",
		"https://app.example.org:/", "https://app.example.org./",
		"https://dev.example.org/", "http://app.example.org:443/",
		"https://app.example.org\\evil", "https://app.example.org?x",
		"https://app.example.org#x",
		"https://app.example.org//evil.example",
		"https://app.example.org/%2fevil.example",
		"https://%61pp.example.org/",
		"ftp://app.example.org/", "https", "https:",
		"https://", "://x" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_next(bad[i], "/");
	assert_next(NULL, "/");
}

static void
test_agent_next_that_is_too_long_is_left(void **state)
{
	char url[AGENT_NEXT_SIZE + 1];

	(void)state;
	memset(url, 'a', sizeof(url));
	url[0] = '/';
	url[AGENT_NEXT_SIZE - 1] = '\0';
	assert_next(url, url);
	url[AGENT_NEXT_SIZE - 1] = 'a';
	url[AGENT_NEXT_SIZE] = '\0';
	assert_next(url, "/");
}

#include "support/suite.h"
