#include <sys/stat.h>

#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <unistd.h>

#include <cmocka.h>

#include "generation.h"

/* A private folder with a settings file in it. */
struct place {
	char folder[40];
	char path[64];
};

static void
write_settings(const struct place *place, const char *text)
{
	FILE *file = fopen(place->path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(place->path, 0600), 0);
}

static int
setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	(void)snprintf(place->folder, sizeof(place->folder),
	    "/tmp/test_gate_generationXXXXXX");
	assert_non_null(mkdtemp(place->folder));
	(void)snprintf(place->path, sizeof(place->path), "%s/conf",
	    place->folder);
	write_settings(place, "gate = { realm = \"one\"; threads = 2; };\n");
	*state = place;
	return (0);
}

static int
teardown(void **state)
{
	struct place *place = *state;

	(void)unlink(place->path);
	(void)rmdir(place->folder);
	free(place);
	return (0);
}

static struct gate_generations *
load(const struct place *place)
{
	struct gate_generations *generations;
	struct lk_error error;

	assert_int_equal(gate_generations_new(place->path, &generations,
	    &error), LK_OK);
	return (generations);
}

static void
test_gate_generation_held_one_outlives_reload(void **state)
{
	const struct place *place = *state;
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
	const struct place *place = *state;
	struct gate_generations *generations = load(place);
	struct gate_generation *held = gate_generations_hold(generations);
	char restart[GATE_RESTART_MAX];
	struct lk_error error;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_settings(place, bad[i]);
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
	const struct place *place = *state;
	struct gate_generations *generations = load(place);
	char restart[GATE_RESTART_MAX];
	struct lk_error error;
	int i;

	write_settings(place, "gate = { listen = \"127.0.0.1:9000\"; "
	    "socket_mode = 0600; threads = 3; user = \"nobody\"; };\n");
	/* As long as they differ from the start, not from the last time. */
	for (i = 0; i < 2; i++) {
		assert_int_equal(gate_generations_reload(generations, restart,
		    &error), LK_OK);
		assert_string_equal(restart, "gate.listen gate.socket_mode "
		    "gate.threads gate.user");
	}
	gate_generations_free(generations);
}

/* Shared by the threads of one test. */
struct shared {
	struct gate_generations *generations;
	_Atomic int reloads;
};

static void *
hold_and_drop(void *arg)
{
	struct shared *shared = arg;
	struct gate_generations *generations = shared->generations;
	struct gate_generation *held = gate_generations_hold(generations);
	uint64_t seen = 0;

	while (atomic_load(&shared->reloads) < 50) {
		if (!gate_generations_differ(generations, held))
			continue;
		gate_generations_drop(generations, held);
		held = gate_generations_hold(generations);
		seen += strlen(held->settings->gate.realm);
	}
	gate_generations_drop(generations, held);
	return (seen > 0 ? arg : NULL);
}

static void
test_gate_generation_threads_follow_reloads(void **state)
{
	enum { THREADS = 3 };
	const struct place *place = *state;
	struct shared shared = { .generations = load(place) };
	char restart[GATE_RESTART_MAX];
	pthread_t threads[THREADS];
	struct lk_error error;
	void *result;
	int i;

	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
		    hold_and_drop, &shared), 0);
	for (i = 0; i < 50; i++) {
		assert_int_equal(gate_generations_reload(shared.generations,
		    restart, &error), LK_OK);
		(void)atomic_fetch_add(&shared.reloads, 1);
	}
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], &result), 0);
	gate_generations_free(shared.generations);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_gate_generation_held_one_outlives_reload, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_gate_generation_bad_settings_change_nothing, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_gate_generation_fixed_settings_are_named, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_gate_generation_threads_follow_reloads, setup,
		    teardown),
	};

	return (cmocka_run_group_tests_name("gate_generation", tests, NULL,
	    NULL));
}
