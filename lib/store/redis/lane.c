#include <sys/epoll.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/redis/lane.h"

/* How often another master is looked for while an answer is awaited. */
#define LOOK_NS INT64_C(50000000)
/* Of how many it is heard at once; others are heard of next. */
#define HEARD_MAX 32

_Static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR,
    "epoll(7) says what poll(2) says");

/* ---- Which one ---------------------------------------------------------- */

static struct lk_redis_lane *
add_lane(struct lk_redis_lanes *lanes)
{
	struct lk_redis_lane *lane = calloc(1, sizeof(*lane));

	if (lane == NULL)
		return (NULL);
	lane->dial.link = lanes->link;
	lane->dial.wire = lk_redis_link_add_wire(lanes->link);
	if (lane->dial.wire == NULL) {
		free(lane);
		return (NULL);
	}
	lane->time.place = LK_REDIS_NOWHERE;
	lk_redis_order_init(&lane->order, lanes->one_by_one);
	lane->next = lanes->first;
	lanes->first = lane;
	return (lane);
}

enum lk_status
lk_redis_lanes_to(struct lk_redis_lanes *lanes, struct lk_redis_master *master,
    struct lk_redis_lane **lanep)
{
	struct lk_redis_lane *lane, *spare = NULL;
	const struct lk_redis_wire *wire;

	for (lane = lanes->first; lane != NULL; lane = lane->next) {
		wire = lane->dial.wire;
		if (lane->dial.state == LK_DIAL_CLOSED)
			spare = lane;
		else if (wire->manners.generation == master->current &&
		    wire->generation == master->generation)
			break;
	}
	if (lane != NULL) {
		*lanep = lane;
		return (LK_OK);
	}
	if (spare == NULL && (spare = add_lane(lanes)) == NULL)
		return (
		    lk_fail(lanes->link->error, LK_E_NOMEM, "out of memory"));
	*lanep = spare;
	return (lk_redis_dial_begin(&spare->dial, master));
}

enum lk_status
lk_redis_lanes_find(struct lk_redis_lanes *lanes, int slot,
    struct lk_redis_lane **lanep)
{
	struct lk_redis_topology *topology = lanes->link->watch->topology;
	struct lk_redis_master master;
	struct lk_redis_lane *lane;

	for (lane = lanes->first; lane != NULL; lane = lane->next) {
		if (lane->dial.state != LK_DIAL_CLOSED &&
		    lk_redis_topology_is_fresh(topology, lane->dial.wire,
		        slot)) {
			*lanep = lane;
			return (LK_OK);
		}
	}
	return (topology->ops->has(topology, slot, &master)
	        ? lk_redis_lanes_to(lanes, &master, lanep)
	        : LK_E_WOULD_WAIT);
}

void
lk_redis_lanes_clear(struct lk_redis_lanes *lanes)
{
	struct lk_redis_lane *lane;

	while ((lane = lanes->first) != NULL) {
		lanes->first = lane->next;
		lk_redis_dial_close(&lane->dial);
		lk_redis_order_free(&lane->order);
		free(lane);
	}
	if (lanes->all >= 0)
		(void)close(lanes->all);
	lanes->all = -1;
}

/* ---- What one waits for ------------------------------------------------- */

int64_t
lk_redis_lane_silent_ns(const struct lk_redis_lane *lane)
{
	const int64_t ms =
	    lane->dial.link->settings->store.redis.command_timeout_ms;

	return (lk_redis_order_is_owed(&lane->order)
	        ? lane->order.heard_ns + 2 * ms * 1000000
	        : INT64_MAX);
}

int
lk_redis_lane_send(struct lk_redis_lane *lane)
{
	return (lk_redis_order_send(&lane->order,
	    &lane->dial.wire->channel.stream));
}

