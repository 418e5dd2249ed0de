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

int
gate_control_open(void)
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

struct gate_orders
gate_control_read(int fd)
{
	struct gate_orders orders = { .stop = false };
	struct signalfd_siginfo info;
	ssize_t n;

	/* Signals of one kind that come together are one. */
	for (;;) {
		n = read(fd, &info, sizeof(info));
		if (n == -1 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof(info))
			return (orders);
		if (info.ssi_signo == SIGHUP)
			orders.reload = true;
		else
			orders.stop = true;
	}
}
