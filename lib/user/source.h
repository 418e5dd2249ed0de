/*
 * User sources: where a user's detail comes from when it is not cached.
 * "No such user" is an answer, LK_NO_USER; a source that cannot tell says so
 * with a negative status.
 */
#ifndef LK_USER_SOURCE_H_
#define LK_USER_SOURCE_H_

#include "base/buf.h"
#include "latchkey.h"
#include "settings/settings.h"

/**
 * A source: append the compact JSON object that is the detail of ${id} to
 * ${detail} (capped at LK_DETAIL_MAX by the caller).
 */
typedef enum lk_status lk_user_source(const struct lk_settings *settings,
    const char *id, struct lk_buf *detail, struct lk_error *error);

/** `file`: a JSON object by user id in the trusted file `user.path`. */
lk_user_source lk_user_source_file;

/**
 * `exec`: the program `user.command`, started without a shell and with the
 * id as its last argument, prints the object.  Exit status 0 with an object
 * is the user; 0 with `null`, or 67 (EX_NOUSER of sysexits.h), is "no such
 * user"; anything else, more than LK_DETAIL_MAX bytes, or no end within
 * `user.timeout_ms` is a failure.  The program and its process group are
 * gone when this returns.  An id that begins with `-` is "no such user" and
 * asked of nobody.  See child.h for what the program runs in.
 */
lk_user_source lk_user_source_exec;

/** `passwd`: name, uid, gid, groups and home of the system's account. */
lk_user_source lk_user_source_passwd;

/**
 * lk_user_source_of(settings):
 * The source the settings name, or NULL for "none".
 */
lk_user_source *lk_user_source_of(const struct lk_settings *settings);

#endif /* !LK_USER_SOURCE_H_ */
