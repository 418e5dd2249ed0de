/*
 * The backends: each is a row of its own, which stands with it, and backend.c
 * lists them.  Everything that depends on which one is set up is asked of the
 * row or of the store that it opens, so that a further backend is one row more.
 */
#ifndef LK_BACKEND_H_
#define LK_BACKEND_H_

#include "store/checks.h"
#include "store/watch.h"

/** What stands behind one value of `store.backend`. */
struct lk_backend {
	/**
	 * Make a store.  ${base} gives all its members but ops, shape,
	 * keeps_tokens and timeout_ms.  Nothing is opened or connected to yet.
	 */
	enum lk_status (
	    *open)(const struct lk_store *base, struct lk_store **store);

	/** The same for checks that do not wait; NULL: it has none. */
	enum lk_status (*checks)(const struct lk_store *base,
	    struct lk_store_checks **checks);

	/** As lk_store_module's; NULL: there is nothing to make. */
	enum lk_status (*init)(const struct lk_settings *settings,
	    struct lk_buf *shown, struct lk_error *error);

	/** The key that says where it is: `store.redis.address`. */
	const char *where;
	/**
	 * Check what is asked of its settings, whichever store they name, and
	 * read its password file.  See settings.h for what helps with it.
	 */
	enum lk_status (
	    *check)(struct lk_settings *settings, struct lk_error *error);

	/**
	 * Make a watch.  ${base} gives all its members but ops.  NULL if there
	 * is nothing to watch.
	 */
	enum lk_status (*watch)(const struct lk_watch *base,
	    struct lk_watch **watch, struct lk_error *error);
};

/** The rows; see backend.c. */
extern const struct lk_backend lk_sqlite_backend;
extern const struct lk_backend lk_redis_backend;
extern const struct lk_backend lk_sentinel_backend;
extern const struct lk_backend lk_mariadb_backend;
extern const struct lk_backend lk_agent_backend;
extern const struct lk_backend lk_cluster_backend;

/** lk_backend_of(settings): The one that they name. */
const struct lk_backend *lk_backend_of(const struct lk_settings *settings);

/**
 * lk_backends_check(settings, error):
 * Have each backend check its settings, and hint at one that is set up but is
 * not the one that they name.
 */
enum lk_status lk_backends_check(struct lk_settings *settings,
    struct lk_error *error) LK_MUST_CHECK;

#endif /* !LK_BACKEND_H_ */
