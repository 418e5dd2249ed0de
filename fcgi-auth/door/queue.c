#include <sys/eventfd.h>

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "door/queue.h"

struct gate_queue {
	/* Constant. */
	size_t max;
	int bell;
	struct gate_ready *ring;

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t not_empty; /* or closed, or nudged */
	uint64_t nudges;
	size_t sleeping; /* threads that wait for it */
	size_t waking;   /* of those, how many were called */
	size_t first;
	size_t count;
	bool closed;
};

enum lk_status
gate_queue_new(size_t max, int bell, struct gate_queue **queue)
{
	struct gate_queue *q;

	*queue = NULL;
	if (max == 0)
		return (LK_E_INVAL);
	if ((q = calloc(1, sizeof(*q))) == NULL)
		return (LK_E_NOMEM);
	if ((q->ring = calloc(max, sizeof(*q->ring))) == NULL)
		goto no_ring;
	if (pthread_mutex_init(&q->lock, NULL) != 0)
		goto no_lock;
	if (pthread_cond_init(&q->not_empty, NULL) != 0)
		goto no_cond;
	q->max = max;
	q->bell = bell;
	*queue = q;
	return (LK_OK);

no_cond:
	(void)pthread_mutex_destroy(&q->lock);
no_lock:
	free(q->ring);
no_ring:
	free(q);
	return (LK_E_NOMEM);
}

bool
gate_queue_push(struct gate_queue *queue, struct gate_ready ready)
{
	bool fits, wake = false;

	(void)pthread_mutex_lock(&queue->lock);
	fits = !queue->closed && queue->count < queue->max;
	if (fits) {
		queue->ring[(queue->first + queue->count) % queue->max] = ready;
		queue->count++;
		/* One that is on its way already will find this, too. */
		wake = queue->sleeping > queue->waking &&
		    queue->waking < queue->count;
		queue->waking += wake;
	}
	(void)pthread_mutex_unlock(&queue->lock);
	/* Whoever wakes up shall not run into the lock. */
	if (wake)
		(void)pthread_cond_signal(&queue->not_empty);
	if (fits && queue->bell != -1)
		(void)eventfd_write(queue->bell, 1);
	return (fits);
}

/* Under the lock. */
static bool
take_first(struct gate_queue *queue, struct gate_ready *ready)
{
	*ready = (struct gate_ready){ .fd = -1 };
	if (queue->count == 0)
		return (false);
	*ready = queue->ring[queue->first];
	queue->first = (queue->first + 1) % queue->max;
	queue->count--;
	return (true);
}

bool
gate_queue_pop(struct gate_queue *queue, uint64_t *nudges,
    struct gate_ready *ready)
{
	bool any;

	(void)pthread_mutex_lock(&queue->lock);
	while (
	    queue->count == 0 && !queue->closed && queue->nudges == *nudges) {
		queue->sleeping++;
		(void)pthread_cond_wait(&queue->not_empty, &queue->lock);
		queue->sleeping--;
		queue->waking -= queue->waking > 0;
	}
	any = take_first(queue, ready) || queue->nudges != *nudges;
	*nudges = queue->nudges;
	(void)pthread_mutex_unlock(&queue->lock);
	return (any);
}

bool
gate_queue_try_pop(struct gate_queue *queue, struct gate_ready *ready)
{
	bool any;

	(void)pthread_mutex_lock(&queue->lock);
	any = take_first(queue, ready);
	(void)pthread_mutex_unlock(&queue->lock);
	return (any);
}

void
gate_queue_nudge(struct gate_queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	queue->nudges++;
	(void)pthread_cond_broadcast(&queue->not_empty);
	(void)pthread_mutex_unlock(&queue->lock);
}

void
gate_queue_close(struct gate_queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	(void)pthread_cond_broadcast(&queue->not_empty);
	(void)pthread_mutex_unlock(&queue->lock);
}

void
gate_queue_free(struct gate_queue *queue)
{
	struct gate_ready ready;

	if (queue == NULL)
		return;
	gate_queue_close(queue);
	while (gate_queue_try_pop(queue, &ready))
		(void)close(ready.fd);
	(void)pthread_cond_destroy(&queue->not_empty);
	(void)pthread_mutex_destroy(&queue->lock);
	free(queue->ring);
	free(queue);
}
