/*
 * The settings in effect, and those that take their place.  Each reload makes
 * a generation.  Whoever works with one holds it; it ends when nobody holds it
 * any more, so a request is answered by one set of settings from its start to
 * its end.
 */
#ifndef GATE_GENERATION_H_
#define GATE_GENERATION_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/string_list.h"
#include "latchkey.h"
#include "process/listen.h"
#include "process/account.h"
#include "settings/settings.h"

/** What a program's settings say of its process; borrowed from them. */
struct gate_process_settings {
	const char *listen;
	const char *http_listen; /* of this machine only; "": nowhere; NULL:
	                            the program has no such */
	const struct lk_strings *http_allow_uids;
	int64_t socket_mode;
	const char *socket_group;
	const char *user; /* whom to become if started as root; "": nobody */
	int64_t threads;
	bool allow_remote;
	const struct lk_strings *allow_uids;
};

/** What a process has to know of the program that it is of. */
struct gate_program {
	const char *name;  /* in messages: "the gate" */
	const char *file;  /* its settings, if nobody says otherwise */
	const char *group; /* of the settings that these are in */
	struct gate_process_settings (*settings)(
	    const struct lk_settings *settings);
	gate_listener_prepare *prepare; /* the socket that it listens on */

	/* What the program makes of settings and keeps with them; NULL:
	 * nothing. */
	enum lk_status (*load)(const struct lk_settings *settings, void **own,
	    struct lk_error *error);
	void (*unload)(void *own);
};

/* Room for the names of all settings that take a restart. */
#define GATE_RESTART_MAX 128

struct gate_generation {
	const struct lk_settings *settings;
	const struct lk_log *log; /* outlives it */
	struct gate_peers peers[GATE_LISTENER_COUNT];
	struct lk_watch *watch; /* for managers of the settings */
	void *own;              /* of the program */

	/* Of generation.c. */
	struct gate_generations *all;
	struct lk_settings *owned;
	unsigned int holders; /* under the lock of the generations */
	bool watched;         /* one of them is the thread of its watch */
};

struct gate_generations;
struct gate_logger;

/**
 * gate_generations_new(program, path, logger, generations, error):
 * Load the first generation, which logs to ${logger}, from ${path}; NULL is
 * the program's usual file, and the defaults if there is none.  What came from
 * a file is from then on replaced only by what comes from it.
 */
enum lk_status gate_generations_new(const struct gate_program *program,
    const char *path, struct gate_logger *logger,
    struct gate_generations **generations,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_generations_watch(generations, fd, error):
 * The process listens on ${fd}: from here on the current generation, and each
 * later one, has a thread that watches its store, and one without
 * `allow_remote` admits no peer of another machine if ${fd} is in reach of any.
 * Signals must be blocked.
 */
enum lk_status gate_generations_watch(struct gate_generations *generations,
    int fd, struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_generations_reload(generations, restart, error):
 * Load the file once more.  If all of it is right, that is the current
 * generation from here on, and ${restart} names the settings that differ from
 * those of the start but take effect with a restart only ("" if none).
 * Otherwise the current generation stays, and ${error} says why.
 */
enum lk_status gate_generations_reload(struct gate_generations *generations,
    char restart[GATE_RESTART_MAX], struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_generations_hold(generations):
 * The current one, which lives until gate_generations_drop().
 */
struct gate_generation *gate_generations_hold(
    struct gate_generations *generations);

/**
 * gate_generations_drop(generations, generation):
 * Hold it no longer.  When the last holder drops it, the current one takes
 * over what its watch has still to do.  Waits for nobody: where the watch has a
 * thread, that is the last one.
 */
void gate_generations_drop(struct gate_generations *generations,
    struct gate_generation *generation);

/**
 * gate_generations_differ(generations, generation):
 * Whether ${generation}, which the caller holds, is not the current one.
 */
bool gate_generations_differ(const struct gate_generations *generations,
    const struct gate_generation *generation);

/**
 * gate_generations_free(generations):
 * Wait for the threads of all watches.  Nobody may hold a generation.  NULL is
 * fine.
 */
void gate_generations_free(struct gate_generations *generations);

#endif /* !GATE_GENERATION_H_ */
