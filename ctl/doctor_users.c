/* Doctor's look at who may what: the gate, its user, its socket, its files. */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/name_service.h"
#include "base/stream.h"
#include "doctor.h"
#include "jwt/jwt.h"
#include "store/agent/login.h"
#include "user/source.h"

/* Room for what is said of one path. */
#define TEXT_MAX (PATH_MAX + LK_ERROR_MAX)
/* Somebody whom no user file has. */
#define NOBODY "latchkey-doctor"

static bool
is_number(const char *text)
{
	return (text[strspn(text, "0123456789")] == '\0');
}

/* ---- Accounts ---------------------------------------------------------- */

/* Say that ${text} of ${key} cannot be found, and why. */
static void
say_missing(struct diagnosis *d, const char *key, const char *text,
    const char *what, enum lk_status status, const struct lk_error *error)
{
	char why[TEXT_MAX];

	(void)snprintf(why, sizeof(why), "\"%s\": %s", text,
	    status == LK_NO_USER ? what : error->text);
	ctl_found_bad(d, (int)ctl_exit_of(status < 0 ? status : LK_E_SETTINGS),
	    key, why);
}

/* Whether ${text}, which may be a number, names an account; it is then here. */
static bool
find_account(struct diagnosis *d, const char *key, const char *text,
    struct lk_account *account)
{
	enum lk_status status = LK_FAULT;
	struct lk_error error = { "" };

	status = lk_account_find(is_number(text) ? NULL : text,
	    (uid_t)strtoul(text, NULL, 10), account, &error);
	if (status != LK_OK)
		say_missing(d, key, text, "there is no such user", status,
		    &error);
	return (status == LK_OK);
}

static void
check_group(struct diagnosis *d, const char *name)
{
	struct lk_group group = { .data = NULL };
	enum lk_status status = LK_FAULT;
	struct lk_error error = { "" };

	/* A number need not be anybody's. */
	if (is_number(name))
		return;
	status = lk_group_find(name, 0, &group, &error);
	if (status != LK_OK)
		say_missing(d, "gate.socket_group", name,
		    "there is no such group", status, &error);
	lk_group_free(&group);
}

static void
check_peers(struct diagnosis *d, const struct lk_strings *peers)
{
	struct lk_account account = { .data = NULL };
	size_t i;

	for (i = 0; i < peers->n; i++) {
		if (!is_number(peers->v[i]))
			(void)find_account(d, "gate.allow_uids", peers->v[i],
			    &account);
		lk_account_free(&account);
	}
}

/* ---- Trials ------------------------------------------------------------ */

/* Something that somebody must be able to do with ${path}. */
typedef enum lk_status trial_fn(const struct lk_settings *settings,
    const char *path, struct lk_error *error);

static enum lk_status
try_access(const char *path, int mode, struct lk_error *error)
{
	if (access(path, mode) == 0)
		return (LK_OK);
	return (lk_fail(error, LK_E_SETTINGS, "%s: %s", path, strerror(errno)));
}

static enum lk_status
try_writing(const struct lk_settings *settings, const char *path,
    struct lk_error *error)
{
	(void)settings;
	return (try_access(path, R_OK | W_OK, error));
}

static enum lk_status
try_entering(const struct lk_settings *settings, const char *path,
    struct lk_error *error)
{
	(void)settings;
	return (try_access(path, W_OK | X_OK, error));
}

static enum lk_status
try_running(const struct lk_settings *settings, const char *path,
    struct lk_error *error)
{
	(void)settings;
	return (try_access(path, X_OK, error));
}

/* The settings with their password files. */
static enum lk_status
try_loading(const struct lk_settings *settings, const char *path,
    struct lk_error *error)
{
	struct lk_settings *again = NULL;
	enum lk_status status = LK_FAULT;

	(void)settings;
	status = lk_settings_load(path, &again, error);
	lk_settings_free(again);
	return (status);
}

/* The user file, and whether it is one. */
static enum lk_status
try_asking(const struct lk_settings *settings, const char *path,
    struct lk_error *error)
{
	struct lk_buf detail = LK_BUF_INIT(LK_DETAIL_MAX);
	enum lk_status status = LK_FAULT;

	(void)path;
	status = lk_user_source_file(settings, NOBODY, &detail, error);
	lk_buf_free(&detail);
	return (status < 0 ? status : LK_OK);
}

/* The private key, which is opened for each access token that is issued. */
static enum lk_status
try_signing(const struct lk_settings *settings, const char *path,
    struct lk_error *error)
{
	return (lk_jwt_sign_check(settings, path, error));
}

/* The socket of saslauthd, to which passwords are told. */
static enum lk_status
try_connecting(const struct lk_settings *settings, const char *path,
    struct lk_error *error)
{
	const struct lk_deadline deadline = lk_deadline_in(
	    settings->gate.login.timeout_ms);
	struct lk_stream stream = { .ops = NULL };
	struct lk_address address = { .is_unix = true };
	enum lk_status status = LK_FAULT;
	const char *why;
	uid_t peer;

