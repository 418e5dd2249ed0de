#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "door/door.h"
#include "endpoints/endpoints.h"
#include "process/process.h"

static const char usage[] =
    "usage: latchkey-fcgi [-c FILE]\n"
    "       latchkey-fcgi --help | --version\n"
    "\n"
    "A FastCGI authorizer: it lets those requests through that carry the\n"
    "token of a live session.  It listens on the socket that `gate.listen`\n"
    "in FILE names, or on the one that a service manager or, on standard\n"
    "input, a web server passed to it.  FILE defaults to\n" LK_SETTINGS_PATH
    ".\n"
    "SIGHUP makes it read FILE again; SIGTERM and SIGINT end it after the\n"
    "requests in hand.\n"
    "\n"
    "Started as CGI it answers one request; the variable LATCHKEY_CGI must\n"
    "name the settings file then, and arguments are not read.\n";

static const struct gate_command command = { .name = "latchkey-fcgi",
	.usage = usage };

/* Say where the gate listens, and what may not be as it was meant. */
static void
say_started(const struct lk_log *log, const struct lk_settings *settings,
    const struct gate_listener *listeners)
{
	const struct gate_listener *listener = &listeners[GATE_LISTENER_MAIN];
	char name[GATE_LISTEN_NAME_MAX], http[GATE_LISTEN_NAME_MAX];

	gate_listener_name(listener, name);
	gate_listener_name(&listeners[GATE_LISTENER_HTTP], http);
	LK_LOG(log, LK_LOG_INFO, "gate started", { "version", lk_version() },
	    { "address", name },
	    { "http", listeners[GATE_LISTENER_HTTP].fd == -1 ? NULL : http });
	/* Of a host name or a port of any kind nobody can tell. */
	if (listener->passed && strcmp(name, settings->gate.listen) != 0)
		LK_LOG(log, LK_LOG_WARN,
		    "gate.listen is not used, a socket was passed",
		    { "address", name }, { "listen", settings->gate.listen });
	if (geteuid() == 0)
		LK_LOG(log, LK_LOG_WARN,
		    "the gate runs as root, gate.user is not set",
		    { NULL, NULL });
}

/* Serve until the process is told to stop, and finish. */
static enum lk_status
serve(struct gate_process *process, struct gate_tally *tally,
    struct lk_error *error)
{
	struct gate_generation *first;
	enum lk_status status = LK_FAULT;
	struct gate_door *door = NULL;

	if ((status = gate_door_open(process, tally, &door, error)) != LK_OK)
		return (status);
	first = gate_generations_hold(process->generations);
	say_started(tally->events.log, first->settings, process->listeners);
	gate_generations_drop(process->generations, first);
	gate_process_ready(process);
	status = gate_door_run(door);
	gate_process_leave(process);
	gate_door_free(door);
	if (status == LK_OK) {
		(void)gate_tally_rest(tally, INT64_MAX);
		lk_log_event(tally->events.log, LK_LOG_INFO, "gate stopped",
		    NULL, 0);
	}
	return (status);
}

/* Which of the settings are about the process. */
static struct gate_process_settings
process_settings(const struct lk_settings *settings)
{
	return ((struct gate_process_settings){
	    .listen = settings->gate.listen,
	    .http_listen = settings->gate.http.listen,
	    .http_allow_uids = &settings->gate.http.allow_uids,
	    .socket_mode = settings->gate.socket_mode,
	    .socket_group = settings->gate.socket_group,
	    .user = settings->gate.user,
	    .threads = settings->gate.threads,
	    .allow_remote = settings->gate.allow_remote,
	    .allow_uids = &settings->gate.allow_uids,
	});
}

/* Beside the settings there is what they say of the pages' look. */
static enum lk_status
load(const struct lk_settings *settings, void **own, struct lk_error *error)
{
	char *style;
	const enum lk_status status = gate_style_load(settings, &style, error);

	*own = style;
	return (status);
}

