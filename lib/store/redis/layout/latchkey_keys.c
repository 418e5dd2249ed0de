/*
 * The keys of layout `latchkey`: their names, and what the operations on the
 * store as a whole ask of one.
 */
#include <string.h>

#include "session/record.h"
#include "store/redis/layout/latchkey.h"

#define NAMESPACE LK_REDIS_LATCHKEY_NAMESPACE
#define TAG_END (sizeof(NAMESPACE) - 1 + LK_TAG_TEXT_LEN)

/* ---- Names ------------------------------------------------------------- */

void
lk_redis_latchkey_key(struct lk_redis_key *key, const char *tag,
    const char *part)
{
	lk_redis_key(key, NAMESPACE, tag, part, NULL);
}

void
lk_redis_latchkey_names(const uint8_t tag[LK_TAG_LEN],
    const uint8_t handle[LK_HANDLE_LEN], struct lk_redis_names *names)
{
	names->token = NULL;
	lk_base64url(tag, LK_TAG_LEN, names->tag);
	lk_base64url(handle, LK_HANDLE_LEN, names->handle);
	lk_redis_key(&names->session, NAMESPACE, names->tag,
	    LK_REDIS_LATCHKEY_SESSION, names->handle, NULL);
	/* Every check names both, so the second is made of the first. */
	memcpy(names->index.text, names->session.text, TAG_END);
	memcpy(names->index.text + TAG_END, LK_REDIS_LATCHKEY_INDEX,
	    sizeof(LK_REDIS_LATCHKEY_INDEX));
	names->index.len = TAG_END + sizeof(LK_REDIS_LATCHKEY_INDEX) - 1;
}

/* Name one of a user's keys. */
static void
user_key(const char *user, const char *part, struct lk_redis_key *key)
{
	uint8_t tag[LK_TAG_LEN];
	char text[LK_TAG_TEXT_LEN + 1];

	lk_user_tag(user, tag);
	lk_base64url(tag, LK_TAG_LEN, text);
	lk_redis_latchkey_key(key, text, part);
}

void
lk_redis_latchkey_user_names(const char *user, struct lk_redis_key *index,
    struct lk_redis_key *prefix)
{
	user_key(user, LK_REDIS_LATCHKEY_INDEX, index);
	if (prefix != NULL)
		user_key(user, LK_REDIS_LATCHKEY_SESSION, prefix);
}

static enum lk_status
record_key(const struct lk_settings *settings, const char *user,
    struct lk_redis_key *key, struct lk_error *error)
{
	(void)settings;
	(void)error;
	user_key(user, LK_REDIS_LATCHKEY_USER, key);
	return (LK_OK);
}

static enum lk_status
name_beside(const struct lk_settings *settings,
    const struct lk_session_ref *ref, struct lk_redis_key *base,
    struct lk_error *error)
{
	char tag[LK_TAG_TEXT_LEN + 1];

	(void)settings;
	(void)error;
	if (ref->locator_len != LK_TAG_LEN)
		return (LK_MALFORMED);
	lk_base64url(ref->locator, LK_TAG_LEN, tag);
	lk_redis_latchkey_key(base, tag, "}:");
	return (LK_OK);
}

/* `{}` is no tag. */
static void
fence_key(const struct lk_settings *settings, struct lk_redis_key *key)
{
	(void)settings;
	lk_redis_latchkey_key(key, "", "}:fence");
}

/* ---- Why one is unknown ------------------------------------------------ */

size_t
lk_redis_latchkey_ask_why(struct lk_redis_names *names,
    struct lk_redis_command commands[LK_REDIS_WHY_MAX])
{
	lk_redis_command(&commands[0], "ZSCORE");
	lk_redis_arg_key(&commands[0], &names->index);
	lk_redis_arg_str(&commands[0], names->handle);
	lk_redis_key(&names->ended, NAMESPACE, names->tag,
	    LK_REDIS_LATCHKEY_ENDED, names->handle, NULL);
	lk_redis_command(&commands[1], "GET");
	lk_redis_arg_key(&commands[1], &names->ended);
	return (2);
}

enum lk_status
lk_redis_latchkey_why(const struct lk_token_key *key,
    struct lk_redis_reply *const *replies, enum lk_reason *reason,
    const char **wrong)
{
	const struct lk_redis_reply *end = replies[0];
	char digest[LK_DIGEST_TEXT_LEN + 1];
	int64_t ms;

	*reason = LK_REASON_NONE;
	if (end->type != LK_REDIS_NIL &&
	    (end->type != LK_REDIS_STRING || end->len == 0 ||
	        strspn(end->text, "0123456789.e+") != end->len))
		*wrong = "a session's end";
	else if (key != NULL && !key->by_id) {
		/* Who was named by an id alone does not hold the token. */
		lk_base64url(key->digest, LK_DIGEST_LEN, digest);
		*wrong = lk_redis_ended_read(replies[1], digest,
		    LK_DIGEST_TEXT_LEN, reason, &ms);
	}
	if (end->type == LK_REDIS_NIL)
		return (LK_UNKNOWN);
	*reason = LK_REASON_NONE;
	return (LK_EXPIRED);
}

/* ---- Going through all of them ----------------------------------------- */

