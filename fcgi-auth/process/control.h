/*
 * What signals say: SIGHUP to take the settings anew, SIGTERM and SIGINT to
 * stop.  They are read from a descriptor, between two events of whoever waits
 * for those.
 */
#ifndef GATE_CONTROL_H_
#define GATE_CONTROL_H_

#include <stdbool.h>

/** What to do; all zero is nothing. */
struct gate_orders {
	bool stop;
	bool reload;
};

/**
 * gate_control_open():
 * Block the signals, which every thread started later inherits, and open the
 * descriptor, which is readable once there is something to obey.  SIGPIPE is
 * made harmless.  -1 if that cannot be done.
 */
int gate_control_open(void);

/** gate_control_read(fd): What the signals that have come say. */
struct gate_orders gate_control_read(int fd);

#endif /* !GATE_CONTROL_H_ */
