#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cgi.h"
#include "endpoints/endpoints.h"

static bool
write_all(int fd, const char *text)
{
	size_t left = strlen(text);
	ssize_t n;

	while (left > 0) {
		n = write(fd, text, left);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return (false);
		text += n;
		left -= (size_t)n;
	}
	return (true);
}

bool
gate_cgi_answer(const struct lk_settings *settings, const struct lk_log *log,
    char **env, int fd)
{
	const struct lk_surroundings surroundings = { .log = log };
	struct gate_tally tally = { .events = { .log = log } };
	struct gate_asked asked = { settings, &tally, NULL };
	struct lk_buf out = LK_BUF_INIT(GATE_REPLY_MAX);
	struct lk_error error = { "" };
	enum lk_status status = LK_E_SETTINGS;
	const char *reply;
	bool done;

	if (settings != NULL)
		status = lk_manager_new(settings, &surroundings, &asked.manager,
		    &error);
	if (status == LK_OK) {
		reply = gate_handle(&asked, env, GATE_ROLE_CGI, &out);
	} else {
		if (settings != NULL)
			gate_events_store(&tally.events, status, error.text);
		reply = gate_reply_end(&out);
	}
	done = write_all(fd, reply);
	gate_request_wipe(env);
	lk_manager_free(asked.manager);
	lk_buf_free(&out);
	return (done);
}
