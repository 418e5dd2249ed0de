/* Settings as programs take them: read, checked, and fit to be worked by. */
#ifndef LK_LOAD_H_
#define LK_LOAD_H_

#include "base/buf.h"
#include "latchkey.h"

/**
 * lk_settings_in_effect(path, usual, settings, error):
 * Load ${path}, or with NULL the file ${usual}, or the defaults if there surely
 * is no such file.  A link that leads nowhere, or a folder that cannot be
 * looked at, is an error: who ends sessions by it must not end those of
 * another store.
 */
enum lk_status lk_settings_in_effect(const char *path, const char *usual,
    struct lk_settings **settings, struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_store_init(settings, shown, error):
 * Make what the store keeps sessions in, as tables in a database; again is
 * fine.  With ${shown}, which is not NULL, only append what makes it.
 * LK_E_SETTINGS where there is nothing to make.
 */
enum lk_status lk_store_init(const struct lk_settings *settings,
    struct lk_buf *shown, struct lk_error *error) LK_MUST_CHECK;

#endif /* !LK_LOAD_H_ */
