#include <sys/socket.h>
#include <sys/stat.h>

#include <dirent.h>
#include <sched.h>
#include <stdatomic.h>

#include <netinet/in.h>
#include <pthread.h>
#include <unistd.h>

#include "support/gate.h"
#include "support/temp_dir.h"
#include "process/generation.h"
#include "process/logger.h"

/* A private folder with a settings file in it. */
struct place {
	struct temp_dir dir;
	const char *path;
};

static void
write_settings(struct place *place, const char *text)
{
	place->path = temp_write(&place->dir, "conf", text, strlen(text), 0600);
}

static int
setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	temp_dir_make(&place->dir);
	write_settings(place, "gate = { realm = \"one\"; threads = 2; };\n");
	*state = place;
	return (0);
}

static int
teardown(void **state)
{
	struct place *place = *state;

	temp_dir_remove(&place->dir);
	free(place);
	return (0);
}

static struct gate_generations *
load(const struct place *place)
{
	struct gate_generations *generations;
	struct lk_error error;

	assert_int_equal(gate_generations_new(&program, place->path,
	    some_logger(), &generations, &error), LK_OK);
	return (generations);
}

static void
test_gate_generation_held_one_outlives_reload(void **state)
{
	struct place *place = *state;
	struct gate_generations *generations = load(place);
	struct gate_generation *old, *new;
	char restart[GATE_RESTART_MAX];
	struct lk_error error;

	old = gate_generations_hold(generations);
	assert_false(gate_generations_differ(generations, old));
	write_settings(place, "gate = { realm = \"two\"; threads = 2; };\n");
	assert_int_equal(gate_generations_reload(generations, restart,
	    &error), LK_OK);
	assert_string_equal(restart, "");
	assert_true(gate_generations_differ(generations, old));
	assert_string_equal(old->settings->gate.realm, "one");
	new = gate_generations_hold(generations);
	assert_string_equal(new->settings->gate.realm, "two");
	gate_generations_drop(generations, old);
	gate_generations_drop(generations, new);
	gate_generations_free(generations);
}

static void
test_gate_generation_bad_settings_change_nothing(void **state)
{
	static const char *const bad[] = { "gate = {", "gate = { x = 1; };\n",
		"gate = { listen = \"0.0.0.0:9000\"; };\n",
		"gate = { allow_uids = [ \"no-such-user-here\" ]; };\n" };
	struct place *place = *state;
	struct gate_generations *generations = load(place);
	struct gate_generation *held = gate_generations_hold(generations);
	char restart[GATE_RESTART_MAX];
	struct lk_error error;

	EACH(c, bad) {
		write_settings(place, *c);
		assert_int_equal(gate_generations_reload(generations, restart,
		    &error), LK_E_SETTINGS);
		assert_non_null(strstr(error.text, place->path));
	}
	assert_int_equal(unlink(place->path), 0);
	assert_int_not_equal(gate_generations_reload(generations, restart,
	    &error), LK_OK);
	assert_false(gate_generations_differ(generations, held));
	gate_generations_drop(generations, held);
	gate_generations_free(generations);
}

static void
test_gate_generation_fixed_settings_are_named(void **state)
{
	struct place *place = *state;
	struct gate_generations *generations = load(place);
	char restart[GATE_RESTART_MAX];
	struct lk_error error;
	int i;

	write_settings(place, "gate = { listen = \"127.0.0.1:9000\"; "
	    "socket_mode = 0600; threads = 3; user = \"nobody\"; "
	    "socket_group = \"0\"; };\n");
	/* As long as they differ from the start, not from the last time. */
	for (i = 0; i < 2; i++) {
		assert_int_equal(gate_generations_reload(generations, restart,
		    &error), LK_OK);
		assert_string_equal(restart, "gate.listen gate.socket_mode "
		    "gate.socket_group gate.threads gate.user");
	}
	gate_generations_free(generations);
}

