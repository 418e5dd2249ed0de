/* The manager's part that begins sessions, and lets them live longer. */
#include <string.h>

#include "manager.h"
#include "session/record.h"

/* Whether the store knows by itself which tokens, lives and limits are usual.
 */
static bool
knows_better(const struct lk_manager *manager)
{
	return (manager->store->shape == LK_SHAPE_ANY);
}

/* How long a session is to live, of which such a store knows what is usual. */
static enum lk_status
check_ttl(struct lk_manager *manager, int64_t fallback, int64_t *ttl)
{
	if (*ttl == 0 && knows_better(manager))
		return (LK_OK);
	return (lk_manager_check_ttl(manager, fallback, ttl));
}

static enum lk_status
check_client(struct lk_manager *manager, const char *client)
{
	if (client[0] == '\0' || lk_client_check(client) == LK_OK)
		return (LK_OK);
	return (lk_fail(&manager->error, LK_E_INVAL,
	    "client: expected 1 to %d of A-Z a-z 0-9 . _ - and no - in front",
	    LK_CLIENT_MAX));
}

/* How many sessions a user may have. */
static struct lk_limits
limits_of(const struct lk_settings *settings, const struct lk_policy *policy)
{
	struct lk_limits limits = {
		.per_user = (uint32_t)settings->session.max_per_user,
		.row = policy->row,
		.row_refuses = policy->row_refuses,
		.user_refuses = settings->session.on_limit == LK_ON_LIMIT_REFUSE
	};

	if (settings->session.single)
		limits.per_user = 1;
	return (limits);
}

/* Whether sessions of the kind may be issued at all. */
static enum lk_status
check_listed(const struct lk_manager *manager, const struct lk_policy *policy)
{
	return (policy->row == NULL && !knows_better(manager) &&
	            manager->settings->session.unlisted == LK_UNLISTED_REFUSE
	        ? LK_FORBIDDEN
	        : LK_OK);
}

/*
 * The session that another is to replace: of the same user it ends in the same
 * step, of another one it ends first.
 */
static enum lk_status
end_before(struct lk_manager *manager, const struct lk_token_key *before,
    struct lk_deadline deadline, struct lk_issue_request *request)
{
	struct lk_ending ending = { .reason = LK_REASON_REPLACED,
		.origin = request->origin };
	char id[LK_SESSION_ID_MAX + 1];
	enum lk_status status = LK_FAULT;
	uint64_t revoked;

	if (knows_better(manager) ||
	    memcmp(before->tag, request->key->tag, LK_TAG_LEN) == 0) {
		request->replaces = before;
		return (LK_OK);
	}
	ending.origin.agent[0] = '\0';
	status = manager->store->ops->revoke(manager->store, before, &ending,
	    deadline, &revoked);
	if (revoked > 0) {
		lk_session_id_of_key(before, manager->store->shape, id);
		lk_gone_add(&manager->store->gone, id);
	}
	return (status);
}

enum lk_status
lk_issue(struct lk_manager *manager, const char *user,
    const struct lk_issue_options *options, struct lk_token *token,
    struct lk_session *session)
{
	static const struct lk_issue_options defaults;
	const struct lk_issue_options *o = options != NULL
	    ? options
	    : &defaults;
	const struct lk_surroundings *around = &manager->surroundings;
	struct lk_deadline deadline = lk_manager_begin(manager);
	struct lk_issue_request request = { .token = token,
		.user = user,
		.client = o->client != NULL ? o->client : "",
		.ttl = o->ttl };
	const struct lk_policy policy = lk_settings_policy(manager->settings,
	    request.client);
	struct lk_session issued = { .ttl = 0 };
	struct lk_token_key key, before;
	enum lk_status status = LK_FAULT;

	lk_token_wipe(token);
	if ((status = lk_manager_check_new_id(manager, user)) != LK_OK ||
	    (status = check_client(manager, request.client)) != LK_OK ||
	    (status = check_ttl(manager, policy.ttl, &request.ttl)) != LK_OK ||
	    (status = check_listed(manager, &policy)) != LK_OK)
		goto out;
	if (!knows_better(manager)) {
		status = lk_token_generate(manager->store->shape, user,
		    around->random, around->arg, token);
		if (status == LK_OK)
			status = lk_token_parse(token, &key);
		if (status != LK_OK) {
			status = lk_fail(&manager->error, LK_E_INVAL,
			    "user id: expected one without '_' in this layout");
			goto out;
		}
		request.key = &key;
	}
	request.max_life = policy.max_life;
	if (o->max_life > 0 &&
	    (policy.max_life == 0 || o->max_life < policy.max_life))
		request.max_life = o->max_life;
	request.limits = limits_of(manager->settings, &policy);
	lk_origin_set(&request.origin, o->peer, o->agent, o->actor);
	if (o->replaces != NULL &&
	    lk_token_parse(o->replaces, &before) == LK_OK &&
	    (status = end_before(manager, &before, deadline, &request)) !=
	        LK_OK)
		goto out;
	status = manager->store->ops->issue(manager->store, &request, deadline,
	    &issued);
out:
	if (status != LK_OK) {
		lk_token_wipe(token);
		memset(&issued, 0, sizeof(issued));
	}
	if (session != NULL)
		*session = issued;
	if (status == LK_OK)
		LK_LOG(around->log, LK_LOG_INFO, "session issued",
		    { "user", user }, { "session", issued.id },
		    { "client", o->client }, { "peer", o->peer },
		    { "agent", o->agent });
	return (status);
}

uint64_t
lk_issue_ended(const struct lk_manager *manager, lk_gone_fn *each, void *arg)
{
	const struct lk_gone *gone = &manager->store->gone;
	const char *id;
	size_t at;

	for (at = 0; each != NULL && at < gone->ids.len; at += strlen(id) + 1) {
		id = gone->ids.data + at;
		each(arg, id);
	}
	return (gone->count);
}

enum lk_status
lk_refresh(struct lk_manager *manager, const struct lk_token *token,
    int64_t ttl, struct lk_session *session)
{
	struct lk_deadline deadline = lk_manager_begin(manager);
	struct lk_session extended = { .ttl = 0 };
	const bool wished = ttl != 0;
	struct lk_policy policy;
	struct lk_token_key key;
	enum lk_status status = LK_FAULT;

	if ((status = check_ttl(manager, LK_TTL_MAX, &ttl)) == LK_OK)
		status = lk_token_parse(token, &key);
	/* Its kind is asked for where lives depend on it. */
	if (status == LK_OK && manager->settings->session.clients.n > 0 &&
	    !knows_better(manager))
		status = manager->store->ops->check(manager->store, &key,
		    deadline, &extended, NULL);
	if (status == LK_OK) {
		policy = lk_settings_policy(manager->settings, extended.client);
		status = manager->store->ops->extend(manager->store, &key,
		    wished || knows_better(manager) ? ttl : policy.ttl,
		    policy.max_life, deadline, &extended);
	}
	if (status != LK_OK)
		memset(&extended, 0, sizeof(extended));
	if (session != NULL)
		*session = extended;
	return (status);
}
