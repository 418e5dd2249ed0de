/*
 * The threads that may wait: each has a manager, by one generation of settings
 * at a time, and answers one call after another.
 */
#ifndef AGENT_WORKERS_H_
#define AGENT_WORKERS_H_

#include "house/call.h"
#include "process/process.h"

struct agent_workers;

/** Called by a worker once ${call} is answered: its loop may go on with it. */
typedef void agent_answered(struct agent_call *call);

/**
 * agent_workers_new(process, tally, max, answered, workers, error):
 * As many as ${process} has threads, and at most ${max} calls that wait for
 * them.  Signals must be blocked.
 */
enum lk_status agent_workers_new(struct gate_process *process,
    struct agent_tally *tally, size_t max, agent_answered *answered,
    struct agent_workers **workers, struct lk_error *error) LK_MUST_CHECK;

/** agent_workers_wake(workers): There are new settings. */
void agent_workers_wake(struct agent_workers *workers);

/**
 * agent_workers_ask(workers, call):
 * Have ${call} answered; false if too many wait already.  Its connection must
 * wait for that.
 */
bool agent_workers_ask(struct agent_workers *workers, struct agent_call *call);

/**
 * agent_workers_give_up(workers, call, now_ns):
 * Whether nobody waits any longer for whoever has ${call}; then it is answered
 * that it cannot be found out, here and now.
 */
bool agent_workers_give_up(struct agent_workers *workers,
    struct agent_call *call, int64_t now_ns);

/**
 * agent_workers_leave(workers, at_ns):
 * What still waits at ${at_ns}, CLOCK_MONOTONIC, is answered that it cannot be
 * found out, and not begun.
 */
void agent_workers_leave(struct agent_workers *workers, int64_t at_ns);

/**
 * agent_workers_free(workers):
 * All calls must be answered.  False, and nothing is freed, if one of them is
 * still at a name service that does not answer: then the process may only end.
 * NULL is fine.
 */
bool agent_workers_free(struct agent_workers *workers);

#endif /* !AGENT_WORKERS_H_ */
