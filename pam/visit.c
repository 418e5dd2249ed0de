#include <string.h>

#include "log.h"
#include "settings/settings.h"
#include "visit.h"

enum lk_status
pam_visit_begin(struct pam_visit *visit, pam_handle_t *handle, int flags,
    int argc, const char **argv)
{
	struct lk_error error = { "" };
	enum lk_status status = LK_FAULT;

	memset(visit, 0, sizeof(*visit));
	visit->handle = handle;
	visit->log = pam_log(handle, LK_LOG_INFO);
	status = pam_options_parse(argc, argv, &visit->options, &error);
	if (status != LK_OK)
		LK_LOG(&visit->log, LK_LOG_ERROR, "wrong option in pam.d",
		    { "error", error.text });
	visit->silent = visit->options.silent ||
	    ((unsigned int)flags & PAM_SILENT) != 0;
	if (visit->options.debug)
		visit->log.level = LK_LOG_DEBUG;
	return (status);
}

enum lk_status
pam_visit_open(struct pam_visit *visit)
{
	struct lk_surroundings around = { .log = &visit->log };
	struct lk_error error = { "" };
	enum lk_status status = LK_FAULT;

	status = lk_settings_load(visit->options.conf, &visit->settings,
	    &error);
	if (status == LK_OK && !visit->options.debug)
		visit->log.level =
		    (enum lk_log_level)visit->settings->log.level;
	/* A session that was ended must not open an account. */
	if (status == LK_OK && visit->settings->jwt.issuer[0] != '\0' &&
	    visit->settings->jwt.check == LK_JWT_OFFLINE)
		status = lk_settings_refuse(visit->settings, "jwt.check",
		    "jwt.issuer", &error,
		    "expected \"store\" for PAM, got \"offline\"");
	if (status == LK_OK)
		status = lk_manager_new(visit->settings, &around,
		    &visit->manager, &error);
	if (status != LK_OK)
		LK_LOG(&visit->log, LK_LOG_ERROR, "cannot start",
		    { "error", error.text });
	return (status);
}

const char *
pam_visit_prompt(const struct pam_visit *visit)
{
	return (visit->options.prompt != NULL ? visit->options.prompt
	                                      : visit->settings->pam.prompt);
}

const char *
pam_visit_user_field(const struct pam_visit *visit)
{
	return (visit->options.user_field != NULL
	        ? visit->options.user_field
	        : visit->settings->pam.user_field);
}

void
pam_visit_end(struct pam_visit *visit)
{
	lk_manager_free(visit->manager);
	lk_settings_free(visit->settings);
	memset(visit, 0, sizeof(*visit));
}
