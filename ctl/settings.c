/*
 * Which settings are in effect: those of the file that was named, those of
 * the default file, or without that the built-in ones, by which an ordinary
 * user has a store of his own.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/name_service.h"
#include "ctl.h"
#include "load.h"

/* The folders of a store of one's own, below the home folder of the account:
 * the environment has no say in where sessions are. */
static const char *const own_folders[] = { "/.local", "/.local/state" };
#define OWN_STORE "/.local/state/latchkey/sessions.db"

/* The path of a store in the effective user's home folder; the caller frees
 * it. */
static enum lk_status
own_store(char **path, struct lk_error *error)
{
	struct lk_account account = { .data = NULL };
	enum lk_status status = LK_FAULT;

	status = lk_account_find(NULL, geteuid(), &account, error);
	if (status == LK_NO_USER ||
	    (status == LK_OK && account.entry.pw_dir[0] != '/'))
		status = lk_fail(error, LK_E_SETTINGS,
		    "no %s, and no home folder for a store of user %u's own",
		    LK_SETTINGS_PATH, (unsigned int)geteuid());
	if (status == LK_OK &&
	    asprintf(path, "%s" OWN_STORE, account.entry.pw_dir) < 0)
		status = lk_fail(error, LK_E_NOMEM, "out of memory");
	lk_account_free(&account);
	return (status);
}

/* Put the store into the home folder. */
static enum lk_status
use_own_store(struct ctl *ctl, struct lk_error *error)
{
	enum lk_status status = LK_FAULT;
	char *path = NULL;

	if ((status = own_store(&path, error)) != LK_OK)
		return (status);
	status = lk_settings_put(ctl->settings, "store.sqlite.path", path);
	free(path);
	return (
	    status == LK_OK ? status : lk_fail(error, status, "out of memory"));
}

/* A path from here; the caller frees it. */
static char *
from_here(const char *path)
{
	char *here = getcwd(NULL, 0), *absolute = NULL;

	if (here == NULL || asprintf(&absolute, "%s/%s", here, path) < 0)
		absolute = NULL;
	free(here);
	return (absolute);
}

enum lk_status
ctl_settings_load(struct ctl *ctl, const char *path, struct lk_error *error)
{
	char *absolute = NULL;
	enum lk_status status = LK_FAULT;

	if (path != NULL && path[0] != '/') {
		if ((absolute = from_here(path)) == NULL)
			return (lk_fail(error, LK_E_SETTINGS,
			    "%s: expected an absolute path", path));
		path = absolute;
	}
	status = lk_settings_in_effect(path, LK_SETTINGS_PATH, &ctl->settings,
	    error);
	free(absolute);
	if (status == LK_OK && ctl->settings->path == NULL && geteuid() != 0)
		status = use_own_store(ctl, error);
	if (status != LK_OK) {
		lk_settings_free(ctl->settings);
		ctl->settings = NULL;
	}
	return (status);
}

void
ctl_settings_prepare(const struct ctl *ctl)
{
	const struct lk_settings *s = ctl->settings;
	const size_t len = strlen(s->store.sqlite.path);
	char folder[PATH_MAX];
	size_t i, home;

	if (s->path != NULL)
		return;
	if (isatty(STDERR_FILENO))
		ctl_say(ctl, "no settings file: sessions are in %s",
		    s->store.sqlite.path);
	if (geteuid() == 0 || len <= strlen(OWN_STORE))
		return;
	home = len - strlen(OWN_STORE);
	for (i = 0; i < sizeof(own_folders) / sizeof(own_folders[0]); i++) {
		(void)snprintf(folder, sizeof(folder), "%.*s%s", (int)home,
		    s->store.sqlite.path, own_folders[i]);
		/* The store says what is missing. */
		(void)mkdir(folder, S_IRWXU);
	}
}
