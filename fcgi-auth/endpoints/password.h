/*
 * Whether a password is somebody's.  Who knows that is another: saslauthd, with
 * PAM and whatever else behind it, or a program of the site's.  Here a password
 * is neither kept nor logged.
 */
#ifndef GATE_PASSWORD_H_
#define GATE_PASSWORD_H_

#include "latchkey.h"
#include "settings/settings.h"

/* Longest name and longest password that are asked about: saslauthd takes no
 * more. */
#define GATE_NAME_MAX 255
#define GATE_PASSWORD_MAX 255

/**
 * gate_password_name(login, typed, name):
 * Write the name that is asked about for who ${typed} it, by what ${login} says
 * of names.  False if nobody has it, by that alone.
 */
bool gate_password_name(const struct lk_login_settings *login,
    const char *typed, char name[GATE_NAME_MAX + 1]);

/**
 * gate_password_may_be(settings, password):
 * Whether ${password} can be anybody's: an empty one is none to who asks a
 * directory with it, which then answers yes; and what has a token's shape is a
 * session, which must not become another one.
 */
bool gate_password_may_be(const struct lk_settings *settings,
    const char *password);

/**
 * gate_password_check(login, name, password, user, error):
 * LK_OK if it is the password of ${user}, the one id of who is called ${name};
 * LK_NO_USER if not.  Negative if nobody could say, and ${error} why.  It takes
 * no longer than `gate.login.timeout_ms`.
 */
enum lk_status gate_password_check(const struct lk_login_settings *login,
    const char *name, const char *password, char user[LK_USER_ID_MAX + 1],
    struct lk_error *error) LK_MUST_CHECK;

#endif /* !GATE_PASSWORD_H_ */
