/* The verbs that look at the installation: config and doctor. */
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "ctl.h"
#include "doctor.h"

/* The user whose session makes the round trip. */
#define DOCTOR_USER "latchkey-doctor"
/* Room for what is said of one path. */
#define TEXT_MAX (PATH_MAX + 128)

int
ctl_config(struct ctl *ctl, int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return (ctl_usage(ctl, "no argument"));
	lk_settings_print(ctl->settings, &ctl->out);
	return (CTL_DONE);
}

static void
check_settings(struct diagnosis *d)
{
	const char *path = d->ctl->settings->path;

	ctl_found_good(d, "settings",
	    path != NULL ? path : "built-in defaults");
	if (d->ctl->settings->hint[0] != '\0')
		ctl_found_hint(d, "settings", d->ctl->settings->hint);
}

/* What the settings name must be there and be usable. */
static void
check_permissions(struct diagnosis *d)
{
	const struct lk_settings *s = d->ctl->settings;
	struct stat st;

	if (s->path != NULL && stat(s->path, &st) == 0 &&
	    (st.st_mode & S_IROTH) != 0 && lk_settings_hold_secret(s))
		ctl_found_bad(d, CTL_USAGE, "permissions",
		    "everybody can read the settings file, which holds a "
		    "password: chmod o-r, or use a password_file");
	else
		ctl_found_good(d, "permissions",
		    "no secret that everybody can read");
}

/* ---- The store --------------------------------------------------------- */

/* Whether there is a store; where one is yet to be made, none is made. */
static bool
is_there(struct diagnosis *d)
{
	const struct lk_settings *s = d->ctl->settings;
	char text[TEXT_MAX];

	if (s->store.backend != LK_BACKEND_SQLITE ||
	    access(s->store.sqlite.path, F_OK) == 0 || errno != ENOENT)
		return (true);
	(void)snprintf(text, sizeof(text),
	    "%s is not there yet; the first session makes it",
	    s->store.sqlite.path);
	ctl_found_hint(d, "store", text);
	return (false);
}

static void
store_found(void *arg, enum lk_finding what, const char *text)
{
	struct diagnosis *d = arg;

	if (what == LK_FINDING_GOOD)
		ctl_found_good(d, "store", text);
	else if (what == LK_FINDING_DOUBTFUL)
		ctl_found_hint(d, "store", text);
	else
		ctl_found_bad(d, CTL_USAGE, "store", text);
}

static void
check_store(struct diagnosis *d)
{
	struct lk_manager *manager = d->ctl->manager;
	enum lk_status status = lk_ping(manager);
	int64_t start;
	char text[64];
	bool answers;

	if (status == LK_OK) {
		/* The first one has connected. */
		start = lk_monotonic_ns();
		status = lk_ping(manager);
		(void)snprintf(text, sizeof(text), "answers in %.3f ms",
		    (double)(lk_monotonic_ns() - start) / 1e6);
	}
	answers = status == LK_OK;
	if (answers)
		ctl_found_good(d, "store", text);
	else
		ctl_found_bad(d, (int)ctl_exit_of(status), "store",
		    lk_manager_error(manager));
	/* What Sentinels say may still tell why. */
	if (!answers && d->ctl->settings->store.backend != LK_BACKEND_SENTINEL)
		return;
	status = lk_inspect(manager, store_found, d);
	if (status != LK_OK && answers)
		ctl_found_hint(d, "store", lk_manager_error(manager));
}

/* Issue, check, refresh and revoke a session, and find it gone. */
static enum lk_status
round_trip(struct lk_manager *manager, bool *revoked_is_gone)
{
	const struct lk_issue_options options = { .ttl = 60,
		.client = "doctor" };
	const struct lk_revoke_options why = { .reason = "doctor" };
	struct lk_session session;
	struct lk_token token;
	enum lk_status status = LK_FAULT;
	uint64_t revoked, erased;

	*revoked_is_gone = false;
	status = lk_issue(manager, DOCTOR_USER, &options, &token, &session);
	if (status == LK_OK)
		status = lk_check(manager, &token, &session);
	if (status == LK_OK)
		status = lk_refresh(manager, &token, 60, &session);
	if (status == LK_OK)
		status = lk_revoke(manager, &token, &why, &revoked);
	if (status == LK_OK) {
		status = lk_check(manager, &token, &session);
		*revoked_is_gone = status > 0;
		if (status >= 0)
			status = LK_OK;
	}
	lk_token_wipe(&token);
	if (status != LK_OK)
		return (status);
	/* It is nobody's history; LK_E_SETTINGS: none is kept. */
	status = lk_history_erase(manager, DOCTOR_USER, &erased);
	return (status == LK_E_SETTINGS ? LK_OK : status);
}

/* Whether the agent lets this user do less than a round trip takes, as is best
 * for most. */
static bool
is_not_for_us(const struct diagnosis *d, enum lk_status status)
{
	return (d->ctl->settings->store.backend == LK_BACKEND_AGENT &&
	    (status == LK_E_SETTINGS || status == LK_FORBIDDEN));
}

static void
check_round_trip(struct diagnosis *d)
{
	bool gone;
	int64_t start = lk_monotonic_ns();
	enum lk_status status = round_trip(d->ctl->manager, &gone);
	const char *why = lk_manager_error(d->ctl->manager);
	char text[80];

	(void)snprintf(text, sizeof(text),
	    "issue, check, refresh, revoke in %.3f ms",
	    (double)(lk_monotonic_ns() - start) / 1e6);
	if (status == LK_OK && gone)
		ctl_found_good(d, "session", text);
	else if (status == LK_OK)
		ctl_found_bad(d, CTL_STORE, "session",
		    "lives on after its revocation");
	else if (is_not_for_us(d, status))
		ctl_found_hint(d, "session",
		    "agent.callers does not let this user issue, check, "
		    "refresh and revoke one to see");
	else
		ctl_found_bad(d, (int)ctl_exit_of(status), "session",
		    why[0] != '\0' ? why : lk_status_name(status));
}

int
ctl_doctor(struct ctl *ctl, int argc, char **argv)
{
	struct diagnosis d = { .ctl = ctl, .code = CTL_DONE };

	(void)argv;
	if (argc != 1)
		return (ctl_usage(ctl, "no argument"));
	check_settings(&d);
	check_permissions(&d);
	ctl_doctor_users(&d);
	if (!is_there(&d))
		return (d.code);
	check_store(&d);
	if (d.code != CTL_STORE)
		check_round_trip(&d);
	return (d.code);
}
