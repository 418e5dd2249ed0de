#include <string.h>

#include "error.h"
#include "watcher.h"

enum lk_status
gate_watcher_open(struct gate_watcher *watcher,
    const struct lk_settings *settings, const struct lk_log *log,
    struct lk_error *error)
{
	return (lk_watch_new(settings, log, &watcher->watch, error));
}

static void *
run(void *arg)
{
	lk_watch_run(arg);
	return (NULL);
}

enum lk_status
gate_watcher_start(struct gate_watcher *watcher, struct lk_error *error)
{
	int result = pthread_create(&watcher->thread, NULL, run,
	    watcher->watch);

	if (result != 0)
		return (
		    lk_fail(error, LK_E_NOMEM, "thread: %s", strerror(result)));
	watcher->running = true;
	return (LK_OK);
}

void
gate_watcher_stop(struct gate_watcher *watcher)
{
	if (!watcher->running)
		return;
	lk_watch_stop(watcher->watch);
	(void)pthread_join(watcher->thread, NULL);
	watcher->running = false;
}

void
gate_watcher_close(struct gate_watcher *watcher)
{
	gate_watcher_stop(watcher);
	lk_watch_free(watcher->watch);
	watcher->watch = NULL;
}
