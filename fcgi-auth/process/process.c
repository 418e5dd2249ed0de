#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/error.h"
#include "process/account.h"
#include "process/environment.h"
#include "process/process.h"

/* Most connections that wait, and descriptors for everything else. */
#define WAITING_MAX 16384
#define QUEUE_MAX 1024
#define RESERVED_FDS 64
#define FDS_PER_THREAD 8

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
	const rlim_t wanted = WAITING_MAX + 2 * QUEUE_MAX + reserved;
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
	room.queue = fds / 8 < QUEUE_MAX ? fds / 8 : QUEUE_MAX;
	room.under_way = room.queue;
	room.waiting = fds - room.queue - room.under_way;
	return (room);
}

/* ---- Signals ------------------------------------------------------------- */

static void
ignore(int signal_number)
{
	(void)signal_number;
}

/* Block them, which every thread started later inherits, and open the
 * descriptor that tells them.  SIGPIPE is made harmless. */
static int
open_signals(void)
{
	/* Unlike SIG_IGN, a handler is not inherited by other programs. */
	struct sigaction action = { .sa_handler = ignore,
		.sa_flags = SA_RESTART };
	sigset_t set;

	(void)sigemptyset(&action.sa_mask);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	if (sigaction(SIGPIPE, &action, NULL) != 0 ||
	    pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return (-1);
	return (signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

/* ---- The service manager ------------------------------------------------- */

/* From here on tell the datagram socket ${path}, in which a leading `@` stands
 * for the abstract namespace, how far the process is, as sd_notify(3) does; ""
 * is nobody. */
static enum lk_status
open_notify(struct gate_process *process, const char *path,
    struct lk_error *error)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	if (len == 0)
		return (LK_OK);
	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(sun.sun_path))
		return (lk_fail(error, LK_E_INVAL,
		    "NOTIFY_SOCKET: expected /path or @name"));
	memcpy(sun.sun_path, path, len);
	if (path[0] == '@')
		sun.sun_path[0] = '\0';
	len += offsetof(struct sockaddr_un, sun_path);
	process->notify = socket(AF_UNIX,
	    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (process->notify != -1 &&
	    connect(process->notify, (const struct sockaddr *)&sun,
	        (socklen_t)len) == 0)
		return (LK_OK);
	return (lk_fail(error, LK_FAULT, "NOTIFY_SOCKET: %s", strerror(errno)));
}

/* Never waits; what cannot be said is left unsaid. */
static void
tell(const struct gate_process *process, const char *text)
{
	if (process->notify != -1)
		(void)send(process->notify, text, strlen(text),
		    MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- The socket, and whose process it is ------------------------------- */

static enum lk_status
find_listener(const struct gate_program *program,
    const struct gate_process_settings *settings,
    struct gate_listener *listener, struct lk_error *error)
{
	enum lk_status status = LK_FAULT;
	struct lk_error why;
	gid_t group;

	if (listener->fd != -1)
		return (LK_OK);
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

/* Listen for HTTP, if the settings say where: on this machine only, as it has
 * neither encryption nor a password. */
static enum lk_status
open_http(const struct gate_program *program,
    const struct gate_process_settings *settings,
    struct gate_listener *listener, struct lk_error *error)
{
	enum lk_status status = LK_OK;
	struct lk_error why;
	gid_t group;

	if (listener->fd == -1 &&
	    (settings->http_listen == NULL || settings->http_listen[0] == '\0'))
		return (LK_OK);
	if (listener->fd == -1)
		status = gate_account_group(settings->socket_group, &group,
		    &why);
	if (status == LK_OK && listener->fd == -1)
		status = gate_listener_open(settings->http_listen,
		    (mode_t)settings->socket_mode, group, NULL, listener, &why);
	if (status == LK_OK && !gate_socket_is_local(listener->fd))
		status = lk_fail(&why, LK_E_SETTINGS,
		    "expected a unix socket or a loopback address");
	if (status != LK_OK)
		lk_error_set(error, "%s.http.listen: %s", program->group,
		    why.text);
	return (status);
}

/* Become the user of the settings, if started as root; the socket files become
 * theirs. */
static enum lk_status
become_user(const struct gate_program *program,
    const struct gate_process_settings *settings,
    const struct gate_listener *listeners, struct lk_error *error)
{
	struct gate_account account;
	enum lk_status status = LK_FAULT;
	struct lk_error why;
	size_t i;

	if (settings->user[0] == '\0' || geteuid() != 0)
		return (LK_OK);
	status = gate_account_find(settings->user, &account, &why);
	if (status != LK_OK) {
		lk_error_set(error, "%s.user: %s", program->group, why.text);
		return (status);
	}
	for (i = 0; i < GATE_LISTENER_COUNT && status == LK_OK; i++)
		status = gate_listener_give(&listeners[i], account.uid,
		    settings->socket_group[0] == '\0' ? account.gid : (gid_t)-1,
		    error);
	if (status != LK_OK)
		return (status);
	if ((status = gate_account_become(&account, program->group, error)) !=
	    LK_OK)
		return (status);
	gate_process_hide_memory();
	return (LK_OK);
}

/* ---- The whole process ------------------------------------------------- */

/* By the settings of ${first}: listen, and be who the process is to be. */
static enum lk_status
take_place(struct gate_process *process,
    const struct gate_environment *environment,
    const struct gate_generation *first, struct lk_error *error)
{
	const struct gate_program *program = process->program;
	const struct gate_process_settings settings = program->settings(
	    first->settings);
	struct gate_listener *main = &process->listeners[GATE_LISTENER_MAIN];
	enum lk_status status = LK_FAULT;

	status = open_notify(process, environment->notify, error);
	if (status != LK_OK)
		return (status);
	status = gate_environment_adopt(environment, program->prepare,
	    settings.http_listen != NULL, process->listeners, error);
	/* Who finds the first of the sockets finds the other.  A web server
	 * that has started this process asks it by its own alone. */
	if (status == LK_OK && !gate_listener_inherited(STDIN_FILENO))
		status = open_http(program, &settings,
		    &process->listeners[GATE_LISTENER_HTTP], error);
	if (status == LK_OK)
		status = find_listener(program, &settings, main, error);
	if (status == LK_OK && !settings.allow_remote &&
	    !gate_socket_is_local(main->fd))
		status = lk_fail(error, LK_E_SETTINGS,
		    "the socket is bound to an address that other machines "
		    "reach, which takes %s.allow_remote = true",
		    program->group);
	if (status != LK_OK)
		return (status);
	status = become_user(program, &settings, process->listeners, error);
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
	const struct gate_environment environment = gate_environment_read();
	struct gate_generation *first;
	enum lk_status status = LK_FAULT;
	size_t i;

	for (i = 0; i < GATE_LISTENER_COUNT; i++)
		process->listeners[i].fd = -1;
	process->notify = -1;
	/* Signals first: every thread is to leave them to the descriptor. */
	if ((process->signals = open_signals()) == -1)
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
	return (gate_generations_watch(process->generations,
	    process->listeners[GATE_LISTENER_MAIN].fd, error));
}

void
gate_process_ready(const struct gate_process *process)
{
	tell(process, "READY=1\n");
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
	char restart[GATE_RESTART_MAX], text[64];
	enum lk_status status = LK_FAULT;
	struct lk_error error;

	/* The time tells this reload from one before it. */
	(void)snprintf(text, sizeof(text),
	    "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\n",
	    lk_monotonic_ns() / 1000);
	tell(process, text);
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
	tell(process, "READY=1\n");
}

bool
gate_process_obey(struct gate_process *process)
{
	struct signalfd_siginfo info;
	bool again = false;
	ssize_t n;

	/* Signals of one kind that come together are one. */
	while ((n = read(process->signals, &info, sizeof(info))) != -1 ||
	    errno == EINTR) {
		if (n != -1 && info.ssi_signo != SIGHUP) {
			tell(process, "STOPPING=1\n");
			return (true);
		}
		again = again || n != -1;
	}
	if (again)
		reload(process);
	return (false);
}

enum lk_status
gate_process_wait(struct gate_process *process, int ended)
{
	struct pollfd pfd[] = { { .fd = process->signals, .events = POLLIN },
		{ .fd = ended, .events = POLLIN } };
	enum lk_status status = LK_OK;

	while (status == LK_OK && !gate_process_obey(process)) {
		if ((poll(pfd, 2, -1) == -1 && errno != EINTR) ||
		    pfd[1].revents != 0)
			status = LK_FAULT;
	}
	return (status);
}

void
gate_process_leave(struct gate_process *process)
{
	size_t i;

	for (i = 0; i < GATE_LISTENER_COUNT; i++)
		gate_listener_close(&process->listeners[i]);
}

void
gate_process_close(struct gate_process *process)
{
	gate_process_leave(process);
	if (process->notify != -1)
		(void)close(process->notify);
	if (process->signals != -1)
		(void)close(process->signals);
	gate_generations_free(process->generations);
	gate_logger_free(process->logger);
}
