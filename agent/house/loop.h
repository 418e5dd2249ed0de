/*
 * A thread that lets connections in and speaks HTTP: libmicrohttpd, by an epoll
 * of its own, reads and writes.  What takes no store is answered on it; all
 * else goes to the workers, and the connection rests meanwhile.
 */
#ifndef AGENT_LOOP_H_
#define AGENT_LOOP_H_

#include <pthread.h>
#include <stdatomic.h>

#include "house/share.h"
#include "house/workers.h"
#include "process/http.h"
#include "process/process.h"

/** What all loops share, and which outlives them. */
struct agent_shared {
	struct gate_process *process;
	struct agent_tally *tally;
	struct agent_workers *workers;
	struct agent_shares shares;
	int bell;  /* eventfd: each loop is to look up */
	int ended; /* eventfd: how many let nobody in any more */
	atomic_bool stop;
};

/** All zero at first. */
struct agent_loop {
	struct agent_shared *shared;
	struct gate_http_program program;
	struct gate_http http;
	int listener;
	int epoll;
	int64_t looked_ns; /* at who is late, last */
	bool closed;       /* it lets nobody in any more */

	/* Of all threads. */
	pthread_mutex_t lock;
	struct agent_call *answered; /* and to go on with */
	int bell;                    /* eventfd: there are some */

	bool started;
	pthread_t id;
};

/** agent_loop_prepare(fd): whether a listener is one of a unix socket. */
bool agent_loop_prepare(int fd);

/**
 * agent_loop_answered(call):
 * Its loop is to go on with ${call}, as any thread may say; see agent_answered.
 */
void agent_loop_answered(struct agent_call *call);

/**
 * agent_loop_start(loop, shared, error):
 * Signals must be blocked.  agent_loop_end() in every case.
 */
enum lk_status agent_loop_start(struct agent_loop *loop,
    struct agent_shared *shared, struct lk_error *error) LK_MUST_CHECK;

/** agent_loop_end(loop): Wait for its end, once it was told to stop. */
void agent_loop_end(struct agent_loop *loop);

#endif /* !AGENT_LOOP_H_ */
