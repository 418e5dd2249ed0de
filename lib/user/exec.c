/*
 * Running the program and being sure that it is gone.
 *
 * The program leads a process group of its own.  It is watched until it
 * exits, prints too much or its time is over; only then, and before it is
 * reaped, the whole group is killed: an exited leader that nobody has reaped
 * keeps the group's number from being given to strangers.  A process that
 * leaves the group (setsid) is out of reach.
 *
 * It inherits nothing: an empty environment but for PATH, no descriptor but
 * /dev/null and the pipe, no blocked, ignored or caught signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deadline.h"
#include "error.h"
#include "json.h"
#include "source.h"

/* How much is read at once. */
#define CHUNK 4096
/* How often an exit is looked for on a kernel without pidfd_open(2). */
#define LOOK_MS 10
/* EX_NOUSER of sysexits.h. */
#define EXIT_NO_USER 67

struct child {
	const char *program;
	pid_t pid;
	int pidfd;  /* readable once it has exited; -1 if there are none */
	int output; /* its standard output; -1 once that ended */
	struct lk_error *error;
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* ---- Starting --------------------------------------------------------- */

/* A copy of ${command} with ${id} as its last argument. */
static char **
make_argv(const struct lk_strings *command, const char *id)
{
	char **argv;

	if ((argv = calloc(command->n + 2, sizeof(*argv))) == NULL)
		return (NULL);
	memcpy(argv, command->v, command->n * sizeof(*argv));
	/* An exec takes pointers to char and writes to none of them. */
	memcpy(&argv[command->n], &id, sizeof(id));
	return (argv);
}

/*
 * The order matters if our standard descriptors are closed, so that the pipe
 * got one of their numbers: the output goes to its place first.
 */
static int
fill_actions(posix_spawn_file_actions_t *actions, int output)
{
	int rc;

	if ((rc = posix_spawn_file_actions_adddup2(actions, output,
	         STDOUT_FILENO)) != 0 ||
	    (rc = posix_spawn_file_actions_addopen(actions, STDIN_FILENO,
	         "/dev/null", O_RDONLY, 0)) != 0 ||
	    (rc = posix_spawn_file_actions_addopen(actions, STDERR_FILENO,
	         "/dev/null", O_WRONLY, 0)) != 0)
		return (rc);
	return (posix_spawn_file_actions_addclosefrom_np(actions,
	    STDERR_FILENO + 1));
}

static int
fill_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int rc;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	if ((rc = posix_spawnattr_setflags(attributes,
	         POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
	             POSIX_SPAWN_SETSIGDEF)) != 0 ||
	    (rc = posix_spawnattr_setpgroup(attributes, 0)) != 0 ||
	    (rc = posix_spawnattr_setsigmask(attributes, &none)) != 0)
		return (rc);
	return (posix_spawnattr_setsigdefault(attributes, &all));
}

/* Start ${argv} with its standard output going to ${output}. */
static int
spawn(char *const *argv, int output, pid_t *pid)
{
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
	              "/usr/bin:/sbin:/bin";
	char *const environment[] = { path, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int rc;

	if ((rc = posix_spawn_file_actions_init(&actions)) != 0)
		return (rc);
	if ((rc = posix_spawnattr_init(&attributes)) != 0)
		goto actions;
	if ((rc = fill_actions(&actions, output)) == 0 &&
	    (rc = fill_attributes(&attributes)) == 0)
		rc = posix_spawn(pid, argv[0], &actions, &attributes, argv,
		    environment);
	(void)posix_spawnattr_destroy(&attributes);
actions:
	(void)posix_spawn_file_actions_destroy(&actions);
	return (rc);
}

/* Nobody can tell how a child ended while SIGCHLD is ignored. */
static bool
exits_are_lost(void)
{
	struct sigaction action;

	if (sigaction(SIGCHLD, NULL, &action) != 0)
		return (true);
	return ((action.sa_flags & SA_NOCLDWAIT) != 0 ||
	    ((action.sa_flags & SA_SIGINFO) == 0 &&
	        action.sa_handler == SIG_IGN));
}

static enum lk_status
start(struct child *child, char *const *argv)
{
	enum lk_status status = LK_FAULT;
	int fds[2] = { -1, -1 }, rc;

	if (exits_are_lost())
		return (lk_fail(child->error, LK_E_STORE,
		    "%s: not started, this process ignores SIGCHLD",
		    child->program));
	if (pipe2(fds, O_CLOEXEC) != 0 ||
	    fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0) {
		status = lk_fail(child->error, LK_E_STORE, "%s: pipe: %s",
		    child->program, strerror(errno));
		goto out;
	}
	if ((rc = spawn(argv, fds[1], &child->pid)) != 0) {
		status = lk_fail(child->error, LK_E_STORE,
		    "%s: cannot be started: %s", child->program, strerror(rc));
		goto out;
	}
	/* By number: glibc before 2.36 has no function for it. */
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	child->output = fds[0];
	fds[0] = -1;
	status = LK_OK;
out:
	close_fd(&fds[0]);
	close_fd(&fds[1]);
	return (status);
}

/* ---- Watching --------------------------------------------------------- */

/* Read what there is; an end closes the output. */
static enum lk_status
drain(struct child *child, struct lk_buf *printed)
{
	ssize_t n;
	char *room;

	while (child->output >= 0) {
		if ((room = lk_buf_room(printed, CHUNK)) == NULL)
			return (
			    lk_fail(child->error, LK_E_NOMEM, "out of memory"));
		n = read(child->output, room, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return (LK_OK);
		if (n < 0)
			return (lk_fail(child->error, LK_E_STORE,
			    "%s: read: %s", child->program, strerror(errno)));
		if (n == 0)
			close_fd(&child->output);
		lk_buf_grew(printed, (size_t)n);
		if (printed->len > LK_DETAIL_MAX)
			return (lk_fail(child->error, LK_E_STORE,
			    "%s: printed more than %d bytes", child->program,
			    LK_DETAIL_MAX));
	}
	return (LK_OK);
}

/* Say whether it has exited, and leave it to be reaped. */
static enum lk_status
look(const struct child *child, bool *exited)
{
	siginfo_t info = { 0 };

	*exited = false;
	if (waitid(P_PID, (id_t)child->pid, &info,
	        WEXITED | WNOHANG | WNOWAIT) == 0)
		*exited = info.si_pid == child->pid;
	else if (errno != EINTR)
		return (lk_fail(child->error, LK_E_STORE,
		    "%s: its exit cannot be seen: %s", child->program,
		    strerror(errno)));
	return (LK_OK);
}

/* Collect what it prints until it exits. */
static enum lk_status
watch(struct child *child, struct lk_deadline deadline, struct lk_buf *printed)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	enum lk_status status = LK_FAULT;
	bool exited;
	int left;

	for (;;) {
		if ((status = look(child, &exited)) != LK_OK ||
		    (status = drain(child, printed)) != LK_OK || exited)
			return (status);
		if ((left = lk_deadline_left_ms(deadline)) == 0)
			return (lk_fail(child->error, LK_E_TIMEOUT,
			    "%s: did not end in time", child->program));
		if (child->pidfd < 0 && left > LOOK_MS)
			left = LOOK_MS;
		fds[0].fd = child->output;
		fds[1].fd = child->pidfd;
		if (poll(fds, 2, left) < 0 && errno != EINTR)
			return (lk_fail(child->error, LK_E_STORE,
			    "%s: poll: %s", child->program, strerror(errno)));
	}
}

/* ---- Ending ----------------------------------------------------------- */

/*
 * Kill the group, and the program by itself too, which may have moved to
 * another group; false if it is not there or, having gained rights, not ours
 * to kill.
 */
static bool
kill_all(const struct child *child)
{
	(void)kill(-child->pid, SIGKILL);
	if (child->pidfd < 0)
		return (kill(child->pid, SIGKILL) == 0);
	return (syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL,
	            0) == 0);
}

