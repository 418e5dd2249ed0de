#include "base/error.h"
#include "base/trusted_file.h"
#include "jwt/jwt.h"
#include "load.h"
#include "settings/settings.h"
#include "store/backend.h"

enum lk_status
lk_settings_load(const char *path, struct lk_settings **settings,
    struct lk_error *error)
{
	enum lk_status status = lk_settings_read(path, settings, error);

	if (status == LK_OK)
		status = lk_settings_check(*settings, error);
	if (status == LK_OK)
		status = lk_backends_check(*settings, error);
	if (status == LK_OK)
		status = lk_jwt_check(*settings, error);
	if (status != LK_OK) {
		lk_settings_free(*settings);
		*settings = NULL;
	}
	return (status);
}

enum lk_status
lk_settings_in_effect(const char *path, const char *usual,
    struct lk_settings **settings, struct lk_error *error)
{
	if (path != NULL)
		return (lk_settings_load(path, settings, error));
	if (lk_trusted_file_absent(usual))
		return (lk_settings_defaults(settings, error));
	return (lk_settings_load(usual, settings, error));
}

enum lk_status
lk_store_init(const struct lk_settings *settings, struct lk_buf *shown,
    struct lk_error *error)
{
	const struct lk_backend *backend = lk_backend_of(settings);

	if (backend->init == NULL)
		return (lk_fail(error, LK_E_SETTINGS,
		    "store.backend: expected \"mariadb\"; any other makes what "
		    "it needs by itself"));
	return (backend->init(settings, shown, error));
}
