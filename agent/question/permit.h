/*
 * Who may ask what: a caller, and what he asks about, held against the rows of
 * `agent.callers`.  The first row that permits all of it decides; what one does
 * not permit, two together do not either.  Pure.
 */
#ifndef AGENT_PERMIT_H_
#define AGENT_PERMIT_H_

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "session/caller.h"

/* Stands for each user and group that has no number here, so for nobody. */
#define AGENT_NOBODY 65534

/** Who connected, as the kernel knows him from that moment. */
struct agent_caller {
	uid_t uid;
	pid_t pid; /* for the log */
	gid_t *groups;
	size_t n;
};

/** A row, with the numbers that its names stand for. */
struct agent_row {
	const struct lk_caller *says;
	unsigned int may; /* of enum lk_may */
	uid_t *uids;
	size_t uids_n;
	gid_t *gids;
	size_t gids_n;
};

struct agent_rows {
	uid_t own; /* the agent's user, who may all, as root may */
	struct agent_row *v;
	size_t n;
};

/** What is known of the account that a user's id may be the name of. */
enum agent_account {
	AGENT_ACCOUNT_UNASKED = 0,
	AGENT_ACCOUNT_NONE,  /* there is none */
	AGENT_ACCOUNT_THERE, /* and its number */
	AGENT_ACCOUNT_AWAY   /* nobody can tell */
};

/** What is asked, as far as it is known. */
struct agent_about {
	enum lk_may may;    /* LK_MAY_NOTHING: what any row permits */
	bool named;         /* a user or an id is named, so bounds hold */
	const char *user;   /* NULL: whoever's session that id is */
	const char *client; /* its kind; NULL: of whichever kinds */
	int64_t ttl;        /* 0: as is usual */
	enum agent_account account;
	uid_t uid; /* of the account */
};

/** Zero denies. */
enum agent_permission {
	AGENT_NO_ROW = 0,    /* no row lets this caller ask such a thing */
	AGENT_OUT_OF_BOUNDS, /* one does, but not about this */
	AGENT_CANNOT_TELL,   /* the name service is away */
	AGENT_NEEDS_SESSION, /* whose, and of which kind, must be known */
	AGENT_NEEDS_ACCOUNT, /* whether there is one must be known */
	AGENT_PERMITTED
};

/* In place of a row: who may all. */
#define AGENT_ROW_NONE SIZE_MAX

/** What it is permitted by, if it is. */
struct agent_permit {
	size_t row;                       /* its number */
	bool listed;                      /* it names the caller's user */
	int64_t per_minute;               /* 0: no limit */
	int64_t max_ttl;                  /* 0: no limit */
	const struct lk_strings *clients; /* NULL: all kinds */
};

/**
 * agent_rows_list(rows, caller):
 * Whether a row names ${caller} himself, not only a group of his, or he needs
 * none.  Who is in a group may be thousands of users (subuid(5)).
 */
bool agent_rows_list(const struct agent_rows *rows,
    const struct agent_caller *caller);

/** agent_rows_have(rows, caller): whether ${caller} has a row, or needs none.
 */
bool agent_rows_have(const struct agent_rows *rows,
    const struct agent_caller *caller);

/**
 * agent_permit(rows, caller, about, permit):
 * Whether ${caller} may ask ${about} that.  Bounds hold for every user and id
 * that is named, and max_ttl for a presented token, too.
 */
enum agent_permission agent_permit(const struct agent_rows *rows,
    const struct agent_caller *caller, const struct agent_about *about,
    struct agent_permit *permit);

#endif /* !AGENT_PERMIT_H_ */
