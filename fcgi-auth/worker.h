/* The threads that answer requests, each with a store connection of its own. */
#ifndef GATE_WORKER_H_
#define GATE_WORKER_H_

#include <stddef.h>

#include "latchkey.h"
#include "queue.h"
#include "report.h"
#include "settings.h"

struct gate_workers;

/**
 * gate_workers_start(settings, report, queue, workers, error):
 * Start `gate.threads` workers on ${queue}.  They need no store to start.
 * Signals must be blocked, and FCGX_Init() called, before.  The arguments
 * must outlive the workers.
 */
enum lk_status gate_workers_start(const struct lk_settings *settings,
    struct gate_report *report, struct gate_queue *queue,
    struct gate_workers **workers, struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_workers_finish(workers):
 * Close the queue, wait until everything in it is answered, and free
 * ${workers}.  NULL is fine.
 */
void gate_workers_finish(struct gate_workers *workers);

#endif /* !GATE_WORKER_H_ */
