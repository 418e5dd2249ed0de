#include <sys/epoll.h>

#include "door/asking.h"
#include "door/exchange.h"

/* When to look at a descriptor that epoll does not take. */
#define UNWATCHED_NS INT64_C(1000000)

/* ---- Requests ------------------------------------------------------------ */

static void
add(struct gate_asking *asking, struct gate_exchange *exchange)
{
	exchange->before = NULL;
	exchange->next = asking->first;
	if (asking->first != NULL)
		asking->first->before = exchange;
	asking->first = exchange;
	(void)atomic_fetch_add(&asking->thread->shared->under_way, 1);
}

/* Take one out whose check is not under way any more. */
static void
remove_one(struct gate_asking *asking, struct gate_exchange *exchange)
{
	*(exchange->before != NULL ? &exchange->before->next
	                           : &asking->first) = exchange->next;
	if (exchange->next != NULL)
		exchange->next->before = exchange->before;
	(void)atomic_fetch_sub(&asking->thread->shared->under_way, 1);
}

/* Give the answer, if there is one by now, or leave it to who has it later. */
static void
go_with(struct gate_asking *asking, struct gate_exchange *exchange,
    const char *reply)
{
	const struct gate_sight nothing = { .copied = 0 };
	int fd;

	if (reply != NULL) {
		fd = gate_exchange_answer(exchange, reply);
		lk_buf_reset(&asking->thread->reply);
		if (fd != -1)
			gate_waiting_add(asking->waiting, fd, true, &nothing);
	} else if (exchange->c.under_way) {
		add(asking, exchange);
	} else {
		gate_shared_hand_over(asking->thread->shared, exchange);
	}
}

void
gate_asking_begin(struct gate_asking *asking, struct gate_exchange *exchange)
{
	struct gate_asked asked = asking->thread->asked;
	const struct gate_shared *shared = asking->thread->shared;

	if (atomic_load(&shared->under_way) >= shared->room.under_way)
		asked.checks = NULL;
	go_with(asking, exchange,
	    gate_handle(&asked, &exchange->c, exchange, exchange->env,
	        exchange->role, &exchange->brought, &asking->thread->reply));
}

void
gate_asking_again(struct gate_asking *asking)
{
	struct gate_exchange *exchange, *next = asking->first;

	asking->wants = (struct lk_checks_wants){ .fd = -1,
		.until_ns = INT64_MAX };
	while ((exchange = next) != NULL) {
		next = exchange->next;
		remove_one(asking, exchange);
		gate_case_end(&exchange->c);
		if (gate_thread_admits(asking->thread, exchange))
			gate_asking_begin(asking, exchange);
	}
}

void
gate_asking_give_up(struct gate_asking *asking)
{
	struct gate_exchange *exchange;

	while ((exchange = asking->first) != NULL) {
		(void)lk_check_give_up(asking->thread->asked.checks, exchange);
		remove_one(asking, exchange);
		gate_case_end(&exchange->c);
		gate_exchange_end(exchange);
	}
}

/* ---- The store ----------------------------------------------------------- */

/* Let epoll tell what the checks wait for now. */
static void
wait_for_store(struct gate_asking *asking)
{
	const struct lk_checks_wants before = asking->wants;
	struct lk_checks_wants *wants = &asking->wants;
	const struct gate_thread *thread = asking->thread;
	bool same;

	lk_checks_wants(thread->asked.checks, wants);
	same = wants->fd == before.fd && wants->serial == before.serial;
	/* What was closed has left epoll by itself. */
	if (wants->fd == -1 || (same && wants->events == before.events))
		return;
	if (gate_thread_watch(thread, same ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
	        &wants->fd, (uint32_t)wants->events))
		return;
	/* Try it again soon, and look by itself. */
	wants->serial = before.serial - 1;
	wants->until_ns = lk_monotonic_ns() + UNWATCHED_NS;
}

void
gate_asking_go_on(struct gate_asking *asking, short events)
{
	struct gate_thread *thread = asking->thread;
	struct gate_exchange *exchange;
	struct lk_checked checked;

	/* Time may be all that epoll could tell. */
	if (events == 0 && asking->wants.until_ns != INT64_MAX &&
	    lk_monotonic_ns() >= asking->wants.until_ns)
		events = asking->wants.events;
	else if (events == 0 && asking->first == NULL)
		return;
	lk_checks_go_on(thread->asked.checks, events);
	while (lk_check_finish(thread->asked.checks, &checked)) {
		exchange = checked.whose;
		remove_one(asking, exchange);
		go_with(asking, exchange,
		    gate_handle_finish(&thread->asked, &exchange->c, &checked,
		        &thread->reply));
	}
	wait_for_store(asking);
}
