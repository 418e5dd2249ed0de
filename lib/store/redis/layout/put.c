/*
 * Putting sessions and users into a Redis as another store had them: one
 * script for each, many in one write.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "store/redis/layout/gosession.h"
#include "store/redis/layout/latchkey.h"
#include "store/redis/layout/scan.h"

#include "redis_put_scripts.h"

/* The scripts' results are numbers of enum lk_put. */
_Static_assert(LK_PUT_NEW == 1 && LK_PUT_LATER == 2 && LK_PUT_KNOWN == 3 &&
        LK_PUT_EXPIRED == 4 && LK_PUT_CONFLICT == 7,
    "lua/put_*.lua return these numbers");

/* One to be put, and what its command borrows. */
struct slot {
	enum lk_put *result;
	char digest[LK_DIGEST_TEXT_LEN + 1];
	struct lk_token token;
	struct lk_redis_latchkey_names latchkey;
	struct lk_redis_gosession_names gosession;
	struct lk_redis_key user;
};

/* A write of many.  It is large, so it is allocated. */
struct put {
	struct lk_redis_store *store;
	size_t count;
	struct slot slots[LK_REDIS_CHUNK];
	struct lk_redis_command commands[LK_REDIS_CHUNK];
	struct lk_redis_reply *replies[LK_REDIS_CHUNK];
	/* A script's text goes with its first call; Redis then knows it. */
	bool user_sent, session_sent;
};

static void
call(struct lk_redis_command *command, const struct lk_redis_script *script,
    bool *sent, int keys)
{
	lk_redis_command(command, *sent ? "EVALSHA" : "EVAL");
	lk_redis_arg_str(command, *sent ? script->sha1 : script->text);
	lk_redis_arg_int(command, keys);
	*sent = true;
}

static enum lk_put
ask_latchkey(struct put *put, const struct lk_stored *stored, struct slot *slot,
    struct lk_redis_command *command)
{
	uint8_t tag[LK_TAG_LEN];

	lk_user_tag(stored->user, tag);
	lk_redis_latchkey_names(tag, stored->digest, &slot->latchkey);
	lk_base64url(stored->digest, LK_DIGEST_LEN, slot->digest);
	call(command, &put_latchkey_script, &put->session_sent, 2);
	lk_redis_arg_key(command, &slot->latchkey.record);
	lk_redis_arg_key(command, &slot->latchkey.index);
	lk_redis_arg_str(command, slot->latchkey.handle);
	lk_redis_arg_str(command, slot->digest);
	lk_redis_arg_int(command, stored->issued_us);
	lk_redis_arg_int(command, stored->expires_ms);
	lk_redis_arg_str(command,
	    stored->client[0] != '\0' ? stored->client : "-");
	lk_redis_arg_str(command, stored->user);
	lk_redis_arg_int(command, LK_REDIS_EXPIRED_KNOWN_MS);
	return (LK_PUT_NOT);
}

static enum lk_put
ask_gosession(struct put *put, const struct lk_stored *stored,
    struct slot *slot, struct lk_redis_command *command)
{
	struct lk_token_key key;

	if (lk_token_set(&slot->token, stored->token, strlen(stored->token)) !=
	        LK_OK ||
	    lk_token_parse(&slot->token, &key) != LK_OK ||
	    lk_redis_gosession_names(put->store, &key, &slot->gosession) !=
	        LK_OK)
		return (LK_PUT_NO_TOKEN);
	call(command, &put_gosession_script, &put->session_sent, 2);
	lk_redis_arg_key(command, &slot->gosession.token_key);
	lk_redis_arg_key(command, &slot->gosession.index);
	lk_redis_arg(command, slot->token.text, slot->token.len);
	lk_redis_arg_key(command, &slot->gosession.value);
	lk_redis_arg_int(command, stored->expires_ms);
	lk_redis_arg_int(command, LK_REDIS_GOSESSION_INDEX_TTL);
	return (LK_PUT_NOT);
}

static enum lk_put
ask_user(struct put *put, const struct lk_stored *stored, struct slot *slot,
    struct lk_redis_command *command)
{
	/* What it explains is an error of nobody's. */
	struct lk_redis_store quiet = *put->store;

	quiet.base.error = NULL;
	if (put->store->user_key(&quiet, stored->user, &slot->user) != LK_OK)
		return (LK_PUT_UNFIT_USER);
	call(command, &put_user_script, &put->user_sent, 1);
	lk_redis_arg_key(command, &slot->user);
	lk_redis_arg(command, stored->record, stored->record_len);
	lk_redis_arg_int(command, stored->expires_ms);
	return (LK_PUT_NOT);
}

/* Add one to the write, unless this layout cannot have it. */
static void
add(struct put *put, const struct lk_stored *stored, enum lk_put *result)
{
	struct lk_redis_command *command = &put->commands[put->count];
	struct slot *slot = &put->slots[put->count];

	if (stored->kind == LK_STORED_USER)
		*result = ask_user(put, stored, slot, command);
	else if (put->store->base.shape == LK_SHAPE_GOSESSION)
		*result = ask_gosession(put, stored, slot, command);
	else
		*result = ask_latchkey(put, stored, slot, command);
	slot->result = result;
	if (*result == LK_PUT_NOT)
		put->count++;
}

/* Send what was added, and note what became of it. */
static enum lk_status
send_slots(struct put *put, struct lk_deadline deadline)
{
	const struct lk_redis_reply *reply;
	enum lk_status status = LK_OK;
	size_t i;

	if (put->count > 0)
		status = lk_redis_run(put->store, put->commands, put->count,
		    deadline, put->replies);
	if (status != LK_OK)
		return (status);
	for (i = 0; i < put->count; i++) {
		reply = put->replies[i];
		if (reply->type != LK_REDIS_INTEGER ||
		    reply->integer <= LK_PUT_NOT || reply->integer >= LK_PUT_N)
			status = lk_redis_corrupt(put->store, "a result");
		else
			*put->slots[i].result = (enum lk_put)reply->integer;
	}
	lk_redis_free_replies(put->replies, put->count);
	put->count = 0;
	put->user_sent = put->session_sent = false;
	return (status);
}

enum lk_status
lk_redis_put(struct lk_store *base, const struct lk_stored *stored,
    size_t count, struct lk_deadline deadline, enum lk_put *results)
{
	struct put *put = calloc(1, sizeof(*put));
	enum lk_status status = LK_OK;
	size_t i;

	if (put == NULL)
		return (lk_fail(base->error, LK_E_NOMEM, "out of memory"));
	put->store = lk_redis_store_of(base);
	for (i = 0; i < count && status == LK_OK; i++) {
		add(put, &stored[i], &results[i]);
		if (put->count == LK_REDIS_CHUNK)
			status = send_slots(put, deadline);
	}
	if (status == LK_OK)
		status = send_slots(put, deadline);
	sodium_memzero(put, sizeof(*put));
	free(put);
	return (status);
}
