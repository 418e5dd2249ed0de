/* The sessions that ended with the issue of another one, by their public ids.
 */
#ifndef LK_GONE_H_
#define LK_GONE_H_

#include "base/buf.h"
#include "session/token.h"

/** All zero, but for the most that ${ids} may hold, is none. */
struct lk_gone {
	uint64_t count;
	struct lk_buf
	    ids; /* of LK_ISSUE_ENDED_MAX at most, each with its NUL */
};

/* How much these take. */
#define LK_GONE_IDS_MAX ((size_t)LK_ISSUE_ENDED_MAX * (LK_SESSION_ID_MAX + 1))

/** lk_gone_add(gone, id): Note one; of too many only their number is kept. */
void lk_gone_add(struct lk_gone *gone, const char *id);

/** lk_gone_add_ref(gone, handle, locator, len): The same by what its id says.
 */
void lk_gone_add_ref(struct lk_gone *gone, const uint8_t handle[LK_HANDLE_LEN],
    const void *locator, size_t len);

/** lk_gone_forget(gone): Be empty again, and keep the memory. */
void lk_gone_forget(struct lk_gone *gone);

/** Where a list of these was, so as to be there again. */
struct lk_gone_mark {
	uint64_t count;
	size_t len;
};

/** lk_gone_mark(gone): How it is now. */
struct lk_gone_mark lk_gone_mark(const struct lk_gone *gone);

/** lk_gone_undo(gone, mark): What was added since has not ended after all. */
void lk_gone_undo(struct lk_gone *gone, struct lk_gone_mark mark);

#endif /* !LK_GONE_H_ */
