/*
 * Wrong passwords, counted so that nobody tries many: of one user from one
 * address, and of all users from one address.  Too many of these are turned
 * away.  Those of one user from everywhere only make his logins slow, since a
 * stranger must not lock anybody out.
 *
 * An address is one of IPv4, or all of a network of IPv6 (/64).  The table has
 * a fixed size; where it is full, whoever has failed the least is forgotten.
 */
#ifndef GATE_ATTEMPTS_H_
#define GATE_ATTEMPTS_H_

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* How long a failure counts, in seconds. */
#define GATE_ATTEMPTS_WINDOW 60
/* How many times more failures an address may have than one user from there. */
#define GATE_ATTEMPTS_USERS 5
/* How many an address has before others go first. */
#define GATE_ATTEMPTS_FEW 3
/* Longest delay, in milliseconds, and what each failure too many adds to it. */
#define GATE_ATTEMPTS_DELAY_MS 1000
#define GATE_ATTEMPTS_STEP_MS 100

#define GATE_ATTEMPTS_SETS 512
#define GATE_ATTEMPTS_WAYS 8

/** Of one whom it is about. */
struct gate_attempt {
	uint64_t key;   /* 0: it is free */
	uint32_t since; /* when the first was, in seconds */
	uint32_t count;
};

/** All zero at first; any number of threads may use it. */
struct gate_attempts {
	pthread_mutex_t lock;
	bool keyed;
	unsigned char secret[16]; /* by which nobody aims at an entry */
	struct gate_attempt table[GATE_ATTEMPTS_SETS][GATE_ATTEMPTS_WAYS];
};

/** Whether a password may be checked. */
struct gate_attempts_word {
	bool refused;      /* there were too many */
	bool yields;       /* there were some: others go first */
	unsigned int wait; /* seconds, until there are not, if it is */
	unsigned int slow; /* milliseconds to wait before it is checked */
};

/**
 * gate_attempts_begin(attempts, user, peer, per_minute, now):
 * Whether a password of ${user} from the address ${peer}, which may be NULL,
 * may be checked at ${now}, in seconds.  If so it counts as wrong from here on,
 * so that many at once are no more than one after another.
 */
struct gate_attempts_word gate_attempts_begin(struct gate_attempts *attempts,
    const char *user, const char *peer, uint32_t per_minute, uint32_t now);

/**
 * gate_attempts_forgive(attempts, user, peer, now):
 * It was right, or nobody could say: the one that began counts no more.
 */
void gate_attempts_forgive(struct gate_attempts *attempts, const char *user,
    const char *peer, uint32_t now);

#endif /* !GATE_ATTEMPTS_H_ */
