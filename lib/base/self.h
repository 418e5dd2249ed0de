/*
 * This process: whether it is still the one that something was made in, or a
 * child that has inherited it; and whose rights it has.
 */
#ifndef LK_SELF_H_
#define LK_SELF_H_

#include <stdbool.h>

/**
 * lk_process():
 * A number of this process, and of none that it is a child of, however many
 * forks lie between.  It costs no more than to read it.
 */
unsigned long lk_process(void);

/**
 * lk_identity_is_whole():
 * Whether this process is one and the same user's, however it is looked at:
 * its real, effective and saved user ids are alike, so are its group ids, and
 * it was not started with rights that its caller does not have (AT_SECURE).
 * In any other the caller may have a hand: what it starts he may stop, trace
 * or answer for, and what it finds out is not to be kept for others.
 */
bool lk_identity_is_whole(void);

#endif /* !LK_SELF_H_ */
