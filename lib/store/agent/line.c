#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/name_service.h"
#include "store/agent/line.h"

/* What is read at once: a session and its head take less than a third. */
#define READ_SIZE ((size_t)2000)

void
lk_agent_line_init(struct lk_agent_line *line,
    const struct lk_settings *settings, struct lk_error *error)
{
	*line = (struct lk_agent_line){ .settings = settings,
		.error = error,
		.in = LK_BUF_INIT(LK_AGENT_HEAD_MAX + LK_AGENT_BODY_MAX) };
}

void
lk_agent_line_forget(struct lk_agent_line *line)
{
	lk_buf_free(&line->in);
}

void
lk_agent_line_close(struct lk_agent_line *line)
{
	lk_agent_line_forget(line);
	lk_stream_close(&line->stream);
}

static const char *
where(const struct lk_agent_line *line)
{
	return (line->settings->store.agent.address);
}

/* ---- Who is there ------------------------------------------------------ */

/* The number of the user that the settings name. */
static enum lk_status
find_owner(const char *name, uid_t *uid, struct lk_error *why)
{
	struct lk_account account = { .data = NULL };
	enum lk_status status = LK_OK;

	if (name[strspn(name, "0123456789")] == '\0') {
		*uid = (uid_t)strtoul(name, NULL, 10);
		return (LK_OK);
	}
	status = lk_account_find(name, 0, &account, why);
	if (status == LK_OK)
		*uid = account.entry.pw_uid;
	lk_account_free(&account);
	return (status);
}

/* Whether who listens is root, or the user that the settings name. */
static enum lk_status
check_peer(struct lk_agent_line *line)
{
	const char *name = line->settings->store.agent.user;
	enum lk_status status = LK_OK;
	struct lk_error why;
	uid_t peer, owner;

	if (!lk_stream_peer(&line->stream, &peer))
		return (lk_fail(line->error, LK_E_STORE, "agent at %s: %s",
		    where(line), strerror(errno)));
	if (peer == 0)
		return (LK_OK);
	status = find_owner(name, &owner, &why);
	if (status == LK_OK && owner != peer)
		status = LK_NO_USER;
	if (status == LK_NO_USER)
		return (lk_fail(line->error, LK_E_SETTINGS,
		    "agent at %s: it is user %lu's, and neither root's nor "
		    "that of store.agent.user, which is %s: it is not asked",
		    where(line), (unsigned long)peer, name));
	if (status != LK_OK)
		return (lk_fail(line->error, LK_E_STORE,
		    "agent at %s: whether it is %s's cannot be found out: %s",
		    where(line), name, why.text));
	return (LK_OK);
}

static enum lk_status
connect_it(struct lk_agent_line *line, struct lk_deadline deadline)
{
	const int64_t patience = line->settings->store.agent.timeout_ms;
	struct lk_address address;
	enum lk_status status = LK_OK;
	const char *why;

	status = lk_address_parse(where(line), &address);
	if (status != LK_OK)
		return (lk_fail(line->error, LK_E_SETTINGS,
		    "agent at %s: that is no address", where(line)));
	line->uid = geteuid();
	line->gid = getegid();
	status = lk_stream_connect(&line->stream, &address, deadline, &why);
	if (status != LK_OK)
		return (lk_fail(line->error, status, "agent at %s: connect: %s",
		    where(line), why));
	status = check_peer(line);
	if (status == LK_OK && !lk_stream_set_patience(&line->stream, patience))
		status = lk_fail(line->error, LK_E_STORE, "agent at %s: %s",
		    where(line), strerror(errno));
	if (status != LK_OK)
		lk_agent_line_close(line);
	return (status);
}

/* ---- Asking -------------------------------------------------------------- */

