/*
 * The keys of layout `gosession`: their names, and what the operations on the
 * store as a whole ask of one.
 */
#include <string.h>

#include "store/redis/layout/gosession.h"

/* Words in front of what layout latchkey has beside a session as well. */
#define NAMES 2
/* What stands behind the user id in a token. */
#define TOKEN_REST (1 + LK_TOKEN_GOSESSION_HEX)

/* ---- Names ------------------------------------------------------------- */

/* The id is what stands between two underscores. */
static enum lk_status
check_user(const char *user, struct lk_error *error)
{
	if (strchr(user, '_') == NULL)
		return (LK_OK);
	return (lk_fail(error, LK_E_INVAL,
	    "user id: expected one without '_' in layout \"gosession\""));
}

static void
sweep_prefix(const struct lk_settings *settings, struct lk_redis_key *prefix)
{
	lk_redis_key(prefix, settings->session.token_prefix, "_", NULL);
}

bool
lk_redis_gosession_field(const struct lk_redis_reply *field, const char *user,
    struct lk_token *token, struct lk_token_key *key)
{
	lk_token_wipe(token);
	return (lk_token_set(token, field->text, field->len) == LK_OK &&
	    lk_token_parse(token, key) == LK_OK &&
	    key->shape == LK_SHAPE_GOSESSION && strcmp(key->user, user) == 0);
}

void
lk_redis_gosession_session(const struct lk_token_key *key,
    struct lk_session *session)
{
	memset(session, 0, sizeof(*session));
	memcpy(session->user, key->user, sizeof(session->user));
	lk_session_id_of_key(key, LK_SHAPE_GOSESSION, session->id);
}

enum lk_status
lk_redis_gosession_user_names(const struct lk_redis_store *store,
    const char *user, struct lk_redis_key *index, struct lk_redis_key *prefix)
{
	enum lk_status status = LK_FAULT;

	if ((status = check_user(user, store->base.error)) != LK_OK)
		return (status);
	sweep_prefix(store->base.settings, prefix);
	lk_redis_key(index, prefix->text, user, NULL);
	return (LK_OK);
}

static enum lk_status
user_key(const struct lk_settings *settings, const char *user,
    struct lk_redis_key *key, struct lk_error *error)
{
	enum lk_status status = LK_FAULT;

	if ((status = check_user(user, error)) == LK_OK)
		lk_redis_key(key, settings->session.user_prefix, "_", user,
		    NULL);
	return (status);
}

enum lk_status
lk_redis_gosession_names(const struct lk_settings *settings,
    const struct lk_token_key *key, struct lk_redis_names *names)
{
	if (key->shape != LK_SHAPE_GOSESSION)
		return (LK_MALFORMED);
	names->token = key->token;
	lk_redis_key(&names->session, settings->session.token_prefix, "_",
	    key->token->text, NULL);
	/* A token begins with its user's id. */
	names->index.len = names->session.len > TOKEN_REST
	    ? names->session.len - TOKEN_REST
	    : 0;
	memcpy(names->index.text, names->session.text, names->index.len);
	names->index.text[names->index.len] = '\0';
	lk_redis_key(&names->user, settings->session.user_prefix, "_",
	    key->user, NULL);
	lk_base64url(key->digest, LK_HANDLE_LEN, names->handle);
	return (LK_OK);
}

/* What tells a user's tokens from each other. */
static const char *
token_digits(const struct lk_redis_names *names)
{
	return (
	    names->token->text + names->token->len - LK_TOKEN_GOSESSION_HEX);
}

static enum lk_status
name_beside(const struct lk_settings *settings,
    const struct lk_session_ref *ref, struct lk_redis_key *base,
    struct lk_error *error)
{
	const char *user = (const char *)ref->locator;
	enum lk_status status = LK_FAULT;

	if (strlen(user) != ref->locator_len || lk_user_id_check(user) != LK_OK)
		return (LK_MALFORMED);
	if ((status = check_user(user, error)) == LK_OK)
		lk_redis_key(base, LK_REDIS_BESIDE_GOSESSION,
		    settings->session.token_prefix, "_", user, ":", NULL);
	return (status);
}

/* No user's id and no token begins with an underscore. */
static void
fence_key(const struct lk_settings *settings, struct lk_redis_key *key)
{
	lk_redis_key(key, settings->session.token_prefix, "__fence", NULL);
}

