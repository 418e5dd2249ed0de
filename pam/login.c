#include <stdio.h>
#include <string.h>

#include "base/name_service.h"
#include "login.h"

/*
 * Whether ${user} may be let in under this name.  With `set_user` the user id
 * of the session will do, and the host is told the account.  A host that does
 * not listen would open the account of that user id instead: so there must be
 * none.
 */
static enum lk_status
match(struct pam_visit *visit, const struct pam_names *names, const char *user,
    bool *is_user)
{
	struct lk_account account = { .data = NULL };
	enum lk_status status = LK_FAULT;
	struct lk_error error = { "" };

	*is_user = pam_names_include(names, user, false);
	if (*is_user || !visit->options.set_user ||
	    !pam_names_include(names, user, true))
		return (LK_OK);
	status = lk_account_find(user, 0, &account, &error);
	lk_account_free(&account);
	*is_user = status == LK_NO_USER;
	if (status == LK_OK)
		LK_LOG(&visit->log, LK_LOG_WARN,
		    "set_user: the session's user id is another account's name",
		    { "user", user }, { "account", names->account });
	else if (status < 0)
		LK_LOG(&visit->log, LK_LOG_ERROR,
		    "set_user: whether the session's user id is an account's "
		    "name cannot be found out",
		    { "user", user }, { "error", error.text });
	return (status < 0 ? status : LK_OK);
}

/* Whether the number of the account ${name} is one that may: `min_uid`. */
static enum lk_status
check_uid(struct pam_visit *visit, const char *name)
{
	const unsigned int least = visit->options.min_uid;
	struct lk_account account = { .data = NULL };
	enum lk_status status = LK_FAULT;
	struct lk_error error = { "" };
	char uid[16] = "none";

	if (least == 0)
		return (LK_OK);
	status = lk_account_find(name, 0, &account, &error);
	if (status == LK_OK) {
		(void)snprintf(uid, sizeof(uid), "%u", account.entry.pw_uid);
		if (account.entry.pw_uid < least)
			status = LK_FORBIDDEN;
	}
	lk_account_free(&account);
	if (status < 0)
		LK_LOG(&visit->log, LK_LOG_ERROR,
		    "min_uid: the account cannot be looked up",
		    { "user", name }, { "error", error.text });
	else if (status != LK_OK) {
		LK_LOG(&visit->log, LK_LOG_WARN,
		    "min_uid: not an account that may", { "user", name },
		    { "uid", uid });
		status = LK_FORBIDDEN;
	}
	return (status);
}

/*
 * Compare the session that was found with ${user}, unless that was done
 * before.
 */
static enum lk_status
compare(struct pam_visit *visit, const char *detail, const char *user,
    bool is_known, struct pam_login *login)
{
	const char *client = visit->options.client;
	struct pam_facts *facts = &login->facts;
	enum lk_status status = LK_OK;
	struct pam_names names;

	facts->is_client = client == NULL ||
	    strcmp(client, login->session.client) == 0;
	facts->is_user = is_known;
	if (!is_known) {
		pam_names_of(&login->session, detail,
		    pam_visit_user_field(visit), &names);
		memcpy(login->account, names.account, sizeof(login->account));
		status = match(visit, &names, user, &facts->is_user);
	}
	if (status == LK_OK && facts->is_user && facts->is_client)
		status = check_uid(visit, is_known ? user : login->account);
	return (status);
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
	login->facts.ended = lk_ended(visit->manager);
	if (status == LK_OK)
		status = compare(visit, info.detail, user, false, login);
	login->facts.status = status;
	lk_user_clear(&info);
}

void
pam_login_by_id(struct pam_visit *visit, const struct pam_memory *memory,
    const char *user, struct pam_login *login)
{
	const bool is_known = memory->user != NULL &&
	    strcmp(memory->user, user) == 0;
	struct lk_user info = { .detail = NULL };
	enum lk_status status = LK_FAULT;

	memset(login, 0, sizeof(*login));
	if (is_known || pam_visit_user_field(visit)[0] == '\0')
		status = lk_check_id(visit->manager, memory->id,
		    &login->session);
	else
		status = lk_check_id_user(visit->manager, memory->id,
		    &login->session, &info);
	if (status == LK_OK)
		status = compare(visit, info.detail, user, is_known, login);
	login->facts.status = status;
	lk_user_clear(&info);
}
