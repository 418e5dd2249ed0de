/*
 * Descriptors 0 to 2 belong to the standard streams, also in a program that
 * has closed them: what is printed there by any part of it would otherwise
 * reach whichever socket or file has got the number.
 */
#ifndef LK_FD_H_
#define LK_FD_H_

#include <stdbool.h>

#define LK_FD_STANDARD 3 /* how many there are */

/** Which of them are held. */
struct lk_fd_hold {
	bool held[LK_FD_STANDARD];
};

/**
 * lk_fd_above(fd):
 * Move ${fd}, which was just opened, to a number above the standard ones if it
 * is none; it is then closed on exec.  -1, and ${fd} is closed, with errno if
 * there is no such number.  Negative ones are returned as they are.
 */
int lk_fd_above(int fd);

/**
 * lk_fd_hold(hold),
 * lk_fd_release(hold):
 * Take the standard descriptors that are closed, so that nobody who opens a
 * file gets one, and give them back.  To read or to write one that is held
 * fails with EBADF, as if it were closed; it is closed on exec.  ${hold}
 * starts as zeroes; to hold twice is to hold once.
 */
void lk_fd_hold(struct lk_fd_hold *hold);
void lk_fd_release(struct lk_fd_hold *hold);

#endif /* !LK_FD_H_ */
