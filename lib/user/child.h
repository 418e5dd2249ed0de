/*
 * A program that runs in surroundings of its own, and what becomes of it.
 *
 * Between us and the program stands a keeper, a process that never executes
 * anything.  It is none of the children that a wait(2) for any of them finds,
 * and nobody's SIGCHLD, so a host that reaps everything or ignores SIGCHLD
 * takes nothing from us and sees nothing of it.  It kills the program and the
 * program's session, as a process group, as soon as the program ends, we say
 * so, or we are gone.  What leaves that group (setsid) is out of reach.
 */
#ifndef LK_USER_CHILD_H_
#define LK_USER_CHILD_H_

#include <sys/types.h>

#include "latchkey.h"

struct lk_child {
	pid_t keeper; /* 0 if there is none */
	int output;   /* the program's standard output, non-blocking; -1 */
	int line;     /* to the keeper, readable once it is over; -1 */
};

#define LK_CHILD_NONE ((struct lk_child){ .output = -1, .line = -1 })

/* Most that a program is given: what a pipe takes at once. */
#define LK_CHILD_INPUT_MAX 4096

/** What a program finds on its standard input. */
struct lk_child_input {
	const void *bytes;
	size_t len;
};

/** How it ended. */
enum lk_child_end {
	LK_CHILD_LOST = 0,    /* nobody knows */
	LK_CHILD_NOT_STARTED, /* an errno says why */
	LK_CHILD_EXITED,      /* with this status */
	LK_CHILD_KILLED       /* by this signal */
};

/**
 * lk_child_start(argv, input, child, error):
 * Start ${argv} with ${input}, or /dev/null if that is NULL, for standard
 * input, /dev/null for standard error, no other descriptor, PATH alone for an
 * environment, in `/` and a session of its own, with the groups of its user,
 * and with usual signals, umask, limits and priority, whatever this process
 * has.  LK_E_STORE without a whole identity (self.h).  The caller calls
 * lk_child_finish() after LK_OK.
 */
enum lk_status lk_child_start(char *const *argv,
    const struct lk_child_input *input, struct lk_child *child,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_child_finish(child, code):
 * Kill what is left, release everything, and say how it ended.
 */
enum lk_child_end lk_child_finish(struct lk_child *child, int *code);

#endif /* !LK_USER_CHILD_H_ */
