/*
 * The entry points, which are all that the module exports.
 *
 * We are a guest in a process of somebody else's, often root's: no signals,
 * no threads, no environment, no descriptor or memory that stays, one deadline
 * for the store (lib/base/deadline.h).  Between two calls nothing is kept but a
 * session's public id (memory.h).
 */
#include <stdio.h>
#include <string.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "converse.h"
#include "login.h"
#include "memory.h"

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int pam_sm_authenticate(pam_handle_t *handle, int flags, int argc,
    const char **argv);
EXPORTED int pam_sm_setcred(pam_handle_t *handle, int flags, int argc,
    const char **argv);
EXPORTED int pam_sm_acct_mgmt(pam_handle_t *handle, int flags, int argc,
    const char **argv);
EXPORTED int pam_sm_open_session(pam_handle_t *handle, int flags, int argc,
    const char **argv);
EXPORTED int pam_sm_close_session(pam_handle_t *handle, int flags, int argc,
    const char **argv);

/* A text item of libpam's, or NULL. */
static const char *
item(pam_handle_t *handle, int type)
{
	const void *text = NULL;

	return (pam_get_item(handle, type, &text) == PAM_SUCCESS ? text : NULL);
}

/* How urgent it is that a login was let in or refused. */
static enum lk_log_level
level_of(const struct pam_facts *facts, enum pam_verdict verdict)
{
	if (verdict == PAM_VERDICT_ALLOW)
		return (LK_LOG_INFO);
	if (facts->status < 0)
		return (LK_LOG_ERROR);
	/* What is no token may well be the password of the next module. */
	if (facts->status == LK_MALFORMED)
		return (LK_LOG_DEBUG);
	return (LK_LOG_WARN);
}

static void
log_login(struct pam_visit *visit, const char *message, const char *user,
    const struct pam_login *login, enum pam_verdict verdict)
{
	const struct pam_facts *facts = &login->facts;
	const char *session = login->session.id;

	LK_LOG(&visit->log, level_of(facts, verdict), message, { "user", user },
	    { "session", session[0] != '\0' ? session : NULL },
	    { "reason", pam_facts_reason(facts) },
	    { "ended",
	        facts->ended != LK_REASON_NONE ? lk_reason_name(facts->ended)
	                                       : NULL },
	    { "error",
	        facts->status < 0 && visit->manager != NULL
	            ? lk_manager_error(visit->manager)
	            : NULL },
	    { "rhost", item(visit->handle, PAM_RHOST) },
	    { "tty", item(visit->handle, PAM_TTY) });
}

/* ---- Authentication ---------------------------------------------------- */

/* Let in who holds the session: remember it, and tell the host who it is. */
static int
let_in(struct pam_visit *visit, const struct pam_login *login)
{
	int code = pam_memory_set(visit->handle, login->session.id,
	    login->account);

	if (code == PAM_SUCCESS && visit->options.set_user)
		code = pam_set_item(visit->handle, PAM_USER, login->account);
	if (code != PAM_SUCCESS)
		pam_memory_clear(visit->handle);
	return (code == PAM_SUCCESS ? PAM_SUCCESS : PAM_BUF_ERR);
}

/* Judge a token; PAM_SUCCESS if it opens ${user}'s account. */
static int
judge(struct pam_visit *visit, const struct lk_token *token,
    enum lk_status shape, const char *user)
{
	struct pam_login login = { .facts = { .status = shape } };
	enum pam_verdict verdict = PAM_VERDICT_DENY;
	enum lk_status status = LK_FAULT;

	if (shape == LK_OK)
		pam_login_by_token(visit, token, user, &login);
	/*
	 * What is no token may be a password, for a stack that takes those
	 * while the store is away: so it has to be asked in any case, which
	 * makes all refusals take as long, too.
	 */
	if (login.facts.status == LK_MALFORMED &&
	    (status = lk_ping(visit->manager)) < 0)
		login.facts.status = status;
	verdict = pam_decide(&login.facts);
	log_login(visit, verdict == PAM_VERDICT_ALLOW ? "let in" : "refused",
	    user, &login, verdict);
	if (verdict == PAM_VERDICT_UNAVAILABLE && !visit->silent)
		pam_converse_say(visit->handle,
		    "Sessions cannot be checked now; try again later.");
	if (verdict == PAM_VERDICT_ALLOW)
		return (let_in(visit, &login));
	return (pam_verdict_code(verdict));
}

