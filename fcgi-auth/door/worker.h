/* The threads that answer requests, each with a store connection of its own. */
#ifndef GATE_WORKER_H_
#define GATE_WORKER_H_

#include "door/queue.h"
#include "endpoints/endpoints.h"
#include "latchkey.h"
#include "process/process.h"

struct gate_workers;

/** What workers work with; all of it must outlive them. */
struct gate_worker_parts {
	struct gate_generations *generations;
	struct gate_tally *tally;
	struct gate_queue *queue;    /* where requests come from */
	struct gate_queue *returned; /* where kept connections go back to, whose
	                                requests are taken to their last byte */
};

/**
 * gate_workers_start(parts, count, workers, error):
 * Start ${count} workers.  They need no store to start.  Signals must
 * be blocked, and FCGX_Init() called, before.  Each has a manager made of the
 * settings it holds, and makes a new one before the next request once there
 * are new settings, or when the queue is nudged.
 */
enum lk_status gate_workers_start(const struct gate_worker_parts *parts,
    size_t count, struct gate_workers **workers,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_workers_finish(workers):
 * Close the queue, wait until everything in it is answered, and free
 * ${workers}.  NULL is fine.
 */
void gate_workers_finish(struct gate_workers *workers);

#endif /* !GATE_WORKER_H_ */
