/* The verbs that look at the installation: config and doctor. */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "deadline.h"
#include "name_service.h"

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

/* What was found so far. */
struct diagnosis {
	struct ctl *ctl;
	int code;
};

/* Print one finding, and remember the worst. */
static void
finding(struct diagnosis *d, int code, const char *mark, const char *subject,
    const char *text)
{
	lk_buf_printf(&d->ctl->out, "%-5s %s: %s\n", mark, subject, text);
	if (code > d->code)
		d->code = code;
}

static void
good(struct diagnosis *d, const char *subject, const char *text)
{
	finding(d, CTL_DONE, "ok", subject, text);
}

static void
bad(struct diagnosis *d, int code, const char *subject, const char *text)
{
	finding(d, code, "WRONG", subject, text);
}

static void
check_settings(struct diagnosis *d)
{
	const char *path = d->ctl->settings->path;

	good(d, "settings", path != NULL ? path : "built-in defaults");
	if (d->ctl->settings->hint[0] != '\0')
		finding(d, CTL_DONE, "hint", "settings",
		    d->ctl->settings->hint);
}

/* A file that another program must be able to read or run as well. */
static void
check_access(struct diagnosis *d, const char *key, const char *path, int mode)
{
	char text[LK_ERROR_MAX];

	if (access(path, mode) == 0) {
		good(d, key, path);
		return;
	}
	(void)snprintf(text, sizeof(text), "%s: %s", path, strerror(errno));
	bad(d, CTL_USAGE, key, text);
}

/* Whether a password stands in the settings file itself. */
static bool
holds_password(const struct lk_settings *s)
{
	return ((s->store.redis.password[0] != '\0' &&
	            s->store.redis.password_file[0] == '\0') ||
	    (s->store.sentinel.password[0] != '\0' &&
	        s->store.sentinel.password_file[0] == '\0'));
}

/* What the settings name must be there and be usable. */
static void
check_permissions(struct diagnosis *d)
{
	const struct lk_settings *s = d->ctl->settings;
	struct stat st;

	if (s->path != NULL && stat(s->path, &st) == 0 &&
	    (st.st_mode & S_IROTH) != 0 && holds_password(s))
		bad(d, CTL_USAGE, "permissions",
		    "everybody can read the settings file, which holds a "
		    "password: chmod o-r, or use a password_file");
	else
		good(d, "permissions", "no secret that everybody can read");
	if (s->user.source == LK_SOURCE_FILE)
		check_access(d, "user.path", s->user.path, R_OK);
	if (s->user.source == LK_SOURCE_EXEC)
		check_access(d, "user.command", s->user.command.v[0], X_OK);
}

/* ---- The gate ---------------------------------------------------------- */

/* Whether ${text}, which may be a number, names an account; it is then here. */
static bool
find_account(struct diagnosis *d, const char *key, const char *text,
    struct lk_account *account)
{
	struct lk_error error = { "" };
	enum lk_status status = LK_FAULT;
	char why[TEXT_MAX];
	const bool is_number = text[strspn(text, "0123456789")] == '\0';

	if (is_number)
		status = lk_account_by_uid((uid_t)strtoul(text, NULL, 10),
		    account, &error);
	else
		status = lk_account_by_name(text, account, &error);
	if (status == LK_OK)
		return (true);
	(void)snprintf(why, sizeof(why), "\"%s\": %s", text,
	    status == LK_NO_USER ? "there is no such user" : error.text);
	bad(d, (int)ctl_exit_of(status < 0 ? status : LK_E_SETTINGS), key, why);
	return (false);
}

/* Become ${account}, in a process of its own, and say whether it may. */
static int
try_as(const struct lk_account *account, const char *path, int mode)
{
	struct lk_error error;
	size_t count;
	gid_t *groups;
	int how = 0;
	pid_t pid;

	if (geteuid() != 0)
		return (geteuid() != account->entry.pw_uid ? 0
		        : access(path, mode) == 0          ? 0
		                                           : errno);
	if (lk_account_groups(account, &groups, &count, &error) != LK_OK)
		return (EIO);
	if ((pid = fork()) == 0) {
		if (setgroups(count, groups) != 0 ||
		    setresgid(account->entry.pw_gid, account->entry.pw_gid,
		        account->entry.pw_gid) != 0 ||
		    setresuid(account->entry.pw_uid, account->entry.pw_uid,
		        account->entry.pw_uid) != 0)
			_exit(EPERM);
		_exit(access(path, mode) == 0 ? 0 : errno);
	}
	free(groups);
	while (pid > 0 && waitpid(pid, &how, 0) == -1 && errno == EINTR)
		continue;
	return (pid > 0 && WIFEXITED(how) ? WEXITSTATUS(how) : EIO);
}

/* What the gate's user must be able to open. */
static void
check_as(struct diagnosis *d, const struct lk_account *account, const char *key,
    const char *path, int mode)
{
	char text[TEXT_MAX];
	int failure;

	if (path == NULL || path[0] == '\0')
		return;
	failure = try_as(account, path, mode);
	(void)snprintf(text, sizeof(text), "%s: %s for the gate's user %s",
	    path, failure == 0 ? "good" : strerror(failure),
	    account->entry.pw_name);
	if (failure == 0)
		good(d, key, text);
	else
		bad(d, CTL_USAGE, key, text);
}