static bool
is_same(const struct lk_settings *a, const struct lk_settings *b)
{
	return (strcmp(a->session.token_prefix, b->session.token_prefix) == 0 &&
	    strcmp(a->session.user_prefix, b->session.user_prefix) == 0);
}

/* ---- What stands beside a session -------------------------------------- */

void
lk_redis_gosession_ask_beside(struct lk_redis_names *names,
    struct lk_redis_command *command)
{
	lk_redis_key(&names->beside, LK_REDIS_BESIDE_GOSESSION,
	    names->index.text, ":" LK_REDIS_BESIDE, NULL);
	lk_redis_command(command, "HGET");
	lk_redis_arg_key(command, &names->beside);
	lk_redis_arg_str(command, token_digits(names));
}

bool
lk_redis_gosession_beside(const struct lk_redis_reply *reply,
    struct lk_redis_beside *beside, int64_t *expires_ms)
{
	if (!lk_redis_beside_read(reply, NAMES, beside))
		return (false);
	if (beside->ends_ms != 0 && beside->ends_ms < *expires_ms)
		*expires_ms = beside->ends_ms;
	return (true);
}

/* One that gosession issued has left its reason by the digits of its token. */
size_t
lk_redis_gosession_ask_why(struct lk_redis_names *names,
    struct lk_redis_command commands[LK_REDIS_WHY_MAX])
{
	lk_redis_key(&names->ended, LK_REDIS_BESIDE_GOSESSION,
	    names->index.text, ":" LK_REDIS_ENDED, names->handle, NULL);
	lk_redis_command(&commands[0], "GET");
	lk_redis_arg_key(&commands[0], &names->ended);
	lk_redis_key(&names->unnamed, LK_REDIS_BESIDE_GOSESSION,
	    names->index.text, ":" LK_REDIS_ENDED, token_digits(names), NULL);
	lk_redis_command(&commands[1], "GET");
	lk_redis_arg_key(&commands[1], &names->unnamed);
	return (2);
}

/* That it is unknown has been said: what cannot be read is no reason. */
enum lk_status
lk_redis_gosession_why(const struct lk_token_key *key,
    struct lk_redis_reply *const *replies, enum lk_reason *reason,
    const char **wrong)
{
	char digest[LK_DIGEST_TEXT_LEN + 1];
	int64_t ms;

	(void)wrong;
	*reason = LK_REASON_NONE;
	if (key == NULL || key->by_id)
		return (LK_UNKNOWN);
	lk_base64url(key->digest, LK_DIGEST_LEN, digest);
	(void)lk_redis_ended_read(replies[0], digest, LK_DIGEST_TEXT_LEN,
	    reason, &ms);
	if (*reason == LK_REASON_NONE)
		(void)lk_redis_ended_read(replies[1], "-", 1, reason, &ms);
	return (LK_UNKNOWN);
}

/* ---- Going through all of them ----------------------------------------- */

static void
pattern(const struct lk_settings *settings, enum lk_redis_keys keys,
    struct lk_buf *pattern)
{
	const char *p = keys == LK_REDIS_KEYS_USERS
	    ? settings->session.user_prefix
	    : settings->session.token_prefix;

	/* Each byte of it stands for itself. */
	for (; *p != '\0'; p++) {
		if (strchr("*?[]\\^", *p) != NULL)
			lk_buf_str(pattern, "\\");
		lk_buf_add(pattern, p, 1);
	}
	lk_buf_str(pattern, "_*");
}

/* Take the token out of a key; false if it names something else. */
static bool
take_token(const struct lk_settings *settings, const struct lk_redis_reply *key,
    struct lk_redis_item *item)
{
	const char *prefix = settings->session.token_prefix;
	const size_t len = strlen(prefix) + 1;

	lk_token_wipe(&item->token);
	return (key->len > len && key->len <= LK_REDIS_KEY_MAX &&
	    memcmp(key->text, prefix, len - 1) == 0 &&
	    key->text[len - 1] == '_' &&
	    lk_token_set(&item->token, key->text + len, key->len - len) ==
	        LK_OK &&
	    lk_token_parse(&item->token, &item->key) == LK_OK &&
	    lk_redis_gosession_names(settings, &item->key, &item->names) ==
	        LK_OK);
}

static void
ask_listed(const struct lk_redis_names *names, struct lk_redis_command *command)
{
	lk_redis_command(command, "HEXISTS");
	lk_redis_arg_key(command, &names->index);
	lk_redis_arg(command, names->token->text, names->token->len);
}

