#include <sys/signalfd.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "process/control.h"

static void
ignore(int signal_number)
{
	(void)signal_number;
}

enum lk_status
gate_control_open(struct gate_control *control)
{
	/* Unlike SIG_IGN, a handler is not inherited by other programs. */
	struct sigaction action = { .sa_handler = ignore,
		.sa_flags = SA_RESTART };
	sigset_t set;

	control->fd = -1;
	(void)sigemptyset(&action.sa_mask);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	if (sigaction(SIGPIPE, &action, NULL) != 0 ||
	    pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return (LK_FAULT);
	control->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return (control->fd == -1 ? LK_FAULT : LK_OK);
}

/* Let the log follow the settings, and wake the workers to do the same. */
static void
take_effect(struct gate_control *control, const char *restart)
{
	struct gate_generation *current = gate_generations_hold(
	    control->generations);

	control->report->log = current->log;
	gate_generations_drop(control->generations, current);
	gate_queue_nudge(control->queue);
	LK_LOG(control->report->log, LK_LOG_INFO, "settings reloaded",
	    { "restart_needed_for", restart[0] == '\0' ? NULL : restart });
}

static void
reload(struct gate_control *control)
{
	char restart[GATE_RESTART_MAX];
	enum lk_status status = LK_FAULT;
	struct lk_error error;

	gate_notify_reloading(control->notify);
	status = gate_generations_reload(control->generations, restart, &error);
	if (status == LK_OK) {
		gate_count(&control->report->metrics.reloads);
		take_effect(control, restart);
	} else {
		gate_count(&control->report->metrics.reloads_failed);
		LK_LOG(control->report->log, LK_LOG_ERROR,
		    "settings not reloaded, the old ones stay",
		    { "error", error.text });
	}
	gate_notify_ready(control->notify);
}

bool
gate_control_obey(struct gate_control *control)
{
	struct signalfd_siginfo info;
	bool stop = false, again = false;
	ssize_t n;

	/* Signals of one kind that come together are one. */
	for (;;) {
		n = read(control->fd, &info, sizeof(info));
		if (n == -1 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof(info))
			break;
		if (info.ssi_signo == SIGHUP)
			again = true;
		else
			stop = true;
	}
	if (stop)
		gate_notify_stopping(control->notify);
	else if (again)
		reload(control);
	return (stop);
}

void
gate_control_close(struct gate_control *control)
{
	if (control->fd != -1)
		(void)close(control->fd);
	control->fd = -1;
}