static int
run(const char *path)
{
	static const struct gate_program program = { .name = "the gate",
		.file = LK_SETTINGS_PATH,
		.group = "gate",
		.settings = process_settings,
		.prepare = gate_door_prepare,
		.load = load,
		.unload = free };
	struct lk_error error = { "the system does not let the gate run" };
	static struct gate_tally tally;
	struct gate_process process = { .program = &program,
		.events = &tally.events };
	enum lk_status status = LK_FAULT;

	openlog(command.name, LOG_PID, LOG_AUTHPRIV);
	status = gate_process_open(&process, path, &error);
	if (status == LK_OK)
		status = serve(&process, &tally, &error);
	gate_process_close(&process);
	return (status == LK_OK ? GATE_EXIT_DONE
	                        : gate_command_complain(&command, &error));
}

/* ---- As a CGI program ---------------------------------------------------- */

static bool
print_reply(const char *text)
{
	size_t left = strlen(text);
	ssize_t n;

	while (left > 0) {
		n = write(STDOUT_FILENO, text, left);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return (false);
		text += n;
		left -= (size_t)n;
	}
	return (true);
}

/*
 * Answer the one request in the environment, whose values are wiped, if whoever
 * set this up asked for it: ${path}, from a variable that no request can set,
 * names the settings.  Arguments mean nothing here, because a web server makes
 * them of the query: RFC 3875, section 4.4.
 */
static int
run_as_cgi(const char *path)
{
	struct lk_settings *settings = NULL;
	struct lk_error error = { "" };
	struct lk_log log = { .sink = lk_log_stderr };
	const struct lk_surroundings surroundings = { .log = &log };
	static struct gate_tally tally;
	struct gate_asked asked = { .tally = &tally };
	struct lk_buf out = LK_BUF_INIT(GATE_REPLY_MAX);
	struct gate_brought brought = { .since_ns = 0 };
	struct gate_case c;
	enum lk_status status = LK_FAULT;
	char *style = NULL;
	const char *reply;
	int code = GATE_EXIT_DONE;

	atomic_init(&tally.events.log, &log);
	openlog(command.name, LOG_PID, LOG_AUTHPRIV);
	if (path == NULL) {
		(void)fputs("latchkey-fcgi: to run as CGI, it needs the "
		            "settings file's path in LATCHKEY_CGI\n",
		    stderr);
		return (GATE_EXIT_WRONG);
	}
	if (lk_settings_load(path, &settings, &error) != LK_OK) {
		code = gate_command_complain(&command, &error);
	} else {
		log.level = (enum lk_log_level)settings->log.level;
		log.format = (enum lk_log_format)settings->log.format;
		if (settings->log.to == LK_LOG_TO_SYSLOG)
			log.sink = lk_log_syslog;
		status = gate_style_load(settings, &style, &error);
		if (status == LK_OK)
			status = lk_manager_new(settings, &surroundings,
			    &asked.manager, &error);
		if (status != LK_OK)
			gate_events_store(&tally.events, status, error.text);
	}
	asked.settings = settings;
	asked.style = style;
	/* For want of settings or a manager it is 503. */
	reply = status == LK_OK
	    ? gate_handle(&asked, &c, NULL, environ, GATE_ROLE_CGI, &brought,
	          &out)
	    : gate_reply_end(&out);
	if (!print_reply(reply))
		code = GATE_EXIT_WRONG;
	gate_request_wipe(environ);
	lk_manager_free(asked.manager);
	free(style);
	lk_buf_free(&out);
	lk_settings_free(settings);
	return (code);
}

int
main(int argc, char **argv)
{
	struct lk_fd_hold standard = { { false } };
	const char *path = NULL;
	int status;

	/* For good: a connection in place of standard error would be sent
	 * what is meant for that. */
	lk_fd_hold(&standard);
	gate_process_hide_memory();
	/* As CGI, a request's query can become arguments: read none. */
	if (getenv("GATEWAY_INTERFACE") != NULL)
		return (run_as_cgi(getenv("LATCHKEY_CGI")));
	if ((status = gate_command_read(&command, argc, argv, &path)) != -1)
		return (status);
	return (run(path));
}
