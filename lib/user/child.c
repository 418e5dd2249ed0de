#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/self.h"
#include "base/name_service.h"
#include "user/child.h"

/* How long what was killed may take to be gone. */
#define GONE_MS 1000
/* The kernel's own bound of descriptors, and of signals. */
#define FDS_MAX 1048576
#define SIGNALS_MAX 64

/* By number: on 32 bits the plain ones know 16 bits of an id only. */
#ifdef SYS_setgroups32
#define SETGROUPS SYS_setgroups32
#else
#define SETGROUPS SYS_setgroups
#endif

/* What the keeper tells us, once. */
struct report {
	enum lk_child_end end;
	int code;
};

/* All that the keeper and the program need to know. */
struct order {
	char *const *argv;
	int input, output, line; /* ${input} is -1 if there is none */
	const gid_t *groups;     /* NULL: those that it has */
	size_t group_count;
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* ---- The program --------------------------------------------------------
 *
 * From here to the end of the keeper everything runs in a copy of a process
 * that may have had threads: system calls and nothing else. */

/* By number: _exit() as ThreadSanitizer has it takes a lock that one of those
 * threads may have held, and nobody gives back here. */
static _Noreturn void
leave(int code)
{
	for (;;)
		(void)syscall(SYS_exit_group, code);
}

static void
forget_handlers(void)
{
	const struct sigaction usual = { .sa_handler = SIG_DFL };
	int i;

	for (i = 1; i <= SIGNALS_MAX; i++)
		(void)sigaction(i, &usual, NULL);
}

#pragma GCC diagnostic push
/* A resource is an enum in one C library and an int in another. */
#pragma GCC diagnostic ignored "-Wsign-conversion"

/* Where a hard limit is lower and cannot be raised, it is kept. */
static void
set_limits(void)
{
	static const struct {
		int resource;
		rlim_t usual;
	} rows[] = {
		{ RLIMIT_CPU, RLIM_INFINITY },
		{ RLIMIT_FSIZE, RLIM_INFINITY },
		{ RLIMIT_DATA, RLIM_INFINITY },
		{ RLIMIT_AS, RLIM_INFINITY },
		{ RLIMIT_STACK, 8388608 },
		{ RLIMIT_NOFILE, 1024 },
		{ RLIMIT_CORE, 0 },
	};
	struct rlimit limit, wanted;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (getrlimit(rows[i].resource, &limit) != 0)
			continue;
		wanted.rlim_cur = rows[i].usual;
		wanted.rlim_max = limit.rlim_max < rows[i].usual
		    ? rows[i].usual
		    : limit.rlim_max;
		if (setrlimit(rows[i].resource, &wanted) == 0)
			continue;
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(rows[i].resource, &limit);
	}
}

#pragma GCC diagnostic pop

/* Put the standard descriptors in place; those of the order are above them. */
static bool
set_descriptors(const struct order *order)
{
	return (dup2(order->output, STDOUT_FILENO) == STDOUT_FILENO &&
	    close(STDIN_FILENO) == 0 &&
	    (order->input < 0
	            ? open("/dev/null", O_RDONLY)
	            : dup2(order->input, STDIN_FILENO)) == STDIN_FILENO &&
	    close(STDERR_FILENO) == 0 &&
	    open("/dev/null", O_WRONLY) == STDERR_FILENO);
}

/* Become the program; what comes back is why that could not be. */
static int
become(const struct order *order, pid_t keeper)
{
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
	              "/usr/bin:/sbin:/bin";
	char *const environment[] = { path, NULL };
	const struct sched_param usual = { .sched_priority = 0 };
	sigset_t none;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != keeper ||
	    setsid() < 0 || chdir("/") != 0 || !set_descriptors(order))
		return (errno);
	if (order->groups != NULL &&
	    syscall(SETGROUPS, order->group_count, order->groups) != 0 &&
	    errno != EPERM)
		return (errno);
	(void)umask(S_IWGRP | S_IWOTH);
	(void)sched_setscheduler(0, SCHED_OTHER, &usual);
	(void)setpriority(PRIO_PROCESS, 0, 0);
	set_limits();
	forget_handlers();
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execve(order->argv[0], order->argv, environment);
	return (errno);
}

/* ---- The keeper --------------------------------------------------------- */

