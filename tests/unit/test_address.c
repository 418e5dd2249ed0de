#include "support/test.h"
#include "base/address.h"

static void
test_parse_three_forms_are_read(void **state)
{
	struct lk_address address;

	assert_int_equal(
	    lk_address_parse("127.0.0.1:6379", &address), LK_OK);
	assert_false(address.is_unix);
	assert_string_equal(address.host, "127.0.0.1");
	assert_string_equal(address.port, "6379");
	assert_int_equal(lk_address_parse("[::1]:65535", &address), LK_OK);
	assert_string_equal(address.host, "::1");
	assert_string_equal(address.port, "65535");
	assert_int_equal(
	    lk_address_parse("redis.example.org:1", &address), LK_OK);
	assert_string_equal(address.host, "redis.example.org");
	assert_int_equal(
	    lk_address_parse("unix:/run/redis.sock", &address), LK_OK);
	assert_true(address.is_unix);
	assert_string_equal(address.path, "/run/redis.sock");
}

static void
test_parse_anything_else_is_invalid(void **state)
{
	static const char *const texts[] = { "", ":", "host", "host:",
		":6379", "host:0", "host:65536", "host:99999", "host:123456",
		"host:-1", "host: 1", "host:1 ", "host:0x10", "[::1]", "[::1]:",
		"[::1:6379", "::1:6379", "[]:1", "[host]:1", "unix:", "unix:x",
		"unix:relative/path", "/run/redis.sock", "a b:1", "a@b:1",
		"http://host:1" };
	struct lk_address address;
	char longest[256];

	EACH(c, texts)
		assert_int_equal(lk_address_parse(*c, &address), LK_E_INVAL);
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "unix:/", 6);
	longest[5 + 107] = '\0';
	assert_int_equal(lk_address_parse(longest, &address), LK_OK);
	longest[5 + 107] = 'x';
	longest[5 + 108] = '\0';
	assert_int_equal(lk_address_parse(longest, &address), LK_E_INVAL);
}

static void
test_address_loopback_is_out_of_reach_of_others(void **state)
{
	static const struct { const char *text; bool loopback; } cases[] = {
		{ "unix:/run/x.sock", true },
		{ "localhost:1", true },
		{ "127.0.0.1:1", true },
		{ "127.255.0.9:1", true },
		{ "[::1]:1", true },
		{ "0.0.0.0:1", false },
		{ "128.0.0.1:1", false },
		{ "10.0.0.1:1", false },
		{ "[::]:1", false },
		{ "[fe80::1]:1", false },
		{ "[::ffff:10.0.0.1]:1", false },
		{ "localhost.example.org:1", false },
		{ "127.1:1", false },
		{ "127.0.0.1.example.org:1", false },
	};
	struct lk_address address;

	EACH(c, cases) {
		assert_int_equal(lk_address_parse(c->text, &address), LK_OK);
		assert_int_equal(lk_address_is_loopback(&address),
		    c->loopback);
	}
}

#include "support/suite.h"
