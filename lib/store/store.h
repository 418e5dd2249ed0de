/*
 * What every store can do.  Each operation is atomic in its store and says
 * one of the statuses of latchkey.h; none creates what it was asked to
 * change.  tests/contract holds every store and layout to the same promises.
 *
 * A store belongs to one manager and so to one thread.
 */
#ifndef LK_STORE_H_
#define LK_STORE_H_

#include "base/buf.h"
#include "base/deadline.h"
#include "base/error.h"
#include "base/log.h"
#include "session/gone.h"
#include "session/origin.h"
#include "session/stored.h"
#include "session/token.h"
#include "session/user.h"
#include "settings/settings.h"

/**
 * How many sessions a user may have: first those of a row of kinds, then all.
 * The oldest end to make room, or the new one is LK_LIMIT and nothing ends.
 */
struct lk_limits {
	uint32_t per_user;          /* 0: no limit */
	const struct lk_kinds *row; /* NULL: no limit by kind */
	bool row_refuses, user_refuses;
};

/** A session to be started. */
struct lk_issue_request {
	const struct lk_token_key *key; /* NULL: the store makes ${token} */
	struct lk_token *token;
	const char *user;
	const char *client; /* "" if none */
	int64_t ttl;        /* seconds; 0 only where the store knows what is
	                       usual */
	int64_t max_life;   /* seconds, after which it ends for good; 0: none */
	struct lk_limits limits;
	struct lk_origin origin;
	/* A session of the same user that ends in the same step, and is not
	 * counted; it may be dead, or not be.  NULL: none. */
	const struct lk_token_key *replaces;
};

/** How sessions are ended. */
struct lk_ending {
	enum lk_reason reason;
	struct lk_origin origin; /* of who ends them; no agent */
};

/* Room for a store's own note of where a walk is. */
#define LK_CURSOR_MAX 40

/** Where a walk through a store is.  All zero: at its start. */
struct lk_place {
	bool users; /* the sessions are done, the users are not */
	bool done;
	int64_t busy_ns; /* how long it has kept the store from others */
	double part;     /* how much of this half is done, about: 0 to 1 */
	unsigned char cursor[LK_CURSOR_MAX]; /* the store's; 0: at the start */
};

/**
 * Called for each one that a walk meets; ${stored} is lent until it returns.
 * It must not call the store.
 */
typedef void lk_stored_fn(void *arg, const struct lk_stored *stored);

struct lk_store;

struct lk_store_ops {
	const char *name;

	/** Say that it answers at all. */
	enum lk_status (
	    *ping)(struct lk_store *store, struct lk_deadline deadline);

	/** Say what the store is and whether it keeps sessions safely. */
	enum lk_status (*inspect)(struct lk_store *store,
	    struct lk_deadline deadline, lk_finding_fn *each, void *arg);

	/** Start a session, ending the oldest ones that are over the limit, and
	 * what it replaces; all that lived of these are in ${store->gone}. */
	enum lk_status (*issue)(struct lk_store *store,
	    const struct lk_issue_request *request, struct lk_deadline deadline,
	    struct lk_session *session);

	/**
	 * Look a session up, and at once its user's cached record unless
	 * ${record} is NULL: with LK_OK it is what user_get would give, empty
	 * if nothing is cached.  Here, and in extend, one that
	 * is LK_UNKNOWN is looked for among those that ended, whole digest by
	 * whole digest, and ${store->ended} says why it did.
	 */
	enum lk_status (*check)(struct lk_store *store,
	    const struct lk_token_key *key, struct lk_deadline deadline,
	    struct lk_session *session, struct lk_buf *record);

	/**
	 * Look a session up by what its public id says, which is no proof of
	 * holding its token.
	 */
	enum lk_status (*check_id)(struct lk_store *store,
	    const struct lk_session_ref *ref, struct lk_deadline deadline,
	    struct lk_session *session);

	/** The same, and its user's cached record as check does; NULL where
	 * that takes another question, user_get. */
	enum lk_status (*check_id_user)(struct lk_store *store,
	    const struct lk_session_ref *ref, struct lk_deadline deadline,
	    struct lk_session *session, struct lk_buf *record);

	/**
	 * Let a live session end ${ttl} seconds from now, but not after the
	 * absolute end that it was issued with.  One of a program that recorded
	 * none ends ${max_life} seconds after its issue at the latest; 0: it
	 * has no such end.
	 */
	enum lk_status (*extend)(struct lk_store *store,
	    const struct lk_token_key *key, int64_t ttl, int64_t max_life,
	    struct lk_deadline deadline, struct lk_session *session);

	/**
	 * End a session; ${revoked} is 1 if it was live, else 0.  For this
	 * and the other revocations, LK_E_NOT_DURABLE: it has ended, but a
	 * failover could undo that.  Each live one leaves its digest, why and
	 * when behind for the rest of its life and at most `session.reasons`,
	 * and what was done is in the history, by the same step.
	 */
	enum lk_status (*revoke)(struct lk_store *store,
	    const struct lk_token_key *key, const struct lk_ending *ending,
	    struct lk_deadline deadline, uint64_t *revoked);

