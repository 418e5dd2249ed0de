/*
 * The door: one thread accepts connections and keeps them, without a thread
 * or a buffer of their own, until the guard sees one complete request in the
 * socket.  Only then do they take a place in the queue of the workers.  So
 * silent and slow peers cost a descriptor and a few bytes for a few seconds,
 * and cannot keep anybody else out.
 */
#ifndef GATE_DOOR_H_
#define GATE_DOOR_H_

#include <stddef.h>

#include "latchkey.h"
#include "queue.h"
#include "report.h"

/* How long a connection may take to send its request. */
#define GATE_DOOR_PATIENCE_MS 5000

struct gate_door;

/**
 * gate_door_new(listener, stop, waiting_max, queue, report, door, error):
 * Watch the listening socket ${listener}, which must be non-blocking.  At
 * most ${waiting_max} connections wait; one more drops the one that has
 * waited longest.  All arguments but the number are borrowed.
 */
enum lk_status gate_door_new(int listener, int stop, size_t waiting_max,
    struct gate_queue *queue, struct gate_report *report,
    struct gate_door **door, struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_door_run(door):
 * Let connections in until descriptor ${stop} is readable.  LK_FAULT if
 * waiting for events fails.
 */
enum lk_status gate_door_run(struct gate_door *door) LK_MUST_CHECK;

/** gate_door_free(door): Drop all that wait.  NULL is fine. */
void gate_door_free(struct gate_door *door);

#endif /* !GATE_DOOR_H_ */
