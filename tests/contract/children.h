/*
 * Other processes that use the same store: each runs one function, with a
 * manager of its own, and says on a pipe what it has done.
 */
#ifndef CHILDREN_H_
#define CHILDREN_H_

#include <sys/types.h>

#include "world.h"

/* What can happen to a process in the middle of an operation. */
struct accident {
	int signal; /* it sends itself */
	int calls;  /* when it has asked for the time so often; 0: never */
};

struct child {
	pid_t pid;
	int told; /* what it says */
	int wait; /* a byte here lets it go */
};

/* What a child is given. */
struct task {
	struct lk_manager *m;      /* its own */
	struct accident *accident; /* that will happen to it; set it up */
	int tell;                  /* tell() writes here */
	int wait;                  /* wait_for_parent() reads here */
	const void *arg;
};

/* Runs in the child; 0 is success.  It must not assert. */
typedef int child_fn(struct task *task);

/* Start a child. */
void child_start(struct child *child, const struct world *world, child_fn *run,
    const void *arg);

/* Let it pass wait_for_parent(). */
void child_let_go(struct child *child);

/* Wait until it ends, assert that it ended with success, and close. */
void child_finish(struct child *child);

/* Wait until it is stopped by, or dies of, ${signal}. */
void child_meets(const struct child *child, int signal);

/* Close the pipes. */
void child_close(struct child *child);

/* Read ${len} bytes of what it says; false at the end. */
bool child_says(struct child *child, void *bytes, size_t len);

/* For the child: say something, wait to be let go; false if nobody listens. */
bool tell(const struct task *task, const void *bytes, size_t len);
void wait_for_parent(const struct task *task);

#endif /* !CHILDREN_H_ */
