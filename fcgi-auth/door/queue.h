/* Connections on their way from one thread to another. */
#ifndef GATE_QUEUE_H_
#define GATE_QUEUE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "latchkey.h"

struct gate_ready {
	int fd;
	int64_t since_ns; /* when it was put in, CLOCK_MONOTONIC */
	bool keep;        /* it can carry another request after this one */
	uint16_t request_id;
};

struct gate_queue;

/**
 * gate_queue_new(max, bell, queue):
 * An empty queue with room for ${max}.  Each push makes the eventfd ${bell},
 * which is borrowed, readable; -1: there is none.
 */
enum lk_status gate_queue_new(size_t max, int bell,
    struct gate_queue **queue) LK_MUST_CHECK;

/**
 * gate_queue_push(queue, ready):
 * Hand a connection over.  False, and it stays the caller's, if the queue is
 * full or closed.  Never waits.
 */
bool gate_queue_push(struct gate_queue *queue, struct gate_ready ready);

/**
 * gate_queue_pop(queue, nudges, ready):
 * Wait for the next connection, which is then the caller's.  False once the
 * queue is closed and empty.  True with descriptor -1 if the queue was nudged
 * since it was ${nudges}, which counts along for the caller and starts at 0.
 */
bool gate_queue_pop(struct gate_queue *queue, uint64_t *nudges,
    struct gate_ready *ready);

/** gate_queue_try_pop(queue, ready): the same without waiting or nudges. */
bool gate_queue_try_pop(struct gate_queue *queue, struct gate_ready *ready);

/** gate_queue_nudge(queue): Let each that pops look up once. */
void gate_queue_nudge(struct gate_queue *queue);

/** gate_queue_close(queue): Let what is in it be the last. */
void gate_queue_close(struct gate_queue *queue);

/** gate_queue_free(queue): Close what is left in it.  NULL is fine. */
void gate_queue_free(struct gate_queue *queue);

#endif /* !GATE_QUEUE_H_ */
