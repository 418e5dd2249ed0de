/*
 * The heart of a server that checks sessions: one thread, one loop of epoll(7),
 * and no store that it waits for.  latchkey.h, Checks without waiting.
 */
#include <sys/epoll.h>
#include <time.h>
#include <latchkey.h>

/* The server's own.  At LK_E_WOULD_WAIT answer() has a thread that may wait ask
 * a manager: lk_check(). */
struct request { struct lk_token token; };
bool is_serving(void);
struct request *next_request(int fd); /* NULL: no more for now */
void answer(struct request *request, const struct lk_checked *checked);
void serve(int ep, int fd, struct lk_checks *checks);

/* Have the store's descriptor watched; how many ms to wait. */
static int
prepare(int ep, struct lk_checks *checks, struct lk_checks_wants *wants)
{
	const struct lk_checks_wants old = *wants;
	struct epoll_event event = { .events = 0 };
	struct timespec t;

	lk_checks_wants(checks, wants);
	event.events = (uint32_t)wants->events;
	event.data.fd = wants->fd;
	if (wants->fd >= 0 && wants->serial != old.serial)
		epoll_ctl(ep, EPOLL_CTL_ADD, wants->fd, &event);
	else if (wants->fd >= 0 && wants->events != old.events)
		epoll_ctl(ep, EPOLL_CTL_MOD, wants->fd, &event);
	if (wants->until_ns == INT64_MAX)
		return (-1);
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec = (wants->until_ns - t.tv_nsec) / 1000000 - t.tv_sec * 1000;
	return (t.tv_sec < 0 ? 0 : (int)t.tv_sec + 1);
}

/* ${fd}, which ${ep} has with that as its data, is where requests come from. */
void
serve(int ep, int fd, struct lk_checks *checks)
{
	struct lk_checks_wants wants = { .fd = -1 };
	struct lk_checked checked = { .whose = NULL };
	struct epoll_event event;
	struct request *r;

	while (is_serving()) {
		if (epoll_wait(ep, &event, 1, prepare(ep, checks, &wants)) < 1)
			event.events = 0;
		else if (event.data.fd == fd)
			for (event.events = 0; (r = next_request(fd)) != NULL;)
				if ((checked.status = lk_check_start(checks,
				    &r->token, false, r)) != LK_OK)
					answer(r, &checked);
		lk_checks_go_on(checks, (short)event.events);
		while (lk_check_finish(checks, &checked))
			answer(checked.whose, &checked);
	}
}
