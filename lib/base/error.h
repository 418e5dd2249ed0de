/* The one-line explanation that goes with a negative status. */
#ifndef LK_ERROR_H_
#define LK_ERROR_H_

#include "latchkey.h"

/**
 * lk_error_set(error, format, ...):
 * Write a line to ${error}, which may be NULL; cut at LK_ERROR_MAX.  What
 * could forge a line or confuse a terminal is escaped (escape.h).  Never pass a
 * secret.
 */
void lk_error_set(struct lk_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * lk_fail(error, status, format, ...):
 * lk_error_set(), then evaluate to ${status}.
 */
#define lk_fail(error, status, ...) \
	(lk_error_set((error), __VA_ARGS__), (status))

#endif /* !LK_ERROR_H_ */