	/* The settings have taken no longer path. */
	memcpy(address.path, path, strlen(path) + 1);
	status = lk_stream_connect(&stream, &address, deadline, &why);
	if (status != LK_OK)
		status = lk_fail(error, status, "%s: connect: %s", path, why);
	else if (!lk_stream_peer(&stream, &peer) || peer != 0)
		status = lk_fail(error, LK_E_SETTINGS,
		    "%s: who listens there is not root", path);
	lk_stream_close(&stream);
	return (status);
}

/* The agent, which is to issue who logs in a session: one for a second. */
static enum lk_status
try_logging_in(const struct lk_settings *settings, const char *path,
    struct lk_error *error)
{
	const struct lk_login login = { .user = NOBODY,
		.client = settings->gate.login.client,
		.url = "/",
		.ttl = 1 };
	struct lk_logged_in got;
	enum lk_status status = LK_FAULT;

	status = lk_agent_log_in(settings, &login, &got, error);
	lk_token_wipe(&got.token);
	if (status == LK_FORBIDDEN)
		lk_error_set(error,
		    "%s: the agent may issue, but refuses " NOBODY
		    " a session of the kind \"%s\": see agent.callers",
		    path, login.client);
	/* Others may have what that user has not. */
	return (status == LK_LIMIT || status == LK_NO_USER ? LK_OK : status);
}

/* ---- Trials as somebody ------------------------------------------------ */

/* Who tries, and for whom. */
struct trier {
	struct diagnosis *d;
	const struct lk_account *account; /* NULL: whoever we are */
};

/* What a trial says, on its way from another process. */
struct outcome {
	enum lk_status status;
	struct lk_error error;
};

static bool
become(const struct lk_account *account, size_t count, const gid_t *groups)
{
	const uid_t uid = account->entry.pw_uid;
	const gid_t gid = account->entry.pw_gid;

	return (setgroups(count, groups) == 0 &&
	    setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0);
}

/* In a process of its own, which root alone can make another user's. */
static struct outcome
try_as(const struct trier *trier, trial_fn *trial, const char *path)
{
	const struct lk_settings *settings = trier->d->ctl->settings;
	struct outcome outcome = { LK_E_STORE, { "no process to try it in" } };
	int pipe_fds[2] = { -1, -1 };
	gid_t *groups = NULL;
	size_t count;
	pid_t pid;

	if (lk_account_groups(trier->account, &groups, &count,
	        &outcome.error) != LK_OK ||
	    pipe(pipe_fds) != 0)
		goto out;
	if ((pid = fork()) == 0) {
		if (!become(trier->account, count, groups))
			lk_error_set(&outcome.error, "cannot become %s: %s",
			    trier->account->entry.pw_name, strerror(errno));
		else
			outcome.status = trial(settings, path, &outcome.error);
		_exit(write(pipe_fds[1], &outcome, sizeof(outcome)) < 0);
	}
	close(pipe_fds[1]);
	pipe_fds[1] = -1;
	if (pid > 0) {
		(void)!read(pipe_fds[0], &outcome, sizeof(outcome));
		while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
			continue;
	}
out:
	free(groups);
	if (pipe_fds[0] >= 0)
		close(pipe_fds[0]);
	if (pipe_fds[1] >= 0)
		close(pipe_fds[1]);
	return (outcome);
}

static void
check(const struct trier *trier, const char *key, trial_fn *trial,
    const char *path)
{
	struct outcome outcome = { LK_FAULT, { "" } };
	char text[TEXT_MAX];

	if (trier->account != NULL && geteuid() == 0)
		outcome = try_as(trier, trial, path);
	else
		outcome.status = trial(trier->d->ctl->settings, path,
		    &outcome.error);
	(void)snprintf(text, sizeof(text), "%s%s%s",
	    outcome.status == LK_OK ? path : outcome.error.text,
	    trier->account == NULL        ? ""
	        : outcome.status == LK_OK ? ": good for the gate's user "
	                                  : ", for the gate's user ",
	    trier->account == NULL ? "" : trier->account->entry.pw_name);
	if (outcome.status == LK_OK)
		ctl_found_good(trier->d, key, text);
	else if (outcome.status > 0)
		ctl_found_hint(trier->d, key, text);
	else
		ctl_found_bad(trier->d, CTL_USAGE, key, text);
}

/* ---- Files ------------------------------------------------------------- */

/* The folder of ${path}. */
static void
folder_of(const char *path, char folder[PATH_MAX])
{
	char *slash;

	(void)snprintf(folder, PATH_MAX, "%s", path);
	if ((slash = strrchr(folder, '/')) != NULL)
		slash[slash == folder ? 1 : 0] = '\0';
}

/* The embedded store, as far as it is there. */
static void
check_store_files(const struct trier *trier, const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm",
		"-reserve" };
	static const char key[] = "store.sqlite.path";
	char name[PATH_MAX];
	size_t i;

	folder_of(path, name);
	if (access(name, F_OK) != 0)
		return;
	check(trier, key, try_entering, name);
	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		if (access(name, F_OK) == 0)
			check(trier, key, try_writing, name);
	}
}

