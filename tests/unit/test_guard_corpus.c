/* The fuzz target over its corpus, cut anywhere and changed a little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <glob.h>

#include <cmocka.h>

#include "../fuzz/fuzz_guard.h"

/* From the root of the tree, where tests run. */
#define CORPUS "tests/fuzz/corpus/guard/*"
#define FILES_MIN 30
#define INPUT_MAX 70000

static uint8_t input[INPUT_MAX];

static size_t
read_input(const char *path)
{
	FILE *file = fopen(path, "rbe");
	size_t len;

	assert_non_null(file);
	len = fread(input, 1, sizeof(input), file);
	assert_int_equal(fclose(file), 0);
	return (len);
}

/* All of one input, and versions of it. */
static void
replay(const char *path, size_t versions)
{
	size_t len = read_input(path), i, at;
	uint32_t random = 20;
	uint8_t saved;

	assert_int_equal(LLVMFuzzerTestOneInput(input, len), 0);
	for (i = 0; i < versions && len > 0; i++) {
		random = random * 1664525 + 1013904223;
		at = (random >> 8) % len;
		assert_int_equal(LLVMFuzzerTestOneInput(input, at), 0);
		saved = input[at];
		input[at] = (uint8_t)(random >> 24);
		assert_int_equal(LLVMFuzzerTestOneInput(input, len), 0);
		input[at] = saved;
	}
}

static void
replay_all(size_t versions)
{
	glob_t found;
	size_t i;

	assert_int_equal(glob(CORPUS, 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= FILES_MIN);
	for (i = 0; i < found.gl_pathc; i++)
		replay(found.gl_pathv[i], versions);
	globfree(&found);
}

static void
test_guard_corpus_as_it_is_holds(void **state)
{
	(void)state;
	replay_all(0);
}

static void
test_guard_corpus_changed_a_little_holds(void **state)
{
	(void)state;
	replay_all(100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guard_corpus_as_it_is_holds),
		cmocka_unit_test(test_guard_corpus_changed_a_little_holds),
	};

	return (cmocka_run_group_tests_name("guard_corpus", tests, NULL,
	    NULL));
}
