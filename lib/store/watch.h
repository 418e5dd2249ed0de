/*
 * struct lk_watch of latchkey.h: what a process knows of its store's servers.
 * The backend brings its operations; one without any, such as that of a store
 * in a file, has nothing to watch.
 */
#ifndef LK_WATCH_H_
#define LK_WATCH_H_

#include "base/error.h"
#include "settings/settings.h"

/** As the functions of latchkey.h, but for NULL. */
struct lk_watch_ops {
	void (*run)(struct lk_watch *watch);
	void (*stop)(struct lk_watch *watch);
	/** ${from} has the same operations. */
	void (*take)(struct lk_watch *watch, struct lk_watch *from);
	void (*free)(struct lk_watch *watch);
};

/** The base that every watch embeds as its first member. */
struct lk_watch {
	const struct lk_watch_ops *ops; /* NULL: there is nothing to watch */
	const struct lk_settings *settings;
	const struct lk_log *log;
};

#endif /* !LK_WATCH_H_ */