static void
pattern(const struct lk_settings *settings, enum lk_redis_keys keys,
    struct lk_buf *pattern)
{
	static const char *const endings[] = {
		[LK_REDIS_KEYS_SESSIONS] = "*" LK_REDIS_LATCHKEY_SESSION "*",
		[LK_REDIS_KEYS_USERS] = "*" LK_REDIS_LATCHKEY_USER,
		[LK_REDIS_KEYS_INDEXES] = "*" LK_REDIS_LATCHKEY_INDEX,
		[LK_REDIS_KEYS_ALL] = "*"
	};

	(void)settings;
	lk_buf_str(pattern, NAMESPACE);
	lk_buf_str(pattern, endings[keys]);
}

static size_t
ask(const struct lk_settings *settings, const struct lk_redis_reply *key,
    struct lk_redis_item *item,
    struct lk_redis_command commands[LK_REDIS_QUESTIONS_MAX])
{
	struct lk_redis_key *beside = &item->names.beside;

	(void)settings;
	if (key->len !=
	    TAG_END + strlen(LK_REDIS_LATCHKEY_SESSION) + LK_HANDLE_TEXT_LEN)
		return (0);
	lk_redis_command(&commands[0], "GET");
	lk_redis_arg(&commands[0], key->text, key->len);
	memcpy(item->names.tag, key->text + sizeof(NAMESPACE) - 1,
	    LK_TAG_TEXT_LEN);
	item->names.tag[LK_TAG_TEXT_LEN] = '\0';
	lk_redis_latchkey_key(beside, item->names.tag,
	    LK_REDIS_LATCHKEY_BESIDE);
	lk_redis_command(&commands[1], "HGET");
	lk_redis_arg_key(&commands[1], beside);
	lk_redis_arg_str(&commands[1],
	    key->text + key->len - LK_HANDLE_TEXT_LEN);
	return (2);
}

/* A record must be what its key says. */
static bool
read_stored(const struct lk_redis_reply *key, const struct lk_redis_item *item,
    struct lk_redis_reply *const *replies, struct lk_stored *stored)
{
	const struct lk_redis_reply *reply = replies[0];
	struct lk_redis_beside beside;
	struct lk_redis_names names;
	struct lk_record record;
	uint8_t tag[LK_TAG_LEN];

	(void)item;
	if (reply->type == LK_REDIS_NIL)
		return (false);
	if (reply->type != LK_REDIS_STRING ||
	    lk_record_parse(reply->text, reply->len, &record) != LK_OK ||
	    lk_record_digest(&record, stored->digest) != LK_OK)
		return (true);
	lk_user_tag(record.user, tag);
	lk_redis_latchkey_names(tag, stored->digest, &names);
	if (names.session.len != key->len ||
	    memcmp(names.session.text, key->text, key->len) != 0)
		return (true);
	memcpy(stored->user, record.user, sizeof(stored->user));
	memcpy(stored->client, record.client, sizeof(stored->client));
	stored->issued_us = record.issued_us;
	stored->expires_ms = record.expires_ms;
	if (!lk_redis_beside_read(replies[1], 0, &beside))
		return (true);
	stored->ends_ms = beside.ends_ms;
	memcpy(stored->peer, beside.peer, sizeof(stored->peer));
	memcpy(stored->agent, beside.agent, sizeof(stored->agent));
	stored->kind = LK_STORED_SESSION;
	return (true);
}

static bool
kind(const struct lk_settings *settings, const struct lk_redis_reply *key,
    struct lk_redis_item *item, struct lk_redis_command *command,
    enum lk_stored_kind *kind)
{
	const char *part = key->len > TAG_END ? key->text + TAG_END : "";

	(void)settings;
	(void)item;
	(void)command;
	*kind = LK_STORED_UNREADABLE;
	if (strncmp(part, LK_REDIS_LATCHKEY_SESSION,
	        strlen(LK_REDIS_LATCHKEY_SESSION)) == 0)
		*kind = LK_STORED_SESSION;
	else if (strcmp(part, LK_REDIS_LATCHKEY_USER) == 0)
		*kind = LK_STORED_USER;
	return (false);
}

static enum lk_put
put(const struct lk_settings *settings, const struct lk_stored *stored,
    struct lk_redis_item *item, struct lk_redis_command *command)
{
	uint8_t tag[LK_TAG_LEN];

	lk_redis_stored_how(settings, stored, item->how);
	lk_user_tag(stored->user, tag);
	lk_redis_latchkey_names(tag, stored->digest, &item->names);
	lk_redis_named(stored->digest, item->named);
	lk_redis_arg_key(command, &item->names.session);
	lk_redis_arg_key(command, &item->names.index);
	lk_redis_arg_str(command, item->names.handle);
	lk_redis_arg_str(command, item->named + LK_HANDLE_TEXT_LEN + 1);
	lk_redis_arg_int(command, stored->issued_us);
	lk_redis_arg_int(command, stored->expires_ms);
	lk_redis_arg_str(command,
	    stored->client[0] != '\0' ? stored->client : "-");
	lk_redis_arg_str(command, stored->user);
	lk_redis_arg_int(command, LK_REDIS_EXPIRED_KNOWN_MS);
	lk_redis_arg_ends(command, stored->ends_ms);
	lk_redis_arg_str(command, item->how);
	return (LK_PUT_NOT);
}

const struct lk_redis_keyspace lk_redis_latchkey_keys = {
	.fence_key = fence_key,
	.user_key = record_key,
	.beside = name_beside,
	.pattern = pattern,
	.index_type = "zset",
	.ask = ask,
	.read = read_stored,
	.kind = kind,
	.put = put
};
