/*
 * The agent in the place of a store: latchkeyd, who holds the store's key, is
 * asked, and decides by its own settings who may ask what.  doc/agent.md is
 * what it is asked.
 */
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/agent/asked.h"
#include "store/backend.h"

static enum lk_status
agent_ping(struct lk_store *base, struct lk_deadline deadline)
{
	struct lk_agent_store *store = lk_agent_store_of(base);
	struct lk_agent_question question = lk_agent_begin("health", true);
	struct lk_agent_reply reply;
	enum lk_status status = LK_FAULT;

	question.get = true;
	status = lk_agent_ask(store, &question, deadline, &reply);
	if (status == LK_E_STORE && reply.http == 503)
		lk_error_set(base->error,
		    "agent at %s: its own store does not answer",
		    base->settings->store.agent.address);
	return (lk_agent_end(store, status, reply.http == 200));
}

static enum lk_status
agent_inspect(struct lk_store *base, struct lk_deadline deadline,
    lk_finding_fn *each, void *arg)
{
	enum lk_status status = agent_ping(base, deadline);
	char text[LK_ERROR_MAX];

	if (status != LK_OK)
		return (status);
	(void)snprintf(text, sizeof(text),
	    "latchkeyd at %s; what its store promises is told by latchkey -c "
	    "%s doctor",
	    base->settings->store.agent.address, LK_AGENT_SETTINGS_PATH);
	each(arg, LK_FINDING_GOOD, text);
	return (LK_OK);
}

/* ---- The store as a whole --------------------------------------------------
 */

static enum lk_status
agent_walk(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, lk_stored_fn *each, void *arg)
{
	(void)place;
	(void)deadline;
	(void)each;
	(void)arg;
	return (lk_agent_cannot(base, "export sessions"));
}

static enum lk_status
agent_put(struct lk_store *base, const struct lk_stored *stored, size_t count,
    struct lk_deadline deadline, enum lk_put *results)
{
	(void)stored;
	(void)count;
	(void)deadline;
	(void)results;
	return (lk_agent_cannot(base, "import sessions"));
}

static enum lk_status
agent_sweep(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, uint64_t *swept)
{
	(void)place;
	(void)deadline;
	(void)swept;
	return (lk_agent_cannot(base, "sweep a store"));
}

static enum lk_status
agent_stats(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, struct lk_store_stats *stats)
{
	(void)place;
	(void)deadline;
	(void)stats;
	return (lk_agent_cannot(base, "count what a store holds"));
}

/* ---- What a process knows of it ------------------------------------------ */

/* Whether it answers; nothing is watched. */
struct lk_agent_watch {
	struct lk_watch base; /* the first member */
	struct lk_breaker breaker;
};

static void
watch_nothing(struct lk_watch *watch)
{
	(void)watch;
}

static void
take_nothing(struct lk_watch *watch, struct lk_watch *from)
{
	(void)watch;
	(void)from;
}

static void
watch_free(struct lk_watch *base)
{
	lk_breaker_destroy(&((struct lk_agent_watch *)base)->breaker);
	free(base);
}

static enum lk_status
watch_make(const struct lk_watch *base, struct lk_watch **watchp,
    struct lk_error *error)
{
	static const struct lk_watch_ops ops = { .run = watch_nothing,
		.stop = watch_nothing,
		.take = take_nothing,
		.free = watch_free };
	struct lk_agent_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	watch->base = *base;
	watch->base.ops = &ops;
	lk_breaker_init(&watch->breaker);
	*watchp = &watch->base;
	return (LK_OK);
}

/* ---- Life -------------------------------------------------------------- */

static void
agent_leave_parent(struct lk_store *base)
{
	struct lk_agent_store *store = lk_agent_store_of(base);

	lk_agent_line_close(&store->line);
	store->breaker = &store->own;
}

static void
agent_free(struct lk_store *base)
{
	struct lk_agent_store *store = lk_agent_store_of(base);

	lk_agent_line_close(&store->line);
	lk_breaker_destroy(&store->own);
	free(store);
}

static const struct lk_store_ops agent_ops = { .name = "agent",
	.ping = agent_ping,
	.inspect = agent_inspect,
	.issue = lk_agent_issue,
	.check = lk_agent_check,
	.check_id = lk_agent_check_id,
	.check_id_user = lk_agent_check_id_user,
	.extend = lk_agent_extend,
	.revoke = lk_agent_revoke,
	.revoke_id = lk_agent_revoke_id,
	.revoke_all = lk_agent_revoke_all,
	.list = lk_agent_list,
	.history = lk_agent_history,
	.history_erase = lk_agent_history_erase,
	.ended = lk_agent_ended,
	.user_get = lk_agent_user_get,
	.user_load = lk_agent_user_load,
	.user_put = lk_agent_user_put,
	.user_delete = lk_agent_user_delete,
	.walk = agent_walk,
	.put = agent_put,
	.sweep = agent_sweep,
	.stats = agent_stats,
	.leave_parent = agent_leave_parent,
	.free = agent_free };

static enum lk_status
agent_open(const struct lk_store *base, struct lk_store **storep)
{
	struct lk_agent_store *store = calloc(1, sizeof(*store));

	*storep = NULL;
	if (store == NULL)
		return (lk_fail(base->error, LK_E_NOMEM, "out of memory"));
	store->base = *base;
	store->base.ops = &agent_ops;
	store->base.shape = LK_SHAPE_ANY;
	store->base.timeout_ms = base->settings->store.agent.timeout_ms;
	lk_agent_line_init(&store->line, base->settings, base->error);
	lk_breaker_init(&store->own);
	store->breaker = base->watch != NULL
	    ? &((struct lk_agent_watch *)base->watch)->breaker
	    : &store->own;
	*storep = &store->base;
	return (LK_OK);
}

/* ---- Settings --------------------------------------------------------------
 */

/* What the agent's settings say is not said here as well. */
static enum lk_status
check_settings(struct lk_settings *settings, struct lk_error *error)
{
	static const char durability[] = "store.durability",
	                  source[] = "user.source";

	if (settings->store.backend != LK_BACKEND_AGENT)
		return (LK_OK);
	if (settings->store.durability != LK_DURABILITY_ACK)
		return (lk_settings_refuse(settings, durability, durability,
		    error,
		    "expected \"ack\", since the agent's settings say it, got "
		    "\"replica\""));
	if (settings->user.source != LK_SOURCE_NONE)
		return (lk_settings_refuse(settings, source, source, error,
		    "expected \"none\", since the agent asks the user source, "
		    "by its own settings"));
	return (LK_OK);
}

const struct lk_backend lk_agent_backend = { .open = agent_open,
	.where = "store.agent.address",
	.check = check_settings,
	.watch = watch_make };
