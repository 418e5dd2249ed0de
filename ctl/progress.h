/* How far something long is, on standard error if that is a terminal. */
#ifndef CTL_PROGRESS_H_
#define CTL_PROGRESS_H_

#include <stdbool.h>
#include <stdint.h>

struct ctl_progress {
	bool on;          /* standard error is a terminal */
	int64_t shown_ns; /* when it was last drawn */
};

/** ctl_progress_start(progress): Look whether anybody is watching. */
void ctl_progress_start(struct ctl_progress *progress);

/**
 * ctl_progress_show(progress, part, count, what):
 * Draw ${part}, 0 to 1 or negative if it is not known, and ${count} of
 * ${what}, ten times a second at most.
 */
void ctl_progress_show(struct ctl_progress *progress, double part,
    uint64_t count, const char *what);

/** ctl_progress_end(progress): Clear the line. */
void ctl_progress_end(struct ctl_progress *progress);

#endif /* !CTL_PROGRESS_H_ */
