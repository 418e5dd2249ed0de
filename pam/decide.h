/*
 * What the module answers, as pure functions of what was found out.  Whatever
 * is missing denies: a finding and an answer of zeros let nobody in.
 */
#ifndef PAM_DECIDE_H_
#define PAM_DECIDE_H_

#include "latchkey.h"

enum pam_answer {
	PAM_ANSWER_DENY = 0,    /* PAM_AUTH_ERR */
	PAM_ANSWER_ALLOW,       /* PAM_SUCCESS */
	PAM_ANSWER_UNAVAILABLE, /* PAM_AUTHINFO_UNAVAIL */
	PAM_ANSWER_BROKEN,      /* PAM_SERVICE_ERR */
	PAM_ANSWER_ENDED,       /* PAM_ACCT_EXPIRED */
	PAM_ANSWER_NOT_HIS,     /* PAM_PERM_DENIED */
	PAM_ANSWER_NO_TOKEN     /* PAM_IGNORE: no token was ever asked for */
};

/** What is known when a step has to answer. */
struct pam_finding {
	enum lk_status status; /* of the look-up, or of what came before it */
	bool is_user;          /* the session's user is who wants to log in */
	bool is_client;        /* the session is of a kind that may */
};

/** pam_decide(finding): authenticate's answer; one of the first four. */
enum pam_answer pam_decide(const struct pam_finding *finding);

/**
 * pam_decide_account(finding, has_session, require_token):
 * The account step's answer.  Without ${has_session}, because somebody logs
 * in by a key or by another module, there is nothing to say, unless
 * ${require_token}.
 */
enum pam_answer pam_decide_account(const struct pam_finding *finding,
    bool has_session, bool require_token);

/**
 * pam_answer_code(answer):
 * Linux-PAM's code for it.  It is PAM_SUCCESS for PAM_ANSWER_ALLOW alone, and
 * PAM_IGNORE, which opens a stack if it stands for an error
 * (CVE-2025-23013), for PAM_ANSWER_NO_TOKEN alone.
 */
int pam_answer_code(enum pam_answer answer);

/** pam_finding_reason(finding): why, for the log: "expired", ... */
const char *pam_finding_reason(const struct pam_finding *finding);

#endif /* !PAM_DECIDE_H_ */