/* Kill what is left and reap the program. */
static enum lk_status
finish(struct child *child, int *how)
{
	int options = kill_all(child) ? 0 : WNOHANG;
	pid_t pid;

	do
		pid = waitpid(child->pid, how, options);
	while (pid < 0 && errno == EINTR);
	close_fd(&child->output);
	close_fd(&child->pidfd);
	if (pid == 0)
		return (lk_fail(child->error, LK_E_STORE,
		    "%s: cannot be killed, process %d is left running",
		    child->program, (int)child->pid));
	if (pid < 0)
		return (lk_fail(child->error, LK_E_STORE,
		    "%s: its exit was taken by another part of this process",
		    child->program));
	return (LK_OK);
}

/* What the way it ended and its output say. */
static enum lk_status
judge(const struct child *child, int how, const struct lk_buf *printed,
    struct lk_buf *detail)
{
	struct lk_buf value = LK_BUF_INIT(sizeof("null") - 1);
	bool is_null;

	if (WIFSIGNALED(how))
		return (lk_fail(child->error, LK_E_STORE,
		    "%s: killed by signal %d", child->program, WTERMSIG(how)));
	if (WEXITSTATUS(how) == EXIT_NO_USER)
		return (LK_NO_USER);
	if (WEXITSTATUS(how) != 0)
		return (lk_fail(child->error, LK_E_STORE, "%s: exit status %d",
		    child->program, WEXITSTATUS(how)));
	lk_json_compact(printed->data, printed->len, &value);
	is_null = !value.failed && strcmp(value.data, "null") == 0;
	lk_buf_free(&value);
	if (is_null)
		return (LK_NO_USER);
	if (!lk_json_is_object(printed->data, printed->len))
		return (lk_fail(child->error, LK_E_STORE,
		    "%s: expected a JSON object on its output",
		    child->program));
	lk_json_compact(printed->data, printed->len, detail);
	if (detail->failed)
		return (lk_fail(child->error, LK_E_NOMEM, "out of memory"));
	return (LK_OK);
}

enum lk_status
lk_user_source_exec(const struct lk_settings *settings, const char *id,
    struct lk_buf *detail, struct lk_error *error)
{
	const struct lk_strings *command = &settings->user.command;
	struct lk_deadline deadline = lk_deadline_in(settings->user.timeout_ms);
	struct lk_buf printed = LK_BUF_INIT(LK_DETAIL_MAX + CHUNK);
	struct child child = { .pidfd = -1, .output = -1, .error = error };
	enum lk_status status = LK_FAULT, ended = LK_FAULT;
	char **argv = NULL;
	int how = 0;

	if (command->n == 0 || command->v[0][0] != '/')
		return (lk_fail(error, LK_E_SETTINGS,
		    "user.command: expected the absolute path of a program"));
	child.program = command->v[0];
	if ((argv = make_argv(command, id)) == NULL) {
		status = lk_fail(error, LK_E_NOMEM, "out of memory");
		goto out;
	}
	if ((status = start(&child, argv)) != LK_OK)
		goto out;
	status = watch(&child, deadline, &printed);
	ended = finish(&child, &how);
	if (status == LK_OK)
		status = ended;
	if (status == LK_OK)
		status = judge(&child, how, &printed, detail);
out:
	free(argv);
	lk_buf_free(&printed);
	return (status);
}
