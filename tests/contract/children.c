#include <sys/prctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "children.h"

static int64_t
now_with_accidents(void *arg)
{
	struct accident *accident = arg;
	struct timespec ts;

	if (accident->calls > 0 && --accident->calls == 0)
		(void)raise(accident->signal);
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* The parent's manager is left alone: it must not be used here. */
static int
run_child(const struct world *world, child_fn *run, struct task *task)
{
	struct accident accident = { 0, 0 };
	struct lk_surroundings around = { .now_ms = now_with_accidents,
		.arg = &accident };
	struct lk_error error;
	int code;

	if (lk_manager_new(world->settings, &around, &task->m, &error) != LK_OK)
		return (99);
	task->accident = &accident;
	code = run(task);
	lk_manager_free(task->m);
	return (code);
}

void
child_start(struct child *child, const struct world *world, child_fn *run,
    const void *arg)
{
	struct task task = { .arg = arg };
	int told[2], waits[2];

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	assert_int_equal(pipe2(waits, O_CLOEXEC), 0);
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (child->pid == 0) {
		/* A failed test leaves nobody behind. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(told[0]);
		(void)close(waits[1]);
		task.tell = told[1];
		task.wait = waits[0];
		_exit(run_child(world, run, &task));
	}
	(void)close(told[1]);
	(void)close(waits[0]);
	child->told = told[0];
	child->wait = waits[1];
}

void
child_let_go(struct child *child)
{
	assert_int_equal(write(child->wait, "", 1), 1);
}

void
child_close(struct child *child)
{
	(void)close(child->wait);
	(void)close(child->told);
}

void
child_finish(struct child *child)
{
	int status = -1;

	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("a child ended with status %#x", (unsigned)status);
	child_close(child);
}

void
child_meets(const struct child *child, int number)
{
	int status = -1;

	assert_int_equal(waitpid(child->pid, &status, WUNTRACED), child->pid);
	if (number == SIGSTOP)
		assert_true(WIFSTOPPED(status));
	else
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == number);
}

bool
child_says(struct child *child, void *bytes, size_t len)
{
	char *p = bytes;
	ssize_t n;

	while (len > 0) {
		n = read(child->told, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (false);
		p += n;
		len -= (size_t)n;
	}
	return (true);
}

bool
tell(const struct task *task, const void *bytes, size_t len)
{
	return (write(task->tell, bytes, len) == (ssize_t)len);
}

void
wait_for_parent(const struct task *task)
{
	char byte;

	while (read(task->wait, &byte, 1) < 0 && errno == EINTR)
		continue;
}
