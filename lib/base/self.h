/*
 * This process: whether it is still the one that something was made in, or a
 * child that has inherited it; and whose rights it has.
 *
 * A page that the system gives to no child tells a child for the price of
 * reading a byte; where there is none, the process id does.
 */
#ifndef LK_SELF_H_
#define LK_SELF_H_

#include <sys/types.h>

#include <stdbool.h>
#include <unistd.h>

struct lk_birth {
	unsigned char *page; /* 1 here and 0 in a child, or NULL */
	pid_t pid;
};

/** lk_birth_note(birth): Note that it is this process.  It cannot fail. */
void lk_birth_note(struct lk_birth *birth);

/** lk_birth_free(birth): Give back what it holds. */
void lk_birth_free(struct lk_birth *birth);

/** lk_birth_is_elsewhere(birth): whether this is a child of that process. */
static inline bool
lk_birth_is_elsewhere(const struct lk_birth *birth)
{
	const volatile unsigned char *page = birth->page;

	return (page != NULL ? *page == 0 : birth->pid != getpid());
}

/** lk_birth_move(birth): From now on it is this process. */
void lk_birth_move(struct lk_birth *birth);

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
