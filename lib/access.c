/* The manager's part that takes access tokens, and issues them. */
#include <string.h>

#include <sodium.h>

#include "base/log.h"
#include "jwt/jwt.h"
#include "manager.h"

enum lk_status
lk_shown_read(const struct lk_settings *settings, const struct lk_token *token,
    const struct lk_surroundings *clock, struct lk_shown *shown,
    struct lk_error *why)
{
	enum lk_status status = lk_token_parse(token, &shown->key);

	shown->access = false;
	if (status == LK_OK || !lk_jwt_has_shape(settings, token))
		return (status);
	shown->access = true;
	status = lk_jwt_verify(settings, token,
	    clock->now_ms(clock->arg) / 1000, NULL, &shown->says, why);
	if (status == LK_OK)
		status = lk_session_id_parse(shown->says.id, &shown->ref);
	if (status == LK_OK)
		lk_token_key_of_ref(&shown->ref, shown->says.user, &shown->key);
	return (status);
}

/* Ask the store for the session by its id, and for its user's record. */
static enum lk_status
look_by_id(struct lk_manager *manager, const struct lk_shown *shown,
    struct lk_deadline deadline, struct lk_session *session,
    struct lk_buf *record)
{
	const struct lk_store_ops *ops = manager->store->ops;
	enum lk_status status = LK_OK;

	if (manager->settings->jwt.check != LK_JWT_OFFLINE) {
		status = lk_manager_look(manager, &shown->ref, deadline,
		    session, record);
	} else {
		*session = shown->says;
		if (record != NULL)
			status = ops->user_get(manager->store, session->user,
			    deadline, record);
	}
	if (status == LK_OK && strcmp(session->user, shown->says.user) != 0)
		status = lk_fail(&manager->error, LK_UNKNOWN,
		    "its sid is no session of its sub");
	return (status);
}

enum lk_status
lk_shown_look(struct lk_manager *manager, const struct lk_shown *shown,
    struct lk_deadline deadline, struct lk_session *session,
    struct lk_buf *record)
{
	const struct lk_store_ops *ops = manager->store->ops;
	enum lk_status status = LK_E_WOULD_WAIT;

	if (!shown->access ||
	    (shown->key.by_id &&
	        manager->settings->jwt.check == LK_JWT_BY_STORE))
		status = ops->check(manager->store, &shown->key, deadline,
		    session, record);
	if (shown->access && status == LK_E_WOULD_WAIT)
		status = look_by_id(manager, shown, deadline, session, record);
	if (shown->access && status > 0 && manager->error.text[0] == '\0')
		lk_error_set(&manager->error, "its session (sid) is over: %s",
		    lk_status_name(status));
	return (status);
}

/* Find the live session of ${token}, and what claims are copied from. */
static enum lk_status
find_session(struct lk_manager *manager, const struct lk_token *token,
    struct lk_session *session, struct lk_user *user)
{
	struct lk_token_key key;
	enum lk_status status = lk_token_parse(token, &key);

	user->detail = NULL;
	if (status != LK_OK)
		return (status);
	if (manager->settings->jwt.claims.n == 0)
		return (lk_check(manager, token, session));
	return (lk_check_user(manager, token, session, user));
}

enum lk_status
lk_access_issue(struct lk_manager *manager, const struct lk_token *token,
    const struct lk_access_options *options, struct lk_token *access,
    struct lk_session *session)
{
	static const struct lk_access_options defaults;
	const struct lk_access_options *o = options != NULL
	    ? options
	    : &defaults;
	const struct lk_surroundings *around = &manager->surroundings;
	const struct lk_settings *settings = manager->settings;
	uint8_t random[LK_JWT_RANDOM_LEN];
	struct lk_jwt_order order = { .audience = o->audience,
		.ttl = o->ttl != 0 ? o->ttl : settings->jwt.ttl,
		.random = random };
	struct lk_session found = { .ttl = 0 };
	enum lk_status status = LK_FAULT;
	struct lk_user user = { .detail = NULL };

	(void)lk_manager_begin(manager);
	lk_token_wipe(access);
	if (order.audience == NULL && settings->jwt.audience.n > 0)
		order.audience = settings->jwt.audience.v[0];
	if (settings->jwt.issuer[0] == '\0')
		status = lk_fail(&manager->error, LK_E_SETTINGS,
		    "jwt.issuer: expected who issues access tokens, got none");
	else if (!lk_strings_have(&settings->jwt.audience, order.audience))
		status = lk_fail(&manager->error, LK_E_INVAL,
		    "audience: expected one of jwt.audience");
	else if (order.ttl < 1 || order.ttl > settings->jwt.ttl)
		status = lk_fail(&manager->error, LK_E_INVAL,
		    "ttl: expected 1 second to jwt.ttl, which is %lld",
		    (long long)settings->jwt.ttl);
	else
		status = find_session(manager, token, &found, &user);
	if (status == LK_OK) {
		order.detail = user.detail;
		order.now = around->now_ms(around->arg) / 1000;
		around->random(around->arg, random, sizeof(random));
		status = lk_jwt_issue(settings, &order, &found, access,
		    &manager->error);
	}
	lk_user_clear(&user);
	if (status != LK_OK) {
		lk_token_wipe(access);
		memset(&found, 0, sizeof(found));
	}
	if (session != NULL)
		*session = found;
	if (status == LK_OK)
		LK_LOG(around->log, LK_LOG_INFO, "access token issued",
		    { "user", found.user }, { "session", found.id },
		    { "audience", order.audience });
	return (status);
}

enum lk_status
lk_access_verify(const struct lk_settings *settings,
    const struct lk_token *access, int64_t now, struct lk_session *session,
    struct lk_error *why)
{
	memset(session, 0, sizeof(*session));
	if (sodium_init() < 0)
		return (lk_fail(why, LK_E_STORE, "no random source"));
	if (now == 0)
		now = lk_system_now_ms(NULL) / 1000;
	if (!lk_jwt_has_shape(settings, access))
		return (lk_fail(why, LK_MALFORMED, "it is no access token"));
	return (lk_jwt_verify(settings, access, now, NULL, session, why));
}