static void
check_source(const struct trier *trier)
{
	const struct lk_settings *s = trier->d->ctl->settings;

	if (s->user.source == LK_SOURCE_FILE)
		check(trier, "user.path", try_asking, s->user.path);
	if (s->user.source == LK_SOURCE_EXEC)
		check(trier, "user.command", try_running, s->user.command.v[0]);
}

static void
check_signing(const struct trier *trier)
{
	const struct lk_settings *s = trier->d->ctl->settings;

	if (s->jwt.issuer[0] != '\0' && s->jwt.sign[0] != '\0')
		check(trier, "jwt.sign", try_signing, s->jwt.sign);
}

/* Who knows passwords, and who issues then. */
static void
check_login(const struct trier *trier)
{
	const struct lk_settings *s = trier->d->ctl->settings;
	const struct lk_login_settings *login = &s->gate.login;

	if (login->check == LK_LOGIN_OFF)
		return;
	if (login->check == LK_LOGIN_SASLAUTHD)
		check(trier, "gate.login.socket", try_connecting,
		    login->socket);
	else
		check(trier, "gate.login.command", try_running,
		    login->command.v[0]);
	check(trier, "gate.login", try_logging_in, s->store.agent.address);
}

/* What the gate asks beside the store. */
static void
check_asked(const struct trier *trier)
{
	check_source(trier);
	check_signing(trier);
	check_login(trier);
}

/* Look as the gate's user, if we are or can be that. */
static void
check_files(struct diagnosis *d)
{
	const struct lk_settings *s = d->ctl->settings;
	struct lk_account account = { .data = NULL };
	struct trier trier = { .d = d };
	char text[TEXT_MAX];

	if (s->gate.user[0] == '\0' ||
	    !find_account(d, "gate.user", s->gate.user, &account)) {
		check_asked(&trier);
	} else if (geteuid() != 0 && geteuid() != account.entry.pw_uid) {
		(void)snprintf(text, sizeof(text),
		    "%s: what that user can open cannot be told; root can, or "
		    "that user",
		    account.entry.pw_name);
		ctl_found_hint(d, "gate.user", text);
		check_source(&trier);
	} else {
		trier.account = &account;
		ctl_found_good(d, "gate.user", account.entry.pw_name);
		if (s->store.backend == LK_BACKEND_SQLITE)
			check_store_files(&trier, s->store.sqlite.path);
		/* It is read again, as that user, at each reload. */
		if (s->path != NULL)
			check(&trier, "settings", try_loading, s->path);
		check_asked(&trier);
	}
	lk_account_free(&account);
}

/* ---- The socket -------------------------------------------------------- */

/* Who may connect to the socket of mode and group ${st}. */
static void
say_who_connects(struct diagnosis *d, const char *path, const struct stat *st)
{
	struct lk_group group = { .data = NULL };
	struct lk_error error;
	char text[TEXT_MAX];
	bool named;

	named = lk_group_find(NULL, st->st_gid, &group, &error) == LK_OK;
	if (!S_ISSOCK(st->st_mode)) {
		(void)snprintf(text, sizeof(text), "%s: is not a socket", path);
		ctl_found_bad(d, CTL_USAGE, "gate.listen", text);
	} else if ((st->st_mode & S_IWOTH) != 0) {
		ctl_found_good(d, "gate.listen", path);
	} else {
		(void)snprintf(text, sizeof(text),
		    "%s: mode %04o, so the web server must %s%s", path,
		    (unsigned int)(st->st_mode & 07777),
		    (st->st_mode & S_IWGRP) == 0 ? "run as the owner of that "
		                                   "file"
		                                 : "be in the group ",
		    (st->st_mode & S_IWGRP) == 0 ? ""
		        : named                  ? group.entry.gr_name
		                                 : "of that file");
		ctl_found_hint(d, "gate.listen", text);
	}
	lk_group_free(&group);
}

/* The socket that web servers are to open, or where it is to be. */
static void
check_socket(struct diagnosis *d, const char *listen)
{
	const char *path = listen + strlen("unix:");
	char text[TEXT_MAX], folder[PATH_MAX];
	struct stat st;

	if (strncmp(listen, "unix:", strlen("unix:")) != 0)
		return;
	folder_of(path, folder);
	if (lstat(path, &st) == 0) {
		say_who_connects(d, path, &st);
		return;
	}
	if (errno != ENOENT)
		(void)snprintf(text, sizeof(text),
		    "%s: whether a gate listens here cannot be told: %s", path,
		    strerror(errno));
	else if (access(folder, F_OK) != 0)
		(void)snprintf(text, sizeof(text),
		    "%s: the gate needs this folder for its socket: %s", folder,
		    strerror(errno));
	else
		(void)snprintf(text, sizeof(text), "%s: no gate listens here",
		    path);
	ctl_found_hint(d, "gate.listen", text);
}

void
ctl_doctor_users(struct diagnosis *d)
{
	const struct lk_settings *s = d->ctl->settings;

	check_peers(d, &s->gate.allow_uids);
	check_group(d, s->gate.socket_group);
	check_socket(d, s->gate.listen);
	check_files(d);
}
