/* The guard's fuzz target over its corpus. */
#include "corpus.h"

#define CORPUS "tests/fuzz/corpus/guard/*"
#define FILES_MIN 30

static void
test_guard_corpus_as_it_is_holds(void **state)
{
	corpus_replay(CORPUS, FILES_MIN, 0);
}

static void
test_guard_corpus_changed_a_little_holds(void **state)
{
	corpus_replay(CORPUS, FILES_MIN, 100);
}

#include "support/suite.h"
