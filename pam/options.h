/* What a line of pam.d says behind the module's name. */
#ifndef PAM_OPTIONS_H_
#define PAM_OPTIONS_H_

#include "base/error.h"

/* Longest delay after a refusal, in milliseconds. */
#define PAM_FAIL_DELAY_MAX 10000

/** The options; strings are borrowed from the arguments. */
struct pam_options {
	const char *conf;       /* conf=PATH: the settings file */
	const char *prompt;     /* prompt=TEXT, or NULL: the settings' */
	const char *user_field; /* user_field=NAME, or NULL: the settings' */
	const char *client;     /* client=KIND, or NULL: of any kind */
	unsigned int fail_delay_ms; /* fail_delay=MS */
	unsigned int min_uid;       /* min_uid=NUMBER */
	bool use_first_pass;
	bool try_first_pass; /* is how it is without */
	bool set_user;
	bool require_token;
	bool revoke_on_close;
	bool silent;
	bool debug;
};

/**
 * pam_options_parse(argc, argv, options, error):
 * Read the arguments of the module.  LK_E_SETTINGS, and which argument and
 * what was expected in ${error}, if one is unknown, has no fit value, is
 * there twice or contradicts another.
 */
enum lk_status pam_options_parse(int argc, const char *const *argv,
    struct pam_options *options, struct lk_error *error) LK_MUST_CHECK;

#endif /* !PAM_OPTIONS_H_ */
