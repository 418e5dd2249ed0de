/*
 * A thread that lets connections in, keeps those that have not sent a whole
 * request yet, and answers by itself what nobody has to wait for.
 */
#ifndef GATE_LOOP_H_
#define GATE_LOOP_H_

#include "door/thread.h"

struct gate_loop;

/**
 * gate_loop_start(shared, before, loop, error):
 * A loop, which lets connections in from now on until it is told to stop by
 * ${shared}; the first of them all of which it can, the others, which have so
 * many ${before} them, who would have to wait for it.  FCGX_Init() must have
 * been called. gate_loop_end() in every case.
 */
enum lk_status gate_loop_start(struct gate_shared *shared, size_t before,
    struct gate_loop **loop, struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_loop_end(loop):
 * Wait until one that was told to stop has answered what it had under way, and
 * free it.  NULL is fine.
 */
void gate_loop_end(struct gate_loop *loop);

#endif /* !GATE_LOOP_H_ */
