/*
 * The inside of struct lk_watch: what the managers of a process know together
 * of the servers behind their store.  watch.c keeps it; master.c
 * knows who the master is, and finding.c finds out; durable.c is
 * what outlasts a failover; redis_watch_run.c is what has a thread.
 *
 * Behind Sentinel a read may be answered only by a master that was confirmed
 * less than `store.sentinel.staleness_ms` ago, counted from before the
 * question was asked.  A master is confirmed if a majority of the configured
 * Sentinels names it; vote.h says why nobody can then have been told of
 * another one before.  If fewer than a majority say anything, a master that is
 * known and has a replica that answers (fence.h) is confirmed by that: so
 * it goes on when all Sentinels are gone.  This second way only continues a
 * chain that a majority began: each confirmation must follow the one before
 * within the bound; and the replica must have been one of this master, in this
 * history of its, when the majority spoke last, and have been given no whole
 * copy since, as it is if it has been elsewhere.  Once the chain is broken only
 * a majority begins another.  It takes lk_watch_run(), which looks at the
 * master's past between its questions.  This way holds the bound only where
 * whoever is cut off from most Sentinels is also cut off from most Redis, as
 * where each has one beside it.  No minority can make another Redis the master.
 *
 * In single mode the master is the settings' Redis, and nothing is confirmed.
 */
#ifndef LK_REDIS_WATCH_H_
#define LK_REDIS_WATCH_H_

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "store/redis/breaker.h"
#include "store/redis/master/pending.h"
#include "store/redis/master/sentinel.h"
#include "store/redis/wire/wire.h"

/* How long after a failure or a hint the Sentinels are asked often, and how
 * often. */
#define LK_WATCH_DOUBT_MS 5000
#define LK_WATCH_DOUBT_EVERY_MS 50

/** What is known of the master. */
struct lk_redis_known {
	/* What its host's name stood for, and to which generation; len 0: not
	 * known. */
	struct lk_endpoint met;
	unsigned int met_generation;
	char address[LK_REDIS_NAME_SIZE]; /* "": not known */
	int64_t suspect_ns; /* the last that spoke against it; 0: nothing */
	bool unsettled;     /* a Sentinel names another one, or who confirmed
	                       it may not know */
	bool cautious;      /* a Sentinel may be replacing it */
	bool disputed;      /* a Sentinel has spoken against the address, and
	                       no majority has since */
	size_t replicas;    /* how many are not down, as was last heard */
	/* Its past as it was last seen, and when (0: never); and as it was
	 * before the last question that a majority answered (or none). */
	struct lk_redis_past seen;
	int64_t seen_ns;
	struct lk_redis_past vouched;
};

struct lk_watch {
	/* Static data. */
	const struct lk_settings *settings;
	const struct lk_log *log;
	bool sentinel;    /* the master is found and confirmed by Sentinels */
	int64_t bound_ns; /* how old a confirmation may be */
	int wake;         /* eventfd to wake lk_watch_run(), or -1 */

	/* Looked at without the lock.  The generation is 0 until a master is
	 * known, and grows with each other one; it changes before
	 * confirmed_ns does, so who reads them in the other order sees a
	 * confirmation of the generation he sees, or of an earlier one. */
	_Atomic int64_t confirmed_ns; /* when that question began; 0: never */
	atomic_uint generation;
	atomic_bool barred; /* the breaker is not closed */
	atomic_bool owes;   /* revocations are pending that are not durable */
	atomic_bool remembers; /* there are any */
	atomic_bool running;   /* lk_watch_run() */
	atomic_bool stopping;

	/* Under the lock; `changed` is signalled when a question has been
	 * answered, when the generation has grown, and when the master has been
	 * told of revocations. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct lk_redis_known known;
	int64_t tried_ns;      /* when the master was last asked about */
	bool asking;           /* somebody is */
	uint64_t asked;        /* how many questions have been answered */
	enum lk_status answer; /* to the last, and why if it is not LK_OK */
	struct lk_error why;
	struct lk_breaker breaker;
	struct lk_redis_pending pending;
	bool replaying; /* somebody has taken it to tell it the master */

