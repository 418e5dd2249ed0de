/* The thread that watches the store's servers for all workers. */
#ifndef GATE_WATCHER_H_
#define GATE_WATCHER_H_

#include <pthread.h>
#include <stdbool.h>

#include "latchkey.h"

/** All zero: nothing is watched. */
struct gate_watcher {
	struct lk_watch *watch; /* for the surroundings of managers */
	pthread_t thread;
	bool running;
};

/**
 * gate_watcher_open(watcher, settings, log, error):
 * Make the watch.  Managers may use it from here on.
 */
enum lk_status gate_watcher_open(struct gate_watcher *watcher,
    const struct lk_settings *settings, const struct lk_log *log,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_watcher_start(watcher, error):
 * Give it a thread.  Signals must be blocked.
 */
enum lk_status gate_watcher_start(struct gate_watcher *watcher,
    struct lk_error *error) LK_MUST_CHECK;

/** gate_watcher_stop(watcher): Wait for its thread's end, if it has one. */
void gate_watcher_stop(struct gate_watcher *watcher);

/** gate_watcher_close(watcher): Stop it and free the watch. */
void gate_watcher_close(struct gate_watcher *watcher);

#endif /* !GATE_WATCHER_H_ */
