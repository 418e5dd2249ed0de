/*
 * The face of this folder: the door, its loops, and the workers behind them.
 *
 * Each loop is a thread that lets connections in and keeps them, without a
 * thread or a buffer of their own, until the guard sees one complete request in
 * the socket.  It answers what asks no store at once, and checks without
 * waiting, many at a time on one connection.  What may take a while goes to a
 * queue for the workers, each of which has a manager of its own.  So silent and
 * slow peers cost a descriptor and a few bytes for a few seconds, and neither
 * they nor a store or a source that hangs keep anybody else out.  A connection
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
 * Let connections in at the listener of ${process}, which is to wake the door
 * from then on, by as many workers as it has threads, and as many loops unless
 * it may run on fewer cores.  No store is needed for that.
 */
enum lk_status gate_door_open(struct gate_process *process,
    struct gate_tally *tally, struct gate_door **door,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_door_run(door):
 * Let the process obey until it says to stop; then let nobody in any more and
 * drop all that wait.  LK_FAULT if waiting for events fails.
 */
enum lk_status gate_door_run(struct gate_door *door) LK_MUST_CHECK;

/**
 * gate_door_free(door):
 * Let nobody in, and end all threads once all requests in hand are answered.
 * NULL is fine.
 */
void gate_door_free(struct gate_door *door);

#endif /* !GATE_DOOR_H_ */
