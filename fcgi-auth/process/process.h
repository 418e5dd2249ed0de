/*
 * The face of this folder: the process of a daemon, whichever.  It reads the
 * settings and obeys signals, listens, becomes another user for good, logs,
 * counts, and tells the service manager.  Of what it serves it knows nothing:
 * the program says which settings are its own, and is woken when they change.
 * The other headers are parts of it, for use by way of this one.
 */
#ifndef GATE_PROCESS_H_
#define GATE_PROCESS_H_

#include <stdbool.h>
#include <stddef.h>

#include "process/command.h"
#include "process/events.h"
#include "process/generation.h"
#include "process/listen.h"
#include "process/logger.h"

struct gate_process {
	/* Of the program, before it is opened. */
	const struct gate_program *program;
	struct gate_events *events;
	/* And before it obeys: who is to look at the settings anew. */
	void (*wake)(void *worker);
	void *worker;

	/* Constant once it is open. */
	int signals; /* readable once there is something to obey */
	size_t threads;
	struct gate_generations *generations;
	struct gate_listener listeners[GATE_LISTENER_COUNT];
	int notify; /* of the service manager; -1: nobody is told */
	struct gate_logger *logger;
};

/* What a daemon that is to stop still gives others: to ask, to read an answer,
 * and whatever waits for a thread to be begun. */
#define GATE_LEAVE_NS INT64_C(2000000000)

/** How many connections there is room for. */
struct gate_room {
	size_t waiting;   /* without a whole request */
	size_t under_way; /* whose check is */
	size_t queue;     /* for a thread that may wait */
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

/**
 * gate_process_open(process, path, error):
 * Read what the environment says, and leave that to no other; block signals;
 * read the settings, from ${path} as gate_generations_new() does; listen where
 * these say, or on the socket that was passed; become who they say; and have
 * the store watched.  The process must have one thread.  The caller calls
 * gate_process_close() in every case.
 */
enum lk_status gate_process_open(struct gate_process *process, const char *path,
    struct lk_error *error) LK_MUST_CHECK;

/** gate_process_ready(process): Say that it serves. */
void gate_process_ready(const struct gate_process *process);

/**
 * gate_process_obey(process):
 * Do what the signals that have come say; true if that is to stop.
 */
bool gate_process_obey(struct gate_process *process);

/**
 * gate_process_wait(process, ended):
 * Obey until that is to stop: LK_OK.  LK_FAULT if that cannot be waited for, or
 * if ${ended}, an eventfd, says before that a thread that serves has ended.
 */
enum lk_status gate_process_wait(struct gate_process *process,
    int ended) LK_MUST_CHECK;

/**
 * gate_process_leave(process):
 * Listen no more: from here on another process may take its place.  Doing it
 * twice is fine.
 */
void gate_process_leave(struct gate_process *process);

/**
 * gate_process_close(process):
 * End all of it, and wait for its threads.  Nobody may hold a generation.
 */
void gate_process_close(struct gate_process *process);

#endif /* !GATE_PROCESS_H_ */
