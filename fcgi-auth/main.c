#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "base/error.h"
#include "base/fd.h"
#include "door/door.h"
#include "door/queue.h"
#include "door/worker.h"
#include "latchkey.h"
#include "process/account.h"
#include "process/cgi.h"
#include "process/control.h"
#include "process/generation.h"
#include "process/journal.h"
#include "process/listen.h"
#include "process/notify.h"
#include "process/privileges.h"
#include "process/process.h"
#include "process/report.h"

/* Where a service manager leaves its sockets, from sd_listen_fds(3). */
#define LISTEN_FDS_START 3
#define NOTIFY_MAX 128
/* How long standard error may take to have room. */
#define COMPLAINT_MS 1000

enum { EXIT_DONE = 0, EXIT_WRONG = 2 };

/** What the environment says; nothing else in the gate reads it. */
struct environment {
	int sockets;             /* passed by the service manager */
	char notify[NOTIFY_MAX]; /* where it wants to be told; "": nowhere */
};

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

/* Print ${text}, and see to it that all is out. */
static int
print(const char *text)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return (EXIT_DONE);
	(void)fputs("latchkey-fcgi: cannot write to standard output\n", stderr);
	return (EXIT_WRONG);
}

/* The exit status if there is nothing more to do, else -1. */
static int
read_options(int argc, char **argv, const char **path)
{
	static const struct option options[] = { { "config", required_argument,
		                                     NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 } };
	int option;

	while (
	    (option = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			*path = optarg;
			break;
		case 'h':
			return (print(usage));
		case 'V':
			(void)printf("latchkey-fcgi %s\n", lk_version());
			return (print(""));
		default:
			(void)fputs(usage, stderr);
			return (EXIT_WRONG);
		}
	}
	if (optind != argc) {
		(void)fputs(usage, stderr);
		return (EXIT_WRONG);
	}
	return (-1);
}

/* Say what is wrong, unless nobody takes it within a moment. */
static int
complain(const struct lk_error *error)
{
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&pfd, 1, COMPLAINT_MS) != 0)
		(void)fprintf(stderr, "latchkey-fcgi: %s\n", error->text);
	return (EXIT_WRONG);
}

/* The value of variable ${name} as a small number; 0 if it is none. */
static long
read_number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long number;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return (0);
	errno = 0;
	number = strtol(text, &end, 10);
	return (errno != 0 || *end != '\0' ? 0 : number);
}

/* Read what is meant for this process, and leave it to no other. */
static struct environment
read_environment(void)
{
	static const char *const names[] = { "LISTEN_PID", "LISTEN_FDS",
		"LISTEN_FDNAMES", "NOTIFY_SOCKET" };
	const char *notify = getenv("NOTIFY_SOCKET");
	struct environment environment = { 0 };
	size_t i;

	if (read_number("LISTEN_PID") == (long)getpid())
		environment.sockets = (int)read_number("LISTEN_FDS");
	if (notify != NULL)
		(void)snprintf(environment.notify, NOTIFY_MAX, "%s", notify);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unsetenv(names[i]);
	return (environment);
}

static enum lk_status
find_listener(const struct environment *environment,
    const struct lk_settings *settings, struct gate_listener *listener,
    struct lk_error *error)
{
	enum lk_status status = LK_FAULT;
	struct lk_error why;
	gid_t group;

	if (environment->sockets > 0) {
		if (environment->sockets > 1 ||
		    !gate_listener_inherited(LISTEN_FDS_START))
			return (lk_fail(error, LK_E_SETTINGS,
			    "LISTEN_FDS: "
			    "expected one listening stream socket"));
		return (gate_listener_adopt(LISTEN_FDS_START, listener, error));
	}
	if (gate_listener_inherited(STDIN_FILENO))
		return (gate_listener_adopt(STDIN_FILENO, listener, error));
	status = gate_account_group(settings->gate.socket_group, &group, &why);
	if (status != LK_OK) {
		lk_error_set(error, "gate.socket_group: %s", why.text);
		return (status);
	}
	return (gate_listener_open(settings->gate.listen,
	    (mode_t)settings->gate.socket_mode, group, listener, error));
}

static enum lk_status
open_listener(const struct environment *environment,
    const struct lk_settings *settings, struct gate_listener *listener,
    struct lk_error *error)
{
	enum lk_status status = LK_FAULT;

	status = find_listener(environment, settings, listener, error);
	if (status != LK_OK)
		return (status);
	if (settings->gate.allow_remote || gate_socket_is_local(listener->fd))
		return (LK_OK);
	return (lk_fail(error, LK_E_SETTINGS,
	    "the socket is bound to an "
	    "address that other machines reach, which takes "
	    "gate.allow_remote = true"));
}

/* Become `gate.user`, if started as root; the socket file becomes theirs. */
static enum lk_status
become_user(const struct lk_settings *settings,
    const struct gate_listener *listener, struct lk_error *error)
{
	struct gate_account account;
	enum lk_status status = LK_FAULT;
	struct lk_error why;

	if (settings->gate.user[0] == '\0' || geteuid() != 0)
		return (LK_OK);
	status = gate_account_find(settings->gate.user, &account, &why);
	if (status != LK_OK) {
		lk_error_set(error, "gate.user: %s", why.text);
		return (status);
	}
	status = gate_listener_give(listener, account.uid,
	    settings->gate.socket_group[0] == '\0' ? account.gid : (gid_t)-1,
	    error);
	if (status != LK_OK)
		return (status);
	if ((status = gate_privileges_drop(&account, error)) != LK_OK)
		return (status);
	gate_process_hide_memory();
	return (LK_OK);
}

