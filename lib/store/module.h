/*
 * Stores that are modules: shared objects of their own, since they need
 * libraries that nobody else is to need.  One is loaded when the settings name
 * it, from one folder, and only if it is root's or ours alone and was built of
 * the same sources.
 */
#ifndef LK_STORE_MODULE_H_
#define LK_STORE_MODULE_H_

#include "base/buf.h"
#include "store/store.h"

/** What a module exports, as `lk_store_module`. */
struct lk_store_module {
	/* LK_MODULE_BUILD: of what headers both sides were made. */
	const char *build;

	/** As lk_backend's. */
	enum lk_status (
	    *open)(const struct lk_store *base, struct lk_store **store);

	/**
	 * Make what the store keeps its data in, or bring it forward; with
	 * ${shown} change nothing, and append how that is done instead.
	 */
	enum lk_status (*init)(const struct lk_settings *settings,
	    struct lk_buf *shown, struct lk_error *error);
};

/**
 * lk_store_module_load(name, module, error):
 * Load `store_NAME.so`; it is never unloaded.  LK_E_SETTINGS if there is none
 * here, or one that may not be loaded.
 */
enum lk_status lk_store_module_load(const char *name,
    const struct lk_store_module **module,
    struct lk_error *error) LK_MUST_CHECK;

/* The folder of modules, of which the tests have another. */
extern const char lk_store_module_dir[];

#endif /* !LK_STORE_MODULE_H_ */
