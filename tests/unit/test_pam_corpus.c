/* The PAM module's fuzz target over its corpus. */
#include "corpus.h"

#define CORPUS "tests/fuzz/corpus/pam/*"
#define FILES_MIN 15

static void
test_pam_corpus_as_it_is_holds(void **state)
{
	corpus_replay(CORPUS, FILES_MIN, 0);
	/* Or nobody was ever let in, and it all held for no reason. */
	assert_true(fuzz_pam_let_in > 0);
}

static void
test_pam_corpus_changed_a_little_holds(void **state)
{
	corpus_replay(CORPUS, FILES_MIN, 150);
}

/* Each allocation, system call and call of libpam fails in its turn. */
static void
test_pam_corpus_with_each_failure_lets_nobody_in_by_it(void **state)
{
	static uint8_t input[INPUT_MAX];
	size_t len = corpus_read("tests/fuzz/corpus/pam/good", input);
	char plan[7];
	unsigned int kind, n;

	for (kind = 0; kind < 3; kind++) {
		for (n = 1; n < 256; n++) {
			(void)snprintf(plan, sizeof(plan), "%02x%02x%02x",
			    kind == 0 ? n : 0, kind == 1 ? n : 0,
			    kind == 2 ? n : 0);
			memcpy(input, plan, 6);
			assert_int_equal(LLVMFuzzerTestOneInput(input, len), 0);
		}
	}
}

#include "support/suite.h"
