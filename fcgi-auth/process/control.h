/*
 * What signals say: SIGHUP to take the settings anew, SIGTERM and SIGINT to
 * stop.  They are read from a descriptor, by the thread that looks after the
 * door, between two events.
 */
#ifndef GATE_CONTROL_H_
#define GATE_CONTROL_H_

#include <stdbool.h>

#include "door/queue.h"
#include "latchkey.h"
#include "process/generation.h"
#include "process/notify.h"
#include "process/report.h"

/** All but the descriptor is borrowed. */
struct gate_control {
	int fd; /* readable once there is something to obey; -1: none */
	struct gate_generations *generations;
	struct gate_queue *queue;
	struct gate_report *report;
	const struct gate_notify *notify;
};

/**
 * gate_control_open(control):
 * Block the signals, which every thread started later inherits, and open the
 * descriptor.  SIGPIPE is made harmless.  The other members may be set later.
 */
enum lk_status gate_control_open(struct gate_control *control) LK_MUST_CHECK;

/**
 * gate_control_obey(control):
 * Do what the signals that have come say; true if that is to stop.
 */
bool gate_control_obey(struct gate_control *control);

/** gate_control_close(control): Twice is fine. */
void gate_control_close(struct gate_control *control);

#endif /* !GATE_CONTROL_H_ */
