#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "user/run.h"

/* How much is read at once. */
#define CHUNK 4096

/* One run of the program. */
struct run {
	const char *program;
	struct lk_child child;
	size_t max; /* most that it may print */
	struct lk_error *error;
};

/*
 * Read what there is.  Whoever holds the output open beyond the program's end
 * is not waited for.
 */
static enum lk_status
drain(struct run *run, struct lk_buf *printed)
{
	ssize_t n;
	char *room;

	while (run->child.output >= 0) {
		if ((room = lk_buf_room(printed, CHUNK)) == NULL)
			return (
			    lk_fail(run->error, LK_E_NOMEM, "out of memory"));
		n = read(run->child.output, room, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return (LK_OK);
		if (n < 0)
			return (lk_fail(run->error, LK_E_STORE, "%s: read: %s",
			    run->program, strerror(errno)));
		if (n == 0) {
			(void)close(run->child.output);
			run->child.output = -1;
		}
		lk_buf_grew(printed, (size_t)n);
		if (printed->len > run->max)
			return (lk_fail(run->error, LK_E_STORE,
			    "%s: printed more than %zu bytes", run->program,
			    run->max));
	}
	return (LK_OK);
}

/* Collect what it prints until it exits. */
static enum lk_status
watch(struct run *run, struct lk_deadline deadline, struct lk_buf *printed)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	enum lk_status status = LK_FAULT;
	bool exited = false;
	int left;

	for (;;) {
		if ((status = drain(run, printed)) != LK_OK || exited)
			return (status);
		if ((left = lk_deadline_left_ms(deadline)) == 0)
			return (lk_fail(run->error, LK_E_TIMEOUT,
			    "%s: did not end in time", run->program));
		fds[0].fd = run->child.output;
		fds[1].fd = run->child.line;
		if (poll(fds, 2, left) < 0) {
			if (errno == EINTR)
				continue;
			return (lk_fail(run->error, LK_E_STORE, "%s: poll: %s",
			    run->program, strerror(errno)));
		}
		exited = fds[1].revents != 0;
	}
}

/* LK_OK if it has exited, whatever its status. */
static enum lk_status
judge(const struct run *run, enum lk_child_end end, int code)
{
	switch (end) {
	case LK_CHILD_EXITED:
		return (LK_OK);
	case LK_CHILD_NOT_STARTED:
		return (lk_fail(run->error, LK_E_STORE,
		    "%s: cannot be started: %s", run->program, strerror(code)));
	case LK_CHILD_KILLED:
		return (lk_fail(run->error, LK_E_STORE,
		    "%s: killed by signal %d", run->program, code));
	case LK_CHILD_LOST:
		break;
	}
	return (lk_fail(run->error, LK_E_STORE, "%s: its end cannot be seen",
	    run->program));
}

enum lk_status
lk_run(char *const *argv, const struct lk_child_input *input,
    struct lk_deadline deadline, size_t max, struct lk_buf *printed, int *code,
    struct lk_error *error)
{
	struct run run = { .program = argv[0], .max = max, .error = error };
	enum lk_status status = LK_FAULT;
	enum lk_child_end end;

	*code = 0;
	*printed = (struct lk_buf)LK_BUF_INIT(max + CHUNK);
	status = lk_child_start(argv, input, &run.child, error);
	if (status != LK_OK)
		return (status);
	status = watch(&run, deadline, printed);
	end = lk_child_finish(&run.child, code);
	return (status == LK_OK ? judge(&run, end, *code) : status);
}
