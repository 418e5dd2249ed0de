/* What is said of this process. */
#include <sys/wait.h>

#include <sched.h>
#include <unistd.h>

#include "support/test.h"
#include "base/self.h"

typedef int child_fn(unsigned long parents);

/* How ${run}, which has ${number}, ends in a child. */
static int
in_child(child_fn *run, unsigned long number)
{
	int status = -1;
	pid_t pid;

	if ((pid = fork()) == 0)
		_exit(run(number));
	return (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status)
	        ? WEXITSTATUS(status)
	        : -1);
}

static int
has_another(unsigned long parents)
{
	return (lk_process() == parents);
}

/* Nor one of his parent's, who has not asked for his own. */
static int
childs_has_another(unsigned long parents)
{
	return (in_child(has_another, parents));
}

static int
both_have_others(unsigned long parents)
{
	return (lk_process() == parents ||
	    in_child(has_another, parents) != 0 ||
	    in_child(has_another, lk_process()) != 0);
}

static void
test_process_has_a_number_of_none_that_it_is_a_child_of(void **state)
{
	const unsigned long number = lk_process();

	assert_int_equal(in_child(has_another, number), 0);
	assert_int_equal(in_child(childs_has_another, number), 0);
	assert_int_equal(in_child(both_have_others, number), 0);
	assert_int_equal(lk_process(), number);
}

/* Of a namespace of its own; 2: not here. */
static int
first_has_another(unsigned long parents)
{
	if (getpid() != 1 || lk_process() == parents)
		return (1);
	return (unshare(CLONE_NEWPID) == -1
	        ? 2
	        : in_child(has_another, lk_process()));
}

static int
in_a_namespace(unsigned long parents)
{
	return (unshare(CLONE_NEWPID) == -1
	        ? 2
	        : in_child(first_has_another, parents));
}

static void
test_process_has_another_number_than_its_parent_of_the_same_id(void **state)
{
	int status;

	if (sysconf(_SC_PAGESIZE) != 4096)
		skip();
	if ((status = in_child(in_a_namespace, lk_process())) == 2)
		skip();
	assert_int_equal(status, 0);
}

#include "support/suite.h"
