#include <sys/prctl.h>
#include <sys/resource.h>

#include <stdbool.h>

#include "process/process.h"

/* Most connections that wait, and descriptors for everything else. */
#define WAITING_MAX 16384
#define QUEUE_MAX 1024
#define RESERVED_FDS 64
#define FDS_PER_THREAD 4

/* LeakSanitizer inspects its own process, which hide_memory() would forbid. */
#if defined(__SANITIZE_ADDRESS__)
#define CAN_HIDE false
#elif defined(__has_feature)
#define CAN_HIDE (!__has_feature(address_sanitizer))
#else
#define CAN_HIDE true
#endif

void
gate_process_hide_memory(void)
{
	const struct rlimit none = { 0, 0 };

	if (!CAN_HIDE)
		return;
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

struct gate_room
gate_process_room(size_t threads)
{
	const size_t reserved = RESERVED_FDS + FDS_PER_THREAD * threads;
	const rlim_t wanted = WAITING_MAX + QUEUE_MAX + reserved;
	struct rlimit limit = { reserved, reserved };
	struct gate_room room;
	size_t fds;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted &&
	    limit.rlim_max > limit.rlim_cur) {
		limit.rlim_cur = limit.rlim_max < wanted
		    ? limit.rlim_max
		    : wanted;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
		(void)getrlimit(RLIMIT_NOFILE, &limit);
	}
	fds = (size_t)(limit.rlim_cur < wanted ? limit.rlim_cur : wanted);
	fds = fds > 2 * reserved ? fds - reserved : reserved;
	room.queue = fds / 4 < QUEUE_MAX ? fds / 4 : QUEUE_MAX;
	room.waiting = fds - room.queue;
	return (room);
}
