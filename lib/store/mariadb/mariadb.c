/*
 * The backend `mariadb`: what is asked of its settings.  The store itself is a
 * module, see module/store.c.
 */
#include <string.h>

#include "store/backend.h"
#include "store/module.h"

static enum lk_status
mariadb_open(const struct lk_store *base, struct lk_store **store)
{
	const struct lk_store_module *module;
	enum lk_status status = LK_FAULT;

	*store = NULL;
	status = lk_store_module_load("mariadb", &module, base->error);
	return (status == LK_OK ? module->open(base, store) : status);
}

static enum lk_status
mariadb_init(const struct lk_settings *settings, struct lk_buf *shown,
    struct lk_error *error)
{
	const struct lk_store_module *module;
	enum lk_status status = LK_FAULT;

	status = lk_store_module_load("mariadb", &module, error);
	return (
	    status == LK_OK ? module->init(settings, shown, error) : status);
}

static enum lk_status
check_settings(struct lk_settings *settings, struct lk_error *error)
{
	static const char durability[] = "store.durability";
	const char *const address = settings->store.mariadb.address;
	enum lk_status status = LK_OK;

	if (settings->store.backend != LK_BACKEND_MARIADB)
		return (LK_OK);
	if (settings->store.durability != LK_DURABILITY_ACK)
		return (lk_settings_refuse(settings, durability, durability,
		    error,
		    "expected \"ack\", since what replicas have is for "
		    "store.backend \"mariadb\" to say, got \"replica\""));
	status = lk_settings_check_tls(settings, &settings->store.mariadb.tls,
	    "store.mariadb.tls", error);
	if (status == LK_OK)
		status = lk_settings_check_no_path(settings, address,
		    &settings->store.mariadb.tls, "store.mariadb.address",
		    error);
	return (status != LK_OK ? status
	                        : lk_settings_read_secret(settings,
	                              "store.mariadb.password", error));
}

const struct lk_backend lk_mariadb_backend = { .open = mariadb_open,
	.init = mariadb_init,
	.where = "store.mariadb.address",
	.check = check_settings };
