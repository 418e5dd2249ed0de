/* What INFO says of a Redis that is to keep sessions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/redis/redis.h"

#define VERSION_MIN_REDIS 7
/* When the end of a certificate is to be thought of. */
#define CERTIFICATE_SOON_S (14 * 86400)
/* What a round trip makes of two clocks that agree. */
#define CLOCK_NOISE_MS 500
/* A longer one lets revoked sessions in for too long. */
#define NODE_TIMEOUT_MAX_MS 5000
#define FINDING_MAX (LK_REDIS_INFO_MAX + 256)

static void
inspect_version(const char *info, lk_finding_fn *each, void *arg)
{
	char version[LK_REDIS_INFO_MAX + 1] = "",
	                                 valkey[LK_REDIS_INFO_MAX + 1] = "";
	char text[FINDING_MAX];
	bool is_valkey = lk_redis_info(info, "valkey_version", valkey);
	bool known = lk_redis_info(info, "redis_version", version);

	/* Valkey 7.2 and later call themselves Redis 7.2 for old clients. */
	if (!known || strtol(version, NULL, 10) < VERSION_MIN_REDIS) {
		(void)snprintf(text, sizeof(text),
		    "Redis %s: expected Redis 7 or Valkey 7.2, or later",
		    known ? version : "of unknown version");
		each(arg, LK_FINDING_BAD, text);
		return;
	}
	(void)snprintf(text, sizeof(text), "%s %s",
	    is_valkey ? "Valkey" : "Redis", is_valkey ? valkey : version);
	each(arg, LK_FINDING_GOOD, text);
}

static void
inspect_role(const char *info, lk_finding_fn *each, void *arg)
{
	char role[LK_REDIS_INFO_MAX + 1] = "";

	if (!lk_redis_info(info, "role", role))
		each(arg, LK_FINDING_DOUBTFUL,
		    "INFO does not tell role: whether it is a master is not "
		    "known");
	else if (strcmp(role, "master") == 0)
		each(arg, LK_FINDING_GOOD, "it is a master");
	else
		each(arg, LK_FINDING_BAD,
		    "it is a replica: no session can be issued or revoked");
}

static void
inspect_memory(const char *info, lk_finding_fn *each, void *arg)
{
	char limit[LK_REDIS_INFO_MAX + 1] = "",
	                               policy[LK_REDIS_INFO_MAX + 1] = "";
	char text[FINDING_MAX];

	if (!lk_redis_info(info, "maxmemory", limit) ||
	    !lk_redis_info(info, "maxmemory_policy", policy)) {
		each(arg, LK_FINDING_DOUBTFUL,
		    "INFO does not tell maxmemory: whether sessions are "
		    "evicted is not known; ask who runs it for noeviction");
		return;
	}
	if (strcmp(limit, "0") == 0) {
		each(arg, LK_FINDING_GOOD,
		    "no memory limit, nothing is evicted");
		return;
	}
	(void)snprintf(text, sizeof(text), "maxmemory-policy %s%s", policy,
	    strcmp(policy, "noeviction") == 0
	        ? ""
	        : ": expected noeviction, or users are logged out and "
	          "revoke-all can miss sessions when memory is short");
	each(arg,
	    strcmp(policy, "noeviction") == 0 ? LK_FINDING_GOOD
	                                      : LK_FINDING_BAD,
	    text);
}

static void
inspect_persistence(const char *info, lk_finding_fn *each, void *arg)
{
	char aof[LK_REDIS_INFO_MAX + 1] = "";

	if (!lk_redis_info(info, "aof_enabled", aof))
		each(arg, LK_FINDING_DOUBTFUL,
		    "INFO does not tell aof_enabled: whether a restart brings "
		    "back revoked sessions is not known");
	else if (strcmp(aof, "1") == 0)
		each(arg, LK_FINDING_GOOD, "append-only file is on");
	else
		each(arg, LK_FINDING_DOUBTFUL,
		    "append-only file is off: a restart of Redis can bring "
		    "back sessions revoked since its last snapshot");
}

