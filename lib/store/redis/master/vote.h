/*
 * What a Sentinel is asked and answers, and what follows from all of their
 * answers.  Pure functions.  A Sentinel may say anything: what is no answer to
 * the question is a vote for nobody.
 *
 * A majority is always one of the Sentinels in the settings, whether they
 * answer or not.  Any two majorities have one Sentinel in common, and a
 * Sentinel goes back to no earlier configuration: its configuration epoch,
 * which it keeps on disk, only grows.  So once a majority has named a new
 * master, no majority names the old one any more, and whoever was told of the
 * old one by a majority was told before anybody could have been told of the
 * new one.  This is what makes the bound on stale reads a strict one.
 */
#ifndef LK_REDIS_VOTE_H_
#define LK_REDIS_VOTE_H_

#include "store/redis/wire/resp.h"

/* Longest address that is taken, "host:port" or "[ipv6]:port", with its NUL. */
#define LK_VOTE_ADDRESS_SIZE 272

enum lk_vote_kind {
	LK_VOTE_SILENT = 0,  /* no answer in time */
	LK_VOTE_UNREACHABLE, /* no connection, or it was closed */
	LK_VOTE_BROKEN,      /* what it says is no answer */
	LK_VOTE_NAMES,       /* names an address */
	LK_VOTE_UNKNOWN,     /* knows no master of that name */
	LK_VOTE_CREDENTIALS, /* refuses our user name, password or command */
	LK_VOTE_NO_SENTINEL, /* a Redis that is none */
	LK_VOTE_TWICE,       /* the same Sentinel as one before */
	LK_VOTE_TLS,         /* is not whom TLS must show, or speaks none */
	LK_VOTE_CLOSED       /* closes a connection before it says anything */
};

/** One Sentinel's. */
struct lk_vote {
	enum lk_vote_kind kind;
	char address[LK_VOTE_ADDRESS_SIZE]; /* LK_VOTE_NAMES, else "" */
	bool failing_over;                  /* it is replacing the master */
	size_t sentinels; /* how many there are, by what it knows; 0: unsaid */
	size_t replicas;  /* how many are not down, or are chosen to be the next
	                     master, by what it knows */
};

/* Where the master is, what is being done about it, and who follows it. */
#define LK_REDIS_VOTE_REPLIES 3

/**
 * lk_redis_vote_ask(master, commands):
 * The question about the master of that name; ${commands} borrow it.
 */
void lk_redis_vote_ask(const char *master,
    struct lk_redis_command commands[LK_REDIS_VOTE_REPLIES]);

/**
 * lk_redis_vote_read(reply, more, vote):
 * Add to ${vote} what ${reply} says, behind which ${more} are to come.  The
 * replies to what goes before the question, such as AUTH, are read as well.
 * Only the last one makes it a vote for an address.
 */
void lk_redis_vote_read(const struct lk_redis_reply *reply, size_t more,
    struct lk_vote *vote);

enum lk_election {
	LK_ELECTION_NONE = 0, /* they disagree, or know no master */
	LK_ELECTION_MAJORITY, /* a majority names ${address} */
	/* Fewer than a majority say anything, and those that name an address
	 * name ${address}, or "" if none does. */
	LK_ELECTION_FEW
};

struct lk_ballot {
	enum lk_election election;
	const char *address; /* borrowed from a vote, or "" */
	size_t named;        /* by how many */
	size_t spoke;        /* how many said anything that has a meaning */
	size_t total;
	size_t known;      /* the most that one of them says there are, or 0 */
	size_t replicas;   /* the most that one of them says are not down */
	bool failing_over; /* one is replacing it */
	bool contradicted; /* one names another */
};

/** lk_votes_majority(total): how many a majority is. */
size_t lk_votes_majority(size_t total);

/**
 * lk_votes_overlap(listed, known):
 * Whether a majority of ${listed} Sentinels has one in common with each
 * majority of all ${known} there are.  Else those listed may name an old master
 * after the others have put a new one in its place.
 */
bool lk_votes_overlap(size_t listed, size_t known);

/** lk_votes_count(votes, total): What all votes say. */
struct lk_ballot lk_votes_count(const struct lk_vote *votes, size_t total);

/**
 * lk_votes_explain(votes, ballot, master, error):
 * Say in ${error} why there is no majority for an address of the master
 * called ${master}, and return the status that follows: LK_E_SETTINGS if they
 * refuse us or do not know it, LK_E_TIMEOUT or LK_E_STORE otherwise.
 */
enum lk_status lk_votes_explain(const struct lk_vote *votes,
    const struct lk_ballot *ballot, const char *master,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_vote_says(kind):
 * A static English text of what a Sentinel does; the address goes behind that
 * of LK_VOTE_NAMES.
 */
const char *lk_vote_says(enum lk_vote_kind kind);

#endif /* !LK_REDIS_VOTE_H_ */
