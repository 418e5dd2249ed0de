/*
 * Checks that wait for nothing, as a backend has them: many are under way at
 * once on one connection, in a loop of the program's.
 *
 * They belong to one thread.
 */
#ifndef LK_STORE_CHECKS_H_
#define LK_STORE_CHECKS_H_

#include "store/store.h"

/** What came of a check. */
struct lk_store_checked {
	void *whose;
	enum lk_status status;
	enum lk_reason ended;      /* as lk_store has it, of this one */
	struct lk_session session; /* with LK_OK */
	struct lk_buf record;      /* what user_get would give, empty if nothing
	                              is cached; the caller frees it */
};

struct lk_store_checks;

struct lk_store_checks_ops {
	/**
	 * Start to look a session up, and with ${user} its user's cached
	 * record.  LK_OK if it is under way; else that is all there is of it.
	 */
	enum lk_status (*start)(struct lk_store_checks *checks,
	    const struct lk_token_key *key, bool user, void *whose);

	/** Say what to wait for. */
	void (*wants)(struct lk_store_checks *checks,
	    struct lk_checks_wants *wants);

	/** Do what can be done now; ${events} are those of its descriptor. */
	void (*go_on)(struct lk_store_checks *checks, short events);

	/** Take the next that is finished; false if none is. */
	bool (*finish)(struct lk_store_checks *checks,
	    struct lk_store_checked *checked);

	/** Forget who waits for a check; false if nobody does. */
	bool (*give_up)(struct lk_store_checks *checks, const void *whose);

	/**
	 * In a child process: drop the connection, which is the parent's, and
	 * leave to a manager what is under way.
	 */
	void (*leave_parent)(struct lk_store_checks *checks);

	/** Close and free. */
	void (*free)(struct lk_store_checks *checks);
};

/** The base that every backend's embed as its first member. */
struct lk_store_checks {
	const struct lk_store_checks_ops *ops;
	const struct lk_settings *settings;
	struct lk_error *error;
};

#endif /* !LK_STORE_CHECKS_H_ */