/* One node alone answers for all keys, until there is another. */
static void
inspect_mode(const char *info, bool spread, lk_finding_fn *each, void *arg)
{
	char mode[LK_REDIS_INFO_MAX + 1] = "";

	/* Valkey 8 has a name of its own for it. */
	if (!spread &&
	    (lk_redis_info(info, "redis_mode", mode) ||
	        lk_redis_info(info, "server_mode", mode)) &&
	    strcmp(mode, "cluster") == 0)
		each(arg, LK_FINDING_BAD,
		    "it is a cluster node: it needs store.backend = "
		    "\"cluster\", even if it is the only one");
}

/* Whether there is a replica to have what must not be lost. */
static void
inspect_replicas(const char *info, bool spread, lk_finding_fn *each, void *arg)
{
	const size_t replicas = lk_redis_info_replicas(info);
	char text[FINDING_MAX], good[LK_REDIS_INFO_MAX + 1] = "";

	(void)snprintf(text, sizeof(text), "%zu replicas in step%s", replicas,
	    replicas > 0 ? ""
	                 : ": nothing that is issued or revoked now survives "
	                   "the loss of the master");
	each(arg, replicas > 0 ? LK_FINDING_GOOD : LK_FINDING_BAD, text);
	/* A master of a cluster that is cut off stops by itself. */
	if (!spread && !lk_redis_info(info, "min_slaves_good_slaves", good))
		each(arg, LK_FINDING_DOUBTFUL,
		    "min-replicas-to-write is not set: an isolated old master "
		    "goes on taking changes that will be lost");
}

/* By what certificate it is known, and for how long still. */
static void
inspect_tls(const struct lk_redis_wire *wire, lk_finding_fn *each, void *arg)
{
	const time_t ends = (time_t)lk_tls_peer_ends(&wire->channel.stream);
	const bool soon = ends < time(NULL) + CERTIFICATE_SOON_S;
	char text[FINDING_MAX], date[16] = "";
	struct tm tm;

	if (ends == 0)
		return;
	if (gmtime_r(&ends, &tm) != NULL)
		(void)strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	(void)snprintf(text, sizeof(text),
	    "TLS, by a certificate that is valid until %s", date);
	each(arg, soon ? LK_FINDING_DOUBTFUL : LK_FINDING_GOOD, text);
}

/* Access tokens begin and end by this host's clock, sessions by that one. */
static void
inspect_clock(const struct lk_settings *settings,
    const struct lk_redis_clock *clock, lk_finding_fn *each, void *arg)
{
	const int64_t half_ms = settings->jwt.leeway * 500;
	char text[FINDING_MAX];
	struct timespec now;
	int64_t ahead_ms;

	if (settings->jwt.issuer[0] == '\0')
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	ahead_ms = lk_redis_clock_now_ms(clock) - (int64_t)now.tv_sec * 1000 -
	    now.tv_nsec / 1000000;
	if (llabs(ahead_ms) <=
	    (half_ms > CLOCK_NOISE_MS ? half_ms : CLOCK_NOISE_MS)) {
		each(arg, LK_FINDING_GOOD, "its clock agrees with this host's");
		return;
	}
	(void)snprintf(text, sizeof(text),
	    "its clock is %.1f s %s this host's: expected at most half of "
	    "jwt.leeway, which is %.1f s, or access tokens are refused, or "
	    "taken for too long",
	    (double)llabs(ahead_ms) / 1e3, ahead_ms > 0 ? "ahead of" : "behind",
	    (double)half_ms / 1e3);
	each(arg, LK_FINDING_DOUBTFUL, text);
}

