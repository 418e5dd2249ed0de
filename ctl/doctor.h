/* What `latchkey doctor` has found so far. */
#ifndef CTL_DOCTOR_H_
#define CTL_DOCTOR_H_

#include "ctl.h"

struct diagnosis {
	struct ctl *ctl;
	int code; /* the worst */
};

/** ctl_found_good(d, subject, text): Print that something is as it should. */
void ctl_found_good(struct diagnosis *d, const char *subject, const char *text);

/** ctl_found_hint(d, subject, text): The same of what may be meant so. */
void ctl_found_hint(struct diagnosis *d, const char *subject, const char *text);

/** ctl_found_bad(d, code, subject, text): The same of what is wrong. */
void ctl_found_bad(struct diagnosis *d, int code, const char *subject,
    const char *text);

/**
 * ctl_doctor_users(d):
 * Look at the accounts and groups that the settings name, at the gate's
 * socket, and at each file as the user who has to open it: the gate's, or
 * without one ours.
 */
void ctl_doctor_users(struct diagnosis *d);

#endif /* !CTL_DOCTOR_H_ */