	/* Of the one who is asking. */
	struct lk_redis_sentinels *sentinels;
	struct lk_redis_wire wire; /* to the master, for a fence */
	bool confirmed_before;     /* for the log */
};

/**
 * lk_redis_watch_now():
 * Nanoseconds of a clock that nobody sets and that does not stand still while
 * the machine sleeps.
 */
static inline int64_t
lk_redis_watch_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ((int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
}

/** A master as it was found. */
struct lk_redis_master {
	char name[LK_REDIS_NAME_SIZE];
	struct lk_address address;
	unsigned int generation;
};

/**
 * lk_redis_watch_is_fresh(watch, generation):
 * Whether the master of ${generation} is still the one, and was confirmed
 * lately enough, or need not be.
 */
static inline bool
lk_redis_watch_is_fresh(struct lk_watch *watch, unsigned int generation)
{
	const int64_t confirmed = atomic_load_explicit(&watch->confirmed_ns,
	    memory_order_acquire);

	return (atomic_load_explicit(&watch->generation,
	            memory_order_acquire) == generation &&
	    (!watch->sentinel ||
	        lk_redis_watch_now() - confirmed < watch->bound_ns));
}

/* ---- Who is the master (master.c) -------------------------------- */

/**
 * lk_redis_watch_leave_parent(watch):
 * In a child process: drop what a watch that was no other thread's is connected
 * to, and the revocations, which the parent carries over.
 */
void lk_redis_watch_leave_parent(struct lk_watch *watch);

/**
 * lk_redis_watch_find(watch, deadline, master, error):
 * The master.  Sentinels are asked if none is known, if something spoke
 * against it, or if it has not been confirmed lately enough.  Of several
 * threads one asks, and the others take its answer.
 */
enum lk_status lk_redis_watch_find(struct lk_watch *watch,
    struct lk_deadline deadline, struct lk_redis_master *master,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_redis_watch_has(watch, master, endpoint):
 * Whether the master can be connected to without asking anybody for it: it is
 * known, and confirmed if that is called for, and so is the address of its
 * host, which is looked up by who can wait for that.
 */
bool lk_redis_watch_has(struct lk_watch *watch, struct lk_redis_master *master,
    struct lk_endpoint *endpoint);

/**
 * lk_redis_watch_met(watch, master, stream):
 * ${stream} has just been connected to ${master}: note where that is.
 */
void lk_redis_watch_met(struct lk_watch *watch,
    const struct lk_redis_master *master, const struct lk_stream *stream);

/**
 * lk_redis_watch_confirm(watch, since_ns, deadline, error):
 * LK_OK once the master, which may be another one then, is confirmed by a
 * question that began at ${since_ns} or later.
 */
enum lk_status lk_redis_watch_confirm(struct lk_watch *watch, int64_t since_ns,
    struct lk_deadline deadline, struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_redis_watch_saw(watch, generation, past):
 * The master of ${generation} has just told its ${past}, and so can be asked by
 * everybody.  True if a majority is to be asked now, so that a replica's word
 * will do later.
 */
bool lk_redis_watch_saw(struct lk_watch *watch, unsigned int generation,
    const struct lk_redis_past *past);

/**
 * lk_redis_watch_learn(watch, from):
 * Know what ${from}, of the same Sentinels, knows of the master, and when it
 * was confirmed, if nothing is known yet.
 */
void lk_redis_watch_learn(struct lk_watch *watch, struct lk_watch *from);

/**
 * lk_redis_watch_wait(watch, deadline):
 * Wait for `changed`, with the lock held; false at the deadline.
 */
bool lk_redis_watch_wait(struct lk_watch *watch, struct lk_deadline deadline);

/**
 * lk_redis_watch_suspect(watch, generation):
 * Something speaks against the master of ${generation}.
 */
void lk_redis_watch_suspect(struct lk_watch *watch, unsigned int generation);

/**
 * lk_redis_watch_pause(watch, generation, attempt, deadline):
 * Back off after ${attempt}, counted from 0, which began while the master was
 * that of ${generation}, has failed; but only until another one is found.
 * False if there is no time for another attempt.
 */
bool lk_redis_watch_pause(struct lk_watch *watch, unsigned int generation,
    unsigned int attempt, struct lk_deadline deadline);

/* ---- Whether to ask at all (watch.c) ----------------------------- */

/**
 * lk_redis_watch_admit(watch, probe, error):
 * LK_E_STORE if operations are to fail at once; ${probe} as in
 * lk_breaker_admit().
 */
enum lk_status lk_redis_watch_admit(struct lk_watch *watch, bool *probe,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_redis_watch_settle(watch, probe, answered, began_ns):
 * What came of an operation: whether the store ${answered} at all.
 * ${began_ns} is of lk_monotonic_ns().
 */
void lk_redis_watch_settle(struct lk_watch *watch, bool probe, bool answered,
    int64_t began_ns);

/**
 * lk_redis_watch_new(settings, log, wakes, watch, error):
 * As lk_watch_new(); one that does not wake is for a single manager.
 */
enum lk_status lk_redis_watch_new(const struct lk_settings *settings,
    const struct lk_log *log, bool wakes, struct lk_watch **watch,
    struct lk_error *error) LK_MUST_CHECK;

/* ---- What outlasts a failover (durable.c) ------------------------ */

/**
 * lk_redis_watch_wait_ms(watch, deadline):
 * For how long a WAIT is to wait, so that its answer comes by the deadline.
 */
int64_t lk_redis_watch_wait_ms(const struct lk_watch *watch,
    struct lk_deadline deadline);

/** How many replicas a change waits for. */
struct lk_redis_witnesses {
	bool all;     /* all that are not down must have it, else one */
	size_t asked; /* so many have been waited for */
};

/**
 * lk_redis_watch_witnesses(watch, all):
 * How many replicas to wait for, by what was last heard.
 */
struct lk_redis_witnesses lk_redis_watch_witnesses(struct lk_watch *watch,
    bool all);

/**
 * lk_redis_watch_outlasts(watch, wire, acks, witnesses, deadline, error):
 * Whether what the master at ${wire} has done, and ${acks} replicas of those
 * that were asked have by now, outlasts it.
 *
 * Not so if it is the master no more: one that was cut off may have a replica
 * beside it, and both will give up what they have.  Nor if a Sentinel names
 * another.  If one is replacing it, or is not heard and may be, the replica
 * that has it may be one that has yet to follow the next master, which has gone
 * its own way already although no Sentinel names it; then, too, all replicas
 * that are not down must have it, and so must the one that was chosen.  They
 * are waited for, unless they have been.  All of this is about one master only
 * as long as it has had no time to be a replica and come back, so it must be
 * over by the deadline.
 */
bool lk_redis_watch_outlasts(struct lk_watch *watch, struct lk_redis_wire *wire,
    size_t acks, struct lk_redis_witnesses witnesses,
    struct lk_deadline deadline, struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_redis_watch_owe(watch, revocation):
 * Remember it, as lk_redis_pending_add() does.
 */
void lk_redis_watch_owe(struct lk_watch *watch,
    const struct lk_redis_revocation *revocation);

/**
 * lk_redis_watch_lose(watch, count):
 * Log that so many revocations are not remembered any more, if any.
 */
void lk_redis_watch_lose(const struct lk_watch *watch, size_t count);

/**
 * lk_redis_watch_tell(watch, wire, deadline):
 * Tell the master at ${wire} which of the revocations it does not have, unless
 * somebody else is at it: then wait until that is done.
 */
enum lk_status lk_redis_watch_tell(struct lk_watch *watch,
    struct lk_redis_wire *wire, struct lk_deadline deadline) LK_MUST_CHECK;

/**
 * lk_redis_watch_is_told(watch, history):
 * Whether the master of ${history} has been told of all revocations.
 */
bool lk_redis_watch_is_told(struct lk_watch *watch, const char *history);

/**
 * lk_redis_watch_replay(watch, wire, deadline):
 * The same, and see to it that what is not durable is; LK_OK if all is.
 */
enum lk_status lk_redis_watch_replay(struct lk_watch *watch,
    struct lk_redis_wire *wire, struct lk_deadline deadline) LK_MUST_CHECK;

/** lk_redis_watch_wake(watch): Let lk_watch_run() look at things now. */
void lk_redis_watch_wake(struct lk_watch *watch);

#endif /* !LK_REDIS_WATCH_H_ */
