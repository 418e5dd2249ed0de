/*
 * The threads behind the door, and what they share.  Each waits in an epoll of
 * its own, works by one generation of settings at a time, and has a way of its
 * own to ask the store: a loop has checks that wait for nothing, a worker a
 * manager.  Whatever a loop cannot do without waiting goes to the workers by a
 * pipe, a pointer at a time, and a connection that is kept comes back by
 * another.
 */
#ifndef GATE_THREAD_H_
#define GATE_THREAD_H_

#include <pthread.h>
#include <stdatomic.h>

#include "door/later.h"
#include "endpoints/endpoints.h"
#include "process/process.h"

/** What all of them share, and which outlives them. */
struct gate_shared {
	struct gate_process *process;
	struct gate_tally *tally;
	struct gate_room room;
	size_t http_room; /* connections of a loop; 0: none comes by HTTP */
	size_t loops;     /* that there are to be */
	int bell;         /* eventfd: each thread is to look up */
	int ended;        /* eventfd: how many loops let nobody in any more */
	int queue[2];     /* pipe of exchanges, to the workers */
	int returned[2];  /* pipe of descriptors, to whichever loop */
	struct gate_later later; /* of the workers */
	atomic_size_t under_way; /* requests of all loops whose check is */
	atomic_bool stop;
	int64_t leave_ns; /* once it is to stop: until when workers begin
	                     something */
};

/** All zero at first. */
struct gate_thread {
	struct gate_shared *shared;
	struct gate_generation *generation; /* held */
	struct gate_asked asked;            /* by its settings */
	struct lk_buf reply;
	int epoll;
	bool waits;   /* it may: it is a worker */
	bool current; /* it has the settings in effect */
	bool started;
	pthread_t id;
};

/**
 * gate_shared_open(shared, process, tally, error):
 * What threads of ${process} share; gate_shared_close() in every case.
 */
enum lk_status gate_shared_open(struct gate_shared *shared,
    struct gate_process *process, struct gate_tally *tally,
    struct lk_error *error) LK_MUST_CHECK;

/** gate_shared_ring(shared): Let each thread look up, once. */
void gate_shared_ring(const struct gate_shared *shared);

/** gate_shared_stop(shared): Let each thread end; calling it twice is fine. */
void gate_shared_stop(struct gate_shared *shared);

/** gate_shared_is_late(shared): Whether no worker begins anything any more. */
bool gate_shared_is_late(const struct gate_shared *shared);

/**
 * gate_shared_hand_over(shared, exchange):
 * Give it to the workers, or turn it away if they have too much to do.
 */
void gate_shared_hand_over(struct gate_shared *shared,
    struct gate_exchange *exchange);

/**
 * gate_shared_take(shared, exchange):
 * Without waiting, what was handed over, or NULL if there is nothing now.
 * False once there will be nothing any more.
 */
bool gate_shared_take(struct gate_shared *shared,
    struct gate_exchange **exchange);

/**
 * gate_shared_return(shared, fd), gate_shared_take_back(shared):
 * Give back a connection that is kept, or hang up if nobody takes any; take
 * one, or -1.
 */
void gate_shared_return(const struct gate_shared *shared, int fd);
int gate_shared_take_back(const struct gate_shared *shared);

/** gate_shared_close_queue(shared): What was handed over is the last. */
void gate_shared_close_queue(struct gate_shared *shared);

/** gate_shared_close(shared): All threads must have ended. */
void gate_shared_close(struct gate_shared *shared);

/**
 * gate_thread_start(thread, shared, waits, run, error):
 * Start it with ${run}, which is given ${thread}.  No store is needed for that.
 * Signals must be blocked.  Its epoll has the bell, at which it is to look for
 * new settings, and the end of the pipe that it takes from; each event points
 * to the descriptor.  gate_thread_end() in every case.
 */
enum lk_status gate_thread_start(struct gate_thread *thread,
    struct gate_shared *shared, bool waits, void *(*run)(void *thread),
    struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_thread_watch(thread, operation, fd, events):
 * epoll_ctl(2) with events that point to ${fd}; whether that could be had.
 */
bool gate_thread_watch(const struct gate_thread *thread, int operation, int *fd,
    uint32_t events);

/**
 * gate_thread_follow(thread):
 * Work by new settings from here on, if there are any: what was under way by
 * its checks is forgotten then.  If that takes more memory than there is, the
 * old ones stay, it is not ${thread->current}, and nobody is to be let in by
 * them.
 */
void gate_thread_follow(struct gate_thread *thread);

/**
 * gate_thread_admits(thread, exchange):
 * Whether one that was not asked right away may still be, by the settings of
 * ${thread}, and somebody waits for it.  If not, it is ended.
 */
bool gate_thread_admits(const struct gate_thread *thread,
    struct gate_exchange *exchange);

/** gate_thread_end(thread): Wait for its end, and free what it has. */
void gate_thread_end(struct gate_thread *thread);

#endif /* !GATE_THREAD_H_ */
