/* The program `user.command` prints the detail of a user. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/json.h"
#include "user/child.h"
#include "user/source.h"

/* How much is read at once. */
#define CHUNK 4096
/* EX_NOUSER of sysexits.h. */
#define EXIT_NO_USER 67

/* One run of the program. */
struct run {
	const char *program;
	struct lk_child child;
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
		if (printed->len > LK_DETAIL_MAX)
			return (lk_fail(run->error, LK_E_STORE,
			    "%s: printed more than %d bytes", run->program,
			    LK_DETAIL_MAX));
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

/* What the way it ended and its output say. */
static enum lk_status
judge(const struct run *run, enum lk_child_end end, int code,
    const struct lk_buf *printed, struct lk_buf *detail)
{
	struct lk_buf value = LK_BUF_INIT(sizeof("null") - 1);
	bool is_null;

	if (end == LK_CHILD_NOT_STARTED)
		return (lk_fail(run->error, LK_E_STORE,
		    "%s: cannot be started: %s", run->program, strerror(code)));
	if (end == LK_CHILD_KILLED)
		return (lk_fail(run->error, LK_E_STORE,
		    "%s: killed by signal %d", run->program, code));
	if (end != LK_CHILD_EXITED)
		return (lk_fail(run->error, LK_E_STORE,
		    "%s: its end cannot be seen", run->program));
	if (code == EXIT_NO_USER)
		return (LK_NO_USER);
	if (code != 0)
		return (lk_fail(run->error, LK_E_STORE, "%s: exit status %d",
		    run->program, code));
	lk_json_compact(printed->data, printed->len, &value);
	is_null = !value.failed && strcmp(value.data, "null") == 0;
	lk_buf_free(&value);
	if (is_null)
		return (LK_NO_USER);
	if (!lk_json_is_object(printed->data, printed->len))
		return (lk_fail(run->error, LK_E_STORE,
		    "%s: expected a JSON object on its output", run->program));
	lk_json_compact(printed->data, printed->len, detail);
	if (detail->failed)
		return (lk_fail(run->error, LK_E_NOMEM, "out of memory"));
	return (LK_OK);
}

enum lk_status
lk_user_source_exec(const struct lk_settings *settings, const char *id,
    struct lk_buf *detail, struct lk_error *error)
{
	const struct lk_strings *command = &settings->user.command;
	struct lk_deadline deadline = lk_deadline_in(settings->user.timeout_ms);
	struct lk_buf printed = LK_BUF_INIT(LK_DETAIL_MAX + CHUNK);
	struct run run = { .error = error };
	enum lk_status status = LK_FAULT;
	enum lk_child_end end;
	char **argv = NULL;
	int code = 0;

	if (command->n == 0 || command->v[0][0] != '/')
		return (lk_fail(error, LK_E_SETTINGS,
		    "user.command: expected the absolute path of a program"));
	/* The program would take it for an option, and not for a user. */
	if (id[0] == '-')
		return (LK_NO_USER);
	run.program = command->v[0];
	if ((argv = calloc(command->n + 2, sizeof(*argv))) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	memcpy(argv, command->v, command->n * sizeof(*argv));
	/* An exec takes pointers to char and writes to none of them. */
	memcpy(&argv[command->n], &id, sizeof(id));
	status = lk_child_start(argv, &run.child, error);
	if (status == LK_OK) {
		status = watch(&run, deadline, &printed);
		end = lk_child_finish(&run.child, &code);
		if (status == LK_OK)
			status = judge(&run, end, code, &printed, detail);
	}
	free(argv);
	lk_buf_free(&printed);
	return (status);
}