static void
tell(const struct order *order, enum lk_child_end end, int code)
{
	const struct report report = { end, code };

	(void)!send(order->line, &report, sizeof(report), MSG_NOSIGNAL);
}

static void
on_child(int number)
{
	(void)number;
}

/* Wait until the program has exited, or nobody wants it any longer. */
static void
wait_for_end(const struct order *order, pid_t pid, const sigset_t *waiting)
{
	struct pollfd line = { .fd = order->line, .events = POLLIN };
	siginfo_t info;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)pid, &info,
		        WEXITED | WNOHANG | WNOWAIT) != 0 ||
		    info.si_pid == pid)
			return;
		/* Nobody ever writes to the line: it is cut. */
		if (ppoll(&line, 1, NULL, waiting) > 0)
			return;
	}
}

/*
 * Start the program and see it off.  It is reaped after its group was killed:
 * until then nobody else is given its number.
 */
static void
keep(const struct order *order)
{
	const struct sigaction noted = { .sa_handler = on_child };
	const pid_t self = (pid_t)syscall(SYS_getpid);
	sigset_t waiting;
	int how = 0, options;
	pid_t pid;

	(void)sigaction(SIGCHLD, &noted, NULL);
	(void)sigfillset(&waiting);
	(void)sigdelset(&waiting, SIGCHLD);
	if ((pid = _Fork()) < 0) {
		tell(order, LK_CHILD_NOT_STARTED, errno);
		return;
	}
	if (pid == 0) {
		tell(order, LK_CHILD_NOT_STARTED, become(order, self));
		leave(127);
	}
	(void)close(order->output);
	if (order->input >= 0)
		(void)close(order->input);
	wait_for_end(order, pid, &waiting);
	(void)kill(-pid, SIGKILL);
	/* One that has gained rights is not ours to kill, and left alone. */
	options = kill(pid, SIGKILL) == 0 ? 0 : WNOHANG;
	if (waitpid(pid, &how, options) != pid)
		tell(order, LK_CHILD_LOST, 0);
	else if (WIFSIGNALED(how))
		tell(order, LK_CHILD_KILLED, WTERMSIG(how));
	else
		tell(order, LK_CHILD_EXITED, WEXITSTATUS(how));
}

/* Close everything but these, which become the lowest there can be. */
static bool
keep_only(struct order *order)
{
	int *const kept[] = { &order->output, &order->line, &order->input };
	const int low = STDERR_FILENO + 1;
	const int n = order->input < 0 ? 2 : 3;
	int i, fd;

	/* Above all of them, so that none lands on another. */
	for (i = 0; i < n; i++) {
		if ((*kept[i] = fcntl(*kept[i], F_DUPFD, low + n)) < 0)
			return (false);
	}
	for (i = 0; i < n; i++) {
		if (dup3(*kept[i], low + i, O_CLOEXEC) < 0)
			return (false);
		*kept[i] = low + i;
	}
	/* By number: not every C library has a function for it. */
	if (syscall(SYS_close_range, (unsigned int)(low + n), ~0U, 0) == 0)
		return (true);
	for (fd = low + n; fd < FDS_MAX; fd++)
		(void)close(fd);
	return (true);
}

static void
run_keeper(struct order *order)
{
	/* All signals are blocked; none of the host's handlers may run here. */
	forget_handlers();
	if (keep_only(order))
		keep(order);
	else
		tell(order, LK_CHILD_NOT_STARTED, errno);
}

/* ---- On our side -------------------------------------------------------- */

/* Make a copy of this process that runs the keeper. */
static pid_t
fork_keeper(struct order *order)
{
	sigset_t all, before;
	pid_t pid;
	int why;

	(void)sigfillset(&all);
	if ((why = pthread_sigmask(SIG_SETMASK, &all, &before)) != 0) {
		errno = why;
		return (-1);
	}
	/* No flags and signal 0, with which it is no ordinary child. */
	pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (pid == 0) {
		run_keeper(order);
		leave(0);
	}
	why = errno;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = why;
	return (pid);
}

/* A root that others have prepared may have their groups. */
static enum lk_status
find_groups(struct order *order, gid_t **groups, struct lk_error *error)
{
	struct lk_account root = { .data = NULL };
	enum lk_status status = LK_FAULT;

	*groups = NULL;
	if (geteuid() != 0)
		return (LK_OK);
	status = lk_account_find(NULL, 0, &root, error);
	if (status == LK_NO_USER)
		status = lk_fail(error, LK_E_STORE, "there is no account 0");
	if (status == LK_OK)
		status = lk_account_groups(&root, groups, &order->group_count,
		    error);
	order->groups = *groups;
	lk_account_free(&root);
	return (status);
}