/* The folder of ${path}. */
static void
folder_of(const char *path, char folder[PATH_MAX])
{
	char *slash;

	(void)snprintf(folder, PATH_MAX, "%s", path);
	if ((slash = strrchr(folder, '/')) != NULL)
		slash[slash == folder ? 1 : 0] = '\0';
}

/* The socket that web servers are to open, or where it is to be. */
static void
check_socket(struct diagnosis *d, const char *listen)
{
	const char *path = listen + strlen("unix:");
	char text[TEXT_MAX], folder[PATH_MAX];
	struct lk_group group = { .data = NULL };
	struct lk_error error;
	struct stat st;
	bool named;

	if (strncmp(listen, "unix:", strlen("unix:")) != 0)
		return;
	folder_of(path, folder);
	if (stat(folder, &st) != 0) {
		(void)snprintf(text, sizeof(text),
		    "%s: the gate needs this folder for its socket: %s", folder,
		    strerror(errno));
		finding(d, CTL_DONE, "hint", "gate.listen", text);
		return;
	}
	if (lstat(path, &st) != 0) {
		(void)snprintf(text, sizeof(text), "%s: no gate listens here",
		    path);
		finding(d, CTL_DONE, "hint", "gate.listen", text);
		return;
	}
	named = lk_group_by_gid(st.st_gid, &group, &error) == LK_OK;
	(void)snprintf(text, sizeof(text),
	    "%s: mode %04o, so the web server must be in the group %s", path,
	    (unsigned int)(st.st_mode & 07777),
	    named ? group.entry.gr_name : "of that file");
	if ((st.st_mode & S_IWOTH) != 0)
		good(d, "gate.listen", path);
	else
		finding(d, CTL_DONE, "hint", "gate.listen", text);
	lk_group_free(&group);
}

/* Look at everything as the user that the gate becomes. */
static void
check_gate(struct diagnosis *d)
{
	const struct lk_settings *s = d->ctl->settings;
	struct lk_account account = { .data = NULL };
	struct lk_group group = { .data = NULL };
	const char *name = s->gate.socket_group;
	struct lk_error error;
	char folder[PATH_MAX];
	size_t i;

	for (i = 0; i < s->gate.allow_uids.n; i++) {
		const char *peer = s->gate.allow_uids.v[i];

		/* A number need not be anybody's. */
		if (peer[strspn(peer, "0123456789")] != '\0')
			(void)find_account(d, "gate.allow_uids", peer,
			    &account);
		lk_account_free(&account);
	}
	if (name[strspn(name, "0123456789")] != '\0' &&
	    lk_group_by_name(name, &group, &error) != LK_OK)
		bad(d, CTL_USAGE, "gate.socket_group",
		    "there is no such group");
	lk_group_free(&group);
	check_socket(d, s->gate.listen);
	if (s->gate.user[0] == '\0' ||
	    !find_account(d, "gate.user", s->gate.user, &account))
		return;
	good(d, "gate.user", account.entry.pw_name);
	if (s->store.backend == LK_BACKEND_SQLITE) {
		folder_of(s->store.sqlite.path, folder);
		if (access(folder, F_OK) == 0)
			check_as(d, &account, "store.sqlite.path", folder,
			    W_OK | X_OK);
		if (access(s->store.sqlite.path, F_OK) == 0)
			check_as(d, &account, "store.sqlite.path",
			    s->store.sqlite.path, R_OK | W_OK);
	}
	/* These are read again, as that user, at each reload. */
	check_as(d, &account, "settings", s->path, R_OK);
	check_as(d, &account, "store.redis.password_file",
	    s->store.redis.password_file, R_OK);
	check_as(d, &account, "store.sentinel.password_file",
	    s->store.sentinel.password_file, R_OK);
	lk_account_free(&account);
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
	finding(d, CTL_DONE, "hint", "store", text);
	return (false);
}

static void
store_finding(void *arg, enum lk_finding found, const char *text)
{
	struct diagnosis *d = arg;

	if (found == LK_FINDING_GOOD)
		good(d, "store", text);
	else if (found == LK_FINDING_DOUBTFUL)
		finding(d, CTL_DONE, "hint", "store", text);
	else
		bad(d, CTL_USAGE, "store", text);
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
		good(d, "store", text);
	else
		bad(d, (int)ctl_exit_of(status), "store",
		    lk_manager_error(manager));
	/* What Sentinels say may still tell why. */
	if (!answers && d->ctl->settings->store.backend != LK_BACKEND_SENTINEL)
		return;
	status = lk_inspect(manager, store_finding, d);
	if (status != LK_OK && answers)
		finding(d, CTL_DONE, "hint", "store",
		    lk_manager_error(manager));
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
	uint64_t revoked;

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
	return (status);
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
		good(d, "session", text);
	else if (status == LK_OK)
		bad(d, CTL_STORE, "session", "lives on after its revocation");
	else
		bad(d, (int)ctl_exit_of(status), "session",
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
	check_gate(&d);
	if (!is_there(&d))
		return (d.code);
	check_store(&d);
	if (d.code != CTL_STORE)
		check_round_trip(&d);
	return (d.code);
}