/* For what it waits, and until when. */
static struct pollfd
poll_lane(const struct lk_redis_lane *lane, int64_t *until_ns)
{
	const bool more = lk_redis_order_may_send(&lane->order);
	struct pollfd p = { .fd = -1 };
	int64_t until = lk_redis_lane_silent_ns(lane);

	if (lane->dial.state == LK_DIAL_READY)
		p = lk_stream_poll(&lane->dial.wire->channel.stream,
		    (short)(POLLIN | (more ? POLLOUT : 0)));
	else if (lane->dial.state != LK_DIAL_CLOSED) {
		p = lk_redis_dial_poll(&lane->dial);
		until = lane->dial.deadline.at_ns;
	}
	if (!lk_redis_order_is_empty(&lane->order) &&
	    lane->dial.wire->manners.master &&
	    lk_monotonic_ns() + LOOK_NS < until)
		until = lk_monotonic_ns() + LOOK_NS;
	if (p.fd >= 0 && p.events == 0)
		until = 0;
	if (until < *until_ns)
		*until_ns = until;
	return (p);
}

/* ---- What all of several wait for --------------------------------------- */

/* Wait for what one waits for. */
static bool
await(const struct lk_redis_lanes *lanes, struct lk_redis_lane *lane,
    struct pollfd p)
{
	struct epoll_event event = { .events = (uint32_t)p.events,
		.data.ptr = lane };

	if (lane->awaited && lane->events == p.events)
		return (true);
	if (epoll_ctl(lanes->all, lane->awaited ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
	        p.fd, &event) != 0)
		return (false);
	lane->awaited = true;
	lane->events = p.events;
	lane->serial = lane->dial.serial;
	return (true);
}

/* A descriptor that is gone might be waited for by it still, as a child process
 * may have it: have another. */
static void
begin_anew(struct lk_redis_lanes *lanes)
{
	struct lk_redis_lane *lane;

	if (lanes->all >= 0)
		(void)close(lanes->all);
	lanes->all = lk_fd_above(epoll_create1(EPOLL_CLOEXEC));
	lanes->serial++;
	for (lane = lanes->first; lane != NULL; lane = lane->next)
		lane->awaited = false;
}

static void
want_several(struct lk_redis_lanes *lanes, struct lk_checks_wants *wants)
{
	struct lk_redis_lane *lane;
	struct pollfd p;
	bool anew = lanes->all < 0, all = true;

	for (lane = lanes->first; lane != NULL; lane = lane->next)
		anew |= lane->awaited &&
		    (lane->dial.state == LK_DIAL_CLOSED ||
		        lane->serial != lane->dial.serial);
	if (anew)
		begin_anew(lanes);
	for (lane = lanes->first; lane != NULL; lane = lane->next) {
		p = poll_lane(lane, &wants->until_ns);
		all &= p.fd < 0 || await(lanes, lane, p);
	}
	wants->fd = lanes->all;
	wants->events = POLLIN;
	wants->serial = lanes->serial;
	/* Without a descriptor to spare all are tried, once in a while. */
	if (!all && lk_monotonic_ns() + LOOK_NS < wants->until_ns)
		wants->until_ns = lk_monotonic_ns() + LOOK_NS;
}

/* ---- What is waited for -------------------------------------------------- */

/* Whether there can be more than one. */
static bool
are_several(const struct lk_redis_lanes *lanes)
{
	return (lanes->link->watch->topology->ops->is_at != NULL);
}

void
lk_redis_lanes_wants(struct lk_redis_lanes *lanes,
    struct lk_checks_wants *wants)
{
	struct pollfd p;

	*wants = (struct lk_checks_wants){ .fd = -1, .until_ns = INT64_MAX };
	if (lanes->first == NULL)
		return;
	if (are_several(lanes)) {
		want_several(lanes, wants);
	} else {
		p = poll_lane(lanes->first, &wants->until_ns);
		wants->fd = p.fd;
		wants->events = p.events;
		wants->serial = lanes->first->dial.serial;
	}
}

void
lk_redis_lanes_hear(struct lk_redis_lanes *lanes, short events)
{
	struct epoll_event heard[HEARD_MAX];
	struct lk_redis_lane *lane;
	int i, n = 0;

	for (lane = lanes->first; lane != NULL; lane = lane->next) {
		lane->ready = 0;
		if (!are_several(lanes))
			lane->ready = events;
	}
	if (are_several(lanes) && events != 0 && lanes->all >= 0)
		n = epoll_wait(lanes->all, heard, HEARD_MAX, 0);
	for (i = 0; i < n; i++) {
		lane = heard[i].data.ptr;
		lane->ready = (short)heard[i].events;
	}
}
