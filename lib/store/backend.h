/*
 * The backends: each is a row of its own, which stands with it, and backend.c
 * lists them.  Everything that depends on which one is set up is asked of the
 * row or of the store that it opens, so that a further backend is one row more.
 */
#ifndef LK_BACKEND_H_
#define LK_BACKEND_H_

#include "store/store.h"

/** What stands behind one value of `store.backend`. */
struct lk_backend {
	/**
	 * Make a store.  ${base} gives all its members but ops, shape,
	 * keeps_tokens and timeout_ms.  Nothing is opened or connected to yet.
	 */
	enum lk_status (
	    *open)(const struct lk_store *base, struct lk_store **store);
};

/** The rows; see backend.c. */
extern const struct lk_backend lk_sqlite_backend;
extern const struct lk_backend lk_redis_backend;
extern const struct lk_backend lk_sentinel_backend;

/** lk_backend_of(settings): The one that they name. */
const struct lk_backend *lk_backend_of(const struct lk_settings *settings);

#endif /* !LK_BACKEND_H_ */