static int
authenticate(struct pam_visit *visit)
{
	const struct pam_options *options = &visit->options;
	struct lk_token token = { .len = 0 };
	enum lk_status shape = LK_FAULT;
	const char *user = NULL;
	int code;

	if (pam_visit_open(visit) != LK_OK)
		return (pam_verdict_code(PAM_VERDICT_BROKEN));
	if (options->fail_delay_ms > 0)
		(void)pam_fail_delay(visit->handle,
		    options->fail_delay_ms * 1000);
	code = pam_converse_user(visit->handle, &user);
	if (code == PAM_SUCCESS)
		code = pam_converse_token(visit->handle,
		    pam_visit_prompt(visit), !options->use_first_pass, &token,
		    &shape);
	if (code == PAM_SUCCESS)
		code = judge(visit, &token, shape, user);
	lk_token_wipe(&token);
	return (code);
}

int
pam_sm_authenticate(pam_handle_t *handle, int flags, int argc,
    const char **argv)
{
	struct pam_visit visit;
	int code = pam_verdict_code(PAM_VERDICT_BROKEN);

	/* Who was let in before is not who is let in now. */
	pam_memory_clear(handle);
	if (pam_visit_begin(&visit, handle, flags, argc, argv) == LK_OK)
		code = authenticate(&visit);
	pam_visit_end(&visit);
	return (code);
}

/*
 * Always PAM_SUCCESS: there are no credentials, and this may run in another
 * process than the rest, where any other answer breaks a login that is right.
 */
int
pam_sm_setcred(pam_handle_t *handle, int flags, int argc, const char **argv)
{
	(void)handle;
	(void)flags;
	(void)argc;
	(void)argv;
	return (PAM_SUCCESS);
}

/* ---- The account ------------------------------------------------------- */

static int
account(struct pam_visit *visit)
{
	struct pam_login login = { .facts = { .status = LK_FAULT } };
	const struct pam_memory memory = pam_memory_get(visit->handle);
	enum pam_verdict verdict = PAM_VERDICT_DENY;
	const char *user = NULL;

	if (memory.id != NULL) {
		if (pam_visit_open(visit) != LK_OK)
			return (pam_verdict_code(PAM_VERDICT_BROKEN));
		if (pam_converse_user(visit->handle, &user) != PAM_SUCCESS)
			return (pam_verdict_code(PAM_VERDICT_NOT_HIS));
		pam_login_by_id(visit, &memory, user, &login);
	} else
		user = item(visit->handle, PAM_USER);
	verdict = pam_decide_account(&login.facts, memory.id != NULL,
	    visit->options.require_token);
	if (memory.id != NULL && verdict != PAM_VERDICT_ALLOW)
		log_login(visit, "account refused", user, &login, verdict);
	else if (verdict == PAM_VERDICT_NOT_HIS)
		LK_LOG(&visit->log, LK_LOG_WARN,
		    "account refused: no session, and require_token is set",
		    { "user", user });
	else if (verdict == PAM_VERDICT_NO_TOKEN)
		LK_LOG(&visit->log, LK_LOG_INFO,
		    "account left to others: no session was logged in with",
		    { "user", user });
	return (pam_verdict_code(verdict));
}

int
pam_sm_acct_mgmt(pam_handle_t *handle, int flags, int argc, const char **argv)
{
	struct pam_visit visit;
	int code = pam_verdict_code(PAM_VERDICT_BROKEN);

	if (pam_visit_begin(&visit, handle, flags, argc, argv) == LK_OK)
		code = account(&visit);
	pam_visit_end(&visit);
	return (code);
}

/* ---- The session ------------------------------------------------------- */

/*
 * The session that the login began with, if it is proven to be the user's; an
 * id that only the environment has is, if the store says so, and is proven
 * from then on.  LK_OK without an id if there is none.
 */
