#include <sys/prctl.h>
#include <sys/resource.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "process/account.h"
#include "process/control.h"
#include "process/privileges.h"
#include "process/process.h"

/* Where a service manager leaves its sockets, from sd_listen_fds(3). */
#define LISTEN_FDS_START 3
#define NOTIFY_MAX 128
/* Most connections that wait, and descriptors for everything else. */
#define WAITING_MAX 16384
#define QUEUE_MAX 1024
#define RESERVED_FDS 64
#define FDS_PER_THREAD 4

/** What the environment says to a process that a service manager starts. */
struct environment {
	int sockets;             /* passed by the service manager */
	char notify[NOTIFY_MAX]; /* where it wants to be told; "": nowhere */
};

/* LeakSanitizer inspects its own process, which hiding it would forbid. */
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

/* ---- The environment --------------------------------------------------- */

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

/* ---- The socket, and whose process it is ------------------------------- */

static enum lk_status
find_listener(const struct environment *environment,
    const struct gate_program *program,
    const struct gate_process_settings *settings,
    struct gate_listener *listener, struct lk_error *error)
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
		return (gate_listener_adopt(LISTEN_FDS_START, program->prepare,
		    listener, error));
	}
	if (gate_listener_inherited(STDIN_FILENO))
		return (gate_listener_adopt(STDIN_FILENO, program->prepare,
		    listener, error));
	status = gate_account_group(settings->socket_group, &group, &why);
	if (status != LK_OK) {
		lk_error_set(error, "%s.socket_group: %s", program->group,
		    why.text);
		return (status);
	}
	return (
	    gate_listener_open(settings->listen, (mode_t)settings->socket_mode,
	        group, program->prepare, listener, error));
}

static enum lk_status
open_listener(const struct environment *environment,
    const struct gate_program *program,
    const struct gate_process_settings *settings,
    struct gate_listener *listener, struct lk_error *error)
{
	enum lk_status status = LK_FAULT;

	status = find_listener(environment, program, settings, listener, error);
	if (status != LK_OK)
		return (status);
	if (settings->allow_remote || gate_socket_is_local(listener->fd))
		return (LK_OK);
	return (lk_fail(error, LK_E_SETTINGS,
	    "the socket is bound to an address that other machines reach, "
	    "which takes %s.allow_remote = true",
	    program->group));
}

/* Become the user of the settings, if started as root; the socket file becomes
 * theirs. */
static enum lk_status
become_user(const struct gate_program *program,
    const struct gate_process_settings *settings,
    const struct gate_listener *listener, struct lk_error *error)
{
	struct gate_account account;
	enum lk_status status = LK_FAULT;
	struct lk_error why;

	if (settings->user[0] == '\0' || geteuid() != 0)
		return (LK_OK);
	status = gate_account_find(settings->user, &account, &why);
	if (status != LK_OK) {
		lk_error_set(error, "%s.user: %s", program->group, why.text);
		return (status);
	}
	status = gate_listener_give(listener, account.uid,
	    settings->socket_group[0] == '\0' ? account.gid : (gid_t)-1, error);
	if (status != LK_OK)
		return (status);
	if ((status = gate_privileges_drop(&account, error)) != LK_OK)
		return (status);
	gate_process_hide_memory();
	return (LK_OK);
}

/* ---- The whole process ------------------------------------------------- */

/* By the settings of ${first}: listen, and be who the process is to be. */
static enum lk_status
take_place(struct gate_process *process, const struct environment *environment,
    const struct gate_generation *first, struct lk_error *error)
{
	const struct gate_program *program = process->program;
	const struct gate_process_settings settings = program->settings(
	    first->settings);
	enum lk_status status = LK_FAULT;

	status = gate_notify_open(environment->notify, &process->notify, error);
	if (status != LK_OK)
		return (status);
	status = open_listener(environment, program, &settings,
	    &process->listener, error);
	if (status != LK_OK)
		return (status);
	gate_generations_listen(process->generations, process->listener.fd);
	status = become_user(program, &settings, &process->listener, error);
	if (status != LK_OK)
		return (status);
	process->threads = (size_t)settings.threads;
	process->events->log = first->log;
	return (LK_OK);
}

enum lk_status
gate_process_open(struct gate_process *process, const char *path,
    struct lk_error *error)
{
	const struct environment environment = read_environment();
	struct gate_generation *first;
	enum lk_status status = LK_FAULT;

	process->listener.fd = -1;
	process->notify.fd = -1;
	/* Signals first: every thread is to leave them to the descriptor. */
	if ((process->signals = gate_control_open()) == -1)
		return (LK_FAULT);
	status = gate_logger_new(&process->events->metrics.log_dropped,
	    &process->logger, error);
	if (status == LK_OK)
		status = gate_logger_start(process->logger, error);
	if (status == LK_OK)
		status = gate_generations_new(process->program, path,
		    process->logger, &process->generations, error);
	if (status != LK_OK)
		return (status);
	first = gate_generations_hold(process->generations);
	status = take_place(process, &environment, first, error);
	gate_generations_drop(process->generations, first);
	if (status != LK_OK)
		return (status);
	return (gate_generations_watch(process->generations, error));
}

void
gate_process_ready(const struct gate_process *process)
{
	gate_notify_ready(&process->notify);
}

/* Let the log follow the settings, and wake who works to do the same. */
static void
take_effect(struct gate_process *process, const char *restart)
{
	struct gate_generation *current = gate_generations_hold(
	    process->generations);

	process->events->log = current->log;
	gate_generations_drop(process->generations, current);
	process->wake(process->worker);
	LK_LOG(process->events->log, LK_LOG_INFO, "settings reloaded",
	    { "restart_needed_for", restart[0] == '\0' ? NULL : restart });
}

static void
reload(struct gate_process *process)
{
	struct gate_events *events = process->events;
	char restart[GATE_RESTART_MAX];
	enum lk_status status = LK_FAULT;
	struct lk_error error;

	gate_notify_reloading(&process->notify);
	status = gate_generations_reload(process->generations, restart, &error);
	if (status == LK_OK) {
		gate_count(&events->metrics.reloads);
		take_effect(process, restart);
	} else {
		gate_count(&events->metrics.reloads_failed);
		LK_LOG(events->log, LK_LOG_ERROR,
		    "settings not reloaded, the old ones stay",
		    { "error", error.text });
	}
	gate_notify_ready(&process->notify);
}

bool
gate_process_obey(struct gate_process *process)
{
	const struct gate_orders orders = gate_control_read(process->signals);

	if (orders.stop)
		gate_notify_stopping(&process->notify);
	else if (orders.reload)
		reload(process);
	return (orders.stop);
}

void
gate_process_close(struct gate_process *process)
{
	gate_listener_close(&process->listener);
	gate_notify_close(&process->notify);
	if (process->signals != -1)
		(void)close(process->signals);
	gate_generations_free(process->generations);
	gate_logger_free(process->logger);
}