static enum lk_status
failed(struct lk_agent_line *line, int error)
{
	if (error == ETIMEDOUT)
		return (lk_fail(line->error, LK_E_TIMEOUT,
		    "agent at %s: no answer in time; store.agent.timeout_ms "
		    "says how long is waited, on a busy machine as well",
		    where(line)));
	return (lk_fail(line->error, LK_E_STORE, "agent at %s: %s", where(line),
	    error == EPIPE || error == ECONNRESET
	        ? "it has closed the connection"
	        : strerror(error)));
}

/* Read one answer; ${gone}: the connection was closed before it began. */
static enum lk_status
receive(struct lk_agent_line *line, struct lk_deadline deadline,
    struct lk_agent_reply *reply, bool *gone)
{
	enum lk_agent_read read = LK_AGENT_PART;
	ssize_t n;
	char *room;

	while (read == LK_AGENT_PART) {
		if ((room = lk_buf_room(&line->in, READ_SIZE)) == NULL)
			break;
		n = lk_stream_receive(&line->stream, room, READ_SIZE, deadline);
		if (n <= 0) {
			*gone = line->in.len == 0 &&
			    (n == 0 || errno == ECONNRESET || errno == EPIPE);
			return (failed(line, n == 0 ? ECONNRESET : errno));
		}
		lk_buf_grew(&line->in, (size_t)n);
		read = lk_agent_reply_read(line->in.data, line->in.len, reply);
	}
	if (read == LK_AGENT_WHOLE)
		return (LK_OK);
	if (read == LK_AGENT_PART)
		return (lk_fail(line->error, LK_E_NOMEM, "out of memory"));
	return (lk_fail(line->error, LK_E_CORRUPT,
	    "agent at %s: that is no answer of an agent", where(line)));
}

/* Ask once; ${free}: it has not arrived, or may do so again. */
static enum lk_status
exchange(struct lk_agent_line *line, const struct lk_agent_question *question,
    struct lk_deadline deadline, struct lk_agent_reply *reply, bool *free)
{
	struct lk_buf out = LK_BUF_INIT(LK_AGENT_FIELDS_MAX + 1024);
	const int left_ms = lk_deadline_left_ms(deadline);
	enum lk_status status = LK_OK;
	size_t sent = 0;
	bool gone = false;
	int error = 0;

	lk_agent_question(question->verb, question->get, &question->fields,
	    left_ms, &out);
	if (left_ms == 0)
		error = ETIMEDOUT;
	else if (out.failed)
		status = lk_fail(line->error, LK_E_INVAL,
		    "more than an agent is asked at once");
	else
		error = lk_stream_send(&line->stream, out.data, out.len,
		    deadline, &sent);
	lk_buf_free(&out);
	if (error != 0)
		status = failed(line, error);
	else if (status == LK_OK)
		status = receive(line, deadline, reply, &gone);
	*free = error == EPIPE || error == ECONNRESET
	    ? sent == 0 || question->again
	    : gone && question->again;
	if (status != LK_OK || reply->last)
		lk_stream_close(&line->stream);
	return (status);
}

enum lk_status
lk_agent_line_ask(struct lk_agent_line *line,
    const struct lk_agent_question *question, struct lk_deadline deadline,
    struct lk_agent_reply *reply)
{
	enum lk_status status = LK_OK;
	bool kept, free = false;

	lk_agent_line_forget(line);
	memset(reply, 0, sizeof(*reply));
	/* The agent goes by who has connected; and what cannot be asked again
	 * is not sent to who may have left. */
	if (lk_stream_is_open(&line->stream) &&
	    (line->uid != geteuid() || line->gid != getegid() ||
	        (!question->again && !lk_stream_is_quiet(&line->stream))))
		lk_stream_close(&line->stream);
	do {
		kept = lk_stream_is_open(&line->stream);
		if (!kept)
			status = connect_it(line, deadline);
		if (status == LK_OK)
			status = exchange(line, question, deadline, reply,
			    &free);
		if (status == LK_OK) {
			line->error->text[0] = '\0';
			return (LK_OK);
		}
		lk_agent_line_forget(line);
	} while (kept && free);
	return (status);
}
