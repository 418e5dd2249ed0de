/*
 * The face of this folder: the agent at work.  Loops let connections in and
 * answer what follows from the settings; workers ask the store.
 */
#ifndef AGENT_HOUSE_H_
#define AGENT_HOUSE_H_

#include "answer/answer.h"
#include "process/process.h"

struct agent_house;

/** agent_house_prepare(fd): for the socket, before it listens. */
gate_listener_prepare agent_house_prepare;

/**
 * agent_house_open(process, tally, house, error):
 * Begin to answer at the listener of ${process}, whose threads there are of
 * both kinds.
 */
enum lk_status agent_house_open(struct gate_process *process,
    struct agent_tally *tally, struct agent_house **house,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * agent_house_run(house):
 * Obey signals until one says to stop; then nobody is let in any more.
 */
enum lk_status agent_house_run(struct agent_house *house) LK_MUST_CHECK;

/**
 * agent_house_free(house):
 * Answer what is in hand, and end all threads.  False if one of them cannot
 * end, since a name service does not answer: then the process may only end.
 * NULL is fine.
 */
bool agent_house_free(struct agent_house *house);

#endif /* !AGENT_HOUSE_H_ */
