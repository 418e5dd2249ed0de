#include <hiredis/hiredis.h>

#include "support/test.h"
#include "store/redis/master/slots.h"

#define ASKED "10.0.0.9:7000"

/* What a node answers, read as it comes over the wire; the caller frees it. */
static struct lk_redis_reply *
reply_of(const char *text)
{
	redisReader *reader = lk_redis_reader_new();
	void *reply = NULL;

	assert_non_null(reader);
	assert_int_equal(redisReaderFeed(reader, text, strlen(text)), REDIS_OK);
	(void)redisReaderGetReply(reader, &reply);
	lk_redis_reader_free(reader);
	return (reply);
}

static bool
reads(const char *text, struct lk_redis_slots *slots)
{
	struct lk_redis_reply *reply = reply_of(text);
	bool good;

	assert_non_null(reply);
	good = lk_redis_slots_read(reply, ASKED, slots);
	lk_redis_reply_free(reply);
	return (good);
}

static void
test_redis_slots_of_keys_are_redis_own(void **state)
{
	(void)state;
	/* As CLUSTER KEYSLOT says. */
	assert_int_equal(lk_redis_slot("123456789", 9), 12739);
	assert_int_equal(lk_redis_slot("foo", 3), 12182);
	assert_int_equal(lk_redis_slot("{user1000}.following", 20),
	    lk_redis_slot("user1000", 8));
	assert_int_equal(lk_redis_slot("foo{}{bar}", 10), 8363);
	assert_int_equal(lk_redis_slot("foo{{bar}}zap", 13),
	    lk_redis_slot("{bar", 4));
	assert_int_equal(lk_redis_slot("foo{bar}{zap}", 13),
	    lk_redis_slot("bar", 3));
	assert_int_equal(lk_redis_slot("", 0), 0);
}

static void
test_redis_slots_key_of_each_command_is_found(void **state)
{
	struct lk_redis_command command;

	(void)state;
	lk_redis_command(&command, "GET");
	lk_redis_arg_str(&command, "foo");
	assert_int_equal(lk_redis_slot_of(&command), 12182);
	lk_redis_command(&command, "EVALSHA");
	lk_redis_arg_str(&command, "sha");
	lk_redis_arg_int(&command, 1);
	assert_int_equal(lk_redis_slot_of(&command), LK_REDIS_NO_SLOT);
	lk_redis_arg_str(&command, "foo");
	assert_int_equal(lk_redis_slot_of(&command), 12182);
	lk_redis_command(&command, "MEMORY");
	lk_redis_arg_str(&command, "USAGE");
	lk_redis_arg_str(&command, "foo");
	assert_int_equal(lk_redis_slot_of(&command), 12182);
	lk_redis_command(&command, "SCAN");
	lk_redis_arg_int(&command, 0);
	assert_int_equal(lk_redis_slot_of(&command), LK_REDIS_NO_SLOT);
}

#define NODE(host, port) "*3\r\n" host ":" port "\r\n$2\r\nid\r\n"
#define RANGE2(from, to, node) "*3\r\n:" from "\r\n:" to "\r\n" node
#define HOST "$9\r\n127.0.0.1\r\n"

static void
test_redis_slots_map_is_read(void **state)
{
	struct lk_redis_slots *slots = malloc(sizeof(*slots));

	(void)state;
	assert_non_null(slots);
	assert_true(reads("*3\r\n"
	                  "*4\r\n:0\r\n:100\r\n" NODE(HOST, "1") NODE(HOST, "2")
	                  RANGE2("101", "16383", NODE("$-1\r\n", "3"))
	                  "*3\r\n:101\r\n:101\r\n" NODE(HOST, "4"),
	    slots) == false);
	assert_true(reads("*2\r\n"
	                  "*4\r\n:0\r\n:100\r\n" NODE(HOST, "1") NODE(HOST, "2")
	                  RANGE2("102", "16383", NODE("$-1\r\n", "3")),
	    slots));
	assert_int_equal(slots->n, 2);
	assert_string_equal(slots->nodes[0].name, "127.0.0.1:1");
	assert_int_equal(slots->nodes[0].replicas, 1);
	/* Without a host it is at that of who was asked. */
	assert_string_equal(slots->nodes[1].name, "10.0.0.9:3");
	assert_int_equal(slots->owner[100], 0);
	assert_int_equal(slots->owner[101], LK_REDIS_NOBODY);
	assert_int_equal(slots->owner[16383], 1);
	assert_true(reads("*1\r\n" RANGE2("0", "5",
	                      NODE("$3\r\n::1\r\n", "7")), slots));
	assert_string_equal(slots->nodes[0].name, "[::1]:7");
	free(slots);
}

