#include <security/pam_modules.h>

#include "support/test.h"
#include "decide.h"

static const enum lk_status refusals[] = { LK_MALFORMED, LK_UNKNOWN,
	LK_EXPIRED, LK_NO_USER, LK_FORBIDDEN, LK_LIMIT };
static const enum lk_status failures[] = { LK_FAULT, LK_E_NOMEM, LK_E_INVAL,
	LK_E_STORE, LK_E_TIMEOUT, LK_E_CORRUPT };

static int
code_of(enum lk_status status, bool is_user, bool is_client)
{
	const struct pam_facts facts = { status, is_user, is_client,
		LK_REASON_NONE };

	return (pam_verdict_code(pam_decide(&facts)));
}

static int
account_code(enum lk_status status, bool is_user, bool is_client)
{
	const struct pam_facts facts = { status, is_user, is_client,
		LK_REASON_NONE };

	return (pam_verdict_code(pam_decide_account(&facts, true, false)));
}

static void
test_pam_decide_live_session_of_the_user_is_success(void **state)
{
	assert_int_equal(code_of(LK_OK, true, true), PAM_SUCCESS);
	assert_int_equal(account_code(LK_OK, true, true), PAM_SUCCESS);
}

static void
test_pam_decide_zeros_are_denied(void **state)
{
	static const struct pam_facts zero;
	enum pam_verdict verdict = 0;

	assert_int_equal(pam_verdict_code(pam_decide(&zero)), PAM_AUTH_ERR);
	assert_int_equal(pam_verdict_code(verdict), PAM_AUTH_ERR);
	assert_int_not_equal(
	    pam_verdict_code(pam_decide_account(&zero, true, false)),
	    PAM_SUCCESS);
}

static void
test_pam_decide_refusals_are_all_alike(void **state)
{
	int both;

	EACH(c, refusals) {
		for (both = 0; both < 4; both++)
			assert_int_equal(code_of(*c, both & 1,
			    both & 2), PAM_AUTH_ERR);
	}
	assert_int_equal(code_of(LK_OK, false, true), PAM_AUTH_ERR);
	assert_int_equal(code_of(LK_OK, true, false), PAM_AUTH_ERR);
}

static void
test_pam_decide_failures_are_unavailable_or_broken(void **state)
{
	int both;

	EACH(c, failures) {
		for (both = 0; both < 4; both++) {
			assert_int_equal(code_of(*c, both & 1,
			    both & 2), PAM_AUTHINFO_UNAVAIL);
			assert_int_equal(account_code(*c, both & 1,
			    both & 2), PAM_AUTHINFO_UNAVAIL);
		}
	}
	assert_int_equal(code_of(LK_E_SETTINGS, true, true), PAM_SERVICE_ERR);
	assert_int_equal(
	    account_code(LK_E_SETTINGS, true, true), PAM_SERVICE_ERR);
}

static void
test_pam_decide_account_ended_since_is_expired(void **state)
{
	EACH(c, refusals)
		assert_int_equal(account_code(*c, true, true),
		    *c == LK_FORBIDDEN ? PAM_PERM_DENIED
		                                : PAM_ACCT_EXPIRED);
	assert_int_equal(account_code(LK_OK, false, true), PAM_PERM_DENIED);
	assert_int_equal(account_code(LK_OK, true, false), PAM_PERM_DENIED);
}

static void
test_pam_decide_account_without_token_is_ignored_or_denied(void **state)
{
	/* Whatever else may have been found. */
	const struct pam_facts facts = { LK_OK, true, true,
		LK_REASON_NONE };

	assert_int_equal(
	    pam_verdict_code(pam_decide_account(&facts, false, false)),
	    PAM_IGNORE);
	assert_int_equal(
	    pam_verdict_code(pam_decide_account(&facts, false, true)),
	    PAM_PERM_DENIED);
}

/* CVE-2025-23013: a module that ignores its own errors opens a stack. */
static void
test_pam_decide_never_ignores_or_allows_an_error(void **state)
{
	int status, both, code;

	for (status = -64; status <= 64; status++) {
		for (both = 0; both < 4; both++) {
			if (status == LK_OK && both == 3)
				continue;
			code = code_of((enum lk_status)status, both & 1,
			    both & 2);
			assert_int_not_equal(code, PAM_SUCCESS);
			assert_int_not_equal(code, PAM_IGNORE);
			code = account_code((enum lk_status)status, both & 1,
			    both & 2);
			assert_int_not_equal(code, PAM_SUCCESS);
			assert_int_not_equal(code, PAM_IGNORE);
		}
	}
	for (status = -64; status <= 64; status++) {
		code = pam_verdict_code((enum pam_verdict)status);
		assert_true((code == PAM_SUCCESS) ==
		    (status == PAM_VERDICT_ALLOW));
		assert_true((code == PAM_IGNORE) ==
		    (status == PAM_VERDICT_NO_TOKEN));
	}
}

#include "support/suite.h"