static enum lk_status
recall(struct pam_visit *visit, struct pam_memory *memory)
{
	struct pam_login login = { .facts = { .status = LK_FAULT } };
	enum pam_verdict verdict = PAM_VERDICT_BROKEN;
	const char *user = item(visit->handle, PAM_USER);
	enum lk_status status = LK_FAULT;

	*memory = pam_memory_get(visit->handle);
	if (memory->id == NULL || memory->user != NULL)
		return (LK_OK);
	if (user != NULL && (status = pam_visit_open(visit)) == LK_OK) {
		pam_login_by_id(visit, memory, user, &login);
		verdict = pam_decide(&login.facts);
		status = login.facts.status;
	}
	if (verdict == PAM_VERDICT_ALLOW &&
	    pam_memory_set(visit->handle, login.session.id, user) ==
	        PAM_SUCCESS) {
		*memory = pam_memory_get(visit->handle);
		return (LK_OK);
	}
	/* Whose it is is not said, which may be what somebody is after. */
	LK_LOG(&visit->log, LK_LOG_WARN,
	    PAM_MEMORY_VARIABLE " is not known to be this user's session",
	    { "user", user }, { "reason", pam_facts_reason(&login.facts) },
	    { "error",
	        login.facts.status < 0 && visit->manager != NULL
	            ? lk_manager_error(visit->manager)
	            : NULL });
	*memory = (struct pam_memory){ NULL, NULL };
	return (status != LK_OK ? status : LK_FORBIDDEN);
}

/* Say in the log that a login began or ended, if it was with a session. */
static void
log_session(struct pam_visit *visit, const char *message,
    const struct pam_memory *memory)
{
	const char *user = item(visit->handle, PAM_USER);
	const bool is_other = user == NULL || strcmp(user, memory->user) != 0;

	LK_LOG(&visit->log, LK_LOG_INFO, message, { "user", user },
	    { "by", is_other ? memory->user : NULL }, { "session", memory->id },
	    { "rhost", item(visit->handle, PAM_RHOST) },
	    { "tty", item(visit->handle, PAM_TTY) });
}

int
pam_sm_open_session(pam_handle_t *handle, int flags, int argc,
    const char **argv)
{
	struct pam_visit visit;
	int code = pam_verdict_code(PAM_VERDICT_BROKEN);
	struct pam_memory memory;

	if (pam_visit_begin(&visit, handle, flags, argc, argv) == LK_OK) {
		code = PAM_SUCCESS;
		if (recall(&visit, &memory) == LK_OK && memory.id != NULL)
			log_session(&visit, "login begins", &memory);
	}
	pam_visit_end(&visit);
	return (code);
}

/* End the session as well; a failure is said, not swallowed. */
static int
revoke(struct pam_visit *visit, const char *id)
{
	const char *service = item(visit->handle, PAM_SERVICE);
	char actor[LK_ACTOR_MAX + 1];
	const struct lk_revoke_options why = { .reason = "logout",
		.peer = item(visit->handle, PAM_RHOST),
		.actor = actor };
	enum lk_status status = LK_FAULT;
	uint64_t revoked;

	(void)snprintf(actor, sizeof(actor), "pam:%s",
	    service != NULL ? service : "");

	if (visit->manager == NULL && pam_visit_open(visit) != LK_OK)
		return (pam_verdict_code(PAM_VERDICT_BROKEN));
	status = lk_revoke_id(visit->manager, id, &why, &revoked);
	if (status == LK_OK)
		return (PAM_SUCCESS);
	LK_LOG(&visit->log, LK_LOG_ERROR,
	    status == LK_E_NOT_DURABLE ? "session revoked, not yet durable"
	                               : "session not revoked",
	    { "session", id }, { "reason", lk_status_name(status) },
	    { "error", lk_manager_error(visit->manager) });
	return (PAM_SESSION_ERR);
}

int
pam_sm_close_session(pam_handle_t *handle, int flags, int argc,
    const char **argv)
{
	struct pam_visit visit;
	int code = pam_verdict_code(PAM_VERDICT_BROKEN);
	enum lk_status status = LK_FAULT;
	struct pam_memory memory;

	if (pam_visit_begin(&visit, handle, flags, argc, argv) == LK_OK) {
		code = PAM_SUCCESS;
		status = recall(&visit, &memory);
		if (memory.id != NULL)
			log_session(&visit, "login ends", &memory);
		if (visit.options.revoke_on_close && status != LK_OK)
			code = PAM_SESSION_ERR;
		else if (visit.options.revoke_on_close && memory.id != NULL)
			code = revoke(&visit, memory.id);
	}
	pam_visit_end(&visit);
	return (code);
}
