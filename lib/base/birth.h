/*
 * Whether this is still the process that something was made in, or a child
 * that has inherited it.
 *
 * A page that the system gives to no child answers that for the price of
 * reading a byte; where there is none, the process id does.
 */
#ifndef LK_BIRTH_H_
#define LK_BIRTH_H_

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

#endif /* !LK_BIRTH_H_ */
