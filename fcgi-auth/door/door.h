/*
 * The door: one thread accepts connections and keeps them, without a thread
 * or a buffer of their own, until the guard sees one complete request in the
 * socket.  Only then do they take a place in the queue of the workers.  So
 * silent and slow peers cost a descriptor and a few bytes for a few seconds,
 * and cannot keep anybody else out.  A connection that its peer wants to keep
 * comes back here after each answer, and costs as little.
 */
#ifndef GATE_DOOR_H_
#define GATE_DOOR_H_

#include <stddef.h>

#include "door/queue.h"
#include "latchkey.h"
#include "process/control.h"
#include "process/generation.h"
#include "process/report.h"

/* How long a connection may take to send its request, or its next one. */
#define GATE_DOOR_PATIENCE_MS 5000

/** What a door is made of; all of it is borrowed. */
struct gate_door_parts {
	int listener;       /* a listening socket that does not block */
	size_t waiting_max; /* most connections that wait; one more drops
	                       the one that has waited longest */
	struct gate_control *control;
	struct gate_generations *generations;
	struct gate_queue *queue;
	struct gate_report *report;
};

struct gate_door;

/** gate_door_new(parts, door, error): A door that nobody goes through yet. */
enum lk_status gate_door_new(const struct gate_door_parts *parts,
    struct gate_door **door, struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_door_run(door):
 * Let connections in, and obey the control, until that says to stop; then
 * drop all that wait.  LK_FAULT if waiting for events fails.
 */
enum lk_status gate_door_run(struct gate_door *door) LK_MUST_CHECK;

/**
 * gate_door_return(door, fd):
 * Give back, from any thread, a connection whose request was answered and
 * taken from the socket to its last byte, to wait for the next one.  False,
 * and it stays the caller's, if there is no room or the door has closed.
 */
bool gate_door_return(struct gate_door *door, int fd);

/** gate_door_free(door): Drop all that wait.  NULL is fine. */
void gate_door_free(struct gate_door *door);

#endif /* !GATE_DOOR_H_ */
