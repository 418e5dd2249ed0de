/*
 * What one call of a host's sets up and takes down again: options, settings,
 * a log, a manager.  Nothing outlives the call: libpam may unload the module
 * before the next one, and the store may be another by then.
 */
#ifndef PAM_VISIT_H_
#define PAM_VISIT_H_

#include <security/pam_modules.h>

#include "base/error.h"
#include "base/log.h"
#include "options.h"

struct pam_visit {
	pam_handle_t *handle;
	bool silent; /* show the user no messages */
	struct pam_options options;
	struct lk_log log;
	struct lk_settings *settings; /* NULL until opened, as the manager */
	struct lk_manager *manager;
};

/**
 * pam_visit_begin(visit, handle, flags, argc, argv):
 * Read the options.  LK_E_SETTINGS, and a line in the log, if they are wrong.
 * The caller calls pam_visit_end() in every case.
 */
enum lk_status pam_visit_begin(struct pam_visit *visit, pam_handle_t *handle,
    int flags, int argc, const char **argv) LK_MUST_CHECK;

/**
 * pam_visit_open(visit):
 * Read the settings and make a manager.  A line in the log if that fails.
 */
enum lk_status pam_visit_open(struct pam_visit *visit) LK_MUST_CHECK;

/** pam_visit_prompt(visit), pam_visit_user_field(visit): of the options, or
 * else of the settings. */
const char *pam_visit_prompt(const struct pam_visit *visit);
const char *pam_visit_user_field(const struct pam_visit *visit);

/** pam_visit_end(visit): Free everything. */
void pam_visit_end(struct pam_visit *visit);

#endif /* !PAM_VISIT_H_ */
