/*
 * What the module answers, as pure functions of what was found out.  Whatever
 * is missing denies: facts and a verdict of zeros let nobody in.
 */
#ifndef PAM_DECIDE_H_
#define PAM_DECIDE_H_

#include "latchkey.h"

enum pam_verdict {
	PAM_VERDICT_DENY = 0,    /* PAM_AUTH_ERR */
	PAM_VERDICT_ALLOW,       /* PAM_SUCCESS */
	PAM_VERDICT_UNAVAILABLE, /* PAM_AUTHINFO_UNAVAIL */
	PAM_VERDICT_BROKEN,      /* PAM_SERVICE_ERR */
	PAM_VERDICT_ENDED,       /* PAM_ACCT_EXPIRED */
	PAM_VERDICT_NOT_HIS,     /* PAM_PERM_DENIED */
	PAM_VERDICT_NO_TOKEN     /* PAM_IGNORE: no token was ever asked for */
};

/** What is known when a step has to answer. */
struct pam_facts {
	enum lk_status status; /* of the look-up, or of what came before it */
	bool is_user;          /* the session's user is who wants to log in */
	bool is_client;        /* the session is of a kind that may */
	enum lk_reason ended;  /* and why the session did, for the log */
};

/** pam_decide(facts): authenticate's verdict; one of the first four. */
enum pam_verdict pam_decide(const struct pam_facts *facts);

/**
 * pam_decide_account(facts, has_session, require_token):
 * The account step's verdict.  Without ${has_session}, because somebody logs
 * in by a key or by another module, there is nothing to say, unless
 * ${require_token}.
 */
enum pam_verdict pam_decide_account(const struct pam_facts *facts,
    bool has_session, bool require_token);

/**
 * pam_verdict_code(verdict):
 * Linux-PAM's code for it.  It is PAM_SUCCESS for PAM_VERDICT_ALLOW alone, and
 * PAM_IGNORE, which opens a stack if it stands for an error
 * (CVE-2025-23013), for PAM_VERDICT_NO_TOKEN alone.
 */
int pam_verdict_code(enum pam_verdict verdict);

/** pam_facts_reason(facts): why, for the log: "expired", ... */
const char *pam_facts_reason(const struct pam_facts *facts);

#endif /* !PAM_DECIDE_H_ */
