/* A program that is run to its end, and what it printed. */
#ifndef LK_USER_RUN_H_
#define LK_USER_RUN_H_

#include "base/buf.h"
#include "base/deadline.h"
#include "user/child.h"

/**
 * lk_run(argv, input, deadline, max, printed, code, error):
 * Run the program ${argv} in surroundings of its own (child.h), with ${input}
 * unless that is NULL.  LK_OK: it has exited with the status ${code}, and has
 * printed no more than ${max} bytes, which are in ${printed} then.  Else why it
 * has not: LK_E_TIMEOUT if it had no time.  It and its process group are gone
 * when this returns.  The caller frees ${printed} in every case.
 */
enum lk_status lk_run(char *const *argv, const struct lk_child_input *input,
    struct lk_deadline deadline, size_t max, struct lk_buf *printed, int *code,
    struct lk_error *error) LK_MUST_CHECK;

#endif /* !LK_USER_RUN_H_ */
