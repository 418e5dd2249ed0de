/*
 * What a node of a Redis Cluster says: the input is a reply, as it comes over
 * the wire.  Whatever it is, it is a map or none, and a map is of masters that
 * have names of hosts, each slot of one of them or of nobody; and whoever it
 * sends us to has such a name.
 */
#include <hiredis/hiredis.h>

#include <string.h>

#include "fuzz.h"
#include "store/redis/master/slots.h"

#define ASKED "10.0.0.9:7000"

static void
look_at_name(const char *name)
{
	struct lk_address address;

	MUST(memchr(name, '\0', LK_REDIS_NAME_SIZE) != NULL);
	MUST(lk_address_parse(name, &address) == LK_OK);
	MUST(!address.is_unix);
}

static void
look_at_map(const struct lk_redis_slots *slots)
{
	size_t i, j;

	MUST(slots->n > 0 && slots->n <= LK_REDIS_NODES_MAX);
	for (i = 0; i < slots->n; i++) {
		look_at_name(slots->nodes[i].name);
		for (j = 0; j < i; j++)
			MUST(strcmp(slots->nodes[i].name,
			         slots->nodes[j].name) != 0);
	}
	for (i = 0; i < LK_REDIS_SLOTS; i++)
		MUST(slots->owner[i] < slots->n ||
		    slots->owner[i] == LK_REDIS_NOBODY);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct lk_redis_slots slots;
	redisReader *reader = lk_redis_reader_new();
	char name[LK_REDIS_NAME_SIZE] = "";
	struct lk_redis_reply *reply = NULL;
	void *read = NULL;

	MUST(reader != NULL);
	if (redisReaderFeed(reader, (const char *)bytes, len) == REDIS_OK &&
	    redisReaderGetReply(reader, &read) == REDIS_OK)
		reply = read;
	if (reply != NULL && lk_redis_slots_read(reply, ASKED, &slots))
		look_at_map(&slots);
	if (reply != NULL &&
	    lk_redis_redirect(reply, 7, ASKED, name) != LK_REDIRECT_NONE) {
		look_at_name(name);
		MUST(lk_redis_is_elsewhere(reply));
	}
	lk_redis_reply_free(reply);
	lk_redis_reader_free(reader);
	return (0);
}