static void
test_redis_slots_map_that_is_none_is_refused(void **state)
{
	static const char *const maps[] = { "*0\r\n", "+OK\r\n", ":1\r\n",
		"*1\r\n:1\r\n", "*1\r\n*0\r\n", "*1\r\n*2\r\n:0\r\n:1\r\n",
		"*1\r\n" RANGE2("-1", "5", NODE(HOST, "1")),
		"*1\r\n" RANGE2("5", "4", NODE(HOST, "1")),
		"*1\r\n" RANGE2("0", "16384", NODE(HOST, "1")),
		"*1\r\n" RANGE2("0", "9223372036854775807", NODE(HOST, "1")),
		"*1\r\n" RANGE2("0", "1", NODE(HOST, "0")),
		"*1\r\n" RANGE2("0", "1", NODE(HOST, "65536")),
		"*1\r\n" RANGE2("0", "1", NODE(HOST, "-5")),
		"*1\r\n" RANGE2("0", "1", NODE("$5\r\n/path\r\n", "1")),
		"*1\r\n" RANGE2("0", "1", NODE("$6\r\nunix:/\r\n", "1")),
		"*1\r\n" RANGE2("0", "1", NODE("$3\r\na\0b\r\n", "1")),
		"*1\r\n" RANGE2("0", "1", NODE("$3\r\na b\r\n", "1")),
		"*1\r\n" RANGE2("0", "1", NODE(":3", "1")),
		"*1\r\n" RANGE2("0", "1", "*1\r\n:3\r\n"),
		"*1\r\n" RANGE2("0", "1", "$1\r\nx\r\n") };
	struct lk_redis_slots *slots = malloc(sizeof(*slots));
	struct lk_redis_reply *reply;
	size_t i;

	(void)state;
	assert_non_null(slots);
	EACH(map, maps) {
		reply = reply_of(*map);
		if (reply != NULL && lk_redis_slots_read(reply, ASKED, slots))
			fail_msg("taken for a map: %s", *map);
		lk_redis_reply_free(reply);
	}
	(void)i;
	free(slots);
}

static void
test_redis_slots_of_too_many_masters_are_refused(void **state)
{
	struct lk_redis_slots *slots = malloc(sizeof(*slots));
	char *text = malloc(100000);
	int len, i;

	(void)state;
	assert_non_null(slots);
	assert_non_null(text);
	len = sprintf(text, "*%d\r\n", LK_REDIS_NODES_MAX + 1);
	for (i = 0; i <= LK_REDIS_NODES_MAX; i++)
		len += sprintf(text + len,
		    "*3\r\n:%d\r\n:%d\r\n" "*2\r\n" HOST ":%d\r\n", i, i,
		    i + 1);
	assert_false(reads(text, slots));
	text[1] = '2';
	text[2] = '5';
	text[3] = '6';
	assert_true(reads(text, slots));
	assert_int_equal(slots->n, LK_REDIS_NODES_MAX);
	free(text);
	free(slots);
}

static void
test_redis_slots_redirect_leads_to_a_host_or_nowhere(void **state)
{
	static const struct {
		const char *reply;
		enum lk_redis_redirect redirect;
		const char *name;
	} cases[] = {
		{ "-MOVED 7 1.2.3.4:5\r\n", LK_REDIRECT_MOVED, "1.2.3.4:5" },
		{ "-ASK 7 a.example:65535\r\n", LK_REDIRECT_ASK,
		    "a.example:65535" },
		{ "-MOVED 7 :5\r\n", LK_REDIRECT_MOVED, "10.0.0.9:5" },
		{ "-MOVED 7 fe80::1:5\r\n", LK_REDIRECT_MOVED, "[fe80::1]:5" },
		{ "-MOVED 8 1.2.3.4:5\r\n", LK_REDIRECT_NONE, "" },
		{ "-MOVED 7 1.2.3.4\r\n", LK_REDIRECT_NONE, "" },
		{ "-MOVED 7 1.2.3.4:0\r\n", LK_REDIRECT_NONE, "" },
		{ "-MOVED 7 1.2.3.4:65536\r\n", LK_REDIRECT_NONE, "" },
		{ "-MOVED 7 1.2.3.4:5x\r\n", LK_REDIRECT_NONE, "" },
		{ "-MOVED 7 1.2.3.4:\r\n", LK_REDIRECT_NONE, "" },
		{ "-MOVED 7\r\n", LK_REDIRECT_NONE, "" },
		{ "-MOVED \r\n", LK_REDIRECT_NONE, "" },
		{ "-MOVED\r\n", LK_REDIRECT_NONE, "" },
		{ "-MOVED -7 1.2.3.4:5\r\n", LK_REDIRECT_NONE, "" },
		{ "-MOVED 7 unix:/a:5\r\n", LK_REDIRECT_NONE, "" },
		{ "-MOVED 7 /run/x:5\r\n", LK_REDIRECT_NONE, "" },
		{ "-MOVED 7 a b:5\r\n", LK_REDIRECT_NONE, "" },
		{ "-MOVEDX 7 1.2.3.4:5\r\n", LK_REDIRECT_NONE, "" },
		{ "+MOVED 7 1.2.3.4:5\r\n", LK_REDIRECT_NONE, "" },
		{ "-ERR MOVED 7 1.2.3.4:5\r\n", LK_REDIRECT_NONE, "" },
	};
	char name[LK_REDIS_NAME_SIZE];
	struct lk_redis_reply *reply;

	(void)state;
	EACH(c, cases) {
		reply = reply_of(c->reply);
		assert_non_null(reply);
		name[0] = '\0';
		if (lk_redis_redirect(reply, 7, ASKED, name) != c->redirect)
			fail_msg("%s", c->reply);
		if (c->redirect != LK_REDIRECT_NONE)
			assert_string_equal(name, c->name);
		lk_redis_reply_free(reply);
	}
}

#define SUITE_TEST(name) cmocka_unit_test(name)
#include "support/suite.h"
