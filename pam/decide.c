#include <security/pam_modules.h>

#include "decide.h"

/* Negative statuses: we could not find out. */
static enum pam_answer
failure(enum lk_status status)
{
	return (status == LK_E_SETTINGS ? PAM_ANSWER_BROKEN
	                                : PAM_ANSWER_UNAVAILABLE);
}

enum pam_answer
pam_decide(const struct pam_finding *finding)
{
	if (finding->status < 0)
		return (failure(finding->status));
	if (finding->status != LK_OK || !finding->is_user ||
	    !finding->is_client)
		return (PAM_ANSWER_DENY);
	return (PAM_ANSWER_ALLOW);
}

enum pam_answer
pam_decide_account(const struct pam_finding *finding, bool has_session,
    bool require_token)
{
	if (!has_session)
		return (
		    require_token ? PAM_ANSWER_NOT_HIS : PAM_ANSWER_NO_TOKEN);
	if (finding->status < 0)
		return (failure(finding->status));
	if (finding->status == LK_FORBIDDEN)
		return (PAM_ANSWER_NOT_HIS);
	if (finding->status != LK_OK)
		return (PAM_ANSWER_ENDED);
	return (finding->is_user && finding->is_client ? PAM_ANSWER_ALLOW
	                                               : PAM_ANSWER_NOT_HIS);
}

int
pam_answer_code(enum pam_answer answer)
{
	switch (answer) {
	case PAM_ANSWER_ALLOW:
		return (PAM_SUCCESS);
	case PAM_ANSWER_UNAVAILABLE:
		return (PAM_AUTHINFO_UNAVAIL);
	case PAM_ANSWER_BROKEN:
		return (PAM_SERVICE_ERR);
	case PAM_ANSWER_ENDED:
		return (PAM_ACCT_EXPIRED);
	case PAM_ANSWER_NOT_HIS:
		return (PAM_PERM_DENIED);
	case PAM_ANSWER_NO_TOKEN:
		return (PAM_IGNORE);
	case PAM_ANSWER_DENY:
		break;
	}
	return (PAM_AUTH_ERR);
}

const char *
pam_finding_reason(const struct pam_finding *finding)
{
	if (finding->status != LK_OK)
		return (lk_status_name(finding->status));
	if (!finding->is_user)
		return ("another user's");
	if (!finding->is_client)
		return ("of another client kind");
	return ("valid");
}
