/* What INFO says of a Redis that is to keep sessions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_store.h"

/* Longest value that is looked at. */
#define VALUE_MAX 63
#define VERSION_MIN_REDIS 7
#define FINDING_MAX 256

/* Copy the value of a line `name:value` of INFO; false if there is none. */
static bool
info_value(const char *info, const char *name, char value[VALUE_MAX + 1])
{
	size_t name_len = strlen(name), len;
	const char *line;

	for (line = info; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, name_len) != 0 || line[name_len] != ':')
			continue;
		line += name_len + 1;
		len = strcspn(line, "\r\n");
		if (len > VALUE_MAX)
			len = VALUE_MAX;
		memcpy(value, line, len);
		value[len] = '\0';
		return (true);
	}
	return (false);
}

static void
inspect_version(const char *info, lk_finding_fn *each, void *arg)
{
	char version[VALUE_MAX + 1] = "", valkey[VALUE_MAX + 1] = "";
	char text[FINDING_MAX];
	bool is_valkey = info_value(info, "valkey_version", valkey);
	bool known = info_value(info, "redis_version", version);

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
	char role[VALUE_MAX + 1] = "";

	if (!info_value(info, "role", role))
		return;
	if (strcmp(role, "master") == 0)
		each(arg, LK_FINDING_GOOD, "it is a master");
	else
		each(arg, LK_FINDING_BAD,
		    "it is a replica: no session can be issued or revoked");
}

static void
inspect_memory(const char *info, lk_finding_fn *each, void *arg)
{
	char limit[VALUE_MAX + 1] = "", policy[VALUE_MAX + 1] = "";
	char text[FINDING_MAX];

	if (!info_value(info, "maxmemory", limit) ||
	    !info_value(info, "maxmemory_policy", policy))
		return;
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
	char aof[VALUE_MAX + 1] = "";

	if (!info_value(info, "aof_enabled", aof))
		return;
	if (strcmp(aof, "1") == 0)
		each(arg, LK_FINDING_GOOD, "append-only file is on");
	else
		each(arg, LK_FINDING_DOUBTFUL,
		    "append-only file is off: a restart of Redis can bring "
		    "back sessions revoked since its last snapshot");
}

enum lk_status
lk_redis_inspect(struct lk_store *base, struct lk_deadline deadline,
    lk_finding_fn *each, void *arg)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_redis_command command;
	struct lk_redis_reply *reply = NULL;
	enum lk_status status = LK_FAULT;

	lk_redis_command(&command, "INFO");
	status = lk_redis_run(store, &command, 1, deadline, &reply);
	if (status == LK_OK && reply->type != LK_REDIS_STRING)
		status = lk_redis_corrupt(store, "the answer to INFO");
	if (status == LK_OK) {
		inspect_version(reply->text, each, arg);
		inspect_role(reply->text, each, arg);
		inspect_memory(reply->text, each, arg);
		inspect_persistence(reply->text, each, arg);
	}
	lk_redis_reply_free(reply);
	return (status);
}