/* Shared by the threads of one test. */
struct shared {
	struct gate_generations *generations;
	_Atomic int started;
	_Atomic int reloads;
};

static void *
hold_and_drop(void *arg)
{
	struct shared *shared = arg;
	struct gate_generations *generations = shared->generations;
	struct gate_generation *held = gate_generations_hold(generations);
	uint64_t seen = 0;
	bool done;

	(void)atomic_fetch_add(&shared->started, 1);
	do {
		done = atomic_load(&shared->reloads) == 50;
		if (!gate_generations_differ(generations, held))
			continue;
		gate_generations_drop(generations, held);
		held = gate_generations_hold(generations);
		seen += strlen(held->settings->gate.realm);
	} while (!done);
	/* The first one was held before there was another. */
	done = !gate_generations_differ(generations, held) && seen > 0;
	gate_generations_drop(generations, held);
	return (done ? arg : NULL);
}

static void
test_gate_generation_threads_follow_reloads(void **state)
{
	enum { THREADS = 3 };
	struct place *place = *state;
	struct shared shared = { .generations = load(place) };
	char restart[GATE_RESTART_MAX];
	pthread_t threads[THREADS];
	struct lk_error error;
	void *result;
	int i;

	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
		    hold_and_drop, &shared), 0);
	while (atomic_load(&shared.started) < THREADS)
		(void)sched_yield();
	for (i = 0; i < 50; i++) {
		assert_int_equal(gate_generations_reload(shared.generations,
		    restart, &error), LK_OK);
		(void)atomic_fetch_add(&shared.reloads, 1);
	}
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_ptr_equal(result, &shared);
	}
	gate_generations_free(shared.generations);
}

static int
count_threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	const struct dirent *entry;
	int count = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL)
		count += entry->d_name[0] != '.';
	assert_int_equal(closedir(folder), 0);
	return (count);
}

/* A socket that accepts nobody, and its port. */
static int
silent_sentinel(int *port)
{
	struct sockaddr_in name = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(name);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, len), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	*port = ntohs(name.sin_port);
	return (fd);
}

/* The thread of a watch that waits for a Sentinel ends when it likes. */
static void
test_gate_generation_dropped_one_is_not_waited_for(void **state)
{
	struct place *place = *state;
	struct gate_generations *generations;
	struct gate_generation *held;
	int i, port, fd = silent_sentinel(&port), left_behind = 0;
	const int before = count_threads();
	char text[256], restart[GATE_RESTART_MAX];
	struct lk_error error;

	(void)snprintf(text, sizeof(text), "store = { backend = \"sentinel\"; "
	    "sentinel = { master = \"m\"; addresses = "
	    "[ \"127.0.0.1:%d\" ]; }; };\n", port);
	write_settings(place, text);
	generations = load(place);
	assert_int_equal(gate_generations_watch(generations, -1, &error),
	    LK_OK);
	for (i = 0; i < 5; i++) {
		held = gate_generations_hold(generations);
		assert_int_equal(gate_generations_reload(generations, restart,
		    &error), LK_OK);
		gate_generations_drop(generations, held);
		left_behind += count_threads() > before + 1;
	}
	assert_true(left_behind > 0);
	gate_generations_free(generations);
	assert_int_equal(close(fd), 0);
}

/* Of all threads none is left. */
static void
test_gate_generation_freed_ones_have_no_thread(void **state)
{
	struct place *place = *state;
	const int before = count_threads();
	char restart[GATE_RESTART_MAX];
	struct gate_generations *generations = load(place);
	struct lk_error error;
	int i;

	assert_int_equal(gate_generations_watch(generations, -1, &error),
	    LK_OK);
	for (i = 0; i < 20; i++)
		assert_int_equal(gate_generations_reload(generations, restart,
		    &error), LK_OK);
	gate_generations_free(generations);
	/* A thread has told so before the kernel has taken it away. */
	while (count_threads() > before)
		(void)sched_yield();
}

#define SUITE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#include "support/suite.h"