/* A pipe with all of ${input} in it already, or none without any. */
static bool
fill_input(const struct lk_child_input *input, int fds[2])
{
	bool full;

	if (input == NULL)
		return (true);
	if (input->len > LK_CHILD_INPUT_MAX) {
		errno = E2BIG;
		return (false);
	}
	full = pipe2(fds, O_CLOEXEC) == 0 &&
	    write(fds[1], input->bytes, input->len) == (ssize_t)input->len;
	close_fd(&fds[1]);
	return (full);
}

enum lk_status
lk_child_start(char *const *argv, const struct lk_child_input *input,
    struct lk_child *child, struct lk_error *error)
{
	struct order order = { .argv = argv,
		.input = -1,
		.output = -1,
		.line = -1 };
	int pipe[2] = { -1, -1 }, pair[2] = { -1, -1 }, fed[2] = { -1, -1 };
	struct lk_fd_hold hold = { { false } };
	enum lk_status status = LK_FAULT;
	gid_t *groups = NULL;
	pid_t pid;

	*child = LK_CHILD_NONE;
	if (!lk_identity_is_whole())
		return (lk_fail(error, LK_E_STORE,
		    "%s: not started, this process has the rights of more than "
		    "one user",
		    argv[0]));
	if ((status = find_groups(&order, &groups, error)) != LK_OK)
		goto out;
	/* The child has all three to close, whatever this process has. */
	lk_fd_hold(&hold);
	if (!fill_input(input, fed) || pipe2(pipe, O_CLOEXEC) != 0 ||
	    fcntl(pipe[0], F_SETFL, O_NONBLOCK) != 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		status = lk_fail(error, LK_E_STORE, "%s: pipe: %s", argv[0],
		    strerror(errno));
		goto out;
	}
	order.input = fed[0];
	order.output = pipe[1];
	order.line = pair[1];
	if ((pid = fork_keeper(&order)) < 0) {
		status = lk_fail(error, LK_E_STORE, "%s: fork: %s", argv[0],
		    strerror(errno));
		goto out;
	}
	*child = (struct lk_child){ pid, pipe[0], pair[0] };
	pipe[0] = pair[0] = -1;
	status = LK_OK;
out:
	lk_fd_release(&hold);
	free(groups);
	close_fd(&fed[0]);
	close_fd(&pipe[0]);
	close_fd(&pipe[1]);
	close_fd(&pair[0]);
	close_fd(&pair[1]);
	return (status);
}

/* Wait for the keeper's word, which comes at once or not at all. */
static bool
hear(const struct lk_child *child, struct report *report)
{
	const struct lk_deadline deadline = lk_deadline_in(GONE_MS);
	struct pollfd line = { .fd = child->line, .events = POLLIN };
	int rc;

	do
		rc = poll(&line, 1, lk_deadline_left_ms(deadline));
	while (rc < 0 && errno == EINTR);
	return (rc > 0 &&
	    recv(child->line, report, sizeof(*report), MSG_DONTWAIT) ==
	        (ssize_t)sizeof(*report));
}

/* Whoever reaps everything may have reaped it. */
static void
reap(const struct lk_child *child, bool is_done)
{
	int options = __WALL | (is_done ? 0 : WNOHANG);
	pid_t pid;

	do
		pid = waitpid(child->keeper, NULL, options);
	while (pid < 0 && errno == EINTR);
	if (pid == 0) {
		/* It hangs on a program that hangs in the kernel. */
		(void)kill(child->keeper, SIGKILL);
		(void)waitpid(child->keeper, NULL, __WALL);
	}
}

enum lk_child_end
lk_child_finish(struct lk_child *child, int *code)
{
	struct report report = { LK_CHILD_LOST, 0 };
	bool heard;

	/* The keeper sees that as the end of the line. */
	(void)shutdown(child->line, SHUT_WR);
	heard = hear(child, &report);
	reap(child, heard);
	close_fd(&child->output);
	close_fd(&child->line);
	child->keeper = 0;
	*code = report.code;
	return (report.end);
}