/* Say where the gate listens, and what may not be as it was meant. */
static void
say_started(const struct lk_log *log, const struct lk_settings *settings,
    const struct gate_listener *listener)
{
	char name[GATE_LISTEN_NAME_MAX];

	gate_listener_name(listener, name);
	LK_LOG(log, LK_LOG_INFO, "gate started", { "version", lk_version() },
	    { "address", name });
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

/* Serve on ${listener} until the control says to stop, and finish. */
static enum lk_status
serve(struct gate_control *control, struct gate_listener *listener,
    size_t threads, struct lk_error *error)
{
	const struct gate_room room = gate_process_room(threads);
	struct gate_door_parts at_door = { .listener = listener->fd,
		.waiting_max = room.waiting,
		.control = control,
		.generations = control->generations,
		.report = control->report };
	struct gate_worker_parts at_work = {
		.generations = control->generations,
		.report = control->report
	};
	struct gate_workers *workers = NULL;
	struct gate_generation *first;
	enum lk_status status = LK_FAULT;
	struct gate_queue *queue = NULL;
	struct gate_door *door = NULL;

	if ((status = gate_queue_new(room.queue, &queue)) != LK_OK)
		goto out;
	control->queue = at_door.queue = at_work.queue = queue;
	if ((status = gate_door_new(&at_door, &door, error)) != LK_OK)
		goto out;
	at_work.door = door;
	gate_generations_listen(control->generations, listener->fd);
	status = gate_generations_watch(control->generations, error);
	if (status != LK_OK)
		goto out;
	status = gate_workers_start(&at_work, &workers, error);
	if (status != LK_OK)
		goto out;
	first = gate_generations_hold(control->generations);
	say_started(control->report->log, first->settings, listener);
	gate_generations_drop(control->generations, first);
	gate_notify_ready(control->notify);
	status = gate_door_run(door);
out:
	/* From here on another gate may take the listener's place. */
	gate_listener_close(listener);
	gate_workers_finish(workers);
	gate_door_free(door);
	gate_queue_free(queue);
	if (status == LK_OK) {
		(void)gate_report_rest(control->report, INT64_MAX);
		lk_log_event(control->report->log, LK_LOG_INFO, "gate stopped",
		    NULL, 0);
	}
	return (status);
}

static int
run(const char *path, const struct environment *environment)
{
	struct lk_error error = { "the system does not let the gate run" };
	struct gate_generation *first = NULL;
	struct gate_listener listener = { .fd = -1 };
	struct gate_notify notify = { -1 };
	struct gate_report report = { .log = NULL };
	struct gate_journal *journal = NULL;
	struct gate_control control = { .fd = -1,
		.report = &report,
		.notify = &notify };
	enum lk_status status = LK_FAULT;
	size_t threads;

	openlog("latchkey-fcgi", LOG_PID, LOG_AUTHPRIV);
	if ((status = gate_control_open(&control)) != LK_OK)
		goto out;
	status = gate_journal_new(&report.metrics.log_dropped, &journal,
	    &error);
	if (status == LK_OK)
		status = gate_journal_start(journal, &error);
	if (status != LK_OK)
		goto out;
	status = gate_generations_new(path, journal, &control.generations,
	    &error);
	if (status != LK_OK)
		goto out;
	first = gate_generations_hold(control.generations);
	status = gate_notify_open(environment->notify, &notify, &error);
	if (status != LK_OK)
		goto out;
	status = open_listener(environment, first->settings, &listener, &error);
	if (status != LK_OK)
		goto out;
	if ((status = become_user(first->settings, &listener, &error)) != LK_OK)
		goto out;
	report.log = first->log;
	threads = (size_t)first->settings->gate.threads;
	gate_generations_drop(control.generations, first);
	first = NULL;
	status = FCGX_Init() == 0 ? LK_OK : LK_FAULT;
	if (status == LK_OK)
		status = serve(&control, &listener, threads, &error);
out:
	gate_listener_close(&listener);
	gate_notify_close(&notify);
	gate_control_close(&control);
	gate_generations_drop(control.generations, first);
	gate_generations_free(control.generations);
	gate_journal_free(journal);
	return (status == LK_OK ? EXIT_DONE : complain(&error));
}

/*
 * Answer one request as CGI, if whoever set this up asked for it: ${path},
 * from a variable that no request can set, names the settings.
 */
static int
run_as_cgi(const char *path)
{
	struct lk_settings *settings = NULL;
	struct lk_error error = { "" };
	struct lk_log log = { .sink = lk_log_stderr };
	int status = EXIT_DONE;

	openlog("latchkey-fcgi", LOG_PID, LOG_AUTHPRIV);
	if (path == NULL) {
		(void)fputs("latchkey-fcgi: to run as CGI, it needs the "
		            "settings file's path in LATCHKEY_CGI\n",
		    stderr);
		return (EXIT_WRONG);
	}
	if (lk_settings_load(path, &settings, &error) == LK_OK)
		log = *gate_journal_log(NULL, settings);
	else
		status = complain(&error);
	if (!gate_cgi_answer(settings, &log, environ, STDOUT_FILENO))
		status = EXIT_WRONG;
	lk_settings_free(settings);
	return (status);
}

int
main(int argc, char **argv)
{
	struct environment environment;
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
	environment = read_environment();
	if ((status = read_options(argc, argv, &path)) != -1)
		return (status);
	return (run(path, &environment));
}
