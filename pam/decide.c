#include <security/pam_modules.h>

#include "decide.h"

/* Negative statuses: we could not find out. */
static enum pam_verdict
failure(enum lk_status status)
{
	return (status == LK_E_SETTINGS ? PAM_VERDICT_BROKEN
	                                : PAM_VERDICT_UNAVAILABLE);
}

enum pam_verdict
pam_decide(const struct pam_facts *facts)
{
	if (facts->status < 0)
		return (failure(facts->status));
	if (facts->status != LK_OK || !facts->is_user || !facts->is_client)
		return (PAM_VERDICT_DENY);
	return (PAM_VERDICT_ALLOW);
}

enum pam_verdict
pam_decide_account(const struct pam_facts *facts, bool has_session,
    bool require_token)
{
	if (!has_session)
		return (
		    require_token ? PAM_VERDICT_NOT_HIS : PAM_VERDICT_NO_TOKEN);
	if (facts->status < 0)
		return (failure(facts->status));
	if (facts->status == LK_FORBIDDEN)
		return (PAM_VERDICT_NOT_HIS);
	if (facts->status != LK_OK)
		return (PAM_VERDICT_ENDED);
	return (facts->is_user && facts->is_client ? PAM_VERDICT_ALLOW
	                                           : PAM_VERDICT_NOT_HIS);
}

int
pam_verdict_code(enum pam_verdict verdict)
{
	switch (verdict) {
	case PAM_VERDICT_ALLOW:
		return (PAM_SUCCESS);
	case PAM_VERDICT_UNAVAILABLE:
		return (PAM_AUTHINFO_UNAVAIL);
	case PAM_VERDICT_BROKEN:
		return (PAM_SERVICE_ERR);
	case PAM_VERDICT_ENDED:
		return (PAM_ACCT_EXPIRED);
	case PAM_VERDICT_NOT_HIS:
		return (PAM_PERM_DENIED);
	case PAM_VERDICT_NO_TOKEN:
		return (PAM_IGNORE);
	case PAM_VERDICT_DENY:
		break;
	}
	return (PAM_AUTH_ERR);
}

const char *
pam_facts_reason(const struct pam_facts *facts)
{
	if (facts->status != LK_OK)
		return (lk_status_name(facts->status));
	if (!facts->is_user)
		return ("another user's");
	if (!facts->is_client)
		return ("of another client kind");
	return ("valid");
}
