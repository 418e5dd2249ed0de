/*
 * All connections of this process to embedded stores.
 *
 * What SQLite knows of a file's locks it knows of a whole process, and a child
 * would take its parent's locks for its own: another process could then copy
 * the log away from under it, and what it has written there would be lost.  So
 * a child closes all that it has inherited before it opens any.
 */
#ifndef LK_SQLITE_FAMILY_H_
#define LK_SQLITE_FAMILY_H_

#include <stdbool.h>

/** One of them, the first member of what it is. */
struct lk_sqlite_kin {
	struct lk_sqlite_kin *next;
	/* Let go of the parent's connection; it cannot be closed if ${torn}. */
	void (*drop)(struct lk_sqlite_kin *kin, bool torn);
	bool inside; /* of an operation: set by its owner */
};

/** lk_sqlite_family_join(kin), lk_sqlite_family_leave(kin): It is one, or not.
 */
void lk_sqlite_family_join(struct lk_sqlite_kin *kin);
void lk_sqlite_family_leave(struct lk_sqlite_kin *kin);

/**
 * lk_sqlite_family_is_ours():
 * Let each drop what is a parent's.  False if at the fork one was inside an
 * operation, of a thread that is no more here: nothing can be opened then.
 */
bool lk_sqlite_family_is_ours(void);

#endif /* !LK_SQLITE_FAMILY_H_ */
