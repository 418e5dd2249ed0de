#include <string.h>

#include <security/pam_modutil.h>

#include "login.h"

/*
 * Whether ${user} may be let in under this name.  With `set_user` the user id
 * of the session will do, and the host is told the account.  A host that does
 * not listen would open the account of that user id instead: so there must be
 * none.
 */
static bool
is_user(struct pam_visit *visit, const struct pam_names *names,
    const char *user)
{
	if (pam_names_include(names, user, false))
		return (true);
	if (!visit->options.set_user || !pam_names_include(names, user, true))
		return (false);
	if (pam_modutil_getpwnam(visit->handle, user) == NULL)
		return (true);
	LK_LOG(&visit->log, LK_LOG_WARN,
	    "set_user: the session's user id is another account's name",
	    { "user", user }, { "account", names->account });
	return (false);
}

/* Compare the session that was found. */
static void
compare(struct pam_visit *visit, const char *detail, const char *user,
    struct pam_login *login)
{
	const char *client = visit->options.client;
	struct pam_names names;

	pam_names_of(&login->session, detail, pam_visit_user_field(visit),
	    &names);
	memcpy(login->account, names.account, sizeof(login->account));
	login->finding.is_user = user == NULL || is_user(visit, &names, user);
	login->finding.is_client = client == NULL ||
	    strcmp(client, login->session.client) == 0;
}

void
pam_login_by_token(struct pam_visit *visit, const struct lk_token *token,
    const char *user, struct pam_login *login)
{
	struct lk_user info = { .detail = NULL };
	enum lk_status status = LK_FAULT;

	memset(login, 0, sizeof(*login));
	if (pam_visit_user_field(visit)[0] != '\0')
		status = lk_check_user(visit->manager, token, &login->session,
		    &info);
	else
		status = lk_check(visit->manager, token, &login->session);
	if (status == LK_OK)
		compare(visit, info.detail, user, login);
	login->finding.status = status;
	lk_user_clear(&info);
}

/* What is known of a user: cached, or from the user source. */
static enum lk_status
find_info(struct pam_visit *visit, const char *id, struct lk_user *info)
{
	enum lk_status status = lk_user_get(visit->manager, id, info);

	if (status == LK_NO_USER)
		status = lk_user_load(visit->manager, id, 0, info);
	return (status);
}

void
pam_login_by_id(struct pam_visit *visit, const char *id, const char *user,
    struct pam_login *login)
{
	struct lk_user info = { .detail = NULL };
	enum lk_status status = LK_FAULT;

	memset(login, 0, sizeof(*login));
	status = lk_check_id(visit->manager, id, &login->session);
	if (status == LK_OK && user != NULL &&
	    pam_visit_user_field(visit)[0] != '\0')
		status = find_info(visit, login->session.user, &info);
	if (status == LK_OK)
		compare(visit, info.detail, user, login);
	login->finding.status = status;
	lk_user_clear(&info);
}
