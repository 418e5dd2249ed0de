/* The manager's half that deals with users: loading, caching, forgetting. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/self.h"
#include "base/json.h"
#include "manager.h"
#include "session/user.h"

void
lk_set_user_loader(struct lk_manager *manager, lk_user_loader *loader,
    void *arg)
{
	manager->loader = loader;
	manager->loader_arg = arg;
}

/* Whether users can be looked up. */
static bool
has_source(const struct lk_manager *manager)
{
	return (manager->loader != NULL || manager->source != NULL);
}

/* Append the compact JSON ${text} to ${detail}, if it is JSON. */
static enum lk_status
take_detail(struct lk_manager *manager, const char *text, struct lk_buf *detail,
    enum lk_status otherwise)
{
	size_t len = strnlen(text, LK_DETAIL_MAX + 1);

	if (lk_json_is_detail(text, len))
		lk_json_compact(text, len, detail);
	else
		detail->failed = true;
	if (!detail->failed)
		return (LK_OK);
	return (lk_fail(&manager->error, otherwise,
	    "user detail: expected JSON of at most %d bytes", LK_DETAIL_MAX));
}

/* Ask the application's loader. */
static enum lk_status
ask_loader(struct lk_manager *manager, const char *id, struct lk_buf *detail)
{
	char *text = NULL;
	enum lk_status status = LK_FAULT;

	status = manager->loader(manager->loader_arg, id, &text);
	if (status == LK_OK && text == NULL)
		status = lk_fail(&manager->error, LK_E_STORE,
		    "the user loader gave no detail");
	else if (status == LK_OK)
		status = take_detail(manager, text, detail, LK_E_STORE);
	else if (status < 0)
		lk_error_set(&manager->error, "the user loader failed");
	else
		status = LK_NO_USER;
	if (text != NULL)
		sodium_memzero(text, strlen(text));
	free(text);
	return (status);
}

/* Cache ${detail} for ${ttl} seconds. */
static enum lk_status
put(struct lk_manager *manager, const char *id, const char *detail, int64_t ttl)
{
	struct lk_buf record = LK_BUF_INIT(LK_USER_RECORD_MAX);
	struct lk_deadline deadline = lk_manager_begin(manager);
	enum lk_status status = LK_FAULT;

	lk_user_record_encode(id, detail, &record);
	if (record.failed)
		status = lk_fail(&manager->error, LK_E_NOMEM, "out of memory");
	else
		status = manager->store->ops->user_put(manager->store, id,
		    record.data, record.len, ttl, deadline);
	lk_buf_free(&record);
	return (status);
}

/*
 * Cache what the user source said of ${id}, or that it knows no such user;
 * returns ${answer}, or why that was not possible.
 */
static enum lk_status
keep(struct lk_manager *manager, const char *id, enum lk_status answer,
    const struct lk_buf *detail, int64_t ttl)
{
	enum lk_status status = LK_FAULT;
	bool deleted;

	/* Others are not to live by what this process was told. */
	if (!lk_identity_is_whole())
		return (answer);
	if (answer == LK_OK)
		return (put(manager, id, detail->data, ttl));
	status = manager->store->ops->user_delete(manager->store, id,
	    lk_manager_begin(manager), &deleted);
	return (status == LK_OK ? answer : status);
}

/* Append what is cached of ${id}; LK_NO_USER if nothing is. */
static enum lk_status
take_cached(struct lk_manager *manager, const char *id, struct lk_buf *detail)
{
	struct lk_user user;
	enum lk_status status = lk_user_get(manager, id, &user);

	if (status == LK_OK)
		lk_buf_str(detail, user.detail);
	lk_user_clear(&user);
	return (status);
}

/* Ask the settings' source, as one of many who need it. */
static enum lk_status
ask_in_turn(struct lk_manager *manager, const char *id, struct lk_buf *detail)
{
	struct lk_turns *turns = manager->settings->turns;
	enum lk_status status = LK_FAULT;
	struct lk_turn turn;

	status = lk_turns_take(turns, id, &turn, &manager->error);
	if (status != LK_OK)
		return (status);
	if (!turn.waited || take_cached(manager, id, detail) != LK_OK)
		status = manager->source(manager->settings, id, detail,
		    &manager->error);
	lk_turns_give(turns, id, &turn, status);
	return (status);
}

/*
 * What the user source says of ${id}, which is then cached, if it can be or
 * ${must_keep}; if it need not be, others may need it as well, and ask in turn.
 */