/* What bounds how long a master of a cluster that is cut off answers. */
static enum lk_status
inspect_node(struct lk_redis_store *store, struct lk_deadline deadline,
    lk_finding_fn *each, void *arg)
{
	struct lk_redis_command command;
	struct lk_redis_request request = { .commands = &command,
		.count = 1,
		.idempotent = true,
		.pinned = true,
		.slot = store->slot };
	struct lk_redis_reply *reply = NULL;
	enum lk_status status = LK_FAULT;
	long long timeout_ms = -1;
	bool dares = false;
	char text[FINDING_MAX];
	size_t i;

	lk_redis_command(&command, "CONFIG");
	lk_redis_arg_str(&command, "GET");
	lk_redis_arg_str(&command, "cluster-*");
	status = lk_redis_link_run(store->link, &request, deadline, &reply);
	if (status != LK_OK)
		return (status);
	for (i = 0; reply->type == LK_REDIS_ARRAY && i + 1 < reply->elements;
	     i += 2) {
		if (lk_redis_reply_is(reply->element[i],
		        "cluster-node-timeout") &&
		    reply->element[i + 1]->type == LK_REDIS_STRING)
			timeout_ms = strtoll(reply->element[i + 1]->text, NULL,
			    10);
		dares |= lk_redis_reply_is(reply->element[i],
		             "cluster-allow-reads-when-down") &&
		    lk_redis_reply_is(reply->element[i + 1], "yes");
	}
	lk_redis_reply_free(reply);
	if (timeout_ms < 0)
		each(arg, LK_FINDING_DOUBTFUL,
		    "CONFIG may not be asked for cluster-node-timeout, for so "
		    "long one that is cut off lets in what was revoked: ask "
		    "who runs it for 5000 or less, and for no "
		    "cluster-allow-reads-when-down");
	else if (timeout_ms > NODE_TIMEOUT_MAX_MS) {
		(void)snprintf(text, sizeof(text),
		    "cluster-node-timeout %lld: for so many milliseconds one "
		    "that is cut off lets in what was revoked; expected at "
		    "most %d",
		    timeout_ms, NODE_TIMEOUT_MAX_MS);
		each(arg, LK_FINDING_DOUBTFUL, text);
	}
	if (dares)
		each(arg, LK_FINDING_BAD,
		    "cluster-allow-reads-when-down yes: one that is cut off "
		    "lets in what was revoked for as long as it is");
	return (LK_OK);
}

/* What is to be said of one master. */
static enum lk_status
inspect_master(struct lk_redis_store *store, struct lk_deadline deadline,
    lk_finding_fn *each, void *arg)
{
	const bool spread = lk_redis_is_spread(store);
	struct lk_redis_command command;
	struct lk_redis_reply *reply = NULL;
	enum lk_status status = LK_FAULT;
	char text[FINDING_MAX];

	lk_redis_command(&command, "INFO");
	status = lk_redis_run(store, &command, 1, deadline, &reply);
	if (status == LK_OK && reply->type != LK_REDIS_STRING)
		status = lk_redis_corrupt(store, "the answer to INFO");
	if (status == LK_OK) {
		(void)snprintf(text, sizeof(text), "master %s",
		    store->link->wire->name);
		if (spread)
			each(arg, LK_FINDING_GOOD, text);
		inspect_clock(store->base.settings, &store->link->wire->clock,
		    each, arg);
		inspect_tls(store->link->wire, each, arg);
		inspect_version(reply->text, each, arg);
		inspect_mode(reply->text, spread, each, arg);
		inspect_role(reply->text, each, arg);
		inspect_memory(reply->text, each, arg);
		inspect_persistence(reply->text, each, arg);
		if (lk_redis_link_replicates(store->link, true))
			inspect_replicas(reply->text, spread, each, arg);
	}
	lk_redis_reply_free(reply);
	return (status == LK_OK && spread
	        ? inspect_node(store, deadline, each, arg)
	        : status);
}

enum lk_status
lk_redis_inspect(struct lk_store *base, struct lk_deadline deadline,
    lk_finding_fn *each, void *arg)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_redis_topology *topology = store->link->watch->topology;
	enum lk_status status = LK_FAULT;
	uint64_t print;

	status = topology->ops->inspect(topology, deadline, each, arg,
	    base->error);
	if (status != LK_OK || !lk_redis_is_spread(store))
		return (status != LK_OK
		        ? status
		        : inspect_master(store, deadline, each, arg));
	store->pinned = true;
	for (store->slot =
	         topology->ops->next(topology, LK_REDIS_NO_SLOT, &print);
	     store->slot != LK_REDIS_NO_SLOT && status == LK_OK;
	     store->slot = topology->ops->next(topology, store->slot, &print))
		status = inspect_master(store, deadline, each, arg);
	store->pinned = false;
	return (status);
}
