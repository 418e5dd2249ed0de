/*
 * A fuzz target over its corpus, as it is and changed a little, without
 * libFuzzer.  From the root of the tree, where tests run.
 */
#ifndef CORPUS_H_
#define CORPUS_H_

#include <glob.h>

#include "../fuzz/fuzz.h"
#include "support/test.h"

#define INPUT_MAX 70000

static size_t
corpus_read(const char *path, uint8_t input[INPUT_MAX])
{
	FILE *file = fopen(path, "rbe");
	size_t len;

	assert_non_null(file);
	len = fread(input, 1, INPUT_MAX, file);
	assert_int_equal(fclose(file), 0);
	return (len);
}

/* All of one input, and versions of it: cut, and with another byte. */
static void
corpus_replay_file(const char *path, size_t versions)
{
	static uint8_t input[INPUT_MAX];
	size_t len = corpus_read(path, input), i, at;
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

/* Every file that ${pattern} finds, which must be ${least} or more. */
static void
corpus_replay(const char *pattern, size_t least, size_t versions)
{
	glob_t found;
	size_t i;

	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= least);
	for (i = 0; i < found.gl_pathc; i++)
		corpus_replay_file(found.gl_pathv[i], versions);
	globfree(&found);
}

#endif /* !CORPUS_H_ */