static enum lk_status
load_user(struct lk_manager *manager, const char *id, int64_t ttl,
    bool must_keep, struct lk_user *user)
{
	struct lk_buf detail = LK_BUF_INIT(LK_DETAIL_MAX);
	enum lk_status status = LK_FAULT, kept = LK_FAULT;

	memset(user, 0, sizeof(*user));
	if ((status = lk_manager_check_new_id(manager, id)) != LK_OK)
		return (status);
	if (manager->loader != NULL)
		status = ask_loader(manager, id, &detail);
	else if (!must_keep)
		status = ask_in_turn(manager, id, &detail);
	else
		status = manager->source(manager->settings, id, &detail,
		    &manager->error);
	if (status == LK_OK || status == LK_NO_USER) {
		kept = keep(manager, id, status, &detail, ttl);
		if (must_keep)
			status = kept;
		else if (kept < 0)
			LK_LOG(manager->surroundings.log, LK_LOG_WARN,
			    "what the user source said is not cached",
			    { "user", id }, { "error", manager->error.text });
	}
	if (status == LK_OK) {
		memcpy(user->id, id, strlen(id) + 1);
		if ((user->detail = lk_buf_take(&detail)) == NULL)
			status = LK_E_NOMEM;
	}
	lk_buf_free(&detail);
	if (status != LK_OK)
		lk_user_clear(user);
	return (status);
}

enum lk_status
lk_user_of_record(const char *id, const struct lk_buf *record,
    struct lk_user *user, struct lk_error *error)
{
	enum lk_status status = LK_FAULT;

	status = lk_user_record_decode(record->data, record->len, user);
	if (status == LK_OK && strcmp(user->id, id) != 0) {
		lk_user_clear(user);
		status = LK_E_CORRUPT;
	}
	if (status == LK_E_CORRUPT)
		lk_error_set(error, "the cached record of a user is not his");
	return (status);
}

/* What is known of a user without a source: nothing. */
static enum lk_status
user_without_detail(struct lk_manager *manager, const char *id,
    struct lk_user *user)
{
	if ((user->detail = strdup("null")) == NULL)
		return (lk_fail(&manager->error, LK_E_NOMEM, "out of memory"));
	memcpy(user->id, id, strlen(id) + 1);
	return (LK_OK);
}

/* What is known of the user of a live session: cached, as ${record} has it, or
 * by the source. */
static enum lk_status
find_user(struct lk_manager *manager, const struct lk_session *session,
    const struct lk_buf *record, int64_t ttl, struct lk_user *user)
{
	if (record->len > 0)
		return (lk_user_of_record(session->user, record, user,
		    &manager->error));
	if (has_source(manager))
		return (load_user(manager, session->user, ttl, false, user));
	return (user_without_detail(manager, session->user, user));
}

enum lk_status
lk_check_id_user(struct lk_manager *manager, const char *id,
    struct lk_session *session, struct lk_user *user)
{
	struct lk_deadline deadline = lk_manager_begin(manager);
	struct lk_buf record = LK_BUF_INIT(LK_USER_RECORD_MAX);
	struct lk_session_ref ref;
	enum lk_status status = LK_FAULT;

	memset(user, 0, sizeof(*user));
	status = lk_session_id_parse(id, &ref);
	if (status == LK_OK)
		status = lk_manager_look(manager, &ref, deadline, session,
		    &record);
	if (status == LK_OK)
		status = find_user(manager, session, &record,
		    manager->settings->user.ttl, user);
	lk_buf_free(&record);
	if (status != LK_OK)
		memset(session, 0, sizeof(*session));
	return (status);
}

enum lk_status
lk_check_user(struct lk_manager *manager, const struct lk_token *token,
    struct lk_session *session, struct lk_user *user)
{
	return (lk_check_user_ttl(manager, token, 0, session, user));
}

enum lk_status
lk_check_user_ttl(struct lk_manager *manager, const struct lk_token *token,
    int64_t ttl, struct lk_session *session, struct lk_user *user)
{
	struct lk_deadline deadline = lk_manager_begin(manager);
	struct lk_buf record = LK_BUF_INIT(LK_USER_RECORD_MAX);
	struct lk_shown shown;
	enum lk_status status = LK_FAULT;

	memset(user, 0, sizeof(*user));
	if (ttl < 0)
		return (lk_check(manager, token, session));
	status = lk_manager_check_ttl(manager, manager->settings->user.ttl,
	    &ttl);
	if (status == LK_OK)
		status = lk_shown_read(manager->settings, token,
		    &manager->surroundings, &shown, &manager->error);
	if (status == LK_OK)
		status = lk_shown_look(manager, &shown, deadline, session,
		    &record);
	if (status == LK_OK)
		status = find_user(manager, session, &record, ttl, user);
	lk_buf_free(&record);
	if (status != LK_OK)
		memset(session, 0, sizeof(*session));
	return (status);
}

