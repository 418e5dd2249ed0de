#include "store/backend.h"

static const struct lk_backend *const backends[] = {
	[LK_BACKEND_SQLITE] = &lk_sqlite_backend,
	[LK_BACKEND_REDIS] = &lk_redis_backend,
	[LK_BACKEND_SENTINEL] = &lk_sentinel_backend,
	[LK_BACKEND_MARIADB] = &lk_mariadb_backend,
	[LK_BACKEND_AGENT] = &lk_agent_backend,
	[LK_BACKEND_CLUSTER] = &lk_cluster_backend,
};

const struct lk_backend *
lk_backend_of(const struct lk_settings *settings)
{
	return (backends[settings->store.backend]);
}

/* The agent issues what the gate's login asks for, whatever the store is. */
static bool
is_asked_too(const struct lk_settings *settings,
    const struct lk_backend *backend)
{
	return (backend == &lk_agent_backend &&
	    settings->gate.login.check != LK_LOGIN_OFF);
}

enum lk_status
lk_backends_check(struct lk_settings *settings, struct lk_error *error)
{
	enum lk_status status = LK_OK;
	size_t i;

	for (i = 0;
	     i < sizeof(backends) / sizeof(backends[0]) && status == LK_OK;
	     i++) {
		if (backends[i] != lk_backend_of(settings) &&
		    !is_asked_too(settings, backends[i]))
			lk_settings_hint_unused(settings, backends[i]->where);
		status = backends[i]->check(settings, error);
	}
	return (status);
}