void
lk_redis_gosession_ask_names(const struct lk_redis_names *names,
    struct lk_redis_command commands[LK_REDIS_GOSESSION_LIVES])
{
	lk_redis_command(&commands[0], "GET");
	lk_redis_arg_key(&commands[0], &names->session);
	lk_redis_command(&commands[1], "PEXPIRETIME");
	lk_redis_arg_key(&commands[1], &names->session);
	ask_listed(names, &commands[2]);
}

static size_t
ask(const struct lk_settings *settings, const struct lk_redis_reply *key,
    struct lk_redis_item *item,
    struct lk_redis_command commands[LK_REDIS_QUESTIONS_MAX])
{
	if (!take_token(settings, key, item))
		return (0);
	lk_redis_gosession_ask_names(&item->names, commands);
	lk_redis_gosession_ask_beside(&item->names,
	    &commands[LK_REDIS_GOSESSION_LIVES]);
	return (LK_REDIS_GOSESSION_LIVES + 1);
}

/* A session lives if its user's hash knows it. */
static bool
read_stored(const struct lk_redis_reply *key, const struct lk_redis_item *item,
    struct lk_redis_reply *const *replies, struct lk_stored *stored)
{
	const struct lk_redis_reply *value = replies[0];
	const struct lk_redis_reply *expiry = replies[1];
	const struct lk_redis_reply *listed = replies[2];
	struct lk_redis_beside beside;

	(void)key;
	if (value->type == LK_REDIS_NIL || expiry->type != LK_REDIS_INTEGER ||
	    expiry->integer == -2 || listed->type != LK_REDIS_INTEGER ||
	    listed->integer != 1)
		return (false);
	if (!lk_redis_reply_is(value, item->names.user.text) ||
	    expiry->integer <= 0 || item->token.len > LK_STORED_TOKEN_MAX)
		return (true);
	memcpy(stored->user, item->key.user, sizeof(stored->user));
	memcpy(stored->digest, item->key.digest, LK_DIGEST_LEN);
	memcpy(stored->token, item->token.text, item->token.len + 1);
	stored->expires_ms = expiry->integer;
	if (!lk_redis_gosession_beside(replies[3], &beside,
	        &stored->expires_ms))
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
	const char *prefix = settings->session.user_prefix;
	const size_t len = strlen(prefix);

	*kind = LK_STORED_UNREADABLE;
	if (key->len > len && memcmp(key->text, prefix, len) == 0 &&
	    key->text[len] == '_')
		*kind = LK_STORED_USER;
	else if (take_token(settings, key, item))
		*kind = LK_STORED_SESSION;
	if (*kind != LK_STORED_SESSION)
		return (false);
	ask_listed(&item->names, command);
	return (true);
}

static enum lk_put
put(const struct lk_settings *settings, const struct lk_stored *stored,
    struct lk_redis_item *item, struct lk_redis_command *command)
{
	if (lk_token_set(&item->token, stored->token, strlen(stored->token)) !=
	        LK_OK ||
	    lk_token_parse(&item->token, &item->key) != LK_OK ||
	    lk_redis_gosession_names(settings, &item->key, &item->names) !=
	        LK_OK)
		return (LK_PUT_NO_TOKEN);
	lk_redis_arg_key(command, &item->names.session);
	lk_redis_arg_key(command, &item->names.index);
	lk_redis_arg(command, item->token.text, item->token.len);
	lk_redis_arg_key(command, &item->names.user);
	lk_redis_arg_int(command, stored->expires_ms);
	lk_redis_arg_int(command, LK_REDIS_GOSESSION_INDEX_TTL);
	lk_redis_named(item->key.digest, item->named);
	lk_redis_arg_str(command, item->named);
	lk_redis_arg_str(command,
	    stored->client[0] != '\0' ? stored->client : "-");
	lk_redis_arg_ends(command, stored->ends_ms);
	lk_redis_stored_how(settings, stored, item->how);
	lk_redis_arg_str(command, item->how);
	return (LK_PUT_NOT);
}

const struct lk_redis_keyspace lk_redis_gosession_keys = {
	.fence_key = fence_key,
	.user_key = user_key,
	.beside = name_beside,
	.is_same = is_same,
	.pattern = pattern,
	.index_type = "hash",
	.users_apart = true,
	.spread = true,
	.ask = ask,
	.read = read_stored,
	.kind = kind,
	.put = put,
	.sweep_prefix = sweep_prefix
};