	/** The same by what a public session id says. */
	enum lk_status (*revoke_id)(struct lk_store *store,
	    const struct lk_session_ref *ref, const struct lk_ending *ending,
	    struct lk_deadline deadline, uint64_t *revoked);

	/**
	 * End all sessions of a user, but that of ${keep} unless it is NULL;
	 * one entry of the history, without id and client, has their number.
	 */
	enum lk_status (*revoke_all)(struct lk_store *store, const char *user,
	    const struct lk_token_key *keep, const struct lk_ending *ending,
	    struct lk_deadline deadline, uint64_t *revoked);

	/** Call ${each} for the live sessions of a user, by expiry. */
	enum lk_status (*list)(struct lk_store *store, const char *user,
	    struct lk_deadline deadline, lk_session_fn *each, void *arg);

	/**
	 * Call ${each} for the history of a user, the newest first; ${ref} has
	 * his locator, and whatever handle: none, if it is
	 * lk_session_ref_of_user()'s.
	 */
	enum lk_status (*history)(struct lk_store *store,
	    const struct lk_session_ref *ref, struct lk_deadline deadline,
	    lk_entry_fn *each, void *arg);

	/** Forget it; ${erased} is how many entries there were. */
	enum lk_status (*history_erase)(struct lk_store *store,
	    const struct lk_session_ref *ref, struct lk_deadline deadline,
	    uint64_t *erased);

	/**
	 * What a session left behind that ended, by its public id: reason and
	 * time of ${entry}, which is otherwise zeroed.  LK_UNKNOWN: nothing.
	 */
	enum lk_status (*ended)(struct lk_store *store,
	    const struct lk_session_ref *ref, struct lk_deadline deadline,
	    struct lk_entry *entry);

	/** Append a user's cached record to ${record}, nothing if none. */
	enum lk_status (*user_get)(struct lk_store *store, const char *user,
	    struct lk_deadline deadline, struct lk_buf *record);

	/**
	 * Have a user looked up where the store's own settings say, cached for
	 * ${ttl} seconds, or 0 for what is usual there, and append his record;
	 * LK_NO_USER.  NULL: that is for the manager to do.
	 */
	enum lk_status (*user_load)(struct lk_store *store, const char *user,
	    int64_t ttl, struct lk_deadline deadline, struct lk_buf *record);

	/** Cache a user's record for ${ttl} seconds. */
	enum lk_status (*user_put)(struct lk_store *store, const char *user,
	    const char *record, size_t len, int64_t ttl,
	    struct lk_deadline deadline);

	/** Forget a user's cached record. */
	enum lk_status (*user_delete)(struct lk_store *store, const char *user,
	    struct lk_deadline deadline, bool *deleted);

	/**
	 * Call ${each} for the next live sessions, or cached users, after
	 * ${place}, which moves on.  What lives all through a walk is met at
	 * least once, what changes meanwhile perhaps: it is no snapshot.
	 */
	enum lk_status (*walk)(struct lk_store *store, struct lk_place *place,
	    struct lk_deadline deadline, lk_stored_fn *each, void *arg);

	/**
	 * Put sessions and users in as they are, whatever the limits, and say
	 * in ${results} what became of each of ${count}.  One that is there
	 * already stays, but ends at the later of both times.  If it fails,
	 * any of them may have been put; doing it twice is doing it once.
	 */
	enum lk_status (*put)(struct lk_store *store,
	    const struct lk_stored *stored, size_t count,
	    struct lk_deadline deadline, enum lk_put *results);

	/**
	 * Clear the next of what has expired away and move ${place} on;
	 * ${swept} grows by the number of sessions and users that are gone.
	 */
	enum lk_status (*sweep)(struct lk_store *store, struct lk_place *place,
	    struct lk_deadline deadline, uint64_t *swept);

	/** Add the next of what there is to ${stats}. */
	enum lk_status (*stats)(struct lk_store *store, struct lk_place *place,
	    struct lk_deadline deadline, struct lk_store_stats *stats);

	/**
	 * In a child process: drop connections, which are the parent's, and
	 * leave nothing of that to be noticed by the parent.
	 */
	void (*leave_parent)(struct lk_store *store);

	/** Close and free. */
	void (*free)(struct lk_store *store);
};

/** LK_STORE_OP(op): the type of that operation, to declare one of a store's. */
#define LK_STORE_OP(op) __typeof__(*((struct lk_store_ops *)NULL)->op)

/* Most that are put at once. */
#define LK_PUT_MAX 1024

/** The base that every store embeds as its first member. */
struct lk_store {
	const struct lk_store_ops *ops;
	/* Of the tokens to issue here.  LK_SHAPE_ANY: it makes them itself, and
	 * knows better than we which lives and limits are usual. */
	enum lk_token_shape shape;
	bool keeps_tokens;  /* in clear, so that lists have them */
	int64_t timeout_ms; /* the one deadline of an operation */
	const struct lk_settings *settings;
	const struct lk_log *log;
	struct lk_watch *watch; /* the program's, or NULL */
	struct lk_error *error; /* the manager's */
	enum lk_reason ended;   /* see check; the manager clears it */
	struct lk_gone gone;    /* see issue; the same */
	int64_t (*now_ms)(void *arg);
	void *arg;
};

#endif /* !LK_STORE_H_ */
