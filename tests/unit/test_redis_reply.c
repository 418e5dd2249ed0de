/* What hiredis' reader is allowed to make of a peer's bytes. */
#include <hiredis/hiredis.h>

#include "support/test.h"
#include "store/redis/wire/resp.h"

/* Read ${depth} arrays, each in the one before; whether that is a reply. */
static bool
is_read(size_t depth, const char *innermost)
{
	redisReader *reader = lk_redis_reader_new();
	void *reply = NULL;
	bool ok = true;
	size_t i;

	assert_non_null(reader);
	for (i = 0; i < depth && ok; i++) {
		assert_int_equal(
		    redisReaderFeed(reader, "*1\r\n", 4), REDIS_OK);
		ok = redisReaderGetReply(reader, &reply) == REDIS_OK;
		assert_null(reply);
	}
	if (ok) {
		assert_int_equal(redisReaderFeed(reader, innermost,
		                     strlen(innermost)),
		    REDIS_OK);
		ok = redisReaderGetReply(reader, &reply) == REDIS_OK &&
		    reply != NULL;
		lk_redis_reply_free(reply);
	}
	lk_redis_reader_free(reader);
	return (ok);
}

static void
test_reply_nested_deeply_is_refused(void **state)
{
	assert_true(is_read(LK_REDIS_DEPTH_MAX, ":1\r\n"));
	assert_true(is_read(LK_REDIS_DEPTH_MAX, "*-1\r\n"));
	assert_false(is_read(LK_REDIS_DEPTH_MAX + 1, ":1\r\n"));
	assert_false(is_read(LK_REDIS_DEPTH_MAX, "*1\r\n:1\r\n"));
}

static void
test_reply_of_many_brackets_at_once_is_refused(void **state)
{
	redisReader *reader = lk_redis_reader_new();
	void *reply = NULL;
	int i;

	assert_non_null(reader);
	for (i = 0; i < 400000; i++)
		assert_int_equal(
		    redisReaderFeed(reader, "*1\r\n", 4), REDIS_OK);
	assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_ERR);
	assert_null(reply);
	lk_redis_reader_free(reader);
}

#include "support/suite.h"
