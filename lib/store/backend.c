#include "store/backend.h"

static const struct lk_backend *const backends[] = {
	[LK_BACKEND_SQLITE] = &lk_sqlite_backend,
	[LK_BACKEND_REDIS] = &lk_redis_backend,
	[LK_BACKEND_SENTINEL] = &lk_sentinel_backend,
};

const struct lk_backend *
lk_backend_of(const struct lk_settings *settings)
{
	return (backends[settings->store.backend]);
}
