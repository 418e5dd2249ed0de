/* What the gate asks of its process before anything else. */
#ifndef GATE_PROCESS_H_
#define GATE_PROCESS_H_

#include <stddef.h>

/** How many connections there is room for. */
struct gate_room {
	size_t waiting;
	size_t queue;
};

/**
 * gate_process_hide_memory():
 * No core file and no debugger of the same user shall see tokens.  Becoming
 * another user undoes it.
 */
void gate_process_hide_memory(void);

/**
 * gate_process_room(threads):
 * What the limit on descriptors, raised if need be, leaves room for.
 */
struct gate_room gate_process_room(size_t threads);

#endif /* !GATE_PROCESS_H_ */