/* Have the store ask the source that it knows of. */
static enum lk_status
load_there(struct lk_manager *manager, const char *id, int64_t ttl,
    struct lk_deadline deadline, struct lk_user *user)
{
	struct lk_buf record = LK_BUF_INIT(LK_USER_RECORD_MAX);
	enum lk_status status = lk_manager_check_new_id(manager, id);

	if (status == LK_OK)
		status = manager->store->ops->user_load(manager->store, id, ttl,
		    deadline, &record);
	if (status == LK_OK)
		status = lk_user_of_record(id, &record, user, &manager->error);
	lk_buf_free(&record);
	return (status);
}

enum lk_status
lk_user_load(struct lk_manager *manager, const char *id, int64_t ttl,
    struct lk_user *user)
{
	struct lk_deadline deadline = lk_manager_begin(manager);
	enum lk_status status = LK_FAULT;
	bool there;

	memset(user, 0, sizeof(*user));
	there = !has_source(manager) && manager->store->ops->user_load != NULL;
	if ((ttl != 0 || !there) &&
	    (status = lk_manager_check_ttl(manager, manager->settings->user.ttl,
	         &ttl)) != LK_OK)
		return (status);
	if (there)
		return (load_there(manager, id, ttl, deadline, user));
	if (!has_source(manager))
		return (lk_fail(&manager->error, LK_E_SETTINGS,
		    "user.source: expected \"file\", \"exec\" or \"passwd\" "
		    "to load users"));
	return (load_user(manager, id, ttl, true, user));
}

enum lk_status
lk_user_refresh(struct lk_manager *manager, const char *const *ids,
    size_t count, int64_t ttl, enum lk_status *each)
{
	enum lk_status first = LK_OK, status = LK_FAULT;
	struct lk_error error = { "" };
	struct lk_user user;
	size_t i;

	(void)lk_manager_begin(manager);
	for (i = 0; i < count; i++) {
		status = lk_user_load(manager, ids[i], ttl, &user);
		lk_user_clear(&user);
		if (each != NULL)
			each[i] = status;
		if (status != LK_OK && first == LK_OK) {
			first = status;
			error = manager->error;
		}
	}
	manager->error = error;
	return (first);
}

enum lk_status
lk_user_get(struct lk_manager *manager, const char *id, struct lk_user *user)
{
	struct lk_buf record = LK_BUF_INIT(LK_USER_RECORD_MAX);
	struct lk_deadline deadline = lk_manager_begin(manager);
	enum lk_status status = LK_FAULT;

	memset(user, 0, sizeof(*user));
	status = lk_manager_check_id(manager, id);
	if (status == LK_OK)
		status = manager->store->ops->user_get(manager->store, id,
		    deadline, &record);
	if (status == LK_OK)
		status = record.len == 0
		    ? LK_NO_USER
		    : lk_user_of_record(id, &record, user, &manager->error);
	lk_buf_free(&record);
	return (status);
}

enum lk_status
lk_user_put(struct lk_manager *manager, const char *id, const char *detail,
    int64_t ttl)
{
	struct lk_buf compact = LK_BUF_INIT(LK_DETAIL_MAX);
	enum lk_status status = LK_FAULT;

	(void)lk_manager_begin(manager);
	if ((status = lk_manager_check_new_id(manager, id)) == LK_OK &&
	    (status = lk_manager_check_ttl(manager, manager->settings->user.ttl,
	         &ttl)) == LK_OK &&
	    (status = take_detail(manager, detail, &compact, LK_E_INVAL)) ==
	        LK_OK)
		status = put(manager, id, compact.data, ttl);
	lk_buf_free(&compact);
	return (status);
}

enum lk_status
lk_user_delete(struct lk_manager *manager, const char *id, bool *deleted)
{
	struct lk_deadline deadline = lk_manager_begin(manager);
	enum lk_status status = LK_FAULT;

	*deleted = false;
	status = lk_manager_check_id(manager, id);
	if (status == LK_OK)
		status = manager->store->ops->user_delete(manager->store, id,
		    deadline, deleted);
	return (status);
}
