#include <stdlib.h>

#include <sodium.h>

#include "store/backend.h"
#include "store/watch.h"

enum lk_status
lk_watch_new(const struct lk_settings *settings, const struct lk_log *log,
    struct lk_watch **watch, struct lk_error *error)
{
	const struct lk_backend *backend = lk_backend_of(settings);
	const struct lk_watch base = { .settings = settings, .log = log };

	*watch = NULL;
	if (sodium_init() < 0)
		return (lk_fail(error, LK_E_STORE, "no random source"));
	if (backend->watch != NULL)
		return (backend->watch(&base, watch, error));
	if ((*watch = malloc(sizeof(base))) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	**watch = base;
	return (LK_OK);
}

void
lk_watch_run(struct lk_watch *watch)
{
	if (watch->ops != NULL)
		watch->ops->run(watch);
}

void
lk_watch_stop(struct lk_watch *watch)
{
	if (watch->ops != NULL)
		watch->ops->stop(watch);
}

void
lk_watch_take(struct lk_watch *watch, struct lk_watch *from)
{
	if (watch->ops != NULL && watch->ops == from->ops)
		watch->ops->take(watch, from);
}

void
lk_watch_free(struct lk_watch *watch)
{
	if (watch != NULL && watch->ops != NULL)
		watch->ops->free(watch);
	else
		free(watch);
}
