/*
 * The face of this folder: the door, and the workers behind it.
 *
 * One thread accepts connections and keeps them, without a thread or a buffer
 * of their own, until the guard sees one complete request in the socket.  Only
 * then do they take a place in the queue of the workers, each of which answers
 * with a manager of its own.  So silent and slow peers cost a descriptor and a
 * few bytes for a few seconds, and cannot keep anybody else out.  A connection
 * that its peer wants to keep comes back after each answer, and costs as
 * little.  The other headers are inside.
 */
#ifndef GATE_DOOR_H_
#define GATE_DOOR_H_

#include "endpoints/endpoints.h"
#include "latchkey.h"
#include "process/process.h"

/* How long a connection may take to send its request, or its next one. */
#define GATE_DOOR_PATIENCE_MS 5000

struct gate_door;

/**
 * gate_door_prepare(fd):
 * Fit a socket for it before that listens; false if that cannot be had.
 */
bool gate_door_prepare(int fd);

/**
 * gate_door_open(process, tally, door, error):
 * A door at the listener of ${process}, which it is to wake from then on, and
 * as many workers as that has threads.  No store is needed for that.  Nobody
 * comes in yet.
 */
enum lk_status gate_door_open(struct gate_process *process,
    struct gate_tally *tally, struct gate_door **door,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_door_run(door):
 * Let connections in, and let the process obey, until that says to stop; then
 * drop all that wait.  LK_FAULT if waiting for events fails.
 */
enum lk_status gate_door_run(struct gate_door *door) LK_MUST_CHECK;

/**
 * gate_door_free(door):
 * Drop all that wait, and end the workers once all requests in hand are
 * answered.  NULL is fine.
 */
void gate_door_free(struct gate_door *door);

#endif /* !GATE_DOOR_H_ */
